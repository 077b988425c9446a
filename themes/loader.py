"""Reads theme files: TOML with the fields of ``textual.theme.Theme`` and a table of ``[tones]``.

A tone is a colour that means something (``ok``, ``fail``, ``border``); ``TONES`` names them all, and
a theme that leaves some out gets them from its main colours.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from textual.color import Color, ColorParseError
from textual.theme import Theme

FOLDER: Final = Path(__file__).parent
"""The built-in themes."""
DEFAULT: Final = "testlanes-dark"
SIXTEEN: Final = "testlanes-16"
"""The theme for terminals with 16 colours."""

TONES: Final[Mapping[str, str]] = {
    "ground": "background",
    "panel": "surface",
    "text": "foreground",
    "title": "foreground",
    "dim": "foreground 65%",
    "faint": "foreground 40%",
    "border": "foreground 20%",
    "border-focus": "primary",
    "accent": "primary",
    "key": "primary",
    "cursor": "primary 30%",
    "cursor-blur": "primary 15%",
    "ok": "success",
    "fail": "error",
    "crash": "error",
    "skip": "foreground 65%",
    "slow": "warning",
    "flaky": "secondary",
    "new": "error",
    "running": "primary",
    "fixture": "secondary",
    "profile": "secondary",
    "warm": "warning",
    "bar": "primary",
    "bar-ok": "success",
    "bar-fail": "error",
    "bar-rest": "foreground 15%",
    "badge-text": "background",
    "match": "warning 40%",
    "diff-add": "success",
    "diff-add-ground": "success 15%",
    "diff-del": "error",
    "diff-del-ground": "error 15%",
    "code-keyword": "secondary",
    "code-string": "success",
    "code-number": "warning",
    "code-comment": "foreground 50%",
    "code-name": "primary",
    "here": "primary 12%",
}
"""Every tone, and what stands for it in a theme without it: a main colour, laid over the background."""

_FIELDS: Final = {field.name for field in dataclasses.fields(Theme)}
_PLAIN: Final = {"name", "dark", "luminosity_spread", "text_alpha", "variables", "ansi"}


class ThemeError(Exception):
    """What is wrong with a theme file, in words for its author."""


@dataclass(frozen=True, slots=True)
class Themes:
    """Themes by name, and one line for each file that is no theme."""

    themes: Mapping[str, Theme]
    problems: tuple[str, ...] = ()


def load_themes(folders: Iterable[Path] = ()) -> Themes:
    """Load the built-in themes and those in ``folders``; later ones win. Missing folders are no problem."""
    themes: dict[str, Theme] = {}
    problems: list[str] = []
    for folder in (FOLDER, *folders):
        for path in sorted(folder.glob("*.toml")) if folder.is_dir() else ():
            try:
                theme = read_theme(path.read_text("utf-8"), path.stem)
            except (OSError, UnicodeDecodeError, ThemeError) as error:
                problems.append(f"{path}: {error}")
            else:
                themes[theme.name] = theme
    return Themes(themes, tuple(problems))


def read_theme(text: str, name: str) -> Theme:
    """Read one theme; ``name`` is its name if it gives none.

    Raises:
        ThemeError: it is no TOML, has an unknown key, or a colour that is none.
    """
    try:
        data: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ThemeError(f"this is not TOML: {error}") from None
    tones = data.pop("tones", {})
    if not isinstance(tones, dict):
        raise ThemeError("[tones] must be a table of colours")
    named = cast("dict[str, Any]", tones)
    if extra := sorted(set(data) - _FIELDS):
        raise ThemeError(
            f"unknown key {extra[0]!r}; known are {', '.join(sorted(_FIELDS))} and [tones]"
        )
    if extra := sorted(set(named) - set(TONES)):
        raise ThemeError(f"unknown tone {extra[0]!r} in [tones]; known are {', '.join(TONES)}")
    if "primary" not in data:
        raise ThemeError("the key 'primary' is missing: the one colour that a theme must name")
    for key, value in [*data.items(), *named.items()]:
        if key not in _PLAIN:
            _check(key, value)
    data.setdefault("name", name)
    data["variables"] = {
        **data.get("variables", {}),
        **{f"tl-{key}": value for key, value in named.items()},
    }
    return Theme(**data)


def _check(key: str, value: object) -> None:
    if not isinstance(value, str):
        raise ThemeError(f'{key!r} must be a colour such as "#7fc98b"')
    try:
        Color.parse(value)
    except ColorParseError:
        raise ThemeError(f"{key!r} is {value!r}, which is no colour") from None


def tone_colors(variables: Mapping[str, str]) -> dict[str, str]:
    """Return ``tl-TONE`` variables for a theme's variables: its own, or made from its main colours."""
    ground = _color(variables.get("background", "#000000"), Color(0, 0, 0))
    out: dict[str, str] = {}
    for tone, source in TONES.items():
        if own := variables.get(f"tl-{tone}"):
            out[f"tl-{tone}"] = own
            continue
        name, _, share = source.partition(" ")
        color = _color(variables.get(name, ""), ground.inverse)
        if share:
            color = ground.blend(color, int(share.rstrip("%")) / 100, 1)
        out[f"tl-{tone}"] = color.hex6
    return out


def _color(text: str, other: Color) -> Color:
    try:
        return Color.parse(text)
    except ColorParseError:
        return other
