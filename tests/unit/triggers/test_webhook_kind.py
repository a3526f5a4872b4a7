from __future__ import annotations

import pytest

from agent.core.inbound import (
    GIT_PUSH,
    IMAGE_PUSH,
    LOG_MATCH,
    MANUAL,
    PING,
    TAG_PUSH,
    TICK,
    InboundEvent,
)
from agent.core.pins import Pinned, Version
from agent.core.triggers import TagList, WatchIngress
from agent.triggers.webhook import KIND

PINNED = Pinned(image="registry.example.com/shop/web", tag="1.4.2")
DIGEST = "sha256:" + "a" * 64
SECRET = {"kind": "webhook", "secret": {"secret": "hook"}}


def judged(signal, pinned=PINNED, **filters):
    return KIND.judge(SECRET | filters, signal, pinned)


def image(name="registry.example.com/shop/web", tag="1.4.3", **more):
    return InboundEvent(type=IMAGE_PUSH, image=name, image_tag=tag, **more)


def push(**fields):
    given = {"repo": "Shop/Web", "ref": "refs/heads/main", "branch": "main", "commit": "c" * 40} | fields
    return InboundEvent(type=GIT_PUSH, **given)


def tagged(**fields):
    return InboundEvent(type=TAG_PUSH, repo="shop/web", ref="refs/tags/v1.2", tag="v1.2", commit="d" * 40, **fields)


@pytest.mark.parametrize(
    ("signal", "version"),
    [
        (image(), Version(tag="1.4.3")),
        (image(digest=DIGEST), Version(tag="1.4.3", digest=DIGEST)),
        (image(tag=None, digest=DIGEST), Version(digest=DIGEST)),
        (image(tag=None), Version()),
        (push(), Version(revision="c" * 40)),
        (push(commit=None), None),
        (tagged(), Version(revision="d" * 40)),
        (InboundEvent(type=MANUAL, subject="Ada"), None),
    ],
)
def test_a_delivery_fires_with_what_it_says_of_a_version(signal, version):
    verdict = judged(signal)
    assert (verdict.fired, verdict.version, verdict.why) == (True, version, signal.text)


@pytest.mark.parametrize(
    ("signal", "why"),
    [
        (InboundEvent(type=PING), "the sender only tries whether anybody is there"),
        (InboundEvent(type=TICK), "it fires on deliveries only, and this is a tick"),
        (InboundEvent(type=LOG_MATCH), "it fires on deliveries only, and this is a log_match"),
        (TagList(image="registry.example.com/shop/web", tags=("1",), now=0.0), "a list of images' tags is none"),
    ],
)
def test_what_is_no_push_does_not_fire(signal, why):
    verdict = judged(signal)
    assert not verdict.fired
    assert verdict.why.startswith(why)


@pytest.mark.parametrize(
    ("filters", "signal", "why"),
    [
        ({"repo": "shop/web"}, push(), ""),
        ({"repo": "SHOP/*"}, push(), ""),
        ({"repo": "*"}, push(), "it is about repository *, found Shop/Web"),
        ({"repo": "**"}, push(), ""),
        ({"repo": "shop/api"}, push(), "it is about repository shop/api, found Shop/Web"),
        ({"repo": "shop/web"}, image(), "it is about repository shop/web, found none"),
        ({"ref": "main"}, push(), ""),
        ({"ref": "refs/heads/*"}, push(), ""),
        ({"ref": "Main"}, push(), "it is about Main, found refs/heads/main"),
        ({"ref": "v*"}, tagged(), ""),
        ({"ref": "main"}, image(), "it is about main, found no ref"),
        ({"tag_pattern": r"^1\.4\."}, image(), ""),
        ({"tag_pattern": "^2"}, image(), "tag_pattern ^2 finds nothing in 1.4.3"),
        ({"tag_pattern": "^2"}, image(tag=None), "tag_pattern ^2 finds nothing in no tag"),
        ({"tag_pattern": "^v1"}, tagged(), ""),
        ({"tag_pattern": "^v2"}, tagged(), "tag_pattern ^v2 finds nothing in v1.2"),
        ({"tag_pattern": "main"}, push(), "tag_pattern main finds nothing in no tag"),
        ({"paths": ["web/**"]}, push(changed_paths=("web/a/b.txt",)), ""),
        ({"paths": ["web/**"]}, push(), ""),
        ({"paths": ["web/**"]}, push(changed_paths=()), "none of 0 changed paths matches web/**"),
        ({"paths": ["web/**", "!**/*.md"]}, push(changed_paths=("web/README.md", "a")), "none of 2 changed paths"),
        ({"image": "**"}, push(), "it is about image **, and this is a git_push"),
        ({"repo": "shop/*", "ref": "dev"}, push(), "it is about dev, found refs/heads/main"),
    ],
)
def test_every_filter_must_let_a_delivery_through(filters, signal, why):
    verdict = judged(signal, **filters)
    assert verdict.fired == (not why)
    assert verdict.why.startswith(why)


@pytest.mark.parametrize("filters", [{"repo": "none"}, {"ref": "none"}, {"tag_pattern": "none"}, {"paths": ["none"]}])
def test_who_fires_by_hand_is_asked_nothing(filters):
    assert judged(InboundEvent(type=MANUAL), **filters).fired


OWN = "registry.example.com/shop/web"


@pytest.mark.parametrize(
    ("pushed", "glob", "own", "fires"),
    [
        (OWN, None, OWN, True),
        ("other.example.com/shop/web", None, OWN, False),
        ("registry.example.com/shop/api", None, OWN, False),
        # a sender that does not tell its registry
        ("shop/web", None, OWN, True),
        ("shop/api", None, OWN, False),
        ("web", None, OWN, False),
        ("shop/web", "shop/*", OWN, True),
        ("shop/web", "registry.example.com/shop/*", OWN, True),
        ("shop/web", "other.example.com/shop/*", OWN, False),
        ("nginx", None, "docker.io/library/nginx", True),
        ("library/nginx", None, "docker.io/library/nginx", True),
        ("nginx", None, "registry.example.com/nginx", True),
        # another name of the same registry, which only the filter can vouch for
        ("10.0.0.1:5000/shop/web", "10.0.0.1:5000/**", OWN, True),
        ("localhost/shop/web", "localhost/shop/web", OWN, True),
        ("10.0.0.1:5000/shop/api", "10.0.0.1:5000/**", OWN, False),
        ("10.0.0.1:5000/shop/web", "10.0.0.2:5000/**", OWN, False),
        # a filter narrows down what is the workload's own
        (OWN, "registry.example.com/shop/*", OWN, True),
        (OWN, "Registry.Example.com/SHOP/*", OWN, True),
        (OWN, "registry.example.com/*", OWN, False),
        (OWN, "registry.example.com/api/*", OWN, False),
        (OWN, None, None, False),
        ("shop/web", None, None, False),
        (None, None, OWN, False),
        (None, "**", OWN, False),
    ],
)
def test_an_image_is_the_workloads_own(pushed, glob, own, fires):
    filters = {} if glob is None else {"image": glob}
    verdict = judged(image(pushed), Pinned(image=own), **filters)
    assert verdict.fired == fires
    assert verdict.why


@pytest.mark.parametrize(
    ("pushed", "own", "why"),
    [
        ("a.example/b", "c.example/b", "the workload runs c.example/b, and this is a.example/b"),
        ("a.example/b", None, "the workload runs no image of its own"),
        (None, "c.example/b", "the workload runs c.example/b, and this is no image"),
    ],
)
def test_why_an_image_is_another_is_said(pushed, own, why):
    assert judged(image(pushed), Pinned(image=own)).why == why


def test_without_an_image_a_filter_says_so():
    assert judged(image(None), image="a*").why == "it is about image a*, found none"


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({}, []),
        (
            {"tag_pattern": "(", "repo": "a[z-a]", "ref": "a[z-a]", "image": "a[z-a]"},
            ["image", "ref", "repo", "tag_pattern"],
        ),
        ({"paths": ["ok/**", "a[z-a]", "!a[z-a]"]}, ["paths/1", "paths/2"]),
    ],
)
def test_expressions_and_globs_that_mean_nothing_are_found(fields, wrong):
    found = list(KIND.check(SECRET | fields))
    assert sorted(one.pointer for one in found) == [f"/{one}" for one in wrong]
    assert {one.code for one in found} <= {"InvalidPattern"}


def test_the_summary_tells_who_sends_and_what_is_let_through():
    fields = {"vendor": "github", "repo": "shop/web", "paths": ["a/**", "!b"], "ref": "main"}
    words = {"vendor": "github", "auth": "signature", "repo": "shop/web", "ref": "main", "paths": "a/**, !b"}
    assert KIND.summary(SECRET | fields) == words
    assert KIND.summary(SECRET) == {"vendor": "auto", "auth": "signature"}


def test_two_secrets_are_valid_at_once():
    config = SECRET | {"previous_secret": {"secret": "old"}, "auth": "token", "vendor": "harbor"}
    assert KIND.secret_names(config) == {"hook", "old"}
    assert KIND.watches(config) == (WatchIngress(vendor="harbor", auth="token", secrets=("hook", "old")),)
    assert KIND.watches(SECRET) == (WatchIngress(vendor="auto", auth="signature", secrets=("hook",)),)
    assert KIND.name == "webhook"
