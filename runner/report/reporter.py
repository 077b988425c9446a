"""What every reporter is, and how it writes."""

from __future__ import annotations

from typing import IO, AnyStr, Generic, Protocol

from ..errors import UserError
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
        """Whether nobody reads any more (``testlanes run | head``), or there is no room to write."""
        self._problem = ""

    def write(self, data: AnyStr) -> None:
        """Write and flush, unless nobody reads any more, or there is no room."""
        if self.gone:
            return
        try:
            self._stream.write(data)
            self._stream.flush()
        except (BrokenPipeError, ConnectionResetError):
            self.gone = True
        except OSError as error:
            self.gone, self._problem = True, error.strerror or str(error)

    def close(self) -> None:
        """All is said. Raises UserError if not all of it could be written to somebody who reads."""
        if self._problem:
            raise UserError(
                f"not all of the output could be written: {self._problem}",
                hint="the run is stored: `testlanes last` shows it",
                exit_code=3,
            )
