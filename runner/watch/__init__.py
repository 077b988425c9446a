"""Watch mode: run again what a saved file affects, with everything kept warm that did not change."""

from .cycle import Broken, Cycle, Failure, Mode
from .loop import Project, Recorded, Watch

__all__ = ["Broken", "Cycle", "Failure", "Mode", "Project", "Recorded", "Watch"]
