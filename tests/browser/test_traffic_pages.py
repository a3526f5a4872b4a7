"""What a person finds out about triggers: why nothing came of an event, and who was refused."""

from __future__ import annotations

import dataclasses

import pytest
from fakes.traffic import run

pytestmark = pytest.mark.browser
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}
PATHS = ["/triggers", "/triggers/base-images", "/triggers/ci-push", "/deliveries", "/workloads/mailer"]
FAINT = """() => {
  const parts = (colour) => colour.match(/[0-9.]+/g).map(Number);
  const linear = (c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const [r, g, b, alpha = 1] = parts(getComputedStyle(one).backgroundColor);
      if (alpha === 1) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.nodeValue.trim());
    if (!own || !element.checkVisibility()) continue;
    const [one, other] = [light(parts(getComputedStyle(element).color)), light(ground(element))];
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (contrast < 4.5) faint.push(`${contrast.toFixed(2)} ${element.outerHTML.slice(0, 120)}`);
  }
  return faint;
}"""


def test_from_the_list_to_the_trigger_to_the_delivery_that_was_refused(open_page):
    page = open_page()
    page.get_by_role("link", name="1 trigger does not work").click()
    assert page.locator("h1").inner_text() == "Triggers"
    assert "429" in page.locator(".card").first.inner_text()
    page.get_by_role("link", name="ci-push").click()
    assert page.locator("h1").inner_text() == "ci-push"
    assert page.locator("#nav [aria-current]").inner_text() == "Triggers"
    shop = page.locator(".binding").filter(has_text="shop").filter(has_text="did not fire")
    assert "is not the workload's" in shop.inner_text()
    page.get_by_role("link", name="All its deliveries").click()
    page.get_by_label("Outcome").select_option("refused")
    page.get_by_role("button", name="Show").click()
    table = page.get_by_role("table")
    assert table.get_by_role("row").count() == 2
    assert table.get_by_role("columnheader", name="Reason").is_visible()
    assert table.get_by_role("cell", name="the token is missing or wrong").is_visible()
    assert page.get_by_label("Trigger").input_value() == "ci-push"


def test_why_nothing_was_done_is_one_click_away(open_page):
    page = open_page("/triggers/ci-push", java_script_enabled=False)
    page.get_by_role("link", name="All its events").click()
    assert "TriggerNotFired" in page.locator("main").inner_text()
    page.get_by_label("Severity").select_option("")
    page.get_by_role("button", name="Show").click()
    assert "TriggerNotFired" not in page.locator("main").inner_text()
    assert "TriggerFired" in page.locator("main").inner_text()


def test_a_delivery_and_what_came_of_it_appear_without_loading_again(open_page, view):
    page = open_page("/triggers/by-hand")
    page.locator("#live").filter(has_text="Live").wait_for()
    page.evaluate("window.same = true")
    newest = view.log_of_deliveries[-1]
    view.add_delivery(dataclasses.replace(newest, id="e1", trigger="by-hand", outcome="accepted", status=202))
    page.get_by_role("cell", name="accepted 202").wait_for()
    by_hand = view.trigger("by-hand")
    bound = dataclasses.replace(by_hand.bindings[0], fired=True, why="fired by hand by anna", at=newest.time)
    view.set_triggers(dataclasses.replace(by_hand, bindings=(bound,), last_event="fired by hand by anna"))
    page.locator(".binding").filter(has_text="fired by hand by anna").wait_for()
    assert page.evaluate("window.same") is True


def test_the_last_lines_of_a_run_stay_open_while_it_goes_on(open_page, view):
    view.extra_details = {"runs": (run(1, "running", 5, lines=("one",)),)}
    page = open_page("/workloads/mailer")
    page.locator("#live").filter(has_text="Live").wait_for()
    page.get_by_text("Last line").click()
    view.extra_details = {"runs": (run(1, "succeeded", 5, exit_code=0, lines=("one", "two")),)}
    view.tell()
    page.locator(".run").filter(has_text="succeeded").wait_for()
    assert page.locator(".run details[open]").inner_text().split() == ["Last", "2", "lines", "one", "two"]


@pytest.mark.parametrize("locale", ["en-GB", "ru-RU"])
@pytest.mark.parametrize("path", PATHS)
def test_a_phone_shows_all_of_it_and_keeps_the_navigation_in_one_row(browser, address, path, locale):
    context = browser.new_context(locale=locale, **PHONE)
    page = context.new_page()
    page.goto(address + path)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert len({link.bounding_box()["y"] for link in page.locator("#nav a").all()}) == 1
    cut = page.evaluate(
        "[...document.querySelectorAll('main td')].filter(e => e.scrollWidth > e.clientWidth + 1).length"
    )
    assert cut == 0
    context.close()


def test_a_table_is_still_a_table_on_a_phone(open_page):
    page = open_page("/deliveries?outcome=refused", **PHONE)
    assert page.get_by_role("table").get_by_role("row").count() == 3
    assert page.get_by_role("cell", name="198.51.100.77").count() == 2


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_word_can_be_read(open_page, path, scheme):
    page = open_page(path, color_scheme=scheme)
    assert page.evaluate(FAINT) == []
