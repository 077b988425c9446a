"""What the watch pane says: what ran and why, what is still to do, what is watched, and how changes are answered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from testlanes.runner.state.watch import WatchState
from testlanes.runner.watching import Cycle, Ways

from .lines import EMPTY, Line, Span, clean, fit, line_width, spread, width_of
from .options import Shown
from .times import count_text, seconds_text, size_text, when

HEIGHT = 6
"""Lines; it never changes, so that nothing moves while cycles come and go."""
NAMED = 3
"""Files that are named before the rest is a number."""


def watch_lines(shown: Shown, watch: WatchState, width: int) -> list[Line]:
    """Return the pane's lines, ``HEIGHT`` of them, at most ``width`` cells each."""
    out = [_now(shown, watch), *_reasons(shown, watch, width)[:2]]
    out += [EMPTY] * (3 - len(out))
    out += [_left(shown, watch), _files(watch, width), _ways_and_images(shown, watch, width)]
    return [line if line_width(line) <= width else spread(line, EMPTY, width) for line in out]


def _now(shown: Shown, watch: WatchState) -> Line:
    glyphs = shown.options.glyphs
    if watch.running is not None:
        return (
            Span(f" {glyphs.running} ", "running"),
            Span("running tests", "text"),
        )
    last = watch.last
    if last is None:
        if watch.told is not None and watch.told.problem:
            return (
                Span(f" {glyphs.fail} ", "fail bold"),
                Span(clean(watch.told.problem), "fail"),
            )
        text = "looking at the files"
        if watch.told is not None:
            text = "nothing changed since the last session"
        elif watch.files:
            text = "nothing has run yet"
        return (Span(f" {glyphs.idle} ", "dim"), Span(text, "dim"))
    told = watch.told or last
    problem = told.problem or last.problem
    if problem:
        return (Span(f" {glyphs.fail} ", "fail bold"), Span(clean(problem), "fail"))
    sign, tone = (glyphs.fail, "fail") if last.failed else (glyphs.ok, "ok")
    if last.stopped:
        sign, tone = glyphs.not_run, "slow"
    out = [Span(f" {sign} ", f"{tone} bold"), Span(_sum(last), f"{tone} bold")]
    if last.stopped:
        out.append(Span(", stopped", "slow"))
    if last.fixed:
        out.append(Span(f", {count_text(len(last.fixed))} fixed", "ok"))
    if last.first is not None:
        out.append(Span(f"   first result after {seconds_text(last.first)}", "dim"))
    at = when(last.began).strftime("%H:%M:%S")
    return (*out, Span(f"   {at}", "dim"))


def _sum(last: Cycle) -> str:
    ran = count_text(last.ran)
    tests = f"{ran} test{'s' * (last.ran != 1)} in {seconds_text(last.seconds)}"
    if not last.ran:
        return "no test is affected" if not last.stopped else "stopped before the first result"
    return f"{tests}, {count_text(last.failed)} failed" if last.failed else f"{tests}, all pass"


def _reasons(shown: Shown, watch: WatchState, width: int) -> list[Line]:
    glyphs = shown.options.glyphs
    if watch.broken:
        out: list[Line] = []
        for one in watch.broken:
            where = f"{clean(one.path)}:{one.line}"
            text = clean(one.message)
            more = "   what uses it waits for the next save"
            if len(where) + width_of(text) + len(more) + 5 > width:
                more = ""  # what is wrong says more
            text = fit(text, max(10, width - len(where) - len(more) - 6)).rstrip()
            out.append(
                (
                    Span(f" {glyphs.fail} ", "fail bold"),
                    Span(where, "fail bold"),
                    Span(f"  {text}", "text"),
                    Span(more, "dim"),
                )
            )
        return out
    cycle = watch.running or watch.last
    told = watch.told
    if watch.running is None and told is not None and told.unused and told is not watch.last:
        return [_unused(told.unused, width)]
    if cycle is None:
        return []
    if cycle.everything:
        return [(Span("   everything: ", "dim"), Span(clean(cycle.everything), "text"))]
    if not cycle.reasons:
        words = _names(cycle.changed, width - 3) or "it was asked for"
        return [(Span(f"   {words}", "text"),)]
    found: list[Line] = []
    others = len(cycle.reasons) - 2
    for path, tests in list(cycle.reasons.items())[:2]:
        line = (Span(f"   {clean(path)}", "accent"), Span(f" {glyphs.arrow} ", "dim"))
        more = f"   and {others} more changed files" if found and others > 0 else ""
        room = max(0, width - line_width(line) - len(more))
        found.append((*line, Span(_names(tests, room), "text"), Span(more, "dim")))
    if cycle.unused and len(found) < 2:
        found.append(_unused(cycle.unused, width))
    return found


def _unused(paths: Sequence[str], width: int) -> Line:
    words = Span("   no test is known to use ", "dim")
    return (words, Span(_names(paths, max(0, width - line_width((words,)))), "text"))


def _names(names: Iterable[str], room: int) -> str:
    """Return as many names as ``room`` cells have room for, three at most, and how many more there are."""
    listed = [clean(name) for name in names]
    text = ""
    for count in range(min(NAMED, len(listed)), 0, -1):
        more = f" and {len(listed) - count} more" if len(listed) > count else ""
        text = ", ".join(listed[:count]) + more
        if width_of(text) <= room:
            return text
    return fit(text, room).rstrip()


def _left(shown: Shown, watch: WatchState) -> Line:
    told = watch.told
    failing = shown.state.failed if told is None or watch.running else told.failing
    parts: list[Span] = [Span("   ")]
    if failing:
        parts += [Span("still failing ", "dim"), Span(count_text(failing), "fail bold")]
    elif watch.red is not None:
        parts += [Span("nothing is failing", "ok")]
    if told is not None and told.due:
        parts += [Span("   affected and not run ", "dim"), Span(count_text(told.due), "slow bold")]
    if told is not None and told.unseen:
        parts += [
            Span("   not run since the last full run ", "dim"),
            Span(count_text(told.unseen), "text bold"),
        ]
    return tuple(parts)


def _files(watch: WatchState, width: int) -> Line:
    if not watch.files:
        return EMPTY
    out = [Span(f"   watching {count_text(watch.files)} files", "dim")]
    if watch.saved:
        at = when(watch.saved_at).strftime("%H:%M:%S")
        out += [Span(f"   last save {at} ", "dim"), Span(clean(watch.saved[0]), "text")]
        if len(watch.saved) > 1:
            out.append(Span(f" and {len(watch.saved) - 1:,} more", "dim"))
    if watch.waiting:
        word = "wait" if len(watch.waiting) > 1 else "waits"
        out.append(Span(f"   {len(watch.waiting):,} changed {word}", "slow"))
    if watch.ignored:
        path, why = next(iter(watch.ignored.items()))
        more = f" and {len(watch.ignored) - 1} more" if len(watch.ignored) > 1 else ""
        for said in (f"{clean(path)} ({clean(why)}){more}", f"{clean(path)}{more}"):
            ignored = Span(f"   ignored {said}", "faint")
            if line_width((*out, ignored)) <= width:
                return (*out, ignored)
    return tuple(out)


def ways_words(ways: Ways) -> str:
    """Return how changes are answered, in words."""
    if ways.off:
        return "watch is off: changes wait"
    base = {
        "affected": "a save runs what it affects",
        "branch": "a save runs what the branch's changes affect",
        "all": "a save runs everything",
    }[ways.mode]
    if ways.failing:
        base += ", of that what is failing"
    if ways.filter:
        base += f", with {clean(ways.filter)!r} in its id"
    if ways.profiles:
        base += f", of {', '.join(sorted(map(clean, ways.profiles)))}"
    if ways.collect:
        base += "; changes wait until they are asked for"
    return base


def _ways_and_images(shown: Shown, watch: WatchState, width: int) -> Line:
    left = (Span(f"   {ways_words(watch.ways)}", "slow" if watch.ways.waits else "text"),)
    many = len(watch.images) > 1
    parts: list[Span] = []
    for profile, image in sorted(watch.images.items()):
        name = f"{clean(profile)} " if many else ""
        if image.state == "ready":
            parts.append(Span(f"   {name}warm {size_text(image.memory)}", "dim"))
            if image.why:
                parts.append(Span(f" (pytest itself is not: {clean(image.why)})", "dim"))
        elif image.state == "starting":
            parts.append(Span(f"   {name}warming", "dim"))
        else:
            parts.append(Span(f"   {name}not warm: {clean(image.why or image.state)}", "slow"))
    right = (*parts, Span(" "))
    if line_width(left) + line_width(right) <= width:
        return spread(left, right, width)
    return (*left, *right)
