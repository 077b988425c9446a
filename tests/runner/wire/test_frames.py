"""The channel between controller and agent: what our agent packs we read, what nobody should send is refused."""

from __future__ import annotations

import random

import pytest

from testlanes.runner.agent import pack  # the other end
from testlanes.runner.errors import ProtocolError
from testlanes.runner.wire.frames import Frames, encode, unpack

# The agent has no types (it runs on Python 3.8).
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

VALUES: list[object] = [
    ["hello", {"version": 1, "cpus": 2, "lease": None}],
    ["data", 3, b"\xb3" * 40000],
    ["data", "py311", b""],
    ["run", 1, ["t\u00e9st[\U0001f600]"] * 100],
    ["x", 1.5, True, False, None, -1, -(2**40), 2**63, [], {}, {1: ["g", True]}],
]


def framed(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


@pytest.mark.parametrize("size", [1, 3, 1000, 1 << 20])
def test_what_the_agent_packs_is_read_in_any_pieces(size: int) -> None:
    stream = b"".join(pack.frame(value) for value in VALUES)
    frames = Frames()
    read = [
        one for at in range(0, len(stream), size) for one in frames.feed(stream[at : at + size])
    ]
    assert read == VALUES
    frames.close()


def test_what_we_encode_the_agent_reads() -> None:
    agent = pack.Frames()
    assert agent.feed(encode("run", 1, ["a"], {"k": None})) == [["run", 1, ["a"], {"k": None}]]


def test_a_value_of_the_environment_that_is_no_unicode_reaches_the_agent() -> None:
    assert pack.Frames().feed(encode("open", {"A": "\udcff"})) == [["open", {"A": "\udcff"}]]


BOMBS: dict[str, bytes] = {
    "length 2**32-1": b"\xff\xff\xff\xff",
    "nothing": framed(b""),
    "a number": framed(b"\x01"),
    "an empty array": framed(b"\x90"),
    "an array without a word": framed(b"\x91\x01"),
    "bytes behind the value": framed(b"\x91\xa1aa"),
    "an array of 2**32-1": framed(b"\xdd\xff\xff\xff\xff"),
    "a map of 2**32-1": framed(b"\xdf\xff\xff\xff\xff"),
    "text of 2**32-1": framed(b"\xdb\xff\xff\xff\xff"),
    "a list as a key": framed(b"\x92\xa1a\x81\x90\x01"),
    "text that is not UTF-8": framed(b"\x91\xa2\xff\xff"),
    "brackets without end": framed(b"\x91" * 200_000),
    "an extension": framed(b"\x92\xa1a\xd4\x05\x00"),
    "a time of 2**64": framed(b"\x92\xa1a\xc7\x0c\xff" + b"\xff" * 12),
    "a byte that msgpack never uses": framed(b"\xc1"),
}


@pytest.mark.parametrize("what", BOMBS)
def test_a_bad_frame_is_a_protocol_error_and_ends_the_stream(what: str) -> None:
    frames = Frames()
    with pytest.raises(ProtocolError):
        frames.feed(BOMBS[what])
    with pytest.raises(ProtocolError):
        frames.feed(encode("pong", 1))


def test_a_stream_that_ends_inside_a_frame_is_told() -> None:
    frames = Frames()
    assert frames.feed(encode("pong", 1)[:-1]) == []
    with pytest.raises(ProtocolError, match="inside a frame"):
        frames.close()


def test_changed_bytes_never_escape_as_other_exceptions() -> None:
    rng = random.Random(1)
    base = pack.frame(VALUES[4])
    for _ in range(3000):
        bad = bytearray(base)
        bad[rng.randrange(len(bad))] = rng.randrange(256)
        try:
            Frames().feed(bytes(bad))
        except ProtocolError:
            continue


def test_maps_with_number_keys_are_read() -> None:
    assert unpack(pack.dumps({0: ["g", True]})) == {0: ["g", True]}
