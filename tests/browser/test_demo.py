"""The whole loop on whichever servers the suite runs on, then each one-time link, doing what it says."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.config import playing

pytestmark = pytest.mark.loop


@pytest.fixture
def facts(tmp_path):
    with playing.own_database(tmp_path) as database, playing.staying(tmp_path, database) as said:
        yield said


def test_the_loop_comes_round_and_every_link_does_what_it_says(facts, chromium, tmp_path):
    the_loop_came_round(facts)
    no_log_says_a_secret(tmp_path, facts)
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


def no_log_says_a_secret(var: Path, facts) -> None:
    """Whatever web, workers and agent wrote in a whole run, none of it opens a door; links are printed to the person, not logged."""
    logs = [path for path in var.rglob("*.log") if path != var / "demo.log"]
    assert {"web.log", "default.log", "training.log", "agent.log"} <= {path.name for path in logs}
    written = "".join(path.read_text(errors="replace") for path in logs)
    keys = [path.read_text().strip() for path in (var / "demo").rglob("*") if path.is_file() and "key" in path.name]
    pem = [line for path in (var / "trust").rglob("*.pem") for line in path.read_text().splitlines() if "-----" not in line]
    links = [link.rstrip("/").rpartition("/")[2].partition("?")[0] for link in facts["links"].values()]
    assert len(keys) >= 2
    assert len(pem) >= 5
    for secret in ((var / "secret").read_text(), *keys, *pem, *links):
        assert secret
        assert secret not in written
    assert not re.search(r"[?&]s=[0-9a-f]{16}|X-Amz-Signature=[0-9a-f]{16}|cc_[0-9A-Za-z]{8,16}_[\w-]{8}", written)


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
