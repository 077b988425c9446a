"""Everything a user can do. Bindings, footer, palette and help are made from this.

A name is what ``[tool.testlanes.keys]`` calls the action; its method on a screen is ``action_`` and
the name with ``_`` for every ``.``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Where: TypeAlias = Literal["running", "triage", "tests", "history", "log", "tail"]

ALL: Final[tuple[Where, ...]] = ("running", "triage", "tests", "history", "log", "tail")
LISTS: Final[tuple[Where, ...]] = ("running", "triage", "tests", "history")
CASES: Final[tuple[Where, ...]] = ("running", "triage", "tests")
TEXTS: Final[tuple[Where, ...]] = ("running", "triage", "tests", "tail", "log")


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do: its keys as Textual calls them, words for the footer and for the help screen."""

    name: str
    keys: str
    label: str
    help: str
    where: tuple[Where, ...] = ALL
    group: str = "Everywhere"
    needs: str = ""
    """What ``Controls.offers`` must name for it to be there."""
    priority: bool = False
    """Whether it also works while something is typed."""

    @property
    def method(self) -> str:
        """The action's name as Textual wants it."""
        return self.name.replace(".", "_")


MOVE, ACT, TEXT, LOOK = "Moving", "Acting on tests", "Text and tails", "What is shown"
PAST = "History"
GROUPS: Final = (ACT, PAST, LOOK, TEXT, "Everywhere", MOVE)
"""The order in which help tells of them."""

ACTIONS: Final[tuple[Action, ...]] = (
    Action("help", "?,f1", "help", "Show all keys"),
    Action("palette", ":,ctrl+p", "command", "Find any action by its name"),
    Action("back", "escape", "back", "Go back; clear the filter or the search"),
    Action("quit", "q", "quit", "Leave; asks first while tests run"),
    Action(
        "stop",
        "ctrl+c",
        "stop",
        "Stop: first hand out no more, then kill, then leave",
        priority=True,
    ),
    Action("suspend", "ctrl+z", "suspend", "Put testlanes into the background; fg brings it back"),
    Action("go.lanes", "1", "lanes", "Go to the lanes"),
    Action("go.failures", "2", "failures", "Go to the failures"),
    Action("go.tests", "3", "tests", "Go to all tests"),
    Action("go.history", "4", "history", "Go to the runs before this one"),
    Action("go.log", "5", "log", "Go to the run's own log: warnings, lost workers, leaks"),
    Action("theme", "T", "theme", "Use the next theme"),
    Action("mouse", "f10", "mouse", "Give the mouse to the terminal, or take it back"),
    # Moving
    Action("move.down", "j,down", "down", "Go down", group=MOVE),
    Action("move.up", "k,up", "up", "Go up", group=MOVE),
    Action("move.first", "g,home", "top", "Go to the top", group=MOVE),
    Action("move.last", "G,end", "end", "Go to the end; a tail then follows", group=MOVE),
    Action("half.down", "ctrl+d", "half page down", "Go half a page down", group=MOVE),
    Action("half.up", "ctrl+u", "half page up", "Go half a page up", group=MOVE),
    Action("page.down", "pagedown", "page down", "Go a page down", group=MOVE),
    Action("page.up", "pageup", "page up", "Go a page up", group=MOVE),
    Action("left", "h,left", "left", "Fold; or go to the left; or scroll to the left", group=MOVE),
    Action(
        "right",
        "l,right",
        "right",
        "Unfold; or go to the right; or scroll to the right",
        group=MOVE,
    ),
    Action("focus.next", "tab", "next pane", "Go to the next pane", group=MOVE),
    Action("focus.previous", "shift+tab", "previous pane", "Go to the previous pane", group=MOVE),
    Action(
        "group.next",
        "J",
        "next group",
        "Go to the next host, or cause, or lane",
        ("running", "triage", "tail"),
        MOVE,
    ),
    Action(
        "group.previous",
        "K",
        "previous group",
        "Go to the previous host, or cause, or lane",
        ("running", "triage", "tail"),
        MOVE,
    ),
    Action(
        "failure.next",
        "]",
        "next failure",
        "Go to the next failure nobody has marked as seen",
        ("running", "triage"),
        MOVE,
    ),
    Action(
        "failure.previous",
        "[",
        "previous failure",
        "Go to the failure before",
        ("running", "triage"),
        MOVE,
    ),
    Action("open", "enter", "open", "Open what is under the cursor", LISTS, MOVE),
    # Acting
    Action(
        "rerun",
        "r",
        "rerun",
        "Run the test under the cursor, or the marked ones, again now",
        CASES,
        ACT,
    ),
    Action("run.failed", "f", "rerun failed", "Run all failed tests again now", CASES, ACT),
    Action(
        "run.all",
        "a",
        "run all",
        "Run all tests again, when the run is over",
        CASES,
        ACT,
        needs="run",
    ),
    Action(
        "run.last",
        "R",
        "repeat",
        "Repeat the run as it was, when it is over",
        CASES,
        ACT,
        needs="run",
    ),
    Action("stress", "s", "stress", "Run the test many times, or until it fails", CASES, ACT),
    Action(
        "bisect",
        "B",
        "bisect",
        "Find out which other test makes this one fail",
        ("running", "triage"),
        ACT,
        needs="bisect",
    ),
    Action(
        "debug",
        "D",
        "debug",
        "Run the test alone under the debugger, on this terminal",
        CASES,
        ACT,
        needs="debug",
    ),
    Action(
        "stop.test",
        "x",
        "stop test",
        "Stop the test that runs in the lane under the cursor",
        ("running", "tail"),
        ACT,
    ),
    Action(
        "stop.run", "X", "stop run", "Stop the run: running tests end by themselves", CASES, ACT
    ),
    Action(
        "lanes.more",
        "+",
        "more lanes",
        "Add a lane on the host under the cursor",
        ("running",),
        ACT,
    ),
    Action(
        "lanes.fewer",
        "-",
        "fewer lanes",
        "Take a lane away on the host under the cursor",
        ("running",),
        ACT,
    ),
    Action(
        "host",
        "H",
        "host away",
        "Take the host under the cursor out of the run, or let it join again",
        ("running",),
        ACT,
    ),
    Action(
        "watch",
        "w",
        "watch",
        "Run tests again when files change, or no more",
        ("running",),
        ACT,
        needs="watch",
    ),
    Action(
        "buffer",
        "b",
        "collect",
        "Watch: collect changes until Enter, or run them as they come",
        ("running",),
        ACT,
        needs="watching",
    ),
    Action(
        "run.rest",
        "A",
        "run the rest",
        "Watch: run what has not run since the last full run",
        ("running",),
        ACT,
        needs="watching",
    ),
    Action("mark", "space", "mark", "Mark the test, for rerun", ("triage", "tests"), ACT),
    Action(
        "mark.range",
        "V",
        "mark range",
        "Mark from the last marked line to here",
        ("triage", "tests"),
        ACT,
    ),
    Action("seen", "m", "seen", "Mark the failure as seen", ("running", "triage"), ACT),
    Action("walk", "i", "walk", "Mark as seen and go to the next failure", ("triage",), ACT),
    Action(
        "variant",
        ".",
        "next profile",
        "Show the same test under the next profile it failed under",
        ("triage",),
        LOOK,
    ),
    Action("edit", "e", "edit", "Open the editor where it failed", CASES, ACT),
    Action("copy.id", "y", "copy id", "Copy the test's id", CASES, ACT),
    Action("copy.command", "Y", "copy command", "Copy the command that runs it again", CASES, ACT),
    # Looking
    Action("filter", "/", "filter", "Filter a list, search a text", ALL, LOOK),
    Action("found.next", "n", "next hit", "Go to the next hit of the search", TEXTS, LOOK),
    Action("found.previous", "N", "previous hit", "Go to the hit before", TEXTS, LOOK),
    Action("profiles", "p", "profiles", "Choose the profiles that are shown", CASES, LOOK),
    Action(
        "show",
        "!",
        "show",
        "Show all, only new, known or flaky failures; or tests by status",
        ("running", "triage", "tests"),
        LOOK,
    ),
    Action("sort", "S", "sort", "Sort another way", ("triage", "tests"), LOOK),
    Action(
        "diff", "d", "diff", "Show what was expected against what came", ("running", "triage"), LOOK
    ),
    Action(
        "beside", "|", "side by side", "Show the test under its profiles side by side", CASES, LOOK
    ),
    Action(
        "section",
        "v",
        "next section",
        "Show the failure's next section",
        CASES,
        LOOK,
    ),
    Action(
        "section.back",
        "ctrl+v",
        "section before",
        "Show the failure's section before",
        CASES,
        LOOK,
    ),
    Action(
        "attachment",
        "o",
        "open outside",
        "Open the shown attachment in its own program",
        CASES,
        LOOK,
    ),
    Action("zoom", "z", "zoom", "Show only this pane, without a frame", ALL, LOOK),
    Action("layout", "M", "layout", "Put the panes another way", ("running", "triage"), LOOK),
    # Text
    Action("tail", "t", "tail", "Show the lane's output on the whole screen", ("running",), TEXT),
    Action(
        "stacks",
        "t",
        "stacks",
        "Show where every thread of the running test is now",
        ("tail",),
        TEXT,
    ),
    Action("copy.pane", "c", "copy pane", "Copy the text of the pane", ALL, TEXT),
    Action("save", "O", "save", "Write the text of the pane to a file", TEXTS, TEXT),
    Action("wrap", "W", "wrap", "Fold long lines, or cut them", TEXTS, TEXT),
    Action("source", "S", "source", "Show one source after the other", ("running", "tail"), TEXT),
    Action(
        "level", "L", "level", "Show only lines of a level and above", ("running", "tail"), TEXT
    ),
    # History
    Action("side.a", "A", "set A", "Compare with this run", ("history",), PAST),
    Action("side.b", "B", "set B", "Compare this run", ("history",), PAST),
    Action(
        "side.green",
        "L",
        "last green",
        "Compare with the last run without a failure",
        ("history",),
        PAST,
    ),
    Action(
        "past.test",
        "H",
        "runs of test",
        "Show the runs of the test under the cursor",
        ("triage", "tests", "history"),
        PAST,
    ),
    Action(
        "past.flaky", "F", "flaky", "Show the tests that change their outcome", ("history",), PAST
    ),
    Action("past.slow", "S", "slowest", "Show the tests that take longest", ("history",), PAST),
)

BY_NAME: Final[Mapping[str, Action]] = {action.name: action for action in ACTIONS}

FOOTER: Final[Mapping[Where, tuple[str, ...]]] = {
    "running": (
        "open",
        "go.failures",
        "tail",
        "rerun",
        "run.failed",
        "stop.test",
        "profiles",
        "filter",
    ),
    "triage": ("open", "rerun", "edit", "failure.next", "section", "seen", "copy.command"),
    "tests": ("filter", "show", "sort", "open", "rerun", "mark"),
    "history": ("open", "side.a", "side.b", "side.green", "past.flaky", "past.slow"),
    "log": ("filter", "copy.pane", "save"),
    "tail": (
        "filter",
        "source",
        "level",
        "stacks",
        "wrap",
        "save",
        "stop.test",
        "group.next",
    ),
}
"""What the footer names of each screen, as far as it has room: the keys of the moment."""


def actions_of(where: Where, offers: frozenset[str]) -> list[Action]:
    """Return what can be done on a screen."""
    return [
        action
        for action in ACTIONS
        if where in action.where and (not action.needs or action.needs in offers)
    ]


def keys_of(action: Action, keys: Mapping[str, str]) -> list[str]:
    """Return an action's keys, the user's in place of ours."""
    return [key.strip() for key in keys.get(action.name, action.keys).split(",") if key.strip()]


def wrong_keys(keys: Mapping[str, str]) -> list[str]:
    """Return what is wrong with a user's keys, each as one plain sentence."""
    wrong = [
        f"There is no action {name!r} to give a key to." for name in keys if name not in BY_NAME
    ]
    for where in ALL:
        taken: dict[str, str] = {}
        for action in (action for action in ACTIONS if where in action.where):
            for key in keys_of(action, keys):
                other = taken.setdefault(key, action.name)
                if other != action.name and (action.name in keys or other in keys):
                    said = f"The key {key!r} stands for both {other!r} and {action.name!r}."
                    wrong += [said] if said not in wrong else []
    return wrong


_SHOWN = {
    "escape": "Esc",
    "enter": "⏎",
    "space": "Space",
    "tab": "Tab",
    "shift+tab": "⇧Tab",
    "down": "↓",
    "up": "↑",
    "left": "←",
    "right": "→",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "home": "Home",
    "end": "End",
}


def shown_key(key: str, *, ascii_only: bool = False) -> str:
    """Return a key as it is written on the screen."""
    if ascii_only and not _SHOWN.get(key, "").isascii():
        return key
    if key in _SHOWN:
        return _SHOWN[key]
    if key.startswith("ctrl+"):
        return f"^{key[5:].upper()}"
    return key.upper() if key.startswith("f") and key[1:].isdigit() else key
