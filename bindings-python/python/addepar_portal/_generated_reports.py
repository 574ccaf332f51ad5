"""Generated reports, whose files can be published, and what looks at them prove."""

from __future__ import annotations

from _collections_abc import Iterator

from . import _types
from ._rows import Row, utc, utc_if_known

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class GeneratedPortfolio(Row):
    """A portfolio and the file that was generated for it. Any member may have been missing."""

    __slots__ = __match_args__ = (
        "portfolio_type",
        "portfolio_id",
        "portfolio_name",
        "file_id",
        "has_been_published",
    )

    portfolio_type: str | None
    """Such as `entity` or `group`, as it came."""
    portfolio_id: int | None
    """The portfolio's id."""
    portfolio_name: str | None
    """The portfolio's name."""
    file_id: int | None
    """The file."""
    has_been_published: bool | None
    """Whether the file was ever published to a portal; `None` if the API did not say. It does not say to whom or when,
    nor whether anybody was e-mailed, and it may be shown late."""


class FailedPortfolio(Row):
    """A portfolio for which no file was generated."""

    __slots__ = __match_args__ = ("portfolio_type", "portfolio_id", "portfolio_name")

    portfolio_type: str | None
    """Such as `entity` or `group`, as it came."""
    portfolio_id: int | None
    """The portfolio's id."""
    portfolio_name: str | None
    """The portfolio's name."""


class GeneratedReport(Row):
    """What one job generated. `publish_files` and `publish_batch` take it in the place of a list of files.

    Source: the vendor's page "Generated Reports". It does not say to whom or when a file was published, nor whether
    anybody was e-mailed. Any member but `job_id` may have been missing.
    """

    __slots__ = __match_args__ = (
        "job_id",
        "report_id",
        "report_name",
        "status",
        "started_at",
        "completed_at",
        "job_type",
        "generated_portfolios",
        "failed_portfolios",
    )

    job_id: str
    """The job's id, a UUID."""
    report_id: int | None
    """The id of the report that was generated."""
    report_name: str | None
    """Its name."""
    status: str | None
    """`FINISHED`, `ERROR` or `CANCELED`, as it came. The last two may have generated some portfolios."""
    started_at: _types.datetime | None
    """When the job started, in UTC."""
    completed_at: _types.datetime | None
    """When it ended, in UTC."""
    job_type: str | None
    """Such as `AD_HOC`, as it came."""
    generated_portfolios: tuple[_types.GeneratedPortfolio, ...]
    """The portfolios for which a file was generated."""
    failed_portfolios: tuple[_types.FailedPortfolio, ...]
    """The portfolios for which none was."""

    @property
    def file_ids(self) -> tuple[int, ...]:
        """Every file of it once, in the order of the portfolios."""
        ids = (portfolio.file_id for portfolio in self.generated_portfolios)
        return tuple(dict.fromkeys(id_ for id_ in ids if id_ is not None))

    @property
    def portfolio_names(self) -> dict[int, str]:
        """File -> the name of its portfolio; the names of several, if it is of several."""
        names: dict[int, str] = {}
        for portfolio in self.generated_portfolios:
            if portfolio.file_id is not None and portfolio.portfolio_name is not None:
                earlier = names.get(portfolio.file_id)
                name = portfolio.portfolio_name
                names[portfolio.file_id] = name if earlier is None else f"{earlier}, {name}"
        return names

    def _repr_html_(self) -> str:
        from ._html import of_generated_report

        return of_generated_report(self)


class GeneratedReports(list[GeneratedReport]):
    """A list of generated reports, the newest first, which a notebook shows as a table."""

    def _repr_html_(self) -> str:
        from ._html import of_generated_reports

        return of_generated_reports(self)


class SettledFile(Row):
    """What looks at generated reports prove about one file."""

    __slots__ = __match_args__ = ("file_id", "portfolio_name", "decision", "evidence")

    file_id: int
    """The file."""
    portfolio_name: str | None
    """The name of its portfolio, if it is known."""
    decision: _types.Proof | None
    """What is proven: `published` or `not_published`; `None` if a person has to look."""
    evidence: str
    """What was seen, in words."""


class Settlement(Row):
    """What looks at generated reports prove about the files of a journal whose outcome is unknown.

    A generated report shows whether a file was ever published to a portal. It does not show who was e-mailed, and that
    is never inferred. What the field means is taken from the vendor's page and was not tried on a live firm.
    """

    __slots__ = __match_args__ = ("files", "applied", "looked_at")

    files: tuple[_types.SettledFile, ...]
    """Each file whose outcome was unknown, in the order asked."""
    applied: bool
    """Whether the decisions are in the journal now."""
    looked_at: tuple[_types.datetime, ...]
    """When the reports were looked at, in UTC."""

    @property
    def left(self) -> tuple[int, ...]:
        """The files that a person has to look at."""
        return tuple(file.file_id for file in self.files if file.decision is None)

    def _repr_html_(self) -> str:
        from ._html import of_settlement

        return of_settlement(self)

    def __iter__(self) -> Iterator[_types.SettledFile]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)


def files_of(given: _types.Any) -> tuple[_types.Any, dict[int, str]]:
    """The files of a generated report and the names of their portfolios; anything else as it is."""
    if isinstance(given, GeneratedReport):
        return given.file_ids, given.portfolio_names
    return given, {}


def read_report(reports: list[dict[str, Any]]) -> GeneratedReport:
    """The report of one job, as the native half hands it over."""
    (report,) = read_reports(reports)
    return report


def read_reports(reports: list[dict[str, Any]]) -> GeneratedReports:
    """Reports as the native half hands them over."""
    return GeneratedReports(_report(**report) for report in reports)


def _report(
    started_at: str | None,
    completed_at: str | None,
    generated_portfolios: list[dict[str, Any]],
    failed_portfolios: list[dict[str, Any]],
    **members: Any,
) -> GeneratedReport:
    return GeneratedReport(
        started_at=utc_if_known(started_at),
        completed_at=utc_if_known(completed_at),
        generated_portfolios=tuple(GeneratedPortfolio(**row) for row in generated_portfolios),
        failed_portfolios=tuple(FailedPortfolio(**row) for row in failed_portfolios),
        **members,
    )


def read_settlement(settlement: dict[str, Any]) -> Settlement:
    """A settlement as the native half hands it over."""
    return Settlement(
        files=tuple(SettledFile(**file) for file in settlement["files"]),
        applied=settlement["applied"],
        looked_at=tuple(map(utc, settlement["looked_at"])),
    )


# The public names, for tracebacks and pickles.
for _public in (FailedPortfolio, GeneratedPortfolio, GeneratedReport, GeneratedReports, SettledFile, Settlement):
    _public.__module__ = "addepar_portal"
del _public
