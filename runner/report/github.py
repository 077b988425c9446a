"""GitHub Actions: annotations in the log, and a table in the job's summary.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions: ten error annotations
a step are shown, and a megabyte of summary.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import IO

from ..cases import CaseTable
from ..events import CasesGivenUp, HostReady, RunEnded, RunEvent, RunStarted
from ..ids import ProfileName, Row, Status
from .attempts import Attempt, Attempts, headline, place, shorten
from .clean import clean, clean_line
from .reporter import Outlet

CAP = 10
SUMMARY_LIMIT = 1 << 20
_LISTED = 200


class GithubReport:
    """Writes at the end. ``summary`` is the file that ``$GITHUB_STEP_SUMMARY`` names, if any."""

    def __init__(
        self,
        cases: CaseTable,
        stream: IO[str],
        summary: Path | None,
        known_flaky: Callable[[str], bool] = lambda _id: False,
    ) -> None:
        """``known_flaky``: whether a test's failures are warnings only, since they do not fail the run."""
        self._out = Outlet(stream)
        self._summary = summary
        self._known_flaky = known_flaky
        self._attempts = Attempts(cases)
        self._cases = cases
        self._roots: dict[str, None] = {}
        """The project's folders, on all hosts."""
        self._status: dict[Row, Status] = {}
        self._failed: dict[Row | str, Attempt] = {}
        self._retried: set[Row] = set()
        self._extra_failures: Counter[ProfileName] = Counter()
        self._seconds: dict[ProfileName, float] = {}
        self._started = self._ended = 0
        self._problem = ""

    def record(self, event: RunEvent) -> None:
        """Take one event."""
        for attempt in self._attempts.record(event):
            self._keep(attempt)
        if isinstance(event, RunStarted):
            self._roots[event.root] = None
            self._started = event.at
        elif isinstance(event, HostReady):
            self._roots[event.root] = None
        elif isinstance(event, CasesGivenUp):
            self._status.update(dict.fromkeys(event.rows, Status.NOT_RUN))
        elif isinstance(event, RunEnded):
            self._ended, self._problem = event.at, event.problem

    def finish(self) -> None:
        """Write the annotations and append the summary; a summary that cannot be written is let go."""
        failed = sorted(self._failed.values(), key=lambda one: self._known_flaky(one.test_id))
        # A cap of ten counts: the last one tells of the rest.
        shown = failed if len(failed) <= CAP else failed[: CAP - 1]
        for attempt in shown:
            self._out.write(self._annotation(attempt))
        if len(failed) > len(shown):
            rest = len(failed) - len(shown)
            self._out.write(f"::error title=testlanes::and {rest} more failures\n")
        if self._summary is None:
            return
        text = self._table(failed).encode("utf-8", "backslashreplace")
        try:
            with self._summary.open("ab") as file:
                if file.tell() + len(text) <= SUMMARY_LIMIT:
                    file.write(text)
        except OSError as error:
            self._out.write(f"::warning title=testlanes::no job summary: {_data(str(error))}\n")

    def _keep(self, attempt: Attempt) -> None:
        if attempt.row is None:
            if attempt.status.is_failure:
                self._extra_failures[attempt.profile] += 1
                self._failed[f"{attempt.profile} {attempt.test_id}"] = attempt
            return
        row = attempt.row
        before_seconds = self._seconds.get(attempt.profile, 0.0)
        self._seconds[attempt.profile] = before_seconds + attempt.seconds
        before = self._status.get(row)
        self._status[row] = attempt.status
        if attempt.status.is_failure:
            shorten(attempt.details, 16 << 10)
            self._failed[row] = attempt
            return
        if before is not None and before.is_failure:
            self._retried.add(row)
        self._failed.pop(row, None)

    def _annotation(self, attempt: Attempt) -> str:
        where = place(attempt.details, *self._roots)
        fields = [] if where is None else [f"file={_property(where[0])}", f"line={where[1]}"]
        known = self._known_flaky(attempt.test_id)
        title = f"{'known flaky' if known else attempt.kind or 'failure'}: {attempt.test_id}"
        fields.append(f"title={_property(clean_line(title))}")
        message = headline(attempt.details) or str(attempt.kind or attempt.status)
        return f"::{'warning' if known else 'error'} {','.join(fields)}::{_data(clean(message)[:2000])}\n"

    def _table(self, failed: list[Attempt]) -> str:
        counts: dict[ProfileName, Counter[Status]] = {}
        for row, status in self._status.items():
            counts.setdefault(self._cases.profile(row), Counter())[status] += 1
        flaky = Counter(self._cases.profile(row) for row in self._retried)
        lines = [
            "### testlanes",
            "",
            "| profile | passed | failed | skipped | not run | flaky | test time |",
            "|---|--:|--:|--:|--:|--:|--:|",
        ]
        for profile in dict.fromkeys([*counts, *self._extra_failures]):
            of = counts.get(profile, Counter())
            lost = of[Status.FAIL] + of[Status.UXSUCCESS] + self._extra_failures[profile]
            skipped = of[Status.SKIP] + of[Status.XFAIL]
            seconds = self._seconds.get(profile, 0.0)
            lines.append(
                f"| {_cell(profile)} | {of[Status.SUCCESS]:,} | {lost:,} | {skipped:,} "
                f"| {of[Status.NOT_RUN]:,} | {flaky[profile]:,} | {seconds:.1f} s |"
            )
        if self._ended:
            lines += ["", f"{max(0, self._ended - self._started) / 1e9:.1f} s in all."]
        if self._problem:
            lines += ["", f"**The run went wrong:** {_cell(self._problem)}"]
        if failed:
            lines += ["", "| failed | profile | why |", "|---|---|---|"]
            for attempt in failed[:_LISTED]:
                why = headline(attempt.details) or str(attempt.kind or attempt.status)
                why = f"(known flaky) {why}" if self._known_flaky(attempt.test_id) else why
                lines.append(
                    f"| {_cell(attempt.test_id)} | {_cell(attempt.profile)} | {_cell(why[:300])} |"
                )
            if len(failed) > _LISTED:
                lines += ["", f"and {len(failed) - _LISTED:,} more."]
        return "\n".join(lines) + "\n\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _cell(text: str) -> str:
    """Return text for a cell of a Markdown table: no markup in it acts."""
    return "".join(
        f"&#{ord(char)};" if char in "&<>|`*_[]!~#\\@:" else char for char in clean_line(text)
    )
