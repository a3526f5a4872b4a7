"""One-off containers: what they are called, what marks them, the steps that make one, and what its end means.

The mark is a label, so that whoever finds such a container knows which run it is, how long that may take and who asked
for it, whatever became of the journal and of the workload. One run has one name, so it cannot have two containers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from agent.core.actions import CreateContainer, StartContainer
from agent.core.container import ContainerSpec
from agent.core.fingerprint import fingerprint
from agent.core.kinds import Situation
from agent.core.model import RunSpec, Workload
from agent.core.moments import epoch
from agent.core.observed import ContainerDetail, ObservedContainer, Role
from agent.core.plan import Plan, Step
from agent.core.planning.deploy import fetch
from agent.core.reasons import Phase, Reason
from agent.core.runs import FAILED, SUCCEEDED, TIMED_OUT, Run

SHORT = 8
DEFAULTS = RunSpec()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunMark:
    """What a one-off container says of itself. `timeout` and `grace`, the time to end in, are in seconds; `keep` is how
    many ended runs stay in the history.
    """

    run: str
    timeout: float = DEFAULTS.timeout
    grace: float = 10.0
    keep: int = DEFAULTS.keep
    trigger: str = ""
    event: str = ""

    @property
    def extra(self) -> Mapping[str, object]:
        """As entries of the additive label."""
        return {
            "run": self.run,
            "timeout": self.timeout,
            "grace": self.grace,
            "keep": self.keep,
            "trigger": self.trigger,
            "event": self.event,
        }


def mark_of(container: ObservedContainer) -> RunMark:
    """What a one-off container says of itself; what cannot be read is as by default, and the name is its last name."""
    extra = container.extra
    return RunMark(
        run=str(extra.get("run", container.name)),
        timeout=_number(extra.get("timeout"), DEFAULTS.timeout),
        grace=_number(extra.get("grace"), 10.0),
        keep=int(_number(extra.get("keep"), DEFAULTS.keep)),
        trigger=str(extra.get("trigger", "")),
        event=str(extra.get("event", "")),
    )


def _number(value: object, default: float) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else default


def short_id(run_id: str) -> str:
    """The part of a run's id that stands in names and messages."""
    return hashlib.sha256(run_id.encode()).hexdigest()[:SHORT]


def run_name(workload_name: str, run_id: str) -> str:
    """`<workload>.run.<short id>`."""
    return f"{workload_name}.run.{short_id(run_id)}"


def run_id(event: str, number: int, workload_id: str) -> str:
    """The id of what an event asks through one binding, by the binding's place: the same event asks it only once."""
    return f"{event}-{number}-{workload_id}"


def settings_of(workload: Workload, run: Run) -> RunSpec | None:
    """The settings of a run by the binding through which it was asked for; None where none runs it any more.

    A commit may have moved the binding meanwhile: then the first one of the same trigger counts.
    """
    found = {
        number: binding.run or DEFAULTS
        for number, binding in enumerate(workload.triggers)
        if binding.action == "run" and (binding.trigger or f"{workload.name}.{number + 1}") == run.trigger
    }
    asked = (spec for number, spec in found.items() if run.id == run_id(run.event, number, run.workload_id))
    return next(asked, next(iter(found.values()), None))


def same_job(one: Run, other: Run) -> bool:
    """Whether two runs of a workload were asked for through the same binding."""
    return one.trigger == other.trigger and _tail(one) == _tail(other)


def _tail(run: Run) -> str:
    return run.id.removeprefix(run.event)


def making(run: Run, spec: ContainerSpec, mark: RunMark, situation: Situation) -> Plan:
    """Everything up to the container of a run, which is not started yet."""
    why = asked_by(run)
    create = CreateContainer(
        name=run_name(run.workload, run.id),
        spec=spec,
        fingerprint=fingerprint(spec, situation.secrets),
        revision=situation.revision,
        role=str(Role.RUN),
        network_container=situation.network_owners[spec.network_of] if spec.network_of else None,
        extra=mark.extra,
    )
    return _plan(run, (*fetch(spec, why), Step(create, why)))


def starting(run: Run, container_id: str) -> Plan:
    """The start of a container that is there."""
    start = StartContainer(container=container_id, name=run_name(run.workload, run.id))
    return _plan(run, (Step(start, asked_by(run)),))


def _plan(run: Run, steps: tuple[Step, ...]) -> Plan:
    return Plan(
        workload=run.workload,
        workload_id=run.workload_id,
        phase=Phase.SYNCED,
        reason=Reason.RUN_STARTED,
        message=asked_by(run),
        steps=steps,
    )


def asked_by(run: Run) -> str:
    """Who asked for a run; a run that was found without memory does not know it."""
    return f"run {short_id(run.id)} asked for by {f'trigger {run.trigger}' if run.trigger else 'an earlier agent'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a run ended: one of the states of `agent.core.runs`, and why in words."""

    state: str
    message: str


def end_of(detail: ContainerDetail, mark: RunMark, *, over_time: bool) -> End:
    """What the end of a container means; `over_time` is True where the agent ended it at its limit."""
    took = f"after {epoch(detail.finished_at) - epoch(detail.started_at):.0f} s"
    if over_time:
        return End(state=TIMED_OUT, message=f"it took longer than its limit of {mark.timeout:g} s and was ended")
    if detail.oom_killed:
        return End(
            state=FAILED, message=f"it ran out of memory {took}; raise memory_limit, or make it need less memory"
        )
    if detail.exit_code == 0:
        return End(state=SUCCEEDED, message=f"it ended with code 0 {took}")
    why = f": {detail.error}" if detail.error else ""
    return End(state=FAILED, message=f"it ended with code {detail.exit_code} {took}{why}")
