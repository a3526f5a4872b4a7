"""Inbound events: what a sender, a poll, a clock or a log line said, normalised. A value; it decides nothing.

What is unknown is None. `changed_paths` None means "unknown": nobody may filter by it, which is not the same as an
empty tuple. Names of registries and repositories of images are in lower case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

GIT_PUSH = "git_push"
TAG_PUSH = "tag_push"
IMAGE_PUSH = "image_push"
PING = "ping"
MANUAL = "manual"
TICK = "tick"
LOG_MATCH = "log_match"
TYPES = (GIT_PUSH, TAG_PUSH, IMAGE_PUSH, PING, MANUAL, TICK, LOG_MATCH)


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundEvent:
    """One normalised signal.

    `type` is one of TYPES. `vendor` names who sent it, None for what the agent noticed itself. `repo` is `owner/name`,
    `ref` the full ref, `branch` and `tag` its short forms, `commit` the commit at its tip (never an annotated tag
    object). `image` is registry and path in lower case, `image_tag` and `digest` (`sha256:…`) its version. `subject`
    is what the normalised form has no field for: the log line that matched, the name of who fired by hand.
    """

    type: str
    vendor: str | None = None
    repo: str | None = None
    clone_url: str | None = None
    ref: str | None = None
    branch: str | None = None
    tag: str | None = None
    commit: str | None = None
    changed_paths: tuple[str, ...] | None = None
    image: str | None = None
    image_tag: str | None = None
    digest: str | None = None
    subject: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The normalised form of the design, §9: always these twelve fields."""
        return {
            "type": self.type,
            "vendor": self.vendor,
            "repo": self.repo,
            "clone_url": self.clone_url,
            "ref": self.ref,
            "branch": self.branch,
            "tag": self.tag,
            "commit": self.commit,
            "changed_paths": None if self.changed_paths is None else list(self.changed_paths),
            "image": self.image,
            "image_tag": self.image_tag,
            "digest": self.digest,
        }

    @property
    def text(self) -> str:
        """In a few words, for people."""
        match self.type:
            case "image_push":
                version = f"@{self.digest}" if self.image_tag is None and self.digest else f":{self.image_tag or '?'}"
                return f"image {self.image or '?'}{version}"
            case "git_push":
                return f"push to {self.branch or self.ref or '?'} of {self.repo or '?'}{_at(self.commit)}"
            case "tag_push":
                return f"tag {self.tag or self.ref or '?'} of {self.repo or '?'}{_at(self.commit)}"
            case "manual":
                return f"fired by hand{f' by {self.subject}' if self.subject else ''}"
            case "log_match":
                return f"log line: {self.subject or '?'}"
            case _:
                return self.type


def _at(commit: str | None) -> str:
    return f" at {commit[:12]}" if commit else ""


def as_record(event: InboundEvent) -> dict[str, Any]:
    """All of it, as the journal keeps it."""
    return event.as_dict() | {"subject": event.subject}


def from_record(record: Mapping[str, Any]) -> InboundEvent:
    """What `as_record` gave, also by an older or newer version: unknown fields are left out, missing ones are None."""
    known = {name: value for name, value in record.items() if name in InboundEvent.__dataclass_fields__}
    paths = known.get("changed_paths")
    return InboundEvent(**{**known, "changed_paths": None if paths is None else tuple(paths)})
