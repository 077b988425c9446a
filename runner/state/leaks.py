"""What the kinds of leaks are called."""

from __future__ import annotations

_LEAK_WORDS = {
    "process": ("process", "processes"),
    "thread": ("thread", "threads"),
    "fd": ("open file", "open files"),
    "socket": ("listening socket", "listening sockets"),
    "file": ("temporary file", "temporary files"),
    "environment": ("environment variable", "environment variables"),
    "handler": ("log handler", "log handlers"),
    "state": ("change of process state", "changes of process state"),
}


def leak_words(kind: str, count: int = 1) -> str:
    """Return what a kind of leak is called, for so many of them."""
    one, many = _LEAK_WORDS.get(kind, (kind, kind))
    return one if count == 1 else many
