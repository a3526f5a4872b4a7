"""The JSON forms of the API, from the values of the view; pure. Status and problems are as in `status.schema.json`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from agent.core.deliveries import DeliveryRecord
from agent.core.detail import TriggerDetail, WorkloadDetail
from agent.core.status import HostStatus, problem_as_dict, workload_as_dict
from agent.web.views.phases import rank

Document = dict[str, object]


def workloads_document(status: HostStatus) -> Document:
    """All workloads, those that need attention first."""
    ordered = sorted(status.workloads.values(), key=lambda one: (rank(one.phase), one.name))
    return {"revision": status.revision, "workloads": [workload_as_dict(one) for one in ordered]}


def workload_document(detail: WorkloadDetail) -> Document:
    """The status of a workload and everything else known about it, in one object."""
    document = _fields(detail)
    for name in ("environment", "volumes", "bindings", "runs"):
        document[name] = [dataclasses.asdict(entry) for entry in getattr(detail, name)]
    return document | {"status": workload_as_dict(detail.status)}


def triggers_document(triggers: Iterable[TriggerDetail]) -> Document:
    """All triggers, those that do not work first."""
    ordered = sorted(triggers, key=lambda one: (not one.trouble, one.name))
    return {"triggers": [trigger_document(one) for one in ordered]}


def trigger_document(detail: TriggerDetail) -> Document:
    """One trigger and its bindings."""
    return _fields(detail) | {"bindings": [dataclasses.asdict(entry) for entry in detail.bindings]}


def deliveries_document(records: Iterable[DeliveryRecord], next_before: str | None) -> Document:
    return {"deliveries": [record.as_dict() for record in records], "next_before": next_before}


def plan_document(status: HostStatus) -> Document:
    """What each workload's last pass decided, why, and its steps."""
    plans = [
        {
            "name": one.name,
            "phase": str(one.phase),
            "reason": str(one.reason),
            "message": one.message,
            "until": one.until,
            "plan": list(one.plan),
        }
        for one in status.workloads.values()
    ]
    return {"revision": status.revision, "workloads": plans}


def problems_document(status: HostStatus) -> Document:
    return {"revision": status.revision, "problems": [problem_as_dict(problem) for problem in status.problems]}


def _fields(detail: TriggerDetail | WorkloadDetail) -> Document:
    """Its fields by name; what they hold is left as it is."""
    return {field.name: getattr(detail, field.name) for field in dataclasses.fields(detail)}
