from __future__ import annotations

import pytest

from agent.core.image_policy.checking import check_policy
from agent.core.inbound import InboundEvent
from agent.core.pins import Pinned, Version
from agent.core.problems import Severity
from agent.core.triggers import TagList, WatchRegistry
from agent.triggers.registry import KIND

IMAGE = "registry.example.com/shop/web"
SEMVER = {"image": IMAGE, "policy": {"semver": ">=1.4 <2"}}
DIGEST = "sha256:" + "1" * 64

WRONG = [
    ({"policy": {"semver": ">=1.4 <<2"}}, "/policy/semver", "InvalidValue", "`<2` at character 8"),
    ({"pattern": "("}, "/pattern", "InvalidPattern", "missing )"),
    ({"pattern": "(?=a)"}, "/pattern", "InvalidPattern", "(?=a)"),
    ({"extract": "$version"}, "/extract", "InvalidValue", "without a `pattern`"),
    ({"pattern": "^v(.*)$", "extract": "$version"}, "/extract", "InvalidValue", "`$version` at character 1"),
    ({"pattern": "^v(.*)$", "extract": "$2"}, "/extract", "InvalidValue", "`$2`"),
    ({"pattern": "^v$", "extract": "${1}"}, "/extract", "InvalidValue", "`${1}`"),
    ({"pattern": "^(?P<a>v)$", "extract": "a$"}, "/extract", "InvalidValue", "a `$` without a name at character 2"),
    ({"pattern": "^(?P<a>v)$", "extract": "$a-$-"}, "/extract", "InvalidValue", "at character 4"),
    ({"pattern": "^(?P<a>v)$", "extract": "a"}, "/extract", "InvalidValue", "the same for all tags"),
    ({"pattern": "^(?P<a>v)$", "extract": "$$"}, "/extract", "InvalidValue", "the same for all tags"),
    ({"image": "Shop Web"}, "/image", "InvalidValue", "Shop Web"),
    ({"image": f"{IMAGE}:1.4"}, "/image", "Conflict", f"{IMAGE}:1.4"),
    ({"image": f"{IMAGE}@{DIGEST}"}, "/image", "Conflict", "sha256"),
    ({"interval": "9s"}, "/interval", "OutOfRange", "9s"),
    ({"interval": "500ms"}, "/interval", "OutOfRange", "500ms"),
]


@pytest.mark.parametrize(("change", "pointer", "code", "found"), WRONG)
def test_what_means_nothing_is_said_with_its_place_and_a_fix(change, pointer, code, found):
    (finding,) = KIND.check(SEMVER | change)
    assert (finding.pointer, finding.code) == (pointer, code)
    assert found in finding.found
    assert finding.expected
    assert finding.fix
    assert finding.severity is Severity.ERROR


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (
            {"policy": "digest", "pattern": "^v", "min_age": "1h", "include_prerelease": True},
            "pattern min_age include_prerelease",
        ),
        ({"policy": "newest", "include_prerelease": False}, "include_prerelease"),
        ({"policy": "digest", "pattern": "^(v)", "extract": "$1"}, "pattern extract"),
    ],
)
def test_a_field_that_does_nothing_is_a_warning_for_an_override_cannot_take_it_away(change, names):
    findings = list(check_policy(SEMVER | change))
    assert [finding.pointer for finding in findings] == [f"/{name}" for name in names.split()]
    assert {finding.severity for finding in findings} == {Severity.WARNING}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"interval": "10s"},
        {"pattern": "^v(?P<version>.*)-(?P<flavour>alpine)$", "extract": "${version}-$flavour"},
        {"pattern": "^v(.*)-(.*)$", "extract": "$1.$2$$"},
        {"pattern": "^v(.*)$", "extract": "$0"},
        {"policy": "numerical"},
        {"policy": "digest"},
        {"image": "nginx", "min_age": "2h", "include_prerelease": True},
    ],
)
def test_what_means_something_has_no_findings(change):
    assert list(KIND.check(SEMVER | change)) == []


def test_the_kind_is_summed_up_and_needs_no_secret():
    config = SEMVER | {"registry": "internal", "pattern": "^v", "min_age": "2h"}
    assert KIND.name == "registry"
    assert KIND.summary(config) == {
        "image": IMAGE,
        "registry": "internal",
        "pattern": "^v",
        "min_age": "2h",
        "policy": "semver >=1.4 <2",
        "interval": "5m",
    }
    assert KIND.summary({"image": "nginx", "policy": "digest", "interval": "1h"}) == {
        "image": "nginx",
        "policy": "digest",
        "interval": "1h",
    }
    assert KIND.secret_names(config) == frozenset()


def test_one_registry_is_watched():
    assert KIND.watches(SEMVER) == (WatchRegistry(image=IMAGE, registry=None, interval=300.0),)
    config = SEMVER | {"registry": "internal", "interval": "30s"}
    assert KIND.watches(config) == (WatchRegistry(image=IMAGE, registry="internal", interval=30.0),)


# What a look found is stored as an event, and held against the pin once more when it is acted on ---------------------


def found(tag="1.5.0", digest=None, image=IMAGE):
    return InboundEvent(type="image_push", image=image, image_tag=tag, digest=digest)


def pinned(tag="1.4.2", digest=None):
    return Pinned(image=IMAGE, tag=tag, digest=digest)


def test_tags_are_judged_by_the_policy():
    tags = TagList(image=IMAGE, tags=("1.5.0",), now=1.0)
    assert KIND.judge(SEMVER, tags, pinned()).version == Version(tag="1.5.0")


def test_what_a_look_found_fires_without_waiting_again():
    assert KIND.judge(SEMVER | {"min_age": "2h"}, found(), pinned()).version == Version(tag="1.5.0")


@pytest.mark.parametrize(
    ("event", "pin"),
    [
        (found(), pinned("1.5.0")),
        (found(), pinned("1.6.0")),
        (found("2.0.0"), pinned()),
        (found(image="registry.example.com/shop/api"), pinned()),
        (found(tag=None), pinned()),
        (found(image=None), pinned()),
    ],
)
def test_what_a_look_found_and_is_overtaken_does_not_fire(event, pin):
    verdict = KIND.judge(SEMVER, event, pin)
    assert not verdict.fired
    assert not verdict.needs
    assert verdict.why


def test_what_a_look_found_needs_its_digest_where_one_is_pinned():
    assert KIND.judge(SEMVER, found(), pinned(digest=DIGEST)).needs.digests == ("1.5.0",)
    other = "sha256:" + "2" * 64
    assert KIND.judge(SEMVER, found(digest=other), pinned(digest=DIGEST)).version == Version(tag="1.5.0", digest=other)


def test_a_digest_that_a_look_found_fires_until_it_is_pinned():
    config = {"image": IMAGE, "policy": "digest"}
    event = found("stable", DIGEST)
    assert KIND.judge(config, event, pinned("stable")).version == Version(tag="stable", digest=DIGEST, pin_digest=True)
    assert not KIND.judge(config, event, pinned("stable", DIGEST)).fired


def test_the_newest_that_a_look_found_fires_until_it_is_pinned():
    config = {"image": IMAGE, "policy": "newest"}
    assert KIND.judge(config, found("b"), pinned("a")).fired
    assert not KIND.judge(config, found("b"), pinned("b")).fired


@pytest.mark.parametrize(
    "event", [InboundEvent(type="manual"), InboundEvent(type="image_push", vendor="harbor", image=IMAGE)]
)
def test_what_others_say_never_fires_it(event):
    verdict = KIND.judge(SEMVER, event, pinned())
    assert not verdict.fired
    assert "look" in verdict.why
