"""The functions for a single call."""

from __future__ import annotations

from _collections_abc import Callable, Iterable
from os import PathLike

from . import _types
from ._arguments import shown
from ._async_client import AsyncPortalClient
from ._client import PortalClient
from ._errors import refused
from ._native import Progress, PublishReport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    C = TypeVar("C", PortalClient, AsyncPortalClient)


def publish_files(
    file_ids: Iterable[_types.Id] | _types.GeneratedReport,
    *,
    portal_publishing: _types.PortalPublishing,
    contact_notification: _types.ContactNotification,
    publish_override_contact_ids: Iterable[_types.Id] = (),
    repeat: _types.Repeat = "refuse",
    client: PortalClient | None = None,
) -> PublishReport:
    """Publishes from 1 to 500 files; see `PortalClient.publish_files`.

    Modes: `publish`, `use_contact_preference`, `do_not_publish`; `notify`, `use_contact_preference`,
    `do_not_notify`. Without a `client`, one is made from the environment for this call.
    """
    __tracebackhide__ = True
    return _client(client, PortalClient).publish_files(
        file_ids,
        portal_publishing=portal_publishing,
        contact_notification=contact_notification,
        publish_override_contact_ids=publish_override_contact_ids,
        repeat=repeat,
    )


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
    return await _client(client, AsyncPortalClient).publish_files(
        file_ids,
        portal_publishing=portal_publishing,
        contact_notification=contact_notification,
        publish_override_contact_ids=publish_override_contact_ids,
        repeat=repeat,
    )


def publish_batch(
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
    client: PortalClient | None = None,
) -> PublishReport:
    """Publishes any number of files with a journal; see `PortalClient.publish_batch`."""
    __tracebackhide__ = True
    return _client(client, PortalClient).publish_batch(
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
    return await _client(client, AsyncPortalClient).publish_batch(
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


def resume(
    journal: str | PathLike[str],
    *,
    on_progress: Callable[[Progress], object] | None = None,
    max_wait: float = 3600.0,
    pace: bool = False,
    stop_timeout: float | None = None,
    client: PortalClient | None = None,
) -> PublishReport:
    """Goes on with the batch that a journal is of; see `PortalClient.resume`."""
    __tracebackhide__ = True
    return _client(client, PortalClient).resume(
        journal, on_progress=on_progress, max_wait=max_wait, pace=pace, stop_timeout=stop_timeout
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
    """Goes on with the batch that a journal is of; see `AsyncPortalClient.resume`."""
    __tracebackhide__ = True
    return await _client(client, AsyncPortalClient).resume(
        journal, on_progress=on_progress, max_wait=max_wait, pace=pace, stop_timeout=stop_timeout
    )


def _client(client: C | None, kind: type[C]) -> C:
    __tracebackhide__ = True
    if not isinstance(client, kind | None):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise refused(f"`client` must be of type {kind.__name__}, not {shown(client)}.")
    return kind() if client is None else client  # a client may be falsy: a subclass may have a length
