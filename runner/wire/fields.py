"""Typed reading of decoded msgpack: each function returns a value of its type or raises ProtocolError."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from ..errors import ProtocolError


def whole(value: object, what: str) -> int:
    """Return an integer."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise _wrong(value, what, "an integer")


def real(value: object, what: str) -> float:
    """Return a finite number as a float."""
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300:
        return float(value)
    raise _wrong(value, what, "a number")


def text(value: object, what: str) -> str:
    """Return text; bytes are decoded, and what is no UTF-8 shown as escapes."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if value is None:
        return ""
    raise _wrong(value, what, "text")


def raw(value: object, what: str) -> bytes:
    """Return bytes."""
    if isinstance(value, bytes):
        return value
    raise _wrong(value, what, "bytes")


def texts(value: object, what: str) -> tuple[str, ...]:
    """Return texts; one text alone counts as a list of it."""
    if isinstance(value, list):
        if set(map(type, cast("list[object]", value))) == {str}:  # the quick way, of very long ones
            return tuple(cast("list[str]", value))
        return tuple(text(item, what) for item in cast("list[object]", value))
    if isinstance(value, str):
        return (value,) if value else ()
    if value is None:
        return ()
    raise _wrong(value, what, "a list of texts")


def items(value: object, what: str) -> list[object]:
    """Return a list; nothing counts as an empty one."""
    if isinstance(value, list):
        return cast("list[object]", value)
    if value is None:
        return []
    raise _wrong(value, what, "a list")


def mapping(value: object, what: str) -> Mapping[object, object]:
    """Return a map; nothing counts as an empty one."""
    if isinstance(value, dict):
        return cast("dict[object, object]", value)
    if value is None:
        return {}
    raise _wrong(value, what, "a map")


def _wrong(value: object, what: str, wanted: str) -> ProtocolError:
    return ProtocolError(f"{what} is {type(value).__name__}, not {wanted}")
