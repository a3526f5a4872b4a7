"""GET /metrics: the view as Prometheus text, collected when asked, from a registry of its own.

prometheus-client is imported with the first scrape, so that an agent nobody scrapes does not pay for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from agent.core.detail import Counter, TriggerDetail
from agent.core.problems import Severity
from agent.core.reasons import Phase
from agent.core.status import HostStatus
from agent.ports_web import View
from agent.web.views.text import one_line

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

PREFIX = "pierhead_"


class Metrics:
    """The endpoint, and the collector of its registry."""

    def __init__(self, view: View) -> None:
        self._view = view

    def __call__(self, request: Request) -> Response:  # noqa: ARG002 - the signature of an endpoint
        from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        headers = {"content-type": CONTENT_TYPE_LATEST, "cache-control": "no-store"}
        return Response(generate_latest(registry), headers=headers)

    def collect(self) -> Iterator[Metric]:
        status = self._view.status()
        yield _gauge("info", "Who this agent is and which commit it acts upon; always 1.", [(_identity(status), 1)])
        yield _gauge("ready", "1 when the agent does its work, else 0.", [({}, 0 if self._view.unready() else 1)])
        yield from _of_workloads(status)
        yield from _of_problems(status)
        yield _triggers(self._view.triggers())
        yield _updates(status, self._view.pending_updates())
        yield from _counted(self._view.counters())


def _identity(status: HostStatus) -> dict[str, str]:
    return {"host": status.host, "version": status.version, "revision": status.revision or ""}


def _of_workloads(status: HostStatus) -> Iterator[Metric]:
    counts = status.counts()
    phases = [({"phase": str(phase)}, float(counts.get(phase, 0))) for phase in Phase]
    yield _gauge("workloads", "How many workloads are in each phase.", phases)
    current = [
        ({"workload": one.name, "phase": str(one.phase), "reason": str(one.reason)}, 1.0)
        for one in status.workloads.values()
    ]
    yield _gauge("workload_phase", "1 for the phase and reason that each workload is in now.", current)


def _of_problems(status: HostStatus) -> Iterator[Metric]:
    severities = [problem.severity for problem in status.problems]
    found = [({"severity": str(one)}, float(severities.count(one))) for one in Severity]
    yield _gauge("problems", "Problems in the documents of the config repository.", found)
    conditions = [({"condition": name}, 1.0) for name in status.conditions]
    yield _gauge("condition", "1 for each thing that is wrong with the agent itself.", conditions)


def _triggers(triggers: Sequence[TriggerDetail]) -> Metric:
    trouble = [({"trigger": one.name, "kind": one.kind}, 1.0 if one.trouble else 0.0) for one in triggers]
    return _gauge("trigger_trouble", "1 for each trigger that does not work now, else 0.", trouble)


def _updates(status: HostStatus, pending: Mapping[str, str]) -> Metric:
    names = sorted({*status.workloads, *pending})
    waiting = [({"workload": name}, 1.0 if name in pending else 0.0) for name in names]
    return _gauge("workload_update_pending", "1 while an update waits to be written to git, else 0.", waiting)


def _gauge(name: str, text: str, samples: Sequence[tuple[dict[str, str], float]]) -> Metric:
    return _family(
        name, text, [Counter(name=name, value=value, labels=labels, gauge=True) for labels, value in samples]
    )


def _counted(counters: Sequence[Counter]) -> Iterator[Metric]:
    ordered = sorted(counters, key=lambda one: one.name)
    for name, group in groupby(ordered, key=lambda one: one.name):
        samples = list(group)
        text = next((one.help for one in samples if one.help), name.replace("_", " "))
        yield _family(name, text, samples)


def _family(name: str, text: str, samples: Sequence[Counter]) -> Metric:
    """One family; samples may carry different labels, missing ones are empty."""
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    names = sorted({label for sample in samples for label in sample.labels})
    make = GaugeMetricFamily if not samples or samples[0].gauge else CounterMetricFamily
    family: Metric = make(PREFIX + name, text, labels=names)
    for sample in samples:
        family.add_metric([one_line(sample.labels.get(label, ""), 300) for label in names], sample.value)  # type: ignore[attr-defined]
    return family
