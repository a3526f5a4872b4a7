"""Whatever the schemas let through, no kind raises anything; whatever its own checks let through, it judges."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from support.documents import ALL_SCHEMAS, RULES

from agent.core.inbound import TYPES, InboundEvent
from agent.core.model import Trigger
from agent.core.pins import Pinned
from agent.core.problems import Position, Severity
from agent.core.triggers import TagList, Verdict
from agent.schema_files import schemas

KINDS = RULES.kinds
SECRET = st.builds(dict, secret=st.from_regex(r"[a-z][a-z._-]{0,5}", fullmatch=True))
WORDS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["main", "a/b", "**", "!a", "[a-", "[z-a]", "(", r"^v(\d+)$", "$ts", "*/5 * * * *", "0 0 30 2 *"]),
    st.sampled_from(
        ["Europe/Berlin", "UTC", "../x", "docker.io/a/b", "a:1", "A B", "\ud800", "auto", "github", "quay"]
    ),
)
DURATION = st.one_of(st.from_regex(r"[0-9]{1,3}(ms|s|m|h|d)", fullmatch=True), st.just("9" * 400 + "d"))
POLICY = st.one_of(st.sampled_from(["numerical", "alphabetical", "newest", "digest"]), st.builds(dict, semver=WORDS))


BY_REFERENCE = {"#/$defs/secret": SECRET, "#/$defs/duration": DURATION}
BY_TYPE = {"boolean": st.booleans(), "array": st.lists(WORDS, min_size=1, max_size=3)}


def values_of(name: str, schema: dict) -> st.SearchStrategy:
    """What people could write into a field, right or wrong."""
    if name == "policy":
        return POLICY
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    plain = BY_TYPE.get(schema.get("type"), st.just("a/b") | WORDS)
    return BY_REFERENCE.get(schema.get("$ref"), plain)


def configurations() -> st.SearchStrategy[dict]:
    def of_kind(kind: str) -> st.SearchStrategy[dict]:
        schema = schemas()[f"trigger/{kind}"]
        fields = {name: values_of(name, one) for name, one in schema["properties"].items() if name != "kind"}
        required = {name: fields.pop(name) for name in schema["required"] if name != "kind"}
        return st.fixed_dictionaries({"kind": st.just(kind)} | required, optional=fields)

    return st.sampled_from(sorted(KINDS)).flatmap(of_kind)


SHORT = st.none() | WORDS
EVENTS = st.builds(
    InboundEvent,
    type=st.sampled_from(TYPES),
    vendor=SHORT,
    repo=SHORT,
    ref=SHORT,
    branch=SHORT,
    tag=SHORT,
    commit=SHORT,
    changed_paths=st.none() | st.lists(WORDS, max_size=3).map(tuple),
    image=SHORT,
    image_tag=SHORT,
    digest=SHORT,
    subject=SHORT,
)
TAGS = st.builds(
    TagList,
    image=st.just("docker.io/a/b") | WORDS,
    tags=st.lists(st.from_regex(r"[0-9a-z.-]{1,8}", fullmatch=True), max_size=4).map(tuple),
    now=st.floats(0, 2e9),
)
PINS = st.builds(Pinned, image=st.none() | st.just("docker.io/a/b") | WORDS, tag=SHORT, digest=SHORT)


@given(configurations().filter(lambda config: not list(ALL_SCHEMAS.trigger_findings(config))), EVENTS | TAGS, PINS)
@settings(max_examples=500, deadline=None)
def test_nothing_that_the_schemas_let_through_makes_a_kind_raise(config, signal, pinned):
    kind = KINDS[config["kind"]]
    findings = list(RULES.findings(config))
    assert all(one.pointer.split("/")[1] in config and one.expected and one.found and one.fix for one in findings)
    assert all(isinstance(word, str) for word in kind.summary(config).values())
    names = kind.secret_names(config)
    assert names == {value["secret"] for value in config.values() if isinstance(value, dict) and "secret" in value}
    assert isinstance(kind.watches(config), tuple)
    if not any(one.severity is Severity.ERROR for one in findings):
        verdict = kind.judge(config, signal, pinned)
        assert isinstance(verdict, Verdict)
        assert verdict.why
        assert not (verdict.fired and verdict.needs)


@given(configurations().filter(lambda config: not list(ALL_SCHEMAS.trigger_findings(config))), configurations())
@settings(max_examples=200, deadline=None)
def test_no_overrides_make_anything_raise(config, overrides):
    trigger = Trigger(name="a", kind=config["kind"], config=config, position=Position("a"))
    for given_fields in (overrides, {**overrides, "kind": config["kind"]}, {"policy": 1}, {"secret": "text"}):
        for finding in RULES.merged_findings(trigger, given_fields):
            assert finding.pointer == "" or finding.pointer.split("/")[1] in given_fields
