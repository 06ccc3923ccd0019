"""Counting what is in datasets by class, city and split: by a worker, for pages that must not count themselves."""

from collections import Counter
from datetime import timedelta
from typing import Any

from django.db.models import F, OuterRef, Q, Subquery
from django.utils import timezone

from training.gathered import newest_version
from training.models import (
    DatasetDelta,
    DatasetMember,
    DatasetStatus,
    DatasetSummary,
    DatasetVersion,
    TrainingDataset,
    TrainingSample,
)

CHUNK = 5_000
MOST_KINDS = 3_000
CLAIMED_FOR = timedelta(minutes=10)
AT_ONCE = 50
LOOKED_AT = 2_000
REST = "…"


def count_changed() -> int:
    """Count anew each dataset that changed since it was counted; answers how many."""
    of_it = {"dataset": OuterRef("pk")}
    newest = DatasetDelta.objects.filter(**of_it).order_by("-id").values("id")[:1]
    frozen = DatasetVersion.objects.filter(**of_it, frozen_at__isnull=False).order_by("-frozen_at").values("id")[:1]
    rows = TrainingDataset.objects.exclude(status=DatasetStatus.ARCHIVED).annotate(
        delta=Subquery(newest), frozen=Subquery(frozen)
    )
    found = rows.filter(delta__isnull=False).order_by("-updated_at").values_list("pk", "delta", "frozen", "summary__mark")
    done = 0
    for key, delta, version, known in found[:LOOKED_AT]:
        mark = f"{delta}:{version or ''}"
        if known != mark and done < AT_ONCE:
            dataset = TrainingDataset.objects.get(pk=key)
            if _claim(dataset):
                count(dataset, mark)
                done += 1
    return done


def count(dataset: TrainingDataset, mark: str = "") -> DatasetSummary:
    """Look at all samples of a dataset, in short chunks by key, and keep what was counted."""
    version = newest_version(dataset)
    kinds: Counter[tuple[str, str, str]] = Counter()
    counted = size = last = 0
    rows = TrainingSample.objects.filter(dataset=dataset).order_by("sample_id")
    columns = ("sample_id", "sample__truth", "sample__city__slug", "sample__object__size")
    while chunk := list(rows.filter(sample_id__gt=last).values_list(*columns)[:CHUNK]):
        last = chunk[-1][0]
        splits: dict[Any, str] = {}
        if version is not None:
            members = DatasetMember.objects.filter(version=version, sample__gte=chunk[0][0], sample__lte=last)
            splits = dict(members.values_list("sample_id", "split"))
        for key, truth, city, length in chunk:
            for label in TrainingSample.labels_in(truth) or [""]:
                kind = label, city, splits.get(key, "")
                kinds[kind if kind in kinds or len(kinds) < MOST_KINDS else (REST, city, kind[2])] += 1
            size += length or 0
        counted += len(chunk)
    facts = {
        "cells": [[*kind, number] for kind, number in kinds.most_common()],
        "counted": counted,
        "bytes": size,
        "mark": mark,
    }
    facts |= {"split_of": version.version if version else "", "counted_at": timezone.now(), "claimed_until": None}
    return DatasetSummary.objects.update_or_create(dataset=dataset, defaults=facts)[0]


def _claim(dataset: TrainingDataset) -> bool:
    """Become who counts this dataset, unless somebody does."""
    DatasetSummary.objects.get_or_create(dataset=dataset)
    free = Q(claimed_until__isnull=True) | Q(claimed_until__lt=timezone.now())
    rows = DatasetSummary.objects.filter(free, dataset=dataset)
    return bool(rows.update(claimed_until=timezone.now() + CLAIMED_FOR, counted=F("counted")))
