# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The benchmark program: what it writes, and what it says when it is asked for what is not."""

import copy
import json
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import jsonschema

TOP = Path(__file__).resolve().parents[2]
PROGRAM = TOP / "build/release/iodirty-bench"
SCHEMA = json.loads((TOP / "reports/schemas/bench.schema.json").read_text(encoding="utf-8"))
ONE = "harvest/amd-v1/4K/256M/sequential/warm/random/1%/swar"


def bench(*words, timeout=100):
    return subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=timeout,
                          check=False)


def no_key_twice(pairs):
    keys = [key for key, _ in pairs]
    if len(keys) != len(set(keys)):
        raise ValueError(f"a key is there twice: {keys}")
    return dict(pairs)


class Runs(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="iodirty-bench-")
        self.addCleanup(directory.cleanup)
        self.out = Path(directory.name)

    def measured(self, *words):
        """name -> row of what a run with these words measures."""
        run = bench(*words, "-o", self.out, "--force")
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        self.data = json.loads((self.out / "bench.json").read_text(encoding="utf-8"),
                               object_pairs_hook=no_key_twice)
        jsonschema.validate(self.data, SCHEMA)
        return {re.sub(r"/iterations:.*", "", row["name"]): row
                for row in self.data["benchmarks"]}

    def test_rows_are_as_the_schema_says(self):
        words = ("-f", "amd-v1", "-f", "arm-s1-4k", "--set", "harvest", "--set", "unmap",
                 "--only", "*/random/[01]%/*", "--only", "unmap/*")
        rows = self.measured("--repetitions", "2", *words)
        listed = bench("--list", *words)
        self.assertEqual(sorted(rows), sorted(listed.stdout.split()))
        for name, row in rows.items():
            if not name.startswith("harvest/"):
                continue
            self.assertAlmostEqual(row["x_floor"], row["ns_per_iopte"] / row["floor_ns_per_iopte"])
            self.assertEqual("/warm/" in name, row["cold"] == 0)
            self.assertEqual("/shuffled/" in name, row["shuffled"] == 1)
            self.assertEqual("/2T" in name, row["harvest_threads"] == 2)
            self.assertEqual("/0%/" in name, "over_report" not in row)
            if "/1%/" in name and "bitmap:2M" not in name:
                self.assertEqual(row["over_report"], row["leaf_bytes"] / 4096, name)

    def test_rows_of_the_other_sets(self):
        names = ("enable", "map", "call", "dma", "slowdown", "type1", "precopy", "hold")
        words = [word for name in names for word in ("--set", name)]
        rows = self.measured("--repetitions", "1", "-f", "amd-v1", *words)
        self.assertEqual({name.split("/")[0] for name in rows}, set(names))
        for name, row in rows.items():
            if name.startswith("type1/"):
                self.assertEqual(row["pages_type1"], row["range_pages"], name)
                self.assertEqual(row["pages_iommufd"], row["pages_written"], name)
            if name.startswith("enable/amd-v1/2M"):
                self.assertEqual(row["over_report"], 1 if name.count("/") > 2 else 512, name)

    def test_workloads(self):
        rows = self.measured("-f", "amd-v1", "--set", "workload", "--only", "*/idle",
                             "--only", "*/gpu", "--only", "workload/*/4K/nic")
        self.assertEqual(set(rows), {"workload/amd-v1/4K/nic", "workload/amd-v1/4K/gpu",
                                     "workload/amd-v1/2M/gpu", "workload/amd-v1/4K/idle",
                                     "workload/amd-v1/2M/idle"})
        # By hand: 10 rounds of 10 ms. One event in each, of two pages; two steps of 16 MiB, with
        # a page of fences and one of interrupts; 1,302 frames of a gigabit in each.
        self.assertEqual(rows["workload/amd-v1/4K/idle"]["pages_written"], 20)
        self.assertEqual(rows["workload/amd-v1/2M/idle"]["over_report"], 512 / 2)
        for leaf in ("4K", "2M"):
            row = rows[f"workload/amd-v1/{leaf}/gpu"]
            self.assertEqual((row["pages_written"], row["device_writes"], row["accesses"]),
                             (2 * (4096 + 2), 2 * (256 + 2), 2 * (256 + 2 + 128 + 1)))
            self.assertAlmostEqual(row["density_percent"], 8196 / 65536 / 10 * 100)
        nic = rows["workload/amd-v1/4K/nic"]
        # A frame, its descriptor; and for every second one that of the answer.
        self.assertAlmostEqual(nic["device_writes"], 13021.9 * 2.5, delta=4)
        self.assertEqual(nic["over_report"], 1)
        self.assertIn("x_floor", nic)

    def test_chosen_workloads(self):
        both = bench("--list", "-f", "amd-v1", "--workload", "nic+idle", "--workload", "hot")
        self.assertEqual(both.stdout.split(), [f"workload/amd-v1/{leaf}/{name}" for name in
                                               ("nic+idle", "hot") for leaf in ("4K", "2M")])
        sets = bench("--list", "-f", "amd-v1", "--workload", "hot", "--set", "all").stdout.split()
        self.assertLess({"harvest", "precopy", "workload"}, {n.split("/")[0] for n in sets})
        self.assertEqual([n for n in sets if n.startswith("workload/")],
                         ["workload/amd-v1/4K/hot", "workload/amd-v1/2M/hot"])
        listed = bench("--workload", "list")
        self.assertEqual(listed.returncode, 0)
        self.assertLessEqual({"nic", "nvme", "gpu", "idle"},
                             {line.split()[0] for line in listed.stdout.splitlines()})
        for name, why in (("none", "unknown workload 'none'"), ("none.trace", "none.trace")):
            run = bench("--workload", name)
            self.assertEqual(run.returncode, 2)
            self.assertIn(why, run.stderr)
        self.assertEqual(bench("--counts", "--workload", "nic").returncode, 2)

    def test_two_targets(self):
        rows = self.measured("--against", "ref", "--repetitions", "1", "-f", "mock")
        self.assertLessEqual({f"beside/ref/mock/4K/{density}" for density in
                              ("0%", "1%", "10%", "100%")}, set(rows))
        for row in rows.values():
            self.assertEqual((row["ioptes_per_page"], row["other_ioptes_per_page"]), (2, 2))

    def test_schema_is_strict(self):
        self.measured("--only", ONE, "--repetitions", "1")
        row = self.data["benchmarks"][0]
        for change in ({"missed": 1}, {"excess": 1}, {"surprise": 1}, {"x_floor": 0},
                       {"name": "harvest/amd-v1/4K/1%/swar"}, {"over_report": 0.5}):
            broken = copy.deepcopy(self.data)
            broken["benchmarks"][0] = dict(row, **change)
            with self.assertRaises(jsonschema.ValidationError, msg=change):
                jsonschema.validate(broken, SCHEMA)
        for key in ("ns_per_iopte", "missed", "entries"):
            broken = copy.deepcopy(self.data)
            del broken["benchmarks"][0][key]
            with self.assertRaises(jsonschema.ValidationError, msg=key):
                jsonschema.validate(broken, SCHEMA)

    def test_one_cell_is_compared_with_what_is_not_asked_for(self):
        rows = self.measured("--only", ONE, "--repetitions", "4")
        self.assertEqual(len(rows), 1)
        if "entry" in bench("--engine", "?").stderr:
            self.assertIn("x_entry", *rows.values())

    def test_slow_down(self):
        def harvest(*words):
            (row,) = self.measured("--only", ONE, "--repetitions", "15", *words).values()
            return row["ns_per_iopte"]
        plain = min(harvest(), harvest())
        self.assertNotIn("slow_down_percent", self.data["context"])
        self.assertGreater(min(harvest("--slow-down", "300"), harvest("--slow-down", "300")),
                           2 * plain)
        self.assertEqual(self.data["context"]["slow_down_percent"], "300")

    def test_what_is_there_is_not_overwritten(self):
        words = ("--only", ONE, "--repetitions", "1", "-o", self.out)
        self.assertEqual(bench(*words).returncode, 0)
        self.assertEqual(bench(*words).returncode, 2)
        self.assertEqual([p.name for p in self.out.iterdir()], ["bench.json"])


class Words(unittest.TestCase):
    def test_nothing_ran(self):
        for words in (["--only", "nothing/*"], ["--list", "--only", "nothing/*"]):
            self.assertEqual(bench(*words).returncode, 4, words)

    def test_mistakes(self):
        for words, said in ((["--only"], "--only"), (["--set", "x"], "harvest unmap"),
                            (["--engine", "x"], "engines: "),
                            (["--engine", "swar+x"], "+masked"), (["--repetitions", "0"], "'0'"),
                            (["--repetitions", "1x"], "'1x'"), (["--slow-down", "-1"], "'-1'"),
                            (["--counts", "--full"], "--counts"), (["--what"], "--what"),
                            (["-f", "x"], "amd-v1"), (["-t", "x"], "ref"), (["x"], "'x'")):
            run = bench(*words)
            self.assertEqual(run.returncode, 2, words)
            self.assertIn(said, run.stderr, words)

    def test_names(self):
        pattern = SCHEMA["definitions"]["harvest"]["properties"]["name"]["pattern"]
        for mode in ("--quick", "--full"):
            names = bench("--list", mode).stdout.split()
            self.assertEqual(len(names), len(set(names)))
            for name in names:
                if name.startswith("harvest/"):
                    self.assertRegex(name, pattern)

    def test_help_names_the_sets(self):
        run = bench("--help")
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        for name in {n.split("/")[0] for n in bench("--list").stdout.split()}:
            self.assertRegex(run.stdout, rf"\n +{name} ")


class Counts(unittest.TestCase):
    def counted(self):
        with tempfile.TemporaryDirectory(prefix="iodirty-bench-") as out:
            run = bench("--counts", "-f", "amd-v1", "--engine", "swar", "-o", out)
            self.assertEqual(run.returncode, 0, run.stderr)
            return json.loads((Path(out) / "counts.json").read_text(encoding="utf-8"))["counts"]

    def test_alike_twice(self):
        first, second = self.counted(), self.counted()
        self.assertEqual(set(first), set(second))
        self.assertEqual(set(first), {f"harvest/amd-v1/4K/{d}%/swar" for d in (0, 1, 50, 100)})
        for name, row in first.items():
            self.assertGreaterEqual(row["entries_scanned_per_iopte"], 0.99)
            self.assertEqual("cleared_per_dirty" in row, "/0%/" not in name)
            if shutil.which("valgrind"):
                self.assertGreater(row["instructions_per_iopte"], 0.1)
                self.assertAlmostEqual(row["instructions_per_iopte"] /
                                       second[name]["instructions_per_iopte"], 1, delta=0.005)


if __name__ == "__main__":
    unittest.main()
