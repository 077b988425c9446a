"""``--json`` and ``--subunit``: every event at once, and nothing but the format on the stream."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from testlanes.runner import events
from testlanes.runner.events import (
    CasesGivenUp,
    ExtraResult,
    Group,
    LeaksFound,
    OutputReceived,
    Ticked,
    WorkerLost,
)
from testlanes.runner.ids import Kind, LaneId, ProfileName, Status
from testlanes.runner.report.jsonlines import JsonLines
from testlanes.runner.report.subunit_out import SubunitOut
from testlanes.runner.wire.subunit import Decoder, Packet

if TYPE_CHECKING:
    from .conftest import Story


def read(out: io.StringIO) -> list[dict[str, object]]:
    return [cast("dict[str, object]", json.loads(line)) for line in out.getvalue().splitlines()]


def test_each_event_is_one_json_object_with_ids_instead_of_rows(story: Story) -> None:
    out = io.StringIO()
    story.reporters.append(JsonLines(story.cases, out))
    a, b = story.begin(["m.a", "m.b"], lanes=1)
    story.fail(a, b"\xff\x1b[31m")
    story.run(b)
    story.tell(Ticked(1.0), CasesGivenUp((), "x"))
    story.end()

    said = read(out)
    assert [one["event"] for one in said] == [
        *("run_started", "lane_opened", "worker_started", "cases_listed", "listing_ended"),
        *("case_started", "detail_received", "case_finished", "case_started", "case_finished"),
        *("cases_given_up", "run_ended"),
    ]
    assert said[0]["format"] == 1
    assert said[0]["at"] == "2025-10-09T08:53:20.000000Z"
    assert said[3]["cases"] == [
        {"id": "m.a", "profile": "default"},
        {"id": "m.b", "profile": "default"},
    ]
    assert said[6]["base64"] == "/xtbMzFt"
    finished = said[7]
    assert finished["case"] == {"id": "m.a", "profile": "default"}
    assert [finished[k] for k in ("lane", "status", "kind", "seconds")] == [0, "fail", "error", 1.0]


def test_hostile_text_leaves_json_as_ascii(story: Story) -> None:
    out = io.StringIO()
    reporter = JsonLines(story.cases, out)
    [row] = story.begin(["m.t[\udcff\x1b]2;x\x07\n::error::]"])
    group = {row: Group("g", hard=True)}
    reporter.record(events.CasesListed(ProfileName("default"), (row,), (row,), group))
    reporter.record(OutputReceived(LaneId(0), "stdout", "ó\x9b".encode()))
    reporter.record(LeaksFound(LaneId(0), None, {"fds": ("7",)}))
    reporter.record(events.Usage(LaneId(0), 5, float("nan")))
    detail = ("log", "text/plain", b"\xff")
    reporter.record(ExtraResult(LaneId(0), "x", ProfileName("p"), Status.FAIL, 2**80, (detail,)))
    text = out.getvalue()
    assert text.isascii()
    assert len(text.splitlines()) == 5
    listed, output, leaks, usage, extra = read(out)
    assert cast("list[dict[str, object]]", listed["groups"])[0]["group"] == "g"
    assert output["text"] == "ó\x9b"
    assert leaks["leaks"] == {"fds": ["7"]}
    assert usage["cpu"] is None
    assert extra["details"] == [{"name": "log", "mime": "text/plain", "base64": "/w=="}]


def decoded(out: io.BytesIO) -> list[Packet]:
    return Decoder().feed(out.getvalue())


def test_the_subunit_stream_tells_lanes_by_route_and_tag(story: Story) -> None:
    out = io.BytesIO()
    story.reporters.append(SubunitOut(story.cases, out))
    [one] = story.begin(["m.t"], profile="py311", lanes=2)
    [two] = story.begin(["m.t"], profile="default", lanes=1)
    story.fail(one, b"tb", lane=1)
    story.run(two, lane=2)
    story.end()

    packets = decoded(out)
    assert [(p.status, p.route) for p in packets] == [
        *(("exists", None), ("exists", None)),
        *(("inprogress", "1"), (None, "1"), ("fail", "1")),
        *(("inprogress", "2"), ("success", "2")),
    ]
    assert packets[4].tags == {"worker-1", "py311"}
    assert packets[6].tags == {"worker-2"}
    assert (packets[3].name, packets[3].data, packets[3].eof) == ("traceback", b"tb", True)
    assert packets[4].ns == (packets[2].ns or 0) + 1_000_000_000


def test_streams_begin_every_test_also_one_that_is_only_told_to_have_ended(story: Story) -> None:
    out, text = io.BytesIO(), io.StringIO()
    story.reporters += [SubunitOut(story.cases, out), JsonLines(story.cases, text)]
    long, quick = story.begin(["m.long", "m.quick"])
    story.start(long)
    story.finish_case(quick, seconds=2.0)
    story.finish_case(long)
    story.end()
    said = [(p.test_id, p.status, p.route) for p in decoded(out) if p.status != "exists"]
    assert said == [
        ("m.long", "inprogress", "0"),
        ("m.quick", "inprogress", "0"),
        ("m.quick", "success", "0"),
        ("m.long", "success", "0"),
    ]
    _, began, ended, _ = (p for p in decoded(out) if p.status != "exists")
    assert (ended.ns or 0) - (began.ns or 0) == 2_000_000_000
    told = [one["event"] for one in read(text) if str(one["event"]).startswith("case_")]
    assert told == ["case_started", "case_started", "case_finished", "case_finished"]


def test_a_test_whose_worker_is_lost_without_a_verdict_does_not_stay_in_progress(
    story: Story,
) -> None:
    out = io.BytesIO()
    story.reporters.append(SubunitOut(story.cases, out))
    [row] = story.begin(["m.t"])
    story.start(row, lane=0)
    story.tell(WorkerLost(LaneId(0), 0, "host gone", expected=True))
    story.run(row, lane=1)
    story.end()
    assert [(p.status, p.route) for p in decoded(out)] == [
        *(("exists", None), ("inprogress", "0"), (None, "0"), ("skip", "0")),
        *(("inprogress", "1"), ("success", "1")),
    ]


def test_subunit_stats_counts_what_we_count(story: Story) -> None:
    """The real tool reads the stream."""
    out = io.BytesIO()
    story.reporters.append(SubunitOut(story.cases, out))
    rows = story.begin([f"m.t{n}" for n in range(5)])
    for row in rows[:3]:
        story.run(row)
    story.fail(rows[3])
    story.run(rows[4], Status.SKIP)
    story.tell(
        ExtraResult(LaneId(0), "setUpClass (m.C)", ProfileName("default"), Status.FAIL, story.now)
    )
    story.end()
    stats = Path(sys.executable).with_name("subunit-stats")
    done = subprocess.run(
        [stats], input=out.getvalue(), capture_output=True, check=False, timeout=60
    )
    words = done.stdout.decode().split()
    assert [int(word) for word in words if word.isdigit()] == [6, 3, 2, 1]


class Closed(io.StringIO):
    """A pipe without a reader."""

    def write(self, s: str) -> int:
        raise BrokenPipeError


def test_when_nobody_reads_any_more_the_run_goes_on(story: Story) -> None:
    story.reporters.append(JsonLines(story.cases, cast("IO[str]", Closed())))
    [row] = story.begin(["m.t"])
    story.run(row, Status.FAIL, Kind.ERROR)
    story.end()
    assert story.state.failed == 1
