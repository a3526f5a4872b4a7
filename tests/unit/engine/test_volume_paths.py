"""Binds stay below what the host allows, managed folders below volume_dir, and data is found again by workload id."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.core.container import ContainerSpec, Mount
from agent.core.policy import HostPolicy
from agent.core.reasons import Reason
from agent.engine.volumes import HostPaths
from agent.errors import Stalled, Transient


def spec(*mounts: Mount, workload: str = "shop") -> ContainerSpec:
    return ContainerSpec(workload=workload, workload_id="3f9a2c71", image="shop:1", mounts=mounts)


def bind(source: str | Path) -> Mount:
    return Mount(type="bind", source=str(source), target="/data")


def managed(source: str) -> Mount:
    return Mount(type="managed", source=source, target="/data")


def paths(
    base: Path, *allowed: str | Path, socket: str | None = None, resolvable: bool = True, docker_socket: bool = False
):
    policy = HostPolicy(allowed_volume_paths=tuple(map(str, allowed)), docker_socket=docker_socket)
    return HostPaths(base / "volumes", policy, socket, lambda: resolvable)


def source_of(found: tuple[Mount, ...]) -> str:
    return found[0].source


def test_volumes_and_tmpfs_need_no_path(tmp_path):
    mounts = (Mount(type="volume", source="cache", target="/c"), Mount(type="tmpfs", source="", target="/t"))
    assert paths(tmp_path).resolve(spec(*mounts)) == mounts


def test_a_bind_below_an_allowed_path_is_taken(tmp_path):
    (tmp_path / "srv" / "data").mkdir(parents=True)
    allowed = paths(tmp_path, tmp_path / "srv")
    assert source_of(allowed.resolve(spec(bind(tmp_path / "srv" / "data")))) == str(tmp_path / "srv" / "data")
    assert source_of(allowed.resolve(spec(bind(tmp_path / "srv")))) == str(tmp_path / "srv")


@pytest.mark.parametrize("source", ["srv-other", "srv/../etc", "other", "."])
def test_a_bind_outside_is_refused_with_what_is_allowed(tmp_path, source):
    with pytest.raises(Stalled, match="not below an allowed path") as caught:
        paths(tmp_path, tmp_path / "srv").resolve(spec(bind(f"{tmp_path}/{source}")))
    assert caught.value.reason is Reason.FORBIDDEN_PATH
    assert str(tmp_path / "srv") in caught.value.message


def test_a_relative_bind_is_refused(tmp_path):
    with pytest.raises(Stalled, match="absolute"):
        paths(tmp_path, "/").resolve(spec(bind("data")))


def test_a_symbolic_link_does_not_lead_out_of_an_allowed_path(tmp_path):
    (tmp_path / "srv").mkdir()
    (tmp_path / "secret").mkdir()
    (tmp_path / "srv" / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(Stalled, match="which is"):
        paths(tmp_path, tmp_path / "srv").resolve(spec(bind(tmp_path / "srv" / "link")))


def test_the_engine_is_given_the_resolved_path(tmp_path):
    (tmp_path / "real" / "data").mkdir(parents=True)
    (tmp_path / "srv").symlink_to(tmp_path / "real")
    found = paths(tmp_path, tmp_path / "srv").resolve(spec(bind(tmp_path / "srv" / "data")))
    assert source_of(found) == str(tmp_path / "real" / "data")


def test_where_the_hosts_files_are_not_seen_paths_are_compared_as_text(tmp_path):
    (tmp_path / "srv").symlink_to(tmp_path / "elsewhere")
    blind = paths(tmp_path, tmp_path / "srv", resolvable=False)
    assert source_of(blind.resolve(spec(bind(tmp_path / "srv" / "a" / ".." / "b")))) == str(tmp_path / "srv" / "b")
    with pytest.raises(Stalled):
        blind.resolve(spec(bind(f"{tmp_path}/srv/../etc")))


@pytest.mark.parametrize("source", ["run/docker.sock", "run"])
def test_the_engines_socket_needs_a_permission_of_its_own(tmp_path, source):
    (tmp_path / "run").mkdir()
    socket = tmp_path / "run" / "docker.sock"
    socket.touch()
    with pytest.raises(Stalled, match="socket"):
        paths(tmp_path, tmp_path, socket=str(socket)).resolve(spec(bind(tmp_path / source)))
    allowed = paths(tmp_path, socket=str(socket), docker_socket=True)
    assert source_of(allowed.resolve(spec(bind(tmp_path / source)))) == str(tmp_path / source)


def test_a_managed_folder_is_made_below_the_workloads_own(tmp_path):
    found = paths(tmp_path).resolve(spec(managed("instance-1.4/data")))
    folder = tmp_path / "volumes" / "shop-3f9a2c71" / "instance-1.4" / "data"
    assert found == (Mount(type="bind", source=str(folder), target="/data"),)
    assert folder.is_dir()


def test_a_renamed_workload_finds_its_folder_by_id(tmp_path):
    paths(tmp_path).resolve(spec(managed("data"), workload="store"))
    (tmp_path / "volumes" / "store-3f9a2c71" / "data" / "file").write_text("kept")
    found = paths(tmp_path).resolve(spec(managed("data"), workload="shop"))
    assert Path(source_of(found), "file").read_text() == "kept"
    assert source_of(found) == source_of(paths(tmp_path).resolve(spec(managed("data"), workload="store")))


@pytest.mark.parametrize("source", ["../other", "../../etc", "..", "../shop-3f9a2c71/../.."])
def test_a_managed_folder_does_not_leave_volume_dir_by_dots(tmp_path, source):
    with pytest.raises(Stalled, match="leads out") as caught:
        paths(tmp_path).resolve(spec(managed(f"x/../../{source}")))
    assert caught.value.reason is Reason.FORBIDDEN_PATH


def test_a_managed_folder_does_not_follow_a_link_out_of_volume_dir(tmp_path):
    own = tmp_path / "volumes" / "shop-3f9a2c71"
    own.mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (own / "data").symlink_to(tmp_path / "secret")
    with pytest.raises(Stalled, match="leads out"):
        paths(tmp_path).resolve(spec(managed("data/sub")))
    assert list((tmp_path / "secret").iterdir()) == []


def test_a_volume_dir_that_cannot_be_used_is_an_error_that_passes(tmp_path):
    (tmp_path / "volumes").write_text("a file")
    with pytest.raises(Transient, match="volume folder data of shop"):
        paths(tmp_path).resolve(spec(managed("data")))
