"""``times.dbm``: how long each test took, for testr and stestr. Value: seconds as decimal text; key: the id.

Which of Python's dbm flavours is there depends on who made it (REPOSITORY_FORMAT 1.4). We write
``dbm.dumb`` where there is none, since every reader takes it, and keep any other flavour that we can open.
A set that cannot be opened costs balance in the old tools, never a run: ``TimesError`` says so.
"""

from __future__ import annotations

import ast
import io
import os
import re
import sqlite3
from collections.abc import Collection, Mapping
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

BLOCK = 512
"""Bytes: ``dbm.dumb`` puts each value at a multiple of this."""

WHOLE = 32 << 20
"""Bytes of values that may be held in memory."""

_ENTRY = re.compile(r"^'([^'\\\n]*)', \((\d+), (\d+)\)$", re.MULTILINE)
_GDBM = tuple(
    magic.to_bytes(4, order)
    for magic in (0x13579ACD, 0x13579ACE, 0x13579ACF)
    for order in ("little", "big")
)


class TimesError(Exception):
    """``times.dbm`` is there and cannot be used; the message says why, in plain words."""


def stripped(test_id: str) -> str:
    """Return an id as stestr looks its time up: without the first ``[...]`` (``cleanup_test_name``)."""
    start, end = test_id.find("["), test_id.find("]")
    return test_id[:start] + test_id[end + 1 :] if 0 < start < end else test_id


def read_times(
    folder: Path, known: Collection[str] = (), *, dumb: bool = False
) -> dict[str, float]:
    """Return the times in ``folder``'s set; values that are no numbers are left out.

    ``known``: ids whose times need not be read. ``dumb``: look at the ``dbm.dumb`` set only, as stestr does.
    """
    times: dict[str, float] = {}
    for key, value in _read(folder, "dumb" if dumb else flavour(folder), known).items():
        try:
            times[key.decode()] = float(value)
        except ValueError:
            continue
    return times


def write_times(folder: Path, times: Mapping[str, float], *, dumb: bool = False) -> None:
    """Add or replace times, in the flavour that is there (``dumb``: always in ``dbm.dumb``)."""
    # Always with six digits: most values are as long as the ones before them, so that the index can stay.
    values = {key: b"%.6f" % seconds for key, seconds in times.items()}
    kind = "dumb" if dumb else flavour(folder)
    try:
        if kind == "dumb":
            _write_dumb(folder, values)
        elif kind == "sqlite":
            with closing(sqlite3.connect(folder / "times.dbm", timeout=5)) as database:
                database.execute("PRAGMA synchronous = OFF")
                with database:
                    database.executemany(
                        "REPLACE INTO Dict (key, value) VALUES (?, ?)",
                        [(key.encode(), value) for key, value in values.items()],
                    )
        else:
            _with_module(folder, kind, values)
    except (OSError, sqlite3.Error) as error:
        raise TimesError(f"times.dbm cannot be written: {error}") from error


def flavour(folder: Path) -> str:
    """Return ``dumb`` (also when there is none), ``sqlite``, ``gdbm`` or ``ndbm``.

    The order is that of ``dbm.whichdb``, which passes over ``ndbm`` where its module is missing if it
    sees another set. Raises ``TimesError`` for a file of no known kind.
    """
    plain = folder / "times.dbm"
    dumb = all((folder / f"times.dbm{end}").exists() for end in (".dat", ".dir"))
    if (folder / "times.dbm.db").exists() and not (dumb and find_spec("_dbm") is None):
        return "ndbm"
    if dumb or not plain.exists():
        return "dumb"
    try:
        with plain.open("rb") as stream:
            magic = stream.read(16)
    except OSError as error:
        raise TimesError(f"times.dbm cannot be read: {error}") from error
    if magic.startswith(b"SQLite format 3"):
        return "sqlite"
    if magic[:4] in _GDBM:
        return "gdbm"
    raise TimesError("times.dbm is of no kind that Python's dbm knows")


def _read(folder: Path, kind: str, known: Collection[str]) -> dict[bytes, bytes]:
    try:
        if kind == "dumb":
            return _read_dumb(folder, known)
        if kind == "sqlite":
            with closing(sqlite3.connect(folder / "times.dbm", timeout=5)) as database:
                return {
                    bytes(key): bytes(value)
                    for key, value in database.execute("SELECT key, value FROM Dict")
                }
        return _with_module(folder, kind, None)
    except (OSError, sqlite3.Error, TypeError) as error:
        raise TimesError(f"times.dbm cannot be read: {error}") from error


def _with_module(folder: Path, kind: str, values: Mapping[str, bytes] | None) -> dict[bytes, bytes]:
    """Read all of a set of the C libraries' flavours, or put ``values`` into it."""
    try:
        if kind == "gdbm":
            import dbm.gnu as library
        else:
            import dbm.ndbm as library
    except ImportError:
        raise TimesError(
            f"times.dbm was written with {kind}, which this Python cannot read"
        ) from None
    with library.open(os.fspath(folder / "times.dbm"), "r" if values is None else "w") as database:
        if values is None:
            return {key: database[key] for key in database.keys()}  # noqa: SIM118
        for key, value in values.items():
            database[key.encode()] = value
    return {}


# dbm.dumb: NAME.dir has a line of Python for each key, "'key', (offset, length)", the key's UTF-8 read as
# Latin-1; NAME.dat the values at multiples of 512 bytes; NAME.bak the NAME.dir before. The module itself takes
# over a second for 20,000 new keys.


def _index_text(folder: Path) -> str:
    try:
        return (folder / "times.dbm.dir").read_text("latin-1")
    except FileNotFoundError:
        return ""


def _index(text: str) -> dict[str, tuple[int, int]]:
    """Return key -> (offset, length). A key is spelled as in the file: its UTF-8 read as Latin-1."""
    found = _ENTRY.findall(text)
    if len(found) == text.count("\n"):
        return {key: (int(offset), int(length)) for key, offset, length in found}
    index: dict[str, tuple[int, int]] = {}
    for line in text.split("\n"):
        if match := _ENTRY.fullmatch(line):
            index[match[1]] = (int(match[2]), int(match[3]))
        elif line.strip():
            try:
                key, (offset, length) = ast.literal_eval(line)
                index[str(key)] = (int(offset), int(length))
            except (SyntaxError, ValueError, TypeError):
                raise TimesError("times.dbm.dir is damaged") from None
    return index


def _read_dumb(folder: Path, known: Collection[str]) -> dict[bytes, bytes]:
    index = _index(_index_text(folder))
    # An id with other letters than ASCII's is spelled differently here, and just read.
    wanted = [key for key in index if key not in known]
    if not wanted:
        return {}
    data = (folder / "times.dbm.dat").read_bytes()
    found: dict[bytes, bytes] = {}
    for key in wanted:
        offset, length = index[key]
        found[key.encode("latin-1")] = data[offset : offset + length]
    return found


def _write_dumb(folder: Path, values: Mapping[str, bytes]) -> None:
    text = _index_text(folder)
    index = _index(text)
    moved: dict[str, tuple[int, int]] = {}
    path = folder / "times.dbm.dat"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        size = os.fstat(descriptor).st_size
        end = (size + BLOCK - 1) // BLOCK * BLOCK
        added: list[bytes] = []
        # Most of a small set is quicker rewritten as a whole than value by value.
        whole = size <= WHOLE and len(values) * BLOCK * 4 > size
        data = bytearray(end if whole else 0)
        with io.FileIO(descriptor, closefd=False) as file:
            file.readinto(data)
        for test_id, value in values.items():
            key = test_id if test_id.isascii() else test_id.encode().decode("latin-1")
            place = index.get(key)
            if place is not None and len(value) <= (place[1] + BLOCK - 1) // BLOCK * BLOCK:
                at, length = place
                if len(value) < length:
                    value = value.ljust(length, b"0")
                elif len(value) > length:
                    moved[key] = (at, len(value))
                if at + len(value) <= len(data):
                    data[at : at + len(value)] = value
                else:
                    os.pwrite(descriptor, value, at)
            else:
                moved[key] = (end + BLOCK * len(added), len(value))
                added.append(value)
        if data and os.pwrite(descriptor, data, 0) < len(data):
            raise OSError("no space left")
        for at in range(0, len(added), 2048):
            chunk = b"".join(value.ljust(BLOCK, b"\0") for value in added[at : at + 2048])
            written = os.pwrite(descriptor, chunk, end + BLOCK * at)
            if written < len(chunk):
                raise OSError("no space left")
    finally:
        os.close(descriptor)
    if moved:
        _write_index(folder, index | moved, text)


def _write_index(folder: Path, index: Mapping[str, tuple[int, int]], before: str) -> None:
    """Replace the index; ``before`` is what it was."""
    lines = [f"{key!r}, {place!r}\n" for key, place in index.items()]
    index_file = folder / "times.dbm.dir"
    fresh = folder / f".testlanes-{os.getpid()}-times"
    try:
        fresh.write_text("".join(lines), "latin-1")
        if index_file.exists():
            (folder / "times.dbm.bak").write_text(before, "latin-1")
        fresh.replace(index_file)
    finally:
        fresh.unlink(missing_ok=True)
