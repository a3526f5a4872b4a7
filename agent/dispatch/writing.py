"""Brings the changes of a batch of events to git: judge, plan, publish, settle; again on a branch that has moved.

What cannot be written is told once, shown as waiting, and left as it is. A pin that a person has set after the remote
had refused an update is not taken back by that update.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from agent.core.inbox import Received
from agent.core.model import DesiredState
from agent.core.pins import Pinned
from agent.core.reasons import Reason
from agent.core.updates import Update, plan_update
from agent.dispatch.gathering import Gathered, gather
from agent.dispatch.judging import Judge
from agent.dispatch.mending import Mending
from agent.dispatch.telling import Teller
from agent.errors import Moved, PierheadError, Stalled, Transient
from agent.ports import Publisher, Repository
from agent.ports_journal import Inbox

logger = logging.getLogger(__name__)

TRIES = 20
FRUITLESS = 3
"""So many tries are made while fetching brings nothing new into force."""
ANOTHER_AGENT = "another agent drives this engine under the same host name; nothing is written meanwhile"
UNUSABLE = "the config branch has moved to where it cannot be followed; see the problems of the repository"


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterParts:
    """What writing needs. `follow` fetches the config repository and brings what is new into force.

    With `hands_off` nothing is written.
    """

    judge: Judge
    inbox: Inbox
    publisher: Publisher
    repository: Repository
    teller: Teller
    mending: Mending
    follow: Callable[[], object]
    hands_off: Callable[[], bool]
    host: str


@dataclass(slots=True)
class Result:
    """What became of a batch: ids that are `settled`, ids for which there is nothing to write any more (`released`),
    and why the others wait.
    """

    settled: set[str] = field(default_factory=set)
    released: set[str] = field(default_factory=set)
    error: PierheadError | None = None


class Writer:
    """Used by one thread."""

    def __init__(self, parts: WriterParts) -> None:
        self._parts = parts
        self._gathered = Gathered()
        self._shown: set[str] = set()
        self._stood: dict[str, tuple[Pinned, str]] = {}
        self.outcomes = {"written": 0, "nothing": 0, "moved": 0, "postponed": 0, "refused": 0}

    def write(self, batch: Sequence[Received], ended: Callable[[], bool]) -> Result:
        """As few commits as possible for a batch in the order of its ids; stops between two of them when `ended`."""
        result, tries = Result(), 0
        while not ended() and (left := _without(batch, result.settled | result.released)):
            desired = self._parts.judge.desired
            try:
                self._attempt(left, desired, result)
                tries = 0
            except Moved as moved:
                tries += 1
                self.outcomes["moved"] += 1
                result.error = self._followed(desired, tries, moved)
            except PierheadError as error:
                result.error = error
            if result.error is not None:
                self._blocked(left, result.error)
                break
        return result

    def _attempt(self, batch: Sequence[Received], desired: DesiredState | None, result: Result) -> None:
        """One commit at most."""
        self._gathered = Gathered()
        if desired is None:
            raise Transient(Reason.NOTHING_READABLE, "the config repository has not been read yet")
        if self._parts.hands_off():
            raise Transient(Reason.ENGINE_LOCKED, ANOTHER_AGENT)
        self._overrule(desired)
        gathered = self._gathered = gather(batch, self._parts.judge, desired)
        if len(gathered.failed) == len(batch):
            raise next(iter(gathered.failed.values()))
        changes = list(gathered.changes.values())
        update = plan_update(changes, lambda path: self._read(desired, path), self._parts.host)
        self._publish(update, desired)
        self._settle(batch, update, desired, result)

    def _publish(self, update: Update, desired: DesiredState) -> None:
        parts = self._parts
        if update.files:
            self._keep_order(update, desired)
            commit = parts.publisher.publish(desired.revision, update.files, update.message)
            self.outcomes["written"] += 1
            self._follow()
            for change in update.made:
                self._stood.pop(change.workload, None)
                parts.teller.written(change, commit)
        else:
            self.outcomes["nothing"] += 1
        bases = parts.judge.bases(desired) if update.refused else {}
        for workload, why in update.refused.items():
            self.outcomes["refused"] += 1
            parts.teller.refused(self._gathered.changes[workload], why, bases.get(workload))
        self._hide(self._shown - set(update.refused))

    def _keep_order(self, update: Update, desired: DesiredState) -> None:
        """No older event takes these changes back, also when the agent is killed right after they are published."""
        past = self._parts.judge.past
        for change in update.made:
            past.note(desired.workloads[change.workload].id, self._gathered.newest[change.workload])
        past.save(desired.by_id())

    def _settle(self, batch: Sequence[Received], update: Update, desired: DesiredState, result: Result) -> None:
        """Events whose changes are in git, or never will be, are done; those without any go back."""
        gathered = self._gathered
        undecided = gathered.later | set(gathered.failed)
        done: dict[str, list[Received]] = {}
        for received in batch:
            if received.id in undecided:
                continue
            if received.id not in gathered.wanted:
                result.released.add(received.id)
                continue
            done.setdefault(gathered.told_by(received.id, update.refused), []).append(received)
        for outcome, events in done.items():
            self._parts.mending.set_aside(events, desired)
            ids = [one.id for one in events]
            self._parts.inbox.settle(ids, outcome)
            result.settled.update(ids)

    def _read(self, desired: DesiredState, path: str) -> bytes | None:
        return self._parts.repository.read_path(desired.revision, path)

    def _follow(self) -> None:
        """Bring what was just published into force; the next fetch does it otherwise."""
        try:
            self._parts.follow()
        except PierheadError as error:
            logger.warning("an update commit is in git, but could not be followed yet: %s", error)

    def _followed(self, desired: DesiredState | None, tries: int, moved: Moved) -> PierheadError | None:
        """Fetch what moved; why there is no use in trying on, None where there is."""
        try:
            self._parts.follow()
        except PierheadError as error:
            return error
        now = self._parts.judge.desired
        if tries >= FRUITLESS and desired is not None and now is not None and now.revision == desired.revision:
            return Transient(Reason.UPDATE_PENDING, f"{UNUSABLE}: {moved}")
        return None if tries < TRIES else Transient(Reason.UPDATE_PENDING, "the config branch keeps moving")

    # What waits

    def _blocked(self, batch: Sequence[Received], error: PierheadError) -> None:
        """It cannot be written now: tell it once, show what waits, and let whoever asks for an event's fate know."""
        self.outcomes["postponed"] += 1
        desired, judge = self._parts.judge.desired, self._parts.judge
        changes = self._gathered.changes
        bases = judge.bases(desired) if desired is not None and changes else {}
        self._hide(self._shown - set(changes))
        for name, change in changes.items():
            self._shown.add(name)
            self._parts.teller.waiting(change, error, bases.get(name))
            workload = desired.workloads.get(name) if desired is not None else None
            if isinstance(error, Stalled) and desired is not None and workload is not None:
                self._stood[name] = (judge.pinned(workload, desired), self._gathered.newest[name])
        self._note_why(batch, f"{error.reason}: {error}")

    def _note_why(self, batch: Sequence[Received], why: str) -> None:
        """They stay due, so that after a restart none overtakes another."""
        try:
            self._parts.inbox.postpone([one.id for one in batch], 0.0, why[:500])
        except PierheadError as error:
            logger.warning("why events wait could not be kept: %s", error)

    def _hide(self, workloads: Collection[str]) -> None:
        for name in workloads:
            self._parts.teller.board.arrived(name)
        self._shown.difference_update(workloads)

    def _overrule(self, desired: DesiredState) -> None:
        """Where the remote refused an update and a person pinned something since, that person has decided."""
        judge = self._parts.judge
        for name, (pinned, event_id) in list(self._stood.items()):
            workload = desired.workloads.get(name)
            if workload is None or judge.pinned(workload, desired) == pinned:
                continue
            del self._stood[name]
            if not judge.by_agent(desired.revision):
                judge.past.overrule(workload.id, event_id)


def _without(batch: Iterable[Received], ids: Collection[str]) -> list[Received]:
    return [one for one in batch if one.id not in ids]
