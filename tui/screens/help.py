"""All keys of the screen one came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from ..actions import GROUPS, Where, actions_of, keys_of, shown_key
from ..viewmodels.glyphs import Glyphs
from ..viewmodels.help import LEGEND, HelpText
from ..widgets.textpane import TextPane

SHEET: Final = 92
"""Cells that the sheet of keys takes where there are so many."""


def help_text(
    where: Where, offers: frozenset[str], keys: Mapping[str, str], glyphs: Glyphs, width: int
) -> HelpText:
    """Return what there is to say of a place's keys, in lines of ``width`` cells."""
    ascii_only = glyphs.across == "-"
    actions = sorted(actions_of(where, offers), key=lambda one: GROUPS.index(one.group))
    entries = [
        (
            action.group,
            " ".join(shown_key(key, ascii_only=ascii_only) for key in keys_of(action, keys)),
            action.help,
        )
        for action in actions
    ]
    signs = [(str(getattr(glyphs, name)), tone, words) for name, tone, words in LEGEND]
    return HelpText(entries, signs, width)


class HelpScreen(ModalScreen[None], inherit_bindings=False):
    """A sheet of keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1,enter", "leave", show=False),
        Binding("j,down", "scroll(1)", show=False),
        Binding("k,up", "scroll(-1)", show=False),
        Binding("pagedown,ctrl+d,space", "page(1)", show=False),
        Binding("pageup,ctrl+u", "page(-1)", show=False),
        Binding("g,home", "to_start", show=False),
        Binding("G,end", "to_end", show=False),
    ]

    def __init__(self, text: HelpText) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        """Lay it out."""
        self.pane = TextPane("Keys", self._text, id="help")
        with Vertical(id="sheet"):
            yield self.pane

    def on_mount(self) -> None:
        """Take the focus."""
        self.pane.focus()

    def action_scroll(self, by: int) -> None:
        """Scroll."""
        self.pane.scroll_by(by)

    def action_page(self, by: int) -> None:
        """Scroll by a page."""
        self.pane.page(by)

    def action_to_start(self) -> None:
        """Scroll to the start."""
        self.pane.to_start()

    def action_to_end(self) -> None:
        """Scroll to the end."""
        self.pane.to_end()

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)
