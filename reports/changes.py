# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Since when a benchmark is slower, and a requirement fails.

change_points() is for one series of a benchmark: the same figure of the same thing on one
machine, in the order of runs; finite, none below 0. It divides the series like E-divisive
(Matteson and James 2014, as used by Otava), and differs where series of a benchmark ask for it:
by ranks in place of distances, since outliers are the rule; without permutations drawn by
lot, so that the same history gives the same answer; for dependent runs (changes_scan.py has all
that); and with one probability of a false alarm for all series of a dashboard together.

Of the stretches that say clearly that there is a change the shortest decides where
(narrowest over threshold: Baranowski, Chen and Fryzlewicz 2019), so that a slow-down that was
mended soon is found like one that stayed. A change has to be of FLOOR at least, and abrupt:
a machine that gets slower by and by has none.

events() puts the changes of several series together; what concerns verdicts is
changes_verdicts.py's.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

import changes_scan as scan
from changes_verdicts import kernel_line, verdict_changes, verdict_events

__all__ = ["ALPHA", "FLOOR", "Change", "Event", "Segment", "change_points", "events", "kernel_line",
           "segments", "verdict_changes", "verdict_events"]

ALPHA = 0.05  # of a false alarm, in all series together
FLOOR = 0.03  # a smaller change is not worth an alarm
NEAR = 50  # runs on either side within which a change has happened
UNLIKELY = 1e-3  # of a run outside of a change's 95 %


@dataclass(frozen=True)
class Change:
    index: int  # the first run of the new level
    first: int  # that may be this run, or one of those that follow, with 95 %
    likely: tuple  # how likely it is each of them
    before: float  # medians of the stretches on either side
    after: float
    ratio: float  # after / before; infinite when it was 0
    low: float  # 95 % of the ratio
    high: float
    p: float  # corrected for all series and stretches; held against ALPHA

    @property
    def last(self):
        return self.first + len(self.likely) - 1


@dataclass(frozen=True)
class Event:
    """What changed in one run in several series: by one cause, presumably."""

    run: object  # the likeliest by all of them together
    members: tuple  # pairs of a series' key and its Change


@dataclass(frozen=True)
class Segment:
    start: int
    end: int  # the first run after it
    level: float  # median
    low: float  # 95 % of the median
    high: float


def change_points(values, series=1, alpha=ALPHA, floor=FLOOR):
    """The changes of one of @series series, in order."""
    values = np.asarray(values, dtype=float)
    if len(values) < 2 * scan.SHORTEST + 1 or np.all(values == values[0]):
        return []
    return _Search(values, series, alpha, floor).run()


def segments(values, changes):
    """The level of each stretch between @changes, with its band."""
    values = np.asarray(values, dtype=float)
    edges = [0, *(c.index for c in changes), len(values)]
    return [Segment(a, b, *_median(values[a:b])) for a, b in zip(edges, edges[1:]) if a < b]


def events(found):
    """
    Changes that may be of one run, together. @found: (key of the series, its runs, Change);
    runs of another machine are others, so that what came to two machines is two events.
    """
    groups = []  # each: a dict of run -> log of how likely, and the members so far
    for key, runs, change in sorted(found, key=lambda f: len(f[2].likely)):
        likely = {runs[change.first + i]: p for i, p in enumerate(change.likely)}
        group = next((g for g in groups if g[0].keys() & likely.keys()), None)
        if group is None:
            group = {}, []
            groups.append(group)
        group[1].append((key, change, likely))
        for run in likely:
            group[0].setdefault(run)
    return [Event(max(runs, key=lambda run: sum(math.log(likely.get(run, 0) + UNLIKELY)
                                                for _, _, likely in members)),
                  tuple((key, change) for key, change, _ in members))
            for runs, members in groups]


def _median(values):
    """
    And its band, by order statistics. Dependent runs count as the fewer that they are worth.
    """
    ordered, n = np.sort(values), len(values)
    worth = n
    if n >= 4 * scan.SHORTEST:
        worth = n / scan.dependence_between(values, [0, n])
    # So many of the @worth lie below the median at least, but for 2.5 %.
    below = max(0, int(binom.ppf(0.025, round(worth), 0.5)) - 1)
    low = min(int(below * n / worth), (n - 1) // 2)
    return float(np.median(ordered)), float(ordered[low]), float(ordered[n - 1 - low])


def _ratio(before, after):
    if before:
        return after / before
    return math.inf if after else 1.0


class _Search:
    def __init__(self, values, series, alpha, floor):
        self.values, self.alpha = values, alpha
        self.size = math.log1p(floor)
        self.x = np.log(values) if values.min() > 0 else values
        self.scan = scan.Scan(values)
        self.series = series

    def run(self):
        positions = self.place(self.more(self.candidates()))
        # With all levels that there may be: one that is left out would look like dependence.
        dependence = max(self.scan.dependence, scan.dependence_between(
            self.x, [0, *positions, len(self.x)]))
        while positions:
            found = [self.judge(*around, dependence) for around in self.around(positions)]
            wrong = [i for i, (change, _) in enumerate(found) if change is None]
            if not wrong:
                return [change for change, _ in found]
            weakest = min(wrong, key=lambda i: found[i][1])
            positions = self.place(positions[:weakest] + positions[weakest + 1:])
        return []

    def around(self, positions):
        edges = [0, *positions, len(self.values)]
        return list(zip(edges, edges[1:], edges[2:]))

    def p(self, z, length):
        """Of a stretch of that length. Each layer of intervals has an even share of the error,
        and so has each interval of a layer, of which there are two in the length of one."""
        tests = self.series * self.scan.layers * 2 * len(self.values) / length
        return min(1.0, scan.tail(z, length) * tests)

    def candidates(self):
        """One for each of the shortest intervals that are clear and have none yet."""
        s, root = self.scan, math.sqrt(self.scan.dependence)
        length = s.end - s.start
        clear = [i for i in np.flatnonzero(s.z > 1.5 * root)
                 if self.p(s.z[i] / root, length[i]) <= self.alpha]
        left = sorted(clear, key=lambda i: (length[i], -s.z[i]))
        positions = []
        while left:
            split = int(s.split[left[0]])
            positions.append(split)
            left = [i for i in left if not s.start[i] < split < s.end[i]]
        return sorted(positions)

    def more(self, positions):
        """And those beside them that no interval had by itself: in what lies between."""
        edges, root, i = [0, *positions, len(self.values)], math.sqrt(self.scan.dependence), 0
        while i + 1 < len(edges):
            a, b = edges[i:i + 2]
            if b - a > 2 * scan.SHORTEST:
                split, z = scan.best(self.values[a:b])
                if self.p(z / root, b - a) <= self.alpha:
                    edges.insert(i + 1, a + split)
                    continue
            i += 1
        return edges[1:-1]

    def place(self, positions):
        """Each at the likeliest run between its neighbours."""
        for _ in range(2):
            moved = [a + scan.place(self.x[a:b], k - a)[0]
                     if min(k - a, b - k) >= scan.SHORTEST else k
                     for a, k, b in self.around(positions)]
            if moved == positions:
                break
            positions = sorted(set(moved))
        return positions

    def judge(self, a, k, b, dependence):
        """The change at @k between @a and @b, or None; and how clear it is."""
        if min(k - a, b - k) < scan.SHORTEST:
            return None, 0.0
        z = scan.at(self.values[a:b], k - a) / math.sqrt(dependence)
        p = self.p(z, b - a)
        near = _ratio(np.median(self.values[max(a, k - NEAR):k]),
                      np.median(self.values[k:min(b, k + NEAR)]))
        before, after = _median(self.values[a:k]), _median(self.values[k:b])
        ratio = _ratio(before[0], after[0])
        if p > self.alpha or not self.worth_it(ratio, near):
            return None, z
        _, first, likely = scan.place(self.x[a:b], k - a)
        return Change(k, a + first, tuple(likely), before[0], after[0], ratio,
                      *_ratio_band(before, after), p), z

    def worth_it(self, ratio, near):
        """Both as large as the floor, and in one direction."""
        sizes = [math.log(r) if 0 < r < math.inf else math.copysign(math.inf, r - 1)
                 for r in (ratio, near)]
        return min(sizes) >= self.size or max(sizes) <= -self.size


def _ratio_band(before, after):
    """Of two medians that are independent: the errors of their logarithms, by squares."""
    ratio = _ratio(before[0], after[0])
    if not (before[1] > 0 and after[1] > 0):
        return 0.0, math.inf
    down = math.hypot(math.log(after[0] / after[1]), math.log(before[2] / before[0]))
    up = math.hypot(math.log(after[2] / after[0]), math.log(before[0] / before[1]))
    return ratio * math.exp(-down), ratio * math.exp(up)
