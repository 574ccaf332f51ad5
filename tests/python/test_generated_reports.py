"""Generated reports: read, published, and used to settle what became of files whose outcome is unknown."""

from __future__ import annotations

import asyncio
import copy
import csv
import json
import logging
import os
import pickle
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import addepar_portal
from addepar_portal import (
    AsyncPortalClient,
    ConnectError,
    FailedPortfolio,
    GeneratedPortfolio,
    GeneratedReport,
    InputError,
    Journal,
    JournalError,
    OutcomeUnknownError,
    PermissionDeniedError,
    PortalClient,
    PortalError,
    PublishReport,
    PublishRequest,
    RejectedError,
    SettledFile,
    Settlement,
    forget_journal,
    init_journal_dir,
    publish_batch,
    publish_batch_async,
    publish_files,
    publish_files_async,
)
from addepar_portal.testing import SimulatedPortal

JOB = "7d4e1c58-9a63-4b0f-8a25-3c9d2f6b1e70"
MODES: Any = {"portal_publishing": "publish", "contact_notification": "notify"}
ROOT = Path(__file__).parents[2]
PROGRAM = Path(sys.executable).parent / "addepar-portal"
# Of the portal's clock: an hour passes in a second, so that ten minutes are a sixth of one.
CLOCK = 3_600
TEN_MINUTES = 0.25
# Where a file counts as not published, the request of another one has to be no further back than two looks are apart:
# on a slower clock, that holds on a busy machine too.
SLOW_CLOCK = 300
SLOW_TEN_MINUTES = 2.1

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")


def report_of(files: Iterable[int], **members: Any) -> dict[str, Any]:
    named = [{"file_id": id_, "portfolio_id": 1_000 + id_, "portfolio_name": f"Client {id_}"} for id_ in files]
    return {
        "job_id": JOB,
        "attributes": {
            "report_id": 42,
            "report_name": "Q3",
            "started_at": "2026-11-24T10:15:30.00Z",
            "completed_at": "2026-11-24T10:16:30Z",
            "job_type": "AD_HOC",
        },
        "generated_portfolios": named,
        "failed_portfolios": [{"portfolio_type": "entity", "portfolio_id": 9, "portfolio_name": "No data"}],
        **members,
    }


def portal_with(files: Iterable[int], **options: Any) -> SimulatedPortal:
    return SimulatedPortal(generated_reports=[report_of(files)], **{"clock": CLOCK, **options})


@pytest.fixture
def portal() -> Iterator[SimulatedPortal]:
    """A portal with one report of six files, each of which has one contact."""
    with portal_with(range(101, 107)) as portal:
        yield portal


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "run.jsonl"


def emailed(portal: SimulatedPortal) -> list[int]:
    """Each file as often as an e-mail about it went out."""
    return sorted(file for email in portal.outbox for file in email["files"])


def gets(portal: SimulatedPortal) -> int:
    return sum(request["method"] == "GET" for request in portal.requests)


@pytest.fixture
def slow_portal() -> Iterator[SimulatedPortal]:
    with portal_with(range(101, 107), clock=SLOW_CLOCK) as portal:
        yield portal


def lose_second_chunk(portal: SimulatedPortal, journal: Path, fault: str) -> None:
    portal.control("faults", faults=["stray_bytes", fault])
    with pytest.raises(OutcomeUnknownError) as caught:
        portal.client().publish_batch(reports=[JOB], journal=journal, chunk_size=2, **MODES)
    assert caught.value.undecided == (103, 104)


# Reading


def test_a_report_is_read_by_its_job(portal: SimulatedPortal) -> None:
    portal.control("show_published", file=101, shown=True)
    portal.control("show_published", file=102, shown=None)
    report = portal.client().generated_report(JOB)
    assert (report.job_id, report.report_id, report.report_name) == (JOB, 42, "Q3")
    assert (report.status, report.job_type) == ("FINISHED", "AD_HOC")
    assert report.started_at == datetime(2026, 11, 24, 10, 15, 30, tzinfo=timezone.utc)
    assert report.completed_at == datetime(2026, 11, 24, 10, 16, 30, tzinfo=timezone.utc)
    assert report.generated_portfolios[:3] == (
        GeneratedPortfolio("entity", 1101, "Client 101", 101, True),
        GeneratedPortfolio("entity", 1102, "Client 102", 102, None),
        GeneratedPortfolio("entity", 1103, "Client 103", 103, False),
    )
    assert report.failed_portfolios == (FailedPortfolio("entity", 9, "No data"),)
    assert report.file_ids == tuple(range(101, 107))
    assert report.portfolio_names == {file: f"Client {file}" for file in range(101, 107)}
    assert portal.control("posts") == 0
    # Rows are values.
    assert pickle.loads(pickle.dumps(report)) == copy.deepcopy(report) == report
    assert hash(report) == hash(copy.copy(report))
    assert repr(report).startswith(f"GeneratedReport(job_id='{JOB}', report_id=42")
    with pytest.raises(AttributeError):
        report.status = "ERROR"  # type: ignore[misc]


def test_members_that_are_left_out_are_none() -> None:
    raw = {
        "job_id": JOB,
        "attributes": {"status": None, "report_id": None, "report_name": None, "completed_at": None},
        "generated_portfolios": [{"file_id": 101}],
        "failed_portfolios": [{}],
    }
    with SimulatedPortal(generated_reports=[raw]) as portal:
        report = portal.client().generated_report(JOB)
    assert (report.report_id, report.report_name, report.completed_at) == (None, None, None)
    assert report.generated_portfolios == (GeneratedPortfolio("entity", None, None, 101, False),)
    assert report.failed_portfolios == (FailedPortfolio(None, None, None),)
    assert report.file_ids == (101,)
    assert report.portfolio_names == {}


def test_a_file_of_several_portfolios_is_one_file_with_all_names() -> None:
    portfolios = (
        GeneratedPortfolio("entity", 1, "A", 101, False),
        GeneratedPortfolio("entity", 2, "B", 101, False),
        GeneratedPortfolio("entity", 3, None, 102, None),
    )
    report = GeneratedReport(JOB, None, None, None, None, None, None, portfolios, ())
    assert (report.file_ids, report.portfolio_names) == ((101, 102), {101: "A, B"})


def test_the_list_is_read_page_by_page_and_filtered() -> None:
    reports = [
        {
            "job_id": f"job-{number:04}",
            "attributes": {
                "status": "ERROR" if number % 3 == 0 else "FINISHED",
                "completed_at": f"2026-11-{1 + number // 50:02}T00:00:00Z",
            },
        }
        for number in range(1_200)
    ]
    with SimulatedPortal(generated_reports=reports) as portal:
        client = portal.client()
        everything = client.generated_reports()
        assert len({report.job_id for report in everything}) == 1_200
        assert gets(portal) > 1
        assert len(client.generated_reports(status="ERROR")) == 400
        assert len(client.generated_reports(status=["ERROR", "FINISHED"])) == 1_200
        day = datetime(2026, 11, 23, tzinfo=timezone.utc)
        assert len(client.generated_reports(completed_after=day)) == 50
        assert len(client.generated_reports(completed_before=datetime(2026, 11, 2, tzinfo=timezone.utc))) == 50
        # The same moment, told elsewhere.
        elsewhere = day.astimezone(timezone(timedelta(hours=-5)))
        assert len(client.generated_reports(completed_after=elsewhere)) == 50
        client.generated_reports(entity_id=21, group_id="0022")
        assert "filter%5BentityId%5D=21&filter%5BgroupId%5D=22" in portal.requests[-1]["path"]
        assert asyncio.run(portal.async_client().generated_reports(status="ERROR")) == client.generated_reports(
            status=("ERROR",)
        )
        assert portal.control("posts") == 0


def test_reads_are_repeated_after_faults(portal: SimulatedPortal) -> None:
    portal.control("report_faults", faults=["status:503", "close_before_answer"])
    assert portal.client().generated_report(JOB).report_id == 42
    assert gets(portal) == 3
    portal.control("report_faults", faults=["status:503"] * 3)
    with pytest.raises(PortalError, match="503"):
        portal.client().generated_report(JOB)
    portal.control("report_faults", faults=["close_before_answer"] * 3)
    with pytest.raises(ConnectError) as caught:
        portal.client().generated_report(JOB)
    assert caught.value.outcome == "not_processed"
    assert portal.control("posts") == 0


def test_refusals_are_errors(portal: SimulatedPortal) -> None:
    client = portal.client()
    with pytest.raises(RejectedError) as caught:
        client.generated_report("7d4e1c58-0000-4b0f-8a25-3c9d2f6b1e70")
    assert len(caught.value.errors) == 1
    portal.control("report_faults", faults=["status:403"])
    with pytest.raises(PermissionDeniedError):
        client.generated_report(JOB)
    portal.control("report_faults", faults=["status:403"])
    with pytest.raises(PermissionDeniedError):
        asyncio.run(portal.async_client().generated_report(JOB))


def test_what_cannot_be_asked_for_is_refused_before_anything_is_sent(portal: SimulatedPortal, journal: Path) -> None:
    client = portal.client()
    for job_id in ("", "../portal", f"{JOB}?x=1", "a" * 65, "\ud83d"):
        with pytest.raises(InputError, match="`job_id` must be the id of a job"):
            client.generated_report(job_id)
    naive = datetime(2026, 11, 23)
    for name in ("completed_after", "completed_before"):
        given: dict[str, Any] = {name: naive}
        with pytest.raises(InputError, match=f"`{name}` must be a datetime with a time zone, .* Nothing was sent"):
            client.generated_reports(**given)
        given[name] = datetime(1969, 12, 31, tzinfo=timezone.utc)
        with pytest.raises(InputError, match=f"`{name}` must be a time in the years from 1970 to 9999"):
            client.generated_reports(**given)
        given[name] = "2026-11-23"
        with pytest.raises(
            TypeError, match=f"`{name}` must be a datetime with a time zone, not '2026-11-23' \\(str\\)"
        ):
            client.generated_reports(**given)
    for id_ in (0, -1, True, 3.5, "x", 2**70):
        with pytest.raises(
            InputError,
            match="`entity_id` must be a whole number from 1 to 9007199254740991 or a string of ASCII digits, not",
        ):
            client.generated_reports(entity_id=id_)  # type: ignore[arg-type]
        with pytest.raises(InputError, match="`group_id` must be a whole number"):
            client.generated_reports(group_id=id_)  # type: ignore[arg-type]
    with pytest.raises(
        InputError, match="`file_ids` must name the files: give a list of ids, or in `reports` the jobs"
    ):
        client.publish_batch(journal=journal, **MODES)
    with pytest.raises(InputError, match="`skip_published` needs `reports`"):
        client.publish_batch([101], skip_published=True, journal=journal, **MODES)
    with pytest.raises(InputError, match="`skip_published` leaves out files that `reports` bring, and cannot be given"):
        client.publish_batch([101], reports=[JOB], skip_published=True, journal=journal, **MODES)
    with pytest.raises(InputError, match="`job_id` must be the id of a job"):
        client.publish_batch(reports=["../portal"], journal=journal, **MODES)
    with pytest.raises(TypeError, match=r"`reports` must be a list of str, not 5 \(int\)"):
        client.publish_batch(reports=5, journal=journal, **MODES)  # type: ignore[arg-type]
    assert not portal.requests
    assert not journal.exists()


# Publishing


def assert_named(report: PublishReport, names: dict[int, str | None]) -> None:
    assert {file.file_id: file.portfolio_name for file in report} == names
    assert {row["file_id"]: row["portfolio_name"] for row in report.to_dicts()} == names
    columns = report.to_columns()
    assert dict(zip(columns["file_id"], columns["portfolio_name"], strict=True)) == names
    assert list(report.to_pandas()["portfolio_name"]) == list(names.values())
    for copied in (pickle.loads(pickle.dumps(report)), PublishReport.from_json(report.to_json())):
        assert copied == report
        assert [file.portfolio_name for file in copied] == list(names.values())


def test_a_report_is_published_in_the_place_of_a_list(portal: SimulatedPortal, journal: Path) -> None:
    client = portal.client()
    generated = client.generated_report(JOB)
    names: dict[int, str | None] = {file: f"Client {file}" for file in range(101, 107)}
    report = publish_files(generated, client=client, **MODES)
    assert report.ok
    assert_named(report, names)
    assert 'portfolio_name="Client 101"' in repr(report.file(101))
    assert pickle.loads(pickle.dumps(report.file(101))) == report.file(101)
    portal.control("reset")
    report = publish_batch(generated, journal=journal, chunk_size=2, client=client, **MODES)
    assert_named(report, names)
    assert_named(Journal(journal).report, names)
    assert client.resume(journal) == report
    assert emailed(portal) == list(names)
    with SimulatedPortal() as other:
        assert "portfolio_name" not in repr(other.client().publish_files([37], **MODES).file(37))


def test_a_request_has_the_names_of_its_portfolios_however_their_ids_are_written() -> None:
    ids: list[Any] = [101, "0102", True]
    portfolios = [GeneratedPortfolio("entity", 1, f"Client {id_}", id_, False) for id_ in ids]
    members: dict[str, Any] = dict.fromkeys(GeneratedReport.__match_args__) | {"job_id": JOB, "failed_portfolios": ()}
    named = GeneratedReport(**{**members, "generated_portfolios": tuple(portfolios[:2])})
    assert PublishRequest(named, **MODES).portfolio_names == {101: "Client 101", 102: "Client 0102"}
    assert PublishRequest([101], **MODES).portfolio_names == {}
    with pytest.raises(InputError, match=r"file_ids\[0\] is True \(bool\)"):
        PublishRequest(GeneratedReport(**{**members, "generated_portfolios": tuple(portfolios[2:])}), **MODES)


def test_names_stand_in_the_html_table_escaped_and_only_where_they_are_known() -> None:
    raw = report_of([])
    raw["generated_portfolios"] = [{"file_id": 101, "portfolio_name": "<b>A & B</b>"}, {"file_id": 102}]
    with SimulatedPortal(generated_reports=[raw]) as portal:
        client = portal.client()
        table = client.publish_files(client.generated_report(JOB), **MODES)._repr_html_()
        assert "<b>A" not in table
        assert "&lt;b&gt;A &amp; B&lt;/b&gt;" in table
        assert ">portfolio_name<" in table
        assert ">portfolio_name<" not in client.publish_files([37], **MODES)._repr_html_()


def test_a_batch_takes_its_files_from_reports_and_leaves_out_what_is_published(
    portal: SimulatedPortal, journal: Path
) -> None:
    portal.control("show_published", file=103, shown=True)
    client = portal.client()
    publish: Any = {"reports": [JOB], "skip_published": True, "journal": journal, "chunk_size": 2, **MODES}
    report = client.publish_batch(**publish)
    assert_named(report, {file: f"Client {file}" for file in (101, 102, 104, 105, 106)})
    assert emailed(portal) == [101, 102, 104, 105, 106]
    kept = Journal(journal).to_dict()
    assert (kept["reports"], kept["skipped"], Journal(journal).skipped) == ([JOB], [103], (103,))
    # The ids are the journal's from now on, whatever the report shows.
    portal.control("show_published", file=103, shown=False)
    assert client.publish_batch(**publish) == report
    assert emailed(portal) == [101, 102, 104, 105, 106]


def test_files_that_a_job_has_by_now_are_warned_of_and_not_sent(
    journal: Path, caplog: pytest.LogCaptureFixture
) -> None:
    publish: Any = {"reports": [JOB], "skip_published": True, "journal": journal, **MODES}
    with portal_with(range(101, 104)) as first:
        assert first.client().publish_batch(**publish).ok
        port = int(first.base_url.split(":")[2].partition("/")[0])
    caplog.clear()
    with portal_with(range(101, 106), port=port) as finished:
        assert len(finished.client().publish_batch(**publish)) == 3
        _, said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
        assert "2 files of the reports (104,105) are not of this run" in said
        assert said.endswith("name the files, or give the reports again with `skip_published`.")
        modes = ["--portal-publishing", "publish", "--contact-notification", "notify", "--journal", str(journal)]
        done = subprocess.run(
            [PROGRAM, "publish", "--report", JOB, "--skip-published", *modes, "--yes"],
            env={**os.environ, **finished.environ()},
            timeout=60,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        words = " ".join(done.stderr.split())
        assert "2 files of the reports (104,105) are not of this run" in words
        assert words.endswith("or give the reports again with `--skip-published`.")
        assert finished.control("posts") == 0


def test_nothing_left_to_publish_is_a_report_without_files_that_is_ok(portal: SimulatedPortal, journal: Path) -> None:
    for file in range(101, 107):
        portal.control("show_published", file=file, shown=True)
    client = portal.client()
    publish: Any = {"reports": [JOB], "skip_published": True, "journal": journal, **MODES}
    report = client.publish_batch(**publish)
    for same in (report, client.publish_batch(**publish), client.resume(journal), Journal(journal).report):
        assert (same.ok, same.settled, same.files, list(same), same.undecided) == (True, True, (), [], ())
        assert same.raise_for_failures() is same
        assert PublishReport.from_json(same.to_json()) == pickle.loads(pickle.dumps(same)) == same
        assert "asked: publish" in f"{same}{same._repr_html_()}"
    assert Journal(journal).skipped == tuple(range(101, 107))
    assert portal.control("posts") == 0


def test_the_program_has_nothing_to_publish(portal: SimulatedPortal, journal: Path) -> None:
    for file in range(101, 107):
        portal.control("show_published", file=file, shown=True)
    modes = ["--portal-publishing", "publish", "--contact-notification", "notify"]
    kept = ["--journal", str(journal)]
    for more in ([], ["--dry-run"], ["--yes"], [*kept, "--dry-run"], kept, [*kept, "--yes"]):
        done = subprocess.run(
            [PROGRAM, "publish", "--report", JOB, "--skip-published", *modes, "--format", "json", *more],
            env={**os.environ, **portal.environ()},
            timeout=60,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["files"] == []
        if more == kept:
            assert "Every file of the reports is shown as published already: nothing is to be sent." in done.stderr
        elif "--journal" not in more or "--dry-run" in more:
            assert "Every file of the reports is shown as published already. Nothing was sent." in done.stderr
            assert not journal.exists()
    assert portal.control("posts") == 0
    # As a program's call, it leaves a journal.
    assert (Journal(journal).files, Journal(journal).to_dict()["skipped"]) == ((), [*range(101, 107)])
    assert portal.client().publish_batch(reports=[JOB], skip_published=True, journal=journal, **MODES).settled


def test_the_program_sends_nothing_after_it_said_that_nothing_is_to_be_sent(
    portal: SimulatedPortal, journal: Path
) -> None:
    """It looks at the reports twice: in between, one file is shown as not published any more."""
    for file in range(101, 107):
        portal.control("show_published", file=file, shown=True)

    class Between(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            request = urllib.request.Request(
                portal.base_url.removesuffix("/api") + self.path, headers=dict(self.headers)
            )
            with urllib.request.urlopen(request, timeout=30) as answer:
                body = answer.read()
            portal.control("show_published", file=106, shown=False)
            self.send_response(200)
            self.send_header("Content-Type", "application/vnd.api+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    modes = ["--portal-publishing", "publish", "--contact-notification", "notify", "--journal", str(journal)]
    with ThreadingHTTPServer(("127.0.0.1", 0), Between) as between:
        threading.Thread(target=between.serve_forever, daemon=True).start()
        done = subprocess.run(
            [PROGRAM, "publish", "--report", JOB, "--skip-published", *modes, "--yes"],
            env={**os.environ, **portal.environ(), "ADDEPAR_BASE_URL": f"http://127.0.0.1:{between.server_port}/api"},
            timeout=60,
            capture_output=True,
            text=True,
            check=False,
        )
        between.shutdown()
    assert "nothing is to be sent" in done.stderr
    assert "nobody agreed to" in done.stderr
    assert (gets(portal), portal.control("posts"), portal.outbox) == (2, 0, [])
    assert done.returncode not in {0, 3}


def test_the_program_shows_the_files_that_a_journal_left_out(portal: SimulatedPortal, journal: Path) -> None:
    for file in (103, 104):
        portal.control("show_published", file=file, shown=True)
    portal.client().publish_batch(reports=[JOB], skip_published=True, journal=journal, **MODES)
    table = program(portal, "journal", "show", journal).stdout
    assert "2 files left out, as the reports showed them as published already: 103,104\n" in table
    assert json.loads(program(portal, "journal", "show", journal, "--format", "json").stdout)["skipped"] == [103, 104]
    rows = list(csv.DictReader(program(portal, "journal", "show", journal, "--format", "csv").stdout.splitlines()))
    left_out = [(row["file_id"], row["portfolio_name"]) for row in rows if row["state"] == "skipped"]
    assert left_out == [("103", "Client 103"), ("104", "Client 104")]
    assert [row["file_id"] for row in rows if row["state"] == "ok"] == ["101", "102", "105", "106"]
    undecided = program(portal, "journal", "show", journal, "--undecided", "--format", "csv").stdout
    assert len(undecided.splitlines()) == 1


def test_a_report_without_files_cannot_be_published(journal: Path) -> None:
    with portal_with([]) as portal:
        client = portal.client()
        generated = client.generated_report(JOB)
        for publish in (
            client.publish_files,
            lambda files, **modes: client.publish_batch(files, journal=journal, **modes),
        ):
            with pytest.raises(InputError, match="`file_ids` must name"):
                publish(generated, **MODES)
        with pytest.raises(InputError, match="`reports` must have files to publish"):
            client.publish_batch(reports=[JOB], journal=journal, **MODES)
        assert portal.control("posts") == 0


# Settling


def test_a_lost_chunk_is_settled_and_resumed(slow_portal: SimulatedPortal, journal: Path) -> None:
    portal = slow_portal
    lose_second_chunk(portal, journal, "close_after_head")
    client = portal.client()
    run = Journal(journal)
    run.settle(client)
    time.sleep(SLOW_TEN_MINUTES)
    before = journal.read_bytes()
    proposed = run.settle(client)
    assert not proposed.applied
    assert [(file.file_id, file.portfolio_name, file.decision) for file in proposed] == [
        (103, "Client 103", "not_published"),
        (104, "Client 104", "not_published"),
    ]
    assert all(moment.tzinfo is not None for moment in proposed.looked_at)
    assert (len(proposed), proposed.left) == (2, ())
    assert journal.read_bytes() == before
    assert run.undecided
    assert emailed(portal) == [101, 102]
    applied = run.settle(client, apply=True)
    assert applied.applied
    assert pickle.loads(pickle.dumps(applied)) == applied
    # The same object shows what was recorded.
    assert not run.undecided
    assert run.files == Journal(journal).files
    file = run.files[2]
    assert (file.decision, file.decided_by) == ("not_published", "settle")
    assert "not published at" in (file.evidence or "")
    assert run.settle(client, apply=True).files == ()
    assert client.resume(journal).ok
    assert emailed(portal) == list(range(101, 107))


def test_a_chunk_that_was_processed_is_never_sent_again(portal: SimulatedPortal, journal: Path) -> None:
    lose_second_chunk(portal, journal, "close_before_answer")
    client = portal.client()
    settled = Journal(journal).settle(client, [JOB], apply=True)
    assert [file.decision for file in settled] == ["published", "published"]
    report = client.resume(journal)
    assert report.settled
    assert [file.file_id for file in report.unknown] == [103, 104]
    assert emailed(portal) == list(range(101, 107))


@pytest.mark.parametrize("apply", [False, True])
def test_settling_shows_nobody_what_others_have_decided(portal: SimulatedPortal, journal: Path, apply: bool) -> None:
    lose_second_chunk(portal, journal, "close_before_answer")
    ann = Journal(journal)
    Journal(journal).decide([103], "leave", by="Bob")
    settled = ann.settle(portal.client(), apply=apply)
    assert [(file.file_id, file.decision) for file in settled] == [(104, "published")]
    assert ann.undecided == ((103,) if apply else (103, 104))
    with pytest.raises(JournalError, match=r"Bob decided leave about 1 file \(103\) at 20") as caught:
        ann.decide([103], "not_published", by="Ann")
    assert caught.value.reason == "outdated"
    # What was proven by this object it has shown.
    replaced = ann.decide([104], "leave", by="Ann")
    assert [(file.decision, file.decided_by) for file in replaced] == ([("published", "settle")] if apply else [])


def test_half_a_chunk_waits_for_a_person(portal: SimulatedPortal, journal: Path) -> None:
    lose_second_chunk(portal, journal, "half_done")
    client = portal.client()
    time.sleep(TEN_MINUTES)
    settled = Journal(journal).settle(client, apply=True)
    assert [(file.file_id, file.decision) for file in settled] == [(103, "published"), (104, None)]
    assert settled.left == (104,)
    with pytest.raises(JournalError) as caught:
        client.resume(journal)
    assert caught.value.undecided == (104,)
    assert emailed(portal) == [101, 102, 103]


def test_a_journal_is_settled_wherever_the_program_goes(
    portal: SimulatedPortal, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And on any thread."""
    lose_second_chunk(portal, journal, "close_before_answer")
    monkeypatch.chdir(journal.parent)
    run = Journal(journal.name)
    monkeypatch.chdir("/")
    settling = threading.Thread(target=run.settle, args=(portal.client(),), kwargs={"apply": True})
    settling.start()
    settling.join(60)
    assert not run.undecided
    assert Journal(journal).undecided == ()


def test_a_batch_whose_report_cannot_be_read_shows_what_its_journal_has(portal: SimulatedPortal, journal: Path) -> None:
    lose_second_chunk(portal, journal, "close_before_answer")
    lost = Journal(journal).undecided
    assert lost
    for files in (None, range(101, 107)):
        portal.control("report_faults", faults=["status:403"])
        with pytest.raises(PermissionDeniedError, match="Nothing was sent now") as raised:
            portal.client().publish_batch(files, reports=[JOB], journal=journal, **MODES)
        assert (raised.value.outcome, raised.value.undecided) == ("unknown", lost)
        portal.control("report_faults", faults=["status:403"])
        with pytest.raises(PermissionDeniedError) as raised:
            portal.client().publish_batch(files, reports=[JOB], journal=f"{journal}.other.jsonl", **MODES)
        assert raised.value.outcome == "not_processed"


def test_a_batch_of_named_files_is_not_continued_by_its_reports_alone(portal: SimulatedPortal, journal: Path) -> None:
    client = portal.client()
    named: Any = {"file_ids": [101, 999], "reports": [JOB], "journal": journal, **MODES}
    client.publish_batch(**named)
    with pytest.raises(JournalError, match="is of another run: `file_ids` names the files there, and stands for all"):
        client.publish_batch(reports=[JOB], journal=journal, **MODES)
    assert client.publish_batch(**named).settled
    assert portal.control("posts") == 1


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_program_can_be_interrupted_while_it_settles(journal: Path, number: int) -> None:
    with portal_with(range(101, 107), clock=1) as portal:
        lose_second_chunk(portal, journal, "close_after_head")
        before, looks = journal.read_bytes(), gets(portal)
        command: list[str | Path] = [PROGRAM, "journal", "settle", journal, "--yes"]
        environ = {**os.environ, **portal.environ()}
        with subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as run:
            deadline = time.monotonic() + 60
            while gets(portal) == looks and time.monotonic() < deadline:
                time.sleep(0.01)
            run.send_signal(number)
            _, errors = run.communicate(timeout=60)
        assert (run.returncode, "unknown" in errors) == (130, False), errors
        assert errors.endswith("Interrupted. Nothing was sent.\n")
        assert journal.read_bytes() == before


@posix
def test_what_was_recorded_before_an_interrupt_is_told(journal: Path) -> None:
    for number in range(4):
        path = journal.with_name(f"{number}.jsonl")
        with portal_with(range(101, 107), clock=SLOW_CLOCK) as portal:
            lose_second_chunk(portal, path, "close_before_answer")
            command: list[str | Path] = [PROGRAM, "journal", "settle", path, "--yes"]
            environ = {**os.environ, **portal.environ()}
            with subprocess.Popen(
                command,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            ) as run:
                deadline = time.monotonic() + 60
                while (
                    run.poll() is None and b'"type":"decision"' not in path.read_bytes() and time.monotonic() < deadline
                ):
                    time.sleep(0.0005)
                run.send_signal(signal.SIGINT)
                output, errors = run.communicate(timeout=60)
            has_decided = b'"type":"decision"' in path.read_bytes()
            assert (run.returncode == 130) == (not has_decided), (run.returncode, output, errors)
            assert ("Recorded: " in errors) == has_decided, (run.returncode, output, errors)


@pytest.mark.parametrize("shape", ["table", "json"])
def test_a_dry_run_with_reports_is_refused_as_the_call_would_be(
    portal: SimulatedPortal, journal: Path, shape: str
) -> None:
    modes = ("--portal-publishing", "publish", "--contact-notification", "notify")
    portal.client().publish_batch(reports=[JOB], journal=journal, **MODES)
    other = "7d4e1c58-0000-4b0f-8a25-3c9d2f6b1e70"
    for asked in (("--report", other), ("101", "--report", JOB), ("999", "--report", JOB)):
        command = ("publish", *asked, *modes, "--journal", journal, "--format", shape)
        dry = program(portal, *command, "--dry-run")
        assert (dry.returncode, dry.stdout, "is of another run" in dry.stderr) == (2, "", True), dry.stderr
    real = program(portal, "publish", "999", "--report", JOB, *modes, "--journal", journal, "--yes")
    assert (real.returncode, "About to" in real.stderr) == (2, False), real.stderr
    same = program(portal, "publish", "--report", JOB, *modes, "--journal", journal, "--dry-run")
    assert same.returncode == 0, same.stderr


def test_a_report_that_lacks_files_is_warned_of_at_the_command_line(portal: SimulatedPortal, journal: Path) -> None:
    modes = ("--portal-publishing", "publish", "--contact-notification", "notify")
    for more in (("--dry-run",), ("--yes",), ("--journal", journal, "--skip-published", "--dry-run")):
        done = program(portal, "publish", "--report", JOB, *modes, *more)
        warning = f"addepar-portal: The job {JOB} has no file for 1 portfolio: what it lacks is published to nobody.\n"
        assert (done.returncode, warning in done.stderr) == (0, True), done


def test_a_path_that_is_not_text_is_refused_by_name() -> None:
    for refused, name in ((Journal, "path"), (forget_journal, "path"), (init_journal_dir, "folder")):
        with pytest.raises(InputError, match=f"`{name}` has a character that it cannot have: half of a surrogate pair"):
            refused("runs/\udcff.jsonl")
        with pytest.raises(TypeError, match=f"`{name}` must be a path"):
            refused(b"runs.jsonl")  # type: ignore[arg-type]


def test_what_the_guide_shows_publishes_and_settles(
    portal: SimulatedPortal, journal: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    guide = (ROOT / ".docs" / "pages" / "guide" / "generated-reports.md").read_text("utf-8")
    shown: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", guide, re.DOTALL):
        exec(block, shown)
    monkeypatch.chdir(journal.parent)
    init_journal_dir("journals")
    portal.control("show_published", file=106, shown=True)
    portal.control("faults", faults=["close_before_answer"])
    with pytest.raises(OutcomeUnknownError) as caught:
        shown["publish_report"](portal.client(), JOB)
    assert caught.value.undecided == (101, 102, 103, 104, 105)
    assert shown["settle"](portal.client(), f"journals/{JOB}.jsonl").settled
    assert "Client 101 published" in capsys.readouterr().out
    assert emailed(portal) == [101, 102, 103, 104, 105]


def test_settling_needs_a_report_and_the_client_of_its_kind(portal: SimulatedPortal, journal: Path) -> None:
    portal.next_fault("close_before_answer")
    client = portal.client()
    with pytest.raises(OutcomeUnknownError):
        client.publish_batch([101, 102], journal=journal, **MODES)
    run = Journal(journal)
    with pytest.raises(InputError):
        run.settle(client)
    with pytest.raises(InputError, match="`job_id` must be the id of a job"):
        run.settle(client, ["../portal"])
    with pytest.raises(InputError, match="`client` must be of type PortalClient, not of type AsyncPortalClient"):
        run.settle(portal.async_client())  # type: ignore[arg-type]
    with pytest.raises(InputError, match="`client` must be of type AsyncPortalClient, not of type PortalClient"):
        asyncio.run(run.settle_async(client))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"`apply` must be True or False, not 1 \(int\)"):
        run.settle(client, apply=1)  # type: ignore[arg-type]
    settled = run.settle(client, JOB, apply=True)
    assert settled.left == (101, 102), "nobody looked before"
    assert isinstance(settled, Settlement)
    assert all(isinstance(file, SettledFile) and file.evidence for file in settled)


def test_the_same_with_asyncio(slow_portal: SimulatedPortal, journal: Path, tmp_path: Path) -> None:
    portal = slow_portal

    async def main(client: AsyncPortalClient) -> PublishReport:
        generated = await client.generated_report(JOB)
        assert generated == portal.client().generated_report(JOB)
        assert await client.generated_reports() == [generated]
        assert_named(
            await publish_files_async(generated, client=client, **MODES),
            {file: f"Client {file}" for file in range(101, 107)},
        )
        other = tmp_path / "other.jsonl"
        assert (await publish_batch_async(generated, journal=other, client=client, **MODES)).ok
        for file in generated.file_ids:
            portal.control("show_published", file=file, shown=True)
        nothing = tmp_path / "nothing.jsonl"
        report = await publish_batch_async(reports=[JOB], skip_published=True, journal=nothing, client=client, **MODES)
        assert (report.ok, report.files) == (True, ())
        portal.control("reset")
        portal.control("faults", faults=["stray_bytes", "close_after_head"])
        with pytest.raises(OutcomeUnknownError):
            await client.publish_batch(reports=[JOB], journal=journal, chunk_size=2, **MODES)
        run = Journal(journal)
        await asyncio.sleep(SLOW_TEN_MINUTES)
        assert (await run.settle_async(client)).left == ()
        assert run.undecided
        assert (await run.settle_async(client, apply=True)).applied
        assert not run.undecided
        return await client.resume(journal)

    assert asyncio.run(main(portal.async_client())).ok
    assert emailed(portal) == list(range(101, 107))


# Interrupted


def wait_for_requests(portal: SimulatedPortal, count: int) -> None:
    deadline = time.monotonic() + 30
    while len(portal.requests) < count:
        assert time.monotonic() < deadline
        time.sleep(0.005)


@posix
@pytest.mark.parametrize("what", ["report", "reports", "settle"])
def test_ctrl_c_during_a_read_ends_it_without_a_warning(
    what: str, portal: SimulatedPortal, journal: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lose_second_chunk(portal, journal, "close_after_head")
    client, run, before = portal.client(), Journal(journal), journal.read_bytes()
    portal.control("report_faults", faults=["hang"])
    sent, posts = len(portal.requests), portal.control("posts")
    caplog.clear()

    def press() -> None:
        wait_for_requests(portal, sent + 1)
        os.kill(os.getpid(), signal.SIGINT)

    pressing = threading.Thread(target=press)
    pressing.start()
    reads: dict[str, Any] = {
        "report": lambda: client.generated_report(JOB),
        "reports": client.generated_reports,
        "settle": lambda: run.settle(client, apply=True),
    }
    with pytest.raises(KeyboardInterrupt) as caught:
        reads[what]()
    pressing.join()
    assert caught.value.__cause__ is None
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert portal.control("posts") == posts
    assert journal.read_bytes() == before


@pytest.mark.parametrize("what", ["report", "reports", "settle"])
def test_cancelling_a_read_ends_it_without_a_warning(
    what: str, portal: SimulatedPortal, journal: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lose_second_chunk(portal, journal, "close_after_head")
    before = journal.read_bytes()
    portal.control("report_faults", faults=["hang"])
    sent, posts = len(portal.requests), portal.control("posts")
    caplog.clear()

    async def main(client: AsyncPortalClient) -> None:
        reads: dict[str, Any] = {
            "report": lambda: client.generated_report(JOB),
            "reports": client.generated_reports,
            "settle": lambda: Journal(journal).settle_async(client, apply=True),
        }
        task = asyncio.ensure_future(reads[what]())
        while len(portal.requests) == sent:
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert caught.value.__cause__ is None

    asyncio.run(asyncio.wait_for(main(portal.async_client()), 30))
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert portal.control("posts") == posts
    assert journal.read_bytes() == before


SETTLES = """
import sys
from addepar_portal import Journal, PortalClient
print("starts", flush=True)
Journal(sys.argv[1]).settle(PortalClient(), apply=True)
"""


@pytest.mark.parametrize("fault", ["close_after_head", "close_before_answer"])
def test_a_kill_while_settling_leaves_a_journal_that_is_settled_again(fault: str, tmp_path: Path) -> None:
    """While it looks; and at any moment while it looks, waits, writes or is done."""
    for attempt in range(6):
        journal = tmp_path / f"{attempt}.jsonl"
        with portal_with(range(101, 107), clock=SLOW_CLOCK) as portal:
            lose_second_chunk(portal, journal, fault)
            time.sleep(SLOW_TEN_MINUTES)
            sent = len(portal.requests)
            if attempt == 0:
                portal.control("report_faults", faults=["hang"])
            command = [sys.executable, "-c", SETTLES, str(journal)]
            environ = {**os.environ, **portal.environ()}
            with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE) as settling:
                assert settling.stdout is not None
                settling.stdout.readline()
                if attempt == 0:
                    wait_for_requests(portal, sent + 1)
                else:
                    time.sleep(attempt * 0.1)
                settling.kill()
            assert attempt > 0 or settling.returncode != 0
            client = portal.client()
            assert emailed(portal) == [101, 102] + ([103, 104] if fault == "close_before_answer" else [])
            Journal(journal).settle(client, apply=True)
            assert Journal(journal).undecided == ()
            assert client.resume(journal).settled
            assert emailed(portal) == list(range(101, 107))


# From a finished job to a settled batch

LOST = ("close_before_answer", "close_after_head", "half_done", "reset_in_body")


def test_a_large_batch_with_faults_is_settled_and_resumed_to_its_end(journal: Path) -> None:
    """One request in twenty is lost. A person decides about what is left, from the portal's own outbox."""
    files = range(1, 2_001)
    with portal_with(files) as portal:
        faults = [LOST[n // 20 % len(LOST)] if n % 20 == 10 else "stray_bytes" for n in range(200)]
        portal.control("faults", faults=faults)
        client = portal.client()
        proven = asked = 0
        for _ in range(40):
            try:
                report = client.publish_batch(reports=[JOB], journal=journal, chunk_size=20, **MODES)
                break
            except PortalError as error:
                if not error.undecided:
                    raise
            run = Journal(journal)
            time.sleep(TEN_MINUTES)
            settled = run.settle(client, apply=True)
            proven += len(settled) - len(settled.left)
            asked += len(settled.left)
            out = set(emailed(portal))
            for published in (True, False):
                if left := [file for file in settled.left if (file in out) == published]:
                    run.decide(left, "published" if published else "not_published", by="A. Person", evidence="outbox")
        else:
            pytest.fail("the batch comes to no end")
        assert report.settled
        assert emailed(portal) == list(files)
        assert proven
        assert asked
    assert [file.portfolio_name for file in report] == [f"Client {file}" for file in files]


def program(portal: SimulatedPortal, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, *arguments],
        env={**os.environ, **portal.environ()},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_settling_says_what_it_waits_for_and_how_long(portal: SimulatedPortal, journal: Path) -> None:
    lose_second_chunk(portal, journal, "close_before_answer")
    settled = program(portal, "journal", "settle", journal, "--report", JOB)
    assert "twice, two minutes apart, unless the journal has an earlier look." in settled.stderr
    said = r"^addepar-portal: Waiting \d+\.\d s before the generated reports are looked at again: "
    assert re.search(said, settled.stderr, re.MULTILINE), settled.stderr
    assert "Waiting" not in settled.stdout


def test_the_same_by_the_command_line(journal: Path) -> None:
    files = range(1, 2_001)
    modes = ("--portal-publishing", "publish", "--contact-notification", "notify")
    with portal_with(files) as portal:
        portal.control("faults", faults=[LOST[n // 3] if n % 3 == 1 else "stray_bytes" for n in range(12)])
        done = program(portal, "publish", "--report", JOB, "--journal", journal, *modes, "--yes")
        proven = asked = 0
        for look in range(20):
            run = Journal(journal)
            if not run.undecided:
                break
            time.sleep(TEN_MINUTES)
            settled = program(portal, "journal", "settle", journal, "--format", "json", "--yes")
            assert settled.stdout, settled.stderr
            rows = json.loads(settled.stdout)["files"]
            left = [row["file_id"] for row in rows if row["decision"] is None]
            proven += len(rows) - len(left)
            asked += len(left)
            out = set(emailed(portal))
            for verdict, wanted in (("--published", True), ("--not-published", False)):
                if ids := ",".join(str(file) for file in left if (file in out) == wanted):
                    who = ("--by", "A. Person", "--evidence", f"look {look}")
                    found = program(portal, "journal", "resolve", journal, verdict, "--files", ids, *who)
                    assert found.returncode == 0, found.stderr
            done = program(portal, "resume", journal, "--yes")
        else:
            pytest.fail("the batch comes to no end")
        assert Journal(journal).report.settled, done.stderr
        assert Counter(emailed(portal)) == dict.fromkeys(files, 1)
        assert proven
        assert asked
        shown = program(portal, "report", "show", JOB, "--format", "json")
        assert [row["file_id"] for row in json.loads(shown.stdout)["generated_portfolios"]] == list(files)
    audit = program(portal, "journal", "audit", journal.parent)
    assert audit.returncode == 0, audit.stdout


def test_the_classes_are_loaded_when_they_are_asked_for() -> None:
    code = "import sys, addepar_portal; print('addepar_portal._generated_reports' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "False\n"
    assert addepar_portal.GeneratedReport is GeneratedReport
    assert all(hasattr(client, "generated_report") for client in (PortalClient, AsyncPortalClient))
