"""What an image source pins, and the edits that make it pin another version.

The version is where its author put it: in `tags`, in `tag`, inside `image`, or in `digest`. What is not pinned by a
digest is not pinned by one afterwards either, unless the signal asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping

from agent.core.pins import PinEdit, Pinned, Repin, Version
from agent.core.values import InvalidValue, is_digest, is_tag, parse_image, quoted
from agent.sources.image_source import ImageSource
from agent.sources.image_spec import image_reference

LATEST = "latest"
MOVING = "a moving tag is followed by `action: redeploy`, or by a registry trigger with `policy: digest`"


def pinned_of(source: ImageSource, registry_hosts: Mapping[str, str]) -> Pinned:
    """What the source pins now."""
    tag, digest = _written(source)
    image = _repository(source, registry_hosts)
    return Pinned(image=image, registry=source.registry, tag=tag, digest=digest, tags=source.tags)


def repin(source: ImageSource, version: Version, registry_hosts: Mapping[str, str]) -> Repin:
    """The edits for a version, or why there are none; neither where it names no tag and no digest, as a commit does."""
    if version.tag is None and version.digest is None:
        return Repin()
    if why_not := _unusable(version):
        return Repin(why_not=why_not)
    image = _repository(source, registry_hosts) or source.image
    if source.tags:
        return _repin_instances(source, version, image)
    if version.tag is None:
        return _only_digest(source, version, image)
    return _repin_tag(source, version, image)


def _unusable(version: Version) -> str:
    """Why nothing of the kind may be written into a document; empty where it may."""
    if version.tag is not None and not is_tag(version.tag):
        return f"{quoted(version.tag)} cannot be a tag"
    if version.digest is not None and not is_digest(version.digest):
        return f"{quoted(version.digest)} is no digest by sha256"
    return ""


def _repin_tag(source: ImageSource, version: Version, image: str) -> Repin:
    """A version with a tag; where a digest is pinned, its digest must be known as well."""
    tag, digest = _written(source)
    if digest is not None and version.digest is None:
        return Repin(needs_digest=version.tag or "")
    edits = _edits(source, version, (tag, digest))
    if not edits:
        return Repin(why_not=f"{image}:{version.tag} is what is pinned already; {MOVING}")
    return Repin(edits=edits, text=f"{image} {_change((tag, digest), version)}")


def _repin_instances(source: ImageSource, version: Version, image: str) -> Repin:
    """The newest first; as many stay as may run side by side, or as there were where no number is given."""
    if version.tag is None:
        return Repin(why_not="versions side by side are told apart by their tags, and the signal carries none")
    if version.tag in source.tags:
        return Repin(why_not=f"{image}:{version.tag} is among the pinned tags already")
    tags = (version.tag, *source.tags)[: source.max_instances or len(source.tags)]
    edit = PinEdit(pointer="/source/tags", value=tags, after="/source/image")
    return Repin(edits=(edit,), text=f"{image} {source.tags[0]} → {version.tag}")


def _only_digest(source: ImageSource, version: Version, image: str) -> Repin:
    """A version without a tag is only ever of use where a digest is all that is pinned."""
    tag, digest = _written(source)
    if tag is not None or digest is None:
        return Repin(why_not="the push has no tag, so nothing says whether it is meant for this workload")
    if digest == version.digest:
        return Repin(why_not=f"{image}@{digest} is what is pinned already")
    edits = _edits(source, version, (tag, digest))
    return Repin(edits=edits, text=f"{image} {_short(digest)} → {_short(version.digest)}")


def _edits(source: ImageSource, version: Version, now: tuple[str | None, str | None]) -> tuple[PinEdit, ...]:
    """The edits of tag and digest, each where it is written now; both may be inside `image`.

    Where a digest alone is pinned no tag is added: the digest says it all.
    """
    tag, digest = now
    name, at, inner_digest = source.image.partition("@")
    edits: list[PinEdit] = []
    if version.tag not in (None, tag or LATEST):
        if source.tag is None and tag is not None:
            name = f"{name.removesuffix(tag)}{version.tag}"
        elif tag is not None or digest is None:
            edits.append(PinEdit(pointer="/source/tag", value=str(version.tag), after="/source/image"))
    if version.digest not in (None, digest) and (digest is not None or version.pin_digest):
        if source.digest is None and digest is not None:
            inner_digest = str(version.digest)
        else:
            after = "/source/tag" if source.tag is not None else "/source/image"
            edits.append(PinEdit(pointer="/source/digest", value=str(version.digest), after=after))
    if (image := f"{name}{at}{inner_digest}") != source.image:
        edits.append(PinEdit(pointer="/source/image", value=image))
    return tuple(edits)


def _written(source: ImageSource) -> tuple[str | None, str | None]:
    """Tag and digest as they count, in fields of their own or inside `image`, where a tag beside it wins."""
    name, _, inner_digest = source.image.partition("@")
    _, colon, inner_tag = name.rpartition(":")
    in_image = inner_tag if colon and "/" not in inner_tag else None
    counts = inner_digest if source.tag is None else ""
    return source.tag or in_image, source.digest or counts or None


def _repository(source: ImageSource, registry_hosts: Mapping[str, str]) -> str | None:
    try:
        return parse_image(image_reference(source, registry_hosts)).repository
    except InvalidValue:
        return None


def _change(now: tuple[str | None, str | None], version: Version) -> str:
    """Both versions in words."""
    tag, digest = now
    if tag is None and digest is not None:
        return f"{_short(digest)} → {version.tag}@{_short(version.digest)}"
    if version.tag == (tag or LATEST):
        return f"{version.tag}@{_short(digest)} → {version.tag}@{_short(version.digest)}"
    return f"{tag or LATEST} → {version.tag}"


def _short(digest: str | None) -> str:
    return (digest or "none").removeprefix("sha256:")[:12]
