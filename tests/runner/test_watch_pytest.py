"""What a watch keeps of pytest from one save to the next, and what it never does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .watching import Watching

TESTS = "import lib\ndef test_x(given):\n    assert lib.X == given\n"
CONFTEST = "import pytest\n@pytest.fixture\ndef given():\n    return {}\n"


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[..., Watching]]:
    """Return what starts to watch a project of one test, its files and those given."""
    begun: list[Watching] = []

    def start(**files: str) -> Watching:
        files = {
            "pytest_ini": "[pytest]\npythonpath = .\n",
            "conftest_py": CONFTEST.format(1),
        } | files
        for name, text in {"lib_py": "X = 1\n", "test_lib_py": TESTS, **files}.items():
            path = tmp_path / ".".join(name.rsplit("_", 1))
            path.write_text(text)
        one = Watching(tmp_path)
        begun.append(one)
        assert one.cycle()["counts"] == {"success": 1}
        return one

    yield start
    for one in begun:
        one.end()


def image(one: Watching) -> str:
    """Save until there is a warm image, and return what is said of it."""
    for number in range(100):
        told = one.cycle_of("lib.py", f"X = 1  # {number}\n")
        assert told["counts"] == {"success": 1}
        if "ready" in (state := told["images"].get("default", "")):
            return state
    raise AssertionError("there never was an image")


def test_no_module_and_no_conftest_is_stale_where_pytest_is_kept_begun(
    begin: Callable[..., Watching],
) -> None:
    one = begin()
    assert "anew" not in image(one)
    for number in (2, 1, 3, 1):  # as long as before, and within a second
        for name, text in (("lib.py", f"X = {number}\n"), ("conftest.py", CONFTEST.format(number))):
            told = one.cycle_of(name, text)
        assert told["counts"] == {"success": 1}
        assert one.cycle_of("lib.py", "X = 4\n")["counts"] == {"fail": 1}
        assert one.cycle_of("lib.py", f"X = {number}\n")["counts"] == {"success": 1}
    assert one.cycle_of("lib.py", "X = 4\n")["counts"] == {"fail": 1}


def test_a_plugin_of_the_projects_own_is_loaded_anew_and_that_is_told(
    begin: Callable[..., Watching],
) -> None:
    ini = "[pytest]\npythonpath = .\naddopts = -p plugin\n"
    one = begin(pytest_ini=ini, conftest_py="", plugin_py=CONFTEST.format(1))
    assert "pytest begins anew each time: pytest loads plugin before anything else" in image(one)
    assert one.cycle_of("plugin.py", CONFTEST.format(2))["counts"] == {"fail": 1}
    assert one.cycle_of("plugin.py", CONFTEST.format(1))["counts"] == {"success": 1}


def test_pytest_is_configured_anew_when_what_configures_it_changed(
    begin: Callable[..., Watching],
) -> None:
    own = "[pytest]\npythonpath = .\npython_functions = {}\n"
    settings = 'framework = "pytest"\nargs = ["-c", "own.cfg"]\n'
    one = begin(
        own_cfg=own.replace("[pytest]", "[tool:pytest]").format("test_*"), testlanes_toml=settings
    )
    assert "anew" not in image(one)
    more = TESTS + "def check_x(given):\n    assert 0\n"
    assert one.cycle_of("test_lib.py", more)["counts"] == {"success": 1}
    changed = own.replace("[pytest]", "[tool:pytest]").format("check_*")
    assert one.cycle_of("own.cfg", changed)["counts"] == {"fail": 1}


def test_the_tests_that_bear_the_name_of_what_changed_come_first(tmp_path: Path) -> None:
    folder, order = tmp_path / "project", tmp_path / "order"
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\npythonpath = .\n")
    (folder / "quota.py").write_text("X = 1\n")
    for name in ("a", "quota", "z"):
        note = f"    with open({str(order)!r}, 'a') as file:\n        file.write('{name} ')\n"
        (folder / f"test_{name}.py").write_text(f"import quota\ndef test_it():\n{note}")
    one = Watching(folder, "-j1")
    try:
        assert one.cycle()["counts"] == {"success": 3}
        order.unlink()
        assert one.cycle_of("quota.py", "X = 2\n")["counts"] == {"success": 3}
        assert order.read_text().startswith("quota ")
    finally:
        one.end()


def test_workers_that_load_by_themselves_come_from_the_image_too(
    begin: Callable[..., Watching], tmp_path_factory: pytest.TempPathFactory
) -> None:
    half = "@pytest.hookimpl(optionalhook=True)\ndef pytest_configure_node(node):\n    pass\n"
    conftest = CONFTEST + half
    note = tmp_path_factory.mktemp("beside") / "parents"
    parent = f"    with open({str(note)!r}, 'a') as file:\n        print(os.getppid(), file=file)\n"
    one = begin(conftest_py=conftest.format(1), test_lib_py="import os\n" + TESTS + parent)
    image(one)
    for number in (2, 1, 3):
        for name, text in (("lib.py", f"X = {number}\n"), ("conftest.py", conftest.format(number))):
            told = one.cycle_of(name, text)
        assert told["counts"] == {"success": 1}
    assert one.cycle_of("lib.py", "X = 4\n")["counts"] == {"fail": 1}
    parents = note.read_text().split()
    assert parents[0] != parents[-1] == parents[-2]  # the agent, and then an image that stays
