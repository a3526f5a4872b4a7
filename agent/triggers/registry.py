"""The `registry` kind: an image has a new version, by a policy, as the agent saw when it asked the registry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agent.core.image_policy.checking import check_policy
from agent.core.image_policy.judging import judge_found, judge_tags
from agent.core.image_policy.policy import SEMVER
from agent.core.inbound import IMAGE_PUSH, MANUAL
from agent.core.kinds import Finding
from agent.core.model import Config
from agent.core.pins import Pinned
from agent.core.triggers import Signal, TagList, TriggerKind, Verdict, Watch, WatchRegistry
from agent.core.validation.intervals import check_interval
from agent.core.values import parse_duration

DEFAULT_INTERVAL = "5m"
LEAST_INTERVAL = 10.0

_SHOWN = ("image", "registry", "pattern", "extract", "min_age")


class RegistryKind:
    """Implements `agent.core.triggers.TriggerKind`."""

    @property
    def name(self) -> str:
        return "registry"

    def check(self, config: Config) -> Iterable[Finding]:
        """Image and policy that mean something, and an interval that spares the registry."""
        yield from check_policy(config)
        yield from check_interval("/interval", config.get("interval", DEFAULT_INTERVAL), LEAST_INTERVAL)

    def summary(self, config: Config) -> Mapping[str, str]:
        """Which image is looked at, what is looked for, and how often."""
        policy = config["policy"]
        words = {name: str(config[name]) for name in _SHOWN if name in config}
        rule = f"{SEMVER} {policy[SEMVER]}" if isinstance(policy, Mapping) else str(policy)
        return words | {"policy": rule, "interval": str(config.get("interval", DEFAULT_INTERVAL))}

    def secret_names(self, config: Config) -> frozenset[str]:  # noqa: ARG002 - the protocol's
        """None: the login is that of the Registry document."""
        return frozenset()

    def watches(self, config: Config) -> tuple[Watch, ...]:
        """The image's tags."""
        interval = parse_duration(str(config.get("interval", DEFAULT_INTERVAL)))
        return (WatchRegistry(image=str(config["image"]), registry=config.get("registry"), interval=interval),)

    def judge(self, config: Config, signal: Signal, pinned: Pinned) -> Verdict:
        """The policy's choice among the tags; what a look found earlier is held against what is pinned now."""
        if isinstance(signal, TagList):
            return judge_tags(config, signal, pinned)
        if signal.type == IMAGE_PUSH and signal.vendor is None:
            return judge_found(config, signal, pinned)
        if signal.type == MANUAL:
            return Verdict(fired=False, why="it looks at the registry now instead")
        return Verdict(fired=False, why="a registry trigger looks for itself and takes no deliveries")


KIND: TriggerKind = RegistryKind()
