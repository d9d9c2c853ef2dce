#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Are regressions found and dated to the very run, and nothing else alarmed about? Over made-up
histories (synthetic.py) in a real store; and, with --table, how much noise allows how much. In
the noise of the planted ones nobody could date each of hundreds without fail (the table): of
all histories together OFTEN must be exact, and each within NEAR runs.
"""

import argparse
import sys
import tempfile
from collections import Counter, namedtuple
from pathlib import Path

sys.dont_write_bytecode = True
sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]

import numpy as np  # noqa: E402

from changes import change_points  # noqa: E402
from changes_history import TIMES, benchmark_changes, conformance_changes  # noqa: E402
from changes_verdicts import COVERAGE, FAILING, FLAKE, REGRESSION  # noqa: E402
from history_store import History  # noqa: E402
from synthetic import CONTINUES, PLANTED, Recorded, Synthetic  # noqa: E402

EXACT, MISSED = "exact", "missed"
FALSE = 2  # alarms, of all kinds, in one history
NEAR = 2  # runs that a date may be off, ...
OFTEN = 0.95  # ... and how many of all must be exact
FORMATS = ["amd-v1", "mock"]  # of conformance runs: more take longer, and show the same
SIZE = 0.25  # of a change, by how much of it the ratio may be wrong

Proof = namedtuple("Proof", "found false times flakes coverage series")
Proof.__doc__ = """@found: of each planted regression EXACT, MISSED, or by how many of its own
series' runs the date is wrong; @false: alarms in words; @times: changes of times alone where
nothing was planted, which are no alarms; @flakes: (right, planted, wrong)."""


def prove(runs, seed, spread):
    with tempfile.TemporaryDirectory(prefix="iodirty-prove-") as folder:
        history = History.open(f"{folder}/history.db", create=True, say=lambda words: None)
        planted = Synthetic(runs, seed, spread, FORMATS).write(history)
        with history.snapshot():
            series, events = benchmark_changes(history)
            verdicts = conformance_changes(history)
            order = {run["id"]: i for i, run in enumerate(history.runs())}
    found, false = {}, []
    benchmarks(planted, series, events, found, false)
    coverage, flakes = conformance(planted, verdicts, order, found, false)
    rows = {row for p in planted["benchmark"] for row in p["rows"]}
    times = sum(len(s.changes) for s in series
                if s.head["metric"] in TIMES and s.head["name"] not in rows)
    return Proof(found, false, times, flakes, coverage, len(series))


def benchmarks(planted, series, events, found, false):
    by_key = {s.key: s for s in series}
    left = {p["percent"]: p for p in planted["benchmark"]}
    found.update({f"{percent} %": MISSED for percent in left})
    for event in events:
        heads = [by_key[key] for key, _ in event.members]
        ratio = float(np.median([change.ratio for _, change in event.members]))
        for percent, p in left.items():
            right = (all(s.head["name"] in p["rows"] and s.head["target"] == p["target"]
                         and p["run"] in s.runs for s in heads)
                     and abs(ratio - 1 - percent / 100) < SIZE * percent / 100)
            if right:
                runs = heads[0].runs
                off = runs.index(event.run) - runs.index(p["run"])
                found[f"{percent} %"] = off or EXACT
                del left[percent]
                break
        else:
            s = heads[0]
            false.append(f"{s.head['name']} {s.head['metric']} on {s.head['host']}: times "
                         f"{ratio:.3f} in run {event.run[:8]}, and {len(heads) - 1} more")


def conformance(planted, verdicts, order, found, false):
    """Coverage: of the events of that kind how many requirements each has."""
    left = {(p["run"], tuple(map(tuple, p["cells"]))): p for p in planted["conformance"]}
    flaky = {(f["run"], tuple(cell)) for f in planted["harmless"]["flakes"] for cell in f["cells"]}
    coverage, right, wrong = [], 0, 0
    for events in verdicts.values():
        for event in events:
            cells = tuple(sorted(cell for cell, _ in event.members))
            if event.kind == COVERAGE:
                coverage.append(len(cells))
            elif event.kind == FLAKE:
                good = {(event.run, cell) for cell in cells} & flaky
                right, wrong = right + len(good), wrong + len(cells) - len(good)
            elif event.kind in (REGRESSION, FAILING):
                p = left.pop((event.run, cells), None)
                if p is None:
                    false.append(f"{cells[0]} and {len(cells) - 1} more fail since {event.run[:8]}")
                elif not ended(event, p, order):
                    false.append(f"{cells[0]} and {len(cells) - 1} more: the end is wrong")
                else:
                    found[f"{len(cells)} fail"] = EXACT
    found.update({f"{len(cells)} fail": MISSED for _, cells in left})
    return coverage, (right, len(flaky), wrong)


def ended(event, planted, order):
    """Is each member good again since a run after the last bad one, or goes on?"""
    if planted["goes_on"]:
        return event.open
    return not event.open and all(order[change.until] > order[planted["last"]]
                                  for _, change in event.members)


# ---- how much noise allows how much ----

BEFORE, SERIES, TRIES = 300, 450, 100
NOISES, SIZES = (0.1, 0.2, 0.3, 0.5, 1.0), (0.05, 0.08, 0.15, 0.3)
AFTER = (5, 6, 7, 8, 9, 10, 12, 14, 16, 20, 25, 30, 40, 50, 70, 100, 150)


def ratios(rng, count, scale):
    """A made-up ratio of two times of one run, as synthetic.py has it."""
    recorded = Recorded()
    density = ("0%", "1%", "100%")[int(rng.integers(3))]
    at, logs = int(rng.integers(len(recorded))), []
    for _ in range(count):
        logs.append(recorded.of(at, density) - recorded.of(at + 1, "0%"))
        at = at + 1 if rng.random() < CONTINUES else int(rng.integers(len(recorded)))
    return np.exp(scale * np.array(logs))


def table():
    print(f"noise  change   of {TRIES}: very run, within 2, farther, missed;  noticed after "
          "runs: half, nine in ten")
    for scale in NOISES:
        for size in SIZES:
            seen, after = Counter(), []
            for seed in range(TRIES):
                x = ratios(np.random.default_rng(seed), BEFORE + AFTER[-1], scale)
                x[BEFORE:] *= 1 + size
                off = distance(x)
                seen["missed" if off is None else "exact" if off == 0 else
                     "near" if off <= 2 else "far"] += 1
                after.append(next((n for n in AFTER if distance(x[:BEFORE + n]) is not None),
                                  np.inf))
            half, most = np.quantile(after, [0.5, 0.9], method="higher")
            print(f"{scale:5}  {size:5.0%}   {seen['exact']:3} {seen['near']:3} {seen['far']:3} "
                  f"{seen['missed']:3}   {half:4} {most:4}", flush=True)


def distance(x):
    """From BEFORE to the nearest change; None if there is none."""
    near = [abs(c.index - BEFORE) for c in change_points(x, SERIES)]
    near = [d for d in near if d <= 30]
    return min(near, default=None)


def main():
    parser = argparse.ArgumentParser(
        prog="prove_changes.py", allow_abbrev=False, description=__doc__.strip(),
        epilog=f"exit status: 0 all five of each history are found, {OFTEN:.0%} of all at the very "
        f"run and none more than {NEAR} off, and no more than {FALSE} alarms of a history are "
        "false; 1 not so; 2 wrong usage")
    parser.add_argument("--runs", type=int, default=10000, metavar="N", help="default: 10000")
    parser.add_argument("--seeds", type=int, default=10, metavar="N", help="default: 10")
    parser.add_argument("--first", type=int, default=1, metavar="SEED", help="default: 1")
    parser.add_argument("--spread", choices=sorted(PLANTED), action="append",
                        help="how benchmarks' regressions are planted; default: both")
    parser.add_argument("--table", action="store_true",
                        help="in which noise a change of what size is found, and how soon")
    arguments = parser.parse_args()
    if arguments.runs < 1000 or arguments.seeds < 1 or arguments.first < 0:
        parser.error("1000 runs and one seed at least")
    if arguments.table:
        table()
        return 0
    total, good = Counter(), True
    for spread in arguments.spread or sorted(PLANTED):
        for seed in range(arguments.first, arguments.first + arguments.seeds):
            proof = prove(arguments.runs, seed, spread)
            total.update(map(str, proof.found.values()))
            total["false"] += len(proof.false)
            holds = (len(proof.found) == 5 and len(proof.false) <= FALSE
                     and all(f == EXACT or f != MISSED and abs(f) <= NEAR
                             for f in proof.found.values()))
            good &= holds
            print(f"{'ok  ' if holds else 'FAIL'} {spread}, seed {seed}: {proof.found}; "
                  f"{len(proof.false)} false of {proof.series} series {proof.false}; flakes "
                  f"{proof.flakes}, coverage {proof.coverage}, times alone {proof.times}",
                  flush=True)
    planted = sum(total.values()) - total["false"]
    often = total[EXACT] >= OFTEN * planted
    print(f"{'ok  ' if often else 'FAIL'} {total[EXACT]} of {planted} at the very run: "
          f"{dict(total)}")
    return 0 if good and often else 1


if __name__ == "__main__":
    sys.exit(main())
