"""What holds for every test, whoever starts them."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from testlanes.runner.repository.directory import DirectoryRepository

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
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let what programs leave in the folder for temporary files lie in pytest's, which it clears away."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(tmp_path_factory.mktemp("scratch")))
        patch.setattr(tempfile, "tempdir", None)
        yield


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """Let programs take SIGINT, which whoever is started in the background is born to ignore."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def open_below() -> Callable[..., list[str]]:
    """Return what tells which files in a folder this process, or another one, has open."""

    def found(folder: Path, pid: int | str = "self") -> list[str]:
        files: list[str] = []
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                files.append(str(descriptor.readlink()))
        return [file for file in files if file.startswith(f"{folder}/")]

    return found


@pytest.fixture
def opened() -> Iterator[Callable[..., DirectoryRepository]]:
    """Return what opens a repository, as ``open_repository`` does; it is closed when the test is over."""
    from testlanes.runner.repository.opening import open_repository

    with ExitStack() as stack:
        yield lambda *of, **how: stack.enter_context(open_repository(*of, **how))
