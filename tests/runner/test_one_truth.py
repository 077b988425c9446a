"""Whatever runs, is loaded, or is left out, in whatever order: what is failing is what a plain model says."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings, strategies as st

from testlanes.runner.cli.entry import run_command_line
from testlanes.runner.wire.subunit import Packet, encode

TESTS = ("a", "b", "c")
DEFAULTS = ("one", "two")
PROFILES = (*DEFAULTS, "spare")
Cases = set[tuple[str, str]]

SUITE = """
import json, os, unittest
BROKEN = json.load(open("broken.json"))
class T(unittest.TestCase):
    def check(self):
        self.assertNotIn([self._testMethodName[5:], os.environ["UNDER"]], BROKEN)
    test_a = test_b = test_c = check
"""
CONFIGURATION = 'framework = "unittest"\ndefault_profiles = ["one", "two"]\n' + "".join(
    f'[profiles.{name}]\npython = "{sys.executable}"\nenv = {{ UNDER = "{name}" }}\n'
    for name in PROFILES
)

cases = st.sets(st.tuples(st.sampled_from(TESTS), st.sampled_from(PROFILES)), max_size=5)
profiles = st.one_of(
    st.just(()), st.lists(st.sampled_from(PROFILES), min_size=1, max_size=2, unique=True)
)
runs = st.tuples(
    st.just("run"),
    cases,
    profiles,
    st.sampled_from(["", *TESTS]),
    st.booleans(),
    st.booleans(),
    st.integers(1, 3),
)
loads = st.tuples(st.just("load"), cases, cases, st.booleans())
steps = st.lists(st.one_of(runs, loads), min_size=1, max_size=5)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(steps)
def test_failing_is_what_the_model_says_after_any_commands(
    sequence: list[tuple[object, ...]],
) -> None:
    check(sequence)


def check(sequence: list[tuple[object, ...]]) -> None:
    with TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path("test_some.py").write_text(SUITE)
        Path("testlanes.toml").write_text(CONFIGURATION)
        command("init")
        model: Cases = set()
        for word, *rest in sequence:
            model = (ran if word == "run" else loaded)(model, *rest)  # type: ignore[arg-type]
            assert failing() == model, (word, rest)


def command(*argv: str) -> tuple[int, str]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        code = run_command_line(list(argv))
    return code, out.getvalue()


def failing() -> Cases:
    code, text = command("failing", "--json")
    found = {
        (test_id.rpartition("_")[2], profile)
        for test_id, said in json.loads(text).items()
        for profile in said["profiles"]
    }
    assert code == bool(found)
    return found


def ran(
    model: Cases,
    broken: Cases,
    chosen: list[str],
    name: str,
    only_failing: bool,
    partial: bool,
    lanes: int,
) -> Cases:
    """A run: what ran has its new verdict, and a run of all the default profiles knows all about those."""
    Path("broken.json").write_text(json.dumps(sorted(broken)))
    names = set(chosen or DEFAULTS)
    argv = [word for profile in chosen for word in ("-p", profile)]
    argv += [f"test_{name}$"] * bool(name) + ["--failing"] * only_failing + ["--partial"] * partial
    selected = {(test, profile) for test in TESTS for profile in names if name in ("", test)}
    if only_failing:
        selected &= model
    code, text = command("run", "--no-tui", f"-j{lanes}", *argv)
    expected = selected & broken
    assert code == (1 if expected else 0 if selected else 4), text
    return model - selected | expected


def loaded(model: Cases, results: Cases, broken: Cases, partial: bool) -> Cases:
    """A stream from elsewhere says everything about its profiles, unless it is partial, and nothing of others."""
    stream = b"".join(
        encode(
            Packet(
                f"test_some.T.test_{test}",
                "fail" if (test, profile) in broken else "success",
                frozenset({profile}),
                ns=at,
            )
        )
        for at, (test, profile) in enumerate(sorted(results), 1)
    )
    Path("stream").write_bytes(stream)
    code, text = command("load", *["--partial"] * partial, "stream")
    assert code == (1 if results & broken else 0 if results else 4), text
    spoken_for = {profile for _, profile in results}
    gone = results if partial else {case for case in model if case[1] in spoken_for}
    return model - gone | (results & broken)
