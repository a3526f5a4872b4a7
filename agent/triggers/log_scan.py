"""The `log_scan` kind: a line in a workload's log that an expression matches. Who reads the logs is not known here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agent.core.inbound import LOG_MATCH, MANUAL, InboundEvent
from agent.core.kinds import Finding
from agent.core.model import Config
from agent.core.patterns import check_pattern, found_in
from agent.core.pins import Pinned
from agent.core.problems import Severity
from agent.core.triggers import Signal, TriggerKind, Verdict, Watch
from agent.core.validation.intervals import check_interval

_FIELDS = ("pattern", "severity", "stream", "cooldown")


class LogScanKind:
    """Implements `agent.core.triggers.TriggerKind`."""

    @property
    def name(self) -> str:
        return "log_scan"

    def check(self, config: Config) -> Iterable[Finding]:
        """A pattern that compiles, and a cooldown that ends; and that no logs are searched yet."""
        yield from check_pattern("/pattern", config["pattern"])
        yield from check_interval("/cooldown", config.get("cooldown"), 0.0)
        yield Finding(
            pointer="/kind",
            code="NotActedOn",
            expected="what this version acts on",
            found="`log_scan`",
            fix="logs are not searched: it only fires by hand",
            severity=Severity.WARNING,
        )

    def summary(self, config: Config) -> Mapping[str, str]:
        """What is looked for."""
        return {name: str(config[name]) for name in _FIELDS if name in config}

    def secret_names(self, config: Config) -> frozenset[str]:  # noqa: ARG002 - the protocol's
        """None."""
        return frozenset()

    def watches(self, config: Config) -> tuple[Watch, ...]:  # noqa: ARG002 - the protocol's
        """Nothing: the lines come to it as events."""
        return ()

    def judge(self, config: Config, signal: Signal, pinned: Pinned) -> Verdict:  # noqa: ARG002 - the protocol's
        """A line that the pattern finds something in."""
        if not isinstance(signal, InboundEvent) or signal.type not in (LOG_MATCH, MANUAL):
            return Verdict(fired=False, why="it fires on lines of logs only")
        if signal.type == MANUAL or found_in(config["pattern"], signal.subject):
            return Verdict(fired=True, why=signal.text)
        return Verdict(fired=False, why=f"pattern {config['pattern']} finds nothing in the line")


KIND: TriggerKind = LogScanKind()
