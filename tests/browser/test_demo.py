"""The whole loop on whichever servers the suite runs on, then each one-time link, doing what it says."""

import pytest
from playwright.sync_api import Page, expect

from tests.config import playing

pytestmark = pytest.mark.loop


@pytest.fixture
def facts(tmp_path):
    with playing.own_database(tmp_path) as database, playing.staying(tmp_path, database) as said:
        yield said


def test_the_loop_comes_round_and_every_link_does_what_it_says(facts, chromium):
    the_loop_came_round(facts)
    for purpose, act in {
        "label ten": label_ten,
        "settle": settle,
        "approve": approve,
        "resume": resume,
        "who made this model?": who_made_this_model,
    }.items():
        page = chromium.new_context().new_page()
        page.goto(facts["links"][purpose])
        page.get_by_role("button", name="Log in").click()
        act(page)
        page.context.close()


def the_loop_came_round(facts) -> None:
    assert facts["samples_registered"] == 1_500
    assert facts["labels"] > facts["samples_registered"]
    assert facts["fingerprint"].startswith("sha256:")
    assert facts["edge_accuracy"] >= 0.93
    assert abs(facts["edge_accuracy"] - facts["test_accuracy"]) < 0.05
    assert facts["active_after_rollout"] == facts["active_after_rollback"] != facts["active_after_second_rollout"]
    assert facts["edge_accuracy_second"] < facts["edge_accuracy"] == facts["edge_accuracy_after_rollback"]


def label_ten(page: Page) -> None:
    today = page.locator("[data-today]")
    before = int(today.inner_text())
    for number in range(10):
        expect(page.locator("[data-review][aria-busy=false]")).to_be_visible()
        page.keyboard.press("Enter")
        expect(today).to_have_text(str(before + number + 1))


def settle(page: Page) -> None:
    expect(page.locator("[data-answer]")).to_have_count(2)
    page.keyboard.press("b")
    expect(page.locator("[data-empty] strong")).to_have_text("Nothing is disputed in Meter readings")
    expect(page.locator("[data-empty] strong")).to_be_visible()


def approve(page: Page) -> None:
    page.get_by_role("button", name="Approve", exact=True).click()
    expect(page.locator(".badge").first).to_contain_text("approved")


def resume(page: Page) -> None:
    page.get_by_role("button", name="Resume").click()
    expect(page.locator(".badge").first).to_contain_text("running")


def who_made_this_model(page: Page) -> None:
    lineage = page.locator("section, .panel").filter(has_text="Lineage").first
    expect(lineage).to_contain_text("meter-digits@v1.0.0")
