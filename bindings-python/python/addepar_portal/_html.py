"""A report as a table for notebooks. Every text is escaped: it may come from anywhere."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._native import PublishReport

_ROWS = 50
_COLOURS = {"failed": "#b3261e", "unknown": "#9a6700", "not_processed": "#57606a", "ok": "#1a7f37"}


def _line(cells: tuple[str, ...], tag: str = "td") -> str:
    return "<tr>" + "".join(f'<{tag} style="text-align:left">{cell}</{tag}>' for cell in cells) + "</tr>"


def table(report: PublishReport) -> str:
    request = report.request
    count = "1 file" if len(report) == 1 else f"{len(report)} files"
    asked = f"{count}, asked: {request.portal_publishing}, {request.contact_notification}"
    if contacts := len(request.publish_override_contact_ids):
        asked += f", {contacts} override contacts"
    shown_rows = report._rows(_ROWS)
    has_names = any(name is not None for _, name, *_ in shown_rows)
    rows = _line(("file", *(("portfolio",) if has_names else ()), "state", "published", "notified", "errors"), "th")
    for file_id, name, state, published, notified, errors in shown_rows:
        # What a person decided about, or what is being sent, needs nobody's attention.
        colour = _COLOURS.get(state, _COLOURS["not_processed"])
        shown = f'<b style="color:{colour}">{state.replace("_", " ")}</b>'
        names = (escape(name or ""),) if has_names else ()
        rows += _line((str(file_id), *names, shown, published, notified, escape(errors)))
    notes: list[str] = []
    if len(report) > _ROWS:
        notes.append(f"… and {len(report) - _ROWS} more")
    notes += report._notes()
    beside = "".join(f"<p>{escape(note)}</p>" for note in notes)
    return f"<div><p>{escape(asked)}</p><table>{rows}</table>{beside}</div>"
