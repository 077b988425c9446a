"""``frozen``: a decorator for classes that only hold values, and never change.

Such a class is a dataclass with slots; that it is not written to is for the type checker to see. For each class with
``dataclass(frozen=True, slots=True)`` six methods are compiled, which takes a quarter of a millisecond, and a run has
170 of them before its first test. Here only ``__init__`` is made for each; the other methods are shared.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: type[T]) -> type[T]:
    """Make a class hold its annotated fields. It is equal to one of the same class with equal values, and hashed by them."""
    for name, method in _SHARED.items():
        if name not in cls.__dict__:
            setattr(cls, name, method)
    return dataclass(slots=True, eq=False, repr=False)(cls)


def _values(one: Any) -> list[object]:
    return [getattr(one, name) for name in one.__match_args__]


def _equal(one: object, other: object) -> bool:
    return _values(one) == _values(other) if type(one) is type(other) else NotImplemented


def _hash(one: object) -> int:
    return hash(tuple(_values(one)))


def _repr(one: Any) -> str:
    shown = [f"{name}={getattr(one, name)!r}" for name in one.__match_args__]
    return f"{type(one).__qualname__}({', '.join(shown)})"


_SHARED = {"__eq__": _equal, "__hash__": _hash, "__repr__": _repr}
