"""Errors told apart by who must act.

`Stalled` waits for a commit, `Transient` for time; anything else that is raised is a bug and keeps its traceback.
Every message says where, what was expected, what was found and what to do. Raise or log, never both.
"""

from __future__ import annotations

from agent.core.reasons import Reason


class PierheadError(Exception):
    """Base of everything that Pierhead raises on purpose.

    `reason` is the word shown in status, events, metrics and the page; `advice` is what a person can do about it.
    """

    def __init__(self, reason: Reason, message: str, *, advice: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.message}; {self.advice}" if self.advice else self.message


class Stalled(PierheadError):
    """Trying again cannot help: a commit or a host setting must change first."""


class Transient(PierheadError):
    """Something outside is away or busy; try again after `retry_after` seconds, or when the backoff says so if None."""

    def __init__(self, reason: Reason, message: str, *, advice: str = "", retry_after: float | None = None) -> None:
        super().__init__(reason, message, advice=advice)
        self.retry_after = retry_after


class Moved(Exception):
    """A ref is no longer where it was: nothing was written. Fetch, plan on what is there now, and try again."""


class Usage(PierheadError):
    """The command line or the host settings are wrong; the command prints the message and exits 1."""

    def __init__(self, message: str, *, advice: str = "") -> None:
        super().__init__(Reason.INVALID_SETTINGS, message, advice=advice)
