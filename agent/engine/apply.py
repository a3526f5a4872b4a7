"""Carries out a plan: step by step, each one operation on the engine, in the order given. It chooses nothing.

Between two steps, and at least every 100 ms of the health gate, it makes way for a newer commit or the agent's end;
but not between stopping the old container and starting the new one, which would be time without service.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from agent.core.actions import (
    Action,
    AwaitHealthy,
    ConnectNetwork,
    CreateContainer,
    CreateNetwork,
    CreateVolume,
    PullImage,
    RemoveContainer,
    RenameContainer,
    StartContainer,
    StopContainer,
    UnpauseContainer,
    UpdateContainer,
)
from agent.core.model import Value
from agent.core.plan import Plan, Step
from agent.core.reasons import Reason
from agent.engine.gate import Abandoned, Gate, GateParts, Passed, Refused
from agent.engine.labels import ID, WORKLOAD
from agent.engine.probes import Probe, probe
from agent.errors import PierheadError, Stalled, Transient
from agent.ports import Clock, Credentials, Engine, Secrets

LOG_LINES = 20

CredentialsOf = Callable[[str | None, str], Credentials | None]
"""The login for (name of the Registry document or None, image); raises Stalled when its secret is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyContext:
    """How a plan that is being carried out is told to make way, and tells how far it is."""

    superseded: Callable[[], bool]
    stopping: Callable[[], bool]
    progress: Callable[[Step], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """Every step succeeded. `digests` maps images pulled to their repository digests; `seconds` is how long it took."""

    seconds: float = 0.0
    digests: Mapping[str, str] = field(default_factory=dict)
    created: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A step failed and the rest was not tried.

    `permanent`: only a commit can help, so the version belongs into quarantine. `container` is the id of the container
    concerned; `logs` are its last lines, redacted. `retry_after` is in seconds, None where a backoff should decide.
    """

    step: Step
    reason: Reason
    message: str
    advice: str = ""
    logs: tuple[str, ...] = ()
    exit_code: int | None = None
    permanent: bool = False
    container: str | None = None
    retry_after: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Superseded:
    """A newer commit overtakes; `step` was not begun, or is the wait that was broken off."""

    step: Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted:
    """The agent stops; what is left is found and continued by the next start."""

    step: Step


Outcome = Applied | Failed | Superseded | Interrupted


class Executor:
    """Stateless between plans, so it may carry out several at once."""

    def __init__(
        self, engine: Engine, secrets: Secrets, credentials: CredentialsOf, clock: Clock, probe: Probe = probe
    ) -> None:
        self._engine = engine
        self._secrets = secrets
        self._credentials = credentials
        self._clock = clock
        self._probe = probe

    def apply(self, plan: Plan, context: ApplyContext) -> Outcome:
        """Carry out all steps; what goes wrong on the outside is an outcome, what is raised is a bug."""
        run = _Run(
            self._engine,
            self._secrets,
            self._credentials,
            GateParts(engine=self._engine, probe=self._probe, clock=self._clock),
        )
        started = self._clock.monotonic()
        outcome = run.all(plan, context)
        if outcome is not None:
            return outcome
        seconds = self._clock.monotonic() - started
        return Applied(seconds=seconds, digests=dict(run.digests), created=tuple(run.created.values()))


class _Run:
    """One plan being carried out; knows the ids of what it created."""

    def __init__(self, engine: Engine, secrets: Secrets, credentials: CredentialsOf, gate: GateParts) -> None:
        self._engine = engine
        self._secrets = secrets
        self._credentials = credentials
        self._gate = gate
        self.created: dict[str, str] = {}
        self.digests: dict[str, str] = {}

    def all(self, plan: Plan, context: ApplyContext) -> Outcome | None:
        """None when every step succeeded."""
        for number, step in enumerate(plan.steps):
            if not _between_stop_and_start(plan, number):
                outcome = _made_way(step, context)
                if outcome is not None:
                    return outcome
            context.progress(step)
            outcome = self._one(step, context)
            if outcome is not None:
                return outcome
        return None

    def _one(self, step: Step, context: ApplyContext) -> Outcome | None:
        try:
            if isinstance(step.action, AwaitHealthy):
                return self._await(step, step.action, context)
            self._do(step.action)
        except PierheadError as error:
            return self._failed(step, error)
        return None

    def _do(self, action: Action) -> None:  # noqa: C901 - one arm an action, each one call
        match action:
            case PullImage():
                self._pull(action)
            case CreateNetwork(name):
                self._engine.create_network(name)
            case CreateVolume(name, workload, workload_id):
                self._engine.create_volume(name, {WORKLOAD: workload, ID: workload_id})
            case CreateContainer():
                self._create(action)
            case StartContainer(container):
                self._engine.start(self._id(container))
            case UnpauseContainer(container):
                self._engine.unpause(self._id(container))
            case StopContainer(container, _, timeout):
                self._engine.stop(self._id(container), timeout)
            case RenameContainer(container, _, new_name):
                self._engine.rename(self._id(container), new_name)
            case UpdateContainer():
                self._engine.update(action)
            case ConnectNetwork(container, _, network, aliases):
                self._engine.connect(self._id(container), network, aliases)
            case RemoveContainer(container):
                self._engine.remove(self._id(container))
            case AwaitHealthy():
                raise AssertionError("the gate has an outcome of its own")

    def _id(self, container: str) -> str:
        """A plan names by name what it creates itself."""
        return self.created.get(container, container)

    def _pull(self, action: PullImage) -> None:
        credentials = self._credentials(action.registry, action.image)
        digest = self._engine.pull(action.image, action.platform, action.always, credentials)
        if digest is not None:
            self.digests[action.image] = digest

    def _create(self, action: CreateContainer) -> None:
        env = {name: self._value(value) for name, value in action.spec.env.items()}
        self.created[action.name] = self._engine.create(action, env)

    def _value(self, value: Value) -> str:
        return value if isinstance(value, str) else self._secrets.value(value.name)

    def _await(self, step: Step, action: AwaitHealthy, context: ApplyContext) -> Outcome | None:
        container = self._id(action.container)
        gate = Gate(self._gate, container, action.healthcheck)
        match gate.wait(lambda: context.superseded() or context.stopping()):
            case Passed():
                return None
            case Abandoned():
                return _made_way(step, context) or Interrupted(step=step)
            case Refused() as refused:
                return Failed(
                    step=step,
                    reason=refused.reason,
                    message=self._secrets.redact(refused.message),
                    advice=refused.advice,
                    logs=self._last_lines(container),
                    exit_code=refused.exit_code,
                    permanent=True,
                    container=container,
                )

    def _failed(self, step: Step, error: PierheadError) -> Failed:
        container = _container_of(step.action)
        return Failed(
            step=step,
            reason=error.reason,
            message=self._secrets.redact(error.message),
            advice=error.advice,
            permanent=isinstance(error, Stalled) and error.reason is Reason.INVALID_CONTAINER,
            container=self._id(container) if container is not None else None,
            retry_after=error.retry_after if isinstance(error, Transient) else None,
        )

    def _last_lines(self, container: str) -> tuple[str, ...]:
        try:
            lines = self._engine.logs(container, LOG_LINES)
        except PierheadError as error:
            return (f"(its log cannot be read: {error.message})",)
        return tuple(self._secrets.redact(line) for line in lines)


def _made_way(step: Step, context: ApplyContext) -> Outcome | None:
    if context.stopping():
        return Interrupted(step=step)
    return Superseded(step=step) if context.superseded() else None


def _between_stop_and_start(plan: Plan, number: int) -> bool:
    """Whether a container was stopped before this step and one is started at or after it; a passed gate parts both."""
    stopped = False
    for step in plan.steps[:number]:
        stopped = isinstance(step.action, StopContainer) or (stopped and not isinstance(step.action, AwaitHealthy))
    return stopped and any(isinstance(step.action, StartContainer) for step in plan.steps[number:])


def _container_of(action: Action) -> str | None:
    """The container that an action is about, as the plan names it."""
    return getattr(action, "container", None)
