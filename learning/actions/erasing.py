"""Carrying out a confirmed erasure, in chunks of one transaction each: a worker may be killed anywhere, and another goes on.

The order keeps the promise at every moment: first rows are emptied and written into the ledger, then bytes are destroyed,
then the apps above finish, and only then is it done and a receipt written.
"""

from collections import Counter
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.actions.event import record
from core.canonical import canonical_json
from core.hooks import erasure_impact
from learning.actions import ledger, purging, scrubbing
from learning.actions import object as stored_object
from learning.actions.erasure import find_candidates
from learning.models import City, Erasure, ErasureItem, ErasureState, LearningSample, ObjectKind, StoredObject, SubjectKind
from learning.models.erasure import MODEL_VERSION, UNFINISHED, Match
from learning.models.object import TO_PURGE
from learning.models.retention import held

CHUNK = 200
ASKED = 5_000
CLAIMED_FOR = timedelta(minutes=5)
JSON = "application/json"


def run(erasure_id: Any) -> Erasure | None:
    """Carry out a confirmed erasure as far as it goes now; None where there is nothing to do for this worker.

    What waits (a legal hold, an app above, a store that does not answer) is said in `waits_for`; the sweeper tries again.
    """
    erasure = _claim(erasure_id)
    if erasure is None:
        return None
    try:
        if erasure.state == ErasureState.CONFIRMED:
            _begin(erasure)
        while _erase_chunk(erasure):
            Erasure.objects.filter(pk=erasure.pk).update(claimed_until=timezone.now() + CLAIMED_FOR)
        ledger.store_pages(erasure)
        purging.purge()
        if reason := _waits_for(erasure):
            Erasure.objects.filter(pk=erasure.pk).update(waits_for=reason)
        else:
            _finish(erasure)
    finally:
        Erasure.objects.filter(pk=erasure.pk).update(claimed_until=None)
    erasure.refresh_from_db()
    return erasure


def _claim(erasure_id: Any) -> Erasure | None:
    rows = Erasure.objects.to_run().filter(pk=erasure_id)
    if not rows.update(claimed_until=timezone.now() + CLAIMED_FOR):
        return None
    return Erasure.objects.get(pk=erasure_id)


def _begin(erasure: Erasure) -> None:
    """Look once more: what came after the draft and matches exactly goes too. Then no export that may hold it is left."""
    if erasure.kind not in (SubjectKind.LEDGER, SubjectKind.SAMPLES):
        known = set(erasure.items.values_list("pk", flat=True)) if erasure.kind == SubjectKind.PLATE else None
        find_candidates(erasure)
        if known is not None:  # a near match that nobody has looked at is not erased
            erasure.items.exclude(pk__in=known).filter(match=Match.NEAR).delete()
    with transaction.atomic():
        counts = scrubbing.drop_exports()
        erasure.move(ErasureState.RUNNING, counts=counts)
        record(None, "begin", erasure, **counts)


@transaction.atomic
def _erase_chunk(erasure: Erasure) -> bool:
    """Erase the next chunk; tells whether there may be more. What is under legal hold is passed over, and waits."""
    waiting = erasure.items.filter(is_chosen=True, done_at__isnull=True, sample__isnull=False)
    free = waiting.exclude(sample__in=held(LearningSample.objects.filter(pk__in=waiting.values("sample"))))
    items = dict(free.order_by("pk").values_list("sample_id", "pk")[:CHUNK])
    if not items:
        return False
    cities = LearningSample.objects.filter(pk__in=list(items)).values_list("city", flat=True).distinct()
    # as the intake does, so that no new sample is linked meanwhile to an object that goes
    list(City.objects.select_for_update(no_key=True).filter(pk__in=list(cities)).order_by("pk"))
    rows = LearningSample.objects.select_for_update(of=("self",)).select_related("city").filter(pk__in=list(items))
    samples = list(rows.filter(erased_at__isnull=True).order_by("pk"))
    ErasureItem.objects.filter(pk__in=list(items.values())).update(done_at=timezone.now())
    counts = Counter(Erasure.objects.values_list("counts", flat=True).get(pk=erasure.pk))
    if samples:
        counts.update(scrubbing.scrub(samples, erasure))
        record(None, "erase", erasure, samples=[sample.pk for sample in samples])
    erasure.counts = dict(counts)
    Erasure.objects.filter(pk=erasure.pk).update(counts=erasure.counts)
    return True


def _waits_for(erasure: Erasure) -> str:
    """Say in a sentence what is not done yet, or ""."""
    left = erasure.items.filter(is_chosen=True, done_at__isnull=True, sample__isnull=False).count()
    if left:
        return f"{left:,} samples came under legal hold; they are erased when the hold is lifted."
    if unfinished := _unfinished(erasure):
        return unfinished[0][:300]
    bytes_left = StoredObject.objects.filter(TO_PURGE, deleted_at__gte=erasure.confirmed_at or erasure.requested_at).count()
    return f"{bytes_left:,} objects could not be destroyed in the store yet." if bytes_left else ""


def _unfinished(erasure: Erasure) -> list[str]:
    """Ask the apps above what they have still to do."""
    last = 0
    done = erasure.items.filter(is_chosen=True, sample__isnull=False).order_by("sample")
    while keys := list(done.filter(sample__gt=last).values_list("sample_id", flat=True)[:ASKED]):
        last = keys[-1]
        if sentences := [row.consequence for row in erasure_impact.announce(keys) if row.kind == UNFINISHED]:
            return sentences
    return []


def _finish(erasure: Erasure) -> None:
    """Write the receipt, and let go of what the erasure was about: from here on it names nobody."""
    now = timezone.now()
    document = {**receipt(erasure), "finished_at": now.isoformat()}
    content = canonical_json(document).encode()
    metadata = {"uploaded_at": now.isoformat(timespec="seconds"), "erasure": str(erasure.pk)}
    kept = stored_object.store_bytes(content, kind=ObjectKind.MANIFEST, media_type=JSON, metadata=metadata)
    with transaction.atomic():
        erasure.items.filter(is_chosen=False).delete()
        erasure.items.update(found_in="")
        erasure.move(ErasureState.DONE, finished_at=now, receipt=kept, subject={}, waits_for="")
        erasure.exports.update(subject={})
        record(None, "finish", erasure, **erasure.counts)


def receipt(erasure: Erasure) -> dict[str, Any]:
    """Answer what was erased, when and on whose word, in counts, ids and hashes: it names nobody."""
    touches = erasure.touches.order_by("kind", "object_id")
    models = touches.filter(kind=MODEL_VERSION).values("object_id", "decision", "why", "decided_by", "decided_at")
    pages = erasure.pages.order_by("number").values_list("number", "object__name", "object__sha256", "entries")
    return {
        "erasure": str(erasure.pk),
        "kind": erasure.kind,
        "subject_sha256": erasure.subject_sha256,
        "reference": erasure.reference,
        "requested_by": erasure.requested_by_id,
        "requested_at": erasure.requested_at.isoformat(),
        "confirmed_by": erasure.confirmed_by_id,
        "confirmed_at": erasure.confirmed_at and erasure.confirmed_at.isoformat(),
        "counts": erasure.counts,
        "touched": [{"kind": row.kind, "id": row.object_id, "consequence": row.consequence} for row in touches],
        "models": [{**row, "decided_at": row["decided_at"] and row["decided_at"].isoformat()} for row in models],
        "ledger": [
            {"page": number, "object": name, "sha256": digest, "entries": entries} for number, name, digest, entries in pages
        ],
    }
