"""Which Python runs the tests: found by what a project says or has, and asked whether it starts."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..frozen import frozen

LIMIT = 20.0
"""Seconds an interpreter has to answer: a cold start from a slow disk takes a few."""

_BIN = ("bin/python", "bin/python3")
_VERSION = re.compile(r"(?:py|python)?-?([23])[.-]?(\d+)?(t?)")

_PYPY = re.compile(r"pypy-?(?:([23])\.?(\d+)?)?")
_TELLING = re.compile(r"\b\w*error\b|not found|no such|cannot|denied", re.IGNORECASE)


@frozen
class Found:
    """An interpreter's absolute path and, in a user's words, why it is this one."""

    python: str
    origin: str


def default_python(root: Path, environ: Mapping[str, str]) -> tuple[Found, str]:
    """Return the interpreter of a project that names none, and a problem met on the way or nothing.

    The active virtual environment, one in the project's folder, the Python that runs testlanes
    unless that is a tool's private environment (pipx, uv tool), or the one on PATH.
    """
    problem = ""
    active = environ.get("VIRTUAL_ENV", "")
    if active:
        python = _in_environment(root / active)
        if python:
            return Found(python, "VIRTUAL_ENV"), ""
        problem = f"VIRTUAL_ENV is {active}, where no Python is; it is passed over."
    for name in (".venv", "venv", ".virtualenv", "env"):
        python = _in_environment(root / name) if (root / name / "pyvenv.cfg").exists() else ""
        if python:
            return Found(python, f"the project's {name}"), problem
    if not is_private(Path(sys.prefix)):
        return Found(sys.executable, "the Python that runs testlanes"), problem
    for name in ("python3", "python"):
        python = on_path(name, environ)
        if python and not Path(python).is_relative_to(sys.prefix):
            return Found(str(Path(python).absolute()), f"{name} on PATH"), problem
    return Found(sys.executable, "the Python that runs testlanes"), problem


def on_path(name: str, environ: Mapping[str, str]) -> str | None:
    """Return where a program of that name is on PATH."""
    import shutil  # it brings compression along, and is needed for few projects

    return shutil.which(name, path=environ.get("PATH"))


def is_private(prefix: Path) -> bool:
    """Return whether an environment holds one tool only: pipx and uv mark theirs, uvx caches them."""
    if (prefix / "pipx_metadata.json").exists() or (prefix / "uv-receipt.toml").exists():
        return True
    parts = prefix.parts
    return "uv" in parts and any(part.startswith(("archive-v", "environments-v")) for part in parts)


def candidates(word: str, root: Path, environ: Mapping[str, str]) -> Iterator[Found]:
    """Yield what a name may mean, likeliest first: a path; an environment of tox, nox or venv; a program on PATH.

    ``py311``, ``3.11`` and ``python3.11`` mean that version, also in the project's
    environments and among pyenv's.
    """
    text = str(expanded(word, environ))
    if "/" in text or text.startswith("."):
        path = root / text
        python = _in_environment(path) if path.is_dir() else str(path) if _runs(path) else ""
        if python:
            yield Found(python, word)
        return
    session = word.replace(".", "-")  # nox's folder for tests-3.11 is tests-3-11
    own = (word,) if (root / word / "pyvenv.cfg").is_file() else ()
    for name in (f".tox/{word}", f".nox/{session}", f".venv-{word}", f".venv{word}", *own):
        python = _in_environment(root / name)
        if python:
            yield Found(python, name)
    version = _VERSION.fullmatch(word)
    pypy = _PYPY.fullmatch(word)
    names = [word] if version is None else [word, _named(version)]
    if pypy is not None and pypy[2]:
        names.append(f"pypy{pypy[1]}.{pypy[2]}")
    if version is not None and version[2]:
        yield from _environments_of(root, f"{version[1]}.{version[2]}")
    for name in dict.fromkeys(names):
        python = on_path(name, environ)
        if python:
            yield Found(str(Path(python).absolute()), f"{name} on PATH")
    if version is not None and version[2]:
        pyenv = Path(environ.get("PYENV_ROOT") or expanded("~/.pyenv", environ))
        releases = [
            folder
            for folder in pyenv.glob(f"versions/{version[1]}.{version[2]}.*")
            if folder.suffix[1:].isdigit()  # no 3.14.0rc1, no free-threaded 3.13.0t
        ]
        for folder in sorted(releases, key=lambda each: int(each.suffix[1:]), reverse=True):
            python = _in_environment(folder)
            if python:
                yield Found(python, f"pyenv's {folder.name}")


def is_python_name(name: str, root: Path) -> bool:
    """Return whether a profile's name says by itself which interpreter it has."""
    version = _VERSION.fullmatch(name)
    if version is not None and (version[2] or name.startswith("py")):
        return True
    if _PYPY.fullmatch(name):
        return True
    return any((root / f"{folder}/{name}").is_dir() for folder in (".tox", ".nox"))


def expanded(text: str, environ: Mapping[str, str]) -> Path:
    """Return a path as a user writes it, with ``~`` at its beginning."""
    home = environ.get("HOME", "")
    return Path(home, text[2:]) if home and text.startswith("~/") else Path(text)


def why_broken(python: str, cwd: Path, environ: Mapping[str, str]) -> str:
    """Start an interpreter; return nothing if it is a Python 3.8 or later, else what is wrong with it."""
    code = "import sys; print('testlanes %d %d' % sys.version_info[:2])"  # Python 2 says it too
    try:
        # a session of its own, so that a limit or Ctrl-C reaches what a shim started
        done = subprocess.run(
            [python, "-c", code],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=cwd,
            env=dict(environ),
            timeout=LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"it did not answer in {LIMIT:g} s"
    except OSError as error:
        return f"it does not start: {error.strerror}"
    said = re.search(rb"^testlanes (\d+) (\d+)\s*$", done.stdout, re.MULTILINE)
    if said is None and done.returncode == 0:
        return "it is no Python"
    if said is None:
        why = _reason(done.stderr.decode("utf-8", "replace")) or f"exit code {done.returncode}"
        return f"it does not start: {why}"
    if (int(said[1]), int(said[2])) < (3, 8):
        return f"it is Python {int(said[1])}.{int(said[2])}, and testlanes needs 3.8 or later"
    return ""


@frozen
class Answer:
    """What an interpreter says of itself. ``version`` is ``3.11.7``, or ``PyPy 3.10.14``; empty if it does not start."""

    version: str
    missing: tuple[str, ...] = ()
    """Of the modules that were asked for, those it does not have."""
    problem: str = ""


def ask(python: str, modules: tuple[str, ...], cwd: Path, environ: Mapping[str, str]) -> Answer:
    """Start an interpreter in a project's folder and ask for its version and for modules; none is imported."""
    if problem := why_broken(python, cwd, environ):
        return Answer("", problem=problem)
    code = (
        "import sys, platform, importlib.util as u;"
        "print('testlanes', platform.python_implementation(), platform.python_version(),"
        " *[name for name in sys.argv[1:] if u.find_spec(name) is None])"
    )
    try:
        done = subprocess.run(
            [python, "-c", code, *modules],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=cwd,
            env=dict(environ),
            timeout=LIMIT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Answer("", problem=f"it did not answer: {error}")
    said = re.search(rb"^testlanes (\S+) (\S+)(.*)$", done.stdout, re.MULTILINE)
    if said is None:
        return Answer("", problem=f"it ended with exit code {done.returncode}")
    name, version = said[1].decode(), said[2].decode()
    return Answer(
        version if name == "CPython" else f"{name} {version}", tuple(said[3].decode().split())
    )


def provides(python: str, module: str, cwd: Path, environ: Mapping[str, str]) -> bool:
    """Return whether an interpreter could import a module; the module is not imported."""
    prefix = Path(python).parent.parent
    if any(prefix.glob(f"lib/python3*/site-packages/{module}/__init__.py")):
        return True  # the usual case, without starting anything
    code = f"import sys, importlib.util as u; sys.exit(0 if u.find_spec({module!r}) else 3)"
    try:
        done = subprocess.run(
            [python, "-c", code],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=cwd,
            env=dict(environ),
            timeout=LIMIT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def why_missing(word: str, root: Path, environ: Mapping[str, str]) -> str:
    """Say why nothing is found under a name that ``candidates`` finds nothing for."""
    path = root / expanded(word, environ)
    if (path / "pyvenv.cfg").is_file():
        word, path = f"{word}/bin/python", path / "bin" / "python"
    if "/" not in word and not word.startswith("."):
        return f"no Python is called {word}, neither in .tox, .nox and .venv* nor on PATH."
    if path.is_dir():
        return f"there is no Python in {word}."
    if path.is_symlink():  # an environment whose Python was removed, or upgraded away
        return f"there is no interpreter {word} any more: it leads to {path.readlink()}."
    if path.exists():
        return f"{word} is no program: it may not be executed."
    return f"there is no interpreter {word}."


def _reason(stderr: str) -> str:
    """Return the line of what a program said that tells what is wrong: pyenv's shims and Python tell more."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    telling = [line for line in lines if _TELLING.search(line)]
    return (telling or lines[-1:] or [""])[0].rstrip(".")


def _named(version: re.Match[str]) -> str:
    minor = f".{version[2]}" if version[2] else ""
    return f"python{version[1]}{minor}{version[3]}"


def _environments_of(root: Path, version: str) -> Iterator[Found]:
    """Yield the project's own virtual environments of a Python version."""
    for pattern in (".venv*", "venv*", ".nox/*"):
        for folder in sorted(root.glob(pattern)):
            try:
                text = (folder / "pyvenv.cfg").read_text("utf-8", "replace")
            except OSError:
                continue
            python = _in_environment(folder)
            # venv writes "version", virtualenv and uv "version_info"
            of = re.search(r"^version(?:_info)?\s*=\s*(\d+\.\d+)", text, re.MULTILINE)
            if python and of is not None and of[1] == version:
                yield Found(python, str(folder.relative_to(root)))


def _in_environment(folder: Path) -> str:
    for name in _BIN:
        # not resolved: the link is what makes Python find the environment
        path = folder.absolute() / name
        if _runs(path):
            return str(path)
    return ""


def _runs(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
