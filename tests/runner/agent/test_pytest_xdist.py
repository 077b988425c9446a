"""xdist's conventions without xdist: workers know who they are, plugins with a controller's half have one."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .harness import Agent, lay
from .pytest_targets import Lanes, outcomes, serve, target

PLUGINS = (
    "pytest-xdist",
    "pytest-cov",
    "pytest-rerunfailures",
    "pytest-randomly",
    "pytest-timeout",
)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Agent]:
    """Give an agent that ends all it started."""
    yield from serve(tmp_path / "agent")


@pytest.fixture
def plugged(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give an interpreter with pytest and well-known plugins."""
    return target(tmp_path_factory, "3.13", *PLUGINS)


@pytest.fixture(params=["bare", "xdist"])
def python(request: pytest.FixtureRequest) -> str:
    """Give an interpreter without, and one with xdist."""
    if request.param == "bare":
        return sys.executable
    found: str = request.getfixturevalue("plugged")
    return found


WHO = {
    "test_w.py": """
import os
def test_id(worker_id, request):
    assert worker_id == os.environ["PYTEST_XDIST_WORKER"] == request.config.workerinput["workerid"]
    print(worker_id)
def test_count(request):
    assert os.environ["PYTEST_XDIST_WORKER_COUNT"] == "2"
    assert request.config.workerinput["workercount"] == 2
def test_run(testrun_uid):
    assert testrun_uid == os.environ["PYTEST_XDIST_TESTRUNUID"] == "run"
def test_tmp(tmp_path, tmp_path_factory):
    print(tmp_path_factory.getbasetemp())
""",
}


@pytest.mark.parametrize("how", ["fork", "fresh"])
def test_workers_know_who_they_are(python: str, here: Agent, tmp_path: Path, how: str) -> None:
    args = ["-p", "no:randomly"]
    lanes = Lanes(here, lay(tmp_path / "project", WHO), python, *args)
    said: list[set[str]] = []
    for _ in range(2):
        worker = lanes.worker(how)
        told = worker.ran(*lanes.ids)
        assert [each.status for each in told] == ["success"] * 4, told
        assert told[0].details["stdout"] == f"gw{worker.options['lane']}\n"
        said.append({each.details["stdout"] for each in told if "stdout" in each.details})
    assert said[0].isdisjoint(said[1])


def test_a_given_base_folder_is_shared_by_lanes_with_a_part_for_each(
    here: Agent, tmp_path: Path
) -> None:
    base = tmp_path / "base"
    lanes = Lanes(here, lay(tmp_path / "project", WHO), sys.executable, f"--basetemp={base}")
    for how in ("fork", "fresh"):
        worker = lanes.worker(how)
        out = worker.one("test_w.py::test_tmp").details["stdout"]
        assert out == f"{base}/popen-gw{worker.options['lane']}\n"


EARLY = {
    "at import": "import os\nNAME = os.environ.get('PYTEST_XDIST_WORKER', 'gw?')\n",
    "in pytest_configure": "def pytest_configure(config): getattr(config, 'workerinput', None)\n",
    "by a helper": """
import os
def name():
    return os.environ.get('PYTEST_XDIST_WORKER')
def pytest_sessionstart(session):
    name()
""",
}
LATE = {
    "in a fixture": """
import os, pytest
@pytest.fixture(scope="session")
def name(): return os.environ.get('PYTEST_XDIST_WORKER')
""",
    "by a helper of a fixture": """
import os, pytest
def name_of(config):
    "Looks at workerinput."
    return getattr(config, 'workerinput', {}).get('workerid')
@pytest.fixture
def name(request): return name_of(request.config)
""",
    "while tests run": "def pytest_runtest_setup(item): item.config.workerinput['workerid']\n",
}


@pytest.mark.parametrize("where", [*EARLY, *LATE])
def test_a_project_that_asks_early_gets_fresh_workers(
    here: Agent, tmp_path: Path, where: str
) -> None:
    conftest = {**EARLY, **LATE}[where]
    files = {"conftest.py": conftest, "test_t.py": "def test_t(): pass\n"}
    lanes = Lanes(here, lay(tmp_path / "project", files), sys.executable)
    said = lanes.loader.event("fork")
    assert said["safe"] == (where in LATE)
    assert ("conftest.py" in said["why"]) == (where in EARLY)
    worker = lanes.worker("fork" if said["safe"] else "fresh")
    assert worker.one("test_t.py::test_t").status == "success"


def test_a_helper_that_asks_is_found_through_other_modules(here: Agent, tmp_path: Path) -> None:
    files = {
        "pytest.ini": "[pytest]\npythonpath = .\n",
        "lib.py": "import os\ndef database(): return os.environ['PYTEST_XDIST_WORKER']\n",
        "conftest.py": "from lib import database\ndef pytest_configure(): database()\n",
        "test_t.py": "def test_t(): pass\n",
    }
    project = lay(tmp_path / "project", files)
    lanes = Lanes(here, project, sys.executable, env={"PYTEST_XDIST_WORKER": "x"})
    assert lanes.loader.event("fork")["why"].startswith("conftest.py asks")


HALF_WITH_XDIST_ONLY = """
class Nodes:
    def pytest_configure_node(self, node): node.workerinput["database"] = "db"
def pytest_configure(config):
    if config.pluginmanager.hasplugin("xdist"):
        config.pluginmanager.register(Nodes())
    if hasattr(config, "workerinput"):
        config.database = config.workerinput["database"]
"""


def test_a_half_that_is_only_there_with_xdist_is_said_to_need_it(
    here: Agent, tmp_path: Path, python: str
) -> None:
    """SQLAlchemy's own plugin is like that."""
    tests = "def test_it(request): assert request.config.database == 'db'\n"
    project = lay(tmp_path / "p", {"conftest.py": HALF_WITH_XDIST_ONLY, "test_a.py": tests})
    lanes = Lanes(here, project, python, worker_count=1)
    if python != sys.executable:
        worker = lanes.fresh()
        worker.ran("test_a.py::test_it")
        assert outcomes(worker) == {"test_a.py::test_it": "success"}
        return
    worker = here.start(project, **lanes.options, loader=str(lanes.loader.folder))
    assert "database: is pytest-xdist to be installed?" in worker.event("warning")["text"]


def test_threads_that_the_suite_started_forbid_forks(here: Agent, tmp_path: Path) -> None:
    files = {
        "conftest.py": """
import threading
threading.Thread(target=threading.Event().wait, daemon=True, name="waiter").start()
""",
        "test_t.py": "def test_t(): pass\n",
    }
    lanes = Lanes(here, lay(tmp_path / "project", files), sys.executable)
    said = lanes.loader.event("fork")
    assert not said["safe"]
    assert "waiter" in said["why"]
    assert lanes.fresh().one("test_t.py::test_t").status == "success"


NODES = {
    "conftest.py": """
import pytest
class Nodes:
    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node):
        node.workerinput["database"] = "db-" + node.gateway.id
    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node, error):
        down.append((node.workerinput["workerid"], node.workeroutput.get("seen"), error))
down = []
def pytest_configure(config):
    config.pluginmanager.register(Nodes())
    config.database = getattr(config, "workerinput", {}).get("database")
def pytest_sessionfinish(session):
    if session.config.database: session.config.workeroutput["seen"] = session.config.database
def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line("nodes down: %s" % sorted(down, key=str))
""",
    "test_n.py": """
import os
def test_n(request): print(request.config.database)
def test_dies(): os._exit(1)
""",
}


def test_a_projects_controller_half_is_served_by_the_loader(here: Agent, tmp_path: Path) -> None:
    lanes = Lanes(here, lay(tmp_path / "project", NODES), sys.executable)
    assert "conftest.py" in lanes.loader.event("fork")["why"]
    first, second = lanes.fresh(), lanes.fresh()
    for worker in (first, second):
        told = worker.one("test_n.py::test_n")
        assert told.details["stdout"] == f"db-gw{worker.options['lane']}\n"
    second.run("test_n.py::test_dies")
    second.end()
    assert first.shut() == 0
    assert lanes.loader.shut() == 0
    summary = lanes.loader.event("summary")
    one, two = (f"gw{worker.options['lane']}" for worker in (first, second))
    expected = f"nodes down: [('{one}', 'db-{one}', None), ('{two}', None, 'the worker died')]"
    assert summary["text"] == expected


COVERED = {
    "setup.cfg": "[coverage:run]\nparallel = true\n[tool:pytest]\naddopts = -n2 --cov=lib -p no:randomly\n",
    "lib.py": "def one():\n    return 1\n\n\ndef two():\n    return 2\n\n\ndef three():\n    return 3\n",
    "test_c.py": """
import lib
def test_one(): assert lib.one() == 1
def test_two(): assert lib.two() == 2
""",
}


def test_coverage_of_all_lanes_is_combined_and_reported(
    here: Agent, tmp_path: Path, plugged: str
) -> None:
    project = lay(tmp_path / "project", COVERED)
    lanes = Lanes(here, project, plugged)
    said = lanes.loader.event("fork")
    assert (said["safe"], "pytest-cov" in said["why"]) == (False, True)
    first = lanes.fresh()
    first.ran("test_c.py::test_one")
    first.shut()  # before the second starts, which must not erase what it measured
    second = lanes.fresh()
    second.ran("test_c.py::test_two")
    second.shut()
    assert lanes.loader.shut() == 0
    assert "lib.py       6      1    83%" in lanes.loader.event("summary")["text"]
    [data] = project.glob(".coverage*")
    with sqlite3.connect(data) as database:
        assert database.execute("select count(*) from file").fetchone() == (1,)
    database.close()


def test_a_worker_that_is_there_before_its_loader_waits_for_it(here: Agent, tmp_path: Path) -> None:
    slow = "import os, time\nwhile not os.path.exists('go'): time.sleep(0.01)\n"
    project = lay(tmp_path / "project", {**NODES, "test_slow.py": slow})
    suite: dict[str, list[str]] = {"args": []}
    loader = here.loader(project, kind="pytest", suite=suite)
    loader.wait(lambda: (loader.folder / "nodes").exists())
    worker = here.start(project, kind="pytest", suite=suite, loader=str(loader.folder))
    worker.wait(lambda: worker.connections)
    (project / "go").touch()
    told = worker.one("test_n.py::test_n")
    assert told.details["stdout"] == f"db-gw{worker.options['lane']}\n"
    assert worker.shut() == 0
    assert loader.shut() == 0


def test_coverage_below_its_limit_is_told(here: Agent, tmp_path: Path, plugged: str) -> None:
    lanes = Lanes(here, lay(tmp_path / "project", COVERED), plugged, "--cov-fail-under=99")
    worker = lanes.fresh()
    worker.ran(*lanes.ids)
    worker.shut()
    lanes.loader.shut()
    summary = lanes.loader.event("summary")
    assert "Required test coverage of 99" in summary["text"]
    assert summary["failed"]


def test_a_plugin_that_forbids_forks_is_told_by_its_name(here: Agent, tmp_path: Path) -> None:
    """An installed one by its distribution, whatever its files are called; else by its module."""
    half = "import pytest\n@pytest.hookimpl(optionalhook=True)\ndef pytest_testnodedown(): pass\n"
    installed = {
        "noisy/__init__.py": half,
        "pytest_noisy-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: pytest-noisy\nVersion: 1.0\n",
        "pytest_noisy-1.0.dist-info/entry_points.txt": "[pytest11]\nnoisy = noisy\n",
        "quiet/plugin/__init__.py": half,
        "quiet/__init__.py": "",
    }
    packages = lay(tmp_path / "packages", installed)
    files = {"test_t.py": "def test_t(): pass\n", "halves/__init__.py": half}
    args = ("-p", "quiet.plugin", "-p", "halves")
    project = lay(tmp_path / "project", files)
    env = {"PYTHONPATH": f"{packages}:{project}"}
    lanes = Lanes(here, project, sys.executable, *args, env=env)
    why = lanes.loader.event("fork")["why"]
    assert why == "halves/__init__.py, pytest-noisy, quiet.plugin must be set up for each worker"


def test_well_known_plugins_do_not_forbid_forks(here: Agent, tmp_path: Path, plugged: str) -> None:
    """xdist itself, rerunfailures, randomly, timeout; pytest-cov while nobody asks for coverage."""
    files = {
        "setup.cfg": "[tool:pytest]\naddopts = -n2 --dist=loadfile --reruns=2 --timeout=30 -v\n",
        "test_r.py": """
import random
tries = []
def test_flaky():
    tries.append(1)
    print("try", len(tries))
    assert len(tries) == 3
def test_never(): assert 0
def test_random(): print(random.random())
""",
    }
    lanes = Lanes(here, lay(tmp_path / "project", files), plugged, "-p", "randomly")
    first, second = lanes.fork(), lanes.fork()
    for worker in (first, second):
        worker.ran(*lanes.ids)
        assert outcomes(worker) == {
            "test_r.py::test_flaky": "success",
            "test_r.py::test_never": "fail",
            "test_r.py::test_random": "success",
        }
    flaky, never, drawn = (
        [
            next(told for told in worker.results if name in told.test_id)
            for worker in (first, second)
        ]
        for name in ("flaky", "never", "random")
    )
    assert [name for name in flaky[0].details if "rerun" in name] == ["rerun 1", "rerun 2"]
    assert flaky[0].details["stdout"] == "try 1\ntry 2\ntry 3\n"
    assert [name for name in never[0].details if name != "stdout"] == [
        "rerun 1",
        "rerun 2",
        "traceback",
    ]
    assert drawn[0].details["stdout"] == drawn[1].details["stdout"]
