# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""export.py: what is read, what is refused, and what each format says of it. What others make
of the formats is for ci/formats/check."""

import contextlib
import io
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
import unittest.mock
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import export  # noqa: E402
import export_github  # noqa: E402
import export_samples  # noqa: E402
import export_source  # noqa: E402
import samples  # noqa: E402
from export_samples import HOSTILE, case  # noqa: E402

EXPORT = HERE.parent / "export.py"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
KCIDB = ["kcidb", "--origin", "ci"]


class Folder(unittest.TestCase):
    def setUp(self):
        self.dir = Path(tempfile.mkdtemp(prefix="iodirty-test-"))
        self.addCleanup(shutil.rmtree, self.dir)
        patch = unittest.mock.patch.dict(os.environ)
        patch.start()
        self.addCleanup(patch.stop)
        os.environ.pop("GITHUB_STEP_SUMMARY", None)

    def export(self, *words, status=0):
        """What it prints; @self.said: its words."""
        out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                seen = export.main([str(w) for w in words])
            except SystemExit as end:
                seen = end.code
            out.flush()
        self.said = err.getvalue()
        self.assertEqual(seen, status, self.said)
        self.assertNotIn("Traceback", self.said)
        return out.buffer.getvalue().decode()

    def conform(self, *cases, **more):
        return export_samples.conform(self.dir / "run", list(cases), **more)

    def kcidb(self, *words):
        return json.loads(self.export(*KCIDB, *words))


class SourceTest(Folder):
    def test_repeats_are_put_together(self):
        good, bad = case(test="a"), case(test="a", verdict="FAIL", message="now")
        other = case(test="b", verdict="XFAIL", deviation="LINUX-001")  # listed as "sometimes"
        folder = export_samples.package(
            self.dir / "p", [[good, other], [bad, case(test="b")]],
            [{"requirement": "REPORT-001", "test": "a", "config": "amd-v1/4K",
              "verdicts": ["PASS", "FAIL"]}])
        source = export_source.read(folder)
        self.assertEqual([(c["test"], c["state"], c.get("verdicts"), c["message"])
                          for c in source.data["cases"]],
                         [("a", "FAIL", ["PASS", "FAIL"], "now"), ("b", "XFAIL", None, "")])
        self.assertEqual(source.data["seconds"], 5)
        self.assertEqual(source.verdict, "FAILED")

    def test_a_flake_without_a_failure_is_one(self):
        skip, good = case(verdict="SKIP", message="no"), case()
        flake = dict({k: good[k] for k in ("requirement", "test", "config")},
                     verdicts=["SKIP", "PASS"])
        folder = export_samples.package(self.dir / "p", [[skip], [good]], [flake])
        self.assertEqual([c["state"] for c in export_source.read(folder).data["cases"]], ["FAIL"])

    def test_runs_in_their_order(self):
        runs = [[case(message=f"{n}", verdict="FAIL")] for n in range(1, 12)]
        source = export_source.read(export_samples.package(self.dir / "p", runs))
        self.assertEqual(source.run, f"{1:032x}")
        self.assertEqual(source.data["cases"][0]["message"], "1")

    def test_states(self):
        cases = [case(test="a", verdict="FAIL"), case("LEAF-002", "b", verdict="FAIL"),
                 case("LEAF-002", "c", verdict="CRASH"), case("LEAF-001", "d", verdict="FAIL"),
                 case("LEAF-001", "e", verdict="SKIP")]
        folder = export_samples.package(self.dir / "p", [cases],
                                        excused=[("LEAF-001", "d", "amd-v1/4K")])
        self.assertEqual([c["state"] for c in export_source.read(folder).data["cases"]],
                         ["FAIL", "OBSERVED", "CRASH", "WAIVED", "SKIP"])

    def test_plain(self):
        text = "a\tb\r\nc\rd\x1be\x9bf\u202eg\u2028\ud800é\U0001f600"
        self.assertEqual(export_source.plain(text),
                         "a\tb\nc\ufffdd\ufffde\ufffdf\ufffdg\ufffd\ufffdé\U0001f600")

    def test_names_that_differ_stay_different(self):
        names = export_source.Names()
        self.assertEqual([names.of("a", "b/c"), names.of("a", "b_c"), names.of("a", "b c"),
                          names.of("0.1%", "é")],
                         ["a.b_c", "a.b_c_2", "a.b_c_3", "0_1pct._"])


class RefusalTest(Folder):
    """Each with its exit status, and a sentence that says what to do or what is wrong."""

    def refuse(self, status, words, *arguments):
        self.assertEqual(self.export(*arguments, status=status), "")
        self.assertRegex(self.said, words)
        self.assertEqual(self.said.count("\n") > 1, "usage:" in self.said, self.said)

    def test_usage(self):
        run = self.conform(case())
        for words, said in (
                ([], "FORMAT"), (["xml", run], "kcidb"), (["lava"], "DIR"),
                (["kcidb", run], "--origin"), (["lava", run, "--origin", "x"], "--origin"),
                (["lava", run, "--force"], "-o"), (["lava", self.dir / "none"], "no folder"),
                (["lava", run / "results.json"], "no folder"), (["lava", self.dir], "conform -o"),
                (["kcidb", "--origin", "My CI", run], "a-z"),
                ([*KCIDB, "--git-commit", "abc", run], "40 digits"),
                ([*KCIDB, "--git-url", "git@x:y", run], "https://"),
                ([*KCIDB, "--url", "ftp://x", run], "http://"),
                ([*KCIDB, "--url", "https://x/a b", run], "http://"),
                ([*KCIDB, "--build-id", "x", run], "ORIGIN:NAME"),
                ([*KCIDB, "--build-id", "a:x", "--tree", "next", run], "--build-id")):
            with self.subTest(words):
                self.refuse(2, said, *words)

    def broken(self, text, said, name="results.json"):
        folder = self.dir / "broken"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        with self.subTest(said):
            self.refuse(1, said, "lava", folder)

    def test_broken_files(self):
        good = export_samples.run([case()])
        for change, said in (({"schema": "iodirty-results-1"}, r"\$\.schema"),
                             ({"cases": [dict(case(), line="x")]}, "line"),
                             ({"cases": {}}, "cases"), ({"seconds": float("nan")}, "seconds"),
                             ({"more": 1}, "more"), ({"run": "../x"}, "run")):
            self.broken(json.dumps({**good, **change}), said)
        self.broken(json.dumps(good)[:-9], "was cut")
        self.broken("[" * 100000, "not JSON")
        self.broken(b"\xff\xfe\x00", "not JSON")
        self.broken(json.dumps(good).replace("2.5", "1e999"), "seconds")
        self.broken("[]", "iodirty writes")
        self.broken("{}", "context", "bench.json")
        self.broken("{}", "run-1", "statement.json")

    def test_statement_of_another_version(self):
        folder = export_samples.package(self.dir / "p", [[case()]])
        export_samples.write(folder / "statement.json", {"format_version": 1})
        self.refuse(1, "statement.json is not what this version", "lava", folder)

    def test_what_is_no_plain_file(self):
        folder = self.dir / "run"
        folder.mkdir()
        for make, said in ((lambda p: os.symlink("/dev/zero", p), "no plain file"),
                           (os.mkdir, "results.json"), (os.mkfifo, "no plain file")):
            make(folder / "results.json")
            self.refuse(1, said, "lava", folder)
            (folder / "results.json").rmdir() if (folder / "results.json").is_dir() else \
                (folder / "results.json").unlink()

    def test_a_file_beyond_all_measure(self):
        folder = self.conform(case())
        with open(folder / "results.json", "r+b") as file:
            file.truncate((1 << 28) + 1)
        self.refuse(1, "256 MiB", "lava", folder)


class OutputTest(Folder):
    def test_file(self):
        run, out = self.conform(case()), self.dir / "signals"
        printed = self.export("lava", run)
        self.assertEqual(self.export("lava", run, "-o", out), "")
        self.assertEqual(out.read_text(encoding="utf-8"), printed)
        out.write_text("mine", encoding="ascii")
        self.export("lava", run, "-o", out, status=2)
        self.assertIn("--force", self.said)
        self.assertEqual(out.read_text(encoding="ascii"), "mine")
        self.export("lava", run, "-o", out, "--force")
        self.assertEqual(out.read_text(encoding="utf-8"), printed)

    def test_what_cannot_be_replaced(self):
        run = self.conform(case())
        mine = self.dir / "mine"
        mine.write_text("mine", encoding="ascii")
        (self.dir / "link").symlink_to(mine)
        for path in self.dir / "link", self.dir:
            self.export("lava", run, "-o", path, "--force", status=2)
            self.assertIn("no plain file", self.said)
        self.export("lava", run, "-o", self.dir / "no/such", status=1)
        self.assertIn("No such file", self.said)
        self.assertEqual(mine.read_text(encoding="ascii"), "mine")

    def program(self, *words, **more):
        return subprocess.run([sys.executable, EXPORT, *map(str, words)], text=True, timeout=20,
                              stderr=subprocess.PIPE, check=False, **more)

    def test_no_room(self):
        """On standard output, in a file, in the summary: what was there stays."""
        run = self.conform(*[case(test=f"t{n}", verdict="FAIL", message="x" * 50)
                             for n in range(100)])
        with open("/dev/full", "w", encoding="ascii") as full:
            done = self.program("lava", run, stdout=full)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"^iodirty export: standard output: No space left.*\n$")

        def little():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        out, summary = self.dir / "out", self.dir / "summary"
        summary.write_text("before\n", encoding="ascii")
        for words in (["github", run, "-o", out], ["github", run, "--summary", summary]):
            done = self.program(*words, stdout=subprocess.DEVNULL, preexec_fn=little)
            self.assertEqual(done.returncode, 1 if "--summary" in words else 0, done.stderr)
        self.assertRegex(done.stderr, r"^iodirty export: .*File too large.*\n$")
        self.assertEqual(summary.read_text(encoding="ascii"), "before\n")
        done = self.program(*KCIDB, run, "-o", self.dir / "sub", preexec_fn=little)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(sorted(os.listdir(self.dir)), ["out", "run", "summary"])

    def test_a_reader_that_left(self):
        run = self.conform(*[case(test=f"t{n}", config=f"f{n}/4K") for n in range(3000)])
        read, write = os.pipe()
        os.close(read)
        done = self.program("lava", run, stdout=write)
        os.close(write)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"^iodirty export: standard output: Broken pipe.*\n$")

    def test_interrupted(self):
        run, pipe = self.conform(case(verdict="FAIL")), self.dir / "pipe"
        os.mkfifo(pipe)
        for number in signal.SIGINT, signal.SIGTERM:
            with subprocess.Popen([sys.executable, EXPORT, "github", str(run), "--summary", pipe],
                                  stderr=subprocess.PIPE, stdout=subprocess.PIPE,
                                  text=True) as child:
                self.assertIn("::error", child.stdout.readline())
                child.send_signal(number)  # it waits for a reader of the pipe
                _, said = child.communicate(timeout=10)
            self.assertEqual((child.returncode, said.count("\n")), (1, 1), said)
            self.assertIn("interrupted", said)

    def test_help_tells_the_exit_status(self):
        for words in [], ["kcidb"], ["lava"], ["github"]:
            self.assertIn("Exit status: 0 written", re.sub(r"\s+", " ",
                                                           self.export(*words, "--help")))


class LavaTest(Folder):
    def test_signals(self):
        cases = [case(test="a"), case(test="a", config="amd-v1/2M", verdict="SKIP", message="no"),
                 case(test="a", config="vtd-ss/4K", verdict="NOT_RUN"),
                 case("LEAF-002", "b", "-", "FAIL", "for information"),
                 case("LEAF-001", "c", "-", "XPASS",
                      measures=[{"name": "time per leaf", "value": 1e-7, "unit": "m s=<>"},
                                {"name": "n", "value": 3, "unit": ""},
                                {"name": "no", "value": None, "unit": "s"}])]
        self.assertEqual(self.export("lava", self.conform(*cases)), """\
<LAVA_SIGNAL_TESTSET START REPORT>
<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=REPORT-001.amd-v1 RESULT=pass>
<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=REPORT-001.vtd-ss RESULT=unknown>
<LAVA_SIGNAL_TESTSET STOP>
<LAVA_SIGNAL_TESTSET START LEAF>
<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=LEAF-002 RESULT=skip>
<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=LEAF-001 RESULT=fail>
<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=LEAF-001.c.time_per_leaf RESULT=pass MEASUREMENT=1e-07 UNITS=ms>
<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=LEAF-001.c.n RESULT=pass MEASUREMENT=3>
<LAVA_SIGNAL_TESTSET STOP>
""")

    def test_each_verdict(self):
        for verdict, result in (("PASS", "pass"), ("FAIL", "fail"), ("CRASH", "fail"),
                                ("HANG", "fail"), ("XPASS", "fail"), ("NOT_RUN", "unknown"),
                                ("XFAIL", "skip"), ("NOT_CAPABLE", "skip"), ("SKIP", "skip")):
            text = self.export("lava", self.conform(case(verdict=verdict)))
            self.assertIn(f"TEST_CASE_ID=REPORT-001.amd-v1 RESULT={result}>", text, verdict)

    def test_the_worst_counts(self):
        for several, result in (("SKIP PASS", "pass"), ("PASS NOT_RUN", "unknown"),
                                ("NOT_RUN FAIL", "fail"), ("XFAIL PASS", "pass")):
            cases = [case(verdict=v, config=f"amd-v1/{n}K")
                     for n, v in enumerate(several.split(), 4)]
            self.assertIn(f"amd-v1 RESULT={result}>", self.export("lava", self.conform(*cases)))

    def test_benchmark(self):
        rows = [samples.row(density=0.1), samples.row(leaf="2M", error="bits are missing")]
        lines = self.export("lava", export_samples.bench(self.dir, rows)).splitlines()
        name = "harvest.amd-v1.4K.256M.sequential.cold.random.0_1pct.avx2"
        self.assertEqual(lines[0], "<LAVA_SIGNAL_TESTSET START bench-harvest>")
        self.assertIn(f"<LAVA_SIGNAL_TESTCASE TEST_CASE_ID={name}.ns_per_iopte RESULT=pass "
                      "MEASUREMENT=0.505 UNITS=ns>", lines)
        self.assertIn(f"<LAVA_SIGNAL_TESTCASE TEST_CASE_ID={name}.x_floor RESULT=pass "
                      "MEASUREMENT=2.02>", lines)
        self.assertIn(f"<LAVA_SIGNAL_TESTCASE TEST_CASE_ID={name.replace('4K', '2M')} "
                      .replace("0_1pct", "1pct") + "RESULT=fail>", lines)
        self.assertNotIn("median", "".join(lines))


class KcidbTest(Folder):
    def test_each_verdict(self):
        for verdict, status in (("PASS", "PASS"), ("FAIL", "FAIL"), ("CRASH", "ERROR"),
                                ("HANG", "ERROR"), ("XPASS", "PASS"), ("NOT_RUN", "MISS"),
                                ("XFAIL", "FAIL"), ("NOT_CAPABLE", "SKIP"), ("SKIP", "SKIP")):
            made = self.kcidb(self.conform(case(verdict=verdict)))
            self.assertEqual([(t["path"], t["status"]) for t in made["tests"][1:]],
                             [("iodirty.REPORT-001.amd-v1", status)])
        made = self.kcidb(self.conform(case("LEAF-002", verdict="FAIL")))
        self.assertEqual(made["tests"][1]["status"], "DONE")

    def test_the_run(self):
        for outcome, status in (("passed", "PASS"), ("failed", "FAIL"), ("interrupted", "FAIL"),
                                ("nothing-ran", "SKIP")):
            whole = self.kcidb(self.conform(case(), outcome=outcome))["tests"][0]
            self.assertEqual((whole["path"], whole["status"], whole["duration"],
                              whole["start_time"]),
                             ("iodirty", status, 2.5, "2026-11-29T05:00:00Z"))

    def test_what_was_tested(self):
        run = self.conform(case())
        made = self.kcidb(run, "--tree", "next", "--git-url", "https://x.org/l.git",
                          "--git-commit", COMMIT, "--config-url", "https://x.org/c",
                          "--url", "https://x.org/r/")
        checkout, build = made["checkouts"][0], made["builds"][0]
        self.assertEqual(
            {k: v for k, v in checkout.items() if k != "id"},
            {"origin": "ci", "tree_name": "next", "git_repository_url": "https://x.org/l.git",
             "git_commit_hash": COMMIT, "patchset_hash": "", "comment": "Linux 6.12.94",
             "valid": True})
        self.assertEqual(build["checkout_id"], checkout["id"])
        self.assertEqual((build["architecture"], build["config_url"], build["status"]),
                         ("x86_64", "https://x.org/c", "PASS"))
        self.assertEqual({t["build_id"] for t in made["tests"]}, {build["id"]})
        self.assertEqual(made["tests"][0]["log_url"], "https://x.org/r/console.txt")
        self.assertEqual(made["tests"][0]["output_files"],
                         [{"name": "results.json", "url": "https://x.org/r/results.json"}])
        again = self.kcidb(run)
        self.assertNotEqual(again["checkouts"][0]["id"], checkout["id"])
        self.assertNotIn("log_url", again["tests"][0])

    def test_a_build_that_is_there(self):
        made = self.kcidb(self.conform(case()), "--build-id", "other:12")
        self.assertEqual(sorted(made), ["tests", "version"])
        self.assertEqual({t["build_id"] for t in made["tests"]}, {"other:12"})

    def test_a_model_is_no_kernel(self):
        target = {"name": "ref", "argument": None, "summary": "s", "capabilities": []}
        made = self.kcidb(self.conform(case(), target=target))
        self.assertIn("a model, not that kernel", made["checkouts"][0]["comment"])

    def test_known_deviations(self):
        made = self.kcidb(self.conform(
            case(test="a", verdict="XFAIL", deviation="LINUX-003"),
            case(test="b", verdict="XFAIL", deviation="LINUX-003"),
            case("LEAF-001", verdict="XPASS", deviation="LINUX-004"),
            case("LEAF-002", verdict="FAIL", deviation="LINUX-005")))
        self.assertEqual([(i["id"], i["culprit"]["code"]) for i in made["issues"]],
                         [("ci:iodirty-LINUX-003", True), ("ci:iodirty-LINUX-004", True)])
        run = "0" * 32
        self.assertEqual([(i["test_id"], i["issue_id"], i["present"])
                          for i in made["incidents"]],
                         [(f"ci:{run}.REPORT-001.amd-v1", "ci:iodirty-LINUX-003", True),
                          (f"ci:{run}.LEAF-001.amd-v1", "ci:iodirty-LINUX-004", False)])

    def test_words_and_numbers(self):
        made = self.kcidb(self.conform(
            case(verdict="FAIL", message=HOSTILE, notes="n" * 20000, seconds=1.5, measures=[
                {"name": "a b", "value": 2.5, "unit": "ns\x00"},
                {"name": "no", "value": None, "unit": ""}]),
            case(config="amd-v1/2M", seconds=0.5)))
        row, number = made["tests"][1:]
        self.assertEqual(row["duration"], 2)
        self.assertEqual(row["misc"]["cases"], {"FAIL": 1, "PASS": 1})
        self.assertTrue(row["log_excerpt"].startswith("FAIL some_test amd-v1/4K: 50% | a<b>"))
        self.assertLessEqual(len(row["log_excerpt"].encode()), 16384)
        self.assertNotRegex(row["log_excerpt"], "[\x00\x1b\u202e\ud800]")
        self.assertEqual((number["path"], number["status"], number["number"]),
                         ("iodirty.REPORT-001.amd-v1.some_test.a_b", "DONE",
                          {"value": 2.5, "unit": "ns\ufffd"}))

    def test_package(self):
        flake = {"requirement": "REPORT-001", "test": "some_test", "config": "amd-v1/4K",
                 "verdicts": ["PASS", "FAIL"]}
        folder = export_samples.package(self.dir / "p", [[case()], [case(verdict="FAIL")]],
                                        [flake])
        (folder / "logs/run-1/console.txt").write_text("x", encoding="ascii")
        made = self.kcidb(folder, "--url", "https://x.org")
        whole, row = made["tests"]
        self.assertEqual(whole["comment"], "FAILED: so it is.")
        self.assertEqual(whole["log_url"], "https://x.org/logs/run-1/console.txt")
        self.assertIn({"name": "logs_run-2-results.json",
                       "url": "https://x.org/logs/run-2/results.json"}, whole["output_files"])
        self.assertEqual(row["misc"]["flakes"], ["some_test amd-v1/4K: PASS then FAIL"])

    def test_benchmark(self):
        rows = [samples.row(), samples.row(leaf="2M", error="missing")]
        made = self.kcidb(export_samples.bench(self.dir, rows))
        found = {t["path"]: t for t in made["tests"]}
        self.assertEqual(made["tests"][0]["status"], "FAIL")
        name = "iodirty.bench.harvest.amd-v1.4K.256M.sequential.cold.random.1pct.avx2"
        self.assertEqual(found[f"{name}.ms_per_gib"]["number"], {"value": 0.1, "unit": "ms/GiB"})
        self.assertEqual(found[name.replace("4K", "2M")]["status"], "FAIL")


class GithubTest(Folder):
    def test_annotations(self):
        cases = [case("LEAF-001", "low", verdict="FAIL", message="m"),
                 case(test="high", verdict="CRASH", message="a, b: 100%\nsecond", line=7),
                 case(test="high", config="vtd-ss/4K", verdict="CRASH", message="other", line=7),
                 case(test="list", verdict="XPASS", message="x"),
                 case(test="late", verdict="NOT_RUN"),
                 case("LEAF-002", "seen", "-", "FAIL", "i"),
                 case(test="known", verdict="XFAIL", deviation="LINUX-001")]
        self.assertEqual(self.export("github", "--prefix", "sub/dir/", self.conform(*cases)), """\
::error file=sub/dir/conformance/tests/report.c,line=7,title=REPORT-001%3A A write is reported::\
CRASH high in amd-v1/4K, vtd-ss/4K%0Aa, b: 100%25%0Asecond%0AStake: data-loss.
::error file=sub/dir/conformance/tests/report.c,line=12,title=LEAF-001%3A A leaf is a leaf::\
FAIL low in amd-v1/4K%0Am%0AStake: interface.
::warning file=sub/dir/conformance/tests/report.c,line=12,title=REPORT-001%3A A write is reported\
::XPASS list in amd-v1/4K%0Ax%0AStake: data-loss.
::warning file=sub/dir/conformance/tests/report.c,line=12,title=REPORT-001%3A A write is reported\
::NOT_RUN late in amd-v1/4K%0AStake: data-loss.
::notice file=sub/dir/conformance/tests/report.c,line=12,title=LEAF-002%3A Worth knowing::\
FAIL seen%0Ai%0AStake: interface.
""")

    def test_ten_of_a_kind(self):
        for count, lines, rest in ((10, 10, None), (11, 10, "2 more"), (40, 10, "31 more")):
            cases = [case(test=f"t{n}", verdict="FAIL") for n in range(count)]
            text = self.export("github", self.conform(*cases)).splitlines()
            self.assertEqual(len(text), lines)
            self.assertEqual(rest and rest in text[-1] or None, rest and True)

    def test_hostile_words(self):
        text = self.export("github", self.conform(
            case(verdict="FAIL", message=HOSTILE, file="a,b:c%0A.c")))
        self.assertEqual(text.count("\n"), 1)
        self.assertIn("file=a%2Cb%3Ac%250A.c,", text)
        self.assertIn("%0A::error file=a,line=1::injected%0A<LAVA", text)
        self.assertNotRegex(text, "[\x00\x1b\r\u202e\ud800]")

    def test_flakes_and_waivers_warn(self):
        cases = [case(test="flaky", verdict="FAIL"), case("LEAF-001", "excused", verdict="FAIL")]
        flake = {"requirement": "REPORT-001", "test": "flaky", "config": "amd-v1/4K",
                 "verdicts": ["PASS", "FAIL"]}
        folder = export_samples.package(self.dir / "p", [cases], [flake],
                                        [("LEAF-001", "excused", "amd-v1/4K")])
        summary = self.dir / "s.md"
        text = self.export("github", folder, "--summary", summary)
        self.assertNotIn("::error", text)
        self.assertIn("::PASS then FAIL flaky in amd-v1/4K", text)
        self.assertIn("::WAIVED excused in amd-v1/4K", text)
        self.assertEqual(re.findall("^##+ (.*)$", summary.read_text(encoding="utf-8"), re.M),
                         ["iodirty&#58; FAILED&#58; so it is.".replace("iodirty&#58;", "iodirty:"),
                          "Not the same each time", "Waived"])

    def test_summary(self):
        run = self.conform(case(verdict="FAIL", message=HOSTILE),
                           case("LEAF-001", verdict="SKIP", message="a|b"))
        os.environ["GITHUB_STEP_SUMMARY"] = str(self.dir / "step.md")
        (self.dir / "step.md").write_text("before\n", encoding="ascii")
        self.export("github", run)
        text = (self.dir / "step.md").read_text(encoding="utf-8")
        self.assertTrue(text.startswith("before\n## iodirty: FAILED\n"))
        self.assertIn("| mandatory | 1 | 1 FAIL |", text)
        row = next(line for line in text.splitlines() if line.startswith("| REPORT-001 "))
        self.assertEqual(row.count("|"), 6)
        self.assertIn("50% &#124; a&#60;b&#62;&#38;&#96;c&#96; \ufffd&#91;31m\ufffd", row)
        self.assertIn("<br>&#58;&#58;error file=a,line=1&#58;&#58;injected<br>", row)
        self.assertIn("| 1 | a&#124;b |", text)
        self.export("github", run, "--summary", self.dir / "other.md")
        self.assertEqual((self.dir / "step.md").read_text(encoding="utf-8"), text)
        self.assertEqual("before\n" + (self.dir / "other.md").read_text(encoding="utf-8"), text)

    def test_one_mebibyte_a_step(self):
        cases = [case(test=f"t{n}", verdict="FAIL", message="é" * 600) for n in range(2000)]
        step = self.dir / "step.md"
        step.write_text("x" * 100000 + "\n", encoding="ascii")
        self.export("github", self.conform(*cases), "--summary", step)
        text = step.read_text(encoding="utf-8")
        size = len(text.encode())
        self.assertLessEqual(size, 1 << 20)
        self.assertGreater(size, (1 << 20) - 3000)
        kept = text.count("| REPORT-001 |")
        left = int(re.search(r"\n([\d,]+) more lines are left out", text)[1].replace(",", ""))
        self.assertEqual(kept + left, 2000)
        self.assertTrue(text.endswith("of a step.\n"))

    def test_benchmark(self):
        rows = [samples.row(), samples.row(leaf="2M", error="12 bits are missing")]
        summary = self.dir / "s.md"
        text = self.export("github", export_samples.bench(self.dir, rows), "--summary", summary)
        self.assertRegex(text, r"^::error title=benchmark harvest/amd-v1/2M/.*::12 bits are missing"
                         r"\n$")
        self.assertIn("Benchmark: 2 cells, 1 failed.", summary.read_text(encoding="utf-8"))

    def test_every_state_is_told_of(self):
        """What a case may end as has its place in the summary, or is a plain count."""
        for verdict in export_samples.VERDICTS:
            run = self.conform(case(verdict=verdict, message="told"))
            source = export_source.read(run)
            self.assertEqual("told" in export_github.summary(source),
                             verdict not in ("PASS", "NOT_CAPABLE"), verdict)


if __name__ == "__main__":
    unittest.main()
