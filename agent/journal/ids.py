"""Event ids: they sort by time, are unique per host and never go back, even when the clock does.

An id is 26 characters of Crockford's base 32: ten of milliseconds since 1970, six of a counter, ten of the writer.
The idea is the ULID's; the counter takes the place of most of the randomness, so that ids of one millisecond are in
order too, and the writer keeps two processes with one data folder apart.
"""

from __future__ import annotations

import secrets
import threading

from agent.ports import Clock

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TIME_LENGTH = 10
_COUNTER_LENGTH = 6
_WRITER_LENGTH = 10
_COUNTER_LIMIT = 32**_COUNTER_LENGTH
_PAIRS = tuple(high + low for high in ALPHABET for low in ALPHABET)


def encode(number: int, length: int) -> str:
    """A number as `length` characters, an even number of them, that sort like the number does."""
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(5 * length - 10, -1, -10)])


def decode(text: str) -> int:
    """The number that `encode` was given; raises ValueError for any other text."""
    number = 0
    for character in text:
        number = number * 32 + ALPHABET.index(character)
    return number


class EventIds:
    """Hands out ids, each greater than the one before it. Safe from any thread.

    `last` is the newest id handed out by an earlier process, so that order also survives a restart with a clock that
    went back meanwhile.
    """

    def __init__(self, clock: Clock, last: str | None = None) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._writer = encode(secrets.randbits(5 * _WRITER_LENGTH), _WRITER_LENGTH)
        self._milliseconds, self._counter = _resume(last)
        self._time = encode(self._milliseconds, _TIME_LENGTH)

    def next(self) -> str:
        with self._lock:
            now = int(self._clock.now() * 1000)
            if now > self._milliseconds:
                self._begin(now)
            elif self._counter + 1 == _COUNTER_LIMIT:
                self._begin(self._milliseconds + 1)
            else:
                self._counter += 1
            return self._time + encode(self._counter, _COUNTER_LENGTH) + self._writer

    def _begin(self, milliseconds: int) -> None:
        self._milliseconds, self._counter = milliseconds, 0
        self._time = encode(milliseconds, _TIME_LENGTH)


def _resume(last: str | None) -> tuple[int, int]:
    """Milliseconds and counter of an earlier id; nothing of one that is not ours."""
    if last is None or len(last) != _TIME_LENGTH + _COUNTER_LENGTH + _WRITER_LENGTH:
        return 0, 0
    try:
        return decode(last[:_TIME_LENGTH]), decode(last[_TIME_LENGTH : _TIME_LENGTH + _COUNTER_LENGTH])
    except ValueError:
        return 0, 0
