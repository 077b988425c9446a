"""What holds for every test, whoever starts them."""

from __future__ import annotations

import os
import signal
import tempfile

import pytest


@pytest.fixture(scope="session", autouse=True)
def scratch(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let what programs leave in the folder for temporary files lie in pytest's, which it clears away."""
    os.environ["TMPDIR"] = str(tmp_path_factory.mktemp("scratch"))
    tempfile.tempdir = None


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """Let programs take SIGINT, which whoever is started in the background is born to ignore."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
