"""The same, for what is pytest's own. Copied into a project and run; never collected here."""

import os
import signal
import sys
import time

import pytest


@pytest.fixture(scope="session")
def shared():
    return object()


@pytest.fixture
def exits():
    sys.exit(0)


@pytest.fixture
def exits_late():
    yield
    sys.exit(0)


@pytest.fixture
def fails():
    raise RuntimeError("no fixture")


@pytest.fixture
def fails_late():
    yield
    raise RuntimeError("not down")


def test_os_exit(shared):
    os._exit(7)


def test_sigkill():
    os.kill(os.getpid(), signal.SIGKILL)


def test_pytest_exit():
    pytest.exit("enough")


def test_system_exit():
    sys.exit(0)


def test_keyboard_interrupt():
    raise KeyboardInterrupt


def test_stops_the_session(request):
    request.session.shouldstop = "told so"


def test_exit_in_set_up(exits):
    pass


def test_exit_in_tear_down(exits_late):
    pass


def test_fails_in_set_up(fails):
    pass


def test_fails_in_tear_down(fails_late):
    pass


def test_closes_every_fd():
    os.closerange(3, 65536)


def test_closes_stdout():
    os.close(1)


def test_hangs():
    time.sleep(600)


def test_hangs_for_good():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        try:
            time.sleep(600)
        except BaseException:
            pass


def test_fork():
    if os.fork():
        os.wait()


@pytest.mark.xfail(strict=True)
def test_strict_xfail_that_passes():
    pass


@pytest.mark.xfail
def test_xfail_that_crashes():
    os._exit(1)


@pytest.mark.parametrize("odd", ["[/usr/bin]", "[@click=app.quit]", "\x1b[2J", "a b;$(touch x)", "é\udcff"[:1], "x" * 5000])
def test_odd_ids(odd):
    assert odd


@pytest.mark.parametrize("n", range(40))
def test_bystander(n, shared, tmp_path, capsys):
    print("here")
    assert capsys.readouterr().out == "here\n"
    (tmp_path / "x").write_text("x")
