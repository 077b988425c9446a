"""What the command line said, before it meets the files."""

from __future__ import annotations

from ..frozen import frozen


@frozen
class Overrides:
    """None or empty stands for "not given". Paths are relative to the working directory.

    Durations are in seconds; ``timeout=0`` takes a configured limit away.
    """

    concurrency: int | None = None
    serial: bool = False
    """One lane, and the tests in the order of the listing's groups: ``concurrency=1``."""
    timeout: float | None = None
    grace: float | None = None
    load_timeout: float | None = None
    memory_limit: int | None = None
    """Bytes."""
    slow_after: float | None = None
    retries: int | None = None
    max_fail: int | None = None
    flaky: str | None = None
    leaks: str | None = None
    plan: str = ""
    isolated: bool | None = None
    fresh: bool | None = None
    native: bool | None = None
    shuffle: int | None = None
    profiles: tuple[str, ...] = ()
    """As typed: names or tags, each maybe several joined by commas."""
    profiles_by: str = "-p"
    """Who says so: the option, or a file of tests by profile."""
    strict_profiles: bool = False
    hosts: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    """What follows ``--``."""
    repository: str = ""
    config_file: str = ""
    framework: str = ""
    python: str = ""
    start: str = ""
    pattern: str = ""
    top: str = ""
    group_regex: str = ""
    parallel_class: bool = False
    theme: str = ""
