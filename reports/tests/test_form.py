# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""form.py: forms that are read, refused in words, printed and asked for."""

import io
import shutil
import sys
import tempfile
import tomllib
import unittest
from pathlib import Path

import jsonschema

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import form  # noqa: E402
from model import UsageError  # noqa: E402

EXAMPLE = HERE.parent.parent / "examples/form.toml"
KNOWN = {"capabilities": ["dma", "track", "test-dirty"], "formats": ["amd-v1", "arm-s1-4k"],
         "release": "6.12.94"}
LEAST = """vendor = "V"
product = "P"
iommu = { vendor = "I", model = "M" }
firmware = { version = "none" }
kernel = { release = "6.12.94" }
"""
LEAST_READ = {"vendor": "V", "product": "P", "iommu": {"vendor": "I", "model": "M"},
              "firmware": {"version": "none"}, "kernel": {"release": "6.12.94"}}


class FormTest(unittest.TestCase):
    def setUp(self):
        self.dir = Path(tempfile.mkdtemp(prefix="iodirty-test-"))
        self.addCleanup(shutil.rmtree, self.dir)
        self.path = self.dir / "form.toml"

    def read(self, text):
        self.path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return form.read(self.path)

    def refused(self, text, *why):
        with self.assertRaises(UsageError) as caught:
            self.read(text)
        for part in why:
            self.assertIn(part, str(caught.exception))
        self.assertIn(str(self.path), str(caught.exception))
        return str(caught.exception)

    # ---- the schema ----

    def test_schema(self):
        jsonschema.Draft202012Validator.check_schema(form.SCHEMA)
        for table, name, spec, _ in form.fields():
            self.assertTrue(spec["description"].endswith("."), (table, name))
            self.assertIn(spec["type"], ("string", "array"))
            for example in spec.get("examples", []):
                jsonschema.validate(example, {**spec, "$defs": form.SCHEMA["$defs"]})

    # ---- reading ----

    def test_reads_the_least(self):
        self.assertEqual(self.read(LEAST), LEAST_READ)

    def test_reads_all(self):
        read = self.read(EXAMPLE.read_bytes())
        self.assertEqual(set(read), {"vendor", "product", "version", "contact", "iommu",
                                     "firmware", "kernel", "claims"})
        # The example is what --print-form would print of it.
        licence, _, text = EXAMPLE.read_text(encoding="utf-8").partition("\n")
        self.assertEqual((licence[:2], text), ("# ", form.render(read)))

    def test_claims_may_be_nothing_or_empty(self):
        for text, read in (("[claims]\n", {}), ("[claims]\nformats = []\n", {"formats": []})):
            self.assertEqual(self.read(LEAST + text)["claims"], read)

    def test_what_is_missing_is_named(self):
        for line, name in (('vendor = "V"\n', "vendor"), ('product = "P"\n', "product"),
                           (', model = "M"', "iommu.model"), ('release = "6.12.94"',
                                                              "kernel.release"),
                           ('kernel = { release = "6.12.94" }\n', "kernel")):
            self.refused(LEAST.replace(line, "", 1), f"{name} is missing")
        said = self.refused('vendor = "V"', "product is missing", "iommu is missing",
                            "firmware is missing", "kernel is missing")
        self.assertNotIn("vendor is", said)

    def test_what_nobody_knows_is_named(self):
        self.refused(LEAST + 'color = "red"\n', "'color'", "it may have vendor, product")
        self.refused(LEAST.replace('model = "M"', 'model = "M", modell = "N"'),
                     "iommu has 'modell'", "vendor, model, revision")
        self.refused(LEAST + "[claims]\nengines = []\n", "claims has 'engines'")

    def test_wrong_types(self):
        self.refused(LEAST.replace('"V"', "7"), "vendor must be text in quotes")
        self.refused(LEAST.replace('"V"', "2026-01-01"), "vendor must be text in quotes")
        self.refused(LEAST.replace('"6.12.94"', "6.12"), "kernel.release must be text in quotes")
        self.refused(LEAST.replace('{ version = "none" }', '"none"'),
                     "firmware must be a table, [firmware]")
        self.refused(LEAST + '[claims]\nformats = "amd-v1"\n',
                     "claims.formats must be a list of names in quotes")

    def test_text_that_is_none(self):
        self.assertEqual(self.refused(LEAST.replace('"V"', '""')),
                         f"{self.path}: vendor is not filled in")
        for text in ('" V"', '"V "', '"a\\nb"', '"\\u001b[2J"', '"a\\u202eb"', '"\\u007f"',
                     '"\\ufffd"'):
            self.refused(LEAST.replace('"V"', text), "vendor must be one line of plain text")
        self.refused(LEAST.replace('"V"', f'"{"x" * 201}"'), "vendor is too long")
        self.assertEqual(len(self.read(LEAST.replace('"V"', f'"{"é" * 200}"'))["vendor"]), 200)

    def test_claims_that_are_no_names(self):
        for name in ("Two Words", "", "../x", "a" * 101):
            self.refused(LEAST + f'[claims]\nformats = ["{name}"]\n', "claims.formats")
        self.refused(LEAST + '[claims]\nformats = ["a", "a"]\n', "has a name twice")

    def test_what_is_no_form(self):
        for data in (b"\xff\xfe", b"vendor = ", b"a = " + b"[" * 20000, b"[[[[", b"\0"):
            self.refused(data, "is not TOML")
        self.refused(b"# " + b"x" * form.LARGEST, "too large")
        for path, why in ((self.dir, "Is a directory"), (self.dir / "none", "--print-form"),
                          (Path("/dev/zero"), "too large")):
            with self.assertRaisesRegex(UsageError, why):
                form.read(path)

    # ---- held against the machine ----

    def test_another_machines_form(self):
        self.assertEqual(form.check(LEAST_READ, KNOWN), [])
        with self.assertRaisesRegex(UsageError, "kernel 6.12.94, .* runs 6.12.95"):
            form.check(LEAST_READ, dict(KNOWN, release="6.12.95"))

    def test_claims_that_will_fail(self):
        claims = {"capabilities": ["dma", "ats"], "formats": ["amd-v1"]}
        line, = form.check({**LEAST_READ, "claims": claims}, KNOWN)
        self.assertIn("claims capabilities that the target does not have", line)
        self.assertIn(": ats; it has dma, track, test-dirty", line)

    # ---- printing ----

    def test_template_is_toml_prefilled_and_not_yet_a_form(self):
        text = form.template(KNOWN)
        self.assertEqual(tomllib.loads(text), {
            "vendor": "", "product": "", "iommu": {"vendor": "", "model": ""},
            "firmware": {"version": ""}, "kernel": {"release": "6.12.94"},
            "claims": {"capabilities": KNOWN["capabilities"], "formats": KNOWN["formats"]}})
        self.refused(text, *(f"{name} is not filled in" for name in (
            "vendor", "product", "iommu.vendor", "iommu.model", "firmware.version")))
        self.assertEqual(self.read(text.replace('""', '"some"'))["vendor"], "some")

    def test_each_field_is_explained_and_fits(self):
        text = form.template(KNOWN)
        comments = " ".join(line[2:] for line in text.splitlines() if line.startswith("# "))
        for _, name, spec, _ in form.fields():
            self.assertIn(spec["description"], comments)
            self.assertRegex(text, rf"(?m)^(# )?{name} = ")
        self.assertLessEqual(max(map(len, text.splitlines())), 90)

    def test_what_is_rendered_is_read_again(self):
        nasty = 'a "quoted" \\ back \U0001f600 é \' # = [x]'
        given = {**LEAST_READ, "vendor": nasty, "claims": {
            "capabilities": [f"capability-{n}" for n in range(40)], "formats": []}}
        self.assertEqual(self.read(form.render(given)), given)

    # ---- asking ----

    def ask(self, *answers, end=b""):
        lines = iter([a.encode("utf-8", "surrogateescape") + b"\n" for a in answers] + [end] * 9)
        self.out = io.StringIO()
        return form.ask(KNOWN, lambda: next(lines), self.out)

    def test_enter_takes_what_the_machine_says(self):
        self.assertEqual(
            self.ask("V", "P", "", "", "I", "M", "", "none", "", "", "", ""),
            {**LEAST_READ, "claims": {"capabilities": KNOWN["capabilities"],
                                      "formats": KNOWN["formats"]}})
        for _, _, spec, _ in form.fields():
            self.assertIn(spec["description"], " ".join(self.out.getvalue().split()))

    def test_all_answers(self):
        given = self.ask("V", "P", "2", "c@example.com", "I", "M", "r1", "1.4", "6.12.94", "ours",
                         "dma  track", "arm-s1-4k, amd-v1")
        self.assertEqual(given, {
            "vendor": "V", "product": "P", "version": "2", "contact": "c@example.com",
            "iommu": {"vendor": "I", "model": "M", "revision": "r1"},
            "firmware": {"version": "1.4"}, "kernel": {"release": "6.12.94", "note": "ours"},
            "claims": {"capabilities": ["dma", "track"], "formats": ["arm-s1-4k", "amd-v1"]}})
        self.assertEqual(self.read(form.render(given)), given)

    def test_nonsense_is_told_and_asked_again(self):
        given = self.ask(
            "", "\x1b[A", "\udcff", "x" * 201, "V", "P", "", "", "I", "M", "", "none",
            "6.12.1", "", "", "dma, tracks", "Dma", "dma", "dma dma", "riscv-sv39", "amd-v1")
        self.assertEqual(given, {**LEAST_READ, "claims": {"capabilities": ["dma"],
                                                          "formats": ["amd-v1"]}})
        said = self.out.getvalue()
        self.assertEqual(said.count("vendor: "), 5 + 1)  # of vendor, and of iommu.vendor
        for why in ("vendor is not filled in.", "vendor must be one line", "vendor is too long.",
                    "runs 6.12.94.", "no tracks; it has dma, track, test-dirty.",
                    "'Dma' is no such name.", "has a name twice.", "no riscv-sv39;"):
            self.assertIn(why, said)

    def test_answers_that_end(self):
        for answers, where in (([], "vendor"), (["V"], "product"),
                               (["V", "P", "", "", "I", "M", "", "none", "", ""],
                                "claims.capabilities")):
            with self.assertRaisesRegex(UsageError, f"ended at {where}$"):
                self.ask(*answers)


if __name__ == "__main__":
    unittest.main()
