"""Encrypted secrets in a real config repository: an edit is a commit, and is noticed when it is fetched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyrage
from support.git_server import bare, clone, commit, git
from support.writeback import PlainSecrets, settings_for

from agent.repository.mirror import Mirror
from agent.secrets.build import build_secrets
from agent.settings import SecretProviderSettings


def test_a_committed_edit_of_a_secret_is_read_and_reported(tmp_path: Path) -> None:
    identity = pyrage.x25519.Identity.generate()
    (tmp_path / "age.key").write_text(f"{identity}\n")
    origin = bare(tmp_path / "config.git")
    working = clone(origin, tmp_path / "working")

    def push(value: str) -> None:
        encrypted = pyrage.encrypt(value.encode(), [identity.to_public()], armored=True)
        commit(working, {"secrets/token.age": encrypted})
        git(working, "push", "--quiet", "origin", "HEAD:main")

    push("first-value")
    provider = SecretProviderSettings(kind="age", key=str(tmp_path / "age.key"))
    settings = replace(settings_for(tmp_path, str(origin)), secrets=(provider,))
    mirror = Mirror(settings.repo, settings.data_dir, PlainSecrets())
    mirror.fetch()
    store = build_secrets(settings, {}, lambda path: mirror.read_path(mirror.tree().revision, path))
    before = store.digest("token")
    assert store.value("token") == "first-value"

    push("second-value")
    assert not store.changed()
    mirror.fetch()
    assert store.changed() == {"token"}
    assert store.value("token") == "second-value"
    assert store.digest("token") != before
    assert store.redact("first-value, second-value") == "***, ***"
    mirror.close()
