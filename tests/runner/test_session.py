"""The session decides a whole run: a small world performs its commands and lets things go wrong."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given, settings, strategies as st

from testlanes.runner.cases import CaseTable
from testlanes.runner.commands import (
    Command,
    Finish,
    Kill,
    LoadSuite,
    Publish,
    Retire,
    Send,
    StartWorker,
    TakeBack,
    WakeAt,
)
from testlanes.runner.decisions import Entry
from testlanes.runner.dispatch import Dispatcher
from testlanes.runner.events import (
    CaseFinished,
    CasesAbsent,
    CasesGivenUp,
    CasesListed,
    CasesReturned,
    CasesSuspected,
    CaseStarted,
    FixtureChanged,
    Group,
    HostLost,
    HostReady,
    HostSpeed,
    HostStrained,
    ListingEnded,
    ListingStarted,
    RunEvent,
    StopAsked,
    SuiteLoaded,
    Ticked,
    WorkerLost,
    WorkerStarted,
)
from testlanes.runner.ids import LOCAL, HostName, Kind, LaneId, ProfileName, Row, Status
from testlanes.runner.session import Rules, Session
from testlanes.runner.staff import LanePlace
from testlanes.runner.state import ENDED, RunState, Standing
from testlanes.runner.suites import Hosting
from testlanes.runner.suspects import Losses

PY = ProfileName("default")
FAR, NEAR = HostName("far"), HostName("near")


class World:
    """Lanes that do what they are told, one step at a time; time passes with the steps."""

    def __init__(
        self,
        lanes: int = 2,
        *,
        rules: Rules | None = None,
        single: bool = False,
        coming: tuple[HostName, ...] = (),
    ) -> None:
        self.cases = CaseTable()
        self.state = RunState(self.cases)
        self.session = Session(
            Dispatcher(single=single, profiles=[PY], hosts=[LOCAL, *coming]),
            self.cases,
            [LanePlace(LaneId(number), LOCAL, PY) for number in range(lanes)],
            lambda row, index, group: Entry(row, PY, index, 1.0, group),
            rules,
            hosting=Hosting(frozenset(coming), profiles=(PY,)),
        )
        self.lister = LOCAL if lanes else coming[0]
        """The host whose loader's listing counts."""
        self.losses = Losses()
        self.loads: set[HostName] = set()
        """Hosts that are to load the suite, and have not."""
        self.now = 0.0
        self.sent: list[Command] = []
        self.queues: dict[LaneId, list[Row]] = {}
        self.running: dict[LaneId, Row] = {}
        self.generation: dict[LaneId, int] = {}
        self.ready: set[LaneId] = set()
        self.finished: Finish | None = None
        self.seconds: dict[LaneId, float] = {}
        """How long each test takes in a lane; 1 where nothing is said."""
        self.hanging = False
        """Whether workers hang when they are to tear down."""
        self.refusals: list[LaneId] = []
        self.perform(self.session.begin(self.now))

    # -- the shell -----------------------------------------------------------------------------------

    def tell(self, *events: RunEvent) -> None:
        for event in events:
            self.state.apply(event)
        self.perform(self.session.step(events, self.now))

    def perform(self, commands: Iterable[Command]) -> None:
        published: list[RunEvent] = []
        for command in commands:
            self.sent.append(command)
            match command:
                case Publish(event):
                    published.append(event)
                case Finish():
                    self.finished = command
                case StartWorker(lane, _, _, generation):
                    self.generation[lane] = generation
                    self.queues[lane] = []
                case Send(lane, rows):
                    assert lane in self.ready, "cases are only sent to a worker that is ready"
                    self.queues[lane] += rows
                case TakeBack(lane, rows):
                    self.refusals.append(lane)
                    back = tuple(row for row in rows if row in self.queues[lane])
                    self.queues[lane] = [row for row in self.queues[lane] if row not in back]
                    published.append(CasesReturned(lane, back))
                case Retire(lane):
                    if not self.hanging:
                        published += self.gone(lane, expected=True)
                case Kill(lane):
                    published += self.gone(lane, expected=True)
                case LoadSuite(host):
                    self.loads.add(host)
                case _:
                    assert isinstance(command, WakeAt)
        if published:
            self.tell(*published)

    def gone(self, lane: LaneId, *, expected: bool) -> list[RunEvent]:
        self.queues.pop(lane, None)
        self.running.pop(lane, None)
        self.ready.discard(lane)
        return [WorkerLost(lane, self.generation[lane], "gone", expected)]

    # -- what happens --------------------------------------------------------------------------------

    def list(self, count: int, groups: dict[int, Group] | None = None) -> None:
        if not len(self.cases):
            self.tell(ListingStarted(PY, self.lister))
        rows = tuple(self.cases.add(f"t{len(self.cases)}", PY) for _ in range(count))
        named = {rows[at]: group for at, group in (groups or {}).items()}
        self.tell(CasesListed(PY, rows, rows, named))

    def listed(self, count: int) -> None:
        self.list(count)
        self.tell(ListingEnded(PY))

    def hello(self, lane: LaneId) -> None:
        self.ready.add(lane)
        self.tell(WorkerStarted(lane, self.generation[lane], 1, PY, -1))

    def begin(self, lane: LaneId) -> None:
        row = self.running[lane] = self.queues[lane].pop(0)
        self.tell(CaseStarted(lane, row, 0))

    def end(self, lane: LaneId, status: Status = Status.SUCCESS) -> None:
        row = self.running.pop(lane)
        self.tell(CaseFinished(lane, row, status, Kind.NONE, 0, self.seconds.get(lane, 1.0)))

    def come(self, host: HostName, lanes: int = 2) -> None:
        """A host is ready."""
        self.tell(HostReady(host, lanes, (PY,)))

    def load(self, host: HostName, error: str = "", absent: tuple[Row, ...] = ()) -> None:
        """A host has loaded the suite; its lanes get workers."""
        self.loads.discard(host)
        events: list[RunEvent] = [SuiteLoaded(PY, host, error)]
        if absent:
            events.append(CasesAbsent(PY, host, absent))
        self.tell(*events)

    def lanes_of(self, host: HostName) -> list[LaneId]:
        """Return a host's open lanes."""
        return [
            lane
            for lane, one in self.state.lanes.items()
            if one.host == host and one.phase != "closed"
        ]

    def lose(self, host: HostName, again: float | None = 1.0) -> None:
        """A host goes down, with all that it has, as lanes.py tells it."""
        lanes = [lane for lane in self.lanes_of(host) if lane in self.queues]
        blamed, suspects = self.losses.judge(
            [self.running[lane] for lane in lanes if lane in self.running]
        )
        events: list[RunEvent] = []
        for lane in lanes:
            if blamed is not None and self.running.get(lane) == blamed:
                events.append(CaseFinished(lane, blamed, Status.FAIL, Kind.CRASH, 0, 1.0))
            events += self.gone(lane, expected=True)
        if suspects:
            events.append(CasesSuspected(suspects))
        self.loads.discard(host)
        self.tell(*events, HostLost(host, "cut", again))

    def starting(self) -> list[LaneId]:
        return sorted(self.queues.keys() - self.ready)

    def step(self) -> bool:
        """Let one thing happen in each lane; False when nothing can."""
        self.now += 0.5
        moved = False
        for lane in self.starting():
            self.hello(lane)
            moved = True
        for lane in sorted(self.ready):
            if lane in self.running:
                self.end(lane)
                moved = True
            elif self.queues.get(lane):
                self.begin(lane)
                moved = True
        if not moved and self.finished is None:
            self.tell(Ticked(self.now))
        return moved

    def until_running(self, lanes: int = 1) -> None:
        """Step until so many lanes are in the middle of a test."""
        for _ in range(100):
            if len(self.running) >= lanes:
                return
            self.step()
        pytest.fail("nothing runs")

    def run(self, limit: int = 10_000) -> None:
        for _ in range(limit):
            if self.finished is not None:
                return
            self.step()
        pytest.fail("the run does not end")

    def standings(self) -> list[Standing]:
        return [Standing(value) for value in self.state.standing]


@pytest.fixture
def world() -> World:
    return World()


def test_every_case_runs_once_and_the_run_ends(world: World) -> None:
    world.listed(50)
    world.run()

    assert {Standing.SUCCESS} == set(world.standings())
    assert Finish("") == world.finished
    assert bytes([1] * 50) == bytes(world.state.attempts)


def test_workers_start_when_the_first_case_is_known(world: World) -> None:
    assert not world.starting()

    world.list(1)

    assert world.starting()


def test_a_lost_worker_gives_what_it_had_not_started_to_others(world: World) -> None:
    world.listed(20)
    world.until_running(2)
    lane = min(world.running)
    lost = world.running[lane]
    # Its verdict came first, as lanes.py says it, then its end.
    world.end(lane, Status.FAIL)
    world.tell(*world.gone(lane, expected=True))
    world.run()

    assert {Standing.SUCCESS, Standing.FAIL} == set(world.standings())
    assert [lost] == list(world.state.failures)


def test_workers_that_die_before_their_first_test_end_the_run_plainly(world: World) -> None:
    world.listed(5)
    for _ in range(20):
        if world.finished is not None:
            break
        for lane in world.starting():
            world.tell(*world.gone(lane, expected=False))

    assert world.finished is not None
    assert "died before their first test" in world.finished.problem
    assert {Standing.NOT_RUN} == set(world.standings())


def test_a_suite_that_cannot_be_loaded_ends_the_run_with_its_words(world: World) -> None:
    world.tell(ListingEnded(PY, "ImportError: no module named x"))

    assert world.finished is not None
    assert "no module named x" in world.finished.problem


def test_of_a_usage_only_what_is_wrong_is_said_at_the_end(world: World) -> None:
    usage = "ERROR: usage: pytest.main() [options]\npytest.main(): error: unrecognized arguments: --nope\n  rootdir: /p\n"
    world.tell(ListingEnded(PY, usage))

    assert world.finished is not None
    verdict = "pytest.main(): error: unrecognized arguments: --nope"
    assert world.finished.problem == f"the suite could not be loaded: {verdict}"


def test_of_a_traceback_the_exception_is_said_at_the_end(world: World) -> None:
    said = "Traceback (most recent call last):\n  File \"x.py\", line 1\nKeyError: 'no'\n"
    world.tell(ListingEnded(PY, said))

    assert world.finished is not None
    assert world.finished.problem == "the suite could not be loaded: KeyError: 'no'"


def test_of_an_exception_with_a_long_message_its_first_line_is_said(world: World) -> None:
    raised = 'PytestDeprecationWarning: "asyncio_default_fixture_loop_scope" is unset.'
    said = f'Traceback (most recent call last):\n  File "x.py", line 1, in f\n    warn()\n{raised}\nIt will be …\n'
    world.tell(ListingEnded(PY, said))

    assert world.finished is not None
    assert world.finished.problem == f"the suite could not be loaded: {raised}"


def test_what_pytest_refuses_is_said_without_the_warnings_before_it(world: World) -> None:
    said = (
        "/p/plugin.py:306: PytestDeprecationWarning: old\n  warn()\nERROR: file not found: x.py\n\n"
    )
    world.tell(ListingEnded(PY, said))

    assert world.finished is not None
    assert world.finished.problem == "the suite could not be loaded: ERROR: file not found: x.py"


def test_nothing_to_run_ends_at_once(world: World) -> None:
    world.listed(0)

    assert Finish("") == world.finished


def test_a_failing_case_is_retried_and_then_known_as_flaky() -> None:
    world = World(1, rules=Rules(retries=2))
    world.listed(1)
    world.until_running()
    world.end(LaneId(0), Status.FAIL)
    world.run()

    assert [Standing.SUCCESS] == world.standings()
    assert {Row(0)} == world.state.flaky


def test_retries_end_with_a_failure_at_last() -> None:
    world = World(1, rules=Rules(retries=2))
    world.listed(1)
    for _ in range(3):
        world.until_running()
        world.end(LaneId(0), Status.FAIL)
    world.run()

    assert [Standing.FAIL] == world.standings()
    assert 3 == world.state.attempts[0]


def test_max_fail_stops_handing_out() -> None:
    world = World(1, rules=Rules(max_fail=1))
    world.listed(30)
    world.until_running()
    world.end(LaneId(0), Status.FAIL)
    world.run()

    assert world.state.counts[Standing.NOT_RUN] > 0
    assert 1 == world.state.counts[Standing.FAIL]
    assert Publish(StopAsked(False, "the limit is 1 failure (--max-fail)")) in world.sent


def test_a_soft_stop_lets_running_tests_end_and_says_the_rest_is_not_run(world: World) -> None:
    world.listed(40)
    world.until_running(2)
    world.tell(StopAsked(False, "interrupted"))
    world.run()

    assert 2 == world.state.counts[Standing.SUCCESS]
    assert 38 == world.state.counts[Standing.NOT_RUN]


def test_a_hard_stop_kills_and_fails_nobody(world: World) -> None:
    world.listed(10)
    world.until_running(2)
    world.tell(StopAsked(False, "interrupted"))
    world.tell(StopAsked(True, "interrupted"))
    world.run()

    assert {Standing.NOT_RUN} == set(world.standings())


def test_a_stop_while_listing_ends_the_run(world: World) -> None:
    world.list(10)
    world.tell(StopAsked(True, "interrupted"))
    world.run()

    assert {Standing.NOT_RUN} == set(world.standings())


def test_what_is_listed_after_a_stop_is_not_run_either(world: World) -> None:
    world.list(2)
    world.tell(StopAsked(True, "interrupted"))
    world.list(3)
    world.run()

    assert [Standing.NOT_RUN] * 5 == world.standings()


def test_a_worker_that_hangs_while_it_tears_down_is_killed_in_the_end(world: World) -> None:
    world.listed(4)
    world.hanging = True
    for _ in range(2000):
        if world.finished is not None:
            break
        world.step()

    assert world.finished is not None
    assert any("tearing down" in warning.text for warning in world.state.warnings)


def test_losing_the_only_host_is_told_and_what_waits_is_not_run(world: World) -> None:
    world.listed(10)
    world.step()
    lost = [event for lane in list(world.queues) for event in world.gone(lane, expected=True)]
    world.tell(*lost, HostLost(LOCAL, "the channel ended"))
    world.run()

    assert world.finished is not None
    assert "the channel ended" in world.finished.problem
    assert {Standing.NOT_RUN} == set(world.standings())


def test_a_worker_per_test_when_isolated() -> None:
    world = World(2, single=True)
    world.listed(7)
    for _ in range(200):
        if world.finished is not None:
            break
        world.now += 0.5
        for lane in world.starting():
            world.hello(lane)
        for lane in sorted(world.ready):
            if lane in world.running:
                world.end(lane)
                world.tell(*world.gone(lane, expected=True))
            elif world.queues.get(lane):
                assert 1 == len(world.queues[lane])
                world.begin(lane)

    assert {Standing.SUCCESS} == set(world.standings())


@pytest.mark.parametrize(("count", "workers"), [(1, 1), (2, 2), (3, 3), (9, 3)])
def test_no_more_workers_start_than_there_are_cases(count: int, workers: int) -> None:
    """Of a small suite, where its listing's end is heard with its first case."""
    world = World(3)
    rows = tuple(world.cases.add(f"t{number}", PY) for number in range(count))
    world.tell(ListingStarted(PY, LOCAL), CasesListed(PY, rows, rows), ListingEnded(PY))

    assert workers == len(world.starting())
    world.run()
    assert {Standing.SUCCESS} == set(world.standings())


def test_a_lane_that_gets_no_further_worker_says_that_nothing_is_left() -> None:
    world = World(2, single=True)
    world.listed(2)
    for lane in world.starting():
        world.hello(lane)
    for lane in sorted(world.ready):
        world.begin(lane)
    world.end(LaneId(0))
    world.tell(*world.gone(LaneId(0), expected=True))

    assert "restarting" == world.state.lanes[LaneId(0)].phase
    assert "nothing left" == world.state.lanes[LaneId(0)].waits
    assert not world.starting()


def test_a_host_that_comes_later_takes_its_part() -> None:
    world = World(1, coming=(FAR,))
    world.listed(30)
    world.step()
    world.come(FAR, 3)
    assert {FAR} == world.loads - {LOCAL}
    assert not world.starting(), "nothing is loaded there"
    world.load(FAR)
    world.run()

    assert {Standing.SUCCESS} == set(world.standings())
    assert 4 == len(world.generation)


def test_what_ran_on_a_lost_host_runs_elsewhere_and_it_may_come_back() -> None:
    world = World(1, coming=(FAR,))
    world.listed(20)
    world.come(FAR)
    world.load(FAR)
    world.until_running(3)
    world.lose(FAR)
    assert not world.lanes_of(FAR)
    world.come(FAR)
    world.load(FAR)
    world.run()

    assert {Standing.SUCCESS} == set(world.standings())
    assert 5 == len(world.generation), "new lanes have new numbers"


def test_a_run_waits_for_its_last_host_as_long_as_that_is_tried_again() -> None:
    world = World(0, coming=(FAR,))
    world.come(FAR)
    world.load(FAR)
    world.listed(10)
    world.until_running()
    world.lose(FAR)
    assert world.finished is None
    world.lose(FAR, None)

    assert world.finished is not None
    assert "no other is left" in world.finished.problem
    assert {Standing.NOT_RUN} == set(world.standings())


def test_a_test_that_is_running_at_two_losses_fails_and_the_others_run() -> None:
    world = World(0, coming=(FAR, NEAR))
    for host in (FAR, NEAR):
        world.come(host, 1)
        world.load(host)
    world.listed(6)
    world.until_running(2)
    deadly = world.running[world.lanes_of(FAR)[0]]
    world.lose(FAR)
    for _ in range(100):
        if deadly in world.running.values():
            break
        world.step()
    world.lose(NEAR)
    world.come(FAR, 1)
    world.load(FAR)
    world.run()

    assert Standing.FAIL == Standing(world.state.standing[deadly])
    assert {Standing.SUCCESS: 5, Standing.FAIL: 1} == Counter(world.standings())


def test_suspects_run_one_at_a_time() -> None:
    world = World(0, coming=(FAR,))
    suspects: set[Row] = set()
    for _ in range(2):
        world.come(FAR, 2)
        world.load(FAR)
        if not len(world.cases):
            world.listed(2)
        world.until_running(2)
        suspects = set(world.running.values())
        world.lose(FAR)
    assert {0, 1} == suspects
    world.come(FAR, 4)
    world.load(FAR)
    for _ in range(100):
        if world.finished is not None:
            break
        world.step()
        assert len(suspects & set(world.running.values())) < 2

    assert {Standing.SUCCESS} == set(world.standings())


def test_a_host_runs_nothing_that_its_suite_has_not() -> None:
    world = World(1, coming=(FAR,))
    world.listed(20)
    world.come(FAR, 3)
    world.load(FAR, absent=tuple(map(Row, range(10, 20))))
    far = set(world.lanes_of(FAR))
    world.run()

    assert {Standing.SUCCESS} == set(world.standings())
    ran = {
        row
        for command in world.sent
        if isinstance(command, Send) and command.lane in far
        for row in command.rows
    }
    assert ran
    assert max(ran) < 10


def test_what_only_a_lost_host_could_run_is_not_run() -> None:
    world = World(1, coming=(FAR,))
    world.listed(2)
    world.come(FAR, 1)
    world.load(FAR)
    world.tell(CasesAbsent(PY, LOCAL, (Row(1),)))
    world.lose(FAR, None)
    world.run()

    assert Standing.NOT_RUN == Standing(world.state.standing[1])
    assert Standing.SUCCESS == Standing(world.state.standing[0])
    assert world.finished is not None
    assert "alone could run" in world.finished.problem


def test_a_host_that_cannot_load_the_suite_leaves_it_to_the_others() -> None:
    world = World(1, coming=(FAR,))
    world.listed(10)
    world.come(FAR)
    world.load(FAR, "no module named x")
    world.run()

    assert {Standing.SUCCESS} == set(world.standings())
    assert Finish("") == world.finished
    assert any("no module named x" in warning.text for warning in world.state.warnings)


def test_lanes_can_be_added_and_taken_away_while_it_runs(world: World) -> None:
    world.listed(60)
    world.step()
    world.perform(world.session.change_lanes(2, world.now))
    world.step()
    assert {0, 1, 2, 3} == set(world.queues)

    world.perform(world.session.change_lanes(-3, world.now))
    world.run()

    assert {Standing.SUCCESS} == set(world.standings())


def test_a_host_that_is_lost_before_its_suite_is_listed_ends_the_run(world: World) -> None:
    world.tell(HostLost(LOCAL, "killed"))

    assert world.finished is not None
    assert "host local was lost and no other is left: killed" in world.finished.problem


def test_a_strained_host_has_a_lane_less_but_never_none(world: World) -> None:
    world.listed(60)
    world.step()
    world.tell(HostStrained(LOCAL, "the machine swaps"))
    assert set(world.queues) == {0, 1}

    for _ in range(3):
        world.tell(HostStrained(LOCAL, "the machine swaps", fewer=True))
        world.step()
    assert len(world.queues) == 1
    world.run()

    assert {Standing.SUCCESS} == set(world.standings())


def test_the_speeds_of_several_hosts_are_told_at_the_end() -> None:
    world = World(1, coming=(FAR,))
    world.listed(60)
    world.come(FAR, 1)
    world.load(FAR)
    (far,) = world.lanes_of(FAR)
    world.seconds[far] = 4.0
    world.run()

    assert 1.0 == world.state.hosts[LOCAL].speed
    assert 0.2 < world.state.hosts[FAR].speed < 0.6


def test_one_host_alone_has_no_speed(world: World) -> None:
    world.listed(60)
    world.run()

    assert not any(
        isinstance(command, Publish) and isinstance(command.event, HostSpeed)
        for command in world.sent
    )


def test_lanes_of_a_host_can_be_added_and_taken_away_too() -> None:
    world = World(1, coming=(FAR,))
    world.listed(80)
    world.come(FAR, 1)
    world.load(FAR)
    world.perform(world.session.change_lanes(2, world.now, FAR))
    world.step()
    assert 3 == len(world.lanes_of(FAR))
    world.perform(world.session.change_lanes(-2, world.now, FAR))
    world.run()

    assert {Standing.SUCCESS} == set(world.standings())


@pytest.mark.parametrize("scope", ["module", "session"])
def test_a_group_is_not_torn_while_its_fixture_comes_up(world: World, scope: str) -> None:
    """What each worker sets up once, whatever it runs, tears no group, and holds nobody up."""
    world.list(6, {row: Group("test_f.py", hard=False) for row in range(6)})
    world.tell(ListingEnded(PY))
    for lane in world.starting():
        world.hello(lane)
    world.begin(LaneId(0))
    row = world.running[LaneId(0)]

    def phase(name: str, seconds: float = 0.0) -> None:
        fixture = 1, 0, "db", scope, name, seconds
        world.tell(FixtureChanged(LaneId(0), row, *fixture))

    phase("setup")
    world.now += 2.0
    world.tell(Ticked(world.now))
    assert bool(world.queues[LaneId(1)]) == (scope == "session")
    phase("up", 2.0)
    world.now += 1.0
    world.end(LaneId(0))
    world.run()
    assert {Standing.SUCCESS} == set(world.standings())


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    lanes=st.integers(0, 4),
    count=st.integers(0, 40),
    away=st.sampled_from([(), (FAR,), (FAR, NEAR)]),
)
def test_whatever_happens_each_scheduled_case_ends_with_exactly_one_status(
    seed: int, lanes: int, count: int, away: tuple[HostName, ...]
) -> None:
    """Hosts come, load or cannot, lack some cases, are lost, come back or do not."""
    chance = random.Random(seed)
    world = World(
        lanes if away else max(lanes, 1),
        rules=Rules(retries=chance.randint(0, 2), max_fail=chance.choice([0, 0, 3])),
        coming=away,
    )
    left = count
    stopped = False
    there = dict.fromkeys(away, False)
    happenings: list[Callable[[LaneId], None]]
    for _ in range(4000):
        if world.finished is not None:
            break
        world.now += 0.1
        if left and chance.random() < 0.3:
            part = chance.randint(1, left)
            hard = Group("g", hard=chance.random() < 0.5)
            world.list(part, {at: hard for at in range(part) if chance.random() < 0.3})
            left -= part
        elif (not left and PY in world.state.profiles and chance.random() < 0.2) or (
            not left and not count
        ):
            world.tell(ListingEnded(PY))
        elif not stopped and chance.random() < 0.01:
            stopped = True
            world.tell(StopAsked(chance.random() < 0.5, "interrupted"))
        _let_hosts_come_and_go(world, there, chance)
        if world.finished is not None:
            break
        for lane in world.starting():
            if chance.random() < 0.5:
                world.hello(lane)
        for lane in sorted(world.ready):
            if lane not in world.ready:
                continue
            if lane in world.running:
                happenings = [
                    lambda lane: world.end(lane),
                    lambda lane: world.end(lane, Status.FAIL),
                    lambda lane: world.end(lane, Status.SKIP),
                ]
                chance.choice(happenings)(lane)
                if chance.random() < 0.1 and lane in world.ready:
                    world.tell(*world.gone(lane, expected=chance.random() < 0.5))
            elif world.queues.get(lane):
                world.begin(lane)
        world.tell(Ticked(world.now))

    assert world.finished is not None, "the run does not end"
    assert all(standing in ENDED for standing in world.standings())
    given_up = sum(
        len(command.event.rows)
        for command in world.sent
        if isinstance(command, Publish) and isinstance(command.event, CasesGivenUp)
    )
    assert given_up == world.state.counts[Standing.NOT_RUN]


def _let_hosts_come_and_go(
    world: World, there: dict[HostName, bool], chance: random.Random
) -> None:
    """``there``: whether each host is there; who is given up leaves it."""
    for host in tuple(there):
        if world.finished is not None:
            return
        if there[host] and host in world.loads and chance.random() < 0.3:
            error = "no module" if chance.random() < 0.1 else ""
            absent = () if error else tuple(row for row in world.cases if chance.random() < 0.1)
            world.load(host, error, absent)
        elif not there[host] and chance.random() < 0.2:
            there[host] = True
            world.come(host, chance.randint(1, 3))
        elif chance.random() < 0.05:
            for_good = chance.random() < 0.3
            there[host] = False
            if for_good:
                del there[host]
            world.lose(host, None if for_good else 1.0)
