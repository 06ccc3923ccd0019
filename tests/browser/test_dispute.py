"""A reviewer settles a dispute by one key, over the answers that two people gave."""

import uuid

import pytest
from playwright.sync_api import expect

from learning.actions import module as module_verbs
from learning.actions import review
from learning.models import LearningSample
from tests import people
from tests.browser.queues import queue
from tests.browser.test_gallery import AXE, broken_rules

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_key_picks_one_of_the_answers(open_as):
    policy = {"overlap": 2, "city_labels": "review"}
    vehicles = module_verbs.add(
        "vehicles", by=None, name="Vehicles", task="classification", labels=["car", "bus"], review_policy=policy
    )
    queue(vehicles, [{"label": "car"}])
    disagree(vehicles, {"label": "bus"})
    page = open_as(people.rhea(), "/review/vehicles/?kind=dispute")
    expect(page.locator("[data-answer]")).to_have_text(["Abus", "Bcar"])
    page.keyboard.press("a")
    expect(page.locator("[data-empty] strong")).to_be_visible()
    expect(page.locator("[data-empty] strong")).to_have_text("Nothing is disputed in Vehicles")
    sample = LearningSample.objects.get()
    assert (sample.state, sample.truth) == ("settled", {"label": "bus"})


def test_what_differs_is_marked_and_an_answer_can_be_edited_first(open_as):
    policy = {"overlap": 2, "city_labels": "review"}
    plates = module_verbs.add("plates", by=None, name="Plates", task="text", review_policy=policy)
    queue(plates, [{"text": "MH12AB1234"}])
    disagree(plates, {"text": "MH12AB1284"})
    page = open_as(people.rhea(), "/review/plates/?kind=dispute")
    answers = page.locator("[data-answer]")
    expect(answers).to_have_text(["AMH12AB1284", "BMH12AB1234"])
    expect(answers.locator("mark")).to_have_text(["8", "3"])
    page.keyboard.press("Shift+A")
    field = page.locator("[data-text]")
    expect(field).to_be_focused()
    expect(field).to_have_value("MH12AB1284")
    page.keyboard.press("End")
    page.keyboard.press("Backspace")
    page.keyboard.type("9")
    page.keyboard.press("Enter")
    expect(page.locator("[data-empty]")).to_be_visible()
    assert LearningSample.objects.get().truth == {"text": "MH12AB1289"}


def test_boxes_of_an_answer_are_shown_where_the_keyboard_is_and_what_others_lack_apart(open_as):
    policy = {"overlap": 2, "city_labels": "review"}
    labels = ["car", "bus"]
    vehicles = module_verbs.add("vehicles", by=None, name="Vehicles", task="detection", labels=labels, review_policy=policy)
    queue(vehicles, [{"boxes": [{"label": "car", "bbox": [2, 2, 20, 10]}]}])
    two = [{"label": "car", "bbox": [2, 2, 20, 10]}, {"label": "bus", "bbox": [24, 4, 20, 20]}]
    disagree(vehicles, {"boxes": two})
    page = open_as(people.rhea(), "/review/vehicles/?kind=dispute")
    more = page.get_by_role("button", name="2 boxes")
    more.focus()
    expect(page.locator(".boxes .box")).to_have_count(2)
    expect(page.locator(".boxes .box.alone")).to_have_count(1)
    assert not AXE.is_file() or not broken_rules(page)
    page.locator("[data-picture]").focus()
    expect(page.locator(".boxes .box")).to_have_count(1)
    more.click()
    expect(page.locator("[data-empty]")).to_be_visible()
    assert LearningSample.objects.get().truth == {"boxes": two}


def disagree(module, correction) -> None:
    """Let Ann find the prediction correct and Al correct it."""
    answers = ((people.ann(), {"decision": "correct"}), (people.al(), {"decision": "change", "correction": correction}))
    for person, said in answers:
        lease = review.lease_next(module, by=person)
        assert lease is not None
        review.decide(lease.slot, by=person, lease_token=lease.token, client_uuid=uuid.uuid4(), **said)
