"""Which tests a change affects: by what was read, by what sources import, and all where nobody can know."""

from __future__ import annotations

import pytest

from testlanes.runner.affected import Affected, Change, ImportGraph, TestFiles, Uses
from testlanes.runner.affected.imports import imports_of

FILES = {
    "lib/__init__.py": "",
    "lib/quota.py": "from . import units\nimport lib.errors as e\n",
    "lib/units.py": "",
    "lib/errors.py": "",
    "lib/spare.py": "",
    "src/tool/__init__.py": "",
    "src/tool/core.py": "from .deep.er import thing\n",
    "src/tool/deep/__init__.py": "",
    "src/tool/deep/er.py": "thing = 1\n",
    "tests/__init__.py": "",
    "tests/conftest.py": "from lib.errors import E\n",
    "tests/helper.py": "",
    "tests/test_quota.py": "def test_a():\n    from lib import quota\n",
    "tests/test_tool.py": "import tool.core\nimport helper\n",
    "tests/api/test_api.py": "import json\n",
    "tests/api/data.json": "{}",
    "docs/conf.py": "",
}
TESTS = ("tests/test_quota.py", "tests/test_tool.py", "tests/api/test_api.py")


def graph(files: dict[str, str] = FILES) -> ImportGraph:
    return ImportGraph(
        lambda path: files[path].encode() if path in files else None, files.__contains__
    )


def affected(
    *paths: str, how: str = "modified", uses: Uses | None = None, files: dict[str, str] = FILES
) -> Affected:
    changes = [Change(path, how) for path in paths]  # type: ignore[arg-type]
    return (uses or Uses()).affected(changes, graph(files), TESTS)


def which(found: Affected) -> set[str]:
    assert not found.everything
    return {name for name in found.reasons if name in TESTS}


@pytest.mark.parametrize(
    ("changed", "tests"),
    [
        ("lib/quota.py", {"tests/test_quota.py"}),
        ("lib/units.py", {"tests/test_quota.py"}),
        ("src/tool/deep/er.py", {"tests/test_tool.py"}),
        ("src/tool/__init__.py", {"tests/test_tool.py"}),
        ("tests/helper.py", {"tests/test_tool.py"}),
        ("tests/test_tool.py", {"tests/test_tool.py"}),
        ("lib/errors.py", set(TESTS)),  # the conftest above all of them imports it
        ("tests/conftest.py", set(TESTS)),
    ],
)
def test_what_sources_import_is_followed_to_the_tests(changed: str, tests: set[str]) -> None:
    found = affected(changed)
    assert which(found) == tests
    assert set(found.reasons.values()) == {changed}


def test_what_a_run_read_counts_for_its_reader_and_all_that_use_that() -> None:
    uses = Uses()
    uses.note([("read", "tests/api/test_api.py", "tests/api/data.json")])
    uses.note(
        [("read", "::tests/test_tool.py::test_b", "notes.txt"), ("read", "lib/units.py", "u.sql")]
    )
    assert which(affected("tests/api/data.json", uses=uses)) == {"tests/api/test_api.py"}
    assert "::tests/test_tool.py::test_b" in affected("notes.txt", uses=uses).reasons
    assert which(affected("u.sql", uses=uses)) == {"tests/test_quota.py"}


def test_a_file_that_comes_or_goes_affects_who_listed_its_folder() -> None:
    uses = Uses()
    uses.note([("list", "tests/test_tool.py", "plugins")])
    assert which(affected("plugins/new.txt", how="added", uses=uses)) == {"tests/test_tool.py"}
    assert which(affected("plugins/old.txt", how="deleted", uses=uses)) == {"tests/test_tool.py"}
    assert which(affected("plugins/old.txt", uses=uses)) == set()


def test_what_starts_a_process_is_affected_by_everything() -> None:
    uses = Uses()
    uses.note([("start", "tests/test_tool.py", "")])
    assert which(affected("README.md", uses=uses)) == {"tests/test_tool.py"}


def test_a_module_that_nobody_is_known_to_use_runs_everything_and_another_file_nothing() -> None:
    assert affected("docs/conf.py").everything == "docs/conf.py"
    found = affected("README.md")
    assert not found.everything
    assert found.unused == ("README.md",)


def test_what_the_framework_itself_read_affects_everything() -> None:
    uses = Uses()
    uses.note([("read", "*", "pytest.ini")])
    assert affected("pytest.ini", uses=uses).everything == "pytest.ini"


def test_all_that_import_by_made_up_names_share_what_one_of_them_was_seen_to_import() -> None:
    files = {
        **FILES,
        "tests/test_tool.py": "import importlib\nimportlib.import_module(NAME)\n",
        "tests/test_quota.py": "import importlib\nimportlib.import_module(NAME)\n",
    }
    uses = Uses()
    uses.note([("read", "tests/test_tool.py", "lib/spare.py")])
    assert which(affected("lib/spare.py", uses=uses, files=files)) == {
        "tests/test_tool.py",
        "tests/test_quota.py",
    }


def test_names_in_dynamic_imports_are_read_where_they_are_written_out() -> None:
    found = imports_of(b"import_module('.x.y', __package__)\n__import__('lib.quota')\n")
    assert found is not None
    assert set(found.names) == {(1, "x.y"), (0, "lib.quota")}
    assert not found.dynamic
    assert imports_of(b"import_module(name)") == imports_of(b"__import__(name)")
    assert imports_of(b"def (:") is None


@pytest.mark.parametrize(
    ("test_id", "file"),
    [
        ("tests/api/test_api.py::TestX::test_y[a.b::c]", "tests/api/test_api.py"),
        ("tests/api/test_api.py", "tests/api/test_api.py"),
        ("tests.test_quota.QuotaTest.test_a", "tests/test_quota.py"),
        ("test_quota.QuotaTest.test_a(scenario.x)", "tests/test_quota.py"),
        ("setUpClass (tests.test_quota.QuotaTest)", "tests/test_quota.py"),
        ("unittest.loader._FailedTest.tests.test_quota", "tests/test_quota.py"),
        ("tests.QuotaTest.test_a", "tests/__init__.py"),
        ("nothing.like.this", None),
    ],
)
def test_an_id_leads_to_its_file(test_id: str, file: str | None) -> None:
    assert TestFiles(FILES.__contains__, ("", "tests")).of(test_id) == file


def test_what_implicitly_used_a_file_that_is_gone_is_affected() -> None:
    files = {name: text for name, text in FILES.items() if name != "tests/conftest.py"}
    one = graph(files)
    assert not Uses().affected(
        [Change("tests/conftest.py", "deleted")], one, TESTS
    ).reasons.keys() & {*TESTS}
    one.resolve_anew(["tests/conftest.py"])
    found = Uses().affected([Change("tests/conftest.py", "deleted")], one, TESTS)
    assert which(found) == set(TESTS)
