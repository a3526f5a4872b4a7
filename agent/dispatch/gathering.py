"""What a batch of events means as a whole: the changes of one commit, judged on one desired state, and what must wait;
and which events of a batch are made up for by later ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from agent.core.inbound import TICK
from agent.core.inbox import Received
from agent.core.matching import Decision
from agent.core.model import DesiredState
from agent.core.updates import Change
from agent.dispatch.judging import Judge
from agent.errors import PierheadError

MOST_NAMED = 20
"""So many of the events that one change stands for are named in its commit, the newest ones."""


@dataclass(slots=True)
class Gathered:
    """One change a workload, that of its newest event.

    `wanted` holds for each event the workloads that it changes, `newest` the id of each workload's newest event.
    `later` are events for the next commit: versions side by side are added one after the other, so that none of a burst
    is lost. `failed` are those that could not be judged.
    """

    changes: dict[str, Change] = field(default_factory=dict)
    wanted: dict[str, list[str]] = field(default_factory=dict)
    newest: dict[str, str] = field(default_factory=dict)
    later: set[str] = field(default_factory=set)
    failed: dict[str, PierheadError] = field(default_factory=dict)

    def told_by(self, event_id: str, refused: Mapping[str, str]) -> str:
        """What became of an event, for people."""
        words = []
        for workload in self.wanted[event_id]:
            why = refused.get(workload)
            words.append(f"{workload}: {self.changes[workload].text}{f' cannot be written: {why}' if why else ''}")
        return ", ".join(words)[:500]


def gather(batch: Sequence[Received], judge: Judge, desired: DesiredState) -> Gathered:
    """Judge each event; one that cannot be judged holds up no other."""
    found = Gathered()
    for received in batch:
        try:
            decisions = judge.decisions(received, desired)
        except PierheadError as error:
            found.failed[received.id] = error
            continue
        for one in decisions:
            if writes(one):
                _take(found, one, received, desired)
    return found


def writes(one: Decision) -> bool:
    """Whether a decision is to be written into the document."""
    return one.fired and one.repin is not None and not one.report


def _take(found: Gathered, one: Decision, received: Received, desired: DesiredState) -> None:
    known = found.changes.get(one.workload)
    if (
        known is not None
        and any(isinstance(edit.value, tuple) for edit in known.edits)
        and received.id not in (known.events)
    ):
        found.later.add(received.id)
        return
    found.changes[one.workload] = _change(one, received, known, desired)
    found.newest[one.workload] = received.id
    wanted = found.wanted.setdefault(received.id, [])
    if one.workload not in wanted:
        wanted.append(one.workload)


def _change(one: Decision, received: Received, known: Change | None, desired: DesiredState) -> Change:
    """What is written for a workload; triggers and events of what it takes the place of are named too."""
    assert one.repin is not None
    triggers = (*(known.triggers if known else ()), one.trigger)
    events = (*(known.events if known else ()), received.id)
    return Change(
        workload=one.workload,
        path=desired.workloads[one.workload].position.path,
        edits=one.repin.edits,
        text=one.repin.text,
        triggers=tuple(dict.fromkeys(triggers)),
        events=tuple(dict.fromkeys(events))[-MOST_NAMED:],
    )


def made_up_for(fresh: Iterable[Received]) -> frozenset[str]:
    """Ticks that were not acted upon before the next one of the same schedule came: once is enough."""
    newest: dict[tuple[str, str | None], str] = {}
    missed: set[str] = set()
    for one in fresh:
        if one.event.type == TICK:
            key = (one.trigger, one.workload)
            if key in newest:
                missed.add(newest[key])
            newest[key] = one.id
    return frozenset(missed)
