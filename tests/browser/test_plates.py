"""Plates at the keyboard: the field is filled, Enter confirms, what was typed is checked before it is sent."""

import io

import pytest
from PIL import Image
from playwright.sync_api import expect

from learning.actions import module as module_verbs
from learning.models import HitlLabel
from tests import people
from tests.browser.queues import judged, queue
from tests.factories.street import CARS, plate, plate_of, street

pytestmark = pytest.mark.django_db(transaction=True)
FORM = {"pattern": "[A-Z]{2}[0-9]{2}[A-Z]{2}[0-9]{4}", "normalise": "plate", "unreadable": "?", "max_length": 12}
SEEN = {"label": "plate", "bbox": list(plate_of(CARS[0])), "text": "MH12AB1234"}


def plates(**schema):
    facts = {"text": FORM, "reasons": ["unreadable", "two_plates"], **schema}
    return module_verbs.add("plates", by=None, name="Plates", task="text", **facts)


def number(place: int) -> str:
    return f"MH{place % 100:02d}AB{1000 + place}"


def field_of(page):
    """Answer the field, once the sample is there."""
    return page.locator("[data-review][aria-busy=false] [data-text]")


def test_fifty_plates_are_judged_by_keyboard_alone_through_a_reload_and_a_cut_network(open_as):
    """Forty-three right, four corrected, two taken back and judged anew, one unsure, one rejected, one with nothing to read."""
    queue(plates(), [{"text": number(place)} for place in range(50)], [plate(number(place)) for place in range(50)])
    page = open_as(people.ann(), "/review/plates/", routed=True)
    keys = {10: ["Escape", "u", "2"], 20: ["Escape", "r", "1"], 30: ["Escape", "n"]}
    pressed = 0

    def press(*names: str) -> None:
        nonlocal pressed
        for name in names:
            page.keyboard.press(name)
            pressed += 1

    for place in range(50):
        expect(field_of(page)).to_have_value(number(place))
        if place == 25:
            page.reload()
            expect(field_of(page)).to_have_value(number(place))
        if place == 35:
            page.route("**/decide", lambda route: route.abort("internetdisconnected"))
        if place == 37:
            page.unroute("**/decide")
        if place % 12 == 5:
            press("End", "Backspace", "8", "Enter")
        else:
            press(*keys.get(place, ["Enter"]))
        if place == 40:
            expect(field_of(page)).to_have_value(number(41))
            press("Enter")
            expect(field_of(page)).to_have_value(number(42))
            for earlier in (41, 40):  # two samples back
                press("Escape", "z")
                expect(field_of(page)).to_have_value(number(earlier))
            press("Enter")
            expect(field_of(page)).to_have_value(number(41))
    expect(page.locator("[data-empty]")).to_be_visible()
    assert page.locator("[data-today]").inner_text() == "50"
    said = [decision for decision, _, _ in judged()]
    assert {decision: said.count(decision) for decision in set(said)} == {
        "correct": 43,
        "change": 4,
        "unsure": 1,
        "reject": 1,
        "nothing": 1,
    }
    times = HitlLabel.objects.standing().values_list("review_time_seconds", flat=True)
    assert all(0 < seconds < 60 for seconds in times)
    assert len(set(HitlLabel.objects.standing().values_list("sample", flat=True))) == 50
    assert pressed == 43 + 4 * 4 + (3 + 3 + 2) + 6  # one key press for each that is right


def test_the_crop_of_the_predictions_box_stands_beside_the_field(open_as):
    module = plates(labels=["plate"])
    queue(module, [{"text": "MH12AB1234", "boxes": [SEEN]}, {"text": "KA01XY9090"}], [street(), plate("KA01XY9090")])
    page = open_as(people.ann(), "/review/plates/")
    expect(field_of(page)).to_have_value("MH12AB1234")
    crop = page.locator("[data-crop]")
    shown = Image.open(io.BytesIO(crop.screenshot())).convert("RGB")
    assert shown.width / shown.height == pytest.approx((104 + 6) / (26 + 6), rel=0.1)
    assert min(shown.getpixel((shown.width // 2, round(shown.height * 0.16)))) > 180  # the plate's own ground
    page.keyboard.press("Enter")
    expect(field_of(page)).to_have_value("KA01XY9090")
    size = crop.bounding_box()
    assert size["width"] / size["height"] == pytest.approx(320 / 84, rel=0.05)  # no box: the whole image


def test_a_corrected_text_keeps_its_boxes_and_goes_into_the_one_it_stood_in(open_as):
    car = {"label": "car", "bbox": list(CARS[0])}
    queue(plates(labels=["plate", "car"]), [{"text": "MH12AB1234", "boxes": [SEEN, car]}], [street()])
    page = open_as(people.ann(), "/review/plates/")
    expect(field_of(page)).to_have_value("MH12AB1234")
    page.keyboard.press("End")
    page.keyboard.press("Backspace")
    page.keyboard.press("9")
    page.keyboard.press("Enter")
    expect(page.locator("[data-empty]")).to_be_visible()
    said = {"text": "MH12AB1239", "boxes": [{**SEEN, "text": "MH12AB1239"}, car]}
    assert judged() == [("change", said, "")]


def test_a_box_of_a_text_is_mended_and_its_text_stays(open_as):
    queue(plates(labels=["plate"]), [{"text": "MH12AB1234", "boxes": [SEEN]}], [street()])
    page = open_as(people.ann(), "/review/plates/")
    expect(field_of(page)).to_be_focused()
    for key in ("Escape", "Tab", "Shift+ArrowRight", "Enter"):
        page.keyboard.press(key)
    expect(page.locator("[data-empty]")).to_be_visible()
    x, y, width, height = SEEN["bbox"]
    assert judged() == [("change", {"text": "MH12AB1234", "boxes": [{**SEEN, "bbox": [x + 10, y, width, height]}]}, "")]


def test_what_breaks_the_form_is_told_before_it_is_sent(open_as):
    queue(plates(), [{"text": "MH12AB1234"}])
    page = open_as(people.ann(), "/review/plates/")
    expect(field_of(page)).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.press("Backspace")
    told = page.locator("#text-told")
    expect(told).to_have_text("Not of the form that this module asks for.")
    expect(field_of(page)).to_have_attribute("aria-invalid", "true")
    page.keyboard.press("Enter")
    expect(field_of(page)).to_be_focused()
    assert judged() == []
    page.keyboard.type("7")
    expect(told).to_have_text("")
    page.keyboard.press("Home")
    page.keyboard.press("Delete")
    page.keyboard.type("m")  # in the module's spelling it is a capital letter
    expect(told).to_have_text("")
    page.keyboard.press("Enter")
    expect(page.locator("[data-empty]")).to_be_visible()
    assert judged() == [("change", {"text": "MH12AB1237"}, "")]


def test_one_character_that_cannot_be_read_is_marked(open_as):
    queue(plates(), [{"text": "MH12AB1234"}])
    page = open_as(people.ann(), "/review/plates/")
    field = field_of(page)
    expect(field).to_be_focused()
    field.evaluate("field => field.setSelectionRange(4, 5)")
    page.get_by_role("button", name="One character cannot be read").click()
    expect(field).to_have_value("MH12?B1234")
    expect(page.locator("#text-told")).to_have_text("")
    page.keyboard.press("End")
    page.keyboard.press("Backspace")
    page.keyboard.type("?")  # a second one is one too many
    expect(page.locator("#text-told")).to_have_text("Not of the form that this module asks for.")
    page.keyboard.press("Backspace")
    page.keyboard.type("4")
    page.keyboard.press("Enter")
    expect(page.locator("[data-empty]")).to_be_visible()
    assert judged() == [("change", {"text": "MH12?B1234"}, "")]


def test_without_a_prediction_an_empty_field_is_no_answer(open_as):
    queue(plates(), [None])
    page = open_as(people.ann(), "/review/plates/")
    expect(field_of(page)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("[data-by]")).to_contain_text("Type what it says")
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    expect(page.locator("[data-empty]")).to_be_visible()
    assert [decision for decision, _, _ in judged()] == ["nothing"]
