"""Verbs on uploads: a large file comes into the store in parts, each under a signed address, and is put together by a worker.

What arrived, the store tells: the row only says what the file is and where it stands. So any part may be sent again, by
anybody who was signed for it, and an upload goes on after a reload, a lost connection, or a week's holiday but one day.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta
from typing import Any, TypeVar

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core.claims import claim, wake
from core.errors import Conflict, Invalid, Unavailable
from core.lifecycle import LostRace
from core.queue import enqueue
from core.storage import (
    EXTENSIONS,
    ObjectMissing,
    Part,
    SignedRequest,
    StoreError,
    chunks_of,
    new_name,
    reading,
    store,
)
from learning.actions import store as object_store
from learning.models import City, ObjectKind, StoredObject
from training import plan
from training.actions import dataset as dataset_verbs
from training.actions import growing
from training.models import DatasetUpload, GrowthKind, TrainingDataset, UploadPurpose, UploadState

MIB = 1 << 20
SMALL_PART, LARGE_PART = 8 * MIB, 16 * MIB
LARGE_FROM = 8 << 30
MOST_OPEN = 10
MOST_SIGNED = 100
URL_SECONDS = 3_600
OPEN_FOR = timedelta(days=6)
"""Shorter than the store's own patience with what is never completed (core/s3_setup.py)."""
ARCHIVE_KEPT = timedelta(days=30)
MOST_FAULTS = 5
EVERY_SECONDS = 1.0
TICK_SECONDS = 5.0
VIDEO_TYPES = frozenset(name for name in EXTENSIONS if name.startswith("video/"))
Answer = TypeVar("Answer")

logger = structlog.get_logger(__name__)


class LostUpload(LostRace):
    """Another worker took over this upload."""


def begin(
    dataset: TrainingDataset,
    *,
    by: User,
    purpose: str,
    file_name: str,
    size: int,
    media_type: str = "",
    client_key: str = "",
    city: City | None = None,
    options: Mapping[str, Any] | None = None,
) -> tuple[DatasetUpload, bool]:
    """Begin to bring a file of `size` bytes, or find the upload of it that this person began before; answers whether it is new.

    Raises Invalid, Refused by the plan, Conflict, or Unavailable where the store takes no uploads. Not for transactions.
    """
    require(by, Permission.MANAGE_DATASETS, dataset)
    dataset_verbs.refuse_archived(dataset)
    media_type = _check(purpose, file_name, size, media_type)
    _check_city(dataset, city, purpose)
    if purpose == UploadPurpose.VIDEO:
        options = {"every_seconds": EVERY_SECONDS, **(options or {})}
    plan.allow_dataset(dataset.organization)
    plan.allow_bytes(dataset, 1)
    facts = {"purpose": purpose, "size": size}
    if known := _known(dataset, by, client_key):
        return _same(known, facts), False
    if DatasetUpload.objects.filter(dataset=dataset, state=UploadState.OPEN).count() >= MOST_OPEN:
        raise Conflict(f"{MOST_OPEN} uploads into this dataset are open; complete or give up one first.", code="too_many_open")
    object_store.require_open()
    upload = DatasetUpload(
        dataset=dataset,
        file_name=file_name[-255:],
        media_type=media_type,
        part_size=LARGE_PART if size > LARGE_FROM else SMALL_PART,
        client_key=client_key,
        options={**(options or {}), **({"city": city.slug} if city else {})},
        object_name=new_name(media_type),
        created_by=by,
        expires_at=timezone.now() + OPEN_FOR,
        **facts,
    )
    upload.store_upload = _asked(
        lambda: store().begin_parts(upload.object_name, media_type=media_type, metadata=_metadata(upload))
    )
    try:
        _open(upload, by)
    except IntegrityError:  # the same person began the same file twice at the same moment
        _asked(lambda: store().abort_parts(upload.object_name, upload.store_upload))
        known = _known(dataset, by, client_key)
        if known is None:
            raise
        return _same(known, facts), False
    return upload, True


def sign(upload: DatasetUpload, parts: Sequence[tuple[int, str]], *, by: User) -> list[SignedRequest]:
    """Sign the upload of parts (number from 1, hex MD5 of the content), good for an hour; raises Invalid, or Conflict."""
    require(by, Permission.MANAGE_DATASETS, upload.dataset)
    _refuse_closed(upload)
    if not 0 < len(parts) <= MOST_SIGNED:
        raise Invalid(f"Ask for 1 to {MOST_SIGNED} parts at a time.", errors={"parts": ["too many or none"]})
    if any(not 1 <= number <= upload.parts for number, _ in parts):
        raise Invalid(f"This upload has the parts 1 to {upload.parts:,}.", errors={"parts": ["there is no such part"]})
    signed, kept = store(upload.alias).presign_part, {"seconds": URL_SECONDS}
    return [
        signed(upload.object_name, upload.store_upload, number=number, md5=md5, size=upload.size_of(number), **kept)
        for number, md5 in parts
    ]


def arrived(upload: DatasetUpload) -> list[Part]:
    """Answer the parts that are in the store, whole; none once it is completed. Raises Unavailable."""
    if upload.state != UploadState.OPEN:
        return []
    try:
        found = _asked(lambda: store(upload.alias).parts_of(upload.object_name, upload.store_upload))
    except ObjectMissing:
        return []
    return [part for part in found if 1 <= part.number <= upload.parts and part.size == upload.size_of(part.number)]


def complete(upload: DatasetUpload, *, by: User, sha256: str = "") -> DatasetUpload:
    """Have a worker put the parts together; with `sha256` (hex) only if they are that file. Twice is success.

    Raises Conflict, with the first numbers, where parts are missing.
    """
    require(by, Permission.MANAGE_DATASETS, upload.dataset)
    if upload.state in (UploadState.ASSEMBLING, UploadState.STORED):
        return upload
    _refuse_closed(upload)
    dataset_verbs.refuse_archived(upload.dataset)
    there = {part.number for part in arrived(upload)}
    if len(there) < upload.parts:
        missing = [number for number in range(1, upload.parts + 1) if number not in there]
        facts = {"missing": missing[:20], "missing_count": len(missing)}
        raise Conflict(f"{len(missing):,} of {upload.parts:,} parts have not arrived.", code="parts_missing", facts=facts)
    with transaction.atomic():
        upload.move(UploadState.ASSEMBLING, sha256=sha256, token="", beat_at=None)
        record(by, "complete", upload, dataset=str(upload.dataset_id), bytes=upload.size)
        enqueue("training.tasks.assemble_upload", str(upload.pk))
    return upload


@transaction.atomic
def abort(upload: DatasetUpload, *, by: User) -> DatasetUpload:
    """Give an open upload up; its parts go. Twice is success."""
    require(by, Permission.MANAGE_DATASETS, upload.dataset)
    if upload.state != UploadState.ABORTED:
        upload.move(UploadState.ABORTED, finished_at=timezone.now())
        record(by, "abort", upload, dataset=str(upload.dataset_id))
        enqueue("training.tasks.sweep_uploads")
    return upload


def assemble(upload_id: Any) -> DatasetUpload | None:
    """Put the parts together, look at the whole of it, and keep it as an object: by a worker, as often as it likes.

    Answers the upload, or None where there was nothing to do for this worker. What the store refuses is tried again.
    """
    upload = _claim(upload_id)
    if upload is None:
        return None
    try:
        etag = _joined(upload)
        digest = _digest(upload)
        if upload.sha256 and upload.sha256 != digest:
            return _fail(upload, "The file that arrived does not have the SHA-256 that was said.")
        return _seal(upload, digest, etag)
    except LostUpload:
        logger.warning("another worker took over the upload", upload=str(upload.pk))
    except (StoreError, OSError) as error:
        logger.exception("an upload could not be put together", upload=str(upload.pk))
        _note_fault(upload, error)
    return None


def sweep() -> None:
    """Go on with what a lost message or a killed worker left, expire what was never completed, and have given-up parts go."""
    wake(DatasetUpload.objects.to_assemble(), "training.tasks.assemble_upload")
    for overdue in DatasetUpload.objects.overdue()[:100]:
        _expire(overdue)
    for given_up in DatasetUpload.objects.to_give_up()[:100]:
        try:
            store(given_up.alias).abort_parts(given_up.object_name, given_up.store_upload)
            store(given_up.alias).remove(given_up.object_name)
        except StoreError:
            logger.exception("parts could not be given up; it is tried again", upload=str(given_up.pk))
            continue
        DatasetUpload.objects.filter(pk=given_up.pk).update(store_upload="")


def _check(purpose: str, file_name: str, size: int, media_type: str) -> str:
    """Answer the media type to store under; raises Invalid."""
    if purpose not in UploadPurpose.values:
        raise Invalid(f"The purpose is one of {', '.join(UploadPurpose.values)}.", errors={"purpose": ["is not known"]})
    if not file_name.strip() or any(ord(sign) < 32 or 0xD800 <= ord(sign) < 0xE000 for sign in file_name):
        raise Invalid("The file has a name that a person can read.", errors={"file_name": ["is no name"]})
    most = settings.UPLOAD_MAX_ARCHIVE_BYTES
    if not 0 < size <= most:
        raise Invalid(f"A file has 1 to {most:,} bytes.", errors={"size": [f"is from 1 to {most:,}"]})
    if purpose == UploadPurpose.VIDEO:
        if media_type not in VIDEO_TYPES:
            raise Invalid(f"A video is one of {', '.join(sorted(VIDEO_TYPES))}.", errors={"media_type": ["is no video"]})
        return media_type
    return "application/zip" if file_name.lower().endswith(".zip") else "application/octet-stream"


def _check_city(dataset: TrainingDataset, city: City | None, purpose: str) -> None:
    """Raise Invalid where images would come from a city that is not the dataset's customer's, or the other way round."""
    if purpose != UploadPurpose.IMPORT and dataset.organization_id != (city.organization_id if city else None):
        raise Invalid(
            "A customer's dataset takes images of the customer's own cities, and theirs go nowhere else; name the city.",
            errors={"city": ["is not of the dataset's organization"]},
        )


def _metadata(upload: DatasetUpload) -> dict[str, str]:
    """Answer what the storage contract asks to be written beside an object."""
    return {
        "city_id": upload.options.get("city", "hub"),
        "camera_id": "upload",
        "event_id": f"upload:{upload.pk}",
        "label_status": "unlabelled",
        "uploaded_at": timezone.now().isoformat(timespec="seconds"),
    }


@transaction.atomic
def _open(upload: DatasetUpload, by: User) -> None:
    upload.save(force_insert=True)
    record(by, "begin", upload, dataset=str(upload.dataset_id), purpose=upload.purpose, bytes=upload.size)


def _known(dataset: TrainingDataset, by: User, client_key: str) -> DatasetUpload | None:
    unfinished = (UploadState.OPEN, UploadState.ASSEMBLING)
    mine = DatasetUpload.objects.filter(dataset=dataset, created_by=by, client_key=client_key, state__in=unfinished)
    return mine.select_related("dataset__organization").first() if client_key else None


def _same(known: DatasetUpload, facts: Mapping[str, Any]) -> DatasetUpload:
    if any(getattr(known, name) != value for name, value in facts.items()):
        raise Conflict("There is an upload of another file under this client_key.", code="client_key_taken")
    return known


def _refuse_closed(upload: DatasetUpload) -> None:
    if upload.state != UploadState.OPEN:
        raise Conflict(f"This upload is {upload.state}; begin it anew.", facts={"state": str(upload.state)})
    if upload.expires_at < timezone.now():
        raise Conflict("This upload has expired; begin it anew.", code="upload_expired")


def _asked(ask: Callable[[], Answer]) -> Answer:
    """Ask the store within a request; raises Unavailable where it does not answer, and ObjectMissing."""
    try:
        return ask()
    except ObjectMissing:
        raise
    except (StoreError, OSError) as error:
        raise Unavailable("The object store does not answer at the moment; try again.", code="store_unavailable") from error


def _claim(upload_id: Any) -> DatasetUpload | None:
    return claim(DatasetUpload.objects.to_assemble(), upload_id, "dataset__organization", "dataset__module", "created_by")


def _beat(upload: DatasetUpload) -> None:
    """Say that this worker is alive, and hold the row within a transaction; raises LostUpload."""
    mine = DatasetUpload.objects.filter(pk=upload.pk, state=UploadState.ASSEMBLING, token=upload.token)
    if not mine.update(beat_at=timezone.now()):
        raise LostUpload("Another worker took over this upload.")


def _joined(upload: DatasetUpload) -> str:
    """Have the store join the parts, where it has not yet, and answer the object's etag."""
    place = store(upload.alias)

    def join() -> str:
        try:
            return place.stat(upload.object_name).etag  # a worker was killed after this
        except ObjectMissing:
            parts = place.parts_of(upload.object_name, upload.store_upload)
            return place.complete_parts(upload.object_name, upload.store_upload, parts).etag

    with ThreadPoolExecutor(1, thread_name_prefix="join") as pool:
        joining = pool.submit(join)
        while not wait([joining], timeout=TICK_SECONDS).done:
            _beat(upload)
        return joining.result()


def _digest(upload: DatasetUpload) -> str:
    """Read the whole object, and answer its SHA-256."""
    digest, size, beaten = hashlib.sha256(), 0, timezone.now()
    with reading(upload.object_name, upload.alias) as stream:
        for piece in chunks_of(stream):
            digest.update(piece)
            size += len(piece)
            if timezone.now() - beaten > timedelta(seconds=TICK_SECONDS):
                _beat(upload)
                beaten = timezone.now()
    if size != upload.size:
        raise StoreError(f"The object has {size:,} bytes, not {upload.size:,}.")
    return digest.hexdigest()


@transaction.atomic
def _seal(upload: DatasetUpload, sha256: str, etag: str) -> DatasetUpload:
    """Keep the object's row, and begin what it was brought for."""
    _beat(upload)
    is_video = upload.purpose == UploadPurpose.VIDEO
    kept = StoredObject.objects.create(
        name=upload.object_name,
        alias=upload.alias,
        kind=ObjectKind.VIDEO if is_video else ObjectKind.EXPORT,  # an archive goes with the first erasure, as exports do
        sha256=sha256,
        size=upload.size,
        media_type=upload.media_type,
        metadata=_metadata(upload),
        owner=upload.created_by,
        etag=etag,
        verified_at=timezone.now(),
        delete_at=None if is_video else timezone.now() + ARCHIVE_KEPT,
    )
    upload.move(UploadState.STORED, object=kept, sha256=sha256, store_upload="", finished_at=timezone.now())
    if upload.purpose != UploadPurpose.IMPORT:
        _grow(upload, kept)
    record(None, "stored", upload, dataset=str(upload.dataset_id), bytes=upload.size)
    return upload


def _grow(upload: DatasetUpload, kept: StoredObject) -> None:
    """Begin to bring the file's images into the dataset."""
    options = dict(upload.options)
    city = City.objects.filter(slug=options.pop("city", None)).first()
    kind = GrowthKind.VIDEO if upload.purpose == UploadPurpose.VIDEO else GrowthKind.ARCHIVE
    facts = {"source": kept, "source_name": upload.file_name, "city": city, "options": options}
    growing.begin(upload.dataset, kind, by=upload.created_by, **facts)


@transaction.atomic
def _fail(upload: DatasetUpload, sentence: str) -> None:
    _beat(upload)
    upload.move(UploadState.FAILED, error_message=sentence, finished_at=timezone.now())
    record(None, "fail", upload, dataset=str(upload.dataset_id), reason=sentence)


@transaction.atomic
def _note_fault(upload: DatasetUpload, error: Exception) -> None:
    """Count that it broke off; the sweeper tries again, a few times."""
    mine = DatasetUpload.objects.filter(pk=upload.pk, state=UploadState.ASSEMBLING, token=upload.token)
    if not mine.update(faults=upload.faults + 1):
        return
    if upload.faults + 1 >= MOST_FAULTS:
        _fail(upload, f"The store could not put the parts together ({type(error).__name__}); send the file again.")


@transaction.atomic
def _expire(upload: DatasetUpload) -> None:
    try:
        upload.move(UploadState.EXPIRED, finished_at=timezone.now())
    except LostRace:
        return
    record(None, "expire", upload, dataset=str(upload.dataset_id))
