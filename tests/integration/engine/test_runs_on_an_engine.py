"""One-off containers on a real engine, moved by its own events: one that succeeds, fails, takes too long, overlaps."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.asking import request
from support.engine_fixtures import RealEngine
from support.spine import Spine, document

from agent.clock import SystemClock
from agent.core.observed import Role
from agent.core.runs import Run
from agent.engine.client import DockerEngine
from agent.engine.probes import probe

pytestmark = pytest.mark.engine
JOB = """\
kind: Workload
name: backup
source: {kind: image, image: ph-test/busybox, tag: '1', pull: never, replicas: %d, networks: [none]}
triggers:
- {kind: manual, action: run, run: {command: [sh, -c, '%s'], timeout: %s}}
"""


def job(script: str, timeout: str = "1m", replicas: int = 0) -> str:
    return JOB % (replicas, script, timeout)


class Side:
    """A real engine with what a spine asks of a fake one besides."""

    def __init__(self, engine: DockerEngine) -> None:
        self.images: dict[str, str | None] = {}
        self.probe = probe
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


def on(real: RealEngine, folder: Path) -> Spine:
    return Spine(folder / "data", SystemClock(), Side(real.engine))  # type: ignore[arg-type] # the port is the same


@pytest.fixture
def house(real: RealEngine, tmp_path: Path) -> Iterator[Spine]:
    """An agent at work on a real engine."""
    (tmp_path / "data").mkdir()
    spine = on(real, tmp_path)
    spine.loop.start()
    yield spine
    spine.close()
    spine.loop.stop(5.0)


def asked(spine: Spine, event: str = "e1") -> None:
    """A trigger fires."""
    wanted = request(spine, "run", "backup", event)
    spine.journal.request(wanted)
    spine.queue.add(wanted.workload_id)


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        threading.Event().wait(0.02)


def run_of(spine: Spine, event: str) -> Run | None:
    return next((one for one in spine.journal.runs() if one.event == event), None)


def ended(spine: Spine, event: str = "e1") -> Run:
    """The run that an event asked for, once it is over."""
    until(lambda: (run := run_of(spine, event)) is not None and not run.is_open)
    run = run_of(spine, event)
    assert run is not None
    return run


def nothing_left(spine: Spine) -> bool:
    return not [one for one in spine.engine.list_containers() if one.role is Role.RUN]


def test_one_that_ends_well_is_told_with_its_last_lines_and_leaves_nothing(house):
    house.commit({"backup": job("echo dumping; echo done")})
    asked(house)
    run = ended(house)
    assert (run.state, run.exit_code, run.lines) == ("succeeded", 0, ("dumping", "done"))
    until(lambda: nothing_left(house))
    assert [name for name in house.reasons("backup") if name.startswith("Run")] == ["RunStarted", "RunSucceeded"]
    assert house.phase("backup") == ("Synced", "Converged")


def test_one_that_fails_is_told_with_its_code(house):
    house.commit({"backup": job("echo no space left >&2; exit 7")})
    asked(house)
    run = ended(house)
    assert (run.state, run.exit_code, run.lines) == ("failed", 7, ("no space left",))
    until(lambda: nothing_left(house))


def test_one_whose_program_is_not_there_fails_in_the_words_of_the_engine(house):
    text = job("true").replace("[sh, -c, 'true']", "[no-such-program]")
    house.commit({"backup": text.replace("replicas: 0", "replicas: 0, init: false")})
    asked(house)
    run = ended(house)
    assert run.state == "failed"
    assert "no-such-program" in run.message
    until(lambda: nothing_left(house))


def test_one_that_takes_too_long_is_ended(house):
    house.commit({"backup": job("echo begun; sleep 600", timeout="1s")})
    asked(house)
    run = ended(house)
    assert (run.state, run.lines) == ("timed_out", ("begun",))
    assert run.message == "it took longer than its limit of 1 s and was ended"
    until(lambda: nothing_left(house))


def test_one_that_runs_out_of_memory_says_so(house):
    text = job("tail /dev/zero").replace("replicas: 0", "replicas: 0, memory_limit: 16MiB")
    house.commit({"backup": text})
    asked(house)
    assert "ran out of memory" in ended(house).message


def test_a_second_one_is_skipped_and_the_workload_is_left_alone(house):
    house.commit({"backup": job("sleep 600", replicas=1)})
    until(lambda: house.board.named("backup") is not None and house.phase("backup") == ("Synced", "Converged"))
    serving = [one.id for one in house.engine.list_containers()]
    asked(house)
    until(lambda: (run := run_of(house, "e1")) is not None and run.state == "running")
    asked(house, "e2")
    assert ended(house, "e2").state == "skipped"
    house.loop.resync()
    until(house.queue.idle)
    assert house.phase("backup") == ("Synced", "Converged")
    assert [one.id for one in house.status("backup").containers] == [one[:12] for one in serving]
    assert len(house.engine.list_containers()) == 2


def test_the_next_process_finds_what_ran_by_its_label(house, real, tmp_path):
    house.commit({"backup": job("echo begun; sleep 1; echo done")})
    asked(house)
    until(lambda: (run := run_of(house, "e1")) is not None and run.state == "running")
    house.close()
    house.loop.stop(5.0)
    again = on(real, tmp_path)
    again.loop.start()
    try:
        again.commit({"backup": job("echo begun; sleep 1; echo done"), "other": document("other", "nothing")})
        run = ended(again)
        assert (run.state, run.lines) == ("succeeded", ("begun", "done"))
    finally:
        again.close()
        again.loop.stop(5.0)


SERVES = """\
kind: Workload
name: backup
source: {kind: image, image: ph-test/busybox, tag: '1', pull: never, replicas: 2, networks: [none]}
"""


@pytest.mark.parametrize("action", ["restart", "redeploy"])
def test_what_else_an_event_can_ask_for_is_done_once_on_a_real_engine(house, action):
    house.commit({"backup": SERVES})
    until(lambda: house.board.named("backup") is not None and house.phase("backup") == ("Synced", "Converged"))
    before = {one.id: house.engine.inspect(one.id).started_at for one in house.engine.list_containers()}
    wanted = request(house, action, "backup")
    house.journal.request(wanted)
    house.queue.add(wanted.workload_id)
    until(lambda: house.journal.requests() == ())
    until(house.queue.idle)
    after = {one.id: house.engine.inspect(one.id).started_at for one in house.engine.list_containers()}
    assert len(before) == len(after) == 2
    assert (set(before) == set(after)) == (action == "restart")
    assert not set(before.values()) & set(after.values())
    house.loop.resync()
    until(house.queue.idle)
    assert {one.id: house.engine.inspect(one.id).started_at for one in house.engine.list_containers()} == after
    outcomes = {"restart": "Restarted", "redeploy": "Deployed"}
    assert house.reasons("backup").count(outcomes[action]) == (1 if action == "restart" else 2)
