# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Where in a series of noisy measurements a level may end: the statistics below changes.py.

Of many stretches of the series (seeded intervals: Kovacs, Buehlmann, Li and Munk 2023; the
same each time, nothing is drawn by lot) each is asked for the split that divides it best. The
measure is a sum of normal scores (van der Waerden): like a rank sum it does not mind how noise
is distributed or how far out an outlier lies, and its tail is close to the normal one even with
five runs on one side, so that a change is noticed early. How likely the best of all splits
would be without a change is the bound of Miller and Siegmund (1982) for maximally selected
statistics.

Runs that follow one another are not independent: a machine is busy for a while. So the
variance of a sum is taken as that many times larger as the residuals' autocorrelation says
(Bartlett's weights: Newey and West 1987).
"""

import math

import numpy as np
from scipy.special import ndtri

SHORTEST = 5  # runs that a level lasts at least
DECAY = 1 / math.sqrt(2)  # from the length of one layer of intervals to the next
LAGS = 10  # over which runs are taken to be dependent; half the root, in a long series
PIECE = 40  # runs in each of the pieces that a series' dependence is first judged by
NOTHING = 1e-9  # less than any square of a score that is not 0 but for rounding


def scores(rows):
    """Normal scores of the ranks within each row, less their mean; ties share a rank."""
    length = rows.shape[1]
    order = np.argsort(rows, axis=1)
    ordered = np.take_along_axis(rows, order, 1)
    first = np.ones(rows.shape, dtype=bool)
    first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    starts = np.flatnonzero(first)
    sizes = np.diff(np.append(starts, first.size))
    twice_rank = 2 * (starts % length) + 1 + sizes
    table = ndtri(np.arange(2 * length + 1) / (2 * length + 2))
    group = np.cumsum(first.ravel()) - 1
    result = np.empty(rows.shape)
    np.put_along_axis(result, order, table[twice_rank][group].reshape(rows.shape), 1)
    return result - result.mean(axis=1, keepdims=True)


def standardized(score):
    """Of each row and each split k (1 to length - 1): the sum before it over its deviation."""
    length = score.shape[1]
    k = np.arange(1, length)
    variance = (score ** 2).sum(axis=1, keepdims=True) / (length - 1) * k * (length - k) / length
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.cumsum(score, axis=1)[:, :-1] / np.sqrt(variance)
    return np.where(variance > 0, z, 0.0)


def dependence(residual, means):
    """
    Of each row: how many times larger the variance of a sum is than if the runs were
    independent. @residual: less the means of so many stretches, which have taken a part along.
    """
    length = residual.shape[1]
    lags = min(max(LAGS, math.isqrt(length) // 2), length // 8)
    power = (residual ** 2).sum(axis=1)
    total = np.ones(len(residual))
    for lag in range(1, lags + 1):
        product = (residual[:, lag:] * residual[:, :-lag]).sum(axis=1)
        total += 2 * (1 - lag / (lags + 1)) * product / np.maximum(power, NOTHING)
    total = np.where(power > NOTHING, total, 0)
    return np.maximum(1.0, total / max(0.5, 1 - means * (lags + 1) / length))


def less_means(score, split):
    """Of each row: less the mean on either side of its split."""
    after = np.arange(score.shape[1]) >= split[:, None]
    share = after.sum(axis=1)
    high = (score * after).sum(axis=1) / share
    low = (score * ~after).sum(axis=1) / (score.shape[1] - share)
    return score - np.where(after, high[:, None], low[:, None])


def dependence_between(x, edges):
    """Of a series, of whose levels each lasts from one of @edges to the next."""
    noise = np.concatenate([x[a:b] - np.median(x[a:b]) for a, b in zip(edges, edges[1:])])
    return float(dependence(scores(noise[None, :]), len(edges) - 1)[0])


def tail(z, length):
    """At most how likely some split of @length runs would reach @z, were there no change."""
    edge = SHORTEST / length
    if z <= 1.5:
        return 1.0
    density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return min(1.0, density * ((z - 1 / z) * 2 * math.log((1 - edge) / edge) + 4 / z))


def starts_of(n):
    """Pairs of a length and the starts of the intervals that have it, the longest first."""
    length, layer = float(n), 0
    while length >= 2 * SHORTEST + 1:
        whole = math.ceil(length)
        count = 1 if layer == 0 else 2 * math.ceil(n / length) - 1
        yield whole, np.unique(np.linspace(0, n - whole, count).astype(int))
        layer += 1
        length *= DECAY


class Scan:
    """All intervals of a series: start, end, best split (both within the series), and z."""

    def __init__(self, values):
        found = []
        self.dependence, self.layers = 1.0, 0
        judged = min(len(values), PIECE)
        for length, starts in starts_of(len(values)):
            self.layers += 1
            rows = np.lib.stride_tricks.sliding_window_view(values, length)[starts]
            score = scores(rows)
            z = np.abs(standardized(score))[:, SHORTEST - 1:length - SHORTEST]
            best = z.argmax(axis=1)
            found.append((starts, starts + length, starts + best + SHORTEST,
                          z[np.arange(len(z)), best]))
            if length >= judged:  # the last that is so long stays
                residual = less_means(score, best + SHORTEST)
                self.dependence = float(np.median(dependence(residual, 2)))
        self.start, self.end, self.split, self.z = (np.concatenate(column)
                                                    for column in zip(*found))


def at(values, split):
    """z of a split that is known."""
    return abs(float(standardized(scores(values[None, :]))[0, split - 1]))


def best(values):
    """The best split, and its z."""
    z = np.abs(standardized(scores(values[None, :])))[0, SHORTEST - 1:len(values) - SHORTEST]
    return int(z.argmax()) + SHORTEST, float(z.max())


# ---- which run exactly ----

def place(x, split):
    """
    The likeliest first run of the new level within @x, which has one change, near @split; the
    first run that it may be, with 95 %, and how likely it is that one and each that follows.
    By the density of the noise as it is here, whatever its shape (a kernel estimate, of which
    a run's own part is left out), and which is nowhere 0, so that no outlier decides.
    """
    for _ in range(3):
        levels = np.median(x[:split]), np.median(x[split:])
        own = np.arange(len(x)) >= split
        density = Density(x - np.where(own, levels[1], levels[0]), abs(levels[1] - levels[0]))
        gain = density(x - levels[0], ~own) - density(x - levels[1], own)
        total = np.cumsum(gain)[:-1]
        likeliest = int(total.argmax()) + 1
        if likeliest == split:
            break
        split = likeliest
    weight = np.exp(total - total.max())
    weight /= weight.sum()
    first, last = np.searchsorted(np.cumsum(weight), [0.025, 0.975])
    return split, int(first) + 1, weight[first:last + 1]


class Density:
    """Of @noise, on a grid; @step is what it has to tell apart."""

    ANYWHERE = 0.02  # the part of it that may lie anywhere
    CELLS = 2048

    def __init__(self, noise, step):
        # What lies farther out than the outermost of these says nothing about a step.
        low, first, third, high = np.quantile(noise, [0.02, 0.25, 0.75, 0.98])
        spread = min(noise.std(), (third - first) / 1.34) or noise.std()
        width = max(0.9 * spread * len(noise) ** -0.2, step / 50)
        self.low, high = low - 2 * step - 4 * width, high + 2 * step + 4 * width
        counts, edges = np.histogram(noise, self.CELLS, (self.low, high))
        self.cell = edges[1] - edges[0]
        reach = max(1, math.ceil(4 * width / self.cell))
        kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * self.cell / width) ** 2)
        kernel /= kernel.sum() * len(noise)
        self.own = kernel[reach]
        self.smooth = np.convolve(counts, kernel, "full")[reach:-reach]

    def __call__(self, x, own):
        """Logarithms; @own: of which of them a kernel is in here."""
        index = np.floor((x - self.low) / self.cell)
        inside = (index >= 0) & (index < self.CELLS)
        others = self.smooth[np.where(inside, index, 0).astype(int)] * inside - self.own * own
        others = np.maximum(others, 0)
        return np.log((1 - self.ANYWHERE) * others + self.ANYWHERE / self.CELLS)
