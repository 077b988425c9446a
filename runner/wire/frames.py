"""Frames between controller and agent: a 4 byte big-endian length, then one msgpack array ``[word, …]``."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, cast

import msgpack  # pyright: ignore[reportMissingTypeStubs]

from ..errors import ProtocolError

_pack = cast("Callable[..., bytes]", msgpack.packb)  # pyright: ignore[reportUnknownMemberType]
_unpack = cast("Callable[..., object]", msgpack.unpackb)  # pyright: ignore[reportUnknownMemberType]

MAX_FRAME = 64 << 20
"""Bytes; what the agent accepts too. A credit of 64 KiB a lane keeps real frames far below it."""


class Frames:
    """Cuts a byte stream into frames; holds back at most one incomplete frame."""

    def __init__(self, max_frame: int = MAX_FRAME) -> None:
        self._max = max_frame
        self._held = bytearray()
        self._need = 4
        self._broken = ""

    def feed(self, data: bytes) -> list[list[object]]:
        """Return the frames that ``data`` completes. Raises ProtocolError; the stream is then spent."""
        if self._broken:
            raise ProtocolError(self._broken)
        self._held += data
        if len(self._held) < self._need:
            return []
        buf = bytes(self._held)
        found: list[list[object]] = []
        at = 0
        self._need = 4
        while len(buf) - at >= 4:
            size = int.from_bytes(buf[at : at + 4], "big")
            if size > self._max:
                self._fail(f"a frame of {size} bytes, limit {self._max}")
            if len(buf) - at - 4 < size:
                self._need = 4 + size
                break
            found.append(self._array(buf[at + 4 : at + 4 + size]))
            at += 4 + size
        self._held = bytearray(buf[at:])
        return found

    def close(self) -> None:
        """Say that nothing more comes. Raises ProtocolError in the middle of a frame."""
        if self._held and not self._broken:
            self._fail("the stream ended inside a frame")

    def _array(self, raw: bytes) -> list[object]:
        value: object = None
        try:
            value = unpack(raw)
        except ProtocolError as error:
            self._fail(str(error))
        frame = cast("list[object]", value) if isinstance(value, list) else []
        if not frame or not isinstance(frame[0], str):
            self._fail("a frame that does not begin with a word")
        return frame

    def _fail(self, message: str) -> NoReturn:
        self._broken = message
        self._held.clear()
        raise ProtocolError(message)


def encode(word: str, *fields: object) -> bytes:
    """Return one frame. Text that is no Unicode (lone surrogates) travels as it is."""
    body = _pack([word, *fields], unicode_errors="surrogatepass")
    return len(body).to_bytes(4, "big") + body


def unpack(raw: bytes) -> object:
    """Return the one msgpack value in ``raw``. Raises ProtocolError for whatever else there is."""
    try:
        return _unpack(raw, strict_map_key=False, ext_hook=_no_extension)
    except Exception as error:
        # msgpack documents ValueError and its own, and lets TypeError (a list as a key), OverflowError,
        # RecursionError and MemoryError through: all of them are the sender's fault.
        raise ProtocolError(f"bad msgpack: {error or type(error).__name__}") from None


def _no_extension(code: int, _data: bytes) -> object:
    raise ValueError(f"extension type {code}")
