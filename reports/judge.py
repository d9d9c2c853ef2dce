# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
The statement of a certification package, and so its verdict: judge(folder, facts).

It is computed from what lies below the folder (logs/, form.toml, waivers.toml) and from
those few facts that no log has; nothing else is looked at, no clock and no machine, so
that whoever has the package can compute it again. `iodirty certify` calls it when all logs are
there; `iodirty verify` calls it with facts_of(statement) and compares.

PASSED takes all of: every run of the suite ended by itself and as its records say; no
case of a mandatory or if-supported requirement failed in any run, but for what is
waived (waivers.py); no case is a flake (judge_runs.py); each claim was shown
(judge_claims.py); no harvest of the benchmark or of a workload was wrong. Times judge nothing: the
benchmark's part in the verdict is its bitmaps alone.
"""

import datetime
from collections import Counter
from pathlib import Path

import form
import judge_claims
import judge_runs
import judge_words
import waivers
from judge_words import NOTHING_RAN
from model import CLASSES, Bench, ReportError, load

FORMAT, VERSION = "iodirty-certificate", 2
FORM, WAIVERS = "form.toml", "waivers.toml"


def facts_of(statement):
    """What no log has, of a statement: judge()'s second argument."""
    workloads = statement["workloads"]
    return {"id": statement["id"], "created": statement["created"],
            "target": statement["product"]["target"],
            "exit_statuses": [r["exit_status"] for r in statement["conformance"]["runs"]],
            "benchmark": {k: statement["benchmark"][k] for k in ("exit_status", "mode")},
            "workloads": workloads and {k: workloads[k] for k in ("names", "exit_status")},
            "tool": statement["tool"], "via": statement["via"]}


def listed(data):
    """What `iodirty list requirements --json` prints."""
    fields = {"id": str, "stake": str, "waivable": bool, "text": str, "source": str}
    if not all(isinstance(r[name], kind) for r in data for name, kind in fields.items()):
        raise TypeError
    return data


class Evidence:
    """What a package's logs hold, read; @day: the waivers that count are those of that day."""

    def __init__(self, folder, day):
        self.texts = load(folder / "logs/requirements.json", "a list of requirements", listed)
        self.runs = judge_runs.read(folder, self.texts)
        self.results = judge_runs.merge(self.runs, self.texts)
        bench = folder / "logs/bench.json"
        self.bench = load(bench, "the benchmark's output", Bench) if bench.is_file() else None
        self.waivers = []
        if (folder / WAIVERS).is_file():
            self.waivers = waivers.read(folder / WAIVERS)
            waivers.check(self.waivers, self.texts)
        self.excused = judge_runs.excuse(
            self.results, lambda case: waivers.find(self.waivers, *case.key, day))


def day_of(created):
    try:
        return datetime.datetime.strptime(created, "%Y-%m-%dT%H:%M:%SZ").date()
    except ValueError as error:
        raise ReportError(f"{created} is no time of a package") from error


def read(folder, created):
    """Evidence of a package made at @created, for who shows more of it than the statement."""
    return Evidence(Path(folder), day_of(created))


# ---- the parts of a statement ----

def run_part(run, status):
    data = run.data
    return {"run": data["run"], "seed": data["seed"], "started": data["started"],
            "seconds": data["seconds"], "complete": data["complete"], "exit_status": status,
            "cases": tally(run.counts)}


def tally(counts):
    return {str(v): n for v, n in sorted(counts.items())}


def class_part(cls, requirements):
    """Requirements of a class: each counts once, as its worst case."""
    counts = Counter(r.verdict for r in requirements)
    named = {"passed": "PASS", "waived": "WAIVED", "deviating": "XFAIL",
             "not_capable": "NOT_CAPABLE", "skipped": "SKIP", "no_case": None}
    return {"class": cls, "requirements": len(requirements),
            "tried": sum(r.tried for r in requirements),
            "failed": len(requirements) - sum(counts[v] for v in named.values()),
            **{name: counts[verdict] for name, verdict in named.items()}}


def classes(results):
    return [class_part(cls, [r for r in results.requirements.values() if r.cls == cls])
            for cls in CLASSES]


def flake_part(results):
    return [{"requirement": c.requirement, "test": c.test, "config": c.config,
             "verdicts": list(c.verdicts), "judges": c in results.bad_cases}
            for c in results.cases if c.flake]


def ended_well(run, status):
    """By itself, and with the status that its records ask for."""
    return run.data["complete"] and (status == 0) == run.passed


def conformance_part(evidence, statuses):
    results = evidence.results
    well = all(map(ended_well, evidence.runs, statuses))
    return {"passed": well and results.passed,
            "runs": list(map(run_part, evidence.runs, statuses)),
            "requirements": len(results.requirements),
            "requirements_tried": len(results.tried),
            "cases": tally(results.counts), "classes": classes(results),
            "outcomes": {r.id: r.verdict for r in results.requirements.values()},
            "flakes": flake_part(results),
            "not_exercised": [r.id for r in results.not_exercised]}


def waiver_part(evidence, day):
    return [{"requirement": w.requirement, "test": w.test, "config": w.config,
             "reason": w.reason, "expires": w.expires.isoformat(), "over": w.over(day),
             "excused": [list(case.key) for by, case in evidence.excused if by is w]}
            for w in evidence.waivers]


def claims_part(results, declared):
    rows = judge_claims.judge(results, declared)
    return {"by": "form" if (declared or {}).get("claims") else "target",
            "passed": all(r["outcome"] != "FAIL" for r in rows), "rows": rows}


def benchmark_part(bench, facts):
    status = facts["exit_status"]
    failed = len(bench.failed) if bench else 0
    measured = status == 0 and bench is not None
    return {"passed": (measured or status == NOTHING_RAN) and not failed, "exit_status": status,
            "mode": facts["mode"], "run": bench.context.get("run") if bench else None,
            "cells": len(bench.all) + len(bench.rows) if bench else 0, "failed": failed}


def workload_part(folder, facts):
    """logs/workloads.txt: a line a case, its verdict first, then the workload."""
    if facts is None:
        return None
    try:
        text = (folder / "logs/workloads.txt").read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ReportError(f"logs/workloads.txt: {error.strerror}") from error
    cases = {}
    for line in text.splitlines():
        verdict, _, rest = line.partition(" ")
        if verdict in ("ok", "FAIL", "skip"):
            cases.setdefault(rest.split(" ")[0], dict(ok=0, FAIL=0, skip=0))[verdict] += 1
    failed = any(c["FAIL"] for c in cases.values())
    return {"names": facts["names"], "exit_status": facts["exit_status"],
            "passed": facts["exit_status"] in (0, NOTHING_RAN) and not failed, "cases": cases}


def declared_by(folder):
    """The vendor's form; None: there is none."""
    return form.read(folder / FORM) if (folder / FORM).is_file() else None


def judge(folder, facts):
    """The statement (schemas/package.schema.json) of the package in @folder; ReportError where
    what is there cannot be judged at all."""
    folder = Path(folder)
    day = day_of(facts["created"])
    evidence = Evidence(folder, day)
    results = evidence.results
    statuses = facts["exit_statuses"]
    if len(statuses) != len(evidence.runs):
        raise ReportError(f"there are {len(evidence.runs)} runs in logs/ and {len(statuses)} exit "
                          "statuses of runs")
    declared = declared_by(folder)
    parts = {"conformance": conformance_part(evidence, statuses),
             "claims": claims_part(results, declared),
             "benchmark": benchmark_part(evidence.bench, facts["benchmark"]),
             "workloads": workload_part(folder, facts["workloads"])}
    waived = waiver_part(evidence, day)
    bad = [name for name, part in parts.items() if part and not part["passed"]]
    return {
        "format": FORMAT, "format_version": VERSION,
        "id": facts["id"], "created": facts["created"],
        "verdict": "FAILED" if bad else "PASSED",
        "sentence": judge_words.sentence(results, facts["target"], len(evidence.runs), bad),
        "meaning": judge_words.meaning(results, bad),
        "remarks": judge_words.of_conformance(results, statuses, evidence.runs)
        + judge_words.of_claims(parts["claims"]["rows"]) + judge_words.of_waivers(waived)
        + judge_words.of_benchmark(parts["benchmark"])
        + judge_words.of_workloads(parts["workloads"]),
        "declared": declared,
        **parts,
        "waivers": waived,
        "product": {"target": facts["target"], "formats": results.formats(),
                    "description": judge_words.describe(facts["target"])},
        "tool": facts["tool"], "via": facts["via"],
    }
