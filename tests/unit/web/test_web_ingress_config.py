"""POST /webhook/config: who knows the secret makes the agent fetch; anybody else learns nothing and costs little."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging

import pytest
from support.asgi import Client

from agent.core.reasons import Reason
from agent.errors import Stalled
from agent.web import ingress_request
from agent.web.app import create_ingress_app
from agent.web.options import WebOptions

SECRET = "It's a Secret to Everybody"
PATH = "/webhook/config"
BEARER = {"authorization": f"Bearer {SECRET}"}


def signature(body: bytes) -> dict[str, str]:
    return {"x-github-event": "push", "x-hub-signature-256": f"sha256={sign(body)}"}


def sign(body: bytes) -> str:
    return hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff\x00 not json", b'{"a":' * 150])
def test_any_body_of_who_knows_the_secret_makes_the_agent_fetch(client, ingress, body):
    answer = client.post(PATH, content=body, headers=signature(body))
    assert (answer.status_code, answer.json()) == (202, {"outcome": "accepted", "events": []})
    assert ingress.moved == 1


@pytest.mark.parametrize(
    "headers", [{}, {"x-hub-signature-256": "sha256=é".encode().decode("latin-1")}, {"authorization": "Bearer wrong"}]
)
def test_who_does_not_know_it_is_refused(client, ingress, headers):
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    answer = client.post(PATH, content=b"{}", headers=encoded)
    assert answer.status_code == 401
    assert ingress.moved == 0


BODY = b'{"ref": "refs/heads/main"}'
GITHUB = signature(BODY)
GITEA = {"x-gitea-event": "push", "x-gitea-signature": sign(BODY), "x-gogs-signature": sign(BODY), **GITHUB}
WRONG = "0" * 64
BELIEVED = {
    "github in upper case": GITHUB | {"x-hub-signature-256": f"sha256={sign(BODY).upper()}"},
    "gogs": {"x-gogs-event": "push", "x-gogs-signature": sign(BODY)},
    "gitea with all it sends": GITEA,
    "forgejo with all it sends": GITEA | {"x-forgejo-event": "push", "x-forgejo-signature": sign(BODY)},
    "gitlab": {"x-gitlab-event": "Push Hook", "x-gitlab-token": SECRET},
    "bitbucket": {"x-event-key": "repo:push", "x-hook-uuid": "1", "x-hub-signature": f"sha256={sign(BODY)}"},
    "a script": {"x-signature": f"sha256={sign(BODY)}"},
    "unsigned gitea with a bearer": BEARER
    | {"x-gitea-event": "push", "x-gitea-signature": "", "x-hub-signature-256": "sha256="},
    "unsigned github with a bearer": BEARER | {"x-github-event": "push"},
}
DISBELIEVED = {
    "github by sha1": {"x-github-event": "push", "x-hub-signature": f"sha1={WRONG[:40]}"},
    "github with a wrong signature and a right bearer": BEARER | GITHUB | {"x-hub-signature-256": f"sha256={WRONG}"},
    "gitea whose own signature is wrong": GITEA | {"x-gitea-signature": WRONG},
    "gitea that signs nothing under a signature of github": GITEA | {"x-gitea-signature": "", "x-gogs-signature": ""},
    "forgejo whose own signature is wrong": GITEA | {"x-forgejo-event": "push", "x-forgejo-signature": WRONG},
    "gitlab with a wrong token": {"x-gitlab-event": "Push Hook", "x-gitlab-token": "guess"},
    "an empty bearer": {"authorization": "Bearer "},
}


@pytest.mark.parametrize("headers", BELIEVED.values(), ids=BELIEVED)
def test_every_sender_is_believed_by_its_own_rule(client, ingress, headers):
    assert client.post(PATH, content=BODY, headers=headers).status_code == 202
    assert ingress.moved == 1


@pytest.mark.parametrize("headers", DISBELIEVED.values(), ids=DISBELIEVED)
def test_no_other_proof_takes_the_place_of_a_wrong_signature(client, ingress, headers):
    assert client.post(PATH, content=BODY, headers=headers).status_code == 401
    assert ingress.moved == 0


@pytest.mark.parametrize("secret", [None, ""])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "HEAD"])
def test_without_a_secret_the_ingress_does_not_exist(ingress, secret, method):
    options = WebOptions(version="0", host="h", config_secret=lambda: secret)
    with Client(create_ingress_app(ingress, options)) as client:
        assert client.request(method, PATH, headers=BEARER).status_code == 404
    assert ingress.moved == 0


def test_by_default_the_ingress_is_closed(ingress):
    with Client(create_ingress_app(ingress, WebOptions(version="0", host="h"))) as client:
        assert client.post(PATH, headers=BEARER).status_code == 404


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_with_a_secret_only_post_is_taken(client, method):
    answer = client.request(method, PATH, headers=BEARER)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_a_secret_that_cannot_be_read_asks_to_send_again_and_is_logged_without_values(ingress, caplog):
    def away() -> str:
        raise Stalled(Reason.SECRET_MISSING, "no provider has config-webhook", advice="create it")

    app = create_ingress_app(ingress, WebOptions(version="0", host="h", config_secret=away))
    with Client(app) as client, caplog.at_level(logging.ERROR):
        answer = client.post(PATH, headers=BEARER)
    assert answer.status_code == 503
    assert "config-webhook" not in answer.text
    assert "no provider has config-webhook; create it" in caplog.text


def test_a_body_that_says_it_is_too_large_is_not_read(client, ingress):
    answer = client.post(PATH, content=b"x" * 1001, headers=BEARER)
    assert answer.status_code == 413
    assert "1000 bytes" in answer.json()["error"]["message"]
    assert client.post(PATH, content=b"x" * 1000, headers=BEARER).status_code == 202
    assert ingress.moved == 1


@pytest.mark.parametrize("claim", [{}, {"content-length": "5"}, {"content-length": "-1"}, {"content-length": "²"}])
def test_a_body_that_lies_about_its_length_is_counted(client, ingress, claim):
    async def endless():
        for _ in range(100):
            yield b"x" * 100

    encoded = [(name.encode(), value.encode("utf-8")) for name, value in (claim | BEARER).items()]
    assert client.post(PATH, content=endless(), headers=encoded).status_code == 413
    assert ingress.moved == 0


def test_a_body_that_does_not_arrive_is_not_waited_for(client, ingress, monkeypatch):
    monkeypatch.setattr(ingress_request, "BODY_TIMEOUT", 0.05)

    async def slow():
        yield b"x"
        await asyncio.Event().wait()

    assert client.post(PATH, content=slow(), headers=BEARER).status_code == 408
    assert ingress.moved == 0


def test_a_sender_that_is_too_fast_is_told_when_to_come_back(client, ingress, options):
    codes = [client.post(PATH, headers=BEARER).status_code for _ in range(40)]
    assert codes[:20] == [202] * 20
    assert 429 in codes
    answer = client.post(PATH, headers=BEARER)
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "1"


def test_a_sender_that_leaves_in_the_middle_causes_nothing(client, ingress):
    async def hang_up() -> list[dict[str, object]]:
        messages = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])
        sent: list[dict[str, object]] = []

        async def receive() -> dict[str, object]:
            return next(messages)

        async def send(message: dict[str, object]) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": PATH,
            "raw_path": PATH.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [],
            "client": None,
            "server": ("agent", 80),
            "scheme": "http",
        }
        await client.app(scope, receive, send)
        return sent

    assert client.run(hang_up)[0]["status"] == 400
    assert ingress.moved == 0


def test_of_a_repeated_header_the_first_counts(client):
    right, wrong = (b"authorization", f"Bearer {SECRET}".encode()), (b"authorization", b"Bearer wrong")
    assert client.post(PATH, headers=[right, wrong]).status_code == 202
    assert client.post(PATH, headers=[wrong, right]).status_code == 401


@pytest.mark.parametrize("path", ["/webhook", "/webhook/", "/webhook/other", "/webhook/config/", "/webhook/config/x"])
def test_there_is_no_other_webhook(client, path):
    assert client.post(path, headers=BEARER).status_code == 404
