"""What a Python user does with a report."""

from __future__ import annotations

import contextlib
import copy
import json
import pickle
from array import array
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pandas as pd  # type: ignore[import-untyped]
import pytest

from addepar_portal import (
    ApiError,
    Attempt,
    FailedContacts,
    FileError,
    FileResult,
    InputError,
    OutcomeUnknownError,
    PublishFailuresError,
    PublishReport,
    PublishRequest,
    UnreadPage,
)
from addepar_portal.testing import SimulatedPortal

TEXTS = Path(__file__).parents[1] / "texts" / "failed_contacts.json"
REQUEST = PublishRequest([37, 38, 39], portal_publishing="publish", contact_notification="notify")
BODY = json.dumps(
    {
        "data": [
            {"id": "37", "attributes": {"file_id": 37, "publish_status": "success", "notify_status": "success"}},
            {
                "id": "38",
                "attributes": {
                    "file_id": 38,
                    "publish_status": "success",
                    "notify_status": "fail",
                    "error": [{"code": "notification_failed", "detail": "<b>Failed</b> for contacts [1,2]."}],
                },
            },
            {"id": "99", "attributes": {"file_id": 99, "publish_status": "odd", "notify_status": "success"}},
        ]
    }
)


@pytest.fixture
def report() -> PublishReport:
    return PublishReport.from_response(REQUEST, BODY)


def test_every_file_has_its_state(report: PublishReport) -> None:
    assert [file.state for file in report] == ["ok", "failed", "unknown"]
    assert [file.file_id for file in report.succeeded] == [37]
    assert [file.file_id for file in report.failed] == [38]
    assert [file.file_id for file in report.unknown] == [39]
    assert report.not_processed == ()
    assert report.not_notified == report.failed
    assert report.not_published == ()
    assert report.file(38).contacts_not_notified == (1, 2)
    assert [result.file_id for result in report.unexpected] == [99]
    assert len(report) == 3
    assert not report.ok


def test_a_loop_makes_the_rows_that_files_has(report: PublishReport) -> None:
    rows = iter(report)
    assert iter(rows) is rows
    looped = list(rows)
    assert next(rows, None) is None, "an exhausted iterator stays exhausted"
    assert tuple(looped) == report.files == tuple(report)
    assert report.files[0] in report


@pytest.mark.parametrize("body", [BODY, BODY.encode(), bytearray(BODY.encode()), memoryview(BODY.encode())], ids=type)
def test_a_body_is_a_text_or_bytes_of_any_kind(body: Any) -> None:
    assert PublishReport.from_response(REQUEST, body).raw == BODY


@pytest.mark.parametrize("body", [3, [123, 125], None], ids=repr)
def test_a_body_is_nothing_else(body: Any) -> None:
    with pytest.raises(TypeError, match=r"^`body` must be a str or bytes, not (3 \(int\)|of type list|None)\.$"):
        PublishReport.from_response(REQUEST, body)


def test_what_a_report_is_read_from_is_named_where_it_is_something_else() -> None:
    with pytest.raises(TypeError, match=r"^`request` must be a PublishRequest, not None\.$"):
        PublishReport.from_response(None, BODY)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^`json` must be a str, not of type dict\.$"):
        PublishReport.from_json({})  # type: ignore[arg-type]


def test_an_unknown_file_is_a_key_error(report: PublishReport) -> None:
    with pytest.raises(KeyError, match="99"):
        report.file(99)


def test_truth_is_refused(report: PublishReport) -> None:
    with pytest.raises(TypeError, match=r"report\.ok"):
        bool(report)


def test_failed_contacts_have_no_truth_and_say_what_is_beside_them(report: PublishReport) -> None:
    failed = report.failed_contacts()
    with pytest.raises(TypeError, match=r"report\.ok"):
        bool(failed)
    assert repr(failed).endswith("), beside 1 file unknown")
    assert repr(pickle.loads(pickle.dumps(failed))) == repr(failed)


def test_it_has_no_index(report: PublishReport) -> None:
    with pytest.raises(TypeError):
        report[0]  # type: ignore[index]


def test_match(report: PublishReport) -> None:
    match report.file(38):
        case FileResult(38, "failed", published=True, errors=(FileError(code=code, contact_ids=contacts),)):
            assert (code, contacts) == ("notification_failed", (1, 2))
        case other:
            pytest.fail(repr(other))


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_and_copy(report: PublishReport, protocol: int) -> None:
    values = [report, report.request, *report.files, *report.unexpected, *report.file(38).errors]
    for value in values:
        again = pickle.loads(pickle.dumps(value, protocol))
        assert again == value
        assert type(again) is type(value)
        assert hash(again) == hash(value)
        assert copy.deepcopy(value) == value


def test_nothing_can_be_changed(report: PublishReport) -> None:
    for value, name in ((report, "files"), (report.files[0], "state"), (REQUEST, "file_ids")):
        with pytest.raises(AttributeError):
            setattr(value, name, None)


def test_json_is_read_back(report: PublishReport) -> None:
    assert PublishReport.from_json(report.to_json()) == report
    assert report.to_dicts()[1]["contacts_not_notified"] == [1, 2]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"files": 3}', BODY])
def test_json_of_something_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not the JSON of a report"):
        PublishReport.from_json(text)


MISPLACED: list[tuple[str, str]] = [
    ("hagn", "it must be JSON, and is not at column 1."),
    ('{"files": [', "it must be whole JSON, and is cut off at column 11."),
    (
        '"state":"ok" -> "state":"hagn"',
        '`files[0].state` must be one of ok, failed, unknown, not_processed, not "hagn".',
    ),
    ('"file_id":37 -> "file_id":"37"', '`files[0].file_id` must be a whole number from 0, not "37".'),
    ('"portal_publishing":"publish" -> "portal_publishing":1', "`request.portal_publishing` must be one of "),
    ('"attempts":[] -> "attempts":{}', "`attempts` must be a list, not an object."),
    ('"raw": -> "row":', "`raw` is missing."),
]


@pytest.mark.parametrize(("change", "words"), MISPLACED)
def test_json_that_is_refused_says_what_is_expected_and_what_stands_there(
    change: str, words: str, report: PublishReport
) -> None:
    old, arrow, new = change.partition(" -> ")
    text = report.to_json().replace(old, new, 1) if arrow else change
    with pytest.raises(InputError) as raised:
        PublishReport.from_json(text)
    assert str(raised.value).startswith(f"This is not the JSON of a report: {words}")
    # Whatever the report is of may have been sent.
    assert "Nothing was" not in str(raised.value)
    assert raised.value.outcome == "unknown"


def test_json_that_lost_a_file_is_refused(report: PublishReport) -> None:
    members = json.loads(report.to_json())
    del members["files"][0]
    with pytest.raises(ValueError, match="not those of its request"):
        PublishReport.from_json(json.dumps(members))


def test_columns_and_pandas(report: PublishReport) -> None:
    columns = report.to_columns()
    assert columns["file_id"] == [37, 38, 39]
    assert columns["published"] == [True, True, None]
    assert columns["reason"] == [None, None, "The answer has no result for it."]
    frame = report.to_pandas()
    assert isinstance(frame, pd.DataFrame)
    assert list(frame["state"]) == ["ok", "failed", "unknown"]
    assert list(frame[frame["published"]]["file_id"]) == [37, 38]
    assert list(frame[~frame["notified"]]["file_id"]) == [38]
    assert frame.columns.to_list() == list(columns)
    assert [file["reason"] for file in report.to_dicts()] == columns["reason"]


def test_what_nobody_asked_for_is_neither_published_nor_notified() -> None:
    request = PublishRequest([37, 38], portal_publishing="do_not_publish", contact_notification="do_not_notify")
    body = BODY.replace('"notify_status": "fail"', '"notify_status": "success"')
    report = PublishReport.from_response(request, body)
    assert [(file.state, file.published, file.notified) for file in report] == [
        ("ok", None, None),
        ("failed", None, None),
    ]
    assert (report.not_published, report.not_notified) == ((), ())
    assert [file.notify_status for file in report] == ["success", "success"]
    columns = report.to_columns()
    assert (columns["published"], columns["notified"]) == ([None, None], [None, None])
    frame = report.to_pandas()
    assert (frame["published"].isna().all(), frame["notified"].isna().all()) == (True, True)
    assert [(file["published"], file["notified"]) for file in report.to_dicts()] == [(None, None)] * 2
    for file in report:
        assert pickle.loads(pickle.dumps(file)) == file
    assert "not asked" in report._repr_html_()
    assert ">yes<" not in report._repr_html_()


def test_what_stands_beside_the_results_is_shown(report: PublishReport) -> None:
    assert (report.errors, report.unread_pages, report.next_link) == ((), (), None)
    body = json.loads(BODY) | {
        "errors": [{"status": 500, "code": "cut", "detail": "Cut <short>\x1b."}],
        "links": {"next": "/v1/more?a=<b>"},
    }
    shown = PublishReport.from_response(REQUEST, json.dumps(body))
    assert [file.state for file in shown] == ["unknown", "failed", "unknown"]
    assert shown.errors == (ApiError("500", "cut", None, "Cut <short>\x1b.", None),)
    page = UnreadPage("/v1/more?a=<b>", None, "The answer was read without a network.", "")
    assert (shown.unread_pages, shown.next_link) == ((page,), "/v1/more?a=<b>")
    beside = "The answer has errors beside its results: Cut <short>."
    left_out = "The answer has no result for it, and its next page was not read. The answer was read without a network."
    assert [file.reason for file in shown] == [beside, None, f"{left_out} {beside}"]
    assert f"reason={json.dumps(beside)}" in repr(shown.files[0])
    for text in (str(shown), shown._repr_html_()):
        assert "\x1b" not in text
        assert "no result for it" in text
        assert "further results were not read: /v1/more" in text
    assert "<short>" not in shown._repr_html_()
    for value in (shown, *shown, *shown.errors, *shown.unread_pages):
        again = pickle.loads(pickle.dumps(value))
        assert (again, hash(again)) == (value, hash(value))
    with pytest.raises(PublishFailuresError) as raised:
        shown.raise_for_failures()
    assert raised.value.errors == shown.errors


@pytest.mark.parametrize("half", [chr(0xD83D), chr(0xDC00), "\\ud83d", "\\udc00"])
def test_half_of_a_surrogate_pair_spoils_one_text_and_not_the_answer(half: str) -> None:
    report = PublishReport.from_response(REQUEST, BODY.replace("<b>Failed</b>", half))
    assert report.file(38).errors[0].detail == "\ufffd for contacts [1,2]."
    assert report.file(38).contacts_not_notified == (1, 2)
    halves = BODY.replace("<b>Failed</b>", chr(0xD83D) + chr(0xDE00))
    assert PublishReport.from_response(REQUEST, halves).file(38).errors[0].detail == "\U0001f600 for contacts [1,2]."


def test_the_json_of_an_earlier_version_is_read(report: PublishReport) -> None:
    old = json.loads(report.to_json())
    del old["errors"], old["unread_pages"]
    for file in old["files"]:
        del file["reason"]
    again = PublishReport.from_json(json.dumps(old | {"next_link": "/v1/more"}))
    assert (again.errors, again.next_link) == ((), "/v1/more")
    assert [file.state for file in again] == [file.state for file in report]
    assert [file.reason for file in again] == [None, None, None]


def test_failed_contacts(report: PublishReport) -> None:
    failed = report.failed_contacts()
    assert failed.contacts == {1: ((38, "notify"),), 2: ((38, "notify"),)}
    assert failed.unreadable == ()
    assert pickle.loads(pickle.dumps(failed)) == failed


def test_failed_contacts_as_a_text_that_a_person_reads(report: PublishReport) -> None:
    assert str(report.failed_contacts()) == (
        "2 contacts missed something, 1 file unknown\ncontact 1: notify failed for 38\ncontact 2: notify failed for 38"
    )
    files = (7, 8, 37, 38, 39, 40, 50)
    failed = FailedContacts({1: (*((file, "publish") for file in files), (38, "notify"))}, (3, 4, 5))
    assert str(failed) == (
        "1 contact missed something\n"
        "contact 1: publish failed for 7,8,37-40,50; notify failed for 38\n"
        "3 files failed for unidentified contacts: 3-5"
    )
    assert str(FailedContacts({}, ())) == "0 contacts missed something"


@pytest.mark.parametrize("case", json.loads(TEXTS.read_text("utf-8")), ids=lambda case: case["about"])
def test_failed_contacts_as_a_text_are_as_in_node(case: dict[str, Any]) -> None:
    request = PublishRequest(case["file_ids"], portal_publishing="publish", contact_notification="notify")
    failed = PublishReport.from_response(request, json.dumps(case["body"])).failed_contacts()
    assert str(failed).splitlines() == case["text"]


def test_the_text_of_many_failed_contacts_is_bounded() -> None:
    many = FailedContacts({contact: tuple((file, "notify") for file in range(1, 999, 2)) for contact in range(60)}, ())
    lines = str(many).splitlines()
    assert (len(lines), lines[0], lines[-1]) == (52, "60 contacts missed something", "and 10 more contacts")
    assert all(len(line) < 200 for line in lines)
    assert lines[1].endswith(",37,39,…")
    assert str(FailedContacts(dict.fromkeys(range(51), ((37, "publish"),)), ())).endswith("\nand 1 more contact")


def test_raise_for_failures(report: PublishReport) -> None:
    with pytest.raises(PublishFailuresError) as raised:
        report.raise_for_failures()
    assert raised.value.report == report
    assert raised.value.code == "ERR_PUBLISH_FAILURES"
    fine = PublishReport.from_response(
        PublishRequest([37], portal_publishing="publish", contact_notification="notify"), BODY
    )
    assert fine.raise_for_failures() is fine


def test_a_body_that_cannot_be_read_is_unknown_and_kept() -> None:
    with pytest.raises(OutcomeUnknownError) as raised:
        PublishReport.from_response(REQUEST, b"\xff<html>")
    error = raised.value
    assert error.file_ids == (37, 38, 39)
    assert error.report is not None
    assert "<html>" in error.report.raw


def test_the_table_for_notebooks_is_escaped_and_shows_what_is_unknown_first(report: PublishReport) -> None:
    html = report._repr_html_()
    assert "<b>Failed" not in html
    assert "&lt;b&gt;Failed&lt;/b&gt;" in html
    assert html.index(">39<") < html.index(">38<") < html.index(">37<")
    assert "asked: publish, notify" in html


def test_repr_and_str_are_short_and_escape_what_a_server_wrote() -> None:
    body = BODY.replace("<b>Failed</b>", "\\u001b[31mred")
    report = PublishReport.from_response(REQUEST, body)
    assert repr(report) == "<PublishReport: 1 ok, 1 failed, 1 unknown (asked: publish, notify)>"
    assert "\x1b" not in str(report)
    assert "\x1b" not in repr(report.file(38))
    assert "38  failed" in str(report)


def test_a_request_shows_what_it_sends() -> None:
    request = PublishRequest(
        ["0037"], portal_publishing="publish", contact_notification="notify", publish_override_contact_ids={23}
    )
    assert request.to_dict()["data"]["attributes"]["files_id"] == [37]
    assert json.loads(request.to_json()) == request.to_dict()
    assert repr(request) == (
        "PublishRequest([37], portal_publishing='publish', contact_notification='notify', "
        "publish_override_contact_ids=[23])"
    )
    assert request in {request}


def test_numpy_and_pandas_ids() -> None:
    frame = pd.DataFrame({"file_id": [37, 38]})
    modes = {"portal_publishing": "publish", "contact_notification": "notify"}
    for ids in (frame["file_id"], frame["file_id"].to_numpy(), iter([37, 38]), {37: 1, 38: 2}.keys()):
        assert PublishRequest(ids, **modes).file_ids == (37, 38)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"astype\('Int64'\)"):
        PublishRequest(pd.Series([37, None]), **modes)  # type: ignore[arg-type]
    for ids in ([pd.Series([True])[0]], pd.Series([True])):
        with pytest.raises(ValueError, match="bool"):
            PublishRequest(ids, **modes)  # type: ignore[arg-type]
    for buffer in (memoryview(b"37"), bytearray(b"37"), array("B", b"37"), b"37", pd.Series([True]).to_numpy()):
        with pytest.raises(ValueError, match="give a list of ids"):
            PublishRequest(buffer, **modes)  # type: ignore[arg-type]


def test_rows_of_python_are_compared_hashed_and_pickled_by_content(report: PublishReport) -> None:
    sent_at = datetime(2026, 11, 24, 21, 14, 7, 123456, tzinfo=timezone.utc)
    error = ApiError("403", code="no", title=None, detail=None, source=None)
    rows = [
        error,
        Attempt(sent_at, None, 503, "r-1", 0.25, "unknown", None),
        *report.unexpected,
        UnreadPage("/v1/more", 500, "The server answered 500.", "no"),
        report.failed_contacts(),
    ]
    for row in rows:
        again = pickle.loads(pickle.dumps(row))
        assert again == row == copy.deepcopy(row)
        assert hash(again) == hash(row)
        for name in row.__match_args__:
            assert f"{name}={getattr(row, name)!r}" in repr(row)
            with pytest.raises(AttributeError):
                setattr(row, name, None)
            with pytest.raises(AttributeError):
                delattr(row, name)
        values = row._values()
        with contextlib.suppress(TypeError):
            row.__init__(*[None for _ in values])  # type: ignore[misc]
        assert row._values() == values
        assert not hasattr(row, "__dict__")
    with pytest.raises(TypeError):
        report.failed_contacts().contacts[1] = ()  # type: ignore[index]
    assert len({*rows, *pickle.loads(pickle.dumps(rows))}) == len(rows)
    assert error != ApiError("403", "other", None, None, None)
    match error:
        case ApiError(status, code):
            assert (status, code) == ("403", "no")
    with pytest.raises(TypeError, match="takes status, code, title, detail, source"):
        ApiError("403")  # type: ignore[call-arg]


def test_attempts_have_times_in_utc(simulated_portal: SimulatedPortal) -> None:
    before = datetime.now(timezone.utc)
    report = simulated_portal.client().publish_files([37], portal_publishing="publish", contact_notification="notify")
    (attempt,) = report.attempts
    assert attempt.sent_at is not None
    assert attempt.answered_at is not None
    assert before <= attempt.sent_at <= attempt.answered_at <= datetime.now(timezone.utc)
    assert attempt.sent_at.tzinfo is timezone.utc
    shown = json.loads(report.to_json())["attempts"][0]
    assert datetime.fromisoformat(shown["sent_at"].replace("Z", "+00:00")) == attempt.sent_at
    assert (attempt.http_status, attempt.outcome, attempt.retry_after) == (200, "processed", None)
    assert attempt.elapsed == shown["elapsed"]
