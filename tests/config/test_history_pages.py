"""A sample's way through the loop, a model's place on the edges, and what waits at home, as the pages tell them."""

import re

import pytest
from django.urls import reverse

from deployments.models import EdgeSlot
from learning.models import LearningSample
from tests import people
from tests.factories.accounts import OrganizationFactory
from tests.factories.training_models import ModelVersionFactory
from tests.factories.world import world
from tests.pages import looking, text_of

pytestmark = pytest.mark.django_db


def stations(person, sample) -> dict[str, str]:
    """Answer title → tone of the stations that `person` sees."""
    page = text_of(looking(person).get(reverse("learning:sample", args=[sample.sample_id])))
    found = re.findall(r'<li class="(\w+)">\s*<svg.*?</svg>\s*<div>\s*<strong>([^<]*)', page, re.DOTALL)
    return {title: tone for tone, title in found}


def test_a_sample_is_followed_to_the_edges_that_run_what_it_taught():
    made = world()
    EdgeSlot.objects.update(active_version=made.model.version)
    assert stations(people.ada(), made.sample) == {
        "Received": "good",
        "Judged": "good",
        "Frozen in versions": "good",
        "Trained models": "good",
        "Runs on edges": "good",
    }
    page = text_of(looking(people.ada()).get(reverse("learning:sample", args=[made.sample.sample_id])))
    for there in (
        reverse("learning:batch", args=[made.batch.pk]),
        reverse("training:version", args=[made.version.pk]),
        reverse("training:model", args=[made.model.pk]),
        reverse("deployments:edge", args=[made.edge.pk]),
    ):
        assert f'href="{there}"' in page


def test_a_station_that_was_not_reached_says_what_leads_there():
    world()
    waiting = LearningSample.objects.get(state="pending")
    assert stations(people.ada(), waiting)["Judged"] == "waiting"
    assert stations(people.ada(), waiting)["Trained models"] == "over"
    page = text_of(looking(people.ada()).get(reverse("learning:sample", args=[waiting.sample_id])))
    assert "it waits in the review queue" in page


def test_a_reviewer_sees_as_far_as_the_role_reaches():
    made = world()
    assert list(stations(people.rhea(), made.sample)) == ["Received", "Judged"]


def test_a_customer_sees_no_person_and_nothing_of_others_in_the_history():
    other = world(OrganizationFactory(slug="rival", name="Rival"))
    made = world(people.acme())
    assert stations(people.olga(), made.sample)["Trained models"] == "good"
    page = text_of(looking(people.olga()).get(reverse("learning:sample", args=[made.sample.sample_id])))
    assert "rival" not in page.lower()
    assert str(other.model.pk) not in page


def test_a_model_links_down_to_its_samples_and_up_to_what_it_led_to():
    made = world()
    ModelVersionFactory(module=made.module, version="9.0.0", base_version=made.model)
    page = text_of(looking(people.ada()).get(reverse("training:model", args=[made.model.pk])))
    assert "9.0.0" in page
    assert "3 samples" in page
    assert f'href="{reverse("deployments:rollout", args=[made.rollout.pk])}"' in page


def test_home_tells_the_oldest_that_waits_and_what_would_fill_an_empty_card():
    world()
    page = text_of(looking(people.bo()).get("/"))
    approve = page.split("Models to approve", 1)[1].split("</a>", 1)[0]
    assert "oldest" in approve
    assert "No site went back by itself." in page
    assert re.search(r"stands=drift.*?Edges in drift.*?>1<", page, re.DOTALL)


def test_home_of_an_annotator_holds_queues_and_nothing_to_decide():
    world()
    page = text_of(looking(people.ann()).get("/"))
    assert "1 waiting" in page
    assert 'class="card' not in page
