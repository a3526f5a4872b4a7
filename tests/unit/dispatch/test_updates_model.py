"""Whatever happens in whatever order, in the end each document says what the newest event or a later person said."""

from __future__ import annotations

import re
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from fakes.dispatch import IMAGE, WEBHOOK, Agent, World, workload
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agent.core.inbound import IMAGE_PUSH, InboundEvent
from agent.core.reasons import Reason
from agent.errors import Stalled, Transient

PLAIN = ("api", "web")
MANY = "side"
REFUSALS = {
    "ok": None,
    "away": Transient(Reason.REPOSITORY_UNREACHABLE, "the remote does not answer"),
    "protected": Stalled(Reason.UPDATE_REJECTED, "branch main is protected"),
}
PINS = re.compile(r"tags?: ('[^']*'|\[[^\]]*\])")


class Killed(BaseException):
    """The agent is killed here."""


def kill() -> None:
    raise Killed


def document(name: str, version: str) -> str:
    return workload(name, version).replace(IMAGE, f"r.example.com/{name}")


class Updates(RuleBasedStateMachine):
    """One agent and a person who share a branch; `allowed` are the versions that each document may say in the end."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.world = World()
        self.agent = Agent(self.world, self.folder)
        self.events: list[str] = []
        self.allowed: dict[str, set[str]] = {name: {"0"} for name in PLAIN}
        self.side: list[str] = ["0"]
        self.number = 0
        self.broken_since: float | None = None
        self.checked = 0
        self.commits: list[str] = []

    @initialize()
    def begin(self) -> None:
        side = document(MANY, "0").replace("  tag: '0'  # the pin\n", "  max_instances: 3\n  port: 80\n  tags: ['0']\n")
        files = {"triggers/ci.yaml": WEBHOOK, f"workloads/{MANY}.yaml": side}
        self.agent.commit(files | {f"workloads/{name}.yaml": document(name, "0") for name in PLAIN})

    def teardown(self) -> None:
        self.quiet()
        self.agent.close()
        shutil.rmtree(self.folder)

    # What happens

    def version(self) -> str:
        self.number += 1
        return str(self.number)

    def receive(self, name: str, version: str) -> None:
        event = InboundEvent(type=IMAGE_PUSH, vendor="x", image=f"r.example.com/{name}", image_tag=version)
        self.events.append(self.agent.receive("ci", event))

    @rule(name=st.sampled_from(PLAIN))
    def event(self, name: str) -> None:
        version = self.version()
        self.receive(name, version)
        self.allowed[name] = {version}

    @rule(burst=st.integers(1, 4))
    def events_side_by_side(self, burst: int) -> None:
        for _ in range(burst):
            self.side.insert(0, self.version())
            self.receive(MANY, self.side[0])

    @rule(name=st.sampled_from(PLAIN), seen=st.booleans())
    def person_pins(self, name: str, seen: bool) -> None:
        if self.broken_since is not None and name == "web":
            return
        version = self.version()
        waits = self.agent.journal.inbox_depth() > 0
        self.allowed[name] = {version} | (self.allowed[name] if waits else set())
        self.person({f"workloads/{name}.yaml": document(name, version)}, seen)

    @rule(seen=st.booleans())
    def person_writes_something_else(self, seen: bool) -> None:
        self.person({"README.md": self.version()}, seen)

    @precondition(lambda self: self.broken_since is None)
    @rule(seen=st.booleans())
    def person_breaks_a_document(self, seen: bool) -> None:
        self.broken_since = self.agent.clock.elapsed
        text = self.world.content("workloads/web.yaml")
        self.person({"workloads/web.yaml": text.replace("kind: image", "kind: nothing")}, seen)

    @precondition(lambda self: self.broken_since is not None)
    @rule(seen=st.booleans())
    def person_mends_it(self, seen: bool) -> None:
        self.broken_since = None
        text = self.world.content("workloads/web.yaml")
        self.person({"workloads/web.yaml": text.replace("kind: nothing", "kind: image")}, seen)

    def person(self, files: dict[str, str | None], seen: bool) -> None:
        self.world.commit(files, "A person")
        if seen:
            self.agent.follow()

    @rule(mood=st.sampled_from(sorted(REFUSALS)))
    def remote(self, mood: str) -> None:
        self.agent.publisher.refusal = REFUSALS[mood]

    @rule(lost=st.booleans())
    def lease(self, lost: bool) -> None:
        self.agent.hands_off = lost

    @rule()
    def somebody_is_faster(self) -> None:
        """The branch moves right before the next update is published."""
        left = [{"README.md": self.version()}]
        self.agent.publisher.before = lambda: left and self.world.commit(dict(left.pop()), "A person")

    @rule(seconds=st.sampled_from([1.0, 20.0, 120.0]))
    def time_passes(self, seconds: float) -> None:
        self.agent.clock.advance(seconds)
        self.agent.work()

    @rule(place=st.sampled_from(["between", "before", "after"]))
    def restart(self, place: str) -> None:
        self.agent.publisher.before = kill if place == "before" else lambda: None
        self.agent.on_follow = kill if place == "after" else lambda: None
        if place != "between":
            self.agent.clock.advance(400)
            with suppress(Killed):
                self.agent.work()
        self.commits_change_pins_alone()
        self.commits += self.agent.publisher.published
        self.checked = 0
        refusal, hands_off = self.agent.publisher.refusal, self.agent.hands_off
        self.agent.on_follow = lambda: None
        self.agent.close()
        self.agent.clock.advance(1)
        self.agent = Agent(self.world, self.folder)
        self.agent.publisher.refusal, self.agent.hands_off = refusal, hands_off
        self.agent.follow()

    @rule()
    def quiet(self) -> None:
        """Everything works again; whatever waits is done."""
        self.agent.publisher.refusal, self.agent.hands_off = None, False
        if self.broken_since is not None:
            self.person_mends_it(seen=True)
        self.agent.follow()
        self.agent.settle()
        self.agent.follow()
        assert self.agent.journal.inbox_depth() == 0
        assert {self.agent.outcome(event)[0] for event in self.events} <= {"done"}
        for name in PLAIN:
            found = self.pins(name)
            assert found in self.allowed[name], (name, found, self.allowed[name])
            self.allowed[name] = {found}
        assert self.world.content(f"workloads/{MANY}.yaml").split("tags: [")[1].split("]")[0] == ", ".join(
            f"'{tag}'" for tag in self.side[:3]
        )
        assert self.agent.teller.board.pending == {}

    @rule()
    def what_is_pinned_already_is_pushed_again(self) -> None:
        self.quiet()
        before = len(self.agent.publisher.published)
        for name in PLAIN:
            self.receive(name, self.pins(name))
        self.agent.work()
        assert len(self.agent.publisher.published) == before

    def pins(self, name: str) -> str:
        return self.world.content(f"workloads/{name}.yaml").split("tag: '")[1].split("'")[0]

    # What always holds

    @invariant()
    def commits_change_pins_alone(self) -> None:
        trees = list(self.world.repository.trees)
        for revision in self.agent.publisher.published[self.checked :]:
            before, after = trees[trees.index(revision) - 1], revision
            for one in self.world.repository.trees[after].files:
                texts = [self.world.repository.read_path(tree, one.path) or b"" for tree in (before, after)]
                old, new = (PINS.sub("PIN", text.decode()) for text in texts)
                assert old == new
        self.checked = len(self.agent.publisher.published)

    @invariant()
    def there_are_no_more_commits_than_events(self) -> None:
        assert len(self.commits) + len(self.agent.publisher.published) <= len(self.events)


Updates.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestUpdates = Updates.TestCase
