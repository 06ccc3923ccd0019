"""What goes of a sample when it is erased, and what stays: its id, its state and the hashes that frozen versions rest on.

Every table that refers to a sample is named here or in SPARED; a test holds the list against the models.
"""

from collections.abc import Sequence

from django.db.models import F, Value
from django.db.models.functions import Concat
from django.utils import timezone

from core.hooks import SampleChange, objects_gone
from learning.actions import collection, ledger, purging
from learning.actions.discarding import release_samples
from learning.actions.person import recount
from learning.actions.settling import announce
from learning.models import (
    Erasure,
    GoldAnswer,
    HitlLabel,
    Image,
    LearningSample,
    ObjectKind,
    Person,
    ReviewSlot,
    SampleState,
    SlotState,
    StoredObject,
    TrainingExample,
    UploadRejection,
)

ERASED = "erased:"
BLANK = {
    "object": None,
    "source_name": "",
    "prediction": None,
    "predicted_by": None,
    "confidence": None,
    "image_quality_score": None,
    "context_notes": "",
    "truth": None,
    "truth_sha256": "",
    "label_status": "",
}
BLANK_LABEL = {"prediction": None, "correction": None, "operator_id": "", "correction_notes": "", "dispute_resolution": ""}
SPARED = frozenset(
    {
        "erasure_items",
        "legal_holds",
        "dataset_members",
        "training_samples",
        "truth_changes",
        "dataset_import_records",
        "dataset_video_frames",
    }
)
"""Tables that refer to a sample and hold nothing of it, or are the business of an app above (hook objects_gone)."""


def scrub(samples: Sequence[LearningSample], erasure: Erasure) -> dict[str, int]:
    """Erase locked samples (cities loaded) in the caller's transaction; answers how many rows and bytes went, per kind.

    Objects go when their last sample goes. The apps above are told, and mark what they hold.
    """
    ledger.note(samples, erasure)
    unseen = [sample for sample in samples if sample.state == SampleState.RECEIVED]
    seen = [sample for sample in samples if sample.state != SampleState.RECEIVED]
    counts = {"samples": len(samples), "rejections": _scrub_rejections(samples)}
    counts |= _drop_objects(samples, unseen)
    keys = [sample.pk for sample in seen]
    labels = HitlLabel.objects.filter(sample__in=keys)
    counts["labels"] = labels.update(**BLANK_LABEL)
    GoldAnswer.objects.filter(sample__in=keys).update(truth={}, truth_sha256="")
    unfinished = [SlotState.HELD, SlotState.OPEN, SlotState.LEASED]
    slots = ReviewSlot.objects.filter(sample__in=keys)
    slots.filter(state__in=unfinished).update(state=SlotState.VOID)
    slots.exclude(reason="", note="").update(reason="", note="")
    counts["examples"] = TrainingExample.objects.filter(sample__in=keys).delete()[0]
    counts["people"] = _scrub_people(keys)
    _blank(seen)
    objects_gone.announce(keys)
    return counts


def _blank(samples: Sequence[LearningSample]) -> None:
    """Empty the rows, and tell of those that were counted as something."""
    name = Concat(Value(ERASED), F("pk"))
    LearningSample.objects.filter(pk__in=[sample.pk for sample in samples]).update(
        event_id=name, group_key=name, state=SampleState.EXCLUDED, erased_at=timezone.now(), **BLANK
    )
    announce(SampleChange(sample.pk, sample.state, SampleState.EXCLUDED, sample.truth_sha256, "") for sample in samples)


def _drop_objects(samples: Sequence[LearningSample], unseen: Sequence[LearningSample]) -> dict[str, int]:
    """Delete the objects that only these samples hold; those uploaded for unseen samples go with their rows."""
    held = {sample.object_id for sample in samples if sample.object_id}
    keys = [sample.pk for sample in samples]
    others = LearningSample.objects.filter(object__in=held).exclude(pk__in=keys).values_list("object", flat=True)
    alone = held - set(others)
    rows = StoredObject.objects.filter(pk__in=alone, deleted_at__isnull=True)
    sizes, thumbnails = list(rows.values_list("size", flat=True)), rows.filter(thumbnail__isnull=False).count()
    release_samples(unseen)  # nobody has seen them and nothing was built on them, so the rows go too
    purging.delete(alone)
    return {"objects": len(sizes), "thumbnails": thumbnails, "bytes": sum(sizes)}


def _scrub_rejections(samples: Sequence[LearningSample]) -> int:
    """Empty what rejections of the same events said; their detail may quote what was sent."""
    count = 0
    for city in {sample.city_id for sample in samples}:
        events = [sample.event_id for sample in samples if sample.city_id == city]
        rows = UploadRejection.objects.filter(batch__city=city, event_id__in=events)
        count += rows.update(detail="", event_id=Concat(Value(ERASED), F("pk")))
    return count


def _scrub_people(keys: Sequence[int]) -> int:
    """Delete the images' rows, and each person of whom none is left."""
    images = Image.objects.filter(sample__in=keys)
    people = set(images.values_list("person", flat=True))
    images.delete()
    Image.objects.filter(person__in=people, sample__isnull=True).delete()  # refused images have no sample, only a reason
    left = Image.objects.filter(person__in=people).values("person")
    unseen = Person.objects.filter(pk__in=people).exclude(pk__in=left)
    collection.forget(unseen)
    gone = unseen.delete()[0]
    for person in Person.objects.filter(pk__in=people):
        recount(person)
    return gone


def drop_exports() -> dict[str, int]:
    """Delete every file made for somebody to fetch, in the caller's transaction: any may hold what was erased."""
    rows = StoredObject.objects.filter(kind=ObjectKind.EXPORT, deleted_at__isnull=True)
    sizes = dict(rows.values_list("pk", "size"))
    purging.delete(sizes)
    return {"exports": len(sizes), "bytes": sum(sizes.values())}
