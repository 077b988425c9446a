"""JUnit XML: valid whatever the tests say, and every case in it once."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from testlanes.runner.errors import UserError
from testlanes.runner.events import CasesGivenUp, ExtraResult
from testlanes.runner.ids import Kind, LaneId, ProfileName, Status
from testlanes.runner.report.junit import JUnitReport

if TYPE_CHECKING:
    from .conftest import Story


def parsed(path: Path) -> ET.Element:
    return ET.parse(path).getroot()  # noqa: S314


def case_of(root: ET.Element, name: str) -> ET.Element:
    [found] = [one for one in root.iter("testcase") if one.get("name") == name]
    return found


def test_each_outcome_has_its_element_and_the_counts_agree(story: Story, tmp_path: Path) -> None:
    story.reporters.append(JUnitReport(story.cases, tmp_path / "r.xml"))
    rows = story.begin([f"m.C.test_{n}" for n in "abcdefg"])
    story.run(rows[0])
    story.fail(
        rows[1],
        "Traceback (most recent call last):\n  File\nAssertionError: 1 != 2",
        Kind.ASSERTION,
    )
    story.fail(rows[2], "boom", Kind.CRASH)
    story.start(rows[3])
    story.detail(rows[3], "reason", b"no database")
    story.finish_case(rows[3], Status.SKIP)
    story.run(rows[4], Status.XFAIL)
    story.run(rows[5], Status.UXSUCCESS)
    story.tell(CasesGivenUp((rows[6],), "interrupted"))
    story.end()

    root = parsed(tmp_path / "r.xml")
    suite = root.find("testsuite")
    assert suite is not None
    for element in (root, suite):
        assert [element.get(k) for k in ("tests", "failures", "errors", "skipped")] == [
            "7",
            "2",
            "1",
            "3",
        ]
    assert len(case_of(root, "test_a")) == 0
    failure = case_of(root, "test_b").find("failure")
    assert failure is not None
    assert failure.get("message") == "AssertionError: 1 != 2"
    assert failure.get("type") == "assertion"
    error = case_of(root, "test_c").find("error")
    assert error is not None
    assert error.get("type") == "crash"
    skipped = case_of(root, "test_d").find("skipped")
    assert skipped is not None
    assert skipped.get("message") == "no database"
    unrun = case_of(root, "test_g").find("skipped")
    assert unrun is not None
    assert unrun.get("message") == "not run: interrupted"
    assert [path.name for path in tmp_path.iterdir()] == ["r.xml"]


@pytest.mark.parametrize(
    "bad",
    [
        bytes(range(256)),
        b"]]></failure>&amp;<x",
        "\ufffe\uffff\U0001f600\ud7ff".encode(),
        b"\xed\xa0\x80",
    ],
)
def test_no_bytes_break_the_xml(story: Story, tmp_path: Path, bad: bytes) -> None:
    text = bad.decode("utf-8", "surrogateescape")
    story.reporters.append(JUnitReport(story.cases, tmp_path / "r.xml"))
    [row] = story.begin([f"m.test[{text}]"], profile=f"p{text}")
    story.start(row)
    story.detail(row, f"n{text}", bad)
    story.detail(row, "traceback", bad)
    story.finish_case(row, Status.FAIL, Kind.ERROR)
    story.end()
    [case] = parsed(tmp_path / "r.xml").iter("testcase")
    assert case.get("classname") == "m"


@pytest.mark.parametrize(
    ("test_id", "classname", "name"),
    [
        ("tests/test_a.py::TestX::test_y[a.b::c/d]", "tests.test_a.TestX", "test_y[a.b::c/d]"),
        ("tests/test_a.py::test_y", "tests.test_a", "test_y"),
        ("a.b.C.test_m(scenario.x)", "a.b.C", "test_m(scenario.x)"),
        ("setUpClass (m.C)", "", "setUpClass (m.C)"),
        ("lonely", "", "lonely"),
    ],
)
def test_ids_are_split_before_their_parameters(
    story: Story, tmp_path: Path, test_id: str, classname: str, name: str
) -> None:
    story.reporters.append(JUnitReport(story.cases, tmp_path / "r.xml"))
    [row] = story.begin([test_id])
    story.run(row)
    story.end()
    [case] = parsed(tmp_path / "r.xml").iter("testcase")
    assert (case.get("classname"), case.get("name")) == (classname, name)


def test_repeated_attempts_are_told_in_surefires_words(story: Story, tmp_path: Path) -> None:
    story.reporters.append(JUnitReport(story.cases, tmp_path / "r.xml"))
    flaky, broken = story.begin(["m.flaky", "m.broken"])
    story.fail(flaky)
    story.run(flaky)
    story.fail(broken, "first")
    story.fail(broken, "second")
    story.end()
    root = parsed(tmp_path / "r.xml")
    assert root.get("failures") == "0"
    assert root.get("errors") == "1"
    assert [one.tag for one in case_of(root, "flaky")] == ["flakyFailure"]
    again = [(one.tag, one.text) for one in case_of(root, "broken") if one.text]
    assert again[-2:] == [("error", "second"), ("rerunFailure", "first")]


def test_each_profile_is_a_suite_with_its_property(story: Story, tmp_path: Path) -> None:
    story.reporters.append(JUnitReport(story.cases, tmp_path / "r.xml"))
    [one] = story.begin(["m.t"], profile="py311", lanes=1)
    [two] = story.begin(["m.t"], profile="py313", lanes=1)
    story.run(one, lane=0)
    story.fail(two, lane=1)
    extra = ExtraResult(LaneId(1), "setUpClass (m.C)", ProfileName("py313"), Status.FAIL, story.now)
    story.tell(extra)
    story.end()
    suites = list(parsed(tmp_path / "r.xml").iter("testsuite"))
    assert [suite.get("name") for suite in suites] == ["py311", "py313"]
    assert [suite.get("errors") for suite in suites] == ["0", "2"]
    assert [p.get("value") for p in suites[1].findall("properties/property")] == ["py313"]


def test_a_file_that_cannot_be_written_is_told_before_the_run(story: Story, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot write the JUnit report"):
        JUnitReport(story.cases, tmp_path / "none" / "r.xml")
