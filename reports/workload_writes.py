# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a workload writes: where, how fast, and what leaves of each size would report of it."""

from dataclasses import dataclass

import numpy as np

from workload_ways import LEAVES

PAGE = 4096
SLICES = 240  # of the time
ROWS = 160  # of the addresses
MERGED = [1, 4, 20, 60, 240]  # slices in an interval
FOCUS = 16  # what is written lies in less than one part in so many: only that is shown


@dataclass
class Recording:
    """A trace: its head, and its writes as arrays, in the order of time."""

    name: str
    origin: str
    pattern: bool
    iova: int
    length: int
    devices: int
    ns: int  # when it is over
    reads: int
    time: np.ndarray
    begin: np.ndarray  # of the first byte, from the memory's beginning
    size: np.ndarray


@dataclass
class Slice:
    """What was written in a part of the time."""

    ns: int  # when it begins
    writes: int
    size: int  # bytes
    pages: np.ndarray  # their numbers from the memory's beginning, each once
    working_set: int  # pages written so far

    @property
    def distinct(self):
        return len(self.pages)


@dataclass
class Interval:
    """All intervals of one length: what leaves of each size would report of them."""

    ns: float
    written: int  # pages, summed
    ratio: dict  # leaf -> pages reported / written; None: nothing was written


@dataclass
class Writes:
    recording: Recording
    slice_ns: float
    slices: list
    heat: np.ndarray  # [row of addresses, slice]: bytes
    low: int  # what the rows are of, from the memory's beginning
    high: int
    leaves: list
    over_time: dict  # leaf -> a ratio a slice
    intervals: list

    @property
    def working_set(self):
        return self.slices[-1].working_set

    def rate(self, s):
        """Bytes of distinct pages a second."""
        return s.distinct * PAGE / self.slice_ns * 1e9

    @property
    def mean_rate(self):
        return sum(map(self.rate, self.slices)) / len(self.slices)


def pages_of(begin, size):
    """(number of the page, bytes) of each page that each write has a byte in."""
    first, last = begin // PAGE, (begin + size - 1) // PAGE
    n = last - first + 1
    start = np.cumsum(n) - n
    page = np.repeat(first - start, n) + np.arange(n.sum())
    bytes_in = np.minimum(np.repeat(begin + size, n), (page + 1) * PAGE) - np.maximum(
        np.repeat(begin, n), page * PAGE)
    return page, bytes_in


def reported(pages, leaf):
    """Pages in all leaves that have one of @pages; the first leaf begins where memory does."""
    return len(np.unique(pages // (leaf // PAGE))) * (leaf // PAGE)


def ratio(pages, leaf):
    return reported(pages, leaf) / len(pages) if len(pages) else None


def focus(recording):
    """(low, high) of what is shown: all memory, or where writes lie if that is little."""
    if not len(recording.begin):
        return 0, recording.length
    first = int(recording.begin.min()) // PAGE * PAGE
    last = -(-int((recording.begin + recording.size).max()) // PAGE) * PAGE
    if (last - first) * FOCUS >= recording.length:
        return 0, recording.length
    room = max((last - first) // 16, PAGE)
    return max(0, first - room), min(recording.length, last + room)


def intervals(slices, slice_ns, leaves):
    made = []
    for n in [n for n in MERGED if n <= len(slices)]:
        groups = [np.unique(np.concatenate([s.pages for s in slices[i:i + n]]))
                  for i in range(0, len(slices), n)]
        written = sum(map(len, groups))
        made.append(Interval(n * slice_ns, written, {
            leaf: sum(reported(g, leaf) for g in groups) / written if written else None
            for leaf in leaves}))
    return made


def analyse(recording):
    slice_ns = recording.ns / SLICES
    low, high = focus(recording)
    edges = np.searchsorted(recording.time, np.arange(1, SLICES) * slice_ns)
    heat = np.zeros((ROWS, SLICES))
    seen = np.array([], dtype=np.int64)
    slices = []
    for i, part in enumerate(np.split(np.arange(len(recording.time)), edges)):
        begin, size = recording.begin[part], recording.size[part]
        page, bytes_in = pages_of(begin, size)
        row = (page * PAGE - low) * ROWS // (high - low)
        heat[:, i] = np.bincount(row, bytes_in, ROWS)
        pages = np.unique(page)
        seen = np.union1d(seen, pages)
        slices.append(Slice(int(i * slice_ns), len(part), int(size.sum()), pages, len(seen)))
    leaves = [leaf for leaf in LEAVES if recording.length % leaf == 0]
    return Writes(recording, slice_ns, slices, heat, low, high, leaves,
                  {leaf: [ratio(s.pages, leaf) for s in slices] for leaf in leaves},
                  intervals(slices, slice_ns, leaves))
