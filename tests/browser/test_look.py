"""What the shell does: theme, navigation on a phone, pages that follow what moves, the first key."""

import pytest
from playwright.sync_api import expect

from tests import people
from tests.browser.test_gallery import PHONE, brightness_of
from tests.factories.world import world

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_theme_is_switched_and_kept(open_as):
    page = open_as(people.ada(), "/", color_scheme="light")
    switch = page.locator("[data-theme-switch]")
    switch.click()
    switch.click()
    assert brightness_of(page) < 60
    page.goto("/models/")
    assert brightness_of(page) < 60


def test_on_a_phone_the_navigation_opens(open_as):
    page = open_as(people.ada(), "/", viewport=PHONE)
    expect(page.get_by_role("link", name="Edges", exact=True)).to_be_hidden()
    page.get_by_role("button", name="Navigation").click()
    page.get_by_role("link", name="Rollouts", exact=True).click()
    expect(page.get_by_role("heading", name="Rollouts")).to_be_visible()


def test_a_running_job_moves_by_itself(open_as):
    made = world()
    page = open_as(people.ada(), f"/jobs/{made.job.pk}/")
    told = page.locator("#live [role=status]")
    expect(told).to_have_text("Epoch 2 of 5")
    page.get_by_text("As a table").click()
    type(made.job).objects.update(current_epoch=4, progress_percent=80)
    expect(told).to_have_text("Epoch 4 of 5")
    expect(page.get_by_role("cell", name="0.25")).to_be_visible()  # what was opened stays open


def test_the_first_key_leads_past_the_navigation(open_as):
    page = open_as(people.ada(), "/models/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the page")).to_be_focused()
