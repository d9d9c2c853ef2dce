# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""history_store.py and history_database.py on SQLite, and on a PostgreSQL started here."""

import io
import multiprocessing
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
import threading
import time
import unittest
from contextlib import redirect_stderr
from pathlib import Path
from unittest import mock

import numpy as np
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import history_database  # noqa: E402
import history_samples as samples  # noqa: E402
import history_store  # noqa: E402
from history_samples import record, run_id  # noqa: E402
from history_store import History  # noqa: E402
from model import VERDICTS, ReportError, UsageError  # noqa: E402

WRITERS = 20


def fork(function, *arguments):
    """A process that does that, and exits with 0 if nothing was raised."""
    def body():
        with redirect_stderr(io.StringIO()):
            function(*arguments)
    process = multiprocessing.get_context("fork").Process(target=body)
    process.start()
    return process


def write(address, records):
    history = History.open(address, create=True, say=lambda _: None)
    for r in records:
        history.add(r)


def write_and_die(address, r):
    """Killed when a part of the measures is in."""
    def first(found):
        yield found[:3]
        os.kill(os.getpid(), signal.SIGKILL)
    history = History.open(address, create=True, say=lambda _: None)
    with mock.patch.object(history_store, "parts", lambda found: (
            first(found) if found and "samples" in found[0] else [found])):
        history.add(r)


class Case(unittest.TestCase):
    def open(self, **more):
        return History.open(self.address, say=self.said.append, **more)

    def refused(self, words, function, *arguments, **more):
        with self.assertRaises(ReportError) as caught:
            function(*arguments, **more)
        self.assertIn(words, str(caught.exception))
        return str(caught.exception)

    def holds(self, records):
        self.assertEqual(samples.stored(self.address), samples.expected(records))


class Store:
    """What both databases have to do; a subclass gives .address, of nothing yet."""

    def test_what_was_added_is_read_back(self):
        history = self.open(create=True)
        wild = "<script>\u2028 'é \U0001f600 %s {} \\ \x07 \ud800"
        one = record(1, failing=[4], argument="a:b", clean=None, url="http://x/",
                     failures=[["REPORT-002", "vtd-ss/4K", "t", "FAIL", wild]])
        self.assertTrue(history.add(one))
        self.assertEqual(history.record(one["id"]), {
            **one, "outcomes": sorted(one["outcomes"]), "measures": sorted(one["measures"])})
        self.assertEqual(history.failures(one["id"]), one["failures"])
        head, = history.runs()
        self.assertEqual({k: v for k, v in head.items() if k in one and k != "outcomes"},
                         {k: v for k, v in one.items()
                          if k not in ("outcomes", "failures", "measures")})
        self.assertEqual(head["failed"], 1)
        self.assertEqual(history.outcomes(head["outcomes"]), sorted(one["outcomes"]))
        self.holds([one])

    def test_a_run_is_there_once(self):
        history = self.open(create=True)
        self.assertTrue(history.add(record(1)))
        self.assertFalse(history.add(record(1)))
        self.assertFalse(self.open().add(record(1, host="another", url="http://x/", subject="s",
                                                commit="", clean=False)))
        for other in (record(1, failing=[2]), record(1, measures=4), record(1, kernel="7.2"),
                      record(1, totals={"PASS": 19})):
            self.refused("with other results", history.add, other)
        self.holds([record(1)])
        self.assertEqual(history.runs()[0]["host"], "box")

    def test_runs_that_differ_in_one_row_are_not_the_same(self):
        history = self.open(create=True)
        one = record(1, failing=[2])
        history.add(one)
        for table, n in (("outcomes", 0), ("failures", 0), ("measures", 0)):
            changed = [list(row) for row in one[table]]
            changed[n][-1] = {"outcomes": "SKIP", "failures": "why else", "measures": 3}[table]
            self.refused("with other results", history.add, {**one, table: changed})

    def test_the_order_of_a_run_s_lists_says_nothing(self):
        history = self.open(create=True)
        history.add(record(1, failing=[1, 2]))
        backwards = {k: v[::-1] if isinstance(v, list) else v
                     for k, v in record(1, failing=[1, 2]).items()}
        self.assertFalse(history.add(backwards))

    def test_a_number_may_be_whole(self):
        history = self.open(create=True)
        history.add(record(1, measures=0) | {"measures": [["a/b", "x", 2, 1, 3, 5]]})
        self.assertFalse(history.add(history.record(run_id(1))))

    def test_runs_are_in_the_order_of_their_starts(self):
        history = self.open(create=True)
        for n in (5, 3, 9, 1):
            history.add(record(n))
        self.assertEqual([r["id"] for r in history.runs()], [run_id(n) for n in (1, 3, 5, 9)])
        series = {s["name"]: s["number"] for s in history.series()}
        found = history.measures(series["harvest/amd-v1/4K/2%"])
        self.assertEqual(list(found.value), [1.25 + n / 1024 for n in (1, 3, 5, 9)])
        self.assertEqual(list(found.run), [r["number"] for r in history.runs()])
        self.assertEqual(list(found.samples), [21] * 4)
        self.assertTrue(np.isnan(found.low).all() and np.isnan(found.high).all())
        self.assertEqual(list(history.measures(series["harvest/amd-v1/4K/1%"]).high), [2.5] * 4)
        self.assertEqual(len(history.measures(10 ** 6).run), 0)

    def test_all_measures_are_those_of_each_series(self):
        history = self.open(create=True)
        for n in range(7):
            history.add(record(n, measures=n))
        every = history.all_measures()
        self.assertEqual(sorted(every), sorted(s["number"] for s in history.series()))
        self.assertEqual(sum(len(m.run) for m in every.values()), 21)
        for number, found in every.items():
            for one, other in zip(found, history.measures(number)):
                np.testing.assert_array_equal(one, other)

    def test_a_series_is_of_one_machine_and_target(self):
        history = self.open(create=True)
        for n, more in enumerate([{}, {"host": "b"}, {"cpu": "b"}, {"target": "linux"},
                                  {"argument": "a"}, {"kernel": "7"}, {"subject": "s"}]):
            history.add(record(n, measures=1, **more))
        counts = sorted(len(m.run) for m in history.all_measures().values())
        self.assertEqual(counts, [1, 1, 1, 1, 3])

    def test_runs_share_what_is_the_same(self):
        history = self.open(create=True)
        for n in range(30):
            history.add(record(n, failing=[n] if n < 3 else ()))
        # Rows once; verdicts of three failing and of the rest; failures of these, and none.
        self.assertEqual(samples.rows(self.address, "SELECT count(*) FROM content"),
                         [(1 + 4 + 4,)])
        self.assertEqual(len({r["outcomes"] for r in history.runs()}), 4)

    def test_the_same_letters_in_other_rows_are_another_table(self):
        history = self.open(create=True)
        history.add(record(1))
        other = record(2, outcomes=[[r.replace("REPORT", "LEAF"), f, v]
                                    for r, f, v in record(2)["outcomes"]])
        history.add(other)
        self.holds([record(1), other])
        digests = [r["outcomes"] for r in history.runs()]
        self.assertEqual(history.outcomes(digests[1])[0], ["LEAF-001", "amd-v1", "PASS"])

    def test_all_outcomes_in_one_table(self):
        history = self.open(create=True)
        history.add(record(1, rows=3))
        history.add(record(2, rows=4, failing=[1]))
        history.add(record(3, outcomes=[["ABI-001", "-", "SKIP"]], failures=[]))
        rows, arrays = history.all_outcomes()
        self.assertEqual(rows, [("ABI-001", "-"), ("REPORT-001", "amd-v1"),
                                ("REPORT-001", "arm-s1-4k"), ("REPORT-001", "vtd-ss"),
                                ("REPORT-002", "amd-v1")])
        said = [[VERDICTS[v] if v >= 0 else "" for v in arrays[r["outcomes"]]]
                for r in history.runs()]
        self.assertEqual(said, [["", "PASS", "PASS", "PASS", ""],
                                ["", "PASS", "PASS", "FAIL", "PASS"],
                                ["SKIP", "", "", "", ""]])

    def test_every_verdict_is_read_back(self):
        history = self.open(create=True)
        given = [[f"REPORT-{n:03}", "-", v] for n, v in enumerate(VERDICTS)]
        history.add(record(1, outcomes=given))
        self.assertEqual(history.record(run_id(1))["outcomes"], given)
        rows, arrays = history.all_outcomes()
        self.assertEqual(list(*arrays.values()), list(range(len(VERDICTS))))
        self.holds([record(1, outcomes=given)])

    def test_a_removed_run_takes_along_what_nobody_shares(self):
        history = self.open(create=True)
        history.add(record(1))
        history.add(record(2, failing=[3], measures=9))
        self.assertTrue(history.remove(run_id(2)))
        self.assertFalse(history.remove(run_id(2)))
        self.holds([record(1)])
        self.assertEqual(samples.rows(self.address, "SELECT count(*) FROM series"), [(5,)])
        self.assertEqual(samples.rows(self.address, "SELECT count(*) FROM content"), [(3,)])
        self.refused("there is no run", history.record, run_id(2))
        self.assertTrue(history.add(record(2)))

    def test_many_are_added_whole_or_not_at_all(self):
        history = self.open(create=True)
        history.add(record(5))
        self.refused("with other results", history.add_many,
                     [record(1), record(2), record(5, measures=1), record(6)])
        self.holds([record(5)])
        self.assertEqual(history.add_many(map(record, range(8))), 7)
        self.holds(list(map(record, range(8))))

    def test_more_rows_than_one_statement_takes(self):
        history = self.open(create=True)
        history.add(record(1, rows=2500, measures=2500))
        self.holds([record(1, rows=2500, measures=2500)])

    def test_a_snapshot_does_not_move(self):
        history = self.open(create=True)
        history.add(record(1))
        with history.snapshot():
            first = history.runs()
            # No child: SQLite's locks do not survive a fork.
            writer = threading.Thread(target=write, args=(self.address, [record(2)]))
            writer.start()
            writer.join(1)
            self.assertEqual(history.runs(), first)
            self.assertEqual(len(history.all_measures()[1].run), 1)
        writer.join(30)
        self.assertEqual(len(history.runs()), 2)

    def test_content_that_changed_is_noticed(self):
        history = self.open(create=True)
        history.add(record(1))
        digest = history.runs()[0]["outcomes"]
        connection = samples.connect(self.address)
        connection.cursor().execute("UPDATE content SET digest = 'f' || substr(digest, 2) "
                                    f"WHERE digest = '{digest}'")
        connection.commit()
        connection.close()
        self.refused("is damaged", history.record, run_id(1))
        self.refused("is damaged", history.all_outcomes)
        connection = samples.connect(self.address)
        connection.cursor().execute("UPDATE content SET data = "
                                    + ("'\\x00'" if "://" in str(self.address) else "X'00'"))
        connection.commit()
        connection.close()
        self.refused("is damaged", history.record, run_id(1))

    def test_the_migrated_schema_is_the_program_s(self):
        history = self.open(create=True)
        with history.database.snapshot() as connection:
            context = MigrationContext.configure(connection, opts={
                "version_table": history_database.VERSION_TABLE, "compare_type": True})
            self.assertEqual(compare_metadata(context, history_store.METADATA), [])

    def test_writers_at_once_on_a_database_that_is_not_there(self):
        runs = [record(n, failing=[n % 4], measures=30 + n % 7) for n in range(60)]
        # Each has three of its own, and all have five in common.
        writers = [fork(write, self.address, runs[3 * w:3 * w + 3] if w % 2 else
                        runs[3 * w:3 * w + 3][::-1] + runs[:5]) for w in range(WRITERS)]
        for writer in writers:
            writer.join(100)
        self.assertEqual([w.exitcode for w in writers], [0] * WRITERS)
        self.holds(runs)

    def test_a_writer_that_is_killed_leaves_nothing_and_can_come_again(self):
        self.open(create=True).add(record(1))
        writer = fork(write_and_die, self.address, record(2, measures=50))
        writer.join(30)
        self.assertEqual(writer.exitcode, -signal.SIGKILL)
        self.holds([record(1)])
        self.assertTrue(self.open().add(record(2, measures=50)))
        self.holds([record(1), record(2, measures=50)])

    def test_adding_beside_removing(self):
        """What a run that is removed had alone, another may be about to share."""
        history = self.open(create=True)

        def toggle(first):
            own = History.open(self.address, say=lambda _: None)
            for n in range(8):
                own.add(record(first + n, failing=[1]))
                own.remove(run_id(first + n))
        writers = [fork(toggle, 100 * w) for w in range(6)]
        for writer in writers:
            writer.join(60)
        self.assertEqual([w.exitcode for w in writers], [0] * 6)
        self.assertEqual(history.runs(), [])
        self.assertEqual(samples.rows(self.address, "SELECT count(*) FROM content"), [(0,)])

    # ---- migrations ----

    def with_revision_2(self):
        """The program of tomorrow: a second revision."""
        folder = self.folder / "migrations"
        shutil.copytree(history_database.MIGRATIONS, folder,
                        ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "versions/r0002.py").write_text(
            "import sqlalchemy as sa\nfrom alembic import op\nrevision = '0002'\n"
            "down_revision = '0001'\ndef upgrade():\n"
            "    op.add_column('run', sa.Column('note', sa.Text, server_default='none'))\n")
        return mock.patch.object(history_database, "MIGRATIONS", folder)

    def test_an_older_database_is_migrated_with_its_data(self):
        self.open(create=True).add(record(1))
        with self.with_revision_2():
            self.assertEqual(len(self.open().runs()), 1)
            self.assertEqual(samples.rows(self.address, "SELECT note FROM run"), [("none",)])
            self.assertTrue(self.open().add(record(2)))
        self.holds([record(1), record(2)])

    def test_many_migrate_at_once(self):
        self.open(create=True).add(record(1))
        with self.with_revision_2():
            writers = [fork(write, self.address, [record(n)]) for n in range(2, 10)]
            for writer in writers:
                writer.join(60)
        self.assertEqual([w.exitcode for w in writers], [0] * 8)
        self.holds([record(n) for n in range(1, 10)])

    def test_a_migration_that_fails_changes_nothing(self):
        self.open(create=True).add(record(1))
        with self.with_revision_2():
            with open(history_database.MIGRATIONS / "versions/r0002.py", "a",
                      encoding="utf-8") as file:
                file.write("    op.execute('INSERT INTO nowhere VALUES (1)')\n")
            self.refused("nowhere", self.open)
        self.assertEqual(len(self.open().runs()), 1)
        self.holds([record(1)])

    def test_a_newer_database_is_refused_and_left_alone(self):
        with self.with_revision_2():
            self.open(create=True).add(record(1))
        self.refused("newer iodirty (revision 0002; this one knows up to 0001)", self.open,
                     create=True)
        self.holds([record(1)])

    def test_a_database_of_somebody_else_is_refused(self):
        if "://" not in str(self.address):
            sqlite3.connect(self.address).close()
        connection = samples.connect(self.address)
        connection.cursor().execute("CREATE TABLE run (number integer)")
        connection.commit()
        connection.close()
        self.refused("no history of iodirty (it holds “run”)", self.open, create=True)
        self.assertEqual(samples.rows(self.address, "SELECT count(*) FROM run"), [(0,)])

    def test_reading_makes_no_history(self):
        self.refused("`iodirty history add` makes", self.open)


class SQLite(Store, Case):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder, self.said = Path(folder.name), []
        self.address = self.folder / "new/history é%20?#.db"
        self.address.parent.mkdir()

    def test_a_folder_that_is_not_there_is_made(self):
        self.address = self.folder / "a/b/c.db"
        self.assertTrue(self.open(create=True).add(record(1)))

    def test_no_database_at_all(self):
        for content in (b"not a database, but a text of more than a hundred bytes" * 9, b"short"):
            self.address.write_bytes(content)
            self.refused("is no SQLite database", self.open, create=True)
            self.assertEqual(self.address.read_bytes(), content)

    def test_a_damaged_one(self):
        self.open(create=True).add(record(1, rows=500))
        data = self.address.read_bytes()
        self.address.write_bytes(data[:100] + b"\xa5" * 8000 + data[8100:])
        self.refused("it is damaged", self.open)

    def test_what_is_no_file(self):
        os.mkfifo(self.address)
        self.refused("is no file", self.open, create=True)
        self.address = self.folder
        self.refused("is no file", self.open, create=True)

    def test_an_empty_file_becomes_one(self):
        self.address.touch()
        self.refused("holds no history yet", self.open)
        self.assertTrue(self.open(create=True).add(record(1)))

    def test_a_disk_that_is_full(self):
        history = self.open(create=True)
        history.add(record(1))
        with mock.patch.object(history_database.SQLite, "_connect", self.full_connect()):
            history = self.open()
            self.refused("full", history.add, record(2, measures=3000))
        self.holds([record(1)])

    @staticmethod
    def full_connect():
        before = history_database.SQLite._connect

        def connect(self):
            connection = before(self)
            pages, = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count = {pages + 2}")
            return connection
        return connect

    def test_one_that_is_held_by_another(self):
        history = self.open(create=True)
        other = sqlite3.connect(self.address, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with mock.patch.multiple(history_database, PATIENCE=0.5, LOCK_SECONDS=0.1):
            self.refused("locked: another program has it; given up after 0.5 s", history.add,
                         record(1))
        other.execute("ROLLBACK")
        other.close()
        self.assertTrue(history.add(record(1)))

    def test_one_that_is_read_by_another_for_longer_than_a_lock_is_waited_for(self):
        history = self.open(create=True)
        with mock.patch.object(history_database, "LOCK_SECONDS", 0.1):
            other = sqlite3.connect(self.address, isolation_level=None)
            other.execute("BEGIN")
            other.execute("SELECT count(*) FROM run").fetchall()
            writer = threading.Thread(target=history.add, args=(record(1),))
            writer.start()
            time.sleep(0.6)
            other.execute("ROLLBACK")
            writer.join(20)
            other.close()
        self.assertEqual(len(self.said), 1)
        self.assertIn("another program has it; trying again", self.said[0])
        self.holds([record(1)])

    @unittest.skipIf(os.getuid() == 0, "root may write everywhere")
    def test_one_that_may_not_be_written(self):
        self.open(create=True).add(record(1))
        self.address.chmod(0o400)
        self.assertEqual(len(self.open().runs()), 1)
        self.refused("readonly", self.open().add, record(2))

    def test_one_that_was_made_by_the_first_revision(self):
        """Kept as it was then: tests/history_revision_1.sql."""
        connection = sqlite3.connect(self.address)
        connection.executescript((HERE / "history_revision_1.sql").read_text(encoding="utf-8"))
        connection.close()
        history = self.open()
        self.assertEqual([r["id"] for r in history.runs()], [run_id(1), run_id(2)])
        self.assertFalse(history.add(record(1)))
        self.assertFalse(history.add(record(2, failing=[3])))
        self.holds([record(1), record(2, failing=[3])])


SERVER = None


def setUpModule():
    global SERVER
    if samples.postgresql_programs():
        SERVER = samples.Server()
        SERVER.__enter__()


def tearDownModule():
    if SERVER:
        SERVER.__exit__()


class PostgreSQL(Store, Case):
    made = 0

    def setUp(self):
        if not SERVER:
            self.skipTest("there is no PostgreSQL (apt-get install postgresql)")
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder, self.said = Path(folder.name), []
        PostgreSQL.made += 1
        self.name = f"history{PostgreSQL.made}"
        self.address = SERVER.create(self.name)

    def test_a_server_that_restarts_is_waited_for(self):
        history = self.open(create=True)
        history.add(record(1))
        SERVER.stop()
        writer = threading.Thread(target=history.add, args=(record(2),))
        writer.start()
        time.sleep(1)
        SERVER.start()
        writer.join(30)
        self.assertIn("trying again", self.said[0])
        self.assertEqual(len(self.said), 1)
        self.holds([record(1), record(2)])

    def test_a_server_that_dies_in_the_middle_of_a_run(self):
        history = self.open(create=True)
        history.add(record(1))
        times = []

        def parts(found):
            times.append(1)
            yield found[:3]
            if len(times) == 1:
                SERVER.stop()
                SERVER.start()
            yield found[3:]
        with mock.patch.object(history_store, "parts", lambda found: (
                parts(found) if found and "samples" in found[0] else [found])):
            self.assertTrue(history.add(record(2, measures=20)))
        self.assertEqual(len(times), 2)
        self.holds([record(1), record(2, measures=20)])

    def test_a_server_that_stays_away(self):
        history = self.open(create=True)
        SERVER.stop()
        self.addCleanup(SERVER.start)
        with mock.patch.object(history_database, "PATIENCE", 1):
            began = time.monotonic()
            self.refused("given up after 1 s", history.add, record(1))
            self.assertLess(time.monotonic() - began, 10)

    def test_a_lock_that_is_held_is_waited_for(self):
        history = self.open(create=True)
        with mock.patch.object(history_database, "LOCK_SECONDS", 0.1):
            other = samples.connect(self.address)
            other.cursor().execute("SELECT pg_advisory_lock(%s)", (history_database.LOCK,))
            writer = threading.Thread(target=history.add, args=(record(1),))
            writer.start()
            time.sleep(0.6)
            other.close()
            writer.join(20)
        self.assertEqual(len(self.said), 1)
        self.assertIn("lock timeout; trying again", self.said[0])
        self.holds([record(1)])

    def test_a_deadlock_is_tried_again(self):
        history, calls = self.open(create=True), []
        before = history._add

        def once(connection, *arguments):
            calls.append(1)
            if len(calls) == 1:
                connection.exec_driver_sql(
                    "DO $$ BEGIN RAISE EXCEPTION 'so' USING ERRCODE = '40P01'; END $$")
            return before(connection, *arguments)
        with mock.patch.object(history, "_add", once):
            self.assertTrue(history.add(record(1)))
        self.holds([record(1)])

    def test_what_is_wrong_for_good_is_not_tried_again(self):
        began = time.monotonic()
        self.address = SERVER.address("nobody_made_this")
        self.refused('database "nobody_made_this" does not exist', self.open, create=True)
        self.assertEqual(self.said, [])
        self.assertLess(time.monotonic() - began, 5)

    def test_a_password_is_never_shown(self):
        address = SERVER.address("nothere", "se%25cret")
        for wrong in (address, address.replace("@/", "@/x:y"), address.replace("host", "hots"),
                      address.replace(":se%25cret", "") + "&password=se%25cret",
                      "postgresql://u:se%25cret@[/x", "postgresql://u:se%25cret@h:port/x",
                      "postgresql://se%25cret:se%25cret@/nothere?host=" + str(SERVER.folder)):
            self.address = wrong
            message = self.refused("", self.open, create=True)
            for form in ("se%25cret", "se%cret"):
                self.assertNotIn(form, message + "".join(self.said))

    def test_without_its_driver(self):
        with mock.patch.dict(sys.modules, {"psycopg2": None}):
            self.refused("apt-get install python3-psycopg2", self.open)


class Addresses(unittest.TestCase):
    def test_others_are_refused(self):
        for address in ("mysql://u:secret@h/d", "sqlite:///x", "http://x/", ""):
            with self.assertRaises(UsageError) as caught:
                History.open(address, create=True)
            self.assertNotIn("secret", str(caught.exception))

    def test_the_default(self):
        for environment, expected in (
                ({"IODIRTY_HISTORY": "x.db", "XDG_DATA_HOME": "/x"}, "x.db"),
                ({"IODIRTY_HISTORY": "", "XDG_DATA_HOME": "/x"}, "/x/iodirty/history.db"),
                ({"HOME": "/h"}, "/h/.local/share/iodirty/history.db")):
            with mock.patch.dict(os.environ, environment, clear=True):
                self.assertEqual(history_database.default_address(), expected)


if __name__ == "__main__":
    unittest.main()
