"""Real loaders and workers over a real AF_UNIX socket: what an agent does, as far as a worker can see it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from testlanes.runner.agent.pack import frame  # pyright: ignore[reportUnknownVariableType]
from testlanes.runner.wire.control import RESULT
from testlanes.runner.wire.frames import unpack
from testlanes.runner.wire.subunit import Decoder, Packet

LIMIT = 60.0
"""Seconds that anything here may take."""
AGENT = Path(__file__).parents[3] / "runner" / "agent"
START = (
    "import os,sys;p=os.environ['TESTLANES_PATH'];sys.path.insert(0,p);"
    "import testlanes_agent.boot as b;b.main()"
)
EVENT = "application/vnd.testlanes.event+msgpack"


def interpreter(version: str) -> str:
    """Return a Python of that version (``3.8``) from PATH or pyenv's folder; skip the test if there is none."""
    if version == "{}.{}".format(*sys.version_info[:2]):
        return sys.executable
    pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    candidates = [str(path) for path in pyenv] + [f"python{version}"]
    for candidate in candidates:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            done = subprocess.run(
                [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
                capture_output=True,
                text=True,
                timeout=LIMIT,
                check=True,
            )
            if done.stdout.strip() == version:
                return candidate
    pytest.skip(f"no Python {version} here")


def lay(folder: Path, files: Mapping[str, str]) -> Path:
    """Write files (relative path -> text) into a folder and return it."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@dataclass
class Told:
    """One result: a final status with all that came for it before."""

    test_id: str
    status: str
    kind: str = ""
    details: dict[str, str] = field(default_factory=dict[str, str])
    mimes: dict[str, str] = field(default_factory=dict[str, str])
    tags: frozenset[str] = frozenset()
    started: int | None = None
    ended: int | None = None


class Peer:
    """A loader or a worker, seen from the agent's end of its channel."""

    def __init__(self, agent: Agent, token: str, options: dict[str, Any]) -> None:
        self.agent = agent
        self.token = token
        self.options = options
        self.folder = Path(options["dir"])
        self.process: subprocess.Popen[bytes] | None = None
        """The process, unless it was forked by a loader."""
        self.packets: list[Packet] = []
        self.results: list[Told] = []
        """Final statuses, in order."""
        self.events: list[tuple[str, dict[str, Any]]] = []
        """Control events: kind, fields."""
        self.running: dict[str, Told] = {}
        self.sent: list[str] = []
        """All ids that it was to run."""
        self.listed_ids: list[str] = []
        self.groups: dict[str, tuple[str, bool]] = {}
        self.connections = 0
        self.closed = False
        self._frames: list[bytes] = []
        self._link: socket.socket | None = None
        self._decoder = Decoder()
        self.send(op="options", **options)

    # -- down ----------------------------------------------------------------

    def send(self, **message: Any) -> None:
        """Send one command."""
        self._frames.append(frame(message))
        if self._link is not None:
            self._link.sendall(self._frames[-1])

    def run(self, *ids: str) -> None:
        """Append to what it is to run."""
        self.sent += ids
        self.send(op="run", ids=list(ids))

    # -- up ------------------------------------------------------------------

    def wait(self, condition: Callable[[], object], what: str = "") -> None:
        """Take what comes until the condition holds; fail when it has not within ``LIMIT``."""
        self.agent.wait(self, condition, what)

    def ran(self, *ids: str) -> list[Told]:
        """Run these and return their results, in the order they came."""
        before = len(self.results)
        self.run(*ids)
        wanted = sorted(ids)

        def done() -> bool:
            told = [told.test_id for told in self.results[before:]]
            return sorted(test_id for test_id in told if test_id in wanted) == wanted

        self.wait(done, f"the results of {ids}")
        return self.results[before:]

    def one(self, test_id: str) -> Told:
        """Run one test and return its own result."""
        return next(told for told in self.ran(test_id) if told.test_id == test_id)

    def event(self, kind: str) -> dict[str, Any]:
        """Wait for a control event and return the fields of the last one of its kind."""
        self.wait(lambda: self.said(kind), f"the event {kind}")
        return self.said(kind)[-1]

    def said(self, kind: str) -> list[dict[str, Any]]:
        """Return the fields of all events of a kind so far."""
        return [fields for name, fields in self.events if name == kind]

    def listing(self) -> list[str]:
        """Wait for the end of a loader's listing and return all ids in order."""
        self.event("listed")
        return self.listed_ids

    def shut(self) -> int | None:
        """Let it end; return its exit status (None for a fork)."""
        self.send(op="shutdown")
        return self.end()

    def end(self) -> int | None:
        """Wait for its end; return its exit status (None for a fork)."""
        self.wait(lambda: self.closed, "its end")
        return None if self.process is None else self.process.wait(LIMIT)

    def text(self, name: str) -> str:
        """Return what a file of its folder holds."""
        path = self.folder / name
        return path.read_text(errors="replace") if path.exists() else ""

    # ------------------------------------------------------------------------

    def attach(self, link: socket.socket, taken: int) -> None:
        """A connection with its token arrived; it took so many commands before."""
        self.connections += 1
        if self._link is not None:
            self.take()
            self.detach()
        self.closed = False
        self._link = link
        for data in self._frames[taken:]:
            link.sendall(data)

    def detach(self) -> None:
        """Close the connection."""
        if self._link is not None:
            self._link.close()
            self._link = None

    @property
    def link(self) -> socket.socket | None:
        """The connection."""
        return self._link

    def take(self) -> None:
        """Read all that is there."""
        while self._link is not None and select.select([self._link], [], [], 0)[0]:
            try:
                data = self._link.recv(1 << 20)
            except ConnectionResetError:
                data = b""
            if not data:
                self.detach()
                self.closed = True
                return
            for packet in self._decoder.feed(data):
                self.packets.append(packet)
                self._sort(packet)

    def _sort(self, packet: Packet) -> None:
        if packet.mime == EVENT:
            fields = cast("dict[str, Any]", unpack(packet.data or b""))
            kind = (packet.name or "").removeprefix("testlanes.")
            self.events.append((kind, fields))
            if kind == "ids":
                self.listed_ids.extend(fields["ids"])
                for index, (name, hard) in fields["groups"].items():
                    self.groups[fields["ids"][index]] = (name, hard)
            elif kind == "ran":
                told_by_place: list[tuple[int, int, int]] = list(
                    RESULT.iter_unpack(fields["results"])
                )
                for place, took, ended in told_by_place:
                    test_id = self.sent[place]
                    told = self.running.pop(test_id, Told(test_id, ""))
                    told.status, told.started, told.ended = "success", ended - took, ended
                    self.results.append(told)
            elif kind == "kind" and packet.test_id in self.running:
                self.running[packet.test_id].kind = fields["kind"]
            return
        if packet.test_id is None:
            return
        told = self.running.setdefault(packet.test_id, Told(packet.test_id, ""))
        if packet.name is not None:
            text = (packet.data or b"").decode("utf-8", "replace")
            told.details[packet.name] = told.details.get(packet.name, "") + text
            told.mimes[packet.name] = packet.mime or ""
        if packet.status == "inprogress":
            told.started = packet.ns
        elif packet.status is not None:
            told.status, told.tags, told.ended = packet.status, packet.tags, packet.ns
            self.results.append(self.running.pop(packet.test_id))


class Agent:
    """Listens, starts loaders and workers, hands out connections by token. ``close`` ends all it started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.peers: dict[str, Peer] = {}
        self._lanes = 0
        package = folder / "package"
        package.mkdir(parents=True)
        (package / "testlanes_agent").symlink_to(AGENT)
        self._package = package
        # Short: the path of a socket may have 107 bytes.
        self._path = os.path.relpath(folder / "sock")
        if len(str(folder / "sock")) < 100:
            self._path = str(folder / "sock")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self._path)
        self._listener.listen(64)

    def start(
        self,
        project: Path,
        *,
        role: str = "worker",
        kind: str = "unittest",
        suite: dict[str, Any] | None = None,
        python: str = sys.executable,
        env: dict[str, str] | None = None,
        **options: Any,
    ) -> Peer:
        """Start a loader or a worker in ``project``. ``options`` are added to those it gets."""
        default: dict[str, Any] = {"start": "."} if kind == "unittest" else {"args": []}
        peer = self._peer(
            project, role=role, kind=kind, suite=suite or default, env=env or {}, **options
        )
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_"))}
        with (
            (peer.folder / "stdout").open("ab") as stdout,
            (peer.folder / "stderr").open("ab") as stderr,
        ):
            peer.process = subprocess.Popen(
                [python, "-c", START],
                cwd=project,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
                env={
                    **inherited,
                    "PYTHONPYCACHEPREFIX": str(self.folder / "pyc"),
                    **(env or {}),
                    "TESTLANES_PATH": str(self._package),
                    "TESTLANES_SOCK": str(self.folder / "sock"),
                    "TESTLANES_TOKEN": peer.token,
                },
            )
        return peer

    def loader(self, project: Path, **options: Any) -> Peer:
        """Start a loader."""
        return self.start(project, role="loader", **options)

    def fork(self, loader: Peer, **options: Any) -> Peer:
        """Ask a loader for a worker. The peer connects when it is there."""
        mine = {**loader.options, **options, "role": "worker"}
        for name in ("dir", "lane", "generation"):
            mine.pop(name, None)
        peer = self._peer(Path(loader.options["cwd"]), **mine)
        loader.send(
            op="fork",
            lane=peer.options["lane"],
            generation=peer.options["generation"],
            token=peer.token,
            dir=str(peer.folder),
            env=peer.options["env"],
            options=peer.options,
        )
        return peer

    def wait(self, peer: Peer, condition: Callable[[], object], what: str = "") -> None:
        """See ``Peer.wait``."""
        deadline = time.monotonic() + LIMIT
        while not condition():
            peers = [each for each in self.peers.values() if each.link is not None]
            links = [each.link for each in peers if each.link is not None]
            left = deadline - time.monotonic()
            gone = peer.process is not None and peer.process.poll() is not None
            if left <= 0 or (gone and peer.link is None and not self._pending()):
                why = f"not within {LIMIT:g} s" if left <= 0 else "it ended before"
                pytest.fail(
                    f"{what or 'a condition'}: {why}\n{peer.events[-5:]}\n"
                    f"stdout: {peer.text('stdout')[-2000:]}\nstderr: {peer.text('stderr')[-4000:]}"
                )
            ready: list[socket.socket] = select.select(
                [self._listener, *links], [], [], min(left, 0.2)
            )[0]
            if self._listener in ready:
                self._accept()
            for each in peers:
                if each.link in ready:
                    each.take()

    def _pending(self) -> bool:
        return bool(select.select([self._listener], [], [], 0)[0])

    def _accept(self) -> None:
        link, _ = self._listener.accept()
        link.settimeout(LIMIT)
        line = b""
        while not line.endswith(b"\n"):
            byte = link.recv(1)
            if not byte:
                link.close()
                return
            line += byte
        token, _, taken = line.decode().strip().partition(" ")
        self.peers[token].attach(link, int(taken or 0))

    def _peer(self, project: Path, **options: Any) -> Peer:
        self._lanes += 1
        lane = self._lanes
        folder = self.folder / f"lane{lane}"
        folder.mkdir()
        given: dict[str, Any] = {
            "lane": lane,
            "generation": 1,
            "dir": str(folder),
            "cwd": str(project),
            "worker_count": 2,
            "run_uid": "run",
            "isolated": False,
            "seed": 0,
            **options,
        }
        token = f"token-{lane}"
        peer = self.peers[token] = Peer(self, token, given)
        return peer

    def close(self) -> None:
        """Kill what is left, with all its children."""
        for peer in self.peers.values():
            pids = [fields["pid"] for fields in peer.said("forked") if fields.get("pid")]
            ended = {fields["pid"] for fields in peer.said("exited")}
            for pid in pids:
                if pid not in ended:
                    with contextlib.suppress(OSError):
                        os.killpg(pid, signal.SIGKILL)
            if peer.process is not None:
                with contextlib.suppress(OSError):
                    os.killpg(peer.process.pid, signal.SIGKILL)
                peer.process.wait(LIMIT)
            peer.detach()
        self._listener.close()


@contextlib.contextmanager
def agent(folder: Path) -> Generator[Agent]:
    """Give an agent that ends all it started."""
    made = Agent(folder)
    try:
        yield made
    finally:
        made.close()
