"""What may be given as ids: collections of ids, and nothing that would be read as other ids than were meant."""

from __future__ import annotations

import array
import collections
import csv
import enum
import io
import itertools
import os
import re
import sqlite3
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]
import pytest

from addepar_portal import InputError, Journal, OutcomeUnknownError, PublishRequest
from addepar_portal.testing import SimulatedPortal

MODES: Any = {"portal_publishing": "publish", "contact_notification": "do_not_notify"}
FRAME = pd.DataFrame({37: [1, 2], 38: [3, 4]})


class Number(enum.IntEnum):
    ONE = 37
    TWO = 38


class Text(str):
    """A text of another type."""


class Sequence:
    """Has no `__iter__`, as old classes do."""

    def __getitem__(self, index: int) -> int:
        return [37, 38][index]


def generator() -> Iterator[int]:
    yield from (37, 38)


COLLECTIONS: dict[str, Any] = {
    "a list": [37, 38],
    "a tuple": (37, 38),
    "a set": {37, 38},
    "a frozenset": frozenset({37, 38}),
    "a range": range(37, 39),
    "a generator": generator,
    "an iterator": lambda: iter([37, 38]),
    "a deque": collections.deque([37, 38]),
    "keys of a dict": {37: "a", 38: "b"}.keys(),
    "values of a dict": {"a": 37, "b": 38}.values(),
    "a mapping's keys as texts": types.MappingProxyType({"37": 1, "0038": 2}).keys(),
    "integers of an enum": [Number.ONE, Number.TWO],
    "the enum itself": Number,
    "texts of another type": [Text("37"), Text("38")],
    "an old sequence": Sequence(),
    "an array": array.array("Q", [37, 38]),
    "a memoryview": memoryview(array.array("q", [37, 38])),
    "an array of numpy": np.array([37, 38]),
    "an array of numpy texts": np.array(["37", "38"]),
    "an array of numpy objects": np.array([37, "38"], dtype=object),
    "an array of numpy's smallest integers": np.array([37, 38], dtype="uint8"),
    "an array of numpy's smallest signed integers": np.array([37, 38], dtype="int8"),
    "a series of the smallest integers": pd.Series([37, 38], dtype="uint8"),
    "an array of pyarrow": pa.array([37, 38]),
    "an array of pyarrow's smallest integers": pa.array([37, 38], pa.uint8()),
    "an array of pyarrow's texts": pa.array(["37", "0038"]),
    "an array of pyarrow's long texts": pa.array(["37", "0038"], pa.large_string()),
    "an array of pyarrow's dictionaries": pa.array(["37", "0038"]).dictionary_encode(),
    "a column of a table of pyarrow": pa.table({"file_id": ["37", "38"]})["file_id"],
    "a series of Arrow's texts": pd.Series(["37", "38"], dtype=pd.ArrowDtype(pa.string())),
    "a series of Arrow's integers": pd.Series([37, 38], dtype=pd.ArrowDtype(pa.int64())),
    "a series of polars": pl.Series([37, 38]),
    "a series of polars texts": pl.Series(["37", "38"]),
    "a list of numpy integers": [np.int64(37), np.uint8(38)],
    "a row of a matrix": np.array([[37, 38], [39, 40]])[0],
    "a column of a structured array": np.array([(37, 1.0), (38, 2.0)], dtype=[("id", "i8"), ("x", "f8")])["id"],
    "a series": pd.Series([37, 38]),
    "a series with names": pd.Series([37, 38], index=["a", "b"]),
    "a series of pandas integers": pd.Series([37, 38], dtype="Int64"),
    "a series of texts": pd.Series(["37", "38"]),
    "a series labelled by client": pd.Series({"Ashby": 37, "Birch LLC": 38}),
    "a column labelled by client": pd.DataFrame({"file_id": [37, 38]}, index=["Ashby", "David"])["file_id"],
    "a column labelled by a column": pd.DataFrame({"id": ["A", "B"], "n": [37, 38]}).set_index("id")["n"],
    "a column without a title, labelled by a column": pd.read_csv(io.StringIO("A,37\nB,38"), header=None, index_col=0)[
        1
    ],
    "a column of two titles": pd.DataFrame([[37], [38]], ["A", "B"], pd.MultiIndex.from_tuples([("file", "id")]))[
        ("file", "id")
    ],
    "a column labelled by itself": pd.DataFrame({"file_id": [37, 38]}).set_index("file_id", drop=False)["file_id"],
    "counted ids": pd.DataFrame({"file_id": [37, 38]})["file_id"].value_counts().index,
    "a column of a data frame": pd.DataFrame({"file_id": [37, 38], "x": [1.5, 2.5]})["file_id"],
    "an index": pd.Index([37, 38]),
    "categories": pd.Categorical([37, 38]),
}


@pytest.mark.parametrize("what", COLLECTIONS)
def test_a_collection_of_ids_is_read(what: str) -> None:
    given = COLLECTIONS[what]
    request = PublishRequest(given() if isinstance(given, types.FunctionType) else given, **MODES)
    assert sorted(request.file_ids) == [37, 38]
    assert {type(file_id) for file_id in request.file_ids} == {int}


def make_rows() -> Any:
    return csv.DictReader(io.StringIO("a\n37\n"))


def sqlite_row() -> sqlite3.Row:
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    row: sqlite3.Row = connection.execute("SELECT 37 AS file_id, 38 AS client_id").fetchone()
    connection.close()
    return row


class Keyed:
    """Iterates over its names, as records of database drivers and groups of HDF5 do."""

    def keys(self) -> list[int]:
        return [37, 38]

    def __iter__(self) -> Iterator[int]:
        return iter(self.keys())


class Table:
    """Iterates over its columns and has their names, as tables of pyarrow do."""

    column_names = ("37", "38")

    def __iter__(self) -> Iterator[list[int]]:
        return iter([[1, 2], [3, 4]])


class PolarsFrame:
    """Has columns and the protocol of data frames, as those of polars have."""

    columns = ("37", "38")

    def __dataframe__(self) -> None:
        raise NotImplementedError

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)


Record = collections.namedtuple("Record", ["file_id", "client_id"])  # noqa: PYI024  # as callers make them

COLUMN = r"give one column of it(, such as frame\['(file|contact)_id'\])?\."
MISSING = r"`\.dropna\(\)` of a column leaves missing values out \(polars: `\.drop_nulls\(\)`"
FIELDS = "whose fields have names"
ROW = r"not a row of a data frame: give one column of the frame, such as frame\['(file|contact)_id'\]"
COUNTS = r"not a Series of counts: give the column that has the ids, such as frame\['(file|contact)_id'\]"
NAMELESS = (
    "not a Series without a name whose labels have one, as counts of groups are: give the column that has the ids"
)
BESIDE_IDS = r"of counts or other values for each id: give the ids themselves, which are its `\.index`"
STATEMENTS = pd.DataFrame({"client_id": [4, 5, 5], "file_id": [37, 38, 38]})
NO_LIST = "give a list of ids"
REFUSED: dict[str, tuple[Any, str]] = {
    "a data frame": (FRAME, COLUMN),
    "a pivot": (
        pd.DataFrame({"a": [1, 1], "file": [37, 38], "n": [1, 2]}).pivot(index="a", columns="file", values="n"),
        COLUMN,
    ),
    "a data frame of one column": (pd.DataFrame({37: [1]}), COLUMN),
    "groups of a data frame": (pd.DataFrame({"a": [1], "b": [2]}).groupby("a"), COLUMN),
    "groups of a series": (pd.Series([37]).groupby(level=0), COLUMN),
    "a data frame of polars": (PolarsFrame(), COLUMN),
    "a table of pyarrow": (Table(), COLUMN),
    "a structured array": (np.array([(37, 38)], dtype=[("a", "i8"), ("b", "i8")]), COLUMN),
    "a record of a structured array": (np.array([(37, 38)], dtype=[("a", "i8"), ("b", "i8")])[0], COLUMN),
    "an array of two dimensions": (np.array([[37], [38]]), COLUMN),
    "an array of no dimension": (np.array(37), COLUMN),
    "a row of a data frame": (STATEMENTS.iloc[0], ROW),
    "a row by its label": (STATEMENTS.set_index("client_id").assign(pages=2).loc[4], ROW),
    "a row by its name": (pd.DataFrame({"File ID": [37], "pages": 2}, index=["Ashby"]).loc["Ashby"], ROW),
    "a row whose columns name no id": (pd.DataFrame({"statement": [37], "pages": 2}).iloc[0], ROW),
    "a row of a day": (pd.DataFrame({"fileId": [37], "n": 2}, index=pd.to_datetime(["2026-10-01"])).iloc[0], ROW),
    "sums of columns": (STATEMENTS.max(), ROW),
    "counts": (STATEMENTS["client_id"].value_counts(), COUNTS),
    "counts of two columns": (STATEMENTS.value_counts(), COUNTS),
    "counts of groups": (STATEMENTS.groupby("client_id")["client_id"].value_counts(), COUNTS),
    "sizes of groups": (STATEMENTS.groupby("client_id").size(), NAMELESS),
    "sizes of groups by two columns": (STATEMENTS.groupby(["client_id", "file_id"]).size(), NAMELESS),
    "a row of sqlite": (sqlite_row(), FIELDS),
    "a named tuple": (Record(37, 38), FIELDS),
    "a result of the system": (os.stat_result(range(1, 11)), FIELDS),
    "a row of csv.DictReader": (next(csv.DictReader(io.StringIO("37,38\n1,2\n"))), FIELDS),
    "a dict": ({37: 1}, FIELDS),
    "a view of a dict": (types.MappingProxyType({37: 1}), FIELDS),
    "a counter": (collections.Counter([37]), FIELDS),
    "an object with keys": (Keyed(), FIELDS),
    "a text": ("37", NO_LIST),
    "a text of another type": (Text("37"), NO_LIST),
    "bytes": (b"37", NO_LIST),
    "a bytearray": (bytearray(b"%&"), NO_LIST),
    "a memoryview of bytes": (memoryview(b"37"), NO_LIST),
    "the characters of a string": (iter("37"), NO_LIST),
    "the bytes of a text": (iter(b"37"), NO_LIST),
    "the bytes of a bytearray": (iter(bytearray(b"37")), NO_LIST),
    "an array of bytes": (array.array("B", [37, 38]), NO_LIST),
    "a number": (37, NO_LIST),
    "nothing": (None, NO_LIST),
    "a class": (int, NO_LIST),
    "an array of small floats": (array.array("f", [37.0]), "floats of 4 bytes"),
    "an array of numpy's small floats": (np.array([37], dtype=np.float32), "floats of 4 bytes"),
    "a series of small floats": (pd.Series([37], dtype="float32"), "floats of 4 bytes"),
    "a series of pandas' small floats": (pd.Series([37], dtype="Float32"), "floats of 4 bytes"),
    "a memoryview of small floats": (memoryview(array.array("f", [37.0])), "floats of 4 bytes"),
    "a list of small floats": ([np.float32(37)], "rounded"),
    "an array of floats": (np.array([37.0]), r"`\.dropna\(\)\.astype\('Int64'\)`"),
    "a series with missing values": (pd.Series([37, None]), r"`\.dropna\(\)\.astype\('Int64'\)`"),
    "a series of pandas integers with missing values": (pd.Series([37, None], dtype="Int64"), MISSING),
    "a series of objects with missing values": (pd.Series([37, None], dtype=object), MISSING),
    "a series of texts with missing values": (pd.Series(["37", None], dtype="string"), MISSING),
    "a series of Arrow's texts with missing values": (
        pd.Series(["37", None], dtype=pd.ArrowDtype(pa.string())),
        MISSING,
    ),
    "a series of polars with missing values": (pl.Series([37, None]), MISSING),
    "an array of pyarrow with missing values": (pa.array([37, None]), MISSING),
    "a series of texts and NaN": (pd.Series(["0037", None, "0038"], dtype=object).replace({None: np.nan}), MISSING),
    "a list of numbers and NaN": ([37, float("nan")], MISSING),
    "NaN before floats": (pd.Series([None, 37.0]), r"`\.dropna\(\)\.astype\('Int64'\)`"),
    "nothing but NaN": (pd.Series([None, None], dtype="float64"), MISSING),
    "an array of pyarrow's floats": (pa.array([37.0]), r"`\.dropna\(\)"),
    "an array of pyarrow's small floats": (pa.array([37.0], pa.float32()), "floats of 4 bytes"),
    "a table of pyarrow itself": (pa.table({"37": [1]}), COLUMN),
    "a frame of polars itself": (pl.DataFrame({"37": [1]}), COLUMN),
    "a series with an id twice": (pd.Series([37, 38, 37]), r"repeats 37\. `\.unique\(\)` of a column"),
    "a column with an id that is written in two ways": (
        pd.Series(["0038", "37", "38"]),
        r"repeats 38 \(0038 and 38: leading zeros do not count\)\. `\.unique\(\)` of a column of numbers",
    ),
    "rows of csv.DictReader": (make_rows(), r"file_ids\[0\]"),
    "items of a dict": ({37: 38}.items(), r"file_ids\[0\]"),
    "a list of lists": ([[37]], r"file_ids\[0\]"),
    "a list of arrays": ([np.array([37, 38])], r"file_ids\[0\]"),
    "numpy's bools": (np.array([True]), NO_LIST),
}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("of", ["one call", "a batch", "override contacts"])
def test_what_would_be_read_as_other_ids_is_refused(
    of: str, what: str, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    given: Any
    given, words = REFUSED[what]
    client = simulated_portal.client()
    calls: dict[str, Callable[[], object]] = {
        "one call": lambda: client.publish_files(given, **MODES),
        "a batch": lambda: client.publish_batch(given, journal=tmp_path / "run.jsonl", **MODES),
        "override contacts": lambda: client.publish_files([1], publish_override_contact_ids=given, **MODES),
    }
    if of == "override contacts":
        if given is None:
            return  # as if it were not given
        words = words.replace("file_ids", "publish_override_contact_ids")
    if what == "rows of csv.DictReader":
        given = make_rows()  # each is read once
    with pytest.raises(InputError, match=words) as raised:
        calls[of]()
    assert "Nothing was sent" in str(raised.value)
    assert simulated_portal.requests == []
    assert not list(tmp_path.iterdir())


def test_values_for_each_file_are_not_files() -> None:
    files = STATEMENTS.groupby("file_id")
    counted = STATEMENTS["file_id"].value_counts()
    for given in (
        files.size(),
        files["client_id"].first(),
        files["file_id"].count(),
        counted,
        counted.rename("file_id"),
    ):
        with pytest.raises(InputError, match=BESIDE_IDS):
            PublishRequest(given, **MODES)
    # They may well be the contacts of the files.
    contacts = STATEMENTS.groupby("file_id")["client_id"].first()
    assert PublishRequest([37], publish_override_contact_ids=contacts, **MODES).publish_override_contact_ids == (4, 5)


def test_no_message_hands_over_a_way_round_it() -> None:
    for words in (ROW, COUNTS, BESIDE_IDS, NAMELESS):
        for given, said in REFUSED.values():
            if said == words:
                with pytest.raises(InputError) as refused:
                    PublishRequest(given, **MODES)
                assert "to_list" not in str(refused.value)


def test_ids_that_were_computed_are_taken_without_their_labels() -> None:
    computed = pd.Series([37, 38], index=pd.Index(["Ashby", "Birch LLC"], name="client"))
    with pytest.raises(InputError, match=NAMELESS):
        PublishRequest(computed, **MODES)
    assert PublishRequest(computed.reset_index(drop=True), **MODES).file_ids == (37, 38)


def test_the_hint_for_a_column_of_floats_refuses_fractions() -> None:
    with pytest.raises(InputError, match="raises where one is not a whole number") as refused:
        PublishRequest(pd.Series([37.0, None, 38.0]), **MODES)
    assert "`.dropna().astype('Int64')` of it has the ids" in str(refused.value)
    assert PublishRequest(pd.Series([37.0, None, 38.0]).dropna().astype("Int64"), **MODES).file_ids == (37, 38)
    with pytest.raises(TypeError, match="cannot safely cast"):
        pd.Series([37.6, None]).dropna().astype("Int64")


@pytest.mark.parametrize(("argument", "things"), [("file_ids", "files"), ("publish_override_contact_ids", "contacts")])
def test_what_a_text_would_be_fits_the_argument(argument: str, things: str) -> None:
    arguments: Any = {"file_ids": [1], argument: "37"}
    with pytest.raises(InputError, match=rf'"37" would be the {things} 3 and 7'):
        PublishRequest(**arguments, **MODES)


def test_an_iterator_that_does_not_end_is_refused(simulated_portal: SimulatedPortal, tmp_path: Path) -> None:
    client = simulated_portal.client()
    uses: list[Callable[[], object]] = [
        lambda: client.publish_batch(itertools.repeat(37), journal=tmp_path / "run.jsonl", **MODES),
        lambda: client.publish_files([37], publish_override_contact_ids=itertools.repeat(1), **MODES),
    ]
    for use in uses:
        with pytest.raises(InputError, match=r"must have at most 10,000,000 ids, not more: .* Nothing was sent\."):
            use()
    assert not list(tmp_path.iterdir())


def test_what_is_not_a_list_is_not_decided_about(simulated_portal: SimulatedPortal, tmp_path: Path) -> None:
    simulated_portal.next_fault("close_before_answer")
    with pytest.raises(OutcomeUnknownError):
        simulated_portal.client().publish_batch([37, 38], journal=tmp_path / "run.jsonl", **MODES)
    for given in (FRAME, sqlite_row(), Record(37, 38)):
        with pytest.raises(InputError):
            Journal(tmp_path / "run.jsonl").decide(given, "published", by="Ada")


def test_reading_stops_at_the_first_id_too_many() -> None:
    counter = itertools.count(1)
    with pytest.raises(InputError, match="at most 500"):
        PublishRequest(counter, **MODES)
    assert next(counter) == 502


class MineError(Exception):
    """An exception of the caller's."""


RAISED: list[type[BaseException]] = [
    *(MineError, KeyboardInterrupt, SystemExit, GeneratorExit, InputError),
    *(AttributeError, IndexError, OverflowError, TypeError, ValueError),
]


@pytest.mark.parametrize("error", RAISED)
@pytest.mark.parametrize("where", ["__iter__", "__next__", "__index__", "a generator"])
def test_what_the_callers_own_code_raises_passes_through_as_it_is(
    where: str, error: type[BaseException], simulated_portal: SimulatedPortal
) -> None:
    mine = error("mine")

    class Ids:
        def __iter__(self) -> Iterator[int]:
            if where == "__iter__":
                raise mine
            return self

        def __next__(self) -> int:
            raise mine

    class Id:
        def __index__(self) -> int:
            raise mine

    def generates() -> Iterator[int]:
        yield 37
        raise mine

    given: Any = {"__index__": [37, Id()], "a generator": generates()}.get(where, Ids())
    with pytest.raises(error) as raised:
        simulated_portal.client().publish_files(given, **MODES)
    assert raised.value is mine
    assert mine.__cause__ is None
    assert simulated_portal.requests == []


@pytest.mark.parametrize("error", RAISED)
def test_what_the_callers_own_numbers_raise_passes_through_as_it_is(
    error: type[BaseException], simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    mine = error("mine")

    class Number:
        def __index__(self) -> int:
            raise mine

        __float__ = __index__

    number: Any = Number()
    client, arguments = simulated_portal.client(), {"journal": tmp_path / "run.jsonl", **MODES}
    report = client.publish_files([37], **MODES)
    for use in (
        lambda: report.file(number),
        lambda: simulated_portal.client(timeout=number),
        lambda: simulated_portal.client(firm_id=number),
        lambda: client.publish_batch([37], chunk_size=number, **arguments),
        lambda: client.publish_batch([37], max_wait=number, **arguments),
        lambda: client.resume(tmp_path / "run.jsonl", stop_timeout=number),
    ):
        with pytest.raises(error) as raised:
            use()
        assert raised.value is mine
    assert simulated_portal.control("posts") == 1


@pytest.mark.parametrize(
    "ids", [["37", 37, 38], [38, 37, 37], ["0037", "37", 38], pd.Series(["37", 37, 38], dtype=object)]
)
def test_the_advice_for_a_repeated_id_leaves_each_once(ids: Any) -> None:
    with pytest.raises(InputError) as refused:
        PublishRequest(ids, **MODES)
    advice = re.findall(r"`(list\(.*?\))`", str(refused.value))
    assert len(advice) == 1
    request = PublishRequest(eval(advice[0], {"ids": ids}), **MODES)
    assert sorted(request.file_ids) == [37, 38]
