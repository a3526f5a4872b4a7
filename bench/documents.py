"""Loading 1,000 documents: cold against ruamel's parse alone, after a commit to one file, and after a restart."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from ruamel.yaml import YAML
from support.agent_process import ConfigRepository

from agent.clock import SystemClock
from agent.core.entries import Context
from agent.discovery import discover_kinds
from agent.journal.journal import SqliteJournal
from agent.loading import EVERYTHING, Load, loader
from agent.settings import AgentSettings, RepositorySettings
from agent.wiring_outside import build_repository, build_secrets_of
from bench.result import Result, median, seconds_of

# As long as a workload that somebody runs: about forty lines.
DOCUMENT = """\
# yaml-language-server: $schema=../schemas/workload.schema.json
kind: Workload
name: service-{number}
description: One of many services of a large house
labels:
  team: team-{team}
  tier: backend
source:
  kind: image
  image: registry.example.com/house/service-{number}
  tag: 1.4.{number}
  port: 8080
  command: [serve, --port, "8080"]
  user: "1000:1000"
  read_only: true
  cpu_limit: 0.5
  memory_limit: 256MiB
  pids_limit: 100
  cap_drop: [ALL]
  networks: [house]
  healthcheck:
    http: /healthz
    interval: 5s
    timeout: 2s
    retries: 3
env:
  LOG_LEVEL: info
  REGION: north
  WORKERS: "4"
  CACHE_SIZE: 128
  DATABASE_URL: {{secret: service-{number}-database}}
volumes:
  - source: data
    target: /var/lib/service
    scope: project
  - source: tmp
    target: /tmp
    scope: ephemeral
publish:
  - "127.0.0.1:{port}:8080"
"""


def run(*, quick: bool) -> list[Result]:
    """Three results."""
    count, rounds = (100, 3) if quick else (1000, 5)
    texts = {
        f"workloads/service-{number}.yaml": DOCUMENT.format(number=number, team=number % 12, port=10000 + number)
        for number in range(count)
    }
    with TemporaryDirectory(prefix="pierhead-bench-") as folder:
        return _measured(Path(folder), texts, rounds)


def _measured(folder: Path, texts: dict[str, str], rounds: int) -> list[Result]:
    config = ConfigRepository.create(folder / "config")
    config.commit(texts)
    count = len(texts)
    contents = [text.encode() for text in texts.values()]
    parse, cold, restart, commit = [], [], [], []
    for number in range(rounds):
        parse.append(seconds_of(lambda: [YAML(typ="safe").load(one) for one in contents]))
        data = folder / f"data-{number}"
        data.mkdir()
        with Loading(config.folder, data) as first:
            cold.append(first.load())
            name = f"workloads/service-{number}.yaml"
            config.commit({name: texts[name].replace("LOG_LEVEL: info", f"LOG_LEVEL: debug-{number}")})
            commit.append(first.load())
        with Loading(config.folder, data) as second:
            restart.append(second.load())
    return _results(count, parse, cold, commit, restart)


def _results(
    count: int, parse: list[float], cold: list[float], commit: list[float], restart: list[float]
) -> list[Result]:
    """The samples, in seconds, against the parser alone and against fixed limits."""
    ratios = [one / other for one, other in zip(cold, parse, strict=True)]
    against = f"ruamel's safe parser over the same {count} files, {median(parse) * 1000:.0f} ms"
    return [
        Result(
            name=f"{count} documents cold: read, parse, validate, build",
            value=median(ratios),
            unit="x",
            limit=1.3,
            against=against,
            samples=tuple(ratios),
            note="through the mirror and a fresh journal, cache written",
        ),
        Result(
            name=f"{count} documents after a commit to one file",
            value=median(commit) * 1000,
            unit="ms",
            limit=10,
            against="limit",
            samples=tuple(one * 1000 for one in commit),
            note="same process; the new tree is read and the whole desired state built",
        ),
        Result(
            name=f"{count} documents after a restart of the agent",
            value=median(restart) * 1000,
            unit="ms",
            limit=50,
            against="limit",
            samples=tuple(one * 1000 for one in restart),
            note="new loader and journal, cache on disk",
        ),
    ]


class Loading:
    """What the agent loads with: its mirror, journal and loader, opened anew."""

    def __init__(self, config: Path, data: Path) -> None:
        repo = RepositorySettings(url=str(config))
        settings = AgentSettings(repo=repo, host="bench", data_dir=data, volume_dir=data)
        self._repository = build_repository(settings, build_secrets_of(settings, []))
        self._journal = SqliteJournal(data, SystemClock())
        context = Context(host="bench", policy=EVERYTHING, kinds=discover_kinds())
        self._loader: Load = loader(context, self._repository.read_blob, self._journal)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._repository.close()
        self._journal.close()

    def load(self) -> float:
        """Fetch, then load the newest commit; returns the seconds of loading alone.

        Fails when anything is wrong with a document, because that would measure something else.
        """
        self._repository.fetch()
        began = time.perf_counter()
        desired = self._loader(self._repository.tree())
        took = time.perf_counter() - began
        if desired.problems:
            raise AssertionError(f"the benchmark's documents have problems: {desired.problems[0]}")
        return took
