# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A package appears whole, or not at all; and its manifest is read strictly."""

import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import package  # noqa: E402
import signing  # noqa: E402
from model import ReportError, UsageError  # noqa: E402

SUM = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # of nothing


class PackageTest(unittest.TestCase):
    def setUp(self):
        self.dir = Path(tempfile.mkdtemp(prefix="iodirty-test-"))
        self.addCleanup(shutil.rmtree, self.dir)
        self.out = self.dir / "out"
        self.key = self.dir / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key], check=True)

    def write(self, sign=None, force=False, **files):
        with package.Package(self.out, force) as made:
            for name, text in {"statement_json": "{}", **files}.items():
                (made.path / name.replace("_", ".")).write_text(text)
            made.finish(sign=sign)

    def names(self):
        return sorted(p.name for p in self.out.iterdir())

    def test_signed(self):
        self.write(sign=self.key)
        self.assertEqual(self.names(), ["MANIFEST.sha256", "MANIFEST.sha256.sig",
                                        "statement.json"])
        self.assertEqual(list(package.parse_manifest((self.out / "MANIFEST.sha256").read_text())),
                         ["statement.json"])
        signing.fingerprint(self.out / "MANIFEST.sha256", self.out / "MANIFEST.sha256.sig")
        subprocess.run(["sha256sum", "--quiet", "--strict", "-c", "MANIFEST.sha256"],
                       cwd=self.out, check=True)

    def test_no_key_no_package(self):
        with self.assertRaises(UsageError):
            self.write(sign=self.dir / "nothing")
        self.assertEqual(sorted(p.name for p in self.dir.iterdir()), ["key", "key.pub"])

    def test_signed_and_then_not(self):
        """What is replaced goes with its signature."""
        self.write(sign=self.key)
        self.write(force=True, more_txt="x")
        self.assertEqual(self.names(), ["MANIFEST.sha256", "more.txt", "statement.json"])
        self.write(sign=self.key, force=True)
        self.assertEqual(self.names(), ["MANIFEST.sha256", "MANIFEST.sha256.sig",
                                        "statement.json"])

    def test_what_is_not_of_a_package_stays(self):
        self.write(sign=self.key)
        (self.out / "mine.sig").write_text("mine")
        with self.assertRaisesRegex(UsageError, r"not of the package \(mine.sig\)"):
            self.write(force=True)
        self.assertTrue((self.out / "mine.sig").exists())


class ManifestTest(unittest.TestCase):
    def test_as_it_is_written(self):
        self.assertEqual(package.parse_manifest(f"{SUM}  a\n{SUM}  logs/run-1/b c\n"),
                         {"a": SUM, "logs/run-1/b c": SUM})
        self.assertEqual(package.parse_manifest(f"{SUM}  a"), {"a": SUM})
        self.assertEqual(package.parse_manifest(""), {})

    def test_what_is_none(self):
        for line in (f"{SUM} a", f"{SUM} *a", f"{SUM.upper()}  a", f"{SUM[1:]}  a", f"{SUM}  ",
                     f"{SUM}  /a", f"{SUM}  ../a", f"{SUM}  b/../a", f"{SUM}  ./a", f"{SUM}  a/",
                     f"{SUM}  a//b", f"\\{SUM}  a\\nb", f"{SUM}  a\\b", f"{SUM}  a\r", f"{SUM}  a\x1b",
                     "", "# comment", f"{SUM}  MANIFEST.sha256",
                     f"{SUM}  MANIFEST.sha256.sig", f"{SUM}  .iodirty-partial", f"{SUM}  ok"):
            with self.subTest(line):
                with self.assertRaisesRegex(ReportError, "line 2 is none that a manifest has"):
                    package.parse_manifest(f"{SUM}  ok\n{line}\n")


if __name__ == "__main__":
    unittest.main()
