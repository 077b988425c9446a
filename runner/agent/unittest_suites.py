"""Loads a unittest suite, discovered or named, and finds its tests by id.

Ids are those of ``python -m subunit.run discover --list`` (stestr's too, which leaves out modules that cannot
be imported): ``test.id()`` of everything in the suite, ``unittest.loader._FailedTest.pkg.mod`` included.
"""

import operator
import os
import sys
import unittest

MAX_IDS = 2000
"""The most ids in one event."""


class Loader(unittest.TestLoader):
    """Hands over what it finds module by module. Never unittest.defaultTestLoader: tests change that one."""

    def __init__(self, found, begin):
        """``found(suite)``: called for each module that no load_tests has taken into its own hands.

        ``begin(name)``: called before each module is imported.
        """
        super().__init__()
        self._found, self._begin = found, begin
        self._depth = 0
        self._last = None

    def loadTestsFromModule(self, module, *args, **kwargs):  # noqa: N802
        """See unittest. Within it, suites are only parts of what load_tests will return."""
        self._depth += 1
        try:
            return super().loadTestsFromModule(module, *args, **kwargs)
        finally:
            self._depth -= 1

    def _get_name_from_path(self, path):
        # Private, too; called just before the module is imported, so that a traceback has no line of ours.
        name = super()._get_name_from_path(path)
        if name != ".":
            self._begin(name)
        return name

    def _find_tests(self, *args, **kwargs):
        # A private generator, but the same from 3.8 to 3.14; without it, all ids come at the end.
        for suite in super()._find_tests(*args, **kwargs):
            if not self._depth and suite is not self._last:  # packages yield it at every level
                self._last = suite
                self._found(suite)
            yield suite


class Suite:
    """The tests of a suite, by id."""

    def __init__(self):
        self.tests = {}
        """id -> [(test case, suites of a class of the project's own that it is in, outermost first)]"""
        self.announced = 0
        """How many ids were listed so far."""
        self._seen = set()
        self._plain = True
        """Whether all suites so far are unittest's own, which are the same however often one looks."""
        self._opaque = {}
        self._resources = {}

    def load(self, options, announce=None, begin=str):
        """Load as ``python -m unittest discover`` or ``python -m unittest NAME …`` does. Raises what it raises.

        ``announce(ids, groups)``: called with every id once, while loading goes on, and after each module
        whether or not it has any; ``begin(name)``: before each module. Return the ids that were announced and that the complete suite does not have.
        """

        parts = []

        def found(suite):
            parts.append(suite)
            self._add(self.tests, suite)
            self._announce(self.tests, announce)

        loader = Loader(found if announce else lambda suite: None, begin)
        if options.get("names"):
            begin(" ".join(options["names"]))
            if os.getcwd() not in sys.path:
                sys.path.insert(0, os.getcwd())  # as -m does
            suite = loader.loadTestsFromNames(options["names"])
        else:
            suite = loader.discover(
                options.get("start") or ".",
                options.get("pattern") or "test*.py",
                options.get("top") or None,
            )
        if announce and self._plain and _consists_of(suite, parts):
            return []
        complete = {}
        self._add(complete, suite)
        # A load_tests at the top may have made something else of the modules' suites.
        self.tests = complete
        if announce:
            self._announce(complete, announce)
        return [test_id for test_id in self._seen if test_id not in complete]

    def _add(self, tests, suite):
        self._new = []
        cases, plain = walk(suite)
        self._plain = self._plain and plain
        for case, chain in cases:
            test_id = spelled(str(case.id()))
            if test_id not in self._seen:
                self._seen.add(test_id)
                self._new.append(test_id)
            tests.setdefault(test_id, []).append((case, chain))

    def _announce(self, tests, announce):
        new, self._new = self._new, []
        for at in range(0, len(new) or 1, MAX_IDS):
            ids = new[at : at + MAX_IDS]
            groups = {}
            for index, test_id in enumerate(ids):
                name = self._group(*tests[test_id][0])
                if name:
                    groups[index] = [name, False]
            self.announced += len(ids)
            announce(ids, groups)

    def _group(self, case, chain):
        """Return the name of what a test shares with others and is dear to make twice, or an empty text."""
        if chain:
            suite = chain[0]
            number = self._opaque.setdefault(id(suite), len(self._opaque) + 1)
            cls = type(suite)
            if switches(chain):
                needed = needed_resources(case)
                key = frozenset(map(id, needed))
                number = self._resources.setdefault(key, len(self._resources) + 1)
                names = ", ".join(sorted(type(resource).__name__ for resource in needed))
                return "resources %s #%d" % (names, number) if needed else ""
            return "%s.%s #%d" % (cls.__module__, cls.__qualname__, number)
        cls = type(case)
        if has_module_fixture(cls.__module__):
            return cls.__module__
        if has_class_fixture(cls):
            return "%s.%s" % (cls.__module__, cls.__qualname__)
        return ""


def _consists_of(suite, parts):
    """Whether a suite is the plain one of ``parts``, in that order, and of nothing else."""
    tests = getattr(suite, "_tests", None)
    if type(suite) is not unittest.TestSuite or type(tests) is not list or len(tests) != len(parts):
        return False
    return all(map(operator.is_, tests, parts))


def walk(suite):
    """Return ([(test case, opaque suites around it), …] of all tests in a suite, in order; whether all suites are plain)."""
    found = []
    return found, _walk(suite, (), found)


def _walk(node, chain, found):
    if node is None:
        return True
    try:
        children = iter(node)
    except TypeError:
        found.append((node, chain))
        return True
    plain = type(node) is unittest.TestSuite
    run = getattr(type(node), "run", None)
    if run is not None and run is not unittest.TestSuite.run:
        chain += (node,)
    for child in children:
        plain = _walk(child, chain, found) and plain
    return plain


def spelled(test_id):
    """Return an id as it is spelled on the wire, where NUL and lone surrogates are escaped (packets.py)."""
    if "\0" in test_id or not test_id.isprintable():
        return test_id.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
    return test_id


def switches(chain):
    """Whether a test is in one testresources.OptimisingTestSuite, whose resources can be kept from test to test."""
    return len(chain) == 1 and callable(getattr(chain[0], "switch", None))


def needed_resources(case):
    """Return a testresources test's resources, those they need included, each once, in order."""
    needed = []
    for _, resource in getattr(case, "resources", ()):
        for each in resource.neededResources():
            if not any(each is other for other in needed):
                needed.append(each)
    return needed


def has_class_fixture(cls):
    """Whether a class has a setUpClass or tearDownClass of its own or of a base other than TestCase."""
    for name in ("setUpClass", "tearDownClass"):
        method = getattr(cls, name, None)
        if method is not None:
            plain = getattr(unittest.TestCase, name)
            if getattr(method, "__func__", method) is not plain.__func__:
                return True
    return False


def has_module_fixture(name):
    """Whether a module has setUpModule or tearDownModule."""
    module = sys.modules.get(name)
    return hasattr(module, "setUpModule") or hasattr(module, "tearDownModule")
