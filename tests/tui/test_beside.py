"""A test under several profiles: where alone it fails, and its details side by side."""

from __future__ import annotations

from testlanes.runner.cases import CaseTable
from testlanes.runner.events import CaseFinished, CasesListed, LaneOpened, RunStarted
from testlanes.runner.ids import LOCAL, Kind, LaneId, ProfileName, Status
from testlanes.runner.state import RunState
from testlanes.tui.viewmodels.beside import only_under, rows_beside, section_beside
from testlanes.tui.viewmodels.casehead import results_line
from testlanes.tui.viewmodels.detail import SectionText
from testlanes.tui.viewmodels.lines import text_of
from testlanes.tui.viewmodels.options import Options, Shown

NAMES = (ProfileName("py311"), ProfileName("py312"), ProfileName("py313"))


def shown(*statuses: Status | None) -> Shown:
    """One test, with these verdicts under the profiles."""
    cases = CaseTable()
    state = RunState(cases)
    state.apply(RunStarted(0, "/p", NAMES, 3, False))
    for lane, (name, status) in enumerate(zip(NAMES, statuses, strict=True)):
        state.apply(LaneOpened(LaneId(lane), LOCAL, name))
        row = cases.add("m.test", name)
        state.apply(CasesListed(name, (row,), (row,), {}))
        if status is not None:
            kind = Kind.ERROR if status.is_failure else Kind.NONE
            state.apply(CaseFinished(LaneId(lane), row, status, kind, 1, 0.5))
    return Shown(state, Options(), lambda: 1)


def test_a_test_that_fails_under_one_profile_only_says_so() -> None:
    one = shown(Status.SUCCESS, Status.SUCCESS, Status.FAIL)
    assert only_under(one, "m.test") == ("py313",)
    assert "fails only on py313" in text_of(results_line(one, "m.test", NAMES[2]))


def test_nothing_is_said_where_it_fails_everywhere_or_is_not_known_elsewhere() -> None:
    for statuses in (
        (Status.FAIL,) * 3,
        (None, None, Status.FAIL),
        (Status.SKIP, None, Status.FAIL),
    ):
        one = shown(*statuses)
        assert only_under(one, "m.test") == ()
        assert "only" not in text_of(results_line(one, "m.test", NAMES[2]))


def test_profiles_that_are_hidden_or_without_a_verdict_have_no_column() -> None:
    one = shown(Status.SUCCESS, None, Status.FAIL)
    assert len(rows_beside(one, "m.test")) == 2
    one.options.hide({NAMES[0]})
    assert len(rows_beside(one, "m.test")) == 1


def test_columns_share_the_width_and_no_line_is_wider() -> None:
    one = shown(Status.SUCCESS, Status.FAIL, Status.FAIL)
    rows = rows_beside(one, "m.test")
    long = b"Traceback (most recent call last):\nValueError: " + b"x" * 500
    details = {rows[2]: [("traceback", "text/x-traceback", long)]}
    text = SectionText(section_beside(one, rows, details, lambda _: [], "/p"))
    for width in (120, 60, 12, 3):
        assert all(len(text_of(text.line(at, width))) <= max(width, 9) for at in range(len(text)))
    lines = [text_of(text.line(at, 120)) for at in range(len(text))]
    assert ["py311", "py312", "py313"] == [
        word for word in lines[1].split() if word.startswith("py")
    ]
    assert "passes" in lines[1]
    assert any("ValueError" in line for line in lines)
