"""What is done on a host before its lanes: the project's files come, its environment and interpreters are looked after.

ARCHITECTURE.md has the words, "Bringing the project". Only other machines' agents import this.
"""

import os
import zlib

from . import ground, pack, processes

STAMP = "setup"
"""The file in HOME that holds the key of the last setup that went well."""
VERSION_OF = "import sys;print('%d.%d.%d' % tuple(sys.version_info[:3]))"
LOOK_LIMIT = 20.0
"""Seconds that an interpreter may take to say its version."""


class Site:
    """Obeys the words of the bring-up."""

    def __init__(self, agent):
        self.agent = agent
        self.say = agent.uplink.say
        self._root = ""
        self._tree = None
        self._begin()

    def _begin(self):
        self._inflate = zlib.decompressobj()
        self._frames = pack.Frames()

    def obey(self, word, args):
        """Do what a word of the controller says."""
        try:
            getattr(self, "_do_" + word)(*args)
        except ground.Refused as refused:
            self._refuse(refused)
        except OSError as error:
            self._refuse(ground.refusal(error, error.filename or self._root))

    def _refuse(self, refused):
        self.let_go()
        fields = {"why": refused.why, "hint": refused.hint, "final": refused.final}
        self.say("refused", fields)

    def let_go(self):
        """Let others have the folder."""
        if self._tree is not None:
            self._tree.close()
            self._tree = None

    # -- files ---------------------------------------------------------------

    def _do_tree(self, folder, how):
        self.let_go()
        self._begin()
        if not how.get("copy"):
            self._root = ground.expanded(folder)
            state, holder = "there" if os.path.isdir(self._root) else "missing", ""
        else:
            from .tree import Tree  # only where files are copied

            tree = self._tree = Tree(folder, str(how.get("who") or ""))
            self._root, state, holder = tree.root, tree.state, tree.holder
            if state == "busy":
                self.let_go()
        fields = {"root": self._root, "state": state, "holder": holder, "rsync": _has("rsync")}
        self.say("tree", fields)

    def _do_copy(self, data):
        tree = self._tree
        if tree is None:
            return  # it was refused while this was on its way
        for frame in self._frames.feed(self._inflate.decompress(data)):
            self._take(tree, frame[0], *frame[1:])
        self.say("copied", len(data), tree.copied, tree.bytes, tree.removed)

    def _take(self, tree, word, *args):
        if word == "want":
            tree.wanted += [tuple(entry) for entry in args[0]]
        elif word == "listed":
            self.say("needs", tree.prepare())
        elif word == "put":
            tree.begin(args[0])
            tree.write(args[1])
        elif word == "more":
            tree.write(args[0])
        elif word == "end":
            tree.finish(*args)
        elif word in ("keep", "placed"):
            getattr(tree, word)(args[0])
        elif word == "done":
            tree.settle()
        else:
            raise ground.Refused("the controller copies %r" % word, "", True)

    def _do_share(self):
        if self._tree is not None:
            self._tree.share()

    # -- environment ---------------------------------------------------------

    def _do_setup(self, command, how):
        home = os.path.join(self._root, os.fsdecode(ground.HOME))
        stamp = os.path.join(home, STAMP)
        try:
            with open(stamp, encoding="utf-8") as file:
                if file.read() == how["key"]:
                    self.say("setup", {"state": "kept"})
                    return
        except OSError:
            pass
        if self._tree is not None:
            self._tree.need_alone()

        def heard(line):
            self.say("setup", {"state": "running", "text": line})

        def done(code, why, output):
            if code == 0:
                try:
                    os.makedirs(home, 0o700, exist_ok=True)
                    with open(stamp, "w", encoding="utf-8") as file:
                        file.write(how["key"])
                except OSError:
                    pass  # then it runs again
            state = "done" if code == 0 else "failed"
            self.say("setup", {"state": state, "why": why, "text": output})

        argv = ["/bin/sh", "-c", "exec 2>&1\n" + command]
        env = dict(how.get("env") or {})
        env[processes.AGENT_COOKIE] = self.agent.name
        try:
            if os.path.exists(stamp):
                os.unlink(stamp)
            self._errand(done, heard).start(argv, env, self._root, float(how["limit"]))
        except OSError as error:
            raise ground.refusal(error, stamp) from None

    def _do_look(self, name, python, env):
        def done(code, why, output):
            fields = {"version": output if code == 0 else "", "why": "" if code == 0 else why}
            self.say("python", name, fields)

        argv = [os.path.expanduser(python), "-c", VERSION_OF]
        # Who only looks has no folder yet.
        where = self._root if os.path.isdir(self._root) else None
        try:
            self._errand(done).start(argv, env, where, LOOK_LIMIT)
        except OSError as error:
            done(None, "could not be started: %s" % error, "")

    def _errand(self, *hears):
        from .errands import Errand

        return Errand(self.agent, *hears)


def _has(program):
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        if os.access(os.path.join(folder or ".", program), os.X_OK):
            return True
    return False
