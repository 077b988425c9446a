"""``testlanes failing``: what failed when it last ran."""

from __future__ import annotations

from ..config.lists import format_by_profile
from ..quarantine import Quarantine
from ..report.clean import clean_line
from ..settings import Settings
from .arguments import Arguments
from .output import binary_stdout, is_ci, say, write
from .stored import opened, refuse_mixture, show_failures


def run_failing(args: Arguments, settings: Settings) -> int:
    """Show what is failing. Returns 1 if anything is; for ``--subunit`` always 0, as testr does.

    ``--list`` prints ids as they are, so that they can be given to ``--load-list``; on a terminal
    they are cleaned; they are of one profile, and several profiles' are refused. ``--json`` has the
    form of testrepository's profiles: ``{id: {"profiles": […]}}``. ``-p`` leaves out other profiles'.
    """
    with opened(settings) as repository:
        if args.subunit:
            with binary_stdout() as out:
                repository.subunit_v2(None, out)
            return 0
        failing = repository.failing()
    if args.overrides.profiles:
        wanted = {profile.name for profile in settings.profiles}
        failing = [one for one in failing if one.profile in wanted]
    names = sorted({one.profile for one in failing})
    if args.which_profiles:
        for name in names:
            say(clean_line(name))
        return 0
    if args.json:
        write(format_by_profile((one.test_id, one.profile) for one in failing))
    elif args.list_only:
        refuse_mixture(names)
        for test_id in dict.fromkeys(one.test_id for one in failing):
            say(test_id if is_ci() else clean_line(test_id))
    else:
        known = Quarantine(settings.known_flaky)
        count = show_failures(failing, known)
        flaky = sum(known(one.test_id) for one in failing)
        note = f", {flaky:,} of them known flaky" if flaky else ""
        say(f"{count:,} failing{note}" if count else "nothing is failing")
    return 1 if failing else 0
