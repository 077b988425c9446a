"""Which tests a change of files can affect: what was read when they ran, and what their sources import. Pure."""

from .imports import ImportGraph
from .testfiles import TestFiles
from .uses import Affected, Change, Uses

__all__ = ["Affected", "Change", "ImportGraph", "TestFiles", "Uses"]
