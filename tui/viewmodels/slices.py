"""Long work on many rows in short steps, so that keys and the run are never kept waiting.

A sort in a thread would not help: the GIL is held for all of it.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Any

CHUNK = 1024
SAMPLE = 1024
BUCKETS = 256


def filtered(
    rows: Sequence[int],
    column: Sequence[int],
    wanted: Sequence[int],
    accepts: Callable[[int], bool] | None,
    into: array[int],
) -> Iterator[None]:
    """Append to ``into`` the rows whose value in a column is wanted, if they are accepted; yields between short steps.

    ``wanted``: value -> whether it is.
    """
    for start in range(0, len(rows), CHUNK):
        found = [row for row in rows[start : start + CHUNK] if wanted[column[row]]]
        into.extend(found if accepts is None else filter(accepts, found))
        yield


def ordered(
    rows: Sequence[int],
    keys: Callable[[Sequence[int]], Sequence[Any]],
    publish: Callable[[array[int]], None],
) -> Iterator[None]:
    """Sort rows by their keys; yields between short steps.

    Rows are dealt to buckets between sampled bounds; ``publish`` gets the whole order as soon as its
    beginning is exact, and that same array is put right in place from there to its end.
    """
    sample = sorted(keys(rows[:: max(1, len(rows) // SAMPLE)]))
    bounds = sorted(set(sample[:: max(1, len(sample) // BUCKETS)]))
    # Between the buckets stands one for each bound's own value: however many rows share it, as all
    # that have not run do, they need no sorting.
    buckets = [array("I") for _ in range(2 * len(bounds) + 1)]
    yield
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        for row, value in zip(chunk, keys(chunk), strict=True):
            at = bisect_right(bounds, value)
            own = at > 0 and bounds[at - 1] == value
            buckets[2 * at - 1 if own else 2 * at].append(row)
        yield
    out = array("I")
    for bucket in buckets:
        out.extend(bucket)
    at = 0
    published = False
    for number, bucket in enumerate(buckets):
        if len(bucket) > 1 and not number & 1:
            key_of = dict(zip(bucket, keys(bucket), strict=True)).__getitem__
            out[at : at + len(bucket)] = array("I", sorted(bucket, key=key_of))
        at += len(bucket)
        if not published and at >= min(len(out), 200):
            published = True
            publish(out)
        if bucket:
            yield
    if not published:
        publish(out)
