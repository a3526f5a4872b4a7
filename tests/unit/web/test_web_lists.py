"""Events and problems as lists; one workload with all its parts."""

from __future__ import annotations

import dataclasses
from itertools import chain

import pytest
from fakes.view import NOW, FakeView, believable_problems, stamp

from agent.core.detail import EnvironmentEntry
from agent.core.eventlog import Event
from agent.core.problems import Position, Problem
from agent.core.reasons import Phase, Reason
from agent.web.views.events import Filter, event_row, events_page, select_events
from agent.web.views.paging import BATCH, MOST, select
from agent.web.views.problems import problems_page
from agent.web.views.workload import log_lines, workload_page


def event(number: int, severity: str = "info", **fields: object) -> Event:
    base: dict[str, object] = {
        "id": f"{number:06}",
        "time": stamp(100_000 - number),
        "host": "edge-1",
        "severity": severity,
        "source": "reconcile",
        "reason": Reason.DEPLOYED,
        "message": f"event {number}",
    }
    return Event(**(base | fields))


def source(events: list[Event]):
    newest_first = list(reversed(events))

    def fetch(limit, before):
        return [one for one in newest_first if before is None or one.id < before][:limit]

    return fetch


def pages(events, limit, severity):
    """All pages, one after another."""
    before, found = None, []
    while True:
        selected = select_events(source(events), limit, Filter(severity=severity, before=before))
        found.append([one.id for one in selected.items])
        if selected.next_before is None:
            return found
        before = selected.next_before


def test_paging_shows_every_event_once():
    events = [event(number) for number in range(10)]
    shown = pages(events, 4, "debug")
    assert [len(one) for one in shown] == [4, 4, 2]
    assert list(chain(*shown)) == [one.id for one in reversed(events)]


def test_a_last_page_that_is_just_full_has_no_next():
    assert select(source([event(1), event(2)]), 2, None).next_before is None


def test_a_severity_means_it_and_everything_worse():
    levels = ["debug", "info", "warning", "error"]
    events = [event(number, level) for number, level in enumerate(levels)]
    for index, level in enumerate(levels):
        selected = select_events(source(events), 10, Filter(severity=level))
        assert [one.severity for one in selected.items] == levels[index:][::-1]


def test_debug_is_only_shown_to_those_who_ask_and_pages_are_full_without_it():
    events = [event(number, "info" if number % 3 == 0 else "debug") for number in range(30)]
    shown = pages(events, 4, None)
    assert [len(one) for one in shown] == [4, 4, 2]
    assert list(chain(*shown)) == [f"{number:06}" for number in range(27, -1, -3)]


@pytest.mark.parametrize("asked", [None, "debug", "error"])
def test_a_severity_that_nobody_knows_is_never_hidden(asked):
    selected = select_events(source([event(1, "catastrophe")]), 5, Filter(severity=asked))
    assert [one.severity for one in selected.items] == ["catastrophe"]


def test_events_of_a_trigger_are_those_that_name_it():
    named = [{"trigger": "ci"}, {"trigger": "other"}, {}, {"trigger": ["ci"]}, {"trigger": "ci"}]
    events = [event(number, data=data) for number, data in enumerate(named)]
    for severity in (None, "debug"):
        selected = select_events(source(events), 5, Filter(severity=severity, trigger="ci"))
        assert [one.id for one in selected.items] == ["000004", "000000"]


def test_an_event_names_its_trigger():
    assert event_row(event(1, data={"trigger": "ci"}), NOW).trigger == "ci"
    assert event_row(event(1, data={"trigger": 7}), NOW).trigger == ""
    assert event_row(event(1, data={"trigger": "x" * 300}), NOW).trigger == ""


def test_filtered_paging_shows_every_match_once():
    events = [event(number, "error" if number % 90 == 0 else "info") for number in range(1000)]
    shown = list(chain(*pages(events, 3, "error")))
    assert shown == [f"{number:06}" for number in range(990, -1, -90)]


def test_a_filter_that_never_matches_looks_at_a_bounded_part_and_hands_on():
    events = [event(number) for number in range(MOST + BATCH // 2)]
    first = select_events(source(events), 5, Filter(severity="error"))
    assert first.items == ()
    assert first.next_before == f"{BATCH // 2:06}"
    assert select_events(source(events), 5, Filter(severity="error", before=first.next_before)).next_before is None


def test_events_are_grouped_by_day_in_utc():
    view = FakeView()
    found = events_page(select(view.events_for(None), 50, None), Filter(), ("b", "a"), ("t",), NOW)
    assert [day.date for day in found.days] == ["2026-11-24", "2026-11-23", "2026-11-22"]
    assert (found.workloads, found.triggers) == (("a", "b"), ("t",))


def test_the_filter_offers_what_was_asked_for_although_it_is_gone():
    asked = Filter("gone", "error", "000009", "lost")
    found = events_page(select(source([]), 5, None), asked, ("a",), ("t",), NOW)
    assert (found.workloads, found.triggers, found.trigger) == (("a", "gone"), ("lost", "t"), "lost")
    assert (found.workload, found.severity, found.before, found.days) == ("gone", "error", "000009", ())


def test_an_event_carries_its_plan_and_its_last_log_lines():
    row = event_row(event(1, data={"plan": ["one", 2], "logs": [f"line {n}" for n in range(80)]}), NOW)
    assert row.plan == ("one", "2")
    assert (len(row.logs), row.logs[-1]) == (50, "line 79")


@pytest.mark.parametrize("value", ["text", 7, None, {"a": 1}])
def test_data_of_another_shape_is_left_out(value):
    assert event_row(event(1, data={"logs": value}), NOW).logs == ()


def test_a_severity_or_time_that_nobody_knows_does_no_harm():
    row = event_row(event(1, "catastrophe", time=""), NOW)
    assert (row.severity, row.when) == ("info", None)
    found = events_page(select(source([event(1, time="")]), 5, None), Filter(severity="info"), (), (), NOW)
    assert found.severity == ""
    assert found.days[0].date == ""


def test_problems_read_like_the_files_do():
    found = problems_page(tuple(reversed(believable_problems())))
    assert [(file.path, len(file.problems)) for file in found.files] == [
        ("workloads/reports.yaml", 2),
        ("workloads/shop.yaml", 1),
    ]
    assert found.files[0].problems[0].place == "workloads/reports.yaml:14:13"
    assert (found.errors, found.warnings) == (2, 1)


def test_a_problem_of_a_whole_file_has_no_line():
    problem = Problem(position=Position("big.yaml"), code="TooLarge", expected="1 MiB", found="50 MiB", fix="split it")
    assert problems_page((problem,)).files[0].problems[0].place == "big.yaml"


def detail_page(name: str, view: FakeView | None = None):
    view = view or FakeView()
    detail = view.workload(name)
    assert detail is not None
    return workload_page(detail, view.host, view.events(8, name), NOW)


def test_a_secret_is_shown_by_name_and_never_with_a_value():
    view = FakeView()
    view.extra_details = {"environment": (EnvironmentEntry(name="KEY", secret="shop-key", value="hunter2"),)}
    variable = detail_page("shop", view).environment[0]
    assert (variable.secret, variable.value) == ("shop-key", "")


def test_the_stage_chain_marks_this_workload_and_those_that_are_elsewhere():
    chain = detail_page("shop").chain
    assert [(one.name, one.here, one.known) for one in chain] == [
        ("shop-dev", False, False),
        ("shop-staging", False, True),
        ("shop", True, True),
    ]


def test_dependencies_show_what_they_are_in():
    assert [(one.name, one.phase) for one in detail_page("gateway").depends_on] == [("worker", "Progressing")]
    assert [one.name for one in detail_page("db").dependents] == ["shop"]


def test_only_problems_of_this_workload_are_shown():
    assert len(detail_page("reports").problems) == 2
    assert detail_page("db").problems == ()


def test_the_kind_is_told_once():
    assert "kind" not in dict(detail_page("shop").source)


@pytest.mark.parametrize(
    ("changes", "good"),
    [
        ({}, True),
        ({"health": None}, True),
        ({"health": "unhealthy"}, False),
        ({"state": "exited", "exit_code": 1}, False),
        ({"health": "starting"}, None),
        ({"role": "candidate"}, None),
    ],
)
def test_an_active_container_is_judged_by_state_and_health(changes, good):
    view = FakeView()
    one = view.host.workloads["shop"].containers[0]
    view.change("shop", containers=(dataclasses.replace(one, **changes),))
    assert detail_page("shop", view).containers[0].good is good


def test_no_container_is_judged_in_the_middle_of_a_change():
    assert {one.good for one in detail_page("worker").containers} == {None}


def test_an_exit_code_is_told_of_what_does_not_run_only():
    view = FakeView()
    one = view.host.workloads["shop"].containers[0]
    view.change("shop", containers=(dataclasses.replace(one, exit_code=0),))
    assert detail_page("shop", view).containers[0].exit_code is None
    assert detail_page("checkout").containers[0].exit_code == 1


def test_a_workload_without_anything_has_empty_parts():
    view = FakeView()
    view.change("shop", containers=(), revision=None, fingerprint=None, path=None, phase=Phase.SYNCED)
    found = detail_page("shop", view)
    assert (found.containers, found.revision, found.fingerprint, found.path) == ((), "", "", "")


def test_log_lines_are_cleaned_and_stay_one_line_each():
    assert log_lines(["\x1b[1mred\x1b[0m", "a\nb"]).lines == ("red", "a b")
