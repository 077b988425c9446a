"""A stage for the dashboard: a scripted run with everything in it, controls that take notes, a history."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from testlanes.runner.cases import CaseTable
from testlanes.runner.events import (
    CaseFinished,
    CasesListed,
    CaseStarted,
    DetailReceived,
    ExtraResult,
    FixtureChanged,
    HostUp,
    LaneOpened,
    LaneWaits,
    ListingEnded,
    ListingStarted,
    OutputReceived,
    RunEnded,
    RunEvent,
    RunStarted,
    Usage,
    Warned,
    WorkerLost,
    WorkerStarted,
)
from testlanes.runner.ids import LOCAL, Case, HostName, Kind, LaneId, ProfileName, Row, Status
from testlanes.runner.intents import Intent
from testlanes.runner.settings import Profile, Settings
from testlanes.runner.state import RunState
from testlanes.runner.watching import WatchIntent

from .stored_past import StoredPast

T0 = 1_790_000_000 * 1_000_000_000
"""When every staged run starts: ns since the epoch."""
PY311, PY312, PY313 = ProfileName("py311"), ProfileName("py312"), ProfileName("py313")
BUILD = HostName("build-2")

MODULES = (
    (
        "nova.tests.api.test_servers.ServersTest",
        (
            "test_rebuild",
            "test_resize",
            "test_quota_exceeded",
            "test_shelve",
            "test_evacuate",
            "test_create_many",
        ),
    ),
    (
        "nova.tests.compute.test_claims.ClaimTest",
        ("test_pci_fail", "test_memory", "test_disk", "test_limits_are_kept"),
    ),
    (
        "nova.tests.db.test_migrations.Walk",
        ("test_walk_versions", "test_downgrade", "test_constraints"),
    ),
    (
        "nova.tests.virt.libvirt.test_driver.LibvirtConnTest",
        ("test_xml", "test_volume", "test_migrate_live", "test_snapshot"),
    ),
    (
        "nova.tests.functional.wsgi.test_apache.Restart",
        ("test_restart", "test_reload", "test_graceful"),
    ),
    ("nova.tests.images.test_cache.ImagesTest", ("test_image_cache", "test_age", "test_prune")),
)

MISMATCH = """Traceback (most recent call last):
  File "tests/api/test_servers.py", line 214, in test_quota_exceeded
    self.assertEqual(413, resp.status_int)
  File "/usr/lib/python3.12/site-packages/testtools/testcase.py", line 393, in assertEqual
    self.assertThat(observed, matcher, message)
testtools.matchers._impl.MismatchError: 413 != 403
"""
EVACUATE = """Traceback (most recent call last):
  File "tests/api/test_servers.py", line 391, in test_evacuate
    self.assertEqual(
  File "/usr/lib/python3.13/unittest/case.py", line 907, in assertEqual
    assertion_func(first, second, msg=msg)
AssertionError: {'host': 'node-2', 'status': 'ACTIVE', 'tags': ['a', 'b']} != {'host': 'node-3', 'status': 'ACTIVE', 'tags': ['a']}
- {'host': 'node-2', 'status': 'ACTIVE', 'tags': ['a', 'b']}
?                ^                                  -----

+ {'host': 'node-3', 'status': 'ACTIVE', 'tags': ['a']}
?                ^
"""
DATABASE = """Traceback (most recent call last):
  File "nova/tests/fixtures/database.py", line 88, in setUp
    self.server.wait_until_ready(timeout=30)
  File "nova/tests/fixtures/postgres.py", line 41, in wait_until_ready
    raise TimeoutError("postgres did not answer within 30 s")
TimeoutError: postgres did not answer within 30 s
"""


@dataclass
class Notes:
    """Controls that write down what they are asked."""

    now: int = T0
    asked: list[Intent] = field(default_factory=list[Intent])
    wished: list[WatchIntent] = field(default_factory=list[WatchIntent])
    ran: list[str] = field(default_factory=list[str])
    bisected: list[Row] = field(default_factory=list[Row])
    debugged: list[Row] = field(default_factory=list[Row])
    ran_rows: list[tuple[Row, ...]] = field(default_factory=list[tuple[Row, ...]])
    ran_often: list[tuple[int, bool]] = field(default_factory=list[tuple[int, bool]])
    quits: int = 0
    offers: frozenset[str] = frozenset({"bisect", "debug", "run", "watch"})
    watched: str = ""
    state: RunState | None = None

    def ask(self, intent: Intent) -> None:
        self.asked.append(intent)

    def now_ns(self) -> int:
        return self.now

    def run_number(self) -> int | None:
        return 214

    def rerun_command(self, rows: Sequence[Row]) -> str:
        assert self.state is not None
        return "testlanes run " + " ".join(self.state.cases.test_id(row) for row in rows)

    async def details_of(self, row: Row) -> Sequence[tuple[str, str, bytes]]:
        return [("stdout", "text/plain", b"read from the repository\n")]

    def where_ran(self, row: Row) -> Sequence[tuple[str, str]]:
        return [
            ("after", "test_memory, test_disk in the same worker"),
            ("command", "python -m unittest"),
        ]

    def run(self, what: str) -> None:
        self.ran.append(what)

    def run_cases(
        self, rows: Sequence[Row], *, times: int = 1, until_failure: bool = False
    ) -> None:
        self.ran_often.append((times, until_failure))
        self.ran_rows.append(tuple(rows))

    def bisect(self, row: Row) -> None:
        self.bisected.append(row)

    def debug_command(self, row: Row) -> Sequence[str]:
        self.debugged.append(row)
        return ["true"]

    def begin_watch(self) -> None:
        self.watched = "1,204 files"

    def ask_watch(self, intent: WatchIntent) -> None:
        self.wished.append(intent)

    def watching(self) -> str:
        return self.watched

    def wants_quit(self) -> None:
        self.quits += 1


class Stage:
    """A run that is told event by event. ``state`` is what a dashboard shows."""

    def __init__(
        self, profiles: Sequence[ProfileName] = (PY311, PY312, PY313), root: str = "/srv/nova"
    ) -> None:
        self.cases = CaseTable()
        self.expected: dict[str, float] = {}
        self.state = RunState(self.cases, lambda test_id, _: self.expected.get(test_id))
        self.notes = Notes(state=self.state)
        self.history = StoredPast()
        self.profiles = tuple(profiles)
        self.folder = Path(root)
        """Where a test may write."""
        self.settings = Settings(root, tuple(Profile(name) for name in profiles))

    def say(self, *events: RunEvent) -> Stage:
        """Apply events."""
        for event in events:
            self.state.apply(event)
        return self

    def at(self, seconds: float) -> int:
        """Return the time so many seconds after the start, in ns."""
        return T0 + round(seconds * 1e9)

    def pass_time(self, seconds: float) -> Stage:
        """Let time pass until so many seconds after the start."""
        self.notes.now = self.at(seconds)
        return self

    # -- parts of a run ------------------------------------------------------------------------------

    def start(self, lanes: int = 8) -> Stage:
        """Start the run; nothing is listed yet."""
        self.say(RunStarted(T0, self.settings.root, self.profiles, lanes, partial=False))
        return self.say(*(ListingStarted(profile, LOCAL) for profile in self.profiles))

    def list_tests(self, more: int = 300, ids: Sequence[str] | None = None) -> Stage:
        """List the well known tests and some more under each profile."""
        names = (
            list(ids)
            if ids is not None
            else [f"{cls}.{name}" for cls, tests in MODULES for name in tests]
        )
        if ids is None:
            names += [
                f"nova.tests.unit.test_more.More{number % 17}Test.test_case_{number:04}"
                for number in range(more)
            ]
            for index, name in enumerate(names):
                self.expected.setdefault(name, 0.05 + (index * 7 % 50) / 25)
        for profile in self.profiles:
            rows = tuple(self.cases.add(name, profile) for name in names)
            self.say(CasesListed(profile, rows, rows), ListingEnded(profile, "", 0.8))
        return self

    def open_lanes(self, local: int = 4, remote: int = 4) -> Stage:
        """Open lanes here and on another host, profiles in turn."""
        self.say(HostUp(LOCAL, 4, "3.12.1"))
        if remote:
            self.say(HostUp(BUILD, 8, "3.12.1", 0.003))
        for number in range(local + remote):
            profile = self.profiles[number % len(self.profiles)]
            lane = LaneId(number)
            self.say(LaneOpened(lane, LOCAL if number < local else BUILD, profile))
            self.say(WorkerStarted(lane, 0, 4100 + number, profile, -1))
            self.say(Usage(lane, (60 + number * 7) << 20, 0.8))
        return self

    def row(self, name: str, profile: ProfileName) -> Row:
        """Return the row of the first listed test whose id ends in ``name``."""
        for row in self.cases:
            if self.cases.profile(row) == profile and self.cases.test_id(row).endswith(name):
                return row
        raise KeyError(name)

    def begin(self, lane: int, name: str, at: float) -> Row:
        """Start a test in a lane, under the lane's profile."""
        row = self.row(name, self.state.lanes[LaneId(lane)].profile)
        self.say(CaseStarted(LaneId(lane), row, self.at(at)))
        return row

    def end(
        self,
        lane: int,
        row: Row,
        at: float,
        status: Status = Status.SUCCESS,
        kind: Kind = Kind.NONE,
        seconds: float = 0.1,
        details: Sequence[tuple[str, str, bytes]] = (),
        tags: tuple[str, ...] = (),
    ) -> None:
        """End a test in a lane."""
        for name, mime, data in details:
            self.say(DetailReceived(LaneId(lane), row, name, mime, data, eof=True))
        self.say(CaseFinished(LaneId(lane), row, status, kind, self.at(at), seconds, tags))

    def fail(
        self, lane: int, name: str, at: float, text: str, kind: Kind = Kind.ASSERTION, **more: float
    ) -> Row:
        """Start and fail a test."""
        row = self.begin(lane, name, at - more.get("seconds", 1.0))
        details = [
            ("traceback", "text/x-traceback", text.encode()),
            ("stdout", "text/plain", b"POST /v2/servers\nHTTP/1.1 403 Forbidden\n"),
            (
                "log",
                "text/plain",
                b"10:41:07 INFO  [nova.api] request req-1\n10:41:08 WARNING [nova.quota] over quota\n",
            ),
            (
                "response",
                "application/json",
                json.dumps({"forbidden": {"code": 403, "message": "Quota exceeded"}}).encode(),
            ),
            ("screen", "image/png", b"\x89PNG\r\n"),
        ]
        self.end(lane, row, at, Status.FAIL, kind, more.get("seconds", 1.0), details)
        return row

    def bulk(self, count: int, at: float) -> Stage:
        """Let the next ``count`` waiting tests of each lane's profile pass."""
        lanes = list(self.state.lanes.values())
        left = count
        for row in self.cases:
            if not left:
                break
            if self.state.standing[row] != 1 or "test_more" not in self.cases.test_id(row):
                continue
            own = [lane for lane in lanes if lane.profile == self.cases.profile(row)]
            if own:
                lane = own[left % len(own)]
                seconds = 0.05 + (row * 13 % 40) / 30
                self.say(CaseStarted(lane.lane, row, self.at(at - seconds)))
                skip = row % 29 == 0
                self.end(
                    lane.lane, row, at, Status.SKIP if skip else Status.SUCCESS, seconds=seconds
                )
                left -= 1
        return self

    def past(self) -> Stage:
        """Give the tests a history of twenty runs."""
        flaky = {Case(f"{MODULES[0][0]}.test_evacuate", profile) for profile in self.profiles}
        known = {Case(f"{MODULES[5][0]}.test_image_cache", PY313)}
        for number in range(193, 214):
            results: dict[Case, tuple[Status, float]] = {}
            for profile in self.profiles:
                for cls, tests in MODULES:
                    for index, test in enumerate(tests):
                        case = Case(f"{cls}.{test}", profile)
                        bad = (case in flaky and number % 5 == 0) or (
                            case in known and number > 209
                        )
                        results[case] = (Status.FAIL if bad else Status.SUCCESS, 0.2 + index * 0.4)
            label = "failing" if number % 6 == 0 else ""
            self.history.add(
                results,
                number=number,
                at=T0 - (214 - number) * 1500 * 10**9,
                seconds=80 + number % 7,
                label=label,
                partial=bool(label),
            )
        return self


def stage_running() -> Stage:
    """Return a run in its middle: every kind of lane, and failures of every kind."""
    stage = Stage().start().list_tests().open_lanes().past()
    stage.pass_time(52)
    stage.bulk(560, 50)
    stage.fail(1, "test_quota_exceeded", 20, MISMATCH)
    stage.fail(2, "test_quota_exceeded", 21, MISMATCH, seconds=1.1)
    stage.fail(2, "test_evacuate", 30, EVACUATE, seconds=0.8)
    row = stage.begin(5, "test_image_cache", 33)
    stage.end(
        5,
        row,
        33.4,
        Status.FAIL,
        Kind.CRASH,
        0.4,
        [
            ("reason", "text/plain", b"worker died: SIGSEGV in _image.so\n"),
            ("stacks", "text/plain", b"Fatal Python error: Segmentation fault\n"),
        ],
    )
    stage.say(WorkerLost(LaneId(5), 0, "worker died of SIGSEGV in test_image_cache"))
    for name in ("test_age", "test_prune"):
        stage.fail(3, name, 36, DATABASE, Kind.SETUP)
    row = stage.begin(7, "test_migrate_live", 12)
    stage.end(
        7,
        row,
        42,
        Status.FAIL,
        Kind.TIMEOUT,
        30.0,
        [("reason", "text/plain", b"still running after 30 s; stopped\n")],
    )
    stage.say(
        ExtraResult(
            LaneId(6),
            "setUpClass (nova.tests.images.test_cache.ImagesTest)",
            PY311,
            Status.FAIL,
            stage.at(44),
            (("traceback", "text/x-traceback", DATABASE.encode()),),
        )
    )
    stage.expected["nova.tests.db.test_migrations.Walk.test_walk_versions"] = 12.0
    row = stage.row("test_walk_versions", PY312)
    stage.state.expected[row] = 12.0
    stage.begin(1, "test_walk_versions", 21)
    stage.state.expected[stage.row("test_rebuild", PY311)] = 5.0
    stage.begin(0, "test_rebuild", 47.9)
    row = stage.begin(2, "test_volume", 50.8)
    stage.say(FixtureChanged(LaneId(2), row, 1, 0, "PostgresServer", "class", "up", 0.8))
    stage.say(FixtureChanged(LaneId(2), row, 2, 1, "DatabaseFixture", "test", "setup"))
    stage.begin(3, "test_pci_fail", 51.9)
    stage.state.expected[stage.row("test_restart", PY312)] = 9.9
    stage.begin(4, "test_restart", 46)
    stage.begin(6, "test_snapshot", 51.2)
    stage.say(LaneWaits(LaneId(7), "group apache is held by lane 4"))
    stage.say(
        OutputReceived(LaneId(0), "stdout", b"applying 0041_add_index\n"),
        OutputReceived(
            LaneId(0),
            "stderr",
            b"10:41:07 INFO  [alembic] Running upgrade 2f1a -> 9be0, add instance_faults\n",
        ),
        OutputReceived(
            LaneId(0),
            "stderr",
            b"10:41:19 WARNING [oslo.db] lock wait 11.8 s on table `instances`\n",
        ),
        OutputReceived(
            LaneId(0),
            "postgres.log",
            b"10:41:19.455 ERROR: deadlock detected  DETAIL: Process 411 waits\n",
        ),
        OutputReceived(LaneId(0), "stdout", b"rebuilding server 7f3a on node-2 ...\n"),
        Warned("py313", "the interpreter has no lzma module; 3 tests will be skipped"),
    )
    return stage


def stage_ended(*, green: bool = False) -> Stage:
    """Return a run that is over."""
    stage = stage_running() if not green else Stage().start().list_tests().open_lanes().past()
    lanes = {lane.profile: lane.lane for lane in stage.state.lanes.values()}
    for lane in list(stage.state.lanes.values()):
        if lane.row is not None:
            stage.end(lane.lane, lane.row, 60, seconds=2.0)
    for row in stage.cases:
        if stage.state.standing[row] == 1:
            lane_id = lanes[stage.cases.profile(row)]
            stage.say(CaseStarted(lane_id, row, stage.at(60)))
            stage.end(lane_id, row, 84, seconds=0.1 + row % 13 / 9)
    stage.pass_time(84)
    return stage.say(RunEnded(stage.at(84), interrupted=False))
