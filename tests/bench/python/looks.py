"""What is read of an answer, the same of every contender's results; the totals show that it is the same.

Each look comes for each shape that results have: rows with attributes as in the JSON, flat ones, the report of
addepar-portal, and the nothing that a raw socket gives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from shape_dataclass import Result
    from shape_msgspec import Row

    from addepar_portal import PublishReport

Totals = tuple[int, ...]


def every_row(rows: list[Row]) -> Totals:
    """Counts the failures and reads of every result its file, both statuses and its errors."""
    failed = ids = words = 0
    for row in rows:
        result = row.attributes
        ids += result.file_id
        if result.publish_status != "success" or result.notify_status != "success":
            failed += 1
        for error in result.errors:
            words += len(error.code) + len(error.detail)
    return failed, ids, words


def every_row_flat(results: list[Result]) -> Totals:
    failed = ids = words = 0
    for result in results:
        ids += result.file_id
        if result.publish_status != "success" or result.notify_status != "success":
            failed += 1
        for error in result.errors:
            words += len(error.code) + len(error.detail)
    return failed, ids, words


def every_row_of_report(report: PublishReport) -> Totals:
    failed = ids = words = 0
    for file in report:
        ids += file.file_id
        if not file.published or not file.notified:
            failed += 1
        for error in file.errors:
            words += len(error.code or "") + len(error.detail or "")
    return failed, ids, words


def failed_only(rows: list[Row]) -> Totals:
    """Whether all is well, and which files failed."""
    failed = [
        row.attributes.file_id
        for row in rows
        if row.attributes.publish_status != "success" or row.attributes.notify_status != "success"
    ]
    return int(not failed), sum(failed)


def failed_only_flat(results: list[Result]) -> Totals:
    failed = [
        result.file_id for result in results if result.publish_status != "success" or result.notify_status != "success"
    ]
    return int(not failed), sum(failed)


def failed_only_of_report(report: PublishReport) -> Totals:
    return int(report.ok), sum(file.file_id for file in report.failed)


def nothing(_: None) -> Totals:
    return ()


Look = dict[str, "Callable[[Any], Totals]"]

EVERY_ROW: Look = {
    "rows": every_row,
    "flat": every_row_flat,
    "report": every_row_of_report,
    "none": nothing,
}
FAILED_ONLY: Look = {
    "rows": failed_only,
    "flat": failed_only_flat,
    "report": failed_only_of_report,
    "none": nothing,
}
