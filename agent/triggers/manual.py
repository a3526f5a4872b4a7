"""The `manual` kind: somebody asks for it, on the host or by an empty request that proves to come from one who may."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agent.core.inbound import MANUAL, InboundEvent
from agent.core.kinds import Finding
from agent.core.model import Config
from agent.core.pins import Pinned
from agent.core.triggers import Signal, TriggerKind, Verdict, Watch, WatchIngress

_SECRETS = ("secret", "previous_secret")


class ManualKind:
    """Implements `agent.core.triggers.TriggerKind`."""

    @property
    def name(self) -> str:
        return "manual"

    def check(self, config: Config) -> Iterable[Finding]:
        """A way to prove oneself needs something to prove it with."""
        if "secret" in config:
            return ()
        return [
            Finding(
                pointer=f"/{field}",
                code="MissingField",
                expected=f"`secret` beside `{field}`",
                found="no such field",
                fix="add `secret`, or remove this field: without a secret it is only fired on the host",
            )
            for field in ("auth", "previous_secret")
            if field in config
        ]

    def summary(self, config: Config) -> Mapping[str, str]:
        """Who may fire it."""
        return {"auth": str(config.get("auth", "token"))} if "secret" in config else {"auth": "on the host only"}

    def secret_names(self, config: Config) -> frozenset[str]:
        """The secret, and the one before it."""
        return frozenset(config[name]["secret"] for name in _SECRETS if name in config)

    def watches(self, config: Config) -> tuple[Watch, ...]:
        """Its address, where there is a secret."""
        if "secret" not in config:
            return ()
        secrets = tuple(config[name]["secret"] for name in _SECRETS if name in config)
        return (WatchIngress(vendor="generic", auth=str(config.get("auth", "token")), secrets=secrets, manual=True),)

    def judge(self, config: Config, signal: Signal, pinned: Pinned) -> Verdict:  # noqa: ARG002 - the protocol's
        """Whoever fires it."""
        if isinstance(signal, InboundEvent) and signal.type == MANUAL:
            return Verdict(fired=True, why=signal.text)
        return Verdict(fired=False, why="it only fires by hand")


KIND: TriggerKind = ManualKind()
