"""Takes accepted events from the journal, one after the other, and sees to it that each is acted upon.

An event is settled only when what it asked for is on disk: requests to workloads in the journal, pins in git. Killed at
any instant, the next start finds it pending and does the same again, which changes nothing that was done already. No
event holds up another: what cannot be judged now is put off, and what can never be judged is given up and told.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from agent.core.inbound import MANUAL
from agent.core.inbox import Received
from agent.core.matching import DEPLOY, Decision
from agent.core.model import DesiredState
from agent.core.planning.one_off import run_id
from agent.core.requests import Request
from agent.dispatch.gathering import made_up_for, writes
from agent.dispatch.judging import Judge
from agent.dispatch.mending import PATIENCE, Mending
from agent.dispatch.telling import Teller
from agent.dispatch.updater import Updater
from agent.errors import PierheadError, Transient
from agent.ports import Clock
from agent.ports_journal import Inbox, Requests

logger = logging.getLogger(__name__)

BATCH = 200
IDLE = 30.0
RETRY = 5.0
LONGEST_RETRY = 300.0
LONGEST_WAIT = 86_400.0
"""So long (seconds) an event waits for a registry that does not answer."""
MENDED_SOON = 30.0
GIVE_UP = 20
"""So often an event on which the agent itself fails is tried, for over an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatcherParts:
    """What acting upon events needs. `enqueue` asks for a pass over a workload id; `look` has a trigger look by itself
    now, and is False where it never does. With `hands_off` nothing is done.
    """

    judge: Judge
    inbox: Inbox
    requests: Requests
    updater: Updater
    mending: Mending
    teller: Teller
    clock: Clock
    enqueue: Callable[[str], object]
    look: Callable[[str], bool]
    hands_off: Callable[[], bool]


class Dispatcher:
    """`wake` from any thread; one thread works."""

    def __init__(self, parts: DispatcherParts) -> None:
        self._parts = parts
        self._wake = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="triggers", daemon=True)
        self.handled = 0
        parts.updater.on_released = self.wake
        parts.updater.on_defect = self.defect

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
        if self._parts.judge.desired is None:
            return 1.0
        while not self._ended:
            if self._parts.hands_off():
                return RETRY
            held = self._parts.updater.held()
            batch = self._parts.inbox.pending_events(BATCH + len(held))
            fresh = [one for one in batch if one.id not in held]
            if not fresh:
                break
            self._each(fresh)
        return RETRY if self._parts.inbox.inbox_depth() > len(self._parts.updater.held()) else IDLE

    def _each(self, fresh: Sequence[Received]) -> None:
        missed = made_up_for(fresh)
        if missed:
            self._parts.inbox.settle(sorted(missed), "made up for by a later tick")
        for received in fresh:
            desired = self._parts.judge.desired
            if self._ended or desired is None:
                return
            if received.id not in missed:
                self._guarded(received, desired)

    def _guarded(self, received: Received, desired: DesiredState) -> None:
        try:
            self._one(received, desired)
        except PierheadError:
            raise  # the journal: all events wait for it
        except Exception as error:
            logger.exception("acting upon event %s failed", received.id)
            self.defect(received, error)

    def _one(self, received: Received, desired: DesiredState) -> None:
        broken = self._parts.mending.broken(received, desired)
        if broken:
            self._await(received, broken)
            return
        try:
            decisions = self._parts.judge.decisions(received, desired)
        except PierheadError as error:
            self._later(received, desired, error)
            return
        self.handled += 1
        looks = received.event.type == MANUAL and self._parts.look(received.trigger)
        outcome = "looks by itself now; what it finds comes as an event of its own" if looks else ""
        outcome = outcome or _outcome(received, decisions, desired)
        self._act(received, decisions, desired, outcome)

    def _act(self, received: Received, decisions: Sequence[Decision], desired: DesiredState, outcome: str) -> None:
        parts = self._parts
        asked = self._ask(received, decisions)
        parts.teller.judged(received, decisions, outcome, parts.judge.bases(desired) if _reports(decisions) else {})
        parts.mending.set_aside([received], desired)
        for workload_id in asked:
            parts.enqueue(workload_id)
        if any(writes(one) for one in decisions):
            parts.updater.add(received)
            return
        for one in decisions:
            if parts.judge.is_pinned(one, desired):
                parts.judge.past.note(one.workload_id, received.id)
        parts.inbox.settle([received.id], outcome)

    def _ask(self, received: Received, decisions: Sequence[Decision]) -> list[str]:
        """Put what is asked of workloads besides a pin into the journal; ids of those workloads."""
        asked: list[str] = []
        for one in decisions:
            if one.fired and one.action != DEPLOY:
                request = Request(
                    id=run_id(received.id, one.number, one.workload_id),
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

    # What cannot be judged now

    def _later(self, received: Received, desired: DesiredState, error: PierheadError) -> None:
        """Somebody outside does not answer; workloads that do not need the answer go on without it."""
        if self._parts.mending.split(received, desired):
            self._parts.inbox.settle([received.id], "judged for each workload by itself")
            return
        if self._parts.mending.over(received, LONGEST_WAIT):
            self._give_up(received, f"{error.reason}: {error}")
            return
        delay = _backoff(received, LONGEST_RETRY)
        if isinstance(error, Transient) and error.retry_after is not None:
            delay = max(delay, min(error.retry_after, 3600.0))
        self._put_off(received, delay, f"{error.reason}: {error}")
        self._parts.teller.unjudged(received, error)

    def _await(self, received: Received, why: str) -> None:
        """A document has errors: a commit must mend it."""
        if self._parts.mending.over(received, PATIENCE):
            self._give_up(received, why)
        else:
            self._put_off(received, _backoff(received, MENDED_SOON), why)

    def _give_up(self, received: Received, why: str) -> None:
        self._parts.teller.given_up(received, f"waited in vain: {why}")
        self._parts.inbox.settle([received.id], f"waited in vain: {why}"[:500], failed=True)

    def defect(self, received: Received, error: Exception) -> None:
        """The agent itself fails on an event: try again later, then give it up."""
        what = f"a defect in the agent: {type(error).__name__}: {error}"[:500]
        if received.attempts < GIVE_UP:
            self._put_off(received, _backoff(received, LONGEST_RETRY), what)
        else:
            self._parts.inbox.settle([received.id], what, failed=True)
        if received.attempts in {0, GIVE_UP}:
            self._parts.teller.defect(received, error)

    def _put_off(self, received: Received, delay: float, why: str) -> None:
        self._parts.inbox.postpone([received.id], self._parts.clock.now() + delay, why[:500])


def _backoff(received: Received, longest: float) -> float:
    return float(min(longest, RETRY * 2 ** min(received.attempts, 8)))


def _reports(decisions: Iterable[Decision]) -> bool:
    return any(one.report for one in decisions)


def _outcome(received: Received, decisions: Sequence[Decision], desired: DesiredState) -> str:
    """What an event meant, in a few words."""
    if received.trigger not in desired.triggers:
        return "there is no trigger of that name"
    if not decisions:
        return "no workload of this host is bound to it"
    return f"fired {sum(one.fired for one in decisions)} of {len(decisions)}"
