"""A chunk of items on its way in: what is known of it already, what becomes of each item, and the rows to be written."""

import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone

from accounts.models import User
from core.bulk import Table, take_keys
from core.errors import Conflict
from core.ids import new_id
from core.storage import DEFAULT_ALIAS, OBJECT_NAME, new_name, store
from learning.actions.settling import SETTLED_FIELDS, announce, apply, newest_city_labels, settled_by
from learning.items import Item, Rejected, rejection_key
from learning.models import (
    BatchState,
    Camera,
    City,
    HitlLabel,
    LearningSample,
    ObjectKind,
    SampleState,
    StoredObject,
    UploadBatch,
    UploadRejection,
)
from learning.models.batch import DUPLICATE
from learning.models.label import LabelSource

SAMPLE_NAMESPACE = uuid.UUID("6f1d5a0e-1f0b-5c43-9a53-6b9e4c2f7a11")
REFERENCE = re.compile(r"([a-z0-9]{1,10})://([^/\x00-\x20]{1,100})/([^/]{1,64})")


@dataclass(slots=True)
class Content:
    """An object that is announced by this request; named like StoredObject, which it becomes."""

    pk: uuid.UUID
    name: str
    sha256: str = ""
    md5: str = ""
    size: int = 0
    media_type: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    kind: str = ObjectKind.IMAGE
    alias: str = DEFAULT_ALIAS
    verified_at: datetime | None = None


@dataclass(slots=True)
class Arrival:
    """A sample that this request brings, as far as later items ask for it; named like LearningSample, which it becomes."""

    sample_id: str
    batch_id: str
    object: StoredObject | Content
    by_reference: bool
    group_key: str
    prediction: dict[str, Any] | None
    pk: int = 0
    state: str = SampleState.RECEIVED


Sample = LearningSample | Arrival


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one item."""

    event_id: str | None
    outcome: str
    sample: Sample | None = None
    reason: str = ""
    detail: str = ""


@dataclass
class Intake:
    """One chunk of items of `batch`.

    It holds its city's lock from `load` to commit, so that no other request brings in the same event or file meanwhile.
    """

    batch: UploadBatch
    by: User | None
    adopt: bool = field(kw_only=True)
    seen: set[str] = field(kw_only=True)
    now: datetime = field(default_factory=timezone.now)
    known: dict[str, Sample] = field(default_factory=dict)
    said: dict[int, HitlLabel] = field(default_factory=dict)
    taken_ids: set[str] = field(default_factory=set)
    by_sha256: dict[str, Sample] = field(default_factory=dict)
    by_name: dict[str, StoredObject | Content] = field(default_factory=dict)
    cameras: dict[str, Camera] = field(default_factory=dict)
    new_cameras: list[Camera] = field(default_factory=list)
    new: list[tuple[Item, Arrival]] = field(default_factory=list)
    new_objects: list[Content] = field(default_factory=list)
    relabelled: list[tuple[LearningSample, HitlLabel]] = field(default_factory=list)
    rejections: list[UploadRejection] = field(default_factory=list)

    def load(self, items: Sequence[Item]) -> None:
        """Lock the city and read what is known of these items: one query each for events, files, references, cameras."""
        self.city = City.objects.select_for_update(no_key=True).get(pk=self.batch.city_id)
        self.batch.refresh_from_db(fields=["state"])
        if self.batch.state != BatchState.OPEN:
            raise Conflict(f"{self.batch.pk} is {self.batch.state} and takes no more items.", facts={"state": self.batch.state})
        samples = LearningSample.objects.select_related("object")
        events = [item.event_id for item in items]
        known = list(samples.filter(city=self.city, event_id__in=events))
        self.known = {sample.event_id: sample for sample in known}
        self.said = newest_city_labels(known) if known else {}
        digests = {item.file.sha256 for item in items if item.file and item.event_id not in self.known}
        # The city is compared here and not in the query: an index that begins with the city is a trap for the planner.
        for sample in samples.filter(object__sha256__in=digests, object__kind=ObjectKind.IMAGE).order_by("-id"):
            if sample.city_id == self.city.pk and sample.object:
                self.by_sha256[sample.object.sha256] = sample
        names = {name_in(item.reference) for item in items if item.reference} - {""}
        if names:
            self.by_name = {row.name: row for row in StoredObject.objects.filter(name__in=names)}
        given = {item.sample_id for item in items if item.sample_id}
        if given:
            self.taken_ids = set(samples.filter(sample_id__in=given).values_list("sample_id", flat=True))
        wanted = {item.camera_id for item in items}
        self.cameras = {row.camera_id: row for row in Camera.objects.filter(city=self.city, camera_id__in=wanted)}

    def place(self, raw: Any, item: Item | Rejected) -> Answer:
        """Say what becomes of one item and note the rows for it."""
        try:
            if isinstance(item, Rejected):
                raise item
            sample = self.known.get(item.event_id)
            answer = self._again(item, sample) if sample else self._accept(item)
        except Rejected as rejected:
            key = rejection_key(raw)
            self._note(key, rejected.reason, rejected.detail)
            shown = None if key.startswith("?") else key
            return Answer(shown, "rejected", reason=rejected.reason, detail=rejected.detail)
        self.seen.add(item.event_id)
        return answer

    def write(self) -> None:
        """Write the noted rows, each kind at once."""
        Camera.objects.bulk_create(self.new_cameras)
        self._write_arrivals()
        HitlLabel.objects.bulk_create([label for _, label in self.relabelled], batch_size=1_000)
        self._see_cameras()
        self._resettle()
        if self.new and self.batch.rejections.exists():  # what was rejected earlier and is taken now is rejected no more
            self.batch.rejections.filter(event_id__in=[item.event_id for item, _ in self.new]).delete()
        UploadRejection.objects.bulk_create(self.rejections, batch_size=1_000, ignore_conflicts=True)

    def _accept(self, item: Item) -> Answer:
        if item.sample_id in self.taken_ids:
            raise Rejected("sample_id_conflict", "There is a sample of this sample_id already.")
        sample_id = item.sample_id or str(uuid.uuid5(SAMPLE_NAMESPACE, f"{self.city.slug}\n{item.event_id}"))
        obj, group = self._object_for(item, sample_id)
        sample = Arrival(
            sample_id=sample_id,
            batch_id=self.batch.pk,
            object=obj,
            by_reference=bool(item.reference),
            group_key=group or f"{self.city.slug}:{item.event_id}",
            prediction=item.prediction,
        )
        if item.camera_id not in self.cameras:  # it is made on first sight
            camera = self.cameras[item.camera_id] = Camera(city=self.city, camera_id=item.camera_id)
            self.new_cameras.append(camera)
        self.new.append((item, sample))
        self.known[item.event_id] = sample
        self.taken_ids.add(sample_id)
        if item.file:
            self.by_sha256.setdefault(item.file.sha256, sample)
        return Answer(item.event_id, "accepted", sample)

    def _again(self, item: Item, sample: Sample) -> Answer:
        """Answer for an event that is known: the same file, or a conflict."""
        if sample.object and not _is_same_file(item, sample.object):
            raise Rejected("event_id_conflict", "There is another file under this event_id.")
        if item.event_id in self.seen or isinstance(sample, Arrival):
            self._note(item.event_id, DUPLICATE, "It stands twice in one request.")
            return Answer(item.event_id, DUPLICATE, sample)
        relabelled = self._relabel(item, sample)
        if sample.state == SampleState.RECEIVED and sample.batch_id == self.batch.pk:
            return Answer(item.event_id, "accepted", sample)
        if relabelled:
            return Answer(item.event_id, "relabelled", sample)
        self._note(item.event_id, DUPLICATE, "The hub has it already.")
        return Answer(item.event_id, DUPLICATE, sample)

    def _relabel(self, item: Item, sample: LearningSample) -> bool:
        """Note the city's new label where it says something else than its standing one; tells whether it does."""
        said = self.said.get(sample.pk)
        if not item.status or (said and (said.label_status, said.correction) == (item.status, item.correction)):
            return False
        if item.status == "correct" and sample.prediction is None:
            raise Rejected("correct_without_prediction", "This sample came without a prediction that could be correct.")
        self.relabelled.append((sample, HitlLabel(**self._label(item, sample), supersedes=said)))
        return True

    def _object_for(self, item: Item, sample_id: str) -> tuple[StoredObject | Content, str]:
        """Answer the object of a new sample, and the group it shares where the city sent this file before."""
        if item.file is None:
            return self._referenced(item), ""
        same = self.by_sha256.get(item.file.sha256)
        if same and same.object:
            return same.object, same.group_key
        file = item.file
        metadata = _metadata(item, self.city.slug, sample_id, self.batch.pk, self.now)
        name = new_name(file.media_type)
        obj = Content(new_id(), name, file.sha256, file.md5, file.size, file.media_type, metadata)
        self.new_objects.append(obj)
        return obj, ""

    def _referenced(self, item: Item) -> StoredObject | Content:
        """Answer the object a reference names; it is parsed, and never followed."""
        name = name_in(item.reference)
        if name and store().reference(name) == item.reference:
            obj = self.by_name.get(name)
            own = obj is not None and obj.metadata.get("city_id") == self.city.slug
            if obj is not None and obj.kind == ObjectKind.IMAGE and (own or self.adopt):
                return obj
            if obj is None and self.adopt:  # size and hash are found out when it is verified
                adopted = Content(new_id(), name, metadata=_metadata(item, self.city.slug, "", self.batch.pk, self.now))
                self.by_name[name] = adopted
                self.new_objects.append(adopted)
                return adopted
        raise Rejected("reference_unknown", "This reference names no image of this city in the hub's store.")

    def _write_arrivals(self) -> None:
        """Write the new samples with what belongs to them; a key is taken for each before any row is written."""
        if not self.new:
            return
        objects, samples, labels = Table(StoredObject), Table(LearningSample, keyed=True), Table(HitlLabel)
        owner = self.by.pk if self.by else None
        for obj in self.new_objects:
            objects.add(
                id=obj.pk,
                name=obj.name,
                kind=obj.kind,
                sha256=obj.sha256,
                md5=obj.md5,
                size=obj.size,
                media_type=obj.media_type,
                owner_id=owner,
                metadata=obj.metadata,
            )
        for key, (item, sample) in zip(take_keys(LearningSample, len(self.new)), self.new, strict=True):
            sample.pk = key
            samples.add(**self._sample(item, sample))
            if item.status:
                labels.add(**self._label(item, sample))
        for table in (objects, samples, labels):
            table.write()

    def _sample(self, item: Item, sample: Arrival) -> dict[str, Any]:
        """Answer the columns of a new sample."""
        return {
            "id": sample.pk,
            "sample_id": sample.sample_id,
            "module_id": item.module.pk,
            "city_id": self.city.pk,
            "camera_id": self.cameras[item.camera_id].pk,
            "event_id": item.event_id,
            "batch_id": sample.batch_id,
            "object_id": sample.object.pk,
            "by_reference": sample.by_reference,
            "source_name": item.file.name if item.file else "",
            "captured_at": item.captured_at,
            "sample_type": item.sample_type,
            "prediction": sample.prediction,
            "predicted_by": item.predicted_by,
            "confidence": item.confidence,
            "image_quality_score": item.quality,
            "context_notes": item.notes,
            "source_label_status": item.status,
            "group_key": sample.group_key,
        }

    def _label(self, item: Item, sample: Sample) -> dict[str, Any]:
        """Answer the columns of the city's label."""
        return {
            "sample_id": sample.pk,
            "city_id": self.city.pk,
            "schema_id": item.module.schema,
            "label_status": item.status,
            "decision": "correct" if item.status == "correct" else "change",
            "prediction": sample.prediction,
            "correction": item.correction,
            "labeled_at": item.labeled_at or self.now,
            "annotator_id": None if item.operator_id or self.by is None else self.by.pk,
            "operator_id": item.operator_id,
            "label_source": LabelSource.CORRECTION,
            "review_time_seconds": item.seconds,
        }

    def _see_cameras(self) -> None:
        """Remember when each camera was last heard of."""
        latest: dict[str, datetime] = {}
        for item, _ in self.new:
            latest[item.camera_id] = max(item.captured_at, latest.get(item.camera_id, item.captured_at))
        moved = []
        for name, at in latest.items():
            camera = self.cameras[name]
            if camera.last_sample_at is None or camera.last_sample_at < at:
                camera.last_sample_at = at
                moved.append(camera)
        Camera.objects.bulk_update(moved, ["last_sample_at"], batch_size=500)

    def _resettle(self) -> None:
        """Give settled samples the truth of their city's new label, as long as it is the city's label they rest on."""
        candidates = [row for row in self.relabelled if row[0].state == SampleState.SETTLED]
        if not candidates:
            return
        judged = HitlLabel.objects.standing().by_people().filter(sample__in=[row[0] for row in candidates])
        by_people = set(judged.values_list("sample_id", flat=True))
        moved = [row for row in candidates if row[0].pk not in by_people]
        changes = [apply(sample, settled_by(label)) for sample, label in moved]
        LearningSample.objects.bulk_update([sample for sample, _ in moved], SETTLED_FIELDS, batch_size=500)
        announce(changes)

    def _note(self, key: str, reason: str, detail: str) -> None:
        self.rejections.append(UploadRejection(batch=self.batch, event_id=key, reason=reason[:60], detail=detail[:500]))


def name_in(reference: str) -> str:
    """Answer the object name that a well-formed reference ends in, or ""."""
    found = REFERENCE.fullmatch(reference)
    return found.group(3) if found and OBJECT_NAME.fullmatch(found.group(3)) else ""


def _is_same_file(item: Item, obj: StoredObject | Content) -> bool:
    return obj.sha256 == item.file.sha256 if item.file else obj.name == name_in(item.reference)


def _metadata(item: Item, city: str, sample_id: str, batch: str, now: datetime) -> dict[str, str]:
    """Answer what the storage contract asks to be written beside an image; all of it is text and none is empty."""
    facts: Iterable[tuple[str, object]] = (
        ("city_id", city),
        ("camera_id", item.camera_id),
        ("event_id", item.event_id),
        ("label_status", item.status or "unlabelled"),
        ("uploaded_at", now.isoformat(timespec="seconds")),
        ("sample_id", sample_id),
        ("detection_timestamp", item.captured_at.isoformat()),
        ("confidence", item.confidence),
        ("image_quality_score", item.quality),
        ("sample_type", item.sample_type),
        ("upload_batch_id", batch),
    )
    return {name: str(value) for name, value in facts if value not in (None, "")}
