"""The dashboard over testr's instances: leaving it disposes of them."""

from __future__ import annotations

import sys
from pathlib import Path

from .terminals import on_terminal

CONF = """[DEFAULT]
test_command="$PYTHON" -m subunit.run discover . $LISTOPT $IDOPTION
test_id_option=--load-list $IDFILE
test_list_option=--list
instance_provision=echo box-1 box-2
instance_execute=env INSTANCE=$INSTANCE_ID $COMMAND
instance_dispose=echo $INSTANCE_IDS >> disposed
"""
SUITE = """
import time
import unittest
from pathlib import Path


class ShopTest(unittest.TestCase):
    def test_waits(self):
        Path("waiting").touch()
        time.sleep(60)
"""


def test_leaving_while_tests_run_disposes_of_all(tmp_path: Path) -> None:
    (tmp_path / ".testr.conf").write_text(CONF.replace('"$PYTHON"', sys.executable))
    (tmp_path / "test_shop.py").write_text(SUITE)
    with on_terminal(
        [sys.executable, "-Im", "testlanes", "run", "-j", "2"], tmp_path, (36, 130)
    ) as one:
        one.wait_for(b"box-1")
        one.wait_for_file(tmp_path / "waiting", "")
        one.type(b"q")
        one.wait_for(b"kill what runs and leave")
        one.type(b"K")
        one.wait_for(b"disposing of")
        one.end()
        assert one.restored
    assert (tmp_path / "disposed").read_text() == "box-1 box-2\n"
    assert not (tmp_path / ".testrepository/testlanes/instances.json").exists()
