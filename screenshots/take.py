"""Takes every picture in this folder anew: the real dashboard on a real run of the demo.

    python screenshots/take.py

Needs testlanes and resvg-py installed, and Debian's fonts-firacode and fonts-dejavu-core.
The demo runs before, so that there is a history.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from testlanes.controls import RunControls
from testlanes.dashboard import Sitting
from testlanes.past import Past
from testlanes.runner.cli.arguments import parse_arguments
from testlanes.runner.cli.demo import make_demo
from testlanes.runner.cli.run import make_request
from testlanes.runner.config.load import load_settings
from testlanes.runner.ids import LaneId
from testlanes.runner.repository.opening import open_repository
from testlanes.runner.state import RunState
from testlanes.themes.loader import DEFAULT
from testlanes.tui.app import Dashboard
from testlanes.tui.viewmodels.failure import Known
from testlanes.tui.widgets.linelist import LineList

HERE = Path(__file__).parent
SIZE, SMALL = (130, 34), (80, 24)
LIMIT = 60.0
FONTS = [
    "/usr/share/fonts/truetype/firacode/FiraCode-Regular.ttf",
    "/usr/share/fonts/truetype/firacode/FiraCode-Bold.ttf",
    "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf",
]
THEMES = ("testlanes-light", "high-contrast", "blue-orange")


def save(app: Dashboard, name: str, width: int = 1600) -> None:
    """Write NAME.svg and NAME.png."""
    import resvg_py

    svg = app.export_screenshot(title="testlanes", simplify=True)
    # Textual names its styles by a random number; without it, pictures only change when the screen does.
    svg = re.sub(r"terminal-\d+-", "terminal-", svg)
    (HERE / f"{name}.svg").write_text(svg, "utf-8")
    png = resvg_py.svg_to_bytes(
        svg_string=svg,
        width=width,
        skip_system_fonts=True,
        font_files=FONTS,
        font_family="Fira Code",
        monospace_family="Fira Code",
    )
    (HERE / f"{name}.png").write_bytes(bytes(png))
    print(f"{name}.svg {name}.png")  # noqa: T201 - a command


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that the run does."""
    async with asyncio.timeout(LIMIT):
        while not condition():
            await asyncio.sleep(0.02)


async def take(folder: Path) -> None:
    """Run the demo with the dashboard, and take the pictures on the way."""
    args = parse_arguments(["run", "--here", str(folder)])
    settings = load_settings(folder, args.overrides, {})
    repository = open_repository(Path(settings.repository), settings.repository_format, create=True)
    async with asyncio.TaskGroup() as tasks:
        sitting = Sitting(args, settings, repository)
        sitting.tasks = tasks
        going = sitting.start(make_request(args, settings, repository))
        state = going.recorded.run.state
        app = Dashboard(state, RunControls(sitting), settings, Past(repository))
        async with app.run_test(size=SIZE) as pilot:
            await until(lambda: len(state.failures) >= 3 and slow_lane(state) is not None)
            lane = slow_lane(state) or 0
            for _ in range(lane):
                await pilot.press("j")
            await until(lambda: state.lanes[LaneId(lane)].tail_size > 900)
            await pilot.pause(0.3)
            save(app, "running")
            await pilot.resize_terminal(*SMALL)
            await pilot.pause(0.3)
            save(app, "small", 1000)
            await pilot.resize_terminal(*SIZE)
            await until(lambda: fixture_lane(state) is not None)
            lane = fixture_lane(state) or 0
            await pilot.press("g", *"j" * lane, "t")
            await until(lambda: state.lanes[LaneId(lane)].tail_size > 400)
            await pilot.pause(0.3)
            save(app, "tail")
            await pilot.press("escape")
            await going.task
            await pilot.pause(0.5)
            save(app, "ended")
            await pilot.press("2")
            await pilot.pause(0.3)
            while "test_receipt" not in {one.test_id.rpartition(".")[2] for one in here(app)}:
                await pilot.press("]")
            await pilot.pause(0.5)
            save(app, "triage")
            for theme in THEMES:
                app.theme = theme
                await pilot.pause(0.3)
                save(app, f"theme-{theme.removeprefix('testlanes-')}")
            app.theme = DEFAULT
            await pilot.press("escape", "3", "S", "slash", *">0.15s", "enter", "down", "down")
            await pilot.pause(0.5)
            save(app, "tests")
            await pilot.press("escape", "escape", "4")
            await pilot.pause(0.3)
            save(app, "history")
            app.exit()


def here(app: Dashboard) -> list[Known]:
    """Return the failures under the cursor of the triage screen."""
    pane = app.front.query_one("#failures", LineList)
    return app.failures.failures_at(pane.cursor)


def fixture_lane(state: RunState) -> int | None:
    """Return the lane that sets up the demo's dear fixture."""
    for number, lane in state.lanes.items():
        if any(one.phase == "setup" and one.scope == "class" for one in lane.fixtures.values()):
            return number
    return None


def slow_lane(state: RunState) -> int | None:
    """Return the lane that runs one of the demo's slow tests with a growing log."""
    for number, lane in state.lanes.items():
        if lane.row is not None and "count_everything" in state.cases.test_id(lane.row):
            return number
    return None


def main() -> None:
    """Take all pictures."""
    with tempfile.TemporaryDirectory(prefix="shop-") as parent:
        folder = make_demo(Path(parent) / "shop")
        for words in ([], ["basket"], [], ["--failing"], []):
            command = [sys.executable, "-m", "testlanes", "run", "--no-tui", *words]
            subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=False)
        asyncio.run(take(folder))


if __name__ == "__main__":
    main()
