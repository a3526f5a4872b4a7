"""The fields of an image source, normalised: durations in seconds, sizes in bytes, lists as tuples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from agent.core.container import Ulimit
from agent.core.model import NOTHING, HealthCheck
from agent.core.values import InvalidValue, parse_duration, parse_size, split_words

Raw = Mapping[str, Any]


class ImageSource(NamedTuple):
    """A source of `kind: image`, normalised. `strategy` and `drain` are None where the document names none.

    `networks` is None where the host's shared network is used. `tags` are versions side by side, newest first.
    """

    image: str
    tag: str | None = None
    digest: str | None = None
    registry: str | None = None
    platform: str | None = None
    pull: str = "missing"
    port: int | None = None
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    user: str | None = None
    working_dir: str | None = None
    healthcheck: HealthCheck | None = None
    cpu_limit: float | None = None
    memory_limit: int | None = None
    pids_limit: int | None = None
    replicas: int = 1
    max_instances: int | None = None
    tags: tuple[str, ...] = ()
    strategy: str | None = None
    drain: float | None = None
    stop_timeout: float = 10.0
    restart: str = "unless-stopped"
    networks: tuple[str, ...] | None = None
    labels: Mapping[str, str] = NOTHING
    read_only: bool = False
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = ()
    extra_hosts: tuple[str, ...] = ()
    ulimits: tuple[Ulimit, ...] = ()
    init: bool = True
    logging: Mapping[str, object] = NOTHING
    engine: str = "container"
    privileged: bool = False
    devices: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        return "image"

    @property
    def network_of(self) -> str | None:
        """The workload whose network namespace is joined, where one is."""
        if self.networks and len(self.networks) == 1 and self.networks[0].startswith(JOIN):
            return self.networks[0].removeprefix(JOIN)
        return None

    @property
    def instances(self) -> tuple[str, ...]:
        """The tags that run side by side; one empty name where the workload has one version."""
        return self.tags[: self.max_instances] or ("",)


JOIN = "workload:"


def parse_source(raw: Raw) -> ImageSource:
    """The source from a mapping that its schema accepts; raises InvalidValue for words with an open quote."""
    fields: dict[str, Any] = {}
    name = ""
    try:
        for name, value in raw.items():
            convert = CONVERSIONS.get(name)
            if convert is not None:
                fields[name] = convert(value)
            elif name in PLAIN:
                fields[name] = value
    except InvalidValue as error:
        error.pointer = error.pointer or f"/source/{name}"
        raise
    if "healthcheck" in raw:
        fields["healthcheck"] = _healthcheck(raw["healthcheck"], raw.get("port"))
    return ImageSource(**fields)


def _converted(name: str, value: Any, convert: Callable[[Any], object]) -> Any:
    try:
        return convert(value)
    except InvalidValue as error:
        error.pointer = error.pointer or f"/source/{name}"
        raise


def _healthcheck(raw: Raw, source_port: int | None) -> HealthCheck:
    tcp = raw.get("tcp", False)
    port = raw.get("port", source_port if isinstance(tcp, bool) else tcp)
    command = _converted("healthcheck/command", raw["command"], split_words) if "command" in raw else None
    times = tuple([(name, raw[name]) for name in ("interval", "timeout", "start_period") if name in raw])
    return _same_check(
        (raw.get("http"), tcp is not False, command), None if command else port, raw.get("retries", 3), times
    )


@lru_cache(maxsize=4096)
def _same_check(
    way: tuple[str | None, bool, tuple[str, ...] | None],
    port: int | None,
    retries: int,
    times: tuple[tuple[str, str], ...],
) -> HealthCheck:
    """One object for all equal checks: the same few fill a repository. `times` are durations as written."""
    http, tcp, command = way
    seconds = {name: parse_duration(text) for name, text in times}
    return HealthCheck(http=http, tcp=tcp, command=command, port=port, retries=retries, **seconds)


def _ulimits(raw: Raw) -> tuple[Ulimit, ...]:
    pairs = {
        name: (value["soft"], value["hard"]) if isinstance(value, Mapping) else (value, value)
        for name, value in raw.items()
    }
    return tuple(Ulimit(name=name, soft=soft, hard=hard) for name, (soft, hard) in sorted(pairs.items()))


def _text_map(raw: Raw) -> dict[str, str]:
    return {name: str(value) for name, value in raw.items()}


def _logging(raw: Raw) -> dict[str, object]:
    """Driver and options as strings, which is what the engine takes."""
    options = _text_map(raw.get("options", {}))
    return {"driver": raw.get("driver", "json-file")} | ({"options": options} if options else {})


def _unique(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


PLAIN = frozenset(
    (
        "image",
        "tag",
        "digest",
        "registry",
        "platform",
        "pull",
        "port",
        "working_dir",
        "pids_limit",
        "replicas",
        "max_instances",
        "strategy",
        "restart",
        "read_only",
        "init",
        "engine",
        "privileged",
    )
)
CONVERSIONS: Mapping[str, Callable[[Any], object]] = {
    "command": split_words,
    "entrypoint": split_words,
    "user": str,
    "cpu_limit": float,
    "memory_limit": parse_size,
    "tags": tuple,
    "drain": parse_duration,
    "stop_timeout": parse_duration,
    "networks": _unique,
    "labels": _text_map,
    "cap_add": _unique,
    "cap_drop": _unique,
    "security_opt": _unique,
    "extra_hosts": tuple,
    "ulimits": _ulimits,
    "logging": _logging,
    "devices": _unique,
}
