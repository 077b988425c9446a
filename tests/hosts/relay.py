"""Carries frames between two interfaces late, and not all of them: what netem does, for kernels that lack it.

python relay.py LEFT RIGHT DELAY JITTER LOSS      seconds, seconds, share of 1
"""

from __future__ import annotations

import heapq
import random
import select
import socket
import sys
import time
from contextlib import suppress

ALL_PROTOCOLS = 3
RECEIVE_BUFFER = 33
"""SO_RCVBUFFORCE."""


def main(left: str, right: str, delay: float, jitter: float, loss: float) -> None:
    """Carry frames until killed."""
    ends = [
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS)) for _ in "lr"
    ]
    for end, device in zip(ends, (left, right), strict=True):
        end.setsockopt(socket.SOL_SOCKET, RECEIVE_BUFFER, 64 << 20)
        end.bind((device, 0))
        end.setblocking(False)
    other = {ends[0]: ends[1], ends[1]: ends[0]}
    last = dict.fromkeys(ends, 0.0)
    queue: list[tuple[float, int, socket.socket, bytes]] = []
    count = 0
    while True:
        now = time.monotonic()
        while queue and queue[0][0] <= now:
            _, _, out, frame = heapq.heappop(queue)
            with suppress(OSError):  # the interface is down or its queue full: a lost frame
                out.send(frame)
        for end in select.select(ends, [], [], queue[0][0] - now if queue else None)[0]:
            try:
                frame, address = end.recvfrom(70000)
            except OSError:
                time.sleep(0.01)  # the interface is down
                continue
            if address[2] == socket.PACKET_OUTGOING or random.random() < loss:
                continue
            # Late, but in order.
            last[end] = max(last[end], time.monotonic() + delay + random.uniform(-jitter, jitter))
            count += 1
            heapq.heappush(queue, (last[end], count, other[end], frame))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(float, sys.argv[3:6]))
