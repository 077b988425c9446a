"""The commands that look into the repository, from the command line's words to output and exit code."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from testlanes.runner.cli.entry import run_command_line
from testlanes.runner.cli.recorded import RecordedRun
from testlanes.runner.wire.subunit import Decoder, Packet, encode

SECOND = 1_000_000_000
START = 1_760_000_000 * SECOND
TRACEBACK = 'text/x-traceback;charset="utf8";language="python"'


def result(
    test_id: str,
    status: str = "success",
    seconds: float = 1.0,
    at: int = 0,
    tags: tuple[str, ...] = (),
) -> bytes:
    begin = START + at * SECOND
    end = begin + int(seconds * SECOND)
    parts = [Packet(test_id, "inprogress", ns=begin)]
    if status == "fail":
        data = f"Traceback\nValueError: {test_id}\n".encode()
        parts.append(Packet(test_id, name="traceback", mime=TRACEBACK, data=data, eof=True))
    parts.append(Packet(test_id, status, frozenset(tags), ns=end))
    return b"".join(map(encode, parts))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "test_empty.py").write_text("")
    (tmp_path / "testlanes.toml").write_text('framework = "unittest"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


def stored(project: Path, *results: bytes, options: tuple[str, ...] = ()) -> int:
    (project / "stream").write_bytes(b"".join(results))
    return run_command_line(["load", *options, "stream"])


Captured = pytest.CaptureFixture[str]


def test_load_stores_a_run_that_last_shows(project: Path, capsys: Captured) -> None:
    assert (
        stored(project, result("m.a"), result("m.b", "fail", 2.0, at=1), result("m.c", "skip")) == 1
    )
    loaded = capsys.readouterr().out
    assert run_command_line(["last"]) == 1
    out = capsys.readouterr().out
    assert out == loaded
    assert "FAIL    [   2.000s] lane 0  m.b\n    Traceback\n    ValueError: m.b\n" in out
    assert out.endswith("Ran 3 tests in 3.000s\nFAILED (id=0, failures=1, skips=1)\n")


def test_last_tells_what_changed_since_the_run_before(project: Path, capsys: Captured) -> None:
    stored(project, result("m.a", "fail"), result("m.b"))
    capsys.readouterr()
    assert stored(project, result("m.a", seconds=0.5)) == 0
    assert capsys.readouterr().out == (
        "Ran 1 (-1) tests in 0.500s (-0.500s)\nPASSED (id=1, failures=0 (-1))\n"
    )


def test_failing_in_its_forms(project: Path, capsys: Captured) -> None:
    stored(project, result("m.a", "fail"), result("m.b", "fail"), result("m.c"))
    capsys.readouterr()
    assert run_command_line(["failing", "--list"]) == 1
    assert capsys.readouterr().out == "m.a\nm.b\n"
    assert run_command_line(["failing", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["m.a"] == {"profiles": ["default"]}
    assert run_command_line(["failing"]) == 1
    out = capsys.readouterr().out
    assert "ValueError: m.a" in out
    assert out.endswith("2 failing\n")

    stored(project, result("m.a"), options=("--partial",))
    capsys.readouterr()
    assert run_command_line(["failing", "--list"]) == 1
    assert capsys.readouterr().out == "m.b\n"
    stored(project, result("m.b"), options=("--partial",))
    capsys.readouterr()
    assert run_command_line(["failing"]) == 0
    assert capsys.readouterr().out == "nothing is failing\n"


@pytest.mark.parametrize(
    "command", [["last", "--subunit"], ["failing", "--subunit"], ["history", "show", "--subunit"]]
)
def test_subunit_output_is_a_stream_and_its_exit_code_0(
    project: Path, capfdbinary: pytest.CaptureFixture[bytes], command: list[str]
) -> None:
    stored(project, result("m.a", "fail", tags=("worker-3",)))
    capfdbinary.readouterr()
    assert run_command_line(command) == 0
    packets = Decoder().feed(capfdbinary.readouterr().out)
    assert [p.status for p in packets if p.status] == ["inprogress", "fail"]
    assert packets[-1].tags == {"worker-3"}


def test_a_loaded_profile_is_kept(project: Path, capsys: Captured) -> None:
    stored(project, result("m.a", "fail"), options=("-p", "py313"))
    capsys.readouterr()
    run_command_line(["failing", "--json"])
    assert json.loads(capsys.readouterr().out) == {"m.a": {"profiles": ["py313"]}}


def test_several_streams_are_one_run_and_a_worker_each(project: Path, capsys: Captured) -> None:
    (project / "one").write_bytes(result("m.a", "fail"))
    (project / "two").write_bytes(result("m.b", "fail"))
    assert run_command_line(["load", "one", "two"]) == 1
    out = capsys.readouterr().out
    assert "lane 0  m.a" in out
    assert "lane 1  m.b" in out
    assert "Ran 2 tests" in out


def test_load_reads_standard_input_and_copies_it(
    project: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = result("m.a", "fail")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stream)))
    assert run_command_line(["load", "--subunit"]) == 0
    assert capfdbinary.readouterr().out == stream
    assert run_command_line(["last"]) == 1


def test_a_test_that_never_ended_counts_as_failed(project: Path, capsys: Captured) -> None:
    assert stored(project, result("m.a"), encode(Packet("m.b", "inprogress", ns=START))) == 1
    capsys.readouterr()
    run_command_line(["failing", "--list"])
    assert capsys.readouterr().out == "m.b\n"


@pytest.mark.parametrize("data", [b"", b"no subunit\n", encode(Packet("m.a", "exists"))])
def test_nothing_is_stored_of_streams_without_results(
    project: Path, capsys: Captured, data: bytes
) -> None:
    assert stored(project, data) == 4
    assert "nothing was stored" in capsys.readouterr().err
    assert not (project / ".testrepository").exists()


def test_a_stream_with_text_between_its_packets_is_read(project: Path) -> None:
    assert stored(project, b"noise\n", result("m.a"), b"\xb3\xb3 more \xff", result("m.b")) == 0


def test_slowest_first(project: Path, capsys: Captured) -> None:
    stored(project, *(result(f"m.t{n:02}", seconds=n / 10) for n in range(1, 13)))
    capsys.readouterr()
    assert run_command_line(["slowest", "-n", "2"]) == 0
    assert capsys.readouterr().out == (
        "Test id  Runtime (s)\n-------  -----------\nm.t12          1.200\nm.t11          1.100\n"
    )
    run_command_line(["slowest", "--all"])
    assert len(capsys.readouterr().out.splitlines()) == 14


def test_stats_and_history(project: Path, capsys: Captured) -> None:
    stored(project, result("m.a", "fail"), result("m.b"))
    stored(project, result("m.a"), result("m.b"))
    capsys.readouterr()
    assert run_command_line(["stats"]) == 0
    assert capsys.readouterr().out == "runs=2\nfailing=0\n"
    assert run_command_line(["history"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["run", "0", "1"]
    assert lines[1].split()[4:7] == ["2", "1", "no"]
    assert run_command_line(["history", "list", "--json"]) == 0
    assert [one["passed"] for one in json.loads(capsys.readouterr().out)] == [False, True]
    assert run_command_line(["history", "show", "0"]) == 1
    assert "ValueError: m.a" in capsys.readouterr().out
    assert run_command_line(["history", "remove", "0"]) == 0
    assert run_command_line(["history", "show", "0"]) != 0
    assert run_command_line(["history", "remove", "all"]) == 0
    capsys.readouterr()
    assert run_command_line(["stats"]) == 0
    assert capsys.readouterr().out.startswith("runs=0\n")


def test_no_command_leaves_the_repository_open(
    project: Path, capsys: Captured, open_below: Callable[..., list[str]]
) -> None:
    (project / "test_one.py").write_text(
        "import unittest\nclass T(unittest.TestCase):\n    def test_a(self): self.fail()\n"
    )
    commands = ("run --no-tui", "last", "failing", "slowest", "flaky", "stats", "history")
    more = ("history show 0", "list --failing", "run --failing --no-tui", "history remove 0")
    stored(project, result("a"), result("b", "fail"))
    for words in (*commands, *more):
        run_command_line(words.split())
        assert open_below(project) == [], words
    capsys.readouterr()


def test_init_makes_what_testr_makes_and_refuses_to_do_it_twice(
    project: Path, capsys: Captured
) -> None:
    assert run_command_line(["init"]) == 0
    assert (project / ".testrepository/format").read_text() == "1\n"
    assert run_command_line(["init"]) == 3
    assert "there is a repository already" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["last", "failing", "slowest", "stats", "history"])
def test_without_a_repository_the_error_says_what_to_do(
    project: Path, capsys: Captured, command: str
) -> None:
    assert run_command_line([command]) == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    first, second = captured.err.splitlines()
    assert first.startswith("testlanes: No repository found in ")
    assert second.startswith("hint: ")


@pytest.mark.parametrize("command", ["last", "slowest"])
def test_in_an_empty_repository_there_is_no_last_run(
    project: Path, capsys: Captured, command: str
) -> None:
    run_command_line(["init"])
    assert run_command_line([command]) == 3
    assert "no run is stored yet" in capsys.readouterr().err


def test_ids_cannot_act_on_the_output(project: Path, capsys: Captured) -> None:
    stored(project, result("m.t[\x1b]0;x\x07::error::y]", "fail"))
    run_command_line(["failing"])
    run_command_line(["slowest"])
    assert "\x1b" not in capsys.readouterr().out


def test_a_wrong_word_is_two_lines_and_exit_code_2(capsys: Captured) -> None:
    assert run_command_line(["run", "--nonsense"]) == 2
    assert capsys.readouterr().err == (
        "testlanes: unknown option --nonsense\n"
        "hint: `testlanes run --help` lists the options; the tests' own go behind `--`\n"
    )


@pytest.mark.parametrize(
    ("word", "told", "instead"),
    [
        ("-x", "-x", "-x in front of the `--`"),
        ("-qxv", "-x", "-x in front of the `--`"),
        ("--maxfail=2", "--maxfail", "--max-fail N in front of the `--`"),
        ("--last-failed", "--last-failed", "--failing in front of the `--`"),
        ("--co", "--co", "`testlanes list`"),
        ("--junitxml=r.xml", "--junitxml", "--junit FILE in front of the `--`"),
        ("-n4", "-n", "-j N in front of the `--`"),
        ("--durations=3", "--durations", "`testlanes slowest` afterwards"),
        (
            "--store-durations",
            "--store-durations",
            "pytest itself, of which one process has to see every test",
        ),
        (
            "--inline-snapshot=fix",
            "--inline-snapshot",
            "pytest itself: lanes would edit the same file at once",
        ),
    ],
)
def test_what_pytest_would_not_see_is_refused(
    project: Path, word: str, told: str, instead: str, capsys: Captured
) -> None:
    """Whoever writes it counts on it: it is no use if it is silently put aside."""
    (project / "testlanes.toml").write_text('framework = "pytest"\n')
    assert run_command_line(["run", "--no-tui", "--", "-k", "x", word]) == 2
    assert capsys.readouterr().err == (
        f"testlanes: pytest's {told} has no effect in lanes\nhint: use {instead}\n"
    )


def test_an_option_that_may_be_the_projects_own_is_not_refused(
    project: Path, capsys: Captured
) -> None:
    (project / "testlanes.toml").write_text('framework = "pytest"\n')
    assert run_command_line(["run", "--no-tui", "--", "--csv=data.csv"]) == 3
    assert "unrecognized arguments: --csv=data.csv" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("word", "told", "instead"),
    [
        ("--html=r.html", "--html", "--junit FILE in front of the `--`"),
        ("--md-report", "--md-report", "--junit FILE in front of the `--`"),
        ("--json-report", "--json-report", "--json in front of the `--`"),
        ("--json-report-file=r.json", "--json-report-file", "--json in front of the `--`"),
        ("--report-log=r.log", "--report-log", "--json in front of the `--`"),
    ],
)
def test_a_report_that_no_pytest_could_write_whole_is_refused(
    project: Path, word: str, told: str, instead: str, capsys: Captured
) -> None:
    (project / "testlanes.toml").write_text('framework = "pytest"\n')
    assert run_command_line(["run", "--no-tui", "--", word]) == 2
    said, hint = capsys.readouterr().err.splitlines()
    assert (
        said == f"testlanes: {told} writes no report in lanes: no pytest there sees the whole run"
    )
    assert hint.startswith(f"hint: use {instead}")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["--watch"], "`testlanes watch` is a command of its own"),
        (["run", "--retry=2"], "is --retries meant? The tests' own options go behind `--`"),
        (["failing", "--lst"], "is --list meant?"),
    ],
)
def test_a_word_that_is_nearly_right_is_told(words: list[str], hint: str, capsys: Captured) -> None:
    assert run_command_line(words) == 2
    assert capsys.readouterr().err.splitlines()[1] == f"hint: {hint}"


def test_a_folder_that_does_not_exist_is_named(project: Path, capsys: Captured) -> None:
    assert run_command_line(["-d", "nowhere", "last"]) == 2
    assert "there is no folder nowhere" in capsys.readouterr().err


def test_here_is_another_projects_repository(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(project, result("m.a"))
    monkeypatch.chdir("/")
    assert run_command_line(["last", "-d", str(project)]) == 0


def test_an_error_of_ours_is_two_lines_and_a_file(
    project: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(project))

    def broken(*_: object) -> None:
        raise ZeroDivisionError("our fault")

    monkeypatch.setattr("testlanes.runner.cli.stats.run_stats", broken)
    assert run_command_line(["stats"]) == 70
    first, second = capsys.readouterr().err.splitlines()
    assert first == "testlanes: internal error: ZeroDivisionError: our fault"
    log = Path(second.removeprefix("hint: please report it with "))
    assert "in broken" in log.read_text()


def test_ctrl_c_is_130_and_no_traceback(
    project: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pressed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("testlanes.runner.cli.stats.run_stats", pressed)
    assert run_command_line(["stats"]) == 130
    assert capsys.readouterr().err == "testlanes: interrupted\n"


def test_ctrl_c_once_more_does_not_interrupt_the_storing_of_a_run(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "test_it.py").write_text(
        "import unittest\nclass T(unittest.TestCase):\n    def test_it(self): pass\n"
    )
    store, pressed = RecordedRun.finish, list[bool]()

    def finish(recorded: RecordedRun) -> int:
        if not pressed:
            pressed.append(True)
            signal.raise_signal(signal.SIGINT)
        return store(recorded)

    monkeypatch.setattr(RecordedRun, "finish", finish)
    assert run_command_line(["run", "--no-tui"]) == 0
    assert pressed
    assert (project / ".testrepository" / "0").exists()


def test_output_that_nobody_reads_is_no_error(project: Path) -> None:
    stored(project, *(result(f"m.{'x' * 200}{n}", "fail") for n in range(300)))
    read, write = os.pipe()
    os.close(read)
    code = "import sys; from testlanes.__main__ import main; sys.exit(main(['failing']))"
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=write, stderr=subprocess.PIPE, check=False, timeout=60
    )
    os.close(write)
    assert done.stderr == b""
    assert done.returncode in (0, 1)


def test_help_loads_next_to_nothing() -> None:
    code = (
        "import sys; old = {*sys.modules}; from testlanes.__main__ import main; main(['--help']);"
        "print(len({*sys.modules} - old), 'asyncio' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-Ic", code], capture_output=True, text=True, check=True)
    count, has_asyncio = done.stdout.splitlines()[-1].split()
    assert int(count) < 80
    assert has_asyncio == "False"


COMMANDS = (
    "stats",
    "last",
    "failing",
    "failing --json",
    "last --subunit",
    "config",
    "list",
    "load x --subunit",
)


def in_a_shell(words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["/bin/sh", "-c", f"exec {sys.executable} -m testlanes {words}"],
        stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS)
def test_a_full_disk_is_told_whatever_was_to_be_written(project: Path, words: str) -> None:
    stored(project, result("m.a", "fail"))
    (project / "x").write_bytes(result("m.a"))
    (project / "test_it.py").write_text(
        "import unittest\nclass T(unittest.TestCase):\n    def test_it(self): pass\n"
    )
    done = in_a_shell(f"{words} >/dev/full")
    expected = "testlanes: not all of the output could be written: No space left on device\n"
    assert (done.stderr.decode(), done.returncode) == (expected, 3)


@pytest.mark.parametrize(
    ("words", "code"), [("run --no-tui", 1), ("failing", 1), ("stats", 0), ("load", 4)]
)
def test_closed_standard_streams_change_no_exit_code(project: Path, words: str, code: int) -> None:
    (project / "test_it.py").write_text(
        "import unittest\nclass T(unittest.TestCase):\n    def test_it(self): self.fail()\n"
    )
    stored(project, result("test_it.T.test_it", "fail"))
    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        done = in_a_shell(f"{words} {closed}")
        assert done.returncode == code, done.stderr
        assert b"internal error" not in done.stderr


def test_a_run_that_cannot_be_removed_is_no_error_of_ours(project: Path, capsys: Captured) -> None:
    stored(project, result("m.a"))
    (project / ".testrepository" / "0").unlink()
    (project / ".testrepository" / "0").mkdir()
    assert run_command_line(["history", "remove", "0"]) == 2
    assert "Cannot write to " in capsys.readouterr().err


def test_what_is_known_to_be_flaky_fails_no_stored_run(project: Path, capsys: Captured) -> None:
    (project / "testlanes.toml").write_text('framework = "unittest"\nknown_flaky = ["m.flaky"]\n')
    assert stored(project, result("m.a"), result("m.flaky", "fail", at=1)) == 0
    assert stored(project, result("m.bad", "fail"), result("m.flaky", "fail", at=1)) == 1
    capsys.readouterr()
    assert run_command_line(["history", "show", "0"]) == 0
    out = capsys.readouterr().out
    assert "m.flaky  (known flaky)\n" in out
    assert out.endswith("PASSED (id=0, failures=1, known flaky=1)\n")
    assert run_command_line(["last"]) == 1
    assert capsys.readouterr().out.endswith("FAILED (id=1, failures=2 (+1), known flaky=1)\n")
    assert run_command_line(["history", "--json"]) == 0
    assert [one["passed"] for one in json.loads(capsys.readouterr().out)] == [True, False]
    assert run_command_line(["failing"]) == 1
    assert capsys.readouterr().out.endswith("2 failing, 1 of them known flaky\n")


def test_until_failure_ends_at_a_failure_that_is_known_to_come_and_go(project: Path) -> None:
    (project / "testlanes.toml").write_text('framework = "unittest"\nknown_flaky = ["test_it"]\n')
    (project / "test_it.py").write_text(
        "import os, unittest\nclass T(unittest.TestCase):\n    def test_it(self):\n"
        "        if os.path.exists('there'): self.fail()\n        open('there', 'w').close()\n"
    )
    done = in_a_shell("run --no-tui --until-failure")
    assert done.stdout.count(b" tests in ") + done.stdout.count(b" test in ") == 2
    assert done.returncode == 0


def test_the_demo_says_last_where_its_project_stays(project: Path) -> None:
    temporary = project / "tmp"
    temporary.mkdir()
    with subprocess.Popen(
        [sys.executable, "-m", "testlanes", "demo", "--no-tui"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(temporary)},
        text=True,
    ) as demo:
        assert demo.stdout is not None
        assert " listed in " in demo.stdout.readline()
        demo.send_signal(signal.SIGINT)  # some of its tests hang for seconds
        demo.stdout.readline()
        demo.send_signal(signal.SIGINT)
        _, said = demo.communicate(timeout=60)
    [folder] = temporary.glob("testlanes-demo-*")
    assert said.splitlines()[-1].startswith(f"testlanes: the demo's project stays in {folder}:")
