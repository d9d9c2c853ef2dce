# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The soak: what its judge notices, how it ends, and a short one of the release build."""

import argparse
import contextlib
import importlib.machinery
import importlib.util
import io
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
SOAK = TOP / "workloads/soak"
IODIRTY = TOP / "build/release/iodirty"
PLUGIN = TOP / "build/release/workloads/nbd/iodirty-nbd.so"


def load():
    """It has no suffix, as it is a command."""
    loader = importlib.machinery.SourceFileLoader("soak", str(SOAK))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("soak", loader))
    write, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = write
    return module


soak = load()


def runnable():
    """None, or why the soak cannot run here."""
    if not IODIRTY.is_file():
        return "there is no release build"
    try:
        soak.check_programs(argparse.Namespace(plugin=PLUGIN))
    except soak.Missing as reason:
        return str(reason)
    return None


def gone(pid):
    """Soon: ended, though perhaps nobody has waited for it yet."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            if re.search(r"\) [ZX] ", Path(f"/proc/{pid}/stat").read_text(encoding="ascii")):
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.02)
    return False


def migration(number, writes=1000, sent=(4096, 10, 5), last=3, strays=0):
    return {"migration": number, "rounds": len(sent), "sent": list(sent), "last": last,
            "reads": 0, "writes": writes, "strays": strays, "total_ns": 1, "held_ns": 1}


def heed_int():
    """Whoever is above us, in the background, may ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Judge(unittest.TestCase):
    def judged(self, migrations, least=3, **figures):
        """(what is wrong, what was printed)"""
        run = argparse.Namespace(**{**{"failures": [], "ios": 7, "verified": 4096, "errors": 0,
                                       "verifications": 1, "complaint": ""}, **figures})
        with contextlib.redirect_stdout(io.StringIO()) as out:
            wrong = soak.judge(run, migrations, least)
        return "; ".join(wrong), out.getvalue()

    def test_good(self):
        wrong, out = self.judged([migration(1), migration(2), migration(3)])
        self.assertEqual(wrong, "")
        self.assertIn("migrations 3 (3 while there were writes), rounds 12, pages reported 54 "
                      "(9 by last harvests), I/Os 7, bytes verified 4096 in 1 passes, verify "
                      "errors 0, pages written in memory that was left 0", out)

    def test_idle_ones_do_not_count(self):
        idle = migration(3, writes=99, sent=(4096, 0, 0), last=0)
        self.assertIn("2 migrations while there were writes, and 3 are the least",
                      self.judged([migration(1), migration(2), idle])[0])
        self.assertEqual(self.judged([migration(1), migration(2), idle], least=2)[0], "")

    def test_silent_ones(self):
        """All of memory in the first round is no report."""
        silent = migration(2, sent=(4096, 0, 0), last=0)
        self.assertEqual("nothing was reported as written in migrations 2",
                         self.judged([migration(1), silent, migration(3)])[0])
        silent["last"] = 1
        self.assertEqual("", self.judged([migration(1), silent, migration(3)])[0])

    def test_errors(self):
        good = [migration(1), migration(2), migration(3)]
        self.assertIn("fio reports 2 verify errors, such as: bad",
                      self.judged(good, errors=2, complaint=" bad")[0])
        self.assertIn("5 pages were written in memory that devices had left",
                      self.judged([*good, migration(4, strays=5)])[0])
        self.assertIn("nothing was verified", self.judged(good, verified=0)[0])
        self.assertEqual("it hangs", self.judged(good, failures=["it hangs"])[0])


class Command(unittest.TestCase):
    def run_it(self, *arguments, **options):
        done = subprocess.run([sys.executable, SOAK, *arguments], check=False, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
                              **options)
        return done.returncode, done.stdout

    def test_usage(self):
        for wrong, says in ((["--seconds", "0"], "number from 1 on"),
                            (["--iodirty", "/nowhere"], "there is no /nowhere: run `make`"),
                            (["--iodirty", "/bin/true", "--size", "8M"], "from 16M on"),
                            (["--iodirty", "/bin/true", "--size", "16385K"], "whole MiB")):
            status, out = self.run_it(*wrong)
            self.assertEqual(status, 2, out)
            self.assertIn(says, out)

    def test_missing(self):
        with tempfile.TemporaryDirectory() as folder:
            def missing(says, *arguments):
                status, out = self.run_it("--iodirty", "/bin/true", *arguments,
                                          env={"PATH": folder})
                self.assertEqual(status, 4, out)
                self.assertRegex(out, r"\Askip: .*" + says)

            def fake(name, script):
                Path(folder, name).write_text(f"#!/bin/sh\n{script}\n", encoding="ascii")
                Path(folder, name).chmod(0o755)
            missing("there is no nbdkit: run `ci/install workload`")
            fake("nbdkit", "exit 1")
            missing("there is no fio: run `ci/install workload`")
            fake("fio", "echo Available IO engines: ; echo psync; echo nbdx")
            missing("this fio has no engine nbd")
            fake("fio", "echo Available IO engines: ; echo psync; echo nbd")
            missing("there is no /nowhere: run `ci/install workload` and `make`",
                    "--plugin", "/nowhere")


@unittest.skipIf(runnable(), runnable())
class Live(unittest.TestCase):
    """In a TMPDIR of its own, which is to be empty at the end."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="iodirty-test-")
        self.addCleanup(scratch.cleanup)
        self.scratch = Path(scratch.name)

    def start(self, *arguments):
        process = subprocess.Popen([sys.executable, SOAK, "--size", "16M", *arguments], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   preexec_fn=heed_int,
                                   env={**os.environ, "TMPDIR": str(self.scratch)})
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def nbdkit(self, process):
        """Its pid, once it serves and has moved its memory."""
        end = time.monotonic() + 30
        while time.monotonic() < end and process.poll() is None:
            for status in self.scratch.glob("iodirty-*/status"):
                if status.stat().st_size:
                    return int(status.with_name("pid").read_text(encoding="ascii"))
            time.sleep(0.02)
        self.fail(f"no migration: {process.stdout.read() if process.poll() is not None else ''}")

    def ended(self, process, pid):
        """(status, output); nothing is left."""
        out = process.communicate(timeout=90)[0]
        self.assertEqual(list(self.scratch.iterdir()), [], out)
        self.assertTrue(gone(pid), out)
        return process.returncode, out

    def test_short(self):
        process = self.start("--seconds", "6")
        status, out = self.ended(process, self.nbdkit(process))
        self.assertEqual(status, 0, out)
        self.assertRegex(out, r"(?m)^ok   soak of \d+ s, seed 1, format amd-v1")
        figures = re.search(r"bytes verified (\d+) in (\d+) passes, verify errors 0,", out)
        self.assertTrue(figures and int(figures[1]) == int(figures[2]) * 6 << 20 and
                        int(figures[2]), out)

    def test_nbdkit_dies(self):
        process = self.start("--seconds", "30")
        pid = self.nbdkit(process)
        os.kill(pid, signal.SIGSEGV)
        status, out = self.ended(process, pid)
        self.assertEqual(status, 1, out)
        self.assertRegex(out, r"(?m)^FAIL soak .*nbdkit ended with status 139")

    def test_told_to_end(self):
        for sig in signal.SIGINT, signal.SIGTERM:
            process = self.start("--seconds", "30")
            pid = self.nbdkit(process)
            process.send_signal(sig)
            status, out = self.ended(process, pid)
            self.assertEqual(status, 128 + sig, out)

    def test_hang(self):
        """nbdkit is stopped: fio waits for ever, and nobody else may."""
        self.addCleanup(setattr, soak, "FIO_SECONDS", soak.FIO_SECONDS)
        self.addCleanup(setattr, tempfile, "tempdir", tempfile.tempdir)
        soak.FIO_SECONDS = 3
        tempfile.tempdir = str(self.scratch)
        args = argparse.Namespace(
            seconds=30, format="amd-v1", leaf=None, size=16 << 20, migrations=3, seed=1,
            iodirty=IODIRTY, plugin=PLUGIN)
        pids = []

        def freeze():
            pids.append(self.nbdkit(argparse.Namespace(poll=lambda: None)))
            os.kill(pids[0], signal.SIGSTOP)
        thread = threading.Thread(target=freeze)
        thread.start()
        with contextlib.redirect_stdout(io.StringIO()) as out:
            status = soak.soak_once(args)
        thread.join()
        self.assertEqual(status, 1, out.getvalue())
        self.assertRegex(out.getvalue(), "FAIL soak .* hangs: it takes more than 3 s")
        self.assertEqual(list(self.scratch.iterdir()), [])
        self.assertTrue(gone(pids[0]))


if __name__ == "__main__":
    unittest.main()
