"""Tables for notebooks. Every text is escaped: it may come from anywhere.

They set their own colours and background, so that they can be read in whatever theme a notebook has. Where styles are
taken away, as in a notebook that is not trusted, a plain table is left.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from ._native import dangerous_characters

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from ._generated_reports import GeneratedReport, GeneratedReports, Settlement
    from ._journal import Journal
    from ._native import PublishReport
    from ._rows import FailedContacts

    Cell = str | int | bool | datetime | None

# Files that are ok beside the others, all of which are shown.
_OK_ROWS = 50

_LIGHT = (
    "--ground:#fff;--head:#f3f5f7;--line:#d0d7de;--ink:#1f2328;--soft:#57606a;"
    "--unknown:#8a5a00;--failed:#b3261e;--ok:#1a7f37"
)
_DARK = (
    "--ground:#1b1f24;--head:#272d35;--line:#444c56;--ink:#e6edf3;--soft:#a5afba;"
    "--unknown:#e3b341;--failed:#ff938d;--ok:#56d364"
)

# What notebooks say of their theme: Jupyter, VS Code, Colab, pages of Sphinx and MkDocs. Elsewhere the system's counts.
_IS_DARK = (
    'html[theme="dark"]',
    'html[data-theme="dark"]',
    'body[data-jp-theme-light="false"]',
    'body[data-md-color-scheme="slate"]',
    "body.vscode-dark",
)
_IS_LIGHT = (
    '[theme="light"]',
    '[data-theme="light"]',
    '[data-jp-theme-light="true"]',
    '[data-md-color-scheme="default"]',
    ".vscode-light",
)

# Twice, to outdo what notebooks say of every table.
_OURS = ".addepar-portal.addepar-portal"

STYLE = f"""
.addepar-portal{{{_LIGHT};color-scheme:light}}
@media (prefers-color-scheme:dark){{
:root{"".join(f":not({light})" for light in _IS_LIGHT)} body{"".join(f":not({light})" for light in _IS_LIGHT)} \
.addepar-portal{{{_DARK};color-scheme:dark}}}}
{",".join(f"{dark} .addepar-portal" for dark in _IS_DARK)}{{{_DARK};color-scheme:dark}}
.addepar-portal{{display:inline-block;box-sizing:border-box;max-width:100%;margin:4px 0;overflow:hidden;\
border:1px solid var(--line);border-radius:6px;background:var(--ground);color:var(--ink);\
font:13px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;text-align:left}}
{_OURS} p{{margin:0;padding:0 10px 6px;overflow-wrap:anywhere;font-size:13px;color:var(--soft)}}
{_OURS} p:first-of-type{{padding-top:8px;font-size:14px;color:var(--ink)}}
{_OURS} p span{{display:inline-block;margin-right:16px}}
{_OURS} div{{max-height:26rem;overflow:auto;border-top:1px solid var(--line)}}
{_OURS} div+p{{padding-top:6px;border-top:1px solid var(--line)}}
{_OURS} table{{width:100%;margin:0;border:0;border-collapse:separate;border-spacing:0;table-layout:auto;font-size:13px}}
{_OURS} th,{_OURS} td{{padding:4px 10px;border:0;border-bottom:1px solid var(--line);background:var(--ground);\
color:var(--ink);text-align:left;vertical-align:top;white-space:nowrap;max-width:none;\
font-variant-numeric:tabular-nums}}
{_OURS} th{{position:sticky;top:0;background:var(--head);color:var(--soft);font-weight:600}}
{_OURS} tr:last-child td{{border-bottom:0}}
{_OURS} td.list{{max-width:24em;white-space:normal}}
{_OURS} td.text{{min-width:12em;max-width:36em;white-space:normal;overflow-wrap:anywhere}}
{_OURS} .unknown{{color:var(--unknown);font-weight:600}}
{_OURS} .failed{{color:var(--failed);font-weight:600}}
{_OURS} .ok{{color:var(--ok);font-weight:600}}
{_OURS} .soft{{color:var(--soft)}}
"""

# What would make a text read as another one, or command a terminal that shows the file of a notebook, as the command
# line writes it.
_DANGEROUS = {ord(each): f"\\u{{{ord(each):x}}}" for each in dangerous_characters() if each not in "\t\n\r"}

# Columns that may be long: how they wrap.
_LONG = {
    **dict.fromkeys(("contacts_not_published", "contacts_not_notified"), "list"),
    **dict.fromkeys(("portfolio_name", "errors", "reason", "evidence", "report_name"), "text"),
}


def of_report(report: PublishReport) -> str:
    """What became of every file: all that are not ok, and the first ones that are."""
    rows = report._rows(_OK_ROWS)
    return _table(_states(report), [_asked(report)], _COLUMNS, rows, _notes(report, len(rows)))


def of_journal(journal: Journal) -> str:
    """The same of a journal, with what people decided."""
    plain, report = journal.to_dict(), journal.report
    files = {file["file_id"]: file for file in plain["files"]}
    rows: list[tuple[Cell, ...]] = []
    for row in report._rows(_OK_ROWS):
        file = files[row[0]]
        rows.append((*row, file["decided_by"], file["evidence"], file["chunk"]))
    states = [chunk["state"].replace("_", " ") for chunk in plain["chunks"]]
    chunks = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states)) or "none yet"
    said = [f"{journal.path}; chunks: {chunks}", _asked(report)]
    columns = (*_COLUMNS, "decided_by", "evidence", "chunk")
    return _table(_states(report), said, columns, rows, _notes(report, len(rows)))


def of_failed_contacts(failed: FailedContacts) -> str:
    """One row for each contact, file and step."""
    columns = failed.to_columns()
    missed, unreadable = len(failed.contacts), len(failed.unreadable)
    counts = [(_noun(missed, "contact") + " missed something", missed, "")] if missed or not unreadable else []
    if unreadable:
        counts.append((_noun(unreadable, "file") + " failed for unidentified contacts", unreadable, "failed"))
    left_out: tuple[tuple[str, int], ...] = object.__getattribute__(failed, "_left_out")
    counts += [(f"{_noun(count, 'file')} {state.replace('_', ' ')}", count, _tone(state)) for state, count in left_out]
    notes = ["Contacts of files that are unknown or not processed are not in this table."] if left_out else []
    shown = [["?" if id_ is None else id_ for id_ in columns["contact_id"]], columns["file_id"], columns["step"]]
    return _table(counts, [], list(columns), zip(*shown, strict=True), notes)


def of_generated_report(report: GeneratedReport) -> str:
    """The portfolios of one job and their files; those for which none was generated come first."""
    columns = ["file_id", "portfolio_name", "portfolio_type", "portfolio_id", "has_been_published"]
    rows: list[tuple[Cell, ...]] = [
        ("none", row.portfolio_name, row.portfolio_type, row.portfolio_id, None) for row in report.failed_portfolios
    ]
    rows += [tuple(getattr(row, name) for name in columns) for row in report.generated_portfolios]
    counts = [("generated", len(report.generated_portfolios), "")]
    if report.failed_portfolios:
        counts.insert(0, ("without a file", len(report.failed_portfolios), "failed"))
    said = ", ".join(filter(None, (report.report_name, report.status, report.job_id)))
    return _table(counts, [said], columns, rows)


def of_generated_reports(reports: GeneratedReports) -> str:
    """One row for each job."""
    columns = ["job_id", "report_name", "status", "completed_at", "files", "failed_portfolios"]
    rows = [
        (
            report.job_id,
            report.report_name,
            report.status,
            report.completed_at,
            len(report.file_ids),
            len(report.failed_portfolios) or None,
        )
        for report in reports
    ]
    return _table([(_noun(len(reports), "generated report"), len(reports), "")], [], columns, rows)


def of_settlement(settlement: Settlement) -> str:
    """What was proven about each file; those about which a person has to decide come first."""
    columns = ["file_id", "portfolio_name", "decision", "evidence"]
    files = sorted(settlement.files, key=lambda file: file.decision is not None)
    rows = [(file.file_id, file.portfolio_name, file.decision or "look yourself", file.evidence) for file in files]
    left = len(settlement.left)
    counts = [("to look at yourself", left, "unknown"), ("proven", len(files) - left, "")]
    said = "The decisions are in the journal." if settlement.applied else "Nothing was recorded."
    return _table(counts, [said], columns, rows)


# As `PublishReport._rows` has them; the names are those of the data frame.
_COLUMNS = (
    "file_id",
    "portfolio_name",
    "state",
    "published",
    "notified",
    "reason",
    "errors",
    "contacts_not_published",
    "contacts_not_notified",
)


def _asked(report: PublishReport) -> str:
    request = report.request
    asked = f"{_counted(len(report), 'file')}, asked: {request.portal_publishing}, {request.contact_notification}"
    contacts = len(request.publish_override_contact_ids)
    return f"{asked}, {_counted(contacts, 'override contact')}" if contacts else asked


def _notes(report: PublishReport, shown: int) -> list[str]:
    more = len(report) - shown
    left_out = [f"… and {_counted(more, 'more file')}, all of them ok"] if more else []
    return [*left_out, *report._notes()]


def _counted(count: int, thing: str) -> str:
    return f"{count:,} {_noun(count, thing)}"


def _noun(count: int, thing: str) -> str:
    return thing if count == 1 else f"{thing}s"


def _states(report: PublishReport) -> list[tuple[str, int, str]]:
    return [(state.replace("_", " "), count, _tone(state)) for state, count in report._counts()]


def _tone(state: Cell) -> str:
    # What a person decided about, or what is being sent, needs nobody's attention.
    return str(state) if state in ("unknown", "failed", "ok") else "soft"


def _table(
    counts: Iterable[tuple[str, int, str]],
    said: Sequence[str],
    columns: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    notes: Sequence[str] = (),
) -> str:
    """A head with counts, the rows, and what is to be said below. A column without a value is left out."""
    rows = list(rows)
    shown = [at for at, _ in enumerate(columns) if not rows or any(row[at] not in (None, "") for row in rows)]
    head = "".join(f'<span class="{tone}">{count:,} {_text(words)}</span>' for words, count, tone in counts)
    names = "".join(f'<th scope="col">{columns[at]}</th>' for at in shown)
    lines = "".join(f"<tr>{''.join(_cell(columns[at], row[at]) for at in shown)}</tr>" for row in rows)
    above = "".join(f"<p>{_text(line)}</p>" for line in said)
    below = "".join(f"<p>{_text(note)}</p>" for note in notes)
    return (
        f'<style>{STYLE}</style><div class="addepar-portal"><p>{head}</p>{above}'
        f'<div tabindex="0"><table><thead><tr>{names}</tr></thead><tbody>{lines}</tbody></table></div>{below}</div>'
    )


def _cell(column: str, value: Cell) -> str:
    if column == "state":
        return f'<td><span class="{_tone(value)}">{_text(str(value).replace("_", " "))}</span></td>'
    text = "" if value is None else _text(str(value))
    return f'<td class="{_LONG[column]}">{text}</td>' if column in _LONG else f"<td>{text}</td>"


def _text(text: str) -> str:
    return escape(text.translate(_DANGEROUS))
