"""The command that runs one test alone under the debugger."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from testlanes.runner.ids import Case
from testlanes.runner.settings import PytestSuite

if TYPE_CHECKING:
    from testlanes.runner.settings import Settings

_UNITTEST = """
import pdb, sys, traceback, unittest
suite = unittest.TestLoader().loadTestsFromName(sys.argv[1])
try:
    suite.debug()
except BaseException:
    traceback.print_exc()
    pdb.post_mortem()
    sys.exit(1)
"""


def debug_command(settings: Settings, case: Case) -> Sequence[str]:
    """Return the arguments of a program that wants the terminal, and ends with 0 if the test passed."""
    profile = next(p for p in settings.profiles if p.name == case.profile)
    words = ["env", "-C", profile.directory or settings.root]
    words += [f"{name}={value}" for name, value in profile.env.items()]
    if isinstance(profile.suite, PytestSuite):
        pytest = ["-m", "pytest", "--pdb", "-p", "no:cacheprovider"]
        return [*words, profile.python, *pytest, case.test_id]
    return [*words, profile.python or sys.executable, "-c", _UNITTEST, case.test_id]
