"""However a run ends, nothing of it is left."""

from __future__ import annotations

import os
import select
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from testlanes.runner.wire import messages, orders

from .agent_rig import LIMIT, Rig, alive, pythons, wait_for


def start_daemons(rig: Rig, note: Path) -> list[int]:
    """Open two lanes, one that hangs and one that leaves daemons; return all process ids."""
    rig.profile()
    rig.load()
    hanging = rig.open(0)
    rig.run(0, ["hang"])
    leaving = rig.open(1)
    rig.run(1, [f"daemons {note}"])
    rig.wait_result(0, "hang", "inprogress")

    def left() -> bool:
        rig.send(orders.ping(0))  # where there is a lease, it is not to end by now
        return (f"daemons {note}", "success") in rig.results(1)

    rig.until(left, "daemons")
    daemons = [int(path.read_text()) for path in (note, note.with_name(note.name + "-bare"))]
    pids = [hanging.pid, leaving.pid, *daemons]
    assert all(alive(pid) for pid in pids)
    return pids


@pytest.mark.parametrize("python", pythons())
def test_the_end_of_the_channel_kills_everything(python: str, tmp_path: Path) -> None:
    with Rig(python) as rig:
        folder = Path(rig.hello().dir)
        pids = start_daemons(rig, tmp_path / "pid")
        rig.channel.close()
        rig.process.wait(LIMIT)

        assert not any(alive(pid) for pid in pids)
        assert not folder.exists()


def test_end_kills_everything_and_says_bye(tmp_path: Path) -> None:
    with Rig() as rig:
        folder = Path(rig.hello().dir)
        pids = start_daemons(rig, tmp_path / "pid")
        rig.end()

        assert not any(alive(pid) for pid in pids)
        assert not folder.exists()


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signals_end_it_alike(signum: signal.Signals, tmp_path: Path) -> None:
    with Rig() as rig:
        folder = Path(rig.hello().dir)
        pids = start_daemons(rig, tmp_path / "pid")
        rig.process.send_signal(signum)
        rig.expect(messages.Bye)
        rig.process.wait(LIMIT)

        assert not any(alive(pid) for pid in pids)
        assert not folder.exists()


def test_the_lease_ends_it_when_nothing_is_heard(tmp_path: Path) -> None:
    with Rig() as rig:
        folder = Path(rig.hello(lease=3.0).dir)
        pids = start_daemons(rig, tmp_path / "pid")
        warning = rig.expect(messages.AgentWarning)
        rig.expect(messages.Bye)
        rig.process.wait(LIMIT)

        assert warning.text == "the agent ends: nothing was heard of the controller for 3 s"
        assert not any(alive(pid) for pid in pids)
        assert not folder.exists()


def test_any_word_keeps_the_lease() -> None:
    with Rig() as rig:
        rig.hello(lease=2.0)
        begun = time.monotonic()
        while time.monotonic() < begun + 3.0:
            rig.send(orders.ping(7))
            assert rig.expect(messages.Pong).number == 7
            rig.pump(0.05)
        rig.end()


@pytest.mark.parametrize("python", pythons())
def test_all_dies_with_an_agent_that_is_killed(python: str, tmp_path: Path) -> None:
    """Forked workers and bare daemons too: its guardian sees to it."""
    with Rig(python) as rig:
        hello = rig.hello()
        pids = start_daemons(rig, tmp_path / "pid")
        os.kill(hello.pid, signal.SIGKILL)
        rig.process.wait(LIMIT)

        assert not any(alive(pid) for pid in pids)
        assert not Path(hello.dir).exists()


def test_an_agent_whose_guardian_is_killed_ends_all(tmp_path: Path) -> None:
    with Rig() as rig:
        hello = rig.hello()
        pids = start_daemons(rig, tmp_path / "pid")
        rig.process.kill()
        rig.expect(messages.Bye)
        wait_for(lambda: not alive(hello.pid), "the agent's end")

        assert not any(alive(pid) for pid in pids)
        assert not Path(hello.dir).exists()


def test_an_agent_that_hangs_is_killed_by_its_guardian_when_it_is_to_end(tmp_path: Path) -> None:
    with Rig() as rig:
        hello = rig.hello()
        pids = start_daemons(rig, tmp_path / "pid")
        os.kill(hello.pid, signal.SIGSTOP)
        rig.process.terminate()
        rig.process.wait(LIMIT)

        assert not any(alive(pid) for pid in [hello.pid, *pids])
        assert not Path(hello.dir).exists()


def test_the_next_agent_cleans_up_after_a_pair_that_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What carries no cookie of theirs is out of reach then."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with Rig() as rig:
        hello = rig.hello()
        *pids, bare = start_daemons(rig, tmp_path / "pid")
        for pid in (rig.process.pid, hello.pid):
            os.kill(pid, signal.SIGSTOP)
        for pid in (hello.pid, rig.process.pid):
            os.kill(pid, signal.SIGKILL)
        rig.process.wait(LIMIT)
        assert Path(hello.dir).exists()
        os.kill(bare, signal.SIGKILL)
    with Rig() as other:
        folder = other.hello().dir
        wait_for(lambda: not Path(hello.dir).exists(), "the end of the old folder")
        wait_for(lambda: not any(alive(pid) for pid in pids), "the end of the old processes")
        assert Path(folder).exists()
        other.end()


def test_lanes_do_not_hold_the_channel() -> None:
    """Otherwise an agent's end would not be seen by a controller behind ssh."""
    with Rig() as rig:
        agent = rig.hello().pid
        rig.profile()
        opened = rig.open(fresh=True)
        rig.run(0, ["hang"])
        rig.wait_result(0, "hang", "inprogress")
        agents = set[str]()
        for held in Path(f"/proc/{agent}/fd").iterdir():
            with suppress(FileNotFoundError):  # it was just closed
                agents.add(str(held.readlink()))
        for number in (0, 1, 2):
            target = str(Path(f"/proc/{opened.pid}/fd/{number}").readlink())
            assert target == os.devnull or target not in agents
        rig.end()


def test_an_idle_agent_does_not_wake_up() -> None:
    with Rig() as rig:
        agent = rig.hello().pid
        rig.profile()
        rig.load()
        rig.open(limit=5)
        rig.run(0, ["print x"])
        rig.wait_result(0, "print x", "success")

        def switches() -> int:
            status = Path(f"/proc/{agent}/status").read_text()
            return int(status.partition("voluntary_ctxt_switches:")[2].split()[0])

        def quiet() -> bool:
            before = switches()
            assert not select.select([rig.channel], [], [], 0.7)[0] or rig.pump(0)
            return switches() == before

        wait_for(quiet, "an agent that sleeps")
        rig.end()
