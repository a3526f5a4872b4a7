"""What triggers did last, for people: the newest event of each, what it meant for each binding, and what waits.

Only memory: after a restart it fills again, and nothing that is decided depends on it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

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
    """An update that is not in git: both versions in words, and why it waits.

    `basis` is what the document said when it was found; once that is different, nobody knows whether it still waits.
    """

    text: str
    why: str
    basis: object = None

    @property
    def words(self) -> str:
        return f"{self.text}: {self.why}" if self.why else self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """How looking by itself goes for one trigger: when last (RFC 3339), and why it does not work now."""

    at: str | None = None
    trouble: str = ""


@dataclass(slots=True)
class _Looks:
    """The same with the trouble of each place that is looked at, as one trigger may wait for several."""

    at: str | None = None
    troubles: dict[str, str] = field(default_factory=dict)


class TriggerBoard:
    """Thread-safe. Bindings are known by workload, trigger and number, pending updates by workload."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._heard: dict[str, Heard] = {}
        self._meant: dict[tuple[str, str, int], Meant] = {}
        self._pending: dict[str, Pending] = {}
        self._looks: dict[str, _Looks] = {}

    def heard(self, trigger: str, heard: Heard) -> None:
        """An event of a trigger was dealt with."""
        with self._lock:
            self._heard[trigger] = heard

    def meant(self, decisions: Iterable[Decision], at: str, event: str | None) -> list[Decision]:
        """What a signal meant; the result are those that say something else than the newest before."""
        news: list[Decision] = []
        with self._lock:
            for one in decisions:
                key = (one.workload, one.trigger, one.number)
                before = self._meant.get(key)
                self._meant[key] = Meant(fired=one.fired, why=one.why, at=at, event=event)
                if before is None or (before.fired, before.why) != (one.fired, one.why):
                    news.append(one)
        return news

    def wait(self, workload: str, pending: Pending) -> bool:
        """An update waits; True when that, or why, is news."""
        with self._lock:
            known = self._pending.get(workload)
            self._pending[workload] = pending
            return known is None or known.words != pending.words

    def arrived(self, workload: str) -> None:
        """Nothing waits for this workload any more."""
        with self._lock:
            self._pending.pop(workload, None)

    def looked(self, triggers: Iterable[str], place: str, at: str) -> bool:
        """The agent looked at a place and could; True when it could not before."""
        with self._lock:
            for name in triggers:
                self._of(name).at = at
        return self.eased(triggers, place)

    def troubled(self, triggers: Iterable[str], place: str, trouble: str) -> bool:
        """Something does not work at one place; True when that is news."""
        news = False
        with self._lock:
            for name in triggers:
                troubles = self._of(name).troubles
                news = news or troubles.get(place) != trouble
                troubles[place] = trouble
        return news

    def eased(self, triggers: Iterable[str], place: str) -> bool:
        """It works, or nobody waits for it any more; True when it did not work before."""
        with self._lock:
            looks = [self._looks[name] for name in triggers if name in self._looks]
            return len([one for one in looks if one.troubles.pop(place, None) is not None]) > 0

    def _of(self, trigger: str) -> _Looks:
        return self._looks.setdefault(trigger, _Looks())

    def keep(self, triggers: Iterable[str], bases: Mapping[str, object]) -> None:
        """Forget what is not there any more, and what waited on another basis; one that is None is not known now."""
        names = frozenset(triggers)
        with self._lock:
            self._heard = {name: one for name, one in self._heard.items() if name in names}
            self._looks = {name: one for name, one in self._looks.items() if name in names}
            self._meant = {key: one for key, one in self._meant.items() if key[0] in bases}
            self._pending = {
                name: one for name, one in self._pending.items() if name in bases and bases[name] in (None, one.basis)
            }

    # Reading

    def heard_of(self, trigger: str) -> Heard | None:
        return self._heard.get(trigger)

    def meant_for(self, workload: str, trigger: str, number: int) -> Meant | None:
        return self._meant.get((workload, trigger, number))

    def looked_at(self, trigger: str) -> Looked:
        with self._lock:
            found = self._looks.get(trigger, _Looks())
            return Looked(at=found.at, trouble=next(iter(found.troubles.values()), ""))

    @property
    def pending(self) -> Mapping[str, Pending]:
        """Pending updates by workload."""
        with self._lock:
            return dict(self._pending)
