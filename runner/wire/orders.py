"""What the controller says to an agent; ARCHITECTURE.md has the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .frames import encode

VERSION = 2


def say_hello(lease: float | None) -> bytes:
    """Begin. ``lease``: seconds without a byte from us after which the agent ends; None: never."""
    return encode("hello", {"version": VERSION, "lease": lease})


def define_profile(name: str, options: Mapping[str, object]) -> bytes:
    """Define a profile: ``kind``, ``python``, ``cwd``, ``env``, and what its suite needs."""
    return encode("profile", name, dict(options))


def load(name: str) -> bytes:
    """Start a profile's loader."""
    return encode("load", name)


def open_lane(lane: int, profile: str, generation: int, options: Mapping[str, object]) -> bytes:
    """Put a worker into a lane: ``env``, ``limit`` and ``grace`` in seconds, ``fresh``, worker options."""
    return encode("open", lane, profile, generation, dict(options))


def run(lane: int, ids: Sequence[str]) -> bytes:
    """Append to what a lane's worker is to run."""
    return encode("run", lane, list(ids))


def drop(lane: int, ids: Sequence[str]) -> bytes:
    """Take back what has not started; ``Dropped`` answers."""
    return encode("drop", lane, list(ids))


def stop(lane: int, place: int | None = None) -> bytes:
    """End the running test, if it is that of this place (None: any): stacks, a gentle signal, then by force."""
    return encode("stop", lane, place)


def dump(lane: int) -> bytes:
    """Have the stacks of all threads written to the lane's output."""
    return encode("dump", lane)


def retire(lane: int) -> bytes:
    """Let a worker tear its fixtures down and end."""
    return encode("retire", lane)


def kill(lane: int) -> bytes:
    """Kill a lane's process group now."""
    return encode("kill", lane)


def tail(lane: int, on: bool) -> bytes:
    """Begin or end ``Output`` of a lane."""
    return encode("tail", lane, on)


def credit(channel: int | str, size: int) -> bytes:
    """Say that ``size`` bytes of a lane's or a loader's data were taken."""
    return encode("credit", channel, size)


def use_tree(folder: str, who: str, *, copy: bool) -> bytes:
    """Take a folder for the project's; ``copy``: to put files there, as ``who``, else only to find it. ``Tree`` answers."""
    return encode("tree", folder, {"who": who, "copy": copy})


def copy(data: bytes) -> bytes:
    """Send a piece of one zlib stream of the frames that bring the files; ``Copied`` answers, ``Needs`` in between."""
    return encode("copy", data)


def share_tree() -> bytes:
    """Say that all is in place: others may use the tree too."""
    return encode("share")


def setup(command: str, key: str, env: Mapping[str, str], limit: float) -> bytes:
    """Have the environment made ready, unless that was done for this key; ``SetupState`` answers. ``limit``: seconds."""
    return encode("setup", command, {"key": key, "env": dict(env), "limit": limit})


def look(profile: str, python: str, env: Mapping[str, object]) -> bytes:
    """Ask for the version of a profile's interpreter; ``PythonFound`` answers."""
    return encode("look", profile, python, dict(env))


def rest(number: int) -> bytes:
    """Say that the run is over and another may come; ``Pong`` follows all that was said of it."""
    return encode("rest", number)


def ping(number: int) -> bytes:
    """Ask for a ``Pong``; keeps the lease."""
    return encode("ping", number)


def end() -> bytes:
    """Kill every descendant, remove the run directory, say bye, exit."""
    return encode("end")
