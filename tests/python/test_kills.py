"""Processes that are killed at any moment and resumed: each file is published once, each contact told once.

A request whose process was killed is unknown. Here the portal's own record decides about its files, as a person would
who looks at Addepar once it is done with the request.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from addepar_portal import Journal
from addepar_portal.testing import SimulatedPortal

ROOT = Path(__file__).parents[2]
PROGRAM = Path(sys.executable).parent / "addepar-portal"
NODE_PACKAGE = ROOT / ".test" / "npm"  # where the tarball is installed
FILES = range(1, 2_001)
CONTACTS = {file: [file % 7 + 1, file % 11 + 100] for file in FILES}

PYTHON = """
import sys
from addepar_portal import JournalError, OutcomeUnknownError, publish_batch
try:
    publish_batch(range(1, 2001), journal=sys.argv[1], portal_publishing="publish", contact_notification="notify")
except (JournalError, OutcomeUnknownError):
    sys.exit(3)
"""

NODE = """
import { JournalError, OutcomeUnknownError, publishBatch } from 'addepar-portal';
const ids = Array.from({ length: 2000 }, (_, position) => position + 1);
const modes = { portalPublishing: 'publish', contactNotification: 'notify' };
try {
  await publishBatch(ids, { ...modes, journal: process.argv[1] });
} catch (error) {
  if (!(error instanceof JournalError || error instanceof OutcomeUnknownError)) throw error;
  process.exitCode = 3;
}
"""

NODE_DECIDES = """
import { Journal } from 'addepar-portal';
const [path, decision, ids] = process.argv.slice(1);
new Journal(path).decide(JSON.parse(ids), decision, { by: 'A. Person', evidence: new Date().toISOString() });
"""


def decide_in_python(journal: Path, files: list[int], published: bool) -> None:
    evidence = datetime.now(timezone.utc).isoformat()
    Journal(journal).decide(files, "published" if published else "not_published", by="A. Person", evidence=evidence)


def decide_in_node(journal: Path, files: list[int], published: bool) -> None:
    decision = "published" if published else "not_published"
    subprocess.run([*node(NODE_DECIDES), journal, decision, json.dumps(files)], check=True, cwd=NODE_PACKAGE)


def decide_at_the_command_line(journal: Path, files: list[int], published: bool) -> None:
    verdict = "--published" if published else "--not-published"
    ids = ",".join(map(str, files))
    who = ("--by", "A. Person", "--evidence", datetime.now(timezone.utc).isoformat())
    resolve = ("journal", "resolve", journal, verdict, "--files", ids, *who)
    subprocess.run([PROGRAM, *resolve], check=True, stdout=subprocess.DEVNULL)


def node(script: str) -> list[str]:
    return [shutil.which("node") or "node", "--input-type=module", "--eval", script]


class Host(NamedTuple):
    """A way to run the batch: what follows the command is the path of the journal."""

    command: Callable[[Path], Iterable[str | Path]]
    decide: Callable[[Path, list[int], bool], None]
    longest: float
    """Seconds within which it is killed: about as long as it takes."""


def at_the_command_line(journal: Path) -> list[str | Path]:
    files = journal.with_name("files.csv")
    files.write_text("file_id\n" + "\n".join(map(str, FILES)))
    modes = ("--portal-publishing", "publish", "--contact-notification", "notify")
    return [PROGRAM, "publish", "--from", files, *modes, "--journal", journal, "--yes"]


HOSTS = {
    "python": Host(lambda journal: [sys.executable, "-c", PYTHON, journal], decide_in_python, 0.5),
    "node": Host(lambda journal: [*node(NODE), journal], decide_in_node, 0.6),
    "command line": Host(at_the_command_line, decide_at_the_command_line, 0.5),
}


def run(host: Host, portal: SimulatedPortal, journal: Path, kill_after: float | None) -> int | None:
    """Its exit status; None: it was killed."""
    environment = {**os.environ, **portal.environ(), "ADDEPAR_PORTAL_LIVE": "0"}
    with subprocess.Popen(
        [*host.command(journal)],
        env=environment,
        cwd=NODE_PACKAGE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            return process.wait(kill_after or 60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            assert kill_after, "it hangs"
            return None


def come_to_rest(portal: SimulatedPortal) -> None:
    """Waits until the portal is done with all that was sent to it, by the dead as well."""
    with contextlib.suppress(HTTPError):
        # It accepts in turn: once it answers this, it has accepted whatever came before.
        urlopen(portal.base_url, timeout=60)
    deadline = time.monotonic() + 60
    while portal.control("connections")["open"]:
        assert time.monotonic() < deadline, "the portal does not come to rest"
        time.sleep(0.001)


def publish_all(host: Host, folder: Path, chance: random.Random, most_kills: int) -> int:
    """Brings one batch to its end, and tells how often it was killed on the way."""
    journal = folder / "run.jsonl"
    kills = 0
    faults: list[object] = [
        {"name": "drip", "every_ms": 0, "bytes": 1_000_000, "times": chance.randint(1, 19)},
        "half_done",
    ]
    with SimulatedPortal(files=CONTACTS, delay_ms=10, faults=faults) as portal:
        for _ in range(200):
            status = run(host, portal, journal, chance.uniform(0, host.longest) if kills < most_kills else None)
            kills += status is None
            # 1: all is settled, and a person decided about some file.
            if status in {0, 1} and Journal(journal).report.settled:
                break
            come_to_rest(portal)
            undecided = Journal(journal).undecided if journal.exists() else ()
            for published in (True, False):
                if files := [file for file in undecided if bool(portal.published(file)) == published]:
                    host.decide(journal, files, published)
        else:
            pytest.fail("the batch comes to no end")
        told = Counter((email["contact"], file) for email in portal.outbox for file in email["files"])
        assert told == {(contact, file): 1 for file in FILES for contact in CONTACTS[file]}
    end = Journal(journal)
    assert end.undecided == ()
    assert {file.state for file in end.files if file.decision != "published"} == {"ok"}
    assert subprocess.run([PROGRAM, "journal", "audit", folder], stdout=subprocess.DEVNULL, check=False).returncode == 0
    return kills


def kill(host: str, kills: int, folder: Path) -> None:
    chance = random.Random(f"{host} {kills}")
    killed = batches = 0
    while killed < kills:
        batch = folder / f"{host} {batches}"
        batch.mkdir()
        killed += publish_all(HOSTS[host], batch, chance, kills - killed)
        batches += 1


@pytest.mark.parametrize("kills", [20, pytest.param(200, marks=pytest.mark.long)])
def test_a_batch_that_is_killed_at_any_moment_is_published_once(kills: int, tmp_path: Path) -> None:
    """In every host, which all run at once."""
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(kill, host, kills, tmp_path) for host in HOSTS]:
            done.result()
