"""The real testr and stestr, run as programs: they are the judges."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
TESTR_CONF = """[DEFAULT]
test_command = "$PYTHON" -m subunit.run discover -t . . $LISTOPT $IDOPTION
test_id_option = --load-list $IDFILE
test_list_option = --list
"""
STESTR_CONF = "[DEFAULT]\ntest_path=.\n"

Done = subprocess.CompletedProcess[bytes]


@pytest.fixture(scope="session")
def tool() -> Callable[..., Done]:
    """Return what runs ``tool(folder, "testr", "last", …)``; skips the test if there is no such program."""

    def run(folder: Path, name: str, *arguments: str, stdin: bytes = b"") -> Done:
        program = BIN / name
        if not program.exists():
            pytest.skip(f"{name} is not installed")
        keep = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
        environment = {key: os.environ[key] for key in keep if key in os.environ}
        environment["PYTHON"] = sys.executable
        return subprocess.run(
            [program, *arguments],
            cwd=folder,
            input=stdin,
            capture_output=True,
            timeout=60,
            env=environment,
        )

    return run


@pytest.fixture(scope="session")
def project() -> Callable[[Path], Path]:
    """Return what makes a folder a project of both tools' and returns it."""

    def make(folder: Path) -> Path:
        folder.mkdir(exist_ok=True)
        (folder / ".testr.conf").write_text(TESTR_CONF)
        (folder / ".stestr.conf").write_text(STESTR_CONF)
        return folder

    return make
