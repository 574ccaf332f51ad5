"""Arguments as plain values, before the native half sees them: here the caller's own code may run."""

from __future__ import annotations

from _operator import index  # importing `operator`, which is written in Python, would take a tenth of this import
from os import fspath

from ._errors import refused
from ._rows import native_datetime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from os import PathLike
    from typing import Any

# The longest value that an error shows.
_SHOWN = 40


def kind_of(given: object) -> type[object]:
    """The type, whatever it is said to be."""
    return type(given)


def is_from_python(error: Exception) -> bool:
    """Whether an error that was just caught comes from Python code that was called, such as the caller's."""
    return error.__traceback__ is not None and error.__traceback__.tb_next is not None


def shown(given: object) -> str:
    """What was given instead, as an error shows it: short values as they are, of all else the type."""
    kind = kind_of(given)
    if kind in (str, bytes, int, float, bool) and len(value := repr(given)) <= _SHOWN:
        return f"{value} ({kind.__name__})"
    return "None" if given is None else f"of type {kind.__name__}"


def mistyped(name: str, rule: str, given: object, *, verb: str | None = "sent") -> TypeError:
    """The error for a value of a type that an argument cannot have; `verb`: what was not done, if that is said."""
    nothing = f" Nothing was {verb}." if verb else ""
    return TypeError(f"`{name}` must be {rule}, not {shown(given)}.{nothing}")


def word(given: Any) -> str:
    """A word that the core knows or refuses: it is shown anything."""
    return given if type(given) is str else str.__str__(given if isinstance(given, str) else str(given))


def text(name: str, given: Any, *, verb: str | None = "sent") -> str:
    """A text: of any other type it may be a value that was lost. A UUID is one, as the id of a job."""
    __tracebackhide__ = True
    if isinstance(given, str) or any(kind.__name__ == "UUID" for kind in kind_of(given).__mro__):
        return word(given)
    raise mistyped(name, "a str", given, verb=verb)


def words(name: str, given: Any) -> list[str]:
    """A list of texts. A single text is a list of one: read letter by letter, it would be something else."""
    __tracebackhide__ = True
    if isinstance(given, str):
        return [word(given)]
    kind = kind_of(given)
    if issubclass(kind, bytes | bytearray | memoryview) or not hasattr(kind, "__iter__"):
        raise mistyped(name, "a list of str", given)
    return [text(f"{name}[{place}]", each) for place, each in enumerate(given)]


def since_1970(name: str, given: Any) -> float | None:
    """A time, if it is given, in seconds since 1970. Without a zone it may be meant as any."""
    __tracebackhide__ = True
    if given is None:
        return None
    if not isinstance(given, native_datetime().datetime):
        raise mistyped(name, "a datetime with a time zone", given)
    if given.utcoffset() is None:
        raise refused(f"`{name}` must be a datetime with a time zone, such as datetime.now(timezone.utc), not {given}.")
    return float(given.timestamp())


def seconds(name: str, given: Any) -> float:
    """Seconds. An integer beyond every float is more than the core allows as well."""
    __tracebackhide__ = True
    kind = kind_of(given)
    if kind is float:
        return given  # type: ignore[no-any-return]
    if not issubclass(kind, str | bytes | bytearray | memoryview) and not is_bool(kind):
        try:
            return float(given)
        except OverflowError:
            if not isinstance(given, int):
                raise
            return float("inf") if given > 0 else float("-inf")
        except (TypeError, ValueError) as error:
            if is_from_python(error):
                raise
    raise mistyped(name, "a number of seconds", given)


def seconds_if_given(name: str, given: Any) -> float | None:
    """Seconds, where they are given."""
    __tracebackhide__ = True
    return None if given is None else seconds(name, given)


def whole_number(name: str, given: Any, rule: str = "a whole number") -> int:
    """An integer of any type."""
    __tracebackhide__ = True
    kind = kind_of(given)
    if hasattr(kind, "__index__") and not is_bool(kind):
        try:
            return index(given)
        except TypeError as error:
            if is_from_python(error):
                raise
    raise mistyped(name, rule, given)


def whole_number_or_text(name: str, given: Any) -> str:
    """An integer of any type, or a text, as a text."""
    __tracebackhide__ = True
    return given if isinstance(given, str) else str(whole_number(name, given, "a whole number or a str"))


def yes_or_no(name: str, given: Any) -> bool:
    """A bool: what is true or false in some other way may be meant as something else."""
    __tracebackhide__ = True
    if is_bool(kind_of(given)):
        return bool(given)
    raise mistyped(name, "True or False", given)


def is_bool(kind: type[object]) -> bool:
    """Whether it is the type of a bool, numpy's too, which is not meant as the number that it counts as."""
    return kind is bool or kind.__name__ in ("bool_", "bool")


def path(name: str, given: str | PathLike[str]) -> str:
    """A path as text."""
    __tracebackhide__ = True
    if isinstance(given, str) or hasattr(kind_of(given), "__fspath__"):
        found = fspath(given)
        if isinstance(found, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            return found
    raise mistyped(name, "a path (str or os.PathLike)", given)


def path_if_given(name: str, given: str | PathLike[str] | None) -> str | None:
    """A path as text, where one is given."""
    __tracebackhide__ = True
    return None if given is None else path(name, given)
