"""A small subunit v2 encoder (docs/protocol of python-subunit; the packets are byte for byte its own).

Unlike python-subunit it takes nanoseconds, splits content that would exceed the packet limit, and
replaces text that cannot be encoded (lone surrogates, NUL in ids) instead of raising.
"""

from struct import pack
from zlib import crc32

STATUS = {
    None: 0,
    "exists": 1,
    "inprogress": 2,
    "success": 3,
    "uxsuccess": 4,
    "skip": 5,
    "fail": 6,
    "xfail": 7,
}
MAX_PACKET = 4194303
MAX_CONTENT = 1 << 20  # far below the limit, so that one attachment never blocks a channel for long


def _number(value):
    if value < 0x40:
        return pack(">B", value)
    if value < 0x4000:
        return pack(">H", value | 0x4000)
    if value < 0x400000:
        return pack(">HB", (value >> 8) | 0x8000, value & 0xFF)
    if value < 0x40000000:
        return pack(">I", value | 0xC0000000)
    raise ValueError("number too large for subunit: %d" % value)


def _text(value):
    data = value.encode("utf-8", "backslashreplace")
    if b"\0" in data:
        data = data.replace(b"\0", b"\\x00")
    return _number(len(data)) + data


def packet(
    test_id=None,
    status=None,
    tags=None,
    runnable=True,
    name=None,
    data=None,
    eof=False,
    mime=None,
    ns=None,
    route=None,
):
    """Return one packet. ``ns``: nanoseconds since the epoch. Raises ValueError when it is too long."""
    flags = 0x2000 | STATUS[status]
    parts = []
    if ns is not None:
        flags |= 0x0200
        seconds, rest = divmod(ns, 1000000000)
        parts.append(pack(">I", seconds) + _number(rest))
    if test_id is not None:
        flags |= 0x0800
        parts.append(_text(test_id))
    if tags:
        flags |= 0x0080
        parts.append(_number(len(tags)))
        parts.extend(map(_text, tags))
    if runnable:
        flags |= 0x0100
    if mime:
        flags |= 0x0020
        parts.append(_text(mime))
    if name is not None:
        flags |= 0x0040
        parts.append(_text(name))
        data = bytes(data or b"")
        parts.append(_number(len(data)))
        parts.append(data)
    if eof:
        flags |= 0x0010
    if route is not None:
        flags |= 0x0400
        parts.append(_text(route))
    body = b"".join(parts)
    base = 7 + len(body)  # signature, flags, body, checksum
    size = base + (1 if base <= 62 else 2 if base <= 16381 else 3)
    if size > MAX_PACKET:
        raise ValueError("packet too long: %d bytes" % size)
    head = b"\xb3" + pack(">H", flags) + _number(size) + body
    return head + pack(">I", crc32(head) & 0xFFFFFFFF)


def packets(test_id=None, status=None, name=None, data=None, eof=False, **fields):
    """Return the bytes of one event: like ``packet``, but big content is split; status and eof ride last."""
    if name is None or data is None or len(data) <= MAX_CONTENT:
        return packet(test_id, status, name=name, data=data, eof=eof, **fields)
    view = memoryview(data)
    last = (len(data) - 1) // MAX_CONTENT * MAX_CONTENT
    parts = [
        packet(test_id, None, name=name, data=view[at : at + MAX_CONTENT], **fields)
        for at in range(0, last, MAX_CONTENT)
    ]
    parts.append(packet(test_id, status, name=name, data=view[last:], eof=eof, **fields))
    return b"".join(parts)
