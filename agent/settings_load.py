"""Host settings put together: flags over variables over file over defaults, checked and turned into values.

All problems are told at once, each with its origin, expectation, finding and fix. Equal input gives equal settings.
"""

from __future__ import annotations

import platform
import re
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from agent import settings as model
from agent.core.policy import HostPolicy
from agent.core.values import parse_duration, parse_size
from agent.errors import Usage
from agent.schema_files import schemas
from agent.settings_check import check
from agent.settings_sources import CONFIG_VARIABLE, Layers, put_listen, put_variables, read_file

_FLAGS = (
    ("repo", ("repo", "url"), "--repo"),
    ("branch", ("repo", "branch"), "--branch"),
    ("path", ("repo", "path"), "--path"),
    ("host", ("host",), "--host"),
    ("data_dir", ("data_dir",), "--data-dir"),
)
_SECRETS = ("password", "ssh_key", "config_secret")
_DURATIONS = ("interval", "timeout", "flush")
_CONTAINER_ID = re.compile(r"[0-9a-f]{12}")


def load(arguments: Namespace, environment: Mapping[str, str]) -> model.AgentSettings:
    """The settings of this host; raises Usage."""
    schema = schemas()["agent"]
    config = getattr(arguments, "config", None) or environment.get(CONFIG_VARIABLE)
    layers = read_file(Path(config)) if config else Layers()
    _spread_listen(layers)
    put_variables(layers, environment, schema)
    _put_flags(layers, arguments)
    _put_surroundings(layers, environment)
    check(layers, schema)
    return _build(layers.document)


def _spread_listen(layers: Layers) -> None:
    """`listen: ADDRESS` is both addresses."""
    listen = layers.document.get("listen")
    if isinstance(listen, str):
        origin = layers.origin("/listen")
        del layers.document["listen"]
        put_listen(layers, listen, origin)


def _put_flags(layers: Layers, arguments: Namespace) -> None:
    for name, pointer, flag in _FLAGS:
        value = getattr(arguments, name, None)
        if value is not None:
            layers.put(pointer, str(value), f"flag {flag}")
    listen = getattr(arguments, "listen", None)
    if listen is not None:
        put_listen(layers, listen, "flag --listen")


def _put_surroundings(layers: Layers, environment: Mapping[str, str]) -> None:
    """What the machine says where the settings are silent."""
    engine = layers.document.get("engine", {})
    if isinstance(engine, dict) and "url" not in engine and environment.get("DOCKER_HOST"):
        layers.put(("engine", "url"), environment["DOCKER_HOST"], "variable DOCKER_HOST")
    if "host" not in layers.document:
        layers.put(("host",), _machine_name(), "the machine's name")


def _machine_name() -> str:
    """The machine's name in letters that a host name may have; refused where it would change with each start."""
    name = platform.node()
    if _CONTAINER_ID.fullmatch(name) and Path("/.dockerenv").exists():
        raise Usage(
            f"host: expected a lasting name, found the container id {name}, which is another after each update",
            advice="set PIERHEAD_HOST, `host` in the settings file or --host to the name of the machine",
        )
    return re.sub(r"[^A-Za-z0-9._-]", "-", name).strip("._-")[:63].rstrip("._-") or "localhost"


def _build(document: Mapping[str, Any]) -> model.AgentSettings:
    """The checked document as values; what it leaves out is at the default of the dataclass."""
    data_dir = Path(document.get("data_dir", "/var/lib/pierhead"))
    plain = {name: document[name] for name in ("concurrency", "verify", "proxy") if name in document}
    if "resync" in document:
        plain["resync"] = parse_duration(document["resync"])
    if "url" in document.get("engine", {}):
        plain["engine_url"] = document["engine"]["url"]
    return model.AgentSettings(
        repo=_part(model.RepositorySettings, document["repo"]),
        host=document["host"],
        data_dir=data_dir,
        volume_dir=Path(document.get("volume_dir", data_dir / "volumes")),
        listen=_listen(document.get("listen", {})),
        write_back=_part(model.WriteBackSettings, document.get("write_back", {})),
        policy=_part(HostPolicy, document.get("policy", {})),
        secrets=tuple(_part(model.SecretProviderSettings, one) for one in document.get("secrets", ())),
        webhook=_part(model.WebhookSettings, document.get("webhook", {})),
        **plain,
    )


def _part(make: Callable[..., Any], raw: Mapping[str, Any]) -> Any:
    """One group of settings as its dataclass, whose fields have the names of the schema."""
    return make(**{name: _value(name, value) for name, value in raw.items() if not name.startswith("x-")})


def _value(name: str, value: Any) -> Any:
    if name in _SECRETS:
        return value["secret"]
    if name in _DURATIONS:
        return parse_duration(value)
    if name == "max_body":
        return parse_size(value)
    return tuple(value) if isinstance(value, list) else value


def _listen(raw: Mapping[str, str]) -> model.ListenSettings:
    default = model.ListenSettings()
    status = raw.get("status", default.status)
    return model.ListenSettings(status=status, webhooks=raw.get("webhooks", status))
