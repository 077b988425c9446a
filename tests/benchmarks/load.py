"""What it costs to take in, hold and show a great deal: `python tests/benchmarks/load.py [PART ...]`.

Each part has a process of its own. What is told is CPU time, which other processes hardly change, and memory.

``ingest``  a worker's stream becoming events, and these the state; a test that passes is two packets
``start``   a run without a screen: what it imports, and how long until it could begin
``memory``  a run of 500,000 tests: bytes for each 100,000, the process as a whole, and the longest pause
            of the garbage collector while all of them run
``detail``  a test that says 100 MB: to take it in, to open what is kept of it, to turn a page
``tail``    the output of a lane at 10,000 lines a second, on a screen of 50 lines
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

Figures = dict[str, tuple[float, str]]
"""What -> (how much, unit)."""
CASE = "openstack.compute.tests.functional.api_sample_tests.test_servers.Class{:05}Test.test_case_{:06}"
START = 1_790_000_000_000_000_000


def resident() -> float:
    """Return the memory of this process in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def spent(work: Callable[[], object]) -> float:
    """Return the CPU seconds of a call."""
    began = time.process_time()
    work()
    return time.process_time() - began


def ingest(tests: int = 50_000) -> Figures:
    """Feed a lane the stream of a worker, in pieces of some size."""
    from testlanes.runner.agent.packets import packet  # pyright: ignore[reportUnknownVariableType]
    from testlanes.runner.cases import CaseTable
    from testlanes.runner.events import (
        CasesListed,
        LaneOpened,
        ListingEnded,
        RunEvent,
        RunStarted,
    )
    from testlanes.runner.ids import DEFAULT_PROFILE, LOCAL, LaneId
    from testlanes.runner.lane import Lane
    from testlanes.runner.state import RunState, Standing

    found: Figures = {}
    ids = [CASE.format(number % 1777, number) for number in range(tests)]
    stream = b"".join(
        packet(one, status, ns=START + number)
        for number, one in enumerate(ids)
        for status in ("inprogress", "success")
    )
    packets = 2 * tests

    def once(size: int) -> tuple[float, float]:
        cases = CaseTable()
        state = RunState(cases, lambda _, __: 0.5)
        rows = tuple(cases.add(one, DEFAULT_PROFILE) for one in ids)
        state.apply(RunStarted(START, "/p", (DEFAULT_PROFILE,), 1, partial=False))
        state.apply(CasesListed(DEFAULT_PROFILE, rows, rows))
        state.apply(ListingEnded(DEFAULT_PROFILE))
        state.apply(LaneOpened(LaneId(0), LOCAL, DEFAULT_PROFILE))
        lane = Lane(LaneId(0), DEFAULT_PROFILE, False, 0, time.time_ns)
        lane.give(ids, rows)
        pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
        events: list[RunEvent] = []

        def decode() -> None:
            for piece in pieces:
                events.extend(lane.receive(piece))

        def apply() -> None:
            for event in events:
                state.apply(event)

        decoding, applying = spent(decode), spent(apply)
        assert state.counts[Standing.SUCCESS] == tests
        return decoding / packets * 1e6, applying / packets * 1e6

    for name, size in (("4 KiB", 4096), ("64 KiB", 1 << 16), ("a packet", len(stream) // packets)):
        decoding, applying = min((once(size) for _ in range(3)), key=sum)
        found[f"ingest, {name} at a time: decoding"] = (decoding, "us a packet")
        found[f"ingest, {name} at a time: applying"] = (applying, "us a packet")
        both = (decoding + applying) * 50_000 / 1e4
        found[f"ingest, {name} at a time: 50,000/s"] = (both, "% of a core")
    return found


def start(rounds: int = 5) -> Figures:
    """Begin a run without a screen; count what is imported and the CPU time until its end, one test."""
    script = (
        "import sys, time\n"
        "from testlanes.__main__ import main\n"
        "code = main(sys.argv[1:])\n"
        "print(time.process_time(), *(m for m in ('textual', 'rich', 'watchfiles', 'subunit', 'testtools')"
        " if m in sys.modules), file=sys.stderr)\n"
    )
    found: Figures = {}
    with tempfile.TemporaryDirectory() as folder:
        text = "import unittest\nclass Case(unittest.TestCase):\n    def test_it(self): pass\n"
        (Path(folder) / "test_one.py").write_text(text)
        told: list[tuple[float, int]] = []
        for _ in range(rounds):
            command = [sys.executable, "-c", script, "run", "--no-tui"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
            seconds, *modules = done.stderr.splitlines()[-1].split()
            told.append((float(seconds), len(modules)))
    found["start, a run of one test in all"] = (sorted(told)[rounds // 2][0] * 1000, "ms CPU")
    found["start, libraries for screens and streams"] = (
        max(count for _, count in told),
        "imported",
    )
    return found


def memory(tests: int = 500_000, lanes: int = 64) -> Figures:
    """Hold a run of very many tests, and run them all."""
    from testlanes.runner.cases import CaseTable
    from testlanes.runner.events import (
        CaseFinished,
        CasesListed,
        CaseStarted,
        LaneOpened,
        ListingEnded,
        RunStarted,
    )
    from testlanes.runner.ids import DEFAULT_PROFILE, LOCAL, Kind, LaneId, Row, Status
    from testlanes.runner.state import RunState

    found: Figures = {}
    gc.collect()
    before = resident()
    cases = CaseTable()
    state = RunState(cases, lambda _, __: 0.5)
    state.apply(RunStarted(START, "/p", (DEFAULT_PROFILE,), lanes, partial=False))
    for at in range(0, tests, 500):
        rows = tuple(
            cases.add(CASE.format(number // 12, number), DEFAULT_PROFILE)
            for number in range(at, at + 500)
        )
        state.apply(CasesListed(DEFAULT_PROFILE, rows, rows))
    state.apply(ListingEnded(DEFAULT_PROFILE))
    gc.collect()
    found["memory, 100,000 tests"] = ((resident() - before) / tests * 1e5, "MB")
    for number in range(lanes):
        state.apply(LaneOpened(LaneId(number), LOCAL, DEFAULT_PROFILE))
    pauses: list[float] = []
    began = 0.0

    def watch(phase: str, info: dict[str, int]) -> None:
        nonlocal began
        if phase == "start":
            began = time.thread_time()
        elif info["generation"] == 2:
            pauses.append((time.thread_time() - began) * 1000)

    gc.callbacks.append(watch)
    for number in range(tests):
        lane, row = LaneId(number % lanes), Row(number)
        state.apply(CaseStarted(lane, row, START))
        state.apply(CaseFinished(lane, row, Status.SUCCESS, Kind.NONE, START, 0.1))
        if number % 5000 == 0:
            state.drain_changes()
    found["memory, the process with all of them run"] = (resident(), "MB")
    found["memory, longest pause of the collector"] = (max(pauses, default=0.0), "ms CPU")
    found["memory, pauses"] = (len(pauses), "")
    found["memory, one pause that looks at everything"] = (spent(gc.collect) * 1000, "ms CPU")
    return found


def detail(size: int = 100) -> Figures:
    """Take in a detail of so many MB, and show it."""
    from testlanes.runner.cases import CaseTable
    from testlanes.runner.events import DetailReceived
    from testlanes.runner.ids import DEFAULT_PROFILE, LaneId, Row
    from testlanes.runner.state import RunState
    from testlanes.tui.viewmodels.detail import Section, SectionText, sections_of
    from testlanes.tui.viewmodels.failure import as_triples
    from testlanes.tui.viewmodels.glyphs import UNICODE
    from testlanes.tui.viewmodels.lines import crop

    found: Figures = {}
    cases = CaseTable()
    row: Row = cases.add("m.T.test_a", DEFAULT_PROFILE)
    state = RunState(cases, lambda _, __: None)
    text = b"".join(
        b"%07d 10:41:07 INFO  [nova.api] request req-%d\n" % (n, n) for n in range(1400)
    )
    piece = text[: 1 << 16]
    before = resident()

    def take_in() -> None:
        for _ in range(size << 4):
            state.apply(DetailReceived(LaneId(0), row, "log", "text/plain", piece, eof=False))

    found[f"detail, {size} MB taken in"] = (spent(take_in) * 1000, "ms CPU")
    triples = as_triples(state.details[row])
    sections: list[Section] = []
    opening = spent(lambda: sections.extend(sections_of(triples, [], lambda _: [], UNICODE)))
    found["detail, opened"] = (opening * 1000, "ms CPU")
    log = max(map(SectionText, sections), key=len)
    page = range(len(log) // 2, len(log) // 2 + 50)
    turning = spent(lambda: [crop(log.line(index, 160), 0, 160) for index in page])
    found["detail, a page of it"] = (turning * 1000, "ms CPU")
    found["detail, memory"] = (resident() - before, "MB")
    return found


def tail(seconds: float = 3.0, rate: int = 10_000) -> Figures:
    """Follow a lane that writes; each frame of a tenth of a second shows the last 50 lines."""
    from testlanes.runner.cases import CaseTable
    from testlanes.runner.events import LaneOpened, OutputReceived
    from testlanes.runner.ids import DEFAULT_PROFILE, LOCAL, LaneId
    from testlanes.runner.state import RunState
    from testlanes.tui.viewmodels.options import Options, Shown
    from testlanes.tui.viewmodels.tail import TailModel

    state = RunState(CaseTable(), lambda _, __: None)
    state.apply(LaneOpened(LaneId(0), LOCAL, DEFAULT_PROFILE))
    model = TailModel(Shown(state, Options(), time.time_ns))
    model.follow(LaneId(0))
    frames = int(seconds * 10)
    lines = rate // 10
    batch = b"".join(
        b"10:41:07.%06d INFO  [nova.compute.manager] request req-%d took a while\n" % (n, n)
        for n in range(lines // 10)
    )

    def follow() -> None:
        for _ in range(frames):
            for _ in range(10):
                state.apply(OutputReceived(LaneId(0), "stdout", batch))
            model.advance()
            for index in range(len(model) - 50, len(model)):
                model.line(index, 160)

    share = spent(follow) / (frames / 10)
    return {f"tail, {rate:,} lines/s": (share * 100, "% of a core")}


PARTS: dict[str, Callable[[], Figures]] = {
    "ingest": ingest,
    "start": start,
    "memory": memory,
    "detail": detail,
    "tail": tail,
}


def main() -> None:
    """Run each part in a process of its own; print its figures."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    options.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    options.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if wrong := set(chosen.parts) - set(PARTS):
        options.error(f"There is no part {', '.join(sorted(wrong))}; there are {', '.join(PARTS)}.")
    if chosen.here:
        sys.stdout.write(json.dumps(PARTS[chosen.parts[0]]()))
        return
    for part in chosen.parts or PARTS:
        command = [sys.executable, __file__, part, "--here"]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        for name, (value, unit) in json.loads(done.stdout).items():
            sys.stdout.write(f"{name:<50} {value:10.2f} {unit}\n")


if __name__ == "__main__":
    main()
