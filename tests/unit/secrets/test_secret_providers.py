"""The three kinds of providers, and how they are chosen."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pyrage
import pytest

from agent.core.reasons import Reason
from agent.errors import Stalled, Usage
from agent.secrets.build import build_provider, provider_kinds
from agent.secrets.provider import MAXIMUM_BYTES, Provider, Surroundings
from agent.settings import SecretProviderSettings

PLANTED = "pl4nted-s3cret"


def provider(
    kind: str,
    environment: Mapping[str, str] | None = None,
    repository: Mapping[str, bytes] | None = None,
    **fields: str,
) -> Provider:
    surroundings = Surroundings(environment=environment or {}, read_path=(repository or {}).get)
    return build_provider(SecretProviderSettings(kind=kind, **fields), surroundings)


# Files


def test_a_file_is_the_secret_of_its_name_without_one_final_newline(tmp_path: Path) -> None:
    for content, value in ((b"abc\n", b"abc"), (b"abc", b"abc"), (b"abc\n\n", b"abc\n"), (b"abc\r\n", b"abc")):
        (tmp_path / "token").write_bytes(content)
        assert provider("files", path=str(tmp_path)).read("token") == value


def test_carriage_returns_inside_and_alone_are_kept(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"a\r\nb\r")
    assert provider("files", path=str(tmp_path)).read("token") == b"a\r\nb\r"


def test_a_missing_file_and_a_missing_folder_hold_no_secret(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        files = provider("files", path=str(folder))
        assert files.stamp("token") is None
        assert files.read("token") is None


def test_links_as_kubernetes_makes_them_are_followed(tmp_path: Path) -> None:
    (tmp_path / "..2026_11").mkdir()
    (tmp_path / "..2026_11" / "token").write_text("abc")
    (tmp_path / "..data").symlink_to("..2026_11")
    (tmp_path / "token").symlink_to("..data/token")
    assert provider("files", path=str(tmp_path)).read("token") == b"abc"


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text(PLANTED)
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "token").symlink_to(tmp_path / "outside")
    with pytest.raises(Stalled, match="leads out of it") as refused:
        provider("files", path=str(folder)).read("token")
    assert refused.value.reason is Reason.SECRET_MISSING
    assert PLANTED not in str(refused.value)


def test_what_is_no_plain_file_is_refused_rather_than_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    files = provider("files", path=str(tmp_path))
    for name in ("pipe", "folder"):
        with pytest.raises(Stalled, match="expected a file"):
            files.read(name)


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "big").open("wb") as file:
        file.truncate(MAXIMUM_BYTES + 1)
    with pytest.raises(Stalled, match="expected at most"):
        provider("files", path=str(tmp_path)).read("big")


def test_a_file_that_cannot_be_reached_is_explained_not_missing(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    files = provider("files", path=str(tmp_path))
    assert files.stamp("loop") is not None
    with pytest.raises(Stalled, match="cannot be read"):
        files.read("loop")


def test_the_stamp_changes_when_the_file_is_written_or_replaced(tmp_path: Path) -> None:
    files = provider("files", path=str(tmp_path))
    (tmp_path / "token").write_text("abc")
    first = files.stamp("token")
    assert files.stamp("token") == first
    (tmp_path / "new").write_text("abd")
    (tmp_path / "new").replace(tmp_path / "token")
    assert files.stamp("token") != first


def test_a_relative_folder_is_refused() -> None:
    with pytest.raises(Usage, match="absolute path"):
        provider("files", path="secrets")


# Environment


def test_a_variable_is_the_secret_of_its_name() -> None:
    environment = {"PIERHEAD_SECRET_SHOP_DB_URL": "postgres://", "PIERHEAD_SECRET_A_B": "x"}
    variables = provider("env", environment)
    assert variables.read("shop-db-url") == b"postgres://"
    assert variables.read("a.b") == b"x"
    assert variables.stamp("shop-db-url") is not None
    assert variables.stamp("absent") is None
    assert variables.read("absent") is None


def test_another_prefix_is_taken_instead() -> None:
    assert provider("env", {"MY_TOKEN": "x"}, prefix="MY_").read("token") == b"x"


def test_the_environment_shows_in_no_repr() -> None:
    environment = {"PIERHEAD_SECRET_TOKEN": PLANTED}
    surroundings = Surroundings(environment=environment, read_path=environment.get)
    assert PLANTED not in repr(surroundings)
    assert PLANTED not in repr(provider("env", environment))


# age


@pytest.fixture
def identity(tmp_path: Path) -> tuple[str, pyrage.x25519.Recipient]:
    """Path of an identity file as age-keygen writes it, and its recipient."""
    made = pyrage.x25519.Identity.generate()
    path = tmp_path / "age.key"
    path.write_text(f"# created: 2026-11-24\n# public key: {made.to_public()}\n{made}\n")
    return str(path), made.to_public()


@pytest.mark.parametrize("armored", [False, True])
def test_an_encrypted_file_is_decrypted_binary_or_armored(identity: tuple, armored: bool) -> None:
    path, recipient = identity
    content = pyrage.encrypt(b"abc\n", [recipient], armored=armored)
    age = provider("age", repository={"secrets/token.age": content}, key=path)
    assert age.read("token") == b"abc"
    assert age.read("absent") is None
    assert age.stamp("absent") is None


def test_another_folder_of_the_repository_can_be_set(identity: tuple) -> None:
    path, recipient = identity
    content = pyrage.encrypt(b"abc", [recipient])
    age = provider("age", repository={"sealed/token.age": content}, key=path, path="sealed/")
    assert age.read("token") == b"abc"
    assert "sealed/*.age" in age.description


@pytest.mark.program("ssh-keygen")
def test_an_ssh_key_serves_as_identity(tmp_path: Path) -> None:
    key = tmp_path / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    recipient = pyrage.ssh.Recipient.from_str(key.with_suffix(".pub").read_text())
    content = pyrage.encrypt(b"abc", [recipient])
    assert provider("age", repository={"secrets/token.age": content}, key=str(key)).read("token") == b"abc"


def test_a_file_for_another_host_is_explained(identity: tuple) -> None:
    path, _ = identity
    content = pyrage.encrypt(PLANTED.encode(), [pyrage.x25519.Identity.generate().to_public()])
    with pytest.raises(Stalled, match="cannot be decrypted") as refused:
        provider("age", repository={"secrets/token.age": content}, key=path).read("token")
    assert "secrets/token.age" in refused.value.message
    assert "age -a -r" in refused.value.advice


def test_a_value_in_plain_text_is_refused_and_not_shown(identity: tuple) -> None:
    with pytest.raises(Stalled, match="expected an age-encrypted file") as refused:
        provider("age", repository={"secrets/token.age": PLANTED.encode()}, key=identity[0]).read("token")
    assert PLANTED not in str(refused.value)
    assert "git keeps it" in refused.value.advice


def test_a_huge_file_is_refused_before_it_is_decrypted(identity: tuple) -> None:
    with pytest.raises(Stalled, match="expected at most"):
        provider("age", repository={"secrets/t.age": b"x" * (MAXIMUM_BYTES + 1)}, key=identity[0]).read("t")


@pytest.mark.parametrize(
    "content", [b"", b"hello\n", b"AGE-SECRET-KEY-1BROKEN\n", b"-----BEGIN JUNK-----\n", b"\xff\xfe"]
)
def test_an_identity_file_without_identity_is_explained_without_its_content(tmp_path: Path, content: bytes) -> None:
    key = tmp_path / "age.key"
    key.write_bytes(content)
    encrypted = pyrage.encrypt(b"abc", [pyrage.x25519.Identity.generate().to_public()])
    with pytest.raises(Stalled, match="found neither") as refused:
        provider("age", repository={"secrets/token.age": encrypted}, key=str(key)).read("token")
    assert "BROKEN" not in str(refused.value)
    assert "age-keygen" in refused.value.advice


def test_a_missing_identity_file_is_explained_only_when_it_is_needed(tmp_path: Path) -> None:
    encrypted = pyrage.encrypt(b"abc", [pyrage.x25519.Identity.generate().to_public()])
    age = provider("age", repository={"secrets/token.age": encrypted}, key=str(tmp_path / "absent"))
    assert age.read("other") is None
    assert age.stamp("token") is not None
    with pytest.raises(Stalled, match="No such file"):
        age.read("token")


def test_the_stamp_follows_the_committed_content_and_the_identity(identity: tuple) -> None:
    path, recipient = identity
    repository = {"secrets/token.age": pyrage.encrypt(b"abc", [recipient])}
    age = provider("age", repository=repository, key=path)
    first = age.stamp("token")
    assert age.stamp("token") == first
    os.utime(path, (1, 1))
    second = age.stamp("token")
    assert second != first
    repository["secrets/token.age"] = pyrage.encrypt(b"abc", [recipient])
    assert age.stamp("token") != second


def test_without_the_library_the_way_to_install_it_is_said(identity: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyrage", None)
    with pytest.raises(Stalled, match="pyrage") as refused:
        provider("age", repository={"secrets/t.age": b"age-encryption.org/v1\n"}, key=identity[0]).read("t")
    assert "pierhead[age]" in refused.value.advice


def test_age_needs_a_key() -> None:
    with pytest.raises(Usage, match="expected `key`"):
        provider("age")


# Kinds


def test_each_kind_is_one_file_and_all_are_found() -> None:
    assert provider_kinds() == ("age", "env", "files")


def test_a_new_kind_is_one_new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from agent.secrets import providers

    (tmp_path / "constant.py").write_text(
        "class Constant:\n"
        "    description = 'a constant'\n"
        "    def stamp(self, name): return 1\n"
        "    def read(self, name): return b'always'\n"
        "def build(settings, surroundings): return Constant()\n"
    )
    monkeypatch.setattr(providers, "__path__", [*providers.__path__, str(tmp_path)])
    assert provider("constant").read("anything") == b"always"


def test_an_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(Usage, match="age, env, files"):
        provider("vault")
