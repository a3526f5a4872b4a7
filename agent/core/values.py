"""Small written values and what they mean: durations, sizes, image names, ports, words and ids.

Each parser takes text as people write it and either returns the normalised value or raises `InvalidValue`, which says
what was expected and what was found. Durations become seconds, sizes bytes. The same few values fill a repository, so
results are remembered.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import shlex
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from agent.core.model import Publish

DOCKER_HUB = "docker.io"

_DURATION_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE_UNITS = {
    "B": 1,
    **{f"{letter}iB": 1024**power for power, letter in enumerate("KMGT", 1)},
    **{f"{letter}B": 1000**power for power, letter in enumerate("KMGT", 1)},
}
_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)([KMGT]?i?B)")
_DNS_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?")
_PATH = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PUBLISH = re.compile(
    r"(?:(?P<ip>\[[0-9A-Fa-f:.]+\]|[0-9.]+):)?(?P<host>[0-9]{1,5}):(?P<port>[0-9]{1,5})(?:/(?P<protocol>tcp|udp))?"
)


class InvalidValue(ValueError):
    """A written value that means nothing. `pointer` leads to it from the start of the document, where it is known."""

    def __init__(self, expected: str, found: str, *, fix: str = "", pointer: str = "") -> None:
        super().__init__(f"expected {expected}, found {found}")
        self.expected = expected
        self.found = found
        self.fix = fix
        self.pointer = pointer


def quoted(text: str, limit: int = 80) -> str:
    """Text as it is shown inside a message: in backquotes, on one line, shortened."""
    shown = "".join(character if character.isprintable() else "�" for character in text)
    return f"`{shown if len(shown) <= limit else shown[: limit - 1] + '…'}`"


@lru_cache(maxsize=4096)
def parse_duration(text: str) -> float:
    """Seconds of `500ms`, `10s`, `5m`, `1h30m` or `2d`."""
    parts = list(_DURATION_PART.finditer(text))
    spans = [(0, 0), *(part.span() for part in parts), (len(text), len(text))]
    if not parts or any(left[1] != right[0] for left, right in pairwise(spans)):
        raise InvalidValue("a duration such as 500ms, 10s, 5m or 1h30m", quoted(text))
    return sum(float(part[1]) * _DURATION_UNITS[part[2]] for part in parts)


@lru_cache(maxsize=4096)
def parse_size(text: str) -> int:
    """Bytes of `64MiB` (1024²) or `64MB` (1000²)."""
    match = _SIZE.fullmatch(text)
    if match is None or match[2] not in _SIZE_UNITS:
        raise InvalidValue("a size such as 64MiB, 512KiB or 2GiB", quoted(text))
    return int(float(match[1]) * _SIZE_UNITS[match[2]])


def is_dns_label(text: str) -> bool:
    """Lower-case letters, digits and inner hyphens, at most 63."""
    return _DNS_LABEL.fullmatch(text) is not None


@lru_cache(maxsize=4096)
def default_id(name: str) -> str:
    """The id of a workload that states none."""
    return hashlib.sha256(name.encode(errors="replace")).hexdigest()[:8]


def split_words(value: str | list[str] | tuple[str, ...]) -> tuple[str, ...]:
    """A command as words: a list as it is, one string split like a shell does, without expansion."""
    if not isinstance(value, str):
        return tuple(value)
    try:
        return tuple(shlex.split(value))
    except ValueError:
        # The words are not shown: a password may be among them.
        fix = "close the quote, or write a list of words"
        raise InvalidValue("words with closed quotes", "an open quote", fix=fix) from None


def is_tag(text: str) -> bool:
    """Whether text can be the tag of an image."""
    return _TAG.fullmatch(text) is not None


def is_digest(text: str) -> bool:
    """Whether text can be the digest of an image: `sha256:` and 64 hex digits."""
    return _DIGEST.fullmatch(text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageName:
    """An image reference taken apart. `host` is the registry's, `docker.io` where none was written."""

    host: str
    path: str
    tag: str | None = None
    digest: str | None = None

    @property
    def bare(self) -> bool:
        """Whether it names no version."""
        return self.tag is None and self.digest is None

    @property
    def repository(self) -> str:
        """Registry host and path, without tag and digest."""
        return f"{self.host}/{self.path}"

    @property
    def text(self) -> str:
        """The full normalised reference."""
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.repository}{tag}" + (f"@{self.digest}" if self.digest else "")


@lru_cache(maxsize=4096)
def parse_image(text: str) -> ImageName:
    """Take `[HOST[:PORT]/]PATH[:TAG][@DIGEST]` apart by Docker's rules."""
    name, at, digest = text.partition("@")
    host, path = _split_host(name)
    path, colon, tag = path.partition(":")
    if host == DOCKER_HUB and "/" not in path:
        path = f"library/{path}"
    wrong = (
        not _HOST.fullmatch(host)
        or not _PATH.fullmatch(path)
        or (colon and not _TAG.fullmatch(tag))
        or (at and not _DIGEST.fullmatch(digest))
    )
    if wrong:
        fix = "write lower-case letters, digits, `.`, `_`, `-` and `/`" if _DNS_PROBLEM.search(path) else ""
        raise InvalidValue("an image such as registry.example.com/shop/web", quoted(text), fix=fix)
    return ImageName(host=host, path=path, tag=tag or None, digest=digest or None)


_DNS_PROBLEM = re.compile(r"[^a-z0-9._/-]")


def _split_host(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost" or first != first.lower()):
        return (DOCKER_HUB if first in {"index.docker.io", "registry-1.docker.io"} else first.lower()), rest
    return DOCKER_HUB, name


@lru_cache(maxsize=4096)
def parse_publish(text: str) -> Publish:
    """A port binding from `[HOST_IP:]HOST_PORT:CONTAINER_PORT[/tcp|/udp]`; an IPv6 address stands in brackets."""
    match = _PUBLISH.fullmatch(text)
    expected = "[HOST_IP:]HOST_PORT:CONTAINER_PORT[/tcp|/udp]"
    if match is None:
        raise InvalidValue(expected, quoted(text), fix="write for example `127.0.0.1:8080:80`")
    host_port, container_port = int(match["host"]), int(match["port"])
    if not (1 <= host_port <= 65535 and 1 <= container_port <= 65535):
        raise InvalidValue("ports from 1 to 65535", quoted(text))
    return Publish(
        host_ip=_host_ip((match["ip"] or "").strip("[]"), text),
        host_port=host_port,
        container_port=container_port,
        protocol=match["protocol"] or "tcp",
    )


@lru_cache(maxsize=256)
def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(text)


def _host_ip(text: str, whole: str) -> str:
    """The address in its one spelling; empty for all addresses."""
    if not text:
        return ""
    try:
        address = _address(text)
    except ValueError:
        raise InvalidValue("an IP address of the host", quoted(whole)) from None
    return "" if address == ipaddress.IPv4Address("0.0.0.0") else str(address)  # noqa: S104 - compared, not bound
