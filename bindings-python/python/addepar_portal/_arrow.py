"""Columns as an Arrow stream (the Arrow PyCapsule interface), whose types do not depend on what was answered.

A library makes it that is there: a program that reads one has polars or pyarrow, and this package needs neither.
"""

from __future__ import annotations

import sys
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# The columns that are not text.
_INTEGERS = frozenset({"file_id", "contact_id"})
_BOOLEANS = frozenset({"published", "notified"})
_LISTS_OF_INTEGERS = frozenset({"contacts_not_published", "contacts_not_notified"})


def stream_of(columns: dict[str, list[Any]], requested_schema: object) -> object:
    """A capsule with the stream.

    Raises:
        ModuleNotFoundError: Neither pyarrow nor polars is installed.
    """
    # One that was imported already is probably the one that reads the stream.
    for name in sorted(_TABLES, key=lambda name: name not in sys.modules):
        try:
            table = _TABLES[name](columns)
        except ModuleNotFoundError as error:
            if error.name != name:
                raise
        else:
            return table.__arrow_c_stream__(requested_schema)
    raise ModuleNotFoundError(
        "An Arrow stream needs pyarrow or polars, and neither is installed: pip install pyarrow. Without them there are"
        " to_dicts() and to_columns().",
        name="pyarrow",
    )


def _of_pyarrow(columns: dict[str, list[Any]]) -> Any:
    pa: Any = import_module("pyarrow")
    return pa.table(columns, pa.schema(_types(columns, pa.int64(), pa.bool_(), pa.list_(pa.int64()), pa.string())))


def _of_polars(columns: dict[str, list[Any]]) -> Any:
    pl: Any = import_module("polars")
    return pl.DataFrame(columns, _types(columns, pl.Int64, pl.Boolean, pl.List(pl.Int64), pl.String))


def _types(columns: dict[str, list[Any]], integer: Any, boolean: Any, integers: Any, text: Any) -> dict[str, Any]:
    def type_of(name: str) -> Any:
        if name in _INTEGERS:
            return integer
        if name in _BOOLEANS:
            return boolean
        return integers if name in _LISTS_OF_INTEGERS else text

    return {name: type_of(name) for name in columns}


_TABLES: dict[str, Callable[[dict[str, list[Any]]], Any]] = {"pyarrow": _of_pyarrow, "polars": _of_polars}
