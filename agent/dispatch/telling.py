"""What is told about events and updates: to the event log in words, and to the board for the page.

The same is told once, however often an event is looked at again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence

from agent.chronicle import Chronicle, Note, timestamp
from agent.core.inbox import Received
from agent.core.matching import REDEPLOY, RESTART, Decision
from agent.core.reasons import Reason
from agent.core.updates import Change
from agent.dispatch.board import Heard, Pending, TriggerBoard
from agent.errors import PierheadError, Stalled
from agent.ports import Clock

REMEMBERED = 10_000
MOST_SHOWN = 20
SOURCE = "triggers"
ONLY_TOLD = "the document says that no update is written for it (`update.via`)"
REQUESTED = {REDEPLOY: Reason.REDEPLOY_REQUESTED, RESTART: Reason.RESTART_REQUESTED}
JUDGING = "events"
"""The place at which a trigger is in trouble while its events cannot be judged."""


class Teller:
    """Safe from any thread. `bases` are what documents say, by workload, as the board compares it."""

    def __init__(self, chronicle: Chronicle, board: TriggerBoard, clock: Clock) -> None:
        self._chronicle = chronicle
        self._clock = clock
        self._lock = threading.Lock()
        self._told: OrderedDict[str, frozenset[tuple[str, int, bool]]] = OrderedDict()
        self.board = board

    # Events

    def judged(
        self, received: Received, decisions: Sequence[Decision], outcome: str, bases: Mapping[str, object]
    ) -> None:
        """What an event meant; of what was told before only where it fires now and did not, or the other way round."""
        self.board.eased([received.trigger], JUDGING)
        heard = Heard(text=received.event.text, event=received.id, at=received.time, outcome=outcome)
        self.board.heard(received.trigger, heard)
        self.board.meant(decisions, timestamp(self._clock.now()), received.id)
        before = self._remember(received.id, decisions)
        fresh = [one for one in decisions if before is None or (one.workload, one.number, one.fired) not in before]
        for one in fresh:
            if one.fired:
                self._fired(received, one, bases)
        self._not_fired(received, [one for one in fresh if not one.fired])
        if not decisions and before is None:
            self._write(received, Reason.TRIGGER_NOT_FIRED, f"{received.trigger}: {outcome}", "debug")

    def _remember(self, event_id: str, decisions: Iterable[Decision]) -> frozenset[tuple[str, int, bool]] | None:
        with self._lock:
            before = self._told.get(event_id)
            self._told[event_id] = frozenset((one.workload, one.number, one.fired) for one in decisions)
            while len(self._told) > REMEMBERED:
                self._told.popitem(last=False)
            return before

    def _not_fired(self, received: Received, silent: Sequence[Decision]) -> None:
        """Why, for each binding; in one event, as a webhook may have hundreds of bindings of which one is meant."""
        name = received.trigger
        if len(silent) == 1:
            message = f"{name} did not fire: {silent[0].why}"
            self._write(received, Reason.TRIGGER_NOT_FIRED, message, "debug", silent[0])
        elif silent:
            shown = silent[:MOST_SHOWN]
            more = f"; and {len(silent) - len(shown)} more" if len(silent) > len(shown) else ""
            whys = "; ".join(f"{one.workload}: {one.why}" for one in shown)
            message = f"{name} did not fire for {len(silent)} bindings: {whys}{more}"
            self._write(received, Reason.TRIGGER_NOT_FIRED, message, "debug")

    def _fired(self, received: Received, one: Decision, bases: Mapping[str, object]) -> None:
        if one.report and one.repin is not None:
            pending = Pending(text=one.repin.text, why=ONLY_TOLD, basis=bases.get(one.workload))
            if self.board.wait(one.workload, pending):
                message = f"{one.repin.text} is there; {ONLY_TOLD}"
                self._write(received, Reason.UPDATE_AVAILABLE, message, "info", one)
            return
        what = one.repin.text if one.repin is not None else one.action
        self._write(received, Reason.TRIGGER_FIRED, f"{received.trigger}: {what}, because of {one.why}", "info", one)
        if one.action in REQUESTED:
            message = f"{one.action} asked for by {received.trigger}"
            self._write(received, REQUESTED[one.action], message, "info", one)

    def unjudged(self, received: Received, error: PierheadError) -> None:
        """An event cannot be judged while somebody outside does not answer."""
        if self.board.troubled([received.trigger], JUDGING, f"{error.reason}: {error}"):
            message = f"{received.trigger}: {received.event.text} cannot be judged yet: {error}"
            self._write(received, Reason.TRIGGER_FAILED, message, "warning")

    def given_up(self, received: Received, why: str) -> None:
        """An event has waited in vain."""
        message = f"{received.trigger}: {received.event.text}: {why}"
        self._write(received, Reason.TRIGGER_NOT_FIRED, message, "warning")

    def defect(self, received: Received, error: Exception) -> None:
        """Acting upon an event failed, and that is nobody's fault but the agent's own."""
        what = f"{type(error).__name__}: {error}"
        message = f"a defect in the agent ({received.trigger}, {received.event.text}): {what}"
        self._write(received, Reason.INTERNAL_ERROR, message, "error")

    def _write(
        self, received: Received, reason: Reason, message: str, severity: str, one: Decision | None = None
    ) -> None:
        data: dict[str, object] = {"trigger": received.trigger, "event": received.id}
        if one is not None:
            data |= {"binding": one.number + 1, "action": one.action}
        note = Note(
            reason=reason,
            message=message,
            severity=severity,
            source=SOURCE,
            workload=one.workload if one is not None else received.workload,
            data=data,
        )
        self._chronicle.write(note)

    # Looks

    def looked(self, decisions: Sequence[Decision]) -> None:
        """What a look at a registry or at a repository meant, where that is another reason for not firing than before.

        A decision that only waits for a time says something else at each look, which is for the page alone.
        """
        for one in self.board.meant(decisions, timestamp(self._clock.now()), None):
            if not one.fired and one.again is None:
                note = Note(
                    reason=Reason.TRIGGER_NOT_FIRED,
                    message=f"{one.trigger} did not fire: {one.why}",
                    severity="debug",
                    source=SOURCE,
                    workload=one.workload,
                    data={"trigger": one.trigger, "binding": one.number + 1, "action": one.action},
                )
                self._chronicle.write(note)

    # Updates

    def written(self, change: Change, commit: str) -> None:
        """A change is in git."""
        self.board.arrived(change.workload)
        message = f"{change.text}, by {', '.join(change.triggers)}, in commit {commit[:12]}"
        self._update(change, Reason.UPDATE_WRITTEN, message, revision=commit)

    def refused(self, change: Change, why: str, basis: object) -> None:
        """A document cannot be edited; a person has to."""
        if self.board.wait(change.workload, Pending(text=change.text, why=why, basis=basis)):
            self._update(change, Reason.UPDATE_IMPOSSIBLE, f"{change.text} cannot be written: {why}", "error")

    def waiting(self, change: Change, error: PierheadError, basis: object) -> None:
        """A change cannot be brought to git now."""
        why = f"{error.reason}: {error}"
        if self.board.wait(change.workload, Pending(text=change.text, why=why, basis=basis)):
            stalled = isinstance(error, Stalled)
            reason = error.reason if stalled else Reason.UPDATE_PENDING
            message = f"{change.text} is not in git yet: {error}"
            self._update(change, reason, message, "error" if stalled else "warning")

    def _update(
        self, change: Change, reason: Reason, message: str, severity: str = "info", revision: str | None = None
    ) -> None:
        note = Note(
            reason=reason,
            message=message,
            severity=severity,
            source=SOURCE,
            workload=change.workload,
            revision=revision,
            data={"trigger": change.triggers[-1], "events": list(change.events), "update": change.text},
        )
        self._chronicle.write(note)
