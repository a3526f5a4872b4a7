"""Where the API of an image's registry is, and whether it may be spoken to without verified TLS.

Without it only where the Registry document says `insecure`, and on loopback, as the engine does.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from agent.core.reasons import Reason
from agent.core.values import DOCKER_HUB, InvalidValue, parse_image
from agent.errors import Stalled
from agent.ports import Credentials
from agent.registries.credentials import canonical_host

HUB_API = "registry-1.docker.io"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One repository of one registry. `host` is the one spelling of its name, `login` None for anonymous."""

    host: str
    path: str
    relaxed: bool = False
    login: Credentials | None = None

    @property
    def image(self) -> str:
        """The image as people know it."""
        return f"{self.host}/{self.path}"

    @property
    def base(self) -> str:
        """Scheme, host and port of the API."""
        host = HUB_API if self.host == DOCKER_HUB else self.host
        return f"{'http' if self.relaxed else 'https'}://{host}"


def place_of(image: str, credentials: Credentials | None) -> Place:
    """Where `image` (`host/path`) is; raises Stalled for what is no image and for a login of another host."""
    try:
        name = parse_image(image)
    except InvalidValue as error:
        problem = f"image: expected {error.expected}, found {error.found}"
        raise Stalled(Reason.INVALID_DOCUMENT, problem, advice="correct `image` in the trigger") from None
    host = canonical_host(name.host)
    if credentials is not None and canonical_host(credentials.host) != host:
        raise Stalled(
            Reason.INVALID_DOCUMENT,
            f"{image}: the login is for {credentials.host}, but the image comes from {host}",
            advice="write the registry's host in front of the image, or take `registry` out",
        )
    insecure = credentials is not None and credentials.insecure
    login = credentials if credentials is not None and credentials.username else None
    return Place(host=host, path=name.path, relaxed=insecure or is_loopback(host), login=login)


def is_loopback(host: str) -> bool:
    """Whether a host, with or without port, is this machine itself."""
    name = host.rpartition(":")[0] or host
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
