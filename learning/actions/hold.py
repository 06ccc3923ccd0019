"""Verbs on legal holds: put one on samples, a camera or a city; lift it again. What is held is not deleted."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core.errors import Conflict, Invalid
from learning.models import Camera, City, LearningSample, LegalHold, SampleState

MAX_SAMPLES = 1_000
MAX_REASON = 300


@transaction.atomic
def put(
    city: City,
    *,
    by: User | None,
    reason: str,
    camera: Camera | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> LegalHold:
    """Hold all that a city, or one camera of it, captured in a time; what comes later is held too. None is the command line."""
    _may(by, city)
    if since and until and since >= until:
        raise Invalid("The time ends before it begins.", errors={"until": ["is before since"]})
    hold = LegalHold.objects.create(city=city, camera=camera, since=since, until=until, reason=_reason(reason), put_by=by)
    record(by, "put", hold, city=city.pk, camera=str(camera.pk) if camera else None)
    return hold


@transaction.atomic
def put_on_samples(samples: Sequence[LearningSample], *, by: User | None, reason: str) -> list[LegalHold]:
    """Hold single samples (cities loaded); raises Conflict for one that was erased, or that nobody has verified yet."""
    if not 0 < len(samples) <= MAX_SAMPLES:
        raise Invalid(f"A hold is put on 1 to {MAX_SAMPLES:,} samples at once.")
    why = _reason(reason)
    for sample in samples:
        _may(by, sample.city)
        if sample.erased_at or sample.state == SampleState.RECEIVED:
            state = "erased" if sample.erased_at else sample.state
            raise Conflict(f"The sample {sample.sample_id} is {state}: there is nothing of it to be held.")
    holds = LegalHold.objects.bulk_create(
        LegalHold(city_id=sample.city_id, camera_id=sample.camera_id, sample=sample, reason=why, put_by=by)
        for sample in samples
    )
    for hold in holds:
        record(by, "put", hold, sample=hold.sample_id)
    return holds


@transaction.atomic
def lift(hold: LegalHold, *, by: User | None, reason: str) -> LegalHold:
    """Lift a hold: what it kept goes when it is due. Twice is success."""
    _may(by, hold.city)
    why = _reason(reason)
    lifted = LegalHold.objects.filter(pk=hold.pk, lifted_at__isnull=True)
    if lifted.update(lifted_at=timezone.now(), lifted_by=by, lift_reason=why):
        record(by, "lift", hold)
    hold.refresh_from_db()
    return hold


def _may(by: User | None, city: City) -> None:
    if by is not None:
        require(by, Permission.MANAGE_RETENTION, city)


def _reason(text: str) -> str:
    reason = text.strip()
    if not 0 < len(reason) <= MAX_REASON or not reason.isprintable():
        raise Invalid(f"A hold says why, in 1 to {MAX_REASON} characters.", errors={"reason": ["is missing or too long"]})
    return reason
