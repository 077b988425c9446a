"""A small msgpack reader and writer (https://github.com/msgpack/msgpack/blob/master/spec.md): nil, bool,
int, float, str, bin, array, map. On the wire a frame is a 4 byte big endian length, then one value.
"""

from struct import pack, unpack_from

MAX_FRAME = 64 << 20
MAX_DEPTH = 64

_NUMBERS = {
    0xCC: (">B", 1),
    0xCD: (">H", 2),
    0xCE: (">I", 4),
    0xCF: (">Q", 8),
    0xD0: (">b", 1),
    0xD1: (">h", 2),
    0xD2: (">i", 4),
    0xD3: (">q", 8),
    0xCA: (">f", 4),
    0xCB: (">d", 8),
}
_LENGTHS = {
    0xD9: (">B", 1, "s"),
    0xDA: (">H", 2, "s"),
    0xDB: (">I", 4, "s"),
    0xC4: (">B", 1, "b"),
    0xC5: (">H", 2, "b"),
    0xC6: (">I", 4, "b"),
    0xDC: (">H", 2, "a"),
    0xDD: (">I", 4, "a"),
    0xDE: (">H", 2, "m"),
    0xDF: (">I", 4, "m"),
}


def loads(data):
    """Return the one value in ``data``. Raises ValueError for anything else."""
    try:
        value, at = _read(data, 0, 0)
    except (IndexError, UnicodeDecodeError, TypeError) as error:
        raise ValueError("bad msgpack: %s" % error) from None
    except Exception as error:  # struct.error, bound late so that tests cannot replace it
        raise ValueError("bad msgpack: %s" % error) from None
    if at != len(data):
        raise ValueError("bytes after a msgpack value")
    return value


def _read(data, at, depth):
    if depth > MAX_DEPTH:
        raise ValueError("msgpack nested too deeply")
    first = data[at]
    at += 1
    if first < 0x80:
        return first, at
    if first >= 0xE0:
        return first - 256, at
    if 0xA0 <= first < 0xC0:
        kind, size = "s", first & 0x1F
    elif 0x90 <= first < 0xA0:
        kind, size = "a", first & 0x0F
    elif first < 0x90:
        kind, size = "m", first & 0x0F
    elif first == 0xC0:
        return None, at
    elif first in (0xC2, 0xC3):
        return first == 0xC3, at
    elif first in _NUMBERS:
        form, width = _NUMBERS[first]
        return unpack_from(form, data, at)[0], at + width
    elif first in _LENGTHS:
        form, width, kind = _LENGTHS[first]
        size = unpack_from(form, data, at)[0]
        at += width
    else:
        raise ValueError("msgpack type 0x%x" % first)
    if kind in "sb":
        if at + size > len(data):
            raise ValueError("msgpack value cut short")
        raw = bytes(data[at : at + size])
        return (raw.decode("utf-8", "surrogatepass") if kind == "s" else raw), at + size
    if kind == "a":
        items = []
        for _ in range(size):
            item, at = _read(data, at, depth + 1)
            items.append(item)
        return items, at
    found = {}
    for _ in range(size):
        key, at = _read(data, at, depth + 1)
        found[key], at = _read(data, at, depth + 1)
    return found, at


def dumps(value):
    """Return ``value`` as msgpack. Raises TypeError for what msgpack here has no word for."""
    parts = []
    _write(value, parts.append)
    return b"".join(parts)


def _write(value, put):
    if value is None:
        put(b"\xc0")
    elif value is True:
        put(b"\xc3")
    elif value is False:
        put(b"\xc2")
    elif isinstance(value, int):
        if 0 <= value < 128:
            put(pack(">B", value))
        elif value >= 0:
            put(pack(">BQ", 0xCF, value))
        else:
            put(pack(">Bq", 0xD3, value))
    elif isinstance(value, float):
        put(pack(">Bd", 0xCB, value))
    elif isinstance(value, str):
        # A lone surrogate (an undecodable file name, say) must not make the frame unreadable
        # for the strict decoder at the other end.
        raw = value.encode("utf-8", "backslashreplace")
        put(pack(">BI", 0xDB, len(raw)) if len(raw) > 31 else pack(">B", 0xA0 | len(raw)))
        put(raw)
    elif isinstance(value, (bytes, bytearray, memoryview)):
        put(pack(">BI", 0xC6, len(value)))
        put(bytes(value))
    elif isinstance(value, dict):
        put(pack(">BI", 0xDF, len(value)))
        for key, item in value.items():
            _write(key, put)
            _write(item, put)
    elif isinstance(value, (list, tuple)):
        put(pack(">BI", 0xDD, len(value)))
        for item in value:
            _write(item, put)
    else:
        raise TypeError("msgpack has no word for %s" % type(value).__name__)


def frame(value):
    """Return ``value`` as one frame."""
    data = dumps(value)
    return pack(">I", len(data)) + data


class Frames:
    """Cuts a byte stream into frames: feed bytes, get values."""

    def __init__(self):
        self._buffer = bytearray()

    def feed(self, data):
        """Return the values that ``data`` completes. Raises ValueError; the stream is then spent."""
        self._buffer += data
        values = []
        while len(self._buffer) >= 4:
            size = int.from_bytes(self._buffer[:4], "big")
            if size > MAX_FRAME:
                raise ValueError("frame announces %d bytes, limit %d" % (size, MAX_FRAME))
            if len(self._buffer) < 4 + size:
                break
            values.append(loads(bytes(self._buffer[4 : 4 + size])))
            del self._buffer[: 4 + size]
        return values
