"""Processes that tests leave behind are told with the test that left them, also when they are nobody's children any more."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from testlanes.runner.hosts.reach import NAMESPACE
from testlanes.runner.ids import HostName, Row
from testlanes.runner.settings import Host, Settings
from testlanes.runner.state import RunState

from .projects import finish, outcomes, pytests, unittests, write

Framework = Callable[..., Settings]
SUITE = """
    import os, subprocess, time, unittest

    def daemon(seconds):
        subprocess.run(["sh", "-c", f"sleep {seconds} & exit 0"])

    class A(unittest.TestCase):
        def test_1_quick(self): pass
        def test_2_leaves_a_daemon(self): daemon(600)
        def test_3_quick(self): pass
        def test_4_ends_what_it_starts(self): subprocess.run(["sleep", "0.01"])
        def test_5_forks_twice(self):
            if not os.fork():
                if not os.fork():
                    os.execvp("sleep", ["sleep", "601"])
                os._exit(0)
            os.wait()
        def test_6_takes_its_time(self): time.sleep(0.01)

    class B(unittest.TestCase):
        def test_1_leaves_a_daemon(self): daemon(602)

    class C(unittest.TestCase):
        @classmethod
        def setUpClass(cls): daemon(603)
        def test_1_uses_it(self): time.sleep(0.01)
"""


def left(state: RunState) -> dict[str, list[str]]:
    """Return short test id, or none -> the commands of the processes that were told to be left."""

    def name(row: Row | None) -> str:
        return "" if row is None else state.cases.test_id(row).replace("::", ".").split(".", 1)[1]

    return {
        name(found.row): [text.partition(": ")[2] for text in found.leaks["process"]]
        for found in state.leaks
        if "process" in found.leaks
    }


def pids(state: RunState) -> list[int]:
    """Return their numbers."""
    return [
        int(text.partition(":")[0])
        for found in state.leaks
        for text in found.leaks.get("process", ())
    ]


def running(state: RunState) -> list[int]:
    """Return which of them still run."""
    return [pid for pid in pids(state) if Path(f"/proc/{pid}").exists()]


@pytest.mark.parametrize("framework", [unittests, pytests])
async def test_a_process_that_left_its_parent_is_told_of_the_test_that_left_it(
    tmp_path: Path, framework: Framework
) -> None:
    state, code = await finish(framework(write(tmp_path, test_m=SUITE)))

    assert code == 0
    found = {name.removeprefix("py."): commands for name, commands in left(state).items()}
    # unittest takes a class's fixture down after its last test, pytest within.
    (of_class,) = found.pop("" if framework is unittests else "C.test_1_uses_it")
    assert of_class.startswith("sleep 603 (made by setUpClass")
    assert found == {
        "A.test_2_leaves_a_daemon": ["sleep 600"],
        "A.test_5_forks_twice": ["sleep 601"],
        "B.test_1_leaves_a_daemon": ["sleep 602"],
    }
    assert not running(state)


NAMESPACES = (
    subprocess.run([*NAMESPACE, "true"], check=False, capture_output=True, timeout=60).returncode
    == 0
)


@pytest.mark.skipif(not NAMESPACES, reason="this machine gives no process namespaces (unshare)")
async def test_in_a_process_namespace_the_agent_sees_its_own_processes(tmp_path: Path) -> None:
    """Its numbers are those of the namespace: on /proc of the machine they would be somebody else's."""
    body = """
    import os, subprocess, time, unittest

    class A(unittest.TestCase):
        def test_1_leaves_a_daemon(self): subprocess.run(["sh", "-c", "sleep 600 & exit 0"])
        def test_2_hangs(self): time.sleep(60)
        def test_3_hangs_for_good(self):
            import signal
            for each in range(1, 65):
                try: signal.signal(each, signal.SIG_IGN)
                except (OSError, ValueError): pass
            time.sleep(60)
        def test_4_numbers(self): self.assertLess(os.getpid(), 100)
    """
    box = HostName("box")
    host = Host(
        box, ("env",), python=sys.executable, directory=str(tmp_path), sync="none", isolate=True
    )
    made = unittests(
        write(tmp_path, test_m=body), hosts=(box,), reach={box: host}, timeout=1.0, grace=0.5
    )
    made = replace(made, profiles=(replace(made.profiles[0], hosts=(box,)),))

    state, code = await finish(made)

    assert code == 1
    assert outcomes(state) == {
        "test_1_leaves_a_daemon": "success",
        "test_2_hangs": "timeout",
        "test_3_hangs_for_good": "timeout",
        "test_4_numbers": "success",
    }
    assert left(state) == {"A.test_1_leaves_a_daemon": ["sleep 600"]}
    assert max(pids(state)) < 1000
