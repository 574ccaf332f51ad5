"""Publishes file 37 with the settings of the environment, and prints the version and what became of the file."""

from importlib import metadata

from addepar_portal import AlreadySentError, publish_files

state: str
try:
    state = publish_files([37], portal_publishing="publish", contact_notification="notify").file(37).state
except AlreadySentError:
    state = "already sent"
print(f"{metadata.version('addepar-portal')}: {state}")
