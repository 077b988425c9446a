"""A run over several hosts gives what a run on one gives, and says who ran what."""

from __future__ import annotations

import re
from pathlib import Path

from .projects import Project
from .rig import Rig

MIXED = """
    import time, unittest

    class Mixed(unittest.TestCase):
        def test_skips(self):
            self.skipTest("not today")
        def test_fails(self):
            self.assertEqual(1, 2)
        @unittest.expectedFailure
        def test_fails_as_expected(self):
            self.fail()
        def test_errs(self):
            raise OSError("no")

    for number in range(80):
        setattr(Mixed, f"test_{number:02}", lambda self: time.sleep(0.05))
"""


def test_several_hosts_give_what_one_gives(rig: Rig, tmp_path: Path) -> None:
    project = Project(tmp_path, rig, mixed=MIXED)
    here = project.run("local")
    everywhere = project.run("local,h1,h2,h3")

    assert 84 == len(here.verdicts)
    assert here.verdicts == everywhere.verdicts
    assert (1, 1) == (here.process.returncode, everywhere.process.returncode)
    everywhere.check_each_has_one_outcome()
    assert {"local", "h1", "h2", "h3"} == set(everywhere.hosts_used())
    stored = (project.folder / ".testrepository/1").read_text(errors="replace")
    for host in ("h1", "h2", "h3"):
        tagged = re.findall(rf"^tags: worker-\d+ host-{host}$", stored, re.MULTILINE)
        assert len(everywhere.finished(host)) == len(tagged)
        assert not rig[host].processes()
    failing = ["test_mixed.Mixed.test_errs", "test_mixed.Mixed.test_fails"]
    assert failing == sorted(project.tell("testr", "failing", "--list", code=1).split())


def test_stestr_reads_what_hosts_ran(rig: Rig, tmp_path: Path) -> None:
    project = Project(tmp_path, rig, mixed=MIXED)
    (project.folder / ".stestr.conf").write_text("[DEFAULT]\ntest_path=.\n")
    project.run("h1,h2")

    told = project.tell("stestr", "last", code=1)
    assert "Passed: 80" in told, told
    assert "Failed: 2" in told
