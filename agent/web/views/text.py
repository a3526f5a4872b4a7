"""Text from outside, made safe to read: no escape sequences, no invisible or direction-changing characters, bounded.

HTML is escaped by the templates; this is about what escaping leaves alone.
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime

MAX_MESSAGE = 2_000
MAX_LINE = 4_000
SHORT = 7
NOW = 5
NOW_KEY = "age.now"
"""Seconds that count as just now."""

_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor movement
    r"|\x1b[\]P^_X][^\x07\x1b\x9c]{0,4096}(?:\x07|\x1b\\|\x9c)?"  # OSC, DCS and others: titles, links
    r"|\x1b[ -/]*[0-~]"  # all others
)
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_KEPT = frozenset("\n\t\u00ad\u200c\u200d")
"""Line ends, tabs, soft hyphens, and the joiners without which some scripts and emoji are spelt wrong."""


def clean(text: object, limit: int = MAX_MESSAGE) -> str:
    """The text without escape sequences, other invisible characters replaced, and an ellipsis where it was cut."""
    raw = str(text)
    if len(raw) <= limit and raw.isprintable():
        return raw
    cut = len(raw) > limit
    stripped = _ESCAPES.sub("", raw[: limit * 2])
    shown = "".join(_visible(character) for character in stripped[:limit])
    return shown + "…" if cut or len(stripped) > limit else shown


def _visible(character: str) -> str:
    if character in _KEPT or (character.isascii() and character.isprintable()):
        return character
    return "\N{REPLACEMENT CHARACTER}" if unicodedata.category(character) in _HIDDEN_CATEGORIES else character


def one_line(text: object, limit: int = MAX_MESSAGE) -> str:
    return " ".join(clean(text, limit).split())


def short_commit(revision: str | None) -> str:
    """The first seven characters of a commit id, or of the hash of a working tree; empty when there is none."""
    name, dash, digits = one_line(revision or "", 80).rpartition("-")
    return name + dash + digits[:SHORT]


@dataclass(frozen=True, slots=True)
class Moment:
    """One point in time: as a machine reads it, as text in UTC, and how long ago as a catalog key with a number.

    `age` is empty when the time could not be read.
    """

    iso: str
    text: str
    age: str = ""
    count: int = 0

    @property
    def clock(self) -> str:
        """The time of day alone."""
        return self.text[11:19] if self.age else self.text

    @property
    def day(self) -> str:
        return self.text[:10] if self.age else ""


_SPANS = (("span.h", 3600, 7200), ("span.min", 60, 120), ("span.s", 1, 0))
_SIZES = (("size.mib", 1024 * 1024), ("size.kib", 1024), ("size.b", 1))
_UNITS = (("days", 86_400), ("hours", 3_600), ("minutes", 60), ("seconds", 1))


def moment(stamp: str | None, now: float) -> Moment | None:
    """What an RFC 3339 time says at `now` (epoch seconds); a time to come counts as its distance."""
    if not stamp:
        return None
    try:
        seconds = epoch(stamp)
        text = datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        shown = one_line(stamp, 40)
        return Moment(shown, shown)
    distance = int(abs(now - seconds))
    unit, size = next(((unit, size) for unit, size in _UNITS if distance >= max(size, NOW)), ("", 1))
    key = f"{'in' if seconds > now else 'age'}.{unit}" if unit else NOW_KEY
    return Moment(one_line(stamp, 40), text, key, distance // size)


def epoch(stamp: str) -> float:
    """Epoch seconds of an RFC 3339 time; raises ValueError or OverflowError for what is none."""
    when = datetime.fromisoformat(stamp)
    return when.replace(tzinfo=when.tzinfo or UTC).timestamp()


def ahead(when: Moment | None) -> Moment | None:
    """A time that lies ahead, or is just now; one that has passed says nothing any more."""
    return None if when is None or (when.age.startswith("age.") and when.age != NOW_KEY) else when


@dataclass(frozen=True, slots=True)
class Measure:
    """A quantity as people read it: a catalog key, and the number that goes with it."""

    key: str
    count: int


def span(seconds: float) -> Measure:
    """How long something took, in the unit that leaves two or three digits; what makes no sense took nothing."""
    if not 0 < seconds < math.inf:
        return Measure("span.ms", 0)
    if seconds < 0.9995:
        return Measure("span.ms", round(seconds * 1000) or 1)
    unit, size = next((unit, size) for unit, size, least in _SPANS if seconds >= least)
    return Measure(unit, max(1, int(seconds / size)))


def size_of(count: int) -> Measure:
    """A number of bytes."""
    unit, size = next((unit, size) for unit, size in _SIZES if count >= size or size == 1)
    return Measure(unit, round(max(count, 0) / size))


@dataclass(frozen=True, slots=True)
class Image:
    """An image reference in the parts that people look for; `full` is the whole of it."""

    full: str
    place: str
    name: str
    version: str


def image(reference: str | None) -> Image | None:
    """Splits `registry/path/name:tag@sha256:…`; a digest alone is shown by its first characters."""
    if not reference:
        return None
    full = one_line(reference, 400)
    rest, _, digest = full.partition("@")
    head, slash, last = rest.rpartition("/")
    name, _, tag = last.partition(":")
    version = tag or (digest.removeprefix("sha256:")[:12] if digest else "")
    return Image(full, head + slash, name, version)
