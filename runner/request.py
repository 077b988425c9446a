"""What a run is asked to do: data only, besides the settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from .frozen import frozen
from .ids import Case, HostName, ProfileName
from .settings import Selection

if TYPE_CHECKING:
    from .hosts.instances import Instances
    from .launch import Launch
    from .plan import Plan
    from .standby import Standby


@frozen
class Request:
    """What to run this time."""

    selection: Selection = field(default_factory=Selection)
    partial: bool | None = None
    """None: partial unless everything is selected."""
    label: str = ""
    times: Mapping[Case, float] = field(default_factory=dict[Case, float])
    """Expected seconds of the cases that ran before."""
    speeds: Mapping[HostName, float] = field(default_factory=dict[HostName, float])
    """How fast hosts were in earlier runs; times are of hosts of speed 1."""
    plan: Plan | None = None
    launch: Launch | None = None
    """This machine's agent, if it was started already; the first run that is prepared gets it."""
    watch: WatchRequest | None = None
    replay: ReplayRequest | None = None
    """What to run instead of what is selected."""
    instances: Instances | None = None
    """Where lanes are, if the settings have testr's instances."""


@frozen
class ReplayRequest:
    """What one worker is to run, in this order; an id may be there several times. ``lane``: its number."""

    profile: ProfileName
    ids: tuple[str, ...]
    lane: int = 0


@frozen
class WatchRequest:
    """What a run is told that is one of a watch's cycles."""

    standby: Standby
    """This machine's agent, which stays for the next cycle."""
    selects: Callable[[str, ProfileName], bool] | None = None
    """Whether a test is to run that the selection selects; None: all of them."""
    urgent: Callable[[str, ProfileName], bool] | None = None
    """Whether it is to run before those that are not."""
    whole: bool = False
    """Whether what is listed is the whole suite, so that what is not listed is gone."""
