"""What the user chose to see, shared by all screens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from testlanes.runner.ids import ProfileName
from testlanes.runner.state import RunState

from .glyphs import UNICODE, Glyphs


@dataclass(slots=True)
class Options:
    """``version`` grows with each change, so that a reader knows when to begin afresh."""

    glyphs: Glyphs = UNICODE
    slow_after: float = 10.0
    """Seconds after which a test is marked as slow."""
    hidden: set[ProfileName] = field(default_factory=set[ProfileName])
    version: int = 0
    tags: Mapping[ProfileName, tuple[str, ...]] = field(
        default_factory=dict[ProfileName, tuple[str, ...]]
    )
    """Tags of the profiles."""
    here: Callable[[str], str] = str
    """A path of another host's tree -> this machine's, where it has that file; others as they are."""

    def shows(self, profile: ProfileName) -> bool:
        """Whether a profile is to be seen."""
        return profile not in self.hidden

    def hide(self, profiles: set[ProfileName]) -> None:
        """Hide exactly these profiles."""
        if profiles != self.hidden:
            self.hidden = set(profiles)
            self.version += 1


@dataclass(slots=True)
class Shown:
    """A run and how to show it: what every view model is made from."""

    state: RunState
    options: Options
    now_ns: Callable[[], int]

    @property
    def many_profiles(self) -> bool:
        """Whether it must be said which profile something is about."""
        return len(self.state.profiles) > 1

    @property
    def profile_width(self) -> int:
        """The cells that the longest profile's name takes, at most 12; 0 with a single profile."""
        if not self.many_profiles:
            return 0
        return min(12, max(len(name) for name in self.state.profiles))
