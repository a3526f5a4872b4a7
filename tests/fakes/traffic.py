"""What comes to the believable host from outside: triggers of every kind, deliveries of every outcome, and runs."""

from __future__ import annotations

from fakes.moments import stamp

from agent.core.deliveries import DeliveryRecord
from agent.core.detail import BindingDetail, TriggerDetail
from agent.core.runs import Run


def binding(trigger: str, kind: str, workload: str, **changes: object) -> BindingDetail:
    fields: dict[str, object] = {
        "trigger": trigger,
        "kind": kind,
        "workload": workload,
        "number": 1,
        "order": 10,
        "enabled": True,
        "action": "deploy",
    }
    return BindingDetail(**(fields | changes))


def _heard(fired: bool, why: str, ago: float, **changes: object) -> dict[str, object]:
    return {"fired": fired, "why": why, "at": stamp(ago), "event": f"01KB{int(ago):022d}"} | changes


def believable_triggers() -> tuple[TriggerDetail, ...]:
    """By name: a webhook that fans out, one that nobody called yet, a watcher in trouble, clocks, a hand, a log."""
    return (
        TriggerDetail(
            name="base-images",
            kind="registry",
            path="triggers/registry.yaml",
            line=9,
            description="New releases of what we did not build.",
            summary={"image": "docker.io/library/postgres", "interval": "5m", "policy": "semver >=16.4 <17"},
            bindings=(
                binding("base-images", "registry", "db", **_heard(False, "16.4 is pinned already", 7200)),
                binding(
                    "base-images",
                    "registry",
                    "reports",
                    number=2,
                    **_heard(False, "its document cannot be used", 7200),
                ),
            ),
            last_event="67 tags of docker.io/library/postgres",
            last_event_at=stamp(7200),
            outcome="fired 0 of 2",
            polled=stamp(250),
            trouble="docker.io answered 429 (too many requests) until 00:41:00 UTC; log in with a Registry document "
            "to be allowed more",
        ),
        TriggerDetail(
            name="by-hand",
            kind="manual",
            path="triggers/manual.yaml",
            line=1,
            summary={"auth": "token"},
            bindings=(binding("by-hand", "manual", "mailer", action="restart"),),
            auth="token",
        ),
        TriggerDetail(
            name="ci-push",
            kind="webhook",
            path="triggers/ci.yaml",
            line=3,
            description="Harbor tells us about every image that CI pushes.",
            summary={"vendor": "harbor", "auth": "token", "image": "registry.example.com/shop/*"},
            bindings=(
                binding(
                    "ci-push",
                    "webhook",
                    "worker",
                    overrides=(r"tag_pattern: ^1\.",),
                    **_heard(True, "image registry.example.com/shop/worker:1.9.0", 15),
                ),
                binding(
                    "ci-push",
                    "webhook",
                    "shop",
                    number=1,
                    order=20,
                    overrides=(r"tag_pattern: ^1\.4\.",),
                    **_heard(False, "image registry.example.com/shop/worker is not the workload's", 15),
                ),
                binding("ci-push", "webhook", "api", order=30, enabled=False, why="the binding is disabled"),
            ),
            last_event="image registry.example.com/shop/worker:1.9.0",
            last_event_id="01KB0000000000000000000015",
            last_event_at=stamp(15),
            outcome="fired 1 of 3",
            auth="token",
        ),
        TriggerDetail(
            name="mailer.1",
            kind="schedule",
            path="workloads/mailer.yaml",
            line=21,
            workload="mailer",
            summary={"cron": "0 4 * * *", "timezone": "Europe/Berlin", "jitter": "5m"},
            bindings=(
                binding(
                    "mailer.1",
                    "schedule",
                    "mailer",
                    action="run",
                    next_tick=stamp(-9000),
                    **_heard(True, "tick", 77_400),
                ),
            ),
            last_event="tick",
            last_event_at=stamp(77_400),
            outcome="fired 1 of 1",
            next_tick=stamp(-9000),
        ),
        TriggerDetail(
            name="shop.1",
            kind="git",
            path="workloads/shop.yaml",
            line=30,
            workload="shop",
            summary={"repo": "https://git.example.com/shop/shop.git", "branch": "main", "paths": "src/**, Dockerfile"},
            bindings=(
                binding(
                    "shop.1",
                    "git",
                    "shop",
                    number=2,
                    action="redeploy",
                    **_heard(False, "none of the 3 changed paths matches src/**, Dockerfile", 3000),
                ),
            ),
            last_event="push to main of shop/shop at 0d9c2b77aa41",
            last_event_at=stamp(3000),
            outcome="fired 0 of 1",
            polled=stamp(20),
        ),
        TriggerDetail(
            name="stuck-carts",
            kind="log_scan",
            path="triggers/logs.yaml",
            line=1,
            summary={"pattern": "deadlock detected", "severity": "error", "cooldown": "10m"},
        ),
    )


def believable_deliveries() -> list[DeliveryRecord]:
    """Oldest first."""
    rows: list[tuple[float, str, str, int, str, str | None, dict[str, object]]] = [
        (90_000, "ci-push", "accepted", 202, "", "harbor", {}),
        (7300, "ci-push", "accepted", 202, "", "harbor", {"sender": "192.0.2.4", "size": 8190}),
        (3000, "ci-push", "ignored", 200, "a scan ended: nothing was pushed", "harbor", {"size": 1904}),
        (900, "ci-push", "refused", 401, "the token is missing or wrong", None, {"sender": "198.51.100.77"}),
        (890, "no-such-hook", "refused", 404, "there is no trigger of that name", None, {"sender": "198.51.100.77"}),
        (600, "ci-push", "failed", 503, "the journal cannot be written: disk full", "harbor", {"seconds": 5.004}),
        (590, "alarm", "sent", 200, "", None, {"direction": "out", "sender": "hooks.example.com", "seconds": 0.31}),
        (15, "ci-push", "accepted", 202, "", "harbor", {"events": ("01KB0000000000000000000015",)}),
        (14, "ci-push", "duplicate", 200, "this delivery was seen before", "harbor", {}),
    ]
    return [
        DeliveryRecord(
            **(
                {
                    "id": f"d{number:05d}",
                    "time": stamp(ago),
                    "host": "edge-1",
                    "direction": "in",
                    "trigger": trigger,
                    "outcome": outcome,
                    "vendor": vendor,
                    "status": status,
                    "reason": reason,
                    "sender": "192.0.2.10",
                    "size": 2211,
                    "seconds": 0.0031,
                }
                | changes
            )
        )
        for number, (ago, trigger, outcome, status, reason, vendor, changes) in enumerate(rows)
    ]


def run(number: int, state: str, ago: float, **changes: object) -> Run:
    fields: dict[str, object] = {
        "id": f"01KC{number:022d}",
        "workload_id": "5c1e8f02",
        "workload": "mailer",
        "trigger": "mailer.1",
        "event": f"01KB{number:022d}",
        "state": state,
        "requested": stamp(ago + 1),
        "started": stamp(ago),
    }
    return Run(**(fields | changes))


def believable_runs() -> tuple[Run, ...]:
    """Newest first, in every state."""
    return (
        run(9, "waiting", 5, started=None, message="one is running, and overlap is not allowed"),
        run(8, "running", 62),
        run(
            7,
            "failed",
            77_400,
            finished=stamp(77_391),
            exit_code=2,
            message="ended with exit code 2",
            lines=("sending 1,204 mails", "ERROR smtp.example.com: 451 try again later", "sent 311 of 1,204"),
        ),
        run(6, "succeeded", 163_800, finished=stamp(163_512), exit_code=0, lines=("sent 1,180 of 1,180",)),
        run(5, "timed_out", 250_200, finished=stamp(246_600), message="stopped after its time limit of 1h"),
        run(4, "skipped", 250_100, started=None, message="one was running, and overlap is not allowed"),
        run(3, "lost", 336_600, message="the container was gone when the agent came back"),
    )
