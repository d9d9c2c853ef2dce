# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
The parts of a package, read: each file by its schema or not at all.

What cannot be used is None, and why is in .faults, a sentence each that begins with the
file's name; a check that needs it then says that it could not be done (need()).
"""

import contextlib
import re
import signal
from fnmatch import fnmatchcase

import form
import waivers
from model import ReportError
from package import MANIFEST, SIGNATURE, STATEMENT
from verify_read import Wrong, faults, json_text, text

SECONDS = 60  # for one file; the largest takes three
TOML_MAX = 1 << 16  # bytes of what people write

RUN_FILES = ["results.json", "results.ktap", "junit.xml", "console.txt"]
REQUIRED = [MANIFEST, STATEMENT, "index.html", "system.json", "logs/requirements.json"]
ALLOWED = [SIGNATURE, "form.toml", "waivers.toml", "system/*", "tool/changes.diff",
           "tool/commits.txt", "logs/bench.json", "logs/bench.txt", "logs/workloads.txt",
           "plots/*.svg"]


class NotDone(Exception):
    """A check that had nothing to look at, since what it needs is wrong already."""


@contextlib.contextmanager
def limited(seconds):
    """Wrong if what is done takes longer: no file may make its reader work for ever."""
    def over(_signal, _frame):
        raise Wrong(f"it keeps its reader busy for more than {seconds} s")
    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Parts:
    """@copy: of the package (verify_copy.py)."""

    def __init__(self, copy):
        self.root, self.names = copy.root, set(copy.sums)
        self.faults = []
        self.statement = self._json(STATEMENT, "package.schema.json")
        self.texts = self._json("logs/requirements.json", "requirements.schema.json")
        self.system = self._json("system.json", "system.schema.json")
        self.bench = self._json("logs/bench.json", "bench.schema.json", optional=True)
        self.form = self._toml("form.toml", form.read)
        self._toml("waivers.toml", waivers.read)
        self.run_names = [f"logs/run-{n}" for n in self._numbers()]
        self.runs = [self._json(f"{name}/results.json", "results.schema.json")
                     for name in self.run_names]

    def _numbers(self):
        found = (re.match(r"logs/run-([1-9][0-9]{0,2})/", name) for name in self.names)
        return sorted({int(match[1]) for match in found if match})

    def _json(self, name, schema, optional=False):
        if optional and name not in self.names:
            return None
        try:
            with limited(SECONDS):
                value = json_text(text(self.root / name))
                words = faults(value, schema)
        except Wrong as error:
            words = [str(error)]
        except MemoryError:
            words = ["it takes more memory than any package"]
        self.faults += (f"{name}: {w}" for w in words)
        return None if words else value

    def _toml(self, name, read):
        if name not in self.names:
            return None
        try:
            if (self.root / name).stat().st_size > TOML_MAX:
                raise Wrong(f"it is larger than {TOML_MAX >> 10} KiB")
            with limited(SECONDS):
                return read(self.root / name)
        except ReportError as error:
            said = self.plain(error).removeprefix(f"{name}: ")
            self.faults.append(f"{name}: {said}")
            return None

    def plain(self, error):
        """What it says, with the names that files have in the package."""
        return str(error).replace(f"{self.root}/", "")

    def need(self, *names):
        """NotDone unless the parts of these names are there to be looked at."""
        for name in names:
            value = getattr(self, name)
            if value is None or value == [] or name == "runs" and None in value:
                what = {"statement": STATEMENT, "texts": "logs/requirements.json",
                        "system": "system.json", "runs": "the results.json of every run"}[name]
                raise NotDone(f"{what} cannot be used")

    def misplaced(self):
        """Files that a package must have and this one lacks, and the other way."""
        required = REQUIRED + [f"{run}/{name}" for run in self.run_names for name in RUN_FILES]
        yield from (f"{name}: it is missing" for name in required if name not in self.names)
        for name in sorted(self.names - set(required)):
            if not any(fnmatchcase(name, p) and name.count("/") == p.count("/")
                       for p in ALLOWED):
                yield f"{name}: a package has no such file"
        numbers = self._numbers()
        if numbers != list(range(1, len(numbers) + 1)) or not numbers:
            there = ", ".join(f"run-{n}" for n in numbers) or "none"
            yield f"logs/: it must have run-1, run-2 and so on, without a gap; it has {there}"
        if self.statement and bool(self.bench) != (self.statement["benchmark"]["run"] is not None) \
                and not any(f.startswith("logs/bench.json") for f in self.faults):
            there = "there" if self.bench else "missing"
            yield f"logs/bench.json: it is {there}, and the statement says otherwise"
