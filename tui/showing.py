"""Shows the dashboard beside a run, in the same loop, and tells if it broke."""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
from collections.abc import Callable

from testlanes.runner.settings import Settings
from testlanes.runner.state import RunState

from .app import BROKEN, Dashboard
from .controls import Controls
from .history import History
from .problem import tell_problem


async def show_dashboard(
    state: RunState,
    controls: Controls,
    settings: Settings,
    history: History,
    *,
    ascii_only: bool = False,
    opened: Callable[[Dashboard], None] = lambda _: None,
) -> int:
    """Show the dashboard until the user leaves, in the running loop, beside the run.

    ``opened`` is given the dashboard, so that another run can be attached to it later.

    Returns 0 when the user left (the run's own exit code counts), 129, 130 or 143 for SIGHUP or a
    terminal that is gone, SIGINT (or a third ctrl+c), SIGTERM (``StopRun(hard=True)`` was asked
    then), and ``BROKEN`` if the dashboard failed: the run goes on, two lines on stderr say so.

    While it shows, SIGINT, SIGTERM and SIGHUP are handled here; whoever handled them before on this
    loop must ask for them again afterwards.
    """
    encoding = (sys.__stderr__.encoding if sys.__stderr__ else "") or ""
    if "utf" not in encoding.lower() or os.environ.get("TERM") == "linux":
        ascii_only = True
    loop = asyncio.get_running_loop()
    factory = loop.get_task_factory()
    try:
        app = Dashboard(state, controls, settings, history, ascii_only=ascii_only)
        opened(app)
        code = await app.run_async()
        problem = app.problem
    except Exception as error:  # it could not even start: no reason for the run to end
        code, problem = BROKEN, "".join(traceback.format_exception(error))
    finally:
        # Textual makes all tasks of the loop start eagerly from Python 3.12 on; the run's must not.
        loop.set_task_factory(factory)
    if problem:
        tell_problem(problem)
        return BROKEN
    return code or 0
