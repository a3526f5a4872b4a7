"""What the schema of a registry trigger cannot say: ranges, expressions, templates and idle fields."""

from __future__ import annotations

from collections.abc import Iterator

from agent.core.image_policy.images import image_of
from agent.core.image_policy.policy import DIGEST, SEMVER, read_policy
from agent.core.kinds import Finding
from agent.core.model import Config
from agent.core.problems import Severity
from agent.core.values import InvalidValue, quoted

_IDLE = {
    "pattern": "the pinned tag alone is looked at",
    "extract": "the pinned tag alone is looked at",
    "min_age": "only tags have an age, digests have none",
}


def check_policy(config: Config) -> Iterator[Finding]:
    """Everything wrong with image and policy; pointers start at the trigger's own fields."""
    yield from _image(config)
    try:
        policy = read_policy(config)
    except InvalidValue as error:
        yield Finding(
            pointer=error.pointer or "/min_age",
            code="InvalidPattern" if error.pointer == "/pattern" else "InvalidValue",
            expected=error.expected,
            found=error.found,
            fix=error.fix or "correct it",
        )
        return
    for name, reason in _IDLE.items() if policy.rule == DIGEST else ():
        if name in config:
            yield _idle(name, policy.rule, reason)
    if policy.rule != SEMVER and "include_prerelease" in config:
        yield _idle("include_prerelease", policy.rule, "only semantic versions have prereleases")


def _image(config: Config) -> Iterator[Finding]:
    try:
        name = image_of(config)
    except InvalidValue as error:
        fix = error.fix or "correct the name"
        yield Finding(pointer="/image", code="InvalidValue", expected=error.expected, found=error.found, fix=fix)
        return
    if not name.bare:
        yield Finding(
            pointer="/image",
            code="Conflict",
            expected="an image without tag and digest",
            found=quoted(str(config["image"])),
            fix="take the version out; which one is looked for is said by `policy`",
        )


def _idle(name: str, rule: str, reason: str) -> Finding:
    """A warning, because a binding that overrides `policy` cannot take its trigger's other fields away."""
    return Finding(
        pointer=f"/{name}",
        code="NotActedOn",
        expected=f"no `{name}` with the policy {rule}",
        found=f"`{name}`, though {reason}",
        fix=f"remove `{name}`, or choose another policy",
        severity=Severity.WARNING,
    )
