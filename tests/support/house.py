"""A daemon, and an agent as commands see it, on the parts of a spine."""

from __future__ import annotations

from collections.abc import Callable

from support.spine import Spine

from agent.counters import counters_of
from agent.daemon import Daemon, DaemonParts
from agent.discovery import discover_trigger_kinds
from agent.dispatch.board import TriggerBoard
from agent.dispatch.clockwork import Clockwork, ClockworkParts
from agent.dispatch.intake import Intake
from agent.dispatch.judging import Judge, JudgeParts
from agent.dispatch.past import Past
from agent.errors import Transient
from agent.repository.schedule import FetchSchedule
from agent.running import Agent, AgentParts
from agent.trigger_view import TriggerView
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


class FakeTriggers:
    """Counts what the daemon tells its triggers."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def start(self) -> None:
        self.told.append("start")

    def refresh(self) -> None:
        self.told.append("refresh")

    def tick(self) -> None:
        self.told.append("tick")

    def stop(self, timeout: float) -> None:
        self.told.append("stop")


class House:
    """A daemon on the parts of a spine."""

    def __init__(self, spine: Spine) -> None:
        self.spine = spine
        self.lease = FakeLease()
        self.health = Health()
        self.triggers = FakeTriggers()
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
            triggers=self.triggers,
        )

    def _trigger_view(self) -> TriggerView:
        """Triggers as they are read, none of which ever fired."""
        spine, kinds = self.spine, discover_trigger_kinds()
        judge = Judge(
            JudgeParts(
                follower=spine.follower,
                sources=spine.kinds,
                triggers=kinds,
                registry=None,
                repository=spine.repository,
                clock=spine.clock,
                past=Past(spine.journal.recall, spine.journal.remember),
                config_url="config.git",
                follow=spine.follower.follow,
            )
        )
        clockwork = Clockwork(
            ClockworkParts(
                judge=judge,
                intake=Intake(spine.journal, spine.clock, lambda: "id"),
                clock=spine.clock,
                remember=spine.journal.remember,
                recall=spine.journal.recall,
                chance=lambda: 0.5,
            )
        )
        last_received = spine.journal.last_received
        return TriggerView(board=TriggerBoard(), clockwork=clockwork, kinds=kinds, last_received=last_received)

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
                triggers=self._trigger_view(),
                deliveries=spine.journal,
                runs=spine.journal,
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
                desk=None,
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
