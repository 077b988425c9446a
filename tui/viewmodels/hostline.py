"""One line for a host: what it is doing, how fast it is, and of a folded one what its lanes do."""

from __future__ import annotations

from testlanes.runner.state import HostState, LaneState

from .header import elapsed_seconds
from .laneline import elapsed, is_late
from .lines import Line, Span, clean, fit, line_width, split_id, spread, width_of
from .options import Shown
from .times import count_text, seconds_text


def host_line(shown: Shown, host: HostState, width: int, *, folded: bool) -> Line:
    """Return a host's line in at most ``width`` cells; folded, it stands for its lanes."""
    glyphs = shown.options.glyphs
    state = shown.state
    lanes = [state.lanes[lane] for lane in host.lanes if state.lanes[lane].phase != "closed"]
    sign = glyphs.folded if folded else glyphs.opened
    out: list[Span] = [Span(f" {sign} ", "dim"), Span(clean(host.host), "title bold")]
    between = Span(f" {glyphs.between} ", "faint")
    if host.phase == "lost":
        again = "" if host.again is None else f"; tried again in {seconds_text(host.again)}"
        note = f"{clean(host.note)}{again}"
        return (*out, Span("  lost: ", "fail bold"), Span(note, "fail"))
    if host.phase != "up":
        out += [
            Span(f"  {glyphs.waits} {clean(host.phase)} ", "slow"),
            Span(clean(host.note), "dim"),
        ]
        return tuple(out)
    out += [between, Span(f"{len(lanes)} lane{'s' * (len(lanes) != 1)}", "dim")]
    if not folded or width >= 100:
        if (taken := elapsed_seconds(shown)) >= 1 and host.done:
            out += [between, Span(f"{host.done / taken:,.0f} tests/s", "dim")]
        if (cpu := sum(lane.cpu for lane in lanes) / max(1, host.cpus)) >= 0.005:
            out += [between, Span(f"cpu {cpu:.0%}", "dim")]
    done = (Span(count_text(host.done), "text"), Span(" done ", "dim"))
    if folded and lanes:
        running = [lane for lane in lanes if lane.phase == "running"]
        room = width - line_width(out) - line_width(done) - 14
        out += [Span("  "), *_density(shown, lanes, max(0, room))]
        out.append(Span(f"  {len(running)} busy", "text"))
        if running:
            oldest = min(running, key=lambda lane: lane.started_at)
            if oldest.row is not None:
                name = split_id(clean(state.cases.test_id(oldest.row)))[1]
                since = Span(f" {seconds_text(elapsed(shown, oldest))}", "dim")
                room = width - line_width((*out, between, since, *done)) - 1
                if room >= 8:
                    name = fit(name, min(width_of(name), room), glyphs.ellipsis)
                    out += [between, Span(name, "text"), since]
    return spread(tuple(out), done, width)


def _density(shown: Shown, lanes: list[LaneState], room: int) -> list[Span]:
    """One cell a lane, as ground colour: no seams between cells."""
    glyphs = shown.options.glyphs
    out: list[Span] = []
    for lane in lanes[:room]:
        if lane.phase == "running":
            late = is_late(shown, lane, elapsed(shown, lane))
            tone = "on:slow" if late else "on:bar"
        elif lane.phase == "restarting":
            tone = "on:crash"
        else:
            tone = "on:bar-rest"
        text = " "
        if glyphs.plain:
            text = glyphs.bar if lane.phase == "running" else glyphs.rest
        if out and out[-1].tone == tone:
            out[-1] = Span(out[-1].text + text, tone)
        else:
            out.append(Span(text, tone))
    return out
