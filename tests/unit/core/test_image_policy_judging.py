from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.image_policy.judging import judge_tags
from agent.core.image_policy.policy import parse_number, read_policy
from agent.core.pins import Pinned, Version
from agent.core.triggers import TagList

IMAGE = "registry.example.com/shop/web"
NOW = 1_800_000_000.0
HOUR = 3600.0
ONE, TWO = (f"sha256:{digit * 64}" for digit in "12")

SEMVER = {"policy": {"semver": ">=1.4 <2"}}
ALPINE = {"policy": {"semver": "*"}, "pattern": "^v(?P<version>.*)-alpine$", "extract": "$version"}
BUILDS = {"policy": "numerical", "pattern": "^main-[0-9a-f]+-(?P<ts>[0-9]+)$", "extract": "$ts"}
RELEASES = {"policy": "alphabetical", "pattern": "^RELEASE"}


def judge(config, tags, pinned=None, **known):
    tag_list = TagList(image=IMAGE, tags=tuple(tags.split() if isinstance(tags, str) else tags), now=NOW, **known)
    if isinstance(pinned, str):
        pinned = Pinned(image=IMAGE, tag=pinned)
    return judge_tags({"image": IMAGE, **config}, tag_list, pinned or Pinned(image=IMAGE))


CHOSEN = [
    # the greatest in the range, whatever the order of the list
    (SEMVER, "1.4.2 1.5.0 1.10.0 2.0.0 latest 1.9.9", "1.4.2", "1.10.0"),
    (SEMVER, "1.3.0 1.4.3 1.5.0-rc.1", "1.4.2", "1.4.3"),
    ({**SEMVER, "include_prerelease": True}, "1.4.3 1.5.0-rc.1 2.0.0-rc.1", "1.4.2", "1.5.0-rc.1"),
    ({"policy": {"semver": ">=1.5.0-0"}}, "1.4.3 1.5.0-rc.1 1.5.0-rc.2", "1.5.0-rc.1", "1.5.0-rc.2"),
    (SEMVER, "1.5.0-rc.1 1.5.0", "1.5.0-rc.1", "1.5.0"),
    # a pin without a place in the order is behind all others
    (SEMVER, "1.4.2 latest", "latest", "1.4.2"),
    (SEMVER, "1.4.2 1.5.0", None, "1.5.0"),
    (SEMVER, "1.4.2 1.5.0", "1.2.0", "1.5.0"),
    # the pinned tag is gone
    (SEMVER, "1.4.3", "1.4.2", "1.4.3"),
    # of equal versions the most exactly written, spelled like the pin
    (SEMVER, "1.5 1.5.0 v1.5.0", "1.4.2", "1.5.0"),
    (SEMVER, "1.5 1.5.0 v1.5.0", "v1.4.2", "v1.5.0"),
    (SEMVER, "1.5 v1.5.0", "1.4", "v1.5.0"),
    (SEMVER, "v1.5 1.5", "v1.4", "v1.5"),
    (SEMVER, "1.5.0 v1.5.0", None, "1.5.0"),
    (SEMVER, "1.5.0 v1.5.0", "latest", "1.5.0"),
    (SEMVER, "1.5.0 1.5.0_7", "1.4.2", "1.5.0"),
    (SEMVER, "1.5.0 1.5.0_7", "1.4.2_3", "1.5.0_7"),
    # a pattern says which tags take part, a template what is compared
    (ALPINE, "v1.4.2-alpine v1.5.0-alpine v1.6.0 v1.7.0-slim", "v1.4.2-alpine", "v1.5.0-alpine"),
    (ALPINE, "v1.4.2-alpine v1.4.2", "v1.4.2", "v1.4.2-alpine"),
    ({"policy": {"semver": "*"}, "pattern": r"^(\d+)-(\d+)$", "extract": "$1.$2"}, "1-9 1-10 2", "1-9", "1-10"),
    ({"policy": {"semver": "*"}, "pattern": r"^r(\d+)", "extract": "${1}.0"}, "r9 r10", "r9", "r10"),
    # numbers of any length, exactly
    (BUILDS, "main-abc-1699999999 main-0ff-1700000000 main-x-9", "main-abc-1699999999", "main-0ff-1700000000"),
    (
        BUILDS,
        "main-a-10000000000000000000000001 main-b-9",
        "main-c-10000000000000000000000000",
        "main-a-1" + "0" * 24 + "1",
    ),
    ({"policy": "numerical"}, "9 10 1e9 0x11 latest", "9", "10"),
    ({"policy": "numerical"}, "1.9 1.10 1.91", "1.9", "1.91"),
    ({"policy": "numerical"}, "7 007", "6", "7"),
    ({"policy": "numerical", "pattern": "^b(?P<n>-?[0-9]+)$", "extract": "$n"}, "b-2 b-1", "b-2", "b-1"),
    (BUILDS, "main-a-8", "7", "main-a-8"),
    # by code points
    (RELEASES, "RELEASE.2024-01-02 RELEASE.2023-12-31 latest", "RELEASE.2023-12-31", "RELEASE.2024-01-02"),
    ({"policy": "alphabetical"}, "a B Z", "B", "a"),
    (RELEASES, "RELEASE.1", "latest", "RELEASE.1"),
]


@pytest.mark.parametrize(("config", "tags", "pin", "chosen"), CHOSEN)
def test_the_last_by_the_policy_is_chosen(config, tags, pin, chosen):
    verdict = judge(config, tags, pin)
    assert verdict.fired, verdict.why
    assert verdict.version == Version(tag=chosen)
    assert chosen in verdict.why


KEPT = [
    (SEMVER, "1.4.2", "1.4.2", "nothing by semver >=1.4 <2 comes after 1.4.2"),
    (SEMVER, "1.4.2 1.4.1 2.0.0", "1.4.2", "comes after 1.4.2"),
    (SEMVER, "1.4 1.4.0 v1.4.0", "1.4", "comes after 1.4"),
    (SEMVER, "1.4.2_8", "1.4.2_7", "comes after 1.4.2_7, which is gone"),
    # never backwards
    (
        SEMVER,
        "1.4.2 1.4.1",
        "1.5.0",
        "1.4.2 is the last by semver >=1.4 <2 and would go back from 1.5.0, which is gone",
    ),
    (SEMVER, "1.9.0 2.1.0", "2.1.0", "would go back from 2.1.0"),
    ({"policy": {"semver": ">=1.4"}, "pattern": "^1"}, "1.9.0 2.1.0", "2.1.0", "would go back from 2.1.0"),
    (BUILDS, "main-a-5", "main-b-6", "would go back from main-b-6"),
    (BUILDS, "main-a-5", "7", "would go back from 7"),
    (RELEASES, "RELEASE.1", "RELEASE.2", "would go back"),
    # nothing fits
    (SEMVER, "", "1.4.2", "lists no tags"),
    (SEMVER, "1.3.9 2.0.0 latest", "1.4.2", "none of 3 tags is in >=1.4 <2; the greatest version is 2.0.0"),
    (SEMVER, "1.5.0-rc.1 2.0.0", "1.4.2", "1.5.0-rc.1 would be, with include_prerelease"),
    (SEMVER, "latest main", "1.4.2", "none of 2 tags is a version; for example main is none"),
    (
        ALPINE,
        "v1.5.0 v1.4.1 w9",
        "v1.4.2-alpine",
        "none of 3 tags fits ^v(?P<version>.*)-alpine$; the closest is v1.4.1",
    ),
    (ALPINE, "vx-alpine", "v1.4.2-alpine", "none of 1 tags is a version"),
    (RELEASES, "latest", "RELEASE.1", "fits ^RELEASE"),
    ({"policy": "numerical"}, "latest main", None, "is a number; for example main is none"),
]


@pytest.mark.parametrize(("config", "tags", "pin", "why"), KEPT)
def test_what_is_no_better_does_not_fire_and_says_why(config, tags, pin, why):
    verdict = judge(config, tags, pin)
    assert not verdict.fired
    assert not verdict.needs
    assert why in verdict.why


def test_tags_of_another_image_are_none_of_its_business():
    tags = TagList(image="registry.example.com/shop/api", tags=("1.5.0",), now=NOW)
    verdict = judge_tags({"image": IMAGE, **SEMVER}, tags, Pinned(image=IMAGE, tag="1.4.2"))
    assert not verdict.fired
    assert "shop/api" in verdict.why


def test_a_workload_that_runs_another_image_is_left_alone():
    verdict = judge(SEMVER, "1.5.0", Pinned(image="docker.io/library/nginx", tag="1.4.2"))
    assert not verdict.fired
    assert "runs docker.io/library/nginx" in verdict.why


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ({"image": "nginx"}, "docker.io/library/nginx"),
        ({"image": "docker.io/nginx"}, "docker.io/library/nginx"),
        ({"image": "index.docker.io/library/nginx"}, "docker.io/library/nginx"),
        ({"image": "Registry.Example.com/shop/web"}, IMAGE),
        ({"image": "shop/web", "registry": "internal"}, IMAGE),
        ({"image": "web", "registry": "internal"}, "registry.example.com/web"),
    ],
)
def test_one_image_has_many_spellings(written, found):
    tags = TagList(image=found, tags=("1.5.0",), now=NOW)
    assert judge_tags({**SEMVER, **written}, tags, Pinned(image=found, tag="1.4.2")).fired


@pytest.mark.parametrize("image", ["", "Shop Web", "docker.io/shop/web"])
def test_an_image_that_is_none_or_another_matches_nothing(image):
    tags = TagList(image=IMAGE, tags=("1.5.0",), now=NOW)
    assert not judge_tags({**SEMVER, "image": image, "registry": "internal"}, tags, Pinned(image=IMAGE)).fired


def test_a_workload_that_pins_no_image_hears_of_the_last_version():
    assert judge(SEMVER, "1.4.2 1.5.0", Pinned()).version == Version(tag="1.5.0")


def test_a_configuration_that_cannot_be_read_never_fires():
    verdict = judge({"policy": {"semver": "nonsense"}}, "1.5.0", "1.4.2")
    assert not verdict.fired
    assert verdict.why.startswith("policy/semver: expected a range")


# Several versions side by side ---------------------------------------------------------------------------------------


def side_by_side(*tags):
    return Pinned(image=IMAGE, tags=tags)


def test_of_versions_side_by_side_the_newest_is_compared():
    assert not judge(SEMVER, "1.4.1 1.5.0", side_by_side("1.4.2", "1.5.0", "main")).fired
    assert judge(SEMVER, "1.4.1 1.5.1", side_by_side("1.4.2", "1.5.0")).version == Version(tag="1.5.1")


def test_versions_side_by_side_without_a_place_are_not_chosen_again():
    verdict = judge(
        {"policy": "newest", "pattern": "^b"}, "b1 b2", side_by_side("a"), created={"b1": 1, "b2": 2, "a": 0}
    )
    assert verdict.version == Version(tag="b2")


# Digests ------------------------------------------------------------------------------------------------------------


def pinned_digest(tag="1.4.2", digest=ONE):
    return Pinned(image=IMAGE, tag=tag, digest=digest)


def test_beside_a_pinned_digest_the_digest_of_the_new_tag_is_asked_for_and_part_of_the_version():
    asked = judge(SEMVER, "1.4.2 1.5.0", pinned_digest())
    assert not asked.fired
    assert asked.needs.digests == ("1.5.0",)
    told = judge(SEMVER, "1.4.2 1.5.0", pinned_digest(), digests={"1.5.0": TWO})
    assert told.fired
    assert told.version == Version(tag="1.5.0", digest=TWO)


def test_a_tag_that_went_before_its_digest_was_known_is_not_chosen():
    verdict = judge(SEMVER, "1.4.2 1.5.0", pinned_digest(), digests={"1.5.0": ""})
    assert not verdict.fired
    assert "is gone" in verdict.why


def test_a_tag_pushed_again_under_a_pinned_digest_is_reported_and_not_followed():
    assert judge(SEMVER, "1.4.2", pinned_digest()).needs.digests == ("1.4.2",)
    verdict = judge(SEMVER, "1.4.2", pinned_digest(), digests={"1.4.2": TWO})
    assert not verdict.fired
    assert verdict.why.startswith("1.4.2 was pushed again: 111111111111 is pinned, the registry has 222222222222")


@pytest.mark.parametrize("digest", [ONE, ""])
def test_a_pinned_digest_that_is_as_it_was_or_gone_is_no_push(digest):
    verdict = judge(SEMVER, "1.4.2", pinned_digest(), digests={"1.4.2": digest})
    assert not verdict.fired
    assert "comes after 1.4.2" in verdict.why


def test_a_pinned_digest_whose_tag_is_gone_needs_no_question():
    verdict = judge(SEMVER, "1.4.1", pinned_digest())
    assert not verdict.needs
    assert "gone from the registry" in verdict.why


def test_a_digest_pinned_without_its_tag_gets_one_unless_it_is_that_of_the_last():
    pinned = Pinned(image=IMAGE, digest=ONE)
    assert judge(SEMVER, "1.5.0", pinned, digests={"1.5.0": TWO}).version == Version(tag="1.5.0", digest=TWO)
    same = judge(SEMVER, "1.5.0", pinned, digests={"1.5.0": ONE})
    assert not same.fired
    assert "pinned already" in same.why


DIGEST = {"policy": "digest"}


def test_the_same_tag_with_another_digest_fires_by_the_policy_digest():
    verdict = judge(DIGEST, "stable", pinned_digest("stable"), digests={"stable": TWO})
    assert verdict.fired
    assert verdict.version == Version(tag="stable", digest=TWO, pin_digest=True)
    assert verdict.why == "stable was pushed again: 111111111111 → 222222222222"


def test_the_digest_is_asked_for_first():
    assert judge(DIGEST, "stable", pinned_digest("stable")).needs.digests == ("stable",)


def test_a_tag_without_a_digest_gets_the_present_one():
    verdict = judge(DIGEST, "stable", "stable", digests={"stable": ONE})
    assert verdict.fired
    assert verdict.version == Version(tag="stable", digest=ONE, pin_digest=True)
    assert "no digest was pinned" in verdict.why


def test_what_pins_neither_tag_nor_digest_follows_latest():
    assert judge(DIGEST, "latest", digests={"latest": ONE}).version == Version(
        tag="latest", digest=ONE, pin_digest=True
    )


@pytest.mark.parametrize(
    ("pinned", "digests", "why"),
    [
        (pinned_digest("stable"), {"stable": ONE}, "stable is still 111111111111"),
        (pinned_digest("stable"), {"stable": ""}, "the registry has no tag stable"),
        (Pinned(image=IMAGE, digest=ONE), {}, "write the tag to follow"),
        (side_by_side("a", "b"), {}, "side by side"),
    ],
)
def test_a_digest_that_cannot_or_need_not_be_followed_does_not_fire(pinned, digests, why):
    verdict = judge(DIGEST, "stable", pinned, digests=digests)
    assert not verdict.fired
    assert not verdict.needs
    assert why in verdict.why


# Time ---------------------------------------------------------------------------------------------------------------

NEWEST = {"policy": "newest", "pattern": "^main-"}


def test_the_image_made_last_is_chosen_once_all_times_are_known():
    asked = judge(NEWEST, "main-a main-b other", "main-a", created={"main-a": 10.0})
    assert asked.needs.created == ("main-b",)
    assert not asked.fired
    verdict = judge(
        NEWEST, "main-a main-b main-0 other", "main-0", created={"main-a": 30.0, "main-b": 20.0, "main-0": 1.0}
    )
    assert verdict.version == Version(tag="main-a")


def test_the_time_of_the_pin_is_asked_for_as_well():
    assert judge(NEWEST, "main-a", "old", created={"main-a": 10.0}).needs.created == ("old",)


def test_an_older_image_is_not_chosen_though_the_newest_is_gone():
    verdict = judge(NEWEST, "main-a", "main-b", created={"main-a": 10.0, "main-b": 20.0})
    assert not verdict.fired
    assert "go back from main-b, which is gone" in verdict.why


def test_the_same_image_under_the_name_that_the_pattern_wants_is_chosen():
    verdict = judge(NEWEST, "main-a latest", "latest", created={"main-a": 10.0, "latest": 10.0})
    assert verdict.version == Version(tag="main-a")


def test_tags_without_a_time_are_not_chosen():
    verdict = judge(NEWEST, "main-a main-b", "main-0", created={"main-a": 5.0, "main-b": 0.0, "main-0": 1.0})
    assert verdict.version == Version(tag="main-a")
    silent = judge(NEWEST, "main-a", "main-0", created={"main-a": 0.0, "main-0": 1.0})
    assert not silent.fired
    assert "no tag says when it was made" in silent.why


def test_a_pin_without_a_time_was_made_before_it_was_first_seen():
    known = {"created": {"main-a": NOW, "main-0": 0.0}, "first_seen": {"main-0": NOW - HOUR}}
    assert judge(NEWEST, "main-a main-0", "main-0", **known).version == Version(tag="main-a")
    known["created"]["main-a"] = NOW - 2 * HOUR
    assert not judge(NEWEST, "main-a main-0", "main-0", **known).fired


def test_nothing_is_newer_than_a_pin_of_which_nothing_is_known():
    verdict = judge(NEWEST, "main-a", "main-0", created={"main-a": 10.0, "main-0": 0.0})
    assert not verdict.fired
    assert "nobody knows when main-0 was made" in verdict.why


def test_a_tag_waits_until_it_is_old_enough():
    config = {**SEMVER, "min_age": "2h"}
    verdict = judge(config, "1.4.2 1.5.0", "1.4.2", first_seen={"1.5.0": NOW - HOUR})
    assert not verdict.fired
    assert verdict.why == "1.5.0 was first seen 1h ago and min_age is 2h"
    assert verdict.again == NOW + HOUR


def test_meanwhile_the_newest_that_is_old_enough_is_chosen():
    seen = {"1.4.3": NOW - 3 * HOUR, "1.5.0": NOW - HOUR, "1.6.0": NOW - 1}
    verdict = judge({**SEMVER, "min_age": "2h"}, "1.4.2 1.4.3 1.5.0 1.6.0", "1.4.2", first_seen=seen)
    assert verdict.version == Version(tag="1.4.3")
    assert verdict.again == NOW + HOUR


def test_a_tag_of_which_nobody_knows_when_it_came_came_now():
    verdict = judge({**SEMVER, "min_age": "90m"}, "1.5.0", "1.4.2")
    assert verdict.again == NOW + 1.5 * HOUR
    assert verdict.why == "1.5.0 was first seen 0s ago and min_age is 1h30m"


def test_the_age_of_tags_that_would_not_be_chosen_does_not_matter():
    verdict = judge({**SEMVER, "min_age": "2h"}, "1.4.1 1.4.2", "1.4.2", first_seen={"1.4.1": NOW})
    assert verdict.again is None
    old = judge({**SEMVER, "min_age": "2h"}, "1.4.3 1.5.0", "1.4.2", first_seen={"1.4.3": NOW, "1.5.0": 0.0})
    assert old.version == Version(tag="1.5.0")
    assert old.again is None


# Size and laws ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", [{"policy": {"semver": "^1"}}, {**ALPINE, "pattern": "^v(?P<version>.*)$"}])
def test_ten_thousand_tags_take_no_time(config):
    tags = [f"v1.{number // 100}.{number % 100}" for number in range(10_000)]
    assert judge(config, tags, "v1.0.0").version == Version(tag="v1.99.99")
    begun = time.process_time()
    judge(config, tags, "v1.0.0")
    assert time.process_time() - begun < 0.1


@pytest.mark.parametrize(
    "text", ["", "-", ".", "1.", ".5", "1.2.3", "1e5", "0x1", "+1", "٣", "1_0", "--1", "NaN", "Infinity"]
)
def test_what_is_no_number(text):
    assert parse_number(text) is None


TAGS = st.lists(
    st.one_of(
        st.from_regex(r"v?[0-9]\.[0-9]{1,2}(\.[0-9])?(-rc\.[0-9])?", fullmatch=True),
        st.from_regex(r"[0-9]{1,30}", fullmatch=True),
        st.sampled_from(["latest", "main", "1.4-alpine", "stable_7"]),
    ),
    max_size=12,
    unique=True,
)
POLICIES = st.sampled_from(
    [
        {"policy": {"semver": "*"}},
        {"policy": {"semver": ">=1.4 <2 || 3.x"}, "include_prerelease": True},
        {"policy": "numerical"},
        {"policy": "numerical", "pattern": r"^v?(\d+)\.(\d+)", "extract": "$1$2"},
        {"policy": "alphabetical", "pattern": "[0-9]"},
        {"policy": "newest"},
    ]
)


@given(POLICIES, TAGS, st.data())
def test_a_choice_always_fits_is_always_later_and_is_then_at_rest(config, tags, data):
    pin = data.draw(st.sampled_from(tags or ["latest"]))
    created = {tag: float(data.draw(st.integers(1, 9))) for tag in [*tags, pin]}
    verdict = judge(config, tags, pin, created=created)
    assert verdict.why
    if not verdict.fired:
        return
    policy = read_policy({"image": IMAGE, **config})
    chosen = verdict.version.tag
    assert chosen in tags
    assert policy.admits(chosen)
    order = created.get if config["policy"] == "newest" else policy.key
    if policy.selects(pin) and order(pin) is not None:
        assert order(chosen) > order(pin)
    assert not judge(config, tags, chosen, created=created).fired
