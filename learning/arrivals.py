"""When more comes to judge: what others hold, what is being verified, and when the next city is due."""

from datetime import datetime, timedelta

from django.db.models import Count, Min
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from learning.models import AiModule, BatchState, City, LearningSample, ReviewSlot, SlotState, UploadBatch
from learning.models.review import queue_key
from learning.silence import with_last_sent

LOOKED_AT = 50
"""How many cities are asked, at most, when they are due."""


def when_more_comes(module: AiModule, kind: str, now: datetime) -> list[str]:
    """Answer what is known of it, a sentence each; none where nothing is known. Names no person."""
    return [sentence for sentence in (_in_others_hands(module, kind, now), _on_its_way(), _due(module, now)) if sentence]


def _in_others_hands(module: AiModule, kind: str, now: datetime) -> str:
    held = ReviewSlot.objects.filter(queue_key=queue_key(module.pk, kind), state=SlotState.LEASED, lease_until__gte=now)
    found = held.aggregate(count=Count("pk"), first=Min("lease_until"))
    if not found["count"]:
        return ""
    minutes = max(1, round((found["first"] - now) / timedelta(minutes=1)))
    count = ngettext("%(n)d sample is in somebody's hands", "%(n)d samples are in somebody's hands", found["count"])
    left = ngettext("one that is left comes back in %(n)d minute.", "one that is left comes back in %(n)d minutes.", minutes)
    return f"{count % {'n': found['count']}}; {left % {'n': minutes}}"


def _on_its_way() -> str:
    count = UploadBatch.objects.filter(state=BatchState.SEALED).count()
    said = ngettext("%(n)d batch is being verified right now.", "%(n)d batches are being verified right now.", count)
    return said % {"n": count} if count else ""


def _due(module: AiModule, now: datetime) -> str:
    """Say which city that sends to this module is due next; what is overdue already promises nothing."""
    regular = City.objects.filter(expected_every__isnull=False).order_by("pk")
    due = []
    for city in with_last_sent(regular)[:LOOKED_AT]:
        last: datetime | None = city.last_sent  # type: ignore[attr-defined]  # put there by with_last_sent
        if last and city.expected_every and last + city.expected_every > now and _sends(city, module):
            due.append((last + city.expected_every, city))
    if not due:
        return ""
    at, city = min(due, key=lambda each: each[0])
    day = date_format(at.astimezone(city.zone), "j F")
    return _("%(city)s is expected to send again by %(day)s.") % {"city": city.name, "day": day}


def _sends(city: City, module: AiModule) -> bool:
    batches = UploadBatch.objects.filter(city=city).order_by("-day", "-number")[:3]
    return LearningSample.objects.filter(batch__in=[batch.pk for batch in batches], module=module).exists()
