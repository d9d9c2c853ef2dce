# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""certify.py as a program, with a stand-in for ./iodirty."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import jsonschema

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import samples  # noqa: E402
from model import Bench, Results  # noqa: E402

SCHEMAS = HERE.parent / "schemas"
CERTIFY = HERE.parent / "certify.py"

STAND_IN = """#!/bin/sh
# conform -t T [-r R] -o DIR | bench -t T --quick -o DIR | list requirements --json
echo "${IODIRTY_JOURNAL:-none} $*" >>"$FAKE/calls"
case $1,$4 in
conform,-r)
    status=$(cat "$FAKE/probe-status")
    [ $status = 0 ] || { echo "cannot be used here" >&2; exit $status; }
    mkdir probe && cp "$FAKE/results-1.json" probe/results.json ;;
conform,*)
    echo "running the suite"
    [ -e "$FAKE/wait" ] && { touch "$FAKE/waiting"; exec sleep 60; }
    status=$(cat "$FAKE/conform-status")
    [ $status = 0 ] || [ $status = 1 ] || exit $status
    mkdir "$5"
    n=$(grep -c "conform -t [^ ]* -o" "$FAKE/calls")
    cp "$FAKE/results-$n.json" "$5/results.json"
    for f in results.ktap junit.xml; do echo view >"$5/$f"; done
    exit $status ;;
bench,*)
    case " $* " in *" list "*) echo nic; exit 0 ;; *" --list "*) exit $(cat "$FAKE/known") ;; esac
    echo "measuring"
    mkdir "$6"
    [ -e "$FAKE/bench.json" ] && cp "$FAKE/bench.json" "$6"
    exit $(cat "$FAKE/bench-status") ;;
list,*)
    cat "$FAKE/texts.json" ;;
esac
"""

CHECK = """#!/bin/sh
echo "$IODIRTY $*" >"$FAKE/checked"
cat "$FAKE/workloads.txt"
exit $(cat "$FAKE/check-status")
"""


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


class CertifyTest(unittest.TestCase):
    def setUp(self):
        self.dir = Path(tempfile.mkdtemp(prefix="iodirty-test-"))
        self.addCleanup(shutil.rmtree, self.dir)
        self.fake = self.dir / "fake"
        self.fake.mkdir()
        self.out = self.dir / "certificate"
        program = self.fake / "iodirty"
        program.write_text(STAND_IN, encoding="utf-8")
        program.chmod(0o755)
        check = self.fake / "check"
        check.write_text(CHECK, encoding="utf-8")
        check.chmod(0o755)
        self.env = dict(os.environ, IODIRTY=str(program), FAKE=str(self.fake),
                        IODIRTY_CHECK=str(check))
        self.having([samples.case(), samples.case(verdict="SKIP", message="not claimed")])

    def having(self, *runs, conform=0, bench=0, rows=None):
        """Cases of the first run, of the second ...; the last again for all that follow."""
        def put(name, value):
            (self.fake / name).write_text(json.dumps(value), encoding="utf-8")
        (self.fake / "calls").write_text("", encoding="utf-8")
        for n in range(1, 5):
            put(f"results-{n}.json", samples.results(runs[min(n, len(runs)) - 1], run=n))
        put("bench.json", rows or samples.bench([samples.row()]))
        put("texts.json", samples.TEXTS)
        put("conform-status", conform)
        put("probe-status", 0)
        put("bench-status", bench)
        put("known", 0)
        put("check-status", 0)
        (self.fake / "workloads.txt").write_text(
            "ok nic amd-v1 4K 8 rounds 47 pages\nok nic amd-v1 2M 8 rounds 4096 pages\n"
            "skip some - - there is none\n2 passed, 0 failed, 1 skipped\n", encoding="utf-8")

    def calls(self, word):
        """Words of each call of the stand-in that begins so, behind its journal."""
        lines = (self.fake / "calls").read_text(encoding="utf-8").splitlines()
        return [line.partition(" ")[2] for line in lines if line.split(" ")[1] == word]

    def put(self, name, text):
        path = self.dir / name
        path.write_text(text, encoding="utf-8")
        return path

    def certify(self, *args, **more):
        return subprocess.run([sys.executable, CERTIFY, "-o", self.out, *args], env=self.env,
                              cwd=self.dir, capture_output=True, text=True, timeout=120, **more)

    def left(self):
        return sorted(p.name for p in self.dir.iterdir())

    def check_package(self):
        self.assertEqual(self.left(), ["certificate", "fake"])
        subprocess.run(["sha256sum", "--quiet", "--strict", "-c", "MANIFEST.sha256"],
                       cwd=self.out, check=True)
        listed = [line.split("  ", 1)[1] for line in
                  (self.out / "MANIFEST.sha256").read_text(encoding="utf-8").splitlines()]
        files = sorted(str(p.relative_to(self.out)) for p in self.out.rglob("*") if p.is_file())
        self.assertEqual(listed, [f for f in files if f != "MANIFEST.sha256"])
        statement = load(self.out / "statement.json")
        jsonschema.validate(statement, load(SCHEMAS / "package.schema.json"))
        return statement

    def test_passes(self):
        self.having([samples.case()], rows=samples.full_bench())
        done = self.certify()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, f"report: {self.out}/index.html\n")
        statement = self.check_package()
        self.assertEqual(statement["verdict"], "PASSED")
        self.assertNotIn("workloads", statement)
        logs = sorted(p.name for p in (self.out / "logs").iterdir())
        self.assertEqual(logs, ["bench.json", "bench.txt", "console.txt", "junit.xml",
                                "requirements.json", "results.json", "results.ktap"])
        self.assertEqual((self.out / "logs/bench.txt").read_text(encoding="utf-8"),
                         "measuring\n")
        self.assertTrue(list((self.out / "plots").glob("*.svg")))

    def test_fails_and_reports(self):
        self.having([samples.case(verdict="FAIL", message="lost")], conform=1)
        done = self.certify()
        self.assertEqual(done.returncode, 1)
        self.assertTrue(done.stdout.startswith("report: "))
        self.assertEqual(self.check_package()["verdict"], "FAILED")

    def test_benchmark_that_fails_fails(self):
        self.having([samples.case()], bench=1)
        (self.fake / "bench.json").unlink()
        self.assertEqual(self.certify().returncode, 1)
        self.assertEqual(self.check_package()["benchmark"]["passed"], False)

    def test_workloads(self):
        self.having([samples.case()], rows=samples.bench([samples.row(), samples.workload()]))
        done = self.certify("--workload", "nic", "--workload", "some.trace")
        self.assertEqual(done.returncode, 0, done.stderr)
        statement = self.check_package()
        self.assertEqual(statement["verdict"], "PASSED")
        self.assertEqual(statement["workloads"], {
            "names": ["nic", "some.trace"], "passed": True, "exit_status": 0,
            "cases": {"nic": {"ok": 2, "FAIL": 0, "skip": 0},
                      "some": {"ok": 0, "FAIL": 0, "skip": 1}}})
        asked, measured = (self.fake / "words").read_text(encoding="utf-8").splitlines()
        chosen = f"--workload nic --workload {self.dir}/some.trace"
        self.assertEqual(asked, f"bench -t ref --list {chosen}")
        self.assertEqual(measured, f"bench -t ref --quick -o bench --set all {chosen}")
        self.assertEqual((self.fake / "checked").read_text(encoding="utf-8"),
                         f"{self.fake}/iodirty -t ref {chosen}\n")
        page = (self.out / "index.html").read_text(encoding="utf-8")
        self.assertIn("iodirty certify -t ref --workload nic --workload some.trace", page)
        self.assertIn('<td>nic</td><td class="n">2</td>', page)
        self.assertIn("Harvests of what devices write", page)
        self.assertIn("amd-v1/4K/nic", page)

    def test_wrong_harvests_of_workloads_fail(self):
        self.having([samples.case()])
        (self.fake / "check-status").write_text("1", encoding="utf-8")
        (self.fake / "workloads.txt").write_text("ok nic amd-v1 4K\nFAIL nic amd-v1 2M lost\n",
                                                 encoding="utf-8")
        self.assertEqual(self.certify("--workload", "nic").returncode, 1)
        statement = self.check_package()
        self.assertEqual(statement["sentence"], "FAILED: the harvests of workloads on ref; the "
                         "conformance suite passed.")
        self.assertEqual(statement["workloads"]["cases"],
                         {"nic": {"ok": 1, "FAIL": 1, "skip": 0}})
        self.assertIn("Harvests of workloads FAILED in 1 case; see logs/workloads.txt.",
                      statement["remarks"])

    def test_workloads_that_cannot_be_performed_are_said(self):
        self.having([samples.case()])
        (self.fake / "check-status").write_text("4", encoding="utf-8")
        self.assertEqual(self.certify("--workload", "nic").returncode, 0)
        self.assertIn("The workloads could not be performed here: see logs/workloads.txt.",
                      self.check_package()["remarks"])

    def test_workloads_that_are_not_there_stop_it_at_once(self):
        (self.fake / "known").write_text("2", encoding="utf-8")
        done = self.certify("--workload", "none")
        self.assertEqual((done.returncode, self.left()), (2, ["fake"]))
        self.assertNotIn("conformance suite", done.stderr)

    def test_lists_workloads(self):
        done = self.certify("--workload", "list")
        self.assertEqual((done.returncode, done.stdout, self.left()), (0, "nic\n", ["fake"]))

    def test_usage_and_nothing_ran(self):
        for status in (2, 4):
            self.having([], conform=status)
            self.assertEqual(self.certify().returncode, status)
            self.assertEqual(self.left(), ["fake"])
        self.assertEqual(self.certify("--what").returncode, 2)

    def test_suite_that_dies_leaves_nothing(self):
        (self.fake / "conform-status").write_text("139", encoding="utf-8")
        done = self.certify()
        self.assertEqual(done.returncode, 1)
        self.assertIn("left no results (exit status 139)", done.stderr)
        self.assertEqual(self.left(), ["fake"])

    def test_results_that_are_no_json_leave_nothing(self):
        (self.fake / "results.json").write_text("{", encoding="utf-8")
        done = self.certify()
        self.assertEqual(done.returncode, 1)
        self.assertIn("is not JSON", done.stderr)
        self.assertEqual(self.left(), ["fake"])

    def test_replaces_only_a_package_and_only_by_force(self):
        self.assertEqual(self.certify().returncode, 0)
        done = self.certify()
        self.assertEqual(done.returncode, 2)
        self.assertIn("--force", done.stderr)
        self.having([samples.case(verdict="FAIL")], conform=1)
        self.assertEqual(self.certify("--force").returncode, 1)
        self.assertEqual(self.check_package()["verdict"], "FAILED")

    def test_never_removes_what_is_not_its_own(self):
        self.assertEqual(self.certify().returncode, 0)
        (self.out / "notes.txt").write_text("mine", encoding="utf-8")
        self.assertEqual(self.certify("--force").returncode, 2)
        self.assertTrue((self.out / "notes.txt").exists())
        self.assertTrue((self.out / "index.html").exists())

    def test_never_touches_another_directory(self):
        self.out.mkdir()
        (self.out / "precious").write_text("mine", encoding="utf-8")
        (self.out / "MANIFEST.sha256").write_text(
            "0" * 64 + "  ../fake/iodirty\n" + "0" * 64 + "  statement.json\n", encoding="utf-8")
        done = self.certify("--force")
        self.assertEqual(done.returncode, 2)
        self.assertIn("no certification package", done.stderr)
        self.assertTrue((self.out / "precious").exists())
        self.assertTrue((self.fake / "iodirty").exists())

    def test_an_empty_directory_will_do_by_force(self):
        self.out.mkdir()
        self.assertEqual(self.certify().returncode, 2)
        self.assertEqual(list(self.out.iterdir()), [])
        self.assertEqual(self.certify("--force").returncode, 0)
        self.check_package()

    def test_takes_over_what_a_killed_run_left(self):
        partial = self.dir / "certificate.partial"
        (partial / "logs").mkdir(parents=True)
        self.assertEqual(self.certify().returncode, 1)
        self.assertTrue(partial.exists())
        (partial / ".iodirty-partial").touch()
        self.assertEqual(self.certify().returncode, 0)
        self.check_package()

    def test_interrupted_leaves_nothing(self):
        def heed():
            # A shell's job in the background is started deaf to it.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        for number in (signal.SIGINT, signal.SIGTERM):
            (self.fake / "wait").touch()
            with subprocess.Popen([sys.executable, CERTIFY, "-o", self.out], env=self.env,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  preexec_fn=heed) as child:
                for _ in range(300):
                    if (self.fake / "waiting").exists():
                        break
                    time.sleep(0.1)
                child.send_signal(number)
                out, errors = child.communicate(timeout=30)
            (self.fake / "waiting").unlink()
            self.assertEqual((child.returncode, out), (1, b""))
            self.assertIn(b"interrupted", errors)
            self.assertEqual(self.left(), ["fake"])

    def test_full_disk_leaves_nothing(self):
        def no_room():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
        done = self.certify(preexec_fn=no_room)
        self.assertEqual(done.returncode, 1)
        self.assertIn("no package was written", done.stderr)
        self.assertEqual(self.left(), ["fake"])

    def test_default_directory_is_named_after_the_target(self):
        done = subprocess.run([sys.executable, CERTIFY, "-t", "vfio:../a b"], env=self.env,
                              cwd=self.dir, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout,
                         r"^report: iodirty-certificate-vfio-..-a-b-\d{8}T\d{6}Z/index.html\n$")


class SchemaTest(unittest.TestCase):
    def test_benchmark(self):
        schema = load(SCHEMAS / "bench.schema.json")
        jsonschema.Draft7Validator.check_schema(schema)
        jsonschema.validate(samples.full_bench(), schema)
        jsonschema.validate(samples.bench([samples.row(error="lost"),
                                           samples.row(floor=False),
                                           samples.workload()]), schema)
        lost = samples.row()
        lost["missed"] = 1
        unbounded = samples.row()
        del unbounded["floor_ns_per_iopte"]
        empty = samples.workload()
        del empty["pages_written"]
        for wrong in (lost, unbounded, empty, dict(samples.workload(), missed=1.0),
                      {"name": "other"}, {}):
            with self.assertRaises(jsonschema.ValidationError):
                jsonschema.validate(samples.bench([wrong]), schema)

    def test_samples_are_what_the_runner_writes(self):
        schema = load(SCHEMAS / "results.schema.json")
        sample = samples.results([samples.case(), samples.case(verdict="FAIL", message="why")])
        for name, value in sample.items():
            jsonschema.validate(value, {**schema["properties"][name], "$defs": schema["$defs"]})

    def test_sample_is_read(self):
        self.assertTrue(Results(samples.results([samples.case()])).passed)
        self.assertEqual(len(Bench(samples.full_bench()).cells), 24)


if __name__ == "__main__":
    unittest.main()
