"""What pytest's reports of one test come to: a status, the kind of a failure, details.

pytest reports setup, call and teardown separately, and plugins add more (reruns, subtests). The status of a
test is the worst of them; what every report has to say becomes a detail:

=====================  ===========================================================================
``traceback``          the first failure, as pytest prints it; more of them: ``traceback teardown`` …
``traceback (i=1)``    the failure of a subtest
``rerun 1`` …          failures that pytest-rerunfailures gave another try
``reason``             of a skip or an expected failure; that an expected failure passed
``log``                captured log records of the call; ``log setup``, ``log teardown``
``stdout``, ``stderr`` whatever reached the lane's files (``Worker.end`` adds them); with
                       ``--capture=sys`` pytest's sections, named like those of the log
=====================  ===========================================================================

Sections that plugins add keep their names.
"""

import re

import pytest

from .signals import TestTimeout
from .worker import TEXT, TRACEBACK, encode

_FRAME = re.compile(r"(\S.*?):\d+: in ")
_MACHINERY = re.compile(
    r"[/\\](?:_pytest|pluggy)[/\\]|[/\\](?:importlib[/\\]__init__|ast)\.py$|^<frozen importlib"
)
RANK = {"success": 0, "skip": 1, "xfail": 2, "fail": 3}


def verdict(report):
    """Return the status that one report asks for, or None when it asks for none."""
    outcome = report.outcome
    if outcome == "passed":
        # An xfail that is not strict and passes fails no run of pytest (a strict one has "failed"): an unexpected
        # success of subunit would fail ours, and each that reads the stream.
        return "success" if report.when == "call" else None
    if outcome == "skipped":
        return "xfail" if hasattr(report, "wasxfail") else "skip"
    if outcome == "failed":
        return "fail"
    return None  # "rerun", or a plugin's own word


def report_text(report):
    """Return why a report is not a pass, as pytest prints it."""
    longrepr = report.longrepr
    if longrepr is None:
        return ""
    if isinstance(longrepr, tuple):
        return str(longrepr[-1])
    try:
        return report.longreprtext
    except Exception as error:  # a plugin's own representation
        return "%s (it could not be formatted: %r)" % (type(longrepr).__name__, error)


def without_machinery(text):
    """Leave out of the traceback of a file that could not be collected what pytest and ``import`` did to come there."""
    lines = text.split("\n")
    kept, machinery = [], False
    for line in lines:
        frame = _FRAME.match(line)
        if frame is not None:
            machinery = _MACHINERY.search(frame.group(1)) is not None
        elif line.startswith("E "):
            machinery = False
        if not machinery:
            kept.append(line)
    return "\n".join(kept)


def section_name(title):
    """Return the detail's name for a section's title: ``Captured log setup`` is ``log setup``."""
    if not title.startswith("Captured "):
        return title
    name = title[9:]
    return name[:-5] if name.endswith(" call") else name


def subtest_name(report):
    """Return ``(i=1)`` for the report of a subtest, empty for a test's own."""
    context = getattr(report, "context", None)
    if context is None:
        return ""
    message = getattr(context, "msg", None)
    params = getattr(context, "kwargs", None) or {}
    parts = ["[%s]" % (message,)] if isinstance(message, str) else []
    if params:
        parts.append("(%s)" % ", ".join("%s=%s" % pair for pair in params.items()))
    return " ".join(parts) or "(<subtest>)"


class Outcome:
    """Collects the reports of the test that runs."""

    def __init__(self):
        self.keep_output = False
        """Whether to attach pytest's stdout and stderr sections: where they are not in the lane's files."""
        self.clear()

    def clear(self):
        self.reports = []
        self._kinds = {}

    def failed_by(self, when, error):
        """Note the exception behind the failure of a phase: it tells the kind."""
        if isinstance(error, TestTimeout):
            kind = "timeout"
        elif when == "setup":
            kind = "setup"
        elif when == "call" and isinstance(error, (AssertionError, pytest.fail.Exception)):
            kind = "assertion"
        else:
            kind = "error"
        self._kinds.setdefault(when, kind)

    def result(self):
        """Return (status, kind, [(name, mime, bytes), …]); the status is None when nothing was reported."""
        reports = self.reports
        if len(reports) == 3 and not any(map(_remarkable, reports)):
            return "success", "", []
        status, kind = None, ""
        for report in reports:
            new = verdict(report)
            if new is None or (new != "fail" and getattr(report, "context", None) is not None):
                continue
            if status is None or RANK[new] > RANK[status]:
                status = new
                if new == "fail":
                    kind = self._kind(report)
        if status is None and reports and all(report.outcome == "passed" for report in reports):
            status = "success"  # --setup-only: there was no call
        return status, kind, self._details()

    def xpassed(self):
        """Whether it passed though an xfail, which is not strict, expected it to fail; pytest's word for it."""
        return any(
            report.when == "call"
            and report.outcome == "passed"
            and hasattr(report, "wasxfail")
            and getattr(report, "context", None) is None
            for report in self.reports
        )

    def _kind(self, report):
        kind = self._kinds.get(report.when)
        if kind is None:  # a plugin made the report; a strict xfail that passed
            kind = {"call": "assertion", "setup": "setup"}.get(report.when, "error")
        return kind

    def _details(self):
        details = []
        seen = set()
        reruns = 0
        for report in self.reports:
            if report.outcome == "rerun":
                reruns += 1
                details.append(("rerun %d" % reruns, TRACEBACK, encode(report_text(report))))
                continue
            # A subtest's skip or expected failure is not the test's; its text says which it was.
            what = subtest_name(report)
            suffix = " " + what if what else ""
            expected = hasattr(report, "wasxfail")
            if report.outcome == "skipped" and not expected:
                details.append(("reason" + suffix, TEXT, encode(_skip_reason(report))))
                continue
            reason = _expectation(report) if expected else ""
            if reason:
                details.append(("reason" + suffix, TEXT, encode(reason)))
            if report.outcome != "passed" and report.longrepr is not None:
                name = "traceback" + suffix
                if name in seen:
                    name = "traceback %s" % report.when
                seen.add(name)
                details.append((name, TRACEBACK, encode(report_text(report))))
        details.extend(self._sections())
        return details

    def _sections(self):
        # Each report repeats the sections of the reports before it.
        seen = set()
        for report in self.reports:
            for title, text in report.sections:
                if (title, text) in seen or not text:
                    continue
                seen.add((title, text))
                if not self.keep_output and title.startswith(
                    ("Captured stdout", "Captured stderr")
                ):
                    continue
                yield section_name(title), TEXT, encode(str(text))


def _remarkable(report):
    return report.outcome != "passed" or report.sections or hasattr(report, "wasxfail")


def _expectation(report):
    """Say what was expected of a test that has an xfail."""
    why = str(report.wasxfail)
    if report.outcome != "passed":
        return why
    return "It passed, and an xfail expected it to fail" + (": %s" % why if why else "")


def _skip_reason(report):
    text = report_text(report)
    return text[9:] if text.startswith("Skipped: ") else text
