"""A worker's stream becomes events; its death a verdict for the test that ran, and for no other."""

from __future__ import annotations

from testlanes.runner.events import (
    CaseFinished,
    CasesReturned,
    CaseStarted,
    DetailReceived,
    ExtraResult,
    RunEvent,
    WorkerLost,
    WorkerStarted,
)
from testlanes.runner.extras import LIMIT
from testlanes.runner.ids import Kind, LaneId, ProfileName, Row, Status
from testlanes.runner.lane import Lane
from testlanes.runner.wire.control import EVENT_MIME
from testlanes.runner.wire.messages import Exited
from testlanes.runner.wire.subunit import Packet, encode

PY = ProfileName("default")
SECOND = 1_000_000_000


def lane(*ids: str, foreign: bool = False) -> Lane:
    made = Lane(LaneId(3), PY, foreign, 2, lambda: 9 * SECOND)
    made.held.update({test_id: Row(number) for number, test_id in enumerate(ids)})
    return made


def say(made: Lane, *packets: Packet) -> list[RunEvent]:
    return made.receive(b"".join(map(encode, packets)))


def begun(test_id: str, at: int = 1) -> Packet:
    return Packet(test_id, "inprogress", ns=at * SECOND)


def done(
    test_id: str, status: str = "success", at: int = 3, tags: frozenset[str] = frozenset()
) -> Packet:
    return Packet(test_id, status, tags=tags, ns=at * SECOND)


def detail(test_id: str, name: str, data: bytes) -> Packet:
    return Packet(test_id, None, name=name, data=data, eof=True, mime="text/plain")


def control(kind: str, data: bytes = b"\x80") -> Packet:
    return Packet(
        None, None, runnable=False, name=f"testlanes.{kind}", data=data, eof=True, mime=EVENT_MIME
    )


def exited(
    code: int | None = None, signal: int | None = None, why: str = "exited with status 0"
) -> Exited:
    return Exited(3, 2, code, signal, why, "Current thread:\n  File x", "last words", "")


def test_a_test_is_told_as_start_details_and_outcome_with_its_wall_time() -> None:
    events = say(
        lane("a"),
        begun("a"),
        detail("a", "traceback", b"Tr"),
        done("a", "fail", tags=frozenset({"slow"})),
    )

    assert [
        CaseStarted(LaneId(3), Row(0), 1 * SECOND),
        DetailReceived(LaneId(3), Row(0), "traceback", "text/plain", b"Tr", eof=True),
        CaseFinished(LaneId(3), Row(0), Status.FAIL, Kind.NONE, 3 * SECOND, 2.0, ("slow",)),
    ] == events


def test_a_worker_says_hello_with_what_it_knows() -> None:
    body = b"\x84\xa3pid\x2a\xa6python\xa63.11.7\xa4kind\xa8unittest\xa5known\x07"

    assert [WorkerStarted(LaneId(3), 2, 42, PY, 7)] == say(lane(), control("hello", body))


def test_a_crash_is_the_verdict_of_the_running_test_alone() -> None:
    made = lane("a", "b")
    say(made, begun("a"))
    events = made.ended(exited(signal=11, why="killed by SIGSEGV"))

    finished = [event for event in events if isinstance(event, CaseFinished)]
    assert [(Row(0), Status.FAIL, Kind.CRASH)] == [(e.row, e.status, e.kind) for e in finished]
    text = b"".join(event.data for event in events if isinstance(event, DetailReceived)).decode()
    assert "killed by SIGSEGV" in text
    assert "Current thread" in text
    assert "last words" in text
    assert WorkerLost(LaneId(3), 2, "killed by SIGSEGV", expected=True) == events[-1]


def test_stacks_end_where_the_framework_begins() -> None:
    made = lane("a")
    say(made, begun("a"))
    stacks = (
        "Fatal Python error: Segmentation fault\n\nCurrent thread 0x1 (most recent call first):\n"
        '  File "/p/test_a.py", line 3 in inner\n  File "/p/test_a.py", line 9 in test_a\n'
        '  File "/usr/lib/python3.11/unittest/case.py", line 579 in _callTestMethod\n'
        '  File "/run/testlanes_agent/worker.py", line 1 in loop\n'
    )
    events = made.ended(Exited(3, 2, None, 11, "was killed by SIGSEGV", stacks, "", ""))

    (text,) = [event.data.decode() for event in events if isinstance(event, DetailReceived)]
    assert "line 9 in test_a" in text
    assert "unittest" not in text
    assert "testlanes_agent" not in text


def test_a_worker_that_dies_between_two_tests_is_not_green() -> None:
    events = lane("a").ended(exited(code=3, why="exited with status 3"))

    (extra,) = [event for event in events if isinstance(event, ExtraResult)]
    assert ("process-returncode", Status.FAIL) == (extra.test_id, extra.status)
    assert b"returncode 3" in extra.details[0][2]
    assert WorkerLost(LaneId(3), 2, "exited with status 3", expected=False) == events[-1]


def test_a_worker_that_was_asked_to_go_just_goes() -> None:
    made = lane()
    made.leaving = True

    assert [WorkerLost(LaneId(3), 2, "exited with status 0", expected=True)] == made.ended(
        exited(code=0)
    )


def test_a_worker_that_we_killed_leaves_its_test_without_a_verdict() -> None:
    made = lane("a")
    say(made, begun("a"))
    made.killed = True

    assert [WorkerLost] == [
        type(event) for event in made.ended(exited(signal=9, why="killed by SIGKILL"))
    ]


def test_passing_after_the_time_limit_is_a_failure() -> None:
    made = lane("a")
    say(made, begun("a"))
    made.stopped = "over its time limit"

    *_, finished = say(made, done("a"))

    assert isinstance(finished, CaseFinished)
    assert (Status.FAIL, Kind.TIMEOUT) == (finished.status, finished.kind)


def test_a_killed_overdue_test_is_a_timeout_and_no_crash() -> None:
    made = lane("a")
    say(made, begun("a"))
    made.stopped = "over its time limit"

    (finished,) = [
        e
        for e in made.ended(exited(signal=9, why="killed by SIGKILL"))
        if isinstance(e, CaseFinished)
    ]

    assert Kind.TIMEOUT == finished.kind


def test_a_result_of_nobodys_is_told_with_its_details() -> None:
    events = say(
        lane("a"),
        detail("setUpClass (m.C)", "traceback", b"boom"),
        done("setUpClass (m.C)", "fail"),
    )

    assert [
        ExtraResult(
            LaneId(3),
            "setUpClass (m.C)",
            PY,
            Status.FAIL,
            3 * SECOND,
            (("traceback", "text/plain", b"boom"),),
        )
    ] == events


def test_inventing_tests_without_end_is_a_protocol_error() -> None:
    made = lane()
    events = say(made, *(done(f"x{number}") for number in range(LIMIT + 1)))

    assert LIMIT == len(events)
    assert "not given" in made.broken


def test_a_stream_that_is_no_subunit_breaks_its_lane_and_tells_what_was_good() -> None:
    made = lane("a")
    events = made.receive(encode(begun("a")) + b"garbage")

    assert [CaseStarted] == [type(event) for event in events]
    assert made.broken
    assert [] == made.receive(encode(done("a")))
    texts = [e.data.decode() for e in made.ended(exited(signal=9)) if isinstance(e, DetailReceived)]
    assert "broke the protocol" in texts[0]


def test_a_foreign_stream_with_a_wrong_length_is_looked_through() -> None:
    made = lane("a", foreign=True)
    made.receive(b"\xb3\x2b\x00\xbf\xff\xf0" + encode(begun("a")) + encode(done("a")))
    made.settle()
    events = made.settle()

    assert [CaseFinished] == [type(event) for event in events if isinstance(event, CaseFinished)]


def test_nothing_is_made_of_the_rest_of_a_stream_whose_host_is_lost() -> None:
    made = lane("a", foreign=True)
    made.receive(b"\xb3\x2b\x00\xbf\xff\xf0" + encode(begun("a")) + encode(done("a")))
    made.settle()
    made.exited = True

    assert [] == made.settle()


def test_what_was_dropped_returns_but_not_what_runs() -> None:
    made = lane("a", "b", "c")
    say(made, begun("a"))

    assert CasesReturned(LaneId(3), (Row(1), Row(2))) == made.gave_back(["a", "b", "c", "zz"])
    assert ["a"] == list(made.held)


def test_a_test_may_end_without_having_begun() -> None:
    (event,) = say(lane("a", foreign=True), done("a", "skip"))

    assert isinstance(event, CaseFinished)
    assert (Row(0), Status.SKIP) == (event.row, event.status)


def test_a_test_whose_end_came_with_its_beginning_is_told_once() -> None:
    made = lane("a", "b")
    events = say(made, begun("a", 1), done("a", at=3), begun("b", 4))

    assert [
        CaseFinished(LaneId(3), Row(0), Status.SUCCESS, Kind.NONE, 3 * SECOND, 2.0, ()),
        CaseStarted(LaneId(3), Row(1), 4 * SECOND),
    ] == events
    assert [CaseFinished] == [type(event) for event in say(made, done("b", at=5))]


def test_tests_beside_each_other_in_a_foreign_command_all_get_their_outcome() -> None:
    events = say(
        lane("a", "b", foreign=True),
        begun("a", 1),
        begun("b", 2),
        detail("b", "log", b"of b"),
        done("b", "fail", 4),
        done("a", "success", 5),
    )

    finished = {e.row: (e.status, e.seconds) for e in events if isinstance(e, CaseFinished)}
    assert {Row(0): (Status.SUCCESS, 4.0), Row(1): (Status.FAIL, 2.0)} == finished
    assert [Row(1)] == [event.row for event in events if isinstance(event, DetailReceived)]


def test_a_foreign_batch_that_dies_blames_its_next_test_and_returns_the_others() -> None:
    made = lane("a", "b", "c", foreign=True)
    say(made, begun("a"), done("a"))
    events = made.ended(exited(code=1, why="exited with status 1"))

    finished = [event for event in events if isinstance(event, CaseFinished)]
    assert [(Row(1), Kind.CRASH)] == [(event.row, event.kind) for event in finished]
    assert ["c"] == list(made.held)


def test_a_foreign_batch_that_says_nothing_of_a_test_fails_it() -> None:
    events = lane("a", "b", foreign=True).ended(exited(code=0))

    assert [Row(0), Row(1)] == [event.row for event in events if isinstance(event, CaseFinished)]
    assert all(event.status is Status.FAIL for event in events if isinstance(event, CaseFinished))
