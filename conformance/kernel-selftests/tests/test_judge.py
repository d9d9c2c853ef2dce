# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The comparison with a list: each way in which a run can be wrong is seen."""

import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

import judge  # noqa: E402

LIST = """\
# a comment

iommufd  a.one      pass
iommufd  a.v.two    deviates: MAP-001, and # why
iommufd  b.three    skips: no huge pages
"""
TAP = """\
TAP version 13
1..3
# Starting 3 tests from 2 test cases.
#  RUN           a.one ...
#            OK  a.one
ok 1 a.one
#  RUN           a.v.two ...
# iommufd.c:7:two:Expected 0 (0) == x (1)
# two: Test terminated by assertion
#          FAIL  a.v.two
not ok 2 a.v.two
#  RUN           b.three ...
#      SKIP      no huge pages
#            OK  b.three
ok 3 b.three # SKIP no huge pages
# FAILED: 2 / 3 tests passed.
"""
ASAN = """\
==7==ERROR: AddressSanitizer: heap-use-after-free on address 0x1
    #0 0x2 in area_free
SUMMARY: AddressSanitizer: heap-use-after-free
"""


def verdict(tap=TAP, listed=LIST, status=1, timed_out=False):
    """The run that printed @tap, by the list @listed."""
    seen = judge.read_tap("iommufd", tap)
    judge.judge_end(seen, status, timed_out, 60, tap)
    seen.problems += judge.sanitizer_problems(tap)
    return judge.compare(seen, judge.read_list(listed, "x.txt"), "x.txt")


class Comparison(unittest.TestCase):
    def test_as_listed(self):
        result = verdict()
        self.assertEqual(result.counts, (2, 0, 1))
        self.assertEqual((result.problems, result.failures), ([], []))
        self.assertIn("3 cases of iommufd: 1 pass, 1 deviate as listed, 1 skipped",
                      judge.summary(result).splitlines())

    def one_failure(self, *words, counts, **run):
        result = verdict(**run)
        self.assertEqual((result.problems, len(result.failures)), ([], 1))
        for word in words:
            self.assertIn(word, result.failures[0])
        self.assertEqual(result.counts, counts)

    def test_unexpected_pass(self):
        tap = TAP.replace("not ok 2", "ok 2")
        self.one_failure("iommufd a.v.two", "expected: deviates: MAP-001", "x.txt:4",
                         "seen:     pass", "better", "iommufd a.v.two pass",
                         tap=tap, status=0, counts=(1, 1, 1))

    def test_unexpected_failure(self):
        tap = TAP.replace("ok 1 a", "# a.c:1:one:Expected\nnot ok 1 a")
        self.one_failure("iommufd a.one", "expected: pass (x.txt:3)", "seen:     fail",
                         "a.c:1:one:Expected", "iommufd a.one deviates: WHY",
                         tap=tap, counts=(1, 1, 1))

    def test_message_is_what_the_case_printed(self):
        seen = judge.read_tap("iommufd", TAP.replace("ok 1 a.one", "ok 1 a.one\nof no case"))
        self.assertEqual(seen.cases["a.v.two"].message.splitlines(),
                         ["# iommufd.c:7:two:Expected 0 (0) == x (1)",
                          "# two: Test terminated by assertion"])

    def test_unexpected_skip(self):
        self.one_failure("expected: pass", "seen:     skip", "skips: too old", counts=(1, 1, 1),
                         tap=TAP.replace("ok 1 a.one", "ok 1 a.one # SKIP too old"))

    def test_skip_that_ran(self):
        self.one_failure("b.three", "seen:     pass", "better", counts=(2, 1, 0),
                         tap=TAP.replace(" # SKIP no huge pages", ""))

    def test_skip_that_failed(self):
        self.one_failure("b.three", "seen:     fail", counts=(2, 1, 0),
                         tap=TAP.replace("ok 3 b.three # SKIP no huge pages", "not ok 3 b.three"))

    def test_listed_but_not_run(self):
        self.one_failure("iommufd a.four", "expected: pass (x.txt:6)", "not run",
                         "remove line 6", listed=LIST + "iommufd a.four pass\n", counts=(2, 1, 1))

    def test_cases_of_the_other_program_are_not_missed(self):
        self.assertEqual(verdict(listed=LIST + "iommufd_fail_nth a.four pass\n").counts, (2, 0, 1))

    def test_not_listed(self):
        self.one_failure("iommufd a.v.two", "not in x.txt", "iommufd a.v.two deviates: WHY",
                         listed=LIST.replace("iommufd  a.v.two", "#"), counts=(1, 1, 1))

    def test_xfail_of_the_harness_is_a_failure_that_ends_well(self):
        tap = TAP.replace("not ok 2 a.v.two", "ok 2 a.v.two # XFAIL unknown")
        self.assertEqual(verdict(tap, status=0).counts, (2, 0, 1))


class Run(unittest.TestCase):
    """What is wrong with a run as a whole."""

    def problem(self, word, *args, **run):
        result = verdict(*args, **run)
        self.assertTrue(any(word in problem for problem in result.problems),
                        f"{word!r} is not in {result.problems}")
        self.assertTrue(result.counts[1])
        return result

    def test_truncated(self):
        tap = TAP[:TAP.index("ok 3")]
        result = self.problem("3 cases were planned, 2 reported; it ended in b.three", tap)
        self.assertIn("iommufd b.three", result.failures[0])
        self.assertIn("not run", result.failures[0])
        self.assertEqual(result.counts, (2, 2, 0))

    def test_truncated_in_what_is_not_listed(self):
        """The plan is held against what was reported, not only against the list."""
        listed = LIST.replace("iommufd  b.three", "#")
        self.problem("3 cases were planned", TAP[:TAP.index("ok 3")], listed)

    def test_no_plan(self):
        self.problem("no plan", TAP.replace("1..3\n", ""))

    def test_nothing_printed(self):
        result = self.problem("no plan", "", status=2)
        self.assertIn("none of its 3 cases in x.txt was run", result.failures[0])
        self.assertEqual(result.counts, (0, 5, 0))

    def test_second_plan(self):
        self.problem("a second plan", TAP + "1..3\n")

    def test_reported_twice(self):
        self.problem("reported twice: a.one", TAP.replace("1..3", "1..4") + "ok 4 a.one\n")

    def test_wrong_number(self):
        self.problem("has number 4, expected 3", TAP.replace("ok 3", "ok 4"))

    def test_result_that_cannot_be_read(self):
        self.problem("cannot be read: ok 3 b.three , no", TAP.replace("# SKIP", ", no"))

    def test_died(self):
        self.problem("killed by SIGSEGV", status=139)
        self.problem("killed by SIGKILL", TAP[:TAP.index("ok 2")], status=137)
        self.problem("iodirty itself was killed by SIGABRT", status=-6)

    def test_wrong_status(self):
        self.problem("ended with status 0, expected 1", status=0)
        self.problem("ended with status 1, expected 0", TAP.replace("not ok", "ok"))

    def test_refused(self):
        self.problem("iodirty: no such program", "iodirty: no such program\n", status=2)

    def test_time_limit(self):
        self.problem("took more than 60 s", TAP[:TAP.index("ok 2")], status=-9, timed_out=True)

    def test_sanitizer(self):
        """Also where each case does as listed."""
        for text in (ASAN, "==7==ERROR: LeakSanitizer: detected memory leaks\n",
                     "ref-kernel/hw/dma.c:7:3: runtime error: shift exponent 64\n",
                     "WARNING: ThreadSanitizer: data race (pid=7)\n"):
            with self.subTest(text):
                result = self.problem(text.splitlines()[0], TAP + text)
                self.assertEqual(result.counts, (2, 1, 1))
        self.assertIn("in area_free", self.problem("a sanitizer", TAP + ASAN).problems[0])

    def test_many_sanitizer_reports(self):
        text = (ASAN + "\n" * judge.REPORT_LINES) * (judge.REPORTS + 2)
        self.assertEqual(len(self.problem("and 2 reports more", TAP + text).problems),
                         judge.REPORTS + 1)


class Lists(unittest.TestCase):
    def refused(self, line, *words, **more):
        with self.assertRaises(judge.ListError) as caught:
            judge.read_list(f"{LIST}{line}\n", "x.txt", **more)
        for word in ("x.txt:6: ", *words):
            self.assertIn(word, str(caught.exception))

    def test_malformed_lines(self):
        self.refused("iommufd", "expected a program, a case")
        self.refused("iommufd a.four", "expected a program, a case")
        self.refused("iommu a.four pass", "no such program: 'iommu'")
        self.refused("iommufd a.four passes", "not 'passes'")
        self.refused("iommufd a.four fails: why", "not 'fails: why'")
        self.refused("iommufd a.four pass: why", "not 'pass: why'")
        self.refused("iommufd a.four deviates", "not 'deviates'")
        self.refused("iommufd a.four deviates:", "say why")
        self.refused("iommufd a.four skips: ?", "say why")

    def test_duplicate(self):
        self.refused("iommufd a.one deviates: x", "a.one is listed already in line 3")

    def test_unknown_requirement(self):
        self.refused("iommufd a.four deviates: MAP-999", "no requirement MAP-999",
                     requirements={"MAP-001"})

    def test_all_bad_lines_are_named(self):
        with self.assertRaises(judge.ListError) as caught:
            judge.read_list("x\n# y\nz\n", "x.txt")
        self.assertEqual([line[:8] for line in str(caught.exception).splitlines()],
                         ["x.txt:1:", "x.txt:3:"])

    def test_empty(self):
        with self.assertRaisesRegex(judge.ListError, "lists nothing"):
            judge.read_list("# nothing\n", "x.txt")

    def test_reason_may_hold_anything(self):
        entry = judge.read_list(LIST, "x.txt", {"MAP-001"})["iommufd", "a.v.two"]
        self.assertEqual(entry, ("deviates", "MAP-001, and # why", 4))


class Proposal(unittest.TestCase):
    def test_only_reasons_are_left_to_a_person(self):
        seen = judge.read_tap("iommufd", TAP)
        text = judge.propose([seen], "6.12")
        with self.assertRaisesRegex(judge.ListError, "say why a.v.two deviates"):
            judge.read_list(text, "x.txt")
        expected = judge.read_list(text.replace("?", "because"), "x.txt")
        self.assertEqual(judge.compare(seen, expected, "x.txt").counts, (2, 0, 1))

    def test_reasons_are_kept(self):
        expected = judge.read_list(LIST, "x.txt")
        text = judge.propose([judge.read_tap("iommufd", TAP)], "6.12", expected)
        again = judge.read_list(text, "x.txt")
        self.assertEqual({key: entry[:2] for key, entry in again.items()},
                         {key: entry[:2] for key, entry in expected.items()})

    def test_reason_of_another_result_is_not_kept(self):
        expected = judge.read_list("iommufd a.v.two skips: old\n", "x.txt")
        text = judge.propose([judge.read_tap("iommufd", TAP)], "6.12", expected)
        self.assertNotIn("old", text)
