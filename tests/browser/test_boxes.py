"""Boxes on the review page: by mouse, by touch and by keyboard alone they are drawn, moved, resized, described and undone."""

import pytest
from playwright.sync_api import expect

from learning.actions import module as module_verbs
from learning.models import HitlLabel
from tests import people
from tests.browser.queues import judged, queue, shown
from tests.browser.test_gallery import AXE, broken_rules
from tests.factories.street import CARS, SIZE, cars, street

pytestmark = pytest.mark.django_db(transaction=True)
COLOUR = {"name": "colour", "type": "select", "values": ["red", "blue", "white"], "required": True, "per": "box"}
PARKED = {"name": "parked", "type": "checkbox", "per": "box"}


def vehicles(**schema):
    return module_verbs.add("vehicles", by=None, name="Vehicles", task="detection", labels=["car", "bus", "truck"], **schema)


def at(page, x: float, y: float) -> tuple[float, float]:
    """Answer where a pixel of the image is on the screen."""
    image = page.locator("[data-canvas] img").bounding_box()
    return image["x"] + x * image["width"] / SIZE[0], image["y"] + y * image["height"] / SIZE[1]


def drag(page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*at(page, *start))
    page.mouse.down()
    page.mouse.move(*at(page, (start[0] + end[0]) / 2, (start[1] + end[1]) / 2))
    page.mouse.move(*at(page, *end))
    page.mouse.up()


def said() -> list[dict]:
    """Answer the boxes of the only judgement."""
    return HitlLabel.objects.standing().get().correction["boxes"]


@pytest.fixture
def opened(open_as):
    """Answer a function that opens the page on a street with these predictions."""

    def opened(*predictions, schema=None, **options):
        queue(vehicles(**schema or {}), predictions, [street()] * len(predictions))
        page = open_as(people.ann(), "/review/vehicles/", **options)
        page.locator("[data-review][aria-busy=false] img:not([hidden])").wait_for()
        return page

    return opened


def test_a_box_is_drawn_with_the_mouse_and_labelled_by_its_key(opened):
    page = opened({"boxes": []})
    x, y, width, height = CARS[2]
    drag(page, (x, y), (x + width, y + height))
    expect(page.locator("[data-box-title]")).to_have_text("Box 1 of 1")
    page.keyboard.press("3")
    expect(shown(page)).to_have_text("1 box: truck")
    page.keyboard.press("Enter")
    expect(page.locator("[data-empty]")).to_be_visible()
    box = said()[0]
    assert box["label"] == "truck"
    assert box["bbox"] == pytest.approx(CARS[2], abs=2)


def test_boxes_are_drawn_moved_and_resized_by_keyboard_alone(opened):
    page = opened(cars("car"), cars("car", "car"))
    first = cars("car")["boxes"][0]["bbox"]
    page.keyboard.press("Tab")
    expect(page.get_by_label("car, Box 1 of 1")).to_be_focused()
    for key in ("ArrowRight", "Shift+ArrowDown", "Control+ArrowLeft", "Control+Shift+ArrowUp"):
        page.keyboard.press(key)
    page.keyboard.press("n")
    expect(page.get_by_label("car, Box 2 of 2")).to_be_focused()
    page.keyboard.press("2")
    expect(shown(page)).to_have_text("2 boxes")
    page.keyboard.press("Enter")
    expect(shown(page)).to_have_text("2 boxes: car")
    x, y, width, height = first
    boxes = said()
    assert boxes[0] == {"label": "car", "bbox": [x + 1, y + 10, width - 1, height - 10]}
    assert boxes[1] == {"label": "bus", "bbox": [SIZE[0] // 3, SIZE[1] // 3, SIZE[0] // 3, SIZE[1] // 3]}
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_label("car, Box 2 of 2")).to_be_focused()
    page.keyboard.press("Delete")
    expect(page.get_by_label("car, Box 1 of 1")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("[data-empty]")).to_be_visible()
    assert [len(correction["boxes"]) for _, correction, _ in judged()] == [2, 1]


def test_what_is_right_takes_one_key_and_nothing_takes_one_too(opened):
    page = opened(cars("car"), cars("car", "car"))
    page.keyboard.press("Enter")
    expect(shown(page)).to_have_text("2 boxes: car")
    page.keyboard.press("x")
    expect(page.locator("[data-empty]")).to_be_visible()
    assert judged() == [("correct", None, ""), ("nothing", {"boxes": []}, "")]


def test_steps_are_undone_and_done_again(opened):
    page = opened(cars("car"))
    before = page.locator("[data-box-side]").first
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("2")
    expect(shown(page)).to_have_text("1 box: bus")
    page.keyboard.press("Control+z")
    expect(shown(page)).to_have_text("1 box: car")
    expect(before).to_have_value("86")
    page.keyboard.press("Control+z")  # the row of arrow keys is one step
    expect(before).to_have_value("84")
    page.keyboard.press("Control+Shift+z")
    page.keyboard.press("Control+y")
    expect(shown(page)).to_have_text("1 box: bus")
    page.keyboard.press("Delete")
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    page.keyboard.press("Enter")  # back at what was predicted
    expect(page.locator("[data-empty]")).to_be_visible()
    assert judged() == [("correct", None, "")]


def test_a_box_cannot_leave_the_image_nor_be_of_no_size(opened):
    page = opened({"boxes": []})
    drag(page, (900, 560), (1200, 900))
    expect(page.locator("[data-box-side]").nth(2)).to_have_value("60")
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
    x, _, width, height = page.locator("[data-box-side]").all()
    expect(x).to_have_value("900")
    width.fill("5000")
    width.press("Enter")
    expect(width).to_have_value("960")
    expect(x).to_have_value("0")
    height.fill("0")
    height.press("Enter")
    expect(height).to_have_value("40")
    page.mouse.click(*at(page, 480, 100))  # a click draws nothing
    drag(page, (20, 20), (300, 20))  # nor does a line
    expect(shown(page)).to_have_text("1 box: car")
    page.keyboard.press("Enter")
    expect(page.locator("[data-empty]")).to_be_visible()
    assert said() == [{"label": "car", "bbox": [0, 560, 960, 40]}]


def test_a_box_is_moved_and_pulled_at_its_corner(opened):
    page = opened({"boxes": [{"label": "car", "bbox": [100, 100, 200, 100]}]})
    drag(page, (200, 150), (240, 190))
    drag(page, (340, 240), (400, 300))
    drag(page, (140, 140), (420, 320))  # through the other corner
    page.keyboard.press("Enter")
    expect(page.locator("[data-empty]")).to_be_visible()
    assert said()[0]["bbox"] == pytest.approx([400, 300, 20, 20], abs=3)


def test_of_boxes_in_one_another_the_inner_one_is_chosen(opened):
    page = opened({"boxes": [{"label": "car", "bbox": [400, 200, 60, 60]}, {"label": "bus", "bbox": [100, 100, 700, 400]}]})
    page.mouse.click(*at(page, 430, 230))
    expect(page.locator("[data-box-title]")).to_have_text("Box 1 of 2")
    page.mouse.click(*at(page, 150, 400))
    expect(page.locator("[data-box-title]")).to_have_text("Box 2 of 2")
    page.mouse.click(*at(page, 930, 50))
    expect(page.locator("[data-box-panel]")).to_be_hidden()


def test_what_every_box_must_say_is_asked_before_it_is_sent(opened):
    page = opened(cars("car", "car"), schema={"attributes": [COLOUR, PARKED]})
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(page.locator("[data-by]")).to_contain_text("colour of this box is required")
    colour = page.get_by_label("colour")
    expect(colour).to_be_focused()
    page.keyboard.press("r")  # chooses in the list, and rejects nothing
    expect(colour).to_have_value("red")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(page.locator("[data-box-title]")).to_have_text("Box 2 of 2")
    colour.select_option("blue")
    page.get_by_label("parked").check()
    page.keyboard.press("Enter")
    expect(page.locator("[data-empty]")).to_be_visible()
    assert [box["attributes"] for box in said()] == [{"colour": "red"}, {"colour": "blue", "parked": True}]


def test_what_was_drawn_is_there_after_a_reload_and_after_an_undo(opened):
    page = opened(cars("car"), cars("bus"))
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+ArrowRight")
    page.reload()
    expect(shown(page)).to_have_text("1 box: car")
    page.keyboard.press("Tab")
    expect(page.locator("[data-box-side]").first).to_have_value("94")
    page.keyboard.press("Enter")
    expect(shown(page)).to_have_text("1 box: bus")
    page.keyboard.press("z")
    expect(shown(page)).to_have_text("1 box: car")
    page.keyboard.press("Tab")
    expect(page.locator("[data-box-side]").first).to_have_value("94")
    assert judged() == []


def test_it_is_looked_at_from_near_and_moved_about(opened):
    page = opened(cars("car"))
    image = page.locator("[data-canvas] img")
    whole = image.bounding_box()
    page.mouse.move(*at(page, 200, 300))
    page.mouse.wheel(0, -400)
    expect(page.locator("[data-picture]")).to_have_attribute("data-near", "")
    near = image.bounding_box()
    assert near["width"] == pytest.approx(whole["width"] * 2.718, rel=0.02)
    page.mouse.move(*at(page, 200, 300))
    page.keyboard.down(" ")
    page.mouse.down()
    start = image.bounding_box()
    page.mouse.move(*[place + 40 for place in at(page, 200, 300)])
    page.mouse.up()
    page.keyboard.up(" ")
    assert image.bounding_box()["x"] == pytest.approx(start["x"] + 40, abs=1)
    expect(shown(page)).to_have_text("1 box: car")  # nothing was drawn
    page.keyboard.press("Home")
    assert image.bounding_box() == pytest.approx(whole, abs=1)
    page.keyboard.press("+")
    assert image.bounding_box()["width"] == pytest.approx(whole["width"] * 1.25, rel=0.01)
    page.get_by_text("Adjust", exact=True).click()
    page.get_by_label("Brightness").fill("2")
    expect(image).to_have_css("filter", "brightness(2) contrast(1)")


def test_a_finger_draws_and_two_look_nearer(opened):
    page = opened({"boxes": []}, viewport={"width": 390, "height": 844}, has_touch=True)
    touch = page.context.new_cdp_session(page)

    def fingers(kind: str, *points: tuple[float, float]) -> None:
        places = [at(page, *point) if kind != "touchEnd" else point for point in points]
        touch.send(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]},
        )

    fingers("touchStart", (100, 200))
    fingers("touchMove", (250, 300))
    fingers("touchMove", (400, 400))
    fingers("touchEnd")
    expect(shown(page)).to_have_text("1 box: car")
    assert float(page.locator("[data-box-side]").nth(2).input_value()) == pytest.approx(300, abs=6)
    before = page.locator("[data-canvas] img").bounding_box()["width"]
    fingers("touchStart", (600, 300))
    fingers("touchStart", (600, 300), (700, 300))
    fingers("touchMove", (550, 300), (750, 300))
    fingers("touchEnd")
    assert page.locator("[data-canvas] img").bounding_box()["width"] > before * 1.5
    expect(shown(page)).to_have_text("1 box: car")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is missing: install npm and run `make vendor`")
def test_the_editor_is_open_to_all(opened, scheme):
    page = opened(cars("car", "car"), schema={"attributes": [COLOUR, PARKED]}, color_scheme=scheme)
    page.keyboard.press("Tab")
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Guide", exact=True)).to_be_visible()
    assert not broken_rules(page)


def test_the_tab_key_walks_from_the_picture_through_boxes_keys_and_the_fields_of_a_box(opened):
    page = opened(cars("car", "car"), schema={"attributes": [COLOUR]})
    walked = []
    for _ in range(16):
        page.keyboard.press("Tab")
        walked.append(
            page.evaluate(
                "(({ id, dataset, classList }) => dataset.act ?? dataset.label ?? (id || classList[0]))(document.activeElement)"
            )
        )
    keys = ["correct", "car", "bus", "truck", "nothing", "unsure", "reject", "skip", "undo"]
    assert walked == ["box", "box", *keys, "delete-box", "box-x", "box-y", "box-w", "box-h"]
    page.keyboard.press("Tab")
    expect(page.get_by_label("colour")).to_be_focused()
    page.keyboard.press("Escape")  # back to the box it is about
    expect(page.get_by_label("car, Box 2 of 2")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("[data-picture]")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_text("Adjust", exact=True)).to_be_focused()
