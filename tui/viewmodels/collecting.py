"""What stands in the lanes' place while there are none yet: each profile's listing."""

from __future__ import annotations

from .lines import EMPTY, Line, Span, clean, fit
from .options import Shown
from .times import count_text, seconds_text
from .tracebacks import headline


def collecting_lines(shown: Shown, width: int) -> list[Line]:
    """Return the lines: hosts that are not up yet, and how far each profile's listing is."""
    state, glyphs = shown.state, shown.options.glyphs
    if state.watch is not None and state.watch.running is None:
        return [EMPTY, (Span("  Nothing runs. Save a file, or press a to run all tests.", "dim"),)]
    out: list[Line] = [EMPTY, (Span("  Collecting tests", "title bold"),), EMPTY]
    for host in state.hosts.values():
        if host.phase != "up":
            tone = "fail" if host.phase == "lost" else "slow"
            note = f"{host.phase} {host.note}"
            out.append(
                (
                    Span(f"  {glyphs.waits} {fit(clean(host.host), 14)} ", tone),
                    Span(clean(note), "dim"),
                )
            )
    for name, profile in state.profiles.items():
        label = fit(clean(name), max(10, shown.profile_width))
        if profile.listing == "failed":
            out.append(
                (
                    Span(f"  {glyphs.fail} {label} ", "fail"),
                    Span(clean(headline(profile.error)), "fail"),
                )
            )
        elif profile.listing == "listed":
            words = f"{count_text(profile.listed)} tests in {seconds_text(profile.listing_seconds)}"
            out.append((Span(f"  {glyphs.ok} ", "ok"), Span(f"{label} "), Span(words, "dim")))
        else:
            words = (
                f"{count_text(profile.listed)} tests so far"
                if profile.listed
                else "loading the suite"
            )
            out.append((Span(f"  {glyphs.waits} ", "slow"), Span(f"{label} "), Span(words, "dim")))
    return out if len(out) > 3 else [*out, (Span("  The suite is being loaded.", "dim"),)]
