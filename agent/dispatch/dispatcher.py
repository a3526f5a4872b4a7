"""Takes accepted events from the journal, one after the other, and sees to it that each is acted upon.

An event is settled only when what it asked for is on disk: requests to workloads in the journal, pins in git. Killed at
any instant, the next start finds it pending and does the same again, which changes nothing that was done already.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.chronicle import Chronicle, Note, timestamp
from agent.core.inbound import MANUAL
from agent.core.inbox import Received
from agent.core.matching import DEPLOY, REDEPLOY, RESTART, Decision
from agent.core.model import DesiredState
from agent.core.reasons import Reason
from agent.core.requests import Request
from agent.dispatch.board import Heard, TriggerBoard
from agent.dispatch.judging import Judge
from agent.dispatch.updater import Updater
from agent.errors import PierheadError, Transient
from agent.ports import Clock
from agent.ports_journal import Inbox, Requests

logger = logging.getLogger(__name__)

BATCH = 200
IDLE = 30.0
RETRY = 5.0
LONGEST_RETRY = 300.0
REMEMBERED = 10_000
REQUESTED = {REDEPLOY: Reason.REDEPLOY_REQUESTED, RESTART: Reason.RESTART_REQUESTED}


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatcherParts:
    """What acting upon events needs. `enqueue` asks for a pass over a workload id, `look` polls a trigger now."""

    judge: Judge
    inbox: Inbox
    requests: Requests
    updater: Updater
    board: TriggerBoard
    chronicle: Chronicle
    clock: Clock
    enqueue: Callable[[str], object]
    look: Callable[[str], object]


class Dispatcher:
    """`wake` from any thread; one thread works."""

    def __init__(self, parts: DispatcherParts) -> None:
        self._parts = parts
        self._wake = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="triggers", daemon=True)
        self._told: OrderedDict[str, None] = OrderedDict()
        self.handled = 0

    def start(self) -> None:
        """Begin, with what an earlier process left."""
        self._thread.start()
        self._wake.set()

    def wake(self) -> None:
        """There is something new."""
        self._wake.set()

    def stop(self, timeout: float) -> None:
        """Finish the event that is being worked on."""
        self._ended = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        delay = 0.0
        while not self._ended:
            self._wake.wait(delay)
            self._wake.clear()
            if self._ended:
                return
            try:
                delay = self.work()
            except PierheadError as error:
                logger.warning("events wait: %s", error)
                delay = RETRY
            except Exception:
                logger.exception("acting upon events failed")
                delay = RETRY

    def work(self) -> float:
        """Act upon what is due; the seconds after which to look again."""
        desired = self._parts.judge.desired
        if desired is None:
            return 1.0
        while not self._ended:
            in_hand = frozenset(self._parts.updater.in_hand)
            batch = self._parts.inbox.pending_events(BATCH + len(in_hand))
            fresh = [one for one in batch if one.id not in in_hand]
            if not fresh:
                break
            for received in fresh:
                self._one(received, self._parts.judge.desired or desired)
        return min(IDLE, RETRY) if self._parts.inbox.inbox_depth() else IDLE

    def _one(self, received: Received, desired: DesiredState) -> None:
        try:
            decisions = self._parts.judge.decisions(received, desired)
        except PierheadError as error:
            self._later(received, error)
            return
        self.handled += 1
        if received.event.type == MANUAL:
            self._parts.look(received.trigger)
        asked = self._ask(received, decisions)
        self._tell(received, decisions, desired)
        for workload_id in asked:
            self._parts.enqueue(workload_id)
        if any(one.fired and one.repin is not None and not one.report for one in decisions):
            self._parts.updater.add(received)
            return
        self._parts.inbox.settle([received.id], _outcome(received, decisions, desired))

    def _ask(self, received: Received, decisions: Sequence[Decision]) -> list[str]:
        """Put what is asked of workloads besides a pin into the journal; ids of those workloads."""
        asked: list[str] = []
        for one in decisions:
            if one.fired and one.action != DEPLOY:
                request = Request(
                    id=f"{received.id}-{one.number}-{one.workload_id}",
                    workload_id=one.workload_id,
                    workload=one.workload,
                    action=one.action,
                    trigger=received.trigger,
                    event=received.id,
                    time=received.time,
                    why=one.why,
                )
                self._parts.requests.request(request)
                asked.append(one.workload_id)
        return asked

    def _later(self, received: Received, error: PierheadError) -> None:
        """It cannot be judged now, because somebody outside does not answer."""
        delay = min(LONGEST_RETRY, RETRY * 2 ** min(received.attempts, 8))
        if isinstance(error, Transient) and error.retry_after is not None:
            delay = max(delay, min(error.retry_after, 3600.0))
        self._parts.inbox.postpone([received.id], self._parts.clock.now() + delay, f"{error.reason}: {error}"[:500])
        if self._parts.board.troubled([received.trigger], f"{error.reason}: {error}"):
            note = Note(
                reason=Reason.TRIGGER_FAILED,
                message=f"{received.trigger}: {received.event.text} cannot be judged yet: {error}",
                severity="warning",
                source="triggers",
                data={"trigger": received.trigger, "event": received.id},
            )
            self._parts.chronicle.write(note)

    # Telling

    def _tell(self, received: Received, decisions: Sequence[Decision], desired: DesiredState) -> None:
        """What the event meant, for the board and, the first time that it is looked at, for the event log."""
        at = timestamp(self._parts.clock.now())
        outcome = _outcome(received, decisions, desired)
        heard = Heard(text=received.event.text, event=received.id, at=received.time, outcome=outcome)
        self._parts.board.heard(received.trigger, heard)
        self._parts.board.meant(decisions, at, received.id)
        if received.id in self._told:
            return
        self._told[received.id] = None
        while len(self._told) > REMEMBERED:
            self._told.popitem(last=False)
        for one in decisions:
            self._tell_one(received, one)
        if not decisions:
            self._write(received, None, Reason.TRIGGER_NOT_FIRED, f"{received.trigger}: {outcome}", "debug")

    def _tell_one(self, received: Received, one: Decision) -> None:
        if not one.fired:
            self._write(received, one, Reason.TRIGGER_NOT_FIRED, f"{received.trigger} did not fire: {one.why}", "debug")
            return
        what = f"{one.repin.text}" if one.repin is not None else one.action
        if one.report and one.repin is not None:
            why = "the document says that no update is written for it (`update.via`)"
            if self._parts.board.wait(one.workload, one.repin.text, why):
                self._write(received, one, Reason.UPDATE_AVAILABLE, f"{one.repin.text} is there; {why}", "info")
            return
        self._write(received, one, Reason.TRIGGER_FIRED, f"{received.trigger}: {what}, because of {one.why}", "info")
        reason = REQUESTED.get(one.action)
        if reason is not None:
            self._write(received, one, reason, f"{one.action} asked for by {received.trigger}", "info")

    def _write(self, received: Received, one: Decision | None, reason: Reason, message: str, severity: str) -> None:
        data: dict[str, object] = {"trigger": received.trigger, "event": received.id}
        if one is not None:
            data |= {"binding": one.number + 1, "action": one.action}
        note = Note(
            reason=reason,
            message=message,
            severity=severity,
            source="triggers",
            workload=one.workload if one is not None else None,
            data=data,
        )
        self._parts.chronicle.write(note)


def _outcome(received: Received, decisions: Sequence[Decision], desired: DesiredState) -> str:
    """What an event meant, in a few words."""
    if received.trigger not in desired.triggers:
        return "there is no trigger of that name"
    if not decisions:
        return "no workload of this host is bound to it"
    return f"fired {sum(one.fired for one in decisions)} of {len(decisions)}"
