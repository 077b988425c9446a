"""Set-ups that fail after they have said something and started everything there is. Copied into a project and run."""

import os
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import fixtures
import testtools
from testtools.content import content_from_file, text_content

KEPT = []


def litter():
    KEPT.append(subprocess.Popen(["sleep", "600"]))
    threading.Thread(target=time.sleep, args=(600,), daemon=True, name="litter").start()
    KEPT.append(socket.create_server(("127.0.0.1", 0)))
    KEPT.append(tempfile.mkdtemp(prefix="litter-"))
    raise RuntimeError("did not start")


class Server(fixtures.Fixture):
    def _setUp(self):
        log = os.path.join(self.useFixture(fixtures.TempDir()).path, "server.log")
        with open(log, "w") as file:
            file.write("it says why\n")
        self.addDetail("server.log", content_from_file(log))
        litter()


class Old(fixtures.Fixture):
    def setUp(self):
        super().setUp()
        self.addDetail("server.log", text_content("it says why\n"))
        litter()


class Uses(testtools.TestCase):
    def test_server(self):
        self.useFixture(Server())


class UsesOld(testtools.TestCase):
    def test_old(self):
        self.useFixture(Old())


class ByHand(testtools.TestCase):
    def setUp(self):
        super().setUp()
        self.addDetail("server.log", text_content("it says why\n"))
        litter()

    def test_by_hand(self):
        pass


class Plain(unittest.TestCase):
    def setUp(self):
        print("it says why")
        litter()

    def test_plain(self):
        pass


class Whole(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        print("it says why")
        litter()

    def test_whole(self):
        pass
