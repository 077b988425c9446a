"""``testlanes last`` and ``history show``: a stored run, with what changed since the one before."""

from __future__ import annotations

from collections import Counter

from ..frozen import frozen
from ..ids import Status
from ..quarantine import Quarantine
from ..repository.base import Repository
from ..settings import Settings
from .arguments import Arguments
from .output import binary_stdout, say
from .stored import newest, opened, show_failures, warn


@frozen
class Totals:
    """A stored run in numbers; ``seconds`` is from the first start to the last end."""

    counts: Counter[Status]
    seconds: float
    known: int
    """How many of the failures are of tests that are known to be flaky."""

    @property
    def tests(self) -> int:
        """How many results there are."""
        return self.counts.total()

    @property
    def failures(self) -> int:
        """How many of them are failures."""
        return sum(count for status, count in self.counts.items() if status.is_failure)

    @property
    def red(self) -> bool:
        """Whether there is a failure that makes a run fail."""
        return self.failures > self.known


def run_last(args: Arguments, settings: Settings) -> int:
    """Show the newest run. Returns 1 if it failed, and always 0 for ``--subunit``, as testr does."""
    known = Quarantine(settings.known_flaky)
    with opened(settings) as repository:
        return show_run(repository, newest(repository), known, subunit=args.subunit)


def show_run(repository: Repository, number: int, known: Quarantine, *, subunit: bool) -> int:
    """Print a run's failures and its summary, or its stream, and return the exit code.

    Failures of ``known`` tests are told, and make it fail no more than they would a run.
    """
    if subunit:
        with binary_stdout() as out:
            repository.subunit_v2(number, out)
        return 0
    show_failures(repository.read(number), known)
    totals = totals_of(repository, number, known)
    say(summary(repository, number, totals, known))
    warn(repository)
    return 1 if totals.red else 0


def totals_of(repository: Repository, number: int, known: Quarantine) -> Totals:
    """Count a stored run."""
    counts: Counter[Status] = Counter()
    first = last = flaky = 0
    for one in repository.read(number):
        counts[one.status] += 1
        flaky += one.status.is_failure and known(one.test_id)
        begin, end = one.start or one.stop or 0, one.stop or one.start or 0
        if begin:
            first = min(first or begin, begin)
            last = max(last, end)
    return Totals(counts, (last - first) / 1e9, flaky)


def summary(repository: Repository, number: int, totals: Totals, known: Quarantine) -> str:
    """Return testr's two lines: ``Ran 9 (+1) tests in 7.000s (-0.500s)``, ``FAILED (id=3, failures=2 (-1))``.

    Where failures are of tests that are ``known`` to be flaky, it says how many.
    """
    earlier = [one for one in repository.run_numbers() if one < number]
    before = totals_of(repository, earlier[-1], known) if earlier else None

    def changed(now: int, then: int) -> str:
        return f" ({now - then:+d})" if before is not None and now != then else ""

    then = before or totals
    faster = f" ({totals.seconds - then.seconds:+.3f}s)" if before is not None else ""
    ran = f"Ran {totals.tests}{changed(totals.tests, then.tests)} tests in {totals.seconds:.3f}s{faster}"
    parts = [f"id={number}"]
    if totals.failures or then.failures:
        parts.append(f"failures={totals.failures}{changed(totals.failures, then.failures)}")
    if totals.known:
        parts.append(f"known flaky={totals.known}")
    skips, skipped = totals.counts[Status.SKIP], then.counts[Status.SKIP]
    if skips or skipped:
        parts.append(f"skips={skips}{changed(skips, skipped)}")
    return f"{ran}\n{'FAILED' if totals.red else 'PASSED'} ({', '.join(parts)})"
