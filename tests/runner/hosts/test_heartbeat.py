"""Both ends of a channel notice that the other is gone, in an order that lets nothing run twice at a time."""

from __future__ import annotations

from hypothesis import given, settings, strategies as st

from testlanes.runner.hosts.heartbeat import Heartbeat

LEASE = 15.0


class Host:
    """An agent at the other end of a link, as far as its life goes; time passes by ``until``."""

    def __init__(self, delay: float = 0.01) -> None:
        self.heart = Heartbeat(LEASE, 0.0)
        self.now = 0.0
        self.delay = delay
        self.hears = self.is_heard = True
        self.ended_at = 0.0
        self.lost_at = 0.0
        self.told: list[int] = []
        self._heard = 0.0
        self._underway: list[tuple[float, bool]] = []

    def until(self, moment: float) -> None:
        """Let both go on."""
        while self.now < moment and not self.lost_at:
            self.now += self.heart.pause
            self._deliver()
            beat = self.heart.beat(self.now)
            if beat.ping and self.hears:
                self._underway.append((self.now + self.delay, False))
            if beat.silent:
                self.told.append(beat.silent)
            if beat.lost:
                self.lost_at = self.now
        if not self.ended_at and (self.lost_at or not self.hears):
            self.ended_at = self._heard + LEASE

    def _deliver(self) -> None:
        for at, back in sorted(self._underway):
            if at > self.now:
                continue
            self._underway.remove((at, back))
            if back:
                self.heart.heard(at)
                self.heart.answered()
            else:
                self._heard = at
                if self.is_heard:
                    self._underway.append((at + self.delay, True))


def test_a_host_that_answers_is_never_lost_nor_told_of() -> None:
    host = Host()
    host.until(600.0)
    assert not host.lost_at
    assert not host.told


def test_a_link_of_two_seconds_each_way_is_no_loss() -> None:
    host = Host(delay=2.0)
    host.until(600.0)
    assert not host.lost_at


def test_silence_is_told_and_then_taken_for_a_loss() -> None:
    host = Host()
    host.until(60.0)
    host.hears = host.is_heard = False
    host.until(600.0)
    assert [5, 6, 7] == host.told[:3]
    assert 60.0 + 1.2 * LEASE - 2.0 <= host.lost_at <= 60.0 + 1.2 * LEASE + 1.0


@settings(max_examples=200, deadline=None)
@given(
    delay=st.floats(0.0, 0.9),
    cut_at=st.floats(1.0, 30.0),
    ways=st.sampled_from([(False, False), (True, False), (False, True)]),
)
def test_nothing_runs_on_a_host_that_is_taken_to_be_lost(
    delay: float, cut_at: float, ways: tuple[bool, bool]
) -> None:
    """Also when it still hears us, and only we do not hear it."""
    host = Host(delay)
    host.until(cut_at)
    host.hears, host.is_heard = ways
    host.until(cut_at + 100.0)
    assert host.lost_at
    assert host.ended_at <= host.lost_at


def test_what_came_while_we_were_stopped_is_looked_at_before_a_host_is_lost() -> None:
    heart = Heartbeat(LEASE, 0.0)
    heart.beat(0.5)
    assert not heart.beat(100.0).lost
    heart.heard(100.1)
    assert not heart.beat(100.5).lost


def test_a_link_that_broke_while_we_were_stopped_is_still_noticed() -> None:
    heart = Heartbeat(LEASE, 0.0)
    now = 100.0
    while not heart.beat(now).lost:
        now += heart.pause
        assert now < 125.0
