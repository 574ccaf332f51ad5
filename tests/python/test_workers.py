"""The workers of other engines: Dask, Celery, and Airflow's tasks without Airflow."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from celery.contrib.testing.worker import start_worker  # type: ignore[import-untyped]

from addepar_portal import Journal, PublishReport, init_journal_dir
from addepar_portal.testing import SimulatedPortal

EXAMPLES = Path(__file__).parents[2] / "examples" / "python"

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


@pytest.fixture
def environment(simulated_portal: SimulatedPortal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {**simulated_portal.environ(), "JOURNALS": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    init_journal_dir(tmp_path)


def example(name: str) -> ModuleType:
    """An example as a module."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def posts(portal: SimulatedPortal) -> int:
    return sum(request["method"] == "POST" for request in portal.requests)


def run(name: str, folder: Path, **variables: str) -> str:
    """What an example prints, run in a folder."""
    done = subprocess.run(
        [sys.executable, EXAMPLES / f"{name}.py"],
        env={**os.environ, **variables},
        cwd=folder,
        timeout=120,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_dask_sends_a_part_once_however_often_it_runs(
    environment: None, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    simulated_portal.fail_publish(2, [1])
    outputs = [run("dask_workers", tmp_path) for _ in range(2)]
    assert outputs[0] == outputs[1]
    assert "east: 149 ok, 1 failed" in outputs[0]
    assert "west: 2 ok" in outputs[0]
    assert posts(simulated_portal) == 3


def test_dask_gets_an_error_back_with_its_report(
    environment: None, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    simulated_portal.next_fault("close_before_answer")
    for said in ("100 files went to Addepar", "waits for a decision"):
        output = run("dask_workers", tmp_path)
        assert said in output
        assert "east: 100 unknown, 50 not_processed" in output
        assert posts(simulated_portal) == 2
    assert Journal(tmp_path / "journals" / "east.jsonl").undecided == tuple(range(1, 101))


def test_celery_sends_a_publication_once_however_often_it_is_delivered(
    environment: None, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    tasks = example("celery_tasks")
    with start_worker(tasks.app, pool="solo", perform_ping_check=False, shutdown_timeout=60):
        simulated_portal.fail_publish(2, [1])
        reports = [tasks.publish.delay("october", [1, 2]).get(timeout=60) for _ in range(2)]
        assert reports[0] == reports[1]
        assert [file.state for file in PublishReport.from_json(reports[0])] == ["ok", "failed"]
        assert posts(simulated_portal) == 1
        simulated_portal.next_fault("status:503")
        lost = [PublishReport.from_json(tasks.publish.delay("november", [3]).get(timeout=60)) for _ in range(2)]
        assert [report.undecided for report in lost] == [(3,), (3,)]
        assert posts(simulated_portal) == 2
    Journal(tmp_path / "november.jsonl").decide([3], "published", by="A. Smith")


def test_celery_fails_a_task_whose_settings_are_wrong(
    environment: None, simulated_portal: SimulatedPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = example("celery_tasks")
    monkeypatch.setenv("ADDEPAR_KEY_SECRET", "another")
    with start_worker(tasks.app, pool="solo", perform_ping_check=False, shutdown_timeout=60):
        refused = PublishReport.from_json(tasks.publish.delay("october", [1]).get(timeout=60))
        assert refused.file(1).state == "not_processed"
        monkeypatch.setenv("ADDEPAR_FIRM_ID", "")
        with pytest.raises(Exception, match="firm"):
            tasks.publish.delay("october", [1]).get(timeout=60)
    assert simulated_portal.outbox == []


# What a DAG needs of Airflow, each task run at once.
AIRFLOW = """
import os

def task(function=None, **options):
    return function if function else lambda function: function

def dag(**options):
    return task

class ti:
    dag_id, task_id, map_index = "october_statements", os.environ["TASK"], int(os.environ["MAPPED"])
    run_id = "manual__2026-11-26T08:00:00+00:00"

def get_current_context():
    return {"ti": ti}
"""


def test_airflow_sends_the_files_of_a_run_once(
    environment: None, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    package = tmp_path / "airflow"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "sdk.py").write_text(AIRFLOW)
    for task, mapped in (("publish", "-1"), ("publish", "-1"), ("publish_letters", "-1"), ("publish", "0")):
        journals = tmp_path / f"{task}{mapped}"  # each sends the same files
        init_journal_dir(journals)
        variables = {"JOURNALS": str(journals), "TASK": task, "MAPPED": mapped}
        output = run("airflow_dag", tmp_path, PYTHONPATH=str(tmp_path), **variables)
        assert "2 ok" in output
    assert posts(simulated_portal) == 3
    assert {path.name for path in tmp_path.glob("*/*.jsonl")} == {
        "october_statements@publish@manual__2026-11-26T08-00-00-00-00.jsonl",
        "october_statements@publish_letters@manual__2026-11-26T08-00-00-00-00.jsonl",
        "october_statements@publish@manual__2026-11-26T08-00-00-00-00@0.jsonl",
    }
