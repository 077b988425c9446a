"""Text of tests becomes lines of the screen: harmless, and exactly as wide as they should be."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, strategies as st
from rich.cells import cell_len

from testlanes.tui.viewmodels.lines import (
    Span,
    clean,
    crop,
    fit,
    keep_end,
    line_width,
    name_spans,
    right,
    split_id,
    spread,
    strip_escapes,
    text_of,
    width_of,
)

ANY = st.text(st.characters(), max_size=60)
PLAIN = st.text(st.sampled_from("ab.漢é_"), max_size=40)


@given(ANY)
def test_clean_text_cannot_steer_a_terminal(text: str) -> None:
    cleaned = clean(text)
    for character in cleaned:
        assert unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp")
        assert unicodedata.bidirectional(character) not in (
            "LRE",
            "RLE",
            "LRO",
            "RLO",
            "PDF",
            "LRI",
            "RLI",
            "FSI",
            "PDI",
        )
    cleaned.encode()


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b]0;title\x07", "␛]0;title␇"),
        ("\x1b[2J", "␛[2J"),
        ("a\rb\bc\0", "a␍b␈c␀"),
        ("\x9b31m", "\N{REPLACEMENT CHARACTER}31m"),
        ("user\u202egnp.exe", "user\N{REPLACEMENT CHARACTER}gnp.exe"),
        ("\ud800", "\N{REPLACEMENT CHARACTER}"),
        ("\x7f", "␡"),
        ("a\tb", "a       b"),
        ("[@click=app.quit]x[/]", "[@click=app.quit]x[/]"),
    ],
)
def test_controls_are_shown_as_pictures(hostile: str, shown: str) -> None:
    assert clean(hostile) == shown


def test_marks_are_not_piled_up() -> None:
    assert len(clean("a" + "\u0301" * 500)) == 4


def test_colours_of_output_are_taken_away() -> None:
    assert (
        strip_escapes("\x1b[1;31mred\x1b[0m \x1b]8;;http://x\x07link\x1b]8;;\x07 \x1bcreset")
        == "red link reset"
    )


@given(PLAIN, st.integers(0, 50))
def test_fitted_text_is_exactly_as_wide_as_asked(text: str, width: int) -> None:
    assert cell_len(fit(text, width)) == width
    assert cell_len(right(text, width)) == width
    assert cell_len(keep_end(text, width)) <= width


@given(st.lists(PLAIN, max_size=5), st.integers(0, 30), st.integers(0, 30))
def test_a_crop_is_what_is_seen_between_two_columns(
    texts: list[str], start: int, width: int
) -> None:
    line = tuple(Span(text) for text in texts)
    cropped = text_of(crop(line, start, width))
    assert width_of(cropped) <= width
    if text_of(line).isascii():
        assert cropped == text_of(line)[start : start + width]


@given(PLAIN, PLAIN, st.integers(0, 60))
def test_two_ends_fill_a_line(left: str, rest: str, width: int) -> None:
    assert line_width(spread((Span(left),), (Span(rest),), width)) <= width
    if width_of(rest) < width:
        assert line_width(spread((Span(left),), (Span(rest),), width)) == width


@pytest.mark.parametrize(
    ("test_id", "where", "name"),
    [
        ("a.b.C.test_x", "a.b.C.", "test_x"),
        ("a.b.C.test_x(v1.2)", "a.b.C.", "test_x(v1.2)"),
        ("t/x.py::C::test[a.b::c]", "t/x.py::C::", "test[a.b::c]"),
        ("setUpClass (m.C)", "", "setUpClass (m.C)"),
        ("alone", "", "alone"),
        ("", "", ""),
    ],
)
def test_an_id_is_split_before_its_own_name(test_id: str, where: str, name: str) -> None:
    assert split_id(test_id) == (where, name)


@given(ANY, st.integers(1, 60))
def test_a_name_takes_exactly_its_cells(test_id: str, width: int) -> None:
    assert line_width(name_spans(clean(test_id), width)) == width


def test_a_name_keeps_its_end() -> None:
    assert text_of(name_spans("nova.ServersTest.test_rebuild", 20)) == "…rsTest.test_rebuild"


@given(
    st.text(st.one_of(st.characters(), st.characters(min_codepoint=0x2000, max_codepoint=0x2700)))
)
def test_a_text_is_as_wide_as_a_terminal_shows_it(text: str) -> None:
    assert width_of(text) == (len(text) if text.isascii() else cell_len(text))


def test_signs_are_counted_as_wide_as_they_are() -> None:
    signs = [chr(code) for code in range(0x2000, 0x2800)]
    assert [width_of(sign) for sign in signs] == [cell_len(sign) for sign in signs]
