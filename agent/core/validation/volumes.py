"""Volumes of one workload: paths that mean something, and nothing of the host that its policy does not allow.

Everything here is about the text of a path; links in the file system are resolved by the engine, just before use.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from functools import lru_cache

from agent.core.kinds import Finding
from agent.core.model import Volume, Workload
from agent.core.policy import HostPolicy
from agent.core.values import quoted

_NAMED = frozenset(("named", "project_named"))
_VOLUME_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_SOCKETS = ("/var/run/docker.sock", "/run/docker.sock")


def check_volumes(workload: Workload, policy: HostPolicy) -> Iterator[Finding]:
    """What is wrong with the volumes of one workload."""
    targets: dict[str, int] = {}
    for index, volume in enumerate(workload.volumes):
        pointer = f"/volumes/{index}"
        target = _normal(volume.target)
        taken = targets.setdefault(target, index) != index
        if taken or target == "/" or ":" in target:
            yield _wrong_target(volume, pointer, target)
        if volume.scope == "absolute":
            yield from _check_host_path(volume, pointer, policy)
        elif volume.scope in _NAMED:
            yield from _check_volume_name(volume, pointer)
        elif volume.scope != "ephemeral":
            yield from _check_folder(volume, pointer)


@lru_cache(maxsize=4096)
def _normal(path: str) -> str:
    """The path without `.`, `..` and doubled slashes."""
    return posixpath.normpath(f"/{path.lstrip('/')}")


def _wrong_target(volume: Volume, pointer: str, target: str) -> Finding:
    if target == "/" or ":" in target:
        expected, fix = "a folder inside the container, without `:`", "mount below /, for example at /data"
        return _finding(pointer, "target", "InvalidTarget", (expected, volume.target, fix))
    expected, fix = "each target once", "give one of the two volumes another target"
    return _finding(pointer, "target", "DuplicateTarget", (expected, volume.target, fix))


def _check_host_path(volume: Volume, pointer: str, policy: HostPolicy) -> Iterator[Finding]:
    if not volume.source.startswith("/") or ":" in volume.source:
        wrong = ("an absolute path of the host, without `:`", volume.source, "begin it with /")
        yield _finding(pointer, "source", "InvalidPath", wrong)
        return
    path = _normal(volume.source)
    if path in _SOCKETS and policy.docker_socket:
        return
    if any(is_below(socket, path) for socket in _SOCKETS) and not policy.docker_socket:
        fix = "ask whoever runs the host to set `policy.docker_socket: true`, or do without"
        wrong = ("a path without the Docker socket, which this host does not allow", volume.source, fix)
        yield _finding(pointer, "source", "ForbiddenPath", wrong)
    elif not any(is_below(path, _normal(allowed)) for allowed in policy.allowed_volume_paths):
        allowed = ", ".join(policy.allowed_volume_paths)
        expected = f"a path below {allowed}" if allowed else "no absolute volume: this host allows none"
        fix = "use another scope, or have the path added to `policy.allowed_volume_paths` of the host"
        yield _finding(pointer, "source", "ForbiddenPath", (expected, volume.source, fix))


def is_below(path: str, folder: str) -> bool:
    """Whether a normalised path is the folder or lies in it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _check_volume_name(volume: Volume, pointer: str) -> Iterator[Finding]:
    if not _VOLUME_NAME.fullmatch(volume.source):
        wrong = ("a volume name: letters, digits, dot, underscore and hyphen", volume.source, "rename it")
        yield _finding(pointer, "source", "InvalidVolumeName", wrong)


def _check_folder(volume: Volume, pointer: str) -> Iterator[Finding]:
    parts = volume.source.split("/")
    if not volume.source or volume.source.startswith("/") or ".." in parts or ":" in volume.source:
        expected = f"a relative path without `..` and `:` for scope {volume.scope}"
        fix = "name a folder such as `data`; a path of the host needs `scope: absolute`"
        yield _finding(pointer, "source", "InvalidPath", (expected, volume.source, fix))


def _finding(pointer: str, field: str, code: str, wrong: tuple[str, str, str]) -> Finding:
    """`wrong` is what was expected, what was found, and the fix."""
    expected, found, fix = wrong
    return Finding(
        pointer=f"{pointer}/{field}", code=code, expected=expected, found=quoted(found) if found else "none", fix=fix
    )
