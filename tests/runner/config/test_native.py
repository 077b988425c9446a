"""Which commands are plainly unittest discovery, and that we read them as a shell does."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from testlanes.runner.config.native import PlainUnittest, discovery, plain_unittest
from testlanes.runner.config.shell_words import plain_words
from testlanes.runner.settings import CommandSuite, UnittestSuite

OPENSTACK = """OS_STDOUT_CAPTURE=${OS_STDOUT_CAPTURE:-1} \\
OS_TEST_TIMEOUT=${OS_TEST_TIMEOUT:-60} \\
${PYTHON:-python} -m subunit.run discover -t ./ ${OS_TEST_PATH:-./nova/tests/unit} $LISTOPT $IDOPTION"""


def plain(command: str, **environ: str) -> PlainUnittest | None:
    """Return what a command with the usual options says."""
    suite = CommandSuite(command, "--load-list $IDFILE", "--list")
    return plain_unittest(suite, environ)


def test_openstacks_usual_command_is_plain() -> None:
    assert plain(OPENSTACK, OS_TEST_TIMEOUT="90") == PlainUnittest(
        "python",
        {"OS_STDOUT_CAPTURE": "1", "OS_TEST_TIMEOUT": "90"},
        UnittestSuite("./nova/tests/unit", top="./"),
    )


def test_variables_of_the_shell_are_those_of_the_environment() -> None:
    found = plain(OPENSTACK, PYTHON="/opt/py/bin/python3.12", OS_TEST_PATH="./other")

    assert found is not None
    assert (found.python, found.suite.start) == ("/opt/py/bin/python3.12", "./other")


@pytest.mark.parametrize(
    ("command", "suite"),
    [
        ("python -m subunit.run discover $LISTOPT $IDOPTION", UnittestSuite()),
        ("python -m testtools.run discover t $LISTOPT $IDOPTION", UnittestSuite("t")),
        (
            "python3 -m stestr.subunit_runner.run discover -t 'a b' \"c d\" $LISTOPT $IDOPTION",
            UnittestSuite("c d", top="a b"),
        ),
        (
            "python -m subunit.run discover -s s --pattern='*_t.py' -t. $LISTOPT $IDOPTION",
            UnittestSuite("s", "*_t.py", "."),
        ),
        (
            "python -m subunit.run $LISTOPT $IDOPTION tests.test_suite other",
            UnittestSuite(names=("tests.test_suite", "other")),
        ),
        (
            "./bin/python3.11 -u -m subunit.run discover s p t $IDOPTION $LISTOPT",
            UnittestSuite("s", "p", "t"),
        ),
    ],
)
def test_the_usual_options_of_discovery_are_known(command: str, suite: UnittestSuite) -> None:
    found = plain(command)

    assert found is not None
    assert found.suite == suite


@pytest.mark.parametrize(
    "command",
    [
        "python -m subunit.run discover . $LISTOPT $IDOPTION | tee log",
        "python -m subunit.run discover . $LISTOPT $IDOPTION; true",
        "cd x && python -m subunit.run discover . $LISTOPT $IDOPTION",
        "python -m subunit.run discover `pwd` $LISTOPT $IDOPTION",
        "python -m subunit.run discover $(pwd) $LISTOPT $IDOPTION",
        "python -m subunit.run discover t* $LISTOPT $IDOPTION",
        "python -m subunit.run discover ~/t $LISTOPT $IDOPTION",
        "python -m subunit.run discover ${X:=y} $LISTOPT $IDOPTION",
        "python -m subunit.run discover ${TWO} $LISTOPT $IDOPTION",
        "python -m subunit.run discover 'a $LISTOPT $IDOPTION",
        "python -m subunit.run discover --failfast . $LISTOPT $IDOPTION",
        "python -m subunit.run tests/all.py $LISTOPT $IDOPTION",
        "python -m subunit.run --failfast tests.all $LISTOPT $IDOPTION",
        "python -m subunit.run $LISTOPT $IDOPTION",
        "python -m subunit.run discover . $IDOPTION",
        "python -m subunit.run discover . $LISTOPT $IDLIST $IDOPTION",
        "python -W error -m subunit.run discover . $LISTOPT $IDOPTION",
        "coverage run -m subunit.run discover . $LISTOPT $IDOPTION",
        "./run-tests discover . $LISTOPT $IDOPTION",
        "A=1 B=$A python -m subunit.run discover . $LISTOPT $IDOPTION",
        "python -m subunit.run discover . $LISTOPT $IDOPTION\nrm -r x",
        "",
    ],
)
def test_anything_else_is_left_to_the_shell(command: str) -> None:
    assert plain(command, TWO="a b") is None


def test_unusual_options_for_ids_are_left_to_the_shell() -> None:
    command = "python -m subunit.run discover . $LISTOPT $IDOPTION"

    assert plain_unittest(CommandSuite(command, "$IDLIST", "--list"), {}) is None
    assert plain_unittest(CommandSuite(command, "--load-list $IDFILE", "-l"), {}) is None
    assert plain_unittest(CommandSuite(command, "--load-list $IDFILE", "--list", "t.x"), {}) is None


def test_discovery_adds_to_what_is_known() -> None:
    base = UnittestSuite("t", "p", "x")

    assert discovery([], base) == base
    assert discovery(["-v", "-s", "u"], base) == UnittestSuite("u", "p", "x")
    assert discovery(["a", "b", "c", "d"]) is None
    assert discovery(["-k", "x"]) is None

    named = UnittestSuite(names=("a.b",))
    assert discovery(["-v"], named) == named
    assert discovery(["t"], named) is None


VARIABLES = ("$A", "${A}", "${A:-d e}", "${N:-d}", "${E-d}", "${E:-d}", "$N", "$E", "$S")
PIECES = st.sampled_from(
    (*VARIABLES, " ", "  ", "\\\n", "'", '"', "\\ ", "\\'", "\t", "b=c", *"a-s.%@:,+é=", "x/y")
)
ENVIRON = {"A": "one", "E": "", "S": "two words", "PATH": "/usr/bin:/bin"}


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(PIECES, max_size=8).map("".join))
def test_words_are_those_that_the_shell_makes(text: str) -> None:
    """Where we are not sure that they are, we say that it is not plain."""
    words = plain_words(f"printf @%s@ {text}", ENVIRON)
    if words is None:
        return

    # -f is not given: what could be a pattern for files must not be plain either
    done = subprocess.run(
        ["/bin/sh", "-c", f"printf '<%s>' start {text}"],
        env=ENVIRON,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        timeout=30,
    )
    assert done.stdout.decode() == "".join(f"<{word}>" for word in ["start", *words[2:]])


@given(st.text("aA=$ \\'\"{}:-\n|;&é", max_size=30))
def test_no_command_breaks_the_reader(text: str) -> None:
    words = plain_words(text, ENVIRON)
    assert words is None or all(isinstance(word, str) for word in words)
