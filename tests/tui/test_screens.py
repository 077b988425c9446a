"""The screens as text, kept in ``tests/tui/screens``; ``TESTLANES_UPDATE=1`` writes them anew."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path

import pytest

from testlanes.runner.events import CasesListed, CaseStarted, ListingEnded, OutputReceived, RunEnded
from testlanes.runner.ids import Kind, LaneId, Row, Status
from testlanes.tui.app import Dashboard

from .stage import PY311, Stage, stage_ended, stage_running
from .stage_watching import stage_watching

KEPT = Path(__file__).with_name("screens")
WIDE, SMALL = (130, 36), (80, 24)


def screen_text(app: Dashboard) -> str:
    """Return what is on the screen, as text."""
    strips = app.screen._compositor.render_strips()  # pyright: ignore[reportPrivateUsage]
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips) + "\n"


async def shown(
    stage: Stage, size: tuple[int, int] = WIDE, keys: str = "", *, ascii_only: bool = False
) -> str:
    settings = replace(stage.settings, theme="testlanes-dark")
    app = Dashboard(stage.state, stage.notes, settings, stage.history, ascii_only=ascii_only)
    async with app.run_test(size=size) as pilot:
        app.draw()
        await pilot.pause()
        await pilot.press(*keys.split())
        app.draw()
        await pilot.pause()
        return screen_text(app)


SCENES: dict[str, tuple[Callable[[], Stage], tuple[int, int], str]] = {
    "running": (stage_running, WIDE, ""),
    "running-small": (stage_running, SMALL, ""),
    "running-tall": (stage_running, (100, 40), ""),
    "preview": (stage_running, WIDE, "]"),
    "collecting": (lambda: Stage().start(), WIDE, ""),
    "summary": (stage_ended, WIDE, ""),
    "summary-green": (lambda: stage_ended(green=True), SMALL, ""),
    "triage": (stage_running, WIDE, "2 G"),
    "triage-small": (stage_running, SMALL, "2 G"),
    "beside": (stage_running, WIDE, "2 G |"),
    "tests": (stage_running, WIDE, "3"),
    "history": (stage_running, WIDE, "4"),
    "log": (stage_running, SMALL, "5"),
    "tail": (stage_running, WIDE, "t"),
    "help": (stage_running, WIDE, "?"),
    "watch": (stage_watching, WIDE, ""),
    "watch-small": (stage_watching, SMALL, ""),
    "quit": (stage_running, SMALL, "q"),
}


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Times of day as they are in Greenwich."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("utc")
@pytest.mark.parametrize("name", SCENES)
async def test_a_screen_looks_as_it_is_kept(name: str) -> None:
    make, size, keys = SCENES[name]
    text = await shown(make(), size, keys)
    kept = KEPT / f"{name}.txt"
    if os.environ.get("TESTLANES_UPDATE"):
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(text, encoding="utf-8")
    assert text == kept.read_text(encoding="utf-8")


async def test_that_nothing_failed_is_said_of_a_run_that_is_over() -> None:
    for keys in ("", "2"):
        assert "Nothing failed so far." in await shown(Stage().start(), WIDE, keys)


async def test_no_sign_beyond_ascii_is_used_where_that_is_asked() -> None:
    for keys in ("", "2 G", "3", "4", "5", "t", "?", "]"):
        text = await shown(stage_running(), WIDE, keys, ascii_only=True)
        assert text.isascii(), (keys, sorted({one for one in text if not one.isascii()}))


@pytest.mark.parametrize("size", [(1, 1), (10, 3), (20, 5), (40, 12), (79, 23), (250, 80)])
async def test_every_screen_stands_any_size(size: tuple[int, int]) -> None:
    for keys in ("", "2", "3", "4", "5", "t", "?", "p"):
        lines = (await shown(stage_running(), size, keys)).split("\n")[:-1]
        assert len(lines) == size[1]
        assert all(len(line) <= size[0] for line in lines)


HOSTILE = (
    "test_x[\x1b]0;owned\x07]",
    "test_y[\x1b[2J\x1b]52;c;b3duZWQ=\x07]",
    "test_z[/usr/bin]",
    "[@click=app.quit]test_q[/]",
    "[[/]",
    "test_bidi\u202egnp.exe",
    "test_\ud800surrogate",
    "test_wide_漢字漢字漢字",
    "test_marks" + "\u0301" * 500,
    "test\twith\ttabs\nand\rlines\0",
    "x" * 20_000,
    "",
)


async def test_hostile_text_reaches_every_screen_and_harms_none() -> None:
    """Ids, messages, output, names and errors that try to steer the terminal or Textual's markup."""
    stage = Stage([PY311]).start()
    rows = tuple(stage.cases.add(name, PY311) for name in HOSTILE)
    stage.say(CasesListed(PY311, rows, rows), ListingEnded(PY311, "\x1b[2Jerror [red]", 0.1))
    stage.open_lanes(2, 0)
    for row in rows:
        text = f"\x1b]0;t\x07 {HOSTILE[row]!s} != [bold]{row}[/]".encode("utf-8", "replace")
        stage.say(CaseStarted(LaneId(0), row, stage.at(1)))
        stage.end(
            0,
            row,
            2,
            Status.FAIL,
            Kind.ERROR,
            details=[
                ("trace\x1b[2Jback", "text/plain", text),
                (
                    "traceback",
                    "text/x-traceback",
                    b'Traceback (most recent call last):\n  File "\x1b[2J.py", line 1, in [f]\nE: '
                    + text,
                ),
                ("\x1b]0;n\x07", "image/\x1b[2Jpng", b"\xff"),
            ],
        )
    stage.say(CaseStarted(LaneId(1), rows[0], stage.at(2)))
    stage.say(
        OutputReceived(
            LaneId(1),
            "std\x1b[2Jout",
            b"\x1b[2J\x1b]52;c;eA==\x07 [/] \xff\xfe \xc2\x9b31m\r\n" * 3,
        )
    )
    for keys in ("", "2 j", "2 j v v v", "3", "3 enter", "5", "]", "j t", "2 j y", "r", "s", "x"):
        text = await shown(stage, WIDE, keys)
        bad = {
            one
            for one in text
            if one != "\n"
            and (
                ord(one) < 32
                or 0x7F <= ord(one) < 0xA0
                or 0xD800 <= ord(one) < 0xE000
                or one == "\u202e"
            )
        }
        assert not bad, (keys, bad)


async def test_a_run_that_ends_before_the_first_frame_is_shown_ended() -> None:
    stage = Stage([PY311]).start()
    stage.say(RunEnded(stage.at(0.1), interrupted=False))
    assert "There was no test to run" in await shown(stage, SMALL)


async def test_a_thousand_lanes_and_failures_fit_the_screen() -> None:
    stage = Stage([PY311]).start().list_tests(more=1500).open_lanes(200, 0)
    for number, row in enumerate(list(stage.cases)[:1200]):
        lane = LaneId(number % 200)
        stage.say(CaseStarted(lane, row, stage.at(1)))
        stage.end(
            lane,
            row,
            2,
            Status.FAIL,
            Kind.ASSERTION,
            details=[
                ("traceback", "text/x-traceback", f"ValueError: {number % 40 * 'x'}".encode())
            ],
        )
    text = await shown(stage, WIDE, "")
    assert "Failures 1,200" in text
    assert Row(0) in stage.state.failures
