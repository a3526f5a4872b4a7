"""Builds the adapters: everything that talks to something outside, in the order in which they need one another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from agent.clock import SystemClock
from agent.engine.client import DockerEngine
from agent.journal.journal import SqliteJournal
from agent.journal.reading import ReadOnlyJournal
from agent.ports import Secrets
from agent.repository.mirror import Mirror
from agent.repository.opening import open_repository
from agent.repository.worktree import WorkTree
from agent.secrets.build import build_secrets
from agent.secrets.store import SecretStore
from agent.settings import AgentSettings, process_environment


def build_secrets_of(settings: AgentSettings, repository: list[Mirror | WorkTree]) -> SecretStore:
    """The secrets of a host. `repository` is empty until there is one: its own password must not need it."""

    def read_path(path: str) -> bytes | None:
        if not repository:
            return None
        return repository[0].read_path(repository[0].tree().revision, path)

    return build_secrets(settings, process_environment(), read_path)


def build_repository(settings: AgentSettings, secrets: Secrets) -> Mirror | WorkTree:
    """The config repository, as the host settings say."""
    return open_repository(settings, secrets)


def build_engine(settings: AgentSettings) -> DockerEngine:
    """The engine of a host."""
    return DockerEngine(settings.engine_url, settings.host, settings.volume_dir, settings.policy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """The adapters, in the order in which they are made."""

    clock: SystemClock
    journal: SqliteJournal | ReadOnlyJournal
    secrets: SecretStore
    repository: Mirror | WorkTree
    engine: DockerEngine


def outside_of(settings: AgentSettings, scratch: Path | None) -> Outside:
    """With `scratch` the agent's own folder is only read, and what has to be written is written there."""
    clock = SystemClock()
    home = settings.data_dir
    if scratch is not None and not home.is_dir():
        home = scratch
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    journal = SqliteJournal(home, clock)
    late: list[Mirror | WorkTree] = []
    secrets = build_secrets_of(replace(settings, data_dir=home), late)
    repository = build_repository(replace(settings, data_dir=scratch or home), secrets)
    late.append(repository)
    return Outside(
        clock=clock,
        journal=ReadOnlyJournal(journal) if scratch is not None else journal,
        secrets=secrets,
        repository=repository,
        engine=build_engine(settings),
    )
