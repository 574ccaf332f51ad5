"""What annotations name, for `typing.get_type_hints` and others that evaluate them: they find this module by its name
in the module of a function, and for a class in the package.

Modules import this one at no cost. `typing`, which takes longer to import than all the rest, is loaded when somebody
asks.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Any, ClassVar, SupportsIndex

    from typing_extensions import Self

    from ._aliases import ContactNotification, Environment, Id, Outcome, PortalPublishing, Proof, Repeat, Step, Verdict
    from ._generated_reports import FailedPortfolio, GeneratedPortfolio, GeneratedReport, SettledFile, Settlement

    __all__ = [
        "Any",
        "ClassVar",
        "ContactNotification",
        "Environment",
        "FailedPortfolio",
        "GeneratedPortfolio",
        "GeneratedReport",
        "Id",
        "Mapping",
        "Outcome",
        "PortalPublishing",
        "Proof",
        "Repeat",
        "Self",
        "SettledFile",
        "Settlement",
        "Step",
        "SupportsIndex",
        "Verdict",
        "datetime",
    ]
else:

    def __getattr__(name):
        from . import _aliases

        try:
            return getattr(_aliases, name)
        except AttributeError:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
