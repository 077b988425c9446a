"""Stored results as subunit v2, the way ``testr last --subunit`` says them, and as anything else reads them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO

from ..agent.packets import packet  # pyright: ignore[reportUnknownVariableType]
from .base import StoredResult

PIECE = 1 << 20
"""Bytes of an attachment in one packet, which holds at most 4 MiB."""
BATCH = 1 << 18


def write_v2(results: Iterable[StoredResult], out: BinaryIO) -> None:
    """Write packets for each result: in progress, attachments, the status with its tags."""
    waiting: list[bytes] = []
    size = 0
    for one in results:
        for part in _packets(one):
            waiting.append(part)
            size += len(part)
            if size > BATCH:
                out.write(b"".join(waiting))
                waiting.clear()
                size = 0
    out.write(b"".join(waiting))


def _packets(one: StoredResult) -> Iterable[bytes]:
    yield packet(one.test_id, "inprogress", ns=one.start)
    stop = one.stop if one.stop is not None else one.start
    for name, mime, data in one.details:
        for at in range(0, len(data), PIECE):
            yield packet(
                one.test_id,
                name=name,
                mime=mime or None,
                data=data[at : at + PIECE],
                eof=at + PIECE >= len(data),
                ns=stop,
            )
    yield packet(one.test_id, one.status.value, tags=sorted(one.tags), ns=stop)
