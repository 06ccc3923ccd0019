"""Which cities have been silent for too long."""

from datetime import timedelta

from django.db.models import OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from learning.models import City, UploadBatch
from learning.models.city import HUB, CityQuerySet

SILENT_AFTER = timedelta(days=7)
"""After how long a city that once sent, and is expected at no set interval, counts as overdue."""


def with_last_sent(cities: CityQuerySet) -> CityQuerySet:
    """Put on each city the moment `last_sent` at which it opened its last batch; null where it never did."""
    batches = UploadBatch.objects.filter(city=OuterRef("pk")).order_by("-day", "-number")
    return cities.annotate(last_sent=Subquery(batches.values("opened_at")[:1]))


def overdue(cities: CityQuerySet) -> CityQuerySet:
    """Narrow to cities silent for longer than they are expected to be, with `silent_since`.

    One that is expected at an interval and never sent is silent since it was made; one of no interval since it last sent.
    """
    silent = with_last_sent(cities.exclude(slug=HUB)).annotate(silent_since=Coalesce("last_sent", "created_at"))
    now = timezone.now()
    late = Q(expected_every__isnull=True, last_sent__lt=now - SILENT_AFTER)
    # one comparison for each interval in use: a subtraction of columns reads differently on each database
    intervals = City.objects.filter(expected_every__isnull=False).order_by().values_list("expected_every", flat=True)
    for every in intervals.distinct():
        late |= Q(expected_every=every, silent_since__lt=now - (every or SILENT_AFTER))
    return silent.filter(late)
