"""Where the traceback of a failure of ours goes: nobody has to read it on the screen, and it can be sent to us."""

from __future__ import annotations

import sys
import tempfile


def keep_traceback(text: str) -> str:
    """Write it to a temporary file, with the Python and the command line, and return the file's path. Raises OSError."""
    with tempfile.NamedTemporaryFile(
        "w",
        prefix="testlanes-error-",
        suffix=".log",
        delete=False,
        encoding="utf-8",
        errors="backslashreplace",
    ) as file:
        file.write(f"{sys.version}\n{' '.join(sys.argv)!a}\n\n{text}")
    return file.name
