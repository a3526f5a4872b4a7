"""Images made from nothing but given files, and removing all that one host name made: what a demo and tests need.

An image is imported as one layer, so neither a registry nor a builder takes part. Only what carries our label is
removed.
"""

from __future__ import annotations

import io
import stat
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import docker.errors

from agent.engine.connection import Connection
from agent.engine.labels import HOST

SCRATCH = "pierhead.scratch"
EXECUTABLE = 0o755
PLAIN = 0o644


@dataclass(frozen=True, slots=True, kw_only=True)
class ScratchFile:
    """One entry of an image: content, or the target of a symbolic link, or a folder when both are None."""

    path: str
    content: bytes | None = None
    link: str | None = None
    mode: int = PLAIN


def import_image(
    connection: Connection, name: str, files: Iterable[ScratchFile], changes: Iterable[str], digest: str
) -> bool:
    """Make the image `repository:tag`; False when one with the same digest label is there already.

    `changes` are Dockerfile instructions such as `CMD ["/bin/run"]`.
    """
    with connection.calling(f"look for image {name}") as client:
        sdk: Any = client
        try:
            labels = sdk.inspect_image(name)["Config"]["Labels"] or {}
        except docker.errors.NotFound:
            labels = {}
    if labels.get(SCRATCH) == digest:
        return False
    repository, _, tag = name.rpartition(":")
    with connection.calling(f"make image {name}") as client:
        client.import_image_from_data(
            _archive(files),
            repository=repository,
            tag=tag,
            changes=[*changes, f"LABEL {SCRATCH}={digest}"],
        )
    return True


def _archive(files: Iterable[ScratchFile]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for file in files:
            entry = tarfile.TarInfo(file.path)
            entry.mode = stat.S_IMODE(file.mode)
            if file.link is not None:
                entry.type, entry.linkname = tarfile.SYMTYPE, file.link
            elif file.content is None:
                entry.type = tarfile.DIRTYPE
            else:
                entry.size = len(file.content)
            archive.addfile(entry, io.BytesIO(file.content or b""))
    return buffer.getvalue()


def remove_host(connection: Connection, host: str) -> int:
    """Remove all containers, volumes and networks of one host name, data included; returns how many there were."""
    only_ours = {"label": f"{HOST}={host}"}
    with connection.calling(f"remove what {host} made") as client:
        sdk: Any = client
        containers = sdk.containers(all=True, filters=only_ours)
        for one in containers:
            sdk.remove_container(one["Id"], force=True, v=True)
        volumes = sdk.volumes(filters=only_ours)["Volumes"] or []
        for one in volumes:
            sdk.remove_volume(one["Name"])
        networks = sdk.networks(filters=only_ours)
        for one in networks:
            sdk.remove_network(one["Id"])
    return len(containers) + len(volumes) + len(networks)
