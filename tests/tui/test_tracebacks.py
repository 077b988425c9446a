"""Tracebacks are read, Python's and pytest's, and failures of one cause are found."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from testlanes.runner.ids import HostName, Kind
from testlanes.runner.state import HostState
from testlanes.tui.sources import Here
from testlanes.tui.viewmodels.tracebacks import Frame, cause_of, foreign, read_traceback

from .stage import DATABASE, EVACUATE, MISMATCH

PYTEST = """\
self = <test_m.TestIt object at 0x7f>

    def test_it(self):
>       assert total([1, 2]) == 4
E       assert 3 == 4
E        +  where 3 = total([1, 2])

tests/test_m.py:12: AssertionError
"""
PYTEST_DEEP = """\
    def test_it():
>       load()

tests/test_m.py:7:
_ _ _ _ _
src/app/load.py:31: in load
    raise ValueError("no such thing: 17")
E   ValueError: no such thing: 17
"""
CHAINED = """Traceback (most recent call last):
  File "a.py", line 1, in f
    g()
KeyError: 'x'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "b.py", line 2, in h
    k()
    ^^^
app.errors.Broken: two
lines
"""


STACKS = """\
The worker was killed by SIGSEGV while this test ran.

Fatal Python error: Segmentation fault

Thread 0x00007f27b4000000 (most recent call first):
  File "/usr/lib/python3.11/threading.py", line 1 in wait

Current thread 0x00007f27b4817b80 (most recent call first):
  File "/usr/lib/python3.11/ctypes/__init__.py", line 519 in string_at
  File "/p/test_payment.py", line 29 in test_bank_hangs_up
"""


def test_the_stack_of_a_process_that_died_is_read_from_its_inside() -> None:
    found = read_traceback(STACKS)
    assert found.title == "The worker was killed by SIGSEGV while this test ran."
    assert found.place == Frame("/p/test_payment.py", 29, "test_bank_hangs_up")
    assert [frame.function for frame in found.frames] == ["test_bank_hangs_up", "string_at"]
    other = read_traceback(STACKS.replace("python3.11", "python3.13"))
    assert cause_of(Kind.CRASH, found).key == cause_of(Kind.CRASH, other).key
    assert "string_at" in cause_of(Kind.CRASH, found).key[-1]


def test_the_last_of_chained_tracebacks_counts() -> None:
    found = read_traceback(CHAINED)
    assert found.frames == (Frame("b.py", 2, "h"),)
    assert (found.exception, found.message) == ("app.errors.Broken", "two\nlines")
    assert found.title == "Broken: two"


def test_the_place_is_the_projects_own_innermost_frame() -> None:
    found = read_traceback(MISMATCH)
    assert found.title == "MismatchError: 413 != 403"
    assert found.place == Frame("tests/api/test_servers.py", 214, "test_quota_exceeded")


def test_a_failed_assertion_of_pytest_is_read() -> None:
    found = read_traceback(PYTEST)
    assert found.exception == "AssertionError"
    assert found.message.startswith("assert 3 == 4")
    assert found.place == Frame("tests/test_m.py", 12)


def test_an_error_of_pytest_is_read_with_its_way() -> None:
    found = read_traceback(PYTEST_DEEP)
    assert (found.exception, found.message) == ("ValueError", "no such thing: 17")
    assert found.place == Frame("src/app/load.py", 31, "load")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "no traceback at all",
        "E",
        "Traceback (most recent call last):",
        '  File "x", line 3, in f',
    ],
)
def test_what_is_no_traceback_is_read_too(text: str) -> None:
    found = read_traceback(text)
    assert found.title == text.strip().rpartition("\n")[2] or found.title in ("", text.strip())


def test_what_python_prints_now_is_read() -> None:
    try:
        raise RuntimeError("here")  # noqa: TRY301
    except RuntimeError as error:
        text = "".join(traceback.format_exception(error))
    found = read_traceback(text)
    assert found.title == "RuntimeError: here"
    assert found.frames[-1].function == "test_what_python_prints_now_is_read"


def test_one_cause_is_one_whatever_the_numbers_and_the_test() -> None:
    other = (
        MISMATCH.replace("413", "500")
        .replace("214", "300")
        .replace("test_quota_exceeded", "test_other")
    )
    assert (
        cause_of(Kind.ASSERTION, read_traceback(MISMATCH)).key
        == cause_of(Kind.ASSERTION, read_traceback(other)).key
    )
    assert (
        cause_of(Kind.ERROR, read_traceback(MISMATCH)).key
        != cause_of(Kind.ASSERTION, read_traceback(MISMATCH)).key
    )


def test_the_same_words_from_another_function_are_another_cause() -> None:
    other = DATABASE.replace("wait_until_ready\n    raise", "wait_for_port\n    raise")
    assert other != DATABASE
    assert (
        cause_of(Kind.SETUP, read_traceback(DATABASE)).key
        != cause_of(Kind.SETUP, read_traceback(other)).key
    )


def test_an_assertion_with_a_difference_keeps_it() -> None:
    assert "- {'host': 'node-2'" in read_traceback(EVACUATE).message


def test_python_and_packages_are_foreign() -> None:
    assert foreign("/usr/lib/python3.12/unittest/case.py")
    assert foreign("/v/lib/python3.11/site-packages/x/y.py")
    assert foreign("<frozen importlib._bootstrap>")
    assert not foreign("tests/test_m.py")
    assert not foreign("/home/me/project/unit/test_m.py")


def test_frames_of_another_host_lie_where_this_machine_has_the_file(tmp_path: Path) -> None:
    """The text stays as it was said; what is opened and shown is here. What is not here stays there."""
    (tmp_path / "test_a.py").write_text("boom()\n")
    hosts = {HostName("far"): HostState(HostName("far"), root="/cache/p")}
    text = (
        "Traceback (most recent call last):\n"
        '  File "/cache/p/test_a.py", line 1, in test_a\n    boom()\n'
        '  File "/cache/p/made_there.py", line 3, in boom\n    raise OSError\n'
        "OSError\n"
    )
    failure = read_traceback(text, Here(str(tmp_path), lambda: hosts))
    paths = [frame.path for frame in failure.frames]
    assert paths == [str(tmp_path / "test_a.py"), "/cache/p/made_there.py"]
