"""The observer's snapshots are as new as asked for, and never older than what an event told."""

from __future__ import annotations

from fakes.clock import FakeClock
from fakes.engine import FakeEngine

from agent.core.actions import CreateContainer
from agent.core.container import ContainerSpec
from agent.core.observed import ContainerDetail, ObservedContainer
from agent.observer import Observer


class SlowList(FakeEngine):
    """Its list shows an end only once somebody inspected the container, like an engine that still tidies up."""

    lagging: tuple[ObservedContainer, ...] = ()

    def lag(self) -> None:
        self.lagging = super().list_containers()

    def list_containers(self) -> tuple[ObservedContainer, ...]:
        shown = super().list_containers()
        return self.lagging or shown

    def inspect(self, container: str) -> ContainerDetail:
        self.lagging = ()
        return super().inspect(container)


def running(engine: FakeEngine) -> str:
    engine.images["app:1"] = None
    spec = ContainerSpec(workload="app", workload_id="1", image="app:1")
    action = CreateContainer(
        name="app", spec=spec, fingerprint="1:0", revision="", role="active", prune=True, network_container=None
    )
    container = engine.create(action, {})
    engine.start(container)
    return container


def test_a_snapshot_that_is_new_enough_is_not_made_again():
    clock = FakeClock()
    engine = FakeEngine(clock=clock)
    observer = Observer(engine, clock)
    first = observer.snapshot(clock.monotonic())
    assert observer.snapshot(first.state.listed_at) is first
    assert observer.snapshot(first.state.listed_at + 1) is not first
    assert observer.list_calls == 2


def test_an_end_that_an_event_told_is_in_the_snapshot_although_the_list_is_late():
    clock = FakeClock()
    engine = SlowList(clock=clock)
    container = running(engine)
    observer = Observer(engine, clock)
    engine.lag()
    engine.kill(container)
    assert observer.snapshot(clock.monotonic()).groups["1"][0].state == "running", "the list alone is behind"
    clock.wait(0.001)
    observer.moved("1", container)
    assert observer.settled("1", clock.monotonic()).groups["1"][0].state == "exited"


def test_nothing_is_inspected_or_listed_for_a_workload_that_no_event_told_of():
    clock = FakeClock()
    engine = FakeEngine(clock=clock)
    container = running(engine)
    observer = Observer(engine, clock)
    observer.snapshot(clock.monotonic())
    engine.calls.clear()
    observer.moved("2", container)
    observer.settled("1", observer.latest.state.listed_at)
    assert engine.calls == []


def test_an_event_about_a_container_that_is_gone_is_no_obstacle():
    clock = FakeClock()
    engine = FakeEngine(clock=clock)
    observer = Observer(engine, clock)
    observer.moved("1", "gone")
    assert observer.settled("1", clock.monotonic()).groups == {}
