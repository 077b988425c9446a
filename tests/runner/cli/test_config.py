"""What ``testlanes config`` shows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from testlanes.runner.cli.config import describe, show_config
from testlanes.runner.config.load import load_settings
from testlanes.runner.config.overrides import Overrides
from testlanes.runner.ids import HostName
from testlanes.runner.settings import Host, Settings


def settings(root: Path, text: str) -> Settings:
    """Return the settings of a project with this ``testlanes.toml``."""
    (root / "testlanes.toml").write_text(text)
    return load_settings(root, Overrides(retries=3), {"HOME": str(root), "PATH": "/usr/bin:/bin"})


def test_every_setting_is_shown_with_where_it_is_from(tmp_path: Path) -> None:
    text = 'framework = "pytest"\nargs = ["-k", "a b"]\ntimeout = 60\nkeys = { quit = "q" }\nenv = { A = "x y" }'
    lines = show_config(settings(tmp_path, text), as_json=False).splitlines()

    shown = [" ".join(line.split()) for line in lines]
    assert f"root {tmp_path}" in shown
    assert "suite pytest testlanes.toml" in shown
    assert "profiles.default.runs pytest -k 'a b' testlanes.toml" in shown
    assert "profiles.default.env A='x y'" in shown
    assert "timeout 60 testlanes.toml" in shown
    assert "retries 3 command line" in shown
    assert "concurrency the machine's cores default" in shown
    assert "grace 2 default" in shown
    assert "isolated no default" in shown
    assert "plan none default" in shown
    assert "keys.quit q testlanes.toml" in shown


def test_nothing_of_the_settings_is_forgotten(tmp_path: Path) -> None:
    """A new field of Settings has to be shown."""
    builder = HostName("builder")
    given = settings(tmp_path, 'keys = { a = "b" }')
    given = replace(given, reach={builder: Host(builder, ("ssh", "b"))})
    rows = {row.key.partition(".")[0] for row in describe(given)}

    apart = {"origins", "problems", "all_profiles", "default_profiles", "missing_profiles"}
    assert set(Settings.__dataclass_fields__) - apart <= rows


def test_commands_profiles_and_problems_are_shown(tmp_path: Path) -> None:
    text = 'command = "./x $IDOPTION"\nid_option = "-i"\n[profiles.a]\nlanes = 2\ntags = ["t"]'
    text += '\n[profiles.b]\npython = "nosuchpython"'
    shown = show_config(settings(tmp_path, text), as_json=False)

    assert "profiles.a.command    ./x $IDOPTION" in shown
    assert "profiles.a.id_option  -i" in shown
    assert "profiles.a.lanes" in shown
    assert "profiles left out     b" in shown
    assert shown.endswith(
        "\nprofile b: no Python is called nosuchpython, neither in .tox, .nox and .venv* nor on PATH.\n"
    )


def test_json_has_the_same_values(tmp_path: Path) -> None:
    resolved = settings(tmp_path, "timeout = 60")
    data = json.loads(show_config(resolved, as_json=True))

    assert data["problems"] == []
    assert data["settings"]["timeout"] == {"value": 60.0, "from": "testlanes.toml"}
    assert data["settings"]["shuffle"] == {"value": None, "from": "default"}
    assert list(data["settings"]) == [row.key for row in describe(resolved)]
