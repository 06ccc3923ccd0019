"""`training/datasets/:id/export`: have a dataset or a version written in a format of other tools, and fetch the file."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.authorise import read_body, speaker
from accounts.policy import Permission
from core.errors import Missing
from core.pages import found
from core.paging import keyset_page, page_size
from training import semver
from training.actions import exporting as verbs
from training.api.datasets import is_own, once
from training.models import DatasetExport, DatasetVersion, TrainingDataset


class NewExport(serializers.Serializer[Any]):
    """An export to make: of the version named, or of the dataset as it is; `by_split` is of a version only, and then the rule."""

    format = serializers.CharField(max_length=20)
    version = serializers.CharField(max_length=40, required=False, allow_null=True, default=None)
    with_images = serializers.BooleanField(default=False)
    by_split = serializers.BooleanField(required=False, allow_null=True, default=None)


class NewExports(APIView):
    """Have a dataset exported."""

    permission = Permission.MANAGE_DATASETS

    @extend_schema(request=NewExport, responses={202: dict})
    def post(self, request: Request, pk: str) -> Response:
        """Begin an export, once for each Idempotency-Key; ask again until it is done."""
        dataset, user, asked = _dataset(request, pk), speaker(request), read_body(NewExport, request)
        version = _version(dataset, asked.pop("version"))
        made = once(request, lambda: verbs.ask(dataset, by=user, version=version, **asked))
        return Response(document(found(_rows(request, dataset), pk=made)), status=202)


class Exports(APIView):
    """The exports of a dataset."""

    permission = Permission.MANAGE_DATASETS

    @extend_schema(responses=dict)
    def get(self, request: Request, pk: str) -> Response:
        """Answer a page, newest first."""
        rows = _rows(request, _dataset(request, pk))
        page = keyset_page(rows, cursor=request.GET.get("cursor", ""), size=page_size(request.GET.get("page_size")))
        return Response({"results": [document(row) for row in page.results], "next": page.next})


class Export(APIView):
    """One export."""

    permission = Permission.MANAGE_DATASETS

    @extend_schema(responses=dict)
    def get(self, request: Request, pk: str, export: str) -> Response:
        """Answer how far it is."""
        return Response(document(_row(request, pk, export)))


class Cancel(APIView):
    """Take an export back."""

    permission = Permission.MANAGE_DATASETS

    @extend_schema(request=None, responses=dict)
    def post(self, request: Request, pk: str, export: str) -> Response:
        """Answer it, cancelled; whoever makes it stops within moments."""
        verbs.cancel(_row(request, pk, export), by=speaker(request))
        return Response(document(_row(request, pk, export)))


class Download(APIView):
    """Fetch the file of an export."""

    permission = Permission.MANAGE_DATASETS

    @extend_schema(request=None, responses=dict)
    def post(self, request: Request, pk: str, export: str) -> Response:
        """Answer an address, good for a quarter of an hour; it is on record who asked."""
        signed = verbs.link(_row(request, pk, export), by=speaker(request))
        return Response({"url": signed.url, "expires_at": signed.expires_at})


def document(export: DatasetExport) -> dict[str, Any]:
    """Answer an export: what is written, how far it is, and until when its file can be fetched."""
    names = (
        "id",
        "dataset_id",
        "format",
        "with_images",
        "by_split",
        "state",
        "total",
        "done",
        "bytes",
        "notes",
        "error_message",
    )
    times = ("created_at", "started_at", "finished_at", "expires_at")
    kept = export.object if export.is_there else None
    return {
        **{name: getattr(export, name) for name in (*names, *times)},
        "version": export.version.version if export.version else None,
        "progress_percent": export.percent,
        "samples_per_second": export.rate and round(export.rate, 1),
        "file": {"name": verbs.file_name(export), "size": kept.size, "sha256": kept.sha256} if kept else None,
    }


def _dataset(request: Request, pk: str) -> TrainingDataset:
    """Answer a dataset whose inside the speaker may see; raises Missing."""
    rows = TrainingDataset.objects.visible_to(speaker(request)).select_related("module", "organization")
    dataset: TrainingDataset = found(rows, pk=pk)
    if not is_own(dataset, speaker(request)):
        raise Missing("There is no such dataset, or it is not within your reach.")
    return dataset


def _version(dataset: TrainingDataset, number: str | None) -> DatasetVersion | None:
    if number is None:
        return None
    numbers = semver.numbers_of(number)
    if numbers is None:
        raise Missing(f"There is no version {number}.")
    version: DatasetVersion = found(dataset.versions.select_related("dataset"), version=f"v{semver.spelled(numbers)}")
    return version


def _rows(request: Request, dataset: TrainingDataset) -> Any:
    shown = DatasetExport.objects.visible_to(speaker(request)).filter(dataset=dataset)
    return shown.select_related("dataset", "version__dataset", "object")


def _row(request: Request, pk: str, export: str) -> DatasetExport:
    row: DatasetExport = found(_rows(request, _dataset(request, pk)), pk=export)
    return row
