"""``testlanes hosts`` on real sshd hosts: what works, a key that has changed, a machine that is down."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from .projects import LIMIT, Project
from .rig import Rig

PASSES = """
    import unittest

    class Passes(unittest.TestCase):
        def test_passes(self):
            pass
"""


def test_each_host_is_told_of(rig: Rig, tmp_path: Path) -> None:
    project = Project(tmp_path, rig, passes=PASSES)
    rig["h2"].new_key()

    done = subprocess.run(
        [*rig.inside, sys.executable, "-m", "testlanes", "hosts", "--json"],
        cwd=project.folder,
        env=project.environment(),
        capture_output=True,
        timeout=LIMIT,
        check=False,
    )

    assert 1 == done.returncode, done.stderr
    found = json.loads(done.stdout)
    assert ["h1", "h2", "h3"] == list(found)
    assert [True, False, True] == [one["usable"] for one in found.values()]
    assert found["h1"]["there"]
    assert found["h1"]["profiles"] == {"default": ""}
    assert abs(found["h1"]["clock_offset"]) < 1
    assert 0 < found["h1"]["round_trip"] < found["h1"]["first_byte"]
    assert found["h2"]["problem"] == "its host key has changed"
    assert "ssh-keygen -R " in found["h2"]["hint"]
