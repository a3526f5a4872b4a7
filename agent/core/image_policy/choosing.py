"""Which of the tags is better than what is pinned, and which of those is chosen.

Better is what comes later in the policy's own order. What is pinned has its place in that order even where the policy
would not let it in, so that a narrower range never takes a workload back; a pin without a place is behind all others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from agent.core.image_policy.policy import NEWEST, SEMVER, Policy
from agent.core.pins import Pinned
from agent.core.triggers import TagList


class Candidate(NamedTuple):
    """A tag that may be chosen, and its place in the order."""

    key: Any
    tag: str


class Present(NamedTuple):
    """The newest of what is pinned. With `replaceable` an equal candidate is better, for the pattern wants another."""

    tag: str
    key: Any
    replaceable: bool


def pins_of(pinned: Pinned) -> tuple[str, ...]:
    """The tags that are pinned, side by side or alone."""
    return pinned.tags or ((pinned.tag,) if pinned.tag else ())


@lru_cache(maxsize=8)
def admitted(policy: Policy, tags: tuple[str, ...]) -> tuple[Candidate, ...]:
    """Every tag that may be chosen. Several bindings judge one list, and most lists are as they were."""
    return tuple(Candidate(policy.key(tag), tag) for tag in tags if policy.admits(tag))


def dated(found: Iterable[Candidate], created: Mapping[str, float]) -> list[Candidate]:
    """Those of the candidates whose time of creation is known, in the order of time."""
    return [Candidate(created[tag], tag) for _, tag in found if created.get(tag)]


def present(policy: Policy, tags: TagList, pins: tuple[str, ...]) -> Present | None:
    """The newest pinned tag that has a place in the order, None where none has."""
    known = [Present(tag, _key_of_pin(policy, tags, tag), not policy.selects(tag)) for tag in pins]
    placed = [one for one in known if one.key is not None]
    return max(placed, key=lambda one: (one.key, not one.replaceable), default=None)


def _key_of_pin(policy: Policy, tags: TagList, tag: str) -> Any:
    """A pin whose creation nobody knows is at the latest from when it was first seen."""
    if policy.rule == NEWEST:
        return tags.created.get(tag) or tags.first_seen.get(tag) or None
    return policy.key(tag)


def better(found: Sequence[Candidate], now: Present | None, pins: tuple[str, ...]) -> list[Candidate]:
    """The candidates that come after what is pinned, in no order."""
    if now is None:
        return [one for one in found if one.tag not in pins]
    return [one for one in found if one.key > now.key or (now.replaceable and one.key == now.key)]


def best(policy: Policy, found: Sequence[Candidate], pins: tuple[str, ...]) -> Candidate:
    """The last by the order; of equal ones the most exactly written, and the one that is written like the pin."""
    top = max(one.key for one in found)
    equal = [one for one in found if one.key == top]
    if len(equal) == 1:
        return equal[0]
    return max(equal, key=lambda one: (one.tag in pins, _spelling(policy, one.tag, pins), one.tag))


def _spelling(policy: Policy, tag: str, pins: tuple[str, ...]) -> tuple[bool, int, bool]:
    version = policy.version(tag) if policy.rule == SEMVER else None
    if version is None:
        return (False, 0, False)
    models = [model for model in map(policy.version, pins) if model is not None]
    builds = {bool(model.build) for model in models} or {False}
    prefixes = {model.prefixed for model in models} or {False}
    return (bool(version.build) in builds, version.written, version.prefixed in prefixes)


def ripe_at(policy: Policy, tag: str, first_seen: Mapping[str, float], now: float) -> float:
    """When a tag is old enough, in epoch seconds."""
    return first_seen.get(tag, now) + policy.min_age
