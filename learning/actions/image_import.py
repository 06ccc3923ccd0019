"""Taking in images that an import brings: stored and looked at whole, but unseen until the import is done, or gone again.

An image is known by its bytes: the same one again, of the same module and city, is the sample that is there. The rows come
before the objects, so that whatever a killed worker left in the store can be named, and removed.
"""

import io
import re
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone

from accounts.models import User
from core.storage import DEFAULT_ALIAS, AlreadyStored, new_name, store
from learning import images
from learning.actions import ledger
from learning.actions.discarding import discard, release_samples
from learning.actions.intake import SAMPLE_NAMESPACE
from learning.actions.registering import THUMBNAIL_NAMESPACE, Seen, store_thumbnail
from learning.actions.sample import UPLOAD
from learning.defects import Defect
from learning.fingerprints import Fingerprint
from learning.images import Inspected, Limits
from learning.models import AiModule, Camera, City, LearningSample, ObjectKind, SampleState, SampleType, StoredObject

IMPORT = "import"
"""The camera of what is imported, and the beginning of its event ids."""
MAX_NAME = 255
SAMPLE_ID = re.compile(r"[\w.:-]{1,200}", re.ASCII)


@dataclass(frozen=True)
class Picture:
    """An image that may come in: its bytes, what it turned out to be, what the import calls it, and what a model said of it."""

    content: bytes
    facts: Inspected
    source_name: str
    sample_id: str = ""
    prediction: dict[str, Any] | None = None
    predicted_by: dict[str, Any] | None = None
    confidence: float | None = None


@dataclass(frozen=True)
class Known:
    """What of images the hub has, by the SHA-256 of their bytes: a sample, an object of another module's, or an erasure."""

    samples: Mapping[str, LearningSample]
    objects: Mapping[str, StoredObject]
    erased: Collection[str]


@dataclass
class Arrival:
    """A picture with its sample, which nobody sees yet; `is_stored` where the object was there before."""

    picture: Picture
    sample: LearningSample
    obj: StoredObject
    is_stored: bool
    thumbnail: StoredObject | None = None


def event_of(module: AiModule, sha256: str, source: str = IMPORT) -> str:
    """Answer the event id of an image."""
    return f"{source}:{module.slug}:{sha256}"


def inspected(content: bytes, module: AiModule) -> Inspected:
    """Look at an image whole, in a decoder's process; raises Defect. Runs in any thread."""
    limits = Limits(settings.UPLOAD_MAX_BYTES, settings.UPLOAD_MAX_PIXELS)
    facts = images.inspect(io.BytesIO(content), sha256="", media_type="", limits=limits)
    if facts.quality < module.min_quality:
        raise Defect("quality_below_threshold", f"The module takes no image below a quality of {module.min_quality}.")
    return facts


def known(city: City, module: AiModule, hashes: Collection[str]) -> Known:
    """Look images up by their bytes, whichever way they came to this city."""
    rows = LearningSample.objects.filter(city=city, object__sha256__gt="", object__sha256__in=list(hashes))
    there = rows.filter(object__deleted_at=None, object__verified_at__isnull=False).select_related("object")
    samples, objects = dict[str, LearningSample](), dict[str, StoredObject]()
    for sample in there.order_by("-id"):
        assert sample.object is not None
        objects[sample.object.sha256] = sample.object
        if sample.module_id == module.pk:
            samples[sample.object.sha256] = sample
    events = {event_of(module, sha256): sha256 for sha256 in hashes if sha256 not in samples}
    for sample in LearningSample.objects.filter(city=city, event_id__in=list(events)):  # also one whose object went
        samples[events[sample.event_id]] = sample
    uploads = {event_of(module, sha256, UPLOAD): sha256 for sha256 in hashes}
    erased = ledger.erased_among(city, [*events, *uploads])
    return Known(samples, objects, {(events | uploads)[event] for event in erased})


def begin(
    pictures: Sequence[Picture], *, city: City, module: AiModule, by: User, at: datetime, objects: Mapping[str, StoredObject]
) -> list[Arrival]:
    """Write the samples, in state received, and the rows of their objects, in the caller's transaction.

    `objects` are those that lie in the store already. Raises IntegrityError where another import brings the same image.
    """
    camera = Camera.objects.get_or_create(city=city, camera_id=IMPORT)[0]
    camera.city = city
    named = [picture.sample_id for picture in pictures if SAMPLE_ID.fullmatch(picture.sample_id)]
    taken = set(LearningSample.objects.filter(sample_id__in=named).values_list("sample_id", flat=True))
    arrivals = []
    for picture in pictures:
        is_named = bool(SAMPLE_ID.fullmatch(picture.sample_id)) and picture.sample_id not in taken
        taken.add(picture.sample_id)
        sample = _sample(picture, camera, module, at, is_named=is_named)
        there = objects.get(picture.facts.sha256)
        arrivals.append(Arrival(picture, sample, there or _object(picture, sample, by), there is not None))
        sample.object = arrivals[-1].obj
    StoredObject.objects.bulk_create(arrival.obj for arrival in arrivals if not arrival.is_stored)
    LearningSample.objects.bulk_create(arrival.sample for arrival in arrivals)
    return arrivals


def put(arrival: Arrival) -> None:
    """Put an image and its thumbnail into the store; runs in a thread, outside transactions; raises StoreError."""
    if arrival.is_stored:
        return
    obj = arrival.obj
    try:
        stat = store(obj.alias).put_new(
            obj.name, io.BytesIO(arrival.picture.content), media_type=obj.media_type, metadata=obj.metadata
        )
    except AlreadyStored:  # by ourselves, before an answer was lost
        stat = store(obj.alias).stat(obj.name)
    obj.etag = stat.etag
    arrival.thumbnail = store_thumbnail((obj, Seen(arrival.picture.facts, stat.etag)))


def finish(arrivals: Sequence[Arrival]) -> None:
    """Note that these objects lie in the store, seen whole, in the caller's transaction."""
    new = [arrival for arrival in arrivals if not arrival.is_stored]
    now = timezone.now()
    for arrival in new:
        arrival.obj.verified_at, arrival.obj.thumbnail = now, arrival.thumbnail
    StoredObject.objects.bulk_create([arrival.thumbnail for arrival in new if arrival.thumbnail], ignore_conflicts=True)
    StoredObject.objects.bulk_update([arrival.obj for arrival in new], ["etag", "verified_at", "thumbnail"])


def withdraw(keys: Sequence[int]) -> list[str]:
    """Delete samples that nobody has seen, in the caller's transaction; answers the names of objects to be removed after it.

    Objects that other samples have stay.
    """
    samples = list(LearningSample.objects.filter(pk__in=keys, state=SampleState.RECEIVED).select_related("object"))
    names = release_samples(samples)
    thumbnails = [uuid.uuid5(THUMBNAIL_NAMESPACE, name.partition(".")[0]) for name in names]
    StoredObject.objects.filter(pk__in=thumbnails).delete()
    drawn = [f"{key}.jpg" for key in thumbnails]
    discard(drawn)
    return [*names, *drawn]


def look_of(facts: Inspected) -> dict[str, Any] | None:
    """Spell a fingerprint as JSON."""
    seen = facts.fingerprint
    return {"phash": seen.phash, "fine": seen.fine.hex(), "aspect": seen.aspect} if seen else None


def fingerprint_in(look: Mapping[str, Any]) -> Fingerprint:
    """Read such a spelling."""
    return Fingerprint(look["phash"], bytes.fromhex(look["fine"]), look["aspect"])


def _sample(picture: Picture, camera: Camera, module: AiModule, at: datetime, *, is_named: bool) -> LearningSample:
    event_id, city = event_of(module, picture.facts.sha256), camera.city
    return LearningSample(
        sample_id=picture.sample_id if is_named else str(uuid.uuid5(SAMPLE_NAMESPACE, f"{city.slug}\n{event_id}")),
        module=module,
        city=city,
        camera=camera,
        event_id=event_id,
        source_name=picture.source_name[-MAX_NAME:],
        captured_at=at,
        sample_type=SampleType.MANUAL,
        prediction=picture.prediction,
        predicted_by=picture.predicted_by if picture.prediction is not None else None,
        confidence=picture.confidence,
        image_quality_score=picture.facts.quality,
        group_key=f"{city.slug}:{event_id}",
    )


def _object(picture: Picture, sample: LearningSample, by: User) -> StoredObject:
    """Make the row of an image's object; its key is its name's, so that its thumbnail can be named from either."""
    facts = picture.facts
    name = new_name(facts.media_type)
    metadata = {
        "city_id": sample.city.slug,
        "camera_id": IMPORT,
        "event_id": sample.event_id,
        "label_status": "unlabelled",
        "uploaded_at": timezone.now().isoformat(timespec="seconds"),
        "sample_id": sample.sample_id,
        "detection_timestamp": sample.captured_at.isoformat(),
        "sample_type": sample.sample_type,
    }
    return StoredObject(
        id=uuid.UUID(name.partition(".")[0]),
        name=name,
        alias=DEFAULT_ALIAS,
        kind=ObjectKind.IMAGE,
        sha256=facts.sha256,
        size=facts.size,
        media_type=facts.media_type,
        width=facts.width,
        height=facts.height,
        metadata=metadata,
        owner=by,
        phash=facts.fingerprint.phash if facts.fingerprint else None,
    )
