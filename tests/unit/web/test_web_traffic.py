"""Triggers, deliveries and runs as people read them: what does not work first, and for each binding why."""

from __future__ import annotations

import dataclasses
from itertools import chain

import pytest
from fakes.moments import NOW, stamp
from fakes.traffic import (
    believable_deliveries,
    believable_runs,
    believable_triggers,
    binding,
    run,
)

from agent.core.deliveries import OUTCOMES
from agent.core.detail import TriggerDetail
from agent.core.eventlog import Event
from agent.core.reasons import Reason
from agent.core.runs import STATES
from agent.web.views.deliveries import TONES as OUTCOME_TONES
from agent.web.views.deliveries import DeliveryFilter, deliveries_page, delivery_rows, select_deliveries
from agent.web.views.runs import LINES, run_row
from agent.web.views.runs import TONES as RUN_TONES
from agent.web.views.triggers import binding_rows, trigger_page, trigger_row, triggers_page

CI = next(one for one in believable_triggers() if one.name == "ci-push")
NEWEST_FIRST = tuple(reversed(believable_deliveries()))


def fetch(limit: int, before: str | None):
    return [one for one in NEWEST_FIRST if before is None or one.id < before][:limit]


# Triggers


def test_triggers_that_do_not_work_are_apart_and_all_are_there_by_name():
    found = triggers_page(reversed(believable_triggers()), NOW)
    assert [one.name for one in found.failing] == ["base-images"]
    assert [one.name for one in found.working] == ["by-hand", "ci-push", "mailer.1", "shop.1", "stuck-carts"]


@pytest.mark.parametrize(
    ("changes", "state", "tone"),
    [
        ({}, "heard", "synced"),
        ({"trouble": "429"}, "trouble", "degraded"),
        ({"last_event_at": None}, "quiet", "waiting"),
        ({"bindings": ()}, "unused", "suspended"),
        ({"bindings": (binding("ci-push", "webhook", "a", enabled=False),)}, "unused", "suspended"),
        ({"bindings": (), "trouble": "429"}, "trouble", "degraded"),
    ],
)
def test_a_trigger_says_in_one_word_how_it_is(changes, state, tone):
    row = trigger_row(dataclasses.replace(CI, **changes), NOW)
    assert (row.state, row.tone) == (state, tone)


def test_enabled_bindings_are_counted():
    row = trigger_row(CI, NOW)
    assert (row.enabled, row.bound) == (2, 3)


def test_settings_without_a_value_are_left_out():
    assert trigger_row(dataclasses.replace(CI, summary={"ref": "", "repo": "a/b"}), NOW).summary == (("repo", "a/b"),)


def test_a_kind_from_outside_the_package_shares_the_icon_of_all():
    assert trigger_row(CI, NOW).icon == "webhook"
    assert trigger_row(dataclasses.replace(CI, kind="mqtt"), NOW).icon == "trigger"


def test_a_tick_that_has_passed_is_not_announced():
    ticks = [stamp(-60), stamp(60), None]
    rows = [trigger_row(dataclasses.replace(CI, next_tick=tick), NOW).next_tick for tick in ticks]
    assert [row is not None for row in rows] == [True, False, False]
    bound = binding_rows([binding("t", "schedule", "a", next_tick=tick) for tick in ticks], (), NOW)
    assert [row.next_tick is not None for row in bound] == [True, False, False]


@pytest.mark.parametrize(
    ("changes", "state", "tone"),
    [
        ({"fired": True}, "fired", "synced"),
        ({"fired": False}, "idle", "suspended"),
        ({"fired": None}, "quiet", "unknown"),
        ({"fired": True, "enabled": False}, "disabled", "suspended"),
    ],
)
def test_a_binding_says_what_the_newest_event_meant_for_it(changes, state, tone):
    (row,) = binding_rows([binding("t", "webhook", "shop", **changes)], ("shop",), NOW)
    assert (row.state, row.tone) == (state, tone)


def test_only_workloads_of_this_host_have_a_page():
    rows = binding_rows([binding("t", "webhook", "shop"), binding("t", "webhook", "elsewhere")], {"shop": 1}, NOW)
    assert [row.known for row in rows] == [True, False]


@pytest.mark.parametrize(
    ("auth", "shown"), [(None, ""), ("signature", "signature"), ("path", "path"), ("handshake", "other")]
)
def test_how_a_sender_proves_itself_is_told_where_there_is_an_address(auth, shown):
    assert trigger_page(dataclasses.replace(CI, auth=auth), (), ((), ()), NOW).auth == shown


def test_the_page_of_a_trigger_has_all_its_parts():
    event = Event(
        id="1",
        time=stamp(5),
        host="edge-1",
        severity="debug",
        source="trigger",
        reason=Reason.TRIGGER_NOT_FIRED,
        message="no",
        data={"trigger": "ci-push"},
    )
    page = trigger_page(CI, ("worker", "shop"), (NEWEST_FIRST[:2], (event,)), NOW)
    assert page.place == "triggers/ci.yaml:3"
    assert page.event_id == CI.last_event_id
    assert [one.workload for one in page.bindings] == ["worker", "shop", "api"]
    assert [one.outcome for one in page.deliveries] == ["duplicate", "accepted"]
    assert [one.trigger for one in page.events] == ["ci-push"]


def test_a_trigger_without_a_line_names_its_file_alone():
    bare = TriggerDetail(name="t", kind="manual", path="triggers/t.yaml", line=0)
    page = trigger_page(bare, (), ((), ()), NOW)
    assert (page.place, page.event_id, page.polled) == ("triggers/t.yaml", "", None)


# Deliveries


def test_every_outcome_and_every_state_of_a_run_has_a_tone():
    assert set(OUTCOME_TONES) == set(OUTCOMES)
    assert set(RUN_TONES) == set(STATES)


def test_an_outcome_that_nobody_knows_is_told_as_unknown():
    (row,) = delivery_rows([dataclasses.replace(NEWEST_FIRST[0], outcome="eaten", time="", status=0)], (), NOW)
    assert (row.outcome, row.tone, row.when, row.status) == ("unknown", "unknown", None, "")


def test_what_was_sent_is_told_from_what_came():
    rows = {row.trigger: row for row in delivery_rows(NEWEST_FIRST, ("ci-push",), NOW)}
    assert (rows["alarm"].sent, rows["ci-push"].sent) == (True, False)
    assert (rows["no-such-hook"].known, rows["ci-push"].known) == (False, True)


def test_paging_of_deliveries_shows_every_match_once():
    before, seen = None, []
    while True:
        selected = select_deliveries(fetch, 1, before, "accepted")
        seen.append([one.id for one in selected.items])
        if selected.next_before is None:
            break
        before = selected.next_before
    assert list(chain(*seen)) == [one.id for one in NEWEST_FIRST if one.outcome == "accepted"]


def test_deliveries_are_grouped_by_day_and_the_filter_offers_every_trigger():
    selected = select_deliveries(fetch, 50, None, None)
    page = deliveries_page(selected, DeliveryFilter("gone", "refused", "d9"), ("by-hand", "ci-push"), NOW)
    assert [day.date for day in page.days] == ["2026-11-24", "2026-11-23", "2026-11-22"]
    assert sum(len(day.deliveries) for day in page.days) == len(NEWEST_FIRST)
    assert page.triggers == ("alarm", "by-hand", "ci-push", "gone", "no-such-hook")
    assert (page.trigger, page.outcome, page.before, page.next_before) == ("gone", "refused", "d9", "")


def test_a_delivery_without_a_time_is_on_a_day_without_a_date():
    odd = [dataclasses.replace(NEWEST_FIRST[0], time="")]
    page = deliveries_page(select_deliveries(lambda *_: odd, 5, None, None), DeliveryFilter(), (), NOW)
    assert [day.date for day in page.days] == [""]
    assert (page.trigger, page.outcome, page.before) == ("", "", "")


# Runs


def test_runs_tell_their_state_how_long_they_took_and_how_they_ended():
    rows = [run_row(one, NOW) for one in believable_runs()]
    assert [row.state for row in rows] == list(dict.fromkeys(row.state for row in rows))
    failed = next(row for row in rows if row.state == "failed")
    assert (failed.exit_code, failed.took.key, failed.took.count) == (2, "span.s", 9)
    assert failed.lines[-1] == "sent 311 of 1,204"


def test_a_run_that_never_began_shows_when_it_was_asked_for_and_took_no_time():
    row = run_row(run(1, "skipped", 100, started=None, finished=stamp(90)), NOW)
    assert row.when.iso == stamp(101)
    assert row.took is None


@pytest.mark.parametrize("finished", [None, "soon", "9999-12-31T23:59:59-23:59"])
def test_a_run_whose_end_is_no_time_took_none(finished):
    took = run_row(run(1, "running", 100, finished=finished), NOW).took
    assert took is None or took.count > 0


def test_the_last_lines_are_kept_and_stay_one_line_each():
    row = run_row(run(1, "odd", 9, lines=(*(f"line {n}" for n in range(LINES)), "\x1b[1ma\nb")), NOW)
    assert (len(row.lines), row.lines[0], row.lines[-1]) == (LINES, "line 1", "a b")
    assert (row.state, row.tone) == ("unknown", "unknown")
