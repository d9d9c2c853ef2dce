# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""verify: packages that are made to do harm, or to mean two things; and the program itself."""

import io
import os
import resource
import signal
import subprocess
import sys
import tarfile
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import package_samples as samples  # noqa: E402
import verify  # noqa: E402
import verify_copy  # noqa: E402
import verify_parts  # noqa: E402
from test_verify import World  # noqa: E402

BOMB = """<?xml version="1.0"?><!DOCTYPE t [<!ENTITY a "aaaaaaaaaa">%s]>
<testsuites>&l9;</testsuites>""" % "".join(
    f'<!ENTITY l{n} "{"&l%d;" % (n - 1) * 10 if n else "&a;"}">' for n in range(10))


class UnknownFieldTest(World):
    """Refused by name, wherever it is."""

    def test_of_json(self):
        for name, where, field in (
                ("statement.json", lambda v: v, "the whole"),
                ("statement.json", lambda v: v["conformance"]["runs"][0], "conformance.runs[0]"),
                ("logs/run-1/results.json", lambda v: v, "the whole"),
                ("logs/run-2/results.json", lambda v: v["cases"][3], "cases[3]"),
                ("logs/run-2/results.json", lambda v: v["requirements"][0], "requirements[0]"),
                ("logs/run-2/results.json", lambda v: v["host"], "host"),
                ("logs/requirements.json", lambda v: v[1], "[1]"),
                ("logs/bench.json", lambda v: v, "the whole"),
                ("logs/bench.json", lambda v: v["context"], "context"),
                ("system.json", lambda v: v, "the whole")):
            with self.subTest(name=name, where=field):
                before = (self.pack / name).read_bytes()
                samples.edit(self.pack / name, lambda v: where(v).update(nice="yes"))
                samples.seal(self.pack)
                self.refused("schemas", f"{name}: {field}: unknown field 'nice'")
                (self.pack / name).write_bytes(before)

    def test_of_the_benchmark(self):
        samples.edit(self.pack / "logs/bench.json",
                     lambda b: b["benchmarks"][0].update(nice_ns=1.0))
        samples.seal(self.pack)
        self.refused("schemas", "logs/bench.json: benchmarks[0]", "nice_ns")

    def test_of_toml(self):
        self.pack = self.make("toml", form=samples.FORM, waivers=samples.WAIVER)
        for name, text, words in (("form.toml", "nice = 1\n" + samples.FORM, "'nice'"),
                                  ("waivers.toml", samples.WAIVER + "nice = 1\n", "'nice'")):
            with self.subTest(name):
                before = (self.pack / name).read_bytes()
                (self.pack / name).write_text(text)
                samples.seal(self.pack)
                said = self.refused("schemas", f"{name}: ", words)
                self.assertNotIn("iodirty-verify-", said)
                (self.pack / name).write_bytes(before)

    def test_of_junit(self):
        path = self.run_files(1) / "junit.xml"
        before = path.read_text()
        for old, new, words in (
                ('hostname="', 'nice="yes" hostname="', "unknown 'nice'"),
                ("<testcase", '<testcase nice="yes"', "struct_too_short -: unknown 'nice'"),
                ("<testsuites", '<testsuites nice="yes"', "unknown 'nice'"),
                ("</properties>", '<property name="nice" value="yes"/></properties>',
                 "unknown 'nice'"),
                ("</testsuites>", "<testsuite/></testsuites>", "it has 6 suites, and by"),
                ('tests="19"', 'tests="20"', "tests is “20”, and by results.json “19”"),
                ('value="true"', 'value="false"', "the property complete is “false”"),
                ("struct_too_short -", "struct_too_long -", "struct_too_long - is not in results"),
                ("<skipped", "<error", "and by results.json SKIP")):
            with self.subTest(new):
                path.write_text(before.replace(old, new).replace("</skipped", "</error")
                                if new == "<error" else before.replace(old, new, 1))
                samples.seal(self.pack)
                self.only("views", "logs/run-1/junit.xml: ", words)


class HostileTest(World):
    def put(self, name, data):
        """A file's bytes, and the manifest made again; seconds that verify may take."""
        (self.pack / name).write_bytes(data)
        samples.seal(self.pack)

    def test_json(self):
        name = "logs/run-1/results.json"
        good = (self.pack / name).read_bytes()
        for spoilt, words in (
                (good.replace(b'"complete": true', b'"complete": false, "complete": true'),
                 "the field 'complete' is there twice in one object"),
                (good.replace(b'"line": ', b'"line": NaN, "x": ', 1), "NaN is no number"),
                (b"[" * 100000 + b"]" * 100000, "nested too deep"),
                (good.replace(b'"seconds": ', b'"seconds": -Infinity, "x": ', 1), "-Infinity is"),
                (good.replace(b'"seconds": ', b'"seconds": 1e999, "x": ', 1), "1e999 is larger"),
                (good.replace(b'"seconds": ', b'"seconds": ' + b"9" * 5000 + b', "x": ', 1),
                 "it is not JSON"),
                (good.replace(b"vtd-ss", b"vtd-\xff\xfe", 1), "is not UTF-8"),
                (good.replace(b"vtd-ss", b"\\ud800", 1), "half of a character"),
                (good[:-20], "it is not JSON"), (b"", "it is not JSON"),
                (b"\xef\xbb\xbf" + good, "it is not JSON"),
                (b"null", "the whole: None is not of type 'object'")):
            with self.subTest(words):
                self.assertNotEqual(spoilt, good)
                self.put(name, spoilt)
                self.refused("schemas", f"{name}: ", words)

    def test_statement_of_wrong_types(self):
        """No traceback, whichever of its fields is something else."""
        statement = samples.load(self.pack / "statement.json")
        for field in statement:
            for value in (None, [], {"x": 1}):
                samples.dump(self.pack / "statement.json", dict(statement, **{field: value}))
                if value != statement[field] and not (field == "declared" and value == {}):
                    self.assertEqual(self.verify(self.pack)[0], 3, (field, value))

    def test_xml(self):
        good = (self.run_files(1) / "junit.xml").read_bytes()
        for spoilt, words in (
                (BOMB.encode(), "it has a DTD"),
                (b'<?xml version="1.0"?><!DOCTYPE t SYSTEM "file:///etc/passwd"><t/>', "a DTD"),
                (good[:-5], "it is not XML"), (good.replace(b"UTF-8", b"UTF-99"), "it is not XML"),
                (b"<a>" * 100000, "it is not XML"),
                (good.replace(b"ABI", b"\xff\xff"), "not UTF-8"),
                (b"<testsuites/>", "tests is “None”, and by results.json “19”")):
            with self.subTest(words):
                self.put("logs/run-1/junit.xml", spoilt)
                self.refused("views", "logs/run-1/junit.xml: ", words)

    def test_toml(self):
        for name, text, words in (
                ("form.toml", b"vendor = \"\xff\"", "is not TOML"),
                ("form.toml", b"a = [" * 5000, "form.toml"),
                ("form.toml", samples.FORM.encode() + b"#" * (1 << 17), "larger than 64 KiB"),
                ("waivers.toml", b"[[waiver]]\n" * 9000, "larger than 64 KiB"),
                ("waivers.toml", b"[[waiver]]\n", "waivers.toml: ")):
            with self.subTest(words):
                self.put(name, text)
                self.refused("schemas", f"{name}: ", words)
                (self.pack / name).unlink()

    def test_sparse_files(self):
        began = time.monotonic()
        with open(self.run_files(1) / "console.txt", "wb") as file:
            file.truncate(10 << 30)
        self.refused("manifest", "logs/run-1/console.txt: it is larger than any file of a package "
                     "(64 MiB)")
        self.assertLess(time.monotonic() - began, 10)

    def test_archives(self):
        began = time.monotonic()
        for name, member, words in (
                ("link", {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}, "no archive"),
                ("../out", {}, "no archive"), ("/out", {}, "no archive"),
                ("large", {"size": 10 << 30}, "no archive")):
            with self.subTest(name):
                path = self.dir / "hostile.tar"
                with open(path, "wb") as file, tarfile.open(fileobj=file, mode="w") as tar:
                    tar.addfile(tarfile.TarInfo("pack/MANIFEST.sha256"), io.BytesIO())
                    info = tarfile.TarInfo(name if name[0] in "./" else f"pack/{name}")
                    for field, value in member.items():
                        setattr(info, field, value)
                    tar.fileobj.write(info.tobuf())
                    tar.fileobj.write(bytes(10240))
                self.refused("manifest", words, given=path)
        self.assertFalse((self.dir / "out").exists())
        self.assertLess(time.monotonic() - began, 10)

    def test_pipes_and_many_files(self):
        os.mkfifo(self.pack / "logs/pipe")
        self.refused("manifest", "logs/pipe: it is a pipe")
        (self.pack / "logs/pipe").unlink()
        many = self.pack / "system"
        many.mkdir()
        for n in range(2100):
            (many / f"{n}").touch()
        self.refused("manifest", "it has more than 2000 files")

    def test_a_file_that_changes_its_kind(self):
        """Between the look at it and its opening."""
        (self.dir / "link").symlink_to("/etc/passwd")
        os.mkfifo(self.dir / "pipe")
        for name, words in ("link", "cannot be read: Too many levels"), ("pipe", "is no file"):
            with self.assertRaisesRegex(verify_copy.Wrong, words):
                verify_copy._copy_file(self.dir / name, self.dir / f"copy-of-{name}")

    def test_deep_folders(self):
        (self.pack / "/".join("x" * 12)).mkdir(parents=True)
        self.refused("manifest", "x/x/x/x/x/x: it is a folder, and a package has only files")

    def test_names(self):
        (self.pack / "logs/\udcff").touch()
        self.refused("manifest", "logs/\\xdcff: its name is not UTF-8")

    def test_words_for_a_terminal(self):
        """What a package says does not command who reads it."""
        samples.edit(self.pack / "statement.json", lambda s: s.update(
            sentence="PASSED: \x1b[2J\u202e\nok     all " + "x" * 5000))
        samples.seal(self.pack)
        (self.pack / "logs/\x1b[2J\u202e\nok").touch()
        said = self.refused("manifest", "logs/\\x1b[2J\\x202e\\x0aok: it is not in the manifest")
        self.assertTrue(all(c.isprintable() or c == "\n" for c in said))
        self.assertLess(max(map(len, said.splitlines())), 500)

    def test_a_file_that_takes_for_ever(self):
        """uniqueItems of what cannot be sorted looks at all pairs."""
        self.addCleanup(setattr, verify_parts, "SECONDS", verify_parts.SECONDS)
        verify_parts.SECONDS = 1
        self.results(1, lambda r: r["target"].update(
            capabilities=[{"a": n} if n % 2 else n for n in range(6000)]))
        samples.seal(self.pack)
        began = time.monotonic()
        self.refused("schemas", "logs/run-1/results.json: it keeps its reader busy for more than 1")
        self.assertLess(time.monotonic() - began, 10)


class ProgramTest(World):
    """As it is run; of a version that demands more, so the package is refused."""

    def run_it(self, *words, **more):
        return subprocess.run([sys.executable, HERE.parent / "verify.py", *words],
                              capture_output=True, text=True, timeout=60, check=False, **more)

    def test_exit_codes(self):
        done = self.run_it(self.pack)
        self.assertEqual((done.returncode, done.stderr), (3, ""), done)
        self.assertIn("WRONG  complete   logs/run-1/results.json: ", done.stdout)
        done = self.run_it(self.dir / "nothing")
        self.assertEqual((done.returncode, done.stdout), (2, ""), done)
        done = self.run_it("--help")
        self.assertEqual(done.returncode, 0)
        self.assertIn("Exit status: 0 it is sound, and PASSED", " ".join(done.stdout.split()))

    def test_locale(self):
        """One that has no quotation marks such as ours."""
        (self.run_files(1) / "console.txt").write_text("")
        done = self.run_it(self.pack, env=dict(os.environ, LC_ALL="C", PYTHONUTF8="0",
                                               PYTHONCOERCECLOCALE="0"))
        self.assertEqual((done.returncode, done.stderr), (3, ""), done)
        self.assertIn("its last line is \\u201c\\u201d", done.stdout)

    def test_full_disk_and_closed_pipe(self):
        argv = [sys.executable, HERE.parent / "verify.py", self.pack]
        # What Python could not write it tries again when it ends, unless that is prevented.
        env = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run(argv, stdout=full, stderr=subprocess.PIPE, text=True, env=env,
                                  timeout=60, check=False)
        self.assertEqual((done.returncode, done.stderr),
                         (2, "iodirty verify: the output: No space left on device\n"))
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env=env) as child:
            child.stdout.close()
            said = child.stderr.read()
        self.assertEqual((child.returncode, said), (2, "iodirty verify: the output: Broken pipe\n"))

    def test_memory(self):
        """Of a file that is many small things."""
        (self.run_files(1) / "results.json").write_bytes(b"[" + b"{}," * (6 << 20) + b"{}]")
        samples.seal(self.pack)
        done = self.run_it(self.pack, preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_AS, (400 << 20, 400 << 20)))
        self.assertEqual((done.returncode, done.stderr), (3, ""), done)
        self.assertIn("logs/run-1/results.json: it takes more memory than any package", done.stdout)

    def test_memory_is_bounded(self):
        code = ("import resource, sys; sys.path.insert(0, sys.argv[1]); import verify\n"
                "verify.bound_memory(); print(*resource.getrlimit(resource.RLIMIT_AS))")
        for limit in resource.RLIM_INFINITY, 1 << 30:
            said = subprocess.run(
                [sys.executable, "-B", "-c", code, HERE.parent], capture_output=True, text=True,
                check=True, timeout=60, preexec_fn=lambda: resource.setrlimit(
                    resource.RLIMIT_AS, (limit, limit))).stdout
            half = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
            expected = half if limit == resource.RLIM_INFINITY else min(half, limit)
            self.assertEqual(said.split(), [str(expected), str(limit)])

    def test_interrupted(self):
        """Nothing is left in the folder for temporary files."""
        scratch = self.dir / "scratch"
        scratch.mkdir()
        archive = self.dir / "slow.tar"
        os.mkfifo(self.dir / "never")
        archive.symlink_to(self.dir / "never")
        code = ("import sys, time; sys.path.insert(0, sys.argv[1]); import verify, verify_checks\n"
                "verify.CHECKS[:] = [lambda p: (print('there', flush=True), time.sleep(60))]\n"
                "verify.CHECKS[0].__name__ = 'slow'\n"
                "sys.exit(verify.main(sys.argv[2:]))")
        for number in signal.SIGINT, signal.SIGTERM:
            child = subprocess.Popen([sys.executable, "-B", "-c", code, HERE.parent, self.pack],
                                     env=dict(os.environ, TMPDIR=str(scratch)), text=True,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            child.stdout.readline()
            child.send_signal(number)
            _, said = child.communicate(timeout=60)
            self.assertEqual((child.returncode, said), (2, "iodirty verify: interrupted\n"))
            self.assertEqual(list(scratch.iterdir()), [])

    def test_no_room(self):
        done = self.run_it(self.pack, preexec_fn=lambda: (
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
            resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))))
        self.assertEqual(done.returncode, 2, done)
        self.assertIn("File too large", done.stderr)
        self.assertNotIn("Traceback", done.stderr)


class ConclusionTest(unittest.TestCase):
    def test_what_could_not_be_done_is_no_trust(self):
        checks = [verify.Check("runs", "not-done", ["not looked at: x"])]
        self.assertEqual(verify.conclude(None, checks)[0], 3)


if __name__ == "__main__":
    unittest.main()
