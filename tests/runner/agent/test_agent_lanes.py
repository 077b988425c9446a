"""Lanes with workers of ours: how they start, what they say, how they die."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from testlanes.runner.wire import messages, orders

from .agent_rig import Rig, alive, pythons, wait_for


@pytest.mark.parametrize("python", pythons())
def test_a_forked_worker_runs_what_it_is_given_and_exits_after_its_last_word(python: str) -> None:
    with Rig(python) as rig:
        rig.start()
        opened = rig.open()
        ids = [f"print {n}" for n in range(50)]
        rig.run(0, ids)
        rig.wait_result(0, ids[-1], "success")
        rig.send(orders.retire(0))
        gone = rig.expect(messages.Exited)

        said = [each.name for each in rig.packets(0)]
        assert (said[0], said[-1]) == ("testlanes.hello", "testlanes.bye")
        assert [test_id for test_id, status in rig.results(0) if status == "success"] == ids
        assert (gone.code, gone.signal, gone.why) == (0, None, "ended as asked")
        assert not alive(opened.pid)
        rig.end()


def test_the_agent_keeps_to_itself_what_its_loader_says_about_forks() -> None:
    with Rig() as rig:
        rig.open_loaded()
        rig.run(0, ["exit 0"])
        rig.expect(messages.Exited)

        said = [each.name for each in rig.packets("p")]
        assert said == ["testlanes.ids", "testlanes.listed", "testlanes.fork"]


def test_a_fresh_worker_is_a_process_of_its_own() -> None:
    with Rig() as rig:
        rig.hello()
        rig.profile(env={"FROM_PROFILE": "a", "HOME": None})
        rig.open(3, fresh=True, env={"FROM_LANE": "b"})
        rig.run(3, ["environment FROM_PROFILE FROM_LANE HOME TESTLANES_LANE TESTLANES_TOKEN"])
        rig.send(orders.tail(3, True))
        rig.until(lambda: any(isinstance(each, messages.Output) for each in rig.seen), "output")
        shown = rig.expect(messages.Output)

        assert (shown.lane, shown.source) == (3, "stdout")
        assert eval(shown.data) == {"FROM_PROFILE": "a", "FROM_LANE": "b", "TESTLANES_LANE": "3-1"}  # noqa: S307
        rig.end()


def test_where_forking_is_unsafe_workers_are_fresh() -> None:
    with Rig() as rig:
        rig.hello()
        rig.profile(unsafe="2 other threads are alive")
        rig.send(orders.load("p"))
        rig.until(lambda: any(getattr(each, "state", "") == "fresh" for each in rig.seen), "fresh")
        states = [
            (each.state, each.why) for each in rig.seen if isinstance(each, messages.LoaderState)
        ]
        rig.open()
        rig.run(0, ["print x"])
        rig.wait_result(0, "print x", "success")

        assert states == [("loading", ""), ("fresh", "2 other threads are alive")]
        assert "testlanes.forked" not in [each.name for each in rig.packets("p")]
        rig.end()


def test_a_lane_that_is_opened_while_the_loader_loads_gets_its_worker() -> None:
    with Rig() as rig:
        rig.hello()
        rig.profile()
        rig.send(orders.load("p"), orders.open_lane(0, "p", 1, {}), orders.run(0, ["print x"]))
        rig.wait_result(0, "print x", "success")
        rig.end()


def test_a_loader_that_cannot_be_started_says_why_and_its_lanes_too() -> None:
    with Rig() as rig:
        rig.hello()
        rig.profile(python="/nowhere/python")
        rig.send(orders.load("p"))
        rig.until(lambda: any(getattr(each, "state", "") == "gone" for each in rig.seen), "gone")
        why = [each.why for each in rig.seen if isinstance(each, messages.LoaderState)][-1]
        rig.open()
        gone = rig.expect(messages.Exited)

        assert why == "could not be started: /nowhere/python: No such file or directory"
        assert gone.why == why
        rig.end()


def test_a_loader_that_dies_says_its_last_line() -> None:
    with Rig() as rig:
        rig.hello()
        rig.profile(env={"FAKE": "broken"})
        rig.send(orders.load("p"))
        rig.until(lambda: any(getattr(each, "state", "") == "gone" for each in rig.seen), "gone")
        why = [each.why for each in rig.seen if isinstance(each, messages.LoaderState)][-1]
        assert why == "exited with status 1: ImportError: no such module"
        rig.end()


def test_workers_outlive_their_loader_and_their_end_is_still_known() -> None:
    with Rig() as rig:
        rig.start()
        opened = rig.open()
        rig.send(orders.load("p"))  # another loader takes its place
        rig.until(
            lambda: [getattr(each, "state", "") for each in rig.seen].count("ready") == 2,
            "ready again",
        )
        rig.run(0, ["print x", "exit 7"])
        gone = rig.expect(messages.Exited)

        assert ("print x", "success") in rig.results(0)
        assert (gone.code, gone.why) == (7, "exited with status 7")
        assert not alive(opened.pid)
        rig.end()


@pytest.mark.parametrize("python", pythons())
@pytest.mark.parametrize("fresh", [False, True], ids=["forked", "fresh"])
def test_a_killed_worker_leaves_its_last_words(python: str, *, fresh: bool) -> None:
    with Rig(python) as rig:
        rig.hello()
        rig.profile()
        if not fresh:
            rig.load()
        rig.open(fresh=fresh)
        rig.run(0, ["print before", "die", "print never"])
        gone = rig.expect(messages.Exited)

        assert (gone.code, gone.signal, gone.why) == (None, 9, "was killed by SIGKILL")
        assert (gone.stdout, gone.stderr) == ("last words\n", "last error\n")
        assert rig.results(0)[-1] == ("die", "inprogress")
        rig.end()


def test_a_crash_leaves_the_stacks() -> None:
    with Rig() as rig:
        rig.open_loaded()
        rig.run(0, ["segv"])
        gone = rig.expect(messages.Exited)

        assert gone.why == "was killed by SIGSEGV"
        assert "Segmentation fault" in gone.stacks
        assert "in act" in gone.stacks
        rig.end()


def test_a_crash_leaves_the_stacks_also_when_the_agent_looked_before_it_was_over() -> None:
    with Rig() as rig:
        rig.open_loaded()
        rig.run(0, ["torn"])
        rig.until(lambda: any(each.name == "said" for each in rig.packets(0)), "the crash")
        rig.send(orders.dump(0))
        rig.expect(messages.Output)
        rig.send(orders.kill(0))
        assert "Fatal error" in rig.expect(messages.Exited).stacks
        rig.end()


@pytest.mark.parametrize("test_id", ["exit 5", "cut linger"])
def test_a_loader_that_is_stuck_does_not_hide_a_death(test_id: str) -> None:
    with Rig() as rig:
        rig.hello()
        rig.profile(env={"FAKE": "stuck-loader"})
        rig.load()
        rig.open()
        rig.run(0, [test_id])
        assert rig.expect(messages.Exited).why == "exited with status 5"
        rig.end()


def test_a_test_that_closes_the_channel_loses_nothing() -> None:
    """Neither what the worker says afterwards, nor the ids that the old connection had not delivered."""
    with Rig() as rig:
        rig.open_loaded()
        rig.run(0, ["cut"])
        for n in range(20):
            rig.run(0, [f"print {n}"])
        rig.wait_result(0, "print 19", "success")

        done = [test_id for test_id, status in rig.results(0) if status == "success"]
        assert done == ["cut", *(f"print {n}" for n in range(20))]
        rig.end()


@pytest.mark.parametrize("fresh", [False, True], ids=["forked", "fresh"])
def test_what_a_worker_said_over_a_new_connection_just_before_its_end_is_not_lost(
    *, fresh: bool
) -> None:
    with Rig() as rig:
        rig.open_loaded(fresh=fresh)
        rig.run(0, ["cut die"])
        rig.expect(messages.Exited)

        assert [each.data for each in rig.packets(0) if each.name == "said"] == [b"after the cut"]
        rig.end()


def test_all_data_comes_before_exited_and_in_small_frames() -> None:
    with Rig() as rig:
        rig.open_loaded()
        rig.run(0, ["flood 3000000", "exit 0"])
        gone = rig.expect(messages.Exited)

        big = sum(len(each.data or b"") for each in rig.packets(0) if each.name == "big")
        assert big == 3000000
        assert max(rig.data_bytes(0)) <= 32768
        assert gone.code == 0
        last = max(n for n, each in enumerate(rig.seen) if isinstance(each, messages.Data))
        assert last < len(rig.seen)
        rig.end()


def test_many_small_events_become_few_frames() -> None:
    with Rig() as rig:
        rig.open_loaded()
        ids = [f"nothing {n}" for n in range(3000)]
        rig.run(0, ids)
        rig.wait_result(0, ids[-1], "success")

        assert [test_id for test_id, status in rig.results(0) if status == "success"] == ids
        assert len(rig.data_bytes(0)) < 1500  # of 6000 writes
        rig.end()


def test_live_output_that_is_far_behind_jumps_to_the_end() -> None:
    with Rig() as rig:
        rig.open_loaded()
        rig.send(orders.tail(0, True))
        rig.run(0, ["spill 20000000"])
        shown: list[bytes] = []
        while not b"".join(shown).endswith(b"the end\n"):
            shown.append(rig.expect(messages.Output).data)
        assert any(b"bytes left out here" in each for each in shown)
        assert sum(map(len, shown)) < 10000000
        rig.end()


def test_a_lane_without_credit_waits_and_the_others_go_on() -> None:
    with Rig() as rig:
        rig.open_loaded(0)
        rig.open(1)
        rig.send(orders.credit(0, 0))
        rig.run(0, ["flood 3000000"])
        rig.until(lambda: sum(rig.data_bytes(0)) >= 64 * 1024, "a window full of data")
        rig.run(1, ["print x"])
        rig.wait_result(1, "print x", "success")
        assert sum(rig.data_bytes(0)) == 64 * 1024

        rig.send(orders.credit(0, 50000))
        rig.until(lambda: sum(rig.data_bytes(0)) == 64 * 1024 + 50000, "what was credited")
        taken = 0
        while ("flood 3000000", "success") not in rig.results(0):
            now = sum(rig.data_bytes(0))
            rig.send(orders.credit(0, now - taken))
            taken = now
            rig.pump(0.05)
        rig.end()


def test_killing_a_lane_is_reported_as_that() -> None:
    with Rig() as rig:
        rig.start()
        opened = rig.open()
        rig.run(0, ["hang"])
        rig.wait_result(0, "hang", "inprogress")
        rig.send(orders.kill(0))
        gone = rig.expect(messages.Exited)

        assert (gone.signal, gone.why) == (9, "was killed on request")
        assert not alive(opened.pid)
        again = rig.open(generation=2)
        rig.run(0, ["print x"])
        rig.wait_result(0, "print x", "success")
        assert again.pid != opened.pid
        rig.end()


def test_opening_a_lane_anew_ends_its_old_worker_first() -> None:
    with Rig() as rig:
        rig.start()
        opened = rig.open()
        again = rig.open(generation=2)
        gone = rig.expect(messages.Exited)

        assert (gone.generation, again.generation) == (1, 2)
        assert not alive(opened.pid)
        rig.end()


def test_what_a_test_left_behind_dies_with_its_worker(tmp_path: Path) -> None:
    """Also a daemon that forked twice: it is known by its environment, or by the output that it inherited."""
    note = tmp_path / "pid"
    with Rig() as rig:
        rig.open_loaded()
        rig.run(0, [f"daemons {note}"])
        rig.wait_result(0, f"daemons {note}", "success")
        pids = [int(path.read_text()) for path in (note, tmp_path / "pid-bare")]
        assert all(alive(pid) for pid in pids)
        rig.send(orders.retire(0))
        rig.expect(messages.Exited)
        assert not any(alive(pid) for pid in pids)
        rig.end()


def test_stacks_are_shown_on_demand() -> None:
    with Rig() as rig:
        rig.open_loaded()
        rig.run(0, ["hang"])
        rig.wait_result(0, "hang", "inprogress")
        rig.until(lambda: rig.pump(0) is False, "quiet")
        shown = b""
        while not re.search(rb"in act", shown):
            rig.send(orders.dump(0))
            shown += rig.expect(messages.Output).data
        rig.end()


def test_stacks_that_are_asked_for_again_soon_are_shown_once_each() -> None:
    with Rig() as rig:
        rig.open_loaded()
        rig.run(0, ["hang"])
        rig.wait_result(0, "hang", "inprogress")
        shown, head = b"", b"(most recent call first)"
        for number in (1, 2):
            rig.send(orders.dump(0))
            while shown.count(head) < number:
                shown += rig.expect(messages.Output).data
        rig.send(orders.kill(0))
        rig.expect(messages.Exited)
        shown += b"".join(each.data for each in rig.seen if isinstance(each, messages.Output))
        assert shown.count(head) == 2
        rig.end()


def test_usage_is_told_while_a_test_runs() -> None:
    with Rig() as rig:
        rig.open_loaded()
        rig.run(0, ["hang"])
        usage = rig.expect(messages.UsageSeen)
        assert usage.memory > 1 << 20
        assert usage.cpu >= 0
        rig.end()


def test_a_worker_that_says_nothing_is_given_up(tmp_path: Path) -> None:
    with Rig() as rig:
        rig.hello()
        rig.profile(env={"FAKE": "mute"}, start_limit=0.5)
        opened = rig.open()
        gone = rig.expect(messages.Exited)

        assert gone.why == "did not start within 0.5 s"
        wait_for(lambda: not alive(opened.pid), "its end")
        rig.end()
