"""The agent is killed at each instant in the life of a run; the next one brings it to the same end, told once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.containers import Behaviour
from fakes.engine import FakeEngine
from support.asking import job, newest, request, run_containers
from support.spine import Spine, TickingClock

from agent.core.observed import Role
from agent.core.reasons import Reason
from agent.errors import Transient

WRITES = ("request", "save_run", "close_request", "append_event", "keep_runs")
LONGEST = 60


class Killed(BaseException):
    """What nothing in the agent survives."""


class Fate:
    """Kills at the `number`-th call of engine or journal from when it is `armed`; never when that does not come."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.armed = False
        self.struck = False

    def strike(self) -> None:
        if self.armed:
            self.number -= 1
            if self.number == 0:
                self.struck = True
                self.armed = False
                raise Killed

    def watch(self, spine: Spine) -> None:
        """Let every call of these two count."""
        for name in WRITES:
            setattr(spine.journal, name, self._counted(getattr(spine.journal, name)))
        spine.engine.__dict__["_called"] = self._counted(FakeEngine._called.__get__(spine.engine))

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.strike()
            return call(*args, **kwargs)

        return counted


def end_well(spine: Spine) -> None:
    """Whatever runs comes to its end."""
    for one in spine.engine.list_containers():
        if one.role is Role.RUN and one.running:
            spine.engine.kill(one.id, 0)


def end_at_the_limit(spine: Spine) -> None:
    """Time passes until nothing may run any more."""
    spine.clock.advance(61.0)  # type: ignore[attr-defined]


LIVES: dict[str, tuple[Behaviour, Callable[[Spine], None], str, str]] = {
    "it ends well": (Behaviour(), end_well, "succeeded", "RunSucceeded"),
    "it ends at once": (Behaviour(exit_code=3), end_well, "failed", "RunFailed"),
    "it takes too long": (Behaviour(), end_at_the_limit, "timed_out", "RunFailed"),
    "it cannot be started": (
        Behaviour(start_error=Transient(Reason.INVALID_CONTAINER, "no such program")), end_well, "failed", "RunFailed",
    ),
}  # fmt: skip


def born(folder: Path, clock: TickingClock, engine: FakeEngine) -> Spine:
    spine = Spine(folder, clock, engine)
    spine.deploy({"backup": job()})
    return spine


def live(spine: Spine, end: Callable[[Spine], None]) -> None:
    """From wherever it is to the end."""
    for _ in range(3):
        spine.look()
        end(spine)
        spine.observer.forget_all()
        spine.clock.advance(1.0)  # type: ignore[attr-defined]
    spine.look()


def lives(folder: Path, name: str) -> Iterator[tuple[Spine, str, bool]]:
    """A life that ends at each instant, and the process that comes after it, with the id of the run."""
    behaviour, end, _, _ = LIVES[name]
    for number in range(1, LONGEST):
        clock = TickingClock()
        engine = FakeEngine(clock=clock)
        engine.behaviours["app:1"] = behaviour
        place = folder / str(number)
        place.mkdir()
        spine = born(place, clock, engine)
        asked = request(spine, "run", "backup")
        spine.journal.request(asked)
        fate = Fate(number)
        fate.watch(spine)
        fate.armed = True
        with contextlib.suppress(Killed):
            live(spine, end)
        fate.armed = False
        spine.close()
        engine.__dict__.pop("_called", None)
        again = born(place, clock, engine)
        live(again, end)
        yield again, asked.id, fate.struck
        again.close()
        if not fate.struck:
            return
    raise AssertionError("a life of more calls than anybody counts")


@pytest.mark.parametrize("name", LIVES)
def test_killed_at_any_instant_a_run_has_one_container_one_end_and_is_told_once(tmp_path, name):
    _, _, state, reason = LIVES[name]
    for spine, run_id, _ in lives(tmp_path, name):
        run = newest(spine)
        assert (run.id, run.state) == (run_id, state)
        assert spine.journal.open_runs() == ()
        assert spine.journal.requests() == ()
        assert run_containers(spine) == []
        assert next(spine.engine._numbers) == 2, "more than one container was made for one request"
        reasons = spine.reasons("backup")
        assert reasons.count(reason) == 1
        assert reasons.count("RunStarted") == (0 if name == "it cannot be started" else 1)


def test_there_are_many_instants(tmp_path):
    assert sum(struck for _, _, struck in lives(tmp_path, "it ends well")) > 12
