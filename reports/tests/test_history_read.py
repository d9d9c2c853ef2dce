# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""history_read.py and history_measures.py: what iodirty leaves, as records; and what is refused."""

import json
import os
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import history_measures  # noqa: E402
import history_read  # noqa: E402
import history_samples  # noqa: E402
import package_samples  # noqa: E402
import package_tar  # noqa: E402
import samples  # noqa: E402
from model import VERDICTS, ReportError  # noqa: E402
from package import write_manifest  # noqa: E402
from verify_read import faults  # noqa: E402

COMMIT = "a" * 40


def migration(how, tracker, **more):
    return {"how": how, "tracker": tracker, "memory_bytes": 64 << 30,
            "link_bits_per_second": 25_000_000_000, "downtime_limit_ns": 3e8, "converged": True,
            "rounds": 3, "rounds_limit": 10, "sent_bytes": 96 << 30, "link_downtime_ns": 12.5e6,
            "total_ns": 33e9, "reported_pages": 3000, "written_pages": 1000,
            "verdict": "predicted" if how == "model" else "equal", "harvest_ns_per_page": 0.5,
            **more}


def workload(**more):
    """workload.json, with what is needed and no more."""
    hot = migration("model", "type1")
    slice_ = {"ns": 0, "writes": 1, "bytes": 1, "pages": 1, "working_set_pages": 1}
    return {"schema": "iodirty-workload-1", "created": "2026-11-29T05:00:00Z",
            "tool": {"version": "0.1.0", "git_commit": COMMIT, "git_clean": False},
            "links_bits_per_second": [25_000_000_000], "downtime_limit_ms": 300,
            "guests_bytes": [64 << 30], "harvest_ns_per_page": [0.5], "rounds_limit": 10,
            "seed": 1, "sound": True, "workloads": [{
                "workload": "nic", "origin": "", "access_pattern": False,
                "sentences": ["a", "b", "c"], "predicted_by_link": [hot],
                "predicted_by_guest": [hot, migration("model", "4K", written_pages=0)],
                "writes": {"memory_bytes": 4096, "iova": "0x0", "devices": 1, "ns": 1,
                           "reads": 0, "writes": 1, "slice_ns": 1, "working_set_pages": 1,
                           "slices": [slice_], "heat": {"low": "0x0", "high": "0x1",
                                                        "bytes": [[1]]},
                           "reported_to_written": {"slices": {}, "intervals": []}},
                "agreement": [{"measured": migration("measured", "2M"), "model": hot,
                               "rounds": 1, "sent": 1, "downtime": 1, "agrees": True}]}],
            **more}


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def conform(self, change=None, name="conform"):
        """A folder of `iodirty conform -o`, @change(results) made."""
        shutil.copytree(package_samples.RECORDED / "run-1", self.folder / name)
        if change:
            package_samples.edit(self.folder / name / "results.json", change)
        return self.folder / name

    def bench(self, rows=(), **context):
        data = samples.bench(list(rows))
        data["context"].update({"date": "2026-11-29T06:30:00+02:00", "host_name": "box",
                                "kernel": "6.12.94", "machine": "x86_64", "cpu_model": "a cpu",
                                **context})
        (self.folder / "bench").mkdir()
        package_samples.dump(self.folder / "bench/bench.json", data)
        return self.folder / "bench"

    def report(self, **more):
        (self.folder / "report").mkdir()
        package_samples.dump(self.folder / "report/workload.json", workload(**more))
        (self.folder / "report/index.html").write_text("page", encoding="utf-8")
        write_manifest(self.folder / "report")
        return self.folder / "report"

    def refused(self, words, path, **said):
        with self.assertRaises(ReportError) as caught:
            history_read.read(path, said)
        self.assertIn(words, str(caught.exception))


class Kinds(Case):
    def test_a_run_of_the_suite(self):
        record = history_read.read(self.conform(), {})
        data = package_samples.load(package_samples.RECORDED / "run-1/results.json")
        self.assertEqual({k: record[k] for k in ("id", "kind", "started", "target", "argument",
                                                 "kernel", "machine", "cpu", "host", "iodirty",
                                                 "commit", "clean", "subject", "verdict")},
                         {"id": data["run"], "kind": "conform", "started": data["started"],
                          "target": "ref", "argument": None, "kernel": "6.12.94",
                          "machine": "x86_64", "cpu": "AMD EPYC", "host": "example",
                          "iodirty": "0.1.0", "commit": "", "clean": None,
                          "subject": "iodirty 0.1.0", "verdict": "PASSED"})
        self.assertEqual(record["totals"], {v: n for v, n in data["totals"].items() if n})
        self.assertEqual((record["failures"], record["measures"]), ([], []))
        # A requirement's table has a row each leaf size; the history one each format.
        cells = {(r["requirement"], r["config"].split("/")[0]) for r in data["table"]}
        self.assertEqual({tuple(o[:2]) for o in record["outcomes"]}, cells)

    def test_an_outcome_is_the_worst_of_its_cases(self):
        shutil.copytree(package_samples.RECORDED / "verdicts", self.folder / "verdicts")
        record = history_read.read(self.folder / "verdicts", {})
        data = package_samples.load(self.folder / "verdicts/results.json")
        worst = {}
        for case in data["cases"]:
            cell = case["requirement"], case["config"].split("/")[0]
            worst[cell] = min(worst.get(cell, "SKIP"), case["verdict"], key=VERDICTS.index)
        self.assertEqual({(r, f): v for r, f, v in record["outcomes"]}, worst)
        self.assertGreater(len(set(worst.values())), 4)
        self.assertEqual(record["verdict"], "FAILED")
        self.assertEqual(
            sorted(record["failures"]),
            sorted([c["requirement"], c["config"], c["test"], c["verdict"], c["message"]]
                   for c in data["cases"] if c["verdict"] not in
                   ("PASS", "SKIP", "XFAIL", "NOT_CAPABLE")))
        self.assertGreater(len(record["failures"]), 2)

    def test_a_package_and_its_archive(self):
        folder = package_samples.make(self.folder / "package", tool={
            "version": "0.1.0", "git_commit": COMMIT, "git_clean": True})
        package_tar.write(folder, self.folder / "package.tar")
        record = history_read.read(folder, {})
        self.assertEqual(record, history_read.read(self.folder / "package.tar", {}))
        self.assertEqual((record["id"], record["kind"], record["verdict"], record["commit"],
                          record["clean"], record["subject"]),
                         ("c" * 32, "package", "PASSED", COMMIT, True, COMMIT))
        self.assertEqual(record["started"],
                         package_samples.load(folder / "logs/run-1/results.json")["started"])
        self.assertEqual(sum(record["totals"].values()),
                         len(package_samples.load(folder / "logs/run-1/results.json")["cases"]))
        self.assertIn(["call/vtd-ss/4K", "over_report", 1.0, None, None, 5], record["measures"])

    def test_a_package_whose_repeats_differ_and_one_with_a_waiver(self):
        folder = package_samples.make(self.folder / "flaky", exit_statuses=[0, 1])
        package_samples.rewrite(folder / "logs/run-2", package_samples.fail)
        package_samples.restate(folder)
        package_samples.seal(folder)
        record = history_read.read(folder, {})
        self.assertEqual(record["verdict"], "FAILED")
        self.assertIn(["ABI-001", "-", "FAIL"], record["outcomes"])
        self.assertEqual([f[:4] for f in record["failures"]],
                         [["ABI-001", "-", "struct_too_short", "FAIL"]])
        folder = package_samples.make(self.folder / "waived", package_samples.fail,
                                      waivers=package_samples.WAIVER)
        record = history_read.read(folder, {})
        self.assertIn(["ABI-001", "-", "WAIVED"], record["outcomes"])
        self.assertEqual((record["verdict"], record["failures"], record["totals"]["WAIVED"]),
                         ("PASSED", [], 1))

    def test_a_benchmark(self):
        rows = [samples.row(density=1.0), samples.row(density=100.0, error="missed bits")]
        rows[1].update(x_floor=9.0, pieces=3.0)
        rows[0].update(entries_cleared=7.0, invalidations=3.0, samples=21.0)
        record = history_read.read(self.bench(rows, target="vfio:0000:01:00.0"), {})
        name = "harvest/amd-v1/4K/256M/sequential/cold/random/1%/avx2"
        self.assertEqual(sorted(record["measures"]), [
            [name, "entries_cleared", 7.0, None, None, 21],
            [name, "invalidations", 3.0, None, None, 21],
            [name, "ns_per_iopte", 0.55, None, None, 21],
            [name, "over_report", 1.0, None, None, 21],
            [name, "x_entry", 1.4, None, None, 21],
            [name, "x_floor", 0.55 / 0.25, None, None, 21],
            [name, "x_table_order", 0.55 / 0.26, None, None, 21]])
        self.assertEqual([record[k] for k in ("id", "kind", "started", "target", "argument",
                                              "host", "subject", "verdict", "machine")],
                         ["1" * 32, "bench", "2026-11-29T04:30:00Z", "vfio", "0000:01:00.0",
                          "box", "6.12.94", "FAILED", "x86_64"])

    def test_a_time_stands_only_beside_its_ratio(self):
        self.assertEqual({m[1] for m in history_measures.of_row(samples.row(floor=False))},
                         {"x_entry", "over_report"})
        self.assertEqual(
            history_measures.of_row(samples.other(
                "beside/linux/amd-v1/4K/1%", x_faster=9.0, x_faster_p10=8.0, x_faster_p90=9.5,
                ns_per_page=1.0, other_ns_per_page=9.0, x_faster_least=7)),
            [["beside/linux/amd-v1/4K/1%", "x_faster", 9.0, 8.0, 9.5, 5],
             ["beside/linux/amd-v1/4K/1%", "ns_per_page", 1.0, None, None, 5]])

    def test_every_time_s_ratio_and_count_is_one_that_benchmarks_have(self):
        known = json.loads((HERE.parent / "schemas/bench.schema.json").read_text())
        known = known["properties"]["benchmarks"]["items"]["propertyNames"]["enum"]
        named = {*history_measures.TIMES, *history_measures.TIMES.values(),
                 *history_measures.COUNTS}
        self.assertLessEqual(named, set(known))

    def test_a_report_on_workloads(self):
        path = self.report()
        record = history_read.read(path, {})
        rows = {(m[0], m[1]): m[2] for m in record["measures"]}
        hot = "predicted/nic/type1/64G/25G/0.5ns"
        self.assertEqual({k[1]: v for k, v in rows.items() if k[0] == hot},
                         {"x_sent": 1.5, "downtime_ms": 12.5, "total_ms": 33000.0, "rounds": 3,
                          "over_report": 3.0})
        self.assertEqual({k[0] for k in rows}, {
            hot, "predicted/nic/4K/64G/25G/0.5ns", "performed/nic/2M/64G/25G/0.5ns"})
        self.assertNotIn(("predicted/nic/4K/64G/25G/0.5ns", "over_report"), rows)
        self.assertEqual((record["kind"], record["started"], record["commit"], record["clean"],
                          record["verdict"], record["subject"]),
                         ("workload", "2026-11-29T05:00:00Z", COMMIT, False, "PASSED", COMMIT))
        again = history_read.read(path, {})
        self.assertEqual(again["id"], record["id"])
        shutil.rmtree(path)
        self.assertNotEqual(history_read.read(self.report(sound=False), {})["id"], record["id"])

    def test_what_the_caller_knows_better(self):
        path = self.conform()
        record = history_read.read(path, {"commit": COMMIT, "host": "rented", "url": "http://ci/1"})
        self.assertEqual([record[k] for k in ("commit", "host", "url", "subject")],
                         [COMMIT, "rented", "http://ci/1", COMMIT])
        self.assertEqual(history_read.read(path, {"subject": "v7.2-rc1"})["subject"], "v7.2-rc1")
        self.refused("it is of the commit aaaaaaaaaaaa, and not of bbbbbbbbbbbb", self.report(),
                     commit="b" * 40)

    def test_a_kernel_is_the_subject_of_its_targets(self):
        for target in ("linux", "vfio", "module"):
            path = self.conform(lambda r, t=target: r["target"].update(name=t), target)
            self.assertEqual(history_read.read(path, {"commit": COMMIT})["subject"], "6.12.94")


class Refused(Case):
    def test_what_is_no_run(self):
        self.refused("is not there", self.folder / "nothing")
        self.refused("iodirty left no run here", self.folder)
        os.mkfifo(self.folder / "pipe")
        self.refused("neither a folder nor an archive", self.folder / "pipe")
        (self.folder / "text").write_text("some text" * 999, encoding="utf-8")
        self.refused("neither a folder nor an archive", self.folder / "text")
        (self.folder / "compare.json").write_text("{}", encoding="utf-8")
        self.refused("two builds beside each other", self.folder)

    def test_files_that_are_none(self):
        path = self.conform()
        good = (path / "results.json").read_bytes()

        def becomes(words, make):
            (path / "results.json").unlink()
            make(path / "results.json")
            self.refused(words, path)
        (path / "other.json").write_bytes(good)
        becomes("results.json: ", lambda p: p.symlink_to("other.json"))
        becomes("is no file", os.mkfifo)
        becomes("larger than any of ours", lambda p: (p.touch(), os.truncate(p, 10 << 30)))
        becomes("results.json: ", lambda p: p.symlink_to("nowhere"))
        becomes("not UTF-8", lambda p: p.write_bytes(good + b"\xff"))
        becomes("not JSON", lambda p: p.write_bytes(good[:-9]))
        becomes("nested too deep", lambda p: p.write_bytes(b"[" * 100000))
        becomes("there twice", lambda p: p.write_bytes(good[:-2] + b',"run":"x"}'))
        becomes("results.json: ", lambda p: p.write_bytes(b"[]"))

    def test_results_that_are_not_as_they_should_be(self):
        changes = {
            "unknown field 'more'": lambda r: r.update(more=1),
            "cases[0]: unknown field 'x'": lambda r: r["cases"][0].update(x=1),
            "'seed' is missing": lambda r: r.pop("seed"),
            "it is of the format 'iodirty-results-1'; this iodirty reads iodirty-results-2":
                lambda r: r.update(schema="iodirty-results-1"),
            "the run was interrupted": lambda r: r.update(complete=False),
            "totals is ": lambda r: r["totals"].update(PASS=r["totals"]["PASS"] + 1),
            "the table says PASS of ABI-001 -, its cases FAIL":
                lambda r: package_samples.the_case(r).update(verdict="FAIL", message="so"),
            "host.name: ": lambda r: r["host"].update(name=5),
            "no record of a run: host: ": lambda r: r["host"].update(name="a\nb"),
            "no record of a run: id: ": lambda r: r.update(run=r["run"] + "\n"),
            "is no time": lambda r: r.update(started="2026-13-29T05:00:00Z")}
        for n, (words, change) in enumerate(changes.items()):
            with self.subTest(words):
                self.refused(words, self.conform(change, f"run{n}"))
        path = self.conform(None, "nan")
        text = (path / "results.json").read_text(encoding="utf-8")
        (path / "results.json").write_text(text.replace('"seconds": ', '"seconds": NaN, "x": ', 1),
                                           encoding="utf-8")
        self.refused("NaN is no number", path)

    def test_benchmarks_that_are_not_as_they_should_be(self):
        row = samples.row()
        for words, rows, context in (
                ("slowed down on purpose", [row], {"slow_down_percent": "10"}),
                ("is no time", [row], {"date": "today"}),
                ("x_new", [dict(row, x_new=1.0)], {}),
                ("unknown field 'more'", [row], {"more": "x"}),
                ("no number", [samples.other("later/amd-v1", samples="many", x_slower=1.0)], {}),
                ("has a counter", [samples.other("later/amd-v1", pieces="a")], {}),
                ("is there twice", [row, row], {}),
                ("host: ", [row], {"host_name": "a\u0007"})):
            with self.subTest(words):
                self.refused(words, self.bench(rows, **context))
                shutil.rmtree(self.folder / "bench")

    def test_an_error_whose_name_makes_no_sense_is_an_error_all_the_same(self):
        path = self.bench([{"name": "harvest/a/b/c/d/e/f/g/h", "error_occurred": True,
                            "error_message": "so"}])
        self.assertEqual(history_read.read(path, {})["verdict"], "FAILED")

    def test_packages_that_changed_after_they_were_made(self):
        def byte(folder):
            with open(folder / "logs/bench.txt", "a", encoding="utf-8") as file:
                file.write("x")

        def again(folder):
            package_samples.edit(folder / "statement.json", lambda s: s.update(more=1))
            package_samples.seal(folder)

        def cut(folder):
            shutil.rmtree(folder / "logs/run-1")
            package_samples.seal(folder)
        for n, (words, change) in enumerate((
                ("not in the manifest", byte),
                ("statement.json: not as the manifest says",
                 lambda f: package_samples.edit(f / "statement.json",
                                                lambda s: s.update(verdict="FAILED"))),
                ("in the manifest and not in the package",
                 lambda f: (f / "logs/run-1/junit.xml").unlink()),
                ("a symbolic link", lambda f: (f / "logs/more").symlink_to("/etc/passwd")),
                ("MANIFEST.sha256", lambda f: (f / "MANIFEST.sha256").unlink()),
                ("unknown field 'more'", again), ("run-1", cut))):
            with self.subTest(words):
                folder = package_samples.make(self.folder / str(n))
                change(folder)
                self.refused(words, folder)

    def test_a_package_of_another_version(self):
        folder = package_samples.make(self.folder / "p")
        package_samples.edit(folder / "statement.json", lambda s: s.update(format_version=1))
        package_samples.seal(folder)
        self.refused("statement.json: format_version", folder)

    def test_an_archive_that_is_cut(self):
        package_tar.write(package_samples.make(self.folder / "p"), self.folder / "p.tar")
        data = (self.folder / "p.tar").read_bytes()
        (self.folder / "p.tar").write_bytes(data[:len(data) // 2])
        self.refused("p.tar", self.folder / "p.tar")

    def test_a_report_that_changed(self):
        path = self.report()
        package_samples.edit(path / "workload.json", lambda w: w.update(sound=False))
        self.refused("workload.json: not as the manifest says", path)
        (path / "MANIFEST.sha256").unlink()
        self.refused("MANIFEST.sha256", path)
        shutil.rmtree(path)
        self.refused("iodirty-workload-9", self.report(schema="iodirty-workload-9"))

    def test_verified(self):
        """On a package of seven requirements, which no version demands alone."""
        folder = package_samples.make(self.folder / "p")
        with self.assertRaises(ReportError) as caught:
            history_read.verify(folder)
        self.assertIn("iodirty verify does not trust it: logs/requirements.json: ABI-002 is "
                      "missing", str(caught.exception))

    def test_verified_as_verify_says(self):
        before = history_read.VERIFY
        self.addCleanup(setattr, history_read, "VERIFY", before)
        history_read.VERIFY = self.folder / "stand_in.py"
        for status, trusted in ((0, True), (1, True), (2, False), (3, False), (-9, False)):
            history_read.VERIFY.write_text(
                "import os, sys\nassert sys.argv[1:] == ['--', '-x']\n" + (
                    f"sys.exit({status})\n" if status >= 0 else "os.kill(os.getpid(), 9)\n"),
                encoding="utf-8")
            with self.subTest(status):
                if trusted:
                    history_read.verify("-x")
                else:
                    self.assertRaises(ReportError, history_read.verify, "-x")


class Records(unittest.TestCase):
    """check() and the schema say the same, of what is good and of what is not."""

    def both(self, record, good):
        by_schema = not faults(record, "run.schema.json")
        try:
            history_read.check(record)
            by_hand = True
        except ReportError:
            by_hand = False
        self.assertEqual((by_hand, by_schema), (good, good), record)

    def test_good_ones(self):
        one = history_samples.record(1, failing=[2])
        for more in ({}, {"argument": "a"}, {"clean": None}, {"commit": ""}, {"totals": {}},
                     {"outcomes": [], "failures": [], "measures": []}, {"host": "", "cpu": "é"},
                     {"url": "https://ci.example/1?x=%20"}, {"kind": "workload"},
                     {"failures": [["ABI-001", "-", "t", "FAIL", "two\nlines \x1b"]]},
                     {"measures": [["a/b", "x", 1, 0, 2.5, 1], ["a/b", "y", -1e300, None, 1, 9]]}):
            self.both({**one, **more}, True)

    def test_bad_ones(self):
        one = history_samples.record(1, failing=[2])
        for value in (None, [], "x", 3, {}):
            self.both(value, False)
        for field in one:
            self.both({k: v for k, v in one.items() if k != field}, False)
            self.both({**one, field: 5}, False)
            self.both({**one, field: {"a": "b"}}, False)
        for more in ({"more": 1}, {"id": "A" * 32}, {"id": "a" * 31}, {"id": "a" * 32 + "\n"},
                     {"kind": "x"}, {"target": ""}, {"host": "a\nb"}, {"host": "\ud800"},
                     {"cpu": "x" * 501}, {"commit": "a" * 39}, {"url": "javascript:alert(1)"},
                     {"url": "http://a b"}, {"verdict": "PASS"}, {"totals": {"OK": 1}},
                     {"totals": {"PASS": -1}}, {"subject": None}, {"started": "2026-11-29"}):
            self.both({**one, **more}, False)

    def test_bad_rows(self):
        good = {"outcomes": ["ABI-001", "-", "PASS"], "measures": ["a/b", "x", 1.5, None, 2.0, 3],
                "failures": ["ABI-001", "-", "test", "FAIL", "why"]}
        for table, row in good.items():
            one = history_samples.record(1)
            self.both({**one, table: [row]}, True)
            for bad in ([row[:-1]], [[*row, 1]], [[]], [{}], ["x"], [None], [row, 5]):
                self.both({**one, table: bad}, False)
            for n in range(len(row)):
                for value in ({}, [], True, 5 if isinstance(row[n], str) else "x"):
                    self.both({**one, table: [[*row[:n], value, *row[n + 1:]]]}, False)
        one = history_samples.record(1)
        for table, row in (("outcomes", ["abi-1", "-", "PASS"]),
                           ("outcomes", ["ABI-001", "", "PASS"]),
                           ("outcomes", ["ABI-001", "-", "OK"]),
                           ("outcomes", ["ABI-001\n", "-", "PASS"]),
                           ("measures", ["", "x", 1, None, None, 1]),
                           ("measures", ["a\n", "x", 1, None, None, 1]),
                           ("measures", ["a", "x", 1, None, None, 0]),
                           ("measures", ["a", "x", 1, None, None, 1 << 31])):
            self.both({**one, table: [row]}, False)

    def test_what_a_schema_cannot_say(self):
        one = history_samples.record(1, failing=[2])
        for more in ({"outcomes": one["outcomes"] + one["outcomes"][:1]},
                     {"outcomes": [["ABI-001", "-", "PASS"], ["ABI-001", "-", "FAIL"]]},
                     {"measures": [["a", "x", 1, None, None, 1], ["a", "x", 2, None, None, 1]]},
                     {"failures": one["failures"] * 2}, {"started": "2026-02-30T05:00:00Z"},
                     {"measures": [["a", "x", float("nan"), None, None, 1]]},
                     {"measures": [["a", "x", 1, float("inf"), None, 1]]}):
            with self.assertRaises(ReportError):
                history_read.check({**one, **more})


if __name__ == "__main__":
    unittest.main()
