"""The engine port, proved on the fake and on the real thing: everything can be repeated, nothing foreign is touched."""

from __future__ import annotations

import threading
import time

import pytest
from support import images

from agent.core.actions import UpdateContainer
from agent.core.container import Mount
from agent.core.model import Publish
from agent.core.moments import epoch
from agent.core.observed import Role
from agent.core.reasons import Reason
from agent.errors import Stalled, Transient


def wait_for(condition, seconds: float = 10.0):
    """The first true value of `condition()`; fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("did not happen in time")


def test_a_created_container_is_listed_with_everything_we_know_it_by(subject):
    container = subject.engine.create(subject.action(".candidate", index=2, instance="v1"), {"A": "b"})
    [found] = subject.engine.list_containers()
    assert (found.id, found.name, found.state) == (container, f"{subject.prefix}.candidate", "created")
    assert (found.workload, found.workload_id, found.fingerprint) == ("web", "abcd1234", "1:abcdef")
    assert (found.revision, found.role, found.instance, found.index) == ("c0ffee", Role.CANDIDATE, "v1", 2)
    assert found.extra == {"index": 2, "instance": "v1", "prune": True}
    assert found.exit_code is None


def test_the_additive_label_carries_what_an_action_and_a_redeploy_say(subject):
    action = subject.action(generation="e1-0-abcd")
    subject.engine.create(type(action)(**(_fields(action) | {"extra": {"run": "r", "timeout": 60.0}})), {})
    [found] = subject.engine.list_containers()
    assert found.generation == "e1-0-abcd"
    assert (found.extra["run"], found.extra["timeout"], found.extra["index"]) == ("r", 60.0, 1)


def test_a_one_off_container_keeps_its_role_whatever_it_is_called(subject):
    action = subject.action()
    container = subject.engine.create(type(action)(**(_fields(action) | {"role": "run"})), {})
    subject.engine.rename(container, f"{subject.prefix}.candidate")
    [found] = subject.engine.list_containers()
    assert found.role is Role.RUN
    assert subject.engine.exists(container).role is Role.RUN


def test_the_engine_tells_when_a_container_was_started_and_when_it_ended(subject):
    container = subject.engine.create(subject.action(), {})
    assert epoch(subject.engine.inspect(container).started_at) == 0
    subject.engine.start(container)
    first = epoch(subject.engine.inspect(container).started_at)
    assert first > 1_700_000_000
    subject.engine.stop(container, 1)
    ended = subject.engine.inspect(container)
    assert epoch(ended.started_at) == first
    assert epoch(ended.finished_at) >= first
    subject.engine.start(container)
    again = subject.engine.inspect(container)
    assert epoch(again.started_at) >= epoch(ended.finished_at)
    assert again.restart_count == 0


def test_what_exists_tells_is_what_the_list_tells(subject):
    container = subject.running()
    [listed] = subject.engine.list_containers()
    seen = subject.engine.exists(container)
    assert seen is not None
    assert (seen.name, seen.state, seen.networks) == (listed.name, listed.state, listed.networks)
    assert (seen.created, seen.extra, seen.image) == (listed.created, listed.extra, listed.image)
    assert subject.engine.exists(subject.prefix) is not None


def test_starting_twice_is_starting_once(subject):
    container = subject.running()
    subject.engine.start(container)
    assert subject.state(container) == "running"


def test_stopping_can_be_repeated_and_leaves_an_exit_code(subject):
    container = subject.running()
    subject.engine.stop(container, 5)
    subject.engine.stop(container, 5)
    [found] = subject.engine.list_containers()
    assert found.state == "exited"
    assert found.exit_code is not None


def test_a_paused_container_can_be_stopped(subject):
    container = subject.running()
    subject.pause(container)
    subject.engine.stop(container, 1)
    assert subject.state(container) == "exited"


def test_unpausing_can_be_repeated(subject):
    container = subject.running()
    subject.pause(container)
    assert subject.state(container) == "paused"
    subject.engine.unpause(container)
    subject.engine.unpause(container)
    assert subject.state(container) == "running"


def test_stopping_and_removing_what_is_gone_is_done_already(subject):
    container = subject.engine.create(subject.action(), {})
    subject.engine.remove(container)
    subject.engine.remove(container)
    subject.engine.stop(container, 1)
    assert subject.engine.list_containers() == ()
    assert subject.engine.exists(container) is None


def test_a_running_container_is_not_removed(subject):
    container = subject.running()
    with pytest.raises(Transient):
        subject.engine.remove(container)
    assert subject.state(container) == "running"


def test_starting_or_inspecting_what_is_gone_is_an_error_that_passes(subject):
    container = subject.engine.create(subject.action(), {})
    subject.engine.remove(container)
    for operation in (subject.engine.start, subject.engine.inspect, subject.engine.address, subject.engine.unpause):
        with pytest.raises(Transient, match="is gone"):
            operation(container)


def test_creating_the_same_container_again_returns_the_first(subject):
    first = subject.engine.create(subject.action(), {})
    assert subject.engine.create(subject.action(), {}) == first
    assert len(subject.engine.list_containers()) == 1


def test_a_name_that_another_version_has_is_taken(subject):
    subject.engine.create(subject.action(), {})
    with pytest.raises(Transient) as caught:
        subject.engine.create(subject.action(fingerprint="1:other"), {})
    assert caught.value.reason is Reason.NAME_TAKEN


def test_a_missing_image_is_told_as_such(subject, unique):
    with pytest.raises(Transient) as caught:
        subject.engine.create(subject.action(image=f"ph-test/{unique}:1"), {})
    assert caught.value.reason is Reason.IMAGE_NOT_FOUND


def test_renaming_changes_the_role_and_can_be_repeated(subject):
    container = subject.engine.create(subject.action(".candidate"), {})
    subject.engine.rename(container, subject.prefix)
    subject.engine.rename(container, subject.prefix)
    [found] = subject.engine.list_containers()
    assert (found.name, found.role) == (subject.prefix, Role.ACTIVE)


def test_a_name_in_use_is_not_given_twice(subject):
    subject.engine.create(subject.action(), {})
    other = subject.engine.create(subject.action(".candidate"), {})
    with pytest.raises(Transient) as caught:
        subject.engine.rename(other, subject.prefix)
    assert caught.value.reason is Reason.NAME_TAKEN


def test_limits_can_be_set_and_lifted_while_it_runs(subject):
    container = subject.running()
    subject.engine.update(UpdateContainer(container, "web", 0.5, 64 << 20, 100, "always"))
    limited = subject.engine.inspect(container)
    assert (limited.cpu_limit, limited.memory_limit, limited.pids_limit) == (0.5, 64 << 20, 100)
    assert limited.restart == "always"
    subject.engine.update(UpdateContainer(container, "web", None, None, None, ""))
    lifted = subject.engine.inspect(container)
    assert (lifted.cpu_limit, lifted.memory_limit, lifted.pids_limit, lifted.restart) == (None, None, None, "no")
    assert subject.state(container) == "running"


def test_limits_of_a_new_container_are_those_of_its_spec(subject):
    container = subject.engine.create(subject.action(cpu_limit=0.25, memory_limit=32 << 20, pids_limit=50), {})
    detail = subject.engine.inspect(container)
    assert (detail.cpu_limit, detail.memory_limit, detail.pids_limit) == (0.25, 32 << 20, 50)
    assert (detail.restart, detail.restart_count, detail.oom_killed) == ("unless-stopped", 0, False)


def test_networks_are_made_once_and_connected_once(subject):
    first, second = f"{subject.prefix}-one", f"{subject.prefix}-two"
    for name in (first, second, first):
        subject.engine.create_network(name)
    container = subject.running(networks=(first, second), aliases=("web",))
    subject.engine.connect(container, second, ("web",))
    [found] = subject.engine.list_containers()
    assert set(found.networks) == {first, second}
    assert all(found.networks.values())
    assert subject.engine.address(container) in found.networks.values()


def test_a_container_joins_the_network_of_another(subject):
    network = f"{subject.prefix}-net"
    subject.engine.create_network(network)
    owner = subject.running(networks=(network,))
    action = subject.action(".joiner", networks=(), network_of="web")
    joiner = subject.engine.create(type(action)(**(_fields(action) | {"network_container": owner})), {})
    subject.engine.start(joiner)
    found = subject.engine.exists(joiner)
    assert found is not None
    assert found.network_container == owner
    assert subject.engine.address(joiner) == subject.engine.address(owner)


def _fields(action):
    return {name: getattr(action, name) for name in action.__dataclass_fields__}


def test_a_container_of_the_host_network_answers_on_loopback(subject):
    container = subject.running(networks=("host",))
    assert subject.engine.address(container) == "127.0.0.1"


def test_a_port_that_is_taken_is_named_with_its_holder(subject):
    publish = (Publish(host_ip="127.0.0.1", host_port=39217, container_port=80),)
    network = f"{subject.prefix}-net"
    subject.engine.create_network(network)
    subject.running(networks=(network,), publish=publish)
    other = subject.engine.create(subject.action(".candidate", networks=(network,), publish=publish), {})
    with pytest.raises(Transient, match="39217") as caught:
        subject.engine.start(other)
    assert caught.value.reason is Reason.PORT_TAKEN
    assert f"container {subject.prefix} publishes it" in caught.value.message


def test_a_process_that_ends_leaves_its_code_and_its_last_lines(subject):
    container = subject.running(image="ph-test/exits:1", restart="no")
    wait_for(lambda: subject.state(container) == "exited")
    [found] = subject.engine.list_containers()
    assert found.exit_code == 1
    assert subject.engine.inspect(container).exit_code == 1
    assert subject.engine.logs(container, 20) == ("cannot read settings",)
    assert list(subject.engine.follow_logs(container, 20)) == ["cannot read settings"]


def test_logs_of_what_is_gone_are_empty(subject):
    container = subject.engine.create(subject.action(), {})
    assert subject.engine.logs(container, 5) == ()
    subject.engine.remove(container)
    assert subject.engine.logs(container, 5) == ()


def test_volumes_are_kept_when_their_container_goes(subject):
    volume = f"{subject.prefix}-data"
    subject.engine.create_volume(volume, {"pierhead.id": "abcd1234"})
    subject.engine.create_volume(volume, {"pierhead.id": "abcd1234"})
    mount = Mount(type="volume", source=volume, target="/data")
    container = subject.engine.create(subject.action(mounts=(mount,)), {})
    [found] = subject.engine.list_containers()
    assert found.volumes == (volume,)
    subject.engine.remove(container)
    assert subject.volume_exists(volume)


def test_a_present_image_is_not_pulled_and_an_absent_one_fails_in_words(subject):
    assert subject.engine.pull(images.BUSYBOX, None, False, None) is None
    with pytest.raises(Transient) as caught:
        subject.engine.pull("localhost:9/nothing/here:1", None, False, None)
    assert caught.value.reason in (Reason.IMAGE_NOT_FOUND, Reason.REGISTRY_UNAVAILABLE)


def test_containers_of_others_are_not_seen(subject, unique):
    container = subject.add_foreign(unique)
    assert subject.engine.list_containers() == ()
    assert subject.engine.exists(container) is None
    assert subject.engine.exists(unique) is None


def test_containers_of_others_are_never_changed(subject, unique):
    container = subject.add_foreign(unique)
    engine = subject.engine
    changes = [
        engine.start,
        lambda name: engine.stop(name, 1),
        engine.unpause,
        lambda name: engine.rename(name, f"{unique}-renamed"),
        lambda name: engine.update(UpdateContainer(name, name, 0.1, None, None, "no")),
        lambda name: engine.connect(name, "bridge", ()),
        engine.remove,
    ]
    for change in changes:
        for name in (container, unique):
            with pytest.raises(Stalled, match="was not created by Pierhead"):
                change(name)
    with pytest.raises(Transient) as caught:
        engine.create(type(subject.action())(unique, subject.action().spec, "1:abcdef", "c0ffee", "active"), {})
    assert caught.value.reason is Reason.NAME_TAKEN
    assert subject.foreign_state(container) == "running"


def test_nothing_is_changed_while_the_lease_is_not_held(subject, unique):
    container = subject.running()

    def refuse() -> None:
        raise Stalled(Reason.ENGINE_LOCKED, "another agent drives this engine")

    subject.engine.guard(refuse)
    engine = subject.engine
    changes = [
        lambda: engine.create(subject.action(".candidate"), {}),
        lambda: engine.create_network(unique),
        lambda: engine.create_volume(unique, {}),
        lambda: engine.start(container),
        lambda: engine.stop(container, 1),
        lambda: engine.unpause(container),
        lambda: engine.rename(container, unique),
        lambda: engine.update(UpdateContainer(container, "web", 0.1, None, None, "no")),
        lambda: engine.connect(container, "bridge", ()),
        lambda: engine.remove(container),
    ]
    for change in changes:
        with pytest.raises(Stalled, match="another agent"):
            change()
    [found] = engine.list_containers()
    assert (found.name, found.state) == (subject.prefix, "running")


def test_events_begin_with_a_gap_and_tell_what_happens_to_whom(subject):
    stop = threading.Event()
    seen = []

    def watch() -> None:
        seen.extend(_recorded(subject.engine.events(stop.is_set), seen))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        wait_for(lambda: seen and seen[0].lost)
        container = subject.running()
        subject.engine.stop(container, 5)
        subject.engine.remove(container)
        wait_for(lambda: any(one.action == "destroy" for one in seen))
    finally:
        stop.set()
    ended_at = time.monotonic()
    watcher.join(5)
    assert time.monotonic() - ended_at < 1.0
    ours = [one for one in seen if not one.lost]
    assert {one.container_id for one in ours} == {container}
    assert {one.workload_id for one in ours} == {"abcd1234"}
    actions = [one.action for one in ours]
    assert [one for one in actions if one in ("create", "start", "die", "destroy")] == [
        "create",
        "start",
        "die",
        "destroy",
    ]


def _recorded(events, seen):
    """Append as they come, because the caller looks meanwhile."""
    for event in events:
        seen.append(event)
    return ()


def test_the_engine_tells_its_version_and_its_time(subject):
    info = subject.engine.info()
    assert info.version
    assert info.api_version >= "1.41"
    assert info.time > 1_700_000_000
