"""Builds what triggers need, once, in order; the second half of `wiring.py`."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agent.chronicle import Chronicle
from agent.core.kinds import SourceKind
from agent.core.triggers import TriggerKind
from agent.discovery import discover_trigger_kinds
from agent.dispatch.board import TriggerBoard
from agent.dispatch.clockwork import Clockwork, ClockworkParts
from agent.dispatch.desk import Desk, DeskParts
from agent.dispatch.dispatcher import Dispatcher, DispatcherParts
from agent.dispatch.git_watch import GitParts, GitWatcher
from agent.dispatch.intake import Intake
from agent.dispatch.judging import Judge, JudgeParts
from agent.dispatch.mending import Mending
from agent.dispatch.past import Past
from agent.dispatch.poller import Poller, PollerParts
from agent.dispatch.registry_watch import RegistryParts, RegistryWatcher
from agent.dispatch.side import SideParts, TriggerSide
from agent.dispatch.telling import Teller
from agent.dispatch.updater import Updater
from agent.dispatch.writing import Writer, WriterParts
from agent.follower import Follower
from agent.journal.journal import SqliteJournal
from agent.journal.reading import ReadOnlyJournal
from agent.ports import Clock, Credentials, Secrets
from agent.registries.late import LateClient
from agent.repository.mirror import Mirror
from agent.repository.opening import open_heads, open_publisher
from agent.repository.worktree import WorkTree
from agent.settings import AgentSettings
from agent.trigger_view import TriggerView


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerNeeds:
    """What is there already. `follow` fetches and brings what is new into force, `moved` asks for that soon.

    `hands_off` is True while another agent drives this engine under the same name: nothing is done or written then.
    """

    settings: AgentSettings
    clock: Clock
    journal: SqliteJournal | ReadOnlyJournal
    secrets: Secrets
    repository: Mirror | WorkTree
    follower: Follower
    chronicle: Chronicle
    sources: Mapping[str, SourceKind]
    credentials: Callable[[str | None, str], Credentials | None]
    next_id: Callable[[], str]
    enqueue: Callable[[str], object]
    follow: Callable[[], object]
    moved: Callable[[], object]
    hands_off: Callable[[], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    """What all of it works with."""

    judge: Judge
    intake: Intake
    teller: Teller
    mending: Mending
    registry: LateClient


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltTriggers:
    """What the daemon moves, what the ingress calls, and what the page reads."""

    side: TriggerSide
    desk: Desk
    view: TriggerView
    registry: LateClient


def build_triggers(needs: TriggerNeeds) -> BuiltTriggers:
    """Everything about triggers; nothing is asked of the outside yet."""
    kinds = discover_trigger_kinds()
    shared = _shared(needs, kinds)
    poller = _poller(needs, shared)
    updater = Updater(_writer(needs, shared), needs.clock)
    dispatcher = _dispatcher(needs, shared, updater, poller)
    shared.intake.on_stored = dispatcher.wake
    clockwork = _clockwork(needs, shared)
    board = shared.teller.board
    side = SideParts(
        judge=shared.judge,
        board=board,
        mending=shared.mending,
        dispatcher=dispatcher,
        updater=updater,
        poller=poller,
        clockwork=clockwork,
        inbox=needs.journal,
        deliveries=needs.journal,
        limits=shared.registry.limits,
    )
    last_received = needs.journal.last_received
    view = TriggerView(board=board, clockwork=clockwork, kinds=kinds, last_received=last_received)
    desk = _desk(needs, kinds, shared.intake)
    return BuiltTriggers(side=TriggerSide(side), desk=desk, view=view, registry=shared.registry)


def _shared(needs: TriggerNeeds, kinds: Mapping[str, TriggerKind]) -> _Shared:
    registry = LateClient(needs.credentials, needs.clock)
    judge = Judge(
        JudgeParts(
            follower=needs.follower,
            sources=needs.sources,
            triggers=kinds,
            registry=registry,
            repository=needs.repository,
            clock=needs.clock,
            past=Past(needs.journal.recall, needs.journal.remember),
            config_url=needs.settings.repo.url,
            follow=needs.follow,
        )
    )
    return _Shared(
        judge=judge,
        intake=Intake(needs.journal, needs.clock, needs.next_id),
        teller=Teller(needs.chronicle, TriggerBoard(), needs.clock),
        mending=Mending(needs.journal, needs.clock, needs.journal),
        registry=registry,
    )


def _desk(needs: TriggerNeeds, kinds: Mapping[str, TriggerKind], intake: Intake) -> Desk:
    return Desk(
        DeskParts(
            follower=needs.follower,
            triggers=kinds,
            secrets=needs.secrets,
            intake=intake,
            deliveries=needs.journal,
            next_id=needs.next_id,
            moved=needs.moved,
        )
    )


def _poller(needs: TriggerNeeds, shared: _Shared) -> Poller:
    registries = RegistryParts(
        judge=shared.judge,
        registry=shared.registry,
        intake=shared.intake,
        polls=needs.journal,
        teller=shared.teller,
        clock=needs.clock,
    )
    git = GitParts(
        judge=shared.judge,
        heads=open_heads(needs.settings, needs.secrets),
        intake=shared.intake,
        polls=needs.journal,
        teller=shared.teller,
        clock=needs.clock,
        config_url=needs.settings.repo.url,
    )
    return Poller(
        PollerParts(
            watchers=(RegistryWatcher(registries), GitWatcher(git)),
            board=shared.teller.board,
            chronicle=needs.chronicle,
            clock=needs.clock,
            chance=random.random,
        )
    )


def _writer(needs: TriggerNeeds, shared: _Shared) -> Writer:
    return Writer(
        WriterParts(
            judge=shared.judge,
            inbox=needs.journal,
            publisher=open_publisher(needs.settings, needs.repository, needs.clock),
            repository=needs.repository,
            teller=shared.teller,
            mending=shared.mending,
            follow=needs.follow,
            hands_off=needs.hands_off,
            host=needs.settings.host,
        )
    )


def _dispatcher(needs: TriggerNeeds, shared: _Shared, updater: Updater, poller: Poller) -> Dispatcher:
    return Dispatcher(
        DispatcherParts(
            judge=shared.judge,
            inbox=needs.journal,
            requests=needs.journal,
            updater=updater,
            mending=shared.mending,
            teller=shared.teller,
            clock=needs.clock,
            enqueue=needs.enqueue,
            look=poller.look_now,
            hands_off=needs.hands_off,
        )
    )


def _clockwork(needs: TriggerNeeds, shared: _Shared) -> Clockwork:
    return Clockwork(
        ClockworkParts(
            judge=shared.judge,
            intake=shared.intake,
            clock=needs.clock,
            remember=needs.journal.remember,
            recall=needs.journal.recall,
            chance=random.random,
        )
    )
