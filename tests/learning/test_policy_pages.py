"""The page of a review policy: terms in words, what a change does to what waits, every version with who, when and why."""

import html
import re

import pytest
from django.urls import reverse

from learning import policy_effects
from learning.actions import policy
from learning.models import ReviewPolicy, ReviewSlot
from learning.policy_forms import PolicyForm
from tests import people
from tests.factories import training as rooms
from tests.factories.learning import vehicles
from tests.learning.test_review import judge
from tests.pages import looking, said, text_of

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def module():
    for person in (people.ada, people.rhea, people.ann, people.al):
        person()
    return vehicles(review_policy={"overlap": 2})


def address() -> str:
    return reverse("learning:module-policy", args=["vehicles"])


def filled(module, **changes) -> dict:
    """Answer what the page's form holds, as a browser would send it."""
    form = PolicyForm.of(module.policy, module.policy_version)
    sent = {name: form.initial[name] for name in form.fields if form.initial.get(name) not in (None, False)}
    return {**sent, **changes}


def effects(module, **terms) -> list[tuple[str, int | None]]:
    new = ReviewPolicy.of({**module.policy.terms, **terms})
    return [(effect.sentence, effect.samples) for effect in policy_effects.effects(module, new)]


def test_the_page_says_how_samples_are_judged_and_who_made_which_version(module):
    policy.change(module, by=people.bo(), terms={"hide_prediction": True}, reason="They copy it.")
    page = text_of(looking(people.rhea()).get(address()))
    for words in (
        "People who judge each sample",
        "Version 2",
        "They copy it.",
        "Bo",
        "without seeing the prediction",
        "Version 1",
    ):
        assert words in page
    assert "Save the policy" not in page
    assert looking(people.ann()).get(address()).status_code == 403
    assert looking(people.rhea()).post(address(), filled(module, overlap=1)).status_code == 403


def test_saving_what_was_shown_changes_nothing(module):
    response = looking(people.ada()).post(address(), filled(module, act="save"), follow=True)
    assert said(response) == ["Nothing differs."]
    assert module.policies.count() == 1


def test_a_change_is_saved_with_its_reason(module):
    sent = filled(module, act="save", overlap=1, check_share="12.5", weight_age="2", reason="One is enough.")
    response = looking(people.ada()).post(address(), sent, follow=True)
    assert said(response) == ["Version 2 of the policy holds now."]
    module.refresh_from_db()
    assert (module.policy.overlap, module.policy.check_share, module.policy.weights["age"]) == (1, 0.125, 2)
    assert (module.policy.weights["base"], module.policy.iou) == (1, 0.9)
    version = module.policies.get(version=2)
    assert (version.reason, version.made_by) == ("One is enough.", people.ada())
    assert re.search(r"People who judge each sample: <s[^>]*>2</s> 1", text_of(looking(people.ada()).get(address())))


def test_what_another_changed_meanwhile_stays(module):
    sent = filled(module, act="save", overlap=1)
    policy.change(module, by=people.bo(), terms={"hide_prediction": True})
    looking(people.ada()).post(address(), sent)
    module.refresh_from_db()
    assert (module.policy.overlap, module.policy.hide_prediction) == (1, True)


def test_a_preview_counts_what_waits_and_changes_nothing(module):
    city = rooms.city(people.ada())
    for number in range(3):
        ReviewSlot.opened(rooms.sample(module, city, number, state="pending", truth=None, prediction={"label": "car"})).save()
    judge(module, people.ann())
    assert policy_effects.waiting(module) == 3
    assert effects(module, overlap=1) == [
        ("3 waiting samples need fewer people than now.", 3),
        ("1 of them is complete then: settled, or disputed.", 1),
    ]
    assert effects(module, overlap=3) == [("3 waiting samples need more people than now.", 3)]
    assert effects(module, hide_prediction=True) == [("3 waiting samples are judged without seeing the prediction.", 3)]
    assert effects(module) == []
    part = text_of(looking(people.ada()).post(address(), filled(module, overlap=1), headers=HTMX))
    assert "<html" not in part
    assert "3 waiting samples need fewer people than now." in part
    assert "3 samples of this module wait now." in part
    assert module.policies.count() == 1


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"city_labels": "trust"}, "taken as it is"),
        ({"city_labels": "review"}, "People judge all"),
        ({"check_share": 0.5}, "People judge 50 %"),
        ({"iou": 0.5}, "overlap by 50 %"),
        ({"adjudicators": "any"}, "Any reviewer may settle"),
        ({"first_check_share": 0.25}, "checks 25 % of a person's first 200 judgements, and 0 % of the later ones"),
        ({"grid_full_share": 0.2}, "20 % is judged in full"),
        ({"gold_share": 0.1}, "10 % of what people are given is gold"),
        ({"gold_threshold": 0.7}, "less than 70 % of 20 or more gold"),
        ({"random_share": 0.5}, "50 % of it by lot"),
        ({"double_share": 0.5}, "No sample that waits"),
    ],
)
def test_each_term_is_said_in_words(terms, words):
    [(sentence, count)] = effects(vehicles(review_policy={"city_labels": "check"}), **terms)
    assert words in sentence
    assert count is None


def test_what_nobody_could_satisfy_is_refused_before_and_at_saving(module):
    sent = filled(module, overlap=9)
    assert "Nobody could complete a sample" in text_of(looking(people.ada()).post(address(), sent, headers=HTMX))
    page = text_of(looking(people.ada()).post(address(), {**sent, "act": "save"}))
    assert "Nobody could complete a sample" in page
    assert 'value="9"' in page
    wrong = html.unescape(text_of(looking(people.ada()).post(address(), {**sent, "overlap": "many", "act": "save"})))
    assert "People who judge each sample: Enter a whole number." in wrong
    assert looking(people.ada()).post(address(), {"act": "save"}).status_code == 200
    assert module.policies.count() == 1
