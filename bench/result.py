"""One measured number beside what it is held against, and the table of all of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """`value` and `limit` in `unit`; `samples` are all that was measured, of which `value` is the median.

    `against` says what the limit is or what the ratio compares, and `note` how it was measured.
    """

    name: str
    value: float
    unit: str
    limit: float
    against: str
    samples: tuple[float, ...] = ()
    note: str = ""
    at_least: bool = False

    @property
    def passed(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "limit": self.limit,
            "at_least": self.at_least,
            "passed": self.passed,
            "against": self.against,
            "samples": list(self.samples),
            "note": self.note,
        }


def seconds_of(function: Callable[[], object]) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def median(samples: Iterable[float]) -> float:
    """The middle of the samples."""
    return statistics.median(samples)


def table(results: Sequence[Result]) -> str:
    """All results, one a line, in columns."""
    rows = [("what", "measured", "limit", "", "spread", "against")]
    for one in results:
        spread = f"{_text(min(one.samples))} to {_text(max(one.samples))}" if one.samples else ""
        limit = f"{'≥' if one.at_least else '≤'} {_text(one.limit)}"
        word = "ok" if one.passed else "MISSED"
        rows.append((one.name, f"{_text(one.value)} {one.unit}", limit, word, spread, one.against))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]) for row in rows
    )


def _text(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
