"""Weeks of deliveries for the gallery: cities that send in time, late and not at all, what people said, and a chosen few."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.utils import timezone

from learning.actions import city as city_verbs
from learning.actions import saved_filter, selection, summary
from learning.models import City, HitlLabel, LearningSample, Selection, UploadBatch
from tests import people

WEEKS, LABELS = 7, 40


@dataclass(frozen=True)
class Deliveries:
    """What the pages of cities, batches and selections show."""

    city: City
    moving: UploadBatch
    chosen: Selection
    done: Selection


def deliveries(pune: City, samples: list[LearningSample]) -> Deliveries:
    """Make it all around a city that sent `samples`."""
    ada = people.ada()
    mumbai, nagpur = (
        city_verbs.add(f"city_{name.lower()}", by=ada, name=name, timezone="Asia/Kolkata") for name in ("Mumbai", "Nagpur")
    )
    made = timezone.now() - timedelta(days=60)
    City.objects.filter(pk__in=[pune.pk, mumbai.pk]).update(
        created_at=timezone.now() - timedelta(days=17), expected_every=timedelta(days=1)
    )
    City.objects.filter(pk=nagpur.pk).update(created_at=made, expected_every=timedelta(days=7))
    for back in range(1, 17):
        if back % 9:
            _batch(mumbai, back, hours=50 if back % 7 == 3 else 25, state="rejected" if back == 11 else "registered")
    for back in (33, 26, 17):
        _batch(nagpur, back, hours=25)
    moving = _batch(mumbai, 0, hours=2, state="sealed")
    UploadBatch.objects.filter(pk=moving.pk).update(item_count=5_000, verified_count=3_120)
    _said(samples)
    summary.refresh()
    summary.count_storage()
    saved_filter.save("Unsure of Pune", by=ada, query={"city": pune.slug, "label_status": "unsure"}, is_shared=True)
    chosen = selection.choose("reopen", by=ada, query={"city": pune.slug, "state": "settled"})
    done = selection.choose("reopen", by=ada, ticked=[sample.sample_id for sample in samples[-3:]])
    Selection.objects.filter(pk=done.pk).update(
        state="done", seen=3, changed=2, skipped={"waiting for review already": 1}, facts={"reason": "The guide was wrong."},
        started_at=timezone.now(), finished_at=timezone.now(),
    )  # fmt: skip
    pune.refresh_from_db()
    return Deliveries(pune, moving, chosen, done)


def _batch(city: City, back: int, *, hours: int, state: str = "registered") -> UploadBatch:
    day: date = timezone.now().astimezone(city.zone).date() - timedelta(days=back)
    sealed = datetime.combine(day, time(), city.zone) + timedelta(hours=hours)
    name = f"batch_{city.slug}_{day:%Y%m%d}"
    batch = UploadBatch.objects.create(id=name, city=city, day=day, state=state, item_count=180, sealed_at=sealed)
    UploadBatch.objects.filter(pk=name).update(opened_at=sealed - timedelta(hours=1), finished_at=sealed)
    return batch


def _said(samples: list[LearningSample]) -> None:
    """Let operators judge samples week after week, and correct less and less."""
    now = timezone.now()
    HitlLabel.objects.bulk_create(
        HitlLabel(
            sample=samples[number % len(samples)],
            city_id=samples[0].city_id,
            label_status="changed" if number % LABELS < 3 + week * 2 else "correct",
            decision="change" if number % LABELS < 3 + week * 2 else "correct",
            labeled_at=now - timedelta(weeks=week, days=number % 5),
            label_source="correction",
        )
        for week in range(WEEKS)
        for number in range(LABELS)
    )
