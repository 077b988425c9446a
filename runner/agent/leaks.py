"""What tests and fixtures leave behind: processes, threads, file descriptors, sockets, files, environment, log handlers.

One look after each test; the state after a test is the state before the next one. Nothing is patched but the generator of
names for temporary files, which says which of the files in a folder that everybody uses are ours. Whatever is new belongs
to the innermost fixture that was being set up, else to the test; what a fixture of many tests made is its own
until it goes down.
"""

import re
import time

from .channel import high_floor
from .looks import (
    KINDS,
    Files,
    Handlers,
    Look,
    changes,
    describe,
    end,
    environment,
    helper_fds,
    listening,
)
from .strays import Strays

AGAIN = 0.02
"""Seconds after which a difference is looked at again: threads and processes need a moment to end."""
OFTEN, SOON = 25, 0.001
"""After so many such waits a worker waits that many seconds only: a suite that leaks everywhere must not take hours."""
MOST = 20
"""Descriptions of one kind that are told."""
LOOK_FROM = 1000000
"""Nanoseconds of set up from which a fixture is looked at each time; others only at first, and when under suspicion."""
SIGHTINGS = 3
QUICK = 200000
"""Nanoseconds in which no test starts a process that starts another and ends."""
_sleep = time.sleep


class Leaks:
    """Finds what a worker's tests and fixtures leave. ``options``: of the worker."""

    def __init__(self, options, tell):
        """``tell(found)``: called with what a fixture of many tests left."""
        self._tell = tell
        self.mode = options.get("leaks") or "off"
        self.on = self.mode in ("report", "fail")
        self.fails = self.mode == "fail"
        self._allowed = _allowed(options.get("leaks_allow") or ())
        self._files, self._handlers = Files(), Handlers()
        self._look = Look(high_floor(), self._files, self._handlers, Strays(options))
        self._seen = set()
        """What there was at the last look."""
        self._made = {}
        """(kind, what) -> the Record of the fixture that made it."""
        self._env = {}
        self._open = []
        """Records of fixtures being set up that are looked at."""
        self._before = {}
        """Number of a fixture of many tests -> the environment when it began to come up, and what it changed."""
        self._habits = {}
        """Kind of fixture -> [times looked at, whether to look again]."""
        self._waits = 0
        self._kinds = set()
        """Kinds of fixtures that the running test used."""

    def begin(self):
        """Take what there is now as nobody's: call before the first test."""
        if self.on:
            self._files.install()
            self._seen = self._look()
            self._env = environment()

    # -- boundaries of fixtures ----------------------------------------------

    def opening(self, record):
        """A fixture's set up begins."""
        if not self.on:
            return
        self._kinds.add(record.kind)
        habit = self._habits.setdefault(record.kind, [0, False])
        if habit[0] >= SIGHTINGS and not habit[1] and record.scope == "test":
            return
        self._claim(self._open[-1] if self._open else None)
        self._open.append(record)
        if record.scope != "test":
            self._before[record.number] = (environment(), {})

    def opened(self, record, took):
        """A fixture's set up ended, well or not, after ``took`` ns."""
        if record not in self._open:
            return
        self._claim(record)
        del self._open[self._open.index(record) :]
        habit = self._habits[record.kind]
        habit[0] += 1
        if habit[0] >= SIGHTINGS:
            habit[1] = took >= LOOK_FROM
        if record.scope != "test":
            # Its changes are to stay until it goes down.
            before, changed = self._before[record.number]
            self._env = environment()
            for key in set(before) | set(self._env):
                if before.get(key) != self._env.get(key):
                    changed[key] = self._env.get(key)

    def _claim(self, owner):
        self._files.install()
        now = self._look()
        for each in now - self._seen:
            self._made[each] = owner
        self._seen = now

    # -- ends ----------------------------------------------------------------

    def of_test(self, fixed, took=QUICK):
        """Return what the test that ends left: kind -> descriptions; empty if nothing.

        ``fixed``: process state that it changed and that was put back; ``took``: nanoseconds that it ran.
        """
        found = self._of_test(took < QUICK)
        if fixed:
            self._add(found, "state", fixed)
        return found

    def _of_test(self, quick):
        del self._open[:]
        self._files.install()
        kinds, self._kinds = self._kinds, set()
        now = self._look(quick)
        # The most usual case first: nothing is new, and nothing of a fixture's waits to be looked for.
        if not self._made and (now is self._seen or now <= self._seen):
            self._seen = now
            return self._environment_left()
        left = self._left(now, lambda record: record is None or record.scope == "test")
        if left:
            self._wait()
            now = self._look()
            left = self._left(now, lambda record: record is None or record.scope == "test")
        found = self._told(left)
        if found:
            for kind in kinds:
                self._habits.setdefault(kind, [0, False])[0] = 0  # look closer the next times
        self._forget(now)
        for key in left:
            self._made.pop(key, None)
        for kind, texts in self._environment_left().items():
            found[kind] = texts
        return found

    def left(self, record, between=True):
        """A fixture went down, or failed to come up. Those of one test are looked at when it ends.

        ``between``: not while a test runs, so that nobody else can have made what is new.
        """
        before, changed = self._before.pop(record.number, ({}, {}))
        if not self.on or record.scope == "test":
            return
        if not between:
            self._claim(None)

        def mine(owner):
            return owner is record or (between and owner is None)

        left = self._left(self._look(), mine)
        if left:
            self._wait()
            left = self._left(self._look(), mine)
        found = self._told(left, record)
        for key in left:
            self._made.pop(key, None)
        if between:
            self._forget(self._look())
        now = environment()
        still = {key for key, value in changed.items() if now.get(key) == value}
        for key in changed:
            self._env.pop(key, None)
            if key in now:
                self._env[key] = now[key]
        texts = changes(*[{key: env[key] for key in still if key in env} for env in (before, now)])
        self._add(found, "environment", [_made_by(text, record) for text in texts])
        if found:
            self._tell(found)

    def _wait(self):
        self._waits += 1
        _sleep(AGAIN if self._waits <= OFTEN else SOON)

    def _left(self, now, mine):
        """Return what is there now, was not before, and is a matter of ``mine(record)``."""
        found = [key for key in now if key not in self._seen] if mine(None) else []
        found += [key for key, owner in self._made.items() if key in now and mine(owner)]
        return found

    def _forget(self, now):
        self._seen = now
        self._made = {key: owner for key, owner in self._made.items() if key in now}

    def _environment_left(self):
        now = environment()
        if now == self._env:
            return {}
        changed = changes(self._env, now)
        self._env = now
        found = {}
        self._add(found, "environment", changed)
        return found

    # -- wording -------------------------------------------------------------

    def _told(self, left, owner=None):
        found = {}
        open_ports = listening() if any(kind == "fd" for kind, _ in left) else {}
        helpers = helper_fds()
        for key in sorted(left, key=lambda each: (each[0], str(each[1]))):
            kind, what = key
            if kind == "fd" and what in helpers:
                continue
            kind, text = describe(kind, what, open_ports)
            if not text:
                continue
            text = _made_by(text, self._made.get(key) or owner)
            if self.fails and kind == "process":
                end(what)
            self._add(found, kind, [text])
        return found

    def _add(self, found, kind, texts):
        for text in texts:
            if any(wanted in ("", kind) and regex.search(text) for wanted, regex in self._allowed):
                continue
            known = found.setdefault(kind, [])
            if len(known) < MOST:
                known.append(text)


def _allowed(entries):
    """Return [(kind or an empty text, regex), …] of entries ``kind:regex`` or ``regex``."""
    found = []
    for entry in entries:
        kind, colon, regex = str(entry).partition(":")
        if not colon or kind not in KINDS:
            kind, regex = "", str(entry)
        found.append((kind, re.compile(regex)))
    return found


def leaks_text(found):
    """Return what was left as the text of a detail."""
    lines = ["Left behind:"]
    for kind in sorted(found):
        lines += ["  %s %s" % (kind, text) for text in found[kind]]
    return "\n".join(lines) + "\n"


def _made_by(text, record):
    return text if record is None else "%s (made by %s)" % (text, record.name)
