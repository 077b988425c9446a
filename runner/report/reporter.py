"""What every reporter is, and how it writes."""

from __future__ import annotations

from typing import IO, AnyStr, Generic, Protocol

from ..events import RunEvent


class Reporter(Protocol):
    """Reads a run's events in order, each after the state took it in."""

    def record(self, event: RunEvent) -> None:
        """Take one event."""
        ...

    def finish(self) -> None:
        """Write what is said at the end. Nothing is recorded afterwards."""
        ...


class Outlet(Generic[AnyStr]):
    """A stream that is flushed with each write, and whose reader or disk space may go: the run goes on."""

    def __init__(self, stream: IO[AnyStr]) -> None:
        self._stream = stream
        self.gone = False
        """Whether nobody reads any more (``testlanes run | head``)."""

    def write(self, data: AnyStr) -> None:
        """Write and flush, unless nobody reads any more, or there is no room."""
        if self.gone:
            return
        try:
            self._stream.write(data)
            self._stream.flush()
        except OSError:
            self.gone = True
