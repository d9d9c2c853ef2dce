# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
The runs of a package as one: what each case amounts to over all of them.

A case has its worst verdict. One whose verdicts differ is a flake, and bad: what
holds now and then does not hold. PASS beside XFAIL is none: the runner lets a case pass
that a deviation lists only if that says `sometimes` (else it is XPASS), so both are as
listed. A waiver excuses a FAIL alone, and one of every run: a crash, a hang or a flake is
no matter of the interface.
"""

from model import BAD, ReportError, Results, load, worst

SOMETIMES = {"PASS", "XFAIL"}


def folders(folder):
    """logs/run-1, logs/run-2 ..., without a gap."""
    found = sorted(int(p.name[4:]) for p in (folder / "logs").glob("run-*")
                   if p.name[4:].isdecimal())
    if not found or found != list(range(1, len(found) + 1)):
        there = ", ".join(f"run-{n}" for n in found) or "none"
        raise ReportError(f"logs/ must have run-1, run-2 and so on; it has {there}")
    return [folder / f"logs/run-{n}" for n in found]


def read(folder, texts):
    """The Results of each run; ReportError unless they are runs of the same cases."""
    runs = [load(path / "results.json", "the results of a run", lambda data: Results(data, texts))
            for path in folders(folder)]
    for n, run in enumerate(runs, 1):
        keys = [c.key for c in run.cases]
        if len(set(keys)) < len(keys):
            twice = next(k for k in keys if keys.count(k) > 1)
            raise ReportError(f"run-{n} has {' '.join(twice)} twice")
        refuse_differences(runs[0], run, n)
    return runs


def refuse_differences(first, run, n):
    """ReportError in words where run @n is not of the same cases as the @first."""
    for one, where, other, not_there in ((first, "run-1", run, f"run-{n}"),
                                         (run, f"run-{n}", first, "run-1")):
        there = {c.key for c in other.cases}
        for case in one.cases:
            if case.key not in there:
                raise ReportError(f"{' '.join(case.key)} is in {where} and not in {not_there}: "
                                  "these are not runs of the same thing")
    if first.data["requirements"] != run.data["requirements"]:
        raise ReportError(f"run-1 and run-{n} do not have the same requirements")
    if n > 1 and first.data["run"] == run.data["run"]:
        raise ReportError(f"run-{n} is run-1 once more: it has the same id")


def is_flake(verdicts):
    seen = set(verdicts) - {"NOT_RUN"}
    return len(seen) > 1 and seen != SOMETIMES


def settle(cases):
    """What the records of a case amount to: the worst of them, and whether it is a flake."""
    verdicts = tuple(c.verdict for c in cases)
    case = next(c for c in cases if c.verdict == worst(verdicts))
    case.verdicts, case.flake = verdicts, is_flake(verdicts)
    if case.flake and case.verdict not in BAD:
        case.verdict = "FAIL"
    return case


def merge(runs, texts):
    """Results of all @runs; the records of the runs are as they were."""
    by_key = {}
    for run in runs:
        for case in Results(run.data).cases:
            by_key.setdefault(case.key, []).append(case)
    merged = Results(dict(runs[0].data, complete=all(r.data["complete"] for r in runs), cases=[]),
                     texts)
    for cases in by_key.values():
        merged.add(settle(cases))
    return merged


def excuse(results, find):
    """Mark what @find(case) has a waiver of; returns [(waiver, case)]."""
    excused = []
    for case in results.bad_cases:
        requirement = results.requirements[case.requirement]
        if case.verdict == "FAIL" and not case.flake and requirement.waivable:
            waiver = find(case)
            if waiver:
                case.verdict = "WAIVED"
                excused.append((waiver, case))
    return excused
