"""Making an image present, within bounds: ten minutes for a whole pull, one minute without any progress.

The engine answers a pull with 200 and tells what went wrong in the stream, so the stream is read to its end. The login
that `docker login` left on the machine is not used: what the config repository names is all there is.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import docker.errors
import requests
import urllib3
from docker.api.client import APIClient
from docker.auth import encode_header
from docker.utils import parse_repository_tag

from agent.core.reasons import Reason
from agent.engine.connection import Connection, checked
from agent.engine.faults import text_fault
from agent.errors import PierheadError, Transient
from agent.ports import Credentials

PULL_TIME = 600.0
STALL_TIME = 60.0


class Images:
    """Pulls and local lookups; safe from any thread."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._digests: dict[tuple[str, str], str | None] = {}

    def pull(self, image: str, platform: str | None, credentials: Credentials | None, *, always: bool) -> str | None:
        """Make `image` present and return its repository digest, None for an image that was built locally."""
        if not always:
            local = self._local(image, platform)
            if local is not None:
                return repository_digest(image, local)
        with self._connection.calling() as client:
            self._pull(client, image, platform, credentials)
        pulled = self._local(image, None)
        return repository_digest(image, pulled) if pulled is not None else None

    def digest(self, image: str, image_id: str) -> str | None:
        """The repository digest of an image by its id; asked once for each."""
        key = (image, image_id)
        if key not in self._digests:
            raw = self._local(image_id, None)
            if len(self._digests) > 1000:
                self._digests.clear()
            self._digests[key] = repository_digest(image, raw) if raw is not None else None
        return self._digests[key]

    def _local(self, image: str, platform: str | None) -> dict[str, Any] | None:
        with self._connection.calling(f"inspect image {image}") as client:
            sdk: Any = client
            try:
                raw: dict[str, Any] = sdk.inspect_image(image)
            except docker.errors.NotFound:
                return None
        return raw if platform is None or _fits(raw, platform) else None

    def _pull(self, client: APIClient, image: str, platform: str | None, credentials: Credentials | None) -> None:
        repository, tag = parse_repository_tag(image)
        params = {"fromImage": repository, "tag": tag or "latest"}
        if platform is not None:
            params["platform"] = platform
        url = f"{client.base_url}/v{client.api_version}/images/create"
        headers = {"X-Registry-Auth": encode_header(_login(credentials))}
        started = time.monotonic()
        try:
            with checked(
                client.post(url, params=params, headers=headers, stream=True, timeout=(10, STALL_TIME))
            ) as response:
                for message in _messages(response):
                    if "error" in message:
                        raise _refused(str(message["error"]))
                    if time.monotonic() - started > PULL_TIME:
                        raise _too_slow(f"not finished after {PULL_TIME / 60:.0f} minutes")
        except (requests.Timeout, requests.ConnectionError, urllib3.exceptions.ReadTimeoutError) as error:
            if "timed out" not in str(error).lower():
                raise
            raise _too_slow(f"no progress for {STALL_TIME:.0f} seconds") from error


def repository_digest(image: str, raw: dict[str, Any]) -> str | None:
    """`sha256:…` under which the image's own repository has it; of any repository where its own is not known."""
    repository = _familiar(parse_repository_tag(image)[0])
    found = {name: digest for name, _, digest in (entry.partition("@") for entry in raw.get("RepoDigests") or ())}
    return found.get(repository) or next(iter(found.values()), None)


def _familiar(repository: str) -> str:
    """The engine lists images of Docker Hub without its host name."""
    return repository.removeprefix("docker.io/").removeprefix("library/")


def _fits(raw: dict[str, Any], platform: str) -> bool:
    """Whether a local image is for `os/architecture[/variant]`."""
    wanted = platform.split("/")
    found = [raw.get("Os", ""), raw.get("Architecture", ""), raw.get("Variant", "")]
    return len(wanted) > 1 and all(part == is_ for part, is_ in zip(wanted, found, strict=False))


def _login(credentials: Credentials | None) -> dict[str, str]:
    if credentials is None or not credentials.username:
        return {}
    return {
        "username": credentials.username,
        "password": credentials.password,
        "serveraddress": credentials.host,
    }


def _messages(response: requests.Response) -> Iterator[dict[str, Any]]:
    for line in response.iter_lines():
        if line:
            yield json.loads(line)


def _refused(text: str) -> PierheadError:
    known = text_fault("", text)
    return known or Transient(Reason.REGISTRY_UNAVAILABLE, text)


def _too_slow(what: str) -> Transient:
    advice = "the registry hangs or the line to it is too slow; it is tried again"
    return Transient(Reason.REGISTRY_UNAVAILABLE, what, advice=advice, retry_after=60.0)
