"""What an agent answers while its host is brought up, before there are lanes; ARCHITECTURE.md has the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from ..frozen import frozen
from .fields import items, mapping, raw, text, whole


@frozen
class Tree:
    """A project's folder on a host, by its real path. ``rsync``: whether that program is there.

    ``state``: ``there`` or ``missing`` where nothing is copied; else ``alone`` (we may change it), ``shared``
    (another run uses it: it must not differ) or ``busy`` (``holder`` is changing it).
    """

    root: str
    state: str
    holder: str
    rsync: bool


@frozen
class Needs:
    """The listed files that differ there: index -> SHA-256 of what is there, if only its times differ."""

    files: Mapping[int, bytes | None]


@frozen
class Copied:
    """So many bytes of the stream were taken; since its begin: files and bytes put in place, files removed."""

    taken: int
    files: int
    bytes: int
    removed: int


@frozen
class SetupState:
    """The environment's setup was not needed (``kept``), is ``running`` (``text``: its last line), ``done`` or ``failed``.

    Then ``text`` is its last output, and ``why`` goes after "it".
    """

    state: str
    why: str
    text: str


@frozen
class PythonFound:
    """A profile's interpreter said its version; or it is empty, and ``why`` goes after "it"."""

    profile: str
    version: str
    why: str


@frozen
class Refused:
    """The host cannot be made ready: why, and what to do. ``final``: to try again is no use."""

    why: str
    hint: str
    final: bool


BringUp: TypeAlias = Tree | Needs | Copied | SetupState | PythonFound | Refused
"""What only a host that is being brought up says."""


def _tree(frame: Sequence[object]) -> BringUp:
    found = mapping(frame[1], "tree")
    return Tree(
        text(found.get("root"), "a tree's root"),
        text(found.get("state"), "a tree's state"),
        text(found.get("holder"), "a tree's holder"),
        bool(found.get("rsync")),
    )


def _needs(frame: Sequence[object]) -> BringUp:
    files: dict[int, bytes | None] = {}
    for each in items(frame[1], "needs"):
        index, digest = (*items(each, "a need"), None, None)[:2]
        files[whole(index, "a need's index")] = (
            None if digest is None else raw(digest, "a need's digest")
        )
    return Needs(files)


def _setup(frame: Sequence[object]) -> BringUp:
    found = mapping(frame[1], "setup")
    return SetupState(
        text(found.get("state"), "setup's state"),
        text(found.get("why"), "setup's why"),
        text(found.get("text"), "setup's text"),
    )


def _python(frame: Sequence[object]) -> BringUp:
    found = mapping(frame[2], "python")
    return PythonFound(
        text(frame[1], "a profile"),
        text(found.get("version"), "a version"),
        text(found.get("why"), "python's why"),
    )


def _refused(frame: Sequence[object]) -> BringUp:
    found = mapping(frame[1], "refused")
    return Refused(
        text(found.get("why"), "refused's why"),
        text(found.get("hint"), "refused's hint"),
        bool(found.get("final")),
    )


READERS: dict[str, tuple[int, Callable[[Sequence[object]], BringUp]]] = {
    "tree": (1, _tree),
    "needs": (1, _needs),
    "copied": (4, lambda f: Copied(*(whole(each, "a count of copied") for each in f[1:5]))),
    "setup": (1, _setup),
    "python": (2, _python),
    "refused": (1, _refused),
}
"""Word -> (count of its fields, what reads the frame)."""
