"""What a kind of secret provider must offer. A kind is one file in `agent/secrets/providers/` with a `build`."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from agent.core.reasons import Reason
from agent.errors import Stalled

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,252}")
MAXIMUM_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a provider may use of the agent: its environment, and files of the config repository as committed now."""

    environment: Mapping[str, str] = field(repr=False)
    read_path: Callable[[str], bytes | None] = field(repr=False)


class Provider(Protocol):
    """One place where secrets are. Names are checked before they get here; all of it may be called from any thread."""

    @property
    def description(self) -> str:
        """Where it looks, for messages: `files in /run/secrets`."""

    def stamp(self, name: str) -> Hashable | None:
        """Cheap; differs whenever the value may differ. None when this provider has no such secret."""

    def read(self, name: str) -> bytes | None:
        """The value; None when there is no such secret. Raises Stalled for one that is there and cannot be used."""


def unusable(place: str, problem: str, advice: str) -> Stalled:
    """The error for a secret that is there and cannot be used; it never carries any of the content."""
    return Stalled(Reason.SECRET_MISSING, f"{place}: {problem}", advice=advice)


def without_final_newline(content: bytes) -> bytes:
    """Editors and `echo` end a file with a newline that is no part of the secret; exactly one is taken off."""
    return content.removesuffix(b"\n").removesuffix(b"\r") if content.endswith(b"\n") else content
