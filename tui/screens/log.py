"""The run's own log on the whole screen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from testlanes.runner.ids import LaneId, Row

from ..actions import Where
from ..viewmodels.log import LogModel
from ..widgets.textpane import TextPane
from .base import BaseScreen, bindings_for


class LogScreen(BaseScreen, inherit_bindings=False):
    """Warnings, lost workers, leaks."""

    WHERE: ClassVar[Where] = "log"
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("log")

    def compose(self) -> ComposeResult:
        """Lay the pane out."""
        self.model = LogModel(self.dash.shown)
        self.text = TextPane(
            "Log of the run", self.model, id="log", empty=lambda: "Nothing to tell."
        )
        yield self.text
        yield self.footer()

    def entered(self) -> None:
        """See ``BaseScreen``."""
        self.frame((), ())

    def frame(self, rows: Iterable[Row], lanes: Iterable[LaneId]) -> None:
        """See ``BaseScreen``."""
        if self.model.advance():
            self.text.grown()
            self.text.redraw()

    def search(self, query: str) -> None:
        """Mark what is searched for."""
        self.model.query = query

    def save_name(self) -> str:
        """See ``BaseScreen``."""
        return "testlanes-log.txt"
