"""Our container as the engine's create request, field group by field group. Pure: paths and secrets come resolved.

Fields that the workload leaves open are left out, so the engine's own defaults and the image's own settings hold.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from agent.core.actions import CreateContainer, UpdateContainer
from agent.core.container import ContainerSpec, Mount
from agent.core.model import HealthCheck, Publish
from agent.engine.labels import container_labels
from agent.engine.observe import LIFTED_CPUS, LIFTED_MEMORY

NANO = 1_000_000_000
BUILT_IN_NETWORKS = ("bridge", "default", "host", "none")
Payload = dict[str, Any]


def create_payload(
    action: CreateContainer, host: str, env: Mapping[str, str], mounts: Sequence[Mount], *, start_interval: bool = False
) -> Payload:
    """The body of `POST /containers/create`.

    `env` holds resolved values, `mounts` resolved sources (no `managed` ones). `start_interval`: the engine knows
    health checks that run faster while the container starts (API 1.44).
    """
    spec = action.spec
    payload: Payload = {
        "Image": spec.image,
        "Env": [f"{name}={value}" for name, value in sorted(env.items())],
        "Labels": container_labels(action, host),
        "StopTimeout": math.ceil(spec.stop_timeout),
        "HostConfig": _host_config(spec, mounts) | _network_mode(action),
    }
    payload |= _process(spec)
    payload |= _health(spec.healthcheck, start_interval=start_interval)
    if spec.publish:
        payload["ExposedPorts"] = {_port(port): {} for port in spec.publish}
    first = first_network(spec)
    if first is not None and first not in BUILT_IN_NETWORKS:
        payload["NetworkingConfig"] = {"EndpointsConfig": {first: {"Aliases": list(spec.aliases)}}}
    return payload


def update_payload(action: UpdateContainer, found: Mapping[str, Any], cpus: int) -> Payload:
    """The body of `POST /containers/{id}/update`; `found` is the present HostConfig, `cpus` is how many the host has.

    Zero means "leave as it is" to the engine, so a limit that is to go is replaced by one that cannot be reached, and
    which `observe` reads as none.
    """
    payload: Payload = {"RestartPolicy": restart_policy(action.restart), "PidsLimit": action.pids_limit or -1}
    if action.cpu_limit is not None:
        payload["NanoCpus"] = round(action.cpu_limit * NANO)
    elif found.get("NanoCpus"):
        payload["NanoCpus"] = cpus * NANO - LIFTED_CPUS
    if action.memory_limit is not None:
        payload |= {"Memory": action.memory_limit, "MemorySwap": action.memory_limit * 2}
    elif found.get("Memory"):
        payload |= {"Memory": LIFTED_MEMORY, "MemorySwap": LIFTED_MEMORY}
    return payload


def first_network(spec: ContainerSpec) -> str | None:
    """The network that a container is created in; None when it joins another container's."""
    if spec.network_of is not None:
        return None
    return spec.networks[0] if spec.networks else "default"


def further_networks(spec: ContainerSpec) -> tuple[str, ...]:
    """Networks connected after the creation: an engine before API 1.44 accepts one network only."""
    return () if spec.network_of is not None else spec.networks[1:]


def restart_policy(text: str) -> Payload:
    """`no`, `always`, `unless-stopped`, `on-failure` or `on-failure:5`; empty is `no`."""
    name, _, count = text.partition(":")
    return {"Name": name or "no", "MaximumRetryCount": int(count or 0)}


def _process(spec: ContainerSpec) -> Payload:
    payload: Payload = {}
    if spec.command is not None:
        payload["Cmd"] = list(spec.command)
    if spec.entrypoint is not None:
        payload["Entrypoint"] = list(spec.entrypoint)
    if spec.user is not None:
        payload["User"] = spec.user
    if spec.working_dir is not None:
        payload["WorkingDir"] = spec.working_dir
    return payload


def _health(check: HealthCheck | None, *, start_interval: bool) -> Payload:
    """Docker runs commands; what the agent probes itself must not be run by Docker as well; else the image decides."""
    if check is None:
        return {}
    if check.command is None:
        return {"Healthcheck": {"Test": ["NONE"]}}
    health: Payload = {
        "Test": ["CMD", *check.command],
        "Interval": _nanoseconds(check.interval),
        "Timeout": _nanoseconds(check.timeout),
        "Retries": check.retries,
        "StartPeriod": _nanoseconds(check.start_period),
    }
    if start_interval:
        health["StartInterval"] = _nanoseconds(min(1.0, check.interval))
    return {"Healthcheck": health}


def _nanoseconds(seconds: float) -> int:
    """The engine refuses less than a millisecond."""
    return max(1_000_000, round(seconds * NANO)) if seconds else 0


def _host_config(spec: ContainerSpec, mounts: Sequence[Mount]) -> Payload:
    config: Payload = {"Init": spec.init, "RestartPolicy": restart_policy(spec.restart)}
    config |= _limits(spec) | _rights(spec)
    if mounts:
        config["Mounts"] = [_mount(mount) for mount in mounts]
    if spec.publish:
        config["PortBindings"] = _bindings(spec.publish)
    if spec.extra_hosts:
        config["ExtraHosts"] = [_extra_host(entry) for entry in spec.extra_hosts]
    if spec.logging:
        options = spec.logging.get("options")
        config["LogConfig"] = {
            "Type": str(spec.logging.get("driver", "json-file")),
            "Config": {str(name): str(value) for name, value in options.items()}
            if isinstance(options, Mapping)
            else {},
        }
    return config


def _limits(spec: ContainerSpec) -> Payload:
    """Swap is left to the engine, whose default is as much again as the memory limit."""
    limits: Payload = {}
    if spec.cpu_limit is not None:
        limits["NanoCpus"] = round(spec.cpu_limit * NANO)
    if spec.memory_limit is not None:
        limits["Memory"] = spec.memory_limit
    if spec.pids_limit is not None:
        limits["PidsLimit"] = spec.pids_limit
    if spec.ulimits:
        limits["Ulimits"] = [{"Name": one.name, "Soft": one.soft, "Hard": one.hard} for one in spec.ulimits]
    return limits


def _rights(spec: ContainerSpec) -> Payload:
    rights: Payload = {}
    if spec.read_only:
        rights["ReadonlyRootfs"] = True
    if spec.privileged:
        rights["Privileged"] = True
    if spec.cap_add:
        rights["CapAdd"] = list(spec.cap_add)
    if spec.cap_drop:
        rights["CapDrop"] = list(spec.cap_drop)
    if spec.security_opt:
        rights["SecurityOpt"] = list(spec.security_opt)
    if spec.devices:
        rights["Devices"] = [_device(entry) for entry in spec.devices]
    return rights


def _network_mode(action: CreateContainer) -> Payload:
    if action.spec.network_of is not None:
        return {"NetworkMode": f"container:{action.network_container or action.spec.network_of}"}
    return {"NetworkMode": first_network(action.spec)}


def _mount(mount: Mount) -> Payload:
    body: Payload = {"Type": mount.type, "Target": mount.target}
    if mount.source:
        body["Source"] = mount.source
    if mount.read_only:
        body["ReadOnly"] = True
    return body


def _port(publish: Publish) -> str:
    return f"{publish.container_port}/{publish.protocol}"


def _bindings(publish: Sequence[Publish]) -> Payload:
    bindings: dict[str, list[dict[str, str]]] = {}
    for port in publish:
        bindings.setdefault(_port(port), []).append({"HostIp": port.host_ip, "HostPort": str(port.host_port)})
    return bindings


def _extra_host(entry: str) -> str:
    """`name:address` and, as newer tools write it, `name=address`."""
    name, separator, address = entry.partition("=")
    return f"{name}:{address}" if separator and ":" not in name else entry


def _device(entry: str) -> Payload:
    on_host, _, rest = entry.partition(":")
    inside, _, rights = rest.partition(":")
    return {"PathOnHost": on_host, "PathInContainer": inside or on_host, "CgroupPermissions": rights or "rwm"}
