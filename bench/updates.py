"""What an update costs: choosing a tag among 10,000, changing one pin in a repository of 1,000 documents, and a burst.

The change is held against the git command line that makes the same commit in a checkout. The burst is 1,000 deliveries
for 50 workloads, twenty versions each, held against one commit of a person that moves all 50 to another version.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import docker
from support import images
from support.agent_process import AgentProcess, ConfigRepository, EngineSide, wait_for
from support.git_server import git
from support.webhooks import bearer, post, pushed_image

from agent.clock import SystemClock
from agent.core.image_policy.judging import judge_tags
from agent.core.pins import PinEdit, Pinned
from agent.core.triggers import TagList
from agent.core.updates import Change, plan_update
from agent.repository.commits import Author
from agent.repository.local import LocalRepository
from agent.repository.update_local import LocalPublisher
from agent.settings import RepositorySettings
from bench.documents import DOCUMENT
from bench.result import Result, median, seconds_of

SECRET = "benchmark"
IMAGE = "ph-bench/web"


def run(*, quick: bool) -> list[Result]:
    """Four results."""
    return [*_policy(quick), _edit(quick), *_burst(quick)]


def _policy(quick: bool) -> list[Result]:
    count = 1_000 if quick else 10_000
    config = {"kind": "registry", "image": "registry.example.com/shop", "policy": {"semver": ">=1.4 <2"}}
    pinned = Pinned(image="registry.example.com/shop", tag="1.4.0")
    first, again = [], []
    for round_number in range(5):
        tags = tuple(f"1.{minor % 40}.{round_number * count + minor}" for minor in range(count))
        listed = TagList(image="registry.example.com/shop", tags=tags, now=0.0)
        first.append(seconds_of(lambda listed=listed: judge_tags(config, listed, pinned)) * 1000)
        again.append(seconds_of(lambda listed=listed: judge_tags(config, listed, pinned)) * 1000)
    words = f"{count} tags, semver"
    return [
        Result(
            name=f"policy over {words}, first look",
            value=median(first),
            unit="ms",
            limit=100.0,
            against="a limit",
            samples=tuple(first),
        ),
        Result(
            name=f"policy over {words}, next look",
            value=median(again),
            unit="ms",
            limit=20.0,
            against="a limit",
            samples=tuple(again),
        ),
    ]


def _edit(quick: bool) -> Result:
    """Plan, write and commit one pin; the same by sed and git in a checkout of the same repository."""
    count, rounds = (100, 5) if quick else (1000, 15)
    texts = {
        f"workloads/service-{number}.yaml": DOCUMENT.format(number=number, team=number % 12, port=10000 + number)
        for number in range(count)
    }
    with TemporaryDirectory(prefix="pierhead-bench-") as folder:
        config = ConfigRepository.create(Path(folder) / "config")
        config.commit(texts)
        bare = Path(folder) / "bare.git"
        git(Path(folder), "clone", "--quiet", "--bare", str(config.folder), str(bare))
        publisher = LocalPublisher(RepositorySettings(url=str(bare)), Author("bench", SystemClock()))
        ours, theirs = [], []
        for number in range(rounds):
            ours.append(seconds_of(lambda number=number: _by_agent(bare, publisher, number)))
            theirs.append(seconds_of(lambda number=number: _by_git(config.folder, number)))
    ratios = tuple(one / other for one, other in zip(ours, theirs, strict=True))
    return Result(
        name=f"one pin among {count} documents",
        value=median(ratios),
        unit="x",
        limit=0.5,
        against=f"sed and git commit: {median(theirs) * 1000:.0f} ms, by the agent {median(ours) * 1000:.1f} ms",
        samples=ratios,
    )


def _by_agent(bare: Path, publisher: LocalPublisher, number: int) -> None:
    repository = LocalRepository(bare)
    base = repository.commit("main")
    edit = PinEdit(pointer="/source/tag", value=f"2.0.{number}", after="/source/image")
    change = Change(
        workload="service-7",
        path="workloads/service-7.yaml",
        edits=(edit,),
        text="a → b",
        triggers=("bench",),
        events=("bench",),
    )
    update = plan_update([change], lambda path: repository.read_path(base, path), "bench")
    publisher.publish(base, update.files, update.message)


def _by_git(folder: Path, number: int) -> None:
    path = folder / "workloads" / "service-7.yaml"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(f"  tag: 2.0.{number}\n" if line.startswith("  tag:") else line for line in lines), "utf-8")
    git(folder, "commit", "--quiet", "--all", "--message", "service-7: a → b")


def _burst(quick: bool) -> list[Result]:
    workloads, versions = (5, 4) if quick else (50, 20)
    client: Any = docker.APIClient(version="auto", timeout=120)
    base = images.busybox_image(client)
    for number in range(versions + 2):
        client.tag(base, IMAGE, f"1.0.{number}")
    names = [f"web-{number}" for number in range(workloads)]
    try:
        with TemporaryDirectory(prefix="pierhead-bench-") as folder:
            return _measured_burst(Path(folder), names, versions)
    finally:
        for number in range(versions + 2):
            client.remove_image(f"{IMAGE}:1.0.{number}", noprune=True)
        client.close()


def _measured_burst(folder: Path, names: list[str], versions: int) -> list[Result]:
    config = ConfigRepository.create(folder / "config")
    (folder / "secrets").mkdir()
    (folder / "secrets" / "hook").write_text(SECRET)
    settings = {
        "secrets": [{"kind": "files", "path": str(folder / "secrets")}],
        "webhook": {"rate": 100_000, "burst": 100_000},
    }
    agent = AgentProcess(
        base=folder / "agent", repo_url=str(config.folder), host="pierhead-bench-burst", settings=settings
    )
    side = EngineSide(agent.host)
    try:
        config.commit({f"workloads/{name}.yaml": _document(name, 0) for name in names})
        agent.start()
        _wait_for(side, names, "1.0.0")
        began = time.perf_counter()
        _deliver(agent, names, versions)
        delivered = time.perf_counter() - began
        _wait_for(side, names, f"1.0.{versions}")
        wait_for("a branch at rest", lambda: _at_rest(agent))
        by_events = time.perf_counter() - began
        commits = int(git(config.folder, "rev-list", "--count", "main")) - 1
        began = time.perf_counter()
        config.commit({f"workloads/{name}.yaml": _document(name, versions + 1) for name in names})
        _wait_for(side, names, f"1.0.{versions + 1}")
        by_hand = time.perf_counter() - began
    finally:
        agent.kill()
        side.clean()
    return _burst_results(len(names) * versions, names, commits, (delivered, by_events, by_hand))


def _burst_results(total: int, names: list[str], commits: int, seconds: tuple[float, float, float]) -> list[Result]:
    """`seconds` are those of sending, of the burst to its rest, and of one commit for all."""
    delivered, by_events, by_hand = seconds
    words = f"{total} deliveries for {len(names)} workloads"
    return [
        Result(
            name=f"{words} to rest",
            value=by_events / by_hand,
            unit="x",
            limit=2.5,
            against=f"one commit for all: {by_hand:.1f} s; the burst {by_events:.1f} s, sent in {delivered:.1f} s",
        ),
        Result(
            name=f"{words}: commits",
            value=float(commits),
            unit="commits",
            limit=total / 10,
            against="a tenth of the deliveries",
        ),
    ]


def _document(name: str, version: int) -> str:
    """A workload with a webhook of its own."""
    hook = "{kind: webhook, vendor: generic, auth: token, secret: {secret: hook}}"
    return (
        f"kind: Workload\nname: {name}\nsource:\n  kind: image\n  image: {IMAGE}\n  tag: 1.0.{version}\n"
        f"  pull: never\ntriggers:\n  - {hook}\n"
    )


def _deliver(agent: AgentProcess, names: list[str], versions: int) -> None:
    """One delivery for each workload and version, the versions in their order, by eight senders at once."""
    refused: list[int] = []
    lock = threading.Lock()

    def send(name: str, version: int) -> None:
        url = f"http://127.0.0.1:{agent.port}/webhook/{name}.1"
        status, _ = post(url, pushed_image(IMAGE, f"1.0.{version}"), bearer(SECRET))
        if status != 202:
            with lock:
                refused.append(status)

    with ThreadPoolExecutor(8) as senders:
        for version in range(1, versions + 1):
            list(senders.map(send, names, [version] * len(names)))
    if refused:
        raise RuntimeError(f"{len(refused)} deliveries were not accepted: {sorted(set(refused))}")


def _wait_for(side: EngineSide, names: list[str], tag: str) -> None:
    def done() -> bool:
        running = [one["Image"] for one in side.containers() if one["State"] == "running"]
        return running.count(f"{IMAGE}:{tag}") == len(names) == len(running)

    wait_for(f"{len(names)} containers of {tag}", done, timeout=180, interval=0.1)


def _at_rest(agent: AgentProcess) -> bool:
    phases = {one["phase"] for one in agent.status().get("workloads", {}).values()}
    return phases == {"Synced"}
