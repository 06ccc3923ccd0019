"""The grid by keyboard, by mouse and by touch: what is wrong is marked or edited, the rest is approved in one go."""

import os
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from learning.actions import module as module_verbs
from learning.models import HitlLabel, ReviewSlot
from tests import people
from tests.browser.queues import judged, queue
from tests.browser.test_gallery import AXE, DESKTOP, PHONE, broken_rules
from tests.edge.live import until
from tests.factories.learning import UNCHECKED, vehicles
from tests.factories.street import CARS, plate, plate_of, street

pytestmark = pytest.mark.django_db(transaction=True)
FORM = {"pattern": "[A-Z]{2}[0-9]{2}[A-Z]{2}[0-9]{4}", "normalise": "plate", "max_length": 12}
TERMS = {**UNCHECKED, "grid_full_share": 0.0}
SHOTS = os.environ.get("GRID_SHOTS", "")


def number(place: int) -> str:
    return f"MH{place:02d}AB{1000 + 10 * place}"  # none ends in the digit that is typed


def plates(count: int):
    module = module_verbs.add("plates", by=None, name="Plates", task="text", text=FORM, labels=["plate"], review_policy=TERMS)
    seen = [{"text": number(place)} for place in range(count)]
    pictures = [plate(number(place)) for place in range(count)]
    if count > 4:
        seen[3] = {"text": "MH12AB1234", "boxes": [{"label": "plate", "bbox": list(plate_of(CARS[0])), "text": "MH12AB1234"}]}
        pictures[3] = street()
    queue(module, seen, pictures)


def cars(count: int = 6, buses: int = 2):
    module = vehicles(name="Vehicles", review_policy={**TERMS, "city_labels": "review"})
    queue(module, [{"label": "car"}] * count + [{"label": "bus"}] * buses)


def tiles(page):
    """Answer the tiles, once the page is there."""
    return page.locator("[data-grid-review][aria-busy=false] [data-tiles] > li")


def said_of(page, place: int) -> str:
    return tiles(page).nth(place).locator(".tile-said").inner_text()


def held() -> int:
    return ReviewSlot.objects.filter(state="leased").count()


def shot(page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def test_a_grid_of_plates_is_approved_by_keyboard_with_two_edits_and_one_mark(open_as):
    plates(12)
    page = open_as(people.ann(), "/review/plates/")
    until(lambda: held() == 3)  # the one on the screen, and two ahead
    grid = page.get_by_role("link", name="As a grid").get_attribute("href")
    page.goto("/")  # whoever leaves gives back what they held, which may reach the hub after the question of the next page
    until(lambda: held() == 0)
    page.goto(grid)
    expect(tiles(page)).to_have_count(12)
    expect(tiles(page).nth(0).locator(".tile-picture")).to_be_focused()
    edited = []
    for place in (0, 2):
        edited.append(said_of(page, place))
        page.keyboard.press("Enter")
        expect(page.locator("[data-text]")).to_be_focused()
        page.keyboard.press("End")
        page.keyboard.press("Backspace")
        page.keyboard.press("Enter")
        expect(page.locator("#tile-told")).to_have_text("Not of the form that this module asks for.")
        page.keyboard.type("9")
        page.keyboard.press("Enter")
        expect(tiles(page).nth(place)).to_have_attribute("data-state", "changed")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
    marked = said_of(page, 4)
    page.keyboard.press("x")
    expect(tiles(page).nth(4)).to_have_attribute("data-state", "marked")
    expect(page.locator("[data-counted]")).to_have_text("9 to approve, 2 changed, 1 marked as wrong")
    shot(page, "plates")
    page.reload()
    expect(tiles(page).nth(4)).to_have_attribute("data-state", "marked")
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-empty]")).to_be_visible()
    expect(page.locator("[data-notice]")).to_have_text("9 approved, 2 changed, 1 marked.")
    assert page.locator("[data-today]").inner_text() == "11"
    decisions = [decision for decision, _, _ in judged()]
    assert (decisions.count("correct"), decisions.count("change")) == (9, 2)
    texts = {correction["text"] for decision, correction, _ in judged() if decision == "change"}
    assert texts == {text[:-1] + "9" for text in edited}
    waiting = ReviewSlot.objects.get(state="open")
    assert waiting.sample.prediction["text"] == marked
    shot(page, "empty")
    page.get_by_role("link", name="Review one by one").click()
    expect(page.locator("[data-review][aria-busy=false] [data-text]")).to_have_value(marked)


def test_another_class_is_picked_and_the_next_class_follows(open_as):
    cars()
    page = open_as(people.ann(), "/review/vehicles/grid/")
    expect(tiles(page)).to_have_count(6)
    expect(page.locator("[data-classes] [aria-current]")).to_have_text("car 6")
    tiles(page).nth(1).locator(".tile-said").click()
    page.locator("#label-finder").fill("bic")
    shot(page, "picker")
    page.keyboard.press("Enter")
    expect(tiles(page).nth(1).locator(".tile-said")).to_have_text("bicycle")
    tiles(page).nth(2).locator(".tile-picture").click()
    tiles(page).nth(3).locator(".tile-picture").click()
    tiles(page).nth(3).locator(".tile-picture").click()  # and back
    page.get_by_role("button", name="Approve the rest (4)").click()
    expect(tiles(page)).to_have_count(2)
    expect(page.locator("[data-classes] [aria-current]")).to_have_text("bus 2")
    assert sorted(decision for decision, _, _ in judged()) == ["change"] + ["correct"] * 4
    with page.expect_response("**/grid/release") as given_back:
        page.evaluate("window.dispatchEvent(new PageTransitionEvent('pagehide'))")  # as when it is left
    assert given_back.value.status == 204
    assert not ReviewSlot.objects.filter(state="leased").exists()


def test_without_a_connection_the_page_is_kept_and_goes_out_later(open_as):
    cars(3, 0)
    page = open_as(people.ann(), "/review/vehicles/grid/", routed=True)
    expect(tiles(page)).to_have_count(3)
    page.route("**/grid/decide", lambda route: route.abort("internetdisconnected"))
    page.keyboard.press("a")
    expect(page.get_by_role("alert")).to_contain_text("kept in this browser")
    assert not HitlLabel.objects.exists()
    page.unroute("**/grid/decide")
    page.reload()
    expect(page.locator("[data-empty]")).to_be_visible()
    assert [decision for decision, _, _ in judged()] == ["correct"] * 3


def recent(page):
    """Answer the rows of the last decisions, once the page is there."""
    return page.locator("[data-grid-review][aria-busy=false] [data-recent] li")


def test_the_last_decisions_are_taken_back_one_by_one_and_judged_on_the_single_page(open_as):
    cars(4, 0)
    page = open_as(people.ann(), "/review/vehicles/grid/", forgives=409)
    expect(tiles(page)).to_have_count(4)
    tiles(page).nth(0).locator(".tile-said").click()
    page.locator("#label-finder").fill("bus")
    page.keyboard.press("Enter")
    expect(tiles(page).nth(0)).to_have_attribute("data-state", "changed")
    page.keyboard.press("z")  # first of all what was said of the tile
    expect(tiles(page).nth(0)).to_have_attribute("data-state", "")
    page.keyboard.press("z")
    expect(page.locator("[data-notice]")).to_have_text("There is nothing of yours to undo.")
    page.keyboard.press("a")
    expect(page.locator("[data-empty]")).to_be_visible()
    expect(recent(page)).to_have_count(4)
    assert page.locator("[data-today]").inner_text() == "4"
    page.keyboard.press("z")
    expect(recent(page)).to_have_count(3)
    expect(page.locator("[data-notice]")).to_have_text("Undone: car. It waits for you where samples are judged one by one.")
    last = HitlLabel.objects.order_by("-id").first()
    assert last.withdrawn_at is not None
    page.reload()
    expect(recent(page)).to_have_count(3)
    page.get_by_role("button", name="Undo: car").nth(2).click()
    expect(recent(page)).to_have_count(2)
    first = HitlLabel.objects.order_by("id").first()
    assert first.withdrawn_at is not None
    assert page.locator("[data-today]").inner_text() == "2"
    page.get_by_role("link", name="Review one by one").click()
    expect(page.locator("[data-review][aria-busy=false] [data-said]")).to_have_text("car")
    page.keyboard.press("2")
    expect(page.locator("[data-recent] li")).to_have_count(3)
    until(lambda: HitlLabel.objects.count() == 5)  # the page does not wait for the hub
    newest = HitlLabel.objects.order_by("-id").first()
    assert (newest.sample_id, newest.decision, newest.correction) == (first.sample_id, "change", {"label": "bus"})


def test_what_somebody_built_on_is_not_taken_back(open_as):
    cars(1, 0)
    page = open_as(people.ann(), "/review/vehicles/grid/", forgives=409)
    expect(tiles(page)).to_have_count(1)
    page.keyboard.press("a")
    expect(recent(page)).to_have_count(1)
    HitlLabel.objects.update(withdrawn_at=timezone.now())  # as when a reviewer returned it meanwhile
    page.keyboard.press("z")
    expect(page.locator("[data-notice]")).to_contain_text("returned or opened for another round meanwhile")
    expect(recent(page)).to_have_count(1)


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is missing: install npm and run `make vendor`")
@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_it_fits_and_breaks_no_rule(open_as, look):
    plates(12)
    options = {"viewport": PHONE if look == "phone" else DESKTOP, "color_scheme": "dark" if look == "dark" else "light"}
    page = open_as(people.ann(), "/review/plates/grid/", **options, has_touch=look == "phone")
    expect(tiles(page)).to_have_count(12)
    page.keyboard.press("x")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("e")
    expect(page.locator("[data-text]")).to_be_focused()
    shot(page, look)
    assert broken_rules(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
