# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
compare.py with a stand-in for iodirty-bench. Most of it in this process, since a comparison
is dozens of runs; as programs what is about programs.
"""

import contextlib
import io
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import unittest
from collections import namedtuple
from pathlib import Path
from unittest import mock

import jsonschema

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import compare  # noqa: E402
import compare_run  # noqa: E402
import fake_bench  # noqa: E402

COMPARE = HERE.parent / "compare.py"
FAKE = HERE / "fake_bench.py"
SCHEMA = HERE.parent / "schemas" / "compare.schema.json"

NAME = "harvest/a/4K/1G/sequential/warm/random/"
CELLS = {NAME + "0%/swar": 1.0, NAME + "1%/swar": 2.0, NAME + "100%/swar/2T": 9.0}
COUNTS = {"harvest/a/4K/1%/swar": {"instructions_per_iopte": 10.0, "atomics_per_dirty": 1.0,
                                   "invalidations": 4.0, "entries_scanned_per_iopte": 1.0}}

Done = namedtuple("Done", "returncode stdout stderr")


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = Path(tempfile.mkdtemp(prefix="iodirty-test-"))
        self.addCleanup(shutil.rmtree, self.dir)
        self.out = self.dir / "out"

    def program(self, name, **config):
        """A benchmark of that name, which does as its configuration says."""
        path, program = self.dir / f"{name}.json", self.dir / f"{name}-bench"
        config = {"cells": CELLS, "noise": 0.005, "seed": sum(name.encode()) * 1000, **config}
        path.write_text(json.dumps(config), encoding="utf-8")
        program.write_text(f'#!/bin/sh\nexec {FAKE} {path} "$@"\n', encoding="utf-8")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return program

    def command(self, *args):
        return [sys.executable, COMPARE, *args, "--seed", "1"]

    def run_it(self, *args):
        """As a program."""
        return subprocess.run(self.command(*args), cwd=self.dir, capture_output=True, text=True,
                              timeout=120)

    def call_bench(self, side, argv):
        """In place of a process: (status, stdout, stderr) of what its program stands for."""
        name = side.program.name.removesuffix("-bench")
        if side.name == "BASE again" and (self.dir / "again.json").exists():
            name = "again"
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = fake_bench.bench(str(self.dir / f"{name}.json"), argv)
        return status, out.getvalue(), err.getvalue()

    def call_it(self, *args):
        """The same, but in this process."""
        def wait(side, argv, _timeout):
            status, _, words = self.call_bench(side, argv[1:])
            return status, words

        def knows(side, option):
            return option in self.call_bench(side, ["--help"])[1].split()

        out, err = io.StringIO(), io.StringIO()
        with mock.patch.object(compare_run.Side, "wait", wait), \
                mock.patch.object(compare_run.Side, "knows", knows), \
                mock.patch("compare.system.facts", dict), \
                mock.patch("compare.heed_signals"), \
                contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                status = compare.main([str(a) for a in args] + ["--seed", "1"])
            except SystemExit as end:
                status = end.code
        return Done(status, out.getvalue(), err.getvalue())

    def compare(self, base=(), new=(), *args, rounds=9, call=None):
        """Of two configurations: (exit status, output, compare.json)."""
        done = (call or self.call_it)(
            self.program("base", **dict(base)), self.program("new", **dict(new)),
            "--only", "*", "--rounds", str(rounds), "-o", self.out, *args)
        return done.returncode, done.stdout + done.stderr, self.document()

    def document(self):
        data = json.loads((self.out / "compare.json").read_text(encoding="utf-8"))
        schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
        jsonschema.validate(data, schema)
        return data

    def verdicts(self, data):
        return {c["name"]: c["new"]["verdict"] for c in data["cells"]}

    def last_line(self, output):
        return [line for line in output.splitlines() if line.startswith("compare:")][-1]


class VerdictTest(Case):
    def test_equal_builds_are_the_same(self):
        """As programs."""
        status, out, data = self.compare(call=self.run_it)
        self.assertEqual(status, 0, out)
        self.assertEqual(set(self.verdicts(data).values()), {"SAME"})
        self.assertEqual(self.last_line(out), "compare: nothing is slower: 3 same within 5.0 %")
        self.assertEqual((data["verdict"], data["complete"], data["rounds"]), ("SAME", True, 9))

    def test_slower_by_20_percent(self):
        status, out, data = self.compare(new={"slower": 1.2})
        self.assertEqual(status, 1, out)
        self.assertEqual(set(self.verdicts(data).values()), {"SLOWER"})
        for cell in data["cells"]:
            self.assertAlmostEqual(cell["new"]["ratio"], 1.2, delta=0.02)
            self.assertLess(cell["new"]["low"], 1.2)
            self.assertGreater(cell["new"]["high"], 1.2)
        self.assertIn("3 cells slower by more than 5.0 %", self.last_line(out))

    def test_one_cell_of_three(self):
        status, out, data = self.compare(
            new={"cells": dict(CELLS, **{NAME + "1%/swar": 2.2})})
        self.assertEqual(status, 1, out)
        self.assertEqual(list(self.verdicts(data).values()), ["SAME", "SLOWER", "SAME"])

    def test_faster(self):
        status, out, data = self.compare(new={"slower": 0.8})
        self.assertEqual((status, data["verdict"]), (0, "FASTER"), out)
        self.assertIn("3 faster", self.last_line(out))

    def test_a_margin_of_ones_own(self):
        status, out, data = self.compare({}, {"slower": 1.08}, "--margin", "15")
        self.assertEqual((status, data["verdict"]), (0, "SAME"), out)

    def test_noise_that_hides_all_is_inconclusive(self):
        status, out, data = self.compare({"noise": 0.5}, {"noise": 0.5})
        self.assertEqual((status, data["verdict"]), (5, "INCONCLUSIVE"), out)
        self.assertIn("undecided", self.last_line(out))
        self.assertGreater(data["resolution"], 0.05)

    def test_too_few_rounds_say_nothing(self):
        status, out, data = self.compare(new={"slower": 2}, rounds=4)
        self.assertEqual((status, data["verdict"]), (5, "INCONCLUSIVE"), out)
        self.assertIn("fewer than 9 rounds can show nothing", out)
        self.assertIn("too few rounds", out)

    def test_base_that_differs_from_itself(self):
        self.program("again", slower=1.3)
        status, out, data = self.compare(new={"slower": 1.3})
        self.assertEqual((status, data["verdict"]), (5, "INCONCLUSIVE"), out)
        self.assertEqual(len(data["machine_moved"]), 3)
        self.assertIn("the machine moved", self.last_line(out))

    def test_it_stops_as_soon_as_all_is_decided(self):
        status, out, data = self.compare(new={"slower": 1.5}, rounds=27)
        self.assertEqual((status, data["rounds"]), (1, 9), out)
        self.assertEqual(data["looked_after"], [9])

    def test_it_stops_when_the_time_is_used_up(self):
        status, out, data = self.compare({}, {}, "--time", "1e-6", rounds=1000)
        self.assertEqual((status, data["rounds"], data["complete"]), (5, 1, True), out)

    def test_the_order_is_drawn_by_lot_and_replayed(self):
        _, _, data = self.compare()
        self.assertEqual({tuple(sorted(o)) for o in data["orders"]}, {("again", "base", "new")})
        self.assertGreater(len({tuple(o) for o in data["orders"]}), 3)
        (self.out / "compare.json").unlink()
        _, _, again = self.compare()
        self.assertEqual(data["orders"], again["orders"])


class CountTest(Case):
    def counted(self, **new):
        changed = {"harvest/a/4K/1%/swar": dict(COUNTS["harvest/a/4K/1%/swar"], **new)}
        return self.compare({"counts": COUNTS}, {"counts": changed})

    def test_equal(self):
        status, out, data = self.counted()
        self.assertEqual(status, 0, out)
        self.assertEqual({c["verdict"] for c in data["counts"]["compared"]}, {"SAME"})
        self.assertIn("counts: 4 compared, 0 worse", out)

    def test_within_two_percent(self):
        self.assertEqual(self.counted(instructions_per_iopte=10.19)[0], 0)

    def test_more_instructions(self):
        status, out, data = self.counted(instructions_per_iopte=10.21)
        self.assertEqual((status, data["verdict"]), (1, "SLOWER"), out)
        self.assertIn("WORSE: harvest/a/4K/1%/swar instructions_per_iopte: 10 -> 10.21", out)
        self.assertIn("1 count worse", self.last_line(out))

    def test_fewer_instructions_are_welcome(self):
        status, out, _ = self.counted(instructions_per_iopte=5)
        self.assertEqual(status, 0, out)
        self.assertIn("BETTER", out)

    def test_from_nothing_is_worse(self):
        none = {"harvest/a/4K/1%/swar": dict(COUNTS["harvest/a/4K/1%/swar"], atomics_per_dirty=0)}
        status, out, _ = self.compare({"counts": none}, {"counts": COUNTS})
        self.assertEqual(status, 1, out)

    def test_a_base_that_cannot_count(self):
        status, out, data = self.compare({}, {"counts": COUNTS})
        self.assertEqual(status, 0, out)
        self.assertIn("counts are left out: BASE", out)
        self.assertEqual(data["counts"]["compared"], [])

    def test_a_base_whose_counts_fail(self):
        status, out, _ = self.compare({"counts": COUNTS, "count-fails": True}, {"counts": COUNTS})
        self.assertEqual(status, 0, out)
        self.assertIn("counts are left out: BASE: ", out)

    def test_a_new_whose_counts_fail(self):
        status, out, data = self.compare({"counts": COUNTS},
                                         {"counts": COUNTS, "count-fails": True})
        self.assertEqual((status, data["verdict"]), (1, "ERROR"), out)
        self.assertIn("counted differently", out)

    def test_a_counter_that_is_gone(self):
        less = {"harvest/a/4K/1%/swar": {"instructions_per_iopte": 10.0}}
        status, out, data = self.compare({"counts": COUNTS}, {"counts": less})
        self.assertEqual((status, data["verdict"]), (5, "INCONCLUSIVE"), out)
        self.assertEqual(len(data["counts"]["only_base"]), 3)

    def test_not_asked_for(self):
        status, out, data = self.compare(
            {"counts": COUNTS}, {"counts": {"x": {"invalidations": 9}}}, "--no-counts")
        self.assertEqual(status, 0, out)
        self.assertEqual(data["counts"]["note"], "not asked for")


class BrokenTest(Case):
    def test_bitmaps_of_new_that_are_wrong(self):
        status, out, data = self.compare(new={"wrong": [NAME + "1%/swar"]})
        self.assertEqual((status, data["verdict"]), (1, "ERROR"), out)
        self.assertIn(f"NEW: {NAME}1%/swar: the bitmap differs: 3 bits missed", out)
        self.assertIn("its results are wrong", self.last_line(out))

    def test_bitmaps_of_base_that_are_wrong(self):
        status, out, _ = self.compare(base={"wrong": [NAME + "1%/swar"]})
        self.assertEqual(status, 4, out)
        self.assertIn("BASE", self.last_line(out))

    def test_a_cell_that_new_lacks(self):
        status, out, data = self.compare(
            new={"cells": {k: v for k, v in CELLS.items() if "/1%" not in k}})
        self.assertEqual((status, data["verdict"]), (5, "INCONCLUSIVE"), out)
        self.assertEqual(data["only_base"], [NAME + "1%/swar"])
        self.assertIn(f"MISSING: NEW has no cell {NAME}1%/swar", out)

    def test_a_cell_that_base_lacks(self):
        status, out, data = self.compare(new={"cells": dict(CELLS, more=1.0)})
        self.assertEqual(status, 0, out)
        self.assertEqual(data["only_new"], ["more"])

    def test_nothing_in_common(self):
        done = self.call_it(self.program("base"), self.program("new", cells={"x": 1.0}))
        self.assertEqual(done.returncode, 4, done.stdout)

    def test_programs_that_fail_in_the_middle(self):
        for how, words in (("exit", "out of memory"), ("cut", "not whole"),
                           ("nothing", "left no bench.json"), ("lose", "was there before"),
                           ("text", "no list of benchmarks"), ("zero", "has no ns_per_iopte")):
            for side, expected in (("new", 1), ("base", 5)):
                with self.subTest(how=how, side=side):
                    for file in self.dir.glob("*.runs"):
                        file.unlink()
                    run = 1 if side == "new" else 2  # of the second round: BASE runs twice in each
                    configs = {"base": {}, "new": {}, side: {"die": {"run": run, "how": how}}}
                    status, out, data = self.compare(configs["base"], configs["new"], "--force",
                                                     rounds=2)
                    self.assertEqual((status, data["verdict"]), (expected, "ERROR"), out)
                    self.assertIn(words, out)
                    self.assertIn(f"{side.upper()} failed",
                                  self.last_line(out).replace("BASE again", "BASE"))
                    self.assertGreater(data["rounds"], 0)
                    self.assertFalse(data["complete"])

    def test_a_program_that_dies(self):
        status, out, _ = self.compare(new={"die": {"run": 1, "how": "signal"}}, rounds=2,
                                      call=self.run_it)
        self.assertEqual(status, 1, out)
        self.assertIn("ended by signal 11", out)

    def test_a_floor_that_was_beaten_is_tried_again(self):
        status, out, data = self.compare(new={"die": {"run": 1, "how": "floor"}})
        self.assertEqual((status, data["verdict"]), (0, "SAME"), out)
        self.assertEqual((self.dir / "new.json.runs").stat().st_size, 10)

    def test_a_base_that_never_worked(self):
        status, out, _ = self.compare(base={"die": {"run": 0, "how": "exit"}})
        self.assertEqual(status, 4, out)

    def test_interrupted(self):
        for number, name in ((signal.SIGTERM, "term"), (signal.SIGINT, "int")):
            with self.subTest(name):
                for file in self.dir.glob("*.runs"):
                    file.unlink()
                new = self.program("new", die={"run": 1, "how": "hang"})
                sign = Path(f"{self.dir}/new.json.hangs")
                sign.unlink(missing_ok=True)
                with subprocess.Popen(
                        self.command(self.program("base"), new, "--only", "*", "-o", self.out,
                                     "--force"),
                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                        preexec_fn=lambda: signal.signal(signal.SIGINT,
                                                         signal.SIG_DFL)) as child:
                    # whoever runs in the background of a shell has it ignored
                    while not sign.exists() and child.poll() is None:
                        time.sleep(0.01)
                    child.send_signal(number)
                    out = child.communicate(timeout=30)[0]
                self.assertEqual(child.returncode, 5, out)
                data = self.document()
                self.assertEqual((data["rounds"], data["complete"], data["interrupted"]),
                                 (1, False, True))
                self.assertIn("interrupted: 1 whole round had been measured", out)
                self.assertEqual(len(data["cells"][0]["samples"]["new"]), 1)

    def test_killed_hard_the_file_is_there(self):
        new = self.program("new", die={"run": 1, "how": "hang"})
        with subprocess.Popen(self.command(self.program("base"), new, "--only", "*", "-o",
                                           self.out), stdout=subprocess.DEVNULL) as child:
            while not Path(f"{self.dir}/new.json.hangs").exists() and child.poll() is None:
                time.sleep(0.01)
            child.kill()
        data = self.document()
        self.assertEqual((data["rounds"], data["complete"]), (1, False))


class UsageTest(Case):
    def refused(self, *args, words, status=2):
        done = self.call_it(*args)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertIn(words, done.stderr)

    def test_wrong_usage(self):
        base = self.program("base")
        self.refused(words="BASE and NEW are wanted")
        self.refused(base, words="1 given")
        self.refused(base, base, base, words="3 given")
        self.refused(base, base, "--rounds", "0", words="--rounds")
        self.refused(base, base, "--margin", "-1", words="--margin")
        self.refused(base, base, "--jobs", "2", words="--jobs goes with --self-test")
        self.refused(base, base, "--force", words="--force goes with -o")
        self.refused(base, base, "--what", words="--what")
        self.refused("--self-test", base, base, words="BASE alone")

    def test_help_tells_the_exit_status(self):
        done = self.run_it("--help")
        self.assertEqual(done.returncode, 0)
        for words in ("0 nothing is slower", "5 inconclusive", "git revision", "--self-test"):
            self.assertIn(words, " ".join(done.stdout.split()))

    def test_sides_that_are_none(self):
        base = self.program("base")
        plain = self.dir / "plain"
        plain.write_text("no program", encoding="utf-8")
        self.refused(base, plain, words="is no program")
        self.refused(base, self.dir, words="run `make` there")
        self.refused(base, "no-such-revision", words="no")

    def test_a_file_that_is_there(self):
        self.out.mkdir()
        (self.out / "compare.json").write_text("{}", encoding="utf-8")
        base = self.program("base")
        self.refused(base, base, "-o", self.out, words="--force replaces it")

    def test_a_benchmark_that_is_too_old(self):
        self.refused(self.program("base", options="-o DIR"), self.program("new"), status=4,
                     words="does not know --only")

    def test_an_iodirty_with_its_benchmark_beside_it(self):
        checkout = self.dir / "checkout"
        folder = checkout / "build" / "release"
        folder.mkdir(parents=True)
        shutil.copy(self.program("base"), folder / "iodirty-bench")
        (checkout / "iodirty").write_text("#!/bin/sh\n", encoding="utf-8")
        (checkout / "iodirty").chmod(0o755)
        done = self.run_it(checkout / "iodirty", checkout, "--only", "*", "--rounds", "9",
                           "-o", self.out)
        self.assertEqual(done.returncode, 0, done.stderr)
        data = self.document()
        for side in "base", "new":
            self.assertEqual(data[side]["program"], str(folder / "iodirty-bench"))
        self.assertIn("the same program, byte for byte", done.stdout)


def git(*argv, cwd):
    env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    return subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *argv], cwd=cwd,
                          env=env, check=True, capture_output=True, text=True).stdout.strip()


class RevisionTest(Case):
    """A checkout of nothing but a Makefile and the reports."""

    def setUp(self):
        super().setUp()
        self.tree = self.dir / "tree"
        shutil.copytree(HERE.parent, self.tree / "reports",
                        ignore=shutil.ignore_patterns("__pycache__", "tests"))
        (self.tree / ".gitignore").write_text("/build/\n", encoding="utf-8")
        git("init", "-q", cwd=self.tree)
        self.good = self.commit(f"\tcp {self.program('base')} $@; chmod +x $@")
        self.bad = self.commit("\techo this cannot be; false")

    def commit(self, recipe):
        (self.tree / "Makefile").write_text(
            f"build/release/iodirty-bench:\n\tmkdir -p $(@D)\n{recipe}\n", encoding="utf-8")
        git("add", "-A", cwd=self.tree)
        git("commit", "-q", "-m", "x", cwd=self.tree)
        return git("rev-parse", "HEAD", cwd=self.tree)

    def revisions(self, base, new):
        return subprocess.run(
            [sys.executable, self.tree / "reports" / "compare.py", base, new, "--only", "*",
             "--rounds", "9", "--seed", "1"], cwd=self.dir, capture_output=True, text=True,
            timeout=120)

    def left(self):
        folder = self.tree / "build" / "compare"
        return sorted(p.name for p in folder.iterdir() if p.name != "lock")

    def worktrees(self):
        return git("worktree", "list", cwd=self.tree).count("\n") + 1

    def test_a_revision_is_built_once(self):
        done = self.revisions(self.good[:8], "HEAD~1")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr.count("building"), 1, done.stderr)
        self.assertEqual(self.left(), [self.good, self.good + ".built"])
        self.assertNotIn("building", self.revisions(self.good, self.good).stderr)

    def test_nothing_is_left_of_a_build_that_fails(self):
        done = self.revisions("HEAD", self.good)
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn("could not be built", done.stderr)
        self.assertIn("this cannot be", done.stderr)
        self.assertEqual((self.left(), self.worktrees()), ([], 1))

    def test_what_a_killed_build_left_is_built_anew(self):
        half = self.tree / "build" / "compare" / self.good
        (half / "build" / "release").mkdir(parents=True)
        (half / "build" / "release" / "iodirty-bench").write_text("half", encoding="utf-8")
        self.assertEqual(self.revisions(self.good, self.good).returncode, 0)

    def test_without_git(self):
        shutil.rmtree(self.tree / ".git")
        done = subprocess.run(
            [sys.executable, self.tree / "reports" / "compare.py", "HEAD", "HEAD"], cwd=self.dir,
            env=dict(os.environ, GIT_CEILING_DIRECTORIES=str(self.dir)), capture_output=True,
            text=True, timeout=60)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("no git", done.stderr)


class SelfTestTest(Case):
    def self_test(self, *args, **config):
        done = self.call_it("--self-test", self.program("base", **config), "--only", "*",
                            "--rounds", "9", *args)
        return done.returncode, done.stdout + done.stderr

    def test_a_machine_on_which_it_works(self):
        status, out = self.self_test()
        self.assertEqual(status, 0, out)
        self.assertEqual([line[:4] for line in out.splitlines()], ["ok  "] * 3, out)

    def test_a_slow_down_that_does_nothing(self):
        """Both are missed, and that is told."""
        status, out = self.self_test(deaf=True)
        self.assertEqual(status, 1, out)
        self.assertEqual(sum(line.startswith("FAIL") for line in out.splitlines()), 2, out)

    def test_alarms_are_counted(self):
        status, out = self.self_test("--jobs", "3")
        self.assertEqual(status, 0, out)
        self.assertIn("3 jobs: 0 false alarms, 0 inconclusive, 3 same", out)

    def test_a_machine_that_says_nothing_has_not_passed(self):
        status, out = self.self_test("--jobs", "2", noise=0.7)
        self.assertEqual(status, 1, out)


if __name__ == "__main__":
    unittest.main()
