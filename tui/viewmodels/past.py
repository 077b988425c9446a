"""The runs before this one: a line for each, and what to say of one or two of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from testlanes.runner.ids import Case, ProfileName, Status

from .casehead import strip_spans
from .glyphs import Glyphs, sparkline
from .lines import EMPTY, Line, Span, clean, line_width, name_spans, right
from .times import clock_text, count_text, seconds_text, when

SHOWN_CASES = 200


class Run(Protocol):
    """What is read of a stored run (``tui.history.RunSummary``)."""

    @property
    def number(self) -> int: ...
    @property
    def at(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    @property
    def profiles(self) -> tuple[ProfileName, ...]: ...
    @property
    def label(self) -> str: ...
    @property
    def partial(self) -> bool: ...
    @property
    def interrupted(self) -> bool: ...
    @property
    def failed(self) -> int: ...
    @property
    def passed(self) -> int: ...
    @property
    def green(self) -> bool: ...


@dataclass(slots=True)
class RunsModel:
    """The lines of the list of runs, newest first."""

    glyphs: Glyphs
    runs: Sequence[Run] = ()
    a: int | None = None
    b: int | None = None

    def __len__(self) -> int:
        return len(self.runs)

    def line(self, index: int, width: int) -> Line:
        """Return a line of ``width`` cells."""
        run, glyphs = self.runs[index], self.glyphs
        side = "A" if run.number == self.a else "B" if run.number == self.b else " "
        time = when(run.at)
        if run.interrupted:
            sign, tone = glyphs.not_run, "slow"
        else:
            sign, tone = (glyphs.ok, "ok") if run.green else (glyphs.fail, "fail")
        out = [
            Span(f" {side} ", "accent bold"),
            Span(f"{sign} ", tone),
            Span(right(str(run.number), 5), "title"),
            Span(f"  {time:%d %b %H:%M}", "dim"),
            Span(right(clock_text(run.seconds), 8), "text"),
            Span(right(count_text(run.passed), 8), "text"),
            Span(glyphs.ok, "dim"),
            Span(right(f"{run.failed}{glyphs.fail}", 6) if run.failed else " " * 6, "fail"),
        ]
        words = run.label or ("stopped" if run.interrupted else "partial" if run.partial else "")
        if words:
            out.append(Span(f"  {clean(words)}", "accent"))
        profiles = clean(" ".join(run.profiles)) if self.various else ""
        room = width - line_width(out) - 3
        if len(profiles) > room:
            profiles = f"{len(run.profiles)} profiles"
        if profiles and len(profiles) <= room:
            out.append(Span(f"  {profiles}", "profile"))
        return tuple(out)

    @property
    def various(self) -> bool:
        """Whether the runs did not all have the same profiles."""
        return len({tuple(run.profiles) for run in self.runs}) > 1

    @property
    def many_profiles(self) -> bool:
        """Whether it must be said of a test which profile it ran under."""
        return len({name for run in self.runs for name in run.profiles}) > 1


@dataclass(slots=True)
class Report:
    """Some lines about runs, with the test of those lines that are about one."""

    title: str
    lines: list[Line] = field(default_factory=list[Line])
    cases: dict[int, Case] = field(default_factory=dict[int, Case])
    many_profiles: bool = True
    """Whether profiles are named."""

    def __len__(self) -> int:
        return len(self.lines)

    def line(self, index: int, width: int) -> Line:
        """Return a line; names at its left give way to what stands at its right."""
        line = self.lines[index]
        if not self.many_profiles:
            line = tuple(span for span in line if span.tone != "profile")
        case = self.cases.get(index)
        if case is None:
            return line
        head, *rest = line
        room = max(10, width - line_width([head]) - line_width(rest))
        return (head, *name_spans(clean(case.test_id), room, "text", "faint"), *rest)


class _Compared(Protocol):
    @property
    def a(self) -> int: ...
    @property
    def b(self) -> int: ...
    @property
    def newly_failing(self) -> tuple[Case, ...]: ...
    @property
    def fixed(self) -> tuple[Case, ...]: ...
    @property
    def still_failing(self) -> tuple[Case, ...]: ...
    @property
    def new(self) -> tuple[Case, ...]: ...
    @property
    def gone(self) -> tuple[Case, ...]: ...


def comparison_report(
    found: _Compared,
    slower: Sequence[tuple[Case, float, float, Sequence[float]]],
    glyphs: Glyphs,
) -> Report:
    """Return run B against run A. ``slower`` has (case, before, after, seconds of its runs, oldest first)."""
    report = Report(f"Run {found.b} against {found.a}")
    parts = (
        ("new failures", found.newly_failing, glyphs.fail, "fail"),
        ("fixed", found.fixed, glyphs.ok, "ok"),
        ("still failing", found.still_failing, glyphs.fail, "dim"),
        ("new tests", found.new, "+", "accent"),
        ("gone", found.gone, glyphs.not_run, "slow"),
    )
    head: list[Span] = [Span("  ")]
    for words, cases, _, tone in parts:
        if count := len(cases):
            word = words if count > 1 else words.removesuffix("s")
            head += [Span(count_text(count), f"{tone} bold"), Span(f" {word}   ", "dim")]
    if len(head) > 1:
        report.lines += [tuple(head), EMPTY]
    for words, cases, sign, tone in parts:
        if not cases:
            continue
        report.lines.append((Span(f"  {words}", "title bold"),))
        for case, profiles in _by_test(cases[:SHOWN_CASES]):
            report.cases[len(report.lines)] = case
            report.lines.append(
                (Span(f"   {sign} ", tone), Span(f"  {clean(profiles)} ", "profile"))
            )
        if len(cases) > SHOWN_CASES:
            report.lines.append(
                (Span(f"     and {count_text(len(cases) - SHOWN_CASES)} more", "dim"),)
            )
        report.lines.append(EMPTY)
    if slower:
        report.lines.append((Span("  slower", "title bold"),))
        for case, before, after, seconds in slower[:SHOWN_CASES]:
            report.cases[len(report.lines)] = case
            report.lines.append(
                (
                    Span("   ▲ " if glyphs.across != "-" else "   ^ ", "slow"),
                    Span(f"  {clean(case.profile)} ", "profile"),
                    Span(
                        right(f"{seconds_text(before)} {glyphs.arrow} {seconds_text(after)}", 17),
                        "slow",
                    ),
                    Span(f"  {sparkline(glyphs, list(seconds))} ", "dim"),
                )
            )
    if not report.lines:
        report.lines += [EMPTY, (Span("  Every test ended as it did before.", "dim"),)]
    return report


def _by_test(cases: Sequence[Case]) -> list[tuple[Case, str]]:
    """Return one (case, profiles) for each test, in the order of the first of its cases."""
    found: dict[str, list[Case]] = {}
    for case in cases:
        found.setdefault(case.test_id, []).append(case)
    return [(same[0], " ".join(case.profile for case in same)) for same in found.values()]


class _Ran(Protocol):
    @property
    def run(self) -> int: ...
    @property
    def at(self) -> int: ...
    @property
    def status(self) -> Status: ...
    @property
    def seconds(self) -> float: ...


def case_report(case: Case, runs: Sequence[_Ran], glyphs: Glyphs) -> Report:
    """Return the runs of one test, newest first."""
    report = Report("Runs of one test")
    report.cases[1] = case
    report.lines += [EMPTY, (Span("  "), Span(f"  {clean(case.profile)} ", "profile")), EMPTY]
    if not runs:
        report.lines.append((Span("  It has not run before.", "dim"),))
        return report
    past = [run.status for run in reversed(runs[:60])]
    report.lines += [(Span("  "), *strip_spans(glyphs, past)), EMPTY]
    for run in runs:
        bad = run.status.is_failure
        sign, tone = (glyphs.fail, "fail") if bad else (glyphs.ok, "ok")
        if run.status in (Status.SKIP, Status.NOT_RUN):
            sign, tone = glyphs.skip, "skip"
        report.lines.append(
            (
                Span(f"  {sign} ", tone),
                Span(right(str(run.run), 5), "title"),
                Span(f"  {when(run.at):%d %b %H:%M}", "dim"),
                Span(right(seconds_text(run.seconds), 9), "text"),
                Span(f"  {run.status}", "dim"),
            )
        )
    return report


def flaky_report(
    found: Sequence[tuple[Case, int, int, Sequence[Status]]], glyphs: Glyphs
) -> Report:
    """Return tests that change their outcome: (case, changes, runs, outcomes oldest first)."""
    report = Report("Flaky tests", [EMPTY])
    for case, flips, runs, statuses in found:
        report.cases[len(report.lines)] = case
        report.lines.append(
            (
                Span(f"  {glyphs.flaky} ", "flaky"),
                Span(f"  {clean(case.profile)} ", "profile"),
                Span(right(f"{flips} changes in {runs}", 18) + "  ", "flaky"),
                *strip_spans(glyphs, statuses),
                Span(" "),
            )
        )
    if not found:
        report.lines.append((Span("  No test changed its outcome twice.", "dim"),))
    return report


def slowest_report(found: Sequence[tuple[Case, float]]) -> Report:
    """Return the tests that take longest: (case, seconds)."""
    report = Report("Slowest tests", [EMPTY])
    for case, seconds in found:
        report.cases[len(report.lines)] = case
        report.lines.append(
            (
                Span(right(seconds_text(seconds), 9) + "  ", "slow"),
                Span(f"  {clean(case.profile)} ", "profile"),
            )
        )
    if not found:
        report.lines.append((Span("  No times are known.", "dim"),))
    return report
