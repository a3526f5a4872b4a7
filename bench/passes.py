"""An agent with nothing to do: what a pass costs at 10, 100 and 300 containers, start-up, memory and idle processor."""

from __future__ import annotations

import argparse
import os
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import docker
import requests
from support import images
from support.agent_process import AgentProcess, ConfigRepository, EngineSide, wait_for
from support.yaml_texts import workload

from agent.settings import load_settings
from agent.wiring import build_agent
from bench.result import Result, median, seconds_of

HARBORMASTER_50 = 6.7
"""Seconds of a pass of harbormaster 0.5.0 with nothing to do over 50 apps: a recorded figure, not of this run."""
TICKS = os.sysconf("SC_CLK_TCK")
ROUNDS = 31


@dataclass
class House:
    """A repository with so many workloads, and an agent that has brought them to rest."""

    config: ConfigRepository
    agent: AgentProcess
    image: str
    size: int = 0

    def grow(self, size: int) -> None:
        """Let there be `size` containers; deploying them is not measured."""
        files = {
            f"workloads/app-{number}.yaml": workload(f"app-{number}", self.image, {"networks": ["none"]})
            for number in range(self.size, size)
        }
        self.config.commit(files)
        self.size = size
        done = self.agent.run("once", timeout=1200)
        if done.returncode:
            raise AssertionError(f"not at rest with {size} workloads: {done.stdout[-2000:]}{done.stderr[-2000:]}")


def run(*, quick: bool) -> list[Result]:
    """All of it, on one growing house."""
    sizes = (5, 10, 20) if quick else (10, 50, 100, 300)
    client: Any = docker.APIClient(version="auto", timeout=120)
    results: list[Result] = []
    with TemporaryDirectory(prefix="pierhead-bench-") as folder:
        config = ConfigRepository.create(Path(folder) / "config")
        agent = AgentProcess(base=Path(folder) / "agent", repo_url=str(config.folder), host="pierhead-bench")
        agent.settings = {"concurrency": 16}
        house = House(config, agent, images.busybox_image(client))
        try:
            for size in sizes:
                house.grow(size)
                results += _passes(house, client)
                if size == sizes[0]:
                    results.append(_start_up(house))
            results += _idle(house, 5.0 if quick else 40.0)
        finally:
            agent.kill()
            EngineSide(agent.host).clean()
            client.close()
    return results


@contextmanager
def _requests_counted() -> Iterator[list[str]]:
    """The paths of all requests to the engine, as they are sent."""
    sent: list[str] = []
    original = requests.Session.send

    def send(self: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        sent.append(str(request.path_url))
        return original(self, request, **options)

    requests.Session.send = send  # type: ignore[method-assign]
    try:
        yield sent
    finally:
        requests.Session.send = original  # type: ignore[method-assign]


def _passes(house: House, client: Any) -> list[Result]:
    """A pass over every workload in this process, and the list call it makes, raw, in turn."""
    label = {"label": f"pierhead.host={house.agent.host}"}
    with _whole_pass(house) as one_pass:
        with _requests_counted() as sent:
            one_pass()
        raw, passes = [], []
        for _ in range(ROUNDS):
            raw.append(seconds_of(lambda: client.containers(all=True, filters=label)))
            passes.append(seconds_of(one_pass))
    took = f"{median(passes) * 1000:.1f} ms"
    ratios = tuple(one / other for one, other in zip(passes, raw, strict=True))
    calls = Result(
        name=f"calls of the engine in a pass over {house.size} containers",
        value=len(sent),
        unit="",
        limit=1,
        against=f"one list call: {', '.join(sorted({path.partition('?')[0] for path in sent}))}",
    )
    cost = Result(
        name=f"a pass with nothing to do over {house.size} containers",
        value=median(ratios),
        unit="x",
        limit=2.0,
        against=f"that list call by the SDK alone, {median(raw) * 1000:.1f} ms; the pass {took}",
        samples=ratios,
    )
    if house.size != 50:
        return [calls, cost]
    peer = Result(
        name="a pass with nothing to do over 50 containers",
        value=HARBORMASTER_50 / median(passes),
        unit="x",
        limit=300,
        at_least=True,
        against=f"faster than harbormaster 0.5.0 (recorded: {HARBORMASTER_50} s); the pass {took}",
        note="the peer's figure is a recorded one of another run",
    )
    return [calls, cost, peer]


@contextmanager
def _whole_pass(house: House) -> Iterator[Callable[[], None]]:
    """An agent in this process, and one pass of it over every workload; one is made already.

    The first pass inspects each container once, as after a start, and is not what is measured.
    """
    agent = build_agent(load_settings(argparse.Namespace(config=str(house.agent.write_settings()))))
    try:
        agent.parts.follower.follow()
        keys = sorted(agent.parts.follower.state.by_id)

        def one_pass() -> None:
            requested = agent.parts.clock.monotonic()
            for key in keys:
                agent.parts.reconciler.reconcile(key, requested)

        one_pass()
        yield one_pass
    finally:
        agent.close()


def _start_up(house: House) -> Result:
    """From starting the process to the first finished pass, told by /readyz."""
    samples = []
    for _ in range(5):
        began = time.perf_counter()
        house.agent.start()
        wait_for("the first pass", lambda: _ready(house), interval=0.005)
        samples.append(time.perf_counter() - began)
        house.agent.stop()
    return Result(
        name=f"start to first finished pass over {house.size} converged workloads",
        value=median(samples),
        unit="s",
        limit=1.0,
        against="limit",
        samples=tuple(samples),
    )


def _idle(house: House, seconds: float) -> list[Result]:
    """At the settings that an agent has by default; tests and the other benchmarks look for changes more often."""
    house.agent.settings = {"repo": {"interval": "30s"}, "write_back": {"flush": "5s"}}
    house.agent.start()
    wait_for("the first pass", lambda: _ready(house), timeout=120)
    time.sleep(10)
    process = house.agent.process
    if process is None:
        raise AssertionError("the agent is gone")
    before = _processor(process.pid)
    time.sleep(seconds)
    used = (_processor(process.pid) - before) / seconds * 100
    memory, peak = _memory(process.pid, "VmRSS"), _memory(process.pid, "VmHWM")
    house.agent.stop()
    note = f"{house.size} workloads, page open to nobody"
    return [
        Result(
            name=f"idle memory, {house.size} workloads", value=memory, unit="MiB", limit=85, against="limit", note=note
        ),
        Result(
            name=f"peak memory, {house.size} workloads", value=peak, unit="MiB", limit=120, against="limit", note=note
        ),
        Result(
            name=f"idle processor, {house.size} workloads",
            value=used,
            unit="% of a core",
            limit=0.5,
            against=f"limit, over {seconds:.0f} s",
            note=note,
        ),
    ]


def _ready(house: House) -> bool:
    """Whether the first pass is over; answered with 200 only then."""
    house.agent.check_alive()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{house.agent.port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _processor(pid: int) -> float:
    """Seconds of processor that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _memory(pid: int, field: str) -> float:
    """MiB, from /proc."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(f"no {field} of process {pid}")
