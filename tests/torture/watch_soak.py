"""Edits a project at random while it is watched; after each step what fails must be what a fresh full run says.

``python tests/torture/watch_soak.py pytest --edits 1000 --seed 1``. The judge is the framework itself, in a
new process that reads no compiled file. A short run of it is a test beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

LIMIT = 120.0
"""Seconds that a cycle may take to be told of."""
LIBRARY = 6

UNITTEST_JUDGE = """
import json, sys, unittest
class Result(unittest.TestResult):
    pass
suite = unittest.TestLoader().discover("tests", top_level_dir=".")
result = Result()
suite.run(result)
bad = [case.id() for case, _ in result.failures + result.errors]
print("JUDGED" + json.dumps(sorted(bad)))
"""
PYTEST_JUDGE = """
import json, sys
import pytest
sys.path[0] = ""
bad = set()
class Judge:
    def pytest_runtest_logreport(self, report):
        if report.failed:
            bad.add(report.nodeid)
    def pytest_collectreport(self, report):
        if report.failed:
            bad.add(report.nodeid)
code = pytest.main(["-q", "-p", "no:cacheprovider", "--continue-on-collection-errors"], plugins=[Judge()])
print("JUDGED" + json.dumps(sorted(bad) if code in (0, 1, 5) else ["code %d" % code]))
"""


class Project:
    """A project whose every value is a number that tests compare with a bound, so that edits turn them."""

    def __init__(self, root: Path, kind: str, random_: random.Random) -> None:
        self.root, self.kind, self.random = root, kind, random_
        self.counter = 0
        self.broken: dict[str, str] = {}
        """Half-saved files -> what they were before."""
        for folder in ("lib/inner", "data/more", "tests/sub"):
            (root / folder).mkdir(parents=True)
        for name in ("lib/__init__.py", "lib/inner/__init__.py"):
            self.put(name, "")
        for number in range(LIBRARY):
            self.put(self.module(number), self.library(number))
        for number in range(4):
            self.put(f"data/d{number}.txt", str(self.value()))
        self.put("data/more/one.txt", "1")
        self.put("beacon.txt", "0")
        if kind == "unittest":
            self.put("tests/__init__.py", "BASE = 3\n")
            self.put("tests/sub/__init__.py", "")
            self.put("testlanes.toml", 'framework = "unittest"\ntop = "."\nstart = "tests"\n')
        else:
            self.put("testlanes.toml", 'framework = "pytest"\n')
            self.put("pytest.ini", "[pytest]\npythonpath = .\ntestpaths = tests\n")
            self.put("tests/conftest.py", self.conftest("base"))
            self.put("tests/sub/conftest.py", self.conftest("deep"))
        for number in range(LIBRARY):
            self.put(f"tests/test_m{number}.py", self.test_of(number))
        self.put("tests/sub/test_deep.py", self.test_of(1))
        self.put("tests/test_data.py", self.data_tests())
        self.put("tests/test_odd.py", self.odd_tests())
        self.put("tests/test_beacon.py", self.beacon_tests())

    # -- what is in the files ------------------------------------------------------------------------

    def value(self) -> int:
        return self.random.randrange(10)

    def module(self, number: int) -> str:
        return f"lib/inner/m{number}.py" if number % 3 == 2 else f"lib/m{number}.py"

    def dotted(self, number: int) -> str:
        return self.module(number)[:-3].replace("/", ".")

    def library(self, number: int) -> str:
        """Write a module that may build on others, each in another way of importing."""
        ways = ("import {m}\nOTHER = {m}.VALUE\n", "from {p} import {n}\nOTHER = {n}.VALUE\n")
        text = f"VALUE = {self.value()}\n"
        if number and self.random.random() < 0.7:
            other = self.random.randrange(number)
            dotted = self.dotted(other)
            package, _, name = dotted.rpartition(".")
            way = self.random.choice((*ways, "from {m} import VALUE as OTHER\n"))
            text += way.format(m=dotted, p=package, n=name)
        else:
            text += "OTHER = 0\n"
        return text + "def total():\n    return VALUE + OTHER\n"

    def conftest(self, name: str) -> str:
        return f"import pytest\n@pytest.fixture\ndef {name}():\n    return {self.value()}\n"

    def cases(self, name: str, lines: list[tuple[str, str, str]], head: str = "") -> str:
        """Write tests: (name, fixture, expression that is to be true)."""
        if self.kind == "pytest":
            body = "".join(
                f"def test_{test}({fixture}):\n    assert {what}\n" for test, fixture, what in lines
            )
            return head + body
        body = "".join(
            f"    def test_{test}(self):\n        self.assertTrue({what})\n"
            for test, fixture, what in lines
            if not fixture
        )
        return f"import unittest\n{head}class {name}(unittest.TestCase):\n{body or '    pass'}\n"

    def test_of(self, number: int) -> str:
        dotted = self.dotted(number)
        lines = [
            ("total", "", f"m.total() % 10 < {self.random.randrange(3, 11)}"),
            ("value", "", f"m.VALUE != {self.value()}"),
            ("base", "base", f"base != {self.value()}"),
        ]
        return self.cases(f"M{number}", lines, f"import {dotted} as m\n")

    def data_tests(self) -> str:
        head = "import os\nfrom pathlib import Path\ndef read(name):\n    return int(Path(name).read_text())\n"
        lines = [(f"d{n}", "", f"read('data/d{n}.txt') < {self.value() + 2}") for n in range(4)]
        lines += [("listed", "", "len(os.listdir('data/more')) % 2 == 1")]
        return self.cases("Data", lines, head)

    def odd_tests(self) -> str:
        """Write tests whose use of files no source tells: by made-up names, and in another process."""
        head = "import importlib, os, subprocess, sys\n"
        name = "'.'.join(['lib', 'm' + str(1)])"
        child = "subprocess.run([sys.executable, '-BSc', 'print(open(\"data/d0.txt\").read())'], capture_output=True, text=True, check=True).stdout"
        lines = [
            ("named", "", f"importlib.import_module({name}).VALUE < {self.value() + 3}"),
            ("child", "", f"int({child}) != {self.value()}"),
            ("there", "", "not os.path.exists('data/extra.txt')"),
        ]
        return self.cases("Odd", lines, head)

    def beacon_tests(self) -> str:
        return self.cases("Beacon", [("beacon", "", "open('beacon.txt').read()")])

    # -- edits ---------------------------------------------------------------------------------------

    def put(self, name: str, text: str) -> None:
        """Save a file in one of the ways of editors."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if self.random.random() < 0.5:
            path.write_text(text)
        else:
            beside = path.with_name(f".{path.name}.{self.counter}~")
            beside.write_text(text)
            beside.replace(path)
        self.counter += 1

    def sources(self) -> list[str]:
        return sorted(
            path.relative_to(self.root).as_posix()
            for path in self.root.rglob("*.py")
            if "__pycache__" not in path.parts and path.name != "test_beacon.py"
        )

    def edit(self) -> str:
        """Do something to the project and return what."""
        kinds: list[tuple[int, Callable[[], str]]] = [
            (6, self.edit_library),
            (4, self.edit_tests),
            (4, self.edit_data),
            (2, self.edit_shared),
            (2, self.half_save),
            (2, self.fail_import),
            (2, self.remove),
            (2, self.restore),
            (2, self.rename),
            (1, self.move_folder),
            (1, self.touch),
            (1, self.checkout),
            (1, self.link),
            (1, self.extra),
        ]
        if self.broken and self.random.random() < 0.6:
            return self.mend()
        (chosen,) = self.random.choices([k for _, k in kinds], [weight for weight, _ in kinds])
        return chosen()

    def edit_library(self) -> str:
        number = self.random.randrange(LIBRARY)
        name = self.module(number)
        self.broken.pop(name, None)
        self.put(name, self.library(number))
        return f"write {name}"

    def edit_tests(self) -> str:
        number = self.random.randrange(LIBRARY + 2)
        texts = {LIBRARY: ("tests/test_data.py", self.data_tests)}
        texts[LIBRARY + 1] = ("tests/test_odd.py", self.odd_tests)
        name, text = texts.get(
            number, (f"tests/test_m{number}.py", lambda: self.test_of(number % LIBRARY))
        )
        self.broken.pop(name, None)
        self.put(name, text())
        return f"write {name}"

    def edit_data(self) -> str:
        name = f"data/d{self.random.randrange(4)}.txt"
        (self.root / name).unlink(missing_ok=True)
        self.put(name, str(self.value()))
        return f"write {name}"

    def edit_shared(self) -> str:
        if self.kind == "pytest":
            name, text = self.random.choice(
                [("tests/conftest.py", "base"), ("tests/sub/conftest.py", "deep")]
            )
            text = self.conftest(text)
        else:
            name, text = "tests/__init__.py", f"BASE = {self.value()}\n"
            if self.random.random() < 0.2:
                text += "raise ImportError('not today')\n"
        self.broken.pop(name, None)
        self.put(name, text)
        return f"write {name}"

    def half_save(self) -> str:
        name = self.random.choice(self.sources())
        self.broken.setdefault(name, (self.root / name).read_text())
        self.put(name, self.broken[name] + "def half(\n")
        return f"half-save {name}"

    def mend(self) -> str:
        name = self.random.choice(sorted(self.broken))
        self.put(name, self.broken.pop(name))
        return f"mend {name}"

    def fail_import(self) -> str:
        name = self.module(self.random.randrange(LIBRARY))
        self.broken.pop(name, None)
        self.put(name, "raise RuntimeError('at import')\n")
        return f"raise in {name}"

    def remove(self) -> str:
        name = self.random.choice([n for n in self.sources() if "__init__" not in n])
        if self.random.random() < 0.3:
            name = f"data/d{self.random.randrange(4)}.txt"
        self.broken.pop(name, None)
        (self.root / name).unlink(missing_ok=True)
        return f"remove {name}"

    def restore(self) -> str:
        """Bring back whatever is missing."""
        number = self.random.randrange(LIBRARY)
        missing = {
            self.module(number): lambda: self.library(number),
            f"tests/test_m{number}.py": lambda: self.test_of(number),
            "tests/test_data.py": self.data_tests,
            "tests/test_odd.py": self.odd_tests,
            "tests/sub/test_deep.py": lambda: self.test_of(1),
        }
        done: list[str] = []
        for name, text in missing.items():
            if not (self.root / name).exists():
                self.put(name, text())
                done.append(name)
        return f"restore {', '.join(done)}"

    def rename(self) -> str:
        names = [n for n in self.sources() if "__init__" not in n and "conftest" not in n]
        name = self.random.choice(names)
        path = self.root / name
        to = path.with_name(
            path.name.replace(".py", "_x.py") if "_x" not in name else path.name.replace("_x", "")
        )
        self.broken.pop(name, None)
        with suppress(KeyError):
            self.broken.pop(to.relative_to(self.root).as_posix())
        if "def half(" in path.read_text():
            path.write_text("")
        path.replace(to)
        return f"rename {name} to {to.name}"

    def move_folder(self) -> str:
        """Let a folder go, and come back, with all that is in it."""
        folder, away = self.root / "tests/sub", self.root.parent / "away"
        if folder.exists() and not away.exists():
            for name in [n for n in self.broken if n.startswith("tests/sub/")]:
                self.mend_now(name)
            folder.rename(away)
            return "move tests/sub away"
        if away.exists() and not folder.exists():
            away.rename(folder)
            return "move tests/sub back"
        shutil.rmtree(away, ignore_errors=True)
        return "nothing"

    def mend_now(self, name: str) -> None:
        (self.root / name).write_text(self.broken.pop(name))

    def touch(self) -> str:
        name = self.random.choice(self.sources())
        (self.root / name).touch()
        return f"touch {name}"

    def checkout(self) -> str:
        """Change many files at once."""
        done = [self.edit_library() for _ in range(3)] + [self.edit_data(), self.edit_tests()]
        for number in range(200):
            self.put(f"docs/page{number}.md", str(self.counter))
        return f"checkout: {', '.join(done)}, 200 pages"

    def link(self) -> str:
        """Put a symbolic link in the place of a file."""
        path = self.root / f"data/d{self.random.randrange(4)}.txt"
        target = f"v{self.value()}.txt"
        (self.root / "data" / target).write_text(str(self.value()))
        path.unlink(missing_ok=True)
        path.symlink_to(target)
        return f"link {path.name} to {target}"

    def extra(self) -> str:
        """Let files come and go that tests only look for, or count."""
        name = self.random.choice(["data/extra.txt", "data/more/two.txt"])
        path = self.root / name
        if path.exists():
            path.unlink()
            return f"remove {name}"
        path.write_text("2")
        return f"write {name}"


class Watched:
    """``testlanes watch --json`` over the project."""

    def __init__(self, root: Path, log: Path) -> None:
        self.root = root
        env = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
        self._errors = log.open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "testlanes", "watch", "--json", "-j2"],
            cwd=root,
            env={**env, "XDG_CONFIG_HOME": str(root.parent / "config")},
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self._told: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.recent: list[dict[str, Any]] = []

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._told.put(line)

    def next(self) -> dict[str, Any]:
        told = json.loads(self._told.get(timeout=LIMIT))
        self.recent = [*self.recent[-4:], told]
        return told

    def settle(self) -> dict[str, Any]:
        """Light the beacon, and wait for the end of what was to run."""
        self.count = getattr(self, "count", 0) + 1
        (self.root / "beacon.txt").write_text(str(self.count))
        seen = False
        while True:
            told = self.next()
            seen |= "beacon.txt" in told["changed"] and not told["broken"]
            if seen and not told["stopped"] and not told["due"]:
                return told

    def failing(self) -> set[str]:
        from testlanes.runner.repository.opening import open_repository

        with open_repository(self.root / ".testrepository", "testr", create=False) as repository:
            return {result.case.test_id for result in repository.failing()}

    def end(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(LIMIT)
        self._reader.join(LIMIT)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._errors.close()


def judged(root: Path, kind: str) -> set[str]:
    """Return what fails in a fresh full run of the framework itself."""
    done = subprocess.run(
        [sys.executable, "-B", "-c", PYTEST_JUDGE if kind == "pytest" else UNITTEST_JUDGE],
        cwd=root,
        env={**os.environ, "PYTHONPYCACHEPREFIX": str(root.parent / "no-cache")},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    for line in done.stdout.splitlines():
        if line.startswith("JUDGED"):
            return set(json.loads(line.removeprefix("JUDGED")))
    raise AssertionError(f"no judgement: {done.stdout}{done.stderr}")


def brief(told: dict[str, Any]) -> str:
    """Return what a cycle told, in a line."""
    wanted = (
        "cycle",
        "changed",
        "reasons",
        "everything",
        "counts",
        "due",
        "stopped",
        "problem",
        "broken",
        "unused",
    )
    return json.dumps({key: told[key] for key in wanted if told[key]})[:2000]


def soak(kind: str, edits: int, seed: int, folder: Path, tell: Callable[[str], None]) -> list[str]:
    """Edit so often; return the steps after which what fails was not what a fresh run says."""
    chance = random.Random(seed)
    root = folder / "project"
    root.mkdir()
    project = Project(root, kind, chance)
    watched = Watched(root, folder / "errors")
    wrong: list[str] = []
    done = 0
    try:
        while watched.next()["cycle"] == 0:
            pass
        while done < edits:
            step: list[str] = []
            for _ in range(chance.choice((1, 1, 1, 2, 3))):
                step.append(project.edit())
                done += 1
                if chance.random() < 0.5:
                    time.sleep(chance.random() * 0.4)
            if project.broken:
                tell(f"{done} {'; '.join(step)}: half saved")
                continue
            told = watched.settle()
            mine, theirs = watched.failing(), judged(root, kind)
            said = f"{done} {'; '.join(step)}: {len(mine)} failing"
            if mine != theirs:
                said = f"WRONG {said}; only we: {sorted(mine - theirs)}; only fresh: {sorted(theirs - mine)}"
                recent = "\n".join(map(brief, watched.recent))
                wrong.append(f"{said}\n{textwrap.indent(recent, '    ')}")
            elif told["failing"] != len(theirs):
                wrong.append(f"{said}, but it says {told['failing']}")
            tell(said)
    finally:
        watched.end()
    return wrong


def main() -> int:
    """Soak, and tell of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("pytest", "unittest"))
    parser.add_argument("--edits", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="a new folder for the project, which is kept")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.keep or Path(scratch)
        folder.mkdir(exist_ok=True)
        wrong = soak(args.kind, args.edits, args.seed, folder, lambda text: print(text, flush=True))
    print(f"{args.edits} edits, {len(wrong)} wrong")
    print("\n".join(wrong))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
