"""The user's other machines: ``hosts.toml``, and which of them a run uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testlanes.runner.config.hosts import here_only
from testlanes.runner.config.overrides import Overrides
from testlanes.runner.errors import UserError
from testlanes.runner.ids import HostName

if TYPE_CHECKING:
    from .conftest import Project

FILE = "~/.config/testlanes/hosts.toml"
BUILDER = HostName("builder")


def test_a_watch_is_of_this_machine_alone(project: Project) -> None:
    project.write(FILE, '[hosts.builder]\nrun = ["ssh", "builder"]')
    project.write("testlanes.toml", 'framework = "pytest"\nhosts = ["local", "builder"]')

    settings = here_only(project.load())

    assert ("local",) == settings.hosts == settings.profiles[0].hosts
    assert "no other host" in settings.problems[-1]


def test_a_watch_needs_a_profile_that_runs_here(project: Project) -> None:
    project.write(FILE, '[hosts.builder]\nrun = ["ssh", "builder"]')

    with pytest.raises(UserError) as caught:
        here_only(project.load(Overrides(hosts=("builder",))))

    assert caught.value.hint == "add --host local"


def test_all_of_a_host_can_be_written(project: Project) -> None:
    project.write(
        FILE,
        """
        [hosts.builder]
        run = ["ssh", "-p", "2222", "builder"]
        lanes = 8
        python = "python3.12"
        dir = "~/checks/{project}"
        sync = "manifest"
        setup = "make env"
        profiles = { py311 = ".tox/py311/bin/python" }
        env = { TZ = "UTC" }
        isolate = "pidns"
        queue = true
        lease = 4
        """,
    )

    host = project.load(Overrides(hosts=("local", "builder"))).reach[BUILDER]

    assert host.shell  # as ssh has one at its other end
    assert (host.lanes, host.python, host.sync, host.setup) == (
        8,
        "python3.12",
        "manifest",
        "make env",
    )
    assert host.directory == "~/checks/{project}"
    assert dict(host.profiles) == {"py311": ".tox/py311/bin/python"}
    assert (host.isolate, host.queue, host.lease) == (True, True, 4.0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[hosts."-oProxyCommand=x"]\nrun = ["ssh", "x"]', "no name for a host"),
        ('[hosts.local]\nrun = ["ssh", "x"]', "hosts.local is this machine"),
        ("[hosts]\nbuilder = 3", "hosts.builder is no table"),
        ("[hosts.builder]\nlanes = 3", "hosts.builder.run is missing"),
        ('[hosts.builder]\nrun = "ssh builder"', 'hosts.builder.run is \'ssh builder\', not a list'),
        ('[hosts.builder]\nrun = ["ssh", "b"]\nlanes = 0', "not a whole number from 1"),
        ('[hosts.builder]\nrun = ["ssh", "b"]\nlease = 0.1', "seconds from 1"),
        ('[hosts.builder]\nrun = ["ssh", "b"]\nisolate = "vm"', "hosts.builder.isolate"),
        ('[hosts.builder]\nrun = ["ssh", "b"]\ndir = "/"', "hosts.builder.dir"),
        ('[hosts.builder]\nrun = ["ssh", "b"]\ndir = "~"', "hosts.builder.dir"),
        ('[hosts.builder]\nrun = ["ssh", "b"]\ndir = "~/../x"', "hosts.builder.dir"),
        ('[hosts.builder]\nrun = ["ssh", "b"]\ndir = "work"', "hosts.builder.dir"),
        ('[hosts.builder]\nrun = ["ssh", "b"]\nuser = "me"', "hosts.builder.user is no setting"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_file_and_key(project: Project, text: str, said: str) -> None:
    project.write(FILE, text)

    with pytest.raises(UserError) as caught:
        project.load(Overrides(hosts=("builder",)))

    assert "hosts.toml: " in caught.value.message
    assert said in caught.value.message


def test_an_unknown_host_of_the_command_line_is_an_error(project: Project) -> None:
    project.write(FILE, '[hosts.builder]\nrun = ["ssh", "builder"]')

    with pytest.raises(UserError) as caught:
        project.load(Overrides(hosts=("bilder",)))

    assert caught.value.message == "command line: there is no host bilder."
    assert "Is 'builder' meant?" in caught.value.hint


def test_an_unknown_host_of_the_project_is_left_out(project: Project) -> None:
    project.write("testlanes.toml", 'framework = "pytest"\nhosts = ["local", "builder"]')

    settings = project.load()

    assert settings.hosts == ("local",)
    assert any("builder" in problem for problem in settings.problems)


def test_a_profile_none_of_whose_hosts_is_used_is_left_out(project: Project) -> None:
    project.write(FILE, '[hosts.builder]\nrun = ["ssh", "builder"]')
    project.write(
        "testlanes.toml",
        'framework = "pytest"\n[profiles.here]\n[profiles.there]\nhosts = ["builder"]\npython = "x"',
    )

    assert [each.name for each in project.load().profiles] == ["here", "there"]
    alone = project.load(Overrides(hosts=("local",)))
    assert [each.name for each in alone.profiles] == ["here"]
    assert "profile there is left out: it runs on builder only." in alone.problems
