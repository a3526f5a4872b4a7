"""The JSON API: what it answers is what its description says, and what it does not understand it refuses in words."""

from __future__ import annotations

import json
import re

import pytest
from fakes.view import FakeView
from jsonschema import Draft202012Validator
from support.asgi import Client

from agent.core.eventlog import Event
from agent.core.reasons import Reason
from agent.core.status import HostStatus
from agent.errors import Transient
from agent.web.app import create_app, create_ingress_app, create_status_app
from agent.web.openapi import description

DESCRIPTION = description("0.1.0")
JSON_PATHS = {
    "/api/v1/status": "/api/v1/status",
    "/api/v1/workloads": "/api/v1/workloads",
    "/api/v1/workloads/{name}": "/api/v1/workloads/shop",
    "/api/v1/workloads/{name}/logs": "/api/v1/workloads/shop/logs?tail=2",
    "/api/v1/events": "/api/v1/events?limit=3&severity=info",
    "/api/v1/triggers": "/api/v1/triggers",
    "/api/v1/triggers/{name}": "/api/v1/triggers/ci-push",
    "/api/v1/deliveries": "/api/v1/deliveries?limit=20",
    "/api/v1/problems": "/api/v1/problems",
    "/api/v1/plan": "/api/v1/plan",
    "/api/v1/openapi.json": "/api/v1/openapi.json",
}


def check(path: str, status: int, body: object, method: str = "get") -> None:
    """The body is as the description says for that answer."""
    answer = DESCRIPTION["paths"][path][method]["responses"][str(status)]
    if "$ref" in answer:
        answer = DESCRIPTION["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    schema = {**answer["content"]["application/json"]["schema"], "components": DESCRIPTION["components"]}
    Draft202012Validator(schema).validate(body)


def references(value: object):
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "$ref":
                yield item
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def test_the_description_names_every_route_and_no_other(view, ingress, options):
    app = create_app(view, ingress, options)
    assert {route.path for route in app.routes} == set(DESCRIPTION["paths"])


def test_the_description_holds_together():
    assert DESCRIPTION["openapi"] == "3.1.0"
    assert DESCRIPTION["info"]["version"] == "0.1.0"
    for reference in references(DESCRIPTION):
        place: object = DESCRIPTION
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]
    for schema in DESCRIPTION["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
        assert schema.get("description")
    operations = [one for item in DESCRIPTION["paths"].values() for one in item.values()]
    assert len({one["operationId"] for one in operations}) == len(operations)
    for path, item in DESCRIPTION["paths"].items():
        for one in item.values():
            named = {parameter["name"] for parameter in one.get("parameters", ()) if parameter["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path))


@pytest.mark.parametrize(("path", "address"), JSON_PATHS.items())
def test_every_answer_is_as_described(client, path, address):
    answer = client.get(address)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    check(path, 200, answer.json())


@pytest.mark.parametrize(("path", "address"), JSON_PATHS.items())
def test_the_answers_of_an_empty_host_are_as_described(ingress, options, path, address):
    view = FakeView(())
    view.set(revision=None)
    with Client(create_app(view, ingress, options)) as client:
        answer = client.get(address)
    assert answer.status_code == (404 if "{name}" in path else 200)
    check(path, answer.status_code, answer.json())


def test_status_is_the_form_that_is_written_to_git(client, view):
    assert HostStatus.from_dict(client.get("/api/v1/status").json()) == view.host


def test_workloads_come_with_what_needs_attention_first(client):
    names = [one["name"] for one in client.get("/api/v1/workloads").json()["workloads"]]
    assert names[:3] == ["checkout", "api", "reports"]
    assert len(names) == 12


def test_a_workload_shows_secrets_by_name_only(client):
    environment = client.get("/api/v1/workloads/shop").json()["environment"]
    assert {"name": "DATABASE_URL", "value": None, "secret": "shop-db-url"} in environment


def test_plans_are_lines_of_text(client):
    plans = {one["name"]: one for one in client.get("/api/v1/plan").json()["workloads"]}
    assert plans["worker"]["plan"][0].startswith("pull image")
    assert plans["db"]["plan"] == []


def walked(client: Client, address: str, items: str, following: str) -> list[str]:
    """The ids of all pages, one after another."""
    seen, answer = [], client.get(address).json()
    while True:
        seen += [one["id"] for one in answer[items]]
        if answer[following] is None:
            return seen
        answer = client.get(f"{address}&before={answer[following]}").json()


def test_events_are_paged_by_next(client, view):
    seen = walked(client, "/api/v1/events?limit=4&severity=debug", "events", "next")
    assert seen == [one.id for one in reversed(view.log_of_events)]


def test_debug_events_are_only_given_to_who_asks_for_them(client, view):
    seen = walked(client, "/api/v1/events?limit=4", "events", "next")
    assert seen == [one.id for one in reversed(view.log_of_events) if one.severity != "debug"]


def test_events_of_one_trigger_are_found(client):
    for severity, reasons in ("info", ["TriggerFired"]), ("debug", ["TriggerFired", "TriggerNotFired"]):
        found = client.get(f"/api/v1/events?trigger=ci-push&severity={severity}").json()["events"]
        assert [one["reason"] for one in found] == reasons
    assert client.get("/api/v1/events?trigger=nope").json()["events"] == []


def test_triggers_come_with_what_does_not_work_first(client, view):
    triggers = client.get("/api/v1/triggers").json()["triggers"]
    assert [one["name"] for one in triggers][:2] == ["base-images", "by-hand"]
    assert len(triggers) == len(view.all_triggers)


def test_an_inline_trigger_is_found_by_its_name_with_a_dot(client):
    answer = client.get("/api/v1/triggers/shop.1").json()
    assert (answer["workload"], answer["bindings"][0]["fired"], answer["auth"]) == ("shop", False, None)
    assert answer["summary"]["branch"] == "main"


def test_deliveries_are_paged_by_next_before(client, view):
    seen = walked(client, "/api/v1/deliveries?limit=2", "deliveries", "next_before")
    assert seen == [one.id for one in reversed(view.log_of_deliveries)]


def test_deliveries_are_filtered_by_trigger_and_outcome(client, view):
    for outcome in ("accepted", "refused"):
        seen = walked(
            client, f"/api/v1/deliveries?limit=1&trigger=ci-push&outcome={outcome}", "deliveries", "next_before"
        )
        wanted = [one for one in view.log_of_deliveries if (one.trigger, one.outcome) == ("ci-push", outcome)]
        assert seen == [one.id for one in reversed(wanted)] != []


def test_a_workload_tells_its_bindings_its_pending_update_and_its_runs(client):
    mailer = client.get("/api/v1/workloads/mailer").json()
    assert [one["trigger"] for one in mailer["bindings"]] == ["by-hand", "mailer.1"]
    assert mailer["runs"][2]["exit_code"] == 2
    assert mailer["runs"][2]["lines"][-1] == "sent 311 of 1,204"
    assert "2.3.0 → 2.3.1" in client.get("/api/v1/workloads/search").json()["pending_update"]


def test_events_are_filtered_by_workload_and_severity(client):
    found = client.get("/api/v1/events?workload=api&severity=warning").json()["events"]
    assert [one["reason"] for one in found] == ["RolledBack", "HealthTimeout"]


def test_data_that_json_does_not_know_is_told_as_text(client, view):
    odd = {"nan": float("nan"), "set": {1}, "bytes": b"x", "text": "\ud800", "deep": {"tuple": (1, None, True, 0.5)}}
    view.add_event(
        Event(
            id="z",
            time="2026-11-24T00:30:00.000Z",
            host="edge-1",
            severity="info",
            source="test",
            reason=Reason.DEPLOYED,
            message="\ud800",
            data=odd,
        )
    )
    first = client.get("/api/v1/events?limit=1").json()["events"][0]
    assert first["data"] == {
        "nan": None,
        "set": [1],
        "bytes": "b'x'",
        "text": "?",
        "deep": {"tuple": [1, None, True, 0.5]},
    }


def test_logs_are_the_last_lines(client, view):
    assert client.get("/api/v1/workloads/shop/logs?tail=2").json()["lines"] == list(view.log_lines[-2:])


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("events?limit=0", "limit: expected a whole number from 1 to 1000, found '0'"),
        ("events?limit=1001", "limit: expected a whole number from 1 to 1000, found '1001'"),
        ("events?limit=ten", "limit: expected"),
        ("events?limit=", "limit: expected"),
        ("events?limit=%D9%A3", "limit: expected"),
        ("events?limit=" + "9" * 400, "limit: expected"),
        ("events?severity=loud", "severity: expected one of debug, info, warning, error, found 'loud'"),
        ("events?workload=" + "x" * 254, "workload: expected at most 253 printable characters"),
        ("events?before=%00", "before: expected at most 253 printable characters"),
        ("events?trigger=%1b", "trigger: expected at most 253 printable characters"),
        ("deliveries?limit=0", "limit: expected a whole number from 1 to 1000, found '0'"),
        ("deliveries?outcome=lost", "outcome: expected one of accepted, ignored, duplicate, refused, failed, sent"),
        ("workloads/shop/logs?tail=-1", "tail: expected a whole number from 1 to 5000, found '-1'"),
        ("workloads/shop/logs?follow=yes", "follow: expected 0 or 1, found 'yes'"),
    ],
)
def test_a_parameter_that_is_not_understood_is_refused_with_the_expectation(client, query, message):
    answer = client.get(f"/api/v1/{query}")
    assert answer.status_code == 400
    assert answer.json()["error"]["reason"] == "BadParameter"
    assert answer.json()["error"]["message"].startswith(message)
    check("/api/v1/events", 400, answer.json())


@pytest.mark.parametrize(
    "path",
    [
        "/api",
        "/api/v1",
        "/api/v1/nope",
        "/api/v2/status",
        "/api/v1/workloads/nope",
        "/api/v1/triggers/nope",
        "/api/v1/triggers/",
        "/api/v1/workloads/nope/logs",
        "/api/v1/workloads/nope/logs?follow=1",
    ],
)
def test_what_is_not_there_is_told_in_json(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json()["error"]["reason"] == "NotFound"


@pytest.mark.parametrize("path", list(JSON_PATHS.values()))
def test_the_api_only_reads(client, path):
    answer = client.post(path)
    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]
    assert answer.json()["error"]["reason"] == "MethodNotAllowed"


def test_what_is_away_is_told_in_its_own_words(client, view):
    view.error = Transient(Reason.JOURNAL_UNAVAILABLE, "the journal is locked", advice="look who holds it")
    for path in ("/api/v1/status", "/metrics", "/"):
        answer = client.get(path)
        assert answer.status_code == 503
        assert answer.json()["error"] == {
            "reason": "JournalUnavailable",
            "message": "the journal is locked; look who holds it",
        }
        assert "retry-after" in answer.headers


def test_a_client_that_has_the_answer_is_told_so(client):
    tag = client.get("/api/v1/workloads").headers["etag"]
    assert client.get("/api/v1/workloads", headers={"if-none-match": tag}).status_code == 304


def test_health_and_readiness(client, view):
    assert client.get("/healthz").text == "ok\n"
    assert client.get("/readyz").text == "ready\n"
    view.reasons = ("engine: away", "the first pass is not finished yet")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.text) == (503, "engine: away\nthe first pass is not finished yet\n")
    assert client.get("/healthz").status_code == 200


def test_the_status_app_has_no_ingress_and_the_ingress_app_nothing_else(view, ingress, options):
    with Client(create_status_app(view, options)) as status:
        assert status.get("/").status_code == 200
        assert status.post("/webhook/config").status_code == 404
    with Client(create_ingress_app(ingress, options)) as outside:
        assert outside.get("/").status_code == 404
        assert outside.get("/api/v1/status").json()["error"]["reason"] == "NotFound"
        assert outside.get("/healthz").text == "ok\n"
        assert outside.post("/webhook/config").status_code == 401


def test_a_bug_is_answered_without_a_word_about_its_inside(view, ingress, options):
    import httpx

    view.error = ZeroDivisionError("secret inside")
    app = create_app(view, ingress, options)
    with Client(app) as client:
        client._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://agent"
        )
        answer = client.get("/api/v1/status")
    assert answer.status_code == 500
    assert "secret inside" not in answer.text
    assert json.loads(answer.text)["error"]["reason"] == "InternalError"
    assert answer.headers["x-frame-options"] == "DENY"
