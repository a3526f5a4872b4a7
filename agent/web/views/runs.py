"""One-off containers: what started them, how they ended and what they wrote last."""

from __future__ import annotations

from dataclasses import dataclass

from agent.core.runs import FAILED, LOST, RUNNING, SKIPPED, SUCCEEDED, TIMED_OUT, WAITING, Run
from agent.web.views.text import MAX_LINE, Measure, Moment, clean, epoch, moment, one_line, span

LINES = 50
TONES = {
    WAITING: "waiting",
    RUNNING: "progressing",
    SUCCEEDED: "synced",
    FAILED: "failed",
    TIMED_OUT: "failed",
    SKIPPED: "suspended",
    LOST: "degraded",
}


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run. `took` is None while it is not over, and where it never began."""

    id: str
    trigger: str
    state: str
    tone: str
    when: Moment | None
    took: Measure | None
    exit_code: int | None
    message: str
    lines: tuple[str, ...]


def run_row(run: Run, now: float) -> RunRow:
    return RunRow(
        id=one_line(run.id, 128),
        trigger=run.trigger,
        state=run.state if run.state in TONES else "unknown",
        tone=TONES.get(run.state, "unknown"),
        when=moment(run.started or run.requested, now),
        took=_took(run),
        exit_code=run.exit_code,
        message=clean(run.message, 600),
        lines=tuple(clean(line, MAX_LINE).replace("\n", " ") for line in run.lines[-LINES:]),
    )


def _took(run: Run) -> Measure | None:
    began, ended = _seconds(run.started), _seconds(run.finished)
    return None if began is None or ended is None else span(ended - began)


def _seconds(stamp: str | None) -> float | None:
    """Epoch seconds; None for no time and for what is none."""
    try:
        return epoch(stamp or "")
    except (ValueError, OverflowError):
        return None
