"""The user's other machines: ``hosts.toml`` in the folder of the user's settings, a table ``[hosts.NAME]`` each.

Only the user's own file says how a host is reached: a command prefix runs with the user's rights, and a
project's files come from anywhere. A project names hosts, and nothing more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path, PurePath, PurePosixPath
from typing import cast

from ..errors import UserError
from ..ids import LOCAL, HostName, ProfileName
from ..settings import Host, Profile, Settings
from .tables import Table, nearest, read_toml
from .user import user_folder

KEYS: Mapping[str, str] = {
    "run": '["ssh", "builder"]',
    "shell": "true",
    "lanes": "8",
    "python": '"python3"',
    "dir": '"~/.cache/testlanes/{project}"',
    "sync": '"auto"',
    "setup": '"python3 -m venv .venv && .venv/bin/pip install -r requirements.txt"',
    "profiles": '{ py311 = ".tox/py311/bin/python" }',
    "env": '{ TZ = "UTC" }',
    "isolate": '"pidns"',
    "queue": "true",
    "lease": "15",
}
"""Every key of a host, with an example of its value."""

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._:@%-]*")
SHORTEST_LEASE = 1.0


def hosts_file(environ: Mapping[str, str]) -> Path | None:
    """Return the path of the user's hosts.toml, None where there is no home."""
    folder = user_folder(environ)
    return None if folder is None else folder / "hosts.toml"


def told_file(environ: Mapping[str, str]) -> str:
    """Return what to call the user's hosts.toml, also where there is no home."""
    return str(hosts_file(environ) or "~/.config/testlanes/hosts.toml (HOME is not set)")


def read_hosts(environ: Mapping[str, str]) -> dict[HostName, Host]:
    """Return the user's hosts by name. Raises UserError for what is wrong in the file."""
    file = hosts_file(environ)
    data = None if file is None else read_toml(file)
    if file is None or data is None:
        return {}
    tables = Table(data, file, "", {"hosts": '{ builder = { run = ["ssh", "builder"] } }'}).table(
        "hosts"
    )
    found: dict[HostName, Host] = {}
    for name, value in (tables or {}).items():
        if not NAME.fullmatch(name) or name == LOCAL:
            what = "this machine" if name == LOCAL else "no name for a host"
            raise UserError(
                f"{file}: hosts.{name} is {what}.",
                hint="Names are letters, digits and . _ : @ % -, as in [hosts.build-2].",
            )
        if not isinstance(value, dict):
            raise UserError(
                f"{file}: hosts.{name} is no table.",
                hint=f'Write [hosts.{name}] and below it, for example, run = ["ssh", "{name}"].',
            )
        host = HostName(name)
        table = Table(cast("dict[str, object]", value), file, f"hosts.{name}", KEYS)
        found[host] = _host(host, table)
    return found


def _host(name: HostName, table: Table) -> Host:
    run = table.texts("run")
    if not run or not run[0].strip():
        raise UserError(
            f"{table.file}: {table.path('run')} is missing.",
            hint=f"Write the command that runs another one there: run = {KEYS['run']}.",
        )
    usual = Host(name, run)
    sync = table.text("sync") or usual.sync
    isolate = table.text("isolate")
    if isolate not in (None, "pidns", "none"):
        raise table.wrong("isolate", 'one of "pidns", "none"')
    folder = table.text("dir") or usual.directory
    _refuse_dangerous(table, folder, sync)
    shell = table.flag("shell")
    return Host(
        name,
        run,
        PurePath(run[0]).name in ("ssh", "slogin") if shell is None else shell,
        table.whole("lanes", 1) or 0,
        table.text("python") or usual.python,
        folder,
        sync,
        table.text("setup") or "",
        {ProfileName(key): text for key, text in (table.mapping("profiles") or {}).items()},
        table.environment("env") or {},
        isolate == "pidns",
        bool(table.flag("queue")),
        table.seconds("lease", SHORTEST_LEASE) or usual.lease,
    )


def _refuse_dangerous(table: Table, folder: str, sync: str) -> None:
    """Refuse folders that cannot be a project's own: what is not in the project is deleted there."""
    path = PurePosixPath(folder)
    parts = [part for part in path.parts if part not in ("/", "~")]
    if not folder.startswith(("/", "~/")) or ".." in parts or (sync != "none" and not parts):
        raise table.wrong("dir", "the path of a folder of the project's own, from / or ~/")


def known_hosts(
    hosts: tuple[HostName, ...],
    where: str,
    known: Mapping[HostName, Host],
    environ: Mapping[str, str],
    *,
    strict: bool,
) -> tuple[tuple[HostName, ...], list[str]]:
    """Return the hosts that can be reached, and a line for each that nobody knows.

    ``where`` they are named. Raises UserError for the first of those if ``strict``.
    """
    unknown = [host for host in hosts if host != LOCAL and host not in known]
    file = told_file(environ)
    if unknown and strict:
        host = unknown[0]
        near = nearest(host, known) if known else f"{file} is where hosts are described."
        raise UserError(
            f"{where}: there is no host {host}.",
            hint=f'{near} Write there, for example, [hosts.{host}] and run = ["ssh", "{host}"].',
        )
    told = [f"host {host} ({where}) is left out: {file} has no [hosts.{host}]." for host in unknown]
    return tuple(host for host in hosts if host not in unknown), told


def named_hosts(profiles: Iterable[Profile], hosts: tuple[HostName, ...]) -> tuple[HostName, ...]:
    """Return all hosts that a run may use: those named for all profiles, then what single ones name."""
    return tuple(dict.fromkeys((*hosts, *(host for each in profiles for host in each.hosts))))


def place_profiles(
    profiles: Iterable[Profile], hosts: tuple[HostName, ...]
) -> tuple[tuple[Profile, ...], tuple[HostName, ...], list[str]]:
    """Return the profiles with those of ``hosts`` that may run them, the hosts that have some, and problems."""
    placed: list[Profile] = []
    told: list[str] = []
    for profile in profiles:
        left = tuple(host for host in profile.hosts if host in hosts)
        if left:
            placed.append(replace(profile, hosts=left))
        else:
            names = ", ".join(profile.hosts)
            told.append(f"profile {profile.name} is left out: it runs on {names} only.")
    used = {host for profile in placed for host in profile.hosts}
    return tuple(placed), tuple(host for host in hosts if host in used), told


def here_only(settings: Settings) -> Settings:
    """Return the settings of what runs on this machine alone, as a watch does: it lives on what stays warm.

    Raises UserError where no profile may run here.
    """
    if settings.instance_provision:
        told = "files are watched for tests on this machine; no instances are provisioned."
        settings = replace(settings, instance_provision="", problems=(*settings.problems, told))
    if settings.hosts == (LOCAL,):
        return settings
    profiles = tuple(
        replace(each, hosts=(LOCAL,)) for each in settings.profiles if LOCAL in each.hosts
    )
    if not profiles:
        raise UserError(
            "files are watched for tests on this machine, and no profile runs here",
            hint="add --host local",
        )
    told = "files are watched for tests on this machine; no other host has a part in it."
    return replace(
        settings,
        profiles=profiles,
        hosts=(LOCAL,),
        reach={},
        problems=(*settings.problems, told),
    )
