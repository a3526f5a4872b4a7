"""Every delivery of every vendor is found to be its own and says what it says."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.deliveries import cases, delivery_of, expected_events, vendors

from agent.core.delivery import Malformed
from agent.core.webhooks.selection import AUTO, reader

EVERY = list(cases())
ACCEPTED = [(name, case) for name, case in EVERY if "error" not in case]
REFUSED = [(name, case) for name, case in EVERY if "error" in case]
FOUND = [(name, case) for name, case in EVERY if "named" not in case]


def named(pairs):
    return [f"{name}: {case['name']}" for name, case in pairs]


@pytest.mark.parametrize(("vendor_name", "case"), ACCEPTED, ids=named(ACCEPTED))
def test_a_delivery_says(vendor_name, case):
    parsed = vendors()[vendor_name].parse(delivery_of(case))
    assert parsed.events == expected_events(vendor_name, case)
    assert case.get("ignored", "") in parsed.ignored
    assert bool(parsed.ignored) is not bool(parsed.events)
    assert parsed.delivery_id == case.get("delivery_id")


@pytest.mark.parametrize(("vendor_name", "case"), REFUSED, ids=named(REFUSED))
def test_a_malformed_delivery_is_told_apart(vendor_name, case):
    with pytest.raises(Malformed) as error:
        vendors()[vendor_name].parse(delivery_of(case))
    assert case["error"] in str(error.value)


@pytest.mark.parametrize(("vendor_name", "case"), FOUND, ids=named(FOUND))
def test_the_vendor_is_found_without_being_named(vendor_name, case):
    assert reader(vendors(), delivery_of(case), AUTO).name == vendor_name


def test_every_vendor_of_the_design_is_there_and_has_deliveries():
    names = (
        "github gitea forgejo gogs gitlab bitbucket bitbucket-server azure-devops dockerhub harbor quay acr ecr gar "
        "distribution nexus jfrog generic"
    )
    assert sorted(vendors()) == sorted(names.split())
    assert {name for name, _ in EVERY} == set(vendors())


def test_a_get_of_gitea_has_its_payload_in_the_query():
    name, case = next((name, case) for name, case in EVERY if name == "gitea" and case.get("form"))
    form = delivery_of(case)
    headers = {key: value for key, value in form.headers.items() if key != "content-type"}
    asked = replace(form, method="GET", headers=headers, body=b"", query=form.body.decode())
    assert vendors()[name].parse(asked).events == expected_events(name, case)
