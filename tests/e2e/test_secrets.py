"""Planted values of all providers are looked for in everything that is said, written or shown, also in failures."""

from __future__ import annotations

import base64
import json
import secrets as chance
import signal
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pyrage
import pytest
from support.agent_process import AgentProcess, ConfigRepository, EngineSide, wait_for
from support.git_server import git
from support.yaml_texts import workload

pytestmark = [pytest.mark.engine, pytest.mark.timeout(120)]

TELLS = ["sh", "-c", 'echo "token=$TOKEN key=$KEY word=$WORD"; test -n "$FAIL" && exit 1; sleep 86400']
PATHS = (
    "/",
    "/events",
    "/problems",
    "/workloads/app",
    "/workloads/broken",
    "/workloads/denied",
    "/metrics",
    "/readyz",
    "/api/v1/status",
    "/api/v1/workloads",
    "/api/v1/workloads/app",
    "/api/v1/workloads/app/logs",
    "/api/v1/workloads/broken/logs",
    "/api/v1/events?limit=500",
    "/api/v1/problems",
    "/api/v1/plan",
)


def planted() -> str:
    return f"planted/{chance.token_hex(8)}+&="


def test_no_value_of_any_provider_is_ever_said_written_or_shown(
    agent: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str], tmp_path: Path
) -> None:
    values = {name: planted() for name in ("token", "key", "word", "login", "hook", "unused")}
    plant(agent, repository, values, tmp_path)
    env = {name.upper(): {"secret": name} for name in ("token", "key", "word")}
    image = web_images["busybox"]
    login = {"kind": "Registry", "name": "own", "host": "127.0.0.1:1", "username": "u", "password": {"secret": "login"}}
    repository.commit(
        {
            "registries/own.yaml": json.dumps(login),
            "workloads/app.yaml": workload("app", image, {"command": TELLS}, env=env),
            "workloads/broken.yaml": workload("broken", image, {"command": TELLS}, env=env | {"FAIL": "1"}),
            "workloads/denied.yaml": workload("denied", "shop/denied:1", {"registry": "own"}, env=env),
            "workloads/invalid.yaml": workload("invalid", image, env={"TOKEN": {"secret": "nowhere"}}, prot=1),
            "workloads/nowhere.yaml": workload("nowhere", image, env={"TOKEN": {"secret": "nowhere"}}),
        }
    )
    agent.start()
    agent.wait_phase("app", "Synced")
    agent.wait_phase("broken", "Failed")
    agent.wait_phase("denied", "Failed")
    assert f"TOKEN={values['token']}" in engine.api.inspect_container(engine.only("app")["Id"])["Config"]["Env"]
    wait_for("its log is shown", lambda: "token=***" in shown(agent, "/api/v1/workloads/app/logs"))
    failure = next(event for event in agent.events(workload="broken") if "logs" in event.get("data", {}))
    assert any("token=*** key=*** word=***" in line for line in failure["data"]["logs"])

    said = {path: shown(agent, path) for path in PATHS}
    said |= {f"command {name}": both(agent, *name.split()) for name in ("plan", "plan --format json", "doctor")}
    assert agent.process is not None
    said["processes"] = processes(agent.process.pid)
    (agent.base / "secrets" / "token").write_text(changed := planted())
    values["changed"] = changed
    wait_for("the new value is there", lambda: changed in json.dumps(environments(engine)))
    agent.signal(signal.SIGHUP)
    wait_for("settings are read again", lambda: agent.events("SettingsReloaded"))
    agent.stop()
    said["log"] = agent.log.read_text()
    for file in agent.data_dir.rglob("*"):
        if file.is_file():
            said[str(file)] = file.read_bytes().decode("latin-1")
    said |= written(repository, agent)
    leaks = [(place, name) for place, text in said.items() for name, value in values.items() if tells(text, value)]
    assert leaks == []
    assert all(said[place] for place in (*PATHS, "command plan", "log"))
    assert sum(place.startswith("git ") for place in said) > 10


def plant(agent: AgentProcess, repository: ConfigRepository, values: dict[str, str], tmp_path: Path) -> None:
    """`key` is in the agent's environment, `word` encrypted in the repository, the others are files."""
    identity = pyrage.x25519.Identity.generate()
    (tmp_path / "age.key").write_text(f"{identity}\n")
    folder = agent.base / "secrets"
    folder.mkdir(parents=True)
    for name in ("token", "login", "hook", "unused"):
        (folder / name).write_text(values[name])
    agent.environment["PIERHEAD_SECRET_KEY"] = values["key"]
    agent.settings |= {
        "secrets": [
            {"kind": "files", "path": str(folder)},
            {"kind": "env", "prefix": "PIERHEAD_SECRET_"},
            {"kind": "age", "key": str(tmp_path / "age.key")},
        ],
        "webhook": {"config_secret": {"secret": "hook"}},
    }
    encrypted = pyrage.encrypt(values["word"].encode(), [identity.to_public()])
    repository.commit({"secrets/word.age": encrypted})


def shown(agent: AgentProcess, path: str) -> str:
    """Head and body of an answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{agent.port}{path}", timeout=10) as answer:
            return f"{answer.headers}\n{answer.read().decode()}"
    except urllib.error.HTTPError as error:
        return f"{error.headers}\n{error.read().decode()}"


def both(agent: AgentProcess, *arguments: str) -> str:
    done = agent.run(*arguments)
    return done.stdout + done.stderr


def processes(pid: int) -> str:
    """The command lines of the agent and of all its children; an environment is the operating system's secret."""
    found = []
    for one in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((one / "stat").read_text().rpartition(")")[2].split()[1])
            if pid in (parent, int(one.name)):
                found.append((one / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except (OSError, ValueError):
            continue
    return "\n".join(found)


def environments(engine: EngineSide) -> list[str]:
    return [line for one in engine.running("app") for line in engine.api.inspect_container(one["Id"])["Config"]["Env"]]


def written(repository: ConfigRepository, agent: AgentProcess) -> dict[str, str]:
    """Every object of the repository that the agent wrote: notes, and all files and messages of the host's branch."""
    refs = (f"refs/notes/pierhead/{agent.host}", f"refs/heads/pierhead/{agent.host}")
    listed = git(repository.folder, "rev-list", "--objects", *refs).splitlines()
    return {f"git {line}": git(repository.folder, "cat-file", "-p", line.split()[0]) for line in listed}


def tells(text: str, value: str) -> bool:
    """Whether a text holds the value, as it is or in a form that is easily turned back."""
    raw = value.encode()
    forms = {value, json.dumps(value)[1:-1], urllib.parse.quote(value), urllib.parse.quote(value, safe="")}
    forms |= {base64.b64encode(raw).decode().rstrip("="), raw.hex(), value.split("/")[1].split("+", maxsplit=1)[0]}
    return any(form in text for form in forms)
