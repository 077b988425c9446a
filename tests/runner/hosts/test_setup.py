"""A host's environment is made ready once, for what it is made of; interpreters that are not there are named."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from testlanes.runner.hosts.link import HostError
from testlanes.runner.hosts.setup import ProfileOptions, environment_key, make_ready, usable
from testlanes.runner.hosts.tree import bring_tree
from testlanes.runner.ids import ProfileName
from testlanes.runner.settings import Host

from .reached import Reached, far, lay, reached


def ready(project: Path, there: Path, host: Host) -> Reached:
    """Bring a project and make its environment ready; return the link."""

    async def main() -> Reached:
        async with reached(host) as link:
            await bring_tree(link, str(project), str(there))
            await make_ready(link, str(project), "3.11.1")
            return link

    return asyncio.run(main())


def test_it_runs_once_for_the_same_lock_files(tmp_path: Path) -> None:
    project = lay(tmp_path / "here", {"requirements.txt": "six\n", "test_a.py": ""})
    there = tmp_path / "there"
    host = far(setup="echo ran >> log; echo $WHO >> log; pwd >> log", env={"WHO": "me"})
    link = ready(project, there, host)
    once = f"ran\nme\n{there}\n"
    assert (there / "log").read_text() == once

    ready(project, there, host)
    lay(project, {"test_a.py": "changed"})
    ready(project, there, host)
    assert (there / "log").read_text() == once
    lay(project, {"requirements.txt": "six==1\n"})
    ready(project, there, host)
    assert (there / "log").read_text() == once * 2
    assert not link.warnings


def test_its_output_is_shown_and_a_failure_says_the_last_lines_and_runs_again(
    tmp_path: Path,
) -> None:
    project = lay(tmp_path / "here", {"test_a.py": ""})
    there = tmp_path / "there"
    wait = "if test -e mended; then until test -e shown; do sleep 0.05; done; fi"
    host = far(setup=f"echo one >&2; {wait}; echo two; echo three >&2; test -e mended")
    with pytest.raises(HostError) as caught:
        ready(project, there, host)
    assert caught.value.reason == "its setup exited with status 1: one | two | three"
    (there / "mended").touch()

    async def main() -> None:
        async with asyncio.timeout(60), reached(host) as link:
            await bring_tree(link, str(project), str(there))
            async with asyncio.TaskGroup() as group:
                group.create_task(make_ready(link, str(project), "3.11.1"))
                await link.until("one")
                (there / "shown").touch()
            assert ("setting up", "one") in link.notes

    asyncio.run(main())


def test_a_setup_dies_with_the_agent(tmp_path: Path) -> None:
    project = lay(tmp_path / "here", {"test_a.py": ""})
    host = far(setup="echo $$ > pid; exec sleep 1000")
    there = tmp_path / "there"
    pid = there / "pid"

    async def main() -> None:
        async with asyncio.timeout(60), reached(host) as link, asyncio.TaskGroup() as group:
            await bring_tree(link, str(project), str(there))
            making = group.create_task(make_ready(link, str(project), "3.11.1"))
            while not pid.exists() or not pid.read_text():  # noqa: ASYNC110 - a file has no event
                await asyncio.sleep(0.01)
            making.cancel()

    asyncio.run(main())
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_the_key_is_of_the_command_the_files_and_the_python(tmp_path: Path) -> None:
    project = lay(tmp_path, {"pyproject.toml": "a", "uv.lock": "b"})
    host = far(setup="make")
    keys = {environment_key(host, str(project), "3.11.1")}
    keys.add(environment_key(far(setup="make all"), str(project), "3.11.1"))
    keys.add(environment_key(far(setup="make", env={"A": "1"}), str(project), "3.11.1"))
    keys.add(environment_key(host, str(project), "3.12.1"))
    lay(project, {"uv.lock": "c"})
    keys.add(environment_key(host, str(project), "3.11.1"))
    assert len(keys) == 5
    assert environment_key(host, str(project), "3.11.1") in keys


def look(**pythons: str) -> tuple[list[str], Mapping[ProfileName, str]]:
    """Return the profiles whose interpreters can be used, and why others cannot."""

    async def main() -> tuple[list[str], Mapping[ProfileName, str]]:
        async with reached(far()) as link:
            profiles: list[ProfileOptions] = [
                (ProfileName(name), {"kind": "unittest", "python": python, "env": {}})
                for name, python in pythons.items()
            ]
            good, bad = await usable(link, profiles)
            return [name for name, _ in good], bad

    return asyncio.run(main())


def test_only_profiles_without_an_interpreter_are_left_out(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_text("#!/bin/sh\necho 3.6.15\n")
    old.chmod(0o755)
    path = str(Path(sys.executable).resolve())
    good, bad = look(one=path, two="/no/such/python", three=str(old), four=sys.executable)
    assert good == ["one", "four"]
    assert bad == {
        "two": "/no/such/python on far could not be started: No such file or directory",
        "three": f"{old} on far is Python 3.6.15; it has to be 3.8 or later",
    }


def test_a_host_without_any_interpreter_is_of_no_use() -> None:
    with pytest.raises(HostError) as caught:
        look(one="/no/such/python")
    assert caught.value.final
    assert "profiles = { one = … }" in caught.value.hint


def test_nothing_is_copied_where_the_folder_is_the_same(tmp_path: Path) -> None:
    project = lay(tmp_path / "here", {"test_a.py": ""})
    host = far(sync="none")

    async def main(folder: Path) -> str:
        async with reached(host) as link:
            return await bring_tree(link, str(folder), "~/unused")

    assert asyncio.run(main(project)) == str(project)
    assert [path.name for path in project.iterdir()] == ["test_a.py"]
    with pytest.raises(HostError, match="it has no folder"):
        asyncio.run(main(tmp_path / "missing"))


def test_a_command_copies_with_what_it_is_told(tmp_path: Path) -> None:
    project = lay(tmp_path / "here", {"test_a.py": "1"})
    there = tmp_path / "there"

    async def main(sync: str) -> str:
        async with reached(far(sync=sync)) as link:
            return await bring_tree(link, str(project), str(there))

    with pytest.raises(HostError, match="its sync command ended with status 3: no way"):
        asyncio.run(main("echo no way; exit 3"))
    copy = 'cp -r "$TESTLANES_PROJECT" "$TESTLANES_DIR" && echo $TESTLANES_HOST > $TESTLANES_DIR/h'
    assert asyncio.run(main(copy)) == str(there)
    assert (there / "test_a.py").read_text() == "1"
    assert (there / "h").read_text() == "far\n"
