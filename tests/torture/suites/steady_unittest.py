"""Tests whose names say how they end, whatever is done to the run around them. Copied into a project and run."""

import subprocess
import sys
import threading
import time
import unittest


def fails(self):
    self.fail("as it should")


def errs(self):
    raise RuntimeError("as it should")


def skips(self):
    self.skipTest("as it should")


def passes(self):
    pass


def passes_slowly(self):
    time.sleep(0.15)


def passes_talking(self):
    print("x" * 20_000)


def passes_with_a_child(self):
    subprocess.run([sys.executable, "-S", "-c", "0"], check=True)


def passes_leaving_a_child(self):
    subprocess.Popen(["sleep", "600"], start_new_session=True)


def passes_leaving_a_thread(self):
    threading.Thread(target=time.sleep, args=(0.5,), daemon=True).start()


ENDS = [fails, errs, skips, passes, passes_slowly, passes_talking, passes_with_a_child]
ENDS += [passes_leaving_a_child, passes_leaving_a_thread, passes, passes_slowly, passes]


class Plain(unittest.TestCase):
    pass


class Shared(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        time.sleep(0.1)

    @classmethod
    def tearDownClass(cls):
        time.sleep(0.05)


for _n in range(60):
    _end = ENDS[_n % len(ENDS)]
    setattr(Plain, f"test_{_n:02}_{_end.__name__}", _end)
for _n in range(10):
    _end = ENDS[_n]
    setattr(Shared, f"test_{_n:02}_{_end.__name__}", _end)
