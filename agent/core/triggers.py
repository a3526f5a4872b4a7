"""Triggers and bindings as values, and what a trigger kind must offer. All of it is pure.

A trigger says when something may have to be deployed; a binding joins it to a workload. A kind judges one signal for
one binding: fired or not, and in both cases why. Whoever judges asks nothing of the outside: what it lacks it names in
`needs`, and is asked again with the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from agent.core.inbound import InboundEvent
from agent.core.kinds import Finding
from agent.core.model import Config
from agent.core.pins import Pinned, Version

# What is watched -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchRegistry:
    """Ask a registry for the tags of an image every `interval` seconds; `registry` is a Registry's name."""

    image: str
    registry: str | None
    interval: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchGit:
    """Ask a git repository for its branches and tags every `interval` seconds."""

    repo: str
    interval: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchClock:
    """Tick by a cron expression in a time zone, up to `jitter` seconds late."""

    cron: str
    timezone: str
    jitter: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchIngress:
    """Take deliveries at `/webhook/<trigger>`. `secrets` are names, any of which will do; `auth` is the way.

    `manual` is True where only an empty body is taken, so that no vendor is ever asked.
    """

    vendor: str
    auth: str
    secrets: tuple[str, ...]
    manual: bool = False


Watch = WatchRegistry | WatchGit | WatchClock | WatchIngress


# What is judged ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class TagList:
    """All tags of one image as a poll found them; never stored as an event.

    `image` is `host/path`. `first_seen` holds when each tag was first seen, `digests` and `created` (epoch seconds of
    the image's own creation) what was asked for so far, by tag; a tag that is asked for and gone has "" or 0. `now` is
    epoch seconds.
    """

    image: str
    tags: tuple[str, ...]
    now: float
    first_seen: Mapping[str, float] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    created: Mapping[str, float] = field(default_factory=dict)


Signal = InboundEvent | TagList


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What must be known about tags before a judgement is possible."""

    digests: tuple[str, ...] = ()
    created: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.digests or self.created)


NOTHING_NEEDED = Needs()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a kind says about one signal and one binding. `why` is for people and is there in both cases.

    With `needs` it is no judgement yet. `again` is epoch seconds at which the same signal could be judged differently.
    """

    fired: bool
    why: str
    version: Version | None = None
    needs: Needs = NOTHING_NEEDED
    again: float | None = None


class TriggerKind(Protocol):
    """Everything the rest asks of a kind. A kind is one file in `agent/triggers/` with a `KIND`; all of it is pure."""

    @property
    def name(self) -> str:
        """The value of `kind`; its schema is `trigger/<name>.schema.json`."""

    def check(self, config: Config) -> Iterable[Finding]:
        """What a schema cannot say: expressions that do not compile, dates that never come. Pointers start at the
        configuration.
        """

    def summary(self, config: Config) -> Mapping[str, str]:
        """A few words for people; no secret's value."""

    def secret_names(self, config: Config) -> frozenset[str]:
        """Names of the secrets that it needs."""

    def watches(self, config: Config) -> tuple[Watch, ...]:
        """What has to be watched for it; nothing for a kind that is only fired from inside."""

    def judge(self, config: Config, signal: Signal, pinned: Pinned) -> Verdict:
        """Whether a signal fires a binding with this configuration, for a workload that pins `pinned` now."""
