"""Where a loader is, for the words about one that hangs or dies."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from pathlib import Path

from testlanes.runner.agent.whereabouts import NAME, Whereabouts, told


def test_a_short_name_after_a_long_one_is_told_alone(tmp_path: Path) -> None:
    where = Whereabouts(str(tmp_path))
    for name in ("tests.of_a_rather_long_name.test_first", "test_b", "test_\udcff"):
        where.at(name)
        said = told((tmp_path / NAME).read_bytes())
        assert said == name.encode("utf-8", "backslashreplace")


def test_what_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    Whereabouts(str(tmp_path / "gone")).at("test_a")
    Whereabouts(None).at("test_a")
    assert told(b"") == b""
