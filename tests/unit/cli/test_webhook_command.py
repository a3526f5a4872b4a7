"""`pierhead webhook parse`: one result a line, whatever the line."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from base64 import b64encode

import pytest

from agent.cli.main import main

PUSH = {"ref": "refs/heads/main", "after": "a1" * 20, "repository": {"full_name": "acme/shop"}}
HEADERS = {"X-GitHub-Event": "push", "Content-Type": "application/json"}
HUB = {"push_data": {"tag": "1.4.3"}, "repository": {"repo_name": "acme/web"}}
FIELDS = (
    *("type", "vendor", "repo", "clone_url", "ref", "branch", "tag", "commit", "changed_paths"),
    *("image", "image_tag", "digest"),
)


@pytest.fixture
def parse(tmp_path, capsys):
    def parse(*lines, arguments=()):
        file = tmp_path / "requests.jsonl"
        file.write_bytes(b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines))
        assert main(["webhook", "parse", "--requests", str(file), *arguments]) == 0
        printed = capsys.readouterr()
        parse.told = printed.err
        return [json.loads(line) for line in printed.out.splitlines()]

    return parse


def outcomes(results):
    return [(result["outcome"], result["vendor"]) for result in results]


def test_a_delivery_is_printed_in_the_normalised_form(parse):
    (result,) = parse({"method": "POST", "headers": HEADERS, "body": PUSH})
    assert list(result) == ["outcome", "vendor", "events", "error"]
    assert (result["outcome"], result["vendor"], result["error"]) == ("event", "github", None)
    (event,) = result["events"]
    assert tuple(event) == FIELDS
    assert (event["type"], event["repo"], event["branch"]) == ("git_push", "acme/shop", "main")


def test_a_body_is_an_object_a_text_or_base64(parse):
    text = json.dumps(PUSH)
    results = parse(
        {"headers": HEADERS, "body": PUSH},
        {"headers": HEADERS, "body": text},
        {"headers": HEADERS, "body_b64": b64encode(text.encode()).decode(), "body": "not this"},
        {"headers": {"x-GITHUB-event": ["push", "ping"]}, "body": text},
        {"headers": None, "body": [{"eventType": "Microsoft.ContainerRegistry.ImageDeleted"}]},
        {
            "method": "GET",
            "headers": {"X-Gitea-Event": "push"},
            "query": "payload=%7B%22ref%22%3A%22refs/heads/a%22%7D",
        },
    )
    assert outcomes(results) == [("event", "github")] * 4 + [("ignored", "acr"), ("event", "gitea")]


def test_an_empty_body_is_fired_by_hand_and_of_no_vendor(parse):
    results = parse({"headers": HEADERS}, {"headers": {}, "body": ""}, {"body_b64": "", "vendor": "quay"})
    assert outcomes(results) == [("event", None)] * 3
    assert [event["type"] for result in results for event in result["events"]] == ["manual"] * 3


def test_why_a_delivery_is_ignored_is_told_beside(parse):
    (result,) = parse({"headers": {"X-GitHub-Event": "issues"}, "body": {}})
    assert result == {"outcome": "ignored", "vendor": "github", "events": [], "error": None}
    assert "line 1: ignored: the event `issues` announces no new version" in parse.told


def test_a_bad_line_does_not_stop_the_next(parse):
    results = parse(
        b"oops",
        b"\xff",
        b"",
        b"[" * 100_000,
        b'{"body": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        [1],
        {"headers": [], "body": "x"},
        {"headers": {}, "body_b64": "%%%"},
        {"headers": {}, "body_b64": 7},
        {"headers": {}, "body": "x", "vendor": "nobody"},
        {"headers": HEADERS, "body": "{"},
        {"headers": {"x": "\ud800"}, "body": "\ud800"},
        {"headers": HEADERS, "body": PUSH},
    )
    assert outcomes(results) == [("error", None)] * 9 + [("error", "github"), ("error", "generic"), ("event", "github")]
    for number, result in zip([1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12], results, strict=False):
        assert result["error"].startswith(f"line {number}: ")
        assert "expected" in result["error"]
        assert "found" in result["error"]


def test_a_vendor_can_be_named_for_all_lines_or_for_one(parse):
    results = parse(
        {"headers": HEADERS, "body": HUB},
        {"headers": HEADERS, "body": PUSH, "vendor": "github"},
        {"headers": HEADERS, "body": PUSH, "vendor": "auto"},
        arguments=("--vendor", "dockerhub"),
    )
    assert outcomes(results) == [("event", "dockerhub"), ("event", "github"), ("event", "github")]


def test_standard_input_is_read(monkeypatch, capsys):
    line = json.dumps({"headers": HEADERS, "body": PUSH}).encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(line)))
    assert main(["webhook", "parse", "--requests", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["vendor"] == "github"


def test_a_file_that_is_missing_and_a_vendor_that_is_not_known_are_told(tmp_path, capsys):
    assert main(["webhook", "parse", "--requests", str(tmp_path / "none")]) == 1
    assert "expected a file of deliveries" in capsys.readouterr().err
    assert main(["webhook", "parse", "--requests", str(tmp_path), "--vendor", "git"]) == 1
    assert "expected a vendor, found `git`" in capsys.readouterr().err


def test_neither_an_engine_nor_git_nor_a_server_is_loaded():
    code = "import sys, agent.cli.webhook as w; w.discover_vendors(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"docker", "pygit2", "starlette", "httpx"} & set(loaded)
