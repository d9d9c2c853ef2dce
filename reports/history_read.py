# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
What iodirty leaves, as records of a history (schemas/run.schema.json): read whole, or refused
with ReportError.

Records of elsewhere, lines of an export, go through check(); its tables have too many rows for
a validator of schemas, so that they are looked at by hand.
"""

import datetime
import math
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import judge
import verify_checks
import verify_copy
from history_measures import of_bench, of_workloads
from history_store import LETTERS
from model import BAD, ReportError, Results, worst
from package import STATEMENT
from verify_read import Wrong, faults, json_text
from verify_views import check_summary

VERIFY = Path(__file__).resolve().parent / "verify.py"
PACKAGE, CONFORM, BENCH, WORKLOAD = STATEMENT, "results.json", "bench.json", "workload.json"
OF_A_KERNEL = ("linux", "vfio", "module")  # targets whose subject is the kernel that ran
TABLES = ("outcomes", "failures", "measures")
BAD_IN_A_LINE = re.compile("[\u0000-\u001f\u007f-\u009f\ud800-\udfff]")
REQUIREMENT = re.compile(r"[A-Z][A-Z0-9]*-[0-9]{3}")


def read(path, said):
    """The record of what lies at @path; @said: fields that the caller knows better, such as
    "subject", or "commit" where the run does not say it."""
    record = _read(Path(path))
    if said.get("commit") and record["commit"] not in ("", said["commit"]):
        raise ReportError(f"it is of the commit {record['commit'][:12]}, and not of "
                          f"{said['commit'][:12]}")
    record.update(said)
    if "subject" not in said:
        record["subject"] = record["kernel"] if record["target"] in OF_A_KERNEL else \
            record["commit"] or f"iodirty {record['iodirty']}"
    check(record)
    return record


def verify(path):
    """ReportError unless `iodirty verify` trusts the package, whatever its verdict."""
    done = subprocess.run([sys.executable, VERIFY, "--", path], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, errors="replace", check=False)
    if done.returncode not in (0, 1):
        said = re.findall(r"^WRONG +\S+ +(.*)$", done.stdout, re.MULTILINE)
        raise ReportError("iodirty verify does not trust it: "
                          + (said or done.stderr.splitlines() or ["it does not say why"])[0])


def _read(path):
    if path.is_file():
        return _read_package(path)
    if not path.is_dir():
        raise ReportError("it is neither a folder nor an archive" if os.path.lexists(path)
                          else "it is not there")
    for name, reader in ((PACKAGE, _read_package), (WORKLOAD, _read_report),
                         (CONFORM, _read_conform), (BENCH, _read_bench)):
        if os.path.lexists(path / name):
            return reader(path)
    if (path / "compare.json").exists():
        raise ReportError("it is of iodirty compare: two builds beside each other, and no run of "
                          "either")
    raise ReportError("iodirty left no run here: there is no statement.json, results.json, "
                      "bench.json or workload.json")


# ---- files ----

def _bytes(path):
    """Of a regular file, no larger than any of ours."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(fd, "rb") as file:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise ReportError(f"{path.name} is no file")
            data = file.read(verify_copy.FILE_MAX + 1)
    except OSError as error:
        raise ReportError(f"{path.name}: {error.strerror}") from error
    if len(data) > verify_copy.FILE_MAX:
        raise ReportError(f"{path.name} is larger than any of ours "
                          f"({verify_copy.FILE_MAX >> 20} MiB)")
    return data


def _json(path, schema, expected=None):
    """The value; ReportError unless it is as @schema, a file's name, says; @expected: what
    its "schema" is, so that another version is told as such."""
    try:
        value = json_text(_bytes(path).decode("utf-8"))
        given = value.get("schema") if isinstance(value, dict) else None
        if expected and isinstance(given, str) and given != expected:
            raise Wrong(f"it is of the format {given[:40]!r}; this iodirty reads {expected}")
        words = faults(value, schema)
    except UnicodeDecodeError as error:
        words = [f"byte {error.start} is not UTF-8"]
    except Wrong as error:
        words = [str(error)]
    if words:
        raise ReportError(f"{path.name}: {'; '.join(words)}")
    return value


def _ask(check, package):
    """What @check, one of iodirty verify's, returns; ReportError if it finds something."""
    try:
        return check(package)
    except (verify_checks.Found, verify_checks.NotDone) as error:
        raise ReportError("; ".join(map(str, error.args[:5]))) from error


# ---- kinds ----

def _head(**known):
    return {"target": "ref", "argument": None, "kernel": "", "machine": "", "cpu": "",
            "host": "", "commit": "", "clean": None, "url": "", "totals": {}, "outcomes": [],
            "failures": [], "measures": [], **known}


def _of_results(data, results):
    """What a run of the suite, or several as one, have to say."""
    host, cells = data["host"], {}
    for case in results.cases:
        cells.setdefault((case.requirement, case.format), []).append(case.verdict)
    return {"started": data["started"], "target": data["target"]["name"],
            "argument": data["target"]["argument"], "kernel": host["release"],
            "machine": host["machine"], "cpu": host["cpu"], "host": host["name"],
            "iodirty": data["tool"]["version"], "totals": dict(results.counts),
            "outcomes": [[*cell, worst(verdicts)] for cell, verdicts in cells.items()],
            "failures": [[c.requirement, c.config, c.test, c.verdict, c.message]
                         for c in results.cases if c.verdict in BAD]}


def _refuse_unsound(data):
    """ReportError if the records contradict each other, or are not all that there were to be."""
    if not data["complete"]:
        raise ReportError(f"{CONFORM}: the run was interrupted, and nothing follows from it")
    for words in check_summary(data):
        raise ReportError(f"{CONFORM}: {words}")


def _read_conform(path):
    data = _json(path / CONFORM, "results.schema.json", "iodirty-results-2")
    _refuse_unsound(data)
    verdict = {"passed": "PASSED", "nothing-ran": "NONE"}.get(data["outcome"], "FAILED")
    return _head(id=data["run"], kind="conform", verdict=verdict,
                 **_of_results(data, Results(data)))


def _read_bench(path):
    data = _json(path / BENCH, "bench.schema.json")
    context = data["context"]
    if "slow_down_percent" in context:
        raise ReportError(f"{BENCH}: its harvests were slowed down on purpose")
    target, _, argument = context["target"].partition(":")
    failed = any(row.get("error_occurred") for row in data["benchmarks"])
    return _head(id=context["run"], kind="bench", started=_utc(context["date"]), target=target,
                 argument=argument or None, kernel=context["kernel"],
                 machine=context.get("machine", ""), cpu=context["cpu_model"],
                 host=context.get("host_name", ""), iodirty=context["iodirty_version"],
                 verdict="FAILED" if failed else "PASSED", measures=of_bench(data))


def _utc(date):
    try:
        then = datetime.datetime.fromisoformat(date).astimezone(datetime.timezone.utc)
        return f"{then:%Y-%m-%dT%H:%M:%SZ}"
    except (ValueError, OverflowError) as error:
        raise ReportError(f"{BENCH}: {date[:40]!r} is no time") from error


def _read_package(path):
    with verify_copy.opened(path) as copy:
        package = verify_checks.Package(copy)
        for check in (verify_checks.manifest, verify_checks.layout, verify_checks.schemas):
            _ask(check, package)
        statement, runs, bench = (getattr(package.parts, k) for k in ("statement", "runs", "bench"))
        for data in runs:
            _refuse_unsound(data)
        results = _ask(lambda p: verify_checks.harmless(
            lambda: judge.read(p.root, statement["created"]), p), package).results
    tool = statement["tool"]
    return _head(**{**_of_results(runs[0], results), "id": statement["id"], "kind": "package",
                    "commit": tool["git_commit"], "clean": tool["git_clean"],
                    "verdict": statement["verdict"],
                    "measures": of_bench(bench) if bench else []})


def _read_report(path):
    """Of `iodirty report`. It has no id but its bytes."""
    with verify_copy.opened(path) as copy:
        _ask(verify_checks.manifest, SimpleNamespace(copy=copy, root=copy.root))
        data = _json(copy.root / WORKLOAD, "workload.schema.json", "iodirty-workload-1")
        digest = copy.sums[WORKLOAD]
    tool = data["tool"]
    return _head(id=digest[:32], kind="workload", started=data["created"],
                 iodirty=tool["version"], commit=tool["git_commit"], clean=tool["git_clean"],
                 verdict="PASSED" if data["sound"] else "FAILED", measures=of_workloads(data))


# ---- records of elsewhere ----

def check(record):
    """ReportError unless @record is as schemas/run.schema.json says, and has each row once."""
    if isinstance(record, dict):
        words = faults({**record, **{k: [] for k in TABLES if isinstance(record.get(k), list)}},
                       "run.schema.json")
    else:
        words = ["a run is an object"]
    if words:
        raise ReportError(f"it is no record of a run: {'; '.join(words)}")
    try:
        datetime.datetime.strptime(record["started"], "%Y-%m-%dT%H:%M:%SZ")
    except ValueError as error:
        raise ReportError(f"it is no record of a run: {record['started']} is no time") from error
    for table, is_row, key in (("outcomes", _is_outcome, 2), ("failures", _is_failure, 5),
                               ("measures", _is_measure, 2)):
        seen = set()
        for n, row in enumerate(record[table]):
            if not isinstance(row, list) or not is_row(*row):
                raise ReportError(f"it is no record of a run: {table}[{n}] is no row of that")
            if tuple(row[:key]) in seen:
                raise ReportError(f"it is no record of a run: {table}[{n}] is there twice")
            seen.add(tuple(row[:key]))


def _is_name(value):
    return isinstance(value, str) and 0 < len(value) <= 500 and not BAD_IN_A_LINE.search(value)


def _is_outcome(requirement=None, config=None, verdict=None, *more):
    return (_is_name(requirement) and bool(REQUIREMENT.fullmatch(requirement))
            and _is_name(config) and isinstance(verdict, str) and verdict in LETTERS
            and not more)


def _is_failure(requirement=None, config=None, test=None, verdict=None, message=None, *more):
    return (_is_outcome(requirement, config, verdict) and _is_name(test)
            and isinstance(message, str) and not more)


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) \
        and math.isfinite(value)


def _is_measure(name=None, metric=None, value=None, low=None, high=None, samples=None, *more):
    return (_is_name(name) and _is_name(metric) and _is_number(value)
            and all(bound is None or _is_number(bound) for bound in (low, high))
            and isinstance(samples, int) and not isinstance(samples, bool)
            and 0 < samples < 1 << 31 and not more)
