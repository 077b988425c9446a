"""Small questions: yes or no, a line of text, a choice of several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from ..viewmodels.lines import EMPTY, Line, Span
from ..widgets.bars import Bar
from ..widgets.linelist import LineList


class Choice(ModalScreen[str], inherit_bindings=False):
    """Some lines of text and a few keys; answers with the pressed key's word, empty for none."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,n,q", "answer('')", show=False)]

    def __init__(
        self, title: str, text: Sequence[str], keys: Sequence[tuple[str, str, str]]
    ) -> None:
        super().__init__()
        self._lines: list[Line] = [(Span(title, "title bold"),), EMPTY]
        self._lines += [(Span(line, "text"),) for line in text]
        self._lines.append(EMPTY)
        for key, word, label in keys:
            self._lines.append((Span(f"  {key:<6}", "key bold"), Span(label, "text")))
            for one in (key, "enter") if word == keys[0][1] else (key,):
                self._bindings.bind(
                    "escape" if one == "Esc" else one, f"answer('{word}')", show=False
                )

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Vertical(classes="dialog"):
            bar = Bar(lambda y, _: self._lines[y] if y < len(self._lines) else EMPTY)
            bar.styles.height = len(self._lines)
            yield bar

    def action_answer(self, word: str) -> None:
        """Close with an answer."""
        self.dismiss(word)


class Ask(ModalScreen[str | None], inherit_bindings=False):
    """One line of text; ``None`` when left by Escape."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]

    def __init__(
        self,
        label: str,
        value: str,
        changed: Callable[[str], None] | None = None,
        hint: str = "",
    ) -> None:
        super().__init__()
        self._label = label
        self._hint = hint
        self._value = value
        self._changed = changed

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Vertical(classes="dialog"):
            lines = [(Span(self._label, "title bold"),)]
            if self._hint:
                lines.append((Span(self._hint, "dim"),))
            label = Bar(lambda y, _: lines[y] if y < len(lines) else EMPTY)
            label.styles.height = len(lines) + 1
            yield label
            field = Input(self._value)
            field.cursor_blink = False
            yield field

    def on_mount(self) -> None:
        """Take the focus."""
        self.query_one(Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Tell of each change."""
        if self._changed is not None:
            self._changed(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Close with the text."""
        self.dismiss(event.value)

    def action_leave(self) -> None:
        """Close without."""
        self.dismiss(None)


class _Options:
    def __init__(self, names: Sequence[tuple[str, str]], on: set[str]) -> None:
        self.names = names
        self.on = on

    def __len__(self) -> int:
        return len(self.names)

    def line(self, index: int, width: int) -> Line:
        """See ``ListModel``."""
        name, note = self.names[index]
        box = "[x]" if name in self.on else "[ ]"
        return (Span(f" {box} ", "accent"), Span(name, "text"), Span(f"  {note}", "dim"))


class Pick(ModalScreen[set[str] | None], inherit_bindings=False):
    """Some of several; ``None`` when left by Escape. Space switches, ``a`` takes all, Enter is done."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,p", "leave", show=False),
        Binding("space,x", "switch", show=False),
        Binding("a", "everything", show=False),
        Binding("o", "only", show=False),
        Binding("enter", "done", show=False),
        Binding("j,down", "move(1)", show=False),
        Binding("k,up", "move(-1)", show=False),
    ]

    def __init__(self, title: str, names: Sequence[tuple[str, str]], on: set[str]) -> None:
        super().__init__()
        self._title = title
        self._model = _Options(names, set(on))

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Vertical(classes="dialog"):
            self.list = LineList(self._title, self._model)
            self.list.bare = True
            self.list.styles.height = min(20, len(self._model) + 1)
            yield self.list
            keys = (("Space", "switch"), ("o", "only this"), ("a", "all"), ("Enter", "done"))
            hint = tuple(
                part
                for key, word in keys
                for part in (Span(key, "key bold"), Span(f" {word}  ", "dim"))
            )
            keys_bar = Bar(lambda y, _: hint if y else EMPTY)
            keys_bar.styles.height = 2
            yield keys_bar

    def on_mount(self) -> None:
        """Take the focus."""
        self.list.focus()

    def action_move(self, by: int) -> None:
        """Move the cursor."""
        self.list.move(by)

    def action_switch(self) -> None:
        """Take what is under the cursor, or leave it."""
        self._model.on ^= {self._model.names[self.list.cursor][0]}
        self.list.redraw()

    def action_everything(self) -> None:
        """Take all."""
        self._model.on = {name for name, _ in self._model.names}
        self.list.redraw()

    def action_only(self) -> None:
        """Take this one only."""
        self._model.on = {self._model.names[self.list.cursor][0]}
        self.list.redraw()

    def action_done(self) -> None:
        """Close with the choice."""
        self.dismiss(self._model.on)

    def action_leave(self) -> None:
        """Close without."""
        self.dismiss(None)
