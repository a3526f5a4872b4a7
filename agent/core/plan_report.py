"""Plans as text, JSON, Markdown and GitHub annotations: one wording, four shapes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from agent.core.plan import Plan
from agent.core.reasons import Phase

FORMATS = ("text", "json", "markdown", "github")


def render_plans(plans: Sequence[Plan], output: str) -> str:
    """All plans in one of FORMATS, without a final newline."""
    match output:
        case "json":
            return json.dumps([plan_dict(plan) for plan in plans], indent=2)
        case "markdown":
            return _markdown(plans)
        case "github":
            return "\n".join(_annotations(plans))
        case _:
            return "\n".join([plan.text for plan in plans] + [summary(plans)])


def plan_dict(plan: Plan) -> dict[str, object]:
    """One plan for machines."""
    return {
        "workload": plan.workload,
        "id": plan.workload_id,
        "phase": str(plan.phase),
        "reason": str(plan.reason),
        "message": plan.message,
        "steps": [{"action": step.action.text, "cause": step.cause} for step in plan.steps],
    }


def summary(plans: Sequence[Plan]) -> str:
    """One closing line."""
    changing = sum(1 for plan in plans if plan.steps)
    steps = sum(len(plan.steps) for plan in plans)
    if not changing:
        return f"Nothing to do for {len(plans)} workloads."
    return f"{changing} of {len(plans)} workloads change, {steps} steps."


def _markdown(plans: Sequence[Plan]) -> str:
    lines = [f"**{summary(plans)}**"]
    for plan in plans:
        if plan.steps:
            lines += ["", f"### {plan.workload}", "", f"{plan.message}", ""]
            lines += [f"{number}. {step.text}" for number, step in enumerate(plan.steps, 1)]
    resting = [plan for plan in plans if not plan.steps]
    if resting:
        lines += ["", "<details><summary>Unchanged</summary>", ""]
        lines += [f"- {plan.workload}: {plan.reason}, {plan.message}" for plan in resting]
        lines += ["", "</details>"]
    return "\n".join(lines)


def _annotations(plans: Sequence[Plan]) -> Iterable[str]:
    for plan in plans:
        level = "error" if plan.phase in (Phase.FAILED, Phase.INVALID, Phase.DEGRADED) else "notice"
        text = "%0A".join(plan.text.replace("%", "%25").replace("\r", "%0D").split("\n"))
        if plan.steps or level == "error":
            yield f"::{level} title={plan.workload}::{text}"
    yield f"::notice title=Plan::{summary(plans)}"
