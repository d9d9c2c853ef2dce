# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""history.py as a program."""

import io
import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import unittest
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import history  # noqa: E402
import history_samples as samples  # noqa: E402
import package_samples  # noqa: E402
from history_samples import record, run_id  # noqa: E402

HISTORY = HERE.parent / "history.py"


class Program(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.db = self.folder / "data/iodirty/history.db"
        self.environment = {"XDG_DATA_HOME": str(self.folder / "data"),
                            "IODIRTY_HISTORY": "", "PYTHONUNBUFFERED": ""}

    def run_it(self, *words, status=0, input=""):
        """The program in this process, whose start takes most of a run's time."""
        out, errors = io.StringIO(), io.StringIO()
        out.reconfigure = lambda **_: None
        with mock.patch.dict(os.environ, self.environment), \
                mock.patch("sys.stdin", io.TextIOWrapper(io.BytesIO(input.encode()))), \
                mock.patch("signal.signal"), mock.patch("history.mute"), \
                redirect_stdout(out), redirect_stderr(errors):
            try:
                found = history.main(list(map(str, words)))
            except SystemExit as error:
                found = error.code
        done = SimpleNamespace(stdout=out.getvalue(), stderr=errors.getvalue())
        self.assertEqual(found, status, done)
        return done

    def start(self, *words, **more):
        return subprocess.Popen([sys.executable, HISTORY, *map(str, words)], text=True,
                                stderr=subprocess.PIPE, env={**os.environ, **self.environment},
                                **{"stdout": subprocess.PIPE, "stdin": subprocess.PIPE, **more})

    def ends(self, child, input=None, status=0):
        """What it said on (standard output, standard error)."""
        with child:
            said = child.communicate(input, timeout=60)
        self.assertEqual(child.returncode, status, said)
        self.assertNotIn("Traceback", said[1])
        return said

    def conform(self, number, change=None):
        """A folder of a run of that number."""
        def changed(results):
            results.update(run=run_id(number))
            if change:
                change(results)
        folder = self.folder / f"run-{number}"
        subprocess.run(["cp", "-r", package_samples.RECORDED / "run-1", folder], check=True)
        package_samples.edit(folder / "results.json", changed)
        return folder

    def lines(self, *records):
        """As export writes them."""
        return "".join(json.dumps(r) + "\n" for r in records)


class Add(Program):
    def test_added_and_already_there(self):
        one, two = self.conform(1), self.conform(2)
        done = self.run_it("add", one, two)
        self.assertEqual(done.stdout, f"added: {run_id(1)} ({one})\nadded: {run_id(2)} ({two})\n")
        self.assertEqual(done.stderr, "")
        done = self.run_it("add", one)
        self.assertEqual(done.stdout, f"already there: {run_id(1)} ({one})\n")
        self.assertEqual(set(samples.stored(self.db)), {run_id(1), run_id(2)})

    def test_what_is_broken_is_refused_whole_and_the_rest_is_taken(self):
        one, two, three = (self.conform(n) for n in (1, 2, 3))
        (two / "results.json").write_text("{", encoding="utf-8")
        done = self.run_it("add", one, two, self.folder / "nothing", three, status=1)
        self.assertEqual(done.stdout.count("added: "), 2)
        self.assertRegex(done.stderr, f"^iodirty history: {two}: results.json: it is not JSON: .*; "
                         "nothing of it was stored\niodirty history: .*/nothing: it is not there; "
                         "nothing of it was stored\n$")
        self.assertEqual(set(samples.stored(self.db)), {run_id(1), run_id(3)})

    def test_nothing_good_makes_no_history(self):
        self.run_it("add", self.folder, status=1)
        self.assertFalse(self.db.exists())

    def test_the_same_id_with_other_results(self):
        self.run_it("add", self.conform(1))
        other = self.conform(3, lambda r: r.update(run=run_id(1), started="2026-11-29T05:00:00Z"))
        done = self.run_it("add", other, self.conform(2), status=1)
        self.assertIn(f"another run of the id {run_id(1)}", done.stderr)
        self.assertEqual(set(samples.stored(self.db)), {run_id(1), run_id(2)})

    def test_what_is_said_of_a_run(self):
        self.run_it("add", self.conform(1), "--commit", "a" * 40, "--subject", "v7 é",
                    "--host", "rented", "--url", "https://ci/1", "--db", self.folder / "x.db")
        self.assertEqual(
            samples.rows(self.folder / "x.db", 'SELECT "commit", subject, host, url FROM run'),
            [("a" * 40, "v7 é", "rented", "https://ci/1")])

    def test_options_that_make_no_sense(self):
        path = self.conform(1)
        for words, option in (("is no commit", "--commit=abc"), ("no address", "--url=ftp://x"),
                              ("no address", "--url=javascript:alert(1)"),
                              ("no line", "--subject=a\nb"), ("no line", "--host=" + "x" * 501),
                              ("mysql:// is no history", "--db=mysql://u:secret@h/d"),
                              ("has no name", "--db=")):
            done = self.run_it("add", path, option, status=2)
            self.assertIn(words, done.stderr)
            self.assertNotIn("secret", done.stderr)
        self.run_it(status=2)
        self.run_it("ad", path, status=2)
        self.run_it("add", status=2)
        self.run_it("list", "--last", "0", status=2)

    def test_verified_takes_packages_alone(self):
        done = self.run_it("add", "--verified", self.conform(1),
                           package_samples.make(self.folder / "p"), status=1)
        self.assertIn("takes packages alone", done.stderr)
        self.assertIn("iodirty verify does not trust it", done.stderr)
        self.assertFalse(self.db.exists())

    def test_help(self):
        for words in (["--help"], ["add", "--help"], ["import", "-h"]):
            self.assertIn("Exit status", self.run_it(*words).stdout)

    def test_a_foreign_file_is_left_alone(self):
        (self.folder / "notes").write_text("my notes\n", encoding="utf-8")
        done = self.run_it("add", self.conform(1), "--db", self.folder / "notes", status=1)
        self.assertIn("is no SQLite database", done.stderr)
        self.assertEqual((self.folder / "notes").read_text(encoding="utf-8"), "my notes\n")

    def test_a_folder_that_cannot_be_made(self):
        (self.folder / "data").touch()
        done = self.run_it("add", self.conform(1), status=1)
        self.assertIn("data", done.stderr)

    def test_a_file_that_may_not_grow(self):
        self.run_it("add", self.conform(1))
        size = self.db.stat().st_size
        _, errors = self.ends(self.start("import", preexec_fn=lambda: (
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))),
            self.lines(record(2, rows=9, measures=5000)), 1)
        self.assertRegex(errors, "(disk I/O error|full).*; nothing of it was stored")
        self.assertEqual(set(samples.stored(self.db)), {run_id(1)})

    def test_interrupted_while_it_waits(self):
        self.run_it("add", self.conform(1))
        other = sqlite3.connect(self.db, isolation_level=None)
        self.addCleanup(other.close)
        other.execute("BEGIN IMMEDIATE")
        two = self.conform(2)
        children = [self.start("add", two) for _ in range(3)]
        for child in children:
            self.assertIn("another program has it", child.stderr.readline())
        for child, number in zip(children, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)):
            child.send_signal(number)
            self.assertEqual(self.ends(child, status=1), (
                "", "iodirty history: interrupted; what was said to be added or removed is\n"))
        other.execute("ROLLBACK")
        self.assertEqual(set(samples.stored(self.db)), {run_id(1)})


class Look(Program):
    def setUp(self):
        super().setUp()
        self.records = [record(n, failing=[1] if n == 3 else ()) for n in range(5)]
        self.records[2]["target"] = "linux"
        self.records[3]["failures"][0][4] = "a\x1b[31m \u202e\n"
        done = self.run_it("import", input=self.lines(*self.records))
        self.assertEqual(done.stdout.count("added: "), 5)

    def test_import_takes_what_export_wrote(self):
        written = self.run_it("export").stdout
        self.assertEqual(len(written.splitlines()), 5)
        path = self.folder / "lines"
        path.write_text(written, encoding="utf-8")
        other = self.folder / "other.db"
        self.run_it("import", path, "--db", other)
        self.assertEqual(samples.stored(other), samples.expected(self.records))
        self.assertEqual(self.run_it("export", "--db", other).stdout, written)
        self.assertEqual(self.run_it("import", path, "--db", other).stdout.count("already"), 5)
        one, = self.run_it("export", run_id(3)[:8]).stdout.splitlines()
        self.assertEqual(json.loads(one)["id"], run_id(3))

    def test_lines_that_are_none(self):
        bad = ["{", "[]", "", json.dumps({**record(9), "more": 1}), json.dumps(record(1, rows=2)),
               '{"id": 1, "id": 1}',
               json.dumps(record(8)).replace("[[\"harvest", "[NaN, [\"harvest")]
        done = self.run_it("import", status=1, input="\n".join([*bad, json.dumps(record(7))]))
        self.assertEqual(done.stderr.count("; nothing of it was stored"), len(bad))
        self.assertIn("standard input, line 4: it is no record of a run: the whole: unknown field "
                      "'more'", done.stderr)
        self.assertIn("line 5: another run of the id", done.stderr)
        self.assertEqual(samples.stored(self.db), samples.expected([*self.records, record(7)]))
        done = self.run_it("import", self.folder / "none", status=1)
        self.assertIn("No such file", done.stderr)
        (self.folder / "bytes").write_bytes(b"\xff\n")
        done = self.run_it("import", self.folder / "bytes", status=1)
        self.assertIn("line 1: ", done.stderr)

    def test_list(self):
        lines = self.run_it("list").stdout.splitlines()
        self.assertEqual([line.split()[0] for line in lines],
                         ["run"] + [run_id(n)[:12] for n in range(5)])
        self.assertRegex(lines[4], "FAILED +1 +c{40}$")
        self.assertIn(run_id(2)[:12], self.run_it("list", "--target", "linux").stdout)
        self.assertEqual(len(self.run_it("list", "--verdict", "PASSED").stdout.splitlines()), 5)
        self.assertEqual(len(self.run_it("list", "--last", 2).stdout.splitlines()), 3)
        self.assertEqual(self.run_it("list", "--host", "x").stdout, "no such run\n")
        found = json.loads(self.run_it("list", "--json", "--kernel", "6.12.94").stdout)
        self.assertEqual(found[3], {
            **{k: v for k, v in self.records[3].items()
               if k not in ("outcomes", "failures", "measures")}, "failed": 1})

    def test_show(self):
        shown = self.run_it("show", run_id(3)[:6]).stdout
        self.assertIn("totals     1 FAIL, 19 PASS\n", shown)
        self.assertIn("measures   5\n", shown)
        self.assertIn("FAIL REPORT-001 vtd-ss/4K some_test: a\\x1b[31m \\u202e\\n\n", shown)
        found = json.loads(self.run_it("show", run_id(3), "--json").stdout)
        self.assertEqual(samples.expected([found]), samples.expected([self.records[3]]))
        for words, given in (("there is no run 'zz'", "zz"), ("give more of it", ""),
                             ("there is no run", run_id(3) + "0")):
            done = self.run_it("show", given, status=1)
            self.assertIn(words if given else "there is no run ''", done.stderr)

    def test_an_id_that_is_cut_too_short(self):
        ids = [run_id(n) for n in range(40)]
        first = next(i[0] for i in ids if sum(j[0] == i[0] for j in ids) > 1)
        self.run_it("import", input=self.lines(*(record(n) for n in range(5, 40))))
        done = self.run_it("remove", first, status=1)
        self.assertIn("give more of it", done.stderr)
        self.assertEqual(len(samples.stored(self.db)), 40)

    def test_remove(self):
        done = self.run_it("remove", run_id(1)[:10], run_id(4), run_id(1))
        self.assertEqual(done.stdout, f"removed: {run_id(1)}\nremoved: {run_id(4)}\n")
        self.assertEqual(samples.stored(self.db), samples.expected(
            [self.records[n] for n in (0, 2, 3)]))
        self.run_it("remove", run_id(0), "nothing", status=1)
        self.assertEqual(len(samples.stored(self.db)), 3)

    def test_a_reader_that_goes_away(self):
        self.run_it("import", input=self.lines(record(9, rows=2900, measures=3000)))
        with self.start("export") as child:
            child.stdout.read(10)
            child.stdout.close()
            self.assertEqual(child.stderr.read(), "")
            self.assertEqual(child.wait(20), 1)

    def test_a_full_disk(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            self.assertEqual(self.ends(self.start("list", stdout=full), status=1)[1],
                             "iodirty history: No space left on device\n")

    def test_a_terminal_of_few_letters(self):
        self.environment.update(PYTHONIOENCODING="ascii")
        self.run_it("import", input=self.lines(record(9, subject="é")))
        self.assertIn("\\xe9", self.ends(self.start("list"))[0])

    def test_no_history(self):
        for words in (["list"], ["show", "x"], ["export"], ["remove", "x"]):
            done = self.run_it(*words, "--db", self.folder / "none.db", status=1)
            self.assertIn("is not there: `iodirty history add` makes a history", done.stderr)
        self.assertFalse((self.folder / "none.db").exists())


if __name__ == "__main__":
    unittest.main()
