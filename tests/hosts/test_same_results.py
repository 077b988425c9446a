"""A run over several hosts gives what a run on one gives, and says who ran what."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from .projects import Project, Running, ready
from .rig import Rig
from .test_losses import let_begin

MIXED = """
    import os, time, unittest

    while not os.path.exists("begun"):
        time.sleep(0.02)

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
        setattr(Mixed, f"test_{number:02}", lambda self: time.sleep(0.2))
"""


def run_together(project: Project, *hosts: str) -> Running:
    """Run to the end; no host loads the suite before all are there, or a late one would find nothing left."""
    for folder in (project.folder, *(project.there(host) for host in project.rig.hosts)):
        (folder / "begun").unlink(missing_ok=True)
    running = project.start(",".join(hosts))
    for host in project.rig.hosts.keys() & hosts:
        running.until(ready(host))
    let_begin(project)
    running.end()
    return running


def test_several_hosts_give_what_one_gives(rig: Rig, tmp_path: Path) -> None:
    project = Project(tmp_path, rig, mixed=MIXED)
    here = run_together(project, "local")
    everywhere = run_together(project, "local", "h1", "h2", "h3")

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
    run_together(project, "h1", "h2")

    told = project.tell("stestr", "last", code=1)
    assert "Passed: 80" in told, told
    assert "Failed: 2" in told


UNEQUAL = """
    import os, time, unittest

    while not os.path.exists("begun"):
        time.sleep(0.02)

    class Steps(unittest.TestCase):
        pass

    for number in range(120):
        def step(self, seconds=0.05 + number % 7 * 0.05):
            time.sleep(seconds * float(os.environ.get("SLOWNESS", "1")))
        setattr(Steps, f"test_{number:03}", step)
"""


def test_a_slow_host_gets_less_to_do(rig: Rig, tmp_path: Path) -> None:
    """Also when nothing is known of it yet; the run's share of the best possible time is printed."""
    project = Project(tmp_path, rig, unequal=UNEQUAL)
    project.describe(h3={"env": {"SLOWNESS": "4"}})
    for turn in ("times unknown", "times known"):
        running = run_together(project, "h1", "h2", "h3")
        assert 0 == running.process.returncode, str(running)
        running.check_each_has_one_outcome()
        used = running.hosts_used()
        assert used["h3"] < min(used["h1"], used["h2"])
        begins = [event["at"] for event in running.of("case_started")]
        ends = [event["at"] for event in running.finished()]
        took = (
            datetime.fromisoformat(max(ends)) - datetime.fromisoformat(min(begins))
        ).total_seconds()
        work = sum(0.05 + number % 7 * 0.05 for number in range(120))
        print(f"{turn}: {work / (2 + 2 + 2 / 4) / took:.0%} of the best possible, {dict(used)}")
