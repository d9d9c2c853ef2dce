# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
The database of a history: SQLite, or PostgreSQL; opening, migrations, transactions.

All that differs between the two is here. A caller hands transaction() a function that can
be called again: where the server goes away, or takes another's side in a deadlock, it is.

SQLite keeps its rollback journal (no WAL: one file, which can be copied as it is), and who
writes says so at BEGIN, so that nobody is refused in the middle; others wait. In PostgreSQL
who adds shares an advisory lock, and who migrates or removes has it alone. Neither waits for
long in a driver, where no signal is heeded: it waits here.
"""

import os
import re
import sqlite3
import stat
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

import alembic.command
import alembic.config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from model import ReportError, UsageError

MIGRATIONS = Path(__file__).resolve().parent / "history_migrations"
VERSION_TABLE = "iodirty_history_revision"
PATIENCE = 60  # seconds in which others may be done, or a server that is gone be back
LOCK_SECONDS = 2  # of them, waited for a lock at a time
LOCK = 0x696F6469727479  # "iodirty": the advisory lock's key


def default_address():
    """Where the history is if nobody says so."""
    home = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return os.environ.get("IODIRTY_HISTORY") or str(
        Path(home).expanduser() / "iodirty/history.db")


def open_database(address, say):
    """Of a file's path, or a postgresql:// address."""
    scheme, found, _ = str(address).partition("://")
    if not address:
        raise UsageError("the history has no name: give a file, or "
                         "postgresql://USER@HOST/DATABASE")
    if not found:
        return SQLite(address, say)
    if scheme not in ("postgresql", "postgres"):
        raise UsageError(f"{scheme}:// is no history: give a file, or "
                         "postgresql://USER@HOST/DATABASE")
    return PostgreSQL(str(address), say)


def migration_config(connection=None):
    config = alembic.config.Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


class Database:
    """What SQLite and PostgreSQL have in common; @name is fit to be printed."""

    def __init__(self, name, engine, say):
        self.name, self.engine, self.say = name, engine, say

    # ---- transactions ----

    def transaction(self, work, write=False, alone=False):
        """The value of @work(connection), in one transaction; ReportError: nothing of it
        was done. @alone: nobody else writes meanwhile."""
        def whole():
            with self._begin(write or alone, alone) as connection:
                return work(connection)
        return self._patiently(whole)

    @contextmanager
    def snapshot(self):
        """A connection in which several reads see the same state."""
        with ExitStack() as stack:
            connection = self._patiently(
                lambda: stack.enter_context(self._begin(False, False)))
            try:
                yield connection
            except SQLAlchemyError as error:
                raise ReportError(self.words(error)) from error

    @contextmanager
    def _begin(self, write, alone):
        with self.engine.connect() as connection:
            connection = connection.execution_options(iodirty_write=write)
            with connection.begin():
                self.lock(connection, write, alone)
                yield connection

    def _patiently(self, function):
        until = None
        while True:
            try:
                return function()
            except DBAPIError as error:
                words, now = self.words(error), time.monotonic()
                if not self.passes(error):
                    raise ReportError(words) from error
                if until is None:
                    until = now + PATIENCE
                    self.say(f"{words}; trying again for {PATIENCE} s")
                elif now > until:
                    raise ReportError(f"{words}; given up after {PATIENCE} s") from error
                time.sleep(0.2)
            except SQLAlchemyError as error:
                raise ReportError(self.words(error)) from error

    # ---- the schema ----

    def prepare(self, create):
        """Make the schema, or bring it up to date; ReportError: it is not ours, or newer, or,
        without @create, not there."""
        if self.transaction(self._outdated) is None and not create:
            raise ReportError(f"{self.name} holds no history yet: `iodirty history add` "
                              "makes one")
        if self.transaction(self._outdated) is not False:
            self.transaction(self._upgrade, alone=True)

    def _outdated(self, connection):
        """False: it is as this program has it; True: older; None: there is nothing yet."""
        tables = inspect(connection).get_table_names()
        if VERSION_TABLE not in tables:
            if tables:
                raise ReportError(f"{self.name} is no history of iodirty (it holds "
                                  f"“{sorted(tables)[0]}”): give another")
            return None
        revision = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE}).get_current_revision()
        script = ScriptDirectory.from_config(migration_config())
        if revision not in [s.revision for s in script.walk_revisions()]:
            raise ReportError(f"{self.name} is of a newer iodirty (revision {revision}; this one "
                              f"knows up to {script.get_current_head()}): take that one")
        return revision != script.get_current_head()

    def _upgrade(self, connection):
        """Under the lock; does nothing if another did it meanwhile."""
        alembic.command.upgrade(migration_config(connection), "head")

    # ---- what the two do each in its way ----

    def lock(self, connection, write, alone):
        """Called first in each transaction."""

    def passes(self, _error):
        """Is it worth trying again?"""
        return False

    def words(self, error):
        """A sentence on what went wrong."""
        cause = getattr(error, "orig", None) or error
        return f"{self.name}: {str(cause).strip().splitlines()[0]}"


class SQLite(Database):
    def __init__(self, path, say):
        self.path = Path(path)
        engine = create_engine("sqlite://", creator=self._connect, poolclass=NullPool, future=True)
        event.listen(engine, "begin", self._begin_event)
        super().__init__(str(path), engine, say)

    def _connect(self):
        connection = sqlite3.connect(f"file:{quote(str(self.path))}?mode=rw", uri=True,
                                     timeout=LOCK_SECONDS, isolation_level=None)
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    @staticmethod
    def _begin_event(connection):
        write = connection.get_execution_options().get("iodirty_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    def prepare(self, create):
        try:
            if create and not os.path.lexists(self.path):
                self.path.parent.mkdir(parents=True, exist_ok=True)
                os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o666))
            mode = os.stat(self.path).st_mode
            if not stat.S_ISREG(mode):
                raise ReportError(f"{self.name} is no file: give the history another name")
            with open(self.path, "rb") as file:
                start = file.read(16)
        except FileNotFoundError as error:
            raise ReportError(f"{self.name} is not there: `iodirty history add` makes a "
                              "history") from error
        except OSError as error:
            raise ReportError(f"{self.name}: {error.strerror}") from error
        if start not in (b"", b"SQLite format 3\0"):
            raise ReportError(f"{self.name} is no SQLite database, and so no history: "
                              "give another")
        super().prepare(create)

    def lock(self, connection, write, alone):
        if not write:  # so that it is waited for here, and not in the middle
            connection.exec_driver_sql("SELECT count(*) FROM sqlite_master")

    def passes(self, error):
        return "locked" in str(error.orig)

    def words(self, error):
        message = super().words(error)
        for pattern, more in (("locked", "another program has it"),
                              ("unable to open", "may its folder be written to?"),
                              ("malformed|not a database", "it is damaged")):
            if re.search(pattern, message):
                return f"{message}: {more}"
        return message


class PostgreSQL(Database):
    # A connection that failed has no SQLSTATE: what libpq says, in English since nobody sets
    # LC_MESSAGES, and what the server says as it starts or stops.
    AWAY = re.compile("refused|No such file|could not connect|closed the connection|timeout|"
                      "not accepting|starting up|shutting down|recovery|terminating|reset by|"
                      "Broken pipe|SSL SYSCALL|EOF|connection already closed")
    # Serialization, deadlock, connection, resources, a lock, an operator who intervenes.
    PASSING = re.compile("40001|40P01|08...|53300|55P03|57P0[123]")

    def __init__(self, address, say):
        try:
            url = make_url("postgresql+psycopg2://" + address.partition("://")[2])
        except (ArgumentError, ValueError) as error:
            raise UsageError("the postgresql:// address cannot be understood: it is "
                             "postgresql://USER@HOST:PORT/DATABASE") from error
        hidden = [url.password, *(v for k, v in url.query.items() if "password" in k)]
        self.secrets = [str(s) for s in hidden if s]
        name = url.set(drivername="postgresql", password=None, query={
            k: v for k, v in url.query.items() if "password" not in k})
        try:
            engine = create_engine(url, poolclass=NullPool, future=True, connect_args={
                "connect_timeout": 10, "application_name": "iodirty history"})
        except ImportError as error:
            raise ReportError("a history in PostgreSQL needs psycopg2: "
                              "apt-get install python3-psycopg2") from error
        super().__init__(self._scrub(name.render_as_string()), engine, say)

    def _scrub(self, message):
        for secret in self.secrets:
            message = message.replace(secret, "***").replace(quote(secret, safe=""), "***")
        return message

    def lock(self, connection, write, alone):
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
        if write:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)" if alone else
                                    "SELECT pg_advisory_xact_lock_shared(:key)"), {"key": LOCK})
        else:
            connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))

    def passes(self, error):
        state = getattr(error.orig, "pgcode", None)
        if state:
            return bool(self.PASSING.fullmatch(state))
        return error.connection_invalidated or bool(self.AWAY.search(str(error.orig)))

    def words(self, error):
        return self._scrub(super().words(error))
