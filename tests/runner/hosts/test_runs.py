"""Whole runs on a host that has a folder of its own for the project, and sees nothing of this one."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from testlanes.runner.engine import prepare, prepare_listing
from testlanes.runner.headless import exit_code, run_headless
from testlanes.runner.ids import LOCAL, HostName, ProfileName
from testlanes.runner.request import Request
from testlanes.runner.settings import Host, Profile, Selection, Settings, UnittestSuite
from testlanes.runner.state import RunState

from .reached import far, lay

TESTS = """
    import os, unittest
    class Tree(unittest.TestCase):
        def test_is_there(self):
            self.assertEqual(os.getcwd(), {there!r})
            self.assertEqual(__file__, {there!r} + "/test_tree.py")
        def test_knows_nothing_of_here(self):
            import sys
            told = [*sys.path, *os.environ.values()]
            self.assertEqual([], [each for each in told if {here!r} in each])
        def test_has_its_data(self):
            with open("data/it.txt") as file:
                self.assertEqual(file.read(), "it")
        def test_fails(self):
            self.fail("here")
"""


def settings(project: Path, *hosts: Host, local: bool = False, **pythons: str) -> Settings:
    """Return settings for unittest discovery under each profile, on these hosts."""
    names = (*((LOCAL,) if local else ()), *(host.name for host in hosts))
    profiles = tuple(
        Profile(ProfileName(name), python=python, suite=UnittestSuite(), hosts=names)
        for name, python in (pythons or {"default": sys.executable}).items()
    )
    reach = {host.name: host for host in hosts}
    return Settings(str(project), profiles, concurrency=2, hosts=names, reach=reach)


def run(made: Settings, *, only_list: bool = False, selection: Selection | None = None) -> RunState:
    """Run to the end."""

    async def main() -> RunState:
        run = (prepare_listing if only_list else prepare)(made, Request(selection or Selection()))
        await run_headless(run)
        return run.state

    return asyncio.run(main())


def verdicts(state: RunState) -> dict[str, str]:
    """Return profile and short test id -> where it stands."""
    return {
        f"{state.cases.profile(row)} {state.cases.test_id(row).rpartition('.')[2]}": str(
            state.standing_of(row).name
        ).lower()
        for row in state.cases
    }


def lay_project(tmp_path: Path) -> tuple[Path, Host]:
    """Write a project, and return it with a host that is to have it elsewhere."""
    there = tmp_path / "elsewhere/tree"
    here = tmp_path / "here"
    text = TESTS.format(there=str(there), here=str(here))
    source = "\n".join(line[4:] for line in text.split("\n"))
    lay(here, {"test_tree.py": source, "data/it.txt": "it"})
    return here, far(directory=str(there), lanes=2)


EXPECTED = {
    "default test_is_there": "success",
    "default test_knows_nothing_of_here": "success",
    "default test_has_its_data": "success",
    "default test_fails": "fail",
}


def test_a_suite_runs_in_the_hosts_own_folder(tmp_path: Path) -> None:
    project, host = lay_project(tmp_path)
    state = run(settings(project, host))
    assert verdicts(state) == EXPECTED
    assert exit_code(state) == 1
    assert state.hosts[host.name].root == str(tmp_path / "elsewhere/tree")


def test_a_listing_brings_the_files_as_well(tmp_path: Path) -> None:
    project, host = lay_project(tmp_path)
    state = run(settings(project, host), only_list=True)
    assert len(verdicts(state)) == 4
    assert (tmp_path / "elsewhere/tree/data/it.txt").read_text() == "it"


def test_two_hosts_may_have_one_folder(tmp_path: Path) -> None:
    """Two names of one machine, or a shared home: the second waits for the first, and finds all in place."""
    project, host = lay_project(tmp_path)
    twin = replace(host, name=HostName("twin"))
    assert verdicts(run(settings(project, host, twin))) == EXPECTED


def test_an_interpreter_in_the_projects_folder_is_the_one_there(tmp_path: Path) -> None:
    project, host = lay_project(tmp_path)
    host = replace(
        host,
        setup=f"mkdir -p env && ln -sf {sys.executable} env/python",
        profiles={ProfileName("default"): "env/python"},
    )
    assert verdicts(run(settings(project, host))) == EXPECTED
    assert not (project / "env").exists()


def test_only_the_profile_without_an_interpreter_is_left_out_and_named(tmp_path: Path) -> None:
    project, host = lay_project(tmp_path)
    path = "/opt/python3.99/bin/python"
    why = f"{path} on far could not be started: No such file or directory"
    host = replace(host, profiles={ProfileName("old"): path})
    made = settings(project, host, default=sys.executable, old=sys.executable)
    state = run(made)
    assert verdicts(state) == EXPECTED
    assert state.profiles[ProfileName("old")].error == why
    assert exit_code(state) == 3  # nobody could list that profile

    other = far(name=HostName("other"), directory=str(tmp_path / "other"), lanes=1)
    made = settings(project, host, other, default=sys.executable, old=sys.executable)
    state = run(made)
    assert len(verdicts(state)) == 8
    told = [f"{warning.about}: {warning.text}" for warning in state.warnings]
    assert f"far: it cannot run old: {why}" in told


def test_a_host_is_left_alone_whose_profiles_have_nothing_to_run(tmp_path: Path) -> None:
    """As with --failing, where nothing fails under the profiles that run there only."""
    project, host = lay_project(tmp_path)
    made = settings(project, host, local=True, near=sys.executable, away=sys.executable)
    near, away = made.profiles
    made = replace(
        made, profiles=(replace(near, hosts=(LOCAL,)), replace(away, hosts=(host.name,)))
    )
    test = "test_tree.Tree.test_fails"
    state = run(made, selection=Selection(per_profile={near.name: frozenset({test})}))
    assert verdicts(state)["near test_fails"] == "fail"
    assert set(state.hosts) == {LOCAL}
    assert exit_code(state) == 1


def test_a_folder_that_is_not_ours_stops_that_host_only(tmp_path: Path) -> None:
    project, host = lay_project(tmp_path)
    theirs = lay(tmp_path / "elsewhere/tree", {"thesis.tex": "years"})
    (project / "test_tree.py").write_text(
        "import unittest\nclass T(unittest.TestCase):\n    def test_one(self): pass\n"
    )
    state = run(settings(project, host, local=True))
    assert verdicts(state) == {"default test_one": "success"}
    assert [path.name for path in theirs.iterdir()] == ["thesis.tex"]
