"""What pytest collected: ids, items, collectors that failed, and which tests belong together."""

import unittest

import pytest

CHUNK = 500
"""Ids in one ``ids`` event."""


def wire_id(nodeid):
    """Return a nodeid as it goes over the wire: always the same text for the same test, and valid UTF-8 without NUL."""
    try:
        data = nodeid.encode("utf-8")
    except UnicodeEncodeError:  # a file name that is no UTF-8
        data = nodeid.encode("utf-8", "backslashreplace")
    return (data.replace(b"\0", b"\\x00") if b"\0" in data else data).decode()


class Suite:
    """Filled by the plugin while pytest collects."""

    def __init__(self):
        self.items = {}
        """id -> the items that have it, in order. More than one only where pytest was told to keep duplicates."""
        self.broken = {}
        """id -> the report of a collector that failed. It is listed, and "runs" as a failure."""

    def add_items(self, items):
        """Take the session's items, sorted and deselected as they are to be."""
        for item in items:
            self.items.setdefault(wire_id(item.nodeid), []).append(item)

    def add_broken(self, report):
        """Take the report of a collector that failed."""
        test_id = wire_id(report.nodeid) or "collection"
        while test_id in self.broken:
            test_id += "'"
        self.broken[test_id] = report

    def ids(self):
        """Return every id once, in pytest's order; what could not be collected is last."""
        return list(self.items) + [test_id for test_id in self.broken if test_id not in self.items]

    def chunks(self, told=()):
        """Yield (ids, {index: [group, is it hard]}), some at a time, without those that were told before."""
        ids = [test_id for test_id in self.ids() if test_id not in told]
        names = Groups()
        for start in range(0, len(ids), CHUNK):
            part = ids[start : start + CHUNK]
            groups = {}
            for index, test_id in enumerate(part):
                items = self.items.get(test_id)
                group = names.of(items[0]) if items else None
                if group is not None:
                    groups[index] = list(group)
            yield part, groups

    def wants(self, fixture):
        """Whether a test says that it needs a fixture, by itself or through others. It may still ask for it as it runs."""
        return any(
            fixture in getattr(item, "fixturenames", ())
            for items in self.items.values()
            for item in items
        )

    def count_left(self):
        """Return {collector: how many items are below it}."""
        left = {}
        for items in self.items.values():
            for item in items:
                node = item.parent
                while node is not None:
                    left[node] = left.get(node, 0) + 1
                    node = node.parent
        return left


class Groups:
    """Names the group of an item: the tests that share a fixture which is worth sharing."""

    def __init__(self):
        self._scopes = {}
        self._parents = {}

    def of(self, item):
        """Return (name, hard) or None.

        ``xdist_group`` makes a hard one. A fixture of the project's own with class, module or package scope
        makes a soft one, of the widest of these scopes: the tests that have it may be parted, at
        the price of another set-up. Session fixtures make none: every lane has its own.
        """
        marks = self._marks(item.parent)
        for mark in item.own_markers:
            if mark.name == "xdist_group":
                marks = marks | {_group_name(mark)}
        if marks:
            return "xdist_group " + "_".join(sorted(marks)), True
        info = getattr(item, "_fixtureinfo", None)
        if info is None:
            return None
        definitions = info.name2fixturedefs
        if not definitions:
            return None
        scopes = {self._scope(found[-1], item) for found in definitions.values() if found}
        if "package" in scopes:
            node = _package(item)
        elif "module" in scopes:
            node = item.getparent(pytest.Module)
        elif "class" in scopes:
            node = item.getparent(pytest.Class)
        else:
            return None
        if node is None:
            return None
        name = wire_id(node.nodeid)
        return (name, False) if name else None

    def _marks(self, node):
        """Return the names of the ``xdist_group`` marks of a collector and those above it."""
        if node is None:
            return frozenset()
        if node not in self._parents:
            own = {_group_name(mark) for mark in node.own_markers if mark.name == "xdist_group"}
            self._parents[node] = self._marks(node.parent) | own
        return self._parents[node]

    def _scope(self, definition, item):
        """Return the scope of a fixture worth sharing, else an empty text. Asked once a definition."""
        key = id(definition)
        if key not in self._scopes:
            self._scopes[key] = _look(definition, item)
        return self._scopes[key]


def _group_name(mark):
    return str(mark.args[0] if mark.args else mark.kwargs.get("name", "default"))


def _look(definition, item):
    scope = definition.scope
    if scope in ("function", "session"):
        return ""
    name = definition.argname
    if name.startswith("_xunit_setup"):  # setup_module and the like: the project's code in disguise
        return scope
    if name.startswith("_unittest_"):
        # Every TestCase has it; it is worth something where the class says what to do.
        case = getattr(item, "cls", None)
        ours = any(
            getattr(getattr(case, method, None), "__func__", None)
            is not getattr(unittest.TestCase, method).__func__
            for method in ("setUpClass", "tearDownClass")
        )
        return scope if ours else ""
    module = getattr(definition.func, "__module__", "") or ""
    return "" if module.startswith("_pytest.") else scope


def _package(item):
    package = getattr(pytest, "Package", None)
    node = item.getparent(package) if package is not None else None
    if node is None:
        node = item.getparent(pytest.Module)
        directory = getattr(node, "parent", None)
        node = directory if directory is not None else node
    return node
