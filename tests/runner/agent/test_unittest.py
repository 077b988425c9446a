"""The unittest adapter: the ids and outcomes of upstream, fixtures that stay up, hostile tests survived."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from testlanes.runner.agent.lane_files import HEAD

from .harness import Agent, agent, interpreter, lay
from .pytest_targets import target


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Agent]:
    """Give an agent that ends all it started."""
    with agent(tmp_path / "agent") as made:
        yield made


@pytest.fixture(params=["3.8", "3.11", "3.13"])
def python(request: pytest.FixtureRequest) -> str:
    """Give a target interpreter."""
    return interpreter(request.param)


BASIC = """
import sys, unittest
class T(unittest.TestCase):
    def test_ok(self): pass
    def test_fail(self): self.assertEqual(1, 2)
    def test_error(self): 1/0
    def test_skip(self): self.skipTest("why not")
    @unittest.expectedFailure
    def test_xfail(self): self.fail("known")
    @unittest.expectedFailure
    def test_ux(self): pass
    def test_out(self):
        print("to stdout"); print("to stderr", file=sys.stderr)
    def test_sub(self):
        for i in range(3):
            with self.subTest(i=i):
                self.assertNotEqual(i, 1)
    def test_both(self):
        self.addCleanup(lambda: 1/0)
        self.fail("first")
"""

FIXTURES = """
import unittest
LOG = []
def say(word):
    print(word)
class A(unittest.TestCase):
    @classmethod
    def setUpClass(cls): say("up A")
    @classmethod
    def tearDownClass(cls): say("down A")
    def test_1(self): say("A1")
    def test_2(self): say("A2")
class B(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise RuntimeError("no database")
    def test_1(self): pass
    def test_2(self): pass
class C(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise unittest.SkipTest("not on this system")
    def test_1(self): pass
class D(unittest.TestCase):
    @classmethod
    def tearDownClass(cls): raise RuntimeError("cannot go down")
    def test_1(self): pass
class E(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise SystemExit(3)
    def test_1(self): pass
    def test_2(self): pass
"""

MODULE = """
import unittest
def setUpModule(): print("up module")
def tearDownModule(): print("down module")
class A(unittest.TestCase):
    def test_1(self): print("A1")
class B(unittest.TestCase):
    def test_1(self): print("B1")
"""

BROKEN_MODULE = """
import unittest
def setUpModule(): raise RuntimeError("module is broken")
class A(unittest.TestCase):
    def test_1(self): pass
class B(unittest.TestCase):
    def test_1(self): pass
"""

ASYNC = """
import unittest
class A(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self): self.value = 1
    async def test_ok(self): self.assertEqual(self.value, 1)
    async def test_fail(self): self.assertEqual(self.value, 2)
"""

HOSTILE = """
import os, signal, sys, unittest
class H(unittest.TestCase):
    def test_exit(self): sys.exit("bye")
    def test_interrupt(self):
        self.addCleanup(print, "cleaned")
        raise KeyboardInterrupt
    def test_sigint(self): os.kill(os.getpid(), signal.SIGINT)
    def test_close_fds(self): os.closerange(3, 65536)
    def test_os_exit(self): print("last words"); os._exit(0)
    def test_kill(self): os.kill(os.getpid(), signal.SIGKILL)
    def test_close_stdout(self): os.close(1)
    def test_replace_stream(self): sys.stdout = None
    def test_recursion(self): sys.setrecursionlimit(120)
    def test_umask(self): os.umask(0o777)
    def test_chdir(self): os.chdir("/")
    def test_alarm(self): signal.alarm(1000)
    def test_mask(self): signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    def test_limit(self):
        import resource
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    def test_fork_return(self):
        pid = os.fork()
        if pid:
            status = os.waitpid(pid, 0)[1]
            self.assertEqual(os.WEXITSTATUS(status), 70)
    def test_fork_raise(self):
        pid = os.fork()
        if not pid:
            raise SystemExit(3)
        self.assertEqual(os.WEXITSTATUS(os.waitpid(pid, 0)[1]), 70)
    def test_mock(self):
        import time
        os.write = os.pwrite = os.fstat = os.open = os.pread = time.time = time.time_ns = None
        os.getpid = os.umask = os._exit = None
        print('mocked')
    def test_bad_str(self):
        class Bad(Exception):
            def __str__(self): raise ValueError("no text")
        raise Bad()
    def test_surrogate(self): self.fail("\\udcff \\x00 \\x1b[31m")
    def test_purge(self):
        for name in list(sys.modules):
            if name.partition(".")[0] in ("testlanes_agent", "unittest", "traceback"):
                del sys.modules[name]
    def test_deep(self):
        def f(): f()
        f()
    def test_signals(self):
        for number in range(1, 65):
            try: signal.signal(number, signal.SIG_DFL)
            except (OSError, ValueError): pass
    def test_where(self):
        self.assertEqual(os.path.basename(os.getcwd()), "p")
        self.assertIsNotNone(sys.stdout)
        self.assertGreater(sys.getrecursionlimit(), 500)
    def test_swallow(self):
        import time
        print("waiting", flush=True)
        try:
            time.sleep(600)
        except BaseException:
            pass
    def test_wait(self):
        import time
        self.addCleanup(print, "cleaned")
        print("waiting", flush=True)
        time.sleep(600)
"""
H = "test_hostile.H."


def test_statuses_kinds_and_details_are_those_of_the_test(
    tmp_path: Path, here: Agent, python: str
) -> None:
    """Including several outcomes of one test: the worst counts, the details of all are there."""
    worker = here.start(lay(tmp_path / "p", {"test_b.py": BASIC}), python=python)
    assert worker.event("hello")["known"] == -1
    names = ["ok", "fail", "error", "skip", "xfail", "ux", "out", "sub", "both"]
    told = {each.test_id[14:]: each for each in worker.ran(*(f"test_b.T.test_{n}" for n in names))}
    assert [(name, told[name].status, told[name].kind) for name in names] == [
        ("ok", "success", ""),
        ("fail", "fail", "assertion"),
        ("error", "fail", "error"),
        ("skip", "skip", ""),
        ("xfail", "xfail", ""),
        ("ux", "uxsuccess", "error"),
        ("out", "success", ""),
        ("sub", "fail", "assertion"),
        ("both", "fail", "error"),
    ]
    assert told["ok"].details == {}
    assert told["out"].details == {"stdout": "to stdout\n", "stderr": "to stderr\n"}
    assert told["skip"].details == {"reason": "why not"}
    assert told["fail"].mimes == {
        "traceback": 'text/x-traceback; charset="utf8"; language="python"'
    }
    assert "AssertionError: 1 != 2" in told["fail"].details["traceback"]
    assert "testlanes" not in told["fail"].details["traceback"]
    assert list(told["sub"].details) == ["traceback (i=1)"]
    assert "first" in told["both"].details["traceback"]
    assert "ZeroDivisionError" in told["both"].details["traceback-1"]
    assert worker.said("subtest")
    assert worker.shut() == 0
    assert worker.said("bye") == [{"output": {}}]


COPIES = """
import unittest
class T(unittest.TestCase):
    n = 0
    def id(self): return super().id() + ("(%d)" % self.n if self.n else "")
    def run(self, result=None):
        if self.n: return super().run(result)
        for n in (1, 2, 3):
            copy = type(self)(self._testMethodName)
            copy.n = n
            copy.run(result)
    def test_n(self): self.assertEqual(self.n, 2)
"""


def test_of_a_test_that_runs_copies_of_itself_is_told_which_one_failed(
    tmp_path: Path, here: Agent, python: str
) -> None:
    """As testscenarios does it where no load_tests multiplies the tests."""
    worker = here.start(lay(tmp_path / "p", {"test_c.py": COPIES}), python=python)
    (told,) = worker.ran("test_c.T.test_n")
    assert (told.status, told.kind) == ("fail", "assertion")
    assert list(told.details) == ["traceback (1)", "traceback (3)"]
    assert "3 != 2" in told.details["traceback (3)"]


def test_class_fixtures_are_up_once_for_consecutive_tests(
    tmp_path: Path, here: Agent, python: str
) -> None:
    """They stay up while the queue is empty and go down when the next test is elsewhere, or at the end."""
    project = lay(tmp_path / "p", {"test_f.py": FIXTURES, "test_m.py": MODULE})
    worker = here.start(project, python=python)
    worker.ran("test_f.A.test_1")
    worker.ran("test_f.A.test_2")
    worker.ran("test_m.A.test_1")
    worker.ran("test_m.B.test_1")
    worker.ran("test_f.A.test_1")
    worker.shut()
    assert worker.text("stdout").split("\n")[:-1] == [
        *("up A", "A1", "A2", "down A"),
        *("up module", "A1", "B1", "down module"),
        *("up A", "A1", "down A"),
    ]


def test_a_failed_set_up_gives_each_test_a_verdict_beside_upstreams_own_result(
    tmp_path: Path, here: Agent, python: str
) -> None:
    files = {"test_f.py": FIXTURES, "test_m.py": BROKEN_MODULE}
    worker = here.start(lay(tmp_path / "p", files), python=python)
    ids = [
        f"test_f.{n}"
        for n in ("B.test_1", "B.test_2", "C.test_1", "D.test_1", "E.test_1", "E.test_2")
    ]
    worker.ran(*ids, "test_m.A.test_1", "test_m.B.test_1", "test_f.A.test_1")
    worker.shut()
    told = [(each.test_id, each.status, each.kind) for each in worker.results]
    assert told == [
        ("setUpClass (test_f.B)", "fail", ""),
        ("test_f.B.test_1", "fail", "setup"),
        ("test_f.B.test_2", "fail", "setup"),
        ("setUpClass (test_f.C)", "skip", ""),
        ("test_f.C.test_1", "skip", ""),
        ("test_f.D.test_1", "success", ""),
        ("tearDownClass (test_f.D)", "fail", ""),
        ("setUpClass (test_f.E)", "fail", ""),
        ("test_f.E.test_1", "fail", "setup"),
        ("test_f.E.test_2", "fail", "setup"),
        ("setUpModule (test_m)", "fail", ""),
        ("test_m.A.test_1", "fail", "setup"),
        ("test_m.B.test_1", "fail", "setup"),
        ("test_f.A.test_1", "success", ""),
    ]
    by_id = {each.test_id: each for each in worker.results}
    assert "no database" in by_id["test_f.B.test_2"].details["traceback"]
    assert by_id["test_f.C.test_1"].details["reason"] == "not on this system"


def test_coroutine_tests_run_again_and_again(tmp_path: Path, here: Agent, python: str) -> None:
    worker = here.start(lay(tmp_path / "p", {"test_a.py": ASYNC}), python=python)
    for _ in range(2):
        assert worker.one("test_a.A.test_ok").status == "success"
        assert worker.one("test_a.A.test_fail").kind == "assertion"


SURVIVED = [
    ("exit", "fail", "SystemExit: bye", None),
    ("interrupt", "fail", "KeyboardInterrupt", None),
    ("sigint", "fail", "KeyboardInterrupt", None),
    ("close_fds", "success", "", None),
    ("replace_stream", "success", "", ["sys.stdout replaced"]),
    ("recursion", "success", "", ["recursion limit lowered"]),
    ("umask", "success", "", ["umask changed"]),
    ("chdir", "success", "", ["working directory changed"]),
    ("alarm", "success", "", ["alarm left armed"]),
    ("mask", "success", "", ["signals blocked"]),
    ("limit", "success", "", ["RLIMIT_NOFILE lowered"]),
    ("fork_return", "success", "", None),
    ("fork_raise", "success", "", None),
    ("mock", "success", "", None),
    ("bad_str", "fail", "Bad", None),
    ("surrogate", "fail", "\\udcff", None),
    ("deep", "fail", "RecursionError", None),
    ("purge", "success", "", None),
    ("signals", "success", "", None),
]


@pytest.mark.parametrize(("name", "status", "trace", "fixed"), SURVIVED)
def test_a_hostile_test_spoils_no_test_after_it(
    tmp_path: Path, here: Agent, name: str, status: str, trace: str, fixed: list[str] | None
) -> None:
    worker = here.start(lay(tmp_path / "p", {"test_hostile.py": HOSTILE}))
    told = worker.one(H + "test_" + name)
    assert (told.status, told.kind) == (
        status,
        "error" if status == "fail" and trace[:1] != "\\" else told.kind,
    )
    assert trace in told.details.get("traceback", "")
    assert [each["fixed"] for each in worker.said("state")] == ([fixed] if fixed else [])
    assert worker.one(H + "test_where").status == "success"
    assert len([each for each in worker.results if each.test_id.startswith(H)]) == 2
    if name == "interrupt":
        assert told.details["stdout"] == "cleaned\n"
    assert worker.shut() == 0
    assert worker.said("bye")


@pytest.mark.parametrize("version", ["3.8", "3.13"])
def test_hostile_tests_one_after_the_other_on_other_pythons(
    tmp_path: Path, here: Agent, version: str
) -> None:
    worker = here.start(
        lay(tmp_path / "p", {"test_hostile.py": HOSTILE}), python=interpreter(version)
    )
    told = worker.ran(*(H + "test_" + name for name, *_ in SURVIVED), H + "test_where")
    assert [(each.test_id[len(H) + 5 :], each.status) for each in told] == [
        *((name, status) for name, status, *_ in SURVIVED),
        ("where", "success"),
    ]


def test_a_worker_that_a_test_broke_retires_and_gives_back_what_it_holds(
    tmp_path: Path, here: Agent
) -> None:
    worker = here.start(lay(tmp_path / "p", {"test_hostile.py": HOSTILE}))
    worker.run(H + "test_close_stdout", H + "test_where", H + "test_umask")
    assert worker.event("retire") == {
        "why": ["file descriptor 1 (stdout) closed or replaced"],
        "unrun": [H + "test_where", H + "test_umask"],
    }
    assert worker.end() == 0
    assert [(each.test_id, each.status) for each in worker.results] == [
        (H + "test_close_stdout", "success")
    ]


@pytest.mark.parametrize(("name", "code"), [("os_exit", 0), ("kill", -9)])
def test_a_dying_test_leaves_its_pulse_and_its_words(
    tmp_path: Path, here: Agent, name: str, code: int
) -> None:
    worker = here.start(lay(tmp_path / "p", {"test_hostile.py": HOSTILE}))
    worker.ran(H + "test_where")
    worker.run(H + "test_" + name)
    assert worker.end() == code
    assert list(worker.running) == [H + "test_" + name]
    pulse = HEAD.unpack_from((worker.folder / "pulse").read_bytes())
    number, start, out, err, finished, _, place, untold = pulse
    assert (place, untold) == (1, 0)
    assert (number, out, err, finished) == (2, 0, 0, 1)
    assert start > 0
    assert worker.text("stdout") == ("last words\n" if name == "os_exit" else "")


@pytest.mark.parametrize("name", ["wait", "swallow"])
def test_a_test_over_its_limit_is_stopped_with_stacks_and_fails(
    tmp_path: Path, here: Agent, name: str
) -> None:
    """Even if it swallows what is raised in it; the one after it runs."""
    from testlanes.runner.agent.signals import SIG_DUMP, SIG_TIMEOUT

    worker = here.start(lay(tmp_path / "p", {"test_hostile.py": HOSTILE}))
    assert worker.process is not None
    worker.one(H + "test_signals")
    worker.run(H + "test_" + name)
    worker.wait(lambda: "waiting" in worker.text("stdout"))
    worker.process.send_signal(SIG_DUMP)
    worker.process.send_signal(SIG_TIMEOUT)
    worker.wait(lambda: len(worker.results) == 2)
    told = worker.results[1]
    assert (told.status, told.kind) == ("fail", "timeout")
    said = told.details.get("traceback") or told.details["reason"]
    assert "the test ran over its time limit" in said
    assert "reason" not in told.details or "traceback" not in told.details
    assert "signals.py" not in said, "a frame of ours"
    assert "time.sleep" in told.details.get("traceback", "time.sleep")
    assert "test_" + name in worker.text("stacks")
    assert told.details["stdout"] == "waiting\n" + ("cleaned\n" if name == "wait" else "")
    assert worker.one(H + "test_where").status == "success"


def test_a_time_out_that_comes_before_the_limit_is_meant_for_another_test(
    tmp_path: Path, here: Agent
) -> None:
    from testlanes.runner.agent.signals import SIG_CANCEL, SIG_TIMEOUT

    worker = here.start(lay(tmp_path / "p", {"test_hostile.py": HOSTILE}), limit=600)
    assert worker.process is not None
    worker.run(H + "test_wait")
    worker.wait(lambda: "waiting" in worker.text("stdout"))
    worker.process.send_signal(SIG_TIMEOUT)
    worker.process.send_signal(SIG_CANCEL)
    worker.wait(lambda: worker.results)
    assert worker.results[0].kind == "error"
    assert "TestCancelled: the test was stopped" in worker.results[0].details["traceback"]


def test_what_has_not_started_can_be_taken_back(tmp_path: Path, here: Agent) -> None:
    """The last of several of one id; what started, or is not there, is not in the answer."""
    project = lay(
        tmp_path / "p",
        {
            "test_d.py": "import os, unittest, time\n"
            "class T(unittest.TestCase):\n"
            "    def test_1(self):\n"
            "        while not os.path.exists('go'): time.sleep(0.01)\n"
            "    def test_2(self): pass\n"
            "    def test_3(self): pass\n"
        },
    )
    worker = here.start(project)
    worker.run("test_d.T.test_1", "test_d.T.test_2", "test_d.T.test_3", "test_d.T.test_2")
    worker.wait(lambda: worker.running)
    worker.send(op="drop", ids=["test_d.T.test_2", "test_d.T.test_1", "test_d.T.nothing"])
    (project / "go").touch()
    assert worker.event("dropped") == {"ids": ["test_d.T.test_2"]}
    worker.wait(lambda: len(worker.results) == 3)
    assert [each.test_id[-1] for each in worker.results] == ["1", "2", "3"]


def test_an_id_that_the_suite_lacks_fails(tmp_path: Path, here: Agent) -> None:
    worker = here.start(lay(tmp_path / "p", {"test_b.py": BASIC}))
    assert (worker.one("test_b.T.no").status, worker.one("test_b.T.test_ok").status) == (
        "fail",
        "success",
    )


def test_a_single_shot_worker_ends_after_one_test(tmp_path: Path, here: Agent) -> None:
    worker = here.start(lay(tmp_path / "p", {"test_f.py": FIXTURES}), single=True)
    worker.run("test_f.A.test_1")
    assert worker.end() == 0
    assert worker.text("stdout") == "up A\nA1\ndown A\n"


def test_output_beyond_the_cap_keeps_its_head_and_tail(tmp_path: Path, here: Agent) -> None:
    project = lay(
        tmp_path / "p",
        {
            "test_o.py": "import sys, unittest\n"
            "class T(unittest.TestCase):\n"
            "    def test_1(self): sys.stdout.write('head' + 'x' * 20000000 + 'tail')\n"
        },
    )
    text = here.start(project).one("test_o.T.test_1").details["stdout"]
    assert text.startswith("headx")
    assert text.endswith("xtail")
    assert "\n[11611400 bytes left out here]\n" in text
    assert len(text) < 8500000


def test_fixture_state_is_kept_between_tests_and_put_back_after(
    tmp_path: Path, here: Agent
) -> None:
    """What setUpClass does to the process is not undone under its tests; what it leaves behind is."""
    project = lay(
        tmp_path / "p",
        {
            "test_s.py": "import os, unittest\n"
            "class A(unittest.TestCase):\n"
            "    @classmethod\n"
            "    def setUpClass(cls): os.chdir('/')\n"
            "    def test_1(self): self.assertEqual(os.getcwd(), '/')\n"
            "    def test_2(self): self.assertEqual(os.getcwd(), '/')\n"
            "class B(unittest.TestCase):\n"
            "    def test_1(self): self.assertNotEqual(os.getcwd(), '/')\n"
        },
    )
    worker = here.start(project)
    told = worker.ran("test_s.A.test_1", "test_s.A.test_2", "test_s.B.test_1")
    assert [each.status for each in told] == ["success"] * 3
    assert worker.said("state") == [{"fixed": ["working directory changed"], "sick": []}]


TRIAL = """
from twisted.internet import defer, reactor, task
from twisted.trial import unittest

class T(unittest.TestCase):
    def test_passes(self): return task.deferLater(reactor, 0.001, lambda: None)
    def test_fails(self): return defer.fail(ValueError("later"))
    def test_skips(self): raise unittest.SkipTest("no")
    def test_todo(self): self.fail("not yet")
    test_todo.todo = "later"
    def test_done(self): pass
    test_done.todo = "later"
class S(unittest.SynchronousTestCase):
    def test_passes(self): self.assertEqual(1, self.successResultOf(defer.succeed(1)))
    def test_todo(self): self.fail("not yet")
    test_todo.todo = "later"
"""


def test_trials_tests_have_trials_outcomes(
    here: Agent, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    worker = here.start(
        lay(tmp_path / "p", {"test_t.py": TRIAL}),
        python=target(tmp_path_factory, "3.13", "twisted"),
    )
    ids = {
        "T.test_passes": "success",
        "T.test_fails": "fail",
        "T.test_skips": "skip",
        "T.test_todo": "xfail",
        "T.test_done": "uxsuccess",
        "S.test_passes": "success",
        "S.test_todo": "xfail",
    }
    told = worker.ran(*(f"test_t.{name}" for name in ids))
    assert {one.test_id.removeprefix("test_t."): one.status for one in told} == ids
