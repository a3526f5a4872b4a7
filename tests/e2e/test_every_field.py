"""Every field that the schemas know reaches the container, and is no drift afterwards. A field without a row fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.agent_process import AgentProcess, ConfigRepository, EngineSide, free_port
from support.yaml_texts import workload

pytestmark = [pytest.mark.engine, pytest.mark.timeout(180)]

SCHEMAS = Path(__file__).parents[2] / "schemas"
PORT = free_port()
SECOND = 1_000_000_000

ALONE = {"networks": ["bridge"]}
"""A network without aliases: then the name of a workload is no part of its containers, and they can be compared."""

Inspected = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """`source` and `fields` are written into the workload; `seen` picks from an inspection what must be `expected`.

    `same` is True where the field is about how a container is made rather than what it is.
    """

    expected: Any
    seen: Callable[[Inspected], Any]
    source: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    same: bool = False


def host(name: str) -> Callable[[Inspected], Any]:
    return lambda found: found["HostConfig"][name]


def config(name: str) -> Callable[[Inspected], Any]:
    return lambda found: found["Config"][name]


SOURCE = {
    "platform": Row("running", lambda found: found["State"]["Status"], {"platform": "linux/amd64"}, same=False),
    "pull": Row("running", lambda found: found["State"]["Status"], {"pull": "never"}, same=True),
    "port": Row("running", lambda found: found["State"]["Status"], {"port": 8080}, same=True),
    "command": Row(["sleep", "999"], config("Cmd"), {"command": "sleep 999"}),
    "entrypoint": Row(["sleep"], config("Entrypoint"), {"entrypoint": ["sleep"], "command": ["998"]}),
    "user": Row("65534", config("User"), {"user": 65534}),
    "working_dir": Row("/tmp", config("WorkingDir"), {"working_dir": "/tmp"}),
    "healthcheck": Row(
        {
            "Test": ["CMD", "true"],
            "Interval": 2 * SECOND,
            "Timeout": SECOND,
            "Retries": 2,
            "StartPeriod": 3 * SECOND,
        },
        lambda found: {key: value for key, value in found["Config"]["Healthcheck"].items() if key != "StartInterval"},
        {"healthcheck": {"command": "true", "interval": "2s", "timeout": "1s", "retries": 2, "start_period": "3s"}},
    ),
    "cpu_limit": Row(250_000_000, host("NanoCpus"), {"cpu_limit": 0.25}),
    "memory_limit": Row(64 * 2**20, host("Memory"), {"memory_limit": "64MiB"}),
    "pids_limit": Row(33, host("PidsLimit"), {"pids_limit": 33}),
    "stop_timeout": Row(3, config("StopTimeout"), {"stop_timeout": "3s"}),
    "restart": Row({"Name": "on-failure", "MaximumRetryCount": 0}, host("RestartPolicy"), {"restart": "on-failure"}),
    "networks": Row("none", host("NetworkMode"), {"networks": ["none"]}),
    "labels": Row("b", lambda found: found["Config"]["Labels"]["a"], {"labels": {"a": "b"}}),
    "read_only": Row(True, host("ReadonlyRootfs"), {"read_only": True}),
    "cap_add": Row(["CAP_NET_ADMIN"], lambda found: capabilities(found, "CapAdd"), {"cap_add": ["NET_ADMIN"]}),
    "cap_drop": Row(["CAP_CHOWN"], lambda found: capabilities(found, "CapDrop"), {"cap_drop": ["CHOWN"]}),
    "security_opt": Row(["no-new-privileges"], host("SecurityOpt"), {"security_opt": ["no-new-privileges"]}),
    "extra_hosts": Row(["db.local:192.0.2.1"], host("ExtraHosts"), {"extra_hosts": ["db.local:192.0.2.1"]}),
    "ulimits": Row(
        [{"Name": "nofile", "Soft": 512, "Hard": 1024}],
        host("Ulimits"),
        {"ulimits": {"nofile": {"soft": 512, "hard": 1024}}},
    ),
    "init": Row(False, host("Init"), {"init": False}),
    "logging": Row(
        {"Type": "json-file", "Config": {"max-size": "1m"}},
        host("LogConfig"),
        {"logging": {"driver": "json-file", "options": {"max-size": "1m"}}},
    ),
    "devices": Row(
        [{"PathOnHost": "/dev/null", "PathInContainer": "/dev/nil", "CgroupPermissions": "r"}],
        host("Devices"),
        {"devices": ["/dev/null:/dev/nil:r"]},
    ),
    "strategy": Row("running", lambda found: found["State"]["Status"], {"strategy": "recreate"}, same=True),
    "drain": Row("running", lambda found: found["State"]["Status"], {"drain": "1s"}, same=True),
    "engine": Row("running", lambda found: found["State"]["Status"], {"engine": "container"}, same=True),
}
ELSEWHERE = {
    "kind": "chooses the source",
    "image": "every row has one",
    "tag": "every row has one",
    "digest": "test_outages and the golden plan registry-host-and-digest",
    "registry": "test_outages, test_bad_luck",
    "privileged": "unit/engine/test_translate: an engine that runs in a container itself may not start one",
    "replicas": "test_together",
    "tags": "test_together",
    "max_instances": "test_together",
}

WORKLOAD = {
    "env": Row(
        "A=1", lambda found: next(one for one in found["Config"]["Env"] if one[:2] == "A="), {}, {"env": {"A": 1}}
    ),
    "volumes": Row(
        [("tmpfs", "/scratch", True), ("volume", "/named", False)],
        lambda found: sorted((one["Type"], one["Destination"], one["RW"]) for one in found["Mounts"]),
        {},
        {
            "volumes": [
                {"target": "/scratch", "scope": "ephemeral"},
                {"source": "named", "target": "/named", "scope": "project_named", "read_only": True},
            ]
        },
    ),
    "publish": Row(
        {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(PORT)}]},
        host("PortBindings"),
        {},
        {"publish": [f"127.0.0.1:{PORT}:8080"]},
    ),
}


def capabilities(found: Inspected, name: str) -> list[str]:
    """Engines write them with or without the prefix."""
    return [f"CAP_{one.removeprefix('CAP_')}" for one in found["HostConfig"][name]]


def test_every_field_of_an_image_source_has_a_row():
    properties = json.loads((SCHEMAS / "source" / "image.schema.json").read_text())["properties"]
    assert {*SOURCE, *ELSEWHERE} == set(properties)


def test_every_field_reaches_its_container_and_is_no_drift(
    agent: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str]
) -> None:
    rows = {name.replace("_", "-"): row for name, row in (SOURCE | WORKLOAD).items()}
    agent.settings["policy"] = {"devices": True, "cap_add": ["NET_ADMIN"]}
    agent.settings["concurrency"] = 8
    image = web_images["busybox"]
    files = {
        f"workloads/{name}.yaml": workload(name, image, ALONE | row.source, **row.fields) for name, row in rows.items()
    }
    repository.commit(files | {"workloads/plain.yaml": workload("plain", image, ALONE)})
    done = agent.run("once")
    assert done.returncode == 0, done.stdout + done.stderr

    plain = engine.only("plain")["Labels"]["pierhead.fingerprint"]
    wrong = []
    for name, row in rows.items():
        listed = engine.only(name)
        seen = row.seen(engine.api.inspect_container(listed["Id"]))
        same = listed["Labels"]["pierhead.fingerprint"] == plain
        if (seen, same) != (row.expected, row.same):
            wrong.append((name, seen, row.expected, same))
    assert wrong == []

    before = {one["Id"] for one in engine.containers()}
    again = agent.run("plan", "--exit-code")
    assert again.returncode == 0, again.stdout
    assert agent.run("once").returncode == 0
    assert {one["Id"] for one in engine.containers()} == before
