"""Subunit v2, incrementally: bytes in, packets out, in bounded memory and time.

The format is that of python-subunit (https://github.com/testing-cabal/subunit, README "version 2"),
whose own parser pulls from a file, can be starved by one wrong length, and costs several times as much.
Stricter than it: version, reserved bit and bytes after the last field are checked, and numbers of tags
and lengths of text are limited.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct, error as struct_error
from typing import NamedTuple, NoReturn
from zlib import crc32

from ..agent.packets import packets  # pyright: ignore[reportUnknownVariableType]
from ..errors import ProtocolError

MAX_PACKET = 4 << 20
MAX_ID = 1 << 20
MAX_TEXT = 1 << 16
"""The longest tag, file name, mime type and route code, in bytes."""
MAX_TAGS = 1000
TEXT_NAME = "stdout"
"""The file name of what a foreign program writes between its packets."""

_SIGNATURE = 0xB3
_SMALLEST = 8  # signature, flags, length, checksum
_STATUSES = (None, "exists", "inprogress", "success", "uxsuccess", "skip", "fail", "xfail")
_NO_TAGS: frozenset[str] = frozenset()
_KNOWN_IDS = 256
_PATIENCE = (
    64 << 20
)  # bytes of checksums that a foreign stream may waste, beside 16 for each byte it sends

_header = Struct(">xHBBB").unpack_from
_word = Struct(">I").unpack_from
_two_words = Struct(">II").unpack_from
_new: Callable[[type[Packet], tuple[object, ...]], Packet] = tuple.__new__  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


class Packet(NamedTuple):
    """One packet. ``data`` is None exactly when ``name`` is; ``ns`` counts from the epoch, UTC."""

    test_id: str | None = None
    status: str | None = None
    """``exists``, ``inprogress``, ``success``, ``uxsuccess``, ``skip``, ``fail`` or ``xfail``."""
    tags: frozenset[str] = _NO_TAGS
    runnable: bool = True
    name: str | None = None
    data: bytes | None = None
    eof: bool = False
    mime: str | None = None
    route: str | None = None
    ns: int | None = None


class BadStreamError(ProtocolError):
    """What came is no subunit. ``before`` holds the good packets of the same piece."""

    def __init__(self, message: str, before: list[Packet]) -> None:
        super().__init__(message)
        self.before = before


class _BadPacketError(Exception):
    """Why some bytes are no packet."""


class Decoder:
    """Cuts a stream into packets; holds back at most one incomplete packet.

    Strict (our own workers): raises BadStreamError for the first byte that belongs to no valid packet, and
    again for whatever follows. Foreign: such bytes become text packets (``TEXT_NAME``, no test id) and
    the search goes on behind them.

    A foreign stream may hold a wrong length, which would swallow the good packets behind it. When
    ``waiting`` has not changed for a second, call ``settle``.
    """

    def __init__(self, max_packet: int = MAX_PACKET, *, foreign: bool = False) -> None:
        self._max = max_packet
        self._foreign = foreign
        self._held = bytearray()
        self._need = 0
        self._offset = 0
        self._wasted = 0
        self._tail = b""
        self._broken = ""
        self._ids: dict[bytes, str] = {}
        self._tags_raw = b""
        self._tags = _NO_TAGS

    @property
    def waiting(self) -> int | None:
        """Where in the stream the incomplete packet begins, in bytes; None when there is none."""
        return self._offset if self._held else None

    def feed(self, data: bytes) -> list[Packet]:
        """Return the packets that ``data`` completes."""
        if self._broken:
            raise BadStreamError(self._broken, [])
        if self._held:
            self._held += data
            if len(self._held) < self._need:
                return []
            data = self._take()
        elif not data:
            return []
        return self._cut(data)

    def settle(self) -> list[Packet]:
        """Give up an incomplete packet if a complete one lies behind its beginning: it is text then."""
        if not (self._foreign and self._held):
            return []
        at = self._next_whole(bytes(self._held))
        if at < 0:
            return []
        data = self._take()
        self._offset += at
        return [_text(data[:at]), *self._cut(data[at:])]

    def close(self) -> list[Packet]:
        """Say that nothing more comes. An incomplete packet is text in a foreign stream, else an error."""
        if self._broken or not self._held:
            return []
        if not self._foreign:
            self._fail(f"the stream ended inside a packet, after {len(self._held)} bytes of it", [])
        return self._cut(self._take(), final=True)

    def _take(self) -> bytes:
        data = bytes(self._held)
        self._held.clear()
        self._need = 0
        return data

    def _fail(self, message: str, before: list[Packet]) -> NoReturn:
        self._broken = message
        self._held.clear()
        raise BadStreamError(message, before)

    def _cut(self, buf: bytes, *, final: bool = False) -> list[Packet]:
        found: list[Packet] = []
        end = len(buf)
        pos = text = size = 0  # buf[text:pos] is known to be text
        while pos < end:
            if buf[pos] != _SIGNATURE:
                if not self._foreign:
                    self._fail(
                        f"no subunit packet: byte 0x{buf[pos]:02x} at {self._offset + pos}", found
                    )
                pos = buf.find(b"\xb3", pos)
                if pos < 0:
                    pos = end
                continue
            sound = False  # whether the checksum is right
            try:
                size, at = self._measure(buf, pos)
                if pos + size > end:
                    if final or (self._foreign and self._in_character(buf, text, pos)):
                        size = 0
                        pos += 1
                        continue
                    break
                limit = pos + size - 4
                sound = crc32(buf[pos:limit]) == _word(buf, limit)[0]
                packet = self._parse(buf, pos, at, limit) if sound else None
                why = "wrong checksum"
            except _BadPacketError as error:
                packet, why = None, str(error)
            except (struct_error, IndexError):
                packet, why = None, "a field is missing"
            if packet is None:
                if not self._foreign:
                    self._fail(f"no subunit packet at {self._offset + pos}: {why}", found)
                if sound:
                    found.append(_text(buf[text : pos + size]))
                    pos = text = pos + size
                else:
                    self._waste(size, end)
                    pos += 1
            else:
                if text < pos:
                    found.append(_text(buf[text:pos]))
                found.append(packet)
                pos = text = pos + size
            size = 0
        if text < pos:
            found.append(_text(buf[text:pos]))
            self._tail = (b"" if text else self._tail) + buf[text:pos]
            self._tail = self._tail[-3:]
        elif pos:
            self._tail = b""
        self._offset += pos
        if size:
            self._need = size
            self._held += buf[pos:]
        return found

    def _measure(self, buf: bytes, pos: int) -> tuple[int, int]:
        """Return the size of the packet at ``pos`` and where its first field is."""
        if len(buf) - pos < _SMALLEST:
            if len(buf) - pos > 1 and buf[pos + 1] >> 4 != 2:
                raise _BadPacketError(f"subunit version {buf[pos + 1] >> 4}, not 2")
            return _SMALLEST, pos
        flags, first, second, third = _header(buf, pos)
        if flags & 0xF008 != 0x2000:
            if flags >> 12 == 2:
                raise _BadPacketError("a reserved flag is set")
            raise _BadPacketError(f"subunit version {flags >> 12}, not 2")
        if first < 0x40:
            size, at = first, pos + 4
        elif first < 0x80:
            size, at = (first & 0x3F) << 8 | second, pos + 5
        elif first < 0xC0:
            size, at = (first & 0x3F) << 16 | second << 8 | third, pos + 6
        else:
            raise _BadPacketError("the packet's length takes four bytes")
        if at + 4 > pos + size or size > self._max:
            raise _BadPacketError(f"a packet of {size} bytes")
        return size, at

    def _parse(self, buf: bytes, pos: int, at: int, limit: int) -> Packet:
        """Return the packet at ``pos`` with its fields in ``buf[at:limit]``: one straight line, for speed.

        A read may go past ``limit``, never past ``buf``; the fields end there or the packet is bad.
        """
        flags = buf[pos + 1] << 8 | buf[pos + 2]
        ns = test_id = mime = name = data = route = None
        tags = _NO_TAGS
        if flags & 0x0200:
            if buf[at + 4] >= 0xC0:
                seconds, nanos = _two_words(buf, at)
                ns = seconds * 1000000000 + (nanos & 0x3FFFFFFF)
                at += 8
            else:
                seconds = _word(buf, at)[0]
                nanos, at = _number(buf, at + 4)
                ns = seconds * 1000000000 + nanos
        if flags & 0x0800:
            size = buf[at]
            if size < 0x40:
                at += 1
            elif size < 0x80:
                size = (size & 0x3F) << 8 | buf[at + 1]
                at += 2
            else:
                size, at = _number(buf, at)
            raw = buf[at : at + size]
            test_id = self._ids.get(raw)
            if test_id is None:
                if at + size > limit:
                    raise _BadPacketError("the test id ends behind the packet")
                test_id = self._new_id(raw)
            at += size
        if flags & 0x0080:
            if self._tags_raw and buf.startswith(self._tags_raw, at):
                at += len(self._tags_raw)
                tags = self._tags
            else:
                tags, at = self._new_tags(buf, at, limit)
        if flags & 0x0460:
            if flags & 0x0020:
                mime, at = _string(buf, at, limit, "mime type")
            if flags & 0x0040:
                name, at = _string(buf, at, limit, "file name")
                size, at = _number(buf, at)
                if at + size > limit:
                    raise _BadPacketError("the content ends behind the packet")
                data = buf[at : at + size]
                at += size
            if flags & 0x0400:
                route, at = _string(buf, at, limit, "route code")
        if at != limit:
            raise _BadPacketError(
                f"{limit - at} bytes after the last field" if at < limit else "cut short"
            )
        if not test_id and not self._foreign:
            if test_id is not None:
                raise _BadPacketError("an empty test id")
            if flags & 7:
                raise _BadPacketError("a status of no test")
        runnable, eof = flags & 0x0100 != 0, flags & 0x0010 != 0
        status = _STATUSES[flags & 7]
        return _new(Packet, (test_id, status, tags, runnable, name, data, eof, mime, route, ns))

    def _waste(self, size: int, more: int) -> None:
        self._wasted += size
        if self._wasted > _PATIENCE + 16 * (self._offset + more):
            self._fail("a flood of broken subunit packets", [])

    def _in_character(self, buf: bytes, text: int, pos: int) -> bool:
        """Return whether the byte at ``pos``, 0xb3, belongs to a UTF-8 character begun in the text before."""
        before = buf[max(text, pos - 3) : pos]
        if text == 0 and len(before) < 3:
            before = (self._tail + before)[-3:]
        if before[-1:] >= b"\xc2":
            return before[-1] <= 0xF4
        if before[-1:] < b"\x80":
            return False
        if before[-2:-1] >= b"\xe0":
            return before[-2] <= 0xF4
        return before[-2:-1] >= b"\x80" and b"\xf0" <= before[-3:-2] <= b"\xf4"

    def _next_whole(self, buf: bytes) -> int:
        """Return where the first complete packet behind ``buf[0]`` begins, or -1."""
        at = buf.find(b"\xb3", 1)
        while 0 < at <= len(buf) - _SMALLEST:
            size = _number(buf, at + 3)[0]
            limit = at + size - 4
            if buf[at + 1] >> 4 == 2 and _SMALLEST <= size <= len(buf) - at:
                if crc32(buf[at:limit]) == _word(buf, limit)[0]:
                    return at
                self._waste(size, len(buf))
            at = buf.find(b"\xb3", at + 1)
        return -1

    def _new_id(self, raw: bytes) -> str:
        if len(raw) > MAX_ID:
            raise _BadPacketError(f"a test id of {len(raw)} bytes")
        test_id = _decode(raw, "test id")
        if len(raw) <= 1024:
            if len(self._ids) >= _KNOWN_IDS:
                self._ids.clear()
            self._ids[raw] = test_id
        return test_id

    def _new_tags(self, buf: bytes, at: int, limit: int) -> tuple[frozenset[str], int]:
        start = at
        count, at = _number(buf, at)
        if count > MAX_TAGS:
            raise _BadPacketError(f"{count} tags")
        names: list[str] = []
        for _ in range(count):
            name, at = _string(buf, at, limit, "tag")
            names.append(name)
        tags = frozenset(names)
        if at - start <= 1024:
            self._tags_raw, self._tags = buf[start:at], tags
        return tags, at


def encode(packet: Packet) -> bytes:
    """Return ``packet`` as bytes, tags sorted; content of more than a megabyte becomes several packets."""
    return packets(
        packet.test_id,
        packet.status,
        name=packet.name,
        data=packet.data,
        eof=packet.eof,
        tags=sorted(packet.tags),
        runnable=packet.runnable,
        mime=packet.mime,
        ns=packet.ns,
        route=packet.route,
    )


def _text(data: bytes) -> Packet:
    return Packet(name=TEXT_NAME, data=data)


def _number(buf: bytes, at: int) -> tuple[int, int]:
    """Return the number at ``at`` and what follows it. Raises IndexError or struct.error at the end of ``buf``."""
    first = buf[at]
    if first < 0x40:
        return first, at + 1
    if first < 0x80:
        return (first & 0x3F) << 8 | buf[at + 1], at + 2
    if first < 0xC0:
        return (first & 0x3F) << 16 | buf[at + 1] << 8 | buf[at + 2], at + 3
    return _word(buf, at)[0] & 0x3FFFFFFF, at + 4


def _string(buf: bytes, at: int, limit: int, what: str) -> tuple[str, int]:
    size, at = _number(buf, at)
    if size > MAX_TEXT:
        raise _BadPacketError(f"a {what} of {size} bytes")
    if at + size > limit:
        raise _BadPacketError(f"the {what} ends behind the packet")
    return _decode(buf[at : at + size], what), at + size


def _decode(raw: bytes, what: str) -> str:
    if 0 in raw:
        raise _BadPacketError(f"a NUL in the {what}")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise _BadPacketError(f"the {what} is not UTF-8") from None
