# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the migration's judge notices, and what it says of a QEMU that does not do as it should."""

import struct
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import machine
import migrate

FILLED = struct.pack("<Q", 0x1234567800000001) * 512  # no page of it was written by a device


def memory(writes, pages=8):
    """Pages of @pages, of which slot n holds number writes[n]; before them one that is none."""
    content = bytearray(FILLED * (pages + 1))
    for page, number in writes.items():
        struct.pack_into("<Q", content, (page + 1) * migrate.PAGE, number)
    return bytes(content)


def judged(content, seed=0, pages=8):
    return migrate.device_writes(content, migrate.PAGE, pages * migrate.PAGE, seed)


class Judge(unittest.TestCase):
    # SplitMix64 from 0 begins so (by its authors' program); all of them modulo 8.
    KNOWN = (0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f, 0xf88bb8a8724c81ec)
    SLOTS = (7, 4, 7, 4)

    def test_slots(self):
        for n, z in enumerate(self.KNOWN):
            self.assertEqual(migrate.slot(0, n, 1 << 64), z)
            self.assertEqual(migrate.slot(0, n, 8), self.SLOTS[n])

    def test_all_there(self):
        self.assertEqual(judged(memory({7: 2, 4: 3})), (4, []))
        self.assertEqual(judged(memory({7: 2, 4: 1})), (3, []))
        self.assertEqual(judged(memory({})), (0, []))

    def test_what_is_not_there(self):
        """Write 2 is missing, and what was there before it is seen; or nothing is."""
        self.assertEqual(judged(memory({7: 0, 4: 3})), (4, [8 * migrate.PAGE]))
        self.assertEqual(judged(memory({4: 3})), (4, [8 * migrate.PAGE]))

    def test_what_nobody_wrote(self):
        self.assertEqual(judged(memory({7: 2, 4: 3, 1: 0})), (4, [2 * migrate.PAGE]))

    def test_differing(self):
        one = memory({7: 2, 4: 3})
        self.assertEqual(migrate.differing(one, one), [])
        other = bytearray(one)
        other[0] ^= 1
        other[-1] ^= 0x80
        self.assertEqual(migrate.differing(one, bytes(other)), [0, 8 * migrate.PAGE])
        with self.assertRaises(machine.Failed):
            migrate.differing(one, one[:-1])

    def test_addresses(self):
        self.assertEqual(migrate.addresses([0x1000, 0x2000]), "0x1000 0x2000")
        self.assertEqual(migrate.addresses([0] * 10), " ".join(["0x0"] * 8) + " and 2 more")


class Monster(unittest.TestCase):
    """Programs that are no QEMU."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="iodirty-")
        self.addCleanup(scratch.cleanup)
        self.scratch = Path(scratch.name)
        self.patience, machine.PATIENCE = machine.PATIENCE, 0.5
        self.addCleanup(setattr, machine, "PATIENCE", self.patience)

    def start(self, script):
        """What it fails with."""
        with self.assertRaises(machine.Failed) as failed:
            with machine.Machine("source", self.scratch, ["sh", "-c", script], []) as monster:
                self.pid = monster.process.pid
                monster.execute("query-status")
        with self.assertRaises(ProcessLookupError):
            machine.os.killpg(self.pid, 0)
        return str(failed.exception)

    def test_dies(self):
        says = self.start("echo what is wrong >&2; exit 3")
        self.assertIn("source: QEMU ended with status 3 before its monitor answers", says)
        self.assertIn("what is wrong", says)

    def test_hangs(self):
        says = self.start("echo begun; exec sleep 60")
        self.assertIn("source: it took too long until its monitor answers", says)
        self.assertIn("begun", says)

    def test_its_monitor_goes(self):
        server = ("import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); "
                  "s.listen(); s.accept()[0].send(b'{}\\n')")
        says = self.start(f'exec {sys.executable} -c "{server}" {self.scratch}/source-monitor')
        self.assertRegex(says, "source: (its monitor|qmp_capabilities)")


class Command(unittest.TestCase):
    def run_it(self, *arguments, **options):
        done = subprocess.run([sys.executable, migrate.HERE / "migrate.py", *arguments],
                              check=False, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=60, **options)
        return done.returncode, done.stdout

    def test_without_qemu(self):
        with tempfile.TemporaryDirectory() as folder:
            status, out = self.run_it("--iodirty", "/bin/true", env={"PATH": folder})
            self.assertEqual(status, 4, out)
            self.assertRegex(out, r"\Askip: .*there is none: run `ci/install --qemu`")
            fake = Path(folder, migrate.QEMU)
            fake.write_text("#!/bin/sh\necho QEMU emulator version 7.2.19\n", encoding="ascii")
            fake.chmod(0o755)
            status, out = self.run_it("--iodirty", "/bin/true", env={"PATH": folder})
            self.assertEqual(status, 4, out)
            self.assertIn("there is version 7: run", out)
            fake.write_text("#!/bin/sh\necho QEMU emulator version 10.0.2\n", encoding="ascii")
            status, out = self.run_it("--iodirty", "/bin/true",
                                      env={"PATH": folder, "CC": "/bin/false"})
            self.assertEqual(status, 4, out)
            self.assertIn("does not make the guest", out)

    def test_usage(self):
        for wrong in (["--runs", "0"], ["--tracker", "none"], ["--iodirty", "/nowhere"],
                      ["--iodirty", "/bin/true", "-o", "/"]):
            status, out = self.run_it(*wrong)
            self.assertEqual(status, 2, out)

    def test_no_iodirty(self):
        """What is no iodirty ends at once, with no QEMU."""
        start = time.monotonic()
        status, out = self.run_it("--iodirty", "/bin/true")
        if status == 4:
            self.skipTest(out)
        self.assertEqual(status, 1, out)
        self.assertIn("QEMU ended with status 0 before the guest is ready", out)
        self.assertLess(time.monotonic() - start, 30)


if __name__ == "__main__":
    unittest.main()
