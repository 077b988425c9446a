"""One controller under 200 lanes at 10,000 events a second: how late its loop is, and what that costs."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from testlanes.runner.engine import prepare
from testlanes.runner.headless import run_headless
from testlanes.runner.ids import HostName
from testlanes.runner.request import Request
from testlanes.runner.settings import Host, Profile, Settings, UnittestSuite

LANES = 200
EVENTS = 10_000
"""A second: each test is two."""
SECONDS = 6
FAKE = Path(__file__).with_name("fakeagent.py")


async def _run(folder: str) -> None:
    name = HostName("fake")
    tests = EVENTS // 2 * SECONDS
    command = (sys.executable, str(FAKE), str(tests), str(2 * LANES / EVENTS))
    host = Host(name, command, lanes=LANES, directory=folder, sync="none")
    profile = Profile(suite=UnittestSuite(), hosts=(name,))
    settings = Settings(root=folder, profiles=(profile,), hosts=(name,), reach={name: host})
    run = prepare(replace(settings), Request())
    late: list[float] = []

    async def probe() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.01)
            late.append(time.perf_counter() - began - 0.01)

    probing = asyncio.ensure_future(probe())  # noqa: TID251
    began, cpu = time.perf_counter(), time.process_time()
    await run_headless(run)
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    probing.cancel()
    late.sort()
    events = 2 * tests / took
    print(f"{LANES} lanes, {tests} tests, {events:,.0f} events/s offered {EVENTS:,}")
    print(f"  controller: {cpu / took:.0%} of a core, {cpu / tests * 1e6:.0f} us a test")
    middle, most = late[len(late) // 2], late[int(len(late) * 0.99)]
    print(
        f"  loop late by {middle * 1e3:.1f} ms (median), {most * 1e3:.1f} ms (99 %), {late[-1] * 1e3:.0f} ms (most)"
    )


def many_lanes() -> None:
    """Print the figures."""
    with TemporaryDirectory() as folder:
        asyncio.run(_run(folder))
