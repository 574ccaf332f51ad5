"""The settings of a client, and how a call of either client begins."""

from __future__ import annotations

import sys
from os import PathLike

from . import _types
from ._arguments import (
    path,
    path_if_given,
    seconds,
    seconds_if_given,
    shown,
    since_1970,
    text,
    whole_number,
    whole_number_or_text,
    word,
    words,
    yes_or_no,
)
from ._drive import Call
from ._errors import ConfigError, refused
from ._ids import plain_id
from ._log import warn, warn_of_missing_journal
from ._model import request, value
from ._native import Client
from ._rows import native_datetime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Generic, TypeVar

    from ._native import Progress, PublishReport

    # Reports as the core writes them.
    Plain = list[dict[str, Any]]

    # What `access_token` may be, which is the only difference between the settings of the two clients.
    Token = TypeVar("Token")
    C = TypeVar("C", bound=type)
    A = TypeVar("A", bound="Settings[Any]")
else:
    from ._drive import Generic

    Token = object


class _Signature:
    """That of `__init__`, which a class with `__new__` does not show by itself."""

    def __get__(self, _: object, client: Any) -> object:
        from inspect import signature

        whole = signature(client.__init__)
        return whole.replace(parameters=list(whole.parameters.values())[1:])


def _named_in_errors(settings: C) -> C:
    """Makes clients refuse an unknown setting by the name of the client, and with the setting that was meant.

    Python's own error would name `Settings.__init__`.
    """

    client: Any = settings
    init: Any = client.__init__
    known = list(init.__kwdefaults__)

    def new(cls: Any, *others: object, **given: object) -> object:
        __tracebackhide__ = True
        unknown = next((name for name in given if name not in known), None)
        has_others = bool(others)
        del others, given  # which may have a secret
        if cls.__init__ is init:  # and not that of a class of the caller's
            if has_others:
                raise TypeError(f"{cls.__name__}() takes its settings by their names alone, such as firm_name=…")
            if unknown is not None:
                raise TypeError(f"{cls.__name__}() has no setting {unknown!r}. {_meant(unknown, known)}")
        return object.__new__(cls)

    client.__new__ = staticmethod(new)
    client.__signature__ = _Signature()
    return settings


@_named_in_errors
class Settings(Generic[Token]):
    """What both clients are made of."""

    _native: Client

    def __init__(
        self,
        *,
        firm_name: str | None = None,
        environment: _types.Environment | None = None,
        firm_id: str | int | None = None,
        key_id: str | None = None,
        key_secret: str | None = None,
        access_token: Token | None = None,
        base_url: str | None = None,
        timeout: float = 90.0,
        connect_timeout: float = 10.0,
        max_rate_limit_wait: float = 60.0,
        proxy: str | None = None,
        ca_file: str | PathLike[str] | None = None,
        journal_dir: str | PathLike[str] | None = None,
    ) -> None:
        # The names of secrets are gone from this frame before an error passes through it, which tools may show whole.
        __tracebackhide__ = True
        asks_for_token = callable(access_token)
        self._ask_for_token: Any = access_token if asks_for_token else None
        token: Any = None if asks_for_token else access_token
        try:
            _load_times()
            made = Client.make(
                firm_name=firm_name,
                environment=environment,
                firm_id=None if firm_id is None else whole_number_or_text("firm_id", firm_id),
                key_id=key_id,
                key_secret=key_secret,
                access_token=token,
                asks_for_token=asks_for_token,
                base_url=base_url,
                timeout=seconds_if_given("timeout", timeout),
                connect_timeout=seconds_if_given("connect_timeout", connect_timeout),
                max_rate_limit_wait=seconds_if_given("max_rate_limit_wait", max_rate_limit_wait),
                proxy=proxy,
                ca_file=path_if_given("ca_file", ca_file),
                journal_dir=path_if_given("journal_dir", journal_dir),
                started=_started(),
            )
        finally:
            del key_secret, access_token, token, proxy
        self._native = value(made)
        warning = self._native.warning
        if warning is not None:
            warn(warning, UserWarning)

    @property
    def base_url(self) -> str:
        """The base URL, without `/v1`."""
        return self._native.base_url

    @property
    def firm_id(self) -> str:
        """The firm's id, sent as `Addepar-Firm`."""
        return self._native.firm_id

    def __repr__(self) -> str:
        if not hasattr(self, "_native"):
            return f"<{type(self).__name__} that could not be made>"
        return f"{type(self).__name__}(base_url={self.base_url!r}, firm_id={self.firm_id!r})"

    def __reduce__(self) -> _types.Any:
        raise TypeError(f"a {type(self).__name__} holds credentials and is not pickled: make one where it is needed")

    def _start(
        self,
        file_ids: Iterable[_types.Id] | _types.GeneratedReport,
        *,
        portal_publishing: str,
        contact_notification: str,
        publish_override_contact_ids: Iterable[_types.Id],
        repeat: str,
    ) -> Call[PublishReport]:
        __tracebackhide__ = True
        asked = request(file_ids, portal_publishing, contact_notification, publish_override_contact_ids)
        started = value(self._native.start(asked, word(repeat)))
        warn_of_missing_journal(started)
        return Call(started, self._ask_for_token)

    def _start_batch(
        self,
        file_ids: Iterable[_types.Id] | _types.GeneratedReport | None,
        *,
        reports: Iterable[str],
        skip_published: bool,
        portal_publishing: str,
        contact_notification: str,
        publish_override_contact_ids: Iterable[_types.Id],
        journal: str | PathLike[str],
        chunk_size: int,
        on_progress: Callable[[Progress], object] | None,
        max_wait: float,
        pace: bool,
        stop_timeout: float | None,
        repeat: str,
    ) -> Call[PublishReport]:
        __tracebackhide__ = True
        _check_progress(on_progress)
        asked = request(file_ids, portal_publishing, contact_notification, publish_override_contact_ids, for_batch=True)
        options = _batch_options(journal, max_wait, pace, stop_timeout)
        from_reports = words("reports", reports), yes_or_no("skip_published", skip_published)
        size = whole_number("chunk_size", chunk_size)
        started = value(self._native.start_batch(asked, size, word(repeat), *options, *from_reports))
        warn_of_missing_journal(started)
        return Call(started, self._ask_for_token, on_progress)

    def _start_resume(
        self,
        journal: str | PathLike[str],
        *,
        on_progress: Callable[[Progress], object] | None,
        max_wait: float,
        pace: bool,
        stop_timeout: float | None,
    ) -> Call[PublishReport]:
        __tracebackhide__ = True
        _check_progress(on_progress)
        started = value(self._native.start_resume(*_batch_options(journal, max_wait, pace, stop_timeout)))
        warn_of_missing_journal(started)
        return Call(started, self._ask_for_token, on_progress)

    def _start_report(self, job_id: str) -> Call[Plain]:
        __tracebackhide__ = True
        return Call(self._native.start_report(text("job_id", job_id)), self._ask_for_token)

    def _start_reports(
        self,
        *,
        completed_after: _types.datetime | None,
        completed_before: _types.datetime | None,
        status: str | Iterable[str] | None,
        entity_id: _types.Id | None,
        group_id: _types.Id | None,
    ) -> Call[Plain]:
        __tracebackhide__ = True
        started = self._native.start_reports(
            since_1970("completed_after", completed_after),
            since_1970("completed_before", completed_before),
            words("status", () if status is None else status),
            None if entity_id is None else plain_id(entity_id),
            None if group_id is None else plain_id(group_id),
        )
        return Call(value(started), self._ask_for_token)

    def _start_settle(
        self, journal: str | PathLike[str], job_ids: Iterable[str], apply: bool
    ) -> Call[dict[str, _types.Any]]:
        __tracebackhide__ = True
        started = self._native.start_settle(
            path("journal", journal), words("job_ids", job_ids), yes_or_no("apply", apply)
        )
        return Call(value(started), self._ask_for_token)


def _load_times() -> None:
    """What is handed over has times: before anything is sent."""
    __tracebackhide__ = True
    try:
        native_datetime()
    except ImportError as error:
        raise not_loaded(error) from error


def not_loaded(error: Exception) -> ConfigError:
    """The error for a module that a call needs and that cannot be loaded, as where no descriptor is left."""
    return ConfigError(f"A module cannot be loaded: {error}. Nothing was sent.", outcome="not_processed")


def client_of(client: A | None, kind: type[A]) -> A:
    """The client of a call: one that is made from the environment where none is given."""
    __tracebackhide__ = True
    if not isinstance(client, kind | None):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise refused(f"`client` must be of type {kind.__name__}, not {shown(client)}.")
    return kind() if client is None else client  # a client may be falsy: a subclass may have a length


def _meant(unknown: str, settings: list[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(unknown, settings, 1)
    return f"Did you mean {close[0]!r}?" if close else f"It has {', '.join(settings)}."


def _started() -> str | None:
    """What was started, which may be a test runner; a program that Python is embedded in may not say."""
    argv: Any = getattr(sys, "argv", None)  # at the end of the interpreter it is None
    return argv[0] if argv and isinstance(argv, list) and isinstance(argv[0], str) else None


def _batch_options(
    journal: str | PathLike[str], max_wait: float, pace: bool, stop_timeout: float | None
) -> tuple[str, float, bool, float | None]:
    __tracebackhide__ = True
    return (
        path("journal", journal),
        seconds("max_wait", max_wait),
        yes_or_no("pace", pace),
        seconds_if_given("stop_timeout", stop_timeout),
    )


def _check_progress(on_progress: Callable[[Progress], object] | None) -> None:
    __tracebackhide__ = True
    if on_progress is None:
        return
    if not callable(on_progress):
        raise refused(f"`on_progress` must be a function, not {shown(on_progress)}.")
    from inspect import iscoroutinefunction

    if iscoroutinefunction(on_progress):
        raise refused("`on_progress` must be a plain function, not a coroutine function.")
