"""The unittest result of one test after the other: collects outcomes and details, speaks testtools' protocol too."""

import re
import unittest
import unittest.loader
import unittest.suite

from .channel import now
from .signals import trim
from .worker import TEXT, TRACEBACK, encode, exception_text

__unittest = True  # our frames are left out of tracebacks

_RANK = {"success": 0, "skip": 1, "xfail": 2, "uxsuccess": 3, "fail": 4}
_KIND_RANK = {"": 0, "assertion": 1, "error": 2, "setup": 3}
_LOADER = re.compile(
    r'^  File ".*[/\\]unittest[/\\]loader\.py", line .*\n(?:    .*\n)*', re.MULTILINE
)
"""unittest's own lines in what it says of a module that could not be imported."""
_SUBTEST_PAUSE = 50000000
"""Nanoseconds between two events that tell of passed subtests only."""


class Result(unittest.TestResult):
    """Collects what one test says until ``take``. A class's or module's failure goes to ``on_holder``."""

    def __init__(self, on_holder, on_subtest):
        """``on_holder(id, status, details)``, ``on_subtest(name, status, passed)``."""
        super().__init__()
        # Keeps TestSuite.run from tearing class fixtures down by itself.
        self._testRunEntered = True
        self._moduleSetUpFailed = False
        self._on_holder, self._on_subtest = on_holder, on_subtest
        self._told = 0
        self._whole = ""
        self.reset()

    def reset(self, test_id=""):
        """Begin a test."""
        self._whole = test_id
        self.outcomes = []
        """(status, kind, [(name, mime, bytes), …])"""
        self.tagged = set()
        self.shouldStop = False
        self._passed = 0
        if self.errors or self.failures:
            # Tests look here for what became of them so far (screenshots on failure); nobody else's.
            self.errors, self.failures = [], []

    def take(self):
        """Return (status, kind, details) of the test: the worst outcome counts, the details of all are kept."""
        outcomes = self.outcomes
        if not outcomes:
            note = "The test told no outcome."
            return "fail", "error", [("reason", TEXT, encode(note))]
        if len(outcomes) == 1:
            return outcomes[0]
        status = max((outcome[0] for outcome in outcomes), key=_RANK.__getitem__)
        kind = max((outcome[1] for outcome in outcomes), key=_KIND_RANK.__getitem__)
        details = []
        for outcome in outcomes:
            for detail in outcome[2]:
                # Both an error and a later one may carry what the test added itself.
                if detail not in details:
                    details.append(detail)
        return status, kind, details

    def add(self, status, kind="", details=()):
        """Add an outcome."""
        self.outcomes.append((status, kind, list(details)))

    # -- unittest's protocol -------------------------------------------------

    def startTest(self, test):  # noqa: N802
        self.testsRun += 1

    def stopTest(self, test):  # noqa: N802
        pass

    def addSuccess(self, test, details=None):  # noqa: N802
        if details:
            self._note("success", "", test, None, details)
        else:
            self.outcomes.append(("success", "", []))

    def addError(self, test, err=None, details=None):  # noqa: N802
        self.errors.append((test, self._note("fail", "error", test, err, details)))

    def addFailure(self, test, err=None, details=None):  # noqa: N802
        self.failures.append((test, self._note("fail", "assertion", test, err, details)))

    def addSkip(self, test, reason=None, details=None):  # noqa: N802
        self._note("skip", "", test, None, details, reason)

    def addExpectedFailure(self, test, err=None, details=None):  # noqa: N802
        self._note("xfail", "", test, err, details)

    def addUnexpectedSuccess(self, test, details=None):  # noqa: N802
        self._note("uxsuccess", "error", test, None, details)

    def addSubTest(self, test, subtest, err):  # noqa: N802
        name = _describe(subtest)
        if err is None:
            self._passed += 1
            at = now()
            if at - self._told > _SUBTEST_PAUSE:
                self._told = at
                self._on_subtest(name, "success", self._passed)
            return
        assertion = err[0] is not None and issubclass(err[0], test.failureException)
        text = self.text(err, test)
        # The name that testtools gives it.
        self.add(
            "fail",
            "assertion" if assertion else "error",
            [("traceback " + name, TRACEBACK, encode(text))],
        )
        (self.failures if assertion else self.errors).append((subtest, text))
        self._on_subtest(name, "fail", self._passed)

    def addDuration(self, test, elapsed):  # noqa: N802
        pass

    def wasSuccessful(self):  # noqa: N802
        return True

    # -- testtools' additions ------------------------------------------------

    def tags(self, new, gone):
        """Add and remove tags of the running test."""
        self.tagged = (self.tagged | set(new)) - set(gone)

    def time(self, when):
        """Ours are the times that count."""

    # ------------------------------------------------------------------------

    def _note(self, status, kind, test, err=None, details=None, reason=None):
        found = []
        text = ""
        part = self._part(test)
        if details:
            for name, content in list(details.items()):
                found.append(_read(str(name) + part, content))
        if err is not None:
            text = self.text(err, test)
            found.append(("traceback" + part, TRACEBACK, encode(text)))
        if reason is not None:
            found.append(("reason", TEXT, encode(str(reason))))
        if isinstance(test, unittest.suite._ErrorHolder):
            self._on_holder(test.id(), status, found)
        else:
            self.outcomes.append((status, kind, found))
        return text

    def _part(self, test):
        """Return how a test that runs copies of itself (testscenarios) names this one: as " (name)"."""
        test_id, whole = str(test.id()), self._whole
        return (
            " " + test_id[len(whole) :]
            if whole and test_id != whole and test_id.startswith(whole)
            else ""
        )

    def text(self, err, test):
        """Return the traceback of an exc_info as text."""
        trim(err[1])
        try:
            text = self._exc_info_to_string(err, test)
            return _LOADER.sub("", text) if type(test) is unittest.loader._FailedTest else text
        except BaseException as worse:
            name = getattr(err[0], "__name__", "an exception")
            return "%s\n(its traceback could not be formatted)\n%s" % (name, exception_text(worse))


def _describe(subtest):
    try:
        return str(subtest._subDescription())
    except Exception as error:  # a parameter whose repr raises
        return "(a subtest that cannot be described: %s)" % type(error).__name__


def _read(name, content):
    # Each on its own: one that cannot be read must not hide the others.
    try:
        return name, repr(content.content_type), b"".join(content.iter_bytes())
    except Exception as error:
        text = "This detail could not be read.\n" + exception_text(error)
        return name, TEXT, encode(text)
