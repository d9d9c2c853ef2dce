# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The plugin of nbdkit: parameters, and what it says where it cannot serve."""

import shutil
import subprocess
import unittest
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
IODIRTY = TOP / "build/release/iodirty"
PLUGIN = TOP / "build/release/workloads/nbd/iodirty-nbd.so"
NBDKIT = shutil.which("nbdkit")


@unittest.skipUnless(NBDKIT and IODIRTY.is_file() and PLUGIN.is_file(), "not built, or no nbdkit")
class Plugin(unittest.TestCase):
    """What nbdkit says of parameters, wrong ones above all."""

    def says(self, *parameters, run=(IODIRTY, "run", "--")):
        """All that it says. The command may be run before the disk is opened."""
        command = [*run, NBDKIT, "-f", "-U", "-", PLUGIN, *parameters, "--run", "echo served"]
        done = subprocess.run(command, check=False, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=60)
        return done.stdout

    def test_parameters(self):
        for parameters, words in (
                (["size=4097"], "size=4097: it must be a multiple of 4096"),
                (["size=0"], "size=0: it must be more than 0"),
                (["size=x"], "could not parse size string"),
                (["leaf=3M"], "leaf=3145728: it must be a power of two"),
                (["devices=17"], "devices=17: it must be from 1 to 16"),
                (["rounds=0"], "rounds=0: it must be from 1 to 64"),
                (["migrate=soon"], "migrate: "),
                (["link=0"], "link=0: it must be more than 0"),
                (["status=/dev/null"], "nothing is told there without migrate=MS"),
                (["colour=red"], "unknown parameter 'colour'"),
                (["format=vax"], "format=vax: there is no such format: `iodirty list formats`"),
                (["format=a-name-of-17-char"], "there is no such format"),
                (["format=vtd-ss", "leaf=64K"], "leaf=65536: format vtd-ss has no leaves"),
                (["leaf=2M", "size=3M"], "size=3145728 is no multiple of leaves of 2097152"),
                (["format=mock", "size=2G"], "is more than format mock translates from 1 GiB"),
                (["migrate=9", "status=/nowhere/s"], "status=/nowhere/s: No such file")):
            self.assertIn(words, self.says(*parameters))

    def test_good(self):
        for parameters in (["size=4096"], ["format=arm-s2-64k", "size=1M"],
                           ["format=mock", "leaf=4K", "devices=16"]):
            self.assertEqual(self.says(*parameters), "served\n")

    def test_no_reference(self):
        self.assertIn("/nowhere: No such file or directory: run nbdkit by `iodirty run",
                      self.says("device=/nowhere", run=()))
        self.assertIn("/dev/null is not the reference", self.says("device=/dev/null", run=()))


if __name__ == "__main__":
    unittest.main()
