"""Watch mode: run again what a saved file affects, with everything kept warm that did not change."""

from .loop import Watch
from .project import Project, Recorded

__all__ = ["Project", "Recorded", "Watch"]
