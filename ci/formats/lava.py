# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
LAVA's signals and jobs, read by LAVA itself: lava-dispatcher and lava-common of Debian.

To install them would bring a server's services along; so their packages, and those that they
import, are only fetched and unpacked. Without a network, or packages, there is no judge.
"""

import decimal
import re
import subprocess
import sys
from collections import Counter

from outcome import Skip, check, equal, rows

PACKAGES = ["lava-common", "lava-dispatcher", "python3-voluptuous", "python3-pexpect",
            "python3-ptyprocess", "python3-requests", "python3-urllib3", "python3-certifi",
            "python3-chardet", "python3-charset-normalizer", "python3-idna", "python3-tz",
            "python3-jinja2", "python3-markupsafe", "python3-yaml", "python3-configobj",
            "python3-six"]
MODULES = "usr/lib/python3/dist-packages"
RESULT_OF = {"PASS": "pass", "FAIL": "fail", "CRASH": "fail", "HANG": "fail", "XPASS": "fail",
             "NOT_RUN": "unknown", "SKIP": "skip", "NOT_CAPABLE": "skip", "XFAIL": "skip",
             "INFORMATIVE": "skip"}


def unpacked(out):
    """The folder of their Python modules, fetched once."""
    folder = out / "lava"
    mark = folder / "complete"
    if not mark.exists():
        folder.mkdir(parents=True, exist_ok=True)
        try:
            fetched = subprocess.run(["apt-get", "-o", "APT::Sandbox::User=", "-q", "download",
                                      *PACKAGES], cwd=folder, capture_output=True, text=True,
                                     timeout=120, check=False)
        except (FileNotFoundError, subprocess.TimeoutExpired) as error:
            raise Skip(f"LAVA's packages cannot be fetched: {error}") from error
        if fetched.returncode:
            raise Skip("LAVA's packages cannot be fetched: "
                       + (fetched.stderr.strip().splitlines() or ["?"])[-1])
        for package in folder.glob("*.deb"):
            # No more than the modules: what else ends in .d the Makefile would take for its own.
            subprocess.run(["sh", "-c", 'dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" "$3"', "sh",
                            package, folder, f"./{MODULES}"], check=True)
            package.unlink()
        mark.touch()
    return folder / MODULES


def load(out, name):
    """A module of LAVA's."""
    path = str(unpacked(out))
    if path not in sys.path:
        sys.path.append(path)  # what is installed comes first
    try:
        return __import__(name, fromlist=["*"])
    except ImportError as error:
        raise Skip(f"LAVA's {name} does not load here: {error}") from error


class Log:
    """Of a job: what it would send to the server."""

    def __init__(self):
        self.sent, self.errors = [], []

    def results(self, result):
        self.sent.append(result)

    def error(self, text, *args):
        self.errors.append(text % args if args else text)

    def debug(self, *_):
        pass

    info = marker = warning = exception = debug


class Console:
    def __init__(self, match):
        self.match = match


def read(out, text):
    """What LAVA's test action makes of a console with @text."""
    shell = load(out, "lava_dispatcher.actions.test.shell")
    action = shell.TestShellAction()
    action._reset_patterns()
    action.logger = log = Log()
    action.definition = "0_iodirty"
    action.signal_director.test_uuid = "1"
    for match in re.finditer(action.patterns["signal"], text):
        action.check_patterns("signal", Console(match), "#")
    equal(log.errors, [], "errors of the dispatcher")
    check(action.testset_name is None, "a test set is left open")
    return log.sent


def judge(out, text, results):
    sent = read(out, text)
    equal(len(sent), text.count("<LAVA_SIGNAL_TESTCASE "), "signals that were understood")
    check(all(re.fullmatch(r"[A-Za-z0-9._-]+", r[key]) for r in sent for key in ("case", "set")),
          "a name that LAVA's pages cannot show")
    equal(max(Counter(r["case"] for r in sent).values()), 1, "cases of one name")
    plain = [r for r in sent if "measurement" not in r]
    worst = ["fail", "unknown", "pass", "skip"]
    expected = Counter(min((RESULT_OF[w] for w in words), key=worst.index)
                       for words in rows(results).values())
    equal(Counter(r["result"] for r in plain), expected, "results")
    equal(list(dict.fromkeys(r["set"] for r in sent)),
          list(dict.fromkeys(c["requirement"].rpartition("-")[0] for c in results["cases"])),
          "test sets")
    numbers = sorted(m["value"] for c in results["cases"] for m in c["measures"]
                     if m["value"] is not None)
    equal(sorted(r["measurement"] for r in sent if "measurement" in r), numbers, "measurements")
    return f"{len(sent)} results"


def judge_bench(out, text, bench):
    """Each cell's ratios, with their values."""
    sent = read(out, text)
    for row in bench["benchmarks"]:
        ratio = row.get("x_floor")
        if ratio is not None:
            check(any(decimal.Decimal(repr(ratio)) == decimal.Decimal(repr(r["measurement"]))
                      and r["case"].endswith(".x_floor") for r in sent), f"{row['name']}: x_floor")
    units = {r["case"].rpartition(".")[2]: r.get("units") for r in sent}
    equal(units.get("ns_per_iopte"), "ns", "unit of ns_per_iopte")
    return f"{len(sent)} measurements"


def judge_job(out, job):
    """A job's definition, by the schema with which the server takes or refuses it."""
    schemas = load(out, "lava_common.schemas")
    invalid = load(out, "voluptuous").Invalid
    try:
        schemas.validate(job, strict=True)
    except invalid as error:
        raise AssertionError(f"LAVA refuses the job: {error}") from error
    return f"{len(job['actions'])} actions"
