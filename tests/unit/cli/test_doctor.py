"""What `pierhead doctor` says about each state of affairs, and how it says to mend it."""

from __future__ import annotations

import json
import os
import socket
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.writeback import NOON, PlainSecrets, StillClock, settings_for

from agent.cli import doctor
from agent.cli.checks import engine as engine_checks
from agent.cli.checks import machine
from agent.cli.checks.engine import check_engine, check_skew
from agent.cli.checks.repository import check_repository, check_secrets
from agent.cli.checks.result import Check, size
from agent.cli.main import main
from agent.core.reasons import Reason
from agent.errors import PierheadError, Stalled, Transient
from agent.ports import EngineInfo
from agent.settings import SecretProviderSettings, WriteBackSettings

UNREACHABLE = "tcp://10.0.0.7:2375"


class StubEngine:
    """An engine of which only `info` is asked."""

    def __init__(self, answer: EngineInfo | PierheadError) -> None:
        self._answer = answer

    def info(self) -> EngineInfo:
        if isinstance(self._answer, PierheadError):
            raise self._answer
        return self._answer


class StubAccess:
    """A repository that can be read and written, or not."""

    def __init__(self, read: str | PierheadError | None = "f" * 40, write: PierheadError | None = None) -> None:
        self._read, self._write = read, write

    def read(self) -> str | None:
        if isinstance(self._read, PierheadError):
            raise self._read
        return self._read

    def write(self) -> None:
        if self._write is not None:
            raise self._write


def states(checks: Iterator[Check]) -> dict[str, str]:
    return {check.name: check.state for check in checks}


def info(**fields: object) -> EngineInfo:
    return EngineInfo(**({"version": "20.10.24", "api_version": "1.41", "time": NOON} | fields))


# The engine


def test_an_engine_in_order_passes_every_check() -> None:
    checks = list(check_engine(UNREACHABLE, StubEngine(info(swarm=True, root="/var/lib/docker")), StillClock()))
    assert [check.state for check in checks] == ["ok", "ok"]
    assert checks[0].found == "Docker 20.10.24, API 1.41, Swarm"


def test_the_disk_of_an_engine_on_this_machine_is_looked_at(tmp_path: Path) -> None:
    url = f"unix://{tmp_path}/docker.sock"
    found = states(check_engine(url, StubEngine(info(root=str(tmp_path))), StillClock()))
    assert "engine disk" in found


def test_an_engine_that_is_too_old_fails_with_the_version_that_is_needed() -> None:
    check = next(check_engine(UNREACHABLE, StubEngine(info(api_version="1.40")), StillClock()))
    assert check.state == "fail"
    assert "expected API 1.41 or newer" in check.found


@pytest.mark.parametrize(("seconds", "state"), [(0.5, "ok"), (-4.0, "ok"), (30.0, "warn"), (-30.0, "warn")])
def test_a_clock_that_differs_by_more_than_five_seconds_is_worth_a_warning(seconds: float, state: str) -> None:
    check = check_skew("engine clock", seconds, "there")
    assert check.state == state
    assert ("ahead of" if seconds > 0 else "behind") in check.found


def test_an_engine_that_does_not_answer_is_one_failure_with_its_advice() -> None:
    away = Transient(Reason.ENGINE_UNREACHABLE, "no engine answers", advice="look at the engine's log")
    [check] = check_engine(UNREACHABLE, StubEngine(away), StillClock())
    assert (check.state, check.fix) == ("fail", "look at the engine's log")


def test_a_missing_socket_says_how_to_start_docker(tmp_path: Path) -> None:
    away = Transient(Reason.ENGINE_UNREACHABLE, "no engine answers")
    [check] = check_engine(f"unix://{tmp_path}/absent.sock", StubEngine(away), StillClock())
    assert "systemctl start docker" in check.fix


def test_a_socket_of_another_group_says_which_group_to_join(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        monkeypatch.setattr(engine_checks.os, "access", lambda *_: False)
        monkeypatch.setattr(engine_checks.grp, "getgrgid", lambda _: Namespace(gr_name="docker"))
        forbidden = Stalled(Reason.ENGINE_FORBIDDEN, "permission denied")
        [check] = check_engine(f"unix://{path}", StubEngine(forbidden), StillClock())
    assert "usermod -aG docker" in check.fix
    assert f"--group-add {path.stat().st_gid}" in check.fix


def test_a_group_without_a_name_is_given_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(_: int) -> None:
        raise KeyError

    monkeypatch.setattr(engine_checks.grp, "getgrgid", nobody)
    assert engine_checks._group(4711) == "4711"


def test_a_socket_that_can_be_used_leaves_the_advice_to_the_engine(tmp_path: Path) -> None:
    (tmp_path / "docker.sock").write_text("")
    broken = Transient(Reason.ENGINE_ERROR, "500")
    [check] = check_engine(f"unix://{tmp_path}/docker.sock", StubEngine(broken), StillClock())
    assert check.fix == "start the engine"


# The repository


def test_a_repository_in_order_passes(tmp_path: Path) -> None:
    found = states(check_repository(settings_for(tmp_path, "/srv/x"), StubAccess()))
    assert found == {"repository": "ok", "push": "ok"}


def test_a_branch_that_is_missing_fails_but_push_rights_are_still_looked_at(tmp_path: Path) -> None:
    checks = list(check_repository(settings_for(tmp_path, "/srv/x"), StubAccess(read=None)))
    assert [check.state for check in checks] == ["fail", "ok"]
    assert "git push origin main" in checks[0].fix


def test_a_repository_that_cannot_be_read_is_one_failure(tmp_path: Path) -> None:
    away = Transient(Reason.REPOSITORY_UNREACHABLE, "connection refused")
    [check] = check_repository(settings_for(tmp_path, "/srv/x"), StubAccess(read=away))
    assert (check.state, check.found) == ("fail", "connection refused")
    assert check.fix


def test_a_login_that_may_not_push_fails_with_the_way_to_do_without(tmp_path: Path) -> None:
    denied = Stalled(Reason.REPOSITORY_UNAUTHORIZED, "403")
    _, push = check_repository(settings_for(tmp_path, "/srv/x"), StubAccess(write=denied))
    assert push.state == "fail"
    assert "write_back.push" in push.fix


@pytest.mark.parametrize("write_back", [WriteBackSettings(push=False), WriteBackSettings(notes=False, branch=False)])
def test_push_rights_are_not_asked_for_where_nothing_is_pushed(tmp_path: Path, write_back: WriteBackSettings) -> None:
    denied = Stalled(Reason.REPOSITORY_UNAUTHORIZED, "403")
    settings = settings_for(tmp_path, "/srv/x", write_back=write_back)
    assert states(check_repository(settings, StubAccess(write=denied)))["push"] == "info"


# Secrets


def test_secrets_of_the_host_settings_are_looked_up_and_never_shown(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, "/srv/x", password="git-token", ssh_key="absent")
    checks = list(check_secrets(settings, PlainSecrets(**{"git-token": "pl4nted"})))
    assert [(check.state, check.found.partition(":")[0]) for check in checks] == [
        ("ok", "repo.password"),
        ("fail", "repo.ssh_key"),
    ]
    assert all("pl4nted" not in check.found + check.fix for check in checks)


def test_providers_that_cannot_work_are_told(tmp_path: Path) -> None:
    (tmp_path / "age.key").write_text("x")
    (tmp_path / "age.key").chmod(0o644)
    (tmp_path / "good.key").write_text("x")
    (tmp_path / "good.key").chmod(0o600)
    providers = (
        SecretProviderSettings(kind="files", path=str(tmp_path)),
        SecretProviderSettings(kind="files", path=str(tmp_path / "absent")),
        SecretProviderSettings(kind="age", key=str(tmp_path / "absent")),
        SecretProviderSettings(kind="age", key=str(tmp_path / "age.key")),
        SecretProviderSettings(kind="age", key=str(tmp_path / "good.key")),
        SecretProviderSettings(kind="env"),
    )
    settings = replace(settings_for(tmp_path, "/srv/x"), secrets=providers)
    checks = list(check_secrets(settings, PlainSecrets()))
    assert [check.state for check in checks] == ["warn", "fail", "warn", "ok"]
    assert "chmod 600" in checks[2].fix


# The machine


def test_this_python_is_new_enough_and_an_old_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.check_python().state == "ok"
    monkeypatch.setattr(machine.sys, "version_info", (3, 10, 0))
    assert machine.check_python().state == "fail"


def test_a_data_dir_that_is_there_or_can_be_made_is_fine_and_is_not_made(tmp_path: Path) -> None:
    assert machine.check_data_dir(tmp_path) == Check("data_dir", "ok", str(tmp_path))
    check = machine.check_data_dir(tmp_path / "deep" / "state")
    assert check.state == "ok"
    assert "will be made" in check.found
    assert list(tmp_path.iterdir()) == []


def test_a_data_dir_below_a_file_fails(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert machine.check_data_dir(tmp_path / "file").state == "fail"


def test_a_data_dir_that_is_not_writable_says_how_to_make_it_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine.os, "access", lambda *_: False)
    check = machine.check_data_dir(tmp_path)
    assert check.state == "fail"
    assert f"sudo install -d -m 700 -o $(id -u) {tmp_path}" in check.fix


@pytest.mark.parametrize(("free", "state"), [(50 * 2**20, "fail"), (500 * 2**20, "warn"), (5 * 2**30, "ok")])
def test_little_room_warns_and_very_little_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, state: str
) -> None:
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: Namespace(free=free, total=2**40))
    check = machine.check_space("disk", tmp_path / "state")
    assert check.state == state
    assert bool(check.fix) == (state != "ok")


def test_room_that_cannot_be_seen_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(machine.shutil, "disk_usage", forbidden)
    assert machine.check_space("engine disk", tmp_path).state == "warn"


def test_file_watches_are_compared_with_the_folders_of_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / "repository" / name).mkdir(parents=True)
    monkeypatch.setattr(machine, "_INOTIFY", tmp_path)
    assert machine.check_watches(tmp_path / "repository").state == "info"
    (tmp_path / "max_user_instances").write_text("128")
    for watches, state in ((1000, "ok"), (5, "warn"), (2, "warn")):
        (tmp_path / "max_user_watches").write_text(f"{watches}\n")
        check = machine.check_watches(tmp_path / "repository")
        assert check.state == state
    assert "sudo sysctl -w fs.inotify.max_user_watches=65536" in check.fix


def test_compose_is_information_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine.check_compose().state == "info"
    (tmp_path / "docker").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "docker-compose").write_text("#!/bin/sh\necho 2.40.3\n")
    for name in ("docker", "docker-compose"):
        (tmp_path / name).chmod(0o755)
    assert machine.check_compose() == Check("compose", "info", "2.40.3")
    (tmp_path / "docker-compose").write_text("no program")
    assert "none found" in machine.check_compose().found


def test_sizes_are_told_as_people_read_them() -> None:
    assert [size(number) for number in (12, 2048, 5 * 2**20, 3 * 2**30, 2**41)] == [
        "12 B", "2 KiB", "5 MiB", "3 GiB", "2.0 TiB"
    ]  # fmt: skip


# The command


def test_settings_that_are_wrong_are_a_failed_check_not_a_crash(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [one for one in os.environ if one.startswith("PIERHEAD_")]:
        monkeypatch.delenv(name)
    assert main(["doctor"]) == 1
    printed = capsys.readouterr().out
    assert "fail  settings" in printed
    assert "PIERHEAD_REPO_URL" in printed
    assert "1 failed" in printed


def test_json_holds_every_check_and_the_verdict(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = [Check("python", "ok", "3.11"), Check("disk", "warn", "little", "free some")]
    monkeypatch.setattr(doctor, "all_checks", lambda _: iter(checks))
    assert doctor.run(Namespace(json=True)) == 0
    assert json.loads(capsys.readouterr().out) == {
        "ok": True,
        "checks": [
            {"name": "python", "state": "ok", "found": "3.11", "fix": ""},
            {"name": "disk", "state": "warn", "found": "little", "fix": "free some"},
        ],
    }


def test_the_fix_stands_below_its_finding() -> None:
    assert doctor.render(Check("disk", "warn", "little", "free some")).splitlines()[1].strip() == "→ free some"
    assert len(doctor.render(Check("disk", "ok", "much")).splitlines()) == 1
