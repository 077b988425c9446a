"""TOML files and their tables, read strictly: what is wrong is told with file, key and what to write."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from math import nan
from pathlib import Path
from typing import cast

from ..errors import UserError

_LONG = 1e9  # seconds: what no clock of ours overflows at


def read_text(path: Path) -> str | None:
    """Return the text of a UTF-8 file, None if there is none.

    Raises:
        UserError: it cannot be read.
    """
    try:
        return path.read_text("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8: byte {error.start} is wrong.") from None


def read_toml(path: Path) -> dict[str, object] | None:
    """Return what a TOML file says, None if there is none.

    Raises:
        UserError: it cannot be read or is not TOML; the message names the line.
    """
    text = read_text(path)
    if text is None:
        return None
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"\(at line (\d+)", str(error))
        number = line[1] if line else str(text.count("\n") + 1)
        reason = str(error).partition(" (at ")[0]
        raise UserError(
            f"{path}: line {number} is not TOML: {reason}.",
            hint="Texts need quotes, and each table and key may be there only once.",
        ) from None
    except RecursionError:
        raise UserError(f"{path} is not TOML that can be read: too deeply nested.") from None


def subtable(data: Mapping[str, object], *keys: str) -> Mapping[str, object] | None:
    """Return the table at a path of keys, None where there is no table."""
    for key in keys:
        value = data.get(key)
        if not isinstance(value, dict):
            return None
        data = cast("dict[str, object]", value)
    return data


def nearest(word: str, known: Collection[str]) -> str:
    """Return a hint: the known word that is meant, or all of them."""
    import difflib  # only for whoever made a mistake

    near = difflib.get_close_matches(word, sorted(known), 1)
    return f"Is {near[0]!r} meant?" if near else f"There are: {', '.join(sorted(known))}."


class Table:
    """One table. ``keys`` are all that it may have, each with an example of its value.

    ``label`` is what origins call the file; its name if not given.

    Every reader returns None for a key that is not there.

    Raises:
        UserError: it has a key that is not in ``keys``; later, a value has a wrong type.
    """

    def __init__(
        self,
        data: Mapping[str, object],
        file: Path,
        name: str,
        keys: Mapping[str, str],
        label: str = "",
    ) -> None:
        self._data = data
        self._label = label or file.name
        self.file = file
        self.name = name
        self._keys = keys
        for key in data:
            if key not in keys:
                raise UserError(
                    f"{file}: {self.path(key)} is no setting of testlanes.",
                    hint=nearest(key, keys),
                )

    def path(self, key: str) -> str:
        """Return a key as it is called in the whole file."""
        return f"{self.name}.{key}" if self.name else key

    def origin(self, key: str) -> str:
        """Return where a value is from, for ``origins``."""
        return f"{self._label} {self.path(key)}" if self.name else self._label

    def has(self, key: str) -> bool:
        """Return whether the key is there."""
        return key in self._data

    def raw(self, key: str) -> object:
        """Return the value as it is."""
        return self._data.get(key)

    def wrong(self, key: str, wanted: str, hint: str = "") -> UserError:
        """Return the error that a value is not what is ``wanted`` ("a whole number" …)."""
        example = f"Write, for example, {key} = {self._keys[key]}."
        return UserError(
            f"{self.file}: {self.path(key)} is {_shown(self._data.get(key))}, not {wanted}.",
            hint=hint or example,
        )

    def text(self, key: str) -> str | None:
        """Return a text that is not empty."""
        value = self._data.get(key)
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip() or "\0" in value:
            raise self.wrong(key, "a text")
        return value

    def choice(self, key: str, words: Collection[str]) -> str | None:
        """Return a text that is one of ``words``."""
        value = self.text(key)
        if value is not None and value not in words:
            raise self.wrong(key, f"one of {', '.join(words)}")
        return value

    def texts(self, key: str) -> tuple[str, ...] | None:
        """Return a list of texts."""
        value = self._data.get(key)
        if value is None:
            return None
        items = cast("list[object]", value) if isinstance(value, list) else [None]
        if not all(isinstance(item, str) and "\0" not in item for item in items):
            raise self.wrong(key, "a list of texts")
        return tuple(cast("list[str]", items))

    def flag(self, key: str) -> bool | None:
        """Return true or false."""
        value = self._data.get(key)
        if value is not None and not isinstance(value, bool):
            raise self.wrong(key, "true or false")
        return value

    def whole(self, key: str, least: int = 0) -> int | None:
        """Return a whole number from ``least``."""
        value = self._data.get(key)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= _LONG:
            return value
        raise self.wrong(key, f"a whole number from {least}")

    def seconds(self, key: str, least: float = 0.0) -> float | None:
        """Return a duration in seconds."""
        value = self._data.get(key)
        if value is None:
            return None
        number = value if isinstance(value, (int, float)) and not isinstance(value, bool) else nan
        if least <= number <= _LONG:  # false for nan
            return float(number)
        raise self.wrong(key, f"a number of seconds from {least:g}")

    def table(self, key: str) -> Mapping[str, object] | None:
        """Return a table of anything."""
        value = self._data.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.wrong(key, "a table")
        return cast("dict[str, object]", value)

    def mapping(self, key: str) -> dict[str, str] | None:
        """Return a table of texts."""
        value = self.table(key)
        if value is None:
            return None
        for name, each in value.items():
            if not isinstance(each, str) or "\0" in each:
                plain = isinstance(each, (int, float)) and not isinstance(each, bool)
                example = f'{name} = "{each}"' if plain else f"{key} = {self._keys[key]}"
                raise UserError(
                    f"{self.file}: {self.path(key)}.{name} is {_shown(each)}, not a text.",
                    hint=f"Write {example}." if plain else f"Write, for example, {example}.",
                )
        return cast("dict[str, str]", value)

    def environment(self, key: str) -> dict[str, str] | None:
        """Return a table of texts whose names may be those of environment variables."""
        value = self.mapping(key)
        for name in value or ():
            if not name or "=" in name or "\0" in name:
                raise UserError(
                    f"{self.file}: {self.path(key)} names a variable {name!r}.",
                    hint=f"Write, for example, {key} = {self._keys[key]}.",
                )
        return value


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a table"
    text = repr(value)
    return text if len(text) < 80 else text[:80] + "…"
