"""What scenario tests of triggers are made of: documents as somebody would write them, and what is seen afterwards."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from support.agent_process import AgentProcess, ConfigRepository, EngineSide, wait_for
from support.git_server import GitServer, git
from support.registry import PASSWORD, USERNAME

from agent.clock import SystemClock
from agent.journal.journal import SqliteJournal

SECRET = "a webhook secret nobody knows"


class Scene(NamedTuple):
    """An agent with secrets, the config repository it follows, its engine, and test images by what they do."""

    agent: AgentProcess
    repository: ConfigRepository
    engine: EngineSide
    images: dict[str, str]


class Served(NamedTuple):
    """The same with the config repository behind a server; `remote` is the bare repository there."""

    agent: AgentProcess
    repository: ConfigRepository
    engine: EngineSide
    images: dict[str, str]
    server: GitServer
    remote: Path


# Documents


def workload(name: str, image: str, tag: str, triggers: list[dict[str, Any]], **source: Any) -> str:
    """A workload document as somebody would write it, comments included."""
    more = "".join(f"  {key}: {json.dumps(value)}\n" for key, value in source.items())
    bindings = "".join(f"  - {json.dumps(one)}\n" for one in triggers)
    return (
        f"# {name}, kept by hand\nkind: Workload\nname: {name}\nsource:\n  kind: image\n"
        f'  image: {image}   # where it comes from\n  tag: "{tag}"      # the pin\n{more}'
        f"triggers:\n{bindings}"
    )


def trigger(name: str, **signal: Any) -> str:
    return json.dumps({"kind": "Trigger", "name": name, "signal": signal})


def hook(**fields: Any) -> dict[str, Any]:
    """A webhook for a sender that brings SECRET as a token."""
    return {"kind": "webhook", "vendor": "generic", "auth": "token", "secret": {"secret": "hook"}, **fields}


def login(port: int) -> str:
    document = {"kind": "Registry", "name": "own", "host": f"127.0.0.1:{port}", "username": USERNAME}
    return json.dumps(document | {"password": {"secret": "registry"}})


# The agent


def give_secrets(agent: AgentProcess, **more: str) -> Path:
    """A folder of secrets that the agent reads: `hook`, `registry` and what is named."""
    folder = agent.base / "secrets"
    folder.mkdir(parents=True)
    for name, value in {"hook": SECRET, "registry": PASSWORD, **more}.items():
        (folder / name).write_text(value)
    agent.settings["secrets"] = [{"kind": "files", "path": str(folder)}]
    return folder


def address(agent: AgentProcess, trigger_name: str) -> str:
    return f"http://127.0.0.1:{agent.port}/webhook/{trigger_name}"


def pending_update(agent: AgentProcess, workload_name: str) -> str:
    """What the agent says that waits to be written for a workload; empty where nothing does."""
    return str((agent.get(f"/api/v1/workloads/{workload_name}") or {}).get("pending_update", ""))


def metric(agent: AgentProcess, name: str, label: str = "") -> float:
    """The value of one sample of `/metrics`; 0 where there is none yet."""
    with urllib.request.urlopen(f"http://127.0.0.1:{agent.port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    found = re.search(rf"^pierhead_{name}(?:\{{[^}}]*{re.escape(label)}[^}}]*\}})? (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def wait_settled(agent: AgentProcess, timeout: float = 30.0) -> None:
    """Wait until no event waits for anything any more."""
    wait_for("all events are settled", lambda: agent.status() and metric(agent, "inbox_depth") == 0, timeout)


def fates(agent: AgentProcess, ids: Iterable[str]) -> list[tuple[str, str]]:
    """What became of events, and in which words, from the journal of an agent that may be at work."""
    journal = SqliteJournal(agent.data_dir, SystemClock())
    try:
        return [journal.fate_of_event(one) or ("unknown", "") for one in ids]
    finally:
        journal.close()


# What is in git, and what runs


def subjects(folder: Path) -> list[str]:
    """Subjects of all commits on the config branch, oldest first."""
    return git(folder, "log", "--reverse", "--format=%s", "main").splitlines()


def own_commits(folder: Path) -> int:
    """How many commits on the config branch agents have made."""
    return len(git(folder, "log", "--format=%H", "--grep=^Pierhead-Host: ", "main").splitlines())


def pin(folder: Path, workload_name: str) -> str:
    """The tag that the document of a workload pins at the tip of the config branch."""
    text = git(folder, "show", f"main:workloads/{workload_name}.yaml")
    found = re.search(r'^  tag: "(.*)"      # the pin$', text, re.MULTILINE)
    assert found, text
    return found[1]


def runs(engine: EngineSide, workload_name: str) -> list[str]:
    """The images of the running containers of a workload."""
    return [str(one["Image"]) for one in engine.running(workload_name)]
