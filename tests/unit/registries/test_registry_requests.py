from __future__ import annotations

import base64
import hashlib
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import httpx
import pytest
from fakes.clock import FakeClock

from agent.core.reasons import Reason
from agent.errors import PierheadError, Stalled, Transient
from agent.ports import Credentials
from agent.registries.client import RegistryClient
from agent.registries.exchange import Ask, open_client

HOST = "registry.example.com"
IMAGE = f"{HOST}/shop/web"
PASSWORD = "correct horse"
LOGIN = Credentials(host=HOST, username="robot", password=PASSWORD)
BASIC = "Basic " + base64.b64encode(f"robot:{PASSWORD}".encode()).decode()
DIGEST = "sha256:" + "1" * 64
TAGS = "/v2/shop/web/tags/list"
REALM = "https://auth.example.com/token"

Answerer = Callable[[httpx.Request], httpx.Response]


@dataclass
class Web:
    """Hosts that answer by path; remembers every request. A path without an answer is 404."""

    answers: dict[str, Answerer] = field(default_factory=dict)
    requests: list[httpx.Request] = field(default_factory=list)
    verified: list[bool] = field(default_factory=list)

    def on(self, url: str, answer: Answerer | httpx.Response) -> None:
        self.answers[url] = answer if callable(answer) else lambda _: answer

    def open(self, verified: bool) -> httpx.Client:
        self.verified.append(verified)
        return httpx.Client(transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        url = str(request.url.copy_with(query=None))
        answer = self.answers.get(url) or self.answers.get(request.url.path)
        found = answer(request) if answer else httpx.Response(404)
        # A response is used up by being read, so that each request has its own.
        return httpx.Response(found.status_code, headers=found.headers, stream=found.stream)

    @property
    def seen(self) -> list[tuple[str, str, str | None]]:
        return [
            (one.method, str(one.url.copy_with(query=None)), one.headers.get("authorization")) for one in self.requests
        ]


def page(*tags, **headers):
    return lambda _: httpx.Response(200, json={"tags": list(tags)}, headers=headers)


def client(web, credentials=None, clock=None):
    return RegistryClient(lambda _name, _image: credentials, clock or FakeClock(), web.open)


def guarded(challenge, wanted, answer):
    """Answers 401 with a challenge until the right Authorization comes."""

    def respond(request):
        if request.headers.get("authorization") == wanted:
            return answer(request)
        return httpx.Response(401, headers={"WWW-Authenticate": challenge})

    return respond


def refused(call, kind: type[PierheadError] = Stalled):
    with pytest.raises(kind) as caught:
        call()
    assert PASSWORD not in str(caught.value)
    return caught.value


# Tags ---------------------------------------------------------------------------------------------------------------


def test_tags_come_page_by_page_from_the_registry_that_was_asked():
    web = Web()
    pages = {"": ("a", "b"), "b": ("c", "b"), "c": ("d",)}
    links = {"": "</v2/shop/web/tags/list?last=b>; rel=next", "b": f"<https://evil.example.com{TAGS}?last=c>; rel=next"}

    def answer(request):
        last = request.url.params.get("last", "")
        headers = {"Link": links[last]} if last in links else {}
        return httpx.Response(200, json={"tags": pages[last]}, headers=headers)

    web.on(f"https://{HOST}{TAGS}", answer)
    assert client(web, LOGIN).tags(IMAGE) == ("a", "b", "c", "d")
    assert {request.url.host for request in web.requests} == {HOST}
    assert web.requests[0].url.params["n"] == "1000"
    assert web.verified == [True]


def test_pages_in_a_circle_end():
    web = Web()
    web.on(TAGS, page("a", Link=f"<{TAGS}?n=1000>; rel=next"))
    assert client(web).tags(IMAGE) == ("a",)


def test_pages_without_end_end_at_a_hundred_thousand_tags():
    web = Web()

    def answer(request):
        number = int(request.url.params.get("page", "0"))
        tags = [f"t{number}-{index}" for index in range(5000)]
        return httpx.Response(200, json={"tags": tags}, headers={"Link": f"<{TAGS}?page={number + 1}>; rel=next"})

    web.on(TAGS, answer)
    assert len(client(web).tags(IMAGE)) == 100_000
    assert len(web.requests) == 20


def test_a_page_that_did_not_change_is_not_sent_again():
    web = Web()

    def answer(request):
        if request.headers.get("if-none-match") == '"v1"':
            return httpx.Response(304)
        return httpx.Response(200, json={"tags": ["a"]}, headers={"ETag": '"v1"'})

    web.on(TAGS, answer)
    registry = client(web)
    assert [registry.tags(IMAGE) for _ in range(3)] == [("a",)] * 3
    assert [request.headers.get("if-none-match") for request in web.requests] == [None, '"v1"', '"v1"']


def test_few_pages_are_remembered():
    web = Web()
    for number in range(70):
        web.on(f"/v2/shop/n{number}/tags/list", page("a", ETag='"v1"'))
    registry = client(web)
    for number in (*range(70), 0, 69):
        registry.tags(f"{HOST}/shop/n{number}")
    assert [request.headers.get("if-none-match") for request in web.requests[-2:]] == [None, '"v1"']


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"tags": 7}'])
def test_what_is_no_list_of_tags_is_tried_again_later(body):
    web = Web()
    web.on(TAGS, httpx.Response(200, content=body))
    error = refused(lambda: client(web).tags(IMAGE), Transient)
    assert error.reason is Reason.REGISTRY_UNAVAILABLE
    assert IMAGE in error.message
    assert HOST in error.message


def test_docker_hub_is_asked_at_its_own_host():
    web = Web()
    web.on(
        "https://registry-1.docker.io/v2/library/nginx/tags/list", page("1.27", **{"ratelimit-remaining": "76;w=21600"})
    )
    registry = client(web)
    assert registry.limits() == {}
    assert registry.tags("docker.io/library/nginx") == ("1.27",)
    assert registry.limits() == {"docker.io": 76.0}


def test_a_limit_that_is_none_is_left_alone():
    web = Web()
    web.on(TAGS, page("a", **{"ratelimit-remaining": "many"}))
    registry = client(web)
    registry.tags(IMAGE)
    assert registry.limits() == {}


# Digests ------------------------------------------------------------------------------------------------------------

MANIFEST = "/v2/shop/web/manifests/1.4.2"


def test_a_digest_costs_one_head():
    web = Web()
    web.on(MANIFEST, httpx.Response(200, headers={"Docker-Content-Digest": DIGEST}))
    assert client(web).digest(IMAGE, "1.4.2") == DIGEST
    (request,) = web.requests
    assert request.method == "HEAD"
    for kind in ("oci.image.index.v1", "oci.image.manifest.v1", "docker.distribution.manifest.list.v2"):
        assert kind in request.headers["accept"]


@pytest.mark.parametrize(
    "first", [httpx.Response(200), httpx.Response(405), httpx.Response(200, headers={"Docker-Content-Digest": "x"})]
)
def test_where_the_head_says_nothing_the_body_is_hashed(first):
    web = Web()
    body = b'{"schemaVersion": 2}'
    web.on(MANIFEST, lambda request: first if request.method == "HEAD" else httpx.Response(200, content=body))
    assert client(web).digest(IMAGE, "1.4.2") == f"sha256:{hashlib.sha256(body).hexdigest()}"
    assert [request.method for request in web.requests] == ["HEAD", "GET"]


@pytest.mark.parametrize("second", [200, 404, 500])
def test_the_get_after_a_useless_head_is_judged_like_any_answer(second):
    web = Web()
    answer = httpx.Response(second, headers={"Docker-Content-Digest": DIGEST} if second == 200 else {})
    web.on(MANIFEST, lambda request: httpx.Response(405) if request.method == "HEAD" else answer)
    registry = client(web)
    if second == 500:
        assert refused(lambda: registry.digest(IMAGE, "1.4.2"), Transient).reason is Reason.REGISTRY_UNAVAILABLE
    else:
        assert registry.digest(IMAGE, "1.4.2") == (DIGEST if second == 200 else None)


def test_a_tag_that_is_gone_has_no_digest():
    assert client(Web()).digest(IMAGE, "1.4.2") is None


def test_a_head_that_is_refused_is_an_error():
    web = Web()
    web.on(MANIFEST, httpx.Response(500))
    assert refused(lambda: client(web).digest(IMAGE, "1.4.2"), Transient).reason is Reason.REGISTRY_UNAVAILABLE


# Times --------------------------------------------------------------------------------------------------------------

MADE = "2026-11-25T10:00:00Z"
MADE_AT = 1795600800.0
CONFIG = "sha256:" + "c" * 64


def image(web, tag="1.4.2", config=CONFIG):
    web.on(f"/v2/shop/web/manifests/{tag}", httpx.Response(200, json={"config": {"digest": config}}))


def test_the_time_is_found_through_index_manifest_and_configuration_once():
    web = Web()
    child = "sha256:" + "d" * 64
    index = {"manifests": [{"digest": child, "platform": {"os": "linux", "architecture": "amd64"}}]}
    web.on(MANIFEST, httpx.Response(200, json=index))
    image(web, child)
    image(web, "latest")
    web.on(f"/v2/shop/web/blobs/{CONFIG}", httpx.Response(200, json={"created": MADE}))
    registry = client(web)
    assert registry.created(IMAGE, "1.4.2") == MADE_AT
    assert registry.created(IMAGE, "latest") == MADE_AT
    assert len([request for request in web.requests if "/blobs/" in request.url.path]) == 1


def test_few_times_are_remembered(monkeypatch):
    monkeypatch.setattr("agent.registries.client.REMEMBERED", 3)
    web = Web()
    registry = client(web)
    digests = [f"sha256:{number:064x}" for number in range(4)]
    for digest in digests:
        image(web, "t", digest)
        registry.created(IMAGE, "t")
    image(web, "t", digests[0])
    before = len(web.requests)
    registry.created(IMAGE, "t")
    assert len(web.requests) == before + 2


def test_an_image_that_is_gone_or_says_nothing_has_no_time():
    web = Web()
    registry = client(web)
    assert registry.created(IMAGE, "1.4.2") == 0.0
    image(web)
    assert registry.created(IMAGE, "1.4.2") == 0.0
    web.on(MANIFEST, httpx.Response(200, content=b"nonsense"))
    assert registry.created(IMAGE, "1.4.2") == 0.0


def test_an_index_that_holds_itself_has_no_time():
    web = Web()
    web.on(MANIFEST, httpx.Response(200, json={"manifests": [{"digest": DIGEST}]}))
    web.on(f"/v2/shop/web/manifests/{DIGEST}", httpx.Response(200, json={"manifests": [{"digest": DIGEST}]}))
    assert client(web).created(IMAGE, "1.4.2") == 0.0
    assert len(web.requests) == 4


def test_a_time_that_is_refused_is_an_error():
    web = Web()
    image(web)
    web.on(f"/v2/shop/web/blobs/{CONFIG}", httpx.Response(500))
    registry = client(web)
    refused(lambda: registry.created(IMAGE, "1.4.2"), Transient)
    web.on(MANIFEST, httpx.Response(500))
    refused(lambda: registry.created(IMAGE, "1.4.2"), Transient)


def test_a_blob_elsewhere_is_fetched_without_the_login():
    web = Web()
    image(web)
    web.on(
        f"https://{HOST}{MANIFEST}",
        guarded("Basic realm=x", BASIC, lambda _: httpx.Response(200, json={"config": {"digest": CONFIG}})),
    )
    target = "https://storage.example.com/blob?signature=s3cret"
    web.on(f"https://{HOST}/v2/shop/web/blobs/{CONFIG}", httpx.Response(307, headers={"Location": target}))
    web.on("https://storage.example.com/blob", httpx.Response(200, json={"created": MADE}))
    assert client(web, LOGIN).created(IMAGE, "1.4.2") == MADE_AT
    assert web.seen[-2:] == [
        ("GET", f"https://{HOST}/v2/shop/web/blobs/{CONFIG}", BASIC),
        ("GET", "https://storage.example.com/blob", None),
    ]


def test_a_redirect_within_the_registry_keeps_the_login():
    web = Web()
    web.on(
        f"https://{HOST}{TAGS}",
        guarded("Basic realm=x", BASIC, lambda _: httpx.Response(302, headers={"Location": "/v2/moved"})),
    )
    web.on(f"https://{HOST}/v2/moved", page("a"))
    assert client(web, LOGIN).tags(IMAGE) == ("a",)
    assert web.seen[-1] == ("GET", f"https://{HOST}/v2/moved", BASIC)


def test_the_challenge_of_another_host_is_not_answered():
    web = Web()
    web.on(f"https://{HOST}{TAGS}", httpx.Response(307, headers={"Location": "https://evil.example.com/"}))
    challenge = {"WWW-Authenticate": 'Bearer realm="https://evil.example.com/token"'}
    web.on("https://evil.example.com/", httpx.Response(401, headers=challenge))
    refused(lambda: client(web, LOGIN).tags(IMAGE))
    assert [authorization for *_, authorization in web.seen] == [None, None]


@pytest.mark.parametrize("target", ["http://storage.example.com/x", "ftp://x/", "https://x:port/", "//"])
def test_a_redirect_to_anything_but_https_is_not_followed(target):
    web = Web()
    web.on(TAGS, httpx.Response(307, headers={"Location": target}))
    refused(lambda: client(web).tags(IMAGE), Transient)
    assert {request.url.host for request in web.requests} == {HOST}


def test_redirects_in_a_circle_end():
    web = Web()
    web.on(TAGS, httpx.Response(307, headers={"Location": TAGS}))
    assert "circle" in refused(lambda: client(web).tags(IMAGE), Transient).message
    assert len(web.requests) == 6


# Proof --------------------------------------------------------------------------------------------------------------


def bearer(scope="repository:shop/web:pull"):
    return f'Bearer realm="{REALM}",service="{HOST}",scope="{scope}"'


def token(value="t0", **more):
    return httpx.Response(200, json={"token": value, **more})


def test_a_token_is_fetched_once_with_the_login_and_used_until_it_expires():
    web, clock = Web(), FakeClock()
    web.on(f"https://{HOST}{TAGS}", guarded(bearer(), "Bearer t0", page("a")))
    web.on(REALM, token(expires_in=300))
    registry = client(web, LOGIN, clock)
    assert registry.tags(IMAGE) == registry.tags(IMAGE) == ("a",)
    tags = ("GET", f"https://{HOST}{TAGS}")
    assert web.seen == [(*tags, None), ("GET", REALM, BASIC), (*tags, "Bearer t0"), (*tags, "Bearer t0")]
    assert parse_qs(web.requests[1].url.query.decode()) == {"service": [HOST], "scope": ["repository:shop/web:pull"]}
    clock.advance(291)
    registry.tags(IMAGE)
    assert web.seen[4:] == [(*tags, None), ("GET", REALM, BASIC), (*tags, "Bearer t0")]


def test_a_token_without_a_login_is_anonymous():
    web = Web()
    web.on(f"https://{HOST}{TAGS}", guarded(f'Bearer realm="{REALM}"', "Bearer t0", page("a")))
    web.on(REALM, httpx.Response(200, json={"access_token": "t0", "expires_in": "soon"}))
    assert client(web).tags(IMAGE) == ("a",)
    assert web.seen[1] == ("GET", REALM, None)
    assert parse_qs(web.requests[1].url.query.decode()) == {"scope": ["repository:shop/web:pull"]}


def test_a_token_that_is_no_longer_good_is_replaced_by_one_for_all_that_was_ever_asked():
    web = Web()
    web.on(f"https://{HOST}{TAGS}", guarded(bearer("repository:shop/web:metadata_read"), "Bearer t0", page("a")))
    digest = httpx.Response(200, headers={"Docker-Content-Digest": DIGEST})
    web.on(f"https://{HOST}{MANIFEST}", guarded(bearer(), "Bearer t1", lambda _: digest))
    web.on(REALM, lambda request: token("t1" if "pull" in str(request.url) else "t0"))
    registry = client(web)
    registry.tags(IMAGE)
    assert registry.digest(IMAGE, "1.4.2") == DIGEST
    assert parse_qs(web.requests[-2].url.query.decode())["scope"] == [
        "repository:shop/web:metadata_read",
        "repository:shop/web:pull",
    ]


def test_tokens_belong_to_one_login_and_one_repository():
    web = Web()
    for name in ("web", "api"):
        web.on(
            f"https://{HOST}/v2/shop/{name}/tags/list",
            guarded(bearer(f"repository:shop/{name}:pull"), f"Bearer {name}", page("a")),
        )
    web.on(REALM, lambda request: token("api" if "api" in str(request.url) else "web"))
    logins = iter([LOGIN, LOGIN, None])
    registry = RegistryClient(lambda _name, _image: next(logins), FakeClock(), web.open)
    for name in ("web", "api", "web"):
        assert registry.tags(f"{HOST}/shop/{name}") == ("a",)
    assert [authorization for _, url, authorization in web.seen if url == REALM] == [BASIC, BASIC, None]


def test_few_tokens_are_kept(monkeypatch):
    monkeypatch.setattr("agent.registries.tokens.MOST_TOKENS", 3)
    web = Web()
    names = [f"n{number}" for number in range(4)]
    for name in names:
        web.on(
            f"https://{HOST}/v2/{name}/tags/list", guarded(bearer(f"repository:{name}:pull"), "Bearer t0", page("a"))
        )
    web.on(REALM, token(expires_in=3600))
    registry = client(web)
    for name in (*names, names[-1], names[0]):
        registry.tags(f"{HOST}/{name}")
    assert [url for _, url, _ in web.seen].count(REALM) == 5


def test_basic_is_proved_at_once_the_second_time():
    web = Web()
    web.on(f"https://{HOST}{TAGS}", guarded('Basic realm="x"', BASIC, page("a")))
    registry = client(web, LOGIN)
    registry.tags(IMAGE)
    registry.tags(IMAGE)
    assert [authorization for *_, authorization in web.seen] == [None, BASIC, BASIC]


def test_a_wrong_password_is_tried_once_and_told_with_what_to_do():
    web = Web()
    web.on(TAGS, httpx.Response(401, headers={"WWW-Authenticate": "Basic realm=x"}))
    registry = client(web, LOGIN)
    error = refused(lambda: registry.tags(IMAGE))
    assert error.reason is Reason.REGISTRY_UNAUTHORIZED
    assert "robot" in error.message
    assert "secret" in error.advice
    assert len(web.requests) == 2
    refused(lambda: registry.tags(IMAGE))
    assert len(web.requests) == 3


@pytest.mark.parametrize(
    "headers", [{}, {"WWW-Authenticate": "Basic realm=x"}, {"WWW-Authenticate": "Bearer"}, {"WWW-Authenticate": "NTLM"}]
)
def test_a_registry_that_wants_a_login_that_nobody_gave_is_told_with_what_to_add(headers):
    web = Web()
    web.on(TAGS, httpx.Response(401, headers=headers))
    error = refused(lambda: client(web).tags(IMAGE))
    assert error.reason is Reason.REGISTRY_UNAUTHORIZED
    assert "add a Registry document" in error.advice


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_token_server_that_refuses_is_a_refused_login(status):
    web = Web()
    web.on(f"https://{HOST}{TAGS}", guarded(bearer(), "never", page()))
    web.on(REALM, httpx.Response(status))
    assert refused(lambda: client(web, LOGIN).tags(IMAGE)).reason is Reason.REGISTRY_UNAUTHORIZED


def test_a_token_server_that_wants_fewer_requests_is_obeyed():
    web = Web()
    web.on(f"https://{HOST}{TAGS}", guarded(bearer(), "never", page()))
    web.on(REALM, httpx.Response(429, headers={"Retry-After": "7"}))
    error = refused(lambda: client(web).tags(IMAGE), Transient)
    assert (error.reason, error.retry_after) == (Reason.REGISTRY_RATE_LIMITED, 7.0)


@pytest.mark.parametrize("said", [{}, {"token": ""}, {"token": 7}, {"token": "a b"}, {"token": "a\nb"}, {"token": "ä"}])
def test_a_token_server_without_a_token_is_tried_again_later(said):
    web = Web()
    web.on(f"https://{HOST}{TAGS}", guarded(bearer(), "never", page()))
    web.on(REALM, httpx.Response(200, json=said))
    assert refused(lambda: client(web).tags(IMAGE), Transient).reason is Reason.REGISTRY_UNAVAILABLE


def test_the_password_is_not_sent_over_plain_http():
    web = Web()
    web.on(TAGS, httpx.Response(401, headers={"WWW-Authenticate": 'Bearer realm="http://auth.example.com/token"'}))
    error = refused(lambda: client(web, LOGIN).tags(IMAGE))
    assert "plain HTTP" in error.message
    assert len(web.requests) == 1


@pytest.mark.parametrize("realm", ["file:///etc/passwd", "auth", "https://[", "ldap://x"])
def test_a_token_server_that_is_no_http_address_is_not_asked(realm):
    web = Web()
    web.on(TAGS, httpx.Response(401, headers={"WWW-Authenticate": f'Bearer realm="{realm}"'}))
    refused(lambda: client(web).tags(IMAGE), Transient)
    assert len(web.requests) == 1


def test_a_login_is_never_used_for_another_host():
    web = Web()
    error = refused(
        lambda: client(web, Credentials(host="other.example.com", username="a", password=PASSWORD)).tags(IMAGE)
    )
    assert error.reason is Reason.INVALID_DOCUMENT
    assert web.requests == []


def test_what_is_no_image_is_not_asked_for():
    assert refused(lambda: client(Web()).tags("Shop Web")).reason is Reason.INVALID_DOCUMENT


# Plain HTTP ---------------------------------------------------------------------------------------------------------

INSECURE = Credentials(host=HOST, username="robot", password=PASSWORD, insecure=True)


def test_an_insecure_registry_is_asked_over_plain_http():
    web = Web()
    web.on(f"http://{HOST}{TAGS}", guarded('Bearer realm="http://auth.example.com/token"', "Bearer t0", page("a")))
    web.on("http://auth.example.com/token", token())
    registry = client(web, INSECURE)
    assert registry.tags(IMAGE) == registry.tags(IMAGE) == ("a",)
    assert web.verified == [False]
    assert [url for _, url, _ in web.seen].count(f"http://{HOST}/v2/") == 1
    assert ("GET", "http://auth.example.com/token", BASIC) in web.seen


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(400, content=b"Client sent an HTTP request to an HTTPS server.\n"),
        httpx.Response(301, headers={"Location": f"https://{HOST}/v2/"}),
    ],
)
def test_an_insecure_registry_that_speaks_tls_is_asked_so_before_it_hears_a_password(answer):
    web = Web()
    web.on(f"http://{HOST}/v2/", answer)
    web.on(f"https://{HOST}{TAGS}", guarded("Basic realm=x", BASIC, page("a")))
    assert client(web, INSECURE).tags(IMAGE) == ("a",)
    assert all(authorization is None for _, url, authorization in web.seen if url.startswith("http:"))


@pytest.mark.parametrize("host", ["localhost:5000", "127.0.0.1:5000"])
def test_loopback_is_asked_over_plain_http(host):
    web = Web()
    web.on(f"http://{host}{TAGS}", page("a"))
    assert client(web).tags(f"{host}/shop/web") == ("a",)


# Refusals -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "headers", "kind", "reason", "wait"),
    [
        (403, {}, Stalled, Reason.REGISTRY_UNAUTHORIZED, None),
        (404, {}, Stalled, Reason.IMAGE_NOT_FOUND, None),
        (429, {}, Transient, Reason.REGISTRY_RATE_LIMITED, None),
        (429, {"Retry-After": "30"}, Transient, Reason.REGISTRY_RATE_LIMITED, 30.0),
        (503, {"Retry-After": "Fri, 15 Jan 2027 08:01:00 GMT"}, Transient, Reason.REGISTRY_RATE_LIMITED, 60.0),
        (503, {}, Transient, Reason.REGISTRY_UNAVAILABLE, None),
        (500, {}, Transient, Reason.REGISTRY_UNAVAILABLE, None),
        (418, {}, Transient, Reason.REGISTRY_UNAVAILABLE, None),
        (304, {}, Transient, Reason.REGISTRY_UNAVAILABLE, None),
    ],
)
def test_refusals_are_told_apart_by_who_must_act(status, headers, kind, reason, wait):
    web = Web()
    web.on(TAGS, httpx.Response(status, headers=headers))
    error = refused(lambda: client(web).tags(IMAGE), kind)
    assert error.reason is reason
    assert getattr(error, "retry_after", None) == wait
    assert IMAGE in error.message
    assert error.advice


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"errors": [{"code": "NAME_UNKNOWN", "message": "<script>"}]}, ", NAME_UNKNOWN"),
        ({"errors": [{"code": "<script>"}]}, ""),
        ({"errors": []}, ""),
        ({"errors": "x"}, ""),
        ({"errors": [7]}, ""),
    ],
)
def test_only_the_registrys_own_word_is_repeated(body, word):
    web = Web()
    web.on(TAGS, httpx.Response(404, json=body))
    error = refused(lambda: client(web).tags(IMAGE))
    assert error.message == f"{IMAGE}: {HOST} knows no such image{word}"


@pytest.mark.parametrize(
    ("raised", "words"),
    [
        (httpx.ConnectTimeout("slow"), "did not answer in time"),
        (httpx.ReadTimeout("slow"), "did not answer in time"),
        (httpx.ConnectError("[Errno 111] Connection refused"), "Connection refused"),
        (httpx.RemoteProtocolError(""), "RemoteProtocolError"),
        (
            httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed"),
            "certificate is not trusted",
        ),
        (httpx.ConnectError("[SSL: WRONG_VERSION_NUMBER] wrong version number"), "insecure: true"),
        (UnicodeError("label too long"), "address that is none"),
        (httpx.InvalidURL("x"), "address that is none"),
    ],
)
def test_a_registry_that_is_away_is_tried_again_later(raised, words):
    web = Web()

    def answer(_request):
        raise raised

    web.on(TAGS, answer)
    error = refused(lambda: client(web).tags(IMAGE), Transient)
    assert error.reason is Reason.REGISTRY_UNAVAILABLE
    assert words in error.message
    assert HOST in error.message


@pytest.mark.parametrize("times", [1, 2])
def test_a_kept_connection_that_just_ended_is_opened_again_once(times):
    web = Web()

    def answer(request):
        if len(web.requests) <= times:
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
        return page("a")(request)

    web.on(TAGS, answer)
    if times == 1:
        assert client(web).tags(IMAGE) == ("a",)
    else:
        assert "disconnected" in refused(lambda: client(web).tags(IMAGE), Transient).message
    assert len(web.requests) == 2


class Endless(httpx.SyncByteStream):
    """A body without end; time passes with each piece."""

    def __init__(self, clock, seconds):
        self.clock, self.seconds, self.sent = clock, seconds, 0

    def __iter__(self):
        while True:
            self.clock.advance(self.seconds)
            self.sent += 1
            yield b" " * 65536


def test_a_body_without_end_is_cut_off():
    web, clock = Web(), FakeClock()
    body = Endless(clock, 0.0)
    web.on(TAGS, httpx.Response(200, stream=body))
    assert "more than 8388608 bytes" in refused(lambda: client(web, clock=clock).tags(IMAGE), Transient).message
    assert body.sent == 129


def test_a_trickle_is_cut_off():
    web, clock = Web(), FakeClock()
    body = Endless(clock, 9.0)
    web.on(TAGS, httpx.Response(200, stream=body))
    assert "took longer than 45s" in refused(lambda: client(web, clock=clock).tags(IMAGE), Transient).message
    assert body.sent == 6


def test_a_compressed_answer_is_not_unfolded():
    web = Web()
    web.on(TAGS, httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(b"\x1f\x8b")))
    assert "compressed" in refused(lambda: client(web).tags(IMAGE), Transient).message
    assert web.requests[0].headers["accept-encoding"] == "identity"


def test_two_requests_at_once_go_to_one_host():
    web = Web()
    lock, release, both = threading.Lock(), threading.Event(), threading.Event()
    running, most = 0, 0

    def answer(_request):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            if running == 2:
                both.set()
        release.wait(10)
        with lock:
            running -= 1
        return httpx.Response(200, json={"tags": ["a"]})

    web.on(TAGS, answer)
    registry = client(web)
    threads = [threading.Thread(target=registry.tags, args=(IMAGE,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    assert both.wait(10)
    release.set()
    for thread in threads:
        thread.join(10)
    assert most == 2
    assert len(web.requests) == 6


def test_a_host_whose_slots_stay_taken_is_busy(monkeypatch):
    monkeypatch.setattr("agent.registries.exchange.TOTAL_TIME", 0.01)
    web = Web()
    release, both = threading.Event(), threading.Barrier(3)

    def answer(_request):
        both.wait(10)
        release.wait(10)
        return httpx.Response(200, json={"tags": []})

    web.on(TAGS, answer)
    registry = client(web)
    threads = [threading.Thread(target=registry.tags, args=(IMAGE,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    both.wait(10)
    assert "is busy" in refused(lambda: registry.tags(IMAGE), Transient).message
    release.set()
    for thread in threads:
        thread.join(10)


def test_a_closed_client_has_closed_its_connections():
    web = Web()
    web.on(TAGS, page("a"))
    clients = []

    def opener(verified):
        clients.append(web.open(verified))
        return clients[-1]

    registry = RegistryClient(lambda _name, _image: None, FakeClock(), opener)
    registry.tags(IMAGE)
    registry.close()
    assert [one.is_closed for one in clients] == [True]


def test_certificates_are_verified_unless_the_registry_is_insecure():
    with open_client(True) as verified, open_client(False) as unverified:
        modes = [one._transport._pool._ssl_context.verify_mode for one in (verified, unverified)]
    assert modes == [ssl.CERT_REQUIRED, ssl.CERT_NONE]


def test_what_is_asked_is_never_shown_with_its_proof():
    assert "t0ken" not in repr(Ask(url="https://x/", limit=1, authorization="Bearer t0ken"))
