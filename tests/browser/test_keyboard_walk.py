"""The pages of the grid, quality and gold without a mouse: everything on them is reached, opened, left and done by keys."""

import pytest
from playwright.sync_api import expect

from learning.models import AnnotatorPause, GoldAnswer, HitlLabel, ReviewSlot
from tests import people
from tests.browser.queues import queue
from tests.factories.judged import judged_module
from tests.factories.learning import UNCHECKED, vehicles

pytestmark = pytest.mark.django_db(transaction=True)
FARTHEST = 150


def walk_to(page, target, key: str = "Tab") -> None:
    """Press Tab until the target has the focus; a page on which it never comes there fails."""
    for _ in range(FARTHEST):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{target} is not reached by {key}")


def test_a_person_is_paused_and_let_on_and_a_figure_followed(open_as):
    judged_module(8)
    page = open_as(people.rhea(), "/quality/")
    walk_to(page, page.get_by_text("As CSV"))
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="People week by week")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_text("As CSV")).to_be_focused()
    pause = page.get_by_role("row", name="Ann").get_by_role("button", name="Pause").first
    walk_to(page, pause)
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(pause).to_be_focused()
    page.keyboard.press("Enter")
    walk_to(page, page.get_by_role("dialog").get_by_label("Why"))
    page.keyboard.type("Buses are taken for cars.")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Ann is paused in Vehicles.")).to_be_visible()
    assert AnnotatorPause.objects.standing().get().why == "Buses are taken for cars."
    walk_to(page, page.locator("summary", has_text="Resume"))
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("We looked at ten together.")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Ann may go on; the score begins anew.")).to_be_visible()
    walk_to(page, page.locator(".matrix a").first)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Samples", exact=True)).to_be_visible()


def test_gold_is_retired_and_made_again(open_as):
    judged_module(8)
    page = open_as(people.rhea(), "/gold/")
    newest = GoldAnswer.objects.order_by("-id").first()
    walk_to(page, page.get_by_role("button", name="Retire").first)
    page.keyboard.press("Enter")
    walk_to(page, page.get_by_role("dialog").get_by_label("Why"))
    page.keyboard.type("Everybody knows it by now.")
    page.keyboard.press("Enter")
    expect(page.get_by_text("It is retired; from now on it may be trained on.")).to_be_visible()
    newest.refresh_from_db()
    assert newest.retired_because == "Everybody knows it by now."
    walk_to(page, page.get_by_label("Sample", exact=True))
    page.keyboard.type(newest.sample.sample_id)
    page.keyboard.press("Enter")
    expect(page.get_by_text("It is gold now")).to_be_visible()
    assert GoldAnswer.objects.filter(sample=newest.sample, retired_at=None).count() == 1


def test_a_grid_is_worked_through_from_its_classes_to_its_keys(open_as):
    module = vehicles(name="Vehicles", review_policy={**UNCHECKED, "grid_full_share": 0.0, "city_labels": "review"})
    queue(module, [{"label": "car"}] * 4 + [{"label": "bus"}] * 3)
    page = open_as(people.ann(), "/review/vehicles/grid/")
    tiles = page.locator("[data-grid-review][aria-busy=false] [data-tiles] > li")
    expect(tiles).to_have_count(4)
    expect(tiles.nth(0).locator(".tile-picture")).to_be_focused()
    large = page.get_by_role("button", name="Large")
    walk_to(page, large, "Shift+Tab")
    page.keyboard.press("Space")
    expect(large).to_have_attribute("aria-pressed", "true")
    walk_to(page, page.locator("[data-class=bus]"), "Shift+Tab")
    page.keyboard.press("Enter")
    expect(tiles).to_have_count(3)
    expect(tiles.nth(0).locator(".tile-picture")).to_be_focused()
    page.keyboard.press("Tab")  # the tiles are one stop
    expect(page.locator(".grid-keys summary")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".grid-keys dl")).to_be_visible()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    expect(tiles.nth(1)).to_have_attribute("data-state", "marked")
    page.keyboard.press("End")
    page.keyboard.press("e")
    page.keyboard.type("bic")
    page.keyboard.press("Escape")  # rather not
    expect(tiles.nth(2).locator(".tile-picture")).to_be_focused()
    page.keyboard.press("e")
    page.keyboard.type("bic")
    page.keyboard.press("Enter")
    expect(tiles.nth(2)).to_have_attribute("data-state", "changed")
    walk_to(page, page.get_by_role("button", name="Approve the rest (1)"), "Shift+Tab")
    page.keyboard.press("Enter")
    expect(tiles).to_have_count(4)
    expect(page.locator("[data-notice]")).to_have_text("1 approved, 1 changed, 1 marked.")
    walk_to(page, page.get_by_role("button", name="Undo: bus", exact=True))
    page.keyboard.press("Enter")
    expect(page.locator("[data-notice]")).to_contain_text("Undone: bus.")
    assert HitlLabel.objects.filter(withdrawn_at=None).count() == 1
    assert ReviewSlot.objects.filter(in_full=True).count() == 1
