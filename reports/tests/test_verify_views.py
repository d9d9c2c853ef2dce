# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""verify_views: the views of a real run that has every verdict, and each way to spoil one."""

import copy
import sys
import unittest
from pathlib import Path
from xml.etree import ElementTree

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import package_samples as samples  # noqa: E402
import verify_read  # noqa: E402
import verify_views as views  # noqa: E402

VERDICTS = samples.RECORDED / "verdicts"


class VerdictsTest(unittest.TestCase):
    def setUp(self):
        self.results = samples.load(VERDICTS / "results.json")
        self.ktap = verify_read.text(VERDICTS / "results.ktap")
        self.junit = verify_read.xml(VERDICTS / "junit.xml")
        self.console = verify_read.text(VERDICTS / "console.txt")

    def said(self, results):
        return {"summary": views.check_summary(results),
                "ktap": views.check_ktap(results, self.ktap),
                "junit": views.check_junit(results, self.junit),
                "console": views.check_console(results, self.console)}

    def test_as_it_was_written(self):
        self.assertEqual({c["verdict"] for c in self.results["cases"]} | {"NOT_RUN"},
                         set(views.VERDICTS))
        self.assertEqual(self.said(self.results),
                         {"summary": [], "ktap": [], "junit": [], "console": []})

    def test_each_case_with_another_verdict(self):
        for n, case in enumerate(self.results["cases"]):
            for verdict in views.VERDICTS:
                if verdict == case["verdict"]:
                    continue
                results = copy.deepcopy(self.results)
                results["cases"][n]["verdict"] = verdict
                said = self.said(results)
                what = f"{views.name_of(case)}: {verdict} instead of {case['verdict']}"
                self.assertTrue(said["summary"], what)
                self.assertTrue(said["ktap"], what)
                samples.settle(results)
                cls = views.classes(results)[case["requirement"]]
                if views.element_of(case, cls) != views.element_of(results["cases"][n], cls):
                    self.assertTrue(views.check_junit(results, self.junit), what)

    def test_each_field_of_a_case(self):
        for n, case in enumerate(self.results["cases"]):
            for field, value in (("message", case["message"] + "x"), ("notes", "x"),
                                 ("test", "another"), ("config", "x/4K"),
                                 ("requirement", "ABI-009")):
                results = copy.deepcopy(self.results)
                results["cases"][n][field] = value
                said = self.said(results)
                if field == "notes" and case["verdict"] == "SKIP":
                    self.assertTrue(said["junit"])
                else:
                    self.assertTrue(said["ktap"] or said["summary"], f"{n} {field}")
                self.assertTrue(said["junit"] or case["verdict"] == "PASS", f"{n} {field}")
            results = copy.deepcopy(self.results)
            results["cases"][n]["seconds"] += 0.01
            self.assertTrue(self.said(results)["junit"], f"{n} seconds")

    def test_order(self):
        """Two cases of a requirement exchanged."""
        self.results["cases"][:2] = self.results["cases"][1::-1]
        said = self.said(self.results)
        self.assertTrue(said["ktap"])
        self.assertEqual(said["junit"], ["suite ABI: its cases stand in another order"])

    def test_each_field_of_the_run(self):
        def put(path, value):
            results = copy.deepcopy(self.results)
            place = results
            for part in path[:-1]:
                place = place[part]
            place[path[-1]] = value
            return self.said(results)
        for path, value, by in (
                (["run"], "f" * 32, "ktap junit console"), (["seed"], "0x1", "junit console"),
                (["tool", "version"], "9.9.9", "ktap"), (["seconds"], 99.0, "console"),
                (["target", "name"], "x", "ktap junit console"),
                (["outcome"], "passed", "summary console"), (["exit_code"], 0, "summary"),
                (["complete"], False, "summary junit"), (["host", "name"], "x", "junit"),
                (["started"], "2026-01-01T00:00:00Z", "junit"),
                (["totals", "PASS"], 50, "summary"), (["totals", "FAIL"], 0, "summary"),
                (["table_totals", "PASS"], 0, "summary"), (["not_exercised"], [], "summary"),
                (["table", 0, "verdict"], "FAIL", "summary"),
                (["requirements", 0, "title"], "x", "ktap"),
                (["requirements", 1, "class"], "informative", "ktap junit console")):
            said = put(path, value)
            for view in by.split():
                self.assertTrue(said[view], f"{path} is not noticed by {view}")

    def test_table(self):
        for change in (lambda t: t.pop(), lambda t: t.append(t[0]),
                       lambda t: t.append(dict(t[0], config="x/4K"))):
            results = copy.deepcopy(self.results)
            change(results["table"])
            self.assertTrue(views.check_summary(results))

    def test_lines_of_ktap(self):
        """Any line taken out, twice there, or with more at its end."""
        lines = self.ktap.split("\n")
        for n, line in enumerate(lines[:-1]):
            for spoilt in (lines[:n] + lines[n + 1:], lines[:n] + [line + "x"] + lines[n + 1:],
                           lines[:n] + [line] + lines[n:]):
                self.assertTrue(views.check_ktap(self.results, "\n".join(spoilt)), line)
        self.assertTrue(views.check_ktap(self.results, ""))
        self.assertTrue(views.check_ktap(self.results, self.ktap + "ok 12 more\n"))

    def test_elements_of_junit(self):
        """Any attribute or text of any element changed; any element taken out."""
        for element in self.junit.iter():
            for name, value in element.attrib.items():
                element.set(name, "77" if name == "time" else value + "x")
                self.assertTrue(views.check_junit(self.results, self.junit),
                                ElementTree.tostring(element))
                element.set(name, value)
            for child in list(element):
                at = list(element).index(child)
                element.remove(child)
                self.assertTrue(views.check_junit(self.results, self.junit),
                                ElementTree.tostring(child))
                element.insert(at, child)
        self.assertEqual(views.check_junit(self.results, self.junit), [])

    def test_console(self):
        for spoilt in ("", "\n", self.console + "all is well\n", self.console[:-3] + "\n"):
            self.assertTrue(views.check_console(self.results, spoilt))


def results(*cases, cls="mandatory", complete=True):
    """A run of one requirement, ABI-001; a case is (verdict, message)."""
    return {"run": "a" * 32, "tool": {"version": "0.1.0"}, "complete": complete, "seconds": 1.25,
            "seed": "0x1", "target": {"name": "ref"}, "outcome": "passed",
            "requirements": [{"id": "ABI-001", "title": "A title", "class": cls}],
            "cases": [{"requirement": "ABI-001", "test": f"t{n}", "config": "-",
                       "verdict": verdict, "message": message, "notes": "", "measures": [],
                       "deviation": "D-1" if verdict in ("XFAIL", "XPASS") else None,
                       "seconds": 0.0} for n, (verdict, message) in enumerate(cases)]}


class ByHandTest(unittest.TestCase):
    """What is expected is written here by hand, from the formats' words."""

    def test_ktap(self):
        run = results(("PASS", ""), ("FAIL", "one\ntwo"), ("SKIP", "no\nuse"), ("NOT_RUN", "cut"),
                      ("XFAIL", "as listed"), ("XPASS", "not as listed"), ("HANG", "late"),
                      ("CRASH", "dead"), ("NOT_CAPABLE", "cannot"))
        run["cases"][0]["measures"] = [{"name": "writes", "value": 1234567.0, "unit": "pages"}]
        self.assertEqual("\n".join(views.ktap_of(run)), f"""\
KTAP version 1
# iodirty 0.1.0, target ref, run {'a' * 32}
1..1
  KTAP version 1
  # Subtest: ABI-001
  # A title
  1..9
  #    writes: 1.23457e+06 pages
  ok 1 t0:-
  #    one
  #    two
  not ok 2 t1:-
  ok 3 t2:- # SKIP no | use
  #    cut
  not ok 4 t3:- # ERROR not run
  #    as listed
  ok 5 t4:- # XFAIL D-1
  #    not as listed
  not ok 6 t5:- # ERROR passed in spite of deviation D-1
  #    late
  not ok 7 t6:- # TIMEOUT
  #    dead
  not ok 8 t7:- # ERROR the test's process crashed
  #    cannot
  ok 9 t8:- # SKIP not capable: cannot
not ok 1 ABI-001""")

    def test_ktap_of_an_informative_requirement(self):
        lines = list(views.ktap_of(results(("FAIL", "x"), cls="informative")))
        self.assertEqual(lines[-2:], ["  ok 1 t0:- # XFAIL the requirement is informative",
                                      "ok 1 ABI-001"])
        lines = list(views.ktap_of(results(("SKIP", "x"), ("SKIP", "x"))))
        self.assertEqual(lines[-1], "ok 1 ABI-001 # SKIP every case was skipped")

    def test_outcomes(self):
        for cases, cls, complete, expected in (
                ([("PASS", "")], "mandatory", True, ("passed", 0)),
                ([("PASS", ""), ("FAIL", "x")], "if-supported", True, ("failed", 1)),
                ([("FAIL", "x")], "informative", True, ("passed", 0)),
                ([("CRASH", "x")], "informative", True, ("failed", 1)),
                ([("HANG", "x")], "informative", True, ("failed", 1)),
                ([("XPASS", "x")], "informative", True, ("failed", 1)),
                ([("XFAIL", "x")], "mandatory", True, ("passed", 0)),
                ([("SKIP", "x"), ("NOT_CAPABLE", "x")], "mandatory", True, ("nothing-ran", 4)),
                ([], "mandatory", True, ("nothing-ran", 4)),
                ([("PASS", "")], "mandatory", False, ("interrupted", 1))):
            self.assertEqual(views.outcome_of(results(*cases, cls=cls, complete=complete)),
                             expected, cases)

    def test_not_exercised(self):
        for verdict, expected in (("SKIP", ["ABI-001"]), ("NOT_CAPABLE", ["ABI-001"]),
                                  ("NOT_RUN", ["ABI-001"]), ("XFAIL", []), ("CRASH", [])):
            self.assertEqual(views.not_exercised(results((verdict, "x"))), expected)
        self.assertEqual(views.not_exercised(results(("SKIP", "x"), cls="if-supported")), [])
        self.assertEqual(views.not_exercised(results()), ["ABI-001"])

    def test_the_worst_of_a_cell(self):
        order = ["FAIL", "CRASH", "HANG", "XPASS", "NOT_RUN", "XFAIL", "NOT_CAPABLE", "PASS",
                 "SKIP"]
        for worse, better in zip(order, order[1:]):
            self.assertEqual(views.table_of(results((better, "x"), (worse, "x"))),
                             {("ABI-001", "-"): worse})

    def test_closing_line(self):
        self.assertEqual(views.closing_line(results(("PASS", ""), ("FAIL", "x"), ("SKIP", "x"))),
                         f"target ref, run {'a' * 32}, seed 0x1: passed: 3 cases, 1 passed, "
                         "1 failed, 1 skipped, 1.2 s")

    def test_fields_that_go_with_a_verdict(self):
        for change, words in (
                ({"verdict": "PASS", "message": "x"}, "PASS, and the message that says why is “x”"),
                ({"verdict": "FAIL", "message": ""}, "the message that says why is empty"),
                ({"verdict": "PASS", "message": "", "deviation": "D-1"}, "with the deviation D-1"),
                ({"verdict": "XFAIL", "message": "x"}, "with the deviation None"),
                ({"verdict": "NOT_RUN", "message": "x"}, "in a run that says it is complete"),
                ({"verdict": "PASS", "message": "", "requirement": "ABI-002"}, "no such requirem")):
            run = results(("PASS", ""))
            run["cases"][0].update(change)
            said = list(views.check_cases(run))
            self.assertEqual(len(said), 1, said)
            self.assertIn(words, said[0])
        run = results(("PASS", ""))
        run["cases"] *= 2
        self.assertEqual(list(views.check_cases(run)), ["ABI-001 t0 -: is there twice"])


if __name__ == "__main__":
    unittest.main()
