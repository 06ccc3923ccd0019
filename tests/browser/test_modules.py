"""Modules in Chromium: pages in light, dark and on a phone; a schema edited with the keyboard alone, seen before it is saved."""

import json

import pytest
from playwright.sync_api import expect

from learning.actions import label_schema
from learning.models import AiModule, HitlLabel
from tests import people
from tests.browser.test_gallery import AXE, NOWHERE, looked_at
from tests.factories.learning import delivered, pune, vehicles

pytestmark = pytest.mark.django_db(transaction=True)

COCO = {
    "categories": [
        {"id": 0, "name": "car", "supercategory": "vehicle", "color": [200, 40, 40]},
        {"id": 1, "name": "Fußgänger", "keypoints": ["head"]},
        {"id": 2, "name": "bicycle"},
    ],
    "annotations": [{"attributes": {"occluded": True, "make": "kia"}}],
}


def made() -> AiModule:
    """A module with a past, attributes, reasons and a guide, whose samples say some of its labels."""
    city = pune()
    module = vehicles(
        attributes=[{"name": "make", "type": "select", "values": ["kia", "fiat"], "per": "box"}],
        reasons=["too_dark", "occluded", "two_vehicles"],
        reject_reasons=["privacy", "duplicate"],
        text={"pattern": "[A-Z]{2}[0-9]{4}", "max_length": 6, "unreadable": "?"},
        guide="Judge what you see, not what you expect.\n\nA van is a car.",
    )
    [sample] = delivered(city, 1)
    labels = [dict(label) for label in module.schema.labels]
    labels[0].update(name="automobile", guide="Four wheels or more.", examples=[sample.sample_id])
    labels[2]["retired"] = True
    label_schema.revise(
        module, by=people.ada(), based_on=1, labels=[*labels, {"name": "tram", "shortcut": "t"}], note="Trams came."
    )
    return module


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is missing: install npm and run `make vendor`")
def test_pages_fit_follow_the_theme_and_are_open_to_all(open_as, folder, tmp_path):
    made()
    (tmp_path / "instances.json").write_text(json.dumps(COCO))
    page = open_as(people.ada(), "/modules/")
    wrong = []

    def judge(name: str) -> None:
        wrong.extend(looked_at(page, name, folder, NOWHERE))

    people.rhea()
    addresses = {"modules": "/modules/", "module": "/modules/vehicles/", "module-new": "/modules/new/"}
    for name, address in {"module-policy": "/modules/vehicles/policy/", **addresses}.items():
        page.goto(address)
        judge(name)
    page.get_by_label("Name", exact=True).fill("Street scenes")
    page.get_by_label("Begin with").select_option("file")
    page.get_by_label("File", exact=True).set_input_files(tmp_path / "instances.json")
    page.get_by_role("button", name="Read the file").click()
    expect(page.get_by_role("heading", name="Read from COCO")).to_be_visible()
    judge("module-draft")
    page.goto("/modules/vehicles/schema/")
    page.get_by_text("Guide, retire, take out").first.click()
    page.get_by_label("Name of the label").first.fill("passenger car")
    expect(page.get_by_text("was called automobile")).to_be_visible()
    judge("module-schema")
    assert not wrong, "\n".join(wrong)


def test_a_file_becomes_a_module_with_one_press(open_as, tmp_path):
    (tmp_path / "classes.txt").write_text("plate\n車\n")
    page = open_as(people.ada(), "/modules/")
    page.get_by_role("link", name="New module").click()
    expect(page.get_by_label("Copy of")).to_be_hidden()
    page.get_by_label("Name", exact=True).fill("Plates of Pune")
    expect(page.get_by_label("Slug")).to_have_value("plates_of_pune")
    page.get_by_label("Its answers are").select_option("detection")
    page.get_by_label("Begin with").select_option("file")
    page.get_by_label("File", exact=True).set_input_files(tmp_path / "classes.txt")
    page.get_by_role("button", name="Read the file").click()
    expect(page.get_by_text("classes.txt: 2 labels, 0 attributes.")).to_be_visible()
    page.get_by_role("button", name="Make the module").click()
    expect(page.get_by_role("heading", name="Plates of Pune", level=1)).to_be_visible()
    assert AiModule.objects.get().schema.names == ["plate", "車"]


def test_a_schema_is_edited_by_keyboard_and_seen_before_it_is_saved(open_as):
    vehicles()
    page = open_as(people.ada(), "/modules/vehicles/schema/")
    expect(page.get_by_label("Name of the label")).to_have_count(3)  # the empty rows are for those without the script
    page.get_by_role("button", name="Add a label").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name of the label").nth(3)).to_be_focused()
    page.keyboard.type("tram")
    page.keyboard.press("Tab")
    page.keyboard.type("n")
    expect(page.get_by_text("The key N means Nothing")).to_be_visible()
    page.keyboard.press("Backspace")
    page.keyboard.type("t")
    changed = page.locator("#preview")
    expect(changed.get_by_text("can be chosen from now on")).to_be_visible()
    expect(changed.locator(".key", has_text="tram").locator("kbd")).to_have_text("T")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # up
    expect(page.get_by_text("the labels stand in another order")).to_be_hidden()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name of the label").nth(1)).to_have_value("tram")
    page.get_by_label("Why this revision").fill("Trams came.")
    page.get_by_role("button", name="Save the revision").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Revision 2 is saved.")).to_be_visible()
    assert AiModule.objects.get().schema.names == ["car", "tram", "bus", "bicycle"]


def test_without_scripts_the_editor_works_by_numbers_and_buttons(open_as):
    vehicles()
    page = open_as(people.ada(), "/modules/vehicles/schema/", java_script_enabled=False)
    page.get_by_label("Name of the label").nth(3).fill("tram")
    page.get_by_label("Place").nth(3).fill("1")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("can be chosen from now on")).to_be_visible()
    page.get_by_role("button", name="Save the revision").click()
    expect(page.get_by_text("Revision 2 is saved.")).to_be_visible()
    assert "tram" in AiModule.objects.get().schema.names


def test_a_policy_is_changed_with_what_it_does_beside_it(open_as):
    people.ann(), people.rhea()
    module = vehicles()
    page = open_as(people.ada(), "/modules/vehicles/policy/")
    expect(page.get_by_text("Change something, and it is said here")).to_be_visible()
    page.get_by_label("People who judge each sample").fill("9")
    expect(page.get_by_text("Nobody could complete a sample")).to_be_visible()
    page.get_by_label("People who judge each sample").fill("2")
    expect(page.get_by_text("No sample that waits needs more or fewer people")).to_be_visible()
    page.get_by_label("Why").fill("Two see more than one.")
    page.get_by_role("button", name="Save the policy").click()
    expect(page.get_by_text("Version 2 of the policy holds now.")).to_be_visible()
    expect(page.get_by_text("Two see more than one.")).to_be_visible()
    module.refresh_from_db()
    assert module.policy.overlap == 2


def test_a_prediction_under_a_former_name_is_judged_under_the_name_of_today(open_as):
    city = pune()
    module = vehicles(review_policy={"city_labels": "review"})
    delivered(city, 2)  # a car each
    labels = [dict(label) for label in module.schema.labels]
    labels[0]["name"] = "automobile"
    label_schema.revise(module, by=people.ada(), based_on=1, labels=labels)
    page = open_as(people.ann(), "/review/")
    expect(page.locator("[data-said]")).to_have_text("automobile")
    page.keyboard.press("1")  # the automobile: that is what was predicted
    expect(page.locator("[data-recent] li")).to_have_count(1)
    page.keyboard.press("2")
    expect(page.locator("[data-recent] li")).to_have_count(2)
    said = HitlLabel.objects.by_people().order_by("id").values_list("decision", "correction")
    assert list(said) == [("correct", None), ("change", {"label": "bus"})]
