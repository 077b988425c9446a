"""The plain face: what it says, when, and that it says nothing about tests that pass."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import pytest

from testlanes.runner.events import (
    INTERRUPTED,
    CaseFinished,
    CasesGivenUp,
    CasesListed,
    ExtraResult,
    HostLost,
    HostReady,
    HostUp,
    LaneOpened,
    LeaksFound,
    ListingEnded,
    RunStarted,
    StopAsked,
    Ticked,
    Warned,
    WorkerLost,
)
from testlanes.runner.ids import LOCAL, HostName, Kind, LaneId, ProfileName, Status
from testlanes.runner.report.lines import Lines
from testlanes.runner.report.telling import DETAIL_LINES

if TYPE_CHECKING:
    from .conftest import Story

SECOND = 1_000_000_000


class Terminal(io.StringIO):
    """What says it is a terminal."""

    def isatty(self) -> bool:
        return True


def faced(story: Story, out: io.StringIO | None = None, **environ: str) -> io.StringIO:
    out = io.StringIO() if out is None else out
    story.reporters.append(Lines(story.state, out, environ, now=story.clock))
    return out


def test_passing_tests_are_not_mentioned(story: Story) -> None:
    out = faced(story)
    rows = story.begin([f"m.secret_{n}" for n in range(20)])
    for row in rows:
        story.run(row)
    story.end()
    assert out.getvalue() == (
        "20 tests listed in 0.5 s\n"
        "\n20 tests in 20.0 s: 20 passed\n"
        "test time 20.0 s, 1 lane filled to 100%\n"
    )


def test_a_failure_is_told_at_once_with_traceback_and_output(story: Story) -> None:
    out = faced(story)
    a, _ = story.begin(["m.a", "m.b"], profile="py311")
    story.start(a)
    story.detail(a, "stdout", b"printed\n")
    story.detail(a, "shot", b"\x89PNG", "image/png")
    story.detail(a, "traceback", b"Traceback\nValueError: x\n", "text/x-traceback")
    story.finish_case(a, Status.FAIL, Kind.ASSERTION)
    assert out.getvalue().split("\n", 1)[1] == (
        "(1/2) FAIL    [   1.000s] py311 lane 0  m.a\n"
        "    Traceback\n    ValueError: x\n"
        "    -- stdout\n    printed\n"
        "    -- shot (image/png, 4 bytes)\n\n"
    )


@pytest.mark.parametrize(
    ("kind", "word", "counted"),
    [
        (Kind.ASSERTION, "FAIL", "1 failed"),
        (Kind.ERROR, "ERROR", "1 error"),
        (Kind.CRASH, "CRASH", "1 crashed"),
        (Kind.TIMEOUT, "TIMEOUT", "1 timed out"),
        (Kind.SETUP, "SETUP", "1 failed in set-up"),
    ],
)
def test_kinds_of_failures_have_words(story: Story, kind: Kind, word: str, counted: str) -> None:
    out = faced(story)
    [row] = story.begin(["m.a"])
    story.fail(row, kind=kind)
    story.end()
    assert f"(1/1) {word} " in out.getvalue()
    assert f": {counted}\n" in out.getvalue()


def test_failures_are_told_again_at_the_end_with_the_command_that_reruns_them(story: Story) -> None:
    out = faced(story)
    a, b, c = story.begin(["m.a", "m.b", "m.c"])
    story.fail(a, "first trace")
    story.fail(b, "second trace")
    story.run(c)
    before = len(out.getvalue())
    story.end()
    end = out.getvalue()[before:]
    assert end.index("2 failures") < end.index("first trace") < end.index("second trace")
    assert end.endswith("to run the failures again: testlanes run --failing\n")


def test_slow_tests_are_marked_while_they_run_and_again_when_the_time_doubles(story: Story) -> None:
    out = faced(story)
    a, b = story.begin(["m.slow", "m.quick"])
    story.start(a, lane=0)
    story.start(b, lane=1)
    story.finish_case(b, seconds=0.1, lane=1)
    for second in range(1, 26):
        story.now += SECOND
        story.tell(Ticked(float(second)))
    slow = [line for line in out.getvalue().splitlines() if line.startswith("SLOW")]
    assert len(slow) == 2
    assert re.fullmatch(r"SLOW    \[   >10\.\ds\] lane 0  m\.slow", slow[0])
    assert re.fullmatch(r"SLOW    \[   >20\.\ds\] lane 0  m\.slow", slow[1])
    story.finish_case(a, seconds=0.1)
    assert out.getvalue().splitlines()[-1].startswith("PASS ")


def test_a_heartbeat_names_the_oldest_running_tests_each_half_minute(story: Story) -> None:
    out = faced(story)
    rows = story.begin([f"m.t{n}" for n in range(100)])
    story.run(rows[0])
    story.start(rows[1], lane=0)
    story.now += SECOND
    story.start(rows[2], lane=1)
    for second in range(65):
        story.now += SECOND // 100
        story.tell(Ticked(float(second)))
    beats = [line for line in out.getvalue().splitlines() if "running, oldest" in line]
    assert len(beats) == 2
    assert "1/100  1%  ETA 0:49  2 running, oldest: m.t1 1." in beats[0]


def test_on_a_terminal_one_line_is_drawn_over_and_erased_at_the_end(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    out = faced(story, Terminal())
    a, b = story.begin(["m.a", "package.module.Class.test_with_a_long_name_of_its_own"])
    story.run(a)
    story.start(b)
    story.tell(Ticked(1.0), Ticked(2.0))
    drawn = out.getvalue()
    assert drawn.count("\r\x1b[K") == 1
    text = re.sub(r"\x1b\[[0-9;]*[mK]", "", drawn).strip()
    assert "\n" not in text
    assert len(text) <= 60
    assert text.endswith("_of_its_own 0.000s")
    story.fail(b)
    assert "\r\x1b[K(2/2) " in out.getvalue()
    story.tell(Ticked(3.0))
    story.end()
    tail = out.getvalue()[-300:]
    assert tail.index("\r\x1b[K") < tail.index("2 tests in")


def test_colour_only_on_a_terminal_that_wants_it(story: Story) -> None:
    plain = faced(story)
    no_color = faced(story, Terminal(), NO_COLOR="1")
    dumb = faced(story, Terminal(), TERM="dumb")
    color = faced(story, Terminal())
    [row] = story.begin(["m.a"])
    story.fail(row)
    story.tell(Ticked(1.0))
    story.end()
    assert "\x1b[31m" in color.getvalue()
    assert "\x1b[31m" not in no_color.getvalue()
    assert "\x1b" not in plain.getvalue()
    assert "\x1b" not in dumb.getvalue()


def test_text_of_tests_drives_neither_the_terminal_nor_the_ci_service(story: Story) -> None:
    out = faced(story)
    [row] = story.begin(["m.t[\x1b]0;x\x07\n::error::y]"])
    story.fail(row, "\x1b[2J::error::forged\n##vso[x]\u202e\udcff".encode("utf-8", "surrogatepass"))
    story.tell(Warned("lane 0", "\x1b[2Jx"))
    story.end()
    text = out.getvalue()
    assert "\x1b" not in text
    assert not re.search(r"^\s*::|##\w*\[", text, re.MULTILINE)
    text.encode()


def test_what_goes_wrong_beside_tests_is_told(story: Story) -> None:
    out = faced(story)
    [row] = story.begin(["m.a"])
    default = ProfileName("default")
    trace = ("traceback", "text/x-traceback", b"no database")
    story.tell(
        ListingEnded(default, "ImportError: no module named x"),
        WorkerLost(LaneId(0), 0, "killed by signal 9"),
        HostLost(LOCAL, "silent"),
        StopAsked(hard=False, reason="interrupted"),
        ExtraResult(LaneId(0), "setUpClass (m.C)", default, Status.FAIL, 0, (trace,)),
        CasesGivenUp((row,), "interrupted"),
    )
    story.end("tests were not run")
    text = out.getvalue()
    for said in (
        "could not be listed:\n    ImportError: no module named x",
        "the worker of lane 0: killed by signal 9",
        "lost host local: silent",
        "stopping (interrupted): letting running tests end",
        "setUpClass (m.C)\n    no database",
        "1 other failure, 1 not run",
        "1 not run: interrupted",
        "the run went wrong: tests were not run",
    ):
        assert said in text


def test_a_flaky_test_is_named_and_no_failure(story: Story) -> None:
    out = faced(story)
    [row] = story.begin(["m.a"])
    story.fail(row)
    story.run(row)
    story.end()
    assert "1 passed, 1 flaky" in out.getvalue()
    assert "flaky: m.a\n" in out.getvalue()
    assert "again:" not in out.getvalue()


def test_what_an_xfail_expected_to_fail_is_counted_by_itself(story: Story) -> None:
    out = faced(story)
    fails, passes, plain = story.begin(["m.a", "m.b", "m.c"])
    story.run(fails, status=Status.XFAIL)
    story.run(plain)
    story.start(passes)
    story.tell(
        CaseFinished(LaneId(0), passes, Status.SUCCESS, Kind.NONE, story.now, 0.1, ("xpass",))
    )
    story.end()
    assert ": 1 passed, 1 expected failure, 1 xpassed\n" in out.getvalue()


def test_very_long_output_is_shortened_in_the_middle(story: Story) -> None:
    out = faced(story)
    [row] = story.begin(["m.a"])
    story.fail(row, "\n".join(f"line {n}" for n in range(100_000)))
    text = out.getvalue()
    assert "line 0\n" in text
    assert "line 99999\n" in text
    assert "lines left out" in text
    assert len(text.splitlines()) < DETAIL_LINES + 10


def test_the_worst_offenders_of_what_was_left_behind_are_told_at_the_end(story: Story) -> None:
    out = faced(story)
    rows = story.begin([f"m.t{n}" for n in range(5)])
    for row in rows:
        story.run(row)
        story.tell(LeaksFound(LaneId(0), row, {"file": ("x.log",)}))
    story.tell(LeaksFound(LaneId(0), rows[1], {"process": ("7: sleep 1", "8: sleep 1")}))
    story.tell(LeaksFound(LaneId(0), None, {"fd": ("5: x (made by Server)",)}))
    story.end()
    assert (
        "left behind by 5 tests and fixtures: 5 temporary files, 2 processes, 1 open file\n"
        "  m.t1: temporary file x.log and 2 more\n"
    ) in out.getvalue()
    assert "  and 3 more; --json tells all\n" in out.getvalue()


def test_hosts_are_told_when_they_are_ready_and_lost_and_how_much_each_ran(story: Story) -> None:
    out = faced(story)
    far = HostName("far")
    here, there = story.begin(["m.here", "m.there"], lanes=1)
    story.tell(
        HostUp(far, 8, "3.9.1", -7.0),
        HostReady(far, 2, (ProfileName("default"),), 0.0031, "/far/project"),
        LaneOpened(LaneId(1), far, ProfileName("default")),
    )
    story.run(here)
    story.fail(there, lane=1)
    story.tell(HostLost(far, "nothing was heard of it", 0.4), HostLost(far, "no route"))
    story.end()
    text = out.getvalue()

    for said in (
        "host far is ready: 2 lanes, Python 3.9.1, answers in 3 ms, its clock is 7 s behind\n",
        "far lane 1  m.there\n",
        "lost host far: nothing was heard of it; it is tried again in 0.4 s\n",
        "lost host far: no route\n",
        "tests by host: local 1, far 1\n",
    ):
        assert said in text


def test_subtests_are_told_apart_and_an_unexpected_success_explains_itself(story: Story) -> None:
    out = faced(story)
    sub, unexpected = story.begin(["m.sub", "m.unexpected"])
    story.start(sub)
    story.detail(sub, "traceback (i=1)", b"AssertionError: one", "text/x-traceback")
    story.detail(sub, "traceback (i=2)", b"AssertionError: two", "text/x-traceback")
    story.finish_case(sub, Status.FAIL, Kind.ASSERTION)
    story.run(unexpected, Status.UXSUCCESS)
    text = out.getvalue()
    assert "    -- subtest (i=1)\n    AssertionError: one\n    -- subtest (i=2)\n" in text
    assert "m.unexpected\n    It was expected to fail, and passed.\n" in text


def test_a_warning_of_several_lines_keeps_them(story: Story) -> None:
    out = faced(story)
    story.begin(["m.a"])
    story.tell(Warned("py311", "cannot import:\nTraceback\n  No module\n"))
    assert "warning: py311: cannot import:\n    Traceback\n      No module\n" in out.getvalue()


def test_a_warning_that_every_lane_meets_is_told_once(story: Story) -> None:
    out = faced(story)
    story.begin(["m.a"])
    story.tell(Warned("lane 0", "x.py:3: old"), Warned("lane 1", "x.py:3: old"))
    assert out.getvalue().count("x.py:3: old") == 1


def test_only_who_pressed_ctrl_c_is_told_to_press_it_again(story: Story) -> None:
    out = faced(story)
    story.begin(["m.a"])
    story.tell(StopAsked(hard=False, reason="the limit is 2 failures (--max-fail)"))
    assert "(the limit is 2 failures (--max-fail)): letting running tests end\n" in out.getvalue()
    story.tell(StopAsked(hard=False, reason=INTERRUPTED))
    assert "letting running tests end; Ctrl-C again kills them\n" in out.getvalue()


def test_a_problem_is_told_once(story: Story) -> None:
    out = faced(story)
    rows = story.begin(["m.a", "m.b"])
    story.tell(CasesGivenUp(tuple(rows), "the suite is gone"))
    story.end("the suite is gone")
    assert out.getvalue().count("the suite is gone") == 1


def test_it_is_told_why_nothing_ran(story: Story) -> None:
    out = faced(story)
    name = ProfileName("default")
    rows = tuple(story.cases.add(one, name) for one in ("m.a", "m.b"))
    story.tell(RunStarted(story.now, "/project", (name,), 1, partial=True))
    story.tell(CasesListed(name, rows, ()), ListingEnded(name, "", 0.1))
    story.end()
    assert "0 tests in 0.0 s: none of 2 tests is selected\n" in out.getvalue()


def test_of_a_suite_that_could_not_be_loaded_nobody_knows_the_tests(story: Story) -> None:
    out = faced(story)
    name = ProfileName("default")
    story.tell(RunStarted(story.now, "/project", (name,), 1, partial=True))
    story.tell(ListingEnded(name, "no such module", 0.1))
    story.end("the suite could not be loaded: no such module")
    assert "0 tests in 0.0 s: nothing ran\n" in out.getvalue()


def test_a_run_of_which_something_did_not_run_is_not_green(story: Story) -> None:
    out = faced(story, Terminal(), TERM="xterm")
    first, second = story.begin(["m.a", "m.b"])
    story.run(first)
    story.tell(StopAsked(hard=False, reason=INTERRUPTED), CasesGivenUp((second,), INTERRUPTED))
    story.end()
    assert "\x1b[33m2 tests in 1.0 s: 1 passed, 1 not run\x1b[0m" in out.getvalue()
