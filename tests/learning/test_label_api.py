"""Labels, disputes, agreement and the addresses of images over the API: what is within reach, page by page."""

import pytest
from django.urls import reverse

from learning.models import HitlLabel, LearningSample, SampleState
from tests import people
from tests.factories.judged import judged_module
from tests.factories.learning import delivered, pune, vehicles
from tests.pages import looking

pytestmark = pytest.mark.django_db


def asked(who, name, *args, **query):
    return looking(who).get(reverse(name, args=args), query)


def test_labels_are_paged_newest_first_with_their_samples():
    vehicles()
    delivered(pune(), 5)
    first = asked(people.rhea(), "api-labels", page_size=3).json()
    rest = asked(people.rhea(), "api-labels", page_size=3, cursor=first["next"]).json()
    shown = [row["label_id"] for row in first["results"] + rest["results"]]
    assert shown == list(HitlLabel.objects.order_by("-id").values_list("label_id", flat=True))
    assert len(shown) == 5
    assert (first["results"][0]["ai_module"], first["results"][0]["city"]) == ("vehicles", "city_pune")


def test_labels_are_narrowed_and_a_word_that_is_none_is_refused():
    vehicles()
    sample, *_ = delivered(pune(), 2)
    delivered(pune("city_goa"), 1, label_status="changed", correction={"label": "bus"})
    for query, count in (
        ({"sample_id": sample.sample_id}, 1),
        ({"city": "city_goa"}, 1),
        ({"label_status": "correct"}, 2),
        ({"decision": "change", "label_source": "correction"}, 1),
        ({"ai_module": "vehicles"}, 3),
    ):
        assert len(asked(people.rhea(), "api-labels", **query).json()["results"]) == count, query
    refused = asked(people.rhea(), "api-labels", decision="maybe")
    assert (refused.status_code, "decision is one of" in refused.json()["detail"]) == (400, True)


def test_an_organization_is_shown_the_labels_of_its_own_cities():
    vehicles()
    own, other = pune(organization=people.acme()), pune("city_goa")
    delivered(own, 1)
    [foreign] = delivered(other, 1)
    shown = asked(people.olga(), "api-labels").json()["results"]
    assert [row["city"] for row in shown] == [own.slug]
    assert asked(people.olga(), "api-labels", sample_id=foreign.sample_id).status_code == 404
    assert asked(people.olga(), "api-labels", city=other.slug).status_code == 404


def test_an_images_address_is_given_to_who_may_see_it():
    vehicles()
    [sample] = delivered(pune(), 1)
    told = asked(people.rhea(), "api-object-url", sample.object_id).json()
    assert sample.object.name in told["url"]
    assert asked(people.olga(), "api-object-url", sample.object_id).status_code in {403, 404}
    assert asked(people.rhea(), "api-object-url", "01a1fb62-8066-73be-9d6c-80848f756eca").status_code == 404


def test_disputes_come_with_their_answers_and_without_names():
    module = judged_module()
    disputed = LearningSample.objects.filter(state=SampleState.DISPUTED, module=module)
    told = asked(people.rhea(), "api-disputes", ai_module=module.slug).json()["results"]
    assert {row["sample_id"] for row in told} == set(disputed.values_list("sample_id", flat=True))
    assert told
    assert all(len(row["answers"]) > 1 and set(row["answers"][0]) == {"decision", "value", "reason"} for row in told)


def test_agreement_is_told_with_its_interval():
    module = judged_module()
    told = asked(people.rhea(), "api-agreement", ai_module=module.slug).json()
    whole = asked(people.rhea(), "api-quality", ai_module=module.slug).json()
    assert {name: told[name] for name in whole["agreement"]} == whole["agreement"]
    assert told["pairs"]["n"] > 0


@pytest.mark.parametrize("name", ["api-disputes", "api-agreement", "api-labels"])
def test_annotators_are_refused(name):
    assert asked(people.ann(), name).status_code == 403
