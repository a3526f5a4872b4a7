"""What only a real engine can show: mounts, limits, labels, faults, logs and the network as containers see them."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest
from support import images
from support.engine_fixtures import URL

from agent.core.actions import CreateContainer
from agent.core.container import Mount
from agent.core.model import HealthCheck, Publish
from agent.core.policy import HostPolicy
from agent.core.reasons import Reason
from agent.engine.client import DockerEngine
from agent.engine.probes import probe
from agent.errors import Stalled, Transient

pytestmark = pytest.mark.engine


def wait_for(condition, seconds: float = 15.0):
    """The first true value of `condition()`; fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("did not happen in time")


def run(real, suffix: str = "", env: dict[str, str] | None = None, **fields) -> str:
    container = real.engine.create(real.action(suffix, **fields), env or {})
    real.engine.start(container)
    return container


def output(real, container: str) -> tuple[str, ...]:
    """What a container that ends by itself wrote."""
    wait_for(lambda: real.engine.exists(container).state == "exited")
    return real.engine.logs(container, 100)


def script(text: str, **fields):
    return {"command": ("sh", "-c", text), "restart": "no", **fields}


def test_environment_user_and_directory_reach_the_process(real):
    made = run(
        real,
        env={"A": "1 2=3", "EMPTY": ""},
        **script('echo "$A|$EMPTY|$(id -u)"; pwd', user="65534", working_dir="/tmp"),
    )
    assert output(real, made) == ("1 2=3||65534", "/tmp")


def test_a_managed_folder_is_mounted_and_survives_its_container(real, tmp_path):
    mounts = (Mount(type="managed", source="data", target="/data"),)
    first = run(real, mounts=mounts, **script("echo kept > /data/file"))
    output(real, first)
    real.engine.remove(first)
    assert (tmp_path / "volumes" / "web-abcd1234" / "data" / "file").read_text() == "kept\n"
    second = run(real, mounts=mounts, **script("cat /data/file"))
    assert output(real, second) == ("kept",)


def test_mounts_are_what_they_say(real, tmp_path):
    (tmp_path / "srv").mkdir()
    (tmp_path / "srv" / "file").write_text("from the host\n")
    engine = DockerEngine(URL, real.host, tmp_path, HostPolicy(allowed_volume_paths=(str(tmp_path),)))
    mounts = (
        Mount(type="bind", source=str(tmp_path / "srv"), target="/srv", read_only=True),
        Mount(type="tmpfs", source="", target="/scratch"),
        Mount(type="volume", source=real.name("-cache"), target="/cache"),
    )
    engine.create_volume(real.name("-cache"), {})
    text = "cat /srv/file; touch /srv/x 2>/dev/null || echo read-only; touch /scratch/x /cache/x && echo written"
    container = engine.create(real.action(mounts=mounts, **script(text)), {})
    engine.start(container)
    lines = output(real, container)
    assert lines[0] == "from the host"
    assert lines[-2:] == ("read-only", "written")
    engine.close()


def test_a_bind_outside_of_what_the_host_allows_makes_no_container(real):
    with pytest.raises(Stalled) as caught:
        real.engine.create(real.action(mounts=(Mount(type="bind", source="/etc", target="/etc2"),)), {})
    assert caught.value.reason is Reason.FORBIDDEN_PATH
    assert real.engine.list_containers() == ()


def test_a_bind_of_a_folder_that_is_not_there_is_not_made_up(real, tmp_path):
    engine = DockerEngine(URL, real.host, tmp_path, HostPolicy(allowed_volume_paths=(str(tmp_path),)))
    mount = Mount(type="bind", source=str(tmp_path / "missing"), target="/data")
    with pytest.raises(Transient, match="does not exist") as caught:
        engine.create(real.action(mounts=(mount,)), {})
    assert caught.value.reason is Reason.INVALID_CONTAINER
    assert not (tmp_path / "missing").exists()
    engine.close()


def test_a_command_that_is_not_in_the_image_needs_a_commit(real):
    with pytest.raises(Stalled) as caught:
        run(real, command=("/no/such/program",), init=False)
    assert caught.value.reason is Reason.INVALID_CONTAINER
    assert "/no/such/program" in caught.value.message


@pytest.mark.parametrize(
    "fields",
    [
        {"memory_limit": 1},
        {"devices": ("/dev/nothing-here",)},
        {"cap_add": ("NO_SUCH_CAPABILITY",)},
        {"image": "Bad/Name:1"},
    ],
)
def test_settings_that_the_engine_refuses_need_a_commit(real, fields):
    with pytest.raises(Stalled) as caught:
        run(real, **fields)
    assert caught.value.reason is Reason.INVALID_CONTAINER


def test_a_port_that_a_program_outside_docker_has_is_told(real):
    real.engine.create_network(real.name("-net"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        publish = (Publish(host_ip="127.0.0.1", host_port=port, container_port=80),)
        with pytest.raises(Transient, match=f"host port {port} is taken") as caught:
            run(real, networks=(real.name("-net"),), publish=publish)
    assert caught.value.reason is Reason.PORT_TAKEN
    assert "outside Docker" in caught.value.message


def test_a_container_that_cannot_join_another_waits_for_it(real):
    real.engine.create_network(real.name("-net"))
    owner = real.engine.create(real.action(networks=(real.name("-net"),)), {})
    action = real.action(".joiner", networks=(), network_of="web")
    joining = CreateContainer(action.name, action.spec, "1:b", "c0ffee", "active", network_container=owner)
    joiner = real.engine.create(joining, {})
    with pytest.raises(Transient) as caught:
        real.engine.start(joiner)
    assert caught.value.reason is Reason.DEPENDENCY_NOT_READY


def test_workloads_find_each_other_by_name(real):
    web = images.web_image(real.client, "ph-test/web:1", "one")
    network = real.name("-net")
    real.engine.create_network(network)
    run(real, image=web, networks=(network,), aliases=("shop",))
    text = "for i in 1 2 3 4 5; do wget -q -O - http://shop:8080/ && break; sleep 0.2; done"
    asking = run(real, ".client", networks=(network,), **script(text))
    assert output(real, asking) == ("one",)


def test_the_agent_probes_a_container_at_its_own_address(real):
    web = images.web_image(real.client, "ph-test/web:1", "one")
    real.engine.create_network(real.name("-net"))
    container = run(real, image=web, networks=(real.name("-net"),))
    address = real.engine.address(container)
    check = HealthCheck(http="/", port=8080)
    wait_for(lambda: probe(address, check) is None)
    assert "404" in (probe(address, HealthCheck(http="/missing", port=8080)) or "")


def test_a_container_of_no_network_has_no_address(real):
    container = run(real)
    with pytest.raises(Transient, match="no address"):
        real.engine.address(container)


def test_restarts_are_counted_and_memory_that_ran_out_is_seen(real):
    hungry = run(real, memory_limit=8 << 20, **script("tail /dev/zero"))
    wait_for(lambda: real.engine.exists(hungry).state == "exited")
    assert real.engine.inspect(hungry).oom_killed
    looping = run(real, ".loop", **script("exit 3", restart="always"))
    wait_for(lambda: real.engine.inspect(looping).restart_count > 0)
    real.engine.stop(looping, 1)
    assert real.engine.exists(looping).state == "exited"


def test_a_health_check_by_command_is_dockers_and_its_words_are_kept(real):
    check = HealthCheck(command=("sh", "-c", "echo no database; exit 1"), interval=0.2, retries=1, start_period=0)
    container = run(real, healthcheck=check)
    wait_for(lambda: real.engine.exists(container).health == "unhealthy")
    assert [one.health for one in real.engine.list_containers()] == ["unhealthy"]
    assert real.engine.inspect(container).health_output == "no database"


def test_an_images_own_health_check_counts_unless_the_agent_probes(real):
    image = images.unhealthy_image(real.client)
    own = run(real, image=image)
    probed = run(real, ".probed", image=image, healthcheck=HealthCheck(http="/", port=80))
    wait_for(lambda: real.engine.exists(own).health == "unhealthy")
    assert real.engine.exists(probed).health is None


def test_init_makes_a_stubborn_process_stop_quickly(real):
    image = images.stubborn_image(real.client)
    container = run(real, image=image, init=False)
    started = time.monotonic()
    real.engine.stop(container, 1)
    assert 0.9 < time.monotonic() - started < 5
    assert real.engine.exists(container).exit_code == 137


def test_the_last_lines_come_from_both_streams_in_order_and_clean(real):
    text = r"printf 'one\n'; sleep 0.2; printf '\033[31mtwo\033[0m\n' >&2; sleep 0.2; seq 50; printf 'x\377y'"
    container = run(real, **script(text))
    lines = output(real, container)
    assert lines[:3] == ("one", "two", "1")
    assert lines[-1] == "x\ufffdy"
    assert real.engine.logs(container, 3) == ("49", "50", "x\ufffdy")
    assert real.engine.logs(container, 0) == ()


def test_logs_of_a_driver_that_keeps_none_are_empty(real):
    container = run(real, logging={"driver": "none"}, **script("echo hello"))
    assert output(real, container) == ()


def test_following_ends_with_the_container(real):
    container = run(real, **script("echo one; sleep 0.5; echo two"))
    assert list(real.engine.follow_logs(container, 10)) == ["one", "two"]


def test_a_reader_that_leaves_closes_the_stream(real):
    container = run(real, **script("while true; do echo tick; sleep 0.05; done"))
    following = real.engine.follow_logs(container, 1)
    assert next(following) == "tick"
    started = time.monotonic()
    following.close()
    assert time.monotonic() - started < 1


def test_two_threads_make_one_network(real):
    name = real.name("-net")
    threads = [threading.Thread(target=real.engine.create_network, args=(name,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([one for one in real.client.networks(names=[name]) if one["Name"] == name]) == 1


def test_built_in_networks_are_not_made(real):
    for name in ("bridge", "host", "none"):
        real.engine.create_network(name)


def test_a_create_that_was_cut_off_before_its_networks_is_completed(real):
    one, two = real.name("-one"), real.name("-two")
    for name in (one, two):
        real.engine.create_network(name)
    container = real.engine.create(real.action(networks=(one, two)), {})
    real.client.disconnect_container_from_network(container, two)
    assert real.engine.create(real.action(networks=(one, two)), {}) == container
    assert set(real.engine.exists(container).networks) == {one, two}


def test_what_other_hosts_of_the_engine_run_is_neither_seen_nor_touched(real, tmp_path: Path):
    container = run(real)
    other = DockerEngine(URL, f"{real.host}-other", tmp_path, HostPolicy())
    assert other.list_containers() == ()
    assert other.exists(container) is None
    with pytest.raises(Stalled):
        other.stop(container, 1)
    assert real.engine.exists(container).state == "running"
    other.close()


def test_listing_is_one_call_however_many_containers_there_are(real, monkeypatch):
    for number in range(5):
        real.engine.create(real.action(f".{number}"), {})
    asked = []
    client = real.engine.connection.client()
    send = client.send
    monkeypatch.setattr(
        client, "send", lambda request, **kwargs: (asked.append(request.url), send(request, **kwargs))[1]
    )
    assert len(real.engine.list_containers()) == 5
    assert len(asked) == 1
    assert "/containers/json" in asked[0]
