"""The labels by which everything of ours is known again. Users cannot set names that start with them."""

from __future__ import annotations

import json

from agent.core.actions import CreateContainer

PREFIX = "pierhead."
HOST = "pierhead.host"
WORKLOAD = "pierhead.workload"
ID = "pierhead.id"
FINGERPRINT = "pierhead.fingerprint"
REVISION = "pierhead.revision"
ROLE = "pierhead.role"
EXTRA = "pierhead.extra"
LEASE = "pierhead.lease"


def container_labels(action: CreateContainer, host: str) -> dict[str, str]:
    """Labels of a new container: the user's, less those that claim to be ours, and ours."""
    spec = action.spec
    extra: dict[str, object] = {"index": spec.index, "instance": spec.instance, "prune": action.prune, **action.extra}
    if spec.generation:
        extra["generation"] = spec.generation
    users = {name: value for name, value in spec.labels.items() if not name.startswith(PREFIX)}
    return users | {
        HOST: host,
        WORKLOAD: spec.workload,
        ID: spec.workload_id,
        FINGERPRINT: action.fingerprint,
        REVISION: action.revision,
        ROLE: action.role,
        EXTRA: json.dumps(extra, sort_keys=True, separators=(",", ":")),
    }
