"""Looks at registries for registry triggers: one look for each image, however many triggers and bindings wait for it.

What is known of an image (when each tag was first seen, when it was made, what each binding was last told) is kept in
the journal, so that a restart neither forgets the age of a tag nor tells anything twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from agent.core.inbound import IMAGE_PUSH, InboundEvent
from agent.core.matching import DEPLOY, Decision, Matcher
from agent.core.model import Bound, DesiredState
from agent.core.triggers import Needs, TagList, WatchRegistry
from agent.core.values import InvalidValue, parse_image
from agent.dispatch.board import Pending
from agent.dispatch.intake import Intake
from agent.dispatch.judging import Judge, TagSource
from agent.dispatch.poller import Target
from agent.dispatch.telling import ONLY_TOLD, Teller
from agent.ports import Clock
from agent.ports_journal import Polls

PREFIX = "registry:"
ROUNDS = 3
MOST_ASKED = 500
"""So many tags are asked about one by one in a look at most; the rest in the next."""
FORGET_TELLING = 30.0


@dataclass(slots=True)
class State:
    """What is known of one image. `told` is what each binding was last told that writes no pin."""

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
    teller: Teller
    clock: Clock


@dataclass(frozen=True, slots=True)
class _Watched:
    """One image at one host, and everybody who waits for it."""

    image: str
    registry: str | None
    host: str
    interval: float
    bounds: tuple[Bound, ...]


class RegistryWatcher:
    """Implements `agent.dispatch.poller.Watcher`."""

    def __init__(self, parts: RegistryParts) -> None:
        self._parts = parts
        self._known: tuple[DesiredState | None, Mapping[str, _Watched]] = (None, {})

    def targets(self) -> Sequence[Target]:
        """One for each image and login; as often as whoever is in the greatest hurry."""
        return tuple(
            Target(
                key=key,
                interval=one.interval,
                host=one.host,
                triggers=tuple(dict.fromkeys(bound.trigger for bound in one.bounds)),
            )
            for key, one in self._all(self._parts.judge.desired).items()
        )

    def looked_at(self, key: str) -> float:
        """See `Watcher`."""
        return State.from_bytes(self._parts.polls.load_poll(key)).looked

    def look(self, target: Target) -> float | None:
        """Ask for the tags, then let each binding judge them."""
        desired = self._parts.judge.desired
        watched = self._all(desired).get(target.key)
        if desired is None or watched is None:
            return None
        names = self._parts.registry.tags(watched.image, watched.registry)
        now = self._parts.clock.now()
        state = State.from_bytes(self._parts.polls.load_poll(target.key))
        state.first_seen = self._seen(state, names, watched, desired) | {
            name: state.first_seen.get(name, now) for name in names
        }
        state.created = {name: made for name, made in state.created.items() if name in state.first_seen}
        image = _repository(watched.image)
        tags = TagList(image=image, tags=names, now=now, first_seen=state.first_seen, created=state.created)
        decisions = self._judged(watched, tags, state, self._parts.judge.matcher(desired))
        self._act(decisions, watched, state, desired)
        state.looked = now
        self._parts.polls.save_poll(target.key, state.to_bytes())
        times = [one.again - now for one in decisions if one.again is not None]
        return max(1.0, min(times)) if times else None

    def _seen(self, state: State, names: Sequence[str], watched: _Watched, desired: DesiredState) -> dict[str, float]:
        """When tags were first seen that are gone and pinned all the same: what comes later is told by it."""
        workloads = {bound.workload: desired.workloads[bound.workload] for bound in watched.bounds}
        pins = [self._parts.judge.pinned(one, desired) for one in workloads.values()]
        kept = {tag for pin in pins for tag in (pin.tag, *pin.tags) if tag} - set(names)
        return {tag: state.first_seen[tag] for tag in kept if tag in state.first_seen}

    def _all(self, desired: DesiredState | None) -> Mapping[str, _Watched]:
        """Everything that is watched, by key; found once for each desired state."""
        known_for, found = self._known
        if desired is not known_for:
            found = {} if desired is None else _watched(self._watches(desired), desired)
            self._known = (desired, found)
        return found

    def _watches(self, desired: DesiredState) -> Iterator[tuple[WatchRegistry, Bound]]:
        """Every binding in force that waits for a registry."""
        for bounds in desired.bindings.values():
            for bound in bounds:
                if bound.enabled and not desired.workloads[bound.workload].suspend:
                    for watch in self._parts.judge.watches(bound, desired):
                        if isinstance(watch, WatchRegistry):
                            yield watch, bound

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

    def _act(self, decisions: Sequence[Decision], watched: _Watched, state: State, desired: DesiredState) -> None:
        """Store an event for each binding that fires and was not told the same before."""
        self._parts.teller.looked(decisions)
        state.told = {key: told for key, told in state.told.items() if key in {_told_key(one) for one in decisions}}
        for one, bound in zip(decisions, watched.bounds, strict=True):
            if not one.fired or one.version is None:
                continue
            if not _is_news(one, state):
                self._show(one, desired)
                continue
            event = InboundEvent(
                type=IMAGE_PUSH,
                image=_repository(watched.image),
                image_tag=one.version.tag,
                digest=one.version.digest,
                subject=one.why,
            )
            key = f"poll:{bound.trigger}:{bound.workload}:{bound.number}:{_words(one)}"
            self._parts.intake.store(bound.trigger, [event], {key: FORGET_TELLING}, workload=bound.workload)

    def _show(self, one: Decision, desired: DesiredState) -> None:
        """What was told by an earlier process is shown as waiting again."""
        if one.report and one.repin is not None:
            basis = self._parts.judge.basis(one.workload, desired)
            self._parts.teller.board.wait(one.workload, Pending(text=one.repin.text, why=ONLY_TOLD, basis=basis))


def _watched(watches: Iterator[tuple[WatchRegistry, Bound]], desired: DesiredState) -> dict[str, _Watched]:
    found: dict[str, _Watched] = {}
    for watch, bound in watches:
        key = f"{PREFIX}{watch.registry or ''}:{_repository(_complete(watch, desired))}"
        known = found.get(key)
        found[key] = _Watched(
            image=_complete(watch, desired),
            registry=watch.registry,
            host=_host(watch, desired),
            interval=min(watch.interval, known.interval) if known else watch.interval,
            bounds=(*(known.bounds if known else ()), bound),
        )
    return found


def _complete(watch: WatchRegistry, desired: DesiredState) -> str:
    """The image with the host of the registry that the trigger names, as images of workloads have it."""
    registry = desired.registries.get(watch.registry or "")
    if registry is None or watch.image.startswith(f"{registry.host}/"):
        return watch.image
    return f"{registry.host}/{watch.image}"


def _host(watch: WatchRegistry, desired: DesiredState) -> str:
    """Whose server is asked, so that one that hangs holds up no other."""
    registry = desired.registries.get(watch.registry or "")
    return registry.host if registry is not None else _repository(watch.image).partition("/")[0]


def _is_news(one: Decision, state: State) -> bool:
    """What is written into a document is news until it is there; anything else once for each version.

    The first look at something that is only done again, such as a redeploy, learns what is there.
    """
    written = one.action == DEPLOY and one.repin is not None
    if written and not one.report:
        return True
    key, version = _told_key(one), _words(one)
    known = state.told.get(key)
    state.told[key] = version
    return known != version and (written or known is not None)


def _told_key(one: Decision) -> str:
    return f"{one.workload}.{one.number}"


def _words(one: Decision) -> str:
    assert one.version is not None
    return f"{one.version.tag}@{one.version.digest}"


def _together(decisions: Sequence[Decision]) -> Needs:
    digests = dict.fromkeys(tag for one in decisions for tag in one.needs.digests)
    created = dict.fromkeys(tag for one in decisions for tag in one.needs.created)
    return Needs(digests=tuple(digests), created=tuple(created))


def _repository(image: str) -> str:
    try:
        return parse_image(image).repository
    except InvalidValue:
        return image
