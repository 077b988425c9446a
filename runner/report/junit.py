"""``--junit FILE``: JUnit XML, one suite a profile, valid whatever bytes the tests came up with.

There is no standard; this keeps to what the xUnit plugin of Jenkins, GitLab and GitHub's actions read
(https://github.com/windyroad/JUnit-Schema), with Surefire's words for repeated attempts
(``flakyFailure``, ``rerunFailure``).
"""

from __future__ import annotations

import datetime as dt
import os
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO
from xml.sax.saxutils import escape, quoteattr

from ..cases import CaseTable
from ..errors import UserError
from ..events import CasesGivenUp, CasesListed, RunEnded, RunEvent, RunStarted
from ..ids import Kind, ProfileName, Row, Status
from .attempts import Attempt, Attempts, describe, headline, is_text, shorten
from .clean import clean, clean_line

_NONE, _PASSED, _OTHER = 0, 1, 2
_CONTENT = 64 << 10  # bytes kept of one detail
_ATTRIBUTE = 4000  # characters of a message; the whole text is the element's content


class JUnitReport:
    """Collects a run's results and writes the file at the end, by way of a temporary one beside it."""

    def __init__(
        self,
        cases: CaseTable,
        path: Path,
        known_flaky: Callable[[str], bool] = lambda _id: False,
    ) -> None:
        """``known_flaky``: whether a test's failures are told as skipped, since they do not fail the run."""
        """Raise UserError at once if the file cannot be written there."""
        if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
            raise UserError(
                f"cannot write the JUnit report {path}",
                hint="name a file in a folder that exists and that you may write to",
            )
        self._cases = cases
        self._path = path
        self._known_flaky = known_flaky
        self._attempts = Attempts(cases)
        self._standing = bytearray()
        self._seconds = array("f")
        self._others: dict[Row, Attempt] = {}
        """What did not simply pass."""
        self._earlier: dict[Row, list[Attempt]] = {}
        """Attempts that failed and were repeated."""
        self._extras: list[Attempt] = []
        self._not_run: dict[Row, str] = {}
        self._profiles: dict[ProfileName, None] = {}
        self._started = self._ended = 0

    def record(self, event: RunEvent) -> None:
        """Take one event."""
        for attempt in self._attempts.record(event):
            self._keep(attempt)
        if isinstance(event, RunStarted):
            self._started = event.at
            self._profiles.update(dict.fromkeys(event.profiles))
        elif isinstance(event, CasesListed):
            self._profiles[event.profile] = None
        elif isinstance(event, CasesGivenUp):
            self._not_run.update(dict.fromkeys(event.rows, event.reason))
        elif isinstance(event, RunEnded):
            self._ended = event.at

    def finish(self) -> None:
        """Write the file. Raises UserError if that fails now."""
        beside = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            with beside.open("w", encoding="utf-8") as file:
                self._write(file)
            beside.replace(self._path)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise UserError(
                f"cannot write the JUnit report {self._path}: {error.strerror}", exit_code=3
            ) from None

    def _keep(self, attempt: Attempt) -> None:
        row = attempt.row
        shorten(attempt.details, _CONTENT)
        self._profiles[attempt.profile] = None
        if row is None:
            self._extras.append(attempt)
            return
        grow = row + 1 - len(self._standing)
        if grow > 0:
            self._standing.extend(bytes(grow))
            self._seconds.extend([0.0] * grow)
        before = self._others.pop(row, None)
        if before is not None and before.status.is_failure:
            self._earlier.setdefault(row, []).append(before)
        self._seconds[row] = attempt.seconds
        if attempt.status is Status.SUCCESS:
            self._standing[row] = _PASSED
        else:
            self._standing[row] = _OTHER
            self._others[row] = attempt
        self._not_run.pop(row, None)

    def _write(self, file: TextIO) -> None:
        totals = [0, 0, 0, 0]
        for profile in self._profiles:
            totals = [a + b for a, b in zip(totals, self._counts(profile), strict=True)]
        wall = max(0, self._ended - self._started) / 1e9 if self._ended else 0.0
        file.write('<?xml version="1.0" encoding="UTF-8"?>\n')
        file.write(f'<testsuites name="testlanes" {_counted(totals)} time="{wall:.3f}">\n')
        for profile in self._profiles:
            self._suite(file, profile)
        file.write("</testsuites>\n")

    def _suite(self, file: TextIO, profile: ProfileName) -> None:
        seconds = sum(self._seconds[row] for row in self._rows(profile))
        stamp = dt.datetime.fromtimestamp(self._started // 1_000_000_000, dt.UTC)
        file.write(
            f"<testsuite name={_attribute(profile)} {_counted(self._counts(profile))}"
            f' time="{seconds:.3f}" timestamp="{stamp:%Y-%m-%dT%H:%M:%S}">\n'
            f'<properties><property name="profile" value={_attribute(profile)}/></properties>\n'
        )
        for row in self._rows(profile):
            if self._standing[row] == _PASSED:
                self._passed(file, row)
            else:
                self._case(file, self._others[row], self._earlier.get(row, []))
        for attempt in self._extras:
            if attempt.profile == profile:
                self._case(file, attempt, [])
        for row, reason in self._not_run.items():
            if self._cases.profile(row) == profile:
                file.write(
                    f'<testcase {_named(self._cases.test_id(row))} time="0"><skipped type="notrun"'
                    f" message={_attribute(f'not run: {reason}')}/></testcase>\n"
                )
        file.write("</testsuite>\n")

    def _rows(self, profile: ProfileName) -> Iterator[Row]:
        for number, standing in enumerate(self._standing):
            if standing and self._cases.profile(Row(number)) == profile:
                yield Row(number)

    def _counts(self, profile: ProfileName) -> list[int]:
        tests = failures = errors = skipped = 0
        ended = [self._others[row] for row in self._rows(profile) if row in self._others]
        tests = sum(1 for _ in self._rows(profile))
        extras = [attempt for attempt in self._extras if attempt.profile == profile]
        for attempt in (*ended, *extras):
            name = self._element(attempt)
            failures += name == "failure"
            errors += name == "error"
            skipped += name == "skipped"
        unrun = sum(self._cases.profile(row) == profile for row in self._not_run)
        return [tests + len(extras) + unrun, failures, errors, skipped + unrun]

    def _passed(self, file: TextIO, row: Row) -> None:
        test_id = self._cases.test_id(row)
        file.write(f'<testcase {_named(test_id)} time="{self._seconds[row]:.6f}"')
        earlier = self._earlier.get(row)
        if not earlier:
            file.write("/>\n")
            return
        file.write(">\n")
        for attempt in earlier:
            _told(file, "flakyFailure", attempt)
        file.write("</testcase>\n")

    def _case(self, file: TextIO, attempt: Attempt, earlier: list[Attempt]) -> None:
        file.write(f'<testcase {_named(attempt.test_id)} time="{attempt.seconds:.6f}">\n')
        file.write(f'<properties><property name="lane" value="{attempt.lane}"/></properties>\n')
        name = self._element(attempt)
        excused = name == "skipped" and attempt.status.is_failure
        if name:
            _told(file, name, attempt, "known flaky: " if excused else "")
        for before in earlier:
            _told(file, "rerunFailure", before)
        output = [
            f"--- {detail.name}\n{detail.text}" if is_text(detail) else f"--- {describe(detail)}"
            for detail in attempt.details
            if (excused or not detail.name.startswith("traceback"))
            and not (name == "skipped" and detail.name == "reason")
        ]
        if output:
            file.write(f"<system-out>{_content(chr(10).join(output))}</system-out>\n")
        file.write("</testcase>\n")

    def _element(self, attempt: Attempt) -> str:
        """Return the element that says how an attempt ended; empty for a pass."""
        if attempt.status.is_failure:
            if self._known_flaky(attempt.test_id):
                return "skipped"
            return "error" if attempt.kind not in (Kind.ASSERTION, Kind.NONE) else "failure"
        if attempt.status in (Status.SKIP, Status.XFAIL):
            return "skipped"
        return ""


def _told(file: TextIO, name: str, attempt: Attempt, before: str = "") -> None:
    message = (before + headline(attempt.details))[:_ATTRIBUTE]
    kind = attempt.kind or attempt.status
    file.write(f"<{name} type={_attribute(kind)} message={_attribute(message)}")
    if name == "skipped":
        file.write("/>\n")
        return
    text = "\n".join(one.text for one in attempt.details if one.name.startswith("traceback"))
    file.write(f">{_content(text)}</{name}>\n")


def _named(test_id: str) -> str:
    """Return the attributes ``classname`` and ``name``; parameters and scenarios stay with the name."""
    cut = min((at for at in map(test_id.find, "[(") if at >= 0), default=len(test_id))
    path, rest = test_id[:cut], test_id[cut:]
    if "::" in path:
        module, _, inner = path.partition("::")
        dotted = module.removesuffix(".py").replace("/", ".")
        where, _, name = f"{dotted}.{inner.replace('::', '.')}".rpartition(".")
    else:
        where, _, name = path.rpartition(".")
    return f"classname={_attribute(where)} name={_attribute(name + rest)}"


def _counted(counts: list[int]) -> str:
    words = ("tests", "failures", "errors", "skipped")
    return " ".join(f'{word}="{count}"' for word, count in zip(words, counts, strict=True))


def _attribute(text: str) -> str:
    return quoteattr(_valid(clean_line(text)))


def _content(text: str) -> str:
    return escape(_valid(clean(text)))


def _valid(text: str) -> str:
    """XML 1.0 (section 2.2) lacks two code points that ``clean`` leaves."""
    return text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")
