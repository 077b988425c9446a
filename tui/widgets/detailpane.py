"""A text pane with sections: the parts of one failure or test."""

from __future__ import annotations

from collections.abc import Callable

from textual import events

from ..viewmodels.casehead import rule, tabs_line
from ..viewmodels.detail import Section, SectionText
from ..viewmodels.lines import Line
from ..viewmodels.tracebacks import Frame
from .textpane import TextPane


class DetailPane(TextPane):
    """Shows one of several sections, their names above it."""

    def __init__(
        self,
        title: str,
        *,
        id: str | None = None,  # noqa: A002
        empty: Callable[[], str] = str,
    ) -> None:
        self.sections: list[Section] = []
        self.chosen = 0
        self.above: tuple[Line, ...] = ()
        self.places: list[tuple[int, int]] = []
        super().__init__(title, SectionText(Section("", [])), id=id, empty=empty)

    def show_sections(
        self, sections: list[Section], above: tuple[Line, ...], *, keep: bool = False
    ) -> None:
        """Show other sections; ``keep`` stays at the section of the same name, and where it is."""
        name = self.section.name if self.section else ""
        names = [section.name for section in sections]
        self.sections, self.above = sections, above
        self.chosen = names.index(name) if name in names else 0
        top = self.top
        self._show()
        if keep:
            self.top = top
            self.grown()

    @property
    def section(self) -> Section | None:
        """The section that is shown."""
        return self.sections[self.chosen] if self.chosen < len(self.sections) else None

    def next_section(self, by: int) -> None:
        """Show the next section."""
        if self.sections:
            self.chosen = (self.chosen + by) % len(self.sections)
            self._show()

    def to_section(self, name: str) -> bool:
        """Show a section by its name; return whether there is one."""
        for index, section in enumerate(self.sections):
            if section.name == name:
                self.chosen = index
                self._show()
                return True
        return False

    def _show(self) -> None:
        self._make_head()
        self.show(SectionText(self.section) if self.section else SectionText(Section("", [])))

    def _make_head(self) -> None:
        if not self.sections:
            self.set_head(())
            return
        glyphs, width = self.palette.glyphs, self.body_width
        tabs, self.places = tabs_line(
            [one.name for one in self.sections], self.chosen, glyphs, width
        )
        self.set_head((*self.above, tabs, rule(glyphs, width)))

    def place(self) -> Frame | None:
        """Return the place in a file that the lines in sight are about: the last one named above the middle."""
        section = self.section
        if section is None or not section.places:
            return None
        inside = [at for at in section.places if self.top <= at < self.top + self.body_height]
        if self.top == 0 or not inside:
            return None
        return section.places[inside[0]]

    def search(self, query: str) -> int:
        """See ``TextPane``."""
        if isinstance(self.model, SectionText):
            self.model.query = query
        return super().search(query)

    def on_resize(self) -> None:
        """Fit the names."""
        self.measure()
        self._make_head()
        super().on_resize()

    def on_click(self, event: events.Click) -> None:
        """Show the clicked section."""
        if event.y == len(self.above) + 1:
            for index, (start, end) in enumerate(self.places):
                if start <= event.x - 1 < end:
                    self.chosen = index
                    self._show()
