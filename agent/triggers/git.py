"""The `git` kind: a branch or a tag of a repository moved, as the agent saw when it asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agent.core.inbound import GIT_PUSH, MANUAL, TAG_PUSH, InboundEvent
from agent.core.kinds import Finding
from agent.core.model import Config
from agent.core.patterns import check_glob, check_paths, check_pattern, found_in, glob_matches, wrong_paths
from agent.core.pins import Pinned, Version
from agent.core.triggers import Signal, TriggerKind, Verdict, Watch, WatchGit
from agent.core.validation.intervals import check_interval
from agent.core.values import parse_duration

DEFAULT_INTERVAL = "1m"
DEFAULT_BRANCH = "main"
_SECRETS = ("password", "ssh_key")


class GitKind:
    """Implements `agent.core.triggers.TriggerKind`."""

    @property
    def name(self) -> str:
        return "git"

    def check(self, config: Config) -> Iterable[Finding]:
        """Patterns that compile, an interval that spares the server, and not both a branch and tags."""
        yield from check_pattern("/tag_pattern", config.get("tag_pattern"))
        yield from check_glob("/branch", config.get("branch"))
        yield from check_paths("/paths", config.get("paths"))
        yield from check_interval("/interval", config.get("interval", DEFAULT_INTERVAL), 10.0)
        if "branch" in config and "tag_pattern" in config:
            yield Finding(
                pointer="/tag_pattern",
                code="OneOfTwo",
                expected="either `branch` or `tag_pattern`",
                found="both",
                fix="make two triggers, one for the branch and one for the tags",
            )

    def summary(self, config: Config) -> Mapping[str, str]:
        """What is looked at, and how often."""
        words = {
            "repo": str(config.get("repo", "the config repository")),
            "branch": "" if "tag_pattern" in config else str(config.get("branch", DEFAULT_BRANCH)),
            "tag_pattern": str(config.get("tag_pattern", "")),
            "paths": ", ".join(config.get("paths", ())),
            "interval": str(config.get("interval", DEFAULT_INTERVAL)),
        }
        return {name: word for name, word in words.items() if word}

    def secret_names(self, config: Config) -> frozenset[str]:
        """Those of the login."""
        return frozenset(config[name]["secret"] for name in _SECRETS if name in config)

    def watches(self, config: Config) -> tuple[Watch, ...]:
        """The repository."""
        interval = parse_duration(str(config.get("interval", DEFAULT_INTERVAL)))
        return (WatchGit(repo=str(config.get("repo", "")), interval=interval),)

    def judge(self, config: Config, signal: Signal, pinned: Pinned) -> Verdict:  # noqa: ARG002 - the protocol's
        """A push that the branch or tag pattern and the paths let through."""
        if not isinstance(signal, InboundEvent):
            return Verdict(fired=False, why="a list of images' tags is none of its business")
        if signal.type == MANUAL:
            return Verdict(fired=False, why="it looks at the repository now instead")
        wrong = _wrong_ref(config, signal) or wrong_paths(config.get("paths"), signal.changed_paths)
        if wrong:
            return Verdict(fired=False, why=wrong)
        version = Version(revision=signal.commit) if signal.commit else None
        return Verdict(fired=True, why=signal.text, version=version)


def _wrong_ref(config: Config, event: InboundEvent) -> str:
    """Why the ref is not the wanted one; empty where it is."""
    pattern = config.get("tag_pattern")
    if pattern is not None:
        if event.type != TAG_PUSH:
            return f"it is about tags, and this is a {event.type}"
        return "" if found_in(pattern, event.tag) else f"tag_pattern {pattern} finds nothing in {event.tag}"
    branch = str(config.get("branch", DEFAULT_BRANCH))
    if event.type != GIT_PUSH:
        return f"it is about branch {branch}, and this is a {event.type}"
    return "" if glob_matches(branch, event.branch or "") else f"it is about branch {branch}, found {event.branch}"


KIND: TriggerKind = GitKind()
