"""What a run is to do, resolved: data only. ``config/load.py`` makes these from files and arguments.

Paths are absolute. Durations are in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal, TypeAlias

from .frozen import frozen
from .ids import DEFAULT_PROFILE, LOCAL, HostName, ProfileName


@frozen
class UnittestSuite:
    """unittest discovery, as ``python -m unittest discover -s START -p PATTERN -t TOP`` does it.

    With ``names`` (modules, classes, functions that make a suite) it is ``python -m unittest NAME …`` instead.
    """

    start: str = "."
    pattern: str = "test*.py"
    top: str | None = None
    names: tuple[str, ...] = ()


@frozen
class PytestSuite:
    """pytest with these arguments (paths and options) after what the project configures."""

    args: tuple[str, ...] = ()


@frozen
class CommandSuite:
    """Any command that speaks subunit v2 on stdout, in the words of ``.testr.conf``.

    ``$IDOPTION``, ``$IDFILE``, ``$IDLIST``, ``$LISTOPT`` and ``$PROFILE`` stand where testr has them.
    """

    command: str
    id_option: str = ""
    list_option: str = ""
    id_list_default: str = ""
    execute: str = ""
    """``instance_execute``, which runs the command on an instance: ``$INSTANCE_ID``, ``$FILES``, ``$COMMAND``."""
    instance: str = ""
    """The id of the instance."""


Suite: TypeAlias = UnittestSuite | PytestSuite | CommandSuite


@frozen
class Profile:
    """One configuration the suite runs under."""

    name: ProfileName = DEFAULT_PROFILE
    python: str = ""
    """The interpreter that runs the tests: an absolute path; empty for a ``CommandSuite``."""
    suite: Suite = field(default_factory=PytestSuite)
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    tags: tuple[str, ...] = ()
    lanes: int | None = None
    """At most this many lanes of this profile at a time."""
    hosts: tuple[HostName, ...] = (LOCAL,)
    directory: str = ""
    """The working directory of its tests, absolute; empty for the project's folder."""


DIRECTORY = "~/.cache/testlanes/{project}"
"""A project's folder on a host, unless the host names one."""


@frozen
class Host:
    """A place other than this machine that can run lanes, and how its agent is reached.

    Only the user's own ``hosts.toml`` makes these: whoever says ``run`` can run commands.
    """

    name: HostName
    run: tuple[str, ...]
    """The command prefix that runs a command there with its stdin and stdout: ``ssh builder``."""
    shell: bool = False
    """Whether a shell there puts the command together again (ssh), so that words must be quoted."""
    lanes: int = 0
    """0 stands for its cores."""
    python: str = "python3"
    """What runs the agent, and every profile that ``profiles`` does not name."""
    directory: str = DIRECTORY
    """The project's folder there; ``{project}`` stands for this one's name and a mark of its path."""
    sync: str = "auto"
    """``auto`` (at present ``manifest``), ``rsync``, ``manifest``, ``none``, or a command that copies the project."""
    setup: str = ""
    """A command that makes the environment ready, run there in the project's folder."""
    profiles: Mapping[ProfileName, str] = field(default_factory=dict[ProfileName, str])
    """The interpreter there of each profile: a path (from the project's folder), or a name on PATH."""
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    isolate: bool = False
    """Whether the agent gets a process namespace of its own, so that nothing can outlive it."""
    queue: bool = False
    """Whether the prefix may wait for long until a place is free (``srun``)."""
    lease: float = 15.0
    """Seconds without a word from us after which its agent ends all that runs there."""


@frozen
class Selection:
    """Which tests of the suite are to run. Empty fields select everything."""

    filters: tuple[str, ...] = ()
    """Regexes (``re.search``), OR-ed; for pytest also nodeid prefixes and file paths."""
    ids: frozenset[str] | None = None
    """Exactly these ids (``--load-list``, ``--failing``), and whatever re-runs a fixture failure among them."""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    per_profile: Mapping[ProfileName, frozenset[str]] | None = None
    """Exactly these ids of each profile; takes the place of ``ids``."""

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        named = self.filters or self.include or self.exclude
        return not named and self.ids is None and self.per_profile is None


@frozen
class Settings:
    """A run's settings. ``origins`` says for each key (``concurrency``, ``timeout`` …) where its value is from."""

    root: str
    """The project's folder: the working directory of the tests."""
    profiles: tuple[Profile, ...]
    repository: str = ""
    """The repository's folder, e.g. ``/p/.testrepository``; it may not exist yet."""
    repository_format: Literal["testr", "stestr"] = "testr"
    concurrency: int = 0
    """Lanes on this machine; 0 stands for the machine's cores."""
    concurrency_command: str = ""
    """``test_run_concurrency``: a command that prints the number of lanes."""
    group_regex: str = ""
    plan: str = ""
    """The concurrency plan's file."""
    timeout: float | None = None
    """Seconds a test may take."""
    grace: float = 2.0
    """Seconds between asking a test to end and killing its worker."""
    load_timeout: float = 600.0
    """Seconds for which a suite that is being loaded may say nothing; 0: any time."""
    memory_limit: int = 0
    """Bytes of memory that a worker may hold; 0: any number."""
    slow_after: float = 10.0
    retries: int = 0
    max_fail: int = 0
    isolated: bool = False
    fresh: bool = False
    """Never fork from a loaded suite: each worker is a new process."""
    native: bool = True
    """Whether a ``test_command`` that is plainly unittest may run in our own lanes."""
    flaky: Literal["report", "fail"] = "report"
    """What a test means for the run that failed and then passed on a retry."""
    leaks: Literal["report", "fail", "off"] = "report"
    """What is done about what tests leave behind; ``fail`` makes the test fail."""
    leaks_allow: tuple[str, ...] = ()
    """What may be left: ``KIND:REGEX``, or a regex for all kinds (``re.search``)."""
    shuffle: int | None = None
    """The seed of a random order."""
    filter_tags: tuple[str, ...] = ()
    keys: Mapping[str, str] = field(default_factory=dict[str, str])
    theme: str = ""
    instance_provision: str = ""
    instance_execute: str = ""
    instance_dispose: str = ""
    instance_timeout: float = 600.0
    """Seconds that provisioning or disposing of instances may take."""
    origins: Mapping[str, str] = field(default_factory=dict[str, str])
    hosts: tuple[HostName, ...] = (LOCAL,)
    """Where lanes may run."""
    reach: Mapping[HostName, Host] = field(default_factory=dict[HostName, Host])
    """How each of ``hosts`` but this machine is reached, from the user's own ``hosts.toml``."""
    watch_ignore: tuple[str, ...] = ()
    """Paths that a watch does not look at, as patterns (``docs/*``), besides what git ignores."""
    watch_poll: bool = False
    """Whether a watch looks at the files by itself: network file systems tell nobody of changes."""
    watch_rest: bool = False
    """Whether a watch goes on with what has not run since the last full run when it has nothing else to do."""
    watch_memory: int = 0
    """MB that the warm images of all profiles may take together; 0 stands for a quarter of the machine's memory."""
    watch_red: str = ""
    """A command that is run when a watch's cycle leaves failing tests and the one before did not."""
    watch_green: str = ""
    """The same, the other way round."""
    known_flaky: tuple[str, ...] = ()
    """Ids or regexes (``re.search``) of tests whose failures are known to come and go: they do not fail a run."""
    all_profiles: tuple[ProfileName, ...] = ()
    """Every configured profile, also those that this run leaves out; empty if none is configured."""
    default_profiles: tuple[ProfileName, ...] = ()
    """The profiles that run when none is named; also those that cannot."""
    missing_profiles: Mapping[ProfileName, str] = field(default_factory=dict[ProfileName, str])
    """The chosen profiles that cannot run, and why."""
    problems: tuple[str, ...] = ()
    """What the user should know though the run goes on, one plain line each."""
