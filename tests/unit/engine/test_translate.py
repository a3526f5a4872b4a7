"""The create request, field by field; whole payloads where the parts could disagree."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent.core.actions import CreateContainer, UpdateContainer
from agent.core.container import ContainerSpec, Mount, Ulimit
from agent.core.model import HealthCheck, Publish
from agent.engine.translate import create_payload, further_networks, restart_policy, update_payload


def action(**fields: Any) -> CreateContainer:
    defaults = {"workload": "shop", "workload_id": "3f9a2c71", "image": "registry.example.com/shop:1.4"}
    spec = ContainerSpec(**(defaults | fields))
    return CreateContainer("shop.0a1b2c3d.candidate", spec, "1:0a1b2c3d", "c0ffee", "active")


def payload(**fields: Any) -> dict[str, Any]:
    made = action(**fields)
    return create_payload(made, "edge-1", {}, made.spec.mounts)


def host_config(**fields: Any) -> dict[str, Any]:
    return payload(**fields)["HostConfig"]


def test_a_plain_container_leaves_everything_else_to_the_image_and_the_engine():
    assert create_payload(action(networks=("pierhead",), aliases=("shop",)), "edge-1", {}, ()) == {
        "Image": "registry.example.com/shop:1.4",
        "Env": [],
        "Labels": {
            "pierhead.host": "edge-1",
            "pierhead.workload": "shop",
            "pierhead.id": "3f9a2c71",
            "pierhead.fingerprint": "1:0a1b2c3d",
            "pierhead.revision": "c0ffee",
            "pierhead.role": "active",
            "pierhead.extra": '{"index":1,"instance":"","prune":true}',
        },
        "StopTimeout": 10,
        "HostConfig": {
            "Init": True,
            "RestartPolicy": {"Name": "unless-stopped", "MaximumRetryCount": 0},
            "NetworkMode": "pierhead",
        },
        "NetworkingConfig": {"EndpointsConfig": {"pierhead": {"Aliases": ["shop"]}}},
    }


def test_every_field_reaches_the_engine():
    made = action(
        networks=("one", "two"),
        aliases=("shop", "web"),
        command=("serve", "--all"),
        entrypoint=("/bin/shop",),
        user="1000:1000",
        working_dir="/srv",
        publish=(
            Publish(host_ip="127.0.0.1", host_port=8080, container_port=80),
            Publish(host_ip="", host_port=8081, container_port=80),
            Publish(host_ip="", host_port=53, container_port=53, protocol="udp"),
        ),
        healthcheck=HealthCheck(command=("check", "-q"), interval=2.5, timeout=0.5, retries=4, start_period=0),
        cpu_limit=1.5,
        memory_limit=64 << 20,
        pids_limit=100,
        restart="on-failure:5",
        stop_timeout=2.2,
        labels={"team": "shop"},
        read_only=True,
        cap_add=("NET_ADMIN",),
        cap_drop=("ALL",),
        security_opt=("no-new-privileges",),
        extra_hosts=("db:10.0.0.1", "cache=10.0.0.2"),
        ulimits=(Ulimit(name="nofile", soft=1024, hard=2048),),
        init=False,
        privileged=True,
        devices=("/dev/dri", "/dev/a:/dev/b", "/dev/c:/dev/d:r"),
        logging={"driver": "local", "options": {"max-size": "10m", "max-file": 3}},
    )
    mounts = (
        Mount(type="bind", source="/srv/data", target="/data", read_only=True),
        Mount(type="volume", source="cache", target="/cache"),
        Mount(type="tmpfs", source="", target="/tmp"),
    )
    built = create_payload(made, "edge-1", {"B": "2", "A": "1=x"}, mounts)
    labels = built.pop("Labels")
    assert labels["team"] == "shop"
    assert built == {
        "Image": "registry.example.com/shop:1.4",
        "Env": ["A=1=x", "B=2"],
        "Cmd": ["serve", "--all"],
        "Entrypoint": ["/bin/shop"],
        "User": "1000:1000",
        "WorkingDir": "/srv",
        "StopTimeout": 3,
        "ExposedPorts": {"80/tcp": {}, "53/udp": {}},
        "Healthcheck": {
            "Test": ["CMD", "check", "-q"],
            "Interval": 2_500_000_000,
            "Timeout": 500_000_000,
            "Retries": 4,
            "StartPeriod": 0,
        },
        "NetworkingConfig": {"EndpointsConfig": {"one": {"Aliases": ["shop", "web"]}}},
        "HostConfig": {
            "Init": False,
            "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 5},
            "NanoCpus": 1_500_000_000,
            "Memory": 64 << 20,
            "PidsLimit": 100,
            "Ulimits": [{"Name": "nofile", "Soft": 1024, "Hard": 2048}],
            "ReadonlyRootfs": True,
            "Privileged": True,
            "CapAdd": ["NET_ADMIN"],
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "Devices": [
                {"PathOnHost": "/dev/dri", "PathInContainer": "/dev/dri", "CgroupPermissions": "rwm"},
                {"PathOnHost": "/dev/a", "PathInContainer": "/dev/b", "CgroupPermissions": "rwm"},
                {"PathOnHost": "/dev/c", "PathInContainer": "/dev/d", "CgroupPermissions": "r"},
            ],
            "Mounts": [
                {"Type": "bind", "Target": "/data", "Source": "/srv/data", "ReadOnly": True},
                {"Type": "volume", "Target": "/cache", "Source": "cache"},
                {"Type": "tmpfs", "Target": "/tmp"},
            ],
            "PortBindings": {
                "80/tcp": [
                    {"HostIp": "127.0.0.1", "HostPort": "8080"},
                    {"HostIp": "", "HostPort": "8081"},
                ],
                "53/udp": [{"HostIp": "", "HostPort": "53"}],
            },
            "ExtraHosts": ["db:10.0.0.1", "cache:10.0.0.2"],
            "LogConfig": {"Type": "local", "Config": {"max-size": "10m", "max-file": "3"}},
            "NetworkMode": "one",
        },
    }
    assert further_networks(made.spec) == ("two",)


def test_users_cannot_claim_our_labels():
    labels = payload(labels={"pierhead.host": "other", "pierhead.mine": "x", "team": "shop"})["Labels"]
    assert labels["pierhead.host"] == "edge-1"
    assert "pierhead.mine" not in labels
    assert labels["team"] == "shop"


def test_replicas_and_versions_are_told_apart_in_the_additive_label():
    made = CreateContainer("x", action(index=3, instance="v2").spec, "1:0a1b2c3d", "c0ffee", "active", prune=False)
    extra = create_payload(made, "edge-1", {}, ())["Labels"]["pierhead.extra"]
    assert json.loads(extra) == {"index": 3, "instance": "v2", "prune": False}


def test_a_redeploy_and_a_run_are_told_in_the_additive_label():
    spec = action(generation="e1-0-abcd").spec
    made = CreateContainer("x", spec, "1:0a1b2c3d", "c0ffee", "run", extra={"run": "r", "timeout": 60.0})
    labels = create_payload(made, "edge-1", {}, ())["Labels"]
    assert labels["pierhead.role"] == "run"
    assert json.loads(labels["pierhead.extra"]) == {
        "index": 1,
        "instance": "",
        "prune": True,
        "generation": "e1-0-abcd",
        "run": "r",
        "timeout": 60.0,
    }


@pytest.mark.parametrize("check", [HealthCheck(http="/healthz", port=80), HealthCheck(tcp=True, port=80)])
def test_what_the_agent_probes_docker_does_not_check_too(check):
    assert payload(healthcheck=check)["Healthcheck"] == {"Test": ["NONE"]}


def test_without_a_health_check_the_image_decides():
    assert "Healthcheck" not in payload()


def test_an_engine_that_can_checks_faster_while_the_container_starts():
    made = action(healthcheck=HealthCheck(command=("check",), interval=30))
    built = create_payload(made, "edge-1", {}, (), start_interval=True)
    assert built["Healthcheck"]["StartInterval"] == 1_000_000_000


def test_times_below_what_the_engine_accepts_are_raised_to_it():
    check = HealthCheck(command=("check",), interval=0.0001)
    assert payload(healthcheck=check)["Healthcheck"]["Interval"] == 1_000_000


@pytest.mark.parametrize(("networks", "mode"), [((), "default"), (("host",), "host"), (("none",), "none")])
def test_built_in_networks_know_no_aliases(networks, mode):
    built = payload(networks=networks, aliases=("shop",))
    assert built["HostConfig"]["NetworkMode"] == mode
    assert "NetworkingConfig" not in built


def test_joining_another_container_is_a_network_mode():
    made = action(network_of="vpn")
    joined = CreateContainer(
        made.name, made.spec, made.fingerprint, made.revision, made.role, network_container="0123abcd"
    )
    built = create_payload(joined, "edge-1", {}, ())
    assert built["HostConfig"]["NetworkMode"] == "container:0123abcd"
    assert "NetworkingConfig" not in built
    assert further_networks(joined.spec) == ()


def test_logging_without_options_names_the_driver_only():
    assert host_config(logging={"driver": "none"})["LogConfig"] == {"Type": "none", "Config": {}}
    assert host_config(logging={"options": {"max-size": "1m"}})["LogConfig"]["Type"] == "json-file"


@pytest.mark.parametrize(
    ("text", "name", "count"),
    [("", "no", 0), ("no", "no", 0), ("always", "always", 0), ("on-failure:3", "on-failure", 3)],
)
def test_restart_policies(text, name, count):
    assert restart_policy(text) == {"Name": name, "MaximumRetryCount": count}


def test_an_update_sets_limits_together_with_their_swap():
    update = UpdateContainer("id", "web", 0.5, 64 << 20, 100, "always")
    assert update_payload(update, {}, 4) == {
        "RestartPolicy": {"Name": "always", "MaximumRetryCount": 0},
        "PidsLimit": 100,
        "NanoCpus": 500_000_000,
        "Memory": 64 << 20,
        "MemorySwap": 128 << 20,
    }


def test_an_update_lifts_only_limits_that_are_there():
    update = UpdateContainer("id", "web", None, None, None, "no")
    assert set(update_payload(update, {}, 4)) == {"RestartPolicy", "PidsLimit"}
    lifted = update_payload(update, {"NanoCpus": 1, "Memory": 1}, 4)
    assert lifted["NanoCpus"] == 3_999_999_999
    assert lifted["Memory"] == lifted["MemorySwap"] == 1 << 60
