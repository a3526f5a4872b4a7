"""The numbers for `/metrics` that status does not hold: passes, list calls, outcomes, fetches, flushes and so on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from agent.chronicle import Chronicle
from agent.core.detail import Counter
from agent.flusher import Flusher
from agent.follower import Follower
from agent.keyed_queue import KeyedQueue
from agent.loop import Loop
from agent.observer import Observer
from agent.records import Recordkeeper


def counters_of(
    loop: Loop,
    queue: KeyedQueue,
    observer: Observer,
    records: Recordkeeper,
    writers: tuple[Follower, Flusher, Chronicle],
) -> Callable[[], tuple[Counter, ...]]:
    """A function that reads all numbers as they are now."""
    follower, flusher, chronicle = writers

    def read() -> Iterator[Counter]:
        yield Counter(name="passes_total", value=loop.passes, help="Passes over one workload")
        yield Counter(
            name="queue_depth", value=queue.depth(), gauge=True, help="Workloads waiting for a pass or in one"
        )
        yield Counter(name="list_calls_total", value=observer.list_calls, help="List calls made to the engine")
        for (name, outcome), value in sorted(records.outcomes.items()):
            yield Counter(name=name, value=value, labels={"outcome": outcome}, help="Plans carried out, by outcome")
        for outcome, value in follower.fetches.items():
            yield Counter(name="fetches_total", value=value, labels={"outcome": outcome}, help="Fetches, by outcome")
        for outcome, value in flusher.flushes.items():
            yield Counter(
                name="flushes_total", value=value, labels={"outcome": outcome}, help="Flushes to git, by outcome"
            )
        for severity, value in sorted(chronicle.counts.items()):
            yield Counter(name="events_total", value=value, labels={"severity": severity}, help="Events, by severity")

    return lambda: tuple(read())


def delivery_counters(outcomes: Mapping[tuple[str, str], int]) -> tuple[Counter, ...]:
    """What became of deliveries, by trigger and outcome; those to no trigger have an empty one."""
    return tuple(
        Counter(
            name="deliveries_total",
            value=value,
            labels={"trigger": trigger, "outcome": outcome},
            help="Deliveries of webhooks, by trigger (empty where there is none) and outcome",
        )
        for (trigger, outcome), value in sorted(outcomes.items())
    )
