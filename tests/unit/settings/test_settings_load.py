"""Host settings: where each value may come from, which one wins, and what is said about mistakes."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from agent.errors import Usage
from agent.schema_files import schemas
from agent.settings import AgentSettings, ListenSettings, load_settings
from agent.settings_sources import schema_leaves, variable

PLANTED = "pl4nted-s3cret"
HOST = {"PIERHEAD_HOST": "edge-1"}


def load(folder: Path, text: str = "", environment: dict[str, str] | None = None, **flags: str) -> AgentSettings:
    config = folder / "agent.yaml"
    config.write_text(text)
    return load_settings(Namespace(config=str(config), **flags), HOST | (environment or {}))


def refused(folder: Path, text: str = "", environment: dict[str, str] | None = None, **flags: str) -> str:
    with pytest.raises(Usage) as error:
        load(folder, text, environment, **flags)
    return str(error.value)


REPO = "repo:\n  url: /srv/config.git\n"


def test_only_the_address_of_the_repository_is_required(tmp_path: Path) -> None:
    settings = load(tmp_path, REPO)
    assert settings.repo.url == "/srv/config.git"
    assert settings.repo.branch == "main"
    assert settings.data_dir == Path("/var/lib/pierhead")
    assert settings.volume_dir == Path("/var/lib/pierhead/volumes")
    assert settings.listen == ListenSettings()
    assert settings.engine_url == "unix:///var/run/docker.sock"


def test_without_an_address_every_way_to_give_one_is_named(tmp_path: Path) -> None:
    for text in ("", "repo: {}\n", "host: edge-1\n"):
        message = refused(tmp_path, text)
        assert "repo.url: expected the address of the config repository, found nothing" in message
        assert "--repo" in message
        assert "PIERHEAD_REPO_URL" in message


def test_settings_need_no_file_at_all() -> None:
    settings = load_settings(Namespace(), HOST | {"PIERHEAD_REPO_URL": "/srv/config.git"})
    assert settings.repo.url == "/srv/config.git"
    with pytest.raises(Usage, match=r"host settings: repo\.url"):
        load_settings(Namespace(), HOST)


def test_flags_win_over_variables_and_these_over_the_file(tmp_path: Path) -> None:
    text = "repo: {url: file, branch: file, path: file}\n"
    environment = {"PIERHEAD_REPO_URL": "variable", "PIERHEAD_REPO_BRANCH": "variable"}
    repo = load(tmp_path, text, environment, repo="flag").repo
    assert (repo.url, repo.branch, repo.path) == ("flag", "variable", "file")


def test_how_fast_one_address_may_deliver_is_set_by_variables_too(tmp_path: Path) -> None:
    webhook = load(tmp_path, REPO, {"PIERHEAD_WEBHOOK_RATE": "5", "PIERHEAD_WEBHOOK_BURST": "7"}).webhook
    assert (webhook.rate, webhook.burst) == (5, 7)
    with pytest.raises(Usage, match=r"webhook\.rate: expected"):
        load(tmp_path, REPO, {"PIERHEAD_WEBHOOK_RATE": "0"})


def test_every_flag_overrides_its_setting(tmp_path: Path) -> None:
    flags = {"repo": "/a", "branch": "b", "path": "c", "host": "d", "data_dir": "/e", "listen": "127.0.0.1:1"}
    settings = load(tmp_path, REPO, **flags)
    assert (settings.repo.url, settings.repo.branch, settings.repo.path) == ("/a", "b", "c")
    assert (settings.host, settings.data_dir) == ("d", Path("/e"))
    assert settings.listen == ListenSettings(status="127.0.0.1:1", webhooks="127.0.0.1:1")


def test_the_config_file_may_be_named_by_a_variable(tmp_path: Path) -> None:
    (tmp_path / "agent.yaml").write_text(REPO)
    settings = load_settings(Namespace(config=None), HOST | {"PIERHEAD_CONFIG": str(tmp_path / "agent.yaml")})
    assert settings.repo.url == "/srv/config.git"


def test_the_whole_example_of_the_schema_is_understood(tmp_path: Path) -> None:
    import json

    example = schemas()["agent"]["examples"][1]
    settings = load(tmp_path, json.dumps(example))
    assert settings.repo.password == "git-token"
    assert settings.repo.interval == 30.0
    assert settings.write_back.flush == 5.0
    assert settings.resync == 300.0
    assert settings.volume_dir == Path("/srv/volumes")
    assert settings.policy.allowed_volume_paths == ("/srv",)
    assert [one.kind for one in settings.secrets] == ["files", "env", "age"]
    assert settings.webhook.config_secret == "config-webhook"
    assert settings.webhook.max_body == 5 * 1024 * 1024
    assert (settings.webhook.rate, settings.webhook.burst) == (500, 5000)
    assert settings.verify == {"mode": "off"}


def test_settings_in_braces_are_understood_as_the_design_writes_them(tmp_path: Path) -> None:
    text = """
repo: {url: https://git.example.com/ops/config.git, branch: main, path: ., interval: 30s, worktree: false,
       username: pierhead, password: {secret: git-token}}
listen: {status: 127.0.0.1:8420, webhooks: 127.0.0.1:8421}
engine: {url: unix:///run/docker.sock}
secrets: [{kind: files, path: /run/secrets}, {kind: env, prefix: PIERHEAD_SECRET_}]
"""
    settings = load(tmp_path, text)
    assert settings.repo.url == "https://git.example.com/ops/config.git"
    assert settings.listen.webhooks == "127.0.0.1:8421"
    assert settings.engine_url == "unix:///run/docker.sock"
    assert "agent.yaml:4:10: listen.status" in refused(tmp_path, text.replace("127.0.0.1:8420", "nowhere"))


def test_every_setting_has_a_variable_of_its_own() -> None:
    names = [variable(path) for path, _ in schema_leaves(schemas()["agent"])]
    assert len(names) == len(set(names))
    assert {"PIERHEAD_REPO_URL", "PIERHEAD_LISTEN_STATUS", "PIERHEAD_REPO_PASSWORD_SECRET"} <= set(names)


def test_variables_take_the_type_of_their_setting(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        REPO,
        {
            "PIERHEAD_CONCURRENCY": "7",
            "PIERHEAD_WRITE_BACK_PUSH": "no",
            "PIERHEAD_REPO_WORKTREE": "TRUE",
            "PIERHEAD_RESYNC": "1m",
            "PIERHEAD_POLICY_ALLOWED_REGISTRIES": "ghcr.io, *.example.com",
            "PIERHEAD_POLICY_CAP_ADD": "[NET_ADMIN, SYS_TIME]",
            "PIERHEAD_SECRETS": "[{kind: env, prefix: MY_}]",
            "PIERHEAD_REPO_PASSWORD_SECRET": "git-token",
            "PIERHEAD_VERIFY_MODE": "off",
        },
    )
    assert settings.concurrency == 7
    assert settings.write_back.push is False
    assert settings.repo.worktree is True
    assert settings.resync == 60.0
    assert settings.policy.allowed_registries == ("ghcr.io", "*.example.com")
    assert settings.policy.cap_add == ("NET_ADMIN", "SYS_TIME")
    assert settings.secrets[0].prefix == "MY_"
    assert settings.repo.password == "git-token"
    assert settings.verify == {"mode": "off"}


def test_variables_of_a_wrong_type_are_named_with_what_was_expected(tmp_path: Path) -> None:
    message = refused(tmp_path, REPO, {"PIERHEAD_CONCURRENCY": "many", "PIERHEAD_REPO_WORKTREE": "maybe"})
    assert "variable PIERHEAD_CONCURRENCY: concurrency: expected a whole number, found `many`" in message
    assert "variable PIERHEAD_REPO_WORKTREE: repo.worktree: expected true or false, found `maybe`" in message


def test_a_list_in_a_variable_that_is_no_yaml_is_refused(tmp_path: Path) -> None:
    assert "PIERHEAD_SECRETS: expected a list in YAML" in refused(tmp_path, REPO, {"PIERHEAD_SECRETS": "[{kind"})


def test_an_unknown_variable_is_an_error_with_the_name_that_was_meant(tmp_path: Path) -> None:
    message = refused(tmp_path, REPO, {"PIERHEAD_REPO_PASWORD": PLANTED})
    assert "did you mean PIERHEAD_REPO_PASSWORD_SECRET?" in message
    assert PLANTED not in message
    assert "unset it" in refused(tmp_path, REPO, {"PIERHEAD_QQQQQQQQQQQQ": "1"})


def test_variables_that_hold_secrets_are_no_settings(tmp_path: Path) -> None:
    text = REPO + "secrets: [{kind: env, prefix: PIERHEAD_VAULT_}, {kind: files}]\n"
    load(tmp_path, text, {"PIERHEAD_SECRET_TOKEN": PLANTED, "PIERHEAD_VAULT_TOKEN": PLANTED, "OTHER": "1"})


def test_one_address_is_both_addresses(tmp_path: Path) -> None:
    both = ListenSettings(status="0.0.0.0:80", webhooks="0.0.0.0:80")
    assert load(tmp_path, REPO + 'listen: "0.0.0.0:80"\n').listen == both
    assert load(tmp_path, REPO, {"PIERHEAD_LISTEN": "0.0.0.0:80"}).listen == both
    assert load(tmp_path, REPO + "listen:\n  status: 0.0.0.0:80\n").listen == both


def test_two_addresses_stay_two_and_one_can_be_overridden(tmp_path: Path) -> None:
    text = REPO + "listen:\n  status: 127.0.0.1:1\n  webhooks: 0.0.0.0:2\n"
    assert load(tmp_path, text).listen == ListenSettings(status="127.0.0.1:1", webhooks="0.0.0.0:2")
    changed = load(tmp_path, text, {"PIERHEAD_LISTEN_STATUS": "127.0.0.1:3"}).listen
    assert changed == ListenSettings(status="127.0.0.1:3", webhooks="0.0.0.0:2")


def test_the_engine_of_docker_host_is_used_unless_settings_name_one(tmp_path: Path) -> None:
    environment = {"DOCKER_HOST": "tcp://10.0.0.7:2375"}
    assert load(tmp_path, REPO, environment).engine_url == "tcp://10.0.0.7:2375"
    text = REPO + "engine:\n  url: unix:///run/user/1000/docker.sock\n"
    assert load(tmp_path, text, environment).engine_url == "unix:///run/user/1000/docker.sock"


def test_folders_of_flags_and_variables_are_taken_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load(tmp_path, REPO, {"PIERHEAD_VOLUME_DIR": "volumes"}, data_dir="state")
    assert settings.data_dir == tmp_path / "state"
    assert settings.volume_dir == tmp_path / "volumes"
    assert "data_dir: expected an absolute path, found `state`" in refused(tmp_path, REPO + "data_dir: state\n")


def test_loading_again_gives_equal_settings(tmp_path: Path) -> None:
    text = REPO + "policy:\n  cap_add: [NET_ADMIN]\nproxy:\n  kind: none\nsecrets: [{kind: files}]\n"
    assert load(tmp_path, text) == load(tmp_path, text)
    assert load(tmp_path, text) != load(tmp_path, text + "concurrency: 5\n")


def test_fields_for_other_tools_are_left_alone(tmp_path: Path) -> None:
    assert load(tmp_path, "x-note: 1\nrepo:\n  url: /srv/config.git\n  x-owner: ops\n").repo.url == "/srv/config.git"


# The name of the host


def test_the_machine_names_the_host_when_nobody_else_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {"PIERHEAD_REPO_URL": "/srv/config.git"}
    for machine, host in (("edge-7.example.com", "edge-7.example.com"), ("My Mac!", "My-Mac"), ("---", "localhost")):
        monkeypatch.setattr("platform.node", lambda machine=machine: machine)
        assert load_settings(Namespace(), environment).host == host


def test_a_container_id_is_no_name_of_a_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.node", lambda: "3f9a2c71b05d")
    monkeypatch.setattr(Path, "exists", lambda path: str(path) == "/.dockerenv")
    with pytest.raises(Usage, match="expected a lasting name") as error:
        load_settings(Namespace(), {"PIERHEAD_REPO_URL": "/srv/config.git"})
    assert "PIERHEAD_HOST" in str(error.value)


@pytest.mark.parametrize("name", ["a..b", "edge.lock", "a/b", "-edge", "edge 1"])
def test_a_host_name_that_no_git_branch_can_carry_is_refused(tmp_path: Path, name: str) -> None:
    assert "flag --host: host: expected" in refused(tmp_path, REPO, host=name)


# Mistakes in the file


def test_all_mistakes_are_told_at_once_with_their_places(tmp_path: Path) -> None:
    message = refused(tmp_path, "repo:\n  url: /srv/config.git\n  pasword: x\nhots: a\nconcurrency: 0\n")
    config = tmp_path / "agent.yaml"
    assert f"{config}:3:3: repo.pasword: expected one of" in message
    assert "did you mean `password`?" in message
    assert f"{config}:4:1: hots:" in message
    assert f"{config}:5:1: concurrency:" in message


def test_a_password_in_plain_text_is_not_shown(tmp_path: Path) -> None:
    for text in (f"  password: {PLANTED}\n", f"  password: [{PLANTED}]\n", "  password: 12345678\n"):
        message = refused(tmp_path, REPO + text)
        assert "expected a secret reference such as {secret: NAME}" in message
        assert PLANTED not in message
        assert "12345678" not in message


@pytest.mark.parametrize(
    "url", [f"https://user:{PLANTED}@git.example.com/x.git", "https://ghp_0123456789abcdef0123@github.com/x.git"]
)
def test_a_password_in_the_address_is_refused_and_not_shown(tmp_path: Path, url: str) -> None:
    message = refused(tmp_path, f"repo:\n  url: {url}\n")
    assert "expected an address without a password" in message
    assert "{secret: NAME}" in message
    assert PLANTED not in message
    assert "ghp_" not in message


@pytest.mark.parametrize(
    "url",
    [
        "https://org@dev.azure.com/x",
        "ssh://git@git.example.com:2222/x.git",
        "git@git.example.com:x.git",
        "file:///srv/x",
    ],
)
def test_a_user_name_in_the_address_is_fine(tmp_path: Path, url: str) -> None:
    assert load(tmp_path, "", {"PIERHEAD_REPO_URL": url}).repo.url == url


def test_an_address_that_cannot_be_taken_apart_is_not_shown_with_its_login(tmp_path: Path) -> None:
    message = refused(tmp_path, "", {"PIERHEAD_REPO_URL": f"https://u:{PLANTED}@[broken/x"})
    assert PLANTED not in message


def test_a_working_tree_must_be_on_this_machine(tmp_path: Path) -> None:
    environment = {"PIERHEAD_REPO_URL": "https://git.example.com/x.git", "PIERHEAD_REPO_WORKTREE": "yes"}
    message = refused(tmp_path, "", environment)
    assert "variable PIERHEAD_REPO_WORKTREE: repo.worktree: expected a local repository" in message


def test_providers_that_lack_what_they_need_are_told(tmp_path: Path) -> None:
    message = refused(tmp_path, REPO + "secrets:\n  - {kind: files, path: here}\n  - {kind: age}\n")
    assert "secrets.0.path: expected an absolute path, found `here`" in message
    assert "secrets.1.key: expected the path of the age identity file" in message


def test_a_port_beyond_the_last_is_refused(tmp_path: Path) -> None:
    assert "expected a port up to 65535" in refused(tmp_path, REPO, listen="127.0.0.1:70000")


def test_a_mapping_that_is_no_mapping_is_the_mistake_that_is_told(tmp_path: Path) -> None:
    message = refused(tmp_path, "repo: here\n", {"PIERHEAD_REPO_URL": "/srv/config.git"})
    assert "agent.yaml:1:1: repo: expected a mapping, found `here`" in message


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"repo: {url: x\n", "agent.yaml:"),
        (b"repo: 1\nrepo: 2\n", "agent.yaml:2:1: expected each key once"),
        (b"- a\n", "expected a mapping of settings"),
        (b"host: a\n---\nhost: b\n", "agent.yaml:3:1: expected one document, found another"),
        (b"host: \xff\n", "UTF-8"),
        (b"\thost: a\n", "a tab"),
    ],
)
def test_what_is_no_yaml_mapping_is_told_with_its_place(tmp_path: Path, content: bytes, expected: str) -> None:
    (tmp_path / "agent.yaml").write_bytes(content)
    with pytest.raises(Usage) as error:
        load_settings(Namespace(config=str(tmp_path / "agent.yaml")), HOST)
    assert expected in str(error.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(Usage, match="No such file") as error:
        load_settings(Namespace(config=str(tmp_path / "absent.yaml")), HOST)
    assert "--config" in error.value.advice


def test_without_an_environment_the_process_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIERHEAD_HOST", "edge-9")
    assert load_settings(Namespace(repo="/srv/config.git")).host == "edge-9"
