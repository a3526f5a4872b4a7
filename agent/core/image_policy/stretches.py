"""Stretches of versions, and what one comparison such as `>=1.4` or `^1.2` lets in.

A stretch is half open. The key of a bound need not be a version's: before all prereleases of 2.0.0 lies a key that no
version has, and it ends `<2`, so that `2.0.0-rc.1` is outside.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from agent.core.image_policy.semantic import BEFORE, RELEASE, Identifiers, Precedence, precedence

LEAST: Precedence = (0, 0, 0, BEFORE, ())


class Stretch(NamedTuple):
    """All versions from `low` on and before `high`; None is without end."""

    low: Precedence
    high: Precedence | None

    def holds(self, key: Precedence) -> bool:
        return self.low <= key and (self.high is None or key < self.high)


class Operand(NamedTuple):
    """A version behind an operator: the numbers before the first wildcard, and its prerelease."""

    numbers: tuple[int, ...]
    identifiers: Identifiers

    @property
    def whole(self) -> bool:
        return len(self.numbers) == 3

    @property
    def least(self) -> Precedence:
        """The first version that is meant: of `1.2` the first prerelease of 1.2.0, of `1.2.3` itself."""
        return self.floor if self.whole or self.identifiers else _before(self.numbers)

    @property
    def floor(self) -> Precedence:
        """The first version that is meant by `>=`, which takes the release of what is not whole."""
        return precedence(self.numbers, self.identifiers) if self.numbers or self.identifiers else LEAST

    @property
    def end(self) -> Precedence | None:
        """The first version beyond all that is meant."""
        return _next(self.least) if self.whole else self.after(len(self.numbers))

    def after(self, count: int) -> Precedence | None:
        """The first version beyond all that begin with the first `count` numbers; None where there are none."""
        return _before((*self.numbers[: count - 1], self.numbers[count - 1] + 1)) if count else None


def stretch(operator: str, operand: Operand) -> Stretch | None:
    """What one comparison lets in, of `!=` what it keeps out; None where it makes no sense, as in `>*`."""
    if not operand.numbers and operator in {"!=", "<", ">"}:
        return None
    return _STRETCHES[operator](operand)


def _above(operand: Operand) -> Stretch:
    end = operand.end or LEAST
    return Stretch(end if operand.whole else (*end[:3], RELEASE, ()), None)


def _below(operand: Operand) -> Stretch:
    return Stretch(LEAST, operand.least if operand.identifiers else _before(operand.numbers))


def _caret(operand: Operand) -> Stretch:
    """Holds all numbers fast up to the first that is not zero."""
    held = next((index for index, number in enumerate(operand.numbers, 1) if number), len(operand.numbers))
    return Stretch(operand.least, operand.after(held))


_STRETCHES: dict[str, Callable[[Operand], Stretch]] = {
    "=": lambda operand: Stretch(operand.least, operand.end),
    "!=": lambda operand: Stretch(operand.least, operand.end),
    ">": _above,
    ">=": lambda operand: Stretch(operand.floor, None),
    "<": _below,
    "<=": lambda operand: Stretch(LEAST, operand.end),
    "~": lambda operand: Stretch(operand.least, operand.after(min(2, len(operand.numbers)))),
    "^": _caret,
}


def _before(numbers: tuple[int, ...]) -> Precedence:
    """What comes before every prerelease of a version."""
    major, minor, patch = (*numbers, 0, 0, 0)[:3]
    return (major, minor, patch, BEFORE, ())


def _next(key: Precedence) -> Precedence:
    """The least key behind one: nothing lies between a release and the first prerelease of the next patch."""
    major, minor, patch, stage, identifiers = key
    if stage == RELEASE:
        return (major, minor, patch + 1, BEFORE, ())
    return (major, minor, patch, BEFORE, (*identifiers, (0, 0, "")))
