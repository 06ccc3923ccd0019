"""`training/models/:id` and `training/models/active`: reading the registry, which edges' tools and dashboards do all day.

Plain function views: one statement, no model instances, and JSON of the database passed through as text.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from django.db.models import F, Q, TextField, UUIDField, Value
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods, require_safe
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from accounts.api.authorise import authorise, read_json, speaker
from accounts.api.openapi import described
from accounts.models import User
from accounts.policy import Permission
from core.errors import Malformed, Missing
from core.pages import found
from core.prepared import PreparedValues
from core.storage import store
from learning.models.object import DOWNLOAD_SECONDS
from training.actions import model_version
from training.models import ModelStatus, ModelVersion
from training.models.model_version import path_of, standing_of

LONGEST_NAME = 120
PLAIN = {
    "pk": "id",
    "module__slug": "ai_module",
    "organization_id": "organization",
    "user_id": "user_id",
    "version": "version",
    "name": "name",
    "description": "description",
    "base_version_id": "base_version_id",
    "trainer_name": "trainer",
    "encoding": "encoding",
    "bundle__size": "model_file_size",
    "bundle__sha256": "model_file_sha256",
    "accuracy": "accuracy",
    "precision_score": "precision_score",
    "recall_score": "recall_score",
    "f1_score": "f1_score",
    "inference_time_ms": "inference_time_ms",
    "min_edge_version": "min_edge_version",
    "platforms_json": "supported_platforms",
    "status": "status",
    "is_active": "is_active",
    "approved_at": "approved_at",
    "released_at": "released_at",
    "release_notes": "release_notes",
    "trained_at": "trained_at",
    "created_at": "created_at",
}
OF_THE_HUB = {
    "requested_by_id": "requested_by",
    "approved_by_id": "approved_by",
    "approval_notes": "approval_notes",
    "gate_json": "gate",
    "training_job_id": "training_job_id",
    "dataset_version_id": "dataset_version_id",
    "deprecation_reason": "deprecation_reason",
    "notes": "notes",
}
WHOLE = {"card": "card", "evaluation_json": "evaluation"}
AS_JSON = {
    f"{name}_json": Cast(column, TextField())
    for name, column in (("platforms", "supported_platforms"), ("gate", "gate"), ("evaluation", "evaluation"))
}
FILES = ("bundle__alias", "bundle__name", "config__alias", "config__name")
ACTIVE_PARAMETERS = [OpenApiParameter("ai_module", required=True), OpenApiParameter("user_id")]


class Changed(serializers.Serializer[Any]):
    """What of a version may change: words. What is not sent stays."""

    name = serializers.CharField(max_length=120, required=False)
    description = serializers.CharField(allow_blank=True, required=False)
    notes = serializers.CharField(allow_blank=True, required=False)
    release_notes = serializers.CharField(allow_blank=True, required=False)


@described(
    "GET",
    operation_id="training_model",
    responses=dict,
    also={"PUT": {"operation_id": "training_model_revise", "request": Changed, "responses": dict}},
)
@require_http_methods(["GET", "HEAD", "PUT"])
@authorise(Permission.VIEW_TRAINING)
def model(request: HttpRequest, pk: str) -> HttpResponse:
    """Answer one version with card and evaluation; a PUT changes words of it, and all else never changes."""
    viewer = speaker(request)
    if request.method == "PUT":
        asked = read_json(request)
        if not all(isinstance(text, str) and "\0" not in text for text in asked.values()):
            raise Malformed("What is changed of a version are texts.")
        row = found(ModelVersion.objects.visible_to(viewer), pk=pk)
        model_version.revise(row, by=viewer, **asked)
    return _answer(_rows(viewer, ONE, pk=pk.replace("-", "")), viewer)


@described("GET", operation_id="training_model_active", parameters=ACTIVE_PARAMETERS, responses=dict)
@require_safe
@authorise(Permission.VIEW_TRAINING)
def active(request: HttpRequest) -> HttpResponse:
    """Answer the active version of a module (and user): the own organization's, or where it has none everybody's."""
    viewer, module, user_id = speaker(request), request.GET.get("ai_module", ""), request.GET.get("user_id", "")
    if not module or max(len(module), len(user_id)) > LONGEST_NAME or "\0" in module + user_id:
        raise Malformed("Name the module in ai_module, and where it has models of single users, user_id.")
    return _answer(_rows(viewer, ACTIVE, module=module, user_id=user_id), viewer)


def document(version: ModelVersion, viewer: User) -> dict[str, Any]:
    """Answer a version as the seeds spell it; its files, who did what, and their notes, are for the hub's own people."""
    columns = [*PLAIN, *OF_THE_HUB, *FILES]
    row = {column: _read(version, column) for column in columns if column not in AS_JSON}
    return spelled(row | {"platforms_json": version.supported_platforms, "gate_json": version.gate}, viewer)


def spelled(row: Mapping[str, Any], viewer: User) -> dict[str, Any]:
    """Spell one version, of which `row` has the columns of PLAIN, OF_THE_HUB and FILES."""
    shown = {name: row[column] for column, name in PLAIN.items()}
    shown["is_approved"] = row["approved_at"] is not None
    shown["is_released"] = row["status"] == ModelStatus.RELEASED
    shown["standing"] = standing_of(row["status"], is_active=row["is_active"])
    shown["target_path"] = path_of(row["organization_id"], row["module__slug"], row["user_id"], row["version"])
    if viewer.is_hub_staff:
        shown |= {name: row[column] for column, name in OF_THE_HUB.items()}
        shown["model_file_url"] = _url(row["bundle__alias"], row["bundle__name"])
        shown["config_file_url"] = _url(row["config__alias"], row["config__name"])
    return shown


def _all_rows(*, with_own: int | None) -> Any:
    """Answer all versions as rows of plain values; with an organization, its own before everybody's, and no others."""
    rows = ModelVersion.objects.annotate(**AS_JSON).values(*PLAIN, *OF_THE_HUB, *FILES, *WHOLE)
    if with_own is None:
        return rows
    rows = rows.filter(Q(organization=with_own) | Q(organization=None))
    return rows.order_by(F("organization").asc(nulls_last=True))


def _one(pk: str, own: int | None = None) -> Any:
    return _all_rows(with_own=own).filter(pk=Cast(Value(pk, TextField()), UUIDField()))[:1]


def _active(module: str, user_id: str, own: int | None = None) -> Any:
    rows = _all_rows(with_own=own).filter(module__slug=module, user_id=user_id, is_active=True)
    return (rows.filter(organization=None) if own is None else rows)[:1]


ONE = PreparedValues(_one, pk=str), PreparedValues(_one, pk=str, own=int)
ACTIVE = PreparedValues(_active, module=str, user_id=str), PreparedValues(_active, module=str, user_id=str, own=int)
"""Each for the hub's own people, and for those of an organization: what `visible_to` says, spelled once."""


def _rows(viewer: User, statements: tuple[PreparedValues, PreparedValues], **holes: str) -> list[dict[str, Any]]:
    of_all, of_own = statements
    return of_all.rows(**holes) if viewer.is_hub_staff else of_own.rows(**holes, own=viewer.organization_id or 0)


def _answer(rows: Sequence[dict[str, Any]], viewer: User) -> HttpResponse:
    if not rows:
        raise Missing("There is no such model version, or it is not within your reach.")
    row = rows[0] | {name: orjson.Fragment(rows[0][name]) for name in AS_JSON}
    shown = spelled(row, viewer) | {name: row[column] for column, name in WHOLE.items()}
    return HttpResponse(orjson.dumps(shown), content_type="application/json")


def _read(version: ModelVersion, column: str) -> Any:
    value: Any = version
    for name in column.split("__"):
        value = getattr(value, name) if value is not None else None
    return value


def _url(alias: str | None, name: str | None) -> str | None:
    return store(alias).presign_get(name, seconds=DOWNLOAD_SECONDS).url if alias and name else None
