"""The registries of images, asked by the OCI Distribution API: tags, digests, and when an image was made.

One connection pool, one set of tokens and one limit for each host. Raises Transient and Stalled and nothing else; no
message holds a password or a token.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable

from agent.errors import PierheadError
from agent.ports import Clock, Credentials
from agent.registries.exchange import Answer, Ask, Opener, open_client
from agent.registries.faults import refusal, strange
from agent.registries.host import Host
from agent.registries.manifests import ACCEPT, PINNABLE, Child, ConfigBlob, created_of, decode, where_created
from agent.registries.pages import next_page, tags_of
from agent.registries.places import Place, place_of

PAGE_SIZE = 1000
MOST_TAGS = 100_000
MOST_PAGES = 1000
PAGE_LIMIT = 8 * 1024 * 1024
MANIFEST_LIMIT = 4 * 1024 * 1024
DEEPEST = 4
REMEMBERED = 4096

CredentialsFor = Callable[[str | None, str], Credentials | None]
"""The login for a Registry document's name (None: by the image's host) and an image."""


class RegistryClient:
    """Safe from any thread; `close` once."""

    def __init__(self, credentials_for: CredentialsFor, clock: Clock, opener: Opener = open_client) -> None:
        self._credentials_for = credentials_for
        self._clock = clock
        self._opener = opener
        self._lock = threading.Lock()
        self._hosts: dict[tuple[str, bool], Host] = {}
        self._times: OrderedDict[str, float] = OrderedDict()

    def tags(self, image: str, registry: str | None = None) -> tuple[str, ...]:
        """All tags of an image, each once, as the registry orders them; at most 100,000."""
        place, host = self._reach(image, registry)
        tags: dict[str, None] = {}
        page: str | None = f"/v2/{place.path}/tags/list?n={PAGE_SIZE}"
        seen: set[str] = set()
        while page is not None and page not in seen and len(seen) < MOST_PAGES and len(tags) < MOST_TAGS:
            seen.add(page)
            answer = host.page(place, Ask(url=page, limit=PAGE_LIMIT))
            if answer.status != 200:
                raise self._refusal(place, answer)
            found = tags_of(answer.body)
            if found is None:
                raise strange(place, "something that is no list of tags")
            tags.update(dict.fromkeys(found))
            page = next_page(page, answer.headers.get_list("link"))
        return tuple(tags)[:MOST_TAGS]

    def digest(self, image: str, tag: str, registry: str | None = None) -> str | None:
        """`sha256:…` of what a tag points to, an index where there is one; None where there is no such tag."""
        place, host = self._reach(image, registry)
        answer = host.ask(place, _manifest(place, tag, "HEAD"))
        digest = _digest(answer)
        if answer.status == 404:
            return None
        if answer.status == 200 and digest:
            return digest
        if answer.status not in {200, 400, 405, 501}:
            raise self._refusal(place, answer)
        answer = host.ask(place, _manifest(place, tag))
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise self._refusal(place, answer)
        return _digest(answer) or f"sha256:{hashlib.sha256(answer.body).hexdigest()}"

    def created(self, image: str, tag: str, registry: str | None = None, platform: str | None = None) -> float:
        """When an image says that it was made, in epoch seconds; 0 where it does not say, or is gone.

        Of several platforms it is `platform` (`linux/arm64`), else the first.
        """
        place, host = self._reach(image, registry)
        return self._created(place, host, _manifest(place, tag), platform)

    def limits(self) -> dict[str, float]:
        """How many requests each host said are left, where it says so."""
        with self._lock:
            hosts = list(self._hosts.items())
        return {name: host.left for (name, _), host in hosts if host.left is not None}

    def close(self) -> None:
        with self._lock:
            hosts = list(self._hosts.values())
            self._hosts.clear()
        for host in hosts:
            host.close()

    def _reach(self, image: str, registry: str | None) -> tuple[Place, Host]:
        place = place_of(image, self._credentials_for(registry, image))
        key = (place.host, place.relaxed)
        with self._lock:
            host = self._hosts.get(key)
            if host is None:
                host = self._hosts[key] = Host(place, self._clock, self._opener)
        return place, host

    def _created(self, place: Place, host: Host, ask: Ask, platform: str | None) -> float:
        """Follow index, manifest and configuration to the time; what has a digest never changes and is remembered."""
        for _ in range(DEEPEST):
            answer = host.ask(place, ask)
            if answer.status == 404:
                return 0.0
            if answer.status != 200:
                raise self._refusal(place, answer)
            where = where_created(decode(answer.body), platform)
            if isinstance(where, Child):
                ask = _manifest(place, where.digest)
            elif isinstance(where, ConfigBlob):
                return self._of_config(place, host, where)
            else:
                return where
        return 0.0

    def _of_config(self, place: Place, host: Host, blob: ConfigBlob) -> float:
        with self._lock:
            known = self._times.get(blob.digest)
        if known is not None:
            return known
        answer = host.ask(place, Ask(url=f"/v2/{place.path}/blobs/{blob.digest}", limit=MANIFEST_LIMIT))
        if answer.status not in {200, 404}:
            raise self._refusal(place, answer)
        made = (created_of(decode(answer.body)) if answer.status == 200 else 0.0) or blob.otherwise
        with self._lock:
            self._times[blob.digest] = made
            if len(self._times) > REMEMBERED:
                self._times.popitem(last=False)
        return made

    def _refusal(self, place: Place, answer: Answer) -> PierheadError:
        return refusal(place, answer, self._clock.now())


def _digest(answer: Answer) -> str:
    """The digest that the registry states, empty where it states none that can be pinned."""
    digest = str(answer.headers.get("docker-content-digest", ""))
    return digest if PINNABLE.fullmatch(digest) else ""


def _manifest(place: Place, reference: str, method: str = "GET") -> Ask:
    url = f"/v2/{place.path}/manifests/{reference}"
    return Ask(url=url, limit=MANIFEST_LIMIT, method=method, headers={"Accept": ACCEPT})
