"""Every key's meaning can be read in full, on the smallest of terminals too."""

from __future__ import annotations

import pytest

from testlanes.tui.actions import ACTIONS, keys_of
from testlanes.tui.viewmodels.help import HelpText
from testlanes.tui.viewmodels.lines import line_width, text_of


@pytest.mark.parametrize("width", [56, 76, 90])
def test_no_meaning_is_cut(width: int) -> None:
    entries = [(one.group, " ".join(keys_of(one, {})), one.help) for one in ACTIONS]
    text = HelpText(entries, [], width)
    lines = [text.line(index, width) for index in range(len(text) - 3)]  # below: filters
    assert max(map(line_width, lines)) <= width
    words = " ".join(" ".join(text_of(line).split()) for line in lines)
    assert all(one.help in words for one in ACTIONS)
