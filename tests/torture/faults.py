"""Fault injection: runs whose processes are killed and whose disk is filled at random points, each looked at afterwards.

    python -m tests.torture.faults [--runs N] [--seed N]

Every run gets one to three faults. After it: each scheduled test has one outcome, and no outcome that its name
contradicts; no process is left, and no file (after a ``kill -9`` of the controller: once testlanes was started
again); the real testr or stestr reads the repository; no failure is forgotten. Prints what broke, with the seed that
breaks it again, and ends with numbers. With root rights the project's disk is a small tmpfs that is filled; else
the controller's files are kept from growing.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import IO, Any, TypeAlias

from testlanes.runner.ids import Status
from testlanes.runner.repository.stream_v1 import read_v1

from .projects import environment, left_lying, left_running, marked, tell

SUITES = Path(__file__).parent / "suites"
LIMIT = 60.0
"""Seconds that a run may take, whatever happened to it."""
PATIENCE = 15.0
"""Seconds that what a killed run has started may live on: the agent's lease."""
DISK = 8 << 20
"""Bytes of the small disk."""
TOGETHER = 20
"""Runs one after the other in the same two projects."""

KILLS = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP)
Fault: TypeAlias = tuple[str, "signal.Signals | str"]
"""Whom, and what is done."""

FAULTS: tuple[Fault, ...] = (
    *((role, number) for role in ("agent", "guardian", "loader") for number in KILLS),
    *(("worker", number) for number in (*KILLS, signal.SIGKILL, signal.SIGSTOP)),
    *(("controller", number) for number in (*KILLS, signal.SIGKILL, signal.SIGINT)),
    ("disk", "full"),
    ("disk", "full for a while"),
    ("disk", "no growth"),
)


@dataclass(slots=True)
class Seen:
    """What ``--json`` said of a run before it ended or was killed."""

    selected: set[str] = field(default_factory=set[str])
    verdicts: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    """Test id -> (status, kind) of its last outcome; ``notrun`` is one."""
    attempts: Counter[str] = field(default_factory=Counter[str])
    extras: set[str] = field(default_factory=set[str])
    """Ids of nobody's tests that failed."""
    ended: bool = False

    def read(self, stream: IO[bytes]) -> None:
        """Take all lines that are whole."""
        with stream:
            for line in stream:
                if line.endswith(b"\n"):
                    self.take(json.loads(line))

    def take(self, event: dict[str, Any]) -> None:
        """Take one line."""
        match event["event"]:
            case "cases_listed":
                self.selected.update(each["id"] for each in event["selected"])
            case "case_finished":
                self.attempts[event["case"]["id"]] += 1
                self.verdicts[event["case"]["id"]] = event["status"], event["kind"]
            case "cases_given_up":
                for each in event["cases"]:
                    self.attempts[each["id"]] += 1
                    self.verdicts[each["id"]] = "notrun", ""
            case "extra_result":
                if event["status"] == "fail":
                    self.extras.add(event["test_id"])
            case "run_ended":
                self.ended = True
            case _:
                pass

    @property
    def failed(self) -> set[str]:
        """The ids whose last outcome is a failure."""
        return {name for name, (status, _) in self.verdicts.items() if status == "fail"}


@dataclass(slots=True)
class Tally:
    """Numbers of many runs."""

    runs: int = 0
    faults: Counter[str] = field(default_factory=Counter[str])
    missed: int = 0
    """Faults that came too late: nobody of that role was there any more."""
    outcomes: Counter[str] = field(default_factory=Counter[str])
    codes: Counter[int] = field(default_factory=Counter[int])
    broken: list[str] = field(default_factory=list[str])

    def __str__(self) -> str:
        lines = [f"{self.runs} runs, {self.faults.total()} faults, {self.missed} came too late"]
        for name, counter in (
            ("faults", self.faults),
            ("outcomes", self.outcomes),
            ("exit codes", self.codes),
        ):
            words = (f"{word} {count:,}" for word, count in sorted(counter.items(), key=str))
            lines.append(f"{name}: {', '.join(words)}")
        lines.append(f"broken promises: {len(self.broken)}")
        return "\n".join([*lines, *self.broken])


class Victim:
    """A project whose runs are tortured one after the other. Its failures are remembered from run to run."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder = folder
        self.format = "testr" if kind == "pytest" else "stestr"
        self.failing: set[str] = set()
        self.running: subprocess.Popen[bytes] | None = None
        shutil.copy(SUITES / f"steady_{kind}.py", folder / "test_steady.py")
        if kind == "pytest":
            (folder / "pytest.ini").write_text("[pytest]\n")
            (folder / ".testr.conf").write_text("[DEFAULT]\ntest_command=true\n")
            (folder / "testlanes.toml").write_text('framework = "pytest"\n')
        else:
            (folder / ".stestr.conf").write_text("[DEFAULT]\ntest_path=.\n")
        self.small = _mount(folder / "disk")
        self.repository = folder / (".stestr" if self.format == "stestr" else ".testrepository")
        for path in (folder / "scratch", self.repository):
            (folder / "disk" / path.name).mkdir()
            path.symlink_to(folder / "disk" / path.name)

    def close(self) -> None:
        """End the run that was interrupted, if one was, and let go of the disk."""
        if self.running is not None and self.running.poll() is None:
            self.running.terminate()
            _ended(self.running, PATIENCE)
        if self.small:
            subprocess.run(["umount", "-l", self.folder / "disk"], check=False)

    def start(self, words: list[str]) -> subprocess.Popen[bytes]:
        """Start a run whose events go to a pipe."""
        command = [sys.executable, "-m", "testlanes", "run", "--no-tui", "--json", *words]
        with (self.folder / "stderr").open("wb") as err:
            self.running = subprocess.Popen(
                command,
                cwd=self.folder,
                env=environment(self.folder),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=err,
                start_new_session=True,
            )
        return self.running

    def tell(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run another command there."""
        return tell(self.folder, *words, limit=LIMIT)

    def role(self, role: str, controller: int) -> list[int]:
        """Return the processes that play a part in a run."""
        parents = {pid: parent for pid, parent in marked(self.folder) if _is_ours(pid)}
        tiers: list[list[int]] = [[controller]]
        while tiers[-1]:
            tiers.append([pid for pid, parent in parents.items() if parent in tiers[-1]])
        tiers.pop()
        if role == "worker":  # a fresh one is no child of a loader; what is below is a test's
            return [pid for tier in tiers[3:5][-1:] for pid in tier]
        at = ("controller", "guardian", "agent", "loader").index(role)
        return tiers[at] if at < len(tiers) else []

    @property
    def stderr(self) -> str:
        """What the run said besides its events."""
        return (self.folder / "stderr").read_text(errors="replace")


def _is_ours(pid: int) -> bool:
    try:
        return b"testlanes_agent" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


class Disk:
    """The project's disk, which can be filled and freed."""

    def __init__(self, victim: Victim, controller: int, chance: random.Random) -> None:
        self._victim = victim
        self._controller = controller
        self._chance = chance
        self.faulty = False
        self.full = False

    def fill(self) -> None:
        """Fill it; without a disk of its own, let no file of the controller grow."""
        self.faulty = self.full = True
        if not self._victim.small:
            self.no_growth()
            return
        with (self._victim.folder / "disk" / "filler").open("ab", buffering=0) as file:
            for size in (1 << 16, 1 << 10, 1):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    continue

    def no_growth(self) -> None:
        """Let no file of the controller grow beyond some bytes."""
        self.faulty = self.full = True
        self._limit(self._chance.randrange(1, 20_000))

    def free(self) -> None:
        """Make room again."""
        self.full = False
        (self._victim.folder / "disk" / "filler").unlink(missing_ok=True)
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, size: int) -> None:
        try:
            _, hard = resource.prlimit(self._controller, resource.RLIMIT_FSIZE)
            resource.prlimit(self._controller, resource.RLIMIT_FSIZE, (size, hard))
        except (ProcessLookupError, PermissionError):
            pass


def torture(
    victim: Victim, seed: int, tally: Tally, plan: list[tuple[float, Fault]] | None = None
) -> list[str]:
    """Do one run and its faults (seconds after its start, fault), or some by chance; return what broke."""
    chance = random.Random(seed)
    words = [f"-j{chance.choice((1, 2, 3, 4))}", "--timeout", "3", "--grace", "0.5"]
    words += chance.choice(
        ([], [], ["--fresh"], ["--isolated"], ["--retries", "1"], ["-E", "fails|errs"])
    )
    if plan is None:
        number = chance.choice((1, 1, 2, 3))
        plan = [(chance.expovariate(1.2), chance.choice(FAULTS)) for _ in range(number)]
        plan.sort(key=itemgetter(0))
    told = f"seed {seed}: {' '.join(words)}; " + ", ".join(
        f"{role} {getattr(what, 'name', what)} at {at:.2f} s" for at, (role, what) in plan
    )
    begun = time.monotonic()
    run = victim.start(words)
    seen = Seen()
    reader = threading.Thread(target=seen.read, args=(run.stdout,), daemon=True)
    reader.start()
    disk = Disk(victim, run.pid, chance)
    killed = False
    for at, (role, what) in plan:
        if not _ended(run, begun + at - time.monotonic()):
            done = _strike(victim, run.pid, disk, role, what, chance)
            if done:
                tally.faults[f"{role} {getattr(what, 'name', what)}"] += 1
            tally.missed += not done
            killed |= done and role == "controller" and what == signal.SIGKILL
        else:
            tally.missed += 1
    broken: list[str] = []
    if not _ended(run, LIMIT):
        broken.append(f"it hangs: {left_running(victim.folder)}")
        run.kill()
        killed = True
    code = run.wait()
    was_full = disk.full
    broken += [
        f"left running: {each}" for each in _left(victim.folder, PATIENCE if killed else 5.0)
    ]
    disk.free()
    reader.join(PATIENCE)
    tally.codes[code] += 1
    tally.outcomes.update(
        f"{status}{f' ({kind})' if kind else ''}" for status, kind in seen.verdicts.values()
    )
    broken += _truths(seen, code, killed, disk.faulty)
    said = victim.stderr
    if killed and was_full:  # nobody was left to tell it, and there was no room to write it down
        said += "could not be stored"
    # It may have been freed again between the storing and this look at it.
    lost = disk.faulty and (was_full or "could not be stored" in said)
    wrong = list(_stored(victim, seen, lost=lost, told=said))
    if wrong:
        wrong.append(f"it had said: {said[-1000:]}")
    broken += wrong
    for log in (victim.folder / "scratch").glob("testlanes-error-*"):
        broken.append(f"an error of ours: {log.read_text(errors='replace')[-1500:]}")
        log.unlink()
    ours = (
        "Fatal Python error: init_import_site" not in said
    )  # it was hit before there was anything of ours
    if ours and ("Traceback" in said or "internal error" in said):
        broken.append(f"a traceback of ours: {said[-2000:]}")
    tally.runs += 1
    if not broken:
        return []
    more = f" … {len(broken) - 4} more …; {broken[-1]}" if len(broken) > 4 else ""
    return [f"{told}; exit code {code}: {'; '.join(broken[:4])}{more}"]


def _strike(
    victim: Victim, controller: int, disk: Disk, role: str, what: object, chance: random.Random
) -> bool:
    """Do a fault; return whether there was somebody to do it to."""
    if role == "disk":
        if what == "no growth":
            disk.no_growth()
            return True
        disk.fill()
        if what == "full for a while":
            time.sleep(chance.uniform(0, 1.5))
            disk.free()
        return True
    pids = victim.role(role, controller)
    if not pids or not isinstance(what, signal.Signals):
        return False
    try:
        os.kill(chance.choice(sorted(pids)), what)
    except ProcessLookupError:
        return False
    return True


def _truths(seen: Seen, code: int, killed: bool, faulty: bool) -> Iterator[str]:
    """Yield what of a run's own words is not as promised."""
    if not killed:
        for name in seen.selected - seen.verdicts.keys():
            yield f"no outcome: {name}"
        if seen.selected and not seen.ended:
            yield "its end is not told"
    for name, (status, kind) in seen.verdicts.items():
        due = (
            "fail"
            if "fails" in name or "errs" in name
            else "skip"
            if "skips" in name
            else "success"
        )
        hurt = status == "fail" and (
            kind in ("crash", "timeout", "setup") or (faulty and kind == "error")
        )
        if status not in (due, "notrun") and not hurt:
            yield f"{name} is {status} ({kind})"
    bad = seen.failed or any(status == "notrun" for status, _ in seen.verdicts.values())
    if code == 0 and (bad or seen.extras or not seen.ended or seen.selected - seen.verdicts.keys()):
        yield f"exit code 0 although {sorted(seen.failed)} failed"


def _stored(victim: Victim, seen: Seen, *, lost: bool, told: str) -> Iterator[str]:
    """Yield what is not as promised in the repository, once testlanes was started again."""
    before = victim.failing - {"process-returncode"}  # that is nobody's, and over with the next run
    shown = victim.tell(sys.executable, "-m", "testlanes", "failing", "--list")
    if shown.returncode not in (0, 1):
        if not (victim.repository / "format").exists() and not seen.verdicts:
            return  # it was killed before there was anything
        yield f"testlanes cannot read it: {shown.stderr}"
        return
    failing = set(shown.stdout.split())
    results = _newest(victim)
    must = set(before)
    if lost:
        if (
            seen.failed - failing
            and "could not be stored" not in told
            and "not in the stored" not in told
        ):
            yield f"not stored, and not told: {sorted(seen.failed - failing)}"
    else:
        must |= seen.failed
        for name in seen.failed & results.keys():
            if not results[name].is_failure:
                yield f"{name} failed and is stored as {results[name]}"
    for name in must - failing:
        status = results.get(name)
        passed = seen.verdicts.get(name, ("notrun", ""))[0] not in ("fail", "notrun")
        if not passed and (status is None or status.is_failure):
            yield f"forgotten failure: {name}"
    for name in failing - before - seen.failed - seen.extras:
        if name not in results or not results[name].is_failure:
            yield f"a failure that was none: {name}"
    victim.failing = failing
    for left in left_lying(victim.folder):
        yield f"left lying: {left}"
    for path in (*victim.repository.glob("tmp*"), *victim.repository.glob("testlanes/*.journal")):
        yield f"left in the repository: {path.name}"
    if results or any(each.name.isdigit() for each in victim.repository.iterdir()):
        yield from _others_read_it(victim, failing)


def _newest(victim: Victim) -> dict[str, Status]:
    numbers = [int(each.name) for each in victim.repository.iterdir() if each.name.isdigit()]
    if not numbers:
        return {}
    data = (victim.repository / str(max(numbers))).read_bytes()
    return {one.test_id: one.status for one in read_v1(data, frozenset())}


def _others_read_it(victim: Victim, failing: set[str]) -> Iterator[str]:
    tool = str(Path(sys.executable).parent / victim.format)
    for words in (("last",), ("failing", "--list")):
        shown = victim.tell(tool, *words)
        if "Traceback" in shown.stderr or shown.returncode not in (0, 1):
            yield f"{victim.format} {' '.join(words)}: {shown.stdout[-500:]} {shown.stderr[-500:]}"
    listed = set(shown.stdout.split())
    if listed != failing:
        yield f"{victim.format} has other failures: {sorted(listed ^ failing)}"


def _ended(run: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        run.wait(max(0.0, seconds))
    except subprocess.TimeoutExpired:
        return False
    return True


def _left(folder: Path, patience: float) -> list[str]:
    end = time.monotonic() + patience
    while (left := left_running(folder)) and time.monotonic() < end:
        time.sleep(0.05)
    return left


def _mount(folder: Path) -> bool:
    folder.mkdir()
    if os.geteuid() != 0:
        return False
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "none", str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@contextmanager
def victims() -> Generator[list[Victim], None, None]:
    """Make the projects; remove them, and let go of their disks, at the end."""
    made: list[Victim] = []
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    try:
        for kind in ("unittest", "pytest"):
            (folder / kind).mkdir()
            made.append(Victim(folder / kind, kind))
        yield made
    finally:
        for each in made:
            each.close()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """Torture, and say how it went."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    args = parser.parse_args()
    tally = Tally()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    seeds = range(int(args.seed), int(args.seed) + int(args.runs))
    try:
        for at in range(0, len(seeds), TOGETHER):
            with victims() as projects:
                for seed in seeds[at : at + TOGETHER]:
                    for each in torture(projects[seed % len(projects)], seed, tally):
                        tally.broken.append(each)
                        print(f"BROKEN {each}", flush=True)
            print(f"{tally.runs} runs, {len(tally.broken)} broken promises", flush=True)
    except KeyboardInterrupt:
        pass
    print(tally)
    return 1 if tally.broken else 0


if __name__ == "__main__":
    sys.exit(main())
