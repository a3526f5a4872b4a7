"""A registry trigger's fields as a policy: what orders the tags, which of them take part, and from what age on."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from agent.core.image_policy.extraction import Selection, check_selection, extracted
from agent.core.image_policy.ranges import Range, parse_range
from agent.core.image_policy.semantic import SemanticVersion, parse_version
from agent.core.model import Config
from agent.core.values import InvalidValue, parse_duration

SEMVER = "semver"
NUMERICAL = "numerical"
ALPHABETICAL = "alphabetical"
NEWEST = "newest"
DIGEST = "digest"

_DIGITS = frozenset("0123456789")


class Policy(NamedTuple):
    """One policy. `versions` is the range of `semver` and None for all others, `min_age` is in seconds."""

    rule: str
    selection: Selection = Selection()
    versions: Range | None = None
    range_text: str = ""
    min_age: float = 0.0
    prereleases: bool = False

    @property
    def text(self) -> str:
        """In a few words, for people."""
        rule = f"{self.rule} {self.range_text}" if self.range_text else self.rule
        return f"{rule} among {self.selection.pattern}" if self.selection.pattern else rule

    def selects(self, tag: str) -> bool:
        """Whether the pattern finds a tag."""
        return extracted(self.selection, tag) is not None

    def version(self, tag: str) -> SemanticVersion | None:
        """The semantic version that a tag stands for; of one that the pattern does not find, what it spells itself."""
        value = extracted(self.selection, tag)
        return parse_version(tag if value is None else value)

    def key(self, tag: str) -> Any:
        """What orders the tags, None for a tag without a place; one that is not let in may have a place nevertheless.

        `newest` orders by time, which is not the tag's own, so there all keys are None.
        """
        if self.rule == SEMVER:
            version = self.version(tag)
            return None if version is None else version.precedence
        value = extracted(self.selection, tag)
        if self.rule == NUMERICAL:
            return parse_number(tag if value is None else value)
        return value if self.rule == ALPHABETICAL else None

    def admits(self, tag: str) -> bool:
        """Whether a tag may be chosen at all."""
        value = extracted(self.selection, tag)
        if value is None:
            return False
        if self.versions is None:
            return self.rule != NUMERICAL or parse_number(value) is not None
        version = parse_version(value)
        return version is not None and self.versions.admits(version, prereleases=self.prereleases)


@lru_cache(maxsize=32768)
def parse_number(text: str) -> Decimal | None:
    """A number of any length, exactly; None for anything but digits with at most one point, and a minus in front."""
    whole, point, fraction = text.removeprefix("-").partition(".")
    if not whole or not _DIGITS.issuperset(whole) or (point and (not fraction or not _DIGITS.issuperset(fraction))):
        return None
    return Decimal(text)


def read_policy(config: Config) -> Policy:
    """The policy of a configuration that its schema accepts; raises InvalidValue with a pointer."""
    rule, range_text = _rule(config.get("policy"))
    selection = Selection(config.get("pattern"), config.get("extract"))
    check_selection(selection)
    try:
        versions = parse_range(range_text) if rule == SEMVER else None
    except InvalidValue as error:
        error.pointer = "/policy/semver"
        raise
    return Policy(
        rule=rule,
        selection=selection,
        versions=versions,
        range_text=range_text,
        min_age=parse_duration(str(config.get("min_age", "0s"))),
        prereleases=bool(config.get("include_prerelease", False)),
    )


def _rule(policy: object) -> tuple[str, str]:
    if isinstance(policy, Mapping):
        return SEMVER, str(policy[SEMVER])
    return str(policy), ""
