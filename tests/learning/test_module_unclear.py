"""Whoever is unsure because of the guide says so, and whoever writes the guide finds what it was."""

import uuid

import pytest
from django.db import connection
from django.urls import reverse

from core.errors import Invalid
from learning import desk
from learning.actions import label_schema, review
from learning.models import HitlLabel
from learning.views import module_unclear
from tests import people
from tests.factories import learning as made
from tests.pages import looking, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def signs():
    """Three samples that wait, of a module that asks why somebody is unsure."""
    module = made.vehicles(review_policy={"city_labels": "review"}, reasons=["blurred"])
    made.delivered(made.pune(), 3)
    return module


def unsure(module, by, note="", reason="guide_unclear"):
    lease = review.lease_next(module, by=by)
    keys = {"lease_token": lease.token, "client_uuid": uuid.uuid4()}
    return review.decide(lease.slot, by=by, decision="unsure", reason=reason, note=note, **keys).label


def page_of(module, by=people.rhea, **query):
    return text_of(looking(by()).get(reverse("learning:module-unclear", args=[module.slug]), query))


def test_the_guide_may_be_blamed_wherever_reasons_are_asked(signs):
    reasons = desk.beginning(signs, signs.schema, people.ann(), "judge")["reasons"]
    assert reasons["unsure"] == ["blurred", "guide_unclear"]
    assert reasons["reject"] == ["blurred"]
    with pytest.raises(Invalid, match="must be one of blurred, guide_unclear"):
        unsure(signs, people.ann(), reason="tired")
    quiet = made.vehicles(slug="quiet")
    assert desk.beginning(quiet, quiet.schema, people.ann(), "judge")["reasons"]["unsure"] == []


def test_what_was_unclear_is_listed_with_who_and_what_they_noted(signs):
    unsure(signs, people.ann(), note="Is a van a car?")
    unsure(signs, people.ann(), reason="blurred")
    page = page_of(signs)
    assert page.count('<li class="panel">') == 1
    assert "Is a van a car?" in page
    assert "Ann" in page
    assert "before the last revision" not in page
    assert "Edit the guide" not in page
    assert "Edit the guide" in page_of(signs, people.ada)
    label_schema.revise(signs, by=None, based_on=1, guide="A van is a car.")
    assert "before the last revision" in page_of(signs)


def test_the_pages_of_the_module_and_of_quality_count_it_and_lead_there(signs):
    unsure(signs, people.ann())
    there = f'href="{reverse("learning:module-unclear", args=[signs.slug])}"'
    for address in (reverse("learning:module", args=[signs.slug]), reverse("learning:quality") + f"?module={signs.slug}"):
        page = text_of(looking(people.rhea()).get(address))
        assert there in page
        assert '<span class="tabular faint">1</span>' in page


def test_what_was_taken_back_or_is_another_modules_is_not_listed(signs):
    review.undo(unsure(signs, people.ann()).slot.pk, by=people.ann())
    assert "The guide was clear to everybody" in page_of(signs)
    unsure(signs, people.al())
    assert "This module asks nobody why they are unsure" in page_of(made.vehicles(slug="other"))


def test_it_is_read_page_by_page_at_the_same_cost(signs, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(module_unclear, "PAGE", 1)
    rhea = looking(people.rhea())
    there = reverse("learning:module-unclear", args=[signs.slug])
    unsure(signs, people.ann(), note="Is a van a car?")
    rhea.get(there)
    with django_assert_num_queries(9):
        rhea.get(there)
    for note in ("And a tram?", "And a lorry?"):
        unsure(signs, people.ann(), note=note)
    with django_assert_num_queries(9):
        newest = text_of(rhea.get(there))
    assert "And a lorry?" in newest
    assert "And a tram?" not in newest
    cursor = newest.split("cursor=")[1].split('"')[0]
    assert "And a tram?" in text_of(rhea.get(f"{there}?cursor={cursor}"))


def test_the_index_finds_it(signs):
    plan = HitlLabel.objects.guide_unclear().order_by("-id")[:10]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
    assert "label_guide_unclear" in plan.explain()


def test_only_who_settles_disputes_sees_it(signs):
    for who in (people.ann, people.olga, people.cy):
        assert looking(who()).get(reverse("learning:module-unclear", args=[signs.slug])).status_code == 403


def test_it_is_counted_among_the_newest_of_all_modules(signs, monkeypatch):
    monkeypatch.setattr(module_unclear, "COUNTED", 2)
    assert module_unclear.unclear_count(signs) == "0"
    unsure(signs, people.ann())
    assert module_unclear.unclear_count(signs) == "1"
    unsure(signs, people.ann())
    assert module_unclear.unclear_count(signs) == "2+"
    assert module_unclear.unclear_count(made.vehicles(slug="other")) == "0+"
