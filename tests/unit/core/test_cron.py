"""Cron against an oracle that looks at every minute there is, as the clock on the wall shows it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.core.cron import DAYS, MACROS, MONTHS, next_tick, parse_cron, schedule, zone
from agent.core.values import InvalidValue

LIMITS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
NAMES = ((), (), (), MONTHS, DAYS)
WINDOW = 4 * 24 * 60


def words_of(index: int) -> st.SearchStrategy[str]:
    low, high = LIMITS[index]
    number = st.integers(low, high).map(str)
    if NAMES[index]:
        number = st.one_of(number, st.sampled_from(NAMES[index]), st.sampled_from(NAMES[index]).map(str.upper))
    span = st.builds("{}-{}".format, number, number)
    stepped = st.builds("{}/{}".format, st.one_of(st.just("*"), span, number), st.integers(1, 40))
    part = st.one_of(st.just("*"), number, span, stepped)
    return st.one_of(st.just("*"), st.lists(part, min_size=1, max_size=3).map(",".join))


expressions = st.tuples(*(words_of(index) for index in range(5))).map(" ".join)


def numbers(index: int, word: str) -> set[int]:
    """The numbers of a field, found by walking around the circle of all its values."""
    low, high = LIMITS[index]
    circle = list(range(low, 7 if index == 4 else high + 1))
    found: set[int] = set()
    for part in word.lower().split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        if first == "*":
            start, end = low, circle[-1]
        else:
            start = number(index, first)
            end = number(index, last) if last else (circle[-1] if step else start)
        walk = [start % 7 if index == 4 else start]
        # A range that ends with a Sunday written as 7 and begins with one goes once around.
        target, around = (end % 7 if index == 4 else end), index == 4 and (start, end) == (0, 7)
        while walk[-1] != target or (around and len(walk) == 1):
            walk.append(circle[(circle.index(walk[-1]) + 1) % len(circle)])
        found |= set(walk[:: int(step or 1)])
    return found


def number(index: int, word: str) -> int:
    return NAMES[index].index(word) + LIMITS[index][0] if word in NAMES[index] else int(word)


def shower(cron: str) -> Callable[[datetime], bool]:
    """Whether an expression means a time on the clock."""
    words = cron.split()
    minute, hour, day, month, weekday = (numbers(index, word) for index, word in enumerate(words))
    starred = words[2].startswith("*") or words[4].startswith("*")

    def shows(local: datetime) -> bool:
        if local.minute not in minute or local.hour not in hour or local.month not in month:
            return False
        of_month, of_week = local.day in day, local.isoweekday() % 7 in weekday
        return (of_month and of_week) if starred else (of_month or of_week)

    return shows


def oracle(cron: str, clock: list[tuple[datetime, datetime]]) -> list[datetime]:
    """Every tick of a clock, by cron(8): one that jumps ahead makes up, one that goes back does not repeat, unless
    minute or hour begins with a star.
    """
    steady = not any(word.startswith("*") for word in cron.split()[:2])
    shows, found, minute = shower(cron), [], timedelta(minutes=1)
    for (_, earlier), (moment, local) in pairwise(clock):
        expected = earlier.replace(tzinfo=None) + minute
        ahead = (local.replace(tzinfo=None) - expected) // minute
        made_up = steady and any(shows(expected + one * minute) for one in range(ahead))
        if made_up or (shows(local) and not (steady and local.fold)):
            found.append(moment)
    return found


@cache
def clock_of(place: str, after: datetime) -> list[tuple[datetime, datetime]]:
    """Each minute of the window, and what a clock shows then."""
    moments = (after + one * timedelta(minutes=1) for one in range(WINDOW + 1))
    return [(moment, moment.astimezone(ZoneInfo(place))) for moment in moments]


def ticks(cron: str, place: str, after: datetime, until: datetime) -> list[datetime]:
    found, moment = [], after.timestamp()
    while (following := next_tick(cron, place, moment)) is not None and following <= until.timestamp():
        assert following > moment
        found.append(datetime.fromtimestamp(following, tz=UTC))
        moment = following
    return found


STARTS = [
    ("UTC", datetime(2027, 12, 30, tzinfo=UTC)),
    ("UTC", datetime(2028, 2, 27, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2027, 3, 26, 12, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2027, 10, 29, 12, tzinfo=UTC)),
    ("America/New_York", datetime(2027, 3, 12, 12, tzinfo=UTC)),
    ("America/New_York", datetime(2027, 11, 5, 12, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2027, 4, 2, 12, tzinfo=UTC)),  # half an hour
    ("Africa/Cairo", datetime(2027, 10, 27, 12, tzinfo=UTC)),  # goes back at midnight
    ("Africa/Cairo", datetime(2027, 4, 28, 12, tzinfo=UTC)),  # skips midnight
    ("America/St_Johns", datetime(2010, 11, 5, 12, tzinfo=UTC)),  # goes back a minute after midnight
    ("Pacific/Apia", datetime(2011, 12, 28, 12, tzinfo=UTC)),  # skips a day
]


@given(expressions, st.sampled_from(STARTS))
@example("30 2 * * *", STARTS[2])
@example("30 2 * * *", STARTS[3])
@example("*/20 2 * * *", STARTS[2])
@example("*/20 * * * *", STARTS[3])
@example("0 0 * * *", STARTS[8])
@example("*/7 * * * *", STARTS[9])
@example("5 12 30 12 *", STARTS[10])
@example("0 0 29 2 *", STARTS[1])
@example("0 0 1 * mon", STARTS[0])
@example("0 22-2/2 * * fri-mon", STARTS[0])
@settings(max_examples=60, deadline=None)
def test_ticks_are_those_of_the_oracle(cron, start):
    place, after = start
    until = after + timedelta(minutes=WINDOW)
    assert ticks(cron, place, after, until) == oracle(cron, clock_of(place, after))


@given(expressions)
@settings(deadline=None)
def test_a_field_means_the_same_numbers_as_the_oracle(cron):
    parsed, words = parse_cron(cron), cron.split()
    sets = [numbers(index, word) for index, word in enumerate(words)]
    assert parsed.minutes == tuple(sorted(60 * hour + minute for hour in sets[1] for minute in sets[0]))
    assert (parsed.days, parsed.months, parsed.weekdays) == tuple(sets[2:])


@pytest.mark.parametrize(
    ("cron", "place", "after", "expected"),
    [
        ("0 4 * * *", "UTC", "2027-01-01T04:00+00:00", "2027-01-02T04:00+00:00"),
        ("0 4 * * *", "UTC", "2027-01-01T03:59:59.9+00:00", "2027-01-01T04:00+00:00"),
        ("@weekly", "UTC", "2027-01-01T00:00+00:00", "2027-01-03T00:00+00:00"),
        (" @Daily ", "Europe/Berlin", "2027-06-01T00:00+00:00", "2027-06-01T22:00+00:00"),
        ("0 0 29 2 *", "UTC", "2096-03-01T00:00+00:00", "2104-02-29T00:00+00:00"),
        ("0 0 29 2 */7", "UTC", "2088-03-01T00:00+00:00", "2128-02-29T00:00+00:00"),
        # the clock skips 02:30, which comes as soon as it has jumped
        ("30 2 * * *", "Europe/Berlin", "2027-03-28T00:00+01:00", "2027-03-28T03:00+02:00"),
        ("30 2 * * *", "America/New_York", "2027-03-14T00:00-05:00", "2027-03-14T03:00-04:00"),
        # and repeats 02:30, which comes once
        ("30 2 * * *", "Europe/Berlin", "2027-10-31T02:30+02:00", "2027-11-01T02:30+01:00"),
        ("30 1 * * *", "America/New_York", "2027-11-07T01:30-04:00", "2027-11-08T01:30-05:00"),
        # but whoever follows the clock gets it twice, or not at all
        ("30 * * * *", "Europe/Berlin", "2027-10-31T02:30+02:00", "2027-10-31T02:30+01:00"),
        ("*/30 2 * * *", "Europe/Berlin", "2027-03-28T00:00+01:00", "2027-03-29T02:00+02:00"),
        ("0 0 * * 7", "UTC", "2027-01-01T00:00+00:00", "2027-01-03T00:00+00:00"),
        # a day of the month that begins with a star restricts nothing, so both must fit
        ("0 0 */2 * mon", "UTC", "2027-01-04T00:00+00:00", "2027-01-11T00:00+00:00"),
        ("0 0 2 * mon", "UTC", "2027-01-01T00:00+00:00", "2027-01-02T00:00+00:00"),
    ],
)
def test_the_next_tick(cron, place, after, expected):
    found = next_tick(cron, place, datetime.fromisoformat(after).timestamp())
    assert found == datetime.fromisoformat(expected).timestamp()


def test_a_time_that_never_comes_has_no_tick():
    assert next_tick("0 0 30 2 *", "UTC", 0.0) is None
    assert next_tick("0 0 31 4,6 *", "Europe/Berlin", 1.8e9) is None
    assert next_tick("0 0 * * *", "UTC", datetime(9999, 12, 30, tzinfo=UTC).timestamp()) is None


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        ("", "five fields"),
        ("* * * *", "five fields"),
        ("0 0 4 * * *", "five fields"),
        ("@reboot", "five fields"),
        ("60 * * * *", "0 to 59 as minute"),
        ("* 24 * * *", "0 to 23 as hour"),
        ("* * 0 * *", "1 to 31 as day of month"),
        ("* * 32 * *", "1 to 31 as day of month"),
        ("* * * 13 *", "1 to 12, or jan to dec as month"),
        ("* * * * 8", "0 to 7, or sun to sat as day of week"),
        ("* * * * monday", "as day of week"),
        ("* * * fri *", "as month"),
        ("jan * * * *", "as minute"),
        ("*/0 * * * *", "a step of 1 or more as minute"),
        ("*-5 * * * *", "as minute"),
        ("1,,2 * * * *", "as minute"),
        ("1- * * * *", "as minute"),
        ("? * * * *", "as minute"),
        ("* * last * *", "as day of month"),
        ("* * * jan/2x *", "as month"),
        ("٣ * * * *", "as minute"),
        ("-1 * * * *", "as minute"),
    ],
)
def test_what_is_no_cron_expression_is_told(cron, said):
    with pytest.raises(InvalidValue) as error:
        parse_cron(cron)
    assert said in error.value.expected
    assert error.value.fix


@pytest.mark.parametrize("cron", MACROS)
def test_every_name_for_an_expression_ticks(cron):
    assert next_tick(cron, "UTC", 1.8e9) is not None


@pytest.mark.parametrize("name", ["Europe/Nowhere", "Europe", "../x", "a\0b", "", "\ud800"])
def test_what_is_no_time_zone_is_told(name):
    with pytest.raises(InvalidValue, match="an IANA time zone"):
        zone(name)


def test_utc_needs_no_list_of_zones():
    assert (zone("utc"), zone("UTC")) == (UTC, UTC)


@pytest.mark.parametrize(
    ("previous", "now", "expected"),
    [
        (None, "2027-01-01T04:00:00+00:00", "2027-01-02T04:00+00:00"),
        (None, "2027-01-01T03:00:00+00:00", "2027-01-01T04:00+00:00"),
        ("2027-01-01T04:00:00+00:00", "2027-01-01T04:00:00.01+00:00", "2027-01-02T04:00+00:00"),
        # what was missed comes first
        ("2027-01-01T04:00:00+00:00", "2027-01-05T12:00:00+00:00", "2027-01-02T04:00+00:00"),
        # a clock that was put back is believed
        ("2027-01-09T04:00:00+00:00", "2027-01-05T12:00:00+00:00", "2027-01-06T04:00+00:00"),
    ],
)
def test_a_scheduler_is_told_the_same_ticks(previous, now, expected):
    trigger = schedule("0 4 * * *", "UTC")
    moments = [None if one is None else datetime.fromisoformat(one) for one in (previous, now)]
    assert trigger.get_next_fire_time(*moments) == datetime.fromisoformat(expected)


def test_a_scheduler_is_told_that_there_is_no_tick():
    assert schedule("0 0 30 2 *", "UTC").get_next_fire_time(None, datetime(2027, 1, 1, tzinfo=UTC)) is None


@pytest.mark.parametrize(("cron", "place"), [("often", "UTC"), ("* * * * *", "Mars")])
def test_a_scheduler_is_never_given_what_does_not_tick(cron, place):
    with pytest.raises(InvalidValue):
        schedule(cron, place)
