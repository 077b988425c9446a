"""The process table as an agent reads it."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportPrivateUsage=false

from __future__ import annotations

import subprocess
import sys

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


@pytest.mark.skipif(not processes._LISTS_CHILDREN, reason="this kernel lists no children")
def test_descendants_are_the_same_by_the_kernels_lists_and_by_the_whole_table() -> None:
    root = subprocess.Popen([sys.executable, "-c", TREE], stdout=subprocess.PIPE)
    try:
        assert root.stdout is not None
        assert root.stdout.readline() == b"up\n"
        found = processes.descendants()
        assert {root.pid} < set(found)
        assert len([p for p in found.values() if p.parent in found]) >= 2
        assert set(found) == set(processes._descendants_by_parent())
    finally:
        for pid in processes.descendants():
            processes.send(pid, processes.SIGKILL)
        root.communicate()
    assert root.pid not in processes.descendants()
