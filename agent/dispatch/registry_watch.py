"""Looks at registries for registry triggers: one look for each image, however many triggers and bindings wait for it.

What is known of an image (when each tag was first seen, when it was made, what each binding was last told) is kept in
the journal, so that a restart neither forgets the age of a tag nor tells anything twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from agent.chronicle import timestamp
from agent.core.inbound import IMAGE_PUSH, InboundEvent
from agent.core.matching import DEPLOY, Decision, Matcher
from agent.core.model import Bound, DesiredState
from agent.core.triggers import Needs, TagList, WatchRegistry
from agent.core.values import InvalidValue, parse_image
from agent.dispatch.board import TriggerBoard
from agent.dispatch.intake import Intake
from agent.dispatch.judging import Judge, TagSource
from agent.dispatch.poller import Target
from agent.ports import Clock
from agent.ports_journal import Polls

PREFIX = "registry:"
ROUNDS = 3
MOST_ASKED = 500
"""So many tags are asked about one by one in a look at most; the rest in the next."""
FORGET_TELLING = 30.0


@dataclass(slots=True)
class State:
    """What is known of one image. `told` is what each binding that pins nothing was last told."""

    looked: float = 0.0
    first_seen: dict[str, float] = field(default_factory=dict)
    created: dict[str, float] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        record = {"looked": self.looked, "seen": self.first_seen, "created": self.created, "told": self.told}
        return json.dumps(record, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, data: bytes | None) -> State:
        """The state; an empty one for what cannot be read."""
        try:
            record: dict[str, Any] = json.loads(data or b"{}")
            return cls(
                looked=float(record.get("looked", 0.0)),
                first_seen=dict(record.get("seen", {})),
                created=dict(record.get("created", {})),
                told=dict(record.get("told", {})),
            )
        except (ValueError, TypeError, AttributeError):
            return cls()


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryParts:
    """What looking at registries needs."""

    judge: Judge
    registry: TagSource
    intake: Intake
    polls: Polls
    board: TriggerBoard
    clock: Clock


@dataclass(frozen=True, slots=True)
class _Watched:
    """One image and everybody who waits for it."""

    image: str
    registry: str | None
    bounds: tuple[Bound, ...]


class RegistryWatcher:
    """Implements `agent.dispatch.poller.Watcher`."""

    def __init__(self, parts: RegistryParts) -> None:
        self._parts = parts

    def targets(self) -> Sequence[Target]:
        """One for each image and login; as often as whoever is in the greatest hurry."""
        desired = self._parts.judge.desired
        found: dict[str, Target] = {}
        for key, watch, bound in self._watches(desired):
            known = found.get(key)
            triggers = (*(known.triggers if known else ()), bound.trigger)
            interval = min(watch.interval, known.interval) if known else watch.interval
            host = watch.image.partition("/")[0]
            found[key] = Target(key=key, interval=interval, host=host, triggers=tuple(dict.fromkeys(triggers)))
        return tuple(found.values())

    def looked_at(self, key: str) -> float:
        """See `Watcher`."""
        return State.from_bytes(self._parts.polls.load_poll(key)).looked

    def look(self, target: Target) -> float | None:
        """Ask for the tags, then let each binding judge them."""
        desired = self._parts.judge.desired
        watched = self._watched(target.key, desired)
        if desired is None or watched is None:
            return None
        names = self._parts.registry.tags(watched.image, watched.registry)
        now = self._parts.clock.now()
        state = State.from_bytes(self._parts.polls.load_poll(target.key))
        state.first_seen = {name: state.first_seen.get(name, now) for name in names}
        state.created = {name: made for name, made in state.created.items() if name in state.first_seen}
        image = _repository(watched.image)
        tags = TagList(image=image, tags=names, now=now, first_seen=state.first_seen, created=state.created)
        decisions = self._judged(watched, tags, state, self._parts.judge.matcher(desired))
        self._act(decisions, watched, state)
        state.looked = now
        self._parts.polls.save_poll(target.key, state.to_bytes())
        times = [one.again - now for one in decisions if one.again is not None]
        return max(1.0, min(times)) if times else None

    def _watches(self, desired: DesiredState | None) -> Iterator[tuple[str, WatchRegistry, Bound]]:
        """Every binding in force that waits for a registry."""
        if desired is None:
            return
        for bounds in desired.bindings.values():
            for bound in bounds:
                if bound.enabled and not desired.workloads[bound.workload].suspend:
                    for watch in self._parts.judge.watches(bound, desired):
                        if isinstance(watch, WatchRegistry):
                            yield f"{PREFIX}{watch.registry or ''}:{_repository(watch.image)}", watch, bound

    def _watched(self, key: str, desired: DesiredState | None) -> _Watched | None:
        found = [(watch, bound) for name, watch, bound in self._watches(desired) if name == key]
        if not found:
            return None
        return _Watched(found[0][0].image, found[0][0].registry, tuple(bound for _, bound in found))

    def _judged(self, watched: _Watched, tags: TagList, state: State, matcher: Matcher) -> tuple[Decision, ...]:
        """What the tags mean for each binding, after asking for what is lacking."""
        decisions = matcher.decide(tags, watched.bounds)
        for _ in range(ROUNDS):
            needs = _together(decisions)
            if not needs:
                break
            tags = self._asked(watched, tags, needs, state)
            decisions = matcher.decide(tags, watched.bounds)
        return decisions

    def _asked(self, watched: _Watched, tags: TagList, needs: Needs, state: State) -> TagList:
        registry, image, name = self._parts.registry, watched.image, watched.registry
        digests = {tag: registry.digest(image, tag, name) or "" for tag in needs.digests[:MOST_ASKED]}
        for tag in needs.created[:MOST_ASKED]:
            state.created[tag] = registry.created(image, tag, name)
        return replace(tags, digests={**tags.digests, **digests}, created=dict(state.created))

    def _act(self, decisions: Sequence[Decision], watched: _Watched, state: State) -> None:
        """Store an event for each binding that fires and was not told the same before."""
        self._parts.board.meant(decisions, timestamp(self._parts.clock.now()), None)
        for one, bound in zip(decisions, watched.bounds, strict=True):
            if not one.fired or one.version is None or not self._news(one, state):
                continue
            event = InboundEvent(
                type=IMAGE_PUSH,
                image=_repository(watched.image),
                image_tag=one.version.tag,
                digest=one.version.digest,
                subject=one.why,
            )
            key = f"poll:{bound.trigger}:{bound.workload}:{bound.number}:{one.version.tag}@{one.version.digest}"
            self._parts.intake.store(bound.trigger, [event], {key: FORGET_TELLING}, workload=bound.workload)

    @staticmethod
    def _news(one: Decision, state: State) -> bool:
        """What is written into a document is news until it is there; anything else once for each version.

        The first look at something that pins nothing only learns what is there.
        """
        if one.action == DEPLOY and one.repin is not None:
            return True
        assert one.version is not None
        key, version = f"{one.workload}.{one.number}", f"{one.version.tag}@{one.version.digest}"
        known = state.told.get(key)
        state.told[key] = version
        return known not in (None, version)


def _together(decisions: Sequence[Decision]) -> Needs:
    digests = dict.fromkeys(tag for one in decisions for tag in one.needs.digests)
    created = dict.fromkeys(tag for one in decisions for tag in one.needs.created)
    return Needs(digests=tuple(digests), created=tuple(created))


def _repository(image: str) -> str:
    try:
        return parse_image(image).repository
    except InvalidValue:
        return image
