"""The lines of the failures list: a cause, and a test under it."""

from __future__ import annotations

from collections.abc import Collection

from .failure import Group
from .glyphs import kind_sign
from .lines import Line, Span, clean, fit, keep_end, line_width, split_id, width_of
from .options import Shown
from .times import count_text


def group_line(
    shown: Shown, group: Group, width: int, *, folded: bool, seen: Collection[str]
) -> Line:
    """Return the line of a cause; of tests whose ids are ``seen`` it is dim."""
    glyphs = shown.options.glyphs
    sign, tone = kind_sign(glyphs, group.cause.kind)
    count = len(group.tests)
    words = f"{count_text(count)} tests" if count > 1 else "1 test"
    size = f" {words} " if width >= 44 else f" {count_text(count)} "
    opened = glyphs.folded if folded else glyphs.opened
    head = f" {opened} " if width >= 44 else " "
    room = width - len(head) - 2 - len(size)
    all_seen = all(test_id in seen for test_id in group.tests)
    return (
        Span(head, "dim"),
        Span(f"{sign} ", tone),
        Span(
            fit(clean(group.cause.title), room, glyphs.ellipsis),
            "dim" if all_seen else "title bold",
        ),
        Span(size, "dim"),
    )


def member_line(
    shown: Shown, group: Group, test_id: str, width: int, *, marked: bool, seen: bool
) -> Line:
    """Return the line of a test under its cause, with the profiles it fails under."""
    glyphs = shown.options.glyphs
    failures = group.tests[test_id]
    indent = 5 if width >= 44 else 3
    if marked:
        head = Span(f" {glyphs.mark}" + " " * (indent - 2), "accent")
    elif seen:
        head = Span(" " * (indent - 2) + f"{glyphs.seen} ", "dim")
    else:
        head = Span(" " * indent)
    tail: list[Span] = []
    if shown.many_profiles:
        # The start of a class may have failed in several lanes of a profile.
        failed = {known.profile for known in failures}
        order = dict.fromkeys((*shown.state.profiles, *sorted(failed)))
        profiles = [name for name in order if name in failed]
        tail = [Span(f" {clean(profile)}", "profile") for profile in profiles[:4]]
        if len(profiles) > 4:
            tail.append(Span(f" +{len(profiles) - 4}", "dim"))
    notes = {known.note for known in failures}
    note = next((name for name in ("new", "flaky", "known") if name in notes), "")
    tone = {"new": "new bold", "flaky": "flaky", "known": "dim"}.get(note, "")
    tail += [Span(f" {note.upper() if note == 'new' else note:<5} ", tone)]
    room = width - indent - line_width(tail)
    if room < 14:
        tail = tail[-1:]
        room = width - indent - line_width(tail)
    where, name = split_id(clean(test_id))
    tone = "dim" if seen else "text"
    if width_of(name) + 12 < room:
        where = keep_end(where, room - width_of(name), glyphs.ellipsis)
        return (
            head,
            Span(where, "faint"),
            Span(fit(name, room - width_of(where)), tone),
            *tail,
        )
    return (head, Span(fit(name, room, glyphs.ellipsis), tone), *tail)
