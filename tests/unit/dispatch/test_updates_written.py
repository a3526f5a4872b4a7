"""How changes of pins come to git, whatever the branch, the remote, the journal and other agents do meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path

import pytest
from fakes.dispatch import IMAGE, WEBHOOK, Agent, World, house, workload

from agent.core.inbound import GIT_PUSH, InboundEvent
from agent.core.reasons import Reason
from agent.errors import PierheadError, Stalled, Transient

AWAY = Transient(Reason.REPOSITORY_UNREACHABLE, "the remote does not answer")
PROTECTED = Stalled(Reason.UPDATE_REJECTED, "branch main is protected", advice="let the agent push")
FULL = Transient(Reason.JOURNAL_UNAVAILABLE, "the disk is full")
SIDE_BY_SIDE = (
    f"kind: Workload\nname: web\nsource:\n  kind: image\n  image: {IMAGE}\n  max_instances: 3\n  tags: ['1.0']\n"
    "  port: 80\ntriggers: [{trigger: ci}]\n"
)


class Killed(BaseException):
    """The agent is killed here."""


def pinned(world: World, name: str = "web") -> str:
    return world.content(f"workloads/{name}.yaml").split("tag: '")[1].split("'")[0]


def once(action: Callable[[], object]) -> Callable[[], None]:
    """Does something the first time only."""
    left = [action]

    def act() -> None:
        if left:
            left.pop()()

    return act


def test_the_newest_of_a_burst_is_written_in_one_commit_that_names_all(agent: Agent, world: World) -> None:
    agent.commit(house("web"))
    events = [agent.push("ci", f"1.{number}") for number in range(1, 6)]
    agent.work()
    assert pinned(world) == "1.5"
    assert len(agent.publisher.published) == 1
    message = world.repository.trees[agent.publisher.published[0]].message
    assert message.startswith(f"web: {IMAGE} 1.0 → 1.5\n")
    assert message.count("Pierhead-Trigger: ci") == 1
    assert [f"Pierhead-Event: {event}" in message for event in events] == [True] * 5
    assert {agent.outcome(event) for event in events} == {("done", f"web: {IMAGE} 1.0 → 1.5")}


def test_a_commit_names_the_newest_events_of_a_large_burst(agent: Agent, world: World) -> None:
    agent.commit(house("web"))
    for number in range(100):
        agent.push("ci", f"1.{number}")
    agent.work()
    assert world.repository.trees[agent.publisher.published[0]].message.count("Pierhead-Event") == 20


def test_versions_side_by_side_are_all_added(agent: Agent, world: World) -> None:
    agent.commit({"triggers/ci.yaml": WEBHOOK, "workloads/web.yaml": SIDE_BY_SIDE})
    for number in range(1, 5):
        agent.push("ci", f"1.{number}")
    agent.work()
    assert agent.journal.inbox_depth() == 0
    assert "tags: ['1.4', '1.3', '1.2']" in world.content("workloads/web.yaml")
    assert len(agent.publisher.published) == 4


# The branch moves


def test_a_branch_that_moved_is_fetched_and_planned_on_anew(agent: Agent, world: World) -> None:
    agent.commit(house("web"))
    more = workload("web", more="# a note of a person\n")
    agent.publisher.before = once(lambda: world.commit({"workloads/web.yaml": more}))
    agent.push("ci", "1.1")
    agent.work()
    assert world.content("workloads/web.yaml") == more.replace("'1.0'", "'1.1'")
    assert agent.updater.outcomes["moved"] == 1


def test_a_person_who_pins_the_same_version_first_leaves_nothing_to_write(agent: Agent, world: World) -> None:
    agent.commit(house("web"))
    agent.publisher.before = once(lambda: world.commit({"workloads/web.yaml": workload("web", "1.1")}))
    event = agent.push("ci", "1.1")
    agent.work()
    assert agent.publisher.published == []
    assert agent.outcome(event) == ("done", "fired 0 of 1")


def test_a_branch_that_moves_forever_is_left_alone_for_a_while(agent: Agent, world: World) -> None:
    agent.commit(house("web"))
    numbers = iter(range(10_000))
    agent.publisher.before = lambda: world.commit({"README": str(next(numbers))})
    event = agent.push("ci", "1.1")
    agent.work()
    assert agent.publisher.tries == 20
    assert agent.outcome(event) == ("pending", "UpdatePending: the config branch keeps moving")
    assert agent.reasons("warning") == ["UpdatePending"]
    agent.updater.work()
    assert agent.publisher.tries == 20
    agent.publisher.before = lambda: None
    agent.settle()
    assert pinned(world) == "1.1"


def test_a_branch_at_a_commit_that_cannot_be_used_is_not_hammered(agent: Agent, world: World) -> None:
    agent.commit(house("web"))
    world.commit({"settings.yaml": "kind: Settings\nname: settings\nnonsense: 1\n"})
    event = agent.push("ci", "1.1")
    agent.work()
    assert agent.publisher.tries == 3
    assert "cannot be followed" in agent.outcome(event)[1]
    agent.commit({"settings.yaml": None})
    agent.work()
    assert pinned(world) == "1.1"


def test_a_workload_that_is_gone_on_the_new_head_is_left_out(agent: Agent, world: World) -> None:
    agent.commit(house("api", "web"))
    agent.publisher.before = once(lambda: world.commit({"workloads/web.yaml": None}))
    event = agent.push("ci", "1.1")
    agent.work()
    assert agent.outcome(event) == ("done", f"api: {IMAGE} 1.0 → 1.1")


def test_a_document_that_is_broken_on_the_new_head_gets_its_version_when_it_is_mended(
    agent: Agent, world: World
) -> None:
    agent.commit(house("api", "web"))
    broken = workload("web").replace("kind: image", "kind: nothing")
    agent.publisher.before = once(lambda: world.commit({"workloads/web.yaml": broken}))
    agent.push("ci", "1.1")
    agent.work()
    assert (pinned(world, "api"), pinned(world), agent.journal.inbox_depth()) == ("1.1", "1.0", 1)
    agent.commit({"workloads/web.yaml": workload("web")})
    agent.settle()
    assert pinned(world) == "1.1"


def test_the_only_document_that_is_broken_on_the_new_head_gets_its_version_too(agent: Agent, world: World) -> None:
    agent.commit(house("web") | {"workloads/api.yaml": workload("api", triggers="[]")})
    broken = workload("web").replace("kind: image", "kind: nothing")
    agent.publisher.before = once(lambda: world.commit({"workloads/web.yaml": broken}))
    agent.push("ci", "1.1")
    agent.work()
    assert (pinned(world), agent.journal.inbox_depth()) == ("1.0", 1)
    agent.commit({"workloads/web.yaml": workload("web")})
    agent.settle()
    assert pinned(world) == "1.1"


# The remote refuses or is away


@pytest.mark.parametrize(("refusal", "reason"), [(AWAY, "UpdatePending"), (PROTECTED, "UpdateRejected")])
def test_what_cannot_be_written_waits_is_told_once_and_is_shown(
    agent: Agent, world: World, refusal: PierheadError, reason: str
) -> None:
    agent.commit(house("web"))
    agent.publisher.refusal = refusal
    event = agent.push("ci", "1.1")
    agent.settle(1000)
    assert agent.outcome(event)[0] == "pending"
    assert agent.messages(reason) == [f"{IMAGE} 1.0 → 1.1 is not in git yet: {refusal}"]
    assert agent.teller.board.pending["web"].words == f"{IMAGE} 1.0 → 1.1: {refusal.reason}: {refusal}"
    agent.publisher.refusal = None
    agent.settle()
    assert pinned(world) == "1.1"
    assert agent.teller.board.pending == {}


def test_trying_again_takes_longer_and_longer_up_to_five_minutes(agent: Agent) -> None:
    agent.commit(house("web"))
    agent.publisher.refusal = AWAY
    agent.push("ci", "1.1")
    times = []
    agent.publisher.before = lambda: times.append(agent.clock.elapsed)
    for _ in range(3000):
        agent.clock.advance(1)
        agent.dispatcher.work()
        agent.updater.work()
    gaps = [after - before for before, after in pairwise(times)]
    assert gaps[:4] == [5, 10, 20, 40]
    assert max(gaps) == 300


def test_a_remote_that_says_when_to_come_again_is_left_alone_until_then(agent: Agent) -> None:
    agent.commit(house("web"))
    agent.publisher.refusal = Transient(Reason.REPOSITORY_UNREACHABLE, "too fast", retry_after=120.0)
    agent.push("ci", "1.1")
    agent.work()
    agent.clock.advance(119)
    agent.work()
    assert agent.publisher.tries == 1
    agent.clock.advance(1)
    agent.work()
    assert agent.publisher.tries == 2


def test_what_waits_never_takes_back_a_newer_version(agent: Agent, world: World) -> None:
    agent.commit(house("web"))
    agent.publisher.refusal = AWAY
    agent.push("ci", "1.1")
    agent.settle(1000)
    agent.publisher.refusal = None
    agent.push("ci", "1.2")
    agent.settle()
    assert pinned(world) == "1.2"
    assert agent.journal.inbox_depth() == 0


def test_an_event_that_waited_for_a_registry_never_takes_back_a_newer_version(agent: Agent, world: World) -> None:
    a, b, c = (f"sha256:{letter * 64}" for letter in "abc")
    agent.commit({"triggers/ci.yaml": WEBHOOK, "workloads/web.yaml": workload("web").replace("# the pin", "")})
    document = world.content("workloads/web.yaml").replace("triggers:", f"  digest: {a}\ntriggers:", 1)
    agent.commit({"workloads/web.yaml": document.replace(f"\n  digest: {a}", f"\n  digest: {a}", 1)})
    world.registry.push(IMAGE, "1.1", b)
    world.registry.away = Transient(Reason.REGISTRY_UNAVAILABLE, "no answer")
    late = agent.push("ci", "1.1")
    agent.work()
    agent.push("ci", "1.2", digest=c)
    agent.work()
    world.registry.away = None
    agent.settle()
    assert pinned(world) == "1.2"
    assert agent.outcome(late) == ("done", "fired 0 of 1")
    assert "newer event" in agent.messages("TriggerNotFired")[-1]


def test_the_order_is_kept_over_a_restart(agent: Agent, world: World, tmp_path: Path) -> None:
    agent.commit(house("web"))
    agent.publisher.refusal = AWAY
    agent.push("ci", "1.1")
    agent.push("ci", "1.2")
    agent.settle(1000)
    agent.journal.close()
    again = Agent(world, tmp_path / "data")
    again.follow()
    again.settle()
    assert pinned(world) == "1.2"
    again.close()


def test_a_pin_of_a_person_wins_over_an_update_that_was_refused_before(agent: Agent, world: World) -> None:
    agent.commit(house("web"))
    agent.publisher.refusal = PROTECTED
    event = agent.push("ci", "1.1")
    agent.work()
    agent.commit({"workloads/web.yaml": workload("web", "1.0.9")})
    agent.publisher.refusal = None
    agent.settle()
    assert pinned(world) == "1.0.9"
    assert agent.outcome(event) == ("done", "fired 0 of 1")
    assert agent.teller.board.pending == {}


def test_a_pin_of_another_agent_does_not_overrule_a_newer_event(agent: Agent, world: World) -> None:
    agent.commit(house("web"))
    agent.publisher.refusal = PROTECTED
    agent.push("ci", "1.2")
    agent.work()
    agent.commit({"workloads/web.yaml": workload("web", "1.1")}, "web: 1.1\n\nPierhead-Host: edge-2\n")
    agent.publisher.refusal = None
    agent.settle()
    assert pinned(world) == "1.2"


def test_a_commit_of_a_person_that_pins_nothing_leaves_a_refused_update_waiting(agent: Agent, world: World) -> None:
    agent.commit(house("web"))
    agent.publisher.refusal = PROTECTED
    agent.push("ci", "1.1")
    agent.work()
    agent.commit({"workloads/web.yaml": workload("web", more="# a note\n")})
    agent.work()
    assert "web" in agent.teller.board.pending
    agent.publisher.refusal = None
    agent.settle()
    assert pinned(world) == "1.1"


def test_while_another_agent_has_the_engine_nothing_is_published(agent: Agent, world: World) -> None:
    agent.commit(house("web"))
    event = agent.push("ci", "1.1")
    agent.dispatcher.work()
    agent.hands_off = True
    agent.updater.work()
    assert agent.publisher.tries == 0
    assert "another agent drives this engine" in agent.outcome(event)[1]
    agent.hands_off = False
    agent.settle()
    assert pinned(world) == "1.1"


def test_a_fresh_event_does_not_wait_behind_many_that_cannot_be_judged(agent: Agent, world: World) -> None:
    a = f"sha256:{'a' * 64}"
    db = f"kind: Workload\nname: db\nsource: {{kind: image, image: r.example.com/db, digest: '{a}', tag: '1'}}\n"
    agent.commit(house("web") | {"workloads/db.yaml": db + "triggers: [{trigger: ci}]\n"})
    world.registry.away = Transient(Reason.REGISTRY_UNAVAILABLE, "no answer")
    for number in range(100):
        agent.push("ci", str(number), image="r.example.com/db")
    event = agent.push("ci", "1.1")
    agent.work()
    assert agent.outcome(event)[0] == "done"
    assert pinned(world) == "1.1"


def test_an_event_whose_registry_went_away_meanwhile_holds_up_no_other(agent: Agent, world: World) -> None:
    a = f"sha256:{'a' * 64}"
    db = f"kind: Workload\nname: db\nsource: {{kind: image, image: r.example.com/db, digest: '{a}', tag: '1'}}\n"
    agent.commit(house("web") | {"workloads/db.yaml": db + "triggers: [{trigger: ci}]\n"})
    world.registry.push("r.example.com/db", "2")
    stuck, event = agent.push("ci", "2", image="r.example.com/db"), agent.push("ci", "1.1")
    agent.dispatcher.work()
    world.registry.away = Transient(Reason.REGISTRY_UNAVAILABLE, "no answer")
    agent.work()
    assert agent.outcome(event)[0] == "done"
    assert agent.outcome(stuck) == ("pending", "RegistryUnavailable: no answer")
    world.registry.away = None
    agent.settle()
    assert "tag: '2'" in world.content("workloads/db.yaml")


# What cannot be edited


def test_a_pin_that_cannot_be_edited_is_told_and_shown_and_the_rest_is_written(
    agent: Agent, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent.commit(house("api", "web"))
    read = world.repository.read_path
    unread = lambda revision, path: None if path == "workloads/web.yaml" else read(revision, path)  # noqa: E731
    monkeypatch.setattr(world.repository, "read_path", unread)
    event = agent.push("ci", "1.1")
    agent.work()
    assert pinned(world, "api") == "1.1"
    assert agent.outcome(event)[0] == "done"
    assert f"web: {IMAGE} 1.0 → 1.1 cannot be written: workloads/web.yaml" in agent.outcome(event)[1]
    assert agent.reasons("error") == ["UpdateImpossible"]
    assert agent.teller.board.pending["web"].text == f"{IMAGE} 1.0 → 1.1"


# Following, the journal and the event log fail


def test_an_update_is_done_once_it_is_in_git_even_if_it_cannot_be_followed(agent: Agent, world: World) -> None:
    agent.commit(house("web"))
    event = agent.push("ci", "1.1")
    agent.dispatcher.work()

    def failing() -> None:
        raise Transient(Reason.JOURNAL_UNAVAILABLE, "the event log is full")

    agent.on_follow = failing
    agent.updater.work()
    assert agent.outcome(event)[0] == "done"
    assert pinned(world) == "1.1"


def test_a_remote_that_goes_away_right_after_the_push_costs_nothing(agent: Agent, world: World) -> None:
    agent.commit(house("web"))
    agent.publisher.before = lambda: setattr(world.repository, "away", AWAY)
    event = agent.push("ci", "1.1")
    agent.work()
    assert agent.outcome(event)[0] == "done"
    agent.publisher.before = lambda: None
    late = agent.push("ci", "1.2")
    agent.work()
    assert agent.outcome(late)[0] == "pending"
    world.repository.away = None
    agent.settle()
    assert pinned(world) == "1.2"
    assert len(agent.publisher.published) == 2


def test_nothing_is_published_while_its_order_cannot_be_kept(agent: Agent, world: World) -> None:
    agent.commit(house("web"))
    agent.push("ci", "1.1")
    agent.dispatcher.work()
    agent.memory_away = FULL
    agent.updater.work()
    assert agent.publisher.published == []
    agent.memory_away = None
    agent.settle()
    assert pinned(world) == "1.1"


def test_a_journal_that_cannot_settle_costs_a_look_and_no_commit(
    agent: Agent, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent.commit(house("web"))
    event = agent.push("ci", "1.1")
    agent.dispatcher.work()

    def failing(*_: object, **__: object) -> None:
        raise FULL

    monkeypatch.setattr(agent.journal, "settle", failing)
    monkeypatch.setattr(agent.journal, "postpone", failing)
    agent.updater.work()
    monkeypatch.undo()
    assert agent.outcome(event)[0] == "pending"
    agent.settle()
    assert agent.outcome(event)[0] == "done"
    assert len(agent.publisher.published) == 1


def test_a_full_event_log_puts_updates_off(agent: Agent, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    agent.commit(house("web"))
    agent.push("ci", "1.1")
    agent.dispatcher.work()
    agent.publisher.refusal = AWAY

    def failing(_: object) -> None:
        raise FULL

    monkeypatch.setattr(agent.chronicle, "write", failing)
    agent.updater.work()
    assert len(agent.updater.held()) == 1
    monkeypatch.undo()
    agent.publisher.refusal = None
    agent.settle()
    assert pinned(world) == "1.1"


# Killed


@pytest.mark.parametrize("place", ["before publish", "after publish", "before settle"])
def test_killed_at_any_place_the_next_start_ends_with_the_newest_version_and_one_commit(
    agent: Agent, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    agent.commit(house("web"))
    events = [agent.push("ci", "1.1"), agent.push("ci", "1.2")]
    agent.dispatcher.work()

    def killed(*_: object, **__: object) -> None:
        raise Killed

    if place == "before publish":
        agent.publisher.before = killed
    elif place == "after publish":
        agent.on_follow = killed
    else:
        monkeypatch.setattr(agent.journal, "settle", killed)
    with pytest.raises(Killed):
        agent.updater.work()
    agent.journal.close()
    again = Agent(world, tmp_path / "data")
    again.follow()
    again.settle()
    assert pinned(world) == "1.2"
    assert {again.outcome(event)[0] for event in events} == {"done"}
    assert len(agent.publisher.published) + len(again.publisher.published) == 1
    again.close()


def test_after_a_restart_the_older_event_of_a_burst_that_was_written_stays_behind(
    agent: Agent, world: World, tmp_path: Path
) -> None:
    """Also where the next start writes before it has looked at the newer one."""
    agent.commit(house("web"))
    agent.push("ci", "1.1")
    agent.push("ci", "1.2")
    agent.dispatcher.work()
    agent.on_follow = _kill
    with pytest.raises(Killed):
        agent.updater.work()
    agent.journal.close()
    again = Agent(world, tmp_path / "data")
    again.follow()
    [older, _] = again.journal.pending_events(10)
    again.updater.add(older)
    again.updater.work()
    again.settle()
    assert pinned(world) == "1.2"
    again.close()


def _kill() -> None:
    raise Killed


# Several hosts


def test_several_hosts_make_one_commit_for_one_event(agent: Agent, world: World, tmp_path: Path) -> None:
    other = Agent(world, tmp_path / "other", host="edge-2")
    agent.commit(house("api", "web"))
    other.follow()
    events = [one.push("ci", "1.1") for one in (agent, other)]
    agent.dispatcher.work()
    other.dispatcher.work()
    agent.updater.work()
    other.updater.work()
    other.settle()
    assert len(agent.publisher.published) + len(other.publisher.published) == 1
    assert [one.outcome(event)[0] for one, event in zip((agent, other), events, strict=True)] == ["done", "done"]
    other.close()


def test_hosts_that_know_different_events_end_with_the_newest(agent: Agent, world: World, tmp_path: Path) -> None:
    other = Agent(world, tmp_path / "other", host="edge-2")
    agent.commit(house("web"))
    other.follow()
    other.push("ci", "1.1")
    other.push("ci", "1.2")
    other.dispatcher.work()
    agent.push("ci", "1.1")
    agent.work()
    other.settle()
    assert pinned(world) == "1.2"
    other.close()


# Many


def test_a_thousand_events_for_fifty_workloads_come_to_rest_in_few_commits(agent: Agent, world: World) -> None:
    names = [f"w{number:02d}" for number in range(50)]
    files: dict[str, str | None] = {"triggers/ci.yaml": WEBHOOK}
    for name in names:
        files[f"workloads/{name}.yaml"] = workload(name).replace(f"image: {IMAGE}", f"image: r.example.com/{name}")
    agent.commit(files)
    for number in range(1000):
        agent.push("ci", f"1.{number // 50 + 1}", image=f"r.example.com/{names[number % 50]}")
    agent.work()
    assert agent.journal.inbox_depth() == 0
    assert {pinned(world, name) for name in names} == {"1.20"}
    assert len(agent.publisher.published) == 1
    assert agent.dispatcher.handled <= 2000


# Judged again


def test_a_request_beside_an_update_is_asked_once_however_often_it_is_judged(agent: Agent) -> None:
    agent.commit(house("web") | {"workloads/job.yaml": workload("job", triggers="[{trigger: ci, action: run}]")})
    agent.publisher.refusal = AWAY
    agent.push("ci", "1.1")
    agent.settle(1000)
    [request] = agent.journal.requests()
    agent.journal.close_request(request.id, "done")
    agent.commit({"workloads/web.yaml": workload("web", "1.1")})
    agent.settle()
    assert agent.journal.inbox_depth() == 0
    assert agent.asked() == []


def test_an_event_without_a_version_for_this_workload_leaves_older_ones_alone(agent: Agent, world: World) -> None:
    agent.commit(house("web"))
    agent.publisher.refusal = AWAY
    agent.push("ci", "1.1")
    agent.work()
    agent.receive("ci", InboundEvent(type=GIT_PUSH, vendor="x", repo="a/b", branch="main", commit="c" * 40))
    agent.work()
    agent.publisher.refusal = None
    agent.settle()
    assert pinned(world) == "1.1"


def test_the_same_image_is_told_by_two_triggers_and_written_once(agent: Agent, world: World) -> None:
    other = WEBHOOK.replace("name: ci", "name: hub")
    both = workload("web", triggers="[{trigger: ci}, {trigger: hub}]")
    files: Mapping[str, str | None] = {"triggers/hub.yaml": other, "workloads/web.yaml": both}
    agent.commit(house("api") | dict(files))
    agent.push("ci", "1.1")
    agent.push("hub", "1.1")
    agent.work()
    [commit] = agent.publisher.published
    assert "Pierhead-Trigger: ci\nPierhead-Trigger: hub\n" in world.repository.trees[commit].message


def test_a_digest_that_is_pinned_already_is_behind_what_comes_after(agent: Agent, world: World) -> None:
    a, b = (f"sha256:{letter * 64}" for letter in "ab")
    web = f"kind: Workload\nname: web\nsource: {{kind: image, image: {IMAGE}, digest: '{a}'}}\n"
    agent.commit({"triggers/ci.yaml": WEBHOOK, "workloads/web.yaml": web + "triggers: [{trigger: ci}]\n"})
    event = InboundEvent(type="image_push", vendor="x", image=IMAGE, digest=a)
    agent.receive("ci", event)
    agent.work()
    assert agent.publisher.tries == 0
    agent.receive("ci", InboundEvent(type="image_push", vendor="x", image=IMAGE, digest=b))
    agent.work()
    assert b in world.content("workloads/web.yaml")


def test_updates_wait_for_the_repository_to_be_read(agent: Agent, world: World) -> None:
    [received] = [agent.push("ci", "1.1")]
    agent.updater.add(agent.journal.pending_events(1)[0])
    agent.updater.work()
    assert agent.outcome(received) == ("pending", "NothingReadable: the config repository has not been read yet")


def test_a_branch_that_moved_and_cannot_be_fetched_is_tried_later(agent: Agent, world: World) -> None:
    agent.commit(house("web"))
    world.commit({"README": "x"})
    event = agent.push("ci", "1.1")
    agent.dispatcher.work()

    def failing() -> None:
        raise FULL

    agent.on_follow = failing
    agent.updater.work()
    assert agent.outcome(event) == ("pending", "JournalUnavailable: the disk is full")
    agent.on_follow = lambda: None
    agent.settle()
    assert pinned(world) == "1.1"
