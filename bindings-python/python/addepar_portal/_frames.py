"""Data frames, and a report beside the rows of one. pandas is imported when somebody asks for a frame."""

from __future__ import annotations

from ._arguments import kind_of
from ._errors import InputError
from ._ids import compared_id, has_small_floats, is_column_of_ids
from ._model import value
from ._native import ids_in_column

TYPE_CHECKING = False
if TYPE_CHECKING:
    from os import PathLike
    from typing import Any

# Types that know "not said", so that a mask works whatever was answered, and that do not depend on what was.
_TYPES = {
    "file_id": "int64",
    "contact_id": "Int64",
    "published": "boolean",
    "notified": "boolean",
    **dict.fromkeys(
        ("state", "step", "publish_status", "notify_status", "decision", "reason", "portfolio_name", "errors"), "string"
    ),
}

# Types that hold the same and know "missing": without them integers would turn into floats.
_NULLABLE = {
    "bool": "boolean",
    **{name.lower(): name for name in ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64")},
}

# Of a frame's columns, as an error shows them.
_NAMES_SHOWN = 20


def pandas() -> Any:
    """The module; an error that says how to install it."""
    from importlib import import_module

    try:
        return import_module("pandas")
    except ModuleNotFoundError as error:
        if error.name != "pandas":
            raise
        raise ModuleNotFoundError(
            "This needs pandas, which is not installed: pip install 'addepar-portal[pandas]'. Without it there are"
            " to_dicts(), to_columns() and, of a report, to_csv().",
            name="pandas",
        ) from None


def frame_of(columns: dict[str, list[Any]]) -> Any:
    """A data frame of columns that this package names."""
    frame = pandas().DataFrame(columns)
    return frame.astype({name: type_ for name, type_ in _TYPES.items() if name in columns})


def csv_in(path: str | PathLike[str] | None, text: str) -> str | None:
    """Writes a CSV into a file, if one is given, byte by byte as it is; otherwise it is handed back."""
    if path is None:
        return text
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(text)
    return None


def joined(ours: Any, things: str, frame: Any, on: str, suffix: str | None) -> Any:
    """The rows of a frame beside ours, whose first column has the ids of things: see `PublishReport.join`."""
    __tracebackhide__ = True
    pd = pandas()
    if not isinstance(frame, pd.DataFrame):
        kind = kind_of(frame)
        is_convertible = callable(getattr(kind, "to_pandas", None))
        advice = " `frame.to_pandas()` makes one of it." if is_convertible else ""
        module = f"{kind.__module__.partition('.')[0]}." if is_convertible else ""
        raise TypeError(f"`frame` must be a DataFrame of pandas, not of type {module}{kind.__name__}.{advice}")
    if not _has_column(frame, on):
        raise InputError(_no_column(frame, things, on))
    column = frame[on]
    if column.ndim != 1:
        raise InputError(f"`frame` must have one column {on!r}, not several.")
    is_given = column.notna().to_numpy()
    ids = iter(_keys(column[is_given], things, on))
    keys = [next(ids) if given else pd.NA for given in is_given]

    names = _beside(frame.columns, [*ours.columns, "matched"], on, suffix)
    key = ours.columns[0]
    rows: dict[int, list[int]] = {}
    for row, id_ in enumerate(ours[key]):
        if id_ is not pd.NA:  # one that is not identified is nobody's
            rows.setdefault(id_, []).append(row)
    # Of each row of the result, the row of either side; -1 where there is none.
    pairs = [(at, row) for at, id_ in enumerate(keys) for row in (() if id_ is pd.NA else rows.get(id_, ())) or (-1,)]
    left = sorted(set(range(len(ours))).difference(row for _, row in pairs))
    pairs += [(-1, row) for row in left]
    of_frame, of_ours = [at for at, _ in pairs], [row for _, row in pairs]

    theirs = _that_knows_missing(frame.reset_index(drop=True), -1 in of_frame).reindex(of_frame)
    beside = _that_knows_missing(ours, -1 in of_ours).reindex(of_ours)
    theirs.index = beside.index = pd.RangeIndex(len(pairs))
    beside[key] = pd.Series([ours[key].iloc[row] if at == -1 else keys[at] for at, row in pairs], dtype="Int64")
    for name in ours.columns.intersection(["contacts_not_published", "contacts_not_notified"]):
        contacts = ours[name].to_list()  # None, not NaN, also where a row has no result
        beside[name] = pd.Series([None if row == -1 else contacts[row] for row in of_ours], dtype="object")
    beside["matched"] = pd.Series(
        ["report" if at == -1 else "frame" if row == -1 else "both" for at, row in pairs], dtype="string"
    )
    beside.columns = names
    return pd.concat([theirs, beside], axis="columns")


def _has_column(frame: Any, name: Any) -> bool:
    try:
        return name in frame.columns
    except TypeError:  # it is nothing that a column can be named by, such as a list
        return False


def _no_column(frame: Any, things: str, on: Any) -> str:
    """What to say of a frame without the column that was named."""
    names = list(frame.columns)
    shown = [repr(name) for name in names[:_NAMES_SHOWN]]
    if more := len(names) - len(shown):
        shown.append(f"{more} more")
    has = f"has {', '.join(shown)}" if shown else "has no columns"
    said = f"`frame` must have the column {on!r}, with the ids of {things}, and {has}."
    if on is not None and on in list(frame.index.names):
        return f"{said} {on!r} is in its index: join `frame.reset_index()`."
    like_ids = next((name for name in names if isinstance(name, str) and is_column_of_ids(name)), None)
    example = f", such as `on={like_ids!r}`" if like_ids is not None else ""
    return f"{said} Name the column that has the ids with `on`{example}."


def _that_knows_missing(frame: Any, is_to_know: bool) -> Any:
    """The same frame, whose whole numbers stay whole beside rows that have none."""
    for at, type_ in enumerate(frame.dtypes) if is_to_know else ():  # by their places: two may have the same name
        if nullable := _NULLABLE.get(str(type_)):
            frame.isetitem(at, frame.iloc[:, at].astype(nullable))
    return frame


def _keys(column: Any, things: str, on: str) -> list[int]:
    __tracebackhide__ = True
    if has_small_floats(column):
        raise InputError(
            f"`frame[{on!r}]` has floats of 4 bytes or fewer, which round larger ids: read it as integers."
        )
    return value(ids_in_column(f"`frame[{on!r}]`", things, [compared_id(id_) for id_ in column]))


def _beside(theirs: Any, ours: list[str], on: str, suffix: str | None) -> list[str]:
    """The names of our columns beside theirs: nobody may take the one for the other."""
    __tracebackhide__ = True
    shared = [name for name in ours if name in theirs and (suffix or name == on)]
    names = [name + (suffix or "_report") if name in shared else name for name in ours]
    taken = [name for name in names if name in theirs]
    if taken:
        advice = (
            "that makes other names."
            if suffix
            else f"such as '_report': {taken[0]!r} is then yours, and {taken[0] + '_report'!r} the report's."
        )
        raise InputError(
            f"`frame` must have no column that the report has, and has {', '.join(map(repr, taken))}. Rename such a "
            f"column, or give a `suffix` for the report's, {advice}"
        )
    return names
