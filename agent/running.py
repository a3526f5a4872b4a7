"""One agent as its commands see it: `start` and `stop`, `once`, or `preview`; all on the same parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agent.board import Board
from agent.chronicle import Chronicle, Note
from agent.core.model import DesiredState
from agent.core.plan import Plan
from agent.core.reasons import Reason
from agent.core.status import HostStatus
from agent.daemon import Daemon, Lease
from agent.dispatch.desk import Desk
from agent.errors import PierheadError, Transient
from agent.flusher import Flusher
from agent.follower import Follower
from agent.keyed_queue import KeyedQueue
from agent.loop import Loop
from agent.observer import Observer
from agent.ports import Clock, Secrets
from agent.reconcile import Reconciler
from agent.view import AgentView


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentParts:
    """Everything a command needs; built once in wiring. `closers` are called in order at the end."""

    board: Board
    chronicle: Chronicle
    clock: Clock
    daemon: Daemon
    desk: Desk
    flusher: Flusher
    follower: Follower
    lease: Lease
    loop: Loop
    observer: Observer
    queue: KeyedQueue
    reconciler: Reconciler
    secrets: Secrets
    view: AgentView
    closers: tuple[Callable[[], object], ...]


class Agent:
    """Use one of `start`, `once` or `preview`, then `stop` or `close`."""

    def __init__(self, parts: AgentParts) -> None:
        self.parts = parts
        self._stop_page: Callable[[], None] = lambda: None

    # The daemon

    def start(self, stop_page: Callable[[], None]) -> None:
        """Take the engine, say hello, and begin; `stop_page` ends the page when the agent stops."""
        self.parts.lease.acquire()
        self._stop_page = stop_page
        self._tell(Reason.AGENT_STARTED, f"pierhead {self.parts.board.identity.version} starts")
        self.parts.daemon.start()

    def stop(self) -> None:
        """End in order, within ten seconds."""
        self._stop_page()
        self.parts.daemon.stop()
        self.close()

    def close(self) -> None:
        """Give everything back; never raises what it cannot help."""
        for close in self.parts.closers:
            close()

    def settings_refused(self, why: str) -> None:
        """SIGHUP found settings that are wrong."""
        self._tell(Reason.INVALID_SETTINGS, f"the host settings were not reloaded: {why}", "error")

    def settings_unchanged(self) -> None:
        """SIGHUP found the same settings."""
        self._tell(Reason.SETTINGS_RELOADED, "the host settings were read again and are as before")

    def settings_reloaded(self) -> None:
        """SIGHUP found other settings, which are in force now."""
        self._tell(Reason.SETTINGS_RELOADED, "the host settings were read again and are in force")

    def _tell(self, reason: Reason, message: str, severity: str = "info") -> None:
        self.parts.chronicle.write(Note(reason=reason, message=message, severity=severity, source="agent"))

    # Commands

    def once(self, timeout: float) -> HostStatus:
        """Fetch, bring every workload to rest or to where only time helps, write back; `timeout` in seconds."""
        self.parts.lease.acquire()
        self._follow()
        self.parts.observer.snapshot(self.parts.clock.monotonic())
        self.parts.loop.commit_seen()
        self.parts.loop.start_workers()
        if not self.parts.queue.wait_idle(timeout):
            self.parts.board.condition("once", f"not at rest after {timeout:.0f} s")
        self.parts.flusher.flush()
        return self.parts.board.status()

    def preview(self) -> tuple[DesiredState, tuple[Plan, ...]]:
        """What a pass would do now, workload by workload; nothing is changed and nothing is written."""
        desired = self._follow()
        now = self.parts.clock.monotonic()
        snapshot = self.parts.observer.snapshot(now)
        keys = set(self.parts.follower.state.by_id) | set(snapshot.groups) | set(desired.invalid)
        plans = [self.parts.reconciler.decide(key, now) for key in keys]
        return desired, tuple(sorted((plan for plan in plans if plan is not None), key=lambda plan: plan.workload))

    def _follow(self) -> DesiredState:
        self.parts.follower.follow()
        desired = self.parts.follower.state.desired
        if desired is None:
            conditions = self.parts.board.status().conditions
            why = "; ".join(conditions.values()) or "nothing was read"
            raise Transient(Reason.NOTHING_READABLE, f"the config repository cannot be used: {why}")
        return desired


def quietly(close: Callable[[], None]) -> Callable[[], None]:
    """The same, for an end at which a failure concerns nobody any more."""

    def closed() -> None:
        try:
            close()
        except PierheadError:
            return

    return closed
