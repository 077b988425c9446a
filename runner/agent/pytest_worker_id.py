"""A plugin: the fixtures that pytest-xdist would give, for where it is not installed."""

import os

import pytest


@pytest.fixture(scope="session")
def worker_id():
    """The worker's id: ``gw0`` in lane 0."""
    return os.environ.get("PYTEST_XDIST_WORKER", "master")


@pytest.fixture(scope="session")
def testrun_uid():
    """The same text in all workers of a run."""
    return os.environ.get("PYTEST_XDIST_TESTRUNUID", "")
