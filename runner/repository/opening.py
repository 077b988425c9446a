"""Finding a repository usable, or making one."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import UserError
from .directory import DirectoryRepository, Format
from .locks import locked
from .numbers import NEXT, TEMPORARY, replace_file
from .recovery import recover


def open_repository(
    path: Path,
    format: Format,  # noqa: A002 - the word for it
    *,
    create: bool,
) -> DirectoryRepository:
    """Open the repository in the directory ``path`` (``…/.testrepository`` or ``…/.stestr``).

    With ``create`` one is made if there is nothing. What a killed testlanes left is stored or removed,
    and ``warnings`` of the repository says so. Raises ``UserError`` for one that cannot be used.
    """
    path = path.absolute()
    try:
        if create and not (path / "format").exists():
            _make(path)
        _check_format(path)
        repository = DirectoryRepository(path, format)
        if os.access(path, os.W_OK):
            _mend(repository)
            recover(repository)
    except OSError as error:
        raise UserError(f"Cannot use the repository {path}: {error.strerror or error}") from None
    return repository


def _make(path: Path) -> None:
    path.mkdir(exist_ok=True)
    there = {one.name for one in path.iterdir() if not one.name.startswith(TEMPORARY)}
    if there - {"testlanes"} and not there & {"format", NEXT}:
        raise UserError(
            f"{path} is not empty and is no repository: it has no file called format",
            hint="Name another directory, or empty this one.",
        )
    own = path / "testlanes"
    own.mkdir(exist_ok=True)
    with locked(own / "lock"):
        # "format" comes last: what has one is complete.
        for name, text in ((NEXT, b"0\n"), ("format", b"1\n")):
            if not (path / name).exists():
                replace_file(path / name, [text], 0o666)


def _check_format(path: Path) -> None:
    try:
        found = (path / "format").read_text(errors="replace")
    except FileNotFoundError:
        raise UserError(
            f"No repository found in {path.parent} (there is no {path.name}).",
            hint="A test run makes one.",
            exit_code=3,
        ) from None
    if found != "1\n":
        raise UserError(
            f"{path / 'format'} says {found.strip()[:40]!r}, but only format 1 is known",
            hint="It was made by another version of testr or stestr. Name another repository, or move it away.",
            exit_code=3,
        )


def _mend(repository: DirectoryRepository) -> None:
    """Write ``next-stream`` anew if it is empty or no number: the files that are there tell what it was."""
    if not repository.numbers.damaged():
        return
    with repository.locked():
        if repository.numbers.damaged():
            number = repository.numbers.next([])
            repository.numbers.set_next(number)
            repository.warn(f"{repository.path / NEXT} was damaged; runs are counted from {number}")
