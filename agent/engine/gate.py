"""The health gate: a container that was just started passes as soon as it proves itself, and fails as soon as it cannot
any more. What proves it: the agent's own http or tcp probe, Docker's health check, or else a second without a restart.

Probing starts at once and slows down, because most containers answer within milliseconds. The engine is asked for the
container's state more often in the first second, in which most of what is broken ends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agent.core.model import HealthCheck
from agent.core.observed import ContainerDetail, ObservedContainer
from agent.core.reasons import Reason
from agent.engine.probes import Probe
from agent.errors import Transient
from agent.ports import Clock, Engine

FIRST_PAUSE = 0.02
LONGEST_PAUSE = 0.1
SLOWER = 1.3
LOOK_EVERY = 0.5
LOOK_EARLY = 0.1
EARLY = 1.0
SETTLE = 1.0
DOCKER_GRACE = 5.0
IMAGE_CHECK_TIME = 600.0
AWAY_TIME = 30.0
KILLED = 137
"""The exit code of a process that was killed (128 and the signal's number)."""


@dataclass(frozen=True, slots=True)
class Passed:
    """The container proved itself."""


@dataclass(frozen=True, slots=True)
class Abandoned:
    """Nobody waits for the answer any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The container failed, and how."""

    reason: Reason
    message: str
    advice: str = ""
    exit_code: int | None = None


Verdict = Passed | Abandoned | Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class GateParts:
    """What a gate looks through: the engine, the agent's own probes, and a clock."""

    engine: Engine
    probe: Probe
    clock: Clock


class Gate:
    """One wait for one container."""

    def __init__(self, parts: GateParts, container: str, check: HealthCheck | None) -> None:
        self._parts = parts
        self._container = container
        self._check = check
        self._started = parts.clock.monotonic()
        self._looked_at = float("-inf")
        self._seen: ObservedContainer | None = None
        self._address: str | None = None
        self._last = "it was never asked"
        self._away: Transient | None = None
        self._seen_killed = False

    def wait(self, abandoned: Callable[[], bool]) -> Verdict:
        """Until the verdict is clear; `abandoned` is asked at least every 100 ms."""
        pause = FIRST_PAUSE
        while not abandoned():
            verdict = self._once(abandoned)
            if verdict is not None:
                return verdict
            self._parts.clock.wait(pause)
            pause = min(LONGEST_PAUSE, pause * SLOWER)
        return Abandoned()

    def _once(self, abandoned: Callable[[], bool]) -> Verdict | None:
        failed = self._look(LOOK_EARLY if self._elapsed < EARLY else LOOK_EVERY)
        return failed or self._proved(abandoned) or (None if abandoned() else self._overdue())

    @property
    def _elapsed(self) -> float:
        return self._parts.clock.monotonic() - self._started

    def _proved(self, abandoned: Callable[[], bool]) -> Verdict | None:
        check = self._check
        if self._seen is None or self._seen.state != "running":
            return None
        if check is not None and check.command is None:
            return self._ask(check, abandoned)
        if self._seen.health is not None or check is not None:
            return self._docker_says(self._seen.health)
        return self._settled() if self._elapsed >= SETTLE else None

    def _settled(self) -> Verdict | None:
        """Still running, by a look of this very moment."""
        failed = self._look(0.0)
        running = self._away is None and self._seen is not None and self._seen.state == "running"
        return failed or (Passed() if running else None)

    def _ask(self, check: HealthCheck, abandoned: Callable[[], bool]) -> Verdict | None:
        try:
            self._address = self._address or self._parts.engine.address(self._container)
        except Transient as error:
            self._last = error.message
            return None
        answer = self._parts.probe(self._address, check, abandoned)
        if answer is None:
            return Passed()
        self._last = answer
        return None

    def _docker_says(self, health: str | None) -> Verdict | None:
        if health == "healthy":
            return Passed()
        if health == "unhealthy":
            output = self._parts.engine.inspect(self._container).health_output
            said = f": {output}" if output else ""
            return Refused(reason=Reason.UNHEALTHY, message=f"its health check fails{said}")
        self._last = f"its health check says {health or 'nothing'}"
        return None

    def _look(self, every: float) -> Refused | None:
        """Ask the engine for the container's state, unless that was done less than `every` seconds ago."""
        now = self._parts.clock.monotonic()
        if now - self._looked_at < every:
            return None
        try:
            self._seen = self._parts.engine.exists(self._container)
            self._looked_at, self._away = now, None
            self._address = None  # a container that was restarted may have another one
            return self._judge(self._seen)
        except Transient as error:
            self._away = error
            return None

    def _judge(self, seen: ObservedContainer | None) -> Refused | None:
        if seen is None:
            return Refused(reason=Reason.CONTAINER_EXITED, message="somebody removed it while it was starting")
        if seen.state in ("paused", "created"):
            self._last = f"it is {seen.state}"
            return None
        detail = self._parts.engine.inspect(self._container)
        code = detail.exit_code if detail.exit_code is not None else seen.exit_code
        if detail.oom_killed:
            advice = "raise memory_limit, or make it need less"
            return Refused(reason=Reason.OUT_OF_MEMORY, message="it ran out of memory", advice=advice, exit_code=code)
        return self._ended(seen, detail, code)

    def _ended(self, seen: ObservedContainer, detail: ContainerDetail, code: int | None) -> Refused | None:
        if seen.state == "restarting" or detail.restart_count > 0:
            ended = f" with code {code}" if code is not None else ""
            message = f"it ended{ended} and was restarted {detail.restart_count} times"
            return Refused(reason=Reason.CRASH_LOOP, message=message, exit_code=code)
        if seen.state == "running":
            return None
        if code == KILLED and not self._seen_killed:
            self._seen_killed = True  # the engine may tell only a moment later that memory was the reason
            return None
        message = f"it ended with code {code}" + (f": {detail.error}" if detail.error else "")
        return Refused(reason=Reason.CONTAINER_EXITED, message=message, exit_code=code)

    def _overdue(self) -> Refused | None:
        """An engine that is away is no fault of the container."""
        if self._away is not None and self._elapsed >= min(AWAY_TIME, self._time_allowed()):
            raise self._away
        if self._elapsed < self._time_allowed():
            return None
        # A probe may have waited for an address at which nobody is any more: how the container fares says more.
        if failed := self._look(0.0):
            return failed
        if self._away is not None:
            raise self._away
        message = f"not healthy after {self._elapsed:.0f} s: {self._last}"
        advice = "see its last log lines; raise start_period if it only needs longer to start"
        return Refused(reason=Reason.HEALTH_TIMEOUT, message=message, advice=advice)

    def _time_allowed(self) -> float:
        """Docker ends its own checks by itself, so for those this is only a backstop."""
        check = self._check
        if check is None:
            return IMAGE_CHECK_TIME
        if check.command is None:
            return check.deadline
        return check.deadline + check.timeout * check.retries + DOCKER_GRACE
