"""A View with state: a small company's host at night, in every phase, with events, problems and logs.

Tests change it through its methods; each change tells subscribers, as the real view does.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator, Mapping

from fakes.ingress import FakeIngress  # noqa: F401 - tests take it from here
from fakes.moments import NOW, stamp  # noqa: F401 - tests take both from here
from fakes.traffic import believable_deliveries, believable_runs, believable_triggers

from agent.core.deliveries import DeliveryRecord
from agent.core.detail import Counter, EnvironmentEntry, TriggerDetail, VolumeEntry, WorkloadDetail
from agent.core.eventlog import Event
from agent.core.problems import Position, Problem, Severity
from agent.core.reasons import Phase, Reason
from agent.core.status import ContainerStatus, HostStatus, WorkloadStatus

REVISION = "3f9a2c1b7d40e5a6c8f1927364b0d1e2f3a4b5c6"
END = "\x00end"
PENDING = {
    "search": "registry.example.com/shop/search 2.3.0 → 2.3.1: the remote refused the push to main, which is "
    "protected; let pierhead push to it, or merge the change by hand"
}
OLDER = "91d07fe2a3b4c5d6e7f80912a3b4c5d6e7f80912"


def container(of: str, image: str, **changes: object) -> ContainerStatus:
    fields: dict[str, object] = {
        "id": f"{sum(of.encode()) * 11400714819323198485 % 16**12:012x}",
        "name": f"{of}.5c1e8f02",
        "role": "active",
        "state": "running",
        "health": "healthy",
        "image": image,
        "digest": "sha256:9b1c0d7e4f2a3b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4",
        "started_at": stamp(7200),
    }
    return ContainerStatus(**(fields | changes))


def workload(name: str, phase: Phase, reason: Reason, message: str, **changes: object) -> WorkloadStatus:
    image = str(changes.get("image", f"registry.example.com/shop/{name}:1.4.2"))
    fields: dict[str, object] = {
        "name": name,
        "id": f"{sum(name.encode()) * 2654435761 % 16**8:08x}",
        "phase": phase,
        "reason": reason,
        "message": message,
        "since": stamp(9000),
        "source": "image",
        "revision": REVISION,
        "fingerprint": "1:5c1e8f0277aa41d29e0f8b6c3d2a1f00",
        "image": image,
        "containers": (container(name, image),),
        "path": f"workloads/{name}.yaml",
    }
    return WorkloadStatus(**(fields | changes))


def believable_workloads() -> tuple[WorkloadStatus, ...]:
    """Twelve workloads, every phase among them."""
    converged = "nothing to do: 1 container runs as the document says"
    return (
        workload("db", Phase.SYNCED, Reason.CONVERGED, converged, image="postgres:16.4", since=stamp(86400 * 12)),
        workload(
            "cache", Phase.SYNCED, Reason.CONVERGED, converged, image="valkey/valkey:8.0.1", since=stamp(86400 * 3)
        ),
        workload("shop", Phase.SYNCED, Reason.CONVERGED, converged, depends_on=("db", "cache"), since=stamp(5400)),
        workload(
            "shop-staging",
            Phase.SYNCED,
            Reason.CONVERGED,
            converged,
            since=stamp(1500),
            image="registry.example.com/shop/shop:1.5.0-rc.1",
        ),
        workload("mailer", Phase.SYNCED, Reason.CONVERGED, converged, since=stamp(86400)),
        workload(
            "search",
            Phase.SYNCED,
            Reason.CONVERGED,
            converged,
            since=stamp(400),
            image="registry.example.com/shop/search@sha256:77aa41d29e0f8b6c3d2a1f005c1e8f0277aa41d29e0f8b6c3d2a1f005c1e8f02",
        ),
        workload(
            "checkout",
            Phase.FAILED,
            Reason.CONTAINER_EXITED,
            "start checkout.a81b03d4: the container ended with exit code 1 after 0.4 s; "
            "nothing ran before, so nothing serves. Read the last log lines and correct the document or the image",
            since=stamp(240),
            until=stamp(-95),
            revision=None,
            containers=(
                container(
                    "checkout",
                    "registry.example.com/shop/checkout:2.0.0",
                    state="exited",
                    health=None,
                    exit_code=1,
                    started_at=stamp(241),
                ),
            ),
            image="registry.example.com/shop/checkout:2.0.0",
            plan=(
                "pull image registry.example.com/shop/checkout:2.0.0 (missing)",
                "create container checkout.a81b03d4 (no container runs this version)",
                "start container checkout.a81b03d4 (created)",
                "wait until checkout.a81b03d4 is healthy (http /healthz on 8080)",
            ),
        ),
        workload(
            "api",
            Phase.DEGRADED,
            Reason.QUARANTINED,
            "version 3.2.0 did not become healthy within 30 s and was taken back; 3.1.4 serves",
            since=stamp(660),
            revision=OLDER,
            image="registry.example.com/shop/api:3.2.0",
            quarantine="HealthTimeout: GET /healthz answered 500 (since 2026-11-24T00:19:00.000Z)",
            containers=(container("api", "registry.example.com/shop/api:3.1.4", started_at=stamp(640)),),
        ),
        workload(
            "reports",
            Phase.INVALID,
            Reason.INVALID_DOCUMENT,
            "workloads/reports.yaml:14:13: expected a size such as 64MiB, found '512 megs'; write 512MiB",
            since=stamp(1900),
            revision=OLDER,
        ),
        workload(
            "worker",
            Phase.PROGRESSING,
            Reason.DEPLOYING,
            "wait until worker.0d9c2b77 is healthy",
            since=stamp(6),
            image="registry.example.com/shop/worker:1.9.0",
            plan=(
                "pull image registry.example.com/shop/worker:1.9.0 (missing)",
                "create container worker.0d9c2b77.candidate (image changed from 1.8.3 to 1.9.0)",
                "stop container worker.66f0a1b2 (makes room)",
                "start container worker.0d9c2b77.candidate (created)",
                "wait until worker.0d9c2b77.candidate is healthy (command)",
                "rename worker.0d9c2b77.candidate to worker.0d9c2b77 (healthy)",
                "remove container worker.66f0a1b2 (replaced)",
            ),
            containers=(
                container("worker", "registry.example.com/shop/worker:1.8.3", state="exited", health=None, exit_code=0),
                container(
                    "worker-next",
                    "registry.example.com/shop/worker:1.9.0",
                    role="candidate",
                    name="worker.0d9c2b77.candidate",
                    health="starting",
                    started_at=stamp(4),
                ),
            ),
        ),
        workload(
            "gateway",
            Phase.WAITING,
            Reason.DEPENDENCY_NOT_READY,
            "waits for worker, which is Progressing",
            since=stamp(8),
            depends_on=("worker",),
            image="caddy:2.8.4",
        ),
        workload(
            "legacy-import",
            Phase.SUSPENDED,
            Reason.SUSPENDED,
            "left as it is: suspend is true in its document",
            since=stamp(86400 * 40),
            image="registry.example.com/legacy/import:2019.11",
        ),
    )


def believable_problems() -> tuple[Problem, ...]:
    return (
        Problem(
            position=Position("workloads/reports.yaml", 14, 13),
            code="InvalidSize",
            pointer="/source/memory_limit",
            expected="a size such as 64MiB or 1GiB",
            found="'512 megs'",
            fix="write 512MiB",
            kind="Workload",
            name="reports",
        ),
        Problem(
            position=Position("workloads/reports.yaml", 22, 3),
            code="UnknownField",
            pointer="/enviroment",
            expected="a field of Workload",
            found="enviroment",
            fix="did you mean env? Fields of your own begin with x-",
            kind="Workload",
            name="reports",
        ),
        Problem(
            position=Position("workloads/shop.yaml", 9, 3),
            code="NotActedOn",
            pointer="/source/strategy",
            expected="recreate",
            found="blue-green",
            fix="it is carried out as recreate by this version",
            severity=Severity.WARNING,
            kind="Workload",
            name="shop",
        ),
    )


def believable_events() -> list[Event]:
    """Oldest first."""
    rows: list[tuple[float, str, str, Reason, str, str | None, dict[str, object]]] = [
        (86400 * 1.2, "info", "agent", Reason.AGENT_STARTED, "pierhead 0.1.0 started on edge-1", None, {}),
        (86400, "info", "reconcile", Reason.DEPLOYED, "mailer runs 1.4.2", "mailer", {"seconds": 1.2}),
        (
            5400,
            "info",
            "repository",
            Reason.REVISION_SEEN,
            "following 91d07fe2a3b4 (Shop 1.4.2): 12 workloads, 0 problems",
            None,
            {},
        ),
        (
            5398,
            "info",
            "reconcile",
            Reason.DEPLOYED,
            "image changed from 1.4.1 to 1.4.2",
            "shop",
            {
                "plan": [
                    "pull image registry.example.com/shop/shop:1.4.2 (missing)",
                    "start container shop.5c1e8f02 (created)",
                ]
            },
        ),
        (
            1900,
            "error",
            "repository",
            Reason.DOCUMENT_PROBLEM,
            "workloads/reports.yaml:14:13: expected a size such as 64MiB, found '512 megs'; write 512MiB",
            "reports",
            {},
        ),
        (
            661,
            "error",
            "reconcile",
            Reason.HEALTH_TIMEOUT,
            "wait until api.77aa41d2 is healthy: GET /healthz answered 500 for 30 s",
            "api",
            {
                "logs": [
                    "api 3.2.0 listening on :8080",
                    'ERROR migration 42 is missing: relation "carts" does not exist',
                ]
            },
        ),
        (640, "warning", "reconcile", Reason.ROLLED_BACK, "api serves 3.1.4 again", "api", {}),
        (
            240,
            "error",
            "reconcile",
            Reason.CONTAINER_EXITED,
            "checkout ended with exit code 1 after 0.4 s",
            "checkout",
            {"logs": ["checkout 2.0.0 starting", "FATAL: CHECKOUT_KEY is not set"], "exit_code": 1},
        ),
        (90, "debug", "engine", Reason.HEALTHY, "cache answered", "cache", {}),
        (
            15,
            "debug",
            "trigger",
            Reason.TRIGGER_NOT_FIRED,
            "ci-push did not fire: image registry.example.com/shop/worker is not the workload's",
            "shop",
            {"trigger": "ci-push", "event": "01KB0000000000000000000015"},
        ),
        (
            15,
            "info",
            "trigger",
            Reason.TRIGGER_FIRED,
            "ci-push fired: image registry.example.com/shop/worker:1.9.0",
            "worker",
            {"trigger": "ci-push", "event": "01KB0000000000000000000015"},
        ),
        (
            10,
            "info",
            "repository",
            Reason.REVISION_SEEN,
            "following 3f9a2c1b7d40 (Worker 1.9.0): 12 workloads, 3 problems",
            None,
            {},
        ),
        (6, "info", "reconcile", Reason.DEPLOYING, "image changed from 1.8.3 to 1.9.0", "worker", {}),
    ]
    return [
        Event(
            id=f"e{number:05d}",
            time=stamp(ago),
            host="edge-1",
            severity=severity,
            source=source,
            reason=reason,
            message=message,
            workload=name,
            revision=REVISION,
            data=data,
        )
        for number, (ago, severity, source, reason, message, name, data) in enumerate(rows)
    ]


class FakeView:
    """Believable by default; `FakeView(workloads=())` is a host with nothing."""

    def __init__(self, workloads: tuple[WorkloadStatus, ...] | None = None) -> None:
        given = believable_workloads() if workloads is None else workloads
        self.host = HostStatus(
            host="edge-1",
            version="0.1.0",
            revision=REVISION,
            branch="main",
            repository="https://git.example.com/ops/config.git",
            updated_at=stamp(0),
            workloads={one.name: one for one in given},
            problems=believable_problems() if workloads is None else (),
        )
        self.log_of_events = believable_events() if workloads is None else []
        self.all_triggers = believable_triggers() if workloads is None else ()
        self.log_of_deliveries = believable_deliveries() if workloads is None else []
        self.pending = dict(PENDING) if workloads is None else {}
        self.reasons: tuple[str, ...] = ()
        self.extra_details: dict[str, object] = {}
        self.log_lines: tuple[str, ...] = (
            "2026-11-24T00:29:31Z INFO  listening on 0.0.0.0:8080",
            "2026-11-24T00:29:40Z INFO  GET /healthz 200 1ms",
            "2026-11-24T00:29:50Z WARN  slow query: 812 ms, SELECT * FROM carts WHERE customer = $1",
            "2026-11-24T00:30:00Z INFO  GET /healthz 200 1ms",
        )
        self.log_error: Exception | None = None
        self.error: Exception | None = None
        self.status_calls = 0
        self.followers = 0
        self._followed: list[str] = []
        self._more = threading.Condition()
        self._watchers: list[Callable[[], None]] = []

    # View

    def status(self) -> HostStatus:
        self.status_calls += 1
        if self.error is not None:
            raise self.error
        return self.host

    def workload(self, name: str) -> WorkloadDetail | None:
        one = self.host.workloads.get(name)
        if one is None:
            return None
        fields: dict[str, object] = {
            "status": one,
            "description": "Sells things. Owned by the shop team.",
            "labels": {"team": "shop"},
            "source": {"kind": "image", "image": one.image or "", "strategy": "recreate"},
            "environment": (
                EnvironmentEntry(name="LOG_LEVEL", value="info"),
                EnvironmentEntry(name="DATABASE_URL", secret="shop-db-url"),
            ),
            "volumes": (
                VolumeEntry(scope="project", source="data", target="/var/lib/shop", read_only=False),
                VolumeEntry(scope="absolute", source="/etc/ssl/certs", target="/etc/ssl/certs", read_only=True),
            ),
            "faces": (f"https://{name}.example.com/",),
            "publish": ("127.0.0.1:8080:8080",),
            "depends_on": one.depends_on,
            "dependents": tuple(other.name for other in self.host.workloads.values() if name in other.depends_on),
            "chain": ("shop-dev", "shop-staging", "shop") if name.startswith("shop") else (),
            "bindings": tuple(
                binding for trigger in self.all_triggers for binding in trigger.bindings if binding.workload == name
            ),
            "pending_update": self.pending.get(name, ""),
            "runs": believable_runs() if name == "mailer" else (),
        }
        return WorkloadDetail(**(fields | self.extra_details))

    def events(self, limit: int, workload: str | None = None, before: str | None = None) -> tuple[Event, ...]:
        newest_first = [
            event
            for event in reversed(self.log_of_events)
            if (workload is None or event.workload == workload) and (before is None or event.id < before)
        ]
        return tuple(newest_first[:limit])

    def logs(self, name: str, tail: int) -> tuple[str, ...] | None:
        if self.log_error is not None:
            raise self.log_error
        return self.log_lines[-tail:] if name in self.host.workloads else None

    def follow_logs(self, name: str, tail: int) -> Iterator[str]:
        if self.log_error is not None:
            raise self.log_error
        self.followers += 1
        try:
            yield from self.log_lines[-tail:]
            yield from self._new_lines()
        finally:
            self.followers -= 1

    def _new_lines(self) -> Iterator[str]:
        position = 0
        while True:
            with self._more:
                self._more.wait_for(lambda seen=position: len(self._followed) > seen)
                line = self._followed[position]
            position += 1
            if line == END:
                return
            yield line

    def triggers(self) -> tuple[TriggerDetail, ...]:
        return self.all_triggers

    def trigger(self, name: str) -> TriggerDetail | None:
        return next((one for one in self.all_triggers if one.name == name), None)

    def deliveries(
        self, limit: int, trigger: str | None = None, before: str | None = None
    ) -> tuple[DeliveryRecord, ...]:
        newest_first = [
            one
            for one in reversed(self.log_of_deliveries)
            if (trigger is None or one.trigger == trigger) and (before is None or one.id < before)
        ]
        return tuple(newest_first[:limit])

    def pending_updates(self) -> Mapping[str, str]:
        return self.pending

    def counters(self) -> tuple[Counter, ...]:
        return (
            Counter(name="passes_total", value=42, help="Passes over workloads."),
            Counter(name="fetches_total", value=7, labels={"outcome": "ok"}),
            Counter(name="fetches_total", value=1, labels={"outcome": "failed"}),
            Counter(name="queue_length", value=3, gauge=True, help="Workloads waiting for a pass."),
        )

    def unready(self) -> tuple[str, ...]:
        return self.reasons

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        self._watchers.append(changed)
        return lambda: self._watchers.remove(changed)

    # What tests do

    def events_for(self, workload: str | None) -> Callable[[int, str | None], tuple[Event, ...]]:
        """Fetches parts of the log, as the pages do."""
        return lambda limit, before: self.events(limit, workload, before)

    @property
    def watchers(self) -> int:
        return len(self._watchers)

    def change(self, name: str, **fields: object) -> None:
        """Change one workload's status."""
        workloads = dict(self.host.workloads)
        workloads[name] = dataclasses.replace(workloads[name], **fields)
        self.set(workloads=workloads)

    def set(self, **fields: object) -> None:
        """Change the host's status."""
        self.host = dataclasses.replace(self.host, **fields)
        self.tell()

    def add_event(self, event: Event) -> None:
        self.log_of_events.append(event)
        self.tell()

    def add_delivery(self, record: DeliveryRecord) -> None:
        self.log_of_deliveries.append(record)
        self.tell()

    def set_triggers(self, *triggers: TriggerDetail) -> None:
        self.all_triggers = triggers
        self.tell()

    def write_log(self, line: str) -> None:
        """One more line for all who follow; END ends the log."""
        with self._more:
            self._followed.append(line)
            self._more.notify_all()

    def tell(self) -> None:
        for changed in tuple(self._watchers):
            changed()
