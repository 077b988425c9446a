"""Suites that do harm when they are loaded, or whose ids are odd: what is loadable runs, the rest is told by name."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from .projects import Outcome, left_lying, left_running, run

GOOD = """
    import unittest

    class Good(unittest.TestCase):
        def test_a(self): pass
        def test_b(self): pass
"""
FAILED = "unittest.loader._FailedTest"
Suite = Callable[..., Outcome]


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    """Return what runs a suite of modules, each given as ``name="source"``, and looks at what is left."""

    def run_suite(*options: str, framework: str = "unittest", **modules: str) -> Outcome:
        for name, source in {"test_good": GOOD, **modules}.items():
            (tmp_path / f"{name}.py").write_text(textwrap.dedent(source))
        outcome = run(tmp_path, "--framework", framework, "-j2", *options)
        assert left_running(tmp_path) == []
        assert left_lying(tmp_path) == []
        assert "internal error" not in outcome.stderr
        assert outcome.selected == set(outcome.verdicts) | outcome.given_up
        return outcome

    return run_suite


def good(outcome: Outcome) -> set[str]:
    """Return the verdicts on the tests of the module that is in order."""
    return {verdict for name, verdict in outcome.verdicts.items() if "test_good" in name}


def test_modules_that_cannot_be_imported_are_failing_tests(suite: Suite) -> None:
    outcome = suite(
        test_no="import nothing_like_it",
        test_syntax="def (",
        test_exit="import sys; sys.exit(0)",
        test_interrupt="raise KeyboardInterrupt",
        test_base="class Odd(BaseException): pass\nraise Odd",
    )

    assert good(outcome) == {"success"}
    broken = {name: v for name, v in outcome.verdicts.items() if "test_good" not in name}
    names = ("test_no", "test_syntax", "test_exit", "test_interrupt", "test_base")
    assert broken == {f"{FAILED}.{name}": "error" for name in names}
    assert outcome.code == 1


def test_pytest_modules_that_cannot_be_imported_are_failing_tests(suite: Suite) -> None:
    outcome = suite(
        framework="pytest",
        test_no="import nothing_like_it",
        test_syntax="def (",
    )

    assert good(outcome) == {"success"}
    for name in ("test_no.py", "test_syntax.py"):
        assert outcome.verdicts[name] in ("error", "setup")
    assert outcome.code == 1


@pytest.mark.parametrize("framework", ["unittest", "pytest"])
def test_a_module_that_ends_the_process_is_told(suite: Suite, framework: str) -> None:
    outcome = suite(framework=framework, test_z="import os; os._exit(0)")

    assert outcome.code == 3
    assert "could not be loaded" in outcome.problem
    assert "exited with status 0" in outcome.problem


@pytest.mark.parametrize("framework", ["unittest", "pytest"])
def test_a_module_that_never_comes_back_is_told_with_its_place(
    suite: Suite, framework: str
) -> None:
    outcome = suite(
        "--load-timeout", "8", framework=framework, test_z="import time\n\n\ntime.sleep(600)"
    )

    assert outcome.code == 3
    assert "said nothing for 8 s while it loaded the suite" in outcome.problem
    assert 'test_z.py", line 4' in outcome.problem


def test_a_module_fixture_that_fails_fails_each_of_its_tests(suite: Suite) -> None:
    source = """
        import unittest
        def setUpModule(): raise RuntimeError("no module")
        class K(unittest.TestCase):
            def test_a(self): pass
            def test_b(self): pass
    """
    outcome = suite(test_m=source)

    assert outcome.verdicts["test_m.K.test_a"] == outcome.verdicts["test_m.K.test_b"] == "setup"
    assert good(outcome) == {"success"}


def test_ids_of_any_shape_are_run_and_told_once(suite: Suite) -> None:
    source = """
        import unittest
        class Odd(unittest.TestCase):
            name = ""
            def id(self): return "test_odd.Odd." + self.name
            def test(self): pass
            def fails(self): self.fail("one of two")
        def load_tests(loader, tests, pattern):
            suite = unittest.TestSuite()
            names = ["a\\nb", "nul\\0nul", "x" * 65536, "$(touch x); `touch y`", "-v", "@file",
                "\\x1b[2J", "e\\u0301\\u202e", "twice", "twice", "\\udcff", "tab\\ttab", "[red]"]
            for number, name in enumerate(names):
                test = Odd("fails" if number == 8 else "test")
                test.name = name
                suite.addTest(test)
            return suite
    """
    outcome = suite(test_odd=source)

    odd = {n: v for n, v in outcome.verdicts.items() if "test_odd" in n}
    assert len(odd) == 12
    assert odd.pop("test_odd.Odd.twice") == "assertion"
    assert set(odd.values()) == {"success"}


def test_a_hundred_thousand_ids(suite: Suite) -> None:
    source = """
        import unittest
        class T(unittest.TestCase):
            pass
        for n in range(100_000):
            setattr(T, "test_%d" % n, lambda self: None)
    """
    outcome = suite("test_good|test_9999", test_many=source)

    assert good(outcome) == {"success"}
    assert len(outcome.verdicts) == 2 + 11
    assert outcome.code == 0


def test_it_is_alone(suite: Suite) -> None:
    """No thread, no child, no fork warning of ours. The name is short: a socket's path may have 107 characters."""
    source = """
        import multiprocessing, os, threading, unittest, warnings
        class Uses(unittest.TestCase):
            def test_spawn(self): self.start("spawn")
            def test_forkserver(self): self.start("forkserver")
            def start(self, how):
                child = multiprocessing.get_context(how).Process(target=os.getpid)
                child.start()
                child.join()
                self.assertEqual(0, child.exitcode)
        class Clean(unittest.TestCase):
            def test_threads(self):
                self.assertEqual(1, threading.active_count())
                self.assertEqual(1, len(os.listdir("/proc/self/task")))
            def test_children(self):
                with self.assertRaises(ChildProcessError):
                    os.waitpid(-1, os.WNOHANG)
            def test_fork(self):
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    pid = os.fork()
                    if not pid:
                        os._exit(0)
                    os.waitpid(pid, 0)
            def test_stdin(self):
                self.assertEqual(b"", os.read(0, 1))
    """
    outcome = suite("--isolated", test_clean=source)

    assert set(outcome.verdicts.values()) == {"success"}


def test_a_test_that_removes_the_temporary_folder_costs_no_other_a_verdict(suite: Suite) -> None:
    source = """
        import os, shutil, unittest
        class Removes(unittest.TestCase):
            def test_it(self):
                for name in os.listdir(os.environ["TMPDIR"]):
                    shutil.rmtree(os.path.join(os.environ["TMPDIR"], name))
    """
    outcome = suite("--timeout", "5", test_r=source)

    assert good(outcome) | {outcome.verdicts["test_r.Removes.test_it"]} <= {"success", "crash"}
    assert len(outcome.verdicts) == 3


def test_a_pytest_module_that_exits_stops_as_under_pytest_and_is_told(suite: Suite) -> None:
    outcome = suite(framework="pytest", test_exit="import sys; sys.exit(0)")

    assert outcome.code == 3
    assert "SystemExit" in outcome.problem
