# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a run's results.json and bench.json say, in the terms of a report."""

import json
import math
import re
from collections import Counter
from dataclasses import dataclass, field

CLASSES = ["mandatory", "if-supported", "informative"]

# From the worst to the best: what several cases amount to is their worst.
VERDICTS = ["FAIL", "CRASH", "HANG", "XPASS", "NOT_RUN", "WAIVED", "XFAIL", "NOT_CAPABLE", "PASS",
            "SKIP"]
BAD = {"FAIL", "CRASH", "HANG", "XPASS", "NOT_RUN"}
UNTRIED = {"SKIP", "NOT_CAPABLE", "NOT_RUN"}  # the requirement was not put to the test
# A letter each: no meaning is in colours alone.
SYMBOLS = {"PASS": "✓", "FAIL": "F", "CRASH": "C", "HANG": "H", "XPASS": "X", "NOT_RUN": "?",
           "WAIVED": "w", "XFAIL": "d", "NOT_CAPABLE": "n", "SKIP": "s"}
MEANING = {
    "PASS": "did what the requirement says",
    "FAIL": "did something else",
    "CRASH": "the test's process died",
    "HANG": "did not end in time",
    "XPASS": "passed although a deviation is listed: the list is wrong",
    "NOT_RUN": "was not reached: the run was cut short",
    "WAIVED": "failed, and is excused by a waiver",
    "XFAIL": "failed as a listed deviation says",
    "NOT_CAPABLE": "not capable: the IOMMU cannot track, and says so",
    "SKIP": "has no meaning here, or needs what the target does not claim",
}

ONCE = "-"  # the configuration of a case that no page-table format matters to


class ReportError(Exception):
    """Something the user can be told in a sentence."""


class UsageError(ReportError):
    """What was asked for cannot be: exit 2, as for any wrong usage."""


def worst(verdicts):
    """The worst of them; None when there are none."""
    return min(verdicts, key=VERDICTS.index, default=None)


@dataclass
class Case:
    requirement: str
    test: str
    config: str
    verdict: str
    message: str = ""
    notes: str = ""
    deviation: str = ""
    where: str = ""
    needs: tuple = ()  # capabilities without which it is skipped
    verdicts: tuple = ()  # of each run, where there were several
    flake: bool = False  # what it shows is not always the same

    @property
    def format(self):
        return self.config.partition("/")[0]

    @property
    def key(self):
        return self.requirement, self.test, self.config


@dataclass
class Requirement:
    id: str
    title: str = ""
    cls: str = ""
    stake: str = ""
    waivable: bool = False
    text: str = ""
    source: str = ""
    cases: list = field(default_factory=list)

    @property
    def chapter(self):
        return self.id.rpartition("-")[0] or self.id

    @property
    def verdict(self):
        """None when it has no case."""
        return worst(c.verdict for c in self.cases)

    @property
    def tried(self):
        return any(c.verdict not in UNTRIED for c in self.cases)

    def judges(self, verdict):
        """Does a case with this verdict fail the run?"""
        return verdict in BAD and not (verdict == "FAIL" and self.cls == "informative")

    def cells(self):
        """Format, or ONCE -> its cases."""
        cells = {}
        for case in self.cases:
            cells.setdefault(case.format, []).append(case)
        return cells


class Results:
    """results.json, as the runner wrote it; @texts: `iodirty list requirements --json`."""

    def __init__(self, data, texts=()):
        self.data = data
        self.requirements = {}
        texts = {t["id"]: t for t in texts}
        for r in data["requirements"]:
            more = texts.get(r["id"], {})
            self.requirements[r["id"]] = Requirement(
                r["id"], r["title"], r["class"], r["stake"], r["waivable"],
                more.get("text", "").strip(), more.get("source", ""))
        self.cases = []
        for c in data["cases"]:
            self.add(self._case(c))

    def add(self, case):
        self.cases.append(case)
        self.requirements.setdefault(case.requirement, Requirement(case.requirement))
        self.requirements[case.requirement].cases.append(case)

    @staticmethod
    def _case(c):
        verdict = c["verdict"] if c["verdict"] in VERDICTS else "NOT_RUN"
        return Case(c["requirement"], c["test"], c["config"], verdict, c["message"], c["notes"],
                    c["deviation"] or "", f"{c['file']}:{c['line']}", tuple(c["needs"]))

    @property
    def tried(self):
        """Requirements that were put to the test."""
        return [r for r in self.requirements.values() if r.tried]

    @property
    def counts(self):
        return Counter(c.verdict for c in self.cases)

    def _sorted(self, wanted):
        return sorted((c for c in self.cases if wanted(c)),
                      key=lambda c: (VERDICTS.index(c.verdict), c.requirement))

    def _judged(self, case):
        return self.requirements[case.requirement].judges(case.verdict)

    @property
    def bad_cases(self):
        """Those that fail the run."""
        return self._sorted(self._judged)

    @property
    def observations(self):
        """Failures of informative requirements, which do not."""
        return self._sorted(lambda c: c.verdict in BAD and not self._judged(c))

    @property
    def not_exercised(self):
        """Mandatory requirements that nothing was tried of."""
        return [r for r in self.requirements.values() if r.cls == "mandatory" and not r.tried]

    @property
    def passed(self):
        """By the records alone: something passed, and nothing went wrong."""
        return bool(self.data["complete"] and self.counts["PASS"] and not self.bad_cases)

    def by_class(self):
        """Class -> Counter of the requirements' verdicts, None for no case."""
        table = {cls: Counter() for cls in CLASSES}
        for r in self.requirements.values():
            table.setdefault(r.cls, Counter())[r.verdict] += 1
        return {cls: counts for cls, counts in table.items() if counts}

    def chapters(self):
        """Chapter -> its requirements, in the order of the file."""
        chapters = {}
        for r in self.requirements.values():
            chapters.setdefault(r.chapter, []).append(r)
        return chapters

    def formats(self):
        """In the order of the run."""
        return [f for f in dict.fromkeys(c.format for c in self.cases) if f != ONCE]

    def configs(self):
        """Every configuration, in the order of the run; that of no format first."""
        seen = dict.fromkeys(c.config for c in self.cases)
        formats = dict.fromkeys(c.partition("/")[0] for c in seen)
        order = {f: i for i, f in enumerate(formats)}
        return sorted(seen, key=lambda c: (c != ONCE, order[c.partition("/")[0]],
                                           leaf_bytes(c.partition("/")[2])))

    def skips(self):
        """(reason, [cases]), the most frequent first."""
        reasons = {}
        for case in self.cases:
            if case.verdict == "SKIP":
                reasons.setdefault(case.message or "no reason given", []).append(case)
        return sorted(reasons.items(), key=lambda item: -len(item[1]))


def leaf_bytes(name):
    """4096 for "4K"; 0 for what is no size."""
    shift = {"B": 0, "K": 10, "M": 20, "G": 30, "T": 40}
    try:
        return int(name[:-1]) << shift[name[-1]]
    except (ValueError, KeyError, IndexError):
        return 0


def leaf_name(size):
    for unit in "BKMGT":
        if size < 1024 or size % 1024:
            break
        size //= 1024
    return f"{int(size)}{unit}"


def percent(value):
    return f"{value:g}"


def safe(text):
    """As a part of a file's name."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", text)


@dataclass
class Cell:
    """One row of the benchmark."""

    format: str
    leaf: int  # bytes
    pattern: str  # "random" or "clustered"
    density: float  # per cent of the leaves
    numbers: dict
    error: str = ""
    size: int = 0  # bytes mapped
    layout: str = "sequential"  # or "shuffled"
    cache: str = "cold"  # or "warm"
    variant: str = "default"  # ENGINE[+masked][+skip][+prefetch][/more]

    def __getitem__(self, name):
        """A counter, None if the target could not measure it."""
        return self.numbers.get(name)

    @property
    def group(self):
        """What is the same in all cells that took turns."""
        return (self.format, self.leaf, self.size, self.layout, self.cache, self.pattern,
                self.density)


@dataclass
class Row:
    """One row of another set of the benchmark: SET/WHERE..."""

    kind: str
    where: list
    numbers: dict
    error: str = ""

    def __getitem__(self, name):
        return self.numbers.get(name)

    @property
    def name(self):
        return "/".join([self.kind, *self.where])

    @property
    def density(self):
        """Per cent, of the part that says so; None: none does."""
        for part in self.where:
            if re.fullmatch(r"[0-9.]+%", part):
                return float(part[:-1])
        return None


# What Google Benchmark says of every row, besides the counters.
OF_EVERY_ROW = {"family_index", "per_family_instance_index", "repetitions", "repetition_index",
                "threads", "iterations", "real_time", "cpu_time"}


class Bench:
    """bench.json, as Google Benchmark wrote it."""

    def __init__(self, data):
        rows = [r for r in data.get("benchmarks", []) if isinstance(r.get("name"), str)]
        self.context = dict(data.get("context", {}))
        self.all = [c for c in map(self._cell, rows) if c]
        self.rows = [r for r in map(self._row, rows) if r]
        self.cells = self._plain()

    @staticmethod
    def parts(row):
        return re.sub(r"/(iterations:|manual_time|process_time|real_time).*", "",
                      row["name"]).split("/")

    @staticmethod
    def _error(row):
        return str(row.get("error_message", "failed")) if row.get("error_occurred") else ""

    @staticmethod
    def _numbers(row):
        return {k: v for k, v in row.items() if k not in OF_EVERY_ROW
                and isinstance(v, (int, float)) and not isinstance(v, bool)
                and math.isfinite(v)}

    @classmethod
    def _row(cls, row):
        kind, *where = cls.parts(row)
        if kind == "harvest" or not where:
            return None
        return Row(kind, where, cls._numbers(row), cls._error(row))

    def sets(self):
        """Name -> rows that are good, of each set but the harvest's."""
        sets = {}
        for row in self.rows:
            if not row.error:
                sets.setdefault(row.kind, []).append(row)
        return sets

    def ways(self, fmt, **fixed):
        """Variant -> good harvests of the whole by one thread into a plain bitmap, at the
        format's smallest leaf; @fixed: attributes that they must have."""
        lines = {}
        for c in self.all:
            if (c.format == fmt and not c.error and "/" not in c.variant
                    and c.leaf == self.smallest_leaf(fmt)
                    and all(getattr(c, k) == v for k, v in fixed.items())):
                lines.setdefault(c.variant, []).append(c)
        return lines

    @classmethod
    def _cell(cls, row):
        parts = cls.parts(row)
        if parts[0] != "harvest" or len(parts) < 9:
            return None
        return Cell(parts[1], leaf_bytes(parts[2]), parts[6], float(parts[7].rstrip("%")),
                    cls._numbers(row), cls._error(row), leaf_bytes(parts[3]), parts[4], parts[5],
                    "/".join(parts[8:]))

    def _plain(self):
        """Of each format and leaf the cells of tables in sequence, in the first size and
        state of the caches, by the default way to harvest, which is a group's first; and
        all that failed."""
        kept, first, groups = [], {}, set()
        for cell in self.all:
            plain = cell.layout == "sequential" and (cell.size, cell.cache) == first.setdefault(
                (cell.format, cell.leaf), (cell.size, cell.cache))
            if cell.error or (plain and cell.group not in groups):
                kept.append(cell)
            groups.add(cell.group)
        return kept

    @property
    def errors(self):
        return [c for c in self.cells if c.error]

    @property
    def failed(self):
        """All that was measured and was wrong, of every set."""
        return self.errors + [r for r in self.rows if r.error]

    @property
    def good(self):
        return [c for c in self.cells if not c.error]

    @property
    def formats(self):
        return list(dict.fromkeys(c.format for c in self.cells))

    def smallest_leaf(self, fmt):
        return min(c.leaf for c in self.cells if c.format == fmt)

    def by_leaf(self, density):
        """Good cells of all leaf sizes, at one density."""
        return [c for c in self.good if c.pattern == "random" and c.density == density]

    def series(self, fmt, leaf, pattern):
        """Good cells of a line in a chart, by density."""
        return sorted((c for c in self.good
                       if (c.format, c.leaf, c.pattern) == (fmt, leaf, pattern)),
                      key=lambda c: c.density)


def load_json(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return json.load(file)
    except OSError as error:
        raise ReportError(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ReportError(f"{path} is not JSON: {error}") from error


def load(path, what, make):
    """@make() of a JSON file; ReportError if it is not @what, in words."""
    data = load_json(path)
    try:
        return make(data)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise ReportError(f"{path} is not {what}") from error
