"""The loop: whatever happens only adds keys to the queue, and workers bring one key after the other to rest.

A commit, an engine event, a resync and a dependency that became ready all do the same thing here: they enqueue.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from agent.board import Board
from agent.chronicle import Chronicle, Note
from agent.core.kinds import SourceKind
from agent.core.reasons import Phase, Reason
from agent.core.status import WorkloadStatus
from agent.errors import PierheadError, Transient
from agent.failures import Failures
from agent.follower import Follower
from agent.keyed_queue import KeyedQueue
from agent.observer import Observer
from agent.ports import Clock, Engine
from agent.reconcile import Reconciler

logger = logging.getLogger(__name__)

ENGINE = "engine"
LEASE = "lease"
AGENT = "agent"
AWAY = (Reason.ENGINE_UNREACHABLE, Reason.ENGINE_FORBIDDEN, Reason.ENGINE_LOCKED)
WATCHED = frozenset(
    {"start", "die", "destroy", "rename", "update", "pause", "unpause", "oom", "health_status", "stop", "disconnect"}
)
RETRY_TRAILER = "pierhead-retry:"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopParts:
    """What the loop moves; built once in wiring."""

    queue: KeyedQueue
    reconciler: Reconciler
    follower: Follower
    observer: Observer
    board: Board
    chronicle: Chronicle
    failures: Failures
    engine: Engine
    clock: Clock
    kinds: Mapping[str, SourceKind]
    concurrency: int


class Loop:
    """Owns the worker threads and the engine event thread."""

    def __init__(self, parts: LoopParts, stopping: Callable[[], bool]) -> None:
        self._parts = parts
        self._stopping = stopping
        self._threads: list[threading.Thread] = []
        self.passes = 0
        self.first_pass_done = threading.Event()
        parts.board.on_record(self._recorded)

    # What happens, and what it enqueues

    def commit_seen(self) -> None:
        """A new desired state is in force."""
        state = self._parts.follower.state
        for name in _retries(state.messages):
            for workload in state.by_id.values():
                if workload.name == name:
                    self._parts.failures.lift(workload.id)
        self.enqueue_all()
        with suppress(PierheadError):  # while the journal is away nothing that was asked is forgotten, only later
            for key in sorted(self._parts.reconciler.unfinished()):
                self._parts.queue.add(key)

    def enqueue_all(self, since: float | None = None) -> None:
        """Every workload that git, the engine or the board knows; a snapshot of `since` (monotonic) will do."""
        state = self._parts.follower.state
        keys = set(self._parts.board.ids()) | set(self._parts.observer.latest.groups) | set(state.by_id)
        if state.desired is not None:
            keys |= set(state.desired.invalid)
        for key in sorted(keys):
            self._parts.queue.add(key, since=since)

    def resync(self) -> None:
        """List again and look at everything: repairs what no event told of."""
        since = self._parts.clock.monotonic()
        try:
            self._parts.observer.snapshot(since)
        except PierheadError as error:
            self._engine_away(error)
            return
        self.enqueue_all(since)
        self._engine_back()

    def _recorded(self, status: WorkloadStatus) -> None:
        """Whoever depends on this workload may go on, or must join its new network namespace."""
        if status.phase is not Phase.SYNCED:
            return
        for workload in self._parts.follower.state.by_id.values():
            kind = self._parts.kinds[workload.source.kind]
            if status.name in workload.depends_on or status.name in kind.dependencies(workload):
                self._parts.queue.add(workload.id)

    # Threads

    def start(self) -> None:
        """Start the workers and the listener."""
        self.start_workers()
        self._start("engine-events", self._listen)

    def start_workers(self) -> None:
        """Start only the workers, for a single pass."""
        for number in range(1, self._parts.concurrency + 1):
            self._start(f"worker-{number}", self._work)

    def _start(self, name: str, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    def stop(self, timeout: float) -> bool:
        """Let what runs come to its next safe point; True when all threads are over within `timeout` seconds."""
        self._parts.queue.close()
        deadline = self._parts.clock.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - self._parts.clock.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self) -> None:
        while not self._stopping():
            taken = self._parts.queue.take()
            if taken is None:
                return
            key, requested = taken
            try:
                self._run(key, requested)
            except Exception:  # not even the trouble could be recorded; this thread is still needed
                logger.exception("pass over %s failed", key)
                self._parts.queue.add(key, 30.0)
            finally:
                self._parts.queue.done(key)
                self._note_first_pass()

    def _note_first_pass(self) -> None:
        if not self.first_pass_done.is_set() and self._parts.follower.state.desired and self._parts.queue.idle():
            self.first_pass_done.set()

    def _run(self, key: str, requested: float) -> None:
        if LEASE in self._parts.board.conditions:  # somebody else drives this engine under our name: hands off
            self._parts.queue.add(key, 5.0)
            return
        self.passes += 1
        try:
            again = self._parts.reconciler.reconcile(key, requested)
        except PierheadError as error:
            self._could_not(key, error)
            return
        except Exception as error:  # a bug must not take the worker along
            logger.exception("pass over %s failed", key)
            self._bug(key, error)
            return
        if AGENT in self._parts.board.conditions:
            self._parts.board.condition(AGENT, None)
        if again is not None:
            self._parts.queue.add(key, again)

    def _could_not(self, key: str, error: PierheadError) -> None:
        """An error that is no workload's own: the engine is away, or the journal."""
        if error.reason in AWAY:
            self._engine_away(error)  # everything is enqueued again when it is back
            return
        delay = error.retry_after if isinstance(error, Transient) and error.retry_after else 10.0
        if self._parts.board.condition(AGENT, f"{error.reason}: {error}"):
            logger.warning("pass over %s: %s", key, error)
        self._parts.queue.add(key, delay)

    def _bug(self, key: str, error: Exception) -> None:
        status = self._parts.board.get(key)
        note = Note(
            reason=Reason.INTERNAL_ERROR,
            message=f"a defect in the agent: {type(error).__name__}: {error}; trying again in 30 s",
            severity="error",
            source="agent",
            workload=status.name if status else None,
        )
        self._parts.chronicle.write(note)
        self._parts.queue.add(key, 30.0)

    def _listen(self) -> None:
        """Engine events become keys; after a gap everything is looked at again."""
        while not self._stopping():
            try:
                self._listen_until_away()
            except Exception:
                logger.exception("listening to the engine failed")
            self._parts.clock.wait(0.5)

    def _listen_until_away(self) -> None:
        try:
            self._listen_once()
        except PierheadError as error:
            self._engine_away(error)

    def _listen_once(self) -> None:
        for event in self._parts.engine.events(self._stopping):
            if event.lost:
                self._parts.observer.forget_all()
                self.resync()
            elif event.action in WATCHED:
                self._parts.observer.moved(event.workload_id, event.container_id)
                self._parts.queue.add(event.workload_id)

    def _engine_away(self, error: PierheadError) -> None:
        if self._parts.board.condition(ENGINE, f"{error.reason}: {error}"):
            note = Note(reason=error.reason, message=str(error), severity="error", source="engine")
            self._parts.chronicle.write(note)

    def _engine_back(self) -> None:
        if self._parts.board.condition(ENGINE, None):
            note = Note(reason=Reason.ENGINE_RECOVERED, message="the engine answers again", source="engine")
            self._parts.chronicle.write(note)

    def check_engine(self) -> None:
        """While the engine is away: ask for it, and look at everything once it answers."""
        if ENGINE in self._parts.board.conditions:
            self.resync()


def _retries(messages: Iterable[str]) -> list[str]:
    """Workload names after `Pierhead-Retry:` trailers of commit messages."""
    lines = [line.strip() for message in messages for line in message.splitlines()]
    return [line[len(RETRY_TRAILER) :].strip() for line in lines if line.lower().startswith(RETRY_TRAILER)]
