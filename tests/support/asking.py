"""Short ways to ask something of a workload, as triggers do, and to see what came of it."""

from __future__ import annotations

from support.spine import Spine

from agent.chronicle import timestamp
from agent.core.observed import Role
from agent.core.planning.one_off import run_id, run_name
from agent.core.requests import Request
from agent.core.runs import Run

NIGHTLY = "triggers:\n- {kind: schedule, cron: '0 4 * * *', action: run, run: {%s}}\n"
JOB = "kind: Workload\nname: %s\nsource: {kind: image, image: app, tag: '1', replicas: %d}\n"


def job(
    name: str = "backup", settings: str = "command: [dump], timeout: 60s", replicas: int = 0, more: str = ""
) -> str:
    """A document of a workload with a nightly job."""
    return JOB % (name, replicas) + NIGHTLY % settings + more


def request(spine: Spine, action: str, name: str, event: str = "e1", number: int = 0) -> Request:
    """What a trigger asks for; nothing is stored yet."""
    workload = next(one for one in spine.follower.state.by_id.values() if one.name == name)
    return Request(
        id=run_id(event, number, workload.id),
        workload_id=workload.id,
        workload=name,
        action=action,
        trigger=f"{name}.{number + 1}",
        event=event,
        time=timestamp(spine.clock.now()),
        why="every night at 4",
    )


def ask(spine: Spine, action: str, name: str, event: str = "e1", number: int = 0) -> Request:
    """A trigger asks, and the workload is looked at until nothing is left to do."""
    spine.clock.advance(1.0)
    asked = request(spine, action, name, event, number)
    spine.journal.request(asked)
    spine.queue.add(asked.workload_id)
    spine.drain()
    return asked


def look_at(spine: Spine, name: str) -> None:
    """Engine events arrive: whatever moved is looked at anew."""
    spine.observer.forget_all()
    for key in {one.id for one in spine.follower.state.by_id.values() if one.name == name}:
        spine.queue.add(key)
    spine.drain()


def newest(spine: Spine) -> Run:
    """The newest run."""
    [run] = spine.journal.runs(limit=1)
    return run


def container_of(spine: Spine, asked: Request) -> str:
    """The id of the container of a run."""
    return spine.engine.named(run_name(asked.workload, asked.id)).id


def run_containers(spine: Spine) -> list[str]:
    """The names of all one-off containers."""
    return sorted(one.name for one in spine.engine.list_containers() if one.role is Role.RUN)
