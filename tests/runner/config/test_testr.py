"""``.testr.conf`` and stestr's configuration, as testr and stestr read them."""

from __future__ import annotations

import sys

import pytest

from testlanes.runner.config.overrides import Overrides
from testlanes.runner.errors import UserError
from testlanes.runner.settings import CommandSuite, UnittestSuite

from .conftest import Project

COMMAND = "test_command=%s $LISTOPT $IDOPTION\n"
OPTIONS = "test_id_option=--load-list $IDFILE\ntest_list_option=--list\n"


def conf(command: str, more: str = OPTIONS) -> str:
    """Return a ``.testr.conf``."""
    return f"[DEFAULT]\n{COMMAND % command}{more}"


class TestTestr:
    def test_any_command_is_run_as_it_is(self, project: Project) -> None:
        project.write(
            ".testr.conf",
            conf(
                "go test | go2subunit",
                "test_id_option=-i $IDLIST\ntest_list_option=-l\ntest_id_list_default=all\n",
            ),
        )

        profile = project.profile()
        assert profile.python == ""
        assert profile.suite == CommandSuite(
            "go test | go2subunit $LISTOPT $IDOPTION", "-i $IDLIST", "-l", "all"
        )
        assert project.load().origins["suite"] == ".testr.conf"

    def test_arguments_are_quoted_for_the_shell(self, project: Project) -> None:
        project.write(".testr.conf", conf("./go"))

        assert project.profile(Overrides(args=("a b", "$(x)"))).suite == CommandSuite(
            "./go $LISTOPT $IDOPTION 'a b' '$(x)'", "--load-list $IDFILE", "--list"
        )

    def test_plain_unittest_runs_in_our_own_lanes(self, project: Project) -> None:
        python = project.program("~/bin/python")
        project.write(
            ".testr.conf",
            conf("A=1 B=${B:-2} \\\n    ${PYTHON:-python} -m subunit.run discover -t ./ ./t"),
        )

        profile = project.profile()
        assert profile.suite == UnittestSuite("./t", top="./")
        assert profile.env == {"A": "1", "B": "2"}
        assert profile.python == str(python)
        assert project.load().problems == ()

    @pytest.mark.parametrize(
        "overrides", [Overrides(native=False), Overrides(args=("--failfast",))]
    )
    def test_plain_unittest_stays_a_command_where_that_is_needed(
        self, project: Project, overrides: Overrides
    ) -> None:
        project.write(".testr.conf", conf("python -m subunit.run discover ."))

        assert isinstance(project.profile(overrides).suite, CommandSuite)

    def test_native_can_be_forbidden_by_the_project(self, project: Project) -> None:
        project.write(".testr.conf", conf("python -m subunit.run discover ."))
        project.write("testlanes.toml", "native = false")

        assert isinstance(project.profile().suite, CommandSuite)

    def test_the_interpreter_is_the_one_the_shell_would_start(self, project: Project) -> None:
        project.program("~/bin/python")
        own = project.program("tools/py")
        project.write(".testr.conf", conf("${PYTHON:-python} -m subunit.run discover ."))
        project.environ["PYTHON"] = "./tools/py"

        assert project.profile().python == str(own)

    def test_without_that_interpreter_the_projects_is_used_and_told(self, project: Project) -> None:
        project.environ["PATH"] = "/nowhere"
        project.write(".testr.conf", conf("python -m subunit.run discover ."))

        settings = project.load()
        assert settings.profiles[0].python == sys.executable
        (problem,) = settings.problems
        assert problem.startswith(".testr.conf: there is no python here;")

    def test_an_interpreter_given_reaches_a_command_as_PYTHON(self, project: Project) -> None:  # noqa: N802
        python = project.program("tools/python")
        project.write(".testr.conf", conf("${PYTHON} run.py"))

        assert project.profile(Overrides(python="tools/python")).env == {"PYTHON": str(python)}

    def test_every_other_key_arrives(self, project: Project) -> None:
        more = OPTIONS + "group_regex=([^.]+\\.)+\nfilter_tags=a b\n"
        more += "instance_provision=p $INSTANCE_COUNT\ninstance_execute=e $INSTANCE_ID\n"
        more += "instance_dispose=d\ntest_run_concurrency=echo %%5\n"
        project.write(".testr.conf", conf("./go", more))

        settings = project.load()
        assert settings.group_regex == r"([^.]+\.)+"
        assert settings.filter_tags == ("a", "b")
        assert settings.instance_provision == "p $INSTANCE_COUNT"
        assert settings.instance_execute == "e $INSTANCE_ID"
        assert settings.instance_dispose == "d"
        assert settings.concurrency_command == "echo %5"
        assert settings.origins["filter_tags"] == ".testr.conf"

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("[DEFAULT]\n", "test_command is missing"),
            ("[DEFAULT]\ntest_comand=x\n", "test_command is missing. .*'test_command' meant"),
            (
                "[DEFAULT]\ntest_command=x $IDOPTION\n",
                "uses .IDOPTION, and test_id_option is missing",
            ),
            (
                "[DEFAULT]\ntest_command=x $LISTOPT\n",
                "uses .LISTOPT, and test_list_option is missing",
            ),
            ("[DEFAULT]\ntest_command=date +%s\n", "test_command has a percent sign on its own"),
            ("[DEFAULT]\ntest_command=x\ntest_command=y\n", "line 3: test_command is there twice"),
            ("[DEFAULT]\ntest_command=x\ngarbage\n", "line 3 is not KEY=VALUE"),
            ("test_command=x\n", "line 1 is before any section"),
            (conf("x", OPTIONS + "group_regex=(\n"), "group_regex '\\(' is not a regular"),
        ],
    )
    def test_what_is_wrong_is_told(self, project: Project, text: str, says: str) -> None:
        project.write(".testr.conf", text)

        with pytest.raises(UserError, match=says) as caught:
            project.load()
        assert str(project.root / ".testr.conf") in caught.value.message

    def test_an_unknown_key_is_ignored_as_by_testr_and_told(self, project: Project) -> None:
        project.write(".testr.conf", conf("x", OPTIONS + "group_regexp=x\n"))

        assert project.load().problems == (
            ".testr.conf: testr has no key group_regexp; it is ignored. Is 'group_regex' meant?",
        )


class TestStestr:
    def test_an_unknown_key_is_not_taken_for_one_that_is_there(self, project: Project) -> None:
        project.write(".stestr.conf", "[DEFAULT]\ntest_path=./unit\ntop_path=./\n")

        [told] = project.load().problems
        assert told.startswith(".stestr.conf: stestr has no key top_path; it is ignored.")
        assert "top_dir" in told
        assert "test_path" not in told

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            (".stestr.conf", "[DEFAULT]\ntest_path=./unit\ntop_dir=./top\nparallel_class=True\n"),
            (
                "pyproject.toml",
                '[tool.stestr]\ntest_path = "./unit"\ntop_dir = "./top"\nparallel_class = true\n',
            ),
            (
                "tox.ini",
                "[testenv]\nx = %\n[stestr]\ntest_path=./unit\ntop_dir=./top\nparallel_class=yes\n",
            ),
        ],
    )
    def test_it_is_found_in_any_of_its_places(self, project: Project, name: str, text: str) -> None:
        project.write(name, text)

        settings = project.load()
        assert settings.profiles[0].suite == UnittestSuite("./unit", top="./top")
        assert settings.group_regex == r"([^\.]*\.)*"
        assert settings.repository == str(project.root / ".stestr")
        assert settings.origins["suite"].startswith(name)

    def test_its_own_file_comes_first(self, project: Project) -> None:
        project.write("tox.ini", "[stestr]\ntest_path=./tox\n")
        project.write("pyproject.toml", '[tool.stestr]\ntest_path="./pyproject"\n')
        assert project.profile().suite == UnittestSuite("./pyproject", top="./")

        project.write(".stestr.conf", "[DEFAULT]\ntest_path=./own\ngroup_regex=x\n")
        assert project.profile().suite == UnittestSuite("./own", top="./")
        assert project.load().group_regex == "x"

    def test_PYTHON_is_the_interpreter(self, project: Project) -> None:  # noqa: N802
        python = project.program("~/bin/python-x")
        project.write(".stestr.conf", "[DEFAULT]\ntest_path=./t\n")
        project.environ["PYTHON"] = "python-x"

        assert project.profile().python == str(python)

    def test_PYTHON_that_is_more_than_an_interpreter_is_run_by_the_shell(  # noqa: N802
        self, project: Project
    ) -> None:
        project.write(".stestr.conf", "[DEFAULT]\ntest_path=./a b\n")
        project.environ["PYTHON"] = "coverage run --parallel-mode"

        assert project.profile().suite == CommandSuite(
            '${PYTHON} -m stestr.subunit_runner.run discover -t "./" "./a b" $LISTOPT $IDOPTION',
            "--load-list $IDFILE",
            "--list",
        )

    @pytest.mark.parametrize(
        ("name", "text", "says"),
        [
            (".stestr.conf", "[DEFAULT]\n", "test_path is missing"),
            (".stestr.conf", "[DEFAULT]\ntest_path=a\nparallel_class=x\n", "parallel_class is 'x'"),
            (".stestr.conf", "[DEFAULT]\ntest_path=a\ngroup_regex=(\n", "group_regex '\\('"),
            ("pyproject.toml", "[tool.stestr]\ntest_path=3\n", "test_path is 3, not a text"),
        ],
    )
    def test_what_is_wrong_is_told(self, project: Project, name: str, text: str, says: str) -> None:
        project.write(name, text)

        with pytest.raises(UserError, match=says):
            project.load()

    def test_test_path_may_come_from_the_command_line(self, project: Project) -> None:
        project.write(".stestr.conf", "[DEFAULT]\n")

        assert project.profile(Overrides(start="t")).suite == UnittestSuite("t", top="./")
