"""The privacy officer's way in Chromium: ask, look at what was found, choose, decide, type the words, fetch the receipt."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from learning.actions import erasing, erasure
from learning.models import Erasure, ErasureState
from tests import people
from tests.factories.gallery import gallery
from training.actions import erasure as training_erasure

pytestmark = pytest.mark.django_db(transaction=True)


def shoot(page, name) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_from_the_request_to_the_receipt(open_as):
    made = gallery()
    ada = people.ada()
    held = made.erasure.items.order_by("id").first()  # it comes last on the page, and is left out
    names = [*made.batch.samples.order_by("id").values_list("sample_id", flat=True)[20:25], held.sample.sample_id]
    page = open_as(ada, "/erasures/")
    page.get_by_label("Find by").select_option("samples")
    page.get_by_label("Text").fill("\n".join(names))
    page.get_by_label("Reference").fill("R-2026-17")
    shoot(page, "erasures")
    page.get_by_role("button", name="Look for it").click()
    expect(page.get_by_text("A worker looks for what is meant")).to_be_visible()
    row = Erasure.objects.get(reference="R-2026-17")
    erasure.gather(row.pk)
    expect(page.get_by_role("heading", name="Candidates")).to_be_visible()
    boxes = page.get_by_role("checkbox")
    expect(boxes).to_have_count(len(names))
    page.locator(f"input[value='{held.sample.sample_id}']:not([type=hidden])").uncheck()
    page.get_by_role("button", name="Keep this choice").click()
    expect(page.get_by_text("Your choice is kept.")).to_be_visible()
    asked = page.locator("form", has=page.locator("select[name=decision]"))
    for number in range(asked.count()):
        asked.nth(number).get_by_label("Decision").select_option("retrain")
        asked.nth(number).get_by_role("button", name="Decide").click()
        expect(page.locator(".tag", has_text="Retrain")).to_have_count(number + 1)
    shoot(page, "erasure")
    page.get_by_role("button", name="Erase", exact=True).click()
    dialog = page.get_by_role("dialog")
    shoot(page, "erasure-confirm")
    expect(dialog.get_by_role("button", name="Erase", exact=True)).to_be_disabled()
    dialog.get_by_role("textbox").fill(f"erase {len(names) - 1}")
    dialog.get_by_role("button", name="Erase", exact=True).click()
    expect(page.get_by_text("Confirmed: a worker erases it now")).to_be_visible()
    erasing.run(row.pk)
    row.refresh_from_db()
    for touch in row.touches.filter(kind="dataset_version"):
        training_erasure.rewrite(touch.object_id)
    erasing.run(row.pk)
    expect(page.get_by_role("link", name="Download the receipt")).to_be_visible()
    shoot(page, "erasure-done")
    row.refresh_from_db()
    assert (row.state, row.counts["samples"]) == (ErasureState.DONE, len(names) - 1)
    page.goto("/retention/")
    expect(page.get_by_text("Court of Pune, case 17")).to_be_visible()
    shoot(page, "retention")
