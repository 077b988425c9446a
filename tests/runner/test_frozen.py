"""Classes that hold values: alike only when they are of one class, and fit to be keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields, replace

from testlanes.runner.frozen import frozen


@frozen
class Sent:
    """Two values."""

    lane: int
    ids: tuple[str, ...] = ()


@frozen
class Dropped:
    """The same values, of another meaning."""

    lane: int
    ids: tuple[str, ...] = ()


@frozen
class Named:
    """Says by itself how it is shown."""

    names: Mapping[str, int] = field(default_factory=dict[str, int])

    def __repr__(self) -> str:
        return "named"


def test_it_is_equal_to_one_of_its_class_with_equal_values_only() -> None:
    assert Sent(1, ("a",)) == Sent(1, ("a",))
    assert Sent(1) != Sent(2)
    assert {Sent(1), Dropped(1)} == {Dropped(1), Sent(1)}
    assert Sent(1) not in [Dropped(1), (1, ()), None]


def test_equal_ones_are_one_key() -> None:
    assert {Sent(1, ("a",)): "first", Sent(1, ("a",)): "second"} == {Sent(1, ("a",)): "second"}


def test_it_shows_its_class_and_values() -> None:
    assert repr(Sent(1)) == "Sent(lane=1, ids=())"
    assert repr(Named()) == "named"


def test_it_is_a_dataclass_with_slots() -> None:
    match replace(Sent(1), ids=("b",)):
        case Sent(lane, ids):
            assert (lane, ids) == (1, ("b",))
    assert [one.name for one in fields(Sent)] == ["lane", "ids"]
    assert not hasattr(Sent(1), "__dict__")
    assert Named().names is not Named().names
