"""What bounds the page: a throttle per sender, a small cache of pages."""

from __future__ import annotations

from agent.web.pagecache import PageCache
from agent.web.throttle import Throttle


class Time:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_sender_may_burst_and_then_has_to_wait():
    time = Time()
    throttle = Throttle(2.0, 3, time)
    assert [throttle.wait("a") for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert throttle.wait("b") == 0.0
    time.now += 0.5
    assert throttle.wait("a") == 0.0
    assert throttle.wait("a") > 0


def test_waiting_does_not_save_up_more_than_the_burst():
    time = Time()
    throttle = Throttle(2.0, 2, time)
    throttle.wait("a")
    time.now += 1000
    assert [throttle.wait("a") > 0 for _ in range(3)] == [False, False, True]


def test_many_senders_take_bounded_memory_and_the_busiest_is_remembered():
    throttle = Throttle(0.001, 1, Time(), senders=10)
    for number in range(100):
        throttle.wait("busy")
        throttle.wait(str(number))
    assert throttle.wait("busy") > 0
    assert len(throttle._buckets) == 10


def test_a_page_is_rendered_once_and_the_oldest_goes_first():
    rendered = []

    def page(name):
        def render():
            rendered.append(name)
            return name.encode()

        return render

    cache = PageCache(size=2)
    for name in ("a", "b", "a", "c", "a", "b"):
        assert cache.get(name, page(name)) == name.encode()
    assert rendered == ["a", "b", "c", "b"]
