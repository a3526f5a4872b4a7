"""The JSON forms of the API, from the values of the view; pure. Status and problems are as in `status.schema.json`."""

from __future__ import annotations

import dataclasses

from agent.core.detail import WorkloadDetail
from agent.core.status import HostStatus, problem_as_dict, workload_as_dict
from agent.web.views.phases import rank

Document = dict[str, object]


def workloads_document(status: HostStatus) -> Document:
    """All workloads, those that need attention first."""
    ordered = sorted(status.workloads.values(), key=lambda one: (rank(one.phase), one.name))
    return {"revision": status.revision, "workloads": [workload_as_dict(one) for one in ordered]}


def workload_document(detail: WorkloadDetail) -> Document:
    """The status of a workload and everything else known about it, in one object."""
    document = {field.name: getattr(detail, field.name) for field in dataclasses.fields(detail)}
    document["environment"] = [dataclasses.asdict(entry) for entry in detail.environment]
    document["volumes"] = [dataclasses.asdict(entry) for entry in detail.volumes]
    document["status"] = workload_as_dict(detail.status)
    return document


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
