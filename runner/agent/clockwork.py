"""What the agent does when time passes. While nothing runs only one look is due, every few seconds: who was stopped?"""

import time

PERIODS = {
    "pulse": 0.05,
    "suspects": 0.05,
    "tail": 0.1,
    "memory": 0.1,
    "start": 1.0,
    "usage": 2.0,
    "strain": 2.0,
    "stopped": 3.0,
}
"""Seconds between two looks, while there is a reason to look."""
DUMP_FOLLOWED = 5.0
"""Seconds for which a lane's stacks are shown after a dump was asked for: a busy machine may take its time."""


class Clockwork:
    """``lanes``: number -> lane; ``loaders()``: those that there are."""

    def __init__(self, uplink, lanes, loaders, strain):
        self._uplink = uplink
        self._lanes = lanes
        self._loaders = loaders
        self._strain = strain
        self._due = {}
        self._kills = []
        self._dumps = []
        self._suspects = set()
        self._stopped = set()
        """Process ids that were stopped when last looked at."""

    def next(self):
        """Return when something is due (monotonic, seconds), or None."""
        times = list(self._due.values())
        times += [when for when, _, _ in self._kills]
        return min(times) if times else None

    # -- reasons -------------------------------------------------------------

    def need(self, name):
        """There is a reason to look at something."""
        if name not in self._due:
            self._due[name] = time.monotonic() + PERIODS[name]

    def hurry(self):
        """Something runs: look at pulses, usage and memory, and how the machine gets along."""
        for name in ("pulse", "memory", "usage", "strain"):
            self.need(name)

    def suspect(self, lane):
        """Look at a lane until it is clear whether it is dead."""
        self._suspects.add(lane)
        self.need("suspects")

    def follow_dump(self, lane, tail):
        """Show what is written to a lane's stacks for a while, once."""
        known = [each[2] for each in self._dumps if each[1] is lane]
        self._dumps = [each for each in self._dumps if each[1] is not lane]
        self._dumps.append((time.monotonic() + DUMP_FOLLOWED, lane, known[0] if known else tail))
        self.need("tail")

    def later(self, seconds, owner, pid):
        """Kill an owner's process if it still runs then."""
        self._kills.append((time.monotonic() + seconds, owner, pid))

    # -- looks ---------------------------------------------------------------

    def run(self, now):
        """Do what is due."""
        for kill in [each for each in self._kills if each[0] <= now]:
            self._kills.remove(kill)
            _, owner, pid = kill
            if owner.pid == pid:
                owner.finish_by("was killed when it did not end")
        for name in [name for name, when in self._due.items() if when <= now]:
            del self._due[name]
            if getattr(self, "_look_at_" + name)(now):
                self._due.setdefault(name, now + PERIODS[name])

    # Each returns whether there is a reason to look again.

    def _look_at_pulse(self, now):
        again = False
        for lane in list(self._lanes.values()):
            asked, silent = lane.hold_limit(now), lane.speak_for(now)
            again = again or asked or silent
        return again

    def _look_at_suspects(self, now):
        for lane in list(self._suspects):
            if not lane.check(now):
                self._suspects.discard(lane)
        return bool(self._suspects)

    def _look_at_start(self, now):
        starting = [*self._lanes.values(), *self._loaders()]
        overdue = [each.overdue(now) for each in starting]  # all are asked
        return any(overdue)

    def _look_at_stopped(self, now):
        """Whoever was sent SIGSTOP has no limit unless it runs a test: it must not hold up the run for good."""
        before, self._stopped = self._stopped, set()
        everybody = [*self._lanes.values(), *self._loaders()]
        for each in everybody:
            if each.pid and each.rests():
                self._stopped.add(each.pid)
                if each.pid in before:
                    each.finish_by("was stopped (SIGSTOP) and did not go on")
        return bool(everybody)

    def _look_at_tail(self, now):
        if self._uplink.full:
            return True
        for lane in list(self._lanes.values()):
            lane.show_output()
        for _, lane, tail in self._dumps:
            data = tail.read()
            if data:
                self._uplink.say("output", lane.number, tail.source, data)
        self._dumps = [each for each in self._dumps if each[0] > now]
        return bool(self._dumps) or any(lane.tails for lane in self._lanes.values())

    def _look_at_memory(self, now):
        again = False
        for lane in list(self._lanes.values()):
            again = lane.hold_memory() or again
        return again

    def _look_at_strain(self, now):
        for text, fewer in self._strain.look(now):
            self._uplink.say("strain", {"text": text, "fewer": fewer})
        return any(lane.observe().number or lane.busy(now) for lane in self._lanes.values())

    def _look_at_usage(self, now):
        lanes = list(self._lanes.values())
        busy = [lane for lane in lanes if lane.observe().number or lane.busy(now)]
        if busy and not self._uplink.full:
            for lane in lanes:
                lane.usage(now)
        return bool(busy)
