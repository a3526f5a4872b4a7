"""What triggers did last, for people: the newest event of each, what it meant for each binding, and what waits.

Only memory: after a restart it fills again, and nothing that is decided depends on it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from agent.core.matching import Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """The newest event of one trigger: in words, its id, when (RFC 3339), and what it meant as a whole."""

    text: str
    event: str
    at: str
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """What the newest signal meant for one binding."""

    fired: bool
    why: str
    at: str
    event: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """An update that is not in git: both versions in words, and why it waits."""

    text: str
    why: str

    @property
    def words(self) -> str:
        return f"{self.text}: {self.why}" if self.why else self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """How looking by itself goes for one trigger: when last (RFC 3339), and why it does not work now."""

    at: str | None = None
    trouble: str = ""


@dataclass(slots=True)
class _Memory:
    heard: dict[str, Heard] = field(default_factory=dict)
    meant: dict[tuple[str, int], Meant] = field(default_factory=dict)
    pending: dict[str, Pending] = field(default_factory=dict)
    looked: dict[str, Looked] = field(default_factory=dict)


class TriggerBoard:
    """Thread-safe. Bindings are known by workload and number, pending updates by workload."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._memory = _Memory()

    def heard(self, trigger: str, heard: Heard) -> None:
        """An event of a trigger was dealt with."""
        with self._lock:
            self._memory.heard[trigger] = heard

    def meant(self, decisions: Iterable[Decision], at: str, event: str | None) -> list[Decision]:
        """What a signal meant; the result are those that say something else than the newest before."""
        news: list[Decision] = []
        with self._lock:
            for one in decisions:
                key = (one.workload, one.number)
                before = self._memory.meant.get(key)
                self._memory.meant[key] = Meant(fired=one.fired, why=one.why, at=at, event=event)
                if before is None or (before.fired, before.why) != (one.fired, one.why):
                    news.append(one)
        return news

    def wait(self, workload: str, text: str, why: str) -> bool:
        """An update waits; True when that is news."""
        with self._lock:
            pending = Pending(text=text, why=why)
            news = self._memory.pending.get(workload) != pending
            self._memory.pending[workload] = pending
            return news

    def arrived(self, workload: str) -> None:
        """Nothing waits for this workload any more."""
        with self._lock:
            self._memory.pending.pop(workload, None)

    def looked(self, triggers: Iterable[str], at: str) -> bool:
        """The agent looked and could; True when it could not before."""
        with self._lock:
            troubled = [name for name in triggers if self._memory.looked.get(name, Looked()).trouble]
            self._memory.looked |= {name: Looked(at=at) for name in triggers}
            return bool(troubled)

    def troubled(self, triggers: Iterable[str], trouble: str) -> bool:
        """The agent looked and could not; True when that is news."""
        news = False
        with self._lock:
            for name in triggers:
                known = self._memory.looked.get(name, Looked())
                news = news or known.trouble != trouble
                self._memory.looked[name] = replace(known, trouble=trouble)
        return news

    def keep(self, triggers: Iterable[str], workloads: Iterable[str]) -> None:
        """Forget what is not there any more."""
        names, alive = frozenset(triggers), frozenset(workloads)
        with self._lock:
            memory = self._memory
            memory.heard = {name: one for name, one in memory.heard.items() if name in names}
            memory.looked = {name: one for name, one in memory.looked.items() if name in names}
            memory.meant = {key: one for key, one in memory.meant.items() if key[0] in alive}
            memory.pending = {name: one for name, one in memory.pending.items() if name in alive}

    # Reading

    def heard_of(self, trigger: str) -> Heard | None:
        return self._memory.heard.get(trigger)

    def meant_for(self, workload: str, number: int) -> Meant | None:
        return self._memory.meant.get((workload, number))

    def looked_at(self, trigger: str) -> Looked:
        return self._memory.looked.get(trigger, Looked())

    @property
    def pending(self) -> Mapping[str, Pending]:
        """Pending updates by workload."""
        with self._lock:
            return dict(self._memory.pending)
