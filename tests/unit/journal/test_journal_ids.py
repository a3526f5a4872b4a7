"""Event ids sort by time and never go back."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.journal_parts import MovedClock

from agent.journal.ids import EventIds, decode, encode


def test_ids_of_one_millisecond_are_in_order_and_differ() -> None:
    ids = EventIds(MovedClock())
    made = [ids.next() for _ in range(100)]
    assert made == sorted(set(made))
    assert {len(one) for one in made} == {26}


def test_a_later_time_sorts_after_an_earlier_one() -> None:
    clock = MovedClock()
    ids = EventIds(clock)
    earlier = ids.next()
    clock.time += 0.001
    assert ids.next() > earlier


def test_a_clock_that_goes_back_does_not_take_ids_back() -> None:
    clock = MovedClock()
    ids = EventIds(clock)
    before = ids.next()
    clock.time -= 3600
    assert ids.next() > before


def test_after_a_restart_with_a_clock_that_went_back_ids_go_on_from_the_last_one() -> None:
    clock = MovedClock()
    last = EventIds(clock).next()
    clock.time -= 3600
    assert EventIds(clock, last).next() > last


def test_an_id_that_is_not_ours_is_ignored() -> None:
    clock = MovedClock()
    fresh = EventIds(clock).next()
    for strange in ("", "evt-1", "!" * 26):
        assert EventIds(clock, strange).next()[:16] == fresh[:16]


def test_two_writers_of_one_moment_never_make_the_same_id() -> None:
    clock = MovedClock()
    assert EventIds(clock).next() != EventIds(clock).next()


def test_a_full_counter_moves_on_to_the_next_millisecond() -> None:
    clock = MovedClock()
    full = encode(int(clock.time * 1000), 10) + encode(32**6 - 1, 6) + "0" * 10
    following = EventIds(clock, full).next()
    assert following > full
    assert decode(following[:10]) == decode(full[:10]) + 1


def test_threads_never_get_the_same_id() -> None:
    ids = EventIds(MovedClock())
    made: list[str] = []
    threads = [threading.Thread(target=lambda: made.extend(ids.next() for _ in range(500))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 2000


@given(st.integers(0, 32**10 - 1), st.integers(0, 32**10 - 1))
def test_encoded_numbers_sort_like_numbers_and_come_back(left: int, right: int) -> None:
    assert (encode(left, 10) < encode(right, 10)) == (left < right)
    assert decode(encode(left, 10)) == left


def test_decoding_refuses_letters_that_are_none_of_ours() -> None:
    with pytest.raises(ValueError, match="substring"):
        decode("U")
