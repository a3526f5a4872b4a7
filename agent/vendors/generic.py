"""Whoever can send JSON or a form with an `image` or a `ref` at the top: scripts, pipelines, senders not known here.

`image` is written as for `docker pull`, with a version in it or beside it in `tag` and `digest`. `ref` is a branch or
tag, short names being branches, with `repo`, `clone_url`, `commit` and `changed_paths` where they are known. It signs
by a header that names its algorithm, or as standardwebhooks.com says; the first of them that is there decides. Its
`webhook-id` tells a repeated delivery.
"""

from __future__ import annotations

from collections.abc import Sequence

from agent.core.delivery import Delivery, Malformed, Parsed
from agent.core.inbound import InboundEvent
from agent.core.values import InvalidValue, parse_image
from agent.core.webhooks.git import BRANCHES, Place, commit_of, deleted, full_ref, is_zero, moved
from agent.core.webhooks.images import digest_of, pushed, tag_of, take_apart
from agent.core.webhooks.proofs import header, named_signature, standard_signature
from agent.core.webhooks.reading import as_object, at, form_fields, is_form, items, payload, read_json, required, text
from agent.core.webhooks.selection import GENERIC
from agent.core.webhooks.sender import Sender, one

_SIGNATURES = {
    "webhook-signature": standard_signature,
    "x-signature": named_signature("x-signature"),
    "x-hub-signature-256": named_signature("x-hub-signature-256"),
}


def _signed(delivery: Delivery, secrets: Sequence[bytes]) -> bool:
    rule = next((rule for name, rule in _SIGNATURES.items() if header(delivery, name)), None)
    return rule is not None and rule(delivery, secrets)


def _read(delivery: Delivery) -> Parsed:
    body = _fields(delivery)
    if body.get("image") is not None:
        return one(_image(body))
    if body.get("ref") is not None:
        return one(_ref(body))
    raise Malformed("body: expected image or ref at the top, found neither")


def _fields(delivery: Delivery) -> dict[str, object]:
    text_of_body = payload(delivery)
    if is_form(delivery) and not text_of_body:
        return dict(form_fields(delivery))
    return as_object(read_json(text_of_body))


def _image(body: dict[str, object]) -> InboundEvent | str:
    reference = take_apart(required(body, "image"))
    try:
        name = parse_image(reference.name.lower()).repository
    except InvalidValue as flaw:
        raise Malformed(f"body: expected {flaw.expected} at image, found {flaw.found}") from None
    tag = tag_of(body.get("tag")) or reference.tag
    return pushed(name, tag, digest_of(body.get("digest")) or reference.digest)


def _ref(body: dict[str, object]) -> InboundEvent | str:
    ref = full_ref(required(body, "ref"), BRANCHES)
    commit = next((body[name] for name in ("commit", "sha", "after") if body.get(name) is not None), None)
    if is_zero(commit):
        return deleted(ref)
    return moved(_place(body), ref, commit_of(commit), _paths(body.get("changed_paths")))


def _place(body: dict[str, object]) -> Place:
    repository = body.get("repository")
    name = text(body.get("repo")) or text(repository) or text(at(repository, "full_name"))
    return Place(name, text(body.get("clone_url")) or text(at(repository, "clone_url")))


def _paths(value: object) -> tuple[str, ...] | None:
    """The paths as they were sent; None where there is none, or where one of them is no line of text."""
    sent = items(value)
    paths = [path for one in sent if (path := text(one))]
    return tuple(paths) if paths and len(paths) == len(sent) else None


VENDOR = Sender(name=GENERIC, rank=1000, signed=_signed, ids=("webhook-id",), read=_read)
