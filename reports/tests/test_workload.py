# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""workload.py as a program, with a stand-in for ./iodirty."""

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

import jsonschema

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
REPORT = HERE.parent / "workload.py"
SCHEMAS = HERE.parent / "schemas"
sys.path[:0] = [str(HERE.parent)]

import workload  # noqa: E402
import workload_run  # noqa: E402

G = 10 ** 9
FEW = ["-w", "nic", "--link", "25G", "--guest", "4G", "--harvest", "0.5"]


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


def refused(test, data, schema, *changes):
    for i, change in enumerate(changes):
        wrong = json.loads(json.dumps(data))
        change(wrong)
        with test.subTest(change=i), test.assertRaises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)


class ReportTest(unittest.TestCase):
    def setUp(self):
        self.dir = Path(tempfile.mkdtemp(prefix="iodirty-test-"))
        self.addCleanup(shutil.rmtree, self.dir)
        self.fake = self.dir / "fake"
        self.fake.mkdir()
        program = self.fake / "iodirty"
        program.write_text(f'#!/bin/sh\nexec {HERE}/fake_iodirty.py {self.fake}/config "$@"\n',
                           encoding="utf-8")
        program.chmod(0o755)
        self.env = dict(os.environ, IODIRTY=str(program))
        self.having()
        self.addCleanup(self.signals_as_they_were())

    def having(self, **more):
        config = {"fits": {"type1": 400 * G, "nobody": 400 * G},
                  "writes": [[i * 1000, i * 65536, 4096] for i in range(100)], **more}
        (self.fake / "config").write_text(json.dumps(config), encoding="utf-8")

    @staticmethod
    def signals_as_they_were():
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
        return lambda: [signal.signal(*it) for it in before.items()]

    def report(self, *args):
        """In this process, which has matplotlib already."""
        with (mock.patch.dict(os.environ, self.env), contextlib.chdir(self.dir),
              contextlib.redirect_stdout(io.StringIO()) as out,
              contextlib.redirect_stderr(io.StringIO()) as errors):
            status = workload.main([*(args or FEW), "-o", "out"])
        return subprocess.CompletedProcess(args, status, out.getvalue(), errors.getvalue())

    def left(self):
        return sorted(p.name for p in self.dir.iterdir())

    def test_whole(self):
        done = subprocess.run([sys.executable, REPORT, *FEW, "-o", "out"], env=self.env,
                              cwd=self.dir, capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, "report: out/index.html\n")
        self.assertIn("nic: with type1 this guest of 4 GiB never converges on 25 Gb/s; with IOMMU "
                      "tracking at 4 KiB it stops for 75.5 ms.", done.stderr)
        out = self.dir / "out"
        subprocess.run(["sha256sum", "--quiet", "-c", "MANIFEST.sha256"], cwd=out, check=True)
        self.assertEqual(len(list((out / "plots").iterdir())), 5)
        self.assertFalse((out / "run").exists())
        schema = load(SCHEMAS / "migrate.schema.json")
        logs = list((out / "logs").iterdir())
        self.assertEqual(len(logs), 10)
        for path in logs:
            jsonschema.validate(load(path), schema)
        numbers = load(out / "workload.json")["workloads"][0]
        self.assertEqual(numbers["writes"]["writes"], 100)
        self.assertEqual(numbers["writes"]["working_set_pages"], 100)
        self.assertEqual(len(numbers["predicted_by_link"]), 8)
        self.assertEqual(len(numbers["agreement"]), 8)
        self.assertTrue(all(e["how"] == "model" for e in numbers["predicted_by_link"]))
        # Half of what it takes to send 1 GiB by 25 Gb/s.
        self.assertEqual({a["measured"]["downtime_limit_ns"] for a in numbers["agreement"]},
                         {171 * 10 ** 6})
        self.over_another()
        self.schema_is_strict(load(out / "workload.json"))

    def over_another(self):
        """Not over what is there, unless it is told to, nor over what is not its own."""
        self.assertEqual(self.report().returncode, 2)
        (self.dir / "out/mine").touch()
        done = self.report(*FEW, "--force")
        self.assertEqual(done.returncode, 2)
        self.assertIn("mine", done.stderr)

    def schema_is_strict(self, data):
        schema = load(SCHEMAS / "workload.schema.json")
        jsonschema.Draft7Validator.check_schema(schema)
        jsonschema.validate(data, schema)
        refused(self, data, schema,
                lambda d: d.update(schema="iodirty-workload-2"),
                lambda d: d.update(other=1),
                lambda d: d.pop("sound"),
                lambda d: d.update(workloads=[]),
                lambda d: d.update(guests_bytes=[4096, 4096]),
                lambda d: d["workloads"][0].pop("origin"),
                lambda d: d["workloads"][0]["sentences"].pop(),
                lambda d: d["workloads"][0]["writes"].update(writes=-1),
                lambda d: d["workloads"][0]["writes"]["slices"][0].pop("pages"),
                lambda d: d["workloads"][0]["writes"]["heat"].update(low="100"),
                lambda d: d["workloads"][0]["predicted_by_link"][0].update(how="measured"),
                lambda d: d["workloads"][0]["predicted_by_guest"][0].update(verdict="equal"),
                lambda d: d["workloads"][0]["predicted_by_guest"][0].update(tracker="all"),
                lambda d: d["workloads"][0]["agreement"][0].pop("agrees"),
                lambda d: d["workloads"][0]["agreement"][0]["measured"].update(how="model"))

    def test_type1_where_only_its_downtime_is_shown_has_one_round(self):
        args = workload.parse(["-w", "nic", "--link", "25G", "--link", "40G", "--guest", "4G",
                               "--guest", "8G"])
        rounds = {}
        for call in workload_run.predictions(args, "nic", "nic"):
            given = dict(zip(call.arguments, call.arguments[1:]))
            trackers = [b for a, b in zip(call.arguments, call.arguments[1:])
                        if a == "--tracker"]
            self.assertIn("--model", call.arguments)
            for tracker in trackers:
                key = tracker, given["--memory"], given["--link"]
                rounds.setdefault(key, set()).add(given["--rounds"])
        for where in (("4G", "40G"), ("8G", "40G")):
            self.assertEqual(rounds["type1", *where], {"1"})
            self.assertEqual(rounds["iommu", *where], {"10"})
            self.assertEqual(rounds["log", *where], {"10"})
            self.assertNotIn(("nobody", *where), rounds)
        self.assertEqual([rounds[t, "4G", "25G"] for t in ("type1", "iommu", "log", "nobody")],
                         [{"10"}] * 4)
        self.assertNotIn(("iommu", "8G", "25G"), rounds)

    def test_what_fails_is_told_and_leaves_nothing(self):
        for word, how, said in (("trace", "exit", "no <luck> today"),
                                ("trace", "text", "nic.trace: "),
                                ("migrate", "signal", "signal 11"),
                                ("migrate", "nothing", "it said nothing"),
                                ("migrate", "text", "is not JSON"),
                                ("migrate", "lack", "is not what `iodirty migrate` writes")):
            with self.subTest(word=word, how=how):
                self.having(fail={"word": word, "nth": 0, "how": how})
                done = self.report()
                self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
                self.assertIn(said, done.stderr)
                self.assertIn("no report was written", done.stderr)
                self.assertNotIn("Traceback", done.stderr)
                self.assertEqual(self.left(), ["fake"])

    def test_disagreement_fails_and_the_report_is_there(self):
        self.having(ratio=1.5, verdict="differs")
        done = self.report()
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("0 of them with every byte equal; the model disagrees with 8 of them, by up "
                      "to 50 %", done.stderr)
        self.assertTrue((self.dir / "out/index.html").is_file())
        self.assertFalse(load(self.dir / "out/workload.json")["sound"])

    def test_interrupted(self):
        self.having(fail={"word": "migrate", "nth": 0, "how": "hang"})
        with subprocess.Popen([sys.executable, REPORT, *FEW, "-o", "out"], env=self.env,
                              cwd=self.dir, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as child:
            for _ in range(600):
                if (self.fake / "config.hangs").exists():
                    break
                time.sleep(0.1)
            child.terminate()
            _, errors = child.communicate(timeout=50)
        self.assertEqual(child.returncode, 1)
        self.assertIn(b"interrupted", errors)
        self.assertEqual(self.left(), ["fake"])

    def test_wrong_usage(self):
        for words in (["--link", "0"], ["--guest", "12X"], ["--downtime", "0"], ["--time", "-1"],
                      ["--link", "25G", "--link", "25G"], ["--harvest", "no"], ["nic"]):
            with self.subTest(words), contextlib.redirect_stderr(io.StringIO()) as said:
                with self.assertRaises(SystemExit) as end:
                    workload.parse(words)
                self.assertEqual(end.exception.code, 2)
                self.assertIn("iodirty report: error: ", said.getvalue())
        done = self.report("-w", "nic", "--guest", "64M")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--guest 64M has no room for it", done.stderr)

    def test_a_trace_is_taken_as_it_is(self):
        made = subprocess.run([self.env["IODIRTY"], "trace", "make", "nic", "--memory",
                               str(1 << 28), "--time", "1", "-o", self.dir / "my.trace"],
                              check=False)
        self.assertEqual(made.returncode, 0)
        done = self.report("-w", "my.trace", *FEW[2:], "--force")
        self.assertEqual(done.returncode, 0, done.stderr)
        writes = load(self.dir / "out/workload.json")["workloads"][0]["writes"]
        self.assertEqual(writes["memory_bytes"], 1 << 28)


class SchemaTest(unittest.TestCase):
    """The schemas take what the program writes, and nothing that contradicts itself."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="iodirty-test-")
        self.addCleanup(directory.cleanup)
        self.out = Path(directory.name) / "out"

    def written(self, name, *words):
        subprocess.run([ROOT / "iodirty", *words, "-o", self.out], check=True, timeout=300,
                       stdout=subprocess.DEVNULL)
        return load(self.out / name)

    def test_migrate(self):
        schema = load(SCHEMAS / "migrate.schema.json")
        jsonschema.Draft7Validator.check_schema(schema)
        data = self.written("migrate.json", "migrate", "--workload", "hot", "--memory", "16M",
                            "--link", "10G", "--clock", "trace", "--harvest", "0.5",
                            "--against-model", "--seed", "1")
        jsonschema.validate(data, schema)
        self.assertEqual([m["how"] for m in data["migrations"]], ["measured", "model"])
        measured, model = 0, 1
        refused(self, data, schema,
                lambda d: d.update(schema="iodirty-migrate-1"),
                lambda d: d["migrations"][measured].update(verdict="predicted"),
                lambda d: d["migrations"][measured].pop("downtime_ns"),
                lambda d: d["migrations"][measured].pop("rounds"),
                lambda d: d["migrations"][measured].update(lost_pages=1),
                lambda d: d["migrations"][measured].update(verdict="failed"),
                lambda d: d["migrations"][measured].update(other=1),
                lambda d: d["migrations"][model].pop("cost"),
                lambda d: d["migrations"][model].pop("link_downtime_ns"),
                lambda d: d["migrations"][model].update(downtime_ns=1),
                lambda d: d["migrations"][model].update(verdict="equal"),
                lambda d: d["agreement"][0].pop("agrees"))

    def test_replay(self):
        schema = load(SCHEMAS / "replay.schema.json")
        jsonschema.Draft7Validator.check_schema(schema)
        data = self.written("replay.json", "trace", "replay", "uniform", "--memory", "16M",
                            "--rounds", "2", "--round", "10")
        jsonschema.validate(data, schema)
        refused(self, data, schema, lambda d: d.update(error="no"), lambda d: d.pop("iova"),
                lambda d: d.update(complete=False), lambda d: d["rounds"][0].pop("writes"),
                lambda d: d.update(length=4097), lambda d: d.update(other=1))


if __name__ == "__main__":
    unittest.main()
