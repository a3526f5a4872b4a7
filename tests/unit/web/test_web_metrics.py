"""Metrics for Prometheus, from the view alone."""

from __future__ import annotations

import pytest
from fakes.view import FakeView
from prometheus_client.parser import text_string_to_metric_families
from support.asgi import Client

from agent.core.detail import Counter
from agent.core.reasons import Phase
from agent.web.app import create_app


def samples(client: Client) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    families = list(text_string_to_metric_families(answer.text))
    assert all(one.documentation for one in families)
    return {(one.name, tuple(sorted(one.labels.items()))): one.value for family in families for one in family.samples}


def test_every_name_carries_the_prefix(client):
    assert {name.partition("_")[0] for name, _ in samples(client)} == {"pierhead"}


def test_every_phase_is_counted_also_when_none_is_in_it(client, view):
    found = samples(client)
    for phase in Phase:
        assert found["pierhead_workloads", (("phase", str(phase)),)] == view.host.counts().get(str(phase), 0)


def test_each_workload_has_its_phase_and_reason(client):
    labels = (("phase", "Degraded"), ("reason", "Quarantined"), ("workload", "api"))
    assert samples(client)["pierhead_workload_phase", labels] == 1


def test_problems_conditions_and_readiness_are_told(client, view):
    view.reasons = ("not yet",)
    view.set(conditions={"engine": "away"})
    found = samples(client)
    assert found["pierhead_problems", (("severity", "error"),)] == 2
    assert found["pierhead_problems", (("severity", "warning"),)] == 1
    assert found["pierhead_condition", (("condition", "engine"),)] == 1
    assert found["pierhead_ready", ()] == 0


def test_a_trigger_that_does_not_work_and_an_update_that_waits_are_told(client):
    found = samples(client)
    assert found["pierhead_trigger_trouble", (("kind", "registry"), ("trigger", "base-images"))] == 1
    assert found["pierhead_trigger_trouble", (("kind", "webhook"), ("trigger", "ci-push"))] == 0
    assert found["pierhead_workload_update_pending", (("workload", "search"),)] == 1
    assert found["pierhead_workload_update_pending", (("workload", "db"),)] == 0


def test_the_counters_of_the_view_are_passed_on(client):
    found = samples(client)
    assert found["pierhead_passes_total", ()] == 42
    assert found["pierhead_fetches_total", (("outcome", "failed"),)] == 1
    assert found["pierhead_queue_length", ()] == 3


def test_samples_of_one_name_may_carry_different_labels(client, view, monkeypatch):
    counters = (Counter(name="x_total", value=1), Counter(name="x_total", value=2, labels={"a": "b"}))
    monkeypatch.setattr(view, "counters", lambda: counters)
    found = samples(client)
    assert found["pierhead_x_total", (("a", "b"),)] == 2
    assert found["pierhead_x_total", (("a", ""),)] == 1


def test_labels_that_are_hostile_stay_one_label(client, view, monkeypatch):
    counters = (Counter(name="x", value=1, gauge=True, labels={"a": 'q" \n\\ \ud800{}'}),)
    monkeypatch.setattr(view, "counters", lambda: counters)
    assert len([1 for name, _ in samples(client) if name == "pierhead_x"]) == 1


def test_an_empty_host_has_metrics_too(ingress, options):
    view = FakeView(())
    view.set(revision=None)
    with Client(create_app(view, ingress, options)) as client:
        found = samples(client)
    assert found["pierhead_ready", ()] == 1
    assert found["pierhead_info", (("host", "edge-1"), ("revision", ""), ("version", "0.1.0"))] == 1


@pytest.mark.parametrize("times", [2])
def test_scraping_again_gives_the_same(client, times):
    assert len({client.get("/metrics").text for _ in range(times)}) == 1
