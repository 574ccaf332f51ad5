"""The client for asyncio, and the functions for a single call."""

from __future__ import annotations

from _collections_abc import Callable, Iterable
from os import PathLike

from . import _types
from ._drive import Call
from ._native import Progress, PublishReport
from ._settings import Settings, client_of, not_loaded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable

    from ._drive import R

    Token = str | Callable[[], str | Awaitable[str]]


class AsyncPortalClient(Settings["Token"]):
    """`PortalClient` for asyncio: the same arguments; `access_token` may also be an async function.

    That is awaited for as long as `timeout` says; then the call ends, and nothing was sent.
    """

    async def publish_files(
        self,
        file_ids: Iterable[_types.Id] | _types.GeneratedReport,
        *,
        portal_publishing: _types.PortalPublishing,
        contact_notification: _types.ContactNotification,
        publish_override_contact_ids: Iterable[_types.Id] = (),
        repeat: _types.Repeat = "refuse",
    ) -> PublishReport:
        """As `PortalClient.publish_files`.

        Cancelling drops the request at once. If it had begun to go out, the `CancelledError` has an
        `OutcomeUnknownError` as its cause, and one warning is logged.
        """
        __tracebackhide__ = True
        return await self._drive(
            self._start(
                file_ids,
                portal_publishing=portal_publishing,
                contact_notification=contact_notification,
                publish_override_contact_ids=publish_override_contact_ids,
                repeat=repeat,
            )
        )

    async def publish_batch(
        self,
        file_ids: Iterable[_types.Id] | _types.GeneratedReport | None = None,
        *,
        reports: Iterable[str] = (),
        skip_published: bool = False,
        portal_publishing: _types.PortalPublishing,
        contact_notification: _types.ContactNotification,
        publish_override_contact_ids: Iterable[_types.Id] = (),
        journal: str | PathLike[str],
        chunk_size: int = 100,
        on_progress: Callable[[Progress], object] | None = None,
        max_wait: float = 3600.0,
        pace: bool = False,
        stop_timeout: float | None = None,
        repeat: _types.Repeat = "refuse",
    ) -> PublishReport:
        """As `PortalClient.publish_batch`; `on_progress` is called on the loop.

        Cancelling stops the batch, and a warning is logged at once: the request in flight is awaited and
        recorded, then `CancelledError` is raised with a `StoppedError` as its cause, or with the error of that
        request if it had one. A second cancel drops that request; a cancelled scope of anyio counts once, however
        often it cancels again.
        """
        __tracebackhide__ = True
        return await self._drive(
            self._start_batch(
                file_ids,
                reports=reports,
                skip_published=skip_published,
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
        __tracebackhide__ = True
        return await self._drive(
            self._start_resume(
                journal, on_progress=on_progress, max_wait=max_wait, pace=pace, stop_timeout=stop_timeout
            )
        )

    async def generated_report(self, job_id: str) -> _types.GeneratedReport:
        """As `PortalClient.generated_report`. Cancelling ends it at once."""
        __tracebackhide__ = True
        from ._generated_reports import read_report

        return read_report(await self._drive(self._start_report(job_id)))

    async def generated_reports(
        self,
        *,
        completed_after: _types.datetime | None = None,
        completed_before: _types.datetime | None = None,
        status: str | Iterable[str] | None = None,
        entity_id: _types.Id | None = None,
        group_id: _types.Id | None = None,
    ) -> _types.GeneratedReports:
        """As `PortalClient.generated_reports`."""
        __tracebackhide__ = True
        from ._generated_reports import read_reports

        return read_reports(
            await self._drive(
                self._start_reports(
                    completed_after=completed_after,
                    completed_before=completed_before,
                    status=status,
                    entity_id=entity_id,
                    group_id=group_id,
                )
            )
        )

    async def _drive(self, call: Call[R]) -> R:
        __tracebackhide__ = True
        try:
            from . import _bells  # asyncio is there by now, and need not be before
        except (ImportError, OSError) as error:
            raise not_loaded(error) from error
        return await _bells.drive(call)

    async def aclose(self) -> None:
        """Does nothing: no connection outlives its call. It is here for `async with` and `contextlib.aclosing`."""

    async def __aenter__(self) -> _types.Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        await self.aclose()


async def publish_files_async(
    file_ids: Iterable[_types.Id] | _types.GeneratedReport,
    *,
    portal_publishing: _types.PortalPublishing,
    contact_notification: _types.ContactNotification,
    publish_override_contact_ids: Iterable[_types.Id] = (),
    repeat: _types.Repeat = "refuse",
    client: AsyncPortalClient | None = None,
) -> PublishReport:
    """Publishes from 1 to 500 files; see `AsyncPortalClient.publish_files`.

    Without a `client`, one is made from the environment for this call.
    """
    __tracebackhide__ = True
    return await client_of(client, AsyncPortalClient).publish_files(
        file_ids,
        portal_publishing=portal_publishing,
        contact_notification=contact_notification,
        publish_override_contact_ids=publish_override_contact_ids,
        repeat=repeat,
    )


async def publish_batch_async(
    file_ids: Iterable[_types.Id] | _types.GeneratedReport | None = None,
    *,
    reports: Iterable[str] = (),
    skip_published: bool = False,
    portal_publishing: _types.PortalPublishing,
    contact_notification: _types.ContactNotification,
    publish_override_contact_ids: Iterable[_types.Id] = (),
    journal: str | PathLike[str],
    chunk_size: int = 100,
    on_progress: Callable[[Progress], object] | None = None,
    max_wait: float = 3600.0,
    pace: bool = False,
    stop_timeout: float | None = None,
    repeat: _types.Repeat = "refuse",
    client: AsyncPortalClient | None = None,
) -> PublishReport:
    """Publishes any number of files with a journal; see `AsyncPortalClient.publish_batch`."""
    __tracebackhide__ = True
    return await client_of(client, AsyncPortalClient).publish_batch(
        file_ids,
        reports=reports,
        skip_published=skip_published,
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


async def resume_async(
    journal: str | PathLike[str],
    *,
    on_progress: Callable[[Progress], object] | None = None,
    max_wait: float = 3600.0,
    pace: bool = False,
    stop_timeout: float | None = None,
    client: AsyncPortalClient | None = None,
) -> PublishReport:
    """Resumes the batch of a journal; see `AsyncPortalClient.resume`."""
    __tracebackhide__ = True
    return await client_of(client, AsyncPortalClient).resume(
        journal, on_progress=on_progress, max_wait=max_wait, pace=pace, stop_timeout=stop_timeout
    )


# The public names, for tracebacks and pickles.
for _public in (publish_files_async, publish_batch_async, resume_async, AsyncPortalClient):
    _public.__module__ = "addepar_portal"
del _public
