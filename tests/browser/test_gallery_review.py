"""Every stage of review in light, dark and on a phone: the grid, disputes, checks, returned work, gold, quality, and what goes wrong."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from learning.models import AiModule
from tests import people
from tests.browser.queues import decided_without_network
from tests.browser.test_gallery import AXE, REVIEWING, Scene, wrong_with
from tests.factories.desk import desk

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not AXE.is_file(), reason="axe-core is missing: install npm and run `make vendor`"),
]

TILES = "[data-grid-review][aria-busy=false] [data-tiles] > li"
EMPTY = "[data-empty]:not([hidden])"
PICTURED = {
    "dark": {"grid", "dispute", "quality", "review-offline"},
    "phone": {"grid", "grid-plates", "dispute", "check", "returned", "quality", "gold", "review-offline"},
}


def scenes(digits: AiModule) -> Iterator[Scene]:
    """Answer the pages as a reviewer sees them."""
    yield Scene("grid", "/review/meter_digits/grid/?label=3", TILES, mark_and_change)
    yield Scene("grid-plates", "/review/plates/grid/", TILES, edit_a_text)
    yield Scene("grid-none", "/review/vehicles/grid/")
    yield Scene("dispute", "/review/street_plates/?kind=dispute", REVIEWING)
    yield Scene("dispute-boxes", "/review/vehicles/?kind=dispute", REVIEWING, look_at_an_answer)
    yield Scene("check", "/review/parking/?kind=check", REVIEWING)
    yield Scene("review-unsure", "/review/plates/", REVIEWING, ask_why)
    yield Scene("review-empty", "/review/quiet/", EMPTY)
    yield Scene("review-refused", "/review/plates/", REVIEWING, be_refused)
    yield Scene("review-offline", "/review/meter_digits/", REVIEWING, lose_the_network)
    yield Scene("quality", f"/quality/?module={digits.slug}")
    yield Scene("quality-empty", "/quality/?module=quiet")
    yield Scene("module-unclear", "/modules/street_plates/unclear/")
    yield Scene("gold", f"/gold/?module={digits.slug}")
    yield Scene("gold-empty", "/gold/?module=quiet")


def mark_and_change(page: Page) -> None:
    page.locator(TILES).nth(4).locator(".tile-picture").click()
    page.locator(TILES).nth(9).locator(".tile-said").click()
    page.locator("#label-finder").fill("8")
    page.keyboard.press("Enter")
    expect(page.locator(TILES).nth(9)).to_have_attribute("data-state", "changed")


def edit_a_text(page: Page) -> None:
    page.locator(TILES).nth(2).locator(".tile-said").click()
    expect(page.locator("[data-text]")).to_be_focused()


def look_at_an_answer(page: Page) -> None:
    page.get_by_role("button", name="3 boxes").focus()
    expect(page.locator(".boxes .box.alone")).to_have_count(1)


def ask_why(page: Page) -> None:
    page.keyboard.press("Escape")
    page.keyboard.press("u")
    page.get_by_role("heading", name="Why unsure?").wait_for()


def be_refused(page: Page) -> None:
    problem = {"detail": "The text does not have the form the schema asks for.", "type": "urn:command-centre:invalid"}
    page.route("**/decide", lambda route: route.fulfill(status=422, json=problem))
    page.keyboard.press("Enter")
    page.get_by_role("alert").wait_for()
    page.unroute("**/decide")


def lose_the_network(page: Page) -> None:
    decided_without_network(page, 2)
    expect(page.locator("[data-notice]")).to_contain_text("kept in this browser")


def test_every_stage_of_review_fits_follows_the_theme_and_is_open_to_all(open_as, folder):
    digits = desk()
    page = open_as(people.rhea(), "/modules/", forgives=422, routed=True)
    wrong = []
    for scene in scenes(digits):
        wrong += wrong_with(page, scene, folder, PICTURED)
    assert not wrong, "\n".join(wrong)


def test_what_came_back_fits_follows_the_theme_and_is_open_to_all(open_as, folder):
    desk()
    page = open_as(people.ann(), "/")
    assert not wrong_with(page, Scene("returned", "/review/parking/?kind=returned", REVIEWING), folder, {"dark": set()})
