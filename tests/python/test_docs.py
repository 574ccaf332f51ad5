"""What the README and the guide say: their code is run, their links lead somewhere, their lists are the program's.

A block of Python or shell runs by itself, in a folder and with a simulated portal of its own. `<!-- not run: WHY -->`
in the line before a block says that it cannot. Blocks for Node are run by tests/node/docs.test.mjs, those for Rust are
compiled by core/src/lib.rs.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, get_args

import pytest

import addepar_portal
from addepar_portal import PortalError, Progress, _aliases, init_journal_dir
from addepar_portal._native import error_kinds
from addepar_portal.testing import SimulatedPortal

ROOT = Path(__file__).parent.parent.parent
GUIDE = ROOT / ".docs" / "pages"
PAGES = [ROOT / "README.md", *sorted(GUIDE.rglob("*.md"))]
OTHERS = [ROOT / f"{name}.md" for name in ("ARCHITECTURE", "CHANGELOG", "CONTRIBUTING", "SECURITY")]

RUN = {"python", "js", "rust", "sh"}
SHOWN = {"text", "json"}
FENCE = re.compile(r"(?P<not_run><!-- not run: .+ -->\n)?```(?P<language>\w*)[,\w]*\n(?P<code>.*?)```", re.DOTALL)


class Block(NamedTuple):
    name: str
    language: str
    code: str
    is_run: bool


def blocks() -> Iterator[Block]:
    for page in PAGES:
        for number, found in enumerate(FENCE.finditer(page.read_text("utf-8")), 1):
            yield Block(f"{page.stem}-{number}", found["language"], found["code"], found["not_run"] is None)


def of(language: str) -> list[object]:
    return [
        pytest.param(block.code, id=block.name) for block in blocks() if block.language == language and block.is_run
    ]


@pytest.fixture
def folder(simulated_portal: SimulatedPortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the pages take for granted: a folder of journals and a list of files."""
    for name, value in simulated_portal.environ().items():
        monkeypatch.setenv(name, value)
    init_journal_dir(tmp_path / "journals")
    (tmp_path / "files.csv").write_text("client,file_id\nAshby,37\nBirch LLC,38\n")
    return tmp_path


def stopped_batch(portal: SimulatedPortal, journal: Path) -> None:
    """The journal `journals/october.jsonl` of the guide: its batch stopped at the files 101, 102 and 103."""

    def lose_the_second_chunk(progress: Progress) -> None:
        if progress.not_processed == 6:
            portal.next_fault("status:503")

    with pytest.raises(PortalError) as caught:
        portal.client().publish_batch(
            range(98, 107),
            portal_publishing="publish",
            contact_notification="notify",
            journal=journal,
            chunk_size=3,
            on_progress=lose_the_second_chunk,
        )
    assert caught.value.undecided == (101, 102, 103)


def run(folder: Path, portal: SimulatedPortal, command: list[str], code: str) -> None:
    if "october.jsonl" in code and not re.search(r"publish_batch\(|\bpublish --|\bforget\b", code):
        stopped_batch(portal, folder / "journals" / "october.jsonl")
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [*command, code],
        env={**os.environ, "PATH": programs},
        cwd=folder,
        timeout=60,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("code", of("python"))
def test_python_on_the_pages_runs(code: str, folder: Path, simulated_portal: SimulatedPortal) -> None:
    run(folder, simulated_portal, [sys.executable, "-c"], code)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no sh")
@pytest.mark.parametrize("code", of("sh"))
def test_shell_on_the_pages_runs(code: str, folder: Path, simulated_portal: SimulatedPortal) -> None:
    run(folder, simulated_portal, ["sh", "-ec"], code)


def test_each_block_is_run_or_only_shown() -> None:
    assert {block.language for block in blocks()} <= RUN | SHOWN


def test_rust_on_the_pages_is_compiled() -> None:
    compiled = (ROOT / "core" / "src" / "lib.rs").read_text("utf-8")
    for page in PAGES[1:]:
        if "```rust" in page.read_text("utf-8"):
            assert f'include_str!("../../{page.relative_to(ROOT).as_posix()}")' in compiled


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as the site and hosts of repositories make them."""
    text = FENCE.sub("", page.read_text("utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*PAGES, *OTHERS], ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text("utf-8"))
    for link in re.findall(r"\]\((?!https:)([^)\s]*)\)", text):
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_each_page_is_in_the_contents() -> None:
    contents = (ROOT / ".docs" / "mkdocs.yml").read_text("utf-8")
    for page in PAGES[1:]:
        assert f": {page.relative_to(GUIDE).as_posix()}\n" in contents


def page(name: str) -> str:
    return (GUIDE / name).read_text("utf-8")


def test_the_python_reference_has_each_public_name() -> None:
    listed = re.findall(r"^::: addepar_portal\.(\w+)$", page("reference/python.md"), re.MULTILINE)
    assert sorted(listed) == sorted(set(addepar_portal.__all__) - {"__version__"})


def test_the_page_of_errors_has_those_of_the_core() -> None:
    sections = re.findall(r"^## (ERR_\w+)\n\n`(\w+)`", page("reference/errors.md"), re.MULTILINE)
    assert sections == error_kinds()


def test_each_language_and_the_page_of_errors_have_the_reasons_of_the_core() -> None:
    table = (ROOT / "core" / "src" / "error.rs").read_text("utf-8").partition("journal_reasons! {\n")[2]
    reasons = re.findall(r'^    \w+ = "(\w+)",$', table.partition("\n}\n")[0], re.MULTILINE)
    assert list(get_args(_aliases.JournalReason)) == reasons
    wire = (ROOT / "bindings-node" / "ts" / "wire.ts").read_text("utf-8")
    assert re.findall(r"'(\w+)'", wire.partition("type JournalReason =")[2].partition(";")[0]) == reasons
    rows = page("reference/errors.md").partition("| `reason` |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", rows, re.MULTILINE) == reasons


def test_the_page_of_exit_statuses_has_those_of_the_program() -> None:
    program = Path(sys.executable).parent / "addepar-portal"
    helped = subprocess.run([program, "--help"], timeout=60, capture_output=True, text=True, check=True).stdout
    listed = re.findall(r"^  (\d+) {2,}", helped.partition("Exit status:")[2], re.MULTILINE)
    assert re.findall(r"^\| (\d+) \|", page("reference/exit-statuses.md"), re.MULTILINE) == listed


def test_the_page_of_settings_has_each_variable() -> None:
    table = (ROOT / "core" / "src" / "config" / "environment.rs").read_text("utf-8")
    variables = set(re.findall(r'^    [A-Z_]+ = "([A-Z_]+)";$', table, re.MULTILINE))
    # Those of test runners are the guard's.
    wanted = {name for name in variables if name.startswith("ADDEPAR_") or name.endswith(("PROXY", "BUNDLE", "CERTS"))}
    assert wanted <= set(re.findall(r"`([A-Z_]+)`", page("reference/settings.md")))


def test_the_page_of_faults_has_those_of_the_portal(simulated_portal: SimulatedPortal) -> None:
    with pytest.raises(ValueError, match="must be one of") as refused:
        simulated_portal.next_fault("nonsense")
    known = set(re.findall(r"`(\w+)`", str(refused.value).partition("must be one of")[2]))
    rows = re.findall(r"^\| (`[^|]+) \|", page("guide/testing.md").partition("## Faults")[2], re.MULTILINE)
    listed = {name for row in rows for name in re.findall(r"`(\w+)(?::NNN)?`", re.sub(r"\(.+?\)", "", row))}
    assert listed == known


def test_the_page_of_the_journal_has_each_kind_of_line() -> None:
    record = (ROOT / "core" / "src" / "journal" / "record.rs").read_text("utf-8")
    variants = record.partition("enum Record {")[2].partition("\n}")[0]
    names = re.findall(r"^    ([A-Z]\w+)(?:\(| \{)", variants, re.MULTILINE)
    kinds = [re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower() for name in names]
    sections = re.findall(r"^## ([a-z_]+)$", page("reference/journal-format.md"), re.MULTILINE)
    assert sections == kinds
