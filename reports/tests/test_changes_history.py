# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What of a store goes into which series and which line of verdicts; by a store made by hand."""

import sys
import unittest
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

from changes_history import benchmark_changes, conformance_changes  # noqa: E402
from history_store import Measures  # noqa: E402
from model import VERDICTS  # noqa: E402


class Store:
    """Runs 100 and up; every other one of kernel 7.2.1; ratios 10, 5 there; 30 % more in 6.12
    from run 140 on. The time of all is 20 % more from run 120 on."""

    COUNT = 80

    def runs(self):
        return [{"number": 100 + i, "id": f"r{i}", "target": "linux", "argument": None,
                 "kernel": "7.2.1" if i % 2 else f"6.12.{i}",
                 "outcomes": "none" if i % 4 == 3 else "bad" if i in (41, 42) or i > 60 else "good"}
                for i in range(self.COUNT)]

    def series(self):
        where = {"target": "linux", "argument": None, "machine": "x86_64", "cpu": "", "host": "h",
                 "name": "harvest/x"}
        return [{"number": 5, "metric": "x_floor", **where},
                {"number": 6, "metric": "ns_per_iopte", **where}]

    def all_measures(self):
        i = np.arange(self.COUNT)
        ratio = np.where(i % 2, 5.0, 10.0) * np.where((i % 2 == 0) & (i >= 40), 1.3, 1)
        time = np.where(i >= 20, 1.2, 1.0)
        nothing = np.full(self.COUNT, np.nan)
        return {number: Measures(100 + i, values, nothing, nothing, i * 0 + 25)
                for number, values in ((5, ratio), (6, time))}

    def all_outcomes(self):
        good, bad = (np.array([VERDICTS.index(v)], dtype=np.int8) for v in ("PASS", "FAIL"))
        return [("A-1", "mock")], {"good": good, "bad": bad,
                                   "none": np.array([-1], dtype=np.int8)}


class HistoryTest(unittest.TestCase):
    def test_kernels_are_apart_and_a_time_alone_is_no_event(self):
        series, events = benchmark_changes(Store())
        self.assertEqual([(s.key, s.runs[:2], len(s.values)) for s in series], [
            ((5, "6.12"), ("r0", "r2"), 40), ((5, "7.2"), ("r1", "r3"), 40),
            ((6, "6.12"), ("r0", "r2"), 40), ((6, "7.2"), ("r1", "r3"), 40)])
        self.assertEqual([[s.runs[c.index] for c in s.changes] for s in series],
                         [["r40"], [], ["r20"], ["r21"]])
        self.assertEqual([(e.run, [key for key, _ in e.members]) for e in events],
                         [("r40", [(5, "6.12")])])

    def test_verdicts(self):
        """Run 41, of 7.2, is between 37 and 45, since 39 and 43 say nothing."""
        seen = conformance_changes(Store())
        self.assertEqual({line: [(e.kind, e.run, e.open) for e in events]
                          for line, events in seen.items()},
                         {("linux", None, "6.12"): [("FLAKE", "r42", False),
                                                    ("REGRESSION", "r62", True)],
                          ("linux", None, "7.2"): [("FLAKE", "r41", False),
                                                   ("REGRESSION", "r61", True)]})


if __name__ == "__main__":
    unittest.main()
