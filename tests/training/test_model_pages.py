"""What a person decides about a model version on its page."""

import pytest
from django.urls import reverse
from django.utils import timezone

from tests import people
from tests.factories import training as rooms
from tests.factories.training_models import ModelVersionFactory
from tests.pages import looking, said, text_of
from training import trust
from training.actions import job
from training.actions import model_version as verbs
from training.models import ModelStatus

pytestmark = pytest.mark.django_db


@pytest.fixture
def model():
    return ModelVersionFactory(status=ModelStatus.TESTING)


def act(person, model, verb, **form):
    response = looking(person).post(reverse(f"training:model-{verb}", args=[model.pk]), form, follow=True)
    model.refresh_from_db()
    return response


def test_who_had_it_trained_is_told_that_another_person_approves(model):
    page = text_of(looking(people.ada()).get(reverse("training:model", args=[model.pk])))
    assert "another person approves it" in page
    assert reverse("training:model-approve", args=[model.pk]) not in page
    assert said(act(people.ada(), model, "approve")) == ["You had this model trained; another person has to approve it."]
    assert model.status == ModelStatus.TESTING


def test_another_person_approves_and_releases(model):
    act(people.bo(), model, "approve", text="Better on 7.")
    assert (model.status, model.approved_by, model.approval_notes) == (ModelStatus.APPROVED, people.bo(), "Better on 7.")
    response = act(people.bo(), model, "release", text="First one.")
    assert said(response) == ["Released and active. It can be rolled out now."]
    assert model.is_active
    assert "Roll out" in text_of(response)


def test_a_second_approval_is_refused_in_words(model):
    act(people.bo(), model, "approve")
    assert "cannot become approved" in said(act(people.bo(), model, "approve"))[0]


def test_what_is_not_approved_is_not_released(model):
    assert "Only an approved version can be released" in said(act(people.bo(), model, "release"))[0]


def test_it_is_sent_back_with_a_reason_only(model):
    assert "Say why it is refused." in said(act(people.bo(), model, "refuse"))[0]
    act(people.bo(), model, "refuse", text="Weak on 7.")
    assert model.status == ModelStatus.DRAFT


def test_deprecating_wants_the_number_typed(model):
    act(people.bo(), model, "approve")
    act(people.bo(), model, "deprecate", confirmation="yes")
    assert model.status == ModelStatus.APPROVED
    act(people.bo(), model, "deprecate", text="Old.", confirmation=model.version)
    assert model.status == ModelStatus.DEPRECATED


def test_a_deprecated_version_is_withdrawn_by_name(model):
    act(people.bo(), model, "approve")
    act(people.bo(), model, "release")
    act(people.bo(), model, "withdraw", confirmation=model.version, text="It misreads 7.")
    assert (model.status, model.withdrawn_at) == (ModelStatus.RELEASED, None)
    act(people.bo(), model, "deprecate", text="Old.", confirmation=model.version)
    act(people.bo(), model, "withdraw", confirmation="yes", text="It misreads 7.")
    assert model.withdrawn_at is None
    act(people.bo(), model, "withdraw", confirmation=model.version, text="It misreads 7.")
    assert model.withdrawn_at is not None


def test_the_home_page_counts_what_others_had_trained(model):
    def to_approve(person):
        cards = looking(person).get("/").context["cards"]
        return next(card["value"] for card in cards if card["label"] == "Models to approve")

    assert (to_approve(people.ada()), to_approve(people.bo())) == ("0", "1")


def test_an_act_needs_a_post(model):
    assert looking(people.bo()).get(reverse("training:model-approve", args=[model.pk])).status_code == 405


def test_an_act_of_a_stranger_does_nothing(model, client):
    client.post(reverse("training:model-approve", args=[model.pk]))
    assert act(people.cy(), model, "approve").status_code == 403
    assert model.status == ModelStatus.TESTING


def test_a_release_that_awaits_signatures_says_how_many_are_there(model):
    trust.init()
    trust.propose({"all/meter_digits/1.0.0.zip": trust.File(64 * "0", 10)})
    facts = {"status": "approved", "approved_by": people.bo(), "approved_at": timezone.now()}
    type(model).objects.filter(pk=model.pk).update(release_requested_at=timezone.now(), **facts)
    page = text_of(looking(people.bo()).get(reverse("training:model", args=[model.pk])))
    assert "The release awaits signatures" in page
    assert "0/1" in page
    assert "cc-edge sign" in page


def test_a_page_that_waits_for_an_evaluation_is_loaded_anew_once_it_has_ended():
    ada = people.ada()
    rooms.samples(ada, 20)
    version = ModelVersionFactory(status=ModelStatus.DRAFT, dataset_version=rooms.frozen(ada, seed=7))
    evaluation = verbs.evaluate(version, by=ada)
    address = reverse("training:model", args=[version.pk])
    assert "every 2s" in text_of(looking(ada).get(address))
    waiting = looking(ada).get(address, headers={"HX-Request": "true"})
    assert (waiting.status_code, "HX-Refresh" in waiting) == (204, False)
    job.cancel(evaluation, by=ada)
    assert looking(ada).get(address, headers={"HX-Request": "true"})["HX-Refresh"] == "true"
    assert "every 2s" not in text_of(looking(ada).get(address))
