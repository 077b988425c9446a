"""What we store is read by testr and stestr as what happened (checks I01-I19, J7, J9 of the format's notes)."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, Literal, cast

import pytest
import subunit  # pyright: ignore[reportMissingTypeStubs]
import testtools  # pyright: ignore[reportMissingTypeStubs]

from testlanes.runner.cases import CaseTable
from testlanes.runner.events import CaseFinished, DetailReceived, LaneOpened, RunStarted
from testlanes.runner.ids import LOCAL, HostName, Kind, LaneId, ProfileName, Status
from testlanes.runner.repository.base import StoredResult
from testlanes.runner.repository.directory import DirectoryRepository
from testlanes.runner.repository.opening import open_repository

Opened = Callable[..., DirectoryRepository]
Tool = Callable[..., CompletedProcess[bytes]]
Name = Literal["testr", "stestr"]

FOLDERS: dict[Name, str] = {"testr": ".testrepository", "stestr": ".stestr"}
SECOND = 1_000_000_000
START = 1_760_000_000 * SECOND + 123_456_000
PY, OTHER = ProfileName("py311"), ProfileName("py313")
TEXT = 'text/plain; charset="utf8"'
TRACEBACK = 'text/x-traceback; charset="utf8"; language="python"'
HARD = b"]\n\r\n0\r\nfailure: x\n" + bytes(range(256))
BIG = bytes(range(256)) * 1330

_subunit, _testtools = cast(Any, subunit), cast(Any, testtools)

# id, profile, lane, status, kind, details; each takes a second but for the last.
Line = tuple[str, ProfileName, int, Status, Kind, tuple[tuple[str, str, bytes], ...]]
SCRIPT: list[Line] = [
    ("m.C.ok", PY, 1, Status.SUCCESS, Kind.NONE, (("stdout", TEXT, "ünï\n".encode()),)),
    ("m.C.param[a b]", PY, 3, Status.SUCCESS, Kind.NONE, ()),
    ("m.C.fails", PY, 1, Status.FAIL, Kind.ASSERTION, (("traceback", TRACEBACK, b"Traceback: one\n"),)),
    ("m.C.fails", OTHER, 3, Status.SUCCESS, Kind.NONE, ()),
    ("m.C.skips", PY, 1, Status.SKIP, Kind.NONE, (("reason", TEXT, b"no network"),)),
    ("m.C.xfails", PY, 3, Status.XFAIL, Kind.NONE, (("reason", TEXT, b"bug 7"), ("traceback", TRACEBACK, b"T\n"))),
    ("m.C.bytes", PY, 1, Status.FAIL, Kind.ERROR, (("core", "application/x-core", HARD), ("big", "a/b", BIG))),
    ("m.C.ok2", OTHER, 3, Status.SUCCESS, Kind.NONE, ()),
    ("m.C.hangs", PY, 1, Status.FAIL, Kind.TIMEOUT, (("traceback", TRACEBACK, b"stopped\n"),)),
]  # fmt: skip


def store(path: Path, name: Name, script: list[Line]) -> None:
    with open_repository(path / FOLDERS[name], name, create=True) as repository:
        record(path, repository, script)


def record(path: Path, repository: DirectoryRepository, script: list[Line]) -> None:
    cases = CaseTable()
    recording = repository.begin(cases, partial=False, root=str(path))
    recording.record(RunStarted(START, str(path), (PY, OTHER), 4, False))
    for lane, host in ((1, LOCAL), (3, HostName("box"))):
        recording.record(LaneOpened(LaneId(lane), host, PY))
    for number, (test_id, profile, number_of_lane, status, kind, details) in enumerate(script, 1):
        lane, row = LaneId(number_of_lane), cases.add(test_id, profile)
        for detail, mime, data in details:
            half = len(data) // 2
            recording.record(DetailReceived(lane, row, detail, mime, data[:half], False))
            recording.record(DetailReceived(lane, row, detail, mime, data[half:], True))
        recording.record(CaseFinished(lane, row, status, kind, START + number * SECOND, 1.0))
    recording.finish(interrupted=False)
    assert recording.problem == ""


def parse(stream: bytes) -> list[dict[str, Any]]:
    """Read subunit v2 with python-subunit."""
    read: list[dict[str, Any]] = []
    take: Callable[[dict[str, Any]], None] = read.append
    target = _testtools.StreamToDict(take)
    target.startTestRun()
    _subunit.ByteStreamToStreamResult(io.BytesIO(stream)).run(target)
    target.stopTestRun()
    return read


@dataclass
class Stored:
    """A project with our run 0 in it."""

    folder: Path
    name: Name
    tool: Tool

    def __call__(self, *arguments: str) -> CompletedProcess[bytes]:
        return self.tool(self.folder, self.name, *arguments)

    def lines(self, *arguments: str) -> list[str]:
        return self(*arguments).stdout.decode().splitlines()


@pytest.fixture(scope="module", params=["testr", "stestr"])
def stored(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    tool: Tool,
    project: Callable[[Path], Path],
) -> Iterator[Stored]:
    folder = project(tmp_path_factory.mktemp("stored") / "p")
    store(folder, request.param, SCRIPT)
    yield Stored(folder, request.param, tool)
    assert not list((folder / FOLDERS[request.param]).glob("tmp*"))


def test_last_gives_the_run_back_in_order_and_to_the_byte(stored: Stored) -> None:
    done = stored("last", "--subunit")
    assert (done.returncode, done.stderr, done.stdout[:1]) == (0, b"", b"\xb3")
    read = parse(done.stdout)
    assert [(one["id"], one["status"]) for one in read] == [(line[0], line[3]) for line in SCRIPT]
    workers = {1: {"worker-0"}, 3: {"worker-1", "host-box"}}
    assert [one["tags"] for one in read] == [{line[1], *workers[line[2]]} for line in SCRIPT]
    for one, (_, _, _, _, _, details) in zip(read, SCRIPT, strict=True):
        found = {name: b"".join(content.iter_bytes()) for name, content in one["details"].items()}
        assert found == {name: data for name, _, data in details}
    begun, ended = zip(*(one["timestamps"] for one in read), strict=True)
    assert [
        (moment.microsecond, round((moment - begun[0]).total_seconds())) for moment in begun
    ] == [(123456, number) for number in range(9)]
    assert [(end - begin).total_seconds() for begin, end in zip(begun, ended, strict=True)] == [
        1.0
    ] * 9


def test_last_sums_it_up_and_misses_no_worker(stored: Stored) -> None:
    done = stored("last")
    text = done.stdout.decode()
    assert done.returncode == 1
    assert b"missing Worker" not in done.stdout + done.stderr
    if stored.name == "testr":
        assert done.stderr == b""
        assert text.splitlines()[-2:] == [
            "Ran 9 tests in 9.000s",
            "FAILED (id=0, failures=3, skips=1)",
        ]
    else:
        for line in (" - Passed: 4", " - Skipped: 1", " - Expected Fail: 1", " - Failed: 3"):
            assert line in text
        assert " - Worker 0 (5 tests)" in text
        assert " - Worker 1 (4 tests)" in text


def test_failing_lists_our_failures_with_tracebacks_and_profiles(stored: Stored) -> None:
    done = stored("failing", "--list")
    assert done.returncode == 1
    assert sorted(done.stdout.decode().split()) == ["m.C.bytes", "m.C.fails", "m.C.hangs"]
    done = stored("failing", "--subunit")
    assert (done.returncode, done.stderr) == (0, b"")
    read = {one["id"]: one for one in parse(done.stdout)}
    assert read["m.C.fails"]["status"] == "fail"
    assert PY in read["m.C.fails"]["tags"]
    content = read["m.C.fails"]["details"]["traceback"]
    assert b"".join(content.iter_bytes()) == b"Traceback: one\n"


def test_slowest_shows_our_durations_without_the_hung(stored: Stored) -> None:
    done = stored("slowest", "--all")
    assert (done.returncode, done.stderr) == (0, b"")
    rows = dict(line.rsplit(maxsplit=1) for line in done.stdout.decode().splitlines()[2:])
    assert rows == {line[0]: "1.000" for line in SCRIPT if line[0] != "m.C.hangs"}


def test_python_subunits_own_programs_count_the_same(stored: Stored) -> None:
    done = stored.tool(stored.folder, "subunit-stats", stdin=stored("last", "--subunit").stdout)
    counted = dict(line.split(":") for line in done.stdout.decode().splitlines())
    assert {key: int(value) for key, value in counted.items() if value.strip().isdigit()} == {
        "Total tests": 9,
        "Passed tests": 5,
        "Failed tests": 3,
        "Skipped tests": 1,
    }


def test_a_second_run_is_compared_with_the_first(
    tmp_path: Path, tool: Tool, project: Callable[[Path], Path]
) -> None:
    folder = project(tmp_path / "p")
    for name in ("testr", "stestr"):
        store(folder, name, SCRIPT)
        store(folder, name, SCRIPT[:1])
    done = tool(folder, "testr", "last")
    assert done.stdout.decode().splitlines() == [
        "Ran 1 (-8) tests in 1.000s (-8.000s)",
        "PASSED (id=1)",
    ]
    assert tool(folder, "testr", "stats").stdout == b"runs=2\n"
    done = tool(folder, "stestr", "history", "list", "-f", "csv")
    rows = [line.split(",") for line in done.stdout.decode().splitlines()[1:]]
    assert [(row[0].strip('"'), row[1].strip('"')) for row in rows] == [
        ("0", "False"),
        ("1", "True"),
    ]
    assert tool(folder, "stestr", "history", "show", "0").returncode == 1


@pytest.mark.parametrize("name", ["testr", "stestr"])
def test_hostile_text_harms_no_reader(
    tmp_path: Path, tool: Tool, project: Callable[[Path], Path], name: Name, opened: Opened
) -> None:
    folder = project(tmp_path / "p")
    repository = opened(folder / FOLDERS[name], name, create=True)
    stop = START + SECOND
    ids = [
        "a\nb",
        " x ",
        "-a b[c]",
        "n\0ul",
        "\udc80",
        "",
        "   ",
        "m.C.t [ multipart",
        "ü[ü]",
        "a\r\nb",
    ]
    details = (
        ("a\nb", "te/xt/a", b"x"),
        ("log", 'text/plain; charset="utf8"', b"\xff\xfe\n"),
        ("reason", "application/octet-stream", HARD),
        ("traceback", "text/x-traceback; charset=klingon", HARD),
        ("", "text/plain;\n", b"x"),
        ("]", "text/plain", b"]\n"),
        ("big", "text/plain;charset=utf8", b"y" * 4_500_000),
    )
    tags = ("worker-x", "a b", "-worker-0", "--", "", "new\nline", "nul\0")
    for status in (Status.FAIL, Status.SKIP, Status.XFAIL, Status.SUCCESS, Status.UXSUCCESS):
        several = [StoredResult(one, status, PY, tags, START, stop, details) for one in ids]
        if status is not Status.FAIL:
            several = several[:2]
        # As a run's own events come: test's tags may not look like a worker's.
        cases = CaseTable()
        recording = repository.begin(cases, partial=True, root="")
        for one in several:
            row = cases.add(one.test_id + ("" if status is Status.FAIL else status), PY)
            for detail, mime, data in one.details:
                recording.record(DetailReceived(LaneId(0), row, detail, mime, data, True))
            recording.record(CaseFinished(LaneId(0), row, status, Kind.NONE, stop, 1.0, one.tags))
        recording.finish(interrupted=False)
        assert recording.problem == ""
        done = tool(folder, name, "last")
        # stestr also says 1 when nothing succeeded, testr only for a failure.
        strict = (Status.FAIL, Status.SKIP, Status.UXSUCCESS)
        bad = status in strict if name == "stestr" else status is Status.FAIL
        assert done.returncode == int(bad), done.stderr.decode()
        assert b"Traceback (most" not in done.stderr
        if name == "testr":
            assert done.stderr == b""
    done = tool(folder, name, "failing")
    assert (done.returncode, done.stderr) == (1, b"")
    assert b"\0" not in tool(folder, name, "failing", "--list").stdout
    read = parse(tool(folder, name, "failing", "--subunit").stdout)
    assert len(read) == len(ids) + 2
