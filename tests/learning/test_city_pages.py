"""Pages of cities: who sent what and when, who is overdue, and a key that is shown once."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.actions import access_key
from accounts.models import AccessKey, Event
from cc_edge.settings import Settings
from learning import silence
from learning.actions import city as cities
from learning.actions import summary
from learning.models import City, UploadBatch
from tests import people
from tests.factories import learning as made
from tests.factories.accounts import OrganizationFactory
from tests.pages import looking, said, text_of

pytestmark = pytest.mark.django_db


def sent(city: City, *, days_ago: float) -> None:
    at = timezone.now() - timedelta(days=days_ago)
    batch = UploadBatch.objects.create(id=f"batch_{city.slug}_{at:%Y%m%d}", city=city, day=at.date(), state="registered")
    UploadBatch.objects.filter(pk=batch.pk).update(opened_at=at)


def aged(city: City, *, days: int, every: timedelta | None = None) -> City:
    City.objects.filter(pk=city.pk).update(created_at=timezone.now() - timedelta(days=days), expected_every=every)
    return city


def overdue() -> set[str]:
    return set(silence.overdue(City.objects.all()).values_list("slug", flat=True))


def test_a_city_is_overdue_by_its_own_interval_and_else_after_a_week():
    daily, weekly, any_time, new, never = (
        made.pune(f"city_{name}") for name in ("daily", "weekly", "any_time", "new", "never")
    )
    for city, every in ((daily, 1), (weekly, 7), (never, 1)):
        aged(city, days=30, every=timedelta(days=every))
    aged(any_time, days=30)
    aged(new, days=0, every=timedelta(days=1))
    for city in (daily, weekly, any_time):
        sent(city, days_ago=3)
    assert overdue() == {"city_daily", "city_never"}
    UploadBatch.objects.update(opened_at=timezone.now() - timedelta(days=8))
    assert overdue() == {"city_daily", "city_never", "city_weekly", "city_any_time"}
    page = text_of(looking(people.ada()).get(reverse("learning:cities"), {"stands": "overdue"}))
    assert "city_never" in page
    assert "city_new" not in page
    assert "Overdue cities" in text_of(looking(people.ada()).get("/"))


def test_a_city_is_shown_with_what_it_sent_and_how_often_it_is_corrected():
    made.vehicles()
    city = made.pune(name="Pune")
    made.delivered(city, 3)
    made.delivered(city, 2, first=10, label_status="changed", correction={"label": "bus"})
    summary.refresh()
    for address in (reverse("learning:cities"), reverse("learning:city", args=[city.slug])):
        page = text_of(looking(people.ada()).get(address))
        assert "40 %" in page
        assert "n 5" in page
    assert "cam-7" in page
    assert "Too few to say" in page


def test_a_key_is_shown_once_with_a_configuration_to_copy(tmp_path, settings):
    city, ada = made.pune(), looking(people.ada())
    response = ada.post(reverse("learning:key-issue", args=[city.slug]), {"days": "90"})
    key = response.context["key"]
    page = text_of(response)
    assert key in page
    (tmp_path / "cc-edge.toml").write_text(response.context["config"])
    (tmp_path / "key").write_text(key)
    read = Settings.find(tmp_path / "cc-edge.toml")
    assert (read.hub, read.city, read.key_file.read_text()) == (settings.PUBLIC_URL, "city_pune", key)
    assert "no-store" in response["Cache-Control"]
    assert access_key.authenticate(key).user == city.user
    assert AccessKey.objects.get(user=city.user).expires_at
    assert key not in text_of(ada.get(reverse("learning:city", args=[city.slug])))
    assert key not in str(list(Event.objects.values_list("facts", flat=True)))


def test_a_key_is_revoked_on_the_page_and_only_the_citys_own():
    city, other, ada = made.pune(), made.pune("city_other"), looking(people.ada())
    mine, text = access_key.issue(city.user, by=None)
    theirs, _ = access_key.issue(other.user, by=None)
    assert ada.post(reverse("learning:key-revoke", args=[city.slug, theirs.prefix])).status_code == 404
    ada.post(reverse("learning:key-revoke", args=[city.slug, mine.prefix]))
    assert access_key.authenticate(text) is None


def test_time_zone_and_interval_are_changed_on_the_page():
    city, ada = made.pune(), looking(people.ada())
    there = reverse("learning:city-revise", args=[city.slug])
    ada.post(there, {"name": "Pune East", "timezone": "Asia/Kolkata", "expected_hours": "24"})
    city.refresh_from_db()
    assert (city.name, city.timezone, city.expected_every) == ("Pune East", "Asia/Kolkata", timedelta(days=1))
    refused = ada.post(there, {"name": "", "timezone": "Mars/Olympus", "expected_hours": "0"})
    assert refused.status_code == 200
    assert "errorlist" in text_of(refused)
    assert text_of(ada.get(reverse("learning:city", args=[city.slug]))).count('<option value="Asia/Kolkata" selected>') == 1


def test_revise_refuses_what_makes_no_sense():
    city, ada = made.pune(), people.ada()
    for facts in ({"timezone": "Mars/Olympus"}, {"name": ""}, {"expected_every": timedelta(minutes=1)}):
        with pytest.raises(Exception, match=r"time zone|characters|expected"):
            cities.revise(city, by=ada, **{"name": "Pune", "timezone": "UTC", "expected_every": None, **facts})


def test_those_who_look_only_see_no_keys_and_change_nothing():
    olga = people.olga()
    city = made.pune(organization=olga.organization)
    page = text_of(looking(olga).get(reverse("learning:city", args=[city.slug])))
    assert "Issue a key" not in page
    assert "Settings" not in page
    for name, args in (("city-revise", []), ("key-issue", []), ("key-revoke", ["abc"])):
        assert looking(olga).post(reverse(f"learning:{name}", args=[city.slug, *args])).status_code == 403


@pytest.mark.parametrize("address", ["cities", "batch-calendar", "batches", "figures", "samples", "selections"])
def test_each_organization_finds_its_own_names_and_none_of_the_others(address):
    made.vehicles()
    rival = OrganizationFactory(slug="rival", name="Rival", plan="enterprise")
    olga = people.olga()
    for organization in (olga.organization, rival):
        city = made.pune(f"city_{organization.slug}", organization=organization, name=f"Town of {organization.slug}")
        made.delivered(city, 2)
        city.batches.get().rejections.create(event_id=f"e-of-{organization.slug}", reason="too_small", detail="")
    summary.refresh()
    page = text_of(looking(olga).get(reverse(f"learning:{address}"))).lower()
    assert "rival" not in page
    for csv in ("days", "corrections", "rejections"):
        assert "rival" not in sent_text(looking(olga).get(reverse("learning:figures-csv", args=[csv]))).lower()
    for there in (reverse("learning:rejected"), reverse("learning:export", args=["csv"])):
        lines = sent_text(looking(olga).get(there))
        assert "acme" in lines
        assert "rival" not in lines
    assert looking(olga).get(reverse("learning:figures-csv", args=["storage"])).status_code == 403
    assert looking(olga).get(reverse("learning:city", args=["city_rival"])).status_code == 404


def sent_text(response) -> str:
    return b"".join(response.streaming_content).decode()


def test_a_message_says_that_the_key_was_revoked():
    city, ada = made.pune(), looking(people.ada())
    key, _ = access_key.issue(city.user, by=None)
    response = ada.post(reverse("learning:key-revoke", args=[city.slug, key.prefix]), follow=True)
    assert said(response) == ["The key was revoked; within five seconds nothing accepts it."]
