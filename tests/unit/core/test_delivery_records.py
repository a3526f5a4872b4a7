"""Records of deliveries have one JSON form, and a run knows whether something is still to come."""

from __future__ import annotations

import pytest
from support.documents import ALL_SCHEMAS

from agent.core.deliveries import OUTCOMES, DeliveryRecord, tally
from agent.core.runs import OPEN_STATES, STATES, Run
from agent.schema_files import schemas


def record(outcome: str = "accepted", **fields: object) -> DeliveryRecord:
    return DeliveryRecord(
        id="1",
        time="2026-11-24T00:30:00.000Z",
        host="edge-1",
        direction="in",
        trigger="ci-push",
        outcome=outcome,
        **fields,
    )


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_every_outcome_is_in_the_schema(outcome):
    assert ALL_SCHEMAS.check("delivery", record(outcome).as_dict()) == ()


def test_a_full_record_has_every_field_of_the_schema_with_the_id_first():
    shown = record(vendor="harbor", status=202, events=("2",), sender="192.0.2.1", size=5, seconds=0.12345678).as_dict()
    assert set(shown) == set(schemas()["delivery"]["properties"])
    assert next(iter(shown)) == "id"
    assert shown["seconds"] == 0.123457
    assert ALL_SCHEMAS.check("delivery", shown) == ()


def test_an_unknown_vendor_is_left_out():
    assert "vendor" not in record().as_dict()


def test_outcomes_are_counted_in_a_fixed_order():
    assert tally((record("refused"), record(), record(), record("sent"))) == "2 accepted, 1 refused, 1 sent"
    assert tally(()) == ""


@pytest.mark.parametrize("state", STATES)
def test_a_run_is_open_until_it_ended(state):
    run = Run(id="1", workload_id="a", workload="a", trigger="t", event="e", state=state, requested="r")
    assert run.is_open == (state in OPEN_STATES)
