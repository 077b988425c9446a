"""The pytest adapter: ids and outcomes of plain pytest, whatever the order, forked or fresh."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .harness import Agent, lay
from .pytest_targets import Lanes, outcomes, plain, serve, target


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Agent]:
    """Give an agent that ends all it started."""
    yield from serve(tmp_path / "agent")


@pytest.fixture(params=["3.8", "3.11", "3.13"])
def python(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give a target interpreter that has pytest."""
    return target(tmp_path_factory, request.param)


PROJECT = {
    "pytest.ini": "[pytest]\naddopts = -x --lf --ff --pdb -q --junitxml=report.xml\n",
    "conftest.py": """
import pytest
def pytest_collection_modifyitems(items):
    items[:] = [item for item in items if "removed" not in item.name]
@pytest.fixture(scope="session")
def session_thing(): yield "session"
@pytest.fixture(autouse=True)
def always(request): yield
@pytest.fixture(params=["x", "y"], scope="module")
def both(request): return request.param
""",
    "test_statuses.py": """
import sys, unittest, warnings
import pytest
def test_pass(): pass
def test_removed(): pass
def test_fail(): assert [1, 2] == [1, 3]
def test_error(): raise ValueError("x")
def test_pytest_fail(): pytest.fail("said so")
def test_exit(): sys.exit(0)
def test_skip(): pytest.skip("inside")
@pytest.mark.skip(reason="marked")
def test_skip_mark(): pass
@pytest.mark.skipif(True, reason="always")
def test_skip_if(): pass
@pytest.mark.xfail(reason="known")
def test_xfail(): assert 0
@pytest.mark.xfail
def test_xpass(): pass
@pytest.mark.xfail(strict=True)
def test_xpass_strict(): pass
@pytest.mark.xfail(raises=KeyError)
def test_xfail_other(): raise ValueError
@pytest.mark.xfail(run=False, reason="never")
def test_not_run(): raise SystemExit
def test_xfail_inside(): pytest.xfail("inside")
@pytest.fixture
def bad_up(): raise RuntimeError("cannot go up")
@pytest.fixture
def bad_down():
    yield
    raise RuntimeError("cannot go down")
def test_bad_up(bad_up): pass
def test_bad_down(bad_down): pass
def test_bad_both(bad_down): assert 0
def test_no_such_fixture(nobody_has_it): pass
class TestClass:
    @pytest.fixture(autouse=True, scope="class")
    def of_class(self): yield
    def test_a(self): self.seen = 1
    def test_b(self): assert not hasattr(self, "seen")
class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls): cls.up = True
    def test_up(self): self.assertTrue(self.up)
    def test_fails(self): self.fail("no")
    @unittest.skip("why")
    def test_skipped(self): pass
    @unittest.expectedFailure
    def test_expected(self): self.fail()
    @unittest.expectedFailure
    def test_unexpected(self): pass
    def test_skip_test(self): raise unittest.SkipTest("late")
    def test_sub(self):
        for i in range(3):
            with self.subTest(i=i): self.assertNotEqual(i, 1)
class Down(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise RuntimeError("class")
    def test_1(self): pass
    def test_2(self): pass
""",
    "test_params.py": """
import pytest
@pytest.mark.parametrize("text", ["a b", "x[y]::z", "\\x00", "\\n", "", "back\\\\slash", "\\u00e9", "/", "'\\"", "a" * 50])
def test_text(text): pass
@pytest.mark.parametrize("number", [1, 2, 3], ids=lambda n: "n%d" % n)
@pytest.mark.parametrize("flag", [True, None])
def test_two(number, flag): assert number != 2
def test_both(both, session_thing): assert both
def test_same(both): pass
""",
    "test_broken.py": "import nothing_of_that_name\n",
    "test_skipped.py": "import pytest\npytest.skip('not here', allow_module_level=True)\n",
    "sub/conftest.py": "import pytest\n@pytest.fixture\ndef word(): return 'sub'\n",
    "sub/test_sub.py": "def test_word(word): assert word == 'sub'\n",
    "sub/test_text.txt": ">>> 1 + 1\n2\n",
}


@pytest.mark.parametrize("how", ["fork", "fresh"])
def test_ids_and_outcomes_are_those_of_plain_pytest(
    python: str, here: Agent, tmp_path: Path, how: str
) -> None:
    project = lay(tmp_path / "project", PROJECT)
    also = "--doctest-glob=test*.txt"
    reset = ["-o", "addopts=", "-p", "no:cacheprovider", "--continue-on-collection-errors"]
    expected = plain(python, project, *reset, also)
    lanes = Lanes(here, project, python, also)
    assert sorted(lanes.ids) == sorted(expected)
    worker = lanes.worker(how)
    worker.ran(*lanes.ids)
    assert outcomes(worker) == expected
    assert not (project / "report.xml").exists()
    assert not (project / ".pytest_cache/v/cache/lastfailed").exists()


def test_order_does_not_matter_and_any_id_can_run_again(here: Agent, tmp_path: Path) -> None:
    project = lay(tmp_path / "project", PROJECT)
    lanes = Lanes(here, project, sys.executable)
    first, second = lanes.fork(), lanes.fork()
    first.ran(*lanes.ids)
    second.ran(*reversed(lanes.ids))
    assert outcomes(first) == outcomes(second)
    again = second.ran(*lanes.ids)
    assert {told.test_id: told.status for told in again} == outcomes(first)


def test_what_passes_though_an_xfail_expected_it_to_fail_fails_no_run(
    here: Agent, tmp_path: Path
) -> None:
    """Only a strict one does, as in pytest."""
    text = """
import pytest
@pytest.mark.xfail(reason="to be mended")
def test_lenient(): pass
@pytest.mark.xfail(strict=True)
def test_strict(): pass
def test_plain(): pass
"""
    lanes = Lanes(here, lay(tmp_path / "project", {"test_x.py": text}), sys.executable)
    lenient, strict, plain = lanes.fork().ran(*lanes.ids)
    assert (lenient.status, strict.status, plain.status) == ("success", "fail", "success")
    assert [told.tags for told in (lenient, strict, plain)] == [{"xpass"}, set(), set()]
    reason = "It passed, and an xfail expected it to fail: to be mended"
    assert lenient.details == {"reason": reason}


def test_a_file_that_cannot_be_collected_tells_its_own_lines_only(
    here: Agent, tmp_path: Path
) -> None:
    """Not those of pytest and ``importlib``, by which it came there."""
    files = {
        "test_i.py": "import lib\ndef test_a(): pass\n",
        "lib.py": "import nothing_of_this_name\n",
        "test_s.py": "def test_b(: pass\n",
    }
    lanes = Lanes(here, lay(tmp_path / "project", files), sys.executable)
    missing, wrong = (told.details["traceback"] for told in lanes.fork().ran(*lanes.ids))
    assert "test_i.py:1: in <module>\n    import lib\nlib.py:1: in <module>\n" in missing
    assert "E   ModuleNotFoundError: No module named 'nothing_of_this_name'" in missing
    assert wrong.splitlines()[1:] == [
        "E       def test_b(: pass",
        "E                  ^",
        "E   SyntaxError: invalid syntax",
    ]
    assert "importlib" not in missing
