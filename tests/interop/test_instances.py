"""testr's instance protocol with scripts that log their calls; the real ``testr`` in the same project is the judge."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from testlanes.runner.config.hosts import here_only
from testlanes.runner.config.load import load_settings
from testlanes.runner.config.overrides import Overrides
from testlanes.runner.hosts.instances import Instances
from testlanes.runner.repository.directory import DirectoryRepository

from .nova import CONF, INTERRUPTS, LIMIT, QUICK, Nova, make_nova, shape, stop

Opened = Callable[..., DirectoryRepository]
Tool = Callable[..., CompletedProcess[bytes]]


@pytest.fixture
def nova(tmp_path: Path) -> Nova:
    folder = tmp_path / "shop"
    folder.mkdir()
    return make_nova(folder)


def sorted_shapes(calls: list[list[str]]) -> set[tuple[str, ...]]:
    """Return execute's calls without the instance's id, each shape once."""
    return {shape(["ID", *call[1:]]) for call in calls}


class TestAsTestrDoes:
    def test_three_machines_with_eight_lanes(self, nova: Nova, tool: Tool, opened: Opened) -> None:
        code, said = nova.run("-j", "8", QUICK)

        assert code == 0, said
        assert nova.of("provision") == [["8"]]
        assert nova.of("dispose") == [list("01234567")]
        assert set(nova.ran.values()) == {1}
        assert len(nova.ran) == 24
        used = {call[0] for call in nova.of("execute")}
        assert used <= set("01234567")
        places = {
            (machine, instance)
            for _, machine, instance in map(
                str.split, (nova.folder / "ran.log").read_text().splitlines()
            )
        }
        where = {"0": "laptop", "1": "another-laptop", "2": "another-laptop"}
        assert places == {(where.get(instance, "desktop"), instance) for _, instance in places}
        assert len(places) > 1

        repository = opened(nova.folder / ".testrepository", "testr", create=False)
        tags = {tag for result in repository.read(0) for tag in result.tags}
        assert {f"host-{instance}" for _, instance in places} <= tags

        ours = sorted_shapes(nova.of("execute"))
        nova.forget()
        done = tool(nova.folder, "testr", "run", "--parallel", "--concurrency", "8", QUICK)
        assert done.returncode == 0, done.stderr
        assert nova.of("provision") == [["8"]]
        assert sorted_shapes(nova.of("execute")) == ours
        assert nova.of("dispose") == [list("01234567")]

    def test_serial_with_a_filter(self, nova: Nova, tool: Tool) -> None:
        code, said = nova.run("--serial", "Case1")

        assert code == 0, said
        calls = nova.calls
        assert calls[0] == ["provision", "1"]
        assert calls[-1] == ["dispose", "0"]
        ours = sorted_shapes(nova.of("execute"))
        nova.forget()
        assert tool(nova.folder, "testr", "run", "Case1").returncode == 0
        assert nova.calls[0] == calls[0]
        assert nova.calls[-1] == calls[-1]
        assert sorted_shapes(nova.of("execute")) == ours

    def test_the_callout_says_how_many(self, nova: Nova, tmp_path: Path) -> None:
        (nova.folder / ".testr.conf").write_text(f"{CONF}test_run_concurrency=echo 3\n")

        assert nova.run(QUICK)[0] == 0
        assert nova.of("provision") == [["3"]]

    def test_a_listing_needs_one(self, nova: Nova) -> None:
        code, said = nova.run(QUICK, command="list")

        assert code == 0, said
        assert [shape(call) for call in nova.of("execute")] == [
            ("0", "--", *shape(nova.of("execute")[0])[2:])
        ]
        assert nova.of("provision") == [["1"]]
        assert nova.of("dispose") == [["0"]]
        assert said.count("test_where") == 24

    def test_without_execute_the_command_runs_as_it_is(self, nova: Nova) -> None:
        conf = "".join(line for line in CONF.splitlines(True) if "execute" not in line)
        (nova.folder / ".testr.conf").write_text(conf)

        assert nova.run("-j", "2", "quick")[0] == 0
        assert [call[0] for call in nova.calls] == ["provision", "dispose"]

    def test_hosts_that_are_named_take_their_place(self, nova: Nova) -> None:
        assert nova.run("--host", "local", "quick")[0] == 0
        assert nova.calls == []

    def test_a_watch_is_of_this_machine(self, nova: Nova) -> None:
        settings = here_only(load_settings(nova.folder, Overrides(), os.environ))

        assert not settings.instance_provision
        assert "no instances are provisioned" in settings.problems[-1]


class TestWhereTestrDoesNot:
    def test_until_failure_provisions_once(self, nova: Nova) -> None:
        code, said = nova.run("-j", "2", "--until-failure", "turns")

        assert code == 1, said
        assert (nova.folder / "turns").read_text() == "..."
        assert nova.of("provision") == [["2"]]
        assert nova.of("dispose") == [["0", "1"]]

    def test_failing_in_parallel(self, nova: Nova) -> None:
        (nova.folder / "turns").write_text("...")
        assert nova.run("-j", "3", "ShopTest")[0] == 1
        nova.forget()

        code, said = nova.run("-j", "3", "--failing")

        assert code == 1, said
        assert "2 tests in" in said
        assert nova.of("provision") == [["2"]], "two tests have no use for three"
        assert nova.of("dispose") == [["0", "1"]]

    def test_a_load_list_in_parallel(self, nova: Nova) -> None:
        ids = [f"test_shop.Case{number}.test_where" for number in range(6)]
        (nova.folder / "list").write_text("\n".join(ids))

        code, said = nova.run("-j", "3", "--load-list", "list")

        assert code == 0, said
        assert nova.of("provision") == [["3"]]
        assert set(nova.ran) == set(ids)

    def test_what_is_missing_is_asked_for_again(self, nova: Nova) -> None:
        nova.script("provision", 'test -f more && echo c && exit; touch more; printf "a b"; exit\n')

        code, said = nova.run("-j", "3", QUICK)

        assert code == 0, said
        assert nova.of("provision") == [["3"], ["1"]]
        assert nova.of("dispose") == [["a", "b", "c"]]

    def test_too_few_is_an_error_and_no_endless_loop(self, nova: Nova) -> None:
        nova.script("provision", "echo a; exit\n")

        code, said = nova.run("-j", "3", QUICK)

        assert code == 3
        assert "printed no new id 2 times in a row, and 1 of 3 instances are there" in said
        assert nova.of("provision") == [["3"], ["2"], ["2"]]
        assert nova.of("dispose") == [["a"]]

    def test_what_was_printed_before_a_failure_is_disposed_of(self, nova: Nova) -> None:
        nova.script("provision", "echo b a; echo no quota >&2; exit 4\n")

        code, said = nova.run("-j", "3", QUICK)

        assert code == 3
        assert "instance_provision ended with status 4: no quota" in said
        assert nova.of("dispose") == [["a", "b"]]
        assert nova.of("execute") == []

    def test_odd_ids(self, nova: Nova) -> None:
        nova.script(
            "provision", r"""printf '%s\n' 'a;touch${IFS}x' 'b\1c' 'b\1c' "d'e"; exit""" + "\n"
        )

        code, said = nova.run("-j", "3", QUICK)

        assert code == 0, said
        odd = ["a;touch${IFS}x", "b\\1c", "d'e"]
        assert {call[0] for call in nova.of("execute")} <= set(odd)
        assert nova.of("dispose") == [odd]
        assert not (nova.folder / "x").exists()

    def test_an_id_that_would_be_an_option_is_refused(self, nova: Nova) -> None:
        nova.script("provision", "echo a -oProxyCommand=x; exit\n")

        code, said = nova.run("-j", "2", QUICK)

        assert code == 3
        assert "the id '-oProxyCommand=x', which cannot be used: it would be taken for" in said
        assert nova.of("execute") == []
        assert nova.of("dispose") == [["-oProxyCommand=x", "a"]]

    def test_profiles_have_their_own(self, nova: Nova) -> None:
        (nova.folder / ".testr.conf").write_text(
            f"{CONF}list_profiles=echo red blue\n".replace("provision.sh", "provision.sh $PROFILE-")
        )
        nova.script("provision", 'echo "${PROFILE}0"; test "$2" = 1 || echo "${PROFILE}1"; exit\n')

        code, said = nova.run("-j", "3", QUICK)

        assert code == 0, said
        assert sorted(nova.of("provision")) == [["blue-", "1"], ["red-", "2"]]
        assert sorted(nova.of("dispose")) == [["blue0"], ["red0", "red1"]]
        assert set(nova.ran.values()) == {2}


class TestLost:
    def test_what_an_instance_did_not_run_runs_elsewhere(self, nova: Nova) -> None:
        nova.script("execute", 'test "$1" = 1 && echo no route to host >&2 && exit 255\n')

        code, said = nova.run("-j", "3", QUICK)

        assert code == 0, said
        assert set(nova.ran.values()) == {1}
        assert len(nova.ran) == 24
        assert (
            "host 1: its command ran nothing: it exited with status 255: no route to host" in said
        )
        assert len([call for call in nova.of("execute") if call[0] == "1"]) <= 4
        assert nova.of("dispose") == [["0", "1", "2"]]

    def test_without_another_the_run_ends_and_says_so(self, nova: Nova) -> None:
        nova.script("execute", 'test "$2" = -- || exit 7\n')

        code, said = nova.run("-j", "1", QUICK)

        assert code == 3
        assert "lost host 0: its command ran nothing: it exited with status 7" in said
        assert "the run went wrong" in said
        assert len(nova.of("execute")) <= 6, "three times a listing, three times a batch"
        assert nova.of("dispose") == [["0"]]


class TestDisposal:
    @pytest.mark.parametrize("number", INTERRUPTS)
    def test_after_a_signal_while_tests_run(self, nova: Nova, number: int) -> None:
        (nova.folder / "wait").touch()
        process = nova.start("-j", "2", QUICK)
        nova.wait_for("a test", (nova.folder / "waiting").exists)
        if number == signal.SIGINT:
            (nova.folder / "wait").unlink()

        code, said = stop(process, number)

        assert code == 130, said
        assert nova.of("dispose") == [["0", "1"]]
        assert not nova.ledger.exists()

    @pytest.mark.parametrize("number", INTERRUPTS)
    def test_after_a_signal_while_provisioning(self, nova: Nova, number: int) -> None:
        nova.script("provision", "echo x y; touch waiting; sleep 60\n")
        process = nova.start("-j", "2", QUICK)
        nova.wait_for("provisioning", (nova.folder / "waiting").exists)

        code, said = stop(process, number)

        assert code == 130, said
        assert nova.of("dispose") == [["x", "y"]]
        assert not nova.ledger.exists()

    @pytest.mark.parametrize("how", ["run", "dispose"])
    def test_after_a_kill_the_next_start_does_it(self, nova: Nova, how: str) -> None:
        (nova.folder / "wait").touch()
        process = nova.start("-j", "2", QUICK)
        nova.wait_for("a test", (nova.folder / "waiting").exists)
        stop(process, signal.SIGKILL)
        (nova.folder / "wait").unlink()
        assert nova.of("dispose") == []
        assert json.loads(nova.ledger.read_text())

        code, said = nova.run(*(["-j", "1", "quick"] if how == "run" else []), command=how)

        assert code == 0, said
        assert nova.of("dispose")[0] == ["0", "1"]
        assert len(nova.of("dispose")) == (2 if how == "run" else 1)
        assert not nova.ledger.exists()

    def test_a_provisioning_that_outlives_a_kill_is_ended_first(self, nova: Nova) -> None:
        nova.script(
            "provision", "trap 'echo late; exit' TERM; echo x; touch waiting; sleep 60 & wait\n"
        )
        process = nova.start("-j", "2", QUICK)
        nova.wait_for("provisioning", (nova.folder / "waiting").exists)
        stop(process, signal.SIGKILL)

        assert nova.run(command="dispose")[0] == 0
        assert nova.of("dispose") == [["late", "x"]]

    def test_a_provisioning_that_is_ended_has_time_for_its_last_words(self, nova: Nova) -> None:
        """The shell that runs the command ends before it does."""
        nova.script(
            "provision",
            "trap 'sleep 0.5; echo late; exit' TERM; echo x; touch waiting; sleep 60 & wait\n",
        )
        process = nova.start("-j", "2", QUICK)
        nova.wait_for("provisioning", (nova.folder / "waiting").exists)

        assert stop(process, signal.SIGINT)[0] == 130
        assert nova.of("dispose") == [["late", "x"]]

    def test_a_provisioning_that_nobody_waits_for_is_killed(self, nova: Nova) -> None:
        """What waits for its end is cancelled too."""
        nova.script(
            "provision",
            "trap 'touch asked' TERM; echo $$; touch waiting; while :; do sleep 0.05; done\n",
        )
        settings = load_settings(nova.folder, Overrides(), os.environ)
        nova.ledger.parent.mkdir(parents=True)

        async def provide(instances: Instances) -> None:
            async for _ in instances.lend(settings.profiles[0], 1, lambda _: None):
                pass

        async def main(instances: Instances) -> None:
            async with asyncio.timeout(LIMIT):
                providing = asyncio.create_task(provide(instances))  # noqa: TID251
                for name in ("waiting", "asked"):
                    while not (nova.folder / name).exists():  # noqa: ASYNC110
                        await asyncio.sleep(0.02)
                    providing.cancel()
                await asyncio.wait([providing])

        with Instances(settings, nova.ledger.parent, lambda _: None) as instances:
            asyncio.run(main(instances))
        [[pid]] = nova.of("dispose")
        nova.wait_for("its end", lambda: not Path(f"/proc/{pid}").exists())

    def test_one_that_fails_is_told_after_the_results_are_stored(self, nova: Nova) -> None:
        nova.script("dispose", "echo not today >&2; exit 9\n")

        code, said = nova.run("-j", "2", QUICK)

        assert code == 3
        assert "instance_dispose ended with status 9 (not today): ./dispose.sh 0 1" in said
        assert (nova.folder / ".testrepository" / "0").exists()
        (nova.folder / "dispose.more").unlink()
        assert nova.run(command="dispose")[0] == 0
        assert nova.of("dispose") == [["0", "1"], ["0", "1"]]
        assert "no instances are left" in nova.run(command="dispose")[1]

    def test_a_ledger_that_cannot_be_written_is_said_plainly(self, nova: Nova) -> None:
        nova.ledger.parent.mkdir(parents=True)
        (nova.ledger.parent.parent / "format").write_text("1\n")
        (nova.ledger.parent.parent / "next-stream").write_text("0\n")
        (nova.ledger.parent / "instances.lock").mkdir()

        code, said = nova.run("-j", "2", QUICK)

        assert code == 3
        assert "instances.json cannot be written: Is a directory" in said
        assert "internal error" not in said
        assert nova.of("provision") == []

    def test_one_whose_ledger_cannot_be_written_any_more_is_said_plainly(self, nova: Nova) -> None:
        lock = nova.ledger.parent / "instances.lock"
        nova.script("dispose", f"rm {lock}; mkdir {lock}\n")

        code, said = nova.run("-j", "2", QUICK)

        assert code == 3
        assert "instances.json cannot be written: Is a directory" in said
        assert "internal error" not in said

    def test_ids_of_a_killed_run_without_an_entry_go_with_the_next(self, nova: Nova) -> None:
        assert nova.run("-j", "1", "quick")[0] == 0
        (nova.ledger.parent / "instances-0123456789abcdef.ids").touch()

        assert nova.run("-j", "1", "quick")[0] == 0
        assert list(nova.ledger.parent.glob("instances-*")) == []

    def test_one_that_hangs_is_ended(self, nova: Nova) -> None:
        (nova.folder / "testlanes.toml").write_text("instance_timeout = 3\n")
        nova.script("dispose", "sleep 60\n")

        code, said = nova.run("-j", "2", "quick")

        assert code == 3
        assert "instance_dispose did not end within 3 seconds" in said
        code, said = nova.run("--forget", command="dispose")
        assert code == 0
        assert "forgotten: 0" in said
        assert not nova.ledger.exists()

    def test_a_provisioning_that_hangs_is_ended(self, nova: Nova) -> None:
        (nova.folder / "testlanes.toml").write_text("instance_timeout = 3\n")
        nova.script("provision", "echo a; sleep 60\n")

        code, said = nova.run("-j", "2", "quick")

        assert code == 3
        assert "instance_provision did not end within 3 seconds" in said
        assert nova.of("dispose") == [["a"]]
