"""`training/datasets` and their versions."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.actions import idempotency
from accounts.api.authorise import authorise, read_body, speaker
from accounts.models import Organization, User
from accounts.policy import Permission
from core.errors import Conflict, Malformed, Missing
from core.pages import found
from core.paging import bounded_count, keyset_page, page_size
from learning.models import AiModule
from training import files, semver
from training.actions import dataset as verbs
from training.actions import version as version_verbs
from training.models import DatasetVersion, Environment, TrainingDataset

JSONL = "application/jsonl"
FILTERS = {"ai_module": "module__slug", "status": "status", "environment": "environment"}


class NewDataset(serializers.Serializer[Any]):
    """A dataset to make; `rule` is its dataset_query."""

    name = serializers.CharField(max_length=120)
    ai_module = serializers.CharField(max_length=64)
    description = serializers.CharField(max_length=verbs.MAX_DESCRIPTION, allow_blank=True, default="")
    organization_id = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=2**31)
    rule = serializers.JSONField(default=dict)
    environment = serializers.ChoiceField(choices=Environment.choices, default=Environment.DEV)
    version = serializers.CharField(max_length=40, default="v0.1.0")


class ChangedDataset(serializers.Serializer[Any]):
    """What of a dataset may change; what is not sent stays."""

    name = serializers.CharField(max_length=120, required=False)
    description = serializers.CharField(max_length=verbs.MAX_DESCRIPTION, allow_blank=True, required=False)
    rule = serializers.JSONField(required=False)
    environment = serializers.ChoiceField(choices=Environment.choices, required=False)


class NewVersion(serializers.Serializer[Any]):
    """A version to freeze; the verb checks number, seed and shares."""

    version = serializers.CharField(max_length=40)
    seed = serializers.IntegerField(default=0, min_value=-version_verbs.MAX_SEED, max_value=version_verbs.MAX_SEED)
    split = serializers.JSONField(default=None, allow_null=True)
    release_notes = serializers.CharField(max_length=version_verbs.MAX_NOTES, allow_blank=True, default="")


class Datasets(APIView):
    """The datasets within reach."""

    permission = Permission.VIEW_TRAINING

    @extend_schema(responses=dict)
    def get(self, request: Request) -> Response:
        """Answer a page, newest first; filters: ai_module, status, environment."""
        rows = narrowed(_datasets(request), request, FILTERS)
        page = keyset_page(rows, cursor=request.GET.get("cursor", ""), size=page_size(request.GET.get("page_size")))
        return Response({"results": [document(row, speaker(request)) for row in page.results], "next": page.next})

    @extend_schema(request=NewDataset, responses={201: dict})
    def post(self, request: Request) -> Response:
        """Make a dataset; once for each Idempotency-Key."""
        user, asked = speaker(request), read_body(NewDataset, request)
        slug, organization_id = asked.pop("ai_module"), asked.pop("organization_id", None)
        organization = found(Organization.objects.visible_to(user), pk=organization_id) if organization_id else None
        module = found(AiModule.objects.visible_to(user), slug=slug)
        pk = once(request, lambda: verbs.add(by=user, module=module, organization=organization, **asked))
        return Response(document(found(_datasets(request), pk=pk), user), status=201)


class Dataset(APIView):
    """One dataset."""

    permission = Permission.VIEW_TRAINING

    @extend_schema(responses=dict)
    def get(self, request: Request, pk: str) -> Response:
        """Answer it with its counts."""
        return Response(document(found(_datasets(request), pk=pk), speaker(request)))

    @extend_schema(request=ChangedDataset, responses=dict)
    def put(self, request: Request, pk: str) -> Response:
        """Change what was sent of name, description, rule, environment."""
        row, user = found(_datasets(request), pk=pk), speaker(request)
        verbs.revise(row, by=user, **read_body(ChangedDataset, request))
        return Response(document(found(_datasets(request), pk=pk), user))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: str) -> Response:
        """Archive it; nothing that was frozen goes."""
        verbs.archive(found(_datasets(request), pk=pk), by=speaker(request))
        return Response(status=204)


class Refresh(APIView):
    """Apply the rule of a dataset."""

    permission = Permission.MANAGE_DATASETS

    @extend_schema(request=None, responses=dict)
    def post(self, request: Request, pk: str) -> Response:
        """Answer how many samples were added, and the dataset."""
        added = verbs.refresh(found(_datasets(request), pk=pk), by=speaker(request))
        return Response({"added": added, **document(found(_datasets(request), pk=pk), speaker(request))})


class Versions(APIView):
    """The versions of a dataset."""

    permission = Permission.VIEW_TRAINING

    @extend_schema(responses=dict)
    def get(self, request: Request, pk: str) -> Response:
        """Answer a page, newest first."""
        rows = _versions(request).filter(dataset=found(_datasets(request), pk=pk))
        page = keyset_page(rows, cursor=request.GET.get("cursor", ""), size=page_size(request.GET.get("page_size")))
        return Response({"results": [version_document(row, speaker(request)) for row in page.results], "next": page.next})

    @extend_schema(request=NewVersion, responses={202: dict})
    def post(self, request: Request, pk: str) -> Response:
        """Begin to freeze the dataset, once for each Idempotency-Key; ask again until the version is frozen."""
        row, user, asked = found(_datasets(request), pk=pk), speaker(request), read_body(NewVersion, request)
        made = once(request, lambda: version_verbs.create(row, by=user, **asked))
        return Response(version_document(found(_versions(request), pk=made), user), status=202)


class Version(APIView):
    """One version, by its number or its id."""

    permission = Permission.VIEW_TRAINING

    @extend_schema(responses=dict)
    def get(self, request: Request, pk: str, number: str) -> Response:
        """Answer it with fingerprint and statistics."""
        version, user = _version(request, pk, number), speaker(request)
        since = {"reopened_since": version.reopened, "changed_since": version.changed} if is_own(version, user) else {}
        return Response(version_document(version, user) | {name: bounded_count(rows) for name, rows in since.items()})


@authorise(Permission.READ_FROZEN)
def version_files(request: HttpRequest, pk: str, number: str) -> HttpResponse:
    """Answer 1,000 members of a version, of a dataset named by id or name, as JSON Lines.

    The header Link leads to the next page, X-Next-Cursor holds its cursor; X-Fingerprint and X-Member-Count prove the whole.
    """
    if request.method not in ("GET", "HEAD"):
        return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
    version = _version(request, _dataset_id(request, pk), number)
    page = files.read_page(version, request.GET.get("cursor", ""))
    answer = HttpResponse(page.lines, content_type=JSONL)
    answer["X-Fingerprint"], answer["X-Member-Count"] = version.fingerprint, str(version.sample_count)
    if page.next:
        answer["X-Next-Cursor"] = page.next
        answer["Link"] = f'<{request.build_absolute_uri(request.path)}?cursor={page.next}>; rel="next"'
    return answer


def document(dataset: TrainingDataset, viewer: User) -> dict[str, Any]:
    """Answer a dataset as the seeds spell it; of a global one, organizations see what it is and not what is in it."""
    card = {
        "id": dataset.pk,
        "organization_id": dataset.organization_id,
        "name": dataset.name,
        "description": dataset.description,
        "ai_module": dataset.module.slug,
        "environment": dataset.environment,
        "version": dataset.version,
        "status": dataset.status,
        "created_at": dataset.created_at,
        "updated_at": dataset.updated_at,
    }
    if not is_own(dataset, viewer):
        return card
    counts = {name: getattr(dataset, name) for name in ("sample_count", "labeled_count", "verified_count")}
    inside = {"label_schema": dataset.label_schema, "rule": dataset.rule, "created_by": dataset.created_by_id}
    return {**card, **counts, **inside}


def version_document(version: DatasetVersion, viewer: User) -> dict[str, Any]:
    """Answer a version; counts and notes of a global one are for the hub's own people."""
    card = {
        "id": version.pk,
        "dataset_id": version.dataset_id,
        "dataset": version.dataset.name,
        "version": version.version,
        "state": version.state,
        "fingerprint": version.fingerprint,
        "is_production": version.is_production,
        "created_at": version.created_at,
        "frozen_at": version.frozen_at,
    }
    if not is_own(version, viewer):
        return card
    names = ("seed", "split", "dataset_query", "label_schema", "release_notes", "sample_count", "statistics", "error_message")
    return {**card, **{name: getattr(version, name) for name in names}, "created_by": version.created_by_id}


def once(request: Request, verb: Callable[[], Model]) -> str:
    """Call a verb that makes a row, once for each Idempotency-Key of the speaker; answers the row's key."""
    key = request.headers.get("Idempotency-Key", "")
    return idempotency.once(key, [request.path.rstrip("/"), request.data], verb, by=speaker(request))


def is_own(row: Any, viewer: User) -> bool:
    """Tell whether the viewer may see what is inside: the hub's people and pipelines, or the organization it belongs to."""
    return viewer.organization_id is None or row.organization_id == viewer.organization_id


def narrowed(rows: Any, request: Request, filters: dict[str, str]) -> Any:
    """Filter by the parameters that were sent; raises Malformed for text that no row can hold."""
    asked = {column: request.GET[name] for name, column in filters.items() if name in request.GET}
    if any("\x00" in value or len(value) > 200 for value in asked.values()):
        raise Malformed("A filter holds text that nothing is named.")
    return rows.filter(**asked)


def _datasets(request: Any) -> Any:
    return TrainingDataset.objects.visible_to(speaker(request)).select_related("module", "organization").with_counts()


def _versions(request: Any) -> Any:
    return DatasetVersion.objects.visible_to(speaker(request)).select_related("dataset", "manifest", "truth")


def _dataset_id(request: Any, named: str) -> str:
    """Answer the id of a dataset named by its id, or by a name that only one within reach bears."""
    try:
        return str(UUID(named))
    except ValueError:
        rows = _versions(request).filter(dataset__name=named.replace("\x00", "?"))
        bearing = {str(pk) for pk in rows.values_list("dataset", flat=True)[:1_000]}
    if len(bearing) > 1:
        raise Conflict(f"Several datasets are called {named}; give the id of one.")
    if not bearing:
        raise Missing(f"There is no dataset {named} with a version, or it is not within your reach.")
    return bearing.pop()


def _version(request: Any, pk: str, number: str) -> DatasetVersion:
    numbers = semver.numbers_of(number)
    try:
        named = {"version": f"v{semver.spelled(numbers)}"} if numbers else {"pk": UUID(number)}
    except ValueError as error:
        raise Missing(f"There is no version {number}.") from error
    version: DatasetVersion = found(_versions(request), dataset=pk, **named)
    return version
