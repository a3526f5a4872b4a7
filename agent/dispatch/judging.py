"""Judges events: asks the matcher with the newest desired state, and finds out what the matcher says it lacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import urlsplit

from agent.core.inbound import GIT_PUSH, InboundEvent
from agent.core.inbox import Received
from agent.core.kinds import SourceKind
from agent.core.matching import Decision, Matcher, with_digest
from agent.core.model import Bound, DesiredState, Trigger
from agent.core.triggers import NOTHING_NEEDED, TriggerKind, Watch
from agent.follower import Follower
from agent.ports import Repository


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
    config_url: str
    follow: Callable[[], object]


class Judge:
    """Safe from any thread."""

    def __init__(self, parts: JudgeParts) -> None:
        self._parts = parts

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

    def watches_of(self, trigger: Trigger) -> tuple[Watch, ...]:
        """What has to be watched for a trigger as its own document says."""
        return self._parts.triggers[trigger.kind].watches(trigger.config)

    def decisions(self, received: Received, desired: DesiredState) -> tuple[Decision, ...]:
        """What an event means for each binding; raises Transient or Stalled where a registry could not be asked."""
        bindings = bindings_of(received, desired)
        if not bindings:
            return ()
        own = self._is_own(received.event)
        decided = self.matcher(desired).decide(received.event, bindings, own=own)
        return tuple(
            self._completed(one, received.event, bound, desired) if one.needs else one
            for one, bound in zip(decided, bindings, strict=True)
        )

    def _completed(self, decision: Decision, event: InboundEvent, bound: Bound, desired: DesiredState) -> Decision:
        """The decision once the digest of the tag is known, which the document pins and the event does not carry."""
        workload = desired.workloads[bound.workload]
        hosts = {name: one.host for name, one in desired.registries.items()}
        pinned = self._parts.sources[workload.source.kind].pinned(workload, hosts)
        for tag in decision.needs.digests:
            digest = self._parts.registry.digest(pinned.image or "", tag, pinned.registry)
            if digest:
                return self.matcher(desired).decide(with_digest(event, digest), [bound])[0]
        return replace(decision, needs=NOTHING_NEEDED, why=f"{pinned.image} has no such tag any more")

    def _is_own(self, event: InboundEvent) -> bool:
        """Whether a push is of a commit that an agent made; one of the config repository is fetched if need be."""
        if event.type != GIT_PUSH or event.commit is None:
            return False
        if "pierhead-host" in self._parts.repository.commit_trailers(event.commit):
            return True
        if not self._of_config(event) or self._known(event.commit):
            return False
        self._parts.follow()
        return "pierhead-host" in self._parts.repository.commit_trailers(event.commit)

    def _known(self, commit: str) -> bool:
        desired = self.desired
        return desired is not None and desired.revision == commit

    def _of_config(self, event: InboundEvent) -> bool:
        """Whether an event is about the config repository, as far as its address tells."""
        path = _path(self._parts.config_url)
        return bool(path) and path in {_path(event.clone_url or ""), (event.repo or "").lower()}


def bindings_of(received: Received, desired: DesiredState) -> tuple[Bound, ...]:
    """The bindings that an event is for."""
    found = desired.bindings.get(received.trigger, ())
    return tuple(one for one in found if received.workload in (None, one.workload))


def _path(url: str) -> str:
    """The path of a repository's address, in any of its spellings."""
    path = urlsplit(url).path if "://" in url else url.rpartition(":")[2]
    return path.strip("/").removesuffix(".git").lower()
