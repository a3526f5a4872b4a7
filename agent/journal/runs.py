"""Runs of one-off containers, with what came of them. An open run is never pruned: it stands for a container."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict

from agent.core.runs import Run
from agent.journal import codec
from agent.journal.database import Database


class RunTable:
    """In the order in which they were first saved."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, run: Run) -> None:
        """Insert or replace, at the cost of an fsync: a run that is forgotten would be started again."""
        row = (run.id, run.workload_id, run.is_open, codec.pack(asdict(run)))
        query = (
            "INSERT INTO runs (id, workload_id, open, body) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE"
            " SET workload_id = excluded.workload_id, open = excluded.open, body = excluded.body"
        )
        self._database.write(lambda connection: connection.execute(query, row), durable=True)

    def recent(self, workload_id: str | None, limit: int) -> tuple[Run, ...]:
        """Newest first."""
        if workload_id is None:
            return self._select("SELECT body FROM runs ORDER BY sequence DESC LIMIT ?", (limit,))
        query = "SELECT body FROM runs WHERE workload_id = ? ORDER BY sequence DESC LIMIT ?"
        return self._select(query, (workload_id, limit))

    def open(self) -> tuple[Run, ...]:
        """Those that are not over, oldest first."""
        return self._select("SELECT body FROM runs WHERE open = 1 ORDER BY sequence", ())

    def keep(self, workload_id: str, count: int) -> None:
        """Forget what ended, beyond the newest `count` of a workload."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "DELETE FROM runs WHERE workload_id = ?1 AND open = 0 AND sequence NOT IN"
                " (SELECT sequence FROM runs WHERE workload_id = ?1 ORDER BY sequence DESC LIMIT ?2)",
                (workload_id, count),
            )

        self._database.write(work)

    def _select(self, query: str, values: tuple[object, ...]) -> tuple[Run, ...]:
        rows = self._database.read(lambda connection: connection.execute(query, values).fetchall())
        return tuple(codec.unpack(Run, body) for (body,) in rows)
