"""A token bucket per sender, bounded in how many senders it remembers."""

from __future__ import annotations

import ipaddress
import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache

_NETWORK_BITS = 64


class Throttle:
    """Lets each sender do `burst` things at once and `rate` a second after that; safe from any thread."""

    def __init__(self, rate: float, burst: int, monotonic: Callable[[], float], *, senders: int = 1024) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._monotonic = monotonic
        self._senders = senders
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, sender: str) -> float:
        """0 when the sender may go on, which is counted; else the seconds until it may."""
        with self._lock:
            moment = self._monotonic()
            tokens, last = self._buckets.pop(sender, (self._burst, moment))
            tokens = min(self._burst, tokens + (moment - last) * self._rate)
            allowed = tokens >= 1
            self._buckets[sender] = (tokens - 1 if allowed else tokens, moment)
            while len(self._buckets) > self._senders:
                self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - tokens) / self._rate


def origin(address: str) -> str:
    """What one sender cannot choose at will: an IPv4 address, or the network of 64 bits of an IPv6 one."""
    return _network(address) if ":" in address else address


@lru_cache(maxsize=1024)
def _network(address: str) -> str:
    try:
        found = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((found, _NETWORK_BITS), strict=False))
