"""What the schema of an image source cannot say: references, the host's policy, combinations that cannot work."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple

from agent.core.kinds import Finding
from agent.core.model import DesiredState, Workload
from agent.core.policy import HostPolicy
from agent.core.problems import Severity
from agent.core.values import ImageName, InvalidValue, parse_image, quoted
from agent.sources.image_policy import policy_findings
from agent.sources.image_source import JOIN, ImageSource
from agent.sources.image_spec import source_of

ALONE = ("host", "none")


class Case(NamedTuple):
    """One workload under check."""

    workload: Workload
    source: ImageSource
    desired: DesiredState
    policy: HostPolicy


def findings(workload: Workload, desired: DesiredState, policy: HostPolicy) -> Iterator[Finding]:
    """Everything that is wrong with an image workload, by field."""
    source = source_of(workload)
    case = Case(workload, source, desired, policy)
    yield from _image(case)
    if source.tags or source.max_instances is not None:
        yield from _versions(case)
    if workload.publish:
        yield from _copies(case)
    if source.healthcheck is not None:
        yield from _healthcheck(case)
    yield from _networks(case)
    if source.engine != "container" or source.strategy is not None or source.drain is not None:
        yield from _not_acted_on(case)
    yield from policy_findings(workload, source, policy)


def _image(case: Case) -> Iterator[Finding]:
    source = case.source
    try:
        name = parse_image(source.image)
    except InvalidValue as error:
        yield Finding(
            pointer="/source/image",
            code="InvalidValue",
            expected=error.expected,
            found=error.found,
            fix=error.fix or "correct the name",
        )
        return
    inside = () if name.bare else (("tag", name.tag, source.tag), ("digest", name.digest, source.digest))
    for field_name, inner, outer in inside:
        if inner is not None and (outer is not None or source.tags):
            yield Finding(
                pointer="/source/image",
                code="Conflict",
                expected=f"the {field_name} in one place",
                found=f"{quoted(inner)} inside the image name as well",
                fix=f"take the {field_name} out of the image name",
            )
    yield from _registry(case, name)


def _registry(case: Case, name: ImageName) -> Iterator[Finding]:
    registry_name = case.source.registry
    host = name.host
    if registry_name is not None:
        registry = case.desired.registries.get(registry_name)
        if registry is None:
            known = ", ".join(sorted(case.desired.registries)) or "none"
            yield Finding(
                pointer="/source/registry",
                code="UnknownReference",
                expected="the name of a Registry document",
                found=f"{quoted(registry_name)}; known: {known}",
                fix="add the Registry below registries/, or correct the name",
            )
            return
        if _names_host(case.source.image) and host != registry.host:
            yield Finding(
                pointer="/source/image",
                code="Conflict",
                expected=f"an image of registry {registry_name} ({registry.host})",
                found=f"host {quoted(host)}",
                fix="leave the host out of the image name, or name another registry",
            )
        host = registry.host
    allowed = case.policy.allowed_registries
    if "*" not in allowed and not any(fnmatchcase(host, pattern) for pattern in allowed):
        yield Finding(
            pointer="/source/image",
            code="ForbiddenByPolicy",
            expected=f"a registry that this host allows: {', '.join(case.policy.allowed_registries) or 'none'}",
            found=quoted(host),
            fix="use an allowed registry, or add it to policy.allowed_registries in the host settings",
        )


def _names_host(image: str) -> bool:
    """Whether the first part of an image name is a host, by Docker's rule."""
    first, slash, _ = image.partition("/")
    return bool(slash) and ("." in first or ":" in first or first == "localhost")


def _versions(case: Case) -> Iterator[Finding]:
    source = case.source
    if source.tags and (source.tag is not None or source.digest is not None):
        field_name = "tag" if source.tag is not None else "digest"
        yield Finding(
            pointer=f"/source/{field_name}",
            code="Conflict",
            expected="either `tags` or one version",
            found=f"`tags` and `{field_name}`",
            fix=f"remove `{field_name}`; the newest version stands first in `tags`",
        )
    doubles = sorted({tag for tag in source.tags if source.tags.count(tag) > 1}) if source.tags else ()
    if doubles:
        yield Finding(
            pointer="/source/tags",
            code="Duplicate",
            expected="different tags",
            found=f"{', '.join(doubles)} more than once",
            fix="list each tag once",
        )
    if source.max_instances is not None and not source.tags:
        yield Finding(
            pointer="/source/max_instances",
            code="Conflict",
            expected="`tags` beside `max_instances`",
            found="no `tags`",
            fix="list the versions in `tags`, newest first, or remove `max_instances`",
        )


def _copies(case: Case) -> Iterator[Finding]:
    """A port of the host can be bound once."""
    copies = case.source.replicas * len(case.source.instances)
    if copies > 1 and case.workload.publish:
        yield Finding(
            pointer="/publish",
            code="Conflict",
            expected="one container where host ports are published",
            found=f"{copies} containers that would all bind them",
            fix="publish nothing, or run one replica of one version",
        )


def _healthcheck(case: Case) -> Iterator[Finding]:
    check = case.source.healthcheck
    if check is not None and check.command is None and check.port is None:
        kind = "http" if check.http is not None else "tcp"
        yield Finding(
            pointer="/source/healthcheck",
            code="MissingField",
            expected=f"a port for the {kind} check",
            found="neither `source.port` nor `healthcheck.port`",
            fix="add `port: 8080` (the port that the container listens on) to the source",
        )


def _networks(case: Case) -> Iterator[Finding]:
    networks = case.source.networks or ()
    special = [name for name in networks if name in ALONE or name.startswith(JOIN)]
    if special and len(networks) > 1:
        yield Finding(
            pointer="/source/networks",
            code="Conflict",
            expected=f"{quoted(special[0])} alone",
            found=", ".join(networks),
            fix="name either that one or ordinary networks",
        )
    if special and case.workload.publish and special[0] != "none":
        yield Finding(
            pointer="/publish",
            code="Conflict",
            expected=f"no published ports with network {quoted(special[0])}",
            found=f"{len(case.workload.publish)} published",
            fix="remove `publish`; the ports are those of the joined network",
        )
    for name in special:
        if name.startswith(JOIN):
            yield from _joined(case, name.removeprefix(JOIN))


def _joined(case: Case, owner_name: str) -> Iterator[Finding]:
    if owner_name == case.workload.name:
        found, fix = "the workload itself", "name another workload"
    elif owner_name not in case.desired.workloads:
        found, fix = f"{quoted(owner_name)}, which this host does not run", "correct the name, or its `hosts`"
    else:
        return
    yield Finding(
        pointer="/source/networks",
        code="UnknownReference",
        expected="another workload of this host",
        found=found,
        fix=fix,
    )


def _not_acted_on(case: Case) -> Iterator[Finding]:
    source = case.source
    if source.engine == "swarm":
        yield Finding(
            pointer="/source/engine",
            code="NotAvailable",
            expected="`engine: container`",
            found="`swarm`, which this version cannot run",
            fix="remove `engine`, or wait for a version with Swarm services",
        )
    if source.strategy == "blue-green":
        yield _warning("strategy", "`strategy: recreate`", "`blue-green`, which is carried out as recreate")
    if source.drain is not None:
        yield _warning("drain", "no `drain`", "`drain`, which only blue-green uses")


def _warning(field_name: str, expected: str, found: str) -> Finding:
    return Finding(
        pointer=f"/source/{field_name}",
        code="NotActedOn",
        expected=expected,
        found=found,
        fix="nothing has to be done; this version does not act on it yet",
        severity=Severity.WARNING,
    )
