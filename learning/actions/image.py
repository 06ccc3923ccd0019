"""Verbs on images of people: taking one in, with what is wrong with it, and looking for the face again."""

import hashlib
import io
import uuid
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core.errors import Conflict
from core.storage import store
from learning import faces, images
from learning.actions import city as cities
from learning.actions import ledger
from learning.actions import object as stored_object
from learning.actions import sample as samples
from learning.actions.intake import SAMPLE_NAMESPACE
from learning.actions.person import recount
from learning.defects import Defect
from learning.images import Inspected, Limits
from learning.models import (
    AiModule,
    Camera,
    Image,
    LearningSample,
    ObjectKind,
    Person,
    ReviewSlot,
    SampleState,
    SampleType,
    StoredObject,
    Task,
)
from learning.models.city import HUB
from learning.stripping import stripped

PEOPLE = "people"
"""The camera of people's images, and the beginning of their event ids."""
MIN_BYTES = 1_024
MAX_EVENT = 200
MAX_GROUP = 280
MAX_LABEL, MAX_LABELS = 60, 1_000
MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"RIFF")


@dataclass(frozen=True)
class Origin:
    """Where an image is from, and on what terms."""

    source: str
    filename: str
    source_url: str = ""
    licence: str = ""
    author: str = ""
    attribution: str = ""


def add(content: bytes, *, by: User | None, person: Person, module: AiModule, origin: Origin) -> tuple[Image, bool]:
    """Take an image of a person in, and answer its row and whether it is new; the same bytes again are the row that is there.

    What can be decoded becomes a sample of `module` that waits for review; what cannot keeps its reason, and nothing is
    dropped. Raises Conflict for another file under a known name, or StoreError. Not for transactions.
    """
    if by is not None:
        require(by, Permission.MANAGE_COLLECTION)
    digest = hashlib.sha256(content).hexdigest()
    if known := _known(person, origin, digest):
        return known, False
    image = Image(person=person, sha256=digest, file_size=len(content), **vars(origin))
    image.file_path = f"{person.folder_path}/{origin.filename}"[-500:]
    ledger.refuse_erased(cities.hub(), _event(image))
    clean = stripped(content)
    try:
        facts = _inspected(clean)
    except Defect as defect:
        image.validation_error, image.validated_at = defect.detail, timezone.now()
        return _write_refused(image)
    image.width, image.height = facts.width, facts.height
    _judge(image, clean)
    return _keep(image, clean, facts, module, by)


def validate(image: Image, *, by: User | None) -> Image:
    """Look for the face again, as after the extra `media` was installed. Not for transactions; raises Conflict, StoreError."""
    if by is not None:
        require(by, Permission.MANAGE_COLLECTION)
    obj = image.sample.object if image.sample else None
    if obj is None:
        raise Conflict("There is no image in the store that could be looked at.")
    with store(obj.alias).open_object(obj.name) as stream:
        _judge(image, stream.read())
    image.save(update_fields=["is_validated", "validation_error", "validated_at"])
    return image


@transaction.atomic
def name_labels(module: AiModule, names: list[str]) -> None:
    """Let a module of classification know people by their normalised names: a new revision of its schema with those it lacks.

    Names of more than 60 characters, and what is more than a schema holds, stay out; such images come without a prediction.
    """
    if module.task != Task.CLASSIFICATION:
        return
    schema = AiModule.objects.select_for_update().get(pk=module.pk).schema
    known = {name for label in schema.labels for name in (label["name"], *label.get("formerly", ()))}
    missing = [name for name in dict.fromkeys(names) if name not in known and len(name) <= MAX_LABEL]
    missing = missing[: max(0, MAX_LABELS - len(schema.labels))]
    if not missing:
        return
    first = max((label["id"] for label in schema.labels), default=0) + 1
    new = [{"id": first + n, "name": name, "color": "#6b7a8f", "shortcut": ""} for n, name in enumerate(missing)]
    schema.successor(labels=[*schema.labels, *new]).save(force_insert=True)
    record(None, "revise_schema", module, revision=schema.revision + 1, added=len(new))


def _known(person: Person, origin: Origin, digest: str) -> Image | None:
    """Answer the row of these bytes; raises Conflict where the name is another file's."""
    rows = Image.objects.filter(person=person)
    if same := rows.filter(sha256=digest).first():
        return same
    if rows.filter(filename=origin.filename).exists():
        raise Conflict("There is another file of this name.", code="event_id_conflict")
    return None


def _inspected(content: bytes) -> Inspected:
    if len(content) <= MIN_BYTES:
        raise Defect("too_small", f"The file has {len(content):,} bytes; an image has more than 1 KB.")
    if not content.startswith(MAGIC):
        raise Defect("not_an_image", "The file does not begin like an image.")
    limits = Limits(settings.UPLOAD_MAX_BYTES, settings.UPLOAD_MAX_PIXELS)
    return images.inspect(io.BytesIO(content), sha256="", media_type="", limits=limits)


def _judge(image: Image, content: bytes) -> None:
    """Look for the one face, and set what came of it."""
    image.validation_error = faces.objection(content)
    image.is_validated = image.validation_error in ("", faces.NOT_LOOKED)
    image.validated_at = timezone.now()


@transaction.atomic
def _write_refused(image: Image) -> tuple[Image, bool]:
    """Write an image that is none, which may have been written at the same moment."""
    person = Person.objects.select_for_update().get(pk=image.person_id)
    if known := Image.objects.filter(person=person, sha256=image.sha256).first():
        return known, False
    image.save(force_insert=True)
    return image, True


def _keep(image: Image, content: bytes, facts: Inspected, module: AiModule, by: User | None) -> tuple[Image, bool]:
    """Store object and thumbnail, then write the rows: all of them, or none."""
    sample = _sample(image, module, facts)
    metadata = {
        "city_id": HUB,
        "camera_id": PEOPLE,
        "event_id": sample.event_id,
        "label_status": "unlabelled",
        "uploaded_at": timezone.now().isoformat(timespec="seconds"),
        "sample_id": sample.sample_id,
    }
    pieces = ((content, ObjectKind.IMAGE, facts.media_type), (facts.thumbnail, ObjectKind.THUMBNAIL, images.THUMBNAIL_TYPE))
    kept: list[StoredObject] = []
    try:
        for piece, kind, media_type in pieces:
            kept.append(stored_object.store_bytes(piece, kind=kind, media_type=media_type, metadata=metadata, owner=by))
        return _write(image, sample, kept, facts), True
    except BaseException as error:
        samples.discard(kept)
        known = Image.objects.filter(person=image.person_id, sha256=image.sha256).first()
        if known is None or not isinstance(error, IntegrityError):
            raise
        return known, False  # the same image came twice at the same moment


@transaction.atomic
def _write(image: Image, sample: LearningSample, kept: list[StoredObject], facts: Inspected) -> Image:
    person = Person.objects.select_for_update().get(pk=image.person_id)
    now = timezone.now()
    whole, thumbnail = kept
    StoredObject.objects.filter(pk=thumbnail.pk).update(verified_at=now)
    whole.width, whole.height, whole.verified_at, whole.thumbnail = facts.width, facts.height, now, thumbnail
    whole.save(update_fields=["width", "height", "verified_at", "thumbnail"])
    sample.object = whole
    sample.save(force_insert=True)
    sample.move(SampleState.PENDING)
    ReviewSlot.opened(sample).save(force_insert=True)
    image.sample = sample
    image.save(force_insert=True)
    recount(person)
    return image


def _sample(image: Image, module: AiModule, facts: Inspected) -> LearningSample:
    """Make the sample of an image, not saved: the folder's name is what it predicts, where the module knows that name."""
    city, person = cities.hub(), image.person
    event_id = _event(image)
    return LearningSample(
        sample_id=str(uuid.uuid5(SAMPLE_NAMESPACE, f"{city.slug}\n{event_id}")),
        module=module,
        city=city,
        camera=Camera.objects.get_or_create(city=city, camera_id=PEOPLE)[0],
        event_id=event_id,
        source_name=image.filename,
        captured_at=timezone.now(),
        sample_type=SampleType.MANUAL,
        prediction=_prediction(person, module),
        image_quality_score=facts.quality,
        group_key=_short(f"{city.slug}:person:{person.domain}/{person.normalized_name}", "hub:person", MAX_GROUP),
    )


def _event(image: Image) -> str:
    return _short(f"{PEOPLE}:{image.file_path}", PEOPLE, MAX_EVENT)


def _prediction(person: Person, module: AiModule) -> dict[str, Any] | None:
    if module.task == Task.CLASSIFICATION and person.normalized_name in module.schema.names:
        return {"label": person.normalized_name}
    return None


def _short(text: str, prefix: str, most: int) -> str:
    return text if len(text) <= most else f"{prefix}:{hashlib.sha256(text.encode()).hexdigest()}"
