"""A status as JSON and as text: what is written can be read back, and nothing in it can become markup."""

from __future__ import annotations

import json
from dataclasses import replace

import jsonschema
import pytest
from support.writeback import status

from agent.core.problems import Position, Problem, Severity
from agent.core.reasons import Phase, Reason
from agent.core.status import ContainerStatus, HostStatus, WorkloadStatus
from agent.core.status_text import escaped, headline, markdown, one_line, terminal, worst_first
from agent.schema_files import schemas

CONTAINER = ContainerStatus(
    id="4f2c", name="shop.1f0c", role="active", state="exited", health=None, image="shop:1", exit_code=0
)
PROBLEM = Problem(
    position=Position("workloads/a.yaml", 3, 5),
    code="UnknownField",
    expected="a field | of a Workload",
    found="<b>",
    fix="",
    severity=Severity.WARNING,
)


def workload(name: str, phase: Phase, **fields: object) -> WorkloadStatus:
    given = {"id": "x", "reason": Reason.CONVERGED, "message": "", "since": "2026-11-23T09:00:00.000Z"} | fields
    return WorkloadStatus(name=name, phase=phase, **given)


def full() -> HostStatus:
    shop = workload(
        "shop",
        Phase.FAILED,
        message="it | *broke*",
        containers=(CONTAINER,),
        depends_on=("db",),
        image="shop:1",
        plan=("a",),
    )
    return replace(
        status("1" * 40),
        workloads={"shop": shop, "db": workload("db", Phase.SYNCED)},
        problems=(PROBLEM, replace(PROBLEM, position=Position("b.yaml"))),
        conditions={"engine": "EngineUnreachable: socket away"},
    )


def test_a_status_survives_json_and_is_valid():
    record = json.loads(json.dumps(full().as_dict()))
    jsonschema.Draft202012Validator(schemas()["status"]).validate(record)
    assert HostStatus.from_dict(record) == replace(full(), workloads=dict(sorted(full().workloads.items())))


@pytest.mark.parametrize("kind", ["status", "event"])
def test_the_examples_of_the_schemas_are_valid(kind):
    validator = jsonschema.Draft202012Validator(schemas()[kind])
    for example in schemas()[kind]["examples"]:
        validator.validate(example)


def test_the_status_examples_are_what_the_agent_itself_would_write():
    for example in schemas()["status"]["examples"]:
        assert HostStatus.from_dict(example).as_dict() == example


def test_every_reason_and_phase_of_the_agent_fits_the_schemas():
    validator = jsonschema.Draft202012Validator(schemas()["status"])
    for phase in Phase:
        validator.validate(replace(full(), workloads={"a": workload("a", phase)}).as_dict())
    for reason in Reason:
        validator.validate(replace(full(), workloads={"a": workload("a", Phase.SYNCED, reason=reason)}).as_dict())


def test_empty_fields_are_left_out_but_zero_is_not():
    record = full().as_dict()["workloads"]["shop"]
    assert record["containers"][0]["exit_code"] == 0
    assert "digest" not in record["containers"][0]
    assert record["containers"][0]["health"] is None
    assert "until" not in record


def test_fields_of_a_newer_version_are_ignored():
    record = full().as_dict() | {"new": 1}
    record["workloads"]["db"]["newer"] = {"a": 1}
    assert HostStatus.from_dict(record).workloads["db"].name == "db"


def test_a_phase_of_a_newer_version_is_refused():
    record = full().as_dict()
    record["workloads"]["db"]["phase"] = "Dreaming"
    with pytest.raises(ValueError, match="Dreaming"):
        HostStatus.from_dict(record)


def test_the_headline_tells_what_matters():
    assert headline(full()) == "1 of 2 workloads need attention"
    assert headline(replace(full(), workloads={})) == "no workloads"
    waiting = {"a": workload("a", Phase.WAITING), "b": workload("b", Phase.SYNCED)}
    assert headline(replace(full(), workloads=waiting)) == "1 Synced, 1 Waiting"


def test_what_needs_attention_comes_first():
    assert [one.name for one in worst_first(full())] == ["shop", "db"]


def test_markdown_shows_everything_and_escapes_it():
    text = markdown(full())
    assert text.startswith("# edge-1: 1 of 2 workloads need attention\n")
    assert "| ❌ | shop | Failed | Converged: it \\| \\*broke\\* | `shop:1` | 2026-11-23T09:00:00.000Z |" in text
    assert "| ✅ | db | Synced | Converged |  | 2026-11-23T09:00:00.000Z |" in text
    assert "- **engine**: EngineUnreachable: socket away" in text
    assert "- `workloads/a.yaml:3:5` warning: expected a field \\| of a Workload, found \\<b\\>;" in text
    assert "- `b.yaml` warning" in text
    assert all(line.count("|") - line.count("\\|") in (0, 7) for line in text.splitlines())


def test_a_host_without_anything_has_a_short_page():
    text = markdown(replace(status(None), workloads={}))
    assert text.splitlines()[0] == "# edge-1: no workloads"
    assert "at no commit yet" in text
    assert "|" not in text


def test_code_spans_cannot_be_left():
    hostile = replace(full(), workloads={"a": workload("a", Phase.SYNCED, image="x` <script> | y")})
    row = next(line for line in markdown(hostile).splitlines() if "<script>" in line)
    assert row.count("`") == 2
    assert row.count("|") == 7


def test_control_characters_never_reach_a_terminal_or_a_page():
    hostile = "a\x1b[31m\r\nb\u202ec\x9b"
    assert one_line(hostile) == "a [31m b c"
    assert "\n" not in escaped(hostile)
    shown = terminal(
        replace(full(), host=hostile, workloads={hostile: workload(hostile, Phase.SYNCED, message=hostile)})
    )
    assert "\x1b" not in shown


def test_the_terminal_lists_workloads_conditions_and_problems():
    lines = terminal(full()).splitlines()
    assert lines[0] == "edge-1: 1 of 2 workloads need attention"
    assert lines[1].startswith("  main at 111111111111, Pierhead 0.1.0")
    assert lines[2] == "  shop  Failed/Converged  it | *broke*"
    assert lines[3] == "  db    Synced/Converged"
    assert lines[4] == "  ! engine: EngineUnreachable: socket away"
    assert lines[5].startswith("  ! workloads/a.yaml:3:5: warning: expected")
    assert "no commit yet" in terminal(replace(status(None), workloads={}))


def test_colour_follows_the_phase():
    assert "\x1b[31mFailed/Converged\x1b[0m" in terminal(full(), colour=True)
