"""The user's own settings: ``config.toml`` in ``~/.config/testlanes`` (XDG_CONFIG_HOME is honoured)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .tables import Table, read_toml

KEYS: Mapping[str, str] = {
    "keys": '{ quit = "q" }',
    "theme": '"textual-dark"',
    "concurrency": "4",
}
"""Every key, with an example of its value."""


def user_folder(environ: Mapping[str, str]) -> Path | None:
    """Return the folder of the user's settings, None where there is no home."""
    base = environ.get("XDG_CONFIG_HOME", "")
    if base.startswith("/"):  # the XDG specification says to ignore relative paths
        return Path(base, "testlanes")
    home = environ.get("HOME", "")
    return Path(home, ".config", "testlanes") if home.startswith("/") else None


def read_user(environ: Mapping[str, str]) -> Table | None:
    """Return the user's settings, None if there are none.

    Raises:
        UserError: the file cannot be read, or has a key that is none.
    """
    folder = user_folder(environ)
    if folder is None:
        return None
    file = folder / "config.toml"
    data = read_toml(file)
    return None if data is None else Table(data, file, "", KEYS, str(file))
