"""A progress bar with tqdm: in a terminal and in a notebook alike."""

import tempfile
from pathlib import Path

from tqdm.auto import tqdm

from addepar_portal import Progress
from addepar_portal.testing import SimulatedPortal

file_ids = range(1, 1_001)
with SimulatedPortal() as portal, tempfile.TemporaryDirectory() as folder, tqdm(total=len(file_ids)) as bar:

    def show(progress: Progress) -> None:
        bar.set_postfix(failed=progress.failed, waiting=progress.waiting)  # pyright: ignore[reportUnknownMemberType]
        bar.update(progress.total - progress.not_processed - bar.n)

    report = portal.client().publish_batch(
        file_ids,
        portal_publishing="publish",
        contact_notification="do_not_notify",
        journal=Path(folder) / "run.jsonl",
        on_progress=show,
    )
print(report)
