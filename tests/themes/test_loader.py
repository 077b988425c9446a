"""Theme files are read with plain words for their authors, and can be read by everyone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from textual.color import Color
from textual.theme import BUILTIN_THEMES

from testlanes.themes.loader import FOLDER, TONES, ThemeError, load_themes, read_theme, tone_colors

OURS = load_themes().themes
SEEN = [
    "text",
    "title",
    "dim",
    "ok",
    "fail",
    "crash",
    "skip",
    "slow",
    "flaky",
    "new",
    "running",
    "fixture",
    "profile",
    "warm",
    "key",
    "accent",
]
"""Tones of text that is read, each on the screen's ground."""


def tones(name: str) -> dict[str, Color]:
    theme = OURS[name]
    variables = {**theme.to_color_system().generate(), **theme.variables}
    return {
        key.removeprefix("tl-"): Color.parse(value) for key, value in tone_colors(variables).items()
    }


def test_the_built_in_themes_are_there_and_whole() -> None:
    assert {
        "testlanes-dark",
        "testlanes-light",
        "high-contrast",
        "blue-orange",
        "testlanes-16",
    } <= set(OURS)
    assert load_themes().problems == ()
    for path in FOLDER.glob("*.toml"):
        assert path.stem in OURS


def linear(part: int) -> float:
    share = part / 255
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4


def luminance(color: Color) -> float:
    """WCAG 2.2, relative luminance."""
    red, green, blue = (linear(part) for part in color.rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Color, two: Color) -> float:
    high, low = sorted((luminance(one), luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", sorted(OURS))
def test_what_is_read_stands_out_from_its_ground(name: str) -> None:
    """4.5 to 1 is WCAG's AA; high contrast keeps AAA's 7 to 1."""
    colors = tones(name)
    least = 7.0 if name == "high-contrast" else 4.5
    if name == "testlanes-16":
        least = 3.9  # pure red on black: there is no other red among sixteen colours
    weak = {tone: round(contrast(colors[tone], colors["ground"]), 2) for tone in SEEN}
    assert {tone: found for tone, found in weak.items() if found < least} == {}
    assert contrast(colors["badge-text"], colors["ok"]) >= 4.5
    assert contrast(colors["text"], colors["cursor"]) >= 4.5


# Machado, Oliveira, Fernandes 2009, severity 1.0, on linear RGB.
BLINDNESS = {
    "protan": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deutan": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritan": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


def lab(rgb: tuple[float, float, float]) -> tuple[float, float, float]:
    """CIELAB (D65) of linear RGB."""
    red, green, blue = (max(0.0, min(1.0, part)) for part in rgb)
    xyz = (
        (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047,
        0.2126 * red + 0.7152 * green + 0.0722 * blue,
        (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883,
    )
    x, y, z = (part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116 for part in xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def apart(one: Color, two: Color, kind: str) -> float:
    """CIE76 distance as someone with full dichromacy sees it."""
    seen: list[tuple[float, float, float]] = []
    for color in (one, two):
        rgb = tuple(linear(part) for part in color.rgb)
        a, b, c = (
            sum(weight * part for weight, part in zip(row, rgb, strict=True))
            for row in BLINDNESS[kind]
        )
        seen.append(lab((a, b, c)))
    return sum((left - right) ** 2 for left, right in zip(*seen, strict=True)) ** 0.5


@pytest.mark.parametrize("kind", BLINDNESS)
@pytest.mark.parametrize(
    "name", ["testlanes-dark", "blue-orange", "high-contrast", "testlanes-light"]
)
def test_passed_and_failed_are_apart_for_every_kind_of_colour_blindness(
    name: str, kind: str
) -> None:
    colors = tones(name)
    least = 40 if name in ("testlanes-dark", "blue-orange") else 25
    assert apart(colors["ok"], colors["fail"], kind) >= least


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("primary = ", "not TOML"),
        ("primary = '#fff'\ncolour = '#fff'", "unknown key 'colour'"),
        ("primary = '#fff'\n[tones]\nokay = '#fff'", "unknown tone 'okay'"),
        ("primary = 'notacolour'", "'primary' is 'notacolour', which is no colour"),
        ("primary = '#fff'\n[tones]\nok = 3", "'ok' must be a colour"),
        ("name = 'x'", "'primary' is missing"),
        ("primary = '#fff'\ntones = 3", "must be a table"),
    ],
)
def test_a_bad_theme_is_told_in_plain_words(text: str, words: str) -> None:
    with pytest.raises(ThemeError, match=re.escape(words)):
        read_theme(text, "mine")


def test_a_users_theme_is_found_and_a_bad_one_spoils_nothing(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("primary = '#336699'")
    (tmp_path / "bad.toml").write_text("nothing")
    (tmp_path / "latin.toml").write_bytes(b"primary = '\xff'")

    found = load_themes([tmp_path, tmp_path / "missing"])

    assert "mine" in found.themes
    assert len(found.problems) == 2
    assert all(str(tmp_path) in problem for problem in found.problems)


@pytest.mark.parametrize("name", sorted(BUILTIN_THEMES))
def test_any_theme_of_textual_gets_all_tones(name: str) -> None:
    theme = BUILTIN_THEMES[name]
    found = tone_colors({**theme.to_color_system().generate(), **theme.variables})
    assert {key.removeprefix("tl-") for key in found} == set(TONES)
    assert all(Color.parse(value) for value in found.values())
