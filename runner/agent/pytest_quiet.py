"""Keeps what belongs to the controller, or to a terminal, out of a session that is only a part of a run."""

import io
import sys

_OURS = (
    # xdist: we are what distributes.
    ("numprocesses", None),
    ("maxprocesses", None),
    ("dist", "no"),
    ("distload", False),
    ("tx", []),
    ("looponfail", False),
    ("loadgroup", False),
    # What to run and when to stop.
    ("maxfail", 0),
    ("continue_on_collection_errors", True),
    ("lf", False),
    ("failedfirst", False),
    ("newfirst", False),
    ("stepwise", False),
    ("stepwise_skip", False),
    ("collectonly", False),
    # Nobody is at the keyboard.
    ("usepdb", False),
    ("trace", False),
)
_REPORTS = (
    ("_pytest.junitxml", "xmlpath", "--junitxml"),
    ("_pytest.pastebin", "pastebin", "--pastebin"),
    ("pytest_html", "htmlpath", "--html"),
    ("pytest_reportlog", "report_log", "--report-log"),
    ("pytest_jsonreport", "json_report", "--json-report"),
    ("pytest_json", "json_path", "--json"),
    ("pytest_csv", "csv_path", "--csv"),
    ("pytest_md", "mdpath", "--md"),
    ("pytest_md_report", "md_report", "--md-report"),
    ("pytest_nunit", "nunit_xmlpath", "--nunit-xml"),
    ("pytest_bdd", "cucumber_json_path", "--cucumberjson"),
    ("ctrf", "ctrf", "--ctrf"),
    ("pytest_split.plugin", "store_durations", "--store-durations"),
)
"""Reports of a whole run, which no process here sees: (the module that has the option, its name in there, as it is written).

Without that module the name is another's, and means something else.
"""
PLUGINS = ("lfplugin", "nfplugin", "stepwiseplugin", "stepwise")
"""They write the results of "the last run" into pytest's cache, which would be those of one lane."""


_LOOKS = {"", "disable", "report", "short-report"}
"""What inline-snapshot can be asked for without editing anything."""
_JUDGES = ("syrupy",)
"""Modules of plugins that at a session's end judge by the tests which ran in it, and remove what these did not use."""


def judges(config, halves):
    """Return the plugins that are not to judge the session of a process which runs no test itself.

    ``halves``: ``pytest_xdist.controller_halves``; one that has a half there hears of all tests.
    """
    hearing = {module.split(".")[0] for _, module in halves}
    names = [name for name in _JUDGES if name not in hearing]
    return [
        each
        for each in config.pluginmanager.get_plugins()
        if getattr(each, "__name__", "") in names
    ]


def put_aside(found):
    """Reset the options that are the controller's business; return texts that say what nobody gets therefore."""
    for name, value in _OURS:
        if hasattr(found, name):
            setattr(found, name, value)
    reports = []
    for module, name, option in _REPORTS:
        if module in sys.modules and getattr(found, name, None):
            setattr(found, name, None)
            reports.append(option)
    edits = _forbid_edits(found)
    texts = []
    if reports:
        text = "%s: put aside, as no pytest here sees the whole run; " % ", ".join(reports)
        texts.append(text + "--junit FILE and --json of testlanes do")
    if edits:
        texts.append("%s: put aside, as lanes would edit the same file at once" % edits)
    return texts


def _forbid_edits(found):
    """Keep inline-snapshot from editing the tests at the end of each session, as it does itself under xdist.

    Return the option that asked for that, or nothing.
    """
    if "inline_snapshot.pytest_plugin" not in sys.modules or not hasattr(found, "inline_snapshot"):
        return ""
    asked = set((found.inline_snapshot or "").split(",")) - _LOOKS
    found.inline_snapshot = "disable"
    return "--inline-snapshot=" + ",".join(sorted(asked)) if asked else ""


class SilentReporter:
    """In place of pytest's terminal reporter: it hears of no test, and whoever wants to print finds it."""

    def __init__(self, reporter):
        self._reporter = reporter

    def __getattr__(self, name):
        return getattr(self._reporter, name)


class _Nowhere(io.TextIOBase):
    def write(self, text):
        return len(text)


def silence(manager, reporter):
    manager.unregister(reporter)
    reporter._tw._file = _Nowhere()
    manager.register(SilentReporter(reporter), "terminalreporter")


def nothing():
    pass


def quiet_logging(plugin):
    """Keep live logging (``log_cli``) off a terminal that is not there; its level goes on to hold for what is captured."""
    handler = getattr(plugin, "log_cli_handler", None)
    if handler is None or isinstance(handler, _null_handler()):
        return
    silent = _null_handler()()
    silent.formatter = handler.formatter
    plugin.log_cli_handler = silent
    plugin._log_cli_enabled = lambda: False


def _null_handler():
    from _pytest import logging

    return logging._LiveLoggingNullHandler
