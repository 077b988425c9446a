"""Tests that do what tests must not: each gets the verdict it earns, nobody else notices, nothing is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from .projects import Outcome, left_lying, left_running, project, run

ENDS = dict.fromkeys(
    [
        *("os_exit_0", "os_exit_in_a_thread", "execv", "segfault", "abort", "sigkill"),
        *("sigterm_to_its_group", "alarm_with_its_default_action"),
    ],
    "crash",
)
RAISES = dict.fromkeys(
    [
        *(
            "system_exit",
            "system_exit_in_a_cleanup",
            "keyboard_interrupt",
            "sigint",
            "generator_exit",
            "asynchronous_exception",
        ),
        *("recursion", "memory_error", "exception_whose_text_raises"),
    ],
    "error",
)
HANGS = dict.fromkeys(
    [
        *("sleep", "busy", "swallows_everything", "ignores_all_signals", "sigstop"),
        *("never_comes_back_from_c", "passes_too_late"),
    ],
    "timeout",
)
SPOILS = dict.fromkeys(
    [
        *("closes_every_fd", "closes_stdout_and_stderr", "replaces_streams", "deleted_folder"),
        *("clears_the_environment", "patches_for_good", "replaces_builtins", "purges_modules"),
        *("limits", "recursion_limit", "resets_signals", "masks_signals", "alarm_left_armed"),
        *("trace_left_on", "warnings_are_errors", "collector_off_and_frozen", "faulthandler_off"),
        *("logging_off", "umask", "freezes_the_clock", "address_space"),
    ],
    "success",
)
LEAVES = dict.fromkeys(
    ["child", "child_in_a_session_of_its_own", "daemon", "thread", "socket"], "success"
)
UNITTEST = {
    **{f"Ends.test_{name}": verdict for name, verdict in ENDS.items()},
    **{f"Raises.test_{name}": verdict for name, verdict in RAISES.items()},
    **{f"Hangs.test_{name}": verdict for name, verdict in HANGS.items()},
    **{f"Spoils.test_{name}": verdict for name, verdict in SPOILS.items()},
    **{f"Leaves.test_{name}": verdict for name, verdict in LEAVES.items()},
    "Raises.test_text_that_acts_on_terminals": "assertion",
    "Coroutine.test_hangs": "timeout",
    "Forks.test_child_returns_from_the_test": "success",
    "Forks.test_child_raises": "success",
    "Forks.test_parent_fails": "assertion",
    "Talks.test_twenty_megabytes": "success",
    "Talks.test_ten_megabytes_of_message": "assertion",
    "Marks.test_expected_failure": "xfail",
    "Marks.test_unexpected_success": "uxsuccess",
    "LateClass.test_e": "success",
    "Talks.test_subunit_on_stdout": "success",
    "Talks.test_subtests_fail": "assertion",
    "BrokenClass.test_a": "setup",
    "BrokenClass.test_b": "setup",
    "ExitingClass.test_c": "setup",
    "SkippedClass.test_d": "skip",
}
PYTEST = {
    "test_os_exit": "crash",
    "test_sigkill": "crash",
    "test_pytest_exit": "error",
    "test_system_exit": "error",
    "test_keyboard_interrupt": "error",
    "test_stops_the_session": "success",
    "test_exit_in_set_up": "setup",
    "test_exit_in_tear_down": "error",
    "test_fails_in_set_up": "setup",
    "test_fails_in_tear_down": "error",
    "test_closes_every_fd": "success",
    "test_closes_stdout": "success",
    "test_hangs": "timeout",
    "test_hangs_for_good": "timeout",
    "test_fork": "success",
    "test_strict_xfail_that_passes": "assertion",
    "test_xfail_that_crashes": "crash",
}
LIMITS = ("-j4", "--timeout", "3", "--grace", "1")


@pytest.fixture(scope="module")
def unittest_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return project(tmp_path_factory.mktemp("hostile"), "hostile_unittest.py")


@pytest.fixture(scope="module")
def unittest_run(unittest_project: Path) -> Outcome:
    return run(unittest_project, *LIMITS)


@pytest.fixture(scope="module")
def pytest_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return project(tmp_path_factory.mktemp("hostile"), "hostile_pytest.py")


@pytest.fixture(scope="module")
def pytest_run(pytest_project: Path) -> Outcome:
    return run(pytest_project, *LIMITS)


def test_each_hostile_unittest_gets_its_verdict(unittest_run: Outcome) -> None:
    hostile = {n: v for n, v in unittest_run.short.items() if not n.startswith("Bystander")}

    assert hostile == UNITTEST
    assert unittest_run.code == 1


def test_each_hostile_pytest_gets_its_verdict(pytest_run: Outcome) -> None:
    hostile = {
        n: v
        for n, v in pytest_run.short.items()
        if not n.startswith(("test_bystander", "test_odd"))
    }

    assert hostile == PYTEST
    assert pytest_run.code == 1


@pytest.mark.parametrize("suite", ["unittest", "pytest"])
def test_nobody_else_notices(suite: str, request: pytest.FixtureRequest) -> None:
    outcome: Outcome = request.getfixturevalue(f"{suite}_run")
    others = {
        n: v
        for n, v in outcome.short.items()
        if n.startswith(("Bystander", "test_bystander", "test_odd"))
    }

    assert len(others) >= 40
    assert set(others.values()) == {"success"}


@pytest.mark.parametrize("suite", ["unittest", "pytest"])
def test_every_selected_test_has_a_verdict(suite: str, request: pytest.FixtureRequest) -> None:
    outcome: Outcome = request.getfixturevalue(f"{suite}_run")

    assert outcome.selected == set(outcome.verdicts) == outcome.started


@pytest.mark.parametrize("suite", ["unittest", "pytest"])
def test_nothing_is_left_running_or_lying(suite: str, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue(f"{suite}_run")
    folder: Path = request.getfixturevalue(f"{suite}_project")

    assert left_running(folder) == []
    assert left_lying(folder) == []


def test_a_crash_says_how_and_where(unittest_run: Outcome) -> None:
    text = {name.rpartition(".")[2]: text for name, text in unittest_run.texts.items()}

    assert "exited with status 0 while this test ran" in text["test_os_exit_0"]
    assert "exited with status 3" in text["test_os_exit_in_a_thread"]
    assert "SIGSEGV" in text["test_segfault"]
    assert "in test_segfault" in text["test_segfault"]
    assert "SIGABRT" in text["test_abort"]
    assert "SIGKILL" in text["test_sigkill"]


def test_a_time_out_says_where_the_test_was(unittest_run: Outcome) -> None:
    text = {name.rpartition(".")[2]: text for name, text in unittest_run.texts.items()}

    for name in ("test_busy", "test_never_comes_back_from_c", "test_swallows_everything"):
        assert f"in {name}" in text[name]


def test_printed_subunit_makes_no_tests(unittest_run: Outcome) -> None:
    assert not any("foreign" in name for name in unittest_run.verdicts)


def test_files_of_ours_are_not_taken_for_the_projects(pytest_run: Outcome) -> None:
    """TMPDIR, where our agent's files are, lies inside the project, as tox's does."""
    assert [text for text in pytest_run.warned if "testlanes_agent" in text] == []


def test_a_worker_whose_files_a_test_closed_ends_without_a_word(pytest_run: Outcome) -> None:
    assert [text for text in pytest_run.warned if "Traceback" in text] == []
