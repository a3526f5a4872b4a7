"""The style sheet keeps WCAG AA in both themes, and names every phase."""

from __future__ import annotations

import re
from importlib import resources

import pytest

from agent.core.reasons import Phase
from agent.web.views.phases import tone

SHEET = resources.files("agent.web").joinpath("static", "page.css").read_text("utf-8")
TONES = [tone(phase) for phase in Phase]


def tokens(selector: str) -> dict[str, str]:
    block = SHEET[SHEET.index(selector + " {") :]
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block[: block.index("}")]))


LIGHT, DARK = tokens(":root"), tokens(':root[data-theme="dark"]')


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


PAIRS = [
    *((ink, ground) for ink in ("ink", "soft", "link") for ground in ("paper", "panel", "code")),
    *(("ink", f"{one}-tint") for one in TONES),
    *((one, ground) for one in TONES for ground in ("panel", "paper", f"{one}-tint")),
    ("log-ink", "log"),
    ("log-soft", "log"),
]


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), PAIRS)
def test_text_can_be_read(theme, ink, ground):
    assert contrast(theme[ink], theme[ground]) >= 4.5


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_the_focus_ring_can_be_seen(theme):
    assert min(contrast(theme["focus"], theme[ground]) for ground in ("paper", "panel")) >= 3


def test_dark_is_the_same_whether_chosen_or_the_systems():
    assert tokens(':root:not([data-theme="light"])') == DARK
    assert DARK.keys() == LIGHT.keys()


def test_every_phase_has_a_tone_an_icon_and_an_explanation():
    icons = resources.files("agent.web").joinpath("templates", "_icons.html").read_text("utf-8")
    for one in TONES:
        assert f".tone-{one}" in SHEET
        assert f'id="i-{one}"' in icons


def test_nothing_is_fetched_from_elsewhere():
    assert "url(" not in SHEET
    assert "@import" not in SHEET
