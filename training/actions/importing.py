"""Verbs on imports: bring a file, look at what a dry run found, confirm, cancel; and the worker's way through one.

A file is checked whole before anything is written. What is written then nobody sees, and it is removed where the import is
cancelled, cannot be done, or its worker was killed; at the end one step, which is always carried to its end, lets it count.
"""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core.bulk import seldom_collected
from core.claims import wake
from core.errors import Conflict, Invalid, Missing, Refusal, Unavailable
from core.queue import enqueue
from core.storage import SignedRequest, StoreError
from learning.actions import object as stored_object
from learning.models import City, LabelSchema, ObjectKind, StoredObject
from training import plan
from training.actions import dataset as dataset_verbs
from training.actions import importing_publishing, importing_taking, importing_trial
from training.actions.importing_work import Hold, LostImport, claim, clear, fail, let_go
from training.archives import Damaged
from training.formats import FORMATS
from training.import_records import MOST_CATEGORIES
from training.models import (
    DatasetImport,
    DatasetUpload,
    Empty,
    ImportPhase,
    ImportState,
    TakenAs,
    TrainingDataset,
    UploadPurpose,
    UploadState,
)
from training.models.exchange import AT_WORK, ENDED

logger = structlog.get_logger(__name__)

DIRECT_BYTES = 50_000_000
"""So large a file may come in one request; a larger one comes in parts, and never through the hub's web."""
KEPT_FOR = timedelta(days=7)
LINK_SECONDS = 900
MOST_FAULTS = 3
BROUGHT = "application/octet-stream"
FAULT = "A fault of the hub stopped this {n} times ({name}); the log of the workers says more. Nothing was imported."


def bring(dataset: TrainingDataset, content: bytes | Path, *, by: User, file_name: str, **terms: Any) -> DatasetImport:
    """Store a file (an archive, or annotations alone) and have it looked at by a worker; nothing is imported before `confirm`.

    `terms` are those of `begin`. Raises Invalid, Conflict where the dataset is archived, Unavailable. Not for transactions.
    """
    size = content.stat().st_size if isinstance(content, Path) else len(content)
    if not 0 < size <= DIRECT_BYTES:
        sentence = f"A file that comes in one piece has 1 to {DIRECT_BYTES:,} bytes; send a larger one in parts."
        raise Invalid(sentence, code="oversize", errors={"file": ["has no such size"]})
    check_terms(dataset, by=by, **terms)
    try:
        kept = stored_object.store_bytes(
            content,
            kind=ObjectKind.EXPORT,
            media_type=BROUGHT,
            metadata={"uploaded_at": timezone.now().isoformat(timespec="seconds")},
            owner=by,
            delete_at=timezone.now() + KEPT_FOR,
        )
    except StoreError as error:
        raise Unavailable("The object store does not answer; try again.", code="store_unavailable") from error
    return begin(dataset, kept, by=by, file_name=file_name, **terms)


@transaction.atomic
def begin(
    dataset: TrainingDataset,
    source: StoredObject,
    *,
    by: User,
    file_name: str = "",
    format: str = "",  # noqa: A002  (the word everybody uses)
    taken_as: str = TakenAs.TRUTH,
    mapping: Mapping[str, str | None] | None = None,
    empty: str = Empty.VERIFIED,
    city: City | None = None,
) -> DatasetImport:
    """Make an import of a file in the store, which a worker looks at.

    An empty `format` is found out. `mapping` leads from categories to labels, or to None for what is left out; what it does not
    say is proposed by the dry run. `city` is where a customer's images are from. Raises Invalid, Conflict.
    """
    facts: dict[str, Any] = {"format": format, "taken_as": taken_as, "empty": empty, "mapping": dict(mapping or {})}
    check_terms(dataset, by=by, city=city, **facts)
    job = DatasetImport.objects.create(
        dataset=dataset,
        source=source,
        city=city,
        file_name=_printable(file_name),
        created_by=by,
        **facts,
    )
    record(by, "begin", job, dataset=str(dataset.pk), format=format, taken_as=taken_as)
    enqueue("training.tasks.run_import", str(job.pk))
    return job


def begin_with_upload(dataset: TrainingDataset, upload: Any, *, by: User, **terms: Any) -> DatasetImport:
    """Make an import of a file that came in parts (the upload's key); raises Missing, or Conflict where it is not stored yet."""
    found = DatasetUpload.objects.visible_to(by).filter(dataset=dataset, pk=upload, purpose=UploadPurpose.IMPORT)
    brought = found.select_related("object").first()
    if brought is None:
        raise Missing("There is no such upload for an import into this dataset, or it is not within your reach.")
    if brought.state != UploadState.STORED or brought.object is None or brought.object.deleted_at is not None:
        raise Conflict(f"The upload is {brought.state}; it can be imported once it is stored.", facts={"state": brought.state})
    return begin(dataset, brought.object, by=by, file_name=brought.file_name, **terms)


@transaction.atomic
def confirm(job: DatasetImport, *, by: User, mapping: Mapping[str, str | None] | None = None) -> DatasetImport:
    """Have what the dry run found imported; `mapping` adds to the one proposed. Twice is success.

    Raises Invalid for a category of which nobody has said what it is, Conflict where another import writes to the dataset.
    """
    require(by, Permission.MANAGE_DATASETS, job)
    if job.state == ImportState.IMPORTING:
        return job
    dataset_verbs.refuse_archived(job.dataset)
    schema = job.dataset.module.schema
    merged = {**job.mapping, **_checked_mapping(mapping or {}, schema)}
    if undecided := [name for name in job.categories if name not in merged]:
        raise Invalid(
            f"Say what these categories are here, or leave them out: {', '.join(undecided[:5])}.",
            errors={"map": [f"{name} is not decided" for name in undecided[:20]]},
        )
    try:
        with transaction.atomic():
            job.move(ImportState.IMPORTING, mapping=merged, confirmed_at=timezone.now(), faults=0, handled=0)
    except IntegrityError as error:
        raise Conflict("Another import writes to this dataset; confirm this one when that is done.", code="busy") from error
    record(by, "confirm", job, records=job.records)
    enqueue("training.tasks.run_import", str(job.pk))
    return job


@transaction.atomic
def cancel(job: DatasetImport, *, by: User | None) -> DatasetImport:
    """Give an import up: nothing of it stays. Twice is success; Conflict once it is over, or being published."""
    if by is not None:
        require(by, Permission.MANAGE_DATASETS, job)
    if job.state == ImportState.CANCELLED:
        return job
    job = DatasetImport.objects.select_for_update(of=("self",)).select_related("dataset__organization").get(pk=job.pk)
    if job.phase == ImportPhase.PUBLISHING:
        raise Conflict(
            "Everything was checked and is being let in at this moment; it is done within moments.", code="publishing"
        )
    job.move(ImportState.CANCELLED, finished_at=timezone.now(), phase="", token="", beat_at=None, must_clear=True)
    record(by, "cancel", job)
    enqueue("training.tasks.run_import", str(job.pk))
    return job


def report_link(job: DatasetImport, *, by: User) -> SignedRequest:
    """Sign a download of the CSV of what was not taken, good for a quarter of an hour; raises Conflict where there is none."""
    require(by, Permission.MANAGE_DATASETS, job)
    if job.report is None or job.report.deleted_at is not None:
        raise Conflict("There is no list of errors: nothing was refused, or its days are over.", code="no_file")
    with transaction.atomic():
        record(by, "link", job)
    return job.report.signed_get(seconds=LINK_SECONDS, filename=f"import-{str(job.pk)[-12:]}.csv")


def run(job_id: Any) -> DatasetImport | None:
    """Do what is to be done for an import: a dry run, the import itself, or removing what was given up.

    Run by a worker, as often as it likes, by one at a time. Answers the import, or None where there was nothing to do.
    """
    hold = claim(job_id)
    if hold is None:
        return None
    try:
        with seldom_collected():
            _work(hold)
    except LostImport:
        logger.info("an import was taken back, or another worker goes on with it", job=str(job_id))
        enqueue("training.tasks.run_import", str(job_id))
    except (Refusal, Damaged) as refusal:
        _end(hold, refusal.detail if isinstance(refusal, Refusal) else f"The archive cannot be read: {refusal}")
    except StoreError:  # it may answer in a minute
        logger.exception("the store did not answer an import", job=str(job_id))
        _put_down(hold)
    except Exception as fault:  # whatever it is, it must not be tried for ever, and its person reads that it ended
        logger.exception("an import broke off", job=str(job_id))
        _note_fault(hold, type(fault).__name__)
    return hold.job


def sweep() -> int:
    """Wake a worker for each import that has none (a lost message, a killed worker), give up what nobody confirmed in time."""
    woken = wake(DatasetImport.objects.to_run(), "training.tasks.run_import")
    old = timezone.now() - KEPT_FOR
    late = DatasetImport.objects.filter(state=ImportState.CHECKED, created_at__lt=old).select_related("dataset__organization")
    for job in late[:100]:
        cancel(job, by=None)
    return woken


def check_terms(
    dataset: TrainingDataset,
    *,
    by: User,
    format: str = "",  # noqa: A002
    taken_as: str = TakenAs.TRUTH,
    mapping: Mapping[str, str | None] | None = None,
    empty: str = Empty.VERIFIED,
    city: City | None = None,
) -> None:
    """Raise Refused, Conflict or Invalid where a file could not be imported on these terms."""
    require(by, Permission.MANAGE_DATASETS, dataset)
    dataset_verbs.refuse_archived(dataset)
    plan.allow_dataset(dataset.organization)
    if dataset.organization_id != (city.organization_id if city else None):
        raise Invalid(
            "A customer's dataset takes images of the customer's own cities, and theirs go nowhere else; name the city.",
            errors={"city": ["is not of the dataset's organization"]},
        )
    for name, value, known in (
        ("format", format, ["", *FORMATS]),
        ("as", taken_as, TakenAs.values),
        ("empty", empty, Empty.values),
    ):
        if value not in known:
            raise Invalid(f"{name} is one of {', '.join(filter(None, known))}.", errors={name: ["is not known"]})
    _checked_mapping(mapping or {}, dataset.module.schema)


def _printable(name: str) -> str:
    """Answer a file's name as it is shown: without what no person could read."""
    return "".join(letter for letter in name if letter.isprintable())[-255:]


def _checked_mapping(mapping: Mapping[str, Any], schema: LabelSchema) -> dict[str, str | None]:
    """Answer a mapping as it is kept; raises Invalid for what is no label in use."""
    if not isinstance(mapping, Mapping) or len(mapping) > MOST_CATEGORIES:
        raise Invalid(f"map leads from at most {MOST_CATEGORIES:,} categories to labels.", errors={"map": ["is no mapping"]})
    in_use = set(schema.names)
    for category, label in mapping.items():
        is_name = isinstance(category, str) and 0 < len(category) <= 500 and "\x00" not in category
        if not is_name or not (label is None or label in in_use):
            raise Invalid(
                f"{str(category)[:60]!r} cannot become {str(label)[:60]!r}: the labels are {', '.join(schema.names[:20])}.",
                errors={"map": ["names a label that the schema does not have"]},
            )
    return dict(mapping)


def _work(hold: Hold) -> None:
    job = hold.job
    if job.state in ENDED:
        clear(hold)
        let_go(job)
    elif job.state == ImportState.CHECKING:
        importing_trial.check(hold)
    elif job.state == ImportState.IMPORTING:
        if job.phase != ImportPhase.PUBLISHING:
            clear(hold)
            report, kept = importing_taking.take(hold)
            importing_publishing.begin(hold, report, kept)
        importing_publishing.publish(hold)


def _end(hold: Hold, sentence: str) -> None:
    """End what cannot be done, unless somebody cancelled it meanwhile."""
    if hold.job.phase == ImportPhase.PUBLISHING:  # it goes to its end; that it was refused is a fault of ours
        _note_fault(hold, sentence)
        return
    try:
        fail(hold, sentence)
    except LostImport:
        enqueue("training.tasks.run_import", str(hold.job.pk))
    except StoreError:
        logger.exception("an import that failed could not be cleared yet", job=str(hold.job.pk))
        _put_down(hold)


def _put_down(hold: Hold) -> None:
    """Let the sweeper find it at its next round."""
    DatasetImport.objects.filter(pk=hold.job.pk, token=hold.job.token).update(token="", beat_at=None)


def _note_fault(hold: Hold, name: str) -> None:
    """Count that the work broke off; what is being published is tried until it is done."""
    DatasetImport.objects.filter(pk=hold.job.pk, token=hold.job.token).update(faults=F("faults") + 1)
    hold.job.faults += 1
    if hold.job.faults >= MOST_FAULTS and hold.job.state in AT_WORK and hold.job.phase != ImportPhase.PUBLISHING:
        _end(hold, FAULT.format(n=MOST_FAULTS, name=name))
    else:
        _put_down(hold)
