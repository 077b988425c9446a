"""What the commands that look into the repository have in common."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..errors import UserError
from ..ids import DEFAULT_PROFILE, Kind, Status
from ..quarantine import Quarantine
from ..report.clean import clean_line
from ..report.telling import told
from ..report.wording import label, seconds_of
from ..repository.base import Repository, StoredResult
from ..repository.opening import open_repository
from ..settings import Settings
from ..state import Detail
from .output import is_ci, say

NOTHING_STORED = 3


def opened(settings: Settings, *, create: bool = False) -> Repository:
    """Return the repository; what it warns of goes to stderr."""
    path = Path(settings.repository)
    repository = open_repository(path, settings.repository_format, create=create)
    warn(repository)
    return repository


def warn(repository: Repository) -> None:
    """Say on stderr what the repository warns of, once."""
    for text in repository.warnings:
        sys.stderr.write(f"testlanes: warning: {clean_line(text)}\n")
    repository.warnings.clear()


def refuse_mixture(
    names: Sequence[str], hint: str = "choose one with -p NAME, or ask for --json"
) -> None:
    """Raise UserError for a flat list of several profiles' tests: nobody could tell whose they are."""
    if len(names) > 1:
        raise UserError(
            f"a flat list is of one profile, and there are several: {', '.join(names)}",
            hint=hint,
        )


def newest(repository: Repository) -> int:
    """Return the number of the newest run. Raises UserError when there is none."""
    number = repository.latest()
    if number is None:
        raise UserError(
            "no run is stored yet", hint="`testlanes run` makes one", exit_code=NOTHING_STORED
        )
    return number


def show_failures(results: Iterable[StoredResult], known: Quarantine) -> int:
    """Print each failure with its details, and which are ``known``; return how many there were."""
    count = 0
    for one in results:
        if one.status.is_failure:
            count += 1
            note = "  (known flaky)" if known(one.test_id) else ""
            say(f"{head(one)}{note}\n{told(details_of(one), ci=is_ci())}")
    return count


def head(one: StoredResult) -> str:
    """Return the line that names a result."""
    kind = Kind.NONE if one.status is not Status.FAIL else Kind.ASSERTION
    took = " " * 11 if one.seconds is None else f"[{seconds_of(one.seconds):>9}]"
    where = "" if one.profile == DEFAULT_PROFILE else f"{clean_line(one.profile)} "
    lane = "" if one.worker is None else f"lane {one.worker}  "
    name = clean_line(one.test_id, ci=is_ci())
    return f"{label(one.status, kind):<7} {took} {where}{lane}{name}"


def details_of(one: StoredResult) -> list[Detail]:
    """Return a stored result's attachments as details."""
    return [Detail(name, mime, bytearray(data), complete=True) for name, mime, data in one.details]
