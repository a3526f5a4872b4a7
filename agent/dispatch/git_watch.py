"""Looks at git repositories for git triggers: one look for each repository and login, however many triggers wait.

The first look only learns where branches and tags are. From then on each one that is new or has moved is an event, also
when it moved while the agent was away.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from agent.core.inbound import GIT_PUSH, TAG_PUSH, InboundEvent
from agent.core.model import Bound, DesiredState
from agent.core.triggers import WatchGit
from agent.dispatch.intake import Intake
from agent.dispatch.judging import Judge
from agent.dispatch.poller import Target
from agent.errors import PierheadError
from agent.ports import Clock, GitLogin, Heads
from agent.ports_journal import Polls

PREFIX = "git:"
BRANCHES = "refs/heads/"
TAGS = "refs/tags/"
MOST_EVENTS = 50
"""A repository that moves more refs at once is mirrored or imported: the newest state of these is told."""
FORGET_TELLING = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GitParts:
    """What looking at git repositories needs."""

    judge: Judge
    heads: Heads
    intake: Intake
    polls: Polls
    clock: Clock
    config_url: str


class GitWatcher:
    """Implements `agent.dispatch.poller.Watcher`."""

    def __init__(self, parts: GitParts) -> None:
        self._parts = parts

    def targets(self) -> Sequence[Target]:
        """One for each repository and login; as often as whoever is in the greatest hurry."""
        found: dict[str, Target] = {}
        for key, watch, bound in self._watches():
            known = found.get(key)
            triggers = (*(known.triggers if known else ()), bound.trigger)
            interval = min(watch.interval, known.interval) if known else watch.interval
            host = _host(watch.repo or self._parts.config_url)
            found[key] = Target(key=key, interval=interval, host=host, triggers=tuple(dict.fromkeys(triggers)))
        return tuple(found.values())

    def looked_at(self, key: str) -> float:
        """See `Watcher`."""
        return float(_state(self._parts.polls.load_poll(key)).get("looked", 0.0))

    def look(self, target: Target) -> float | None:
        """Ask for branches and tags, and tell each trigger which of them moved."""
        waiting = [(watch, bound) for key, watch, bound in self._watches() if key == target.key]
        if not waiting:
            return None
        watch, bound = waiting[0]
        url, login = watch.repo or self._parts.config_url, _login(bound.config)
        heads = self._parts.heads.heads(url, login)
        state = _state(self._parts.polls.load_poll(target.key))
        before = state.get("heads")
        if isinstance(before, dict):
            moved = {ref: commit for ref, commit in heads.items() if before.get(ref) != commit}
            for ref in sorted(moved)[:MOST_EVENTS]:
                self._tell(waiting, (url, login), ref, (before.get(ref), moved[ref]))
        record = {"looked": self._parts.clock.now(), "heads": dict(heads)}
        self._parts.polls.save_poll(target.key, json.dumps(record, separators=(",", ":")).encode())
        return None

    def _tell(
        self,
        waiting: Sequence[tuple[WatchGit, Bound]],
        where: tuple[str, GitLogin | None],
        ref: str,
        commits: tuple[str | None, str],
    ) -> None:
        """One event for each trigger that waits for this repository; what changed is asked for only where it counts."""
        event = _event(where[0], ref, commits[1])
        if event is None:
            return
        wanted: dict[str, bool] = {}
        for _, bound in waiting:
            wanted[bound.trigger] = wanted.get(bound.trigger, False) or "paths" in bound.config
        paths = self._changed(where, commits) if any(wanted.values()) and event.type == GIT_PUSH else None
        for trigger in wanted:
            told = InboundEvent(**{**_fields(event), "changed_paths": paths})
            key = f"git:{trigger}:{ref}:{commits[0]}:{commits[1]}"
            self._parts.intake.store(trigger, [told], {key: FORGET_TELLING})

    def _changed(self, where: tuple[str, GitLogin | None], commits: tuple[str | None, str]) -> tuple[str, ...] | None:
        """The changed paths; None, which lets everything through, where they cannot be told."""
        if commits[0] is None:
            return None
        try:
            return self._parts.heads.changed_paths(*where, commits[0], commits[1])
        except PierheadError:
            return None

    def _watches(self) -> Iterator[tuple[str, WatchGit, Bound]]:
        """Every binding in force that waits for a repository."""
        desired: DesiredState | None = self._parts.judge.desired
        if desired is None:
            return
        for bounds in desired.bindings.values():
            for bound in bounds:
                if bound.enabled and not desired.workloads[bound.workload].suspend:
                    for watch in self._parts.judge.watches(bound, desired):
                        if isinstance(watch, WatchGit):
                            login = _login(bound.config)
                            yield f"{PREFIX}{_words(login)}:{watch.repo}", watch, bound


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


def _fields(event: InboundEvent) -> dict[str, Any]:
    return {name: getattr(event, name) for name in InboundEvent.__dataclass_fields__}


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


def _state(data: bytes | None) -> dict[str, Any]:
    try:
        record = json.loads(data or b"{}")
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}
