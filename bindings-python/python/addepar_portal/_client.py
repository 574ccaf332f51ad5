"""The clients and the functions for a single call."""

from __future__ import annotations

from operator import index
from os import PathLike, fspath

from ._arguments import seconds, seconds_if_given, whole_number, word, yes_or_no
from ._drive import Call, drive
from ._errors import InputError
from ._model import request, value
from ._native import Client

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from types import TracebackType
    from typing import Any, TypeVar

    from typing_extensions import Self

    from ._native import Progress, PublishReport
    from ._types import ContactNotification, Environment, Id, PortalPublishing, Repeat

    C = TypeVar("C", bound="PortalClient | AsyncPortalClient")


class _Settings:
    """What both clients are made of."""

    _native: Client
    _access_token: Any

    def __init__(
        self,
        *,
        firm_name: str | None = None,
        environment: Environment | None = None,
        firm_id: str | int | None = None,
        key_id: str | None = None,
        key_secret: str | None = None,
        access_token: Any = None,
        base_url: str | None = None,
        timeout: float = 90.0,
        connect_timeout: float = 10.0,
        max_rate_limit_wait: float = 60.0,
        proxy: str | None = None,
        ca_file: str | PathLike[str] | None = None,
        journal_dir: str | PathLike[str] | None = None,
    ) -> None:
        self._access_token = access_token
        self._native = value(
            Client.make(
                firm_name=firm_name,
                environment=environment,
                firm_id=firm_id if firm_id is None or isinstance(firm_id, str) else str(index(firm_id)),
                key_id=key_id,
                key_secret=key_secret,
                access_token=None if callable(access_token) else access_token,
                asks_for_token=callable(access_token),
                base_url=base_url,
                timeout=seconds_if_given("timeout", timeout),
                connect_timeout=seconds_if_given("connect_timeout", connect_timeout),
                max_rate_limit_wait=seconds_if_given("max_rate_limit_wait", max_rate_limit_wait),
                proxy=proxy,
                ca_file=None if ca_file is None else fspath(ca_file),
                journal_dir=None if journal_dir is None else fspath(journal_dir),
            )
        )
        warning = self._native.warning
        if warning is not None:
            import warnings

            warnings.warn(warning, stacklevel=3)

    @property
    def base_url(self) -> str:
        """The base URL, without `/v1`."""
        return self._native.base_url

    @property
    def firm_id(self) -> str:
        """The firm's id, sent as `Addepar-Firm`."""
        return self._native.firm_id

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.base_url!r}, firm_id={self.firm_id!r})"

    def __reduce__(self) -> Any:
        raise TypeError(f"a {type(self).__name__} holds credentials and is not pickled: make one where it is needed")

    def _start(
        self,
        file_ids: Iterable[Id],
        portal_publishing: str,
        contact_notification: str,
        contacts: Iterable[Id],
        repeat: str,
    ) -> Call:
        asked = request(file_ids, portal_publishing, contact_notification, contacts)
        return Call(value(self._native.start(asked, word(repeat))))

    def _start_batch(
        self,
        file_ids: Iterable[Id],
        modes: tuple[str, str],
        contacts: Iterable[Id],
        options: tuple[str | PathLike[str], int, float, bool, float | None, str],
        on_progress: Callable[[Progress], object] | None,
    ) -> Call:
        journal, chunk_size, max_wait, pace, stop_timeout, repeat = options
        _check_progress(on_progress)
        asked = request(file_ids, *modes, contacts, for_batch=True)
        started = self._native.start_batch(
            asked,
            fspath(journal),
            whole_number("chunk_size", chunk_size),
            seconds("max_wait", max_wait),
            yes_or_no("pace", pace),
            None if stop_timeout is None else seconds("stop_timeout", stop_timeout),
            word(repeat),
        )
        return Call(value(started), on_progress)

    def _start_resume(
        self,
        journal: str | PathLike[str],
        max_wait: float,
        pace: bool,
        stop_timeout: float | None,
        on_progress: Callable[[Progress], object] | None,
    ) -> Call:
        _check_progress(on_progress)
        started = self._native.start_resume(
            fspath(journal),
            seconds("max_wait", max_wait),
            yes_or_no("pace", pace),
            None if stop_timeout is None else seconds("stop_timeout", stop_timeout),
        )
        return Call(value(started), on_progress)


def _check_progress(on_progress: Callable[[Progress], object] | None) -> None:
    if on_progress is None:
        return
    if not callable(on_progress):
        raise InputError(f"on_progress is {type(on_progress).__name__}: it is a function. Nothing was sent.")
    from inspect import iscoroutinefunction

    if iscoroutinefunction(on_progress):
        raise InputError("on_progress is a coroutine function: it is a plain one. Nothing was sent.")


class PortalClient(_Settings):
    """A client for one firm. One client serves many threads at once.

    Arguments that are not given come from the environment: `ADDEPAR_FIRM_NAME`, `ADDEPAR_ENVIRONMENT`,
    `ADDEPAR_FIRM_ID`, `ADDEPAR_KEY_ID`, `ADDEPAR_KEY_SECRET`, `ADDEPAR_ACCESS_TOKEN`, `ADDEPAR_BASE_URL`.

    Args:
        firm_name: The firm's subdomain: `examplefirm` of examplefirm.addepar.com.
        environment: `production` (default), `development` or `sandbox`.
        firm_id: The firm's id.
        key_id, key_secret: The API key and its secret.
        access_token: An OAuth 2.0 access token instead of the key, or a function that returns one. The
            function is asked once, and again once after a 401. What it raises is raised, with a
            `PortalError` as its cause.
        base_url: The whole base URL instead of `firm_name` and `environment`.
        timeout: Seconds for one attempt, waits excluded. Addepar itself takes up to 60.
        connect_timeout: Seconds for connecting.
        max_rate_limit_wait: Seconds that all waits for the rate limit may take together.
        proxy: The URL of an HTTP proxy; default: `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`.
        ca_file: A PEM file with certificates that are trusted beside the system's; default: `REQUESTS_CA_BUNDLE`.
        journal_dir: A folder in which every call leaves a journal (`ADDEPAR_JOURNAL_DIR`). What one of them
            shows as sent is refused unless `repeat="allow"`.

    Raises:
        ConfigError: Settings are missing or contradict each other.
    """

    def __init__(
        self,
        *,
        firm_name: str | None = None,
        environment: Environment | None = None,
        firm_id: str | int | None = None,
        key_id: str | None = None,
        key_secret: str | None = None,
        access_token: str | Callable[[], str] | None = None,
        base_url: str | None = None,
        timeout: float = 90.0,
        connect_timeout: float = 10.0,
        max_rate_limit_wait: float = 60.0,
        proxy: str | None = None,
        ca_file: str | PathLike[str] | None = None,
        journal_dir: str | PathLike[str] | None = None,
    ) -> None:
        super().__init__(
            firm_name=firm_name,
            environment=environment,
            firm_id=firm_id,
            key_id=key_id,
            key_secret=key_secret,
            access_token=access_token,
            base_url=base_url,
            timeout=timeout,
            connect_timeout=connect_timeout,
            max_rate_limit_wait=max_rate_limit_wait,
            proxy=proxy,
            ca_file=ca_file,
            journal_dir=journal_dir,
        )

    def publish_files(
        self,
        file_ids: Iterable[Id],
        *,
        portal_publishing: PortalPublishing,
        contact_notification: ContactNotification,
        publish_override_contact_ids: Iterable[Id] = (),
        repeat: Repeat = "refuse",
    ) -> PublishReport:
        """Publishes from 1 to 500 files with exactly one POST that the server may process.

        A partial failure is a result, not an exception: look at `report.ok` and `report.failed`.

        Args:
            file_ids: From 1 to 500 distinct files: any iterable of ids, such as a list or one column of a
                data frame, but nothing whose fields or columns have names.
            portal_publishing: Whose portals the files are published to: `publish` (every contact's),
                `use_contact_preference` or `do_not_publish`.
            contact_notification: Who is e-mailed: `notify` (every contact), `use_contact_preference` or
                `do_not_notify`.
            publish_override_contact_ids: Contacts who receive **every** file of the call.
            repeat: `allow` sends files that a journal in `journal_dir` shows as sent.

        Raises:
            InputError: A value cannot be sent. Nothing was sent.
            ConnectError: The server was never reached.
            RejectedError: The server refused the whole request.
            OutcomeUnknownError: The files may have been published and e-mailed. Look before you send again.
        """
        return drive(
            self._start(file_ids, portal_publishing, contact_notification, publish_override_contact_ids, repeat),
            self._access_token,
        )

    def publish_batch(
        self,
        file_ids: Iterable[Id],
        *,
        portal_publishing: PortalPublishing,
        contact_notification: ContactNotification,
        publish_override_contact_ids: Iterable[Id] = (),
        journal: str | PathLike[str],
        chunk_size: int = 100,
        on_progress: Callable[[Progress], object] | None = None,
        max_wait: float = 3600.0,
        pace: bool = False,
        stop_timeout: float | None = None,
        repeat: Repeat = "refuse",
    ) -> PublishReport:
        """Publishes any number of files in chunks, one request at a time, with a journal.

        Called again with the same arguments and the same journal it goes on where it ended: what was
        processed, or may have been, is never sent again.

        Ctrl-C stops it, and a warning is logged at once: the request in flight is awaited and recorded, then
        `KeyboardInterrupt` is raised with a `StoppedError` as its cause. A second one drops that request,
        whose files are then `unknown`.

        Args:
            file_ids: Distinct files, any number.
            portal_publishing, contact_notification, publish_override_contact_ids: As in `publish_files`;
                override contacts receive **every** file of the batch.
            journal: A file that does not exist yet, or the journal of this batch.
            chunk_size: How many files go into one request, from 1 to 500. A crash makes up to this many
                unknown.
            on_progress: Called on this thread with a `Progress` at the beginning, after each chunk and at
                each wait. An exception in it stops the batch as Ctrl-C does.
            max_wait: Seconds that all waits for the rate limit may take together.
            pace: Whether to keep to the published limits (50 requests in 15 minutes, 1,000 in 24 hours)
                before the server has to refuse.
            stop_timeout: Seconds that a batch which is stopped waits for the request in flight; then the request is
                dropped, and its files are `unknown`. Default: as long as the client's `timeout` allows.
            repeat: `allow` sends files that a journal in `journal_dir` shows as sent.

        Raises:
            JournalError: The journal cannot be used, or waits for a decision about unknown files: then
                nothing more is sent. Its report says what was.
            OutcomeUnknownError: The outcome of a chunk is unknown. The batch stopped there.
            RejectedError, ConnectError: A chunk was not processed. The batch stopped there.
        """
        return drive(
            self._start_batch(
                file_ids,
                (portal_publishing, contact_notification),
                publish_override_contact_ids,
                (journal, chunk_size, max_wait, pace, stop_timeout, repeat),
                on_progress,
            ),
            self._access_token,
        )

    def resume(
        self,
        journal: str | PathLike[str],
        *,
        on_progress: Callable[[Progress], object] | None = None,
        max_wait: float = 3600.0,
        pace: bool = False,
        stop_timeout: float | None = None,
    ) -> PublishReport:
        """Goes on with the batch that a journal is of; see `publish_batch`.

        Files that a person found not to be published are sent, in chunks of their own.
        """
        return drive(self._start_resume(journal, max_wait, pace, stop_timeout, on_progress), self._access_token)

    def close(self) -> None:
        """Does nothing: no connection outlives its call. It is here for `with` and `contextlib.closing`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class AsyncPortalClient(_Settings):
    """`PortalClient` for asyncio: the same arguments; `access_token` may also be an async function."""

    def __init__(
        self,
        *,
        firm_name: str | None = None,
        environment: Environment | None = None,
        firm_id: str | int | None = None,
        key_id: str | None = None,
        key_secret: str | None = None,
        access_token: str | Callable[[], str | Awaitable[str]] | None = None,
        base_url: str | None = None,
        timeout: float = 90.0,
        connect_timeout: float = 10.0,
        max_rate_limit_wait: float = 60.0,
        proxy: str | None = None,
        ca_file: str | PathLike[str] | None = None,
        journal_dir: str | PathLike[str] | None = None,
    ) -> None:
        super().__init__(
            firm_name=firm_name,
            environment=environment,
            firm_id=firm_id,
            key_id=key_id,
            key_secret=key_secret,
            access_token=access_token,
            base_url=base_url,
            timeout=timeout,
            connect_timeout=connect_timeout,
            max_rate_limit_wait=max_rate_limit_wait,
            proxy=proxy,
            ca_file=ca_file,
            journal_dir=journal_dir,
        )

    async def publish_files(
        self,
        file_ids: Iterable[Id],
        *,
        portal_publishing: PortalPublishing,
        contact_notification: ContactNotification,
        publish_override_contact_ids: Iterable[Id] = (),
        repeat: Repeat = "refuse",
    ) -> PublishReport:
        """As `PortalClient.publish_files`.

        Cancelling drops the request at once. If it had begun to go out, the `CancelledError` has an
        `OutcomeUnknownError` as its cause, and one warning is logged.
        """
        return await self._drive(
            self._start(file_ids, portal_publishing, contact_notification, publish_override_contact_ids, repeat)
        )

    async def publish_batch(
        self,
        file_ids: Iterable[Id],
        *,
        portal_publishing: PortalPublishing,
        contact_notification: ContactNotification,
        publish_override_contact_ids: Iterable[Id] = (),
        journal: str | PathLike[str],
        chunk_size: int = 100,
        on_progress: Callable[[Progress], object] | None = None,
        max_wait: float = 3600.0,
        pace: bool = False,
        stop_timeout: float | None = None,
        repeat: Repeat = "refuse",
    ) -> PublishReport:
        """As `PortalClient.publish_batch`; `on_progress` is called on the loop.

        Cancelling stops the batch, and a warning is logged at once: the request in flight is awaited and
        recorded, then `CancelledError` is raised with a `StoppedError` as its cause. A second cancel drops
        that request; a cancelled scope of anyio counts once, however often it cancels again.
        """
        return await self._drive(
            self._start_batch(
                file_ids,
                (portal_publishing, contact_notification),
                publish_override_contact_ids,
                (journal, chunk_size, max_wait, pace, stop_timeout, repeat),
                on_progress,
            )
        )

    async def resume(
        self,
        journal: str | PathLike[str],
        *,
        on_progress: Callable[[Progress], object] | None = None,
        max_wait: float = 3600.0,
        pace: bool = False,
        stop_timeout: float | None = None,
    ) -> PublishReport:
        """As `PortalClient.resume`."""
        return await self._drive(self._start_resume(journal, max_wait, pace, stop_timeout, on_progress))

    async def _drive(self, call: Call) -> PublishReport:
        from . import _bells  # asyncio is there by now, and need not be before

        return await _bells.drive(call, self._access_token)

    async def aclose(self) -> None:
        """Does nothing: no connection outlives its call. It is here for `async with` and `contextlib.aclosing`."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()


def publish_files(
    file_ids: Iterable[Id],
    *,
    portal_publishing: PortalPublishing,
    contact_notification: ContactNotification,
    publish_override_contact_ids: Iterable[Id] = (),
    repeat: Repeat = "refuse",
    client: PortalClient | None = None,
) -> PublishReport:
    """Publishes from 1 to 500 files; see `PortalClient.publish_files`.

    Modes: `publish`, `use_contact_preference`, `do_not_publish`; `notify`, `use_contact_preference`,
    `do_not_notify`. Without a `client`, one is made from the environment for this call.
    """
    return _client(client, PortalClient).publish_files(
        file_ids,
        portal_publishing=portal_publishing,
        contact_notification=contact_notification,
        publish_override_contact_ids=publish_override_contact_ids,
        repeat=repeat,
    )


async def publish_files_async(
    file_ids: Iterable[Id],
    *,
    portal_publishing: PortalPublishing,
    contact_notification: ContactNotification,
    publish_override_contact_ids: Iterable[Id] = (),
    repeat: Repeat = "refuse",
    client: AsyncPortalClient | None = None,
) -> PublishReport:
    """Publishes from 1 to 500 files; see `AsyncPortalClient.publish_files`.

    Without a `client`, one is made from the environment for this call.
    """
    return await _client(client, AsyncPortalClient).publish_files(
        file_ids,
        portal_publishing=portal_publishing,
        contact_notification=contact_notification,
        publish_override_contact_ids=publish_override_contact_ids,
        repeat=repeat,
    )


def publish_batch(
    file_ids: Iterable[Id],
    *,
    portal_publishing: PortalPublishing,
    contact_notification: ContactNotification,
    publish_override_contact_ids: Iterable[Id] = (),
    journal: str | PathLike[str],
    chunk_size: int = 100,
    on_progress: Callable[[Progress], object] | None = None,
    max_wait: float = 3600.0,
    pace: bool = False,
    stop_timeout: float | None = None,
    repeat: Repeat = "refuse",
    client: PortalClient | None = None,
) -> PublishReport:
    """Publishes any number of files with a journal; see `PortalClient.publish_batch`."""
    return _client(client, PortalClient).publish_batch(
        file_ids,
        portal_publishing=portal_publishing,
        contact_notification=contact_notification,
        publish_override_contact_ids=publish_override_contact_ids,
        journal=journal,
        chunk_size=chunk_size,
        on_progress=on_progress,
        max_wait=max_wait,
        pace=pace,
        stop_timeout=stop_timeout,
        repeat=repeat,
    )


async def publish_batch_async(
    file_ids: Iterable[Id],
    *,
    portal_publishing: PortalPublishing,
    contact_notification: ContactNotification,
    publish_override_contact_ids: Iterable[Id] = (),
    journal: str | PathLike[str],
    chunk_size: int = 100,
    on_progress: Callable[[Progress], object] | None = None,
    max_wait: float = 3600.0,
    pace: bool = False,
    stop_timeout: float | None = None,
    repeat: Repeat = "refuse",
    client: AsyncPortalClient | None = None,
) -> PublishReport:
    """Publishes any number of files with a journal; see `AsyncPortalClient.publish_batch`."""
    return await _client(client, AsyncPortalClient).publish_batch(
        file_ids,
        portal_publishing=portal_publishing,
        contact_notification=contact_notification,
        publish_override_contact_ids=publish_override_contact_ids,
        journal=journal,
        chunk_size=chunk_size,
        on_progress=on_progress,
        max_wait=max_wait,
        pace=pace,
        stop_timeout=stop_timeout,
        repeat=repeat,
    )


def _client(client: C | None, kind: type[C]) -> C:
    if not isinstance(client, kind | None):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InputError(f"client is {type(client).__name__}: it is of type {kind.__name__}. Nothing was sent.")
    return kind() if client is None else client  # a client may be falsy: a subclass may have a length
