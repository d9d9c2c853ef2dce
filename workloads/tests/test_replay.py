# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""`iodirty trace replay` and truth.py on traces made by hand; and bad traces, by both readers."""

import contextlib
import io
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import handmade  # noqa: E402
import trace_file  # noqa: E402
import truth  # noqa: E402
from handmade import IOVA, write  # noqa: E402

IODIRTY = os.environ.get("IODIRTY", str(HERE.parent.parent / "build/release/iodirty"))
K, MS = 1 << 10, 1000000
MEMORY = IOVA + 60 * K  # within large leaves at both ends
LENGTH = 4 << 20


def scattered(seed, n=400, devices=3, pasids=(0,), last=90 * MS):
    """Reads and writes of many sizes, from the first byte of the memory to the last."""
    numbers = random.Random(seed)
    sizes = [1, 7, 64, 4096, 4097, 70000]
    accesses = [(0, MEMORY, 1, 0, 0, True), (0, MEMORY + LENGTH - 1, 1, devices - 1, 0, True)]
    for ns in sorted(numbers.randrange(last) for _ in range(n)):
        length = numbers.choice(sizes)
        accesses.append((ns, MEMORY + numbers.randrange(LENGTH - length), length,
                         numbers.randrange(devices), numbers.choice(pasids),
                         numbers.random() < 0.4))
    return accesses


class Case(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.path = Path(scratch.name)
        self.trace = self.path / "a.trace"
        self.out = self.path / "out"

    def make(self, accesses, devices=3, **of_header):
        self.trace.write_bytes(handmade.trace(accesses, iova=MEMORY, length=LENGTH,
                                              devices=devices, **of_header))

    def replay(self, *args, workload=None, status=0):
        """What it says: standard output and errors."""
        done = subprocess.run([IODIRTY, "trace", "replay", "-o", self.out, "--force",
                               *map(str, args), workload or self.trace], capture_output=True,
                              text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout + done.stderr

    def document(self):
        return json.loads((self.out / "replay.json").read_text(encoding="utf-8"))

    def judged(self, *args):
        """Replayed, all is as the trace says: the bitmaps."""
        self.replay("--round", 10, *args)
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            status = truth.main([str(self.trace), str(self.out)])
        self.assertEqual(status, 0, out.getvalue())
        return (self.out / "rounds.bitmap").read_bytes()


class Good(Case):
    def test_leaves_and_pages(self):
        self.make(scattered(1))
        for args in (["-f", "vtd-ss"], ["-f", "arm-s1-64k"], ["-f", "amd-v1", "--leaf", "64K"],
                     ["-f", "mock", "--leaf", "2K"], ["-f", "mock", "--page", "2K"],
                     ["-f", "vtd-ss", "--leaf", "2M"], ["-f", "riscv-sv39", "--page", "64K"],
                     ["-f", "arm-s2-4k", "--leaf", "64K", "--page", "2M"]):
            with self.subTest(args):
                self.judged(*args)

    def test_pasids(self):
        self.make(scattered(2, pasids=(0, 1, 0xFFFFF)))
        self.judged("-f", "vtd-fs")
        said = self.replay("-f", "arm-s2-4k", status=4)
        self.assertIn("the workload has PASIDs, which arm-s2-4k does not track", said)

    def test_pace_and_merge_change_nothing(self):
        self.make(scattered(3))
        flat = self.judged()
        self.assertEqual(self.judged("--pace", 1), flat)
        self.assertIn("lag_ns", self.document())
        self.assertEqual(self.judged("--pace", 2.5), flat)
        self.assertEqual(self.judged("--merge"), flat)

    def test_only_the_first_rounds(self):
        self.make(scattered(4))
        flat = self.judged()
        some = self.judged("--rounds", 3)
        self.assertEqual(some, flat[:len(some)])
        self.assertEqual(len(some) * 3, len(flat))

    def test_no_records(self):
        self.make([], ns=20 * MS)
        self.assertFalse(any(self.judged()))
        self.assertEqual(len(self.document()["rounds"]), 2)

    def test_a_workload_without_end(self):
        self.replay("-m", "1M", workload="uniform")
        self.assertEqual(len(self.document()["rounds"]), 10)
        self.replay("-m", "1M", workload="idle+ring")
        self.assertEqual(self.document()["trace"], "idle+ring")


class Bad(Case):
    def test_usage(self):
        self.make(scattered(5))
        for args, words in ((["--leaf", "8K", "-f", "vtd-ss"], "no leaves of 8192"),
                            (["--page", "3K"], "a power of two"), (["-f", "no"], "unknown format"),
                            (["--round", 0], "milliseconds"), (["--pace", "fast"], "--pace"),
                            (["--pace", "-1"], "--pace"), (["-t", "no"], "no"),
                            (["--rounds", 0], "--rounds"), (["-m", "5000"], "--memory")):
            self.assertIn(words, self.replay(*args, status=2))
        self.make([write(3600 * 1000 * MS, 60 * K, 1)])
        self.assertIn("more than 10000 rounds", self.replay("--round", 1, status=2))
        self.assertIn("unknown workload", self.replay(workload="nobody", status=2))

    def test_a_directory_that_is_there(self):
        self.make(scattered(6, n=1))
        self.out.mkdir()
        (self.out / "replay.json").write_text("mine", encoding="utf-8")
        self.assertIn("was not written by iodirty", self.replay(status=2))
        self.assertEqual((self.out / "replay.json").read_text(encoding="utf-8"), "mine")

    def test_a_signal(self):
        self.make(scattered(7))
        with subprocess.Popen([IODIRTY, "trace", "replay", "--pace", "0.0001", "-o", self.out,
                               self.trace], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True) as process:
            deadline = time.monotonic() + 60
            while not self.out.exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, said)
        self.assertIn("interrupted after 0 of 1 rounds", said[1])
        document = self.document()
        self.assertEqual((document["complete"], document["rounds"]), (False, []))
        self.assertEqual((self.out / "rounds.bitmap").read_bytes(), b"")

    def test_both_readers_refuse_the_same(self):
        """Bytes changed at random, the checksum made right again."""
        numbers = random.Random(8)
        data = handmade.trace(scattered(9, n=12, pasids=(0, 3)), iova=MEMORY, length=LENGTH,
                              devices=3)[:-4]
        refused = 0
        for _ in range(100):
            bad = bytearray(data)
            for _ in range(numbers.randrange(1, 3)):
                bad[numbers.randrange(len(bad))] = numbers.choice(
                    [0, 1, 0x7F, 0x80, 0xFF, numbers.randrange(256)])
            self.trace.write_bytes(handmade.sealed(bytes(bad)))
            try:
                trace_file.read(self.trace)
                refusal = None
            except trace_file.TraceError as error:
                refusal = str(error)
                refused += 1
            # A trace that can be read comes to that leaf size, of which there is none.
            done = subprocess.run([IODIRTY, "trace", "replay", "--rounds", "1", "-f", "vtd-fs",
                                   "--leaf", "3K", self.trace], capture_output=True, text=True,
                                  timeout=60, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertEqual("no leaves of 3072 bytes" in done.stderr, not refusal,
                             f"{refusal}, {done.stderr}, {bytes(bad).hex()}")
        self.assertGreater(refused, 30)
        self.assertLess(refused, 100)


if __name__ == "__main__":
    unittest.main()
