"""The decision for one group: at rest, deploy, repair, wait, or go back."""

from __future__ import annotations

from agent.core.actions import RemoveContainer
from agent.core.plan import Step
from agent.core.planning import words
from agent.core.planning.decision import Decision
from agent.core.planning.deploy import Context, converge
from agent.core.planning.groups import Group
from agent.core.planning.health import steady
from agent.core.planning.recovery import go_back, keep_serving
from agent.core.planning.withheld import limited
from agent.core.planning.work import Work, work_of
from agent.core.reasons import Phase, Reason


def decide_group(group: Group, context: Context) -> Decision:
    """What to do about one group now."""
    works = work_of(group, context.names)
    good = group.known_good or (context.situation.deployed == context.target and not group.previous)
    why = "a container is missing" if good else words.why_deploy(group, context.situation.redeploy)
    steps = converge(group, works, context, why)
    if not steps:
        return steady(group, context.situation)
    failure = context.situation.quarantined.get(context.target)
    if failure is not None:
        return _failed_before(group, context, failure)
    found = _found(group, works)
    if good and found:
        return _repair(group, found, steps, context)
    if context.situation.waiting_for and not group.begun:
        return _wait(group, context)
    why = f"only {words.count(len(group.slots), 'replica')} wanted" if good else why
    return Decision(phase=Phase.SYNCED, reason=Reason.DEPLOYING, message=why, steps=steps, instance=group.spec.instance)


def _found(group: Group, works: tuple[Work, ...]) -> list[str]:
    """What is wrong with a version that is known to be good."""
    found = [f"{work.known_name}: {drift.text}" for work in works for drift in work.drifts]
    found += [f"{work.known_name}: it has not proved itself" for work in works if not work.proven and not work.drifts]
    return found + [f"{one.name}: {words.useless(one)}" for one in group.stale]


def _repair(group: Group, found: list[str], steps: tuple[Step, ...], context: Context) -> Decision:
    """The version is known to be good: only what differs is mended."""
    decision = Decision(
        phase=Phase.SYNCED,
        reason=Reason.REPAIRING,
        message=words.several(found),
        steps=steps,
        instance=group.spec.instance,
    )
    return limited(decision, context.situation)


def _wait(group: Group, context: Context) -> Decision:
    """A deploy waits for what it depends on; what serves meanwhile is kept up."""
    previous = group.best_previous(context.situation)
    steps = keep_serving(previous)
    message = f"{words.waiting(context.situation.waiting_for)}; {words.kept_up(previous, started=bool(steps))}"
    decision = Decision(
        phase=Phase.WAITING,
        reason=Reason.REPAIRING if steps else Reason.DEPENDENCY_NOT_READY,
        message=message,
        steps=steps,
        instance=group.spec.instance,
    )
    return limited(decision, context.situation)


def _failed_before(group: Group, context: Context, failure: str) -> Decision:
    """The wanted version is in quarantine: go back, or stay back."""
    steps = go_back(group, context.situation)
    previous = group.best_previous(context.situation)
    serves = bool(previous) or any(slot.serving for slot in group.slots)
    removes = any(isinstance(step.action, RemoveContainer) for step in steps)
    image = group.spec.image
    if removes:
        end = f"back to {words.versions(previous)}" if previous else "there is no previous version to go back to"
        reason, message = Reason.ROLLING_BACK, f"{image} failed ({failure}); {end}"
    else:
        current = [slot.current for slot in group.slots if slot.current is not None]
        present = current if group.serving else previous or current
        kept = words.kept_up(present, started=bool(steps))
        reason = Reason.REPAIRING if steps else Reason.QUARANTINED
        lifted = "a commit changes this workload"
        lifted += " or another redeploy is asked for" if context.situation.generation else ""
        message = f"{image} failed ({failure}) and is not tried again until {lifted}; {kept}"
    decision = Decision(
        phase=Phase.DEGRADED if serves else Phase.FAILED,
        reason=reason,
        message=message,
        steps=steps,
        instance=group.spec.instance,
    )
    return limited(decision, context.situation)
