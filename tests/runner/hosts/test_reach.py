"""The commands that start agents on other hosts, and what their failures are said to mean."""

from __future__ import annotations

import shlex
import subprocess

import pytest

from testlanes.runner.hosts.reach import Failure, agent_command, explain, remote_command
from testlanes.runner.ids import HostName
from testlanes.runner.settings import Host

NAME = HostName("builder")
SSH = Host(NAME, ("ssh", "-p", "2222", "builder"), True)
CHANGED = """\
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
  remove with:
  ssh-keygen -f "/home/me/.ssh/known_hosts" -R "[10.0.0.2]:2222"
Host key verification failed.
"""


def test_ssh_asks_nothing_and_forwards_nothing_and_the_users_own_options_come_after_ours() -> None:
    command = remote_command(SSH, ["true"])

    assert command[0] == "ssh"
    assert command[-4:] == ["-p", "2222", "builder", "true"]
    assert "BatchMode=yes" in command
    assert command.index("BatchMode=yes") < command.index("2222")


@pytest.mark.parametrize("word", ["a b", "$HOME", "it's", "`id`", "*", "", "ü", "a\\b", "x;y"])
def test_a_word_reaches_a_host_as_it_is_through_its_shell(word: str) -> None:
    host = Host(NAME, ("sh", "-c", 'eval "$1"', "sh"), True)

    out = subprocess.run(
        remote_command(host, ["printf", "%s", word]), capture_output=True, text=True, check=True
    )

    assert word == out.stdout


def test_the_home_folder_is_the_hosts_own() -> None:
    assert remote_command(SSH, ["~/a b/python", "-c", "x y"])[-1] == "~/'a b/python' -c 'x y'"


def test_without_a_shell_words_stay_apart() -> None:
    host = Host(NAME, ("docker", "exec", "-i", "box"), python="/py 3/bin/python")
    assert agent_command(host)[:6] == ["docker", "exec", "-i", "box", "/py 3/bin/python", "-c"]


def test_a_host_that_gives_no_namespace_is_told_with_what_to_do() -> None:
    failure = explain(Host(NAME, ("env",), isolate=True), "unshare: mount /proc failed: No\n", "")
    assert failure == Failure(
        "unshare: mount /proc failed: No",
        "it gives no process namespace to this user: leave isolate out",
        final=True,
    )


def test_an_isolated_agent_begins_in_a_namespace_of_its_own() -> None:
    host = Host(NAME, ("ssh", "builder"), True, isolate=True)
    assert shlex.split(agent_command(host)[-1])[0] == "unshare"


@pytest.mark.parametrize(
    ("said", "reason", "hint"),
    [
        (CHANGED, "its host key has changed", "ssh-keygen -R [10.0.0.2]:2222"),
        ("No ED25519 host key is known\nHost key verification failed.", "verification failed", "ssh -p 2222 builder"),
        ("me@builder: Permission denied (publickey).", "Permission denied", "without a password"),
        ("ssh: Could not resolve hostname buidler: no", "resolve hostname", "hosts.toml"),
        ("sh: 1: python3: not found", "not found", "python = "),
        ("bash: line 1: python3.9: command not found", "command not found", "python = "),
        ("  File <string>\nSyntaxError: invalid syntax", "cannot run the agent", "3.8 or later"),
    ],
)  # fmt: skip
def test_what_cannot_become_better_is_told_with_what_to_do_and_not_tried_again(
    said: str, reason: str, hint: str
) -> None:
    failure = explain(SSH, said, "the channel ended")

    assert reason in failure.reason
    assert hint in failure.hint
    assert failure.final


@pytest.mark.parametrize("said", ["ssh: connect to host builder port 22: Connection refused", ""])
def test_what_may_pass_is_tried_again(said: str) -> None:
    failure = explain(SSH, said, "the channel to its agent ended")

    assert failure.reason == (said or "the channel to its agent ended")
    assert not failure.final
