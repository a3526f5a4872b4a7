"""One observer serves all workers at once: containers come and go while others are inspected."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from itertools import count

import pytest

from agent.clock import SystemClock
from agent.core.observed import ContainerDetail, ObservedContainer
from agent.observer import Observer


class BusyEngine:
    """Each list shows other containers than the one before."""

    def __init__(self) -> None:
        self._lists = count()

    def list_containers(self) -> tuple[ObservedContainer, ...]:
        number = next(self._lists)
        return tuple(container(f"{number}-{index}") for index in range(200))

    def inspect(self, container: str) -> ContainerDetail:
        return ContainerDetail(image_digest=container)


def container(container_id: str) -> ObservedContainer:
    return ObservedContainer(id=container_id, name=container_id, workload="web", workload_id="abc", fingerprint="1:f")


@pytest.fixture
def often() -> Iterator[None]:
    """Threads take turns as often as the interpreter can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("often")
def test_inspections_of_one_worker_do_not_disturb_the_list_of_another():
    clock = SystemClock()
    observer = Observer(BusyEngine(), clock)
    failures: list[Exception] = []

    def work() -> None:
        try:
            for _ in range(60):
                snapshot = observer.snapshot(clock.monotonic())
                observer.detailed(snapshot.groups["abc"])
        except Exception as error:  # noqa: BLE001 - whatever a worker meets
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
