"""Whom rsync is to reach, from the command that reaches a host."""

from __future__ import annotations

import shutil

import pytest

from testlanes.runner.hosts.reach import SSH_OPTIONS
from testlanes.runner.hosts.rsync import SshTarget, rsync_target

from .reached import far


@pytest.mark.parametrize(
    ("run", "options", "host"),
    [
        (("ssh", "builder"), (), "builder"),
        (("ssh", "-F", "config", "builder"), ("-F", "config"), "builder"),
        (("ssh", "-Fconfig", "-4", "me@builder"), ("-Fconfig", "-4"), "me@builder"),
        (("ssh", "-4p", "22", "--", "builder"), ("-4p", "22"), "builder"),
        (("/usr/bin/ssh", "-o", "User=me", "b"), ("-o", "User=me"), "b"),
    ],
)
def test_the_parts_of_a_command_are_told_apart(
    run: tuple[str, ...], options: tuple[str, ...], host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found(name: str) -> str:
        return f"/usr/bin/{name}"

    monkeypatch.setattr(shutil, "which", found)
    assert rsync_target(far(run=run)) == (SshTarget((run[0], *SSH_OPTIONS, *options), host), "")


@pytest.mark.parametrize(
    "run", [("ssh", "builder", "sudo", "-u", "x"), ("docker", "exec", "-i", "box"), ("ssh",)]
)
def test_more_than_ssh_and_a_name_is_none_of_rsyncs(run: tuple[str, ...]) -> None:
    target, why = rsync_target(far(run=run))
    assert target is None
    assert why
