"""A status for people: STATUS.md as a forge shows it, and the text of `pierhead status`.

What needs attention comes first. Nothing in a message can become markup or a control sequence.
"""

from __future__ import annotations

import re

from agent.core.problems import Problem
from agent.core.reasons import Phase
from agent.core.status import HostStatus, WorkloadStatus

ORDER = (
    Phase.FAILED,
    Phase.DEGRADED,
    Phase.INVALID,
    Phase.PROGRESSING,
    Phase.WAITING,
    Phase.SUSPENDED,
    Phase.SYNCED,
)
SIGNS = {
    Phase.SYNCED: "✅",
    Phase.PROGRESSING: "⏳",
    Phase.WAITING: "⏳",
    Phase.SUSPENDED: "⏸️",
    Phase.DEGRADED: "⚠️",
    Phase.FAILED: "❌",
    Phase.INVALID: "❌",
}
COLOURS = {
    Phase.SYNCED: "32",
    Phase.PROGRESSING: "36",
    Phase.WAITING: "36",
    Phase.SUSPENDED: "2",
    Phase.DEGRADED: "33",
    Phase.FAILED: "31",
    Phase.INVALID: "31",
}
BAD = frozenset({Phase.FAILED, Phase.DEGRADED, Phase.INVALID})
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+!|~&@])")


def one_line(text: str) -> str:
    """The text without line breaks, escape sequences and direction marks."""
    return _CONTROL.sub(" ", text).strip()


def escaped(text: str) -> str:
    """The text as Markdown that shows it as it is."""
    return _MARKUP.sub(r"\\\1", one_line(text))


def _code(text: str) -> str:
    """The text as a code span, also inside a table."""
    return f"`{one_line(text).replace('`', chr(0x2BB)).replace('|', chr(0xA6))}`"


def worst_first(status: HostStatus) -> list[WorkloadStatus]:
    """The workloads, what needs attention first, then by name."""
    return sorted(status.workloads.values(), key=lambda one: (ORDER.index(one.phase), one.name))


def headline(status: HostStatus) -> str:
    """The state of the host in one sentence."""
    counts = status.counts()
    total = sum(counts.values())
    bad = sum(counts.get(str(phase), 0) for phase in BAD)
    if bad:
        return f"{bad} of {total} workloads need attention"
    if not total:
        return "no workloads"
    parts = [f"{counts[str(phase)]} {phase}" for phase in reversed(ORDER) if str(phase) in counts]
    return ", ".join(parts)


def markdown(status: HostStatus) -> str:
    """STATUS.md."""
    at = _code(status.revision[:12]) if status.revision else "no commit yet"
    lines = [
        f"# {escaped(status.host)}: {headline(status)}",
        "",
        f"Branch {_code(status.branch)} at {at}, Pierhead {escaped(status.version)}, {escaped(status.updated_at)}.",
        "",
    ]
    if status.workloads:
        lines += ["| | Workload | Phase | Why | Runs | Since |", "|---|---|---|---|---|---|"]
        lines += [_row(one) for one in worst_first(status)]
        lines.append("")
    if status.conditions:
        lines += ["## Conditions", ""]
        lines += [f"- **{escaped(name)}**: {escaped(text)}" for name, text in sorted(status.conditions.items())]
        lines.append("")
    if status.problems:
        lines += ["## Problems", ""]
        lines += [f"- {_code(_place(one))} {escaped(_finding(one))}" for one in status.problems]
        lines.append("")
    return "\n".join(lines)


def _row(one: WorkloadStatus) -> str:
    runs = _code(one.image) if one.image else ""
    why = escaped(f"{one.reason}: {one.message}" if one.message else str(one.reason))
    return f"| {SIGNS[one.phase]} | {escaped(one.name)} | {one.phase} | {why} | {runs} | {escaped(one.since)} |"


def _place(problem: Problem) -> str:
    position = problem.position
    return f"{position.path}:{position.line}:{position.column}" if position.line else position.path


def _finding(problem: Problem) -> str:
    return f"{problem.severity}: expected {problem.expected}, found {problem.found}; {problem.fix}"


def terminal(status: HostStatus, *, colour: bool = False) -> str:
    """What `pierhead status` prints for one host."""
    at = status.revision[:12] if status.revision else "no commit yet"
    lines = [
        f"{one_line(status.host)}: {headline(status)}",
        f"  {one_line(status.branch)} at {at}, Pierhead {one_line(status.version)}, {one_line(status.updated_at)}",
    ]
    rows = [(one, one_line(one.name), f"{one.phase}/{one.reason}") for one in worst_first(status)]
    wide = max((len(name) for _, name, _ in rows), default=0)
    words = max((len(word) for _, _, word in rows), default=0)
    for one, name, word in rows:
        shown = _paint(word.ljust(words), one.phase) if colour else word.ljust(words)
        lines.append(f"  {name.ljust(wide)}  {shown}  {one_line(one.message)}".rstrip())
    lines += [f"  ! {one_line(name)}: {one_line(text)}" for name, text in sorted(status.conditions.items())]
    lines += [f"  ! {one_line(_place(one))}: {one_line(_finding(one))}" for one in status.problems]
    return "\n".join(lines)


def _paint(text: str, phase: Phase) -> str:
    return f"\x1b[{COLOURS[phase]}m{text}\x1b[0m"
