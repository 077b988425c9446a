"""A defect of fixtures that hides why a test failed, repaired in the worker.

``fixtures.fixture`` takes ``gather_details`` from testtools.testcase, which fails without a word when testtools
is imported first (as subunit does, so in every stestr run). Then the details of a fixture whose set up failed
are read after its files are gone, and the reported error is that they are.
"""

import os
import sys

from .worker import exception_text

_done = False


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
    if not _is_own(module, root) and not _is_own(testtools, root):
        module.gather_details = _each(gather)


def _is_own(module, root):
    path = os.path.realpath(getattr(module, "__file__", None) or "")
    if "site-packages" in path or "dist-packages" in path:
        return False
    return path.startswith(os.path.join(os.path.realpath(root), ""))


def _each(gather):
    def gather_details(source_dict, target_dict):
        """testtools' function, but one detail that cannot be read hides no other and stops no cleaning up."""
        for name, content in source_dict.items():
            try:
                gather({name: content}, target_dict)
            except Exception as error:
                from testtools.content import text_content

                text = "This detail could not be read.\n" + exception_text(error)
                target_dict[name] = text_content(text)

    return gather_details
