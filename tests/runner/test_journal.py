"""A journal gives back every event it was given, up to where it was cut off."""

from __future__ import annotations

import asyncio
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from enum import Enum
from pathlib import Path
from typing import Any, cast, get_args, get_origin, get_type_hints

import msgpack  # pyright: ignore[reportMissingTypeStubs]
import pytest
from hypothesis import given, settings, strategies as st

from testlanes.runner import events, journal as journal_module
from testlanes.runner.cases import CaseTable
from testlanes.runner.events import (
    CaseFinished,
    CasesListed,
    DetailReceived,
    Group,
    LaneClosed,
    OutputReceived,
    RunEnded,
    RunEvent,
    RunStarted,
    Ticked,
    Usage,
)
from testlanes.runner.ids import DEFAULT_PROFILE, Kind, LaneId, ProfileName, Row, Status
from testlanes.runner.journal import Journal, replay

pack = cast(Callable[[object], bytes], msgpack.packb)  # pyright: ignore[reportUnknownMemberType]

LANE = LaneId(0)
KINDS: list[type[Any]] = [
    kind for kind in get_args(events.RunEvent) if kind not in (OutputReceived, Usage, Ticked)
]


def values(hint: Any) -> st.SearchStrategy[Any]:
    """What a field of an event may hold. Live details are left out: they are not journalled."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return st.one_of(*map(values, parts))
    if origin is tuple and parts[-1] is Ellipsis:
        return st.lists(values(parts[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*map(values, parts))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return st.dictionaries(values(parts[0]), values(parts[1]), max_size=3)
    hint = getattr(hint, "__supertype__", hint)
    if hint is type(None):
        return st.none()
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    if hint is Group:
        return st.builds(Group, st.text(), st.booleans())
    simple: dict[Any, st.SearchStrategy[Any]] = {
        int: st.integers(-(2**62), 2**62),
        str: st.text(alphabet=st.characters(codec=None), max_size=10),
        float: st.floats(allow_nan=False),
        bool: st.booleans(),
        bytes: st.binary(max_size=30),
    }
    return simple[hint]


def event_of(kind: type[Any]) -> st.SearchStrategy[Any]:
    hints = get_type_hints(kind)
    given = {one.name: values(hints[one.name]) for one in fields(kind) if one.name != "live"}
    return st.builds(kind, **given)


def write(path: Path, several: Sequence[RunEvent], cases: CaseTable | None = None) -> Path:
    path.unlink(missing_ok=True)
    journal = Journal(path, cases if cases is not None else CaseTable())
    for event in several:
        journal.record(event)
    journal.close()
    assert journal.problem == ""
    return path


def told_by(path: Path) -> list[RunEvent]:
    return [event for _, event in replay(path)[1]]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_event_comes_back_as_it_was(kind: type[Any], tmp_path: Path) -> None:
    @settings(max_examples=25, deadline=None)
    @given(event_of(kind))
    def check(event: RunEvent) -> None:
        path = write(tmp_path / "journal", [event])
        assert told_by(path) == [event]

    check()


def test_what_is_not_to_be_kept_is_not(tmp_path: Path) -> None:
    live = DetailReceived(LANE, Row(0), "log", "text/plain", b"x", False, live=True)
    told = [
        OutputReceived(LANE, "stdout", b"x"),
        Usage(LANE, 1, 0.5),
        Ticked(1.0),
        live,
        LaneClosed(LANE),
    ]
    assert told_by(write(tmp_path / "journal", told)) == [LaneClosed(LANE)]


def test_a_journal_names_the_rows_that_its_events_are_about(tmp_path: Path) -> None:
    cases = CaseTable()
    journal = Journal(tmp_path / "journal", cases)
    first = cases.add("m.a", DEFAULT_PROFILE)
    told: list[RunEvent] = [CasesListed(DEFAULT_PROFILE, (first,), (first,))]
    journal.record(told[0])
    second = cases.add("m.ü\udc80", ProfileName("py311"))
    told.append(CaseFinished(LANE, second, Status.FAIL, Kind.CRASH, 5, 0.5))
    journal.record(told[1])
    journal.close()

    replayed, stamped = replay(tmp_path / "journal")
    read = list(stamped)
    assert [event for _, event in read] == told
    assert [replayed.case(row) for row in replayed] == [cases.case(row) for row in cases]
    assert read[0][0] <= read[1][0]


def test_failures_crashes_and_the_end_are_written_at_once(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", CaseTable())
    failed = CaseFinished(LANE, Row(0), Status.FAIL, Kind.CRASH, 5, 0.5)
    for event in (LaneClosed(LANE), failed, RunEnded(1, False)):
        journal.record(event)
        if event != LaneClosed(LANE):
            assert told_by(journal.path)[-1] == event
    journal.close()


def test_a_tick_flushes_what_has_waited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "FLUSH_AFTER", 1 << 62)
    journal = Journal(tmp_path / "journal", CaseTable())
    journal.record(LaneClosed(LANE))
    journal.record(LaneClosed(LaneId(1)))
    assert len(told_by(journal.path)) < 2
    monkeypatch.setattr(journal_module, "FLUSH_AFTER", -1)
    journal.record(Ticked(1.0))
    assert len(told_by(journal.path)) == 2
    journal.close()


async def test_what_waits_is_written_though_nothing_else_happens(tmp_path: Path) -> None:
    """Else a kill while a long test runs would take the results before it along."""
    journal = Journal(tmp_path / "journal", CaseTable())
    for lane in range(3):
        journal.record(LaneClosed(LaneId(lane)))
    async with asyncio.timeout(20):
        while len(told_by(journal.path)) < 3:  # noqa: ASYNC110 - a file has no event
            await asyncio.sleep(0.01)
    journal.close()


def test_a_journal_that_is_cut_anywhere_gives_what_is_whole(tmp_path: Path) -> None:
    told: list[RunEvent] = [RunStarted(1, "/p", (DEFAULT_PROFILE,), 2, False)]
    told += [DetailReceived(LANE, Row(0), "log", "a/b", b"x" * n, True) for n in range(4)]
    data = write(tmp_path / "journal", told).read_bytes()
    header = write(tmp_path / "empty", []).stat().st_size
    seen: set[int] = set()
    for length in range(header, len(data) + 1):
        (tmp_path / "cut").write_bytes(data[:length])
        read = told_by(tmp_path / "cut")
        assert read == told[: len(read)]
        seen.add(len(read))
    assert seen == {*range(len(told) + 1)}


@given(st.binary(max_size=60))
def test_garbage_after_a_journal_is_not_read(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes
) -> None:
    path = write(tmp_path_factory.mktemp("journal") / "journal", [LaneClosed(LANE)])
    with path.open("ab") as stream:
        stream.write(b"\xc1" + noise)
    assert told_by(path) == [LaneClosed(LANE)]


def test_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    for data in (b"", b"\xff\xff", pack([1, 2, 3]), b"\x93"):
        path.write_bytes(data)
        with pytest.raises(ValueError, match="no journal"):
            replay(path)


def test_a_journal_of_another_version_is_refused_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_bytes(pack(["testlanes journal", 2, None]))
    with pytest.raises(ValueError, match="version 2, not 1"):
        replay(path)


def test_fields_and_events_of_another_build_are_passed_over(tmp_path: Path) -> None:
    """The header names the fields, so that one build reads what another wrote."""
    layout = {
        "LaneClosed": ["colour", "lane"],
        "Unheard": ["of"],
        "RunEnded": ["at", "interrupted"],
    }
    frames = [
        ["testlanes journal", 1, layout],
        [7, "LaneClosed", "red", 3],
        [8, "Unheard", 1],
        [9, "RunEnded", 5, True],
    ]
    (tmp_path / "journal").write_bytes(b"".join(map(pack, frames)))
    assert replay(tmp_path / "journal")[1] == [
        (7, LaneClosed(LaneId(3))),
        (9, RunEnded(5, True, "")),
    ]


def test_a_living_journal_is_locked(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", CaseTable())
    with journal.path.open("rb") as other:
        assert not journal_module.try_lock(other.fileno())
        journal.close()
        assert journal_module.try_lock(other.fileno())
