"""Subunit v1 text, as testrepository and stestr keep it on disk.

The format is python-subunit's (``TestProtocolClient`` and ``TestProtocolServer``); both directions
are written anew here because reading 20,000 results through it takes seconds. The reader takes all
that python-subunit's takes, and where that one stops (bad chunks, bad types) it skips to the next test.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from ..ids import DEFAULT_PROFILE, ProfileName, Status
from .base import Detail, StoredResult
from .spelling import DETAIL_LIMIT, readable_mime, stored_id, stored_name, stored_tag

WORDS = {
    Status.SUCCESS: b"successful",
    Status.FAIL: b"failure",
    Status.SKIP: b"skip",
    Status.XFAIL: b"xfail",
    Status.UXSUCCESS: b"uxsuccess",
}
_STATUSES = {
    b"success": Status.SUCCESS,
    b"successful": Status.SUCCESS,
    b"failure": Status.FAIL,
    b"error": Status.FAIL,
    b"skip": Status.SKIP,
    b"xfail": Status.XFAIL,
    b"uxsuccess": Status.UXSUCCESS,
}
_PART = " (part "

_seconds: dict[int, bytes] = {}


def v1_time(ns: int) -> bytes:
    """Return ``2026-11-22 20:14:16.905653Z`` for nanoseconds since the epoch."""
    second, rest = divmod(ns // 1000, 1_000_000)
    text = _seconds.get(second)
    if text is None:
        if len(_seconds) > 1000:
            _seconds.clear()
        text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%d %H:%M:%S.").encode()
        _seconds[second] = text.rjust(20, b"0")  # strftime does not pad years below 1000
        text = _seconds[second]
    return b"%b%06dZ" % (text, rest)


def details_v1(details: Iterable[Detail]) -> bytes:
    """Return attachments as a multipart body, sorted by name.

    Empty ones are left out (v1 readers drop them), a name that is there twice gets a number, and one
    that is too big for the readers is split into ``NAME``, ``NAME (part 2)`` ….
    """
    named: dict[str, tuple[str, bytes]] = {}
    for name, mime, data in details:
        if not data:
            continue
        name, mime = stored_name(name), readable_mime(name, mime, data)
        if name in named:
            name = next(new for n in range(2, 1 << 30) if (new := f"{name}-{n}") not in named)
        named[name] = (mime, data)
    pieces: list[bytes] = []
    for name in sorted(named):
        mime, data = named[name]
        head = b"Content-Type: " + mime.encode("ascii", "replace") + b"\n"
        for number, at in enumerate(range(0, len(data), DETAIL_LIMIT), 1):
            part = data[at : at + DETAIL_LIMIT] if len(data) > DETAIL_LIMIT else data
            title = name if number == 1 else f"{name}{_PART}{number})"
            pieces += (head, title.encode(), b"\n%X\r\n" % len(part), part, b"0\r\n")
    return b"".join(pieces)


def tag_lines(tags: Iterable[str]) -> tuple[bytes, bytes]:
    """Return the lines that set and unset (already clean) tags; empty for none."""
    words = [tag.encode() for tag in tags]
    if not words:
        return b"", b""
    return b"tags: " + b" ".join(words) + b"\n", b"tags: -" + b" -".join(words) + b"\n"


def block_v1(
    test_id: bytes,
    status: Status,
    start: bytes,
    stop: bytes,
    tags: tuple[bytes, bytes],
    body: bytes,
) -> bytes:
    """Return one test's block from parts that are spelled already; ``start`` and ``stop`` may be empty."""
    begun = b"time: %b\n" % start if start else b""
    ended = b"time: %b\n" % stop if stop else b""
    return b"%b%btest: %b\n%b%b: %b [ multipart\n%b]\n%b" % (
        begun,
        tags[0],
        test_id,
        ended,
        WORDS[status],
        test_id,
        body,
        tags[1],
    )


def write_v1(result: StoredResult) -> bytes:
    """Return a result's block. Its profile is not added to its tags: they are written as they are."""
    return block_v1(
        stored_id(result.test_id).encode(),
        result.status,
        b"" if result.start is None else v1_time(result.start),
        b"" if result.stop is None else v1_time(result.stop),
        tag_lines(dict.fromkeys(tag for tag in map(stored_tag, result.tags) if tag)),
        details_v1(result.details),
    )


class Block(NamedTuple):
    """A result and where its block is in the stream."""

    result: StoredResult
    start: int
    end: int


def read_v1(data: bytes, profiles: Collection[str] = ()) -> Iterator[StoredResult]:
    """Yield the results of a stream in its order; ``profiles`` are the tags that name profiles.

    A test without an outcome reads as failed, without an end, as the other readers have it.
    """
    return (block.result for block in read_blocks(data, profiles))


def read_blocks(data: bytes, profiles: Collection[str] = ()) -> Iterator[Block]:
    """Yield each result and where it is, the ``time:`` and ``tags:`` lines around it included."""
    return _Reader(data, frozenset(profiles)).blocks()


class _Reader:
    """The state of reading one stream."""

    def __init__(self, data: bytes, profiles: frozenset[str]) -> None:
        self.data = data
        self.at = 0
        self.time: int | None = None
        self.tags: dict[str, None] = {}
        self.profiles = profiles
        self.timestamps: dict[bytes, int] = {}
        self.end = 0

    def line(self) -> bytes | None:
        """Return the next line without its end, or None at the end of the data."""
        if self.at >= len(self.data):
            return None
        end = self.data.find(b"\n", self.at)
        if end < 0:
            end = len(self.data)
        line = self.data[self.at : end]
        self.at = end + 1
        return line

    def blocks(self) -> Iterator[Block]:
        """Yield all there is."""
        test: str | None = None
        own: dict[str, None] = {}
        begun = 0
        start: int | None = None
        timed = False
        while (line := self.line()) is not None:
            word, _, rest = line.partition(b" ")
            word = word.rstrip(b":")
            if word == b"time":
                moment = self.moment(rest)
                if moment is not None:
                    self.time, timed = moment, True
            elif word == b"tags":
                self.change_tags(rest, own if test is not None else self.tags)
            elif word in (b"test", b"testing"):
                if test is None and rest.strip():
                    test, begun = rest.decode("utf-8", "replace"), self.end
                    start, timed, own = self.time, False, dict(self.tags)
            elif test is not None and word in _STATUSES:
                name = rest.decode("utf-8", "replace")
                status = _STATUSES[word]
                details: tuple[Detail, ...]
                if name == test:
                    details = ()
                elif name == f"{test} [ multipart":
                    details = self.multipart()
                elif name == f"{test} [":
                    details = self.simple(status)
                else:
                    continue
                stop = self.time if timed else None
                self.skip_tags()
                yield Block(
                    self.result(test, status, own, start, stop, details),
                    begun,
                    min(self.at, len(self.data)),
                )
                self.end, test = self.at, None
        if test is not None:
            result = self.result(test, Status.FAIL, own, start, None, ())
            yield Block(result, begun, len(self.data))

    def result(
        self,
        test: str,
        status: Status,
        tags: dict[str, None],
        start: int | None,
        stop: int | None,
        details: tuple[Detail, ...],
    ) -> StoredResult:
        profile = next((tag for tag in tags if tag in self.profiles), DEFAULT_PROFILE)
        return StoredResult(test, status, ProfileName(profile), tuple(tags), start, stop, details)

    def change_tags(self, text: bytes, tags: dict[str, None]) -> None:
        """Add tags, and take away those with a leading ``-``."""
        for tag in text.decode("utf-8", "replace").split():
            if tag.startswith("-"):
                tags.pop(tag[1:], None)
            else:
                tags[tag] = None

    def skip_tags(self) -> None:
        """Take the line that unsets a block's tags as part of the block."""
        if self.data.startswith(b"tags: -", self.at):
            line = self.line()
            self.change_tags((line or b"").partition(b" ")[2], self.tags)

    def moment(self, text: bytes) -> int | None:
        """Return what a ``time:`` line says, in nanoseconds, or None if it says nothing."""
        # The commonest form by position: "2026-11-22 20:14:16.905653Z".
        if len(text) == 27 and text[19:20] == b"." and text[26:] == b"Z":
            second = self.timestamps.get(text[:19])
            if second is None:
                try:
                    read = datetime.fromisoformat(text[:19].decode()).replace(tzinfo=UTC)
                except ValueError:
                    return None
                second = round(read.timestamp()) * 1_000_000_000
                self.timestamps[text[:19]] = second
            return second + int(text[20:26]) * 1000 if text[20:26].isdigit() else None
        try:
            read = datetime.fromisoformat(text.decode().strip())
        except ValueError:
            return None
        if read.tzinfo is None:
            read = read.replace(tzinfo=UTC)
        since = read - datetime.fromtimestamp(0, UTC)
        return (since.days * 86400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000

    def multipart(self) -> tuple[Detail, ...]:
        """Read attachments up to the closing bracket."""
        details: dict[str, tuple[str, bytes]] = {}
        while (line := self.line()) is not None and line != b"]":
            mime = line.partition(b" ")[2].decode("utf-8", "replace")
            name = self.line()
            if name is None:
                break
            body = self.chunks()
            if body is None:
                self.skip_to_bracket()
                break
            title = name.decode("utf-8", "replace")
            first, part, number = title.rpartition(_PART)
            if part and first in details and number[:-1].isdigit():
                details[first] = (mime, details[first][1] + body)
            else:
                details[title] = (mime, body)
        return tuple((name, mime, body) for name, (mime, body) in details.items())

    def chunks(self) -> bytes | None:
        """Read chunked content, or return None if it is broken; then nothing of it was taken."""
        data, at = self.data, self.at
        parts: list[bytes] = []
        while True:
            end = data.find(b"\n", at, at + 20)
            if end < 0:
                return None
            try:
                size = int(data[at:end].rstrip(b"\r"), 16)
            except ValueError:
                return None
            at = end + 1
            if size == 0:
                self.at = at
                return parts[0] if len(parts) == 1 else b"".join(parts)
            if size < 0 or at + size > len(data):
                return None
            parts.append(data[at : at + size])
            at += size

    def skip_to_bracket(self) -> None:
        """Go on after what looks most like the end of broken details."""
        while (line := self.line()) is not None:
            if line == b"]":
                return

    def simple(self, status: Status) -> tuple[Detail, ...]:
        """Read bracketed text, the old form; its lines that begin with ``]`` are quoted by a blank."""
        lines: list[bytes] = []
        while (line := self.line()) is not None and line != b"]":
            lines.append(line[1:] if line.startswith(b" ]") else line)
        text = b"".join(line + b"\n" for line in lines)
        if not text:
            return ()
        if status is Status.SKIP:
            return (("reason", "text/plain", text),)
        if status is Status.SUCCESS:
            return (("message", "text/plain", text),)
        return (("traceback", "text/x-traceback;charset=utf8", text),)
