"""JFrog Artifactory. One header holds the secret as it is, or the HMAC of the body, as its admin chose.

Events of the domain `docker` are meant; older versions send their data without the envelope, and then the registry's
host is not told. An image is also new in a repository into which it was promoted.
"""

from __future__ import annotations

from collections.abc import Sequence

from agent.core.delivery import Delivery, Parsed
from agent.core.inbound import InboundEvent
from agent.core.values import quoted
from agent.core.webhooks.images import digest_of, host_of, image_name, pushed, tag_of
from agent.core.webhooks.proofs import header, hex_digests, matches, usable
from agent.core.webhooks.reading import as_object, at, read_object, required, text
from agent.core.webhooks.sender import Sender, one

_PROOF = "x-jfrog-event-auth"
_NEW_VERSION = frozenset({"pushed", "promoted"})


def _signed(delivery: Delivery, secrets: Sequence[bytes]) -> bool:
    proof = header(delivery, _PROOF)
    return matches(proof, usable(secrets)) | matches(proof.lower(), hex_digests(secrets, delivery.body))


def _knows(body: object) -> bool:
    enveloped = isinstance(at(body, "domain"), str) and isinstance(at(body, "data"), dict)
    bare = isinstance(at(body, "repo_key"), str) and isinstance(at(body, "image_name"), str)
    return isinstance(at(body, "event_type"), str) and (enveloped or bare)


def _read(delivery: Delivery) -> Parsed:
    return one(_event(read_object(delivery)))


def _event(body: dict[str, object]) -> InboundEvent | str:
    event = required(body, "event_type")
    domain = required(body, "domain") if "domain" in body else "docker"
    if domain != "docker" or event not in _NEW_VERSION:
        return f"the event {quoted(event)} of {quoted(domain)} pushes no image"
    data = as_object(body["data"], "data") if "data" in body else body
    path = f"{required(data, 'repo_key')}/{required(data, 'image_name')}"
    name = image_name(host_of(body.get("jpd_origin")), path)
    manifest = text(at(data, "sha256"))
    return pushed(name, tag_of(at(data, "tag")), digest_of(f"sha256:{manifest}"))


VENDOR = Sender(
    name="jfrog",
    rank=90,
    marks=(_PROOF,),
    knows_body=_knows,
    signed=_signed,
    read=_read,
)
