"""From a tree of files to the desired state: schemas, caches and the host's view of it put together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

from agent import __version__
from agent.core.desired import DesiredReader, StateBuilder
from agent.core.documents import DocumentCache, DocumentLoader
from agent.core.entries import Context
from agent.core.model import DesiredState
from agent.core.policy import HostPolicy
from agent.core.schemas import Schemas
from agent.core.tree import ReadBlob, Tree
from agent.core.validation.hosts import host_patterns, stand_ins
from agent.core.validation.signals import TriggerRules
from agent.discovery import discover_kinds, discover_trigger_kinds, discover_vendors
from agent.errors import Transient
from agent.repository.local import LocalRepository
from agent.schema_files import schemas

logger = logging.getLogger(__name__)

Load = Callable[[Tree], DesiredState]


@cache
def compiled_schemas() -> Schemas:
    """The schemas that this agent carries, compiled once."""
    return Schemas(schemas(), __version__)


def context_for(host: str, policy: HostPolicy, has_secret: Callable[[str], bool] | None = None) -> Context:
    """The host that a repository is looked at for, with every kind there is."""
    rules = TriggerRules(
        kinds=discover_trigger_kinds(),
        check_schema=compiled_schemas().trigger_findings,
        vendors=discover_vendors,
    )
    return Context(host=host, policy=policy, kinds=discover_kinds(), triggers=rules, has_secret=has_secret)


def loader(context: Context, read_blob: ReadBlob, cache: DocumentCache | None) -> Load:
    """A function from trees to desired states that parses each file content once, also over restarts."""
    reader = DesiredReader(compiled_schemas(), context, None if cache is None else _Forgiving(cache))
    return lambda tree: reader.read(tree, read_blob)


class _Forgiving:
    """A cache that may be away: what it cannot give is parsed again, so that its trouble holds up no commit."""

    def __init__(self, cache: DocumentCache) -> None:
        self._cache = cache

    def cached_documents(self, blob_ids: Iterable[str]) -> Mapping[str, bytes]:
        try:
            return self._cache.cached_documents(blob_ids)
        except Transient as error:
            logger.warning("parsed documents cannot be read back: %s", error)
            return {}

    def cache_documents(self, parsed: Mapping[str, bytes]) -> None:
        try:
            self._cache.cache_documents(parsed)
        except Transient as error:
            logger.warning("parsed documents cannot be kept: %s", error)


def commits_for_hosts(
    repository: Path, path: str, refs: tuple[str, str], host: str | None
) -> Iterator[tuple[DesiredState, DesiredState]]:
    """What two commits of a local repository say to one host, or to every host that they tell apart.

    Judged by the widest policy, as no host is asked for its own.
    """
    found = LocalRepository(repository, path)
    documents = DocumentLoader(compiled_schemas())
    before, after = (documents.load(found.tree(ref), found.read_blob) for ref in refs)
    hosts = (host,) if host else stand_ins(host_patterns((*before.documents, *after.documents)))
    for one in hosts:
        builder = StateBuilder(context_for(one, EVERYTHING))
        yield builder.build(before), builder.build(after)


EVERYTHING = HostPolicy(
    allowed_volume_paths=("/",),
    privileged=True,
    host_network=True,
    docker_socket=True,
    devices=True,
    cap_add=("ALL",),
)
"""What a host may allow at most: two commits are compared without knowing the host they are for."""
