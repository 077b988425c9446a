"""History answers what the dashboard asks, and reports say it."""

from __future__ import annotations

from testlanes.runner.ids import Case, ProfileName, Status
from testlanes.tui.history import first_failed, last_passed
from testlanes.tui.viewmodels.glyphs import UNICODE
from testlanes.tui.viewmodels.lines import line_width, text_of
from testlanes.tui.viewmodels.past import (
    Report,
    RunsModel,
    case_report,
    comparison_report,
    flaky_report,
    slowest_report,
)

from .stored_past import StoredPast

P, F, S = Status.SUCCESS, Status.FAIL, Status.SKIP
ONE = ProfileName("one")
A, B, C = Case("m.A", ONE), Case("m.B", ONE), Case("m.C", ONE)


def history() -> StoredPast:
    found = StoredPast()
    found.add({A: (P, 1.0), B: (P, 1.0)}, number=7)
    found.add({A: (F, 1.0), B: (P, 1.0)}, number=8)
    found.add({A: (F, 1.0), B: (F, 1.0), C: (P, 0.1)}, number=9)
    found.add({A: (P, 3.0), C: (F, 0.1)}, number=10)
    return found


def words(report: Report, width: int = 80) -> str:
    return "\n".join(text_of(report.line(index, width)) for index in range(len(report)))


def test_outcomes_of_a_case_oldest_first() -> None:
    assert history().statuses("m.A", ONE, 3) == [F, F, P]
    assert history().statuses("m.X", ONE, 3) == []


def test_since_when_a_case_fails_and_when_it_last_passed() -> None:
    runs = history().runs_of("m.B", ONE)
    assert (first_failed(runs), last_passed(runs)) == (9, 8)
    runs = history().runs_of("m.A", ONE)
    assert (first_failed(runs), last_passed(runs)) == (None, 10)


def test_two_runs_compared() -> None:
    found = history().compare(7, 10)
    assert found.newly_failing == (C,)
    assert found.new == ()
    assert found.gone == (B,)
    assert [one.case for one in found.slower] == [A]
    assert history().compare(8, 9).new == (C,)
    again = history().compare(9, 10)
    assert (again.fixed, again.newly_failing) == ((A,), (C,))
    assert history().compare(9, 9).still_failing == (A, B)
    assert history().compare(1, 2).newly_failing == ()


def test_a_partial_run_lets_nothing_be_gone() -> None:
    found = history()
    found.add({A: (P, 1.0)}, number=11, partial=True)
    assert found.compare(9, 11).gone == ()


def test_flaky_are_those_that_changed_the_most_often_changing_first() -> None:
    found = StoredPast()
    for number in range(6):
        found.add(
            {A: (F if number % 2 else P, 1.0), B: (F if number > 2 else P, 1.0), C: (S, 0.0)},
            number=number,
        )
    assert [(one.case, one.flips, one.runs) for one in found.flaky()] == [
        (A, 5, 6),
        (B, 1, 6),
    ]
    assert [one.case for one in found.slowest()] == [A, B, C]


def test_reports_say_what_was_found() -> None:
    found = history().compare(7, 10)
    slower = [(one.case, one.before, one.after, [1.0, 3.0]) for one in found.slower]
    text = words(comparison_report(found, slower, UNICODE))
    assert "1 new failure " in text
    assert "1.0s → 3.0s" in text
    assert "▃█" in text
    assert "ended as it did before" in words(
        comparison_report(history().compare(7, 7), [], UNICODE)
    )
    text = words(case_report(A, history().runs_of(*A), UNICODE))
    assert f"✓{UNICODE.fail * 2}✓" in text
    assert "has not run before" in words(case_report(A, [], UNICODE))
    assert "4 changes in 9" in words(flaky_report([(A, 4, 9, [P, F])], UNICODE))
    assert "No test changed" in words(flaky_report([], UNICODE))
    assert "m.A" in words(slowest_report([(A, 3.0)]))
    assert "No times" in words(slowest_report([]))


def test_the_list_of_runs_fits_and_marks_both_sides() -> None:
    model = RunsModel(UNICODE, history().runs(10), a=8, b=10)
    texts = [text_of(model.line(index, 60)) for index in range(len(model))]
    assert texts[0].startswith(f" B {UNICODE.fail}")
    assert texts[2].startswith(f" A {UNICODE.fail}")
    assert texts[3].startswith("   ✓")
    assert all(line_width(model.line(index, 60)) <= 60 for index in range(len(model)))


def test_the_profiles_of_runs_are_told_where_they_differ() -> None:
    found = StoredPast()
    two = ProfileName("two")
    found.add({A: (P, 1.0)}, number=1)
    assert "one" not in text_of(RunsModel(UNICODE, found.runs(9)).line(0, 60))
    found.add({A: (P, 1.0), Case("m.A", two): (P, 1.0)}, number=2)
    model = RunsModel(UNICODE, found.runs(9))
    assert text_of(model.line(0, 60)).endswith("  one two")
    assert text_of(model.line(1, 60)).endswith("  one")
    assert text_of(model.line(0, 56)).endswith("  2 profiles") or line_width(model.line(0, 56)) < 56


def test_the_one_profile_that_there_is_is_not_named() -> None:
    found = history()
    assert not RunsModel(UNICODE, found.runs(9)).many_profiles
    report = comparison_report(found.compare(9, 10), [], UNICODE)
    assert " one " in words(report)
    report.many_profiles = False
    assert " one " not in words(report)
    assert "m.A" in words(report)
