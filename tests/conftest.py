"""What holds for every test, whoever starts them."""

from __future__ import annotations

import os
import signal
import tempfile

import pytest
from hypothesis import HealthCheck, settings

# A busy machine takes its time for an example, and what is tried is the same each time, so that nobody's change is
# blamed for an example that was not tried before; with TESTLANES_EXAMPLES others are.
settings.register_profile(
    "ours",
    deadline=None,
    derandomize="TESTLANES_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ours")


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
