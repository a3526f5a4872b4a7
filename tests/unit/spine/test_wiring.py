"""Real parts put together on a machine whose engine is away: what is asked, what is written, what is given back."""

from __future__ import annotations

import sqlite3
import sys
from dataclasses import replace

import pytest
from support.asgi import Client
from support.git_server import commit, git
from support.spine import document
from support.writeback import settings_for

from agent import discovery, wiring, wiring_outside
from agent.clock import SystemClock
from agent.core.reasons import Reason
from agent.errors import Stalled, Transient
from agent.journal.journal import SqliteJournal
from agent.running import Agent
from agent.settings import SecretProviderSettings
from agent.web.server import Site


@pytest.fixture
def settings(tmp_path):
    folder = tmp_path / "config"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, {"workloads/shop.yaml": document("shop"), "secret": "swordfish-42"})
    made = settings_for(tmp_path, str(folder))
    return replace(made, engine_url=f"unix://{tmp_path}/nobody.sock", secrets=())


def reasons(settings) -> list[str]:
    journal = SqliteJournal(settings.data_dir, SystemClock())
    try:
        return [str(one.reason) for one in journal.recent_events(10)]
    finally:
        journal.close()


def test_building_an_agent_asks_nobody_and_can_be_undone(settings):
    agent = wiring.build_agent(settings)
    assert agent.parts.board.identity.host == "edge-1"
    assert agent.parts.board.identity.repository == settings.repo.url
    assert agent.parts.follower.state.desired is None
    assert agent.parts.view.unready() == ("the config repository was not read yet",)
    assert len(agent.parts.view.counters()) > 5
    agent.close()
    agent.close()


def test_what_became_of_deliveries_is_among_the_counters_as_soon_as_there_are_any(settings):
    came: dict[tuple[str, str], int] = {}
    agent = wiring.build_agent(settings, outcomes=lambda: came)
    before = [one for one in agent.parts.view.counters() if one.name == "deliveries_total"]
    came.update({("shop", "accepted"): 2, ("", "refused"): 1})
    after = [one for one in agent.parts.view.counters() if one.name == "deliveries_total"]
    agent.close()
    assert before == []
    assert [(one.labels, one.value) for one in after] == [
        ({"trigger": "", "outcome": "refused"}, 1),
        ({"trigger": "shop", "outcome": "accepted"}, 2),
    ]


def test_once_on_a_machine_whose_engine_is_away_says_so_and_has_read_the_commit(settings):
    agent = wiring.build_agent(settings)
    with pytest.raises(Transient) as caught:
        agent.once(5.0)
    agent.close()
    assert caught.value.reason is Reason.ENGINE_UNREACHABLE
    assert "RevisionSeen" in reasons(settings)


def test_a_preview_leaves_no_trace_in_the_agents_own_folder(settings, tmp_path):
    agent = wiring.build_agent(settings, tmp_path / "scratch")
    with pytest.raises(Transient) as caught:
        agent.preview()
    agent.close()
    assert caught.value.reason is Reason.ENGINE_UNREACHABLE
    assert agent.parts.follower.state.desired is not None, "the commit was read nevertheless"
    assert not settings.data_dir.exists()


def test_a_preview_beside_an_agent_leaves_its_journal_as_it_is(settings, tmp_path):
    agent = wiring.build_agent(settings)
    with pytest.raises(Transient):
        agent.once(5.0)
    agent.close()
    before = reasons(settings)
    preview = wiring.build_agent(settings, tmp_path / "scratch")
    with pytest.raises(Transient):
        preview.preview()
    preview.close()
    assert reasons(settings) == before


def test_secrets_come_from_the_providers_that_the_settings_name_and_from_no_other(settings, monkeypatch):
    monkeypatch.setenv("PIERHEAD_SECRET_KEY", "swordfish-42")
    provider = SecretProviderSettings(kind="env", prefix="PIERHEAD_SECRET_")
    store = wiring_outside.build_secrets_of(replace(settings, secrets=(provider,)), [])
    assert store.value("key") == "swordfish-42"
    with pytest.raises(Stalled):
        wiring_outside.build_secrets_of(
            replace(settings, secrets=(SecretProviderSettings(kind="env", prefix="X_"),)), []
        ).value("key")


class Page:
    """Serves its sites to whoever is told to visit them; counts on nobody's clock and port."""

    def __init__(self, served: list[Site]) -> None:
        self.served = served
        self.asked: list[str] = []

    def start(self) -> None:
        self.asked.append("started")
        with Client(self.served[0].app) as visitor:
            visitor.post("/webhook/shop")
            self.asked.append(visitor.get("/metrics").text)

    def stop(self) -> None:
        self.asked.append("stopped")


@pytest.fixture
def cannot_start(settings, monkeypatch):
    """An agent that was built and served and then could not be the only one on its engine, and its page."""
    pages: list[Page] = []
    built: list[Agent] = []
    real = wiring.build_agent

    def build_agent(given, **more):
        built.append(real(given, **more))
        monkeypatch.setattr(built[0].parts.lease, "acquire", lambda: (_ for _ in ()).throw(OSError("no")))
        return built[0]

    def page(served: list[Site]) -> Page:
        pages.append(Page(served))
        return pages[0]

    monkeypatch.setattr("agent.web.server.WebServer", page)
    monkeypatch.setattr(wiring, "build_agent", build_agent)
    with pytest.raises(OSError, match="no"):
        wiring.start_agent(settings)
    return built[0], pages[0]


def test_an_agent_that_cannot_start_ends_its_page_and_closes_its_journal(cannot_start):
    agent, page = cannot_start
    assert (page.asked[0], page.asked[-1]) == ("started", "stopped")
    with pytest.raises((Transient, sqlite3.Error)):
        agent.parts.chronicle._journal.recall("anything")


def test_what_becomes_of_a_delivery_is_told_by_the_metrics_of_the_same_agent(cannot_start):
    _, page = cannot_start
    assert 'pierhead_deliveries_total{outcome="failed",trigger="shop"} 1.0' in page.asked[1]


KIND = """
class Kind:
    name = "teapot"

KIND = Kind()
"""


def test_a_source_kind_is_found_by_its_file_alone(tmp_path, monkeypatch):
    (tmp_path / "teapot.py").write_text(KIND)
    (tmp_path / "helpers.py").write_text("WORDS = 1\n")
    monkeypatch.setattr(discovery.sources, "__path__", list(discovery.sources.__path__))
    monkeypatch.delitem(sys.modules, "agent.sources.teapot", raising=False)
    found = discovery.discover_kinds([str(tmp_path)])
    assert sorted(found) == ["image", "teapot"]
    assert discovery.sources.__path__.count(str(tmp_path)) == 1
    discovery.discover_kinds([str(tmp_path)])
    assert discovery.sources.__path__.count(str(tmp_path)) == 1


def test_the_machines_clock_moves_forward_and_waits():
    clock = SystemClock()
    before, day = clock.monotonic(), clock.now()
    clock.wait(0.01)
    assert clock.monotonic() - before >= 0.01
    assert clock.now() >= day
