# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
What a handful of noisy measurements, taken in pairs, allow to be said.

A sample is the logarithm of NEW over BASE within one round. The order within a round is
drawn by lot, so that if the two are alike the sign of each sample is the toss of a coin,
whatever the noise is: heavy tails, drift from round to round, two modes. The signed-rank
test is exact under just that, and its inversion gives the interval: of the median of
the averages of all pairs of samples (Hodges and Lehmann). Student's t needs more than
that and gets it not: tests/test_compare_stats.py has both on the same noise.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import ndtr, ndtri

SAME, FASTER, SLOWER, INCONCLUSIVE = "SAME", "FASTER", "SLOWER", "INCONCLUSIVE"
EXACT = 60  # rounds up to which the distribution is counted out


@dataclass(frozen=True)
class Interval:
    """Of a log ratio; low and high are infinite when there are too few samples."""

    estimate: float
    low: float
    high: float
    p: float  # of no difference
    rounds: int

    @property
    def half_width(self):
        return (self.high - self.low) / 2


@lru_cache(maxsize=None)
def signed_rank_cdf(n):
    """P(W <= w) for w = 0, 1, ...: the ranks 1..n, each counted or not by a fair coin."""
    ways = np.ones(1)
    for rank in range(1, n + 1):
        more = np.zeros(len(ways) + rank)
        more[:len(ways)] += ways / 2
        more[rank:] += ways / 2
        ways = more
    return np.cumsum(ways)


def lower_tail(w, n):
    """P(W <= w), by the normal distribution when n is large."""
    if n <= EXACT:
        return float(signed_rank_cdf(n)[w])
    mean, variance = n * (n + 1) / 4, n * (n + 1) * (2 * n + 1) / 24
    return float(ndtr((w + 0.5 - mean) / math.sqrt(variance)))


def critical(n, tail):
    """The largest w with P(W <= w) <= tail; -1 if there is none."""
    if n <= EXACT:
        return int(np.searchsorted(signed_rank_cdf(n), tail, side="right")) - 1
    mean, variance = n * (n + 1) / 4, n * (n + 1) * (2 * n + 1) / 24
    return max(math.floor(mean - 0.5 + float(ndtri(tail)) * math.sqrt(variance)), -1)


def paired(samples, alpha):
    """The estimate, its interval at 1 - @alpha, and p of a median that is 0."""
    x = np.asarray(samples, dtype=float)
    n = len(x)
    if not n:
        return Interval(0.0, -math.inf, math.inf, 1.0, 0)
    rows, columns = np.triu_indices(n)
    averages = np.sort((x[rows] + x[columns]) / 2)
    w = int(min((averages <= 0).sum(), (averages >= 0).sum()))
    p = min(1.0, 2 * lower_tail(w, n))
    k = critical(n, alpha / 2)
    low, high = (averages[k], averages[-1 - k]) if k >= 0 else (-math.inf, math.inf)
    return Interval(float(np.median(averages)), float(low), float(high), p, n)


def holm(p_values):
    """Adjusted p, in the same order: each may be held against alpha by itself."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, worst = [1.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        worst = max(worst, min(1.0, (len(order) - rank) * p_values[i]))
        adjusted[i] = worst
    return adjusted


def fewest_rounds(cells, alpha):
    """With fewer than these not even one sign for all samples would decide a cell."""
    return math.ceil(1 - math.log2(alpha / max(cells, 1)))


@dataclass(frozen=True)
class Judged:
    interval: Interval
    adjusted_p: float
    verdict: str


def verdict_of(interval, adjusted_p, margin, alpha):
    """@margin: a log ratio."""
    if -margin < interval.low and interval.high < margin:
        return SAME
    beyond = interval.low > 0 or interval.high < 0
    if beyond and adjusted_p <= alpha and abs(interval.estimate) > margin:
        return SLOWER if interval.estimate > 0 else FASTER
    return INCONCLUSIVE


def judge(samples, margin, alpha):
    """@samples: cell -> log ratios. Returns cell -> Judged."""
    intervals = {cell: paired(x, alpha) for cell, x in samples.items()}
    adjusted = holm([i.p for i in intervals.values()])
    return {cell: Judged(i, p, verdict_of(i, p, margin, alpha))
            for (cell, i), p in zip(intervals.items(), adjusted)}


def looks_of(rounds, cells, alpha, looks):
    """
    After which rounds to look at what there is: at most @looks times, evenly, and not
    before a decision is possible. Each look gets an even share of @alpha, so that
    all of them together are wrong no oftener than one look at the end would be.
    """
    first = max(math.ceil(rounds / looks), fewest_rounds(cells, alpha / looks))
    return sorted({min(rounds, max(first, math.ceil(rounds * i / looks)))
                   for i in range(1, looks + 1)})
