"""Tracebacks as text, read: Python's own and pytest's; and the cause that they have in common."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, replace

from testlanes.runner.ids import Kind


@dataclass(frozen=True, slots=True)
class Frame:
    """A place in a file. ``line`` counts from 1."""

    path: str
    line: int
    function: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """What a traceback says: where (outermost first), which exception, in what words."""

    frames: tuple[Frame, ...]
    exception: str
    message: str

    @property
    def title(self) -> str:
        """The exception and the first line of its message."""
        first = self.message.strip().split("\n", 1)[0].strip()
        name = self.exception.rpartition(".")[2]
        return f"{name}: {first}" if name and first else name or first

    @property
    def place(self) -> Frame | None:
        """The innermost frame of the project itself, or the innermost at all."""
        own = [frame for frame in self.frames if not foreign(frame.path)]
        return (own or list(self.frames) or [None])[-1]


@dataclass(frozen=True, slots=True)
class Cause:
    """What failures have in common: same kind, exception, words (but for numbers) and place."""

    kind: Kind
    title: str
    key: tuple[str, ...]


_FILE = re.compile(r'^\s*File "(?P<path>[^"]+)", line (?P<line>\d+)(?:,? in (?P<function>.*))?$')
_PLACE = re.compile(r"^(?P<path>[^\s:][^:\n]*\.\w+):(?P<line>\d+): ?(?P<what>.*)$")
_E = re.compile(r"^E(?:   ?| *$)")
_RAISED = re.compile(r"^(?P<name>[A-Za-z_][\w.]*)(?:: ?(?P<message>.*))?$", re.DOTALL)
_FOREIGN = re.compile(
    r"(?:^<|/site-packages/|/dist-packages/|/lib/python\d|/lib64/python\d|/(?:unittest|testtools|_pytest|asyncio|testlanes_agent)/)"
)
_STACKS = re.compile(r"^(?:Current thread|Thread|Stack) .*\(most recent call first\)", re.MULTILINE)
_NUMBERS = re.compile(r"0x[0-9a-fA-F]+|\b[0-9a-f]{8,}\b|\d+(?:\.\d+)?")


def foreign(path: str) -> bool:
    """Whether a path belongs to Python or an installed package rather than to the project."""
    return _FOREIGN.search(path) is not None


def read_traceback(text: str, here: Callable[[str], str] = str) -> Failure:
    """Read a traceback. Of chained ones the last counts; of no traceback the last line is the message.

    ``here``: where a file is that lies somewhere else on the host where the test ran.
    """
    failure = _read(text)
    frames = tuple(replace(frame, path=here(frame.path)) for frame in failure.frames)
    return failure if frames == failure.frames else replace(failure, frames=frames)


def headline(text: str) -> str:
    """Return in a line what went wrong: how a traceback ends, how any other text begins."""
    if "Traceback (most recent call last)" in text:
        return read_traceback(text).title
    return text.strip().split("\n", 1)[0]


def _read(text: str) -> Failure:
    lines = text.rstrip().split("\n")
    if any(_E.match(line) for line in lines):
        return _pytest(lines)
    if _STACKS.search(text) and "Traceback (most recent call last)" not in text:
        return _stacks(lines)
    start = 0
    for index, line in enumerate(lines):
        if line.strip() == "Traceback (most recent call last):":
            start = index
    frames: list[Frame] = []
    end = start
    for index in range(start, len(lines)):
        if match := _FILE.match(lines[index]):
            frames.append(
                Frame(match["path"], int(match["line"]), (match["function"] or "").strip())
            )
            end = index
    rest = [
        index
        for index in range(end + 1, len(lines))
        if lines[index] and not lines[index][0].isspace()
    ]
    if not frames or not rest:
        words = next((line for line in reversed(lines) if line.strip()), "")
        return Failure(tuple(frames), "", words.strip())
    match = _RAISED.match("\n".join(lines[rest[0] :]))
    if match is None:
        return Failure(tuple(frames), "", "\n".join(lines[rest[0] :]))
    return Failure(tuple(frames), match["name"], match["message"] or "")


def _stacks(lines: list[str]) -> Failure:
    """Read what faulthandler writes of a process that died: the thread that did it, innermost first."""
    title = next((line.strip() for line in lines if line.strip()), "")
    frames: list[Frame] = []
    inside = False
    for line in lines:
        if _STACKS.search(line):
            if frames and not line.startswith("Current"):
                break
            inside, frames = True, []
        elif inside and (match := _FILE.match(line)):
            frames.append(
                Frame(match["path"], int(match["line"]), (match["function"] or "").strip())
            )
    return Failure(tuple(reversed(frames)), "", title)


def _pytest(lines: list[str]) -> Failure:
    frames: list[Frame] = []
    said: list[str] = []
    last = ""
    for line in lines:
        if _E.match(line):
            said.append(line[1:])
        elif match := _PLACE.match(line):
            what = match["what"].strip()
            frames.append(Frame(match["path"], int(match["line"]), what.removeprefix("in ")))
            last = what
    said = textwrap.dedent("\n".join(said)).split("\n")
    name, message = (
        last if _RAISED.match(last) and not last.startswith("in ") else "",
        "\n".join(said),
    )
    if match := _RAISED.match(said[0].strip()):
        if match["message"] is not None and (not name or match["name"].endswith(name)):
            name, message = match["name"], "\n".join([match["message"], *said[1:]])
        elif match["name"].endswith(name or "\0"):
            message = "\n".join(said[1:])
    if frames and frames[-1].function == last:
        frames[-1] = Frame(frames[-1].path, frames[-1].line)
    return Failure(tuple(frames), name, message)


def cause_of(kind: Kind, failure: Failure) -> Cause:
    """Return the cause under which failures are gathered.

    The innermost frame counts only if it is not the test itself: two tests may well fail for one
    reason on two lines.
    """
    title = failure.title or str(kind) or "failed"
    # A process dies where it dies, be it in somebody else's code.
    place = failure.frames[-1] if kind is Kind.CRASH and failure.frames else failure.place
    where = ""
    if place is not None and not place.function.startswith("test") and place.function:
        # The same package lies elsewhere for every interpreter.
        path = "/".join(place.path.split("/")[-2:]) if foreign(place.path) else place.path
        where = f"{path}:{place.function}"
    return Cause(kind, title, (str(kind), failure.exception, _NUMBERS.sub("#", title), where))
