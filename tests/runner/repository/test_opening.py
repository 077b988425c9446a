"""Which repositories are opened, mended, made or refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from testlanes.runner.errors import UserError
from testlanes.runner.ids import DEFAULT_PROFILE, Status
from testlanes.runner.repository.directory import DirectoryRepository

Opened = Callable[..., DirectoryRepository]

SCRIPT = [("m.a", DEFAULT_PROFILE, Status.FAIL)]


def test_a_new_one_is_what_testr_init_makes(testr: Path, opened: Opened) -> None:
    opened(testr, "testr", create=True)
    assert (testr / "format").read_bytes() == b"1\n"
    assert (testr / "next-stream").read_bytes() == b"0\n"
    assert sorted(one.name for one in testr.iterdir()) == ["format", "next-stream", "testlanes"]


def test_the_first_run_is_0_and_the_next_is_1(
    testr: Path, play: Callable[..., int], opened: Opened
) -> None:
    play(opened(testr, "testr", create=True), SCRIPT)
    assert (testr / "next-stream").read_bytes() == b"1\n"
    assert (testr / "0").read_bytes().startswith(b"time: ")
    assert play(opened(testr, "testr", create=True), SCRIPT) == 1


def test_none_is_made_unasked(testr: Path, opened: Opened) -> None:
    with pytest.raises(UserError, match="No repository found") as raised:
        opened(testr, "testr", create=False)
    assert raised.value.exit_code == 3
    assert not testr.exists()


def test_another_format_is_refused_by_its_path(
    testr: Path, play: Callable[..., int], opened: Opened
) -> None:
    play(opened(testr, "testr", create=True), SCRIPT)
    for text in ("2\n", "1", "1\n\n", ""):
        (testr / "format").write_text(text)
        with pytest.raises(UserError, match="only format 1") as raised:
            opened(testr, "testr", create=True)
        assert str(testr / "format") in raised.value.message


@pytest.mark.parametrize("text", ["", "x\n", "-1\n", None])
def test_a_damaged_next_stream_is_mended_and_no_run_overwritten(
    testr: Path, play: Callable[..., int], text: str | None, opened: Opened
) -> None:
    repository = opened(testr, "testr", create=True)
    for _ in range(3):
        play(repository, SCRIPT)
    repository.remove(1)
    first = (testr / "0").read_bytes()
    if text is None:
        (testr / "next-stream").unlink()
    else:
        (testr / "next-stream").write_text(text)

    repository = opened(testr, "testr", create=False)
    assert (testr / "next-stream").read_text() == "3\n"
    assert "damaged" in repository.warnings[0]
    assert play(repository, SCRIPT) == 3
    assert (testr / "0").read_bytes() == first


def test_a_next_stream_that_is_behind_does_not_lead_to_overwriting(
    testr: Path, play: Callable[..., int], opened: Opened
) -> None:
    """As a kill of testr between its two renames leaves it, or a copied file."""
    repository = opened(testr, "testr", create=True)
    for _ in range(2):
        play(repository, SCRIPT)
    (testr / "next-stream").write_text("0\n")
    assert play(opened(testr, "testr", create=False), SCRIPT) == 2


def test_a_directory_of_something_else_is_left_alone(testr: Path, opened: Opened) -> None:
    testr.mkdir()
    (testr / "letters.txt").touch()
    with pytest.raises(UserError, match="not empty"):
        opened(testr, "testr", create=True)
    assert os.listdir(testr) == ["letters.txt"]  # noqa: PTH208


def test_a_half_made_one_is_completed(testr: Path, opened: Opened) -> None:
    testr.mkdir()
    (testr / "next-stream").write_text("0\n")
    opened(testr, "testr", create=True)
    assert (testr / "format").read_text() == "1\n"


def test_a_file_in_its_place_is_an_error_in_plain_words(testr: Path, opened: Opened) -> None:
    testr.write_text("")
    with pytest.raises(UserError, match=r"Cannot use the repository .*testrepository"):
        opened(testr, "testr", create=True)


def test_a_copied_directory_works_under_the_other_name(
    tmp_path: Path, play: Callable[..., int], opened: Opened
) -> None:
    play(opened(tmp_path / ".testrepository", "testr", create=True), SCRIPT)
    (tmp_path / ".testrepository").rename(tmp_path / ".stestr")
    repository = opened(tmp_path / ".stestr", "stestr", create=False)
    assert [one.test_id for one in repository.failing()] == ["m.a"]
    assert play(repository, SCRIPT) == 1


def test_files_of_others_in_it_are_no_runs(testr: Path, opened: Opened) -> None:
    repository = opened(testr, "testr", create=True)
    for name in ("01", "1a", "tmpab12", "0.json", "²"):
        (testr / name).touch()
    (testr / "7").mkdir()
    assert repository.run_numbers() == []
    assert opened(testr, "testr", create=False).warnings == []
