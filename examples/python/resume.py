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

from addepar_portal import PortalError, publish_batch

source, journal = map(Path, sys.argv[1:3])
with source.open(newline="", encoding="utf-8-sig") as lines:
    rows = csv.DictReader(lines)
    if "file_id" not in (rows.fieldnames or ()):
        sys.exit(f"{source} has no column file_id, but {rows.fieldnames}. Nothing was sent.")
    file_ids: list[str] = []
    for row in rows:
        if None in row:  # a comma too many puts another number in the place of the id
            sys.exit(f"{source}, line {rows.line_num}, has more values than the first line. Nothing was sent.")
        file_ids.append(row["file_id"])

try:
    report = publish_batch(
        file_ids,
        portal_publishing="publish",
        contact_notification="use_contact_preference",
        journal=journal,
        on_progress=print,
    )
except PortalError as error:
    if not error.undecided:
        sys.exit(str(error))  # it says what to do; then run this again
    # Some files may have been published. A person looks at each in Addepar; then, for example:
    #     Journal(error.journal).decide([38], "not_published", by="A. Smith", evidence="not in the portal")
    sys.exit(f"{error}\nTo be decided about, of this list: {', '.join(map(str, error.undecided))}")

print(report)
sys.exit(0 if report.ok else 1)
