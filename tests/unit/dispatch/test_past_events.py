"""Which events are behind a workload, kept over restarts whatever the memory holds."""

from __future__ import annotations

import pytest

from agent.dispatch.past import KEY, Past


def past(memory: dict[str, str]) -> Past:
    return Past(memory.get, memory.__setitem__)


def test_what_is_older_than_the_newest_is_behind() -> None:
    one = past({})
    one.note("web", "02")
    one.note("web", "01")
    assert [one.is_behind("web", event) for event in ("01", "02", "03")] == [True, False, False]
    assert not one.is_behind("api", "01")


def test_what_was_overruled_is_behind_with_its_copies_and_the_next_is_not() -> None:
    one = past({})
    one.overrule("web", "02")
    assert [one.is_behind("web", event) for event in ("02", "02.web", "03")] == [True, True, False]


def test_it_is_kept_for_workloads_that_are_there() -> None:
    memory: dict[str, str] = {}
    one = past(memory)
    one.note("web", "02")
    one.note("gone", "02")
    one.save({"web"})
    assert past(memory).is_behind("web", "01")
    assert not past(memory).is_behind("gone", "01")


@pytest.mark.parametrize("text", ["{", "[]", '{"web": 5}'])
def test_a_memory_that_cannot_be_read_holds_nothing(text: str) -> None:
    assert not past({KEY: text}).is_behind("web", "01")
