"""Sources that cannot be compiled, such as a file that is saved while it is being written."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ..watching import Broken

_LIMIT = 10.0
_CHECK = """
import json, sys
out = []
for path in sys.argv[1:]:
    try:
        with open(path, "rb") as file:
            compile(file.read(), path, "exec", 0, True)
    except SyntaxError as error:
        out.append([path, error.lineno or 0, error.msg])
    except (OSError, ValueError) as error:
        out.append([path, 0, str(error)])
print(json.dumps(out))
"""


def broken_sources(
    root: Path, paths: Iterable[str], pythons: Sequence[tuple[str, Mapping[str, str]]]
) -> list[Broken]:
    """Return which of these sources cannot be compiled.

    Only what our own Python refuses is shown to the targets' (interpreter, environment): it is broken
    if all of them refuse it too, for their grammar may be newer or older than ours.
    """
    suspects: dict[str, Broken] = {}
    for path in paths:
        try:
            content = (root / path).read_bytes()
        except OSError:
            continue  # gone again
        try:
            compile(content, path, "exec", 0, True)
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None) or 0
            suspects[path] = Broken(path, line, getattr(error, "msg", None) or str(error))
    for python, env in pythons:
        if not suspects:
            break
        answer = _ask(python, env, root, list(suspects))
        if answer is not None:
            suspects = {path: Broken(path, line, text) for path, line, text in answer}
    return list(suspects.values())


def _ask(
    python: str, env: Mapping[str, str], root: Path, paths: Sequence[str]
) -> list[tuple[str, int, str]] | None:
    try:
        done = subprocess.run(
            [python, "-I", "-S", "-c", _CHECK, *paths],
            cwd=root,
            env=dict(env),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_LIMIT,
            check=True,
        )
        return [(str(path), int(line), str(text)) for path, line, text in json.loads(done.stdout)]
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
