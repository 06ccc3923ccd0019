"""A page of a dataset's samples: one query of plain rows, whatever the size of the dataset and the depth of the page."""

from collections.abc import Mapping
from typing import Any

import orjson
from django.db.models import Q, TextField
from django.db.models.functions import Cast

from accounts.models import User
from accounts.policy import Permission, is_allowed
from core.paging import ValuesPage, values_page
from core.storage import store
from learning.models import City, ObjectKind, SampleState
from learning.models.object import DOWNLOAD_SECONDS
from learning.thumbnails import may_view
from learning.viewing import handed
from training.models import TrainingDataset, TrainingSample

OWN = ("id", "metadata", "is_labeled", "is_verified", "labeled_by_id", "verified_by_id", "quality_score", "rejection_reason")
OF_SAMPLE = {
    "sample__sample_id": "sample_id",
    "sample__state": "state",
    "sample__city_id": "city",
    "sample__camera_id": "source_camera_id",
    "sample__captured_at": "captured_at",
    "sample__object__kind": "kind",
    "sample__object__name": "name",
    "sample__object__alias": "alias",
    "sample__object__size": "size",
    "sample__object__media_type": "media_type",
    "sample__object__deleted_at": "deleted_at",
    "sample__object__thumbnail__name": "thumbnail",
}
TRUTH = Cast("sample__truth", TextField())


def page_of(dataset: TrainingDataset, viewer: User, *, flags: Mapping[str, bool], cursor: str, size: int) -> ValuesPage:
    """Answer up to `size` samples, newest first, as the seeds spell them.

    With `flags` a page looks through the next 10,000 samples at most: it may be short, and have a next one all the same.
    """
    rows = TrainingSample.objects.filter(dataset=dataset)
    columns = [*OWN, "created_at", *OF_SAMPLE]
    page = values_page(rows, columns, cursor=cursor, size=size, key="sample_id", narrow=Q(**flags), truth=TRUTH)
    sees = _eyes(viewer, {row["sample__city_id"] for row in page.results})
    return ValuesPage([_shown(row, dataset, viewer, sees[row["sample__city_id"]]) for row in page.results], page.next)


def _shown(row: dict[str, Any], dataset: TrainingDataset, viewer: User, may_see: bool) -> dict[str, Any]:
    facts = {name: row[column] for column, name in OF_SAMPLE.items()}
    truth = orjson.loads(row["truth"]) if row["truth"] else None
    score = row["quality_score"]
    people = {"labeled_by": row["labeled_by_id"], "verified_by": row["verified_by_id"]} if viewer.is_hub_staff else {}
    return {
        "id": row["id"],
        "dataset_id": dataset.pk,
        "sample_id": facts["sample_id"],
        "file_url": _url(facts) if may_see else None,
        "file_type": (facts["media_type"] or "").split("/")[0],
        "file_size": facts["size"] or 0,
        "labels": TrainingSample.labels_in(truth),
        "annotations": truth,
        "source_camera_id": facts["source_camera_id"],
        "captured_at": facts["captured_at"],
        **{name: row[name] for name in ("metadata", "is_labeled", "is_verified", "rejection_reason", "created_at")},
        "quality_score": None if score is None else str(score),
        **people,
    }


def _url(facts: Mapping[str, Any]) -> str | None:
    name = facts["thumbnail"] if facts["kind"] == ObjectKind.FEATURES else facts["name"]
    if name is None or facts["deleted_at"] is not None or facts["state"] == SampleState.RECEIVED:
        return None
    handed(name)
    return store(facts["alias"]).presign_get(name, seconds=DOWNLOAD_SECONDS).url


def _eyes(viewer: User, cities: set[Any]) -> Mapping[Any, bool]:
    """Answer of each city whether its images are for the viewer's eyes."""
    if viewer.is_hub_staff:
        return dict.fromkeys(cities, is_allowed(viewer, Permission.VIEW_IMAGES))
    return {key: may_view(viewer, city) for key, city in City.objects.select_related("organization").in_bulk(cities).items()}
