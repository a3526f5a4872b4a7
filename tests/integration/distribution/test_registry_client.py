from __future__ import annotations

import hashlib
import json
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from support.registry import PASSWORD, USERNAME, Registry, broken_registry, free_port, registry

from agent.clock import SystemClock
from agent.core.image_policy.judging import judge_tags
from agent.core.pins import Pinned, Version
from agent.core.reasons import Reason
from agent.core.triggers import TagList
from agent.errors import Stalled, Transient
from agent.ports import Credentials
from agent.registries import exchange
from agent.registries.client import RegistryClient

pytestmark = pytest.mark.program("docker-registry")

MADE = "2026-11-25T10:00:00.5Z"
MADE_AT = 1795600800.5
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"


@dataclass
class Pusher:
    """Pushes what a build would, by the API alone."""

    host: str
    path: str

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=f"http://{self.host}/v2/{self.path}/", auth=(USERNAME, PASSWORD))

    def blob(self, content: bytes) -> dict[str, object]:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        upload = self.http.post("blobs/uploads/").raise_for_status().headers["location"]
        joint = "&" if "?" in upload else "?"
        self.http.put(f"{upload}{joint}digest={digest}", content=content).raise_for_status()
        return {"mediaType": CONFIG, "digest": digest, "size": len(content)}

    def manifest(self, tag: str, document: dict[str, object]) -> str:
        body = json.dumps(document).encode()
        answer = self.http.put(f"manifests/{tag}", content=body, headers={"Content-Type": str(document["mediaType"])})
        return str(answer.raise_for_status().headers["docker-content-digest"])

    def image(self, tag: str, created: str = MADE, architecture: str = "amd64") -> str:
        config = {
            "created": created,
            "os": "linux",
            "architecture": architecture,
            "rootfs": {"type": "layers", "diff_ids": []},
        }
        document = {"schemaVersion": 2, "mediaType": MANIFEST, "layers": []}
        return self.manifest(tag, {**document, "config": self.blob(json.dumps(config).encode())})

    def size(self, digest: str) -> int:
        return len(self.http.get(f"manifests/{digest}", headers={"Accept": MANIFEST}).raise_for_status().content)


@pytest.fixture
def running(tmp_path) -> Iterator[Registry]:
    with registry(tmp_path / "registry") as one:
        yield one


@pytest.fixture
def pusher(running) -> Iterator[Pusher]:
    one = Pusher(running.host, "shop/web")
    yield one
    one.http.close()


@pytest.fixture
def client(running) -> Iterator[RegistryClient]:
    yield from opened(running.credentials)


def opened(credentials: Credentials | None) -> Iterator[RegistryClient]:
    one = RegistryClient(lambda _name, _image: credentials, SystemClock())
    yield one
    one.close()


@pytest.fixture
def anonymous() -> Iterator[RegistryClient]:
    yield from opened(None)


def test_thousands_of_tags_are_listed_and_judged(tmp_path, running, pusher, client):
    digest = pusher.image("0.0.0")
    tags = [f"1.{number // 100}.{number % 100}" for number in range(5000)]
    (folder,) = (tmp_path / "registry").glob("storage/**/shop/web/_manifests/tags")
    for tag in tags:  # as the registry stores them; pushing so many would take a minute
        (folder / tag / "current").mkdir(parents=True)
        (folder / tag / "current" / "link").write_text(digest)
    image = f"{running.host}/shop/web"
    found = client.tags(image)
    assert set(found) == {"0.0.0", *tags}
    config = {"image": image, "policy": {"semver": ">=1.4 <1.24"}}
    verdict = judge_tags(config, TagList(image=image, tags=found, now=1.0), Pinned(image=image, tag="1.4.2"))
    assert verdict.version == Version(tag="1.23.99")
    assert client.digest(image, "1.23.99") == digest


def test_a_digest_is_that_of_what_was_pushed_and_moves_with_the_tag(running, pusher, client):
    image = f"{running.host}/shop/web"
    first = pusher.image("1.4.2")
    assert client.digest(image, "1.4.2") == first
    second = pusher.image("1.4.2", created="2026-11-25T11:00:00Z")
    assert second != first
    assert client.digest(image, "1.4.2") == second
    assert client.digest(image, "1.4.3") is None


def test_a_tag_whose_image_was_deleted_is_gone(running, pusher, client):
    image = f"{running.host}/shop/web"
    digest = pusher.image("1.4.2")
    pusher.image("1.4.3", architecture="arm64")
    pusher.http.delete(f"manifests/{digest}").raise_for_status()
    assert client.digest(image, "1.4.2") is None
    assert client.created(image, "1.4.2") == 0.0
    assert client.digest(image, "1.4.3") is not None


def test_an_index_has_a_digest_and_the_time_of_each_platform(running, pusher, client):
    image = f"{running.host}/shop/web"
    made = {"amd64": MADE, "arm64": "2026-11-26T10:00:00Z"}
    entries = []
    attested = pusher.image("attestation", created="2020-01-01T00:00:00Z", architecture="unknown")
    entries.append({"digest": attested, "platform": {"os": "unknown", "architecture": "unknown"}})
    for architecture, moment in made.items():
        digest = pusher.image(f"only-{architecture}", created=moment, architecture=architecture)
        entries.append({"digest": digest, "platform": {"os": "linux", "architecture": architecture}})
    manifests = [{"mediaType": MANIFEST, "size": pusher.size(str(one["digest"])), **one} for one in entries]
    digest = pusher.manifest("1.4.2", {"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests})
    assert client.digest(image, "1.4.2") == digest
    assert client.created(image, "1.4.2") == MADE_AT
    assert client.created(image, "1.4.2", platform="linux/arm64") == MADE_AT - 0.5 + 86400


def test_a_wrong_password_and_none_are_told_with_what_to_do(running, pusher, anonymous):
    pusher.image("1.4.2")
    image = f"{running.host}/shop/web"
    wrong = RegistryClient(lambda _name, _image: replace(running.credentials, password="wrong-horse"), SystemClock())
    for one in (wrong, anonymous):
        for call in (lambda one=one: one.tags(image), lambda one=one: one.digest(image, "1.4.2")):
            with pytest.raises(Stalled) as caught:
                call()
            assert caught.value.reason is Reason.REGISTRY_UNAUTHORIZED
            assert running.host in str(caught.value)
            assert "wrong-horse" not in str(caught.value)
    wrong.close()


def test_an_image_that_was_never_pushed_is_not_found(running, client):
    with pytest.raises(Stalled) as caught:
        client.tags(f"{running.host}/shop/nothing")
    assert caught.value.reason is Reason.IMAGE_NOT_FOUND
    assert "NAME_UNKNOWN" in caught.value.message


def test_an_outage_is_transient_and_over_when_the_registry_is_back(tmp_path):
    with registry(tmp_path) as first:
        port = int(first.host.rpartition(":")[2])
        pusher = Pusher(first.host, "shop/web")
        pusher.image("1.4.2")
        pusher.http.close()
        client = RegistryClient(lambda _name, _image: first.credentials, SystemClock())
        image = f"{first.host}/shop/web"
        assert client.tags(image) == ("1.4.2",)
    with pytest.raises(Transient) as caught:
        client.tags(image)
    assert caught.value.reason is Reason.REGISTRY_UNAVAILABLE
    with registry(tmp_path, port):
        assert client.tags(image) == ("1.4.2",)
    client.close()


# What no real registry of the machine does ----------------------------------------------------------------------------


def answer_json(handler: BaseHTTPRequestHandler, status: int, document: object, headers: dict[str, str]) -> None:
    body = json.dumps(document).encode()
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def test_pages_are_followed_over_one_connection(anonymous):
    tags = [f"{number:04}" for number in range(4500)]
    connections = set()

    def answer(handler):
        handler.protocol_version, handler.close_connection = "HTTP/1.1", False
        connections.add(handler.client_address)
        asked = urlsplit(handler.path)
        if asked.path == "/v2/":
            answer_json(handler, 200, {}, {})
            return
        query = parse_qs(asked.query)
        begin = tags.index(query["last"][0]) + 1 if "last" in query else 0
        size = int(query["n"][0])
        more = begin + size < len(tags)
        page = tags[begin : begin + size]
        link = {"Link": f'<{asked.path}?n={size}&last={page[-1]}>; rel="next"'} if more else {}
        answer_json(handler, 200, {"tags": page}, link)

    with broken_registry(answer) as host:
        assert anonymous.tags(f"{host}/shop/web") == tuple(tags)
        anonymous.close()
    assert len(connections) == 1


def test_a_registry_that_wants_fewer_requests_says_for_how_long(anonymous):
    def answer(handler):
        status = 200 if handler.path == "/v2/" else 429
        answer_json(handler, status, {"errors": [{"code": "TOOMANYREQUESTS"}]}, {"Retry-After": "120"})

    with broken_registry(answer) as host, pytest.raises(Transient) as caught:
        anonymous.tags(f"{host}/shop/web")
    assert caught.value.reason is Reason.REGISTRY_RATE_LIMITED
    assert caught.value.retry_after == 120.0
    assert "TOOMANYREQUESTS" in caught.value.message


def test_a_registry_that_never_answers_does_not_hold_anybody_up(anonymous, monkeypatch):
    monkeypatch.setattr(exchange, "TIMEOUTS", httpx.Timeout(0.3))
    release = threading.Event()
    with broken_registry(lambda _handler: release.wait(30)) as host:
        begun = time.monotonic()
        with pytest.raises(Transient) as caught:
            anonymous.tags(f"{host}/shop/web")
        assert time.monotonic() - begun < 10
        release.set()
    assert caught.value.reason is Reason.REGISTRY_UNAVAILABLE
    assert "in time" in caught.value.message


def test_a_registry_that_trickles_is_cut_off(anonymous, monkeypatch):
    monkeypatch.setattr(exchange, "TOTAL_TIME", 0.3)
    ended = threading.Event()

    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        while not ended.wait(0.02):
            try:
                handler.wfile.write(b" ")
            except OSError:
                return

    with broken_registry(answer) as host:
        with pytest.raises(Transient) as caught:
            anonymous.tags(f"{host}/shop/web")
        ended.set()
    assert "took longer" in caught.value.message


# With TLS -----------------------------------------------------------------------------------------------------------

TLS_CONFIG = """\
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {folder}/storage}}}}
http: {{addr: "127.0.0.1:{port}", tls: {{certificate: {folder}/cert.pem, key: {folder}/key.pem}}}}
"""


@pytest.fixture
def tls_host(tmp_path) -> Iterator[str]:
    """A registry with a certificate of its own making."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files = ["-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem", "-subj", "/CN=localhost", "-days", "2"]
    subprocess.run([*command, *files], check=True, capture_output=True)
    port = free_port()
    config = tmp_path / "tls.yml"
    config.write_text(TLS_CONFIG.format(folder=tmp_path, port=port))
    process = subprocess.Popen(["docker-registry", "serve", str(config)], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while not answers(port):
            assert process.poll() is None
            assert time.monotonic() < deadline
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        threading.Event().wait(0.02)
        return False
    return True


@pytest.mark.program("openssl")
def test_a_registry_on_loopback_that_speaks_tls_is_spoken_to_so(tls_host, anonymous):
    with pytest.raises(Stalled) as caught:
        anonymous.tags(f"{tls_host}/shop/web")
    assert caught.value.reason is Reason.IMAGE_NOT_FOUND


@pytest.mark.program("openssl")
def test_a_certificate_that_nobody_trusts_is_named_as_the_reason(tls_host):
    one = exchange.Exchange("registry", exchange.open_client(True), SystemClock(), relaxed=False)
    with pytest.raises(Transient) as caught:
        one.send(exchange.Ask(url=f"https://{tls_host}/v2/", limit=1000))
    one.close()
    assert "certificate is not trusted" in caught.value.message
