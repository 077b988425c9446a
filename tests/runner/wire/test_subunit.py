"""The packet decoder: equal to python-subunit on good streams, named errors or text on bad ones."""

# python-subunit has no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import contextlib
import datetime as dt
import io
import random
import zlib
from struct import pack

import pytest
from subunit.v2 import ByteStreamToStreamResult, StreamResultToBytes
from testtools import StreamResult

from testlanes.runner.errors import ProtocolError
from testlanes.runner.wire.subunit import BadStreamError, Decoder, Packet, encode

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
STATUSES = (None, "exists", "inprogress", "success", "uxsuccess", "skip", "fail", "xfail")
GOOD = encode(Packet("good", "success", ns=1_700_000_000_000_000_000))


class Collect(StreamResult):
    """What python-subunit reads, as our packets."""

    def __init__(self) -> None:
        super().__init__()
        self.packets: list[Packet] = []

    def status(
        self,
        test_id: str | None = None,
        test_status: str | None = None,
        test_tags: set[str] | None = None,
        runnable: bool = True,
        file_name: str | None = None,
        file_bytes: bytes | memoryview | None = None,
        eof: bool = False,
        mime_type: str | None = None,
        route_code: str | None = None,
        timestamp: dt.datetime | None = None,
    ) -> None:
        ns = None
        if timestamp is not None:
            ns = (timestamp - EPOCH) // dt.timedelta(microseconds=1) * 1000
        data = None if file_bytes is None else bytes(file_bytes)
        self.packets.append(
            Packet(
                test_id,
                test_status,
                frozenset(test_tags or ()),
                runnable,
                file_name,
                data,
                eof,
                mime_type,
                route_code,
                ns,
            )
        )


def random_text(rng: random.Random, longest: int) -> str:
    return "".join(rng.choices("abcxyz.[]-_ \u00f3\u4e2d\U0001f600\n", k=rng.randint(1, longest)))


def random_packet(rng: random.Random) -> Packet:
    named = rng.random() < 0.4
    test_id = random_text(rng, rng.choice([5, 70, 300, 20000 if rng.random() < 0.05 else 30]))
    tags = frozenset(rng.choices(["worker-1", "worker-200", "py311", "a\u00f3" * 40], k=2))
    return Packet(
        test_id if rng.random() < 0.9 else None,
        rng.choice(STATUSES) if rng.random() < 0.7 else None,
        tags if rng.random() < 0.6 else frozenset(),
        rng.random() < 0.5,
        random_text(rng, 20) if named else None,
        rng.randbytes(rng.choice([0, 1, 60, 63, 64, 16383, 70000])) if named else None,
        rng.random() < 0.2,
        "text/plain; charset=utf8" if rng.random() < 0.3 else None,
        rng.choice(["0", "a/b", "x" * 100]) if rng.random() < 0.3 else None,
        rng.randrange(0, 2**32 * 10**6) * 1000 if rng.random() < 0.8 else None,
    )


def theirs(packet: Packet) -> bytes:
    out = io.BytesIO()
    when = None
    if packet.ns is not None:
        when = EPOCH + dt.timedelta(microseconds=packet.ns // 1000)
    StreamResultToBytes(out).status(
        test_id=packet.test_id,
        test_status=packet.status,
        test_tags=sorted(packet.tags),
        runnable=packet.runnable,
        file_name=packet.name,
        file_bytes=packet.data,
        eof=packet.eof,
        mime_type=packet.mime,
        route_code=packet.route,
        timestamp=when,
    )
    return out.getvalue()


def pieces(rng: random.Random, stream: bytes) -> list[bytes]:
    cut, at = [], 0
    while at < len(stream):
        size = rng.choice([1, 2, 7, 100, 4096, 65536])
        cut.append(stream[at : at + size])
        at += size
    return cut


def decode(stream: bytes, *, foreign: bool = False) -> list[Packet]:
    decoder = Decoder(foreign=foreign)
    return [*decoder.feed(stream), *decoder.close()]


def packed(flags: int, body: bytes, size: int | None = None) -> bytes:
    """Return a packet of any flags and body with a right checksum."""
    size = 8 + len(body) if size is None else size
    length = bytes([size]) if size < 64 else pack(">H", size + 1 | 0x4000)
    head = b"\xb3" + pack(">H", flags) + length + body
    return head + pack(">I", zlib.crc32(head))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("foreign", [False, True])
def test_random_packets_in_random_pieces_mean_what_python_subunit_reads(
    seed: int, foreign: bool
) -> None:
    rng = random.Random(seed)
    sent = [random_packet(rng) for _ in range(800)]
    if not foreign:
        sent = [one for one in sent if one.test_id or not one.status]
    stream = b"".join(map(theirs, sent))
    collect = Collect()
    ByteStreamToStreamResult(io.BytesIO(stream)).run(collect)
    assert collect.packets == sent

    decoder = Decoder(foreign=foreign)
    read = [one for piece in pieces(rng, stream) for one in decoder.feed(piece)]

    assert read == sent
    assert decoder.waiting is None
    assert decoder.close() == []


@pytest.mark.parametrize("seed", range(4))
def test_the_encoder_writes_python_subunits_bytes(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(800):
        packet = random_packet(rng)
        assert encode(packet) == theirs(packet)


def test_nanoseconds_survive() -> None:
    packet = Packet("a", "success", ns=1_700_000_000_123_456_789)
    assert decode(encode(packet)) == [packet]


def test_big_content_is_split_and_the_status_rides_last() -> None:
    data = random.Random(1).randbytes((3 << 20) + 5)
    read = decode(encode(Packet("a", "fail", name="log", data=data, eof=True)))
    assert b"".join(one.data or b"" for one in read) == data
    assert [(one.status, one.eof) for one in read] == [(None, False)] * 3 + [("fail", True)]


def test_a_megabyte_packet_in_small_pieces_is_held_once() -> None:
    stream = encode(Packet("a", name="log", data=bytes(1 << 20)))
    decoder = Decoder()
    read = [one for at in range(0, len(stream), 50) for one in decoder.feed(stream[at : at + 50])]
    assert [len(one.data or b"") for one in read] == [1 << 20]


BAD: dict[str, bytes] = {
    **{f"length {n}": b"\xb3\x20\x00" + bytes([n]) + bytes(8) for n in range(8)},
    "checksum": GOOD[:-1] + bytes([GOOD[-1] ^ 1]),
    "length of four bytes": b"\xb3\x20\x00\xc0\x00\x00\x10" + bytes(16),
    "no time": packed(0x2200, b""),
    "half a time": packed(0x2200, b"\0\0\0"),
    "no nanoseconds": packed(0x2200, b"\0\0\0\0"),
    "no id": packed(0x2800, b""),
    "no tags": packed(0x2080, b""),
    "no mime": packed(0x2020, b""),
    "no file": packed(0x2040, b""),
    "no content": packed(0x2040, b"\1a"),
    "no route": packed(0x2400, b""),
    "2**30-1 tags": packed(0x2080, b"\xff\xff\xff\xff"),
    "a million tags": packed(0x2080, b"\x8f\x42\x40"),
    "more tags than there are": packed(0x2080, b"\x05\1a\1b"),
    "an id longer than its packet": packed(0x2800, b"\x20abc"),
    "a mime longer than its packet": packed(0x2020, b"\x20abc"),
    "content longer than its packet": packed(0x2040, b"\1a\x20abc"),
    "not UTF-8": packed(0x2800, b"\2\xff\xfe"),
    "NUL": packed(0x2800, b"\3a\0b"),
    "version 1": packed(0x1800, b"\1a"),
    "version 15": packed(0xF800, b"\1a"),
    "reserved bit": packed(0x2808, b"\1a"),
    "junk after the last field": packed(0x2800, b"\1ajunk"),
    "text": b"hello world, hello world\n",
    "a lone signature": b"\xb3hello world, hello world\n",
    "UTF-8 with a signature in it": "hall\u00f3 w\u00f3rld, \u0433 hello".encode(),
}
STRICTLY_BAD = {
    "empty id": packed(0x2803, b"\0"),
    "a status without an id": packed(0x2003, b""),
}


@pytest.mark.parametrize("what", [*BAD, *STRICTLY_BAD])
def test_in_a_strict_stream_a_bad_packet_is_an_error_after_the_good_ones(what: str) -> None:
    bad = {**BAD, **STRICTLY_BAD}[what]
    decoder = Decoder()
    with pytest.raises(BadStreamError, match="no subunit packet") as caught:
        decoder.feed(GOOD + bad + GOOD * 10)
    assert [one.test_id for one in caught.value.before] == ["good"]
    with pytest.raises(ProtocolError):
        decoder.feed(GOOD)
    assert decoder.waiting is None


@pytest.mark.parametrize("size", [1, 3, 1 << 16])
@pytest.mark.parametrize("what", BAD)
def test_in_a_foreign_stream_a_bad_packet_is_text_and_good_ones_behind_it_count(
    what: str, size: int
) -> None:
    """A wrong length may swallow what follows until the end or ``settle``; then nothing is lost either."""
    stream = GOOD + BAD[what] + GOOD * 100
    decoder = Decoder(foreign=True)
    read: list[Packet] = []
    for at in range(0, len(stream), size):
        read += decoder.feed(stream[at : at + size])
    read += decoder.settle()
    read += decoder.close()
    assert b"".join(one.data or b"" for one in read if one.name == "stdout") == BAD[what]
    assert sum(one.test_id == "good" for one in read) == 101
    assert all(one.test_id in {"good", None} for one in read)


def test_empty_ids_and_statuses_without_id_of_a_foreign_stream_are_passed_on() -> None:
    read = decode(b"".join(STRICTLY_BAD.values()), foreign=True)
    assert [(one.test_id, one.status) for one in read] == [("", "success"), (None, "success")]


def test_an_incomplete_packet_is_told_at_the_end() -> None:
    decoder = Decoder()
    assert decoder.feed(GOOD + GOOD[:-1]) == [decode(GOOD)[0]]
    assert decoder.waiting == len(GOOD)
    with pytest.raises(ProtocolError, match="ended inside a packet"):
        decoder.close()


def test_an_incomplete_packet_at_the_end_of_a_foreign_stream_is_text() -> None:
    read = decode(GOOD + b"bye " + GOOD[:-1], foreign=True)
    assert [one.data for one in read] == [None, b"bye ", GOOD[:-1]]


@pytest.mark.parametrize("behind", [0, 1, 50])
def test_a_length_of_4_mib_swallows_good_packets_only_until_it_is_settled(behind: int) -> None:
    bad = b"\xb3\x2b\x03\xbf\xff\xff"
    decoder = Decoder(foreign=True)
    assert decoder.feed(bad + GOOD * behind) == []
    assert decoder.waiting == 0
    read = decoder.settle()
    assert len(read) == (1 + behind if behind else 0)
    assert decoder.waiting == (None if behind else 0)
    if behind:
        assert read[0] == Packet(name="stdout", data=bad)


def test_a_strict_stream_is_never_settled() -> None:
    decoder = Decoder()
    assert decoder.feed(b"\xb3\x2b\x03\xbf\xff\xff" + GOOD) == []
    assert decoder.settle() == []
    assert decoder.waiting == 0


def test_a_packet_over_the_limit_is_refused_before_it_comes() -> None:
    with pytest.raises(ProtocolError, match="a packet of 2000 bytes"):
        Decoder(1999).feed(b"\xb3\x20\x00" + pack(">H", 2000 | 0x4000) + bytes(20))


def test_text_is_given_at_once_and_a_letter_that_holds_a_signature_is_no_packet() -> None:
    decoder = Decoder(foreign=True)
    text = "\u0433 run, \u00f3 ...".encode()
    read = [one for byte in text for one in decoder.feed(bytes([byte]))]
    assert b"".join(one.data or b"" for one in read) == text
    assert decoder.waiting is None


@pytest.mark.parametrize("lead", ["\u00f3", "\u4df3", "\U0001f033"])
def test_a_packet_right_behind_a_letter_is_read(lead: str) -> None:
    text = lead.encode()
    read = decode(text + GOOD, foreign=True)
    assert [(one.data, one.test_id) for one in read] == [(text, None), (None, "good")]


def test_ids_of_megabytes_are_refused() -> None:
    body = b"\x90\x00\x01" + b"a" * 0x100001
    size = len(body) + 10
    head = b"\xb3\x28\x03" + bytes([size >> 16 | 0x80]) + pack(">H", size & 0xFFFF) + body
    with pytest.raises(ProtocolError, match="a test id of 1048577 bytes"):
        Decoder().feed(head + pack(">I", zlib.crc32(head)))


def test_a_flood_of_broken_packets_ends_the_stream_instead_of_the_machine() -> None:
    """Each signature announces a packet of 4 MB, and each checksum of it would take milliseconds."""
    decoder = Decoder(foreign=True)
    flood = b"\xb3\x20\x00\xbf\xff\xff" * 800_000
    with pytest.raises(BadStreamError, match="flood"):
        decoder.feed(flood)


def test_random_bytes_come_back_as_text_unchanged() -> None:
    rng = random.Random(5)
    for _ in range(200):
        noise = bytes(rng.choices(b"\xb3\x20\x21\x2b\x08\x10\xc3ab\n", k=400))
        decoder = Decoder(foreign=True)
        read = [one for piece in pieces(rng, noise) for one in decoder.feed(piece)]
        read += decoder.close()
        assert b"".join(one.data or b"" for one in read) == noise


def test_changed_bytes_never_escape_as_other_exceptions() -> None:
    rng = random.Random(6)
    base = b"".join(encode(random_packet(rng)) for _ in range(20))
    for _ in range(300):
        bad = bytearray(base)
        bad[rng.randrange(len(bad))] = rng.randrange(256)
        assert decode(bytes(bad), foreign=True)
        with contextlib.suppress(ProtocolError):
            decode(bytes(bad))
