"""The short way through pytest's protocol comes to what pytest's own way comes to."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .harness import Agent, Told, lay
from .pytest_targets import serve, target


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Agent]:
    """Give an agent that ends all it started."""
    yield from serve(tmp_path / "agent")


@pytest.fixture(params=["3.9", "3.11", "3.13"])
def python(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give a target interpreter whose pytest the short way knows."""
    return target(tmp_path_factory, request.param)


TESTS = {
    "pytest.ini": "[pytest]\ntmp_path_retention_policy = failed\nfilterwarnings =\n"
    "    error::pytest.PytestUnraisableExceptionWarning\n"
    "    error::pytest.PytestUnhandledThreadExceptionWarning\n"
    "    error::FutureWarning\n",
    "test_all.py": """
import gc, logging, os, sys, threading, unittest, warnings
import pytest
apart = logging.getLogger("apart")
apart.propagate = False
def short():
    frame = sys._getframe()
    while frame is not None:
        if "pytest_short" in frame.f_code.co_filename: return True
        frame = frame.f_back
    return False
def test_way(): print("short" if short() else "long")
def test_pass(): pass
def test_fail():
    print("before")
    assert [1, 2] == [1, 3]
def test_error(): raise ValueError("x")
def test_group(): sys.exit(3)
def test_skip(): pytest.skip("inside")
@pytest.mark.skip(reason="marked")
def test_skip_mark(): pass
@pytest.mark.skipif("sys.version_info > (3,)", reason="always")
def test_skip_if(): pass
@pytest.mark.xfail(reason="known")
def test_xfail(): assert 0
@pytest.mark.xfail
def test_xpass(): pass
@pytest.mark.xfail(strict=True, reason="must")
def test_xpass_strict(): pass
@pytest.mark.xfail(run=False, reason="never")
def test_not_run(): raise SystemExit
def test_xfail_inside(): pytest.xfail("inside")
def test_marks_itself(request):
    request.node.add_marker(pytest.mark.xfail(reason="of its own"))
    assert 0
def test_marks_itself_and_passes(request):
    request.node.add_marker(pytest.mark.xfail(reason="of its own"))
@pytest.fixture
def marks(request): request.node.add_marker(pytest.mark.xfail(reason="by a fixture"))
def test_marked_by_a_fixture(marks): assert 0
@pytest.fixture
def bad_up(): raise RuntimeError("cannot go up")
@pytest.fixture
def skips(): pytest.skip("in a fixture")
@pytest.fixture
def bad_down():
    yield
    raise RuntimeError("cannot go down")
def test_bad_up(bad_up): pass
def test_skipped_by_a_fixture(skips): pass
def test_bad_down(bad_down): pass
def test_bad_both(bad_down): assert 0
def test_no_such_fixture(nobody_has_it): pass
@pytest.fixture
def talks():
    print("up"); logging.getLogger("a").warning("up"); yield
    sys.stderr.write("down"); logging.getLogger("a").warning("down")
def test_talks(talks, caplog):
    logging.getLogger("a").warning("inside"); apart.error("aside")
    assert [r.message for r in caplog.get_records("setup")] == ["up"]
    print([r.message for r in caplog.get_records("call")], len(caplog.text.splitlines()))
def test_talks_and_fails(talks):
    apart.error("aside")
    assert 0
def test_hears_nothing(caplog):
    assert not caplog.records and not caplog.text and len(logging.root.handlers) == 2
@pytest.fixture
def logs_aside(pytestconfig):
    plugin = pytestconfig.pluginmanager.unregister(name="logging-plugin")
    yield
    print("no handler", logging.root.handlers)
    pytestconfig.pluginmanager.register(plugin, "logging-plugin")
def test_logs_aside(logs_aside):
    print("no handler", logging.root.handlers)
    assert 0
def test_logs_back(): print(len(logging.root.handlers))
def test_level(caplog):
    with caplog.at_level("DEBUG"): logging.debug("fine")
def test_drops_handlers():
    logging.root.handlers.clear()
    logging.warning("nobody hears")
def test_after_dropped(caplog):
    logging.warning("heard")
    assert caplog.messages == ["heard"]
def test_capsys(capsys):
    print("taken")
    assert capsys.readouterr().out == "taken\\n"
    print("left")
def test_capfd(capfd):
    os.system("echo taken")
    assert capfd.readouterr().out == "taken\\n"
    with capfd.disabled(): print("through")
def test_closes_stdout(): sys.stdout = None
def test_after_closed(): print("here")
def test_warns(): warnings.warn("watch out", FutureWarning)
class Breaks:
    def __del__(self): raise KeyError("nobody catches it")
def test_unraisable(): Breaks()
def test_thread():
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start(); thread.join()
@pytest.mark.parametrize("n", [1, 2])
def test_parameter(n): assert n == 1
def test_folder(tmp_path): (tmp_path / "kept").write_text("x"); print(len(os.listdir(tmp_path)))
def test_folder_fails(tmp_path): assert 0, tmp_path.name
def test_name(): print(os.environ["PYTEST_CURRENT_TEST"])
def test_last(): print(hasattr(sys, "last_value"))
class TestClass:
    def setup_method(self): self.seen = []
    def test_method(self): self.seen.append(1); assert self.seen == [1]
    def teardown_method(self): assert self.seen
class Case(unittest.TestCase):
    def test_case(self): self.fail("as in unittest")
    @unittest.expectedFailure
    def test_expected(self): self.fail()
""",
}
LONG = "def pytest_runtest_protocol(item, nextitem): return None\n"
REPORTS = """
import pytest
@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    with open("sections", "a") as file: file.write("%s %s %r\\n" % (item.name, call.when, report.sections))
"""


def _told(here: Agent, project: Path, python: str) -> list[tuple[object, ...]]:
    """Run all tests twice in one worker. Return what was told of each."""
    loader = here.loader(project, kind="pytest", python=python)
    ids = loader.listing()
    assert loader.event("listed")["error"][-300:] == ""
    worker = here.fork(loader)
    told = [*worker.ran(*ids), *worker.ran(*ids)]
    worker.shut()
    return [_plain(each) for each in told]


def _plain(told: Told) -> tuple[object, ...]:
    """Return what does not depend on when and where: not times, addresses, folders."""
    details = {
        name: re.sub(r"0x[0-9a-f]+|Thread-\d+|popen-\S+|/tmp/\S*|\.py:\d+", "", text)
        for name, text in told.details.items()
    }
    if told.test_id.endswith(("test_unraisable", "test_thread", "test_not_run")):
        # All of its frames are pytest's own, of which our way has fewer.
        details.pop("traceback")
    return told.test_id, told.status, told.kind, details


def test_it_comes_to_the_same(here: Agent, python: str, tmp_path: Path) -> None:
    """Statuses, kinds, tracebacks, logs and output, also of a second run in the same worker."""
    quick = _told(here, lay(tmp_path / "quick", TESTS), python)
    slow = _told(here, lay(tmp_path / "slow", {**TESTS, "conftest.py": LONG}), python)

    assert [quick[0][3], slow[0][3]] == [{"stdout": "short\n"}, {"stdout": "long\n"}]
    assert quick[1:] == [each if each[0] != slow[0][0] else quick[0] for each in slow[1:]]
    assert {"success", "fail", "skip", "xfail"} == {each[1] for each in quick}


def test_who_looks_at_reports_gets_them(here: Agent, tmp_path: Path) -> None:
    """A project's own hook sees every report with the sections of each phase."""
    quick = lay(tmp_path / "quick", {**TESTS, "conftest.py": REPORTS})
    slow = lay(tmp_path / "slow", {**TESTS, "conftest.py": REPORTS + LONG})

    told = [
        [each for each in _told(here, project, sys.executable) if "test_way" not in str(each[0])]
        for project in (quick, slow)
    ]
    assert told[0] == told[1]
    seen, wanted = [(each / "sections").read_text().splitlines() for each in (quick, slow)]
    assert [line for line in seen if "test_way" not in line] == [
        line for line in wanted if "test_way" not in line
    ]
    assert any("'Captured stdout setup', 'up\\n'" in line for line in seen)


def test_a_project_may_take_part_in_one_phase(here: Agent, tmp_path: Path) -> None:
    """A hook for one phase of tests in one folder is called there, for each test, and nowhere else."""
    hook = "def pytest_runtest_setup(item): print('set up', item.name)\n"
    project = lay(
        tmp_path / "project",
        {
            "a/conftest.py": hook,
            "a/test_a.py": "def test_a(): pass\n",
            "b/test_b.py": "def test_b(): pass\n",
        },
    )
    told = {each[0]: each[3] for each in _told(here, project, sys.executable)}

    assert told == {"a/test_a.py::test_a": {"stdout": "set up test_a\n"}, "b/test_b.py::test_b": {}}


def test_a_plugin_that_comes_later_is_heard(here: Agent, tmp_path: Path) -> None:
    """What a test registers is called from the next test on."""
    test = """
class Late:
    def pytest_runtest_call(self, item): print("late", item.name)
def test_a(pytestconfig): pytestconfig.pluginmanager.register(Late(), "late")
def test_b(): pass
"""
    project = lay(tmp_path / "project", {"test_p.py": test})
    loader = here.loader(project, kind="pytest")
    worker = here.fork(loader)

    a, b = worker.ran(*loader.listing())

    assert (a.details, b.details) == ({}, {"stdout": "late test_b\n"})
