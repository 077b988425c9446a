"""What the terminal says of a run or a watch outside of the screen: window title, progress, notifications."""

from __future__ import annotations

from testlanes.runner.state.watch import WatchState

from .driver import DashboardDriver
from .viewmodels.header import counts_of, share_done
from .viewmodels.options import Shown


class Announcer:
    """Says what changed since it last said something."""

    def __init__(self, project: str) -> None:
        self._project = project
        self._said: tuple[object, ...] = ()
        self._red: bool | None = None

    def say(self, driver: DashboardDriver, shown: Shown) -> None:
        """Bring the terminal up to date."""
        counts = counts_of(shown)
        percent = int(share_done(shown, counts) * 100)
        watch = shown.state.watch
        idle = watch is not None and watch.running is None
        if watch is not None and watch.red is not None:
            self._turn(driver, watch)
        said = (percent, counts.bad, idle)
        if said == self._said:
            return
        self._said = said
        if idle:
            driver.end_progress()
            state = f"{counts.bad} failing" if counts.bad else "green"
            driver.say_title(f"testlanes {self._project} {state}")
            return
        driver.say_progress(percent, bad=counts.bad > 0)
        bad = f" {counts.bad}F" if counts.bad else ""
        driver.say_title(f"testlanes {self._project} {percent}%{bad}")

    def _turn(self, driver: DashboardDriver, watch: WatchState) -> None:
        before, self._red = self._red, watch.red
        if before is None or before == watch.red or watch.told is None:
            return
        failing = watch.told.failing
        words = f"{failing:,} failing" if watch.red else "all pass"
        driver.notify(f"testlanes {self._project}: {words}")
