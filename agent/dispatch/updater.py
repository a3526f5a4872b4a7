"""Writes updates: takes events whose decisions change pins, and brings them to git as few commits as possible.

Events come here unsettled and are settled only when their pins are in git, or when there is nothing left to write: what
was lost in a crash is found in the journal again. A branch that moved is fetched and everything is judged anew; what
cannot be written now is put off, and the workload shows that it waits.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.chronicle import Chronicle, Note
from agent.core.inbox import Received
from agent.core.matching import Decision
from agent.core.model import DesiredState
from agent.core.reasons import Reason
from agent.core.updates import Change, Update, plan_update
from agent.dispatch.board import TriggerBoard
from agent.dispatch.judging import Judge
from agent.errors import Moved, PierheadError, Stalled, Transient
from agent.ports import Clock, Publisher, Repository
from agent.ports_journal import Inbox

logger = logging.getLogger(__name__)

GATHER = 0.05
TRIES = 20
FIRST_DELAY = 5.0
LONGEST_DELAY = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdaterParts:
    """What writing needs. `follow` fetches the config repository and brings what is new into force."""

    judge: Judge
    inbox: Inbox
    publisher: Publisher
    repository: Repository
    board: TriggerBoard
    chronicle: Chronicle
    clock: Clock
    follow: Callable[[], object]
    host: str


class Updater:
    """`add` from any thread; one thread writes. `in_hand` holds ids of events that it has and has not settled."""

    def __init__(self, parts: UpdaterParts) -> None:
        self._parts = parts
        self._changed = threading.Condition()
        self._waiting: dict[str, Received] = {}
        self._failures = 0
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="updates", daemon=True)
        self.in_hand: set[str] = set()
        self.outcomes = {"written": 0, "nothing": 0, "moved": 0, "postponed": 0, "refused": 0}

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Finish the commit that is being made; what waits is found again by the next start."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def add(self, received: Received) -> None:
        """Write what this event changes."""
        with self._changed:
            self.in_hand.add(received.id)
            self._waiting[received.id] = received
            self._changed.notify_all()

    def idle(self) -> bool:
        """Nothing is being written and nothing waits for it."""
        with self._changed:
            return not self.in_hand

    def _run(self) -> None:
        while (batch := self._take()) is not None:
            try:
                self.write(batch)
            except Exception:
                logger.exception("writing an update failed")
                self._put_off(batch, FIRST_DELAY, "a defect in the agent, see its log")
            finally:
                with self._changed:
                    self.in_hand.difference_update(one.id for one in batch)

    def _take(self) -> list[Received] | None:
        """All that waits, once a burst is over; None at the end."""
        with self._changed:
            while not self._waiting and not self._ended:
                self._changed.wait()
            if self._ended:
                return None
        self._parts.clock.wait(GATHER)
        with self._changed:
            batch = [self._waiting[key] for key in sorted(self._waiting)]
            self._waiting.clear()
            return batch

    def write(self, batch: Sequence[Received]) -> None:
        """One commit for a batch, with everything judged anew whenever the branch moved."""
        left, tries = list(batch), 0
        while left:
            try:
                left, tries = self._attempt(left), 0
            except Moved:
                tries += 1
                self.outcomes["moved"] += 1
                self._parts.follow()
                if tries >= TRIES:
                    self._blocked(left, Transient(Reason.UPDATE_PENDING, "the config branch keeps moving"))
                    return
            except PierheadError as error:
                self._blocked(left, error)
                return

    def _attempt(self, batch: Sequence[Received]) -> list[Received]:
        """Judge, plan, publish, settle; what is left of the batch for the next commit."""
        desired = self._parts.judge.desired
        if desired is None:
            raise Transient(Reason.NOTHING_READABLE, "the config repository has not been read yet")
        now, later = self._changes(batch, desired)
        update = plan_update(list(now.values()), lambda path: self._read(desired, path), self._parts.host)
        if update.files:
            commit = self._parts.publisher.publish(desired.revision, update.files, update.message)
            self._parts.follow()
            self._written(update, commit)
        else:
            self.outcomes["nothing"] += 1
        self._tell_refused(update)
        self._failures = 0
        self._settle([one for one in batch if one.id not in later], update)
        return [one for one in batch if one.id in later]

    def _read(self, desired: DesiredState, path: str) -> bytes | None:
        return self._parts.repository.read_path(desired.revision, path)

    def _changes(self, batch: Sequence[Received], desired: DesiredState) -> tuple[dict[str, Change], frozenset[str]]:
        """One change a workload, of its newest event, and the events that must wait for the next commit.

        Versions side by side are added one after the other, so that none of a burst is lost.
        """
        found: dict[str, Change] = {}
        later: set[str] = set()
        for received in batch:
            for one in self._parts.judge.decisions(received, desired):
                if not one.fired or one.repin is None or one.report:
                    continue
                known = found.get(one.workload)
                if known is not None and any(isinstance(edit.value, tuple) for edit in known.edits):
                    later.add(received.id)
                    continue
                found[one.workload] = _change(one, received, known, desired)
        return found, frozenset(later)

    def _written(self, update: Update, commit: str) -> None:
        self.outcomes["written"] += 1
        for change in update.made:
            self._parts.board.arrived(change.workload)
            note = Note(
                reason=Reason.UPDATE_WRITTEN,
                message=f"{change.text}, by {', '.join(change.triggers)}, in commit {commit[:12]}",
                source="triggers",
                workload=change.workload,
                revision=commit,
                data={"trigger": change.triggers[-1], "events": list(change.events), "update": change.text},
            )
            self._parts.chronicle.write(note)

    def _tell_refused(self, update: Update) -> None:
        for workload, why in update.refused.items():
            self.outcomes["refused"] += 1
            if self._parts.board.wait(workload, "an update cannot be written", why):
                note = Note(
                    reason=Reason.UPDATE_IMPOSSIBLE, message=why, severity="error", source="triggers", workload=workload
                )
                self._parts.chronicle.write(note)

    def _settle(self, batch: Sequence[Received], update: Update) -> None:
        if batch:
            words = ", ".join(f"{one.workload}: {one.text}" for one in update.made) or "nothing left to write"
            self._parts.inbox.settle([one.id for one in batch], words[:500])

    def _blocked(self, batch: Sequence[Received], error: PierheadError) -> None:
        """It cannot be written now: tell it once, show what waits, and come back."""
        self._failures += 1
        delay = min(LONGEST_DELAY, FIRST_DELAY * 2 ** (self._failures - 1))
        if isinstance(error, Transient) and error.retry_after is not None:
            delay = max(delay, min(error.retry_after, LONGEST_DELAY))
        self.outcomes["postponed"] += 1
        self._put_off(batch, delay, f"{error.reason}: {error}")
        self._show_waiting(batch, error)

    def _put_off(self, batch: Sequence[Received], delay: float, why: str) -> None:
        try:
            self._parts.inbox.postpone([one.id for one in batch], self._parts.clock.now() + delay, why[:500])
        except PierheadError as error:
            logger.warning("events could not be put off, they come again at once: %s", error)

    def _show_waiting(self, batch: Sequence[Received], error: PierheadError) -> None:
        desired = self._parts.judge.desired
        changes: dict[str, Change] = {}
        if desired is not None:
            try:
                changes = self._changes(batch, desired)[0]
            except PierheadError:
                logger.info("what waits cannot be told while the registry is away")
        reason = error.reason if isinstance(error, Stalled) else Reason.UPDATE_PENDING
        for change in changes.values():
            if self._parts.board.wait(change.workload, change.text, f"{error.reason}: {error}"):
                note = Note(
                    reason=reason,
                    message=f"{change.text} is not in git yet: {error}",
                    severity="error" if isinstance(error, Stalled) else "warning",
                    source="triggers",
                    workload=change.workload,
                    data={"trigger": change.triggers[-1], "events": list(change.events), "update": change.text},
                )
                self._parts.chronicle.write(note)


def _change(decision: Decision, received: Received, known: Change | None, desired: DesiredState) -> Change:
    """What is written for a workload; triggers and events of what it takes the place of are named too."""
    assert decision.repin is not None
    return Change(
        workload=decision.workload,
        path=desired.workloads[decision.workload].position.path,
        edits=decision.repin.edits,
        text=decision.repin.text,
        triggers=(*(known.triggers if known else ()), decision.trigger),
        events=(*(known.events if known else ()), received.id),
    )
