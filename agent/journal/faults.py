"""SQLite's errors in the words of Pierhead: disk full, locked, unusable file. Corruption is told apart, as it is mended
by the journal itself.
"""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

from agent.core.reasons import Reason
from agent.errors import Transient

_CORRUPT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})
_UNUSABLE = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_IOERR})
_LITTLE = 1024 * 1024


def is_corrupt(error: sqlite3.Error) -> bool:
    """Whether the file itself is broken, as against busy or out of reach."""
    return _code(error) in _CORRUPT


def explain(error: sqlite3.Error, path: Path) -> Exception:
    """The error to raise for one of SQLite's; what is no outside condition is a bug and is returned as it is."""
    code = _code(error)
    if code == sqlite3.SQLITE_FULL or (code in _UNUSABLE and _disk_is_full(path)):
        return disk_full(path)
    if code in _LOCKED:
        return Transient(
            Reason.JOURNAL_UNAVAILABLE,
            f"journal {path}: another process has locked it",
            advice=f"find it with `fuser {path}` and let it finish; the agent goes on by itself",
        )
    if code in _UNUSABLE:
        return Transient(
            Reason.JOURNAL_UNAVAILABLE,
            f"journal {path}: cannot be opened or written ({error})",
            advice=f"make {path.parent} a folder that the agent's user owns, on a file system mounted read-write",
        )
    return error


def disk_full(path: Path) -> Transient:
    return Transient(
        Reason.DISK_FULL,
        f"journal {path}: the disk is full",
        advice=f"free some space on the file system of {path.parent} (`df -h {path.parent}`);"
        " the agent keeps its events in memory and goes on by itself",
    )


def _code(error: sqlite3.Error) -> int | None:
    """The primary result code: the low byte of the extended one. Python's own errors have none."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _disk_is_full(path: Path) -> bool:
    try:
        return shutil.disk_usage(path.parent).free < _LITTLE
    except OSError:
        return False
