"""Publishes with OAuth 2.0: the refresh grant behind `access_token`, with rotation of the refresh token.

    ADDEPAR_FIRM_NAME=examplefirm ADDEPAR_FIRM_ID=1234 OAUTH_CLIENT_ID=… OAUTH_CLIENT_SECRET=… \
        OAUTH_TOKEN_URL=https://api.addepar.com/public/oauth2/token OAUTH_REFRESH_TOKEN_FILE=refresh-token \
        python oauth.py 37 38

One program for each refresh token: once it is rotated, every other program has one that is spent.
"""

import json
import os
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from addepar_portal import PortalClient

FILE = Path(os.environ["OAUTH_REFRESH_TOKEN_FILE"])


def keep(refresh_token: str) -> None:
    """Whenever the machine stops, the file has the old token or the new one, and nobody else reads it."""
    descriptor, draft = tempfile.mkstemp(dir=FILE.parent)  # with mode 0600
    with open(descriptor, "w") as file:
        file.write(refresh_token)
        file.flush()
        os.fsync(descriptor)
    os.replace(draft, FILE)


def access_token() -> str:
    """Asked before the first call, and again once when the server answers 401."""
    form = {
        "grant_type": "refresh_token",
        "refresh_token": FILE.read_text(),
        "client_id": os.environ["OAUTH_CLIENT_ID"],
        "client_secret": os.environ["OAUTH_CLIENT_SECRET"],
    }
    with urlopen(Request(os.environ["OAUTH_TOKEN_URL"], urlencode(form).encode()), timeout=30) as answer:
        tokens: dict[str, str] = json.load(answer)
    # Before the new one is used: the old one is spent.
    keep(tokens.get("refresh_token", form["refresh_token"]))
    return tokens["access_token"]


with PortalClient(access_token=access_token) as client:
    report = client.publish_files(sys.argv[1:], portal_publishing="publish", contact_notification="do_not_notify")
print(report)
sys.exit(0 if report.ok else 1)
