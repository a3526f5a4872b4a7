"""Where mounts come from on the host. A bind never leaves the paths that the host's policy allows, and a managed folder
never leaves `volume_dir`, whatever symbolic links a container or a person has put in the way. Nothing is ever deleted.
"""

from __future__ import annotations

import dataclasses
import os
import posixpath
from collections.abc import Callable
from pathlib import Path

from agent.core.container import ContainerSpec, Mount
from agent.core.policy import HostPolicy
from agent.core.reasons import Reason
from agent.errors import Stalled, Transient


class HostPaths:
    """Resolves the mounts of one container to what the engine is given.

    `resolvable()` tells whether the agent sees the host's own files. It does not inside a container or beside a remote
    engine: there bind sources can only be compared as text, so a symbolic link on the host is not noticed, and managed
    folders need `volume_dir` mounted into the agent's container at the same path.
    """

    def __init__(
        self, volume_dir: Path, policy: HostPolicy, socket: str | None, resolvable: Callable[[], bool]
    ) -> None:
        self._volume_dir = volume_dir
        self._policy = policy
        self._socket = socket
        self._resolvable = resolvable

    def resolve(self, spec: ContainerSpec) -> tuple[Mount, ...]:
        """All mounts with absolute, checked sources; makes managed folders that are missing."""
        return tuple(self._resolve(mount, spec) for mount in spec.mounts)

    def _resolve(self, mount: Mount, spec: ContainerSpec) -> Mount:
        if mount.type == "bind":
            return dataclasses.replace(mount, source=self._bind(mount.source))
        if mount.type == "managed":
            folder = self._managed(spec.workload, spec.workload_id, mount.source)
            return dataclasses.replace(mount, type="bind", source=folder)
        return mount

    def _bind(self, source: str) -> str:
        if not posixpath.isabs(source):
            raise Stalled(Reason.FORBIDDEN_PATH, f"bind of {source}: expected an absolute path of the host")
        resolvable = self._resolvable()
        path = _real(source) if resolvable else posixpath.normpath(source)
        if self._touches_socket(path):
            return path
        allowed = [_real(one) if resolvable else posixpath.normpath(one) for one in self._policy.allowed_volume_paths]
        if any(_below(path, one) for one in allowed):
            return path
        shown = source if path == source else f"{source} (which is {path})"
        listed = ", ".join(self._policy.allowed_volume_paths) or "none"
        raise Stalled(
            Reason.FORBIDDEN_PATH,
            f"bind of {shown}: not below an allowed path of this host (allowed: {listed})",
            advice="choose another path or scope, or add it to policy.allowed_volume_paths in the host settings",
        )

    def _touches_socket(self, path: str) -> bool:
        """The engine's socket, or a folder that holds it, is root on the host: only policy.docker_socket gives it."""
        if self._socket is None or not _below(_real(self._socket), path):
            return False
        if self._policy.docker_socket:
            return True
        raise Stalled(
            Reason.FORBIDDEN_PATH,
            f"bind of {path}: it gives access to the engine's socket",
            advice="set policy.docker_socket in the host settings if that is meant",
        )

    def _managed(self, workload: str, workload_id: str, source: str) -> str:
        base = self._volume_dir
        try:
            base.mkdir(parents=True, exist_ok=True)
            base = base.resolve()
            folder = self._folder(base, workload, workload_id) / source
            self._inside(folder, base, source)
            folder.mkdir(parents=True, exist_ok=True)
            self._inside(folder, base, source)
        except OSError as error:
            raise Transient(
                Reason.DISK_FULL if error.errno == 28 else Reason.STEP_FAILED,
                f"volume folder {source} of {workload}: {error.strerror} ({error.filename})",
                advice=f"make {self._volume_dir} writable for the agent and see that its disk has room",
                retry_after=60.0,
            ) from error
        return str(folder.resolve())

    def _folder(self, base: Path, workload: str, workload_id: str) -> Path:
        """The workload's own folder, found by id: a workload that was renamed keeps its data."""
        expected = base / f"{workload}-{workload_id}"
        if expected.is_dir():
            return expected
        known = sorted(one for one in os.listdir(base) if one.endswith(f"-{workload_id}"))  # noqa: PTH208 - names only
        return base / known[0] if known else expected

    def _inside(self, folder: Path, base: Path, source: str) -> None:
        if _below(str(folder.resolve()), str(base)) and folder.resolve() != base:
            return
        raise Stalled(
            Reason.FORBIDDEN_PATH,
            f"volume folder {source}: leads out of {base} to {folder.resolve()}",
            advice="remove the symbolic link or the `..` that leads there",
        )


def _real(path: str) -> str:
    """The path with every symbolic link followed, as far as it exists."""
    return os.path.realpath(path)


def _below(path: str, parent: str) -> bool:
    """Whether `path` is `parent` or lies in it; both normalised."""
    return path == parent or path.startswith(parent.rstrip("/") + "/")
