"""What events asked of a workload, as its plan sees it: the redeploy in force, and the restart that is due.

A redeploy is a generation of containers, which stays in force for good. Both are open until what they ask for can be
seen at the engine: a crash loses nothing, and nothing is done twice. A journal that cannot be read holds up no repair:
then what was read last counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from agent.core.moments import epoch
from agent.core.naming import role_of
from agent.core.observed import ObservedContainer, Role
from agent.core.plan import Plan
from agent.core.planning.removal import ALIVE
from agent.core.planning.restart import AILING, started_before
from agent.core.reasons import Reason
from agent.core.requests import REDEPLOY, RESTART, Request
from agent.errors import PierheadError
from agent.ports_journal import Requests

AT_REST = (Reason.CONVERGED, *AILING)
"""Every wanted container is there and has proved itself; its health afterwards is another matter."""

DEPLOYS = (Reason.DEPLOYING, Reason.ROLLING_BACK)


class AskedJournal(Requests, Protocol):
    """What is asked, and small values that survive a crash."""

    def remember(self, key: str, value: str) -> None: ...

    def recall(self, key: str) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is asked of one workload now."""

    generation: str = ""
    redeploy: Request | None = None
    restart: Request | None = None

    @property
    def redeploy_words(self) -> str:
        return _words(self.redeploy)

    @property
    def restart_words(self) -> str:
        return _words(self.restart)

    @property
    def restart_at(self) -> float | None:
        return epoch(self.restart.time) if self.restart is not None else None


def _words(request: Request | None) -> str:
    if request is None:
        return ""
    why = f": {request.why}" if request.why else ""
    return f"{request.action} asked for by trigger {request.trigger}{why}"


class Asked:
    """Safe from several threads as long as no two of them work on the same workload at once."""

    def __init__(self, journal: AskedJournal) -> None:
        self._journal = journal
        self._generations: dict[str, str] = {}
        self._current: dict[str, Wishes] = {}
        self._read: dict[str, tuple[Request, ...]] = {}

    def open(self, workload_id: str) -> tuple[Request, ...]:
        """Everything that is asked of a workload and not done, oldest first."""
        try:
            found = self._journal.requests(workload_id)
        except PierheadError:
            return self._read.get(workload_id, ())
        if found:
            self._read[workload_id] = found
        else:
            self._read.pop(workload_id, None)
        return found

    def wishes(self, workload_id: str, observed: Iterable[ObservedContainer]) -> Wishes:
        """What is asked of a workload now; `observed` are its containers, oldest first."""
        newest = {one.action: one for one in self.open(workload_id)}
        redeploy = newest.get(REDEPLOY)
        wishes = Wishes(
            redeploy.id if redeploy is not None else self._generation(workload_id, observed),
            redeploy,
            newest.get(RESTART),
        )
        self._current[workload_id] = wishes
        return wishes

    def _generation(self, workload_id: str, observed: Iterable[ObservedContainer]) -> str:
        """The one in force; where the journal knows none, what serves tells it, so that nothing is made anew."""
        serving = [one.generation for one in observed if role_of(one.name) is Role.ACTIVE]
        try:
            known = self._recall(workload_id)
        except PierheadError:
            known = ""
        return known or next(reversed(serving), "")

    def because(self, plan: Plan) -> Mapping[str, object]:
        """Who asked for a plan, as data of its events; empty where nobody did."""
        wishes = self._current.get(plan.workload_id, Wishes())
        request = wishes.restart if plan.reason is Reason.RESTARTING else None
        if plan.reason in DEPLOYS:
            request = wishes.redeploy
        return {"trigger": request.trigger, "event": request.event} if request is not None else {}

    def restarted(self, workload_id: str) -> None:
        """The restart that the last plan was made for is done, whatever the engine's clock says about it."""
        restart = self._current[workload_id].restart
        if restart is not None:
            self._journal.close_request(restart.id, "restarted")

    def rest(self, plan: Plan, observed: tuple[ObservedContainer, ...]) -> None:
        """Nothing is left to do for now: close what can be seen to be done."""
        wishes = self._current.get(plan.workload_id, Wishes())
        if wishes.generation and plan.reason in AT_REST and _all_of(wishes.generation, observed):
            self._remember(plan.workload_id, wishes.generation)
            if wishes.redeploy is not None:
                self._journal.close_request(wishes.redeploy.id, "redeployed")
        moment = wishes.restart_at
        if wishes.restart is not None and moment is not None and _all_since(moment, observed):
            self._journal.close_request(wishes.restart.id, "every container was started since")

    def unusable(self, workload_id: str) -> None:
        """Its document cannot be used now, so what is asked of it waits."""
        self._current.pop(workload_id, None)

    def gone(self, workload_id: str) -> None:
        """Nothing is left of this workload."""
        self._current.pop(workload_id, None)
        for request in self.open(workload_id):
            if request.action in (REDEPLOY, RESTART):  # whoever looks after runs says that one is not done
                self._journal.close_request(request.id, "the workload is not in the configuration any more")
        self._remember(workload_id, "")

    def _recall(self, workload_id: str) -> str:
        if workload_id not in self._generations:
            self._generations[workload_id] = self._journal.recall(_key(workload_id)) or ""
        return self._generations[workload_id]

    def _remember(self, workload_id: str, generation: str) -> None:
        if self._recall(workload_id) != generation:
            self._journal.remember(_key(workload_id), generation)
            self._generations[workload_id] = generation


def _all_of(generation: str, observed: Iterable[ObservedContainer]) -> bool:
    return all(one.generation == generation for one in observed)


def _all_since(moment: float, observed: tuple[ObservedContainer, ...]) -> bool:
    """Whether no container that serves was started before; one that could not be inspected may have been."""
    unknown = any(one.detail is None and one.state in ALIVE for one in observed)
    return not unknown and not started_before(observed, moment)


def _key(workload_id: str) -> str:
    return f"generation:{workload_id}"
