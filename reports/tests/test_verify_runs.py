# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""verify: runs that do not belong together, or were not made as a certification is.

The statement is made again by the forger, with the manifest, wherever judge.py lets him.
"""

import shutil
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import package_samples as samples  # noqa: E402
import verify_runs  # noqa: E402
from test_verify import World  # noqa: E402


class MixedTest(World):
    def of_run_2(self, change):
        samples.rewrite(self.run_files(2), change)

    def test_a_run_of_another_machine(self):
        def elsewhere(results):
            results["host"]["release"] = "6.1.0"
        self.results(2, elsewhere)
        self.forge()
        self.only("runs", "run-2: host release is 6.1.0, and in run-1 6.12.94")

    def test_what_must_be_the_same(self):
        for part, field, value in (("target", "summary", "another"), ("host", "name", "mine"),
                                   ("host", "cpus", 64), ("host", "version", "#2"),
                                   ("host", "cpu", "another"), ("host", "machine", "riscv64"),
                                   ("host", "system", "Other")):
            with self.subTest(field):
                self.pack = self.make(f"{part}-{field}")
                self.results(2, lambda r: r[part].update({field: value}))
                self.forge()
                self.refused("runs", f"run-2: {part} {field} is {value}, and in run-1 ")

    def test_memory_may_differ(self):
        """A kernel that boots again has some pages more or less."""
        self.results(2, lambda r: r["host"].update(memory_bytes=1 << 30))
        self.forge()
        self.accepted()

    def test_another_test_by_that_name(self):
        self.results(2, lambda r: r["cases"][0].update(line=1))
        self.forge()
        self.only("runs", "run-2: the case ABI-001 struct_too_short - is not run-1's")

    def test_a_run_of_another_package(self):
        """Exchanged whole, with the manifest made again."""
        other = self.make("other")
        samples.rewrite(other / "logs/run-2", lambda r: r.update(run="d" * 32, seed="0x1"))
        shutil.rmtree(self.run_files(2))
        shutil.copytree(other / "logs/run-2", self.run_files(2))
        self.refused("manifest", "logs/run-2/results.json: not as the manifest says it is")
        samples.seal(self.pack)
        self.refused("runs", f"run-2 is {'d' * 32}, and in the statement 53428e13a857031ba189")
        self.refused("verdict", "statement.json: conformance.runs[1].run")

    def test_views_of_another_run(self):
        for name, words in (("results.ktap", "its second line is “# iodirty 0.1.0, target ref, "
                             "run 396cfd190c6308efbd5961012ad22266”"),
                            ("junit.xml", "suite ABI: the property run is “396cfd190c6308efbd59"),
                            ("console.txt", "its last line is “target ref, run 396cfd190c6308ef")):
            with self.subTest(name):
                self.pack = self.make(name)
                shutil.copy(self.run_files(1) / name, self.run_files(2))
                samples.seal(self.pack)
                self.only("views", f"logs/run-2/{name}: {words}")

    def test_the_same_run_twice(self):
        shutil.rmtree(self.run_files(2))
        shutil.copytree(self.run_files(1), self.run_files(2))
        samples.seal(self.pack)
        self.refused("runs", "run-2 is run-1 once more: both have the id 396cfd190c6308efbd59")
        self.refused("runs", "run-2 has the seed of run-1")
        self.refused("verdict", "it cannot be judged: run-2 is run-1 once more")

    def test_the_same_run_twice_under_another_name(self):
        shutil.rmtree(self.run_files(2))
        shutil.copytree(self.run_files(1), self.run_files(2))
        self.of_run_2(lambda r: r.update(run="d" * 32))
        self.forge()
        self.refused("runs", "run-2 has the seed of run-1: the same numbers twice are no repeat")

    def test_a_third_run(self):
        """Three were made, and the worst is not stated; or the other way."""
        shutil.copytree(self.run_files(2), self.run_files(3))
        samples.rewrite(self.run_files(3), lambda r: r.update(
            run="d" * 32, seed="0x1", started="2026-11-29T11:00:00Z"))
        samples.seal(self.pack)
        self.refused("runs", "run-3 is not in the statement, which names 2 runs")
        shutil.rmtree(self.run_files(2))
        samples.seal(self.pack)
        self.refused("layout", "without a gap; it has run-1, run-3")
        shutil.rmtree(self.run_files(3))
        samples.seal(self.pack)
        self.refused("runs", "the statement names 2 runs, and 1 are there")

    def test_times(self):
        for started, words in (("2026-11-29T00:00:00Z", "run-2 started 2026-11-29 00:00:00, "
                                "before run-1 was over"),
                               ("2026-11-29T13:00:00Z", "run-2 ended 2026-11-29 13:00:02, after "
                                "the statement was made (2026-11-29 12:00:00)"),
                               ("2026-02-30T00:00:00Z", "run-2: started 2026-02-30T00:00:00Z is no "
                                "time that there was")):
            with self.subTest(started):
                self.pack = self.make(started[:13])
                results = samples.load(self.run_files(2) / "results.json")
                junit = self.run_files(2) / "junit.xml"
                junit.write_text(junit.read_text().replace(results["started"][:-1], started[:-1]))
                self.results(2, lambda r: r.update(started=started))
                self.forge()
                self.only("runs", words)

    def test_statement_of_another_time(self):
        self.forge(created="2026-11-28T12:00:00Z")
        self.only("runs", "run-1 ended 2026-11-29 ", ", after the statement was made (2026-11-28")

    def test_benchmark_of_another_run(self):
        bench = self.pack / "logs/bench.json"
        samples.edit(bench, lambda b: b["context"].update(run="d" * 32))
        self.refused("manifest", "logs/bench.json: not as the manifest says it is")
        samples.seal(self.pack)
        self.refused("runs", f"logs/bench.json: the run is {'d' * 32}, and in the statement ")
        for field, value, words in (
                ("target", "linux", "the target is linux, and in run-1 ref"),
                ("kernel", "6.1.0", "the kernel is 6.1.0, and in run-1 6.12.94"),
                ("iodirty_version", "0.2.0", "the version of iodirty is 0.2.0, and in run-1 0.1"),
                ("formats", "amd-v1", "the format amd-v1 is none of run-1's"),
                ("mode", "full", "the mode is full, and in the statement quick")):
            with self.subTest(field):
                self.pack = self.make(field)
                samples.edit(self.pack / "logs/bench.json",
                             lambda b: b["context"].update({field: value}))
                self.forge()
                self.only("runs", f"logs/bench.json: {words}")

    def test_a_quick_benchmark_has_fewer_formats(self):
        run = {"target": {"name": "ref", "argument": None}, "tool": {"version": "0.1.0"},
               "host": {"release": "6.12.94"}, "formats": [{"name": "vtd-ss"}, {"name": "mock"}]}
        bench = {"context": {"run": "d" * 32, "mode": "quick", "target": "ref", "formats": "mock",
                             "iodirty_version": "0.1.0", "kernel": "6.12.94"}}
        stated = {"benchmark": {"run": "d" * 32, "mode": "quick"}}
        self.assertEqual(list(verify_runs.check_bench(run, stated, bench)), [])
        bench["context"]["formats"] = "mock amd-v1"
        self.assertEqual(len(list(verify_runs.check_bench(run, stated, bench))), 1)

    def test_benchmark_dropped(self):
        (self.pack / "logs/bench.json").unlink()
        samples.seal(self.pack)
        self.refused("layout", "logs/bench.json: it is missing, and the statement says otherwise")
        self.refused("verdict", "statement.json: ")

    def test_benchmark_of_fewer_formats(self):
        samples.edit(self.pack / "logs/bench.json", lambda b: b["context"].update(formats=""))
        self.forge()
        self.accepted()

    def test_benchmark_with_the_id_of_a_run(self):
        samples.edit(self.pack / "logs/bench.json", lambda b: b["context"].update(
            run="396cfd190c6308efbd5961012ad22266"))
        self.forge()
        self.only("runs", "the benchmark is run-1 once more")

    def test_system_of_another_machine(self):
        samples.edit(self.pack / "system.json", lambda s: s.update(kernel="Linux 6.1.0"))
        self.forge()
        self.only("runs", "system.json: the kernel is Linux 6.1.0, and in run-1 Linux 6.12.94")

    def test_checkout(self):
        commit = "e" * 40
        for tool, files, words in (
                ({"git_commit": commit, "git_clean": True}, {}, "tool/commits.txt begins with “”"),
                ({"git_commit": commit, "git_clean": False}, {"commits.txt": f"commit {commit}\n"},
                 "tool/changes.diff is missing, and in the statement git_clean is False"),
                ({"git_commit": commit, "git_clean": True},
                 {"commits.txt": f"commit {commit}\n", "changes.diff": "diff"},
                 "tool/changes.diff is there, and in the statement git_clean is True"),
                ({"git_commit": commit, "git_clean": True},
                 {"commits.txt": f"commit {'f' * 40}\n"}, f"“commit {'f' * 40}”, and by")):
            with self.subTest(words):
                self.pack = self.make(f"tool-{len(list(self.dir.iterdir()))}")
                (self.pack / "tool").mkdir()
                for name, text in files.items():
                    (self.pack / "tool" / name).write_text(text)
                self.forge(tool=dict(tool, version="0.1.0"))
                self.only("runs", words)
        (self.pack / "tool/commits.txt").write_text(f"commit {commit}\nDate: today\n")
        self.forge()
        self.accepted()

    def test_target_of_the_statement(self):
        self.forge(target="linux")
        self.refused("runs", "run-1: the target is ref, and in the statement linux")
        self.refused("options", "its command names the target ref, and the statement linux")


class OptionsTest(World):
    def test_what_a_certification_does_not_have(self):
        for words in (["-f", "vtd-ss"], ["-r", "ABI-*"], ["--leaf", "quick"], ["--concurrent"],
                      ["--timeout-scale", "9"], ["--soak", "1"], ["--conc"], ["-fvtd-ss"],
                      ["--requirement=ABI-001"], ["--leaf=all"], ["--ktap"]):
            with self.subTest(" ".join(words)):
                self.pack = self.make("_".join(words).replace("/", ""))
                self.results(2, lambda r: r["command"].extend(words))
                self.forge()
                self.only("options", "logs/run-2/results.json: it was made with -",
                          "which a certification does not have")

    def test_what_makes_no_command(self):
        for command, words in ((["iodirty", "bench"], "it was made by “iodirty bench”"),
                               (["iodirty", "conform", "-x"], "an option that there is not"),
                               (["iodirty", "conform", "-o"], "an option that there is not"),
                               (["iodirty", "conform", "here"], "“here”, which is no option")):
            with self.subTest(words):
                self.pack = self.make(command[-1])
                self.results(1, lambda r: r.update(command=command))
                self.forge()
                self.only("options", words)

    def test_what_it_may_have(self):
        for command in (["iodirty", "conform"],
                        ["iodirty", "conform", "--target", "ref", "--seed", "1", "-j", "8", "-v"],
                        ["iodirty", "conform", "-tlinux", "-tref", "--force", "-oDIR"]):
            self.results(1, lambda r: r.update(command=command))
            self.forge()
            self.accepted()


if __name__ == "__main__":
    unittest.main()
