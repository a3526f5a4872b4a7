"""A daemon, and an agent as commands see it, on the parts of a spine."""

from __future__ import annotations

from collections.abc import Callable

from support.spine import Spine

from agent.counters import counters_of
from agent.daemon import Daemon, DaemonParts
from agent.errors import Transient
from agent.repository.schedule import FetchSchedule
from agent.running import Agent, AgentParts
from agent.view import AgentView, ViewParts


class FakeLease:
    def __init__(self) -> None:
        self.error: Exception | None = None
        self.calls: list[str] = []
        self.before: Callable[[], object] = lambda: None

    def acquire(self) -> None:
        self._called("acquire")

    def renew(self) -> None:
        self._called("renew")

    def release(self) -> None:
        self._called("release")

    def _called(self, name: str) -> None:
        self.calls.append(name)
        self.before()
        if self.error is not None:
            raise self.error


class Health:
    """How the journal fares, as told."""

    def __init__(self) -> None:
        self.notes: tuple[str, ...] = ()
        self.trouble: Transient | None = None


class House:
    """A daemon on the parts of a spine."""

    def __init__(self, spine: Spine) -> None:
        self.spine = spine
        self.lease = FakeLease()
        self.health = Health()
        self.secrets_changed = False
        self.closed: list[None] = []
        self.schedule = FetchSchedule(3600.0, lambda: 0.5)
        self.daemon = Daemon(self._parts(), spine.stopping)

    def _parts(self) -> DaemonParts:
        spine = self.spine
        return DaemonParts(
            loop=spine.loop,
            follower=spine.follower,
            repository=spine.repository,
            flusher=spine.flusher,
            monitor=spine.monitor,
            board=spine.board,
            chronicle=spine.chronicle,
            clock=spine.clock,
            lease=self.lease,
            schedule=self.schedule,
            resync=3600.0,
            renewal=10.0,
            secrets_changed=lambda: self.secrets_changed,
            journal=self.health,
        )

    def tick(self) -> None:
        """What the daemon does every second."""
        self.daemon._tick()

    def agent(self) -> Agent:
        """The same as commands see it; `closed` counts what is given back."""
        spine = self.spine
        writers = (spine.follower, spine.flusher, spine.chronicle)
        view = AgentView(
            ViewParts(
                board=spine.board,
                chronicle=spine.chronicle,
                journal=spine.journal,
                follower=spine.follower,
                observer=spine.observer,
                engine=spine.engine,
                secrets=spine.secrets,
                kinds=spine.kinds,
                counters=counters_of(spine.loop, spine.queue, spine.observer, spine.records, writers),
                first_pass_done=spine.loop.first_pass_done.is_set,
            )
        )
        return Agent(
            AgentParts(
                board=spine.board,
                chronicle=spine.chronicle,
                clock=spine.clock,
                daemon=self.daemon,
                flusher=spine.flusher,
                follower=spine.follower,
                lease=self.lease,
                loop=spine.loop,
                observer=spine.observer,
                queue=spine.queue,
                reconciler=spine.reconciler,
                secrets=spine.secrets,
                view=view,
                closers=(spine.queue.close, lambda: self.closed.append(None)),
            )
        )
