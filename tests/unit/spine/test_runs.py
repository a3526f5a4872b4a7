"""One-off containers: started once for each time that one is asked for, followed to their end, and told of."""

from __future__ import annotations

import pytest
from fakes.containers import Behaviour
from support.asking import ask, container_of, job, look_at, newest, request, run_containers
from support.spine import AWAY, Spine, document

from agent.core.planning.one_off import run_name, short_id
from agent.core.reasons import Reason
from agent.errors import Transient

CONVERGED = ("Synced", "Converged")


@pytest.fixture
def at_work(spine: Spine) -> Spine:
    """A workload that is only there for its nightly job."""
    spine.deploy({"backup": job()})
    return spine


def told(spine: Spine, reason: str):
    return [one for one in spine.journal.recent_events(100) if one.reason == reason]


# Life


def test_a_workload_without_replicas_is_synced_and_its_job_runs(at_work):
    assert at_work.phase("backup") == CONVERGED
    asked = ask(at_work, "run", "backup")
    container = at_work.engine.named(run_name("backup", asked.id))
    assert container.state == "running"
    assert container.name == f"backup.run.{short_id(asked.id)}"
    assert (container.spec.command, container.restart, container.spec.publish) == (("dump",), "no", ())
    assert newest(at_work).state == "running"
    assert at_work.journal.requests() == ()
    assert at_work.phase("backup") == CONVERGED
    assert at_work.status("backup").containers == ()


def test_its_start_says_who_asked_for_it(at_work):
    asked = ask(at_work, "run", "backup")
    [started] = told(at_work, "RunStarted")
    assert started.message == f"run {short_id(asked.id)} asked for by trigger backup.1: it starts"
    assert started.workload == "backup"
    assert started.data == {"run": asked.id, "trigger": "backup.1", "event": "e1"}


def test_an_end_with_code_0_is_a_success_and_its_container_goes(at_work):
    asked = ask(at_work, "run", "backup")
    at_work.engine.named(run_name("backup", asked.id)).lines.extend(["dumping", "done"])
    at_work.clock.advance(12.0)
    at_work.engine.kill(container_of(at_work, asked), 0)
    look_at(at_work, "backup")
    run = newest(at_work)
    assert (run.state, run.exit_code, run.lines) == ("succeeded", 0, ("dumping", "done"))
    assert run.started is not None
    assert run.finished is not None
    assert run.started < run.finished
    [succeeded] = told(at_work, "RunSucceeded")
    assert succeeded.message.endswith("it ended with code 0 after 12 s")
    assert run_containers(at_work) == []


def test_any_other_end_is_a_failure_with_its_last_lines_and_no_secret(at_work):
    asked = ask(at_work, "run", "backup")
    at_work.secrets.values["token"] = "s3cret"
    at_work.secrets.value("token")
    at_work.engine.named(run_name("backup", asked.id)).lines.extend([f"line {n}" for n in range(60)] + ["no s3cret"])
    at_work.engine.kill(container_of(at_work, asked), 3)
    look_at(at_work, "backup")
    [failed] = told(at_work, "RunFailed")
    assert (failed.severity, failed.data["exit_code"]) == ("error", 3)
    assert "it ended with code 3" in failed.message
    assert len(failed.data["logs"]) == 50
    assert failed.data["logs"][-1] == newest(at_work).lines[-1] == "no ***"
    assert newest(at_work).state == "failed"


def test_a_run_that_is_over_at_once_is_told_from_beginning_to_end(at_work):
    at_work.engine.behaviours["app:1"] = Behaviour(exit_code=0, output=("done",))
    ask(at_work, "run", "backup")
    look_at(at_work, "backup")
    assert at_work.reasons("backup")[-2:] == ["RunStarted", "RunSucceeded"]


def test_memory_that_ran_out_is_said_by_name(at_work):
    asked = ask(at_work, "run", "backup")
    at_work.engine.named(run_name("backup", asked.id)).oom_killed = True
    at_work.engine.kill(container_of(at_work, asked), 137)
    look_at(at_work, "backup")
    assert "it ran out of memory" in newest(at_work).message
    assert "raise memory_limit" in newest(at_work).message


def test_a_kill_is_looked_at_twice_for_memory_may_be_told_late(at_work):
    asked = ask(at_work, "run", "backup")
    at_work.engine.kill(container_of(at_work, asked), 137)
    look_at(at_work, "backup")
    assert newest(at_work).state == "running"
    at_work.engine.named(run_name("backup", asked.id)).oom_killed = True
    look_at(at_work, "backup")
    assert "it ran out of memory" in newest(at_work).message


def test_a_kill_by_somebody_else_is_told_as_what_it_is(at_work):
    asked = ask(at_work, "run", "backup")
    at_work.engine.kill(container_of(at_work, asked), 137)
    look_at(at_work, "backup")
    look_at(at_work, "backup")
    assert "it ended with code 137" in newest(at_work).message


def test_at_its_limit_it_is_stopped_and_has_failed(at_work):
    asked = ask(at_work, "run", "backup")
    at_work.clock.advance(30.0)
    look_at(at_work, "backup")
    assert newest(at_work).state == "running"
    at_work.clock.advance(31.0)
    at_work.drain()
    run = newest(at_work)
    assert (run.state, run.exit_code) == ("timed_out", 143)
    assert run.message == "it took longer than its limit of 60 s and was ended"
    assert told(at_work, "RunFailed")[0].data["run"] == asked.id
    assert run_containers(at_work) == []


def test_its_end_is_not_waited_for_by_a_worker(at_work):
    ask(at_work, "run", "backup")
    at_work.engine.calls.clear()
    at_work.drain()
    assert at_work.engine.calls == []


def test_a_log_that_cannot_be_read_does_not_keep_the_end_from_being_told(at_work):
    asked = ask(at_work, "run", "backup")
    at_work.engine.kill(container_of(at_work, asked), 0)
    at_work.engine.fail("logs", Transient(Reason.ENGINE_ERROR, "no such driver"))
    look_at(at_work, "backup")
    assert newest(at_work).lines == ("(its log cannot be read: no such driver)",)


# Which of them run


def test_a_second_one_is_skipped_while_the_first_runs_and_says_so(at_work):
    first = ask(at_work, "run", "backup")
    second = ask(at_work, "run", "backup", "e2")
    assert run_containers(at_work) == [run_name("backup", first.id)]
    [skipped] = told(at_work, "RunSkipped")
    assert skipped.severity == "warning"
    assert f"run {short_id(first.id)} is not over yet" in skipped.message
    assert skipped.data["run"] == second.id
    assert newest(at_work).state == "skipped"
    assert at_work.journal.requests() == ()


def test_both_run_where_the_document_allows_it(spine):
    spine.deploy({"backup": job(settings="overlap: true")})
    ask(spine, "run", "backup")
    ask(spine, "run", "backup", "e2")
    assert len(run_containers(spine)) == 2


def test_different_jobs_of_a_workload_do_not_wait_for_each_other(spine):
    other = "- {kind: schedule, cron: '0 5 * * *', action: run, run: {command: [prune]}}\n"
    spine.deploy({"backup": job(more=other)})
    ask(spine, "run", "backup")
    second = ask(spine, "run", "backup", "e2", number=1)
    assert len(run_containers(spine)) == 2
    assert spine.engine.named(run_name("backup", second.id)).spec.command == ("prune",)


def test_the_history_keeps_as_many_as_the_document_says(spine):
    spine.deploy({"backup": job(settings="keep: 2")})
    for number in range(4):
        asked = ask(spine, "run", "backup", f"e{number}")
        spine.engine.kill(container_of(spine, asked), 0)
        look_at(spine, "backup")
    assert [one.event for one in spine.journal.runs()] == ["e3", "e2"]


def test_a_suspended_workload_runs_nothing(spine):
    spine.deploy({"backup": job(more="suspend: true\n")})
    ask(spine, "run", "backup")
    assert newest(spine).message == "skipped: the workload is suspended (`suspend: true`)"
    assert run_containers(spine) == []


def test_what_no_binding_runs_any_more_is_skipped(at_work):
    ask(at_work, "run", "backup", number=4)
    assert "no binding with `action: run` joins trigger backup.5" in newest(at_work).message


def test_it_waits_for_what_the_workload_depends_on(spine):
    spine.engine.behaviours["bad:1"] = Behaviour(exit_code=1)
    spine.deploy({"db": document("db", "bad"), "backup": job(more="depends_on: [db]\n")})
    ask(spine, "run", "backup")
    assert newest(spine).state == "waiting"
    spine.deploy({"db": document("db")})
    assert newest(spine).state == "running"


def test_one_that_waits_is_skipped_when_the_workload_is_suspended_meanwhile(spine):
    spine.engine.behaviours["bad:1"] = Behaviour(exit_code=1)
    files = {"db": document("db", "bad"), "backup": job(more="depends_on: [db]\n")}
    spine.deploy(files)
    ask(spine, "run", "backup")
    spine.deploy({"backup": job(more="depends_on: [db]\nsuspend: true\n")})
    assert newest(spine).state == "skipped"


def test_it_joins_the_network_of_another_workload_once_that_is_there(spine):
    joined = job().replace("replicas: 0", "replicas: 0, networks: ['workload:db']")
    spine.deploy({"db": document("db"), "backup": joined})
    database = spine.engine.named(next(iter(spine.engine.names())))
    spine.engine.kill(database.id)
    spine.observer.forget_all()
    spine.observer.snapshot(spine.clock.monotonic())
    asked = ask(spine, "run", "backup")
    spine.look()
    spine.clock.advance(6.0)
    spine.drain()
    assert spine.engine.named(run_name("backup", asked.id)).network_container == database.id


# What goes wrong


def test_an_image_that_cannot_be_pulled_fails_it_once(at_work):
    del at_work.engine.images["app:1"]
    ask(at_work, "run", "backup")
    run = newest(at_work)
    assert (run.state, run.exit_code) == ("failed", None)
    assert run.message == "it could not be started: pull image app:1: manifest for app:1 not found"
    at_work.engine.calls.clear()
    at_work.look()
    assert "pull" not in at_work.engine.calls
    assert len(told(at_work, "RunFailed")) == 1


def test_a_start_that_fails_leaves_no_container(at_work):
    error = Transient(Reason.INVALID_CONTAINER, "exec: dump: not found", advice="correct the command")
    at_work.engine.behaviours["app:1"] = Behaviour(start_error=error)
    ask(at_work, "run", "backup")
    assert newest(at_work).message.endswith("exec: dump: not found; correct the command")
    at_work.clock.advance(1.0)
    at_work.drain()
    assert run_containers(at_work) == []
    assert len(told(at_work, "RunFailed")) == 1


def test_a_secret_that_is_missing_is_named(spine):
    spine.deploy({"backup": job(more="env: {TOKEN: {secret: token}, KEY: {secret: key}}\n")})
    ask(spine, "run", "backup")
    assert newest(spine).message == ("it could not be started: SecretMissing: `key`, `token` not found by any provider")
    assert spine.engine.containers == {}


def test_a_kind_without_one_off_containers_says_so(at_work, monkeypatch):
    monkeypatch.setattr(type(at_work.kinds["image"]), "run_spec", lambda *_: None)
    ask(at_work, "run", "backup")
    assert "a workload of kind `image` has no one-off containers" in newest(at_work).message


@pytest.mark.parametrize("operation", ["pull", "create", "start"])
def test_an_engine_that_is_away_is_no_fault_of_the_run(at_work, operation):
    at_work.engine.fail(operation, AWAY)
    asked = ask(at_work, "run", "backup")
    assert newest(at_work).is_open
    at_work.look()
    assert at_work.engine.named(run_name("backup", asked.id)).state == "running"
    assert told(at_work, "RunFailed") == []


def test_an_engine_that_goes_away_at_the_end_is_waited_for(at_work):
    asked = ask(at_work, "run", "backup")
    at_work.engine.kill(container_of(at_work, asked), 0)
    at_work.engine.fail("inspect", AWAY)
    at_work.queue.add(asked.workload_id)
    at_work.drain()
    assert newest(at_work).state == "running"
    at_work.look()
    assert newest(at_work).state == "succeeded"


def test_a_container_that_somebody_removes_is_a_run_that_is_lost(at_work):
    asked = ask(at_work, "run", "backup")
    del at_work.engine.containers[container_of(at_work, asked)]
    at_work.look()
    assert newest(at_work).state == "lost"
    [failed] = told(at_work, "RunFailed")
    assert "its container is gone, so nobody knows how it ended" in failed.message
    at_work.look()
    assert len(told(at_work, "RunFailed")) == 1


def test_one_that_is_removed_while_it_is_looked_at_is_looked_at_again(at_work):
    asked = ask(at_work, "run", "backup")
    at_work.engine.kill(container_of(at_work, asked), 0)
    at_work.observer.snapshot(at_work.clock.monotonic())
    del at_work.engine.containers[container_of(at_work, asked)]
    at_work.queue.add(asked.workload_id, since=0.0)
    at_work.drain()
    at_work.clock.advance(1.0)
    at_work.drain()
    assert newest(at_work).state == "lost"


@pytest.mark.parametrize("operation", ["pull", "create", "start"])
def test_an_agent_that_stops_meanwhile_leaves_it_to_the_next(at_work, operation):
    stop_at(at_work, operation)
    asked = ask(at_work, "run", "backup")
    assert newest(at_work).is_open
    again = successor(at_work, {"backup": job()})
    again.drain()
    assert again.engine.named(run_name("backup", asked.id)).state == "running"
    assert len(told(again, "RunStarted")) == 1
    again.close()


def stop_at(spine: Spine, operation: str) -> None:
    """The agent is told to stop while the engine does this."""
    done = getattr(spine.engine, operation)

    def stopping(*args: object) -> object:
        spine.stopping.set()
        setattr(spine.engine, operation, done)
        return done(*args)

    setattr(spine.engine, operation, stopping)


# Apart from the workload


def test_it_is_neither_drift_nor_spare_nor_in_the_way(spine):
    spine.deploy({"backup": job(replicas=1)})
    ask(spine, "run", "backup")
    spine.deploy({"backup": job(replicas=1).replace("tag: '1'", "tag: '2'")})
    spine.look()
    assert spine.phase("backup") == CONVERGED
    assert len(run_containers(spine)) == 1
    assert [one.image for one in spine.status("backup").containers] == ["app:2"]
    assert "DriftDetected" not in spine.reasons("backup")


def test_it_never_owns_a_network(spine):
    spine.deploy({"backup": job()})
    ask(spine, "run", "backup")
    spine.look()
    assert spine.observer.latest.owners == {}


def test_when_the_document_goes_what_runs_finishes_and_is_told(spine):
    spine.deploy({"backup": job(replicas=1), "shop": document("shop")})
    asked = ask(spine, "run", "backup")
    spine.deploy({"backup": None})
    assert run_containers(spine) == [run_name("backup", asked.id)]
    assert spine.board.named("backup") is None
    spine.engine.kill(container_of(spine, asked), 0)
    spine.look()
    assert newest(spine).state == "succeeded"
    assert run_containers(spine) == []


def test_when_the_document_goes_what_runs_is_ended_at_its_limit(spine):
    spine.deploy({"backup": job(), "shop": document("shop")})
    ask(spine, "run", "backup")
    spine.deploy({"backup": None})
    spine.clock.advance(61.0)
    spine.drain()
    assert newest(spine).state == "timed_out"
    assert run_containers(spine) == []


def test_when_the_document_goes_what_was_asked_is_not_done_any_more(spine):
    spine.deploy({"backup": job(), "shop": document("shop")})
    late = request(spine, "run", "backup")
    spine.journal.request(late)
    spine.deploy({"backup": None})
    assert newest(spine).message == "skipped: the workload is not in the configuration any more"
    assert spine.journal.requests() == ()


def test_one_that_waits_goes_with_its_document(spine):
    spine.engine.behaviours["bad:1"] = Behaviour(exit_code=1)
    spine.deploy({"db": document("db", "bad"), "backup": job(more="depends_on: [db]\n")})
    ask(spine, "run", "backup")
    spine.deploy({"backup": None})
    assert newest(spine).state == "skipped"


def test_while_the_document_cannot_be_used_new_ones_wait_and_old_ones_go_on(spine):
    spine.engine.behaviours["bad:1"] = Behaviour(exit_code=1)
    spine.deploy({"db": document("db", "bad"), "backup": job(more="depends_on: [db]\n")})
    waiting = ask(spine, "run", "backup")
    spine.deploy({"backup": job(more="no_such: 1\n")})
    late = waiting.__class__(**{name: getattr(waiting, name) for name in waiting.__dataclass_fields__} | {"id": "late"})
    spine.journal.request(late)
    spine.look()
    assert newest(spine).state == "waiting"
    assert [one.id for one in spine.journal.requests()] == ["late"]


# The next process


def successor(spine: Spine, files: dict[str, str]) -> Spine:
    """The agent was killed; the next one begins."""
    spine.close()
    again = Spine(spine.folder, spine.clock, spine.engine)
    again.commit(files)
    return again


def test_the_next_process_follows_what_runs_with_its_limit_from_its_start(at_work):
    ask(at_work, "run", "backup")
    at_work.clock.advance(50.0)
    again = successor(at_work, {"backup": job(settings="timeout: 1h")})
    again.drain()
    assert newest(again).state == "running"
    again.clock.advance(11.0)
    again.drain()
    assert newest(again).state == "timed_out"
    assert len(told(again, "RunStarted")) == 1
    again.close()


def test_the_next_process_settles_what_ended_meanwhile_once(at_work):
    asked = ask(at_work, "run", "backup")
    at_work.engine.kill(container_of(at_work, asked), 0)
    again = successor(at_work, {"backup": job()})
    again.drain()
    again.look()
    assert newest(again).state == "succeeded"
    assert len(told(again, "RunSucceeded")) == 1
    again.close()


def test_the_next_process_knows_why_a_run_was_ended(at_work):
    asked = ask(at_work, "run", "backup")
    at_work.clock.advance(61.0)
    at_work.engine.fail("inspect", AWAY, at=2)
    at_work.drain()
    assert at_work.engine.containers[container_of(at_work, asked)].state == "exited"
    again = successor(at_work, {"backup": job()})
    again.drain()
    assert newest(again).state == "timed_out"
    again.close()


def test_what_no_journal_knows_is_taken_over_by_its_label(at_work):
    asked = ask(at_work, "run", "backup")
    at_work.close()
    for path in at_work.folder.iterdir():
        path.unlink()
    again = Spine(at_work.folder, at_work.clock, at_work.engine)
    again.deploy({"backup": job()})
    assert (newest(again).id, newest(again).trigger, newest(again).state) == (asked.id, "backup.1", "running")
    again.engine.kill(container_of(again, asked), 0)
    again.look()
    assert newest(again).state == "succeeded"
    again.close()


def test_ids_of_what_is_not_done_are_known_to_whoever_starts_the_agent(at_work):
    asked = ask(at_work, "run", "backup")
    at_work.journal.request(request(at_work, "restart", "backup", "e9"))
    again = successor(at_work, {"backup": job()})
    assert again.reconciler.unfinished() == {asked.workload_id}
    again.close()


def test_a_label_that_cannot_be_read_counts_as_the_defaults(at_work):
    asked = ask(at_work, "run", "backup")
    container = at_work.engine.named(run_name("backup", asked.id))
    container.extra = {"run": asked.id, "timeout": True, "keep": "x"}
    at_work.clock.advance(61.0)
    at_work.look()
    assert newest(at_work).state == "running"


def test_the_queue_is_told_when_the_limit_is_due(at_work):
    asked = ask(at_work, "run", "backup")
    at_work.clock.advance(59.0)
    assert at_work.queue.take(timeout=0) is None
    at_work.clock.advance(1.5)
    taken = at_work.queue.take(timeout=0)
    assert taken is not None
    assert taken[0] == asked.workload_id
