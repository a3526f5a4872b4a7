"""The seven volume scopes: where each lives, who shares it, and that no reconcile ever deletes data."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from support.agent_process import AgentProcess, ConfigRepository, EngineSide, wait_for
from support.yaml_texts import workload

pytestmark = [pytest.mark.engine, pytest.mark.timeout(120)]

SCOPES = ("absolute", "ephemeral", "instance", "stage", "project", "project_named", "named")
COUNT = 'for one in /v/*; do echo run >> $one/file; echo "$one $(cat $one/file | wc -l)"; done; sleep 86400'


@pytest.fixture
def srv(agent: AgentProcess, tmp_path: Path) -> Path:
    """A folder of the host that workloads may mount."""
    folder = tmp_path / "srv"
    folder.mkdir()
    agent.settings["policy"] = {"allowed_volume_paths": [str(folder)]}
    return folder


def document(name: str, image: str, srv: Path, **fields: Any) -> str:
    """A workload with a volume of each scope below /v, that says how often it ran with each."""
    sources = {"absolute": str(srv), "named": f"{name}-shared"}
    volumes = [
        {"target": f"/v/{scope}", "scope": scope}
        | ({} if scope == "ephemeral" else {"source": sources.get(scope, f"{scope.replace('_', '-')}-data")})
        for scope in SCOPES
    ]
    # `wc` is no applet of the image, so lines are counted by the shell
    script = COUNT.replace(
        "$(cat $one/file | wc -l)", "$(n=0; while read -r _; do n=$((n+1)); done < $one/file; echo $n)"
    )
    return workload(name, image, {"command": ["sh", "-c", script]}, volumes=volumes, id="abcd1234", **fields)


def counts(agent: AgentProcess, name: str) -> dict[str, int]:
    """How many runs each volume remembers, as the container says."""
    lines = (agent.get(f"/api/v1/workloads/{name}/logs") or {}).get("lines", [])
    words = [line.split() for line in lines if line.startswith("/v/")]
    return {path.removeprefix("/v/"): int(number) for path, number in words}


def test_each_scope_lives_where_it_should_and_outlives_what_it_should(
    agent: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str], srv: Path
) -> None:
    image = web_images["busybox"]
    tag = image.rpartition(":")[2]
    repository.commit({"workloads/data.yaml": document("data", image, srv)})
    agent.start()
    agent.wait_phase("data", "Synced")
    wait_for("it ran once", lambda: counts(agent, "data") == dict.fromkeys(SCOPES, 1))
    mounted = {one["Destination"]: one for one in engine.only("data")["Mounts"]}
    base = agent.data_dir / "volumes" / "data-abcd1234"
    assert mounted["/v/absolute"]["Source"] == str(srv)
    assert mounted["/v/ephemeral"]["Type"] == "tmpfs"
    assert mounted["/v/instance"]["Source"] == str(base / f"instance-{tag}" / "instance-data")
    assert mounted["/v/stage"]["Source"] == str(base / "stage-data")
    assert mounted["/v/project"]["Source"] == str(base / "project-data")
    assert mounted["/v/project_named"]["Name"] == "ph-abcd1234-project-named-data"
    assert mounted["/v/named"]["Name"] == "data-shared"
    try:
        check_life(agent, repository, engine, (image, srv))
    finally:
        for one in engine.containers():
            engine.api.remove_container(one["Id"], force=True)
        for name in ("data-shared", "ph-abcd1234-project-named-data"):
            engine.api.remove_volume(name)
    assert (base / "project-data" / "file").read_text() == "run\n" * 3
    assert stat.S_IMODE(agent.data_dir.stat().st_mode) & 0o077 == 0


def check_life(agent: AgentProcess, repository: ConfigRepository, engine: EngineSide, made: tuple[str, Path]) -> None:
    """A new version, a new name and a removal."""
    image, srv = made
    revision = repository.commit({"workloads/data.yaml": document("data", image, srv, env={"V": "2"})})
    agent.wait_phase("data", "Synced", revision=revision)
    kept = dict.fromkeys(SCOPES, 2) | {"ephemeral": 1}
    wait_for("all but the ephemeral one remember", lambda: counts(agent, "data") == kept)

    renamed = document("renamed", image, srv, env={"V": "3"}).replace("renamed-shared", "data-shared")
    revision = repository.commit({"workloads/data.yaml": renamed})
    agent.wait_phase("renamed", "Synced", revision=revision)
    kept = dict.fromkeys(SCOPES, 3) | {"ephemeral": 1}
    wait_for("they go with the id, not with the name", lambda: counts(agent, "renamed") == kept)

    repository.commit({"workloads/data.yaml": None, "settings.yaml": "kind: Settings\nname: settings\n"})
    wait_for("it is gone", lambda: not engine.containers())
    event = wait_for("what is kept is told", lambda: agent.events("VolumesKept"))[0]
    assert {"data-shared", "ph-abcd1234-project-named-data", str(srv)} <= set(event["data"]["volumes"])
    assert (srv / "file").read_text() == "run\n" * 3


def test_a_path_that_the_host_does_not_allow_is_refused_by_name(
    agent: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str], srv: Path
) -> None:
    (srv / "link").symlink_to("/etc")
    volumes = {"direct": "/etc", "dots": f"{srv}/../../etc", "socket": "/var/run/docker.sock", "link": f"{srv}/link"}
    files = {
        f"workloads/{name}.yaml": workload(
            name, web_images["busybox"], volumes=[{"source": source, "target": "/v", "scope": "absolute"}]
        )
        for name, source in volumes.items()
    }
    repository.commit(files)
    agent.start()
    for name in ("direct", "dots", "socket"):
        found = agent.wait_phase(name, "Invalid")
        assert "policy" in str(agent.status()["problems"]), found
    found = agent.wait_phase("link", "Failed")
    assert "link" in found["message"]
    assert agent.events("ForbiddenPath", "link")
    assert [one for one in engine.containers() if one["State"] == "running"] == []
