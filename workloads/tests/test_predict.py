# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""`iodirty migrate --model` against a simulator of our own, by the description in predict.h.

It is as simple as can be: sets of pages, and a list of accesses. Each round must be the same, to
the byte and to the nanosecond.
"""

import itertools
import json
import random
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
sys.path[:0] = [str(HERE)]

import handmade  # noqa: E402
from handmade import IOVA, read, write  # noqa: E402

PAGE = 4096
MEMORY = 4 << 20
SECOND = 10**9
LEAVES = [4096, 16384, 2 << 20]
LINKS = [1_000_000_000, 32_768_000_000]  # the second: a page takes 1000 ns
TRACKERS = ["iommu", "log", "mixed", "type1", "nobody"]
MIXED = ["log", "iommu", "log"]


def endless(records, ns):
    for turn in itertools.count():
        for record in records:
            yield (record[0] + turn * ns,) + record[1:]


class Simulator:
    def __init__(self, records, ns, migration):
        self.m = migration
        self.accesses = endless(records, ns)
        self.next = next(self.accesses)
        self.memory = migration["memory_bytes"]
        self.leaf = PAGE if migration["split"] else migration["leaf_bytes"]

    def reported_by(self, device):
        """The bytes of the unit in which writes of a device are reported."""
        tracker = self.m["tracker"]
        if tracker == "mixed":
            tracker = MIXED[device % 3]
        return {"iommu": self.leaf, "log": PAGE}.get(tracker, self.memory)

    def until(self, now):
        """What is written before that: pages, and what of it is reported."""
        written, reported = set(), set()
        while self.next[0] < now:
            _ns, iova, length, device, _pasid, writes = self.next
            first, last = iova - IOVA, iova - IOVA + length - 1
            if writes:
                written.update(range(first // PAGE, last // PAGE + 1))
                unit = self.reported_by(device)
                for number in range(first // unit, last // unit + 1):
                    reported.add((number * unit, unit))
            self.next = next(self.accesses)
        return written, self.pages_of(reported)

    def pages_of(self, units):
        if self.m["tracker"] in ("type1", "nobody"):
            return set(range(self.memory // PAGE))
        return {page for at, unit in units for page in range(at // PAGE, (at + unit) // PAGE)}

    def send_ns(self, pages):
        return pages * PAGE * SECOND // self.m["link_bytes_per_second"]

    def report_ns(self):
        if self.m["tracker"] not in ("iommu", "mixed"):
            return 0
        return int(self.m["cost"]["page_ns"] * (self.memory // self.leaf))

    def run(self):
        """Each round: pages sent, reported, written, ns of the report; has it converged?"""
        rounds, now, pending, fits = [], 0, set(range(self.memory // PAGE)), False
        limit = self.m["downtime_limit_ns"]
        late = set(), set()  # written while the report before was made
        while not fits and len(rounds) < self.m["rounds_limit"]:
            now += self.send_ns(len(pending))
            in_time = self.until(now)
            written, reported = in_time[0] | late[0], in_time[1] | late[1]
            rounds.append((len(pending), len(reported), len(written), self.report_ns()))
            pending = reported
            now += self.report_ns()
            late = self.until(now)
            fits = bool(limit) and self.send_ns(len(pending)) <= limit
        rounds.append((len(pending | late[1]), len(late[1]), len(late[0]), self.report_ns()))
        return rounds, fits, now + self.report_ns() + self.send_ns(len(pending | late[1]))


def rounds_of(migration):
    return [(r["bytes"] // PAGE, r["reported_pages"], r["written_pages"], r["report_ns"])
            for r in migration["rounds"]]


def all_over(seed):
    """Random requests of three devices, many of them at the same time, or at a round's end."""
    dice = random.Random(seed)
    records = []
    for ns in sorted(dice.randrange(1000) * 5000 for _ in range(600)):
        length = dice.choice([1, 8, 512, PAGE, 20000])
        what = read if dice.random() < 0.3 else write
        records.append(what(ns, dice.randrange(MEMORY - length), length, dice.randrange(3)))
    return records, 5_000_000


def few_places(seed):
    """A few pages again and again: it converges."""
    dice = random.Random(seed)
    places = [dice.randrange(MEMORY // PAGE) * PAGE for _ in range(12)]
    return [write(1000 * i, dice.choice(places), 64, i % 3) for i in range(500)], 499_001


def in_order(_seed):
    """Each page in turn at 50 MB/s, which is less than any of the links takes."""
    return [write(i * 81920, i * PAGE, PAGE) for i in range(MEMORY // PAGE)], MEMORY * 20


def now_and_then(seed):
    """Ten writes in a tenth of a second."""
    dice = random.Random(seed)
    return sorted(write(dice.randrange(100_000_000), dice.randrange(MEMORY - 9), 9, 1)
                  for _ in range(10)), 100_000_000


class Predict(unittest.TestCase):
    def migrations(self, records, ns, *more):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "hand.trace")
            path.write_bytes(handmade.trace(records, ns, length=MEMORY, devices=3))
            command = [TOP / "build/release/iodirty", "migrate", "--model", "--workload", path,
                       "-o", Path(folder, "out"), *more]
            for option, values in ("--tracker", TRACKERS), ("--leaf", LEAVES), ("--link", LINKS):
                for value in values:
                    command += [option, str(value)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            return json.loads(Path(folder, "out", "migrate.json").read_text())["migrations"]

    def same(self, workload, *more):
        """Returns how many of them converge."""
        records, ns = workload(7)
        migrations = self.migrations(records, ns, *more)
        self.assertEqual(len(migrations), len(TRACKERS) * len(LEAVES) * len(LINKS))
        for m in migrations:
            with self.subTest(tracker=m["tracker"], leaf=m["leaf_bytes"],
                              link=m["link_bytes_per_second"]):
                rounds, converged, total = Simulator(records, ns, m).run()
                self.assertEqual(rounds_of(m), rounds)
                self.assertEqual(m["converged"], converged)
                self.assertEqual(m["sent_bytes"], sum(r[0] for r in rounds) * PAGE)
                self.assertEqual(m["last_bytes"], rounds[-1][0] * PAGE)
                self.assertEqual(m["total_ns"], total)
        return sum(m["converged"] for m in migrations)

    def test_all_over(self):
        self.same(all_over, "--downtime", "1ms", "--rounds", "8", "--harvest", "250")

    def test_few_places(self):
        converged = self.same(few_places, "--downtime", "1ms", "--rounds", "30")
        self.assertGreater(converged, 10)

    def test_in_order(self):
        self.same(in_order, "--downtime", "1ms", "--rounds", "12", "--harvest", "1.3")

    def test_now_and_then(self):
        self.same(now_and_then, "--downtime", "0", "--rounds", "20", "--harvest", "10000")

    def test_split(self):
        self.same(all_over, "--split", "--downtime", "3ms", "--rounds", "5", "--harvest", "0.5")


if __name__ == "__main__":
    unittest.main()
