#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Hold results.json to its published schema, and the schema to its word.

Runs the tests of one requirement with the program that the environment variable
IODIRTY names (default: ./iodirty).
"""

import copy
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "reports/schemas/results.schema.json").read_text(encoding="utf-8"))


def real_results(program):
    """results.json of a small run."""
    listed = subprocess.run([program, "list", "requirements", "--json"], check=True,
                            capture_output=True, text=True)
    requirement = json.loads(listed.stdout)[0]["id"]
    with tempfile.TemporaryDirectory() as scratch:
        output = pathlib.Path(scratch, "out")
        subprocess.run([program, "conform", "-r", requirement, "--leaf", "quick", "-o", output],
                       check=False, capture_output=True)
        return json.loads((output / "results.json").read_text(encoding="utf-8"))


class Results(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.results = real_results(os.environ.get("IODIRTY", ROOT / "iodirty"))
        cls.validator = jsonschema.Draft202012Validator(SCHEMA)

    def test_schema_is_one(self):
        jsonschema.Draft202012Validator.check_schema(SCHEMA)

    def test_real_results_are_valid(self):
        self.assertTrue(self.results["cases"])
        self.validator.validate(self.results)

    def refused(self, change):
        damaged = copy.deepcopy(self.results)
        change(damaged)
        self.assertFalse(self.validator.is_valid(damaged))

    def test_every_key_is_required(self):
        for key in self.results:
            with self.subTest(key):
                self.refused(lambda r, key=key: r.pop(key))
        for key in self.results["cases"][0]:
            with self.subTest(f"case's {key}"):
                self.refused(lambda r, key=key: r["cases"][0].pop(key))

    def test_unknown_keys_are_refused(self):
        self.refused(lambda r: r.update(extra=1))
        self.refused(lambda r: r["cases"][0].update(extra=1))
        self.refused(lambda r: r["totals"].update(MAYBE=1))

    def test_wrong_values_are_refused(self):
        self.refused(lambda r: r["cases"][0].update(verdict="OK"))
        self.refused(lambda r: r["cases"][0].update(verdict="RUNNING"))
        self.refused(lambda r: r["cases"][0].update(seconds=-1))
        self.refused(lambda r: r.update(schema="iodirty-results-0"))
        self.refused(lambda r: r.update(seed=1))


if __name__ == "__main__":
    unittest.main()
