"""Chooses a language and looks words up in its catalog.

A catalog is a flat JSON object, locale/<language>.json: a text with `{named}` values, or one text per plural form.
Phases, reasons and messages of the agent are the same words in every language and are not in it. Catalogs hold no
markup; values are escaped when they are put in.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from importlib import resources

from markupsafe import Markup

LANGUAGES = ("en", "ru")
DEFAULT = "en"

Entry = str | Mapping[str, str]


@functools.cache
def catalog(language: str) -> Mapping[str, Entry]:
    text = resources.files("agent.web").joinpath("locale", f"{language}.json").read_text("utf-8")
    entries: Mapping[str, Entry] = json.loads(text)
    return entries


def choose(asked: str | None, remembered: str | None, accepted: str) -> str:
    """The language asked for, else the one remembered, else the best of an Accept-Language header, else English."""
    for candidate in (asked, remembered):
        if candidate in LANGUAGES:
            return candidate
    return next((language for language in _accepted(accepted) if language in LANGUAGES), DEFAULT)


def _accepted(header: str) -> list[str]:
    """Primary language tags by falling weight; a weight that is no number counts as none."""
    weighted: list[tuple[float, str]] = []
    for part in header[:400].split(","):
        tag, _, parameter = part.partition(";")
        try:
            weight = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
        except ValueError:
            weight = 0.0
        if weight > 0:
            weighted.append((weight, tag.strip().lower().partition("-")[0]))
    return [tag for _, tag in sorted(weighted, key=lambda pair: -pair[0])]


def plural_form(language: str, count: int) -> str:
    """The CLDR category of a whole number in one of our languages."""
    if language == "ru":
        if count % 10 == 1 and count % 100 != 11:
            return "one"
        return "few" if count % 10 in (2, 3, 4) and count % 100 not in (12, 13, 14) else "many"
    return "one" if count == 1 else "other"


class Translator:
    """Gives the words of one language. A key that is not in the catalog is a bug and raises KeyError."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._catalog = catalog(language)

    def __call__(self, key: str, **values: object) -> Markup:
        """The text of a key, its values escaped; `count` chooses the plural form where there are several."""
        entry = self._catalog[key]
        if not isinstance(entry, str):
            count = values["count"]
            entry = entry[plural_form(self.language, count if isinstance(count, int) else 0)]
        return Markup(entry).format(**values)  # noqa: S704 - catalogs are ours and hold no markup

    def section(self, prefix: str) -> dict[str, Entry]:
        """All entries below a prefix, for the script of the page."""
        return {key: entry for key, entry in self._catalog.items() if key.startswith(prefix)}
