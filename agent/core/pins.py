"""Pins: what a document says about the version that runs, and what it takes to say something else. Values only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What a pin can be set to, as far as a signal says it: an image's tag and digest, or a commit.

    With `pin_digest` the digest is written also where the document pins none so far.
    """

    tag: str | None = None
    digest: str | None = None
    revision: str | None = None
    pin_digest: bool = False

    @property
    def text(self) -> str:
        return self.tag or self.revision or self.digest or "no version"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """What a workload's document pins now. `image` is `host/path` in lower case with docker.io written out,
    `registry` the name of a Registry document where one is named.

    `tags` are the versions side by side, newest first; empty where there is only one version. `repo` is the address of
    the repository that a source of files comes from.
    """

    image: str | None = None
    registry: str | None = None
    tag: str | None = None
    digest: str | None = None
    tags: tuple[str, ...] = ()
    revision: str | None = None
    repo: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Repin:
    """What a version means for a workload's document: edits, or none and why (`why_not`). With neither the version is
    not of the kind that the document pins, so that nothing can be written.

    `text` tells both versions (`registry.example.com/shop 1.4.2 → 1.4.3`). With `needs_digest` the digest of that tag
    must be known first.
    """

    edits: tuple[PinEdit, ...] = ()
    text: str = ""
    why_not: str = ""
    needs_digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PinEdit:
    """One value to be set in a document. `pointer` leads to it (`/source/tag`), `value` is text or a list of texts.

    Where the key is not there yet it is written behind its sibling `after` (`/source/image`).
    """

    pointer: str
    value: str | tuple[str, ...]
    after: str = ""
