"""Real parts put together on a machine whose engine is away: what is asked, what is written, what is given back."""

from __future__ import annotations

import sqlite3
import sys
from dataclasses import replace

import pytest
from support.git_server import commit, git
from support.spine import document
from support.writeback import settings_for

from agent import discovery, wiring, wiring_outside
from agent.clock import SystemClock
from agent.core.reasons import Reason
from agent.errors import Stalled, Transient
from agent.journal.journal import SqliteJournal
from agent.settings import SecretProviderSettings


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


def test_an_agent_that_cannot_start_ends_its_page_and_closes_its_journal(settings, monkeypatch):
    ended = []

    class Page:
        def __init__(self, sites: object) -> None:
            self.sites = sites

        def start(self) -> None:
            ended.append("started")

        def stop(self) -> None:
            ended.append("stopped")

    built = []
    real = wiring.build_agent

    def build_agent(given):
        built.append(real(given))
        monkeypatch.setattr(built[0].parts.lease, "acquire", lambda: (_ for _ in ()).throw(OSError("no")))
        return built[0]

    monkeypatch.setattr("agent.web.server.WebServer", Page)
    monkeypatch.setattr(wiring, "build_agent", build_agent)
    with pytest.raises(OSError, match="no"):
        wiring.start_agent(settings)
    assert ended == ["started", "stopped"]
    with pytest.raises((Transient, sqlite3.Error)):
        built[0].parts.chronicle._journal.recall("anything")


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
