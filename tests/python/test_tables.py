"""What a notebook shows: tables that hide nothing which is not ok, can be read, and run nothing."""

from __future__ import annotations

import json
import pickle
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from addepar_portal import (
    FailedContacts,
    FailedPortfolio,
    GeneratedPortfolio,
    GeneratedReport,
    GeneratedReports,
    Journal,
    OutcomeUnknownError,
    PublishReport,
    PublishRequest,
    SettledFile,
    Settlement,
)
from addepar_portal._html import STYLE
from addepar_portal.testing import SimulatedPortal

MODES: Any = {"portal_publishing": "publish", "contact_notification": "notify"}
HOSTILE = '"><script>alert(1)</script>\x1b[31m\u202e'


class Table(HTMLParser):
    """The cells of the one table, by the names of their columns."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.names: list[str] = []
        self.rows: list[dict[str, str]] = []
        self._cells: list[str] | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "tr":
            self._cells = []
        elif tag in ("td", "th") and self._cells is not None:
            self._cells.append("")

    def handle_data(self, data: str) -> None:
        if self._cells:
            self._cells[-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "tr" and self._cells is not None:
            if self.names:
                self.rows.append(dict(zip(self.names, self._cells, strict=True)))
            else:
                self.names = self._cells
            self._cells = None


def report_of(count: int, *, failed: int = 0, left_out: int = 0, contacts: int = 2) -> PublishReport:
    """The files 1, 2, …, of which the last ones failed, and those before were left out of the answer."""
    error = {"code": "publish_failed", "detail": f"Failed for contacts {list(range(1, contacts + 1))}."}
    data = []
    for file in range(1, count + 1):
        is_ok = file <= count - failed
        if is_ok and file > count - failed - left_out:
            continue
        statuses = {"publish_status": "success" if is_ok else "fail", "notify_status": "success"}
        data.append({"attributes": {"file_id": file, **statuses, "error": [] if is_ok else [error]}})
    request = PublishRequest(range(1, count + 1), **MODES)
    return PublishReport.from_response(request, json.dumps({"data": data}))


def test_no_file_that_is_not_ok_is_hidden() -> None:
    report = report_of(400, failed=60, left_out=70)
    html = report._repr_html_()
    table = Table(html)
    states = [row["state"] for row in table.rows]
    assert states == ["unknown"] * 70 + ["failed"] * 60 + ["ok"] * 50
    assert [int(row["file_id"]) for row in table.rows[:130]] == [*range(271, 341), *range(341, 401)]
    head = re.findall(r'<span class="(\w+)">([^<]*)</span>', html.partition("<table")[0])
    assert head == [("unknown", "70 unknown"), ("failed", "60 failed"), ("ok", "270 ok")]
    assert "… and 220 more files, all of them ok" in html


def test_the_columns_are_named_as_in_the_data_frame_and_only_those_with_values_are_there() -> None:
    report = report_of(3, failed=1, left_out=1)
    table = Table(report._repr_html_())
    assert set(table.names) <= set(report.to_pandas().columns)
    assert table.names == ["file_id", "state", "published", "notified", "reason", "errors", "contacts_not_published"]
    unknown, failed, _ = table.rows
    assert (failed["published"], failed["contacts_not_published"]) == ("some or none", "1, 2")
    assert (unknown["published"], unknown["reason"]) == ("?", "The answer has no result for it.")
    assert Table(report_of(2)._repr_html_()).names == ["file_id", "state", "published", "notified"]


def test_contacts_that_cannot_be_told_are_a_question_mark() -> None:
    row = {"file_id": 37, "publish_status": "fail", "notify_status": "success", "error": {"code": "publish_failed"}}
    body = json.dumps({"data": [{"attributes": row}]})
    report = PublishReport.from_response(PublishRequest([37], **MODES), body)
    assert Table(report._repr_html_()).rows[0]["contacts_not_published"] == "?"
    failed = report.failed_contacts()
    assert Table(failed._repr_html_()).rows == [{"contact_id": "?", "file_id": "37"}]
    assert failed.to_dicts() == [{"contact_id": None, "file_id": 37, "step": None}]


def test_failed_contacts_have_a_row_for_each_contact_file_and_step() -> None:
    failed = report_of(4, failed=2).failed_contacts()
    rows = [{"contact_id": contact, "file_id": file, "step": "publish"} for contact in (1, 2) for file in (3, 4)]
    assert failed.to_dicts() == rows
    assert Table(failed._repr_html_()).rows == [{name: str(cell) for name, cell in row.items()} for row in rows]
    assert ">2 contacts missed something<" in failed._repr_html_()
    frame = failed.to_pandas()
    assert frame.to_dict("records") == rows
    assert dict(frame.dtypes.astype(str)) == {"contact_id": "Int64", "file_id": "int64", "step": "string"}
    nobody = report_of(1).failed_contacts()
    assert (nobody.to_dicts(), list(nobody.to_pandas().columns)) == ([], ["contact_id", "file_id", "step"])
    assert Table(nobody._repr_html_()).rows == []


def test_the_table_of_failed_contacts_says_how_many_files_it_says_nothing_about() -> None:
    report = report_of(9, failed=1, left_out=3)
    failed = report.failed_contacts()
    for kept in (failed, pickle.loads(pickle.dumps(failed))):
        html = kept._repr_html_()
        assert '<span class="">2 contacts missed something</span><span class="unknown">3 files unknown</span>' in html
        assert "<p>Contacts of files that are unknown or not processed are not in this table.</p>" in html
        assert kept == failed == FailedContacts(failed.contacts, failed.unreadable)
    lost = report_of(2, left_out=2).failed_contacts()
    assert '0 contacts missed something</span><span class="unknown">2 files unknown<' in lost._repr_html_()
    assert "not in this table" not in report_of(3, failed=1).failed_contacts()._repr_html_()


def test_a_journal_has_a_table_with_what_people_decided(simulated_portal: SimulatedPortal, tmp_path: Path) -> None:
    path = tmp_path / "<run>.jsonl"
    simulated_portal.next_fault("close_before_answer")
    with pytest.raises(OutcomeUnknownError):
        simulated_portal.client().publish_batch(range(1, 4), journal=path, chunk_size=2, **MODES)
    journal = Journal(path)
    journal.decide([1], "published", by="Ada <ada@example.com>", evidence="seen in the portal")
    html = Journal(path)._repr_html_()
    assert "&lt;run&gt;.jsonl; chunks: 1 unknown" in html
    rows = Table(html).rows
    assert [(row["file_id"], row["state"]) for row in rows] == [
        ("2", "unknown"),
        ("3", "not processed"),
        ("1", "unknown, decided: published"),
    ]
    assert rows[2]["decided_by"] == "Ada <ada@example.com>"
    assert rows[2]["evidence"] == "seen in the portal"
    assert [row["chunk"] for row in rows] == ["1", "2", "1"]


def generated(**members: Any) -> GeneratedReport:
    given = dict.fromkeys(GeneratedReport.__match_args__) | {"job_id": "a-job"}
    return GeneratedReport(**{**given, "generated_portfolios": (), "failed_portfolios": (), **members})


def test_generated_reports_have_tables() -> None:
    report = generated(
        report_name=HOSTILE,
        generated_portfolios=(GeneratedPortfolio("entity", 21, "A", 101, False),),
        failed_portfolios=(FailedPortfolio("entity", 22, HOSTILE),),
    )
    rows = Table(report._repr_html_()).rows
    assert [(row["file_id"], row["portfolio_id"], row["has_been_published"]) for row in rows] == [
        ("none", "22", ""),
        ("101", "21", "False"),
    ]
    (row,) = Table(GeneratedReports([report])._repr_html_()).rows
    assert (row["job_id"], row["files"], row["failed_portfolios"]) == ("a-job", "1", "1")


def test_a_list_of_generated_reports_is_a_table(simulated_portal: SimulatedPortal) -> None:
    jobs = simulated_portal.client().generated_reports()
    assert jobs == []
    assert isinstance(jobs, GeneratedReports)
    assert Table(jobs._repr_html_()).rows == []


def test_a_settlement_has_a_table_and_shows_first_what_is_left_to_a_person() -> None:
    files = (SettledFile(1, "A", "published", "seen"), SettledFile(2, "B", None, HOSTILE))
    html = Settlement(files, applied=False, looked_at=())._repr_html_()
    assert [row["decision"] for row in Table(html).rows] == ["look yourself", "published"]
    assert ">1 to look at yourself<" in html


def tables() -> dict[str, str]:
    """Each kind of table, with hostile texts wherever one may come from outside."""
    row = {"file_id": 37, "publish_status": "fail", "notify_status": HOSTILE, "error": {"detail": HOSTILE}}
    answer = {"data": [{"attributes": row}], "errors": [{"detail": HOSTILE}], "links": {"next": f"/v1/{HOSTILE}"}}
    request = PublishRequest(generated(generated_portfolios=(GeneratedPortfolio("e", 1, HOSTILE, 37, None),)), **MODES)
    report = PublishReport.from_response(request, json.dumps(answer))
    portfolios = (GeneratedPortfolio(HOSTILE, 1, HOSTILE, 37, None),)
    job = generated(job_id=HOSTILE, report_name=HOSTILE, status=HOSTILE, generated_portfolios=portfolios)
    return {
        "a report": report._repr_html_(),
        "failed contacts": report.failed_contacts()._repr_html_(),
        "a generated report": job._repr_html_(),
        "generated reports": GeneratedReports([job])._repr_html_(),
        "a settlement": Settlement((SettledFile(37, HOSTILE, None, HOSTILE),), False, ())._repr_html_(),
    }


@pytest.mark.parametrize(("what", "html"), tables().items())
def test_every_text_is_escaped(what: str, html: str) -> None:
    assert Table(html).tags == {"style", "div", "p", "span", "table", "thead", "tbody", "tr", "th", "td"}, what
    assert not set("\x1b\u202e") & set(html)
    assert (r"\u{202e}" in html) == (what != "failed contacts")
    assert ("&quot;&gt;&lt;script&gt;" in html) == (what != "failed contacts")


def test_a_table_is_of_bounded_height_and_long_lists_wrap() -> None:
    html = report_of(2, failed=1, contacts=300)._repr_html_()
    assert re.search(r"\.addepar-portal div\{max-height:\d+rem;overflow:auto", STYLE)
    assert re.search(r"td\.list\{max-width:\d+em;white-space:normal\}", STYLE)
    assert re.search(r"td\.text\{min-width:\d+em;max-width:\d+em;white-space:normal;overflow-wrap:anywhere\}", STYLE)
    assert '<td class="list">1, 2, 3, ' in html
    assert '<td class="text">Failed for contacts [1, 2, 3, ' in html


def luminance(colour: str) -> float:
    """As WCAG 2 has it."""
    digits = colour.removeprefix("#")
    digits = digits if len(digits) == 6 else "".join(digit * 2 for digit in digits)
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def palettes() -> list[dict[str, str]]:
    blocks = re.findall(r"\{((?:--\w+:#\w+;?)+);color-scheme", STYLE)
    return [dict(re.findall(r"--(\w+):(#\w+)", block)) for block in blocks]


def test_contrast_is_computed_as_the_standard_says() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.01)


def test_every_text_has_enough_contrast_with_the_background_that_the_table_sets() -> None:
    light, *dark = palettes()
    assert len(dark) == 2  # for a system that is dark, and for a notebook that is
    assert dark[0] == dark[1] != light
    # Every cell sets its background, since notebooks give rows one of their own.
    assert set(re.findall(r"(?<![-\w])background:([^;}]+)", STYLE)) == {"var(--ground)", "var(--head)"}
    texts = {name.strip() for name in re.findall(r"(?<![-\w])color:var\(--(\w+)\)", STYLE)}
    assert texts == {"ink", "soft", "unknown", "failed", "ok"}
    for palette in (light, dark[0]):
        assert set(palette) == texts | {"ground", "head", "line"}
        for text in texts:
            assert contrast(palette[text], palette["ground"]) >= 4.5, text
        assert contrast(palette["soft"], palette["head"]) >= 4.5
