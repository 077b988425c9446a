"""The words of the channel: each one read into its own class, every other one refused by name."""

from __future__ import annotations

import pytest

from testlanes.runner.errors import ProtocolError
from testlanes.runner.wire import messages, orders
from testlanes.runner.wire.frames import Frames
from testlanes.runner.wire.messages import parse

HELLO = {
    "version": 2,
    "pid": 7,
    "python": "3.11.7",
    "host": "h",
    "cpus": 2,
    "clock": 5,
    "dir": "/run/x",
}
EXIT = {
    "code": None,
    "signal": 11,
    "why": "was killed by SIGSEGV",
    "stacks": "File",
    "stdout": b"a\xff",
    "stderr": b"",
}

SAID: list[tuple[list[object], messages.AgentMessage]] = [
    (["hello", HELLO], messages.AgentHello(2, 7, "3.11.7", "h", 2, 5, "/run/x")),
    (["data", 3, b"\xb3"], messages.Data(3, b"\xb3")),
    (["data", "py311", b""], messages.Data("py311", b"")),
    (["loader", "p", {"state": "ready", "why": ""}], messages.LoaderState("p", "ready", "")),
    (["loader", "p", {"state": "gone"}], messages.LoaderState("p", "gone", "")),
    (["opened", 1, 2, 99], messages.Opened(1, 2, 99)),
    (["dropped", 1, ["a", "b"]], messages.Dropped(1, ("a", "b"))),
    (["limit", 1, 2], messages.LimitReached(1, 2)),
    (
        ["exited", 1, 2, EXIT],
        messages.Exited(1, 2, None, 11, "was killed by SIGSEGV", "File", "a\\xff", ""),
    ),
    (["exited", 1, 2, {"code": 3}], messages.Exited(1, 2, 3, None, "", "", "", "")),
    (["output", 1, "stdout", b"x"], messages.Output(1, "stdout", b"x")),
    (["usage", 1, {"memory": 5, "cpu": 1}], messages.UsageSeen(1, 5, 1.0)),
    (["warn", "careful"], messages.AgentWarning("careful")),
    (["pong", 4], messages.Pong(4)),
    (["bye"], messages.Bye()),
]


@pytest.mark.parametrize(("frame", "message"), SAID)
def test_each_word_of_the_agent_is_read(
    frame: list[object], message: messages.AgentMessage
) -> None:
    assert parse(frame) == message


BAD: list[tuple[list[object], str]] = [
    (["hullo"], "'hullo'"),
    ([7], "7"),
    ([], "None"),
    (["hello", {**HELLO, "version": 3}], "version 3, we speak 2"),
    (["hello", {**HELLO, "version": "1"}], "version is str"),
    (["hello", {**HELLO, "cpus": -1}], "-1 processors"),
    (["hello", {**HELLO, "cpus": 10**9}], "1000000000 processors"),
    (["hello", {**HELLO, "cpus": True}], "cpus is bool"),
    (["hello", 3], "hello is int"),
    (["hello"], "0 fields, not 1"),
    (["data", 1.5, b""], "a channel that is float"),
    (["data", True, b""], "a channel that is bool"),
    (["data", 1, "text"], "data is str"),
    (["data", 1], "1 fields, not 2"),
    (["loader", "p", {"state": "dancing"}], "'dancing'"),
    (["opened", "1", 2, 3], "a lane is str"),
    (["dropped", 1, [1]], "dropped ids is int"),
    (["dropped", 1, 5], "dropped ids is int, not a list"),
    (["usage", 1, {"memory": 1, "cpu": float("nan")}], "cpu is float"),
    (["usage", 1, {"memory": 1, "cpu": float("inf")}], "cpu is float"),
    (["pong", None], "number is NoneType"),
    (["bye", 1], "1 fields, not 0"),
]


@pytest.mark.parametrize(("frame", "said"), BAD)
def test_anything_else_is_refused_by_name(frame: list[object], said: str) -> None:
    with pytest.raises(ProtocolError, match=said):
        parse(frame)


def test_each_message_of_the_controller_is_one_frame_with_its_word() -> None:
    stream = b"".join(
        [
            orders.say_hello(15.0),
            orders.say_hello(None),
            orders.define_profile("p", {"kind": "pytest", "env": {}}),
            orders.load("p"),
            orders.open_lane(1, "p", 0, {"limit": None}),
            orders.run(1, ("a", "b")),
            orders.drop(1, ["b"]),
            orders.stop(1),
            orders.dump(1),
            orders.retire(1),
            orders.kill(1),
            orders.tail(1, True),
            orders.credit(1, 65536),
            orders.ping(3),
            orders.end(),
        ]
    )
    assert Frames().feed(stream) == [
        ["hello", {"version": 2, "lease": 15.0}],
        ["hello", {"version": 2, "lease": None}],
        ["profile", "p", {"kind": "pytest", "env": {}}],
        ["load", "p"],
        ["open", 1, "p", 0, {"limit": None}],
        ["run", 1, ["a", "b"]],
        ["drop", 1, ["b"]],
        ["stop", 1, None],
        ["dump", 1],
        ["retire", 1],
        ["kill", 1],
        ["tail", 1, True],
        ["credit", 1, 65536],
        ["ping", 3],
        ["end"],
    ]
