"""The one door to secrets: asks the providers in order, remembers what it handed out, and takes it out of any text.

A value is read again only when its provider says that it may have changed. No value enters a message, a repr or an
exception of this package; digests are keyed, so that they can be shown without helping to guess.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from agent.core.reasons import Reason
from agent.errors import Stalled, Transient
from agent.secrets import redaction
from agent.secrets.provider import NAME, Provider

Stamps = tuple[Hashable | None, ...]


@dataclass(frozen=True, slots=True)
class _Known:
    """A value as it was read. The fields do not show in a repr."""

    stamps: Stamps = field(repr=False)
    value: str = field(repr=False)
    digest: str = field(repr=False)


class SecretStore:
    """`agent.ports.Secrets` over a list of providers. `key` is the host's fingerprint key."""

    def __init__(self, providers: Sequence[Provider], key: bytes) -> None:
        self._providers = tuple(providers)
        self._key = key
        self._lock = threading.RLock()
        self._known: dict[str, _Known] = {}
        self._reported: dict[str, str | None] = {}
        self._forms: tuple[str, ...] = ()
        self._handed_out: set[str] = set()

    def __repr__(self) -> str:
        return f"SecretStore({self._places()})"

    def value(self, name: str) -> str:
        """The value of the first provider that has it; raises Stalled(SecretMissing) or Transient."""
        return self._look_up(name).value

    def digest(self, name: str) -> str | None:
        """HMAC-SHA256 of the value, in hex; None when there is no such secret or it cannot be used."""
        try:
            return self._look_up(name).digest
        except Stalled:
            return None

    def redact(self, text: str) -> str:
        return redaction.redact(text, self._forms)

    def changed(self) -> frozenset[str]:
        """Names that were asked for and whose value came, went or changed since the last call; empty is false."""
        with self._lock:
            return frozenset(name for name in tuple(self._reported) if self._moved(name))

    def _moved(self, name: str) -> bool:
        before = self._reported[name]
        try:
            self._reported[name] = self.digest(name)
        except Transient:
            return False
        return self._reported[name] != before

    def _look_up(self, name: str) -> _Known:
        with self._lock:
            try:
                known = self._current(name)
            except Stalled:
                self._known.pop(name, None)
                self._reported.setdefault(name, None)
                raise
            self._reported.setdefault(name, known.digest)
            return known

    def _current(self, name: str) -> _Known:
        """What is known while the stamps are the same, else what the first provider that has it says now.

        Providers behind that one are not asked: the password of the config repository must not need the repository.
        """
        _check_name(name)
        known, stamps = self._known.get(name), []
        for provider in self._providers:
            stamps.append(provider.stamp(name))
            if stamps[-1] is None:
                continue
            if known is not None and known.stamps == tuple(stamps):
                return known
            content = provider.read(name)
            if content is not None:
                return self._keep(name, tuple(stamps), _text(content, name, provider))
        raise Stalled(
            Reason.SECRET_MISSING,
            f"secret {name}: expected it in {self._places()}, found it in none of them",
            advice="add it there, or correct the name in the document",
        )

    def _keep(self, name: str, stamps: Stamps, value: str) -> _Known:
        digest = hmac.new(self._key, value.encode(), hashlib.sha256).hexdigest()
        known = self._known[name] = _Known(stamps, value, digest)
        if digest not in self._handed_out:
            self._handed_out.add(digest)
            forms = redaction.forms(value).union(self._forms)
            self._forms = tuple(sorted(forms, key=len, reverse=True))
        return known

    def _places(self) -> str:
        return ", ".join(provider.description for provider in self._providers) or "no provider at all"


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise Stalled(
            Reason.SECRET_MISSING,
            f"secret {name!r}: expected letters, digits, `.`, `_` and `-`, beginning with neither `.` nor `-`",
            advice="rename the secret",
        )


def _text(content: bytes, name: str, provider: Provider) -> str:
    # Raised outside of `except`, as the codec's own error carries the bytes.
    try:
        return content.decode()
    except UnicodeDecodeError:
        pass
    raise Stalled(
        Reason.SECRET_MISSING,
        f"secret {name} in {provider.description}: expected UTF-8 text, found other bytes",
        advice="store binary data as base64",
    )
