"""`training/datasets/…/versions`: freezing, proving, comparing, and where samples went."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.authorise import authorise, read_body, speaker
from accounts.api.openapi import described
from accounts.models import User
from accounts.policy import Permission
from core.errors import Conflict, Missing, Refused
from core.pages import found
from core.paging import bounded_count, keyset_page, page_size
from learning.models import LearningSample
from training import files, lineage, semver
from training.actions import version as version_verbs
from training.actions import version_comparison, version_proof
from training.api.datasets import is_own, once, within_reach
from training.models import DatasetVersion, ModelVersion

JSONL = "application/jsonl"
SHOWN = 100


class NewVersion(serializers.Serializer[Any]):
    """A version to freeze; the verb checks number, seed and shares, and suggests a number where none is sent."""

    version = serializers.CharField(max_length=40, allow_blank=True, default="")
    seed = serializers.IntegerField(default=0, min_value=-version_verbs.MAX_SEED, max_value=version_verbs.MAX_SEED)
    split = serializers.JSONField(default=None, allow_null=True)
    release_notes = serializers.CharField(max_length=version_verbs.MAX_NOTES, allow_blank=True, default="")


class Versions(APIView):
    """The versions of a dataset."""

    permission = Permission.VIEW_TRAINING

    @extend_schema(responses=dict)
    def get(self, request: Request, pk: str) -> Response:
        """Answer a page, newest first."""
        rows = versions_of(request).filter(dataset=found(within_reach(request), pk=pk))
        page = keyset_page(rows, cursor=request.GET.get("cursor", ""), size=page_size(request.GET.get("page_size")))
        return Response({"results": [version_document(row, speaker(request)) for row in page.results], "next": page.next})

    @extend_schema(request=NewVersion, responses={202: dict})
    def post(self, request: Request, pk: str) -> Response:
        """Begin to freeze the dataset, once for each Idempotency-Key; ask again until the version is frozen."""
        row, user, asked = found(within_reach(request), pk=pk), speaker(request), read_body(NewVersion, request)
        made = once(request, lambda: version_verbs.create(row, by=user, **asked))
        return Response(version_document(found(versions_of(request), pk=made), user), status=202)


class Version(APIView):
    """One version, by its number or its id."""

    permission = Permission.VIEW_TRAINING

    @extend_schema(responses=dict)
    def get(self, request: Request, pk: str, number: str) -> Response:
        """Answer it with fingerprint and statistics, what became of its members since, and how it was proved last."""
        version, user = _version(request, pk, number), speaker(request)
        return Response(version_document(version, user) | (_since(version, user) if is_own(version, user) else {}))


class Verb(APIView):
    """What is done with one version; each answers it."""

    permission = Permission.FREEZE_VERSION
    verb: Callable[..., DatasetVersion]
    status = 200

    @extend_schema(request=None, responses=dict)
    def post(self, request: Request, pk: str, number: str) -> Response:
        """Do it; twice is success."""
        version, user = _version(request, pk, number), speaker(request)
        done = type(self).verb(version, by=user, **self.asked(request))
        return Response(version_document(found(versions_of(request), pk=done.pk), user), status=self.status)

    def asked(self, request: Request) -> dict[str, Any]:
        """Answer what the verb takes from the body."""
        return {}


class Promote(Verb):
    """Mark a version as the one in production."""

    verb = staticmethod(version_verbs.promote)


class Demote(Verb):
    """Take the mark of production away."""

    verb = staticmethod(version_verbs.demote)


class Archive(Verb):
    """Put a version away."""

    verb = staticmethod(version_verbs.archive)


class NewProof(serializers.Serializer[Any]):
    """Whether each image is read too."""

    objects = serializers.BooleanField(default=False)


class Prove(Verb):
    """Have a version proved by a worker."""

    verb = staticmethod(version_proof.ask)
    status = 202

    @extend_schema(request=NewProof, responses={202: dict})
    def post(self, request: Request, pk: str, number: str) -> Response:
        """Begin; ask for the version until `verifying` is false."""
        return super().post(request, pk, number)

    def asked(self, request: Request) -> dict[str, Any]:
        """Answer whether each image is read too."""
        return dict(read_body(NewProof, request))


class Compare(APIView):
    """What differs between two versions."""

    permission = Permission.VIEW_TRAINING

    @extend_schema(responses=dict)
    def get(self, request: Request, pk: str, number: str) -> Response:
        """Answer it, from the version `with` to this one; 202 while a worker works it out, so ask again."""
        after, user = _version(request, pk, number), speaker(request)
        if not is_own(after, user):
            raise Refused("What is in a shared dataset is shown to the hub's own people.")
        before = _version(request, pk, request.GET.get("with", ""))
        row = version_comparison.ask(before, after, by=user)
        facts = {"before": before.version, "after": after.version, "asked_at": row.asked_at, "finished_at": row.finished_at}
        state = {"state": "failed" if row.error_message else "done" if row.result else "waiting", "done": row.done}
        document = {**facts, **state, "error_message": row.error_message, **(row.result or {})}
        return Response(document, status=200 if row.finished_at else 202)


class Lineage(APIView):
    """Where a sample went."""

    permission = Permission.VIEW_TRAINING

    @extend_schema(responses=dict)
    def get(self, request: Request, sample: str) -> Response:
        """Answer, by membership, the frozen versions that hold a sample and the models that were trained on them."""
        user = speaker(request)
        row = found(LearningSample.objects.visible_to(user), sample_id=sample)
        return Response(lineage.document(row, user))


@described("GET", operation_id="training_version_files", parameters=[OpenApiParameter("cursor")], responses={(200, JSONL): str})
@authorise(Permission.READ_FROZEN)
def version_files(request: HttpRequest, pk: str, number: str) -> HttpResponse:
    """Answer 1,000 members of a version, of a dataset named by id or name, as JSON Lines.

    The header Link leads to the next page, X-Next-Cursor holds its cursor; X-Fingerprint and X-Member-Count prove the whole.
    """
    if request.method not in ("GET", "HEAD"):
        return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
    version = _version(request, _dataset_id(request, pk), number)
    if not is_own(version, speaker(request)):
        raise Missing("What is in a shared dataset is shown to the hub's own people.")
    page = files.read_page(version, request.GET.get("cursor", ""))
    answer = HttpResponse(page.lines, content_type=JSONL)
    answer["X-Fingerprint"], answer["X-Member-Count"] = version.fingerprint, str(version.sample_count)
    if page.next:
        answer["X-Next-Cursor"] = page.next
        answer["Link"] = f'<{request.build_absolute_uri(request.path)}?cursor={page.next}>; rel="next"'
    return answer


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
    facts = {name: getattr(version, name) for name in names}
    return {**card, **facts, "created_by": version.created_by_id, "erased_count": version.erased_count}


def _since(version: DatasetVersion, viewer: User) -> dict[str, Any]:
    """Answer what became of the members since, the last proof, and the models trained on it."""
    models = ModelVersion.objects.visible_to(viewer).filter(dataset_version=version).order_by("-trained_at")
    proof = {"at": version.verified_at, **version.verification} if version.verified_at else None
    return {
        "reopened_since": bounded_count(version.reopened),
        "changed_since": bounded_count(version.changed),
        "verifying": version.verify_asked_at is not None,
        "verified_members": version.verify_done if version.verify_asked_at else None,
        "last_verify": proof,
        "models": [{"id": row.pk, "version": row.version, "status": row.status} for row in models[:SHOWN]],
    }


def versions_of(request: Any) -> Any:
    """Select the versions that the speaker sees."""
    return DatasetVersion.objects.visible_to(speaker(request)).select_related("dataset", "manifest", "truth")


def _dataset_id(request: Any, named: str) -> str:
    """Answer the id of a dataset named by its id, or by a name that only one within reach bears."""
    try:
        return str(UUID(named))
    except ValueError:
        rows = versions_of(request).filter(dataset__name=named.replace("\x00", "?"))
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
    version: DatasetVersion = found(versions_of(request), dataset=pk, **named)
    return version
