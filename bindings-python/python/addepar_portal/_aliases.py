"""The types of arguments, and what else annotations name. Loaded when asked for: see `_types`."""

import typing
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal, SupportsIndex, TypeAlias

from ._generated_reports import (
    FailedPortfolio,
    GeneratedPortfolio,
    GeneratedReport,
    GeneratedReports,
    SettledFile,
    Settlement,
)

__all__ = [
    "Any",
    "ClassVar",
    "ContactNotification",
    "Environment",
    "FailedPortfolio",
    "GeneratedPortfolio",
    "GeneratedReport",
    "GeneratedReports",
    "Id",
    "JournalReason",
    "Mapping",
    "Outcome",
    "PortalPublishing",
    "Proof",
    "Repeat",
    "SettledFile",
    "Settlement",
    "State",
    "Step",
    "SupportsIndex",
    "Verdict",
    "datetime",
]

PortalPublishing: TypeAlias = Literal["publish", "use_contact_preference", "do_not_publish"]
"""Whose portals the files are published to."""

ContactNotification: TypeAlias = Literal["notify", "use_contact_preference", "do_not_notify"]
"""Who is e-mailed about what was published."""

Environment: TypeAlias = Literal["production", "development", "sandbox"]
"""Which of Addepar's environments."""

Outcome: TypeAlias = Literal["not_processed", "unknown", "processed"]
"""What became of a request."""

JournalReason: TypeAlias = Literal[
    "busy",
    "undecided",
    "other_run",
    "damaged",
    "newer_format",
    "missing",
    "changed",
    "cannot_read",
    "cannot_write",
    "refused",
    "outdated",
    "too_early",
]
"""Why a journal, or a folder of journals, cannot be used."""

Proof: TypeAlias = Literal["published", "not_published"]
"""What generated reports prove about a file whose outcome is unknown."""

State: TypeAlias = Literal["ok", "failed", "unknown", "not_processed"]
"""What became of a file."""

Step: TypeAlias = Literal["publish", "notify"]
"""A step of a call: putting a file into portals, e-mailing about it."""

Repeat: TypeAlias = Literal["refuse", "allow"]
"""Whether files may be sent that a journal in the folder of journals shows as sent."""

Verdict: TypeAlias = Literal["published", "not_published", "leave"]
"""What a person found out about a file whose outcome is unknown."""

Id: TypeAlias = SupportsIndex | str
"""A file or contact: a whole number from 1 to 2**53 - 1, or a string of ASCII digits."""

if not typing.TYPE_CHECKING:
    # Python 3.10 has none.
    Self = getattr(typing, "Self", Any)
