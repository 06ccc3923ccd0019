"""Kept counts: they equal a slow plain count of the rows, on each city's own days, however rows change and rounds repeat."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from learning import figures
from learning.actions import summary
from learning.models import DailyCount, HitlLabel, LearningSample, Source, StorageCount, StoredObject, Stretch, UploadRejection
from learning.models import summary as model
from learning.models.batch import DUPLICATE
from learning.proportion import Proportion
from tests import people
from tests.factories import learning as made
from tests.numbering import begin_at_one

pytestmark = pytest.mark.django_db

LATE = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)
"""The 20th in London, and already the 21st in Pune."""


def plainly() -> Counter:
    """Count everything row by row in Python."""
    counted: Counter = Counter()
    for sample in LearningSample.objects.select_related("batch", "city"):
        day = sample.batch.day if sample.batch else sample.received_at.astimezone(sample.city.zone).date()
        where = (day, sample.city_id, sample.module_id)
        counted[(*where, "accepted", "")] += 1
        if sample.state != "received":
            counted[(*where, "verified", "")] += 1
            if sample.batch is None or sample.batch.state == "registered":
                counted[(*where, "registered", "")] += 1
    for label in HitlLabel.objects.standing().select_related("city", "sample"):
        day = label.labeled_at.astimezone(label.city.zone).date()
        counted[(day, label.city_id, label.sample.module_id, label.label_status, "")] += 1
    for row in UploadRejection.objects.select_related("batch"):
        known = row.reason == DUPLICATE
        what = ("duplicate", "") if known else ("rejected", row.reason)
        counted[(row.batch.day, row.batch.city_id, None, *what)] += 1
    return counted


def kept() -> Counter:
    counted: Counter = Counter()
    for row in DailyCount.objects.all():
        counted[(row.day, row.city_id, row.module_id, row.measure, row.reason)] += row.n
    return counted


@pytest.fixture
def two_cities(db, monkeypatch):
    """Pune and London, judged late in the evening, in stretches so short that there are many."""
    begin_at_one(HitlLabel, LearningSample, UploadRejection)
    monkeypatch.setattr(model, "STRETCH", 4)
    monkeypatch.setattr(summary, "STRETCH", 4)
    made.vehicles()
    pune, london = made.pune(timezone="Asia/Kolkata"), made.pune("city_london", timezone="Europe/London")
    rows = [*made.delivered(pune, 5), *made.delivered(london, 4, label_status="changed", correction={"label": "bus"})]
    batch = rows[0].batch
    batch.rejections.create(event_id="x-1", reason="too_small", detail="")
    batch.rejections.create(event_id="x-2", reason="too_small", detail="")
    batch.rejections.create(event_id="x-3", reason=DUPLICATE, detail="")
    HitlLabel.objects.update(labeled_at=LATE)
    LearningSample.objects.filter(pk=rows[0].pk).update(batch=None, received_at=LATE)
    LearningSample.objects.filter(pk=rows[1].pk).update(state="received")
    return pune, london


def test_the_counts_equal_a_slow_plain_count(two_cities):
    summary.refresh()
    assert kept() == plainly()
    assert Stretch.objects.filter(source=Source.SAMPLES).count() > 1


def test_a_day_is_the_citys_own(two_cities):
    pune, london = two_cities
    summary.refresh()
    assert {str(day) for day in days_of(pune, "correct")} == {"2026-11-21"}
    assert {str(day) for day in days_of(london, "changed")} == {"2026-11-20"}


def days_of(city, measure):
    return DailyCount.objects.filter(city=city, measure=measure).values_list("day", flat=True)


def test_counting_twice_changes_nothing_and_what_changed_is_true_after_its_turn(two_cities, monkeypatch):
    monkeypatch.setattr(summary, "OLDEST", 10_000)
    summary.refresh()
    summary.refresh()
    assert kept() == plainly()
    HitlLabel.objects.filter(pk=HitlLabel.objects.earliest("pk").pk).update(withdrawn_at=timezone.now())
    LearningSample.objects.update(state="settled")
    UploadRejection.objects.all().delete()
    summary.refresh()
    assert kept() == plainly()


def test_figures_are_read_from_the_counts(two_cities):
    pune, london = two_cities
    summary.refresh()
    ada = people.ada()
    period = figures.Period(made.DAY - timedelta(days=1), made.DAY + timedelta(days=1))
    counts = period.counts(ada)
    assert figures.funnel(counts) == {
        "sent": 11,
        "accepted": 9,
        "verified": 8,
        "registered": 8,
        "duplicate": 1,
        "rejected": 2,
    }
    assert figures.reasons(counts) == [("too_small", 2)]
    rates = figures.corrections(counts, "city")
    assert (rates[pune.pk].hits, rates[pune.pk].n) == (0, 5)
    assert (rates[london.pk].hits, rates[london.pk].n) == (4, 4)
    assert figures.corrections(period.counts(ada, [pune]), "city").keys() == {pune.pk}
    assert sum(row["labels"] for row in figures.per_day(counts).values()) == 9


def test_an_organization_sees_the_counts_of_its_own_cities(two_cities):
    pune, _london = two_cities
    olga = people.olga()
    pune.organization = olga.organization
    pune.save()
    summary.refresh()
    assert set(DailyCount.objects.visible_to(olga).values_list("city", flat=True)) == {pune.pk}


def test_the_store_is_counted_by_class_and_kind_and_costs_what_the_prices_say(two_cities, monkeypatch, settings):
    monkeypatch.setattr(summary, "OBJECTS_AT_ONCE", 3)
    StoredObject.objects.filter(pk=StoredObject.objects.earliest("pk").pk).update(storage_class="STANDARD_IA", size=2**31)
    gone = StoredObject.objects.latest("pk")
    StoredObject.objects.filter(pk=gone.pk).update(purged_at=timezone.now())
    plain: Counter = Counter()
    for row in StoredObject.objects.filter(purged_at__isnull=True):
        plain[(row.storage_class, row.kind)] += row.size
    assert summary.count_storage() == StoredObject.objects.count() - 1
    summary.count_storage()
    assert {(row.storage_class, row.kind): row.bytes_held for row in StorageCount.objects.all()} == dict(plain)
    settings.STORE_PRICES = {"STANDARD_IA": Decimal("0.0125")}
    by_class = {held.storage_class: held for held in figures.held_by_class(timezone.now().date())}
    assert by_class["STANDARD_IA"].cost == Decimal("0.03")
    assert by_class["STANDARD"].cost is None
    assert figures.sum_of(list(by_class.values())) is None


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"), [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662), (0, 0, 0.0, 1.0)]
)
def test_the_interval_is_wilsons(hits, n, low, high):
    rate = Proportion(hits, n)
    assert rate.interval == pytest.approx((low, high), abs=5e-4)
    assert rate.is_enough is (n >= 30)
