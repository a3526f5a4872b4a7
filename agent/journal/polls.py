"""What pollers know of what they watch, as they serialised it. Losing the newest costs one more look, so no fsync."""

from __future__ import annotations

import json
from collections.abc import Iterable

from agent.journal.database import Database


class PollTable:
    """States by key."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, key: str, state: bytes) -> None:
        self._database.write(
            lambda connection: connection.execute("INSERT OR REPLACE INTO polls VALUES (?, ?)", (key, state))
        )

    def load(self, key: str) -> bytes | None:
        query = "SELECT state FROM polls WHERE key = ?"
        row = self._database.read(lambda connection: connection.execute(query, (key,)).fetchone())
        return None if row is None else row[0]

    def forget_others(self, keep: Iterable[str]) -> None:
        """Forget all but these; writes only if there is any other."""
        rest, wanted = "FROM polls WHERE key NOT IN (SELECT value FROM json_each(?))", (json.dumps(list(keep)),)
        if self._database.read(lambda connection: connection.execute(f"SELECT 1 {rest}", wanted).fetchone()):
            self._database.write(lambda connection: connection.execute(f"DELETE {rest}", wanted))
