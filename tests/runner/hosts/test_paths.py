"""Where a file lies here that a test on another host tells of."""

from __future__ import annotations

import pytest

from testlanes.runner.state.paths import path_here

FILES = {"/home/me/p/test_a.py", "/home/me/p/inner/x.py"}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/cache/p-1/test_a.py", "/home/me/p/test_a.py"),
        ("/cache/p-1/inner/x.py", "/home/me/p/inner/x.py"),
        ("/cache/p-1/generated.py", "/cache/p-1/generated.py"),  # it is not here
        ("/cache/p-12/test_a.py", "/cache/p-12/test_a.py"),  # another folder
        ("/usr/lib/python3/unittest/case.py", "/usr/lib/python3/unittest/case.py"),
        ("/mnt/p/test_a.py", "/home/me/p/test_a.py"),
        ("test_a.py", "test_a.py"),
    ],
)
def test_a_path_is_mapped_where_the_file_is_here(path: str, found: str) -> None:
    roots = ["", "/cache", "/cache/p-1", "/mnt/p/"]
    assert path_here(path, roots, "/home/me/p", FILES.__contains__) == found
