"""An Airflow DAG that publishes the files of its run. The firm and its key come from the environment of the worker.

Airflow runs a task again when somebody clears it, and when a worker is lost. So the task has no retries, and a journal
of its own in a folder that all workers share, named by DAG, task and run: run again, it sends only what is left, and
files whose outcome is unknown wait for a person. Between tasks go plain values: ids, and the JSON of the report.

JOURNALS names the folder, on a disk that outlives the workers: `addepar-portal journal init` sets it up once. A journal
that is gone is missed, and nothing is sent.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from airflow.sdk import dag, get_current_context, task  # type: ignore[import-not-found,unused-ignore]

from addepar_portal import PortalClient, PublishReport

JOURNALS = Path(os.environ.get("JOURNALS", "journals"))


def name_of_task() -> str:
    """The same whenever this task of this run is run again, and another for every other task."""
    ti = get_current_context()["ti"]
    parts = [ti.dag_id, ti.task_id, ti.run_id, *([str(ti.map_index)] if ti.map_index >= 0 else [])]
    return "@".join(re.sub(r"[^\w.-]", "-", part, flags=re.ASCII) for part in parts)


@task  # type: ignore[untyped-decorator,unused-ignore]
def find_files() -> list[int]:
    """Which files this run is about, from wherever you know it."""
    return [37, 38]


@task(retries=0)  # type: ignore[untyped-decorator,unused-ignore]
def publish(file_ids: list[int]) -> str:
    """The JSON of the report. An error fails the task, and its message says what to do; then clear the task."""
    with PortalClient(journal_dir=JOURNALS) as client:
        report = client.publish_batch(
            file_ids,
            portal_publishing="publish",
            contact_notification="use_contact_preference",
            journal=JOURNALS / f"{name_of_task()}.jsonl",
        )
    return report.to_json()


@task  # type: ignore[untyped-decorator,unused-ignore]
def tell(report_json: str) -> None:
    """What somebody has to look at."""
    report = PublishReport.from_json(report_json)
    print(report)
    for file in report.failed:
        print(file.file_id, [error.detail for error in file.errors])


@dag(schedule=None, catchup=False)  # type: ignore[untyped-decorator,unused-ignore]
def publish_statements() -> None:
    """Publishes the statements of one run."""
    tell(publish(find_files()))


publish_statements()
