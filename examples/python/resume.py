"""Publishes the files of a list in a batch that may be stopped at any time: run again, it continues where it ended.

    python resume.py october.csv october.jsonl

The list is a CSV in UTF-8, with commas and a column `file_id`. The firm and its key come from the environment.

It continues as long as the journal is there. Set ADDEPAR_JOURNAL_DIR to a folder that `addepar-portal journal init` set
up once, on a disk that outlives the job, and keep the journal in it: one that is gone is missed then, and nothing is
sent.
"""

import csv
import sys
from pathlib import Path

from addepar_portal import Journal, JournalError, OutcomeUnknownError, PortalError, publish_batch

source, journal = map(Path, sys.argv[1:3])
with source.open(newline="", encoding="utf-8-sig") as lines:
    rows = csv.DictReader(lines)
    if "file_id" not in (rows.fieldnames or ()):
        sys.exit(f"{source} has no column file_id, but {rows.fieldnames}. Nothing was sent.")
    file_ids = [row["file_id"] for row in rows]

try:
    report = publish_batch(
        file_ids,
        portal_publishing="publish",
        contact_notification="use_contact_preference",
        journal=journal,
        on_progress=print,
    )
except (OutcomeUnknownError, JournalError) as error:
    if not journal.exists() or not (undecided := Journal(journal).undecided):
        sys.exit(str(error))
    # Some files may have been published. A person looks at each in Addepar; then, for example:
    #     Journal(journal).decide([38], "not_published", by="A. Smith", evidence="not in the portal")
    sys.exit(f"{error}\nTo be decided about: {', '.join(map(str, undecided))}")
except PortalError as error:
    sys.exit(str(error))  # nothing of this chunk was processed: fix the reason, then run this again

print(report)
sys.exit(0 if report.ok else 1)
