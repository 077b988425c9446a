"""Fixtures under the pytest adapter: set up as rarely as under plain pytest, and torn down in time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .harness import Agent, Peer, lay
from .pytest_targets import Lanes, serve


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Agent]:
    """Give an agent that ends all it started."""
    yield from serve(tmp_path / "agent")


SCOPES = {
    "conftest.py": """
import os, pytest
def say(word):
    with open(os.environ["LOG"] + os.environ.get("PYTEST_XDIST_WORKER", ""), "a") as file: file.write(word + "\\n")
@pytest.fixture(scope="session")
def s():
    say("+s"); yield; say("-s")
@pytest.fixture(scope="module")
def m(s, request):
    say("+m " + request.module.__name__); yield; say("-m " + request.module.__name__)
@pytest.fixture(scope="class")
def c(request):
    say("+c"); yield; say("-c")
@pytest.fixture
def f():
    say("+f"); yield; say("-f")
@pytest.fixture(params=[1, 2], scope="module")
def p(request):
    say("+p%d" % request.param); yield request.param; say("-p%d" % request.param)
""",
    "test_a.py": """
def test_1(m, f): pass
def test_2(m): pass
class TestC:
    def test_3(self, c, m): pass
    def test_4(self, c): pass
""",
    "test_b.py": """
def test_5(m): pass
def test_6(s): pass
""",
    "test_p.py": """
def test_p(p): pass
def test_q(p): pass
""",
}


@pytest.fixture
def lanes(here: Agent, tmp_path: Path) -> Lanes:
    """Give a project with a fixture of each scope that logs what it does."""
    project = lay(tmp_path / "project", SCOPES)
    return Lanes(here, project, sys.executable, env={"LOG": str(tmp_path / "log")})


def log(lanes: Lanes, worker: Peer) -> str:
    """Return what a worker's fixtures said, on one line."""
    path = Path(lanes.options["env"]["LOG"] + f"gw{worker.options['lane']}")
    return " ".join(path.read_text().split("\n")).strip() if path.exists() else ""


A1, A2, A3, A4 = (
    f"test_a.py::{name}" for name in ("test_1", "test_2", "TestC::test_3", "TestC::test_4")
)
B5, B6 = "test_b.py::test_5", "test_b.py::test_6"


def test_a_batch_shares_fixtures_as_plain_pytest_does(lanes: Lanes) -> None:
    worker = lanes.fork()
    worker.ran(A1, A2, A3, A4, B5, B6)
    worker.shut()
    assert log(lanes, worker) == "+s +m test_a +f -f +c -c -m test_a +m test_b -m test_b -s"


def test_tests_that_come_one_by_one_share_fixtures_too(lanes: Lanes) -> None:
    """Nothing is queued when each test ends: what later tests may want stays up."""
    worker = lanes.fork()
    for test_id in (A1, A2, A3, A4, B5):
        worker.ran(test_id)
    assert log(lanes, worker) == "+s +m test_a +f -f +c -c -m test_a +m test_b"
    worker.ran(B6)
    assert log(lanes, worker).endswith("+m test_b -m test_b")
    worker.shut()
    assert log(lanes, worker).endswith("-m test_b -s")


def test_leaving_a_module_half_run_takes_its_fixtures_down_before_the_next_test(
    lanes: Lanes,
) -> None:
    worker = lanes.fork()
    worker.ran(A1)
    worker.ran(B5)
    worker.ran(A2)
    worker.shut()
    assert log(lanes, worker) == (
        "+s +m test_a +f -f -m test_a +m test_b -m test_b +m test_a -m test_a -s"
    )


def test_a_dropped_test_takes_nothing_with_it(lanes: Lanes) -> None:
    """Its module's fixtures were kept for it, and go down for the test that comes instead."""
    worker = lanes.fork()
    worker.run(A1, A2)
    worker.send(op="drop", ids=[A2])
    worker.run(B6)
    worker.wait(lambda: any(told.test_id == B6 for told in worker.results))
    assert worker.shut() is None
    ran = [told.test_id for told in worker.results]
    assert ran == ([A1, B6] if worker.said("dropped")[0]["ids"] else [A1, A2, B6])
    assert log(lanes, worker) == "+s +m test_a +f -f -m test_a -s"


def test_parametrized_module_fixtures_change_when_their_parameter_does(lanes: Lanes) -> None:
    worker = lanes.fork()
    worker.ran(*(test_id for test_id in lanes.ids if "test_p.py" in test_id))
    worker.shut()
    assert log(lanes, worker) == "+p1 -p1 +p2 -p2"


def test_every_lane_has_session_fixtures_of_its_own(lanes: Lanes) -> None:
    first, second = lanes.fork(), lanes.fork()
    first.run(A1, A2)
    second.run(B5, B6)
    first.wait(lambda: len(first.results) == 2)
    second.wait(lambda: len(second.results) == 2)
    assert [first.shut(), second.shut()] == [None, None]
    assert log(lanes, first) == "+s +m test_a +f -f -m test_a -s"
    assert log(lanes, second) == "+s +m test_b -m test_b -s"


def test_a_test_that_runs_again_leaves_shared_fixtures_up(lanes: Lanes) -> None:
    worker = lanes.fork()
    worker.ran(A2, A2, A2)
    assert log(lanes, worker) == "+s +m test_a"


def test_tests_that_share_a_fixture_are_one_group(here: Agent, tmp_path: Path) -> None:
    """Class, module and package fixtures of the project make soft groups, ``xdist_group`` hard ones."""
    files = {
        "pkg/__init__.py": "",
        "pkg/conftest.py": "import pytest\n@pytest.fixture(scope='package')\ndef k(): yield\n",
        "pkg/test_k.py": "def test_k(k): pass\ndef test_no(): pass\n",
        "test_g.py": """
import pytest, unittest
@pytest.fixture(scope="session")
def s(): yield
@pytest.fixture(scope="module")
def m(s): yield
class TestC:
    @pytest.fixture(scope="class", autouse=True)
    def c(self): yield
    def test_c(self): pass
    def test_m(self, m): pass
def test_session(s, tmp_path_factory): pass
@pytest.mark.xdist_group("db")
def test_hard(m): pass
class TestHard:
    pytestmark = pytest.mark.xdist_group(name="io")
    def test_io(self): pass
class Plain(unittest.TestCase):
    def test_it(self): pass
class Dear(unittest.TestCase):
    @classmethod
    def setUpClass(cls): pass
    def test_it(self): pass
""",
        "test_x.py": "def setup_module(): pass\ndef test_x(): pass\n",
    }
    lanes = Lanes(here, lay(tmp_path / "project", files), sys.executable)
    assert lanes.loader.groups == {
        "pkg/test_k.py::test_k": ("pkg", False),
        "test_g.py::TestC::test_c": ("test_g.py::TestC", False),
        "test_g.py::TestC::test_m": ("test_g.py", False),
        "test_g.py::test_hard": ("xdist_group db", True),
        "test_g.py::TestHard::test_io": ("xdist_group io", True),
        "test_g.py::Dear::test_it": ("test_g.py::Dear", False),
        "test_x.py::test_x": ("test_x.py", False),
    }


BROKEN = {
    "test_d.py": """
import pytest, time
@pytest.fixture(scope="module")
def bad():
    yield
    raise RuntimeError("cannot go down")
def test_1(bad): pass
def test_2(bad): pass
""",
    "test_o.py": "def test_other(): pass\n",
}


def test_a_teardown_that_fails_after_the_last_test_of_its_module_fails_that_test(
    here: Agent, tmp_path: Path
) -> None:
    lanes = Lanes(here, lay(tmp_path / "project", BROKEN), sys.executable)
    worker = lanes.fork()
    worker.ran("test_d.py::test_1")
    told = worker.one("test_d.py::test_2")
    assert (told.status, told.kind) == ("fail", "error")
    assert "cannot go down" in told.details["traceback"]


def test_a_teardown_that_fails_between_two_tests_is_a_result_of_its_own(
    here: Agent, tmp_path: Path
) -> None:
    lanes = Lanes(here, lay(tmp_path / "project", BROKEN), sys.executable)
    worker = lanes.fork()
    worker.ran("test_d.py::test_1")
    worker.ran("test_o.py::test_other")
    worker.ran("test_d.py::test_1")
    worker.shut()
    assert [(told.test_id, told.status) for told in worker.results] == [
        ("test_d.py::test_1", "success"),
        ("teardown (test_d.py)", "fail"),
        ("test_o.py::test_other", "success"),
        ("test_d.py::test_1", "success"),
        ("teardown (session)", "fail"),
    ]
    assert "cannot go down" in worker.results[1].details["traceback"]
    assert "test_d.py::test_1" in worker.results[1].details["reason"]


def test_shared_fixtures_are_told_as_they_go_up_and_down(lanes: Lanes) -> None:
    worker = lanes.fork()
    worker.ran(A1)
    worker.shut()
    told = [(each["name"], each["scope"], each["phase"]) for each in worker.said("fixture")]
    assert [each for each in told if each[0] in "smcf"] == [
        ("s", "session", "setup"),
        ("s", "session", "up"),
        ("m", "module", "setup"),
        ("m", "module", "up"),
        ("m", "module", "cleanup"),
        ("m", "module", "down"),
        ("s", "session", "cleanup"),
        ("s", "session", "down"),
    ]


def test_what_a_shared_fixture_changes_stays_until_it_goes_down(
    here: Agent, tmp_path: Path
) -> None:
    files = {
        "test_c.py": """
import os, pytest
@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    old = os.getcwd()
    os.chdir(str(tmp_path_factory.mktemp("elsewhere")))
    yield
    os.chdir(old)
def test_1(elsewhere): assert "elsewhere" in os.getcwd()
def test_2(elsewhere): assert "elsewhere" in os.getcwd()
""",
        "test_z.py": "import os\ndef test_back(): assert 'elsewhere' not in os.getcwd()\n",
    }
    lanes = Lanes(here, lay(tmp_path / "project", files), sys.executable)
    worker = lanes.fork()
    assert [worker.one(test_id).status for test_id in lanes.ids] == ["success"] * 3
    assert worker.said("state") == []


def test_an_isolated_worker_tears_everything_down_with_its_one_test(lanes: Lanes) -> None:
    worker = lanes.fork(single=True)
    worker.run(A1, A2)
    worker.end()
    assert [told.test_id for told in worker.results] == [A1]
    assert log(lanes, worker) == "+s +m test_a +f -f -m test_a -s"


@pytest.mark.parametrize("age", [0, 1, 2])
def test_what_a_worker_leaves_is_finalized_before_it_ends(
    here: Agent, tmp_path: Path, age: int
) -> None:
    """Objects that only refer to each other are garbage until somebody looks, where old ones are, too."""
    text = """
import gc
import pytest
class Left:
    def __init__(self): self.me = self
    def __del__(self): open("finalized", "w").close()
@pytest.fixture(scope="session")
def left():
    made = [Left()]
    for generation in range(AGE): gc.collect(generation)
    yield made
    made.clear()
def test_leaves(left): pass
""".replace("AGE", str(age))
    project = lay(tmp_path / "project", {"test_l.py": text})
    worker = Lanes(here, project, sys.executable).fork()

    assert worker.one("test_l.py::test_leaves").status == "success"
    worker.shut()

    assert (project / "finalized").exists()
