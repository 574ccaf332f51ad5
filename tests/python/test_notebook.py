"""The example notebook, run from top to bottom as in Jupyter."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parent.parent.parent / "examples" / "python" / "notebook.ipynb"


def read() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]


def text_of(output: Any) -> str:
    text: str = output.get("text") or output.data.get("text/html") or output.data["text/plain"]
    return text


def test_the_notebook_is_kept_without_what_it_once_put_out() -> None:
    cells = [cell for cell in read().cells if cell.cell_type == "code"]
    assert [cell.outputs for cell in cells] == [[]] * len(cells)
    assert {cell.execution_count for cell in cells} == {None}


@pytest.mark.skipif(sys.platform == "win32", reason="kernels need another event loop there")
def test_the_notebook_shows_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
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

    table = of("report = client.publish_files(file_ids, **modes)\nreport")
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
    assert "Nothing was sent now." in of("except AlreadySentError")
    assert "may have been published and e-mailed (files 201, 202, 203)" in of("except OutcomeUnknownError")
    assert '<span class="unknown">3 unknown</span>' in of('journal = Journal("journals/letters.jsonl")')
    assert '<span class="soft">3 unknown, decided: published</span>' in of("journal.decide(")
    assert of("report.settled") == "True"
