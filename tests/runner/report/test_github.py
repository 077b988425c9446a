"""GitHub: ten annotations at most, in place, and text that cannot forge another."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from testlanes.runner.events import CasesGivenUp
from testlanes.runner.ids import Kind, Status
from testlanes.runner.report.github import GithubReport

if TYPE_CHECKING:
    from .conftest import Story

TRACEBACK = """Traceback (most recent call last):
  File "/project/tests/test_a.py", line 7, in test_a
    helper(1)
  File "/project/tests/helper.py", line 12, in helper
    assert 1 == 2, "50%,\\nbad: yes"
  File "/usr/lib/python3/unittest/case.py", line 99, in fail
AssertionError: 50%,: yes
"""


def test_an_annotation_stands_at_the_last_line_inside_the_project(story: Story) -> None:
    out = io.StringIO()
    story.reporters.append(GithubReport(story.cases, out, None))
    [row] = story.begin(["m.test_a"])
    story.fail(row, TRACEBACK, Kind.ASSERTION)
    story.end()
    assert out.getvalue() == (
        "::error file=tests/helper.py,line=12,title=assertion%3A m.test_a::AssertionError: 50%25,: yes\n"
    )


def test_pytests_own_traceback_is_understood(story: Story) -> None:
    out = io.StringIO()
    story.reporters.append(GithubReport(story.cases, out, None))
    [row] = story.begin(["t.py::test_a"])
    story.fail(
        row,
        "    def test_a():\n>       assert 0\nE       assert 0\n\ntests/t.py:3: AssertionError\n",
    )
    story.end()
    assert out.getvalue().startswith("::error file=tests/t.py,line=3,title=")
    assert out.getvalue().endswith("::assert 0\n")


def test_of_many_failures_nine_are_shown_and_the_rest_counted(story: Story) -> None:
    out = io.StringIO()
    story.reporters.append(GithubReport(story.cases, out, None))
    for row in story.begin([f"m.t{n}" for n in range(30)]):
        story.fail(row)
    story.end()
    lines = out.getvalue().splitlines()
    assert len(lines) == 10
    assert lines[-1] == "::error title=testlanes::and 21 more failures"


def test_hostile_text_makes_no_second_command(story: Story, tmp_path: Path) -> None:
    out = io.StringIO()
    summary = tmp_path / "summary"
    story.reporters.append(GithubReport(story.cases, out, summary))
    [row] = story.begin(["m.t[\n::set-env::x|<img src=x>`]"])
    story.fail(row, "x\r\n::error::forged\n| a |")
    story.end()
    assert len(out.getvalue().splitlines()) == 1
    table = summary.read_text()
    assert "<img" not in table
    failed = [line for line in table.splitlines() if "set-env" in line]
    assert len(failed) == 1
    assert failed[0].count("|") == 4


def test_the_summary_is_appended_and_counts_agree(story: Story, tmp_path: Path) -> None:
    summary = tmp_path / "summary"
    summary.write_text("before\n")
    story.reporters.append(GithubReport(story.cases, io.StringIO(), summary))
    rows = story.begin([f"m.t{n}" for n in range(6)], profile="py311")
    story.run(rows[0])
    story.fail(rows[1])
    story.run(rows[1])  # flaky
    story.fail(rows[2])
    story.run(rows[3], Status.SKIP)
    story.tell(CasesGivenUp((rows[4], rows[5]), "lost"))
    story.end("all lanes are lost")
    text = summary.read_text()
    assert text.startswith("before\n")
    assert "| py311 | 2 | 1 | 1 | 2 | 1 | 5.0 s |" in text
    assert "**The run went wrong:** all lanes are lost" in text


def test_a_summary_that_cannot_be_written_is_a_warning(story: Story, tmp_path: Path) -> None:
    out = io.StringIO()
    story.reporters.append(GithubReport(story.cases, out, tmp_path))
    [row] = story.begin(["m.t"])
    story.run(row)
    story.end()
    assert out.getvalue().startswith("::warning title=testlanes::no job summary: ")
