"""A project whose tests run on instances: three scripts that log their calls, three machines, eight lanes.

Instance 0 is the laptop, 1 and 2 are another laptop, 3 to 7 the desktop; ``MACHINE`` says to a test where it runs.
The scripts do what the files ``provision.more``, ``execute.more`` and ``dispose.more`` add, if they are there.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

LIMIT = 60.0
CONF = """[DEFAULT]
test_command=${PYTHON:-python} -m subunit.run discover . $LISTOPT $IDOPTION
test_id_option=--load-list $IDFILE
test_list_option=--list
instance_provision=./provision.sh $INSTANCE_COUNT
instance_execute=./execute.sh $INSTANCE_ID $FILES -- $COMMAND
instance_dispose=./dispose.sh $INSTANCE_IDS
"""
LOG = """#!/bin/sh
line=$(printf '%s\\037' {name} "$@"); printf "%s\\n" "$line" >> calls.log
test -f ./{name}.more && . ./{name}.more
"""
SCRIPTS = {
    "provision": 'i=0; while [ $i -lt "$1" ]; do echo $i; i=$((i+1)); done\n',
    "execute": """case $1 in 0) MACHINE=laptop;; 1|2) MACHINE=another-laptop;; *) MACHINE=desktop;; esac
export MACHINE INSTANCE=$1
while [ "$1" != -- ]; do shift; done; shift
exec "$@"
""",
    "dispose": "exit 0\n",
}
SUITE = """
import os, time, unittest
from pathlib import Path

class ShopTest(unittest.TestCase):
    def test_quick(self):
        pass
    def test_fails(self):
        self.assertTrue(os.path.exists("mended"), "broken")
    def test_turns(self):
        with open("turns", "a") as file:
            file.write(".")
        self.assertLess(os.path.getsize("turns"), 3)

def where(self):
    with open("ran.log", "a") as file:
        file.write(f"{self.id()} {os.environ['MACHINE']} {os.environ['INSTANCE']}\\n")
    time.sleep(0.05)
    while os.path.exists("wait"):
        Path("waiting").touch()
        time.sleep(0.02)

for number in range(24):
    name = f"Case{number}"
    globals()[name] = type(name, (unittest.TestCase,), {"test_where": where})
"""
QUICK = "where"
"""A filter for the tests that pass."""


@dataclass(frozen=True)
class Nova:
    """The project."""

    folder: Path

    def script(self, name: str, more: str) -> None:
        """Let a script do something more, after its call is logged."""
        (self.folder / f"{name}.more").write_text(more)

    def start(self, *arguments: str, command: str = "run") -> subprocess.Popen[str]:
        """Start testlanes."""
        plain = ("--no-tui",) if command == "run" else ()
        return subprocess.Popen(
            [sys.executable, "-Im", "testlanes", command, *plain, *arguments],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHON": sys.executable},
        )

    def run(self, *arguments: str, command: str = "run") -> tuple[int, str]:
        """Run testlanes; return its exit code and what it said."""
        return ended(self.start(*arguments, command=command))

    @property
    def calls(self) -> list[list[str]]:
        """The scripts' calls: name and arguments."""
        log = self.folder / "calls.log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [line.removesuffix("\x1f").split("\x1f") for line in lines]

    def of(self, name: str) -> list[list[str]]:
        """The arguments of one script's calls."""
        return [call[1:] for call in self.calls if call[0] == name]

    @property
    def ran(self) -> Counter[str]:
        """How often each test ran that says so."""
        log = self.folder / "ran.log"
        lines = log.read_text().splitlines() if log.exists() else []
        return Counter(line.split()[0] for line in lines)

    def forget(self) -> None:
        """Empty the logs."""
        for name in ("calls.log", "ran.log"):
            (self.folder / name).unlink(missing_ok=True)

    def wait_for(self, what: str, there: Callable[[], object]) -> None:
        """Wait until something is so."""
        end = time.monotonic() + LIMIT
        while not there():
            assert time.monotonic() < end, f"{what} did not come: {self.calls}"
            time.sleep(0.02)

    @property
    def ledger(self) -> Path:
        """What is left to be disposed of."""
        return self.folder / ".testrepository" / "testlanes" / "instances.json"


def make_nova(folder: Path, conf: str = CONF) -> Nova:
    """Write the project."""
    (folder / ".testr.conf").write_text(conf)
    (folder / "test_shop.py").write_text(SUITE)
    for name, body in SCRIPTS.items():
        script = folder / f"{name}.sh"
        script.write_text(LOG.format(name=name) + body)
        script.chmod(0o755)
    return Nova(folder)


def shape(call: Sequence[str]) -> tuple[str, ...]:
    """Return a call with the names of temporary files taken out, all but which of them are the same."""
    files = {word for word in call if word.startswith("/tmp/") or "/testlanes-" in word}  # noqa: S108
    return tuple("FILE" if word in files else word for word in call)


def stop(process: subprocess.Popen[str], number: int) -> tuple[int, str]:
    """Send a signal, and return how it ended."""
    process.send_signal(number)
    return ended(process)


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for the end of testlanes; return its exit code and what it said."""
    try:
        said, _ = process.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        said, _ = process.communicate()
        raise AssertionError(f"it did not end within {LIMIT:g} s: {said}") from None
    return process.returncode, said


INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
