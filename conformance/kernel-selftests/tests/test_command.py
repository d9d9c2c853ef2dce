# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""ci/kernel-selftests itself: the tree, the extraction, and the run with a stand-in for iodirty."""

import argparse
import importlib.machinery
import importlib.util
import io
import os
import subprocess
import sys
import tempfile
import time
import unittest
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

TOP = Path(__file__).resolve().parents[3]


def load(name):
    """A program without a suffix, as a module."""
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), str(TOP / "ci" / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
    try:
        loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module


command = load("kernel-selftests")
judge = command.judge

TAP = ("1..2", "#  RUN           a.one ...", "ok 1 a.one", "#  RUN           a.two ...",
       "not ok 2 a.two")
MAKEFILE = "VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 7\n"


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class Scratch(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.dir = Path(scratch.name)

    def write(self, path, text, mode=0o644):
        path = self.dir / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return path

    def script(self, path, *lines):
        return self.write(path, "\n".join(("#!/bin/bash", *lines, "")), 0o755)

    def tree(self, name="tree", tests="int main(void) { return 0; }\n", header=""):
        """As little of a kernel as is taken for one."""
        for program in judge.PROGRAMS:
            self.write(f"{name}/{command.TESTS}/{program}.c", tests)
        self.write(f"{name}/{command.TESTS}/Makefile", "LDLIBS += -lm\n")
        self.write(f"{name}/tools/testing/selftests/kselftest.h", "")
        self.write(f"{name}/{command.TEST_HEADER}", header)
        for include in command.HEADERS:
            self.write(f"{name}/include/uapi/linux/{include}", "")
        self.write(f"{name}/Makefile", MAKEFILE)
        return self.dir / name


class RunProgram(Scratch):
    def run_it(self, *program, seconds=30, wrapper='shift 2; exec "$@"'):
        self.script("iommufd", *program)
        log = self.dir / "iommufd.log"
        args = argparse.Namespace(iodirty=self.script("iodirty", wrapper), lab=None)
        status, timed_out = command.run_program(command.command_of(args, "iommufd"), self.dir, log,
                                                seconds)
        return status, timed_out, log.read_text(encoding="utf-8")

    def test_status_and_output(self):
        self.assertEqual(self.run_it("echo out; echo err >&2; exit 7"), (7, False, "out\nerr\n"))

    def test_words_of_the_command(self):
        self.assertEqual(self.run_it(wrapper='echo "$@"')[2], "run -- ./iommufd\n")

    def test_words_of_the_command_in_the_lab(self):
        args = argparse.Namespace(iodirty="iodirty", lab="uml-6.12", module=None)
        self.assertEqual(command.command_of(args, "iommufd"),
                         ["iodirty", "lab", "run", "uml-6.12", "--", "./iommufd"])
        args.module = "ref.ko"
        self.assertEqual(command.command_of(args, "iommufd")[4:6], ["--", "sh"])

    def test_time_limit_ends_all(self):
        """Also what has a process group of its own, as each case of the harness."""
        start = time.monotonic()
        status, timed_out, text = self.run_it(
            "set -m", "sleep 100 & echo $!", "sleep 100 & echo $!", "wait", seconds=1)
        self.assertTrue(timed_out)
        self.assertEqual(status, -9)
        self.assertLess(time.monotonic() - start, 20)
        self.assertEqual([alive(pid) for pid in map(int, text.split())], [False, False])

    def test_what_is_left_running_is_ended(self):
        status, timed_out, text = self.run_it("set -m", "sleep 100 & echo $!")
        self.assertEqual((status, timed_out), (0, False))
        self.assertFalse(alive(int(text)))


class Source(Scratch):
    def setUp(self):
        super().setUp()
        for patch in (mock.patch.object(command, "OUT", self.dir / "out"),
                      redirect_stderr(io.StringIO())):
            patch.__enter__()
            self.addCleanup(patch.__exit__, None, None, None)

    def stops(self, status, word, function, *args):
        with self.assertRaises(command.Stop) as caught:
            function(*args)
        self.assertEqual(caught.exception.status, status)
        self.assertIn(word, str(caught.exception))

    def tarball(self, **tree):
        self.tree("linux-source-6.12", **tree)
        self.write("linux-source-6.12/not/needed", "")
        path = self.dir / "linux-source-6.12.tar.xz"
        subprocess.run(["tar", "-cJf", path, "-C", self.dir, "linux-source-6.12"], check=True)
        return path

    def test_extraction_takes_what_is_needed(self):
        src = command.extracted(self.tarball())
        self.assertEqual(src, self.dir / "out/6.12/src")
        self.assertEqual(command.given(src), src)
        self.assertFalse((src / "not").exists())

    def test_extraction_is_kept_until_the_package_changes(self):
        tarball = self.tarball()
        kept = command.extracted(tarball) / "kept"
        kept.touch()
        command.extracted(tarball)
        self.assertTrue(kept.exists())
        os.utime(tarball, (1, 1))
        command.extracted(tarball)
        self.assertFalse(kept.exists())

    def test_interrupted_extraction_is_not_taken_for_whole(self):
        tarball = self.tarball()
        self.write("out/6.12/src.part/Makefile", "half")
        with mock.patch.object(command.subprocess, "run", side_effect=KeyboardInterrupt), \
                self.assertRaises(KeyboardInterrupt):
            command.extracted(tarball)
        self.assertFalse((self.dir / "out/6.12/src").exists())
        src = command.extracted(tarball)
        self.assertEqual((src / "Makefile").read_text(), MAKEFILE)

    def test_broken_package(self):
        tarball = self.tarball()
        tarball.write_bytes(tarball.read_bytes()[:200])
        self.stops(1, "cannot be extracted", command.extracted, tarball)
        self.assertFalse((self.dir / "out/6.12/src").exists())

    def test_no_package(self):
        self.stops(2, "SOURCE=DIR", command.extracted, self.dir / "linux-source-6.12.tar.xz")

    def test_no_tree(self):
        self.stops(2, "no kernel tree", command.given, self.dir / "none")
        (self.tree() / command.TEST_HEADER).unlink()
        self.stops(2, command.TEST_HEADER, command.given, self.dir / "tree")

    def test_version(self):
        self.assertEqual(command.tree_version(self.tree()), ("6.12", "6.12.7"))
        self.write("tree/Makefile", "all:\n")
        self.stops(2, "which version", command.tree_version, self.dir / "tree")

    def test_names_are_given_where_used_and_lacking(self):
        uses = "int x = MOCK_PASID_WIDTH;\nint main(void) { return x != 20; }\n"
        self.assertEqual(command.lacking(self.tree(tests=uses)), ["MOCK_PASID_WIDTH"])
        has = self.tree("has", tests=uses, header="enum { MOCK_PASID_WIDTH = 20 };\n")
        self.assertEqual(command.lacking(has), [])
        self.assertEqual(command.lacking(self.tree("unused")), [])

    def test_build(self):
        uses = "int x = MOCK_PASID_WIDTH;\nint main(void) { return x != 20; }\n"
        tree = self.tree("a tree", tests=uses)
        before = sorted(tree.rglob("*"))
        work, version = command.prepare(tree)
        self.assertEqual((work, version), (self.dir / "out/6.12", "6.12.7"))
        self.assertEqual(sorted(tree.rglob("*")), before)
        self.assertEqual(subprocess.run([work / "bin/iommufd"], check=False).returncode, 0)

    def test_build_is_redone_when_the_source_changes(self):
        work, _ = command.prepare(self.tree())
        first = (work / "bin/iommufd").stat().st_mtime_ns
        command.prepare(self.dir / "tree")
        self.assertEqual((work / "bin/iommufd").stat().st_mtime_ns, first)
        command.prepare(self.tree(tests="int main(void) { return 1; }\n"))
        self.assertEqual(subprocess.run([work / "bin/iommufd"], check=False).returncode, 1)

    def test_compile_error_is_shown(self):
        tree = self.tree(tests="int main(void) { return lost; }\n")
        self.stops(1, "lost", command.prepare, tree)


class Whole(Scratch):
    """main(), from the run to the closing line; the programs are scripts."""

    def setUp(self):
        super().setUp()
        self.work = self.dir / "6.12"
        self.script("6.12/bin/iommufd", *(f"echo '{line}'" for line in TAP), "exit 1")
        self.script("6.12/bin/iommufd_fail_nth", "echo 1..1; echo ok 1 c.three")
        self.iodirty = self.script("iodirty", 'shift 2; exec "$@"')
        (self.dir / "lists").mkdir()
        for name, value in (("TOP", self.dir), ("LISTS", self.dir / "lists"),
                            ("requirements", lambda: set()),
                            ("prepare", lambda *_: (self.work, "6.12.7"))):
            patch = mock.patch.object(command, name, value)
            patch.start()
            self.addCleanup(patch.stop)

    def main(self, *args, listed=None):
        if listed:
            self.write("lists/6.12.txt", listed)
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            try:
                status = command.main(["--iodirty", str(self.iodirty), *args])
            except SystemExit as stop:
                status = stop.code
        return status, out.getvalue(), err.getvalue()

    GOOD = "iommufd a.one pass\niommufd a.two deviates: x\niommufd_fail_nth c.three pass\n"

    def test_as_listed(self):
        status, out, _ = self.main(listed=self.GOOD)
        self.assertEqual(status, 0)
        self.assertIn("2 cases of iommufd: 1 pass, 1 deviate as listed, 0 skipped\n", out)
        self.assertEqual(out.splitlines()[-1], "3 passed, 0 failed, 0 skipped")
        self.assertIn("ok 1 c.three", (self.work / "release/iommufd_fail_nth.log").read_text())

    def test_not_as_listed(self):
        status, out, _ = self.main(listed=self.GOOD.replace("a.one pass", "a.one deviates: y"))
        self.assertEqual(status, 1)
        self.assertIn("FAIL iommufd a.one\n", out)
        self.assertEqual(out.splitlines()[-1], "2 passed, 1 failed, 0 skipped")

    def test_sanitizer_report(self):
        self.iodirty = self.script("iodirty", 'shift 2; "$@"; status=$?',
                                   "echo '==1==ERROR: AddressSanitizer: x'; exit $status")
        status, out, _ = self.main(listed=self.GOOD)
        self.assertEqual(status, 1)
        self.assertIn("FAIL iommufd: a sanitizer reports", out)
        self.assertEqual(out.splitlines()[-1], "3 passed, 2 failed, 0 skipped")

    def test_died_in_the_middle(self):
        self.script("6.12/bin/iommufd", *(f"echo '{line}'" for line in TAP[:-1]), "kill -9 $$")
        status, out, _ = self.main(listed=self.GOOD)
        self.assertEqual(status, 1)
        self.assertIn("it ended in a.two", out)
        self.assertIn("SIGKILL", out)
        self.assertEqual(out.splitlines()[-1], "2 passed, 3 failed, 0 skipped")

    def test_time_limit(self):
        self.script("6.12/bin/iommufd_fail_nth", "echo 1..1; sleep 100")
        status, out, _ = self.main("--timeout", "1", listed=self.GOOD)
        self.assertEqual(status, 1)
        self.assertIn("FAIL iommufd_fail_nth: took more than 1 s and was killed", out)

    def test_no_list(self):
        status, out, _ = self.main()
        self.assertEqual(status, 1)
        self.assertIn("has no list", out)
        self.assertIn("2 cases of iommufd: 1 pass, 1 fail, 0 skipped\n", out)
        self.assertEqual(out.splitlines()[-1], "2 passed, 2 failed, 0 skipped")
        written = (self.work / "proposed.txt").read_text()
        self.assertEqual(self.main(listed=written.replace("?", "x"))[0], 0)

    def test_propose(self):
        status, out, _ = self.main("--propose", listed=self.GOOD)
        self.assertEqual(status, 0)
        self.assertEqual(len(judge.read_list(out, "out")), 3)

    def test_propose_from_half_a_run(self):
        self.script("6.12/bin/iommufd_fail_nth", "echo 1..1")
        status, _, err = self.main("--propose", listed=self.GOOD)
        self.assertEqual(status, 1)
        self.assertIn("do not use this list", err)

    def test_bad_list(self):
        status, _, err = self.main(listed="iommufd a.one\n")
        self.assertEqual(status, 1)
        self.assertIn("lists/6.12.txt:1: ", err)

    def test_wrong_usage(self):
        for args in (["--nonsense"], ["--timeout", "0"], ["--flavour", "x"],
                     ["--iodirty", str(self.dir / "none")]):
            with self.subTest(args):
                self.assertEqual(self.main(*args)[0], 2)
        self.assertIn("there is no ", self.main("--iodirty", str(self.dir / "none"))[2])
