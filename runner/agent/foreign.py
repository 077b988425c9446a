"""Lanes of kind ``command``: each batch of ids is one run of a shell command that speaks subunit on its stdout.

The words of ``.testr.conf``: ``$IDOPTION``, ``$IDFILE``, ``$IDLIST``, ``$LISTOPT`` (testrepository, testcommand.py),
and ``$PROFILE``; on an instance ``instance_execute`` wraps the command, with ``$INSTANCE_ID``, ``$FILES``
and ``$COMMAND``. Ids reach the shell quoted or in a file, never bare.
"""

import os

from . import processes, tail
from .lane import Lane


def quote(word):
    """Return a word as a POSIX shell takes it literally (shlex.quote, without its imports)."""
    if word and all(c.isascii() and (c.isalnum() or c in "@%+=:,./-_") for c in word):
        return word
    return "'" + word.replace("'", "'\"'\"'") + "'"


def substitute(template, values):
    """Replace ``$NAME`` for the names in ``values``, once: what comes in is not looked at again."""
    import re

    return re.sub(r"\$(%s)" % "|".join(values), lambda m: values[m.group(1)], template)


def command_line(profile, ids, id_file):
    """Return the command that runs ``ids``, or lists the suite if ``ids`` is None. No ids: the whole suite."""
    settings = profile.settings
    values = {"IDOPTION": "", "IDFILE": "", "LISTOPT": "", "PROFILE": quote(profile.name)}
    values["IDLIST"] = settings.get("id_list_default") or ""
    if ids is None:
        values["LISTOPT"] = settings.get("list_option") or ""
    elif ids:
        values["IDFILE"] = quote(id_file)
        values["IDLIST"] = " ".join(map(quote, ids))
        values["IDOPTION"] = substitute(settings.get("id_option") or "", values)
    command = substitute(settings.get("command") or "", values)
    execute = settings.get("execute")
    if not execute:
        return command
    # What an instance's command is given: none of these is quoted again, as in testr.
    wrap = {"INSTANCE_ID": quote(settings["instance"]), "FILES": values["IDFILE"]}
    return substitute(execute, dict(wrap, COMMAND=command, PROFILE=values["PROFILE"]))


class _Shell(Lane):
    """A shell with a command, whose stdout is a pipe to us."""

    channel = None

    def start_command(self, command):
        """Run it. Raises OSError."""
        env = self.profile.options({"env": self.environment()})["env"]
        argv = ["/bin/sh", "-c", command]
        files = self.path("stderr"), self.path("note")
        self.pid = self.agent.start_heard(argv, env, self.profile.cwd, *files, self)
        self.agent.clockwork.hurry()

    def busy(self, now):
        """A command has no pulse: it is busy until it ends."""
        return bool(self.pid)

    def take(self, data):
        """It said something."""
        self.link.unacknowledged += len(data)
        self.agent.uplink.data(self.channel, data)

    def closed(self):
        """It closed its stdout; its end follows."""

    def overdue(self, now):
        """Nothing is known of how long it takes to start."""
        return False

    def hold_limit(self, now):
        """Nothing is known of single tests."""
        return False

    def finish_by(self, why):
        """Kill it; ``ended`` follows."""
        self.ending = self.ending or why
        processes.kill(self.pid)

    def cleanup(self):
        """Kill what the command left, take what it said last. Return its process id."""
        pid, self.pid = self.pid, 0
        processes.kill_lane(pid, self.cookie, self.agent.name, self.folder)
        self.agent.board.drain(self)
        self.agent.board.drop(self)
        return pid


class CommandLane(_Shell):
    """The lane: takes batches one after the other."""

    def __init__(self, agent, number, generation, profile, options):
        super().__init__(agent, number, generation, profile, options)
        self.channel = number
        self._batches = []
        self._leaving = False

    def start(self):
        """There is nothing to start before there are ids."""
        self.make_folder()
        self.agent.uplink.say("opened", self.number, self.generation, 0)

    def run(self, ids):
        """Run them in one process, when the one before has ended."""
        self._batches.append(ids)
        if not self.pid:
            self._next()

    def _next(self):
        ids = self._batches.pop(0)
        if any("\n" in each or "\0" in each for each in ids):
            self._refuse(
                "was not started: a test id with a line break cannot be given to a command"
            )
            return
        try:
            self.make_folder()
            self.set_tail(bool(self.tails))
            path = self.path("ids")
            data = "".join(each + "\n" for each in ids).encode("utf-8", "surrogateescape")
            with open(path, "wb") as file:
                file.write(data)
            self.start_command(command_line(self.profile, ids, path))
        except (OSError, ValueError) as error:
            self._refuse("could not be started: %s" % error)

    def _refuse(self, why):
        self._give_back()
        self.say_exited(None, why, words=False)

    def _give_back(self):
        # One process, one end: what waits for the next one is the controller's again.
        waiting = [each for batch in self._batches for each in batch]
        self._batches = []
        if waiting:
            self.agent.uplink.say("dropped", self.number, waiting)

    def drop(self, ids):
        """Take back what waits for the process after this one."""
        given = []
        for each in ids:
            for batch in reversed(self._batches):
                if each in batch:
                    batch.remove(each)
                    given.append(each)
                    if not batch:
                        self._batches.remove(batch)
                    break
        self.agent.uplink.say("dropped", self.number, given)

    def retire(self):
        """End when the running command ends."""
        self._leaving = True
        if not self.pid:
            self._close("ended as asked")

    def kill(self, why="was killed on request"):
        """Kill it now."""
        self.ending = self.ending or why
        self._leaving = True
        if self.pid:
            self.finish_by(why)
        else:
            self._close(why)

    def _close(self, why):
        self.done = True
        if self.successor is None:
            self.say_exited(0, why, words=False)
        self.agent.closed(self)

    def stop(self, place):
        """A single test of it cannot be ended: end the process, which has until ``grace`` to say its last words."""
        if self.pid:
            self.ending = self.ending or "was stopped on request"
            processes.send(self.pid, processes.SIGTERM, group=True)
            self.agent.clockwork.later(self.grace, self, self.pid)

    def dump(self):
        """It has no stacks that we could have."""

    def set_tail(self, on):
        """Follow its stderr; its stdout is the stream."""
        super().set_tail(on)
        self.tails = [each for each in self.tails if each.source == "stderr"]

    def ended(self, status):
        """The process of a batch ended."""
        if self.done:
            return
        self.cleanup()
        why = self.note() or self.ending or processes.phrase(status)[2]
        self._give_back()
        self.say_exited(status, why)
        self.ending = ""
        if self._leaving or self.successor is not None:
            self.done = True
            self.agent.closed(self)


class Listing(_Shell):
    """A run of the command with its list option; ends with ``loader NAME {state: ready}`` or ``gone``."""

    def __init__(self, agent, profile):
        super().__init__(agent, -1, 0, profile, {})
        self.channel = profile.name
        self._replaced = False
        self.folder = agent.loader_folder()

    @property
    def cookie(self):
        """A listing is in no lane."""
        return "listing-" + os.path.basename(self.folder)

    def start(self):
        """Run it. Raises OSError."""
        self.agent.uplink.say("loader", self.profile.name, {"state": "loading", "why": ""})
        self.start_command(command_line(self.profile, None, ""))

    def replace(self):
        """Another listing takes its place: it says no more, and ends."""
        self._replaced = True
        self.finish_by("was replaced by a newer one")

    def take(self, data):
        """It said something."""
        if not self._replaced:
            super().take(data)

    def ended(self, status):
        """The listing is complete, or failed."""
        if self.done:
            return
        self.cleanup()
        self.done = True
        code, _, phrase = processes.phrase(status)
        state = "ready" if code == 0 else "gone"
        why = (
            ""
            if code == 0
            else self.note() or self.ending or phrase + tail.last_line(self.path("stderr"))
        )
        if not self._replaced:
            fields = {"state": state, "why": why, "code": code}
            self.agent.uplink.say("loader", self.profile.name, fields)
        self.agent.listings.discard(self)
