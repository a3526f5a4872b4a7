"""From a workload to the containers that it means: image reference, mounts by scope, networks, everything explicit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from agent.core.container import ContainerSpec, Mount
from agent.core.drift import PREDEFINED_NETWORKS
from agent.core.model import RunSpec, Settings, Volume, Workload
from agent.sources.image_source import ImageSource


def containers(workload: Workload, settings: Settings, registry_hosts: Mapping[str, str]) -> tuple[ContainerSpec, ...]:
    """All wanted containers of an image workload: instances in the order of their tags, replicas by index."""
    source = source_of(workload)
    return tuple(
        _container(workload, settings, image_reference(source, registry_hosts, instance), (instance, index))
        for instance in source.instances
        for index in range(1, source.replicas + 1)
    )


def run_container(
    workload: Workload, run: RunSpec, settings: Settings, registry_hosts: Mapping[str, str]
) -> ContainerSpec:
    """The one-off container of an image workload: of its newest version, and nobody's service.

    What leads others to a service is left out: ports, the alias, and labels, by which proxies choose whom to ask.
    """
    source = source_of(workload)
    instance = source.instances[0]
    spec = _container(workload, settings, image_reference(source, registry_hosts, instance), (instance, 1))
    command = spec.command if run.command is None else run.command
    return replace(spec, command=command, restart="no", publish=(), aliases=(), healthcheck=None, labels={})


def source_of(workload: Workload) -> ImageSource:
    """The workload's source, which is an image's."""
    source = workload.source
    if not isinstance(source, ImageSource):
        raise TypeError(f"workload {workload.name}: expected an image source, found {type(source).__name__}")
    return source


def image_reference(source: ImageSource, registry_hosts: Mapping[str, str], instance: str = "") -> str:
    """What is pulled: `[HOST/]IMAGE@DIGEST`, else `[HOST/]IMAGE:TAG`; one inside `image` counts too."""
    name, at, inner_digest = source.image.partition("@")
    path, colon, inner_tag = name.rpartition(":")
    if not colon or "/" in inner_tag:
        path, inner_tag = name, ""
    host = registry_hosts.get(source.registry or "", "")
    repository = f"{host}/{path}" if host and not path.startswith(f"{host}/") else path
    digest = "" if instance else source.digest or (inner_digest if at and not source.tag else "")
    return f"{repository}@{digest}" if digest else f"{repository}:{instance or source.tag or inner_tag or 'latest'}"


def _container(workload: Workload, settings: Settings, image: str, place: tuple[str, int]) -> ContainerSpec:
    source, (instance, index) = source_of(workload), place
    networks = _networks(source, settings)
    return ContainerSpec(
        workload=workload.name,
        workload_id=workload.id,
        instance=instance,
        index=index,
        image=image,
        registry=source.registry,
        platform=source.platform,
        pull=source.pull,
        command=source.command,
        entrypoint=source.entrypoint,
        user=source.user,
        working_dir=source.working_dir,
        env=workload.env,
        mounts=tuple(_mount(volume, workload, instance or source.tag or "latest") for volume in workload.volumes),
        networks=networks,
        aliases=(workload.name,) if set(networks) - PREDEFINED_NETWORKS else (),
        network_of=source.network_of,
        publish=workload.publish,
        healthcheck=source.healthcheck,
        cpu_limit=source.cpu_limit,
        memory_limit=source.memory_limit,
        pids_limit=source.pids_limit,
        restart=source.restart,
        stop_timeout=source.stop_timeout,
        labels=source.labels,
        read_only=source.read_only,
        cap_add=source.cap_add,
        cap_drop=source.cap_drop,
        security_opt=source.security_opt,
        extra_hosts=source.extra_hosts,
        ulimits=source.ulimits,
        init=source.init,
        privileged=source.privileged,
        devices=source.devices,
        logging=source.logging,
    )


def _networks(source: ImageSource, settings: Settings) -> tuple[str, ...]:
    if source.network_of:
        return ()
    return (settings.default_network,) if source.networks is None else source.networks


def _mount(volume: Volume, workload: Workload, tag: str) -> Mount:
    """One of the seven scopes of a volume."""
    match volume.scope:
        case "absolute":
            kind, source = "bind", volume.source
        case "ephemeral":
            kind, source = "tmpfs", ""
        case "instance":
            kind, source = "managed", f"instance-{tag}/{volume.source}"
        case "project_named":
            kind, source = "volume", f"ph-{workload.id}-{volume.source}"
        case "named":
            kind, source = "volume", volume.source
        case _:  # stage and project
            kind, source = "managed", volume.source
    return Mount(type=kind, source=source, target=volume.target, read_only=volume.read_only)
