"""The overview says in one sentence whether somebody has to get up."""

from __future__ import annotations

from itertools import pairwise

import pytest
from fakes.view import NOW, REVISION, FakeView, believable_problems, stamp, workload

from agent.core.reasons import Phase, Reason
from agent.web.views.overview import Signals, condition, headline, overview
from agent.web.views.phases import ORDER


def host(*phases: Phase, **fields: object):
    view = FakeView(tuple(workload(f"w{n}", phase, Reason.CONVERGED, "as it is") for n, phase in enumerate(phases)))
    view.set(**fields)
    return view.host


def page(status, unready=(), events=()):
    return overview(status, unready, events, NOW)


def test_every_phase_has_its_place_in_the_order():
    assert set(ORDER) == set(Phase)


@pytest.mark.parametrize(
    ("phases", "key", "tone", "count"),
    [
        ((Phase.SYNCED, Phase.SYNCED), "headline.synced", "synced", 2),
        ((Phase.SYNCED, Phase.SUSPENDED), "headline.synced.rest", "synced", 1),
        ((Phase.SUSPENDED,), "headline.suspended", "suspended", 1),
        ((Phase.SYNCED, Phase.WAITING), "headline.waiting", "waiting", 1),
        ((Phase.WAITING, Phase.PROGRESSING), "headline.progressing", "progressing", 1),
        ((Phase.PROGRESSING, Phase.INVALID), "headline.attention", "invalid", 1),
        ((Phase.INVALID, Phase.DEGRADED), "headline.attention", "degraded", 2),
        ((Phase.DEGRADED, Phase.FAILED, Phase.SYNCED), "headline.attention", "failed", 2),
    ],
)
def test_the_worst_phase_decides_the_sentence(phases, key, tone, count):
    found = headline(host(*phases), ())
    assert (found.key, found.tone, found.values["count"]) == (key, tone, count)


def test_a_calm_host_names_the_commit():
    assert headline(host(Phase.SYNCED), ()).values["commit"] == REVISION[:7]


def test_trouble_of_the_agent_is_told_when_all_workloads_are_calm():
    assert headline(host(Phase.SYNCED, conditions={"engine": "x"}), ("engine: x",)).key == "headline.agent"


def test_an_agent_that_has_not_read_its_repository_is_starting():
    assert headline(host(), ("the config repository was not read yet",)).key == "headline.starting"


def test_a_document_that_cannot_be_used_is_told_when_nothing_is_worse():
    assert headline(host(Phase.SYNCED, problems=believable_problems()), ()).key == "headline.problems"


def test_warnings_alone_do_not_disturb():
    warnings = believable_problems()[2:]
    assert headline(host(Phase.SYNCED, problems=warnings), ()).key == "headline.synced"


def test_a_host_without_workloads_says_so():
    found = page(host())
    assert found.headline.key == "headline.empty"
    assert (found.total, found.shares) == (0, ())


def test_each_workload_is_in_exactly_one_group_what_is_not_served_first():
    found = page(FakeView().host)
    assert [one.name for one in found.attention] == ["checkout", "api", "reports"]
    assert [one.name for one in found.moving] == ["worker", "gateway"]
    assert len(found.attention) + len(found.moving) + len(found.quiet) == found.total == 12
    assert found.down == ("checkout",)


def test_the_bar_is_full():
    shares = page(FakeView().host).shares
    assert sum(one.width for one in shares) == pytest.approx(100, abs=0.1)
    assert [one.phase for one in shares] == [str(phase) for phase in ORDER]
    assert all(round(a.start + a.width, 1) == round(b.start, 1) for a, b in pairwise(shares))


def test_events_tell_since_when_the_commit_is_followed():
    view = FakeView()
    found = page(view.host, events=view.events(200))
    assert found.followed is not None
    assert found.followed.iso == stamp(10)
    assert page(view.host).followed is None


def test_a_next_look_that_has_passed_is_not_announced():
    names = {"ahead": stamp(-95), "due": stamp(1), "past": stamp(60), "never": None}
    view = FakeView(
        tuple(workload(name, Phase.WAITING, Reason.BACKING_OFF, "", until=at) for name, at in names.items())
    )
    assert {one.name for one in page(view.host).moving if one.until} == {"ahead", "due"}


def test_updates_that_wait_and_triggers_that_do_not_work_are_told_and_move_no_workload():
    view = FakeView()
    signals = Signals(failing=2, pending={"shop": "2 → 3\x1b[31m", "elsewhere": "protected"})
    found = overview(view.host, (), (), NOW, signals)
    assert [(one.workload, one.known, one.text) for one in found.pending] == [
        ("elsewhere", False, "protected"),
        ("shop", True, "2 → 3"),
    ]
    assert found.failing == 2
    assert len(found.attention) + len(found.moving) + len(found.quiet) == found.total
    assert (page(view.host).failing, page(view.host).pending) == (0, ())


def test_problems_and_errors_are_counted_apart():
    found = page(FakeView().host)
    assert (found.problems, found.errors) == (3, 2)


@pytest.mark.parametrize(
    ("text", "reason", "message"),
    [
        ("EngineUnreachable: no answer; start it", "EngineUnreachable", "no answer; start it"),
        ("no reason word here", "", "no reason word here"),
        ("http://a: b", "", "http://a: b"),
    ],
)
def test_a_condition_is_split_into_reason_and_message(text, reason, message):
    found = condition("engine", text)
    assert (found.name, found.reason, found.message) == ("engine", reason, message)


def test_conditions_and_reasons_for_not_being_ready_are_shown():
    found = page(host(Phase.SYNCED, conditions={"repository": "RepositoryUnreachable: away"}), ("not\nyet",))
    assert [one.name for one in found.conditions] == ["repository"]
    assert found.unready == ("not yet",)
