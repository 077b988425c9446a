"""A lane's output as it grows: sources, levels, long and hostile lines, the end in sight."""

from __future__ import annotations

from testlanes.runner.events import FixtureChanged, OutputReceived
from testlanes.runner.ids import LaneId
from testlanes.runner.state import TAIL_LIMIT
from testlanes.tui.viewmodels.lines import text_of
from testlanes.tui.viewmodels.options import Options, Shown
from testlanes.tui.viewmodels.tail import KEEP_LINES, LINE_LIMIT, TailModel, mark, read_line

from .stage import PY311, Stage, stage_running


def tail(stage: Stage, lane: int = 0) -> TailModel:
    model = TailModel(Shown(stage.state, Options(), stage.notes.now_ns))
    model.follow(LaneId(lane))
    return model


def fresh() -> Stage:
    return Stage([PY311]).start().list_tests().open_lanes(2, 0)


def out(stage: Stage, data: bytes, source: str = "stdout") -> None:
    stage.say(OutputReceived(LaneId(0), source, data))


def test_lines_come_whole_however_they_are_cut() -> None:
    stage = fresh()
    model = tail(stage)
    for piece in (b"one\ntw", b"o\nthr", b"ee"):
        out(stage, piece)
        model.advance()
    assert list(model.texts()) == ["one", "two", "three"]
    out(stage, b" and more\n")
    model.advance()
    assert list(model.texts()) == ["one", "two", "three and more"]


def test_sources_do_not_mix_their_lines() -> None:
    stage = fresh()
    model = tail(stage)
    out(stage, b"a")
    out(stage, b"X\n", "stderr")
    out(stage, b"b\n")
    model.advance()
    assert list(model.texts()) == ["X", "ab"]


def test_nothing_is_shown_twice_and_nothing_when_nothing_is_new() -> None:
    stage = fresh()
    model = tail(stage)
    out(stage, b"same\n")
    out(stage, b"same\n")
    assert model.advance()
    assert not model.advance()
    assert list(model.texts()) == ["same", "same"]


def test_the_state_may_forget_what_was_read() -> None:
    stage = fresh()
    model = tail(stage)
    out(stage, b"first\n")
    model.advance()
    for _ in range(5):
        out(stage, b"x" * (TAIL_LIMIT // 2) + b"\n")
    model.advance()
    assert "first" in list(model.texts())


def test_each_test_that_says_something_is_announced() -> None:
    stage = fresh()
    model = tail(stage)
    row = stage.begin(0, "test_rebuild", 1)
    model.advance()
    out(stage, b"hello\n")
    model.advance()
    for name in ("test_shelve", "test_resize"):
        stage.end(0, row, 2)
        row = stage.begin(0, name, 3)
        model.advance()
    rules = [line.text.rpartition(".")[2] for line in model.view if line.rule]
    assert rules == ["test_rebuild", "test_resize"]


def test_a_line_of_a_hundred_megabytes_stays_small() -> None:
    stage = fresh()
    model = tail(stage)
    for _ in range(100):
        out(stage, b"x" * 1_000_000)
        model.advance()
    assert max(len(text) for text in model.texts()) <= LINE_LIMIT


def test_only_so_many_lines_are_kept() -> None:
    stage = fresh()
    model = tail(stage)
    for _ in range(KEEP_LINES // 1000 + 3):
        out(stage, b"line\n" * 1000)
        model.advance()
    assert len(model) == KEEP_LINES


def test_the_level_filter_keeps_what_has_no_level() -> None:
    stage = fresh()
    model = tail(stage)
    out(stage, b"10:00 DEBUG a\n10:01 ERROR b\n  File x\n10:02 INFO c\n")
    model.advance()
    model.next_level()
    assert [line.text for line in model.view] == ["10:01 ERROR b", "10:02 INFO c"]
    model.next_level()
    model.next_level()
    assert [line.text for line in model.view] == ["10:01 ERROR b"]
    model.next_level()
    assert len(model.view) == 4


def test_sources_are_shown_one_after_the_other() -> None:
    stage = stage_running()
    model = tail(stage)
    everything = len(model)
    seen: list[set[str]] = []
    for _ in range(3):
        model.next_source()
        seen.append({line.source for line in model.view if not line.rule})
    assert seen == [{"stdout"}, {"stderr"}, {"postgres.log"}]
    model.next_source()
    assert len(model) == everything


def test_escapes_and_overwritten_parts_are_left_out() -> None:
    assert read_line("", "\x1b[31mred\x1b[0m").text == "red"
    assert read_line("", "10%\r50%\r100%\r").text == "100%"
    assert read_line("", "\x1b]0;owned\x07ok").text == "ok"
    assert read_line("", "\xff\x00").text == "ÿ␀"


def test_what_is_searched_for_is_marked_whatever_its_case() -> None:
    assert [
        span.text for span in mark("a DeadLock here", "deadlock", "") if "match" in span.tone
    ] == ["DeadLock"]
    assert text_of(mark("İstanbul STANBUL", "stanbul", "")) == "İstanbul STANBUL"


def test_the_chain_of_fixtures_is_told_with_state_and_time() -> None:
    stage = stage_running()
    model = tail(stage, 2)
    chain = text_of(model.chain(80))
    assert chain.index("PostgresServer 0.80s") < chain.index("DatabaseFixture setup")
    since = model.shown.now_ns() - 3 * 10**9
    stage.say(FixtureChanged(LaneId(2), None, 7, 0, "Quick", "test", "up", 0.1, since))
    stage.say(FixtureChanged(LaneId(2), None, 8, 0, "Slow", "test", "up", 2.0, since))
    stage.say(FixtureChanged(LaneId(2), None, 9, 0, "Slow", "test", "setup", 0.0, since))
    chain = text_of(model.chain(200))
    assert "Slow setup 3.0/2.0s" in chain
    assert chain.index("Quick 0.10s") < chain.index("Slow 2.0s") < chain.index("setup 3.0/2.0s")
    narrow = text_of(model.chain(len(chain) - 1))
    assert "Quick" not in narrow
    assert "Slow setup 3.0/2.0s" in narrow
    stage.say(FixtureChanged(LaneId(2), None, 2, 1, "DatabaseFixture", "test", "down"))
    assert "DatabaseFixture" not in text_of(model.chain(80))


def test_who_opens_the_output_late_sees_which_test_said_what() -> None:
    stage = fresh()
    one = stage.begin(0, "test_rebuild", 1)
    out(stage, b"first\n")
    stage.end(0, one, 2)
    for name in ("test_resize", "test_shelve"):  # these say nothing
        stage.end(0, stage.begin(0, name, 2), 3)
    stage.begin(0, "test_memory", 3)
    out(stage, b"second\n")
    model = tail(stage)
    seen = [text.rpartition(".")[2] for text in model.texts()]
    assert seen == ["test_rebuild", "first", "test_memory", "second"]
    stage.begin(0, "test_disk", 4)
    model.advance()
    stage.begin(0, "test_xml", 5)
    model.advance()
    model.advance()
    out(stage, b"third\n")
    model.advance()
    seen = [text.rpartition(".")[2] for text in model.texts()]
    assert seen[4:] == ["test_xml", "third"]
