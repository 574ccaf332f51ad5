"""What annotations name, for `typing.get_type_hints` and others that evaluate them: they find this module by its name
in the module of a function, and for a class in the package.

Modules import this one at no cost. `typing`, which takes longer to import than all the rest, is loaded when somebody
asks.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Self as Self  # noqa: PLC0414 (to be found here)

    from ._aliases import *  # noqa: F403 (its `__all__` is the list)
else:

    def __getattr__(name):
        from . import _aliases

        try:
            return getattr(_aliases, name)
        except AttributeError:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
