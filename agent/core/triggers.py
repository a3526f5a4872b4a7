"""Triggers and bindings as values, and what a trigger kind must offer. All of it is pure.

A trigger says when something may have to be deployed; a binding joins it to a workload. A kind judges one signal for
one binding: fired or not, and in both cases why. Whoever judges asks nothing of the outside: what it lacks it names in
`needs`, and is asked again with the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from agent.core.inbound import InboundEvent
from agent.core.kinds import Finding
from agent.core.problems import Position

Config = Mapping[str, Any]
"""A trigger's own fields as written and accepted by its kind's schema, with a binding's `with` merged over them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """One trigger. `workload` names the workload in which it is written inline, None for a document of its own."""

    name: str
    kind: str
    config: Config
    position: Position
    description: str = ""
    workload: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """One binding in force: `number` is its place among the workload's bindings, `config` the merged fields."""

    trigger: str
    workload: str
    number: int
    order: int = 0
    enabled: bool = True
    action: str = "deploy"
    config: Config = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What a pin can be set to, as far as a signal says it: an image's tag and digest, or a commit."""

    tag: str | None = None
    digest: str | None = None
    revision: str | None = None

    @property
    def text(self) -> str:
        return self.tag or self.revision or self.digest or "no version"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """What a workload's document pins now. `image` is `host/path` in lower case with docker.io written out.

    `tags` are the versions side by side, newest first; empty where there is only one version. `repo` is the address of
    the repository that a source of files comes from.
    """

    image: str | None = None
    tag: str | None = None
    digest: str | None = None
    tags: tuple[str, ...] = ()
    revision: str | None = None
    repo: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PinEdit:
    """One value to be set in a document. `pointer` leads to it (`/source/tag`), `value` is text or a list of texts.

    Where the key is not there yet it is written behind its sibling `after` (`/source/image`).
    """

    pointer: str
    value: str | tuple[str, ...]
    after: str = ""


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
    """Take deliveries at `/webhook/<trigger>`. `secret` names the secret, `auth` the way, `vendor` one or `auto`."""

    vendor: str
    auth: str
    secret: str


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
        configuration."""

    def summary(self, config: Config) -> Mapping[str, str]:
        """A few words for people; no secret's value."""

    def secret_names(self, config: Config) -> frozenset[str]:
        """Names of the secrets that it needs."""

    def watches(self, config: Config) -> tuple[Watch, ...]:
        """What has to be watched for it; nothing for a kind that is only fired from inside."""

    def judge(self, config: Config, signal: Signal, pinned: Pinned) -> Verdict:
        """Whether a signal fires a binding with this configuration, for a workload that pins `pinned` now."""
