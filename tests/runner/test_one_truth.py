"""Whatever runs, is loaded, cut short or left out, in whatever order: what is failing is what a plain model says."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings, strategies as st

from testlanes.runner.cli.entry import run_command_line
from testlanes.runner.wire.subunit import Packet, encode

EXAMPLES = int(os.environ.get("TESTLANES_EXAMPLES", "12"))
"""Sequences of commands that are tried in each kind of repository."""

TESTS = ("a", "b", "c")
GONE = "gone"
"""A test that streams know and the suite does not have."""
IMPORT = "import"
"""What stands for a module that cannot be imported."""
DEFAULTS = ("one", "two")
PROFILES = (*DEFAULTS, "spare")
UNTAGGED = "default"
Case = tuple[str, str]
Cases = set[Case]

SUITE = """
import json, os, signal, unittest
UNDER = os.environ["UNDER"]
PLAN = json.load(open("plan.json"))
if UNDER in PLAN["unloadable"]:
    raise ImportError("planted")
class T(unittest.TestCase):
    def check(self):
        name = self._testMethodName[5:]
        with open("started", "a") as file:
            file.write(f"{name} {UNDER}\\n")
        if [name, UNDER] == PLAN["interrupts"]:
            os.kill(PLAN["controller"], signal.SIGINT)
        how = dict(PLAN["broken"]).get(f"{name} {UNDER}", "")
        if how == "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        if how == "skip":
            self.skipTest("planted")
        self.assertEqual("", how)
    test_a = test_b = test_c = check
"""
IDS = {test: f"test_some.T.test_{test}" for test in TESTS} | {
    GONE: "test_gone.T.test_gone",
    IMPORT: "unittest.loader._FailedTest.test_some",
}


def configuration(repository: str) -> str:
    text = (
        f'framework = "unittest"\nrepository = "{repository}"\ndefault_profiles = ["one", "two"]\n'
    )
    for name in PROFILES:
        text += f'[profiles.{name}]\npython = "./python-{name}"\nenv = {{ UNDER = "{name}" }}\n'
    return text


@dataclass(frozen=True)
class Run:
    """``testlanes run``. ``broken``: how the cases end that do not pass."""

    broken: dict[Case, str]
    chosen: list[str]
    filter: str
    failing: bool
    partial: bool
    first: bool
    lanes: int
    unloadable: set[str]
    missing: bool
    interrupts: Case | None


@dataclass(frozen=True)
class Load:
    """``testlanes load`` of a stream: results with the profile's tag, or none, and whether they failed."""

    results: dict[Case, bool]
    under: str
    partial: bool
    more: frozenset[str]


@dataclass(frozen=True)
class Forget:
    """``testlanes history remove all``: what is failing is no part of history."""


def either(*values: object) -> st.SearchStrategy[object]:
    return st.sampled_from(values)


ours = st.tuples(st.sampled_from(TESTS), st.sampled_from(PROFILES))
theirs = st.tuples(st.sampled_from((*TESTS, GONE)), st.sampled_from((*PROFILES, UNTAGGED)))
rarely = st.sampled_from((False, False, False, True))
runs = st.builds(
    Run,
    broken=st.dictionaries(ours, st.sampled_from(("fail", "fail", "crash", "skip")), max_size=5),
    chosen=st.one_of(
        st.just([]), st.lists(st.sampled_from(PROFILES), min_size=1, max_size=3, unique=True)
    ),
    filter=st.sampled_from(("", "", *TESTS)),
    failing=rarely,
    partial=rarely,
    first=rarely,
    lanes=st.integers(1, 3),
    unloadable=st.one_of(
        st.just(set[str]()), st.sets(st.sampled_from(PROFILES), min_size=1, max_size=2)
    ),
    missing=rarely,
    interrupts=st.one_of(st.none(), ours),
)
loads = st.builds(
    Load,
    results=st.dictionaries(theirs, st.booleans(), max_size=5),
    under=st.sampled_from(("", "", *PROFILES)),
    partial=st.booleans(),
    more=st.sampled_from((frozenset[str](), frozenset({"nightly", "worker-3"}))),
)
steps = st.lists(st.one_of(runs, runs, loads, st.builds(Forget)), min_size=1, max_size=6)


@pytest.mark.parametrize("repository", [".testrepository", ".stestr"])
@settings(max_examples=EXAMPLES, deadline=None)
@given(steps)
def test_failing_is_what_the_model_says_after_any_commands(
    repository: str, sequence: list[Run | Load | Forget]
) -> None:
    check(repository, sequence)


def check(repository: str, sequence: list[Run | Load | Forget]) -> None:
    with TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path("test_some.py").write_text(SUITE)
        Path("testlanes.toml").write_text(configuration(repository))
        for name in PROFILES:
            program = Path(f"python-{name}")
            program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
            program.chmod(0o755)
        command("init")
        model: Cases = set()
        for step in sequence:
            match step:
                case Run():
                    model = ran(model, step)
                case Load():
                    model = loaded(model, step)
                case Forget():
                    command("history", "remove", "all")
            assert failing() == model, step


def command(*argv: str) -> tuple[int, str]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        code = run_command_line(list(argv))
    return code, out.getvalue()


def failing() -> Cases:
    code, text = command("failing", "--json")
    names = {test_id: test for test, test_id in IDS.items()}
    found = {
        (names[test_id], profile)
        for test_id, said in json.loads(text).items()
        for profile in said["profiles"]
    }
    assert code == bool(found)
    return found


def ran(model: Cases, run: Run) -> Cases:
    """What ran has its new verdict; a whole run of the default profiles knows all about those."""
    asked = set(run.chosen or DEFAULTS)
    names = asked - {"two"} if run.missing else asked
    possible = again(model, names, run.failing)
    imports = {(IMPORT, name) for _, name in possible if name in run.unloadable}
    selected = {(test, name) for test, name in possible if run.filter in ("", test)}
    code, text, started = perform(run)
    if not names:
        assert code == 2, text
        return model
    loadable = {case for case in selected if case[1] not in run.unloadable}
    bad = {case for case in started if run.broken.get(case) in ("fail", "crash")}
    stopped = code == 130 or (run.first and bool(bad | imports))
    if stopped:  # perhaps before it came to what cannot be imported
        imports &= failing()
    bad |= imports
    assert code == 130 or code == (1 if bad else 0 if started else 4), text
    assert code != 130 or run.interrupts in started, text
    assert started <= loadable if stopped else started == loadable, text
    heard = {test for test, _ in started}
    seen = started | {(IMPORT, name) for _, name in started}
    stay = {(test, name) for test, name in model - seen if not (name == UNTAGGED and test in heard)}
    narrow = bool(run.chosen) and not names.issuperset(DEFAULTS)
    whole = not (narrow or run.filter or run.failing or run.partial or stopped)
    if whole and (started or imports):
        hidden = {(test, name) for test in TESTS for name in {n for _, n in imports}}
        unseen = {test for test, _ in hidden}
        stay = {
            (test, name)
            for test, name in stay
            if (name not in names and name != UNTAGGED)
            or (test, name) in hidden
            or (name == UNTAGGED and test in unseen)
        }
    return stay | bad


def again(model: Cases, names: set[str], failing: bool) -> Cases:
    """What ``--failing`` selects: what fails, what failed without a profile, all of a broken module."""
    every = {(test, name) for test in TESTS for name in names}
    if not failing:
        return every
    return {
        (test, name)
        for test, name in every
        if {(test, name), (test, UNTAGGED), (IMPORT, name)} & model
    }


def perform(run: Run) -> tuple[int, str, Cases]:
    """Run it; return the exit code, what was said, and which cases began."""
    plan = {
        "broken": [(f"{test} {name}", how) for (test, name), how in run.broken.items()],
        "unloadable": sorted(run.unloadable),
        "interrupts": run.interrupts,
        "controller": os.getpid(),
    }
    Path("plan.json").write_text(json.dumps(plan))
    Path("started").write_text("")
    Path("python-two").chmod(0o644 if run.missing else 0o755)
    argv = [word for profile in run.chosen for word in ("-p", profile)]
    argv += [f"test_some.T.test_{run.filter}$"] * bool(run.filter)
    argv += ["--failing"] * run.failing + ["--partial"] * run.partial + ["-x"] * run.first
    code, text = command("run", "--no-tui", f"-j{run.lanes}", *argv)
    return code, text, set(began())


def began() -> Iterator[Case]:
    for line in Path("started").read_text().splitlines():
        test, name = line.split()
        yield test, name


def loaded(model: Cases, load: Load) -> Cases:
    """A stream from elsewhere says everything about its profiles, unless it is partial, and nothing of others."""
    results: dict[Case, bool] = {}
    stream = b""
    for at, ((test, name), failed) in enumerate(load.results.items(), 1):
        tags = load.more if name == UNTAGGED else load.more | {name}
        stream += encode(Packet(IDS[test], "fail" if failed else "success", tags, ns=at))
        results[test, (load.under or name) if name == UNTAGGED else name] = failed
    Path("stream").write_bytes(stream)
    argv = ["-p", load.under] if load.under else []
    code, text = command("load", *["--partial"] * load.partial, *argv, "stream")
    assert code == (1 if any(load.results.values()) else 0 if results else 4), text
    heard, spoken_for = {test for test, _ in results}, {name for _, name in results}
    mended = {(IMPORT, name) for test, name in results if test in TESTS}
    stay = {
        (test, name)
        for test, name in model - results.keys() - mended
        if not (name == UNTAGGED and test in heard) and (load.partial or name not in spoken_for)
    }
    return stay | {case for case, failed in results.items() if failed}
