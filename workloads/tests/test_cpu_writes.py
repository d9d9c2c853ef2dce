# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What fio writes by the processor is no DMA: no tracker of devices may report it.

fio writes to a file that is mapped where a device may write, too; then a device does.
"""

import shutil
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
IODIRTY = TOP / "build/release/iodirty"
PROGRAM = TOP / "build/release/workloads/tests/cpu_writes"
PAGES = 1024
LIMIT = 30
FORMATS = ("amd-v1", "vtd-ss", "arm-s1-4k", "riscv-sv39")
WRITTEN = 700  # a page each, all different: fio's random map


class Guest:
    """The program, under `iodirty run`: a line of it for a line of ours."""

    def __init__(self, pagetable):
        self.process = subprocess.Popen(
            ["timeout", str(LIMIT), IODIRTY, "run", PROGRAM, pagetable, str(PAGES)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.path = self.process.stdout.readline().strip()

    def ask(self, line):
        print(line, file=self.process.stdin, flush=True)
        return tuple(map(int, self.process.stdout.readline().split()))

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        try:
            return self.process.wait(LIMIT)
        finally:
            self.process.send_signal(signal.SIGKILL)


@unittest.skipUnless(shutil.which("fio"), "fio is missing: ci/install workload")
class CpuWrites(unittest.TestCase):
    def fio(self, path, engine):
        """Writes WRITTEN pages, of what is never 0."""
        with tempfile.TemporaryDirectory(prefix="cpu-writes-") as folder:
            run = subprocess.run(
                ["fio", "--name=cpu", f"--ioengine={engine}", f"--filename={path}",
                 "--rw=randwrite", "--bs=4k", f"--size={PAGES * 4096}", "--randseed=1",
                 f"--number_ios={WRITTEN}", "--buffer_pattern=0xa5", "--allow_file_create=0",
                 "--output-format=terse"],
                cwd=folder, capture_output=True, text=True, timeout=LIMIT, check=False)
        self.assertEqual(run.returncode, 0, run.stderr + run.stdout)

    def nothing_but_dma(self, pagetable, engine):
        guest = Guest(pagetable)
        self.addCleanup(guest.close)
        self.assertRegex(guest.path, r"^/proc/\d+/fd/\d+$")
        self.assertEqual(guest.ask("report"), (0, 0))

        self.fio(guest.path, engine)
        reported, changed = guest.ask("report")
        self.assertEqual(changed, WRITTEN, "fio has not written what it was to")
        self.assertEqual(reported, 0, f"{engine} on {pagetable}: pages that no device wrote")

        # Storage that is written: the device reads memory.
        self.assertEqual(guest.ask("read"), (PAGES * 4096,))
        self.assertEqual(guest.ask("report"), (0, WRITTEN))

        # And it would have been seen.
        self.assertEqual(guest.ask("write 77"), (1,))
        self.assertEqual(guest.ask("report")[0], 1)
        self.assertEqual(guest.ask("report")[0], 0)
        self.assertEqual(guest.close(), 0)

    def test_mmap(self):
        for pagetable in FORMATS:
            with self.subTest(pagetable):
                self.nothing_but_dma(pagetable, "mmap")

    def test_psync(self):
        self.nothing_but_dma("amd-v1", "psync")


if __name__ == "__main__":
    unittest.main()
