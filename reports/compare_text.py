# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A comparison in words, as a table, and as JSON (schemas/compare.schema.json)."""

import math

from compare_job import AGAIN, ARMS, COUNT_MARGIN, ERROR, NEW
from compare_stats import FASTER, INCONCLUSIVE, SAME, SLOWER

SAID = {SAME: "nothing is slower", FASTER: "nothing is slower", SLOWER: "SLOWER",
        INCONCLUSIVE: "INCONCLUSIVE", ERROR: "NOT COMPARED"}


def percent(ratio):
    """A ratio beyond 1."""
    return f"{100 * ratio:.1f} %" if math.isfinite(ratio) else "unknown"


def bounds(interval):
    """Of the ratio."""
    if not math.isfinite(interval.high):
        return "too few rounds"
    return f"{math.exp(interval.low):.3f} .. {math.exp(interval.high):.3f}"


def rows(job):
    """The lines of the table, as columns."""
    level = f"{100 * (1 - job.alpha):.1f} % interval"
    yield ("cell", f"BASE {job.options.metric}", "NEW/BASE", level, "BASE/BASE", "verdict")
    for cell, judged in job.cells.items():
        figures = sorted(job.samples[cell]["base"])
        yield (cell, f"{figures[len(figures) // 2]:.4g}" if figures else "-",
               f"{math.exp(judged.interval.estimate):.3f}", bounds(judged.interval),
               bounds(job.control[cell].interval), judged.verdict)


def table(job):
    lines = list(rows(job))
    if len(lines) < 2:
        return ""
    widths = [max(map(len, column)) for column in zip(*lines)]
    out = []
    for line in lines:
        cells = [text.ljust(width) if i in (0, len(line) - 1) else text.rjust(width)
                 for i, (text, width) in enumerate(zip(line, widths))]
        out.append("  ".join(cells).rstrip())
    return "\n".join(out)


def number(count, what):
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def count_lines(job):
    """Counts that differ; that nothing does is said as well."""
    for c in job.counts:
        if c.verdict != SAME:
            yield f"{c.verdict}: {c.name} {c.counter}: {c.base:.4g} -> {c.new:.4g}"
    worse = len(job.worse_counts)
    if job.counts:
        yield (f"counts: {len(job.counts)} compared, {worse} worse by more than "
               f"{percent(COUNT_MARGIN)}")
    else:
        yield f"counts: {job.counts_note}"
    for name in job.counts_missing:
        yield f"counts: NEW has no {name}"


def remarks(job):
    """What must be known beside the table, a line each."""
    if job.base.sha256 == job.new.sha256:
        yield "BASE and NEW are the same program, byte for byte" + \
            (f"; NEW is run with {' '.join(job.new.extra)}" if job.new.extra else "")
    for cell in job.missing:
        yield f"MISSING: NEW has no cell {cell}"
    for cell in job.added:
        yield f"only NEW has {cell}"
    yield from count_lines(job)
    yield (f"{number(job.rounds, 'round')} in {job.seconds:.0f} s, seed {job.options.seed}; "
           f"resolution {percent(job.resolution)} (the widest interval of BASE/BASE, half of it)")
    if job.moved:
        yield (f"the machine moved: BASE differs from itself in {number(len(job.moved), 'cell')}"
               f" ({job.moved[0]})")
    if job.interrupted:
        yield (f"interrupted: {number(job.rounds, 'whole round')} had been measured, and "
               "nothing is decided by them")
    if job.error:
        yield job.error


def why(job):
    """The reason for the verdict, in a few words."""
    margin = percent(job.options.margin)
    if job.error:
        if job.error_side == NEW.upper():
            return "NEW failed" + (": its results are wrong" if job.error_wrong else "")
        return f"{job.error_side} failed"
    if job.worse_counts:
        slower = job.having(SLOWER)
        return f"{number(len(job.worse_counts), 'count')} worse" + \
            (f", {number(len(slower), 'cell')} slower" if slower and not job.moved else "")
    if job.interrupted:
        return "interrupted"
    if job.moved:
        return "the machine moved"
    if job.having(SLOWER):
        return f"{number(len(job.having(SLOWER)), 'cell')} slower by more than {margin}"
    undecided = len(job.having(INCONCLUSIVE))
    if job.verdict == INCONCLUSIVE:
        missing = len(job.missing) + len(job.counts_missing)
        parts = [f"{number(undecided, 'cell')} undecided" if undecided else "",
                 f"{missing} missing in NEW" if missing else ""]
        return ", ".join(filter(None, parts)) or "nothing was measured"
    faster = len(job.having(FASTER))
    return f"{len(job.having(SAME))} same within {margin}" + \
        (f", {faster} faster" if faster else "")


def closing(job):
    return f"compare: {SAID[job.verdict]}: {why(job)}"


# ---- JSON ----

def finite(value):
    return value if math.isfinite(value) else None


def ratio_json(judged):
    i = judged.interval
    return {"ratio": math.exp(i.estimate), "p": i.p, "adjusted_p": judged.adjusted_p,
            "low": finite(math.exp(i.low)) if i.low > -math.inf else None,
            "high": math.exp(i.high) if i.high < math.inf else None,
            "verdict": judged.verdict}


def side_json(side):
    return {"given": side.given, "program": str(side.program), "sha256": side.sha256,
            "arguments": side.extra}


def document(job, machine):
    """All of it; of a job that is not done what there is by now. @machine: system.facts()."""
    o = job.options
    return {
        "schema": "iodirty-compare-1", "complete": job.complete, "verdict": job.verdict,
        "sentence": closing(job), "interrupted": job.interrupted, "error": job.error or None,
        "base": side_json(job.base), "new": side_json(job.new),
        "settings": {"only": o.only, "rounds": o.rounds, "seconds": o.seconds,
                     "margin": o.margin, "seed": o.seed, "metric": o.metric,
                     "repetitions": o.repetitions, "target": o.target,
                     "confidence_of_a_look": 1 - job.alpha, "looks": job.looks},
        "seconds": job.seconds, "rounds": job.rounds, "looked_after": job.looked,
        "resolution": finite(job.resolution), "machine_moved": job.moved,
        "orders": job.orders,
        "cells": [{"name": cell, "samples": {arm: arms[arm] for arm in ARMS},
                   "new": ratio_json(job.cells[cell]) if cell in job.cells else None,
                   AGAIN: ratio_json(job.control[cell]) if cell in job.control else None}
                  for cell, arms in job.samples.items()],
        "only_base": job.missing, "only_new": job.added,
        "counts": {"note": job.counts_note, "only_base": job.counts_missing,
                   "compared": [{"name": c.name, "counter": c.counter, "base": c.base,
                                 "new": c.new, "verdict": c.verdict} for c in job.counts]},
        "system": machine,
    }
