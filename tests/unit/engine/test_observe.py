"""The engine's JSON as it really looks, newest and oldest, and as it never should."""

from __future__ import annotations

from typing import Any

import pytest

from agent.core.observed import Role
from agent.engine.lease_volumes import parse_lease
from agent.engine.observe import addresses, detail, observed, observed_in_detail

LABELS = {
    "pierhead.host": "edge-1",
    "pierhead.workload": "web",
    "pierhead.id": "abcd1234",
    "pierhead.fingerprint": "1:abcd",
    "pierhead.revision": "c0ffee",
    "pierhead.extra": '{"index":2,"instance":"v1","prune":false,"later":[1]}',
}


def entry(**fields: Any) -> dict[str, Any]:
    """One entry of the list."""
    return {
        "Id": "1" * 64,
        "Names": ["/web.abcd.candidate"],
        "Image": "web:1",
        "ImageID": "sha256:aa",
        "Created": 1_700_000_000,
        "State": "running",
        "Status": "Up 3 seconds",
        "Labels": LABELS,
        "HostConfig": {"NetworkMode": "pierhead"},
        "NetworkSettings": {"Networks": {"pierhead": {"IPAddress": "172.18.0.2"}, "later": None}},
        "Mounts": [
            {"Type": "volume", "Name": "data", "Source": "/var/lib/docker/volumes/data/_data", "Destination": "/data"},
            {"Type": "bind", "Source": "/srv/x", "Destination": "/x"},
            {"Type": "tmpfs", "Destination": "/tmp"},
        ],
    } | fields


def inspection(**fields: Any) -> dict[str, Any]:
    """One inspection."""
    return {
        "Id": "1" * 64,
        "Name": "/web.abcd",
        "Created": "2026-11-24T00:24:22.130103837Z",
        "Image": "sha256:aa",
        "RestartCount": 0,
        "Config": {"Image": "web:1", "Labels": LABELS},
        "HostConfig": {"NetworkMode": "pierhead"},
        "NetworkSettings": {"Networks": {}},
        "State": {"Status": "running", "ExitCode": 0, "StartedAt": "2026-11-24T00:24:23Z"},
    } | fields


def test_a_list_entry_is_read_whole():
    found = observed(entry())
    assert (found.name, found.role, found.state, found.health, found.exit_code) == (
        "web.abcd.candidate",
        Role.CANDIDATE,
        "running",
        None,
        None,
    )
    assert (found.workload, found.workload_id, found.fingerprint, found.revision) == (
        "web",
        "abcd1234",
        "1:abcd",
        "c0ffee",
    )
    assert (found.instance, found.index, found.extra["later"]) == ("v1", 2, [1])
    assert found.networks == {"pierhead": "172.18.0.2", "later": ""}
    assert found.volumes == ("/srv/x", "data")


def test_the_own_name_is_not_a_link_of_another():
    assert observed(entry(Names=["/other/web", "/web.abcd"])).name == "web.abcd"
    assert observed(entry(Names=None)).name == ""


@pytest.mark.parametrize(
    ("status", "health"),
    [
        ("Up 3 seconds", None),
        ("Up 3 seconds (healthy)", "healthy"),
        ("Up 2 minutes (unhealthy)", "unhealthy"),
        ("Up 1 second (health: starting)", "starting"),
        ("Up 1 second (Paused)", None),
    ],
)
def test_health_is_read_from_the_words_of_the_list(status, health):
    assert observed(entry(Status=status)).health == health


@pytest.mark.parametrize(
    ("state", "status", "code"),
    [
        ("exited", "Exited (137) 2 hours ago", 137),
        ("restarting", "Restarting (1) 2 seconds ago", 1),
        ("dead", "Dead", None),
        ("running", "Up 3 (5) minutes", None),
    ],
)
def test_exit_codes_are_read_where_there_is_one(state, status, code):
    assert observed(entry(State=state, Status=status)).exit_code == code


def test_a_joined_network_names_its_container():
    assert observed(entry(HostConfig={"NetworkMode": "container:abc"})).network_container == "abc"
    assert observed(entry()).network_container is None


@pytest.mark.parametrize("extra", ["not json", "[1]", '{"index":"x"}', "{}"])
def test_an_unreadable_additive_label_counts_as_empty(extra):
    found = observed(entry(Labels=LABELS | {"pierhead.extra": extra}))
    assert (found.instance, found.index) == ("", 1)


def test_a_one_off_container_is_one_whatever_it_is_called():
    labels = LABELS | {"pierhead.role": "run"}
    assert observed(entry(Labels=labels)).role is Role.RUN
    assert observed_in_detail(inspection(Config={"Image": "web:1", "Labels": labels})).role is Role.RUN


def test_the_redeploy_that_made_a_container_is_in_the_additive_label():
    assert observed(entry(Labels=LABELS | {"pierhead.extra": '{"generation":"e1-0-abcd"}'})).generation == "e1-0-abcd"
    assert observed(entry()).generation == ""


def test_missing_parts_are_empty():
    found = observed({"Id": "1", "Labels": None})
    assert (found.workload, found.networks, found.volumes, found.state) == ("", {}, (), "")


def test_an_inspection_tells_the_same_as_the_list():
    found = observed_in_detail(
        inspection(State={"Status": "exited", "ExitCode": 3}, Created="2026-11-24T00:24:22.9+01:00")
    )
    assert (found.name, found.exit_code, found.created) == ("web.abcd", 3, 1_795_476_262)
    assert found.instance == "v1"


@pytest.mark.parametrize(("status", "health"), [("none", None), ("", None), ("starting", "starting")])
def test_an_inspection_without_health_check_has_no_health(status, health):
    state = {"Status": "running", "ExitCode": 0, "Health": {"Status": status}}
    assert observed_in_detail(inspection(State=state)).health == health


def test_details_are_limits_restarts_and_the_last_words_of_the_health_check():
    raw = inspection(
        RestartCount=4,
        HostConfig={
            "Memory": 64,
            "NanoCpus": 500_000_000,
            "PidsLimit": 10,
            "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3},
        },
        State={
            "Status": "exited",
            "ExitCode": 137,
            "OOMKilled": True,
            "Error": "broken",
            "Health": {"Status": "unhealthy", "Log": [{"Output": "old"}, {"Output": "a\nb\nc\nd\n"}]},
        },
    )
    found = detail(raw, "sha256:bb")
    assert (found.memory_limit, found.cpu_limit, found.pids_limit, found.restart) == (64, 0.5, 10, "on-failure:3")
    assert (found.oom_killed, found.restart_count, found.exit_code, found.error) == (True, 4, 137, "broken")
    assert (found.health_output, found.image_digest) == ("b\nc\nd", "sha256:bb")


@pytest.mark.parametrize("limits", [{}, {"Memory": 0, "NanoCpus": 0, "PidsLimit": -1, "CpuQuota": -1}])
def test_no_limit_is_none_however_the_engine_says_it(limits):
    found = detail(inspection(HostConfig=limits), None)
    assert (found.memory_limit, found.cpu_limit, found.pids_limit, found.restart) == (None, None, None, "no")


def test_limits_that_were_lifted_are_none_and_the_whole_machine_is_a_limit():
    assert detail(inspection(HostConfig={"Memory": 1 << 60, "NanoCpus": 3_999_999_999}), None).cpu_limit is None
    assert detail(inspection(HostConfig={"NanoCpus": 4_000_000_000}), None).cpu_limit == 4.0


def test_a_quota_set_by_hand_is_a_cpu_limit():
    assert detail(inspection(HostConfig={"CpuQuota": 50_000}), None).cpu_limit == 0.5
    assert detail(inspection(HostConfig={"CpuQuota": 50_000, "CpuPeriod": 50_000}), None).cpu_limit == 1.0


def test_addresses_are_by_network():
    assert addresses({}) == {}
    assert addresses({"NetworkSettings": {"Networks": None}}) == {}


def test_a_lease_volume_without_labels_is_a_claim_of_nobody():
    lease = parse_lease({"Name": "x", "CreatedAt": "2026-11-24T00:00:00+00:00", "Labels": None})
    assert (lease.created, lease.owner, lease.held) == (1_795_478_400.0, "", False)
    assert parse_lease({"Name": "x", "Labels": {"pierhead.lease.since": "soon"}}).held is False
