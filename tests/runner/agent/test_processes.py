"""The process table as an agent reads it."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportPrivateUsage=false

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from testlanes.runner.agent import processes

TREE = """
import os, sys, time
if os.fork() == 0:
    if os.fork() == 0:
        print("up", flush=True)
    time.sleep(600)
os.waitpid(-1, 0)
"""


def tree(root: int, found: dict[int, Any]) -> set[int]:
    """Return which of the processes are a root and what is below it: this one may have others."""
    inside = {root} & found.keys()
    while more := {pid for pid, one in found.items() if one.parent in inside} - inside:
        inside |= more
    return inside


@pytest.mark.skipif(not processes._LISTS_CHILDREN, reason="this kernel lists no children")
def test_descendants_are_the_same_by_the_kernels_lists_and_by_the_whole_table() -> None:
    root = subprocess.Popen([sys.executable, "-c", TREE], stdout=subprocess.PIPE)
    try:
        assert root.stdout is not None
        assert root.stdout.readline() == b"up\n"
        found = tree(root.pid, processes.descendants())
        assert len(found) == 3
        assert found == tree(root.pid, processes._descendants_by_parent())
    finally:
        for pid in tree(root.pid, processes.descendants()):
            processes.send(pid, processes.SIGKILL)
        root.communicate()
    assert root.pid not in processes.descendants()
