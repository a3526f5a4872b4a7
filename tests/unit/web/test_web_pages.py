"""The pages as a browser without JavaScript gets them."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser

import pytest
from fakes.view import FakeView
from support.asgi import Client

from agent.core.reasons import Reason
from agent.errors import Transient
from agent.web.app import create_app

PAGES = [
    "/",
    "/workloads/shop",
    "/workloads/checkout",
    "/workloads/worker",
    "/workloads/mailer",
    "/workloads/search",
    "/triggers",
    "/triggers/base-images",
    "/triggers/ci-push",
    "/triggers/mailer.1",
    "/triggers/stuck-carts",
    "/events",
    "/deliveries",
    "/problems",
    "/nope",
]
VOID = {"meta", "link", "br", "img", "input"}


class Document(HTMLParser):
    """Checks that elements nest, and collects what tests ask for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs), f"an attribute twice in {self.get_starttag_text()}"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str, attribute: str) -> list[str]:
        return [
            attributes[attribute] or "" for name, attributes in self.elements if name == tag and attribute in attributes
        ]


def document(client: Client, path: str, **options) -> Document:
    return Document(client.get(path, **options).text)


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_well_formed_and_has_one_heading_and_unique_ids(client, path, language):
    page = document(client, f"{path}?lang={language}")
    assert [tag for tag, _ in page.elements].count("h1") == 1
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert page.all("html", "lang") == [language]
    labels = [one for tag, _ in page.elements for one in page.all(tag, "aria-labelledby")]
    assert set(labels) <= set(ids)


@pytest.mark.parametrize("path", PAGES)
def test_nothing_is_inline_so_that_the_policy_can_be_strict(client, path):
    answer = client.get(path)
    page = Document(answer.text)
    assert not [one for tag, one in page.elements if "style" in one or any(name.startswith("on") for name in one)]
    assert [tag for tag, one in page.elements if tag == "style" or (tag == "script" and "src" not in one)] == []
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("path", PAGES)
def test_every_link_of_a_page_leads_somewhere(client, path):
    page = document(client, path)
    links = set(page.all("a", "href") + page.all("link", "href") + page.all("script", "src"))
    for link in sorted(links):
        if not link.startswith("#"):
            assert client.get(path.partition("?")[0] + link if link.startswith("?") else link).status_code in (
                (200, 404) if path == "/nope" else (200,)
            ), link


def test_the_overview_answers_the_question_first(client):
    page = document(client, "/")
    assert "3 of 12 need attention" in page.text
    assert page.text.index("checkout") < page.text.index("reports") < page.text.index("legacy-import")
    for phase in ("Synced", "Progressing", "Waiting", "Degraded", "Failed", "Invalid", "Suspended"):
        assert phase in page.text


def test_the_overview_speaks_russian_and_keeps_the_words_of_the_agent(client):
    page = document(client, "/", headers={"accept-language": "ru"})
    assert "3 из 12 требуют внимания" in page.text
    assert "Degraded" in page.text
    assert "Quarantined" in page.text


def test_a_language_asked_for_is_remembered(client):
    answer = client.get("/?lang=ru")
    assert "pierhead_lang=ru" in answer.headers["set-cookie"]
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "требуют" in client.get("/", headers={"cookie": "pierhead_lang=ru"}).text
    assert "set-cookie" not in client.get("/?lang=xx").headers


def test_a_condition_of_the_agent_is_shown(client, view):
    view.set(conditions={"repository": "RepositoryUnreachable: no answer within 60 s"})
    page = document(client, "/")
    assert "RepositoryUnreachable no answer within 60 s" in page.text


def test_an_agent_that_starts_says_what_it_waits_for(ingress, options):
    view = FakeView(())
    view.reasons = ("the config repository was not read yet",)
    view.set(revision=None)
    with Client(create_app(view, ingress, options)) as client:
        page = document(client, "/")
    assert "The agent is starting" in page.text
    assert "the config repository was not read yet" in page.text


def test_an_empty_host_says_what_to_do(ingress, options):
    with Client(create_app(FakeView(()), ingress, options)) as client:
        assert "Add a document below workloads/" in document(client, "/").text
        assert "Nothing to fix" in document(client, "/problems").text
        assert "No event matches" in document(client, "/events").text
        assert "This host has no trigger" in document(client, "/triggers").text
        assert "No delivery matches" in document(client, "/deliveries").text


def test_the_workload_page_has_every_part(client):
    page = document(client, "/workloads/worker")
    for word in (
        "Progressing",
        "Deploying",
        "remove container worker.66f0a1b2",
        "candidate",
        "LOG_LEVEL",
        "shop-db-url",
        "/var/lib/shop",
        "https://worker.example.com/",
        "gateway",
        "image changed from",
        "slow query",
    ):
        assert word in page.text


def test_a_quarantine_is_explained(client):
    assert "not tried again until a commit changes" in document(client, "/workloads/api").text


def test_the_next_look_is_announced(client):
    assert "Looks again in 1 min" in document(client, "/workloads/checkout").text


def test_a_workload_with_hardly_anything_still_has_a_page(client, view):
    view.extra_details = dict.fromkeys(
        ("environment", "volumes", "faces", "publish", "depends_on", "dependents", "chain"), ()
    ) | {"description": "", "labels": {}, "source": {}}
    view.change("shop", containers=(), revision=None, fingerprint=None, path=None, source="", image=None, since="")
    view.log_of_events.clear()
    view.log_lines = ()
    page = document(client, "/workloads/shop")
    for word in (
        "no container",
        "sets no variable",
        "keeps no data",
        "not reachable",
        "Nothing has happened",
        "nothing",
    ):
        assert word in page.text


def test_logs_that_cannot_be_read_do_not_take_the_page_with_them(client, view):
    view.log_error = Transient(Reason.ENGINE_UNREACHABLE, "the engine is away", advice="start it")
    answer = client.get("/workloads/shop")
    assert answer.status_code == 200
    assert "the engine is away; start it" in answer.text


def test_an_unknown_workload_is_a_page_that_says_so(client):
    answer = client.get("/workloads/nope")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.text


def test_events_are_filtered_and_the_filter_is_kept_while_paging(client, view):
    page = document(client, "/events?workload=api&severity=error")
    assert "HealthTimeout" in page.text
    assert "RolledBack" not in page.text
    for number in range(60):
        view.add_event(
            view.log_of_events[-1].__class__(
                **{
                    **{name: getattr(view.log_of_events[-1], name) for name in view.log_of_events[-1].__slots__},
                    "id": f"f{number:05d}",
                    "workload": "api",
                    "severity": "error",
                }
            )
        )
    page = document(client, "/events?workload=api&severity=error")
    older = next(link for link in page.all("a", "href") if "before=" in link)
    assert "workload=api" in older
    assert "severity=error" in older
    assert "HealthTimeout" in document(client, older).text


def test_a_filter_that_is_garbage_is_left_out(client):
    assert "RevisionSeen" in document(client, "/events?severity=catastrophe&before=%00&workload=" + "x" * 300).text


def test_why_a_binding_did_not_fire_is_in_the_event_log_for_those_who_ask(client):
    assert "TriggerNotFired" not in document(client, "/events?trigger=ci-push").text
    assert "TriggerNotFired" in document(client, "/events?trigger=ci-push&severity=debug").text
    assert "TriggerNotFired" not in document(client, "/workloads/shop").text
    assert "HealthTimeout" not in document(client, "/events?trigger=ci-push&severity=debug").text


def test_the_list_of_triggers_tells_what_each_listens_to_and_what_came_of_it(client):
    page = document(client, "/triggers")
    for word in (
        "429 (too many requests)",
        "2 of 3",
        "registry.example.com/shop/*",
        "fired 1 of 3, 15 s ago",
        "nothing yet",
        "in 2 h",
        "schedule in mailer",
    ):
        assert word in page.text
    assert page.text.index("base-images") < page.text.index("by-hand")


def test_the_page_of_a_trigger_tells_for_each_binding_why(client):
    page = document(client, "/triggers/ci-push")
    for word in (
        "worker fired deploy",
        "shop did not fire deploy 15 s ago image registry.example.com/shop/worker is not the workload's",
        "api disabled",
        r"tag_pattern: ^1\.4\.",
        "POST /webhook/ci-push",
        "sends the trigger's secret in a header",
        "this delivery was seen before",
        "TriggerNotFired",
    ):
        assert word in page.text
    assert "/workloads/worker" in page.all("a", "href")


def test_the_secret_at_the_end_of_an_address_is_not_shown(client, view):
    view.set_triggers(dataclasses.replace(view.trigger("ci-push"), auth="path"))
    assert "POST /webhook/ci-push/… " in document(client, "/triggers/ci-push").text


def test_a_trigger_that_nobody_can_send_to_has_no_address(client):
    page = document(client, "/triggers/shop.1")
    assert "/webhook/" not in page.text
    assert "Last deliveries" not in page.text
    assert "none of the 3 changed paths matches" in page.text


def test_a_trigger_that_waits_for_its_first_delivery_says_so(client):
    assert "Nobody has sent anything yet" in document(client, "/triggers/by-hand").text
    assert "No workload listens to it" in document(client, "/triggers/stuck-carts").text


def test_an_unknown_trigger_is_a_page_that_says_so(client):
    answer = client.get("/triggers/nope")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.text


def test_a_workload_shows_its_triggers_its_runs_and_the_update_that_waits(client):
    mailer = document(client, "/workloads/mailer").text
    for word in ("mailer.1 schedule fired run", "Next tick in 2 h", "exit code 2", "took 9 s", "451 try again later"):
        assert word in mailer
    search = document(client, "/workloads/search").text
    assert "An update waits to be written" in search
    assert "No trigger changes it" in search
    assert search.index("2.3.0 → 2.3.1") < search.index("Plan")


def test_the_overview_tells_of_updates_that_wait_and_triggers_that_do_not_work(client):
    page = document(client, "/")
    assert "2.3.0 → 2.3.1" in page.text
    assert "1 trigger does not work" in page.text
    assert "/triggers" in page.all("a", "href")


def test_deliveries_are_filtered_and_the_filter_is_kept_while_paging(client, view):
    assert "198.51.100.77" in document(client, "/deliveries?trigger=ci-push&outcome=refused").text
    newest = view.log_of_deliveries[-1]
    for number in range(60):
        view.add_delivery(dataclasses.replace(newest, id=f"e{number:05d}", outcome="refused", sender="203.0.113.9"))
    page = document(client, "/deliveries?trigger=ci-push&outcome=refused")
    assert "198.51.100.77" not in page.text
    older = next(link for link in page.all("a", "href") if "before=" in link)
    assert "trigger=ci-push" in older
    assert "outcome=refused" in older
    second = document(client, older)
    assert "198.51.100.77" in second.text
    assert "there is no trigger of that name" not in second.text
    assert "/deliveries?trigger=ci-push&outcome=refused" in second.all("a", "href")


def test_a_filter_of_deliveries_that_is_garbage_is_left_out(client):
    assert "duplicate 200" in document(client, "/deliveries?outcome=lost&before=%00&trigger=" + "x" * 300).text


def test_problems_are_told_by_place_expectation_finding_and_fix(client):
    page = document(client, "/problems")
    for word in (
        "workloads/reports.yaml:14:13",
        "a size such as 64MiB or 1GiB",
        "'512 megs'",
        "write 512MiB",
        "2 errors",
        "1 warning",
    ):
        assert word in page.text


def test_a_page_is_rendered_once_per_change_and_language(client, view):
    client.get("/")
    calls = view.status_calls
    client.get("/")
    assert view.status_calls == calls
    client.get("/", headers={"accept-language": "ru"})
    assert view.status_calls > calls
    calls = view.status_calls
    view.change("db", message="changed now")
    client.get("/")
    assert view.status_calls > calls


def test_a_browser_that_has_the_page_is_told_so(client, view):
    tag = client.get("/").headers["etag"]
    again = client.get("/", headers={"if-none-match": f'"other", W/{tag}'})
    assert (again.status_code, again.content) == (304, b"")
    view.change("db", message="changed now", phase="Failed")
    assert client.get("/", headers={"if-none-match": tag}).status_code == 200


def test_a_fragment_is_the_part_that_changes(client):
    answer = client.get("/", headers={"pierhead-fragment": "1"})
    page = Document(answer.text)
    ids = {attributes.get("id") for _, attributes in page.elements}
    assert {"main", "nav", "favicon"} <= ids
    assert "theme" not in ids
    assert "Pierhead-Fragment".lower() in answer.headers["vary"]


@pytest.mark.parametrize("name", ["page.css", "page.js", "theme.js", "mark-calm.svg"])
def test_an_asset_is_kept_for_a_year_by_its_hash_and_checked_by_its_name(client, name):
    link = (
        next(
            link
            for link in re.findall(
                r'(?:href|src)="(/static/[^"]+)"', client.get("/").text + client.get("/workloads/shop").text + '"'
            )
            if name in link
        )
        if name != "mark-calm.svg"
        else f"/static/{name}"
    )
    answer = client.get(link)
    assert answer.status_code == 200
    assert ("immutable" in answer.headers["cache-control"]) == ("?v=" in link)
    assert client.get(f"/static/{name}").headers["cache-control"] == "no-cache"
    assert client.get(f"/static/{name}?v=old").headers["cache-control"] == "no-cache"
    tag = answer.headers["etag"]
    assert client.get(f"/static/{name}", headers={"if-none-match": tag}).status_code == 304


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/nope.css",
        "/static/../pages.py",
        "/static/%2e%2e%2fpages.py",
        "/static/..%5cpages.py",
        "/static//etc/passwd",
        "/static/page.css/..",
        "/static/.",
        "/static/%00",
    ],
)
def test_no_path_leads_out_of_the_assets(client, path):
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/workloads/shop",
        "/triggers",
        "/triggers/shop.1",
        "/events",
        "/deliveries",
        "/problems",
        "/static/page.css",
        "/metrics",
    ],
)
def test_a_page_only_reads(client, method, path):
    answer = client.request(method, path)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].replace(" ", "").split(",")) == {"GET", "HEAD"}


@pytest.mark.parametrize("path", ["/", "/workloads/shop", "/problems", "/api/v1/status", "/metrics", "/healthz"])
def test_head_answers_as_get_does(client, path):
    head, get = client.request("HEAD", path), client.get(path)
    assert head.status_code == get.status_code == 200
    assert head.headers["content-type"] == get.headers["content-type"]


@pytest.mark.parametrize(
    "path", [*PAGES, "/api/v1/status", "/api/v1/nope", "/static/page.css", "/metrics", "/webhook/config"]
)
def test_every_answer_carries_the_security_headers(client, path):
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


@pytest.mark.parametrize("path", ["http://agent//evil.example/", "/events/", "/workloads/", "/api/v1/status/"])
def test_no_answer_sends_the_reader_elsewhere(client, path):
    answer = client.get(path, headers={"host": "evil.example"})
    assert answer.status_code == 404
    assert "evil.example" not in answer.text
