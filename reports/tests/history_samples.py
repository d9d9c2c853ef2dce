# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Records of a history; a PostgreSQL of our own; and what a database holds, by plain SQL.

What is read here is read without history_store.py: schema and letters are those of
history_migrations/ and of the words in that file, written down once more.
"""

import hashlib
import json
import os
import pwd
import shutil
import sqlite3
import subprocess
import tempfile
import time
import zlib
from pathlib import Path

FORMATS = ["amd-v1", "vtd-ss", "arm-s1-4k"]
LETTER = dict(zip("PFSxXHW!c-", ["PASS", "FAIL", "SKIP", "XFAIL", "XPASS", "HANG", "WAIVED",
                                 "CRASH", "NOT_CAPABLE", "NOT_RUN"]))


def run_id(number):
    return hashlib.md5(f"run {number}".encode(), usedforsecurity=False).hexdigest()


def record(number, rows=20, measures=5, failing=(), **more):
    """The run of that number; @failing: which of its rows do not hold."""
    outcomes = [[f"REPORT-{1 + k // 3:03}", FORMATS[k % 3], "FAIL" if k in failing else "PASS"]
                for k in range(rows)]
    return {"id": run_id(number), "kind": "conform",
            "started": f"2026-{1 + number // 1000 % 12:02}-{1 + number // 40 % 25:02}"
                       f"T{number % 40 // 2:02}:{number % 2 * 30:02}:00Z",
            "target": "ref", "argument": None, "kernel": "6.12.94", "machine": "x86_64",
            "cpu": "a processor", "host": "box", "iodirty": "0.1.0", "commit": "c" * 40,
            "clean": True, "subject": "c" * 40, "url": "", "verdict":
            "FAILED" if failing else "PASSED",
            "totals": {"PASS": rows - len(failing), "FAIL": len(failing)}, "outcomes": outcomes,
            "failures": [[r, f"{f}/4K", "some_test", v, f"at 0x{number:x}"]
                         for r, f, v in outcomes if v == "FAIL"],
            "measures": [[f"harvest/amd-v1/4K/{k}%", "x_floor", 1 + k / 8 + number / 1024,
                          None, 2.5 if k % 2 else None, 21] for k in range(measures)], **more}


# ---- PostgreSQL ----

def postgresql_programs():
    """Their folder, of the newest that is installed; None: there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"),
                   key=lambda p: int(p.parent.parent.name))
    return found[-1].parent if found else None


class Server:
    """with Server() as server: a PostgreSQL that listens on a socket in a private folder, and
    on nothing else; it ends with us, whatever becomes of us."""

    def __init__(self):
        self.programs = postgresql_programs()
        self.folder, self.process = Path(tempfile.mkdtemp(prefix="iodirty-pg-")), None
        self.user = pwd.getpwuid(os.getuid()).pw_name
        self.become = []
        if os.getuid() == 0:  # which initdb refuses
            names = {entry.pw_name for entry in pwd.getpwall()}
            self.user = "postgres" if "postgres" in names else "nobody"
            entry = pwd.getpwnam(self.user)
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
            self.become = ["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}",
                           "--clear-groups"]

    def run(self, program, *words, check=True):
        return subprocess.run([*self.become, self.programs / program, *words], check=check,
                              cwd=self.folder, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, timeout=60).returncode

    def __enter__(self):
        try:
            self.run("initdb", "-D", "data", "-A", "trust", "-U", "tester", "-E", "UTF8",
                     "--locale=C", "--no-sync")
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def start(self):
        """The kernel stops it (SIGQUIT: at once) when we die, or the thread that calls this."""
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig=QUIT", *self.become[1:], self.programs / "postgres",
                 "-D", "data", "-k", self.folder, "-c", "listen_addresses=", "-c", "fsync=off",
                 "-c", "max_connections=60"],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until = time.monotonic() + 30
        while self.run("pg_isready", "-q", "-h", self.folder, check=False):
            if time.monotonic() > until or self.process.poll() is not None:
                raise RuntimeError((self.folder / "log").read_text(errors="replace")[-2000:])
            time.sleep(0.05)

    def stop(self):
        """Without warning its clients, or finishing anything."""
        self.run("pg_ctl", "-D", "data", "-m", "immediate", "stop")
        self.process.wait(30)

    def create(self, name):
        """The address of a new, empty schema: as good as a database, and made sooner."""
        connection = connect(self.address("postgres"))
        connection.cursor().execute(f"CREATE SCHEMA {name}")
        connection.commit()
        connection.close()
        return f"{self.address('postgres')}&options=-csearch_path%3D{name}"

    def address(self, database, password=""):
        return f"postgresql://tester{password and ':'}{password}@/{database}?host={self.folder}"

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.run("pg_ctl", "-D", "data", "-m", "immediate", "stop", check=False)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


# ---- what is stored ----

def connect(address):
    """A connection of the driver's own."""
    if "://" not in str(address):
        return sqlite3.connect(address)
    import psycopg2  # here, so that SQLite is tested without it
    return psycopg2.connect(str(address))


def rows(address, query):
    connection = connect(address)
    try:
        cursor = connection.cursor()
        cursor.execute(query)
        return cursor.fetchall()
    finally:
        connection.close()


def stored(address):
    """Id -> what is stored of that run: (outcomes, failures, measures), and how often."""
    content = {number: zlib.decompress(bytes(data)) for number, data in
               rows(address, "SELECT number, data FROM content")}
    measures = {}
    for run, *row in rows(address, "SELECT m.run, s.name, s.metric, m.value, m.low, m.high, "
                          "m.samples FROM measure m JOIN series s ON s.number = m.series"):
        measures.setdefault(run, []).append(row)
    found = {}
    for number, run, names, outcomes, failures in rows(
            address, "SELECT number, id, rows, outcomes, failures FROM run"):
        letters = content[outcomes].decode().split("\n")[1]
        pairs = json.loads(content[names])
        assert len(letters) == len(pairs)
        found.setdefault(run, []).append((
            [[*pair, LETTER[letter]] for pair, letter in zip(pairs, letters)],
            json.loads(content[failures]), sorted(measures.get(number, []))))
    return found


def expected(records):
    """What stored() has to be."""
    return {r["id"]: [(sorted(r["outcomes"]), sorted(r["failures"]), sorted(r["measures"]))]
            for r in records}
