"""Fixtures told live, details told where they grow, what a failing set up leaves is told too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from testlanes.runner.agent import sources

from .harness import Agent, Peer, agent, interpreter, lay

pytest.importorskip("fixtures")
Announced: Any = cast("Any", sources).Announced
Followed: Any = cast("Any", sources).Followed
"""Code for Python 3.8 has no types."""


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Agent]:
    """Give an agent that ends all it started."""
    with agent(tmp_path / "agent") as made:
        yield made


SUITE = """
import logging, os, sys, tempfile, time, unittest
tempfile.tempdir = os.getcwd()  # a test that is killed leaves its folder
import fixtures, testtools
from testtools.content import Content, content_from_file, text_content
from testtools.content_type import UTF8_TEXT

class Server(fixtures.Fixture):
    "Overrides setUp, as fixtures did before _setUp."
    def setUp(self):
        super().setUp()
        self.log = os.path.join(self.useFixture(fixtures.TempDir()).path, "server.log")
        self.addDetail("server.log", content_from_file(self.log))
        self.say("started")
    def say(self, text):
        with open(self.log, "a") as log: log.write(text + chr(10))

class Database(fixtures.Fixture):
    def _setUp(self):
        self.server = self.useFixture(Server())
        time.sleep(0.02)

class Broken(fixtures.Fixture):
    def _setUp(self):
        self.useFixture(Server()).say("half way")
        raise self.error
    def __init__(self, error): self.error = error

class T(testtools.TestCase):
    def test_served(self):
        self.useFixture(Database()).server.say("served")
    def test_logged(self):
        self.useFixture(fixtures.FakeLogger())
        logging.warning("a thought")
        open("thinking", "w").close()
        deadline = time.monotonic() + 30
        while not os.path.exists("seen") and time.monotonic() < deadline: time.sleep(0.01)
        logging.warning("another")
        self.fail("on purpose")
    def test_broken(self): self.useFixture(Broken(RuntimeError("no server")))
    def test_broken_exit(self): self.useFixture(Broken(SystemExit(3)))
    def test_late_detail(self):
        fixture = self.useFixture(fixtures.Fixture())
        fixture.addDetail("late", text_content("added later"))
        self.fail("on purpose")
    def test_unreadable(self):
        fixture = fixtures.Fixture()
        self.useFixture(fixture)
        fixture.addDetail("bad", Content(UTF8_TEXT, lambda: 1 / 0))
        fixture.addDetail("good", text_content("readable"))
        self.fail("on purpose")
    def test_called(self):
        called = []
        def foreign():
            called.append(1)
            return [b"x"]
        self.addDetail("foreign", Content(UTF8_TEXT, foreign))
        self.assertEqual([], called)
    def test_tiny(self):
        for _ in range(20): self.useFixture(fixtures.EnvironmentVariable("A", "1"))
    def test_killed(self):
        self.useFixture(Database()).server.say("served")
        self.useFixture(fixtures.FakeLogger())
        logging.warning("last thought")
        os.kill(os.getpid(), 9)

class C(unittest.TestCase):
    @classmethod
    def setUpClass(cls): pass
    def test_1(self): pass
    def test_2(self): pass
class D(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise RuntimeError("no cluster")
    def test_1(self): pass
def setUpModule(): pass
"""


@pytest.fixture
def worker(tmp_path: Path, here: Agent) -> Peer:
    """Give a worker of the suite."""
    return here.start(lay(tmp_path / "p", {"test_live.py": SUITE}))


def story(worker: Peer) -> list[str]:
    """Return what was told of fixtures: ``name phase``, children indented."""
    depth = {0: -1}
    told: list[str] = []
    for fields in worker.said("fixture"):
        depth[fields["n"]] = depth[fields["parent"]] + 1
        told.append("  " * depth[fields["n"]] + f"{fields['name']} {fields['phase']}")
    return told


def announced(worker: Peer) -> dict[str, tuple[str, str]]:
    """Return name -> (path, mime) of the announced sources."""
    found = Announced(str(worker.folder / "sources")).look()
    return {source.name: (source.path, source.mime) for source in found}


def test_nested_fixtures_are_told_as_they_go_up_and_down(worker: Peer) -> None:
    assert worker.one("test_live.T.test_served").status == "success"
    told = [line for line in story(worker) if "Module" not in line and "TempDir" not in line]
    assert [line for line in told if line.endswith((" setup", " up", " down"))] == [
        "Database setup",
        "  Server setup",
        "  Server up",
        "Database up",
        "  Server down",
        "Database down",
    ]
    took = {f["name"]: f["took"] for f in worker.said("fixture") if f["phase"] == "up"}
    assert took["Database"] >= 20_000_000 > took["Server"]


def test_a_file_of_a_fixture_is_announced_with_its_type(worker: Peer) -> None:
    worker.one("test_live.T.test_served")
    path, mime = announced(worker)["server.log"]
    assert path.endswith("/server.log")
    assert mime.startswith("text/plain")


def test_a_log_kept_in_memory_can_be_read_while_the_test_runs(tmp_path: Path, worker: Peer) -> None:
    worker.run("test_live.T.test_logged")
    worker.wait((tmp_path / "p" / "thinking").exists, "the first thought")
    followed = Followed(str(worker.folder / "sources"), 1)
    assert followed.read() == [("pythonlogging:''", b"a thought\n")]
    (tmp_path / "p" / "seen").touch()
    worker.wait(lambda: worker.results, "its end")
    assert followed.read() == [("pythonlogging:''", b"another\n")]
    followed.close()
    assert worker.results[0].details["pythonlogging:''"] == "a thought\nanother\n"


def test_the_mirror_of_a_log_serves_the_next_test_from_where_it_is(
    tmp_path: Path, worker: Peer
) -> None:
    (tmp_path / "p" / "seen").touch()
    worker.ran("test_live.T.test_logged", "test_live.T.test_logged")
    assert len(list(worker.folder.glob("live-*"))) == 1
    found = Announced(str(worker.folder / "sources")).look()
    assert [source.start for source in found] == [0, len("a thought\nanother\n")]


def test_a_failing_set_up_tells_what_its_parts_had_to_say(worker: Peer) -> None:
    for test in ("test_broken", "test_broken_exit"):
        told = worker.one(f"test_live.T.{test}")
        assert told.status == "fail"
        assert told.details["server.log"] == "started\nhalf way\n"
    assert "Broken failed" in story(worker)


def test_a_detail_added_after_set_up_is_kept(worker: Peer) -> None:
    assert worker.one("test_live.T.test_late_detail").details["late"] == "added later"


def test_an_unreadable_detail_hides_no_other(worker: Peer) -> None:
    told = worker.one("test_live.T.test_unreadable")
    assert told.details["good"] == "readable"
    assert "ZeroDivisionError" in told.details["bad"]


def test_foreign_contents_are_not_evaluated_while_the_test_runs(worker: Peer) -> None:
    assert worker.one("test_live.T.test_called").status == "success"


def test_fixtures_that_are_always_over_in_a_moment_are_not_told_any_more(worker: Peer) -> None:
    worker.ran("test_live.T.test_tiny")
    first = len([line for line in story(worker) if "EnvironmentVariable" in line])
    worker.ran("test_live.T.test_tiny")
    assert len([line for line in story(worker) if "EnvironmentVariable" in line]) == first
    assert not any(line.endswith("failed") for line in story(worker))


def test_a_dead_tests_sources_are_still_there(worker: Peer) -> None:
    worker.run("test_live.T.test_killed")
    assert worker.end() == -9
    words = {
        source.name: source.last_words()
        for source in Announced(str(worker.folder / "sources")).of_test(1)
    }
    assert words == {"server.log": b"started\nserved\n", "pythonlogging:''": b"last thought\n"}


@pytest.mark.parametrize("version", ["3.8", "3.13"])
def test_class_and_module_fixtures_are_told_once_for_their_tests(
    tmp_path: Path, here: Agent, version: str
) -> None:
    suite = (
        "import unittest\n" + SUITE.partition("\nclass C(")[1] + SUITE.partition("\nclass C(")[2]
    )
    worker = here.start(lay(tmp_path / "p", {"test_c.py": suite}), python=interpreter(version))
    worker.ran("test_c.C.test_1", "test_c.C.test_2", "test_c.D.test_1")
    worker.shut()
    assert [line for line in story(worker) if not line.endswith("cleanup")] == [
        "setUpModule (test_c) setup",
        "setUpModule (test_c) up",
        "setUpClass (C) setup",
        "setUpClass (C) up",
        "setUpClass (C) down",
        "setUpClass (D) setup",
        "setUpClass (D) failed",
        "setUpClass (D) down",
        "setUpModule (test_c) down",
    ]


def test_a_resource_of_testresources_is_told(tmp_path: Path, here: Agent) -> None:
    pytest.importorskip("testresources")
    suite = """
import testresources
class Db(testresources.TestResourceManager):
    def make(self, deps): return 1
class T(testresources.ResourcedTestCase):
    resources = [("db", Db())]
    def test_1(self): self.assertEqual(1, self.db)
def load_tests(loader, tests, pattern):
    return testresources.OptimisingTestSuite(tests)
"""
    worker = here.start(lay(tmp_path / "p", {"test_r.py": suite}))
    worker.ran("test_r.T.test_1", "test_r.T.test_1")
    worker.shut()
    assert [line for line in story(worker) if not line.endswith("cleanup")] == [
        "Db setup",
        "Db up",
        "Db down",
    ]
    assert {fields["scope"] for fields in worker.said("fixture")} == {"resource"}
