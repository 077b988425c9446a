"""One failure, or one test, in all its parts: traceback, difference, output, attachments, surroundings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .code import json_lines, python_spans
from .diff import diff_lines, difference
from .glyphs import Glyphs
from .lines import EMPTY, Line, Span, clean, crop, fit, line_width
from .tail import mark
from .textlines import TextLines
from .times import size_text
from .tracebacks import Failure, Frame, foreign, read_traceback

TEXT_LIMIT = 1 << 20
"""Bytes of a text that are shown; the whole can be opened outside."""
AROUND = 3
"""Lines of source shown before and after the one that failed."""


@dataclass(slots=True)
class Section:
    """A part of a failure. ``data`` and ``mime`` are set for what can be opened outside."""

    name: str
    lines: Sequence[Line]
    places: dict[int, Frame] = field(default_factory=dict[int, Frame])
    """Places in files, by the number of the line that names them."""
    data: bytes | None = None
    mime: str = ""
    columns: Sequence[Sequence[Line]] = ()
    """What stands side by side; ``lines`` are empty then, and as many as the longest has."""
    bar: str = ""


class SectionText:
    """One section as the text of a pane."""

    def __init__(self, section: Section) -> None:
        self.section = section
        self.query = ""

    def __len__(self) -> int:
        return len(self.section.lines)

    def line(self, index: int, width: int) -> Line:
        """Return a line; what is searched for is marked."""
        section = self.section
        line = section.lines[index]
        if section.columns:
            line = side_by_side(section.columns, index, width, section.bar)
        if not self.query:
            return line
        return tuple(span for text, tone in line for span in mark(text, self.query, tone))


def side_by_side(columns: Sequence[Sequence[Line]], index: int, width: int, bar: str) -> Line:
    """Return one line of columns of equal width, which a bar parts."""
    each = max(1, (width - 3 * (len(columns) - 1)) // len(columns))
    out: list[Span] = []
    for number, column in enumerate(columns):
        if number:
            out.append(Span(f" {bar} ", "border"))
        line = crop(column[index], 0, each) if index < len(column) else EMPTY
        out += line
        if number < len(columns) - 1:
            out.append(Span(" " * (each - line_width(line)), ""))
    return tuple(out)


def sections_of(
    details: Sequence[tuple[str, str, bytes]],
    where: Sequence[tuple[str, str]],
    read: Callable[[str], list[str]],
    glyphs: Glyphs,
    failure: Failure | None = None,
    root: str = "",
    here: Callable[[str], str] = str,
) -> list[Section]:
    """Return a test's parts, the one to look at first first.

    ``details`` are (name, mime, content), ``where`` (name, value) pairs, ``read`` gives the lines of
    a source file. ``failure`` says what to show if no detail is a traceback; paths in the folder
    ``root`` are shown from there on; ``here``: see ``read_traceback``.
    """
    out: list[Section] = []
    for name, mime, data in details:
        if mime.startswith("text/x-traceback") or name.startswith("traceback"):
            text = data[:TEXT_LIMIT].decode("utf-8", "backslashreplace")
            read_failure = read_traceback(text, here)
            section = _traceback(text, read_failure, read, glyphs, root)
            section.name = clean(name)
            found = diff_lines(difference(read_failure.message))
            if found:
                section.lines = [
                    *section.lines,
                    *([EMPTY] if section.lines[-1] else []),
                    (Span("   - first   ", "diff-del"), Span("+ second", "diff-add")),
                    *found,
                ]
            out.append(section)
            if found and not any(one.name == "diff" for one in out):
                out.append(Section("diff", [EMPTY, *found]))
    if not out and failure is not None and failure.title:
        lines: list[Line] = [
            EMPTY,
            (Span(f"  {glyphs.fail} ", "fail"), Span(clean(failure.title), "fail bold")),
        ]
        out.append(Section("failure", lines))
    attachments: list[Line] = []
    texts: list[Section] = []
    for name, mime, data in details:
        if name.startswith("traceback") or mime.startswith("text/x-traceback"):
            continue
        section = _content(name, mime, data)
        texts.append(section)
        attachments.append(
            (
                Span(f"  {fit(clean(name), 24)} ", "text"),
                Span(fit(clean(mime.split(";")[0]), 28), "dim"),
                Span(size_text(len(data)), "dim"),
            )
        )
    out += texts
    if attachments:
        out.append(Section("all", [EMPTY, *attachments]))
    if where:
        size = max(len(name) for name, _ in where) + 2
        lines = [
            (Span(f"  {fit(clean(name), size)}", "dim"), Span(clean(value), "text"))
            for name, value in where
        ]
        out.append(Section("where", [EMPTY, *lines]))
    return out or [
        Section("nothing", [EMPTY, (Span("  Nothing was recorded of this test.", "dim"),)])
    ]


def _content(name: str, mime: str, data: bytes) -> Section:
    lines: Sequence[Line]
    kind = mime.split(";")[0].strip()
    if kind == "application/json" and (laid_out := json_lines(data, TEXT_LIMIT)) is not None:
        lines = [EMPTY, *((Span("  "), *line) for line in laid_out)]
    elif kind.startswith("text/") or kind in ("application/json", "application/xml", ""):
        over = len(data) - TEXT_LIMIT
        more = (Span(f"  … {size_text(over)} more; o opens all of it", "dim"),)
        text = data[:TEXT_LIMIT].decode("utf-8", "backslashreplace")
        lines = TextLines(text, more if over > 0 else None)
    else:
        lines = [
            EMPTY,
            (Span(f"  {clean(kind) or 'data'}, {size_text(len(data))}", "text"),),
            EMPTY,
            (Span("  o", "key bold"), Span(" opens it in its own program", "dim")),
        ]
    return Section(clean(name), lines, data=data, mime=mime)


# -- tracebacks -------------------------------------------------------------------------------------------


def _traceback(
    text: str,
    failure: Failure,
    read: Callable[[str], list[str]],
    glyphs: Glyphs,
    root: str,
) -> Section:
    lines: list[Line] = [EMPTY]
    section = Section("traceback", lines)
    title, *more = failure.message.rstrip().split("\n")
    name = failure.exception
    head = [Span(f"  {glyphs.fail} ", "fail bold")]
    if name:
        head.append(Span(clean(name.rpartition(".")[2]), "fail bold"))
        head.append(Span(": " if title else "", "fail bold"))
    lines.append((*head, Span(clean(title.strip()), "fail")))
    if not difference(failure.message):
        lines += [(Span("    "), Span(clean(part), "text")) for part in more[:40]]
    lines.append(EMPTY)
    if any(line.startswith(("E  ", ">  ")) for line in text.split("\n")):
        # pytest indents sources by four, and strips the beginning of it all.
        indent = " " * 4 if text.startswith(("def ", "async def ", "class ", "@")) else ""
        _pytest_lines(lines, section.places, indent + text)
        return section
    if not failure.frames:
        lines += [(Span("  "), Span(clean(part), "dim")) for part in text.rstrip().split("\n")]
        return section
    place = failure.place
    said = _said_sources(text)
    for index, frame in enumerate(failure.frames):
        section.places[len(lines)] = frame
        strange = foreign(frame.path)
        tone = "faint" if strange else "text"
        lines.append(
            (
                Span("  "),
                Span(clean(_short(frame.path, root)), "dim" if strange else "accent"),
                Span(f":{frame.line}", "dim" if strange else "accent bold"),
                Span(" in ", "faint"),
                Span(clean(frame.function), tone),
            )
        )
        source = said.get(index, "")
        if strange:
            continue
        around = _around(frame, source, read, AROUND if frame is place else 0)
        if around:
            for number, line in around:
                here = number == frame.line
                sign = glyphs.pointer if here else " "
                ground = " on:here" if here else ""
                spans = python_spans(clean(line), "text")
                lines.append(
                    (
                        Span(f"  {sign} ", f"fail bold{ground}"),
                        Span(f"{number:>5} ", f"{'text bold' if here else 'faint'}{ground}"),
                        Span(f"{glyphs.beside} ", f"border{ground}"),
                        *(Span(part, f"{tone}{ground}") for part, tone in spans),
                    )
                )
        elif source:
            lines.append((Span("      "), *python_spans(clean(source.strip()))))
        if frame is place:
            lines.append(EMPTY)
    if not failure.exception:
        # Not a traceback proper: what else it says is worth reading too.
        lines += [
            EMPTY,
            *((Span("  "), Span(clean(part), "dim")) for part in text.rstrip().split("\n")),
        ]
    return section


def _short(path: str, root: str) -> str:
    return path.removeprefix(root.rstrip("/") + "/") if root else path


def _said_sources(text: str) -> dict[int, str]:
    """Return the source line that a traceback shows under each of its frames."""
    lines = text.rstrip().split("\n")
    start = max((n for n, line in enumerate(lines) if line.startswith("Traceback (")), default=0)
    out: dict[int, str] = {}
    number = -1
    for at in range(start, len(lines)):
        if lines[at].lstrip().startswith('File "') and ", line " in lines[at]:
            number += 1
            if at + 1 < len(lines) and lines[at + 1].startswith("    "):
                out[number] = lines[at + 1]
    return out


def _around(
    frame: Frame, source: str, read: Callable[[str], list[str]], around: int
) -> list[tuple[int, str]]:
    """Return (number, line) around a frame, if the file still has there what the traceback says."""
    lines = read(frame.path)
    at = frame.line - 1
    if not 0 <= at < len(lines) or (source.strip() and lines[at].strip() != source.strip()):
        return []
    first, last = max(0, at - around), min(len(lines), at + around + 1)
    return [(number + 1, lines[number]) for number in range(first, last)]


def _pytest_lines(lines: list[Line], places: dict[int, Frame], text: str) -> None:
    """pytest prints the source itself; it is only given its colours."""
    for raw in text.rstrip().split("\n"):
        line = clean(raw)
        if raw.startswith("E"):
            lines.append((Span("  E ", "fail bold"), Span(line[2:], "fail")))
        elif raw.startswith(">"):
            spans = python_spans(line[1:])
            lines.append(
                (
                    Span("  >", "fail bold on:here"),
                    *(Span(part, f"{tone} on:here") for part, tone in spans),
                )
            )
        elif (found := read_traceback(f"E\n{raw}").frames) and raw == raw.lstrip():
            places[len(lines)] = found[0]
            path, _, rest = line.partition(f":{found[0].line}")
            lines.append(
                (
                    Span(f"  {path}", "accent"),
                    Span(f":{found[0].line}", "accent bold"),
                    Span(rest, "dim"),
                )
            )
        else:
            lines.append((Span("  "), *python_spans(line, "dim")))
