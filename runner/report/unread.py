"""Whether anybody still reads what is written, asked without writing anything."""

from __future__ import annotations

import select


def hung_up(descriptor: int) -> bool:
    """Whether the reader of a pipe or a socket, or the terminal, is gone; files are always there."""
    poll = select.poll()
    poll.register(descriptor, 0)
    gone = select.POLLHUP | select.POLLERR
    return any(mask & gone for _, mask in poll.poll(0))
