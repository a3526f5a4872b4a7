"""What a person sees and does: at a desk, on a phone, at night, in Russian, without scripts, without a mouse."""

from __future__ import annotations

import re

import pytest
from fakes.view import END, NOW, FakeIngress

from agent.core.reasons import Phase, Reason
from agent.web.options import WebOptions
from agent.web.server import WebServer, sites

pytestmark = pytest.mark.browser
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}
PATHS = [
    "/",
    "/workloads/worker",
    "/workloads/api",
    "/workloads/mailer",
    "/triggers",
    "/triggers/ci-push",
    "/events",
    "/deliveries",
    "/problems",
]


def wait_for(page, selector: str, text: str) -> None:
    page.locator(selector).filter(has_text=text).first.wait_for()


def background(page, selector: str) -> str:
    return page.locator(selector).first.evaluate("element => getComputedStyle(element).backgroundColor")


def calm(view) -> None:
    view.pending = {}
    view.set(
        workloads={
            name: one for name, one in view.host.workloads.items() if one.phase in (Phase.SYNCED, Phase.SUSPENDED)
        },
        problems=(),
    )


def test_the_answer_is_on_the_first_screen(open_page):
    page = open_page(viewport={"width": 1280, "height": 720})
    assert page.locator("h1").inner_text() == "3 of 12 need attention"
    assert page.title() == "3 of 12 need attention · edge-1"
    first = page.locator(".card").first
    assert "checkout" in first.inner_text()
    assert first.bounding_box()["y"] + first.bounding_box()["height"] < 720


def test_the_page_follows_a_change_without_being_loaded_again(open_page, view):
    page = open_page()
    wait_for(page, "#live", "Live")
    page.evaluate("window.same = true")
    calm(view)
    wait_for(page, "h1", "6 of 7 are as commit 3f9a2c1 says, the rest is suspended")
    assert page.locator(".card").count() == 0
    assert page.locator("#nav .count").count() == 0
    wait_for(page, "#announce", "6 of 7 are as commit")
    assert "mark-calm" in page.locator("#favicon").get_attribute("href")
    view.change("db", phase=Phase.FAILED, reason=Reason.CONTAINER_EXITED, message="gone")
    wait_for(page, "h1", "1 of 7 needs attention")
    assert page.evaluate("window.same") is True


def test_what_a_person_has_opened_and_focused_survives_a_change(open_page, view):
    page = open_page("/events")
    wait_for(page, "#live", "Live")
    page.locator("summary").first.click()
    page.get_by_role("link", name="Events", exact=True).focus()
    number = page.locator(".event").count()
    newest = view.log_of_events[-1]
    fields = {name: getattr(newest, name) for name in newest.__slots__}
    view.add_event(type(newest)(**(fields | {"id": "f0001", "message": "something new"})))
    wait_for(page, ".event-message", "something new")
    assert page.locator(".event").count() == number + 1
    assert page.locator("details[open]").count() == 1
    assert page.evaluate("document.activeElement.textContent").strip() == "Events"


def test_a_change_between_loading_and_listening_is_not_missed(open_page, view, address):
    page = open_page("/problems")
    page.route("**/api/v1/stream", lambda route: (calm(view), route.continue_())[1])
    page.goto(address + "/")
    wait_for(page, "h1", "6 of 7")


def test_ages_go_on_without_a_request(open_page, browser, address):
    context = browser.new_context()
    page = context.new_page()
    page.clock.install(time=NOW)
    page.goto(address)
    age = page.locator(".card-since time").first
    assert age.inner_text() == "4 min ago"
    page.clock.run_for(120_000)
    assert age.inner_text() == "6 min ago"
    assert "just now" in page.locator(".card-foot time").first.inner_text()
    context.close()


def test_logs_are_followed_on_request(open_page, view):
    page = open_page("/workloads/shop")
    page.get_by_role("button", name="Follow").click()
    wait_for(page, "#log", "slow query")
    view.write_log("a <b>fresh</b> line")
    wait_for(page, "#log", "a <b>fresh</b> line")
    view.change("shop", message="something else")
    wait_for(page, ".hero-message", "something else")
    wait_for(page, "#log", "fresh")
    view.write_log(END)
    wait_for(page, "#log", "The log has ended.")
    assert page.locator("#follow").inner_text() == "Follow"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_needs_no_sideways_scrolling_and_has_room_for_fingers(open_page, path, scheme):
    page = open_page(path, color_scheme=scheme, **PHONE)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for link in page.locator("#nav a").all():
        assert link.bounding_box()["height"] >= 40


def test_dark_follows_the_system_and_a_choice_is_remembered(open_page, address):
    page = open_page(color_scheme="dark")
    dark = background(page, "body")
    page.get_by_role("button", name="Light or dark").click()
    light = background(page, "body")
    assert dark != light
    page.goto(address + "/events")
    assert background(page, "body") == light


def test_a_russian_browser_gets_a_russian_page_and_the_choice_is_remembered(browser, address):
    context = browser.new_context(locale="ru-RU")
    page = context.new_page()
    page.goto(address)
    assert page.locator("h1").inner_text() == "3 из 12 требуют внимания"
    assert re.search("Degraded", page.locator("main").inner_text())
    page.get_by_role("link", name="EN").click()
    assert page.locator("h1").inner_text() == "3 of 12 need attention"
    page.goto(address + "/problems")
    assert page.locator("h1").inner_text() == "Problems"
    context.close()


def test_everything_can_be_read_without_scripts(open_page, address):
    page = open_page(java_script_enabled=False)
    assert page.locator("h1").inner_text() == "3 of 12 need attention"
    assert page.locator("#theme").is_hidden()
    assert page.locator("#live").is_hidden()
    page.get_by_role("link", name="api", exact=True).click()
    assert "Quarantine" in page.locator("main").inner_text()
    page.get_by_role("link", name="All its events").click()
    assert "HealthTimeout" in page.locator("main").inner_text()
    page.get_by_label("Severity").select_option("error")
    page.get_by_role("button", name="Show").click()
    assert "RolledBack" not in page.locator("main").inner_text()
    page.get_by_text("Last 2 log lines").click()
    assert "migration 42 is missing" in page.locator("main").inner_text()


def test_everything_can_be_reached_by_keyboard_and_the_focus_is_seen(open_page):
    page = open_page()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "checkout"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.wait_for_url("**/workloads/checkout")
    assert page.locator("h1").inner_text() == "checkout"


def test_a_page_whose_workload_went_away_says_so(open_page, view, address):
    page = open_page("/workloads/cache")
    wait_for(page, "#live", "Live")
    with page.expect_navigation():
        view.set(workloads={name: one for name, one in view.host.workloads.items() if name != "cache"})
    wait_for(page, "h1", "There is nothing here")


def test_a_reader_sees_that_the_agent_is_away_and_what_changed_when_it_is_back(browser, view):
    options = WebOptions(version="0.1.0", host="edge-1", now=lambda: NOW)
    context = browser.new_context()
    page = context.new_page()
    with WebServer(sites(view, FakeIngress(), options, ("127.0.0.1:0", "127.0.0.1:0"))) as server:
        address = server.addresses[0]
        page.goto(f"http://{address}")
        wait_for(page, "#live", "Live")
    wait_for(page, "#live", "Reconnecting")
    calm(view)
    with WebServer(sites(view, FakeIngress(), options, (address, address))):
        wait_for(page, "h1", "6 of 7")
        wait_for(page, "#live", "Live")
    context.close()


@pytest.mark.parametrize("path", PATHS)
def test_every_control_has_a_name_and_every_image_is_hidden_or_named(open_page, path):
    page = open_page(path)
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll('a, button, select, input')]
            .filter(e => e.offsetParent && !(e.textContent.trim() || e.getAttribute('aria-label') || e.labels?.length))
            .map(e => e.outerHTML)"""
    )
    assert unnamed == []
    assert page.locator("svg:not([aria-hidden]):not([aria-label])").count() == 0
