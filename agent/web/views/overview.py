"""The overview: one sentence, then what needs attention, then everything else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from agent.core.eventlog import Event
from agent.core.reasons import Phase, Reason
from agent.core.status import HostStatus, WorkloadStatus
from agent.web.views.phases import ATTENTION, MOVING, ORDER, rank, tone
from agent.web.views.text import Image, Moment, ahead, clean, image, moment, one_line, short_commit


@dataclass(frozen=True, slots=True)
class Headline:
    """The sentence that answers "do I have to get up?": a catalog key, its values, and the tone of the page."""

    key: str
    tone: str
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Row:
    """One workload in a list."""

    name: str
    phase: str
    tone: str
    reason: str
    message: str
    source: str
    since: Moment | None
    until: Moment | None
    image: Image | None
    quarantined: bool


@dataclass(frozen=True, slots=True)
class Share:
    """How many workloads are in one phase, and its part of the bar in percent."""

    phase: str
    tone: str
    count: int
    start: float
    width: float


@dataclass(frozen=True, slots=True)
class Condition:
    """Something wrong with the agent itself: what part, the reason word, and the message."""

    name: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What else needs somebody: triggers that do not work, and updates that wait to be written, by workload."""

    failing: int = 0
    pending: Mapping[str, str] = field(default_factory=dict)


CALM = Signals()


@dataclass(frozen=True, slots=True)
class Pending:
    """One update that waits to be written to git, and why."""

    workload: str
    known: bool
    text: str


@dataclass(frozen=True, slots=True)
class Overview:
    """All of the page. `attention`, `moving` and `quiet` are disjoint and together all workloads."""

    headline: Headline
    shares: tuple[Share, ...]
    attention: tuple[Row, ...]
    moving: tuple[Row, ...]
    quiet: tuple[Row, ...]
    pending: tuple[Pending, ...]
    failing: int
    conditions: tuple[Condition, ...]
    unready: tuple[str, ...]
    problems: int
    errors: int
    total: int
    revision: str
    full_revision: str
    followed: Moment | None
    down: tuple[str, ...]
    branch: str
    repository: str


def overview(
    status: HostStatus, unready: Sequence[str], events: Iterable[Event], now: float, signals: Signals = CALM
) -> Overview:
    """What the overview shows at `now` (epoch seconds); recent events tell since when the commit is followed."""
    workloads = sorted(status.workloads.values(), key=lambda one: (rank(one.phase), one.name))
    return Overview(
        headline=headline(status, unready),
        shares=_shares(status),
        attention=_rows((one for one in workloads if one.phase in ATTENTION), now),
        moving=_rows((one for one in workloads if one.phase in MOVING), now),
        quiet=_rows((one for one in workloads if one.phase not in ATTENTION | MOVING), now),
        pending=tuple(
            Pending(name, name in status.workloads, clean(text, 600)) for name, text in sorted(signals.pending.items())
        ),
        failing=signals.failing,
        conditions=tuple(condition(name, text) for name, text in sorted(status.conditions.items())),
        unready=tuple(one_line(reason) for reason in unready),
        problems=len(status.problems),
        errors=sum(problem.severity == "error" for problem in status.problems),
        total=len(workloads),
        revision=short_commit(status.revision),
        full_revision=one_line(status.revision or "", 80),
        followed=moment(_seen(status, events), now),
        down=tuple(one.name for one in workloads if one.phase is Phase.FAILED),
        branch=one_line(status.branch, 200),
        repository=one_line(status.repository, 300),
    )


def _seen(status: HostStatus, events: Iterable[Event]) -> str | None:
    """When the commit in force was first read, None when that is longer ago than the events reach."""
    seen = (one.time for one in events if one.reason is Reason.REVISION_SEEN and one.revision == status.revision)
    return next(seen, None)


def headline(status: HostStatus, unready: Sequence[str]) -> Headline:
    """The worst that is true decides; with nothing wrong, what moves; else that all is as committed."""
    counts = status.counts()
    total = len(status.workloads)
    commit = short_commit(status.revision)
    bad = sum(counts.get(phase, 0) for phase in ATTENTION)
    if bad:
        worst = next(phase for phase in ORDER if phase in counts)
        return Headline("headline.attention", tone(worst), {"count": bad, "total": total})
    if status.conditions:
        return Headline("headline.agent", "degraded", {"count": total, "total": total})
    if unready:
        return Headline("headline.starting", "progressing", {"count": total})
    if any(problem.severity == "error" for problem in status.problems):
        return Headline("headline.problems", "invalid", {"count": len(status.problems)})
    if not total:
        return Headline("headline.empty", "suspended", {"commit": commit})
    return _calm_headline(counts, total, commit)


def _calm_headline(counts: Mapping[str, int], total: int, commit: str) -> Headline:
    for phase, key in ((Phase.PROGRESSING, "headline.progressing"), (Phase.WAITING, "headline.waiting")):
        if counts.get(phase):
            return Headline(key, tone(phase), {"count": counts[phase], "total": total, "commit": commit})
    followed = total - counts.get(Phase.SUSPENDED, 0)
    if not followed:
        return Headline("headline.suspended", "suspended", {"count": total})
    key = "headline.synced" if followed == total else "headline.synced.rest"
    return Headline(key, "synced", {"count": followed, "total": total, "commit": commit})


def condition(name: str, text: str) -> Condition:
    """Splits `Reason: message`; a text without a reason word is all message."""
    reason, colon, message = text.partition(": ")
    if not colon or not reason.isalpha():
        reason, message = "", text
    return Condition(one_line(name, 80), reason, clean(message))


def _shares(status: HostStatus) -> tuple[Share, ...]:
    counts, total = status.counts(), len(status.workloads)
    shares: list[Share] = []
    start = 0.0
    for phase in ORDER:
        count = counts.get(phase, 0)
        if count:
            width = 100 * count / total
            shares.append(Share(str(phase), tone(phase), count, round(start, 3), round(width, 3)))
            start += width
    return tuple(shares)


def _rows(workloads: Iterable[WorkloadStatus], now: float) -> tuple[Row, ...]:
    return tuple(row(one, now) for one in workloads)


def row(one: WorkloadStatus, now: float) -> Row:
    return Row(
        name=one.name,
        phase=str(one.phase),
        tone=tone(one.phase),
        reason=str(one.reason),
        message=one_line(one.message, 400),
        source=one_line(one.source, 40),
        since=moment(one.since, now),
        until=ahead(moment(one.until, now)),
        image=image(one.image),
        quarantined=one.quarantine is not None,
    )
