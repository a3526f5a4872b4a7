"""A real agent in a process of its own, for scenario tests: start it, watch it over its API, kill it, start again."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

import docker
import docker.errors
from support.git_server import commit, git

SHARED_NETWORK = "pierhead"


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def wait_for(what: str, condition: Callable[[], Any], timeout: float = 30.0, interval: float = 0.05) -> Any:
    """The first true value of `condition`; fails with `what` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:.0f} s: {what}")
        time.sleep(interval)


@dataclass
class ConfigRepository:
    """A working tree that is committed to, and where it is pushed (None: the agent follows this very repository)."""

    folder: Path
    remote: str | None = None

    @classmethod
    def create(cls, folder: Path, remote: str | None = None) -> ConfigRepository:
        folder.mkdir(parents=True)
        git(folder, "init", "--quiet", "--initial-branch=main")
        if remote:
            git(folder, "remote", "add", "origin", remote)
        return cls(folder, remote)

    def commit(self, files: Mapping[str, str | bytes | None], message: str = "change") -> str:
        """Write or (None) delete files, commit, push where there is a remote; returns the commit id."""
        revision = commit(self.folder, files, message)
        if self.remote:
            git(self.folder, "push", "--quiet", "--force", "origin", "main")
        return revision


@dataclass
class AgentProcess:
    """One agent: its folders, its host name on the engine, its address; started and ended as often as a test likes."""

    base: Path
    repo_url: str
    host: str = field(default_factory=lambda: f"t-{secrets.token_hex(4)}")
    settings: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.base / "agent.log"

    @property
    def data_dir(self) -> Path:
        return self.base / "data"

    def write_settings(self) -> Path:
        """The host settings file; JSON is YAML."""
        self.base.mkdir(parents=True, exist_ok=True)
        repo = {"url": self.repo_url, "interval": "2s"} | self.settings.get("repo", {})
        document = {
            "host": self.host,
            "data_dir": str(self.data_dir),
            "listen": f"127.0.0.1:{self.port}",
            "write_back": {"flush": "200ms"},
            **self.settings,
            "repo": repo,
        }
        path = self.base / "agent.yaml"
        path.write_text(json.dumps(document), encoding="utf-8")
        return path

    def start(self) -> Self:
        """Start it; its output is appended to `log`."""
        command = [sys.executable, "-m", "agent", "run", "--config", str(self.write_settings())]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=os.environ | self.environment
            )
        return self

    def run(self, *arguments: str, timeout: float = 120.0) -> subprocess.CompletedProcess[str]:
        """Run another command of pierhead with the same settings."""
        command = [sys.executable, "-m", "agent", *arguments, "--config", str(self.write_settings())]
        environment = os.environ | self.environment
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout, env=environment)

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """Kill -9, at once."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None

    def stop(self, timeout: float = 15.0) -> int:
        """SIGTERM; returns the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout)
        self.process = None
        return code

    # Watching it

    def get(self, path: str) -> Any:
        """JSON of an API path; None while nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return json.load(answer)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return None

    def status(self) -> dict[str, Any]:
        """The newest status; empty while nobody answers."""
        return self.get("/api/v1/status") or {}

    def workload(self, name: str) -> dict[str, Any]:
        """The status of one workload; empty while there is none."""
        found = self.status().get("workloads", [])
        if isinstance(found, dict):
            found = found.values()
        return next((one for one in found if one["name"] == name), {})

    def events(self, reason: str | None = None, workload: str | None = None) -> list[dict[str, Any]]:
        """Events, oldest first."""
        answer = self.get("/api/v1/events?limit=500") or {}
        events = answer.get("events", answer) if isinstance(answer, dict) else answer
        return [
            event
            for event in reversed(list(events))
            if reason in (None, event["reason"]) and workload in (None, event.get("workload"))
        ]

    def wait_phase(self, name: str, phase: str, timeout: float = 30.0, revision: str | None = None) -> dict[str, Any]:
        """Wait until a workload is in a phase, and the agent at a revision; returns its status."""

        def reached() -> dict[str, Any] | None:
            self.check_alive()
            if revision is not None and self.status().get("revision") != revision:
                return None
            workload = self.workload(name)
            return workload if workload.get("phase") == phase else None

        try:
            return dict(wait_for(f"{name} is {phase}", reached, timeout))
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {self.workload(name)}; log: {self.tail()}") from None

    def check_alive(self) -> None:
        """Fail at once, with its last words, when the agent is gone."""
        if self.process is not None and self.process.poll() is not None:
            raise AssertionError(f"the agent ended with {self.process.returncode}: {self.tail()}")

    def tail(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")[-3000:] if self.log.exists() else ""


class EngineSide:
    """What a test sees and does on the engine, for one host name; `clean` removes what carries it and nothing else."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.api = docker.APIClient(version="auto")

    def containers(self, workload: str | None = None) -> list[dict[str, Any]]:
        """Our containers, running or not, as the list call tells them."""
        labels = [f"pierhead.host={self.host}"] + ([f"pierhead.workload={workload}"] if workload else [])
        return list(self.api.containers(all=True, filters={"label": labels}))

    def running(self, workload: str) -> list[dict[str, Any]]:
        return [one for one in self.containers(workload) if one["State"] == "running"]

    def only(self, workload: str) -> dict[str, Any]:
        """The one container of a workload."""
        found = self.containers(workload)
        assert len(found) == 1, [(one["Names"], one["State"]) for one in found]
        return found[0]

    def clean(self) -> None:
        """Remove all of it, leases included; the network that all agents share is left to `remove_shared_network`."""
        label = {"label": f"pierhead.host={self.host}"}
        wait_for("our containers are gone", self._remove_containers)
        for filters in (label, {"label": f"pierhead.lease={self.host}"}):
            for volume in self.api.volumes(filters=filters).get("Volumes") or []:
                self.api.remove_volume(volume["Name"], force=True)
        for network in self.api.networks(filters=label):
            if network["Name"] != SHARED_NETWORK:
                self.api.remove_network(network["Id"])
        self.api.close()

    def _remove_containers(self) -> bool:
        """Ask for it, also where an agent that was killed had just asked for the same; whether none is left."""
        for one in self.containers():
            try:
                self.api.remove_container(one["Id"], force=True, v=True)
            except docker.errors.APIError as error:
                if error.status_code not in {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}:
                    raise
        return not self.containers()


def remove_shared_network(api: docker.APIClient) -> None:
    """Remove the network of workloads that name none, unless somebody made it themselves or uses it now."""
    for network in api.networks(names=[SHARED_NETWORK], filters={"label": "pierhead.host"}):
        with contextlib.suppress(docker.errors.NotFound, docker.errors.APIError):
            api.remove_network(network["Id"])
