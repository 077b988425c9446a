"""``--json``: one JSON object a line for each event, as it happens. ASCII only, so nothing in it acts."""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import IO, cast

from ..cases import CaseTable
from ..events import Group, RunEvent, Ticked
from ..ids import Row
from .beginnings import Beginnings
from .reporter import Outlet

FORMAT = 1
_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")


class JsonLines:
    """Events as JSON. ``event`` is the event's name (``case_finished``).

    Cases are ``{"id": …, "profile": …}``, times ISO 8601 in UTC, durations seconds, and bytes
    ``{"text": …}`` or ``{"base64": …}``. Ticks are left out.
    """

    def __init__(self, cases: CaseTable, stream: IO[str]) -> None:
        self._cases = cases
        self._out = Outlet(stream)
        self._beginnings = Beginnings()
        self._names: dict[type, tuple[str, tuple[str, ...]]] = {}

    def record(self, event: RunEvent) -> None:
        """Write one event."""
        for each in self._beginnings.complete(event):
            self._record(each)

    def _record(self, event: RunEvent) -> None:
        if isinstance(event, Ticked):
            return
        kind = type(event)
        if kind not in self._names:
            fields = tuple(one.name for one in dataclasses.fields(kind))
            self._names[kind] = _WORDS.sub("_", kind.__name__).lower(), fields
        name, fields = self._names[kind]
        said: dict[str, object] = {"event": name}
        if name == "run_started":
            said["format"] = FORMAT
        for field in fields:
            self._add(said, field, getattr(event, field))
        self._out.write(json.dumps(said, allow_nan=False, separators=(",", ":")) + "\n")

    def finish(self) -> None:
        """Nothing is left to write. Raises UserError if something could not be."""
        self._out.close()

    def _add(self, said: dict[str, object], field: str, value: object) -> None:
        if field == "row":
            said["case"] = None if value is None else self._case(cast("Row", value))
        elif field in ("rows", "selected"):
            name = "cases" if field == "rows" else field
            said[name] = [self._case(row) for row in cast("Iterable[Row]", value)]
        elif field == "groups":
            groups = cast("Mapping[Row, Group]", value)
            said[field] = [
                {**self._case(row), "group": one.name, "hard": one.hard}
                for row, one in groups.items()
            ]
        elif field == "details":
            said[field] = [
                {"name": name, "mime": mime, **_content(data)}
                for name, mime, data in cast("Iterable[tuple[str, str, bytes]]", value)
            ]
        elif isinstance(value, bytes):
            said.update(_content(value))
        elif field == "at":
            said[field] = _time(cast("int", value))
        else:
            said[field] = _plain(value)

    def _case(self, row: Row) -> dict[str, object]:
        return {"id": self._cases.test_id(row), "profile": self._cases.profile(row)}


def _content(data: bytes) -> dict[str, object]:
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def _time(ns: int) -> str:
    seconds, rest = divmod(ns, 1_000_000_000)
    try:
        moment = dt.datetime.fromtimestamp(seconds, dt.UTC)
    except (ValueError, OverflowError, OSError):
        moment = dt.datetime.fromtimestamp(0, dt.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z"


def _plain(value: object) -> object:
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value).items()
        return {str(key): _plain(item) for key, item in items}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in cast("Iterable[object]", value)]
    return value
