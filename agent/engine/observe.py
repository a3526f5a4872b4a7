"""The engine's JSON as our own values: one list entry or one inspection is one container. Nothing is decided here.

The list is parsed for every pass, so what it does not say (limits, restart policy) is not looked for in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from agent.core.moments import epoch
from agent.core.naming import role_of
from agent.core.observed import ContainerDetail, ObservedContainer, Role
from agent.engine.labels import EXTRA, FINGERPRINT, ID, REVISION, ROLE, WORKLOAD

Raw = Mapping[str, Any]

EXIT_CODE = re.compile(r"\((\d+)\)")
ENDED = ("exited", "restarting", "dead")
HEALTH_LINES = 3

# A limit cannot be taken away from a container, only raised: these are read as "no limit".
LIFTED_MEMORY = 1 << 60
LIFTED_CPUS = 1
"""Billionths of a processor less than the host has."""


def observed(raw: Raw) -> ObservedContainer:
    """One entry of the container list."""
    labels = raw.get("Labels") or {}
    status = raw.get("Status", "")
    state = raw.get("State", "")
    name = _own_name(raw.get("Names") or ())
    extra = _extra(labels)
    mode = (raw.get("HostConfig") or {}).get("NetworkMode", "")
    return ObservedContainer(
        id=raw["Id"],
        name=name,
        workload=labels.get(WORKLOAD, ""),
        workload_id=labels.get(ID, ""),
        fingerprint=labels.get(FINGERPRINT, ""),
        revision=labels.get(REVISION, ""),
        role=_role(labels, name),
        instance=str(extra.get("instance", "")),
        index=_index(extra),
        state=state,
        health=_health_in_words(status),
        exit_code=_exit_code(status) if state in ENDED else None,
        image=raw.get("Image", ""),
        image_id=raw.get("ImageID", ""),
        created=raw.get("Created", 0),
        network_container=_joined(mode),
        networks=addresses(raw),
        volumes=_volumes(raw),
        extra=extra,
    )


def observed_in_detail(raw: Raw) -> ObservedContainer:
    """The same from an inspection."""
    labels = raw["Config"].get("Labels") or {}
    state = raw["State"]
    name = raw["Name"].removeprefix("/")
    extra = _extra(labels)
    return ObservedContainer(
        id=raw["Id"],
        name=name,
        workload=labels.get(WORKLOAD, ""),
        workload_id=labels.get(ID, ""),
        fingerprint=labels.get(FINGERPRINT, ""),
        revision=labels.get(REVISION, ""),
        role=_role(labels, name),
        instance=str(extra.get("instance", "")),
        index=_index(extra),
        state=state["Status"],
        health=_health(state),
        exit_code=state["ExitCode"] if state["Status"] in ENDED else None,
        image=raw["Config"].get("Image", ""),
        image_id=raw["Image"],
        created=int(epoch(raw["Created"])),
        network_container=_joined(raw["HostConfig"].get("NetworkMode", "")),
        networks=addresses(raw),
        volumes=_volumes(raw),
        extra=extra,
    )


def detail(raw: Raw, image_digest: str | None) -> ContainerDetail:
    """What only an inspection tells."""
    limits = raw["HostConfig"]
    state = raw["State"]
    return ContainerDetail(
        memory_limit=_memory(limits.get("Memory") or 0),
        cpu_limit=_cpus(limits),
        pids_limit=_pids(limits.get("PidsLimit")),
        restart=_restart(limits.get("RestartPolicy") or {}),
        oom_killed=bool(state.get("OOMKilled")),
        restart_count=raw.get("RestartCount", 0),
        exit_code=state["ExitCode"] if state["Status"] in ENDED else None,
        started_at=state.get("StartedAt", ""),
        finished_at=state.get("FinishedAt", ""),
        image_digest=image_digest,
        error=state.get("Error", ""),
        health_output=_health_output(state),
    )


def _role(labels: Mapping[str, str], name: str) -> Role:
    """The name tells, but a one-off container is one whatever it is called."""
    return Role.RUN if labels.get(ROLE) == Role.RUN else role_of(name)


def _own_name(names: Iterable[str]) -> str:
    """The container's own name; names with a second slash are links of other containers."""
    return next((name[1:] for name in names if "/" not in name[1:]), "")


def _extra(labels: Mapping[str, str]) -> Mapping[str, object]:
    """The additive label; what cannot be read counts as empty."""
    try:
        extra = json.loads(labels.get(EXTRA, "{}"))
    except ValueError:
        return {}
    return extra if isinstance(extra, dict) else {}


def _index(extra: Mapping[str, object]) -> int:
    index = extra.get("index", 1)
    return index if isinstance(index, int) else 1


def _joined(mode: str) -> str | None:
    return mode.removeprefix("container:") if mode.startswith("container:") else None


def addresses(raw: Raw) -> dict[str, str]:
    """IPv4 address by network; empty while the container does not run."""
    networks = (raw.get("NetworkSettings") or {}).get("Networks") or {}
    return {name: (endpoint or {}).get("IPAddress", "") for name, endpoint in networks.items()}


def _volumes(raw: Raw) -> tuple[str, ...]:
    """Names of volumes and paths of host folders, without duplicates."""
    found = ((one.get("Name") or one.get("Source") or "") for one in raw.get("Mounts") or ())
    return tuple(sorted({name for name in found if name}))


def _health_in_words(status: str) -> str | None:
    """The list tells health only in its text: `Up 3 seconds (healthy)`."""
    if not status.endswith(")"):
        return None
    if status.endswith("(healthy)"):
        return "healthy"
    if status.endswith("(unhealthy)"):
        return "unhealthy"
    return "starting" if status.endswith("(health: starting)") else None


def _exit_code(status: str) -> int | None:
    """`Exited (137) 2 hours ago`, `Restarting (1) 2 seconds ago`."""
    match = EXIT_CODE.search(status)
    return int(match[1]) if match else None


def _health(state: Raw) -> str | None:
    status = (state.get("Health") or {}).get("Status", "none")
    return None if status in ("none", "") else str(status)


def _health_output(state: Raw) -> str:
    log = (state.get("Health") or {}).get("Log") or ()
    lines = log[-1].get("Output", "").strip().splitlines() if log else []
    return "\n".join(lines[-HEALTH_LINES:])


def _memory(limit: int) -> int | None:
    return None if limit <= 0 or limit >= LIFTED_MEMORY else limit


def _cpus(limits: Raw) -> float | None:
    nano = limits.get("NanoCpus") or 0
    if nano:
        return None if (nano + LIFTED_CPUS) % 1_000_000_000 == 0 else float(nano) / 1e9
    quota = limits.get("CpuQuota") or 0
    return float(quota) / (limits.get("CpuPeriod") or 100_000) if quota > 0 else None


def _pids(limit: int | None) -> int | None:
    return None if limit is None or limit <= 0 else limit


def _restart(policy: Raw) -> str:
    name = policy.get("Name") or "no"
    count = policy.get("MaximumRetryCount") or 0
    return f"{name}:{count}" if name == "on-failure" and count else name
