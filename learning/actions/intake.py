"""The items of a request on their way in: what is known of it already, what becomes of each item, and the rows to be written."""

import hashlib
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec
from django.utils import timezone

import core.lookups  # noqa: F401  (registers `among`)
from accounts.models import User
from core.bulk import Behind, take_keys
from core.errors import Conflict
from core.ids import new_text_id
from core.storage import new_name, store
from learning.actions.arrival import Answer, Arrival, Content, Sample, name_in
from learning.actions.ledger import erased_among
from learning.actions.settling import SETTLED_FIELDS, announce, apply, newest_city_labels, settled_by
from learning.annotation import Value
from learning.items import Item, Rejected, Told, rejection_key
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

AT_ONCE = 1_000
SAMPLE_NAMESPACE = uuid.UUID("6f1d5a0e-1f0b-5c43-9a53-6b9e4c2f7a11")


@dataclass
class Intake:
    """The items of one request for `batch`.

    It holds its city's lock from `load` to commit, so that no other request brings in the same event or file meanwhile.
    """

    batch: UploadBatch
    by: User | None
    adopt: bool = field(kw_only=True)
    now: datetime = field(default_factory=timezone.now)
    seen: set[str] = field(default_factory=set)
    there: set[str] = field(default_factory=set)
    known: dict[str, LearningSample] = field(default_factory=dict)
    arrived: dict[str, Arrival] = field(default_factory=dict)
    said: dict[int, HitlLabel] = field(default_factory=dict)
    erased: set[str] = field(default_factory=set)
    taken_ids: set[str] = field(default_factory=set)
    by_sha256: dict[str, Sample] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)
    by_name: dict[str, StoredObject | Content] = field(default_factory=dict)
    cameras: dict[str, Camera] = field(default_factory=dict)
    new_cameras: list[Camera] = field(default_factory=list)
    new: list[tuple[Item, Arrival]] = field(default_factory=list)
    new_objects: list[Content] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    heard: dict[str, datetime] = field(default_factory=dict)
    relabelled: list[tuple[LearningSample, HitlLabel]] = field(default_factory=list)
    rejections: list[tuple[str, str, str]] = field(default_factory=list)

    def load(self, items: Sequence[Told]) -> None:
        """Lock the city and read which of these items are known: one query each for events, files, references, cameras."""
        self.city = City.objects.select_for_update(no_key=True).get(pk=self.batch.city_id)
        self.batch.refresh_from_db(fields=["state"])
        if self.batch.state != BatchState.OPEN:
            raise Conflict(f"{self.batch.pk} is {self.batch.state} and takes no more items.", facts={"state": self.batch.state})
        self._load_there(items)
        self._load_same_files(items)
        self._load_named(items)
        wanted = {item.camera_id for item in items if item.camera_id}
        self.cameras = {row.camera_id: row for row in Camera.objects.filter(city=self.city, camera_id__among=wanted)}
        self.keys = iter(take_keys(LearningSample, len({item.event_id for item in items if item.event_id} - self.there)))
        self.uploaded_at = self.now.isoformat(timespec="seconds")
        self.uuid5 = hashlib.sha1(SAMPLE_NAMESPACE.bytes + f"{self.city.slug}\n".encode(), usedforsecurity=False)

    def _load_there(self, items: Sequence[Told]) -> None:
        """Read which of these events the hub has or had, and which given sample_ids are taken."""
        events = [item.event_id for item in items if item.event_id]
        there = LearningSample.objects.filter(city=self.city, event_id__among=events)
        self.there = set(there.values_list("event_id", flat=True))
        self.erased = erased_among(self.city, [event for event in events if event not in self.there])
        given = {item.sample_id for item in items if item.sample_id}
        if given:
            self.taken_ids = set(LearningSample.objects.filter(sample_id__among=given).values_list("sample_id", flat=True))

    def recall(self, items: Iterable[Item]) -> None:
        """Read what the hub has under these events, with the standing label of each, and forget those before.

        A city that sends everything again has ten thousand of them in a request: only a part's are held at once.
        """
        events = [item.event_id for item in items]
        known = LearningSample.objects.select_related("object").filter(city=self.city, event_id__among=events)
        self.known = {sample.event_id: sample for sample in known} if events else {}
        self.said = newest_city_labels(self.known.values()) if events else {}

    def _load_same_files(self, items: Sequence[Told]) -> None:
        """Read which of these files the city sent before, under whatever event."""
        digests = {item.file.sha256 for item in items if item.file and item.event_id not in self.there}
        if not digests:
            return
        same = LearningSample.objects.select_related("object").filter(
            object__sha256__among=digests, object__sha256__gt="", object__kind=ObjectKind.IMAGE
        )
        # The city is compared here and not in the query: an index that begins with the city is a trap for the planner.
        for sample in same.order_by("-id"):
            if sample.city_id == self.city.pk and sample.object:
                self.by_sha256[sample.object.sha256] = sample

    def _load_named(self, items: Sequence[Told]) -> None:
        """Read the objects that the references name, of those that are spelled like this store's."""
        spell = store().reference
        for item in items:
            reference = item.image_reference if item.event_id not in self.there else None
            if reference and (name := name_in(reference)) and spell(name) == reference:
                self.named[reference] = name
        if self.named:
            there = StoredObject.objects.filter(name__among=set(self.named.values()), deleted_at__isnull=True)
            self.by_name = {row.name: row for row in there}

    def place(self, raw: Any, item: Item | Rejected) -> Answer:
        """Say what becomes of one item and note the rows for it."""
        try:
            if isinstance(item, Rejected):
                raise item
            sample = self.arrived.get(item.event_id) or self.known.get(item.event_id)
            answer = self._again(item, sample) if sample else self._accept(item)
        except Rejected as rejected:
            key = rejection_key(raw)
            self._note(key, rejected.reason, rejected.detail)
            shown = None if key.startswith("?") else key
            return Answer(shown, "rejected", reason=rejected.reason, detail=rejected.detail)
        self.seen.add(item.event_id)
        return answer

    def write_arrivals(self, behind: Behind) -> None:
        """Hand over the samples that are new since the last call, with what belongs to them."""
        if not self.new:
            return
        cameras = {name: [getattr(camera, name) for camera in self.new_cameras] for name in ("id", "city_id", "camera_id")}
        behind.write(Camera, len(self.new_cameras), cameras)
        names = ("id", "name", "kind", "sha256", "md5", "size", "media_type", "metadata")
        objects = self.new_objects
        columns = {name: [getattr(obj, "pk" if name == "id" else name) for obj in objects] for name in names}
        behind.write(StoredObject, len(objects), {**columns, "owner_id": self.by.pk if self.by else None})
        keys = list(islice(self.keys, len(self.new)))
        behind.write(LearningSample, len(self.new), {"id": keys, **self._samples()})
        labelled = [(key, item) for key, (item, _) in zip(keys, self.new, strict=True) if item.status]
        items = [item for _, item in labelled]
        behind.write(HitlLabel, len(items), {"sample_id": [key for key, _ in labelled], **self._labels(items)})
        self.taken += [item.event_id for item, _ in self.new]
        self.new, self.new_objects, self.new_cameras = [], [], []

    def write_rest(self) -> None:
        """Write what else came of the items, each kind at once."""
        HitlLabel.objects.bulk_create([label for _, label in self.relabelled], batch_size=1_000)
        self._see_cameras()
        self._resettle()
        if self.taken and self.batch.rejections.exists():  # what was rejected earlier and is taken now is rejected no more
            self.batch.rejections.filter(event_id__among=self.taken).delete()
        for start in range(0, len(self.rejections), AT_ONCE):
            noted = self.rejections[start : start + AT_ONCE]
            rows = [UploadRejection(batch=self.batch, event_id=key, reason=why, detail=told) for key, why, told in noted]
            UploadRejection.objects.bulk_create(rows, ignore_conflicts=True)

    def _accept(self, item: Item) -> Answer:
        if item.event_id in self.erased:
            raise Rejected("erased", "This event was erased, and is not taken again.")
        if item.sample_id in self.taken_ids:
            raise Rejected("sample_id_conflict", "There is a sample of this sample_id already.")
        sample_id = item.sample_id or self._sample_id(item.event_id)
        obj, group = self._object_for(item, sample_id)
        sample = Arrival(
            sample_id=sample_id,
            batch_id=self.batch.pk,
            object=obj,
            by_reference=bool(item.reference),
            group_key=group or f"{self.city.slug}:{item.event_id}",
        )
        if item.camera_id not in self.cameras:  # it is made on first sight
            camera = self.cameras[item.camera_id] = Camera(city=self.city, camera_id=item.camera_id)
            self.new_cameras.append(camera)
        self.heard[item.camera_id] = max(item.captured_at, self.heard.get(item.camera_id, item.captured_at))
        self.new.append((item, sample))
        self.arrived[item.event_id] = sample
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
        said, correction = self.said.get(sample.pk), _builtins(item.correction)
        if not item.status or (said and (said.label_status, said.correction) == (item.status, correction)):
            return False
        if item.status == "correct" and sample.prediction is None:
            raise Rejected("correct_without_prediction", "This sample came without a prediction that could be correct.")
        columns = {name: value[0] if isinstance(value, list) else value for name, value in self._labels([item]).items()}
        columns |= {"sample_id": sample.pk, "prediction": sample.prediction, "correction": correction, "supersedes": said}
        label = HitlLabel(**columns)
        self.relabelled.append((sample, label))
        return True

    def _object_for(self, item: Item, sample_id: str) -> tuple[StoredObject | Content, str]:
        """Answer the object of a new sample, and the group it shares where the city sent this file before."""
        if item.file is None:
            return self._referenced(item), ""
        same = self.by_sha256.get(item.file.sha256)
        if same and same.object:
            return same.object, same.group_key
        file = item.file
        metadata = self._metadata(item, sample_id)
        name = new_name(file.media_type)
        obj = Content(new_text_id(), name, file.sha256, file.md5, file.size, file.media_type, metadata)
        self.new_objects.append(obj)
        return obj, ""

    def _referenced(self, item: Item) -> StoredObject | Content:
        """Answer the object a reference names; it is parsed, and never followed."""
        if name := self.named.get(item.reference):
            obj = self.by_name.get(name)
            own = obj is not None and obj.metadata.get("city_id") == self.city.slug
            if obj is not None and obj.kind == ObjectKind.IMAGE and (own or self.adopt):
                return obj
            if obj is None and self.adopt:  # size and hash are found out when it is verified
                adopted = Content(new_text_id(), name, metadata=self._metadata(item, ""))
                self.by_name[name] = adopted
                self.new_objects.append(adopted)
                return adopted
        raise Rejected("reference_unknown", "This reference names no image of this city in the hub's store.")

    def _sample_id(self, event_id: str) -> str:
        """Answer the UUIDv5 of city and event, as uuid.uuid5 makes it, at a third of the time."""
        digest = self.uuid5.copy()
        digest.update(event_id.encode())
        text = digest.hexdigest()
        variant = "89ab"[int(text[16], 16) & 3]
        return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{variant}{text[17:20]}-{text[20:32]}"

    def _metadata(self, item: Item, sample_id: str) -> dict[str, str]:
        """Answer what the storage contract asks to be written beside an image; all of it is text and none is empty."""
        facts = {
            "city_id": self.city.slug,
            "camera_id": item.camera_id,
            "event_id": item.event_id,
            "label_status": item.status or "unlabelled",
            "uploaded_at": self.uploaded_at,
            "detection_timestamp": item.captured_at.isoformat(),
            "sample_type": item.sample_type,
            "upload_batch_id": self.batch.pk,
        }
        if sample_id:
            facts["sample_id"] = sample_id
        if item.confidence is not None:
            facts["confidence"] = str(item.confidence)
        if item.quality is not None:
            facts["image_quality_score"] = str(item.quality)
        return facts

    def _samples(self) -> dict[str, Any]:
        """Answer the columns of the new samples."""
        items, samples = [item for item, _ in self.new], [sample for _, sample in self.new]
        cameras = {name: str(camera.pk) for name, camera in self.cameras.items()}
        return {
            "sample_id": [sample.sample_id for sample in samples],
            "module_id": [item.module.pk for item in items],
            "city_id": self.city.pk,
            "camera_id": [cameras[item.camera_id] for item in items],
            "event_id": [item.event_id for item in items],
            "batch_id": self.batch.pk,
            "object_id": [sample.object.pk for sample in samples],
            "by_reference": [sample.by_reference for sample in samples],
            "source_name": [(item.file.name or "") if item.file else "" for item in items],
            "captured_at": [item.captured_at for item in items],
            "sample_type": [item.sample_type for item in items],
            "prediction": [item.prediction for item in items],
            "predicted_by": [item.predicted_by for item in items],
            "confidence": [item.confidence for item in items],
            "image_quality_score": [item.quality for item in items],
            "context_notes": [item.notes for item in items],
            "source_label_status": [item.status for item in items],
            "group_key": [sample.group_key for sample in samples],
        }

    def _labels(self, items: Sequence[Item]) -> dict[str, Any]:
        """Answer the columns of the city's labels."""
        owner = self.by.pk if self.by else None
        return {
            "city_id": self.city.pk,
            "schema_id": [item.module.schema for item in items],
            "label_status": [item.status for item in items],
            "decision": ["correct" if item.status == "correct" else "change" for item in items],
            "prediction": [item.prediction for item in items],
            "correction": [item.correction for item in items],
            "labeled_at": [item.labeled_at or self.now for item in items]
            if any(item.labeled_at for item in items)
            else self.now,
            "annotator_id": [None if item.operator_id else owner for item in items],
            "operator_id": [item.operator_id for item in items],
            "label_source": LabelSource.CORRECTION,
            "review_time_seconds": [item.seconds for item in items],
        }

    def _see_cameras(self) -> None:
        """Remember when each camera was last heard of."""
        moved = []
        for name, at in self.heard.items():
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
        self.rejections.append((key, reason[:60], detail[:500]))


def _is_same_file(item: Item, obj: StoredObject | Content) -> bool:
    return obj.sha256 == item.file.sha256 if item.file else obj.name == name_in(item.reference)


def _builtins(value: Value | None) -> dict[str, Any] | None:
    """Answer a value as it is read from the database."""
    return None if value is None else msgspec.json.decode(msgspec.json.encode(value))
