"""Journals, for people who look at a run and decide about files whose outcome is unknown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from os import PathLike
from typing import Any

from . import _types
from ._arguments import path as path_of
from ._arguments import shown, text, word
from ._async_client import AsyncPortalClient
from ._client import PortalClient
from ._drive import drive, finish
from ._errors import refused
from ._generated_reports import Settlement, read_settlement
from ._ids import plain_ids
from ._log import warn_of_decision
from ._model import value
from ._native import FileResult, PublishReport
from ._native import Journal as Native
from ._native import forget_journal as _forget_journal
from ._native import init_journal_dir as _init_journal_dir
from ._rows import utc_if_known


@dataclass(frozen=True, slots=True)
class JournalledFile:
    """A file in a journal."""

    file_id: int
    """The file."""
    state: _types.State
    """Its state, as far as the server said: `ok`, `failed`, `unknown` or `not_processed`."""
    result: FileResult
    """What became of it, as in a report."""
    chunk: int
    """The chunk in which it was, or will be, sent; from 1."""
    decision: str | None
    """What a person decided about it: `published`, `not_published` or `leave`."""
    decided_by: str | None
    """Who decided."""
    decided_at: _types.datetime | None
    """When, in UTC."""
    evidence: str | None
    """On what evidence."""
    in_flight: bool
    """Whether another call was sending it, or about to, when the journal was read: nobody has to decide about it."""


@dataclass(frozen=True, slots=True)
class JournalledChunk:
    """A chunk in a journal: the files of one request."""

    chunk: int
    """Its number, from 1."""
    state: str
    """`processed`, `unknown`, `not_processed`, or `in_flight` if another call is sending it, or is about to."""
    attempts: int
    """How often it was about to be sent."""
    sent_at: _types.datetime | None
    """When it was sent last, in UTC."""
    file_ids: tuple[int, ...]
    """Its files."""


def init_journal_dir(folder: str | PathLike[str]) -> str:
    """Sets a folder up for journals, once: it is made if it is missing, and marked.

    `journal_dir` takes no other folder, since a share that is not mounted looks like an empty one. A folder that was
    set up before keeps its id.

    Returns:
        The folder's id.

    Raises:
        JournalError: It cannot be made or written.
    """
    __tracebackhide__ = True
    identity: str = finish(_init_journal_dir(path_of("folder", folder)))
    return identity


def forget_journal(path: str | PathLike[str]) -> tuple[int, ...]:
    """Records that a journal is gone for good, or will not have again what it lost.

    Calls with its folder refuse to send anything until then, since nobody knows any more what it showed as sent.

    Returns:
        The files that it named: any of them may have been published and e-mailed. Check each in Addepar before it is
        sent again.

    Raises:
        JournalError: No call misses anything of it, what is left of it is still there, or its folder cannot be used.
        ConfigError: Its folder is not one for journals.
    """
    __tracebackhide__ = True
    file_ids: list[int] = finish(_forget_journal(path_of("path", path)))
    return tuple(file_ids)


class Journal:
    """A journal as it is on disk when this is made, with what is recorded by this object since. Another process may be
    writing it, and another person may decide: make a new one to see that.

    Raises:
        JournalError: It is missing, damaged, cut short or of a newer version.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        __tracebackhide__ = True
        self.path = path_of("path", path)
        """Where it is."""
        self._native: Native = finish(Native.open(self.path))

    @property
    def files(self) -> tuple[JournalledFile, ...]:
        """Every file, in the order asked."""
        return tuple(map(_file, self.to_dict()["files"], self.report))

    @property
    def chunks(self) -> tuple[JournalledChunk, ...]:
        """Every chunk, in order."""
        return tuple(
            JournalledChunk(
                row["chunk"], row["state"], row["attempts"], utc_if_known(row["sent_at"]), tuple(row["file_ids"])
            )
            for row in self.to_dict()["chunks"]
        )

    @property
    def undecided(self) -> tuple[int, ...]:
        """The files whose outcome is unknown and about which nobody has decided yet."""
        return tuple(self._native.undecided())

    @property
    def in_flight(self) -> tuple[int, ...]:
        """The files that another call was sending, or about to, when the journal was read: they are to be awaited."""
        return tuple(self._native.in_flight())

    @property
    def skipped(self) -> tuple[int, ...]:
        """The files that `skip_published` left out: a generated report showed them as published already. They are in no
        other list."""
        return tuple(self.to_dict().get("skipped", ()))

    @property
    def report(self) -> PublishReport:
        """The run so far. Raw answers stay in the journal."""
        return self._native.report()

    def decide(
        self, file_ids: Iterable[_types.Id], decision: _types.Verdict, *, by: str, evidence: str | None = None
    ) -> tuple[JournalledFile, ...]:
        """Records what a person found out about files whose outcome is unknown; or that files which are yet to be sent
        need not be, since they were published in some other way: of these the log warns.

        Args:
            file_ids: The files. All of them are recorded, or none.
            decision: `published` and `leave`: this run does not send it any more; `not_published`: the next resume
                sends it. The last is not taken sooner than 90 s after the request: Addepar may still be working on it.
            by: Who decides.
            evidence: What it is based on. `published` and `not_published` are not taken in words that stood with any
                decision before the file was sent last, or without any once something had been decided before that:
                they are those of a script that runs again. Look again, and say what you found.

        Returns:
            The files about which somebody had decided before, as they were then: this decision replaces that one, which
            this journal has shown. Afterwards this journal shows the decision too; what others have recorded since it
            was read, a new `Journal` shows.

        Raises:
            InputError: A value is not an id, not a decision or not text.
            JournalError: A file is not of this run or its outcome is known, or the journal is being written. Its
                `reason` is `outdated` where, since this journal was read, somebody else has decided about one of the
                files, or it was sent; the message says who, what and when. Make a new `Journal` then, and look again.
                It is `outdated` too where `evidence` says nothing of the last request.
        """
        __tracebackhide__ = True
        ids = plain_ids("file_ids", file_ids, verb="recorded")
        by = text("by", by, verb="recorded")
        evidence = None if evidence is None else text("evidence", evidence, verb="recorded")
        decided = finish(value(self._native.decide(ids, word(decision), by, evidence)))
        replaced, warning = decided
        if warning is not None:
            warn_of_decision(warning)
        return tuple(_file(row, result) for row, result in replaced)

    def settle(self, client: PortalClient, job_ids: Iterable[str] = (), *, apply: bool = False) -> Settlement:
        """Finds out what generated reports prove about the files whose outcome is unknown, and records it if that is
        wanted. Nothing is sent: `resume` does.

        It looks twice and waits two minutes in between, unless the journal has a look that is old enough. Two decisions
        can be proven. `not_published`: every contact was to receive the files, the request went out ten minutes ago or
        more, both looks show so for every file of it, and another file of the run, which was answered `success`, has
        turned to published meanwhile. `published`: a look before the request showed that it was not. All else is left
        to a person. Who was e-mailed is never inferred, and what the field means was not tried on a live firm: it is
        taken from the vendor's page "Generated Reports".

        Ctrl-C ends it at once.

        Args:
            client: Reads the reports.
            job_ids: The jobs that the files came out of; default: those that the journal names.
            apply: Whether to record the decisions, by `settle`. Afterwards this journal shows them too; what others
                have recorded since it was read, a new `Journal` shows.

        Raises:
            InputError: A value is not an id of a job, or no report is named. Nothing was recorded.
            JournalError: The journal cannot be used, or another call is writing it.
            PermissionDeniedError, RejectedError, ConnectError: As in `PortalClient.generated_report`.
        """
        __tracebackhide__ = True
        if not isinstance(client, PortalClient):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise refused(f"`client` must be of type PortalClient, not {shown(client)}.")
        call = client._start_settle(self._native.path(), job_ids, apply)  # pyright: ignore[reportPrivateUsage]
        settlement = read_settlement(drive(call))
        if settlement.applied:
            self._native = finish(self._native.settled(_decided(settlement)))
        return settlement

    async def settle_async(
        self, client: AsyncPortalClient, job_ids: Iterable[str] = (), *, apply: bool = False
    ) -> Settlement:
        """As `settle`. Cancelling ends it at once."""
        __tracebackhide__ = True
        if not isinstance(client, AsyncPortalClient):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise refused(f"`client` must be of type AsyncPortalClient, not {shown(client)}.")
        call = client._start_settle(self._native.path(), job_ids, apply)  # pyright: ignore[reportPrivateUsage]
        settlement = read_settlement(await client._drive(call))  # pyright: ignore[reportPrivateUsage]
        if settlement.applied:
            from asyncio import to_thread

            # No event loop waits for a disk.
            self._native = await to_thread(finish, self._native.settled(_decided(settlement)))
        return settlement

    def to_dict(self) -> dict[str, Any]:
        """The whole journal: what it is about, `files`, `chunks`, `undecided` and `in_flight`."""
        return self._native.to_dict()

    def to_json(self) -> str:
        """The same as JSON, alike in every language."""
        return self._native.to_json()

    def __repr__(self) -> str:
        if not hasattr(self, "_native"):
            return "<Journal that could not be opened>"
        return f"Journal({self.path!r}): {self.report}"

    def _repr_html_(self) -> str:
        from ._html import of_journal

        return of_journal(self)


def _decided(settlement: Settlement) -> list[int]:
    return [file.file_id for file in settlement if file.decision is not None]


def _file(row: dict[str, Any], result: FileResult) -> JournalledFile:
    return JournalledFile(
        file_id=row["file_id"],
        state=row["state"],
        result=result,
        chunk=row["chunk"],
        decision=row["decision"],
        decided_by=row["decided_by"],
        decided_at=utc_if_known(row["decided_at"]),
        evidence=row["evidence"],
        in_flight=row["in_flight"],
    )


# The public names, for tracebacks and pickles.
for _public in (Journal, JournalledChunk, JournalledFile, forget_journal, init_journal_dir):
    _public.__module__ = "addepar_portal"
del _public
