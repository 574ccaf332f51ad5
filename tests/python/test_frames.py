"""Reports beside a caller's own tables: ids are compared as ids, and no row is lost on either side."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]
import pytest

from addepar_portal import FailedContacts, InputError, PublishReport, PublishRequest
from addepar_portal.testing import SimulatedPortal

MODES: Any = {"portal_publishing": "publish", "contact_notification": "notify"}
FAILED = {"code": "notification_failed", "detail": "Failed for contacts [1,2]."}


@pytest.fixture
def report() -> PublishReport:
    return report_of([37, 38, 39])


def report_of(file_ids: list[int], **modes: str) -> PublishReport:
    """The second file failed, and the third one is missing."""
    good, bad = ({"publish_status": "success", "notify_status": status} for status in ("success", "fail"))
    rows = [{"file_id": file_ids[0], **good}, {"file_id": file_ids[1], **bad, "error": [FAILED]}]
    body = json.dumps({"data": [{"attributes": row} for row in rows]})
    return PublishReport.from_response(PublishRequest(file_ids, **{**MODES, **modes}), body)


SAME: list[Any] = [38, "38", "0038", 38.0, np.int64(38), np.uint8(38), np.float64(38), np.str_("38")]
OTHER: list[Any] = [
    99,
    "99",
    -38,
    0,
    2**70,
    "38 ",
    "x",
    "",
    None,
    38.5,
    float("nan"),
    True,
    np.float32(38),
    [38],
    pd.NA,
]


@pytest.mark.parametrize("file_id", SAME, ids=repr)
def test_a_file_is_found_however_its_id_is_written(file_id: Any, report: PublishReport) -> None:
    assert report.file(file_id).file_id == 38
    assert file_id in report


@pytest.mark.parametrize("file_id", OTHER, ids=repr)
def test_what_is_not_a_file_of_the_report_is_a_key_error(file_id: Any, report: PublishReport) -> None:
    with pytest.raises(KeyError, match="was not part of this request"):
        report.file(file_id)
    assert file_id not in report


def test_a_result_is_in_its_own_report_alone(report: PublishReport) -> None:
    assert report.files[1] in report
    assert report.files[1] not in report_of([36, 37, 38])


def same(given: Any, expected: list[Any]) -> bool:
    return [None if pd.isna(value) else value for value in given] == expected


KEYS: dict[str, Any] = {
    "integers": [38, 37, 99],
    "texts": ["38", "37", "99"],
    "texts with zeros": ["0038", "037", "99"],
    "floats": [38.0, 37.0, 99.0],
    "small integers": np.array([38, 37, 99], dtype="uint8"),
    "integers of pandas": pd.array([38, 37, 99], dtype="Int64"),
    "texts of Arrow": pd.array(["38", "37", "99"], dtype=pd.ArrowDtype(pa.string())),
    "integers of Arrow": pd.array([38, 37, 99], dtype=pd.ArrowDtype(pa.int64())),
    "categories": pd.Categorical(["38", "37", "99"]),
    "objects": np.array([38, "37", 99.0], dtype=object),
}


@pytest.mark.parametrize("what", KEYS)
@pytest.mark.parametrize("on", ["file_id", "File"])
def test_no_row_of_either_side_is_lost(what: str, on: str, report: PublishReport) -> None:
    frame = pd.DataFrame({"client": ["B", "A", "C"], on: KEYS[what]}, index=[7, 7, 9])
    before = frame.copy(deep=True)
    joined = report.join(frame, on=on)
    assert joined["matched"].to_list() == ["both", "both", "frame", "report"]
    ids = "file_id_report" if on == "file_id" else "file_id"
    assert same(joined[ids], [38, 37, 99, 39])
    assert str(joined[ids].dtype) == "Int64"
    assert same(joined["client"], ["B", "A", "C", None])
    assert same(joined["state"], ["failed", "ok", None, "unknown"])
    assert joined["contacts_not_notified"].to_list() == [(1, 2), (), None, None]
    assert joined["contacts_not_published"].to_list() == [(), (), None, None]
    assert list(joined.columns[:2]) == ["client", on]
    assert set(joined.columns) == {*frame.columns, *report.to_pandas().columns, "matched", ids}
    pd.testing.assert_frame_equal(frame, before)


def test_missing_ids_are_rows_of_their_own(report: PublishReport) -> None:
    for missing in (None, float("nan"), pd.NA, pd.NaT):
        frame = pd.DataFrame({"file_id": pd.Series([37, missing, "0038"], dtype=object)})
        joined = report.join(frame)
        assert joined["matched"].to_list() == ["both", "frame", "both", "report"]
        assert same(joined["file_id_report"], [37, None, 38, 39])
    for type_ in ("float64", "Int64", pd.ArrowDtype(pa.int64())):
        joined = report.join(pd.DataFrame({"file_id": pd.Series([37, None, 38], dtype=type_)}))
        assert joined["matched"].to_list() == ["both", "frame", "both", "report"]


def test_several_rows_may_be_of_one_file(report: PublishReport) -> None:
    joined = report.join(pd.DataFrame({"file_id": ["38", 38, "37"], "client": [1, 2, 3]}))
    assert joined["matched"].to_list() == ["both", "both", "both", "report"]
    assert same(joined["state"], ["failed", "failed", "ok", "unknown"])


def test_whole_numbers_stay_whole_beside_rows_that_have_none(report: PublishReport) -> None:
    large = 2**53 + 1  # which no float is
    frame = pd.DataFrame({"file_id": [37], "n": [large], "u": np.array([1], dtype="uint8"), "b": [True], "x": [0.5]})
    joined = report.join(frame)
    assert {name: str(joined[name].dtype) for name in "nubx"} == {
        "n": "Int64",
        "u": "UInt8",
        "b": "boolean",
        "x": "float64",
    }
    assert joined["n"][0] == large
    everything = pd.DataFrame({"file_id": [37, 38, 39], "n": 1})
    assert str(report.join(everything)["n"].dtype) == "int64"


def test_names_that_both_sides_have_are_refused_without_a_suffix(report: PublishReport) -> None:
    frame = pd.DataFrame({"id": [37], "state": ["NY"], "file_id": ["a name"], "matched": [1]})
    with pytest.raises(
        InputError, match=r"has 'file_id', 'state', 'matched'\. .* 'file_id_report' the report's"
    ) as caught:
        report.join(frame, on="id")
    assert str(caught.value).endswith(".")
    joined = report.join(frame, on="id", suffix="_report")
    assert (joined["state"][0], joined["state_report"][0]) == ("NY", "ok")
    assert (joined["file_id"][0], joined["file_id_report"][0]) == ("a name", 37)
    assert (joined["matched"][0], joined["matched_report"][0]) == (1, "both")
    with pytest.raises(InputError, match=r"has 'state'\. .*`suffix`"):
        report.join(frame.drop(columns="matched").rename(columns={"id": "file_id", "file_id": "name"}))


def test_names_stay_apart_however_often_reports_are_joined(report: PublishReport) -> None:
    joined = report.join(pd.DataFrame({"file_id": ["0037"]}))
    with pytest.raises(InputError, match="'file_id_report', 'state'"):
        report.join(joined)
    joined = report.join(joined, suffix="_2")
    with pytest.raises(
        InputError, match=r"'file_id_2', 'state_2'.*`suffix` for the report's, that makes other names\."
    ):
        report.join(joined, suffix="_2")
    joined = report.join(joined, suffix="_3")
    assert joined.columns.is_unique
    assert list(joined.filter(like="matched")) == ["matched", "matched_2", "matched_3"]
    assert list(joined.filter(like="file_id")) == ["file_id", "file_id_report", "file_id_2", "file_id_3"]


@pytest.mark.parametrize("what", KEYS)
def test_the_columns_of_the_frame_stay_as_they_are(what: str) -> None:
    frame = pd.DataFrame({"client": ["B", "A", "C"], "file_id": KEYS[what]})
    joined = report_of([37, 38]).join(frame)
    pd.testing.assert_frame_equal(joined[["client", "file_id"]], frame)
    assert same(joined["file_id_report"], [38, 37, 99])


def test_columns_of_one_name_keep_their_own_types(report: PublishReport) -> None:
    frame = pd.DataFrame({"file_id": [37], "a": [5], "b": [True], "c": pd.interval_range(0, 1)})
    frame.columns = pd.Index(["file_id", "same", "same", "c"])
    joined = report.join(frame)
    assert [str(type_) for type_ in joined["same"].dtypes] == ["Int64", "boolean"]
    assert joined["same"].iloc[0].to_list() == [5, True]
    assert [str(type_) for type_ in frame.dtypes][1:3] == ["int64", "bool"]
    assert joined["c"].isna().to_list() == [False, True, True]


@pytest.mark.parametrize("value", ["x", "38 ", 38.5, True, -1, 0])
def test_a_key_that_would_miss_its_file_in_silence_is_refused(value: Any, report: PublishReport) -> None:
    frame = pd.DataFrame({"file_id": pd.Series([37, value], dtype=object)})
    with pytest.raises(InputError, match=r"`frame\['file_id'\]` must hold the ids of files") as raised:
        report.join(frame)
    assert "Nothing was" not in str(raised.value)  # the report says what was sent
    assert str(raised.value).endswith(".")


def test_what_cannot_be_joined_says_so(report: PublishReport) -> None:
    with pytest.raises(InputError, match=r"floats of 4 bytes .* read it as integers\.$"):
        report.join(pd.DataFrame({"file_id": pd.Series([37.0], dtype="float32")}))
    with pytest.raises(InputError, match=r"one column .*, not several\.$"):
        report.join(pd.DataFrame([[37, 38]], columns=["file_id", "file_id"]))
    with pytest.raises(TypeError, match=r"DataFrame of pandas, not of type dict\.$"):
        report.join({"file_id": [37]})
    for other in (pl.DataFrame({"file_id": [37]}), pa.table({"file_id": [37]})):
        advice = r"not of type (polars|pyarrow)\.\w+\. `frame\.to_pandas\(\)` makes one of it\.$"
        with pytest.raises(TypeError, match=advice):
            report.join(other)


# A frame, and the column that it is joined on -> what is said where it has none of this name.
NO_COLUMN: dict[str, tuple[Any, Any, str]] = {
    "another name": (
        pd.DataFrame({"client": ["A"], "File ID": [37]}),
        "file_id",
        "has 'client', 'File ID'. Name the column that has the ids with `on`, such as `on='File ID'`.",
    ),
    "no name": (
        pd.DataFrame({"client": ["A"]}),
        None,
        "has 'client'. Name the column that has the ids with `on`.",
    ),
    "an index as the name": (
        pd.DataFrame({"client": ["A"]}),
        pd.Index(["client"]),
        "has 'client'. Name the column that has the ids with `on`.",
    ),
    "no column of ids": (
        pd.DataFrame({"client": ["A"]}),
        "file_id",
        "has 'client'. Name the column that has the ids with `on`.",
    ),
    "no columns": (pd.DataFrame(), "file_id", "has no columns. Name the column that has the ids with `on`."),
    "an index": (
        pd.DataFrame({"client": ["A"]}, index=pd.Index([37], name="file_id")),
        "file_id",
        "has 'client'. 'file_id' is in its index: join `frame.reset_index()`.",
    ),
    "many columns": (
        pd.DataFrame([range(25)]),
        "file_id",
        f"has {', '.join(map(str, range(20)))}, 5 more. Name the column that has the ids with `on`.",
    ),
    "a list of names": (
        pd.DataFrame({"file_id": [37]}),
        ["file_id"],
        "has 'file_id'. Name the column that has the ids with `on`, such as `on='file_id'`.",
    ),
}


@pytest.mark.parametrize("what", NO_COLUMN)
def test_a_frame_without_the_column_is_told_which_it_has(what: str, report: PublishReport) -> None:
    frame, on, said = NO_COLUMN[what]
    with pytest.raises(InputError) as raised:
        report.join(frame, on=on)
    assert str(raised.value) == f"`frame` must have the column {on!r}, with the ids of files, and {said}"
    with pytest.raises(InputError, match="with the ids of contacts, and has"):
        report.failed_contacts().join(frame, on=on)


def test_ids_that_are_floats_stay_the_frames_and_the_reports_are_whole(report: PublishReport) -> None:
    joined = report.join(pd.DataFrame({"file_id": [37.0, float("nan")]}))
    assert same(joined["file_id"], [37.0, None, None, None])
    assert str(joined["file_id"].dtype) == "float64"
    assert same(joined["file_id_report"], [37, None, 38, 39])
    assert str(joined["file_id_report"].dtype) == "Int64"


def failed_contacts() -> FailedContacts:
    """The contacts 1 and 2 missed the file 37, 1 also 38; of 39 no contact is identified."""
    row = {"publish_status": "success", "notify_status": "fail"}
    details = {37: FAILED["detail"], 38: "Failed for contacts [1].", 39: "Failed for some."}
    rows = [{"file_id": id_, **row, "error": [{**FAILED, "detail": text}]} for id_, text in details.items()]
    body = json.dumps({"data": [{"attributes": row} for row in rows]})
    return PublishReport.from_response(PublishRequest([37, 38, 39], **MODES), body).failed_contacts()


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, pd.NaT])
def test_a_contact_that_cannot_be_told_is_nobody_of_the_frame(missing: Any) -> None:
    ids = pd.Series(["0002", missing, 9, 1.0], dtype=object)
    contacts = pd.DataFrame({"contact_id": ids, "contact": ["B", "nobody", "C", "A"], "n": [1, 2, 3, 4]})
    joined = failed_contacts().join(contacts)
    assert joined["matched"].to_list() == ["both", "frame", "frame", "both", "both", "report"]
    assert same(joined["contact_id_report"], [2, None, 9, 1, 1, None])
    assert same(joined["contact"], ["B", "nobody", "C", "A", "A", None])
    assert same(joined["file_id"], [37, None, None, 37, 38, 39])
    assert same(joined["step"], ["notify", None, None, "notify", "notify", None])
    assert {str(joined[name].dtype) for name in ("contact_id_report", "file_id", "n")} == {"Int64"}
    assert list(joined.columns[:3]) == list(contacts.columns)


def test_contacts_are_joined_as_files_are() -> None:
    failed = failed_contacts()
    people = pd.DataFrame({"person": [2, 1], "step": ["x", "y"]})
    with pytest.raises(InputError, match="has 'step'"):
        failed.join(people, on="person")
    joined = failed.join(people, on="person", suffix="_missed")
    assert joined["step_missed"].to_list()[:3] == ["notify"] * 3
    assert same(joined["contact_id"], [2, 1, 1, None])
    assert str(failed.join(people[["person"]], on="person")["file_id"].dtype) == "int64"
    for value in ("x", 1.5, True, 0):
        with pytest.raises(InputError, match=r"`frame\['contact_id'\]` must hold the ids of contacts: whole numbers"):
            failed.join(pd.DataFrame({"contact_id": pd.Series([1, value], dtype=object)}))
    none = PublishReport.from_response(PublishRequest([37], **MODES), '{"data": []}').failed_contacts()
    assert none.join(pd.DataFrame({"contact_id": [1]}))["matched"].to_list() == ["frame"]
    assert none.join(pd.DataFrame({"contact_id": []})).empty


def test_a_frame_of_no_rows_has_all_files(report: PublishReport) -> None:
    joined = report.join(pd.DataFrame({"file_id": []}))
    assert joined["matched"].to_list() == ["report"] * 3
    assert same(joined["file_id_report"], [37, 38, 39])


def test_the_types_of_a_frame_do_not_depend_on_what_was_answered(report: PublishReport) -> None:
    nothing = PublishReport.from_response(
        PublishRequest([37], portal_publishing="do_not_publish", contact_notification="do_not_notify"),
        '{"data": [{"attributes": {"file_id": 37, "publish_status": "success", "notify_status": "success"}}]}',
    )
    frame = nothing.to_pandas()
    assert dict(frame.dtypes) == dict(report.to_pandas().dtypes)
    untyped = {name for name, type_ in frame.dtypes.items() if str(type_) == "object"}
    assert untyped == {"contacts_not_published", "contacts_not_notified"}
    assert frame["published"][0] is frame["notified"][0] is frame["reason"][0] is pd.NA  # nobody was asked for it
    assert str(pd.concat([frame, report.to_pandas()])["reason"].dtype) == "string"


def test_csv_is_as_on_the_command_line(simulated_portal: SimulatedPortal, tmp_path: Path) -> None:
    simulated_portal.fail_notify(38, [1])
    report = simulated_portal.client().publish_files([37, 38], **MODES)
    report.to_csv(tmp_path / "report.csv")
    assert (tmp_path / "report.csv").read_bytes() == report.to_csv().encode()
    rows = list(csv.DictReader(io.StringIO(report.to_csv())))
    assert [row["contacts_not_notified"] for row in rows] == ["", "1"]
    command = [sys.executable, "-m", "addepar_portal", "publish", "37", "38", "--format", "csv", "--yes"]
    modes = ["--portal-publishing", "publish", "--contact-notification", "notify"]
    shown = subprocess.run(
        [*command, *modes],
        env={**os.environ, **simulated_portal.environ()},
        capture_output=True,
        timeout=30,
        check=False,
    ).stdout
    assert shown == report.to_csv().encode()


def test_csv_of_failed_contacts_has_a_line_for_each_and_no_formula(tmp_path: Path) -> None:
    unreadable = {"code": "notification_failed", "detail": "=HYPERLINK(1)"}
    row = {"publish_status": "success", "notify_status": "fail"}
    rows = [{"file_id": 37, **row, "error": [FAILED]}, {"file_id": 38, **row, "error": [unreadable]}]
    body = json.dumps({"data": [{"attributes": row} for row in rows]})
    contacts = PublishReport.from_response(PublishRequest([37, 38], **MODES), body).failed_contacts()
    assert contacts.to_csv() == "contact_id,file_id,step\r\n1,37,notify\r\n2,37,notify\r\n?,38,\r\n"
    contacts.to_csv(tmp_path / "contacts.csv")
    assert (tmp_path / "contacts.csv").read_bytes().decode() == contacts.to_csv()


def test_without_pandas_the_error_says_what_to_install() -> None:
    code = """
import sys
sys.modules["pandas"] = None
sys.path_importer_cache.clear()
from addepar_portal import PublishReport, PublishRequest
request = PublishRequest([37], portal_publishing="publish", contact_notification="notify")
report = PublishReport.from_response(request, '{"data": []}')
failed = report.failed_contacts()
for use in (report.to_pandas, failed.to_pandas, lambda: report.join(None), lambda: failed.join(None)):
    try:
        use()
    except ModuleNotFoundError as error:
        print(error.name, error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert (
        done.stdout.count("pandas This needs pandas, which is not installed: pip install 'addepar-portal[pandas]'") == 4
    )


def test_columns_are_what_other_frames_take(report: PublishReport) -> None:
    columns = report.to_columns()
    frame = pl.DataFrame(columns)
    assert frame["contacts_not_notified"].to_list() == [[], [1, 2], None]
    table = pa.table(columns)
    assert table.column("contacts_not_notified").to_pylist() == [[], [1, 2], None]
    unnested = duckdb.connect().execute("SELECT unnest(contacts_not_notified) FROM frame")
    assert unnested.fetchall() == [(1,), (2,)]
    contacts = report.failed_contacts().to_columns()
    assert pl.DataFrame(contacts).rows() == [(1, 38, "notify"), (2, 38, "notify")]
    assert pa.table(contacts).num_rows == 2


ARROW_TYPES: Any = {
    "file_id": pa.int64(),
    "contact_id": pa.int64(),
    "published": pa.bool_(),
    "notified": pa.bool_(),
    "contacts_not_published": pa.list_(pa.int64()),
    "contacts_not_notified": pa.list_(pa.int64()),
}


def assert_arrow_reads(library: str, table: Any) -> None:
    """What Arrow reads has the same values as the columns, and types that no value decides."""
    columns = table.to_columns()
    expected = {
        name: [list(value) if isinstance(value, tuple) else value for value in column]
        for name, column in columns.items()
    }
    read = pa.table(table)
    assert read.to_pydict() == pl.DataFrame(table).to_dict(as_series=False) == expected
    types = pa.schema([(name, ARROW_TYPES.get(name, pa.string())) for name in columns])
    # polars has types of its own for text and lists.
    assert (pl.from_arrow(read).schema, library) == (pl.from_arrow(types.empty_table()).schema, library)  # type: ignore[union-attr]


@pytest.mark.parametrize("mode", ["publish", "do_not_publish"])
@pytest.mark.parametrize("library", ["pyarrow", "polars"])
def test_a_report_is_an_arrow_stream(mode: str, library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # The library that was imported makes the stream.
    monkeypatch.setattr("addepar_portal._arrow.sys", SimpleNamespace(modules={library: None}))
    report = report_of([37, 38, 39], portal_publishing=mode)
    for table in (report, report.failed_contacts(), FailedContacts({}, ())):
        assert_arrow_reads(library, table)
    joined = duckdb.connect().execute("SELECT unnest(contacts_not_notified) FROM report")
    assert joined.fetchall() == [(1,), (2,)]


def test_an_arrow_stream_needs_a_library(report: PublishReport, monkeypatch: pytest.MonkeyPatch) -> None:
    for library in ("pyarrow", "polars"):
        monkeypatch.setitem(sys.modules, library, None)
    for table in (report, report.failed_contacts()):
        with pytest.raises(ModuleNotFoundError, match="needs pyarrow or polars, and neither is installed: pip install"):
            table.__arrow_c_stream__()
