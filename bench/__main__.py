"""`python -m bench [NAME...]`: measure, print a table, write JSON to bench/results/."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

import docker

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))  # the images, repositories and agents of the tests serve here too

from bench import deploying, documents, events, passes, updates, webhooks  # noqa: E402
from bench.result import Result, table  # noqa: E402

BENCHMARKS = {
    "documents": documents.run,
    "events": events.run,
    "deploying": deploying.run,
    "passes": passes.run,
    "webhooks": webhooks.run,
    "updates": updates.run,
}


def main() -> int:
    """Run the chosen benchmarks; exit 1 with --strict when a limit is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("name", nargs="*", choices=[*BENCHMARKS, []], help=f"which: {', '.join(BENCHMARKS)}")
    parser.add_argument("--quick", action="store_true", help="fewer containers and rounds: to see that it works")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a limit is missed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write (default: bench/results/<time>.json)")
    arguments = parser.parse_args()
    results: list[Result] = []
    load_before = os.getloadavg()
    for name in arguments.name or BENCHMARKS:
        print(f"measuring {name}", file=sys.stderr, flush=True)
        results += BENCHMARKS[name](quick=arguments.quick)
    print(table(results))
    began = datetime.now(tz=UTC).isoformat(timespec="seconds")
    path = arguments.json or ROOT / "bench" / "results" / f"{began.replace(':', '')}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    report = {
        "time": began,
        "quick": arguments.quick,
        "machine": {
            "processors": os.cpu_count(),
            "load_before": load_before,
            "load_after": os.getloadavg(),
            "engine": docker.from_env().version()["Version"],
            "python": platform.python_version(),
            "system": platform.platform(),
        },
        "results": [result.as_dict() for result in results],
    }
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(f"written to {path}", file=sys.stderr)
    return 1 if arguments.strict and not all(result.passed for result in results) else 0


if __name__ == "__main__":
    raise SystemExit(main())
