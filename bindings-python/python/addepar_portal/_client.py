"""The clients and the functions for a single call."""

from __future__ import annotations

from os import PathLike, fspath

from . import _log
from ._errors import InputError, PortalError
from ._native import Client, PublishRequest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from types import TracebackType
    from typing import Any, NoReturn

    from typing_extensions import Self

    from ._native import Call, PublishReport
    from ._types import ContactNotification, Environment, Id, PortalPublishing


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
    ) -> None:
        self._access_token = access_token
        self._native = Client(
            firm_name=firm_name,
            environment=environment,
            firm_id=None if firm_id is None else str(firm_id),
            key_id=key_id,
            key_secret=key_secret,
            access_token=None if callable(access_token) else access_token,
            asks_for_token=callable(access_token),
            base_url=base_url,
            timeout=timeout,
            connect_timeout=connect_timeout,
            max_rate_limit_wait=max_rate_limit_wait,
            proxy=proxy,
            ca_file=None if ca_file is None else fspath(ca_file),
        )
        if warning := self._native.warning:
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
        self, file_ids: Iterable[Id], portal_publishing: str, contact_notification: str, contacts: Iterable[Id]
    ) -> Call:
        request = PublishRequest(
            file_ids,
            portal_publishing=portal_publishing,  # type: ignore[arg-type]  # the core looks at it
            contact_notification=contact_notification,  # type: ignore[arg-type]
            publish_override_contact_ids=contacts,
        )
        call = self._native.start(request)
        _log.watch(call)
        return call


def _refuse(call: Call, error: Exception) -> NoReturn:
    """Ends a call whose token callable failed. The error's words stay out: they may hold a secret."""
    call.refuse_token(f"the callable raised {type(error).__name__}")
    try:
        call.result()
    except PortalError as refusal:
        raise refusal from error
    raise error


def _checked(token: object) -> str:
    if not isinstance(token, str):
        raise TypeError(f"access_token returned {type(token).__name__}: it returns a str")
    return token


def _drop(call: Call, interrupt: BaseException) -> None:
    """Ends a call for an exception from outside, which gets what may have happened as its cause."""
    if cause := call.abandon():
        interrupt.__cause__ = cause


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
            function is asked once, and again once after a 401.
        base_url: The whole base URL instead of `firm_name` and `environment`.
        timeout: Seconds for one attempt, waits excluded. Addepar itself takes up to 60.
        connect_timeout: Seconds for connecting.
        max_rate_limit_wait: Seconds that all waits for the rate limit may take together.
        proxy: The URL of an HTTP proxy; default: `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`.
        ca_file: A PEM file with certificates that are trusted beside the system's.

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
        )

    def publish_files(
        self,
        file_ids: Iterable[Id],
        *,
        portal_publishing: PortalPublishing,
        contact_notification: ContactNotification,
        publish_override_contact_ids: Iterable[Id] = (),
    ) -> PublishReport:
        """Publishes from 1 to 500 files with exactly one POST that the server may process.

        A partial failure is a result, not an exception: look at `report.ok` and `report.failed`.

        Args:
            file_ids: From 1 to 500 distinct files.
            portal_publishing: Whose portals the files are published to: `publish` (every contact's),
                `use_contact_preference` or `do_not_publish`.
            contact_notification: Who is e-mailed: `notify` (every contact), `use_contact_preference` or
                `do_not_notify`.
            publish_override_contact_ids: Contacts who receive **every** file of the call.

        Raises:
            InputError: A value cannot be sent. Nothing was sent.
            ConnectError: The server was never reached.
            RejectedError: The server refused the whole request.
            OutcomeUnknownError: The files may have been published and e-mailed. Look before you send again.
        """
        call = self._start(file_ids, portal_publishing, contact_notification, publish_override_contact_ids)
        try:
            while True:
                turn = call.run()
                _log.tell(call)
                if turn == "done":
                    return call.result()
                if turn == "token_wanted":
                    try:
                        token = _checked(self._access_token())
                    except Exception as error:
                        _refuse(call, error)
                    call.provide_token(token)
        except PortalError:
            raise
        except BaseException as interrupt:
            _drop(call, interrupt)
            raise

    def close(self) -> None:
        """Closes idle connections. A later call opens new ones."""
        self._native.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._native.close()


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
        )

    async def publish_files(
        self,
        file_ids: Iterable[Id],
        *,
        portal_publishing: PortalPublishing,
        contact_notification: ContactNotification,
        publish_override_contact_ids: Iterable[Id] = (),
    ) -> PublishReport:
        """As `PortalClient.publish_files`.

        Cancelling drops the request at once. If it had begun to go out, the `CancelledError` has an
        `OutcomeUnknownError` as its cause, and one warning is logged.
        """
        from . import _bells  # asyncio is there by now, and need not be before

        call = self._start(file_ids, portal_publishing, contact_notification, publish_override_contact_ids)
        try:
            while True:
                turn = await _bells.run(call)
                _log.tell(call)
                if turn == "done":
                    return call.result()
                if turn == "token_wanted":
                    try:
                        token = self._access_token()
                        token = _checked(token if isinstance(token, str) else await token)
                    except Exception as error:
                        _refuse(call, error)
                    call.provide_token(token)
        except PortalError:
            raise
        except BaseException as interrupt:
            _drop(call, interrupt)
            raise

    async def aclose(self) -> None:
        """Closes idle connections. A later call opens new ones."""
        self._native.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._native.close()


def publish_files(
    file_ids: Iterable[Id],
    *,
    portal_publishing: PortalPublishing,
    contact_notification: ContactNotification,
    publish_override_contact_ids: Iterable[Id] = (),
    client: PortalClient | None = None,
) -> PublishReport:
    """Publishes from 1 to 500 files; see `PortalClient.publish_files`.

    Modes: `publish`, `use_contact_preference`, `do_not_publish`; `notify`, `use_contact_preference`,
    `do_not_notify`. Without a `client`, one is made from the environment for this call.
    """
    if not isinstance(client, PortalClient | None):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InputError(f"client is {type(client).__name__}: it is a PortalClient. Nothing was sent.")
    return (client or PortalClient()).publish_files(
        file_ids,
        portal_publishing=portal_publishing,
        contact_notification=contact_notification,
        publish_override_contact_ids=publish_override_contact_ids,
    )


async def publish_files_async(
    file_ids: Iterable[Id],
    *,
    portal_publishing: PortalPublishing,
    contact_notification: ContactNotification,
    publish_override_contact_ids: Iterable[Id] = (),
    client: AsyncPortalClient | None = None,
) -> PublishReport:
    """Publishes from 1 to 500 files; see `AsyncPortalClient.publish_files`.

    Without a `client`, one is made from the environment for this call.
    """
    if not isinstance(client, AsyncPortalClient | None):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InputError(f"client is {type(client).__name__}: it is an AsyncPortalClient. Nothing was sent.")
    return await (client or AsyncPortalClient()).publish_files(
        file_ids,
        portal_publishing=portal_publishing,
        contact_notification=contact_notification,
        publish_override_contact_ids=publish_override_contact_ids,
    )
