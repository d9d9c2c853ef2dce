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
LAGS = 10  # over which runs are taken to be dependent
PIECE = 64  # runs in each of the pieces that a series' dependence is judged by


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


def dependence(score, split):
    """
    Of each row: how many times larger the variance of a sum is than if the runs were
    independent. @split: of each row; the mean on either side is not noise.
    """
    rows, length = score.shape
    lags = min(LAGS, length // 8)
    after = np.arange(length) >= split[:, None]
    share = after.sum(axis=1)
    high = (score * after).sum(axis=1) / share
    low = (score * ~after).sum(axis=1) / (length - share)
    residual = score - np.where(after, high[:, None], low[:, None])
    power = (residual ** 2).sum(axis=1)
    total = np.ones(rows)
    for lag in range(1, lags + 1):
        product = (residual[:, lag:] * residual[:, :-lag]).sum(axis=1)
        total += 2 * (1 - lag / (lags + 1)) * np.divide(product, power, where=power > 0,
                                                        out=np.zeros(rows))
    # Each of the two means that were taken off has taken some of it along.
    return np.maximum(1.0, total / (1 - 2 * (lags + 1) / length))


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
        self.dependence = 1.0
        judged = min(len(values), PIECE)
        for length, starts in starts_of(len(values)):
            rows = np.lib.stride_tricks.sliding_window_view(values, length)[starts]
            score = scores(rows)
            z = np.abs(standardized(score))[:, SHORTEST - 1:length - SHORTEST]
            best = z.argmax(axis=1)
            found.append((starts, starts + length, starts + best + SHORTEST,
                          z[np.arange(len(z)), best]))
            if length >= judged:  # the last that is so long stays
                self.dependence = float(np.median(dependence(score, best + SHORTEST)))
        self.start, self.end, self.split, self.z = (np.concatenate(column)
                                                    for column in zip(*found))

    def __len__(self):
        return len(self.z)


def at(values, split):
    """z, and the dependence, of a split that is known."""
    score = scores(values[None, :])
    return (abs(float(standardized(score)[0, split - 1])),
            float(dependence(score, np.array([split]))[0]))


# ---- which run exactly ----

def place(x, split):
    """
    The likeliest first run of the new level within @x, which has one change, near @split; the
    first run that it may be, with 95 %, and how likely it is that one and each that follows.
    By the density of the noise as it is here, whatever its shape (a kernel estimate), of
    which a part is taken to be able to lie anywhere, so that no outlier decides.
    """
    for _ in range(3):
        before, after = x[:split], x[split:]
        levels = np.median(before), np.median(after)
        noise = np.concatenate([before - levels[0], after - levels[1]])
        density = Density(noise, abs(levels[1] - levels[0]))
        gain = np.log(density(x - levels[0]) / density(x - levels[1]))
        total = np.cumsum(gain)[SHORTEST - 1:len(x) - SHORTEST]
        best = int(total.argmax()) + SHORTEST
        if best == split:
            break
        split = best
    weight = np.exp(total - total.max())
    weight /= weight.sum()
    first, last = np.searchsorted(np.cumsum(weight), [0.025, 0.975])
    return split, int(first) + SHORTEST, weight[first:last + 1]


class Density:
    """Of @noise, on a grid; @step is what it has to tell apart."""

    ANYWHERE = 0.02
    CELLS = 2048

    def __init__(self, noise, step):
        quartiles = np.quantile(noise, [0.25, 0.75])
        spread = min(noise.std(), (quartiles[1] - quartiles[0]) / 1.34) or noise.std()
        width = max(0.9 * spread * len(noise) ** -0.2, step / 50)
        low, high = noise.min() - step - 4 * width, noise.max() + step + 4 * width
        counts, edges = np.histogram(noise, self.CELLS, (low, high))
        cell = edges[1] - edges[0]
        reach = max(1, math.ceil(4 * width / cell))
        kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * cell / width) ** 2)
        smooth = np.convolve(counts, kernel / kernel.sum(), "full")[reach:-reach]
        self.value = ((1 - self.ANYWHERE) * smooth / smooth.sum()
                      + self.ANYWHERE / self.CELLS)
        self.low, self.cell = low, cell

    def __call__(self, x):
        index = ((x - self.low) / self.cell).astype(int)
        return self.value[np.clip(index, 0, self.CELLS - 1)]
