"""A whole script: publishes 100 files and says which failed. Credentials come from the environment."""

import sys

from addepar_portal import PortalClient

client = PortalClient(base_url=sys.argv[1])
report = client.publish_files(range(1, 101), portal_publishing="publish", contact_notification="do_not_notify")
print([file.file_id for file in report.failed])
