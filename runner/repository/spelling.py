"""What subunit v1 cannot hold, spelled so that it can: ids, tags, attachment names and types.

Everything else is kept as it is given. ``testr`` and ``stestr`` convert to subunit v2 when they read,
so what v2 cannot hold (NUL in text, packets over 4 MiB) is minded here too.
"""

from __future__ import annotations

import re
from functools import lru_cache

_UNHOLDABLE = re.compile("[\n\r\0\ud800-\udfff]")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]")
_TOKEN = re.compile(r"[^A-Za-z0-9!#$&^_.+-]")
_PARAMETER = re.compile(r"""\s*([^=\s;,]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;,]*)""")

DETAIL_LIMIT = 4_000_000
"""Bytes: python-subunit puts an attachment into one v2 packet, which holds at most 4,194,303."""

BINARY = "application/octet-stream"


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    named = {"\n": "\\n", "\r": "\\r", "\0": "\\x00"}.get(character)
    return named if named is not None else f"\\u{ord(character):04x}"


def stored_id(test_id: str) -> str:
    """Return a test id as the repository spells it; nearly always the very same.

    Line breaks, NUL and lone surrogates become backslash escapes, and an id of blanks only (which v1
    does not see) gets each of them escaped.
    """
    if test_id.isascii() and test_id.isprintable() and not test_id.isspace() and test_id:
        return test_id
    if not test_id.strip(" \t\n\r\v\f"):
        return "".join(f"\\x{ord(character):02x}" for character in test_id) or "(no id)"
    return _UNHOLDABLE.sub(_escape, test_id)


def stored_tag(tag: str) -> str:
    """Return a tag without blanks and without a leading ``-``; empty if nothing is left of it."""
    tag = _UNHOLDABLE.sub(_escape, tag).lstrip("-")
    return "_".join(tag.split()).lstrip("-")


def own_tag(tag: str) -> str:
    """Return a test's own tag, which may not look like the ``worker-N`` that says where it ran."""
    tag = stored_tag(tag)
    return f"worker_{tag[7:]}" if tag.startswith("worker-") else tag


def stored_name(name: str) -> str:
    """Return an attachment's name in one line, never empty."""
    return _UNHOLDABLE.sub(_escape, name) or "unnamed"


@lru_cache(maxsize=512)
def stored_mime(mime: str) -> str:
    """Return a MIME type as v1 has it: ``type/subtype;k=v,k=v``, keys sorted, no blanks.

    One that cannot be read becomes ``application/octet-stream``.
    """
    kind, _, rest = mime.partition(";")
    main, slash, sub = kind.strip().partition("/")
    if not slash or not main or not sub or _TOKEN.search(main) or _TOKEN.search(sub):
        return BINARY
    parameters: dict[str, str] = {}
    for match in _PARAMETER.finditer(rest):
        value = match[2].strip().strip('"')
        parameters[_TOKEN.sub("_", match[1])] = _TOKEN.sub("_", value)
    tail = ",".join(f"{key}={parameters[key]}" for key in sorted(parameters))
    return f"{main}/{sub};{tail}" if tail else f"{main}/{sub}"


def readable_mime(name: str, mime: str, data: bytes) -> str:
    """Return the stored type of an attachment, as the old tools can show it.

    They decode text strictly, and die of a charset that Python does not know, of bytes that are not in
    it, and of a ``reason`` that is no text. What is not in its charset is called Latin-1 if it has no
    control characters, else binary.
    """
    mime = stored_mime(mime)
    needed = name in ("reason", "traceback")
    if not mime.startswith("text/"):
        if not needed:
            return mime
        mime = "text/plain"
    charset = charset_of(mime)
    if _decodes(data, charset or "latin-1"):
        return mime
    kind = mime.partition(";")[0]
    if charset != "utf8" and _decodes(data, "utf8"):
        return f"{kind};charset=utf8"
    if needed or not _CONTROL.search(data):
        return f"{kind};charset=iso8859-1"
    return BINARY


def charset_of(mime: str) -> str | None:
    """Return the charset a stored or any other MIME type names, or None."""
    found = re.search(r"charset=\"?([^;,\"\s]+)", mime)
    return found[1] if found else None


def _decodes(data: bytes, charset: str) -> bool:
    if charset in ("utf8", "utf-8", "latin-1") and data.isascii():
        return True
    try:
        data.decode(charset)
    except (UnicodeDecodeError, LookupError, ValueError):
        return False
    return True
