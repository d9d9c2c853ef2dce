# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Tests of the lab without a kernel: a script plays the guest."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import unittest.mock
from pathlib import Path

LAB = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(LAB))

import console  # noqa: E402
import guest  # noqa: E402
import kernels  # noqa: E402
import lab  # noqa: E402
import session  # noqa: E402
from words import Stop  # noqa: E402

PYTHON = sys.executable
FAKE = Path(__file__).resolve().parent / "fake_guest.py"


class FakeGuest:
    """Runs fake_guest.py on the host; @plan says what each case does."""

    env = {}

    def __init__(self, *plan):
        self.plan = plan

    def prepare(self, _session):
        pass

    def settle(self):
        pass

    def command(self, run):
        return [PYTHON, str(FAKE), str(run.folder), *self.plan]


class Scratch(unittest.TestCase):
    """A cache and a current folder of its own."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.top = Path(scratch.name)
        self.set_env("XDG_CACHE_HOME", scratch.name)

    def set_env(self, key, value):
        before = os.environ.get(key)
        self.addCleanup(lambda: os.environ.__setitem__(key, before) if before is not None
                        else os.environ.pop(key))
        os.environ[key] = value


class Run(Scratch):
    """What becomes of a guest that ends, crashes or hangs."""

    def setUp(self):
        super().setUp()
        self.set_env("IODIRTY_LAB_GRACE", "5")

    def run_guest(self, *plan, **options):
        """(exit status or Stop, the journal's entries, stdout, stderr)"""
        out = self.top / "out"
        with open(self.top / "stdout", "w+", encoding="utf-8") as stdout, \
                open(self.top / "stderr", "w+", encoding="utf-8") as stderr, \
                contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
            try:
                with session.Session(FakeGuest(*plan), ["true"], self.top, output=out,
                                     **options) as run:
                    result = run.run()
            except Stop as stop:
                result = stop
            stdout.flush()
            self.folder = run.folder
        self.assertFalse(run.folder.exists(), "the session's folder is left")
        journal = [json.loads(line) for line in
                   (out / "journal.log").read_text(encoding="utf-8").splitlines()]
        return (result, journal, *((self.top / name).read_text(encoding="utf-8")
                                   for name in ("stdout", "stderr")))

    def died(self, journal):
        return [(e["died"], e["message"]) for e in journal if "died" in e]

    def test_status_and_output(self):
        status, journal, out, err = self.run_guest("exit:7")
        self.assertEqual((status, out, err), (7, "to stdout\n", "to stderr\n"))
        self.assertEqual(journal, [])

    def test_all_pass(self):
        status, journal, _, _ = self.run_guest("pass", "pass")
        self.assertEqual(status, 0)
        self.assertEqual([next(iter(e)) for e in journal],
                         ["plan", "start", "end", "start", "end", "done"])

    def test_crash_is_a_verdict(self):
        status, journal, _, err = self.run_guest("pass", "crash", "pass")
        self.assertEqual(status, 0)
        self.assertEqual(self.died(journal),
                         [("CRASH", "Kernel panic - not syncing: case 1 went too far")])
        notes = next(e["notes"] for e in journal if "died" in e)
        self.assertIn("console of case 1", notes)
        self.assertNotIn("console of case 0", notes)
        self.assertEqual([e["end"] for e in journal if "end" in e], [0, 2])
        self.assertIn("CRASH in case 1", err)

    def test_end_without_a_word_is_a_crash(self):
        _, journal, _, _ = self.run_guest("vanish")
        self.assertEqual(self.died(journal), [("CRASH", "the guest ended")])

    def test_line_cut_short(self):
        status, journal, _, _ = self.run_guest("torn", "pass")
        self.assertEqual(status, 0)
        self.assertEqual(self.died(journal), [("CRASH", "the guest ended")])

    def test_hang_is_a_verdict(self):
        self.set_env("IODIRTY_LAB_GRACE", "0.6")
        status, journal, _, _ = self.run_guest("hang", "pass", "hang")
        self.assertEqual(status, 0)
        self.assertEqual([verdict for verdict, _ in self.died(journal)], ["HANG", "HANG"])
        self.assertIn("no word for 0.1 + 0.6 s", self.died(journal)[0][1])

    def test_same_case_twice(self):
        stop, journal, _, _ = self.run_guest("again")
        self.assertRegex(str(stop), "twice in case 0")
        self.assertEqual(len(self.died(journal)), 2)

    def test_end_between_cases(self):
        stop, journal, _, _ = self.run_guest("early")
        self.assertRegex(str(stop), "the last words\nThe guest ended before its program")
        self.assertEqual(self.died(journal), [])

    def test_timeout(self):
        stop, _, _, _ = self.run_guest("sleep", timeout=0.3)
        self.assertRegex(str(stop), "took more than 0.3 s")

    def test_grace_that_is_no_number(self):
        self.set_env("IODIRTY_LAB_GRACE", "long")
        with self.assertRaisesRegex(Stop, "takes seconds, not 'long'"):
            session.Session(FakeGuest(), ["true"], self.top)

    def test_guest_that_does_not_power_off(self):
        with unittest.mock.patch.object(session, "OFF", 0.1):
            self.assertEqual(self.run_guest("stay:3")[0], 3)


class Killed(Scratch):
    """However the lab ends, nothing of the guest is left."""

    SCRIPT = """
import sys
sys.path[:0] = [{lab!r}, {tests!r}]
from pathlib import Path
import signal, session, test_lab
signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored by what a shell has behind &
with session.Session(test_lab.FakeGuest("family"), ["true"], Path({cwd!r})) as run:
    print(run.folder, flush=True)
    run.run()
"""

    def killed_by(self, number):
        script = self.SCRIPT.format(lab=str(LAB), tests=str(FAKE.parent), cwd=str(self.top))
        with subprocess.Popen([PYTHON, "-c", script], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True) as process:
            folder = Path(process.stdout.readline().strip())
            family = [int(process.stdout.readline()) for _ in range(2)]
            process.send_signal(number)
            process.wait(10)
        end = time.monotonic() + 5
        while time.monotonic() < end and (folder.exists() or any(map(alive, family))):
            time.sleep(0.02)
        self.assertEqual([pid for pid in family if alive(pid)], [])
        self.assertFalse(folder.exists())

    def test_term(self):
        self.killed_by(signal.SIGTERM)

    def test_interrupt(self):
        self.killed_by(signal.SIGINT)

    def test_kill(self):
        self.killed_by(signal.SIGKILL)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class Shares(Scratch):
    def test_root_is_not_to_be_written(self):
        with self.assertRaisesRegex(Stop, "must not be /"):
            session.shares(Path("/"))

    def test_only_what_is_not_in_sight(self):
        cwd = Path("/tmp/x/results")
        self.assertEqual(session.shares(cwd, Path("/usr/bin"), Path("/tmp/x"), cwd / "bin"),
                         [(Path("/tmp/x"), "ro"), (cwd, "rw")])

    def test_request(self):
        text = session.request([(Path("/tmp/a b"), "rw")], ["out", "out"],
                               Path("/tmp/a b"), {"K": "v=1"}, ["sh", "-c", ""])
        self.assertEqual(text, b"rw\0/tmp/a b\0stdout\0out\0stderr\0out\0"
                               b"cwd\0/tmp/a b\0env\0K=v=1\0"
                               b"arg\0sh\0arg\0-c\0arg\0\0")


class Words(Scratch):
    def test_names(self):
        self.assertEqual(kernels.find("qemu-latest-debug"),
                         ("qemu-latest-debug", "qemu", "latest", True))
        self.assertEqual(kernels.find("uml", "tree").series, None)
        for name, tree, words in (("xen-6.12", None, "There are uml-6.12"),
                                  ("uml", None, "by --source"),
                                  ("uml-6.12", "tree", "one of uml, qemu")):
            with self.assertRaisesRegex(Stop, words):
                kernels.find(name, tree)

    def wrong(self, *argv):
        """(status, what it said)"""
        err = io.StringIO()
        with contextlib.redirect_stderr(err):
            try:
                status = lab.main([str(word) for word in argv])
            except SystemExit as end:
                status = end.code
        return status, err.getvalue()

    def test_bad_arguments(self):
        for argv, words in (([], "required"), (["build", "xen"], "no kernel 'xen'"),
                            (["run", "uml-6.12"], "required"),
                            (["run", "--memory", "0", "uml-6.12", "true"], "--memory"),
                            (["build", "--source", self.top, "uml"], "no kernel tree")):
            status, said = self.wrong(*argv)
            self.assertEqual(status, 2, argv)
            self.assertIn(words, said)

    def test_hardware_that_uml_has_not(self):
        for wants in (guest.Wants(iommu=True), guest.Wants(smp=2)):
            with self.assertRaisesRegex(Stop, "no such hardware"):
                guest.Uml("linux", "init", wants)

    def test_drive_that_is_not_there(self):
        with self.assertRaisesRegex(Stop, "no such file"):
            guest.Wants(drive=self.top / "none")

    def test_console(self):
        text = console.plain("[    1.234567][  T12] WARNING: CPU: 0 at x\r\n"
                             "[    1.3] BUG: KASAN: slab-use-after-free in f\nleaking nothing\n")
        self.assertEqual(console.complaints(text), ["WARNING: CPU: 0 at x",
                                                    "BUG: KASAN: slab-use-after-free in f"])
        self.assertEqual(console.death(text), "BUG: KASAN: slab-use-after-free in f")

    def test_notes(self):
        text = "before\nBUG: first\nsecond\nthird\n"
        self.assertEqual(console.notes(text, 2), "BUG: first\nsecond")
        self.assertEqual(console.notes(text, 4), "before\nBUG: first\nsecond\nthird")

    def test_initrd(self):
        archive = guest.cpio({"dev": None, "init": b"program"})
        self.assertEqual(len(archive) % 4, 0)
        self.assertEqual(archive.count(b"070701"), 3)


if __name__ == "__main__":
    unittest.main()
