"""Tests that do what tests must not do, one behaviour each. Copied into a project and run; never collected here."""

import asyncio
import builtins
import ctypes
import faulthandler
import gc
import logging
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import unittest.mock
import warnings


def sleeper(**how):
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], **how)


class Ends(unittest.TestCase):
    """The worker ends, or nearly so."""

    def test_os_exit_0(self):
        os._exit(0)

    def test_os_exit_in_a_thread(self):
        threading.Thread(target=os._exit, args=(3,)).start()
        time.sleep(30)

    def test_execv(self):
        os.execv("/bin/true", ["true"])

    def test_segfault(self):
        ctypes.string_at(0)

    def test_abort(self):
        os.abort()

    def test_sigkill(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def test_sigterm_to_its_group(self):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.killpg(0, signal.SIGTERM)
        time.sleep(30)

    def test_alarm_with_its_default_action(self):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        time.sleep(30)


class Raises(unittest.TestCase):
    """What stops other runners."""

    def test_system_exit(self):
        sys.exit(0)

    def test_system_exit_in_a_cleanup(self):
        self.addCleanup(sys.exit, 0)

    def test_keyboard_interrupt(self):
        raise KeyboardInterrupt

    def test_sigint(self):
        signal.signal(signal.SIGINT, signal.default_int_handler)  # one before may have reset it
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(30)

    def test_generator_exit(self):
        raise GeneratorExit

    def test_asynchronous_exception(self):
        here = ctypes.c_ulong(threading.get_ident())
        ctypes.pythonapi.PyThreadState_SetAsyncExc(here, ctypes.py_object(SystemExit))
        for _ in range(600):
            time.sleep(0.05)

    def test_recursion(self):
        def deeper():
            deeper()

        deeper()

    def test_memory_error(self):
        raise MemoryError

    def test_exception_whose_text_raises(self):
        class Bad(Exception):
            def __str__(self):
                raise ValueError("no text")

        raise Bad

    def test_text_that_acts_on_terminals(self):
        self.fail("\x1b]0;title\x07 \x1b[2J [/usr/bin] [@click=app.quit] \udcff \x00 ::error file=x::")


class Hangs(unittest.TestCase):
    """Over the time limit."""

    def test_sleep(self):
        time.sleep(600)

    def test_busy(self):
        while True:
            pass

    def test_swallows_everything(self):
        while True:
            try:
                time.sleep(600)
            except BaseException:
                pass

    def test_ignores_all_signals(self):
        for each in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(each, signal.SIG_IGN)
        while True:
            time.sleep(600)

    def test_sigstop(self):
        os.kill(os.getpid(), signal.SIGSTOP)

    def test_never_comes_back_from_c(self):
        sum(iter(int, 1))

    def test_passes_too_late(self):
        try:
            for _ in range(12000):  # a test before this one may have replaced time.monotonic
                time.sleep(0.05)
        except BaseException:
            pass


class Coroutine(unittest.IsolatedAsyncioTestCase):
    async def test_hangs(self):
        await asyncio.sleep(600)


class Spoils(unittest.TestCase):
    """The process is not what it was; the test itself passes."""

    def test_closes_every_fd(self):
        os.closerange(3, 65536)

    def test_closes_stdout_and_stderr(self):
        os.close(1)
        os.close(2)

    def test_replaces_streams(self):
        sys.stdout, sys.stderr = None, 3

    def test_deleted_folder(self):
        folder = tempfile.mkdtemp()
        os.chdir(folder)
        shutil.rmtree(folder)

    def test_clears_the_environment(self):
        os.environ.clear()

    def test_patches_for_good(self):
        for name in ("os.write", "time.time_ns", "time.monotonic", "os.getcwd", "builtins.open"):
            unittest.mock.patch(name).start()

    def test_freezes_the_clock(self):
        for name in ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter"):
            setattr(time, name, lambda: 86400)

    def test_address_space(self):
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (1 << 28, hard))

    def test_replaces_builtins(self):
        builtins.isinstance = lambda *_: True
        builtins.len = lambda *_: 3

    def test_purges_modules(self):
        for name in list(sys.modules):
            if name.partition(".")[0] in ("unittest", "os", "traceback", "testlanes_agent", "json"):
                del sys.modules[name]

    def test_limits(self):
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

    def test_recursion_limit(self):
        sys.setrecursionlimit(120)

    def test_resets_signals(self):
        # Nobody can know that faulthandler lost SIGSEGV; a test that comes here later is to have its stacks.
        for each in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV}:
            signal.signal(each, signal.SIG_DFL)

    def test_masks_signals(self):
        signal.pthread_sigmask(signal.SIG_SETMASK, set(signal.Signals))

    def test_alarm_left_armed(self):
        signal.setitimer(signal.ITIMER_REAL, 0.3)

    def test_trace_left_on(self):
        sys.settrace(lambda *_: None)

    def test_warnings_are_errors(self):
        warnings.simplefilter("error")

    def test_collector_off_and_frozen(self):
        gc.disable()
        gc.freeze()

    def test_faulthandler_off(self):
        faulthandler.disable()

    def test_logging_off(self):
        logging.disable(logging.CRITICAL)
        logging.shutdown()

    def test_umask(self):
        os.umask(0o777)


class Forks(unittest.TestCase):
    def test_child_returns_from_the_test(self):
        pid = os.fork()
        if pid:
            os.waitpid(pid, 0)

    def test_child_raises(self):
        pid = os.fork()
        if not pid:
            raise RuntimeError("in the child")
        os.waitpid(pid, 0)

    def test_parent_fails(self):
        pid = os.fork()
        if pid:
            os.waitpid(pid, 0)
            self.fail("in the parent")


class Marks(unittest.TestCase):
    @unittest.expectedFailure
    def test_expected_failure(self):
        self.fail("as expected")

    @unittest.expectedFailure
    def test_unexpected_success(self):
        pass


class LateClass(unittest.TestCase):
    @classmethod
    def tearDownClass(cls):
        raise RuntimeError("not down")

    def test_e(self):
        pass


class Leaves(unittest.TestCase):
    """All of it must be gone after the run."""

    def test_child(self):
        sleeper()

    def test_child_in_a_session_of_its_own(self):
        sleeper(start_new_session=True, env={})

    def test_daemon(self):
        if not os.fork():
            os.setsid()
            if os.fork():
                os._exit(0)
            os.closerange(0, 65536)
            time.sleep(600)
        os.wait()

    def test_thread(self):
        threading.Thread(target=time.sleep, args=(600,)).start()

    def test_socket(self):
        type(self).kept = socket.create_server(("127.0.0.1", 0))


class Talks(unittest.TestCase):
    def test_twenty_megabytes(self):
        sys.stdout.write("x" * 20_000_000)

    def test_ten_megabytes_of_message(self):
        self.fail("x" * 10_000_000)

    def test_subunit_on_stdout(self):
        packet = b"\xb3\x29\x83\x1c\x07foreign.test"
        os.write(1, packet * 3 + b"\xb3" * 1000)

    def test_subtests_fail(self):
        for n in range(3):
            with self.subTest(n=n):
                self.assertNotEqual(1, n)


class BrokenClass(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise RuntimeError("no class")

    def test_a(self):
        pass

    def test_b(self):
        pass


class ExitingClass(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        sys.exit(0)

    def test_c(self):
        pass


class SkippedClass(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise unittest.SkipTest("not today")

    def test_d(self):
        pass


class Bystander(unittest.TestCase):
    """What must not notice any of it."""


def _check(self):
    self.assertEqual(3.5, time.time() and 3.5)
    self.assertTrue(isinstance("", str) and not isinstance("", int))
    self.assertEqual(2, len("ab"))
    self.assertGreater(sys.getrecursionlimit(), 500)
    os.getcwd()
    with tempfile.TemporaryFile() as file:
        file.write(b"x")
    print("here", file=sys.stdout)


for _n in range(60):
    setattr(Bystander, f"test_{_n:02}", _check)
