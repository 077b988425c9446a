"""``testlanes profiles``: what each configured profile runs under, and whether it can."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from ..config.build import THE_COMMAND
from ..config.interpreter import ask
from ..config.load import load_settings
from ..frozen import frozen
from ..ids import LOCAL, ProfileName
from ..report.clean import clean_line
from ..settings import CommandSuite, Profile, PytestSuite, Settings
from .arguments import Arguments
from .output import say

BROKEN = 2
_AT_ONCE = 8
"""Interpreters started at a time."""


@frozen
class Surveyed:
    """One profile. ``runs``: whether ``testlanes run`` takes it if none is named."""

    name: str
    runs: bool
    python: str = ""
    version: str = ""
    found: str = ""
    tags: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    problem: str = ""


def run_profiles(args: Arguments, cwd: Path) -> int:
    """Print a line for each profile. Exit code 2 if one that would run cannot."""
    settings = load_settings(cwd, args.overrides, os.environ, survey=True)
    found = survey(settings, os.environ)
    if args.json:
        shown = {one.name: {k: v for k, v in asdict(one).items() if k != "name"} for one in found}
        say(json.dumps(shown, indent=2))
    else:
        _table(found)
        if not settings.all_profiles:
            say("no profiles are configured: everything runs under this one")
        for text in settings.problems:
            if not any(text in reason for reason in settings.missing_profiles.values()):
                say(clean_line(text))
    return BROKEN if any(one.problem and one.runs for one in found) else 0


def survey(settings: Settings, environ: Mapping[str, str]) -> list[Surveyed]:
    """Ask every profile's interpreter; in the order of the configuration."""
    known = {profile.name: profile for profile in settings.profiles}
    names = settings.all_profiles or tuple(known)

    def one(name: ProfileName) -> Surveyed:
        runs = name in settings.default_profiles
        profile = known.get(name)
        if profile is None:
            reason = settings.missing_profiles.get(name, "it was not looked for")
            return Surveyed(name, runs, problem=reason.removeprefix(f"profile {name}: "))
        origin = settings.origins.get(f"profiles.{name}.python", "")
        return _ask(profile, runs, origin, settings, environ)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(one, names))


def _ask(
    profile: Profile, runs: bool, origin: str, settings: Settings, environ: Mapping[str, str]
) -> Surveyed:
    version = problem = ""
    command = isinstance(profile.suite, CommandSuite)
    asked = profile.env.get("PYTHON", "") if command else profile.python
    if asked and origin != THE_COMMAND and LOCAL in profile.hosts:
        modules = ("pytest",) if isinstance(profile.suite, PytestSuite) else ()
        folder = Path(profile.directory or settings.root)
        answer = ask(asked, modules, folder, {**environ, **profile.env})
        version, problem = answer.version, answer.problem
        if answer.missing:
            problem = f"it has no {' and no '.join(answer.missing)}"
    python = asked if asked and origin != THE_COMMAND else profile.python
    if isinstance(profile.suite, CommandSuite) and not python:
        python = profile.suite.command
    hosts = tuple(host for host in profile.hosts if host != LOCAL)
    return Surveyed(profile.name, runs, python, version, origin, profile.tags, hosts, problem)


def _table(found: list[Surveyed]) -> None:
    head = ("", "profile", "version", "interpreter", "found as", "tags", "")
    rows = [head] + [
        (
            "*" if one.runs else "",
            one.name,
            one.version,
            one.python,
            one.found if one.found != one.python else "",
            " ".join((*one.tags, *(f"host:{host}" for host in one.hosts))),
            one.problem,
        )
        for one in found
    ]
    widths = [max(len(row[at]) for row in rows) for at in range(6)]
    for row in rows:
        cells = [f"{clean_line(cell):<{width}}" for cell, width in zip(row, widths, strict=False)]
        say("  ".join([*cells, clean_line(row[6])]).rstrip())
    say("")
    say("* runs when no profile is named with -p")
