"""Deliveries recorded elsewhere, where they lie beside the checkout: what they say offline, and to an agent that runs.

A file's `expect` is the normalised event; a field that it calls `soft` may say something else, one in `also_ok` may
have one of those values, `accept_outcome` lists other outcomes that will do, `expect_all` all events of the delivery.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from support.agent_process import AgentProcess, ConfigRepository, wait_for
from support.trigger_parts import give_secrets, trigger
from support.webhooks import PROOFS, Sender

FOLDER = Path(__file__).parents[3] / "shared" / "webhooks" / "samples"
SAMPLES = sorted(FOLDER.glob("*.json"))
SECRET = "a-secret-that-fits-into-an-address"
ANSWERS = {"event": (202, "accepted"), "ignored": (200, "ignored")}

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(not SAMPLES, reason=f"no recorded deliveries beside the checkout, in {FOLDER.name}"),
    pytest.mark.timeout(120),
]
each_sample = pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)

Sample = dict[str, Any]


@cache
def read(path: Path) -> Sample:
    return dict(json.loads(path.read_text(encoding="utf-8")))


def body_of(sample: Sample) -> bytes:
    if "body_b64" in sample:
        return base64.b64decode(sample["body_b64"])
    body = sample.get("body", "")
    return (body if isinstance(body, str) else json.dumps(body)).encode()


def outcomes(sample: Sample) -> set[str]:
    return {sample["expect"]["outcome"], *sample.get("accept_outcome", ())}


# Offline


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, bool], Sample]:
    """What one process says of all samples, by the stem of the file and whether the vendor was named."""
    keys = [(path, named) for path in SAMPLES for named in (False, True)]
    lines = tmp_path_factory.mktemp("samples") / "requests.jsonl"
    lines.write_text("".join(f"{json.dumps(line(read(path), named=named))}\n" for path, named in keys))
    command = [sys.executable, "-m", "agent", "webhook", "parse", "--requests", str(lines)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    results = [json.loads(one) for one in done.stdout.splitlines()]
    return {(path.stem, named): one for (path, named), one in zip(keys, results, strict=True)}


def line(sample: Sample, *, named: bool) -> Sample:
    recorded = {name: sample[name] for name in ("method", "headers", "body", "body_b64") if name in sample}
    return recorded | ({"vendor": sample["vendor"]} if named else {})


@each_sample
@pytest.mark.parametrize("named", [False, True], ids=["found-out", "named"])
def test_a_recorded_delivery_says_offline_what_its_file_expects(
    path: Path, named: bool, parsed: dict[tuple[str, bool], Sample]
) -> None:
    sample, found = read(path), parsed[path.stem, named]
    assert found["error"] is None
    assert found["outcome"] in outcomes(sample)
    assert found["vendor"] in {sample["vendor"], *sample.get("also_ok", {}).get("vendor", ())}
    if found["outcome"] == sample["expect"]["outcome"] == "event":
        wanted = [one for one in sample.get("expect_all", [sample["expect"]]) if one["outcome"] == "event"]
        assert len(found["events"]) == len(wanted)
        for event, expected in zip(found["events"], wanted, strict=True):
            assert list(differences(sample, event, expected)) == []


def differences(sample: Sample, event: Sample, expected: Sample) -> Iterator[str]:
    for name in (name for name in event if name not in sample.get("soft", ())):
        good = [expected[name], *sample.get("also_ok", {}).get(name, ())]
        if event[name] not in good:
            yield f"{name}: expected {good}, found {event[name]}"


# Over HTTP


@pytest.fixture(scope="module")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    """An agent with two triggers for each vendor, of which one names it, and no workload."""
    base = tmp_path_factory.mktemp("listening")
    repository = ConfigRepository.create(base / "config")
    documents = {}
    for vendor, (auth, _) in PROOFS.items():
        for name, found in ((f"named-{vendor}", vendor), (f"auto-{vendor}", "auto")):
            text = trigger(name, kind="webhook", vendor=found, auth=auth, secret={"secret": "hook"})
            documents[f"triggers/{name}.yaml"] = text
    repository.commit(documents)
    agent = AgentProcess(base=base / "agent", repo_url=str(repository.folder))
    give_secrets(agent, hook=SECRET)
    agent.start()
    wait_for("all triggers", lambda: len((agent.get("/api/v1/triggers") or {}).get("triggers", ())) == 2 * len(PROOFS))
    yield agent
    agent.kill()


def send(agent: AgentProcess, trigger_name: str, sample: Sample, secret: str | None) -> tuple[int, str]:
    """Send a sample as its vendor does when it knows this secret, or none; the status, and the outcome or the error.

    Each vendor has an address of its own, as those who are refused often are soon told to wait.
    """
    auth, proof = PROOFS[sample["vendor"]]
    body, path = body_of(sample), f"/webhook/{trigger_name}"
    if auth == "path" and secret:
        path += f"/{secret}"
    sender = Sender(agent.port, sorted(PROOFS).index(sample["vendor"]))
    status, answer = sender.post(path, body, sample["headers"] | (proof(body, secret) if secret else {}))
    sender.close()
    return status, answer.get("outcome") or answer["error"]["reason"]


@each_sample
@pytest.mark.parametrize("prefix", ["auto", "named"])
def test_a_recorded_delivery_is_taken_once_from_who_knows_the_secret_and_from_nobody_else(
    path: Path, prefix: str, listening: AgentProcess
) -> None:
    sample = read(path)
    trigger_name = f"{prefix}-{sample['vendor']}"
    refusal = (404, "NotFound") if PROOFS[sample["vendor"]][0] == "path" else (401, "Unauthorized")
    for wrong in (None, "another-secret"):
        assert send(listening, trigger_name, sample, wrong) == refusal
    status, outcome = send(listening, trigger_name, sample, SECRET)
    assert (status, outcome) in {ANSWERS[one] for one in outcomes(sample)}
    again = send(listening, trigger_name, sample, SECRET)
    assert again == ((200, "duplicate") if status == 202 else (200, "ignored"))
    assert SECRET not in listening.tail() + json.dumps(listening.get("/api/v1/deliveries?limit=200"))
