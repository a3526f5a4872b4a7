"""What is only written differently plans nothing: not for the agent that runs, and not for one that starts anew."""

from __future__ import annotations

import copy
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.documents import MemoryCache, Repo, reader
from support.reformatting import rewritten, tidy

from agent.core.model import DesiredState
from agent.core.plan import Plan
from agent.core.problems import Severity
from agent.core.simulation import compare
from agent.discovery import discover_kinds

KINDS = discover_kinds()

Document = dict[str, Any]

names = st.sampled_from(["NAME", "LEVEL", "EMPTY", "PATH_2", "URL", "ON"])
values = st.sampled_from(
    ["", "plain", "no", "22:22", "1.10", "it's", 'a "b"', "#x", "two words", "naïve", "{a}", "- b"]
)
environment = st.dictionaries(names, st.one_of(values, st.sampled_from([{"secret": "one"}, {"secret": "two"}])))
volumes = st.lists(
    st.sampled_from(
        [
            {"source": "data", "target": "/data", "scope": "project"},
            {"target": "/tmp", "scope": "ephemeral"},
            {"source": "shared", "target": "/shared", "scope": "named", "read_only": True},
        ]
    ),
    unique_by=lambda one: one["target"],
)
checks = st.sampled_from(
    [
        {"http": "/health", "interval": "10s", "retries": 3},
        {"tcp": True, "start_period": "90s"},
        {"command": ["test", "-e", "/ready"], "timeout": "10s"},
    ]
)
optional: dict[str, st.SearchStrategy[Any]] = {
    "command": st.sampled_from([["serve", "--port", "80"], "serve --port 80"]),
    "memory_limit": st.sampled_from(["64MiB", "1GiB"]),
    "cpu_limit": st.sampled_from([0.5, 2]),
    "replicas": st.integers(1, 3),
    "healthcheck": checks,
    "labels": st.dictionaries(st.sampled_from(["a.b", "c", "team"]), values),
    "networks": st.sampled_from([["front"], ["front", "back"]]),
    "extra_hosts": st.just(["db.local:10.0.0.1", "mq.local:10.0.0.2"]),
    "ulimits": st.just({"nofile": {"soft": 10, "hard": 20}, "nproc": 5}),
    "cap_drop": st.just(["ALL"]),
    "stop_timeout": st.just("10s"),
}
sources = st.fixed_dictionaries(
    {
        "kind": st.just("image"),
        "image": st.sampled_from(["shop/web", "nginx"]),
        "tag": st.just("1.10"),
        "port": st.just(80),
    },
    optional=optional,
)


@st.composite
def repositories(draw: st.DrawFn) -> list[Document]:
    """One to four workloads, of which one may depend on the one before it."""
    documents: list[Document] = []
    for name in ("db", "web", "mailer", "reports")[: draw(st.integers(1, 4))]:
        document: Document = {"kind": "Workload", "name": name, "source": draw(sources)}
        document |= {"env": draw(environment), "volumes": draw(volumes), "labels": {"team": "shop", "tier": "1"}}
        if documents and draw(st.booleans()):
            document["depends_on"] = [documents[-1]["name"]]
        documents.append(document)
    return documents


def read(files: dict[str, str], cache: MemoryCache | None = None) -> DesiredState:
    """What an agent reads that has just started, with the cache of the one before it."""
    repository = Repo(files)
    state = reader(cache, kinds=KINDS, has_secret=lambda _: True).read(repository.tree(), repository.read_blob)
    assert [one for one in state.problems if one.severity is Severity.ERROR] == [], files
    return state


def changed(plans: tuple[Plan, ...]) -> list[str]:
    return [plan.text for plan in plans if plan.steps]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents=repositories(), random=st.randoms(use_true_random=False))
def test_a_rewritten_repository_plans_nothing(documents: list[Document], random: Random) -> None:
    cache = MemoryCache()
    before = read(tidy(documents), cache)
    assert set(before.workloads) == {one["name"] for one in documents}
    files = rewritten(documents, random)
    for after in (read(files, cache), read(files, cache), read(files)):
        assert set(after.workloads) == set(before.workloads)
        assert changed(compare(before, after, KINDS)) == [], files


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents=repositories(), random=st.randoms(use_true_random=False))
def test_one_changed_value_among_all_that_is_rewritten_plans_that_workload_alone(
    documents: list[Document], random: Random
) -> None:
    before = read(tidy(documents))
    other = copy.deepcopy(documents)
    random.choice(other)["env"]["CHANGED"] = "yes"
    plans = compare(before, read(rewritten(other, random)), KINDS)
    expected = {one["name"] for one in other if "CHANGED" in one["env"]}
    assert {plan.workload for plan in plans if plan.steps} == expected
