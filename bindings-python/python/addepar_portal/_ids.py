"""What a caller gives as ids, as plain values: the verdict on each of them is the core's.

Everything that may run the caller's code happens here, and so passes its exceptions on as they are.
"""

from __future__ import annotations

from _collections_abc import Mapping
from _operator import index

from ._arguments import is_from_python, kind_of
from ._errors import refused
from ._native import MAX_FILES, NoId

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_PLAIN: set[type[object]] = {int, str}
# Their lengths are true, and they have neither names nor columns.
_COLLECTIONS: set[type[object]] = {list, tuple, set, frozenset}
# Iterators over characters and bytes: nobody can tell them from ids.
_OPAQUE = {"str_iterator", "str_ascii_iterator", "bytes_iterator", "bytearray_iterator", "memory_iterator"}
# None, and what pandas has beside floats that are not numbers.
_MISSING = {"NoneType", "NAType", "NaTType"}
_SMALL_FLOATS = {"float32", "float16", "Float32", "Float16", "float", "halffloat", "f", "e"}
# An iterator that does not end is read up to here.
_MOST_IDS = 10_000_000


def plain_ids(name: str, ids: Any, *, is_one_call: bool = False, verb: str = "sent") -> list[Any]:
    """A list of exact integers and texts, and a `NoId` for whatever else it has.

    Of an iterator, ids are read up to the first that is too many. Where they are refused, nothing was sent (`verb`).
    """
    __tracebackhide__ = True
    kind = kind_of(ids)
    given: list[Any]
    if kind in _COLLECTIONS:
        given = ids if kind is list else list(ids)
    else:
        if problem := _why_no_list(name, ids):
            raise refused(problem, verb)
        if callable(getattr(kind, "to_pylist", None)):  # an array of pyarrow, whose own values are scalars of its own
            ids = ids.to_pylist()
        iterator = iter(ids)
        most = MAX_FILES if is_one_call else _MOST_IDS
        given = [id_ for _, id_ in zip(range(most + 1), iterator, strict=False)]
    if len(given) > _MOST_IDS:
        raise refused(f"`{name}` must have at most {_MOST_IDS:,} ids, not more: does the iterator end?", verb)
    kinds: Iterable[type[object]] = map(type, given)
    if _PLAIN.issuperset(kinds):
        return given
    # A value that is missing says how a column of floats becomes ids only where it is one of a column of floats.
    not_a_number = "whole_numbers" if any(isinstance(id_, float) and not _is_nan(id_) for id_ in given) else "missing"
    return [plain_id(id_, not_a_number) for id_ in given]


def plain_id(id_: Any, not_a_number: str = "missing") -> int | str | NoId:
    """An exact integer or text; a `NoId` for anything else."""
    kind = kind_of(id_)
    if kind is int or kind is str:
        return id_  # type: ignore[no-any-return]
    if isinstance(id_, str):
        return str.__str__(id_)
    if isinstance(id_, float) or kind.__name__.startswith("float"):
        is_rounded = kind.__name__ in ("float32", "float16")
        return _no_id(id_, "rounded" if is_rounded else not_a_number if _is_nan(id_) else "whole_numbers")
    if isinstance(id_, bool) or kind.__name__.startswith("bool") or not hasattr(kind, "__index__"):
        return _no_id(id_, "missing" if kind.__name__ in _MISSING else None)
    # Other integers: numpy's, an IntEnum's.
    try:
        return index(id_)
    except TypeError as error:
        if is_from_python(error):
            raise
        return _no_id(id_)  # how an array, say, tells that it is not an integer


def compared_id(id_: Any) -> int | str | NoId:
    """The same where ids are only compared, and nothing is sent: a whole float is the integer that equals it."""
    return int(id_) if isinstance(id_, float) and id_.is_integer() else plain_id(id_)


def _is_nan(id_: Any) -> bool:
    return isinstance(id_, float) and id_ != id_  # noqa: PLR0124 (without importing `math`)


def _no_id(id_: Any, hint: str | None = None) -> NoId:
    try:
        shown = str.__str__(str(id_))
    except Exception:
        shown = "?"
    kind = kind_of(id_)
    return NoId(kind.__name__, shown, hint)


def _why_no_list(name: str, ids: Any) -> str | None:  # noqa: PLR0911 (one reason after the other)
    """What is wrong with what would be read as something else than the ids that were meant."""
    kind = kind_of(ids)
    if isinstance(ids, str | bytes | bytearray) or _is_bytes(ids) or kind.__name__ in _OPAQUE:
        return _no_list(
            name,
            f"one {kind.__name__}",
            f'give a list of ids. (Read as a list, "37" would be the {_thing(name)}s 3 and 7.)',
        )
    if getattr(kind, "__iter__", None) is None and getattr(kind, "__getitem__", None) is None:
        return _no_list(name, f"one {kind.__name__}", "give a list of ids.")
    if _has_columns(ids):
        return _no_list(
            name,
            f"a {kind.__name__}",
            f"give one column of it, such as {_column(name)}. (Read as a list, it would be the names of its columns.)",
        )
    if _names_its_fields(ids):
        return _no_list(
            name,
            f"a {kind.__name__}, whose fields have names",
            f"give a list of ids, such as [record['{_thing(name)}_id']]. (Read as a list, it would be its names or "
            "fields.)",
        )
    if _is_series(kind) and (problem := _what_is_beside_ids(name, ids)):
        return problem
    dimensions = getattr(ids, "ndim", 1)
    if isinstance(dimensions, int) and dimensions != 1:
        return _no_list(name, f"a {kind.__name__} of {dimensions} dimensions", "give one column of it.")
    if has_small_floats(ids):
        return _no_list(
            name,
            f"a {kind.__name__} of floats of 4 bytes or fewer",
            "read the ids again, as integers. (Such floats round ids above 16,777,216 to others.)",
        )
    return None


def _what_is_beside_ids(name: str, series: Any) -> str | None:
    """What is wrong with a series whose labels are the ids, or the columns that one of its values belongs to.

    A row whose columns have numbers, or names without an id among them while the row itself has a name, looks the same
    as ids that are labelled by client; so do counts that have the name of a column. A series without a name
    whose labels have one is not a column: it was computed, as `groupby("client").size()` is.
    """
    id_ = f"{_thing(name)}_id"
    kind = kind_of(series).__name__
    labels = series.index
    label = getattr(series, "name", None)
    title = getattr(labels, "name", None)
    if _is(labels, "name", id_) and not (_is(series, "name", id_) and list(series) == list(labels)):
        what, advice = "counts or other values for each id", "give the ids themselves, which are its `.index`."
        return _no_list(name, f"a {kind} of {what}", advice)
    advice = f"give the column that has the ids, such as {_column(name)}."
    if _is(series, "name", "count"):
        return _no_list(name, f"a {kind} of counts", advice)
    if label is None and any(each is not None for each in getattr(labels, "names", (title,))):
        return _no_list(name, f"a {kind} without a name whose labels have one, as counts of groups are", advice)
    if len(labels) == 0 or not all(isinstance(each, str) for each in labels):
        return None
    has_number = title is None and hasattr(kind_of(label), "__index__")
    if has_number or any(is_column_of_ids(each) for each in labels):
        return _no_list(
            name,
            "a row of a data frame",
            f"give one column of the frame, such as {_column(name)}. (Read as a list, it would be all that the row "
            "has.)",
        )
    return None


def _thing(name: str) -> str:
    """What the ids of an argument are of."""
    return "contact" if name == "publish_override_contact_ids" else "file"


def _column(name: str) -> str:
    return f"frame['{_thing(name)}_id']"


def is_column_of_ids(label: str) -> bool:
    """Whether a label is a column's rather than the name of a client: `id`, `file_id`, `File ID`, `fileId`."""
    word = label.strip().replace(" ", "_").replace("-", "_")
    return word.lower() == "id" or word.lower().endswith("_id") or word.endswith(("Id", "eID"))


def _no_list(name: str, what: str, advice: str) -> str:
    return f"`{name}` must be a list of ids, not {what}: {advice}"


def _is(value: Any, name: str, wanted: object) -> bool:
    return bool(type(found := getattr(value, name, None)) is type(wanted) and found == wanted)


def _is_series(kind: type[object]) -> bool:
    """Whether it is a series of pandas, or of what has the same methods."""
    return all(hasattr(kind, name) for name in ("iloc", "index", "name"))


def _has_columns(ids: Any) -> bool:
    """A data frame, its groups or a table: of pandas, polars, pyarrow and others."""
    kind = kind_of(ids)
    if any(hasattr(kind, name) for name in ("__dataframe__", "columns", "column_names", "get_group")):
        return True
    # A structured array of numpy, or one record of it.
    return hasattr(ids, "itemsize") and getattr(getattr(ids, "dtype", None), "names", None) is not None


def _names_its_fields(ids: Any) -> bool:
    """A mapping; a `sqlite3.Row`, a named tuple and other records; what has keys, save for a series of pandas."""
    kind = kind_of(ids)
    if hasattr(kind, "_fields") or (isinstance(ids, tuple) and hasattr(kind, "n_fields")):
        return True
    if callable(getattr(kind, "keys", None)):
        return not (_is(ids, "ndim", 1) and hasattr(kind, "dtype"))
    return isinstance(ids, Mapping)


def _is_bytes(ids: Any) -> bool:
    """A buffer of bytes or bools; an array of numpy's integers of 8 bits says that it holds numbers."""
    return _is(ids, "itemsize", 1) and getattr(getattr(ids, "dtype", None), "kind", None) not in ("i", "u")


def has_small_floats(ids: Any) -> bool:
    """Whether it holds floats that round ids.

    As an array, a memoryview, or a column of numpy, pandas, polars or pyarrow says what it holds.
    """
    for name in ("typecode", "format", "dtype", "type"):
        held = getattr(ids, name, None)
        if held is not None and (isinstance(held, type) or not callable(held)):
            return str(held).strip("<>=@!").removesuffix("[pyarrow]").rpartition(".")[2] in _SMALL_FLOATS
    return False
