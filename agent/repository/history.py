"""Reads what hosts wrote back, from any clone: the newest status of each, their events and deliveries by time.

A host's refs may be local, remote-tracking or in the agent's own mirror; the newest wins. Everything read was written
by somebody else: what cannot be understood is left out, or shown as such, and never trusted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pygit2

from agent.core.reasons import Reason
from agent.errors import Stalled
from agent.repository.library import BROKEN, prepare
from agent.repository.refs import UPDATES, decode
from agent.repository.segments import numbers_by_day, segment_name
from agent.repository.trees import blob, subtree

_BRANCH = re.compile(r"^refs/(?:heads|remotes/[^/]+|pierhead/remote/heads)/pierhead/([^/]+)$")
_NOTES = re.compile(r"^refs/(?:pierhead/remote/)?notes/pierhead/([^/]+)$")

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Tip:
    """The newest commit found for one host, and whether it is of the branch or of the notes."""

    commit: pygit2.Commit
    time: int


class History:
    """The write-back refs of a repository at or above `path`, read as they are at each call."""

    def __init__(self, path: Path) -> None:
        prepare(60.0)
        found = pygit2.discover_repository(str(path)) if path.exists() else None
        if found is None:
            raise Stalled(
                Reason.REPOSITORY_UNREACHABLE,
                f"expected a git repository at {path}, found none",
                advice="run this inside a clone of the config repository, or name one with --repo",
            )
        self._repository = pygit2.Repository(found)
        self._branches: dict[str, _Tip] = {}
        self._notes: dict[str, _Tip] = {}
        self.refresh()

    def refresh(self) -> None:
        """Look at the refs again."""
        self._branches, self._notes = {}, {}
        for name in self._repository.references:
            branch, notes = _BRANCH.match(name), _NOTES.match(name)
            if branch and branch[1] != UPDATES:
                self._keep(self._branches, decode(branch[1]), name)
            elif notes:
                self._keep(self._notes, decode(notes[1]), name)

    def _keep(self, tips: dict[str, _Tip], host: str, name: str) -> None:
        try:
            commit = self._repository.references[name].peel(pygit2.Commit)
        except BROKEN:
            return
        if host not in tips or tips[host].time < commit.commit_time:
            tips[host] = _Tip(commit, commit.commit_time)

    def hosts(self) -> tuple[str, ...]:
        """The names of all hosts that wrote something."""
        return tuple(sorted(self._branches.keys() | self._notes.keys()))

    def status(self, host: str) -> Record | None:
        """The newest status of a host as JSON; None where there is none that can be read."""
        found = [record for record in (self._branch_status(host), *self._noted(host)) if record is not None]
        return max(found, key=lambda record: str(record.get("updated_at", "")), default=None)

    def _branch_status(self, host: str) -> Record | None:
        tip = self._branches.get(host)
        return _parsed(blob(tip.commit.tree, "status.json") or b"") if tip else None

    def _noted(self, host: str) -> Iterator[Record | None]:
        """The notes that the newest commit of the notes ref wrote."""
        tip = self._notes.get(host)
        if tip is None:
            return
        before = tip.commit.parents[0].tree if tip.commit.parents else None
        tree = tip.commit.tree
        difference = tree.diff_to_tree(before, swap=True) if before is not None else tree.diff_to_tree(swap=True)
        for delta in difference.deltas:
            if delta.new_file.id in self._repository:
                yield _parsed(self._repository[delta.new_file.id].read_raw())

    def events(self, host: str, since: str = "") -> Iterator[Record]:
        """The events of a host, newest first, back to the time `since` (RFC 3339); read as far as they are taken."""
        return self._entries(host, "events", since)

    def deliveries(self, host: str, since: str = "") -> Iterator[Record]:
        """The deliveries of a host, likewise."""
        return self._entries(host, "deliveries", since)

    def _entries(self, host: str, name: str, since: str) -> Iterator[Record]:
        tip = self._branches.get(host)
        folder = subtree(tip.commit.tree, name) if tip else None
        if folder is None:
            return
        days = numbers_by_day(entry.name or "" for entry in folder)
        for day in sorted(days, reverse=True):
            if day < since[:10]:
                return
            for number in reversed(days[day]):
                lines = (_parsed(one) for one in (blob(folder, segment_name(day, number)) or b"").splitlines())
                entries = [one for one in lines if one is not None and order(one) >= (since, "")]
                yield from sorted(entries, key=order, reverse=True)


def order(event: Record) -> tuple[str, str]:
    """By time, then by id."""
    return str(event.get("time", "")), str(event.get("id", ""))


def _parsed(content: bytes) -> Record | None:
    try:
        record = json.loads(content)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None
