"""Hundreds of quick tests, made from a seed, and among them some that print, fail, wait, die. Copied into a project and run.

Every test writes ``PROCESS NUMBER b`` to the file ``ran`` when it begins, and ``e`` for ``b`` as its last deed: one
``write`` each, so that the file tells what really ran, whatever became of the worker.
"""

import ctypes
import json
import os
import random
import resource
import signal
import sys
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(HERE, "storm.json")) as file:
    PLAN = json.load(file)
"""``kinds``: of each test; ``classes``: how many; ``fixtures``: whether classes have set-ups."""


def note(number, word, _open=os.open, _write=os.write, _close=os.close):
    fd = _open(os.path.join(HERE, "ran"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    _write(fd, b"%d %d %s\n" % (os.getpid(), number, word))
    _close(fd)


def folder():
    """Return the lane's folder."""
    return os.path.dirname(os.readlink("/proc/self/fd/1"))


def passes(case):
    pass


def prints(case):
    print("hello from", case.id())


def floods(case):
    print("x" * 100000)


def fails(case):
    case.fail("as it should")


def skips(case):
    case.skipTest("as it should")


def waits(case):
    time.sleep(random.Random(case.id()).choice((0.001, 0.005, 0.02, 0.06, 0.12)))


def exits(case):
    os._exit(random.Random(case.id()).choice((0, 3)))


def aborts(case):
    ctypes.string_at(0)


def killed(case):
    os.kill(os.getpid(), signal.SIGKILL)


def closes(case):
    os.closerange(3, min(8192, resource.getrlimit(resource.RLIMIT_NOFILE)[0]))


def lowers(case):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))


def removes(case):
    for name in os.listdir(folder()):
        os.unlink(os.path.join(folder(), name))


def removes_and_dies(case):
    removes(case)
    os.kill(os.getpid(), signal.SIGKILL)


def forks(case):
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)


def execs(case):
    os.execv(sys.executable, [sys.executable, "-S", "-c", "0"])


def stops(case):
    pid = os.getpid()
    if not os.fork():
        time.sleep(0.15)
        os.kill(pid, signal.SIGCONT)
        os._exit(0)
    os.kill(pid, signal.SIGSTOP)


def overruns(case):
    time.sleep(60)


def threads(case):
    threading.Thread(target=time.sleep, args=(0.002,)).start()


DEADLY = {"exits", "aborts", "killed", "removes_and_dies", "execs"}
QUIET = {"closes", "removes", "removes_and_dies"}
"""Kinds that may cost the last words of the test."""


def made(number, kind):
    body = globals()[kind]

    def test(case):
        note(number, b"b")
        pid = os.getpid()
        try:
            body(case)
        finally:
            if os.getpid() == pid:
                note(number, b"e")

    return test


if __name__ != "__main__" and "kinds" in PLAN:
    for group in range(PLAN["classes"]):
        members = {
            "test_%04d_%s" % (number, kind): made(number, kind)
            for number, kind in enumerate(PLAN["kinds"])
            if number % PLAN["classes"] == group
        }
        if PLAN["fixtures"]:
            members["setUpClass"] = classmethod(lambda cls: None)
            members["tearDownClass"] = classmethod(lambda cls: print("down", cls))
        globals()["Storm%d" % group] = type("Storm%d" % group, (unittest.TestCase,), members)
