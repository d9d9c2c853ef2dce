# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""dashboard.py as a program, and what it says of a history whose turns are known by hand."""

import io
import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import numpy as np  # noqa: E402

import dashboard  # noqa: E402
import dashboard_events  # noqa: E402
import dashboard_history as made  # noqa: E402
import dashboard_series  # noqa: E402
import history_samples  # noqa: E402
from dashboard_history import AMD, NEW, OLD, REF, TYPE1, VTD, commit, run_id  # noqa: E402
from dashboard_lines import Line  # noqa: E402
from dashboard_series import direction, is_time, plain  # noqa: E402
from history_store import History  # noqa: E402

DASHBOARD = HERE.parent / "dashboard.py"


def run(*words, iodirty="/nonexistent/iodirty"):
    """As the program would end, without the time that it takes to begin."""
    out, err = io.StringIO(), io.StringIO()
    with mock.patch.dict(os.environ, IODIRTY=str(iodirty)), redirect_stdout(out), \
            redirect_stderr(err):
        try:
            status = dashboard.main([str(word) for word in words])
        except SystemExit as end:
            status = end.code
    return subprocess.CompletedProcess(words, status, out.getvalue(), err.getvalue())


def run_apart(*words, **more):
    return subprocess.run([sys.executable, str(DASHBOARD), *map(str, words)], text=True,
                          capture_output=True, env=dict(os.environ, IODIRTY="/nonexistent"),
                          timeout=60, check=False, **more)


def data(site, name):
    """What a script of the site hands over."""
    text = (site / f"data/{name}.js").read_text(encoding="ascii")
    head = f"iodirty.data({json.dumps(name)},"
    assert text.startswith(head) and text.endswith(");\n")
    return json.loads(text[len(head):-3])


def setUpModule():
    """One history and one site for all that only look."""
    folder = Path(tempfile.mkdtemp(prefix="iodirty-dashboard-"))
    unittest.addModuleCleanup(shutil.rmtree, folder)
    Made.db, Made.site = folder / "history.db", folder / "site"
    made.write(Made.db)
    done = run("--db", Made.db, "-o", Made.site, iodirty=made.fake_program(folder / "iodirty"))
    assert done.returncode == 0, done.stderr


class Made(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.heads, cls.matrix = data(cls.site, "heads"), data(cls.site, "matrix")
        cls.runs, cls.series = data(cls.site, "runs"), data(cls.site, "series")["series"]

    def texts(self, name):
        return [event["text"] for event in self.heads[name]]

    def line(self, line):
        target, kernel, host = line
        return next(i for i, found in enumerate(self.heads["lines"]) if (
            found["target"], found["kernel"], found["machine"]) == (
                target, ".".join(kernel.split(".")[:2]), host))


class Overview(Made):
    def test_what_is_wrong(self):
        fail, last = run_id(OLD, 30, "conform")[:8], run_id(OLD, 29, "conform")[:8]
        slow = run_id(REF, 25, "bench")[:8]
        self.assertEqual(self.texts("wrong"), [
            f"REPORT-001 fails on linux, kernel 6.12, machine bench, amd-v1, since run {fail} of "
            f"31 Jan 2026, commit {commit(30)[:12]}: was PASS in run {last} of 30 Jan 2026, commit "
            f"{commit(29)[:12]}.",
            f"x_floor of {AMD} on ref, kernel 6.1, machine anvil, is 20 % slower since run {slow} "
            f"of 26 Jan 2026, commit {commit(25)[:12]}: 2.405, was 2."])

    def test_what_was_mended(self):
        good, bad = run_id(REF, 13, "conform")[:8], run_id(REF, 10, "conform")[:8]
        self.assertEqual(self.texts("better"), [
            f"LEAF-001 is good again on ref, kernel 6.1, machine anvil, amd-v1, vtd-ss, since run "
            f"{good} of 14 Jan 2026, commit {commit(13)[:12]}: CRASH since run {bad} of 11 Jan "
            f"2026, commit {commit(10)[:12]}."])

    def test_a_flake_is_no_regression(self):
        self.assertEqual(self.texts("flakes"), [
            f"CLEAR-001 on linux, kernel 7.2, machine bench, vtd-ss, was FAIL in run "
            f"{run_id(NEW, 20, 'conform')[:8]} of 21 Jan 2026, commit {commit(20)[:12]} alone, and "
            "PASS before and after."])

    def test_coverage_and_what_judges_nothing(self):
        self.assertEqual(self.texts("coverage"), [
            "LEAF-002 fails on linux, kernel 6.12, machine bench, amd-v1, vtd-ss, since run "
            f"{run_id(OLD, 25, 'conform')[:8]} of 26 Jan 2026, commit {commit(25)[:12]}; "
            "informative, so it judges nothing.",
            "ABI-001 went from SKIP to PASS on ref, kernel 6.1, machine anvil, in run "
            f"{run_id(REF, 15, 'conform')[:8]} of 16 Jan 2026, commit {commit(15)[:12]}."])

    def test_links_lead_there(self):
        conformance, slow = self.heads["wrong"]
        self.assertIn(["history of REPORT-001", "matrix",
                       {"cell": "REPORT-001", "column": "linux 6.12"}], conformance["links"])
        self.assertEqual(conformance["links"][0][1:], ["run", {"id": run_id(OLD, 30, "conform")}])
        ids = {s["id"]: (s["name"], s["metric"], s["target"]) for s in self.series}
        self.assertEqual(ids[slow["links"][1][2]["id"]], (AMD, "x_floor", "ref"))

    def test_filters_and_counts(self):
        self.assertEqual(self.heads["filters"], {
            "target": ["linux", "ref"], "format": ["amd-v1", "vtd-ss"],
            "kernel": ["6.1", "6.12", "7.2"], "machine": ["anvil", "bench"]})
        # Three lines of: two ratios, and 3 counts and 1 ratio, and 2 of each of 2 migrations.
        self.assertEqual(self.heads["counts"], {"runs": 240, "requirements": 5, "series": 30})
        event = self.heads["wrong"][0]
        self.assertEqual([event[k] for k in ("target", "kernel", "machine", "formats")],
                         ["linux", "6.12", "bench", ["amd-v1"]])

    def test_last_runs(self):
        found = {(self.heads["lines"][last["line"]]["kernel"], last["kind"]): last["id"]
                 for last in self.heads["latest"]}
        self.assertEqual(found, {(k, kind): run_id(line, 39, kind) for k, line in (
            ("6.1", REF), ("6.12", OLD), ("7.2", NEW)) for kind in ("conform", "bench")})


class Matrix(Made):
    def state(self, line, requirement, fmt):
        row = [r["id"] for r in self.matrix["requirements"]].index(requirement)
        at = row * len(self.matrix["formats"]) + self.matrix["formats"].index(fmt)
        found = self.matrix["lines"][self.line(line)]
        return found["state"][at], found["changed"].get(str(at))

    def test_every_cell(self):
        names = {v["code"]: v["name"] for v in self.heads["verdicts"]} | {".": None}
        for line in made.LINES:
            for requirement in [t["id"] for t in made.TEXTS]:
                for fmt in ("-", "amd-v1", "vtd-ss"):
                    wanted = (made.verdict(line, 39, requirement, fmt)
                              if (requirement, fmt) in made.CELLS else None)
                    self.assertEqual(names[self.state(line, requirement, fmt)[0]], wanted)

    def test_since_when(self):
        day = 86400
        first = 1767229200  # 2026-01-01T01:00:00Z
        self.assertEqual(self.state(OLD, "REPORT-001", "amd-v1")[1], first + 30 * day + 7200)
        self.assertEqual(self.state(REF, "LEAF-001", "vtd-ss")[1], first + 13 * day)
        self.assertEqual(self.state(REF, "ABI-001", "-")[1], first + 15 * day)
        self.assertIsNone(self.state(NEW, "CLEAR-001", "vtd-ss")[1])  # a flake
        self.assertIsNone(self.state(NEW, "REPORT-001", "amd-v1")[1])

    def test_history_of_a_cell(self):
        record = data(self.site, f"line-{self.line(REF)}")
        at = [r["id"] for r in self.matrix["requirements"]].index("LEAF-001") * 3 + 1
        steps = [(self.runs["id"][run], code, message if message is None
                  else record["messages"][message])
                 for run, cells in record["events"] for cell, code, message in cells if cell == at]
        self.assertEqual(steps, [
            (run_id(REF, 10, "conform"), "!", "LEAF-001 of night 10"),
            (run_id(REF, 13, "conform"), "P", None)])
        self.assertEqual(self.runs["id"][record["firstRun"]], run_id(REF, 0, "conform"))
        self.assertEqual(record["first"][at], "P")

    def test_titles_and_classes(self):
        self.assertEqual([(r["id"], r["chapter"], r["class"]) for r in self.matrix["requirements"]],
                         [(t["id"], t["id"][:-4], t["class"]) for t in made.TEXTS])


class Series(Made):
    def one(self, name, metric, line=REF):
        target, kernel, host = line
        return next(s for s in self.series if (s["name"], s["metric"], s["target"], s["machine"],
                    s["kernel"]) == (name, metric, target, host, kernel.rpartition(".")[0]))

    def test_values_by_run(self):
        file = data(self.site, f"series-{self.one(VTD, 'x_floor', NEW)['file']}")
        self.assertEqual([self.runs["id"][r] for r in file["run"]],
                         [run_id(NEW, night, "bench") for night in range(40)])
        wanted = [2.0 * made.noise(night, 1) for night in range(40)]
        for got, value in zip(file["value"], wanted):
            self.assertAlmostEqual(got, value, 5)
        self.assertAlmostEqual(file["low"][3], wanted[3] * 0.99, 5)
        self.assertAlmostEqual(file["high"][3], wanted[3] * 1.01, 5)
        self.assertEqual(file["samples"], [11] * 40)

    def test_kernels_of_one_machine_are_two_series(self):
        self.assertEqual({s["kernel"] for s in self.series if s["machine"] == "bench"},
                         {"6.12", "7.2"})
        self.assertEqual({s["count"] for s in self.series}, {40})
        self.assertEqual(len({s["id"] for s in self.series}), len(self.series))

    def test_change(self):
        one = self.one(AMD, "x_floor")
        file = data(self.site, f"series-{one['file']}")
        (change,) = file["changes"]
        self.assertEqual(self.runs["id"][change["run"]], run_id(REF, 25, "bench"))
        self.assertEqual(change["commit"], commit(25))
        self.assertEqual(change["worse"], 1)
        self.assertAlmostEqual(change["ratio"], 1.2, 2)
        self.assertEqual([s["level"] for s in file["stretches"]],
                         [2, 2.4048])  # the noise of the last 15 has a median of 1.002
        self.assertEqual([self.runs["id"][s["from"]] for s in file["stretches"]],
                         [run_id(REF, night, "bench") for night in (0, 25)])
        self.assertTrue(all(s["low"] < s["level"] < s["high"] for s in file["stretches"]))
        self.assertTrue(all(1.97 < s["usual"][0] for s in self.series if s["metric"] == "x_floor"))
        self.assertTrue(2.36 < one["usual"][0] < 2.4 < one["usual"][1] < 2.44)

    def test_times_stand_beside_ratios(self):
        times = [s for s in self.series if s["time"]]
        self.assertEqual({s["metric"] for s in times}, {"ns_per_iopte"})
        ratio = {s["id"]: s for s in self.series}
        for s in times:
            beside = ratio[s["ratioId"]]
            for key, wanted in (("name", s["name"]), ("machine", s["machine"]),
                                ("kernel", s["kernel"]), ("metric", "x_floor")):
                self.assertEqual(beside[key], wanted)

    def test_formats(self):
        self.assertEqual(self.one(AMD, "x_floor")["formats"], ["amd-v1"])
        self.assertEqual(self.one("performed/nic/4K/1G/10G/0.2ns", "x_sent")["formats"], [])

    def test_directions(self):
        for metric, wanted in (("x_floor", -1), ("x_faster", 1), ("over_report", -1),
                               ("invalidations", -1), ("pages_written", 0), ("ns_per_iopte", -1),
                               ("x_entry", 1), ("tables_passed", 0), ("walks_per_write", -1)):
            self.assertEqual(direction(metric), wanted, metric)
        self.assertEqual([is_time(m) for m in ("ns_per_iopte", "downtime_ms", "hold_max_us",
                                               "rounds", "x_time_type1", "over_report", "waits")],
                         [True, True, True, False, False, False, False])

    def test_numbers(self):
        self.assertEqual(plain([]), [])
        self.assertEqual([plain(v) for v in (float("inf"), float("nan"), 2.0, 1 / 3)],
                         [None, None, 2, 0.3333333])


class Runs(Made):
    def test_against_the_database(self):
        with sqlite3.connect(self.db) as sql:
            rows = sql.execute("SELECT id, kind, verdict, failed, \"commit\" FROM run "
                               "ORDER BY started, id").fetchall()
        r = self.runs
        self.assertEqual([(r["id"][i], r["kinds"][r["kind"][i]], r["verdicts"][r["verdict"][i]],
                           r["bad"][i], r["commits"][r["commit"][i]])
                          for i in range(len(r["id"]))], rows)
        self.assertEqual(len(rows), 240)

    def detail(self, wanted):
        i = self.runs["id"].index(wanted)
        size = self.runs["chunks"]["size"]
        chunk = data(self.site, f"runs-{i // size}")
        return chunk["runs"][i % size], chunk

    def test_detail(self):
        run_of, chunk = self.detail(run_id(OLD, 35, "conform"))
        self.assertEqual(run_of["totals"], {"PASS": 6, "FAIL": 3})
        self.assertEqual(sorted(run_of["failures"]), [
            ["LEAF-002", "amd-v1/4K", "a_test", "FAIL", "LEAF-002 of night 35"],
            ["LEAF-002", "vtd-ss/4K", "a_test", "FAIL", "LEAF-002 of night 35"],
            ["REPORT-001", "amd-v1/4K", "a_test", "FAIL", "REPORT-001 of night 35"]])
        self.assertEqual(run_of["url"], "https://ci.example/35")
        # ABI CLEAR LEAF-001 LEAF-002 REPORT, each with "-", amd-v1, vtd-ss
        self.assertEqual(chunk["outcomes"][run_of["outcomes"]], "P.." ".PP" ".PP" ".FF" ".FP")

    def test_measures(self):
        run_of, _ = self.detail(run_id(REF, 39, "bench"))
        found = {(self.series[n]["name"], self.series[n]["metric"]): value
                 for n, value, *_ in run_of["measures"]}
        self.assertEqual(len(found), 12)
        self.assertAlmostEqual(found[AMD, "x_floor"], 2.4 * made.noise(39, 0), 5)
        self.assertIsNone(run_of["outcomes"])
        self.assertEqual(found[TYPE1, "pages_type1"], 262144)


class Type1(Made):
    def test_bench(self):
        rows = data(self.site, "type1")["bench"]
        self.assertEqual(sorted(r["run"] for r in rows),
                         sorted(run_id(line, 39, "bench") for line in made.LINES))
        self.assertEqual({(r["name"], r["written"], r["iommufd"], r["type1"]) for r in rows},
                         {(TYPE1, 2621, 2700, 262144)})

    def test_migrations(self):
        rows = data(self.site, "type1")["migrations"]
        self.assertEqual({(r["name"], r["tracker"], r["sent"], r["case"]) for r in rows}, {
            ("nic", tracker, sent * 2 ** 30, "performed: 1G of memory, a link of 10Gbit/s")
            for tracker, sent in (("type1", 11), ("4K", 1.5))})


@unittest.skipUnless(history_samples.postgresql_programs(), "no postgresql here")
class PostgreSQL(Made):
    def test_the_same_site(self):
        with tempfile.TemporaryDirectory() as folder, history_samples.Server() as server:
            address, site = server.create("dashboard"), Path(folder) / "site"
            made.write(address)
            done = run("--db", address, "-o", site,
                       iodirty=made.fake_program(Path(folder) / "iodirty"))
            self.assertEqual(done.returncode, 0, done.stderr)
            names = sorted(p.name for p in (site / "data").iterdir())
            self.assertEqual(names, sorted(p.name for p in (self.site / "data").iterdir()))
            for name in names:
                one, other = (data(where, name[:-3]) for where in (site, self.site))
                if name == "heads.js":
                    one["created"] = other["created"]
                self.assertEqual(one, other, name)


class Program(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="iodirty-dashboard-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.db, self.site = self.folder / "history.db", self.folder / "site"

    def make(self, *records):
        history = History.open(self.db, create=True, say=lambda text: None)
        history.add_many(records)
        return history

    def refused(self, done, status, *words):
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertFalse(self.site.with_name("site.partial").exists())

    def test_no_history(self):
        done = run("--db", self.db, "-o", self.site)
        self.refused(done, 1, "is not there", "iodirty history add", "no site was written")
        self.assertFalse(self.db.exists() or self.site.exists())

    def test_empty_history(self):
        self.make()
        done = run("--db", self.db, "-o", self.site)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("has no runs yet: `iodirty history add DIR`", done.stderr)
        self.assertEqual(data(self.site, "heads")["counts"],
                         {"runs": 0, "requirements": 0, "series": 0})

    def test_what_is_no_history(self):
        self.db.write_text("no database", encoding="utf-8")
        self.refused(run("--db", self.db, "-o", self.site), 1, "no SQLite database")
        self.refused(run("--db", self.folder, "-o", self.site), 1, "is no file")
        self.refused(run("--db", "mysql://x", "-o", self.site), 2, "mysql:// is no history")

    def test_wrong_usage(self):
        self.refused(run("--nonsense"), 2, "--nonsense")
        self.refused(run("--db", self.db, "more"), 2, "more")
        self.assertIn("Exit status", run("--help").stdout)

    def test_without_the_program(self):
        self.make(made.conform(REF, 0))
        done = run("--db", self.db, "-o", self.site)
        self.assertEqual(done.returncode, 0)
        self.assertIn("the site has no titles and classes", done.stderr)
        self.assertEqual(data(self.site, "matrix")["requirements"][0]["title"], "")

    def test_force_replaces_ours_alone(self):
        self.make(made.conform(REF, 0))
        words = "--db", self.db, "-o", self.site
        self.assertEqual(run(*words).returncode, 0)
        self.refused(run(*words), 2, "--force replaces it")
        self.make(made.conform(REF, 1))
        self.assertEqual(run(*words, "--force").returncode, 0)
        self.assertEqual(data(self.site, "heads")["counts"]["runs"], 2)
        (self.site / "mine").write_text("kept", encoding="utf-8")
        before = {p: p.read_bytes() for p in self.site.rglob("*") if p.is_file()}
        self.refused(run(*words, "--force"), 2, "mine")
        self.assertEqual({p: p.read_bytes() for p in self.site.rglob("*") if p.is_file()}, before)

    def test_force_leaves_other_folders(self):
        self.make(made.conform(REF, 0))
        self.site.mkdir()
        (self.site / "file").write_text("kept", encoding="utf-8")
        self.refused(run("--db", self.db, "-o", self.site, "--force"), 2, "is no dashboard")
        self.assertEqual((self.site / "file").read_text(encoding="utf-8"), "kept")

    def test_the_manifest_has_all(self):
        self.make(made.conform(REF, 0))
        run("--db", self.db, "-o", self.site)
        done = subprocess.run(["sha256sum", "-c", "--quiet", "MANIFEST.sha256"], cwd=self.site,
                              check=False)
        self.assertEqual(done.returncode, 0)
        names = {line[66:] for line in (self.site / "MANIFEST.sha256").read_text(
            encoding="utf-8").splitlines()}
        self.assertEqual(names, {str(p.relative_to(self.site)) for p in self.site.rglob("*")
                                 if p.is_file()} - {"MANIFEST.sha256"})

    def test_a_full_disk(self):
        self.make(*made.records()[:60])

        def little():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))
        self.refused(run_apart("--db", self.db, "-o", self.site, preexec_fn=little), 1,
                     "no site was written")
        self.assertFalse(self.site.exists())

    def test_a_folder_that_cannot_be_made(self):
        self.make()
        (self.folder / "file").write_text("", encoding="utf-8")
        self.refused(run("--db", self.db, "-o", self.folder / "file/site"), 1,
                     "no site was written")

    def test_interrupted(self):
        self.make(made.conform(REF, 0))
        program = self.folder / "slow"
        program.write_text("#!/bin/sh\ntouch \"$0.begun\"\nexec sleep 30\n", encoding="utf-8")
        program.chmod(0o755)
        for number in signal.SIGINT, signal.SIGTERM:
            with subprocess.Popen(
                    [sys.executable, str(DASHBOARD), "--db", str(self.db), "-o", str(self.site)],
                    stderr=subprocess.PIPE, text=True, start_new_session=True,
                    env=dict(os.environ, IODIRTY=str(program))) as child:
                begun = Path(f"{program}.begun")
                until = time.monotonic() + 20
                while not begun.exists() and time.monotonic() < until:
                    time.sleep(0.05)
                os.killpg(child.pid, number)
                _, err = child.communicate(timeout=20)
            begun.unlink()
            self.assertEqual(child.returncode, 1, err)
            self.assertIn("interrupted; no site was written", err)
            self.assertNotIn("Traceback", err)
            self.assertFalse(self.site.exists() or self.site.with_name("site.partial").exists())

    def test_a_run_of_a_few_requirements_takes_nothing_away(self):
        few = made.conform(REF, 1)
        few["outcomes"], few["totals"] = [["REPORT-001", "amd-v1", "FAIL"]], {"FAIL": 1}
        self.make(made.conform(REF, 0), few)
        run("--db", self.db, "-o", self.site)
        state = data(self.site, "matrix")["lines"][0]["state"]
        self.assertEqual(state, "S.." ".PP" ".PP" ".PP" ".FP")

    def test_a_failure_of_always(self):
        run_ = made.conform(OLD, 33)
        self.make(run_)
        run("--db", self.db, "-o", self.site, iodirty=made.fake_program(self.folder / "iodirty"))
        (event,) = data(self.site, "heads")["wrong"]
        self.assertIn(f"since its first run here, run {run_['id'][:8]} of 3 Feb 2026",
                      event["text"])
        self.assertTrue(event["text"].endswith(f"commit {commit(33)[:12]}."))

    def test_nobody_looked_for_long(self):
        late = made.record(REF, 99, "bench")
        self.make(made.conform(OLD, 29), made.conform(OLD, 30), made.conform(OLD, 31), late)
        run("--db", self.db, "-o", self.site, iodirty=made.fake_program(self.folder / "iodirty"))
        (event,) = data(self.site, "heads")["wrong"]
        self.assertTrue(event["text"].endswith(". Not tried since 1 Feb 2026."), event["text"])

    def test_a_time_that_is_none(self):
        self.make({**made.conform(REF, 0), "started": "long ago"})
        self.refused(run("--db", self.db, "-o", self.site), 1, "is damaged: run",
                     "iodirty history remove")

    def test_hostile_text_is_ascii_in_scripts(self):
        self.make(made.hostile())
        self.assertEqual(run("--db", self.db, "-o", self.site).returncode, 0)
        for path in (self.site / "data").iterdir():
            path.read_text(encoding="ascii")
            data(self.site, path.stem)
        self.assertNotIn("harm", (self.site / "index.html").read_text(encoding="utf-8"))


class Joined(unittest.TestCase):
    """Noise dates the series of one regression by a run apart: that is still one event."""

    def test_dates_that_differ(self):
        found = []
        for name, low in ("a", 0), ("b", 1):
            rng = np.random.default_rng(1)
            values = np.concatenate([rng.normal(1, 0.04, 60), rng.normal(1.3, 0.04, 60)])
            values[60:60 + low] = 1.1
            nothing = np.full(120, np.nan)
            found.append(dashboard_series.Series(
                "ref", "6.12", "m", f"harvest/amd-v1/{name}", "x_floor",
                np.arange(120), values, nothing, nothing, nothing))
            found[-1].find_changes(2)
        self.assertEqual([s.changes[0].index for s in found], [60, 61])
        runs = [{"id": f"{i:032x}", "started": "2026-11-29T05:00:00Z", "time": i, "line": 0,
                 "commit": ""} for i in range(120)]
        lines = SimpleNamespace(runs=runs, all=[Line(0, "ref", "6.12", "m", [])])
        (event,) = dashboard_events.series_events(lines, found)["wrong"]
        self.assertIn("and 1 more series", event["text"])


if __name__ == "__main__":
    unittest.main()
