"""Finds project code that asks which worker it is in before a test runs: a fork of the loader comes too late for it.

Reading the sources is a guess, on the safe side. Asked for in fixtures, tests and hooks that run with the tests is
harmless. Asked for when a module is imported or in any other hook (``pytest_configure``) is not; nor is a function that
asks, called from there.
"""

import ast
import os
import sys

_WORDS = (
    "workerinput",
    "slaveinput",
    "PYTEST_XDIST_WORKER",
    "is_xdist_worker",
    "get_xdist_worker_id",
    "is_xdist_controller",
    "is_xdist_master",
)
_LATE = (
    "pytest_runtest_",
    "pytest_fixture_",
    "pytest_pyfunc_call",
    "pytest_exception_interact",
    "pytest_sessionfinish",
    "pytest_unconfigure",
    "pytest_terminal_summary",
    "test",
    "setUp",
    "tearDown",
    "setup_",
    "teardown_",
)
"""What functions are called that run after the fork."""
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def early_readers(config):
    """Return the project's modules that ask early, as paths relative to its root."""
    sources = dict(_sources(config))
    found = {path for path, text in sources.items() if any(word in text for word in _WORDS)}
    if not found:
        return []
    trees = {}
    early, names, todo = set(), set(_WORDS), set(_WORDS)
    while todo:
        asking = set()
        for path, text in sources.items():
            if path in early or not any(name in text for name in todo):
                continue
            if path not in trees:
                trees[path] = _parse(text)
            if trees[path] is None:
                early.add(path)
                continue
            at_once, helpers = _readers(trees[path], names)
            if at_once:
                early.add(path)
            asking |= helpers
        todo = asking - names
        names |= todo
    return sorted(_relative(config, path) for path in early)


def mentioned(config, names):
    """Whether one of these modules is the project's and has a word in it that makes ``early_readers`` worth while."""
    modules = [sys.modules.get(name) for name in names]
    return any(word in text for _, text in _sources(config, modules) for word in _WORDS)


def _sources(config, modules=None):
    """Yield (path, text) of each module of the project that was imported so far, or is among ``modules``."""
    ours = os.path.join(
        os.path.dirname(os.path.abspath(__file__)), ""
    )  # inside it, where TMPDIR is
    roots = {str(config.rootpath), os.getcwd()}
    roots = tuple({os.path.join(root, "") for root in (*roots, *map(os.path.realpath, roots))})
    packages = os.sep + "site-packages" + os.sep
    prefix = os.path.join(sys.prefix, "")
    virtual = sys.prefix != sys.base_prefix
    for module in list(sys.modules.values()) if modules is None else modules:
        path = getattr(module, "__file__", None)
        if not isinstance(path, str) or not path.startswith(roots) or not path.endswith(".py"):
            continue
        if packages in path or path.startswith(ours) or (virtual and path.startswith(prefix)):
            continue
        try:
            with open(path, "rb") as file:
                yield path, file.read().decode("utf-8", "replace")
        except OSError:
            continue


def _relative(config, path):
    path = os.path.relpath(path, str(config.rootpath))
    return os.path.basename(path) if path.startswith("..") else path


def _parse(text):
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None


def _readers(tree, names):
    """Return (whether code that runs early names one of ``names``, the functions and classes that do, if called)."""
    helpers = set()
    at_once = False
    for node in _statements(tree.body):
        if isinstance(node, _FUNCTIONS):
            if _is_late(node):
                continue
            if _mentions([*node.decorator_list, *node.args.defaults], names):
                at_once = True
            elif _mentions(node.body, names):
                if node.name.startswith("pytest_"):
                    at_once = True
                else:
                    helpers.add(node.name)
        elif isinstance(node, ast.ClassDef):
            inside, methods = _readers(node, names)
            if inside:
                at_once = True
            if methods:
                helpers.add(node.name)
        elif _mentions([node], names):
            at_once = True
    return at_once, helpers


def _statements(body):
    """Yield the statements of a module or class, those below ``if`` and ``try`` too."""
    for node in body:
        if isinstance(node, (ast.If, ast.Try)):
            if isinstance(node, ast.If):
                yield ast.Expr(node.test)
            inner = [*node.body, *node.orelse, *getattr(node, "finalbody", ())]
            for handler in getattr(node, "handlers", ()):
                inner += handler.body
            yield from _statements(inner)
        else:
            yield node


def _is_late(function):
    if function.name.startswith(_LATE):
        return True
    for mark in function.decorator_list:
        if isinstance(mark, ast.Call):
            mark = mark.func
        name = mark.attr if isinstance(mark, ast.Attribute) else getattr(mark, "id", "")
        if "fixture" in name:
            return True
    return False


def _mentions(nodes, names):
    for top in nodes:
        for node in ast.walk(top):
            if isinstance(node, ast.Attribute):
                word = node.attr
            elif isinstance(node, ast.Name):
                word = node.id
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                # Whole strings only: a docstring may name it.
                word = node.value
                if word.startswith("PYTEST_XDIST_WORKER"):
                    return True
                if word not in _WORDS:
                    continue
            else:
                continue
            if word in names:
                return True
    return False
