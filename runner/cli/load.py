"""``testlanes load``: store results of tests that ran elsewhere, from subunit v2 streams."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from ..config.profiles import refuse_name
from ..config.tables import nearest
from ..errors import ProtocolError, UserError
from ..ids import DEFAULT_PROFILE, ProfileName, Status
from ..quarantine import Quarantine
from ..repository.base import StoredResult
from ..settings import Settings
from ..wire.subunit import Decoder, Packet
from .arguments import Arguments
from .last import show_run
from .output import binary_stdout
from .stored import opened, warn

PIECE = 1 << 20
NOTHING = 4


def run_load(args: Arguments, settings: Settings) -> int:
    """Store all streams as one run and show it. Returns 1 if it failed; with ``--subunit`` 0."""
    known = frozenset(settings.all_profiles)
    profile = _ran_under(args.ran_under, known)
    names = args.files or ("-",)
    results: list[StoredResult] = []
    for position, name in enumerate(names):
        results += read_stream(name, position, profile, known, copy=args.subunit)
    if not results:
        raise UserError(
            "there are no results in what was loaded, and nothing was stored",
            hint="it must be subunit v2; `subunit-1to2` converts the older format",
            exit_code=NOTHING,
        )
    with opened(settings, create=True) as repository:
        number = repository.insert(results, bool(args.partial))
        warn(repository)
        if args.subunit:
            return 0
        return show_run(repository, number, Quarantine(settings.known_flaky), subunit=False)


def _ran_under(words: tuple[str, ...], known: frozenset[ProfileName]) -> ProfileName:
    if not words:
        return DEFAULT_PROFILE
    first, *others = words
    if others or "," in first:
        raise UserError("what is loaded ran under one profile", hint="load the streams one by one")
    name = ProfileName(first.strip())
    refuse_name(name, "-p")
    if known and name not in known:
        raise UserError(f"-p: there is no profile {name!r}", hint=nearest(name, known))
    return name


def read_stream(
    name: str,
    position: int,
    profile: ProfileName,
    known: frozenset[ProfileName],
    *,
    copy: bool,
) -> Iterator[StoredResult]:
    """Yield the results of a file, or of standard input for ``-``, whose bytes ``copy`` writes to stdout.

    A result tagged with one of the ``known`` profiles ran under that, all others under ``profile``.

    Results without a ``worker-N`` tag get the stream's position, as testr does. A test that never
    ended counts as failed.
    """
    decoder = Decoder(foreign=True)
    reader = _Reader(position, profile, known)
    where = "standard input" if name == "-" else name
    try:
        if name == "-":
            yield from _read(sys.stdin.buffer, decoder, reader, copy=copy)
        else:
            with Path(name).open("rb") as file:
                yield from _read(file, decoder, reader, copy=copy)
    except OSError as error:
        raise UserError(f"cannot read {where}: {error.strerror}") from None
    except ProtocolError as error:
        raise UserError(f"{where} is no subunit stream: {error}") from None


def _read(
    stream: BinaryIO, decoder: Decoder, reader: _Reader, *, copy: bool
) -> Iterator[StoredResult]:
    while data := stream.read(PIECE):
        if copy:
            with binary_stdout() as out:
                out.write(data)
        yield from reader.take(decoder.feed(data))
    yield from reader.take(decoder.close())
    yield from reader.unended()


@dataclass(slots=True)
class _Open:
    start: int | None = None
    details: list[tuple[str, str, bytearray]] = field(
        default_factory=list[tuple[str, str, bytearray]]
    )
    complete: bool = True
    tags: frozenset[str] = frozenset()


class _Reader:
    """Puts packets together into results. The same id may be in progress on several routes."""

    def __init__(self, position: int, profile: ProfileName, known: frozenset[ProfileName]) -> None:
        self._worker = f"worker-{position}"
        self._profile = profile
        self._known = known
        self._open: dict[tuple[str, str | None], _Open] = {}

    def take(self, packets: list[Packet]) -> Iterator[StoredResult]:
        for packet in packets:
            if packet.test_id is None or packet.status == "exists":
                continue
            key = packet.test_id, packet.route
            test = self._open.get(key)
            if test is None:
                test = self._open[key] = _Open()
            test.tags |= packet.tags
            if packet.status == "inprogress":
                test.start = packet.ns
            if packet.name is not None:
                self._detail(test, packet)
            if packet.status not in (None, "inprogress"):
                del self._open[key]
                yield self._result(packet.test_id, test, Status(packet.status), packet.ns)

    def unended(self) -> Iterator[StoredResult]:
        for (test_id, _), test in self._open.items():
            if test.start is not None or not test.details:
                yield self._result(test_id, test, Status.FAIL, None)

    def _detail(self, test: _Open, packet: Packet) -> None:
        name = packet.name or ""
        if test.complete or not test.details or test.details[-1][0] != name:
            test.details.append((name, packet.mime or "application/octet-stream", bytearray()))
        test.details[-1][2].extend(packet.data or b"")
        test.complete = packet.eof

    def _result(self, test_id: str, test: _Open, status: Status, stop: int | None) -> StoredResult:
        tags = test.tags
        if not any(tag.startswith("worker-") for tag in tags):
            tags |= {self._worker}
        of = sorted(self._known & tags)
        return StoredResult(
            test_id,
            status,
            of[0] if of else self._profile,
            tuple(sorted(tags)),
            test.start,
            stop,
            tuple((name, mime, bytes(data)) for name, mime, data in test.details),
        )
