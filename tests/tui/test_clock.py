"""Frames are drawn when something changed, not too often, and never for a terminal that is behind."""

from __future__ import annotations

from dataclasses import dataclass, field

from testlanes.tui.clock import CALM, FASTEST, SLOWEST, FrameClock


@dataclass
class World:
    version: int = 0
    backlog: int = 0
    now: float = 0.0
    clock: FrameClock = field(init=False)

    def __post_init__(self) -> None:
        self.clock = FrameClock(lambda: self.version, lambda: self.backlog, lambda: self.now)


def test_nothing_is_drawn_when_nothing_changed() -> None:
    world = World()
    assert world.clock.due(moving=False)
    world.now = 100
    assert not world.clock.due(moving=False)
    world.version = 1
    assert world.clock.due(moving=False)


def test_running_times_move_calmly() -> None:
    world = World()
    assert world.clock.due(moving=True)
    world.now = CALM / 2
    assert not world.clock.due(moving=True)
    world.now = CALM
    assert world.clock.due(moving=True)


def test_dear_frames_come_less_often() -> None:
    world = World()
    assert world.clock.delay == FASTEST
    for _ in range(50):
        world.clock.drew(0.010)
        world.clock.painted(0.008)
    assert 0.15 < world.clock.delay < SLOWEST
    for _ in range(50):
        world.clock.drew(1.0)
    assert world.clock.delay == SLOWEST


def test_a_terminal_that_is_behind_gets_no_frame_until_it_has_caught_up() -> None:
    world = World(backlog=9)
    assert not world.clock.due(moving=True)
    assert world.clock.skipped
    world.backlog = 0
    assert world.clock.due(moving=False)


def test_nothing_is_drawn_while_another_program_has_the_terminal() -> None:
    world = World()
    world.clock.paused = True
    assert not world.clock.due(moving=True)


def test_what_a_frame_left_undone_is_gone_on_with_at_once() -> None:
    world = World()
    assert world.clock.due(moving=False)
    world.now += FASTEST
    assert not world.clock.due(moving=True)
    assert world.clock.due(moving=False, unfinished=True)
