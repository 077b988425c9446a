"""Everything about one failure: difference, source around it, output, attachments."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, strategies as st

from testlanes.tui.viewmodels.code import json_lines, python_spans
from testlanes.tui.viewmodels.detail import Section, sections_of
from testlanes.tui.viewmodels.diff import LIMIT, DiffLine, diff_lines, difference
from testlanes.tui.viewmodels.glyphs import UNICODE
from testlanes.tui.viewmodels.lines import Span, text_of
from testlanes.tui.viewmodels.tail import read_line
from testlanes.tui.viewmodels.textlines import TextLines

from .stage import MISMATCH

TB = "text/x-traceback"


def parts(
    *details: tuple[str, str, bytes], read: dict[str, list[str]] | None = None
) -> dict[str, Section]:
    files = read or {}
    found = sections_of(details, [("lane", "3")], lambda path: files.get(path, []), UNICODE)
    return {section.name: section for section in found}


def words(section: Section) -> str:
    return "\n".join(text_of(line) for line in section.lines)


def test_two_values_that_differ_are_a_difference() -> None:
    assert difference("413 != 403") == [DiffLine("-", "413"), DiffLine("+", "403")]
    assert difference("assert [1, 2] == [1, 3]\n +  where") == [
        DiffLine("-", "[1, 2]"),
        DiffLine("+", "[1, 3]"),
    ]
    assert difference("'a\\nb' != 'a\\nc'") == [
        DiffLine(" ", "a"),
        DiffLine("-", "b"),
        DiffLine("+", "c"),
    ]


def test_the_items_in_which_two_dictionaries_differ_are_the_difference() -> None:
    message = (
        "AssertionError: assert {'x': [1, ...longlong'} == {'x': [1, ...longlong'}\n\n"
        "  Differing items:\n  {'x': [1, 2]} != {'x': [1, 3]}\n  Use -v to get more diff\n"
    )
    assert difference(message.partition(": ")[2]) == [
        DiffLine("-", "{'x': [1, 2]}"),
        DiffLine("+", "{'x': [1, 3]}"),
    ]


def test_values_that_were_cut_short_to_the_same_text_tell_no_difference() -> None:
    assert difference("assert {'x': [1, ...longlong'} == {'x': [1, ...longlong'}") == []


def test_what_pytest_says_of_long_texts_that_it_cut_short_is_the_difference() -> None:
    told = (
        "assert 'line 0 of th...of the manual' == 'line 0 of th...of the manual'\n  \n"
        "  Skipping 142 identical leading characters in diff, use -v to show\n    nual\n"
        "  - line 7 of the manual\n  ?      ^\n  + line seven of the manual\n  ?      ^^^^^...\n"
        "  \n  ...Full output truncated, use '-vv' to show"
    )
    assert [line for line in difference(told) if line.side in "+-"] == [
        DiffLine("-", "line seven of the manual"),
        DiffLine("+", "line 7 of the manual"),
    ]


def test_testtools_reference_and_actual_are_a_difference() -> None:
    told = "!=:\nreference = 'one two'\nactual    = 'one three'\n"
    assert difference(told) == [DiffLine("-", "one two"), DiffLine("+", "one three")]


def test_large_values_are_laid_out_so_that_only_what_differs_differs() -> None:
    left = {"host": "node-2", "status": "ACTIVE", "tags": ["a", "b"], "zone": "x" * 30}
    found = difference(f"{left!r} != { {**left, 'host': 'node-3'}!r}")
    assert [line.text.strip(" {,") for line in found if line.side != " "] == [
        "'host': 'node-2'",
        "'host': 'node-3'",
    ]


def test_a_difference_that_unittest_tells_is_taken_as_it_is() -> None:
    assert difference("'ab' != 'ac'\n- ab\n+ ac\n") == [DiffLine("-", "ab"), DiffLine("+", "ac")]


def test_long_values_that_unittest_prints_on_one_line_are_laid_out() -> None:
    left = {"host": "node-2", "status": "ACTIVE", "tags": ["a", "b"], "zone": "z" * 20}
    right = {**left, "host": "node-3", "tags": ["a"]}
    found = difference(f"{left!r} != {right!r}\n- {left!r}\n?  ^\n\n+ {right!r}\n?  ^\n")
    gone = [line.text.strip(" {,}") for line in found if line.side == "-"]
    assert gone == ["'host': 'node-2'", "'tags': ['a', 'b']"]


@pytest.mark.parametrize(
    "message", ["", "nothing of that kind", "- a list\n- of things", "x is not None", "!=", " != "]
)
def test_what_tells_no_difference_shows_none(message: str) -> None:
    assert difference(message) == []


@given(st.text(max_size=200))
def test_any_message_can_be_looked_at(message: str) -> None:
    assert len(diff_lines(difference(message))) <= LIMIT


def test_a_message_of_megabytes_is_not_compared_whole() -> None:
    left = list(range(200_000))
    assert len(difference(f"{left!r} != {left[1:]!r}")) <= LIMIT


def test_the_source_around_the_failure_is_shown_with_its_line_marked() -> None:
    source = [f"line_{number}()" for number in range(1, 300)]
    source[213] = "        self.assertEqual(413, resp.status_int)"
    found = parts(("traceback", TB, MISMATCH.encode()), read={"tests/api/test_servers.py": source})
    text = words(found["traceback"])
    assert "❱   214 │         self.assertEqual(413, resp.status_int)" in text
    assert "    213 │ line_213()" in text
    assert "- 413" in text
    assert [frame.line for frame in found["traceback"].places.values()] == [214, 393]


def test_a_file_that_changed_since_is_not_shown_for_what_it_was() -> None:
    found = parts(
        ("traceback", TB, MISMATCH.encode()), read={"tests/api/test_servers.py": ["other"] * 300}
    )
    assert "other" not in words(found["traceback"])
    assert "self.assertEqual(413, resp.status_int)" in words(found["traceback"])


def test_paths_of_the_project_are_shown_from_its_folder_on() -> None:
    text = MISMATCH.replace("tests/api", "/srv/nova/tests/api").encode()
    sections = sections_of([("traceback", TB, text)], [], lambda _: [], UNICODE, root="/srv/nova")
    assert "  tests/api/test_servers.py:214 in" in words(sections[0])


def test_json_is_laid_out_and_a_picture_is_told_of() -> None:
    found = parts(
        ("body", "application/json", b'{"a": [1, true]}'),
        ("screen", "image/png", b"\x89PNG" * 1000),
    )
    assert '"a": [' in words(found["body"])
    assert "image/png, 3.9 KB" in words(found["screen"])
    assert found["screen"].data == b"\x89PNG" * 1000
    assert "screen" in words(found["all"])


def test_json_that_is_none_or_a_trap_is_shown_as_text() -> None:
    assert json_lines(b"{", 1000) is None
    assert json_lines(b"[" * 100_000, 1 << 20) is None
    assert json_lines(json.dumps({"k": "\x1b[2J"}).encode(), 1000) is not None
    assert "{" in words(parts(("body", "application/json", b"{"))["body"])


def test_hostile_names_and_texts_are_harmless() -> None:
    found = sections_of(
        [("../\x1b[2Jx", "text/plain", b"\x1b]0;t\x07[red]\xff\n")], [], lambda _: [], UNICODE
    )
    assert found[0].name == "../␛[2Jx"
    assert words(found[0]) == "  [red]\\xff"


def test_a_test_of_which_nothing_is_known_says_so() -> None:
    (section,) = sections_of([], [], lambda _: [], UNICODE)
    assert "Nothing was recorded" in words(section)


@given(st.text(max_size=120))
def test_colouring_source_changes_no_character(text: str) -> None:
    assert text_of(python_spans(text)) == text


def test_a_source_of_pytest_stands_straight_though_its_beginning_was_stripped() -> None:
    text = b"def test_a():\n        count = 1\n>       assert count == 2\nE       assert 1 == 2\n\na.py:3: AssertionError\n"
    lines = words(parts(("traceback", TB, text))["traceback"]).split("\n")
    at = {line.strip(" >E"): len(line) - len(line.lstrip(" >E")) for line in lines}
    assert at["def test_a():"] == 6
    assert at["count = 1"] == at["assert count == 2"] == 10
    assert at["assert 1 == 2"] in (4, 10)  # its title, and in its place


@given(st.text("ab\n\r\x1b[m ERRO"), st.booleans())
def test_lines_of_a_long_text_are_made_when_asked_for(text: str, more: bool) -> None:
    last = (Span("more", "dim"),)
    lines = TextLines(text, last if more else None)
    texts = [read_line("", raw).text for raw in text.rstrip("\n").split("\n")]
    expected = [*(f"  {one}" for one in texts), *(["more"] if more else [])]
    assert [text_of(line) for line in lines] == expected
    assert [text_of(lines[index]) for index in range(-len(lines), 0)] == expected
    assert [text_of(line) for line in lines[1:-1]] == expected[1:-1]
    with pytest.raises(IndexError):
        lines[len(lines)]
