"""Does this machine get along with what runs on it? It says when memory is being swapped, and when a disk fills.

First a warning; if it goes on, that fewer lanes would help.
"""

import os

SWAPPING = 4 << 20
"""Bytes swapped in and out a second that slow everything down."""
FULL, LITTLE = 0.05, 1 << 30
"""A disk fills when less than this share of it is free, and fewer bytes than this."""
PATIENCE, AGAIN = 6.0, 10.0
"""Seconds that it has to go on until fewer lanes are asked for, and between two times."""


class Strain:
    """``look`` every few seconds. ``folders()``: where what runs writes; ``swapped()``: bytes so far, None: unknown."""

    def __init__(self, folders, swapped=None, free=None):
        self._folders = folders
        self._swapped = swapped or swapped_bytes
        self._free = free or free_bytes
        self._last = None
        self._since = {}
        self._asked = {}

    def look(self, now):
        """Return (text, whether fewer lanes would help) for each thing that is to be told now."""
        found = {}
        self._look_at_swap(now, found)
        for folder in self._folders():
            self._look_at_disk(folder, found)
        for key in list(self._since):
            if key not in found:
                del self._since[key]
                self._asked.pop(key, None)
        told = []
        for key, text in found.items():
            if key not in self._since:
                self._since[key] = self._asked[key] = now
                told.append((text, False))
            elif now - self._since[key] >= PATIENCE and now - self._asked[key] >= (
                AGAIN if self._asked[key] > self._since[key] else PATIENCE
            ):
                self._asked[key] = now
                told.append((text, True))
        return told

    def _look_at_swap(self, now, found):
        swapped = self._swapped()
        last, self._last = self._last, (now, swapped)
        if last is None or swapped is None or last[1] is None or now <= last[0]:
            return
        rate = (swapped - last[1]) / (now - last[0])
        if rate > SWAPPING:
            found["swap"] = "the machine swaps: %d MB a second" % (rate / (1 << 20))

    def _look_at_disk(self, folder, found):
        known = self._free(folder)
        if known is None:
            return
        device, free, total = known
        if free < LITTLE and free < FULL * total:
            found[device] = "the disk of %s fills: %d MB are left" % (folder, free / (1 << 20))


def swapped_bytes():
    """Return how much was ever swapped in and out, in bytes; None where nobody knows."""
    try:
        with open("/proc/vmstat", "rb", 0) as file:
            fields = dict(line.split() for line in file.read(1 << 16).splitlines() if line)
        pages = int(fields[b"pswpin"]) + int(fields[b"pswpout"])
    except (OSError, ValueError, KeyError):
        return None
    return pages * os.sysconf("SC_PAGESIZE")


def free_bytes(folder):
    """Return a folder's disk, how much of it is free for us, and its size, in bytes; None if it is gone."""
    try:
        disk = os.statvfs(folder)
        return os.stat(folder).st_dev, disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
    except OSError:
        return None
