from __future__ import annotations

import sys

from testlanes.runner.places import Places
from testlanes.runner.wire.control import RESULT


def test_of_what_was_told_no_id_is_kept() -> None:
    ids = [f"module.ClassTest.test_{number}" for number in range(3)]
    places = Places()
    places.give(ids)
    held = [sys.getrefcount(ids[number]) for number in range(3)]
    results = RESULT.pack(0, 5, 1_790_000_000_000_000_000)
    assert [test_id for test_id, _, _ in places.passes(results)] == ids[:1]
    places.ended(ids[1])
    assert [places.of(test_id) for test_id in ids] == [None, None, 2]
    left = [sys.getrefcount(ids[number]) for number in range(3)]
    assert left == [held[0] - 1, held[1] - 1, held[2]]
