"""times.dbm in each flavour that Python's dbm knows, next to the real modules where this Python has them."""

from __future__ import annotations

import dbm.dumb
import json
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings, strategies as st

from testlanes.runner.repository.directory import DirectoryRepository
from testlanes.runner.repository.times import TimesError, read_times, stripped, write_times

Opened = Callable[..., DirectoryRepository]

GDBM = b"\xcf\x9a\x57\x13" + bytes(60)
IDS = ["m.C.plain", "it's", "both ' and \"", "ü[x]", "back\\slash", "tab\t", "a" * 700]


def with_dumb(folder: Path) -> dict[str, float]:
    with dbm.dumb.open(str(folder / "times.dbm"), "c") as database:
        keys = cast("list[bytes]", database.keys())  # the stubs say str
        return {key.decode(): float(database[key]) for key in keys}


def test_where_there_is_none_a_dumb_one_is_made_that_python_reads(tmp_path: Path) -> None:
    times = {test_id: number + 0.5 for number, test_id in enumerate(IDS)}
    write_times(tmp_path, times)
    assert with_dumb(tmp_path) == times
    assert read_times(tmp_path) == times


def test_a_dumb_one_of_pythons_is_read_and_kept_up(tmp_path: Path) -> None:
    with dbm.dumb.open(str(tmp_path / "times.dbm"), "c") as database:
        for test_id in IDS:
            database[test_id] = "0.25"
        database["no number"] = "x"
    assert read_times(tmp_path) == dict.fromkeys(IDS, 0.25)
    write_times(tmp_path, {"m.C.plain": 7.0, "new": 2e-06})
    wanted = dict.fromkeys(IDS, 0.25) | {"m.C.plain": 7.0, "new": 2e-06}
    assert read_times(tmp_path) == wanted
    with dbm.dumb.open(str(tmp_path / "times.dbm"), "c") as database:
        assert database["no number"] == b"x"
        database["m.C.plain"] = "8.0"
    assert read_times(tmp_path)["m.C.plain"] == 8.0


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), st.floats(0, 1e6)),
        max_size=4,
    )
)
def test_several_writes_are_one_dictionary(
    tmp_path_factory: pytest.TempPathFactory, several: list[dict[str, float]]
) -> None:
    folder = tmp_path_factory.mktemp("times")
    model: dict[str, float] = {}
    for times in several:
        write_times(folder, times)
        model.update((key, round(value, 6)) for key, value in times.items())
    assert read_times(folder) == model
    assert with_dumb(folder) == model


def test_times_that_are_known_need_not_be_read(tmp_path: Path) -> None:
    write_times(tmp_path, {"m.a": 1.0, "m.b": 2.0, "m.ü": 3.0})
    assert read_times(tmp_path, {"m.a"}) == {"m.b": 2.0, "m.ü": 3.0}
    (tmp_path / "times.dbm.dat").unlink()
    assert read_times(tmp_path, {"m.a", "m.b", "m.\xc3\xbc"}) == {}


def test_an_index_is_written_only_when_it_changes(tmp_path: Path) -> None:
    times = dict.fromkeys(IDS, 0.25)
    write_times(tmp_path, times)
    index = tmp_path / "times.dbm.dir"
    first = index.stat()

    write_times(tmp_path, {**times, "m.C.plain": 2e-06})
    assert read_times(tmp_path) == {**times, "m.C.plain": 2e-06} == with_dumb(tmp_path)
    assert index.stat().st_ino == first.st_ino

    write_times(tmp_path, {"m.C.plain": 10.5})  # longer than before
    assert read_times(tmp_path) == {**times, "m.C.plain": 10.5} == with_dumb(tmp_path)
    assert index.stat().st_ino != first.st_ino
    assert (tmp_path / "times.dbm.bak").read_text("latin-1").count("\n") == len(IDS)


def test_a_longer_text_of_another_tool_is_overwritten_as_a_whole(tmp_path: Path) -> None:
    with dbm.dumb.open(str(tmp_path / "times.dbm"), "c") as database:
        database["m.a"] = "0.00012345678901234"
    write_times(tmp_path, {"m.a": 1.5})
    assert read_times(tmp_path) == {"m.a": 1.5} == with_dumb(tmp_path)


def test_the_last_value_may_become_longer_than_the_file(tmp_path: Path) -> None:
    with dbm.dumb.open(str(tmp_path / "times.dbm"), "c") as database:
        database["m.a"] = database["m.b"] = "5e-05"
    write_times(tmp_path, {"m.a": 1.0, "m.b": 2.0})
    assert read_times(tmp_path) == {"m.a": 1.0, "m.b": 2.0} == with_dumb(tmp_path)


def test_one_of_python_3_13_is_read_and_kept_up_with_any_python(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "times.dbm") as database:
        database.execute("CREATE TABLE Dict (key BLOB UNIQUE NOT NULL, value BLOB NOT NULL)")
        database.execute("INSERT INTO Dict VALUES (?, ?)", (b"m.a", b"1.5"))
    database.close()
    write_times(tmp_path, {"m.b": 2.0, "m.a": 3.0})
    assert read_times(tmp_path) == {"m.a": 3.0, "m.b": 2.0}
    assert not list(tmp_path.glob("times.dbm.*"))


def test_python_3_13_and_we_read_each_other(tmp_path: Path, python: Callable[[str], str]) -> None:
    newer = python("3.13")
    code = "import dbm, sys; d = dbm.open(sys.argv[1], 'c'); d['m.a'] = '1.5'; d.close()"
    name = str(tmp_path / "times.dbm")
    subprocess.run([newer, "-c", code, name], check=True, timeout=60)
    write_times(tmp_path, {"m.ü": 2.0})
    assert read_times(tmp_path) == {"m.a": 1.5, "m.ü": 2.0}
    code = "import dbm, json, sys; d = dbm.open(sys.argv[1]); print(json.dumps({k.decode(): float(d[k]) for k in d.keys()}))"
    done = subprocess.run([newer, "-c", code, name], check=True, timeout=60, capture_output=True)
    assert json.loads(done.stdout) == {"m.a": 1.5, "m.ü": 2.0}


@pytest.mark.parametrize("content", [GDBM, b"garbage that nobody wrote", b""])
def test_one_that_cannot_be_opened_is_an_error_in_plain_words(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "times.dbm").write_bytes(content)
    for use in (lambda: read_times(tmp_path), lambda: write_times(tmp_path, {"a": 1.0})):
        with pytest.raises(TimesError, match=r"^times\.dbm .*[a-z]$"):
            use()
    assert (tmp_path / "times.dbm").read_bytes() == content


def test_a_damaged_index_is_an_error_and_stays_as_it_is(tmp_path: Path) -> None:
    write_times(tmp_path, {"a": 1.0})
    (tmp_path / "times.dbm.dir").write_text("'a', (0\n")
    with pytest.raises(TimesError, match="damaged"):
        write_times(tmp_path, {"a": 2.0})
    assert (tmp_path / "times.dbm.dir").read_text() == "'a', (0\n"


def test_stestr_looks_at_its_dumb_set_only(tmp_path: Path) -> None:
    (tmp_path / "times.dbm").write_bytes(GDBM)
    write_times(tmp_path, {"a": 1.0}, dumb=True)
    assert read_times(tmp_path, dumb=True) == {"a": 1.0} == with_dumb(tmp_path)


@pytest.mark.parametrize(
    ("test_id", "key"),
    [
        ("m.t[a]", "m.t"),
        ("m.t[a][b]x", "m.t[b]x"),
        ("[a]t", "[a]t"),
        ("m.t]a[", "m.t]a["),
        ("m.t", "m.t"),
    ],
)
def test_a_stripped_id_is_stestrs(test_id: str, key: str) -> None:
    from stestr.utils import (  # pyright: ignore[reportMissingTypeStubs]
        cleanup_test_name,  # pyright: ignore[reportUnknownVariableType]
    )

    assert stripped(test_id) == key == cleanup_test_name(test_id)


def test_in_a_stestr_repository_both_spellings_have_a_time(
    tmp_path: Path, play: Callable[..., int], opened: Opened
) -> None:
    from testlanes.runner.ids import Status

    repository = opened(tmp_path / ".stestr", "stestr", create=True)
    play(repository, [("m.t[a]", "default", Status.SUCCESS), ("m.t[b]", "default", Status.SUCCESS)])
    assert read_times(tmp_path / ".stestr").keys() == {"m.t[a]", "m.t[b]", "m.t"}


def test_unreadable_times_cost_a_warning_and_nothing_else(
    testr: Path, play: Callable[..., int], opened: Opened
) -> None:
    from testlanes.runner.cases import CaseTable
    from testlanes.runner.events import CaseFinished
    from testlanes.runner.ids import DEFAULT_PROFILE, Case, Kind, LaneId, Status

    repository: DirectoryRepository = opened(testr, "testr", create=True)
    (testr / "times.dbm").write_bytes(GDBM)
    cases = CaseTable()
    row = cases.add("m.a", DEFAULT_PROFILE)
    recording = repository.begin(cases, partial=False, root="/")
    recording.record(CaseFinished(LaneId(0), row, Status.FAIL, Kind.ERROR, 10**18, 2.0))
    assert recording.finish(interrupted=False) == 0
    assert (
        "times.dbm was written with gdbm" in recording.problem
        or "cannot be written" in recording.problem
    )
    assert [one.test_id for one in repository.failing()] == ["m.a"]
    assert repository.times() == {Case("m.a", DEFAULT_PROFILE): 2.0}
    assert "times.dbm" in repository.warnings[0]
