"""Asks the vulnerability service about every installed distribution (pip-audit), and says how many it answered for.

A known vulnerability fails. A service that cannot be reached, or that knows none of the packages, as behind some
mirrors, does not: it is said in so many words, because nothing was audited.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PIP_AUDIT = str(Path(sys.executable).with_name("pip-audit"))
TIME_LIMIT = 180


def ask() -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PIP_AUDIT, "--local", "--skip-editable", "--progress-spinner=off", "--format=json", "--desc=off"],
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
        check=False,
    )


def report(dependencies: list[dict[str, object]]) -> int:
    """Print what the service said; 1 when it knows a vulnerability of something installed."""
    audited = [one for one in dependencies if "skip_reason" not in one]
    vulnerable = [one for one in audited if one["vulns"]]
    if not audited:
        print(f"NOT AUDITED: the vulnerability service answered for none of {len(dependencies)} packages")
        return 0
    print(f"audited {len(audited)} of {len(dependencies)} packages, {len(vulnerable)} vulnerable")
    for one in vulnerable:
        for vulnerability in one["vulns"]:  # type: ignore[attr-defined]
            fixed = ", ".join(vulnerability["fix_versions"]) or "no version yet"
            print(f"  {one['name']} {one['version']}: {vulnerability['id']}, fixed in {fixed}")
    return 1 if vulnerable else 0


def main() -> int:
    try:
        answer = ask()
        dependencies = json.loads(answer.stdout)["dependencies"]
    except subprocess.TimeoutExpired:
        print(f"NOT AUDITED: the vulnerability service did not answer within {TIME_LIMIT} s")
        return 0
    except (json.JSONDecodeError, KeyError):
        print(f"NOT AUDITED: {(answer.stderr.strip() or 'pip-audit printed nothing').splitlines()[-1]}")
        return 0
    return report(dependencies)


if __name__ == "__main__":
    sys.exit(main())
