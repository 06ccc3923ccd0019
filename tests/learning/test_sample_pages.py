"""Pages of samples and batches: which pictures are shown to whom, and what a batch's funnel counts."""

import pytest
from django.urls import reverse

from accounts.models import Organization
from learning.models.batch import DUPLICATE
from tests import people
from tests.factories import training as rooms
from tests.factories.learning import vehicles
from tests.factories.world import world
from tests.pages import looking, shows_an_object, text_of

pytestmark = pytest.mark.django_db


def test_an_image_is_shown_to_hub_staff_and_not_to_a_customer():
    acme = world(people.acme())
    address = reverse("learning:sample", args=[acme.sample.sample_id])
    assert shows_an_object(text_of(looking(people.ada()).get(address)))
    assert not shows_an_object(text_of(looking(people.olga()).get(address)))


def test_a_customer_who_may_view_images_sees_the_own_ones():
    acme = world(people.acme())
    Organization.objects.update(may_view_images=True)
    assert shows_an_object(text_of(looking(people.olga()).get(reverse("learning:sample", args=[acme.sample.sample_id]))))
    assert shows_an_object(text_of(looking(people.olga()).get(reverse("learning:samples"))))


def test_an_image_that_no_worker_has_verified_is_shown_to_nobody():
    sample = rooms.sample(vehicles(), rooms.city(people.ada()), 1, state="received", truth=None, truth_sha256="")
    ada = looking(people.ada())
    assert not shows_an_object(text_of(ada.get(reverse("learning:sample", args=[sample.sample_id]))))
    assert not shows_an_object(text_of(ada.get(reverse("learning:samples"))))


def test_the_boxes_of_the_truth_are_drawn_over_the_image():
    truth = {"boxes": [{"label": "car", "bbox": [2, 3, 10, 11]}]}
    sample = rooms.sample(vehicles(), rooms.city(people.ada()), 1, truth=truth)
    sample.object.width, sample.object.height = 32, 32
    sample.object.save()
    page = text_of(looking(people.ada()).get(reverse("learning:sample", args=[sample.sample_id])))
    assert '<rect x="2" y="3" width="10" height="11"/>' in page


def test_the_grid_is_narrowed_by_what_stands_in_the_address():
    world()
    ada = looking(people.ada())
    samples = ada.get(reverse("learning:samples"), {"state": "pending", "city": "city_hub"}).context["samples"]
    assert [sample.state for sample in samples] == ["pending"]
    assert "No sample is like that" in text_of(ada.get(reverse("learning:samples"), {"state": "disputed"}))


def test_every_sample_is_met_once_when_paging(monkeypatch):
    monkeypatch.setattr("learning.views.sample.PAGE", 3)
    made = world()
    ada, cursor, seen = looking(people.ada()), "", []
    while cursor is not None:
        context = ada.get(reverse("learning:samples"), {"cursor": cursor}).context
        seen += [sample.event_id for sample in context["samples"]]
        cursor = context["page"].next
    assert seen == ["e-3", "e-2", "e-1", "e-0"]
    assert made.sample.event_id in seen


def test_a_batch_shows_its_funnel_and_the_reasons():
    made = world()
    made.batch.rejections.create(event_id="e-8", reason="duplicate", detail="")
    response = looking(people.ada()).get(reverse("learning:batch", args=[made.batch.pk]))
    funnel = response.context["funnel"]
    assert funnel == {"sent": 5, "accepted": 4, "verified": 4, "settled": 3, "rejected": 1, "duplicate": 1}
    assert "It could not be decoded." in text_of(response)


def test_a_batch_counts_what_was_here_already_apart_from_what_was_rejected():
    made = world()
    made.batch.rejections.create(event_id="e-1", reason=DUPLICATE, detail="The hub has it already.")
    ada = looking(people.ada())
    funnel = ada.get(reverse("learning:batch", args=[made.batch.pk])).context["funnel"]
    assert (funnel["sent"], funnel["accepted"], funnel["duplicate"], funnel["rejected"]) == (5, 4, 1, 1)
    row = ada.get(reverse("learning:batches")).context["rows"][0]
    assert (row["duplicate"], row["rejected"]) == (1, 1)
