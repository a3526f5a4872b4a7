"""Host settings: from `--config FILE`, overridden by `PIERHEAD_*` and by flags. Frozen; the only reader of
os.environ.
"""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from agent.core.policy import HostPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositorySettings:
    """Where the config repository is. Secrets are names looked up in the providers; `interval` is in seconds."""

    url: str
    branch: str = "main"
    path: str = "."
    interval: float = 30.0
    timeout: float = 60.0
    worktree: bool = False
    username: str | None = None
    password: str | None = None
    ssh_key: str | None = None
    known_hosts: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenSettings:
    """`host:port` of the status page and of the webhook ingress; equal means one server."""

    status: str = "127.0.0.1:8420"
    webhooks: str = "127.0.0.1:8420"


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteBackSettings:
    """What is written back to git; `flush` is the batching interval in seconds."""

    notes: bool = True
    branch: bool = True
    push: bool = True
    flush: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretProviderSettings:
    """One provider: `files` (path), `env` (prefix) or `age` (key: path of an age identity file)."""

    kind: str
    path: str | None = None
    prefix: str = ""
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """`config_secret` names the secret that signs POST /webhook/config; `max_body` is in bytes.

    One address may make `burst` deliveries at once and `rate` a second after that.
    """

    config_secret: str | None = None
    max_body: int = 5 * 1024 * 1024
    rate: int = 500
    burst: int = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSettings:
    """Everything the host says, checked and defaulted."""

    repo: RepositorySettings
    host: str
    data_dir: Path
    volume_dir: Path
    listen: ListenSettings = field(default_factory=ListenSettings)
    write_back: WriteBackSettings = field(default_factory=WriteBackSettings)
    concurrency: int = 4
    resync: float = 300.0
    engine_url: str = "unix:///var/run/docker.sock"
    policy: HostPolicy = field(default_factory=HostPolicy)
    verify: Mapping[str, object] = field(default_factory=dict)
    secrets: tuple[SecretProviderSettings, ...] = ()
    proxy: Mapping[str, object] = field(default_factory=dict)
    webhook: WebhookSettings = field(default_factory=WebhookSettings)


def process_environment() -> Mapping[str, str]:
    """The environment of the agent, for the provider of secrets that reads it."""
    return os.environ


def load_settings(arguments: Namespace, environment: Mapping[str, str] | None = None) -> AgentSettings:
    """Flags (parsed by argparse) over `PIERHEAD_*` over the settings file over defaults; raises Usage.

    `environment` is the process's own unless another one is given.
    """
    from agent.settings_load import load

    return load(arguments, process_environment() if environment is None else environment)
