"""The project is brought to hosts that have nothing of it: exactly, again only what changed, and plainly where it cannot."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from .projects import Project, lost
from .rig import UID, Machine, Rig

QUICK = """
    import os, time, unittest

    class Quick(unittest.TestCase):
        def test_data(self):
            self.assertEqual(bytes(range(256)), open(os.path.join("data", "bytes.bin"), "rb").read())

    for number in range(30):
        setattr(Quick, f"test_{number:02}", lambda self: time.sleep(0.1))
"""
COPY = "/home/lane/copy"


def content(folder: Path) -> Mapping[str, bytes]:
    """Return a folder's files, those left out that are nobody's source."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
        and not {"__pycache__", ".testrepository", ".testlanes-tree"}
        & {*path.relative_to(folder).parts}
    }


def there(host: Machine) -> Path:
    """Return the copy on a host, as seen from here."""
    return host.root / COPY.lstrip("/")


@pytest.fixture
def project(rig: Rig, tmp_path: Path) -> Project:
    """A project that is on this machine only."""
    made = Project(tmp_path, rig, quick=QUICK)
    for host in rig.hosts.values():
        shutil.rmtree(host.root / str(made.folder).lstrip("/"))
        shutil.rmtree(there(host), ignore_errors=True)
    (made.folder / "data").mkdir()
    (made.folder / "data/bytes.bin").write_bytes(bytes(range(256)))
    (made.folder / "data/a name, with \N{LATIN SMALL LETTER E WITH ACUTE}").write_text("é")
    (made.folder / "data/script").write_text("#!/bin/sh\n")
    (made.folder / "data/script").chmod(0o755)
    return made


@pytest.mark.parametrize("how", ["auto", "rsync", "manifest"])
def test_the_copy_is_the_same_and_only_what_changed_comes_again(
    rig: Rig, project: Project, how: str
) -> None:
    project.describe(h1={"sync": how, "dir": COPY})
    first = project.run("h1")
    assert 0 == first.process.returncode, str(first)
    copy = there(rig["h1"])
    assert content(project.folder) == content(copy)
    assert os.access(copy / "data/script", os.X_OK)
    inode = (copy / "data/bytes.bin").stat().st_ino

    (project.folder / "data/script").unlink()
    (project.folder / "test_more.py").write_text((project.folder / "test_quick.py").read_text())
    second = project.run("h1")
    assert 0 == second.process.returncode, str(second)
    assert 62 == len(second.finished())
    assert content(project.folder) == content(copy)
    assert inode == (copy / "data/bytes.bin").stat().st_ino


def test_a_disk_that_is_full_there_is_told_in_a_line_and_other_hosts_go_on(
    rig: Rig, project: Project
) -> None:
    small = rig["h1"].root / "home/lane/small"
    small.mkdir(exist_ok=True)
    enter = ["nsenter", "-t", str(rig["h1"].init), "-m", "-p"]
    mount = ["mount", "-t", "tmpfs", "-o", f"size=64k,uid={UID}", "small", "/home/lane/small"]
    subprocess.run([*enter, *mount], check=True)
    (project.folder / "data/large.bin").write_bytes(os.urandom(1 << 20))
    project.describe(
        h1={"sync": "manifest", "dir": "/home/lane/small/copy"}, h2={"sync": "auto", "dir": COPY}
    )
    try:
        running = project.run("h1,h2")
    finally:
        subprocess.run([*enter, "umount", "-l", "/home/lane/small"], check=True)
    told = running.until(lost("h1"))["reason"]
    assert "its disk is full" in told
    assert "\n" not in told
    assert 0 == running.process.returncode, str(running)
    running.check_each_has_one_outcome()


def test_a_folder_that_is_not_ours_is_left_alone(rig: Rig, project: Project) -> None:
    copy = there(rig["h1"])
    copy.mkdir()
    (copy / "precious").write_text("mine")
    os.chown(copy, UID, UID)
    project.describe(h1={"sync": "manifest", "dir": COPY})
    running = project.run("local,h1")
    assert 0 == running.process.returncode, str(running)
    assert COPY in running.until(lost("h1"))["reason"]
    assert ["precious"] == [path.name for path in copy.iterdir()]
