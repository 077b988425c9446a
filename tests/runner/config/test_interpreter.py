"""Which Python runs the tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from testlanes.runner.config.interpreter import candidates, is_private, why_broken, why_missing
from testlanes.runner.config.overrides import Overrides
from testlanes.runner.errors import UserError

from .conftest import Project


def test_the_active_environment_then_the_projects_then_ours(project: Project) -> None:
    assert project.profile().python == sys.executable
    assert project.load().origins["profiles.default.python"] == "the Python that runs testlanes"

    inside = project.program(".venv/bin/python")
    assert project.profile().python == sys.executable  # no pyvenv.cfg: no environment
    project.write(".venv/pyvenv.cfg", "version = 3.11.7")
    assert project.profile().python == str(inside)
    assert project.load().origins["profiles.default.python"] == "the project's .venv"

    active = project.program("~/env/bin/python3")
    project.environ["VIRTUAL_ENV"] = str(project.home / "env")
    assert project.profile().python == str(active)

    own = project.program("bin/py")
    project.write("testlanes.toml", 'python = "bin/py"')
    assert project.profile().python == str(own)
    assert project.load().origins["profiles.default.python"] == "testlanes.toml"

    assert project.profile(Overrides(python=sys.executable)).python == sys.executable


def test_an_active_environment_without_python_is_told(project: Project) -> None:
    project.environ["VIRTUAL_ENV"] = "/nowhere"

    assert project.load().problems == (
        "VIRTUAL_ENV is /nowhere, where no Python is; it is passed over.",
    )


def test_an_interpreters_link_is_not_followed(project: Project) -> None:
    """The link is what makes Python find its environment."""
    python = project.root / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    project.write(".venv/pyvenv.cfg")

    assert project.profile().python == str(python)


@pytest.mark.parametrize(
    ("file", "private"),
    [
        ("pipx/venvs/testlanes/pipx_metadata.json", True),
        ("uv/tools/testlanes/uv-receipt.toml", True),
        ("uv/archive-v0/abc/pyvenv.cfg", True),
        ("project/.venv/pyvenv.cfg", False),
    ],
)
def test_a_tools_private_environment_is_not_the_projects(
    tmp_path: Path, file: str, private: bool
) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text("")

    assert is_private(path.parent) is private


def test_a_name_is_looked_for_in_the_project_first_then_on_path(project: Project) -> None:
    project.program("~/bin/python3.11")
    project.program("~/.pyenv/versions/3.11.9/bin/python")
    project.program("~/.pyenv/versions/3.11.10t/bin/python")
    project.program(".venv-x/bin/python")
    project.write(".venv-x/pyvenv.cfg", "home = /usr\nversion_info = 3.11.4.final.0\n")
    project.program(".nox/tests-3-11/bin/python")
    project.program(".tox/py311/bin/python")
    project.environ["PATH"] = str(project.home / "bin")

    def origins(word: str) -> list[str]:
        return [found.origin for found in candidates(word, project.root, project.environ)]

    expected = [".tox/py311", ".venv-x", "python3.11 on PATH", "pyenv's 3.11.9"]
    assert origins("py311") == expected
    assert origins("3.11") == expected[1:]
    assert origins("tests-3.11") == [".nox/tests-3-11"]
    assert origins("py312") == []
    assert origins(".venv-x") == [".venv-x"]
    project.program("own/bin/python")
    project.write("own/pyvenv.cfg")
    assert origins("own") == ["own"]


def test_an_interpreter_is_asked_whether_it_works(project: Project) -> None:
    root, environ = project.root, project.environ
    old = project.program("old", "echo testlanes 3 7")
    broken = project.program("broken", "echo one >&2; echo no such version >&2; exit 127")
    silent = project.program("silent", "exit 3")
    other = project.program("other", "exit 0")
    shim = project.program(
        "shim", 'echo "pyenv: python2.7: command not found\n\n  Note." >&2; exit 127'
    )

    assert why_broken(sys.executable, root, environ) == ""
    assert why_broken(str(old), root, environ).startswith("it is Python 3.7")
    assert why_broken(str(broken), root, environ) == "it does not start: no such version"
    assert why_broken(str(silent), root, environ) == "it does not start: exit code 3"
    assert why_broken(str(other), root, environ) == "it is no Python"
    assert why_broken(str(shim), root, environ).endswith(
        "start: pyenv: python2.7: command not found"
    )
    assert why_broken("/nowhere", root, environ).startswith("it does not start: No such file")


def test_the_reason_that_helps_is_told(project: Project) -> None:
    """pyenv has a shim for a Python that is too old: that it is too old is what is wrong."""
    project.program("~/bin/python3.7", "echo no such version >&2; exit 127")
    project.program("~/.pyenv/versions/3.7.1/bin/python", "echo testlanes 3 7")
    project.write("testlanes.toml", "[profiles.py37]")

    with pytest.raises(UserError, match=r"it is Python 3\.7, and testlanes needs"):
        project.load()


def test_why_nothing_is_found(project: Project) -> None:
    def why(word: str) -> str:
        assert not list(candidates(word, project.root, project.environ))
        return why_missing(word, project.root, project.environ)

    (project.root / "tests").mkdir()
    project.write("text.py")
    project.write("gone/pyvenv.cfg")
    (project.root / "gone/bin").mkdir()
    (project.root / "gone/bin/python").symlink_to("/usr/bin/python3.77")
    leads = "there is no interpreter gone/bin/python any more: it leads to /usr/bin/python3.77."
    assert why("python3.77").startswith("no Python is called python3.77, neither in .tox")
    assert why("gone") == why("gone/bin/python") == leads
    assert why("./tests") == "there is no Python in ./tests."
    assert why("./text.py") == "./text.py is no program: it may not be executed."
    assert why("a/b") == "there is no interpreter a/b."
