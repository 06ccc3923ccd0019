"""Choosing samples with the mouse and the keyboard, and walking the calendar by arrow keys."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from learning.actions import selection
from learning.models import LearningSample, Selection, UploadBatch
from tests import people
from tests.factories import learning as made
from tests.factories import training as rooms

pytestmark = pytest.mark.django_db(transaction=True)


def test_shift_and_a_click_tick_all_between_and_the_act_tells_how_far_it_is(open_as):
    rooms.samples(people.ada(), 6)
    page = open_as(people.rhea(), "/samples/")
    ticks = page.locator("[data-tick]")
    ticks.nth(1).click()
    ticks.nth(4).click(modifiers=["Shift"])
    expect(page.get_by_text("4 ticked")).to_be_visible()
    page.get_by_label("This page").check()
    expect(page.get_by_text("6 ticked")).to_be_visible()
    page.get_by_label("This page").uncheck()
    ticks.nth(0).focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Review again").click()
    page.get_by_label("Reason").fill("The guide was wrong.")
    page.get_by_role("button", name="Review again: 1 sample").click()
    expect(page.get_by_text("0 of 1 looked at")).to_be_visible()
    selection.run(Selection.objects.get().pk)
    expect(page.get_by_text("1 of 1 looked at, 1 changed.")).to_be_visible()
    assert LearningSample.objects.filter(state="pending").count() == 1


def test_the_calendar_is_one_stop_of_the_tab_key_and_arrows_move_in_it(open_as):
    for slug in ("city_a", "city_b"):
        city = made.pune(slug)
        for back in (0, 1):
            day = timezone.now().date() - timedelta(days=back)
            UploadBatch.objects.create(id=f"{slug}-{back}", city=city, day=day, state="registered")
    page = open_as(people.ada(), "/batches/calendar/")
    cells = page.locator("table[data-grid] td a")
    page.locator("table[data-grid] td a[tabindex='0']").focus()
    expect(cells.nth(0)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(cells.nth(1)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(cells.nth(3)).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    page.wait_for_url("**/batches/?city=city_b&since=*")
