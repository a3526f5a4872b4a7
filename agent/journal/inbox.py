"""The inbox: accepted events until they are acted upon, and the keys by which a delivery is known again.

A key is known while the delivery that brought it is pending and, once all of it is done, until its time is over; when
one of its events failed it is free as soon as nothing of that delivery is pending. Whatever a batch brings is decided
in its order, by one statement a table.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from agent.core.inbox import Received
from agent.journal import codec
from agent.journal.database import Database, insert
from agent.ports import Clock
from agent.ports_journal import Post

KEEP_SETTLED = 5_000
PRUNE_EVERY = 500

_KNOWN = (
    "SELECT key FROM inbox_keys WHERE key IN ({marks}) AND (until > ?"
    " OR EXISTS (SELECT 1 FROM inbox WHERE inbox.receipt = inbox_keys.receipt AND inbox.state = 'pending'))"
)
_PRUNE_EVENTS = (
    "DELETE FROM inbox WHERE state <> 'pending' AND sequence <="
    " (SELECT sequence FROM inbox WHERE state <> 'pending' ORDER BY sequence DESC LIMIT 1 OFFSET ?)"
    " AND sequence NOT IN (SELECT max(sequence) FROM inbox GROUP BY trigger)"
)
_PRUNE_KEYS = (
    "DELETE FROM inbox_keys WHERE until <= ? AND receipt NOT IN (SELECT receipt FROM inbox WHERE state = 'pending')"
)


@dataclass(frozen=True, slots=True)
class Parcel:
    """One delivery on its way into the inbox, ready to be stored; `stored` gets whether it was new, through `post`."""

    events: tuple[tuple[str, str, str, str], ...] = ()
    keys: tuple[tuple[bytes, str, float], ...] = ()
    post: Post | None = None
    stored: Future[bool] = field(default_factory=Future)


def parcel(received: Sequence[Received], keys: Sequence[str], until: float, post: Post | None = None) -> Parcel:
    """Work that needs no lock, done in the caller's thread. Keys are hashed, as their length is the sender's choice."""
    receipt = received[0].id if received else ""
    return Parcel(
        events=tuple((one.id, receipt, codec.plain(one.trigger), codec.pack_received(one)) for one in received),
        keys=tuple((_digest(key), receipt, until) for key in keys),
        post=post,
    )


class InboxTable:
    """`pending_events` and all that settles them; storing is done by `InboxWriter`, for many at once."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._settled = PRUNE_EVERY  # a process that lives shortly prunes too

    def store(self, connection: sqlite3.Connection, parcels: Sequence[Parcel]) -> list[bool]:
        """Store what is new, in order; return for each whether it was."""
        known = self._known(connection, parcels)
        answers: list[bool] = []
        events: list[tuple[str, str, str, str]] = []
        keys: list[tuple[bytes, str, float]] = []
        for one in parcels:
            new = known.isdisjoint(key for key, _, _ in one.keys)
            answers.append(new)
            if new and one.events:
                known.update(key for key, _, _ in one.keys)
                events.extend(one.events)
                keys.extend(one.keys)
        insert(connection, "INSERT OR IGNORE INTO inbox (id, receipt, trigger, body)", events)
        insert(connection, "INSERT OR REPLACE INTO inbox_keys (key, receipt, until)", keys)
        return answers

    def _known(self, connection: sqlite3.Connection, parcels: Sequence[Parcel]) -> set[bytes]:
        asked = [key for one in parcels for key, _, _ in one.keys]
        query = _KNOWN.format(marks=",".join("?" * len(asked)))
        return {key for (key,) in connection.execute(query, (*asked, self._clock.now()))} if asked else set()

    def pending(self, limit: int) -> tuple[Received, ...]:
        """Those that are due, oldest first."""
        query = (
            "SELECT id, attempts, body FROM inbox WHERE state = 'pending' AND due <= ? ORDER BY sequence LIMIT ?",
            (self._clock.now(), limit),
        )
        rows = self._database.read(lambda connection: connection.execute(*query).fetchall())
        return tuple(codec.unpack_received(*row) for row in rows)

    def settle(self, ids: Sequence[str], outcome: str, *, failed: bool) -> None:
        """They are acted upon, or never will be. What is settled already stays as it is."""
        wanted, state = json.dumps(list(ids)), "failed" if failed else "done"

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE inbox SET state = ?, outcome = ? WHERE id IN (SELECT value FROM json_each(?))"
                " AND state = 'pending'",
                (state, codec.plain(outcome), wanted),
            )
            if failed:
                connection.execute(
                    "UPDATE inbox_keys SET until = 0 WHERE receipt IN (SELECT receipt FROM inbox"
                    " WHERE id IN (SELECT value FROM json_each(?)) AND state = 'failed')",
                    (wanted,),
                )
            self._prune(connection, len(ids))

        self._database.write(work)

    def postpone(self, ids: Sequence[str], until: float, why: str) -> None:
        """Come back to them at `until` (epoch seconds)."""
        values = (until, codec.plain(why), json.dumps(list(ids)))
        self._database.write(
            lambda connection: connection.execute(
                "UPDATE inbox SET attempts = attempts + 1, due = ?, outcome = ?"
                " WHERE id IN (SELECT value FROM json_each(?)) AND state = 'pending'",
                values,
            )
        )

    def fate(self, event_id: str) -> tuple[str, str] | None:
        """Whether an event is pending, done or failed, and its outcome in words; None for one that is not here."""
        query = "SELECT state, outcome FROM inbox WHERE id = ?"
        row = self._database.read(lambda connection: connection.execute(query, (event_id,)).fetchone())
        return None if row is None else (row[0], row[1] or "")

    def newest_id(self) -> str:
        """The greatest id as it was given, less what copies of events bear behind it; empty where there is none."""
        query = "SELECT max(substr(id, 1, 26)) FROM inbox"
        return self._database.read(lambda connection: connection.execute(query).fetchone())[0] or ""

    def depth(self) -> int:
        """How many are pending, due or not."""
        query = "SELECT count(*) FROM inbox WHERE state = 'pending'"
        return int(self._database.read(lambda connection: connection.execute(query).fetchone())[0])

    def last(self, trigger: str) -> Received | None:
        """The newest of a trigger, settled or not."""
        query = "SELECT id, attempts, body FROM inbox WHERE trigger = ? ORDER BY sequence DESC LIMIT 1"
        values = (codec.plain(trigger),)
        row = self._database.read(lambda connection: connection.execute(query, values).fetchone())
        return None if row is None else codec.unpack_received(*row)

    def _prune(self, connection: sqlite3.Connection, settled: int) -> None:
        """Once in a while; the newest event of each trigger stays, however long ago it came."""
        self._settled += settled
        if self._settled < PRUNE_EVERY:
            return
        self._settled = 0
        connection.execute(_PRUNE_EVENTS, (KEEP_SETTLED,))
        connection.execute(_PRUNE_KEYS, (self._clock.now(),))


def _digest(key: str) -> bytes:
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()
