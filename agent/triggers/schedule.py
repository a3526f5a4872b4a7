"""The `schedule` kind: ticks of a cron expression in a time zone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from agent.core import cron
from agent.core.inbound import MANUAL, TICK, InboundEvent
from agent.core.kinds import Finding
from agent.core.model import Config
from agent.core.pins import Pinned
from agent.core.triggers import Signal, TriggerKind, Verdict, Watch, WatchClock
from agent.core.validation.intervals import check_interval
from agent.core.values import InvalidValue, parse_duration

DEFAULT_ZONE = "UTC"


class ScheduleKind:
    """Implements `agent.core.triggers.TriggerKind`."""

    @property
    def name(self) -> str:
        return "schedule"

    def check(self, config: Config) -> Iterable[Finding]:
        """An expression and a time zone that exist, a time that comes, and a jitter that ends."""
        expression, zone = str(config["cron"]), str(config.get("timezone", DEFAULT_ZONE))
        wrong = [*_attempt("/cron", cron.parse_cron, expression), *_attempt("/timezone", cron.zone, zone)]
        yield from wrong
        yield from check_interval("/jitter", config.get("jitter"), 0.0)
        if not wrong and cron.next_tick(expression, zone, 0.0) is None:
            yield Finding(
                pointer="/cron",
                code="InvalidValue",
                expected="a time that comes",
                found="one that never does, such as 30 February",
                fix="correct day and month",
            )

    def summary(self, config: Config) -> Mapping[str, str]:
        """The expression, its zone and the jitter."""
        words = {name: str(config[name]) for name in ("cron", "timezone", "jitter") if name in config}
        return {"timezone": DEFAULT_ZONE} | words

    def secret_names(self, config: Config) -> frozenset[str]:  # noqa: ARG002 - the protocol's
        """None."""
        return frozenset()

    def watches(self, config: Config) -> tuple[Watch, ...]:
        """The clock."""
        return (
            WatchClock(
                cron=str(config["cron"]),
                timezone=str(config.get("timezone", DEFAULT_ZONE)),
                jitter=parse_duration(str(config.get("jitter", "0s"))),
            ),
        )

    def judge(self, config: Config, signal: Signal, pinned: Pinned) -> Verdict:  # noqa: ARG002 - the protocol's
        """Every tick, and whoever fires it by hand."""
        if isinstance(signal, InboundEvent) and signal.type in (TICK, MANUAL):
            return Verdict(fired=True, why=signal.text)
        return Verdict(fired=False, why="it fires by the clock only")


def _attempt(pointer: str, parse: Callable[[str], object], text: str) -> Iterator[Finding]:
    try:
        parse(text)
    except InvalidValue as error:
        yield Finding(pointer=pointer, code="InvalidValue", expected=error.expected, found=error.found, fix=error.fix)


KIND: TriggerKind = ScheduleKind()
