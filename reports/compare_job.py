# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
One comparison: rounds of short runs, what they come to, and when to stop.

A round is BASE, NEW, and BASE again, in an order drawn by lot. "Again" is judged as if it
were NEW: where that finds a difference there is none to be found, and the whole job says
nothing. Looked at in between, an even share of the error allowed is spent on each look.
"""

import math
import random
import time
from dataclasses import dataclass, field

import compare_stats as stats
from compare_run import SideError
from compare_stats import FASTER, INCONCLUSIVE, SAME, SLOWER
from model import ReportError

MISSING, ERROR = "MISSING", "ERROR"
BASE, NEW, AGAIN = ARMS = ("base", "new", "again")
CONFIDENCE = 0.95
LOOKS = 3
COUNT_MARGIN = 0.02
NO_COUNTS = "--counts is unknown to it"


@dataclass
class Options:
    only: list
    rounds: int
    seconds: float
    margin: float  # a ratio beyond 1
    seed: int
    metric: str
    target: list = field(default_factory=list)  # -t TARGET
    repetitions: int = 25  # of a run
    counts: bool = True

    @property
    def arguments(self):
        """Of each run."""
        return [*self.target, *(word for glob in self.only for word in ("--only", glob)),
                "--repetitions", str(self.repetitions)]


@dataclass
class Count:
    """One counter of one name on both sides."""

    name: str
    counter: str
    base: float
    new: float

    @property
    def ratio(self):
        if self.base:
            return self.new / self.base
        return math.inf if self.new else 1.0

    @property
    def verdict(self):
        """Nothing is drawn by lot here: a count has no interval."""
        if self.ratio > 1 + COUNT_MARGIN:
            return "WORSE"
        return "BETTER" if self.ratio < 1 - COUNT_MARGIN else SAME


class Job:
    """job.run(), then what it came to. @tell is called after each round."""

    def __init__(self, base, new, options, say, tell=lambda job: None):
        self.base, self.new, self.options = base, new, options
        self.say, self.tell = say, tell
        self.orders, self.samples = [], {}  # cell -> arm -> figures, one a round
        self.missing = []  # cells that only BASE has
        self.added = []  # cells that only NEW has
        self.counts, self.counts_missing, self.counts_note = [], [], "not asked for"
        self.error, self.error_side, self.error_wrong = "", "", False
        self.interrupted = self.complete = False
        self.seconds, self.looks, self.looked = 0.0, [], []
        self.cells, self.control = {}, {}  # cell -> Judged: NEW, and BASE again

    # ---- measuring ----

    def run(self):
        """Whatever ends it, what was measured until then is judged."""
        started = time.monotonic()
        try:
            self._run(started)
        except SideError as error:
            self.error, self.error_side = str(error), error.side
            self.error_wrong = error.wrong
        except KeyboardInterrupt:
            self.interrupted = True
        self.seconds = time.monotonic() - started
        self.complete = not self.error and not self.interrupted
        if self.rounds not in self.looked:
            self._look()
        self.tell(self)
        return self

    def _run(self, started):
        sides = {BASE: self.base, NEW: self.new, AGAIN: self.base.again()}
        lot = random.Random(self.options.seed)
        counting = 0.0
        while self.rounds < self.options.rounds:
            self._round(sides, lot)
            if self.rounds == 1 and self.options.counts:
                counting = -time.monotonic()
                self._count()
                counting += time.monotonic()
            self.seconds = time.monotonic() - started
            self.tell(self)
            spent = self.seconds - counting
            last = spent * (1 + 1 / self.rounds) > self.options.seconds
            if (last or self.rounds in self.looks) and self._look() or last:
                return

    def _round(self, sides, lot):
        order = list(ARMS)
        lot.shuffle(order)
        figures = {arm: sides[arm].measure(self.options.arguments, self.options.metric)
                   for arm in order}
        if not self.orders:
            self._first(figures)
        for arm, cells in figures.items():
            lost = [c for c in self.samples if c not in cells]
            if lost:
                raise SideError(sides[arm].name, f"{lost[0]} was there before, and is not now")
        for cell, arms in self.samples.items():
            for arm in ARMS:
                arms[arm].append(figures[arm][cell])
        self.orders.append(order)

    def _first(self, figures):
        """Which cells there are."""
        both = [c for c in figures[BASE] if c in figures[NEW]]
        self.missing = [c for c in figures[BASE] if c not in figures[NEW]]
        self.added = [c for c in figures[NEW] if c not in figures[BASE]]
        self.samples = {c: {arm: [] for arm in ARMS} for c in both}
        if not both:
            raise ReportError("BASE and NEW have no cell in common: "
                              f"{', '.join(self.missing[:2]) or 'none'} on one side, "
                              f"{', '.join(self.added[:2]) or 'none'} on the other")
        self.looks = stats.looks_of(self.options.rounds, LOOKS)
        if self.options.rounds < stats.FEWEST_ROUNDS:
            self.say(f"fewer than {stats.FEWEST_ROUNDS} rounds can show nothing")

    def _count(self):
        """Of the formats and the engines that are compared; on a side that is run as the other
        is, once."""
        parts = [cell.split("/") for cell in self.samples]
        parts = [p for p in parts if p[0] == "harvest" and len(p) > 8]
        arguments = list(self.options.target)
        for option, place in (("-f", 1), ("--engine", 8)):
            for word in dict.fromkeys(p[place] for p in parts):
                arguments += [option, word]
        for side in (self.base, self.new):
            if not side.knows("--counts"):
                self.counts_note = f"none: {side.name}: {NO_COUNTS}"
                self.say(f"counts are left out: {side.name}: {NO_COUNTS}")
                return
        if not parts:
            self.counts_note = "none: no harvest is among the cells"
            return
        self.say("counting instructions, entries, invalidations")
        try:
            base = self.base.counts(arguments)
        except SideError as error:
            self.counts_note = f"none: {error}"
            self.say(f"counts are left out: {error}")
            return
        new = base if self.new.program == self.base.program and not self.new.extra else \
            self.new.counts(arguments)
        self.counts = [Count(name, counter, value, new[name][counter])
                       for name, row in base.items() for counter, value in row.items()
                       if counter in new.get(name, {})]
        self.counts_missing = [f"{name} {counter}" for name, row in base.items()
                               for counter in row if counter not in new.get(name, {})]
        self.counts_note = f"{len(self.counts)} compared"

    # ---- judging ----

    @property
    def rounds(self):
        return len(self.orders)

    @property
    def alpha(self):
        """What each look may spend."""
        return (1 - CONFIDENCE) / LOOKS

    def ratios(self, arm):
        return {cell: [math.log(x / b) for x, b in zip(arms[arm], arms[BASE])]
                for cell, arms in self.samples.items()}

    def _look(self):
        """Judge; returns whether all is decided."""
        margin = math.log1p(self.options.margin)
        self.cells = stats.judge(self.ratios(NEW), margin, self.alpha)
        self.control = stats.judge(self.ratios(AGAIN), margin, self.alpha)
        self.looked.append(self.rounds)
        return not self.moved and all(c.verdict != INCONCLUSIVE for c in self.cells.values())

    def having(self, *verdicts):
        return [name for name, c in self.cells.items() if c.verdict in verdicts]

    @property
    def moved(self):
        """Cells in which BASE differs from itself."""
        return [n for n, c in self.control.items() if c.verdict in (FASTER, SLOWER)]

    @property
    def resolution(self):
        """The least change that would be seen in every cell: the widest interval of BASE
        against itself, half of it, as a ratio beyond 1."""
        widest = max((c.interval.half_width for c in self.control.values()), default=math.inf)
        return math.expm1(widest) if widest < 100 else math.inf

    @property
    def worse_counts(self):
        return [c for c in self.counts if c.verdict == "WORSE"]

    @property
    def verdict(self):
        """Of the whole: ERROR, SLOWER, INCONCLUSIVE, FASTER or SAME."""
        if self.error:
            return ERROR
        if self.worse_counts:
            return SLOWER
        if self.moved or not self.cells or self.interrupted:
            return INCONCLUSIVE
        if self.having(SLOWER):
            return SLOWER
        if self.having(INCONCLUSIVE) or self.missing or self.counts_missing:
            return INCONCLUSIVE
        return FASTER if self.having(FASTER) else SAME
