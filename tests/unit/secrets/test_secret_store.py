"""The store: order, caching, change, digests, and silence about values."""

from __future__ import annotations

import base64
import io
import json
import logging
import stat
import traceback
from collections.abc import Hashable
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.reasons import Reason
from agent.errors import PierheadError, Stalled, Transient
from agent.secrets import redaction
from agent.secrets.build import build_secrets
from agent.secrets.key import FILE_NAME, load_key
from agent.secrets.store import SecretStore
from agent.settings import AgentSettings, RepositorySettings, SecretProviderSettings

KEY = bytes(range(32))
PLANTED = "pl4nted/s3cret+value"


class Shelf:
    """A provider of a dictionary that counts how often it is read."""

    def __init__(self, description: str = "a shelf", **values: str | bytes | Exception) -> None:
        self.description = description
        self.values: dict[str, str | bytes | Exception] = dict(values)
        self.reads = 0

    def stamp(self, name: str) -> Hashable | None:
        value = self.values.get(name)
        if isinstance(value, Transient):
            raise value
        return None if value is None else str(value)

    def read(self, name: str) -> bytes | None:
        self.reads += 1
        value = self.values.get(name)
        if isinstance(value, Exception):
            raise value
        return value.encode() if isinstance(value, str) else value


def test_the_first_provider_that_has_it_wins() -> None:
    store = SecretStore([Shelf(a="first"), Shelf(a="second", b="only")], KEY)
    assert store.value("a") == "first"
    assert store.value("b") == "only"


def test_providers_behind_the_one_that_has_it_are_not_asked() -> None:
    away = Transient(Reason.REPOSITORY_UNREACHABLE, "no repository yet")
    assert SecretStore([Shelf(a="first"), Shelf(a=away)], KEY).value("a") == "first"


def test_a_missing_secret_names_every_place_that_was_asked() -> None:
    store = SecretStore([Shelf("files in /run/secrets"), Shelf("variables X_*")], KEY)
    with pytest.raises(Stalled, match=r"files in /run/secrets, variables X_\*") as missing:
        store.value("token")
    assert missing.value.reason is Reason.SECRET_MISSING
    assert "token" in missing.value.message


def test_a_store_without_providers_says_so() -> None:
    with pytest.raises(Stalled, match="no provider at all"):
        SecretStore([], KEY).value("token")


@pytest.mark.parametrize("name", ["", "../etc/passwd", "a/b", ".hidden", "-x", "a b", "a\nb", "a" * 300])
def test_a_name_that_could_lead_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(Stalled, match="expected letters"):
        SecretStore([Shelf()], KEY).value(name)
    assert SecretStore([Shelf()], KEY).digest(name) is None


def test_a_value_is_read_once_until_its_stamp_changes() -> None:
    shelf = Shelf(a="one")
    store = SecretStore([shelf], KEY)
    for _ in range(5):
        store.value("a")
        store.digest("a")
    assert shelf.reads == 1
    shelf.values["a"] = "two"
    assert store.value("a") == "two"
    assert shelf.reads == 2


def test_a_value_that_vanishes_between_two_looks_is_missing() -> None:
    class Vanishing(Shelf):
        def read(self, name: str) -> bytes | None:
            return None

    with pytest.raises(Stalled, match="found it in none"):
        SecretStore([Vanishing(a="x")], KEY).value("a")


def test_digests_depend_on_value_and_key_and_never_show_the_value() -> None:
    store = SecretStore([Shelf(a=PLANTED, b=PLANTED, c="other")], KEY)
    digest = store.digest("a")
    assert digest is not None
    assert len(digest) == 64
    assert digest == store.digest("b") != store.digest("c")
    assert SecretStore([Shelf(a=PLANTED)], bytes(32)).digest("a") != digest
    assert store.digest("absent") is None


def test_a_provider_that_is_away_is_not_mistaken_for_a_missing_secret() -> None:
    store = SecretStore([Shelf(a=Transient(Reason.REPOSITORY_UNREACHABLE, "away"))], KEY)
    with pytest.raises(Transient):
        store.digest("a")


def test_text_that_is_not_utf8_is_refused_without_its_bytes() -> None:
    store = SecretStore([Shelf(a=b"\xffpl4nted")], KEY)
    with pytest.raises(Stalled, match="UTF-8") as refused:
        store.value("a")
    assert refused.value.__context__ is None
    assert "pl4nted" not in str(refused.value)


# Change


def test_nothing_changed_is_an_empty_answer() -> None:
    store = SecretStore([Shelf(a="one")], KEY)
    store.value("a")
    assert not store.changed()


def test_a_changed_secret_is_reported_once_and_only_if_it_was_used() -> None:
    shelf = Shelf(a="one", b="one", unused="one")
    store = SecretStore([shelf], KEY)
    store.value("a")
    store.digest("b")
    shelf.values.update(a="two", unused="two")
    assert store.changed() == {"a"}
    assert store.changed() == frozenset()


def test_a_change_is_reported_even_when_the_new_value_was_used_first() -> None:
    shelf = Shelf(a="one")
    store = SecretStore([shelf], KEY)
    store.value("a")
    shelf.values["a"] = "two"
    store.value("a")
    assert store.changed() == {"a"}


def test_secrets_that_come_and_go_are_reported() -> None:
    shelf = Shelf(gone="one")
    store = SecretStore([shelf], KEY)
    store.value("gone")
    assert store.digest("new") is None
    del shelf.values["gone"]
    shelf.values["new"] = "one"
    assert store.changed() == {"gone", "new"}


def test_rewriting_the_same_value_is_no_change(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    (tmp_path / "token").write_text("abcd")
    store = build_secrets(settings, {}, lambda _: None)
    store.value("token")
    (tmp_path / "token").unlink()
    (tmp_path / "token").write_text("abcd")
    assert not store.changed()
    (tmp_path / "token").write_text("efgh")
    assert store.changed() == {"token"}


def test_while_a_provider_is_away_nothing_is_reported() -> None:
    shelf = Shelf(a="one")
    store = SecretStore([shelf], KEY)
    store.value("a")
    shelf.values["a"] = Transient(Reason.REPOSITORY_UNREACHABLE, "away")
    assert not store.changed()
    shelf.values["a"] = "two"
    assert store.changed() == {"a"}


# Redaction


def redacted(value: str, text: str) -> str:
    store = SecretStore([Shelf(a=value)], KEY)
    store.value("a")
    return store.redact(text)


def test_only_values_that_were_looked_up_are_redacted() -> None:
    store = SecretStore([Shelf(a=PLANTED)], KEY)
    assert store.redact(PLANTED) == PLANTED
    store.digest("a")
    assert store.redact(f"x {PLANTED} y") == "x *** y"


def test_an_old_value_stays_redacted_after_a_change() -> None:
    shelf = Shelf(a="first-value")
    store = SecretStore([shelf], KEY)
    store.value("a")
    shelf.values["a"] = "second-value"
    store.value("a")
    assert store.redact("first-value second-value") == "*** ***"


def test_values_under_four_characters_are_left_alone() -> None:
    assert redacted("abc", "abc") == "abc"
    assert redacted("abcd", "abcd") == "***"


def test_each_line_of_a_value_is_redacted() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBg\n  indented\n-----END KEY-----\n"
    assert "MIIEvQIBADANBg" not in redacted(key, "line: MIIEvQIBADANBg")
    assert "indented" not in redacted(key, "indented")


def test_a_longer_secret_leaves_no_tail_when_a_shorter_one_begins_it() -> None:
    store = SecretStore([Shelf(a="secret", b="secret-longer")], KEY)
    store.value("a")
    store.value("b")
    assert store.redact("secret-longer") == "***"


@pytest.mark.parametrize("before", ["", "u:", "us:", "usr:"])
def test_a_password_inside_a_basic_login_is_redacted_at_any_alignment(before: str) -> None:
    header = base64.b64encode(f"{before}{PLANTED}".encode()).decode()
    left = redacted(PLANTED, f"Authorization: Basic {header}").split()[-1]
    assert "***" in left
    # What is left decodes to less than three characters of the secret.
    assert len(left.replace("***", "").rstrip("=")) <= 3 + len(before) * 2


SECRETS = st.text(min_size=4, max_size=40).filter(lambda text: len(text.strip()) >= 4)


@given(SECRETS)
def test_every_way_of_writing_a_value_is_redacted(value: str) -> None:
    written = [
        value,
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        quote(value, safe=""),
        base64.b64encode(value.encode()).decode(),
        base64.urlsafe_b64encode(value.encode()).decode(),
        repr(value)[1:-1],
    ]
    for form in written:
        assert redacted(value, f"[{form}]") == "[***]"


def test_forms_of_a_short_value_are_none() -> None:
    assert redaction.forms("abc") == frozenset()


# Silence


def everything_said_about(error: BaseException) -> str:
    """Message, repr, advice and traceback of an error, causes and contexts included."""
    parts = ["".join(traceback.format_exception(error))]
    seen: BaseException | None = error
    while seen is not None:
        parts += [str(seen), repr(seen), repr(seen.args), repr(vars(seen))]
        seen = seen.__cause__ or seen.__context__
    return "\n".join(parts)


def test_no_error_repr_or_log_of_a_store_holds_a_planted_value(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    settings = settings_for(tmp_path)
    (tmp_path / "good").write_text(PLANTED)
    (tmp_path / "bad").write_bytes(PLANTED.encode() + b"\xff")
    (tmp_path / "folder").mkdir()
    store = build_secrets(settings, {"PIERHEAD_SECRET_OTHER": PLANTED}, lambda _: None)
    assert store.value("good") == PLANTED
    said = io.StringIO()
    for name in ("bad", "folder", "absent", "../good"):
        with pytest.raises(PierheadError) as refused:
            store.value(name)
        said.write(everything_said_about(refused.value))
    said.write(repr(store) + str(store) + repr(vars(store)["_known"]) + repr(vars(store)["_providers"]) + caplog.text)
    assert PLANTED not in said.getvalue()
    assert PLANTED not in repr(store._known["good"])


# The key, and building


def settings_for(folder: Path, **fields: object) -> AgentSettings:
    return AgentSettings(
        repo=RepositorySettings(url="/srv/config.git"),
        host="edge-1",
        data_dir=folder / "data",
        volume_dir=folder / "volumes",
        **({"secrets": (SecretProviderSettings(kind="files", path=str(folder)),)} | fields),
    )


def test_without_configured_providers_files_and_environment_are_asked(tmp_path: Path) -> None:
    store = build_secrets(settings_for(tmp_path, secrets=()), {"PIERHEAD_SECRET_TOKEN": "abcd"}, lambda _: None)
    assert repr(store) == "SecretStore(files in /run/secrets, variables PIERHEAD_SECRET_*)"
    assert store.value("token") == "abcd"


def test_the_key_is_made_once_for_the_owner_only(tmp_path: Path) -> None:
    key = load_key(tmp_path / "data")
    assert len(key) == 32
    assert load_key(tmp_path / "data") == key
    path = tmp_path / "data" / FILE_NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == [FILE_NAME]


def test_when_two_agents_make_the_key_at_once_the_first_one_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link_that_comes_second(_source: object, target: Path) -> None:
        target.write_bytes(KEY)
        raise FileExistsError

    monkeypatch.setattr("os.link", link_that_comes_second)
    assert load_key(tmp_path) == KEY


def test_a_key_of_another_length_is_not_used(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"short")
    with pytest.raises(Stalled, match="expected 32 bytes, found 5") as refused:
        load_key(tmp_path)
    assert "redeployed once" in refused.value.advice


def test_a_full_disk_is_told_apart_from_a_forbidden_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.link", no_room)
    with pytest.raises(Transient, match="disk is full") as full:
        load_key(tmp_path)
    assert full.value.reason is Reason.DISK_FULL
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(Stalled, match="folder that the agent"):
        load_key(tmp_path / "file")
