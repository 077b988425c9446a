"""The cable of one host, in the network of its rig: it can be cut, one way too, and be slow."""

from __future__ import annotations

import ctypes
import fcntl
import shlex
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

RELAY = Path(__file__).with_name("relay.py")
NOBODY = "02:00:00:00:ff:ff"
"""The address of a station that does not exist."""
OFFLOADS = (0x1F, 0x24, 0x2C, 0x19, 0x17)
"""ethtool's commands for TSO, GSO, GRO, scatter-gather, checksums: frames are whole only without."""


class Cable:
    """One host's way to the switch. ``run`` runs a command in the rig's network, ``there`` in the host's."""

    def __init__(
        self,
        number: int,
        address: str,
        controller: str,
        run: Callable[..., str],
        there: Callable[..., str],
        start: Callable[[str], None],
    ) -> None:
        """``start``: starts a shell command in the rig, and does not wait for it."""
        self.address = address
        self._controller = controller
        self._run, self._there, self._start = run, there, start
        self._port, self._near, self._far = f"p{number}", f"a{number}", f"b{number}"
        self._mac = f"02:00:00:00:00:{number:02x}"
        self._cut = ""
        self._slow = self._relayed = self._refused = False

    def plug(self, init: int) -> None:
        """Connect the host whose first process is ``init``."""
        if self._refused:
            self._run("ip", "route", "del", "unreachable", self.address)
            self._refused = False
        peer = ["type", "veth", "peer", "name", "eth0", "address", self._mac, "netns", str(init)]
        self._run("ip", "link", "add", self._port, *peer)
        self._run("ip", "link", "set", self._port, "master", "switch", "up")
        self._there("ip", "link", "set", "lo", "up")
        self._there("ip", "addr", "add", f"{self.address}/24", "dev", "eth0")
        self._there("ip", "link", "set", "eth0", "up")

    def pull(self) -> None:
        """Remove the cable: nothing that a dying host says gets out."""
        self.heal()
        self._run("ip", "link", "del", self._port)

    def refuse(self) -> None:
        """Let every attempt to call the host fail at once, until it is plugged in."""
        self._run("ip", "route", "add", "unreachable", self.address)
        self._refused = True

    def cut(self, how: str = "drop") -> None:
        """Let packets vanish: all (``drop``), those to the host (``in``), those from it (``out``)."""
        self._cut = how
        match how:
            case "drop":
                # Off the switch, but with carrier: what a firewall does that drops.
                self._run("ip", "link", "set", self._end, "nomaster")
            case "in":
                self._wrong_neighbour(self._run, self.address, "switch", "replace")
            case "out":
                self._wrong_neighbour(self._there, self._controller, "eth0", "replace")
            case _:
                raise ValueError(how)

    def heal(self) -> None:
        """Undo ``cut`` and ``slow``."""
        match self._cut:
            case "drop":
                self._run("ip", "link", "set", self._end, "master", "switch")
            case "in":
                self._wrong_neighbour(self._run, self.address, "switch", "del")
            case "out":
                self._wrong_neighbour(self._there, self._controller, "eth0", "del")
            case _:
                pass
        self._cut = ""
        if self._slow:
            self._run("tc", "qdisc", "del", "dev", self._port, "root")
            self._there("tc", "qdisc", "del", "dev", "eth0", "root")
            self._slow = False
        if self._relayed:
            self._relayed = False
            self._run("ip", "link", "del", self._near)  # the relay ends with it
            self._run("ip", "link", "set", self._port, "arp", "on")
            self._run("ip", "link", "set", self._port, "master", "switch")

    def slow(
        self, rate: str = "", delay: float = 0.0, jitter: float = 0.0, loss: float = 0.0
    ) -> None:
        """Both ways: ``rate`` as tc says it (``256kbit``), seconds one way, share of lost packets."""
        if rate:
            shape = ["root", "tbf", "rate", rate, "burst", "16kb", "latency", "800ms"]
            self._run("tc", "qdisc", "replace", "dev", self._port, *shape)
            self._there("tc", "qdisc", "replace", "dev", "eth0", *shape)
            self._slow = True
        if delay or loss:
            self._run("ip", "link", "add", self._near, "type", "veth", "peer", "name", self._far)
            for device in (self._far, self._port):
                self._run("ip", "link", "set", device, "arp", "off")
            code = f"import sys; sys.path.insert(0, {str(RELAY.parent)!r}); import cable; cable.whole_frames(sys.argv[1:])"
            self._run(sys.executable, "-Ic", code, self._near, self._far, self._port)
            self._there(sys.executable, "-Ic", code, "eth0")
            self._run("ip", "link", "set", self._port, "nomaster")
            self._run("ip", "link", "set", self._far, "up")
            self._run("ip", "link", "set", self._near, "master", "switch", "up")
            words = [sys.executable, "-I", str(RELAY), self._port, self._far, delay, jitter, loss]
            self._start(shlex.join(map(str, words)))
            self._relayed = True

    @property
    def _end(self) -> str:
        return self._near if self._relayed else self._port

    def _wrong_neighbour(
        self, run: Callable[..., str], address: str, device: str, verb: str
    ) -> None:
        entry = ["lladdr", NOBODY, "nud", "permanent"] if verb == "replace" else []
        with suppress(
            subprocess.CalledProcessError
        ):  # after a crash the entry went with its interface
            run("ip", "neigh", verb, address, "dev", device, *entry)


def whole_frames(devices: list[str]) -> None:
    """Turn off what leaves parts of a frame to a network card: a relay sees what is handed to the card."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for device in devices:
            for command in OFFLOADS:
                value = ctypes.create_string_buffer(struct.pack("II", command, 0))
                request = struct.pack("16sP16x", device.encode(), ctypes.addressof(value))
                fcntl.ioctl(any_socket, 0x8946, request)
