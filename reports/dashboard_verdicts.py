# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Verdicts of a history, as the dashboard's matrix and its histories of cells need them.

A *cell* is a requirement with a format, or with "-"; a *state* is a verdict for each cell, one
character of it, "." where none was seen. A line's state is what each of its cells showed when it
was tried last, so that a run of a few requirements takes nothing from the others.
"""

from itertools import groupby

import numpy as np

from changes import verdict_changes
from history_store import LETTERS
from model import BAD, MEANING, ONCE, SYMBOLS, VERDICTS

NONE = "."
NAMES = {ord(code): verdict for verdict, code in LETTERS.items()}
UNSEEN = ord(NONE)
# As in the report of a package.
BAD_CODES = [ord(LETTERS[v]) for v in BAD]


def verdict_table():
    """For the pages, the worst first."""
    return [{"code": LETTERS[v], "name": v, "symbol": SYMBOLS[v], "meaning": MEANING[v],
             "bad": v in BAD} for v in VERDICTS]


class LineStates:
    """The states of a line's runs: the first, the last, and where cells changed between."""

    def __init__(self, runs, states):
        self.runs = runs
        self.shown = np.stack(states)
        self.first = self.shown[0]
        self.state = self.first.copy()
        self.steps = []  # (run, cell, the verdict's code)
        for run, shown in zip(runs[1:], self.shown[1:]):
            here = shown != UNSEEN
            changed = np.flatnonzero(here & (shown != self.state))
            self.steps += [(run, cell, int(shown[cell])) for cell in changed.tolist()]
            self.state[here] = shown[here]

    def history(self, cell):
        """Pairs of run and verdict, of those that tried it."""
        column = self.shown[:, cell]
        return [(self.runs[i], NAMES[column[i]]) for i in np.flatnonzero(column != UNSEEN)]

    def changes(self, failing):
        """Cell -> its VerdictChanges, of those that have any; @failing: is a state's bad?"""
        cells = {cell for _, cell, _ in self.steps}
        cells.update(np.flatnonzero(failing(self.state)).tolist())
        found = {cell: verdict_changes(ends(self.history(cell))) for cell in sorted(cells)}
        return {cell: changes for cell, changes in found.items() if changes}


def ends(history):
    """The first and the last of each row of equal verdicts: whether one run or several showed
    it is all that matters, and a row may be long."""
    for _, group in groupby(history, key=lambda pair: pair[1]):
        first, *rest = group
        yield first
        yield from rest[-1:]


class Verdicts:
    """@rows, @outcomes: History.all_outcomes(); @texts: requirements, by id."""

    def __init__(self, lines, rows, outcomes, texts):
        self.lines, self.texts = lines, texts
        self.requirements = sorted({requirement for requirement, _ in rows})
        formats = {fmt for _, fmt in rows}
        self.formats = [ONCE] * (ONCE in formats) + sorted(formats - {ONCE})
        number = {r: i * len(self.formats) for i, r in enumerate(self.requirements)}
        column = {f: i for i, f in enumerate(self.formats)}
        places = [number[requirement] + column[fmt] for requirement, fmt in rows]
        letters = np.array([ord(LETTERS[v]) for v in VERDICTS] + [UNSEEN], dtype=np.uint8)
        self.states = {}
        for digest, codes in outcomes.items():
            state = np.full(len(self.requirements) * len(self.formats), UNSEEN, dtype=np.uint8)
            state[places] = letters[codes]  # -1, of a row that it lacks, is the last
            self.states[digest] = state
        self.by_line, self.changes = {}, {}
        for line in lines.all:
            runs = [i for i in line.runs if lines.runs[i]["totals"]]
            if runs:
                states = LineStates(runs, [self.states[lines.runs[i]["outcomes"]] for i in runs])
                self.by_line[line.index] = states
                self.changes[line.index] = states.changes(lambda s: np.isin(s, BAD_CODES))

    def cell(self, index):
        """Requirement and format."""
        r, f = divmod(index, len(self.formats))
        return self.requirements[r], self.formats[f]

    def text(self, requirement):
        return self.texts.get(requirement, {})

    def judges(self, requirement, verdict):
        """Is it wrong that it shows this verdict?"""
        return verdict in BAD and not (
            verdict == "FAIL" and self.text(requirement).get("class") == "informative")

    def state_text(self, state):
        return state.tobytes().decode("ascii")
