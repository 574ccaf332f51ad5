"""What is read of an answer: of every result its file, both statuses and its errors, the same of every contender's.

The totals show that it is the same. The look comes for each shape that results have: rows with attributes as in the
JSON, flat ones, the report of addepar-portal, and the nothing that a raw socket gives.
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


def rows(rows: list[Row]) -> Totals:
    """How many failed, the sum of the ids, and how long the errors' codes and details are."""
    failed = ids = words = 0
    for row in rows:
        result = row.attributes
        ids += result.file_id
        if result.publish_status != "success" or result.notify_status != "success":
            failed += 1
        for error in result.errors:
            words += len(error.code) + len(error.detail)
    return failed, ids, words


def flat(results: list[Result]) -> Totals:
    failed = ids = words = 0
    for result in results:
        ids += result.file_id
        if result.publish_status != "success" or result.notify_status != "success":
            failed += 1
        for error in result.errors:
            words += len(error.code) + len(error.detail)
    return failed, ids, words


def report(report: PublishReport) -> Totals:
    failed = ids = words = 0
    for file in report:
        ids += file.file_id
        if file.published is False or file.notified is False:
            failed += 1
        for error in file.errors:
            words += len(error.code or "") + len(error.detail or "")
    return failed, ids, words


def nothing(_: None) -> Totals:
    return ()


LOOKS: dict[str, Callable[[Any], Totals]] = {"rows": rows, "flat": flat, "report": report, "nothing": nothing}
