"""How an agent begins: over which noise, under which Pythons, with which controllers."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from testlanes.runner.agent.bootstrap import BOOTSTRAP, banner, payload, sources
from testlanes.runner.wire import messages, orders
from testlanes.runner.wire.frames import encode

from .agent_rig import LIMIT, Rig, parent, pythons


@pytest.mark.parametrize("python", pythons())
def test_it_says_who_it_is(python: str) -> None:
    with Rig(python) as rig:
        hello = rig.hello()

        assert parent(hello.pid) == rig.process.pid  # its guardian
        assert hello.cpus == len(os.sched_getaffinity(0))
        folder = Path(hello.dir)
        assert folder.name.startswith("testlanes-")
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700

        rig.end()
        assert not folder.exists()


def test_login_noise_comes_before_the_greeting() -> None:
    """A shell that prints on the way (0xb3 begins a subunit packet) does no harm."""
    command = f"printf 'Welcome!\\263\\n'; exec {sys.executable} -c '{BOOTSTRAP}'"
    given = payload("abc") + orders.say_hello(None) + orders.end()
    done = subprocess.run(
        ["/bin/sh", "-c", command], input=given, capture_output=True, timeout=LIMIT
    )

    noise, found, frames = done.stdout.partition(banner("abc"))

    assert (noise, bool(found)) == (b"Welcome!\xb3\n", True)
    assert b"hello" in frames
    assert done.stderr == b""


def test_its_source_may_arrive_a_byte_at_a_time() -> None:
    with Rig() as rig:
        rig.hello()
    given = payload("abc") + orders.say_hello(None) + orders.end()
    process = subprocess.Popen(
        [sys.executable, "-c", BOOTSTRAP], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    for at in range(0, len(given), 997):
        process.stdin.write(given[at : at + 997])
        process.stdin.flush()
    out, _ = process.communicate(timeout=LIMIT)
    assert banner("abc") in out
    assert process.returncode == 0


def test_the_bootstrap_survives_shells() -> None:
    """Neither quotes nor characters that mean something inside quotes."""
    assert set(BOOTSTRAP).isdisjoint("'\"`$\\!\n")


def test_a_controller_of_another_version_is_refused_and_both_versions_named() -> None:
    with Rig() as rig:
        rig.send(encode("hello", {"version": 77, "lease": None}))
        text = rig.expect(messages.AgentWarning).text
        rig.expect(messages.Bye)

    assert "version 2 " in text
    assert "version 77" in text


def test_whoever_does_not_say_hello_first_is_refused() -> None:
    with Rig() as rig:
        rig.send(orders.ping(1))
        assert "hello" in rig.expect(messages.AgentWarning).text
        rig.expect(messages.Bye)


def test_nonsense_is_answered_by_a_warning_and_the_agent_goes_on() -> None:
    with Rig() as rig:
        rig.hello()
        rig.send(
            encode("dance"),
            encode("run"),
            encode("load", "nobody"),
            encode("open", 1),
            orders.ping(5),
        )
        assert rig.expect(messages.Pong).number == 5
        warnings = [each.text for each in rig.seen if isinstance(each, messages.AgentWarning)]
        assert len(warnings) == 4
        rig.end()


def test_a_bad_frame_is_the_end() -> None:
    with Rig() as rig:
        rig.hello()
        rig.send(b"\xff\xff\xff\xff")
        assert "bad frame" in rig.expect(messages.AgentWarning).text
        rig.expect(messages.Bye)


def test_the_package_has_only_what_python_3_8_can_read() -> None:
    """Every module that is sent compiles under the oldest Python that there is here."""
    code = "import sys; exec(sys.stdin.read())"
    check = f"for name, text in {sources()!r}.items(): compile(text, name, 'exec')"
    for python in pythons():
        subprocess.run([python, "-c", code], input=check, text=True, check=True, timeout=LIMIT)


def test_a_long_tmpdir_does_not_make_the_socket_path_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / ("x" * 100)
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    with Rig() as rig:
        hello = rig.hello()
        assert not hello.dir.startswith(str(folder))
        rig.end()
