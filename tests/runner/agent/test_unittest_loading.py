"""The unittest loader: upstream's ids, told module by module, and lanes forked while they still come."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from testlanes.runner.wire.subunit import Decoder

from .harness import Agent, Peer, agent, interpreter, lay
from .pytest_targets import target


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Agent]:
    """Give an agent that ends all it started."""
    with agent(tmp_path / "agent") as made:
        yield made


def upstream(project: Path, *args: str) -> list[str]:
    """Return what ``subunit.run discover --list`` lists; it ends with status 2 when an import failed."""
    done = subprocess.run(
        [sys.executable, "-m", "subunit.run", "discover", "--list", *args],
        cwd=project,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return [
        packet.test_id
        for packet in Decoder(foreign=True).feed(done.stdout)
        if packet.status == "exists" and packet.test_id is not None
    ]


PROJECT = {
    "pkg/__init__.py": "",
    "pkg/test_plain.py": """
import unittest
class T(unittest.TestCase):
    def test_a(self): pass
    def test_b(self): self.fail("b")
class F(unittest.TestCase):
    @classmethod
    def setUpClass(cls): pass
    def test_c(self): pass
""",
    "pkg/test_broken.py": "import there_is_no_such_module\n",
    "pkg/test_exit.py": "import sys; sys.exit(3)\n",
    "pkg/test_syntax.py": "def (:\n",
    "pkg/test_skip.py": "import unittest\nraise unittest.SkipTest('not here')\n",
    "pkg/test_module.py": """
import unittest
def setUpModule(): pass
class T(unittest.TestCase):
    def test_a(self): pass
""",
    "pkg/inner/__init__.py": """
import os
def load_tests(loader, tests, pattern):
    return loader.discover(os.path.dirname(__file__), pattern or "test*.py", os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
""",
    "pkg/inner/test_i.py": """
import unittest
class T(unittest.TestCase):
    def test_a(self): pass
""",
    "pkg/test_twice.py": """
import unittest
RUNS = []
class T(unittest.TestCase):
    def test_a(self):
        RUNS.append(1)
        if len(RUNS) == 2: self.fail("the second of them")
def load_tests(loader, tests, pattern):
    return unittest.TestSuite([T("test_a"), T("test_a")])
""",
    "pkg/test_own.py": """
import unittest
class Suite(unittest.TestSuite):
    def run(self, result, debug=False):
        print("suite up")
        super().run(result, debug)
        print("suite down")
        return result
class T(unittest.TestCase):
    @classmethod
    def setUpClass(cls): print("class up")
    @classmethod
    def tearDownClass(cls): print("class down")
    def test_a(self): print("a")
    def test_b(self): raise KeyboardInterrupt
def load_tests(loader, tests, pattern):
    return unittest.TestSuite([Suite(tests)])
""",
}
UPSTREAM_ONLY = {
    "pkg/test_scenarios.py": """
import testscenarios, testtools
load_tests = testscenarios.load_tests_apply_scenarios
class T(testtools.TestCase):
    scenarios = [("one", {"n": 1}), ("two", {"n": 2})]
    def test_a(self): self.assertEqual(1, self.n)
""",
    "pkg/test_details.py": """
import testtools
from testtools.content import Content, text_content
from testtools.content_type import ContentType, UTF8_TEXT
class T(testtools.TestCase):
    def test_details(self):
        def broken():
            raise RuntimeError("cannot be read")
            yield b""
        self.addDetail("log", text_content("a line"))
        self.addDetail("broken", Content(UTF8_TEXT, broken))
        self.addDetail("raw", Content(ContentType("application", "x"), lambda: [b"ab", b"cd"]))
        self.fail("sorry")
    def test_exit(self): raise SystemExit(4)
    def test_skip(self): self.skipTest("skipped")
    def test_tags(self): pass
    def test_xfail(self): self.expectFailure("known", self.assertEqual, 1, 2)
""",
    "pkg/test_fixture.py": """
import os, testtools, fixtures
from testtools.content import content_from_file
class Server(fixtures.Fixture):
    def _setUp(self):
        home = self.useFixture(fixtures.TempDir()).path
        log = os.path.join(home, "server.log")
        with open(log, "w") as file: file.write("port is taken")
        self.addDetail("server.log", content_from_file(log))
        raise RuntimeError("server did not start")
class T(testtools.TestCase):
    def test_a(self): self.useFixture(Server())
""",
    "pkg/test_resources.py": """
import testresources
class Base(testresources.TestResource):
    def make(self, dependencies): print("make " + type(self).__name__); return object()
    def clean(self, resource): print("clean " + type(self).__name__)
class Db(Base): pass
class Web(Base):
    resources = [("db", Db())]
class No(testresources.TestResource):
    def make(self, dependencies): raise RuntimeError("no such thing")
DB = Db()
class T(testresources.ResourcedTestCase):
    resources = [("db", DB)]
    def test_a(self): assert self.db
    def test_b(self): assert self.db
class U(testresources.ResourcedTestCase):
    resources = [("no", No())]
    def test_a(self): pass
    def test_b(self): pass
class V(testresources.ResourcedTestCase):
    def test_a(self): pass
def load_tests(loader, tests, pattern):
    return testresources.OptimisingTestSuite(tests)
""",
}


def test_ids_are_those_of_subunit_run(tmp_path: Path, here: Agent) -> None:
    """All but duplicates, which it refuses to list."""
    files = {**PROJECT, **UPSTREAM_ONLY}
    del files["pkg/test_twice.py"]
    project = lay(tmp_path / "p", files)
    loader = here.loader(project, suite={"start": "pkg", "top": "."})
    wanted = upstream(project, "-t", ".", "pkg")
    assert "unittest.loader._FailedTest.pkg.test_broken" in wanted
    assert sorted(loader.listing()) == sorted(wanted)
    assert loader.said("listed") == [{"count": len(wanted), "error": ""}]
    assert loader.said("gone") == []
    assert loader.event("fork")["safe"] is True
    assert loader.shut() == 0


@pytest.mark.parametrize("version", ["3.8", "3.13"])
def test_ids_and_groups_are_the_same_on_other_pythons(
    tmp_path: Path, here: Agent, version: str
) -> None:
    project = lay(tmp_path / "p", PROJECT)
    loader = here.loader(project, python=interpreter(version), suite={"start": "pkg", "top": "."})
    assert sorted(loader.listing()) == sorted(
        [
            "pkg.inner.test_i.T.test_a",
            "pkg.test_module.T.test_a",
            "pkg.test_own.T.test_a",
            "pkg.test_own.T.test_b",
            "pkg.test_plain.F.test_c",
            "pkg.test_plain.T.test_a",
            "pkg.test_plain.T.test_b",
            "pkg.test_twice.T.test_a",
            "unittest.loader.ModuleSkipped.pkg.test_skip",
            *(f"unittest.loader._FailedTest.pkg.test_{n}" for n in ("broken", "exit", "syntax")),
        ]
    )
    assert loader.groups == {
        "pkg.test_module.T.test_a": ("pkg.test_module", False),
        "pkg.test_own.T.test_a": ("pkg.test_own.Suite #1", False),
        "pkg.test_own.T.test_b": ("pkg.test_own.Suite #1", False),
        "pkg.test_plain.F.test_c": ("pkg.test_plain.F", False),
    }
    loader.shut()


def test_what_is_listed_runs(tmp_path: Path, here: Agent) -> None:
    """Modules that cannot be imported fail with the reason; of duplicates the worst counts."""
    project = lay(tmp_path / "p", {**PROJECT, **UPSTREAM_ONLY})
    loader = here.loader(project, suite={"start": "pkg", "top": "."})
    ids = loader.listing()
    worker = here.fork(loader)
    worker.ran(*ids)
    told = {each.test_id: each for each in worker.results}
    failing = {test_id for test_id, each in told.items() if each.status == "fail"}
    assert failing == {
        "pkg.test_own.T.test_b",
        "pkg.test_plain.T.test_b",
        "pkg.test_twice.T.test_a",
        "pkg.test_scenarios.T.test_a(two)",
        "pkg.test_details.T.test_details",
        "pkg.test_details.T.test_exit",
        "pkg.test_fixture.T.test_a",
        "pkg.test_resources.U.test_a",
        "pkg.test_resources.U.test_b",
        *(f"unittest.loader._FailedTest.pkg.test_{n}" for n in ("broken", "exit", "syntax")),
    }
    broken = told["unittest.loader._FailedTest.pkg.test_broken"]
    assert "there_is_no_such_module" in broken.details["traceback"]
    assert "testlanes_agent" not in broken.details["traceback"]
    assert "loader.py" not in broken.details["traceback"]
    assert told["unittest.loader.ModuleSkipped.pkg.test_skip"].details["reason"] == "not here"
    details = told["pkg.test_details.T.test_details"]
    assert details.details["log"] == "a line"
    assert details.details["raw"] == "abcd"
    assert details.mimes["raw"] == "application/x"
    assert "cannot be read" in details.details["broken"]
    assert "sorry" in details.details["traceback"]
    assert details.kind == "assertion"
    fixture = told["pkg.test_fixture.T.test_a"].details
    assert fixture["server.log"] == "port is taken"
    assert any(
        "server did not start" in text
        for name, text in fixture.items()
        if name.startswith("traceback")
    )
    assert told["pkg.test_details.T.test_xfail"].status == "xfail"
    assert told["pkg.test_resources.U.test_a"].kind == "setup"
    worker.shut()


def test_a_suite_of_the_projects_own_runs_each_test_inside_it(tmp_path: Path, here: Agent) -> None:
    loader = here.loader(lay(tmp_path / "p", PROJECT), suite={"start": "pkg", "top": "."})
    loader.listing()
    worker = here.fork(loader)
    worker.ran("pkg.test_own.T.test_a", "pkg.test_own.T.test_b", "pkg.test_plain.T.test_a")
    worker.shut()
    assert worker.text("stdout").split() == [
        "suite",
        "up",
        "class",
        "up",
        "a",
        "suite",
        "down",
        "class",
        "down",
        "suite",
        "up",
        "class",
        "up",
        "class",
        "down",
    ]
    assert [each.status for each in worker.results] == ["success", "fail", "success"]


def test_test_resources_stay_up_while_the_next_test_needs_them(tmp_path: Path, here: Agent) -> None:
    loader = here.loader(lay(tmp_path / "p", UPSTREAM_ONLY | {"pkg/__init__.py": ""}))
    loader.listing()
    name = "pkg.test_resources."
    assert loader.groups[name + "T.test_a"] == loader.groups[name + "T.test_b"]
    assert name + "V.test_a" not in loader.groups
    worker = here.fork(loader)
    ids = [name + n for n in ("T.test_a", "T.test_b", "U.test_a", "T.test_a", "V.test_a")]
    assert [each.status for each in worker.ran(*ids)] == ["success"] * 2 + ["fail"] + [
        "success"
    ] * 2
    assert worker.text("stdout") == "make Db\nclean Db\nmake Db\nclean Db\n"
    worker.ran(name + "T.test_a")
    worker.shut()
    assert worker.text("stdout") == "make Db\nclean Db\n" * 3


SLOW = {
    "test_1.py": "import unittest\nclass T(unittest.TestCase):\n    def test_a(self): print('early')\n",
    "test_2.py": "import unittest\nclass T(unittest.TestCase):\n    def test_a(self): pass\n",
    "test_3.py": "import os, time, unittest\n"
    "while not os.path.exists('go'): time.sleep(0.01)\n"
    "class T(unittest.TestCase):\n    def test_a(self): pass\n",
}


def forked(here: Agent, loader: Peer) -> Peer:
    """Return a fork of a loader, once it said hello."""
    worker = here.fork(loader)
    worker.event("hello")
    return worker


@pytest.mark.parametrize("version", ["3.8", "3.11", "3.13"])
def test_a_lane_runs_while_the_suite_still_loads(tmp_path: Path, here: Agent, version: str) -> None:
    project = lay(tmp_path / "p", SLOW)
    loader = here.loader(project, python=interpreter(version))
    # Asked for before anything is loaded, so it is made after the first module, or the second if the request is late.
    early = here.fork(loader)
    hello = early.event("hello")
    assert hello["known"] in (1, 2)
    assert early.one("test_1.T.test_a").details == {"stdout": "early\n"}
    assert loader.said("listed") == []
    assert early.one("test_3.T.test_a").status == "fail"
    (project / "go").touch()
    assert loader.listing() == [f"test_{n}.T.test_a" for n in (1, 2, 3)]
    late = forked(here, loader)
    assert late.event("hello")["known"] == -1
    assert late.one("test_3.T.test_a").status == "success"
    loader.wait(
        lambda: len(loader.said("forked")) == 2
    )  # a worker may be heard before its loader is
    told = {each["pid"]: each["lane"] for each in loader.said("forked")}
    assert told == {
        hello["pid"]: early.options["lane"],
        late.event("hello")["pid"]: late.options["lane"],
    }
    early.shut()
    late.shut()
    loader.wait(lambda: len(loader.said("exited")) == 2)
    assert {
        (each["lane"], each["generation"], each["status"]) for each in loader.said("exited")
    } == {
        (early.options["lane"], 1, 0),
        (late.options["lane"], 1, 0),
    }
    assert loader.shut() == 0


def test_the_raw_wait_status_of_a_killed_lane_is_told_at_once(tmp_path: Path, here: Agent) -> None:
    files = {
        "test_k.py": "import os, signal, unittest\n"
        "class T(unittest.TestCase):\n"
        "    def test_kill(self): os.kill(os.getpid(), signal.SIGKILL)\n"
        "    def test_exit(self): os._exit(5)\n"
    }
    loader = here.loader(lay(tmp_path / "p", files))
    loader.listing()
    for name, status in (("kill", 9), ("exit", 5 << 8)):
        worker = forked(here, loader)
        worker.run("test_k.T.test_" + name)
        loader.wait(lambda: any(e["lane"] == worker.options["lane"] for e in loader.said("exited")))  # noqa: B023
        assert loader.said("exited")[-1]["status"] == status


def test_a_loader_with_threads_does_not_fork_and_says_why(tmp_path: Path, here: Agent) -> None:
    files = {
        "test_t.py": "import threading, unittest\n"
        "STOP = threading.Event()\n"
        "threading.Thread(target=STOP.wait, daemon=True, name='poller').start()\n"
        "class T(unittest.TestCase):\n"
        "    def test_a(self): pass\n"
    }
    loader = here.loader(lay(tmp_path / "p", files))
    loader.listing()
    assert loader.event("fork") == {
        "safe": False,
        "why": "1 other thread is alive after loading: poller",
    }
    here.fork(loader)
    refused = loader.event("forked")
    assert refused["pid"] == 0
    assert "thread" in refused["why"]
    loader.shut()


@pytest.mark.parametrize(
    ("name", "patch"),
    [
        ("eventlet", "import eventlet; eventlet.monkey_patch()"),
        ("gevent", "from gevent import monkey; monkey.patch_all()"),
    ],
)
def test_a_suite_that_an_event_loop_takes_over_is_not_forked(
    tmp_path: Path, here: Agent, tmp_path_factory: pytest.TempPathFactory, name: str, patch: str
) -> None:
    """It takes ``select.poll`` away, sockets do not wait, and its ``os.read`` does where nothing is to be waited for."""
    files = {
        "test_t.py": f"{patch}\n"
        "import time, unittest\n"
        "class T(unittest.TestCase):\n"
        "    def test_a(self): time.sleep(0)\n"
    }
    project = lay(tmp_path / "p", files)
    python = target(tmp_path_factory, "3.11", "eventlet", "gevent")
    loader = here.loader(project, python=python)
    loader.listing()
    told = loader.event("fork")
    assert told["safe"] is False
    assert told["why"].startswith(f"{name} is at work")
    here.fork(loader)
    assert loader.event("forked")["pid"] == 0
    loader.shut()

    worker = here.start(project, python=python)
    assert [told.status for told in worker.ran("test_t.T.test_a")] == ["success"]


def test_a_suite_that_cannot_be_found_is_an_error_of_the_listing(
    tmp_path: Path, here: Agent
) -> None:
    loader = here.loader(lay(tmp_path / "p", SLOW), suite={"start": "nowhere"})
    told = loader.event("listed")
    assert told["count"] == 0
    assert told["error"] == "ImportError: Start directory is not importable: 'nowhere'\n"
    assert loader.end() == 1


def test_a_suite_that_fails_as_a_whole_shows_the_projects_lines_and_none_of_ours(
    tmp_path: Path, here: Agent
) -> None:
    files = {"suites.py": "def suite():\n    raise KeyError('no')\n"}
    loader = here.loader(lay(tmp_path / "p", files), suite={"names": ["suites.suite"]})
    error = loader.event("listed")["error"]
    assert "testlanes_agent" not in error
    assert "in suite\n" in error
    assert error.splitlines()[-1] == "KeyError: 'no'"


def test_ids_that_a_load_tests_at_the_top_takes_away_are_gone(tmp_path: Path, here: Agent) -> None:
    files = {
        "test_g.py": "import unittest\n"
        "class T(unittest.TestCase):\n"
        "    def test_a(self): pass\n"
        "    def test_b(self): pass\n"
        "class Shy(unittest.TestSuite):\n"
        "    looks = 0\n"
        "    def __iter__(self):\n"
        "        Shy.looks += 1\n"
        "        return iter(list(self._tests)[:1] if Shy.looks > 1 else list(self._tests))\n"
        "def load_tests(loader, tests, pattern):\n"
        "    return Shy([T('test_a'), T('test_b')])\n"
    }
    loader = here.loader(lay(tmp_path / "p", files))
    assert loader.listing() == ["test_g.T.test_a", "test_g.T.test_b"]
    assert loader.said("gone") == [{"ids": ["test_g.T.test_b"]}]
    assert loader.event("listed")["count"] == 1


def test_what_the_loader_made_outlives_the_lanes(tmp_path: Path, here: Agent) -> None:
    """A folder that a test module made at import belongs to all lanes; what a test registers runs at the worker's end."""
    files = {
        "test_x.py": "import atexit, os, random, shutil, tempfile, unittest\n"
        "HOME = tempfile.TemporaryDirectory()\n"
        "OTHER = tempfile.mkdtemp()\n"
        "atexit.register(shutil.rmtree, OTHER)\n"
        "class T(unittest.TestCase):\n"
        "    def test_a(self):\n"
        "        self.assertTrue(os.path.isdir(HOME.name) and os.path.isdir(OTHER))\n"
        "        atexit.register(print, 'registered by the test')\n"
        "        self.__class__.keep = tempfile.TemporaryDirectory()\n"
        "        print(self.keep.name, random.random())\n"
    }
    loader = here.loader(lay(tmp_path / "p", files))
    loader.listing()
    said: list[str] = []
    for _ in range(2):
        worker = forked(here, loader)
        told = worker.one("test_x.T.test_a")
        assert told.status == "success", told.details
        folder, number = told.details["stdout"].split()
        assert number not in said
        said.append(number)
        worker.shut()
        assert "registered by the test\n" in worker.text("stdout")
        assert not Path(folder).exists()
    loader.shut()


def test_lanes_have_their_own_environment_and_output(tmp_path: Path, here: Agent) -> None:
    files = {
        "test_e.py": "import os, unittest\n"
        "class T(unittest.TestCase):\n"
        "    def test_a(self): print(os.environ.get('LANE'), os.getsid(0) == os.getpid(), len(os.listdir('/proc/self/fd')))\n"
    }
    loader = here.loader(lay(tmp_path / "p", files), env={"LANE": "none"})
    loader.listing()
    for name in ("one", "two"):
        worker = here.fork(loader, env={"LANE": name})
        # stdin, stdout, stderr, and above 3900 ours: channel, pulse, stacks; and listdir's own.
        assert worker.one("test_e.T.test_a").details["stdout"] == f"{name} True 7\n"


ODD = """
import unittest
class Own(unittest.TestSuite):
    def run(self, result, debug=False):
        return super().run(result, debug)
class Stop(Own):
    def run(self, result, debug=False):
        raise RuntimeError("the suite itself fails")
class T(unittest.TestCase):
    def test_a(self): pass
class Bad(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise RuntimeError("no database")
    def test_a(self): pass
class Named(unittest.TestCase):
    def __init__(self, name):
        super().__init__("test_a")
        self.name = name
    def id(self): return self.name
    def test_a(self): pass
def load_tests(loader, tests, pattern):
    return unittest.TestSuite([
        Own([Bad("test_a"), Own([T("test_a")])]), Stop([Named("stop")]),
        Named("nul \\0 here"), Named("surrogate \\udc80"), Named("new\\nline"), Named("x" * 70000), Named("ü"),
    ])
"""


def test_odd_suites_and_odd_ids_run_by_the_id_that_was_listed(tmp_path: Path, here: Agent) -> None:
    loader = here.loader(lay(tmp_path / "p", {"test_o.py": ODD}))
    ids = loader.listing()
    worker = here.fork(loader)
    told = [each for each in worker.ran(*ids) if each.test_id in ids]
    assert [each.test_id for each in told] == ids
    assert [(each.test_id[:12], each.status, each.kind) for each in told] == [
        ("test_o.Bad.t", "fail", "setup"),
        ("test_o.T.tes", "success", ""),
        ("stop", "fail", "error"),
        ("nul \\x00 her", "success", ""),
        ("surrogate \\u", "success", ""),
        ("new\nline", "success", ""),
        ("x" * 12, "success", ""),
        ("ü", "success", ""),
    ]
