"""A whole script: publishes 100 files and says which failed. Credentials come from the environment."""

import os
import sys

import httpx

MEDIA_TYPE = "application/vnd.api+json"

response = httpx.post(
    sys.argv[1] + "/v1/portal/publish_files",
    auth=(os.environ["ADDEPAR_KEY_ID"], os.environ["ADDEPAR_KEY_SECRET"]),
    headers={"Accept": MEDIA_TYPE, "Content-Type": MEDIA_TYPE, "Addepar-Firm": os.environ["ADDEPAR_FIRM_ID"]},
    json={
        "data": {
            "type": "publish_portal_files_request",
            "attributes": {
                "files_id": list(range(1, 101)),
                "portal_publishing": "PUBLISH",
                "contact_notification": "DO_NOT_NOTIFY",
            },
        }
    },
    timeout=90,
)
response.raise_for_status()
results = [row["attributes"] for row in response.json()["data"]]
print([result["file_id"] for result in results if {result["publish_status"], result["notify_status"]} != {"success"}])
