# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""judge.py on logs made by hand: each test says what the statement must be."""

import json
import sys
import tempfile
import unittest
from pathlib import Path

import jsonschema

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import judge  # noqa: E402
import samples  # noqa: E402
from model import ReportError  # noqa: E402
from samples import case, results  # noqa: E402

SCHEMA = json.loads((HERE.parent / "schemas/package.schema.json").read_text(encoding="utf-8"))
GOOD = samples.bench([samples.row()])


class Judged(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory(prefix="iodirty-test-")
        self.addCleanup(self.dir.cleanup)
        self.folder = Path(self.dir.name)

    def judge(self, *runs, statuses=None, measured=GOOD, facts=None, **files):
        """The statement of @runs: each is the cases of a run, or results."""
        runs = [r if isinstance(r, dict) else results(r, run=n) for n, r in enumerate(runs, 1)]
        samples.logs(self.folder, runs, measured, **files)
        if statuses is None:
            statuses = [r["exit_code"] for r in runs]
        self.facts = samples.facts(statuses, **(facts or {}))
        statement = judge.judge(self.folder, self.facts)
        jsonschema.validate(statement, SCHEMA)
        return statement

    def verdict(self, *runs, **more):
        return self.judge(*runs, **more)["verdict"]

    def refused(self, words, *runs, **more):
        with self.assertRaisesRegex(ReportError, words):
            self.judge(*runs, **more)


class JudgeTest(Judged):
    # ---- as a whole ----

    def test_passes(self):
        statement = self.judge([case(), case("LEAF-001", "-")], [case(), case("LEAF-001", "-")])
        self.assertEqual(statement["verdict"], "PASSED")
        self.assertEqual(statement["sentence"], "PASSED: 2 cases of 2 requirements on ref, in each "
                         "of 2 runs, and none failed.")
        self.assertIn("No test of what must hold lost a write", statement["meaning"])
        self.assertEqual(statement["remarks"], [])
        self.assertEqual((statement["declared"], statement["waivers"], statement["workloads"]),
                         (None, [], None))
        self.assertEqual([r["run"] for r in statement["conformance"]["runs"]],
                         [f"{1:032x}", f"{2:032x}"])
        self.assertIn("no statement about any real hardware", statement["product"]["description"])

    def test_the_facts_come_back(self):
        facts = {"workloads": {"names": ["nic"], "exit_status": 0}, "via": "env --"}
        statement = self.judge([case()], facts=facts, workloads="ok nic amd-v1 4K\n")
        self.assertEqual(judge.facts_of(statement), self.facts)
        self.assertEqual(judge.judge(self.folder, judge.facts_of(statement)), statement)

    def test_nothing_besides_the_logs_matters(self):
        statement = self.judge([case()])
        (self.folder / "statement.json").write_text("{}", encoding="utf-8")
        (self.folder / "system.json").write_text("{}", encoding="utf-8")
        self.assertEqual(judge.judge(self.folder, self.facts), statement)

    def test_the_schema_is_strict(self):
        statement = self.judge([case()], [case(verdict="FAIL")])
        for wrong in (dict(statement, more=1), dict(statement, verdict="GOOD"),
                      dict(statement, format_version=1), dict(statement, id="a"),
                      dict(statement, created="2026-01-02"),
                      dict(statement, conformance=dict(statement["conformance"], more=1)),
                      dict(statement, benchmark=dict(statement["benchmark"], run="x")),
                      {k: v for k, v in statement.items() if k != "meaning"}):
            with self.assertRaises(jsonschema.ValidationError):
                jsonschema.validate(wrong, SCHEMA)

    def test_one_run_is_said_to_be_one(self):
        statement = self.judge([case()])
        self.assertIn("There was one run: a case that fails now and then could go unseen.",
                      statement["remarks"])
        self.assertNotIn("in each of", statement["sentence"])

    # ---- the runs as one ----

    def test_each_bad_verdict_fails_whatever_else_there_is(self):
        for bad in ("FAIL", "CRASH", "HANG", "XPASS", "NOT_RUN"):
            for runs in (([case(verdict=bad)],), ([case()], [case(verdict=bad)]),
                         ([case(verdict=bad)], [case()]), ([case(verdict=bad)],) * 2):
                with self.subTest(f"{bad}, {len(runs)} runs"):
                    statement = self.judge(*([*run, case("LEAF-001", "-")] for run in runs))
                    self.assertEqual(statement["verdict"], "FAILED")
                    self.assertEqual(statement["conformance"]["outcomes"]["REPORT-001"], bad)
                    self.assertEqual(statement["conformance"]["cases"], {"PASS": 1, bad: 1})

    def test_the_worst_of_the_runs_counts_in_any_order(self):
        for order in (("FAIL", "PASS", "HANG"), ("PASS", "HANG", "FAIL"),
                      ("HANG", "FAIL", "PASS")):
            statement = self.judge(*([case(verdict=v)] for v in order))
            self.assertEqual(statement["conformance"]["outcomes"]["REPORT-001"], "FAIL")

    def test_a_flake_fails_and_is_listed(self):
        statement = self.judge([case(), case("LEAF-001")],
                               [case(), case("LEAF-001", verdict="FAIL", message="bit 7")],
                               [case(), case("LEAF-001")])
        self.assertEqual(statement["verdict"], "FAILED")
        self.assertEqual(statement["conformance"]["flakes"], [
            {"requirement": "LEAF-001", "test": "some_test", "config": "amd-v1/4K",
             "verdicts": ["PASS", "FAIL", "PASS"], "judges": True}])
        self.assertIn("Flakes: 1 case, not the same in each run, which is a failure: LEAF-001.",
                      statement["remarks"])

    def test_now_skipped_and_now_passed_is_a_flake_too(self):
        for other in ("SKIP", "NOT_CAPABLE"):
            statement = self.judge([case(), case("LEAF-001")],
                                   [case(), case("LEAF-001", verdict=other)])
            self.assertEqual(statement["verdict"], "FAILED")
            self.assertEqual(statement["conformance"]["outcomes"]["LEAF-001"], "FAIL")

    def test_what_deviates_now_and_then_is_no_flake(self):
        statement = self.judge([case(), case("LEAF-001", verdict="XFAIL", deviation="LINUX-016")],
                               [case(), case("LEAF-001")])
        self.assertEqual((statement["verdict"], statement["conformance"]["flakes"]),
                         ("PASSED", []))
        self.assertEqual(statement["conformance"]["outcomes"]["LEAF-001"], "XFAIL")
        self.assertIn("Failed as a listed deviation says: 1 case.", statement["remarks"])

    def test_a_deviation_that_fails_otherwise_now_and_then_is_a_flake(self):
        statement = self.judge([case(verdict="XFAIL", deviation="L")], [case(verdict="SKIP")],
                               [case()])
        self.assertEqual((statement["verdict"], len(statement["conformance"]["flakes"])),
                         ("FAILED", 1))

    def test_what_an_interrupted_run_did_not_reach_is_no_flake(self):
        statement = self.judge([case()], results([case(verdict="NOT_RUN")], run=2, complete=False))
        self.assertEqual((statement["verdict"], statement["conformance"]["flakes"]),
                         ("FAILED", []))
        self.assertIn("Run 2 was interrupted.", statement["remarks"])
        self.assertFalse(judge.read(self.folder, self.facts["created"]).results.data["complete"])

    def test_informative_failures_judge_nothing_always_or_now_and_then(self):
        for first in ("FAIL", "PASS"):
            statement = self.judge([case(), case("LEAF-002", verdict=first)],
                                   [case(), case("LEAF-002", verdict="FAIL")], statuses=[0, 0])
            self.assertEqual(statement["verdict"], "PASSED")
            self.assertEqual([f["judges"] for f in statement["conformance"]["flakes"]],
                             [False] * (first == "PASS"))
            self.assertIn("Failed, but judging nothing: 1 case of informative requirements.",
                          statement["remarks"])
        self.assertEqual(self.verdict([case(), case("LEAF-002", verdict="CRASH")]), "FAILED")

    def test_runs_of_other_cases_are_refused(self):
        one, two = [case()], [case(), case(config="vtd-ss/4K")]
        self.refused("REPORT-001 some_test vtd-ss/4K is in run-2 and not in run-1", one, two)
        self.refused("REPORT-001 some_test vtd-ss/4K is in run-1 and not in run-2", two, one)
        self.refused("run-1 has REPORT-001 some_test amd-v1/4K twice", [case(), case()])

    def test_runs_of_other_requirements_are_refused(self):
        softened = [dict(r, **{"class": "informative"}) for r in samples.REQUIREMENTS]
        self.refused("run-1 and run-2 do not have the same requirements", [case()],
                     results([case()], run=2, requirements=softened))

    def test_a_run_counts_once(self):
        self.refused("run-2 is run-1 once more", [case()], results([case()], run=1))

    def test_a_gap_in_the_runs_is_refused(self):
        self.judge([case()], [case()], [case()])
        (self.folder / "logs/run-2").rename(self.folder / "logs/run-4")
        with self.assertRaisesRegex(ReportError, "it has run-1, run-3, run-4"):
            judge.judge(self.folder, self.facts)
        for n in (1, 3, 4):
            (self.folder / f"logs/run-{n}").rename(self.folder / f"logs/other-{n}")
        with self.assertRaisesRegex(ReportError, "it has none"):
            judge.judge(self.folder, self.facts)

    def test_broken_logs_are_refused_in_words(self):
        self.judge([case()])
        path = self.folder / "logs/run-1/results.json"
        for text, words in (("{", "is not JSON"), ("[" * 100000, "is not JSON"),
                            ("[]", "is not the results of a run"),
                            ("{}", "is not the results of a run"),
                            ('{"requirements": [], "cases": [7]}', "is not the results of a run")):
            path.write_text(text, encoding="utf-8")
            with self.assertRaisesRegex(ReportError, words):
                judge.judge(self.folder, self.facts)

    def test_a_broken_list_of_requirements_is_refused_in_words(self):
        for texts in ([7], {"id": 1}, [dict(samples.TEXTS[0], waivable="yes")],
                      [{"id": "A-001"}], [dict(samples.TEXTS[0], id=None)]):
            self.refused("requirements.json is not a list of requirements", [case()], texts=texts)

    def test_a_broken_benchmark_is_refused_in_words(self):
        odd = dict(samples.row(), name="harvest/amd-v1/4K/256M/sequential/cold/random/x%/avx2")
        for measured in ([7], {"benchmarks": 7}, {"benchmarks": [7]}, {"context": [7]},
                         samples.bench([odd])):
            self.refused("bench.json is not the benchmark's output", [case()], measured=measured)

    def test_a_time_that_is_none_is_refused(self):
        self.refused("is no time", [case()], facts={"created": "9999-99-99T00:00:00Z"})

    # ---- exit statuses ----

    def test_a_status_that_the_records_do_not_explain_fails(self):
        for cases, status in (([case()], 1), ([case()], 139),
                              ([case(verdict="FAIL")], 0)):
            statement = self.judge(cases, statuses=[status])
            self.assertEqual(statement["verdict"], "FAILED")
            self.assertTrue(any(f"status {status}, which is not what" in r
                                for r in statement["remarks"]), statement["remarks"])

    def test_that_of_each_run_is_looked_at(self):
        self.assertEqual(self.verdict([case()], [case()], statuses=[0, 1]), "FAILED")
        self.assertEqual(self.verdict([case()], [case()], statuses=[1, 0]), "FAILED")
        self.refused("2 runs in logs/ and 1 exit statuses", [case()], [case()], statuses=[0])

    def test_interrupted_or_nothing_tried_is_no_pass(self):
        self.assertEqual(self.verdict(results([case()], complete=False), statuses=[0]), "FAILED")
        statement = self.judge([case(verdict="SKIP")])
        self.assertEqual(statement["verdict"], "FAILED")
        self.assertIn("nothing can be concluded", statement["meaning"])
        self.assertEqual(self.verdict([]), "FAILED")

    # ---- by class ----

    def test_requirements_by_class(self):
        requirements = [dict(samples.REQUIREMENTS[0], id=f"A-{n:03}") for n in range(1, 8)]
        verdicts = ("PASS", "FAIL", "SKIP", "XFAIL", "NOT_CAPABLE", "HANG")
        statement = self.judge(results(
            [case(f"A-{n:03}", verdict=v) for n, v in enumerate(verdicts, 1)]
            + [case("A-001", "vtd-ss/4K", "SKIP"), case("A-002", "vtd-ss/4K")],
            requirements=requirements))
        mandatory, supported, informative = statement["conformance"]["classes"]
        self.assertEqual(mandatory, {
            "class": "mandatory", "requirements": 7, "tried": 4, "failed": 2, "passed": 1,
            "waived": 0, "deviating": 1, "not_capable": 1, "skipped": 1, "no_case": 1})
        self.assertEqual([supported["requirements"], informative["requirements"]], [0, 0])
        self.assertEqual(statement["conformance"]["not_exercised"], ["A-003", "A-005", "A-007"])
        self.assertIn("Not tried: 3 mandatory requirements: A-003, A-005, A-007.",
                      statement["remarks"])
        self.assertEqual(statement["conformance"]["outcomes"]["A-007"], None)
        self.assertIn("FAILED: 2 of 6 cases, in 2 of 4 requirements, on ref",
                      statement["sentence"])

    # ---- what it means ----

    def test_what_is_at_stake_is_said(self):
        for name, words in (("REPORT-001", "may arrive with memory"),
                            ("LEAF-001", "told something that is not so")):
            statement = self.judge([case("LEAF-002"), case(name, verdict="FAIL")])
            self.assertIn(words, statement["meaning"])
        both = self.judge([case(verdict="FAIL"), case("LEAF-001", verdict="FAIL")])
        self.assertIn("may arrive with memory", both["meaning"])

    def test_a_pass_with_deviations_is_not_told_as_one_without(self):
        statement = self.judge([case(verdict="XFAIL", deviation="L"), case("LEAF-001")])
        self.assertEqual(statement["verdict"], "PASSED")
        self.assertEqual(statement["sentence"], "PASSED: 1 case of 2 requirements on ref, with 1 "
                         "failure that a listed deviation explains.")
        self.assertIn("but what is listed", statement["meaning"])
        self.assertIn("may arrive with memory", statement["meaning"])

    def test_an_iommu_that_cannot_track_is_said_to_be_one(self):
        statement = self.judge(results([case(), case("LEAF-001", verdict="NOT_CAPABLE")],
                                       capabilities=["dma"]))
        self.assertEqual(statement["verdict"], "PASSED")
        self.assertIn("cannot track", statement["meaning"])
        self.assertTrue(any("Not capable: 1 case" in r for r in statement["remarks"]))

    # ---- the benchmark and workloads ----

    def test_times_judge_nothing(self):
        slow = samples.bench([dict(samples.row(), ns_per_iopte=1e9, x_floor=1e9)])
        self.assertEqual(self.verdict([case()], measured=slow), "PASSED")

    def test_a_wrong_bitmap_fails_whatever_the_status(self):
        for rows in ([samples.row(), samples.row(density=50, error="1 bits missed")],
                     [samples.row(), dict(samples.other("dma/amd-v1/4K"), error_occurred=True,
                                          error_message="lost")]):
            for status in (0, 1):
                statement = self.judge([case()], measured=samples.bench(rows),
                                       facts={"bench": status})
                self.assertEqual(statement["verdict"], "FAILED")
                self.assertEqual(statement["benchmark"]["failed"], 1)
                self.assertTrue(statement["conformance"]["passed"])
                self.assertEqual(statement["sentence"], "FAILED: the benchmark on ref; the "
                                 "conformance suite passed.")
                self.assertTrue(any("FAILED in 1 cell" in r for r in statement["remarks"]))

    def test_a_benchmark_that_left_nothing_fails(self):
        for status in (0, 1, 139):
            statement = self.judge([case()], measured=None, facts={"bench": status})
            self.assertEqual(statement["verdict"], "FAILED")
            self.assertIsNone(statement["benchmark"]["run"])
            self.assertIn(f"The benchmark did not run to its end (status {status}).",
                          statement["remarks"])

    def test_a_benchmark_that_cannot_be_performed_here_is_said_and_judges_nothing(self):
        statement = self.judge([case()], measured=None, facts={"bench": 4})
        self.assertEqual(statement["verdict"], "PASSED")
        self.assertIn("The benchmark could not be performed here: see logs/bench.txt.",
                      statement["remarks"])

    def test_the_benchmark_is_named(self):
        statement = self.judge([case()])
        self.assertEqual((statement["benchmark"]["run"], statement["benchmark"]["cells"]),
                         ("1" * 32, 1))

    def workloads(self, text, status=0, names=("nic",)):
        return self.judge([case()], workloads=text, facts={
            "workloads": {"names": list(names), "exit_status": status}})

    def test_workloads_are_counted(self):
        statement = self.workloads("ok nic amd-v1 4K 8 rounds\nok nic amd-v1 2M\n"
                                   "skip some - - there is none\n2 passed, 0 failed\n")
        self.assertEqual(statement["verdict"], "PASSED")
        self.assertEqual(statement["workloads"]["cases"], {
            "nic": {"ok": 2, "FAIL": 0, "skip": 0}, "some": {"ok": 0, "FAIL": 0, "skip": 1}})
        self.assertIn("Skipped: 1 harvested workload.", statement["remarks"])

    def test_wrong_harvests_of_workloads_fail_whatever_the_status(self):
        for status in (0, 1):
            statement = self.workloads("ok nic amd-v1 4K\nFAIL nic amd-v1 2M lost\n", status)
            self.assertEqual(statement["sentence"], "FAILED: the harvests of workloads on ref; "
                             "the conformance suite passed.")
            self.assertIn("Harvests of workloads FAILED in 1 case; see logs/workloads.txt.",
                          statement["remarks"])

    def test_workloads_that_cannot_be_performed_are_said(self):
        statement = self.workloads("", 4)
        self.assertEqual(statement["verdict"], "PASSED")
        self.assertIn("The workloads could not be performed here: see logs/workloads.txt.",
                      statement["remarks"])
        self.assertEqual(self.workloads("ok nic", 2)["verdict"], "FAILED")

    def test_the_log_of_workloads_must_be_there(self):
        self.refused("workloads.txt: No such file", [case()],
                     facts={"workloads": {"names": ["nic"], "exit_status": 0}})


class ClaimsTest(Judged):
    """@claims: of the form. The target of the samples has dma and track."""

    def claim(self, cases, claims="", **more):
        form = samples.FORM + (f"[claims]\n{claims}\n" if claims else "")
        return self.judge(results(cases, **more), form_toml=form)

    def row(self, statement, name):
        return next(r for r in statement["claims"]["rows"] if r["name"] == name)

    def expect(self, statement, name, outcome, words, verdict=None):
        found = self.row(statement, name)
        self.assertEqual(found["outcome"], outcome)
        self.assertRegex(found["why"], words)
        verdict = verdict or ("FAILED" if outcome == "FAIL" else "PASSED")
        self.assertEqual(statement["verdict"], verdict)

    def test_the_form_is_shown(self):
        statement = self.claim([case()])
        self.assertEqual(statement["declared"]["iommu"]["model"], "SMMUv3.2")
        self.assertEqual(statement["claims"]["by"], "target")

    def test_without_claims_the_target_speaks(self):
        statement = self.judge([case(needs=["dma"])])
        self.assertEqual([(r["kind"], r["name"], r["claimed"], r["outcome"])
                          for r in statement["claims"]["rows"]],
                         [("capability", "dma", True, "OK"),
                          ("capability", "track", True, "UNTESTED"),
                          ("format", "amd-v1", True, "OK")])
        self.expect(statement, "track", "UNTESTED", "^no test needs it$")

    def test_what_is_claimed_and_shown_holds(self):
        statement = self.claim([case(needs=["dma", "track"])],
                               'capabilities = ["dma", "track"]\nformats = ["amd-v1"]')
        self.assertEqual(statement["claims"]["by"], "form")
        self.assertTrue(statement["claims"]["passed"])
        self.assertEqual(self.row(statement, "dma")["ran"], 1)
        self.assertFalse([r for r in statement["remarks"] if "laimed" in r])

    def test_claimed_and_not_there_fails(self):
        statement = self.claim([case(), case("LEAF-001", verdict="SKIP", needs=["ats"],
                                             message="the target does not claim ats")],
                               'capabilities = ["ats", "dma", "track"]')
        self.expect(statement, "ats", "FAIL", "does not have the capability")
        self.assertEqual(statement["sentence"], "FAILED: claims that were not shown on ref; the "
                         "conformance suite passed.")
        self.assertIn("Claimed and not shown: capability ats.", statement["remarks"])

    def test_claimed_and_skipped_for_want_of_it_fails(self):
        """Though the target says that it has it, and another case ran."""
        statement = self.claim(
            [case(needs=["dma"]), case("LEAF-001", verdict="SKIP", needs=["ats", "dma"],
                                       message="the target does not claim ats dma")],
            'capabilities = ["dma", "track"]')
        self.expect(statement, "dma", "FAIL", "1 of its cases were skipped for want of it")

    def test_claimed_and_some_skipped_for_another_reason_holds(self):
        statement = self.claim(
            [case(needs=["dma"]), case("LEAF-001", verdict="SKIP", needs=["dma"],
                                       message="leaves of 1 GiB take seconds")],
            'capabilities = ["dma", "track"]')
        self.expect(statement, "dma", "OK", "^$")

    def test_claimed_and_none_of_its_cases_ran_fails(self):
        for other in ("SKIP", "NOT_CAPABLE"):
            for claims in ('capabilities = ["dma", "track"]', ""):
                statement = self.claim(
                    [case(), case("LEAF-001", verdict=other, needs=["dma"], message="no room")],
                    claims)
                self.expect(statement, "dma", "FAIL", f"none of its cases ran: {other}, no room")

    def test_what_no_test_can_show_here_is_untested(self):
        """Each case that needs dma needs ats too, which the target does not have."""
        wanting = case("LEAF-001", verdict="SKIP", needs=["dma", "ats", "pasid"],
                       message="the target does not claim ats pasid")
        for claims in ('capabilities = ["dma", "track"]', ""):
            statement = self.claim([case(), wanting], claims)
            self.expect(statement, "dma", "UNTESTED", "does not have: ats, pasid$")
            also = case("LEAF-001", "vtd-ss/4K", "SKIP", "no room", needs=["dma"])
            statement = self.claim([case(), wanting, also], claims)
            self.expect(statement, "dma", "FAIL", "none of its cases ran")

    def test_there_and_not_claimed_is_a_warning(self):
        statement = self.claim([case(needs=["dma"])], 'capabilities = ["dma"]')
        self.expect(statement, "track", "WARNING", "not claimed")
        self.assertIn("WARNING: there, and not claimed: capability track.", statement["remarks"])

    def test_a_claim_of_what_nobody_knows_fails_with_what_is_known(self):
        statement = self.claim([case(needs=["dma", "ats"])], 'capabilities = ["dmaa"]')
        self.expect(statement, "dmaa", "FAIL", "known are: ats, dma, track$")
        statement = self.claim([case()], 'formats = ["amd-v2"]')
        self.expect(statement, "amd-v2", "FAIL", "known are: amd-v1$")

    def test_a_claimed_format_without_a_case_that_ran_fails(self):
        for other in ([], [case("LEAF-001", "vtd-ss/4K", "SKIP", "too large"),
                           case("LEAF-001", "vtd-ss/2M", "NOT_CAPABLE", "too large")]):
            statement = self.claim([case(), *other], 'formats = ["amd-v1", "vtd-ss"]',
                                   formats=["amd-v1", "vtd-ss"])
            self.expect(statement, "vtd-ss", "FAIL", "none of its cases ran: SKIP, too large"
                        if other else "it has no case")

    def test_a_format_that_is_not_claimed_is_a_warning(self):
        statement = self.claim([case(), case(config="vtd-ss/4K")], 'formats = ["amd-v1"]')
        self.expect(statement, "vtd-ss", "WARNING", "the target has the format")

    def test_another_kernel_than_the_one_that_ran_fails(self):
        form = samples.FORM.replace("6.12.1", "6.12.2")
        statement = self.judge([case()], form_toml=form)
        self.expect(statement, "6.12.2", "FAIL", "the kernel that ran is 6.12.1")

    def test_claims_do_not_hide_failures(self):
        statement = self.claim([case(verdict="FAIL", needs=["dma"])],
                               'capabilities = ["dma", "none"]')
        self.assertEqual(statement["sentence"], "FAILED: 1 of 1 case, in 1 of 1 requirement, on "
                         "ref; and claims that were not shown.")


class WaivedTest(Judged):
    """LEAF-001 is waivable, REPORT-001 is not; the package is of 2026-01-02."""

    def waive(self, *runs, expires="2026-01-02", **fields):
        fields = {"requirement": "LEAF-001", "reason": "fixed in B3", **fields}
        text = "[[waiver]]\n" + "".join(f'{k} = "{v}"\n' for k, v in fields.items())
        return self.judge(*runs, waivers_toml=f"{text}expires = {expires}\n")

    def failing(self, verdict="FAIL", **more):
        return [case(), case("LEAF-001", verdict=verdict, message="no", **more)]

    def test_a_waived_failure_is_counted_apart(self):
        statement = self.waive(self.failing(), self.failing())
        self.assertEqual(statement["verdict"], "PASSED")
        self.assertEqual(statement["sentence"], "PASSED: 1 case of 2 requirements on ref, in each "
                         "of 2 runs, with 1 waived failure.")
        self.assertEqual(statement["conformance"]["cases"], {"PASS": 1, "WAIVED": 1})
        supported = statement["conformance"]["classes"][1]
        self.assertEqual((supported["waived"], supported["passed"], supported["failed"]),
                         (1, 0, 0))
        self.assertEqual(statement["waivers"], [
            {"requirement": "LEAF-001", "test": "", "config": "", "reason": "fixed in B3",
             "expires": "2026-01-02", "over": False,
             "excused": [["LEAF-001", "some_test", "amd-v1/4K"]]}])
        self.assertIn("told something that is not so", statement["meaning"])

    def test_what_is_not_waived_still_fails(self):
        cases = [*self.failing(), case("LEAF-001", "vtd-ss/4K", "FAIL")]
        statement = self.waive(cases, config="amd-v1/*")
        self.assertEqual(statement["verdict"], "FAILED")
        self.assertRegex(statement["sentence"], "^FAILED: 1 of 3 cases.*, with 1 waived failure.$")

    def test_over_on_the_day_after(self):
        self.assertEqual(self.waive(self.failing(), expires="2026-01-02")["verdict"], "PASSED")
        statement = self.waive(self.failing(), expires="2026-01-01")
        self.assertEqual(statement["verdict"], "FAILED")
        self.assertEqual((statement["waivers"][0]["over"], statement["waivers"][0]["excused"]),
                         (True, []))
        self.assertIn("The waiver of LEAF-001 ended on 2026-01-01: it was not applied.",
                      statement["remarks"])

    def test_only_failures_are_waived(self):
        for bad in ("CRASH", "HANG", "XPASS", "NOT_RUN"):
            statement = self.waive(self.failing(bad))
            self.assertEqual(statement["verdict"], "FAILED", bad)
            self.assertEqual(statement["waivers"][0]["excused"], [])

    def test_flakes_are_not_waived(self):
        self.assertEqual(self.waive(self.failing(), self.failing("PASS"))["verdict"], "FAILED")

    def test_what_is_not_waivable_is_refused(self):
        self.refused_waiver("REPORT-001 cannot be waived: what is at stake is data-loss",
                            requirement="REPORT-001")
        self.refused_waiver(r"REPORT-001, which \* takes in,", requirement="*")
        self.refused_waiver("there is no requirement NONE-001", requirement="NONE-001")

    def refused_waiver(self, words, **fields):
        with self.assertRaisesRegex(ReportError, words):
            self.waive(self.failing(), **fields)

    def test_the_runs_have_a_say_in_what_is_waivable(self):
        """A list of requirements that was doctored is not enough."""
        firm = [dict(r, waivable=False) for r in samples.REQUIREMENTS]
        statement = self.waive(results(self.failing(), requirements=firm))
        self.assertEqual(statement["verdict"], "FAILED")

    def test_a_waiver_that_matches_no_failure_is_said(self):
        statement = self.waive([case(), case("LEAF-001")])
        self.assertIn("The waiver of LEAF-001 matches no failure.", statement["remarks"])
        self.assertIn("and none failed", statement["sentence"])
        statement = self.waive(self.failing(), test="other_test")
        self.assertEqual(statement["verdict"], "FAILED")
        self.assertIn("The waiver of LEAF-001, test other_test matches no failure.",
                      statement["remarks"])

    def test_a_waived_failure_does_not_excuse_the_status_of_a_good_run(self):
        text = '[[waiver]]\nrequirement = "LEAF-001"\nreason = "r"\nexpires = 2030-01-01\n'
        self.assertEqual(self.verdict(self.failing(), statuses=[0], waivers_toml=text), "FAILED")


if __name__ == "__main__":
    unittest.main()
