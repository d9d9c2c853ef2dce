# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The list of requirements of this version, and what a run must have by one."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import requirement_list as lists  # noqa: E402
import verify_list  # noqa: E402
from model import ReportError  # noqa: E402

PROGRAM = Path(os.environ.get("IODIRTY", HERE.parents[1] / "iodirty"))
TOOL = HERE.parent / "requirement_list.py"

STAND_IN = """#!/bin/sh
case "$*" in
--version) echo "iodirty 0.3.0" ;;
"list tests --json") cat tests.json ;;
"list formats -t ref --json") cat formats.json ;;
"list requirements --json") cat requirements.json ;;
*) exit 9 ;;
esac
"""
REQUIREMENT = {"id": "ABI-001", "class": "mandatory", "stake": "interface", "waivable": True,
               "source": "UAPI", "title": "A title", "text": "A text"}
TEST = {"name": "some", "requirement": "ABI-001", "scope": "once", "needs": ["dma"]}
FORMAT = {"name": "small", "granule": "4K", "dirty": True, "aperture": "0x0-0xffffffff",
          "leaves": "4K 2M", "leaf_sizes": ["4K", "2M"]}


class PresentTest(unittest.TestCase):
    def test_the_list_of_this_version_is_what_it_demands(self):
        """If not: raise the version or rewrite the list; the failure says so."""
        self.assertTrue(os.access(PROGRAM, os.X_OK), f"{PROGRAM} is not there: `make` builds it")
        lists.check(PROGRAM)

    def test_each_list_is_one(self):
        for version in lists.known_versions():
            made = lists.load(version)
            self.assertEqual((made["format"], made["version"]), (lists.FORMAT, version))
            ids = [r["id"] for r in made["requirements"]]
            self.assertEqual(len(ids), len(set(ids)))
            for r in made["requirements"]:
                self.assertEqual(sorted(r), ["class", "id", "stake", "sum", "tests", "waivable"])
                self.assertTrue(r["tests"] or r["class"] != "mandatory", r["id"])
                if r["waivable"]:
                    self.assertNotIn(r["stake"], ("data-loss", "memory-corruption"), r["id"])


class ToolTest(unittest.TestCase):
    def setUp(self):
        self.dir = Path(tempfile.mkdtemp(prefix="iodirty-test-"))
        self.addCleanup(shutil.rmtree, self.dir)
        self.program = self.dir / "iodirty"
        self.program.write_text(STAND_IN.replace("cat ", f"cat {self.dir}/"), encoding="utf-8")
        self.program.chmod(0o755)
        self.say([REQUIREMENT], [TEST], [FORMAT])
        self.lists = self.dir / "lists"
        self.lists.mkdir()
        self.write()

    def say(self, requirements, tests, formats):
        for name, rows in (("requirements", requirements), ("tests", tests),
                           ("formats", formats)):
            (self.dir / f"{name}.json").write_text(json.dumps(rows), encoding="utf-8")

    def write(self):
        made = lists.current(self.program)
        (self.lists / "0.3.0.json").write_text(lists.text_of(made), encoding="utf-8")

    def wrong(self):
        with self.assertRaises(ReportError) as caught:
            lists.check(self.program, self.lists)
        self.assertIn("if 0.3.0 was given out, raise the version", str(caught.exception))
        self.assertIn("requirement_list.py --write", str(caught.exception))
        return str(caught.exception)

    def test_what_is_written_is_read(self):
        lists.check(self.program, self.lists)
        said = subprocess.run(["sha256sum"], input='["A title", "A text", "UAPI"]', text=True,
                              capture_output=True, check=True).stdout
        self.assertEqual(lists.load("0.3.0", self.lists), {
            "format": "iodirty-requirement-list-1", "version": "0.3.0",
            "formats": [{"name": "small", "granule_lg2": 12, "leaf_sizes": "0x201000",
                         "aperture_first": "0x0", "aperture_last": "0xffffffff", "dirty": True}],
            "requirements": [{
                "id": "ABI-001", "class": "mandatory", "stake": "interface", "waivable": True,
                "sum": said.split()[0],
                "tests": [{"name": "some", "scope": "once", "needs": ["dma"]}]}]})

    def test_every_change_is_noticed(self):
        for field, value in (("class", "informative"), ("stake", "availability"),
                             ("waivable", False), ("title", "x"), ("text", "x"), ("source", "x")):
            self.say([dict(REQUIREMENT, **{field: value})], [TEST], [FORMAT])
            self.assertIn("ABI-001 is not what it was", self.wrong(), field)
        for field, value in (("name", "x"), ("scope", "each-leaf"), ("needs", [])):
            self.say([REQUIREMENT], [dict(TEST, **{field: value})], [FORMAT])
            self.assertIn("ABI-001 is not what it was", self.wrong(), field)
        self.say([REQUIREMENT], [TEST], [dict(FORMAT, leaf_sizes=["4K"])])
        self.assertIn("small is not what it was", self.wrong())
        other = dict(REQUIREMENT, id="ABI-002")
        self.say([REQUIREMENT, other], [TEST], [FORMAT])
        self.assertIn("(ABI-002 is new)", self.wrong())
        self.write()
        self.say([other, REQUIREMENT], [TEST], [FORMAT])
        self.assertIn("they stand in another order", self.wrong())
        self.say([REQUIREMENT], [TEST], [FORMAT])
        self.assertIn("(ABI-002 is gone)", self.wrong())

    def test_no_list(self):
        (self.lists / "0.3.0.json").rename(self.lists / "0.10.0.json")
        with self.assertRaisesRegex(ReportError, "lists/0.3.0.json is not there"):
            lists.check(self.program, self.lists)
        (self.lists / "0.9.1.json").write_text("{}")
        with self.assertRaisesRegex(ReportError, r"\(it knows 0\.9\.1, 0\.10\.0\)"):
            lists.load("0.3.0", self.lists)

    def test_program(self):
        for env, words, code, said in (
                ({}, ["--check"], 1, "lists/0.3.0.json is not there"),
                ({"IODIRTY": "/nonexistent"}, ["--check"], 2, "is not there: build it with"),
                ({}, [], 2, "one of the arguments"), ({}, ["--chec"], 2, "one of the arguments")):
            done = subprocess.run([sys.executable, TOOL, *words], capture_output=True, text=True,
                                  check=False, timeout=60,
                                  env=dict(os.environ, **{"IODIRTY": str(self.program), **env}))
            self.assertEqual(done.returncode, code, done)
            self.assertIn(said, done.stderr)


class PlanTest(unittest.TestCase):
    """Leaf sizes by hand, from what the suite says of them: formats and their usual leaves."""

    def leaves(self, granule, sizes, last="0xffffffffffff"):
        return [verify_list.size_name(n) for n in verify_list.leaves(
            {"granule_lg2": granule, "leaf_sizes": hex(sizes), "aperture_first": "0x0",
             "aperture_last": last})]

    def test_leaves(self):
        self.assertEqual(self.leaves(12, 1 << 12 | 1 << 21 | 1 << 30), ["4K", "2M", "1G"])
        powers = sum(1 << n for n in range(12, 39))
        self.assertEqual(self.leaves(12, powers), ["4K", "8K", "64K", "1M", "2M", "4M", "1G"])
        hints = 1 << 12 | 1 << 16 | 1 << 21 | 1 << 25 | 1 << 30 | 1 << 34
        self.assertEqual(self.leaves(12, hints), ["4K", "64K", "2M", "32M", "1G"])
        self.assertEqual(self.leaves(14, 1 << 14 | 1 << 21 | 1 << 25 | 1 << 30),
                         ["16K", "2M", "32M", "1G"])
        self.assertEqual(self.leaves(12, 1 << 12 | 1 << 21 | 1 << 30, last="0x1000000"),
                         ["4K", "2M"])
        self.assertEqual(self.leaves(12, 1 << 12 | 1 << 21 | 1 << 30, last="0xffffff"), ["4K"])

    def test_as_the_program_had_them(self):
        """A run of formats that are made to have every kind of leaf."""
        run = json.loads((HERE / "recorded_runs/verdicts/results.json").read_text())
        seen = [c["config"] for c in run["cases"] if c["test"] == "pass_each_leaf"]
        self.assertEqual(seen, verify_list.configs("each-leaf", run["formats"]))
        self.assertEqual(len(seen), 18)
        seen = [c["config"] for c in run["cases"] if c["test"] == "pass_each_format"]
        self.assertEqual(seen, verify_list.configs("each-format", run["formats"]))
        self.assertEqual(verify_list.configs("once", run["formats"]), ["-"])
        self.assertEqual(verify_list.configs("once", []), [])


if __name__ == "__main__":
    unittest.main()
