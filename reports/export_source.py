# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
What is exported: a folder of `iodirty conform -o` or `iodirty bench -o`, or a certification
package, whose repeats are put together: each case with the worst verdict that it got.

Callers get data that the published schemas allow, or ReportError. Its strings are anybody's:
a writer owes each of them plain() and the escapes of its format.
"""

import json
import math
import re
import stat
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import jsonschema

from export_bench import Measured
from model import BAD, ONCE, VERDICTS, ReportError, Requirement, Results, UsageError

SCHEMAS = Path(__file__).resolve().parent / "schemas"
LIMIT = 1 << 28  # bytes of one file; a whole run of all formats has a tenth of it
UNPRINTABLE = {"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"}


@lru_cache(maxsize=None)
def printable(char):
    return char in "\n\t" or unicodedata.category(char) not in UNPRINTABLE


def plain(text):
    """@text without what a terminal, a browser or a parser would act on; with its lines."""
    return "".join(c if printable(c) else "\ufffd" for c in text.replace("\r\n", "\n"))


def slug(text):
    """A word that every CI takes for a name."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", text.replace("%", "pct")).strip("_") or "_"


class Names:
    """Names that were different stay so as slugs."""

    def __init__(self):
        self.seen = set()

    def of(self, *words):
        name = made = ".".join(slug(w) for w in words)
        number = 1
        while name in self.seen:
            number += 1
            name = f"{made}_{number}"
        self.seen.add(name)
        return name


def finite(text):
    number = float(text)
    return number if math.isfinite(number) else None


def schema(name):
    with open(SCHEMAS / name, encoding="utf-8") as file:
        return json.load(file)


def read_json(path, rules):
    """What @path holds, if the JSON Schema @rules allows it."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ReportError(f"{path} is no plain file")
        with open(path, "rb") as file:
            raw = file.read(LIMIT + 1)
    except OSError as error:
        raise ReportError(f"{path}: {error.strerror}") from error
    if len(raw) > LIMIT:
        raise ReportError(f"{path} has more than {LIMIT >> 20} MiB: no run writes as much")
    try:
        value = json.loads(raw, parse_float=finite, parse_constant=lambda _: None)
        if b"\\ud" in raw.lower():  # half a character cannot be written
            value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise ReportError(f"{path} is not JSON, or was cut: {error}") from error
    check = jsonschema.validators.validator_for(rules)(rules)
    error = jsonschema.exceptions.best_match(check.iter_errors(value))
    if error:
        raise ReportError(f"{path} is not what this version of iodirty writes: "
                          f"{error.json_path}: {plain(error.message)[:200]}")
    return value


@dataclass
class Row:
    """The cases of one requirement in one format, in all leaf sizes, as results.json has them."""

    requirement: Requirement
    format: str
    cases: list = field(default_factory=list)

    @property
    def counts(self):
        return dict(sorted(Counter(c["state"] for c in self.cases).items()))

    @property
    def words(self):
        """Of the requirement's name in a CI: the format is left out where none matters."""
        return [self.requirement.id] + [self.format] * (self.format != ONCE)

    def told(self):
        """Cases that say something: not PASS, not SKIP; the worst first."""
        return sorted((c for c in self.cases if c["verdict"] not in ("PASS", "SKIP")),
                      key=lambda c: VERDICTS.index(c["verdict"]))


def key(case):
    return case["requirement"], case["test"], case["config"]


@dataclass
class Source:
    """@data, @results: of the conformance run, None in a folder of the benchmark. A case has a
    "state" more than results.json gives it: its verdict, or WAIVED, or OBSERVED where an
    informative requirement, which judges nothing, does not hold; and its "verdicts", run by
    run, if it is a flake."""

    folder: Path
    run: str
    files: list  # relative paths of what there is
    data: dict = None
    results: Results = None
    bench: Measured = None
    statement: dict = None

    def rows(self):
        """By requirement and format, in the order of the run."""
        rows = {}
        for case in self.data["cases"]:
            requirement = self.results.requirements[case["requirement"]]
            where = requirement.id, case["config"].partition("/")[0]
            rows.setdefault(where, Row(requirement, where[1])).cases.append(case)
        return list(rows.values())

    @property
    def verdict(self):
        """PASSED, FAILED or NONE: what the run, or the package, was judged to be."""
        if self.statement:
            return self.statement["verdict"]
        if self.data:
            return {"passed": "PASSED", "nothing-ran": "NONE"}.get(self.data["outcome"], "FAILED")
        return "FAILED" if self.bench.failed else "PASSED"


def put_together(runs, statement):
    """The first run with each case as what it amounts to in all of them."""
    cases = {}
    for run in runs:
        for case in run["cases"]:
            cases[key(case)] = min(cases.get(key(case), case), case,
                                   key=lambda c: VERDICTS.index(c["verdict"]))
    for flake in statement["conformance"]["flakes"]:
        if key(flake) in cases:
            case = cases[key(flake)]
            worse = case["verdict"] if case["verdict"] in BAD else "FAIL"
            cases[key(flake)] = dict(case, verdict=worse, verdicts=flake["verdicts"])
    return dict(runs[0], cases=list(cases.values()), complete=all(r["complete"] for r in runs),
                seconds=sum(r["seconds"] for r in runs))


def set_states(results, cases, statement):
    waived = {tuple(k) for waiver in statement["waivers"] for k in waiver["excused"]}
    for case in cases:
        bad = case["verdict"] in BAD
        judged = results.requirements[case["requirement"]].judges(case["verdict"])
        case["state"] = "WAIVED" if bad and key(case) in waived else \
            "OBSERVED" if bad and not judged else case["verdict"]


NO_STATEMENT = {"conformance": {"flakes": []}, "waivers": []}
# Of a statement what is read here; the whole of it is for `iodirty verify` to judge.
STATEMENT = {
    "type": "object", "required": ["format_version", "verdict", "sentence", "conformance",
                                   "waivers"],
    "properties": {
        "format_version": {"const": 2},
        "verdict": {"enum": ["PASSED", "FAILED"]},
        "sentence": {"type": "string"},
        "conformance": {"type": "object", "required": ["flakes"], "properties": {
            "flakes": {"type": "array", "items": {
                "type": "object", "required": ["requirement", "test", "config", "verdicts"],
                "properties": {
                    **{word: {"type": "string"} for word in ("requirement", "test", "config")},
                    "verdicts": {"type": "array", "items": {"enum": VERDICTS}}}}}}},
        "waivers": {"type": "array", "items": {
            "type": "object", "required": ["excused"], "properties": {
                "excused": {"type": "array", "items": {
                    "type": "array", "items": {"type": "string"}}}}}}}}


def logs_of(folder):
    """(those of conform, the benchmark's or None, the statement or None): paths."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder: name one that `iodirty conform -o`, `bench -o` "
                         "or `certify -o` wrote")
    if (folder / "statement.json").exists():
        runs = sorted(folder.glob("logs/run-*/results.json"))
        bench = folder / "logs/bench.json"
        if not runs:
            raise ReportError(f"{folder} is a package without logs/run-1/results.json: see "
                              "`iodirty verify`")
        return runs, bench if bench.exists() else None, folder / "statement.json"
    for name in "results.json", "bench.json":
        if (folder / name).exists():
            path = folder / name
            return ([path], None, None) if name == "results.json" else ([], path, None)
    raise UsageError(f"{folder} has no results.json, bench.json or statement.json: name a folder "
                     "that `iodirty conform -o`, `bench -o` or `certify -o` wrote")


def read(folder):
    """The Source in @folder; UsageError if there is none, ReportError if it is broken."""
    folder = Path(folder)
    try:
        runs, bench, statement = logs_of(folder)
        files = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*")
                       if p.is_file() and not p.is_symlink() and not p.name.startswith("."))
    except OSError as error:
        raise ReportError(f"{error.filename or folder}: {error.strerror}") from error
    source = Source(folder, "", files)
    told = NO_STATEMENT
    if statement:
        told = source.statement = read_json(statement, STATEMENT)
    if bench:
        source.bench = Measured(read_json(bench, schema("bench.schema.json")))
        source.run = source.bench.context["run"]
    if runs:
        rules = schema("results.schema.json")
        source.data = put_together([read_json(path, rules) for path in runs], told)
        source.results = Results(source.data)
        source.run = source.data["run"]
        set_states(source.results, source.data["cases"], told)
    return source
