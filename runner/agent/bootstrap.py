"""How the agent gets to a host that has a Python and nothing of ours: its source is the first thing on stdin.

python -c BOOTSTRAP  <-  payload(NONCE)  <-  frames …
                     ->  login noise, banner(NONCE)  ->  frames …

On the controller's own machine it runs from our own files, which are compiled once and not in every run.
"""

from __future__ import annotations

import os
import zlib

BOOTSTRAP = (
    "import io,zlib;f=io.BufferedReader(io.FileIO(0,closefd=False),1);"
    "exec(zlib.decompress(f.read(int(f.readline()))))"
)
"""For ``python -c``: no quotes and no spaces but one, so that shells on the way have little to spoil.

The buffer of one byte makes ``read`` take exactly what is asked for, however it arrives: the frames
that follow belong to the agent.
"""

PACKAGE = "testlanes_agent"

LOCAL_BOOTSTRAP = (
    "import sys;p=type(sys)('testlanes_agent');p.__path__=[sys.argv[1]];sys.modules[p.__name__]=p;"
    "from testlanes_agent.agent import main;main(sys.argv[2],sys.argv[1])"
)
"""For ``python -I -S -c``, with the arguments ``here()`` and the nonce: no payload follows."""

# Run by BOOTSTRAP. The modules are imported from memory: a full disk is then reported over the channel
# like any other trouble, and only what the agent itself needs is compiled.
_STUB = '''
import sys
class Sources:
    """Imports the package from memory."""
    def find_spec(self, name, path=None, target=None):
        inner = name[len(PACKAGE) + 1:] or "__init__"
        if not (name + ".").startswith(PACKAGE + ".") or inner + ".py" not in SOURCES:
            return None
        return type(sys.__spec__)(name, self, origin=inner + ".py", is_package=name == PACKAGE)
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        name = module.__spec__.origin
        exec(compile(SOURCES[name], PACKAGE + "/" + name, "exec"), module.__dict__)
sys.meta_path.insert(0, Sources())
from testlanes_agent.agent import main
main(NONCE, SOURCES)
'''


def here() -> str:
    """Return the folder of the agent's modules on this machine."""
    return os.path.dirname(os.path.abspath(__file__))


def sources() -> dict[str, bytes]:
    """Return the agent's modules: file name -> source."""
    folder = here()
    found: dict[str, bytes] = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".py"):
            with open(os.path.join(folder, name), "rb") as file:
                found[name] = file.read()
    return found


def payload(nonce: str, modules: dict[str, bytes] | None = None) -> bytes:
    """Return what is to be written to the stdin of BOOTSTRAP before the first frame: a length line, the source.

    ``nonce``: what the agent's greeting repeats; ``modules``: file name -> source, in place of our own.
    """
    modules = sources() if modules is None else modules
    text = "PACKAGE = %r\nNONCE = %r\nSOURCES = %r\n%s" % (PACKAGE, nonce, modules, _STUB)
    packed = zlib.compress(text.encode(), 6)
    return b"%d\n" % len(packed) + packed


def banner(nonce: str) -> bytes:
    """Return the agent's greeting, which ends login noise: frames begin after it."""
    return b"\ntestlanes:" + nonce.encode() + b"\n"
