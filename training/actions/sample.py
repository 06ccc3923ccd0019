"""Verbs on the samples of a dataset: bringing them in by hand, correcting, verifying and taking them out again.

The counts of the dataset follow in the same transaction, as deltas.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core.errors import Conflict, Invalid, Missing
from learning.actions import sample as learning_sample
from learning.models import City, LearningSample, SampleState
from training import plan
from training.actions import dataset as dataset_verbs
from training.models import DatasetDelta, SampleVerdict, TrainingDataset, TrainingSample

MAX_IDS = 1_000
MAX_METADATA_BYTES = 10_000
MAX_REASON = 200
DECISIONS = ("approve", "reject")


@transaction.atomic
def add_known(dataset: TrainingDataset, sample_ids: Sequence[str], *, by: User) -> list[TrainingSample]:
    """Bring samples of the learning store into a dataset, settled or not, and answer their places; twice is success.

    All of them or none: raises Missing where one is not there, was not verified yet, is of another module, or of a city that
    is not of the dataset's customer; Refused where the plan's size is used up.
    """
    require(by, Permission.MANAGE_DATASETS, dataset)
    dataset_verbs.refuse_archived(dataset)
    wanted = list(dict.fromkeys(sample_ids))
    if not 0 < len(wanted) <= MAX_IDS:
        raise Invalid(f"Name 1 to {MAX_IDS:,} samples.", errors={"sample_ids": ["too many or none"]})
    if dataset.organization is not None:
        plan.lock(dataset.organization)
    known = LearningSample.objects.visible_to(by).verified().filter(module=dataset.module_id)
    if dataset.organization_id is not None:
        known = known.filter(city__organization=dataset.organization_id)
    locked = known.filter(sample_id__in=wanted).select_for_update(of=("self",))
    keys = dict(locked.values_list("sample_id", "pk"))
    if absent := [sample_id for sample_id in wanted if sample_id not in keys]:
        raise Missing(f"There is no sample {absent[0]} that could be in {dataset.name}.", facts={"missing": absent[:20]})
    rows = LearningSample.objects.filter(pk__in=list(keys.values()))
    added = dataset_verbs.gather(dataset, rows.settled())
    added += dataset_verbs.gather(dataset, rows.exclude(state=SampleState.SETTLED), is_labeled=False)
    if added:
        dataset_verbs.activate(dataset)
        record(by, "add_samples", dataset, added=added)
    places = {place.sample_id: place for place in dataset.samples.filter(sample__in=list(keys.values()))}
    return [places[keys[sample_id]] for sample_id in wanted]


def upload(
    dataset: TrainingDataset,
    content: bytes,
    *,
    by: User,
    city: City | None = None,
    annotations: Any = None,
    captured_at: datetime | None = None,
    metadata: Mapping[str, Any] | None = None,
    source_name: str = "",
) -> TrainingSample:
    """Take an image into the learning store and bring its sample into the dataset.

    `city` is where it is from: the hub itself, or for a customer's dataset one of the customer's cities. An image that is
    there already is not stored again, and `annotations` correct its sample. Raises Invalid for what is no image, or breaks
    the schema. Not for transactions.
    """
    require(by, Permission.MANAGE_DATASETS, dataset)
    dataset_verbs.refuse_archived(dataset)
    checked = _metadata(metadata or {})
    if dataset.organization_id != (city.organization_id if city else None):
        raise Invalid(
            "A customer's dataset takes images of the customer's own cities, and theirs go nowhere else; name the city.",
            errors={"city": ["is not of the dataset's organization"]},
        )
    plan.allow_bytes(dataset, len(content))
    sample, is_new = learning_sample.add(
        content, by=by, module=dataset.module, city=city, value=annotations, captured_at=captured_at, source_name=source_name
    )
    with transaction.atomic():
        [place] = add_known(dataset, [sample.sample_id], by=by)
        if not is_new and annotations is not None:
            learning_sample.correct(sample, by=by, value=annotations)
        if checked:
            TrainingSample.objects.filter(pk=place.pk).update(metadata=checked)
    return place


@transaction.atomic
def revise(place: TrainingSample, *, by: User, annotations: Any = None, metadata: Any = None, notes: str = "") -> None:
    """Say what is right of a sample (a new label, its truth in every dataset from now on), and change its metadata.

    What was frozen keeps what it has. A truth that changed has to be verified again.
    """
    require(by, Permission.MANAGE_DATASETS, place.dataset)
    dataset_verbs.refuse_archived(place.dataset)
    if annotations is not None:
        learning_sample.correct(place.sample, by=by, value=annotations, notes=notes)
    if metadata is not None:
        TrainingSample.objects.filter(pk=place.pk).update(metadata=_metadata(metadata))
        record(by, "revise", place, sample=place.sample_id)


@transaction.atomic
def remove(place: TrainingSample, *, by: User) -> None:
    """Take a sample out of its dataset; the store, other datasets and frozen versions keep it. Twice is success.

    A rule that selects it brings it back at the next refresh; what is to stay out is rejected instead.
    """
    require(by, Permission.MANAGE_DATASETS, place.dataset)
    dataset_verbs.refuse_archived(place.dataset)
    held = locked(place)
    if held is None:
        return
    DatasetDelta.objects.create(
        dataset=held.dataset,
        samples=-1,
        labeled=-int(held.is_labeled),
        verified=-int(held.is_verified),
        bytes=-plan.bytes_of(held),
    )
    record(by, "remove", held, dataset=str(held.dataset_id), sample=held.sample_id)
    held.delete()


@transaction.atomic
def verify(
    place: TrainingSample, *, by: User, decision: str, reason: str = "", quality_score: Decimal | None = None
) -> TrainingSample:
    """Approve a labeled sample, or reject it with a reason: a rejected one is in no version that is frozen from now on.

    It is verified once as many people approved its truth as the dataset asks for; where that is one, the last word counts, else any
    rejection. `quality_score` is from 0 to 1; the mean of all is kept. Everybody may change their mind.
    """
    require(by, Permission.MANAGE_DATASETS, place.dataset)
    dataset_verbs.refuse_archived(place.dataset)
    _check_verdict(decision, reason, quality_score)
    held = locked(place)
    if held is None:
        raise Missing("This sample was taken out of the dataset.")
    is_approved = decision == "approve"
    if is_approved and not held.is_labeled:
        raise Conflict("A sample is approved once it has its label; this one waits for it.", code="not_labeled")
    SampleVerdict.objects.filter(place=held, by=by).delete()
    SampleVerdict.objects.create(
        place=held,
        by=by,
        truth_sha256=held.sample.truth_sha256,
        is_approval=is_approved,
        reason="" if is_approved else reason.strip(),
        quality_score=quality_score,
    )
    weigh(held)
    record(by, decision, held, dataset=str(held.dataset_id), sample=held.sample_id)
    return held


def weigh(held: TrainingSample) -> None:
    """Set on a locked place what its verdicts make of it, with the dataset's count, in the caller's transaction."""
    verdicts = list(SampleVerdict.objects.filter(place=held, truth_sha256=held.sample.truth_sha256).order_by("id"))
    approvals = [verdict for verdict in verdicts if verdict.is_approval]
    required = held.dataset.verdicts_required
    against = verdicts[-1:] if required == 1 else verdicts
    reasons = [verdict.reason for verdict in against if not verdict.is_approval]
    is_verified = not reasons and len(approvals) >= required
    change = int(is_verified) - int(held.is_verified)
    scores = [verdict.quality_score for verdict in verdicts if verdict.quality_score is not None]
    held.is_verified, held.verified_by = is_verified, verdicts[-1].by if is_verified or reasons else None
    held.rejection_reason = reasons[-1] if reasons else ""
    held.quality_score = sum(scores, Decimal(0)) / len(scores) if scores else held.quality_score
    held.claimed_by, held.claimed_until = None, None
    held.save(update_fields=["is_verified", "verified_by", "rejection_reason", "quality_score", "claimed_by", "claimed_until"])
    if change:
        DatasetDelta.objects.create(dataset=held.dataset, verified=change)


def locked(place: TrainingSample) -> TrainingSample | None:
    """Hold a customer's row, where there is a customer, and then the place; None where the place is gone."""
    if place.dataset.organization is not None:
        plan.lock(place.dataset.organization)
    rows = TrainingSample.objects.select_for_update(of=("self",)).select_related("dataset__organization", "sample__object")
    return rows.filter(pk=place.pk).first()


def _check_verdict(decision: str, reason: str, quality_score: Decimal | None) -> None:
    if decision not in DECISIONS:
        raise Invalid(f"A decision is one of {', '.join(DECISIONS)}.", errors={"decision": ["is not known"]})
    if len(reason) > MAX_REASON:
        raise Invalid(f"A reason may have {MAX_REASON} characters at most.", errors={"reason": ["too long"]})
    if decision == "reject" and not reason.strip():
        raise Invalid("Say why it is rejected.", errors={"reason": ["A reason is needed."]})
    if quality_score is not None and not (quality_score.is_finite() and 0 <= quality_score <= 1):
        raise Invalid("A quality score is from 0 to 1.", errors={"quality_score": ["is from 0 to 1"]})


def _metadata(value: Any) -> dict[str, Any]:
    """Answer metadata as it is kept; raises Invalid for what is no JSON object, or too large."""
    if not isinstance(value, Mapping):
        raise Invalid("metadata must be an object.", errors={"metadata": ["must be an object"]})
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except ValueError as error:  # also half a surrogate pair
        raise Invalid("metadata holds what no database takes.", errors={"metadata": ["is no plain JSON"]}) from error
    if len(text) > MAX_METADATA_BYTES or b"\\u0000" in text:
        raise Invalid(f"metadata may have {MAX_METADATA_BYTES:,} bytes at most, and no NUL.", errors={"metadata": ["too long"]})
    return dict(value)
