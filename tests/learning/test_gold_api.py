"""Gold, pauses and figures of quality over the API: for reviewers; a paused person is refused in words."""

import pytest
from django.urls import reverse

from learning.models import AnnotatorPause, GoldAnswer, LearningSample
from tests import people
from tests.factories.judged import judged_module
from tests.pages import looking

pytestmark = pytest.mark.django_db
JSON = "application/json"


@pytest.fixture
def judged():
    return judged_module()


def post(who, name, *args, **body):
    return looking(who).post(reverse(name, args=args), body, content_type=JSON)


def test_a_reviewer_promotes_and_retires_gold(judged):
    rhea = people.rhea()
    sample = LearningSample.objects.filter(state="settled", is_gold=False).latest("pk")
    made = post(rhea, "api-gold", sample_id=sample.sample_id)
    assert (made.status_code, made.json()["sample_id"]) == (201, sample.sample_id)
    assert post(rhea, "api-gold", sample_id=sample.sample_id).json() == made.json()
    listed = looking(rhea).get(reverse("api-gold"), {"ai_module": judged.slug}).json()["results"]
    assert len(listed) == GoldAnswer.objects.count() == 5
    retired = post(rhea, "api-gold-retire", made.json()["id"], reason="Blurred.")
    assert retired.json()["retired_because"] == "Blurred."


def test_what_cannot_be_gold_is_refused_with_a_sentence(judged):
    pending = LearningSample.objects.filter(state="pending").first()
    refused = post(people.rhea(), "api-gold", sample_id=pending.sample_id)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:command-centre:not_gold")
    assert post(people.rhea(), "api-gold", sample_id="nobody").status_code == 404


def test_a_paused_person_is_refused_the_next_sample_until_it_is_lifted(judged):
    rhea, ann = people.rhea(), people.ann()
    paused = post(rhea, "api-pauses", ai_module=judged.slug, user=ann.pk, reason="Let us talk.")
    assert (paused.status_code, paused.json()["by"]) == (201, rhea.pk)
    refused = post(ann, "api-review-next", ai_module=judged.slug)
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:command-centre:paused")
    assert "Let us talk" in refused.json()["detail"]
    assert len(looking(rhea).get(reverse("api-pauses")).json()["results"]) == 1
    lifted = post(rhea, "api-pause-lift", paused.json()["id"], reason="We did.")
    assert lifted.json()["lifted_because"] == "We did."
    assert post(ann, "api-review-next", ai_module=judged.slug).status_code in {200, 204}


def test_the_figures_of_quality_come_with_n_and_interval(judged):
    told = looking(people.rhea()).get(reverse("api-quality"), {"ai_module": judged.slug}).json()
    ann = next(row for row in told["people"] if row["user"] == people.ann().pk)
    assert ann["judged"] > 0
    assert 0 <= told["agreement"]["pairs"]["low"] <= told["agreement"]["pairs"]["high"] <= 1
    assert told["corrections"][0]["version"] == "1.0.0"
    bad = looking(people.rhea()).get(reverse("api-quality"), {"ai_module": judged.slug, "since": "soon"})
    assert bad.status_code == 400


@pytest.mark.parametrize("name", ["api-gold", "api-pauses", "api-quality"])
def test_nobody_but_reviewers_may_ask(name, judged):
    assert looking(people.ann()).get(reverse(name)).status_code == 403
    assert not AnnotatorPause.objects.exists()
