"""Builds every adapter and kind once, in order; with its two halves beside it the only file that knows them all."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from agent import __version__
from agent.board import Board, Identity
from agent.chronicle import Chronicle
from agent.core.kinds import SourceKind
from agent.counters import counters_of, delivery_counters
from agent.daemon import FOR_RELEASE, Daemon, DaemonParts
from agent.discovery import discover_kinds
from agent.engine.apply import Executor
from agent.engine.lease import EngineLease
from agent.engine.probes import probe
from agent.failures import Failures
from agent.flusher import Flusher
from agent.follower import Follower
from agent.journal.ids import EventIds
from agent.keyed_queue import KeyedQueue
from agent.loading import context_for, loader
from agent.loop import Loop, LoopParts
from agent.memory import Memory
from agent.monitor import Monitor
from agent.observer import Observer
from agent.periodic import briefly
from agent.ports import Credentials
from agent.reconcile import Parts, Reconciler
from agent.records import Recordkeeper, Sources
from agent.registries.credentials import credentials_for
from agent.repository.opening import open_recorder
from agent.repository.schedule import FetchSchedule
from agent.repository.urls import redact
from agent.running import Agent, AgentParts, quietly
from agent.settings import AgentSettings
from agent.view import AgentView, ViewParts
from agent.wiring_outside import Outside, outside_of
from agent.wiring_triggers import BuiltTriggers, TriggerNeeds, build_triggers

RENEWAL = 10.0

Outcomes = Callable[[], Mapping[tuple[str, str], int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Middle:
    """What keeps state in memory, and what a pass is made of."""

    board: Board
    chronicle: Chronicle
    follower: Follower
    observer: Observer
    failures: Failures
    ids: EventIds
    queue: KeyedQueue
    monitor: Monitor
    records: Recordkeeper
    flusher: Flusher
    kinds: Mapping[str, SourceKind]


def _middle(settings: AgentSettings, outside: Outside) -> _Middle:
    clock, journal = outside.clock, outside.journal
    ids = EventIds(clock, journal.last_event_id())
    chronicle = Chronicle(journal, outside.secrets, clock, settings.host, ids.next)
    identity = Identity(
        host=settings.host, version=__version__, repository=redact(settings.repo.url), branch=settings.repo.branch
    )
    board = Board(identity, clock, chronicle.watchers)
    kinds = discover_kinds()
    context = context_for(settings.host, settings.policy, lambda name: outside.secrets.digest(name) is not None)
    load = loader(context, outside.repository.read_blob, journal)
    follower = Follower(outside.repository, load, board, chronicle)
    observer = Observer(outside.engine, clock)
    failures = Failures(journal, clock)
    queue = KeyedQueue(clock.monotonic)
    parts = Sources(follower=follower, observer=observer, failures=failures, kinds=kinds)
    recorder = open_recorder(settings, outside.repository, clock)
    return _Middle(
        board=board,
        chronicle=chronicle,
        follower=follower,
        observer=observer,
        failures=failures,
        ids=ids,
        queue=queue,
        monitor=Monitor(probe, queue.add, clock),
        records=Recordkeeper(board, chronicle, parts),
        flusher=Flusher(recorder, journal, board, chronicle, settings.write_back.flush),
        kinds=kinds,
    )


def _logins(outside: Outside, middle: _Middle) -> Callable[[str | None, str], Credentials | None]:
    """How to log in for an image, by the registries of the desired state in force."""

    def credentials(registry: str | None, image: str) -> Credentials | None:
        desired = middle.follower.state.desired
        registries = desired.registries if desired is not None else {}
        return credentials_for(image, registry, registries, outside.secrets)

    return credentials


def _reconciler(outside: Outside, middle: _Middle, stopping: threading.Event) -> Reconciler:
    parts = Parts(
        follower=middle.follower,
        observer=middle.observer,
        engine=outside.engine,
        executor=Executor(outside.engine, outside.secrets, _logins(outside, middle), outside.clock),
        secrets=outside.secrets,
        failures=middle.failures,
        records=middle.records,
        chronicle=middle.chronicle,
        kinds=middle.kinds,
        clock=outside.clock,
        monitor=middle.monitor,
        memory=Memory(outside.journal),
        journal=outside.journal,
    )
    return Reconciler(parts, stopping.is_set)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moving:
    """What moves an agent, besides its daemon."""

    loop: Loop
    lease: EngineLease
    triggers: BuiltTriggers


def _daemon(settings: AgentSettings, outside: Outside, middle: _Middle, moving: _Moving) -> DaemonParts:
    return DaemonParts(
        loop=moving.loop,
        follower=middle.follower,
        repository=outside.repository,
        flusher=middle.flusher,
        monitor=middle.monitor,
        board=middle.board,
        chronicle=middle.chronicle,
        clock=outside.clock,
        lease=moving.lease,
        schedule=FetchSchedule(settings.repo.interval, random.random),
        resync=settings.resync,
        renewal=RENEWAL,
        secrets_changed=lambda: bool(outside.secrets.changed()),
        journal=outside.journal,
        triggers=moving.triggers.side,
    )


def _triggers(settings: AgentSettings, outside: Outside, middle: _Middle, daemon: list[Daemon]) -> BuiltTriggers:
    """`daemon` is empty until there is one: it fetches, and brings what is new into force."""
    needs = TriggerNeeds(
        settings=settings,
        clock=outside.clock,
        journal=outside.journal,
        secrets=outside.secrets,
        repository=outside.repository,
        follower=middle.follower,
        chronicle=middle.chronicle,
        sources=middle.kinds,
        credentials=_logins(outside, middle),
        next_id=middle.ids.next,
        enqueue=middle.queue.add,
        follow=lambda: daemon[0].follow(),  # noqa: PLW0108 - there is none yet
        moved=lambda: daemon[0].config_moved(),  # noqa: PLW0108 - there is none yet
        hands_off=lambda: "lease" in middle.board.conditions,
    )
    return build_triggers(needs)


def _loop(settings: AgentSettings, outside: Outside, middle: _Middle, reconciler: Reconciler) -> LoopParts:
    return LoopParts(
        queue=middle.queue,
        reconciler=reconciler,
        follower=middle.follower,
        observer=middle.observer,
        board=middle.board,
        chronicle=middle.chronicle,
        failures=middle.failures,
        engine=outside.engine,
        clock=outside.clock,
        kinds=middle.kinds,
        concurrency=settings.concurrency,
    )


def build_agent(settings: AgentSettings, scratch: Path | None = None, outcomes: Outcomes = dict) -> Agent:
    """An agent that has not begun yet: nothing was asked of the engine or the remote.

    With `scratch`, an empty folder, it is good for `preview` only and changes nothing outside of that folder.
    `outcomes` tells how many deliveries came, by trigger and outcome.
    """
    outside = outside_of(settings, scratch)
    middle = _middle(settings, outside)
    stopping = threading.Event()
    reconciler = _reconciler(outside, middle, stopping)
    loop = Loop(_loop(settings, outside, middle, reconciler), stopping.is_set)
    lease = EngineLease(outside.engine, settings.data_dir, outside.clock)
    late: list[Daemon] = []
    triggers = _triggers(settings, outside, middle, late)
    daemon = Daemon(_daemon(settings, outside, middle, _Moving(loop=loop, lease=lease, triggers=triggers)), stopping)
    late.append(daemon)
    return Agent(
        AgentParts(
            board=middle.board,
            chronicle=middle.chronicle,
            clock=outside.clock,
            daemon=daemon,
            flusher=middle.flusher,
            follower=middle.follower,
            lease=lease,
            loop=loop,
            observer=middle.observer,
            queue=middle.queue,
            reconciler=reconciler,
            secrets=outside.secrets,
            view=_view(outside, middle, loop, triggers, outcomes),
            desk=triggers.desk,
            closers=(*_closers(outside, middle, lease), triggers.registry.close),
        )
    )


def _view(outside: Outside, middle: _Middle, loop: Loop, triggers: BuiltTriggers, outcomes: Outcomes) -> AgentView:
    writers = (middle.follower, middle.flusher, middle.chronicle)
    numbers = counters_of(loop, middle.queue, middle.observer, middle.records, writers)
    return AgentView(
        ViewParts(
            board=middle.board,
            chronicle=middle.chronicle,
            journal=outside.journal,
            follower=middle.follower,
            observer=middle.observer,
            engine=outside.engine,
            secrets=outside.secrets,
            kinds=middle.kinds,
            triggers=triggers.view,
            deliveries=outside.journal,
            runs=outside.journal,
            counters=lambda: (*numbers(), *triggers.side.counters(), *delivery_counters(outcomes())),
            first_pass_done=loop.first_pass_done.is_set,
        )
    )


def _closers(outside: Outside, middle: _Middle, lease: EngineLease) -> tuple[Callable[[], object], ...]:
    return (
        middle.queue.close,
        lambda: briefly("release", quietly(lease.release), FOR_RELEASE),
        quietly(outside.repository.close),
        quietly(outside.engine.close),
        quietly(outside.journal.close),
    )


def start_agent(settings: AgentSettings) -> Agent:
    """An agent at work, with its page."""
    from agent.web.options import WebOptions
    from agent.web.server import Site, WebServer, sites, webhook_outcomes

    served: list[Site] = []  # none before there is an agent to show
    agent = build_agent(settings, outcomes=lambda: webhook_outcomes(served))
    secret_name = settings.webhook.config_secret

    def config_secret() -> str | None:
        return agent.parts.secrets.value(secret_name) if secret_name else None

    options = WebOptions(
        version=__version__,
        host=settings.host,
        max_body=settings.webhook.max_body,
        webhook_rate=settings.webhook.rate,
        webhook_burst=settings.webhook.burst,
        config_secret=config_secret,
    )
    addresses = (settings.listen.status, settings.listen.webhooks)
    served.extend(sites(agent.parts.view, agent.parts.desk, options, addresses))
    server = WebServer(served)
    try:
        server.start()
        agent.start(server.stop)
    except BaseException:
        server.stop()
        agent.close()
        raise
    return agent
