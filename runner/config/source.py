"""What one place says about how a project's tests are run, in the same words for all places."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from ..frozen import frozen
from ..settings import PytestSuite, Suite


@frozen
class Source:
    """A suite and what else was said with it. Empty where nothing was said."""

    origin: str
    """Which file, and maybe which table of it."""
    suite: Suite = field(default_factory=PytestSuite)
    repository_format: Literal["testr", "stestr", ""] = ""
    group_regex: str = ""
    filter_tags: tuple[str, ...] = ()
    concurrency_command: str = ""
    list_profiles: str = ""
    """A command that prints the profiles' names."""
    default_profiles: str = ""
    instance_provision: str = ""
    instance_execute: str = ""
    instance_dispose: str = ""
    problems: tuple[str, ...] = ()
