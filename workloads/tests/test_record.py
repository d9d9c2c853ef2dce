# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A live run, recorded: what fio says it did on a disk of the reference is in the trace."""

import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "workloads"))

import trace_file  # noqa: E402

IODIRTY = TOP / "build/release/iodirty"
PLUGIN = TOP / "build/release/workloads/nbd/iodirty-nbd.so"
PAGE = 4096
TOOLS = ("fio", "nbdkit")

# In a folder of its own: a server, fio, and what each of them did.
PROGRAM = f"""
nbdkit -f -U "$PWD/socket" -P "$PWD/pid" {PLUGIN} size=16M &
for i in $(seq 300); do [ -S socket ] && break; sleep 0.1; done
fio --name=job --thread --ioengine=nbd --uri="nbd+unix:///?socket=$PWD/socket" --rw=randrw \
    --bs=8k --size=4m --randseed=3 --write_iolog=log --output=/dev/null
status=$?
kill "$(cat pid)"; wait
exit $status
"""


def run(*command, cwd, timeout=120):
    return subprocess.run([str(word) for word in command], cwd=cwd, timeout=timeout, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, check=False)


def pages(pieces):
    """Numbers of the pages that [start, start + length) of @pieces touch."""
    return {page for start, length in pieces
            for page in range(start // PAGE, (start + length - 1) // PAGE + 1)}


class Recorded(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    @unittest.skipUnless(all(map(shutil.which, TOOLS)) and PLUGIN.exists(),
                         f"takes {' and '.join(TOOLS)}")
    def test_what_fio_did(self):
        done = run(IODIRTY, "run", "-f", "vtd-ss", "--record", "live.trace", "--", "bash", "-c",
                   PROGRAM, cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        logged = {"read": [], "write": []}
        for line in (self.folder / "log").read_text(encoding="utf-8").splitlines():
            found = re.fullmatch(r"\d+ \S+ (read|write) (\d+) (\d+)", line)
            if found:
                logged[found[1]].append((int(found[2]), int(found[3])))
        trace = trace_file.read(self.folder / "live.trace")
        moved = {"read": [], "write": []}
        base = None
        for record in trace.accesses:
            # The disk begins where the guest's memory does, on a boundary of 1 GiB.
            base = record.iova >> 30 << 30 if base is None else base
            moved["write" if record.write else "read"].append((record.iova - base, record.length))
        self.assertTrue(logged["read"] and logged["write"])
        for way in ("read", "write"):
            self.assertEqual(sum(length for _, length in moved[way]),
                             sum(length for _, length in logged[way]), way)
            self.assertEqual(pages(moved[way]), pages(logged[way]), way)

    def test_nothing_to_record(self):
        done = run(IODIRTY, "run", "--record", "live.trace", "--", "true", cwd=self.folder)
        self.assertEqual(done.returncode, 1)
        self.assertIn("no device did any DMA", done.stderr)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_a_file_that_is_there_stays(self):
        (self.folder / "live.trace").write_text("mine", encoding="utf-8")
        done = run(IODIRTY, "run", "--record", "live.trace", "--", "true", cwd=self.folder)
        self.assertEqual(done.returncode, 2)
        self.assertIn("exists already", done.stderr)
        self.assertEqual((self.folder / "live.trace").read_text(encoding="utf-8"), "mine")


if __name__ == "__main__":
    unittest.main()
