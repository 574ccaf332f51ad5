"""Batches and journals: what is sent, what is written, and what happens when somebody interrupts."""

from __future__ import annotations

import asyncio
import copy
import json
import multiprocessing
import os
import pickle
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from addepar_portal import (
    AlreadySentError,
    AsyncPortalClient,
    ConfigError,
    InputError,
    Journal,
    JournalError,
    OutcomeUnknownError,
    PermissionDeniedError,
    PortalClient,
    Progress,
    PublishReport,
    RateLimitedError,
    StoppedError,
    UnreadPage,
    forget_journal,
    init_journal_dir,
    publish_batch,
    publish_batch_async,
    resume,
    resume_async,
)
from addepar_portal.testing import SimulatedPortal

MODES: Any = {"portal_publishing": "publish", "contact_notification": "notify"}


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "run.jsonl"


def records(journal: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in journal.read_text().splitlines()]


def wait_for_posts(portal: SimulatedPortal, count: int) -> None:
    deadline = time.monotonic() + 10
    while sum(request["complete"] for request in portal.requests) < count:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_batch_is_sent_in_chunks_and_journalled(simulated_portal: SimulatedPortal, journal: Path) -> None:
    seen: list[Progress] = []
    report = publish_batch(
        range(1, 251), journal=journal, client=simulated_portal.client(), on_progress=seen.append, **MODES
    )
    assert report.ok
    assert [file.file_id for file in report] == list(range(1, 251))
    assert len(report.attempts) == 3
    assert simulated_portal.control("posts") == 3
    kinds = [record["type"] for record in records(journal)]
    assert kinds == ["header", "plan", *["intent", "outcome"] * 3]
    assert [progress.succeeded for progress in seen] == [0, 100, 200, 250]
    assert [(progress.chunk, progress.chunks, progress.waiting) for progress in seen] == [
        (1, 3, None),
        (1, 3, None),
        (2, 3, None),
        (3, 3, None),
    ]
    assert "simulated-secret" not in journal.read_text()
    if sys.platform != "win32":
        assert journal.stat().st_mode & 0o777 == 0o600


def test_an_async_batch(simulated_portal: SimulatedPortal, journal: Path) -> None:
    seen: list[int] = []

    async def main() -> PublishReport:
        client = simulated_portal.async_client()
        return await publish_batch_async(
            range(1, 31),
            journal=journal,
            chunk_size=10,
            client=client,
            on_progress=lambda p: seen.append(p.succeeded),
            **MODES,
        )

    assert asyncio.run(main()).ok
    assert seen == [0, 10, 20, 30]


def test_a_journal_alone_gives_the_report(simulated_portal: SimulatedPortal, journal: Path) -> None:
    simulated_portal.fail_publish(3, [1])
    report = publish_batch(range(1, 31), journal=journal, chunk_size=10, client=simulated_portal.client(), **MODES)
    assert [file.file_id for file in report.failed] == [3]
    assert Journal(journal).report == report
    assert pickle.loads(pickle.dumps(report)) == report
    assert pickle.loads(pickle.dumps(report.request)) == report.request
    assert [chunk.state for chunk in Journal(journal).chunks] == ["processed"] * 3


def test_a_batch_that_is_done_sends_nothing_again(simulated_portal: SimulatedPortal, journal: Path) -> None:
    simulated_portal.fail_publish(3, [1])
    client = simulated_portal.client()
    report = publish_batch(range(1, 31), journal=journal, chunk_size=10, client=client, **MODES)
    # Neither another order nor, with nothing left to send, another size makes it another batch.
    again = publish_batch(range(30, 0, -1), journal=journal, chunk_size=7, client=client, **MODES)
    assert again.files == report.files[::-1]
    assert again.request.file_ids == tuple(range(30, 0, -1))
    assert client.resume(journal) == report
    assert simulated_portal.control("posts") == 3


def test_a_size_that_the_journal_was_not_planned_with_is_refused(
    simulated_portal: SimulatedPortal, journal: Path
) -> None:
    client = simulated_portal.client()
    simulated_portal.next_fault("status:403")
    with pytest.raises(PermissionDeniedError):
        client.publish_batch(range(1, 31), journal=journal, chunk_size=10, **MODES)
    with pytest.raises(InputError, match=r"`chunk_size` must be 10 for the journal .*, not 7\. Nothing was sent now\."):
        client.publish_batch(range(1, 31), journal=journal, chunk_size=7, **MODES)
    assert simulated_portal.control("posts") == 1
    # The default is what nobody asked for.
    assert client.publish_batch(range(1, 31), journal=journal, **MODES).ok
    assert [len(request["body"]["data"]["attributes"]["files_id"]) for request in simulated_portal.requests] == [10] * 4


def test_a_batch_keeps_what_was_seen_of_a_page_that_failed(journal: Path) -> None:
    link = "/v1/portal/publish_files?page=2"
    row = {"id": "1", "attributes": {"file_id": 1, "publish_status": "success", "notify_status": "success"}}
    with SimulatedPortal(pages={link: {"status": 503, "body": "<html>busy"}}) as portal:
        portal.next_fault("answer", status=200, body={"data": [row], "links": {"next": link}})
        with pytest.raises(JournalError, match="waits for a decision") as waiting:
            portal.client().publish_batch([2, 1, 3], journal=journal, chunk_size=2, **MODES)
    report = waiting.value.report
    assert report is not None
    page = UnreadPage(link, 503, "The server answered 503.", "<html>busy")
    left_out = "The answer has no result for it, and its next page was not read. The server answered 503."
    assert [(file.file_id, file.reason) for file in report] == [(2, left_out), (1, None), (3, None)]
    assert (report.next_link, report.unread_pages) == (link, (page,))
    assert Journal(journal).report == report
    assert [file.result.reason for file in Journal(journal).files] == [left_out, None, None]
    assert [file["reason"] for file in Journal(journal).to_dict()["files"]] == [left_out, None, None]


def test_a_journal_that_was_read_before_overturns_nothing(simulated_portal: SimulatedPortal, journal: Path) -> None:
    simulated_portal.next_fault("close_before_answer")
    with pytest.raises(OutcomeUnknownError):
        simulated_portal.client().publish_batch(range(1, 11), journal=journal, **MODES)
    stale = Journal(journal)
    Journal(journal).decide(range(1, 6), "published", by="Ada", evidence="seen in the portal")
    with pytest.raises(JournalError) as raised:
        stale.decide(stale.undecided, "not_published", by="Bob")
    assert raised.value.reason == "outdated"
    assert "Ada decided published about 5 files (1-5) at 20" in str(raised.value)
    assert str(raised.value).endswith("Nothing was recorded. Read the journal again before you decide.")
    read = Journal(journal)
    assert read.undecided == tuple(range(6, 11))
    replaced = read.decide(range(1, 11), "not_published", by="Bob")
    assert [file.file_id for file in replaced] == [1, 2, 3, 4, 5]


def test_a_cell_that_decides_and_resumes_says_nothing_of_a_later_request_with_other_files(
    simulated_portal: SimulatedPortal, journal: Path
) -> None:
    client = simulated_portal.client()
    simulated_portal.next_fault("status:503")
    with pytest.raises(OutcomeUnknownError):
        client.publish_batch(range(1, 7), journal=journal, chunk_size=2, **MODES)

    def cell(evidence: str | None, seen: Iterable[int] = (1,)) -> PublishReport:
        read = Journal(journal)
        for file in read.undecided:
            read.decide([file], "published" if file in seen else "not_published", by="Ada", evidence=evidence)
        return client.resume(journal)

    # The next chunk is lost, before what was not published is sent again.
    simulated_portal.next_fault("close_before_answer")
    with pytest.raises(OutcomeUnknownError):
        cell("not in the portal")
    assert Journal(journal).undecided == (3, 4)
    # Whatever was decided in these words.
    for evidence in ("not in the portal", None):
        with pytest.raises(JournalError, match="takes no `published` or `not_published` in these words"):
            cell(evidence, seen=(1, 2))
    with pytest.raises(JournalError, match=r"in these words: 1 file \(3\) was sent at \S+Z, and the w") as raised:
        cell("not in the portal")
    assert raised.value.reason == "outdated"
    assert Journal(journal).undecided == (3, 4)
    Journal(journal).decide([3, 4], "published", by="Ada", evidence="seen in the portal")
    assert client.resume(journal).settled
    sent = [request["body"]["data"]["attributes"]["files_id"] for request in simulated_portal.requests]
    assert sent == [[1, 2], [3, 4], [5, 6], [2]]


def test_a_cell_that_decides_and_resumes_says_nothing_of_a_later_request(
    simulated_portal: SimulatedPortal, journal: Path
) -> None:
    client = simulated_portal.client()
    simulated_portal.next_fault("close_before_answer")
    with pytest.raises(OutcomeUnknownError):
        client.publish_batch([37, 38], journal=journal, **MODES)

    def cell(evidence: str | None = None) -> PublishReport:
        read = Journal(journal)
        read.decide([37], "published", by="Ada")
        read.decide([38], "not_published", by="Ada", evidence=evidence)
        return client.resume(journal)

    for evidence in (None, "not in the portal at 10:30"):
        simulated_portal.next_fault("close_before_answer")
        with pytest.raises(OutcomeUnknownError):
            cell(evidence)
        for said in {None, evidence}:
            with pytest.raises(JournalError) as raised:
                cell(said)
            assert raised.value.reason == "outdated"
            assert (raised.value.undecided, raised.value.journal) == ((38,), str(journal))
            assert raised.value.report is not None
            assert raised.value.report.undecided == (38,)
            assert re.search(
                r"takes no `published` or `not_published` in these words: 1 file \(38\) was sent at \S+Z, "
                r"and the words may be from before that\. "
                r"Nothing was recorded\. Look again, and say in `evidence` what was found after",
                str(raised.value),
            )
            assert Journal(journal).undecided == (38,)
    for files, word in ([0], "leave"), ([99], "leave"), ([38], "perhaps"):
        with pytest.raises((InputError, JournalError)) as refused:
            Journal(journal).decide(files, word, by="Ada")  # type: ignore[arg-type]
        assert (refused.value.undecided, refused.value.outcome) == ((38,), "unknown")
    # A look at the later request says so, whatever it found. To leave it at that claims nothing.
    with pytest.raises(JournalError, match="in these words"):
        Journal(journal).decide([38], "published", by="Ada")
    Journal(journal).decide([38], "leave", by="Ada")
    Journal(journal).decide([38], "published", by="Ada", evidence="seen in the portal at 10:50")
    assert cell("not in the portal at 11:00").settled
    sent = [request["body"]["data"]["attributes"]["files_id"] for request in simulated_portal.requests]
    assert sent == [[37, 38], [38], [38], [38]]


def test_a_loop_over_a_journal_that_was_read_before_overturns_nothing(
    simulated_portal: SimulatedPortal, journal: Path
) -> None:
    client = simulated_portal.client()
    simulated_portal.next_fault("close_before_answer")
    with pytest.raises(OutcomeUnknownError):
        client.publish_batch([37, 38], journal=journal, **MODES)
    ann = Journal(journal)
    Journal(journal).decide([38], "published", by="Bob", evidence="seen in the portal")

    def decide_each() -> None:
        for file in ann.undecided:
            ann.decide([file], "not_published", by="Ann")

    with pytest.raises(JournalError, match=r"Bob decided published about 1 file \(38\) at 20") as raised:
        decide_each()
    assert raised.value.reason == "outdated"
    assert [file.decision for file in Journal(journal).files] == ["not_published", "published"]
    # It shows what it has recorded itself, and what Bob has only once it is read again.
    assert (ann.undecided, Journal(journal).undecided) == ((38,), ())
    assert client.resume(journal).settled
    sent = [request["body"]["data"]["attributes"]["files_id"] for request in simulated_portal.requests]
    assert sent == [[37, 38], [37]]


def test_an_unknown_chunk_stops_until_each_file_has_a_decision(
    simulated_portal: SimulatedPortal, journal: Path
) -> None:
    client = simulated_portal.client()
    simulated_portal.next_fault("close_before_answer")
    with pytest.raises(OutcomeUnknownError) as raised:
        client.publish_batch(range(1, 31), journal=journal, chunk_size=10, **MODES)
    assert raised.value.report is not None
    assert len(raised.value.report.unknown) == 10
    assert len(raised.value.report.not_processed) == 20
    assert simulated_portal.control("posts") == 1
    with pytest.raises(JournalError, match="waits for a decision") as waiting:
        client.resume(journal)
    assert waiting.value.report == raised.value.report
    assert waiting.value.outcome == "unknown"
    book = Journal(journal)
    assert book.undecided == tuple(range(1, 11))
    assert book.decide([3], "leave", by="Bob", evidence="none") == ()
    (replaced,) = book.decide([1, 2, 3], "published", by="Ada", evidence="seen in the portal")
    assert (replaced.file_id, replaced.decision, replaced.decided_by, replaced.evidence) == (3, "leave", "Bob", "none")
    assert replaced.result.state == "unknown"
    assert replaced.decided_at is not None
    book.decide([4], "leave", by="Ada")
    with pytest.raises(JournalError):
        client.resume(journal)
    book.decide(book.undecided, "not_published", by="Ada")
    report = client.resume(journal)
    assert [file.file_id for file in report.unknown] == [1, 2, 3, 4]
    assert len(report.succeeded) == 26
    sent = [file for request in simulated_portal.requests for file in request["body"]["data"]["attributes"]["files_id"]]
    assert sorted(sent) == sorted([*range(1, 31), *range(5, 11)])
    files = {file.file_id: file for file in Journal(journal).files}
    assert files[1].decision == "published"
    assert files[1].evidence == "seen in the portal"
    assert files[1].decided_by == "Ada"
    assert files[5].state == "ok"


def test_a_decision_is_refused_where_the_outcome_is_known(simulated_portal: SimulatedPortal, journal: Path) -> None:
    publish_batch([1, 2], journal=journal, client=simulated_portal.client(), **MODES)
    before = journal.read_text()
    for files in ([1], [3], [1, 3]):
        with pytest.raises(JournalError):
            Journal(journal).decide(files, "not_published", by="Ada")
    with pytest.raises(InputError):
        Journal(journal).decide([1], "not_published", by=" ")
    with pytest.raises(InputError):
        Journal(journal).decide([1], "perhaps", by="Ada")  # type: ignore[arg-type]
    assert journal.read_text() == before


@pytest.mark.parametrize(
    "files", [12, None, "12", b"\x01\x02", {1: 2}, [True], [1.9], ["1_0"], ["\uff11"], [None], [-1], [1, "1"]], ids=repr
)
def test_what_is_not_an_id_is_not_decided_about(files: Any, simulated_portal: SimulatedPortal, journal: Path) -> None:
    simulated_portal.next_fault("close_before_answer")
    with pytest.raises(OutcomeUnknownError):
        publish_batch(range(1, 13), journal=journal, client=simulated_portal.client(), **MODES)
    before = journal.read_text()
    with pytest.raises(InputError, match=r"Nothing was recorded\.$"):
        Journal(journal).decide(files, "not_published", by="Ada")
    assert journal.read_text() == before


def test_a_batch_is_resumed_by_a_function_of_its_own(simulated_portal: SimulatedPortal, journal: Path) -> None:
    seen: list[int] = []
    for function in ("resume", "resume_async"):
        simulated_portal.control("faults", faults=["stray_bytes", "status:403"])
        path = journal.with_name(f"{function}.jsonl")
        with pytest.raises(PermissionDeniedError):
            publish_batch(range(1, 5), journal=path, chunk_size=2, client=simulated_portal.client(), **MODES)
        simulated_portal.control("reset")
        options: Any = {"on_progress": lambda progress: seen.append(progress.succeeded)}
        if function == "resume":
            report = resume(path, client=simulated_portal.client(), **options)
        else:
            report = asyncio.run(resume_async(path, client=simulated_portal.async_client(), **options))
        assert report.settled
        assert [request["body"]["data"]["attributes"]["files_id"] for request in simulated_portal.requests] == [[3, 4]]
        assert seen[-1] == len(report.succeeded)
    with pytest.raises(InputError, match="`client` must be of type PortalClient, not of type AsyncPortalClient"):
        resume(journal, client=simulated_portal.async_client())  # type: ignore[arg-type]


def test_a_refusal_stops_the_batch_and_a_resume_goes_on(simulated_portal: SimulatedPortal, journal: Path) -> None:
    client = simulated_portal.client()
    assert client.publish_batch([1], journal=journal.with_name("other.jsonl"), **MODES).ok
    simulated_portal.next_fault("status", status=403)
    with pytest.raises(PermissionDeniedError) as raised:
        client.publish_batch(range(1, 31), journal=journal, chunk_size=10, **MODES)
    assert raised.value.report is not None
    assert len(raised.value.report.not_processed) == 30
    assert client.resume(journal).ok
    assert [record["type"] for record in records(journal)][2:5] == ["intent", "not_processed", "intent"]


def test_a_rate_limit_is_waited_for_and_shown(simulated_portal: SimulatedPortal, journal: Path) -> None:
    seen: list[Progress] = []
    client = simulated_portal.client()
    simulated_portal.next_fault("rate_limited", retry_after=1)
    assert client.publish_batch([1, 2], journal=journal, on_progress=seen.append, **MODES).ok
    assert [progress.waiting for progress in seen] == [None, 1.0, None]
    # As it goes to another process, which shows it.
    assert pickle.loads(pickle.dumps(seen)) == seen == copy.deepcopy(seen)
    simulated_portal.next_fault("rate_limited", retry_after=100)
    with pytest.raises(RateLimitedError):
        client.publish_batch([3], journal=journal.with_name("other.jsonl"), max_wait=99.0, **MODES)


def test_a_report_names_the_journal_of_its_call(simulated_portal: SimulatedPortal, journal: Path) -> None:
    client = simulated_portal.client()
    report = client.publish_batch([1, 2], journal=journal, **MODES)
    again = client.resume(journal)
    simulated_portal.next_fault("status", status=403)
    with pytest.raises(PermissionDeniedError) as refused:
        client.publish_batch([3], journal=journal.with_name("other.jsonl"), **MODES)
    for shown in (report, again, Journal(journal).report, PublishReport.from_json(report.to_json())):
        assert shown.journal == pickle.loads(pickle.dumps(shown)).journal == str(journal)
    assert refused.value.report is not None
    assert refused.value.report.journal == refused.value.journal == str(journal.with_name("other.jsonl"))
    # What became of the files is the same wherever that is recorded.
    alone = client.publish_files([1, 2], **MODES)
    assert (alone.journal, "journal" in json.loads(alone.to_json())) == (None, False)
    plain = json.loads(report.to_json())
    del plain["journal"]
    assert PublishReport.from_json(json.dumps(plain)) == report
    assert hash(PublishReport.from_json(json.dumps(plain))) == hash(report)
    # Of a single call too, which has one of its own.
    init_journal_dir(journal.parent)
    lost = simulated_portal.client(journal_dir=journal.parent)
    simulated_portal.next_fault("missing_result", file=41)
    unknown = lost.publish_files([40, 41], **MODES)
    assert unknown.journal is not None
    assert Journal(unknown.journal).undecided == unknown.undecided != ()


def test_another_batch_is_refused_saying_what_differs(simulated_portal: SimulatedPortal, journal: Path) -> None:
    client = simulated_portal.client()
    client.publish_batch([1, 2], journal=journal, **MODES)
    different: list[tuple[Any, dict[str, Any], str]] = [
        (
            [1, 2, 3],
            MODES,
            "this call names 1 file .3. that the journal does not have; 2 files are in both",
        ),
        ([1], MODES, "another run: the journal has 1 file .2. that this call does not name; 1 file is in both"),
        ([1, 2], {**MODES, "portal_publishing": "do_not_publish"}, "`portal_publishing` is publish there"),
        ([1, 2], {**MODES, "contact_notification": "do_not_notify"}, "`contact_notification` is notify there"),
        ([1, 2], {**MODES, "publish_override_contact_ids": [7]}, "publish_override_contact_ids"),
    ]
    for file_ids, arguments, words in different:
        with pytest.raises(JournalError, match=words):
            client.publish_batch(file_ids, journal=journal, **arguments)
    with pytest.raises(JournalError, match="`firm_id` is 1 there and 2 here") as caught:
        PortalClient(
            base_url=simulated_portal.base_url, firm_id=2, key_id="simulated-key", key_secret="simulated-secret"
        ).resume(journal)
    assert caught.value.reason == "other_run"
    assert pickle.loads(pickle.dumps(caught.value)).reason == "other_run"
    assert JournalError("of a mock").reason is None
    assert simulated_portal.control("posts") == 1


def test_bad_arguments_name_the_value_and_send_nothing(simulated_portal: SimulatedPortal, journal: Path) -> None:
    client = simulated_portal.client()
    bad: list[dict[str, Any]] = [
        {"chunk_size": 0},
        {"chunk_size": 501},
        {"chunk_size": -1},
        {"chunk_size": 2**200},
        {"max_wait": -1.0},
        {"repeat": "perhaps"},
    ]
    bad += [{"journal": ""}, {"journal": "/"}, {"on_progress": 7}, {"on_progress": asyncio.sleep}]
    for arguments in bad:
        with pytest.raises(InputError, match=next(iter(arguments))):
            client.publish_batch([1], **{"journal": journal, **arguments}, **MODES)
    assert simulated_portal.requests == []
    with pytest.raises(JournalError, match="is not there"):
        client.resume(journal)


def test_two_writers_are_refused_by_name(simulated_portal: SimulatedPortal, journal: Path) -> None:
    simulated_portal.control("set", delay_ms=500)
    client = simulated_portal.client()
    thread = threading.Thread(target=lambda: client.publish_batch([1], journal=journal, **MODES))
    thread.start()
    wait_for_posts(simulated_portal, 1)
    with pytest.raises(JournalError, match=f"is being written by process {os.getpid()} on .* since "):
        client.resume(journal)
    assert Journal(journal).chunks[0].state == "in_flight"
    thread.join()
    assert client.resume(journal).ok


def test_ctrl_c_records_the_request_in_flight_and_stops(simulated_portal: SimulatedPortal, journal: Path) -> None:
    simulated_portal.control("set", delay_ms=500)

    def press() -> None:
        wait_for_posts(simulated_portal, 1)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press).start()
    with pytest.raises(KeyboardInterrupt) as raised:
        publish_batch(range(1, 31), journal=journal, chunk_size=10, client=simulated_portal.client(), **MODES)
    cause = raised.value.__cause__
    assert isinstance(cause, StoppedError)
    assert cause.report is not None
    assert len(cause.report.succeeded) == 10
    assert len(cause.report.not_processed) == 20
    assert simulated_portal.control("posts") == 1
    simulated_portal.control("set", delay_ms=0)
    assert simulated_portal.client().resume(journal).ok


def test_a_second_ctrl_c_drops_the_request(simulated_portal: SimulatedPortal, journal: Path) -> None:
    simulated_portal.next_fault("hang")

    def press() -> None:
        wait_for_posts(simulated_portal, 1)
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.2)

    threading.Thread(target=press).start()
    with pytest.raises(KeyboardInterrupt) as raised:
        publish_batch(range(1, 31), journal=journal, chunk_size=10, client=simulated_portal.client(), **MODES)
    cause = raised.value.__cause__
    assert isinstance(cause, OutcomeUnknownError)
    assert cause.report is not None
    assert len(cause.report.unknown) == 10
    assert Journal(journal).undecided == tuple(range(1, 11))


def test_ctrl_c_ends_a_wait_at_once(simulated_portal: SimulatedPortal, journal: Path) -> None:
    simulated_portal.next_fault("rate_limited", retry_after=60)

    def press() -> None:
        wait_for_posts(simulated_portal, 1)
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press).start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt) as raised:
        publish_batch([1, 2], journal=journal, client=simulated_portal.client(), **MODES)
    assert time.monotonic() - started < 30
    assert isinstance(raised.value.__cause__, StoppedError)
    assert raised.value.__cause__.outcome == "not_processed"


def test_an_error_of_a_batch_speaks_of_all_its_files_and_of_the_request_that_failed(
    simulated_portal: SimulatedPortal, journal: Path
) -> None:
    batch: Any = {"journal": journal, "chunk_size": 100, **MODES}
    faults = [{"name": "close_idle"}, {"name": "close_idle"}, "status:403"]
    simulated_portal.control("faults", faults=faults)
    client = simulated_portal.client()
    with pytest.raises(PermissionDeniedError) as refused:
        client.publish_batch(range(1, 301), **batch)
    error = refused.value
    assert (error.outcome, error.http_status, error.journal, error.undecided) == ("processed", 403, str(journal), ())
    assert "The batch stopped here: 200 ok, 100 not_processed" in str(error)
    assert "Nothing was" not in str(error)
    assert str(error).endswith(f'resume with `client.resume("{journal}")`.')
    # As a task queue hands it over that keeps the class and its arguments alone.
    lost = type(error)(*error.args)
    assert (str(lost), lost.outcome, lost.report) == (str(error), "unknown", None)
    # Refused before anything was sent now: about no response, and still of a batch that sent files.
    with pytest.raises(InputError, match="Nothing was sent now") as wrong:
        client.publish_batch(range(1, 301), **{**batch, "chunk_size": 0})
    assert (wrong.value.outcome, wrong.value.http_status, wrong.value.elapsed) == ("processed", None, None)
    assert (wrong.value.journal, wrong.value.undecided) == (str(journal), ())


def test_a_decision_about_files_that_were_never_sent_is_warned_of(
    simulated_portal: SimulatedPortal, journal: Path, caplog: pytest.LogCaptureFixture
) -> None:
    simulated_portal.control("faults", faults=[{"name": "close_idle"}, "close_before_answer"])
    with pytest.raises(OutcomeUnknownError):
        simulated_portal.client().publish_batch(range(1, 8), journal=journal, chunk_size=2, **MODES)
    caplog.clear()
    Journal(journal).decide([3, 4], "published", by="Ada")
    assert caplog.records == []
    Journal(journal).decide([5, 6, 7], "leave", by="Ada")
    said = [(record.name, record.levelname, record.getMessage()) for record in caplog.records]
    text = f"3 files of the journal {journal} (5-7) were never sent, and will not be."
    assert said == [("addepar_portal", "WARNING", text)]


def test_a_lost_call_without_a_journal_has_its_undecided_files(simulated_portal: SimulatedPortal) -> None:
    simulated_portal.next_fault("close_before_answer")
    with pytest.raises(OutcomeUnknownError, match=r"wait 90 seconds\. Do not run this again\.") as lost:
        simulated_portal.client().publish_files([37, 38], **MODES)
    assert lost.value.report is not None
    assert lost.value.undecided == lost.value.report.undecided == (37, 38)
    assert pickle.loads(pickle.dumps(lost.value)).undecided == (37, 38)


def test_a_run_whose_files_are_all_decided_is_settled(simulated_portal: SimulatedPortal, journal: Path) -> None:
    client = simulated_portal.client()
    simulated_portal.control("faults", faults=[{"name": "close_idle"}, "close_before_answer"])
    with pytest.raises(OutcomeUnknownError) as lost:
        client.publish_batch([1, 2, 3, 4], journal=journal, chunk_size=2, **MODES)
    assert "Do not run this again" not in str(lost.value)
    assert lost.value.undecided == (3, 4)
    book = Journal(journal)
    assert not book.report.settled
    book.decide([3], "published", by="A. Person")
    book.decide([4], "leave", by="A. Person")
    for report in (Journal(journal).report, client.resume(journal)):
        assert (report.settled, report.undecided, report.ok) == (True, (), False)
        assert "2 ok, 1 unknown (decided: published), 1 unknown (decided: leave)" in str(report)
        assert "unknown, decided: published" in report._repr_html_()
        assert report.to_columns()["decision"] == [None, None, "published", "leave"]
    assert simulated_portal.control("posts") == 2


def test_files_in_flight_are_shown_as_being_sent(simulated_portal: SimulatedPortal, journal: Path) -> None:
    client = simulated_portal.client()
    simulated_portal.control("hold")
    batch: Any = {"journal": journal, "chunk_size": 2, **MODES}
    thread = threading.Thread(target=lambda: client.publish_batch([1, 2, 3], **batch))
    thread.start()
    try:
        wait_for_posts(simulated_portal, 1)
        book = Journal(journal)
        # Nobody may take what is about to be sent for unprocessed.
        assert (book.undecided, book.in_flight) == ((), (1, 2, 3))
        assert [(file.state, file.in_flight) for file in book.files] == [("unknown", True)] * 3
        assert [(chunk.state, chunk.attempts) for chunk in book.chunks] == [("in_flight", 1), ("in_flight", 0)]
        assert (book.report.undecided, book.report.in_flight, book.report.settled) == ((), (1, 2, 3), False)
        assert "3 being sent" in str(book.report)
        with pytest.raises(JournalError, match="is being written by process") as refused:
            client.resume(journal)
        assert refused.value.undecided == ()
        assert refused.value.report is not None
        assert refused.value.report.in_flight == (1, 2, 3)
        assert [file.state for file in refused.value.report] == ["unknown"] * 3
    finally:
        simulated_portal.control("release")
        thread.join()
    assert Journal(journal).report.ok


@pytest.mark.parametrize("cancels", [1, 2])
def test_cancelling_an_async_batch(simulated_portal: SimulatedPortal, journal: Path, cancels: int) -> None:
    if cancels == 1:
        simulated_portal.control("set", delay_ms=500)
    else:
        simulated_portal.next_fault("hang")

    async def main() -> BaseException | None:
        client = simulated_portal.async_client()
        task = asyncio.create_task(client.publish_batch(range(1, 31), journal=journal, chunk_size=10, **MODES))
        await asyncio.to_thread(wait_for_posts, simulated_portal, 1)
        for _ in range(cancels):
            task.cancel()
            await asyncio.sleep(0.1)
        with pytest.raises(asyncio.CancelledError) as raised:
            await task
        return raised.value.__cause__

    cause = asyncio.run(main())
    assert isinstance(cause, StoppedError if cancels == 1 else OutcomeUnknownError)
    assert cause.report is not None
    assert len(cause.report.succeeded) == (10 if cancels == 1 else 0)
    assert simulated_portal.control("posts") == 1


@pytest.mark.parametrize("asynchronous", [False, True])
def test_an_exception_in_on_progress_loses_no_outcome(
    simulated_portal: SimulatedPortal, journal: Path, asynchronous: bool
) -> None:
    def broken(progress: Progress) -> None:
        if progress.succeeded:
            raise LookupError("broken")

    arguments: Any = {"journal": journal, "chunk_size": 10, "on_progress": broken, **MODES}

    def run() -> None:
        if asynchronous:
            asyncio.run(simulated_portal.async_client().publish_batch(range(1, 31), **arguments))
        else:
            simulated_portal.client().publish_batch(range(1, 31), **arguments)

    with pytest.raises(LookupError) as raised:
        run()
    assert isinstance(raised.value.__cause__, StoppedError)
    assert raised.value.__cause__.report is not None
    assert len(raised.value.__cause__.report.succeeded) == 10
    assert simulated_portal.control("posts") == 1
    assert simulated_portal.client().resume(journal).ok


def test_a_large_journal_does_not_stall_the_event_loop(simulated_portal: SimulatedPortal, journal: Path) -> None:
    async def longest_gap(client: AsyncPortalClient) -> float:
        gaps = []
        task = asyncio.create_task(client.resume(journal))
        while not task.done():
            last = time.thread_time()
            await asyncio.sleep(0)
            gaps.append(time.thread_time() - last)
        assert (await task).ok
        return max(gaps)

    async def main() -> list[float]:
        async with simulated_portal.async_client() as client:
            return [await longest_gap(client) for _ in range(10)]

    simulated_portal.client().publish_batch(range(1, 10_001), journal=journal, chunk_size=500, **MODES)
    # What this thread works, however busy the machine is.
    started = time.thread_time()
    Journal(journal)
    assert time.thread_time() - started > 0.005
    assert min(asyncio.run(main())) < 0.005


def _resume(base_url: str, journal: str) -> str:
    client = PortalClient(base_url=base_url, firm_id=1, key_id="simulated-key", key_secret="simulated-secret")
    return str(client.resume(journal))


def test_a_batch_goes_on_in_another_process(simulated_portal: SimulatedPortal, journal: Path) -> None:
    simulated_portal.next_fault("status", status=403)
    with pytest.raises(PermissionDeniedError):
        simulated_portal.client().publish_batch(range(1, 31), journal=journal, chunk_size=10, **MODES)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_resume, (simulated_portal.base_url, str(journal))).startswith("30 ok")


def test_a_folder_of_journals_refuses_to_send_a_file_again(simulated_portal: SimulatedPortal, tmp_path: Path) -> None:
    client = simulated_portal.client(journal_dir=tmp_path / "journals")
    with pytest.raises(ConfigError, match="addepar-portal journal init"):
        client.publish_files([37, 38], **MODES)
    assert init_journal_dir(tmp_path / "journals") == init_journal_dir(str(tmp_path / "journals"))
    assert client.publish_files([37, 38], **MODES).ok
    with pytest.raises(AlreadySentError, match=r"File 38 was sent before .* state ok, run [0-9a-f]{16}") as raised:
        client.publish_files([38, 39], **MODES)
    assert raised.value.code == "ERR_ALREADY_SENT"
    assert raised.value.file_ids == (38,)
    assert pickle.loads(pickle.dumps(raised.value)).file_ids == (38,)
    assert raised.value.report is not None
    assert [file.state for file in raised.value.report] == ["ok", "not_processed"]
    with pytest.raises(InputError, match=r"must be a \.jsonl file in the folder of journals"):
        client.publish_batch([36], journal=tmp_path / "batch.jsonl", **MODES)
    with pytest.raises(AlreadySentError, match="File 37 was sent"):
        client.publish_batch([36, 37], journal=tmp_path / "journals" / "batch.jsonl", **MODES)
    assert not list(tmp_path.rglob("batch.jsonl"))
    assert simulated_portal.control("posts") == 1
    assert client.publish_files([38, 39], repeat="allow", **MODES).ok
    simulated_portal.next_fault("close_before_answer")
    with pytest.raises(OutcomeUnknownError) as unknown:
        client.publish_files([40], **MODES)
    assert unknown.value.journal is not None
    assert unknown.value.undecided == (40,)
    for repeat in ("refuse", "allow"):
        with pytest.raises(AlreadySentError, match="nobody knows what became of it"):
            client.publish_files([40], repeat=repeat, **MODES)
    Journal(unknown.value.journal).decide([40], "published", by="A. Person")
    assert client.publish_files([40], repeat="allow", **MODES).ok
    simulated_portal.next_fault("status", status=403)
    with pytest.raises(PermissionDeniedError):
        client.publish_files([41], **MODES)
    assert client.publish_files([41], **MODES).ok
    assert len(list((tmp_path / "journals").glob("*.jsonl"))) == 6


def test_a_journal_that_is_gone_is_missed_until_it_is_forgotten(
    simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    init_journal_dir(tmp_path)
    client = simulated_portal.client(journal_dir=tmp_path)
    assert client.publish_files([37, 38], **MODES).ok
    [path] = tmp_path.glob("*.jsonl")
    path.unlink()
    with pytest.raises(JournalError, match="is not there any more") as raised:
        client.publish_files([39], **MODES)
    assert raised.value.outcome == "not_processed"
    assert forget_journal(path) == (37, 38)
    assert client.publish_files([39], **MODES).ok
    with pytest.raises(JournalError, match="is not missed"):
        forget_journal(str(path))


@pytest.mark.skipif(sys.platform == "win32", reason="the lock is taken with fcntl")
@pytest.mark.parametrize("logs", [False, True])
def test_a_call_warns_when_it_waits_for_a_folder(logs: bool, simulated_portal: SimulatedPortal, tmp_path: Path) -> None:
    """Whether the program logs or not: on standard error, unless logging is set up."""
    import fcntl

    init_journal_dir(tmp_path)
    (tmp_path / "._x.jsonl").write_bytes(b"\0\5\x16\7")
    code = (
        ("import logging; logging.basicConfig(level=logging.INFO)\n" if logs else "")
        + "import asyncio, sys, addepar_portal\n"
        "settings = dict(firm_id=1, key_id='simulated-key', key_secret='simulated-secret', journal_dir='.')\n"
        "client = addepar_portal.AsyncPortalClient(base_url=sys.argv[1], **settings)\n"
        "asyncio.run(client.publish_files([37], portal_publishing='publish', contact_notification='do_not_notify'))\n"
    )
    with (tmp_path / "folder.lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        program = subprocess.Popen(
            [sys.executable, "-c", code, simulated_portal.base_url], cwd=tmp_path, stderr=subprocess.PIPE, text=True
        )
        assert program.stderr
        told = program.stderr.readline()
        assert "Waiting for the folder of journals" in told
        assert f"locked by process {os.getpid()} on " in told
        assert told.startswith("WARNING:addepar_portal:") == logs
        assert simulated_portal.control("posts") == 0
    assert "._x.jsonl is not a journal, and is passed over" in program.communicate(timeout=60)[1]
    assert program.returncode == 0
    assert simulated_portal.control("posts") == 1


def test_a_folder_of_journals_stays_where_it_was_when_the_client_was_made(
    simulated_portal: SimulatedPortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    init_journal_dir("journals")
    client = simulated_portal.client(journal_dir="journals")
    assert client.publish_files([37], **MODES).ok
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    with pytest.raises(AlreadySentError, match="File 37 was sent"):
        client.publish_files([37], **MODES)


def test_a_journal_stays_where_it_was_when_the_batch_began(
    simulated_portal: SimulatedPortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    client = simulated_portal.client()
    report = client.publish_batch(
        range(1, 7), journal="run.jsonl", chunk_size=2, on_progress=lambda _: os.chdir(tmp_path / "elsewhere"), **MODES
    )
    assert report.ok
    assert Journal(tmp_path / "run.jsonl").report == report
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_stopped_batch_waits_no_longer_than_it_may(simulated_portal: SimulatedPortal, journal: Path) -> None:
    simulated_portal.control("hold")

    async def main() -> BaseException:
        async with simulated_portal.async_client() as client:
            batch = asyncio.create_task(client.publish_batch([1, 2], journal=journal, stop_timeout=0.2, **MODES))
            while simulated_portal.control("posts") == 0:
                await asyncio.sleep(0.01)
            batch.cancel()
            with pytest.raises(asyncio.CancelledError) as raised:
                await batch
            return raised.value

    cause = asyncio.run(main()).__cause__
    assert isinstance(cause, OutcomeUnknownError)
    assert "No answer came: the batch was stopped, and 0.2 s later the request was dropped." in str(cause)
    assert (cause.undecided, cause.journal) == ((1, 2), str(journal))


def test_a_stopped_batch_continues_without_a_file_that_was_published_by_itself(
    simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    init_journal_dir(tmp_path)
    client = simulated_portal.client(journal_dir=tmp_path)
    journal = tmp_path / "batch.jsonl"
    simulated_portal.next_fault("status", status=403)
    with pytest.raises(PermissionDeniedError):
        client.publish_batch(range(1, 5), journal=journal, **MODES)
    assert client.publish_files([4], **MODES).ok
    with pytest.raises(
        AlreadySentError, match=r"File 4 .* Record that it need not be sent .*batch\.jsonl.*client\.resume"
    ):
        client.resume(journal)
    Journal(journal).decide([4], "published", by="A. Person")
    report = client.resume(journal)
    assert report.settled
    assert not report.ok
    assert report.undecided == report.not_processed == ()
    assert (report.file(4).state, report.file(4).decision) == ("not_processed", "published")
    assert [file["decision"] for file in report.to_dicts()] == [None, None, None, "published"]
    assert report.to_columns()["decision"] == [None, None, None, "published"]
    assert pickle.loads(pickle.dumps(report)) == report
    sent = [request["body"]["data"]["attributes"]["files_id"] for request in simulated_portal.requests]
    assert sent == [[1, 2, 3, 4], [4], [1, 2, 3]]


def test_the_folder_of_journals_from_the_environment(
    simulated_portal: SimulatedPortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    init_journal_dir(tmp_path)
    monkeypatch.setenv("ADDEPAR_JOURNAL_DIR", str(tmp_path))
    assert simulated_portal.client().publish_files([37], **MODES).ok
    with pytest.raises(AlreadySentError, match="repeat"):
        simulated_portal.client().publish_files([37], **MODES)


def test_a_journal_in_a_folder_that_was_set_up_belongs_to_that_folder(
    simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    init_journal_dir(tmp_path)
    with_folder, without = simulated_portal.client(journal_dir=str(tmp_path)), simulated_portal.client()
    begun = tmp_path / "begun.jsonl"
    simulated_portal.next_fault("status:403")
    with pytest.raises(PermissionDeniedError):
        with_folder.publish_batch([37, 38], journal=begun, **MODES)
    assert with_folder.publish_files([37], **MODES).ok
    with pytest.raises(AlreadySentError, match="File 37 was sent"):
        without.resume(begun)
    with pytest.raises(AlreadySentError, match="File 37 was sent"):
        without.publish_batch([37, 39], journal=tmp_path / "new.jsonl", **MODES)
    assert [email["files"] for email in simulated_portal.outbox] == [[37]]
    # Elsewhere a journal stands alone, as before.
    (tmp_path / "elsewhere").mkdir()
    assert without.publish_batch([37], journal=tmp_path / "elsewhere" / "new.jsonl", **MODES).ok


def test_a_decision_names_files(simulated_portal: SimulatedPortal, tmp_path: Path) -> None:
    journal = tmp_path / "run.jsonl"
    simulated_portal.client().publish_batch([37], journal=journal, **MODES)
    before = journal.read_bytes()
    with pytest.raises(InputError, match="`file_ids` must name the files that are decided about, and names none"):
        Journal(journal).decide([], "published", by="A. Smith")
    assert journal.read_bytes() == before


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the environment is text")
def test_a_folder_of_journals_in_bytes_that_are_not_text_never_counts_as_not_given(
    simulated_portal: SimulatedPortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = os.fsencode(tmp_path) + b"/m\xfcller"
    os.mkdir(folder)
    monkeypatch.setitem(os.environb, b"ADDEPAR_JOURNAL_DIR", folder)
    with pytest.raises(ConfigError, match="ADDEPAR_JOURNAL_DIR must be text in UTF-8"):
        simulated_portal.client()
    monkeypatch.delenv("ADDEPAR_JOURNAL_DIR")
    monkeypatch.setitem(os.environb, b"ADDEPAR_PORTAL_LIVE", b"0\xff")
    with pytest.raises(ConfigError, match="ADDEPAR_PORTAL_LIVE must be text in UTF-8"):
        PortalClient(firm_name="examplefirm", firm_id="1", key_id="id", key_secret="secret")
    assert simulated_portal.control("posts") == 0
