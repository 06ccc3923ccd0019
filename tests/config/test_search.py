"""One search: by the beginning of an id, the id of an event and a part of a name; of what one may see, by indexes."""

import pytest
from django.db import connection
from django.db.models import F
from django.urls import reverse

from config.search import LONGEST, MOST, search
from core.lookups import ByPattern
from learning.models import LearningSample
from tests import people
from tests.factories.accounts import OrganizationFactory
from tests.factories.world import world
from tests.pages import looking, text_of

pytestmark = pytest.mark.django_db


def found(person, text) -> dict[str, list[str]]:
    return {group.kind: [hit.id for hit in group.hits] for group in search(person, text)}


def test_everything_is_found_by_its_name_or_the_beginning_of_its_id():
    ada, made = people.ada(), world(people.acme())
    assert set(found(ada, "ACME")) == {"datasets", "jobs", "models", "edges", "cities"}
    assert found(ada, made.sample.sample_id[:12])["samples"]
    assert made.sample.sample_id in found(ada, made.sample.sample_id)["samples"]
    assert found(ada, made.sample.event_id)["samples"] == [made.sample.sample_id]
    for kind, row in (("jobs", made.job), ("models", made.model), ("datasets", made.version.dataset)):
        assert str(row.pk) in found(ada, str(row.pk).upper())[kind]
        assert str(row.pk) in found(ada, str(row.pk)[:23])[kind]
    assert found(ada, "batch_ac") == {"batches": ["batch_acme"]}


def test_what_one_may_not_see_is_not_found():
    world(people.acme())
    other = world(OrganizationFactory(slug="rival"))
    olga = people.olga()
    for text in ("rival", other.sample.sample_id, str(other.job.pk), "batch_rival", str(other.edge.pk).zfill(2)):
        shown = str(found(olga, text))
        assert "rival" not in shown
        assert str(other.job.pk) not in shown
        assert other.sample.sample_id not in shown
    assert found(people.cy(), "acme") == {}
    assert set(found(people.rhea(), "acme")) == {"cities"}


@pytest.mark.parametrize(
    "text", ["", "a", " a ", "\x00", "%%", "__", "'\"", "x" * 5_000, "ab\ud7ff", "ab\U0010ffff", "9" * 30, "-" * 8]
)
def test_what_cannot_be_found_is_answered_with_nothing(text):
    world()
    assert found(people.ada(), text) == {}


def test_of_each_kind_only_a_few_are_answered():
    world(people.acme())
    for number in range(MOST + 3):
        OrganizationFactory(slug=f"acme-{number}")
        people.ada()
    ada = looking(people.ada())
    answer = ada.get(reverse("api-search"), {"q": "meter"})
    assert all(len(group["results"]) <= MOST for group in answer.json()["groups"])
    assert ada.get(reverse("api-search"), {"q": "x" * 5_000}).json() == {"q": "x" * LONGEST, "groups": []}
    assert "Nothing was found" in text_of(ada.get(reverse("search"), {"q": "zzzz"}))


def test_a_sample_is_found_by_an_index_whatever_plan_is_kept(django_assert_max_num_queries):
    made = world()
    rows = LearningSample.objects.filter(sample_id__prefixed=made.sample.sample_id[:8]).order_by(ByPattern(F("sample_id")))[:8]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
        plan = rows.explain()
    assert "sample_id_once" in plan
    assert "SCAN learning_samples\n" not in f"{plan}\n"
    assert "Sort" not in plan
    with django_assert_max_num_queries(10):
        search(people.ada(), "meter")
