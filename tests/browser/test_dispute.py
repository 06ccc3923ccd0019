"""A reviewer settles a dispute by one key, over the answers that two people gave."""

import uuid

import pytest
from playwright.sync_api import expect

from learning.actions import module as module_verbs
from learning.actions import review
from learning.models import LearningSample
from tests import people
from tests.browser.queues import queue

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_key_picks_one_of_the_answers(open_as):
    policy = {"overlap": 2, "city_labels": "review"}
    vehicles = module_verbs.add(
        "vehicles", by=None, name="Vehicles", task="classification", labels=["car", "bus"], review_policy=policy
    )
    queue(vehicles, [{"label": "car"}])
    answers = ((people.ann(), {"decision": "correct"}), (people.al(), {"decision": "change", "correction": {"label": "bus"}}))
    for person, said in answers:
        lease = review.lease_next(vehicles, by=person)
        assert lease is not None
        review.decide(lease.slot, by=person, lease_token=lease.token, client_uuid=uuid.uuid4(), **said)
    page = open_as(people.rhea(), "/review/vehicles/?kind=dispute")
    expect(page.locator("[data-answer]")).to_have_text(["Abus", "Bcar"])
    page.keyboard.press("a")
    expect(page.locator("[data-empty] strong")).to_be_visible()
    expect(page.locator("[data-empty] strong")).to_have_text("Nothing is disputed in Vehicles")
    sample = LearningSample.objects.get()
    assert (sample.state, sample.truth) == ("settled", {"label": "bus"})
