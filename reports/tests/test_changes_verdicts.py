# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Verdicts run by run, by hand: a letter a run."""

import sys
import unittest
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

from changes import kernel_line, verdict_changes, verdict_events  # noqa: E402
from model import VERDICTS  # noqa: E402

LETTER = {"P": "PASS", "F": "FAIL", "S": "SKIP", "-": "NOT_RUN", "x": "XFAIL", "X": "XPASS",
          "H": "HANG", "C": "CRASH", "n": "NOT_CAPABLE", " ": None}
NAMES = {"REGRESSION": "R", "FAILING": "F", "FLAKE": "flake", "COVERAGE": "coverage"}


def seen(letters):
    """Kind, first run, `until`, runs."""
    history = [(i, LETTER[letter]) for i, letter in enumerate(letters)]
    return [(NAMES[c.kind], c.run, c.until, c.runs) for c in verdict_changes(history)]


class OneRequirementTest(unittest.TestCase):
    def test_by_hand(self):
        for letters, expected in {
                "": [], "P": [], "PPPP": [], "SSSS": [], "xPxP": [],
                "PPPFFF": [("R", 3, None, 3)],
                "PPFFPP": [("R", 2, 4, 2)],
                "PPFFFPPFF": [("R", 2, 5, 3), ("R", 7, None, 2)],
                "PHCX": [("R", 1, None, 3)],
                "xxFF": [("R", 2, None, 2)],
                "FFxx": [("F", 0, 2, 2)],
                # one run
                "PPFPPP": [("flake", 2, 3, 1)],
                "PPF": [("R", 2, None, 1)],  # nobody knows yet
                "PFPFPFP": [("flake", 1, 2, 1), ("flake", 3, 4, 1), ("flake", 5, 6, 1)],
                "PPFPFFF": [("flake", 2, 3, 1), ("R", 4, None, 3)],
                "PFFPFFP": [("R", 1, 6, 4), ("flake", 3, 4, 1)],  # passed once
                "PFFPF": [("R", 1, None, 3), ("flake", 3, 4, 1)],
                "PFFP": [("R", 1, 3, 2)],
                # never good
                "FFFF": [("F", 0, None, 4)],
                "FFPP": [("F", 0, 2, 2)],
                "SSFF": [("coverage", 2, None, 2), ("F", 2, None, 2)],
                # coverage
                "PPSS": [("coverage", 2, None, 2)],
                "nnPP": [("coverage", 2, None, 2)],
                "PPSPP": [("coverage", 2, 3, 1)],
                "SSPSS": [("coverage", 2, 3, 1)],
                "SnSn": [],
                "PSSFF": [("coverage", 1, None, 2), ("coverage", 3, None, 2), ("R", 3, None, 2)],
                "PFFSSFF": [("R", 1, None, 4), ("coverage", 3, None, 2),
                            ("coverage", 5, None, 2)],
                "PFFSSPP": [("R", 1, 5, 2), ("coverage", 3, None, 2), ("coverage", 5, None, 2)],
                # runs that say nothing
                "P- -F F": [("R", 4, None, 2)],
                "PF-P": [("flake", 1, 3, 1)],
                "--": [], "-FF": [("F", 1, None, 2)],
        }.items():
            with self.subTest(letters):
                self.assertEqual(seen(letters), expected)

    def test_verdicts_told(self):
        (c,) = verdict_changes([("a", "PASS"), ("b", "XFAIL"), ("c", "HANG"), ("d", "FAIL")])
        self.assertEqual((c.run, c.before, c.verdict), ("c", "XFAIL", "HANG"))
        (c,) = verdict_changes([("a", "NOT_RUN"), ("b", "FAIL")])
        self.assertEqual((c.run, c.before, c.verdict), ("b", None, "FAIL"))
        c = verdict_changes(zip("abcdef", map(LETTER.get, "PFHPPF")))[0]
        self.assertEqual((c.kind, c.run, c.until), ("REGRESSION", "b", "d"))

    def test_kernel_line(self):
        for release, line in (("6.12.94-amd64", "6.12"), ("7.2.0-rc3", "7.2"), ("6.1", "6.1"),
                              ("6.18.44-fc-v657", "6.18"), ("mine", "mine"), ("", "")):
            self.assertEqual(kernel_line(release), line)


class AllTest(unittest.TestCase):
    ROWS = [("A-1", "amd-v1"), ("A-1", "mock"), ("A-2", "-"), ("B-1", "mock")]

    def events(self, *runs):
        """Each a word of four letters; runs with the same word share a digest."""
        outcomes = {word: np.array([VERDICTS.index(LETTER[x]) if LETTER[x] else -1 for x in word],
                                   dtype=np.int8) for word in runs}
        return [(NAMES[e.kind], e.run, [row for row, _ in e.members], e.open) for e in
                verdict_events(list(enumerate(runs)), self.ROWS, outcomes)]

    def test_what_turns_at_once_is_one_event(self):
        self.assertEqual(self.events("PPPP", "PPPP", "PFFP", "PFFP", "PFFF", "PFFF"), [
            ("R", 2, [("A-1", "mock"), ("A-2", "-")], True), ("R", 4, [("B-1", "mock")], True)])

    def test_in_order_and_apart_by_kind(self):
        self.assertEqual(self.events("PSPP", "FSPP", "PPFP", "PPFP", "PPPP"), [
            ("flake", 1, [("A-1", "amd-v1")], False), ("coverage", 2, [("A-1", "mock")], True),
            ("R", 2, [("A-2", "-")], False)])

    def test_open_until_the_last_is_mended(self):
        self.assertEqual(self.events("PPPP", "FFPP", "FFPP", "PFPP", "PFPP")[0],
                         ("R", 1, [("A-1", "amd-v1"), ("A-1", "mock")], True))
        self.assertFalse(self.events("PPPP", "FFPP", "FFPP", "PFPP", "PPPP")[0][3])

    def test_one_table_for_all_runs(self):
        """What fails in each run is told though nothing changed; what is good is not."""
        self.assertEqual(self.events("PFSx", "PFSx"), [("F", 0, [("A-1", "mock")], True)])
        self.assertEqual(self.events("PPSx", "PPSx"), [])
        self.assertEqual(self.events(), [])

    def test_another_selection(self):
        """Runs without a row say nothing of it."""
        self.assertEqual(self.events("PPPP", "P   ", "P PF", "PPPP", "PPPF", "PP F", "PPPF"), [
            ("flake", 2, [("B-1", "mock")], False), ("R", 4, [("B-1", "mock")], True)])


if __name__ == "__main__":
    unittest.main()
