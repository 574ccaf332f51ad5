"""The command line: the same program as pip, npm and cargo install it."""

from __future__ import annotations

import array
import contextlib
import csv
import fcntl
import importlib.metadata
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest
from networks.calls import MACHINE, SYSTEM

from addepar_portal import Journal, OutcomeUnknownError, PermissionDeniedError, __version__, init_journal_dir
from addepar_portal.testing import SimulatedPortal

ROOT = Path(__file__).parents[2]
PROGRAMS = {
    "pip": Path(sys.executable).parent / "addepar-portal",
    "npm": ROOT / ".test" / "npm" / "node_modules" / ".bin" / "addepar-portal",
    "cargo": ROOT / "target" / "debug" / "addepar-portal",
}
MODES = ("--portal-publishing", "publish", "--contact-notification", "notify")


def environment(portal: SimulatedPortal | None = None) -> dict[str, str]:
    environ = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    return {**environ, **(portal.environ() if portal else {}), "ADDEPAR_PORTAL_LIVE": "0"}


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(simulated_portal: SimulatedPortal, tmp_path: Path) -> Run:
    """The program as pip installs it, in a folder of its own, without a terminal."""

    def run(*arguments: object, stdin: str = "", program: str = "pip", **variables: str) -> Any:
        return subprocess.run(
            [PROGRAMS[program], *map(str, arguments)],
            input=stdin,
            env={**environment(simulated_portal), **variables},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            start_new_session=True,  # no terminal to ask on
            check=False,
        )

    return run


@pytest.mark.parametrize("program", PROGRAMS)
def test_one_program_however_it_was_installed(program: str, run: Run, simulated_portal: SimulatedPortal) -> None:
    simulated_portal.fail_notify(38, [1])
    done = run("publish", 37, 38, *MODES, "--yes", program=program)
    assert done.returncode == 1
    assert done.stdout == (
        "file  state   published  notified      errors\n"
        "  37  ok      yes        yes\n"
        "  38  failed  yes        some or none  Notification failed for contacts [1].\n"
        "1 ok, 1 failed (asked: publish, notify)\n"
    )
    assert "2 files in one request" in done.stderr
    assert "simulated-secret" not in done.stdout + done.stderr
    assert simulated_portal.control("posts") == 1
    assert run("--version", program=program).stdout == version(program)
    assert run("publish", 37, program=program).returncode == 2


def version(program: str) -> str:
    """What installed the program, and its version."""
    if program == "cargo":
        crate = subprocess.check_output(["cargo", "read-manifest", "--offline"], cwd=ROOT / "core", text=True)
        return f"addepar-portal {json.loads(crate)['version']}\n"
    if program == "npm":
        package = json.loads((PROGRAMS["npm"].resolve().parents[1] / "package.json").read_text())["version"]
        node = subprocess.check_output(["node", "--print", "process.versions.node"], text=True).split(".")
        return f"addepar-portal {package} (Node {node[0]}.{node[1]})\n"
    package = importlib.metadata.version("addepar-portal")
    return f"addepar-portal {package} (Python {sys.version_info.major}.{sys.version_info.minor})\n"


def test_why_a_file_is_unknown_is_shown(run: Run, simulated_portal: SimulatedPortal) -> None:
    row = {"id": "37", "attributes": {"file_id": 37, "publish_status": "success", "notify_status": "success"}}
    body = {"data": [row], "errors": [{"detail": "Cut\x1b[31m short."}], "links": {"next": "/v1/more"}}
    answer = {"name": "answer", "status": 200, "body": body}
    simulated_portal.control("faults", faults=[answer] * 3)
    beside = "The answer has errors beside its results: Cut[31m short."
    unread = "The server answered 404."
    left_out = f"The answer has no result for it, and its next page was not read. {unread} {beside}"
    batch = ("publish", 37, 38, *MODES, "--yes", "--format")
    table = run(*batch, "table", "--journal", "run.jsonl")
    assert table.stdout == (
        "file  state    published  notified  errors\n"
        f"  37  unknown  yes        yes       {beside}\n"
        f"  38  unknown  ?          ?         {left_out}\n"
        "2 unknown (asked: publish, notify)\n"
        f"{beside}\n"
        f"further results were not read: /v1/more ({unread})\n"
    )
    rows = list(csv.DictReader(run(*batch, "csv").stdout.splitlines()))
    assert [row["reason"] for row in rows] == [beside, left_out]
    report = json.loads(run(*batch, "json").stdout)
    assert [file["reason"] for file in report["files"]] == [beside, left_out]
    assert (report["unread_pages"][0]["http_status"], report["next_link"]) == (404, "/v1/more")
    shown = run("journal", "show", "run.jsonl").stdout
    assert all(text in shown for text in (left_out, beside, f"/v1/more ({unread})"))
    rows = list(csv.DictReader(run("journal", "show", "run.jsonl", "--format", "csv").stdout.splitlines()))
    assert [(row["reason"], row["chunk"]) for row in rows] == [(beside, "1"), (left_out, "1")]
    journal = json.loads(run("journal", "show", "run.jsonl", "--format", "json").stdout)
    assert journal["unread_pages"] == [{"link": "/v1/more", "http_status": 404, "reason": unread, "raw": ANY}]
    assert [error["detail"] for error in journal["errors"]] == ["Cut\x1b[31m short."]


# --- Input ---------------------------------------------------------------------------------------------

LISTS = {
    "one id a line": ("37\n38\n", ()),
    "csv": ('name,file_id\n"Smith, J.",37\nx,38\n', ()),
    "another column": ("name;id\r\nx;37\r\ny;38\r\n", ("--column", "id")),
}


@pytest.mark.parametrize("where", ["a file", "standard input"])
@pytest.mark.parametrize("kind", LISTS)
def test_lists(kind: str, where: str, run: Run, simulated_portal: SimulatedPortal, tmp_path: Path) -> None:
    text, more = LISTS[kind]
    (tmp_path / "list.csv").write_text(text)
    source = "list.csv" if where == "a file" else "-"
    done = run("publish", "--from", source, *more, *MODES, "--yes", stdin=text)
    assert done.returncode == 0, done.stderr
    assert simulated_portal.requests[0]["body"]["data"]["attributes"]["files_id"] == [37, 38]


REFUSED = {
    "no files": (["publish", *MODES], "<ID|--from <FILE>|--report <JOB_ID>>"),
    "no id": (["publish", "37x", *MODES, "--yes"], '"37x"'),
    "a repeated id": (["publish", "37", "037", *MODES, "--yes"], "37"),
    "ids beside a list": (
        ["publish", "37", "--from", "list.csv", *MODES, "--yes"],
        "cannot be used with '--from <FILE>'",
    ),
    "no mode": (["publish", "37", "--yes"], "--portal-publishing <MODE>"),
    "a wrong mode": (["publish", "37", *MODES[:2], "--contact-notification", "shout"], "do_not_notify"),
    "a mode with hyphens": (
        ["publish", "37", *MODES[:2], "--contact-notification", "do-not-notify"],
        "a similar value exists: 'do_not_notify'",
    ),
    "a mode in capitals with hyphens": (
        ["publish", "37", "--portal-publishing", "Use-Contact-Preference", *MODES[2:]],
        "a similar value exists: 'use_contact_preference'",
    ),
    "a mode with a letter too few": (
        ["publish", "37", *MODES[:2], "--contact-notification", "notfy"],
        "a similar value exists: 'notify'",
    ),
    "a flag that is misspelt": (["publish", "37", *MODES, "--yess"], "a similar argument exists: '--yes'"),
    "a command that is misspelt": (["publsh", "37", *MODES, "--yes"], "a similar subcommand exists: 'publish'"),
    "no such list": (["publish", "--from", "nowhere.csv", *MODES, "--yes"], "nowhere.csv cannot be read"),
    "no such journal": (["resume", "nowhere.jsonl"], "nowhere.jsonl is not there"),
    "no terminal to ask on": (["publish", "37", *MODES], "There is no terminal to ask on"),
    "a workbook for a list": (["publish", "--from", "list.xlsx", *MODES, "--yes"], "is an Excel workbook"),
    "a list for a journal": (["resume", "list.csv"], "list.csv is not a journal"),
    "a list for the journal of a batch": (
        ["publish", "37", *MODES, "--journal", "list.csv", "--yes"],
        "list.csv is not a journal",
    ),
    "a list for a journal to look at": (["journal", "show", "list.csv"], "list.csv is not a journal"),
    "a file for a folder of journals": (["journal", "audit", "list.csv"], "list.csv is not a folder"),
    "over 500 files": (["publish", *map(str, range(1, 502)), *MODES, "--yes"], "give --journal PATH"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_bad_input_sends_nothing(what: str, run: Run, simulated_portal: SimulatedPortal, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("file_id\n37\n")
    (tmp_path / "list.xlsx").write_bytes(b"PK\x03\x04\x14\x00")
    arguments, words = REFUSED[what]
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert simulated_portal.requests == []


def test_settings_that_are_missing_are_named(run: Run, simulated_portal: SimulatedPortal) -> None:
    done = run("publish", 37, *MODES, "--yes", ADDEPAR_KEY_SECRET="")
    assert done.returncode == 2
    assert "`key_secret` (ADDEPAR_KEY_SECRET) is missing" in done.stderr


def test_settings_that_are_missing_are_named_at_once(run: Run, simulated_portal: SimulatedPortal) -> None:
    done = run("publish", 37, *MODES, "--yes", **dict.fromkeys(simulated_portal.environ(), ""))
    assert done.returncode == 2
    for variable in (
        "ADDEPAR_FIRM_NAME",
        "ADDEPAR_BASE_URL",
        "ADDEPAR_FIRM_ID",
        "ADDEPAR_KEY_ID",
        "ADDEPAR_KEY_SECRET",
    ):
        assert variable in done.stderr


def test_requests_say_that_the_program_asks(run: Run, simulated_portal: SimulatedPortal) -> None:
    assert run("publish", 37, *MODES, "--yes").returncode == 0
    (request,) = simulated_portal.requests
    assert request["headers"]["user-agent"] == f"addepar-portal/{__version__} (cli; {SYSTEM} {MACHINE})"


def test_a_mode_may_be_written_in_any_case(run: Run) -> None:
    modes = ("--portal-publishing", "PUBLISH", "--contact-notification", "Use_Contact_Preference")
    body = json.loads(run("publish", 37, *modes, "--dry-run", "--format", "json").stdout)["data"]["attributes"]
    assert (body["portal_publishing"], body["contact_notification"]) == ("PUBLISH", "USE_CONTACT_PREFERENCE")


def test_a_dry_run_sends_nothing_and_needs_no_credentials(run: Run, simulated_portal: SimulatedPortal) -> None:
    bare = dict.fromkeys(simulated_portal.environ(), "")
    plan = run("publish", 37, 38, *MODES, "--override-contacts", "23,25", "--dry-run", **bare)
    assert plan.returncode == 0
    assert "2 override contacts (23, 25) receive EVERY file" in plan.stdout
    assert plan.stdout.endswith("  request 1: 37,38\n")
    body = run("publish", 37, 38, *MODES, "--dry-run", "--format", "json", **bare)
    attributes = json.loads(body.stdout)["data"]["attributes"]
    assert attributes == {"files_id": [37, 38], "portal_publishing": "PUBLISH", "contact_notification": "NOTIFY"}
    plan = run("publish", *range(1, 251), *MODES, "--journal", "run.jsonl", "--dry-run", "--format", "csv", **bare)
    assert plan.stdout.splitlines()[-1] == "250,3"
    plan = run("publish", *range(1, 251), *MODES, "--journal", "run.jsonl", "--dry-run", **bare)
    assert plan.stdout.splitlines()[-3:] == ["  request 1: 1-100", "  request 2: 101-200", "  request 3: 201-250"]
    plan = run("publish", *range(1, 251), *MODES, "--journal", "run.jsonl", "--dry-run", "--format", "json", **bare)
    bodies = [json.loads(line)["data"]["attributes"]["files_id"] for line in plan.stdout.splitlines()]
    assert bodies == [[*range(1, 101)], [*range(101, 201)], [*range(201, 251)]]
    assert simulated_portal.requests == []


def test_a_dry_run_with_a_journal_shows_what_is_left(run: Run, simulated_portal: SimulatedPortal) -> None:
    ids = range(1, 251)
    batch = ("publish", *ids, *MODES, "--journal", "run.jsonl")
    simulated_portal.control(
        "faults", faults=[{"name": "drip", "every_ms": 0, "bytes": 100_000}, "close_before_answer"]
    )
    assert run(*batch, "--yes").returncode == 3
    done = run(*batch, "--dry-run", "--format", "json")
    assert done.returncode == 3
    assert json.loads(done.stdout)["data"]["attributes"]["files_id"] == list(range(201, 251))
    assert "before 100 files are decided about" in done.stderr
    missing = ",".join(map(str, range(101, 201)))
    run("journal", "resolve", "run.jsonl", "--not-published", "--files", missing, "--by", "A. Person")
    csv = run(*batch, "--dry-run", "--format", "csv").stdout.splitlines()
    assert csv[1] == "201,3"
    assert csv[51:] == [f"{file},4" for file in range(101, 201)]
    other = run("publish", 999, *MODES, "--journal", "run.jsonl", "--dry-run")
    assert (other.returncode, "is of another run" in other.stderr) == (2, True)
    other = run("publish", 999, *MODES, "--journal", "run.jsonl", "--dry-run", ADDEPAR_FIRM_ID="")
    assert (other.returncode, "is of other files" in other.stderr) == (2, True)
    refused = run("publish", 999, *MODES, "--journal", "run.jsonl", "--yes")
    assert (refused.returncode, "is of another run" in refused.stderr, "About to" in refused.stderr) == (2, True, False)
    assert run("resume", "run.jsonl", "--yes").returncode == 0
    assert run(*batch, "--dry-run", "--format", "json").stdout == ""


def test_a_dry_run_is_refused_as_the_call_would_be(run: Run, simulated_portal: SimulatedPortal, tmp_path: Path) -> None:
    folder = tmp_path / "journals"
    assert run("journal", "init", folder).returncode == 0
    variables = {"ADDEPAR_JOURNAL_DIR": str(folder)}
    begun, other = folder / "begun.jsonl", folder / "other.jsonl"
    assert run("publish", 1, 2, *MODES, "--yes", **variables).returncode == 0
    simulated_portal.next_fault("status:400")
    assert run("publish", 3, 4, *MODES, "--journal", begun, "--yes", **variables).returncode == 4
    assert run("publish", 4, *MODES, "--yes", **variables).returncode == 0
    before = {path: path.read_bytes() for path in folder.glob("*.jsonl")}
    posts = simulated_portal.control("posts")
    for files, to in (((2, 5), ()), ((2, 5), ("--journal", other)), ((3, 4), ("--journal", begun))):
        for shape in ("table", "json", "csv"):
            command = ("publish", *files, *MODES, *to, "--format", shape)
            dry = run(*command, "--dry-run", **variables)
            assert (dry.returncode, dry.stdout) == (2, ""), dry.stderr
            assert "sent before" in dry.stderr
            real = run(*command, "--yes", **variables)
            assert (real.returncode, real.stdout) == (2, "")
            assert real.stderr.endswith(dry.stderr)
    # What is not refused is shown, also where the folder cannot be asked.
    fine = run("publish", 5, *MODES, "--dry-run", **variables)
    assert (fine.returncode, fine.stderr) == (0, "addepar-portal: This is a dry run: nothing was sent.\n")
    bare = dict.fromkeys(simulated_portal.environ(), "")
    unset = run("publish", 2, *MODES, "--dry-run", **{**variables, **bare})
    assert unset.returncode == 0
    assert "Without settings it cannot say what a folder of journals would refuse. The firm is missing" in unset.stderr
    # A setting that is wrong is none that is missing, whatever else is.
    for wrong in (
        {"ADDEPAR_JOURNAL_DIR": "journals"},
        {"ADDEPAR_JOURNAL_DIR": "~/journals"},
        {"ADDEPAR_JOURNAL_DIR": ""},
        {"ADDEPAR_JOURNAL_DIR": f"{folder} "},
        {"ADDEPAR_FIRM_NAME": "a.b"},
        {"ADDEPAR_FIRM_ID": "1 "},
    ):
        for given in (wrong, {**bare, **wrong}):
            dry = run("publish", 5, *MODES, "--dry-run", **given)
            real = run("publish", 5, *MODES, "--yes", **given)
            assert (dry.returncode, dry.stdout, dry.stderr) == (2, "", real.stderr)
    nowhere = run("publish", 5, *MODES, "--dry-run", ADDEPAR_JOURNAL_DIR=str(tmp_path / "nowhere"))
    assert nowhere.returncode == 2
    assert "was set up for journals" in nowhere.stderr
    assert {path: path.read_bytes() for path in folder.glob("*.jsonl")} == before
    assert simulated_portal.control("posts") == posts


def test_a_journal_that_another_process_writes_is_nobody_s_to_decide_about(
    run: Run, simulated_portal: SimulatedPortal
) -> None:
    batch = ("publish", 37, *MODES, "--journal", "run.jsonl", "--yes")
    simulated_portal.control("hold")
    with ThreadPoolExecutor() as pool:
        first = pool.submit(run, *batch)
        until(lambda: has_arrived(simulated_portal))
        second = run(*batch)
        simulated_portal.control("release")
    assert first.result().returncode == 0
    assert (second.returncode, second.stdout) == (2, "")
    assert "is being written by process" in second.stderr
    assert "resolve" not in second.stderr


def test_what_another_process_is_sending_is_shown_as_being_sent(run: Run, simulated_portal: SimulatedPortal) -> None:
    simulated_portal.control("hold")
    with ThreadPoolExecutor() as pool:
        first = pool.submit(run, "publish", 37, *MODES, "--journal", "run.jsonl", "--yes")
        until(lambda: has_arrived(simulated_portal))
        table = run("journal", "show", "run.jsonl")
        shown = json.loads(run("journal", "show", "run.jsonl", "--format", "json").stdout)
        csv = run("journal", "show", "run.jsonl", "--format", "csv")
        audit = run("journal", "audit", ".")
        resume = run("resume", "run.jsonl", "--yes")
        dry = run("publish", 37, *MODES, "--journal", "run.jsonl", "--dry-run")
        simulated_portal.control("release")
    assert first.result().returncode == 0
    assert "  37  being sent  " in table.stdout
    assert "1 file being sent by another process at this moment: 37" in table.stdout
    assert "to be decided" not in table.stdout
    assert (shown["undecided"], shown["in_flight"]) == ([], [37])
    assert (shown["files"][0]["in_flight"], shown["chunks"][0]["state"]) == (True, "in_flight")
    assert [line.rsplit(",", 1)[1] for line in csv.stdout.splitlines()] == ["in_flight", "true"]
    assert (audit.returncode, "1 file being sent at this moment: 37" in audit.stdout) == (0, True), audit.stdout
    assert "undecided" not in audit.stdout
    assert (resume.returncode, "decide" in resume.stderr) == (2, False), resume.stderr
    assert "nothing would be now: 1 file is being sent by another process" in dry.stderr


# --- Results -------------------------------------------------------------------------------------------

# What the portal does with three files in chunks of one request → exit status.
ENDS: dict[str, tuple[list[Any], int]] = {
    "all ok": ([], 0),
    "refused": (["status:403"], 4),
    "unknown": (["close_before_answer"], 3),
    "a file is missing in the answer": ([{"name": "missing_result", "file": 38}], 3),
    "a server error": (["status:503"], 3),
}


@pytest.mark.parametrize("what", ENDS)
@pytest.mark.parametrize("form", ["json", "csv"])
def test_the_exit_status_tells_how_it_ended(what: str, form: str, run: Run, simulated_portal: SimulatedPortal) -> None:
    faults, status = ENDS[what]
    simulated_portal.control("faults", faults=faults)
    done = run("publish", 37, 38, 39, *MODES, "--yes", "--format", form)
    assert done.returncode == status, done.stderr
    if form == "json":
        states = [file["state"] for file in json.loads(done.stdout)["files"]]
    else:
        states = [line.split(",")[1] for line in done.stdout.splitlines()[1:]]
    assert len(states) == 3
    assert set(states) <= {"ok", "unknown", "not_processed"}
    assert ("unknown" in states) == (status == 3)
    assert simulated_portal.control("posts") == 1


def test_what_a_server_writes_commands_no_terminal(run: Run, simulated_portal: SimulatedPortal) -> None:
    hostile = "\x1b[2J\x07 \u202e"
    error = {"code": hostile, "title": hostile, "detail": hostile}
    attributes = {"file_id": 37, "publish_status": "fail", "notify_status": "fail", "error": [error]}
    body = json.dumps({"data": [{"id": "37", "attributes": attributes}]})
    for form in ("table", "json", "csv"):
        simulated_portal.next_fault("answer", status=200, body=body)
        done = run("publish", 37, *MODES, "--yes", "--format", form)
        assert done.returncode == 1, done.stderr
        assert not any(sign in done.stdout for sign in "\x1b\x07\u202e")


# --- Journals ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_unknown_outcome_is_decided_and_the_batch_resumed(
    program: str, run: Run, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    def step(*arguments: object) -> tuple[int, str, str]:
        done = run(*arguments, program=program)
        return done.returncode, done.stdout, done.stderr

    simulated_portal.control(
        "faults", faults=[{"name": "drip", "every_ms": 0, "bytes": 100_000}, "close_before_answer"]
    )
    ids = range(1, 251)
    code, _, errors = step("publish", *ids, *MODES, "--journal", "run.jsonl", "--yes")
    assert code == 3
    assert "journal resolve run.jsonl" in errors
    shown = json.loads(step("journal", "show", "run.jsonl", "--format", "json")[1])
    assert shown["undecided"] == list(range(101, 201))
    assert [chunk["state"] for chunk in shown["chunks"]] == ["processed", "unknown", "not_processed"]
    assert {file["decision"] for file in shown["files"]} == {None}
    code, _, errors = step("resume", "run.jsonl")
    assert (code, "waits for a decision" in errors) == (3, True)
    assert step("journal", "audit", ".")[0] == 1
    there = [file for file in range(101, 201) if simulated_portal.published(file)]
    missing = sorted(set(range(101, 201)) - set(there))
    (tmp_path / "there.csv").write_text("file_id\n" + "\n".join(map(str, there)))
    by = ("--by", "A. Person")
    if there:
        assert step("journal", "resolve", "run.jsonl", "--published", "--from", "there.csv", *by)[0] == 0
    if missing:
        assert (
            step("journal", "resolve", "run.jsonl", "--not-published", "--files", ",".join(map(str, missing)), *by)[0]
            == 0
        )
    code, _, errors = step("resume", "run.jsonl", "--yes")
    # What a person decided to be published is settled, and no answer of the API.
    assert code == (1 if there else 0), errors
    assert simulated_portal.control("posts") == 3 + bool(missing)
    assert all(simulated_portal.published(file) == [1] for file in ids)
    assert step("journal", "audit", ".")[0] == 0
    assert len(re.findall(r"  ok +run\.jsonl ", step("journal", "audit", ".", "--file", 7)[1])) == 1
    # Done: nothing more is sent, and nothing is asked.
    code, _, _ = step("publish", *ids, *MODES, "--journal", "run.jsonl")
    assert (code, simulated_portal.control("posts")) == (1 if there else 0, 3 + bool(missing))
    assert step("publish", *ids, 999, *MODES, "--journal", "run.jsonl", "--yes")[0] == 2


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_journal_whose_name_is_not_text_is_that_journal(program: str, run: Run, tmp_path: Path) -> None:
    name = b"m\xfcller.jsonl"
    batch = ("publish", 37, *MODES, "--journal", os.fsdecode(name), "--yes")
    for _ in range(2):
        assert run(*batch, program=program).returncode == 0
    assert name in os.listdir(os.fsencode(tmp_path))
    assert not (tmp_path / "m\ufffdller.jsonl").exists()


def test_a_run_whose_files_are_all_decided_is_settled(run: Run, simulated_portal: SimulatedPortal) -> None:
    simulated_portal.next_fault("close_before_answer")
    batch = ("publish", 37, 38, *MODES, "--journal", "run.jsonl", "--yes")
    lost = run(*batch)
    assert lost.returncode == 3
    assert "`addepar-portal journal resolve run.jsonl --published (or --not-published, --leave)" in lost.stderr
    assert "resume with `addepar-portal resume run.jsonl`." in lost.stderr
    assert "Do not run this again" not in lost.stderr
    by = ("--by", "A. Person")
    first = run("journal", "resolve", "run.jsonl", "--published", "--files", 37, *by)
    assert (first.returncode, "1 file still to be decided about: 38." in first.stdout) == (0, True)
    last = run("journal", "resolve", "run.jsonl", "--leave", "--files", 38, *by)
    assert "Every file is settled: nothing is left to be sent." in last.stdout
    table = run("journal", "show", "run.jsonl").stdout
    assert "unknown, decided: published" in table
    assert "1 unknown (decided: published), 1 unknown (decided: leave)" in table
    assert "to be decided" not in table
    assert run("journal", "audit", ".").returncode == 0
    for command in (("resume", "run.jsonl"), batch):
        done = run(*command)
        assert (done.returncode, "waits" in done.stderr) == (1, False), done.stderr
    assert simulated_portal.control("posts") == 1


LOST: Any = [{"name": "drip", "every_ms": 0, "bytes": 100_000}, "close_before_answer"]


@pytest.fixture
def lost(run: Run, simulated_portal: SimulatedPortal) -> Run:
    """The files 101 to 200 of 250 are undecided, and 201 to 250 yet to be sent; two files failed."""
    simulated_portal.control("faults", faults=LOST)
    simulated_portal.fail_publish(3, [1])
    simulated_portal.fail_notify(7, [1])
    assert run("publish", *range(1, 251), *MODES, "--journal", "run.jsonl", "--yes").returncode == 3
    return run


def decisions(folder: Path) -> dict[str, int]:
    """How many files of the journal are decided about, by decision."""
    decided = [str(file.decision) for file in Journal(folder / "run.jsonl").files if file.decision]
    return {decision: decided.count(decision) for decision in decided}


RESOLVE = ("journal", "resolve", "run.jsonl", "--by", "A. Person")


def test_files_are_decided_about_in_ranges(lost: Run, tmp_path: Path) -> None:
    done = lost(*RESOLVE, "--not-published", "--files", "101-150, 160,0170")
    assert (done.returncode, decisions(tmp_path)) == (0, {"not_published": 52})
    assert (
        "Recorded: not_published, 52 files. 48 files still to be decided about: 151-159,161-169,171-200." in done.stdout
    )
    replacing = lost(*RESOLVE, "--leave", "--files", "101-103,199").stdout
    earlier = "This replaces an earlier decision about 101-103: not_published, by A. Person at 20"
    assert replacing.startswith(f"Recorded: leave, 4 files. {earlier}")
    # Who says the same again overrules nobody.
    assert "This replaces" not in lost(*RESOLVE, "--leave", "--files", "101-103,199").stdout


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ("101-", 'must be ids and ranges of ids, such as 38-41,50, not "101-"'),
        ("101,x", 'must be ids and ranges of ids, such as 38-41,50, not "x"'),
        ("150-101", 'must have the smaller id of a range first, not "150-101"'),
        ("101-110,105", "must have each id once, and repeats 105"),
        ("101-9007199254740991", "must name 250 files at most"),
        ("99-110", "file 99, whose outcome is known"),
        ("195-205", "file 201"),
        ("101,900", "file 900"),
    ],
)
def test_a_range_that_is_wrong_records_nothing(files: str, words: str, lost: Run, tmp_path: Path) -> None:
    done = lost(*RESOLVE, "--not-published", "--files", files)
    assert (done.returncode, done.stdout, decisions(tmp_path)) == (2, "", {})
    assert words in done.stderr
    assert done.stderr.endswith("Nothing was recorded.\n")


def test_all_undecided_files_are_decided_about_once_somebody_agrees(
    lost: Run, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    unasked = lost(*RESOLVE, "--not-published", "--undecided")
    assert (unasked.returncode, decisions(tmp_path)) == (2, {})
    assert "100 files are not published: the next resume sends them:\n  101-200\n" in unasked.stderr
    assert "There is no terminal to ask on" in unasked.stderr
    for answer, recorded in (("n", {}), ("y", {"leave": 100})):
        with at_a_terminal(simulated_portal, tmp_path, *RESOLVE, "--leave", "--undecided") as child:
            child.expect(r"Continue\? \[y/N\] ")
            child.sendline(answer)
        assert (child.exitstatus, decisions(tmp_path)) == (0 if recorded else 2, recorded)
    none = lost(*RESOLVE, "--not-published", "--undecided", "--yes")
    assert (none.returncode, "No file is to be decided about. Nothing was recorded." in none.stderr) == (2, True)


def test_what_was_seen_as_published_is_sent_again_once_somebody_agrees(
    lost: Run, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    assert lost(*RESOLVE, "--published", "--files", "101-104").returncode == 0
    assert lost(*RESOLVE, "--leave", "--files", "105").returncode == 0
    before = {"published": 4, "leave": 1}
    (tmp_path / "all.csv").write_text("file_id,decision\n103,not_published\n106,not_published\n")
    what = "About to record that 3 files are not published, about which somebody decided otherwise. The next resume"
    unasked = lost(*RESOLVE, "--not-published", "--files", "101,102,105,110")
    assert (unasked.returncode, unasked.stdout, decisions(tmp_path)) == (2, "", before)
    assert f"{what} sends them:\n  101,102: published, by A. Person at 20" in unasked.stderr
    assert "\n  105: leave, by A. Person at 20" in unasked.stderr
    assert "There is no terminal to ask on: give --yes to record this without. Nothing was recorded." in unasked.stderr
    listed = lost(*RESOLVE, "--from", "-", stdin=(tmp_path / "all.csv").read_text())
    assert (listed.returncode, decisions(tmp_path)) == (2, before)
    assert "1 file is not published, about which somebody decided otherwise. The next resume sends it:" in listed.stderr
    for answer, recorded in (("n", before), ("y", {"published": 3, "leave": 1, "not_published": 1})):
        with at_a_terminal(simulated_portal, tmp_path, *RESOLVE, "--not-published", "--files", "101") as child:
            child.expect(r"Continue\? \[y/N\] ")
            child.sendline(answer)
        assert (child.exitstatus, decisions(tmp_path)) == (2 if recorded == before else 0, recorded)
    # No other decision is asked about.
    for verdict, files in (("--not-published", "101,110"), ("--published", "101"), ("--leave", "102")):
        assert lost(*RESOLVE, verdict, "--files", files).returncode == 0
    assert lost(*RESOLVE, "--not-published", "--files", "103-105", "--yes").returncode == 0
    assert decisions(tmp_path) == {"published": 1, "leave": 1, "not_published": 4}


def test_a_check_list_is_filled_in_and_read_back(lost: Run, simulated_portal: SimulatedPortal, tmp_path: Path) -> None:
    checklist = lost("journal", "show", "run.jsonl", "--undecided", "--format", "csv").stdout
    rows = list(csv.DictReader(checklist.splitlines()))
    assert list(rows[0]) == ["file_id", "portfolio_name", "sent_at", "request", "reason", "decision", "evidence"]
    assert [row["file_id"] for row in rows] == [str(file) for file in range(101, 201)]
    assert all(row["reason"] and row["sent_at"] and not row["decision"] for row in rows)
    (tmp_path / "todo.csv").write_text(checklist)
    empty = lost(*RESOLVE, "--from", "todo.csv")
    assert (empty.returncode, 'todo.csv has no decision: its column "decision" is empty' in empty.stderr) == (2, True)
    words = ["published", "Not published", "NOT-PUBLISHED", "leave", ""]
    for row, word in zip(rows, words * 20, strict=True):
        row["decision"] = word
        row["evidence"] = "seen in the portal" if word == "published" else ""
    with (tmp_path / "todo.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    refused = lost(*RESOLVE, "--from", "todo.csv", "--published")
    assert refused.returncode == 2
    assert "todo.csv, line 2, has a decision of its own" in refused.stderr
    assert refused.stderr.endswith("Nothing was recorded.\n")
    done = lost(*RESOLVE, "--from", "-", "--evidence", "asked", stdin=(tmp_path / "todo.csv").read_text())
    assert done.returncode == 0, done.stderr
    assert "Recorded: published, 20 files; not_published, 40 files; leave, 20 files. 20 files still" in done.stdout
    assert decisions(tmp_path) == {"published": 20, "not_published": 40, "leave": 20}
    files = Journal(tmp_path / "run.jsonl").files
    assert [(file.decided_by, file.evidence) for file in files[100:102]] == [
        ("A. Person", "seen in the portal"),
        ("A. Person", "asked"),
    ]
    todo = json.loads(lost("journal", "show", "run.jsonl", "--undecided", "--format", "json").stdout)
    assert [file["file_id"] for file in todo["files"]] == todo["undecided"] == [*range(105, 201, 5)]
    assert lost(*RESOLVE, "--leave", "--undecided", "--yes").returncode == 0
    assert lost("resume", "run.jsonl", "--yes").returncode == 1
    sent = [request["body"]["data"]["attributes"]["files_id"] for request in simulated_portal.requests]
    assert len(sent[2]) + len(sent[3]) == 90


def test_a_check_list_says_nothing_of_what_was_sent_after_it(
    lost: Run, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    def checklist() -> str:
        return lost("journal", "show", "run.jsonl", "--undecided", "--format", "csv").stdout

    older = checklist()
    assert lost(*RESOLVE, "--not-published", "--files", "101,102").returncode == 0
    assert lost(*RESOLVE, "--published", "--files", "103-200").returncode == 0
    # The third chunk is sent, then what was not published.
    simulated_portal.control("faults", faults=[{"name": "drip", "every_ms": 0}, "close_before_answer"])
    assert lost("resume", "run.jsonl", "--yes").returncode == 3
    before, posts = decisions(tmp_path), simulated_portal.control("posts")
    for arguments in ((), ("--not-published",)):
        filled = older.replace(",,\n", ",not_published,\n") if not arguments else older
        (tmp_path / "older.csv").write_text(filled)
        refused = lost(*RESOLVE, "--from", "older.csv", *arguments)
        assert refused.returncode == 2
        assert re.search(
            r"older\.csv, line 2: its column \"request\" names another request with file 101 than the last",
            refused.stderr,
        )
        assert refused.stderr.endswith("Nothing was recorded.\n")
    # Where the column is gone, the same words say nothing of the later request either.
    for files in (("--from", "-"), ("--files", "101", "--not-published")):
        refused = lost(*RESOLVE, *files, stdin="file_id,decision\n101,not_published\n")
        assert refused.returncode == 2
        assert "takes no `published` or `not_published` in these words: 1 file (101) was sent at 20" in refused.stderr
        assert "Look again, and say in `--evidence` what was found after that request." in refused.stderr
    assert (decisions(tmp_path), simulated_portal.control("posts")) == (before, posts)
    # What is not exactly that is not passed over, as where a program has cut it, or the column is somebody's own.
    for cell in (older.splitlines()[1].split(",")[3].partition("/")[0], "zzz/2", "TICKET-7"):
        refused = lost(*RESOLVE, "--from", "-", "--leave", stdin=f"file_id,request\n101,{cell}\n")
        assert (refused.returncode, decisions(tmp_path)) == (2, before), refused
        assert f'than the last one ("{cell}"): make a new list' in refused.stderr
        assert "A column of your own needs another name." in refused.stderr
    # A list about the last request says itself that somebody looked after it.
    newer = checklist()
    assert lost(*RESOLVE, "--from", "-", "--not-published", stdin=newer).returncode == 0
    filled = newer.replace(",,\n", ",not_published,\n", 1).replace(",,\n", ",published,\n")
    assert lost(*RESOLVE, "--from", "-", stdin=filled).returncode == 0


def test_a_check_list_holds_until_its_files_are_sent_again(
    lost: Run, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    checklist = lost("journal", "show", "run.jsonl", "--undecided", "--format", "csv").stdout
    assert lost(*RESOLVE, "--not-published", "--files", "101-200").returncode == 0
    # The batch stops at the files that were never sent: those of the list went out once.
    simulated_portal.control("faults", faults=["close_before_answer"])
    assert lost("resume", "run.jsonl", "--yes").returncode == 3
    found = checklist.replace(",,\n", ",published,was there after all\n")
    done = lost(*RESOLVE, "--from", "-", stdin=found)
    assert done.returncode == 0, done.stderr
    assert decisions(tmp_path) == {"published": 100}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "file_id,decision\n101,published\n102,maybe\n",
            ', line 3: a decision must be published, not_published or leave, not "maybe"',
        ),
        ("file_id\n101\n", ' has no column "decision": fill one in, or give --published'),
        ("id,decision\n101,leave\n", 'no column is named "file_id" (it has "id", "decision").'),
        ("file_id,decision\n101,leave\n900,leave\n", "file 900"),
        ("file_id,decision\n101,leave\n101,published\n", "file 101 stands in line 2 already"),
        ("file_id,decision,decision\n101,published,not_published\n", ' has several columns named "decision"'),
        ("file_id,decision,Evidence,evidence\n101,leave,a,b\n", ' has several columns named "evidence"'),
    ],
)
def test_a_check_list_that_is_wrong_records_nothing(text: str, words: str, lost: Run, tmp_path: Path) -> None:
    done = lost(*RESOLVE, "--from", "-", stdin=text)
    assert (done.returncode, done.stdout, decisions(tmp_path)) == (2, "", {})
    assert words in done.stderr
    assert done.stderr.endswith("Nothing was recorded.\n")


@pytest.mark.parametrize(
    ("header", "words"),
    [("file_id,Decision", "line 2, has a decision of its own"), ("file_id,decision,DECISION", "several")],
)
def test_no_decision_of_a_check_list_is_passed_over(header: str, words: str, lost: Run, tmp_path: Path) -> None:
    text = f"{header}\n101,{',' * (header.count(',') - 1)}leave\n"
    done = lost(*RESOLVE, "--from", "-", "--not-published", stdin=text)
    assert (done.returncode, words in done.stderr, decisions(tmp_path)) == (2, True, {})
    if words != "several":
        assert lost(*RESOLVE, "--from", "-", stdin=text).returncode == 0
        assert decisions(tmp_path) == {"leave": 1}


def test_a_check_list_may_lack_the_commas_of_empty_fields(lost: Run, tmp_path: Path) -> None:
    rows = [
        "file_id,portfolio_name,sent_at,request,reason,decision,evidence",
        "101,,,,,leave",
        "102,,,",
        "103",
        "104,,,,,published,a",
    ]
    text = "\r\n".join(rows)
    assert lost(*RESOLVE, "--from", "-", stdin=text).returncode == 0
    assert decisions(tmp_path) == {"leave": 1, "published": 1}


def test_a_check_list_says_nothing_of_what_another_run_sent_after_it(
    run: Run, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    journals = {"ADDEPAR_JOURNAL_DIR": str(tmp_path)}
    init_journal_dir(tmp_path)

    def lose(name: str) -> str:
        simulated_portal.next_fault("close_before_answer")
        assert run("publish", 37, *MODES, "--journal", tmp_path / name, "--yes", **journals).returncode == 3
        return run("journal", "show", tmp_path / name, "--undecided", "--format", "csv").stdout

    resolve = ("journal", "resolve", tmp_path / "1.jsonl", "--from", "-", "--by", "A. Person", "--not-published")
    older = lose("1.jsonl")
    assert run(*resolve, stdin=older).returncode == 0
    lose("2.jsonl")
    refused = run(*resolve, stdin=older)
    assert refused.returncode == 2
    assert "takes no list about an earlier request: 1 file (37) was sent at 20" in refused.stderr
    assert refused.stderr.endswith("Nothing was recorded. Decide in that run's journal.\n")
    assert simulated_portal.control("posts") == 2


def test_a_check_list_is_not_published(lost: Run, simulated_portal: SimulatedPortal, tmp_path: Path) -> None:
    (tmp_path / "todo.csv").write_text(lost("journal", "show", "run.jsonl", "--undecided", "--format", "csv").stdout)
    posts = simulated_portal.control("posts")
    for how in ("--yes", "--dry-run"):
        done = lost("publish", "--from", "todo.csv", *MODES, how)
        assert (done.returncode, done.stdout) == (2, "")
        assert "todo.csv is a check-list of files that may have been published" in done.stderr
        assert done.stderr.endswith("Nothing was sent.\n")
    assert simulated_portal.control("posts") == posts


def test_what_is_decided_has_to_be_said(lost: Run) -> None:
    for files in (("--files", "101"), ("--undecided",)):
        done = lost(*RESOLVE, *files)
        assert (done.returncode, "<--published|--not-published|--leave>" in done.stderr) == (2, True)


def test_a_file_that_another_journal_leaves_undecided_is_said_to_be(
    run: Run, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    journals = {"ADDEPAR_JOURNAL_DIR": str(tmp_path)}
    init_journal_dir(tmp_path)
    simulated_portal.next_fault("close_before_answer")
    lost = run("publish", 37, *MODES, "--yes", **journals)
    assert lost.returncode == 3
    again = run("publish", 38, 37, *MODES, "--yes", "--format", "json", **journals)
    assert again.returncode == 3, again.stderr
    assert "`addepar-portal journal resolve " in again.stderr
    assert "Nothing was sent now." in again.stderr
    assert json.loads(again.stdout)["undecided"] == [37]
    assert simulated_portal.control("posts") == 1


def test_a_file_that_was_sent_before_is_refused_without_advice_that_no_command_takes(run: Run, tmp_path: Path) -> None:
    journals = {"ADDEPAR_JOURNAL_DIR": str(tmp_path)}
    init_journal_dir(tmp_path)
    assert run("publish", 37, *MODES, "--yes", **journals).returncode == 0
    again = run("publish", 38, 37, *MODES, "--yes", **journals)
    assert again.returncode == 2
    assert "Leave it out. Nothing was sent now." in again.stderr
    assert "allow" not in again.stderr


def test_what_is_decided_about_files_that_were_never_sent_is_said(run: Run, simulated_portal: SimulatedPortal) -> None:
    simulated_portal.control(
        "faults", faults=[{"name": "drip", "every_ms": 0, "bytes": 100_000}, "close_before_answer"]
    )
    run("publish", *range(1, 251), *MODES, "--journal", "run.jsonl", "--yes")
    done = run(*RESOLVE, "--published", "--files", "101-205")
    assert done.returncode == 0
    expected = r"addepar-portal: 5 files of the journal \S*run.jsonl \(201-205\) were never sent, and will not be\.\n"
    assert re.fullmatch(expected, done.stderr), done.stderr
    # A journal that could be read is shown, whatever it has.
    assert run("journal", "show", "run.jsonl").returncode == 0


def test_a_refused_chunk_stops_part_way_and_can_be_resumed(run: Run, simulated_portal: SimulatedPortal) -> None:
    simulated_portal.control("faults", faults=[{"name": "drip", "every_ms": 0, "bytes": 100_000}, "status:403"])
    done = run("publish", *range(1, 201), *MODES, "--journal", "run.jsonl", "--yes")
    assert done.returncode == 5
    assert run("resume", "run.jsonl", "--yes").returncode == 0
    table = run("journal", "show", "run.jsonl").stdout
    assert "200 ok" in table
    assert simulated_portal.control("posts") == 3


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_resume_asks_before_it_sends(program: str, run: Run, simulated_portal: SimulatedPortal) -> None:
    simulated_portal.next_fault("status", status=403)
    assert run("publish", 37, 38, *MODES, "--journal", "run.jsonl", "--yes").returncode == 4
    unasked = run("resume", "run.jsonl", program=program)
    assert (unasked.returncode, unasked.stdout) == (2, "")
    assert "2 files, 2 yet to be sent" in unasked.stderr
    assert "There is no terminal to ask on: give --yes to send without. Nothing was sent." in unasked.stderr
    assert simulated_portal.control("posts") == 1
    assert run("resume", "run.jsonl", "--yes", program=program).returncode == 0
    assert simulated_portal.control("posts") == 2
    # Done: nothing is left to be sent, so nothing is asked.
    assert run("resume", "run.jsonl", program=program).returncode == 0
    assert simulated_portal.control("posts") == 2


def test_an_audit_of_a_folder_that_was_just_set_up_finds_nothing(run: Run) -> None:
    assert run("journal", "audit", ".").returncode == 2
    assert run("journal", "init", ".").returncode == 0
    done = run("journal", "audit", ".")
    assert (done.returncode, "0 sends in 0 journals" in done.stdout) == (0, True), done


def test_an_audit_finds_what_was_sent_twice(run: Run, simulated_portal: SimulatedPortal) -> None:
    for name in ("one.jsonl", "two.jsonl"):
        assert run("publish", 37, *MODES, "--journal", name, "--yes").returncode == 0
    done = run("journal", "audit", ".")
    assert done.returncode == 1
    assert "1 file sent more than once: 37" in done.stdout


def test_an_audit_knows_a_copy(run: Run, tmp_path: Path) -> None:
    assert run("publish", 37, *MODES, "--journal", "run.jsonl", "--yes").returncode == 0
    shutil.copy(tmp_path / "run.jsonl", tmp_path / "run.jsonl.bak")
    done = run("journal", "audit", ".")
    assert (done.returncode, done.stdout.count("  ok  ")) == (0, 1), done.stdout


def test_an_audit_names_the_journals_in_which_to_decide(
    run: Run, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    assert run("journal", "init", "journals").returncode == 0
    guarded = {"ADDEPAR_JOURNAL_DIR": str(tmp_path / "journals")}
    for number in range(7):
        simulated_portal.next_fault("close_before_answer")
        assert run("publish", 37 + 2 * number, 38 + 2 * number, *MODES, "--yes", **guarded).returncode == 3
    journals = sorted(path.relative_to(tmp_path) for path in (tmp_path / "journals").glob("*.jsonl"))
    done = run("journal", "audit", "journals")
    assert done.returncode == 1
    *table, counts, undecided, a, b, c, d, e, more = done.stdout.splitlines()
    assert (counts, undecided) == ("14 sends in 7 journals", "14 files undecided: 37-50")
    named = [f"  to decide about {','.join(map(str, Journal(tmp_path / path).undecided))}: " for path in journals]
    commands = [line + f"addepar-portal journal show {path}" for line, path in zip(named, journals, strict=True)]
    assert ([a, b, c, d, e], more) == (commands[:5], "  and 2 more journals")
    assert {line.split()[-3] for line in table[1:]} == {path.name for path in journals}


def test_an_audit_names_of_copies_the_one_that_takes_decisions(
    run: Run, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    assert run("journal", "init", "journals").returncode == 0
    guarded = {"ADDEPAR_JOURNAL_DIR": str(tmp_path / "journals")}
    simulated_portal.next_fault("close_before_answer")
    assert run("publish", 51, 52, *MODES, "--journal", "journals/run.jsonl", "--yes", **guarded).returncode == 3
    shutil.copy(tmp_path / "journals" / "run.jsonl", tmp_path / "journals" / "a copy.jsonl")
    assert (
        run("journal", "resolve", "journals/run.jsonl", "--leave", "--files", 51, "--by", "A. Person").returncode == 0
    )
    done = run("journal", "audit", "journals")
    assert "to decide about 52: addepar-portal journal show journals/run.jsonl\n" in done.stdout, done.stdout


def test_nobody_has_to_decide_in_a_copy_of_a_journal_that_was_forgotten(
    run: Run, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    assert run("journal", "init", "journals").returncode == 0
    guarded = {"ADDEPAR_JOURNAL_DIR": str(tmp_path / "journals")}
    simulated_portal.next_fault("close_before_answer")
    assert run("publish", 51, *MODES, "--journal", "journals/gone.jsonl", "--yes", **guarded).returncode == 3
    gone, copy = tmp_path / "journals" / "gone.jsonl", tmp_path / "journals" / "copy.jsonl"
    shutil.copy(gone, copy)
    assert run("journal", "resolve", gone, "--not-published", "--files", 51, "--by", "A. Person").returncode == 0
    gone.rename(tmp_path / "whole")
    done = run("journal", "audit", "journals")
    assert (done.returncode, "to decide about" in done.stdout) == (1, False), done.stdout
    assert run("journal", "forget", gone, "--yes").returncode == 0
    done = run("journal", "audit", "journals")
    assert (done.returncode, "undecided" in done.stdout) == (0, False), done.stdout
    # What is recorded elsewhere counts, and so does the journal itself once it comes back.
    aside = tmp_path / "journals" / "archive" / "gone.jsonl"
    aside.parent.mkdir()
    (tmp_path / "whole").rename(aside)
    done = run("journal", "audit", "journals")
    assert (done.returncode, re.findall("decided: \\w+", done.stdout)) == (0, ["decided: not_published"]), done.stdout


def test_an_audit_lists_what_was_forgotten_whatever_has_its_name(run: Run, tmp_path: Path) -> None:
    assert run("journal", "init", "journals").returncode == 0
    guarded = {"ADDEPAR_JOURNAL_DIR": str(tmp_path / "journals")}
    path = tmp_path / "journals" / "run.jsonl"
    publish = ("publish", 37, 38, *MODES, "--journal", path, "--yes")
    assert run(*publish, **guarded).returncode == 0
    whole = path.read_bytes()
    # What was sent is not in an older copy: that has to go.
    path.write_bytes(b"".join(whole.splitlines(keepends=True)[:2]))
    done = run("journal", "forget", path, "--yes")
    assert (done.returncode, "move it away first" in done.stderr) == (2, True), done
    path.unlink()
    assert run("journal", "forget", path, "--yes").returncode == 0
    forgotten = re.compile(r"forgotten: \S*run.jsonl, by \S+ at 20\S+Z \(run [0-9a-f]{16}, .*names 2 files: 37,38\)")

    def times() -> int:
        done = run("journal", "audit", "journals")
        assert done.returncode == 0, done
        return len(forgotten.findall(done.stdout))

    assert times() == 1
    # The whole one is back: that it was forgotten explains what was sent meanwhile.
    path.write_bytes(whole)
    assert times() == 1
    # Another run.
    path.unlink()
    assert run(*publish, **guarded).returncode == 0
    assert times() == 1


def test_an_audit_lists_a_journal_that_is_gone_and_one_that_was_forgotten(run: Run, tmp_path: Path) -> None:
    assert run("journal", "init", "journals").returncode == 0
    guarded = {"ADDEPAR_JOURNAL_DIR": str(tmp_path / "journals")}
    for name, files in (("one.jsonl", [37, 38]), ("two.jsonl", [39])):
        done = run("publish", *files, *MODES, "--journal", tmp_path / "journals" / name, "--yes", **guarded)
        assert done.returncode == 0, done
    known = r"run [0-9a-f]{16}, last written at 20\S+Z, names 2 files: 37,38"
    one, two = tmp_path / "journals" / "one.jsonl", tmp_path / "journals" / "two.jsonl"
    assert run("journal", "audit", "journals").returncode == 0
    # Under another name it is there.
    one.rename(tmp_path / "journals" / "renamed.jsonl")
    done = run("journal", "audit", "journals")
    assert (done.returncode, "missing" in done.stdout) == (0, False), done.stdout
    # Where calls do not look for it, it is missed, as they miss it.
    (tmp_path / "journals" / "renamed.jsonl").rename(tmp_path / "journals" / "one.bak")
    done = run("publish", 41, *MODES, "--yes", **guarded)
    assert (done.returncode, "one.jsonl is not there any more" in done.stderr) == (2, True), done.stderr
    done = run("journal", "audit", "journals")
    assert (done.returncode, "one.jsonl is not there any more" in done.stdout) == (1, True), done.stdout
    (tmp_path / "journals" / "one.bak").rename(tmp_path / "aside")
    *_, missing, forget = run("journal", "audit", "journals").stdout.splitlines()
    expected = rf"missing: \S*one.jsonl is not there any more \({known}\)\. .* or record that it is gone for good:"
    assert re.fullmatch(expected, missing), missing
    assert forget.startswith("  addepar-portal journal forget ")
    assert forget.endswith("journals/one.jsonl")
    assert run("journal", "audit", "journals", "--file", 38).returncode == 1
    assert run("journal", "audit", "journals", "--file", 39).returncode == 0
    # What lost lines is not what it was. A later call has seen that they are on disk.
    (tmp_path / "aside").rename(one)
    earlier = time.time() - 60
    os.utime(two, (earlier, earlier))
    assert run("publish", 40, *MODES, "--yes", **guarded).returncode == 0
    whole = two.read_bytes()
    two.write_bytes(b"".join(whole.splitlines(keepends=True)[:2]))
    done = run("journal", "audit", "journals")
    assert (done.returncode, "two.jsonl lost lines that it had" in done.stdout) == (1, True), done.stdout
    # Nothing shows its files as if it were whole.
    done = run("journal", "show", two)
    assert (done.stdout, "two.jsonl lost lines that it had" in done.stderr) == ("", True), done
    two.write_bytes(whole)
    one.unlink()
    assert run("journal", "forget", one, "--yes").returncode == 0
    done = run("journal", "audit", "journals")
    assert done.returncode == 0, done
    assert "missing" not in done.stdout
    assert re.search(rf"forgotten: \S*one.jsonl, by \S+ at 20\S+Z \({known}\)\n", done.stdout), done.stdout
    # It never believes what the folder knows about sends.
    assert "2 sends in 2 journals" in done.stdout
    (tmp_path / "journals" / "addepar-portal-journals.index").write_text("{}")
    done = run("journal", "audit", "journals")
    assert done.returncode == 1
    assert "addepar-portal-journals.index was damaged: nobody can tell whether a journal is missing" in done.stderr


def test_a_folder_that_is_set_up_again_keeps_its_id(run: Run) -> None:
    first, again = [run("journal", "init", "journals") for _ in range(2)]
    assert (again.returncode, again.stdout) == (0, first.stdout.replace("journals (", "journals already ("))


def test_an_audit_says_where_a_missing_journal_lies(run: Run, tmp_path: Path) -> None:
    """Nobody is told to forget it then: its files would be sent again."""
    journals = tmp_path / "journals"
    run("journal", "init", journals)
    lies = journals / "one.jsonl"
    run("publish", 37, *MODES, "--journal", lies, "--yes", ADDEPAR_JOURNAL_DIR=str(journals))
    for place in (journals / "one.bak", journals / "2026" / "one.jsonl", tmp_path / "aside"):
        place.parent.mkdir(exist_ok=True)
        lies = lies.rename(place)
        done = run("journal", "audit", tmp_path)
        missing = done.stdout.splitlines()[-1]
        assert (done.returncode, missing.endswith(f" put it back as it was. It lies at {lies} now.")) == (1, True), done
    assert "journal forget" in run("journal", "audit", journals).stdout


def test_an_audit_knows_which_send_a_decision_is_about(
    run: Run, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    simulated_portal.control("faults", faults=["close_before_answer", "status:403"])
    assert run("publish", 37, *MODES, "--journal", "one.jsonl", "--yes").returncode == 3
    who = ("--files", 37, "--by", "A. Person", "--evidence")
    assert run("journal", "resolve", "one.jsonl", "--not-published", *who, "not in the portal").returncode == 0
    assert run("resume", "one.jsonl", "--yes").returncode == 4
    assert run("journal", "resolve", "one.jsonl", "--published", *who, "it is there after all").returncode == 0
    assert run("publish", 37, *MODES, "--journal", "two.jsonl", "--yes").returncode == 0
    done = run("journal", "audit", ".")
    assert (done.returncode, "1 file sent more than once: 37" in done.stdout) == (1, True), done.stdout
    assert "3 sends in 2 journals; 1 send came to nothing" in done.stdout
    assert "unknown, decided: published" in done.stdout


def test_an_audit_fits_the_screen_with_what_needs_attention_at_its_end(
    run: Run, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    assert run("publish", *range(1, 101), *MODES, "--journal", "one.jsonl", "--yes").returncode == 0
    assert run("publish", 37, *MODES, "--journal", "two.jsonl", "--yes").returncode == 0
    with at_a_terminal(simulated_portal, tmp_path, "journal", "audit", ".", columns=80) as child:
        child.expect("file ")
    assert child.exitstatus == 1
    *sends, not_shown, command, counts, twice = shown(child)
    assert [line.split()[0] for line in sends[1:]] == ["37", "37"]
    assert (not_shown, command) == ("Not shown: 99 ok. All of them:", "  addepar-portal journal audit . | less")
    assert (counts, twice) == ("101 sends in 2 journals", "1 file sent more than once: 37")


def test_an_audit_finds_two_copies_of_a_journal_that_both_went_on(
    run: Run, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    """A restored backup, or a journal that was copied to another machine: each shows every file sent once."""
    simulated_portal.next_fault("status", status=403)
    assert run("publish", 37, 38, *MODES, "--journal", "run.jsonl", "--yes").returncode == 4
    (tmp_path / "backup").mkdir()
    shutil.copy(tmp_path / "run.jsonl", tmp_path / "backup" / "run.jsonl")
    for journal in ("run.jsonl", "backup/run.jsonl"):
        assert run("resume", journal, "--yes").returncode == 0
    assert [len(simulated_portal.published(file)) for file in (37, 38)] == [1, 1]
    assert len(simulated_portal.outbox) == 4
    done = run("journal", "audit", ".")
    assert done.returncode == 1
    assert "2 files sent more than once: 37" in done.stdout, done.stdout


def test_an_audit_tells_a_send_from_what_was_decided_before_the_next_one(
    run: Run, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    """File 37: unknown, found not to be published, planned again, then published by a call of its own."""
    init_journal_dir(tmp_path)
    client = simulated_portal.client(journal_dir=tmp_path)
    modes: Any = {"portal_publishing": "publish", "contact_notification": "notify"}
    simulated_portal.control("faults", faults=["close_before_answer", "status:403"])
    with pytest.raises(OutcomeUnknownError):
        client.publish_batch([37, 38], journal=tmp_path / "run.jsonl", **modes)
    Journal(tmp_path / "run.jsonl").decide([37, 38], "not_published", by="A. Person")
    with pytest.raises(PermissionDeniedError):
        client.resume(tmp_path / "run.jsonl")
    assert client.publish_files([37], **modes).ok
    Journal(tmp_path / "run.jsonl").decide([37], "published", by="A. Person")
    assert client.resume(tmp_path / "run.jsonl").settled
    done = run("journal", "audit", ".")
    assert done.returncode == 0, done.stdout
    # Whether the person was right, no journal knows.
    assert "2 files sent again after the decision not_published: 37,38" in done.stdout


def test_a_journal_that_changes_after_the_question_sends_nothing_that_nobody_agreed_to(
    run: Run, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    simulated_portal.next_fault("close_before_answer")
    assert run("publish", 37, 38, *MODES, "--journal", "run.jsonl", "--yes").returncode == 3
    init_journal_dir(tmp_path)
    # It waits for the folder's lock, having seen that a decision is missing.
    with open(tmp_path / "folder.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        environ = {**environment(simulated_portal), "ADDEPAR_JOURNAL_DIR": str(tmp_path)}
        resume = subprocess.Popen(
            [PROGRAMS["pip"], "resume", "run.jsonl"],
            env=environ,
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert resume.stderr is not None
        said = resume.stderr.readline()
        Journal(tmp_path / "run.jsonl").decide([37, 38], "not_published", by="A. Person")
    said += resume.communicate(timeout=60)[1]
    assert "nobody agreed to" in said, said
    assert (resume.returncode, simulated_portal.control("posts")) == (4, 1)


def test_a_journal_that_is_gone_stops_every_call_until_that_is_recorded(
    run: Run, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    guarded = {"ADDEPAR_JOURNAL_DIR": str(tmp_path)}
    assert run("journal", "init", ".").returncode == 0
    assert run("publish", 37, 38, *MODES, "--yes", **guarded).returncode == 0
    [path] = tmp_path.glob("*.jsonl")
    path.unlink()
    done = run("publish", 39, *MODES, "--yes", **guarded)
    assert done.returncode == 2
    assert f"The journal {path} is not there any more" in done.stderr
    assert f"addepar-portal journal forget {path}" in done.stderr
    # It says what is lost with it, and asks; without a terminal and without --yes nothing is recorded.
    done = run("journal", "forget", path.name)
    assert (done.returncode, done.stdout) == (2, "")
    lost = r"run [0-9a-f]{16}, last written at 20\S+Z, names 2 files: 37,38"
    assert re.search(lost, done.stderr), done.stderr
    assert "give --yes" in done.stderr
    assert done.stderr.endswith("Nothing was recorded.\n")
    assert run("publish", 39, *MODES, "--yes", **guarded).returncode == 2
    done = run("journal", "forget", path.name, "--yes")
    assert done.returncode == 0
    assert re.search(lost, done.stderr), done.stderr
    assert f"Recorded: {path.name} is gone" in done.stdout
    assert "It named 2 files: 37, 38." in done.stdout
    done = run("journal", "forget", path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "is not missed" in done.stderr
    assert run("publish", 39, *MODES, "--yes", **guarded).returncode == 0
    assert simulated_portal.control("posts") == 2


@pytest.mark.parametrize(("answer", "status"), [("y", 0), ("n", 2), ("", 2)])
def test_it_asks_before_it_forgets_a_journal(
    answer: str, status: int, simulated_portal: SimulatedPortal, run: Run, tmp_path: Path
) -> None:
    guarded = {"ADDEPAR_JOURNAL_DIR": str(tmp_path)}
    assert run("journal", "init", ".").returncode == 0
    assert run("publish", *range(1, 200, 2), *MODES, "--yes", **guarded).returncode == 0
    [path] = tmp_path.glob("*.jsonl")
    path.unlink()
    with at_a_terminal(simulated_portal, tmp_path, "journal", "forget", path.name, columns=200) as child:
        child.expect("names 100 files: 1,3,5,7,9,11,13,15,…")
        child.expect(r"Continue\? \[y/N\] ")
        child.sendline(answer)
    assert child.exitstatus == status
    assert run("publish", 39, *MODES, "--yes", **guarded).returncode == status


def test_it_forgets_no_other_state_of_a_journal_than_it_has_shown(
    run: Run, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    init_journal_dir(tmp_path)
    guarded = {"ADDEPAR_JOURNAL_DIR": str(tmp_path)}
    path = tmp_path / "run.jsonl"
    simulated_portal.next_fault("status:403")
    assert run("publish", 37, *MODES, "--journal", path.name, "--yes", **guarded).returncode != 0
    kept = path.read_bytes()
    path.unlink()
    with at_a_terminal(simulated_portal, tmp_path, "journal", "forget", path.name, columns=200) as child:
        child.expect(r"Continue\? \[y/N\] ")
        # It comes back, goes on, is seen by another call, and is gone once more.
        path.write_bytes(kept)
        assert run("resume", path.name, "--yes", **guarded).returncode == 0
        assert run("publish", 38, *MODES, "--yes", **guarded).returncode == 0
        path.unlink()
        child.sendline("y")
        child.expect("has changed since it was shown")
        child.expect("Nothing was recorded")
    assert child.exitstatus == 2
    assert run("publish", 37, *MODES, "--yes", **guarded).returncode == 2
    assert run("journal", "forget", path.name, "--yes").returncode == 0


def test_a_wait_for_a_folder_is_told_and_ends_at_ctrl_c(
    run: Run, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    init_journal_dir(tmp_path)
    with (tmp_path / "folder.lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        program = subprocess.Popen(
            [PROGRAMS["pip"], "publish", "37", *MODES, "--journal", "run.jsonl", "--yes"],
            env={**environment(simulated_portal), "ADDEPAR_JOURNAL_DIR": str(tmp_path)},
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert program.stderr is not None
        while "Waiting for the folder of journals" not in (line := program.stderr.readline()):
            assert line
        assert f"locked by process {os.getpid()} on " in line
        program.send_signal(signal.SIGINT)
        assert "Nothing was" in program.communicate(timeout=30)[1]
    assert program.returncode == 130
    assert not (tmp_path / "run.jsonl").exists()
    assert simulated_portal.control("posts") == 0


def test_an_audit_lists_deliberate_repeats_apart(run: Run, simulated_portal: SimulatedPortal, tmp_path: Path) -> None:
    init_journal_dir(tmp_path)
    client = simulated_portal.client(journal_dir=tmp_path)
    client.publish_files([37, 38], portal_publishing="publish", contact_notification="notify")
    client.publish_files([38], portal_publishing="publish", contact_notification="notify", repeat="allow")
    done = run("journal", "audit", ".")
    assert done.returncode == 0, done.stdout
    assert '1 file sent more than once with repeat="allow": 38' in done.stdout


def test_an_audit_lists_what_it_cannot_read_and_passes_over_what_never_was_a_journal(run: Run, tmp_path: Path) -> None:
    assert run("publish", 37, *MODES, "--journal", "run.jsonl", "--yes").returncode == 0
    (tmp_path / "._run.jsonl").write_bytes(b"\x00\x05\x16\x07")
    (tmp_path / "ids.jsonl").write_text('{"file_id": 37}\n')
    done = run("journal", "audit", ".")
    assert done.returncode == 0, done
    assert done.stderr.count("is not a journal: it was passed over") == 2
    (tmp_path / "year").mkdir()
    (tmp_path / "year" / "gone.jsonl").symlink_to("/nowhere/run.jsonl")
    done = run("journal", "audit", ".")
    assert done.returncode == 1
    assert "gone.jsonl" in done.stderr
    assert "1 send in 1 journal" in done.stdout


def test_a_folder_is_set_up_for_journals_once(run: Run, simulated_portal: SimulatedPortal, tmp_path: Path) -> None:
    journals = {"ADDEPAR_JOURNAL_DIR": str(tmp_path / "journals")}
    refused = run("publish", 37, *MODES, "--yes", **journals)
    assert (refused.returncode, simulated_portal.control("posts")) == (2, 0)
    assert "addepar-portal journal init" in refused.stderr
    ids = [run("journal", "init", "journals").stdout.rsplit("id ", 1)[1] for _ in range(2)]
    assert ids[0] == ids[1]
    assert run("publish", 37, *MODES, "--yes", **journals).returncode == 0
    again = run("publish", 37, *MODES, "--yes", **journals)
    assert (again.returncode, simulated_portal.control("posts")) == (2, 1)
    assert "File 37 was sent before" in again.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the environment is text")
def test_a_variable_that_is_not_text_never_counts_as_not_set(
    run: Run, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/m\xfcller")
    os.mkdir(folder)
    for program in PROGRAMS:
        done = run("publish", 37, *MODES, "--yes", program=program, ADDEPAR_JOURNAL_DIR=folder)
        assert done.returncode == 2, done
        assert "ADDEPAR_JOURNAL_DIR must be text in UTF-8" in done.stderr
    assert simulated_portal.control("posts") == 0


def test_a_damaged_journal_is_refused(run: Run, simulated_portal: SimulatedPortal, tmp_path: Path) -> None:
    assert run("publish", 37, *MODES, "--journal", "run.jsonl", "--yes").returncode == 0
    journal = tmp_path / "run.jsonl"
    journal.write_text(journal.read_text().replace('"file_ids":[37]', '"file_ids":[38]'))
    for command, status in (
        (("resume", "run.jsonl"), 2),
        (("journal", "show", "run.jsonl"), 2),
        (("journal", "audit", "."), 1),
    ):
        done = run(*command)
        assert done.returncode == status, command
        assert "is not as it was written" in done.stderr
    assert simulated_portal.control("posts") == 1


# --- Somebody sits there -------------------------------------------------------------------------------


@contextlib.contextmanager
def at_a_terminal(
    portal: SimulatedPortal,
    folder: Path,
    *arguments: object,
    rows: int = 24,
    columns: int = 60,
    program: str = "pip",
) -> Iterator[Any]:
    pexpect = pytest.importorskip("pexpect")
    child = pexpect.spawn(
        str(PROGRAMS[program]),
        [str(argument) for argument in arguments],
        env=environment(portal),
        cwd=str(folder),
        encoding="utf-8",
        timeout=60,
        dimensions=(rows, columns),
    )
    try:
        yield child
        child.expect(pexpect.EOF)
        child.wait()
    finally:
        child.close(force=True)


@pytest.mark.parametrize(("answer", "status", "posts"), [("y", 0, 1), ("n", 2, 0), ("", 2, 0), ("maybe", 2, 0)])
def test_it_asks_before_it_sends(
    answer: str, status: int, posts: int, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    with at_a_terminal(simulated_portal, tmp_path, "publish", 37, *MODES, "--override-contacts", 23) as child:
        child.expect("1 file in one request")
        child.expect(r"every contact is e-mailed \(notify\)")
        child.expect(r"1 override contact \(23\) receives EVERY file")
        child.expect(r"This cannot be undone. Continue\? \[y/N\] ")
        assert simulated_portal.requests == []
        child.sendline(answer)
    assert child.exitstatus == status
    assert simulated_portal.control("posts") == posts


@pytest.mark.parametrize(("answer", "ends"), [("y", (0, 2)), ("n", (2, 1)), (None, (130, 1))])
def test_a_resume_asks_on_the_terminal(
    answer: str | None, ends: tuple[int, int], run: Run, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    simulated_portal.next_fault("status", status=403)
    assert run("publish", 37, 38, *MODES, "--override-contacts", 23, "--journal", "run.jsonl", "--yes").returncode == 4
    with at_a_terminal(simulated_portal, tmp_path, "resume", "run.jsonl", columns=200) as child:
        child.expect(f"About to resume at {simulated_portal.base_url}")
        child.expect("2 files, 2 yet to be sent")
        child.expect(r"1 override contact \(23\) receives EVERY file")
        child.expect(r"This cannot be undone. Continue\? \[y/N\] ")
        assert simulated_portal.control("posts") == 1
        if answer is None:
            child.sendintr()
        else:
            child.sendline(answer)
    assert (child.exitstatus, simulated_portal.control("posts")) == ends


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("number", [None, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_at_the_question_sends_nothing(
    number: int | None, program: str, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    with at_a_terminal(simulated_portal, tmp_path, "publish", 37, *MODES, program=program) as child:
        child.expect(r"\[y/N\] ")
        if number is None:
            child.sendintr()
        else:
            child.kill(number)
        child.expect(r"Interrupted\. Nothing was sent\.")
    assert child.exitstatus == 130
    assert simulated_portal.requests == []


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_at_a_terminal_stops_a_batch(
    times: int, program: str, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    simulated_portal.control("hold")
    with at_a_terminal(simulated_portal, tmp_path, *BATCH, program=program, columns=200) as child:
        until(lambda: has_arrived(simulated_portal))
        child.sendintr()
        child.expect(STOPPING)
        if times == 1:
            simulated_portal.control("release")
        else:
            child.sendintr()
    assert child.exitstatus == (130 if times == 1 else 3)
    assert simulated_portal.control("posts") == 1
    assert len(Journal(tmp_path / "run.jsonl").undecided) == (0 if times == 1 else 100)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_terminal_that_is_closed_stops_a_batch(
    program: str, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    simulated_portal.control("hold")
    command = ["/bin/sh", "-c", 'exec "$0" "$@" 2> errors.txt', str(PROGRAMS[program]), *map(str, BATCH)]
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        os.execve(command[0], command, environment(simulated_portal))
    until(lambda: has_arrived(simulated_portal))
    os.close(terminal)
    until(lambda: STOPPING in (tmp_path / "errors.txt").read_text())
    # The shell says that the terminal is gone, and the system does.
    os.kill(pid, signal.SIGHUP)
    simulated_portal.control("release")
    until(lambda: os.waitpid(pid, os.WNOHANG) != (0, 0))
    journal = Journal(tmp_path / "run.jsonl")
    assert simulated_portal.control("posts") == 1
    assert (len(journal.report.succeeded), journal.undecided) == (100, ())


def test_a_bar_on_a_terminal_as_wide_as_that(simulated_portal: SimulatedPortal, tmp_path: Path) -> None:
    simulated_portal.fail_publish(120, [1])
    arguments = ("publish", *range(1, 251), *MODES, "--journal", "run.jsonl", "--yes")
    with at_a_terminal(simulated_portal, tmp_path, *arguments, columns=50) as child:
        child.expect(r"\[\.+\] 0 of 250 files")
        child.expect(r"\[#+\.+\] 200 of 250 files")
        child.expect("120  failed")
    assert child.exitstatus == 1
    lines = child.before.replace("\r\n", "\n").splitlines()
    assert all(len(line) <= 50 for line in lines if not line.startswith("addepar-portal:"))


def shown(child: Any) -> list[str]:
    """The lines of a terminal that stand below the cursor's first one."""
    lines: list[str] = child.before.replace("\r\n", "\n").splitlines()
    return lines


@pytest.mark.parametrize(("rows", "columns"), [(24, 80), (40, 120)])
def test_a_table_fits_the_screen_with_what_needs_attention_at_its_end(
    rows: int, columns: int, lost: Run, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    show = ("journal", "show", "run.jsonl")
    with at_a_terminal(simulated_portal, tmp_path, *show, rows=rows, columns=columns) as child:
        child.expect("run ")
    lines = shown(child)
    assert len(lines) < rows
    assert all(len(line) <= columns for line in lines)
    table = lines[lines.index("") + 1 :]
    *files, not_shown, command = table[
        1 : table.index("98 ok, 2 failed, 100 unknown, 50 not_processed (asked: publish, notify)")
    ]
    assert [int(line.split()[0]) for line in files] == [*range(201 - len(files), 201)]
    assert not_shown == f"Not shown: 98 ok, 50 not_processed, 2 failed, {100 - len(files)} unknown. All of them:"
    assert command == "  addepar-portal journal show run.jsonl | less"
    assert "100 files to be decided about: 101-200." in lines[-3]
    # In a pipe there is everything.
    piped = lost(*show).stdout.splitlines()
    states = [line.split()[1] for line in piped[3:253]]  # below the run, a blank line and the columns' names
    assert states == ["ok"] * 98 + ["not_processed"] * 50 + ["failed"] * 2 + ["unknown"] * 100
    assert "Not shown" not in "".join(piped)


def test_without_a_journal_every_file_that_is_not_ok_is_shown(
    simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    for file in range(11, 61):
        simulated_portal.fail_publish(file, [1])
    arguments = ("publish", *range(1, 61), *MODES, "--yes")
    with at_a_terminal(simulated_portal, tmp_path, *arguments, columns=80) as child:
        child.expect("every contact is e-mailed")
    lines = shown(child)
    assert [line.split()[0] for line in lines if "  failed  " in line] == [str(file) for file in range(11, 61)]
    assert lines[-2:] == ["Not shown: 10 ok.", "10 ok, 50 failed (asked: publish, notify)"]


def test_no_bar_in_a_pipe(run: Run) -> None:
    done = run("publish", *range(1, 251), *MODES, "--journal", "run.jsonl", "--yes")
    assert done.returncode == 0
    assert "[#" not in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def has_arrived(portal: SimulatedPortal) -> bool:
    return any(request["complete"] for request in portal.requests)


@contextlib.contextmanager
def started(
    portal: SimulatedPortal | None,
    folder: Path,
    *arguments: object,
    program: str = "pip",
    before: tuple[str, ...] = (),
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
) -> Iterator[subprocess.Popen[str]]:
    """The program, without a terminal. What hangs is killed."""
    with subprocess.Popen(
        [*before, PROGRAMS[program], *map(str, arguments)],
        env=environment(portal),
        cwd=folder,
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        timer = threading.Timer(60, process.kill)
        timer.start()
        try:
            yield process
        finally:
            timer.cancel()
            process.kill()


def read_until(process: subprocess.Popen[str], words: str) -> str:
    assert process.stderr
    read = ""
    for line in process.stderr:
        read += line
        if words in line:
            return read
    pytest.fail(f"{words!r} was not said: {read}")


BATCH = ("publish", *range(1, 301), *MODES, "--journal", "run.jsonl", "--yes")
STOPPING = "Stopping after the request in flight"
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("number", SIGNALS)
def test_an_interrupt_stops_a_batch_after_the_request_in_flight(
    number: int, program: str, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    simulated_portal.control("hold")
    with started(simulated_portal, tmp_path, *BATCH, program=program) as process:
        until(lambda: has_arrived(simulated_portal))
        process.send_signal(number)
        read_until(process, STOPPING)
        simulated_portal.control("release")
        _, errors = process.communicate()
    assert process.returncode == 130, errors
    assert simulated_portal.control("posts") == 1
    assert len(Journal(tmp_path / "run.jsonl").report.succeeded) == 100


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("processed", [0, 100])
def test_a_batch_whose_last_request_is_refused_after_an_interrupt_was_interrupted(
    processed: int, program: str, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    if processed:
        simulated_portal.control("faults", faults=[{"name": "drip", "every_ms": 0, "bytes": 100_000}, "status:403"])
        with started(simulated_portal, tmp_path, *BATCH, program=program) as process:
            process.communicate()
        assert process.returncode == 5
    posts = simulated_portal.control("posts")
    simulated_portal.next_fault("status:400")
    simulated_portal.control("hold")
    with started(simulated_portal, tmp_path, *BATCH, program=program) as process:
        until(lambda: sum(request["complete"] for request in simulated_portal.requests) > posts)
        process.send_signal(signal.SIGTERM)
        read_until(process, STOPPING)
        simulated_portal.control("release")
        _, errors = process.communicate()
    assert process.returncode == 130, errors
    assert "400" in errors
    assert simulated_portal.control("posts") == posts + 1
    assert len(Journal(tmp_path / "run.jsonl").report.succeeded) == processed


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_interrupt_drops_the_request(
    number: int, program: str, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    simulated_portal.control("hold")
    with started(simulated_portal, tmp_path, *BATCH, program=program) as process:
        until(lambda: has_arrived(simulated_portal))
        process.send_signal(number)
        read_until(process, STOPPING)
        process.send_signal(number)
        _, errors = process.communicate()
    assert process.returncode == 3
    assert "record what you find with `addepar-portal journal resolve run.jsonl" in errors
    assert len(Journal(tmp_path / "run.jsonl").undecided) == 100


PUBLISH_SH = ROOT / "examples" / "command-line" / "publish.sh"
SHELLS = [shell for shell in ("sh", "bash", "dash") if shutil.which(shell)]


@contextlib.contextmanager
def nightly(
    portal: SimulatedPortal, folder: Path, shell: str = "sh", program: str = "pip", source: str = "files.csv"
) -> Iterator[subprocess.Popen[str]]:
    """The example `publish.sh`, which sends 300 files. What hangs is killed, the program too."""
    text = "".join(f"{file_id}\n" for file_id in range(1, 301))
    (folder / "files.csv").write_text(text)
    with subprocess.Popen(
        [shell, PUBLISH_SH, source, "run.jsonl"],
        env={**environment(portal), "ADDEPAR_PORTAL": str(PROGRAMS[program])},
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdin
        process.stdin.write(text)
        process.stdin.close()
        process.stdin = None
        timer = threading.Timer(60, os.killpg, (process.pid, signal.SIGKILL))
        timer.start()
        try:
            yield process
        finally:
            timer.cancel()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("send", [os.kill, os.killpg])
def test_a_signal_to_the_nightly_job_stops_it_after_the_request_in_flight_each_time(
    send: Callable[[int, int], None], number: int, shell: str, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    """To the shell alone, or to all at once as a terminal, `timeout` and systemd do. The next run sends the rest."""
    for requests in (1, 2):
        simulated_portal.control("hold")
        with nightly(simulated_portal, tmp_path, shell) as process:
            until(lambda: sum(request["complete"] for request in simulated_portal.requests) == requests)  # noqa: B023
            send(process.pid, number)
            read_until(process, STOPPING)
            simulated_portal.control("release")
            _, errors = process.communicate()
        assert process.returncode == 130, errors
        assert errors.endswith(
            "It was stopped. Run this again: it sends what is left, if anything. What was sent: "
            f"{PROGRAMS['pip']} journal show run.jsonl\n"
        )
        assert simulated_portal.control("posts") == requests
        assert len(Journal(tmp_path / "run.jsonl").report.succeeded) == requests * 100
    with nightly(simulated_portal, tmp_path, shell) as process:
        _, errors = process.communicate()
    assert (process.returncode, errors.splitlines()[-1], "Hangup" in errors) == (0, "All files are published.", False)
    assert simulated_portal.control("posts") == 3


def test_the_nightly_job_was_stopped_also_where_its_last_request_was_refused(
    simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    simulated_portal.next_fault("status:400")
    simulated_portal.control("hold")
    with nightly(simulated_portal, tmp_path) as process:
        until(lambda: has_arrived(simulated_portal))
        process.send_signal(signal.SIGTERM)
        read_until(process, STOPPING)
        simulated_portal.control("release")
        _, errors = process.communicate()
    assert process.returncode == 130, errors
    assert "The server refused the request with 400" in errors
    assert errors.splitlines()[-1].startswith("It was stopped. Run this again")


def test_a_second_signal_to_the_nightly_job_changes_nothing_and_one_to_the_program_drops_the_request(
    simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    simulated_portal.control("hold")
    with nightly(simulated_portal, tmp_path) as process:
        until(lambda: has_arrived(simulated_portal))
        process.send_signal(signal.SIGTERM)
        read_until(process, STOPPING)
        for _ in range(3):
            process.send_signal(signal.SIGTERM)
        time.sleep(0.2)  # nothing says that a signal was passed over
        chunks = Journal(tmp_path / "run.jsonl").chunks
        assert [(chunk.state, chunk.attempts) for chunk in chunks][:2] == [("in_flight", 1), ("in_flight", 0)]
        listed = subprocess.run(["ps", "-o", "pid=,ppid=", "-A"], capture_output=True, text=True, check=True).stdout
        (program,) = (int(pid) for pid, parent in map(str.split, listed.splitlines()) if int(parent) == process.pid)
        os.kill(program, signal.SIGTERM)
        _, errors = process.communicate()
    assert process.returncode == 3, errors
    assert len(Journal(tmp_path / "run.jsonl").undecided) == 100


def test_the_nightly_job_sends_nothing_where_its_journal_is_gone(
    simulated_portal: SimulatedPortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    init_journal_dir(tmp_path)
    monkeypatch.setenv("ADDEPAR_JOURNAL_DIR", str(tmp_path))
    for status, words in ((0, "All files are published."), (2, "Nothing was sent")):
        with nightly(simulated_portal, tmp_path) as process:
            _, errors = process.communicate()
        assert process.returncode == status, errors
        assert words in errors.splitlines()[-1]
        (tmp_path / "run.jsonl").unlink(missing_ok=True)
    assert simulated_portal.control("posts") == 3


@pytest.mark.parametrize("arguments", [(), ("files.csv",), ("files.csv", "run.jsonl", "more")])
def test_the_nightly_job_says_how_it_is_called(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", PUBLISH_SH, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"usage: sh {PUBLISH_SH} FILES.csv JOURNAL.jsonl\n"


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_nightly_job_runs_each_program_and_reads_a_list_from_standard_input(
    program: str, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    with nightly(simulated_portal, tmp_path, program=program, source="-") as process:
        _, errors = process.communicate()
    assert (process.returncode, errors.splitlines()[-1]) == (0, "All files are published.")
    assert simulated_portal.control("posts") == 3


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("number", SIGNALS)
def test_an_interrupt_awaits_the_answer_to_a_single_call(
    number: int, program: str, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    simulated_portal.control("hold")
    with started(simulated_portal, tmp_path, "publish", 37, *MODES, "--yes", program=program) as process:
        until(lambda: has_arrived(simulated_portal))
        process.send_signal(number)
        read_until(process, STOPPING)
        simulated_portal.control("release")
        _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert simulated_portal.published(37) == [1]


def test_an_interrupted_single_call_that_is_refused_has_the_status_of_its_answer(
    simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    simulated_portal.next_fault("status:400")
    simulated_portal.control("hold")
    with started(simulated_portal, tmp_path, "publish", 37, *MODES, "--yes") as process:
        until(lambda: has_arrived(simulated_portal))
        process.send_signal(signal.SIGTERM)
        read_until(process, STOPPING)
        simulated_portal.control("release")
        _, errors = process.communicate()
    assert process.returncode == 4, errors
    assert "The server refused the request with 400" in errors
    assert simulated_portal.control("posts") == 1


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_interrupt_drops_a_single_call(
    number: int, program: str, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    simulated_portal.control("hold")
    with started(simulated_portal, tmp_path, "publish", 37, *MODES, "--yes", program=program) as process:
        until(lambda: has_arrived(simulated_portal))
        process.send_signal(number)
        read_until(process, STOPPING)
        process.send_signal(number)
        _, errors = process.communicate()
    assert process.returncode == 3
    assert "1 file went to Addepar" in errors


def test_a_single_call_that_is_interrupted_is_not_tried_again(
    simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    simulated_portal.next_fault("answer", status=429, headers={"Retry-After": "3"}, after_ms=2000)
    with started(simulated_portal, tmp_path, "publish", 37, *MODES, "--yes") as process:
        until(lambda: has_arrived(simulated_portal))
        process.send_signal(signal.SIGTERM)
        read_until(process, STOPPING)
        _, errors = process.communicate()
    assert process.returncode == 130, errors
    assert simulated_portal.control("posts") == 1


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_interrupt_ends_a_wait_for_the_rate_limit(
    program: str, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    simulated_portal.next_fault("rate_limited", retry_after=3600)
    with started(simulated_portal, tmp_path, *BATCH, program=program) as process:
        read_until(process, "Waiting ")
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate()
    assert process.returncode == 130, errors
    assert simulated_portal.control("posts") == 1


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_that_has_not_begun_ends_by_the_signal(program: str, tmp_path: Path) -> None:
    """It reads its list of files."""
    with started(
        None, tmp_path, "publish", "--from", "-", *MODES, "--yes", program=program, stdin=subprocess.PIPE
    ) as process:
        assert process.stdin
        process.stdin.write("file_id\n")
        process.stdin.flush()
        until(lambda: pending(process.stdin) == 0)
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    assert process.returncode == -signal.SIGTERM


def pending(pipe: Any) -> int:
    """How many bytes nobody has read."""
    size = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, size)
    return size[0]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells which signals are ignored")
@pytest.mark.parametrize("program", PROGRAMS)
def test_nohup_lets_a_batch_survive_its_terminal(
    program: str, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    pexpect = pytest.importorskip("pexpect")
    simulated_portal.control("hold")
    child = pexpect.spawn(
        "nohup",
        [str(PROGRAMS[program]), *map(str, BATCH)],
        env=environment(simulated_portal),
        cwd=str(tmp_path),
        encoding="utf-8",
        timeout=60,
    )
    try:
        until(lambda: has_arrived(simulated_portal))
        child.kill(signal.SIGHUP)
        simulated_portal.control("release")
        child.expect(pexpect.EOF)
        child.wait()
    finally:
        child.close(force=True)
    assert child.exitstatus == 0
    assert len(Journal(tmp_path / "run.jsonl").report.succeeded) == 300


# --- Shells --------------------------------------------------------------------------------------------

# What is pressed, and what the shell makes of it.
COMPLETED = [
    ("addepar-portal resu\t", "addepar-portal resume"),
    ("addepar-portal publish --portal-publishing use\t", "--portal-publishing use_contact_preference"),
    ("addepar-portal journal resolve run.jsonl --not\t", "run.jsonl --not-published"),
    ("addepar-portal journal show only-one-fi\t", "show only-one-file.jsonl"),
]


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize(
    ("shell", "options"), [("bash", ("--norc", "--noprofile")), ("zsh", ("-f",)), ("fish", ("--no-config",))]
)
def test_a_shell_completes(shell: str, options: tuple[str, ...], program: str, run: Run, tmp_path: Path) -> None:
    pexpect = pytest.importorskip("pexpect")
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "only-one-file.jsonl").touch()
    script = run("completions", shell, program=program)
    assert (script.returncode, script.stderr) == (0, "")
    (tmp_path / "completions").write_text(script.stdout)
    programs = os.pathsep.join([str(PROGRAMS[program].parent), os.environ["PATH"]])
    child = pexpect.spawn(
        shell,
        list(options),
        env={**environment(), "PATH": programs, "TERM": "dumb", "HOME": str(tmp_path)},
        cwd=str(tmp_path),
        encoding="utf-8",
        timeout=60,
        dimensions=(24, 200),
    )
    try:
        child.sendline(". ./completions" if shell != "zsh" else "autoload -U compinit; compinit -D; . ./completions")
        child.sendline("echo is-''ready")
        child.expect("is-ready")
        for pressed, completed in COMPLETED:
            child.send(pressed)
            child.expect_exact(completed)
            child.sendcontrol("u")  # empties the line
    finally:
        child.close(force=True)


def test_what_a_shell_asks_for(run: Run) -> None:
    done = run("complete", 4, "publish", 37, "--contact-notification", "")
    assert done.stdout.split() == ["do_not_notify", "use_contact_preference", "notify"]
    assert run("completions", "powershell").stdout.startswith("Register-ArgumentCompleter ")
    assert "\n  complete " not in run("--help").stdout
    assert run("complete", 1, "--help").stdout == "--help\n"


# --- A portal to try things out on ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "number"),
    [("pip", signal.SIGHUP), ("npm", signal.SIGINT), ("npm", signal.SIGTERM), ("cargo", signal.SIGTERM)],
)
def test_a_simulated_portal_for_scripts(program: str, number: int, tmp_path: Path) -> None:
    simulate = ("simulate", "--fault", "status:403")
    with started(None, tmp_path, *simulate, program=program, stdout=subprocess.PIPE) as portal:
        assert portal.stdout
        exports = [portal.stdout.readline() for _ in range(5)]
        # Who pastes it may have settings of a real firm.
        script = f"export ADDEPAR_FIRM_NAME=examplefirm ADDEPAR_ACCESS_TOKEN=t\n{''.join(exports)}"
        script += f"{PROGRAMS[program]} publish 37 {' '.join(MODES)} --yes"
        shell = shutil.which("sh") or "sh"
        codes = [
            subprocess.run([shell, "-c", script], env=environment(), capture_output=True, check=False).returncode
            for _ in range(2)
        ]
        assert codes == [4, 0]
        portal.send_signal(number)
        _, errors = portal.communicate()
    assert portal.returncode == 0
    assert "received 2 POSTs and sent 1 e-mail." in errors


def test_contacts_of_a_simulated_portal_fail_as_asked(tmp_path: Path) -> None:
    failing = ("--files", "37:1+2,38:3", "--fail-publish", "38:3", "--fail-notify", "37:1+2")
    with started(None, tmp_path, "simulate", *failing, stdout=subprocess.PIPE) as portal:
        assert portal.stdout
        exports = "".join(portal.stdout.readline() for _ in range(4))
        script = exports + f"{PROGRAMS['pip']} publish 37 38 {' '.join(MODES)} --yes"
        done = subprocess.run(["sh", "-c", script], env=environment(), capture_output=True, text=True, check=False)
        assert done.returncode == 1
        portal.send_signal(signal.SIGTERM)
        _, errors = portal.communicate()
    assert done.stdout.splitlines()[1:] == [
        "  37  failed  yes           some or none  Notification failed for contacts [1,2].",
        "  38  failed  some or none  yes           Publish failed for contacts [3].",
        "2 failed (asked: publish, notify)",
    ]
    assert "It knows 2 files." in errors


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--files", "37"), "such as 37:1+2"),
        (("--files", "37:1+,38:3"), "such as 37:1+2"),
        (("--files", "37:1,37:2"), "`--files` must have each file once, and has 37 more than once"),
        (("--files", "37:1", "--fail-notify", "38:1"), "`--fail-notify` must name files of --files, not 38"),
        (("--fault", "hagn"), "hagn"),
    ],
)
def test_a_simulated_portal_that_cannot_be_is_refused(arguments: tuple[str, ...], words: str, run: Run) -> None:
    done = run("simulate", *arguments)
    assert (done.returncode, done.stdout, words in done.stderr) == (2, "", True), done.stderr


def test_an_experiment_that_fails_reaches_nothing_else(simulated_portal: SimulatedPortal, tmp_path: Path) -> None:
    """Who pastes it may have settings of a real firm."""
    script = (ROOT / "examples" / "command-line" / "experiment.sh").read_text()
    for slip in ("37=1", "99:1", "37:1 --fault hangs", "37:1 --port 80x"):
        done = subprocess.run(
            ["sh", "-c", script.replace("--fail-notify 37:1", f"--fail-notify {slip}")],
            env={
                **environment(simulated_portal),
                "PATH": os.pathsep.join([str(PROGRAMS["pip"].parent), os.environ["PATH"]]),
            },
            cwd=tmp_path,
            timeout=60,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "The firm is missing" in done.stderr, done.stderr
    assert simulated_portal.control("posts") == 0


def test_an_experiment_to_paste_into_a_shell(tmp_path: Path) -> None:
    script = ROOT / "examples" / "command-line" / "experiment.sh"
    programs = os.pathsep.join([str(PROGRAMS["pip"].parent), os.environ["PATH"]])
    done = subprocess.run(
        ["sh", script],
        env={**environment(), "PATH": programs},
        cwd=tmp_path,
        timeout=60,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Notification failed for contacts [1].") == 2, done.stdout
    assert done.stdout.endswith("1 ok, 1 failed (asked: publish, notify)\n")
    assert os.listdir(tmp_path) == []
