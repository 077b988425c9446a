"""What is told of a worker's death: what it is called, the stacks as far as they are worth reading, the last words."""

from __future__ import annotations

from collections.abc import Iterator

from .wire.messages import Exited

TRACEBACK = 'text/x-traceback;charset="utf8";language="python"'
TEXT = "text/plain;charset=utf8"
_FRAMEWORK = ("/testlanes_agent/", "/unittest/case.py", "/_pytest/", "/pluggy/", "/testtools/")


def was(why: str) -> str:
    """Return what goes after "the worker": of ``killed by SIGKILL``, ``was killed by SIGKILL``."""
    return f"was {why}" if why.startswith("killed") else why


def own_frames(stacks: str) -> str:
    """Leave out of faulthandler's stacks (innermost frame first) what lies below the test: the framework and us."""
    kept: list[str] = []
    below = False
    for line in stacks.splitlines():
        if not line.lstrip().startswith("File "):
            below = False
        elif any(part in line for part in _FRAMEWORK):
            below = below or bool(kept and kept[-1].lstrip().startswith("File "))
        if not below:
            kept.append(line)
    return "\n".join(kept)


def last_words(message: Exited, stopped: str) -> Iterator[tuple[str, str, bytes]]:
    """Yield (name, mime, bytes) of what is told of the test that a worker died in.

    ``stopped``: why the test was being stopped, if it was.
    """
    if stopped:
        text = f"The test was {stopped}; its worker {was(message.why)}."
    else:
        text = f"The worker {was(message.why)} while this test ran."
    if message.stacks:
        text += f"\n\n{own_frames(message.stacks)}"
    yield "traceback", TRACEBACK, _encoded(text)
    for name, output in (("stdout", message.stdout), ("stderr", message.stderr)):
        if output:
            yield name, TEXT, _encoded(output)
    yield from message.sources


def death_between(message: Exited) -> tuple[str, str, bytes]:
    """Return the detail (name, mime, bytes) that tells of a worker that died between two tests, or before the first."""
    code = 128 + message.signal if message.signal else message.code
    when = "" if message.why.startswith("did not start") else " between two tests"
    text = f"returncode {code}\n\nThe worker {was(message.why)}{when}.\n"
    return "traceback", TRACEBACK, _encoded(text + message.stderr)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")
