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
from agent.dispatch.poller import Poller, PollerParts
from agent.dispatch.registry_watch import RegistryParts, RegistryWatcher
from agent.dispatch.side import SideParts, TriggerSide
from agent.dispatch.updater import Updater, UpdaterParts
from agent.follower import Follower
from agent.journal.journal import SqliteJournal
from agent.journal.reading import ReadOnlyJournal
from agent.ports import Clock, Credentials, Secrets
from agent.registries.client import RegistryClient
from agent.repository.mirror import Mirror
from agent.repository.opening import open_heads, open_publisher
from agent.repository.worktree import WorkTree
from agent.settings import AgentSettings
from agent.trigger_view import TriggerView


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerNeeds:
    """What is there already. `follow` fetches and brings what is new into force, `moved` asks for that soon."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltTriggers:
    """What the daemon moves, what the ingress calls, and what the page reads."""

    side: TriggerSide
    desk: Desk
    view: TriggerView
    registry: RegistryClient


def build_triggers(needs: TriggerNeeds) -> BuiltTriggers:
    """Everything about triggers; nothing is asked of the outside yet."""
    board = TriggerBoard()
    kinds = discover_trigger_kinds()
    registry = RegistryClient(needs.credentials, needs.clock)
    judge = _judge(needs, kinds, registry)
    intake = Intake(needs.journal, needs.clock, needs.next_id)
    poller = _poller(needs, judge, intake, (registry, board))
    updater = _updater(needs, judge, board)
    dispatcher = _dispatcher(needs, judge, updater, (board, poller))
    intake.on_stored = dispatcher.wake
    clockwork = _clockwork(needs, judge, intake)
    side = SideParts(
        judge=judge,
        board=board,
        dispatcher=dispatcher,
        updater=updater,
        poller=poller,
        clockwork=clockwork,
        inbox=needs.journal,
        deliveries=needs.journal,
        limits=registry.limits,
    )
    view = TriggerView(board=board, clockwork=clockwork, kinds=kinds)
    return BuiltTriggers(side=TriggerSide(side), desk=_desk(needs, kinds, intake), view=view, registry=registry)


def _judge(needs: TriggerNeeds, kinds: Mapping[str, TriggerKind], registry: RegistryClient) -> Judge:
    return Judge(
        JudgeParts(
            follower=needs.follower,
            sources=needs.sources,
            triggers=kinds,
            registry=registry,
            repository=needs.repository,
            config_url=needs.settings.repo.url,
            follow=needs.follow,
        )
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


def _poller(
    needs: TriggerNeeds, judge: Judge, intake: Intake, registry_and_board: tuple[RegistryClient, TriggerBoard]
) -> Poller:
    registry, board = registry_and_board
    registries = RegistryParts(
        judge=judge, registry=registry, intake=intake, polls=needs.journal, board=board, clock=needs.clock
    )
    git = GitParts(
        judge=judge,
        heads=open_heads(needs.settings, needs.secrets),
        intake=intake,
        polls=needs.journal,
        clock=needs.clock,
        config_url=needs.settings.repo.url,
    )
    return Poller(
        PollerParts(
            watchers=(RegistryWatcher(registries), GitWatcher(git)),
            board=board,
            chronicle=needs.chronicle,
            clock=needs.clock,
            chance=random.random,
        )
    )


def _updater(needs: TriggerNeeds, judge: Judge, board: TriggerBoard) -> Updater:
    return Updater(
        UpdaterParts(
            judge=judge,
            inbox=needs.journal,
            publisher=open_publisher(needs.settings, needs.repository, needs.clock),
            repository=needs.repository,
            board=board,
            chronicle=needs.chronicle,
            clock=needs.clock,
            follow=needs.follow,
            host=needs.settings.host,
        )
    )


def _dispatcher(
    needs: TriggerNeeds, judge: Judge, updater: Updater, board_and_poller: tuple[TriggerBoard, Poller]
) -> Dispatcher:
    board, poller = board_and_poller
    return Dispatcher(
        DispatcherParts(
            judge=judge,
            inbox=needs.journal,
            requests=needs.journal,
            updater=updater,
            board=board,
            chronicle=needs.chronicle,
            clock=needs.clock,
            enqueue=needs.enqueue,
            look=poller.look_now,
        )
    )


def _clockwork(needs: TriggerNeeds, judge: Judge, intake: Intake) -> Clockwork:
    return Clockwork(
        ClockworkParts(
            judge=judge,
            intake=intake,
            clock=needs.clock,
            remember=needs.journal.remember,
            recall=needs.journal.recall,
            chance=random.random,
        )
    )
