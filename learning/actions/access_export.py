"""Verbs on access exports: everything the hub holds of somebody or something, as one ZIP that can be fetched for some days."""

import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core.errors import Conflict, Invalid
from core.queue import enqueue
from core.storage import ObjectMissing, SignedRequest, chunks_of, reading
from learning.actions import object as stored_object
from learning.models import (
    AccessExport,
    Erasure,
    HitlLabel,
    Image,
    LearningSample,
    ObjectKind,
    SampleState,
    StoredObject,
    TrainingExample,
)
from learning.models.erasure import Match
from learning.subject import Subject

CHUNK = 500
CLAIMED_FOR = timedelta(minutes=30)
LINK_SECONDS = 900
MAX_REFERENCE = 120
ZIP = "application/zip"
README = """Everything that Command Centre holds about what was asked for.

samples.jsonl   one sample a line: where and when it was captured, what was predicted, what people said, what is held true
files/          the image (or the features) of each sample, named by its sample_id
"""
SAMPLE_FIELDS = (
    "sample_id",
    "event_id",
    "module__slug",
    "city__slug",
    "camera__camera_id",
    "captured_at",
    "received_at",
    "sample_type",
    "prediction",
    "predicted_by",
    "confidence",
    "image_quality_score",
    "context_notes",
    "source_name",
    "state",
    "label_status",
    "truth",
)
LABEL_FIELDS = (
    "label_id",
    "label_status",
    "decision",
    "prediction",
    "correction",
    "correction_notes",
    "labeled_at",
    "operator_id",
)
EXAMPLE_FIELDS = ("example_id", "user_id", "session_id", "performer_id", "modality", "label", "timestamp", "consent_given")
IMAGE_FIELDS = ("person__full_name", "person__domain", "filename", "source", "source_url", "licence", "author", "downloaded_at")


@transaction.atomic
def ask(kind: str, subject: Any, *, by: User | None, reference: str = "", erasure: Erasure | None = None) -> AccessExport:
    """Have an export made by a worker; with `erasure` of what is chosen there, else of what matches the subject exactly."""
    _may(by)
    if len(reference) > MAX_REFERENCE or not reference.isprintable():
        raise Invalid(f"A reference has {MAX_REFERENCE} characters at most.", errors={"reference": ["is too long"]})
    if erasure is not None and erasure.gathered_at is None:
        raise Conflict("Its candidates are still being looked for; wait a moment.", code="gathering")
    about = {} if erasure else Subject.read(kind, subject).about
    export = AccessExport.objects.create(
        kind=erasure.kind if erasure else kind, subject=about, erasure=erasure, reference=reference.strip(), requested_by=by
    )
    record(by, "ask", export, kind=export.kind, erasure=str(erasure.pk) if erasure else None)
    enqueue("learning.tasks.build_export", str(export.pk))
    return export


def build(export_id: Any) -> AccessExport | None:
    """Make the file: run by a worker, by one at a time; None where there is nothing to do. Raises StoreError."""
    export = _claim(export_id)
    if export is None:
        return None
    try:
        with TemporaryDirectory(dir=_scratch()) as folder:
            path = Path(folder) / "export.zip"
            count = _write(export, path)
            metadata = {"uploaded_at": timezone.now().isoformat(timespec="seconds"), "access_export": str(export.pk)}
            kept = stored_object.store_bytes(path, kind=ObjectKind.EXPORT, media_type=ZIP, metadata=metadata)
        _finish(export, kept, count)
    finally:
        AccessExport.objects.filter(pk=export.pk).update(claimed_until=None)
    return export


def link(export: AccessExport, *, by: User) -> SignedRequest:
    """Sign a download of the file, good for a quarter of an hour; each link is on record. Raises Conflict where it is gone."""
    _may(by)
    if export.object is None or not export.is_there:
        what = "not made yet" if export.finished_at is None else "gone: its days are over, or an erasure took it"
        raise Conflict(f"The file of this export is {what}.", code="no_file")
    with transaction.atomic():
        record(by, "link", export)
    return export.object.signed_get(seconds=LINK_SECONDS, filename=f"access-{str(export.pk)[-12:]}.zip")


def unbuilt() -> list[UUID]:
    """Answer the exports that no worker has in hand."""
    free = Q(claimed_until__isnull=True) | Q(claimed_until__lt=timezone.now())
    return list(AccessExport.objects.filter(free, finished_at__isnull=True).values_list("pk", flat=True)[:100])


def _claim(export_id: Any) -> AccessExport | None:
    free = Q(claimed_until__isnull=True) | Q(claimed_until__lt=timezone.now())
    rows = AccessExport.objects.filter(free, pk=export_id, finished_at__isnull=True)
    if not rows.update(claimed_until=timezone.now() + CLAIMED_FOR):
        return None
    return AccessExport.objects.select_related("erasure").get(pk=export_id)


@transaction.atomic
def _finish(export: AccessExport, kept: StoredObject, count: int) -> None:
    """Keep the file for its days; the subject is forgotten, for the file says it."""
    expires = timezone.now() + timedelta(days=settings.ACCESS_EXPORT_DAYS)
    StoredObject.objects.filter(pk=kept.pk).update(delete_at=expires)
    export.object, export.samples, export.expires_at, export.finished_at = kept, count, expires, timezone.now()
    export.subject = {}
    export.save(update_fields=["object", "samples", "expires_at", "finished_at", "subject"])
    record(None, "build", export, samples=count, size=kept.size)


def _write(export: AccessExport, path: Path) -> int:
    """Write the ZIP, a chunk of samples at a time; images are not packed, they are already."""
    count = 0
    lines_path = path.with_name("samples.jsonl")
    with zipfile.ZipFile(path, "w") as archive, lines_path.open("xb") as lines:
        archive.writestr("README.txt", README)
        for keys in _keys(export):
            for document, kept in _documents(keys):
                lines.write(orjson.dumps(document) + b"\n")
                count += 1
                if kept is not None:
                    _add_file(archive, document["file"], kept)
        lines.flush()
        archive.write(lines_path, "samples.jsonl", compress_type=zipfile.ZIP_DEFLATED)
    return count


def _keys(export: AccessExport) -> Iterator[list[int]]:
    if export.erasure is None:
        seen: set[int] = set()
        for chunk in Subject(export.kind, export.subject).find():
            keys = sorted({key for key, match, _ in chunk if match == Match.EXACT} - seen)
            seen.update(keys)
            yield from (keys[start : start + CHUNK] for start in range(0, len(keys), CHUNK))
        return
    last, chosen = 0, export.erasure.items.filter(is_chosen=True, sample__isnull=False).order_by("sample")
    while keys := list(chosen.filter(sample__gt=last).values_list("sample_id", flat=True)[:CHUNK]):
        yield keys
        last = keys[-1]


def _documents(keys: list[int]) -> Iterator[tuple[dict[str, Any], StoredObject | None]]:
    """Answer what is held of each of these samples, and the object to go along; what nobody has verified has none."""
    samples = LearningSample.objects.filter(pk__in=keys, erased_at__isnull=True).order_by("pk")
    objects = {row.pk: row.object for row in samples.select_related("object").exclude(state=SampleState.RECEIVED)}
    labels = _grouped(HitlLabel.objects.filter(sample__in=keys).order_by("pk"), LABEL_FIELDS)
    examples = _grouped(TrainingExample.objects.filter(sample__in=keys), EXAMPLE_FIELDS)
    images = _grouped(Image.objects.filter(sample__in=keys), IMAGE_FIELDS)
    for row in samples.values("pk", *SAMPLE_FIELDS):
        key = row.pop("pk")
        kept = objects.get(key)
        kept = None if kept is None or kept.deleted_at else kept
        name = f"files/{_plain(row['sample_id'])}{Path(kept.name).suffix}" if kept else None
        facts = {field.replace("__", "_"): value for field, value in row.items()}
        yield (
            {**facts, "labels": labels.get(key, []), "example": examples.get(key), "person": images.get(key), "file": name},
            kept,
        )


def _grouped(rows: Any, fields: tuple[str, ...]) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {}
    for row in rows.values("sample_id", *fields):
        found.setdefault(row.pop("sample_id"), []).append(row)
    return found


def _add_file(archive: zipfile.ZipFile, name: str, kept: StoredObject) -> None:
    try:
        with reading(kept.name, kept.alias) as stream, archive.open(name, "w") as out:
            for piece in chunks_of(stream):
                out.write(piece)
    except ObjectMissing:
        archive.writestr(f"{name}.missing.txt", "The store had no such object any more.\n")


def _plain(text: str) -> str:
    """Answer a sample id as a file name that no unpacker misreads."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in text).lstrip(".")[:120] or "sample"


def _scratch() -> Path:
    folder: Path = settings.VAR / "scratch"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _may(by: User | None) -> None:
    if by is not None:
        require(by, Permission.ERASE_DATA)
