"""What the host's policy forbids an image workload: those who can push must not be able to take the host over."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from agent.core.kinds import Finding
from agent.core.model import Volume, Workload
from agent.core.policy import HostPolicy
from agent.core.values import quoted
from agent.sources.image_source import ImageSource

CODE = "ForbiddenByPolicy"
SOCKETS = ("/var/run/docker.sock", "/run/docker.sock")
LOOSENED = ("unconfined", "disable", "no-new-privileges:false", "no-new-privileges=false")


def policy_findings(workload: Workload, source: ImageSource, policy: HostPolicy) -> Iterator[Finding]:
    """One finding for each right that the host does not give."""
    if source.privileged and not policy.privileged:
        yield _forbidden("/source/privileged", "no `privileged`", "`privileged: true`", "policy.privileged")
    if "host" in (source.networks or ()) and not policy.host_network:
        yield _forbidden("/source/networks", "a network of its own", "network `host`", "policy.host_network")
    if source.devices and not policy.devices:
        yield _forbidden("/source/devices", "no devices", ", ".join(source.devices), "policy.devices")
    if source.cap_add:
        yield from _capabilities(source, policy)
    if source.security_opt:
        yield from _security_options(source, policy)
    for number, volume in enumerate(() if policy.docker_socket else workload.volumes):
        if reaches_socket(volume):
            pointer, found = f"/volumes/{number}/source", quoted(volume.source)
            yield _forbidden(pointer, "no way to Docker's socket", found, "policy.docker_socket")


def _capabilities(source: ImageSource, policy: HostPolicy) -> Iterator[Finding]:
    allowed = {_capability(name) for name in policy.cap_add}
    denied = [name for name in source.cap_add if not {_capability(name), "ALL"} & allowed]
    if denied:
        expected = f"capabilities out of: {', '.join(sorted(allowed)) or 'none'}"
        yield _forbidden("/source/cap_add", expected, ", ".join(denied), "policy.cap_add")


def _capability(name: str) -> str:
    return name.upper().removeprefix("CAP_")


def _security_options(source: ImageSource, policy: HostPolicy) -> Iterator[Finding]:
    loosened = [option for option in source.security_opt if option.strip().lower().endswith(LOOSENED)]
    if loosened and not policy.privileged:
        expected = "options that only tighten security"
        yield _forbidden("/source/security_opt", expected, ", ".join(loosened), "policy.privileged")


def reaches_socket(volume: Volume) -> bool:
    """Whether a host path is Docker's socket or a folder that it lies in."""
    if volume.scope != "absolute":
        return False
    path = posixpath.normpath("/" + volume.source.lstrip("/"))
    return any(socket == path or socket.startswith(path.rstrip("/") + "/") for socket in SOCKETS)


def _forbidden(pointer: str, expected: str, found: str, setting: str) -> Finding:
    fix = f"remove it, or let the owner of the host allow it by {setting} in the host settings"
    return Finding(pointer=pointer, code=CODE, expected=expected, found=found, fix=fix)
