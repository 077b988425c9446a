"""Defects of fixtures, testtools and Twisted that hide what became of a test, repaired in the worker.

``fixtures.fixture`` takes ``gather_details`` from testtools.testcase, which fails without a word when testtools
is imported first (as subunit does, so in every stestr run). Then the details of a fixture whose set up failed
are read after its files are gone, and the reported error is that they are.

trial's adapter for unittest's results raises where it should tell of a ``todo``, and nobody hears.

One detail that cannot be read stops the function: what comes after it is lost, and a fixture that failed is not
cleaned up.
"""

import os
import sys

from .worker import exception_text

_done = False
_lost = {}
"""The details of the last fixture whose set up ended with a SystemExit or the like: fixtures itself drops them."""


def repair(root):
    """Once fixtures is imported, make it keep each detail on its own. ``root``: the project, which may be fixtures."""
    global _done
    if _done:
        return
    module = sys.modules.get("fixtures.fixture")
    if module is None or not hasattr(module, "Fixture"):
        return
    testtools = sys.modules.get("testtools.testcase")
    gather = getattr(module, "gather_details", None) or getattr(testtools, "gather_details", None)
    if gather is None:  # testtools is not there, or still being imported
        return
    _done = True
    if belongs_to(module, root) or belongs_to(testtools, root):
        return
    module.gather_details = _each(gather)
    if getattr(testtools, "gather_details", None) is gather:
        # Here an unreadable detail fails the test, and goes on doing so, after the others are kept.
        testtools.gather_details = _each(gather, raises=True)


def belongs_to(module, root):
    """Whether a module is a part of the project at ``root``, and not merely installed below it."""
    path = os.path.realpath(getattr(module, "__file__", None) or "")
    if "site-packages" in path or "dist-packages" in path:
        return False
    return path.startswith(os.path.join(os.path.realpath(root), ""))


def keep_lost_details(details):
    """Add what a fixture gathered before an exception that is no Exception ended its set up."""
    for name, content in _lost.items():
        details.setdefault(name, content)
    _lost.clear()


def tell_todos(module):
    """Let the adapter in ``twisted.trial._synctest`` tell of tests that are expected to fail, and of those that do not."""
    adapter = module.PyUnitResultAdapter

    def addExpectedFailure(self, test, error, todo=None):  # noqa: N802
        self.original.addExpectedFailure(test, self._exc_info(error))

    def addUnexpectedSuccess(self, test, todo=None):  # noqa: N802
        self.original.addUnexpectedSuccess(test)

    adapter.addExpectedFailure = addExpectedFailure
    adapter.addUnexpectedSuccess = addUnexpectedSuccess


def _each(gather, raises=False):
    def gather_details(source_dict, target_dict):
        """testtools' function, but one detail that cannot be read hides no other and stops no cleaning up."""
        first = None
        for name, content in source_dict.items():
            try:
                gather({name: content}, target_dict)
            except Exception as error:
                from testtools.content import text_content

                first = first or error
                text = "This detail could not be read.\n" + exception_text(error)
                while name in target_dict:
                    name += "-unread"
                target_dict[name] = text_content(text)
        if not raises and not isinstance(sys.exc_info()[1], (Exception, type(None))):
            _lost.update(target_dict)
        if raises and first is not None:
            raise first

    return gather_details
