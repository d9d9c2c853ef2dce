# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
What a handful of noisy measurements, taken in pairs, allow to be said.

A sample is the logarithm of NEW over BASE within one round. The order within a round is
drawn by lot, so that between two that are alike samples are symmetric about 0, however
the machine drifts. Their tails are heavy: some run, of either side, met whoever else was
busy. So it is a paired t-test on trimmed means: a fifth of the samples at either end
counts as no more than the next one inwards (Tukey and McLaughlin; Yuen).

Chosen by simulation over noise recorded on a busy machine, beside Student's t and the
signed-rank test with the interval of Hodges and Lehmann: after 12 rounds its interval was
half as wide as either's, and held the truth no less often than it says; so it was with
heavy tails and spikes made up, while the others are a little narrower where the
noise is plain (tests/test_compare_stats.py has that simulation).
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

SAME, FASTER, SLOWER, INCONCLUSIVE = "SAME", "FASTER", "SLOWER", "INCONCLUSIVE"
TRIMMED = 0.2  # at either end
FEWEST_ROUNDS = 9  # seven samples that count in full


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


def paired(samples, alpha):
    """The estimate, its interval at 1 - @alpha, and p of a difference that is 0."""
    x = np.sort(np.asarray(samples, dtype=float))
    n = len(x)
    if n < FEWEST_ROUNDS:
        return Interval(float(np.median(x)) if n else 0.0, -math.inf, math.inf, 1.0, n)
    cut = int(TRIMMED * n)
    kept = n - 2 * cut
    mean = float(x[cut:n - cut].mean())
    winsorized = np.clip(x, x[cut], x[n - cut - 1])
    error = math.sqrt(((winsorized - winsorized.mean()) ** 2).sum() / (kept * (kept - 1)))
    half = float(stdtrit(kept - 1, 1 - alpha / 2)) * error
    if error:
        p = 2 * float(stdtr(kept - 1, -abs(mean) / error))
    else:
        p = 0.0 if mean else 1.0
    return Interval(mean, mean - half, mean + half, p, n)


def holm(p_values):
    """Adjusted p, in the same order: each may be held against alpha by itself."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, worst = [1.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        worst = max(worst, min(1.0, (len(order) - rank) * p_values[i]))
        adjusted[i] = worst
    return adjusted


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


def looks_of(rounds, looks):
    """
    After which rounds to look at what there is: at most @looks times, evenly, and not
    before anything can be said. Each look gets an even share of the error allowed, so that
    all of them together are wrong no oftener than one look at the end would be.
    """
    return sorted({min(rounds, max(FEWEST_ROUNDS, math.ceil(rounds * i / looks)))
                   for i in range(1, looks + 1)})
