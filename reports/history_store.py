# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
The history of many runs, in a database of history_database.py.

A record is what schemas/run.schema.json says, and callers owe one that is so: history_read.py
makes them, and checks those that come from elsewhere. What many runs have alike is stored
once, compressed, by its digest: the rows of the table of outcomes (requirement and format),
the verdicts in them (a letter each), the failures. A series is one metric of one row of the
benchmark by one target on one machine; a measure is a series' value in a run. Each run is
added in one transaction.
"""

import hashlib
import json
import zlib
from collections import namedtuple
from contextlib import contextmanager

import numpy as np
from sqlalchemy import (Boolean, Column, Float, ForeignKey, Index, Integer, LargeBinary, MetaData,
                        String, Table, Text, TypeDecorator, UniqueConstraint, delete, exists,
                        select, true, union)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import CursorResult

from history_database import open_database
from model import VERDICTS, ReportError


class Compressed(TypeDecorator):
    """Bytes of a text that is stored compressed."""
    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value, dialect):
        return zlib.compress(value, 9)

    def process_result_value(self, value, dialect):
        try:
            return zlib.decompress(value)
        except zlib.error as error:
            raise ReportError("the history is damaged: what was stored cannot be decompressed"
                              ) from error


# As history_migrations/ makes them.
METADATA = MetaData()
CONTENT = Table(
    "content", METADATA,
    Column("number", Integer, primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("data", Compressed, nullable=False),
    UniqueConstraint("digest", name="content_digest"))
RUN = Table(
    "run", METADATA,
    Column("number", Integer, primary_key=True),
    Column("id", String(32), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("started", String(20), nullable=False),
    Column("target", Text, nullable=False),
    Column("argument", Text),
    Column("kernel", Text, nullable=False),
    Column("machine", Text, nullable=False),
    Column("cpu", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("iodirty", Text, nullable=False),
    Column("commit", Text, nullable=False),
    Column("clean", Boolean),
    Column("subject", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("totals", Text, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("rows", Integer, ForeignKey("content.number"), nullable=False),
    Column("outcomes", Integer, ForeignKey("content.number"), nullable=False),
    Column("failures", Integer, ForeignKey("content.number"), nullable=False),
    UniqueConstraint("id", name="run_id"),
    Index("run_started", "started"))
SERIES = Table(
    "series", METADATA,
    Column("number", Integer, primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("target", Text, nullable=False),
    Column("argument", Text),
    Column("machine", Text, nullable=False),
    Column("cpu", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("metric", Text, nullable=False),
    UniqueConstraint("digest", name="series_digest"))
MEASURE = Table(
    "measure", METADATA,
    Column("run", Integer, ForeignKey("run.number"), primary_key=True, autoincrement=False),
    Column("series", Integer, ForeignKey("series.number"), primary_key=True,
           autoincrement=False),
    Column("value", Float(53), nullable=False),
    Column("low", Float(53)),
    Column("high", Float(53)),
    Column("samples", Integer, nullable=False),
    Index("measure_series", "series"),
    sqlite_with_rowid=False)

# A record's fields that stand in a run's row as they are.
HEAD = ["id", "kind", "started", "target", "argument", "kernel", "machine", "cpu", "host",
        "iodirty", "commit", "clean", "subject", "url", "verdict"]
# What is said about a run when it is added, and is not of the run.
SAID = {"host", "commit", "clean", "subject", "url"}
WHERE = ["target", "argument", "machine", "cpu", "host"]  # of a series, besides name and metric
LETTERS = {"PASS": "P", "FAIL": "F", "SKIP": "S", "XFAIL": "x", "XPASS": "X", "HANG": "H",
           "WAIVED": "W", "CRASH": "!", "NOT_CAPABLE": "c", "NOT_RUN": "-"}
VERDICT_OF = {letter: verdict for verdict, letter in LETTERS.items()}
AT_ONCE = 1000  # rows in one statement

Measures = namedtuple("Measures", "run value low high samples")
Measures.__doc__ = """A series as arrays, in the order of the runs' starts: numbers of the runs
(runs()' "number"), values, bounds (NaN: none), and numbers of samples."""


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def settled(record):
    """The same run, its lists in order: as record() gives it back."""
    return {**record, "outcomes": sorted(map(list, record["outcomes"])),
            "failures": sorted(map(list, record["failures"])),
            "measures": sorted([name, metric, *(v if v is None else float(v) for v in numbers),
                                samples] for name, metric, *numbers, samples
                               in record["measures"])}


def contents(record):
    """What of a settled record is stored by digest: column -> bytes."""
    rows = canonical([row[:2] for row in record["outcomes"]])
    # With the digest of the rows: the same letters in other rows are another table.
    letters = "".join(LETTERS[verdict] for *_, verdict in record["outcomes"])
    return {"rows": rows, "outcomes": f"{sha256(rows)}\n{letters}".encode("ascii"),
            "failures": canonical(record["failures"])}


class History:
    def __init__(self, database):
        self.database, self.connection = database, None

    @classmethod
    def open(cls, address, create=False, say=print):
        """@address: a file, or postgresql://...; @say: told what takes long."""
        database = open_database(address, say)
        database.prepare(create)
        return cls(database)

    @property
    def name(self):
        """Fit to be printed: it has no password."""
        return self.database.name

    # ---- writing ----

    def add(self, record):
        """False: it was there already; ReportError: another run is, of that id."""
        return self.add_many([record]) == 1

    def add_many(self, records):
        """All of them or none, in one transaction; how many were not there."""
        records = [settled(r) for r in records]
        known = {}  # digest -> number, of contents and series, by this transaction

        def work(connection):
            known.clear()
            return sum(self._add(connection, r, known) for r in records)
        return self.database.transaction(work, write=True)

    def _add(self, connection, record, known):
        stored = contents(record)
        digests = {column: sha256(data) for column, data in stored.items()}
        digest = sha256(canonical({k: v for k, v in {**record, **digests}.items()
                                   if k not in SAID}))
        if self._is_there(connection, record["id"], digest):
            return False
        self._number(connection, CONTENT, known, {
            digests[column]: {"digest": digests[column], "data": data}
            for column, data in stored.items()})
        measures = self._measures(connection, record, known)
        row = {**{k: record[k] for k in HEAD}, **{c: known[d] for c, d in digests.items()},
               "digest": digest, "totals": json.dumps(record["totals"], sort_keys=True),
               "failed": len(record["failures"])}
        if not self._insert(connection, RUN, [row]):  # another did, since we looked
            return not self._is_there(connection, record["id"], digest)
        number = connection.execute(
            select(RUN.c.number).where(RUN.c.id == record["id"])).scalar_one()
        for part in parts(measures):
            connection.execute(MEASURE.insert(), [dict(m, run=number) for m in part])
        return True

    @staticmethod
    def _is_there(connection, run, digest):
        there = connection.execute(select(RUN.c.digest).where(RUN.c.id == run)).scalar()
        if there not in (None, digest):
            raise ReportError(f"another run of the id {run} is in the history, with other results")
        return there is not None

    @staticmethod
    def _measures(connection, record, known):
        """Rows of the table, but for the run's number; their series are there then."""
        where = {k: record[k] for k in WHERE}
        rows, series = [], {}
        for name, metric, value, low, high, samples in record["measures"]:
            key = {**where, "name": name, "metric": metric}
            digest = sha256(canonical(key))
            series[digest] = {**key, "digest": digest}
            rows.append((digest, {"value": value, "low": low, "high": high, "samples": samples}))
        History._number(connection, SERIES, known, series)
        return [dict(row, series=known[digest]) for digest, row in rows]

    @staticmethod
    def _number(connection, table, known, rows):
        """Have @known, digest -> number, know of all @rows, by digest; the missing are made."""
        # In one order, whoever adds: else two could each wait for what the other has made.
        wanted = sorted(set(rows) - set(known))

        def look():
            for part in parts(wanted):
                known.update(connection.execute(select(table.c.digest, table.c.number)
                                                .where(table.c.digest.in_(part))).all())
        look()
        missing = [rows[d] for d in wanted if d not in known]
        if missing:
            for part in parts(missing):
                History._insert(connection, table, part)
            look()

    @staticmethod
    def _insert(connection, table, rows):
        """Of @rows those whose digest, or id, nobody has; was it any (of one)?"""
        insert = {"sqlite": sqlite, "postgresql": postgresql}[connection.dialect.name].insert
        return connection.execute(insert(table).on_conflict_do_nothing(), rows,
                                  execution_options={"preserve_rowcount": True}).rowcount

    def remove(self, run):
        """False: there was none of that id. What no other run shares goes with it."""
        def work(connection):
            number = connection.execute(select(RUN.c.number).where(RUN.c.id == run)).scalar()
            if number is None:
                return False
            connection.execute(delete(MEASURE).where(MEASURE.c.run == number))
            connection.execute(delete(RUN).where(RUN.c.number == number))
            used = union(*(select(c) for c in (RUN.c.rows, RUN.c.outcomes, RUN.c.failures)))
            connection.execute(delete(CONTENT).where(CONTENT.c.number.not_in(used)))
            connection.execute(delete(SERIES).where(
                ~exists().where(MEASURE.c.series == SERIES.c.number)))
            return True
        return self.database.transaction(work, alone=True)

    # ---- reading ----

    @contextmanager
    def snapshot(self):
        """All that is read inside is of one moment."""
        with self.database.snapshot() as self.connection:
            try:
                yield self
            finally:
                self.connection = None

    def _read(self, query, take=CursorResult.all):
        def work(connection):
            return take(connection.execute(query))
        return work(self.connection) if self.connection else self.database.transaction(work)

    def runs(self):
        """Heads of all, in the order of their starts: what a record has up to "totals", and
        "number" (of measures), "failed" (how many cases), "outcomes" (a digest)."""
        columns = [RUN.c[k] for k in HEAD]
        rows = self._read(
            select(RUN.c.number, *columns, RUN.c.totals, RUN.c.failed,
                   CONTENT.c.digest.label("outcomes"))
            .join_from(RUN, CONTENT, RUN.c.outcomes == CONTENT.c.number)
            .order_by(RUN.c.started, RUN.c.id))
        return [{**row._mapping, "totals": json.loads(row.totals)} for row in rows]

    def outcomes(self, digest):
        """[[requirement, format or "-", verdict], ...] of a head's "outcomes"."""
        (rows, letters), = self._tables(CONTENT.c.digest == digest).values()
        return [[*row, VERDICT_OF[letter]] for row, letter in zip(rows, letters)]

    def all_outcomes(self):
        """([(requirement, format), ...], {digest: array}): of every digest the indices, in
        model.VERDICTS, of the verdicts in these rows; -1: it has no such row."""
        tables = self._tables(true())
        rows = sorted({tuple(row) for rows in {id(t[0]): t[0] for t in tables.values()}.values()
                       for row in rows})
        where = {row: i for i, row in enumerate(rows)}
        code = np.full(128, -1, dtype=np.int8)
        for letter, verdict in VERDICT_OF.items():
            code[ord(letter)] = VERDICTS.index(verdict)
        places, arrays = {}, {}
        for digest, (own, letters) in tables.items():
            if id(own) not in places:
                places[id(own)] = np.array([where[tuple(row)] for row in own], dtype=np.int64)
            arrays[digest] = np.full(len(rows), -1, dtype=np.int8)
            arrays[digest][places[id(own)]] = code[np.frombuffer(letters.encode("ascii"),
                                                                 dtype=np.uint8)]
        return rows, arrays

    def _tables(self, which):
        """Digest of outcomes -> (rows, letters); rows that are the same are one object."""
        is_outcomes = CONTENT.c.number.in_(select(RUN.c.outcomes))
        letters = self._contents(which & is_outcomes)
        wanted = CONTENT.c.number.in_(select(RUN.c.rows).join_from(
            RUN, CONTENT, RUN.c.outcomes == CONTENT.c.number).where(which))
        rows = {digest: json.loads(data) for digest, data in self._contents(wanted).items()}
        return {digest: (rows[data[:64].decode()], data[65:].decode())
                for digest, data in letters.items()}

    def _contents(self, which):
        """Digest -> bytes."""
        rows = self._read(select(CONTENT.c.digest, CONTENT.c.data).where(which))
        for digest, data in rows:
            if sha256(data) != digest:
                raise ReportError(f"{self.name} is damaged: the content {digest[:16]} is not "
                                  "what was stored")
        return dict(map(tuple, rows))

    def failures(self, run):
        """[[requirement, config, test, verdict, message], ...] of the run of that id."""
        number = select(RUN.c.failures).where(RUN.c.id == run).scalar_subquery()
        for data in self._contents(CONTENT.c.number == number).values():
            return json.loads(data)
        raise ReportError(f"there is no run {run} in {self.name}")

    def series(self):
        """[{"number", "target", "argument", "machine", "cpu", "host", "name", "metric"}, ...]"""
        rows = self._read(select(SERIES.c.number, *(SERIES.c[k] for k in WHERE), SERIES.c.name,
                                 SERIES.c.metric).order_by(SERIES.c.number))
        return [dict(row._mapping) for row in rows]

    def measures(self, series):
        """Measures of the series of that number."""
        return self._arrays(MEASURE.c.series == series).get(series, Measures(
            np.zeros(0, dtype=np.int64), *(np.zeros(0),) * 3, np.zeros(0, dtype=np.int64)))

    def all_measures(self):
        """A series' number -> Measures, of all."""
        return self._arrays(true())

    def _arrays(self, which):
        columns = self._read(select(MEASURE).where(which), columns_of)
        if not columns:
            return {}
        table = dict(zip(MEASURE.c.keys(), columns))
        runs, series = table["run"].astype(np.int64), table["series"].astype(np.int64)
        numbers = [number for number, in self._read(
            select(RUN.c.number).order_by(RUN.c.started, RUN.c.id))]
        place = np.zeros(1 + max(runs.max(), *numbers), dtype=np.int64)
        place[numbers] = np.arange(len(numbers))
        order = np.lexsort((place[runs], series))
        series = series[order]
        columns = [c[order] for c in (runs, table["value"], table["low"], table["high"],
                                      table["samples"].astype(np.int64))]
        starts = np.flatnonzero(np.diff(series)) + 1
        return {int(series[i]): Measures(*(c[i:j] for c in columns))
                for i, j in zip([0, *starts], [*starts, len(series)])}

    def record(self, run):
        """All of a run, as it was added; ReportError: there is none of that id."""
        rows = self._read(select(*(RUN.c[k] for k in HEAD), RUN.c.totals, CONTENT.c.digest)
                          .join_from(RUN, CONTENT, RUN.c.outcomes == CONTENT.c.number)
                          .where(RUN.c.id == run))
        failures = self.failures(run)
        measures = self._read(
            select(SERIES.c.name, SERIES.c.metric, MEASURE.c.value, MEASURE.c.low,
                   MEASURE.c.high, MEASURE.c.samples)
            .join_from(MEASURE, SERIES, MEASURE.c.series == SERIES.c.number)
            .join(RUN, MEASURE.c.run == RUN.c.number).where(RUN.c.id == run))
        head = rows[0]._mapping
        return settled({**{k: head[k] for k in HEAD}, "totals": json.loads(head["totals"]),
                        "outcomes": self.outcomes(head["digest"]), "failures": failures,
                        "measures": [list(m) for m in measures]})


def columns_of(result):
    """The columns of many rows, as arrays of doubles; small parts keep memory small."""
    arrays = [[np.array(column, dtype=float) for column in zip(*part)]
              for part in result.partitions(AT_ONCE)]
    return [np.concatenate(column) for column in zip(*arrays)]


def parts(rows):
    return [rows[i:i + AT_ONCE] for i in range(0, len(rows), AT_ONCE)]
