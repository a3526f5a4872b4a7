"""How verdicts about tags are worded: short, with the numbers and the example that a person would ask for next."""

from __future__ import annotations

from collections.abc import Iterable

from agent.core.image_policy.policy import NUMERICAL, SEMVER, Policy
from agent.core.triggers import Verdict

_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


def no(why: str, again: float | None = None) -> Verdict:
    """A verdict that does not fire."""
    return Verdict(fired=False, why=why, again=again)


def span(seconds: float) -> str:
    """`2d`, `1h30m`, `45s`: a time in its two greatest units."""
    rest, words = max(int(seconds), 0), []
    for unit, size in _UNITS:
        if rest >= size:
            words.append(f"{rest // size}{unit}")
            rest %= size
    return "".join(words[:2]) or "0s"


def short(digest: str | None) -> str:
    """A digest as people tell it from others."""
    return (digest or "none").removeprefix("sha256:")[:12]


def none_fits(policy: Policy, tags: tuple[str, ...], pins: Iterable[str]) -> str:
    """Why not one of the tags may be chosen, with the tag that came closest."""
    if not tags:
        return "the registry lists no tags"
    counted = f"none of {len(tags)} tags"
    chosen = [tag for tag in tags if policy.selects(tag)]
    if not chosen:
        return f"{counted} fits {policy.selection.pattern}; the closest is {_closest(tags, pins)}"
    ordered = [tag for tag in chosen if policy.key(tag) is not None]
    if policy.rule == SEMVER and ordered:
        return f"{counted} is in {policy.range_text}; {_outside(policy, ordered)}"
    what = "a number" if policy.rule == NUMERICAL else "a version"
    return f"{counted} is {what}; for example {_closest(chosen, pins)} is none"


def _outside(policy: Policy, tags: list[str]) -> str:
    """What lies outside a range: a prerelease that only a switch keeps out, else the greatest version there is."""
    hidden = [tag for tag in tags if policy._replace(prereleases=True).admits(tag)]
    best = max(hidden or tags, key=lambda tag: (policy.key(tag), tag))
    return f"{best} would be, with include_prerelease" if hidden else f"the greatest version is {best}"


def _closest(tags: Iterable[str], pins: Iterable[str]) -> str:
    """The tag that begins most like one that is pinned; the last one by the alphabet where none does."""
    known = tuple(pins)
    return max(tags, key=lambda tag: (max((_shared(tag, pin) for pin in known), default=0), tag))


def _shared(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    pairs = zip(one, other, strict=False)
    return next((index for index, (left, right) in enumerate(pairs) if left != right), min(len(one), len(other)))
