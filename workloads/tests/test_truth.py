# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The truth of tiny traces, by hand; and what is said of replays that report something else."""

import contextlib
import io
import json
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import handmade  # noqa: E402
import trace_file  # noqa: E402
import truth  # noqa: E402
from handmade import IOVA, read, write  # noqa: E402

K, M = 1 << 10, 1 << 20
MS = 1000000


def pages(records, leaf=4 * K, page=4 * K, round_ns=100, limit=0, ns=None, **of_header):
    """The numbers of the pages of each round."""
    trace = trace_file.parse(handmade.trace(records, ns, **of_header))
    geometry = truth.Geometry.of(trace, leaf, page)
    return [list(truth.bits(r.bitmap))
            for r in truth.rounds_of(trace, geometry, round_ns, limit)]


class Truth(unittest.TestCase):
    def test_a_page_for_a_byte(self):
        self.assertEqual(pages([write(0, 4096, 1), write(1, 3 * 4096 - 1, 1)]), [[1, 2]])

    def test_what_was_read_is_clean(self):
        self.assertEqual(pages([read(0, 0, 64 * K), write(1, 8 * K, 4 * K)]), [[2]])

    def test_a_write_over_a_border_of_pages(self):
        self.assertEqual(pages([write(0, 4095, 2)]), [[0, 1]])
        self.assertEqual(pages([write(0, 4095, 4098)]), [[0, 1, 2]])
        self.assertEqual(pages([write(0, 4096, 4096)]), [[1]])

    def test_borders_of_rounds(self):
        self.assertEqual(pages([write(99, 0, 1), write(100, 4 * K, 1), write(199, 8 * K, 1),
                                write(200, 12 * K, 1)]), [[0], [1, 2], [3]])

    def test_rounds_in_which_nothing_happens(self):
        self.assertEqual(pages([write(0, 0, 1), write(350, 4 * K, 1)]), [[0], [], [], [1]])

    def test_the_time_after_the_last_record(self):
        self.assertEqual(pages([write(0, 0, 1)], ns=200), [[0], []])
        self.assertEqual(pages([write(0, 0, 1)], ns=201), [[0], [], []])
        self.assertEqual(pages([write(200, 0, 1)], ns=200), [[], [], [0]])
        self.assertEqual(pages([]), [[]])

    def test_only_the_first_rounds(self):
        records = [write(0, 0, 1), write(150, 4 * K, 1), write(250, 8 * K, 1)]
        self.assertEqual(pages(records, limit=2), [[0], [1]])
        self.assertEqual(pages(records, limit=9), [[0], [1], [2]])

    def test_what_is_written_again_is_reported_again(self):
        self.assertEqual(pages([write(0, 0, 1), write(100, 0, 1)]), [[0], [0]])

    def test_all_of_a_leaf(self):
        self.assertEqual(pages([write(0, 20 * K, 1)], leaf=16 * K), [[4, 5, 6, 7]])
        self.assertEqual(pages([write(0, 32 * K - 1, 2)], leaf=16 * K),
                         [[4, 5, 6, 7, 8, 9, 10, 11]])
        # Leaves are by address, not by where memory begins: 4 GiB + 60 KiB is within one.
        self.assertEqual(pages([write(0, 60 * K, 1)], leaf=16 * K, iova=IOVA + 60 * K,
                               length=8 * K), [[0, 1, 2, 3]])

    def test_pages_larger_than_leaves(self):
        self.assertEqual(pages([write(0, 4 * K, 1), write(0, 68 * K, 1)], page=16 * K), [[0, 4]])

    def test_memory_out_to_whole_leaves_and_pages(self):
        trace = trace_file.parse(handmade.trace([], iova=IOVA + 12 * K, length=8 * K))
        self.assertEqual(truth.Geometry.of(trace, 4 * K, 4 * K)[:2], (IOVA + 12 * K, 8 * K))
        self.assertEqual(truth.Geometry.of(trace, 16 * K, 4 * K)[:2], (IOVA, 32 * K))
        self.assertEqual(truth.Geometry.of(trace, 4 * K, 64 * K)[:2], (IOVA, 64 * K))

    def test_devices_and_pasids_write_to_the_same_memory(self):
        self.assertEqual(pages([write(0, 0, 1, 1), write(1, 4 * K, 1, 0, 7), read(2, 8 * K, 1, 1),
                                write(3, 12 * K, 1, 1, 9)], devices=2), [[0, 1, 3]])

    def test_a_large_leaf_has_each_page(self):
        self.assertEqual(pages([write(0, 3 * M, 1)], leaf=2 * M, length=4 * M),
                         [list(range(512, 1024))])


class Replays(unittest.TestCase):
    """Directories as `iodirty trace replay` writes them."""

    RECORDS = [write(0, 0, 8), read(1, 8 * K, 8), write(50 * MS, 4 * K, 4 * K),
               write(100 * MS, 4 * K, 100)]

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.path = Path(scratch.name)
        self.trace = self.path / "a.trace"
        self.trace.write_bytes(handmade.trace(self.RECORDS, length=64 * K))
        self.document = {
            "schema": "iodirty-replay-1", "iova": hex(IOVA), "length": 64 * K, "leaf_bytes": 4096,
            "page_bytes": 4096, "round_ns": 100 * MS, "rounds_limit": 0, "complete": True,
            "leaves_exact": True, "rounds": [
                {"records": 3, "writes": 2, "bytes": 8 + 4096, "reported_pages": 2},
                {"records": 1, "writes": 1, "bytes": 100, "reported_pages": 1}]}
        self.bitmaps = [0b011, 0b010]

    def run_truth(self, *args):
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            try:
                status = truth.main([str(self.trace), *map(str, args)])
            except SystemExit as end:
                status = end.code
        return status, out.getvalue()

    def judged(self):
        (self.path / "replay.json").write_text(json.dumps(self.document), encoding="utf-8")
        (self.path / "rounds.bitmap").write_bytes(
            b"".join(bitmap.to_bytes(8, "little") for bitmap in self.bitmaps))
        return self.run_truth(self.path)

    def reported(self, k, bitmap):
        self.bitmaps[k] = bitmap
        self.document["rounds"][k]["reported_pages"] = bin(bitmap).count("1")

    def test_equal(self):
        self.assertEqual(self.judged(), (0, "2 rounds, 3 pages: all that was written was reported,"
                                         " and nothing else\n"))

    def test_missed(self):
        self.reported(1, 0)
        status, out = self.judged()
        self.assertEqual(status, 1)
        self.assertIn("round 1: 1 pages missed, 0 beyond\n", out)
        self.assertIn("IOVA 0x100001000, round 1: missed; record 4 wrote there last, at 100000000",
                      out)

    def test_beyond(self):
        self.reported(0, 0b111)
        status, out = self.judged()
        self.assertEqual(status, 1)
        self.assertIn("IOVA 0x100002000, round 0: beyond what was written; no record wrote", out)
        self.reported(0, 0b011)
        self.reported(1, 0b011)
        status, out = self.judged()
        self.assertEqual(status, 1)
        self.assertIn("IOVA 0x100000000, round 1: beyond what was written; record 1 wrote", out)

    def test_beyond_the_memory(self):
        self.reported(0, 0b011 | 1 << 16)
        self.assertEqual(self.judged()[0], 1)

    def test_each_single_bit(self):
        for k, right in enumerate((0b011, 0b010)):
            for page in range(16):
                self.reported(k, right ^ 1 << page)
                status, out = self.judged()
                self.assertEqual(status, 1)
                self.assertIn(f"IOVA 0x{IOVA + page * 4096:x}, round {k}: ", out)
            self.reported(k, right)
        self.assertEqual(self.judged()[0], 0)

    def test_leaves_of_any_size_may_report_more_but_no_page_less(self):
        self.document["leaves_exact"] = False
        self.reported(0, 0b1111)
        self.assertEqual(self.judged()[0], 0)
        self.reported(0, 0b1110)
        status, out = self.judged()
        self.assertEqual(status, 1)
        self.assertIn("IOVA 0x100000000, round 0: missed", out)
        self.document["leaf_bytes"] = 16 * K  # they may be smaller, too
        self.reported(0, 0b0011)
        self.assertEqual(self.judged()[0], 0)
        self.document["leaves_exact"] = True
        self.assertEqual(self.judged()[0], 1)

    def test_nothing_is_beyond_where_nothing_was_written(self):
        self.trace.write_bytes(handmade.trace([read(0, 0, 8)], length=64 * K))
        self.document.update(leaves_exact=False, rounds=[
            {"records": 1, "writes": 0, "bytes": 0, "reported_pages": 1}])
        self.bitmaps = [1]
        self.assertEqual(self.judged()[0], 1)

    def test_counts(self):
        for key in ("records", "writes", "bytes", "reported_pages"):
            self.document["rounds"][0][key] += 1
            status, out = self.judged()
            self.assertEqual(status, 1)
            self.assertIn(f"round 0: {key} are", out)
            self.document["rounds"][0][key] -= 1

    def test_a_round_too_few(self):
        del self.document["rounds"][1], self.bitmaps[1]
        status, out = self.judged()
        self.assertEqual((status, out), (1, "it has 1 rounds of 2\n"))
        self.document["rounds_limit"] = 1
        self.assertEqual(self.judged()[0], 0)

    def test_not_complete(self):
        del self.document["rounds"][1], self.bitmaps[1]
        self.document.update(complete=False, error="interrupted")
        status, out = self.judged()
        self.assertEqual(status, 1)
        self.assertIn("not complete: interrupted", out)

    def test_another_memory(self):
        self.document["iova"] = hex(IOVA + 65536)
        self.assertEqual(self.judged()[0], 1)

    def test_files_that_are_none(self):
        for change in ({"schema": "other-1"}, {"leaf_bytes": 0}, {"page_bytes": 4097},
                       {"round_ns": 0}, {"length": -1}, {"iova": "x"}, {"rounds": [1, 2]},
                       {"rounds": None}):
            kept = dict(self.document)
            self.document.update(change)
            status, out = self.judged()
            self.assertEqual(status, 2, change)
            self.assertIn("replay.json: ", out)
            self.document = kept
        del self.bitmaps[0]
        self.assertEqual(self.judged()[0], 2)
        self.assertEqual(self.run_truth("/nowhere")[0], 2)
        self.trace.write_bytes(b"iodtrace")
        self.assertEqual(self.judged()[0], 2)

    def test_shown(self):
        self.assertEqual(self.run_truth("--round", 100, "--leaf", "8K", "--page", 4096), (
            0, "round 0: 3 records, 2 writes, 2 pages: 0x100000000-0x100002000\n"
            "round 1: 1 records, 1 writes, 2 pages: 0x100000000-0x100002000\n"))
        self.assertEqual(self.run_truth("--rounds", 1)[1].count("\n"), 1)

    def test_usage(self):
        for args in (["--leaf", "3K"], ["--round", 0], ["--rounds", "x"],
                     [self.path, "--leaf", "4K"]):
            self.assertEqual(self.run_truth(*args)[0], 2)


if __name__ == "__main__":
    unittest.main()
