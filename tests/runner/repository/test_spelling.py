"""Only what subunit cannot hold is spelled differently, and nothing that the old tools die of is left."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from testlanes.runner.repository.spelling import (
    own_tag,
    readable_mime,
    stored_id,
    stored_mime,
    stored_name,
    stored_tag,
)


@pytest.mark.parametrize(
    "test_id", ["a.b.C.d", "t.py::test[x y-ü]", " blanks ", "x [ multipart", "a\tb", "\x1b[31m"]
)
def test_an_id_that_v1_can_hold_is_kept(test_id: str) -> None:
    assert stored_id(test_id) == test_id


@pytest.mark.parametrize(
    ("test_id", "stored"),
    [
        ("a\nb", "a\\nb"),
        ("a\rb", "a\\rb"),
        ("a\0b", "a\\x00b"),
        ("a\udc80b", "a\\udc80b"),
        ("", "(no id)"),
        (" \t", "\\x20\\x09"),
    ],
)
def test_an_id_that_v1_cannot_hold_is_escaped(test_id: str, stored: str) -> None:
    assert stored_id(test_id) == stored


@given(st.text(alphabet=st.characters(codec=None), max_size=40))
def test_every_stored_id_is_one_line_of_utf8_and_spelled_once(test_id: str) -> None:
    stored = stored_id(test_id)
    assert b"\n" not in stored.encode()
    assert stored.encode().strip()
    assert stored_id(stored) == stored


@pytest.mark.parametrize(
    ("tag", "stored"), [("py311", "py311"), ("a b\n", "a_b\\n"), ("--x", "x"), ("-", ""), (" ", "")]
)
def test_a_tag_is_one_word_that_adds(tag: str, stored: str) -> None:
    assert stored_tag(tag) == stored


@given(st.text())
def test_every_stored_tag_stays_one_word(tag: str) -> None:
    stored = stored_tag(tag)
    assert stored.split() in ([stored], [])
    assert not stored.startswith("-")


def test_a_tests_own_tag_never_says_which_worker_ran_it() -> None:
    assert own_tag("worker-pool") == "worker_pool"
    assert own_tag("worker-7") == "worker_7"
    assert own_tag("slow") == "slow"


def test_a_name_is_one_line() -> None:
    assert stored_name("a\nb") == "a\\nb"
    assert stored_name("") == "unnamed"
    assert stored_name("pythonlogging:''") == "pythonlogging:''"


@pytest.mark.parametrize(
    ("mime", "stored"),
    [
        (
            'text/x-traceback; charset="utf8"; language="python"',
            "text/x-traceback;charset=utf8,language=python",
        ),
        ("text/plain;language=b,charset=utf8", "text/plain;charset=utf8,language=b"),
        ("image/png", "image/png"),
        ("te/xt/a", "application/octet-stream"),
        ("text", "application/octet-stream"),
        ("", "application/octet-stream"),
        ("text/pl\nain", "application/octet-stream"),
        ("text/plain;a=b/c\n", "text/plain;a=b_c"),
    ],
)
def test_a_type_is_written_as_subunit_writes_it(mime: str, stored: str) -> None:
    assert stored_mime(mime) == stored


@pytest.mark.parametrize(
    ("name", "mime", "data", "stored"),
    [
        ("log", "text/plain;charset=utf8", "ü".encode(), "text/plain;charset=utf8"),
        ("log", "text/plain;charset=utf8", b"\xff\n", "text/plain;charset=iso8859-1"),
        ("log", "text/plain;charset=utf8", b"\xff\0", "application/octet-stream"),
        ("log", "text/plain;charset=klingon", b"x", "text/plain;charset=utf8"),
        ("log", "text/plain", b"\xff\0", "text/plain"),
        ("reason", "application/octet-stream", b"x", "text/plain"),
        ("reason", "text/plain;charset=utf8", b"\xff\0", "text/plain;charset=iso8859-1"),
        ("core", "application/x-core", b"\xff\0", "application/x-core"),
    ],
)
def test_text_is_called_text_only_if_it_can_be_decoded(
    name: str, mime: str, data: bytes, stored: str
) -> None:
    """testr decodes strictly: one wrong byte would end ``testr last``; a reason has to be text."""
    assert readable_mime(name, mime, data) == stored
