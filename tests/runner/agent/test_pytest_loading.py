"""Suites that cannot be loaded, and what a loader tells while it loads one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .harness import LIMIT, Agent, lay
from .pytest_targets import Lanes, serve, target


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Agent]:
    """Give an agent that ends all it started."""
    yield from serve(tmp_path / "agent")


TEST = {"test_t.py": "def test_t(): pass\n"}
WRONG: dict[str, tuple[dict[str, str], list[str], str]] = {
    "an unknown option": (TEST, ["--no-such-option"], "unrecognized arguments: --no-such-option"),
    "a missing file": (TEST, ["nowhere.py"], "file or directory not found: nowhere.py"),
    "a conftest that fails": (
        {**TEST, "conftest.py": "import nothing_of_that_name\n"},
        [],
        "nothing_of_that_name",
    ),
    "a broken hook": (
        {**TEST, "conftest.py": "def pytest_collection_modifyitems(): raise KeyError('hook')\n"},
        [],
        "KeyError: 'hook'",
    ),
    "a bad setting": ({**TEST, "pytest.ini": "[pytest]\nminversion = 99\n"}, [], "99"),
    "pytest.exit": (
        {**TEST, "conftest.py": "import pytest\ndef pytest_configure(): pytest.exit('no more')\n"},
        [],
        "no more",
    ),
    "an exit at import": ({"test_t.py": "import sys\nsys.exit(3)\n"}, [], "SystemExit"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_suite_that_cannot_be_loaded_is_told_in_pytests_own_words(
    here: Agent, tmp_path: Path, what: str
) -> None:
    files, args, words = WRONG[what]
    project = lay(tmp_path / "project", files)
    loader = here.loader(project, kind="pytest", suite={"args": args})
    said = loader.event("listed")
    assert said["count"] == 0
    assert words in said["error"]
    loader.end()
    worker = here.start(project, kind="pytest", suite={"args": args})
    assert words in worker.event("warning")["text"]
    assert worker.end() == 1


def test_an_interpreter_without_pytest_is_told(here: Agent, tmp_path: Path) -> None:
    files = {**TEST, "pytest.py": "raise ImportError('not here')\n"}
    loader = here.loader(lay(tmp_path / "project", files), kind="pytest")
    assert "has no pytest: not here" in loader.event("listed")["error"]


def test_too_old_a_pytest_is_told(here: Agent, tmp_path: Path) -> None:
    files = {**TEST, "pytest.py": "__version__ = '6.2.5'\n"}
    loader = here.loader(lay(tmp_path / "project", files), kind="pytest")
    assert "6.2.5 is too old" in loader.event("listed")["error"]


@pytest.mark.parametrize("version", ["pytest==7.0.1", "pytest==7.4.4"])
def test_older_versions_of_pytest_work(
    here: Agent, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, version: str
) -> None:
    python = target(tmp_path_factory, "3.8", version)
    files = {
        "test_o.py": """
import pytest
@pytest.fixture(scope="module")
def m(): yield
def test_pass(m, worker_id): print("out")
def test_fail(m, tmp_path): assert 0
def test_exit(): pytest.exit("x")
"""
    }
    lanes = Lanes(here, lay(tmp_path / "project", files), python)
    for how in ("fork", "fresh"):
        told = lanes.worker(how).ran(*lanes.ids)
        assert [each.status for each in told] == ["success", "fail", "fail"]
        assert told[0].details == {"stdout": "out\n"}


def test_a_module_that_is_skipped_is_told_and_not_listed(here: Agent, tmp_path: Path) -> None:
    lacks = "import unittest\nraise unittest.SkipTest('it needs\\n  a compiler')\n"
    files = {
        **TEST,
        "test_s.py": "import pytest\npytest.importorskip('nothing_of_that_name')\n",
        **{f"test_u{n}.py": lacks for n in range(5)},
    }
    lanes = Lanes(here, lay(tmp_path / "project", files), sys.executable)
    assert lanes.ids == ["test_t.py::test_t"]
    [one, many] = [warning["text"] for warning in lanes.loader.said("warning")]
    assert one.startswith("test_s.py is skipped: could not import 'nothing_of_that_name'")
    who = "test_u0.py, test_u1.py, test_u2.py and 2 more are skipped"
    assert many == f"{who}: it needs a compiler"


def test_what_pytest_sums_up_at_its_end_is_not_told_again(here: Agent, tmp_path: Path) -> None:
    files = {
        "conftest.py": "def pytest_terminal_summary(terminalreporter): terminalreporter.write_line('ours')\n",
        "test_no.py": "import nothing_like_it\n",
        "test_w.py": "import warnings\nwarnings.warn('old')\ndef test_a(): pass\n",
    }
    loader = here.loader(lay(tmp_path / "project", files), kind="pytest")
    assert sorted(loader.listing()) == ["test_no.py", "test_w.py::test_a"]
    loader.shut()
    assert [each["text"] for each in loader.said("summary")] == ["ours"]


def test_what_sums_up_finds_what_was_loaded(here: Agent, tmp_path: Path) -> None:
    """hypothesis, which is imported then, warns of objects that it finds no reference to."""
    conftest = """
import gc
kept = [object()]
def pytest_terminal_summary(terminalreporter):
    found = any(each is kept for each in gc.get_referrers(kept[0]))
    terminalreporter.write_line("found" if found else "lost")
"""
    files = {**TEST, "conftest.py": conftest}
    lanes = Lanes(here, lay(tmp_path / "project", files), sys.executable)
    lanes.fork().ran(*lanes.ids)
    lanes.loader.shut()
    assert [each["text"] for each in lanes.loader.said("summary")] == ["found"]


def test_warnings_are_told_once_for_each_place(here: Agent, tmp_path: Path) -> None:
    files = {
        "test_w.py": """
import warnings
import pytest
warnings.warn("at import")
@pytest.mark.parametrize("n", range(3))
def test_w(n): warnings.warn("in test", DeprecationWarning)
"""
    }
    lanes = Lanes(here, lay(tmp_path / "project", files), sys.executable)
    worker = lanes.fork()
    worker.ran(*lanes.ids)
    [loading] = lanes.loader.said("warning")
    assert loading["text"].endswith("test_w.py:4: UserWarning: at import")
    [running] = worker.said("warning")
    assert running["text"].endswith("test_w.py:6: DeprecationWarning: in test")


def test_an_empty_suite_is_no_error(here: Agent, tmp_path: Path) -> None:
    lanes = Lanes(here, lay(tmp_path / "project", {"readme.txt": ""}), sys.executable)
    assert lanes.ids == []
    assert lanes.loader.said("listed") == [{"count": 0, "error": ""}]


def test_arguments_select_and_the_controllers_options_are_put_aside(
    here: Agent, tmp_path: Path
) -> None:
    files = {
        "test_a.py": "import pytest\n@pytest.mark.slow\ndef test_1(): pass\ndef test_2(): assert 0\ndef test_3(): pass\n",
        "pytest.ini": "[pytest]\nmarkers = slow\naddopts = --strict-markers --collect-only --stepwise\n",
    }
    project = lay(tmp_path / "project", files)
    lanes = Lanes(here, project, sys.executable, "-m", "not slow", "--maxfail=1", "--trace")
    assert lanes.ids == ["test_a.py::test_2", "test_a.py::test_3"]
    worker = lanes.fork()
    assert [told.status for told in worker.ran(*lanes.ids)] == ["fail", "success"]


def test_reports_of_plugins_that_would_be_of_a_part_are_put_aside_and_told(
    here: Agent, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What they would write is a report of no test, which passed."""
    python = target(tmp_path_factory, "3.13", "pytest-html", "pytest-md", "pytest-csv")
    asked = "--junitxml=r.xml --html=r.html --md=r.md --csv=r.csv"
    project = lay(tmp_path / "project", TEST | {"pytest.ini": f"[pytest]\naddopts = {asked}\n"})
    lanes = Lanes(here, project, python)
    worker = lanes.fork()
    assert worker.one("test_t.py::test_t").status == "success"
    worker.shut()
    lanes.loader.shut()
    (told,) = lanes.loader.said("warning")
    assert told["text"].startswith("--junitxml, --html, --csv, --md: put aside")
    assert sorted(path.name for path in project.glob("r.*")) == []


@pytest.mark.parametrize("asked", [True, False], ids=["asked to end", "its agent is gone"])
def test_snapshots_of_all_lanes_stay_though_the_loader_ran_none(
    here: Agent, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, asked: bool
) -> None:
    """syrupy takes those that a session did not use for unused, and removes them."""
    python = target(tmp_path_factory, "3.13", "syrupy")
    text = (
        "def test_a(snapshot): assert 1 == snapshot\ndef test_b(snapshot): assert 2 == snapshot\n"
    )
    project = lay(tmp_path / "project", {"test_t.py": text, "pytest.ini": "[pytest]\n"})
    lanes = Lanes(here, project, python, "--snapshot-update")
    for test_id in lanes.ids:
        worker = lanes.fork()
        assert worker.one(test_id).status == "success"
        worker.shut()
    if asked:
        lanes.loader.shut()
        assert "only where pytest-xdist is installed" in lanes.loader.said("warning")[-1]["text"]
    else:
        lanes.loader.detach()
        assert lanes.loader.process is not None
        lanes.loader.process.wait(LIMIT)
    kept = (project / "__snapshots__/test_t.ambr").read_text()
    assert "# name: test_a\n" in kept
    assert "# name: test_b\n" in kept


def test_no_lane_edits_the_tests_that_another_one_edits(
    here: Agent, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """inline-snapshot would write the missing values into the file at the end of each session."""
    python = target(tmp_path_factory, "3.13", "inline-snapshot")
    text = "from inline_snapshot import snapshot\ndef test_a(): assert 1 == snapshot(1)\n"
    text += "def test_b(): assert 2 == snapshot()\n"
    files = {"test_t.py": text, "pytest.ini": "[pytest]\naddopts = --inline-snapshot=create\n"}
    project = lay(tmp_path / "project", files)
    lanes = Lanes(here, project, python)
    worker = lanes.fork()
    assert [told.status for told in worker.ran(*lanes.ids)] == ["success", "fail"]
    worker.shut()
    lanes.loader.shut()
    assert (project / "test_t.py").read_text() == text
    (told,) = lanes.loader.said("warning")
    assert told["text"].startswith("--inline-snapshot=create: put aside")


def test_an_option_of_the_project_that_has_the_name_of_a_plugins_is_left_alone(
    here: Agent, tmp_path: Path
) -> None:
    files = {
        "conftest.py": "def pytest_addoption(parser): parser.addoption('--csv-path')\n",
        "test_t.py": "def test_t(request): assert request.config.option.csv_path == 'data.csv'\n",
    }
    lanes = Lanes(here, lay(tmp_path / "project", files), sys.executable, "--csv-path=data.csv")
    assert lanes.fork().one("test_t.py::test_t").status == "success"
    assert lanes.loader.said("warning") == []


def test_an_id_that_is_not_in_the_suite_fails(here: Agent, tmp_path: Path) -> None:
    lanes = Lanes(here, lay(tmp_path / "project", TEST), sys.executable)
    told = lanes.fork().one("test_t.py::test_of_yesterday")
    assert told.status == "fail"
    assert "no test of this id" in told.details["reason"]


def test_duplicated_tests_count_once_and_the_worst_outcome_wins(
    here: Agent, tmp_path: Path
) -> None:
    files = {
        "test_d.py": "runs = []\ndef test_d():\n    runs.append(1)\n    assert len(runs) != 2\n"
    }
    args = ["--keep-duplicates", "test_d.py", "test_d.py"]
    lanes = Lanes(here, lay(tmp_path / "project", files), sys.executable, *args)
    assert lanes.ids == ["test_d.py::test_d"]
    assert lanes.fork().one("test_d.py::test_d").status == "fail"


def test_subtests_are_details_of_their_test(here: Agent, tmp_path: Path) -> None:
    files = {
        "test_s.py": """
def test_s(subtests):
    for i in range(3):
        with subtests.test(msg="part", i=i):
            assert i != 1
"""
    }
    lanes = Lanes(here, lay(tmp_path / "project", files), sys.executable)
    worker = lanes.fork()
    told = worker.one("test_s.py::test_s")
    [failed] = [each for each in worker.said("subtest") if each["status"] == "fail"]
    assert failed["name"] == "[part] (i=1)"
    assert (told.status, told.kind) == ("fail", "assertion")
    assert "assert 1 != 1" in told.details["traceback [part] (i=1)"]


def test_pytest_asyncio_works_in_forks(here: Agent, tmp_path: Path) -> None:
    pytest.importorskip("pytest_asyncio")
    files = {
        "pytest.ini": "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n",
        "test_a.py": """
import asyncio, pytest
@pytest.fixture
async def thing():
    await asyncio.sleep(0)
    yield 1
async def test_a(thing):
    await asyncio.sleep(0)
    assert thing == 1
async def test_b(): assert asyncio.get_running_loop()
""",
    }
    lanes = Lanes(here, lay(tmp_path / "project", files), sys.executable)
    for _ in range(2):
        assert [told.status for told in lanes.fork().ran(*lanes.ids)] == ["success"] * 2


def test_a_worker_may_be_asked_for_before_the_suite_is_loaded(here: Agent, tmp_path: Path) -> None:
    """What the loader has read together with its options is not forgotten."""
    loader = here.loader(lay(tmp_path / "p", {"test_a.py": "def test_a(): pass\n"}), kind="pytest")
    worker = here.fork(loader)

    assert worker.one("test_a.py::test_a").status == "success"


@pytest.mark.parametrize("how", ["never", "by name", "as it runs"])
def test_a_folder_for_temporary_files_is_made_for_who_wants_one(
    here: Agent, tmp_path: Path, how: str
) -> None:
    """Lanes have theirs below one; a suite that wants none need not have it made and removed."""
    body = {
        "never": "def test_t(): pass",
        "by name": "def test_t(tmpdir): print(tmpdir)",
        "as it runs": "def test_t(request): print(request.getfixturevalue('tmp_path'))",
    }[how]
    lanes = Lanes(here, lay(tmp_path / "p", {"test_t.py": body + "\n"}), sys.executable)
    workers = [lanes.fork(), lanes.fork()]
    told = [worker.one("test_t.py::test_t") for worker in workers]
    for worker in workers:
        worker.shut()

    places = [Path(each.details["stdout"].strip()) for each in told if "stdout" in each.details]
    assert [each.status for each in told] == ["success", "success"]
    assert len(set(places)) == (0 if how == "never" else 2)
    assert list(here.folder.glob("pytest-of-*")) == [] if how == "never" else places
    if how == "by name":
        assert places[0].parents[1] == places[1].parents[1]
