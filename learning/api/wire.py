"""Rows as docs/wire spells them."""

from collections.abc import Iterable
from typing import Any

from core.canonical import canonical_json
from learning.actions.grid import GridPage
from learning.actions.hand import Lease
from learning.actions.near_duplicates import alike
from learning.actions.review import Decided
from learning.actions.settling import truth_of
from learning.models import AiModule, City, HitlLabel, LabelSchema, LearningSample, ObjectKind, StoredObject, Task, UploadBatch
from learning.models.label import LabelSource
from learning.slot_handles import handle
from learning.thumbnails import address_of

SHOWN_REJECTIONS = 100


def batch_document(batch: UploadBatch) -> dict[str, Any]:
    """Answer a batch with its counts and the first of its rejections."""
    rejections = batch.rejections.order_by("id").values("event_id", "reason", "detail")[:SHOWN_REJECTIONS]
    return {
        "id": batch.pk,
        "city": batch.city.slug,
        "day": batch.day,
        "client_batch_id": batch.client_batch_id,
        "state": batch.state,
        **batch.counts(),
        "sha256": batch.sha256,
        "opened_at": batch.opened_at,
        "sealed_at": batch.sealed_at,
        "finished_at": batch.finished_at,
        "rejections": list(rejections),
    }


def module_document(module: AiModule, schema: LabelSchema | None) -> dict[str, Any]:
    """Answer a module with the newest revision of its schema."""
    return {
        "slug": module.slug,
        "name": module.name,
        "task": module.task,
        "accepts_unlabelled": module.accepts_unlabelled,
        "min_quality": module.min_quality,
        **({"encoding": module.encoding, "dims": module.dims} if module.task == Task.FEATURES else {}),
        "schema": schema.as_document() if schema else None,
    }


def city_document(city: City) -> dict[str, Any]:
    """Answer a city."""
    return {
        "id": city.pk,
        "slug": city.slug,
        "name": city.name,
        "timezone": city.timezone,
        "organization": city.organization_id,
    }


def lease_document(lease: Lease | None) -> dict[str, Any] | None:
    """Answer a lease with those ahead of it; None where there is none."""
    if lease is None:
        return None
    return {**one_lease_document(lease), "ahead": [one_lease_document(each) for each in lease.ahead]}


def one_lease_document(lease: Lease) -> dict[str, Any]:
    """Answer a lease with its sample, blind: not what the city or anybody else said of it.

    A dispute comes with its blind answers, a check with what is checked, and work that was returned with why.
    """
    sample = lease.sample
    obj = sample.object
    return {
        "slot": handle(lease.slot),
        "lease_token": lease.token,
        "lease_until": lease.until,
        "kind": lease.kind,
        "sample": {
            "sample_id": sample.sample_id,
            "event_id": sample.event_id,
            "city": sample.city.slug,
            "camera_id": sample.camera.camera_id,
            "captured_at": sample.captured_at,
            **_prediction(sample, hidden=lease.hides_prediction),
            "context_notes": sample.context_notes,
            "width": obj.width if obj else None,
            "height": obj.height if obj else None,
            "image_url": signed_url(obj),
        },
        **_beside(lease),
    }


def page_document(page: GridPage) -> dict[str, Any]:
    """Answer a page of the grid: its leases, each with a thumbnail, and the classes that wait beside it."""
    return {
        "label": page.label,
        "tiles": [{**one_lease_document(lease), "thumbnail_url": _thumbnail_of(lease.sample)} for lease in page.leases],
        "classes": [{"label": label, "waiting": count} for label, count in page.classes.items()],
    }


def _thumbnail_of(sample: LearningSample) -> str | None:
    obj = sample.object
    return signed_url(obj.thumbnail if obj and obj.thumbnail else obj)


def _prediction(sample: LearningSample, *, hidden: bool) -> dict[str, Any]:
    names = ("prediction", "predicted_by", "confidence")
    return {name: None if hidden else getattr(sample, name) for name in names}


def _beside(lease: Lease) -> dict[str, Any]:
    if lease.kind == "dispute":
        return {"answers": blind_answers(lease.sample.labels.disputed())}
    if lease.about is None:
        return {}
    about = lease.about
    said = {"decision": about.decision, "value": truth_of(about), "reason": about.reason, "note": about.correction_notes}
    if lease.kind == "check":
        return {"checked": said}
    return {"returned": {"reason": lease.reason, "note": lease.note, "said": said}}


def blind_answers(disputed: Iterable[HitlLabel]) -> list[dict[str, Any]]:
    """Answer what people said of a disputed sample, without who said it, and in an order that does not tell either."""
    said = [{"decision": label.decision, "value": truth_of(label), "reason": label.reason} for label in disputed]
    return sorted(said, key=canonical_json)


def decided_document(decided: Decided) -> dict[str, Any]:
    """Answer what a decision made."""
    label = decided.label
    said = {**label_document(label), "label_source": _told_source(label)} if label else None
    return {"label": said, "next": lease_document(decided.next_lease)}


def _told_source(label: HitlLabel) -> str:
    """Answer where a judgement was made as its person is told: of gold that it is one like any other."""
    return LabelSource.REVIEW if label.label_source == LabelSource.GOLD else label.label_source


def label_document(label: HitlLabel) -> dict[str, Any]:
    """Answer one judgement."""
    return {
        "label_id": label.label_id,
        "label_status": label.label_status,
        "decision": label.decision,
        "prediction": label.prediction,
        "correction": label.correction,
        "label_source": label.label_source,
        "annotator": label.annotator_id,
        "operator_id": label.operator_id,
        "labeled_at": label.labeled_at,
        "review_time_seconds": label.review_time_seconds,
        "reason": label.reason,
        "is_disputed": label.is_disputed,
        "dispute_resolution": label.dispute_resolution,
        "withdrawn_at": label.withdrawn_at,
    }


def sample_document(sample: LearningSample, *, with_image: bool) -> dict[str, Any]:
    """Answer a sample with all that was said of it; its images only to who may view them."""
    obj = sample.object
    thumbnail = obj.thumbnail if obj else None
    return {
        "sample_id": sample.sample_id,
        "ai_module": sample.module.slug,
        "city": sample.city.slug,
        "camera_id": sample.camera.camera_id,
        "event_id": sample.event_id,
        "batch": sample.batch_id,
        "state": sample.state,
        "label_status": sample.label_status,
        "source_label_status": sample.source_label_status,
        "sample_type": sample.sample_type,
        "captured_at": sample.captured_at,
        "received_at": sample.received_at,
        "prediction": sample.prediction,
        "predicted_by": sample.predicted_by,
        "confidence": sample.confidence,
        "image_quality_score": sample.image_quality_score,
        "truth": sample.truth,
        "context_notes": sample.context_notes,
        "image_reference": sample.image_reference,
        "object": obj.pk if obj else None,
        "width": obj.width if obj else None,
        "height": obj.height if obj else None,
        "group_key": sample.group_key,
        "near_duplicates": alike(sample),
        "labels": [label_document(label) for label in sample.labels.order_by("id")],
        "image_url": signed_url(obj) if with_image else None,
        "thumbnail_url": signed_url(thumbnail) if with_image else None,
    }


def signed_url(obj: StoredObject | None) -> str | None:
    """Answer an address of a verified object, good for an hour; nobody is shown another. Of features, their drawing's."""
    shown = obj.thumbnail if obj and obj.kind == ObjectKind.FEATURES else obj
    return address_of(shown) if shown and shown.verified_at else None
