"""The example notebook, run from top to bottom as in Jupyter."""

from __future__ import annotations

import csv
import os
import re
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from addepar_portal import init_journal_dir
from addepar_portal.testing import SimulatedPortal

NOTEBOOK = Path(__file__).parent.parent.parent / "examples" / "python" / "notebook.ipynb"


def read() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]


@pytest.mark.skipif(sys.platform == "win32", reason="kernels need another event loop there")
def test_an_error_in_a_cell_shows_the_cell_and_one_frame_of_this_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(tmp_path, monkeypatch)
    given = 'portal_publishing="publish", contact_notification="notify"'
    cells = {
        "from addepar_portal import *\nfrom addepar_portal.testing import SimulatedPortal": "",
        "portal = SimulatedPortal(); client = portal.client(); slow = portal.async_client()": "",
        f'client.publish_files("37", {given})': "InputError: `file_ids` must be a list of ids",
        f"publish_files([37, 37], client=client, {given})": "InputError: `file_ids` must have each id once",
        f'client.publish_batch([37], chunk_size="9", journal="a.jsonl", {given})': "TypeError: `chunk_size` must be",
        f"await publish_files_async([0], client=slow, {given})": "InputError: file_ids[0] is 0",
        f'portal.next_fault("status:500"); client.publish_files([37], {given})': "OutcomeUnknownError: ",
        f'portal.next_fault("status:500"); await slow.publish_files([37], {given})': "OutcomeUnknownError: ",
        f'PublishRequest("37", {given})': "InputError: `file_ids` must be a list of ids",
        "client.publish_files([37])": "TypeError: PortalClient.publish_files() missing 2 required",
        "PortalClient(timeot=5)": "TypeError: PortalClient() has no setting 'timeot'",
        'Journal("nowhere.jsonl")': "JournalError: ",
    }
    new: Any = nbformat.v4
    notebook = new.new_notebook(cells=[new.new_code_cell(source) for source in cells])
    client = NotebookClient(notebook, timeout=60, allow_errors=True, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    for cell, said in zip(notebook.cells, cells.values(), strict=True):
        (text,) = ["\n".join(output.traceback) for output in cell.outputs if "traceback" in output] or [""]
        text = re.sub(r"\x1b\[[0-9;]*m", "", text)
        assert said in text, text
        # The innermost frame is always shown.
        assert len(re.findall(r"^File .*addepar_portal/_", text, re.MULTILINE)) <= 1, text
        assert bool(said) == bool(text)


def prepare(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    monkeypatch.setenv("IPYTHONDIR", str(home / "ipython"))


def text_of(output: Any) -> str:
    text: str = output.get("text") or output.data.get("text/html") or output.data["text/plain"]
    return text


def test_the_notebook_is_kept_without_what_it_once_put_out() -> None:
    cells = [cell for cell in read().cells if cell.cell_type == "code"]
    assert [cell.outputs for cell in cells] == [[]] * len(cells)
    assert {cell.execution_count for cell in cells} == {None}


@pytest.mark.skipif(sys.platform == "win32", reason="kernels need another event loop there")
def test_the_notebook_shows_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(tmp_path, monkeypatch)
    notebook = read()
    # An error in any cell fails.
    NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown: dict[str, str] = {}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            shown[cell.source] = "".join(map(text_of, cell.outputs))
            assert not [output for output in cell.outputs if output.get("name") == "stderr"], cell.source

    def of(text: str) -> str:
        (found,) = (output for source, output in shown.items() if text in source)
        return found

    table = of("    report = refused.report\nreport")
    assert '<span class="failed">2 failed</span><span class="ok">3 ok</span>' in table
    joined = of("joined = report.join(statements)")
    for client in ("Birch LLC", "Dune Foundation", "Elm Partners"):
        assert client in joined
    for client in ("Ashby", "Cole", "Fern"):
        assert client not in joined
    assert "3 contacts missed something" in shown["report.failed_contacts()"]
    called = of('missed["advisor"] == "Okafor"')
    assert [name in called for name in ("Bea Birch", "Dan Dune", "Dora Dune")] == [True] * 3
    rows = list(csv.DictReader((tmp_path / "october.csv").open(newline="")))
    assert [row["contacts_not_published"] for row in rows] == ["", "", "", "5 6", ""]
    rows = list(csv.DictReader((tmp_path / "october-contacts.csv").open(newline="")))
    assert [row["contact_id_report"] for row in rows] == ["3", "5", "6"]
    assert "Nothing was sent now." in of("try:\n    client.publish_files(file_ids")
    assert "may have been published and e-mailed (files 201, 202, 203)" in of("except OutcomeUnknownError")
    assert '<span class="unknown">3 unknown</span>' in of("journal = Journal(letters)")
    assert '<span class="soft">3 unknown, decided: published</span>' in of("journal.decide(")
    assert of("report.settled") == "True"


@pytest.mark.skipif(sys.platform == "win32", reason="kernels need another event loop there")
def test_the_notebook_of_a_firm_sends_nothing_again_when_it_is_run_again(
    simulated_portal: SimulatedPortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(tmp_path, monkeypatch)
    # A kernel finds its own packages below its home as well.
    environ = {
        **os.environ,
        **simulated_portal.environ(),
        "HOME": str(tmp_path),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    shown: list[list[str]] = []
    for _ in range(2):
        notebook = read()
        practice = next(at for at, cell in enumerate(notebook.cells) if "is for practice alone" in cell.source)
        del notebook.cells[practice:]
        for cell in notebook.cells:
            cell.source = cell.source.replace("practice = True", "practice = False")
        client = NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(tmp_path)}})
        if not shown:
            with pytest.raises(CellExecutionError, match="ConfigError"):
                client.execute(env=environ)  # the folder is set up once, and by no notebook
            init_journal_dir(tmp_path / "addepar-journals")
        client.execute(env=environ)
        shown.append(["".join(map(text_of, cell.outputs)) for cell in notebook.cells if cell.cell_type == "code"])
    assert simulated_portal.control("posts") == 1
    first, again = ("".join(outputs) for outputs in shown)
    assert (first.count("Nothing was sent now."), again.count("Nothing was sent now.")) == (1, 2)
    assert '<span class="ok">5 ok</span>' in again
