"""A machine that does not get along with its lanes: first a warning, then fewer of them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from testlanes.runner.agent.strain import (
    Strain,
    free_bytes,  # pyright: ignore[reportUnknownVariableType]
    swapped_bytes,
)
from testlanes.runner.wire import messages

from .agent_rig import Rig

MB = 1 << 20


class Machine:
    """Numbers that a test sets."""

    def __init__(self) -> None:
        self.swapped: int | None = 0
        self.free = 500 * MB
        self.strain = Strain(lambda: {"/work"}, lambda: self.swapped, self.disk)

    def disk(self, folder: str) -> tuple[int, int, int]:
        assert folder == "/work"
        return 1, self.free, 1000 * MB

    def look(self, now: float) -> list[tuple[str, bool]]:
        return list(self.strain.look(now))  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]


def test_a_quiet_machine_is_not_talked_of() -> None:
    machine = Machine()
    for now in range(100):
        assert machine.swapped is not None
        machine.swapped += 1 * MB
        assert machine.look(float(now)) == []


def test_swapping_is_told_once_and_then_asks_for_fewer_lanes_again_and_again() -> None:
    machine = Machine()
    told: list[tuple[int, bool]] = []
    for now in range(0, 40, 2):
        assert machine.swapped is not None
        machine.swapped += 100 * MB
        told += [(now, fewer) for text, fewer in machine.look(now) if "50 MB a second" in text]
    assert told == [(2, False), (8, True), (18, True), (28, True), (38, True)]


def test_swapping_that_passes_is_forgotten() -> None:
    machine = Machine()
    machine.look(0)
    machine.swapped = 100 * MB
    assert [fewer for _, fewer in machine.look(2)] == [False]
    assert machine.look(9) == []
    machine.swapped = 300 * MB
    assert [fewer for _, fewer in machine.look(11)] == [False]


def test_a_disk_that_fills_is_told() -> None:
    machine = Machine()
    machine.free = 20 * MB
    assert machine.look(0) == [("the disk of /work fills: 20 MB are left", False)]
    assert machine.look(2) == []
    assert machine.look(6) == [("the disk of /work fills: 20 MB are left", True)]
    machine.free = 800 * MB
    assert machine.look(20) == []


def test_the_real_machine_can_be_read(tmp_path: Path) -> None:
    known = free_bytes(str(tmp_path))
    assert known is not None
    assert 0 <= known[1] <= known[2]
    assert free_bytes("/no/such/folder") is None
    swapped = swapped_bytes()
    assert swapped is None or swapped >= 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    command = ["mount", "-t", "tmpfs", "-o", "size=8M", "none", str(tmp_path)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root can make a small disk")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=False)


def test_an_agent_tells_of_a_disk_that_fills(small_disk: Path) -> None:
    (small_disk / "filler").write_bytes(bytes(8 * MB - 100_000))
    with Rig() as rig:
        rig.hello()
        rig.profile(cwd=str(small_disk))
        rig.load()
        rig.open()
        rig.run(0, ["sleep 600"])
        first = rig.expect(messages.StrainSeen)
        second = rig.expect(messages.StrainSeen)

        assert str(small_disk) in first.text
        assert (first.fewer, second.fewer) == (False, True)
        rig.end()
