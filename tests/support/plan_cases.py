"""Short ways to say workloads, containers and situations for tests of the planner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ruamel.yaml import YAML

from agent.core.fingerprint import fingerprint
from agent.core.kinds import Situation
from agent.core.model import Publish, SecretRef, Settings, Volume, Workload
from agent.core.naming import role_of
from agent.core.observed import ContainerDetail, ObservedContainer
from agent.core.plan import Plan
from agent.core.planning.absent import plan_invalid, plan_removal
from agent.core.problems import Position
from agent.core.values import default_id, parse_publish
from agent.sources.image import KIND
from agent.sources.image_spec import containers

NOW = 1_000_000.0
REVISION = "c0ffee0" * 5 + "c0ffe"


def make_workload(name: str = "web", **fields: Any) -> Workload:
    """A workload; `source` holds raw fields of the image source, `env`, `volumes` and `publish` are as in YAML."""
    source = {"kind": "image", "image": "shop/web", "tag": "1.0"} | dict(fields.pop("source", {}))
    env = {
        key: value if isinstance(value, str) else SecretRef(value["secret"])
        for key, value in fields.pop("env", {}).items()
    }
    volumes = tuple(Volume(**volume) for volume in fields.pop("volumes", ()))
    publish: tuple[Publish, ...] = tuple(parse_publish(text) for text in fields.pop("publish", ()))
    return Workload(
        name=name,
        id=fields.pop("id", default_id(name)),
        source=KIND.parse({key: value for key, value in source.items() if value is not None}),
        position=Position(f"workloads/{name}.yaml", 1, 1),
        env=env,
        volumes=volumes,
        publish=publish,
        **{key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()},
    )


def make_situation(**fields: Any) -> Situation:
    """A situation in which nothing special holds."""
    return Situation(**({"revision": REVISION, "settings": Settings(), "now": NOW} | fields))


def target_of(workload: Workload, situation: Situation | None = None, instance: str = "", generation: str = "") -> str:
    """The fingerprint of a workload's containers."""
    situation = situation or make_situation()
    specs = containers(workload, situation.settings, situation.registry_hosts)
    spec = next(spec for spec in specs if spec.instance == instance)
    return fingerprint(replace(spec, generation=generation), situation.secrets)


def plan(workload: Workload, observed: tuple[ObservedContainer, ...] = (), **fields: Any) -> Plan:
    """The plan of the image kind; further arguments make the situation."""
    return KIND.plan(workload, observed, make_situation(**fields))


def make_container(workload: Workload, role: str = "active", **fields: Any) -> ObservedContainer:
    """A container as the planner makes it for a workload, by default running and active."""
    instance = fields.get("instance", "")
    situation = fields.pop("situation", None) or make_situation()
    generation = fields.pop("generation", "")
    mark = fields.pop("fingerprint", None) or target_of(workload, situation, instance, generation)
    index = fields.get("index", 1)
    name = ".".join(part for part in (workload.name, instance, mark.rpartition(":")[2][:8]) if part)
    name += (f".{index}" if index > 1 else "") + ("" if role == "active" else f".{role}")
    name = fields.pop("name", name)
    detail = fields.pop("detail", None)
    wanted = containers(workload, situation.settings, situation.registry_hosts)
    specs = [spec for spec in wanted if spec.instance == instance]
    base: Mapping[str, Any] = {
        "id": f"id-{name}",
        "name": name,
        "workload": workload.name,
        "workload_id": workload.id,
        "fingerprint": mark,
        "role": role_of(name),
        "image": specs[0].image if specs else "",
        "networks": dict.fromkeys(specs[0].networks if specs else (), "10.0.0.2"),
        "created": 100,
        "detail": ContainerDetail(**detail) if detail is not None else None,
        "extra": {"generation": generation} if generation else {},
    }
    return ObservedContainer(**(dict(base) | fields))


def load_case(text: str) -> Plan:
    """The plan of one golden case, whose YAML `tests/plans/README.md` describes."""
    case: dict[str, Any] = YAML(typ="safe").load(text)
    raw = case["workload"]
    versions = {"wanted": raw} | {name: _merged(raw, change) for name, change in case.get("versions", {}).items()}
    workloads = {name: make_workload(**version) for name, version in versions.items()}
    situation = dict(case.get("situation", {}))
    for one in case.get("containers", ()):
        _started(one)
    fixed = make_situation(**{key: situation[key] for key in ("secrets", "registry_hosts") if key in situation})
    observed = tuple(_case_container(dict(raw), workloads, fixed) for raw in case.get("containers", ()))
    if case.get("removed"):
        return plan_removal(observed, **situation)
    if case.get("invalid"):
        return plan_invalid(raw["name"], workloads["wanted"].id, observed)
    return _plan_case(workloads["wanted"], observed, situation)


def _plan_case(workload: Workload, observed: tuple[ObservedContainer, ...], situation: dict[str, Any]) -> Plan:
    """Times are seconds from now; `failed` says why the wanted version is in quarantine."""
    failed = situation.pop("failed", None)
    if "repairs" in situation:
        situation["repairs"] = tuple(NOW + seconds for seconds in situation["repairs"])
    if "retry_at" in situation:
        situation["retry_at"] += NOW
    if "restart_at" in situation:
        situation["restart_at"] += NOW
    if situation.pop("deployed", False):
        situation["deployed"] = plan(workload, **situation).target
    if failed is not None:
        situation["quarantined"] = {plan(workload, **situation).target: failed}
    return plan(workload, observed, **situation)


def _started(raw: dict[str, Any]) -> None:
    """`started` is in seconds from now; the limits are then as they should be by default."""
    if "started" in raw:
        moment = datetime.fromtimestamp(NOW + raw.pop("started"), tz=UTC).isoformat()
        raw["detail"] = {"restart": "unless-stopped", "started_at": moment} | raw.get("detail", {})


def _merged(raw: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(raw) | dict(change)
    if "source" in change:
        merged["source"] = dict(raw.get("source", {})) | dict(change["source"])
    return merged


def _case_container(raw: dict[str, Any], workloads: Mapping[str, Workload], situation: Situation) -> ObservedContainer:
    return make_container(
        workloads[raw.pop("version", "wanted")], raw.pop("role", "active"), situation=situation, **raw
    )


def told(plan: Plan) -> str:
    """A plan as golden files show it: its phase, its text, and when it is looked at again."""
    again = "" if plan.until is None else f"again in {plan.until - NOW:g} s\n"
    return f"{plan.phase}\n{plan.text}\n{again}"
