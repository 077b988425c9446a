"""Three hosts for all tests here; each test finds them whole."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from .rig import Rig, missing, rig_of

NEEDED = "TESTLANES_HOSTS_NEEDED"
"""Environment variable: where it is set, hosts that cannot run fail the tests instead of skipping them."""


@pytest.fixture(scope="session")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    if why := missing():
        (pytest.fail if os.environ.get(NEEDED) else pytest.skip)(why)
    with rig_of(tmp_path_factory.mktemp("rig"), 3) as rig:
        yield rig


@pytest.fixture
def rig(machines: Rig) -> Iterator[Rig]:
    """Three hosts, h1 to h3, in good order; runs that a test that failed has left are killed."""
    for host in machines.hosts.values():
        host.reset()
    machines.know_keys()
    yield machines
    for process in machines.runs:
        process.kill()
        process.wait()
    machines.runs.clear()
