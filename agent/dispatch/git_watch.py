"""Looks at git repositories for git triggers: one look for each repository and login, however many triggers wait.

The first look only learns where branches and tags are. From then on each one that is new or has moved is an event, also
when it moved while the agent was away.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from agent.core.inbound import GIT_PUSH, TAG_PUSH, InboundEvent
from agent.core.matching import Decision, Matcher
from agent.core.model import Bound, DesiredState
from agent.core.triggers import WatchGit
from agent.dispatch.intake import Intake
from agent.dispatch.judging import OWN_REFS, Judge
from agent.dispatch.poller import Target
from agent.dispatch.telling import Teller
from agent.errors import PierheadError
from agent.ports import Clock, GitLogin, Heads
from agent.ports_journal import Polls

logger = logging.getLogger(__name__)

PREFIX = "git:"
BRANCHES = "refs/heads/"
TAGS = "refs/tags/"
MOST_EVENTS = 50
"""A repository in which more moves at once that somebody waits for is mirrored or imported: no more are told."""
FORGET_TELLING = 86_400.0


@dataclass(frozen=True, slots=True)
class State:
    """What is known of one repository: None for `heads` before the first look."""

    looked: float = 0.0
    heads: Mapping[str, str] | None = None
    round: int = 0

    def to_bytes(self) -> bytes:
        record = {"looked": self.looked, "heads": dict(self.heads or {}), "round": self.round}
        return json.dumps(record, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class GitParts:
    """What looking at git repositories needs."""

    judge: Judge
    heads: Heads
    intake: Intake
    polls: Polls
    teller: Teller
    clock: Clock
    config_url: str


@dataclass(frozen=True, slots=True)
class _Watched:
    """One repository and everybody who waits for it."""

    url: str
    login: GitLogin | None
    interval: float
    bounds: tuple[Bound, ...]


@dataclass(frozen=True, slots=True)
class _Move:
    """A branch or tag that is new or elsewhere. `round` numbers the looks, so that each move is told once."""

    ref: str
    old: str | None
    new: str
    round: int


class GitWatcher:
    """Implements `agent.dispatch.poller.Watcher`."""

    def __init__(self, parts: GitParts) -> None:
        self._parts = parts
        self._known: tuple[DesiredState | None, Mapping[str, _Watched]] = (None, {})

    def targets(self) -> Sequence[Target]:
        """One for each repository and login; as often as whoever is in the greatest hurry."""
        return tuple(
            Target(
                key=key,
                interval=one.interval,
                host=_host(one.url),
                triggers=tuple(dict.fromkeys(bound.trigger for bound in one.bounds)),
            )
            for key, one in self._all(self._parts.judge.desired).items()
        )

    def looked_at(self, key: str) -> float:
        """See `Watcher`."""
        return _state(self._parts.polls.load_poll(key)).looked

    def look(self, target: Target) -> float | None:
        """Ask for branches and tags, and tell each trigger which of those it waits for moved."""
        desired = self._parts.judge.desired
        watched = self._all(desired).get(target.key)
        if desired is None or watched is None:
            return None
        heads = self._parts.heads.heads(watched.url, watched.login)
        state = _state(self._parts.polls.load_poll(target.key))
        if state.heads is not None:
            moves = [
                _Move(ref, state.heads.get(ref), commit, state.round)
                for ref, commit in sorted(heads.items())
                if state.heads.get(ref) != commit
            ]
            self._tell(watched, moves, self._parts.judge.matcher(desired))
        told = State(looked=self._parts.clock.now(), heads=heads, round=state.round + 1)
        self._parts.polls.save_poll(target.key, told.to_bytes())
        return None

    def _tell(self, watched: _Watched, moves: Sequence[_Move], matcher: Matcher) -> None:
        """One event for each move and trigger that waits for such a one; what changed is asked for only where it
        counts.
        """
        told, unwanted = 0, dict[tuple[str, int], Decision]()
        for move in moves:
            event = self._event(watched.url, move)
            decisions = () if event is None else matcher.decide(event, watched.bounds)
            unwanted |= {(one.workload, one.number): one for one in decisions if not _lets_through(one)}
            bounds = [bound for bound, one in zip(watched.bounds, decisions, strict=False) if _lets_through(one)]
            if event is not None and bounds:
                told += 1
                if told <= MOST_EVENTS:
                    self._store(watched, bounds, move, event)
        self._parts.teller.looked(list(unwanted.values()))
        if told > MOST_EVENTS:
            logger.warning("%s: %d of %d moves are told", watched.url, MOST_EVENTS, told)

    def _event(self, url: str, move: _Move) -> InboundEvent | None:
        """None for what agents write themselves: status and events, which nobody may act upon."""
        if url == self._parts.config_url and move.ref.startswith(OWN_REFS):
            return None
        return _event(url, move.ref, move.new)

    def _store(self, watched: _Watched, wanted: Sequence[Bound], move: _Move, event: InboundEvent) -> None:
        by_paths = event.type == GIT_PUSH and any("paths" in bound.config for bound in wanted)
        told = replace(event, changed_paths=self._changed(watched, move) if by_paths else None)
        for trigger in dict.fromkeys(bound.trigger for bound in wanted):
            key = f"git:{trigger}:{move.ref}:{move.old}:{move.new}:{move.round}"
            self._parts.intake.store(trigger, [told], {key: FORGET_TELLING})

    def _changed(self, watched: _Watched, move: _Move) -> tuple[str, ...] | None:
        """The changed paths; None, which lets everything through, where they cannot be told."""
        if move.old is None:
            return None
        try:
            return self._parts.heads.changed_paths(watched.url, watched.login, move.old, move.new)
        except PierheadError as error:
            logger.warning("what changed in %s is not known: %s", move.ref, error)
            return None

    def _all(self, desired: DesiredState | None) -> Mapping[str, _Watched]:
        """Everything that is watched, by key; found once for each desired state."""
        known_for, found = self._known
        if desired is not known_for:
            found = {} if desired is None else self._found(desired)
            self._known = (desired, found)
        return found

    def _found(self, desired: DesiredState) -> dict[str, _Watched]:
        found: dict[str, _Watched] = {}
        for watch, bound in self._watches(desired):
            login = _login(bound.config)
            key = f"{PREFIX}{_words(login)}:{watch.repo}"
            known = found.get(key)
            found[key] = _Watched(
                url=watch.repo or self._parts.config_url,
                login=login,
                interval=min(watch.interval, known.interval) if known else watch.interval,
                bounds=(*(known.bounds if known else ()), bound),
            )
        return found

    def _watches(self, desired: DesiredState) -> Iterator[tuple[WatchGit, Bound]]:
        """Every binding in force that waits for a repository."""
        for bounds in desired.bindings.values():
            for bound in bounds:
                if bound.enabled and not desired.workloads[bound.workload].suspend:
                    for watch in self._parts.judge.watches(bound, desired):
                        if isinstance(watch, WatchGit):
                            yield watch, bound


def _lets_through(one: Decision) -> bool:
    """Whether the kind has nothing against it, whatever it means for the document."""
    return one.fired or one.version is not None


def _event(url: str, ref: str, commit: str) -> InboundEvent | None:
    path = urlsplit(url).path if "://" in url else url.rpartition(":")[2]
    repo = path.strip("/").removesuffix(".git")
    if ref.startswith(BRANCHES):
        branch = ref.removeprefix(BRANCHES)
        return InboundEvent(type=GIT_PUSH, repo=repo, clone_url=url, ref=ref, branch=branch, commit=commit)
    if ref.startswith(TAGS):
        tag = ref.removeprefix(TAGS)
        return InboundEvent(type=TAG_PUSH, repo=repo, clone_url=url, ref=ref, tag=tag, commit=commit)
    return None


def _login(config: Mapping[str, Any]) -> GitLogin | None:
    if not any(name in config for name in ("username", "password", "ssh_key", "known_hosts")):
        return None
    return GitLogin(
        username=config.get("username"),
        password_secret=config["password"]["secret"] if "password" in config else None,
        ssh_key_secret=config["ssh_key"]["secret"] if "ssh_key" in config else None,
        known_hosts=config.get("known_hosts"),
    )


def _words(login: GitLogin | None) -> str:
    """What tells logins apart; names of secrets only."""
    return "" if login is None else f"{login.username}:{login.password_secret}:{login.ssh_key_secret}"


def _host(url: str) -> str:
    return f"git:{urlsplit(url).netloc.rpartition('@')[2]}" if "://" in url else f"git:{url.partition(':')[0]}"


def _state(data: bytes | None) -> State:
    """What `State.to_bytes` gave; an empty state for what cannot be read."""
    try:
        record: dict[str, Any] = json.loads(data or b"{}")
        heads = record.get("heads")
        return State(
            looked=float(record.get("looked", 0.0)),
            heads=None if heads is None else dict(heads),
            round=int(record.get("round", 0)),
        )
    except (ValueError, TypeError, AttributeError):
        return State()
