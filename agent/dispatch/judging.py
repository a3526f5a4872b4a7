"""Judges events: asks the matcher with the newest desired state, and finds out what the matcher says it lacks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import urlsplit

from agent.core.inbound import GIT_PUSH, InboundEvent
from agent.core.inbox import Received
from agent.core.kinds import SourceKind
from agent.core.matching import Decision, Matcher, with_digest
from agent.core.model import Bound, DesiredState, Workload
from agent.core.pins import Pinned
from agent.core.triggers import NOTHING_NEEDED, TriggerKind, Watch
from agent.dispatch.past import Past
from agent.errors import Transient
from agent.follower import Follower
from agent.ports import Clock, Repository

BEHIND = "a newer event has changed or settled the version of this workload meanwhile"
OWN_REFS = ("refs/heads/pierhead/", "refs/notes/")
"""Where agents write status and events to; whoever is told of that by a webhook must not write more because of it."""
MATCHED = 2000
LEAST_PAUSE = 5.0
PAUSE_BY_TIME = 10.0
"""A registry that fails to answer is left alone for so many times the time it took: events of others wait meanwhile."""


class TagSource(Protocol):
    """Where tags of images come from; raises Transient or Stalled."""

    def tags(self, image: str, registry: str | None) -> tuple[str, ...]: ...

    def digest(self, image: str, tag: str, registry: str | None) -> str | None:
        """`sha256:…` of what the tag points to, None where there is no such tag."""

    def created(self, image: str, tag: str, registry: str | None) -> float:
        """When the image was made, in epoch seconds; 0 where it does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeParts:
    """What judging needs. `follow` fetches the config repository now."""

    follower: Follower
    sources: Mapping[str, SourceKind]
    triggers: Mapping[str, TriggerKind]
    registry: TagSource
    repository: Repository
    clock: Clock
    past: Past
    config_url: str
    follow: Callable[[], object]


class Judge:
    """Safe from any thread."""

    def __init__(self, parts: JudgeParts) -> None:
        self._parts = parts
        self._lock = threading.Lock()
        self._away: dict[str, tuple[float, Transient]] = {}
        self._matched_for: DesiredState | None = None
        self._matched: dict[str, tuple[Decision, ...]] = {}
        self.past = parts.past

    @property
    def desired(self) -> DesiredState | None:
        """What is in force now."""
        return self._parts.follower.state.desired

    def matcher(self, desired: DesiredState) -> Matcher:
        """Everything that decides, for one desired state."""
        return Matcher(desired=desired, sources=self._parts.sources, triggers=self._parts.triggers)

    def watches(self, bound: Bound, desired: DesiredState) -> tuple[Watch, ...]:
        """What has to be watched for one binding, its overrides included."""
        return self._parts.triggers[desired.triggers[bound.trigger].kind].watches(bound.config)

    def pinned(self, workload: Workload, desired: DesiredState) -> Pinned:
        """What the document of a workload pins."""
        hosts = {name: one.host for name, one in desired.registries.items()}
        return self._parts.sources[workload.source.kind].pinned(workload, hosts)

    def is_pinned(self, one: Decision, desired: DesiredState) -> bool:
        """Whether the document says already what a decision would make it say."""
        workload, version = desired.workloads.get(one.workload), one.version
        if workload is None or version is None or one.fired:
            return False
        pinned = self.pinned(workload, desired)
        if version.tag is not None:
            return version.tag in {pinned.tag, *pinned.tags}
        return (version.digest or version.revision or "") in {pinned.digest, pinned.revision}

    def bases(self, desired: DesiredState) -> dict[str, object]:
        """All that says, by workload, whether an update that waits is still the same; None where nobody knows now."""
        names = (*desired.workloads, *desired.invalid.values())
        return {name: self.basis(name, desired) for name in names}

    def basis(self, name: str, desired: DesiredState) -> object:
        """The same for one workload."""
        workload = desired.workloads.get(name)
        return None if workload is None else (self.pinned(workload, desired), workload.update)

    def by_agent(self, revision: str) -> bool:
        """Whether an agent made a commit."""
        return "pierhead-host" in self._parts.repository.commit_trailers(revision)

    def decisions(self, received: Received, desired: DesiredState) -> tuple[Decision, ...]:
        """What an event means for each binding; raises Transient or Stalled where a registry could not be asked."""
        bindings = bindings_of(received, desired)
        if not bindings:
            return ()
        decided = self._decided(received, bindings, desired)
        completed = (
            self._completed(one, received.event, bound, desired) if one.needs else one
            for one, bound in zip(decided, bindings, strict=True)
        )
        return tuple(self._in_time(one, received) for one in completed)

    def _decided(self, received: Received, bindings: tuple[Bound, ...], desired: DesiredState) -> tuple[Decision, ...]:
        """What the matcher says; an event that is looked at twice on one desired state is matched once."""
        with self._lock:
            if self._matched_for is not desired:
                self._matched_for, self._matched = desired, {}
            known = self._matched.get(received.id)
        if known is not None:
            return known
        own = self._is_own(received.event)
        decided = self.matcher(desired).decide(received.event, bindings, own=own)
        with self._lock:
            if self._matched_for is desired and len(self._matched) < MATCHED:
                self._matched[received.id] = decided
        return decided

    def _in_time(self, one: Decision, received: Received) -> Decision:
        """A pin that a newer event has set stays. Versions side by side are no substitute for one another."""
        if one.repin is None or not one.fired or any(isinstance(edit.value, tuple) for edit in one.repin.edits):
            return one
        if not self.past.is_behind(one.workload_id, received.id):
            return one
        return replace(one, fired=False, repin=None, why=BEHIND)

    def _completed(self, decision: Decision, event: InboundEvent, bound: Bound, desired: DesiredState) -> Decision:
        """The decision once the digest of the tag is known, which the document pins and the event does not carry."""
        pinned = self.pinned(desired.workloads[bound.workload], desired)
        for tag in decision.needs.digests:
            digest = self._digest(pinned, tag)
            if digest:
                return self.matcher(desired).decide(with_digest(event, digest), [bound])[0]
        return replace(decision, needs=NOTHING_NEEDED, why=f"{pinned.image} has no such tag any more")

    def _digest(self, pinned: Pinned, tag: str) -> str | None:
        """Ask the registry, but not one that has just shown that it does not answer."""
        host = (pinned.image or "").partition("/")[0]
        began = self._parts.clock.monotonic()
        with self._lock:
            until, error = self._away.get(host, (began, None))
        if error is not None and began < until:
            raise error.with_traceback(None)
        try:
            digest = self._parts.registry.digest(pinned.image or "", tag, pinned.registry)
        except Transient as error:
            now = self._parts.clock.monotonic()
            with self._lock:
                self._away[host] = (now + max(LEAST_PAUSE, PAUSE_BY_TIME * (now - began)), error)
            raise
        with self._lock:
            self._away.pop(host, None)
        return digest

    def _is_own(self, event: InboundEvent) -> bool:
        """Whether a push is of what an agent wrote; an unknown commit of the config repository is fetched first."""
        if event.type != GIT_PUSH:
            return False
        of_config = self._of_config(event)
        if of_config and (event.ref or f"refs/heads/{event.branch}").startswith(OWN_REFS):
            return True
        if event.commit is None:
            return False
        if self.by_agent(event.commit):
            return True
        if not of_config or self._known(event.commit):
            return False
        self._parts.follow()
        return self.by_agent(event.commit)

    def _known(self, commit: str) -> bool:
        desired = self.desired
        return desired is not None and desired.revision == commit

    def _of_config(self, event: InboundEvent) -> bool:
        """Whether an event is about the config repository, as far as its address tells."""
        path, name = _path(self._parts.config_url), (event.repo or "").strip("/").lower()
        if not path:
            return False
        return path == _path(event.clone_url or "") or (bool(name) and f"/{path}".endswith(f"/{name}"))


def bindings_of(received: Received, desired: DesiredState) -> tuple[Bound, ...]:
    """The bindings that an event is for."""
    found = desired.bindings.get(received.trigger, ())
    return tuple(one for one in found if received.workload in (None, one.workload))


def _path(url: str) -> str:
    """The path of a repository's address, in any of its spellings."""
    path = urlsplit(url).path if "://" in url else url.rpartition(":")[2]
    return path.strip("/").removesuffix(".git").lower()
