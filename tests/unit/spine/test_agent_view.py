"""What the page and the metrics see of a running agent; secrets are names, and nothing changes anything."""

from __future__ import annotations

import pytest
from support.house import House
from support.spine import AWAY, document

from agent.chronicle import Note
from agent.core.detail import EnvironmentEntry, VolumeEntry
from agent.core.reasons import Reason

FULL = """\
kind: Workload
name: shop
description: Sells things
labels: {team: shop}
source: {kind: image, image: app, tag: '1', port: 80}
depends_on: [db]
env: {LEVEL: info, KEY: {secret: key}}
volumes:
  - {source: data, target: /data, scope: project_named, read_only: true}
publish: ["127.0.0.1:8080:80", "53:53/udp"]
faces:
  - {host: shop.example.com, port: 80}
  - {host: plain.example.com, path: /shop, port: 80, tls: "off"}
"""


@pytest.fixture
def view(spine):
    spine.secrets.values["key"] = "swordfish-42"
    return House(spine).agent().parts.view


def stage(name: str, parent: str = "") -> str:
    return document(name, more=f"parent: {parent}\n" if parent else "")


def test_a_workload_with_everything_its_document_says_but_no_secret(spine, view):
    spine.deploy({"db": document("db"), "shop": FULL})
    detail = view.workload("shop")
    assert detail.status == spine.status("shop")
    assert (detail.description, detail.labels, detail.source["image"]) == ("Sells things", {"team": "shop"}, "app:1")
    assert detail.environment == (
        EnvironmentEntry(name="KEY", secret="key"),
        EnvironmentEntry(name="LEVEL", value="info"),
    )
    assert detail.volumes == (VolumeEntry(scope="project_named", source="data", target="/data", read_only=True),)
    assert detail.faces == ("https://shop.example.com/", "http://plain.example.com/shop")
    assert detail.publish == ("127.0.0.1:8080:80/tcp", "53:53/udp")
    assert detail.depends_on == ("db",)
    assert view.workload("db").dependents == ("shop",)
    assert "swordfish" not in repr(detail)


def test_an_unknown_workload_is_none(view):
    assert view.workload("shop") is None
    assert view.logs("shop", 10) is None
    assert list(view.follow_logs("shop", 10)) == []


def test_a_workload_that_is_only_on_the_board_has_its_status_and_no_more(spine, view):
    spine.deploy({"shop": document("shop", more="no_such: 1\n")})
    detail = view.workload("shop")
    assert detail.status.reason is Reason.INVALID_DOCUMENT
    assert detail.source == {}


def test_a_stage_chain_reads_from_the_first_to_the_last_from_wherever_one_looks(spine, view):
    files = {"dev": stage("dev"), "staging": stage("staging", "dev"), "prod": stage("prod", "staging")}
    spine.deploy(files | {"alone": document("alone")})
    assert [view.workload(name).chain for name in files] == [("dev", "staging", "prod")] * 3
    assert view.workload("alone").chain == ()


def test_a_chain_ends_where_it_forks(spine, view):
    files = {"dev": stage("dev"), "east": stage("east", "dev"), "west": stage("west", "dev")}
    spine.deploy(files)
    assert view.workload("dev").chain == ()
    assert view.workload("east").chain == ("dev", "east")


def test_logs_are_those_of_the_active_container_without_secrets(spine, view):
    spine.deploy({"shop": document("shop")})
    [container] = spine.engine.containers.values()
    container.lines += ["one", "the key is swordfish-42", "three"]
    assert view.logs("shop", 2) == ("the key is ***", "three")
    assert list(view.follow_logs("shop", 2)) == ["the key is ***", "three"]


def test_lines_of_several_replicas_say_whose_they_are(spine, view):
    text = "kind: Workload\nname: shop\nsource: {kind: image, image: app, tag: '1', replicas: 2}\n"
    spine.deploy({"shop": text})
    for container in spine.engine.containers.values():
        container.lines.append("ready")
    spine.observer.snapshot(spine.clock.monotonic())
    assert set(view.logs("shop", 10)) == {f"{name} | ready" for name in spine.engine.names()}


def test_events_come_newest_first_and_by_workload(spine, view):
    for message, name in (("one", "shop"), ("two", "db"), ("three", "shop")):
        spine.chronicle.write(Note(reason=Reason.HEALTHY, message=message, workload=name))
    assert [one.message for one in view.events(10)] == ["three", "two", "one"]
    assert [one.message for one in view.events(10, "shop")] == ["three", "one"]
    newest = view.events(1)[0]
    assert [one.message for one in view.events(1, before=newest.id)] == ["two"]


def test_it_is_ready_after_the_first_pass_with_an_engine_that_answers(spine, view):
    assert view.unready() == ("the config repository was not read yet",)
    spine.commit({"shop": document("shop")})
    assert view.unready() == ("the first pass is not finished yet",)
    spine.drain()
    spine.loop._note_first_pass()
    assert view.unready() == ()
    spine.engine.fail("list_containers", AWAY)
    spine.loop.resync()
    [why] = view.unready()
    assert why.startswith("engine: EngineUnreachable")


def test_who_subscribes_is_told_of_records_and_events(spine, view):
    told = []
    leave = view.subscribe(lambda: told.append(None))
    spine.board.condition("engine", "away")
    spine.chronicle.write(Note(reason=Reason.HEALTHY, message=""))
    leave()
    spine.board.condition("engine", None)
    assert len(told) == 2
    assert view.status() == spine.board.status()


def test_the_numbers_are_those_of_what_happened(spine, view):
    spine.deploy({"shop": document("shop"), "bad": document("bad", tag="7")})
    spine.follower.follow()
    spine.flusher.flush()
    spine.queue.add("one")
    numbers = {(one.name, *one.labels.values()): one for one in view.counters()}
    values = {key: one.value for key, one in numbers.items()}
    assert values["passes_total",] == spine.loop.passes > 0
    assert values["queue_depth",] == 1
    assert values["list_calls_total",] == spine.engine.calls.count("list_containers")
    assert values["workload_outcomes_total", "Deployed"] == 1
    assert values["workload_outcomes_total", "Failed"] == 1
    assert (values["fetches_total", "ok"], values["fetches_total", "failed"]) == (2, 0)
    assert (values["flushes_total", "ok"], values["flushes_total", "failed"]) == (1, 0)
    assert values["events_total", "error"] == len(spine.reasons(severity="error")) > 0
    assert [one.name for one in numbers.values() if one.gauge] == ["queue_depth"]
    assert all(one.help for one in numbers.values())
