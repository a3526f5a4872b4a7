"""One workload: what it is in, why, what happens next, and all it is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agent.core.detail import EnvironmentEntry, VolumeEntry, WorkloadDetail
from agent.core.eventlog import Event
from agent.core.status import ContainerStatus, HostStatus
from agent.web.views.events import EventRow, event_row
from agent.web.views.overview import Row, row
from agent.web.views.phases import MOVING, tone
from agent.web.views.problems import ProblemRow, problem_row
from agent.web.views.runs import RunRow, run_row
from agent.web.views.text import MAX_LINE, Image, Moment, clean, image, moment, one_line, short_commit
from agent.web.views.triggers import BindingRow, binding_rows


@dataclass(frozen=True, slots=True)
class Link:
    """Another workload that this one names; without a phase when this host does not have it."""

    name: str
    phase: str
    tone: str
    here: bool
    known: bool


@dataclass(frozen=True, slots=True)
class ContainerRow:
    """One container. `good` is None where there is nothing to judge, as in the middle of a change."""

    id: str
    name: str
    role: str
    state: str
    health: str
    exit_code: int | None
    image: Image | None
    digest: str
    started: Moment | None
    good: bool | None


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable: a value, or the name of the secret it comes from, never both."""

    name: str
    value: str
    secret: str


@dataclass(frozen=True, slots=True)
class Volume:
    """One mount."""

    scope: str
    source: str
    target: str
    read_only: bool


@dataclass(frozen=True, slots=True)
class Logs:
    """The last log lines, or why there are none: `trouble` is a message, empty when the lines could be read."""

    lines: tuple[str, ...] = ()
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class WorkloadPage:
    """All of the page except logs."""

    row: Row
    message: str
    description: str
    id: str
    fingerprint: str
    revision: str
    full_revision: str
    path: str
    quarantine: str
    plan: tuple[str, ...]
    labels: tuple[tuple[str, str], ...]
    source: tuple[tuple[str, str], ...]
    chain: tuple[Link, ...]
    depends_on: tuple[Link, ...]
    dependents: tuple[Link, ...]
    containers: tuple[ContainerRow, ...]
    faces: tuple[str, ...]
    publish: tuple[str, ...]
    environment: tuple[Variable, ...]
    volumes: tuple[Volume, ...]
    pending: str
    bindings: tuple[BindingRow, ...]
    runs: tuple[RunRow, ...]
    events: tuple[EventRow, ...]
    problems: tuple[ProblemRow, ...]


def workload_page(detail: WorkloadDetail, host: HostStatus, events: Sequence[Event], now: float) -> WorkloadPage:
    """What the page of one workload shows at `now` (epoch seconds)."""
    one = detail.status
    mine = (problem for problem in host.problems if problem.name == one.name and problem.kind in (None, "Workload"))
    return WorkloadPage(
        row=row(one, now),
        message=clean(one.message),
        description=clean(detail.description),
        id=one_line(one.id, 80),
        fingerprint=one_line(one.fingerprint or "", 80),
        revision=short_commit(one.revision),
        full_revision=one_line(one.revision or "", 80),
        path=one_line(one.path or "", 400),
        quarantine=clean(one.quarantine or ""),
        plan=tuple(one_line(step, 600) for step in one.plan),
        labels=_pairs(detail.labels.items()),
        source=_pairs((key, value) for key, value in detail.source.items() if value and key != "kind"),
        chain=_links(detail.chain, host, one.name),
        depends_on=_links(detail.depends_on, host, one.name),
        dependents=_links(detail.dependents, host, one.name),
        containers=tuple(_container(container, one.phase in MOVING, now) for container in one.containers),
        faces=tuple(one_line(face, 400) for face in detail.faces),
        publish=tuple(one_line(port, 200) for port in detail.publish),
        environment=tuple(_variable(entry) for entry in detail.environment),
        volumes=tuple(_volume(entry) for entry in detail.volumes),
        pending=clean(detail.pending_update, 600),
        bindings=binding_rows(detail.bindings, host.workloads, now),
        runs=tuple(run_row(run, now) for run in detail.runs),
        events=tuple(event_row(event, now) for event in events),
        problems=tuple(problem_row(problem) for problem in mine),
    )


def log_lines(lines: Sequence[str]) -> Logs:
    return Logs(tuple(clean(line, MAX_LINE).replace("\n", " ") for line in lines))


def _pairs(items: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((one_line(key, 200), one_line(value, 600)) for key, value in items)


def _links(names: Sequence[str], host: HostStatus, here: str) -> tuple[Link, ...]:
    return tuple(_link(name, host, here) for name in names)


def _link(name: str, host: HostStatus, here: str) -> Link:
    known = host.workloads.get(name)
    if known is None:
        return Link(name, "", "unknown", name == here, known=False)
    return Link(name, str(known.phase), tone(known.phase), name == here, known=True)


def _container(container: ContainerStatus, moving: bool, now: float) -> ContainerRow:
    return ContainerRow(
        id=one_line(container.id, 80)[:12],
        name=one_line(container.name, 300),
        role=one_line(container.role, 40),
        state=one_line(container.state, 40),
        health=one_line(container.health or "", 40),
        exit_code=None if container.state == "running" else container.exit_code,
        image=image(container.image),
        digest=one_line(container.digest or "", 100),
        started=moment(container.started_at, now),
        good=None if moving else _good(container),
    )


def _good(container: ContainerStatus) -> bool | None:
    """Whether an active container does what it is there for; candidates and retired ones are not judged."""
    if container.role != "active" or container.health == "starting":
        return None
    return container.state == "running" and container.health != "unhealthy"


def _variable(entry: EnvironmentEntry) -> Variable:
    if entry.secret is not None:
        return Variable(one_line(entry.name, 200), "", one_line(entry.secret, 200))
    return Variable(one_line(entry.name, 200), one_line(entry.value or "", 600), "")


def _volume(entry: VolumeEntry) -> Volume:
    return Volume(one_line(entry.scope, 40), one_line(entry.source, 400), one_line(entry.target, 400), entry.read_only)
