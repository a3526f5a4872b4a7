from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agent.demo.git import git
from agent.demo.place import Place
from agent.demo.process import AgentProcess, stop_left_over
from agent.demo.watching import wait_until
from agent.errors import Stalled, Usage

SLEEPER = "import time; time.sleep(60)"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path / "demo")
    place.host.mkdir(parents=True)
    return place


@pytest.fixture
def sleeper():
    """Starts a process that sleeps, with the given words in its command line; ended after the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*words: str) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen([sys.executable, "-c", SLEEPER, *words]))
        command = Path(f"/proc/{started[-1].pid}/cmdline")
        wait_until("its command line", lambda: words[-1].encode() in command.read_bytes(), str, 10)
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_an_agent_that_ends_by_itself_is_told_with_its_last_words(place):
    place.config.write_text("repo: {colour: red}\n", encoding="utf-8")
    process = AgentProcess(place)

    def look() -> bool:
        process.check()
        return False

    with pytest.raises(Stalled, match=r"ended with code 1:\n(.|\n)*colour"):
        wait_until("the end", look, str, 30)
    assert process.stop() == 1
    assert not place.process_id.exists()


def test_what_never_comes_true_ends_with_what_was_seen_last():
    with pytest.raises(Stalled, match="spring: expected within 0 s, found\nsnow"):
        wait_until("spring", lambda: False, lambda: "snow", 0)


def test_an_agent_that_was_left_is_ended(place, sleeper):
    left = sleeper("run", "--config", str(place.config))
    place.process_id.write_text(f"{left.pid}\n", encoding="ascii")
    assert stop_left_over(place)
    assert left.wait(10) != 0


def test_a_process_that_got_the_same_number_is_left_alone(place, sleeper):
    other = sleeper("something", "else")
    place.process_id.write_text(f"{other.pid}\n", encoding="ascii")
    assert not stop_left_over(place)
    assert other.poll() is None


def test_a_process_that_is_gone_is_no_problem(place):
    gone = subprocess.Popen([sys.executable, "-c", "pass"])
    gone.wait()
    place.process_id.write_text(f"{gone.pid}\n", encoding="ascii")
    assert not stop_left_over(place)


def test_git_s_own_words_are_told(tmp_path):
    with pytest.raises(Stalled, match=r"git log in .*not a git repository"):
        git(tmp_path, "log")


def test_a_missing_git_is_named_with_the_way_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Usage, match=r"expected git in PATH.*apt-get install"):
        git(tmp_path, "log")
