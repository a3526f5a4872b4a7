"""The life of an agent: what starts, in which order, what ticks, and how it ends within ten seconds.

Every thread here may be lost at any instant: what is not finished is found again by the next start, from git and the
engine alone.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from agent.board import Board
from agent.chronicle import Chronicle, Note
from agent.core.reasons import Reason
from agent.errors import PierheadError
from agent.flusher import Flusher
from agent.follower import Follower
from agent.loop import Loop
from agent.monitor import Monitor
from agent.periodic import Periodic, briefly
from agent.ports import Clock, Repository

logger = logging.getLogger(__name__)

TICK = 1.0
CLOCK_TOLERANCE = 30.0

# The end: with two seconds for the page and what closing takes, at most ten seconds whatever hangs.
FOR_TRIGGERS = 1.5
FOR_PERIODICS = 2.5
FOR_WORKERS = 3.0
UNTIL_FLUSHED = 6.5
FOR_RELEASE = 0.5


class Lease(Protocol):
    """The right to drive one engine under one host name."""

    def acquire(self) -> None:
        """Take it; raises Stalled(EngineLocked) when somebody else has it."""

    def renew(self) -> None:
        """Keep it; raises Stalled(EngineLocked) when somebody else has it."""

    def release(self) -> None: ...


class Schedule(Protocol):
    """When to fetch next."""

    def delay(self) -> float: ...

    def succeeded(self) -> None: ...

    def failed(self) -> None: ...


class Triggers(Protocol):
    """What fires: started after everything else, told of new desired states and of each second, stopped first."""

    def start(self) -> None: ...

    def refresh(self) -> None: ...

    def tick(self) -> None: ...

    def stop(self, timeout: float) -> None: ...


class JournalHealth(Protocol):
    """How the journal fares."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What happened to its file that people should know; it only grows."""

    @property
    def trouble(self) -> PierheadError | None:
        """Why events wait in memory now; None when all of them are on disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonParts:
    """What lives; built once in wiring."""

    loop: Loop
    follower: Follower
    repository: Repository
    flusher: Flusher
    monitor: Monitor
    board: Board
    chronicle: Chronicle
    clock: Clock
    lease: Lease
    schedule: Schedule
    resync: float
    renewal: float
    secrets_changed: Callable[[], bool]
    journal: JournalHealth
    triggers: Triggers


class Daemon:
    """`start` returns at once; `stop` takes ten seconds at most."""

    def __init__(self, parts: DaemonParts, stopping: threading.Event) -> None:
        self._parts = parts
        self._stopping = stopping
        self._offset = parts.clock.now() - parts.clock.monotonic()
        self._renewed = parts.clock.monotonic()
        self._told = 0
        self._follow = Periodic("follow", self.follow, self._fetch_delay, self._bug)
        self._periodics = [
            self._follow,
            Periodic("flush", parts.flusher.flush, parts.flusher.wait, self._bug),
            Periodic("resync", parts.loop.resync, lambda: parts.resync, self._bug),
            Periodic("tick", self._tick, lambda: TICK, self._bug),
        ]
        self._watcher = threading.Thread(target=self._watch, name="watch", daemon=True)

    def start(self) -> None:
        """Start everything and fetch at once."""
        self._parts.loop.start()
        self._parts.monitor.start()
        for periodic in self._periodics:
            periodic.start()
        self._watcher.start()
        self._parts.triggers.start()
        self._follow.wake()

    def config_moved(self) -> None:
        """Fetch now; this is the `Ingress` of the agent."""
        self._follow.wake()

    def follow(self) -> None:
        """Fetch once, and enqueue when something new is in force, even if that could not be told."""
        before = self._parts.follower.state.generation
        try:
            self._parts.follower.follow()
        finally:
            if self._parts.follower.state.generation != before:
                self._parts.loop.commit_seen()
                self._parts.triggers.refresh()
        failed = "repository" in self._parts.board.conditions
        (self._parts.schedule.failed if failed else self._parts.schedule.succeeded)()

    def _fetch_delay(self) -> float:
        return self._parts.schedule.delay()

    def _watch(self) -> None:
        """A local repository tells by itself that it moved."""
        while not self._stopping.is_set():
            try:
                for _ in self._parts.repository.watch(self._stopping.is_set):
                    self._follow.wake()
            except PierheadError as error:
                logger.warning("watching the repository: %s", error)
                self._stopping.wait(5.0)
                continue
            return  # a remote one has nothing to watch

    def _tick(self) -> None:
        self._parts.loop.check_engine()
        self._parts.triggers.tick()
        self._check_clock()
        self._check_journal()
        now = self._parts.clock.monotonic()
        if now - self._renewed >= self._parts.renewal:
            self._renewed = now
            self._renew()
            if self._parts.secrets_changed():
                self._parts.loop.enqueue_all()

    def _renew(self) -> None:
        try:
            self._parts.lease.renew()
        except PierheadError as error:
            if self._parts.board.condition("lease", f"{error.reason}: {error}"):
                note = Note(reason=error.reason, message=str(error), severity="error", source="agent")
                self._parts.chronicle.write(note)
            return
        self._parts.board.condition("lease", None)

    def _check_journal(self) -> None:
        trouble = self._parts.journal.trouble
        news = list(self._parts.journal.notes[self._told :])
        self._told += len(news)
        if self._parts.board.condition("journal", f"{trouble.reason}: {trouble}" if trouble else None) and trouble:
            news.append(f"{trouble}; events are kept in memory until it is over")
        for message in news:
            note = Note(reason=Reason.JOURNAL_UNAVAILABLE, message=message, severity="warning", source="agent")
            self._parts.chronicle.write(note)

    def _check_clock(self) -> None:
        offset = self._parts.clock.now() - self._parts.clock.monotonic()
        jump = offset - self._offset
        if abs(jump) > CLOCK_TOLERANCE:
            self._offset = offset
            note = Note(
                reason=Reason.CLOCK_JUMPED,
                message=f"the clock of this host jumped by {jump:+.0f} s; waiting times are not affected",
                severity="warning",
                source="agent",
            )
            self._parts.chronicle.write(note)

    def _bug(self, name: str, error: Exception) -> None:
        logger.error("%s failed", name, exc_info=error)
        note = Note(
            reason=Reason.INTERNAL_ERROR,
            message=f"a defect in the agent ({name}): {type(error).__name__}: {error}",
            severity="error",
            source="agent",
        )
        try:
            self._parts.chronicle.write(note)
        except PierheadError as unwritable:
            logger.error("and it could not be recorded: %s", unwritable)  # noqa: TRY400 - no second traceback

    def stop(self) -> None:
        """Finish or abandon safely what is in flight, say goodbye, flush, and give the engine back."""
        begun = self._parts.clock.monotonic()
        self._stopping.set()
        self._say_goodbye()
        briefly("triggers", lambda: self._parts.triggers.stop(FOR_TRIGGERS), FOR_TRIGGERS)
        for periodic in self._periodics:
            periodic.stop(0.0)
        self._parts.monitor.stop()
        for periodic in self._periodics:
            periodic.stop(self._left(begun, FOR_PERIODICS))
        self._parts.loop.stop(FOR_WORKERS)
        briefly("last-flush", self._flush, self._left(begun, UNTIL_FLUSHED))
        briefly("release", self._release, FOR_RELEASE)

    def _left(self, begun: float, seconds: float) -> float:
        return max(0.0, begun + seconds - self._parts.clock.monotonic())

    def _flush(self) -> None:
        try:
            self._parts.flusher.flush()
        except PierheadError as error:
            logger.warning("the last flush failed; the next start repeats it: %s", error)

    def _release(self) -> None:
        try:
            self._parts.lease.release()
        except PierheadError as error:
            logger.warning("the lease stays until it expires: %s", error)

    def _say_goodbye(self) -> None:
        message = "the agent stops; what runs keeps running"
        try:
            self._parts.chronicle.write(Note(reason=Reason.AGENT_STOPPING, message=message, source="agent"))
        except PierheadError as error:
            logger.warning("the end could not be recorded: %s", error)
