"""The runtime of triggers with a real journal in a folder, between fakes: repository, registry, git heads and clock.

A new one on the same folder is an agent that was started again; several on one repository are several hosts.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fakes.clock import FakeClock
from fakes.repository import FakeHeads, FakePublisher, FakeRepository
from support.writeback import PlainSecrets

from agent.board import Board, Identity
from agent.chronicle import Chronicle
from agent.core.inbound import IMAGE_PUSH, InboundEvent
from agent.core.policy import HostPolicy
from agent.discovery import discover_kinds, discover_trigger_kinds
from agent.dispatch.board import TriggerBoard
from agent.dispatch.clockwork import Clockwork, ClockworkParts
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
from agent.errors import PierheadError
from agent.follower import Follower
from agent.journal.ids import EventIds
from agent.journal.journal import SqliteJournal
from agent.loading import context_for, loader

CONFIG_URL = "https://git.example.com/ops/config.git"
IMAGE = "registry.example.com/shop"


class FakeRegistry:
    """`agent.dispatch.judging.TagSource`: digests by image and tag. `away` is raised while it is set; `slow` seconds
    pass with each question.
    """

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.images: dict[str, dict[str, str]] = {}
        self.made: dict[tuple[str, str], float] = {}
        self.away: PierheadError | None = None
        self.slow = 0.0
        self.asked: list[str] = []

    def push(self, image: str, tag: str, digest: str = "") -> None:
        """Somebody pushes an image."""
        made = hashlib.sha256(f"{image}:{tag}".encode()).hexdigest()
        self.images.setdefault(image, {})[tag] = digest or f"sha256:{made}"

    def tags(self, image: str, registry: str | None) -> tuple[str, ...]:
        self._ask(f"{image} {registry or ''}".strip())
        return tuple(self.images.get(image, {}))

    def digest(self, image: str, tag: str, registry: str | None) -> str | None:
        self._ask(f"{image}:{tag}")
        return self.images.get(image, {}).get(tag)

    def created(self, image: str, tag: str, registry: str | None) -> float:
        self._ask(f"{image}:{tag} created")
        return self.made.get((image, tag), 0.0)

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        self._clock.advance(self.slow)
        if self.away is not None:
            raise self.away


@dataclass
class World:
    """What several agents share."""

    clock: FakeClock = field(default_factory=FakeClock)
    repository: FakeRepository = field(default_factory=FakeRepository)
    heads: FakeHeads = field(default_factory=FakeHeads)

    def __post_init__(self) -> None:
        self.registry = FakeRegistry(self.clock)

    def commit(self, files: Mapping[str, str | None], message: str = "Change") -> str:
        """Somebody pushes to the config branch; agents see it when they fetch."""
        return self.repository.commit(files, message)

    def content(self, path: str) -> str:
        """A file at the tip of the branch."""
        assert self.repository.head is not None
        found = self.repository.read_path(self.repository.head, path)
        assert found is not None, f"there is no {path}"
        return found.decode()


class Agent:
    """One agent's triggers. Nothing happens by itself: tests call `settle`, `follow`, `side.parts…`."""

    def __init__(self, world: World, folder: Path, host: str = "edge-1") -> None:
        self.world, self.clock = world, world.clock
        self.journal = SqliteJournal(folder, self.clock)
        self.secrets = PlainSecrets(ci="s3cret")
        self.ids = EventIds(self.clock, self.journal.last_event_id())
        self.chronicle = Chronicle(self.journal, self.secrets, self.clock, host, self.ids.next)
        self.board = Board(
            Identity(host=host, version="0", repository="config", branch="main"), self.clock, self.chronicle.watchers
        )
        load = loader(context_for(host, HostPolicy()), world.repository.read_blob, self.journal)
        self.follower = Follower(world.repository, load, self.board, self.chronicle)
        self.publisher = FakePublisher(world.repository)
        self.enqueued: list[str] = []
        self.on_follow: Callable[[], object] = lambda: None
        self.hands_off = False
        self.memory_away: PierheadError | None = None
        self.memory_full: PierheadError | None = None
        self.kinds = discover_trigger_kinds()
        self.judge = Judge(
            JudgeParts(
                follower=self.follower,
                sources=discover_kinds(),
                triggers=self.kinds,
                registry=world.registry,
                repository=world.repository,
                clock=self.clock,
                past=Past(self.recall, self.remember),
                config_url=CONFIG_URL,
                follow=self.follow,
            )
        )
        self.intake = Intake(self.journal, self.clock, self.ids.next)
        self.teller = Teller(self.chronicle, TriggerBoard(), self.clock)
        self.mending = Mending(self.journal, self.clock, self)
        self.updater = Updater(self._writer(host), self.clock)
        self.poller = self._poller()
        self.dispatcher = self._dispatcher()
        self.intake.on_stored = self.dispatcher.wake
        self.clockwork = Clockwork(
            ClockworkParts(
                judge=self.judge,
                intake=self.intake,
                clock=self.clock,
                remember=self.remember,
                recall=self.recall,
                chance=lambda: 0.5,
            )
        )
        self.side = TriggerSide(self._side())

    def remember(self, key: str, value: str) -> None:
        for trouble in (self.memory_away, self.memory_full):
            if trouble is not None:
                raise trouble
        self.journal.remember(key, value)

    def recall(self, key: str) -> str | None:
        if self.memory_away is not None:
            raise self.memory_away
        return self.journal.recall(key)

    def _writer(self, host: str) -> Writer:
        return Writer(
            WriterParts(
                judge=self.judge,
                inbox=self.journal,
                publisher=self.publisher,
                repository=self.world.repository,
                teller=self.teller,
                mending=self.mending,
                follow=self.follow,
                hands_off=lambda: self.hands_off,
                host=host,
            )
        )

    def _poller(self) -> Poller:
        self.registry_watcher = RegistryWatcher(
            RegistryParts(
                judge=self.judge,
                registry=self.world.registry,
                intake=self.intake,
                polls=self.journal,
                teller=self.teller,
                clock=self.clock,
            )
        )
        self.git_watcher = GitWatcher(
            GitParts(
                judge=self.judge,
                heads=self.world.heads,
                intake=self.intake,
                polls=self.journal,
                teller=self.teller,
                clock=self.clock,
                config_url=CONFIG_URL,
            )
        )
        return Poller(
            PollerParts(
                watchers=(self.registry_watcher, self.git_watcher),
                board=self.teller.board,
                chronicle=self.chronicle,
                clock=self.clock,
                chance=lambda: 0.5,
            )
        )

    def _dispatcher(self) -> Dispatcher:
        return Dispatcher(
            DispatcherParts(
                judge=self.judge,
                inbox=self.journal,
                requests=self.journal,
                updater=self.updater,
                mending=self.mending,
                teller=self.teller,
                clock=self.clock,
                enqueue=self.enqueued.append,
                look=self.poller.look_now,
                hands_off=lambda: self.hands_off,
            )
        )

    def _side(self) -> SideParts:
        return SideParts(
            judge=self.judge,
            board=self.teller.board,
            mending=self.mending,
            dispatcher=self.dispatcher,
            updater=self.updater,
            poller=self.poller,
            clockwork=self.clockwork,
            inbox=self.journal,
            deliveries=self.journal,
            limits=lambda: {"docker.io": 99.0},
        )

    # What tests do

    def follow(self) -> None:
        """Fetch, and tell of a new desired state what `TriggerSide.refresh` tells, but for what has threads."""
        self.on_follow()
        if self.follower.follow():
            desired = self.follower.state.desired
            assert desired is not None
            self.teller.board.keep(desired.triggers, self.judge.bases(desired))
            self.mending.learn(desired)
            self.updater.retry()

    def commit(self, files: Mapping[str, str | None], message: str = "Change") -> None:
        """Somebody pushes, and this agent sees it."""
        self.world.commit(files, message)
        self.follow()

    def receive(self, trigger: str, event: InboundEvent, workload: str | None = None) -> str:
        """An event arrives; its id."""
        ids = self.intake.store(trigger, [event], {}, workload=workload)
        assert ids is not None
        return ids[0]

    def push(self, trigger: str, tag: str, image: str = IMAGE, digest: str | None = None) -> str:
        """A webhook tells of an image."""
        event = InboundEvent(type=IMAGE_PUSH, vendor="generic", image=image, image_tag=tag, digest=digest)
        return self.receive(trigger, event)

    def work(self) -> None:
        """Act upon what is due, and try once to write what is to be written, until nothing is left for now."""
        for _ in range(100):
            self.dispatcher.work()
            before = self.updater.held()
            self.updater.work()
            held = self.updater.held()
            if held == before and not self._fresh(held):
                return
        raise AssertionError("the events do not come to rest")

    def _fresh(self, held: frozenset[str]) -> bool:
        if self.hands_off or self.judge.desired is None:
            return False
        return any(one.id not in held for one in self.journal.pending_events(10_000))

    def settle(self, seconds: float = 4000.0, step: float = 100.0) -> None:
        """Let time pass until nothing is pending."""
        self.work()
        while self.journal.inbox_depth() and seconds > 0:
            self.clock.advance(step)
            seconds -= step
            self.work()

    def outcome(self, event_id: str) -> tuple[str, str]:
        """State and words."""
        found = self.journal.fate_of_event(event_id)
        assert found is not None
        return found

    def reasons(self, severity: str | None = None) -> list[str]:
        """The reasons of what triggers told, oldest first."""
        events = [one for one in self.journal.recent_events(10_000) if one.source == "triggers"]
        return [str(one.reason) for one in reversed(events) if severity in (None, one.severity)]

    def messages(self, reason: str) -> list[str]:
        return [one.message for one in reversed(self.journal.recent_events(10_000)) if one.reason == reason]

    def asked(self) -> list[tuple[str, str]]:
        """Open requests: workload and action."""
        return [(one.workload, one.action) for one in self.journal.requests()]

    def close(self) -> None:
        self.side.stop(3.0)
        self.journal.close()


WEBHOOK = "kind: Trigger\nname: ci\nsignal: {kind: webhook, vendor: generic, secret: {secret: ci}}\n"


def workload(name: str, tag: str = "1.0", *, triggers: str = "[{trigger: ci}]", more: str = "") -> str:
    """A document of a workload that runs the shop's image and is bound to the trigger `ci`."""
    return (
        f"kind: Workload\nname: {name}\n"
        f"source:\n  kind: image\n  image: {IMAGE}\n  tag: '{tag}'  # the pin\n"
        f"triggers: {triggers}\n{more}"
    )


def house(*names: str, tag: str = "1.0") -> dict[str, str | None]:
    """Files of the trigger `ci` and of workloads that are bound to it."""
    files: dict[str, str | None] = {"triggers/ci.yaml": WEBHOOK}
    return files | {f"workloads/{name}.yaml": workload(name, tag) for name in names or ("web",)}


def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for something that threads do."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)
