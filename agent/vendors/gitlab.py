"""GitLab: project, group and system hooks. Authenticates by a secret as it is, or by a signature of Standard Webhooks.

Where a signature is there it decides alone. Of a push at most twenty commits are listed; of an annotated tag `after` is
the tag itself and `checkout_sha` the commit. The event's UUID is shared by hooks that cause one another: it tells no
repeated delivery.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from agent.core.delivery import Delivery, Parsed
from agent.core.inbound import InboundEvent
from agent.core.values import quoted
from agent.core.webhooks.git import TAGS, Place, changed_paths, commit_of, deleted, is_zero, moved
from agent.core.webhooks.proofs import header, matches, standard_signature, usable
from agent.core.webhooks.reading import at, read_object, required, required_items, text
from agent.core.webhooks.sender import Sender, each, one

EVENT, TOKEN = "x-gitlab-event", "x-gitlab-token"


def _signed(delivery: Delivery, secrets: Sequence[bytes]) -> bool:
    if header(delivery, "webhook-signature"):
        return standard_signature(delivery, secrets)
    return matches(header(delivery, TOKEN), usable(secrets))


def _read(delivery: Delivery) -> Parsed:
    body = read_object(delivery)
    kind = text(body.get("object_kind")) or required(body, "event_name")
    match kind:
        case "push" | "tag_push":
            return one(_push(body))
        case "repository_update":
            place = _place(body)
            return each(required_items(body, "changes"), lambda change: _change(place, change))
        case _:
            return one(f"the event {quoted(kind)} announces no new version")


def _push(body: dict[str, object]) -> InboundEvent | str:
    ref = required(body, "ref")
    after, checkout = body.get("after"), commit_of(body.get("checkout_sha"))
    if is_zero(after):
        return deleted(ref)
    if ref.startswith(TAGS):
        return moved(_place(body), ref, checkout)
    commit = commit_of(after) or checkout
    return moved(_place(body), ref, commit, changed_paths(body.get("commits"), commit, body.get("total_commits_count")))


def _change(place: Place, change: object) -> InboundEvent | str:
    """One ref of a system hook; what an annotated tag points to is not told."""
    ref, after = required(change, "ref"), at(change, "after")
    if is_zero(after):
        return deleted(ref)
    return moved(place, ref, None if ref.startswith(TAGS) else commit_of(after))


def _place(body: dict[str, object]) -> Place:
    project, repository = body.get("project"), body.get("repository")
    addresses = (at(project, "git_http_url"), at(repository, "git_http_url"), at(project, "http_url"))
    return Place(
        text(at(project, "path_with_namespace")) or _path_of(text(at(repository, "homepage"))),
        next((found for address in addresses if (found := text(address))), None),
    )


def _path_of(address: str | None) -> str | None:
    try:
        return urlsplit(address or "").path.strip("/") or None
    except ValueError:
        return None


VENDOR = Sender(
    name="gitlab",
    rank=50,
    marks=(EVENT,),
    signed=_signed,
    ids=("idempotency-key", "webhook-id"),
    read=_read,
)
