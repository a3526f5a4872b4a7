"""Writes status, events and deliveries to git: one note, one commit, one push, and only when something changed.

A flush can be repeated at any time: what is written already is not written again. Each host has refs of its own.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pygit2

from agent.core.deliveries import DeliveryRecord, tally
from agent.core.eventlog import Event
from agent.core.reasons import Reason
from agent.core.status import HostStatus
from agent.core.status_text import headline, markdown, one_line
from agent.errors import Moved, Transient
from agent.ports import Clock
from agent.repository.destination import Destination
from agent.repository.library import BROKEN
from agent.repository.refs import branch_of, encode, notes_of
from agent.repository.segments import Entry, appended, expired
from agent.repository.trees import blob, changed, read_note, subtree, with_note
from agent.repository.urls import redact
from agent.settings import WriteBackSettings

TRIES = 3
TOLD = 20
RETENTION_DAYS = 30
_COMMIT = re.compile(r"^[0-9a-f]{40}$")


@dataclass(frozen=True, slots=True)
class _News:
    """What one flush is about."""

    status: HostStatus
    content: bytes
    events: tuple[Event, ...]
    deliveries: tuple[DeliveryRecord, ...]


class GitRecorder:
    """Implements `ports.Recorder`. `retention` is in days and may be changed at any time."""

    def __init__(self, destination: Destination, host: str, settings: WriteBackSettings, clock: Clock) -> None:
        self._destination = destination
        self._host = host
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self.retention = RETENTION_DAYS

    def flush(self, status: HostStatus, events: Iterable[Event], deliveries: Iterable[DeliveryRecord] = ()) -> None:
        """Write what is new. Raises Transient or Stalled; the same call again later loses and doubles nothing."""
        status = replace(status, repository=redact(status.repository))
        news = _News(status, _json(status), tuple(events), tuple(deliveries))
        with self._lock:
            for _ in range(TRIES):
                if self._try(news):
                    return
        raise Transient(
            Reason.PUSH_REJECTED,
            f"the refs of host {self._host} keep moving",
            advice="another agent seems to write under the same host name: give each its own",
        )

    def _try(self, news: _News) -> bool:
        try:
            updates = self._updates(news)
            if updates:
                self._destination.publish(updates)
        except Moved:
            self._destination.refresh()
            return False
        except BROKEN as error:
            why = str(error)
        else:
            return True
        if self._destination.repair(why):
            return False
        message = f"status and events cannot be written: {why}"
        raise Transient(Reason.WRITE_BACK_FAILED, message, advice="check free space and permissions")

    def _updates(self, news: _News) -> dict[str, pygit2.Oid]:
        """The refs that have to move, and where to."""
        repository = self._destination.repository()
        updates: dict[str, pygit2.Oid] = {}
        if self._settings.notes:
            self._note(repository, news, updates)
        if self._settings.branch:
            self._branch(repository, news, updates)
        return updates

    def _note(self, repository: pygit2.Repository, news: _News, updates: dict[str, pygit2.Oid]) -> None:
        target = _noted_commit(repository, news.status.revision)
        if target is None:
            return
        ref = notes_of(self._host)
        tip = self._destination.tip(ref)
        tree = _tree(repository, tip)
        if not _same(read_note(tree, target), news.content):
            noted = with_note(repository, tree, target, news.content)
            updates[ref] = self._commit(repository, tip, noted, self._summary(news.status))

    def _branch(self, repository: pygit2.Repository, news: _News, updates: dict[str, pygit2.Oid]) -> None:
        ref = branch_of(self._host)
        tip = self._destination.tip(ref)
        tree = _tree(repository, tip)
        entries: dict[str, pygit2.Oid | bytes | None] = {}
        if not _same(blob(tree, "status.json"), news.content):
            entries |= {"status.json": news.content, "STATUS.md": markdown(news.status).encode("utf-8", "replace")}
        told: list[str] = []
        if (events := self._segments(repository, subtree(tree, "events"), news.events)) is not None:
            entries["events"] = events
            told += _told(news.events)
        if (deliveries := self._segments(repository, subtree(tree, "deliveries"), news.deliveries)) is not None:
            entries["deliveries"] = deliveries
            told.append(f"- deliveries: {tally(news.deliveries)}")
        if entries:
            message = "\n".join([self._summary(news.status), "", *told]).rstrip() + "\n"
            updates[ref] = self._commit(repository, tip, changed(repository, tree, entries), message)

    def _segments(
        self, repository: pygit2.Repository, folder: pygit2.Tree | None, fresh: Sequence[Entry]
    ) -> pygit2.Oid | None:
        """The new folder, None when nothing is added; old segments go when something is."""
        added = appended(folder, fresh)
        if not added:
            return None
        names = [entry.name or "" for entry in folder] if folder is not None else []
        today = datetime.fromtimestamp(self._clock.now(), tz=UTC).date()
        return changed(repository, folder, {**expired(names, today, self.retention), **added})

    def _commit(
        self, repository: pygit2.Repository, parent: pygit2.Oid | None, tree: pygit2.Oid, message: str
    ) -> pygit2.Oid:
        who = pygit2.Signature("Pierhead", f"pierhead@{encode(self._host)}", int(self._clock.now()), 0, "utf-8")
        valid = message.encode("utf-8", "replace").decode()
        return repository.create_commit(None, who, who, valid, tree, [parent] if parent is not None else [])

    def _summary(self, status: HostStatus) -> str:
        at = f" at {status.revision[:12]}" if status.revision else ""
        return f"{one_line(self._host)}: {headline(status)}{at}"


def _json(status: HostStatus) -> bytes:
    text = json.dumps(status.as_dict(), indent=2, ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace") + b"\n"


def _same(old: bytes | None, new: bytes) -> bool:
    """Whether two statuses differ in nothing but the time they were written."""
    return old is not None and _timeless(old) == _timeless(new)


def _timeless(content: bytes) -> object:
    try:
        record = json.loads(content)
    except ValueError:
        return None
    return {key: value for key, value in record.items() if key != "updated_at"} if isinstance(record, dict) else None


def _noted_commit(repository: pygit2.Repository, revision: str | None) -> str | None:
    """The commit to put the note on: the config commit; for uncommitted files the one they are based on."""
    if revision is None or _COMMIT.match(revision):
        return revision
    return None if repository.head_is_unborn else str(repository.head.peel(pygit2.Commit).id)


def _tree(repository: pygit2.Repository, commit: pygit2.Oid | None) -> pygit2.Tree | None:
    return repository[commit].peel(pygit2.Tree) if commit is not None else None


def _told(events: Sequence[Event]) -> list[str]:
    """The first events as lines of the commit message."""
    lines = [f"- {_about(one)}{one.reason}: {one_line(one.message)[:200]}" for one in events[:TOLD]]
    return [*lines, f"- and {len(events) - TOLD} more"] if len(events) > TOLD else lines


def _about(event: Event) -> str:
    return f"{event.workload}: " if event.workload else ""
