"""Which login belongs to an image: that of the named Registry document, else of the one for the image's host.

A login is only ever given for the host that its Registry document states, so that no image name can make the agent send
a password elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping

from agent.core.model import Registry
from agent.core.reasons import Reason
from agent.core.values import DOCKER_HUB, InvalidValue, parse_image
from agent.errors import Stalled
from agent.ports import Credentials, Secrets

_HUB_NAMES = frozenset({DOCKER_HUB, "index.docker.io", "registry-1.docker.io", "hub.docker.com"})
_HTTPS_PORT = ":443"


def credentials_for(
    image: str, registry_name: str | None, registries: Mapping[str, Registry], secrets: Secrets
) -> Credentials | None:
    """How to log in to pull `image`; None when no Registry document is about its host.

    Raises Stalled when the named registry does not exist or is another host, or when its secret is missing.
    """
    host = _image_host(image)
    registry = _named(registry_name, registries, host) if registry_name else _for_host(host, registries)
    if registry is None:
        return None
    password = secrets.value(registry.password.name) if registry.password else ""
    return Credentials(
        host=canonical_host(registry.host),
        username=registry.username or "",
        password=password,
        insecure=registry.insecure,
    )


def canonical_host(host: str) -> str:
    """The one spelling of a registry's host: lower case, without the default port, Docker Hub by one name."""
    name = host.lower().removesuffix(_HTTPS_PORT)
    return DOCKER_HUB if name in _HUB_NAMES else name


def _image_host(image: str) -> str:
    try:
        return canonical_host(parse_image(image).host)
    except InvalidValue as error:
        problem = f"image: expected {error.expected}, found {error.found}"
    raise Stalled(Reason.INVALID_DOCUMENT, problem, advice="correct `image` in the workload")


def _named(name: str, registries: Mapping[str, Registry], host: str) -> Registry:
    registry = registries.get(name)
    if registry is None:
        known = ", ".join(sorted(registries)) or "none"
        raise Stalled(
            Reason.INVALID_DOCUMENT,
            f"registry: expected the name of a Registry document ({known}), found {name}",
            advice=f"add registries/{name}.yaml, or correct `registry` in the workload",
        )
    if canonical_host(registry.host) != host:
        raise Stalled(
            Reason.INVALID_DOCUMENT,
            f"registry {name} is {registry.host}, but the image comes from {host}",
            advice=f"write the image as {registry.host}/…, or take `registry` out of the workload",
        )
    return registry


def _for_host(host: str, registries: Mapping[str, Registry]) -> Registry | None:
    """The Registry of that host: one with a login before one without, then the first by name."""
    matching = [one for _, one in sorted(registries.items()) if canonical_host(one.host) == host]
    return next((one for one in matching if one.username), matching[0] if matching else None)
