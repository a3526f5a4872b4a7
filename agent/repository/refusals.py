"""What a remote says when it does not take a commit on the config branch, and what a person can do about it.

Servers say it in their own words; what none of the known words is in is taken for a fault that passes.
"""

from __future__ import annotations

from agent.core.reasons import Reason
from agent.core.status_text import one_line
from agent.errors import PierheadError, Stalled, Transient

LONGEST = 600

PASSING = ("unreachable", "timed out", "timeout", "temporar", "try again", "internal error", "unavailable")
SIGNED = ("signed", "signature", "gpg")
CHECKED_OUT = ("checked out", "denycurrentbranch")
PROTECTED = (
    "hook declined", "protected", "gh006", "gh013", "rule violation", "pull request", "merge request", "prohibited",
    "hidden ref", "declined", "tf402455",
)  # fmt: skip
NO_RIGHT = (
    "status code: 403", "read only", "read-only", "permission", "denied", "not allowed", "not permitted",
    "not authorized", "archived", "forbidden",
)  # fmt: skip

INSTEAD = "set update: {via: pull_request} or update: {via: none} in the workloads"
ADVICE = (
    (SIGNED, f"exempt this login from the rule that commits must be signed, or {INSTEAD}"),
    (CHECKED_OUT, f"let repo.url name a bare repository, or set receive.denyCurrentBranch there, or {INSTEAD}"),
    (PROTECTED, f"let this login push to {{branch}} (as a bypass actor of the rule or hook), or {INSTEAD}"),
    (NO_RIGHT, f"give this login the right to push to {{branch}}, or {INSTEAD}"),
)


def refused(where: str, branch: str, said: str) -> PierheadError:
    """Stalled with advice where only a person can change it, Transient where it may pass by itself."""
    text = one_line(said)[:LONGEST]
    words = said.lower()
    message = f"{where} refused the update commit on {branch}: {text}"
    if not any(word in words for word in PASSING):
        for known, advice in ADVICE:
            if any(word in words for word in known):
                return Stalled(Reason.UPDATE_REJECTED, message, advice=advice.replace("{branch}", branch))
    return Transient(Reason.PUSH_REJECTED, message)


def is_refusal(error: PierheadError) -> bool:
    """Whether a failed push says that this login may not write, rather than that it is unknown or the remote away."""
    words = error.message.lower()
    if isinstance(error, Stalled):
        return "status code: 403" in words
    return any(word in words for word in (*NO_RIGHT, *PROTECTED))
