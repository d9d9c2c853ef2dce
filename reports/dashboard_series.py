# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
The series of a history, with their changes: what the dashboard lists, draws and says of them.

Ratios and counts are judged. A time depends on the machine's day as much as on the code, so it
only stands beside the ratio of the same cell.
"""

import hashlib
import math
import re
from dataclasses import dataclass

import numpy as np

from changes import FLOOR, change_points, segments
from dashboard_lines import target_name

# More of it is better; of other ratios, of times and of errors less is; of the rest neither.
HIGHER = {"x_entry", "x_one_thread", "x_faster", "x_faster_less_call", "x_bytes_type1",
          "x_time_type1"}
LOWER = re.compile(r"x_|over_|entries_|invalidations|waits|pins|pieces|walks_|rounds|"
                   r"pages_iommufd|ioptes_")
# Sets whose names have a workload where the others have a format.
MIGRATIONS = {"predicted", "performed"}
TIME = re.compile(r"(^|_)(ns|us|ms|s)(_|$)")
USUAL = 2.5, 97.5  # percentiles between which a value of a stretch is usual


def plain(value):
    """Of numpy's, and of no number, what JSON has."""
    if isinstance(value, np.ndarray):
        return [plain(v) for v in value.tolist()]
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return int(value) if value.is_integer() and abs(value) < 2 ** 53 else float(f"{value:.7g}")
    return value


def is_ratio(metric):
    return metric.startswith(("x_", "over_report"))


def direction(metric):
    """1: more is better; -1: less is; 0: neither."""
    if metric in HIGHER:
        return 1
    return -1 if LOWER.match(metric) or TIME.search(metric) else 0


def is_time(metric):
    return not is_ratio(metric) and bool(TIME.search(metric))


@dataclass
class Series:
    target: str
    kernel: str  # line
    machine: str
    name: str
    metric: str
    run: np.ndarray  # indices of runs
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    samples: np.ndarray
    changes: list = ()
    stretches: list = ()

    @property
    def id(self):
        """The same whenever the site is made."""
        text = "\0".join([self.target, self.kernel, self.machine, self.name, self.metric])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def set(self):
        return self.name.split("/")[0]

    @property
    def format(self):
        return "" if self.set in MIGRATIONS else (self.name.split("/") + [""])[1]

    def find_changes(self, count):
        self.changes = change_points(self.value, series=count)
        self.stretches = segments(self.value, self.changes)

    def usual(self, stretch):
        """Between which values most of a stretch lay."""
        return np.percentile(self.value[stretch.start:stretch.end], USUAL)

    def worse(self, change):
        """1: it is; -1: it is better; 0: neither."""
        return -direction(self.metric) * (1 if change.after > change.before else -1)

    def open_changes(self):
        """Changes for the worse that nothing since has made good, in order."""
        if not self.changes:
            return []
        now = self.stretches[-1].level
        sign = direction(self.metric)
        return [c for c in self.changes if self.worse(c) > 0
                and (now - c.before * (1 - sign * FLOOR)) * sign < 0]


def read(history, lines):
    """All series that have a value, with their changes; times only where a ratio is."""
    arrays = history.all_measures()
    found = []
    for row in history.series():
        measures = arrays.get(row["number"])
        if measures is not None:
            found += cut(row, measures, lines)
    ratios = ratio_of_times(found)
    found = [s for s in found if not is_time(s.metric) or s.id in ratios]
    judged = sum(not is_time(s.metric) for s in found)
    for series in found:
        series.find_changes(judged)
    return found, ratios


def cut(row, measures, lines):
    """A Series for each kernel line, since a machine may run several in turn."""
    measures = [column[np.isfinite(measures.value)] for column in measures]
    runs = np.array([lines.index[number] for number in measures[0].tolist()])
    kernels = np.array([lines.all[lines.runs[i]["line"]].kernel for i in runs])
    return [Series(target_name(row), kernel, lines.machine(row), row["name"], row["metric"],
                   *(column[kernels == kernel] for column in (runs, *measures[1:])))
            for kernel in sorted(set(kernels.tolist()))]


def ratio_of_times(series):
    """A time's id -> the Series of the ratio that it stands beside: x_floor, or the first."""
    cells = {}
    for s in series:
        cells.setdefault((s.target, s.kernel, s.machine, s.name), []).append(s)
    found = {}
    for cell in cells.values():
        ratios = sorted((s for s in cell if is_ratio(s.metric)),
                        key=lambda s: (s.metric != "x_floor", s.metric))
        for s in cell:
            if is_time(s.metric) and ratios:
                found[s.id] = ratios[0]
    return found
