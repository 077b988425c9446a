"""An agent that is started before there is a run."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from testlanes.runner.launch import Launch


def test_one_that_nobody_uses_ends_with_all_that_it_started(tmp_path: Path) -> None:
    where = tmp_path / "loader"
    tests = f"import os, pathlib, time\npathlib.Path({str(where)!r}).write_text(str(os.getpid()))\ntime.sleep(60)\n"
    (tmp_path / "test_slow.py").write_text(tests)
    launch = Launch()
    suite = {"start": ".", "pattern": "test*.py", "top": None}
    options = {"python": sys.executable, "cwd": str(tmp_path), "kind": "unittest"}
    launch.start_loading({"default": {**options, "suite": suite}})
    while not (where.exists() and where.read_text()):
        assert launch.process.poll() is None

    launch.discard()

    assert launch.process.returncode is not None
    assert not Path("/proc", where.read_text()).exists()


def test_one_that_was_claimed_is_not_discarded() -> None:
    launch = Launch()
    launch.claim()

    launch.discard()

    assert launch.process.poll() is None
    launch.socket.close()
    launch.process.wait(10)
    os.close(launch.errors)
