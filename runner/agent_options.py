"""What an agent is told of a run before it begins: how many lanes, and each profile's options."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import cast

from .errors import UserError
from .settings import CommandSuite, Host, Profile, PytestSuite, Settings, UnittestSuite

CALLOUT_LIMIT = 60.0
"""Seconds that ``test_run_concurrency`` may take."""


def lane_count(settings: Settings) -> int:
    """Return how many lanes to open on this machine."""
    if settings.concurrency > 0:
        return max(settings.concurrency, 1)
    if settings.concurrency_command:
        return _callout(settings.concurrency_command, settings.root)
    return max(
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, 1
    )


def _callout(command: str, root: str) -> int:
    hint = "it must print one whole number; or give --concurrency N"
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=CALLOUT_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UserError(
            f"test_run_concurrency did not end within {CALLOUT_LIMIT:.0f} seconds: {command}",
            hint=hint,
        ) from None
    if done.returncode:
        raise UserError(
            f"test_run_concurrency ended with status {done.returncode}: {command}", hint=hint
        )
    try:
        return max(int(done.stdout.strip()), 1)
    except ValueError:
        raise UserError(
            f"test_run_concurrency printed {done.stdout[:80]!r}: {command}", hint=hint
        ) from None


def profile_options(
    settings: Settings, profile: Profile, lanes: int, uid: str
) -> dict[str, object]:
    """Return what the agent needs to know of a profile."""
    options: dict[str, object] = {
        "python": profile.python,
        "cwd": profile.directory or str(Path(settings.root)),
        "env": dict(profile.env),
        "worker_count": lanes,
        "run_uid": uid,
        "fresh": settings.fresh,
        "load_limit": settings.load_timeout,
    }
    match profile.suite:
        case UnittestSuite(start, pattern, top, names):
            places = {"start": start, "pattern": pattern, "top": top}
            options |= {
                "kind": "unittest",
                "suite": {"names": list(names)} if names else places,
            }
        case PytestSuite(args):
            options |= {"kind": "pytest", "suite": {"args": list(args)}}
        case CommandSuite(command, id_option, list_option, id_list_default, execute, instance):
            options |= {
                "kind": "command",
                "command": command,
                "id_option": id_option,
                "list_option": list_option,
                "id_list_default": id_list_default,
                "execute": execute if instance else "",
                "instance": instance,
            }
    return options


def remote_options(
    settings: Settings, profile: Profile, host: Host, root: str, lanes: int, uid: str
) -> dict[str, object]:
    """Return what the agent of another host needs to know of a profile.

    ``root``: the project's folder there, which stands in for this one's in every path that lies in it.
    """
    options = profile_options(settings, profile, lanes, uid)
    python = host.profiles.get(profile.name, host.python)
    if "/" in python and not python.startswith(("/", "~/")):
        python = f"{root}/{python}"
    options["python"] = python
    options["cwd"] = _moved(str(options["cwd"]), settings.root, root)
    here = _moved(dict(profile.env), settings.root, root)
    options["env"] = {**cast("dict[str, str]", here), **host.env}
    if isinstance(profile.suite, UnittestSuite | PytestSuite):
        options["suite"] = _moved(options["suite"], settings.root, root)
    return options


def _moved(value: object, here: str, there: str) -> object:
    """Return a value of options with this machine's project folder exchanged for a host's."""
    match value:
        case str() if value == here or value.startswith(f"{here.rstrip('/')}/"):
            return there + value[len(here.rstrip("/")) :]
        case list():
            return [_moved(item, here, there) for item in cast("list[object]", value)]
        case dict():
            moved = cast("dict[str, object]", value)
            return {key: _moved(item, here, there) for key, item in moved.items()}
        case _:
            return value
