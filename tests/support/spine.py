"""One agent of real parts between fakes: engine, repository and remote in memory, the journal a real file."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

from fakes.clock import FakeClock
from fakes.engine import FakeEngine
from fakes.repository import FakeRecorder, FakeRepository
from support.writeback import PlainSecrets

from agent.board import Board, Identity
from agent.chronicle import Chronicle
from agent.core.policy import HostPolicy
from agent.core.reasons import Reason
from agent.core.status import WorkloadStatus
from agent.discovery import discover_kinds
from agent.engine.apply import Executor
from agent.errors import Transient
from agent.failures import Failures
from agent.flusher import Flusher
from agent.follower import Follower
from agent.journal.ids import EventIds
from agent.journal.journal import SqliteJournal
from agent.keyed_queue import KeyedQueue
from agent.loading import context_for, loader
from agent.loop import Loop, LoopParts
from agent.memory import Memory
from agent.monitor import Monitor
from agent.observer import Observer
from agent.ports import Clock
from agent.reconcile import Parts, Reconciler
from agent.records import Recordkeeper, Sources

AWAY = Transient(Reason.ENGINE_UNREACHABLE, "no engine answers at /run/docker.sock")


class TickingClock(FakeClock):
    """Time passes a little with every look at it, as it does in life: two looks are never at the same moment."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        with self._lock:
            self.advance(1e-6)
            return self.elapsed


class DigestSecrets(PlainSecrets):
    """Secrets from a dictionary, with digests as the store gives them."""

    def digest(self, name: str) -> str | None:
        return f"{hash(self.values[name]):x}" if name in self.values else None


class Spine:
    """Everything that `wiring` builds, but for the page; `secrets`, `engine`, `repository`, `recorder` are fakes."""

    def __init__(self, folder: Path, clock: Clock | None = None, engine: FakeEngine | None = None) -> None:
        self.folder = folder
        self.clock = clock or TickingClock()
        self.engine = engine or FakeEngine(clock=self.clock)
        self.engine.images |= {"app:1": "sha256:1", "app:2": "sha256:2", "bad:1": None}
        self.repository = FakeRepository()
        self.recorder = FakeRecorder()
        self.secrets = DigestSecrets()
        self.stopping = threading.Event()
        self.journal = SqliteJournal(folder, self.clock)
        self.kinds = discover_kinds()
        ids = EventIds(self.clock, self.journal.last_event_id())
        self.chronicle = Chronicle(self.journal, self.secrets, self.clock, "edge-1", ids.next)
        identity = Identity(host="edge-1", version="0.1.0", repository="config.git", branch="main")
        self.board = Board(identity, self.clock, self.chronicle.watchers)
        context = context_for("edge-1", HostPolicy())
        load = loader(context, self.repository.read_blob, self.journal)
        self.follower = Follower(self.repository, load, self.board, self.chronicle)
        self.observer = Observer(self.engine, self.clock)
        self.failures = Failures(self.journal, self.clock)
        self.memory = Memory(self.journal)
        self.queue = KeyedQueue(self.clock.monotonic)
        self.monitor = Monitor(self.engine.probe, self.queue.add, self.clock)
        sources = Sources(follower=self.follower, observer=self.observer, failures=self.failures, kinds=self.kinds)
        self.records = Recordkeeper(self.board, self.chronicle, sources)
        self.flusher = Flusher(self.recorder, self.journal, self.board, self.chronicle, 5.0)
        self.reconciler = Reconciler(self._parts(), self.stopping.is_set)
        self.loop = Loop(self._loop_parts(), self.stopping.is_set)

    def _parts(self) -> Parts:
        return Parts(
            follower=self.follower,
            observer=self.observer,
            executor=Executor(self.engine, self.secrets, lambda *_: None, self.clock, self.engine.probe),
            secrets=self.secrets,
            failures=self.failures,
            records=self.records,
            chronicle=self.chronicle,
            kinds=self.kinds,
            clock=self.clock,
            monitor=self.monitor,
            memory=self.memory,
            journal=self.journal,
            engine=self.engine,
        )

    def _loop_parts(self) -> LoopParts:
        return LoopParts(
            queue=self.queue,
            reconciler=self.reconciler,
            follower=self.follower,
            observer=self.observer,
            board=self.board,
            chronicle=self.chronicle,
            failures=self.failures,
            engine=self.engine,
            clock=self.clock,
            kinds=self.kinds,
            concurrency=4,
        )

    # What tests do

    def commit(self, files: Mapping[str, str | None], message: str = "Change") -> str:
        """Commit workload documents by name, fetch, and enqueue; nothing runs yet."""
        paths = {f"workloads/{name}.yaml": text for name, text in files.items()}
        revision = self.repository.commit(paths, message)
        if self.follower.follow():
            self.loop.commit_seen()
        return revision

    def drain(self) -> None:
        """Work on what is ready until nothing is, in this thread."""
        for _ in range(200):
            taken = self.queue.take(timeout=0)
            if taken is None:
                return
            try:
                self.loop._run(*taken)
            finally:
                self.queue.done(taken[0])
        raise AssertionError("the queue does not come to rest")

    def deploy(self, files: Mapping[str, str | None], message: str = "Change") -> str:
        revision = self.commit(files, message)
        self.drain()
        return revision

    def look(self) -> None:
        """A full resync, worked on until nothing is left."""
        self.loop.resync()
        self.drain()

    def status(self, name: str) -> WorkloadStatus:
        found = self.board.named(name)
        assert found is not None, f"{name} is not on the board"
        return found

    def phase(self, name: str) -> tuple[str, str]:
        return str(self.status(name).phase), str(self.status(name).reason)

    def reasons(self, workload: str | None = None, severity: str | None = None) -> list[str]:
        """The reasons of all events, oldest first."""
        events = reversed(self.journal.recent_events(1000, workload))
        return [str(one.reason) for one in events if severity in (None, one.severity)]

    def close(self) -> None:
        self.stopping.set()
        self.queue.close()
        self.monitor.stop()
        self.journal.close()


def document(name: str, image: str = "app", tag: str = "1", more: str = "") -> str:
    """A workload document in one line each; `more` holds further fields."""
    return f"kind: Workload\nname: {name}\nsource: {{kind: image, image: {image}, tag: '{tag}'}}\n{more}"
