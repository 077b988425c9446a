"""Lanes of kind ``command``: any program that speaks subunit, started by a shell with our substitutions."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from testlanes.runner.wire import messages, orders

from .agent_rig import Rig, alive, pythons

# Says each line of the file as a passed test; the words that it was started with go to stderr.
SPEAKER = """
import sys
sys.path.insert(0, sys.argv[1])
from testlanes_agent.packets import packets
words = sys.argv[2:]
sys.stderr.write(repr(words) + chr(10))
ids = [line.rstrip(chr(10)) for line in open(words[-1], newline=chr(10))] if words[0] == "file" else words[1:]
for each in ids:
    sys.stdout.buffer.write(packets(each, "exists" if words[0] == "list" else "success"))
"""


@pytest.fixture
def speaker(tmp_path: Path) -> str:
    """The beginning of a command line."""
    script = tmp_path / "speaker.py"
    script.write_text(SPEAKER)
    return f"{sys.executable} {script}"


def define(rig: Rig, command: str, cwd: str = "/", **settings: object) -> None:
    """Shake hands, and define a profile; PACKAGE stands for where the agent's modules are."""
    folder = rig.hello().dir
    command = command.replace("PACKAGE", folder)
    rig.profile("p", kind="command", cwd=cwd, python="", command=command, **settings)


NASTY = [
    "plain",
    "a b",
    "it's",
    "$(touch x)",
    "`touch x`",
    "; touch x",
    '"',
    "*",
    "-x",
    "ü",
    "$IDFILE",
    "\\1",
]


@pytest.mark.parametrize("python", pythons())
def test_ids_reach_the_command_in_a_file(python: str, speaker: str, tmp_path: Path) -> None:
    with Rig(python) as rig:
        define(
            rig,
            f"{speaker} PACKAGE $LISTOPT $IDOPTION",
            id_option="file --load-list $IDFILE",
            cwd=str(tmp_path),
        )
        assert rig.open().pid == 0
        rig.run(0, NASTY)
        gone = rig.expect(messages.Exited)

        assert rig.results(0) == [(each, "success") for each in NASTY]
        assert (gone.code, gone.why) == (0, "exited with status 0")
        assert not (tmp_path / "x").exists()
        rig.end()


def test_ids_reach_the_command_quoted(speaker: str, tmp_path: Path) -> None:
    with Rig() as rig:
        define(rig, f"{speaker} PACKAGE words $IDLIST", cwd=str(tmp_path))
        rig.open()
        rig.run(0, NASTY)
        rig.expect(messages.Exited)

        assert rig.results(0) == [(each, "success") for each in NASTY]
        assert not (tmp_path / "x").exists()
        rig.end()


def test_an_id_with_a_line_break_is_refused(speaker: str) -> None:
    with Rig() as rig:
        define(rig, f"{speaker} PACKAGE file $IDFILE")
        rig.open()
        rig.run(0, ["a\nb"])
        gone = rig.expect(messages.Exited)
        assert "line break" in gone.why
        assert rig.packets(0) == []
        rig.end()


def test_listing_runs_the_command_with_its_list_option(speaker: str) -> None:
    with Rig() as rig:
        define(
            rig,
            f"{speaker} PACKAGE $LISTOPT $IDLIST $PROFILE",
            list_option="list",
            id_list_default="all of it",
        )
        rig.load()
        assert [each.test_id for each in rig.packets("p")] == ["all", "of", "it", "p"]
        assert {each.status for each in rig.packets("p")} == {"exists"}
        rig.end()


def test_a_listing_that_fails_says_how() -> None:
    with Rig() as rig:
        define(rig, "echo cannot list >&2; exit 3")
        rig.send(orders.load("p"))
        rig.until(lambda: any(getattr(each, "state", "") == "gone" for each in rig.seen), "gone")
        last = [each for each in rig.seen if isinstance(each, messages.LoaderState)][-1]
        assert (last.state, last.why) == ("gone", "exited with status 3: cannot list")
        rig.end()


def test_one_batch_is_one_process_and_what_waits_is_given_back() -> None:
    with Rig() as rig:
        define(rig, "echo words >&2; test -z $IDLIST || sleep 0.2; exit 4")
        rig.open()
        rig.send(orders.run(0, ["a"]), orders.run(0, ["b", "c"]), orders.drop(0, ["c", "a"]))
        dropped = rig.expect(messages.Dropped)
        returned = rig.expect(messages.Dropped)
        gone = rig.expect(messages.Exited)

        assert (dropped.ids, returned.ids) == (("c",), ("b",))
        assert (gone.code, gone.stderr) == (4, "words\n")
        rig.run(0, ["b"])
        assert rig.expect(messages.Exited).code == 4
        rig.end()


def test_a_command_can_be_stopped_and_killed() -> None:
    with Rig() as rig:
        define(rig, "echo $$ >&2; exec sleep 600")
        rig.open(grace=0.1)
        for end, why, signum in (
            (orders.stop(0), "was stopped on request", 15),
            (orders.kill(0), "was killed on request", 9),
        ):
            rig.run(0, ["a"])
            rig.send(orders.tail(0, True))
            pid = int(rig.expect(messages.Output).data)
            rig.send(orders.tail(0, False), end)
            gone = rig.expect(messages.Exited)
            assert (gone.why, gone.signal) == (why, signum)
            assert not alive(pid)
        rig.end()


def test_a_command_that_is_killed_at_once_is_dead() -> None:
    """Even if it had no time to become what its kill is aimed at."""
    with Rig() as rig:
        define(rig, "exec sleep 600")
        for generation in range(20):
            rig.open(generation=generation)
            rig.send(orders.run(0, ["a"]), orders.kill(0))
            assert rig.expect(messages.Exited).signal == 9
        rig.end()


def test_a_command_that_is_stopped_at_once_does_not_take_the_agent_along() -> None:
    with Rig() as rig:
        define(rig, "exec sleep 600")
        for generation in range(20):
            rig.open(generation=generation, grace=0.05)
            rig.send(orders.run(0, ["a"]), orders.stop(0))
            assert rig.expect(messages.Exited).signal in (9, 15)
        rig.end()


def test_what_a_command_leaves_behind_dies_with_it(tmp_path: Path) -> None:
    """Also when it still holds the pipe."""
    note = tmp_path / "pid"
    with Rig() as rig:
        define(
            rig,
            f"setsid sh -c 'echo $$ > {note}; exec sleep 600' & while test ! -s {note}; do :; done",
        )
        rig.open()
        rig.run(0, ["a"])
        assert rig.expect(messages.Exited).code == 0
        assert not alive(int(note.read_text()))
        rig.end()
