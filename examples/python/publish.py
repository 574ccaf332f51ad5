"""Publishes the files named on the command line.

The firm, its key and the folder of journals come from the environment; files that were sent before are refused.
`addepar-portal journal init` sets such a folder up once.

    ADDEPAR_JOURNAL_DIR=/srv/journals ADDEPAR_FIRM_NAME=examplefirm ADDEPAR_FIRM_ID=1234 \\
        ADDEPAR_KEY_ID=… ADDEPAR_KEY_SECRET=… python publish.py 37 38 39
"""

import sys

from addepar_portal import PortalError, publish_files

try:
    report = publish_files(sys.argv[1:], portal_publishing="publish", contact_notification="use_contact_preference")
except PortalError as error:
    # It says what became of the files and what to do; of many files it names the first ones.
    check = f"\nFiles to check: {', '.join(map(str, error.undecided))}" if error.undecided else ""
    sys.exit(f"{error.code}: {error}{check}")

print(report)
sys.exit(0 if report.ok else 1)
