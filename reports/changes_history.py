# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
What changed in a History (history_store.py): changes.py over all its series and verdicts.

A series is cut by kernel line, since a machine runs several in turn: the store has them in one.
A time alone says what the machine did that day, so no event comes from one: its ratio, beside it,
has the same change if it is the harvest's.
"""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from changes import change_points, events, kernel_line, verdict_events

TIMES = {"ns_per_iopte"}


@dataclass(frozen=True)
class Series:
    number: int  # the store's
    line: str  # of kernels
    head: dict  # target, argument, machine, cpu, host, name, metric
    runs: tuple  # ids, in the order of their starts
    values: np.ndarray
    changes: tuple

    @property
    def key(self):
        return self.number, self.line


def benchmark_changes(history):
    """All Series with their changes; and the Events, whose members' keys are those of Series."""
    heads = {run["number"]: run for run in history.runs()}
    cut = []
    measures = history.all_measures()
    for head in history.series():
        of = measures[head["number"]]
        lines = defaultdict(list)
        for i, number in enumerate(of.run.tolist()):
            lines[kernel_line(heads[number]["kernel"])].append(i)
        for line, where in sorted(lines.items()):
            runs = tuple(heads[number]["id"] for number in of.run[where].tolist())
            cut.append((head, line, runs, of.value[where]))
    series = [Series(head["number"], line, head, runs, values,
                     tuple(change_points(values, len(cut))))
              for head, line, runs, values in cut]
    return series, events([(s.key, s.runs, change) for s in series
                           if s.head["metric"] not in TIMES for change in s.changes])


def conformance_changes(history):
    """(target, argument, kernel line) -> its VerdictEvents, with the ids of runs."""
    rows, outcomes = history.all_outcomes()
    lines = defaultdict(list)
    for run in history.runs():
        lines[run["target"], run["argument"], kernel_line(run["kernel"])].append(
            (run["id"], run["outcomes"]))
    return {line: verdict_events(runs, rows, outcomes) for line, runs in lines.items()}
