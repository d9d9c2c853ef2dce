# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Since when a requirement fails: verdicts in the order of runs, and what turned in them.

Callers owe runs of one target and one kernel_line(). A verdict that is another one for a
single run, and then as before, is a flake. What lasts for two runs, or is so in the last one,
is a change. Runs that say nothing of a requirement (another selection, NOT_RUN) are passed
over.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from model import BAD, VERDICTS

REGRESSION = "REGRESSION"  # fails, and was good when last judged
FAILING = "FAILING"  # fails since it was first judged
FLAKE = "FLAKE"  # failed once, or passed once, between others that agree
COVERAGE = "COVERAGE"  # is not judged any more, or now is

_GOOD, _FAILS, _ABSENT, _NOTHING = "good", "fails", "absent", None
_CLASS = {v: _NOTHING if v == "NOT_RUN" else _FAILS if v in BAD else
          _ABSENT if v in ("SKIP", "NOT_CAPABLE") else _GOOD for v in VERDICTS}
_CLASS[None] = _NOTHING


@dataclass
class VerdictChange:
    kind: str
    run: object  # the first with the new verdict
    before: str  # the verdict in the run before it; None if there was none
    verdict: str
    until: object = None  # the first run that is good, or as before, again; None: it goes on
    runs: int = 0  # that showed it; of one run that goes on nobody knows yet if it is a flake


@dataclass(frozen=True)
class VerdictEvent:
    """All that turned in one run in one way: by one cause, presumably."""

    kind: str
    run: object
    members: tuple  # pairs of (requirement, format) and its VerdictChange

    @property
    def open(self):
        return any(change.until is None for _, change in self.members)


def kernel_line(release):
    """6.12 of 6.12.94-amd64: what gets nothing but fixes is one line."""
    return ".".join(re.findall(r"\d+", release)[:2]) or release


def verdict_changes(history):
    """Of pairs (run, verdict) in order, of one requirement in one format: what changed."""
    judged = [(run, verdict) for run, verdict in history if _CLASS[verdict]]
    stretches = [(cls, list(pairs)) for cls, pairs in groupby(judged, lambda p: _CLASS[p[1]])]
    changes, failure = [], None  # the one that goes on
    level, last_judged, before = None, None, None
    for i, (cls, pairs) in enumerate(stretches):
        run, verdict = pairs[0]
        if level and cls != level:
            coverage = _ABSENT in (cls, level)
            passing = (len(pairs) == 1 and i + 1 < len(stretches)
                       and stretches[i + 1][0] == level)
            if coverage or passing:
                changes.append(VerdictChange(
                    COVERAGE if coverage else FLAKE, run, before, verdict,
                    stretches[i + 1][1][0][0] if passing else None, len(pairs)))
            if passing:
                continue
        if cls == _FAILS and failure is None:
            failure = VerdictChange(REGRESSION if last_judged else FAILING, run, before, verdict)
            changes.append(failure)
        elif cls == _GOOD and failure:
            failure.until = run
            failure = None
        if failure and cls == _FAILS:
            failure.runs += len(pairs)
        level, before = cls, pairs[-1][1]
        if cls != _ABSENT:
            last_judged = cls
    return changes


def verdict_events(runs, rows, outcomes):
    """
    What changed in all requirements and formats, the oldest first. @runs: pairs of a run and
    the digest of its outcomes, in order; @rows, @outcomes: as History.all_outcomes() gives them.
    """
    digests = list(dict.fromkeys(digest for _, digest in runs))
    if not digests:
        return []
    table = np.stack([outcomes[digest] for digest in digests])
    fails = np.isin(table, [VERDICTS.index(v) for v, cls in _CLASS.items() if cls == _FAILS])
    telling = np.flatnonzero((table != table[0]).any(axis=0) | fails.any(axis=0))
    where = {digest: i for i, digest in enumerate(digests)}
    lines = [where[digest] for _, digest in runs]
    order = {run: i for i, (run, _) in enumerate(runs)}
    events = defaultdict(list)
    for column in telling:
        codes = table[lines, column].tolist()
        history = ((run, VERDICTS[code] if code >= 0 else None)
                   for (run, _), code in zip(runs, codes))
        for change in verdict_changes(history):
            events[change.run, change.kind].append((tuple(rows[column]), change))
    return [VerdictEvent(kind, run, tuple(members)) for (run, kind), members
            in sorted(events.items(), key=lambda e: (order[e[0][0]], e[0][1]))]
