# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
The made-up history is what it says it is, by its own records; and what is planted in it is
found in a real store, to the run (prove_changes.py has that for more and longer ones).
"""

import contextlib
import io
import json
import statistics
import sys
import tempfile
import unittest
from collections import defaultdict
from pathlib import Path
from unittest import mock

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import prove_changes  # noqa: E402
import synthetic  # noqa: E402

RUNS = 1000
PROVED = 1500  # so many that there are some nights before each change


class RecordsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        made = synthetic.Synthetic(RUNS, 7, "format")
        cls.records = list(made.records())
        cls.planted = made.planted()

    def test_in_order(self):
        self.assertEqual(len(self.records), RUNS)
        self.assertEqual(len({r["id"] for r in self.records}), RUNS)
        starts = [r["started"] for r in self.records]
        self.assertEqual(starts, sorted(starts))
        self.assertTrue(starts[-1].startswith("2026-11-29T"))

    def test_each_is_a_record(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("needs python3-jsonschema")
        schema = json.loads((HERE.parent / "schemas" / "run.schema.json").read_text("utf-8"))
        validator = jsonschema.Draft7Validator(schema)
        for record in [*self.records[:14], *self.records[-14:]]:
            self.assertEqual([e.message for e in validator.iter_errors(record)], [])

    def test_the_same_again(self):
        def start(seed):
            made = synthetic.Synthetic(RUNS, seed, "one").records()
            return [next(made) for _ in range(30)]
        self.assertEqual(start(3), start(3))
        self.assertNotEqual(start(3), start(4))

    def test_slower_by_that_much(self):
        """Medians before and since, of the row itself and of another row of that machine."""
        self.assertEqual([p["percent"] for p in self.planted["benchmark"]], [8, 15, 30])
        for p in self.planted["benchmark"]:
            (first,) = [r for r in self.records if r["id"] == p["run"]]
            lane = [r for r in self.records if r["kind"] == "bench" and all(
                r[k] == first[k] for k in ("target", "host"))
                and r["kernel"][:4] == first["kernel"][:4]]
            at = lane.index(first)
            self.assertGreater(min(at, len(lane) - at), 5)
            others = {name for name, *_ in first["measures"]} - set(p["rows"])
            for rows, size in ((p["rows"], 1 + p["percent"] / 100), (others, 1.0)):
                for name in rows:
                    values = [m[2] for r in lane for m in r["measures"]
                              if m[:2] == [name, "x_floor"]]
                    ratio = statistics.median(values[at:]) / statistics.median(values[:at])
                    self.assertAlmostEqual(ratio, size, delta=0.06)
            formats = {name.split("/")[1] for name in p["rows"]}
            self.assertEqual((len(formats), len(p["rows"])), (1, 6))

    def test_failures(self):
        """All that fails was planted, in just those runs."""
        failed = defaultdict(list)
        for r in self.records:
            for *cell, verdict in r["outcomes"]:
                if verdict == "FAIL":
                    failed[r["target"], *cell].append(r["id"])
            self.assertEqual(r["verdict"] == "FAILED", "FAIL" in r["totals"])
            self.assertEqual(len(r["failures"]), r["totals"].get("FAIL", 0))
            self.assertEqual(sum(r["totals"].values()), len(r["outcomes"]))
        expected = 0
        for p in self.planted["conformance"]:
            for cell in p["cells"]:
                runs = failed.pop((p["target"], *cell))
                self.assertEqual((runs[0], runs[-1]), (p["run"], p["last"]))
                self.assertGreater(len(runs), 2)
                expected += 1
        self.assertGreater(expected, 200)
        flakes = {(f["run"], *f["cells"][0]) for f in self.planted["harmless"]["flakes"]}
        self.assertGreater(len(flakes), 10)
        self.assertEqual({(run, *cell) for (_, *cell), (run,) in failed.items()}, flakes)

    def test_what_is_harmless(self):
        hosts = [r["host"] for r in self.records]
        self.assertLess(len(hosts) - hosts[::-1].index("dogwood"), hosts.index("elm") + 14)
        kernels = {(r["host"], r["kernel"]) for r in self.records}
        self.assertTrue({("birch", "6.12.90"), ("birch", "6.12.94")} <= kernels)
        self.assertLess(sum(h == "gale" for h in hosts), 0.99 * sum(h == "birch" for h in hosts))


class ProgramTest(unittest.TestCase):
    def run_it(self, *arguments):
        out, err = io.StringIO(), io.StringIO()
        with mock.patch("sys.argv", ["synthetic.py", *arguments]), \
                contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                return synthetic.main(), out.getvalue(), err.getvalue()
            except SystemExit as end:
                return end.code, out.getvalue(), err.getvalue()

    def test_wrong_usage(self):
        for arguments in ([], ["x", "--runs", "10"], ["x", "--seed", "-1"], ["x", "--spr", "one"]):
            code, out, _ = self.run_it(*arguments)
            self.assertEqual((code, out), (2, ""), arguments)

    def test_a_history_in_use_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/h.db"
            code, out, _ = self.run_it(path, "--runs", "1000")
            self.assertEqual((code, len(json.loads(out)["benchmark"])), (0, 3))
            code, out, err = self.run_it(path, "--runs", "1000")
            self.assertEqual((code, out), (1, ""))
            self.assertIn("has runs already", err)


class ProofTest(unittest.TestCase):
    def test_found_to_the_run(self):
        for spread in ("one", "format"):
            proof = prove_changes.prove(PROVED, 2, spread)
            with self.subTest(spread):
                self.assertEqual(list(proof.found.values()), ["exact"] * 5, proof)
                self.assertLessEqual(len(proof.false), prove_changes.FALSE, proof.false)
                right, planted, wrong = proof.flakes
                self.assertEqual((right, wrong, proof.coverage), (planted, 0, [10]))


if __name__ == "__main__":
    unittest.main()
