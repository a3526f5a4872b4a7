from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.image_policy.ranges import parse_range
from agent.core.image_policy.semantic import parse_version
from agent.core.values import InvalidValue

# The example of SemVer 2.0, §11, from lowest to highest, with what lies around it.
ASCENDING = (
    "0.0.0-0",
    "0.0.0",
    "0.0.1",
    "0.9",
    "1.0.0-0",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.1-0",
    "1.2.0",
    "1.10.0",
    "2.0.0",
    "10.0.0",
    "2024.01.15",
    "20240115",
)


def version(text):
    found = parse_version(text)
    assert found is not None, text
    return found


@pytest.mark.parametrize(("low", "high"), list(itertools.combinations(ASCENDING, 2)))
def test_precedence_is_that_of_semantic_versioning(low, high):
    assert version(low).precedence < version(high).precedence


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("1.4", "1.4.0"),
        ("v1.4.0", "1.4.0"),
        ("V1", "1.0.0"),
        ("1.4.0+build.7", "1.4.0"),
        ("1.4.0_7", "1.4.0+8"),
        ("1.04.0", "1.4.0"),
        ("1.4.0-rc.1_5", "1.4.0-rc.1"),
    ],
)
def test_spellings_of_one_version_are_equal(left, right):
    assert version(left).precedence == version(right).precedence


@pytest.mark.parametrize(
    "text",
    [
        *("", "v", "latest", "1.2.3.4", "1.", ".1", "1..2", "1.2.3-", "1.2.3-a..b", "1.2.3-01", "1.2.3+", "a1.2.3"),
        *("1.2.3 ", " 1.2.3", "1.2.3\n", "-1.2.3", "1.2.-3", "1,2", "vv1", "x", "1.x", "\u0661.\u0662", "1" * 600),
    ],
)
def test_what_is_no_version(text):
    assert parse_version(text) is None


def test_a_word_with_a_leading_zero_is_no_number():
    assert version("1.2.3-0a").prerelease


RANGES = [
    # comparisons
    ("1.4.2", "1.4.2 v1.4.2 1.4.2+b", "1.4.1 1.4.3 1.4.2-rc.1"),
    ("=1.4.2", "1.4.2", "1.4.3"),
    ("v1.4.2", "1.4.2", "1.4.3"),
    ("= 1.4", "1.4.0 1.4.9 1.4", "1.3.9 1.5.0 1.4.0-rc.1"),
    ("!=1.4.2", "1.4.1 1.4.3 0.1", "1.4.2 1.4.2+b"),
    ("!=1.4", "1.3.9 1.5.0", "1.4.0 1.4.9"),
    (">1.4.2", "1.4.3 2.0.0", "1.4.2 1.4.1 1.5.0-rc.1"),
    (">1.4", "1.5.0 2.0.0", "1.4.0 1.4.9"),
    (">1", "2.0.0", "1.9.9"),
    (">=1.4", "1.4.0 1.4 2.0.0", "1.3.9 1.4.0-rc.1"),
    ("=>1.4", "1.4.0", "1.3.9"),
    ("<2", "1.9.9 0.0.0", "2.0.0 2.0.0-rc.1"),
    ("<2.0.0", "1.9.9", "2.0.0 2.0.0-rc.1"),
    ("<=1.4.2", "1.4.2 1.4.1", "1.4.3"),
    ("<=1.4", "1.4.0 1.4.9", "1.5.0"),
    ("=<1.4", "1.4.9", "1.5.0"),
    # together
    (">=1.4 <2", "1.4.0 1.99.99", "1.3.9 2.0.0 2.0.0-rc.1 1.5.0-rc.1"),
    (">=1.4, <2", "1.4.0 1.99.99", "1.3.9 2.0.0"),
    (">=1.4,<2", "1.4.0", "2.0.0"),
    (" >= 1.4   < 2 ", "1.4.0", "2.0.0"),
    (">=1.4 <2 !=1.5.1", "1.5.0 1.5.2", "1.5.1"),
    ("!=1.1 !=1.3", "1.2.0", "1.1.0 1.3.9"),
    ("<1 || >=2 <3 || 5", "0.9 2.1 5.9", "1.0 3.0 4.0 6.0"),
    ("1.1||1.3", "1.1.4 1.3.0", "1.2.0"),
    # tilde and caret
    ("~1.2.3", "1.2.3 1.2.9", "1.2.2 1.3.0 1.3.0-rc.1"),
    ("~1.2", "1.2.0 1.2.9", "1.1.9 1.3.0"),
    ("~1", "1.0.0 1.9.9", "0.9.9 2.0.0"),
    ("~>1.2.3", "1.2.9", "1.3.0"),
    ("~ 1.2", "1.2.9", "1.3.0"),
    ("~1.x", "1.0.0 1.9.9", "2.0.0"),
    ("~*", "0.1 9.9", "1.0.0-rc.1"),
    ("^1.2.3", "1.2.3 1.9.9", "1.2.2 2.0.0 2.0.0-0"),
    ("^1.2", "1.2.0 1.9.9", "1.1.9 2.0.0"),
    ("^1", "1.0.0 1.9.9", "0.9.9 2.0.0"),
    ("^0.2.3", "0.2.3 0.2.9", "0.2.2 0.3.0"),
    ("^0.0.3", "0.0.3", "0.0.2 0.0.4"),
    ("^0.0", "0.0.0 0.0.9", "0.1.0"),
    ("^0.0.0", "0.0.0", "0.0.1"),
    ("^0", "0.0.0 0.9.9", "1.0.0"),
    ("^*", "0.0.1 9.9.9", "1.0.0-rc.1"),
    # wildcards and hyphens
    ("*", "0.0.0 1.2.3 99", "1.0.0-rc.1"),
    ("x", "1.2.3", "1.0.0-rc.1"),
    (">=*", "0.0.0 3", "1.0.0-rc.1"),
    ("<=*", "0.0.0 3", "1.0.0-rc.1"),
    ("1.x", "1.0.0 1.9.9", "0.9.9 2.0.0"),
    ("1.X.x", "1.0.0 1.9.9", "2.0.0"),
    ("1.2.*", "1.2.0 1.2.9", "1.3.0"),
    ("v1.2.*", "1.2.9", "1.3.0"),
    ("1.2 - 2.0", "1.2.0 2.0.0 2.0.9", "1.1.9 2.1.0"),
    ("1.2.3 - 2.3.4", "1.2.3 2.3.4", "1.2.2 2.3.5"),
    ("1.2 - 2", "1.2.0 2.9.9", "3.0.0"),
    ("1.2 - *", "1.2.0 99.0", "1.1.9"),
    ("1.0 - 1.2 || 3.0 - 3.2", "1.2.9 3.1.0", "2.0.0"),
    # prereleases: only where the group names one
    (">=1.4.0-0", "1.4.0-rc.1 1.5.0-alpha 1.4.0", "1.3.9"),
    (">=1.4-0", "1.4.0-rc.1", "1.3.9"),
    (">=1.4.0-0 <2", "1.9.0-rc.1", "2.0.0-rc.1 2.0.0"),
    (">=1.4.0 <2.0.0-rc.2", "2.0.0-rc.1 1.9.0-a", "2.0.0-rc.2 2.0.0"),
    (">1.4.0-rc.1", "1.4.0-rc.2 1.4.0-rc.1.0 1.4.0", "1.4.0-rc.1 1.4.0-beta"),
    ("<=1.4.0-rc.1", "1.4.0-rc.1 1.4.0-beta", "1.4.0-rc.2 1.4.0"),
    ("1.4.0-rc.1", "1.4.0-rc.1 1.4.0-rc.1+b", "1.4.0-rc.2 1.4.0"),
    ("!=1.4.0-rc.1", "1.4.0-rc.2 1.4.0", "1.4.0-rc.1"),
    ("~1.4.0-beta", "1.4.0-rc.1 1.4.9", "1.4.0-alpha 1.5.0-rc.1"),
    ("^1.4.0-beta", "1.4.0-rc.1 1.9.0-a", "1.4.0-alpha 2.0.0-rc.1"),
    ("1.x-0", "1.0.0-rc.1 1.9.0-rc.1 1.0.0", "2.0.0-rc.1"),
    ("*-0", "0.0.0-0 1.0.0-rc.1 3.0", ""),
    ("1.0-0 - 2.0", "1.0.0-rc.1 1.5.0-rc.1", "0.9.0"),
    ("<1 || >=2.0.0-0 <3", "0.5 2.0.0-rc.1", "0.5.0-rc.1"),
    (">=1.2.3+build", "1.2.3", "1.2.2"),
]


@pytest.mark.parametrize(("text", "inside", "outside"), RANGES, ids=[text for text, _, _ in RANGES])
def test_ranges_admit_what_people_expect(text, inside, outside):
    wanted = parse_range(text)
    assert [one for one in inside.split() if not wanted.admits(version(one))] == []
    assert [one for one in outside.split() if wanted.admits(version(one))] == []


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        (">=1.4 <2", "1.5.0-rc.1 1.4.0", "2.0.0-rc.1 1.4.0-rc.1"),
        ("1.x", "1.0.0-rc.1", "2.0.0-rc.1"),
        ("*", "0.0.0-alpha", ""),
        ("^1.4", "1.9.0-rc.1", "2.0.0-alpha"),
        ("1.2 - 2.0", "2.0.9-rc.1", "2.1.0-rc.1"),
    ],
)
def test_prereleases_are_in_a_range_where_they_are_asked_for_but_never_those_of_its_end(text, inside, outside):
    wanted = parse_range(text)
    assert all(wanted.admits(version(one), prereleases=True) for one in inside.split())
    assert not any(wanted.admits(version(one), prereleases=True) for one in outside.split())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "end of ``"),
        ("  ", "end of"),
        (">=", "end of `>=`"),
        (">=1.4 <<2", "`<2` at character 8"),
        ("latest", "`latest` at character 1"),
        ("1.4 ||", "end of `1.4 ||`"),
        ("|| 1.4", "`||` at character 1"),
        ("1.2.3.4", "character 1"),
        ("1.x.3", "nothing but wildcards"),
        (">=1.2.3-01", "do not begin with 0"),
        (">*", "`*` at character 2"),
        ("<x", "a number"),
        ("!=*", "a number"),
        ("1.2 -", "`-` at character 5"),
        ("1.2 - ", "end of"),
        ("1.2 - >3", "`>3` at character 7"),
        (">2 <1", "no version can be in"),
        (">=1.4 & <2", "`&` at character 7"),
        ("==1.4", "`=1.4` at character 2"),
        ("1" * 600, "600 characters"),
    ],
)
def test_what_is_no_range_is_refused_with_its_place(text, words):
    with pytest.raises(InvalidValue) as caught:
        parse_range(text)
    assert words in str(caught.value)
    assert caught.value.fix


NUMBERS = st.integers(min_value=0, max_value=12)
IDENTIFIERS = st.sampled_from(["0", "1", "11", "alpha", "beta", "rc", "x-y", "0a"])
VERSIONS = st.builds(
    lambda numbers, pre: ".".join(map(str, numbers)) + ("-" + ".".join(pre) if pre else ""),
    st.lists(NUMBERS, min_size=3, max_size=3),
    st.lists(IDENTIFIERS, max_size=3),
)


@given(VERSIONS, VERSIONS)
def test_comparisons_and_precedence_say_the_same(left, right):
    one, other = version(left), version(right)
    assert parse_range(f"={right}").admits(one, prereleases=True) == (one.precedence == other.precedence)
    assert parse_range(f">{right}").admits(one, prereleases=True) == (one.precedence > other.precedence)
    assert parse_range(f">={right}").admits(one, prereleases=True) == (one.precedence >= other.precedence)
    assert parse_range(f"<={right}").admits(one, prereleases=True) == (one.precedence <= other.precedence)
    if other.prerelease:
        assert parse_range(f"<{right}").admits(one, prereleases=True) == (one.precedence < other.precedence)


@given(st.lists(VERSIONS, min_size=2, max_size=6))
def test_the_order_of_versions_is_total(texts):
    keys = sorted(version(text).precedence for text in texts)
    assert all(left <= right for left, right in itertools.pairwise(keys))


@given(st.text(alphabet="0123456789.xX*-+vV<>=~^!|, abc", max_size=30))
def test_any_text_is_a_range_or_refused(text):
    try:
        wanted = parse_range(text)
    except InvalidValue:
        return
    wanted.admits(version("1.2.3"))
