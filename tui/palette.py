"""The command palette: every action of the screen in front, and every theme. Never tests: there are too many."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from .actions import GROUPS, actions_of, keys_of, shown_key

if TYPE_CHECKING:
    from .app import Dashboard

_NOT_NAMED = ("move.", "half.", "page.", "focus.", "left", "right", "palette", "back")
"""Moving about has keys; in a list of commands it would only be in the way."""


class Actions(Provider):
    """Offers actions and themes."""

    def _commands(self) -> list[tuple[str, str, Callable[[], None]]]:
        dash = cast("Dashboard", self.app)
        front = dash.front
        out: list[tuple[str, str, Callable[[], None]]] = []
        for action in sorted(
            actions_of(front.WHERE, dash.controls.offers), key=lambda one: GROUPS.index(one.group)
        ):
            if not action.name.startswith(_NOT_NAMED):
                keys = " ".join(shown_key(key) for key in keys_of(action, dash.settings.keys))
                out.append(
                    (action.help, f"{keys}   {action.name}", partial(front.press, action.name))
                )
        out += [
            (f"Theme {name}", "theme", partial(dash.use_theme, name)) for name in dash.theme_names
        ]
        return out

    async def discover(self) -> Hits:
        """Offer everything."""
        for text, note, run in self._commands():
            yield DiscoveryHit(text, run, help=note)

    async def search(self, query: str) -> Hits:
        """Offer what matches."""
        matcher = self.matcher(query)
        for text, note, run in self._commands():
            score = max(matcher.match(text), matcher.match(note))
            if score > 0:
                yield Hit(score, matcher.highlight(text), run, help=note)
