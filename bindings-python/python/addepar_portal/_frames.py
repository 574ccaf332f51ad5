"""Data frames, and a report beside the rows of one. pandas is imported when somebody asks for a frame."""

from __future__ import annotations

from ._errors import InputError
from ._ids import compared_id, has_small_floats
from ._model import value
from ._native import ids_in_column

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._native import PublishReport

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


def joined(report: PublishReport, frame: Any, on: str) -> Any:
    """See `PublishReport.join`."""
    pd = pandas()
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"frame is of type {type(frame).__name__}: it is a DataFrame of pandas")
    if on not in frame.columns:
        raise KeyError(f"the frame has no column {on!r}, only {', '.join(map(repr, frame.columns))}")
    column = frame[on]
    if column.ndim != 1:
        raise InputError(f"`frame` must have one column {on!r}, not several.")
    is_given = column.notna().to_numpy()
    ids = iter(_keys(column[is_given], on))
    keys = pd.Series([next(ids) if given else pd.NA for given in is_given], dtype="Int64")

    files = report.to_pandas()
    rows = {file_id: row for row, file_id in enumerate(files["file_id"])}
    # Of each row of the result, the row of either side; -1 where there is none.
    found = [-1 if key is pd.NA else rows.get(key, -1) for key in keys]
    left = sorted(set(rows.values()).difference(found))
    of_frame, of_files = [*range(len(frame)), *[-1] * len(left)], [*found, *left]

    theirs = frame.reset_index(drop=True)
    for at, type_ in enumerate(theirs.dtypes) if left else ():  # by their places: two may have the same name
        if nullable := _NULLABLE.get(str(type_)):
            theirs.isetitem(at, theirs.iloc[:, at].astype(nullable))
    theirs, ours = theirs.reindex(of_frame), files.reindex(of_files)
    theirs.index = ours.index = pd.RangeIndex(len(of_files))
    file_ids = pd.concat([keys, files["file_id"].iloc[left].astype("Int64")], ignore_index=True)
    if on == "file_id":
        theirs[on] = file_ids
        ours = ours.drop(columns="file_id")
    else:
        ours["file_id"] = file_ids
    ours["matched"] = pd.Series(
        [
            "report" if row == -1 else "frame" if file == -1 else "both"
            for row, file in zip(of_frame, of_files, strict=True)
        ],
        dtype="string",
    )
    ours.columns = _beside(frame.columns, ours.columns)
    return pd.concat([theirs, ours], axis="columns")


def _keys(column: Any, on: str) -> list[int]:
    if has_small_floats(column):
        raise InputError(
            f"`frame[{on!r}]` has floats of 4 bytes or fewer, which round larger ids: read it as integers."
        )
    return value(ids_in_column(f"`frame[{on!r}]`", [compared_id(id_) for id_ in column]))


def _beside(theirs: Any, ours: Any) -> list[str]:
    """The names of our columns beside theirs, which may be of an earlier join."""
    names: list[str] = []
    for name in ours:
        beside = name
        while beside in theirs:
            beside += "_report"
        names.append(beside)
    return names
