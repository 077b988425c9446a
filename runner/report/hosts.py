"""What plain text says of hosts: that one is ready, or lost, and who ran how much."""

from __future__ import annotations

from ..events import HostLost, HostReady
from ..ids import LOCAL
from ..state import RunState


def ready_line(state: RunState, event: HostReady) -> str:
    """Return what is said of a host whose lanes are opened."""
    known = state.hosts[event.host]
    lanes = f"{event.lanes} {'lane' if event.lanes == 1 else 'lanes'}"
    parts = [lanes]
    if event.root:  # of an instance nobody knows more than its id
        parts += [f"Python {known.python}", f"answers in {event.latency * 1000:.0f} ms"]
    if abs(known.clock_offset) > 2:
        ahead = "ahead" if known.clock_offset > 0 else "behind"
        parts.append(f"its clock is {abs(known.clock_offset):.0f} s {ahead}")
    return f"host {event.host} is ready: {', '.join(parts)}"


def lost_line(event: HostLost) -> str:
    """Return what is said of a host that is gone: why, and whether it is tried again."""
    if event.again is None:
        return f"host {event.host}: {event.reason}"
    return f"host {event.host}: {event.reason}; it is tried again in {event.again:.2g} s"


def shares_line(state: RunState) -> str:
    """Return how many tests each host ran; empty where there is only this machine."""
    if set(state.hosts) <= {LOCAL}:
        return ""
    shares = (f"{host} {known.done:,}" for host, known in state.hosts.items())
    return f"tests by host: {', '.join(shares)}"
