"""What a project lies there with, and the settings that come of it."""

from __future__ import annotations

import sys

import pytest

from testlanes.runner.config.overrides import Overrides
from testlanes.runner.errors import UserError
from testlanes.runner.ids import DEFAULT_PROFILE, LOCAL, HostName
from testlanes.runner.settings import CommandSuite, PytestSuite, UnittestSuite

from .conftest import Project

TESTR = """[DEFAULT]
test_command=${PYTHON:-python} -m subunit.run discover ./t $LISTOPT $IDOPTION
test_id_option=--load-list $IDFILE
test_list_option=--list
"""
STESTR = "[DEFAULT]\ntest_path=./unit\n"
PYTEST_TEST = "import pytest\n\ndef test_a():\n    pass\n"
UNITTEST_TEST = (
    "import unittest\n\nclass T(unittest.TestCase):\n    def test_a(self):\n        pass\n"
)


class TestZeroConfiguration:
    def test_an_empty_folder_is_unittests(self, project: Project) -> None:
        settings = project.load()

        (profile,) = settings.profiles
        assert profile.suite == UnittestSuite()
        assert profile.name == DEFAULT_PROFILE
        assert profile.hosts == (LOCAL,)
        assert settings.all_profiles == ()
        assert settings.problems == ()
        assert settings.root == str(project.root)
        assert settings.origins["concurrency"] == "default"

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("pytest.ini", ""),
            (".pytest.ini", "[pytest]\naddopts = %s\n"),
            ("pytest.toml", ""),
            ("pyproject.toml", "[tool.pytest.ini_options]\n"),
            ("pyproject.toml", "[tool.pytest]\n"),
            ("tox.ini", "[testenv]\nx = %\n[pytest]\naddopts=-q\n"),
            ("setup.cfg", "[tool:pytest]\naddopts=-q\n"),
            ("setup.cfg", "[tool:pytest]\nlog_format = %(message)s\n"),
            ("tests/test_x.py", PYTEST_TEST),
            ("tests/deep/x_test.py", "async def test_a(): ..."),
            ("tests/conftest.py", ""),
        ],
    )
    def test_pytest_is_seen_by_its_configuration_and_by_tests_only_it_runs(
        self, project: Project, name: str, text: str
    ) -> None:
        project.write(name, text)

        assert project.profile().suite == PytestSuite()

    @pytest.mark.parametrize(
        "name", ["test_x.py", "venv/test_y.py", ".tox/py/test_y.py", "help.py"]
    )
    def test_unittest_is_what_is_left(self, project: Project, name: str) -> None:
        project.write(name, PYTEST_TEST if "/" in name else UNITTEST_TEST)

        assert project.profile().suite == UnittestSuite()

    def test_a_function_that_returns_a_suite_is_no_test_of_pytests(self, project: Project) -> None:
        project.write("test_x.py", f"{UNITTEST_TEST}\ndef test_suite():\n    ...\n")
        assert project.profile().suite == UnittestSuite()

        project.write("test_x.py", "def test_suites(): ...\n")
        assert project.profile().suite == PytestSuite()

    def test_unittest_begins_in_a_tests_folder_that_is_no_package(self, project: Project) -> None:
        project.write("tests/test_x.py", UNITTEST_TEST)
        assert project.profile().suite == UnittestSuite("tests")

        project.write("tests/__init__.py")
        assert project.profile().suite == UnittestSuite()

    def test_pytest_that_is_missing_is_told(self, project: Project) -> None:
        project.program("~/bin/nopytest", f'exec "{sys.executable}" -S -E "$@"')
        python = Overrides(python="nopytest")
        project.write("test_x.py", PYTEST_TEST)
        settings = project.load(python)
        assert settings.profiles[0].suite == UnittestSuite()
        other = "Is it the wrong Python? Activate the project's environment, or give --python."
        lacks = f"{settings.profiles[0].python} has no pytest"
        assert settings.problems == (
            f"test_x.py looks like pytest, but {lacks}: unittest runs them. {other}",
        )

        project.write("pytest.ini", "[pytest]")
        settings = project.load(python)
        assert settings.profiles[0].suite == PytestSuite()
        assert settings.problems == (f"pytest.ini is there, but {lacks}. {other}",)

    def test_a_django_project_is_told_how_its_tests_run(self, project: Project) -> None:
        set_up = "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'my.settings')"
        project.write("manage.py", set_up)
        project.write("polls/tests.py", UNITTEST_TEST)
        (told,) = project.load().problems
        assert "testlanes --framework pytest -- --ds=my.settings -o python_files=" in told

        project.write("manage.py", "import nothing")
        assert project.load().problems == ()
        project.write("manage.py", set_up)
        project.write("pytest.ini", "[pytest]\nDJANGO_SETTINGS_MODULE = my.settings")
        assert project.load().problems == ()

    def test_testr_and_stestr_say_how_tests_are_run_and_win_over_pytest(
        self, project: Project
    ) -> None:
        project.write("pytest.ini", "[pytest]")
        project.write(".stestr.conf", STESTR)
        settings = project.load()
        assert settings.profiles[0].suite == UnittestSuite("./unit", top="./")
        assert settings.repository == str(project.root / ".stestr")
        assert settings.repository_format == "stestr"

        assert project.profile(Overrides(framework="pytest")).suite == PytestSuite()

    @pytest.mark.parametrize(
        ("folders", "name"),
        [
            ((), ".testrepository"),
            ((".stestr",), ".stestr"),
            ((".testrepository",), ".testrepository"),
            ((".stestr", ".testrepository"), ".testrepository"),
        ],
    )
    def test_of_testr_and_stestr_the_one_with_a_repository_is_meant(
        self, project: Project, folders: tuple[str, ...], name: str
    ) -> None:
        project.write(".testr.conf", TESTR)
        project.write(".stestr.conf", STESTR)
        for folder in folders:
            (project.root / folder).mkdir()

        settings = project.load()
        assert settings.repository == str(project.root / name)
        (told,) = [text for text in settings.problems if "is there as well" in text]
        assert told.startswith(".stestr.conf" if name == ".stestr" else ".testr.conf")

    def test_a_folder_inside_a_checkout_belongs_to_the_project_above(
        self, project: Project
    ) -> None:
        (project.root / ".git").mkdir()
        project.write("testlanes.toml", 'framework = "unittest"')
        (project.root / "src" / "pkg").mkdir(parents=True)

        assert project.load(cwd="src/pkg").root == str(project.root)

    def test_without_a_checkout_nothing_above_is_trusted(self, project: Project) -> None:
        project.write("testlanes.toml", 'framework = "unittest"')
        (project.root / "src").mkdir()

        assert project.load(cwd="src").root == str(project.root / "src")


class TestRepository:
    @pytest.mark.parametrize(
        ("there", "found", "form"),
        [
            ((), ".testrepository", "testr"),
            ((".stestr",), ".stestr", "stestr"),
            ((".testrepository",), ".testrepository", "testr"),
            ((".stestr", ".testrepository"), ".testrepository", "testr"),
        ],
    )
    def test_an_existing_one_is_used(
        self, project: Project, there: tuple[str, ...], found: str, form: str
    ) -> None:
        for folder in there:
            (project.root / folder).mkdir()

        settings = project.load()
        assert settings.repository == str(project.root / found)
        assert settings.repository_format == form

    def test_it_can_be_named(self, project: Project) -> None:
        project.write("testlanes.toml", 'repository = "~/runs"')
        assert project.load().repository == str(project.home / "runs")

        project.write("elsewhere/.stestr/format", "1\n")
        settings = project.load(Overrides(repository="elsewhere"))
        assert settings.repository == str(project.root / "elsewhere" / ".stestr")
        assert settings.repository_format == "stestr"
        assert settings.origins["repository"] == "command line"


class TestLayers:
    def test_the_command_line_wins_over_the_project_and_that_over_the_user(
        self, project: Project
    ) -> None:
        project.write("~/.config/testlanes/config.toml", "concurrency = 2")
        assert project.load().concurrency == 2

        project.write("pyproject.toml", "[tool.testlanes]\nconcurrency = 3\ntimeout = 1.5")
        settings = project.load()
        assert (settings.concurrency, settings.timeout) == (3, 1.5)
        assert settings.origins["concurrency"] == "pyproject.toml tool.testlanes.concurrency"

        settings = project.load(Overrides(concurrency=4, timeout=0))
        assert (settings.concurrency, settings.timeout) == (4, None)
        assert settings.origins["concurrency"] == "command line"
        assert project.load(Overrides(serial=True)).concurrency == 1

    def test_keys_and_theme_are_the_users_first(self, project: Project) -> None:
        project.write("testlanes.toml", 'theme = "a"\nkeys = { quit = "q", stop = "x" }')
        project.environ["XDG_CONFIG_HOME"] = str(project.home / "xdg")
        project.write("~/xdg/testlanes/config.toml", 'theme = "b"\nkeys = { quit = "Q" }')

        settings = project.load()
        assert settings.theme == "b"
        assert settings.keys == {"quit": "Q", "stop": "x"}
        assert project.load(Overrides(theme="c")).theme == "c"

    def test_testrs_concurrency_command_is_for_where_nothing_else_is_said(
        self, project: Project
    ) -> None:
        project.write("~/.config/testlanes/config.toml", "concurrency = 2")
        project.write(".testr.conf", TESTR + "test_run_concurrency=echo 3\n")
        settings = project.load()
        assert (settings.concurrency, settings.concurrency_command) == (0, "echo 3")

        settings = project.load(Overrides(concurrency=0))
        assert (settings.concurrency, settings.concurrency_command) == (0, "")

    def test_every_plain_setting_can_be_written(self, project: Project) -> None:
        project.write(
            "testlanes.toml",
            """
            framework = "pytest"
            args = ["-q"]
            grace = 1
            slow_after = 3
            retries = 2
            max_fail = 5
            group_regex = '([^.]+\\.)+'
            plan = "plan.json"
            isolated = true
            fresh = true
            native = false
            env = { TZ = "UTC" }
            hosts = ["local", "builder"]
            known_flaky = ["network"]
            """,
        )

        project.write(
            "~/.config/testlanes/hosts.toml", '[hosts.builder]\nrun = ["ssh", "b"]\nlanes = 8\n'
        )

        settings = project.load(Overrides(args=("-x",), shuffle=7))
        (profile,) = settings.profiles
        assert profile.suite == PytestSuite(("-q", "-x"))
        assert profile.env == {"TZ": "UTC"}
        assert profile.hosts == settings.hosts == ("local", "builder")
        assert settings.reach[HostName("builder")].run == ("ssh", "b")
        assert (settings.grace, settings.slow_after) == (1.0, 3.0)
        assert (settings.retries, settings.max_fail, settings.shuffle) == (2, 5, 7)
        assert settings.group_regex == r"([^.]+\.)+"
        assert settings.plan == str(project.root / "plan.json")
        assert (settings.isolated, settings.fresh, settings.native) == (True, True, False)
        assert settings.known_flaky == ("network",)

    def test_parallel_class_is_stestrs_and_beats_a_regex(self, project: Project) -> None:
        settings = project.load(Overrides(parallel_class=True, group_regex="x"))
        assert settings.group_regex == r"([^\.]*\.)*"


class TestSuites:
    def test_a_command_of_ones_own(self, project: Project) -> None:
        project.write(
            "testlanes.toml",
            'command = "./go $LISTOPT $IDOPTION"\nid_option = "-i $IDFILE"\nlist_option = "-l"',
        )

        assert project.profile(Overrides(args=("a b",))).suite == CommandSuite(
            "./go $LISTOPT $IDOPTION 'a b'", "-i $IDFILE", "-l"
        )

    def test_unittest_takes_discoverys_arguments(self, project: Project) -> None:
        project.write("testlanes.toml", 'start = "tests"\npattern = "*_t.py"')
        assert project.profile().suite == UnittestSuite("tests", "*_t.py")
        assert project.profile(Overrides(start="x", args=("-t", "."))).suite == UnittestSuite(
            "x", "*_t.py", "."
        )

        with pytest.raises(UserError, match="unittest discovery cannot take these arguments: -k a"):
            project.load(Overrides(args=("-k", "a")))

    def test_discoverys_arguments_are_refused_for_pytest(self, project: Project) -> None:
        with pytest.raises(UserError, match="start is for unittest discovery, and pytest runs"):
            project.load(Overrides(start="x", framework="pytest"))

    def test_stestrs_folders_are_read_by_a_shell(self, project: Project) -> None:
        project.write(
            ".stestr.conf", "[DEFAULT]\ntest_path=${OS_TEST_PATH:-./unit tests}\ntop_dir=$TOP\n"
        )
        project.environ["TOP"] = "./top"
        assert project.profile().suite == UnittestSuite("./unit tests", top="./top")

        project.environ["OS_TEST_PATH"] = "./functional"
        assert project.profile().suite == UnittestSuite("./functional", top="./top")

    def test_top_dir_does_not_replace_stestrs_test_path(self, project: Project) -> None:
        project.write(".stestr.conf", STESTR)

        assert project.profile(Overrides(top="x")).suite == UnittestSuite("./unit", top="x")
        assert project.profile(Overrides(start="y")).suite == UnittestSuite("y", top="./")


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("concurency = 3", "testlanes.toml: concurency is no setting", "'concurrency'"),
        ('concurrency = "3"', "concurrency is '3', not a whole number from 0", "concurrency = 4"),
        ("concurrency = true", "concurrency is true, not a whole number", ""),
        ("concurrency = -1", "concurrency is -1, not a whole number from 0", ""),
        ("timeout = nan", "timeout is nan, not a number of seconds", "timeout = 60"),
        ("timeout = false", "timeout is false, not a number of seconds", ""),
        ("isolated = 1", "isolated is 1, not true or false", "isolated = true"),
        ('args = "-x"', "args is '-x', not a list of texts", ""),
        ("args = [1]", r"args is \[1\], not a list of texts", ""),
        ("env = { A = 1 }", "env.A is 1, not a text", ""),
        ('env = { "A=B" = "1" }', "env names a variable 'A=B'", ""),
        ('framework = "nose"', "framework is 'nose', not one of pytest, unittest", ""),
        ('framework = "command"', "the framework is a command, and none is given", "command ="),
        ('command = "x $IDOPTION"', "uses .IDOPTION, and id_option is missing", ""),
        ('framework = "testr"', "the framework is testr .* and it is not configured here", ""),
        ("group_regex = '('", "group_regex '\\(' is not a regular expression", ""),
        ("known_flaky = ['(']", "known_flaky '\\(' is not a regular expression", ""),
        ("python = 'nosuchpython'", "there is no Python called nosuchpython", ""),
        ('hosts.b.run = ["ssh", "b"]', "hosts.b says how a host is reached", "hosts.toml"),
        ('run = ["ssh", "b"]', "run says how a host is reached", "hosts.toml"),
        ("a = 1\nb = = 2", "line 2 is not TOML", ""),
        ("a = 1\n[a", "line 2 is not TOML", ""),
    ],
)
def test_what_is_wrong_is_told_with_file_key_and_what_to_write(
    project: Project, text: str, message: str, hint: str
) -> None:
    project.write("testlanes.toml", text)

    with pytest.raises(UserError, match=message) as caught:
        project.load()
    assert hint in caught.value.hint
    assert "\n" not in caught.value.message


def test_a_key_in_pyproject_is_named_with_its_table(project: Project) -> None:
    project.write("pyproject.toml", "[tool.testlanes]\nretires = 1")

    with pytest.raises(UserError, match=r"pyproject.toml: tool.testlanes.retires is no setting"):
        project.load()


def test_the_users_file_is_strict_too(project: Project) -> None:
    file = project.write("~/.config/testlanes/config.toml", "timeout = 3")

    with pytest.raises(UserError, match=f"{file}: timeout is no setting"):
        project.load()


def test_a_file_that_is_not_utf8_is_told(project: Project) -> None:
    (project.root / "testlanes.toml").write_bytes(b"a = '\xff'")

    with pytest.raises(UserError, match=r"testlanes.toml is not UTF-8"):
        project.load()


def test_testlanes_toml_wins_over_pyproject_and_that_is_told(project: Project) -> None:
    project.write("pyproject.toml", "[tool.testlanes]\nretries = 1")
    project.write("testlanes.toml", "retries = 2")

    settings = project.load()
    assert settings.retries == 2
    assert settings.problems == (
        "testlanes.toml is used, and [tool.testlanes] of pyproject.toml is not.",
    )


class TestConfigurationFile:
    def test_it_may_be_of_any_of_the_three(self, project: Project) -> None:
        project.write("a.toml", "retries = 1")
        project.write("b.toml", "[tool.testlanes]\nretries = 2")
        project.write("c.conf", STESTR)
        project.write("d.conf", TESTR)

        assert project.load(Overrides(config_file="a.toml")).retries == 1
        assert project.load(Overrides(config_file="b.toml")).retries == 2
        assert project.profile(Overrides(config_file="c.conf")).suite == UnittestSuite(
            "./unit", top="./"
        )
        assert project.profile(Overrides(config_file="d.conf")).suite == UnittestSuite("./t")

    @pytest.mark.parametrize(
        ("name", "text", "says"),
        [
            ("gone.toml", None, "There is no file"),
            ("x.conf", "[DEFAULT]\n", "configures neither"),
            ("x.conf", "test_path=.\n", "line 1 is before any section"),
        ],
    )
    def test_what_is_wrong_with_it_is_told(
        self, project: Project, name: str, text: str | None, says: str
    ) -> None:
        if text is not None:
            project.write(name, text)

        with pytest.raises(UserError, match=says):
            project.load(Overrides(config_file=name))


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (Overrides(concurrency=-1), "--concurrency is -1"),
        (Overrides(timeout=float("inf")), "--timeout is inf"),
        (Overrides(framework="pytset"), "There is no framework 'pytset'"),
        (Overrides(profiles=("py311",)), "-p asks for 'py311', and no profiles are configured"),
        (Overrides(group_regex="("), "command line: group_regex '\\(' is not a regular"),
    ],
)
def test_what_is_wrong_on_the_command_line_is_told(
    project: Project, overrides: Overrides, says: str
) -> None:
    with pytest.raises(UserError, match=says):
        project.load(overrides)
