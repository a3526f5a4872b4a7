"""Looks at git repositories: the first learns, then each branch and tag that somebody waits for is told once a move."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.dispatch import CONFIG_URL, Agent, World, workload

from agent.core.inbound import GIT_PUSH, TAG_PUSH
from agent.core.reasons import Reason
from agent.dispatch.git_watch import MOST_EVENTS, State, _host, _state
from agent.dispatch.poller import Target
from agent.errors import Transient
from agent.ports import GitLogin

URL = "https://git.example.com/shop/app.git"
BUILD = "{kind: git, repo: '%s', %s action: redeploy}"
A, B, C = ("a" * 40, "b" * 40, "c" * 40)


def bound(*lines: str) -> dict[str, str | None]:
    return {"workloads/web.yaml": workload("web", triggers=f"[{', '.join(lines)}]")}


def look(agent: Agent, target: Target | None = None) -> None:
    target = target or agent.git_watcher.targets()[0]
    assert agent.git_watcher.look(target) is None
    agent.work()


def open_and_close(agent: Agent) -> list[tuple[str, str]]:
    """What is asked for now; it is then done."""
    asked = agent.asked()
    for request in agent.journal.requests():
        agent.journal.close_request(request.id, "done")
    return asked


@pytest.fixture
def refs(world: World) -> dict[str, str]:
    world.heads.refs[URL] = {"refs/heads/main": A, "refs/heads/next": A, "refs/tags/v1": A}
    return world.heads.refs[URL]


def test_the_first_look_learns_and_later_moves_fire(agent: Agent, refs: dict[str, str]) -> None:
    agent.commit(bound(BUILD % (URL, "")))
    look(agent)
    look(agent)
    assert agent.asked() == []
    refs["refs/heads/main"] = B
    look(agent)
    look(agent)
    assert agent.asked() == [("web", "redeploy")]
    received = agent.journal.last_received("web.1")
    assert received is not None
    event = received.event
    assert (event.type, event.repo, event.branch, event.commit, event.changed_paths) == (
        GIT_PUSH,
        "shop/app",
        "main",
        B,
        None,
    )


def test_what_moved_while_the_agent_was_away_fires(agent: Agent, world: World, refs, tmp_path: Path) -> None:
    agent.commit(bound(BUILD % (URL, "")))
    look(agent)
    agent.journal.close()
    refs["refs/heads/main"] = B
    again = Agent(world, tmp_path / "data")
    again.follow()
    look(again)
    assert again.asked() == [("web", "redeploy")]
    [target] = again.git_watcher.targets()
    assert again.git_watcher.looked_at(target.key) == again.clock.now()
    again.close()


def test_a_branch_that_goes_back_and_forth_fires_each_time(agent: Agent, refs: dict[str, str]) -> None:
    agent.commit(bound(BUILD % (URL, "")))
    look(agent)
    for commit in (B, A, B, A):
        refs["refs/heads/main"] = commit
        look(agent)
        assert open_and_close(agent) == [("web", "redeploy")]


def test_a_move_is_told_once_even_if_the_agent_is_killed_before_it_is_remembered(
    agent: Agent, refs: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    agent.commit(bound(BUILD % (URL, "")))
    look(agent)
    refs["refs/heads/main"] = B
    monkeypatch.setattr(agent.journal, "save_poll", lambda *_: None)
    look(agent)
    monkeypatch.undo()
    assert open_and_close(agent) == [("web", "redeploy")]
    look(agent)
    assert agent.asked() == []


def test_branches_that_nobody_waits_for_make_no_events(agent: Agent, refs: dict[str, str]) -> None:
    agent.commit(bound(BUILD % (URL, "")))
    look(agent)
    refs |= {f"refs/heads/feature-{number}": B for number in range(500)} | {"refs/heads/main": B}
    look(agent)
    assert agent.asked() == [("web", "redeploy")]
    assert agent.dispatcher.handled == 1
    assert agent.reasons("debug") == ["TriggerNotFired"]


def test_tags_fire_by_their_pattern_and_a_tag_that_comes_again_fires_again(agent: Agent, refs: dict[str, str]) -> None:
    agent.commit(bound(BUILD % (URL, "tag_pattern: '^v',")))
    look(agent)
    refs |= {"refs/tags/v2": B, "refs/tags/nightly": B, "refs/heads/main": B}
    look(agent)
    received = agent.journal.last_received("web.1")
    assert received is not None
    assert (received.event.type, received.event.tag) == (TAG_PUSH, "v2")
    assert agent.dispatcher.handled == 1
    del refs["refs/tags/v2"]
    look(agent)
    refs["refs/tags/v2"] = B
    look(agent)
    assert agent.dispatcher.handled == 2


def test_an_imported_repository_does_not_flood(agent: Agent, refs: dict[str, str], caplog) -> None:
    agent.commit(bound(BUILD % (URL, "tag_pattern: '^v',")))
    look(agent)
    refs |= {f"refs/tags/v{number}": B for number in range(300)}
    look(agent)
    assert agent.dispatcher.handled == MOST_EVENTS
    assert "50 of 300 moves are told" in caplog.text


def test_changed_paths_are_asked_for_only_where_they_count(agent: Agent, world: World, refs: dict[str, str]) -> None:
    agent.commit(bound(BUILD % (URL, "paths: ['src/**'],"), BUILD % (URL, "")))
    world.heads.paths = {(A, B): ("docs/x.md",), (B, C): ("src/x.py",)}
    look(agent)
    refs["refs/heads/main"] = B
    look(agent)
    assert len(open_and_close(agent)) == 1
    assert "none of 1 changed paths" in agent.messages("TriggerNotFired")[-1]
    refs["refs/heads/main"] = C
    look(agent)
    meant = agent.teller.board.meant_for("web", "web.1", 0)
    assert meant is not None
    assert meant.fired


def test_paths_that_cannot_be_told_let_everything_through(agent: Agent, world: World, refs, monkeypatch) -> None:
    agent.commit(bound(BUILD % (URL, "branch: '*', paths: ['src/**'],")))
    look(agent)

    def failing(*_: object) -> None:
        raise Transient(Reason.REPOSITORY_UNREACHABLE, "away")

    monkeypatch.setattr(world.heads, "changed_paths", failing)
    refs["refs/heads/main"] = B
    look(agent)
    assert open_and_close(agent) == [("web", "redeploy")]
    refs["refs/heads/fresh"] = B
    look(agent)
    assert open_and_close(agent) == [("web", "redeploy")]


def test_the_config_repository_is_watched_without_what_agents_write(agent: Agent, world: World) -> None:
    own = world.heads.refs[CONFIG_URL] = {"refs/heads/main": A, "refs/heads/pierhead/edge-1": A}
    agent.commit(bound("{kind: git, branch: '**', action: redeploy}"))
    look(agent)
    own["refs/heads/pierhead/edge-1"] = B
    look(agent)
    assert agent.dispatcher.handled == 0
    own["refs/heads/main"] = B
    look(agent)
    assert agent.asked() == [("web", "redeploy")]


def test_an_update_commit_that_a_look_finds_does_not_fire(agent: Agent, world: World) -> None:
    own = world.heads.refs[CONFIG_URL] = {"refs/heads/main": A}
    agent.commit(bound("{kind: git, action: redeploy}"))
    look(agent)
    own["refs/heads/main"] = world.commit({"README": "x"}, "x\n\nPierhead-Host: edge-1\n")
    look(agent)
    assert agent.asked() == []


def test_one_look_serves_all_and_each_login_has_its_own(agent: Agent) -> None:
    login = f"{{kind: git, repo: '{URL}', interval: 10s, username: u, password: {{secret: ci}}, action: redeploy}}"
    agent.commit(bound(BUILD % (URL, "interval: 2m,"), BUILD % (URL, "interval: 30s,"), login))
    first, second = agent.git_watcher.targets()
    assert (first.interval, first.host, first.triggers) == (30.0, "git:git.example.com", ("web.1", "web.2"))
    assert (second.interval, second.triggers) == (10.0, ("web.3",))
    look(agent, second)
    assert agent.world.heads.asked == [(URL, GitLogin(username="u", password_secret="ci"))]


def test_an_ssh_key_is_a_login_too(agent: Agent) -> None:
    agent.commit(bound("{kind: git, repo: 'git@h.example.com:a/b', ssh_key: {secret: ci}, action: redeploy}"))
    look(agent)
    assert agent.world.heads.asked == [("git@h.example.com:a/b", GitLogin(ssh_key_secret="ci"))]


def test_a_suspended_workload_is_not_looked_for_and_a_look_at_what_is_gone_is_none(agent: Agent) -> None:
    agent.commit(bound(BUILD % (URL, "")))
    [target] = agent.git_watcher.targets()
    web = workload("web", triggers=f"[{BUILD % (URL, '')}]", more="suspend: true\n")
    agent.commit({"workloads/web.yaml": web})
    assert agent.git_watcher.targets() == ()
    assert agent.git_watcher.look(target) is None


@pytest.mark.parametrize("data", [None, b"{", b"[]", b'{"looked": "x"}', b'{"heads": 5}', b"\xff"])
def test_a_state_that_cannot_be_read_is_none_at_all(data: bytes | None) -> None:
    assert _state(data) == State()


def test_a_host_is_known_in_each_spelling() -> None:
    assert _host("https://u:p@git.example.com/a/b") == _host("git.example.com:a/b") == "git:git.example.com"
