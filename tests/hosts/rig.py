"""Several real hosts on this machine, each reached by ssh, to be broken on purpose.

A host is a set of namespaces (network, mounts, processes, name, ipc) with its own sshd, key, address, /tmp, /home, /root and
/run; it sees neither this checkout nor the internet. All of them, and the network between, live in the namespaces
of one process, the switch, that ends when its stdin does: the kernel then removes everything, however we ended.
Needs Linux, root, iproute2, util-linux, openssh.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from .cable import Cable

BOOT = Path(__file__).with_name("boot.sh")
CHECKOUT = Path(__file__).resolve().parents[2]
NETWORK = "198.18.0"
CONTROLLER = f"{NETWORK}.1"
USER, UID = "lane", 4242
LIMIT = 20.0
"""Seconds to wait for anything that should be at once."""

SSHD_CONFIG = """\
HostKey /etc/ssh/ssh_host_ed25519_key
PidFile none
AuthorizedKeysFile /etc/ssh/authorized_keys
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
UseDNS no
PrintMotd no
"""
"""All limits are sshd's own, on purpose."""


def missing() -> str:
    """Return what a rig needs and this machine has not; empty: it can run here."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "hosts of our own need Linux and root"
    for tool in ("ip", "tc", "nsenter", "unshare", "ssh", "ssh-keygen", "/usr/sbin/sshd"):
        if shutil.which(tool) is None:
            return f"hosts of our own need {tool}"
    tried = subprocess.run(
        ["unshare", "--net", "--mount", "--pid", "--uts", "--ipc", "--fork", "true"],
        capture_output=True,
        check=False,
    )
    return f"no namespaces here: {tried.stderr.decode().strip()}" if tried.returncode else ""


def until(condition: Callable[[], object], limit: float = LIMIT, what: str = "it") -> float:
    """Wait until something holds; return the seconds that took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() < began + limit, f"{what} did not come true in {limit:g} s"
        time.sleep(0.01)
    return time.monotonic() - began


class Machine:
    """One host. ``init``: its first process, as this machine counts; 0 while it is off."""

    def __init__(self, rig: Rig, number: int) -> None:
        self.name = f"h{number}"
        self.folder = rig.folder / self.name
        self.init = 0
        self._rig = rig
        self.cable = Cable(
            number, f"{NETWORK}.{10 + number}", CONTROLLER, rig.run, self.run, rig.start
        )
        self._lay_out()

    @property
    def root(self) -> Path:
        """Its file system, seen from outside."""
        return Path(f"/proc/{self.init}/root")

    def run(self, *words: str) -> str:
        """Run a command in its network, with this machine's files."""
        return _said("nsenter", f"--net=/proc/{self.init}/ns/net", *words)

    def processes(self) -> dict[int, str]:
        """Return its processes, sshd's excepted: number as this machine counts -> command line."""
        found: dict[int, str] = {}
        for pid in self._pids():
            with suppress(OSError):
                if not Path(f"/proc/{pid}/comm").read_text().startswith("sshd"):
                    words = Path(f"/proc/{pid}/cmdline").read_bytes()
                    if words:  # a zombie has none
                        found[pid] = words.replace(b"\0", b" ").decode(errors="replace")
        return found

    def kill(self, what: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to every process whose command line contains ``what``; return how many there were."""
        pids = [pid for pid, words in self.processes().items() if what in words]
        _send(pids, number)
        return len(pids)

    def kill_sessions(self) -> None:
        """Kill what sshd started for those who are logged in."""
        pids: list[int] = []
        for pid in self._pids():
            with suppress(OSError):
                if pid != self.init and Path(f"/proc/{pid}/comm").read_text().startswith("sshd"):
                    pids.append(pid)
        _send(pids, signal.SIGKILL)

    def freeze(self) -> None:
        """Stop every process; the kernel goes on."""
        for _ in range(2):  # what was forked meanwhile
            _send(self._pids(), signal.SIGSTOP)

    def thaw(self) -> None:
        """Let every process go on."""
        _send(self._pids(), signal.SIGCONT)

    def crash(self, *, told: bool = False) -> None:
        """Cut the power: nothing it might still say gets out. ``told``: who calls it is told at once that it is down."""
        self.cable.pull()
        if told:
            self.cable.refuse()
        init, self.init = self.init, 0
        os.kill(init, signal.SIGKILL)  # the kernel kills the rest of its processes
        until(lambda: not Path(f"/proc/{init}/ns/pid").exists(), what=f"the end of {self.name}")

    def boot(self) -> None:
        """Power on, and wait until it answers."""
        told = self.folder / "init"
        told.unlink(missing_ok=True)
        words = ["unshare", "--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child"]
        words += ["sh", str(BOOT), self.name, str(self.folder), sys.base_prefix, str(CHECKOUT)]
        self._rig.start(f"{shlex.join(words)} >>{shlex.quote(str(self.folder / 'log'))} 2>&1")
        try:
            until(lambda: told.exists() and told.read_text().endswith("\n"))
            self.init = int(told.read_text())
            self.cable.plug(self.init)
            until(self._answers)
        except AssertionError:
            raise AssertionError(f"{self.name}: {(self.folder / 'log').read_text()}") from None

    def new_key(self) -> None:
        """Install it anew, as it were: it is booted with another host key."""
        self.crash()
        self._make_key()
        self.boot()

    def give(self, project: Path) -> None:
        """Copy a folder there, under the same path."""
        there = self.root / str(project).lstrip("/")
        shutil.copytree(project, there, dirs_exist_ok=True)
        for path in (there, *there.rglob("*")):
            os.chown(path, UID, UID)
            path.chmod(path.stat().st_mode | 0o700)

    def reset(self) -> None:
        """Make it whole again, with no process on it but sshd's, and nobody logged in."""
        if not self.init:
            self.boot()
        self.thaw()
        self.cable.heal()
        self.kill_sessions()
        _send(list(self.processes()), signal.SIGKILL)
        until(lambda: not self.processes(), what="an empty process table")
        for place in ("tmp", "dev/shm"):
            for entry in (self.root / place).iterdir():
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    # -- inside --------------------------------------------------------------------------------------

    def _answers(self) -> bool:
        code = f"import socket; socket.create_connection(('{self.cable.address}', 22), 1).recv(4)"
        with suppress(subprocess.CalledProcessError):
            self._rig.run(sys.executable, "-Ic", code)
            return True
        return False

    def _pids(self) -> list[int]:
        """All its processes, the first included."""
        if not self.init:
            return []
        space = Path(f"/proc/{self.init}/ns/pid").readlink()
        found: list[int] = []
        for entry in Path("/proc").glob("[0-9]*/ns/pid"):
            with suppress(OSError):
                if entry.readlink() == space:
                    found.append(int(entry.parts[2]))
        return found

    def _lay_out(self) -> None:
        for part in ("etc/ssh", "tmp", "var/tmp", f"home/{USER}", "root"):
            (self.folder / part).mkdir(parents=True)
        for part in ("tmp", "var/tmp"):
            (self.folder / part).chmod(0o1777)
        for part in ("root", "home", "."):
            (self.folder / part).chmod(0o755)
        os.chown(self.folder / "home" / USER, UID, UID)
        etc = self.folder / "etc"
        for name, line in (
            ("passwd", f"{USER}:x:{UID}:{UID}::/home/{USER}:/bin/bash"),
            ("group", f"{USER}:x:{UID}:"),
        ):
            (etc / name).write_text(f"{Path('/etc', name).read_text()}\n{line}\n")
        # No password fits a star, but the account is not locked.
        (etc / "shadow").write_text(f"{USER}:*:19000:0:99999:7:::\n")
        (etc / "hosts").write_text(f"127.0.0.1 localhost {self.name}\n")
        (etc / "ssh/sshd_config").write_text(SSHD_CONFIG)
        shutil.copy(self._rig.folder / "id.pub", etc / "ssh/authorized_keys")
        self._make_key()

    def _make_key(self) -> None:
        key = self.folder / "etc/ssh/ssh_host_ed25519_key"
        key.unlink(missing_ok=True)
        make_key(key)


class Rig:
    """All hosts, ``h1`` to ``hN``, and the network that a controller has to be in: ``inside``."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder = folder
        self.runs: list[subprocess.Popen[bytes]] = []
        """What a test has started here."""
        folder.chmod(0o755)
        make_key(folder / "id")
        words = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "sh"]
        self._switch = subprocess.Popen(words, stdin=subprocess.PIPE, start_new_session=True)
        told = folder / "switch"
        self._say(f"read -r pid _ </proc/self/stat; echo $pid >{shlex.quote(str(told))}")
        until(lambda: told.exists() and told.read_text().endswith("\n"), what="the switch")
        self._pid = int(told.read_text())
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "link", "add", "switch", "type", "bridge")
        self.run("ip", "addr", "add", f"{CONTROLLER}/24", "dev", "switch")
        self.run("ip", "link", "set", "switch", "up")
        self.hosts = {f"h{number}": Machine(self, number) for number in range(1, count + 1)}
        self._write_ssh_config()
        self.know_keys()
        for host in self.hosts.values():
            host.boot()

    def __getitem__(self, name: str) -> Machine:
        return self.hosts[name]

    @property
    def inside(self) -> list[str]:
        """The command prefix that runs a command in the rig's network."""
        return ["nsenter", f"--net=/proc/{self._pid}/ns/net"]

    @property
    def ssh_config(self) -> Path:
        return self.folder / "ssh_config"

    def run(self, *words: str) -> str:
        """Run a command in the rig's network; return what it printed."""
        return _said(*self.inside, *words)

    def start(self, command: str) -> None:
        """Start a shell command that lives no longer than the rig."""
        self._say(f"{command} </dev/null &")

    def know_keys(self) -> None:
        """Let the controller know every host's present key."""
        known: list[str] = []
        for name, host in self.hosts.items():
            public = (host.folder / "etc/ssh/ssh_host_ed25519_key.pub").read_text().split()
            known.append(f"{name} {public[0]} {public[1]}")
        (self.folder / "known_hosts").write_text("\n".join(known) + "\n")

    def close(self) -> None:
        """End all."""
        assert self._switch.stdin is not None
        self._switch.stdin.close()
        self._switch.wait(LIMIT)

    def _say(self, line: str) -> None:
        assert self._switch.stdin is not None
        self._switch.stdin.write(f"{line}\n".encode())
        self._switch.stdin.flush()

    def _write_ssh_config(self) -> None:
        lines = [f"Host h*\n  User {USER}\n  IdentityFile {self.folder}/id\n  IdentitiesOnly yes"]
        lines.append(f"  UserKnownHostsFile {self.folder}/known_hosts\n  GlobalKnownHostsFile none")
        lines.append("  StrictHostKeyChecking yes")
        for name, host in self.hosts.items():
            lines.append(f"Host {name}\n  HostName {host.cable.address}\n  HostKeyAlias {name}")
        self.ssh_config.write_text("\n".join(lines) + "\n")


@contextmanager
def rig_of(folder: Path, count: int) -> Generator[Rig]:
    """Have ``count`` hosts, for as long as this lasts."""
    rig = Rig(folder, count)
    try:
        yield rig
    finally:
        rig.close()


def make_key(path: Path) -> None:
    """Make a key pair without a pass phrase."""
    _said("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "rig", "-f", str(path))


def _said(*words: str) -> str:
    return subprocess.run(
        words, stdin=subprocess.DEVNULL, capture_output=True, check=True, encoding="utf-8"
    ).stdout


def _send(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
