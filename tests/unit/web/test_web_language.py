"""Two complete catalogs, and a choice of language that takes any header."""

from __future__ import annotations

import re
import string
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from agent.web.language import LANGUAGES, Translator, catalog, choose, plural_form

FORMS = {"en": {"one", "other"}, "ru": {"one", "few", "many"}}
WEB = resources.files("agent.web")


def texts(language):
    for key, entry in catalog(language).items():
        yield from ((key, text) for text in ([entry] if isinstance(entry, str) else entry.values()))


def names_in(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def names_of(language, key):
    return set().union(*(names_in(text) for one, text in texts(language) if one == key))


def test_every_language_has_the_same_keys_in_the_same_order():
    keys = {tuple(catalog(language)) for language in LANGUAGES}
    assert len(keys) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_plural_has_all_forms_of_its_language(language):
    for key, entry in catalog(language).items():
        if not isinstance(entry, str):
            assert set(entry) == FORMS[language], key


@pytest.mark.parametrize("key", list(catalog("en")))
def test_every_language_puts_the_same_values_in(key):
    english = names_of("en", key)
    for language in LANGUAGES:
        assert names_of(language, key) - {"total"} == english - {"total"}, (language, key)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_empty_or_holds_markup(language):
    for key, text in texts(language):
        assert text.strip() == text != "", key
        assert not set(text) & set('<>&"'), key


def test_every_text_is_translated():
    same = {"footer.api", "headline.title"}
    for key, entry in catalog("ru").items():
        text = entry if isinstance(entry, str) else entry["many"]
        assert key in same or re.search("[\\u0400-\\u04ff]", text), key


def used_keys():
    """Keys named in templates and code, and prefixes from which keys are built."""
    sources = [one.read_text("utf-8") for one in WEB.joinpath("templates").iterdir()]
    sources += [WEB.joinpath("views", name).read_text("utf-8") for name in ("overview.py", "text.py")]
    words = set(re.findall(r'"([a-z]+(?:\.[a-z_0-9]+)*\.?)"', "\n".join(sources)))
    prefixes = {word for word in words if word.endswith(".")} | {"age.", "in.", "error."}
    return words, tuple(prefixes)


def test_every_text_is_used_and_every_text_used_is_there():
    words, prefixes = used_keys()
    keys = set(catalog("en"))
    assert {key for key in keys if key not in words and not key.startswith(prefixes)} == set()
    sections = {key.partition(".")[0] for key in keys if "." in key}
    named = {word for word in words if word.partition(".")[0] in sections and "." in word.strip(".")}
    assert {word for word in named if not word.endswith((".", ".html", ".css", ".js", ".svg"))} <= keys


@pytest.mark.parametrize(
    ("language", "count", "form"),
    [
        ("en", 1, "one"),
        ("en", 0, "other"),
        ("en", 2, "other"),
        ("en", 21, "other"),
        ("ru", 1, "one"),
        ("ru", 21, "one"),
        ("ru", 11, "many"),
        ("ru", 2, "few"),
        ("ru", 24, "few"),
        ("ru", 12, "many"),
        ("ru", 114, "many"),
        ("ru", 5, "many"),
        ("ru", 0, "many"),
    ],
)
def test_plural_forms_follow_the_language(language, count, form):
    assert plural_form(language, count) == form


def test_values_are_escaped_and_markup_is_kept():
    translate = Translator("en")
    assert translate("workload.secret", name="<b>") == "secret &lt;b&gt;"
    assert translate("workload.secret", name=Markup("<b>x</b>")) == "secret <b>x</b>"
    assert translate("workload.secret", name="{0.__class__}") == "secret {0.__class__}"


def test_a_key_that_is_not_there_is_an_error():
    with pytest.raises(KeyError):
        Translator("en")("no.such.key")


def test_a_count_that_is_no_number_is_still_a_text():
    assert str(Translator("en")("events.plan", count="?")) == "? steps"


def test_a_section_keeps_its_keys():
    assert Translator("ru").section("in.")["in.hours"] == "через {count} ч"


@pytest.mark.parametrize(
    ("asked", "remembered", "accepted", "language"),
    [
        (None, None, "", "en"),
        ("ru", None, "en", "ru"),
        ("xx", "ru", "en", "ru"),
        ("en", "ru", "ru", "en"),
        (None, "../x", "ru-RU,ru;q=0.9,en;q=0.8", "ru"),
        (None, None, "de, en;q=0.5, ru;q=0.7", "ru"),
        (None, None, "de,fr", "en"),
        (None, None, "ru;q=0, en;q=0.1", "en"),
        (None, None, "ru;q=many", "en"),
        (None, None, "*", "en"),
    ],
)
def test_the_language_asked_for_wins_over_the_one_remembered_and_the_browsers(asked, remembered, accepted, language):
    assert choose(asked, remembered, accepted) == language


@given(st.text())
def test_any_header_gives_a_language(header):
    assert choose(None, None, header) in LANGUAGES
