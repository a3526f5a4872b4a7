"""The verdict of a registry trigger on the tags of an image, for one workload and what it pins.

Fires with a tag that is better than what is pinned; with a digest too where one is pinned. Never goes backwards. A tag
that was pushed again under a pinned digest is reported and not followed, unless the policy is `digest`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agent.core.image_policy.choosing import (
    Candidate,
    Present,
    admitted,
    best,
    better,
    dated,
    pins_of,
    present,
    ripe_at,
)
from agent.core.image_policy.digests import judge_digest
from agent.core.image_policy.images import is_about
from agent.core.image_policy.policy import DIGEST, NEWEST, Policy, read_policy
from agent.core.image_policy.words import no, none_fits, short, span
from agent.core.inbound import InboundEvent
from agent.core.model import Config
from agent.core.pins import Pinned, Version
from agent.core.triggers import Needs, TagList, Verdict
from agent.core.values import InvalidValue


def judge_tags(config: Config, tags: TagList, pinned: Pinned) -> Verdict:
    """Whether a list of tags holds a version that the workload should run instead, and why or why not."""
    if not is_about(config, tags.image):
        return no(f"it is about image {config.get('image')}, and these are tags of {tags.image}")
    if pinned.image is not None and not is_about(config, pinned.image):
        return no(f"the workload runs {pinned.image}, and these are tags of {tags.image}")
    try:
        policy = read_policy(config)
    except InvalidValue as error:
        return no(f"{error.pointer.lstrip('/')}: {error}")
    if policy.rule == DIGEST:
        return judge_digest(tags.digests, pinned)
    return _in_order(policy, tags, pinned)


def judge_found(config: Config, event: InboundEvent, pinned: Pinned) -> Verdict:
    """Whether what an earlier look at the tags found is still better than what is pinned by now."""
    tag = event.image_tag
    if event.image is None or tag is None:
        return no("the event names no image with a tag")
    # The look has compared times already, so all that counts is whether this very tag is pinned meanwhile.
    created = {**dict.fromkeys(pins_of(pinned), 1.0), tag: 2.0}
    digests = {tag: event.digest} if event.digest else {}
    tags = TagList(image=event.image, tags=(tag,), now=0.0, digests=digests, created=created)
    return judge_tags({**config, "min_age": "0s"}, tags, pinned)


def _in_order(policy: Policy, tags: TagList, pinned: Pinned) -> Verdict:
    pins = pins_of(pinned)
    found: Sequence[Candidate] = admitted(policy, tags.tags)
    if not found:
        return no(none_fits(policy, tags.tags, pins))
    if policy.rule == NEWEST:
        if unknown := [tag for tag in (*(one.tag for one in found), *pins) if tag not in tags.created]:
            needs = Needs(created=tuple(dict.fromkeys(unknown)))
            return Verdict(fired=False, why="it is not known yet when each tag was made", needs=needs)
        found = dated(found, tags.created)
    if not found:
        return no("no tag says when it was made, so none is known to be the newest")
    return _compared(policy, tags, pinned, found)


def _compared(policy: Policy, tags: TagList, pinned: Pinned, found: Sequence[Candidate]) -> Verdict:
    """The candidates held against what is pinned."""
    pins = pins_of(pinned)
    now = present(policy, tags, pins)
    if now is None and (lost := _lost(policy, pins)):
        return no(lost)
    improved = better(found, now, pins)
    if now is not None and not improved:
        return _nothing_better(policy, tags, pinned, (best(policy, found, pins), now))
    return _ripe(policy, tags, pinned, improved)


def _lost(policy: Policy, pins: tuple[str, ...]) -> str:
    """Why nothing can be compared with a pin whose time nobody knows; empty where the pin is none of the policy's."""
    lost = [tag for tag in pins if policy.selects(tag)] if policy.rule == NEWEST else []
    return (
        f"nobody knows when {lost[0]} was made, so nothing is known to be newer; pin another tag once" if lost else ""
    )


def _nothing_better(policy: Policy, tags: TagList, pinned: Pinned, pair: tuple[Candidate, Present]) -> Verdict:
    """Nothing comes after the pin; says so, and whether the pinned tag was pushed again."""
    top, now = pair
    if pinned.digest is not None and pinned.tag in tags.tags:
        digest = tags.digests.get(pinned.tag)
        if digest is None:
            needs = Needs(digests=(pinned.tag,))
            return Verdict(fired=False, why=f"the digest of {pinned.tag} is not known yet", needs=needs)
        if digest not in ("", pinned.digest):
            moved = f"{pinned.tag} was pushed again: {short(pinned.digest)} is pinned, the registry has {short(digest)}"
            return no(f"{moved}; `policy: digest` would follow it")
    gone = "" if now.tag in tags.tags else ", which is gone from the registry"
    if top.key < now.key:
        return no(f"{top.tag} is the last by {policy.text} and would go back from {now.tag}{gone}")
    return no(f"nothing by {policy.text} comes after {now.tag}{gone}")


def _ripe(policy: Policy, tags: TagList, pinned: Pinned, improved: list[Candidate]) -> Verdict:
    """The best that is old enough, and when a better one will be."""
    pins = pins_of(pinned)
    times = {one.tag: ripe_at(policy, one.tag, tags.first_seen, tags.now) for one in improved} if policy.min_age else {}
    ripe = [one for one in improved if times.get(one.tag, tags.now) <= tags.now]
    if not ripe:
        first = best(policy, improved, pins).tag
        age = span(tags.now - times[first] + policy.min_age)
        return no(f"{first} was first seen {age} ago and min_age is {span(policy.min_age)}", again=min(times.values()))
    chosen = best(policy, ripe, pins)
    later = [times[one.tag] for one in improved if one.tag in times and one.key > chosen.key]
    return replace(_fire(policy, tags, pinned, chosen.tag), again=min(later, default=None))


def _fire(policy: Policy, tags: TagList, pinned: Pinned, tag: str) -> Verdict:
    """The verdict that fires, once the digest is known where one is pinned."""
    before = ", ".join(pins_of(pinned)) or short(pinned.digest)
    why = f"{tag} is the last by {policy.text}, and {before} is pinned"
    if pinned.digest is None:
        return Verdict(fired=True, why=why, version=Version(tag=tag))
    digest = tags.digests.get(tag)
    if digest is None:
        return Verdict(fired=False, why=f"the digest of {tag} is not known yet", needs=Needs(digests=(tag,)))
    if not digest:
        return no(f"{tag} was listed and is gone")
    if pinned.tag is None and digest == pinned.digest:
        return no(f"{tag} is the digest that is pinned already")
    return Verdict(fired=True, why=why, version=Version(tag=tag, digest=digest))
