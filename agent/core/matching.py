"""Matching: one signal and the bindings of its trigger become decisions, each with its reason, also where none fires.

A binding is asked only when its workload may be changed at all. What the kind lets through is then held against what
the document pins: a version that is there already is no reason to do anything. Nothing is asked of the outside here;
what is missing for a decision it carries as `needs`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from agent.core.inbound import InboundEvent
from agent.core.kinds import SourceKind
from agent.core.model import Bound, DesiredState, Workload
from agent.core.pins import Pinned, Repin, Version
from agent.core.triggers import NOTHING_NEEDED, Needs, Signal, TriggerKind, Verdict

DEPLOY, REDEPLOY, RESTART, RUN = "deploy", "redeploy", "restart", "run"
LATEST = "latest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What one signal means for one binding.

    `action` is what is really done: a deploy without a version is a redeploy. `repin` holds the edits of a deploy.
    `report` is True where the document says that nothing is written: the version is only told. With `needs` it is no
    decision yet; `again` is epoch seconds at which the same signal could mean something else.
    """

    trigger: str
    workload: str
    workload_id: str
    number: int
    action: str
    fired: bool
    why: str
    version: Version | None = None
    repin: Repin | None = None
    report: bool = False
    needs: Needs = NOTHING_NEEDED
    again: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Matcher:
    """Everything that decides besides signal and bindings."""

    desired: DesiredState
    sources: Mapping[str, SourceKind]
    triggers: Mapping[str, TriggerKind]

    def decide(self, signal: Signal, bindings: Iterable[Bound], *, own: bool = False) -> tuple[Decision, ...]:
        """One decision a binding, in the order of the bindings; `own` is True for a commit of the agent's own."""
        return tuple(self._decide(signal, bound, own) for bound in bindings)

    def _decide(self, signal: Signal, bound: Bound, own: bool) -> Decision:
        workload = self.desired.workloads.get(bound.workload)
        idle = Decision(
            trigger=bound.trigger,
            workload=bound.workload,
            workload_id=workload.id if workload else "",
            number=bound.number,
            action=bound.action,
            fired=False,
            why=_out_of_reach(workload, bound, own),
        )
        if idle.why or workload is None:
            return idle
        trigger = self.desired.triggers[bound.trigger]
        pinned = self.sources[workload.source.kind].pinned(workload, self._hosts())
        verdict = self.triggers[trigger.kind].judge(bound.config, signal, pinned)
        judged = replace(idle, why=verdict.why, needs=verdict.needs, again=verdict.again, version=verdict.version)
        if not verdict.fired:
            return judged
        beside = _beside_the_pin(verdict.version, bound, pinned)
        return replace(judged, why=beside) if beside else self._carried_out(judged, verdict, workload)

    def _carried_out(self, judged: Decision, verdict: Verdict, workload: Workload) -> Decision:
        """What a verdict that fired means for the document."""
        if judged.action != DEPLOY:
            return replace(judged, fired=True)
        repin = self._repin(verdict.version, workload)
        if repin.needs_digest:
            return replace(judged, needs=Needs(digests=(repin.needs_digest,)))
        if repin.why_not:
            return replace(judged, why=repin.why_not)
        if not repin.edits:
            return replace(judged, fired=True, action=REDEPLOY, version=None)
        report = workload.update != "commit"
        return replace(judged, fired=True, repin=repin, report=report)

    def _repin(self, version: Version | None, workload: Workload) -> Repin:
        if version is None:
            return Repin()
        return self.sources[workload.source.kind].repin(workload, version, self._hosts())

    def _hosts(self) -> Mapping[str, str]:
        return {name: registry.host for name, registry in self.desired.registries.items()}


def _beside_the_pin(version: Version | None, bound: Bound, pinned: Pinned) -> str:
    """Why a push of another tag than the pinned one is no reason to pull that one again; empty where there is one.

    Who filters by `tag_pattern`, or chooses by a policy, knows better which tags are meant.
    """
    tag = version.tag if version is not None else None
    if bound.action != REDEPLOY or tag is None or not bound.config.keys().isdisjoint(("tag_pattern", "policy")):
        return ""
    tags = pinned.tags or ((pinned.tag or LATEST,) if pinned.tag or not pinned.digest else ())
    if not tags or tag in tags:
        return ""
    return f"the tag {tag} was pushed, and {', '.join(tags)} is what is pinned; `tag_pattern` would let others through"


def with_digest(event: InboundEvent, digest: str) -> InboundEvent:
    """The event, once its digest is known."""
    return replace(event, digest=digest)


def _out_of_reach(workload: Workload | None, bound: Bound, own: bool) -> str:
    """Why the binding is not even asked; empty where it is."""
    if workload is None:
        return "its document cannot be used"
    if not bound.enabled:
        return "the binding is disabled"
    if workload.suspend:
        return "the workload is suspended"
    return "the commit is an update of the agent's own" if own else ""
