"""A pass brings one workload to rest, says why, and tries nothing that failed before its time."""

from __future__ import annotations

import pytest
from fakes.containers import Behaviour
from support.spine import AWAY, Spine, document

from agent.core.reasons import Reason
from agent.errors import Stalled, Transient
from agent.failures import FIRST_DELAY

CONVERGED = ("Synced", "Converged")
CHECKED = "  healthcheck: {http: /, interval: 1s, timeout: 1s, retries: 3, start_period: 1s}\n  port: 80\n"


def checked(name: str, tag: str = "1", image: str = "app") -> str:
    return f"kind: Workload\nname: {name}\nsource:\n  kind: image\n  image: {image}\n  tag: '{tag}'\n{CHECKED}"


# Deploys


def test_a_commit_becomes_a_container_and_an_event_that_says_so(spine):
    revision = spine.deploy({"shop": document("shop")})
    assert spine.phase("shop") == CONVERGED
    assert list(spine.engine.names().values()) == ["running"]
    assert spine.reasons("shop") == ["Deploying", "Deployed"]
    deployed, deploying = spine.journal.recent_events(2, "shop")
    assert deploying.data["plan"][0].startswith("pull image app:1")
    assert deploying.data["target"] == spine.status("shop").fingerprint
    assert deployed.data["digests"] == {"app:1": "sha256:1"}
    assert deployed.data["seconds"] >= 1
    assert deployed.revision == revision


def test_the_record_says_everything_about_the_workload_and_its_containers(spine):
    spine.deploy({"db": document("db"), "shop": document("shop", more="depends_on: [db]\n")})
    status = spine.status("shop")
    assert (status.source, status.image, status.depends_on, status.path) == (
        "image",
        "app:1",
        ("db",),
        "workloads/shop.yaml",
    )
    [container] = status.containers
    assert (container.role, container.state, container.image, container.digest) == (
        "active",
        "running",
        "app:1",
        "sha256:1",
    )
    assert len(container.id) == 12


def test_looking_again_at_what_is_as_wanted_asks_once_and_writes_nothing(spine):
    spine.deploy({"shop": document("shop"), "db": document("db")})
    spine.look()
    events, version = len(spine.reasons()), spine.board.version
    spine.engine.calls.clear()
    spine.look()
    assert spine.engine.calls == ["list_containers"]
    assert (len(spine.reasons()), spine.board.version) == (events, version)


def test_a_change_replaces_the_container(spine):
    spine.deploy({"shop": document("shop")})
    spine.deploy({"shop": document("shop", tag="2")})
    assert spine.status("shop").image == "app:2"
    assert list(spine.engine.names().values()) == ["running"]


def test_a_removed_document_removes_the_container_and_tells_what_data_stays(spine):
    volume = "volumes: [{source: data, target: /data, scope: project_named}]\n"
    spine.deploy({"shop": document("shop", more=volume)})
    spine.deploy({"shop": None, "db": document("db")})
    assert [name for name in spine.engine.names() if name.startswith("shop")] == []
    assert spine.board.named("shop") is None
    assert spine.reasons("shop")[-3:] == ["Removing", "Removed", "VolumesKept"]
    [kept] = spine.journal.recent_events(1, "shop")
    assert any(volume.startswith("ph-") for volume in kept.data["volumes"])


def test_a_removal_of_what_had_no_data_says_nothing_about_data(spine):
    spine.deploy({"shop": document("shop")})
    spine.deploy({"shop": None, "db": document("db")})
    assert spine.reasons("shop")[-1] == "Removed"


def test_a_document_that_became_invalid_leaves_the_container_and_says_so_once(spine):
    spine.deploy({"shop": document("shop")})
    spine.deploy({"shop": document("shop", more="no_such: 1\n")})
    spine.look()
    assert spine.phase("shop") == ("Invalid", "InvalidDocument")
    assert list(spine.engine.names().values()) == ["running"]
    assert spine.reasons("shop").count("InvalidDocument") == 1


def test_an_invalid_document_of_a_workload_that_never_ran_is_on_the_board(spine):
    spine.deploy({"shop": document("shop", more="no_such: 1\n")})
    assert spine.phase("shop") == ("Invalid", "InvalidDocument")


def test_dependents_wait_and_go_on_as_soon_as_what_they_wait_for_is_ready(spine):
    spine.engine.behaviours["bad:1"] = Behaviour(exit_code=1)
    files = {"db": document("db", "bad"), "shop": document("shop", more="depends_on: [db]\n")}
    spine.deploy(files)
    assert spine.phase("shop") == ("Waiting", "DependencyNotReady")
    assert spine.reasons("shop") == ["DependencyNotReady"]
    spine.deploy({"db": document("db")})
    assert spine.phase("shop") == CONVERGED


def test_a_dependency_nobody_looked_at_yet_is_waited_for(spine):
    assert spine.records.unready(["db"]) == {"db": "not looked at yet"}


# Failures


def test_a_version_that_does_not_get_well_is_quarantined_and_the_old_one_serves(spine):
    spine.engine.images["app:9"] = None
    spine.engine.behaviours["app:9"] = Behaviour(exit_code=3, output=("cannot open /data",))
    spine.deploy({"shop": document("shop")})
    revision = spine.deploy({"shop": document("shop", tag="9")})
    assert spine.phase("shop") == ("Degraded", "Quarantined")
    assert [one.image for one in spine.status("shop").containers if one.state == "running"] == ["app:1"]
    assert "it ended with code 3" in spine.status("shop").quarantine
    failure = next(one for one in spine.journal.recent_events(50, "shop") if one.severity == "error" and one.data)
    assert failure.data["logs"] == ["cannot open /data"]
    assert failure.data["exit_code"] == 3
    assert failure.message.endswith("This version is not tried again until a commit changes this workload")
    assert failure.revision == revision
    assert spine.records.outcomes["workload_outcomes_total", "Failed"] == 1


def test_a_quarantined_version_is_not_tried_again_by_the_next_process(spine, tmp_path):
    spine.engine.images["app:9"] = None
    spine.engine.behaviours["app:9"] = Behaviour(exit_code=3)
    spine.deploy({"shop": document("shop")})
    spine.deploy({"shop": document("shop", tag="9")})
    spine.close()
    again = Spine(tmp_path, spine.clock, spine.engine)
    again.engine.behaviours.clear()
    again.commit({"shop": document("shop", tag="9")})
    again.engine.calls.clear()
    again.drain()
    assert again.phase("shop") == ("Degraded", "Quarantined")
    assert "create" not in again.engine.calls
    again.close()


def test_a_failed_version_is_not_tried_again_although_the_journal_takes_no_quarantine(spine, monkeypatch):
    """Each further try would stop what serves, for as long as the disk is full."""
    spine.engine.images["app:9"] = None
    spine.engine.behaviours["app:9"] = Behaviour(exit_code=3)
    spine.deploy({"shop": document("shop")})
    full = Transient(Reason.JOURNAL_UNAVAILABLE, "the disk is full")
    monkeypatch.setattr(spine.journal, "quarantine", lambda entry: (_ for _ in ()).throw(full))
    spine.deploy({"shop": document("shop", tag="9")})
    assert spine.board.status().conditions["agent"] == "JournalUnavailable: the disk is full"
    creations = spine.engine.calls.count("create")
    for _ in range(3):
        spine.clock.advance(11)
        spine.drain()
    assert spine.engine.calls.count("create") == creations
    assert spine.phase("shop") == ("Degraded", "Quarantined")
    assert [one.image for one in spine.status("shop").containers if one.state == "running"] == ["app:1"]
    assert "CrashLoop" in spine.reasons("shop", "error"), "the failure itself is told"


def test_the_checks_go_on_although_the_journal_remembers_nothing(spine, monkeypatch):
    full = Transient(Reason.JOURNAL_UNAVAILABLE, "the disk is full")
    monkeypatch.setattr(spine.journal, "remember", lambda key, value: (_ for _ in ()).throw(full))
    spine.deploy({"shop": checked("shop")})
    assert spine.phase("shop") == CONVERGED
    assert len(spine.monitor._targets) == 1


def test_a_commit_that_asks_for_it_lifts_the_quarantine(spine):
    spine.engine.images["app:9"] = None
    spine.engine.behaviours["app:9"] = Behaviour(exit_code=3)
    spine.deploy({"shop": document("shop"), "db": document("db")})
    spine.deploy({"shop": document("shop", tag="9")})
    spine.engine.behaviours.clear()
    spine.deploy({"other": document("other")}, "Nothing\n\nPierhead-Retry: db")
    assert spine.phase("shop") == ("Degraded", "Quarantined")
    spine.deploy({"other": document("other", tag="2")}, "Try again\n\npierhead-retry: shop")
    assert spine.phase("shop") == CONVERGED
    assert spine.status("shop").quarantine is None


def test_the_commit_that_asks_for_it_need_not_be_the_newest(spine):
    spine.engine.images["app:9"] = None
    spine.engine.behaviours["app:9"] = Behaviour(exit_code=3)
    spine.deploy({"shop": document("shop")})
    spine.deploy({"shop": document("shop", tag="9")})
    spine.engine.behaviours.clear()
    spine.repository.commit({"workloads/other.yaml": document("other")}, "Try again\n\nPierhead-Retry: shop")
    spine.deploy({"other": document("other", tag="2")}, "Something else")
    assert spine.phase("shop") == CONVERGED


def test_going_back_to_what_ran_and_forth_again_tries_the_failed_version_once_more(spine):
    spine.engine.images["app:9"] = None
    spine.engine.behaviours["app:9"] = Behaviour(exit_code=3)
    spine.deploy({"shop": document("shop")})
    spine.deploy({"shop": document("shop", tag="9")})
    spine.deploy({"shop": document("shop")})
    assert spine.phase("shop") == CONVERGED
    spine.engine.behaviours.clear()
    spine.deploy({"shop": document("shop", tag="9")})
    assert spine.phase("shop") == CONVERGED
    assert spine.status("shop").image == "app:9"


def test_an_image_that_is_not_there_is_held_and_tried_again_after_its_time(spine):
    spine.deploy({"shop": document("shop", tag="7")})
    status = spine.status("shop")
    assert (str(status.phase), str(status.reason)) == ("Failed", "BackingOff")
    assert "attempt 1 failed" in status.message
    assert status.until is not None
    assert status.quarantine is None
    spine.look()
    assert spine.engine.calls.count("pull") == 1, "looking does not try before its time"
    spine.engine.remote_images["app:7"] = "sha256:7"
    spine.clock.advance(61)
    spine.drain()
    assert spine.phase("shop") == CONVERGED
    assert spine.engine.calls.count("pull") == 2


def test_each_failed_attempt_waits_twice_as_long(spine):
    spine.engine.behaviours["app:1"] = Behaviour(start_error=Transient(Reason.PORT_TAKEN, "port 80 is taken"))
    spine.deploy({"shop": document("shop")})
    tries = []
    for _ in range(4):
        tries.append(spine.failures.held(spine.status("shop").id).attempts)
        remaining = spine.failures.remaining(spine.failures.held(spine.status("shop").id))
        assert remaining == pytest.approx(FIRST_DELAY * 2 ** (len(tries) - 1), abs=0.1)
        spine.clock.advance(remaining + 0.2)
        spine.drain()
    assert tries == [1, 2, 3, 4]
    spine.engine.behaviours.clear()
    spine.clock.advance(300)
    spine.drain()
    assert spine.phase("shop") == CONVERGED


def test_what_the_engine_refuses_for_good_is_quarantined_at_once(spine):
    spine.engine.fail("create", Stalled(Reason.INVALID_CONTAINER, "no such capability"))
    spine.deploy({"shop": document("shop")})
    assert spine.phase("shop")[1] == "Quarantined"
    assert spine.engine.calls.count("create") == 1


def test_a_removal_that_fails_is_tried_again_later(spine):
    spine.deploy({"shop": document("shop")})
    spine.engine.fail("stop", Transient(Reason.ENGINE_ERROR, "did not stop"))
    spine.deploy({"shop": None, "db": document("db")})
    assert spine.phase("shop")[1] == "BackingOff"
    stops = spine.engine.calls.count("stop")
    spine.look()
    assert spine.engine.calls.count("stop") == stops
    spine.clock.advance(FIRST_DELAY + 1)
    spine.drain()
    assert spine.board.named("shop") is None


def test_an_engine_that_goes_away_in_the_middle_is_no_failure_of_the_workload(spine):
    spine.engine.fail("start", AWAY)
    spine.commit({"shop": document("shop")})
    spine.drain()
    assert "engine" in spine.board.conditions
    assert spine.failures.held(next(iter(spine.follower.state.by_id))) is None
    assert "EngineUnreachable" in spine.reasons()
    spine.loop.check_engine()
    spine.drain()
    assert spine.board.conditions == ()
    assert spine.phase("shop") == CONVERGED


def test_a_secret_in_what_a_container_prints_stays_out_of_the_event(spine):
    spine.secrets.values["key"] = "swordfish-42"
    spine.engine.behaviours["app:1"] = Behaviour(exit_code=1, output=("the key is swordfish-42",))
    spine.deploy({"shop": document("shop")})
    assert "swordfish" not in "".join(repr(one.as_dict()) for one in spine.journal.recent_events(50))
    assert any("the key is ***" in repr(one.data) for one in spine.journal.recent_events(50))


def test_a_missing_secret_is_waited_for_and_told(spine):
    more = "env: {KEY: {secret: key}}\n"
    spine.deploy({"shop": document("shop", more=more)})
    assert spine.phase("shop")[1] == "SecretMissing"
    spine.secrets.values["key"] = "swordfish-42"
    spine.look()
    assert spine.phase("shop") == CONVERGED


# Drift


def test_a_container_that_died_is_repaired_and_both_are_told(spine):
    spine.deploy({"shop": document("shop")})
    spine.engine.kill(next(iter(spine.engine.containers)))
    spine.look()
    assert spine.phase("shop") == CONVERGED
    assert spine.reasons("shop")[-2:] == ["DriftDetected", "Repaired"]
    assert spine.records.outcomes["workload_outcomes_total", "Repaired"] == 1
    assert len(spine.failures.repairs(spine.status("shop").id)) == 1


def test_after_five_repairs_in_five_minutes_it_is_left_alone_until_the_window_has_passed(spine):
    spine.deploy({"shop": document("shop")})
    for _ in range(6):
        spine.engine.kill(next(iter(spine.engine.containers)))
        spine.look()
    assert spine.phase("shop")[1] == "RepairLimitReached"
    assert spine.reasons("shop").count("Repaired") == 5
    assert "exited" in spine.engine.names().values()
    spine.clock.advance(301)
    spine.look()
    assert spine.phase("shop") == CONVERGED


def test_what_becomes_unhealthy_after_a_deploy_is_told_and_told_again_when_it_is_well(spine):
    """The checks go on after the gate; what they find is in the next record."""
    spine.deploy({"shop": checked("shop")})
    [target] = spine.monitor._targets.values()
    assert target.healthcheck.http == "/"
    for _ in range(3):
        spine.monitor._count(target, "GET / answered 500")
    spine.look()
    assert spine.phase("shop") == ("Degraded", "Unhealthy")
    assert "GET / answered 500" in spine.status("shop").message
    spine.monitor._count(target, None)
    spine.look()
    assert spine.phase("shop") == CONVERGED
    assert spine.reasons("shop")[-2:] == ["Unhealthy", "Converged"]
    assert list(spine.engine.names().values()) == ["running"]


def test_what_was_found_before_a_new_version_took_does_not_count_against_it(spine):
    spine.deploy({"shop": checked("shop")})
    [target] = spine.monitor._targets.values()
    for _ in range(3):
        spine.monitor._count(target, "GET / answered 500")
    spine.deploy({"shop": checked("shop", tag="2")})
    assert spine.monitor.unhealthy() == {}
    assert spine.phase("shop") == CONVERGED


def test_a_workload_that_is_removed_is_not_asked_any_more(spine):
    spine.deploy({"shop": checked("shop")})
    spine.deploy({"shop": None, "db": document("db")})
    assert spine.monitor._targets == {}


# Making way


def test_a_newer_commit_overtakes_the_wait_for_the_older_ones_health(spine):
    spine.engine.behaviours["app:1"] = Behaviour(answers=False)
    spine.commit({"shop": checked("shop")})

    def overtake(elapsed: float) -> None:
        spine.clock.on_wait.clear()
        spine.commit({"shop": checked("shop", tag="2")})

    spine.clock.on_wait.append(overtake)
    spine.drain()
    assert spine.phase("shop") == CONVERGED
    assert spine.status("shop").image == "app:2"
    assert "Superseded" in spine.reasons("shop")
    assert "HealthTimeout" not in spine.reasons("shop")


def test_a_newer_commit_that_says_the_same_of_this_workload_does_not_disturb_it(spine):
    spine.engine.behaviours["app:1"] = Behaviour(answers=False)
    spine.commit({"shop": checked("shop")})

    def elsewhere(elapsed: float) -> None:
        spine.clock.on_wait.clear()
        spine.engine.behaviours.clear()
        spine.commit({"db": document("db"), "shop": "# a comment\n" + checked("shop")})

    spine.clock.on_wait.append(elsewhere)
    spine.drain()
    assert "Superseded" not in spine.reasons("shop")
    assert spine.phase("shop") == CONVERGED
    assert spine.phase("db") == CONVERGED


def test_removing_the_workload_overtakes_its_deploy(spine):
    spine.engine.behaviours["app:1"] = Behaviour(answers=False)
    spine.commit({"shop": checked("shop")})

    def remove(elapsed: float) -> None:
        spine.clock.on_wait.clear()
        spine.commit({"shop": None, "db": document("db")})

    spine.clock.on_wait.append(remove)
    spine.drain()
    assert "Superseded" in spine.reasons("shop")
    assert [name for name in spine.engine.names() if name.startswith("shop")] == []


def test_the_end_of_the_agent_interrupts_and_the_next_process_goes_on(spine, tmp_path):
    spine.engine.behaviours["app:1"] = Behaviour(answers=False)
    spine.commit({"shop": checked("shop")})
    spine.clock.on_wait.append(lambda elapsed: spine.stopping.set())
    spine.drain()
    assert spine.failures.reasons(next(iter(spine.follower.state.by_id))) == {}
    assert not {"HealthTimeout", "Deployed"} & set(spine.reasons("shop"))
    spine.clock.on_wait.clear()
    spine.close()
    again = Spine(tmp_path, spine.clock, spine.engine)
    again.engine.behaviours.clear()
    again.deploy({"shop": checked("shop")})
    assert again.phase("shop") == CONVERGED
    assert list(again.engine.names().values()) == ["running"]
    again.close()


def test_an_agent_that_stops_begins_nothing(spine):
    spine.commit({"shop": document("shop")})
    spine.stopping.set()
    assert spine.reconciler.reconcile(next(iter(spine.follower.state.by_id)), 0.0) is None
    assert spine.engine.containers == {}


def test_without_a_commit_there_is_nothing_to_say(spine):
    assert spine.reconciler.reconcile("a1", 0.0) is None
    assert spine.board.ids() == frozenset()


def test_a_container_of_a_workload_that_nobody_knows_any_more_goes(spine, tmp_path):
    spine.deploy({"shop": document("shop")})
    spine.close()
    again = Spine(tmp_path, spine.clock, spine.engine)
    again.commit({"db": document("db")})
    again.look()
    assert [name for name in again.engine.names() if name.startswith("shop")] == []
    again.close()


def test_a_pass_that_never_comes_to_rest_ends_and_looks_again_later(spine, monkeypatch):
    spine.commit({"shop": document("shop")})
    monkeypatch.setattr(spine.engine, "rename", lambda container, name: None)
    key = next(iter(spine.follower.state.by_id))
    assert spine.reconciler.reconcile(key, spine.clock.monotonic()) == 1.0
