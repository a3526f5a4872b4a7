"""What hosts wrote is read from any clone; whatever else lies on those refs is survived."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from support.git_server import clone, commit, git
from support.writeback import StillClock, event, status

from agent.cli.events import line, moment
from agent.cli.main import main
from agent.errors import Stalled, Usage
from agent.repository.destination import LocalDestination
from agent.repository.history import History
from agent.repository.record import GitRecorder
from agent.settings import WriteBackSettings

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def recorder(repository, host: str, **fields: bool) -> GitRecorder:
    return GitRecorder(LocalDestination(repository), host, WriteBackSettings(**fields), StillClock())


@pytest.fixture
def written(config):
    """Two hosts' refs in the bare repository, and a clone that has fetched them."""
    head = config.push({"workloads/shop.yaml": "kind: Workload\n"})
    for host, numbers in (("edge-1", range(0, 10, 2)), ("edge-2", range(1, 10, 2))):
        recorder(config.bare, host).flush(status(head, host=host), [event(number, host=host) for number in numbers])
    git(config.work, "config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*")
    git(config.work, "config", "--add", "remote.origin.fetch", "+refs/notes/*:refs/notes/*")
    git(config.work, "fetch", "--quiet", "origin")
    return config


def run(*words: object) -> int:
    return main([str(word) for word in words])


def test_status_shows_every_host_from_a_clone(written, capsys):
    assert run("status", "--repo", written.work) == 0
    shown = capsys.readouterr().out
    assert "edge-1: 1 Synced" in shown
    assert "edge-2: 1 Synced" in shown
    assert run("status", "--repo", written.bare, "--host", "edge-2") == 0
    assert "edge-1" not in capsys.readouterr().out


def test_status_as_json_is_what_the_hosts_wrote(written, capsys):
    assert run("status", "--repo", written.work, "--json", "--host", "edge-1") == 0
    shown = json.loads(capsys.readouterr().out)
    assert list(shown) == ["edge-1"]
    assert shown["edge-1"] == json.loads(git(written.bare, "show", "pierhead/edge-1:status.json"))


def test_status_without_any_host_says_how_to_fetch(config, capsys):
    config.push({})
    assert run("status", "--repo", config.work) == 1
    told = capsys.readouterr().err
    assert "git fetch origin '+refs/heads/pierhead/*" in told


def test_status_of_an_unknown_host_names_those_there_are(written, capsys):
    assert run("status", "--repo", written.work, "--host", "edge-9") == 1
    assert "no host edge-9 wrote here; found edge-1, edge-2" in capsys.readouterr().err


def test_a_folder_that_is_no_clone_is_explained(tmp_path, capsys):
    assert run("status", "--repo", tmp_path) == 1
    assert "expected a git repository" in capsys.readouterr().err
    with pytest.raises(Stalled):
        History(tmp_path / "none")


def test_fetch_brings_the_refs_into_a_fresh_clone(written, capsys):
    fresh = clone(written.bare, written.folder / "fresh")
    git(fresh, "update-ref", "-d", "refs/remotes/origin/pierhead/edge-1")
    git(fresh, "update-ref", "-d", "refs/remotes/origin/pierhead/edge-2")
    assert run("status", "--repo", fresh) == 1
    assert run("status", "--repo", fresh, "--fetch") == 0
    assert "edge-2: 1 Synced" in capsys.readouterr().out
    git(fresh, "fsck", "--strict")


def test_a_repository_without_a_remote_has_nothing_to_fetch(written, capsys):
    assert run("status", "--repo", written.bare, "--fetch") == 0
    assert "edge-1" in capsys.readouterr().out


def test_a_remote_that_is_away_is_told(written, capsys):
    git(written.work, "remote", "set-url", "origin", str(written.folder / "gone"))
    assert run("status", "--repo", written.work, "--fetch") == 1
    assert "git fetch origin" in capsys.readouterr().err


def test_the_only_remote_serves_whatever_its_name(written):
    git(written.work, "remote", "rename", "origin", "upstream")
    assert run("status", "--repo", written.work, "--fetch") == 0


def test_notes_alone_are_enough(config):
    first = config.push({"workloads/shop.yaml": "a"})
    one = recorder(config.bare, "edge-1", branch=False)
    one.flush(status(first), [])
    assert History(config.bare).status("edge-1")["revision"] == first
    second = config.push({"workloads/shop.yaml": "b"})
    one.flush(status(second, at="10:00:01"), [])
    assert History(config.bare).status("edge-1")["revision"] == second
    assert list(History(config.bare).events("edge-1")) == []


def test_the_newest_of_several_copies_wins(written):
    head = git(written.work, "rev-parse", "main")
    git(written.work, "branch", "pierhead/edge-1", "origin/pierhead/edge-1")
    one = GitRecorder(LocalDestination(written.bare), "edge-1", WriteBackSettings(), StillClock(1795435300.0))
    one.flush(status(head, message="newer", at="10:30:00"), [])
    git(written.work, "fetch", "--quiet", "origin")
    assert History(written.work).status("edge-1")["workloads"]["shop"]["message"] == "newer"


def test_hosts_with_hostile_names_are_shown_harmlessly(config, capsys):
    head = config.push({})
    host = "a/b\x1b[31m"
    recorder(config.bare, host).flush(status(head, host=host), [event(1, host=host)])
    assert History(config.bare).hosts() == (host,)
    assert run("status", "--repo", config.bare) == 0
    assert run("events", "--repo", config.bare) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_update_branches_and_branches_below_a_host_are_no_hosts(written):
    git(written.bare, "update-ref", "refs/heads/pierhead/update/shop", "main")
    assert History(written.bare).hosts() == ("edge-1", "edge-2")


def test_what_cannot_be_read_is_told_and_does_not_hide_the_others(written, capsys):
    for host, content in (("list", "[]"), ("text", "no json"), ("newer", '{"version": "9\\u001b[1m"}')):
        git(written.work, "checkout", "--quiet", "--orphan", f"pierhead/{host}")
        commit(written.work, {"status.json": content, "events/2026-11-23.jsonl": f'{content}\n{{"time": 5}}\n'})
        git(written.work, "push", "--quiet", "origin", f"pierhead/{host}")
    git(
        written.bare,
        "update-ref",
        "refs/notes/pierhead/blob",
        git(written.bare, "rev-parse", "main:workloads/shop.yaml"),
    )
    assert run("status", "--repo", written.bare) == 0
    shown = capsys.readouterr().out
    assert "list: no status that can be read" in shown
    assert "newer: written by Pierhead 9 [1m, which this one cannot read" in shown
    assert "edge-1: 1 Synced" in shown
    assert run("events", "--repo", written.bare) == 0
    assert "edge-1" in capsys.readouterr().out


def test_events_of_all_hosts_come_in_the_order_of_time(written, capsys):
    assert run("events", "--repo", written.work) == 0
    shown = capsys.readouterr().out.splitlines()
    assert [words.split()[1] for words in shown] == [f"10:00:0{number}Z" for number in range(10)]
    assert shown[0] == "2026-11-23 10:00:00Z  edge-1  info     shop: Deployed: shop is healthy"


def test_limit_keeps_the_newest(written, capsys):
    assert run("events", "--repo", written.work, "--limit", "3", "--json") == 0
    found = [json.loads(one)["time"][17:19] for one in capsys.readouterr().out.splitlines()]
    assert found == ["07", "08", "09"]


def test_filters_are_joined(config, capsys):
    head = config.push({})
    from dataclasses import replace

    events = [
        event(1, day="2026-11-20"),
        replace(event(2), severity="error", workload="db"),
        replace(event(3), severity="warning"),
        replace(event(4), severity="debug", data={"trigger": "ci-push"}),
        replace(event(5), severity="unheard-of", data={"trigger": "ci-push"}),
    ]
    recorder(config.bare, "edge-1").flush(status(head), events)

    def seconds(*words: str) -> list[str]:
        assert run("events", "--repo", config.bare, "--json", *words) == 0
        return [json.loads(one)["time"][17:19] for one in capsys.readouterr().out.splitlines()]

    assert seconds() == ["01", "02", "03", "05"]
    assert seconds("--severity", "debug") == ["01", "02", "03", "04", "05"]
    assert seconds("--severity", "warning") == ["02", "03", "05"]
    assert seconds("--severity", "warning", "--workload", "shop") == ["03", "05"]
    assert seconds("--since", "2026-11-23", "--severity", "debug") == ["02", "03", "04", "05"]
    assert seconds("--since", "2026-11-23T10:00:04Z") == ["05"]
    assert seconds("--since", "2026-11-24") == []
    assert seconds("--trigger", "ci-push") == ["05"]
    assert seconds("--trigger", "ci-push", "--severity", "debug") == ["04", "05"]
    assert seconds("--trigger", "nightly") == []
    assert seconds("--host", "edge-1", "--limit", "0") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1h30m", "2026-11-23T10:30:00.000Z"),
        ("2d", "2026-11-21T12:00:00.000Z"),
        ("2026-11-20", "2026-11-20T00:00:00.000Z"),
        ("2026-11-20T01:00:00+01:00", "2026-11-20T00:00:00.000Z"),
    ],
)
def test_since_takes_a_span_a_date_or_a_time(text, expected):
    assert moment(text, NOW) == expected


@pytest.mark.parametrize("text", ["yesterday", "1x", "99999999999d"])
def test_since_explains_what_it_expects(text):
    with pytest.raises(Usage, match="--since: expected"):
        moment(text, NOW)


def test_an_event_about_the_agent_names_no_workload_and_colour_follows_severity():
    record = {"time": "2026-11-23T10:00:00.000Z", "host": "h", "severity": "error", "reason": "R", "message": "m"}
    assert line(record) == "2026-11-23 10:00:00Z  h  error    R: m"
    assert line(record, colour=True) == "2026-11-23 10:00:00Z  h  \x1b[31merror  \x1b[0m  R: m"
    assert line({}) == "-Z  -  -        -: -"


def test_follow_prints_what_comes_and_survives_an_outage(written):
    command = [sys.executable, "-m", "agent", "events", "--repo", str(written.work), "--follow", "--interval", "0.1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            first = [process.stdout.readline() for _ in range(10)]
            assert first[-1].startswith("2026-11-23 10:00:09Z  edge-2")
            away = written.folder / "away.git"
            written.bare.rename(away)
            assert "git fetch origin" in process.stderr.readline()
            away.rename(written.bare)
            head = git(written.work, "rev-parse", "main")
            recorder(written.bare, "edge-1").flush(status(head), [event(30), event(31)])
            assert process.stdout.readline().startswith("2026-11-23 10:00:30Z  edge-1")
            assert process.stdout.readline().startswith("2026-11-23 10:00:31Z  edge-1")
            recorder(written.bare, "edge-3").flush(status(head, host="edge-3"), [event(40, host="edge-3")])
            assert process.stdout.readline().startswith("2026-11-23 10:00:40Z  edge-3")
            process.send_signal(2)
            assert process.wait(10) == 130
        finally:
            process.kill()


def test_following_one_host_leaves_the_others_out(written):
    from agent.cli.events import _later

    class Arguments:
        host, workload, trigger, severity = ("edge-2",), None, None, "debug"

    history = History(written.work)
    found = _later(history, {}, Arguments)
    assert {one["host"] for one in found} == {"edge-2"}
