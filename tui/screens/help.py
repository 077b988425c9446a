"""All keys of the screen one came from."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from ..viewmodels.help import HelpText
from ..widgets.textpane import TextPane


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
