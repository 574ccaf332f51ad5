"""The workers of other engines: Dask, Celery, and Airflow's tasks without Airflow."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from celery.contrib.testing.worker import start_worker
from distributed import Client, LocalCluster

from addepar_portal import Journal, OutcomeUnknownError, PublishReport
from addepar_portal.testing import SimulatedPortal

EXAMPLES = Path(__file__).parents[2] / "examples" / "python"

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


@pytest.fixture
def environment(simulated_portal: SimulatedPortal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name, value in {**simulated_portal.environ(), "JOURNALS": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    yield


def example(name: str) -> ModuleType:
    """An example as a module that other processes can import as well."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def posts(portal: SimulatedPortal) -> int:
    return sum(request["method"] == "POST" for request in portal.requests)


@pytest.fixture
def dask(environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    # Workers are processes of their own: they find the example and the portal through the environment.
    monkeypatch.setenv("PYTHONPATH", str(EXAMPLES))
    cluster = LocalCluster(n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address=None)
    with cluster, Client(cluster) as client:
        yield client


def test_dask_gets_reports_and_errors_back_whole(
    dask: Client, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    workers = example("dask_workers")
    simulated_portal.fail_notify(2, [1])
    report = dask.submit(workers.publish, [1, 2], str(tmp_path / "east.jsonl"), pure=False).result()
    assert isinstance(report, PublishReport)
    assert [file.state for file in report] == ["ok", "failed"]
    simulated_portal.next_fault("status:503")
    lost = dask.submit(workers.publish, [3], str(tmp_path / "west.jsonl"), pure=False).exception()
    assert isinstance(lost, OutcomeUnknownError)
    assert (lost.undecided, lost.journal) == ((3,), str(tmp_path / "west.jsonl"))
    assert lost.report is not None
    assert lost.report.file(3).state == "unknown"


def test_dask_sends_a_part_once_however_often_it_runs(
    dask: Client, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    workers = example("dask_workers")
    parts = {"east": range(1, 151), "west": [201]}
    first = workers.publish_parts(dask, parts, tmp_path)
    assert [len(report) for report in first.values()] == [150, 1]
    assert workers.publish_parts(dask, parts, tmp_path) == first
    assert posts(simulated_portal) == 3
    simulated_portal.next_fault("close_before_answer")
    for _ in range(2):  # the second time the journal waits for a decision
        assert workers.publish_parts(dask, {"north": [301]}, tmp_path)["north"].undecided == (301,)
    assert posts(simulated_portal) == 4


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

def get_current_context():
    return {"run_id": os.environ["RUN"]}
"""


def test_airflow_sends_the_files_of_a_run_once(
    environment: None, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    package = tmp_path / "airflow"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "sdk.py").write_text(AIRFLOW)
    variables: dict[str, Any] = {**os.environ, "PYTHONPATH": str(tmp_path), "RUN": "manual__2026-11-26T08:00:00+00:00"}
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, EXAMPLES / "airflow_dag.py"],
            env=variables,
            timeout=60,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "2 ok" in done.stdout
    assert posts(simulated_portal) == 1
    assert [path.name for path in tmp_path.glob("*.jsonl")] == ["manual--2026-11-26T08-00-00-00-00.jsonl"]
