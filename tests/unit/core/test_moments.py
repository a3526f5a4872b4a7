"""Moments are written in several ways and mean one number of seconds."""

from __future__ import annotations

import pytest

from agent.core.moments import epoch


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-24T00:00:00Z", 1_795_478_400.0),
        ("2026-11-24T03:00:00+03:00", 1_795_478_400.0),
        ("2026-11-24T00:00:00.5Z", 1_795_478_400.5),
        ("2026-11-24T00:00:00.123456789Z", 1_795_478_400.123456789),
        ("0001-01-01T00:00:00Z", 0.0),
        ("yesterday", 0.0),
        ("", 0.0),
    ],
)
def test_times_of_the_engine_have_any_zone_and_precision(text, seconds):
    assert epoch(text) == pytest.approx(seconds)
