"""What modules open when they are imported is each lane's own, as where each process loads the suite by itself."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from testlanes.runner.settings import Settings

from .projects import finish, outcomes, pytests, unittests, write

Framework = Callable[..., Settings]
SUITE = """
    import os, time, unittest
    OPENS

    def until(condition):
        deadline = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.005)

    class A(unittest.TestCase):
        # Each waits for the other one, so that they run in two lanes.
        def test_one(self):
            with open("inode", "w") as file:
                file.write("%d." % os.fstat(FD).st_ino)
            until(lambda: os.path.exists("two"))
        def test_two(self):
            open("two", "w").close()
            until(lambda: os.path.exists("inode") and open("inode").read().endswith("."))
            self.assertNotEqual("%d." % os.fstat(FD).st_ino, open("inode").read())
"""
LOOP = "import asyncio; LOOP = asyncio.new_event_loop(); FD = LOOP._ssock.fileno()"
CONNECTION = (
    "import socket; LINK = socket.create_connection(('127.0.0.1', PORT)); FD = LINK.fileno()"
)


@pytest.fixture
def port() -> Iterator[int]:
    """Give the port of a server that takes all connections."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("framework", [unittests, pytests])
@pytest.mark.parametrize("opens", ["an event loop", "a connection"])
async def test_each_lane_has_its_own(
    tmp_path: Path, framework: Framework, opens: str, port: int
) -> None:
    """Forks would share it: what wakes one lane's loop would wake another's, and a database's answer reach any lane."""
    code = LOOP if opens == "an event loop" else CONNECTION.replace("PORT", str(port))
    state, _ = await finish(framework(write(tmp_path, test_m=SUITE.replace("OPENS", code))))

    assert outcomes(state) == {"test_one": "success", "test_two": "success"}
    told = [warning.text for warning in state.warnings]
    assert any(opens in text and "loads the suite by itself" in text for text in told), told


READS = """
    import os, time, unittest
    LINES = open("lines.txt", "rb", 0)
    assert LINES.readline() == b"zero" + bytes([10])

    def until(name):
        deadline = time.monotonic() + 30
        while not os.path.exists(name):
            assert time.monotonic() < deadline
            time.sleep(0.005)

    class A(unittest.TestCase):
        # One reads its line while the other is in the middle, so that they are in two lanes.
        def test_one(self):
            self.assertEqual(os.read(LINES.fileno(), 4), b"one" + bytes([10]))
            open("one", "w").close()
            until("two")
            self.assertEqual(os.read(LINES.fileno(), 4), b"two" + bytes([10]))
        def test_two(self):
            until("one")
            self.assertEqual(os.read(LINES.fileno(), 4), b"one" + bytes([10]))
            open("two", "w").close()
"""


@pytest.mark.parametrize("framework", [unittests, pytests])
async def test_a_file_that_is_open_is_read_by_each_lane_on_its_own(
    tmp_path: Path, framework: Framework
) -> None:
    (tmp_path / "lines.txt").write_text("zero\none\ntwo\n")
    state, _ = await finish(framework(write(tmp_path, test_m=READS)))

    assert outcomes(state) == {"test_one": "success", "test_two": "success"}


@pytest.mark.parametrize("framework", [unittests, pytests])
async def test_what_forks_may_share_keeps_nobody_from_forking(
    tmp_path: Path, framework: Framework
) -> None:
    opens = """
    import socket
    ENDS = socket.socketpair()
    SERVER = socket.create_server(("127.0.0.1", 0))
    DATAGRAMS = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    DATAGRAMS.connect(("127.0.0.1", 9))

    class A(unittest.TestCase):
        def test_one(self): pass
    """
    state, _ = await finish(framework(write(tmp_path, test_m=f"    import unittest\n{opens}")))

    assert outcomes(state) == {"test_one": "success"}
    assert not [text for text in state.warnings if "by itself" in text.text]
