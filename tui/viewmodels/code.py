"""Python source and JSON with a little colour: enough to find one's way, cheap enough for any line."""

from __future__ import annotations

import json
import keyword
import re

from .lines import Line, Span, clean

_TOKEN = re.compile(
    r"""(?P<comment>\#.*$)
      | (?P<string>[rbfuRBFU]{0,2}(?:'(?:\\.|[^'\\])*'?|"(?:\\.|[^"\\])*"?))
      | (?P<number>\b\d[\w.]*)
      | (?P<word>[A-Za-z_]\w*)(?P<call>\s*\()?
    """,
    re.VERBOSE,
)
_WORDS = frozenset(keyword.kwlist) | {"self", "cls"}
_JSON = re.compile(
    r'(?P<key>"(?:\\.|[^"\\])*")(?=\s*:)|(?P<string>"(?:\\.|[^"\\])*"?)|(?P<number>-?\b\d[\d.eE+-]*|\b(?:true|false|null)\b)'
)


def python_spans(text: str, tone: str = "text") -> Line:
    """Return one line of Python in tones."""
    out: list[Span] = []
    at = 0
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        start, end = match.span()
        if kind in ("word", "call"):
            word = match["word"]
            end = start + len(word)
            role = "code-keyword" if word in _WORDS else "code-name" if kind == "call" else tone
        else:
            role = f"code-{kind}"
        if start > at:
            out.append(Span(text[at:start], tone))
        out.append(Span(text[start:end], role))
        at = end
    if at < len(text):
        out.append(Span(text[at:], tone))
    return tuple(out)


def json_lines(data: bytes, limit: int) -> list[Line] | None:
    """Return JSON laid out, at most ``limit`` bytes of it; None if it is none."""
    if len(data) > limit:
        return None
    try:
        laid_out = json.dumps(json.loads(data), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return None
    return [_json_spans(clean(line)) for line in laid_out.split("\n")]


def _json_spans(text: str) -> Line:
    out: list[Span] = []
    at = 0
    for match in _JSON.finditer(text):
        if match.start() > at:
            out.append(Span(text[at : match.start()], "dim"))
        role = "code-name" if match.lastgroup == "key" else f"code-{match.lastgroup}"
        out.append(Span(match[0], role))
        at = match.end()
    if at < len(text):
        out.append(Span(text[at:], "dim"))
    return tuple(out)
