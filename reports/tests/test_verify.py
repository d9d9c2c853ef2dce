# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""verify: sound packages are accepted, and each tampering is refused with the right words.

A tampering is tried as it is, when the manifest tells; and `forged`, with a manifest made
again (and where it says so statement and report too), when something else has to.
"""

import contextlib
import io
import json
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import package_samples as samples  # noqa: E402
import package_tar  # noqa: E402
import verify  # noqa: E402
import verify_read  # noqa: E402


class World(unittest.TestCase):
    """A sound package in self.pack, which every test may spoil."""

    def setUp(self):
        self.dir = Path(tempfile.mkdtemp(prefix="iodirty-test-"))
        self.addCleanup(shutil.rmtree, self.dir)
        self.pack = self.make()

    def make(self, name="pack", **more):
        return samples.make(self.dir / name, **more)

    def verify(self, *words):
        """(exit status, lines)"""
        out, err = io.StringIO(), io.StringIO()
        out.reconfigure = lambda **_: None
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                status = verify.main([*map(str, words)], samples.LISTS)
            except SystemExit as error:
                status = error.code
        return status, out.getvalue() + err.getvalue()

    def accepted(self, *words, status=0):
        code, said = self.verify(*words or [self.pack])
        self.assertEqual(code, status, said)
        self.assertNotIn("WRONG", said)
        return said

    def refused(self, check, *words, given=None, more=()):
        """By @check, in these words."""
        code, said = self.verify(given or self.pack, *more)
        self.assertEqual(code, 3, said)
        lines = [line for line in said.splitlines() if line.startswith(f"WRONG  {check:<9}  ")]
        self.assertTrue(any(all(w in line for w in words) for line in lines),
                        f"{check}: {words} is not in\n{said}")
        self.assertTrue(said.endswith("NOT TO BE TRUSTED, for the reasons above.\n"))
        return said

    def only(self, check, *words, **more):
        """Refused, and by no other check."""
        said = self.refused(check, *words, **more)
        wrong = {line.split()[1] for line in said.splitlines() if line.startswith("WRONG")}
        self.assertEqual(wrong, {check}, said)

    def run_files(self, n):
        return self.pack / f"logs/run-{n}"

    def results(self, n, change):
        samples.edit(self.run_files(n) / "results.json", change)

    def in_both(self, change):
        """Each run, with all of its views, and the statement of it: as one who knows all."""
        for n in 1, 2:
            samples.rewrite(self.run_files(n), change)

    def forge(self, **facts):
        samples.restate(self.pack, **facts)
        samples.seal(self.pack)


class SoundTest(World):
    def test_passed(self):
        said = self.accepted()
        self.assertIn("PASSED: 17 cases of 7 requirements on ref, in each of 2 runs", said)
        self.assertEqual(said.count("\nok "), len(verify.CHECKS) - 1)

    def test_archive(self):
        package_tar.write(self.pack, self.dir / "pack.tar")
        self.accepted(self.dir / "pack.tar")

    def test_failed_is_sound(self):
        pack = self.make("failed", change=samples.fail)
        self.assertIn("It says: FAILED: ", self.accepted(pack, status=1))

    def test_rewritten_is_sound(self):
        """The forger's tools make what is consistent, or the tests below would show nothing."""
        self.in_both(lambda r: None)
        self.forge()
        self.accepted()

    def test_form_and_waivers(self):
        pack = self.make("waived", change=samples.fail, form=samples.FORM, waivers=samples.WAIVER)
        self.accepted(pack, "--at", "2026-11-29")
        self.accepted(pack, "--at", "2027-01-31")
        said = self.accepted(pack, "--at", "2027-02-01", status=1)
        self.assertIn("FAILED by now: it was good when it was made; the waiver of ABI-001 ended "
                      "on 2027-01-31.", said)

    def test_a_waiver_that_excused_nothing_may_end(self):
        pack = self.make("idle", waivers=samples.WAIVER)
        self.accepted(pack, "--at", "2028-01-01")

    def test_json(self):
        code, said = self.verify(self.pack, "--json")
        self.assertEqual(code, 0)
        made = json.loads(said)
        self.assertEqual(verify_read.faults(made, "verify.schema.json"), [])
        self.assertEqual((made["trusted"], made["verdict"], made["exit_code"], made["id"]),
                         (True, "PASSED", 0, "c" * 32))
        (self.run_files(1) / "console.txt").unlink()
        code, said = self.verify(self.pack, "--json")
        made = json.loads(said)
        self.assertEqual(verify_read.faults(made, "verify.schema.json"), [])
        self.assertEqual((code, made["trusted"], made["verdict"], made["exit_code"]),
                         (3, False, None, 3))
        self.assertEqual([c["result"] for c in made["checks"] if c["name"] in ("manifest", "runs")],
                         ["wrong", "ok"])

    def test_no_package(self):
        for given, words in ((self.dir / "nothing", "is not there"),
                             (self.dir, "is no certification package"),
                             (HERE / "test_verify.py", "neither a folder nor an archive")):
            code, said = self.verify(given)
            self.assertEqual(code, 2, said)
            self.assertIn(words, said)

    def test_usage(self):
        for words in ([], [self.pack, "--signer", "me"], [self.pack, "--at", "tomorrow"],
                      [self.pack, "--allowed-signers", self.dir / "nobody"],
                      [self.pack, "--allowed"]):
            self.assertEqual(self.verify(*words)[0], 2, words)


class ManifestTest(World):
    """What is changed without making the manifest again."""

    def changed(self, name):
        return "manifest", f"{name}: not as the manifest says it is: changed after"

    def test_a_byte_of_any_file(self):
        for name in sorted(p.relative_to(self.pack).as_posix() for p in self.pack.rglob("*")
                           if p.is_file()):
            if name == "MANIFEST.sha256":
                continue
            with self.subTest(name):
                before = (self.pack / name).read_bytes()
                middle = len(before) // 2
                (self.pack / name).write_bytes(
                    before[:middle] + bytes([before[middle] ^ 1]) + before[middle + 1:])
                self.refused(*self.changed(name))
                (self.pack / name).write_bytes(before)
        self.accepted()

    def test_every_byte_of_the_manifest(self):
        path = self.pack / "MANIFEST.sha256"
        before = path.read_bytes()
        for at in range(0, len(before), 61):
            path.write_bytes(before[:at] + bytes([before[at] ^ 1]) + before[at + 1:])
            self.refused("manifest")
        for spoilt in before[:-1], before + b"\n", before + before, before.upper(), b"":
            path.write_bytes(spoilt)
            if spoilt == before[:-1]:
                continue  # sha256sum takes that, too
            self.refused("manifest")

    def test_a_file_that_is_gone(self):
        (self.run_files(2) / "junit.xml").unlink()
        self.refused("manifest", "logs/run-2/junit.xml: it is in the manifest and not in the")
        samples.seal(self.pack)
        self.refused("layout", "logs/run-2/junit.xml: it is missing")

    def test_a_file_too_many(self):
        (self.pack / "logs/notes.txt").write_text("trust me", encoding="utf-8")
        self.refused("manifest", "logs/notes.txt: it is not in the manifest: added after")
        samples.seal(self.pack)
        self.only("layout", "logs/notes.txt: a package has no such file")

    def test_no_manifest(self):
        (self.pack / "MANIFEST.sha256").unlink()
        self.refused("manifest", "MANIFEST.sha256: it is not there")

    def test_a_link(self):
        """Even to the same bytes."""
        path = self.run_files(1) / "console.txt"
        shutil.move(path, self.dir / "elsewhere")
        path.symlink_to(self.dir / "elsewhere")
        self.refused("manifest", "logs/run-1/console.txt: it is a symbolic link")

    def test_a_folder_that_is_a_link(self):
        shutil.move(self.run_files(2), self.dir / "run-2")
        self.run_files(2).symlink_to(self.dir / "run-2")
        self.refused("manifest", "logs/run-2: it is a symbolic link")

    def test_an_archive_with_more_than_its_files(self):
        archive = self.dir / "pack.tar"
        package_tar.write(self.pack, archive)
        data = archive.read_bytes()
        for name, spoilt in (("appended", data + b"more"), ("zeros", data + bytes(512)),
                             ("mode", data.replace(b"0000644", b"0000755", 1))):
            with self.subTest(name):
                archive.write_bytes(spoilt)
                self.only("manifest", "it is not, byte for byte, the archive that iodirty certify",
                          given=archive)

    def test_an_archive_cut_short(self):
        archive = self.dir / "pack.tar"
        package_tar.write(self.pack, archive)
        archive.write_bytes(archive.read_bytes()[:9000])
        self.refused("manifest", given=archive)


class ForgedTest(World):
    """What is changed by one who makes the manifest again, and more."""

    def test_verdict_flipped(self):
        self.pack = self.make("failed", change=samples.fail)

        def flip(results):
            samples.the_case(results).update(verdict="PASS", message="")
        for n in 1, 2:
            self.results(n, flip)
        samples.seal(self.pack)
        self.refused("views", "logs/run-1/results.ktap: line 8: “  #    expected EINVAL, ",
                     "and by results.json “  ok 1 struct_too_short:-”")
        self.refused("views", "logs/run-2/junit.xml: ABI-001 struct_too_short -: it is")
        self.refused("summary", "logs/run-1/results.json: totals is")
        self.refused("verdict", "statement.json: sentence: the statement says 'FAILED: 1 of 17")

    def test_verdict_flipped_with_its_totals(self):
        """The console alone tells, of what is in no table."""
        def settled(results):
            samples.fail(results)
            samples.settle(results)
        self.results(1, settled)
        samples.seal(self.pack)
        self.refused("views", "logs/run-1/console.txt: its last line is", "0 failed", "1 failed")

    def test_verdict_flipped_everywhere_but_in_the_statement(self):
        self.pack = self.make("failed", change=samples.fail)
        self.in_both(lambda r: samples.the_case(r).update(verdict="PASS", message=""))
        samples.seal(self.pack)
        self.refused("verdict", "statement.json: sentence: the statement says 'FAILED: 1 of 17")
        self.refused("verdict", "Run 1 of the suite ended with status 1, which is not what its")
        self.forge(exit_statuses=[0, 0])
        self.accepted()  # forged as a whole: here only a signature tells

    def test_a_word_of_a_log(self):
        path = self.run_files(1) / "results.ktap"
        path.write_text(path.read_text().replace("LEAF-001\n  # ", "LEAF-001\n  # No: ", 1))
        samples.seal(self.pack)
        self.only("views", "logs/run-1/results.ktap: line", "No: ")

    def test_case_dropped_from_one_run(self):
        samples.rewrite(self.run_files(2), lambda r: r["cases"].pop())
        samples.seal(self.pack)
        self.refused("runs", "run-2 has not the case")
        self.refused("complete", "logs/run-2/results.json: the case", "is missing")
        self.refused("verdict", "it cannot be judged: ")

    def test_case_dropped_everywhere(self):
        """Views, runs and statement agree; the list of the version knows the case."""
        self.in_both(lambda r: r["cases"].pop())
        self.forge()
        self.only("complete", "logs/run-1/results.json: the case LEAF-001 leaf_size_is_used "
                  "vtd-ss/1G is missing")

    def test_case_of_ones_own(self):
        def more(results):
            results["cases"].append(dict(results["cases"][-1], test="easy"))
        self.in_both(more)
        self.forge()
        self.only("complete", "the case LEAF-001 easy vtd-ss/1G is none that this version has")

    def test_requirement_dropped(self):
        def drop(results):
            results["requirements"].pop()
            results["cases"] = [c for c in results["cases"] if c["requirement"] != "LEAF-001"]
        self.in_both(drop)
        samples.edit(self.pack / "logs/requirements.json", lambda texts: texts.pop())
        self.forge()
        self.only("complete", "logs/run-1/results.json: LEAF-001 is missing: the list of this")
        self.refused("complete", "logs/requirements.json: LEAF-001 is missing")

    def test_requirement_changed(self):
        for field, value, said in (("class", "informative", "mandatory"),
                                   ("stake", "interface", "data-loss"),
                                   ("waivable", True, "false")):
            with self.subTest(field):
                self.pack = self.make(field)

                def change(rows):
                    next(r for r in rows if r["id"] == "REPORT-001")[field] = value
                self.in_both(lambda r: change(r["requirements"]))
                samples.edit(self.pack / "logs/requirements.json", change)
                self.forge()
                self.only("complete", f"results.json: REPORT-001: {field} is ", f" {said}")
                self.refused("complete", f"requirements.json: REPORT-001: {field} is ", f" {said}")

    def test_words_of_a_requirement(self):
        samples.edit(self.pack / "logs/requirements.json",
                     lambda texts: texts[0].update(text="Anything goes."))
        self.forge()
        self.only("complete", "ABI-001: its title, text or source is not that of this version")

    def test_format_hidden(self):
        def rename(results):
            results["formats"][0]["name"] = "vtd-fs"
            for case in results["cases"]:
                case["config"] = case["config"].replace("vtd-ss", "vtd-fs")
        self.in_both(rename)
        samples.edit(self.pack / "logs/bench.json", lambda b: b["context"].update(
            formats="vtd-fs"))
        self.forge()
        self.only("complete", "the format vtd-ss is missing")

    def test_needs_hidden(self):
        """So that a claim need not be shown."""
        self.in_both(lambda r: r["cases"][-1].update(needs=[]))
        self.forge()
        self.only("complete", "needs nothing, and by the list of this version leaf")

    def test_run_despite_what_is_not_claimed(self):
        self.in_both(lambda r: r["target"]["capabilities"].remove("leaf"))
        self.forge()
        self.only("complete", "LEAF-001 leaf_size_is_used vtd-ss/4K is PASS, and needs what the")

    def test_requirements_of_an_unknown_version(self):
        for n in 1, 2:
            samples.rewrite(self.run_files(n), lambda r: r["tool"].update(version="0.0.9"))
        samples.edit(self.pack / "logs/bench.json",
                     lambda b: b["context"].update(iodirty_version="0.0.9"))
        self.forge(tool=dict(samples.FACTS["tool"], version="0.0.9"))
        self.only("complete", "it was made by iodirty 0.0.9, whose requirements this one does not "
                  "know (it knows 0.1.0): verify it with iodirty 0.0.9")

    def test_requirements_cut(self):
        samples.edit(self.pack / "logs/requirements.json", lambda texts: texts.clear())
        samples.seal(self.pack)
        self.refused("schemas", "logs/requirements.json: the whole: ")

    def test_statement(self):
        for field, value in (("sentence", "PASSED: all is well."), ("remarks", ["Buy it."]),
                             ("verdict", "FAILED")):
            with self.subTest(field):
                self.pack = self.make(field)
                samples.edit(self.pack / "statement.json", lambda s: s.update({field: value}))
                self.refused("manifest", "statement.json: not as the manifest says")
                samples.seal(self.pack)
                self.refused("verdict", f"statement.json: {field}")
                (self.pack / "index.html").write_text(samples.page.render(self.pack))
                samples.seal(self.pack)
                self.only("verdict", f"statement.json: {field}")

    def test_report(self):
        path = self.pack / "index.html"
        path.write_text(path.read_text().replace("PASSED", "PASSED WITH HONOURS", 1))
        samples.seal(self.pack)
        self.only("report", "index.html: it is not the report of this package", "from line ")

    def test_waivers(self):
        """Added, or made to last, without saying so in the statement."""
        self.pack = self.make("failed", change=samples.fail)
        (self.pack / "waivers.toml").write_text(samples.WAIVER)
        self.refused("manifest", "waivers.toml: it is not in the manifest: added")
        samples.seal(self.pack)
        self.refused("verdict", "statement.json: verdict: the statement says 'FAILED', the logs")
        self.forge()
        path = self.pack / "waivers.toml"
        path.write_text(path.read_text().replace("2027", "2037"))
        samples.seal(self.pack)
        self.refused("verdict", "waivers[0].expires: the statement says '2027-01-31', the logs "
                     "'2037-01-31'")

    def test_waiver_of_what_is_never_waived(self):
        (self.pack / "waivers.toml").write_text(samples.WAIVER.replace("ABI", "REPORT"))
        samples.seal(self.pack)
        self.refused("verdict", "it cannot be judged: waivers.toml: REPORT-001", "never waived")

    def test_forms_kernel(self):
        self.pack = self.make("form", form=samples.FORM.replace("6.12.94", "6.12.1"))
        self.only("runs", "form.toml: the kernel is 6.12.1, and in run-1 6.12.94")


if __name__ == "__main__":
    unittest.main()
