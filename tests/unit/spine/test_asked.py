"""Redeploys and restarts that events ask for: done once, told with who asked, not forgotten by whoever is killed."""

from __future__ import annotations

import pytest
from fakes.containers import Behaviour
from support.asking import ask, request
from support.spine import Spine, document

from agent.core.reasons import Reason
from agent.errors import Transient

CONVERGED = ("Synced", "Converged")


@pytest.fixture
def shop(spine: Spine) -> Spine:
    """A workload that serves."""
    spine.deploy({"shop": document("shop")})
    return spine


def ids(spine: Spine) -> set[str]:
    return set(spine.engine.containers)


def generations(spine: Spine) -> set[str]:
    return {one.generation for one in spine.engine.list_containers()}


def successor(spine: Spine, files: dict[str, str]) -> Spine:
    """The agent was killed; the next one begins."""
    spine.close()
    again = Spine(spine.folder, spine.clock, spine.engine)
    again.commit(files)
    return again


def replicas(count: int) -> str:
    return document("shop").replace("tag: '1'", f"tag: '1', replicas: {count}")


# Redeploy


def test_a_redeploy_pulls_again_and_replaces_the_container_once(shop):
    before = ids(shop)
    shop.engine.remote_images["app:1"] = "sha256:newer"
    asked = ask(shop, "redeploy", "shop")
    assert shop.phase("shop") == CONVERGED
    assert not before & ids(shop)
    assert shop.engine.images["app:1"] == "sha256:newer"
    assert generations(shop) == {asked.id}
    assert shop.journal.requests() == ()
    after = ids(shop)
    shop.look()
    assert ids(shop) == after


def test_it_is_told_with_who_asked_and_why(shop):
    shop.engine.remote_images["app:1"] = "sha256:1"
    ask(shop, "redeploy", "shop")
    deployed, deploying = shop.journal.recent_events(2, "shop")
    for event in (deployed, deploying):
        assert event.message == "redeploy asked for by trigger shop.1: every night at 4"
        assert (event.data["trigger"], event.data["event"]) == ("shop.1", "e1")
    assert (str(deploying.reason), str(deployed.reason)) == ("Deploying", "Deployed")


def test_a_commit_afterwards_is_told_as_itself(shop):
    shop.engine.remote_images["app:1"] = "sha256:1"
    ask(shop, "redeploy", "shop")
    shop.deploy({"shop": document("shop", tag="2")})
    [deployed] = shop.journal.recent_events(1, "shop")
    assert deployed.message == "image changed app:1 → app:2"
    assert "trigger" not in deployed.data


def test_its_generation_stays_in_force_for_the_next_process(shop):
    shop.engine.remote_images["app:1"] = "sha256:1"
    asked = ask(shop, "redeploy", "shop")
    after = ids(shop)
    again = successor(shop, {"shop": document("shop")})
    again.drain()
    assert ids(again) == after
    again.engine.containers.clear()
    again.look()
    assert generations(again) == {asked.id}
    again.close()


def test_losing_the_journal_redeploys_nothing(shop):
    shop.engine.remote_images["app:1"] = "sha256:1"
    asked = ask(shop, "redeploy", "shop")
    after = ids(shop)
    shop.close()
    for path in shop.folder.iterdir():
        path.unlink()
    again = Spine(shop.folder, shop.clock, shop.engine)
    again.deploy({"shop": document("shop")})
    assert ids(again) == after
    assert again.phase("shop") == CONVERGED
    again.engine.containers.clear()
    again.look()
    assert generations(again) == {asked.id}
    again.close()


def test_one_whose_image_fails_goes_back_to_the_container_that_served(shop):
    before = ids(shop)
    shop.engine.remote_images["app:1"] = "sha256:bad"
    shop.engine.behaviours["sha256:bad"] = Behaviour(exit_code=1)
    ask(shop, "redeploy", "shop")
    assert ids(shop) == before
    assert shop.reasons("shop")[-1] == "Quarantined"
    shop.engine.behaviours.clear()
    shop.clock.advance(400.0)
    shop.look()
    assert shop.phase("shop") == ("Degraded", "Quarantined")
    assert "another redeploy is asked for" in shop.status("shop").message
    assert ids(shop) == before


def test_the_next_redeploy_tries_again_what_failed(shop):
    shop.engine.remote_images["app:1"] = "sha256:bad"
    shop.engine.behaviours["sha256:bad"] = Behaviour(exit_code=1)
    ask(shop, "redeploy", "shop")
    shop.engine.behaviours.clear()
    second = ask(shop, "redeploy", "shop", "e2")
    assert shop.phase("shop") == CONVERGED
    assert generations(shop) == {second.id}
    assert shop.journal.requests() == ()


def test_a_commit_tries_again_what_failed(shop):
    shop.engine.remote_images |= {"app:1": "sha256:bad", "app:2": "sha256:2"}
    shop.engine.behaviours["sha256:bad"] = Behaviour(exit_code=1)
    ask(shop, "redeploy", "shop")
    shop.deploy({"shop": document("shop", tag="2")})
    assert shop.phase("shop") == CONVERGED
    assert shop.journal.requests() == ()


def test_the_newest_of_several_is_done_for_all(shop):
    shop.engine.remote_images["app:1"] = "sha256:1"
    shop.journal.request(request(shop, "redeploy", "shop", "e1"))
    asked = ask(shop, "redeploy", "shop", "e2")
    assert generations(shop) == {asked.id}
    assert shop.reasons("shop").count("Deployed") == 2


def test_a_workload_without_replicas_has_nothing_to_redeploy(spine):
    spine.deploy({"shop": replicas(0)})
    ask(spine, "redeploy", "shop")
    assert spine.journal.requests() == ()
    assert ids(spine) == set()


def test_a_suspended_workload_is_redeployed_when_it_goes_on(shop):
    shop.engine.remote_images["app:1"] = "sha256:1"
    shop.deploy({"shop": document("shop", more="suspend: true\n")})
    before = ids(shop)
    asked = ask(shop, "redeploy", "shop")
    assert ids(shop) == before
    shop.deploy({"shop": document("shop")})
    assert generations(shop) == {asked.id}


def test_what_is_asked_of_a_document_that_cannot_be_used_waits(shop):
    shop.engine.remote_images["app:1"] = "sha256:1"
    asked = request(shop, "redeploy", "shop")
    shop.deploy({"shop": document("shop", more="no_such: 1\n")})
    shop.journal.request(asked)
    shop.look()
    assert shop.journal.requests() == (asked,)
    shop.deploy({"shop": document("shop")})
    assert generations(shop) == {asked.id}


def test_what_is_asked_of_a_workload_that_goes_is_forgotten(shop):
    shop.engine.remote_images["app:1"] = "sha256:1"
    ask(shop, "redeploy", "shop")
    shop.journal.request(request(shop, "restart", "shop", "e2"))
    shop.deploy({"shop": None, "db": document("db")})
    assert shop.journal.requests() == ()
    shop.deploy({"shop": document("shop")})
    assert generations(shop) == {""}


def test_a_decision_alone_leaves_what_is_to_be_run_to_who_looks_after_runs(shop):
    run, restart = request(shop, "run", "shop", "e1"), request(shop, "restart", "shop", "e2")
    shop.deploy({"shop": None, "db": document("db")})
    for one in (run, restart):
        shop.journal.request(one)
    assert shop.reconciler.decide(run.workload_id, 0.0) is None
    assert shop.journal.requests() == (run,)


def test_a_journal_that_cannot_be_read_holds_up_no_repair(shop, monkeypatch):
    shop.engine.remote_images["app:1"] = "sha256:1"
    ask(shop, "redeploy", "shop")
    again = successor(shop, {"shop": document("shop")})

    def unreadable(*_: object) -> None:
        raise Transient(Reason.JOURNAL_UNAVAILABLE, "disk I/O error")

    monkeypatch.setattr(again.journal, "requests", unreadable)
    monkeypatch.setattr(again.journal, "recall", unreadable)
    wishes = again.reconciler._asked.wishes(
        again.follower.state.desired.workloads["shop"].id, again.engine.list_containers()
    )
    assert wishes.generation == next(iter(generations(again)))
    again.close()


# Restart


def test_a_restart_keeps_the_container_and_starts_it_once(shop):
    before = ids(shop)
    shop.engine.calls.clear()
    ask(shop, "restart", "shop")
    assert ids(shop) == before
    assert [name for name in shop.engine.calls if name in ("stop", "start", "create")] == ["stop", "start"]
    assert shop.phase("shop") == CONVERGED
    assert shop.journal.requests() == ()
    restarted, restarting = shop.journal.recent_events(2, "shop")
    assert (str(restarting.reason), str(restarted.reason)) == ("Restarting", "Restarted")
    assert restarted.message == "restart asked for by trigger shop.1: every night at 4"
    assert (restarted.data["trigger"], restarted.data["event"]) == ("shop.1", "e1")


def test_replicas_are_restarted_one_after_the_other(spine):
    spine.deploy({"shop": replicas(3)})
    spine.engine.calls.clear()
    ask(spine, "restart", "shop")
    moves = [name for name in spine.engine.calls if name in ("stop", "start")]
    assert moves == ["stop", "start"] * 3


def test_a_container_that_was_started_since_is_left_alone(shop):
    asked = request(shop, "restart", "shop")
    shop.clock.advance(10.0)
    shop.deploy({"shop": document("shop", tag="2")})
    shop.engine.calls.clear()
    shop.journal.request(asked)
    shop.look()
    assert "stop" not in shop.engine.calls
    assert shop.journal.requests() == ()


def test_one_that_does_not_come_back_is_tried_again_later_and_never_quarantined(shop):
    shop.engine.behaviours["app:1"] = Behaviour(restarts=1)
    ask(shop, "restart", "shop")
    assert shop.failures.held(shop.status("shop").id) is not None
    assert shop.journal.quarantined() == ()
    [failed] = [one for one in shop.journal.recent_events(20, "shop") if one.severity == "error"][-1:]
    assert failed.data["event"] == "e1"
    shop.engine.behaviours.clear()
    shop.clock.advance(400.0)
    shop.look()
    assert shop.phase("shop") == CONVERGED
    assert shop.journal.requests() == ()


def test_the_next_process_goes_on_with_a_restart_that_was_interrupted(spine):
    spine.deploy({"shop": replicas(2)})
    asked = request(spine, "restart", "shop")
    spine.clock.advance(10.0)
    first, second = spine.engine.containers.values()
    spine.engine.stop(first.id, 1)
    spine.journal.request(asked)
    again = successor(spine, {"shop": replicas(2)})
    again.clock.advance(10.0)
    again.engine.calls.clear()
    again.drain()
    assert again.engine.calls.count("start") == 2
    assert second.started_at > asked.time
    assert again.journal.requests() == ()
    again.close()


def test_an_engine_whose_clock_is_behind_is_not_restarted_forever(shop):
    shop.engine._moment = lambda: "2001-01-01T00:00:00Z"
    shop.engine.calls.clear()
    ask(shop, "restart", "shop")
    assert shop.engine.calls.count("stop") == 1
    assert shop.journal.requests() == ()


def test_a_container_that_cannot_be_inspected_may_have_been_started_before(shop):
    asked = request(shop, "restart", "shop")
    shop.clock.advance(1.0)
    shop.journal.request(asked)
    shop.observer.forget_all()
    for number in range(1, 4):
        shop.engine.fail("inspect", Transient(Reason.ENGINE_ERROR, "busy"), at=number)
    shop.look()
    assert shop.journal.requests() == (asked,)
    shop.look()
    assert shop.journal.requests() == ()
