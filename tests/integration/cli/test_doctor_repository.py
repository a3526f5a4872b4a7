"""`pierhead doctor` against real git servers: who may read, who may push, whose clock is off, what documents say."""

from __future__ import annotations

import email.utils
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from support.git_server import GitServer, SshServer, bare, clone, commit, git
from support.writeback import NOON, PlainSecrets, StillClock, settings_for

from agent.cli.checks.documents import check_documents
from agent.cli.checks.machine import check_addresses
from agent.cli.checks.repository import check_remote_clock, check_repository
from agent.cli.init import write_skeleton
from agent.core.reasons import Reason
from agent.errors import PierheadError, Stalled, Transient
from agent.ports import Repository
from agent.repository.access import Access
from agent.secrets.build import build_providers
from agent.secrets.store import SecretStore
from agent.settings import ListenSettings, RepositorySettings

SECRETS = PlainSecrets(token="pl4nted", wrong="else")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "served", username="pierhead", password="pl4nted") as running:
        fill(running.create("config"), tmp_path / "working")
        yield running


def fill(origin: Path, working: Path) -> str:
    clone(origin, working)
    revision = commit(working, {"README.md": "hello"})
    git(working, "push", "--quiet", "origin", "main")
    return revision


Ask = Callable[..., Access]


@pytest.fixture
def access() -> Iterator[Ask]:
    """Makes what asks a repository, and closes it afterwards."""
    with ExitStack() as made:

        def make(url: str, secrets: PlainSecrets = SECRETS, **fields: object) -> Access:
            settings = RepositorySettings(url=url, **({"timeout": 5.0} | fields))
            return made.enter_context(closing(Access(settings, secrets)))

        yield make


def everything_served(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_login_that_may_push_is_seen_and_leaves_no_trace(server: GitServer, access: Ask) -> None:
    before = everything_served(server.root)
    asked = access(server.url("config"), username="pierhead", password="token")
    assert asked.read() == git(server.root / "config.git", "rev-parse", "main")
    asked.write()
    assert everything_served(server.root) == before


def test_a_wrong_password_and_a_missing_login_are_told_apart(server: GitServer, access: Ask) -> None:
    for fields, words in (({"username": "pierhead", "password": "wrong"}, "refused"), ({}, "none is set")):
        with pytest.raises(Stalled, match=words) as refused:
            access(server.url("config"), **fields).read()
        assert refused.value.reason is Reason.REPOSITORY_UNAUTHORIZED


def test_a_login_that_may_only_read_is_found_out(server: GitServer, access: Ask) -> None:
    server.refuse_push = 403
    asked = access(server.url("config"), username="pierhead", password="token")
    assert asked.read() is not None
    with pytest.raises(PierheadError) as refused:
        asked.write()
    assert "pl4nted" not in str(refused.value)


def test_a_branch_that_is_not_there_is_none(server: GitServer, access: Ask) -> None:
    assert access(server.url("config"), username="pierhead", password="token", branch="prod").read() is None


def test_a_server_that_hangs_is_given_up(server: GitServer, access: Ask) -> None:
    server.hang = True
    with pytest.raises(Transient):
        access(server.url("config"), username="pierhead", password="token", timeout=0.5).read()
    server.hang = False


@pytest.mark.program("sshd")
def test_ssh_is_asked_with_the_key_and_the_known_hosts_of_the_settings(tmp_path: Path, access: Ask) -> None:
    origin = bare(tmp_path / "config.git")
    revision = fill(origin, tmp_path / "working")
    with SshServer(tmp_path / "ssh") as ssh:
        secrets = PlainSecrets(key=ssh.key)
        fields = {"ssh_key": "key", "known_hosts": ssh.known_hosts, "username": ssh.user, "timeout": 10.0}
        asked = access(ssh.url(origin), secrets, **fields)
        assert asked.read() == revision
        asked.write()


def test_a_local_repository_is_writable_where_its_folders_are(
    tmp_path: Path, access: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin = bare(tmp_path / "config.git")
    revision = fill(origin, tmp_path / "working")
    for url in (str(origin), f"file://{origin}"):
        asked = access(url)
        assert asked.read() == revision
        asked.write()
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(Stalled, match="not writable"):
        access(str(origin)).write()
    with pytest.raises(Stalled):
        access(str(tmp_path / "absent")).write()


def test_the_checks_of_a_repository_that_refuses_pushes(server: GitServer, tmp_path: Path, access: Ask) -> None:
    server.refuse_push = 403
    settings = settings_for(tmp_path, server.url("config"), username="pierhead", password="token")
    asked = access(server.url("config"), username="pierhead", password="token")
    found = {check.name: check for check in check_repository(settings, asked)}
    assert found["repository"].state == "ok"
    assert found["push"].state == "fail"
    assert found["push"].fix


# Clock


class _Late(BaseHTTPRequestHandler):
    """A server whose clock stands at noon, and which asks for a login."""

    def do_HEAD(self) -> None:
        self.send_response_only(401 if self.server.refuses else 200)
        if self.server.date:
            self.send_header("Date", self.server.date)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def late_server() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), _Late)
    server.date, server.refuses = email.utils.formatdate(NOON, usegmt=True), False
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("refuses", [False, True])
def test_the_clock_of_a_git_server_is_compared_with_ours(late_server: HTTPServer, refuses: bool) -> None:
    late_server.refuses = refuses
    url = f"http://127.0.0.1:{late_server.server_address[1]}/config.git"
    [right] = check_remote_clock(url, StillClock(NOON))
    assert right.state == "ok"
    [wrong] = check_remote_clock(url, StillClock(NOON + 60))
    assert wrong.state == "warn"
    assert "60.0 s behind" in wrong.found


def test_a_server_that_does_not_tell_the_time_is_no_finding(late_server: HTTPServer) -> None:
    late_server.date = ""
    url = f"http://127.0.0.1:{late_server.server_address[1]}/config.git"
    assert list(check_remote_clock(url, StillClock())) == []
    assert list(check_remote_clock("http://127.0.0.1:1/x.git", StillClock())) == []
    assert list(check_remote_clock("ssh://git@127.0.0.1/x.git", StillClock())) == []
    assert list(check_remote_clock("/srv/config.git", StillClock())) == []


# Documents


def documents_of(tmp_path: Path, **changes: str) -> list[tuple[str, str]]:
    """State and finding of each check, for the skeleton with some text added."""
    working = tmp_path / "repository"
    write_skeleton(working)
    for name, text in changes.items():
        path = working / {"hello": "workloads/hello.yaml"}[name]
        path.write_text(path.read_text().replace("  # API_TOKEN", text))
    git(working, "init", "--quiet", "--initial-branch=main")
    commit(working, {})
    settings = settings_for(tmp_path, str(working))
    late: list[Repository] = []
    secrets = SecretStore(build_providers(settings, {}, lambda _: None), bytes(32))
    return [(check.state, check.found) for check in check_documents(settings, secrets, late)]


def test_documents_in_order_are_counted(tmp_path: Path) -> None:
    assert documents_of(tmp_path) == [("ok", "workloads for edge-1: 1")]
    assert not (tmp_path / "data").exists()


def test_a_secret_that_no_provider_has_is_a_warning_with_its_place(tmp_path: Path) -> None:
    summary, missing = documents_of(tmp_path, hello="  API_TOKEN")
    assert summary == ("info", "workloads for edge-1: 1; 0 errors, 1 warning")
    assert missing[0] == "warn"
    assert "workloads/hello.yaml:" in missing[1]
    assert "hello-token" in missing[1]


def test_a_broken_document_fails(tmp_path: Path) -> None:
    checks = documents_of(tmp_path, hello="prot: 1\nx-")
    assert checks[1][0] == "fail"
    assert "prot" in checks[1][1]


def test_a_repository_that_is_gone_by_now_is_explained(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, str(tmp_path / "absent"))
    [check] = check_documents(settings, SecretStore([], bytes(32)), [])
    assert check.state == "fail"


# Addresses


def test_an_address_in_use_is_a_warning_and_one_for_both_is_looked_at_once(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        taken = f"127.0.0.1:{listener.getsockname()[1]}"
        settings = replace(settings_for(tmp_path, "/srv/x"), listen=ListenSettings(status=taken, webhooks=taken))
        [check] = check_addresses(settings)
    assert check.state == "warn"
    assert "running already" in check.fix
    both = replace(settings, listen=ListenSettings(status="127.0.0.1:0", webhooks="[::1]:0"))
    assert len(list(check_addresses(both))) == 2
