"""How phases are ordered and grouped for a person on call: what is not served comes first."""

from __future__ import annotations

from agent.core.reasons import Phase

ORDER = (
    Phase.FAILED,
    Phase.DEGRADED,
    Phase.INVALID,
    Phase.PROGRESSING,
    Phase.WAITING,
    Phase.SUSPENDED,
    Phase.SYNCED,
)
ATTENTION = frozenset({Phase.FAILED, Phase.DEGRADED, Phase.INVALID})
MOVING = frozenset({Phase.PROGRESSING, Phase.WAITING})


def rank(phase: Phase) -> int:
    return ORDER.index(phase)


def tone(phase: Phase) -> str:
    """The word by which style sheet and icons know a phase."""
    return str(phase).lower()
