"""An annotator at the keyboard."""

import re

import pytest
from playwright.sync_api import expect

from learning.actions import module as module_verbs
from learning.models import HitlLabel, ReviewSlot, SlotState
from tests import people
from tests.browser.queues import judged, queue, shown

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def digits():
    return module_verbs.add(
        "meter_digits",
        by=None,
        name="Meter digits",
        task="classification",
        labels=[str(digit) for digit in range(10)],
        reasons=["unreadable", "two_digits"],
    )


def test_five_samples_are_labelled_by_keyboard_alone(digits, open_as):
    queue(digits, [{"label": str(number)} for number in range(5)])
    page = open_as(people.ann(), "/")
    page.keyboard.press("Enter")  # home: the first queue has the focus
    for number, keys in enumerate([["Enter"], ["7"], ["u", "2"], ["n"], ["4"]]):
        expect(shown(page)).to_have_text(str(number))
        for key in keys:
            page.keyboard.press(key)
    expect(page.locator("[data-empty]")).to_be_visible()
    assert judged() == [
        ("correct", None, ""),
        ("change", {"label": "7"}, ""),
        ("unsure", None, "two_digits"),
        ("nothing", {}, ""),
        ("correct", None, ""),
    ]
    assert page.locator("[data-today]").inner_text() == "5"
    assert page.locator("[data-recent] li").count() == 5


def test_a_skipped_sample_waits_for_others(digits, open_as):
    queue(digits, [{"label": "1"}, {"label": "2"}])
    page = open_as(people.ann(), "/review/")
    expect(shown(page)).to_have_text("1")
    page.keyboard.press("s")
    expect(shown(page)).to_have_text("2")
    assert not HitlLabel.objects.exists()
    assert page.locator("[data-today]").inner_text() == "0"


def test_a_plate_is_confirmed_by_enter_and_corrected_by_typing(open_as):
    plates = module_verbs.add("plates", by=None, name="Plates", task="text", text={"max_length": 12})
    queue(plates, [{"text": "MH12AB1234"}, {"text": "MH12AB1235"}])
    page = open_as(people.ann(), "/review/plates/")
    field = page.locator("[data-text]")
    expect(field).to_have_value("MH12AB1234")
    expect(field).to_be_focused()
    page.keyboard.press("Enter")
    expect(field).to_have_value("MH12AB1235")
    page.keyboard.press("End")
    page.keyboard.press("Backspace")
    page.keyboard.type("9")
    page.keyboard.press("Enter")
    expect(page.locator("[data-empty]")).to_be_visible()
    assert judged() == [("correct", None, ""), ("change", {"text": "MH12AB1239"}, "")]


def test_escape_leads_from_the_field_to_single_keys(open_as):
    plates = module_verbs.add("plates", by=None, name="Plates", task="text", reasons=["unreadable"])
    queue(plates, [{"text": "MH12AB1234"}])
    page = open_as(people.ann(), "/review/plates/")
    expect(page.locator("[data-text]")).to_be_focused()
    for key in ("Escape", "u", "Enter"):
        page.keyboard.press(key)
    expect(page.locator("[data-empty]")).to_be_visible()
    assert judged() == [("unsure", None, "")]


def test_a_click_does_not_leave_enter_on_the_clicked_label(digits, open_as):
    queue(digits, [{"label": "1"}, {"label": "2"}])
    page = open_as(people.ann(), "/review/")
    expect(shown(page)).to_have_text("1")
    page.locator('[data-label="7"]').click()
    expect(shown(page)).to_have_text("2")
    page.keyboard.press("Enter")
    expect(page.locator("[data-empty]")).to_be_visible()
    assert [decision for decision, _, _ in judged()] == ["change", "correct"]


def test_without_a_prediction_enter_asks_for_a_label(digits, open_as):
    queue(digits, [None])
    page = open_as(people.ann(), "/review/")
    expect(shown(page)).to_have_text("no prediction")
    page.keyboard.press("Enter")
    expect(page.locator("[data-by]")).to_contain_text("choose a label")
    page.keyboard.press("3")
    expect(page.locator("[data-empty]")).to_be_visible()
    assert judged() == [("change", {"label": "3"}, "")]


def test_the_image_is_whole_and_boxes_lie_on_it(open_as):
    vehicles = module_verbs.add("vehicles", by=None, name="Vehicles", task="detection", labels=["car"])
    queue(vehicles, [{"boxes": [{"label": "car", "bbox": [12, 8, 24, 16]}]}])
    page = open_as(people.ann(), "/review/vehicles/")
    expect(shown(page)).to_have_text("1 box: car")
    expect(page.locator(".boxes .line")).to_be_visible()
    frame, image = page.locator(".picture").bounding_box(), page.locator(".picture img").bounding_box()
    box = page.locator(".boxes .line").bounding_box()
    assert image["height"] <= frame["height"]
    assert image["width"] <= frame["width"]
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert middle == pytest.approx((image["x"] + image["width"] / 2, image["y"] + image["height"] / 2), abs=2)


def test_whoever_leaves_gives_the_sample_back(digits, open_as):
    queue(digits, [{"label": "1"}])
    page = open_as(people.ann(), "/review/")
    expect(shown(page)).to_have_text("1")
    assert ReviewSlot.objects.get().state == SlotState.LEASED
    page.goto("/")
    other = open_as(people.al(), "/review/")
    expect(shown(other)).to_have_text("1")


def test_what_comes_is_announced(digits, open_as):
    queue(digits, [{"label": "1"}])
    page = open_as(people.ann(), "/review/")
    expect(page.locator("[aria-live=polite][data-announce]")).to_have_text(re.compile(r"Prediction: 1, 90\.0 %"))


def test_the_last_decisions_are_undone_one_after_the_other(digits, open_as):
    queue(digits, [{"label": str(number)} for number in range(3)])
    page = open_as(people.ann(), "/review/")
    for number, key in enumerate(["Enter", "7"]):
        expect(shown(page)).to_have_text(str(number))
        page.keyboard.press(key)
    expect(shown(page)).to_have_text("2")
    page.keyboard.press("z")
    expect(shown(page)).to_have_text("1")
    expect(page.locator("[data-by]")).to_contain_text("1 → 7")
    expect(page.locator("[data-earlier]")).to_contain_text("7")
    page.keyboard.press("z")
    expect(shown(page)).to_have_text("0")
    expect(page.locator("[data-today]")).to_have_text("0")
    assert judged() == []
    for number, key in enumerate(["3", "Enter", "Enter"]):
        expect(shown(page)).to_have_text(str(number))
        page.keyboard.press(key)
    expect(page.locator("[data-empty]")).to_be_visible()
    assert judged() == [("change", {"label": "3"}, ""), ("correct", None, ""), ("correct", None, "")]
    page.keyboard.press("z")  # from the empty queue, too
    expect(shown(page)).to_have_text("2")
    assert len(judged()) == 2


def test_what_was_decided_before_a_reload_can_be_undone_after_it(digits, open_as):
    queue(digits, [{"label": "1"}, {"label": "2"}])
    page = open_as(people.ann(), "/review/")
    expect(shown(page)).to_have_text("1")
    page.keyboard.press("Enter")
    expect(shown(page)).to_have_text("2")
    page.reload()
    expect(shown(page)).to_have_text("2")  # the sample that was on the screen
    expect(page.locator("[data-recent] li")).to_contain_text("settled")
    page.keyboard.press("z")
    expect(shown(page)).to_have_text("1")
    assert judged() == []


def test_nothing_is_undone_where_nothing_was_decided(digits, open_as):
    queue(digits, [{"label": "1"}])
    page = open_as(people.ann(), "/review/")
    expect(shown(page)).to_have_text("1")
    page.keyboard.press("z")
    expect(page.locator("[data-by]")).to_contain_text("nothing of yours to undo")


def test_a_rejection_needs_a_reason(digits, open_as):
    queue(digits, [{"label": "1"}])
    page = open_as(people.ann(), "/review/")
    expect(shown(page)).to_have_text("1")
    page.keyboard.press("r")
    expect(page.get_by_role("heading", name="Why reject it?")).to_be_visible()
    expect(page.get_by_text("no particular reason")).to_be_hidden()
    page.keyboard.press("2")
    expect(page.locator("[data-empty]")).to_be_visible()
    assert judged() == [("reject", None, "two_digits")]


def test_what_was_typed_is_there_after_a_reload(open_as):
    plates = module_verbs.add("plates", by=None, name="Plates", task="text")
    queue(plates, [{"text": "MH12AB1234"}])
    page = open_as(people.ann(), "/review/plates/")
    field = page.locator("[data-text]")
    expect(field).to_have_value("MH12AB1234")
    field.fill("MH12AB1299")
    page.reload()
    expect(field).to_have_value("MH12AB1299")


def test_the_tab_key_walks_from_the_picture_through_every_key_in_order(digits, open_as):
    queue(digits, [{"label": "1"}, {"label": "2"}])
    page = open_as(people.ann(), "/review/")
    expect(shown(page)).to_have_text("1")
    walked = []
    for _ in range(16):
        page.keyboard.press("Tab")
        walked.append(page.evaluate("document.activeElement.dataset.act ?? document.activeElement.dataset.label"))
    assert walked == ["correct", *map(str, range(10)), "nothing", "unsure", "reject", "skip", "undo"]
    for _ in range(7):
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")  # what has the focus is pressed, not the sample's main act
    expect(shown(page)).to_have_text("2")
    assert judged() == [("change", {"label": "7"}, "")]
