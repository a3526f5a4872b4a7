from __future__ import annotations

import pytest

from agent.core.inbound import GIT_PUSH, IMAGE_PUSH, LOG_MATCH, MANUAL, PING, TAG_PUSH, TICK, InboundEvent
from agent.core.pins import Pinned, Version
from agent.core.problems import Severity
from agent.core.triggers import TagList, WatchClock, WatchGit, WatchIngress
from agent.triggers.git import KIND as GIT
from agent.triggers.log_scan import KIND as LOG_SCAN
from agent.triggers.manual import KIND as MANUAL_KIND
from agent.triggers.schedule import KIND as SCHEDULE

TAGS = TagList(image="docker.io/library/nginx", tags=("1",), now=0.0)
BY_HAND = InboundEvent(type=MANUAL, subject="Ada")
LINE = InboundEvent(type=LOG_MATCH, subject="pool exhausted after 3 s")
TICKED = InboundEvent(type=TICK)


def push(branch="main", **fields):
    return InboundEvent(type=GIT_PUSH, repo="shop/web", branch=branch, **({"commit": "c" * 40} | fields))


def tagged(tag="v1.2"):
    return InboundEvent(type=TAG_PUSH, repo="shop/web", tag=tag, commit="d" * 40)


def found(kind, config):
    return [(one.pointer, one.code) for one in kind.check(config)]


@pytest.mark.parametrize(
    ("fields", "signal", "why"),
    [
        ({}, push(), "push to main of shop/web at cccccccccccc"),
        ({"branch": "release/*"}, push("release/1"), "push to release/1 of shop/web at cccccccccccc"),
        ({"tag_pattern": "^v1"}, tagged(), "tag v1.2 of shop/web at dddddddddddd"),
        ({"paths": ["web/"]}, push(changed_paths=("web/a",)), "push to main of shop/web at cccccccccccc"),
        ({"paths": ["web/"]}, push(), "push to main of shop/web at cccccccccccc"),
    ],
)
def test_a_repository_that_moved_fires_with_its_commit(fields, signal, why):
    verdict = GIT.judge({"kind": "git"} | fields, signal, Pinned())
    assert (verdict.fired, verdict.why, verdict.version) == (True, why, Version(revision=signal.commit))


def test_a_push_without_a_commit_carries_no_version():
    verdict = GIT.judge({"kind": "git"}, push(commit=None), Pinned())
    assert (verdict.fired, verdict.version) == (True, None)


@pytest.mark.parametrize(
    ("fields", "signal", "why"),
    [
        ({}, push("dev"), "it is about branch main, found dev"),
        ({}, push(None), "it is about branch main, found None"),
        ({}, tagged(), "it is about branch main, and this is a tag_push"),
        ({"branch": "*"}, push("a/b"), "it is about branch *, found a/b"),
        ({"tag_pattern": "^v2"}, tagged(), "tag_pattern ^v2 finds nothing in v1.2"),
        ({"tag_pattern": "^v2"}, push(), "it is about tags, and this is a git_push"),
        ({"paths": ["web/"]}, push(changed_paths=("api/a",)), "none of 1 changed paths matches web/"),
        ({}, InboundEvent(type=PING), "it is about branch main, and this is a ping"),
        ({}, BY_HAND, "it looks at the repository now instead"),
        ({}, TAGS, "a list of images' tags is none of its business"),
    ],
)
def test_what_a_git_trigger_is_not_about_does_not_fire(fields, signal, why):
    verdict = GIT.judge({"kind": "git"} | fields, signal, Pinned())
    assert (verdict.fired, verdict.why) == (False, why)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({}, []),
        ({"interval": "10s", "branch": "release/*"}, []),
        ({"interval": "9s"}, [("/interval", "OutOfRange")]),
        ({"interval": "99999d"}, [("/interval", "OutOfRange")]),
        ({"interval": f"{'9' * 400}d"}, [("/interval", "OutOfRange")]),
        ({"tag_pattern": "("}, [("/tag_pattern", "InvalidPattern")]),
        ({"branch": "a[z-a]"}, [("/branch", "InvalidPattern")]),
        ({"paths": ["a", "b[z-a]"]}, [("/paths/1", "InvalidPattern")]),
        ({"branch": "a", "tag_pattern": "b"}, [("/tag_pattern", "OneOfTwo")]),
    ],
)
def test_a_git_trigger_is_checked(fields, wrong):
    assert found(GIT, {"kind": "git"} | fields) == wrong


def test_a_git_trigger_says_what_it_looks_at():
    login = {"password": {"secret": "token"}, "ssh_key": {"secret": "key"}}
    config = {"kind": "git", "repo": "https://git.example.com/a.git", "interval": "2m", "paths": ["a", "b"]} | login
    assert GIT.summary(config) == {
        "repo": "https://git.example.com/a.git",
        "branch": "main",
        "paths": "a, b",
        "interval": "2m",
    }
    assert GIT.summary({"kind": "git", "tag_pattern": "^v"}) == {
        "repo": "the config repository",
        "tag_pattern": "^v",
        "interval": "1m",
    }
    assert GIT.secret_names(config) == {"token", "key"}
    assert GIT.watches(config) == (WatchGit(repo="https://git.example.com/a.git", interval=120.0),)
    assert GIT.watches({"kind": "git"}) == (WatchGit(repo="", interval=60.0),)
    assert GIT.name == "git"


NIGHTLY = {"kind": "schedule", "cron": "0 4 * * *"}


@pytest.mark.parametrize(
    ("signal", "fires", "why"),
    [
        (TICKED, True, "tick"),
        (BY_HAND, True, "fired by hand by Ada"),
        (LINE, False, "it fires by the clock only"),
        (TAGS, False, "it fires by the clock only"),
    ],
)
def test_a_schedule_fires_by_the_clock_and_by_hand(signal, fires, why):
    verdict = SCHEDULE.judge(NIGHTLY, signal, Pinned())
    assert (verdict.fired, verdict.why, verdict.version) == (fires, why, None)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({}, []),
        ({"cron": "@daily", "timezone": "Europe/Berlin", "jitter": "1h"}, []),
        ({"cron": "0 0 29 2 *"}, []),
        ({"cron": "0 0 31 4 *"}, [("/cron", "InvalidValue")]),
        ({"cron": "60 * * * *"}, [("/cron", "InvalidValue")]),
        ({"timezone": "Mars/Base"}, [("/timezone", "InvalidValue")]),
        ({"timezone": "Europe"}, [("/timezone", "InvalidValue")]),
        ({"timezone": "../etc/passwd"}, [("/timezone", "InvalidValue")]),
        ({"cron": "often please", "timezone": "Mars"}, [("/cron", "InvalidValue"), ("/timezone", "InvalidValue")]),
        ({"jitter": "400d"}, [("/jitter", "OutOfRange")]),
    ],
)
def test_a_schedule_is_checked(fields, wrong):
    assert found(SCHEDULE, NIGHTLY | fields) == wrong


def test_a_schedule_says_when_it_ticks():
    config = NIGHTLY | {"timezone": "Europe/Berlin", "jitter": "5m"}
    assert SCHEDULE.summary(config) == {"cron": "0 4 * * *", "timezone": "Europe/Berlin", "jitter": "5m"}
    assert SCHEDULE.summary(NIGHTLY) == {"cron": "0 4 * * *", "timezone": "UTC"}
    assert SCHEDULE.watches(config) == (WatchClock(cron="0 4 * * *", timezone="Europe/Berlin", jitter=300.0),)
    assert SCHEDULE.watches(NIGHTLY) == (WatchClock(cron="0 4 * * *", timezone="UTC", jitter=0.0),)
    assert SCHEDULE.secret_names(config) == frozenset()
    assert SCHEDULE.name == "schedule"


@pytest.mark.parametrize(("signal", "fires"), [(BY_HAND, True), (TICKED, False), (push(), False), (TAGS, False)])
def test_a_manual_trigger_only_fires_by_hand(signal, fires):
    verdict = MANUAL_KIND.judge({"kind": "manual"}, signal, Pinned())
    assert (verdict.fired, verdict.why) == (fires, "fired by hand by Ada" if fires else "it only fires by hand")


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({}, []),
        ({"secret": {"secret": "a"}, "auth": "basic"}, []),
        ({"auth": "basic"}, [("/auth", "MissingField")]),
        ({"previous_secret": {"secret": "a"}}, [("/previous_secret", "MissingField")]),
    ],
)
def test_a_way_of_proof_needs_a_secret(fields, wrong):
    assert found(MANUAL_KIND, {"kind": "manual"} | fields) == wrong


def test_a_manual_trigger_has_an_address_where_it_has_a_secret():
    config = {"kind": "manual", "secret": {"secret": "new"}, "previous_secret": {"secret": "old"}}
    assert MANUAL_KIND.watches(config) == (
        WatchIngress(vendor="generic", auth="token", secrets=("new", "old"), manual=True),
    )
    assert MANUAL_KIND.secret_names(config) == {"new", "old"}
    assert MANUAL_KIND.summary(config) == {"auth": "token"}
    assert MANUAL_KIND.watches({"kind": "manual"}) == ()
    assert MANUAL_KIND.secret_names({"kind": "manual"}) == frozenset()
    assert MANUAL_KIND.summary({"kind": "manual"}) == {"auth": "on the host only"}
    assert MANUAL_KIND.name == "manual"


SCAN = {"kind": "log_scan", "pattern": "pool exhausted"}


@pytest.mark.parametrize(
    ("signal", "fires", "why"),
    [
        (LINE, True, "log line: pool exhausted after 3 s"),
        (BY_HAND, True, "fired by hand by Ada"),
        (
            InboundEvent(type=LOG_MATCH, subject="all is well"),
            False,
            "pattern pool exhausted finds nothing in the line",
        ),
        (InboundEvent(type=LOG_MATCH), False, "pattern pool exhausted finds nothing in the line"),
        (TICKED, False, "it fires on lines of logs only"),
        (TAGS, False, "it fires on lines of logs only"),
    ],
)
def test_a_line_that_the_pattern_finds_something_in_fires(signal, fires, why):
    verdict = LOG_SCAN.judge(SCAN, signal, Pinned())
    assert (verdict.fired, verdict.why) == (fires, why)


def test_a_log_scan_is_checked_and_says_that_nobody_reads_logs_yet():
    assert found(LOG_SCAN, SCAN | {"pattern": "(", "cooldown": "999d"}) == [
        ("/pattern", "InvalidPattern"),
        ("/cooldown", "OutOfRange"),
        ("/kind", "NotActedOn"),
    ]
    (warning,) = LOG_SCAN.check(SCAN)
    assert warning.severity is Severity.WARNING


def test_a_log_scan_says_what_it_looks_for():
    config = SCAN | {"stream": "stderr"}
    assert LOG_SCAN.summary(config) == {"pattern": "pool exhausted", "stream": "stderr"}
    assert LOG_SCAN.watches(config) == ()
    assert LOG_SCAN.secret_names(config) == frozenset()
    assert LOG_SCAN.name == "log_scan"


def test_no_kind_but_webhook_gives_versions_of_images():
    signal = InboundEvent(type=IMAGE_PUSH, image="docker.io/library/nginx", image_tag="1")
    configs = ((GIT, {"kind": "git"}), (SCHEDULE, NIGHTLY), (MANUAL_KIND, {"kind": "manual"}), (LOG_SCAN, SCAN))
    assert [kind.judge(config, signal, Pinned()).fired for kind, config in configs] == [False] * 4
