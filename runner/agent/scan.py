"""Finds the few control events in a loader's stream that are meant for the agent (ARCHITECTURE.md, "inner channel")."""

from . import pack

EVENT_MIME = b"application/vnd.testlanes.event+msgpack"
MAX_PACKET = 4194304
OURS = frozenset(["forked", "exited", "fork", "listed", "modules", "image"])
STRIPPED = frozenset(["forked", "exited", "modules", "image"])


def _number(data, at):
    """Read a subunit number: the first two bits say how many bytes follow."""
    size = (data[at] >> 6) + 1
    raw = int.from_bytes(data[at : at + size], "big")
    return raw & ((1 << (8 * size - 2)) - 1), at + size


def control(data):
    """Return (kind, fields) of a packet that is a control event for the agent, else None. Raises ValueError, IndexError."""
    flags = data[1] << 8 | data[2]
    if flags & 0x60 != 0x60 or EVENT_MIME not in data:
        return None
    _, at = _number(data, 3)
    if flags & 0x0200:  # time
        _, at = _number(data, at + 4)
    if flags & 0x0800:  # id
        size, at = _number(data, at)
        at += size
    if flags & 0x0080:  # tags
        count, at = _number(data, at)
        for _ in range(count):
            size, at = _number(data, at)
            at += size
    size, at = _number(data, at)
    if data[at : at + size] != EVENT_MIME:
        return None
    size, at = _number(data, at + size)
    name = data[at : at + size]
    kind = name[10:].decode("ascii", "replace")
    if not name.startswith(b"testlanes.") or kind not in OURS:
        return None
    size, at = _number(data, at + size)
    fields = pack.loads(data[at : at + size])
    if not isinstance(fields, dict):
        raise ValueError("a control event holds no map")
    return kind, fields


class Scanner:
    """Cuts a stream into packets; passes all on but what only the agent is to see."""

    def __init__(self):
        self._buffer = bytearray()

    def feed(self, data):
        """Return (bytes to pass on, [(kind, fields), …]) for what ``data`` completes. Raises ValueError: no subunit."""
        buffer = self._buffer
        buffer += data
        passed, events = [], []
        at = 0
        while len(buffer) - at >= 7:
            if buffer[at] != 0xB3:
                raise ValueError(
                    "it said something that is no subunit: %r" % bytes(buffer[at : at + 40])
                )
            size, _ = _number(buffer, at + 3)
            if not 8 <= size <= MAX_PACKET:
                raise ValueError("it announced a packet of %d bytes" % size)
            if len(buffer) - at < size:
                break
            raw = bytes(buffer[at : at + size])
            at += size
            try:
                event = control(raw)
            except IndexError:
                raise ValueError("it sent a control event that is cut short") from None
            if event is not None:
                events.append(event)
            if event is None or event[0] not in STRIPPED:
                passed.append(raw)
        del buffer[:at]
        return b"".join(passed), events
