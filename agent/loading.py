"""From a tree of files to the desired state: schemas, caches and the host's view of it put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from agent.core.desired import DesiredReader
from agent.core.documents import DocumentCache
from agent.core.entries import Context
from agent.core.kinds import SourceKind
from agent.core.model import DesiredState
from agent.core.policy import HostPolicy
from agent.core.schemas import Schemas
from agent.core.tree import ReadBlob, Tree
from agent.repository.local import LocalRepository
from agent.schema_files import schemas

Load = Callable[[Tree], DesiredState]


def loader(context: Context, read_blob: ReadBlob, cache: DocumentCache | None) -> Load:
    """A function from trees to desired states that parses each file content once, also over restarts."""
    reader = DesiredReader(Schemas(schemas()), context, cache)
    return lambda tree: reader.read(tree, read_blob)


def load_at(repository: Path, ref: str, path: str, host: str, kinds: Mapping[str, SourceKind]) -> DesiredState:
    """What one commit of a local repository says to one host, judged by the widest policy."""
    found = LocalRepository(repository, path)
    context = Context(host=host, policy=EVERYTHING, kinds=kinds)
    return loader(context, found.read_blob, None)(found.tree(ref))


EVERYTHING = HostPolicy(
    allowed_volume_paths=("/",),
    privileged=True,
    host_network=True,
    docker_socket=True,
    devices=True,
    cap_add=("ALL",),
)
"""What a host may allow at most: two commits are compared without knowing the host they are for."""
