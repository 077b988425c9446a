"""Tests whose names say how they end, whatever is done to the run around them. Copied into a project and run."""

import subprocess
import time

import pytest


@pytest.fixture(scope="module")
def server():
    running = subprocess.Popen(["sleep", "600"])
    time.sleep(0.1)
    yield running
    running.kill()
    running.wait()


@pytest.mark.parametrize("number", range(8))
def test_fails(number):
    assert number == "as it should"


@pytest.mark.parametrize("number", range(6))
def test_skips(number):
    pytest.skip("as it should")


@pytest.mark.parametrize("number", range(30))
def test_passes(number):
    time.sleep(number / 500)


@pytest.mark.parametrize("number", range(8))
def test_passes_with_a_server(server, number):
    time.sleep(0.05)
    assert server.poll() is None


@pytest.mark.parametrize("number", range(4))
def test_passes_talking(number):
    print("x" * 20_000)


@pytest.mark.parametrize("number", range(4))
def test_passes_slowly(number):
    time.sleep(0.3)
