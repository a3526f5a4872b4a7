"""One SQLite connection, guarded by one lock: the only place that runs SQL on the journal's file.

WAL, so that another process reads while the agent writes. With `synchronous=NORMAL` a commit survives `kill -9` of
the agent, but the last ones may not survive a power cut; `durable` work pays one fsync to survive that too. A corrupt
file is moved aside, what can be read is carried over, and `notes` says so; the work is then done on the fresh file.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from agent.core.reasons import Reason
from agent.errors import Transient
from agent.journal import faults
from agent.journal.migrations import migrate
from agent.journal.salvage import salvage

Result = TypeVar("Result")
Work = Callable[[sqlite3.Connection], Result]

BUSY_SECONDS = 2.0
_WAL_LIMIT = 16 * 1024 * 1024
_CHECKPOINT_PAGES = _WAL_LIMIT // 4096
_ROWS_AT_ONCE = 500


class Database:
    """Runs work in transactions; raises Transient and Stalled, and sqlite3's own errors only for bugs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notes: tuple[str, ...] = ()
        self._lock = threading.RLock()
        self._closed = False
        self._connection: sqlite3.Connection | None = None
        self._durable: bool | None = None
        self._run(lambda _: None)

    def read(self, work: Work[Result]) -> Result:
        """Do work that only reads."""
        return self._run(work)

    def write(self, work: Work[Result], *, durable: bool = False) -> Result:
        """Do work as one transaction: all of it, or nothing when it raises."""
        return self._run(lambda connection: self._transaction(connection, work, durable=durable))

    def version_of_others(self) -> int:
        """A number that changes with each commit that another connection, as of another process, makes."""
        return self._run(lambda connection: int(connection.execute("PRAGMA data_version").fetchone()[0]))

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._disconnect()

    def _run(self, work: Work[Result]) -> Result:
        with self._lock:
            if self._closed:
                raise Transient(Reason.JOURNAL_UNAVAILABLE, f"journal {self.path}: it is closed")
            try:
                return self._attempt(work)
            except sqlite3.Error as error:
                raise faults.explain(error, self.path) from error
            except OSError as error:
                raise _unusable(error, self.path) from error

    def _attempt(self, work: Work[Result]) -> Result:
        """Do the work; when the file turns out to be corrupt, once more on a fresh one."""
        try:
            return work(self._connect())
        except sqlite3.DatabaseError as error:
            if not faults.is_corrupt(error):
                raise
            self._replace(str(error))
        return work(self._connect())

    def _connect(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection, self._durable = _open(self.path), None
        return self._connection

    def _transaction(self, connection: sqlite3.Connection, work: Work[Result], *, durable: bool) -> Result:
        if self._durable is not durable:
            connection.execute("PRAGMA synchronous = FULL" if durable else "PRAGMA synchronous = NORMAL")
            self._durable = durable
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(connection)
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        return result

    def _disconnect(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _replace(self, found: str) -> None:
        self._disconnect()
        aside = _move_aside(self.path)
        saved = salvage(aside, self._connect())
        note = f"expected an SQLite file, found a corrupt one ({found}); moved it to {aside.name}"
        self.notes += (f"journal {self.path}: {note} and went on with the {saved} records that could be read",)


def insert(connection: sqlite3.Connection, into: str, rows: Sequence[tuple[object, ...]]) -> None:
    """Insert many rows by few statements, where `executemany` runs one a row.

    Each statement gives the interpreter away and, in a busy process, waits for milliseconds to get it back.
    """
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        chunk = rows[start : start + _ROWS_AT_ONCE]
        marks = ",".join(["(" + ",".join("?" * len(chunk[0])) + ")"] * len(chunk))
        connection.execute(f"{into} VALUES {marks}", [value for row in chunk for value in row])


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL").fetchone()
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_LIMIT}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        migrate(connection, path)
        connection.execute("SELECT sequence FROM flushed").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _move_aside(path: Path) -> Path:
    """Rename the file and what SQLite keeps beside it; return the new name."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    aside = path.with_name(f"{path.name}.corrupt-{stamp}-{time.monotonic_ns()}")
    for suffix in ("", "-wal", "-shm"):
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            beside.rename(aside.with_name(aside.name + suffix))
    return aside


def _unusable(error: OSError, path: Path) -> Transient:
    return Transient(
        Reason.JOURNAL_UNAVAILABLE,
        f"journal {path}: {error.strerror or error}",
        advice=f"make {path.parent} a folder that the agent's user can write to",
    )
