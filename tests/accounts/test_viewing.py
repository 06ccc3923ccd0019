"""Who is shown how many pictures: counted by person and day, in one statement, and shown to nobody but the hub's own people."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.actions import access_key, viewing
from accounts.actions.viewing import VIEWS
from accounts.models import ImageViews
from learning.models import StoredObject
from tests import people
from tests.factories.world import world
from tests.pages import looking, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_shown():
    VIEWS.pile.clear()


def shown():
    """Answer how many pictures each person was shown, by name, as it was written."""
    VIEWS.write()
    return {name: n for _, name, n in ImageViews.objects.by_day(timezone.now().date())}


def test_a_picture_counts_once_a_request_and_lists_count_each():
    made, ada = world(), people.ada()
    page = looking(ada)
    assert page.get(reverse("learning:sample", args=[made.sample.sample_id])).status_code == 200
    assert shown() == {"Ada": 1}
    page.get(reverse("learning:samples"))
    assert shown() == {"Ada": 1 + 4}
    page.get(reverse("training:jobs"))
    assert shown() == {"Ada": 5}


def test_what_is_handed_out_to_be_judged_counts_and_machines_do_not():
    made, ann = world(), people.ann()
    StoredObject.objects.update(verified_at=timezone.now())
    lease = looking(ann).post("/api/v1/learning/review/next", {"ai_module": made.module.slug}, content_type="application/json")
    assert lease.json()["sample"]["image_url"]
    assert shown() == {"Ann": 1}
    key = access_key.issue(made.city.user, by=None)[1]
    Client(headers={"authorization": f"Bearer {key}"}).get(f"/api/v1/learning/batches/{made.batch.pk}")
    assert shown() == {"Ann": 1}


def test_many_people_are_written_in_one_statement_and_nothing_in_none(django_assert_num_queries):
    ada, ann = people.ada(), people.ann()
    for user in (ada, ann, ada):
        VIEWS.note(user.pk, 2)
    with django_assert_num_queries(1):
        assert VIEWS.write() == 6
    with django_assert_num_queries(0):
        assert VIEWS.write() == 0
    assert shown() == {"Ada": 4, "Ann": 2}


def test_parts_of_a_day_that_is_over_become_one_row_and_old_ones_go():
    ada, today = people.ada(), timezone.now().date()
    days = [today, today - timedelta(days=1), today - viewing.KEPT_FOR - timedelta(days=1)]
    ImageViews.objects.bulk_create(ImageViews(user=ada, day=day, n=n) for day in days for n in (1, 2, 3))
    assert viewing.fold() == 2
    assert viewing.fold() == 0
    assert viewing.forget_old() == 1
    assert list(ImageViews.objects.order_by("day", "id").values_list("day", "n")) == [
        (days[1], 6),
        *((today, n) for n in (1, 2, 3)),
    ]


def test_the_audit_page_shows_it_to_the_hubs_people_alone():
    VIEWS.note(people.ann().pk, 1234)
    VIEWS.write()
    there = reverse("accounts:pictures-csv")
    page = text_of(looking(people.ada()).get(reverse("accounts:audit")))
    assert "1,234" in page
    assert there in page
    told = b"".join(looking(people.ada()).get(there).streaming_content).decode().splitlines()
    assert told == ["day,person,pictures", f"{timezone.now().date()},Ann,1234"]
    olga = looking(people.olga())
    assert "Pictures shown" not in text_of(olga.get(reverse("accounts:audit")))
    assert olga.get(there).status_code == 403
