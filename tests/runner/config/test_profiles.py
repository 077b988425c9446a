"""Several configurations of one suite: written as tables, as a product, by tox or by testr's commands."""

from __future__ import annotations

import sys

import pytest

from testlanes.runner.config.load import load_settings
from testlanes.runner.config.overrides import Overrides
from testlanes.runner.config.tox import expand_list
from testlanes.runner.errors import UserError
from testlanes.runner.settings import CommandSuite, PytestSuite, Settings, UnittestSuite

from .conftest import Project


def names(settings: Settings) -> list[str]:
    """Return the names of the profiles that run."""
    return [profile.name for profile in settings.profiles]


BUILDER = '[hosts.builder]\nrun = ["ssh", "builder"]\n'


class TestTables:
    def test_a_profile_has_all_that_is_written(self, project: Project) -> None:
        python = project.program("~/bin/python3.11")
        (project.root / "src").mkdir()
        project.write(
            "testlanes.toml",
            """
            framework = "pytest"
            args = ["-q"]
            env = { A = "1", B = "1" }
            [profiles.py311]
            env = { B = "2" }
            args = ["-x"]
            directory = "src"
            tags = ["sqlite"]
            hosts = ["local", "builder"]
            lanes = 2
            [profiles.other]
            python = "python3.11"
            """,
        )
        project.write("~/.config/testlanes/hosts.toml", BUILDER)

        settings = project.load()
        profile, other = settings.profiles
        assert settings.all_profiles == ("py311", "other")
        assert profile.python == other.python == str(python)  # py311 says it by its name
        assert profile.suite == PytestSuite(("-q", "-x"))
        assert profile.env == {"A": "1", "B": "2"}
        assert profile.directory == str(project.root / "src")
        assert profile.tags == ("sqlite",)
        assert profile.hosts == ("local", "builder")
        assert (profile.lanes, other.lanes) == (2, None)
        assert other.env == {"A": "1", "B": "1"}
        assert settings.origins["profiles.other.python"] == "python3.11 on PATH"

    def test_a_broken_interpreter_is_one_line_and_the_others_run(self, project: Project) -> None:
        project.program("~/bin/bad", "echo bad magic >&2; exit 1")
        project.write(
            "testlanes.toml",
            f"""
            [profiles.good]
            python = "{sys.executable}"
            [profiles.bad]
            python = "bad"
            [profiles.gone]
            python = "python3.77"
            [profiles.nowhere]
            directory = "nowhere"
            """,
        )

        settings = project.load()
        assert names(settings) == ["good"]
        assert settings.all_profiles == ("good", "bad", "gone", "nowhere")
        assert settings.problems == (
            f"profile bad: {project.home}/bin/bad (bad on PATH): it does not start: bad magic.",
            "profile gone: no Python is called python3.77, neither in .tox, .nox and .venv* nor on PATH.",
            "profile nowhere: there is no directory nowhere.",
        )
        with pytest.raises(UserError, match=r"Profile bad: .* \(and 2 more\)"):
            project.load(Overrides(strict_profiles=True))
        with pytest.raises(UserError, match="Profile gone: no Python is called"):
            project.load(Overrides(profiles=("gone",)))

    def test_a_broken_interpreter_gives_way_to_one_that_works(self, project: Project) -> None:
        """As where pyenv has a program for each version on PATH, that may say no."""
        project.program("~/bin/python3.11", "exit 127")
        works = project.program("~/.pyenv/versions/3.11.2/bin/python")
        project.write("testlanes.toml", "[profiles.py311]")

        assert project.profile().python == str(works)

    def test_an_interpreter_on_another_host_is_not_looked_for_here(self, project: Project) -> None:
        project.write("testlanes.toml", '[profiles.py377]\npython = "x/y"\nhosts = ["builder"]')
        project.write("~/.config/testlanes/hosts.toml", BUILDER)

        assert project.profile().python == "x/y"

    def test_a_profile_whose_hosts_are_unknown_is_left_out_or_strictly_an_error(
        self, project: Project
    ) -> None:
        text = '[profiles.A]\nhosts = ["bulider"]\n[profiles.b]\n'
        project.write("testlanes.toml", text)

        assert names(project.load()) == ["b"]
        with pytest.raises(UserError, match="Profile A is left out: it runs on bulider only"):
            project.load(Overrides(strict_profiles=True))

    def test_of_what_is_stored_profiles_of_other_hosts_can_be_seen(self, project: Project) -> None:
        project.write("testlanes.toml", 'hosts = ["builder"]\n[profiles.a]\n')

        settings = load_settings(
            project.root, Overrides(profiles=("a",)), project.environ, stored=True
        )
        assert names(settings) == ["a"]

    @pytest.mark.parametrize(
        ("asked", "chosen"),
        [
            ((), ["a", "b"]),
            (("c",), ["c"]),
            (("c,a",), ["a", "c"]),
            (("b", " c "), ["b", "c"]),
            (("big",), ["b", "c"]),
            (("[ab]",), ["a", "b"]),
        ],
    )
    def test_profiles_are_chosen_by_name_tag_or_pattern(
        self, project: Project, asked: tuple[str, ...], chosen: list[str]
    ) -> None:
        project.write(
            "testlanes.toml",
            """
            default_profiles = ["a", "b"]
            profiles = { a = {}, b = { tags = ["big"] }, c = { tags = ["big"] } }
            """,
        )

        settings = project.load(Overrides(profiles=asked))
        assert names(settings) == chosen
        assert settings.all_profiles == ("a", "b", "c")

    def test_a_command_gets_the_interpreter_as_PYTHON(self, project: Project) -> None:  # noqa: N802
        project.write("testlanes.toml", f'command = "x"\n[profiles.a]\npython = "{sys.executable}"')

        profile = project.profile()
        assert profile.suite == CommandSuite("x")
        assert (profile.python, profile.env) == ("", {"PROFILE": "a", "PYTHON": sys.executable})

    @pytest.mark.parametrize(
        ("command", "told"),
        [
            ("${PYTHON:-python3} -m subunit.run a $LISTOPT", True),
            ("./run $PYTHON $LISTOPT", True),
            ("./run $LISTOPT", False),
            ("$PROFILE/bin/python -m subunit.run a $PYTHON $LISTOPT", False),
        ],
    )
    def test_a_command_that_reads_PYTHON_gets_what_a_profiles_name_says(  # noqa: N802
        self, project: Project, command: str, told: bool
    ) -> None:
        """Otherwise each of py310 and py311 would run under the same Python, and nobody would see it."""
        python = project.program("~/bin/python3.11")
        text = f'command = "{command}"\nlist_option = "--list"\n[profiles.py311]'
        project.write("testlanes.toml", text)

        assert project.profile().env.get("PYTHON") == (str(python) if told else None)

    def test_a_name_of_pypy_is_no_other_python(self, project: Project) -> None:
        pypy = project.program("~/bin/pypy3.10")
        project.write("testlanes.toml", "[profiles.pypy310]\n[profiles.pypy3]")

        settings = project.load()
        assert [profile.python for profile in settings.profiles] == [str(pypy)]
        assert "no Python is called pypy3" in settings.problems[0]


class TestMatrix:
    def test_a_product_has_its_parts_as_tags_and_their_settings(self, project: Project) -> None:
        for version in ("3.11", "3.12"):
            project.program(f"~/bin/python{version}")
        project.write(
            "testlanes.toml",
            """
            [matrix]
            python = ["py311", "py312"]
            db = ["sqlite", "postgres"]
            exclude = ["py312-postgres"]
            [parts.postgres]
            env = { DB = "pg" }
            lanes = 1
            [profiles.py312-sqlite]
            env = { MORE = "yes" }
            [profiles.docs]
            """,
        )

        settings = project.load()
        assert names(settings) == ["py311-sqlite", "py311-postgres", "py312-sqlite", "docs"]
        one, two, three, _ = settings.profiles
        assert one.tags == ("py311", "sqlite")
        assert [each.python.rpartition("/")[2] for each in (one, two, three)] == [
            "python3.11",
            "python3.11",
            "python3.12",
        ]
        assert (two.env, two.lanes) == ({"DB": "pg"}, 1)
        assert three.env == {"MORE": "yes"}
        assert names(project.load(Overrides(profiles=("sqlite",)))) == [
            "py311-sqlite",
            "py312-sqlite",
        ]

    def test_it_may_be_written_among_the_profiles(self, project: Project) -> None:
        project.write("testlanes.toml", '[profiles]\nmatrix = { db = ["a", "b"], os = ["x"] }')

        assert names(project.load()) == ["a-x", "b-x"]


class TestTestrsProfiles:
    CONF = """[DEFAULT]
test_command=.tox/$PROFILE/bin/python -m subunit.run discover . $LISTOPT $IDOPTION
test_id_option=--load-list $IDFILE
test_list_option=--list
"""

    def test_its_commands_list_and_choose_them(self, project: Project) -> None:
        for name in ("py27", "py34"):
            project.program(f".tox/{name}/bin/python")
        project.write(
            ".testr.conf", self.CONF + "list_profiles=echo py27 py34\ndefault_profiles=echo py34\n"
        )

        settings = project.load()
        assert settings.all_profiles == ("py27", "py34")
        (profile,) = settings.profiles
        assert profile.python == str(project.root / ".tox/py34/bin/python")
        assert profile.suite == UnittestSuite()
        assert profile.env == {"PROFILE": "py34"}

        settings = project.load(Overrides(profiles=("py27",), native=False))
        (profile,) = settings.profiles
        assert isinstance(profile.suite, CommandSuite)
        assert profile.env == {"PROFILE": "py27"}

    def test_the_commands_interpreter_is_used_and_no_other_of_that_name(
        self, project: Project
    ) -> None:
        project.program("~/bin/python3.11")
        own = project.program("envs/py311/bin/python")
        conf = self.CONF.replace(".tox/", "envs/")
        project.write(".testr.conf", conf + "list_profiles=echo py311 py312\n")

        settings = project.load()
        assert [profile.python for profile in settings.profiles] == [str(own)]
        assert settings.problems == (
            "profile py312: there is no interpreter envs/py312/bin/python.",
        )

    def test_what_a_command_adds_for_profiles_is_added(self, project: Project) -> None:
        conf = self.CONF.replace("$IDOPTION", "$IDOPTION ${PROFILE:+ | subunit-tags $PROFILE}")
        project.write(".testr.conf", conf + "list_profiles=echo a\n")

        suite = project.profile().suite
        assert isinstance(suite, CommandSuite)
        assert suite.command.endswith("$IDOPTION  | subunit-tags $PROFILE")

    @pytest.mark.parametrize(
        ("more", "says"),
        [
            ("list_profiles=true\n", "list_profiles printed no profile"),
            ("list_profiles=echo no >&2; exit 3\n", "list_profiles failed with exit code 3: no"),
            ("list_profiles=echo a/b\n", "'a/b' cannot be a profile's name"),
            (
                "list_profiles=echo a b\ndefault_profiles=echo c\n",
                r"\.testr\.conf: default_profiles: there is no profile 'c'",
            ),
            ("list_profiles=echo a\ndefault_profiles=true\n", "default_profiles names no profile"),
            ("default_profiles=echo a\n", "asks for 'a', and no profiles are configured"),
        ],
    )
    def test_what_is_wrong_is_told(self, project: Project, more: str, says: str) -> None:
        project.write(".testr.conf", self.CONF + more)

        with pytest.raises(UserError, match=says):
            project.load()


class TestTox:
    INI = """
[tox]
envlist = py{38,39}-{a,b}, lint
[testenv]
setenv =
    A = 1
    b: B = {toxinidir}/x
    !b: NOT = {envname}
    HOME = {env:HOME}
[testenv:py39-b]
setenv =
    {[testenv]setenv}
    C = 3
[testenv:py310-own]
setenv = D=4
"""

    def made(self, project: Project, *environments: str) -> None:
        """Put interpreters where tox would."""
        for name in environments:
            project.program(f".tox/{name}/bin/python")

    def test_its_environments_that_exist_and_run_python_are_taken(self, project: Project) -> None:
        project.write("testlanes.toml", 'framework = "pytest"\nprofiles = "tox"')
        project.write("tox.ini", self.INI)
        self.made(project, "py38-a", "py39-b", "py310-own", "lint", "py311-unlisted")

        settings = project.load()
        assert names(settings) == ["py38-a", "py39-b", "py310-own"]
        one, two, three = settings.profiles
        assert one.python == str(project.root / ".tox/py38-a/bin/python")
        assert one.env == {"A": "1", "NOT": "py38-a"}
        assert two.env == {"A": "1", "B": f"{project.root}/x", "C": "3"}
        assert three.env == {"D": "4"}
        assert one.tags == ("py38", "a")
        assert names(project.load(Overrides(profiles=("b",)))) == ["py39-b"]
        assert settings.problems == (
            "profile py38-a: HOME is set in a way that only tox can read; it is left out.",
            "profile py39-b: HOME is set in a way that only tox can read; it is left out.",
        )

    @pytest.mark.parametrize("name", ["tox.toml", "pyproject.toml"])
    def test_it_may_be_configured_in_toml(self, project: Project, name: str) -> None:
        project.write("testlanes.toml", 'framework = "pytest"\nprofiles = "tox"')
        text = 'env_list = ["3.12", "docs"]\nenv_run_base.set_env = { A = "{env_name}" }\n'
        text += 'env.py311.set_env = { B = "2", C = { replace = "env" } }\n'
        project.write(name, "[tool.tox]\n" + text if name == "pyproject.toml" else text)
        self.made(project, "3.12", "docs", "py311")

        settings = project.load()
        assert {profile.name: profile.env for profile in settings.profiles} == {
            "3.12": {"A": "3.12"},
            "py311": {"B": "2"},
        }
        assert len(settings.problems) == 1

    def test_without_tox_or_its_environments_that_is_told(self, project: Project) -> None:
        project.write("testlanes.toml", 'profiles = "tox"')
        with pytest.raises(UserError, match=r"neither tox.ini nor tox.toml"):
            project.load()

        project.write("tox.ini", self.INI)
        self.made(project, "lint")
        with pytest.raises(UserError, match="tox has made no environment yet"):
            project.load()

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("a, b\nc", ["a", "b", "c"]),
            ("py{38,39}-{a,b}", ["py38-a", "py38-b", "py39-a", "py39-b"]),
            ("{py38, py39}-x  # not these: z\ny", ["py38-x", "py39-x", "y"]),
            ("py38{,-lint}", ["py38", "py38-lint"]),
        ],
    )
    def test_its_lists_are_expanded(self, text: str, expected: list[str]) -> None:
        assert expand_list(text) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("profiles = 3", "profiles is 3, not a table"),
        ('profiles = "nox"', "profiles is 'nox', not a table or \"tox\""),
        ("profiles = {}", "profiles names no profile"),
        ("profiles.a = 3", "profiles.a is 3, not a table"),
        ("profiles.a.pyhton = 'x'", "profiles.a.pyhton is no setting"),
        ("profiles.a.lanes = 0", "profiles.a.lanes is 0, not a whole number from 1"),
        ("profiles.a.hosts = []", "profiles.a.hosts is \\[\\], not a list with a host in it"),
        ("profiles.worker-1 = {}", "'worker-1' cannot be a profile's name"),
        ('profiles."a b" = {}', "'a b' cannot be a profile's name"),
        ('profiles.a.tags = ["-x"]', "'-x' cannot be a profile's name or tag"),
        ("matrix.db = []", "matrix.db is empty"),
        ('matrix.db = "a"', "matrix.db is 'a', not a list of texts"),
        ('matrix.db = ["a"]\nparts.b = {}', "parts.b is no part of the matrix"),
        ('matrix.db = ["a"]\nparts.a = 3', "parts.a is 3, not a table"),
        ('matrix.db = ["a"]\nmatrix.exclude = ["b"]', "matrix.exclude: no profile is called 'b'"),
        ('matrix.db = ["a"]\nmatrix.exclude = ["*"]', "matrix leaves no profile"),
        ("matrix = {}", "matrix has no axis"),
        ("profiles.a.env.PORT = 1", "profiles.a.env.PORT is 1, not a text"),
        ('default_profiles = ["a"]', "default_profiles asks for 'a', and no profiles are conf"),
        ("default_profiles = []\nprofiles.a = {}", "toml: default_profiles names no profile"),
        ('default_profiles = ["b"]\nprofiles.a = {}', "there is no profile 'b'"),
    ],
)
def test_what_is_wrong_is_told(project: Project, text: str, says: str) -> None:
    project.write("testlanes.toml", text)

    with pytest.raises(UserError, match=says):
        project.load()


@pytest.mark.parametrize("asked", ["", " , "])
def test_to_ask_for_no_profile_is_told(project: Project, asked: str) -> None:
    project.write("testlanes.toml", "[profiles.a]")

    with pytest.raises(UserError, match="-p names no profile") as error:
        project.load(Overrides(profiles=(asked,)))
    assert error.value.hint == "There are: a."
