"""From an accepted event to what it asks for, on one agent: settled, put off or given up, and never lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.dispatch import IMAGE, WEBHOOK, Agent, World, house, workload

from agent.core.inbound import GIT_PUSH, MANUAL, TICK, InboundEvent
from agent.core.reasons import Reason
from agent.errors import Stalled, Transient

AWAY = Transient(Reason.REGISTRY_UNAVAILABLE, "the registry does not answer")
NIGHTLY = "[{kind: schedule, cron: '0 4 * * *', action: %s}]"
BROKEN = "kind: Workload\nname: %s\nsource: {kind: image}\ntriggers: [{trigger: ci}]\n"
A, B = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
PINNED = f"kind: Workload\nname: web\nsource: {{kind: image, image: {IMAGE}, tag: '1.0', digest: '{A}'}}\n"
BOUND = "triggers: [{trigger: ci}]\n"


def test_a_push_of_an_image_becomes_a_commit_that_changes_the_pin_alone(agent: Agent, world: World) -> None:
    agent.commit(house("web"))
    before = world.content("workloads/web.yaml")
    event = agent.push("ci", "1.1")
    agent.work()
    assert agent.outcome(event) == ("done", f"web: {IMAGE} 1.0 → 1.1")
    assert world.content("workloads/web.yaml") == before.replace("'1.0'", "'1.1'")
    assert agent.reasons() == ["TriggerFired", "UpdateWritten"]


def test_a_version_that_is_pinned_already_makes_no_commit(agent: Agent, world: World) -> None:
    agent.commit(house("web"))
    event = agent.push("ci", "1.0")
    agent.work()
    assert agent.outcome(event) == ("done", "fired 0 of 1")
    assert agent.publisher.tries == 0
    assert "what is pinned already" in agent.messages("TriggerNotFired")[0]


def test_one_webhook_for_two_workloads_makes_one_commit(agent: Agent, world: World) -> None:
    agent.commit(house("api", "web"))
    agent.push("ci", "1.1")
    agent.work()
    assert len(agent.publisher.published) == 1
    assert "'1.1'" in world.content("workloads/api.yaml")
    assert "'1.1'" in world.content("workloads/web.yaml")


@pytest.mark.parametrize("action", ["redeploy", "restart", "run"])
def test_what_carries_no_version_becomes_a_request(agent: Agent, action: str) -> None:
    agent.commit({"workloads/web.yaml": workload("web", triggers=NIGHTLY % action)})
    event = agent.receive("web.1", InboundEvent(type=TICK))
    agent.work()
    assert agent.outcome(event) == ("done", "fired 1 of 1")
    assert agent.asked() == [("web", action)]
    assert len(agent.enqueued) == 1


def test_an_event_that_is_handled_again_after_a_crash_asks_nothing_new(agent: Agent) -> None:
    agent.commit({"workloads/web.yaml": workload("web", triggers=NIGHTLY % "run")})
    event = agent.receive("web.1", InboundEvent(type=TICK))
    [received] = agent.journal.pending_events(10)
    agent.work()
    [request] = agent.journal.requests()
    agent.journal.close_request(request.id, "done")
    desired = agent.judge.desired
    assert desired is not None
    agent.dispatcher._one(received, desired)
    assert agent.asked() == []
    assert agent.outcome(event)[0] == "done"


def test_nothing_happens_before_the_repository_was_read(agent: Agent) -> None:
    event = agent.push("ci", "1.1")
    assert agent.dispatcher.work() == 1.0
    assert agent.outcome(event) == ("pending", "")
    agent.commit(house("web"))
    agent.work()
    assert agent.outcome(event)[0] == "done"


def test_an_event_of_an_unknown_trigger_is_settled_with_the_reason(agent: Agent) -> None:
    agent.commit(house("web"))
    event = agent.push("nobody", "1.1")
    agent.work()
    assert agent.outcome(event) == ("done", "there is no trigger of that name")
    assert agent.reasons("debug") == ["TriggerNotFired"]


def test_a_trigger_that_was_removed_while_its_event_waited_is_told(agent: Agent) -> None:
    agent.commit(house("web"))
    event = agent.push("ci", "1.1")
    agent.commit({"triggers/ci.yaml": None, "workloads/web.yaml": workload("web", triggers="[]")})
    agent.work()
    assert agent.outcome(event) == ("done", "there is no trigger of that name")


def test_a_trigger_that_nobody_of_this_host_is_bound_to_is_told(agent: Agent) -> None:
    agent.commit({"triggers/ci.yaml": WEBHOOK, "workloads/web.yaml": workload("web", more="hosts: [another]\n")})
    event = agent.push("ci", "1.1")
    agent.work()
    assert agent.outcome(event) == ("done", "no workload of this host is bound to it")


def test_a_suspended_workload_stays_and_the_log_says_why(agent: Agent) -> None:
    agent.commit({"triggers/ci.yaml": WEBHOOK, "workloads/web.yaml": workload("web", more="suspend: true\n")})
    agent.push("ci", "1.1")
    agent.work()
    assert agent.messages("TriggerNotFired") == ["ci did not fire: the workload is suspended"]


def test_an_event_for_one_workload_leaves_the_others(agent: Agent, world: World) -> None:
    agent.commit(house("api", "web"))
    agent.receive("ci", InboundEvent(type="image_push", vendor="x", image=IMAGE, image_tag="1.1"), workload="web")
    agent.work()
    assert "'1.0'" in world.content("workloads/api.yaml")
    assert "'1.1'" in world.content("workloads/web.yaml")


def test_firing_by_hand_what_looks_by_itself_has_it_look(agent: Agent, world: World) -> None:
    agent.commit(
        {
            "workloads/web.yaml": workload(
                "web", triggers=f"[{{kind: registry, image: {IMAGE}, policy: {{semver: '*'}}}}]"
            )
        }
    )
    agent.poller._targets = {t.key: (agent.registry_watcher, t) for t in agent.registry_watcher.targets()}
    event = agent.receive("web.1", InboundEvent(type=MANUAL))
    agent.work()
    assert agent.outcome(event) == ("done", "looks by itself now; what it finds comes as an event of its own")
    world.registry.push(IMAGE, "1.2.0")
    assert agent.poller.work(0)
    agent.work()
    assert "'1.2.0'" in world.content("workloads/web.yaml")


def test_ticks_that_pile_up_are_made_up_for_by_one(agent: Agent) -> None:
    agent.commit({"workloads/web.yaml": workload("web", triggers=NIGHTLY % "run")})
    events = [agent.receive("web.1", InboundEvent(type=TICK)) for _ in range(5)]
    agent.work()
    assert agent.asked() == [("web", "run")]
    assert [agent.outcome(one)[1] for one in events] == ["made up for by a later tick"] * 4 + ["fired 1 of 1"]


def test_while_another_agent_has_the_engine_nothing_is_done(agent: Agent) -> None:
    agent.commit(house("web") | {"workloads/job.yaml": workload("job", triggers=NIGHTLY % "run")})
    agent.hands_off = True
    events = [agent.push("ci", "1.1"), agent.receive("job.1", InboundEvent(type=TICK))]
    assert agent.dispatcher.work() == 5.0
    assert (agent.asked(), agent.publisher.tries) == ([], 0)
    agent.hands_off = False
    agent.work()
    assert [agent.outcome(one)[0] for one in events] == ["done", "done"]


# A registry that does not answer


def test_an_event_that_needs_a_registry_waits_for_it_and_is_told_once(agent: Agent, world: World) -> None:
    agent.commit({"triggers/ci.yaml": WEBHOOK, "workloads/web.yaml": PINNED + BOUND})
    world.registry.push(IMAGE, "1.1", B)
    world.registry.away = AWAY
    event = agent.push("ci", "1.1")
    agent.work()
    agent.clock.advance(6)
    agent.work()
    assert agent.outcome(event) == ("pending", "RegistryUnavailable: the registry does not answer")
    assert agent.reasons("warning") == ["TriggerFailed"]
    assert "does not answer" in agent.teller.board.looked_at("ci").trouble
    world.registry.away = None
    agent.settle()
    assert B in world.content("workloads/web.yaml")
    assert agent.teller.board.looked_at("ci").trouble == ""


def test_a_tag_that_is_gone_is_told(agent: Agent) -> None:
    agent.commit({"triggers/ci.yaml": WEBHOOK, "workloads/web.yaml": PINNED + BOUND})
    agent.push("ci", "1.1")
    agent.work()
    assert f"{IMAGE} has no such tag any more" in agent.messages("TriggerNotFired")[0]


def test_a_hanging_registry_holds_up_few_events_of_others(agent: Agent, world: World) -> None:
    agent.commit(house("api") | {"workloads/web.yaml": PINNED + BOUND})
    world.registry.away, world.registry.slow = AWAY, 30.0
    began = agent.clock.elapsed
    for number in range(50):
        agent.push("ci", f"1.{number}")
    agent.work()
    assert agent.clock.elapsed - began < 60
    assert "'1.49'" in world.content("workloads/api.yaml")
    world.registry.push(IMAGE, "1.49", B)
    world.registry.away, world.registry.slow = None, 0.0
    agent.settle()
    assert agent.journal.inbox_depth() == 0
    assert f"tag: '1.49', digest: '{B}'" in world.content("workloads/web.yaml")


def test_a_registry_that_says_when_to_come_again_is_left_alone_until_then(agent: Agent, world: World) -> None:
    agent.commit({"triggers/ci.yaml": WEBHOOK, "workloads/web.yaml": PINNED + BOUND})
    world.registry.away = Transient(Reason.REGISTRY_RATE_LIMITED, "too many requests", retry_after=900.0)
    agent.push("ci", "1.1")
    agent.work()
    asked = len(world.registry.asked)
    agent.clock.advance(890)
    agent.work()
    assert len(world.registry.asked) == asked
    agent.clock.advance(11)
    agent.work()
    assert len(world.registry.asked) == asked + 1


def test_an_event_that_waited_for_a_day_in_vain_is_given_up_and_told(agent: Agent, world: World) -> None:
    agent.commit({"triggers/ci.yaml": WEBHOOK, "workloads/web.yaml": PINNED + BOUND})
    world.registry.away = Stalled(Reason.REGISTRY_UNAUTHORIZED, "the login is refused")
    event = agent.push("ci", "1.1")
    agent.settle(90_000, step=1000)
    assert agent.outcome(event) == ("failed", "waited in vain: RegistryUnauthorized: the login is refused")
    assert "waited in vain" in agent.messages("TriggerNotFired")[-1]


# Documents with errors


def test_an_event_for_a_document_with_errors_waits_until_it_is_mended(agent: Agent, world: World) -> None:
    agent.commit(house("api", "web"))
    agent.commit({"workloads/web.yaml": BROKEN % "web"})
    event = agent.push("ci", "1.1")
    agent.work()
    assert "'1.1'" in world.content("workloads/api.yaml")
    assert agent.outcome(event)[0] == "done"
    assert agent.journal.inbox_depth() == 1
    agent.commit({"workloads/web.yaml": workload("web")})
    agent.settle(60, step=10)
    assert agent.journal.inbox_depth() == 0
    assert "'1.1'" in world.content("workloads/web.yaml")


def test_a_document_that_is_not_mended_within_an_hour_misses_the_event(agent: Agent) -> None:
    agent.commit(house("api", "web"))
    agent.commit({"workloads/web.yaml": BROKEN % "web"})
    event = agent.push("ci", "1.1")
    agent.settle(3500)
    assert agent.outcome(f"{event}.web")[0] == "pending"
    agent.settle(400)
    assert agent.outcome(f"{event}.web") == (
        "failed",
        "waited in vain: the document of workload web has errors",
    )
    assert agent.reasons("warning") == ["TriggerNotFired"]


def test_a_broken_document_that_was_not_bound_to_the_trigger_misses_nothing(agent: Agent) -> None:
    agent.commit(house("api") | {"workloads/web.yaml": workload("web", triggers="[]")})
    agent.commit({"workloads/web.yaml": BROKEN % "web"})
    agent.push("ci", "1.1")
    agent.work()
    assert agent.journal.inbox_depth() == 0


def test_a_document_that_could_never_be_used_misses_nothing(agent: Agent) -> None:
    agent.commit(house("api") | {"workloads/web.yaml": BROKEN % "web"})
    agent.push("ci", "1.1")
    agent.work()
    assert agent.journal.inbox_depth() == 0


@pytest.mark.parametrize("kept", [None, "[]", "{"])
def test_to_what_a_broken_document_was_bound_is_known_after_a_restart(
    agent: Agent, world: World, tmp_path: Path, kept: str | None
) -> None:
    agent.commit(house("api", "web"))
    agent.commit({"workloads/web.yaml": BROKEN % "web"})
    if kept is not None:
        agent.journal.remember("triggers:bound", kept)
    agent.journal.close()
    again = Agent(world, tmp_path / "data")
    again.follow()
    again.push("ci", "1.1")
    again.work()
    assert again.journal.inbox_depth() == (1 if kept is None else 0)
    again.close()


def test_bindings_that_cannot_be_kept_are_known_all_the_same(agent: Agent) -> None:
    agent.commit(house("api", "web"))
    agent.memory_full = Transient(Reason.JOURNAL_UNAVAILABLE, "the disk is full")
    agent.commit({"workloads/web.yaml": BROKEN % "web"})
    agent.memory_full = None
    agent.push("ci", "1.1")
    agent.work()
    assert agent.journal.inbox_depth() == 1


def test_an_inline_trigger_of_a_broken_document_waits_with_it(agent: Agent) -> None:
    agent.commit({"workloads/web.yaml": workload("web", triggers=NIGHTLY % "run")})
    event = agent.receive("web.1", InboundEvent(type=TICK))
    agent.commit({"workloads/web.yaml": BROKEN % "web", "workloads/api.yaml": workload("api", triggers="[]")})
    agent.work()
    assert agent.outcome(event) == ("pending", "the document of workload web has errors")
    agent.commit({"workloads/web.yaml": workload("web", triggers=NIGHTLY % "run")})
    agent.settle(60, step=10)
    assert agent.asked() == [("web", "run")]


def test_an_event_of_a_trigger_whose_document_has_errors_waits(agent: Agent) -> None:
    agent.commit(house("web"))
    event = agent.push("ci", "1.1")
    agent.commit({"triggers/ci.yaml": WEBHOOK.replace("vendor: generic", "vendor: nobody")})
    agent.work()
    assert agent.outcome(event) == ("pending", "the document of trigger ci has errors")
    agent.commit({"triggers/ci.yaml": WEBHOOK})
    agent.settle(60, step=10)
    assert agent.outcome(event)[0] == "done"


def test_an_event_waits_while_a_file_without_readable_names_may_hold_its_trigger(agent: Agent) -> None:
    agent.commit(house("web"))
    event = agent.push("ci", "1.1")
    agent.commit({"triggers/ci.yaml": "kind: [\n", "workloads/web.yaml": workload("web", triggers="[]")})
    agent.work()
    assert agent.outcome(event)[0] == "pending"


# The agent's own mistakes


def test_an_event_on_which_the_agent_fails_holds_up_no_other(
    agent: Agent, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent.commit(house("web"))
    poison = agent.push("ci", "poison")
    event = agent.push("ci", "1.1")
    decisions = agent.judge.decisions

    def failing(received, desired):
        if received.event.image_tag == "poison":
            raise RuntimeError("a bug")
        return decisions(received, desired)

    monkeypatch.setattr(agent.judge, "decisions", failing)
    agent.work()
    assert agent.outcome(event)[0] == "done"
    assert agent.outcome(poison) == ("pending", "a defect in the agent: RuntimeError: a bug")
    agent.settle(10_000)
    assert agent.outcome(poison)[0] == "failed"
    assert agent.reasons("error") == ["InternalError", "InternalError"]


def test_an_event_that_cannot_be_written_by_a_mistake_of_the_agent_holds_up_no_other(
    agent: Agent, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent.commit(house("api", "web"))
    read_path = world.repository.read_path

    def failing(revision, path):
        if path == "workloads/web.yaml":
            raise RuntimeError("a bug")
        return read_path(revision, path)

    poison = agent.receive("ci", InboundEvent(type="image_push", image=IMAGE, vendor="x", image_tag="1.1"), "web")
    event = agent.receive("ci", InboundEvent(type="image_push", image=IMAGE, vendor="x", image_tag="1.1"), "api")
    monkeypatch.setattr(agent.updater._writer._parts.repository, "read_path", failing)
    agent.work()
    monkeypatch.undo()
    assert agent.outcome(event)[0] == "done"
    assert agent.outcome(poison) == ("pending", "a defect in the agent: RuntimeError: a bug")
    agent.settle()
    assert agent.outcome(poison)[0] == "done"


# The agent's own commits


def config_push(commit: str | None, **fields: object) -> InboundEvent:
    values = {"clone_url": "git@git.example.com:ops/config.git", "branch": "main", "ref": "refs/heads/main"} | fields
    return InboundEvent(type=GIT_PUSH, vendor="gitea", commit=commit, **values)  # type: ignore[arg-type]


def redeployed_by_pushes(agent: Agent) -> None:
    site = workload("site", triggers="[{trigger: ci, action: redeploy}]")
    agent.commit({"triggers/ci.yaml": WEBHOOK, "workloads/site.yaml": site})


def test_a_push_of_a_person_fires(agent: Agent, world: World) -> None:
    redeployed_by_pushes(agent)
    assert world.repository.head is not None
    agent.receive("ci", config_push(world.repository.head))
    agent.work()
    assert agent.asked() == [("site", "redeploy")]


def test_a_push_of_an_update_commit_never_fires(agent: Agent, world: World) -> None:
    redeployed_by_pushes(agent)
    agent.commit(house("web"))
    agent.push("ci", "1.1")
    agent.work()
    for request in agent.journal.requests():
        agent.journal.close_request(request.id, "done")
    assert world.repository.head == agent.publisher.published[0]
    agent.receive("ci", config_push(agent.publisher.published[0]))
    agent.work()
    assert agent.asked() == []
    assert "agent's own" in agent.messages("TriggerNotFired")[-1]


def test_an_update_commit_of_another_host_is_known_also_before_it_was_fetched(agent: Agent, world: World) -> None:
    redeployed_by_pushes(agent)
    known: set[str] = {str(world.repository.head)}
    trailers = world.repository.commit_trailers

    def only_fetched(revision: str):
        known.add(str(world.repository.mirrored))
        return trailers(revision) if revision in known else {}

    world.repository.commit_trailers = only_fetched  # type: ignore[method-assign]
    commit = world.commit({"workloads/x.yaml": workload("x")}, "x\n\nPierhead-Host: other\n")
    fetches = world.repository.fetches
    agent.receive("ci", config_push(commit, clone_url=None, repo="ops/config"))
    agent.work()
    assert world.repository.fetches == fetches + 1
    assert agent.asked() == []


@pytest.mark.parametrize("ref", ["refs/heads/pierhead/edge-2", "refs/notes/pierhead/edge-2"])
def test_status_that_an_agent_writes_never_fires(agent: Agent, ref: str) -> None:
    redeployed_by_pushes(agent)
    agent.receive("ci", config_push("f" * 40, ref=ref, branch=ref.removeprefix("refs/heads/")))
    agent.work()
    assert agent.asked() == []


@pytest.mark.parametrize("commit", [None, "f" * 40])
def test_a_push_of_another_repository_is_not_looked_up(agent: Agent, world: World, commit: str | None) -> None:
    redeployed_by_pushes(agent)
    fetches = world.repository.fetches
    agent.receive("ci", config_push(commit, clone_url="https://git.example.com/shop/app", repo="shop/app"))
    agent.work()
    assert world.repository.fetches == fetches
    assert agent.asked() == [("site", "redeploy")]


def test_status_is_known_by_its_branch_too(agent: Agent) -> None:
    redeployed_by_pushes(agent)
    agent.receive("ci", config_push(None, ref=None, branch="pierhead/edge-2"))
    agent.work()
    assert agent.asked() == []


def test_without_an_address_no_repository_is_the_config_repository(agent: Agent, monkeypatch) -> None:
    redeployed_by_pushes(agent)
    object.__setattr__(agent.judge._parts, "config_url", "/")
    agent.receive("ci", config_push("f" * 40))
    agent.work()
    assert agent.asked() == [("site", "redeploy")]


# Telling


def test_what_is_only_reported_is_told_once_and_shown(agent: Agent) -> None:
    agent.commit({"triggers/ci.yaml": WEBHOOK, "workloads/web.yaml": workload("web", more="update: {via: none}\n")})
    agent.push("ci", "1.1")
    agent.push("ci", "1.1")
    agent.work()
    assert agent.reasons() == ["UpdateAvailable"]
    assert agent.teller.board.pending["web"].text == f"{IMAGE} 1.0 → 1.1"
    assert agent.publisher.tries == 0


def test_what_waits_is_forgotten_when_a_person_pins_it(agent: Agent) -> None:
    more = "update: {via: none}\n"
    agent.commit({"triggers/ci.yaml": WEBHOOK, "workloads/web.yaml": workload("web", more=more)})
    agent.push("ci", "1.1")
    agent.work()
    agent.commit({"workloads/other.yaml": workload("other", triggers="[]")})
    assert "web" in agent.teller.board.pending
    agent.commit({"workloads/web.yaml": workload("web", "1.1", more=more)})
    assert agent.teller.board.pending == {}


def test_the_board_shows_what_the_newest_event_meant(agent: Agent) -> None:
    agent.commit(house("web"))
    event = agent.push("ci", "1.1")
    agent.work()
    heard = agent.teller.board.heard_of("ci")
    assert heard is not None
    assert (heard.event, heard.text, heard.outcome) == (event, f"image {IMAGE}:1.1", "fired 1 of 1")
    meant = agent.teller.board.meant_for("web", "ci", 0)
    assert meant is not None
    assert (meant.fired, meant.event) == (True, event)
