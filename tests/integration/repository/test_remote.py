"""Real remotes: git over HTTP with a login, and over ssh with keys; away, hanging, refusing, and back again."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace

import pytest
from support.git_server import GitServer, SshServer, clone, commit, git
from support.writeback import PlainSecrets, StillClock, event, settings_for, status

from agent.core.reasons import Reason
from agent.errors import PierheadError, Stalled, Transient
from agent.repository.destination import RemoteDestination
from agent.repository.history_fetch import fetch_history
from agent.repository.mirror import Mirror
from agent.repository.record import GitRecorder
from agent.settings import RepositorySettings, WriteBackSettings

BRANCH = "refs/heads/pierhead/edge-1"
PASSWORD = "hunter2-planted"


class Site:
    """A server with one config repository, and what agents are made from."""

    def __init__(self, server: GitServer, folder) -> None:
        self.server = server
        self.folder = folder
        self.bare = server.create("config")
        self.work = clone(self.bare, folder / "work")
        self.secrets = PlainSecrets(token=PASSWORD)

    def push(self, files) -> str:
        revision = commit(self.work, files)
        git(self.work, "push", "--quiet", "origin", "HEAD:main")
        return revision

    def settings(self, **fields) -> RepositorySettings:
        given = {"username": "pierhead", "password": "token", "timeout": 5.0} | fields
        return settings_for(self.folder, given.pop("url", self.server.url("config")), **given).repo

    def mirror(self, name: str = "data", **fields) -> Mirror:
        return Mirror(self.settings(**fields), self.folder / name, self.secrets)

    def recorder(self, mirror: Mirror, host: str = "edge-1") -> GitRecorder:
        return GitRecorder(RemoteDestination(mirror, host), host, WriteBackSettings(), StillClock())

    def ids(self, host: str = "edge-1") -> list[str]:
        text = git(self.bare, "show", f"refs/heads/pierhead/{host}:events/2026-11-23.jsonl")
        return [json.loads(line)["id"] for line in text.splitlines()]

    def hook(self, name: str, script: str) -> None:
        path = self.bare / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)


@pytest.fixture
def site(tmp_path):
    with GitServer(tmp_path / "srv", username="pierhead", password=PASSWORD) as server:
        yield Site(server, tmp_path)


def failure(call) -> PierheadError:
    with pytest.raises(PierheadError) as caught:
        call()
    shown = f"{caught.value} {caught.value.__cause__!r}"
    assert PASSWORD not in shown
    return caught.value


def test_commits_are_followed_and_status_comes_back_over_http(site):
    revision = site.push({"workloads/a.yaml": "a"})
    mirror = site.mirror()
    assert mirror.fetch().revision == revision
    site.recorder(mirror).flush(status(revision), [event(1)])
    assert site.ids() == [event(1).id]
    assert "Notes (pierhead/edge-1)" in git(site.bare, "log", "--notes=pierhead/*", "-1", "main")
    assert git(site.bare, "fsck", "--strict", "--full") == ""
    newer = site.push({"workloads/a.yaml": "b"})
    assert mirror.fetch().revision == newer


def test_only_the_refs_that_are_wanted_are_fetched(site):
    site.push({"workloads/a.yaml": "a"})
    git(site.work, "tag", "v1")
    git(site.work, "push", "--quiet", "origin", "v1", "HEAD:refs/heads/other")
    mirror = site.mirror()
    mirror.fetch()
    names = git(mirror.path, "for-each-ref", "--format=%(refname)").splitlines()
    assert names == ["refs/pierhead/followed/main", "refs/remotes/origin/main"]


def test_a_wrong_password_is_stalled_with_advice_and_a_new_one_is_used_at_once(site):
    site.push({"workloads/a.yaml": "a"})
    site.secrets.values["token"] = "wrong"
    mirror = site.mirror()
    error = failure(mirror.fetch)
    assert isinstance(error, Stalled)
    assert error.reason is Reason.REPOSITORY_UNAUTHORIZED
    assert "the login was refused" in error.message
    assert "repo.password" in error.advice
    site.secrets.values["token"] = PASSWORD
    assert mirror.fetch().changed


def test_a_missing_password_is_told_as_such(site):
    error = failure(site.mirror(password=None).fetch)
    assert error.reason is Reason.REPOSITORY_UNAUTHORIZED
    assert "none is set" in error.message


def test_a_missing_secret_is_told_by_its_name(site):
    error = failure(site.mirror(password="other").fetch)
    assert error.reason is Reason.SECRET_MISSING


def test_a_login_in_the_url_works_and_is_never_shown(site):
    site.push({"workloads/a.yaml": "a"})
    url = site.server.url("config", login=True)
    mirror = site.mirror(url=url, password=None, username=None)
    assert mirror.fetch().changed
    site.server.stop()
    assert "://***@127.0.0.1" in failure(mirror.fetch).message
    stored = b"".join(path.read_bytes() for path in mirror.path.rglob("*") if path.is_file())
    assert PASSWORD.encode() not in stored


@pytest.mark.parametrize("code", [404, 429, 500, 503])
def test_a_server_in_trouble_is_transient(site, code):
    site.push({"workloads/a.yaml": "a"})
    mirror = site.mirror()
    site.server.refuse = code
    error = failure(mirror.fetch)
    assert isinstance(error, Transient)
    assert error.reason is Reason.REPOSITORY_UNREACHABLE
    assert str(code) in error.message
    assert bool(error.advice) == (code == 404)
    site.server.refuse = 0
    assert mirror.fetch().changed


def test_a_server_that_hangs_is_given_up_in_time_and_found_again(site):
    site.push({"workloads/a.yaml": "a"})
    mirror = site.mirror(timeout=0.6)
    site.server.hang = True
    begun = time.monotonic()
    assert failure(mirror.fetch).reason is Reason.REPOSITORY_UNREACHABLE
    assert time.monotonic() - begun < 5
    site.server.hang = False
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            assert mirror.fetch().changed
            break
        except Transient:
            time.sleep(0.05)
    else:
        pytest.fail("the mirror never found its remote again")


def test_reading_goes_on_while_a_fetch_hangs(site):
    site.push({"workloads/a.yaml": "a"})
    mirror = site.mirror(timeout=3.0)
    mirror.fetch()
    site.server.hang = True
    thread = threading.Thread(target=lambda: failure(mirror.fetch))
    thread.start()
    begun = time.monotonic()
    assert mirror.read_blob(mirror.tree().files[0].blob_id) == b"a"
    assert time.monotonic() - begun < 1
    site.server.hang = False
    site.server.stop()
    thread.join(10)


def test_an_outage_loses_nothing_and_doubles_nothing(site):
    revision = site.push({"workloads/a.yaml": "a"})
    mirror = site.mirror()
    mirror.fetch()
    recorder = site.recorder(mirror)
    recorder.flush(status(revision), [event(1)])
    site.server.stop()
    spool = [event(number) for number in range(2, 6)]
    for size in (1, 2, 4):
        error = failure(lambda size=size: recorder.flush(status(revision, message=str(size)), spool[:size]))
        assert isinstance(error, Transient)
    with pytest.raises(Transient):
        mirror.fetch()
    site.server.start()
    recorder.flush(status(revision, message="back"), spool)
    assert site.ids() == [event(number).id for number in range(1, 6)]
    assert int(git(site.bare, "rev-list", "--count", BRANCH)) == 2


def test_a_push_whose_answer_is_lost_is_not_repeated(site, monkeypatch):
    revision = site.push({"workloads/a.yaml": "a"})
    mirror = site.mirror()
    mirror.fetch()
    recorder = site.recorder(mirror)
    real = mirror.remote.push

    def cut_off(*arguments):
        real(*arguments)
        raise Transient(Reason.REPOSITORY_UNREACHABLE, "the connection broke")

    monkeypatch.setattr(mirror.remote, "push", cut_off)
    failure(lambda: recorder.flush(status(revision), [event(1)]))
    monkeypatch.setattr(mirror.remote, "push", real)
    recorder.flush(status(revision), [event(1), event(2)])
    assert site.ids() == [event(1).id, event(2).id]


def test_a_hook_that_refuses_is_told_and_later_taken(site):
    revision = site.push({"workloads/a.yaml": "a"})
    mirror = site.mirror()
    mirror.fetch()
    recorder = site.recorder(mirror)
    site.hook("update", 'case "$1" in refs/heads/pierhead/*) exit 1;; esac')
    error = failure(lambda: recorder.flush(status(revision), [event(1)]))
    assert error.reason is Reason.PUSH_REJECTED
    assert "write_back.push" in error.advice
    assert git(site.bare, "for-each-ref", "--format=%(refname)", "refs/notes") == "refs/notes/pierhead/edge-1"
    (site.bare / "hooks" / "update").unlink()
    recorder.flush(status(revision), [event(1), event(2)])
    assert site.ids() == [event(1).id, event(2).id]
    assert int(git(site.bare, "rev-list", "--count", "refs/notes/pierhead/edge-1")) == 1


def test_a_login_that_may_only_read_is_told(site):
    revision = site.push({"workloads/a.yaml": "a"})
    mirror = site.mirror()
    mirror.fetch()
    site.server.refuse_push = 403
    error = failure(lambda: site.recorder(mirror).flush(status(revision), [event(1)]))
    assert error.reason is Reason.PUSH_REJECTED
    assert error.advice


def test_two_hosts_writing_at_once_never_conflict(site):
    revision = site.push({"workloads/a.yaml": "a"})
    failures: list[BaseException] = []

    def write(host: str) -> None:
        try:
            mirror = site.mirror(host)
            mirror.fetch()
            recorder = site.recorder(mirror, host)
            for number in range(5):
                recorder.flush(status(revision, host=host, message=str(number)), [event(number, host=host)])
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=write, args=(host,)) for host in ("edge-1", "edge-2", "edge-3")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    for host in ("edge-1", "edge-2", "edge-3"):
        assert site.ids(host) == [event(number).id for number in range(5)]
    assert git(site.bare, "fsck", "--strict", "--full") == ""


def test_write_back_beside_people_who_push_never_touches_their_branch(site):
    revision = site.push({"workloads/a.yaml": "a"})
    mirror = site.mirror()
    mirror.fetch()
    recorder = site.recorder(mirror)
    for number in range(3):
        revision = site.push({"workloads/a.yaml": str(number)})
        recorder.flush(status(revision), [event(number)])
        assert git(site.bare, "rev-parse", "main") == revision
        assert mirror.fetch().notes == ()


def test_a_clone_fetches_what_hosts_wrote(tmp_path):
    with GitServer(tmp_path / "srv") as server:
        site = Site(server, tmp_path)
        revision = site.push({"workloads/a.yaml": "a"})
        mirror = site.mirror(password=None)
        mirror.fetch()
        site.recorder(mirror).flush(status(revision), [event(1)])
        other = clone(server.url("config"), tmp_path / "clone")
        assert fetch_history(other)
        assert "refs/notes/pierhead/edge-1" in git(other, "for-each-ref", "--format=%(refname)")
        server.stop()
        assert "git fetch origin" in failure(lambda: fetch_history(other)).advice


def test_a_clone_that_needs_a_login_is_sent_to_git(site):
    site.push({})
    other = clone(site.server.url("config", login=True), site.folder / "clone")
    git(other, "remote", "set-url", "origin", site.server.url("config"))
    assert "git fetch origin" in failure(lambda: fetch_history(other)).advice


# ssh ------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sshd(tmp_path_factory):
    with SshServer(tmp_path_factory.mktemp("ssh") / "sshd") as server:
        yield server


@pytest.fixture
def ssh_site(site, sshd):
    site.secrets.values["key"] = sshd.key
    site.push({"workloads/a.yaml": "a"})
    return site


def over_ssh(site, sshd, **fields) -> Mirror:
    given = {"url": sshd.url(site.bare), "ssh_key": "key", "known_hosts": sshd.known_hosts}
    return site.mirror(**given | {"username": None, "password": None, "timeout": 20.0} | fields)


@pytest.mark.program("sshd")
def test_a_key_and_a_known_host_fetch_and_push_over_ssh(ssh_site, sshd):
    mirror = over_ssh(ssh_site, sshd)
    revision = mirror.fetch().revision
    ssh_site.recorder(mirror).flush(status(revision), [event(1)])
    assert ssh_site.ids() == [event(1).id]


@pytest.mark.program("sshd")
def test_known_hosts_may_be_a_file_with_comments_and_markers(ssh_site, sshd):
    path = ssh_site.folder / "known_hosts"
    path.write_text(f"# ours\n\n@cert-authority *.example.com ssh-ed25519 AAAA\n{sshd.known_hosts}")
    assert over_ssh(ssh_site, sshd, known_hosts=str(path)).fetch().changed


@pytest.mark.program("sshd")
@pytest.mark.parametrize("known", ["none", "stranger"])
def test_an_unknown_or_changed_host_key_is_refused_with_advice(ssh_site, sshd, known):
    kind, key = (sshd.folder / "stranger.pub").read_text().split()[:2]
    lines = f"[127.0.0.1]:{sshd.port} {kind} {key}\n" if known == "stranger" else "/nowhere/known_hosts"
    error = failure(over_ssh(ssh_site, sshd, known_hosts=lines).fetch)
    assert isinstance(error, Stalled)
    assert error.reason is Reason.REPOSITORY_UNAUTHORIZED
    assert "ssh-keyscan" in error.advice


@pytest.mark.program("sshd")
def test_a_key_that_the_server_does_not_know_is_told(ssh_site, sshd):
    ssh_site.secrets.values["key"] = (sshd.folder / "stranger").read_text()
    error = failure(over_ssh(ssh_site, sshd).fetch)
    assert error.reason is Reason.REPOSITORY_UNAUTHORIZED
    assert "repo.ssh_key" in error.advice
    assert "PRIVATE KEY" not in str(error)


@pytest.mark.program("sshd")
def test_a_missing_key_is_told(ssh_site, sshd):
    error = failure(over_ssh(ssh_site, sshd, ssh_key=None).fetch)
    assert error.reason is Reason.REPOSITORY_UNAUTHORIZED
    assert "none is set" in error.message


@pytest.mark.program("sshd")
def test_a_key_with_a_passphrase_takes_it_from_the_password(ssh_site, sshd):
    import subprocess

    locked = ssh_site.folder / "locked"
    locked.write_text(sshd.key)
    locked.chmod(0o600)
    command = ["ssh-keygen", "-q", "-p", "-P", "", "-N", "sesame", "-f", str(locked)]
    subprocess.run(command, check=True, timeout=30)
    ssh_site.secrets.values |= {"key": locked.read_text(), "phrase": "sesame"}
    assert over_ssh(ssh_site, sshd, password="phrase").fetch().changed


@pytest.mark.program("sshd")
def test_a_repository_that_is_not_there_is_told_over_ssh(ssh_site, sshd):
    ssh_site.bare = ssh_site.folder / "none.git"
    error = failure(over_ssh(ssh_site, sshd).fetch)
    assert error.reason is Reason.REPOSITORY_UNREACHABLE
    assert "repo.url" in error.advice


def test_a_name_that_cannot_be_looked_up_is_transient(site):
    settings = replace(site.settings(), url="https://config.invalid/x.git")
    error = failure(Mirror(settings, site.folder / "other", site.secrets).fetch)
    assert isinstance(error, Transient)
    assert "config.invalid" in error.message


def test_a_remote_has_nothing_to_watch(site):
    assert list(site.mirror().watch(lambda: False)) == []
