"""Every key's meaning can be read in full, on the smallest of terminals too."""

from __future__ import annotations

import pytest

from testlanes.runner.ids import Kind
from testlanes.runner.state import Standing
from testlanes.tui.actions import ACTIONS, keys_of
from testlanes.tui.viewmodels.glyphs import (
    ASCII,
    PLAIN,
    UNICODE,
    Glyphs,
    kind_sign,
    standing_sign,
)
from testlanes.tui.viewmodels.help import LEGEND, HelpText
from testlanes.tui.viewmodels.lines import line_width, text_of


@pytest.mark.parametrize("width", [56, 76, 90])
def test_no_meaning_is_cut(width: int) -> None:
    entries = [(one.group, " ".join(keys_of(one, {})), one.help) for one in ACTIONS]
    text = HelpText(entries, [], width)
    lines = [text.line(index, width) for index in range(len(text) - 3)]  # below: filters
    assert max(map(line_width, lines)) <= width
    words = " ".join(" ".join(text_of(line).split()) for line in lines)
    assert all(one.help in words for one in ACTIONS)


@pytest.mark.parametrize("glyphs", [UNICODE, PLAIN, ASCII])
def test_how_a_test_ended_can_be_read_without_colours(glyphs: Glyphs) -> None:
    signs = {kind: kind_sign(glyphs, kind)[0] for kind in Kind if kind is not Kind.NONE}
    others = {one: standing_sign(glyphs, one)[0] for one in Standing if one != Standing.FAIL}
    del others[Standing.UNSELECTED]  # it is not run, too
    every = [*signs.values(), *others.values()]
    assert len(set(every)) == len(every)
    legend = {getattr(glyphs, name) for name, _, _ in LEGEND}
    assert {*every} - {glyphs.waiting} <= legend
