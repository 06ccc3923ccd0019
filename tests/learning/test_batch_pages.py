"""Pages of batches: the calendar of the cities' own days, funnels, rejected events as CSV, and live progress."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.urls import reverse

from learning import calendar
from learning.actions import summary
from learning.models import City, UploadBatch
from tests import people
from tests.factories import learning as made
from tests.pages import looking, text_of

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)
"""Already the 21st in Pune."""


def batch_of(city: City, day: date, *, sealed: datetime | None = None, state: str = "registered", number: int = 1) -> None:
    name = f"batch_{city.slug}_{day:%Y%m%d}-{number}"
    UploadBatch.objects.create(id=name, city=city, day=day, number=number, state=state, sealed_at=sealed)


def looks(city: City) -> dict[date, str]:
    city.refresh_from_db()
    _days, [row] = calendar.calendar([city], NOW)
    return {cell.day: cell.look.name for cell in row.cells}


@pytest.fixture
def pune() -> City:
    city = made.pune(timezone="Asia/Kolkata")
    created = datetime(2026, 11, 1, tzinfo=UTC)
    City.objects.filter(pk=city.pk).update(created_at=created, expected_every=timedelta(days=1))
    return city


def test_the_calendar_has_five_weeks_that_end_on_the_citys_own_today(pune):
    days = list(looks(pune))
    assert len(days) == 35
    assert days[-1] == date(2026, 11, 21)


def test_a_day_is_in_late_coming_refused_missing_or_quiet(pune):
    sealed = datetime(2026, 11, 16, 3, 0, tzinfo=UTC)
    batch_of(pune, date(2026, 11, 15), sealed=sealed)
    batch_of(pune, date(2026, 11, 16), sealed=sealed + timedelta(days=3))
    batch_of(pune, date(2026, 11, 17), state="rejected", sealed=sealed)
    batch_of(pune, date(2026, 11, 18), state="sealed", sealed=sealed)
    batch_of(pune, date(2026, 11, 19), state="expired")
    seen = looks(pune)
    assert [seen[date(2026, 11, day)] for day in range(15, 22)] == [
        "in", "late", "refused", "coming", "missing", "missing", "quiet",
    ]  # fmt: skip
    assert seen[date(2026, 10, 31)] == "quiet"
    assert seen[date(2026, 11, 1)] == "missing"


def test_late_begins_when_the_citys_next_day_is_over(pune):
    batch_of(pune, date(2026, 11, 10), sealed=datetime(2026, 11, 11, 18, 29, tzinfo=UTC))
    batch_of(pune, date(2026, 11, 12), sealed=datetime(2026, 11, 13, 18, 31, tzinfo=UTC))
    seen = looks(pune)
    assert (seen[date(2026, 11, 10)], seen[date(2026, 11, 12)]) == ("in", "late")


def test_a_city_of_a_longer_interval_misses_only_when_it_is_over(pune):
    City.objects.update(expected_every=timedelta(days=3))
    batch_of(pune, date(2026, 11, 14), sealed=datetime(2026, 11, 14, 12, tzinfo=UTC))
    seen = looks(pune)
    assert [seen[date(2026, 11, day)] for day in (15, 16, 17)] == ["quiet", "quiet", "missing"]
    City.objects.update(expected_every=None)
    assert "missing" not in looks(pune).values()


def test_the_calendar_page_says_each_day_in_words_and_leads_to_its_batches(pune):
    today = datetime.now(tz=UTC).astimezone(pune.zone).date()
    batch_of(pune, today, sealed=datetime.now(tz=UTC))
    page = text_of(looking(people.ada()).get(reverse("learning:batch-calendar")))
    assert f'aria-label="city_pune, {today.day} {today:%B}: in, 1 batch"' in page
    assert f"since={today}&amp;until={today}" in page
    assert "data-grid" in page


def test_the_funnel_of_a_period_counts_its_days_only(pune):
    made.vehicles()
    made.delivered(pune, 3, day=date(2026, 11, 19))
    made.delivered(pune, 2, day=date(2026, 11, 20), first=10)
    UploadBatch.objects.get(day=date(2026, 11, 20)).rejections.create(event_id="e-x", reason="too_small", detail="")
    summary.refresh()
    asked = {"since": "2026-11-20", "until": "2026-11-20", "city": pune.slug}
    response = looking(people.ada()).get(reverse("learning:batches"), asked)
    assert response.context["funnel"] | {"duplicate": 0} == {
        "sent": 3, "accepted": 2, "verified": 2, "registered": 2, "rejected": 1, "duplicate": 0,
    }  # fmt: skip
    assert response.context["reasons"] == [("too_small", 1)]
    assert [row["batch"].day for row in response.context["rows"]] == [date(2026, 11, 20)]


def test_rejected_events_are_sent_as_csv_that_no_spreadsheet_runs(pune, monkeypatch):
    monkeypatch.setattr("learning.rejections.CHUNK", 2)
    monkeypatch.setattr("learning.rejections.BATCHES", 1)
    for day in (19, 20):
        batch_of(pune, date(2026, 11, day))
    first, second = UploadBatch.objects.order_by("day")
    for number in range(5):
        first.rejections.create(event_id=f"e-{number}", reason="too_small", detail="8 × 8")
    first.rejections.create(event_id="e-0", reason="duplicate", detail="")
    second.rejections.create(event_id="=cmd()", reason="not_an_image", detail="")
    ada = looking(people.ada())
    lines = sent(ada.get(reverse("learning:rejected")))
    assert lines[0] == "batch,day,event_id,reason,detail,rejected_at"
    assert len(lines) == 7
    assert "'=cmd()" in lines[-1]
    assert len(sent(ada.get(reverse("learning:rejected"), {"reason": "not_an_image"}))) == 2
    assert len(sent(ada.get(reverse("learning:batch-rejected", args=[first.pk])))) == 6
    assert len(sent(ada.get(reverse("learning:rejected"), {"until": "2026-11-19"}))) == 6


def sent(response) -> list[str]:
    assert response["Content-Type"].startswith("text/csv")
    return b"".join(response.streaming_content).decode().splitlines()


def test_a_batch_that_is_verified_shows_how_far_it_is_and_then_reloads(pune, django_assert_max_num_queries):
    batch_of(pune, date(2026, 11, 20), state="sealed", sealed=NOW)
    UploadBatch.objects.update(item_count=1000, verified_count=420)
    batch = UploadBatch.objects.get()
    ada = looking(people.ada())
    there = reverse("learning:batch", args=[batch.pk])
    assert "42 %" in text_of(ada.get(there))
    with django_assert_max_num_queries(4):
        part = ada.get(there, headers={"HX-Request": "true"})
    assert "420 of 1,000 items were looked at" in text_of(part)
    assert "<html" not in text_of(part)
    UploadBatch.objects.update(state="registered")
    over = ada.get(there, headers={"HX-Request": "true"})
    assert over["HX-Refresh"] == "true"
    assert "hx-get" not in text_of(ada.get(there)).split("<main")[1]
