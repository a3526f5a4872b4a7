from __future__ import annotations

import pytest
from support.documents import Repo, codes, desired, reader, workload

from agent.core.build import build_settings
from agent.core.model import Binding, Face, Publish, Release, SecretRef, Volume

REGISTRY = "kind: Registry\nname: a\nhost: R.example.com:5000\nusername: me\npassword: {secret: p}\n"


PUSH = "kind: Trigger\nname: push\nsignal: {kind: schedule, cron: '@daily'}\n"


def built(more: str = "", settings: str | None = None):
    files = {"workloads/web.yaml": workload("web", more), "triggers/push.yaml": PUSH}
    if settings is not None:
        files["settings.yaml"] = f"kind: Settings\nname: settings\n{settings}"
    state = desired(files)
    assert [problem for problem in state.problems if problem.code != "NotActedOn"] == []
    return state.workloads["web"]


def test_a_bare_workload_has_its_defaults():
    web = built()
    assert (web.name, web.hosts, web.suspend, web.prune, web.update, web.on_failure) == (
        "web",
        (),
        False,
        True,
        "commit",
        "hold",
    )
    assert len(web.id) == 8
    assert (web.position.path, web.position.line, web.position.column) == ("workloads/web.yaml", 1, 1)


def test_every_field_reaches_the_model():
    web = built(
        """
        id: 3f9a2c71
        description: Shop
        labels: {team: shop, tier: 1}
        hosts: [edge-*]
        suspend: true
        promotion: {via: none}
        env: {A: text, B: 4, C: {secret: c}}
        volumes:
          - {source: data, target: /data}
          - {target: /tmp, scope: ephemeral, read_only: true}
        faces: [{host: Shop.Example.com, port: 8080}]
        publish: ["127.0.0.1:8080:80/udp"]
        release: {command: ./migrate now, timeout: 1m}
        update: {via: none}
        on_failure: revert
        windows: [{allow: "Mon 08:00-09:00"}]
        prune: false
        triggers:
          - {trigger: push, order: 3, enabled: false, action: restart, with: {jitter: 1m}}
          - {kind: schedule, cron: "0 4 * * *", action: redeploy}
        log_rules: {disable: [noisy]}
        """
    )
    assert (web.id, web.description, web.labels) == ("3f9a2c71", "Shop", {"team": "shop", "tier": "1"})
    assert (web.hosts, web.suspend, web.promotion, web.prune) == (("edge-*",), True, {"via": "none"}, False)
    assert web.env == {"A": "text", "B": "4", "C": SecretRef("c")}
    assert web.volumes == (
        Volume(source="data", target="/data", scope="project"),
        Volume(source="", target="/tmp", scope="ephemeral", read_only=True),
    )
    assert web.faces == (Face(host="shop.example.com", port=8080),)
    assert web.publish == (Publish(host_ip="127.0.0.1", host_port=8080, container_port=80, protocol="udp"),)
    assert web.release == Release(command=("./migrate", "now"), timeout=60.0)
    assert (web.update, web.on_failure) == ("none", "revert")
    assert web.windows == ({"allow": "Mon 08:00-09:00"},)
    assert web.triggers == (
        Binding(trigger="push", order=3, enabled=False, action="restart", with_={"jitter": "1m"}),
        Binding(inline={"kind": "schedule", "cron": "0 4 * * *"}, action="redeploy"),
    )
    assert web.log_rules == {"disable": ["noisy"]}


def test_defaults_fill_what_a_workload_leaves_open():
    web = built(settings="defaults: {prune: false, env: {TZ: UTC}, source: {image: {pull: always}}}\n")
    assert (web.prune, web.env, web.source.raw["pull"]) == (False, {"TZ": "UTC"}, "always")


def test_a_workload_wins_over_the_defaults():
    web = built("prune: true\nenv: {TZ: CET}\n", settings="defaults: {prune: false, env: {TZ: UTC, A: b}}\n")
    assert (web.prune, web.env) == (True, {"TZ": "CET", "A": "b"})


def test_labels_of_a_source_are_merged_key_by_key():
    state = desired(
        {
            "workloads/a.yaml": "kind: Workload\nname: a\nsource: {kind: image, image: x, labels: {a: own}}\n",
            "settings.yaml": "kind: Settings\nname: s\ndefaults: {source: {image: {labels: {a: '1', b: '2'}}}}\n",
        }
    )
    assert state.workloads["a"].source.raw["labels"] == {"a": "own", "b": "2"}


def test_defaults_of_another_source_kind_do_not_apply():
    state = desired(
        {
            "workloads/a.yaml": workload("a"),
            "settings.yaml": "kind: Settings\nname: s\ndefaults: {env: {A: b}}\n",
        }
    )
    assert set(state.workloads["a"].source.raw) == {"kind", "image"}


def test_a_change_of_the_defaults_changes_every_workload():
    repo = Repo({"workloads/a.yaml": workload("a"), "workloads/b.yaml": workload("b")})
    reading = reader()
    assert reading.read(repo.tree(), repo.read_blob).workloads["b"].env == {}
    repo.put("settings.yaml", "kind: Settings\nname: s\ndefaults: {env: {A: x}}\n")
    assert [one.env for one in reading.read(repo.tree(), repo.read_blob).workloads.values()] == [{"A": "x"}] * 2


def test_a_registry_is_built():
    state = desired(
        {
            "registries/a.yaml": REGISTRY,
            "registries/b.yaml": "kind: Registry\nname: b\nhost: b\ninsecure: true\n",
        }
    )
    first, second = state.registries["a"], state.registries["b"]
    assert (first.host, first.username, first.password, first.insecure) == (
        "r.example.com:5000",
        "me",
        SecretRef("p"),
        False,
    )
    assert (second.password, second.insecure) == (None, True)


def test_settings_have_their_defaults_and_their_values():
    assert build_settings({}).default_network == "pierhead"
    assert build_settings({"retention": {}}).event_retention == 30 * 86400
    state = desired({"settings.yaml": "kind: Settings\nname: s\ndefault_network: n\nretention: {events: 7d}\n"})
    assert (state.settings.default_network, state.settings.event_retention) == ("n", 7 * 86400)


@pytest.mark.parametrize(
    ("more", "image", "pointer"),
    [
        ("publish: ['80:80', '99999:1', 'a:b']\n", "nginx", ["/publish/1", "/publish/2"]),
        ("release: {command: 'a \"b'}\n", "nginx", ["/release"]),
        ("", "refused", ["/source/image"]),
        ("", "broken", ["/source"]),
    ],
)
def test_values_that_the_schema_cannot_judge_are_all_told(more, image, pointer):
    state = desired({"workloads/web.yaml": workload("web", more, image=image)})
    found = [one for one in state.problems if one.code != "NotActedOn"]
    assert [one.pointer for one in found] == pointer
    assert set(codes(found)) == {"InvalidValue"}
    assert (state.workloads, set(state.invalid.values())) == ({}, {"web"})
