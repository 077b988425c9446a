"""Single decisions of the dispatcher, by example; what always holds is in test_dispatch_properties.py."""

from __future__ import annotations

import math
import random

from testlanes.runner.decisions import Decision, Entry, Give, Move, Recall, Renew
from testlanes.runner.dispatch import Dispatcher
from testlanes.runner.events import Group
from testlanes.runner.ids import LOCAL, HostName, LaneId, ProfileName, Row

PY = ProfileName("default")


def test_a_worker_that_knows_too_little_is_renewed_once_everything_is_listed() -> None:
    """The longest tests may be listed last: no lane is to spend itself on short ones that it happens to know."""
    dispatcher = Dispatcher(profiles=[PY])
    dispatcher.open_lane(LaneId(0), LOCAL, PY)
    short = [Entry(Row(n), PY, n, 0.1, None) for n in range(50)]
    dispatcher.add(short, 0.0)
    dispatcher.worker_ready(LaneId(0), 50, 0.0)
    (given,) = dispatcher.decide(0.0)
    assert isinstance(given, Give)
    dispatcher.add([Entry(Row(50), PY, 50, 60.0, None)], 0.1)
    dispatcher.listing_ended(PY)

    now = 0.1
    for row in given.rows:
        dispatcher.started(LaneId(0), row, now)
        now += 0.1
        dispatcher.finished(LaneId(0), row, 0.1, now)
    assert [Renew(LaneId(0))] == dispatcher.decide(now)

    dispatcher.worker_gone(LaneId(0), now)
    dispatcher.worker_ready(LaneId(0), -1, now)
    (given,) = dispatcher.decide(now)
    assert isinstance(given, Give)
    assert Row(50) == given.rows[0]


def test_at_most_one_case_is_queued_behind_one_of_unknown_length() -> None:
    dispatcher = Dispatcher(profiles=[PY])
    dispatcher.open_lane(LaneId(0), LOCAL, PY)
    dispatcher.add([Entry(Row(0), PY, 0, None, None)], 0.0)
    dispatcher.add([Entry(Row(n), PY, n, 0.1, None) for n in range(1, 50)], 0.0)
    dispatcher.listing_ended(PY)
    dispatcher.worker_ready(LaneId(0), -1, 0.0)

    (given,) = dispatcher.decide(0.0)
    assert isinstance(given, Give)
    assert Row(0) == given.rows[0]
    assert len(given.rows) <= 2


def test_what_waits_behind_a_slow_test_is_taken_back_though_nothing_else_is_left() -> None:
    """Tests without an estimate are taken for quick ones once many of their like were; one is not."""
    dispatcher = Dispatcher(profiles=[PY])
    dispatcher.open_lane(LaneId(0), LOCAL, PY)
    dispatcher.add([Entry(Row(n), PY, n, None, None) for n in range(40)], 0.0)
    dispatcher.listing_ended(PY)
    dispatcher.worker_ready(LaneId(0), -1, 0.0)
    queue: list[Row] = []
    now = 0.0
    while dispatcher.stranded(()):  # nobody may run it: all that waits
        for decision in dispatcher.decide(now):
            assert isinstance(decision, Give)
            queue += decision.rows
        if dispatcher.stranded(()):
            row = queue.pop(0)
            dispatcher.started(LaneId(0), row, now)
            now += 0.0001
            dispatcher.finished(LaneId(0), row, 0.0001, now)
    slow, *behind = queue
    assert behind

    dispatcher.started(LaneId(0), slow, now)  # and goes on and on
    dispatcher.open_lane(LaneId(1), LOCAL, PY)
    dispatcher.worker_ready(LaneId(1), -1, now)
    assert dispatcher.decide(now) == []

    wake = dispatcher.wake_at
    assert wake is not None, "nobody looks at it again"
    assert dispatcher.decide(wake) == [Recall(LaneId(0), tuple(behind))]


def test_nothing_is_queued_behind_a_test_of_unknown_length_where_another_lane_can_take_it() -> None:
    """The other lane may be busy, or not there yet: a test that turns out slow gives nothing back."""
    dispatcher = Dispatcher(profiles=[PY])
    for lane in (0, 1):
        dispatcher.open_lane(LaneId(lane), LOCAL, PY)
    dispatcher.add([Entry(Row(n), PY, n, None, None) for n in range(30)], 0.0)
    dispatcher.listing_ended(PY)
    dispatcher.worker_ready(LaneId(0), -1, 0.0)

    assert dispatcher.decide(0.0) == [Give(LaneId(0), (Row(0),))]


def test_what_takes_long_comes_first_and_quick_tests_keep_the_order_of_their_listing() -> None:
    """Many a suite depends on it: a test leaves something behind that only those before it can do without."""
    dispatcher = Dispatcher(profiles=[PY])
    dispatcher.open_lane(LaneId(0), LOCAL, PY)
    seconds = [0.001, 0.05, 0.002, 0.03, 3.0, 0.0, 0.06, 0.01]
    dispatcher.add([Entry(Row(n), PY, n, each, None) for n, each in enumerate(seconds)], 0.0)
    dispatcher.listing_ended(PY)
    dispatcher.worker_ready(LaneId(0), -1, 0.0)

    order: list[Row] = []
    now = 0.0
    while not dispatcher.done:
        for decision in dispatcher.decide(now):
            assert isinstance(decision, Give)
            for row in decision.rows:
                order.append(row)
                dispatcher.started(LaneId(0), row, now)
                now += seconds[row]
                dispatcher.finished(LaneId(0), row, seconds[row], now)
    assert order == [4, 0, 1, 2, 3, 5, 6, 7]


def test_a_case_may_end_that_nobody_saw_running() -> None:
    dispatcher = Dispatcher(profiles=[PY])
    dispatcher.open_lane(LaneId(0), LOCAL, PY)
    dispatcher.add([Entry(Row(n), PY, n, 0.001, None) for n in range(3)], 0.0)
    dispatcher.listing_ended(PY)
    dispatcher.worker_ready(LaneId(0), -1, 0.0)
    given = [row for one in dispatcher.decide(0.0) if isinstance(one, Give) for row in one.rows]
    assert given[0] == Row(0)

    dispatcher.finished(LaneId(0), Row(0), 0.001, 0.1)
    dispatcher.started(LaneId(0), Row(1), 0.1)
    assert dispatcher.not_started(LaneId(0)) == tuple(given[2:])
    for row in given[1:]:
        dispatcher.finished(LaneId(0), row, 0.001, 0.2)
    assert dispatcher.not_started(LaneId(0)) == ()
    assert {*given, *dispatcher.stranded(())} == {Row(0), Row(1), Row(2)}


def test_what_is_urgent_comes_first_and_nothing_waits_for_its_end() -> None:
    dispatcher = Dispatcher(profiles=[PY])
    entries = [Entry(Row(n), PY, n, 5.0 - n, None, urgent=n == 3) for n in range(4)]
    dispatcher.add(entries, 0.0)
    dispatcher.listing_ended(PY)
    given: list[Row] = []
    for number in range(2):
        dispatcher.open_lane(LaneId(number), LOCAL, PY)
        dispatcher.worker_ready(LaneId(number), -1, 0.0)
        given += [one.rows[0] for one in dispatcher.decide(0.0) if isinstance(one, Give)]
    assert given[0] == Row(3)
    assert len(given) == 2


def test_a_lane_whose_worker_died_when_its_profile_was_done_goes_to_what_is_listed_later() -> None:
    one, two = ProfileName("one"), ProfileName("two")
    dispatcher = Dispatcher(profiles=[one, two])
    dispatcher.open_lane(LaneId(0), LOCAL, one)
    dispatcher.add([Entry(Row(0), one, 0, 1.0, None)], 0.0)
    dispatcher.listing_ended(one)
    dispatcher.worker_ready(LaneId(0), -1, 0.0)
    assert dispatcher.decide(0.0) == [Give(LaneId(0), (Row(0),))]
    dispatcher.started(LaneId(0), Row(0), 0.0)
    dispatcher.finished(LaneId(0), Row(0), 1.0, 1.0)
    dispatcher.worker_gone(LaneId(0), 1.0)  # it crashed with its last test
    assert dispatcher.decide(1.0) == []
    dispatcher.add([Entry(Row(1), two, 0, 1.0, None)], 2.0)
    dispatcher.listing_ended(two)
    assert dispatcher.decide(2.0) == [Move(LaneId(0), two)]


FAST, SLOW = HostName("fast"), HostName("slow")


def two_hosts(*, busy: float) -> Dispatcher:
    """A fast lane that runs something for ``busy`` seconds, a slow one that is idle, and a test of 10 s."""
    dispatcher = Dispatcher(profiles=[PY], hosts=[FAST, SLOW], speeds={FAST: 1.0, SLOW: 0.25})
    dispatcher.open_lane(LaneId(0), FAST, PY)
    dispatcher.open_lane(LaneId(1), SLOW, PY)
    dispatcher.add([Entry(Row(0), PY, 0, busy, None)], 0.0)
    dispatcher.worker_ready(LaneId(0), -1, 0.0)
    assert dispatcher.decide(0.0) == [Give(LaneId(0), (Row(0),))]
    dispatcher.started(LaneId(0), Row(0), 0.0)
    dispatcher.add([Entry(Row(1), PY, 1, 10.0, None)], 0.0)
    dispatcher.listing_ended(PY)
    dispatcher.worker_ready(LaneId(1), -1, 0.0)
    return dispatcher


def test_a_slow_host_leaves_a_long_test_to_a_fast_one_that_ends_it_sooner() -> None:
    dispatcher = two_hosts(busy=11.0)

    assert dispatcher.decide(0.1) == []  # 40 seconds here, 21 there
    assert dispatcher.waiting(LaneId(1)) == "a faster host ends it sooner"

    dispatcher.finished(LaneId(0), Row(0), 11.0, 11.0)
    assert dispatcher.decide(11.0) == [Give(LaneId(0), (Row(1),))]


def test_a_slow_host_takes_a_long_test_that_a_fast_one_would_end_later() -> None:
    assert two_hosts(busy=60.0).decide(0.1) == [Give(LaneId(1), (Row(1),))]


def test_a_slow_host_waits_for_no_fast_one_that_is_stuck_or_gone() -> None:
    stuck = two_hosts(busy=11.0)
    assert stuck.decide(0.1) == []
    now = 0.1
    given: list[object] = []
    while not given and stuck.wake_at is not None and now < 200.0:
        now = max(stuck.wake_at, now)
        given += stuck.decide(now)
    assert given == [Give(LaneId(1), (Row(1),))]

    gone = two_hosts(busy=11.0)
    assert gone.decide(0.1) == []
    gone.close_lane(LaneId(0), 0.2)
    (give,) = gone.decide(0.2)
    assert isinstance(give, Give)
    assert LaneId(1) == give.lane


def speeds_after_a_first_run(slowness: float) -> dict[HostName, float]:
    """Run 400 tests, of kinds that take from 10 ms to a second, that were never timed on a fast and a slow lane."""
    rng = random.Random(1)
    kinds = [rng.uniform(0.01, 1.0) for _ in range(25)]
    took = [kinds[n // 16] * rng.uniform(0.7, 1.4) for n in range(400)]
    dispatcher = Dispatcher(profiles=[PY], hosts=[FAST, SLOW])
    dispatcher.add([Entry(Row(n), PY, n, None, None) for n in range(400)], 0.0)
    dispatcher.listing_ended(PY)
    pace = {LaneId(0): 1.0, LaneId(1): slowness}
    queues: dict[LaneId, list[Row]] = {lane: [] for lane in pace}
    ends: dict[LaneId, float] = {}
    for lane, host in zip(pace, (FAST, SLOW), strict=True):
        dispatcher.open_lane(lane, host, PY)
        dispatcher.worker_ready(lane, -1, 0.0)
    now = 0.0
    while not dispatcher.done:
        for decision in dispatcher.decide(now):
            if isinstance(decision, Give):
                queues[decision.lane] += decision.rows
            elif isinstance(decision, Recall):
                queue = queues[decision.lane]
                queues[decision.lane] = [row for row in queue if row not in decision.rows]
                dispatcher.returned(decision.lane, decision.rows, now)
        for lane, queue in queues.items():
            if queue and lane not in ends:
                dispatcher.started(lane, queue[0], now)
                ends[lane] = now + took[queue[0]] * pace[lane]
        wake = math.inf if dispatcher.wake_at is None else dispatcher.wake_at
        lane = min(ends, key=ends.__getitem__)
        now = min(max(wake, now), ends[lane])
        if now == ends[lane]:
            del ends[lane]
            row = queues[lane].pop(0)
            dispatcher.finished(lane, row, took[row] * pace[lane], now)
    return dispatcher.speeds.learnt()


def test_hosts_are_compared_by_tests_that_stand_together_where_none_was_timed_before() -> None:
    learnt = speeds_after_a_first_run(3.0)

    assert 2.0 < learnt[FAST] / learnt[SLOW] < 4.5


def test_hosts_that_differ_by_chance_alone_are_taken_to_be_equal() -> None:
    assert speeds_after_a_first_run(1.0) == {}


def sharing_a_fixture(count: int) -> Dispatcher:
    """Return a dispatcher of two lanes, and a group of which lane 0 has begun to set the first one's fixture up.

    Other tests were quick: what was never timed is taken for quick, too, and lane 1 has nothing to do.
    """
    dispatcher = Dispatcher(profiles=[PY])
    for lane in map(LaneId, (0, 1)):
        dispatcher.open_lane(lane, LOCAL, PY)
        dispatcher.worker_ready(lane, -1, 0.0)
    dispatcher.add([Entry(Row(n), PY, n, None, None) for n in range(8)], 0.0)
    now = 0.0
    while given := [one for one in dispatcher.decide(now) if isinstance(one, Give)]:
        for one in given:
            for row in one.rows:
                dispatcher.started(one.lane, row, now)
                now += 0.01
                dispatcher.finished(one.lane, row, 0.01, now)
    group = Group("test_f.py", hard=False)
    dispatcher.add([Entry(Row(8 + n), PY, 8 + n, None, group) for n in range(count)], 1.0)
    dispatcher.listing_ended(PY)
    (given, *_) = dispatcher.decide(1.0)
    assert isinstance(given, Give)
    assert (given.lane, given.rows[0]) == (0, 8)
    dispatcher.started(LaneId(0), Row(8), 1.0)
    dispatcher.fixture(LaneId(0), Row(8), None, own=True)
    return dispatcher


def lanes_given(decisions: list[Decision]) -> set[LaneId]:
    return {one.lane for one in decisions if isinstance(one, Give)}


def test_nobody_sets_up_again_what_another_lane_sets_up_just_now() -> None:
    dispatcher = sharing_a_fixture(3)
    for now in (1.2, 2.0, 4.0):
        assert lanes_given(dispatcher.decide(now)) <= {LaneId(0)}
    dispatcher.fixture(LaneId(0), Row(8), 4.0, own=True)
    dispatcher.finished(LaneId(0), Row(8), 4.01, 5.01)
    assert lanes_given(dispatcher.decide(5.01)) <= {LaneId(0)}


def test_what_waits_behind_a_slow_test_is_set_up_again_once_as_much_is_lost_by_waiting() -> None:
    dispatcher = sharing_a_fixture(3)
    dispatcher.fixture(LaneId(0), Row(8), 4.0, own=True)
    decisions: list[Decision] = []
    for now in (5.0, 7.0, 8.9):  # 3.9 seconds of its own
        decisions += dispatcher.decide(now)
    assert not [one for one in decisions if isinstance(one, Recall) or one.lane == 1]
    decisions = dispatcher.decide(9.2)
    if decisions == [Recall(LaneId(0), (Row(9),))]:
        dispatcher.returned(LaneId(0), [Row(9)], 9.2)
        decisions = dispatcher.decide(9.2)
    assert LaneId(1) in lanes_given(decisions)


def test_long_tests_of_a_group_that_is_cheap_to_set_up_are_shared() -> None:
    dispatcher = sharing_a_fixture(8)
    dispatcher.fixture(LaneId(0), Row(8), 0.001, own=True)
    dispatcher.finished(LaneId(0), Row(8), 3.0, 4.0)
    assert LaneId(1) in lanes_given(dispatcher.decide(4.0))


def test_a_fixture_of_a_test_that_has_its_outcome_is_no_matter() -> None:
    dispatcher = sharing_a_fixture(2)
    dispatcher.finished(LaneId(0), Row(8), 1.0, 2.0)
    dispatcher.fixture(LaneId(0), Row(8), 1.0, own=True)
    dispatcher.fixture(LaneId(7), Row(8), None, own=True)


def test_a_test_that_begins_a_group_has_a_moment_to_begin_with_its_fixtures() -> None:
    dispatcher = Dispatcher(profiles=[PY])
    for lane in map(LaneId, (0, 1)):
        dispatcher.open_lane(lane, LOCAL, PY)
        dispatcher.worker_ready(lane, -1, 0.0)
    group = Group("test_f.py", hard=False)
    dispatcher.add([Entry(Row(n), PY, n, 5.0, group) for n in range(4)], 0.0)
    dispatcher.listing_ended(PY)
    assert lanes_given(dispatcher.decide(0.0)) == {LaneId(0)}
    dispatcher.started(LaneId(0), Row(0), 0.0)
    assert dispatcher.decide(0.05) == []
    wake = dispatcher.wake_at
    assert wake is not None
    assert wake < 0.2
    assert lanes_given(dispatcher.decide(wake)) == {LaneId(1)}
