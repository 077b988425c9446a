"""What Python compiled is kept by what its source says, and believed for nothing else."""

from __future__ import annotations

import marshal
import subprocess
import sys
from pathlib import Path

from testlanes.runner.agent.bootstrap import here
from testlanes.runner.agent.compiled import SIZE

CODE = """
import sys, types
package = types.ModuleType("agent")
package.__path__ = [sys.argv[1]]
sys.modules["agent"] = package
from agent import compiled
compiled.keep(sys.argv[2], ())
import it
print(it.X)
"""


def value(folder: Path) -> str:
    """Import the module in a new process that keeps what it compiles, and return its X."""
    done = subprocess.run(
        [sys.executable, "-B", "-c", CODE, here(), str(folder / "kept")],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_what_is_kept_is_of_the_same_source(tmp_path: Path) -> None:
    source = tmp_path / "it.py"
    source.write_text("X = 1\n")
    assert value(tmp_path) == "1"
    (kept,) = [path for path in (tmp_path / "kept").iterdir() if b"it.py" in path.read_bytes()]
    digest = kept.read_bytes()[:SIZE]

    kept.write_bytes(digest + marshal.dumps(compile("X = 5", str(source), "exec")))
    assert value(tmp_path) == "5"  # it is what is run

    source.write_text("X = 2\n")
    assert value(tmp_path) == "2"
    assert kept.read_bytes()[:SIZE] != digest

    kept.write_bytes(kept.read_bytes()[: SIZE + 4])  # a full disk
    assert value(tmp_path) == "2"
