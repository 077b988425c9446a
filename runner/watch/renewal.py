"""What is kept warm from cycle to cycle, and when it has to be made anew: other settings, other packages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path

from ..events import ImageChanged
from ..ids import ProfileName
from ..settings import Settings
from ..standby import Standby

CONFIGURATION = (
    *("pyproject.toml", "testlanes.toml", ".stestr.conf", ".testr.conf", "tox.ini", "tox.toml"),
    *("setup.cfg", "pytest.ini", ".pytest.ini", "*.lock", "requirements*.txt"),
)
"""Files after whose change the settings are read again and everything runs."""


def configuration_among(paths: Iterable[str]) -> str:
    """Return the first of these paths that configures the suite; empty if none does."""
    for path in paths:
        if any(fnmatchcase(path, pattern) for pattern in CONFIGURATION):
            return path
    return ""


def package_stamps(settings: Settings) -> Mapping[str, int]:
    """Return folder -> mtime of the interpreters' installed packages: to install one touches it."""
    found: dict[str, int] = {}
    for profile in settings.profiles:
        if profile.python:
            for folder in Path(profile.python).parent.parent.glob("lib/python3*/site-packages"):
                with suppress(OSError):
                    found[str(folder)] = folder.stat().st_mtime_ns
    return found


class Warm:
    """The agent that stays, with its images. ``tell`` hears how these are."""

    def __init__(self, settings: Settings, tell: Callable[[ImageChanged], None]) -> None:
        self._tell = tell
        self._packages = package_stamps(settings)
        self.standby = Standby(self.image_changed)
        self.images: dict[ProfileName, str] = {}
        """How each profile's image is, in words."""

    def stale(self, changed: Iterable[str], settings: Settings) -> str:
        """Return why it may be of no use any more after these changes; empty if it is."""
        if why := configuration_among(changed):
            return why
        return "installed packages changed" if package_stamps(settings) != self._packages else ""

    async def renew(self, settings: Settings) -> None:
        """Drop it all, for new settings or packages."""
        self._packages = package_stamps(settings)
        self.images.clear()
        await self.standby.close()
        self.standby = Standby(self.image_changed)

    def image_changed(self, event: ImageChanged) -> None:
        """Note how an image is now."""
        text = event.state
        if event.state == "ready":
            text = f"ready, {event.memory / 2**20:.0f} MB"
            if event.why:
                text += f"; pytest begins anew each time: {event.why}"
        elif event.why:
            text = f"{event.state}: {event.why}"
        self.images[event.profile] = text
        self._tell(event)
