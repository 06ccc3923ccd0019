"""`training/jobs`, what they say while they run, and `training/trainers`."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Any
from uuid import UUID

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.authorise import read_body, speaker
from accounts.models import Organization, User
from accounts.policy import Permission
from core.csv_rows import csv_response
from core.errors import Malformed, Missing, Unavailable
from core.pages import found
from core.paging import keyset_page, page_size
from core.storage import StoreError
from learning.models import AiModule
from training import job_folder
from training.actions import job as verbs
from training.actions import job_grid
from training.api.datasets import is_own, narrowed, once
from training.models import DatasetVersion, MetricPoint, ModelVersion, RunLog, TrainingJob, TrainingRun
from training.trainers import hyperparameters
from training.trainers.registry import trainers

FILTERS = {"ai_module": "module__slug", "status": "status", "kind": "kind"}
MOST_POINTS = 10_000
RUN_COLUMNS = (
    "attempt",
    "state",
    "exit_reason",
    "started_at",
    "finished_at",
    "seed",
    "example_count",
    "examples_hash",
    "code_version",
    "lock_hash",
)


class NewJob(serializers.Serializer[Any]):
    """A training to queue; the verb checks trainer and hyperparameters."""

    name = serializers.CharField(max_length=120)
    ai_module = serializers.CharField(max_length=64)
    dataset_id = serializers.UUIDField()
    dataset_version = serializers.CharField(max_length=40)
    trainer = serializers.CharField(max_length=60)
    hyperparameters = serializers.JSONField(default=dict)
    training_config = serializers.JSONField(default=dict)
    base_model_version = serializers.UUIDField(required=False, allow_null=True)
    organization_id = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=2**31)
    user_id = serializers.CharField(max_length=120, allow_blank=True, default="")
    seed = serializers.IntegerField(default=0, min_value=-verbs.MAX_SEED, max_value=verbs.MAX_SEED)
    grid = serializers.JSONField(required=False)
    description = serializers.CharField(max_length=verbs.MAX_DESCRIPTION, allow_blank=True, default="")


class Jobs(APIView):
    """The jobs within reach."""

    permission = Permission.VIEW_TRAINING

    @extend_schema(responses=dict)
    def get(self, request: Request) -> Response:
        """Answer a page, newest first; filters: ai_module, status, kind, grid."""
        rows = narrowed(_jobs(request), request, FILTERS)
        if grid := request.GET.get("grid"):
            rows = rows.filter(grid=_uuid(grid))
        page = keyset_page(rows, cursor=request.GET.get("cursor", ""), size=page_size(request.GET.get("page_size")))
        return Response({"results": [document(row, speaker(request)) for row in page.results], "next": page.next})

    @extend_schema(request=NewJob, responses={201: dict})
    def post(self, request: Request) -> Response:
        """Queue a training, or with `grid` one for each combination (answered is the first); once for each Idempotency-Key."""
        user, asked = speaker(request), read_body(NewJob, request)
        named = _named(user, asked)
        verb = job_grid.create if "grid" in named else verbs.create
        pk = once(request, lambda: verb(by=user, **named))
        return Response(document(found(_jobs(request), pk=pk), user), status=201)


class Job(APIView):
    """One job."""

    permission = Permission.VIEW_TRAINING

    @extend_schema(responses=dict)
    def get(self, request: Request, pk: str) -> Response:
        """Answer it with its progress and, where its inside may be seen, the whole of its log."""
        row, user = found(_jobs(request), pk=pk), speaker(request)
        logs = {"training_logs": row.training_logs} if is_own(row, user) else {}
        return Response({**document(row, user), **logs})


class Cancel(APIView):
    """Take a job back."""

    permission = Permission.RUN_JOBS

    @extend_schema(request=None, responses=dict)
    def post(self, request: Request, pk: str) -> Response:
        """Answer it: cancelled, or running and asked to stop."""
        verbs.cancel(found(_jobs(request), pk=pk), by=speaker(request))
        return Response(document(found(_jobs(request), pk=pk), speaker(request)))


class Logs(APIView):
    """The log of an attempt."""

    permission = Permission.VIEW_TRAINING

    @extend_schema(responses=dict)
    def get(self, request: Request, pk: str) -> Response:
        """Answer lines after the sequence number `after` of the newest attempt (or `attempt`); ask again with `next`."""
        run = _run(request, pk)
        after, size = _number(request, "after", 0), page_size(request.GET.get("page_size"))
        rows = RunLog.objects.filter(run=run) if run else RunLog.objects.none()
        lines = list(rows.filter(seq__gt=after).order_by("seq").values("seq", "at", "level", "text")[:size])
        last = lines[-1]["seq"] if lines else after
        return Response({"attempt": run.attempt if run else None, "results": lines, "next": last})


class AsCsv(BaseRenderer):
    """Says that a view answers CSV too, with `?format=csv`; the view writes it itself."""

    media_type = "text/csv"
    format = "csv"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        """Spell a refusal as JSON, as everywhere."""
        return bytes(JSONRenderer().render(data))


class Metrics(APIView):
    """What an attempt measured."""

    permission = Permission.VIEW_TRAINING
    renderer_classes = [JSONRenderer, AsCsv]

    @extend_schema(responses=dict)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer each curve of the newest attempt (or `attempt`) as [step, value] pairs; 10,000 points at most.

        With `?format=csv`, all points of all attempts (or of `attempt`) as a table: attempt, name, step, value.
        """
        if _wants_csv(request):
            return csv_response(_metric_rows(request, pk), "metrics.csv")
        run = _run(request, pk)
        points = MetricPoint.objects.filter(run=run).order_by("step", "name") if run else MetricPoint.objects.none()
        curves: dict[str, list[list[float]]] = {}
        for name, step, value in points.values_list("name", "step", "value")[:MOST_POINTS]:
            curves.setdefault(name, []).append([step, value])
        return Response({"attempt": run.attempt if run else None, "curves": curves})


class Runs(APIView):
    """The attempts at a job."""

    permission = Permission.VIEW_TRAINING
    renderer_classes = [JSONRenderer, AsCsv]

    @extend_schema(responses=dict)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer all of them in order; with `?format=csv` as a table, a column for each number that any of them measured."""
        if _wants_csv(request):
            return csv_response(_run_rows(_own(request, pk)), "runs.csv")
        return Response({"results": [run_document(run) for run in _own(request, pk).runs.order_by("attempt")]})


class Folder(APIView):
    """The folder of a job, to do it on another machine."""

    permission = Permission.READ_FROZEN

    @extend_schema(responses={(200, "application/zip"): bytes})
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer it as a ZIP, which `python -m training.runner FOLDER` does; the files of its manifest have signed addresses."""
        bundles = ("base_model_version__bundle", "evaluated_version__bundle")
        rows = _jobs(request).select_related("module", "dataset_version__dataset", *bundles)
        job = verbs.take_along(found(rows, pk=pk), by=speaker(request))
        archive = job_folder.pieces(job)
        try:
            first = next(archive)
        except StoreError as error:
            raise Unavailable(f"The version's files cannot be read now: {error}", code="store_unavailable") from error
        response = StreamingHttpResponse(chain([first], archive), content_type="application/zip")
        response["Content-Disposition"] = f'attachment; filename="job-{job.pk}.zip"'
        return response


class Trainers(APIView):
    """The trainers that are installed."""

    permission = Permission.VIEW_TRAINING

    @extend_schema(responses=dict)
    def get(self, request: Request) -> Response:
        """Answer each with its hyperparameters, their types, defaults and bounds."""
        described = [
            {
                "name": name,
                "title": trainer.title,
                "tasks": list(trainer.tasks),
                "queue": trainer.queue,
                "fine_tunes": trainer.fine_tunes,
                "hyperparameters": hyperparameters.describe(trainer.hyperparameters),
            }
            for name, trainer in trainers().items()
        ]
        return Response({"results": described})


def document(job: TrainingJob, viewer: User) -> dict[str, Any]:
    """Answer a job as the seeds spell it; of a global one, organizations see what it is, how far, and how good."""
    names = ("name", "description", "kind", "trainer", "status", "progress_percent", "current_epoch", "total_epochs", "metrics")
    times = ("created_at", "started_at", "completed_at", "estimated_completion")
    card = {
        "id": job.pk,
        "organization_id": job.organization_id,
        "ai_module": job.module.slug,
        "dataset_id": job.dataset_id,
        "dataset_version": job.dataset_version.version,
        "output_model_version": job.output_model_version_id,
        **{name: getattr(job, name) for name in (*names, *times)},
    }
    if not is_own(job, viewer):
        return card
    inside = ("user_id", "training_config", "hyperparameters", "seed", "grid", "queue", "error_message", "cancel_requested_at")
    keys = ("base_model_version_id", "evaluated_version_id", "created_by_id")
    return {
        **card,
        **{name: getattr(job, name) for name in inside},
        **{name.removesuffix("_id"): getattr(job, name) for name in keys},
    }


def run_document(run: TrainingRun) -> dict[str, Any]:
    """Answer an attempt, without its token."""
    names = ("attempt", "state", "worker", "heartbeat_at", "dataset_query", "example_count", "examples_hash", "seed")
    made_with = (
        "code_version",
        "lock_hash",
        "hardware",
        "metrics",
        "exit_reason",
        "error_message",
        "started_at",
        "finished_at",
    )
    return {"id": run.pk, "model_id": run.model_id, **{name: getattr(run, name) for name in (*names, *made_with)}}


def _wants_csv(request: Request) -> bool:
    renderer: Any = request.accepted_renderer
    return isinstance(renderer, AsCsv)


def _metric_rows(request: Request, pk: str) -> Iterator[Sequence[Any]]:
    """Yield a head and each point, attempt by attempt; who may not see them is refused before anything is sent."""
    job, attempt = _own(request, pk), _number(request, "attempt", 0)
    points = MetricPoint.objects.filter(run__in=job.runs.filter(**({"attempt": attempt} if attempt else {})))
    rows = points.order_by("run__attempt", "name", "step").values_list("run__attempt", "name", "step", "value")
    return chain([("attempt", "name", "step", "value")], rows.iterator(chunk_size=2_000))


def _run_rows(job: TrainingJob) -> Iterator[Sequence[Any]]:
    runs = list(job.runs.order_by("attempt"))
    measured = sorted({name for run in runs for name, value in (run.metrics or {}).items() if isinstance(value, int | float)})
    yield (*RUN_COLUMNS, *measured)
    for run in runs:
        facts = [getattr(run, name) for name in RUN_COLUMNS]
        yield [
            *(fact.isoformat() if isinstance(fact, datetime) else fact for fact in facts),
            *((run.metrics or {}).get(name) for name in measured),
        ]


def _jobs(request: Any) -> Any:
    return TrainingJob.objects.visible_to(speaker(request)).select_related("module", "dataset_version", "organization")


def _own(request: Request, pk: str) -> TrainingJob:
    """Answer a job whose inside the speaker may see; raises Missing."""
    job: TrainingJob = found(_jobs(request), pk=pk)
    if not is_own(job, speaker(request)):
        raise Missing("There is no such job, or it is not within your reach.")
    return job


def _run(request: Request, pk: str) -> TrainingRun | None:
    runs, attempt = _own(request, pk).runs.order_by("-attempt"), _number(request, "attempt", 0)
    return found(runs, attempt=attempt) if attempt else runs.first()


def _number(request: Request, name: str, default: int) -> int:
    text = request.GET.get(name, "")
    if text and (not text.isascii() or not text.isdigit() or len(text) > 9):
        raise Malformed(f"{name} must be a whole number.")
    return int(text) if text else default


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise Malformed("grid must be a UUID.") from error


def _named(user: User, asked: dict[str, Any]) -> dict[str, Any]:
    """Replace what the request names by the rows themselves, within the user's reach; raises Missing."""
    versions = DatasetVersion.objects.visible_to(user).select_related("dataset__module")
    models = ModelVersion.objects.visible_to(user).select_related("module")
    module = found(AiModule.objects.visible_to(user), slug=asked.pop("ai_module"))
    version = found(versions, dataset=asked.pop("dataset_id"), version=asked.pop("dataset_version"))
    organization_id, base = asked.pop("organization_id", None), asked.pop("base_model_version", None)
    return {
        **asked,
        "module": module,
        "dataset_version": version,
        "base_model_version": found(models, pk=base) if base else None,
        "organization": found(Organization.objects.visible_to(user), pk=organization_id) if organization_id else None,
    }
