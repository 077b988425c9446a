"""What a worker's death is called, and how much of its stacks is worth reading."""

from __future__ import annotations

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
