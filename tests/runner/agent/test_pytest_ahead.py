"""Tests that run while pytest collects the rest, and suites in which they must not."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .harness import Agent, Peer, lay
from .pytest_targets import outcomes, plain, serve, target

SLOW = "import time\ntime.sleep(0.3)\n"
"""Worth the while: collecting takes longer than the loader's patience."""
WAIT = """
import os, time
end = time.monotonic() + 60
while not os.path.exists({0!r}):
    assert time.monotonic() < end, {0!r}
    time.sleep(0.01)
"""


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Agent]:
    """Give an agent that ends all it started."""
    yield from serve(tmp_path / "agent")


def load(here: Agent, project: Path, *args: str, python: str = sys.executable) -> Peer:
    """Start a loader."""
    temp = {"PYTEST_DEBUG_TEMPROOT": str(here.folder)}
    return here.loader(project, kind="pytest", suite={"args": [*args]}, python=python, env=temp)


def early_worker(here: Agent, project: Path, loader: Peer) -> Peer:
    """Return a worker that is forked before the third file, which waits for ``late``."""
    loader.wait(lambda: loader.said("ids"), "the first ids")
    worker = here.fork(loader)
    (project / "go").touch()
    return worker


FIRST = (
    SLOW
    + """
import logging, pytest
@pytest.fixture(scope="module", params=[1, 2])
def number(request): return request.param
@pytest.fixture(scope="module")
def shared(): return []
class TestOne:
    @pytest.fixture(autouse=True, scope="class")
    def mine(self, request): request.cls.mine = "mine"
    def test_pass(self, shared, tmp_path): print("said"); shared.append(tmp_path)
    def test_again(self, shared): assert len(shared) == 1 and self.mine == "mine"
def test_p(number): pass
def test_q(number): assert number != 2, number
def test_log(caplog): logging.getLogger().warning("logged"); assert caplog.messages == ["logged"]
@pytest.mark.skip(reason="no")
def test_skip(): pass
@pytest.mark.xfail
def test_x(): assert 0
"""
)


@pytest.mark.parametrize(
    ("version", "packages"),
    [("{}.{}".format(*sys.version_info[:2]), ()), ("3.8", ("pytest==7.0.1",)), ("3.13", ())],
)
def test_a_lane_runs_while_pytest_collects(
    here: Agent,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    version: str,
    packages: tuple[str, ...],
) -> None:
    python = target(tmp_path_factory, version, *packages)
    files = {
        "test_a.py": FIRST,
        "test_b.py": WAIT.format("go") + "def test_b(tmp_path): assert 0, tmp_path\n",
        "test_c.py": WAIT.format("late") + "def test_c(): pass\n",
    }
    project = lay(tmp_path / "project", files)
    loader = load(here, project, python=python)
    early = early_worker(here, project, loader)
    known = early.event("hello")["known"]
    assert known in {9, 10}  # without test_b.py, if it was asked for before that
    ids = loader.listed_ids[:known]
    assert not loader.said("listed")
    early.ran(*ids)
    assert next(told for told in early.results if "test_pass" in told.test_id).details["stdout"]
    (project / "late").touch()
    assert loader.event("listed")["count"] == 11
    early.shut()
    late = here.fork(loader)
    assert late.event("hello")["known"] == -1
    late.ran("test_b.py::test_b", "test_c.py::test_c", "test_a.py::TestOne::test_pass")
    ordinary = plain(python, project)
    assert loader.listing() == list(ordinary)
    assert {**outcomes(late), **outcomes(early)} == ordinary


def test_what_is_listed_early_is_in_pytests_order(here: Agent, tmp_path: Path) -> None:
    files = {
        "test_a.py": FIRST,
        "sub/test_b.py": "import pytest\n@pytest.mark.parametrize('n', 'ab')\ndef test_b(n): pass\n",
        "test_c.py": "def test_c(): pass\n",
    }
    project = lay(tmp_path / "project", files)
    loader = load(here, project)
    assert len(loader.said("ids") or [loader.event("listed")]) >= 1
    assert loader.listing() == list(plain(sys.executable, project))
    assert len(loader.said("ids")) > 1


PLAIN = {
    "test_a.py": SLOW + "def test_a(): pass\n",
    "test_b.py": "def test_b(): pass\n",
    "z/test_c.py": "def test_c(): pass\n",
}
LOOKS = "def pytest_collection_modifyitems(items): del items[0]\n"
SESSION = "import pytest\n@pytest.fixture(scope='session', autouse=True)\ndef dear(): pass\n"
ASKS = "import os\nWORKER = os.environ.get('PYTEST_XDIST_WORKER')\n"
RELUCTANT: dict[str, tuple[dict[str, str], list[str], int]] = {
    "a hook that sees all tests": ({"conftest.py": LOOKS}, [], 2),
    "a hook of a folder that comes later": ({"z/conftest.py": LOOKS}, [], 2),
    "a hook that ends the collection": (
        {"conftest.py": "def pytest_collection_finish(session): pass\n"},
        [],
        3,
    ),
    "a selection by name": ({}, ["-k", "test_b"], 1),
    "a selection by mark": ({}, ["-m", "not slow"], 3),
    "a deselected test": ({}, ["--deselect", "test_a.py::test_a"], 2),
    "a fixture of the session": ({"conftest.py": SESSION}, [], 3),
    "code that asks for its worker": ({"conftest.py": ASKS}, [], 3),
}


@pytest.mark.parametrize("what", RELUCTANT)
def test_nothing_is_listed_early_where_all_tests_may_matter(
    here: Agent, tmp_path: Path, what: str
) -> None:
    files, args, count = RELUCTANT[what]
    loader = load(here, lay(tmp_path / "project", {**PLAIN, **files}), *args)
    assert loader.event("listed")["count"] == count
    assert len(loader.said("ids")) == 1


def test_files_behind_one_that_shares_a_fixture_come_with_the_rest(
    here: Agent, tmp_path: Path
) -> None:
    fixture = "import pytest\n@pytest.fixture(scope='session')\ndef dear(): pass\n"
    more = {"conftest.py": fixture, "test_b.py": "def test_b(dear): pass\n"}
    loader = load(here, lay(tmp_path / "project", {**PLAIN, **more}))
    loader.event("listed")
    assert [each["ids"] for each in loader.said("ids")] == [
        ["test_a.py::test_a"],
        ["test_b.py::test_b", "z/test_c.py::test_c"],
    ]


def test_what_a_hidden_hook_takes_away_is_gone(here: Agent, tmp_path: Path) -> None:
    hidden = "exec('def pytest_' + 'collection_modifyitems(items): del items[0]')\n"
    loader = load(here, lay(tmp_path / "project", {**PLAIN, "z/conftest.py": hidden}))
    assert loader.event("gone")["ids"] == ["test_a.py::test_a"]
    assert loader.event("listed")["count"] == 2


def test_the_end_of_an_early_worker_is_told_where_nothing_is_forked_any_more(
    here: Agent, tmp_path: Path
) -> None:
    threads = (
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    )
    files = {
        "test_a.py": SLOW + "def test_a(): pass\n",
        "test_b.py": WAIT.format("go"),
        "test_c.py": WAIT.format("late") + threads,
    }
    project = lay(tmp_path / "project", files)
    loader = load(here, project)
    early = early_worker(here, project, loader)
    early.event("hello")
    (project / "late").touch()
    loader.event("listed")
    assert not loader.said("fork")[-1]["safe"]
    early.ran("test_a.py::test_a")
    early.send(op="shutdown")
    assert loader.event("exited")["status"] == 0
    assert loader.shut() == 0
