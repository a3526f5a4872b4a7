"""What the engine says when something goes wrong, told apart by who must act.

The engine's texts are matched because its status codes are not distinct: a registry that is away, a wrong password and
a full disk are all answered with 500. What can get better without a commit is Transient.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from agent.core.reasons import Reason
from agent.errors import PierheadError, Stalled, Transient

SLOW_RETRY = 60.0


@dataclass(frozen=True, slots=True)
class Rule:
    """One text of the engine. `retry_after` None leaves the delay to the caller's backoff; `stalled` needs a commit."""

    pattern: re.Pattern[str]
    reason: Reason
    advice: str
    retry_after: float | None = None
    stalled: bool = False


def _rule(
    pattern: str, reason: Reason, advice: str, *, retry_after: float | None = None, stalled: bool = False
) -> Rule:
    return Rule(re.compile(pattern, re.IGNORECASE), reason, advice, retry_after, stalled)


LOGIN = "set username and password of the Registry document, and check that its secret holds the current password"
INSECURE = (
    "the engine does not trust this registry: add its certificate below /etc/docker/certs.d, or list it under"
    " insecure-registries in /etc/docker/daemon.json on the host"
)
NO_IMAGE = "check the image and its tag, and that it was pushed; a private image needs a Registry with a password"

# The first match decides, so the specific stands before the general.
RULES = (
    _rule(
        "no space left on device|disk quota exceeded",
        Reason.DISK_FULL,
        "free disk space on the host, for instance with docker image prune",
        retry_after=SLOW_RETRY,
    ),
    _rule(
        "port is already allocated|address already in use|failed to bind host port",
        Reason.PORT_TAKEN,
        "publish another host port, or stop what listens there",
        retry_after=30.0,
    ),
    _rule(
        "container name .* is already in use",
        Reason.NAME_TAKEN,
        "rename or remove the container that has the name; Pierhead does not touch what it did not create",
        retry_after=30.0,
    ),
    _rule(
        "toomanyrequests|too many requests|rate limit|HTTP (status: )?429|StatusCode: 429",
        Reason.REGISTRY_RATE_LIMITED,
        "log in to the registry with a Registry document, or mirror the image",
        retry_after=300.0,
    ),
    _rule(
        "server gave HTTP response to HTTPS client|certificate signed by unknown authority|x509:",
        Reason.REGISTRY_UNAVAILABLE,
        INSECURE,
        retry_after=SLOW_RETRY,
    ),
    _rule(
        "pull access denied|repository does not exist",
        Reason.IMAGE_NOT_FOUND,
        NO_IMAGE,
        retry_after=SLOW_RETRY,
    ),
    _rule(
        "unauthorized|no basic auth credentials|authentication required|requested access to the resource is denied"
        "|HTTP (status: )?40[13]|incorrect username or password|denied:",
        Reason.REGISTRY_UNAUTHORIZED,
        LOGIN,
        retry_after=SLOW_RETRY,
    ),
    _rule(
        "no matching manifest|does not match the specified platform|cannot be used on this platform",
        Reason.IMAGE_NOT_FOUND,
        "push an image for this platform, or set `platform` to one that the image has",
        retry_after=SLOW_RETRY,
    ),
    _rule(
        "manifest unknown|manifest for .* not found|name unknown|no such image|HTTP (status: )?404",
        Reason.IMAGE_NOT_FOUND,
        NO_IMAGE,
        retry_after=SLOW_RETRY,
    ),
    _rule(
        "cannot join network of a non running container|no such container: .* network",
        Reason.DEPENDENCY_NOT_READY,
        "the workload whose network is joined must run first",
    ),
    _rule(
        "non-overlapping IPv4 address pool|could not find an available",
        Reason.ENGINE_ERROR,
        "the engine has no address range left for another network: remove unused networks with docker network prune,"
        " or let workloads share one",
        retry_after=SLOW_RETRY,
    ),
    _rule(
        "bind source path does not exist",
        Reason.INVALID_CONTAINER,
        "create the folder on the host; where the agent runs in a container, its volume_dir must be mounted at the"
        " same path as on the host",
        retry_after=SLOW_RETRY,
    ),
    _rule(
        "executable file not found|no such file or directory: unknown|exec format error|permission denied: unknown",
        Reason.INVALID_CONTAINER,
        "the image cannot run this command: check `command`, `entrypoint` and `platform`",
        stalled=True,
    ),
    _rule(
        "oci runtime create failed|error gathering device information|invalid reference format|invalid mount config"
        "|no command specified|linux spec|conflicting options|minimum memory limit|unable to find user",
        Reason.INVALID_CONTAINER,
        "correct the workload document; the engine's own words say which setting it refuses",
        stalled=True,
    ),
    _rule(
        "dial tcp|no such host|connection refused|i/o timeout|Client.Timeout|TLS handshake|unexpected EOF"
        "|context deadline exceeded|request canceled|received unexpected HTTP status|StatusCode: 5"
        "|connection reset by peer|net/http|: EOF$",
        Reason.REGISTRY_UNAVAILABLE,
        "the registry or the way to it is down; it is tried again",
    ),
)

PORT_PATTERNS = (
    re.compile(r"Bind for \S*:(\d+) failed"),
    re.compile(r"listen \S+ \S*:(\d+): bind"),
    re.compile(r"bind host port(?: for)? [\d.\[\]:a-f]*?:(\d+)[:/ ]"),
)


def taken_port(text: str) -> int | None:
    """The host port that the engine could not bind."""
    for pattern in PORT_PATTERNS:
        if found := pattern.search(text):
            return int(found[1])
    return None


def text_fault(doing: str, text: str) -> PierheadError | None:
    """The error for a known text of the engine, None when the text is not known."""
    for rule in RULES:
        if rule.pattern.search(text):
            message = _prefixed(doing, _told(rule, text))
            if rule.stalled:
                return Stalled(rule.reason, message, advice=rule.advice)
            return Transient(rule.reason, message, advice=rule.advice, retry_after=rule.retry_after)
    return None


def _prefixed(doing: str, text: str) -> str:
    return f"{doing}: {text}" if doing else text


def _told(rule: Rule, text: str) -> str:
    port = taken_port(text) if rule.reason is Reason.PORT_TAKEN else None
    return text.strip() if port is None else f"host port {port} is taken ({text.strip()})"


def api_fault(doing: str, status: int | None, text: str) -> PierheadError:
    """The error for an answer of the engine."""
    known = text_fault(doing, text)
    if known is not None:
        return known
    if status == 404 and "no such container" in text.lower():
        return Transient(Reason.ENGINE_ERROR, _prefixed(doing, "the container is gone"), retry_after=1.0)
    if status == 400:
        advice = "correct the workload document; the engine's own words say which setting it refuses"
        return Stalled(Reason.INVALID_CONTAINER, _prefixed(doing, text.strip()), advice=advice)
    return Transient(Reason.ENGINE_ERROR, _prefixed(doing, f"the engine answered {status}: {text.strip()}"))


def connection_fault(doing: str, url: str, error: Exception) -> PierheadError:
    """The error for a call that got no answer."""
    text = str(error)
    if "Permission denied" in text or "PermissionError" in text:
        advice = "add the agent's user to the group that owns the socket (usually `docker`), then start the agent again"
        return Transient(
            Reason.ENGINE_FORBIDDEN, _prefixed(doing, f"not allowed to use {url}"), advice=advice, retry_after=10.0
        )
    if "timed out" in text.lower():
        advice = "the engine is overloaded or hangs: see its log, usually `journalctl -u docker`"
        return Transient(Reason.ENGINE_UNREACHABLE, _prefixed(doing, f"no answer in time from {url}"), advice=advice)
    advice = "start the engine, usually `systemctl start docker`; where it listens elsewhere, set engine.url"
    return Transient(
        Reason.ENGINE_UNREACHABLE, _prefixed(doing, f"no engine answers at {url} ({_cause(error)})"), advice=advice
    )


def _cause(error: BaseException) -> str:
    """The innermost system error, which says it shortest."""
    text = str(error)
    for phrase in ("No such file or directory", "Connection refused", "Connection reset", "Broken pipe"):
        if phrase in text:
            return phrase.lower()
    return text[:200]
