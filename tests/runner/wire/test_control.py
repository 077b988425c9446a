"""Control events: what the worker's channel packs is read; fields may be missing, not of a wrong type."""

# The agent has no types (it runs on Python 3.8).
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import pytest

from testlanes.runner.agent.channel import EVENT_MIME as WORKERS_MIME, event_packet
from testlanes.runner.errors import ProtocolError
from testlanes.runner.ids import Kind
from testlanes.runner.wire import control
from testlanes.runner.wire.control import EVENT_MIME, Control, parse
from testlanes.runner.wire.subunit import Decoder, Packet


def said(kind: str, /, **fields: object) -> Control:
    [packet] = Decoder().feed(event_packet(kind, **fields))
    assert packet.mime == EVENT_MIME == WORKERS_MIME
    return parse(packet)


EVENTS: list[tuple[str, dict[str, object], Control]] = [
    (
        "hello",
        {"pid": 1, "python": "3.8", "kind": "pytest", "known": 5},
        control.WorkerHello(1, "3.8", "pytest", 5),
    ),
    ("hello", {"pid": 1}, control.WorkerHello(1, "", "", -1)),
    (
        "ids",
        {"ids": ["a", "b"], "groups": {1: ["g", True]}},
        control.IdsListed(("a", "b"), {1: ("g", True)}),
    ),
    ("ids", {"ids": ["a"], "groups": {0: ["g"]}}, control.IdsListed(("a",), {0: ("g", False)})),
    ("gone", {"ids": ["a"]}, control.IdsGone(("a",))),
    ("listed", {"count": 2, "error": ""}, control.ListingDone(2, "")),
    ("fork", {"safe": False, "why": "threads"}, control.ForkState(False, "threads")),
    ("dropped", {"ids": []}, control.DroppedIds(())),
    ("kind", {"kind": "timeout"}, control.FailureKind(Kind.TIMEOUT)),
    ("kind", {"kind": "from the future"}, control.FailureKind(Kind.ERROR)),
    (
        "fixture",
        {"n": 2, "parent": 1, "name": "db", "scope": "class", "phase": "up", "took": 1500000000},
        control.FixtureEvent(2, 1, "db", "class", "up", 1.5),
    ),
    ("leaks", {"leaks": {"threads": ["t1"]}}, control.LeaksSeen({"threads": ("t1",)})),
    ("leaks", {"threads": ["t1"], "fds": []}, control.LeaksSeen({"threads": ("t1",), "fds": ()})),
    ("state", {"fixed": ["cwd"], "sick": []}, control.StateChanged(("cwd",), ())),
    ("retire", {"why": ["sick"], "unrun": ["a"]}, control.Retiring(("sick",), ("a",))),
    ("retire", {"why": "sick"}, control.Retiring(("sick",), ())),
    ("warning", {"text": "w"}, control.WorkerWarning("w")),
    ("summary", {"text": "s"}, control.Summary("s")),
    ("bye", {"output": {"a": 1}}, control.WorkerBye({"a": 1})),
    ("bye", {}, control.WorkerBye({})),
    ("phase", {"name": "setUp"}, control.Unknown("phase")),
]


@pytest.mark.parametrize(("kind", "fields", "event"), EVENTS)
def test_each_event_of_a_worker_is_read(
    kind: str, fields: dict[str, object], event: Control
) -> None:
    assert said(kind, **fields) == event


BAD: list[tuple[str, dict[str, object], str]] = [
    ("hello", {"pid": "1"}, "pid is str"),
    ("ids", {"ids": 5}, "listed ids is int"),
    ("ids", {"ids": ["a"], "groups": {"x": ["g", True]}}, "index is str"),
    ("ids", {"ids": ["a"], "groups": {0: "g"}}, "no list"),
    ("listed", {"count": 1.5}, "count is float"),
    ("fixture", {"n": 1, "took": "long"}, "took is str"),
    ("leaks", {"leaks": []}, "leaks is list"),
]


@pytest.mark.parametrize(("kind", "fields", "why"), BAD)
def test_a_field_of_a_wrong_type_is_refused_by_name(
    kind: str, fields: dict[str, object], why: str
) -> None:
    with pytest.raises(ProtocolError, match=why):
        said(kind, **fields)


@pytest.mark.parametrize(
    "packet",
    [
        Packet(name="other", data=b"\x80", mime=EVENT_MIME),
        Packet(name="testlanes.hello", data=b"", mime=EVENT_MIME),
        Packet(name="testlanes.hello", data=b"\x90", mime=EVENT_MIME),
    ],
)
def test_a_packet_that_holds_no_event_is_refused(packet: Packet) -> None:
    with pytest.raises(ProtocolError):
        parse(packet)
