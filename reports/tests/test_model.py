# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import samples  # noqa: E402
from model import Bench, Results, leaf_bytes, leaf_name, worst  # noqa: E402


class ResultsTest(unittest.TestCase):
    def verdict(self, *cases, **more):
        return Results(samples.results(list(cases), **more)).passed

    def test_passes(self):
        self.assertTrue(self.verdict(samples.case(), samples.case(verdict="SKIP"),
                                     samples.case(verdict="XFAIL", deviation="D-1")))

    def test_each_bad_verdict_fails(self):
        for bad in ("FAIL", "CRASH", "HANG", "XPASS", "NOT_RUN", "RUNNING", "nonsense"):
            with self.subTest(bad):
                self.assertFalse(self.verdict(samples.case(), samples.case(verdict=bad)))

    def test_nothing_tried_is_no_pass(self):
        self.assertFalse(self.verdict())
        self.assertFalse(self.verdict(samples.case(verdict="SKIP")))

    def test_interrupted_is_no_pass(self):
        self.assertFalse(self.verdict(samples.case(), complete=False))

    def test_informative_failure_judges_nothing(self):
        results = Results(samples.results(
            [samples.case(), samples.case("LEAF-002", verdict="FAIL")]))
        self.assertTrue(results.passed)
        self.assertEqual([c.requirement for c in results.observations], ["LEAF-002"])
        self.assertFalse(self.verdict(samples.case(),
                                      samples.case("LEAF-002", verdict="CRASH")))

    def test_mandatory_without_a_case_is_told(self):
        results = Results(samples.results([samples.case(verdict="SKIP")]))
        self.assertEqual([r.id for r in results.not_exercised], ["REPORT-001"])

    def test_what_cannot_track_was_not_put_to_the_test(self):
        results = Results(samples.results([samples.case(verdict="NOT_CAPABLE")]))
        self.assertEqual(([r.id for r in results.not_exercised], results.tried),
                         (["REPORT-001"], []))

    def test_worst_decides(self):
        self.assertEqual(worst(["SKIP", "PASS", "XFAIL"]), "XFAIL")
        self.assertEqual(worst(["PASS", "FAIL", "HANG"]), "FAIL")
        self.assertEqual(worst(["WAIVED", "PASS", "XFAIL"]), "WAIVED")
        self.assertIsNone(worst([]))

    def test_configurations_in_order(self):
        results = Results(samples.results([
            samples.case(config=c) for c in ("vtd-ss/2M", "vtd-ss/4K", "amd-v1/64K", "-")]))
        self.assertEqual(results.configs(), ["-", "vtd-ss/4K", "vtd-ss/2M", "amd-v1/64K"])


class BenchTest(unittest.TestCase):
    def test_cells(self):
        bench = Bench(samples.full_bench())
        self.assertEqual(bench.formats, ["amd-v1", "vtd-ss"])
        self.assertEqual(bench.smallest_leaf("amd-v1"), 4096)
        line = bench.series("vtd-ss", 2 << 20, "random")
        self.assertEqual([c.density for c in line], [0, 1, 100])
        self.assertEqual({c.variant for c in bench.cells}, {"avx2"})
        self.assertEqual({c.variant for c in bench.all}, {"avx2", "entry"})

    def test_errors_are_kept_apart(self):
        bench = Bench(samples.bench([samples.row(), samples.row(density=50, error="lost")]))
        self.assertEqual((len(bench.good), bench.errors[0].error), (1, "lost"))

    def test_foreign_rows_are_passed_over(self):
        self.assertEqual(Bench(samples.bench([{"name": "other/x"}, {}])).cells, [])

    def test_what_failed_in_any_set_is_counted(self):
        rows = [samples.row(), samples.row(density=50, error="lost"),
                dict(samples.other("dma/amd-v1"), error_occurred=True, error_message="missed")]
        self.assertEqual([r.error for r in Bench(samples.bench(rows)).failed], ["lost", "missed"])

    def test_numbers_that_are_none_are_passed_over(self):
        row = dict(samples.row(), x_floor=float("nan"), ms_per_gib=float("inf"))
        cell = Bench(samples.bench([row])).good[0]
        self.assertEqual((cell["x_floor"], cell["ms_per_gib"], cell["over_report"]),
                         (None, None, 1))

    def test_sizes(self):
        for size, name in ((2048, "2K"), (4096, "4K"), (2 << 20, "2M"), (1 << 30, "1G")):
            self.assertEqual((leaf_name(size), leaf_bytes(name)), (name, size))
        self.assertEqual(leaf_bytes("what"), 0)


if __name__ == "__main__":
    unittest.main()
