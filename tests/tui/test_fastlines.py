"""A widget drawn by the line always shows what its lines are now."""

from __future__ import annotations

from testlanes.tui.app import Dashboard
from testlanes.tui.viewmodels.lines import Line, Span
from testlanes.tui.widgets.bars import Bar
from testlanes.tui.widgets.tones import Tones

from .stage import stage_running
from .test_screens import screen_text


async def test_a_line_that_changed_twice_before_it_was_painted_is_painted_as_it_is_now() -> None:
    """Two frames may come before Textual paints; the last one of a run must be the one that is seen."""
    stage = stage_running()
    said = ["first"]

    def line(y: int, width: int) -> Line:
        return (Span(said[-1]),)

    app = Dashboard(stage.state, stage.notes, stage.settings, stage.history)
    async with app.run_test(size=(80, 24)) as pilot:
        bar = Bar(line)
        bar.styles.height = 1
        await app.screen.mount(bar, before=0)
        await pilot.pause()
        assert "first" in screen_text(app)
        said.append("second")
        assert bar.check() == 1
        said.append("third")
        assert bar.check() == 1
        assert bar.check() == 0
        await pilot.pause()
        assert "third" in screen_text(app)


async def test_a_frame_may_come_before_a_screen_has_its_widgets() -> None:
    stage = stage_running()
    app = Dashboard(stage.state, stage.notes, stage.settings, stage.history)
    async with app.run_test(size=(80, 24)) as pilot:
        app.go("tests")
        app.draw()
        await pilot.pause()
        assert "test_rebuild" in screen_text(app)


def test_without_colours_the_line_of_the_cursor_has_one_ground() -> None:
    tones = Tones({"tl-text": "#e0e0e0", "tl-dim": "#808080", "tl-cursor": "#204060"}, plain=True)
    styles = [tones.style(f"{tone} on:cursor") for tone in ("text", "dim", "fail")]
    assert all(style.reverse for style in styles)
    assert len({style.color for style in styles}) == 1
