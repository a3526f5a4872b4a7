"""What the page, the API and the metrics see: the board, the journal and the desired state, read and never changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from agent.board import Board
from agent.chronicle import Chronicle
from agent.core.deliveries import DeliveryRecord
from agent.core.detail import Counter, EnvironmentEntry, TriggerDetail, VolumeEntry, WorkloadDetail
from agent.core.eventlog import Event
from agent.core.kinds import SourceKind
from agent.core.model import Face, Publish, SecretRef, Workload
from agent.core.observed import ObservedContainer, Role
from agent.core.status import HostStatus
from agent.follower import Follower
from agent.observer import Observer
from agent.ports import Engine, Journal, Secrets
from agent.ports_journal import DeliveryLog, Runs
from agent.trigger_view import TriggerView

RECENT_RUNS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewParts:
    """Everything read; built once in wiring."""

    board: Board
    chronicle: Chronicle
    journal: Journal
    follower: Follower
    observer: Observer
    engine: Engine
    secrets: Secrets
    kinds: Mapping[str, SourceKind]
    triggers: TriggerView
    deliveries: DeliveryLog
    runs: Runs
    counters: Callable[[], tuple[Counter, ...]]
    first_pass_done: Callable[[], bool]


class AgentView:
    """The `View` of a running agent."""

    def __init__(self, parts: ViewParts) -> None:
        self._parts = parts

    def status(self) -> HostStatus:
        return self._parts.board.status()

    def workload(self, name: str) -> WorkloadDetail | None:
        status = self._parts.board.named(name)
        if status is None:
            return None
        workload = self._parts.follower.state.by_id.get(status.id)
        if workload is None:
            return WorkloadDetail(status=status)
        everyone = {one.name: one for one in self._parts.follower.state.by_id.values()}
        return WorkloadDetail(
            status=status,
            description=workload.description,
            labels=workload.labels,
            source=self._parts.kinds[workload.source.kind].summary(workload),
            environment=tuple(_environment(workload)),
            volumes=tuple(
                VolumeEntry(scope=one.scope, source=one.source, target=one.target, read_only=one.read_only)
                for one in workload.volumes
            ),
            faces=tuple(_face(one) for one in workload.faces),
            publish=tuple(_publish(one) for one in workload.publish),
            depends_on=workload.depends_on,
            dependents=tuple(sorted(one.name for one in everyone.values() if name in one.depends_on)),
            chain=_chain(workload, everyone),
            bindings=self._parts.triggers.bindings(self._parts.follower.state.desired, name),
            pending_update=self._parts.triggers.pending(name),
            runs=self._parts.runs.runs(workload.id, RECENT_RUNS),
        )

    def events(self, limit: int, workload: str | None = None, before: str | None = None) -> tuple[Event, ...]:
        return self._parts.journal.recent_events(limit, workload, before)

    def logs(self, name: str, tail: int) -> tuple[str, ...] | None:
        containers = self._containers(name)
        if containers is None:
            return None
        redact = self._parts.secrets.redact
        several = len(containers) > 1
        lines: list[str] = []
        for container in containers:
            prefix = f"{container.name} | " if several else ""
            lines.extend(prefix + redact(line) for line in self._parts.engine.logs(container.id, tail))
        return tuple(lines[-tail:])

    def follow_logs(self, name: str, tail: int) -> Iterator[str]:
        containers = self._containers(name)
        if containers:
            for line in self._parts.engine.follow_logs(containers[-1].id, tail):
                yield self._parts.secrets.redact(line)

    def _containers(self, name: str) -> list[ObservedContainer] | None:
        status = self._parts.board.named(name)
        if status is None:
            return None
        group = self._parts.observer.latest.groups.get(status.id, ())
        return [one for one in group if one.role is Role.ACTIVE] or list(group)

    def triggers(self) -> tuple[TriggerDetail, ...]:
        return self._parts.triggers.triggers(self._parts.follower.state.desired)

    def trigger(self, name: str) -> TriggerDetail | None:
        return self._parts.triggers.trigger(self._parts.follower.state.desired, name)

    def deliveries(
        self, limit: int, trigger: str | None = None, before: str | None = None
    ) -> tuple[DeliveryRecord, ...]:
        return self._parts.deliveries.recent_deliveries(limit, trigger, before)

    def pending_updates(self) -> Mapping[str, str]:
        return {name: one.words for name, one in self._parts.triggers.board.pending.items()}

    def counters(self) -> tuple[Counter, ...]:
        return self._parts.counters()

    def unready(self) -> tuple[str, ...]:
        reasons = [f"{name}: {text}" for name, text in self.status().conditions.items() if name == "engine"]
        if self._parts.follower.state.desired is None:
            reasons.append("the config repository was not read yet")
        elif not self._parts.first_pass_done():
            reasons.append("the first pass is not finished yet")
        return tuple(reasons)

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        return self._parts.chronicle.watchers.subscribe(changed)


def _environment(workload: Workload) -> Iterator[EnvironmentEntry]:
    for name, value in sorted(workload.env.items()):
        if isinstance(value, SecretRef):
            yield EnvironmentEntry(name=name, secret=value.name)
        else:
            yield EnvironmentEntry(name=name, value=value)


def _face(face: Face) -> str:
    scheme = "http" if face.tls == "off" else "https"
    return f"{scheme}://{face.host}{face.path}"


def _publish(publish: Publish) -> str:
    address = f"{publish.host_ip}:" if publish.host_ip else ""
    return f"{address}{publish.host_port}:{publish.container_port}/{publish.protocol}"


def _chain(workload: Workload, everyone: Mapping[str, Workload]) -> tuple[str, ...]:
    """Stage names from the first to the last, as far as one child follows each; a chain of one is no chain."""
    names = [workload.name]
    current = workload
    while current.parent is not None and current.parent in everyone and current.parent not in names:
        current = everyone[current.parent]
        names.insert(0, current.name)
    children = [one.name for one in everyone.values() if one.parent == names[-1] and one.name not in names]
    while len(children) == 1:
        names.append(children[0])
        children = [one.name for one in everyone.values() if one.parent == names[-1] and one.name not in names]
    return tuple(names) if len(names) > 1 else ()
