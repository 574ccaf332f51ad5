"""A whole script: publishes 100 files and says which failed. Credentials come from the environment."""

import os
import sys

from addepy import AddePy

client = AddePy(
    base_url=f"{sys.argv[1]}/v1",
    firm_id=os.environ["ADDEPAR_FIRM_ID"],
    key_id=os.environ["ADDEPAR_KEY_ID"],
    key_secret=os.environ["ADDEPAR_KEY_SECRET"],
)
rows = client.admin.client_portal.publish_files(
    list(range(1, 101)), portal_publishing="publish", contact_notification="do_not_notify"
)
results = [row["attributes"] for row in rows]
print([result["file_id"] for result in results if {result["publish_status"], result["notify_status"]} != {"success"}])
