"""Exports of a version as people meet them: fetched soon, under way, failed, and one whose days are over."""

from datetime import timedelta

from django.utils import timezone

from accounts.models import User
from training.actions import exporting
from training.models import DatasetExport, DatasetVersion, ExportState


def exports(version: DatasetVersion, by: User) -> DatasetExport:
    """Make them; answers the one that can be fetched."""
    now, dataset = timezone.now(), version.dataset
    old = exporting.build(exporting.ask(dataset, by=by, format="yolo", version=version, with_images=True).pk)
    assert old is not None
    gone = {"created_at": now - timedelta(days=9), "expires_at": now - timedelta(days=2)}
    DatasetExport.objects.filter(pk=old.pk).update(**gone)
    failed = exporting.ask(dataset, by=by, format="coco", with_images=True)
    sentence = exporting.KILLED.format(tries=exporting.MOST_TRIES)
    failed.move(ExportState.FAILED, error_message=sentence, finished_at=now)
    done = exporting.build(exporting.ask(dataset, by=by, format="class_folders", version=version, with_images=True).pk)
    assert done is not None
    running = exporting.ask(dataset, by=by, format="coco", version=version)
    begun = {"started_at": now - timedelta(seconds=12), "beat_at": now, "total": 61_000, "done": 26_400, "bytes": 9_100_000}
    running.move(ExportState.RUNNING, token="gallery", **begun)
    return done
