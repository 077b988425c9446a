"""The real engine on real suites: agent, loader, workers, dispatcher; every test ends with one status."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from testlanes.runner.agent_options import lane_count
from testlanes.runner.engine import prepare
from testlanes.runner.errors import UserError
from testlanes.runner.events import (
    CaseFinished,
    CasesListed,
    CaseStarted,
    OutputReceived,
    RunEvent,
    WorkerStarted,
)
from testlanes.runner.headless import exit_code
from testlanes.runner.ids import Kind, LaneId, Row
from testlanes.runner.intents import Rerun, StopRun, StopTest, Watch
from testlanes.runner.plan import Plan, Segment
from testlanes.runner.request import Request
from testlanes.runner.settings import CommandSuite, Selection, Settings, UnittestSuite
from testlanes.runner.state import Standing
from testlanes.runner.wire.subunit import Decoder

from .projects import finish, go, only, outcomes, pytests, settings, unittests, write

MIXED = """
    import os, unittest

    class Good(unittest.TestCase):
        def test_one(self): pass
        def test_two(self): print("to stdout")

    class Bad(unittest.TestCase):
        def test_assert(self):
            print("said before"); self.assertEqual(1, 2)
        def test_error(self): raise RuntimeError("boom")
        @unittest.skip("not today")
        def test_skip(self): pass
        @unittest.expectedFailure
        def test_xfail(self): self.fail()

    class Deadly(unittest.TestCase):
        def test_segfault(self): os.kill(os.getpid(), 11)
        def test_exit(self): os._exit(0)
        def test_survivor(self): pass
    """
MIXED_OUTCOMES = {
    "test_one": "success",
    "test_two": "success",
    "test_assert": "assertion",
    "test_error": "error",
    "test_skip": "skip",
    "test_xfail": "xfail",
    "test_segfault": "crash",
    "test_exit": "crash",
    "test_survivor": "success",
}


async def test_a_unittest_suite_gets_the_right_verdicts(tmp_path: Path) -> None:
    state, code = await finish(unittests(write(tmp_path, test_mixed=MIXED)))

    assert MIXED_OUTCOMES == outcomes(state)
    assert 1 == code


async def test_the_same_suite_under_pytest_gets_the_same_verdicts(tmp_path: Path) -> None:
    state, code = await finish(pytests(write(tmp_path, test_mixed=MIXED)))

    assert MIXED_OUTCOMES == outcomes(state)
    assert 1 == code


async def test_the_same_suite_in_fresh_workers_gets_the_same_verdicts(tmp_path: Path) -> None:
    state, _ = await finish(unittests(write(tmp_path, test_mixed=MIXED), fresh=True))

    assert MIXED_OUTCOMES == outcomes(state)


async def test_the_same_suite_with_a_worker_per_test_gets_the_same_verdicts(tmp_path: Path) -> None:
    state, _ = await finish(unittests(write(tmp_path, test_mixed=MIXED), isolated=True))

    assert MIXED_OUTCOMES == outcomes(state)
    assert len(MIXED_OUTCOMES) <= sum(lane.generation + 1 for lane in state.lanes.values())


async def test_no_more_lanes_are_opened_than_there_are_tests_asked_for(tmp_path: Path) -> None:
    names = ("test_mixed.Good.test_one", "test_mixed.Good.test_two")
    made = unittests(write(tmp_path, test_mixed=MIXED), concurrency=4)
    for count in (1, 2):
        chosen = Selection(per_profile={made.profiles[0].name: frozenset(names[:count])})
        state, _ = await finish(made, Request(chosen))

        assert list(outcomes(state).values()) == ["success"] * count
        assert len(state.lanes) == count
        assert state.started is not None
        assert state.started.lanes == count


async def test_a_failure_has_its_traceback_and_what_it_said(tmp_path: Path) -> None:
    state, _ = await finish(unittests(write(tmp_path, test_mixed=MIXED)), only("test_assert"))

    (row,) = state.failures
    details = {detail.name: detail.text for detail in state.details[row]}
    assert "AssertionError: 1 != 2" in details["traceback"]
    assert "said before" in details["stdout"]


async def test_a_crash_tells_the_signal_and_where_it_was(tmp_path: Path) -> None:
    state, _ = await finish(unittests(write(tmp_path, test_mixed=MIXED)), only("test_segfault"))

    (row,) = state.failures
    text = " ".join(detail.text for detail in state.details[row])
    assert "SIGSEGV" in text


async def test_a_crash_tells_where_it_was_also_after_a_test_switched_faulthandler_off(
    tmp_path: Path,
) -> None:
    suite = """
        import faulthandler, os, unittest
        class A(unittest.TestCase):
            def test_a(self): faulthandler.disable()
            def test_b_dies(self): os.kill(os.getpid(), 11)
    """
    made = unittests(write(tmp_path, test_off=suite), concurrency=1, group_regex=".*A")
    state, _ = await finish(made)

    (row,) = state.failures
    assert "in test_b_dies" in " ".join(detail.text for detail in state.details[row])


async def test_a_suite_that_runs_testlanes_in_a_lane_keeps_its_loader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left of a lane is killed when its worker died; the loader is no part of it."""
    suite = """
        import os, unittest
        with open("loaded", "a") as note: note.write("x")
        class A(unittest.TestCase):
            def test_a_dies(self): os.kill(os.getpid(), 9)
            def test_b(self): pass
    """
    write(tmp_path, test_inner=suite)
    for lane in ("0-0", "0-1"):
        monkeypatch.setenv("TESTLANES_LANE", lane)
        (tmp_path / "loaded").unlink(missing_ok=True)
        state, _ = await finish(unittests(tmp_path, concurrency=1))

        assert outcomes(state) == {"test_a_dies": "crash", "test_b": "success"}
        assert (tmp_path / "loaded").read_text() == "x"


async def test_a_test_over_its_limit_is_stopped_and_the_others_run(tmp_path: Path) -> None:
    write(
        tmp_path,
        test_slow="""
            import signal, time, unittest
            class Slow(unittest.TestCase):
                def test_hangs(self): time.sleep(600)
                def test_ignores_everything(self):
                    for number in range(1, 65):
                        try: signal.signal(number, signal.SIG_IGN)
                        except (OSError, ValueError): pass
                    while True:
                        try: time.sleep(600)
                        except BaseException: pass
                def test_quick(self): pass
            """,
    )
    state, code = await finish(unittests(tmp_path, timeout=1.5, grace=1.5))

    assert {
        "test_hangs": "timeout",
        "test_ignores_everything": "timeout",
        "test_quick": "success",
    } == outcomes(state)
    assert 1 == code
    texts = {
        state.cases.test_id(row).rpartition(".")[2]: " ".join(d.text for d in state.details[row])
        for row in state.failures
    }
    assert "time.sleep(600)" in texts["test_hangs"]
    assert "over its time limit" in texts["test_ignores_everything"]


async def test_nothing_selected_is_nothing_to_run(tmp_path: Path) -> None:
    _, code = await finish(unittests(write(tmp_path, test_mixed=MIXED)), only("no such test"))

    assert 4 == code


async def test_a_suite_that_cannot_be_loaded_is_told_with_its_reason(tmp_path: Path) -> None:
    write(tmp_path, conftest="import nothing_of_this_name")
    state, code = await finish(pytests(tmp_path))

    assert 3 == code
    assert state.ended is not None
    assert "nothing_of_this_name" in state.ended.problem


async def test_a_python_that_is_too_old_is_named(tmp_path: Path) -> None:
    old = next((Path.home() / ".pyenv/versions").glob("3.[67].*/bin/python"), None)
    if old is None:
        pytest.skip("there is no Python 3.6 or 3.7 here")
    made = unittests(write(tmp_path, test_a="import unittest"))
    state, code = await finish(
        replace(made, profiles=(replace(made.profiles[0], python=str(old)),))
    )
    assert code == 3
    assert state.ended is not None
    assert f"{old} is Python 3." in state.ended.problem
    assert state.ended.problem.endswith("; 3.8 or later is needed")


async def test_an_import_error_is_a_failing_test_and_the_rest_runs(tmp_path: Path) -> None:
    write(tmp_path, test_broken="import nothing_of_this_name", test_mixed=MIXED)
    state, _ = await finish(unittests(tmp_path), only("Good", "broken"))

    assert {"test_broken": "error", "test_one": "success", "test_two": "success"} == outcomes(state)


async def test_class_fixtures_are_set_up_once_a_lane_at_most(tmp_path: Path) -> None:
    log = tmp_path / "log"
    body = "\n".join(f"    def test_{n}(self): pass" for n in range(40))
    (tmp_path / "test_group.py").write_text(
        "import unittest\n"
        "class Dear(unittest.TestCase):\n"
        "    @classmethod\n"
        f"    def setUpClass(cls): open({str(log)!r}, 'a').write('up ')\n"
        "    @classmethod\n"
        f"    def tearDownClass(cls): open({str(log)!r}, 'a').write('down ')\n" + body + "\n"
    )
    _, code = await finish(unittests(tmp_path))

    words = log.read_text().split()
    assert 0 == code
    assert words.count("up") == words.count("down")
    assert words.count("up") <= 2


async def test_a_hard_group_runs_in_one_worker_in_order(tmp_path: Path) -> None:
    body = "\n".join(f"    def test_{n:02}(self): pass" for n in range(30))
    classes = "\n".join(f"class C{n}(unittest.TestCase):\n{body}" for n in range(4))
    (tmp_path / "test_group.py").write_text(f"import unittest\n{classes}\n")
    made = unittests(tmp_path, group_regex=r"test_group\.C\d")
    run = prepare(made, Request())
    ran: dict[str, list[tuple[LaneId, str]]] = {}

    def observe(event: RunEvent) -> None:
        if isinstance(event, CaseStarted):
            name = run.cases.test_id(event.row)
            ran.setdefault(name.rpartition(".")[0], []).append((event.lane, name))

    run.observers.append(observe)
    _, code = await go(run)

    assert 0 == code
    for group in ran.values():
        assert 1 == len({lane for lane, _ in group})
        assert sorted(group) == group


async def test_plan_segments_run_one_after_the_other(tmp_path: Path) -> None:
    write(
        tmp_path,
        test_plan="""
            import time, unittest
            class Alone(unittest.TestCase):
                def test_a(self): time.sleep(0.05)
                def test_b(self): time.sleep(0.05)
            class Rest(unittest.TestCase):
                def test_c(self): pass
                def test_d(self): pass
            """,
    )
    plan = Plan([Segment("alone", match=(re.compile("Alone"),), concurrency=1)])
    run = prepare(unittests(tmp_path), Request(plan=plan))
    order: list[str] = []
    together: list[int] = []
    running: set[str] = set()

    def observe(event: RunEvent) -> None:
        if isinstance(event, CaseStarted | CaseFinished):
            name = run.cases.test_id(event.row).rpartition(".")[2]
            if isinstance(event, CaseStarted):
                order.append(name)
                running.add(name)
                together.append(len(running & {"test_a", "test_b"}))
            else:
                running.discard(name)

    run.observers.append(observe)
    _, code = await go(run)

    assert 0 == code
    assert {"test_a", "test_b"} == set(order[:2])
    assert 1 == max(together)


async def test_a_stop_ends_the_run_and_fails_nobody(tmp_path: Path) -> None:
    write(
        tmp_path,
        test_long="""
            import time, unittest
            class Long(unittest.TestCase):
                def test_a(self): time.sleep(600)
                def test_b(self): time.sleep(600)
                def test_c(self): pass
            """,
    )
    run = prepare(unittests(tmp_path), Request())
    started = asyncio.Event()

    def observe(event: RunEvent) -> None:
        if isinstance(event, CaseStarted) and not started.is_set():
            started.set()
            run.supervisor.ask(StopRun())
            run.supervisor.ask(StopRun(hard=True))

    run.observers.append(observe)
    state, code = await go(run)

    assert 130 == code
    assert not state.failures
    assert state.counts[Standing.NOT_RUN] >= 2


async def test_one_test_can_be_stopped_while_the_others_go_on(tmp_path: Path) -> None:
    write(
        tmp_path,
        test_long="""
            import time, unittest
            class Long(unittest.TestCase):
                def test_a(self): time.sleep(600)
                def test_b(self): pass
            """,
    )
    run = prepare(unittests(tmp_path, grace=0.5), Request())

    def observe(event: RunEvent) -> None:
        if isinstance(event, CaseStarted) and run.cases.test_id(event.row).endswith("test_a"):
            asyncio.get_running_loop().call_soon(run.supervisor.ask, StopTest(event.lane))

    run.observers.append(observe)
    state, code = await go(run)

    assert {"test_a": "error", "test_b": "success"} == outcomes(state)
    (row,) = state.failures
    assert "the test was stopped" in " ".join(d.text for d in state.details[row]).lower()
    assert 1 == code


async def test_a_test_can_be_run_again_while_the_run_goes_on(tmp_path: Path) -> None:
    write(
        tmp_path,
        test_again="""
            import os, time, unittest
            class Again(unittest.TestCase):
                def test_first_fails(self):
                    if not os.path.exists("mark"):
                        open("mark", "w").close(); self.fail()
                def test_slow(self): time.sleep(0.3)
            """,
    )
    run = prepare(unittests(tmp_path), Request())

    def observe(event: RunEvent) -> None:
        if isinstance(event, CaseFinished) and event.kind is Kind.ASSERTION:
            asyncio.get_running_loop().call_soon(run.supervisor.ask, Rerun((event.row,)))

    run.observers.append(observe)
    state, code = await go(run)

    assert {"test_first_fails": "success", "test_slow": "success"} == outcomes(state)
    assert 0 == code


async def test_a_test_can_be_run_until_it_fails(tmp_path: Path) -> None:
    write(
        tmp_path,
        test_until="""
            import os, unittest
            class Until(unittest.TestCase):
                def test_third_time(self):
                    with open("turns", "a") as turns: turns.write("x")
                    self.assertNotEqual(os.path.getsize("turns"), 3)
                def test_never(self): pass
            """,
    )
    run = prepare(unittests(tmp_path), Request())

    def observe(event: RunEvent) -> None:
        if isinstance(event, CasesListed):
            rerun = Rerun(tuple(event.selected), 5, until_failure=True)
            asyncio.get_running_loop().call_soon(run.supervisor.ask, rerun)

    run.observers.append(observe)
    state, code = await go(run)

    assert {"test_third_time": "assertion", "test_never": "success"} == outcomes(state)
    attempts = {
        run.cases.case(Row(row)).test_id.rpartition(".")[2]: n
        for row, n in enumerate(state.attempts)
    }
    assert attempts == {"test_third_time": 3, "test_never": 5}
    assert 1 == code


async def test_retries_make_a_flaky_test_pass(tmp_path: Path) -> None:
    write(
        tmp_path,
        test_flaky="""
            import os, unittest
            class Flaky(unittest.TestCase):
                def test_flaky(self):
                    if not os.path.exists("mark"):
                        open("mark", "w").close(); self.fail()
            """,
    )
    state, code = await finish(unittests(tmp_path, retries=1))

    assert 0 == code
    assert 1 == len(state.flaky)


async def test_live_output_comes_while_the_test_runs(tmp_path: Path) -> None:
    write(
        tmp_path,
        test_loud="""
            import os, time, unittest
            class Loud(unittest.TestCase):
                def test_loud(self):
                    print("half way", flush=True)
                    while not os.path.exists("seen"): time.sleep(0.01)
            """,
    )
    run = prepare(unittests(tmp_path, timeout=20), Request())
    seen: list[bytes] = []

    def observe(event: RunEvent) -> None:
        if isinstance(event, CaseStarted):
            asyncio.get_running_loop().call_soon(run.supervisor.ask, Watch(event.lane, True))
        if isinstance(event, OutputReceived):
            seen.append(event.data)
            (tmp_path / "seen").touch()

    run.observers.append(observe)
    _, code = await go(run)

    assert 0 == code
    assert b"half way" in b"".join(seen)


async def test_live_output_goes_on_when_a_worker_is_replaced(tmp_path: Path) -> None:
    write(
        tmp_path,
        test_loud="""
            import os, time, unittest
            class Loud(unittest.TestCase):
                def test_a_dies(self):
                    os._exit(1)
                def test_b_loud(self):
                    print("half way", flush=True)
                    while not os.path.exists("seen"): time.sleep(0.01)
            """,
    )
    run = prepare(unittests(tmp_path, timeout=10, concurrency=1), Request())
    run.supervisor.ask(Watch(LaneId(0), True))

    def observe(event: RunEvent) -> None:
        if isinstance(event, OutputReceived) and b"half way" in event.data:
            (tmp_path / "seen").touch()

    run.observers.append(observe)
    state, _ = await go(run)

    assert {"test_a_dies": "crash", "test_b_loud": "success"} == outcomes(state)


async def test_workers_start_before_the_listing_has_ended(tmp_path: Path) -> None:
    # A loader forks between two modules. The last one waits for a test of the first, which only an
    # early worker can have run; the ones between give the request time to arrive.
    write(
        tmp_path,
        test_a="""
            import unittest
            class A(unittest.TestCase):
                def test_first(self): open("ran", "w").close()
            """,
        **{
            f"test_b{number}": "import os, time\nos.path.exists('ran') or time.sleep(0.05)\n"
            for number in range(200)
        },
        test_c="""
            import os, time, unittest
            limit = time.monotonic() + 20
            while not os.path.exists("ran") and time.monotonic() < limit: time.sleep(0.01)
            EARLY = os.path.exists("ran")
            class C(unittest.TestCase):
                def test_second(self): self.assertTrue(EARLY)
            """,
    )
    state, code = await finish(unittests(tmp_path))

    assert {"test_first": "success", "test_second": "success"} == outcomes(state)
    assert 0 == code


FOREIGN = """
    import sys, unittest
    sys.path.insert(0, ".")
    from subunit.run import main
    main()
    """


def foreign(folder: Path) -> Settings:
    return settings(
        folder,
        CommandSuite(
            f"{sys.executable} -m subunit.run discover -s . $LISTOPT $IDOPTION",
            "--load-list $IDFILE",
            "--list",
        ),
    )


async def test_a_command_that_speaks_subunit_runs_in_foreign_lanes(tmp_path: Path) -> None:
    state, code = await finish(foreign(write(tmp_path, test_mixed=MIXED)), only("Good", "Bad"))

    expected = {
        k: v
        for k, v in MIXED_OUTCOMES.items()
        if k not in ("test_segfault", "test_exit", "test_survivor")
    }
    # subunit has one word for all that fails
    assert {**expected, "test_assert": "fail", "test_error": "fail"} == outcomes(state)
    assert 1 == code


async def test_a_crash_in_a_foreign_lane_costs_one_test(tmp_path: Path) -> None:
    state, code = await finish(
        foreign(write(tmp_path, test_mixed=MIXED)), only("Good", "Deadly.test_seg", "survivor")
    )

    assert {
        "test_one": "success",
        "test_two": "success",
        "test_segfault": "crash",
        "test_survivor": "success",
    } == outcomes(state)
    assert 1 == code


async def test_a_foreign_listing_that_fails_says_which_import_did(tmp_path: Path) -> None:
    made = foreign(write(tmp_path, test_good=MIXED, test_broken="import no_such_module"))
    state, code = await finish(made, Request())

    profile = next(iter(state.profiles.values()))
    assert profile.listing == "failed"
    assert "No module named 'no_such_module'" in profile.error
    assert 3 == code


async def test_no_process_and_no_folder_is_left(tmp_path: Path) -> None:
    pids: list[int] = []
    made = unittests(
        write(
            tmp_path,
            test_daemon="""
                import os, subprocess, sys, unittest
                class Leaves(unittest.TestCase):
                    def test_daemon(self):
                        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
                        open("pid", "w").write(str(child.pid))
                        child.returncode = 0
                """,
        )
    )
    run = prepare(made, Request())
    run.observers.append(
        lambda event: pids.append(event.pid) if isinstance(event, WorkerStarted) else None
    )
    await go(run)
    pids.append(int((tmp_path / "pid").read_text()))

    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_an_observer_that_fails_does_not_fail_the_run(tmp_path: Path) -> None:
    run = prepare(unittests(write(tmp_path, test_mixed=MIXED)), only("Good"))

    def broken(event: RunEvent) -> None:
        raise OSError(28, "No space left on device")

    run.observers.append(broken)
    state, code = await go(run)

    assert 0 == code
    assert any("No space left" in warning.text for warning in state.warnings)


async def test_sigterm_ends_a_run_at_once_and_leaves_nothing(tmp_path: Path) -> None:
    write(
        tmp_path,
        test_long="""
            import time, unittest
            class Long(unittest.TestCase):
                def test_a(self): time.sleep(600)
            """,
    )
    run = prepare(unittests(tmp_path), Request())

    def observe(event: RunEvent) -> None:
        if isinstance(event, CaseStarted):
            os.kill(os.getpid(), signal.SIGTERM)

    run.observers.append(observe)
    _, code = await go(run)

    assert 130 == code == exit_code(run.state)


def test_the_concurrency_callout_gives_the_number_of_lanes(tmp_path: Path) -> None:
    assert 7 == lane_count(unittests(tmp_path, concurrency=0, concurrency_command="echo 7"))


@pytest.mark.parametrize("command", ["echo many", "exit 3"])
def test_a_broken_concurrency_callout_is_told(tmp_path: Path, command: str) -> None:
    with pytest.raises(UserError, match="test_run_concurrency"):
        lane_count(unittests(tmp_path, concurrency=0, concurrency_command=command))


async def test_a_worker_over_its_memory_limit_costs_the_test_that_ran(tmp_path: Path) -> None:
    write(
        tmp_path,
        test_m="""
            import time, unittest

            class A(unittest.TestCase):
                def test_grows(self):
                    held = []
                    for _ in range(400):
                        held.append(b"x" * 5_000_000)
                        time.sleep(0.01)
                    time.sleep(600)
            class B(unittest.TestCase):
                pass
            for n in range(20):
                setattr(B, "test_%d" % n, lambda self: None)
        """,
    )
    state, code = await finish(unittests(tmp_path, memory_limit=150_000_000))

    found = outcomes(state)
    assert found.pop("test_grows") == "crash"
    assert set(found.values()) == {"success"}
    assert code == 1
    (row,) = state.failures
    text = state.details[row][0].text
    assert text.startswith("The worker was killed for its memory (")
    assert "its limit is 150 MB) while this test ran." in text
    assert "in test_grows" in text


async def test_a_suite_that_is_named_runs_as_its_command_would(tmp_path: Path) -> None:
    """Functions that make a suite, modules and classes; what cannot be imported is a failing test."""
    write(
        tmp_path,
        all_tests="""
            import unittest
            class One(unittest.TestCase):
                def test_a(self): pass
                def test_b(self): self.fail("b")
            def suite(): return unittest.TestSuite([One("test_a"), One("test_b")])
            """,
        others="""
            import unittest
            class Two(unittest.TestCase):
                def test_c(self): pass
            class Three(unittest.TestCase):
                def test_not_named(self): pass
            """,
    )
    names = ("all_tests.suite", "others.Two", "no_such_module")
    state, code = await finish(settings(tmp_path, UnittestSuite(names=names)), Request())

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "subunit.run", "--list", *names),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        stream, _ = await process.communicate()
    listed = {p.test_id for p in Decoder(foreign=True).feed(stream) if p.status == "exists"}
    assert {state.cases.test_id(row) for row in state.cases} == listed
    assert {
        "test_a": "success",
        "test_b": "assertion",
        "test_c": "success",
        "no_such_module": "error",
    } == outcomes(state)
    assert 1 == code


@pytest.mark.parametrize("make", [unittests, pytests])
async def test_a_filter_that_cannot_look_into_a_broken_module_says_so(
    tmp_path: Path, make: Callable[[Path], Settings]
) -> None:
    good = "import unittest\nclass Good(unittest.TestCase):\n    def test_quota(self): pass\n"
    folder = write(tmp_path, test_good=good, test_broken="import no_such_module\n")

    state, code = await finish(make(folder), only("test_quota"))

    assert code == 0
    (warning,) = [each.text for each in state.warnings if "could not be loaded" in each.text]
    assert "no filter finds tests in there: test_broken" in warning
