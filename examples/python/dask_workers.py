"""Publishes from the workers of a Dask cluster. The firm and its key come from the environment of each worker.

    pip install addepar-portal distributed && python dask_workers.py

Dask runs a task again when its worker is lost, so a part must be safe to run twice: each has a journal of its own, in a
folder that all workers share. Run again, it sends only what is left; files whose outcome is unknown wait for a person.
A worker makes its own client; ids go to it, reports and errors come back whole.

The folder is on a disk that outlives the workers: `addepar-portal journal init` sets it up once. A journal that is gone
is missed, and nothing is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from distributed import Client, LocalCluster

from addepar_portal import PortalClient, PortalError, PublishReport, init_journal_dir


def publish(file_ids: Sequence[int], journal: Path) -> PublishReport:
    """Publishes one part. Its client is made here: a client holds credentials, and cannot be sent."""
    with PortalClient(journal_dir=journal.parent) as client:
        return client.publish_batch(
            file_ids, portal_publishing="publish", contact_notification="use_contact_preference", journal=journal
        )


def publish_parts(dask: Client, parts: dict[str, Sequence[int]], journals: Path) -> dict[str, PublishReport]:
    """What became of each part, by its name. The rate limit is the firm's: one part after the other."""
    reports = {}
    for name, file_ids in parts.items():
        # Not `pure`: Dask must not take the result of an earlier call for this one's. No retries: a journal waits for a
        # person, not for another try.
        running = dask.submit(publish, file_ids, journals / f"{name}.jsonl", pure=False, retries=0)
        try:
            reports[name] = running.result()
        except PortalError as error:
            if error.report is None:
                raise  # the settings are wrong: nothing was sent
            print(f"{name}: {error}")
            reports[name] = error.report
    return reports


if __name__ == "__main__":
    journals = Path("journals")
    init_journal_dir(journals)  # for this experiment; otherwise once, by hand
    local = {"n_workers": 2, "threads_per_worker": 1, "host": "127.0.0.1", "dashboard_address": None}
    with LocalCluster(**local) as cluster, Client(cluster) as dask:  # type: ignore[no-untyped-call]
        for name, report in publish_parts(dask, {"east": range(1, 151), "west": [201, 202]}, journals).items():
            print(f"{name}: {report}")
