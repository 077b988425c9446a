"""``testlanes hosts``: whether each of the user's other machines can be used, and what to do if not."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..agent_options import remote_options
from ..config.hosts import known_hosts, read_hosts, told_file
from ..config.load import load_settings
from ..errors import UserError
from ..hosts.check import Checked, as_fields, check_hosts
from ..hosts.setup import ProfileOptions
from ..hosts.tree import megabytes
from ..ids import HostName
from ..report.clean import clean_line
from ..report.wording import several
from ..settings import Host, Settings
from .arguments import Arguments
from .output import say

UNUSABLE = 1
AHEAD = 2.0
"""Seconds that a clock may be off before that is worth a word."""


def run_hosts(args: Arguments, cwd: Path) -> int:
    """Look at the hosts that are named, or at all. Exit code 1 if one cannot be used."""
    known = read_hosts(os.environ)
    names, _ = known_hosts(
        tuple(map(HostName, args.filters)), "command line", known, os.environ, strict=True
    )
    hosts = [known[name] for name in names or known if name in known]
    if not hosts:
        say("{}" if args.json else f"no hosts are described in {told_file(os.environ)}")
        if not args.json:
            say('write there, for example: [hosts.builder] and run = ["ssh", "builder"]')
        return 0
    settings, told = _project(args, cwd, hosts)
    root = settings.root if settings is not None else str(cwd)

    def profiles(host: Host, folder: str, lanes: int) -> Sequence[ProfileOptions]:
        if settings is None:
            return []
        return [
            (each.name, remote_options(settings, each, host, folder, lanes, ""))
            for each in settings.profiles
            if host.name in each.hosts
        ]

    found = asyncio.run(check_hosts(hosts, root, profiles))
    if args.json:
        say(json.dumps({one.name: as_fields(one) for one in found}, indent=2))
    else:
        for one in found:
            for line in _lines(one):
                say(clean_line(line))
        if told:
            say(clean_line(f"no interpreters were looked at: {told}"))
    return UNUSABLE if any(one.problem for one in found) else 0


def _project(args: Arguments, cwd: Path, hosts: Sequence[Host]) -> tuple[Settings | None, str]:
    """Return the project's settings as if it ran on these hosts; None, and why, if it has none that are right."""
    overrides = replace(args.overrides, hosts=tuple(host.name for host in hosts))
    try:
        return load_settings(cwd, overrides, os.environ), ""
    except UserError as error:
        return None, error.message


def _lines(one: Checked) -> list[str]:
    """Return what is said of a host; what belongs to the line before is indented."""
    if one.problem:
        head = f"{one.name}: cannot be used: {one.problem}"
        lines = [head, f"  hint: {one.hint}"] if one.hint else [head]
        return lines if one.python else [*lines, f"  reached by: {one.run}"]
    lanes = f"{one.lanes} lane{'s' * (one.lanes != 1)} on {one.cpus} core{'s' * (one.cpus != 1)}"
    took = f"first word after {one.first_byte:.2f} s, answers in {one.round_trip * 1000:.1f} ms"
    lines = [f"{one.name}: {lanes}, Python {one.python}, {took}"]
    if abs(one.clock_offset) > AHEAD:
        way = "ahead of" if one.clock_offset > 0 else "behind"
        lines.append(f"  its clock is {abs(one.clock_offset):.1f} s {way} this one's")
    state = "is there" if one.there else "is not there yet"
    if one.files:
        much = f"{several(one.files, 'file')}, {megabytes(one.bytes)}, "
        much += "as far as they differ" if one.there else "all of them"
        lines.append(f"  {one.folder} {state}; a run copies {much}")
    else:
        lines.append(f"  {one.folder} {state}; sync = {one.sync}")
    for name, why in one.profiles.items():
        lines.append(f"  profile {name}: {why or 'ok'}")
    return lines
