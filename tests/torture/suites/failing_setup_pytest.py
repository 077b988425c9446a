"""Set-ups that fail after they have said something and started everything there is. Copied into a project and run."""

import socket
import subprocess
import tempfile
import threading
import time

import pytest

KEPT = []


def litter():
    print("it says why")
    KEPT.append(subprocess.Popen(["sleep", "600"]))
    threading.Thread(target=time.sleep, args=(600,), daemon=True, name="litter").start()
    KEPT.append(socket.create_server(("127.0.0.1", 0)))
    KEPT.append(tempfile.mkdtemp(prefix="litter-"))
    raise RuntimeError("did not start")


@pytest.fixture
def server():
    litter()


@pytest.fixture(scope="module")
def shared():
    litter()


def test_server(server):
    pass


def test_shared(shared):
    pass
