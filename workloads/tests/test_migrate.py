# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""iodirty migrate with workloads: rounds by hand, twice the same, by each tracker; and usage."""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
sys.path[:0] = [str(HERE)]

sys.path[:0] = [str(TOP / "workloads")]

import handmade  # noqa: E402
import trace_file  # noqa: E402
from handmade import read, write  # noqa: E402

K, M, T = 1 << 10, 1 << 20, 1 << 40
LINK = 10**9  # bytes a second: a byte a nanosecond
LONG = 10**12  # ns: a trace that does not begin again
FIRST = 4 * M  # ns that all of the memory of these traces takes


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.runs = 0

    def trace(self, records, devices=1, ns=LONG):
        path = Path(self.folder.name, "w.trace")
        path.write_bytes(handmade.trace(records, ns, length=4 * M, devices=devices))
        return str(path)

    def call(self, *options):
        return subprocess.run([TOP / "build/release/iodirty", "migrate", *map(str, options)],
                              capture_output=True, text=True, timeout=60, check=False)

    def migrate(self, *options, code=0):
        """The file that it leaves."""
        self.runs += 1
        out = Path(self.folder.name, f"out{self.runs}")
        done = self.call("-o", out, *options)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return json.loads((out / "migrate.json").read_text(encoding="utf-8"))

    def migrations(self, *options, code=0):
        return self.migrate(*options, code=code)["migrations"]

    def timeless(self, workload, *options, code=0):
        """By the workload's clock; a report takes no time."""
        return self.migrations("--workload", workload, "--clock", "trace", "--harvest", "0",
                               "--link", "8G", "--downtime", "0", *options, code=code)


def sent(migration):
    return [r["bytes"] for r in migration["rounds"]]


def reported(migration):
    return [r["reported_pages"] for r in migration["rounds"]]


def written(migration):
    return [r["written_pages"] for r in migration["rounds"]]


class ByHand(Case):
    # Page 0; and pages 511 and 512, of two leaves of 2 MiB.
    RECORDS = [write(10**6, 0, 1), read(15 * 10**5, 64 * K, 4 * K), write(2 * 10**6, 2 * M - 1, 2)]

    def both(self, records, *options, devices=1):
        """Measured and by the model: what they have is the same."""
        runs = self.timeless(self.trace(records, devices), *options, "--against-model")
        self.assertEqual([r["how"] for r in runs], ["measured", "model"])
        self.assertEqual([r["verdict"] for r in runs], ["equal", "predicted"])
        for what in (sent, reported, written):
            self.assertEqual(what(runs[0]), what(runs[1]))
        return runs[0]

    def test_pages(self):
        run = self.both(self.RECORDS, "--rounds", "1")
        self.assertEqual(sent(run), [4 * M, 12 * K])
        self.assertEqual(reported(run), [3, 0])
        self.assertEqual(written(run), [3, 0])
        self.assertEqual(run["link_downtime_ns"], 12 * K)
        self.assertEqual(run["total_ns"], 4 * M + 12 * K)
        self.assertEqual(run["writes"], 2)

    def test_leaves(self):
        run = self.both(self.RECORDS, "--rounds", "1", "--leaf", "2M")
        self.assertEqual(sent(run), [4 * M, 4 * M])
        self.assertEqual(reported(run), [1024, 0])
        self.assertEqual(written(run), [3, 0])
        self.assertEqual(run["leaf_bytes"], 2 * M)

    def test_one_leaf_of_two(self):
        run = self.both([write(1, 2 * M - 1, 1)], "--rounds", "1", "--leaf", "2M")
        self.assertEqual(sent(run), [4 * M, 2 * M])

    def test_leaves_that_are_split(self):
        run = self.both(self.RECORDS, "--rounds", "1", "--leaf", "2M", "--split")
        self.assertEqual(reported(run), [3, 0])
        self.assertTrue(run["split"])

    def test_a_log_has_pages_whatever_the_leaves(self):
        run = self.both(self.RECORDS, "--rounds", "1", "--leaf", "2M", "--tracker", "log")
        self.assertEqual(reported(run), [3, 0])

    def test_type1_has_all(self):
        run = self.both(self.RECORDS, "--rounds", "1", "--tracker", "type1")
        self.assertEqual(sent(run), [4 * M, 4 * M])
        self.assertEqual(written(run), [3, 0])

    def test_mixed_is_by_device(self):
        for device, pages in (0, 1), (1, 512), (2, 1):
            run = self.both([write(1, 0, 1, device)], "--rounds", "1", "--leaf", "2M",
                            "--tracker", "mixed", devices=3)
            self.assertEqual(reported(run)[0], pages, device)

    def test_borders_of_rounds(self):
        """One at a round's very end is of the next; a round is as long as what it sends."""
        run = self.both([write(FIRST - 1, 0, 1), write(FIRST, 4 * K, 1),
                         write(FIRST + 4 * K, 8 * K, 4 * K + 1)], "--rounds", "4")
        self.assertEqual(sent(run), [4 * M, 4 * K, 4 * K, 8 * K, 0])
        self.assertEqual(reported(run), [1, 1, 2, 0, 0])

    def test_the_last_report_is_of_the_one_before(self):
        """With a report that takes 1024 us, which is the only time that there is after it."""
        run = self.migrations("--workload", self.trace([write(0, 0, 1), write(FIRST + 10**6, M, 1),
                                                        write(FIRST + 1024001, 2 * M, 1)]),
                              "--clock", "trace", "--harvest", "1000", "--link", "8G",
                              "--downtime", "0", "--rounds", "1")[0]
        self.assertEqual(reported(run), [1, 1])
        self.assertEqual(sent(run), [4 * M, 8 * K])
        self.assertEqual(run["link_downtime_ns"], 1024000 + 8 * K)
        self.assertEqual(run["total_ns"], FIRST + 2 * 1024000 + 8 * K)

    def test_it_begins_again(self):
        run = self.timeless(self.trace([write(0, 0, 1), write(10, 4 * K, 1)], ns=10**6),
                            "--rounds", "1")[0]
        self.assertEqual(run["writes"], 2 * 5)  # at 0, 1, 2, 3, 4 of 4.19 ms

    def test_converges(self):
        """8 KiB by a byte a nanosecond."""
        trace = self.trace([write(0, 0, 8 * K)], ns=8 * K)
        for limit, good in ("0.008191ms", False), ("0.008192ms", True):
            run = self.migrations("--workload", trace, "--clock", "trace", "--harvest", "0",
                                  "--link", "8G", "--downtime", limit, "--rounds", "3")[0]
            self.assertEqual((run["converged"], len(run["rounds"])), (good, 2 if good else 4))

    def test_what_is_only_read_is_clean(self):
        run = self.both([read(0, 0, 4 * M)], "--rounds", "1")
        self.assertEqual(reported(run), [0, 0])


class Runs(Case):
    def test_twice_the_same(self):
        runs = [self.migrations("--workload", "hot+ring", "--seed", "5", "--memory", "16M",
                                "--clock", "trace", "--harvest", "0.5", "--link", "1G",
                                "--rounds", "3", "--downtime", "0", "--tracker", "mixed")[0]
                for _ in range(2)]
        self.assertEqual(runs[0]["rounds"], runs[1]["rounds"])
        self.assertGreater(runs[0]["rounds"][1]["written_pages"], 100)

    def test_each_tracker_by_the_wall(self):
        records = [write(i * 20000, i * 37 % 1000 * 4 * K + i % 4096, 4 * K, i % 3)
                   for i in range(1000)]
        runs = self.migrations("--workload", self.trace(records, 3, ns=20 * 10**6), "--tracker",
                               "all", "--rounds", "3", "--downtime", "0", "--link", "1G")
        self.assertEqual([r["verdict"] for r in runs], ["equal"] * 5)
        for run in runs:
            self.assertEqual(run["states"], 3)
            self.assertGreater(run["written_pages"], 100)

    def test_leaves_and_links_are_multiplied(self):
        runs = self.migrations("--model", "--memory", "1G", "--leaf", "4K", "--leaf", "2M",
                               "--link", "10G", "--link", "100G", "--workload", "ring")
        self.assertEqual([(r["leaf_bytes"], r["link_bytes_per_second"]) for r in runs],
                         [(leaf, rate * 10**9 // 8) for leaf in (4 * K, 2 * M)
                          for rate in (10, 100)])

    def test_16_tib(self):
        run = self.migrations("--model", "--memory", "16T", "--link", "100G", "--workload",
                              "idle", "--harvest", "2")[0]
        self.assertEqual(run["rounds"][0]["bytes"], 16 * T)
        self.assertEqual(run["rounds"][0]["report_ns"], 2 * 16 * T // (4 * K))
        self.assertEqual(run["cost"], {"call_ns": 0, "page_ns": 2, "dirty_ns": 0})
        self.assertNotIn("downtime_ns", run)

    def test_times(self):
        for text, ns in ("20", 20000000), ("300ms", 300000000), ("1.5s", 1500000000):
            run = self.migrations("--model", "--link", "10G", "--workload", "idle", "--memory",
                                  "1M", "--downtime", text)[0]
            self.assertEqual(run["downtime_limit_ns"], ns)

    def test_pasids_are_refused(self):
        run = self.timeless(self.trace([write(0, 0, 1, pasid=7)]), code=1)[0]
        self.assertEqual(run["verdict"], "failed")
        self.assertIn("PASID 7", run["error"])

    def test_more_memory_than_the_trace_has(self):
        run = self.timeless(self.trace([write(0, 0, 1)]), "--memory", "8M", "--rounds", "1")[0]
        self.assertEqual(sent(run), [8 * M, 4 * K])

    def test_agreement(self):
        result = self.migrate("--workload", "hot", "--seed", "1", "--memory", "16M", "--clock",
                              "trace", "--harvest", "1", "--link", "1G", "--against-model")
        self.assertEqual(result["schema"], "iodirty-migrate-2")
        self.assertEqual(result["agreement"], [{"measured": 0, "model": 1, "rounds": 1, "sent": 1,
                                                "downtime": 1, "agrees": True}])


class Recorded(Case):
    """What devices did, as a trace."""

    def recorded(self, *options):
        path = Path(self.folder.name, "r.trace")
        run = self.migrations("--record", path, *options)[0]
        self.assertEqual(run["verdict"], "equal")
        return run, path, list(trace_file.read(path).accesses)

    def test_a_workload(self):
        # What is longer than a page is done page by page; the last is after the stop.
        records = [write(10, 0x10, 8), read(20, 0x2ff0, 0x20, 1), write(30, 0x5ffc, 0x1010),
                   write(40, 0x123, 4, 1), write(2 * FIRST, 0, 1)]
        pieces = [(0, 0x10, 8, True), (1, 0x2ff0, 0x10, False), (1, 0x3000, 0x10, False),
                  (0, 0x5ffc, 4, True), (0, 0x6000, 0x1000, True), (0, 0x7000, 0xc, True),
                  (1, 0x123, 4, True)]
        for tracker in "iommu", "log":
            with self.subTest(tracker=tracker):
                run, _, accesses = self.recorded(
                    "--workload", self.trace(records, 2), "--clock", "trace", "--harvest", "0",
                    "--link", "8G", "--rounds", "1", "--downtime", "0", "--tracker", tracker,
                    "--force")
                self.assertEqual([(a.device, a.iova - handmade.IOVA, a.length, a.write)
                                  for a in accesses], pieces)
                self.assertEqual(run["writes"], 3)

    def test_generators(self):
        run, path, accesses = self.recorded("--workload", "ring", "--memory", "16M", "--link",
                                            "1G", "--rounds", "2", "--rate", "5000")
        self.assertEqual(len(accesses), run["writes"])
        pages = {a.iova // 4096 for a in accesses}
        self.assertLess(max(r["written_pages"] for r in run["rounds"]), len(pages) + 1)
        out = Path(self.folder.name, "replayed")
        done = subprocess.run([TOP / "build/release/iodirty", "trace", "replay", "--round", "10000",
                               "-o", out, path], capture_output=True, text=True, timeout=60,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        replay = json.loads((out / "replay.json").read_text(encoding="utf-8"))
        bitmap = int.from_bytes((out / "rounds.bitmap").read_bytes(), "little")
        self.assertEqual(len(replay["rounds"]), 1)
        first = int(replay["iova"], 0) // 4096
        self.assertEqual({first + i for i in range(bitmap.bit_length()) if bitmap >> i & 1}, pages)


class Usage(Case):
    def test_refused(self):
        trace = self.trace([write(0, 0, 1)], devices=2)
        for words, options in (
                ("wall or trace", ["--clock", "sun"]),
                ("--link", ["--clock", "trace"]),
                ("--link", ["--model"]),
                ("--link", ["--against-model"]),
                ("one of them", ["--model", "--against-model", "--link", "1G"]),
                ("clock of its own", ["--model", "--clock", "wall", "--link", "1G"]),
                ("--harvest is for", ["--harvest", "1"]),
                ("nanoseconds", ["--model", "--link", "1G", "--harvest", "-1"]),
                ("nanoseconds", ["--model", "--link", "1G", "--harvest", "nan"]),
                ("hour", ["--downtime", "3m"]),
                ("hour", ["--downtime", "-1ms"]),
                ("unknown workload", ["--workload", "nothing"]),
                ("/nowhere.trace", ["--workload", "/nowhere.trace"]),
                ("1T", ["--memory", "2T"]),
                ("16T", ["--model", "--link", "1G", "--memory", "32T"]),
                ("4096 KiB", ["--workload", trace, "--memory", "1M"]),
                ("2 devices", ["--workload", trace, "--devices", "1"]),
                ("no leaves", ["-f", "vtd-ss", "--leaf", "64K"]),
                ("multiple", ["--workload", "ring", "--leaf", "2M", "--memory", "3M"]),
                ("--rate 0", ["--rate", "0", "--clock", "trace", "--link", "1G"]),
        ):
            with self.subTest(options=options):
                done = self.call(*options)
                self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
                self.assertIn(words, done.stderr)

    def test_not_to_be_recorded(self):
        record = Path(self.folder.name, "r.trace")
        for words, options in (
                ("do nothing", ["--model", "--link", "1G"]),
                ("container", ["--tracker", "type1"]),
                ("one migration", ["--leaf", "4K", "--leaf", "2M"]),
                ("one migration", ["--tracker", "log", "--tracker", "iommu"]),
        ):
            with self.subTest(options=options):
                done = self.call("--record", record, "--memory", "4M", *options)
                self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
                self.assertIn(words, done.stderr)
                self.assertEqual(list(record.parent.iterdir()), [])
        record.write_text("mine", encoding="utf-8")
        done = self.call("--record", record, "--memory", "4M")
        self.assertEqual(done.returncode, 2)
        self.assertIn("exists already", done.stderr)
        self.assertEqual(record.read_text(encoding="utf-8"), "mine")

    def test_a_trace_that_is_cut(self):
        path = self.trace([write(0, 0, 1)])
        Path(path).write_bytes(Path(path).read_bytes()[:-3])
        done = self.call("--workload", path)
        self.assertEqual(done.returncode, 2)
        self.assertIn(path, done.stderr)

    def test_list(self):
        done = self.call("--workload", "list")
        self.assertEqual(done.returncode, 0)
        self.assertIn("\nring ", done.stdout)


if __name__ == "__main__":
    unittest.main()
