"""The texts of ``--help`` that argparse cannot make."""

from __future__ import annotations

SUMMARIES = {
    "run": "Run tests in parallel lanes, store the results, and show what happens.",
    "watch": "Run again what a saved file affects, until Ctrl-C.",
    "list": "Print the ids of the tests that `run` would run.",
    "failing": "Show what failed when it last ran.",
    "last": "Show the results of the newest run.",
    "slowest": "Show the slowest tests of the newest run.",
    "flaky": "Show the tests that pass and fail by turns.",
    "stats": "Say how much is stored.",
    "history": "List stored runs, show one, or remove some.",
    "load": "Store results of tests that ran elsewhere.",
    "init": "Create the repository (runs do so by themselves).",
    "hosts": "Show whether your other machines can be used, and what to do if not.",
    "dispose": "Dispose of the instances that a killed run left (.testr.conf's instance_dispose).",
    "profiles": "Show each profile's interpreter, and whether it can run.",
    "config": "Show the settings, and where each of them comes from.",
    "demo": "Write a small project to a temporary folder, and run it with the dashboard.",
}
"""Each command and what it does, in the order of the overview."""

OVERVIEW = f"""\
testlanes runs tests in parallel and shows every lane live.

usage: testlanes [run] [OPTION…] [FILTER…] [-- ARGS…]
       testlanes COMMAND [OPTION…]

commands:
{chr(10).join(f"  {name:<10} {text}" for name, text in SUMMARIES.items())}

`testlanes COMMAND --help` tells more. Without a command, tests are run.

examples:
  testlanes                          run all tests, with the dashboard
  testlanes --no-tui -j 4            plain output, four lanes
  testlanes tests/test_api.py quota  one file, and whatever has "quota" in its id
  testlanes --failing                what failed when it last ran
  testlanes -p py311,py313           under these two profiles
  testlanes -m "not slow"            what pytest's -m and -k choose; its other words behind `--`

exit codes: 0 all passed or known flaky · 1 tests failed · 2 usage or configuration ·
            3 the run went wrong · 4 nothing to run · 130 interrupted
"""

USAGES = {
    "run": "[OPTION…] [FILTER…] [-- ARGS…]",
    "list": "[OPTION…] [FILTER…] [-- ARGS…]",
    "watch": "[OPTION…] [FILTER…] [-- ARGS…]",
    "failing": "[--list | --subunit | --json | --profiles] [-p NAME]",
    "demo": "[--no-tui]",
    "slowest": "[-n N | --all]",
    "hosts": "[NAME…] [--json]",
    "flaky": "[-n N] [--list | --json] [FILTER…]",
    "history": "[list | show [RUN] | remove RUN]",
    "load": "[OPTION…] [FILE…]",
}

EPILOGS = {
    "run": """\
examples:
  testlanes run 'api.*quota' -E slow      ids that match, without those that have "slow"
  testlanes run --failing --retries 2     the failing ones, each up to three times
  testlanes run --timeout 60 --junit r.xml
  testlanes run --until-failure test_flaky
  testlanes run --analyze-isolation       which tests break each other?
  testlanes run --repro 7 test_quota      what its worker ran in run 7 before it failed
  testlanes run --subunit | subunit2junitxml

A plan says what may run together: its segments run one after the other.
  {"segments": [{"match": ["^tests.db"], "concurrency": 2}, {"tests": ["m.C.test_a"]}], "rest": "last"}
A segment has `tests` (ids) or `match` (regexes), and may have `concurrency`, `profiles`, `name`;
`rest` (last, first, or error): what becomes of tests that are in none; also `rest_concurrency`.

A run of less than everything keeps the other known failures. With a terminal the
dashboard opens; else, or with --no-tui, --subunit or --json, it does not.
Exit codes: 0 all passed or known flaky, 1 tests failed, 2 usage or configuration, 3 the run
itself went wrong (tests that were not run, lost lanes, discovery), 4 nothing to run, 130 interrupted.
""",
    "watch": "Exit code 1 if something is failing when it ends, else 0.\n",
    "list": "Exit code 4 when no test is selected.\n",
    "failing": """\
Exit code 1 if anything is failing, known flaky or not, else 0; with --subunit always 0,
as in testr.
`testlanes run --failing` runs these again.
""",
    "last": """\
Exit code 1 if that run failed, else 0; with --subunit always 0, as in testr. What
known_flaky names is told, and makes no run fail here either.
""",
    "load": """\
examples:
  some-runner --subunit | testlanes load
  testlanes load --partial worker0.subunit worker1.subunit

Each stream is one worker's; the results are stored as one run. Exit code 1 if it failed.
""",
    "slowest": "Tests without a known time are left out.\n",
    "flaky": """\
Most often changing first: changes between passing and failing from run to run, and
failed attempts that a retry followed (`testlanes run --retries 2`).
`known_flaky = ["ID or regex", …]` in the configuration keeps them from failing a run.
""",
    "hosts": """\
~/.config/testlanes/hosts.toml describes a host in a table; `run` alone is needed:

  [hosts.builder]
  run = ["ssh", "builder"]    the command that runs another one there, with its stdin and stdout
  lanes = 8                   default: its cores
  python = "python3"          runs the agent, and profiles that are not named below; 3.8 or later
  profiles = { py311 = ".tox/py311/bin/python" }
  dir = "~/.cache/testlanes/{project}"
  sync = "auto"               copies what changed over the same connection ("manifest" is the same);
                              or "rsync" (over ssh), "none" (a shared disk), or a command
  setup = "make env"          run there when it or the project's lock files changed
  env = { TZ = "UTC" }
  shell = true                a shell there reads the command again (so it is with ssh)
  isolate = "pidns"           a process namespace: nothing can outlive the agent
  queue = true                the command may wait for long until there is a place (srun)
  lease = 15                  seconds without a word from here until all is ended there

A project names hosts (hosts = ["local", "builder"]), never how they are reached.
Nothing is changed on a host by looking. Exit code 1 if one cannot be used.
""",
    "history": """\
examples:
  testlanes history
  testlanes history show 12
  testlanes history remove 3
  testlanes history remove all
""",
}
