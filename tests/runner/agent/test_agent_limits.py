"""Time limits and requests to stop."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from testlanes.runner.wire import messages, orders

from .agent_rig import Rig, pythons


@pytest.mark.parametrize("python", pythons())
def test_a_test_over_its_limit_is_asked_to_end_and_its_worker_goes_on(python: str) -> None:
    with Rig(python) as rig:
        rig.open_loaded(limit=1.5, grace=15)
        rig.run(0, ["sleep 600", "print x"])
        limit = rig.expect(messages.LimitReached)
        rig.wait_result(0, "print x", "success")

        assert (limit.lane, limit.generation) == (0, 1)
        assert ("sleep 600", "fail") in rig.results(0)
        assert not [each for each in rig.seen if isinstance(each, messages.Exited)]
        rig.end()


def test_a_worker_that_ignores_all_signals_is_killed_after_the_grace() -> None:
    with Rig() as rig:
        rig.open_loaded(limit=0.2, grace=0.2)
        rig.run(0, ["hang"])
        rig.expect(messages.LimitReached)
        gone = rig.expect(messages.Exited)

        assert (gone.signal, gone.why) == (9, "was killed after its time limit")
        assert "in act" in gone.stacks
        rig.end()


def test_the_next_test_has_a_limit_of_its_own() -> None:
    with Rig() as rig:
        rig.open_loaded(limit=0.3, grace=15)
        rig.run(0, ["sleep 600", "sleep 601"])
        rig.expect(messages.LimitReached)
        rig.expect(messages.LimitReached)
        rig.wait_result(0, "sleep 601", "fail")
        rig.end()


def test_the_stacks_of_a_dead_test_are_its_own() -> None:
    """Those that an earlier test wrote when it ran over its limit are not told again."""
    with Rig() as rig:
        rig.open_loaded(limit=0.3, grace=2)
        rig.run(0, ["sleep 600"])
        rig.wait_result(0, "sleep 600", "fail")
        rig.run(0, ["hang"])
        gone = rig.expect(messages.Exited)
        assert gone.stacks.count("in act") == 1
        rig.end()


def test_a_test_can_be_stopped_and_its_worker_goes_on() -> None:
    with Rig() as rig:
        rig.open_loaded(grace=15)
        rig.run(0, ["sleep 600", "print x"])
        rig.wait_result(0, "sleep 600", "inprogress")
        rig.send(orders.stop(0))
        rig.wait_result(0, "print x", "success")

        assert ("sleep 600", "fail") in rig.results(0)
        assert not [each for each in rig.seen if isinstance(each, messages.LimitReached)]
        rig.end()


def test_a_stop_that_comes_late_does_not_reach_the_next_test() -> None:
    with Rig() as rig:
        rig.open_loaded(grace=15)
        rig.run(0, ["sleep 600", "print x"])
        rig.wait_result(0, "sleep 600", "inprogress")
        rig.send(orders.stop(0, 7), orders.ping(1))
        rig.expect(messages.Pong)
        assert rig.results(0) == [("sleep 600", "inprogress")]
        rig.send(orders.stop(0))
        rig.wait_result(0, "print x", "success")
        rig.end()


def test_a_test_that_does_not_stop_is_killed_after_the_grace() -> None:
    with Rig() as rig:
        rig.open_loaded(grace=0.2)
        rig.run(0, ["hang"])
        rig.wait_result(0, "hang", "inprogress")
        rig.send(orders.stop(0))
        gone = rig.expect(messages.Exited)
        assert gone.why == "was killed when its test did not stop"
        rig.end()


def test_stop_does_nothing_to_a_worker_that_runs_nothing() -> None:
    with Rig() as rig:
        rig.open_loaded(grace=0.1)
        rig.run(0, ["print x"])
        rig.wait_result(0, "print x", "success")
        rig.send(orders.stop(0))
        rig.run(0, ["print y"])
        rig.wait_result(0, "print y", "success")
        rig.end()


def test_a_worker_that_is_stopped_between_tests_does_not_hold_up_the_run() -> None:
    """A running test has its time limit; an idle worker that cannot begin what it was handed has none."""
    with Rig() as rig:
        rig.start()
        opened = rig.open(limit=60)
        rig.run(0, ["print x"])
        rig.wait_result(0, "print x", "success")
        os.kill(opened.pid, signal.SIGSTOP)
        rig.run(0, ["print y"])
        gone = rig.expect(messages.Exited)

        assert gone.why == "was stopped (SIGSTOP) and did not go on"
        rig.end()


def test_a_test_that_is_stopped_has_its_time_limit_only() -> None:
    with Rig() as rig:
        rig.start()
        opened = rig.open(limit=8, grace=0.2)
        rig.run(0, ["sleep 600"])
        rig.wait_result(0, "sleep 600", "inprogress")
        os.kill(opened.pid, signal.SIGSTOP)
        rig.expect(messages.LimitReached)
        gone = rig.expect(messages.Exited)

        assert gone.why == "was killed after its time limit"
        rig.end()


def test_a_loader_that_is_stopped_is_ended_and_says_so() -> None:
    with Rig() as rig:
        agent = rig.hello().pid
        rig.profile()
        rig.load()
        children = Path(f"/proc/{agent}/task/{agent}/children").read_text().split()
        (loader,) = map(int, children)
        os.kill(loader, signal.SIGSTOP)
        gone = rig.expect(messages.LoaderState)
        while gone.state != "gone":
            gone = rig.expect(messages.LoaderState)

        assert gone.why == "was stopped (SIGSTOP) and did not go on"
        rig.end()
