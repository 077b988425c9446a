"""Quick tests, and some that wait until a file says that they may end. Copied into a project and run."""

import os
import time
import unittest


def wait(self):
    with open(os.path.join(os.environ["TORTURE"], "running-%d" % os.getpid()), "w"):
        pass
    while not os.path.exists(os.path.join(os.environ["TORTURE"], "go-on")):
        time.sleep(0.02)


class ASlow(unittest.TestCase):
    test_x = wait


class BSlow(unittest.TestCase):
    test_y = wait


class Quick(unittest.TestCase):
    def test_fails(self):
        self.fail("as it should")


for _n in range(30):
    setattr(Quick, f"test_{_n:02}", lambda self: None)
