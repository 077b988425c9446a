"""A project is brought to a folder of a host, through a real agent: byte for byte, and nothing outside is touched."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import py_compile
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from testlanes.runner.hosts import tree
from testlanes.runner.hosts.files import ProjectFile
from testlanes.runner.hosts.link import HostError, Link
from testlanes.runner.hosts.stream import PIECE, listing
from testlanes.runner.hosts.tree import bring_tree
from testlanes.runner.wire import orders
from testlanes.runner.wire.frames import encode

from .reached import Reached, bring, far, lay, reached, say, seen

OLDEST = sorted((Path.home() / ".pyenv/versions").glob("3.8.*/bin/python"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a small project with everything that is awkward about files."""
    folder = lay(
        tmp_path / "here",
        {
            "test_a.py": "import unittest\n",
            "pkg/__init__.py": "",
            "pkg/deep/er/data.bin": os.urandom(3 * PIECE + 17),
            "name with blanks\nand a line break.txt": "x",
            "tool": "#!/bin/sh\n",
        },
    )
    (folder / "tool").chmod(0o755)
    (folder / os.fsdecode(b"caf\xe9")).write_text("latin")
    (folder / "here.bin").symlink_to("pkg/deep/er/data.bin")
    (folder / "pkg" / "up").symlink_to("../pkg/deep")
    (folder / "absolute").symlink_to(folder / "tool")
    os.utime(folder / "test_a.py", ns=(1, 1_234_567_890_123_456_789))
    return folder


def copied(notes: list[tuple[str, str]]) -> str:
    """Return the last that was shown of copying."""
    return [note for phase, note in notes if phase == "syncing"][-1]


@pytest.mark.parametrize("python", [sys.executable, *map(str, OLDEST)])
def test_the_tree_is_the_same_byte_for_byte(python: str, project: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    link = bring(project, there, far(python))

    here = seen(project)
    here["absolute"] = ("tool", 0, 0)  # it would lead to this machine's folder
    assert seen(there) == here
    assert copied(link.notes).startswith("6 of 6 files, ")
    assert link.warnings == []


def test_only_what_changed_is_copied_and_what_went_is_removed(
    project: Path, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    bring(project, there)
    made = there / "made-by-a-test.log"
    made.write_text("keep me")
    again = bring(project, there)
    assert copied(again.notes) == "9 files, nothing to copy"

    lay(project, {"pkg/__init__.py": "VERSION = 2\n", "new/file.txt": "new"})
    (project / "pkg/deep/er/data.bin").unlink()
    (project / "test_a.py").touch()
    changed = bring(project, there)
    assert copied(changed.notes).startswith(
        "3 of 3 files, 15 B of 31 B"
    )  # one has other times only
    assert made.read_text() == "keep me"
    made.unlink()
    here = seen(project)
    assert {name: it for name, it in seen(there).items() if name != "absolute"} == {
        name: it for name, it in here.items() if name != "absolute"
    }
    assert not (there / "pkg/deep").exists()


def test_a_module_that_went_leaves_no_compiled_one_to_import(project: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    bring(project, there)
    cached = importlib.util.cache_from_source(str(there / "pkg/__init__.py"))
    assert py_compile.compile(str(there / "pkg/__init__.py")) == cached
    for path in (project / "pkg").rglob("*"):
        if path.is_file():
            path.unlink()
    (project / "pkg/up").unlink()
    bring(project, there)
    assert not (there / "pkg").exists()


def test_a_list_of_many_files_is_taken_in_pieces(tmp_path: Path) -> None:
    names = [f"data/{os.urandom(40).hex()}" for _ in range(4000)]
    project = lay(tmp_path / "here", dict.fromkeys(names, ""))
    link = bring(project, tmp_path / "there")
    assert copied(link.notes) == "4,000 of 4,000 files, 0 B of 0 B"
    assert copied(bring(project, tmp_path / "there").notes) == "4,000 files, nothing to copy"


def test_what_a_test_spoiled_there_is_mended(project: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    bring(project, there)
    (there / "test_a.py").write_text("spoiled")
    (there / "tool").unlink()
    (there / "here.bin").unlink()
    (there / "here.bin").symlink_to("/etc/passwd")
    bring(project, there)
    assert (there / "test_a.py").read_text() == "import unittest\n"
    assert os.access(there / "tool", os.X_OK)
    assert str((there / "here.bin").readlink()) == "pkg/deep/er/data.bin"


def test_files_become_folders_and_folders_files(project: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    bring(project, there)
    (project / "tool").unlink()
    lay(project, {"tool/inner.py": "1"})
    for path in (project / "pkg/deep/er/data.bin", project / "pkg/__init__.py", project / "pkg/up"):
        path.unlink()
    for folder in ("pkg/deep/er", "pkg/deep", "pkg"):
        (project / folder).rmdir()
    lay(project, {"pkg": "a file now"})
    bring(project, there)
    assert (there / "tool/inner.py").read_text() == "1"
    assert (there / "pkg").read_text() == "a file now"


def test_a_link_that_leaves_the_project_is_told_and_not_copied(
    project: Path, tmp_path: Path
) -> None:
    (project / "outside").symlink_to("/etc/passwd")
    (project / "pkg/higher").symlink_to("../../elsewhere")
    link = bring(project, tmp_path / "there")
    assert link.warnings == ["not copied, for they lead out of the project: outside, pkg/higher"]
    assert not os.path.lexists(tmp_path / "there/outside")


def test_a_folder_that_is_not_ours_is_refused(project: Path, tmp_path: Path) -> None:
    theirs = lay(tmp_path / "theirs", {"thesis.tex": "years"})
    with pytest.raises(HostError) as caught:
        bring(project, theirs)
    assert caught.value.reason == f"{theirs} is there, and testlanes did not make it"
    assert "dir = " in caught.value.hint
    assert caught.value.final
    assert seen(theirs).keys() == {"thesis.tex"}


@pytest.mark.parametrize("folder", ["/", "~", "relative/path", "~nobody-of-this-name/x"])
def test_no_other_folder_is_taken(folder: str, project: Path) -> None:
    with pytest.raises(HostError):
        bring(project, folder)


def test_what_is_in_the_way_is_named(project: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    bring(project, there)
    (there / "new").write_text("made by a test")
    lay(project, {"new/file.py": "1"})
    with pytest.raises(HostError, match=f"a file is in the way of the folder {there}/new"):
        bring(project, there)
    (there / "new").unlink()
    (there / "new").symlink_to(tmp_path)
    with pytest.raises(HostError, match=f"a symbolic link is in the way of the folder {there}/new"):
        bring(project, there)
    assert not (tmp_path / "file.py").exists()
    (there / "new").unlink()
    lay(there, {"other/made.txt": "1"})
    lay(project, {"other": "a file"})
    with pytest.raises(HostError, match=f"a folder is in the way of the file {there}/other"):
        bring(project, there)


HOSTILE = (
    b"../out",
    b"/etc/out",
    b"a/../../out",
    b"a//b",
    b".",
    b"",
    b"a\0b",
    b".testlanes-tree/x",
)


@pytest.mark.parametrize("path", HOSTILE)
def test_hostile_names_are_refused(path: bytes, tmp_path: Path) -> None:
    there = tmp_path / "there"
    content = [encode("put", 0, b"x"), encode("end", 1, 0o644)]
    with pytest.raises(HostError):
        say(there, listing([ProjectFile(path, 1, 1, 0o644)]), content)
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
    assert [path.name for path in there.iterdir()] == [".testlanes-tree"]


@pytest.mark.parametrize("target", [b"/etc/passwd", b"../x", b"a/../../x", b""])
def test_hostile_links_are_refused(target: bytes, tmp_path: Path) -> None:
    there = tmp_path / "there"
    with pytest.raises(HostError, match="leaves the project"):
        say(there, listing([ProjectFile(b"link", 0, 0, 0, target)]))
    assert not os.path.lexists(there / "link")


def test_one_changes_a_tree_at_a_time_and_others_may_use_it_unchanged(
    project: Path, tmp_path: Path
) -> None:
    there = str(tmp_path / "there")

    async def share_when_asked(mine: Link, other: Reached) -> None:
        await other.until("another run changes the folder")
        await mine.send(orders.share_tree())

    async def main() -> None:
        async with reached(far()) as first, reached(far()) as second, asyncio.timeout(60):
            await bring_tree(first, str(project), there)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(share_when_asked(first, second))
                assert await bring_tree(second, str(project), there) == there
            assert copied(second.notes) == "9 files, nothing to copy"

            lay(project, {"new.py": "1"})
            async with reached(far()) as third:
                with pytest.raises(HostError, match="is used by another run") as caught:
                    await bring_tree(third, str(project), there)
            assert not caught.value.final

    asyncio.run(main())
    bring(project, there)  # they are gone


def test_what_was_interrupted_is_not_copied_again(project: Path, tmp_path: Path) -> None:
    """The agent dies between two files; what had come is recognised, and what has gone here is removed."""
    there = tmp_path / "there"
    stat = (project / "tool").stat()
    files = [
        ProjectFile(b"gone.py", 1, 1, 0o644),
        ProjectFile(b"tool", stat.st_mtime_ns, stat.st_size, 0o755),
    ]
    content = (project / "tool").read_bytes()
    one = [encode("put", 0, b"x"), encode("end", 1, 0o644)]
    two = [encode("put", 1, content), encode("end", stat.st_mtime_ns, 0o755)]
    say(there, listing(files), one, two)
    assert (there / "gone.py").exists()
    had = (there / "tool").stat().st_ino
    bring(project, there)
    assert not (there / "gone.py").exists()
    assert (there / "tool").stat().st_ino == had


@pytest.mark.parametrize("killed", [False, True])
def test_of_a_file_that_came_by_half_nothing_stays(killed: bool, tmp_path: Path) -> None:
    """The run ends in the middle of a file; or its agent is killed there, and another one comes."""
    there = tmp_path / "there"
    files = [ProjectFile(b"a.bin", 1, 2 * PIECE, 0o644)]
    say(there, listing(files), [encode("put", 0, os.urandom(PIECE))], killed=killed)
    if killed:
        assert (there / ".testlanes-tree/draft").exists()
        say(there, listing([]))
    assert {path.name for path in (there / ".testlanes-tree").iterdir()} == {
        *(".gitignore", "lock", "manifest")
    }
    assert seen(there) == {}


def mount(*words: str) -> None:
    """Mount memory as a disk, or change it; skip where that is not allowed."""
    if subprocess.run(["mount", "-t", "tmpfs", *words], check=False).returncode:
        pytest.skip("mount is not allowed here")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Return the folder of a disk of 256 KiB."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    folder = tmp_path / "disk"
    folder.mkdir()
    mount("-o", "size=256k", "none", str(folder))
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_said_plainly_and_mends(project: Path, disk: Path) -> None:
    with pytest.raises(HostError) as caught:
        bring(project, disk / "there")
    assert caught.value.reason.startswith(f"its disk is full: {disk}/there/")
    assert "make room there" in caught.value.hint

    mount("-o", "remount,size=4m", "none", str(disk))
    bring(project, disk / "there")
    assert seen(disk / "there").keys() == seen(project).keys()


def test_an_unreadable_file_is_told_and_the_rest_is_copied(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It vanishes after it was listed."""
    real = tree.project_files

    def listed(folder: str):
        found = real(folder)
        (project / "tool").unlink()
        return found

    monkeypatch.setattr(tree, "project_files", listed)
    link = bring(project, tmp_path / "there")
    assert link.warnings == ["not copied, for it cannot be read here: tool"]
    assert (tmp_path / "there/test_a.py").exists()


def test_a_damaged_manifest_is_said_plainly(project: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    bring(project, there)
    (there / ".testlanes-tree/manifest").write_text('{"version": 1, "files": {"../x": [1]}}')
    with pytest.raises(HostError, match="cannot be read") as caught:
        bring(project, there)
    assert "remove the folder" in caught.value.hint
