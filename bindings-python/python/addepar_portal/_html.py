"""A report as a table for notebooks. Every text is escaped: it may come from anywhere."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._native import FileResult, PublishReport

_ROWS = 50
_ORDER = {"failed": 0, "unknown": 1, "not_processed": 2, "ok": 3}
_COLOURS = {"failed": "#b3261e", "unknown": "#9a6700", "not_processed": "#57606a", "ok": "#1a7f37"}


def _word(asked: bool, answer: bool | None) -> str:
    if answer is False:
        return "not all"
    if not asked:
        return "not asked"
    return "?" if answer is None else "yes"


def _row(file: FileResult, publish: bool, notify: bool) -> str:
    told = " ".join(error.detail or error.title or error.code or "" for error in file.errors)
    cells = (
        str(file.file_id),
        f'<b style="color:{_COLOURS[file.state]}">{file.state.replace("_", " ")}</b>',
        _word(publish, file.published),
        _word(notify, file.notified),
        escape(told),
    )
    return "<tr>" + "".join(f'<td style="text-align:left">{cell}</td>' for cell in cells) + "</tr>"


def table(report: PublishReport) -> str:
    request = report.request
    count = "1 file" if len(report) == 1 else f"{len(report)} files"
    asked = f"{count}, asked: {request.portal_publishing}, {request.contact_notification}"
    if contacts := len(request.publish_override_contact_ids):
        asked += f", {contacts} override contacts"
    files = sorted(report.files, key=lambda file: _ORDER[file.state])
    head = "".join(
        f'<th style="text-align:left">{name}</th>' for name in ("file", "state", "published", "notified", "errors")
    )
    more = f"<p>… and {len(files) - _ROWS} more</p>" if len(files) > _ROWS else ""
    beside = "".join(
        f"<p>{escape(note)}</p>"
        for note in (
            f"{len(report.unexpected)} results belong to no requested file alone: see .unexpected"
            if report.unexpected
            else "",
            f"further results were not read: {report.next_link}" if report.next_link else "",
        )
        if note
    )
    publish = request.portal_publishing != "do_not_publish" or contacts > 0
    notify = request.contact_notification != "do_not_notify"
    rows = "".join(_row(file, publish, notify) for file in files[:_ROWS])
    return f"<div><p>{escape(asked)}</p><table><tr>{head}</tr>{rows}</table>{more}{beside}</div>"
