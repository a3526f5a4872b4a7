"""Whatever the documents, containers and requests hold, the page shows text, and nothing fails."""

from __future__ import annotations

import dataclasses
from urllib.parse import quote

import pytest
from fakes.traffic import binding
from fakes.view import FakeView, believable_problems, container, workload
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.asgi import Client

from agent.core.deliveries import DeliveryRecord
from agent.core.detail import BindingDetail, EnvironmentEntry, TriggerDetail, VolumeEntry
from agent.core.eventlog import Event
from agent.core.problems import Position
from agent.core.reasons import Phase, Reason
from agent.core.runs import Run

EVIL = (
    "</script><img src=x onerror=alert(1)>\"'`{{7*7}}{count}\x1b[31m\x00\N{RIGHT-TO-LEFT OVERRIDE}\ud800"
    + "long" * 3000
)
CODES = {200, 304, 400, 404}
WEBHOOK_CODES = {404, 405}


def evil_trigger(name: str, workload: str) -> TriggerDetail:
    binding = BindingDetail(
        trigger=EVIL,
        kind=EVIL,
        workload=workload,
        number=1,
        order=10**30,
        enabled=True,
        action=EVIL,
        overrides=(EVIL, EVIL),
        fired=True,
        why=EVIL,
        at=EVIL,
        event=EVIL,
        next_tick=EVIL,
    )
    return TriggerDetail(
        name=name,
        kind=EVIL,
        path=EVIL,
        line=1,
        description=EVIL,
        workload=workload,
        summary={EVIL: EVIL},
        bindings=(binding,),
        last_event=EVIL,
        last_event_id=EVIL,
        last_event_at=EVIL,
        outcome=EVIL,
        next_tick=EVIL,
        polled=EVIL,
        trouble=EVIL if name == "t" else "",
        auth=EVIL,
    )


def evil_delivery(trigger: str) -> DeliveryRecord:
    return DeliveryRecord(
        id=EVIL,
        time=EVIL,
        host=EVIL,
        direction=EVIL,
        trigger=trigger,
        outcome=EVIL,
        vendor=EVIL,
        status=10**30,
        reason=EVIL,
        events=(EVIL,),
        sender=EVIL,
        size=-(10**30),
        seconds=float("nan"),
    )


EVIL_RUN = Run(
    id=EVIL,
    workload_id=EVIL,
    workload=EVIL,
    trigger=EVIL,
    event=EVIL,
    state=EVIL,
    requested=EVIL,
    started=EVIL,
    finished=EVIL,
    exit_code=-(10**30),
    lines=(EVIL,) * 3,
    message=EVIL,
)

GET = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def evil_view(view: FakeView) -> FakeView:
    name = 'e"vil<b>/../%00?#\n\x1b'
    evil = workload(
        name,
        Phase.FAILED,
        Reason.STEP_FAILED,
        EVIL,
        image=EVIL,
        source=EVIL,
        since=EVIL,
        until=EVIL,
        quarantine=EVIL,
        plan=(EVIL,),
        depends_on=(EVIL,),
        path=EVIL,
        revision=EVIL,
        fingerprint=EVIL,
        id=EVIL,
        containers=(container("x", EVIL, name=EVIL, state=EVIL, health=EVIL, role=EVIL, digest=EVIL, started_at=EVIL),),
    )
    problem = dataclasses.replace(
        believable_problems()[0],
        position=Position(EVIL, 1, 1),
        code=EVIL,
        expected=EVIL,
        found=EVIL,
        fix=EVIL,
        pointer=EVIL,
        kind="Workload",
        name=name,
    )
    view.set(
        workloads={name: evil, "a": workload("a", Phase.SYNCED, Reason.CONVERGED, EVIL)},
        problems=(problem,),
        conditions={EVIL: EVIL},
        branch=EVIL,
        repository=EVIL,
        revision=EVIL,
    )
    view.log_of_events = [
        Event(
            id=EVIL,
            time=EVIL,
            host=EVIL,
            severity=EVIL,
            source=EVIL,
            reason=Reason.DEPLOYED,
            message=EVIL,
            workload=name,
            revision=EVIL,
            data={"plan": [EVIL], "logs": [EVIL], "trigger": "t"},
        )
    ]
    view.set_triggers(evil_trigger("t", name), evil_trigger("u", EVIL))
    view.log_of_deliveries = [evil_delivery("t"), evil_delivery(EVIL)]
    view.pending = {name: EVIL, EVIL: EVIL}
    view.reasons = (EVIL,)
    view.log_lines = (EVIL,)
    view.extra_details = {
        "description": EVIL,
        "labels": {EVIL: EVIL},
        "source": {EVIL: EVIL},
        "faces": (EVIL,),
        "publish": (EVIL,),
        "environment": (EnvironmentEntry(name=EVIL, value=EVIL), EnvironmentEntry(name=EVIL, secret=EVIL)),
        "volumes": (VolumeEntry(scope=EVIL, source=EVIL, target=EVIL, read_only=True),),
        "bindings": evil_trigger("t", name).bindings,
        "pending_update": EVIL,
        "runs": (EVIL_RUN,),
        "chain": (EVIL, "a"),
        "dependents": (EVIL,),
    }
    return view


@pytest.mark.parametrize(
    "path", ["/", "/workloads/a", "/triggers", "/triggers/t", "/events", "/deliveries", "/problems", "/nope"]
)
def test_hostile_text_stays_text(client, evil_view, path):
    answer = client.get(path)
    assert answer.status_code in (200, 404)
    assert "<img src=x" not in answer.text
    assert "onerror=alert(1)>" not in answer.text.replace("&gt;", "")
    assert "\x1b" not in answer.text
    assert "\x00" not in answer.text
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in answer.text
    assert len(answer.content) < 200_000


def test_a_name_with_every_special_character_is_linked_and_escaped(client, evil_view):
    answer = client.get("/")
    assert '"evil<b>' not in answer.text
    assert "/workloads/e%22vil%3Cb%3E%2F..%2F%2500%3F%23%0A%1B" in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "status",
        "workloads",
        "workloads/a",
        "workloads/a/logs",
        "triggers",
        "triggers/t",
        "events",
        "deliveries",
        "problems",
        "plan",
    ],
)
def test_the_api_encodes_whatever_it_holds(client, evil_view, path):
    answer = client.get(f"/api/v1/{path}")
    assert answer.status_code == 200
    answer.json()


def test_metrics_and_readiness_take_hostile_text(client, evil_view):
    assert client.get("/metrics").status_code == 200
    assert client.get("/readyz").status_code == 503


@GET
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["limit", "workload", "severity", "trigger", "outcome", "before", "tail", "lang", "v", "x"]
            ),
            st.text(),
        )
    )
)
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/events",
        "/deliveries",
        "/problems",
        "/workloads/shop",
        "/triggers/ci-push",
        "/api/v1/events",
        "/api/v1/deliveries",
        "/api/v1/status",
        "/api/v1/workloads/shop/logs",
        "/static/page.css",
    ],
)
def test_no_query_breaks_an_answer(client: Client, path, query):
    text = "&".join(f"{name}={quote(value, errors='replace')}" for name, value in query)
    assert client.get(f"{path}?{text}").status_code in CODES


@GET
@given(st.binary(max_size=60))
@pytest.mark.parametrize("path", ["/events?", "/workloads/", "/triggers/", "/static/", "/api/v1/triggers/", "/"])
def test_no_bytes_in_an_address_break_an_answer(client: Client, path, raw):
    assert client.get(path + quote(raw)).status_code in CODES


@GET
@given(st.binary(max_size=60))
def test_no_bytes_in_the_address_of_a_webhook_make_it_a_page(client: Client, raw):
    assert client.get("/webhook/" + quote(raw)).status_code in WEBHOOK_CODES


values = st.text(st.characters(codec="latin-1", exclude_characters="\r\n\x00"), max_size=60)
names = st.sampled_from(
    [
        "accept-language",
        "cookie",
        "if-none-match",
        "host",
        "accept",
        "pierhead-fragment",
        "last-event-id",
        "x-forwarded-for",
        "x-forwarded-host",
    ]
)


@GET
@given(st.dictionaries(names, values))
def test_no_header_breaks_a_page(client: Client, headers):
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    assert client.get("/", headers=encoded).status_code in CODES


def test_a_cookie_that_makes_no_sense_is_no_language(client):
    assert 'lang="en"' in client.get("/", headers=[(b"cookie", b"pierhead_lang=<script>; ; =; \xff")]).text


def test_two_hundred_workloads_are_one_page_of_bounded_size(client, view):
    view.set(workloads={f"w{n:03}": workload(f"w{n:03}", Phase.SYNCED, Reason.CONVERGED, "fine") for n in range(200)})
    answer = client.get("/")
    assert answer.text.count('class="row ') == 200
    assert len(answer.content) < 250_000


def test_two_hundred_triggers_with_ten_bindings_each_are_one_page_of_bounded_size(client, view):
    bindings = tuple(binding("t", "webhook", f"w{n}", number=n) for n in range(10))
    one = TriggerDetail(name="t", kind="webhook", path="triggers/t.yaml", line=1, bindings=bindings)
    view.set_triggers(*(dataclasses.replace(one, name=f"t{n:03}") for n in range(200)))
    answer = client.get("/triggers")
    assert answer.text.count('class="named"') == 200
    assert len(answer.content) < 250_000
