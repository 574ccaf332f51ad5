"""Publishes in Celery tasks. The firm and its key come from the environment of each worker.

    pip install addepar-portal celery && celery --app celery_tasks worker

Brokers deliver a task again when a worker is lost, so a task must be safe to run twice: each publication has a name
and a journal of that name, in a folder that all workers share. Run again, it sends only what is left; files whose
outcome is unknown wait for a person. Ids go to the worker as JSON, and the JSON of the report comes back, also where
the publication did not end well: of an error, Celery keeps the class and the message alone.

JOURNALS names the folder, on a disk that outlives the workers: `addepar-portal journal init` sets it up once. A journal
that is gone is missed, and nothing is sent.
"""

from __future__ import annotations

import os
from pathlib import Path

from celery import Celery  # type: ignore[import-untyped]

from addepar_portal import PortalClient, PortalError, PublishReport, init_journal_dir

JOURNALS = Path(os.environ.get("JOURNALS", "journals"))
app = Celery(
    "celery_tasks",
    broker=os.environ.get("CELERY_BROKER", "memory://"),
    backend=os.environ.get("CELERY_BACKEND", "cache+memory://"),
)


# No `autoretry_for`: nothing that may have been published is tried again. The rate limit is the firm's, not a worker's.
@app.task(max_retries=0)  # type: ignore[untyped-decorator,unused-ignore]
def publish(name: str, file_ids: list[int]) -> str:
    """The JSON of the report; `PublishReport.from_json` reads it."""
    # Made here: a client holds credentials, and cannot be sent. One that a worker's processes inherit is safe as well.
    with PortalClient(journal_dir=JOURNALS) as client:
        try:
            report = client.publish_batch(
                file_ids,
                portal_publishing="publish",
                contact_notification="use_contact_preference",
                journal=JOURNALS / f"{name}.jsonl",
            )
        except PortalError as error:
            if error.report is None:
                raise  # the settings are wrong: nothing was sent
            print(error)  # it says what to do
            report = error.report
    return report.to_json()


if __name__ == "__main__":
    # A worker in this process, in the place of `celery worker` and a broker.
    from celery.contrib.testing.worker import start_worker  # type: ignore[import-untyped]

    init_journal_dir(JOURNALS)  # for this experiment; otherwise once, by hand
    with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=60):
        # Delivered twice, sent once.
        for _ in range(2):
            result = publish.delay("october", list(range(1, 151)))
            print(PublishReport.from_json(result.get(timeout=60)))
