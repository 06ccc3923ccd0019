"""Letting verified samples into the house: their objects with what was seen of them, and a truth or a slot for each."""

import io
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from django.utils import timezone

from core.storage import AlreadyStored, store
from learning import images
from learning.actions import near_duplicates
from learning.actions.settling import SETTLED_FIELDS, announce, apply, city_verdict, newest_city_labels
from learning.defects import Defect
from learning.images import Inspected
from learning.models import City, LearningSample, ObjectKind, ReviewSlot, SampleState, StoredObject

AT_ONCE = 200
THUMBNAIL_NAMESPACE = uuid.UUID("b0d1b7a4-93c5-5f8e-8f7e-2d4f0a6e9c33")
VERIFIED_FIELDS = ["sha256", "size", "media_type", "width", "height", "etag", "phash", "verified_at", "thumbnail"]
SAMPLE_FIELDS = [*SETTLED_FIELDS, "image_quality_score", "group_key"]


@dataclass(frozen=True)
class Seen:
    """An image that passed: what it is, and the store's etag."""

    facts: Inspected
    etag: str


Found = Mapping[uuid.UUID, Seen | Defect]
"""What was found out about objects, by their keys."""
Thumbnails = Mapping[uuid.UUID, StoredObject]
"""The thumbnails that lie in the store, not saved, by the keys of their images."""


def store_thumbnail(seen: tuple[StoredObject, Seen]) -> StoredObject:
    """Put an image's thumbnail into the store and answer its row, not saved; runs in a thread, outside transactions.

    Its name follows from the image's, so that a second run finds the first one's.
    """
    obj, content = seen[0], seen[1].facts.thumbnail
    key = uuid.uuid5(THUMBNAIL_NAMESPACE, str(obj.pk))
    name = f"{key}.jpg"
    try:
        stat = store().put_new(name, io.BytesIO(content), media_type=images.THUMBNAIL_TYPE, metadata=obj.metadata)
    except AlreadyStored:
        stat = store().stat(name)
        with store().open_object(name) as stream:
            content = stream.read()
    return StoredObject(
        pk=key,
        name=name,
        kind=ObjectKind.THUMBNAIL,
        sha256=sha256(content).hexdigest(),
        size=len(content),
        media_type=images.THUMBNAIL_TYPE,
        etag=stat.etag,
        metadata=obj.metadata,
        verified_at=timezone.now(),
    )


def register(city: City, samples: Sequence[LearningSample], found: Found, thumbnails: Thumbnails) -> None:
    """Register verified samples: settled by their city's label where that is trusted, else with a slot.

    Runs in the caller's transaction, which holds the locks of the city and of the samples.
    """
    if not samples:
        return
    objects = {sample.object_id: sample.object for sample in samples if sample.object}
    _keep_objects(list(objects.values()), found, thumbnails)
    prints = {key: seen.facts.fingerprint for key, seen in found.items() if key in objects and isinstance(seen, Seen)}
    groups = near_duplicates.place(city, prints, samples)
    labels = newest_city_labels(samples)
    changes, slots = [], []
    for sample in samples:
        seen = found.get(sample.object_id) if sample.object_id else None
        if sample.image_quality_score is None and isinstance(seen, Seen):
            sample.image_quality_score = seen.facts.quality
        sample.group_key = groups.get(sample.pk, sample.group_key)
        changes.append(apply(sample, city_verdict(sample.module.policy, sample, labels.get(sample.pk))))
        if sample.state == SampleState.PENDING:
            slots.append(ReviewSlot.opened(sample))
    LearningSample.objects.bulk_update(samples, SAMPLE_FIELDS, batch_size=AT_ONCE)
    ReviewSlot.objects.bulk_create(slots)
    announce(changes)


def _keep_objects(objects: Sequence[StoredObject], found: Found, thumbnails: Thumbnails) -> None:
    """Write what was seen of the objects, with a row for each thumbnail."""
    now = timezone.now()
    kept = []
    for obj in objects:
        seen = found.get(obj.pk)
        if obj.verified_at is not None or not isinstance(seen, Seen):
            continue
        facts = seen.facts
        obj.sha256, obj.size, obj.media_type = facts.sha256, facts.size, facts.media_type
        obj.width, obj.height, obj.etag, obj.verified_at = facts.width, facts.height, seen.etag, now
        obj.phash = facts.fingerprint.phash if facts.fingerprint else None
        obj.thumbnail = thumbnails[obj.pk]
        kept.append(obj)
    StoredObject.objects.bulk_create([obj.thumbnail for obj in kept if obj.thumbnail], ignore_conflicts=True)
    StoredObject.objects.bulk_update(kept, VERIFIED_FIELDS, batch_size=AT_ONCE)
