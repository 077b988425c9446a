"""The command that starts an agent on a host, and what its failure means."""

from __future__ import annotations

import shlex
from pathlib import PurePath

from ..agent.bootstrap import BOOTSTRAP
from ..frozen import frozen
from ..settings import Host

SSH_OPTIONS = (
    *("-T", "-x", "-a", "-o", "BatchMode=yes", "-o", "ClearAllForwardings=yes"),
    *("-o", "PermitLocalCommand=no", "-o", "ConnectTimeout=10"),
)
"""No terminal, no forwarding, no questions. ssh takes the first value of an option: what the user adds comes after."""

NAMESPACE = (
    "unshare",
    "--user",
    "--map-current-user",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
)
"""util-linux: a process namespace that ends with its first process, whatever left its session."""


def is_ssh(host: Host) -> bool:
    """Whether a host is reached with ssh itself."""
    return bool(host.run) and PurePath(host.run[0]).name == "ssh"


def prefix(host: Host) -> list[str]:
    """Return the command prefix of a host, with our options where it is ssh's."""
    first, *rest = host.run
    return [first, *SSH_OPTIONS, *rest] if is_ssh(host) else [first, *rest]


def agent_command(host: Host) -> list[str]:
    """Return the whole command that starts an agent on a host, its source coming over stdin."""
    words = [*(NAMESPACE if host.isolate else ()), host.python, "-c", BOOTSTRAP]
    return remote_command(host, words)


def remote_command(host: Host, words: list[str]) -> list[str]:
    """Return the command that runs ``words`` on a host, quoted if a shell there reads them."""
    if not host.shell:
        return [*prefix(host), *words]
    return [*prefix(host), " ".join(map(_quoted, words))]


def _quoted(word: str) -> str:
    """Quote for a POSIX shell, which is still to put the home folder in place of a ``~/`` in front."""
    if word.startswith("~/"):
        return "~/" + shlex.quote(word[2:])
    return shlex.quote(word)


@frozen
class Failure:
    """Why a host cannot be reached, in its own words, and what to do. ``final``: to try again is no use."""

    reason: str
    hint: str = ""
    final: bool = False


def explain(host: Host, said: str, otherwise: str) -> Failure:
    """Return what a command meant by what it said at last; ``otherwise``: the reason if it said nothing."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    last = lines[-1] if lines else otherwise
    known = "\n".join(lines)
    again = shlex.join(host.run)
    target = host.run[-1] if host.run else ""
    if is_ssh(host):
        if "REMOTE HOST IDENTIFICATION HAS CHANGED" in known:
            hint = f"if that is right, forget the old key: ssh-keygen -R {_keyed(known, target)}"
            return Failure("its host key has changed", hint, final=True)
        if "Host key verification failed" in known:
            hint = f"its host key is not known yet; look at it and accept it once: {again}"
            return Failure(last, hint, final=True)
        if "Permission denied" in known:
            return Failure(last, f"log in there without a password first: {again}", final=True)
        if "Could not resolve hostname" in known:
            return Failure(
                last, "mend its name in hosts.toml or in ssh's configuration", final=True
            )
    if host.isolate and "unshare" in last:
        hint = "it gives no process namespace to this user: leave isolate out"
        return Failure(last, hint, final=True)
    for words in (
        "command not found",
        "No such file or directory",
        ": not found",
        "cannot execute",
    ):
        if words in last:
            hint = (
                f"name a Python 3.8 or later that is there: python = … ({host.python} is asked for)"
            )
            return Failure(last, hint, final=True)
    if "SyntaxError" in known or "ModuleNotFoundError" in known:
        hint = "name a Python 3.8 or later that is there: python = …"
        return Failure(f"{host.python} cannot run the agent: {last}", hint, final=True)
    return Failure(last)


def _keyed(said: str, target: str) -> str:
    """Return the name that ssh keeps a changed key under, which is what ssh-keygen -R wants."""
    for line in said.splitlines():
        if "ssh-keygen" in line and "-R" in line:
            return line.rpartition("-R")[2].strip().strip("'\"")
    return target.rpartition("@")[2]
