"""Verbs on evaluations: what a run says of each sample, and that its scoring is done.

Written under the run's token by actions/run.py, chunk by chunk, so that a split of a million samples is no transaction of one.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.utils import timezone

from learning.models import LearningSample
from training.models import (
    DatasetMember,
    EvaluationMethod,
    JobKind,
    ModelEvaluation,
    ModelVersion,
    SampleOutcome,
    Split,
    TrainingJob,
)
from training.models.job import ENDED
from training.scoring.outcomes import Outcome

LEFT_AFTER = timedelta(hours=1)


def begin(job: TrainingJob, method: str) -> ModelEvaluation:
    """Answer an empty evaluation of a job that runs; what an attempt before this one left is gone."""
    ModelEvaluation.objects.filter(job=job, method=method, finished_at__isnull=True).delete()
    return ModelEvaluation.objects.create(
        job=job, method=method, dataset_version_id=job.dataset_version_id, split=job.evaluated_split
    )


def add(evaluation: ModelEvaluation, outcomes: Sequence[Outcome]) -> int:
    """Keep the outcomes of members of its dataset version that are not erased, each once; answers how many they are."""
    named = {outcome.sample_id: outcome for outcome in outcomes}
    held = DatasetMember.objects.filter(version_id=evaluation.dataset_version_id, erased_at__isnull=True)
    held = held.filter(split__in=_splits(evaluation))
    keys = LearningSample.objects.filter(sample_id__in=list(named)).values_list("pk", "sample_id")
    known = dict(keys)
    members = held.filter(sample__in=list(known)).values_list("sample_id", flat=True)
    rows = [_row(evaluation, key, named[known[key]]) for key in members]
    SampleOutcome.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def complete(job: TrainingJob, version: ModelVersion, scores: Mapping[str, Any]) -> None:
    """Say what a run measured, in the caller's transaction (run.finish); nothing where it measured nothing."""
    own = {name: value for name, value in scores.items() if name != "out_of_fold"}
    split = str(own.get("split") or job.evaluated_split)
    if own and split in Split.values:
        _complete(job, version, EvaluationMethod.SPLIT, split, own)
    folds = scores.get("out_of_fold")
    if isinstance(folds, dict) and folds:
        _complete(job, version, EvaluationMethod.FOLDS, Split.TRAIN, folds)


def forget(samples: Sequence[int]) -> None:
    """Remove what evaluations hold of samples that were erased; the figures, which name nobody, stay."""
    SampleOutcome.objects.filter(sample__among=samples).delete()


def sweep() -> int:
    """Remove evaluations whose job ended without them; answers how many."""
    left = ModelEvaluation.objects.filter(finished_at__isnull=True, created_at__lt=timezone.now() - LEFT_AFTER)
    return left.filter(job__status__in=ENDED).delete()[1].get("training.ModelEvaluation", 0)


def _complete(job: TrainingJob, version: ModelVersion, method: str, split: str, scores: dict[str, Any]) -> None:
    row, _ = ModelEvaluation.objects.get_or_create(
        job=job, method=method, defaults={"dataset_version_id": job.dataset_version_id, "split": split}
    )
    count = row.outcomes.count()
    facts = {"model_version": version, "split": split, "scores": scores, "outcome_count": count}
    ModelEvaluation.objects.filter(pk=row.pk).update(**facts, finished_at=timezone.now())


def _splits(evaluation: ModelEvaluation) -> list[str]:
    """Answer of which splits a run may say something: a training scores what it did not learn from, or its folds."""
    if evaluation.method == EvaluationMethod.FOLDS:
        return [Split.TRAIN]
    return [evaluation.split] if evaluation.job.kind == JobKind.EVALUATE else [Split.TEST, Split.VALIDATION]


def _row(evaluation: ModelEvaluation, sample: int, outcome: Outcome) -> SampleOutcome:
    return SampleOutcome(
        evaluation=evaluation,
        sample_id=sample,
        is_right=outcome.is_right,
        score=outcome.score,
        truth=outcome.truth,
        said=outcome.said,
        confidence=outcome.confidence,
        doubt=outcome.doubt,
        answer=outcome.answer,
    )
