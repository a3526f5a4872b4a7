"""The `digest` policy: the same tag, and the digest that it points to now. What pins no digest yet gets one."""

from __future__ import annotations

from collections.abc import Mapping

from agent.core.image_policy.words import no, short
from agent.core.pins import Pinned, Version
from agent.core.triggers import Needs, Verdict

LATEST = "latest"


def judge_digest(digests: Mapping[str, str], pinned: Pinned) -> Verdict:
    """Whether the pinned tag points to another digest now; `digests` holds "" for a tag that is gone."""
    if pinned.tags:
        return no("versions side by side are told apart by their tags, so there is no digest to follow")
    if pinned.tag is None and pinned.digest is not None:
        return no("only a digest is pinned; write the tag to follow beside it")
    tag = pinned.tag or LATEST
    digest = digests.get(tag)
    if digest is None:
        return Verdict(fired=False, why=f"the digest of {tag} is not known yet", needs=Needs(digests=(tag,)))
    if not digest:
        return no(f"the registry has no tag {tag}, so there is no digest to follow")
    if digest == pinned.digest:
        return no(f"{tag} is still {short(digest)}")
    moved = f"{tag} was pushed again: {short(pinned.digest)} → {short(digest)}"
    why = moved if pinned.digest else f"{tag} is {short(digest)}, and no digest was pinned"
    return Verdict(fired=True, why=why, version=Version(tag=tag, digest=digest, pin_digest=True))
